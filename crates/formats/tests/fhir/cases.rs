//! Cases kept as data: what is read, what is found, where.

use formats::fhir;
use formats::fhir::date::{self, Kind};
use formats::fhir::reference;
use serde_json::{Value, json};

use crate::{data, lines};

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn the_reader_says_where() {
    let cases = data("reader.json");
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let bytes = match (case["text"].as_str(), case["hex"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (_, Some(hex)) => {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
            _ => case["repeat"].as_array().unwrap().iter().fold(Vec::new(), |mut bytes, part| {
                let count = usize::try_from(part[1].as_u64().unwrap()).unwrap();
                bytes.extend(part[0].as_str().unwrap().repeat(count).into_bytes());
                bytes
            }),
        };
        let (value, issues) = fhir::read(&bytes);
        let mut expected = texts(&case["issues"]);
        expected.sort();
        assert_eq!(lines(&issues), expected, "{name}");
        match case.get("value") {
            Some(expected) => assert_eq!(value.as_ref(), Some(expected), "{name}"),
            None => assert_eq!(value, None, "{name}"),
        }
    }
}

#[test]
fn checks_find_exactly_this() {
    let cases = data("checks.json");
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (resource, issues) = fhir::read(case["resource"].to_string().as_bytes());
        assert!(issues.is_empty(), "{name}: {issues:?}");
        let resource = resource.unwrap();
        let (mut basic, mut full) = (texts(&case["basic"]), texts(&case["full"]));
        full.extend(basic.clone());
        basic.sort();
        full.sort();
        assert_eq!(lines(&fhir::check_basic(&resource)), basic, "{name}, basic");
        assert_eq!(lines(&fhir::validate(&resource)), full, "{name}, full");
    }
}

/// Puts an object where its structure may stand, with whatever else the resource needs to be valid.
fn placed(frames: &Value, structure: &str, object: &Value) -> Value {
    let frame = frames[structure].to_string();
    assert_ne!(frame, "null", "no frame for {structure}");
    let resource: Value = serde_json::from_str(&frame.replace("\"HERE\"", &object.to_string())).unwrap();
    match (resource.get("MERGE"), object) {
        (Some(base), Value::Object(own)) => {
            let mut whole = base.as_object().unwrap().clone();
            whole.extend(own.clone());
            Value::Object(whole)
        }
        _ => resource,
    }
}

#[test]
fn every_invariant_can_hold_and_break() {
    let file = data("invariants.json");
    let mut tried = std::collections::HashSet::new();
    for case in file["cases"].as_array().unwrap() {
        let key = case["key"].as_str().unwrap();
        let structure = case["structure"].as_str().unwrap();
        tried.insert(key);
        for object in case["holds"].as_array().unwrap() {
            let resource = placed(&file["frames"], structure, object);
            assert_eq!(fhir::validate(&resource), [], "{key} should hold: {resource}");
        }
        for object in case["breaks"].as_array().unwrap() {
            let resource = placed(&file["frames"], structure, object);
            let issues = fhir::validate(&resource);
            let prefix = format!("{key}: ");
            let is_found = issues.iter().any(|issue| {
                issue.rule.starts_with("fhir.invariant")
                    && issue.expected.as_ref().is_some_and(|text| text.starts_with(&prefix))
            });
            assert!(is_found, "{key} should break: {resource}\n{issues:#?}");
        }
    }
    // Those that are found under a rule of their own are in checks.json.
    let elsewhere = ["ele-1", "ref-1"];
    for key in fhir::EVALUATED_INVARIANTS {
        assert!(tried.contains(key) || elsewhere.contains(key), "{key} has no case");
    }
}

#[test]
fn dates_mean_what_the_table_says() {
    for case in data("dates.json").as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let kinds =
            [("date", Kind::Date), ("dateTime", Kind::DateTime), ("instant", Kind::Instant), ("search", Kind::Search)];
        let allowed: Vec<&str> =
            kinds.iter().filter(|(_, kind)| date::parse_as(text, *kind).is_ok()).map(|(name, _)| *name).collect();
        assert_eq!(json!(allowed), case["kinds"], "{text}");
        if let Some(low) = case["low"].as_str() {
            let found = date::parse(text).unwrap();
            assert_eq!(model::instant_text(found.low_ms), low, "{text}");
            assert_eq!(model::instant_text(found.high_ms), case["high"].as_str().unwrap(), "{text}");
        }
    }
}

#[test]
fn references_mean_what_the_table_says() {
    for case in data("references.json").as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let found = reference::parse(text).map_or_else(|_| "none".to_owned(), |found| format!("{found:?}"));
        assert_eq!(found, case["is"].as_str().unwrap(), "{text}");
    }
}

#[test]
fn patches_are_all_or_nothing() {
    for case in data("patches.json").as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let mut target = case["target"].clone();
        let patch = case["patch"].as_str().map_or_else(|| case["patch"].to_string(), str::to_owned);
        match fhir::apply_json_patch(&mut target, patch.as_bytes()) {
            Ok(()) => assert_eq!(target, case["result"], "{name}"),
            Err(issues) => {
                assert_eq!(json!(lines(&issues)), case["issues"], "{name}");
                assert_eq!(target, case["target"], "{name}: the target changed");
            }
        }
    }
}
