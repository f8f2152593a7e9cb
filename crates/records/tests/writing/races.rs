//! Several writers at once.

use std::sync::atomic::{AtomicU32, Ordering};

use ::model::ErrorCode;
use records::{Target, WriteOptions, block_on};
use serde_json::{Value, json};

use crate::support::{World, json_of, world};

const THREADS: usize = 8;

fn counter(count: u64) -> Value {
    json!({"resourceType": "Patient", "id": "c", "multipleBirthInteger": count})
}

/// Reads, adds one, writes with `If-Match`; repeats when somebody else was faster.
fn add_one(world: &World, lost: &AtomicU32) {
    loop {
        let document = world.records.read(&world.caller, "Patient", "c").unwrap();
        let count = json_of(&document.json)["multipleBirthInteger"].as_u64().unwrap();
        let options = WriteOptions { if_match: Some(format!("W/\"{}\"", document.version)), ..WriteOptions::default() };
        let body = counter(count + 1).to_string();
        let target = Target::Id("c");
        match block_on(world.records.update(&world.caller, "Patient", target, body.as_bytes(), &options)) {
            Ok(_) => return,
            Err(failure) => {
                assert!(matches!(failure.code, ErrorCode::PreconditionFailed | ErrorCode::Conflict), "{failure}");
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn no_update_is_lost() {
    const ROUNDS: usize = 40;
    let world = world();
    world.put(&counter(0)).unwrap();
    let lost = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| add_one(&world, &lost)));
        }
    });
    let read = world.read("Patient", "c").unwrap();
    assert_eq!(read["multipleBirthInteger"], json!(THREADS * ROUNDS));
    assert_eq!(read["meta"]["versionId"], (THREADS * ROUNDS + 1).to_string());
    assert!(lost.load(Ordering::Relaxed) > 0, "the threads never met: the test shows nothing");
}

#[test]
fn a_conditional_create_happens_once() {
    let world = world();
    let body = json!({"resourceType": "Patient", "identifier": [{"system": "urn:oid:1", "value": "99"}]}).to_string();
    let options = WriteOptions { if_none_exist: Some("identifier=urn:oid:1|99".to_owned()), ..WriteOptions::default() };
    let create = || block_on(world.records.create(&world.caller, "Patient", body.as_bytes(), &options)).unwrap();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| create().status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(world.total("Patient", ""), 1);
}

#[test]
fn writers_of_a_new_home_share_one_key() {
    let world = world();
    let observation = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/new"}});
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| world.create(&observation).unwrap().id)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for id in ids {
        world.read("Observation", &id).unwrap();
    }
}

/// Bundles that create the same hospital under a condition: one of them does, all others find it, and every location
/// points to it, also those of bundles that had to be planned a second time.
#[test]
fn transactions_that_meet_agree() {
    let world = world();
    let bundle = |thread: usize| {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": "urn:uuid:h", "resource": {"resourceType": "Organization",
                "identifier": [{"system": "urn:oid:1", "value": "h"}]},
                "request": {"method": "POST", "url": "Organization", "ifNoneExist": "identifier=urn:oid:1|h"}},
            {"resource": {"resourceType": "Location", "name": format!("{thread}"),
                "managingOrganization": {"reference": "urn:uuid:h"}},
                "request": {"method": "POST", "url": "Location"}},
        ]})
    };
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let (world, bundle) = (&world, &bundle);
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || world.bundle(&bundle(thread)).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let status = |answer: &Value| answer["entry"][0]["response"]["status"].as_str().unwrap().to_owned();
    assert_eq!(answers.iter().filter(|answer| status(answer) == "201 Created").count(), 1, "{answers:#?}");
    assert_eq!((world.total("Organization", ""), world.total("Location", "")), (1, 8));
    let location = answers[0]["entry"][0]["response"]["location"].as_str().unwrap();
    let hospital = location.split_once("/_history").unwrap().0;
    assert_eq!(world.total("Location", &format!("organization={hospital}")), 8);
}
