//! The golden record: of each attribute of a person the value that is best borne out, with where it comes from.
//!
//! The rule: every registration votes for what it says, with 3 votes when it has a valid resident identity number of a named
//! person, with 2 when it has another document, else with 1. The value with most votes wins; of equal ones the newest. The confidence
//! is the winner's share of the votes for this attribute. Names, telephones, addresses and identifiers keep the others
//! behind the winner. A function of the registrations alone: nobody's former registrations leave a trace.

use std::collections::BTreeMap;

use formats::national;
use model::instant_text;
use serde_json::{Value, json};

use super::patient;

/// The extension that says of an attribute where it comes from.
pub(crate) const GOLDEN: &str = "urn:kangmai:golden";
/// Values of an attribute that are kept.
const VALUES_MAX: usize = 8;

/// A registration of the person.
pub(crate) struct Source {
    /// `Patient/…`.
    pub(crate) reference: String,
    pub(crate) registered_ms: i64,
    pub(crate) patient: Value,
}

struct Vote {
    value: Value,
    votes: u32,
    newest: (i64, usize),
}

/// The members of a person that come from its registrations; `sources` in the order in which they came.
pub(crate) fn person(sources: &[Source]) -> BTreeMap<&'static str, Value> {
    let mut members = BTreeMap::new();
    let mut marks = Vec::new();
    // What a registration's word counts is the same for every attribute.
    let weights: Vec<u32> = sources.iter().map(|source| votes(&source.patient)).collect();
    let mut keep = |name: &'static str, is_list: bool, values: &dyn Fn(&Value) -> Vec<(String, Value)>| {
        let Some((ranked, total)) = rank(sources, &weights, values) else { return };
        let winner = &ranked[0];
        let source = &sources[winner.newest.1];
        marks.push(json!({ "url": GOLDEN, "extension": [
            { "url": "attribute", "valueCode": name },
            { "url": "source", "valueReference": { "reference": source.reference } },
            { "url": "time", "valueInstant": instant_text(source.registered_ms) },
            { "url": "confidence", "valueDecimal": share(winner.votes, total) },
        ]}));
        let value = if is_list {
            Value::Array(ranked.into_iter().take(VALUES_MAX).map(|vote| vote.value).collect())
        } else {
            ranked.into_iter().next().map(|vote| vote.value).unwrap_or_default()
        };
        members.insert(name, value);
    };
    keep("name", true, &|patient| each(patient, "name", |name| name["text"].as_str().map(fold)));
    keep("gender", false, &|patient| plain(patient, "gender", "unknown"));
    keep("birthDate", false, &|patient| plain(patient, "birthDate", ""));
    keep("telecom", true, &|patient| each(patient, "telecom", |one| one["value"].as_str().map(str::to_owned)));
    keep("address", true, &|patient| each(patient, "address", |one| one["text"].as_str().map(str::to_owned)));
    keep("identifier", true, &|patient| {
        let mut all = each(patient, "identifier", |one| {
            // Numbers that an institution gives are the registration's, not the person's.
            let system = one["system"].as_str().filter(|system| national::institution_of(system).is_none())?;
            one["value"].as_str().map(|value| format!("{system}|{}", value.to_ascii_uppercase()))
        });
        all.retain(|(key, _)| key.contains('|') && !key.starts_with('{'));
        all
    });
    if !marks.is_empty() {
        members.insert("extension", Value::Array(marks));
    }
    members
}

fn share(votes: u32, total: u32) -> Value {
    // In hundredths, written without a binary detour.
    let hundredths = votes * 100 / total.max(1);
    let text = if hundredths >= 100 { "1.00".to_owned() } else { format!("0.{hundredths:02}") };
    serde_json::from_str(&text).unwrap_or_default()
}

fn plain(patient: &Value, member: &str, nothing: &str) -> Vec<(String, Value)> {
    let value = patient[member].as_str().filter(|value| !value.is_empty() && *value != nothing);
    value.map(|value| (value.to_owned(), Value::from(value))).into_iter().collect()
}

/// The values of a list, each under what makes it the same as another: what `key` says, else all of it.
fn each(patient: &Value, member: &str, key: impl Fn(&Value) -> Option<String>) -> Vec<(String, Value)> {
    let values = patient[member].as_array().into_iter().flatten();
    values.map(|value| (key(value).unwrap_or_else(|| value.to_string()), value.clone())).collect()
}

/// A name without spaces and remarks in brackets.
fn fold(name: &str) -> String {
    let end = name.find(['(', '（', '[', '【']).unwrap_or(name.len());
    name[..end].chars().filter(|character| !character.is_whitespace()).collect()
}

/// Votes of a registration.
fn votes(patient: &Value) -> u32 {
    let in_use = || patient["identifier"].as_array().into_iter().flatten().filter(|one| one["use"] != "old");
    let is_resident = in_use().any(|one| {
        one["system"] == formats::national::RESIDENT_NUMBER
            && one["value"].as_str().is_some_and(|value| {
                value.len() == 18 && quality::identity::Number::read(&value.to_ascii_uppercase()).is_ok()
            })
    });
    let is_named = !patient::name(patient).contains('之');
    let has_document = in_use().any(|one| {
        one["system"].as_str().is_some_and(|system| {
            system == formats::national::RESIDENT_NUMBER || system.starts_with("urn:kangmai:document:")
        })
    });
    match (is_resident && is_named, has_document) {
        (true, _) => 3,
        (false, true) => 2,
        _ => 1,
    }
}

fn rank(
    sources: &[Source],
    weights: &[u32],
    values: &dyn Fn(&Value) -> Vec<(String, Value)>,
) -> Option<(Vec<Vote>, u32)> {
    if let [source] = sources {
        return rank_alone(source, weights.first().copied().unwrap_or(0), values);
    }
    let mut found: BTreeMap<String, Vote> = BTreeMap::new();
    let mut total = 0;
    for (at, (source, votes)) in sources.iter().zip(weights).enumerate() {
        let votes = *votes;
        let said = values(&source.patient);
        total += if said.is_empty() { 0 } else { votes };
        for (key, value) in said {
            let newest = (source.registered_ms, at);
            match found.get_mut(&key) {
                // Said twice by one registration, it is one vote.
                Some(vote) if vote.newest.1 == at => {}
                // The same under a remark, or with more spaces, is shown as who wrote it plainest.
                Some(vote) if vote.value.to_string().len() < value.to_string().len() => vote.votes += votes,
                Some(vote) => *vote = Vote { value, votes: vote.votes + votes, newest },
                None => {
                    found.insert(key, Vote { value, votes, newest });
                }
            }
        }
    }
    let mut ranked: Vec<Vote> = found.into_values().collect();
    ranked.sort_by_key(|vote| std::cmp::Reverse((vote.votes, vote.newest)));
    (!ranked.is_empty()).then_some((ranked, total))
}

/// [`rank`] of one registration alone, as most persons are: nothing competes, and nothing has to be counted.
fn rank_alone(
    source: &Source,
    votes: u32,
    values: &dyn Fn(&Value) -> Vec<(String, Value)>,
) -> Option<(Vec<Vote>, u32)> {
    let mut said = values(&source.patient);
    said.sort_by(|left, right| left.0.cmp(&right.0));
    said.dedup_by(|later, earlier| later.0 == earlier.0);
    let ranked: Vec<Vote> =
        said.into_iter().map(|(_, value)| Vote { value, votes, newest: (source.registered_ms, 0) }).collect();
    (!ranked.is_empty()).then_some((ranked, votes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(at: i64, name: &str, phone: &str) -> Source {
        let patient = json!({
            "name": [{ "text": name }], "telecom": [{ "system": "phone", "value": phone }],
            "identifier": [{ "system": "urn:kangmai:institution:1:patient", "value": at.to_string() }],
        });
        Source { reference: format!("Patient/{at}"), registered_ms: at, patient }
    }

    #[test]
    fn the_value_with_most_votes_wins_and_says_where_it_comes_from() {
        let sources = [source(1, "张三", "1"), source(2, "张三（退）", "2"), source(3, "张珊", "3")];
        let members = person(&sources);
        assert_eq!(members["name"][0]["text"], "张三");
        assert_eq!(members["name"][1]["text"], "张珊");
        assert_eq!(members["telecom"].as_array().unwrap().len(), 3);
        assert_eq!(members["telecom"][0]["value"], "3", "of equal ones the newest");
        assert!(!members.contains_key("identifier"), "an institution's own number is not the person's");
        let mark = &members["extension"][0]["extension"];
        assert_eq!(
            (&mark[0]["valueCode"], &mark[1]["valueReference"]["reference"]),
            (&json!("name"), &json!("Patient/1"))
        );
        assert_eq!(mark[3]["valueDecimal"].to_string(), "0.66");
    }
}
