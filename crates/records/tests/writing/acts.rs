//! Create, update, patch, delete and their conditional forms, as tables of steps.

use ::model::ErrorCode::{
    BadSearch, Conflict, Gone, MultipleMatches, NotFound, NotReadable, PreconditionFailed, Unprocessable,
};
use ::model::{ErrorCode, Failure};
use records::{Return, Target, WriteOptions, Written, block_on};
use serde_json::{Value, json};

use crate::support::{World, code_of, json_of, world};

/// One step of a scenario: `METHOD address`, headers, body, and what must come back.
struct Step(&'static str, &'static [(&'static str, &'static str)], Value, Result<(u16, u32), ErrorCode>);

fn act(world: &World, step: &Step) -> Result<Written, Failure> {
    let Step(line, headers, body, _) = step;
    let (method, address) = line.split_once(' ').unwrap();
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let options = WriteOptions {
        if_none_exist: header("If-None-Exist"),
        if_match: header("If-Match"),
        return_: Return::Representation,
        ..WriteOptions::default()
    };
    let (records, caller, body) = (&world.records, &world.caller, body.to_string());
    let (type_name, target) = match (address.split_once('?'), address.split_once('/')) {
        (Some((type_name, query)), _) => (type_name, Target::Condition(query)),
        (None, Some((type_name, id))) => (type_name, Target::Id(id)),
        (None, None) => (address, Target::Id("")),
    };
    match method {
        "POST" => block_on(records.create(caller, type_name, body.as_bytes(), &options)),
        "PUT" => block_on(records.update(caller, type_name, target, body.as_bytes(), &options)),
        "PATCH" => block_on(records.patch(caller, type_name, target, body.as_bytes(), &options)),
        "DELETE" => block_on(records.delete(caller, type_name, target, &options)),
        other => panic!("{other}"),
    }
}

fn run(steps: &[Step]) -> World {
    let world = world();
    for (position, step) in steps.iter().enumerate() {
        let before = world.row_counts();
        let got = act(&world, step);
        let shown = got.as_ref().map(|written| (written.status, written.version)).map_err(|failure| failure.code);
        assert_eq!(shown, step.3, "step {position}: {} -> {got:?}", step.0);
        if got.is_err() {
            assert_eq!(world.row_counts(), before, "step {position}: {} failed and left something behind", step.0);
        }
        world.clock.advance(1000);
    }
    world
}

fn patient(id: &str, family: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "name": [{"family": family}],
        "identifier": [{"system": "urn:oid:1.2", "value": format!("99{family}")}]})
}

const NONE: &[(&str, &str)] = &[];

#[test]
fn an_id_is_created_changed_deleted_and_created_again() {
    let world = run(&[
        Step("PUT Patient/a", NONE, patient("a", "Wang"), Ok((201, 1))),
        Step("PUT Patient/a", NONE, patient("a", "Wang"), Ok((200, 1))),
        Step("PUT Patient/a", NONE, patient("a", "Li"), Ok((200, 2))),
        Step("PUT Patient/a", &[("If-Match", "W/\"1\"")], patient("a", "Zhao"), Err(PreconditionFailed)),
        Step("PUT Patient/a", &[("If-Match", "W/\"2\"")], patient("a", "Zhao"), Ok((200, 3))),
        Step("DELETE Patient/a", &[("If-Match", "W/\"2\"")], json!({}), Err(PreconditionFailed)),
        Step("DELETE Patient/a", NONE, json!({}), Ok((204, 4))),
        Step("DELETE Patient/a", NONE, json!({}), Ok((204, 4))),
        Step("PATCH Patient/a", NONE, json!([]), Err(Gone)),
        Step("PUT Patient/a", NONE, patient("a", "Zhao"), Ok((201, 5))),
        Step("DELETE Patient/never", NONE, json!({}), Ok((204, 0))),
        Step("PUT Patient/n", &[("If-Match", "W/\"1\"")], patient("n", "Zhao"), Err(PreconditionFailed)),
    ]);
    assert_eq!(world.total("Patient", "family=Zhao"), 1);
    assert_eq!(world.total("Patient", "family=Li"), 0);
    let versions = ["1", "2", "3"].map(|version| {
        let document = world.records.vread(&world.caller, "Patient", "a", version).unwrap();
        json_of(&document.json)["name"][0]["family"].as_str().unwrap().to_owned()
    });
    assert_eq!(versions, ["Wang", "Li", "Zhao"]);
    assert_eq!(code_of(world.records.vread(&world.caller, "Patient", "a", "4")), Gone);
    for version in ["0", "6", "x", "-1"] {
        assert_eq!(code_of(world.records.vread(&world.caller, "Patient", "a", version)), NotFound, "{version}");
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    let world = world();
    let mut observation = json!({
        "resourceType": "Observation", "id": "ignored", "meta": {"versionId": "77", "profile": ["http://example.org/p"]},
        "status": "final", "code": {"text": "体温"}, "subject": {"reference": "Patient/p"},
        "valueQuantity": {"value": 36.50, "unit": "℃"},
    });
    let written = world.create(&observation).unwrap();
    assert_eq!((written.status, written.version), (201, 1));
    assert_ne!(written.id, "ignored");
    let read = world.read("Observation", &written.id).unwrap();
    observation["id"] = written.id.clone().into();
    observation["meta"] =
        json!({"versionId": "1", "lastUpdated": "2026-01-01T00:00:00.000Z", "profile": ["http://example.org/p"]});
    assert_eq!(read, observation);
    let text = String::from_utf8(world.records.read(&world.caller, "Observation", &written.id).unwrap().json).unwrap();
    assert!(text.starts_with("{\"resourceType\":\"Observation\",\"id\":"), "{text}");
}

#[test]
fn an_id_of_ours_holds_the_home_of_the_subject() {
    let world = world();
    let patient = world.create(&json!({"resourceType": "Patient"})).unwrap();
    let (home, number) = patient.id.split_once('-').unwrap();
    assert_eq!(home, number);
    let subject = json!({"reference": format!("Patient/{}", patient.id)});
    let observation =
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject});
    let written = world.create(&observation).unwrap();
    assert!(written.id.starts_with(home), "{} {home}", written.id);
    assert_eq!(written.disclosed, patient.disclosed);
    let shared = world.create(&json!({"resourceType": "Organization", "name": "县医院"})).unwrap();
    assert!(shared.id.starts_with("0000000000000000-"));
    assert!(shared.disclosed.is_empty());
    // An id of our form that we did not give to this resource is refused; a dump of our own comes back.
    let foreign = "00000000000000aa-00000000000000bb";
    assert_eq!(code_of(world.put(&json!({"resourceType": "Patient", "id": foreign}))), Unprocessable);
    assert_eq!(code_of(world.put(&json!({"resourceType": "Organization", "id": foreign}))), Unprocessable);
    let own = "00000000000000aa-00000000000000aa";
    assert_eq!(world.put(&json!({"resourceType": "Patient", "id": own})).unwrap().status, 201);
}

#[test]
fn bad_bodies_leave_nothing_behind() {
    run(&[
        Step("PUT Patient/a", NONE, patient("b", "Wang"), Err(NotReadable)),
        Step("PUT Patient/a", NONE, json!({"resourceType": "Patient"}), Err(NotReadable)),
        Step("PUT Patient/a b", NONE, patient("a b", "Wang"), Err(Unprocessable)),
        Step("PUT Patient/a", NONE, json!({"resourceType": "Observation", "id": "a"}), Err(NotReadable)),
        Step("PUT Nothing/a", NONE, json!({"resourceType": "Nothing", "id": "a"}), Err(NotFound)),
        Step("POST Patient", NONE, json!([]), Err(NotReadable)),
        Step("POST Patient", NONE, json!({"resourceType": "Patient", "name": {"family": "x"}}), Err(Unprocessable)),
        Step("POST Patient", NONE, json!({"resourceType": "Patient", "birthDate": "yesterday"}), Err(Unprocessable)),
    ]);
}

#[test]
fn conditional_acts_follow_the_number_of_matches() {
    let one = "Patient?identifier=urn:oid:1.2|99One";
    let put = "PUT Patient?identifier=urn:oid:1.2|99One";
    assert!(put.ends_with(one));
    let unnamed = |family: &str| {
        let mut resource = patient("x", family);
        resource.as_object_mut().unwrap().remove("id");
        resource
    };
    let none_exist: &[(&str, &str)] = &[("If-None-Exist", "identifier=urn:oid:1.2|99One")];
    run(&[
        Step("POST Patient", none_exist, unnamed("One"), Ok((201, 1))),
        Step("POST Patient", none_exist, unnamed("One"), Ok((200, 1))),
        Step(
            "PUT Patient?identifier=urn:oid:1.2|99One",
            NONE,
            {
                let mut changed = unnamed("One");
                changed["gender"] = "female".into();
                changed
            },
            Ok((200, 2)),
        ),
        Step("PUT Patient?identifier=urn:oid:1.2|99One", NONE, patient("other", "One"), Err(NotReadable)),
        Step("PUT Patient?identifier=urn:oid:1.2|99Two", NONE, patient("two", "Two"), Ok((201, 1))),
        Step("PUT Patient?identifier=urn:oid:1.2|99Three", NONE, patient("two", "Three"), Err(Conflict)),
        Step("PUT Patient?identifier=urn:oid:1.2|99Four", NONE, unnamed("Four"), Ok((201, 1))),
        Step("PUT Patient?gender=female", NONE, unnamed("Five"), Ok((200, 3))),
        Step("PUT Patient?name:missing=false", NONE, unnamed("Six"), Err(MultipleMatches)),
        Step("PUT Patient?", NONE, unnamed("Six"), Err(BadSearch)),
        Step("PUT Patient?colour=red", NONE, unnamed("Six"), Err(BadSearch)),
        Step("POST Patient", &[("If-None-Exist", "name:missing=false")], unnamed("Six"), Err(MultipleMatches)),
        Step(
            "PATCH Patient?identifier=urn:oid:1.2|99Two",
            NONE,
            json!([{"op": "add", "path": "/gender", "value": "male"}]),
            Ok((200, 2)),
        ),
        Step("PATCH Patient?identifier=urn:oid:1.2|99Nobody", NONE, json!([]), Err(NotFound)),
        Step("PATCH Patient?name:missing=false", NONE, json!([]), Err(MultipleMatches)),
        Step("DELETE Patient?name:missing=false", NONE, json!({}), Err(MultipleMatches)),
        Step("DELETE Patient?identifier=urn:oid:1.2|99Two", NONE, json!({}), Ok((204, 3))),
        Step("DELETE Patient?identifier=urn:oid:1.2|99Two", NONE, json!({}), Ok((204, 0))),
    ]);
}

#[test]
fn patches_apply_or_leave_nothing_behind() {
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    let world = run(&[
        Step("PUT Patient/a", NONE, patient("a", "Wang"), Ok((201, 1))),
        Step("PATCH Patient/a", NONE, replace("/name/0/family", json!("Li")), Ok((200, 2))),
        Step("PATCH Patient/a", NONE, replace("/name/0/family", json!("Li")), Ok((200, 2))),
        Step(
            "PATCH Patient/a",
            &[("If-Match", "W/\"1\"")],
            replace("/name/0/family", json!("Zhao")),
            Err(PreconditionFailed),
        ),
        Step("PATCH Patient/a", NONE, replace("/id", json!("b")), Err(Unprocessable)),
        Step("PATCH Patient/a", NONE, replace("/nothing/0", json!("b")), Err(Unprocessable)),
        Step("PATCH Patient/a", NONE, replace("/birthDate", json!("b")), Err(Unprocessable)),
        Step("PATCH Patient/a", NONE, json!([{"op": "add", "path": "/birthDate", "value": "b"}]), Err(Unprocessable)),
        Step("PATCH Patient/a", NONE, json!({"op": "add"}), Err(NotReadable)),
        Step("PATCH Patient/b", NONE, json!([]), Err(NotFound)),
        Step(
            "PATCH Patient/a",
            NONE,
            json!([
                {"op": "test", "path": "/meta/versionId", "value": "2"},
                {"op": "remove", "path": "/name/0/family"},
                {"op": "add", "path": "/name/0/text", "value": "李"},
            ]),
            Ok((200, 3)),
        ),
    ]);
    assert_eq!(world.read("Patient", "a").unwrap()["name"], json!([{"text": "李"}]));
}

#[test]
fn references_become_literal() {
    let world = world();
    world
        .put(
            &json!({"resourceType": "Practitioner", "id": "dr", "identifier": [{"system": "urn:oid:9", "value": "1"}]}),
        )
        .unwrap();
    let observation = |performer: &str| {
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "http://localhost/fhir/R4/Patient/p"}, "performer": [{"reference": performer}]})
    };
    let written = world.create(&observation("Practitioner?identifier=urn:oid:9|1")).unwrap();
    let read = world.read("Observation", &written.id).unwrap();
    assert_eq!(read["performer"][0]["reference"], "Practitioner/dr");
    assert_eq!(read["subject"]["reference"], "Patient/p");
    assert_eq!(written.disclosed.len(), 1, "an absolute address of ours is the subject too");
    assert_eq!(code_of(world.create(&observation("Practitioner?identifier=urn:oid:9|2"))), PreconditionFailed);
    let urn = world.create(&observation("urn:uuid:4f7f4c6c-0000-4000-8000-000000000000")).unwrap();
    let read = world.read("Observation", &urn.id).unwrap();
    assert_eq!(read["performer"][0]["reference"], "urn:uuid:4f7f4c6c-0000-4000-8000-000000000000");
}

#[test]
fn a_later_subject_moves_the_compartment_but_not_the_home() {
    let world = world();
    for id in ["p", "q"] {
        world.put(&json!({"resourceType": "Patient", "id": id})).unwrap();
    }
    let observation = |patient: &str| {
        json!({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient/{patient}")}})
    };
    let first = world.put(&observation("p")).unwrap();
    let second = world.put(&observation("q")).unwrap();
    assert_eq!(first.document.unwrap().key, second.document.unwrap().key);
    let members = |id: &str| json_of(&world.records.everything(&world.caller, id, "").unwrap().json)["total"].clone();
    assert_eq!((members("p"), members("q")), (json!(1), json!(2)));
}
