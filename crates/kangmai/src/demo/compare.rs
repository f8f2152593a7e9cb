//! One resident as the truth has it, and as the FHIR face shows it: both as the same plain facts, so that a difference is one
//! line.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::accounts::text;
use crate::client::Client;

/// Data elements that are compared beside the items of laboratories: blood pressures and sugar.
const ELEMENTS: [&str; 3] = ["DE04.10.174.00", "DE04.10.176.00", "DE04.50.102.00"];
/// Data elements of 血型, ABO and Rh.
const BLOOD: [&str; 2] = ["DE04.50.001.00", "DE04.50.010.00"];
/// Pages of one resident's record that are read at most.
const PAGES_MAX: usize = 500;

/// How often each fact is there: `result GLU 5.10 mmol/L`.
pub(super) type Facts = BTreeMap<String, i64>;

/// Calls `each` with every line of a file of JSON lines.
pub(super) fn each_line(path: &Path, mut each: impl FnMut(Value) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    for line in BufReader::new(file).lines() {
        each(serde_json::from_str(&line?).with_context(|| format!("a line of {}", path.display()))?)?;
    }
    Ok(())
}

/// An answer as JSON.
pub(super) fn fetch(client: &Client, path: &str) -> anyhow::Result<Value> {
    let reply = client.get(path)?;
    if !reply.status.is_success() {
        bail!("GET {path}: {} {}", reply.status, reply.body.chars().take(300).collect::<String>());
    }
    serde_json::from_str(&reply.body).with_context(|| format!("GET {path} is no JSON"))
}

/// `identifier=system|value` for what an institution numbers itself.
pub(super) fn identifier_query(institution: &str, what: &str, value: &str) -> String {
    let system = format!("urn:kangmai:institution:{institution}:{what}|{value}");
    let packed = percent_encoding::utf8_percent_encode(&system, percent_encoding::NON_ALPHANUMERIC);
    format!("identifier={packed}")
}

/// What the truth says about one registration. Also the facts of records that are set aside: they may be there in another way.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub facts: Facts,
    /// Beginnings of facts that say nothing: the visit of a record that was set aside is known by its number only.
    pub may_be: Vec<String>,
}

impl Expected {
    /// Takes in an event.
    pub fn add(&mut self, event: &Value) {
        let (kind, number, item) = (text(event, "kind"), text(event, "number"), text(event, "item"));
        let is_kept = event["kept"] != false;
        let status = text(event, "status");
        let fact = match kind {
            "visit" => {
                let class = match item {
                    "I" => "IMP",
                    "E" => "EMER",
                    _ => "AMB",
                };
                let day = text(event, "at");
                if !is_kept {
                    self.may_be.push(format!("visit {number} {class}"));
                }
                format!("visit {number} {class} {day} {status}")
            }
            "result" => {
                let error = if status == "entered-in-error" { " entered-in-error" } else { "" };
                format!("result {item} {} {}{error}", plain(text(event, "value")), text(event, "unit"))
            }
            "blood" => format!("blood {item} {}", text(event, "value")),
            "prescription" => format!("prescription {}", text(event, "name")),
            "charge" | "refund" => format!("charge {number} {}", plain(text(event, "value"))),
            "diagnosis" => format!("diagnosis {item}"),
            "examination" => format!("examination {}", text(event, "value")),
            "contract" => format!("contract {number} {status}"),
            "vaccination" => {
                format!("vaccination {number} {item} dose {} {} {status}", text(event, "value"), text(event, "at"))
            }
            _ => return,
        };
        if is_kept {
            *self.facts.entry(fact).or_default() += 1;
        }
    }
}

/// What the FHIR face shows of one registration.
pub(super) fn shown(client: &Client, institution: &str, patient: &str) -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    let query = identifier_query(institution, "patient", patient);
    let bundle = fetch(client, &format!("/fhir/R4/Patient?{query}&_elements=id"))?;
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    if entries.len() > 1 {
        *facts.entry(format!("registration {patient} twice")).or_default() += 1;
    }
    let Some(id) = entries.first().and_then(|entry| entry["resource"]["id"].as_str()) else { return Ok(facts) };
    let mut next = Some(format!("/fhir/R4/Patient/{id}/$everything?_count=500"));
    for _ in 0..PAGES_MAX {
        let Some(path) = next.take() else { return Ok(facts) };
        let page = fetch(client, &path)?;
        for entry in page["entry"].as_array().into_iter().flatten() {
            facts_of(&entry["resource"], &mut facts);
        }
        let links = page["link"].as_array().into_iter().flatten();
        let further = links.filter(|link| link["relation"] == "next").find_map(|link| link["url"].as_str());
        next = further.map(|url| url.find("/fhir/R4").map_or(url, |at| &url[at..]).to_owned());
    }
    bail!("the record of {patient} has no end")
}

/// What one resource says.
fn facts_of(resource: &Value, facts: &mut Facts) {
    let mut add = |fact: String| *facts.entry(fact).or_default() += 1;
    match text(resource, "resourceType") {
        "Encounter" => {
            let number = numbered(resource, ":visit").unwrap_or_default();
            let class = text(&resource["class"], "code");
            let day = text(&resource["period"], "start").get(..10).unwrap_or("");
            add(format!("visit {number} {class} {day} {}", text(resource, "status")));
        }
        "Observation" => {
            if let Some(fact) = result(resource).or_else(|| blood(resource)) {
                add(fact);
            }
            if let Some(words) = resource["valueString"].as_str() {
                add(format!("examination {words}"));
            }
        }
        "DiagnosticReport" => {
            if let Some(words) = resource["conclusion"].as_str() {
                add(format!("examination {words}"));
            }
        }
        "MedicationRequest" if text(resource, "status") != "entered-in-error" => {
            let name = &resource["medicationCodeableConcept"];
            let words = name["text"].as_str().or_else(|| name["coding"][0]["display"].as_str()).unwrap_or("");
            add(format!("prescription {words}"));
        }
        "ChargeItem" if text(resource, "status") != "unknown" => {
            if let Some(number) = numbered(resource, ":charge") {
                add(format!("charge {number} {}", plain(&resource["priceOverride"]["value"].to_string())));
            }
        }
        "Condition" => {
            let codings = resource["code"]["coding"].as_array().into_iter().flatten();
            for coding in codings.filter(|coding| text(coding, "system").contains("2.16.156.10011.2.3.3.11")) {
                add(format!("diagnosis {}", text(coding, "code")));
            }
        }
        "CareTeam" => {
            let number = numbered(resource, ":contract").unwrap_or_default();
            add(format!("contract {number} {}", text(resource, "status")));
        }
        "Immunization" => {
            let number = numbered(resource, ":immunization").unwrap_or_default();
            let code = text(&resource["vaccineCode"]["coding"][0], "code");
            let dose = &resource["protocolApplied"][0]["doseNumberPositiveInt"];
            let day = text(resource, "occurrenceDateTime").get(..10).unwrap_or("");
            add(format!("vaccination {number} {code} dose {dose} {day} {}", text(resource, "status")));
        }
        _ => {}
    }
}

/// The number that an institution gave, by the end of its system.
fn numbered<'v>(resource: &'v Value, ending: &str) -> Option<&'v str> {
    let all = resource["identifier"].as_array()?;
    all.iter().find(|one| text(one, "system").ends_with(ending)).and_then(|one| one["value"].as_str())
}

/// A result of a laboratory, or one of [`ELEMENTS`]: item, value and unit as they were sent.
fn result(observation: &Value) -> Option<String> {
    let codings = observation["code"]["coding"].as_array()?;
    let item = codings
        .iter()
        .find(|coding| text(coding, "system").ends_with(":item") || ELEMENTS.contains(&text(coding, "code")))?;
    let quantity = &observation["valueQuantity"];
    let before = quantity["extension"].as_array().into_iter().flatten();
    let before = before.filter(|one| one["url"] == "urn:kangmai:sent:value").map(|one| &one["valueQuantity"]).next();
    let quantity = before.unwrap_or(quantity);
    let (value, unit) = match (quantity.is_object(), observation["valueString"].as_str()) {
        (true, _) => {
            let value = format!("{}{}", text(quantity, "comparator"), quantity["value"]);
            (plain(&value), text(quantity, "unit").to_owned())
        }
        (false, Some(words)) => (words.to_owned(), String::new()),
        (false, None) => return None,
    };
    let error = if text(observation, "status") == "entered-in-error" { " entered-in-error" } else { "" };
    Some(format!("result {} {value} {unit}{error}", text(item, "code")))
}

/// 血型: element and code.
fn blood(observation: &Value) -> Option<String> {
    let codings = observation["code"]["coding"].as_array()?;
    let element = codings.iter().map(|coding| text(coding, "code")).find(|code| BLOOD.contains(code))?;
    Some(format!("blood {element} {}", text(&observation["valueCodeableConcept"]["coding"][0], "code")))
}

/// A number without zeros that say nothing: `5.10` and `5.1` are one value.
fn plain(number: &str) -> String {
    if !number.contains('.') || !number.ends_with(['0', '.']) || number.parse::<f64>().is_err() {
        return number.to_owned();
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Differences between what should be and what is shown, one line each.
pub(super) fn differences(expected: &Expected, shown: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    // Words of a diagnosis or an examination are said by several records of one visit: whether they are there counts.
    let is_set = |fact: &str| fact.starts_with("diagnosis ") || fact.starts_with("examination ");
    for (fact, count) in &expected.facts {
        let there = shown.get(fact).copied().unwrap_or(0);
        if (is_set(fact) && there == 0) || (!is_set(fact) && there < *count) {
            found.push(format!("missing: {fact} ({there} of {count})"));
        }
    }
    for (fact, count) in shown {
        // Free texts are facts only where the truth says so.
        if fact.starts_with("examination ") || expected.may_be.iter().any(|start| fact.starts_with(start.as_str())) {
            continue;
        }
        let wanted = expected.facts.get(fact).copied().unwrap_or(0);
        if (is_set(fact) && wanted == 0) || (!is_set(fact) && *count > wanted) {
            found.push(format!("surplus: {fact} ({count} instead of {wanted})"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(value: &str) -> Value {
        json!({ "kind": "result", "number": "R1", "item": "GLU", "value": value, "unit": "mmol/L", "status": "final" })
    }

    #[test]
    fn one_changed_value_is_a_difference() {
        let observation = json!({
            "resourceType": "Observation", "status": "final",
            "code": { "coding": [{ "system": "urn:kangmai:institution:1:item", "code": "GLU" }] },
            "valueQuantity": { "value": 5.1, "unit": "mmol/L", "code": "mmol/L" },
        });
        let mut facts = Facts::new();
        facts_of(&observation, &mut facts);
        let mut right = Expected::default();
        right.add(&event("5.10"));
        assert_eq!(differences(&right, &facts), Vec::<String>::new());
        let mut wrong = Expected::default();
        wrong.add(&event("5.2"));
        assert_eq!(differences(&wrong, &facts).len(), 2, "one is missing, one is too many");
    }

    #[test]
    fn what_was_sent_counts_and_not_what_it_was_converted_to() {
        let observation = json!({
            "resourceType": "Observation", "status": "final",
            "code": { "coding": [{ "system": "urn:kangmai:institution:1:item", "code": "2001" }] },
            "valueQuantity": { "value": 5.55, "unit": "mmol/L", "extension": [
                { "url": "urn:kangmai:sent:value", "valueQuantity": { "value": 100, "unit": "mg/dL" } }] },
        });
        assert_eq!(result(&observation).as_deref(), Some("result 2001 100 mg/dL"));
        assert_eq!(plain("<0.50"), "<0.50");
        assert_eq!((plain("12.50").as_str(), plain("100").as_str(), plain("-3.00").as_str()), ("12.5", "100", "-3"));
    }
}
