//! Orders of several items under one number: what is cancelled is what the message names.

use intake::{Outcome, ProblemState, Receipt, Source};
use serde_json::Value;

use crate::house::{House, house, refers_to};

/// An RDE or ORM at a minute of the morning; the segments behind PID.
fn send(house: &House, source: &Source, minute: u32, kind: &str, segments: &[&str]) -> Receipt {
    let at = format!("202403050{}{:02}00", 8 + minute / 60, minute % 60);
    let head =
        format!("MSH|^~\\&|HIS|H1|KM|KM|{at}||{kind}|M{minute}|P|2.4||||||UNICODE UTF-8\rPID|1||P1^^^HIS^PI||张三");
    let body: Vec<String> = segments.iter().map(|segment| segment.replace("AT", &at)).collect();
    house.send_bytes(source, format!("{head}\r{}\r", body.join("\r")).as_bytes())
}

fn drugs(house: &House, source: &Source, minute: u32, segments: &[&str]) -> Receipt {
    let receipt = send(house, source, minute, "RDE^O11", segments);
    assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
    receipt
}

/// Item and status of every order, sorted.
fn states(house: &House, type_name: &str) -> Vec<String> {
    let code = |order: &Value| {
        let concept = order.get("medicationCodeableConcept").or_else(|| order.get("code"));
        concept.and_then(|it| it["coding"][0]["code"].as_str()).unwrap_or("?").to_owned()
    };
    let orders = house.all(&format!("{type_name}?_count=50"));
    let mut states: Vec<String> =
        orders.iter().map(|order| format!("{} {}", code(order), order["status"].as_str().unwrap())).collect();
    states.sort();
    states
}

const NEW: &str = "ORC|NW|CF1|||||||AT";
const CANCEL: &str = "ORC|CA|CF1|||||||AT";
const AMOXICILLIN: &str = "RXE|^TID|XZ01^阿莫西林^L|0.5||g";
const IBUPROFEN: &str = "RXE|^BID|XZ02^布洛芬^L|0.3||g";
const ASPIRIN: &str = "RXE|^QD|XZ03^阿司匹林^L|100||mg";

#[test]
fn a_cancellation_takes_the_item_that_it_names() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN, IBUPROFEN, ASPIRIN]);
    drugs(&house, &source, 10, &[CANCEL, "RXE||XZ02^布洛芬"]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 cancelled", "XZ03 active"]);
    // Named by its words only.
    drugs(&house, &source, 20, &[CANCEL, "RXE||^阿司匹林"]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 cancelled", "XZ03 cancelled"]);
}

#[test]
fn a_cancellation_of_the_order_takes_all_its_items() {
    for cancel in [&["ORC|CA|CF1|||||||AT"][..], &["ORC|DC|CF1|||||||AT", "RXE||"]] {
        let house = house();
        let source = house.source("a");
        drugs(&house, &source, 0, &[NEW, AMOXICILLIN, IBUPROFEN]);
        drugs(&house, &source, 1, &["ORC|NW|CF2|||||||AT", AMOXICILLIN]);
        drugs(&house, &source, 10, cancel);
        let gone = if cancel[0].contains("DC") { "stopped" } else { "cancelled" };
        let expected = ["XZ01 active".to_owned(), format!("XZ01 {gone}"), format!("XZ02 {gone}")];
        assert_eq!(states(&house, "MedicationRequest"), expected);
        // In an ORM nothing but an empty segment says that drugs are meant.
        let receipt = send(&house, &source, 20, "ORM^O01", &["ORC|HD|CF2|||||||AT", "RXO|"]);
        assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
        assert!(states(&house, "MedicationRequest").contains(&"XZ01 on-hold".to_owned()));
    }
}

#[test]
fn another_sequence_says_nothing_new() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN, IBUPROFEN]);
    let again = send(&house, &source, 0, "RDE^O11", &[NEW, IBUPROFEN, AMOXICILLIN]);
    assert_eq!((again.counts.repeated, again.counts.updated, again.counts.created), (1, 0, 0));
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 active"]);
}

#[test]
fn an_order_of_one_item_gets_a_second_one() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, IBUPROFEN]);
    let first = house.one("MedicationRequest")["id"].clone();
    // The whole order again, the new item before the old one; then an item in an order control of its own.
    drugs(&house, &source, 10, &[NEW, AMOXICILLIN, IBUPROFEN]);
    drugs(&house, &source, 20, &[NEW, ASPIRIN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 active", "XZ03 active"]);
    drugs(&house, &source, 30, &[CANCEL, IBUPROFEN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 cancelled", "XZ03 active"]);
    let orders = house.all("MedicationRequest?_count=50");
    assert!(orders.iter().any(|order| order["id"] == first && order["status"] == "cancelled"));
    assert!(orders.iter().all(|order| order["identifier"][0]["value"] == "CF1"), "one number, as it was sent");
}

#[test]
fn an_order_control_for_each_item_of_one_number() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN, NEW, IBUPROFEN, NEW, IBUPROFEN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ02 active", "XZ02 active"]);
}

#[test]
fn a_changed_order_of_one_item_is_that_item() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN]);
    drugs(&house, &source, 10, &["ORC|XO|CF1|||||||AT", IBUPROFEN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ02 active"]);
}

#[test]
fn what_is_named_again_keeps_its_code_and_what_is_changed_is_changed_as_a_whole() {
    let house = house();
    let source = house.source("a");
    let herbs = ["RXE|^BID|ZY^中药饮片处方^L|1||剂", "RXC|B|HQ^黄芪^L|15|g", "RXC|B|DG^当归^L|10|g"];
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN]);
    drugs(&house, &source, 1, &["ORC|NW|CF2|||||||AT", herbs[0], herbs[1], herbs[2]]);
    drugs(&house, &source, 10, &["ORC|DC|CF2|||||||AT", "RXE||ZY^中药饮片处方"]);
    drugs(&house, &source, 11, &["ORC|HD|CF1|||||||AT", "RXE||^阿莫西林"]);
    let orders = house.all("MedicationRequest");
    let of = |number: &str| orders.iter().find(|order| order["identifier"][0]["value"] == number).unwrap();
    assert_eq!(of("CF2")["status"], "stopped");
    assert_eq!(of("CF2")["contained"][0]["ingredient"].as_array().unwrap().len(), 2);
    assert!(of("CF2").get("medicationCodeableConcept").is_none());
    assert_eq!(of("CF1")["medicationCodeableConcept"]["coding"][0]["code"], "XZ01");
    drugs(&house, &source, 20, &["ORC|XO|CF1|||||||AT", "RXE|^BID|^院内合剂|10||ml"]);
    let changed = house.one("MedicationRequest?status=active");
    assert_eq!(changed["medicationCodeableConcept"], serde_json::json!({ "text": "院内合剂" }));
}

#[test]
fn a_number_or_a_reply_changes_no_status() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN]);
    send(&house, &source, 1, "ORM^O01", &["ORC|NW|SQ1|||||||AT", "OBR|1|SQ1||XCG^血常规"]);
    drugs(&house, &source, 10, &["ORC|NA|CF1|F77||||||AT", AMOXICILLIN]);
    drugs(&house, &source, 11, &["ORC|UD|CF1|||||||AT", "RXE||"]);
    send(&house, &source, 12, "ORM^O01", &["ORC|NA|SQ1|F78||||||AT", "OBR|1|SQ1|F78|XCG^血常规"]);
    send(&house, &source, 13, "ORM^O01", &["ORC|SN|SQ1|||||||AT"]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active"]);
    assert_eq!(states(&house, "ServiceRequest"), ["XCG active"]);
    drugs(&house, &source, 20, &["ORC|SC|CF1|||CM||||AT", AMOXICILLIN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 completed"]);
    send(&house, &source, 21, "ORM^O01", &["ORC|RP|SQ1|||||||AT", "OBR|1|SQ1||XCG^血常规"]);
    assert_eq!(states(&house, "ServiceRequest"), ["XCG revoked"]);
}

#[test]
fn two_items_of_one_code_stay_two_and_are_told_apart_by_their_dose() {
    let house = house();
    let source = house.source("a");
    let (morning, evening) = ("RXE|^QAM|XZ01^阿莫西林^L|0.5||g", "RXE|^QPM|XZ01^阿莫西林^L|1.0||g");
    drugs(&house, &source, 0, &[NEW, morning, evening]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ01 active"]);
    let again = send(&house, &source, 0, "RDE^O11", &[NEW, evening, morning]);
    assert_eq!((again.counts.repeated, again.counts.updated), (1, 0));
    drugs(&house, &source, 10, &[CANCEL, evening]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ01 cancelled"]);
    let orders = house.all("MedicationRequest");
    let gone = orders.iter().find(|order| order["status"] == "cancelled").unwrap();
    assert_eq!(gone["dosageInstruction"][0]["timing"]["code"]["text"], "QPM");
}

#[test]
fn what_cannot_be_told_apart_is_set_aside_and_can_be_released() {
    let house = house();
    let source = house.source("a");
    let (morning, evening) = ("RXE|^QAM|XZ01^阿莫西林^L|0.5||g", "RXE|^QPM|XZ01^阿莫西林^L|1.0||g");
    drugs(&house, &source, 0, &[NEW, morning, evening]);
    let receipt = send(&house, &source, 10, "RDE^O11", &[CANCEL, "RXE||XZ01^阿莫西林"]);
    assert_eq!(receipt.outcome, Outcome::SetAside);
    assert_eq!(receipt.findings[0].issue.rule, "road.order.item-ambiguous");
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ01 active"]);
    let receipt = send(&house, &source, 20, "RDE^O11", &[CANCEL, ASPIRIN]);
    assert_eq!(receipt.outcome, Outcome::SetAside);
    assert_eq!(receipt.findings[0].issue.rule, "road.order.item-unknown");
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 active", "XZ01 active"]);
    let open = house.problems(&source, ProblemState::SetAside);
    let ambiguous = open.iter().find(|one| one.issues[0].rule == "road.order.item-ambiguous").unwrap();
    house.release(&source, &ambiguous.id);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 cancelled", "XZ01 cancelled"]);
}

#[test]
fn a_cancellation_may_come_before_its_order() {
    let house = house();
    let source = house.source("a");
    drugs(&house, &source, 10, &["ORC|CA|CF1|||||||AT", "RXE||XZ01^阿莫西林"]);
    drugs(&house, &source, 0, &[NEW, AMOXICILLIN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 cancelled"]);
    // Without an item: what it was is known once the order comes.
    drugs(&house, &source, 30, &["ORC|CA|CF2|||||||AT", "RXE||"]);
    assert_eq!(states(&house, "MedicationRequest"), ["? cancelled", "XZ01 cancelled"]);
    drugs(&house, &source, 20, &["ORC|NW|CF2|||||||AT", IBUPROFEN]);
    assert_eq!(states(&house, "MedicationRequest"), ["XZ01 cancelled", "XZ02 cancelled"]);
}

#[test]
fn tests_of_one_order_are_told_apart_by_their_code() {
    let house = house();
    let source = house.source("a");
    let order = |minute: u32, segments: &[&str]| {
        let receipt = send(&house, &source, minute, "ORM^O01", segments);
        assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
    };
    order(0, &["ORC|NW|SQ1|||||||AT", "OBR|1|SQ1||XCG^血常规", "OBR|2|SQ1||GHN^肝功能"]);
    order(10, &["ORC|CA|SQ1|||||||AT", "OBR|1|SQ1||GHN^肝功能"]);
    assert_eq!(states(&house, "ServiceRequest"), ["GHN revoked", "XCG active"]);
    // A report finds the item that it is called like.
    let result = "OBX|1|NM|WBC^白细胞||5.1|10*9/L|||||F";
    send(&house, &source, 20, "ORU^R01", &["OBR|1|SQ1|BG1|XCG^血常规|||AT|||||||||||||||AT||LAB|F", result]);
    let report = house.one("DiagnosticReport");
    let found: Vec<Value> =
        house.all("ServiceRequest").into_iter().filter(|one| refers_to(&report["basedOn"][0], one)).collect();
    assert_eq!(found[0]["code"]["coding"][0]["code"], "XCG");
    order(30, &["ORC|CA|SQ1|||||||AT"]);
    assert_eq!(states(&house, "ServiceRequest"), ["GHN revoked", "XCG revoked"]);
}

#[test]
fn a_report_of_several_panels_names_its_one_order_once() {
    let house = house();
    let source = house.source("a");
    let panel = |name: &str| format!("OBR|1|SQ1|BG1|{name}|||AT|||||||||||||||AT||LAB|F");
    let rows = [
        panel("A^肝功能"),
        "OBX|1|NM|ALT^ALT||30|U/L|||||F".to_owned(),
        panel("B^肾功能"),
        "OBX|1|NM|CREA^CREA||70|umol/L|||||F".to_owned(),
    ];
    send(&house, &source, 0, "ORU^R01", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(house.one("DiagnosticReport")["basedOn"].as_array().unwrap().len(), 1);
    let receipt = send(&house, &source, 10, "ORM^O01", &["ORC|NW|SQ1|||||||AT", "OBR|1|SQ1||SH^生化套餐"]);
    assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
    assert_eq!(states(&house, "ServiceRequest"), ["SH active"]);
}
