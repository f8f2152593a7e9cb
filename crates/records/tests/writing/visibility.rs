//! What a caller may not see does not exist for them.

use ::model::ErrorCode::{Forbidden, NotFound};
use ::model::{Home, Purpose, TenantId};
use records::{Caller, HistoryScope};
use serde_json::{Value, json};
use trust::Role;

use crate::support::{World, caller, code_of, json_of, world};

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

fn observation(id: &str, patient: &str, label: Option<&str>) -> Value {
    let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
        "subject": {"reference": format!("Patient/{patient}")}});
    if let Some(label) = label {
        resource["meta"] = json!({"security": [{"system": CONFIDENTIALITY, "code": label}]});
    }
    resource
}

/// Two patients with one observation each, and a hospital. Returns the homes of the patients.
fn hospital(world: &World) -> (Home, Home) {
    let home = |id: &str| world.put(&json!({"resourceType": "Patient", "id": id})).unwrap().disclosed[0];
    let homes = (home("p"), home("q"));
    world.put(&observation("op", "p", None)).unwrap();
    world.put(&observation("oq", "q", None)).unwrap();
    world.put(&json!({"resourceType": "Organization", "id": "h"})).unwrap();
    homes
}

fn resident(home: Home) -> Caller {
    caller(TenantId(1), Role::Resident, "patient/*.rs", Purpose::PersonRequest, &[home])
}

fn readable(world: &World, caller: &Caller, references: &[&str]) -> Vec<bool> {
    let read = |reference: &&str| {
        let (type_name, id) = reference.split_once('/').unwrap();
        match world.records.read(caller, type_name, id) {
            Ok(_) => true,
            Err(failure) => {
                assert_eq!(failure.code, NotFound, "{reference}: hidden is not found, never forbidden");
                false
            }
        }
    };
    references.iter().map(read).collect()
}

fn history_len(world: &World, caller: &Caller, scope: HistoryScope<'_>) -> usize {
    let page = world.records.history(caller, scope, "").unwrap();
    assert_eq!(json_of(&page.json)["entry"].as_array().map_or(0, Vec::len), page.count);
    page.count
}

#[test]
fn a_resident_sees_their_own_record_and_the_directory() {
    let world = world();
    let (p, q) = hospital(&world);
    let all = ["Patient/p", "Observation/op", "Patient/q", "Observation/oq", "Organization/h", "Patient/none"];
    assert_eq!(readable(&world, &resident(p), &all), [true, true, false, false, true, false]);
    assert_eq!(readable(&world, &resident(q), &all), [false, false, true, true, true, false]);
    assert_eq!(code_of(world.records.everything(&resident(p), "q", "")), NotFound);
    assert_eq!(world.records.everything(&resident(p), "p", "").unwrap().count, 2);
    assert_eq!(history_len(&world, &resident(p), HistoryScope::System), 3);
    assert_eq!(history_len(&world, &resident(p), HistoryScope::Type("Observation")), 1);
    assert_eq!(code_of(world.records.history(&resident(p), HistoryScope::Instance("Patient", "q"), "")), NotFound);
    assert_eq!(code_of(world.put_as(&resident(p), &observation("op", "p", None))), Forbidden);
}

#[test]
fn who_took_part_sees_the_resource_too() {
    let world = world();
    let (p, _) = hospital(&world);
    let mut shared = observation("os", "q", None);
    shared["performer"] = json!([{"reference": "Patient/p"}]);
    world.put(&shared).unwrap();
    assert_eq!(readable(&world, &resident(p), &["Observation/os", "Observation/oq"]), [true, false]);
}

#[test]
fn another_tenant_sees_nothing() {
    let world = world();
    hospital(&world);
    let other = caller(TenantId(2), Role::Machine, "system/*.cruds", Purpose::Operations, &[]);
    assert_eq!(readable(&world, &other, &["Patient/p", "Observation/op", "Organization/h"]), [false; 3]);
    assert_eq!(history_len(&world, &other, HistoryScope::System), 0);
    // The same id is another resource there.
    assert_eq!(world.put_as(&other, &json!({"resourceType": "Patient", "id": "p"})).unwrap().status, 201);
    assert_eq!(history_len(&world, &other, HistoryScope::System), 1);
    assert_eq!(world.read("Patient", "p").unwrap()["meta"]["versionId"], "1");
}

#[test]
fn a_label_hides_all_versions_from_who_does_not_hold_it() {
    let world = world();
    hospital(&world);
    let clinician = |grants: &str| caller(TenantId(1), Role::Clinician, grants, Purpose::Treatment, &[]);
    let (plain, trusted) = (clinician("user/*.rs ground/any"), clinician("user/*.rs label/R label/V ground/any"));
    assert!(!plain.filter.hidden_labels().is_empty() && trusted.filter.hidden_labels().is_empty());
    world.put(&observation("op", "p", Some("V"))).unwrap();
    assert_eq!(readable(&world, &plain, &["Observation/op", "Observation/oq"]), [false, true]);
    assert_eq!(readable(&world, &trusted, &["Observation/op", "Observation/oq"]), [true, true]);
    assert_eq!(code_of(world.records.vread(&plain, "Observation", "op", "1")), NotFound);
    assert!(world.records.vread(&trusted, "Observation", "op", "1").is_ok());
    assert_eq!(history_len(&world, &plain, HistoryScope::Type("Observation")), 1);
    assert_eq!(history_len(&world, &trusted, HistoryScope::Type("Observation")), 3);
    assert_eq!(world.records.everything(&plain, "p", "").unwrap().count, 1);
    assert_eq!(world.records.everything(&trusted, "p", "").unwrap().count, 2);
    // A deletion does not open what came before it.
    world.delete("Observation", "op").unwrap();
    assert_eq!(code_of(world.records.vread(&plain, "Observation", "op", "1")), NotFound);
    // The text of a label elsewhere in a resource hides nothing.
    let mut mentions = observation("om", "p", None);
    mentions["note"] = json!([{"text": "\"security\": R"}]);
    world.put(&mentions).unwrap();
    assert_eq!(readable(&world, &plain, &["Observation/om"]), [true]);
}

#[test]
fn a_caller_without_the_grant_is_told_so() {
    let world = world();
    hospital(&world);
    let narrow = caller(TenantId(1), Role::Machine, "system/Observation.rs", Purpose::Operations, &[]);
    assert_eq!(code_of(world.records.read(&narrow, "Patient", "p")), Forbidden);
    assert_eq!(code_of(world.put_as(&narrow, &observation("op", "p", None))), Forbidden);
    assert_eq!(history_len(&world, &narrow, HistoryScope::System), 2);
    // A feed that may only write writes new versions of what it cannot read.
    let writer = caller(TenantId(1), Role::Machine, "system/Observation.cu", Purpose::Operations, &[]);
    let mut changed = observation("op", "p", None);
    changed["status"] = "amended".into();
    assert_eq!(world.put_as(&writer, &changed).unwrap().version, 2);
    assert_eq!(code_of(world.records.read(&writer, "Observation", "op")), Forbidden);
}
