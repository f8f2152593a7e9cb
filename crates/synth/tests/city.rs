//! A small city, read by the product's own readers and rules: what was planted is found, nothing else is; and the truth says
//! nothing that no message says.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own city fails")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::OnceLock;

use formats::reading::{Reading, Record};
use formats::terminology::code_map_named;
use quality::{RecordContext, Rules};
use serde_json::Value;
use synth::{Day, Options, make};

const TODAY: Day = Day(20_779);
const PEOPLE: u32 = 1_200;

fn options(out: &Path, seed: u64) -> Options {
    Options { people: PEOPLE, seed, today: TODAY, years: 3, out: out.to_owned(), withheld_share: 0.0 }
}

/// One city for all tests of this file.
fn city() -> &'static Path {
    static CITY: OnceLock<tempfile::TempDir> = OnceLock::new();
    CITY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        make(&options(&folder.path().join("city"), 7)).unwrap();
        folder
    })
    .path()
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn truth(name: &str) -> Vec<Value> {
    lines(&city().join("city/truth").join(name))
}

fn read(sender: &str, file: &str) -> Reading {
    let bytes = std::fs::read(city().join("city").join(sender).join(file)).unwrap();
    let name = Path::new(file).file_name().unwrap().to_string_lossy().into_owned();
    if file.ends_with(".xml") {
        formats::cda::read(&bytes, &formats::cda::Options::default())
    } else if file.ends_with(".hl7") {
        formats::hl7v2::read(&bytes, &formats::hl7v2::Options::default())
    } else {
        let options = formats::table::Options { file_name: Some(name), ..Default::default() };
        formats::table::read(&bytes, &options)
    }
}

/// Every finding that the road would make about a record: reader, codes and units, quality rules.
fn findings(sender: &str, record: &mut Record) -> Vec<model::Issue> {
    let map = code_map_named(sender).unwrap();
    let mut issues = std::mem::take(&mut record.issues);
    for fact in &mut record.facts {
        issues.extend(formats::terminology::normalise(&mut fact.resource, map, &fact.path));
    }
    let now_ms = (i64::from(TODAY.0) * 24 + 3) * 3_600_000;
    let context = RecordContext {
        record_type: &record.record_type,
        effective_ms: record.effective_ms,
        received_ms: Some(now_ms),
        path: &record.path,
        line: record.line,
    };
    issues.extend(Rules::standard().check(&context, &record.elements));
    issues
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("")
}

#[test]
fn what_was_planted_is_found_and_nothing_else() {
    let mut planted: HashMap<(String, String, String), Vec<Value>> = HashMap::new();
    for fault in truth("faults.jsonl") {
        let key = (text(&fault, "sender").into(), text(&fault, "file").into(), text(&fault, "path").into());
        planted.entry(key).or_default().push(fault);
    }
    assert!(planted.len() > 500, "{}", planted.len());
    let mut invented: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut missed: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut records = 0;
    for file in truth("files.jsonl") {
        let (sender, name) = (text(&file, "sender"), text(&file, "file"));
        let mut reading = read(sender, name);
        if reading.records.is_empty() || name.ends_with(".xml") {
            // As the road does: what is wrong with a message of one record, or of none, is said about that record.
            let mut record = reading.records.pop().unwrap_or_default();
            record.issues.append(&mut reading.issues);
            reading.records.push(record);
        }
        assert_eq!(reading.records.len() as u64, file["records"].as_u64().unwrap(), "{sender}/{name}");
        for issue in &reading.issues {
            invented.entry(format!("file {}", issue.rule)).or_insert((0, format!("{name} {issue:?}"))).0 += 1;
        }
        for mut record in reading.records {
            records += 1;
            let path = if name.ends_with(".xml") { "ClinicalDocument".to_owned() } else { record.path.clone() };
            let faults = planted.remove(&(sender.to_owned(), name.to_owned(), path.clone())).unwrap_or_default();
            let issues = findings(sender, &mut record);
            let expected: BTreeSet<&str> =
                faults.iter().flat_map(|fault| fault["rules"].as_array().unwrap()).filter_map(Value::as_str).collect();
            let is_aside = issues.iter().any(|issue| issue.severity >= model::Severity::Error);
            for fault in &faults {
                let rules: Vec<&str> = fault["rules"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                let is_found = issues.iter().any(|issue| rules.contains(&issue.rule.as_str()));
                if !is_found || is_aside != fault["set_aside"].as_bool().unwrap() {
                    let rules: Vec<&str> = issues.iter().map(|issue| issue.rule.as_str()).collect();
                    missed
                        .entry(text(fault, "kind").to_owned())
                        .or_insert((0, format!("{name} {path} {rules:?}")))
                        .0 += 1;
                }
            }
            if faults.is_empty() {
                for issue in &issues {
                    invented.entry(issue.rule.clone()).or_insert((0, format!("{name} {path} {issue:?}"))).0 += 1;
                }
            } else if expected.is_empty() {
                missed.entry("a fault without rules".to_owned()).or_default().0 += 1;
            }
        }
    }
    for (rule, (count, example)) in &invented {
        eprintln!("INVENTED {rule} x{count}: {example}");
    }
    for (kind, (count, example)) in &missed {
        eprintln!("MISSED {kind} x{count}: {example}");
    }
    for key in planted.keys().take(10) {
        eprintln!("NEVER READ {key:?}");
    }
    eprintln!("{records} records");
    assert!(invented.is_empty() && missed.is_empty() && planted.is_empty());
}

fn all_files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>, root: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(&path, found, root);
        } else {
            found.push((path.strip_prefix(root).unwrap().display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn the_same_seed_and_day_give_the_same_bytes() {
    let cities: Vec<Vec<(String, Vec<u8>)>> = [3, 3, 4]
        .into_iter()
        .map(|seed| {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("city");
            make(&Options { people: 60, ..options(&out, seed) }).unwrap();
            let mut found = Vec::new();
            all_files(&out, &mut found, &out);
            found.sort();
            found
        })
        .collect();
    assert!(cities[0].len() > 100);
    assert!(cities[0] == cities[1], "the same seed");
    assert!(cities[0] != cities[2], "another seed");
}

#[test]
fn every_event_of_the_truth_is_in_a_message() {
    // Numbers that occur in the feeds, as the readers read them.
    let mut claimed: BTreeSet<(String, String)> = BTreeSet::new();
    let senders = ["city-hospital", "county-hospital", "primary-care"];
    let meant: HashMap<String, String> =
        senders.iter().flat_map(|sender| synth::other_codes(sender).unwrap()).collect();
    for file in truth("files.jsonl") {
        let reading = read(text(&file, "sender"), text(&file, "file"));
        for record in &reading.records {
            for fact in record.facts.iter().map(|fact| &fact.claim).chain(&record.main) {
                // A hospital's other codes mean the one that the truth knows it by.
                let institution = meant.get(&fact.key[0]).unwrap_or(&fact.key[0]);
                for part in &fact.key[1..] {
                    claimed.insert((institution.clone(), part.clone()));
                }
            }
        }
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in truth("events.jsonl") {
        *kinds.entry(text(&event, "kind").to_owned()).or_default() += 1;
        if event["kept"] == false {
            continue;
        }
        let key = (text(&event, "institution").to_owned(), text(&event, "number").to_owned());
        // Prescriptions of the city hospital are known by their orders.
        let order = (key.0.clone(), text(&event, "item").to_owned());
        let is_there = claimed.contains(&key) || (text(&event, "kind") == "prescription" && claimed.contains(&order));
        let is_herb = text(&event, "number").starts_with("ZCF");
        assert!(is_there || is_herb, "{event}");
    }
    for kind in
        ["visit", "diagnosis", "result", "prescription", "charge", "refund", "contract", "vaccination", "examination"]
    {
        assert!(kinds.get(kind).is_some_and(|count| *count > 5), "{kind}: {kinds:?}");
    }
}

#[test]
fn the_tour_has_its_people() {
    let people = truth("people.jsonl");
    let hero = people.iter().find(|person| text(person, "role") == "hero").unwrap();
    let number = &hero["person"];
    let registrations = truth("registrations.jsonl");
    let senders: BTreeSet<&str> =
        registrations.iter().filter(|line| line["person"] == *number).map(|line| text(line, "sender")).collect();
    assert_eq!(senders.len(), 3, "known at all three");
    let events = truth("events.jsonl");
    let units: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["person"] == *number && text(event, "name").starts_with("糖化血红蛋白"))
        .map(|event| text(event, "unit"))
        .collect();
    assert!(units.contains("%") && units.contains("mmol/mol"), "{units:?}");
    let is_here = |event: &Value| text(event, "kind") == "visit" && text(event, "status") == "in-progress";
    assert!(
        events
            .iter()
            .any(|event| event["person"] == *number && is_here(event) && text(event, "at") == TODAY.to_string())
    );
    assert!(
        events.iter().filter(|event| is_here(event) && text(event, "item") == "I").count() >= 2,
        "somebody lies in bed"
    );
    assert!(registrations.iter().any(|line| line["borrowed"] == true), "a borrowed card");
    assert!(registrations.iter().any(|line| text(line, "name").ends_with('子') || text(line, "name").ends_with('女')));
    let contracts = events.iter().filter(|event| text(event, "kind") == "contract" && event["person"] == *number);
    assert_eq!(contracts.count(), 1);
}

#[test]
fn the_code_maps_are_those_of_the_laboratories() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../standards/");
    let text = std::fs::read_to_string(format!("{folder}synth/laboratory.toml")).unwrap();
    let laboratory: toml::Table = toml::from_str(&text).unwrap();
    for (house, map) in [("city", "city-hospital"), ("county", "county-hospital"), ("primary", "primary-care")] {
        let map = code_map_named(map).unwrap();
        for analyte in laboratory["analyte"].as_array().unwrap() {
            let code = analyte[house]["code"].as_str().unwrap();
            assert_eq!(
                map.item(code).map(|item| item.analyte.code.as_str()),
                analyte["code"].as_str(),
                "{house} {code}"
            );
        }
    }
}

#[test]
fn strangers_and_test_patients_are_in_the_feeds() {
    let registrations = truth("registrations.jsonl");
    let tests: BTreeSet<&str> =
        registrations.iter().filter(|line| line["test"] == true).map(|line| text(line, "sender")).collect();
    assert_eq!(tests.len(), 3, "every sender forgot one");
    let planted = truth("faults.jsonl");
    let of = |sender: &str| {
        planted.iter().filter(|fault| text(fault, "kind") == "test-patient" && text(fault, "sender") == sender).count()
    };
    assert!(tests.iter().all(|sender| of(sender) >= 3), "each of them with a visit and what hangs on it");
    let joined: Vec<&Value> = registrations.iter().filter(|line| !text(line, "joined").is_empty()).collect();
    assert!(joined.iter().any(|line| text(line, "patient").starts_with('W')), "somebody got a name");
    assert!(joined.iter().any(|line| text(line, "patient").starts_with("P9")), "somebody had two numbers");
    // A number of a system that no source has registered stands with the name of that system.
    let number = |key: &str| key.split('^').next().unwrap_or_default().to_owned();
    // Whom a hospital has joined was told by A40, also months after the second number was given up.
    let (mut merged, mut last_use) = (BTreeMap::new(), BTreeMap::new());
    for file in truth("files.jsonl").iter().filter(|file| text(file, "file").ends_with(".hl7")) {
        for record in read("city-hospital", text(file, "file")).records {
            let at_ms = record.effective_ms.unwrap_or(0);
            for merge in &record.merges {
                merged.insert(number(&merge.from.key[1]), at_ms);
            }
            let used = record.facts.iter().filter(|fact| fact.claim.kind == "registration" && record.merges.is_empty());
            last_use.extend(used.map(|fact| (number(&fact.claim.key[1]), at_ms)));
        }
    }
    for line in &joined {
        let patient = text(line, "patient");
        assert!(merged.contains_key(patient) || patient.starts_with('W'), "{patient} was joined without a word");
    }
    let is_late = |(number, at): (&String, &i64)| last_use.get(number).is_some_and(|used| at - used > 40 * 86_400_000);
    assert!(merged.iter().any(is_late), "a merge that comes late");
}

#[test]
fn a_month_that_is_sent_again_says_what_the_truth_says() {
    let meant: HashMap<String, String> = synth::other_codes("county-hospital").unwrap().into_iter().collect();
    let key_of = |record: &Record| {
        let claim = record.main.as_ref().unwrap();
        let mut key = claim.key.clone();
        key[0] = meant.get(&key[0]).cloned().unwrap_or_else(|| key[0].clone());
        key.join("|")
    };
    let files = truth("files.jsonl");
    let of = |is_again: bool| -> Vec<(String, String)> {
        let wanted = files.iter().filter(|file| text(file, "sender") == "county-hospital");
        let wanted = wanted.filter(|file| text(file, "file").contains("TB_LIS_Indicators_"));
        let wanted = wanted.filter(|file| text(file, "file").contains("_重传") == is_again);
        let records = wanted.flat_map(|file| read("county-hospital", text(file, "file")).records);
        let results = records.filter(|record| !record.facts.is_empty()).map(|record| {
            let value = &record.facts.last().unwrap().resource["valueQuantity"]["value"];
            (key_of(&record), value.to_string())
        });
        results.collect()
    };
    // A correction that came later is a row of its own.
    let mut before: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in of(false) {
        before.entry(key).or_default().insert(value);
    }
    let again: BTreeMap<String, String> = of(true).into_iter().collect();
    assert!(again.len() > 100, "{}", again.len());
    // Branch, report, day and item: what an event says of a result.
    let right: HashMap<String, String> = truth("events.jsonl")
        .iter()
        .filter(|event| text(event, "kind") == "result" && event["kept"] != false)
        .map(|event| {
            let parts = ["institution", "number", "at", "item"].map(|name| text(event, name));
            (parts.join("|"), text(event, "value").to_owned())
        })
        .collect();
    let changed: Vec<(&String, &String)> =
        again.iter().filter(|(key, value)| before.get(*key).is_some_and(|first| !first.contains(*value))).collect();
    assert!(changed.len() >= 3, "{changed:?}");
    for (key, value) in changed {
        let event = key.rsplit_once('|').unwrap().0;
        let number = |text: &str| text.trim_start_matches('<').parse::<f64>().unwrap();
        let (said, value) = (number(&right[event]), number(value));
        assert!((said - value).abs() < 1e-9, "{key}: {said} is right, {value} was sent");
    }
    let gone: Vec<Value> = truth("vanished.jsonl");
    assert!(!gone.is_empty());
    for row in gone.iter().filter(|row| text(row, "type") == "table:lab_item") {
        assert!(before.contains_key(text(row, "key")) && !again.contains_key(text(row, "key")), "{row}");
    }
}
