//! What codes and units mean, as a table of cases, and two laws.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own cases fails")]

use formats::terminology::{code_map, normalise};
use proptest::prelude::*;
use serde_json::{Value, json};

const CASES: &str = include_str!("cases.json");

fn shown(issues: &[model::Issue]) -> Value {
    issues
        .iter()
        .map(|issue| json!([issue.severity.as_str(), issue.rule, issue.path, issue.found.as_deref().unwrap_or("")]))
        .collect()
}

/// `after` names only what is expected to be there; a Quantity, a coding list or a text must be exactly so.
#[test]
fn every_case_gives_what_is_expected() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let map = code_map(case["institution"].as_str().unwrap_or("990121001"));
        let mut resource = case["resource"].clone();
        let issues = normalise(&mut resource, map, "row[1]");
        for (pointer, expected) in case["after"].as_object().unwrap() {
            let found = resource.pointer(pointer).cloned().unwrap_or(Value::Null);
            assert_eq!(found, *expected, "{name} {pointer}");
        }
        assert_eq!(shown(&issues), case["issues"], "{name}");
        let errors: Vec<_> = formats::fhir::check_basic(&resource)
            .into_iter()
            .chain(formats::fhir::validate(&resource))
            .filter(|issue| issue.severity >= model::Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {resource}");
        let once = resource.clone();
        normalise(&mut resource, map, "row[1]");
        assert_eq!(resource, once, "{name}: a second time changes nothing");
    }
}

proptest! {
    #[test]
    fn any_result_is_normalised(code in "[A-Z0-9]{0,5}", unit in ".{0,12}", value in "-?[0-9]{1,12}(\\.[0-9]{1,8})?(e[0-9]{1,2})?") {
        let value: serde_json::Number = serde_json::from_str(&value).unwrap_or_else(|_| 1.into());
        let mut resource = json!({
            "resourceType": "Observation", "status": "final",
            "code": { "coding": [{ "system": "urn:kangmai:institution:990121998:item", "code": code }] },
            "valueQuantity": { "value": value, "unit": unit },
        });
        normalise(&mut resource, code_map("990121998"), "x");
        let once = resource.clone();
        normalise(&mut resource, code_map("990121998"), "x");
        prop_assert_eq!(resource, once);
    }
}
