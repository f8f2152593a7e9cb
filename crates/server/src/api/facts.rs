//! What a page shows of a resource: its title, date, value. Nothing here fails; what a source left out is `null`.

pub use care::status::{counts, standing, took_place};
use formats::national;
use model::TypeCode;
use serde_json::{Value, json};

/// The words for a `CodeableConcept`: its text, else the first display, else the first code.
pub fn concept_words(concept: &Value) -> Option<&str> {
    let codings = || concept["coding"].as_array().into_iter().flatten();
    concept["text"]
        .as_str()
        .or_else(|| codings().find_map(|coding| coding["display"].as_str()))
        .or_else(|| codings().find_map(|coding| coding["code"].as_str()))
}

/// System and code of the first coding that has a code.
pub fn first_code(concept: &Value) -> Option<(Option<&str>, &str)> {
    let codings = concept["coding"].as_array()?;
    codings.iter().find_map(|coding| Some((coding["system"].as_str(), coding["code"].as_str()?)))
}

/// As [`first_code`], but a code that means the same everywhere comes before an institution's own.
pub fn common_code(concept: &Value) -> Option<(Option<&str>, &str)> {
    let codings = concept["coding"].as_array()?;
    let is_own = |coding: &&Value| coding["system"].as_str().is_none_or(|it| national::institution_of(it).is_some());
    let common = codings.iter().find(|coding| !is_own(coding) && coding["code"].is_string());
    common.map_or_else(|| first_code(concept), |coding| Some((coding["system"].as_str(), coding["code"].as_str()?)))
}

/// The code of the institution that numbered a resource: `urn:kangmai:institution:{code}:{what}`.
pub fn institution(resource: &Value) -> Option<String> {
    let code_of = |system: &Value| national::institution_of(system.as_str()?).map(|(code, _)| code.to_owned());
    let identifiers = resource["identifier"].as_array().into_iter().flatten();
    let own = identifiers.clone().find_map(|identifier| code_of(&identifier["system"]));
    // A shared document has one identifier; a result of a report may have only its item's code.
    let codings = ["code", "medicationCodeableConcept", "vaccineCode"];
    let coded = || {
        let all = codings.iter().flat_map(|name| resource[*name]["coding"].as_array().into_iter().flatten());
        all.clone().find_map(|coding| code_of(&coding["system"]))
    };
    let referred = || {
        let references = ["encounter", "serviceProvider", "custodian", "requester"];
        references.iter().find_map(|name| code_of(&resource[*name]["identifier"]["system"]))
    };
    own.or_else(|| code_of(&resource["identifier"]["system"])).or_else(coded).or_else(referred)
}

/// A name as it is read: the text, else Chinese order without a space for Chinese names, else given names first.
pub fn human_name(resource: &Value) -> Option<String> {
    let names = resource["name"].as_array()?;
    let name = names.iter().find(|name| name["use"] == "official").or_else(|| names.first())?;
    if let Some(text) = name["text"].as_str() {
        return Some(text.to_owned());
    }
    let family = name["family"].as_str().unwrap_or_default();
    let given: Vec<&str> = name["given"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_chinese = family.chars().next().is_some_and(|first| ('\u{4e00}'..='\u{9fff}').contains(&first));
    let words =
        if is_chinese { format!("{family}{}", given.concat()) } else { format!("{} {family}", given.join(" ")) };
    Some(words.trim().to_owned()).filter(|words| !words.is_empty())
}

/// A person as the portal shows them. Identifiers are masked: who needs the whole number asks for the source.
pub fn person(resource: &Value) -> Value {
    let identifiers: Vec<Value> = resource["identifier"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|identifier| {
            let value = identifier["value"].as_str()?;
            // By what an institution knows somebody stands with that registration.
            if identifier["system"].as_str().and_then(national::institution_of).is_some() {
                return None;
            }
            Some(json!({"system": identifier["system"], "type": concept_words(&identifier["type"]), "masked": masked(value)}))
        })
        .collect();
    json!({
        "id": resource["id"],
        "name": human_name(resource),
        "gender": resource["gender"],
        "birth_date": resource["birthDate"],
        "deceased": either(&resource["deceasedDateTime"], &resource["deceasedBoolean"]),
        "address": resource["address"].as_array().and_then(|addresses| addresses.first()).and_then(address),
        "identifiers": identifiers,
    })
}

fn either(first: &Value, second: &Value) -> Value {
    if first.is_null() { second.clone() } else { first.clone() }
}

fn address(address: &Value) -> Option<String> {
    if let Some(text) = address["text"].as_str() {
        return Some(text.to_owned());
    }
    let lines = address["line"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts = ["district", "city", "state", "country"].into_iter().filter_map(|name| address[name].as_str());
    let words: Vec<&str> = lines.chain(parts).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// An identifier with its middle hidden: of a long one the first three and last four characters stay, of a short one the last two.
pub fn masked(value: &str) -> String {
    let characters: Vec<char> = value.chars().collect();
    let (head, tail) = match characters.len() {
        0..=4 => (0, 0),
        5..=10 => (0, 2),
        _ => (3, 4),
    };
    let hidden = characters.len() - head - tail;
    let mut text: String = characters[..head].iter().collect();
    text.extend(std::iter::repeat_n('*', hidden));
    text.extend(&characters[characters.len() - tail..]);
    text
}

/// 张**: the family name stays, of a name of two characters the first.
pub fn masked_name(name: &str) -> String {
    let mut characters = name.chars();
    let first: String = characters.by_ref().take(1).collect();
    let hidden = characters.count().clamp(1, 3);
    first + &"*".repeat(hidden)
}

/// When it happened, as the source wrote it.
pub fn date(resource: &Value) -> Option<&str> {
    const DATES: &[&str] = &[
        "effectiveDateTime",
        "effectiveInstant",
        "onsetDateTime",
        "performedDateTime",
        "occurrenceDateTime",
        "authoredOn",
        "started",
        "recordedDate",
        "date",
        "issued",
        "recorded",
        "created",
    ];
    const PERIODS: &[&str] = &["period", "effectivePeriod", "onsetPeriod", "performedPeriod", "occurrencePeriod"];
    let period = || PERIODS.iter().find_map(|name| resource[*name]["start"].as_str());
    DATES.iter().find_map(|name| resource[*name].as_str()).or_else(period)
}

/// The same in milliseconds; what has no date that can be read comes first of all times.
pub fn date_ms(resource: &Value) -> i64 {
    let type_code = resource["resourceType"].as_str().and_then(|name| TypeCode::of(name).ok());
    type_code.and_then(|code| records::parameters::clinical_date_ms(code, resource)).unwrap_or(i64::MIN)
}

/// Whether the source took it back: a slip is no fact, and no contradiction either.
pub fn is_slip(resource: &Value) -> bool {
    standing(resource) == Some("entered-in-error")
}

/// Whether the source says that it is not so.
pub fn is_refuted(resource: &Value) -> bool {
    standing(resource) == Some("refuted")
}

/// What it is, in a few words.
pub fn title(resource: &Value) -> Option<String> {
    title_with(resource, concept_words(&resource["serviceType"]))
}

/// As [`title`], where the department of a visit is known by another name than the source wrote.
pub fn title_with(resource: &Value, department: Option<&str>) -> Option<String> {
    let concept = |name: &str| concept_words(&resource[name]).map(str::to_owned);
    let first = |name: &str| resource[name].as_array().and_then(|list| concept_words(list.first()?)).map(str::to_owned);
    match resource["resourceType"].as_str().unwrap_or_default() {
        "Encounter" => first("type")
            .or_else(|| visit_title(resource, department))
            .or_else(|| resource["class"]["display"].as_str().map(str::to_owned))
            .or_else(|| resource["class"]["code"].as_str().map(str::to_owned)),
        "Composition" => concept("type").or_else(|| resource["title"].as_str().map(str::to_owned)),
        "Immunization" => {
            let dose = resource["protocolApplied"][0]["doseNumberPositiveInt"].as_u64();
            let said = |name: String| dose.map_or(name.clone(), |dose| format!("{name}（第 {dose} 剂）"));
            concept("vaccineCode").map(said)
        }
        "MedicationRequest" | "MedicationAdministration" => concept("medicationCodeableConcept")
            .or_else(|| resource["medicationReference"]["display"].as_str().map(str::to_owned)),
        "CarePlan" => first("category"),
        "DocumentReference" => concept("type"),
        "ImagingStudy" => first("procedureCode"),
        _ => concept("code"),
    }
}

/// 门诊 · 心血管内科.
fn visit_title(encounter: &Value, department: Option<&str>) -> Option<String> {
    let class = encounter["class"]["display"].as_str()?;
    Some(department.map_or_else(|| class.to_owned(), |it| format!("{class} · {it}")))
}

/// One more line about it: the value of a result, the reason of an encounter.
pub fn detail(resource: &Value) -> Option<String> {
    match resource["resourceType"].as_str().unwrap_or_default() {
        "Observation" => {
            let parts = values(resource);
            let words: Vec<String> = parts.iter().filter_map(value_words).collect();
            (!words.is_empty()).then(|| words.join(" · "))
        }
        "Encounter" => resource["reasonCode"]
            .as_array()
            .and_then(|reasons| concept_words(reasons.first()?))
            .or_else(|| resource["serviceProvider"]["display"].as_str())
            .map(str::to_owned),
        "DiagnosticReport" => resource["conclusion"].as_str().map(str::to_owned),
        "Condition" => concept_words(&resource["clinicalStatus"]).map(str::to_owned),
        _ => resource["status"].as_str().filter(|_| standing(resource).is_none()).map(str::to_owned),
    }
}

fn value_words(value: &Value) -> Option<String> {
    let text = match &value["value"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        _ => return None,
    };
    let with_unit = value["unit"].as_str().map_or_else(|| text.clone(), |unit| format!("{text} {unit}"));
    Some(match value["component"].as_str() {
        Some(component) => format!("{component} {with_unit}"),
        None => with_unit,
    })
}

/// The values of an Observation: its own, or those of its components (a blood pressure has two), each with the status of the whole.
pub fn values(resource: &Value) -> Vec<Value> {
    let status = &resource["status"];
    let mut own = value(resource);
    if !own["value"].is_null() {
        own["status"] = status.clone();
        return vec![own];
    }
    let components = resource["component"].as_array().into_iter().flatten();
    components
        .map(|component| {
            let mut part = value(component);
            part["component"] = concept_words(&component["code"]).into();
            part["status"] = status.clone();
            part
        })
        .filter(|part| !part["value"].is_null())
        .collect()
}

fn value(holder: &Value) -> Value {
    let (system, code) = common_code(&holder["code"]).map_or((None, None), |(system, code)| (system, Some(code)));
    let quantity = &holder["valueQuantity"];
    let worded = concept_words(&holder["valueCodeableConcept"]).map(Value::from);
    let found = [
        amount(quantity),
        holder["valueString"].clone(),
        holder["valueInteger"].clone(),
        holder["valueBoolean"].clone(),
    ];
    let plain = found.into_iter().find(|value| !value.is_null());
    let dated = holder["valueDateTime"].as_str().map(Value::from);
    let range = &holder["referenceRange"][0];
    json!({
        "code": code,
        "system": system,
        "title": concept_words(&holder["code"]),
        "value": plain.or(worded).or(dated),
        "unit": either(&quantity["unit"], &quantity["code"]),
        "low": range["low"]["value"],
        "high": range["high"]["value"],
        "flag": flag(holder),
        "original": sent(quantity),
    })
}

/// The number of a quantity with its digits; of a bound (`<0.5`) the words, because a bound is no value.
fn amount(quantity: &Value) -> Value {
    let sign = match quantity["comparator"].as_str() {
        None => return quantity["value"].clone(),
        Some("<=") => "≤",
        Some(">=") => "≥",
        Some(sign) => sign,
    };
    quantity["value"].as_number().map_or(Value::Null, |number| format!("{sign}{number}").into())
}

/// What the source says of its own value, the gravest of it: `HH`, `LL`, `AA` (危急值), `H`, `L`, `A`, `N`. Where it says nothing, `H` or
/// `L` by the range that came with the result.
fn flag(holder: &Value) -> Option<&'static str> {
    let concepts = holder["interpretation"].as_array().into_iter().flatten();
    let codings = concepts.flat_map(|concept| concept["coding"].as_array().into_iter().flatten());
    let said = codings.filter_map(|coding| match coding["code"].as_str()? {
        "HH" => Some((4, "HH")),
        "LL" => Some((4, "LL")),
        "AA" => Some((4, "AA")),
        "H" | "HU" => Some((3, "H")),
        "L" | "LU" => Some((3, "L")),
        "A" | "POS" => Some((2, "A")),
        "N" | "NEG" | "ND" => Some((1, "N")),
        _ => None,
    });
    said.max_by_key(|(gravity, _)| *gravity).map(|(_, flag)| flag).or_else(|| by_range(holder))
}

/// Where a value lies by its own range. A bound is judged only as far as it decides: `>1000` lies above 10, `<0.5` says nothing about 0.3.
fn by_range(holder: &Value) -> Option<&'static str> {
    let number = |value: &Value| value.as_number().and_then(|it| it.to_string().parse::<f64>().ok());
    let quantity = &holder["valueQuantity"];
    let (value, range) = (number(&quantity["value"])?, &holder["referenceRange"][0]);
    let (low, high) = (number(&range["low"]["value"]), number(&range["high"]["value"]));
    let (is_above, is_below) = match quantity["comparator"].as_str() {
        None | Some(">=" | "<=") => (high.is_some_and(|high| value > high), low.is_some_and(|low| value < low)),
        // More than the limit itself is above it.
        Some(_) => (high.is_some_and(|high| value >= high), low.is_some_and(|low| value <= low)),
    };
    let sign = quantity["comparator"].as_str().unwrap_or_default();
    if is_above && !sign.starts_with('<') {
        return Some("H");
    }
    (is_below && !sign.starts_with('>')).then_some("L")
}

/// The number and unit as they were sent, when the platform converted them.
fn sent(quantity: &Value) -> Option<Value> {
    let extensions = quantity["extension"].as_array()?;
    let sent = extensions.iter().find(|extension| extension["url"] == formats::terminology::SENT_VALUE)?;
    let sent = &sent["valueQuantity"];
    Some(json!({"value": amount(sent), "unit": either(&sent["unit"], &sent["code"])}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_only_their_ends() {
        assert_eq!(masked("990101199001011234"), "990***********1234");
        assert_eq!(masked("12345678"), "******78");
        assert_eq!(masked("123"), "***");
        assert_eq!(masked(""), "");
    }

    #[test]
    fn names_are_read_in_their_own_order() {
        let chinese = json!({"name": [{"family": "欧阳", "given": ["明"]}]});
        let english = json!({"name": [{"use": "nickname", "given": ["Al"]}, {"use": "official", "family": "Boyle", "given": ["Ann", "May"]}]});
        assert_eq!(human_name(&chinese).as_deref(), Some("欧阳明"));
        assert_eq!(human_name(&english).as_deref(), Some("Ann May Boyle"));
        assert_eq!(human_name(&json!({})), None);
    }

    #[test]
    fn a_blood_pressure_has_two_values_and_keeps_its_digits() {
        let observation: Value = serde_json::from_str(
            r#"{"resourceType":"Observation","code":{"text":"BP"},"component":[
                {"code":{"coding":[{"code":"8480-6"}],"text":"Systolic"},"valueQuantity":{"value":120.0,"unit":"mmHg"}},
                {"code":{"coding":[{"code":"8462-4"}],"text":"Diastolic"},"valueQuantity":{"value":80,"unit":"mmHg"}}]}"#,
        )
        .unwrap();
        assert_eq!(values(&observation).len(), 2);
        assert_eq!(detail(&observation).as_deref(), Some("Systolic 120.0 mmHg · Diastolic 80 mmHg"));
    }

    fn result(more: &Value) -> Value {
        let mut observation = json!({"resourceType": "Observation", "status": "final", "code": {"text": "肌钙蛋白"},
            "valueQuantity": {"value": 0.5, "unit": "ng/mL"}});
        let members = observation.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        observation
    }

    #[test]
    fn a_bound_is_shown_as_a_bound_everywhere() {
        let sent = json!({"url": formats::terminology::SENT_VALUE, "valueQuantity": {"value": 500, "comparator": "<", "unit": "pg/mL"}});
        let bound =
            result(&json!({"valueQuantity": {"value": 0.50, "comparator": "<", "unit": "ng/mL", "extension": [sent]}}));
        let shown = &values(&bound)[0];
        assert_eq!((&shown["value"], &shown["original"]["value"]), (&json!("<0.5"), &json!("<500")));
        assert_eq!(detail(&bound).as_deref(), Some("<0.5 ng/mL"));
        let at_least = result(&json!({"valueQuantity": {"value": 1000, "comparator": ">="}}));
        assert_eq!(values(&at_least)[0]["value"], "≥1000");
    }

    #[test]
    fn a_bound_is_judged_only_as_far_as_it_decides() {
        let judged = |sign: Option<&str>, value: f64| {
            let mut holder = json!({"valueQuantity": {"value": value},
                "referenceRange": [{"low": {"value": 0.3}, "high": {"value": 10}}]});
            if let Some(sign) = sign {
                holder["valueQuantity"]["comparator"] = sign.into();
            }
            flag(&holder)
        };
        assert_eq!((judged(None, 0.2), judged(None, 10.0), judged(None, 10.1)), (Some("L"), None, Some("H")));
        assert_eq!((judged(Some("<"), 0.5), judged(Some("<"), 0.3), judged(Some("<="), 0.3)), (None, Some("L"), None));
        assert_eq!(
            (judged(Some(">"), 1000.0), judged(Some(">"), 10.0), judged(Some(">="), 10.0)),
            (Some("H"), Some("H"), None)
        );
        assert_eq!((judged(Some("<"), 1000.0), judged(Some(">"), 0.1)), (None, None), "either may lie inside");
    }

    #[test]
    fn what_the_laboratory_judged_is_not_judged_again() {
        let said = |codes: &[&str]| {
            let concepts: Vec<Value> = codes.iter().map(|code| json!({"coding": [{"code": code}]})).collect();
            flag(&result(&json!({"interpretation": concepts, "referenceRange": [{"high": {"value": 0.1}}]})))
        };
        assert_eq!(said(&["N"]), Some("N"), "its own range says otherwise, and it knows");
        assert_eq!((said(&["HH"]), said(&["LL"]), said(&["AA"])), (Some("HH"), Some("LL"), Some("AA")));
        assert_eq!((said(&["H"]), said(&["LU"]), said(&["POS"])), (Some("H"), Some("L"), Some("A")));
        assert_eq!((said(&["H", "HH"]), said(&["偏高", "L"])), (Some("HH"), Some("L")));
        assert_eq!((said(&[]), said(&["偏高"])), (Some("H"), Some("H")), "by the range");
    }

    #[test]
    fn a_value_says_how_final_it_is() {
        let preliminary = result(&json!({"status": "preliminary"}));
        assert_eq!(values(&preliminary)[0]["status"], "preliminary");
        let parts = json!({"status": "corrected", "component": [{"code": {"text": "a"}, "valueInteger": 1}]});
        assert_eq!(values(&parts)[0]["status"], "corrected");
    }
}
