//! Transactions and batches.

use ::model::ErrorCode::{self, MultipleMatches, NotFound, NotReadable, PreconditionFailed, TooLarge, Unprocessable};
use base64::Engine as _;
use formats::fhir::Language;
use records::{Return, WriteOptions, block_on};
use serde_json::{Value, json};

use crate::support::{World, code_of, json_of, samples, world};

fn transaction(entries: Value) -> Value {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

fn batch(entries: Value) -> Value {
    json!({"resourceType": "Bundle", "type": "batch", "entry": entries})
}

fn post(full_url: &str, resource: Value) -> Value {
    let type_name = resource["resourceType"].clone();
    json!({"fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": type_name}})
}

fn put(resource: Value) -> Value {
    let url = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
    json!({"resource": resource, "request": {"method": "PUT", "url": url}})
}

fn request(method: &str, url: &str) -> Value {
    json!({"request": {"method": method, "url": url}})
}

fn observation(patient: &str) -> Value {
    json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": patient}})
}

fn statuses(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().unwrap();
    entries.iter().map(|entry| entry["response"]["status"].as_str().unwrap()[..3].to_owned()).collect()
}

/// `Type/id` of the n-th entry.
fn reference(bundle: &Value, position: usize) -> String {
    let location = bundle["entry"][position]["response"]["location"].as_str().unwrap();
    location.split_once("/_history/").unwrap().0.to_owned()
}

fn read(world: &World, reference: &str) -> Value {
    let (type_name, id) = reference.split_once('/').unwrap();
    world.read(type_name, id).unwrap()
}

#[test]
fn references_inside_a_bundle_are_rewritten_everywhere() {
    let world = world();
    let answer = world
        .bundle(&transaction(json!([
            post("urn:uuid:o", {
                let mut resource = observation("urn:uuid:p");
                resource["encounter"] = json!({"reference": "https://his.example/fhir/Encounter/7"});
                resource["performer"] = json!([{"reference": "Practitioner?identifier=urn:oid:9|1"}]);
                resource["extension"] = json!([{"url": "http://example.org/e", "valueUri": "urn:uuid:p"}]);
                resource["text"] = json!({"status": "generated",
                    "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:uuid:p\">p</a></div>"});
                resource
            }),
            post(
                "https://his.example/fhir/Encounter/7",
                json!({"resourceType": "Encounter", "status": "finished",
                "class": {"code": "AMB"}, "subject": {"reference": "urn:uuid:p"}})
            ),
            post("urn:uuid:q", observation("Encounter/7")),
            post("urn:uuid:p", json!({"resourceType": "Patient"})),
            ({
                let mut entry = post(
                    "urn:uuid:d",
                    json!({"resourceType": "Practitioner",
                    "identifier": [{"system": "urn:oid:9", "value": "1"}]}),
                );
                entry["request"]["ifNoneExist"] = "identifier=urn:oid:9|1".into();
                entry
            }),
        ])))
        .unwrap();
    assert_eq!(statuses(&answer), ["201"; 5]);
    let (patient, practitioner) = (reference(&answer, 3), reference(&answer, 4));
    let resource = read(&world, &reference(&answer, 0));
    assert_eq!(resource["subject"]["reference"], patient);
    assert_eq!(resource["encounter"]["reference"], reference(&answer, 1));
    assert_eq!(resource["performer"][0]["reference"], practitioner);
    assert_eq!(resource["extension"][0]["valueUri"], patient);
    assert!(resource["text"]["div"].as_str().unwrap().contains(&format!("href=\"{patient}\"")));
    assert_eq!(read(&world, &reference(&answer, 2))["subject"]["reference"], reference(&answer, 1));
    // The observation lives in the home of a patient that the same bundle created.
    let home = patient.strip_prefix("Patient/").unwrap().split_once('-').unwrap().0;
    assert!(reference(&answer, 0).starts_with(&format!("Observation/{home}-")));
    assert_eq!(world.total("Observation", &format!("subject={patient}")), 1);
}

#[test]
fn the_order_of_a_transaction_is_delete_post_put_and_patch() {
    let world = world();
    for id in ["old", "kept", "patched"] {
        world.put(&json!({"resourceType": "Patient", "id": id, "active": true})).unwrap();
    }
    let patch = json!([{"op": "replace", "path": "/active", "value": false}]).to_string();
    let patch = base64::engine::general_purpose::STANDARD.encode(patch);
    let mut patched = request("PATCH", "Patient/patched");
    patched["resource"] =
        json!({"resourceType": "Binary", "contentType": "application/json-patch+json", "data": patch});
    let answer = world
        .bundle(&transaction(json!([
            request("GET", "Patient?active=true&_summary=count"),
            request("GET", "Patient/old"),
            put(json!({"resourceType": "Patient", "id": "kept", "active": false})),
            put(json!({"resourceType": "Patient", "id": "new", "active": true})),
            post("urn:uuid:1", json!({"resourceType": "Patient", "active": true})),
            patched,
            request("DELETE", "Patient/old"),
            request("DELETE", "Patient/never"),
        ])))
        .unwrap();
    assert_eq!(statuses(&answer), ["200", "410", "200", "201", "201", "200", "204", "204"]);
    assert_eq!(answer["entry"][0]["resource"]["total"], 2, "reads see what the transaction wrote");
    assert_eq!(answer["entry"][1]["response"]["outcome"]["resourceType"], "OperationOutcome");
    assert_eq!(answer["entry"][2]["response"]["etag"], "W/\"2\"");
    assert_eq!(answer["entry"][2]["response"]["location"], "Patient/kept/_history/2");
    assert_eq!(answer["type"], "transaction-response");
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let world = world();
    world.put(&json!({"resourceType": "Patient", "id": "a", "active": true})).unwrap();
    world.put(&json!({"resourceType": "Patient", "id": "b", "active": true})).unwrap();
    let good = || post("urn:uuid:1", json!({"resourceType": "Patient"}));
    let if_match = |version: &str| {
        let mut entry = put(json!({"resourceType": "Patient", "id": "a", "active": false}));
        entry["request"]["ifMatch"] = version.into();
        entry
    };
    let if_none_exist = |query: &str| {
        let mut entry = good();
        entry["request"]["ifNoneExist"] = query.into();
        entry
    };
    let change = || put(json!({"resourceType": "Patient", "id": "a", "active": false}));
    let cases: Vec<(&str, Value, ErrorCode)> = vec![
        (
            "a rule",
            json!([good(), post("urn:uuid:2", json!({"resourceType": "Patient", "birthDate": "x"}))]),
            Unprocessable,
        ),
        ("a type", json!([good(), post("urn:uuid:2", json!({"resourceType": "Nothing"}))]), NotFound),
        ("no request", json!([good(), {"resource": {"resourceType": "Patient"}}]), NotReadable),
        ("no resource", json!([good(), request("POST", "Patient")]), NotReadable),
        (
            "another id",
            json!([good(), {"resource": {"resourceType": "Patient", "id": "x"},
            "request": {"method": "PUT", "url": "Patient/y"}}]),
            NotReadable,
        ),
        ("if-match", json!([good(), if_match("W/\"7\"")]), PreconditionFailed),
        ("the same twice", json!([good(), change(), change()]), NotReadable),
        ("put and delete", json!([good(), change(), request("DELETE", "Patient/a")]), NotReadable),
        (
            "put and conditional put",
            json!([change(), {"resource": {"resourceType": "Patient"},
            "request": {"method": "PUT", "url": "Patient?_id=a"}}]),
            NotReadable,
        ),
        ("several matches", json!([good(), if_none_exist("active=true")]), MultipleMatches),
        (
            "a reference to nobody",
            json!([good(), post("urn:uuid:2", observation("Patient?identifier=urn:oid:1|0"))]),
            PreconditionFailed,
        ),
        (
            "a reference to two",
            json!([good(), post("urn:uuid:2", observation("Patient?active=true"))]),
            MultipleMatches,
        ),
        ("patch of nobody", json!([good(), request("PATCH", "Patient/nobody")]), NotFound),
        ("one fullUrl twice", json!([good(), good()]), NotReadable),
    ];
    let before = world.row_counts();
    for (name, entries, expected) in cases {
        assert_eq!(code_of(world.bundle(&transaction(entries))), expected, "{name}");
        assert_eq!(world.row_counts(), before, "{name} left something behind");
    }
    for bundle in
        [json!({"resourceType": "Bundle", "type": "collection"}), json!({"resourceType": "Patient"}), json!(3)]
    {
        assert_eq!(code_of(world.bundle(&bundle)), NotReadable);
    }
    let many: Vec<Value> = (0..5001).map(|_| request("DELETE", "Patient/x")).collect();
    assert_eq!(code_of(world.bundle(&transaction(many.into()))), TooLarge);
    assert_eq!(code_of(world.bundle_page(&vec![b' '; 32 * 1024 * 1024 + 1])), TooLarge);
    assert_eq!(world.bundle(&transaction(json!([]))).unwrap()["type"], "transaction-response");
}

#[test]
fn conditional_creates_of_one_bundle_meet() {
    let world = world();
    let entry = |full_url: &str| {
        let mut entry = post(
            full_url,
            json!({"resourceType": "Organization", "identifier": [{"system": "urn:oid:1", "value": "x"}]}),
        );
        entry["request"]["ifNoneExist"] = "identifier=urn:oid:1|x".into();
        entry
    };
    let location = |organization: &str| {
        post("urn:uuid:l", json!({"resourceType": "Location", "managingOrganization": {"reference": organization}}))
    };
    let bundle = transaction(json!([entry("urn:uuid:a"), entry("urn:uuid:b"), location("urn:uuid:b")]));
    let first = world.bundle(&bundle).unwrap();
    assert_eq!(statuses(&first), ["201", "200", "201"]);
    assert_eq!(reference(&first, 0), reference(&first, 1));
    assert_eq!(read(&world, &reference(&first, 2))["managingOrganization"]["reference"], reference(&first, 0));
    let second = world.bundle(&bundle).unwrap();
    assert_eq!(statuses(&second), ["200", "200", "201"]);
    assert_eq!(reference(&second, 0), reference(&first, 0));
    assert_eq!(world.total("Organization", ""), 1);
}

#[test]
fn the_entries_of_a_batch_stand_alone() {
    let world = world();
    let answer = world
        .bundle(&batch(json!([
            put(json!({"resourceType": "Patient", "id": "a"})),
            post("urn:uuid:1", json!({"resourceType": "Patient", "birthDate": "x"})),
            request("GET", "Patient/a"),
            request("GET", "Patient/b"),
            request("GET", "Patient?_id=a"),
            request("GET", "/Patient/a/_history"),
            request("GET", "http://localhost/fhir/R4/Patient/a/_history/1"),
            request("GET", "Patient/a/$everything"),
            request("GET", "Patient/a/$unknown"),
            request("DELETE", "Patient/a"),
            {"resource": 3},
            request("TRACE", "Patient/a"),
        ])))
        .unwrap();
    let expected = ["201", "422", "200", "404", "200", "200", "200", "200", "400", "204", "400", "400"];
    assert_eq!(statuses(&answer), expected, "{answer:#}");
    assert_eq!(answer["type"], "batch-response");
    assert_eq!(answer["entry"][4]["resource"]["type"], "searchset");
    assert_eq!(answer["entry"][5]["resource"]["type"], "history");
    assert!(answer["entry"][1]["response"]["outcome"]["issue"].as_array().unwrap().len() > 1);
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let world = world();
    world.put(&json!({"resourceType": "Patient", "id": "a"})).unwrap();
    let read = |name: &str, value: &str| {
        let mut entry = request("GET", "Patient/a");
        entry["request"][name] = value.into();
        entry
    };
    let entries = json!([
        read("ifNoneMatch", "W/\"1\""),
        read("ifNoneMatch", "W/\"2\""),
        read("ifModifiedSince", "2026-01-01T08:00:00+08:00"),
        read("ifModifiedSince", "2025-12-31T00:00:00Z"),
        read("ifModifiedSince", "yesterday"),
        {"request": {"method": "GET", "url": "Patient/a/_history/1", "ifNoneMatch": "*"}},
    ]);
    let answer = world.bundle(&batch(entries.clone())).unwrap();
    assert_eq!(statuses(&answer), ["304", "200", "304", "200", "400", "304"], "{answer:#}");
    assert!(answer["entry"][0].get("resource").is_none());
    assert_eq!(answer["entry"][0]["response"]["etag"], "W/\"1\"");
    let reads: Vec<Value> = entries.as_array().unwrap()[..4].to_vec();
    let answer = world.bundle(&transaction(json!(reads))).unwrap();
    assert_eq!(statuses(&answer), ["304", "200", "304", "200"]);
}

#[test]
fn entries_that_fail_say_so_in_the_language_asked_for() {
    let world = world();
    let bundle = batch(json!([
        request("GET", "Patient/none"),
        post("urn:uuid:1", json!({"resourceType": "Patient", "birthDate": "x"}))
    ]));
    let told = |language| {
        let options = WriteOptions { language, ..WriteOptions::default() };
        let page = block_on(world.records.bundle(&world.caller, bundle.to_string().as_bytes(), &options)).unwrap();
        let answer = crate::support::json_of(&page.json);
        let text = |entry: usize, issue: usize| {
            answer["entry"][entry]["response"]["outcome"]["issue"][issue]["details"]["text"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        [text(0, 0), text(1, 0), text(1, 1)]
    };
    let (zh, en) = (told(Language::Chinese), told(Language::English));
    assert_eq!((zh[0].as_str(), en[0].as_str()), ("未找到该资源", "no such resource"));
    assert!(en.iter().all(|text| text.is_ascii()), "{en:?}");
    assert!(zh.iter().all(|text| !text.is_ascii()), "{zh:?}");
}

#[test]
fn a_representation_is_what_a_read_gives() {
    let world = world();
    let bundle = transaction(json!([
        post("urn:uuid:p", json!({"resourceType": "Patient"})),
        post("urn:uuid:o", observation("urn:uuid:p")),
    ]));
    let options = WriteOptions { return_: Return::Representation, ..WriteOptions::default() };
    let page = block_on(world.records.bundle(&world.caller, bundle.to_string().as_bytes(), &options)).unwrap();
    assert_eq!((page.count, page.disclosed.len()), (2, 1));
    let answer = json_of(&page.json);
    for position in 0..2 {
        assert_eq!(answer["entry"][position]["resource"], read(&world, &reference(&answer, position)));
    }
}

#[test]
fn the_sample_patients_arrive_whole() {
    let world = world();
    let mut written = std::collections::BTreeMap::<String, u64>::new();
    for (name, body) in samples() {
        let sent = json_of(&body);
        let answer = json_of(&world.bundle_page(&body).unwrap_or_else(|failure| panic!("{name}: {failure:?}")).json);
        for (entry, status) in sent["entry"].as_array().unwrap().iter().zip(statuses(&answer)) {
            assert_eq!(status, "201", "{name}: {entry:#}");
            *written.entry(entry["resource"]["resourceType"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        compare(&world, &sent, &answer);
    }
    for (type_name, count) in written {
        assert_eq!(world.total(&type_name, ""), count, "{type_name}");
    }
}

/// What was sent is what is read, but for id, version, time and references.
fn compare(world: &World, sent: &Value, answer: &Value) {
    for (position, entry) in sent["entry"].as_array().unwrap().iter().enumerate().step_by(7) {
        let (mut sent, mut got) = (entry["resource"].clone(), read(world, &reference(answer, position)));
        for resource in [&mut sent, &mut got] {
            resource.as_object_mut().unwrap().remove("id");
            if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
                meta.retain(|name, _| name != "versionId" && name != "lastUpdated");
            }
            if resource.get("meta").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
                resource.as_object_mut().unwrap().remove("meta");
            }
            no_references(resource);
        }
        assert_eq!(got, sent);
    }
}

fn no_references(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(no_references),
        Value::Object(members) => {
            if members.get("reference").is_some_and(|text| !text.as_str().unwrap().starts_with('#')) {
                let literal = members["reference"].as_str().unwrap();
                assert!(
                    literal.starts_with("urn:uuid:") || literal.contains('/') || literal.contains('?'),
                    "{literal}"
                );
                members["reference"] = "".into();
            }
            members.values_mut().for_each(no_references);
        }
        _ => {}
    }
}
