//! `kangmai admin renew-keys` on the real binary: while a server serves, without one, and killed in the middle.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::json;

use super::ALL;
use crate::support::{Server, kangmai, stdout_of};

const PATIENTS: usize = 1_200;

fn renew(data: &Path) -> Output {
    kangmai().args(["admin", "renew-keys", "--data"]).arg(data).output().unwrap()
}

fn old_keys(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains(".key.old-")).collect()
}

fn check(server: &Server, token: &str) {
    let client = server.client(token);
    for number in (0..PATIENTS).step_by(97) {
        let found = client.get(&format!("/fhir/R4/Patient/p{number}"));
        assert_eq!((found.status, found.json()["birthDate"].as_str()), (200, Some("1980-01-01")), "p{number}");
    }
    assert_eq!(client.get("/fhir/R4/Patient?_summary=count").json()["total"], PATIENTS);
    assert_eq!(client.get("/fhir/R4/Patient?identifier=urn:x|n7").json()["total"], 1);
}

#[test]
fn keys_are_renewed_and_nothing_is_lost_whenever_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = folder.path().join("data.key");
    let server = Server::start_on(&data, &[]);
    let token = server.machine("writer", 1, ALL);
    let entries: Vec<_> = (0..PATIENTS)
        .map(|number| {
            json!({"resource": {"resourceType": "Patient", "id": format!("p{number}"), "birthDate": "1980-01-01",
                "identifier": [{"system": "urn:x", "value": format!("n{number}")}]},
                "request": {"method": "PUT", "url": format!("Patient/p{number}")}})
        })
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    assert_eq!(server.client(&token).post("/fhir/R4", &bundle).status, 200);
    let first = std::fs::read(&key).unwrap();
    // While it serves.
    let done = renew(&data);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    check(&server, &token);
    assert_ne!(std::fs::read(&key).unwrap(), first);
    assert_eq!(old_keys(folder.path()).len(), 1);
    assert_eq!(server.terminate(), Some(0));
    let old = old_keys(folder.path()).remove(0);
    assert_eq!(std::fs::read(&old).unwrap(), first);
    let mut refused = kangmai();
    refused.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).arg("--key-file").arg(&old);
    let refused = refused.output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not belong"));
    // Without a server.
    let done = renew(&data);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The command is killed, or the server under it, at whatever point it has reached.
    let mut server = Server::start_on(&data, &[]);
    check(&server, &token);
    for round in 0..6 {
        let mut asked = kangmai();
        asked.args(["admin", "renew-keys", "--data"]).arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
        let mut asked = asked.spawn().unwrap();
        // A little later in every round: this many requests go by.
        for _ in 0..round * 2 {
            server.client(&token).get("/fhir/R4/Patient/p1");
        }
        if round % 2 == 0 {
            server.kill();
            asked.wait().unwrap();
        } else {
            asked.kill().unwrap();
            asked.wait().unwrap();
            server.kill();
        }
        server = Server::start_on(&data, &[]);
        check(&server, &token);
    }
    let done = renew(&data);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    check(&server, &token);
    assert_eq!(server.terminate(), Some(0));
    for old in old_keys(folder.path()) {
        let verified = kangmai().args(["verify", "--data"]).arg(&data).arg("--key-file").arg(&old).output().unwrap();
        assert_eq!(verified.status.code(), Some(2), "an old key is refused");
    }
    let verified = kangmai().args(["verify", "--data"]).arg(&data).output().unwrap();
    assert!(verified.status.success(), "{}", stdout_of(&verified));
}
