//! Planted words (a name, an identity number, a diagnosis, a phone) go in by every door; afterwards no file of the data folder
//! and no line of the log holds one of them.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::ALL;
use crate::support::Server;

const NAME: &str = "卞雪樵";
const LATIN: &str = "Quetzalbianxueqiao";
const NUMBER: &str = "990999197707077777";
const DIAGNOSIS: &str = "罕见性柳溪综合征";
const PHONE: &str = "10099887766";
const PASSWORD: &str = "Osmanthus-Planted-7";

const PLANTED: [&str; 6] = [NAME, LATIN, NUMBER, DIAGNOSIS, PHONE, PASSWORD];

#[test]
fn no_file_holds_what_was_planted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start_on(&data, &["--verbose", "--log-format", "json"]);
    let token = server.machine("writer", 1, ALL);
    server.account("doctor", 1, "clinician", &["--scope", "user/*.rs ground/any"]);
    let client = server.client(&token);
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:33333333-3333-4333-8333-333333333333",
         "resource": {"resourceType": "Patient", "name": [{"text": NAME, "family": LATIN}],
            "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": NUMBER}], "telecom": [{"system": "phone", "value": PHONE}]},
         "request": {"method": "POST", "url": "Patient", "ifNoneExist": format!("identifier={NUMBER}")}},
        {"resource": {"resourceType": "Condition", "code": {"text": DIAGNOSIS, "coding": [{"system": "urn:planted", "code": DIAGNOSIS}]},
            "subject": {"reference": "urn:uuid:33333333-3333-4333-8333-333333333333"}},
         "request": {"method": "POST", "url": "Condition"}},
    ]});
    let stored = client.post("/fhir/R4", &bundle);
    assert_eq!(stored.status, 200, "{}", stored.body);
    let location = stored.json()["entry"][0]["response"]["location"].as_str().unwrap().to_owned();
    let id = location.split("Patient/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    // Every way of asking, also the wrong ones.
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for word in PLANTED {
        let word = encoded(word);
        for path in [
            format!("/fhir/R4/Patient?name={word}"),
            format!("/fhir/R4/Patient?identifier={word}&phone={word}"),
            format!("/fhir/R4/Condition?code={word}"),
            format!("/fhir/R4/Condition?code:text={word}"),
            format!("/fhir/R4/Patient?{word}=1"),
            format!("/fhir/R4/{word}"),
            format!("/fhir/R4/Patient/{word}"),
            format!("/api/v1/persons?name={word}"),
            format!("/api/v1/persons?identifier={word}"),
            format!("/{word}"),
        ] {
            client.send("GET", &path, &[], &[]).unwrap();
        }
        let form = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        client.send("POST", "/fhir/R4/Patient/_search", &form, format!("name={word}").as_bytes()).unwrap();
    }
    for word in PLANTED {
        client.post("/api/v1/persons/search", &json!({"name": word}));
        client.post("/api/v1/persons/search", &json!({"identifier": word}));
        client.post("/api/v1/session", &json!({"name": word, "password": word}));
        client.post("/api/v1/session", &json!({"name": "doctor", "password": word}));
        client.post("/fhir/R4/Patient", &json!({"resourceType": "Patient", "gender": word, word: word}));
        client
            .send("POST", "/fhir/R4/Patient", &[], format!("{{\"resourceType\": \"{word}\", broken").as_bytes())
            .unwrap();
    }
    for page in ["summary", "timeline", "reports", "medicines", "bills"] {
        assert_eq!(client.get(&format!("/api/v1/persons/{id}/{page}")).status, 200, "{page}");
    }
    let read = client.get(&format!("/fhir/R4/Patient/{id}"));
    assert!(read.body.contains(NAME) && read.body.contains(NUMBER), "it is stored: {}", read.body);
    assert_eq!(
        client.get(&format!("/fhir/R4/Patient?identifier={NUMBER}")).json()["entry"][0]["resource"]["id"],
        id.as_str()
    );

    // Once as it lies while the server runs (write-ahead log), once after it was closed.
    let mut looked_at = scan(folder.path());
    let log = server.log();
    assert_eq!(server.terminate(), Some(0));
    looked_at += scan(folder.path());
    assert!(looked_at > 10, "only {looked_at} files were looked at");
    for word in PLANTED {
        assert!(!log.contains(word), "the log holds {word}");
        assert!(!log.to_lowercase().contains(&encoded(word).to_lowercase()), "the log holds {word}, encoded");
    }
    assert!(log.contains("/fhir/R4/{type}"), "the log does say which routes were used: {log}");
}

/// Looks for every planted word in every file below a folder; how many files there were.
fn scan(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += scan(&path);
        } else if path.is_file() {
            count += 1;
            let bytes = fs::read(&path).unwrap_or_default();
            for word in PLANTED {
                assert!(!holds(&bytes, word.as_bytes()), "{} holds {word}", path.display());
            }
        }
    }
    count
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    // In clear, in UTF-16, and in hexadecimal digits.
    let text = std::str::from_utf8(word).unwrap();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    [word, &wide, hex.as_bytes()].iter().any(|form| bytes.windows(form.len()).any(|window| window == *form))
}

#[test]
fn the_scan_finds_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/file"), format!("…{NUMBER}…")).unwrap();
    let path = folder.path().to_owned();
    assert!(std::panic::catch_unwind(move || scan(&path)).is_err());
    assert!(holds(&"x雪".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), "雪".as_bytes()));
}
