//! `kangmai demo --check`: what the server says by its public interfaces, against the truth.
//!
//! Five questions, and every difference is printed: is every message accounted for; are the planted faults found and nothing
//! invented; does the 日对账 name exactly the missing keys, before and after late rows came; do twenty residents, picked by
//! chance, agree in every visit, value, prescription, charge and refund; are those one person of whom a sender says so, and are
//! test patients nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Context;
use serde_json::Value;

use super::accounts::text;
use super::compare::{Expected, differences, each_line, fetch, shown};
use super::feeds::{self, Doors};
use super::strangers;
use crate::client::Client;
use crate::{Ended, speak};

/// Residents that are compared event by event.
const RESIDENTS: usize = 20;
/// Of the planted faults so many must be found.
const FOUND_SHARE_MIN: f64 = 0.95;
/// Differences of one kind that are printed.
const SHOWN_MAX: usize = 30;

/// Differences so far.
#[derive(Default)]
struct Report {
    wrong: usize,
}

impl Report {
    fn tell(&mut self, what: &str, lines: &[String]) {
        self.wrong += lines.len();
        for line in lines.iter().take(SHOWN_MAX) {
            speak::data(format!("DIFFERENT {what}: {line}"));
        }
        if lines.len() > SHOWN_MAX {
            speak::data(format!("DIFFERENT {what}: … {} more", lines.len() - SHOWN_MAX));
        }
    }
}

/// Compares everything; exit code 1 on any difference.
pub(super) fn run(
    doors: &Doors,
    city: &synth::Options,
    url: &str,
    token: &str,
    falsify: bool,
) -> anyhow::Result<Ended> {
    let mut report = Report::default();
    let receipts = receipts(doors, url)?;
    messages(city, &receipts, &mut report)?;
    faults(doors, city, url, &receipts, &mut report)?;
    reconciliation(doors, city, url, false, &mut report)?;
    feeds::send_late(doors, city, url)?;
    reconciliation(doors, city, url, true, &mut report)?;
    let reader = Client::new(url, token);
    residents(city, &reader, falsify, &mut report)?;
    report.tell("persons", &strangers::persons(city, &reader)?);
    report.tell("institutions", &strangers::institutions(&reader)?);
    if report.wrong == 0 {
        speak::data("the server and the truth agree");
        Ok(Ended::Well)
    } else {
        speak::data(format!("{} differences", report.wrong));
        Ok(Ended::WithFindings)
    }
}

/// Every receipt of every source, by source and file name (messages: by their control number).
type Receipts = HashMap<(String, String), Vec<Value>>;

fn receipts(doors: &Doors, url: &str) -> anyhow::Result<Receipts> {
    let mut all = Receipts::new();
    for (source, token) in &doors.tokens {
        let client = Client::new(url, token);
        let mut after = String::new();
        loop {
            let page = fetch(&client, &format!("/api/v1/sources/{source}/receipts{after}"))?;
            for receipt in page["receipts"].as_array().into_iter().flatten() {
                let name = receipt["name"].as_str().or_else(|| receipt["message_id"].as_str()).unwrap_or("");
                all.entry(((*source).to_owned(), name.to_owned())).or_default().push(receipt.clone());
            }
            let Some(next) = page["next"].as_str() else { break };
            after = format!("?after={next}");
        }
    }
    Ok(all)
}

/// The last part of a path: how the server knows a file.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Every file and message has a receipt that counts every record of it.
fn messages(city: &synth::Options, receipts: &Receipts, report: &mut Report) -> anyhow::Result<()> {
    let (mut wrong, mut records, mut sent) = (Vec::new(), 0, 0);
    each_line(&city.out.join("truth/files.jsonl"), |file| {
        let (sender, name) = (text(&file, "sender"), text(&file, "file"));
        let count = file["records"].as_u64().unwrap_or(0);
        if sender.ends_with("-late") {
            return Ok(());
        }
        if name.starts_with("hl7/") {
            sent += count;
            return Ok(());
        }
        let found = receipts.get(&(sender.to_owned(), file_name(name).to_owned()));
        let counted: Vec<u64> = found
            .into_iter()
            .flatten()
            .filter(|receipt| receipt["is_complete"] == true)
            .map(|receipt| receipt["counts"]["records"].as_u64().unwrap_or(0))
            .collect();
        records += count;
        if counted != [count] {
            wrong.push(format!("{sender} {name}: {count} records, receipts count {counted:?}"));
        }
        Ok(())
    })?;
    let over_mllp = receipts.iter().filter(|((source, _), all)| source == "city-hospital" && all[0]["name"].is_null());
    let taken: u64 = over_mllp.map(|(_, all)| all.len() as u64).sum();
    if taken != sent {
        wrong.push(format!("{sent} messages were sent over MLLP, {taken} have a receipt"));
    }
    report.tell("messages", &wrong);
    speak::data(format!("accounted for: {sent} messages over MLLP, {records} records in files"));
    Ok(())
}

/// Source, file name or control number, record in it.
type Place = (String, String, String);

/// The planted faults are found, and nothing is found where nothing was planted.
fn faults(
    doors: &Doors,
    city: &synth::Options,
    url: &str,
    receipts: &Receipts,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut planted: BTreeMap<Place, Vec<Value>> = BTreeMap::new();
    each_line(&city.out.join("truth/faults.jsonl"), |fault| {
        let message = text(&fault, "message");
        let place = if message.is_empty() {
            (
                text(&fault, "sender").to_owned(),
                file_name(text(&fault, "file")).to_owned(),
                text(&fault, "path").to_owned(),
            )
        } else {
            // Over MLLP every message comes alone.
            (text(&fault, "sender").to_owned(), message.to_owned(), "message[1]".to_owned())
        };
        planted.entry(place).or_default().push(fault);
        Ok(())
    })?;
    let (found, aside) = findings(doors, url, receipts)?;
    let (mut missed, mut count) = (Vec::new(), 0_usize);
    for (place, faults) in &planted {
        for fault in faults {
            count += 1;
            let rules: Vec<&str> = fault["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let is_found = found.get(place).is_some_and(|all| rules.iter().any(|rule| all.contains(*rule)));
            let is_aside = aside.contains(place);
            if !is_found || is_aside != (fault["set_aside"] == true) {
                missed.push(format!("{} in {} {}", text(fault, "kind"), place.1, place.2));
            }
        }
    }
    let share = 1.0 - missed.len() as f64 / count.max(1) as f64;
    if share < FOUND_SHARE_MIN {
        report.tell("planted faults that were not found", &missed);
    }
    let invented: Vec<String> = found
        .iter()
        .filter(|(place, _)| !planted.contains_key(*place))
        .map(|(place, rules)| format!("{} {}: {rules:?}", place.1, place.2))
        .collect();
    report.tell("findings on clean records", &invented);
    speak::data(format!("planted faults: {count}, found {:.2} %; {} invented", share * 100.0, invented.len()));
    Ok(())
}

/// Rules that spoke, by place, and the places that were set aside.
type Found = (BTreeMap<Place, BTreeSet<String>>, HashSet<Place>);

/// What receipts and problem lists say.
fn findings(doors: &Doors, url: &str, receipts: &Receipts) -> anyhow::Result<Found> {
    let mut found: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    let mut aside = HashSet::new();
    let mut name_of: HashMap<String, String> = HashMap::new();
    // A record of a message as a whole has no path of its own.
    let path = |receipt_type: &str, record: &str| match (receipt_type.starts_with("cda:"), record) {
        (true, _) => "ClinicalDocument".to_owned(),
        (false, record) => record.to_owned(),
    };
    for ((source, name), all) in receipts {
        for receipt in all {
            name_of.insert(text(receipt, "id").to_owned(), name.clone());
            for finding in receipt["findings"].as_array().into_iter().flatten() {
                let is_document = name.ends_with(".xml") || text(receipt, "message_type").starts_with("cda:");
                let kind = if is_document { "cda:" } else { "" };
                let place = (source.clone(), name.clone(), path(kind, text(finding, "record")));
                found.entry(place).or_default().insert(text(finding, "rule").to_owned());
            }
        }
    }
    for (source, token) in &doors.tokens {
        let client = Client::new(url, token);
        for state in ["set-aside", "accepted", "closed"] {
            let mut after = String::new();
            loop {
                let page = fetch(&client, &format!("/api/v1/sources/{source}/problems?state={state}{after}"))?;
                for problem in page["problems"].as_array().into_iter().flatten() {
                    let Some(name) = name_of.get(text(problem, "receipt")) else { continue };
                    let kind = if name.ends_with(".xml") { "cda:" } else { "" };
                    let place = ((*source).to_owned(), name.clone(), path(kind, text(problem, "record")));
                    let issues = problem["issues"].as_array().into_iter().flatten();
                    let rules: Vec<String> = issues.clone().map(|issue| text(issue, "rule").to_owned()).collect();
                    if issues.clone().any(|issue| matches!(text(issue, "severity"), "error" | "fatal")) {
                        aside.insert(place.clone());
                    }
                    found.entry(place).or_default().extend(rules);
                }
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
        }
    }
    Ok((found, aside))
}

/// Keys of rows by sender, day and type.
type Keys = BTreeMap<(String, String, String), BTreeSet<String>>;

/// The comparison of every day of every sender of tables names exactly the keys that are missing.
fn reconciliation(
    doors: &Doors,
    city: &synth::Options,
    url: &str,
    is_late_in: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut expected = Keys::new();
    each_line(&city.out.join("truth/totals.jsonl"), |total| {
        let key = (text(&total, "sender").to_owned(), text(&total, "day").to_owned(), text(&total, "type").to_owned());
        let missing = total["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        expected.entry(key).or_default().extend(missing);
        Ok(())
    })?;
    let (mut withheld, mut late) = (0, 0);
    each_line(&city.out.join("truth/withheld.jsonl"), |row| {
        let is_late = row["late"] == true;
        withheld += 1;
        late += i32::from(is_late);
        if !(is_late && is_late_in) {
            let key = (text(&row, "sender").to_owned(), text(&row, "day").to_owned(), text(&row, "type").to_owned());
            expected.entry(key).or_default().insert(text(&row, "key").to_owned());
        }
        Ok(())
    })?;
    let (vanished, gone) = vanished(city)?;
    let days: BTreeSet<(String, String)> =
        expected.keys().map(|(sender, day, _)| (sender.clone(), day.clone())).collect();
    let mut wrong = Vec::new();
    let mut missing = 0;
    for (sender, day) in &days {
        let client = Client::new(url, doors.token(sender));
        let page = fetch(&client, &format!("/api/v1/sources/{sender}/reconciliation?day={day}"))?;
        let mut said: HashSet<String> = HashSet::new();
        for line in page["types"].as_array().into_iter().flatten() {
            let kind = text(line, "record_type").to_owned();
            let keys = |name: &str| -> BTreeSet<String> {
                let all = line["difference"][name].as_array().into_iter().flatten();
                all.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let about = (sender.clone(), day.clone(), kind.clone());
            let wanted = expected.get(&about).cloned().unwrap_or_default();
            let more = vanished.get(&about).cloned().unwrap_or_default();
            let (found, surplus) = (keys("missing"), keys("surplus"));
            missing += found.len();
            let agrees = line["agrees"] == true;
            if found != wanted || surplus != more || agrees != (wanted.is_empty() && more.is_empty()) {
                wrong.push(format!("{sender} {day} {kind}: missing {found:?} instead of {wanted:?}, surplus {surplus:?} instead of {more:?}, agrees {agrees}"));
            }
            said.insert(kind);
        }
        for (_, _, kind) in expected.keys().filter(|(of, on, kind)| of == sender && on == day && !said.contains(kind)) {
            wrong.push(format!("{sender} {day} {kind}: nothing is said"));
        }
    }
    let when = if is_late_in { "after late rows" } else { "before late rows" };
    report.tell(&format!("日对账 {when}"), &wrong);
    speak::data(format!(
        "日对账 {when}: {} days, {missing} keys named as missing ({withheld} rows were kept back, {late} come late), {gone} as no longer counted",
        days.len()
    ));
    Ok(())
}

/// What a sender no longer counts, by sender, day and type, and how many: it is still here, and named, because nobody said that it
/// was wrong.
fn vanished(city: &synth::Options) -> anyhow::Result<(Keys, usize)> {
    let mut vanished = Keys::new();
    let mut gone = 0;
    each_line(&city.out.join("truth/vanished.jsonl"), |row| {
        let key = (text(&row, "sender").to_owned(), text(&row, "day").to_owned(), text(&row, "type").to_owned());
        gone += 1;
        vanished.entry(key).or_default().insert(text(&row, "key").to_owned());
        Ok(())
    })?;
    Ok((vanished, gone))
}

/// Twenty residents, by chance of the seed, in everything that the truth says about them.
fn residents(city: &synth::Options, client: &Client, falsify: bool, report: &mut Report) -> anyhow::Result<()> {
    let truth = city.out.join("truth");
    let mut known: BTreeMap<u64, BTreeSet<(String, String)>> = BTreeMap::new();
    each_line(&truth.join("registrations.jsonl"), |line| {
        let person = line["person"].as_u64().context("a registration without a person")?;
        // Under a borrowed card two people stand in one registration: it belongs to the card's owner.
        if line["borrowed"] != true && line["test"] != true {
            let registration = (text(&line, "institution").to_owned(), text(&line, "patient").to_owned());
            known.entry(person).or_default().insert(registration);
        }
        Ok(())
    })?;
    let chosen = choose(&known.keys().copied().collect::<Vec<_>>(), city.seed);
    let registrations: BTreeMap<(String, String), u64> = chosen
        .iter()
        .flat_map(|person| known.get(person).into_iter().flatten().map(|registration| (registration.clone(), *person)))
        .collect();
    let mut expected: BTreeMap<(String, String), Expected> =
        registrations.keys().map(|registration| (registration.clone(), Expected::default())).collect();
    let (mut events, mut is_falsified) = (0_usize, !falsify);
    each_line(&truth.join("events.jsonl"), |mut event| {
        let registration = (text(&event, "institution").to_owned(), text(&event, "patient").to_owned());
        let Some(expected) = expected.get_mut(&registration) else { return Ok(()) };
        if !is_falsified && event["kind"] == "result" && event["kept"] != false {
            event["value"] = format!("9{}", text(&event, "value")).into();
            is_falsified = true;
        }
        events += 1;
        expected.add(&event);
        Ok(())
    })?;
    let mut wrong = Vec::new();
    for ((institution, patient), expected) in &expected {
        let facts = shown(client, institution, patient)?;
        wrong.extend(differences(expected, &facts).into_iter().map(|line| format!("{institution} {patient} {line}")));
    }
    report.tell("residents", &wrong);
    speak::data(format!("{} residents with {} registrations: {events} events compared", chosen.len(), expected.len()));
    Ok(())
}

/// So many of a list, by chance of a seed (a multiplicative generator is chance enough for picking).
fn choose(people: &[u64], seed: u64) -> Vec<u64> {
    let mut left = people.to_vec();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut chosen = Vec::new();
    while chosen.len() < RESIDENTS && !left.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or(0) % left.len();
        chosen.push(left.swap_remove(at));
    }
    // The people of the tour are always among them.
    chosen.extend(people.iter().take(7).filter(|person| !chosen.contains(person)).copied().collect::<Vec<_>>());
    chosen
}
