//! Who is who on the road: in any order, by decision, taken back, after a start.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use intake::{Delivery, Identity, MatchGrade, Road, Source};
use model::{Clock, FixedClock, Home, Purpose, TenantId};
use records::{Caller, Records, block_on};
use serde_json::{Value, json};
use store::Store;
use trust::{Account, AuditAction, AuditEvent, MasterKey, Outcome, Role};

const TENANT: TenantId = TenantId(1);

struct House {
    road: Road,
    records: Arc<Records>,
    store: Arc<Store>,
    clock: Arc<FixedClock>,
    caller: Caller,
    source: Source,
}

fn house() -> House {
    let store = Store::in_memory(store::Options::new(MasterKey::generate())).unwrap();
    // 2024-03-05T08:00:00+08:00
    let clock = Arc::new(FixedClock::at(1_709_596_800_000));
    let records = Arc::new(Records::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>).unwrap());
    let road = Road::new(Arc::clone(&records), Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>);
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
    let source = Source {
        name: "a".to_owned(),
        number: 0,
        title: "a".to_owned(),
        institution: "99012110000000000001".to_owned(),
        branch: None,
        authorities: Vec::new(),
        patient_roots: Vec::new(),
        institutions: Vec::new(),
        aliases: std::collections::BTreeMap::new(),
        account: "source-a".to_owned(),
        is_enabled: true,
        encoding: None,
        code_map: None,
        listen: None,
        folder: None,
    };
    let source = road.sources().put(TENANT, source).unwrap();
    House { road, records, store, clock, caller, source }
}

impl House {
    fn send(&self, patients: &[Value]) {
        self.clock.advance(1_000);
        let entries: Vec<Value> = patients.iter().map(|resource| json!({ "resource": resource })).collect();
        let message = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
        let bytes = message.to_string().into_bytes();
        let delivery = Delivery { bytes: &bytes, name: None, form: None };
        let receipt = block_on(self.road.receive(&self.caller, &self.source, delivery)).unwrap();
        assert_eq!(receipt.counts.set_aside, 0, "{receipt:?}");
    }

    fn identity(&self) -> &Arc<Identity> {
        self.road.identity()
    }

    fn all(&self, query: &str) -> Vec<Value> {
        let (type_name, query) = query.split_once('?').unwrap_or((query, ""));
        let page = self.records.search(&self.caller, Some(type_name), query).unwrap();
        let bundle: Value = serde_json::from_slice(&page.json).unwrap();
        bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }

    /// The local number of every registration.
    fn numbers(&self) -> BTreeMap<Home, String> {
        let all = self.all("Patient?_count=1000");
        let number = |patient: &Value| patient["address"][0]["postalCode"].as_str().unwrap().to_owned();
        let home = |patient: &Value| self.records.registration(TENANT, patient["id"].as_str().unwrap());
        all.iter().map(|patient| (home(patient), number(patient))).collect()
    }

    /// The persons by the ledger, as sets of local numbers; checked against the `Person` resources.
    fn persons(&self) -> BTreeSet<BTreeSet<String>> {
        let numbers = self.numbers();
        let mut groups: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for (home, person) in self.identity().persons(TENANT).unwrap() {
            groups.entry(person).or_default().insert(numbers[&home].clone());
        }
        let by_ledger: BTreeSet<BTreeSet<String>> = groups.into_values().collect();
        let active = self.all("Person?_count=1000").into_iter().filter(|person| person["active"] == true);
        let by_resource: BTreeSet<BTreeSet<String>> = active
            .map(|person| {
                let links = person["link"].as_array().unwrap().iter();
                links
                    .map(|link| {
                        link["target"]["reference"].as_str().unwrap().strip_prefix("Patient/").unwrap().to_owned()
                    })
                    .map(|id| numbers[&self.records.registration(TENANT, &id)].clone())
                    .collect()
            })
            .collect();
        assert_eq!(by_ledger, by_resource);
        by_ledger
    }

    /// What the active persons are, without ids and times.
    fn golden(&self) -> BTreeSet<String> {
        let numbers = self.numbers();
        let active = self.all("Person?_count=1000").into_iter().filter(|person| person["active"] == true);
        active
            .map(|mut person| {
                let members = person.as_object_mut().unwrap();
                members.remove("id");
                members.remove("meta");
                let mut text = person.to_string();
                for (home, number) in &numbers {
                    text = text.replace(&format!("{:016x}-{:016x}", home.0, home.0), number);
                }
                // Times of registration differ between twins.
                let mut parts = text.split("\"valueInstant\":\"");
                let first = parts.next().unwrap().to_owned();
                parts.fold(first, |sum, part| sum + part.split_once('"').map_or(part, |(_, rest)| rest))
            })
            .collect()
    }

    fn person_of(&self, number: &str) -> String {
        let home = *self.numbers().iter().find(|(_, known)| *known == number).unwrap().0;
        format!("Person/{:016x}-{:016x}", 0, self.identity().persons(TENANT).unwrap()[&home])
    }

    fn registration_of(&self, number: &str) -> String {
        let home = *self.numbers().iter().find(|(_, known)| *known == number).unwrap().0;
        format!("Patient/{:016x}-{:016x}", home.0, home.0)
    }

    /// Another process over the same store.
    fn restarted(&self) -> Road {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let road = Road::new(Arc::clone(&self.records), Arc::clone(&self.store), clock);
        road.identity().wait(TENANT).unwrap();
        road
    }
}

/// A valid number of an invented person: region 990121.
fn number(birth: &str, sequence: u32) -> String {
    let body = format!("990121{birth}{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", char::from(b"10X98765432"[usize::try_from(sum % 11).unwrap()]))
}

fn patient(id: &str, name: &str, birth: &str, document: &str, phone: &str, address: &str) -> Value {
    let mut patient = json!({
        "resourceType": "Patient", "id": id, "active": true, "name": [{ "text": name }], "gender": "male",
        "address": [{ "postalCode": if id.is_empty() { "0" } else { id } }],
    });
    if !address.is_empty() {
        patient["address"][0]["text"] = address.into();
    }
    if !birth.is_empty() {
        patient["birthDate"] = birth.into();
    }
    if !document.is_empty() {
        patient["identifier"] = json!([{ "system": "urn:oid:2.16.156.10011.1.3", "value": document }]);
    }
    if !phone.is_empty() {
        patient["telecom"] = json!([{ "system": "phone", "value": phone }]);
    }
    patient
}

const HERE: &str = "望岚县槐溪镇和平路18号3单元501室";

/// Registrations of a few families: the same person under slips, a borrowed card, a newborn and its mother, twins, namesakes.
fn families() -> Vec<Value> {
    let (zhao, qian, sun) = (number("19800601", 11), number("19851203", 22), number("19900307", 14));
    vec![
        patient("z1", "赵望川", "1980-06-01", &zhao, "10012345678", HERE),
        patient("z2", "赵望川（退）", "1980-06-01", "", "10012345678", HERE),
        patient("z3", "赵望州", "1980-06-01", &zhao, "", ""),
        patient("q1", "钱岚", "1985-12-03", &qian, "10012345678", HERE),
        patient("q2", "钱岚", "1985-12-03", &qian, "10077776666", "望岚县城关镇人民路7号"),
        patient("n1", "钱岚之子", "2024-03-01", "", "10077776666", ""),
        patient("n2", "赵小川", "2024-03-01", "", "10012345678", HERE),
        patient("b1", "孙静好", "1990-03-07", &qian, "10099998888", "望岚县城关镇解放路9号"),
        patient("b2", "孙静好", "1990-03-07", &sun, "10099998888", "望岚县城关镇解放路9号"),
        patient("t1", "李一鸣", "2010-05-05", "", "10055554444", "望岚县槐溪镇柳溪村6号"),
        patient("t2", "李二鸣", "2010-05-05", "", "10055554444", "望岚县槐溪镇柳溪村6号"),
        patient("w1", "王伟", "1970-01-01", "", "", ""),
        patient("w2", "王伟", "", "", "", ""),
    ]
}

#[test]
fn the_persons_do_not_depend_on_the_order_of_arrival() {
    let all = families();
    let mut expected: Option<BTreeSet<BTreeSet<String>>> = None;
    for seed in 0..12_u64 {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| {
            (*at as u64 + 1).wrapping_mul(seed * 2 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        });
        let house = house();
        // Some come alone, some together in one message.
        for chunk in order.chunks(1 + usize::try_from(seed % 4).unwrap()) {
            house.send(&chunk.iter().map(|at| all[*at].clone()).collect::<Vec<_>>());
        }
        let persons = house.persons();
        if let Some(expected) = &expected {
            assert_eq!(&persons, expected, "{order:?}");
        }
        expected = Some(persons);
    }
    let expected = expected.unwrap();
    let together =
        |one: &str, other: &str| expected.iter().any(|person| person.contains(one) && person.contains(other));
    assert!(together("z1", "z2") && together("z1", "z3") && together("q1", "q2"), "{expected:?}");
    assert!(
        !together("z1", "q1") && !together("b1", "q1") && !together("t1", "t2") && !together("n1", "q1"),
        "{expected:?}"
    );
}

/// Several such families, each with numbers, telephones and houses of its own.
fn village(families: u32) -> Vec<Value> {
    let other = |text: &str, family: u32| {
        let text = text.replace("99012119800601011", &number("19800601", 100 + family)[..17]);
        text.replace("10012345678", &format!("1001{family:03}5678"))
            .replace("10077776666", &format!("1007{family:03}6666"))
    };
    let mut all = Vec::new();
    for family in 0..families {
        for patient in self::families() {
            let id = patient["id"].as_str().unwrap();
            let text = patient.to_string().replace(&format!("\"{id}\""), &format!("\"{id}-{family}\""));
            let text = text
                .replace("和平路18号", &format!("和平路{}号", 18 + family))
                .replace("解放路9号", &format!("解放路{}号", 9 + family));
            all.push(serde_json::from_str(&other(&text, family)).unwrap());
        }
    }
    all
}

#[test]
fn many_at_once_are_the_persons_of_one_after_the_other() {
    let all = village(8);
    let straight = house();
    straight.send(&all);
    let expected = straight.persons();
    let house = house();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (house, all) = (&house, &all);
            scope.spawn(move || {
                for chunk in all.iter().skip(number).step_by(4).collect::<Vec<_>>().chunks(3) {
                    house.send(&chunk.iter().map(|patient| (*patient).clone()).collect::<Vec<_>>());
                }
            });
        }
    });
    assert_eq!(house.persons(), expected);
    let registrations = house.identity().size(TENANT).unwrap().0;
    assert_eq!(registrations, all.len(), "a plan that was made again leaves nobody behind in the index");
}

#[test]
fn one_person_from_four_lines_is_nobody_s_conflict() {
    let house = house();
    std::thread::scope(|scope| {
        for line in 0..4 {
            let house = &house;
            let namesake =
                move |visit: u32| patient(&format!("{line}-{visit}"), "李红", "1986-05-04", "", "10012345678", HERE);
            scope.spawn(move || (0..12).for_each(|visit| house.send(&[namesake(visit)])));
        }
    });
    assert_eq!(house.persons().len(), 1);
    assert_eq!(house.identity().size(TENANT).unwrap().0, 48);
}

#[test]
fn questions_wait_for_people_and_say_why() {
    let house = house();
    house.send(&families());
    let (queue, counts) = house.identity().reviews(TENANT, None, None, 100).unwrap();
    assert!(counts.contains_key("document_conflict"), "{counts:?}");
    let conflict = queue.iter().find(|one| one.kind == "document_conflict").unwrap();
    assert!(conflict.reasons.iter().any(|reason| reason.field_zh == "证件" && !reason.level_en.is_empty()));
    assert_ne!(conflict.left.person, conflict.right.person);
    let apart = house.identity().reviews(TENANT, Some("document_conflict"), None, 100).unwrap().0;
    assert!(apart.iter().all(|one| one.kind == "document_conflict"));
    // Answered, it does not come back; the registrations that come afterwards do not ask again.
    let id = conflict.id.clone();
    block_on(house.identity().decide_review(&house.caller, &id, false, "两人到场核实")).unwrap();
    house.send(&families()[..9]);
    let (queue, _) = house.identity().reviews(TENANT, None, None, 100).unwrap();
    assert!(queue.iter().all(|one| one.id != id));
    assert!(block_on(house.identity().decide_review(&house.caller, &id, false, "两人到场核实")).is_err());
}

#[test]
fn a_merge_taken_back_is_a_merge_that_never_was() {
    let (house, twin) = (house(), self::house());
    let all = families();
    let (before, since) = all.split_at(9);
    house.send(before);
    twin.send(before);
    let (one, other) = (house.person_of("z1"), house.person_of("b2"));
    let merged = block_on(house.identity().merge(&house.caller, (&one, &other), "误操作示例")).unwrap();
    assert_eq!(house.person_of("z1"), house.person_of("b2"));
    assert_ne!(house.persons(), twin.persons());
    // What came since hangs on the merged person.
    house.send(since);
    twin.send(since);
    let again = patient("b3", "孙静好", "1990-03-07", &number("19900307", 14), "", "");
    house.send(std::slice::from_ref(&again));
    twin.send(&[again]);
    assert_ne!(house.person_of("b3"), house.person_of("b2"), "what is known of the other one forbids it");
    let undone = block_on(house.identity().undo(&house.caller, &merged.decision.id, "撤销误操作")).unwrap();
    assert_eq!(undone.decision.undoes.as_deref(), Some(merged.decision.id.as_str()));
    assert_eq!(house.persons(), twin.persons());
    assert_eq!(house.golden(), twin.golden());
    assert_eq!(house.person_of("b3"), house.person_of("b2"), "what came since is decided again");
    assert_eq!(house.person_of("b2"), other, "the person comes back under its own handle");
    assert!(block_on(house.identity().undo(&house.caller, &merged.decision.id, "撤销误操作")).is_err());
    let (events, _) = house.identity().events(TENANT, None, 1_000).unwrap();
    let kinds: BTreeSet<&str> = events.iter().map(|(_, event)| event.kind.as_str()).collect();
    assert!(kinds.contains("merge") && kinds.contains("undo") && kinds.contains("link"), "{kinds:?}");
}

#[test]
fn decisions_that_meet_are_taken_back_one_by_one() {
    let house = house();
    let stranger = |id: &str, name: &str, birth: &str, sequence: u32| {
        patient(id, name, birth, &number(&birth.replace('-', ""), sequence), "", "")
    };
    house.send(&[
        stranger("s1", "章远山", "1961-02-03", 11),
        stranger("s2", "何近水", "1972-04-05", 13),
        stranger("s3", "葛中田", "1983-06-07", 15),
    ]);
    let merge = |one: &str, other: &str| {
        house.clock.advance(1_000);
        let persons = (house.person_of(one), house.person_of(other));
        let merged = block_on(house.identity().merge(&house.caller, (&persons.0, &persons.1), "示例")).unwrap();
        merged.decision.id
    };
    let undo = |id: &str| block_on(house.identity().undo(&house.caller, id, "撤销"));
    let seen = || {
        let persons = house.persons();
        let restarted = house.restarted();
        let after = restarted.identity().persons(TENANT).unwrap();
        assert_eq!(after, house.identity().persons(TENANT).unwrap(), "a start changes nobody");
        persons
    };
    let apart = seen();
    let first = merge("s1", "s2");
    let second = merge("s1", "s3");
    // A split after two merges holds, in memory and after a start.
    let person = house.person_of("s1");
    let out = house.registration_of("s2");
    house.clock.advance(1_000);
    let split = block_on(house.identity().split(&house.caller, &person, &[out], "不是同一人")).unwrap();
    assert_ne!(house.person_of("s1"), house.person_of("s2"));
    assert_eq!(house.person_of("s1"), house.person_of("s3"));
    seen();
    // What later decisions build on is not taken out from under them.
    assert!(undo(&first).is_err() && undo(&second).is_err());
    undo(&split.decision.id).unwrap();
    assert_eq!(house.person_of("s1"), house.person_of("s2"));
    assert!(undo(&first).is_err());
    undo(&second).unwrap();
    assert_eq!(house.person_of("s1"), house.person_of("s2"));
    assert_ne!(house.person_of("s1"), house.person_of("s3"));
    undo(&first).unwrap();
    assert_eq!(seen(), apart);
}

#[test]
fn a_split_holds_whatever_comes_and_after_a_start() {
    let house = house();
    house.send(&families());
    let person = house.person_of("z1");
    let out = house.registration_of("z3");
    block_on(house.identity().split(&house.caller, &person, &[out], "弟弟冒用证件")).unwrap();
    assert_ne!(house.person_of("z1"), house.person_of("z3"));
    let changed = patient("z3", "赵望川", "1980-06-01", &number("19800601", 11), "10012345678", HERE);
    house.send(&[changed]);
    assert_ne!(house.person_of("z1"), house.person_of("z3"));
    let road = house.restarted();
    let described = patient("", "赵望川", "1980-06-01", &number("19800601", 11), "", "");
    let found = road.identity().find(TENANT, &described, 10).unwrap();
    assert!(found.len() >= 2, "two persons carry this name and number now: {found:?}");
    assert!(found.iter().all(|one| one.grade != MatchGrade::Certain), "{found:?}");
}

#[test]
fn a_person_that_somebody_saw_is_taken_apart_by_people_only() {
    let house = house();
    let document = number("19800601", 11);
    // One name, one birthday, one telephone: one person, until both show numbers of their own.
    let first = patient("p1", "欧阳清和", "1980-06-01", "", "10012345678", HERE);
    let second = patient("p2", "欧阳清和", "1980-06-01", "", "10012345678", HERE);
    house.send(&[first.clone(), second.clone()]);
    assert_eq!(house.person_of("p1"), house.person_of("p2"));
    let home = *house.numbers().iter().find(|(_, number)| *number == "p1").unwrap().0;
    let mut event = AuditEvent::new(0, "look", TENANT, AuditAction::Everything, Outcome::Success);
    event.route = "GET /fhir/R4/Patient/{id}/$everything".to_owned();
    event.disclosed = vec![home];
    house.store.audit().append(&event).unwrap();
    let with = |mut patient: Value, document: &str, name: &str, birth: &str| {
        patient["identifier"] = json!([{ "system": "urn:oid:2.16.156.10011.1.3", "value": document }]);
        patient["name"] = json!([{ "text": name }]);
        patient["birthDate"] = birth.into();
        patient
    };
    house.send(&[with(first, &document, "欧阳清和", "1980-06-01")]);
    house.send(&[with(second, &number("19520301", 21), "司马建国", "1952-03-01")]);
    assert_eq!(house.person_of("p1"), house.person_of("p2"), "somebody saw them as one");
    let (queue, counts) = house.identity().reviews(TENANT, Some("seen_together"), None, 10).unwrap();
    assert_eq!(counts.get("seen_together"), Some(&1), "{counts:?}");
    block_on(house.identity().decide_review(&house.caller, &queue[0].id, false, "两个人")).unwrap();
    assert_ne!(house.person_of("p1"), house.person_of("p2"));
}

#[test]
fn the_index_after_a_start_is_the_index_before() {
    let house = house();
    let all = families();
    house.send(&all[..8]);
    house.identity().save(TENANT).unwrap();
    house.send(&all[8..]);
    let road = house.restarted();
    assert_eq!(road.identity().size(TENANT).unwrap().0, all.len());
    // Of the last one nothing but a name is known.
    for described in &all[..all.len() - 1] {
        let before = house.identity().find(TENANT, described, 10).unwrap();
        let after = road.identity().find(TENANT, described, 10).unwrap();
        let view = |found: &[intake::Match]| {
            found.iter().map(|one| (one.id.clone(), one.score.to_bits())).collect::<BTreeSet<_>>()
        };
        assert_eq!(view(&before), view(&after));
    }
}

#[test]
fn a_match_needs_somebody_described_and_betrays_no_number() {
    let house = house();
    house.send(&families());
    let zhao = number("19800601", 11);
    let find = |described: &Value| house.identity().find(TENANT, described, 10);
    assert!(find(&patient("", "", "", &zhao, "", "")).is_err(), "a number alone finds nobody");
    assert!(find(&patient("", "赵望川", "", "", "", "")).is_err(), "a name alone finds nobody");
    let found = find(&patient("", "赵望川", "1980-06-01", &zhao, "", "")).unwrap();
    assert_eq!(found.len(), 1, "one registration per person: {found:?}");
    assert_eq!(found[0].grade, MatchGrade::Certain);
    assert!(found[0].score > 0.99 && !found[0].reasons.is_empty());
    for nobody in ["无名氏", "陈**", "测试"] {
        let found = find(&patient("", nobody, "", &zhao, "", ""));
        assert!(found.is_err() || found.unwrap().is_empty(), "{nobody} with a number asks whether it is known");
    }
    let stranger = find(&patient("", "周不识", "1966-06-06", &zhao, "", "")).unwrap();
    assert!(stranger.is_empty(), "whose number it is, is not told: {stranger:?}");
}

#[test]
fn a_golden_record_says_where_it_comes_from() {
    let house = house();
    house.send(&families());
    let person = house
        .all("Person?_count=100")
        .into_iter()
        .find(|person| person["link"].as_array().is_some_and(|links| links.len() == 3))
        .unwrap();
    assert_eq!(person["name"][0]["text"], "赵望川（退）".replace("（退）", ""));
    let marks = person["extension"].as_array().unwrap();
    let attributes: BTreeSet<&str> =
        marks.iter().map(|mark| mark["extension"][0]["valueCode"].as_str().unwrap()).collect();
    assert!(
        ["name", "gender", "birthDate", "address", "telecom", "identifier"].iter().all(|one| attributes.contains(one))
    );
}
