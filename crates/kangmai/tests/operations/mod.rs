//! What an operator does with the program: accounts, signals, crashes, backups, proofs, and looking for data where none
//! may be.

mod canary;
mod custom;
mod demo;
mod reindex;
mod renewal;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Server, kangmai, stdout_of, until, with_stdin};

const ALL: &str = "system/*.cruds";

fn run(arguments: &[&str], data: &Path) -> std::process::Output {
    kangmai().args(arguments).arg("--data").arg(data).output().unwrap()
}

/// How many events the audit log of a tenant has, as `kangmai audit verify` counts them (and then adds its own).
fn events(server: &Server, tenant: &str) -> u64 {
    let text = stdout_of(&run(&["audit", "verify", "--tenant", tenant], &server.data));
    assert!(text.starts_with("intact:"), "{text}");
    let count = text.split_whitespace().find_map(|word| word.strip_prefix("events=")).unwrap();
    count.parse().unwrap()
}

#[test]
fn every_request_writes_one_event() {
    let server = Server::start();
    let token = server.machine("writer", 1, ALL);
    let reader = server.machine("reader", 1, "system/Patient.rs");
    let (known, nobody) = (server.client(&token), server.client(""));
    nobody.get("/fhir/R4/Patient");
    let (before, platform_before) = (events(&server, "1"), events(&server, "0"));
    let created = known.post("/fhir/R4/Patient", &json!({"resourceType": "Patient"}));
    assert_eq!(created.status, 201);
    known.get("/fhir/R4/Patient");
    known.get("/fhir/R4/Patient?nam=x");
    known.get("/fhir/R4/Patient/none");
    known.get("/fhir/R4/Nothing/none");
    known.get("/api/v1/persons?name=x");
    known.send("POST", "/fhir/R4", &[], b"{").unwrap();
    known.post(
        "/fhir/R4",
        &json!({"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": "Patient"}}, {"request": {"method": "GET", "url": "Patient/none"}}]}),
    );
    server.client(&reader).post("/fhir/R4/Patient", &json!({"resourceType": "Patient"}));
    let requests = 9;
    // The count of the first `verify` does not contain its own event.
    assert_eq!(events(&server, "1"), before + 1 + requests);
    nobody.get("/fhir/R4/metadata");
    nobody.get("/fhir/R4/Patient/1");
    nobody.get("/fhir/R4/a/b/c/d");
    nobody.post("/api/v1/session", &json!({"name": "x", "password": "y"}));
    // Files, health and metrics write none.
    for path in ["/", "/health/live", "/health/ready", "/metrics", "/persons/1"] {
        assert_eq!(nobody.get(path).status, 200, "{path}");
    }
    assert_eq!(events(&server, "0"), platform_before + 1 + 4);
}

#[test]
fn accounts_are_made_and_closed_while_the_server_runs() {
    let server = Server::start();
    let token = server.machine("his", 1, ALL);
    assert!(token.starts_with("km_"));
    assert_eq!(server.client(&token).get("/fhir/R4/Patient").status, 200);
    // The same name again is refused with a hint, unless it is meant.
    let again = server.admin(&["machine", "his", "--tenant", "1", "--scope", ALL]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--renew"));
    let renewed = stdout_of(&server.admin(&["machine", "his", "--tenant", "1", "--scope", "system/*.rs", "--renew"]));
    assert_eq!(server.client(&token).get("/fhir/R4/Patient").status, 401);
    assert_eq!(server.client(&renewed).get("/fhir/R4/Patient").status, 200);
    let listed = stdout_of(&server.admin(&["list"]));
    assert!(listed.contains("his\tmachine\topen"), "{listed}");
    assert!(!listed.contains("km_"));
    assert!(server.admin(&["disable", "his", "--tenant", "1"]).status.success());
    assert_eq!(server.client(&renewed).get("/fhir/R4/Patient").status, 401);
    for bad in [
        &["machine", "x", "--tenant", "0", "--scope", ALL][..],
        &["machine", "x", "--tenant", "1", "--scope", "everything"],
        &["account", "x", "--tenant", "1", "--role", "king"],
        &["disable", "nobody", "--tenant", "1"],
    ] {
        assert_eq!(server.admin(bad).status.code(), Some(2), "{bad:?}");
    }
}

#[test]
fn an_account_is_locked_after_wrong_passwords() {
    let server = Server::start();
    let password = "Lotus-Lake-1987";
    let mut command = kangmai();
    command.args(["admin", "account", "doctor", "--tenant", "1", "--role", "clinician", "--password-stdin", "--data"]);
    assert!(with_stdin(command.arg(&server.data), password).status.success());
    let sign_in = |password: &str| {
        server.client("").post("/api/v1/session", &json!({"name": "doctor", "password": password})).status
    };
    assert_eq!(sign_in(password), 200);
    for _ in 0..4 {
        assert_eq!(sign_in("wrong"), 401);
    }
    assert_eq!(sign_in("wrong"), 403);
    assert_eq!(sign_in(password), 403, "the right one does not help any more");
}

#[test]
fn a_signal_ends_it_in_order_and_a_kill_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start_on(&data, &[]);
    let token = server.machine("writer", 1, ALL);
    let client = server.client(&token);
    let put = |client: &crate::support::Client, id: &str| {
        let body = json!({"resourceType": "Patient", "id": id}).to_string();
        let headers = [("content-type".to_owned(), "application/fhir+json".to_owned())];
        client.send("PUT", &format!("/fhir/R4/Patient/{id}"), &headers, body.as_bytes())
    };
    for number in 0..20 {
        assert_eq!(put(&client, &format!("calm-{number}")).unwrap().status, 201);
    }
    // Somebody keeps writing while it is told to stop: what was acknowledged is there afterwards.
    let writer = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut acknowledged = 0;
            while put(&client, &format!("busy-{acknowledged}")).is_ok_and(|answer| answer.status == 201) {
                acknowledged += 1;
            }
            acknowledged
        });
        until("some are written", || {
            client.send("GET", "/fhir/R4/Patient/busy-3", &[], &[]).is_ok_and(|answer| answer.status == 200)
        });
        server.signal("-TERM");
        writer.join().unwrap()
    });
    assert_eq!(server.terminate_or_ended(), Some(0));
    assert!(!data.join("control.sock").exists());

    let server = Server::start_on(&data, &[]);
    let client = server.client(&token);
    assert_eq!(client.get(&format!("/fhir/R4/Patient/busy-{}", writer - 1)).status, 200);
    assert_eq!(client.get("/fhir/R4/Patient/calm-19").status, 200);
    assert_eq!(put(&client, "after").unwrap().status, 201);
    server.kill();

    let started = std::time::Instant::now();
    let server = Server::start_on(&data, &[]);
    let client = server.client(&token);
    assert_eq!(client.get("/health/ready").status, 200);
    let ready = started.elapsed();
    assert!(ready.as_secs() < 30, "ready only after {ready:?}");
    assert_eq!(client.get("/fhir/R4/Patient/after").status, 200);
}

#[test]
fn what_cannot_be_served_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = kangmai().args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(&data).output().unwrap();
    assert_eq!(open.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&open.stderr).contains("--allow-plain-http"));

    let server = Server::start_on(&data, &[]);
    let second = kangmai().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));
    assert_eq!(server.terminate(), Some(0));

    std::fs::rename(folder.path().join("data.key"), folder.path().join("lost.key")).unwrap();
    let keyless = kangmai().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().unwrap();
    assert_eq!(keyless.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&keyless.stderr).contains("--key-file"));
    let key = folder.path().join("lost.key");
    let server = Server::start_on(&data, &["--key-file", key.to_str().unwrap()]);
    assert_eq!(server.client("").get("/health/live").status, 200);
}

#[test]
fn a_backup_of_a_running_server_restores() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start_on(&data, &[]);
    let token = server.machine("writer", 1, ALL);
    let created = server.client(&token).post("/fhir/R4/Patient", &json!({"resourceType": "Patient", "active": true}));
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let backup = folder.path().join("backup");
    let made = kangmai().args(["backup", "--data"]).arg(&data).arg(&backup).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let anchor = folder.path().join("anchor");
    std::fs::write(&anchor, stdout_of(&run(&["audit", "checkpoint"], &data)) + "\n").unwrap();
    let proof = kangmai().args(["audit", "verify", "--anchor"]).arg(&anchor).arg("--data").arg(&data).output().unwrap();
    assert!(stdout_of(&proof).starts_with("intact"));
    assert!(run(&["verify"], &data).status.success(), "while it runs");
    assert!(run(&["verify"], &backup).status.success(), "by its manifest");
    assert_eq!(server.terminate(), Some(0));

    let restored = folder.path().join("restored");
    let key = folder.path().join("data.key");
    let mut restore = kangmai();
    restore.arg("restore").arg(&backup).arg("--data").arg(&restored).arg("--key-file").arg(&key);
    let output = restore.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = Server::start_on(&restored, &["--key-file", key.to_str().unwrap()]);
    assert_eq!(server.client(&token).get(&format!("/fhir/R4/Patient/{id}")).status, 200);
    drop(server);
    // The restored log is older than the anchor: a cut tail is found.
    let mut verify = kangmai();
    verify.args(["audit", "verify", "--anchor"]).arg(&anchor).arg("--data").arg(&restored).arg("--key-file").arg(&key);
    assert_eq!(verify.output().unwrap().status.code(), Some(1));

    // One byte of the backup changes.
    let file = std::fs::read_dir(backup.join("db")).unwrap().map(|it| it.unwrap().path());
    let file = file.filter(|path| path.metadata().unwrap().len() > 100).max().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(run(&["verify"], &backup).status.code(), Some(2));
}

#[test]
fn bundles_are_loaded_and_files_are_checked() {
    let server = Server::start();
    let token = server.machine("loader", 1, ALL);
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/synthea");
    let load = |token: &str| {
        let mut command: Command = kangmai();
        command.arg("load").arg(&samples).args(["--server", &server.url, "--clients", "2"]).env("KANGMAI_TOKEN", token);
        command.output().unwrap()
    };
    let output = load(&token);
    let figures = stdout_of(&output);
    assert!(figures.contains("refused=0"), "{figures} {}", String::from_utf8_lossy(&output.stderr));
    let resources: u64 =
        figures.split_whitespace().find_map(|word| word.strip_prefix("resources=")).unwrap().parse().unwrap();
    let history = server.client(&token).get("/fhir/R4/Observation?_summary=count&_total=accurate");
    assert!(history.json()["total"].as_u64().unwrap() > 0);
    assert!(resources > 1000, "{figures}");
    let refused = load("km_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(refused.status.code(), Some(1));

    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, format: &str| {
        let file = folder.path().join("one.json");
        std::fs::write(&file, text).unwrap();
        kangmai().arg("validate").arg(&file).args(["--format", format]).output().unwrap()
    };
    assert_eq!(check(r#"{"resourceType": "Patient", "gender": "male"}"#, "human").status.code(), Some(0));
    let found = check(r#"{"resourceType": "Patient", "gender": "mal"}"#, "json");
    assert_eq!(found.status.code(), Some(1));
    let line: Value = serde_json::from_slice(found.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(line["issue"]["path"], "Patient.gender");
    assert_eq!(check(r#"{"resourceType""#, "human").status.code(), Some(2));
    let nothing = kangmai().args(["validate", "nowhere.json"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn the_portal_and_the_numbers_are_served() {
    let server = Server::start();
    let client = server.client("");
    let page = client.get("/persons/42/timeline");
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert_eq!(client.get("/assets/none.js").status, 404);
    client.get("/fhir/R4/Patient/secret-id-in-a-path");
    let metrics = client.get("/metrics");
    assert!(metrics.body.contains("kangmai_requests_total{action=\"read\""), "{}", metrics.body);
    assert!(!metrics.body.contains("secret-id"));
    assert!(metrics.body.contains("process_resident_memory_bytes"));
}
