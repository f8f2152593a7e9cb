//! History and `$everything`: order, paging, options.

use std::collections::BTreeSet;

use ::model::ErrorCode::{BadPage, BadSearch, Gone, NotFound};
use ::model::instant_text;
use records::{HistoryScope, Page};
use serde_json::{Value, json};

use crate::support::{NOW_MS, World, code_of, json_of, samples, world};

/// Follows the next links and returns all entries.
fn all_pages(first: Page, mut next: impl FnMut(&str) -> Page) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut page = json_of(&first.json);
    for _ in 0..10_000 {
        entries.extend(page["entry"].as_array().into_iter().flatten().cloned());
        let links = page["link"].as_array().unwrap();
        let Some(link) = links.iter().find(|link| link["relation"] == "next") else { return entries };
        page = json_of(&next(link["url"].as_str().unwrap().split_once('?').unwrap().1).json);
    }
    panic!("the pages have no end");
}

fn history(world: &World, scope: HistoryScope<'_>, query: &str) -> Vec<Value> {
    let page = |query: &str| world.records.history(&world.caller, scope, query).unwrap();
    all_pages(page(query), page)
}

fn patient(id: &str, active: bool) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": active})
}

fn etags(entries: &[Value]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let url = entry["fullUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            format!("{url}{}", entry["response"]["etag"].as_str().unwrap().trim_start_matches("W/").trim_matches('"'))
        })
        .collect()
}

#[test]
fn history_shows_every_version_newest_first() {
    let world = world();
    for (id, active) in [("a", true), ("a", false), ("b", true), ("a", true)] {
        world.put(&patient(id, active)).unwrap();
        world.clock.advance(1000);
    }
    world.delete("Patient", "a").unwrap();
    world.put(&json!({"resourceType": "Organization", "id": "c"})).unwrap();
    for count in 1..8 {
        let query = format!("_count={count}");
        assert_eq!(etags(&history(&world, HistoryScope::Instance("Patient", "a"), &query)), ["a4", "a3", "a2", "a1"]);
        assert_eq!(etags(&history(&world, HistoryScope::Type("Patient"), &query)), ["a4", "a3", "b1", "a2", "a1"]);
        assert_eq!(etags(&history(&world, HistoryScope::System, &query)), ["c1", "a4", "a3", "b1", "a2", "a1"]);
    }
    let entries = history(&world, HistoryScope::Instance("Patient", "a"), "");
    assert_eq!(entries[0]["request"], json!({"method": "DELETE", "url": "Patient/a"}));
    assert_eq!(entries[0]["response"]["status"], "204");
    assert!(entries[0].get("resource").is_none());
    assert_eq!(entries[1]["resource"]["active"], true);
    assert_eq!(entries[3]["response"]["status"], "201");
    let since =
        |scope, ms: i64| etags(&history(&world, scope, &format!("_since={}&_count=1", instant_text(NOW_MS + ms))));
    assert_eq!(since(HistoryScope::Instance("Patient", "a"), 1000), ["a4", "a3", "a2"]);
    assert_eq!(since(HistoryScope::Type("Patient"), 2000), ["a4", "a3", "b1"]);
    assert_eq!(since(HistoryScope::System, 4001), Vec::<String>::new());
    let code = |scope, query: &str| code_of(world.records.history(&world.caller, scope, query));
    assert_eq!(code(HistoryScope::Instance("Patient", "z"), ""), NotFound);
    assert_eq!(code(HistoryScope::Type("Nothing"), ""), NotFound);
    assert_eq!(code(HistoryScope::System, "_at=yesterday"), BadSearch);
    assert_eq!(code(HistoryScope::System, "_at=2020&_at=2021"), BadSearch);
    assert_eq!(code(HistoryScope::System, "_page=abc"), BadPage);
    let total =
        json_of(&world.records.history(&world.caller, HistoryScope::Instance("Patient", "a"), "").unwrap().json);
    assert_eq!(total["total"], 4);
}

#[test]
fn a_history_at_a_time_shows_what_was_current_then() {
    let world = world();
    for (id, active) in [("a", true), ("a", false), ("b", true), ("a", true)] {
        world.put(&patient(id, active)).unwrap();
        world.clock.advance(1000);
    }
    world.delete("Patient", "a").unwrap();
    let at = |scope, from_ms: i64, count: usize, more: &str| {
        let query = format!("_at={}&_count={count}{more}", instant_text(NOW_MS + from_ms));
        etags(&history(&world, scope, &query))
    };
    let a = HistoryScope::Instance("Patient", "a");
    let patients = HistoryScope::Type("Patient");
    // What was current in that millisecond; a deletion is what is current after it.
    let cases: [(i64, &[&str], &[&str]); 7] = [
        (-1, &[], &[]),
        (0, &["a1"], &["a1"]),
        (999, &["a1"], &["a1"]),
        (1000, &["a2"], &["a2"]),
        (2000, &["a2"], &["b1", "a2"]),
        (3500, &["a3"], &["a3", "b1"]),
        (9000, &["a4"], &["a4", "b1"]),
    ];
    for count in 1..4 {
        for (ms, of_a, of_all) in cases {
            assert_eq!(at(a, ms, count, ""), of_a, "{ms} {count}");
            assert_eq!(at(patients, ms, count, ""), of_all, "{ms} {count}");
            assert_eq!(at(HistoryScope::System, ms, count, ""), of_all, "{ms} {count}");
        }
        // A longer time shows everything that was current at some moment of it; `_since` narrows it.
        assert_eq!(etags(&history(&world, a, &format!("_at=2026-01&_count={count}"))), ["a4", "a3", "a2", "a1"]);
        assert_eq!(etags(&history(&world, a, &format!("_at=2025&_count={count}"))), Vec::<String>::new());
        let since = format!("&_since={}", instant_text(NOW_MS + 1500));
        assert_eq!(etags(&history(&world, a, &format!("_at=2026-01&_count={count}{since}"))), ["a4", "a3"]);
    }
    let whole = json_of(&world.records.history(&world.caller, a, "_at=2026-01").unwrap().json);
    assert!(whole.get("total").is_none(), "the total is that of the whole history, which was not asked for");
}

#[test]
fn a_page_link_belongs_to_its_list() {
    let world = world();
    for active in [true, false] {
        world.put(&patient("a", active)).unwrap();
    }
    let page = json_of(&world.records.history(&world.caller, HistoryScope::System, "_count=1").unwrap().json);
    let next = page["link"][1]["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    assert!(world.records.history(&world.caller, HistoryScope::System, &next).is_ok());
    assert_eq!(code_of(world.records.history(&world.caller, HistoryScope::Type("Patient"), &next)), BadPage);
    assert_eq!(code_of(world.records.everything(&world.caller, "a", &next)), BadPage);
}

fn everything(world: &World, id: &str, query: &str) -> Vec<Value> {
    let page = |query: &str| world.records.everything(&world.caller, id, query).unwrap();
    all_pages(page(query), page)
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_is_the_compartment() {
    let world = world();
    let observation = |id: &str, patient: &str, at: &str| {
        let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient/{patient}")}});
        if !at.is_empty() {
            resource["effectiveDateTime"] = at.into();
        }
        resource
    };
    for id in ["p", "q"] {
        world.put(&patient(id, true)).unwrap();
    }
    for (id, patient, at) in
        [("o1", "p", "2020-01-01"), ("o2", "p", "2021-06-01T08:00:00Z"), ("o3", "p", ""), ("o4", "q", "2020-01-01")]
    {
        world.put(&observation(id, patient, at)).unwrap();
    }
    // About another patient, but this one did it: also in the compartment.
    let mut performed = observation("o5", "q", "2019-01-01");
    performed["performer"] = json!([{"reference": "Patient/p"}]);
    world.put(&performed).unwrap();
    world.clock.advance(1000);
    world
        .put(&json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": "Patient/p"}, "period": {"start": "2020-12-30", "end": "2021-01-03"}}))
        .unwrap();
    for count in ["", "_count=1", "_count=2", "_count=3"] {
        assert_eq!(ids(&everything(&world, "p", count)), ["p", "e1", "o2", "o1", "o5", "o3"], "{count}");
    }
    assert_eq!(ids(&everything(&world, "p", "_type=Encounter,Patient&_count=1")), ["p", "e1"]);
    assert_eq!(ids(&everything(&world, "p", "start=2021")), ["p", "e1", "o2", "o3"]);
    assert_eq!(ids(&everything(&world, "p", "start=2020&end=2020&_count=1")), ["p", "e1", "o1", "o3"]);
    let since = format!("_since={}", instant_text(NOW_MS + 1));
    assert_eq!(ids(&everything(&world, "p", &since)), ["e1"]);
    world.delete("Observation", "o2").unwrap();
    assert_eq!(ids(&everything(&world, "p", "_type=Observation")), ["o1", "o5", "o3"]);
    let page = world.records.everything(&world.caller, "p", "").unwrap();
    assert_eq!((page.count, page.disclosed.len()), (5, 2));
    assert_eq!(json_of(&page.json)["total"], 5);
    world.delete("Patient", "q").unwrap();
    assert_eq!(code_of(world.records.everything(&world.caller, "q", "")), Gone);
    assert_eq!(code_of(world.records.everything(&world.caller, "z", "")), NotFound);
    assert_eq!(code_of(world.records.everything(&world.caller, "p", "_type=Nothing")), BadSearch);
}

#[test]
fn everything_of_a_sample_patient_is_its_bundle() {
    let world = world();
    let outside = ["Practitioner", "Organization", "Location", "Medication", "PractitionerRole", "Device"];
    for (name, body) in samples() {
        let answer = json_of(&world.bundle_page(&body).unwrap().json);
        let locations = answer["entry"].as_array().unwrap().iter();
        let expected: BTreeSet<String> = locations
            .map(|entry| entry["response"]["location"].as_str().unwrap().split_once("/_history").unwrap().0.to_owned())
            .filter(|reference| !outside.contains(&reference.split_once('/').unwrap().0))
            .collect();
        let Some(patient) = expected.iter().find_map(|reference| reference.strip_prefix("Patient/")) else { continue };
        let got: BTreeSet<String> = everything(&world, patient, "_count=100")
            .iter()
            .map(|entry| entry["fullUrl"].as_str().unwrap().replace("http://localhost/fhir/R4/", ""))
            .collect();
        assert_eq!(got, expected, "{name}");
    }
}
