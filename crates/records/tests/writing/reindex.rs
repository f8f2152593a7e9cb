//! A new generation of the index beside the first: the answers are the same before, during and after, whoever writes meanwhile and
//! wherever it is cut off.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use records::{Definitions, OpenError, Records, ReindexError};
use serde_json::{Value, json};
use store::{Keyspace, Transaction, Write};

use crate::support::{World, json_of, world};

/// More than one commit of a reindex takes.
const OBSERVATIONS: usize = 700;

fn observation(number: usize, value: usize) -> Value {
    json!({
        "resourceType": "Observation", "id": format!("o{number}"), "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": format!("c{}", value % 7)}], "text": "收缩压"},
        "subject": {"reference": format!("Patient/p{}", number % 5)},
        "effectiveDateTime": format!("20{:02}-03-05", 10 + value % 15),
        "valueQuantity": {"value": value, "unit": "mmHg"}
    })
}

fn patient(number: usize, gender: &str) -> Value {
    json!({"resourceType": "Patient", "id": format!("p{number}"), "gender": gender, "birthDate": "1980-01-01",
        "name": [{"text": format!("演示{number}")}], "identifier": [{"system": "urn:x", "value": format!("n{number}")}],
        "maritalStatus": {"coding": [{"code": "M"}]}})
}

fn transaction(world: &World, entries: Vec<Value>) {
    let put = |resource: Value| {
        let url = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        json!({"resource": resource, "request": {"method": "PUT", "url": url}})
    };
    let entries: Vec<Value> = entries.into_iter().map(put).collect();
    world.bundle(&json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})).unwrap();
}

fn filled() -> World {
    let world = world();
    transaction(
        &world,
        (0..5).map(|number| patient(number, if number % 2 == 0 { "male" } else { "female" })).collect(),
    );
    transaction(&world, (0..OBSERVATIONS).map(|number| observation(number, number)).collect());
    world
}

/// Every index row without its generation, and the generations that there are.
fn index_rows(world: &World) -> (BTreeSet<(Keyspace, Vec<u8>)>, BTreeSet<u8>) {
    let snapshot = world.store.snapshot();
    let (mut rows, mut generations) = (BTreeSet::new(), BTreeSet::new());
    for keyspace in [Keyspace::Index, Keyspace::CompartmentIndex] {
        let mut cursor = snapshot.scan(keyspace, &[], &[]);
        while let Some((key, _)) = cursor.next().unwrap() {
            let mut key = key.to_vec();
            generations.insert(key.remove(4));
            rows.insert((keyspace, key));
        }
    }
    (rows, generations)
}

const QUESTIONS: [(&str, &str); 11] = [
    ("Patient", "gender=male&_sort=_id"),
    ("Patient", "name=演示"),
    ("Patient", "_has:Observation:patient:code=c3"),
    ("Observation", "code=http://loinc.org|c3"),
    ("Observation", "patient=p1&code=c2"),
    ("Observation", "patient=p1&_sort=-date"),
    ("Observation", "date=ge2015&value-quantity=lt300"),
    ("Observation", "code-value-quantity=c3$gt100"),
    ("Observation", "subject:Patient.gender=female&code=c1"),
    ("Observation", "_lastUpdated=gt2020&_include=Observation:subject"),
    ("Observation", "code:text=收缩"),
];

/// Ids of all pages of every question, in order, and the totals.
fn answers(records: &Records, world: &World) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (type_name, question) in QUESTIONS {
        let mut query = format!("{question}&_count=50");
        let mut found = Vec::new();
        loop {
            let page = records.search(&world.caller, Some(type_name), &query);
            let page = page.unwrap_or_else(|failure| panic!("{type_name}?{query}: {failure}"));
            let bundle = json_of(&page.json);
            let ids = bundle["entry"].as_array().into_iter().flatten();
            found.extend(ids.map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()));
            found.push(format!("total {}", bundle["total"]));
            let next = bundle["link"].as_array().into_iter().flatten().find(|link| link["relation"] == "next");
            let Some(next) = next else { break };
            query = next["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
        }
        all.push(found);
    }
    let everything = records.everything(&world.caller, "p2", "").unwrap();
    all.push(vec![everything.count.to_string()]);
    all
}

fn other_definitions(from: &str, to: &str) -> Definitions {
    let text = Definitions::built_in().text().to_owned();
    assert!(text.contains(from), "the definitions have no {from}");
    Definitions::read(&text.replace(from, to)).unwrap()
}

#[test]
fn answers_are_equal_before_during_and_after() {
    let world = filled();
    let before = answers(&world.records, &world);
    assert!(before.iter().all(|found| found.len() > 1 || found[0].parse::<usize>().is_ok_and(|count| count > 100)));
    assert!(!world.records.needs_reindex().unwrap());
    let (rows, generations) = index_rows(&world);
    let mut steps = 0;
    let done = world.records.reindex(&mut |progress| {
        steps += 1;
        assert_eq!(answers(&world.records, &world), before, "at {progress:?}");
        true
    });
    let done = done.unwrap();
    assert!(steps > 3, "{steps} steps are no test");
    assert_eq!((done.resources, done.is_continued), (OBSERVATIONS as u64 + 5, false));
    assert_eq!(answers(&world.records, &world), before);
    let (rows_after, generations_after) = index_rows(&world);
    assert_eq!(rows_after, rows);
    assert_eq!((generations.len(), generations_after.len()), (1, 1));
    assert_ne!(generations, generations_after);
}

#[test]
fn whoever_writes_meanwhile_is_in_both() {
    let (plain, indexed) = (filled(), filled());
    let mut step = 0;
    let write = |world: &World, step: usize| {
        // Behind and before where the reindex is: change, make, remove, make again.
        for number in (step % 50..OBSERVATIONS).step_by(50) {
            world.put(&observation(number, number + 1 + step)).unwrap();
        }
        world.put(&observation(OBSERVATIONS + step, step)).unwrap();
        world.delete("Observation", &format!("o{}", 3 + step)).unwrap();
        if step > 0 {
            world.put(&observation(2 + step, 5)).unwrap();
        }
        world.put(&patient(step % 5, "other")).unwrap();
    };
    let done = indexed.records.reindex(&mut |_| {
        write(&indexed, step);
        write(&plain, step);
        assert_eq!(answers(&indexed.records, &indexed), answers(&plain.records, &plain), "step {step}");
        step += 1;
        true
    });
    done.unwrap();
    assert!(step > 2);
    assert_eq!(answers(&indexed.records, &indexed), answers(&plain.records, &plain));
    assert_eq!(index_rows(&indexed).0, index_rows(&plain).0);
}

#[test]
fn a_reindex_that_is_cut_off_anywhere_is_gone_on_with() {
    let world = filled();
    let before = answers(&world.records, &world);
    let rows = index_rows(&world).0;
    let mut runs = 0;
    let mut continued = 0;
    loop {
        // As after a kill: a new program over the same folder, and one more commit in every life.
        let records = Records::new(Arc::clone(&world.store), world.clock.clone()).unwrap();
        assert_eq!(answers(&records, &world), before);
        assert_eq!(records.needs_reindex().unwrap(), runs > 0);
        let mut calls = 0;
        runs += 1;
        match records.reindex(&mut |_| {
            calls += 1;
            calls < 3
        }) {
            Ok(done) => {
                assert!(done.is_continued);
                break;
            }
            Err(ReindexError::Stopped) => continued += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(runs < 20, "it never ends");
    }
    assert!(continued > 0);
    assert_eq!(answers(&world.records, &world), before, "the records opened before see the switch as well");
    assert_eq!(index_rows(&world).0, rows);
    assert!(!world.records.needs_reindex().unwrap());
}

#[test]
fn writers_on_other_threads_lose_nothing() {
    let world = filled();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (world, done) = (&world, &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Acquire) || round < 40 {
                    let number = (writer * 233 + round * 17) % OBSERVATIONS;
                    world.put(&observation(number, round + writer)).unwrap();
                    let found = world.total("Observation", &format!("_id=o{number}&code=c{}", (round + writer) % 7));
                    assert!(found <= 1);
                    round += 1;
                }
            });
        }
        world.records.reindex(&mut |_| true).unwrap();
        world.records.reindex(&mut |_| true).unwrap();
        done.store(true, Ordering::Release);
    });
    let maintained = index_rows(&world).0;
    world.records.reindex(&mut |_| true).unwrap();
    assert_eq!(index_rows(&world).0, maintained, "what writers kept up is what is built anew");
}

#[test]
fn changed_definitions_are_seen_and_answered_only_when_the_new_index_is_whole() {
    let world = world();
    let old = other_definitions("\"Patient.gender\"", "\"Patient.maritalStatus\"");
    let store = store::Store::in_memory(store::Options::new(trust::MasterKey::from_bytes([7; 32]))).unwrap();
    let records = Records::with_definitions(Arc::clone(&store), world.clock.clone(), old).unwrap();
    let world = World { records, store, ..world };
    for number in 0..600 {
        world.put(&patient(number, "male")).unwrap();
    }
    assert_eq!((world.total("Patient", "gender=M"), world.total("Patient", "gender=male")), (600, 0));
    // The next program has the definitions of the rule book.
    let records = Records::new(Arc::clone(&world.store), world.clock.clone()).unwrap();
    let World { store, clock, caller, .. } = world;
    let world = World { records, store, clock, caller };
    assert!(world.records.needs_reindex().unwrap());
    let count = |value: &str| world.total("Patient", &format!("gender={value}"));
    assert_eq!((count("M"), count("male")), (600, 0), "the old index answers by the old definitions");
    let mut steps = 0;
    let done = world.records.reindex(&mut |_| {
        let female = patient(steps, "female");
        world.put(&female).unwrap();
        steps += 1;
        assert_eq!((count("M"), count("female")), (600, 0));
        true
    });
    done.unwrap();
    let steps = steps as u64;
    assert_eq!((count("M"), count("male"), count("female")), (0, 600 - steps, steps));
    assert!(!world.records.needs_reindex().unwrap());
    let snapshot = world.store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Meta, b"index/definitions/", b"index/definitions0");
    let mut kept = 0;
    while cursor.next().unwrap().is_some() {
        kept += 1;
    }
    assert_eq!(kept, 1, "only the definitions that answer are kept");
}

#[test]
fn an_index_of_other_rules_in_code_is_refused_until_it_is_built_anew() {
    let world = filled();
    let before = answers(&world.records, &world);
    let row = world.store.snapshot().get(Keyspace::Meta, b"index").unwrap().unwrap();
    let mut state = json_of(&row);
    state["active"]["extractor_set"] = json!(999);
    state["epoch"] = json!(77);
    let mut write = Transaction::new(::model::TenantId(0));
    write.writes.push(Write::Put(Keyspace::Meta, b"index".to_vec(), state.to_string().into_bytes()));
    world.store.commit(write).unwrap();
    let refused = Records::new(Arc::clone(&world.store), world.clock.clone()).err().unwrap();
    assert!(matches!(refused, OpenError::OtherRules { .. }), "{refused}");
    assert!(refused.to_string().contains("kangmai admin reindex"), "{refused}");
    // Nor does a program that runs give answers out of it.
    assert!(world.records.search(&world.caller, Some("Patient"), "gender=male").is_err());
    let builder = Records::for_reindex(Arc::clone(&world.store), world.clock.clone()).unwrap();
    builder.reindex(&mut |_| true).unwrap();
    let records = Records::new(Arc::clone(&world.store), world.clock.clone()).unwrap();
    assert_eq!(answers(&records, &world), before);
}

#[test]
fn a_folder_from_before_definitions_were_kept_asks_for_a_reindex() {
    let world = filled();
    let before = answers(&world.records, &world);
    let mut forget = Transaction::new(::model::TenantId(0));
    forget.writes.push(Write::Delete(Keyspace::Meta, b"index".to_vec()));
    world.store.commit(forget).unwrap();
    let records = Records::new(Arc::clone(&world.store), world.clock.clone()).unwrap();
    assert!(records.needs_reindex().unwrap());
    assert_eq!(answers(&records, &world), before);
    records.reindex(&mut |_| true).unwrap();
    assert!(!records.needs_reindex().unwrap());
    assert_eq!(answers(&records, &world), before);
}
