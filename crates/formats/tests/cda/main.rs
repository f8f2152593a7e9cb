//! National shared documents from outside: every type written and read back, cases kept as data, dirt as mutations of generated
//! documents, and laws about arbitrary bytes.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod cases;
mod dirt;
mod invent;
mod laws;
mod types;

use formats::cda::{self, Options};
use formats::reading::{Reading, Record};
use model::{Issue, Severity};
use serde_json::Value;

/// Reads a text that holds one document.
fn read(xml: &str) -> Record {
    let reading = cda::read(xml.as_bytes(), &Options::default());
    assert_eq!(reading.records.len(), 1, "{:#?}", reading.issues);
    one(reading)
}

/// The only record, with the findings about the message.
fn one(mut reading: Reading) -> Record {
    let mut record = reading.records.remove(0);
    record.issues.append(&mut reading.issues);
    record
}

/// Findings that a sender should mend.
fn grave(issues: &[Issue]) -> Vec<&Issue> {
    issues.iter().filter(|issue| issue.severity >= Severity::Warning).collect()
}

/// Every fact must be a resource without errors, every claim it refers to a fact of the record, and its claim of the known kinds.
fn check_facts(record: &Record) {
    let claims: Vec<String> = record.facts.iter().map(|fact| fact.claim.reference()).collect();
    for fact in &record.facts {
        let place = format!("{} {} {}", record.record_type, fact.claim.reference(), fact.resource);
        let mut issues = formats::fhir::check_basic(&fact.resource);
        issues.extend(formats::fhir::validate(&fact.resource));
        let bad: Vec<_> = issues.iter().filter(|issue| issue.severity >= Severity::Error).collect();
        assert!(bad.is_empty(), "{place}\n{bad:#?}");
        references(&fact.resource, &mut |reference| {
            assert!(claims.iter().any(|claim| claim == reference), "{reference} is nowhere: {place}");
        });
    }
    let mut sorted = claims.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), claims.len(), "a claim stands twice: {claims:#?}");
}

fn references(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("reference") {
                see(reference);
            }
            map.values().for_each(|one| references(one, see));
        }
        Value::Array(list) => list.iter().for_each(|one| references(one, see)),
        _ => {}
    }
}
