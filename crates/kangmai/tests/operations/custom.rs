//! `kangmai admin search-parameter` on the real binary: with a server and without one, and through a restart.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use super::ALL;
use crate::support::{Client, Server, kangmai, until};

fn search_parameter(data: &Path, arguments: &[&str]) -> Output {
    let mut command = kangmai();
    command.args(["admin", "search-parameter"]).args(arguments).arg("--data").arg(data).args(["--tenant", "1"]);
    command.output().unwrap()
}

fn define(folder: &Path, code: &str, expression: &str) -> String {
    let path = folder.join(format!("{code}.json"));
    let definition = json!({"resourceType": "SearchParameter", "url": format!("urn:example:{code}"), "name": code, "status": "active",
        "description": "演示", "code": code, "base": ["Patient"], "type": "token", "expression": expression});
    std::fs::write(&path, definition.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn list(data: &Path) -> String {
    String::from_utf8(search_parameter(data, &["list"]).stdout).unwrap()
}

fn total(client: &Client, query: &str) -> Option<u64> {
    let answer = client.get(&format!("/fhir/R4/Patient?{query}&_summary=count"));
    match answer.status {
        200 => answer.json()["total"].as_u64(),
        503 => None,
        other => panic!("{query}: {other} {}", answer.json()),
    }
}

#[test]
fn a_search_parameter_is_added_answers_and_is_retired() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start_on(&data, &[]);
    let token = server.machine("writer", 1, ALL);
    let client = server.client(&token);
    let patient = |id: &str, more: serde_json::Value| {
        let mut patient = json!({"resourceType": "Patient", "id": id});
        patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"resource": patient, "request": {"method": "PUT", "url": format!("Patient/{id}")}})
    };
    let entries = vec![
        patient("a", json!({"telecom": [{"system": "phone", "value": "10012345678"}]})),
        patient("b", json!({"name": [{"family": "演示"}, {"family": "又名"}]})),
    ];
    assert_eq!(
        client.post("/fhir/R4", &json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})).status,
        200
    );

    let file = define(folder.path(), "has-phone", "Patient.telecom.where(system = 'phone').exists()");
    let added = search_parameter(&data, &["add", &file]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    until("the index is built", || total(&client, "has-phone=true") == Some(1));
    assert!(
        list(&data).starts_with("has-phone\tready\ttoken\tPatient\tinterpreted\t0\turn:example:has-phone\t"),
        "{}",
        list(&data)
    );
    let statement = client.get("/fhir/R4/metadata").json();
    let offered = |statement: &serde_json::Value| statement.to_string().contains("urn:example:has-phone");
    assert!(offered(&statement), "the tenant's statement has it");
    let other = server.machine("other", 2, ALL);
    assert!(!offered(&server.client(&other).get("/fhir/R4/metadata").json()), "another tenant's has not");
    assert_eq!(server.client(&other).get("/fhir/R4/Patient?has-phone=true").status, 400);

    let again = search_parameter(&data, &["add", &file]);
    assert!(!again.status.success());
    let why = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(why.contains("already") && why.contains("已经存在"), "{why}");
    let clock = define(folder.path(), "clock", "now()");
    assert!(String::from_utf8_lossy(&search_parameter(&data, &["add", &clock]).stderr).contains("not offered"));

    // Without a server it waits for the next.
    server.terminate();
    let file = define(folder.path(), "names", "Patient.name.count() > 1");
    assert!(search_parameter(&data, &["add", &file]).status.success());
    assert!(list(&data).contains("names\tbuilding"), "{}", list(&data));
    let server = Server::start_on(&data, &[]);
    let client = server.client(&token);
    until("the next server builds it", || total(&client, "names=true") == Some(1));
    assert_eq!(total(&client, "has-phone=false"), Some(1));

    assert!(search_parameter(&data, &["retire", "has-phone"]).status.success());
    assert_eq!(client.get("/fhir/R4/Patient?has-phone=true").status, 400);
    assert!(!list(&data).contains("has-phone"));
    until("what was retired is gone from the index", || {
        server.log().matches("the new search index answers").count() >= 2
    });
    assert_eq!(total(&client, "names=true"), Some(1));
    assert!(super::events(&server, "1") > 8);
}
