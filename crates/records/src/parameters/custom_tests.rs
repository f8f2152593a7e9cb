//! Custom parameters: what is refused and taken, what they find, and an index that an older interpreter wrote.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ::model::{FixedClock, TenantId};
use serde_json::json;
use store::{Keyspace, Options, Store, Transaction, Write};
use trust::MasterKey;

use super::custom::Failures;
use super::tests::said;
use super::*;
use crate::{Readiness, Records};

fn custom(type_name: &str, kind: Kind, expression: &str) -> CustomParameter {
    let targets = if kind == Kind::Reference { vec!["Resource".to_owned()] } else { Vec::new() };
    let (url, code) = ("urn:example:x".to_owned(), "x".to_owned());
    let (bases, expression) = (vec![type_name.to_owned()], expression.to_owned());
    CustomParameter { number: FIRST_NUMBER, url, code, kind, bases, expression, targets, added_ms: 0 }
}

#[test]
fn what_would_be_answered_wrongly_is_refused() {
    let rows = [
        ("Observation", Kind::Token, "Observation.where(status in 'final' | 'amended').code", ""),
        ("Observation", Kind::Token, "Observation.status in 'final' | 'amended'", "in parentheses"),
        ("Observation", Kind::Token, "Observation.status = 'final' | Observation.category.exists()", "in parentheses"),
        ("Observation", Kind::Token, "Observation.status in ('final' | 'amended')", ""),
        ("Observation", Kind::Token, "'final' | Observation.status.first()", "not with a constant"),
        ("Observation", Kind::Token, "true | Observation.category.exists()", "no element `true`"),
        ("Observation", Kind::Quantity, "Observation.value.ofType(Quantity).where($this > 6.1 'mmol/L')", "as a whole"),
        ("Observation", Kind::Quantity, "Observation.value.ofType(Quantity).where($this > 6.1)", "as a whole"),
        ("Observation", Kind::Quantity, "Observation.value.toQuantity()", "as a whole"),
        (
            "Observation",
            Kind::Quantity,
            "Observation.value.ofType(Quantity).where(value > 6.1 and code = 'mmol/L')",
            "",
        ),
        ("Observation", Kind::Date, "Observation.issued.where($this >= @2026-01-01)", "not compared with a dateTime"),
        ("Observation", Kind::Date, "Observation.issued.where($this >= @2026-01-01T08:00:00)", "time and an offset"),
        ("Observation", Kind::Date, "Observation.issued.where($this >= @2026-01-01T08:00:00+08:00)", ""),
        ("Observation", Kind::Date, "Observation.issued.where($this >= '2026-01-01')", "with a text"),
        ("Patient", Kind::Date, "Patient.birthDate.where($this >= @2000-01-01)", ""),
        ("Patient", Kind::Token, "Patient.birthDate.extension.where(url = 'urn:x' and value.exists()).value", "`date`"),
        ("Patient", Kind::String, "Patient.name.family.extension('urn:x').value", "extensions of a `string`"),
        ("Patient", Kind::String, "Patient.name.extension('urn:x').value", ""),
        ("Patient", Kind::String, "Patient.contained.name.first().family", "inside another one"),
        ("Patient", Kind::Token, "Patient.name.count()", "leads only to integer"),
        ("Patient", Kind::Number, "Patient.name.count()", ""),
        ("Patient", Kind::Token, "Patient.nickname.first()", "no element `nickname`"),
        ("Patient", Kind::Token, "Patient.birth.first()", "no element `birth`"),
        ("Patient", Kind::String, "Patient.name.first().family | Patient.birthDate", "does not read"),
        ("Patient", Kind::Token, "Resource.meta.tag.first()", ""),
    ];
    for (type_name, kind, expression, expected) in rows {
        match (custom(type_name, kind, expression).check(), expected) {
            (Ok(()), "") => {}
            (Err(refusal), expected) if !expected.is_empty() => {
                assert!(refusal.en.contains(expected), "{expression}: {refusal}");
                assert!(!refusal.zh.is_ascii(), "{expression}: {refusal}");
            }
            (result, _) => panic!("{expression}: {result:?}"),
        }
    }
}

#[test]
fn what_was_taken_is_taken() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let mut definitions: Vec<Value> = std::fs::read_dir(root.join("../../tests/search/parameters"))
        .unwrap()
        .map(|entry| serde_json::from_str(&read(entry.unwrap().path())).unwrap())
        .collect();
    assert!(definitions.len() > 4);
    let more: Value = serde_json::from_str(&read(root.join("tests/writing/custom.json"))).unwrap();
    definitions.extend(more["definitions"].as_array().unwrap().iter().cloned());
    let base = loaded();
    for mut definition in definitions {
        definition["resourceType"] = json!("SearchParameter");
        definition["name"] = json!("A");
        definition["status"] = json!("active");
        definition["description"] = json!("d");
        let text = definition.to_string();
        let read = CustomParameter::read(text.as_bytes(), (&base, &Customs::default(), 1), 0);
        assert!(read.is_ok(), "{text}: {read:?}");
    }
}

fn loaded() -> Parameters {
    Parameters::load().unwrap()
}

#[test]
fn interpreted_parameters_find_what_they_say() {
    let coded = json!({"value": 6.1, "unit": "毫摩尔/升", "system": "http://unitsofmeasure.org", "code": "mmol/L"});
    let less = json!({"value": 5, "comparator": "<", "unit": "片"});
    let observation = |value: &Value| json!({"resourceType": "Observation", "status": "final", "valueQuantity": value});
    let quantity = "Observation.where(status = 'final').value.ofType(Quantity)";
    let rows = [
        (
            Kind::Reference,
            "Observation.subject.where(resolve() is Patient) | Observation.performer.first()".to_owned(),
            json!({"resourceType": "Observation", "subject": {"reference": "Patient/1"}, "performer": [{"reference": "Practitioner/2"}]}),
            vec!["Patient/1", "Practitioner/2"],
        ),
        (
            Kind::Token,
            "Patient.gender | Patient.contact.first().gender".to_owned(),
            json!({"resourceType": "Patient", "gender": "female", "contact": [{"gender": "male"}]}),
            vec!["http://hl7.org/fhir/administrative-gender|female", "|male"],
        ),
        (Kind::Number, format!("{quantity}.value"), observation(&coded), vec!["6.1..6.1"]),
        (Kind::Number, format!("{quantity}.where(value >= 6.1).value"), observation(&coded), vec!["6.1..6.1"]),
        (
            Kind::Number,
            format!("{quantity}.count() / 3.0"),
            observation(&coded),
            vec!["0.333333333333333..0.333333333333333"],
        ),
        (Kind::Token, format!("{quantity}.code"), observation(&coded), vec!["|mmol/L"]),
        (
            Kind::Quantity,
            format!("{quantity}.where(system = 'http://unitsofmeasure.org' and code = 'mmol/L')"),
            observation(&coded),
            vec!["6.1..6.1 http://unitsofmeasure.org|mmol/L|毫摩尔/升"],
        ),
        (Kind::Quantity, quantity.to_owned(), observation(&less), vec!["..5 ||片"]),
        (Kind::Quantity, format!("{quantity}.where(comparator.empty())"), observation(&less), vec![]),
        (
            Kind::Number,
            "ImagingStudy.series.where(modality.code = 'CT').number".to_owned(),
            json!({"resourceType": "ImagingStudy", "series": [{"modality": {"code": "CT"}, "numberOfInstances": 120}]}),
            vec![],
        ),
        (
            Kind::Date,
            "Patient.extension('urn:x').value.ofType(string).toDateTime()".to_owned(),
            json!({"resourceType": "Patient", "extension": [{"url": "urn:x", "valueString": "2026-01-01T10:00:00"}]}),
            vec!["1767232800000..1767232800999"],
        ),
    ];
    for (kind, expression, resource, expected) in rows {
        let type_code = TypeCode::of(resource["resourceType"].as_str().unwrap()).unwrap();
        let custom = custom(type_code.name(), kind, &expression);
        assert_eq!(custom.check(), Ok(()), "{expression}");
        let failures = Arc::new(AtomicU64::new(0));
        let parameter = custom.compile(type_code, &failures).unwrap();
        let computed = Computed::default();
        let found: Vec<String> = parameter.values(&resource, &computed).iter().map(said).collect();
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), failures.load(Ordering::Relaxed)),
            (expected, 0),
            "{expression}"
        );
    }
}

#[test]
fn what_nobody_reads_is_counted() {
    let many = json!({"resourceType": "Observation", "component": vec![json!({"valueQuantity": {"value": 1}}); 1_001]});
    let rows = [
        (
            "Patient",
            Kind::Number,
            "Patient.name.given.join(',')",
            json!({"resourceType": "Patient", "name": [{"given": ["a", "b"]}]}),
            1,
        ),
        // A choice has types that the kind passes over.
        (
            "Observation",
            Kind::Quantity,
            "Observation.value.first()",
            json!({"resourceType": "Observation", "valueString": "x"}),
            0,
        ),
        ("Observation", Kind::Quantity, "Observation.component.where(value.exists()).value", many, 1),
    ];
    for (type_name, kind, expression, resource, expected) in rows {
        let failures = Arc::new(AtomicU64::new(0));
        let parameter =
            custom(type_name, kind, expression).compile(TypeCode::of(type_name).unwrap(), &failures).unwrap();
        assert!(parameter.values(&resource, &Computed::default()).is_empty());
        assert_eq!(failures.load(Ordering::Relaxed), expected, "{expression}");
    }
}

/// The text in the fingerprint is that of the programs before there were sets: `Debug` of what they had.
#[test]
fn an_index_of_an_older_interpreter_opens_and_is_built_anew() {
    let store = Store::in_memory(Options::new(MasterKey::from_bytes([7; 32]))).unwrap();
    let clock = Arc::new(FixedClock::at(1_767_225_600_000));
    let records = Records::new(Arc::clone(&store), clock.clone()).unwrap();
    let tenant = TenantId(1);
    for (code, expression) in
        [("plain", "Patient.name.family"), ("told", "Patient.name.first().family | Patient.name.given")]
    {
        let definition = json!({"resourceType": "SearchParameter", "name": "A", "status": "active", "description": "d", "type": "string",
            "url": format!("urn:example:{code}"), "code": code, "base": ["Patient"], "expression": expression});
        records.add_custom_parameter(tenant, definition.to_string().as_bytes()).unwrap();
    }
    records.reindex(&mut |_| true).unwrap();
    let standing = |records: &Records| -> Vec<Readiness> {
        records.custom_parameters(tenant).unwrap().into_iter().map(|it| it.readiness).collect()
    };
    assert_eq!(standing(&records), [Readiness::Ready, Readiness::Ready]);

    // As a program before would have left it.
    let kept = records.custom_parameters(tenant).unwrap().into_iter().map(|it| it.parameter).collect();
    let customs = Customs { next_number: 0x8002, tenants: BTreeMap::from([(tenant.0, kept)]) };
    let older = loaded().extended_as(&customs, &Failures::default(), 0);
    let text = customs.tenants[&1][1].interpreted_before(TypeCode::of("Patient").unwrap(), 0);
    let expected = r#"Interpreted(Interpreted { expressions: ["Patient.name.first().family", "Patient.name.given"], kind: String })"#;
    assert_eq!(text.as_deref(), Some(expected));
    let row = |key: &str| store.snapshot().get(Keyspace::Meta, key.as_bytes()).unwrap().unwrap();
    let mut state: Value = serde_json::from_slice(&row("index")).unwrap();
    let own = state["active"]["fingerprint"].as_str().unwrap().to_owned();
    assert_ne!(own, older.fingerprint());
    state["active"]["fingerprint"] = json!(older.fingerprint());
    let mut write = Transaction::new(TenantId(0));
    let definitions =
        (format!("index/definitions/{}", older.fingerprint()), row(&format!("index/definitions/{own}")).to_vec());
    for (key, value) in [("index".to_owned(), state.to_string().into_bytes()), definitions] {
        write.writes.push(Write::Put(Keyspace::Meta, key.into_bytes(), value));
    }
    write.writes.push(Write::Delete(Keyspace::Meta, format!("index/definitions/{own}").into_bytes()));
    store.commit(write).unwrap();

    let records = Records::new(Arc::clone(&store), clock.clone()).unwrap();
    assert!(records.needs_reindex().unwrap());
    assert_eq!(standing(&records), [Readiness::Ready, Readiness::Building], "what was interpreted waits");
    records.reindex(&mut |_| true).unwrap();
    assert_eq!(standing(&records), [Readiness::Ready, Readiness::Ready]);
    assert!(!Records::new(Arc::clone(&store), clock).unwrap().needs_reindex().unwrap());
}
