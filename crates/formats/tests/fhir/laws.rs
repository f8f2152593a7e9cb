//! Laws that hold for any input.

use formats::fhir;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};
use standards::{Primitive, structures};

/// JSON-like noise: real tokens in any order, so that the reader gets further than the first byte.
fn noise() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("\"a\"".to_owned()),
        Just("\"\\u00e9\"".to_owned()),
        Just("\"\\ud83d\\ude00\"".to_owned()),
        Just("\"\\ud83d\"".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("-0.10".to_owned()),
        Just("1e5".to_owned()),
        Just(" \n".to_owned()),
        Just("\"resourceType\":\"Patient\"".to_owned()),
        "\\PC{0,4}",
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// A JSON tree of whatever shape, with names that FHIR uses among others.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "Patient",
            "Observation",
            "2024-01-01",
            "#a",
            "Patient/1",
            "final",
            "urn:uuid:x",
            "<div>a</div>"
        ])
        .prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "resourceType",
        "id",
        "_id",
        "meta",
        "name",
        "_name",
        "given",
        "_given",
        "value",
        "valueString",
        "_valueString",
        "extension",
        "url",
        "contained",
        "subject",
        "reference",
        "entry",
        "resource",
        "code",
        "coding",
        "system",
        "status",
        "text",
        "div",
        "period",
        "start",
        "end",
        "repeat",
        "x",
    ]);
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Whether serde_json also reads the text. It knows neither our depth nor duplicate keys.
fn is_json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (value, issues) = fhir::read(&bytes);
        prop_assert!(value.is_some() || !issues.is_empty());
    }

    #[test]
    fn the_reader_agrees_with_serde_json(text in noise()) {
        let (value, issues) = fhir::read_json(text.as_bytes());
        let other = is_json(text.as_bytes());
        if issues.iter().all(|issue| issue.rule != "json.duplicate-key" && issue.rule != "json.too-deep") {
            // Numbers as we keep them, digit by digit, print the same text again; serde_json writes 1e5 as 1e+5.
            prop_assert_eq!(value.is_some(), other.is_some(), "{}: {:?}", text, issues);
            if !text.contains('e') {
                prop_assert_eq!(value, other);
            }
        }
    }

    #[test]
    fn what_is_printed_is_read_back(tree in tree()) {
        let text = tree.to_string();
        let (value, issues) = fhir::read_json(text.as_bytes());
        prop_assert_eq!(issues, []);
        prop_assert_eq!(value, Some(tree));
    }

    #[test]
    fn any_tree_is_checked(mut tree in tree(), name in prop::sample::select(vec!["Patient", "Observation", "Bundle", "Parameters"])) {
        if let Value::Object(map) = &mut tree {
            map.insert("resourceType".into(), name.into());
        }
        let basic = fhir::check_basic(&tree);
        let full = fhir::validate(&tree);
        // What the cheap check finds, the full one finds too, unless there was more than either lists.
        if full.len() <= 100 {
            for issue in &basic {
                prop_assert!(full.contains(issue), "{:?}", issue);
            }
        }
        let outcome = fhir::outcome(&full, fhir::Language::English);
        prop_assert_eq!(fhir::validate(&outcome), []);
    }

    #[test]
    fn any_patch_is_applied_or_refused(mut target in tree(), patch in tree()) {
        let before = target.clone();
        if fhir::apply_json_patch(&mut target, patch.to_string().as_bytes()).is_err() {
            prop_assert_eq!(target, before);
        }
    }
}

/// What the published regular expressions allow, our grammars allow: they only know the calendar and the size of an integer besides.
#[test]
fn published_grammars_are_accepted() {
    let types = [
        (Primitive::Code, "Code"),
        (Primitive::Date, "Date"),
        (Primitive::DateTime, "DateTime"),
        (Primitive::Instant, "Instant"),
        (Primitive::Time, "Time"),
        (Primitive::Id, "Id"),
        (Primitive::Oid, "Oid"),
        (Primitive::Uuid, "Uuid"),
    ];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (primitive, suffix) in types {
        let regex = structures()
            .regex(primitive)
            .replace("\\s", " ")
            .replace("[^ ]", "[!-~]")
            .replace(")+", "){1,6}")
            .replace(")*", "){0,4}");
        let texts = proptest::string::string_regex(&regex).unwrap();
        for _ in 0..300 {
            let text = texts.new_tree(&mut runner).unwrap().current();
            let day: Option<u32> = text.get(8..10).and_then(|day| day.parse().ok());
            let has_calendar = matches!(primitive, Primitive::Date | Primitive::DateTime | Primitive::Instant);
            if has_calendar && day.is_some_and(|day| day > 28) {
                continue;
            }
            let resource =
                json!({ "resourceType": "Parameters", "parameter": [{ "name": "x", format!("value{suffix}"): text }] });
            assert_eq!(fhir::check_basic(&resource), [], "{text}");
        }
    }
}
