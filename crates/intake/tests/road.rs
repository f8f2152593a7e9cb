//! The road over a store in memory: what comes twice, late, corrected, out of order, broken.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::sync::Arc;

use intake::{Delivery, Outcome, ProblemState, Receipt, Road, Source};
use model::{Clock, Purpose, SystemClock, TenantId};
use records::{Caller, Records, block_on};
use serde_json::{Value, json};
use store::Store;
use trust::{Account, MasterKey, Role};

const TENANT: TenantId = TenantId(1);

struct House {
    road: Road,
    records: Arc<Records>,
    caller: Caller,
}

fn house() -> House {
    let store = Store::in_memory(store::Options::new(MasterKey::generate())).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let records = Arc::new(Records::new(Arc::clone(&store), Arc::clone(&clock)).unwrap());
    let road = Road::new(Arc::clone(&records), store, clock);
    let mut account = Account::new("source-a", Role::Machine, TENANT);
    account.grants = "system/*.cruds".parse().unwrap();
    let actor = account.actor();
    let filter = trust::scope(&actor, Purpose::Operations).unwrap();
    let caller = Caller {
        actor,
        purpose: Purpose::Operations,
        filter,
        base_url: "http://localhost/fhir/R4".to_owned(),
        strict: true,
        request_id: "test".to_owned(),
    };
    House { road, records, caller }
}

impl House {
    fn source(&self, name: &str) -> Source {
        let source = Source {
            name: name.to_owned(),
            number: 0,
            title: name.to_owned(),
            institution: format!("99012110{name}"),
            institutions: Vec::new(),
            account: "source-a".to_owned(),
            is_enabled: true,
            encoding: None,
            code_map: None,
            listen: None,
            branch: None,
            authorities: Vec::new(),
            patient_roots: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            folder: None,
        };
        self.road.sources().put(TENANT, source).unwrap()
    }

    fn send(&self, source: &Source, message: &Value) -> Receipt {
        self.send_bytes(source, message.to_string().as_bytes())
    }

    fn send_bytes(&self, source: &Source, bytes: &[u8]) -> Receipt {
        let delivery = Delivery { bytes, name: None, form: None };
        block_on(self.road.receive(&self.caller, source, delivery)).unwrap()
    }

    fn all(&self, query: &str) -> Vec<Value> {
        let (type_name, query) = query.split_once('?').unwrap_or((query, ""));
        let page = self.records.search(&self.caller, Some(type_name), query).unwrap();
        let bundle: Value = serde_json::from_slice(&page.json).unwrap();
        bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }

    fn one(&self, query: &str) -> Value {
        let found = self.all(query);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found.into_iter().next().unwrap()
    }

    fn versions(&self, resource: &Value) -> Vec<Value> {
        let (type_name, id) = (resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let scope = records::HistoryScope::Instance(type_name, id);
        let page = self.records.history(&self.caller, scope, "").unwrap();
        let bundle: Value = serde_json::from_slice(&page.json).unwrap();
        bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }

    fn problems(&self, source: &Source, state: ProblemState) -> Vec<intake::Problem> {
        self.road.problems(TENANT, source, state, None, 100).unwrap()
    }
}

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
}
