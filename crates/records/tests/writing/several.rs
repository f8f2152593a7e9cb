//! Search over several types at once: one order, stable pages, the caller's scope, and errors that name the alternatives.

use std::collections::BTreeSet;

use ::model::ErrorCode::{BadPage, BadSearch, Forbidden, NotSupported};
use ::model::{Failure, Purpose, TenantId};
use records::Caller;
use serde_json::{Value, json};
use trust::Role;

use crate::support::{World, caller, code_of, json_of, samples, world};

fn search(world: &World, caller: &Caller, query: &str) -> Result<Value, Failure> {
    world.records.search(caller, None, query).map(|page| json_of(&page.json))
}

/// Addresses of all hits, page by page, and the totals that the pages gave.
fn all(world: &World, caller: &Caller, query: &str) -> (Vec<String>, BTreeSet<Option<u64>>) {
    let (mut found, mut totals) = (Vec::new(), BTreeSet::new());
    let mut query = query.to_owned();
    for _ in 0..10_000 {
        let page = search(world, caller, &query).unwrap();
        totals.insert(page["total"].as_u64());
        for entry in page["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            found.push(format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap()));
        }
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { return (found, totals) };
        let (address, rest) = next["url"].as_str().unwrap().split_once('?').unwrap();
        assert_eq!(address, "http://localhost/fhir/R4");
        query = rest.to_owned();
    }
    panic!("the pages have no end");
}

fn put(world: &World, type_name: &str, id: &str, patient: &str, more: Value) {
    let mut resource =
        json!({"resourceType": type_name, "id": id, "subject": {"reference": format!("Patient/{patient}")}});
    let Value::Object(more) = more else { panic!("an object") };
    resource.as_object_mut().unwrap().extend(more);
    world.put(&resource).unwrap();
}

/// Two patients, and things that happened to them on known days.
fn ward(world: &World) -> Vec<::model::Home> {
    let homes = ["p", "q"].map(|id| world.put(&json!({"resourceType": "Patient", "id": id})).unwrap().disclosed[0]);
    let observation = |day: &str| json!({"status": "final", "code": {"text": "x"}, "effectiveDateTime": day});
    put(world, "Observation", "o1", "p", observation("2020-01-01"));
    put(world, "Observation", "o2", "p", observation("2020-03-01"));
    put(world, "Observation", "o3", "q", observation("2020-04-01"));
    put(world, "Condition", "c1", "p", json!({"code": {"text": "y"}, "onsetDateTime": "2020-02-01"}));
    put(world, "Condition", "c2", "p", json!({"code": {"text": "y"}}));
    put(
        world,
        "Encounter",
        "e1",
        "p",
        json!({"status": "finished", "class": {"code": "AMB"}, "period": {"start": "2020-05-01"}}),
    );
    homes.to_vec()
}

#[test]
fn hits_of_all_types_come_newest_first_and_once() {
    let world = world();
    ward(&world);
    let expected =
        ["Encounter/e1", "Observation/o3", "Observation/o2", "Condition/c1", "Observation/o1", "Condition/c2"];
    for count in 1..8 {
        for types in ["Observation,Condition,Encounter", "Encounter,Condition,Observation,Condition"] {
            let (found, totals) = all(&world, &world.caller, &format!("_type={types}&_count={count}"));
            assert_eq!(found, expected, "{types} {count}");
            assert_eq!(totals, BTreeSet::from([Some(6)]), "{types} {count}");
        }
    }
    let of_p = ["Observation/o2", "Condition/c1", "Observation/o1", "Condition/c2"];
    assert_eq!(all(&world, &world.caller, "_type=Observation,Condition&patient=p&_count=1").0, of_p);
    assert_eq!(
        all(&world, &world.caller, "_type=Observation&patient=p&_count=1").0,
        ["Observation/o2", "Observation/o1"]
    );
    let ids = "_type=Observation,Condition&_id=o1,c1,e1";
    assert_eq!(all(&world, &world.caller, ids).0, ["Condition/c1", "Observation/o1"]);
    let counted = search(&world, &world.caller, "_type=Observation,Condition&patient=p&_summary=count").unwrap();
    assert_eq!((counted["total"].as_u64(), counted.get("entry")), (Some(4), None));
}

#[test]
fn another_order_is_one_order_for_all_types() {
    let world = world();
    ward(&world);
    for count in 1..6 {
        let query = |sort: &str| format!("_type=Observation,Condition&_sort={sort}&_count={count}");
        let by_id = all(&world, &world.caller, &query("_id"));
        assert_eq!(by_id.0, ["Condition/c1", "Condition/c2", "Observation/o1", "Observation/o2", "Observation/o3"]);
        assert_eq!(by_id.1, BTreeSet::from([Some(5)]));
        let mut turned = by_id.0;
        turned.reverse();
        assert_eq!(all(&world, &world.caller, &query("-_id")).0, turned);
    }
    // In both types, but a text in one and a date in the other: no common order.
    let failure = search(&world, &world.caller, "_type=Encounter,Condition&_sort=type").unwrap_err();
    assert_eq!(failure.code, BadSearch);
}

#[test]
fn includes_and_parts_work_as_in_one_type() {
    let world = world();
    ward(&world);
    let query = "_type=Observation,Condition&patient=p&_include=Condition:subject&_elements=code";
    let page = search(&world, &world.caller, query).unwrap();
    let modes: Vec<(&str, &str)> = page["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["resource"]["id"].as_str().unwrap(), entry["search"]["mode"].as_str().unwrap()))
        .collect();
    assert_eq!(modes, [("o2", "match"), ("c1", "match"), ("o1", "match"), ("c2", "match"), ("p", "include")]);
    assert!(page["entry"][0]["resource"].get("effectiveDateTime").is_none(), "only the elements asked for");
}

#[test]
fn a_caller_finds_what_they_may_see_and_no_more() {
    let world = world();
    let homes = ward(&world);
    let resident = caller(TenantId(1), Role::Resident, "patient/*.rs", Purpose::PersonRequest, &homes[1..]);
    let (found, _) = all(&world, &resident, "_type=Observation,Condition,Encounter,Patient&_count=1");
    assert_eq!(found, ["Observation/o3", "Patient/q"]);
    let counted = search(&world, &resident, "_type=Observation,Condition&_summary=count").unwrap();
    assert_eq!(counted["total"], 1);
    // A type that may not be searched is refused by name, as it is alone; the answer is not quietly made smaller.
    let narrow = caller(TenantId(1), Role::Machine, "system/Observation.rs", Purpose::Operations, &[]);
    assert_eq!(all(&world, &narrow, "_type=Observation").0.len(), 3);
    assert_eq!(code_of(search(&world, &narrow, "_type=Observation,Condition")), Forbidden);
    let elsewhere = caller(TenantId(2), Role::Machine, "system/*.rs", Purpose::Operations, &[]);
    assert!(all(&world, &elsewhere, "_type=Observation,Condition,Patient").0.is_empty());
}

#[test]
fn errors_name_the_alternatives() {
    let world = world();
    ward(&world);
    let failure = |query: &str| search(&world, &world.caller, query).unwrap_err();
    assert_eq!(failure("patient=p").code, NotSupported);
    assert!(failure("patient=p").detail.contains("_type=Condition,Observation"));
    assert_eq!(failure("_type=Observation,Nothing").code, BadSearch);
    assert_eq!(failure("_type=").code, BadSearch);
    assert_eq!(failure("_type=Observation&_type=Condition").code, BadSearch);
    let unknown = failure("_type=Observation,Condition&value-quantity=5");
    assert_eq!(unknown.code, BadSearch);
    assert!(unknown.detail.contains("Observation, Condition have in common: _id"), "{}", unknown.detail);
    assert!(!unknown.detail.rsplit_once("in common").unwrap().1.contains("onset-date"), "{}", unknown.detail);
    let page = search(&world, &world.caller, "_type=Observation,Condition&_count=1").unwrap();
    let next = page["link"][1]["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    assert_eq!(code_of(world.records.search(&world.caller, Some("Observation"), &next)), BadPage);
    let page = world.records.search(&world.caller, Some("Observation"), "_count=1").unwrap();
    let next = json_of(&page.json)["link"][1]["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    assert_eq!(failure(&next).code, BadPage);
}

#[test]
fn together_they_find_what_each_finds_alone() {
    let world = world();
    for (_, body) in samples().iter().take(5) {
        world.bundle_page(body).unwrap();
    }
    let types = ["Condition", "Encounter", "Observation", "Procedure", "Immunization"];
    let mut alone = BTreeSet::new();
    for name in types {
        alone.extend(all(&world, &world.caller, &format!("_type={name}&_count=1000")).0);
    }
    assert!(alone.len() > 200, "{}", alone.len());
    for count in [7, 1000] {
        let (found, _) = all(&world, &world.caller, &format!("_type={}&_count={count}", types.join(",")));
        assert_eq!(found.len(), alone.len(), "each once");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), alone);
    }
}
