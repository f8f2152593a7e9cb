//! HL7 v2 messages as hospitals send them, and what the reader makes of them: every `hl7v2/NAME.hl7` has a `NAME.json` beside
//! it. `BLESS=1` writes what is read; look at the difference before you commit it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use formats::fhir;
use formats::hl7v2::{Options, read};
use formats::reading::{Act, Claim, Reading, Record};
use model::Severity;
use serde_json::{Value, json};

fn options() -> Options {
    Options {
        institution: "9901210000000000000001".to_owned(),
        branch: String::new(),
        authorities: vec!["HIS".to_owned()],
        encoding: None,
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hl7v2")
}

fn cases() -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hl7"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    out.sort();
    assert!(out.len() > 40, "the cases are there");
    out
}

fn shown(reading: &Reading) -> Value {
    let issues = |issues: &[model::Issue]| -> Vec<Value> {
        issues
            .iter()
            .map(|issue| {
                let place = format!("{}:{}", issue.line.unwrap_or(0), issue.column.unwrap_or(0));
                let found = issue.found.as_deref().unwrap_or("");
                json!(format!("{} {} {} @{place} {found}", issue.severity.as_str(), issue.rule, issue.path))
            })
            .collect()
    };
    let record = |record: &Record| {
        let facts: Vec<Value> = record
            .facts
            .iter()
            .map(|fact| {
                let act = format!("{:?} {} @{}", fact.act, fact.claim.reference(), fact.path);
                json!({ "act": act, "resource": fact.resource })
            })
            .collect();
        let elements: Vec<String> = record
            .elements
            .iter()
            .map(|element| {
                let place = format!("@{} {}:{}", element.path, element.line, element.column);
                let more = [&element.display, &element.system, &element.unit].map(String::as_str).join("|");
                format!("{} {}={} [{more}] {} {place}", element.id, element.name, element.value, element.group)
            })
            .collect();
        let merges: Vec<String> = record
            .merges
            .iter()
            .map(|merge| format!("{} <- {} @{}", merge.into.reference(), merge.from.reference(), merge.path))
            .collect();
        json!({
            "path": record.path,
            "line": record.line,
            "type": record.record_type,
            "institution": record.institution,
            "effective": record.effective_ms.map(|at| fhir::date::local_text(at, fhir::date::Precision::Second)),
            "facts": facts,
            "merges": merges,
            "elements": elements,
            "issues": issues(&record.issues),
        })
    };
    json!({
        "type": reading.message_type,
        "encoding": reading.envelope.encoding,
        "message": reading.envelope.message_id,
        "sender": reading.envelope.sender,
        "records": reading.records.iter().map(record).collect::<Vec<_>>(),
        "issues": issues(&reading.issues),
    })
}

#[test]
fn every_case_reads_as_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, bytes) in cases() {
        let found = serde_json::to_string_pretty(&shown(&read(&bytes, &options()))).unwrap() + "\n";
        let path = folder().join(format!("{name}.json"));
        if bless {
            std::fs::write(&path, &found).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if expected != found {
            let line = expected.lines().zip(found.lines()).position(|(one, other)| one != other);
            let at = line.map_or_else(String::new, |line| found.lines().nth(line).unwrap_or("").to_owned());
            wrong.push(format!("{name}: {at}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without nulls and what is empty without them, as the road does it.
fn prune(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(prune);
    members.retain(|_, member| !member.is_null() && member.as_object().is_none_or(|inner| !inner.is_empty()));
}

/// What the store would hold after the facts of a record, when nothing was there before.
fn applied(record: &Record) -> BTreeMap<Claim, Value> {
    let mut out: BTreeMap<Claim, Value> = BTreeMap::new();
    for fact in &record.facts {
        match (fact.act, out.get_mut(&fact.claim)) {
            (Act::Mention | Act::Supersede, Some(_)) => {}
            (Act::Merge, Some(known)) => {
                json_patch::merge(known, &fact.resource);
                prune(known);
            }
            (Act::Merge, None) => {
                let mut stated = fact.resource.clone();
                prune(&mut stated);
                out.insert(fact.claim.clone(), stated);
            }
            (Act::Mention | Act::Supersede | Act::Replace, _) => {
                out.insert(fact.claim.clone(), fact.resource.clone());
            }
        }
    }
    out
}

fn references(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("reference").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn what_is_read_is_valid_fhir_and_its_claims_are_listed() {
    let listed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../standards/claims/claims.toml"));
    let listed: toml::Value = toml::from_str(&listed.unwrap()).unwrap();
    let kinds: BTreeMap<&str, (&str, usize)> = listed["claim"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| {
            let parts = claim["key"].as_array().unwrap().len();
            (claim["kind"].as_str().unwrap(), (claim["type"].as_str().unwrap(), parts))
        })
        .collect();
    for (name, bytes) in cases() {
        for record in read(&bytes, &options()).records {
            let known: HashSet<String> = record.facts.iter().map(|fact| fact.claim.reference()).collect();
            for (claim, resource) in applied(&record) {
                let (type_name, parts) = kinds[claim.kind];
                assert_eq!(resource["resourceType"], type_name, "{name}: {}", claim.reference());
                assert_eq!(claim.key.len(), parts, "{name}: {}", claim.reference());
                let issues = [fhir::check_basic(&resource), fhir::validate(&resource)].concat();
                let errors: Vec<_> = issues.iter().filter(|issue| issue.severity >= Severity::Error).collect();
                assert!(errors.is_empty(), "{name}: {errors:#?}\n{resource:#}");
                let mut found = HashSet::new();
                references(&resource, &mut found);
                for reference in found.iter().filter(|reference| !reference.starts_with('#')) {
                    assert!(known.contains(reference), "{name}: {reference} is no fact");
                }
            }
            for merge in &record.merges {
                assert!(known.contains(&merge.into.reference()) && known.contains(&merge.from.reference()), "{name}");
            }
        }
    }
}

fn find<'r>(reading: &'r Reading, claim: &str) -> &'r Value {
    let mut facts = reading
        .records
        .iter()
        .flat_map(|record| &record.facts)
        .filter(|fact| fact.claim.reference().starts_with(claim));
    &facts.next_back().unwrap_or_else(|| panic!("no {claim}")).resource
}

fn case(name: &str) -> Reading {
    read(&std::fs::read(folder().join(format!("{name}.hl7"))).unwrap(), &options())
}

#[test]
fn a_new_envelope_changes_nothing() {
    let mut compared = 0;
    for (name, bytes) in cases() {
        let Ok(text) = String::from_utf8(bytes) else { continue };
        if !text.starts_with("MSH|^~\\&|") {
            continue;
        }
        let again: Vec<String> = text
            .split('\r')
            .map(|segment| {
                let mut fields: Vec<&str> = segment.split('|').collect();
                if fields[0] == "MSH" && fields.len() > 9 {
                    fields[6] = "20991231235959";
                    fields[9] = "RESENT-1";
                } else if fields[0] == "EVN" && fields.len() > 2 {
                    fields[2] = "20991231235959";
                }
                fields.join("|")
            })
            .collect();
        let (one, other) = (read(text.as_bytes(), &options()), read(again.join("\r").as_bytes(), &options()));
        for (one, other) in one.records.iter().zip(&other.records) {
            assert_eq!(one.facts, other.facts, "{name}");
            assert_eq!(one.merges, other.merges, "{name}");
            compared += one.facts.len();
        }
    }
    assert!(compared > 100);
}

#[test]
fn the_encoding_changes_nothing() {
    let utf8 = case("encoding-utf8");
    for name in
        ["encoding-gbk-undeclared", "encoding-gbk-declared-utf8", "encoding-utf8-declared-gbk", "encoding-utf8-bom"]
    {
        assert_eq!(case(name).records[0].facts, utf8.records[0].facts, "{name}");
    }
}

#[test]
fn line_ends_change_nothing() {
    let bytes = std::fs::read(folder().join("encoding-utf8.hl7")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let expected = read(text.as_bytes(), &options()).records;
    for end in ["\n", "\r\n"] {
        assert_eq!(read(text.replace('\r', end).as_bytes(), &options()).records, expected, "{end:?}");
    }
}

#[test]
fn versions_read_alike() {
    let text = String::from_utf8(std::fs::read(folder().join("adt-a01.hl7")).unwrap()).unwrap();
    let expected = read(text.as_bytes(), &options()).records.remove(0).facts;
    for version in ["2.3.1", "2.4", "2.5", "2.5.1", "2.6"] {
        let reading = read(text.replace("|P|2.4|", &format!("|P|{version}|")).as_bytes(), &options());
        assert_eq!(reading.records[0].facts, expected, "{version}");
        assert!(!reading.records[0].issues.iter().any(|issue| issue.rule == "hl7v2.version.unknown"), "{version}");
    }
}

#[test]
fn preliminary_final_and_corrected_are_one_report() {
    let steps = ["oru-p", "oru-f", "oru-c", "oru-x"].map(case);
    let keys: Vec<HashSet<Claim>> =
        steps.iter().map(|step| step.records[0].facts.iter().map(|fact| fact.claim.clone()).collect()).collect();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[1], keys[2]);
    assert!(keys[3].is_subset(&keys[2]));
    let statuses: Vec<&Value> = steps.iter().map(|step| &find(step, "claim:report/")["status"]).collect();
    assert_eq!(statuses, ["preliminary", "final", "corrected", "cancelled"]);
    let times: Vec<_> = steps.iter().map(|step| step.records[0].effective_ms.unwrap()).collect();
    assert!(times.is_sorted() && times[0] < times[3]);
}

/// The states of one stay, one message after the other, as the road would fold them.
#[test]
fn a_discharge_does_not_erase_the_admission() {
    let mut store: BTreeMap<Claim, Value> = BTreeMap::new();
    let mut stay = |name: &str| -> Value {
        for record in case(name).records {
            assert!(record.issues.iter().all(|issue| issue.severity < Severity::Error), "{name}");
            for fact in record.facts {
                match (fact.act, store.get_mut(&fact.claim)) {
                    (Act::Mention | Act::Supersede, Some(_)) => {}
                    (Act::Merge, Some(known)) => {
                        json_patch::merge(known, &fact.resource);
                        prune(known);
                    }
                    _ => {
                        let mut fresh = json!({});
                        json_patch::merge(&mut fresh, &fact.resource);
                        store.insert(fact.claim, fresh);
                    }
                }
            }
        }
        store.iter().find(|(claim, _)| claim.kind == "visit").map(|(_, value)| value.clone()).unwrap()
    };
    let admitted = stay("adt-a01");
    assert_eq!(admitted["status"], "in-progress");
    let discharged = stay("adt-a03");
    assert_eq!(discharged["status"], "finished");
    assert_eq!(discharged["period"]["start"], admitted["period"]["start"]);
    assert_eq!(discharged["period"]["end"], "2024-03-12T10:30:00+08:00");
    assert_eq!(discharged["participant"], admitted["participant"]);
    let updated = stay("adt-a08");
    assert_eq!(updated["status"], "finished", "an update opens nothing again");
    let reopened = stay("adt-a13");
    assert_eq!(reopened["status"], "in-progress");
    assert!(reopened["period"].get("end").is_none());
    assert!(reopened.pointer("/hospitalization/dischargeDisposition").is_none());
    assert_eq!(stay("adt-a11")["status"], "cancelled");
}

#[test]
fn an_update_deletes_what_it_says_is_deleted() {
    let reading = case("adt-a08");
    let patient = find(&reading, "claim:registration/");
    assert_eq!(patient["telecom"], Value::Null, "PID-13 says \"\"");
    assert!(patient.as_object().unwrap().contains_key("telecom"));
    assert!(!patient.as_object().unwrap().contains_key("birthDate"), "PID-7 is empty: nothing is said");
}

#[test]
fn characters_that_end_in_delimiters_survive() {
    let reading = case("encoding-gbk-undeclared");
    assert_eq!(find(&reading, "claim:registration/")["name"][0]["text"], "李珅玘玕");
    assert_eq!(reading.envelope.encoding, "gb18030");
    let reading = case("encoding-gb18030-four-bytes");
    assert_eq!(find(&reading, "claim:registration/")["name"][0]["text"], "王㛃");
}

#[test]
fn a_procedure_is_known_by_what_was_done_and_when() {
    let claims = |name: &str| -> HashSet<String> {
        let facts = case(name).records.into_iter().flat_map(|record| record.facts);
        facts.map(|fact| fact.claim.reference()).filter(|claim| claim.starts_with("claim:visit_procedure/")).collect()
    };
    let (all, later) = (claims("adt-a08-procedures"), claims("adt-a08-procedures-later"));
    assert_eq!((all.len(), later.len()), (4, 2));
    assert_eq!(all.intersection(&later).count(), 1, "the X-ray is the same one, the third dialysis a new one");
}

#[test]
fn what_cannot_be_attributed_is_set_aside() {
    for (name, rule) in [
        ("broken-no-patient", "hl7v2.patient.identifier-missing"),
        ("broken-no-visit", "hl7v2.visit.number-missing"),
        ("broken-a11-no-class", "hl7v2.visit.class-needed"),
        ("broken-no-pid", "hl7v2.segment.missing"),
        ("broken-merge", "hl7v2.merge.identifier-missing"),
        ("broken-type", "hl7v2.message.type-missing"),
        ("unsupported", "hl7v2.message.unsupported"),
    ] {
        let record = &case(name).records[0];
        let error = record.issues.iter().find(|issue| issue.severity >= Severity::Error);
        assert_eq!(error.unwrap_or_else(|| panic!("{name}")).rule, rule, "{name}");
    }
    let reading = case("broken-no-message");
    assert!(reading.records.is_empty());
    assert_eq!(reading.issues.last().unwrap().severity, Severity::Fatal);
}
