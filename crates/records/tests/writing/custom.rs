//! Custom search parameters: taken or refused, not ready until the index has them, then answered like any other; `custom.json` has the
//! definitions, the questions and the refusals.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::model::{ErrorCode, Purpose, TenantId};
use records::{Caller, CustomError, Readiness, Records};
use serde_json::{Value, json};
use trust::Role;

use crate::support::{World, caller, code_of, json_of, world};

fn data() -> Value {
    serde_json::from_str(include_str!("custom.json")).unwrap()
}

fn definition(members: &Value) -> String {
    let mut whole = members.clone();
    for (name, value) in
        [("resourceType", "SearchParameter"), ("name", "A"), ("status", "active"), ("description", "d")]
    {
        whole[name] = json!(value);
    }
    whole.to_string()
}

fn add(world: &World, members: &Value) -> Result<u16, CustomError> {
    let added = world.records.add_custom_parameter(TenantId(1), definition(members).as_bytes());
    added.map(|parameter| parameter.number)
}

fn refused<T: std::fmt::Debug>(result: Result<T, CustomError>) -> String {
    match result {
        Err(CustomError::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

fn reindex(records: &Records) {
    records.reindex(&mut |_| true).unwrap();
    assert!(!records.needs_reindex().unwrap());
}

fn ids(world: &World, caller: &Caller, type_name: &str, query: &str) -> Vec<String> {
    let page = world.records.search(caller, Some(type_name), query);
    let page = page.unwrap_or_else(|failure| panic!("{type_name}?{query}: {failure}"));
    let bundle = json_of(&page.json);
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

fn ask_all(world: &World, when: &str) {
    for question in data()["questions"].as_array().unwrap() {
        let [type_name, query, expected] = [0, 1, 2].map(|at| question[at].as_str().unwrap());
        let mut found = ids(world, &world.caller, type_name, query);
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        if !query.contains("_sort") {
            found.sort();
            expected.sort_unstable();
        }
        assert_eq!(found, expected, "{when}: {type_name}?{query}");
    }
}

fn write_all(world: &World) {
    for resource in data()["resources"].as_array().unwrap() {
        world.put(resource).unwrap();
    }
}

fn define_all(world: &World) {
    for members in data()["definitions"].as_array().unwrap() {
        add(world, members).unwrap_or_else(|error| panic!("{}: {error}", members["code"]));
    }
}

#[test]
fn they_answer_once_the_index_has_them() {
    let world = world();
    write_all(&world);
    define_all(&world);
    assert!(world.records.needs_reindex().unwrap());
    for question in data()["questions"].as_array().unwrap() {
        let [type_name, query] = [0, 1].map(|at| question[at].as_str().unwrap());
        let mut lenient = world.caller.clone();
        lenient.strict = false;
        for caller in [&world.caller, &lenient] {
            let failure = world.records.search(caller, Some(type_name), query).unwrap_err();
            assert_eq!(failure.code, ErrorCode::NotReady, "{query}: {failure}");
        }
    }
    let standing = world.records.custom_parameters(TenantId(1)).unwrap();
    assert!(standing.iter().all(|it| it.readiness == Readiness::Building));
    reindex(&world.records);
    ask_all(&world, "built");
    let standing: BTreeMap<String, _> = world
        .records
        .custom_parameters(TenantId(1))
        .unwrap()
        .into_iter()
        .map(|it| (it.parameter.code.clone(), (it.readiness, it.is_interpreted, it.failures)))
        .collect();
    assert!(standing.values().all(|it| it.0 == Readiness::Ready), "{standing:?}");
    assert!(!standing["blood-type"].1 && !standing["extension-url"].1 && !standing["contact-gender"].1);
    assert!(standing["component-count"].1 && standing["systolic"].1);
    // bp1 has two components: the expression fails there, and the write was taken all the same.
    assert!(standing["only-component"].2 > 0 && standing["systolic"].2 == 0, "{standing:?}");
    let again = Records::new(Arc::clone(&world.store), world.clock.clone()).unwrap();
    assert!(!again.needs_reindex().unwrap());
    assert!(again.parameters(Some(TenantId(1))).unwrap().get(model_type("Patient"), "blood-type").is_some());
    assert!(again.parameters(None).unwrap().get(model_type("Patient"), "blood-type").is_none());
}

fn model_type(name: &str) -> ::model::TypeCode {
    ::model::TypeCode::of(name).unwrap()
}

#[test]
fn what_is_written_later_is_found_as_well() {
    let world = world();
    define_all(&world);
    reindex(&world.records);
    write_all(&world);
    ask_all(&world, "written after the build");
    let mut patient = world.read("Patient", "p2").unwrap();
    patient["telecom"] = json!([{"system": "phone", "value": "10000000000"}]);
    world.put(&patient).unwrap();
    assert_eq!(ids(&world, &world.caller, "Patient", "has-phone=true&_sort=_id"), ["p1", "p2"]);
    assert_eq!(ids(&world, &world.caller, "Patient", "has-phone=false"), ["p3"]);
    world.delete("Patient", "p2").unwrap();
    assert_eq!(ids(&world, &world.caller, "Patient", "has-phone=true"), ["p1"]);
    // A condition of a write is a search as well.
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": {"resourceType": "Patient", "telecom": [{"system": "phone", "value": "1"}]},
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "has-phone=true"}}]});
    let answer = world.bundle(&bundle).unwrap();
    assert_eq!(answer["entry"][0]["response"]["status"], "200 OK");
}

#[test]
fn written_while_the_index_is_built() {
    let world = world();
    for number in 0..600 {
        world.put(&json!({"resourceType": "Patient", "id": format!("x{number}")})).unwrap();
    }
    define_all(&world);
    let mut step = 0;
    world
        .records
        .reindex(&mut |_| {
            if step == 1 {
                write_all(&world);
            }
            let asked = world.records.search(&world.caller, Some("Patient"), "has-phone=true");
            assert_eq!(asked.unwrap_err().code, ErrorCode::NotReady);
            step += 1;
            true
        })
        .unwrap();
    assert!(step > 2);
    (0..600).for_each(|number| {
        world.delete("Patient", &format!("x{number}")).unwrap();
    });
    ask_all(&world, "written meanwhile");
}

#[test]
fn other_tenants_know_nothing_of_them() {
    let world = world();
    define_all(&world);
    reindex(&world.records);
    let other = caller(TenantId(2), Role::Machine, "system/*.cruds", Purpose::Operations, &[]);
    world.put_as(&other, &data()["resources"][0]).unwrap();
    assert_eq!(code_of(world.records.search(&other, Some("Patient"), "has-phone=true")), ErrorCode::BadSearch);
    assert!(world.records.custom_parameters(TenantId(2)).unwrap().is_empty());
}

#[test]
fn retired_is_unknown_and_defined_anew_is_another() {
    let world = world();
    write_all(&world);
    let first = json!({"url": "urn:x:a", "code": "mark", "type": "token", "base": ["Patient"], "expression": "Patient.telecom.exists()"});
    let number = add(&world, &first).unwrap();
    assert!(refused(add(&world, &first)).contains("already"));
    reindex(&world.records);
    assert_eq!(ids(&world, &world.caller, "Patient", "mark=true"), ["p1"]);
    world.records.retire_custom_parameter(TenantId(1), "urn:x:a").unwrap();
    assert_eq!(code_of(world.records.search(&world.caller, Some("Patient"), "mark=true")), ErrorCode::BadSearch);
    assert!(refused(world.records.retire_custom_parameter(TenantId(1), "mark")).contains("no custom search parameter"));
    let second = json!({"url": "urn:x:a", "code": "mark", "type": "token", "base": ["Patient"], "expression": "Patient.contact.exists().not()"});
    assert_eq!(add(&world, &second).unwrap(), number + 1, "a number is never given twice");
    assert_eq!(code_of(world.records.search(&world.caller, Some("Patient"), "mark=true")), ErrorCode::NotReady);
    reindex(&world.records);
    assert_eq!(ids(&world, &world.caller, "Patient", "mark=true&_sort=_id"), ["p2", "p3"]);
    world.records.retire_custom_parameter(TenantId(1), "mark").unwrap();
    reindex(&world.records);
    assert!(world.records.custom_parameters(TenantId(1)).unwrap().is_empty());
}

#[test]
fn a_definition_that_comes_in_the_middle_waits_for_the_next_build() {
    let world = world();
    write_all(&world);
    let named = |code: &str| json!({"url": format!("urn:x:{code}"), "code": code, "type": "token", "base": ["Patient"], "expression": "Patient.telecom.exists()"});
    add(&world, &named("one")).unwrap();
    let mut added = false;
    let middle = |_| {
        if !std::mem::replace(&mut added, true) {
            add(&world, &named("two")).unwrap();
        }
        true
    };
    world.records.reindex(&mut { middle }).unwrap();
    assert!(world.records.needs_reindex().unwrap());
    assert_eq!(ids(&world, &world.caller, "Patient", "one=true"), ["p1"]);
    assert_eq!(code_of(world.records.search(&world.caller, Some("Patient"), "two=true")), ErrorCode::NotReady);
    reindex(&world.records);
    assert_eq!(ids(&world, &world.caller, "Patient", "one=true&two=true"), ["p1"]);
}

#[test]
fn what_is_not_taken_is_told_in_both_languages() {
    let world = world();
    for row in data()["refusals"].as_array().unwrap() {
        let said = refused(add(&world, &row[0]));
        let expected = row[1].as_str().unwrap();
        assert!(said.contains(expected), "{}: {said}", row[0]);
        assert!(said.chars().any(|it| ('\u{4e00}'..='\u{9fff}').contains(&it)), "{said}");
    }
    assert!(refused(world.records.add_custom_parameter(TenantId(1), b"{}")).contains("no FHIR SearchParameter"));
    assert!(refused(world.records.add_custom_parameter(TenantId(1), &vec![b' '; 70_000])).contains("bytes"));
    let long = json!({"url": "urn:x:l", "code": "l", "type": "token", "base": ["Patient"], "expression": format!("Patient.name{}", ".tail()".repeat(200))});
    assert!(refused(add(&world, &long)).contains("more than 1000 bytes"));
    assert!(!world.records.needs_reindex().unwrap(), "nothing was changed");
    for number in 0..32 {
        let one = json!({"url": format!("urn:x:{number}"), "code": format!("c{number}"), "type": "token", "base": ["Patient"], "expression": "Patient.active"});
        add(&world, &one).unwrap();
    }
    let more = json!({"url": "urn:x:more", "code": "more", "type": "token", "base": ["Patient"], "expression": "Patient.active"});
    assert!(refused(add(&world, &more)).contains("at most 32"));
}
