//! `kangmai admin reindex` on the real binary: while a server serves, killed in the middle, and without a server.

use std::process::Stdio;

use serde_json::{Value, json};

use super::ALL;
use crate::support::{Client, Server, kangmai, stdout_of, until};

const OBSERVATIONS: usize = 1_500;

fn fill(client: &Client) {
    for chunk in 0..OBSERVATIONS / 500 {
        let entries: Vec<Value> = (chunk * 500..(chunk + 1) * 500)
            .map(|number| {
                json!({"resource": {"resourceType": "Observation", "id": format!("o{number}"), "status": "final",
                    "code": {"coding": [{"system": "urn:c", "code": format!("c{}", number % 9)}]},
                    "effectiveDateTime": format!("20{:02}-01-02", 10 + number % 15),
                    "valueQuantity": {"value": number}},
                    "request": {"method": "PUT", "url": format!("Observation/o{number}")}})
            })
            .collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        assert_eq!(client.post("/fhir/R4", &bundle).status, 200);
    }
}

/// Ids in order and totals of a few searches.
fn answers(client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    for query in [
        "code=c3&_count=300",
        "code=urn:c|c4&date=ge2020&_count=300",
        "value-quantity=lt100&_count=200",
        "_summary=count",
    ] {
        let answer = client.get(&format!("/fhir/R4/Observation?{query}"));
        assert_eq!(answer.status, 200, "{query}");
        let bundle = answer.json();
        found.push(format!("{query}: {}", bundle["total"]));
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            found.push(entry["resource"]["id"].as_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn an_index_is_built_anew_while_it_answers_killed_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let token = server.machine("writer", 1, ALL);
    fill(&server.client(&token));
    let before = answers(&server.client(&token));
    assert!(before.len() > 300);
    let reindex = || kangmai().args(["admin", "reindex", "--data"]).arg(&data).output().unwrap();
    let done = reindex();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(answers(&server.client(&token)), before);
    // Killed at some point of it, several times; the next server goes on with it by itself.
    for _ in 0..4 {
        let mut asked = kangmai();
        asked.args(["admin", "reindex", "--data"]).arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
        let mut asked = asked.spawn().unwrap();
        until("it is at work", || {
            let metrics = server.client("").send("GET", "/metrics", &[], &[]);
            metrics.is_ok_and(|answer| {
                let text = answer.body;
                !text.contains("kangmai_reindex_resources_done 0\n") && text.contains("kangmai_reindex_resources_done")
            })
        });
        server.kill();
        asked.wait().unwrap();
        server = Server::start_on(&data, &[]);
        assert_eq!(answers(&server.client(&token)), before);
    }
    until("the last one is done", || {
        let text = server.client("").get("/metrics").body;
        text.contains("kangmai_reindex_running 0\n")
    });
    assert_eq!(answers(&server.client(&token)), before);
    assert_eq!(server.terminate(), Some(0));
    let done = reindex();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let verified = kangmai().args(["verify", "--data"]).arg(&data).output().unwrap();
    assert!(verified.status.success(), "{}", stdout_of(&verified));
    let server = Server::start_on(&data, &[]);
    assert_eq!(answers(&server.client(&token)), before);
    assert!(!server.log().contains("is built anew"), "nothing is left to do");
}
