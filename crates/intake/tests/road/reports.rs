//! Reports that come in pieces: panel by panel, and the page after the results.

use intake::{Outcome, Source};
use serde_json::Value;

use crate::house::{House, house, refers_to};

const PDF: &str = "JVBERi0xLjQKJWludmVudGVkIHBhZ2UgZm9yIGEgdGVzdCwgbm8gcmVhZGVyIHdpbGwgb3BlbiBpdAolJUVPRgo=";

fn send(house: &House, source: &Source, control: &str, issued: &str, panel: &str, rows: &[String]) -> intake::Receipt {
    let head = format!(
        "MSH|^~\\&|LIS|H1|KM|KM|{issued}||ORU^R01|{control}|P|2.4||||||UNICODE UTF-8\rPID|1||P1^^^HIS^PI||张三"
    );
    let order = format!("OBR|1||BG1|{panel}|||20240305083000|||||||||||||||{issued}||LAB|F");
    let receipt = house.send_bytes(source, format!("{head}\r{order}\r{}\r", rows.join("\r")).as_bytes());
    assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
    receipt
}

fn result(item: &str, value: &str, status: &str) -> String {
    format!("OBX|1|NM|{item}^{item}||{value}|U/L|||||{status}")
}

fn items(house: &House, report: &Value) -> Vec<String> {
    let observations = house.all("Observation?_count=50");
    let item = |reference: &Value| {
        let found = observations.iter().find(|one| refers_to(reference, one)).unwrap();
        found["code"]["coding"][0]["code"].as_str().unwrap().to_owned()
    };
    report["result"].as_array().into_iter().flatten().map(item).collect()
}

#[test]
fn the_page_of_a_report_does_not_take_its_results_away() {
    let house = house();
    let source = house.source("a");
    send(&house, &source, "1", "20240305100000", "A^肝功能", &[result("ALT", "30", "P"), result("AST", "31", "P")]);
    send(
        &house,
        &source,
        "2",
        "20240305110000",
        "A^肝功能",
        &[format!("OBX|1|ED|PDF^报告||^^PDF^Base64^{PDF}||||||F")],
    );
    let report = house.one("DiagnosticReport");
    assert_eq!(items(&house, &report), ["ALT", "AST"]);
    assert_eq!(report["issued"], "2024-03-05T11:00:00+08:00");
    assert_eq!(house.all("DocumentReference").len(), 1);
    send(&house, &source, "3", "20240305120000", "A^肝功能", &[result("ALT", "32", "C"), result("AST", "", "D")]);
    assert_eq!(items(&house, &house.one("DiagnosticReport")), ["ALT", "AST"]);
    let withdrawn: Vec<Value> =
        house.all("Observation").into_iter().filter(|one| one["status"] == "entered-in-error").collect();
    assert_eq!(withdrawn.len(), 1);
}

#[test]
fn panels_of_one_report_join_in_any_order_and_a_correction_stays_one() {
    for order in [["A", "B"], ["B", "A"]] {
        let house = house();
        let source = house.source("a");
        let send_panel = |control: &str, panel: &str| match panel {
            "A" => send(&house, &source, control, "20240305100000", "A^肝功能", &[result("ALT", "30", "F")]),
            _ => send(&house, &source, control, "20240305110000", "B^肾功能", &[result("CREA", "70", "F")]),
        };
        send_panel("1", order[0]);
        send_panel("2", order[1]);
        let report = house.one("DiagnosticReport");
        let mut found = items(&house, &report);
        found.sort();
        assert_eq!(found, ["ALT", "CREA"], "{order:?}");
        assert_eq!(report["code"]["coding"].as_array().unwrap().len(), 2);
        let again = send_panel("3", "A");
        assert_eq!((again.counts.repeated, again.counts.updated), (1, 0), "{order:?}");
        // A correction of one panel leaves the other one, and takes nothing of its own away either.
        send(&house, &source, "4", "20240306100000", "A^肝功能", &[result("ALT", "33", "C")]);
        let mut found = items(&house, &house.one("DiagnosticReport"));
        found.sort();
        assert_eq!(found, ["ALT", "CREA"], "{order:?}");
    }
}

#[test]
fn the_same_panel_sent_whole_says_the_whole() {
    let house = house();
    let source = house.source("a");
    send(&house, &source, "1", "20240305100000", "A^肝功能", &[result("ALT", "30", "P"), result("WRONG", "1", "P")]);
    send(&house, &source, "2", "20240305110000", "A^肝功能", &[result("ALT", "30", "F")]);
    assert_eq!(items(&house, &house.one("DiagnosticReport")), ["ALT"]);
}
