//! What comes twice, late, corrected, out of order, broken.

use intake::{Outcome, ProblemState};
use model::{Clock, SystemClock};
use records::block_on;
use serde_json::{Value, json};

use crate::house::{TENANT, house};

fn bundle(time: &str, resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({ "resource": resource })).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "timestamp": time, "entry": entries })
}

fn patient(id: &str, name: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "active": true, "name": [{ "text": name }] })
}

fn with_number(mut patient: Value, number: &str) -> Value {
    patient["identifier"] = json!([{ "system": "urn:oid:2.16.156.10011.1.3", "value": number }]);
    patient
}

fn glucose(id: &str, patient: &str, value: f64) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "血糖" },
        "subject": { "reference": format!("Patient/{patient}") }, "valueQuantity": { "value": value, "unit": "mmol/L" },
    })
}

/// A valid number of an invented person: region 990121, born 1980-01-01.
fn number(sequence: u32) -> String {
    let body = format!("99012119800101{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", char::from(b"10X98765432"[usize::try_from(sum % 11).unwrap()]))
}

#[test]
fn the_same_bytes_twice_are_one_message() {
    let house = house();
    let source = house.source("a");
    let message = bundle("2024-03-05T08:00:00+08:00", &[patient("p1", "张三"), glucose("o1", "p1", 5.6)]);
    let first = house.send(&source, &message);
    assert_eq!(first.outcome, Outcome::Accepted);
    assert_eq!((first.counts.created, first.counts.records), (2, 1));
    let second = house.send(&source, &message);
    assert_eq!((second.id, second.outcome), (first.id, Outcome::Repeated));
    assert_eq!(house.one("Observation")["meta"]["versionId"], "1");
    assert_eq!(house.road.receipts(TENANT, &source, None, 10).unwrap().len(), 1);
}

#[test]
fn the_same_content_in_a_new_envelope_says_nothing_new() {
    let house = house();
    let source = house.source("a");
    let resources = [patient("p1", "张三"), glucose("o1", "p1", 5.6)];
    house.send(&source, &bundle("2024-03-05T08:00:00+08:00", &resources));
    let again = house.send(&source, &bundle("2024-04-01T02:00:00+08:00", &resources));
    assert_eq!((again.counts.repeated, again.counts.created, again.counts.updated), (1, 0, 0));
    assert_eq!(house.one("Observation")["meta"]["versionId"], "1");
    assert_eq!(house.one("Patient")["meta"]["versionId"], "1");
}

#[test]
fn a_correction_is_a_new_version_and_something_older_goes_into_history() {
    let house = house();
    let source = house.source("a");
    let at = |day: u32, value: f64| bundle(&format!("2024-03-{day:02}T08:00:00+08:00"), &[glucose("o1", "p1", value)]);
    house.send(&source, &at(5, 5.6));
    let corrected = house.send(&source, &at(7, 6.5));
    assert_eq!((corrected.counts.updated, corrected.counts.late), (1, 0));
    let late = house.send(&source, &at(6, 6.0));
    assert_eq!(late.counts.late, 1);
    let current = house.one("Observation");
    assert_eq!(current["valueQuantity"]["value"].to_string(), "6.5");
    let values: Vec<String> =
        house.versions(&current).iter().map(|version| version["valueQuantity"]["value"].to_string()).collect();
    assert_eq!(values, ["6.5", "6.0", "6.5", "5.6"], "newest first: nothing is lost, and the newest stays what it was");
    // The late one again, in another envelope that is old as well.
    let mut again = at(6, 6.0);
    again["identifier"] = json!({ "value": "another envelope" });
    let again = house.send(&source, &again);
    assert_eq!((again.counts.repeated, again.counts.updated), (1, 0));
    assert_eq!(house.one("Observation")["meta"]["versionId"], "4");
}

#[test]
fn a_result_may_come_before_its_registration() {
    let house = house();
    let source = house.source("a");
    house.send(&source, &bundle("2024-03-05T08:00:00+08:00", &[glucose("o1", "p1", 5.6)]));
    let observation = house.one("Observation");
    house.send(&source, &bundle("2024-03-06T08:00:00+08:00", &[patient("p1", "张三")]));
    let registration = house.one("Patient");
    assert_eq!(registration["name"][0]["text"], "张三");
    let id = registration["id"].as_str().unwrap();
    assert_eq!(house.one(&format!("Observation?patient={id}"))["id"], observation["id"]);
    assert_eq!(house.one("Person")["link"][0]["target"]["reference"], format!("Patient/{id}"));
}

#[test]
fn each_source_has_its_own_keys() {
    let house = house();
    let (one, other) = (house.source("a"), house.source("b"));
    let message = bundle("2024-03-05T08:00:00+08:00", &[patient("p1", "张三")]);
    house.send(&one, &message);
    house.send(&other, &message);
    assert_eq!(house.all("Patient").len(), 2, "the same number in two hospitals is two registrations");
    assert_ne!(one.number, other.number);
}

#[test]
fn one_number_and_one_name_are_one_person_and_another_name_is_not() {
    let house = house();
    let (one, other) = (house.source("a"), house.source("b"));
    let at = |patient: Value| bundle("2024-03-05T08:00:00+08:00", &[patient]);
    house.send(&one, &at(with_number(patient("p1", "欧阳小红"), &number(21))));
    house.send(&other, &at(with_number(patient("x9", "欧阳小红（自费）"), &number(21).to_lowercase())));
    house.send(&other, &at(with_number(patient("x10", "李大明"), &number(21))));
    house.send(&other, &at(with_number(patient("x11", "欧阳小红之子"), &number(21))));
    let links: Vec<usize> = house.all("Person").iter().map(|person| person["link"].as_array().unwrap().len()).collect();
    let mut sorted = links.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 1, 2], "{links:?}");
}

#[test]
fn what_cannot_be_read_is_set_aside_with_its_original() {
    let house = house();
    let source = house.source("a");
    for bytes in [&b"{\"resourceType\":"[..], b"\xFF\xFE\x00", b"<html>", b"not a message at all"] {
        let receipt = house.send_bytes(&source, bytes);
        assert_eq!(receipt.outcome, Outcome::SetAside, "{bytes:?}");
        assert_eq!(house.road.original(TENANT, &receipt.original).unwrap().0, bytes);
    }
    let problems = house.problems(&source, ProblemState::SetAside);
    assert_eq!(problems.len(), 4);
    assert!(problems.iter().all(|problem| !problem.issues.is_empty()));
}

#[test]
fn a_record_that_was_set_aside_is_closed_when_it_comes_right() {
    let house = house();
    let source = house.source("a");
    let mut wrong = glucose("o1", "p1", 5.6);
    wrong["status"] = json!(["final"]);
    let receipt = house.send(&source, &bundle("2024-03-05T08:00:00+08:00", &[wrong]));
    assert_eq!(receipt.outcome, Outcome::SetAside);
    assert!(house.all("Observation").is_empty());
    let open = house.problems(&source, ProblemState::SetAside);
    assert_eq!(open.len(), 1);
    let right = house.send(&source, &bundle("2024-03-06T08:00:00+08:00", &[glucose("o1", "p1", 5.6)]));
    assert_eq!(right.outcome, Outcome::Accepted);
    assert!(house.problems(&source, ProblemState::SetAside).is_empty());
    let closed = house.problems(&source, ProblemState::Corrected);
    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].state, closed[0].id.clone()), (ProblemState::Corrected, open[0].id.clone()));
    assert_eq!(closed[0].closed_by, Some(right.id.to_string()));
}

#[test]
fn a_record_that_was_set_aside_can_be_released_with_a_reason() {
    let house = house();
    let source = house.source("a");
    let mut nameless = patient("", "张三");
    nameless.as_object_mut().unwrap().remove("id");
    let receipt = house.send(&source, &bundle("2024-03-05T08:00:00+08:00", &[nameless, glucose("o1", "p1", 5.6)]));
    assert_eq!(receipt.outcome, Outcome::SetAside);
    let open = house.problems(&source, ProblemState::SetAside);
    let released =
        block_on(house.road.release(&house.caller, &source, &open[0].id, "administrator", "已与科室核实")).unwrap();
    assert_eq!(released.state, ProblemState::Released);
    assert_eq!(house.one("Observation")["subject"]["reference"].as_str().map(|text| &text[..8]), Some("Patient/"));
    assert!(house.problems(&source, ProblemState::SetAside).is_empty());
    let closed = house.problems(&source, ProblemState::Corrected);
    assert_eq!(closed[0].closed_by.as_deref(), Some("administrator: 已与科室核实"));
    let again = block_on(house.road.release(&house.caller, &source, &open[0].id, "administrator", "再来一次"));
    assert!(again.is_err(), "what is closed is not released again");
}

#[test]
fn every_fact_leads_back_to_its_original() {
    let house = house();
    let source = house.source("a");
    let message = bundle("2024-03-05T08:00:00+08:00", &[patient("p1", "张三"), glucose("o1", "p1", 5.6)]);
    let receipt = house.send(&source, &message);
    let observation = house.one("Observation");
    let origin = observation["meta"]["source"].as_str().unwrap();
    assert_eq!(origin, format!("urn:kangmai:message:{}#Bundle.entry[1].resource", receipt.original));
    let (bytes, home) = house.road.original(TENANT, &receipt.original).unwrap();
    assert_eq!(bytes, message.to_string().as_bytes());
    let registration = house.one("Patient");
    let expected = u64::from_str_radix(&registration["id"].as_str().unwrap()[..16], 16).unwrap();
    assert_eq!(home.map(|home| home.0), Some(expected), "the original of one registration lies under its key");
}

#[test]
fn a_day_is_compared_by_what_is_here() {
    let house = house();
    let source = house.source("a");
    house.send(&source, &bundle("2024-03-05T08:00:00+08:00", &[glucose("o1", "p1", 5.6)]));
    house.send(&source, &bundle("2024-03-05T23:00:00+08:00", &[glucose("o2", "p1", 5.7)]));
    house.send(&source, &bundle("2024-03-06T00:30:00+08:00", &[glucose("o3", "p1", 5.8)]));
    let compared = house.road.reconcile(TENANT, &source, "2024-03-05").unwrap();
    assert_eq!(compared.len(), 1);
    assert_eq!(
        (compared[0].record_type.as_str(), compared[0].present, compared[0].declared),
        ("fhir:collection", 2, None)
    );
    assert!(!compared[0].agrees, "nobody said how many there should be");
    assert!(house.road.reconcile(TENANT, &source, "yesterday").is_err());
}

#[test]
fn a_merge_declared_by_the_source_joins_two_registrations() {
    let house = house();
    let source = house.source("a");
    let admit = |time: &str, id: &str, name: &str| {
        format!(
            "MSH|^~\\&|HIS|H1|KM|KM|{time}||ADT^A01|{time}{id}|P|2.4\rEVN|A01|{time}\rPID|1||{id}^^^H1||{name}||19800101|M\rPV1|1|I|W1||||||||||||||||V{id}\r"
        )
    };
    let first = house.send_bytes(&source, admit("20240305080000", "1001", "张三").as_bytes());
    assert_ne!(first.outcome, Outcome::SetAside, "{:?}", first.findings);
    house.send_bytes(&source, admit("20240305090000", "1002", "张三").as_bytes());
    assert_eq!(house.all("Patient").len(), 2, "{first:?}");
    let merge = "MSH|^~\\&|HIS|H1|KM|KM|20240306080000||ADT^A40|77|P|2.4\rEVN|A40|20240306080000\rPID|1||1001^^^H1||张三||19800101|M\rMRG|1002^^^H1\r";
    let receipt = house.send_bytes(&source, merge.as_bytes());
    assert_ne!(receipt.outcome, Outcome::SetAside, "{:?}", receipt.findings);
    let people: Vec<Value> =
        house.all("Person?_count=10").into_iter().filter(|person| person["active"] == true).collect();
    assert_eq!(people.len(), 1, "{people:?}");
    assert_eq!(people[0]["link"].as_array().unwrap().len(), 2);
    let given_up: Vec<Value> = house.all("Patient").into_iter().filter(|patient| patient["active"] == false).collect();
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0]["link"][0]["type"], "replaced-by");
    // People say that these are two: what the source says afterwards is a question, not an order.
    let identity = house.road.identity();
    let person = format!("Person/{}", people[0]["id"].as_str().unwrap());
    let out = format!("Patient/{}", given_up[0]["id"].as_str().unwrap());
    block_on(identity.split(&house.caller, &person, &[out], "两人同名")).unwrap();
    let back = "MSH|^~\\&|HIS|H1|KM|KM|20240307080000||ADT^A40|78|P|2.4\rEVN|A40|20240307080000\rPID|1||1002^^^H1||张三||19800101|M\rMRG|1001^^^H1\r";
    house.send_bytes(&source, back.as_bytes());
    let persons: std::collections::BTreeSet<u64> = identity.persons(TENANT).unwrap().into_values().collect();
    assert_eq!(persons.len(), 2);
    assert_eq!(identity.reviews(TENANT, Some("vetoed"), None, 10).unwrap().0.len(), 1);
}

/// What stands in a list of a resource.
fn values<'v>(resource: &'v Value, list: &str, member: &str) -> Vec<&'v str> {
    resource[list].as_array().into_iter().flatten().filter_map(|item| item[member].as_str()).collect()
}

#[test]
fn an_update_takes_no_number_telephone_or_name_away() {
    let house = house();
    let source = house.source("a");
    let header = "YLJGDM,JZLSH,BRID,KH,HZXM,XBDM,CSRQ,ZJLXDM,ZJHM,LXDH,GHSJ,GXSJ,XGBZ";
    let row = |row: &str| format!("{header}\n990121001,{row}\n");
    let number = number(31);
    let first = row(&format!("1,B1,K1,王珅,1,19800101,01,{number},10012345678,20240305080000,20240305080000,1"));
    assert_eq!(house.send_table(&source, "TB_HIS_MZ_Reg.csv", &first).counts.set_aside, 0);
    let before = house.one("Patient");
    assert!(values(&before, "identifier", "value").contains(&number.as_str()));
    let second = row("2,B1,K2,,1,,,,,20240306080000,20240306080000,1");
    assert_eq!(house.send_table(&source, "TB_HIS_MZ_Reg.csv", &second).counts.set_aside, 0);
    let after = house.one("Patient");
    let numbers = values(&after, "identifier", "value");
    assert!(numbers.contains(&number.as_str()) && numbers.contains(&"K2") && !numbers.contains(&"K1"), "{numbers:?}");
    assert_eq!(values(&after, "telecom", "value"), ["10012345678"]);
    assert_eq!((&after["name"][0]["text"], &after["birthDate"]), (&json!("王珅"), &json!("1980-01-01")));
    // Only who it is again: nothing new about the patient.
    let version = after["meta"]["versionId"].clone();
    house.send_table(&source, "TB_HIS_MZ_Reg.csv", &row("3,B1,K2,,1,,,,,20240307080000,20240307080000,1"));
    assert_eq!(house.one("Patient")["meta"]["versionId"], version);
    // An older row brings another telephone: that is no news, and neither is it lost.
    house.send_table(
        &source,
        "TB_HIS_MZ_Reg.csv",
        &row("0,B1,K0,王珅,1,19800101,,,10099990000,20240301080000,20240301080000,1"),
    );
    assert_eq!(values(&house.one("Patient"), "telecom", "value"), ["10012345678"]);
}

#[test]
fn what_a_message_takes_back_goes() {
    let house = house();
    let source = house.source("a");
    let update = |event: &str, time: &str, phone: &str, number: &str| {
        format!(
            "MSH|^~\\&|HIS|H1|KM|KM|{time}||ADT^{event}|{time}|P|2.4\rEVN|{event}|{time}\rPID|1||1001^^^H1||张三||19800101|M|||||{phone}||||||{number}\rPV1|1|I|W1||||||||||||||||V1\r"
        )
    };
    let number = number(32);
    house.send_bytes(&source, update("A01", "20240305080000", "10012345678", &number).as_bytes());
    assert_eq!(values(&house.one("Patient"), "telecom", "value"), ["10012345678"]);
    house.send_bytes(&source, update("A08", "20240306080000", "", "").as_bytes());
    let kept = house.one("Patient");
    assert!(values(&kept, "identifier", "value").contains(&number.as_str()), "{kept}");
    assert_eq!(values(&kept, "telecom", "value"), ["10012345678"]);
    house.send_bytes(&source, update("A08", "20240307080000", "\"\"", "").as_bytes());
    assert!(house.one("Patient").get("telecom").is_none());
}

#[test]
fn a_withdrawal_by_its_day_alone_counts() {
    let house = house();
    let source = house.source("a");
    let header = "YLJGDM,BRID,BGDH,BGRQ,JCXH,JCXMDM,JCXMMC,JCJG,JLDW,JCSJ,GXSJ,XGBZ";
    let row = |row: &str| format!("{header}\n990121001,B1,R1,20240305,1,GLU,葡萄糖,{row}\n");
    let send = |text: &str| house.send_table(&source, "TB_LIS_Indicators.csv", &row(text));
    send("5.6,mmol/L,20240305080000,20240307100000,1");
    assert_eq!(house.one("Observation")["status"], "final");
    let withdrawn = send("5.6,mmol/L,20240305080000,,3");
    assert_eq!((withdrawn.counts.late, withdrawn.counts.set_aside), (0, 0), "{withdrawn:?}");
    assert_eq!(house.one("Observation")["status"], "entered-in-error");
    // A day without a time of day is no time before one within it.
    send("5.7,mmol/L,20240305080000,20240308093000,1");
    let same_day = send("5.8,mmol/L,20240305080000,2024-03-08,2");
    assert_eq!(same_day.counts.late, 0);
    assert_eq!(house.one("Observation")["valueQuantity"]["value"].to_string(), "5.8");
    let older = send("5.9,mmol/L,20240305080000,20240306080000,2");
    assert_eq!(older.counts.late, 1);
    assert_eq!(house.one("Observation")["valueQuantity"]["value"].to_string(), "5.8");
}

#[test]
fn a_clock_that_is_ahead_freezes_nothing() {
    let house = house();
    let source = house.source("a");
    house.send(&source, &bundle("2099-03-05T08:00:00+08:00", &[glucose("o1", "p1", 5.6)]));
    let soon = model::instant_text(SystemClock.now_ms() + 60_000);
    let corrected = house.send(&source, &bundle(&soon, &[glucose("o1", "p1", 6.5)]));
    assert_eq!(corrected.counts.late, 0);
    assert_eq!(house.one("Observation")["valueQuantity"]["value"].to_string(), "6.5");
}

#[test]
fn a_preliminary_result_does_not_take_the_place_of_a_final_one() {
    let house = house();
    let source = house.source("a");
    let at = |day: u32, status: &str, value: f64| {
        let mut result = glucose("o1", "p1", value);
        result["status"] = status.into();
        bundle(&format!("2024-03-{day:02}T08:00:00+08:00"), &[result])
    };
    house.send(&source, &at(5, "preliminary", 5.0));
    house.send(&source, &at(6, "final", 6.0));
    let again = house.send(&source, &at(8, "preliminary", 5.0));
    assert_eq!((again.counts.repeated, again.counts.updated), (1, 0), "said before");
    let other = house.send(&source, &at(9, "preliminary", 5.5));
    assert_eq!(other.counts.late, 1);
    let current = house.one("Observation");
    assert_eq!((&current["status"], current["valueQuantity"]["value"].to_string()), (&json!("final"), "6.0".into()));
    let statuses: Vec<String> = house.versions(&current).iter().map(|version| version["status"].to_string()).collect();
    assert_eq!(statuses.len(), 4, "it is in the history: {statuses:?}");
    house.send(&source, &at(10, "corrected", 6.1));
    assert_eq!(house.one("Observation")["status"], "corrected");
}

#[test]
fn a_set_aside_admission_waits_for_its_own_visit() {
    let house = house();
    let source = house.source("a");
    let admit = |time: &str, visit: &str, discharged: &str| {
        format!(
            "MSH|^~\\&|HIS|H1|KM|KM|{time}||ADT^A01|{time}{visit}|P|2.4\rEVN|A01|{time}\rPID|1||1001^^^H1||张三||19800101|M\rPV1|1|I|W1||||||||||||||||{visit}|||||||||||||||||||||||||{time}|{discharged}\r"
        )
    };
    let wrong = house.send_bytes(&source, admit("20240305080000", "V1", "20240301080000").as_bytes());
    assert_eq!(wrong.outcome, Outcome::SetAside, "{wrong:?}");
    assert_eq!(house.problems(&source, ProblemState::SetAside).len(), 1);
    let other = house.send_bytes(&source, admit("20240405080000", "V2", "").as_bytes());
    assert_ne!(other.outcome, Outcome::SetAside, "{other:?}");
    assert_eq!(house.problems(&source, ProblemState::SetAside).len(), 1, "another visit corrects nothing");
    house.send_bytes(&source, admit("20240305080000", "V1", "").as_bytes());
    assert!(house.problems(&source, ProblemState::SetAside).is_empty());
    assert_eq!(house.problems(&source, ProblemState::Corrected).len(), 1);
}

#[test]
fn a_replaced_document_is_superseded_and_one_that_was_added_to_is_not() {
    let text = include_str!("../../../formats/tests/cda/cases/c0052-full.xml");
    let document = |number: &str, time: &str, related: &str| {
        let related = match related.split_once(' ') {
            Some((code, parent)) => format!(
                "<relatedDocument typeCode=\"{code}\"><parentDocument><id root=\"2.16.156.10011.1.1\" extension=\"{parent}\"/></parentDocument></relatedDocument>"
            ),
            None => String::new(),
        };
        text.replace("DOC00000007", number).replace("20240305101500", time).replacen(
            "  <componentOf",
            &format!("  {related}\n  <componentOf"),
            1,
        )
    };
    let house = house();
    let source = house.source("a");
    let send = |number: &str, time: &str, related: &str| {
        let receipt = house.send_bytes(&source, document(number, time, related).as_bytes());
        assert_ne!(receipt.outcome, Outcome::SetAside, "{receipt:?}");
        receipt
    };
    let status = |number: &str| -> Value {
        let all = house.all("DocumentReference");
        let found = all.iter().find(|one| one["masterIdentifier"]["value"] == number).unwrap();
        found["status"].clone()
    };
    send("DOC1", "20240305101500", "");
    send("DOC2", "20240306101500", "RPLC DOC1");
    assert_eq!((status("DOC1"), status("DOC2")), (json!("superseded"), json!("current")));
    // Its replacement came first.
    send("DOC4", "20240308101500", "RPLC DOC3");
    send("DOC3", "20240307101500", "");
    assert_eq!((status("DOC3"), status("DOC4")), (json!("superseded"), json!("current")));
    send("DOC5", "20240309101500", "APND DOC4");
    assert_eq!((status("DOC4"), status("DOC5")), (json!("current"), json!("current")));
    let all = house.all("DocumentReference");
    let added = all.iter().find(|one| one["masterIdentifier"]["value"] == "DOC5").unwrap();
    assert_eq!(added["relatesTo"][0]["code"], "appends");
    // The same again in new envelopes: nothing changes.
    let versions: Vec<String> = all.iter().map(|one| one["meta"]["versionId"].to_string()).collect();
    let again = send("DOC1", "20240401101500", "");
    assert_eq!(again.counts.updated, 0, "{again:?}");
    send("DOC2", "20240402101500", "RPLC DOC1");
    assert_eq!(status("DOC1"), "superseded");
    let after: Vec<String> =
        house.all("DocumentReference").iter().map(|one| one["meta"]["versionId"].to_string()).collect();
    assert_eq!(after, versions);
}

#[test]
fn a_correction_is_not_older_than_the_sending_of_what_it_corrects() {
    let house = house();
    let source = house.source("a");
    // The first message has no OBR-22, so that it counts from its MSH-7.
    let report = |sent: &str, changed: &str, status: &str, value: &str| {
        format!(
            "MSH|^~\\&|LIS|H1|KM|KM|{sent}||ORU^R01|{sent}{value}|P|2.4\rPID|1||1001^^^H1||张三||19800101|M\rOBR|1|S1|R1|GLU^葡萄糖|||20240305080000|||||||||||||||{changed}|||{status}\rOBX|1|NM|GLU^葡萄糖||{value}|mmol/L||||{status}\r"
        )
    };
    let first = house.send_bytes(&source, report("20240305100500", "", "F", "5.6").as_bytes());
    assert_eq!(first.counts.set_aside, 0, "{first:?}");
    let second = house.send_bytes(&source, report("20240305100600", "20240305100000", "C", "6.5").as_bytes());
    assert_eq!((second.counts.late, second.counts.set_aside), (0, 0), "{second:?}");
    assert_eq!(house.one("Observation")["valueQuantity"]["value"].to_string(), "6.5");
    let overtaken = house.send_bytes(&source, report("20240305100700", "20240305095500", "C", "6.0").as_bytes());
    assert_eq!(overtaken.counts.late, 1);
    assert_eq!(house.one("Observation")["valueQuantity"]["value"].to_string(), "6.5");
}

#[test]
fn a_report_goes_back_to_preliminary_only_when_its_source_corrects_it() {
    let house = house();
    let source = house.source("a");
    let header = "YLJGDM,BRID,BGDH,BGRQ,BGLB,BGMC,BGZT,GXSJ,XGBZ";
    let send = |row: &str| {
        let text = format!("{header}\n990121001,B1,R1,20240305,生化,肝功能,{row}\n");
        house.send_table(&source, "TB_LIS_Report.csv", &text)
    };
    let status = || house.one("DiagnosticReport")["status"].clone();
    send("2,20240305100000,1");
    assert_eq!(status(), "final");
    send("1,20240305110000,1");
    assert_eq!(status(), "final", "sent again");
    send("1,20240305090000,2");
    assert_eq!(status(), "final", "older");
    send("1,20240305120000,2");
    assert_eq!(status(), "preliminary");
}

#[test]
fn a_document_of_a_fhir_sender_is_what_it_says() {
    let house = house();
    let source = house.source("a");
    let at = |day: u32, status: &str| {
        let document = json!({
            "resourceType": "DocumentReference", "id": "d1", "status": status,
            "content": [{ "attachment": { "contentType": "text/xml" } }],
        });
        bundle(&format!("2024-03-{day:02}T08:00:00+08:00"), &[document])
    };
    house.send(&source, &at(5, "superseded"));
    house.send(&source, &at(6, "current"));
    assert_eq!(house.one("DocumentReference")["status"], "current");
}
