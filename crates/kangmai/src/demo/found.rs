//! What the demo looks up about its people before it makes accounts: in the truth who they are, in the server what became of them.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::accounts::text;
use super::compare::{each_line, fetch, identifier_query};
use crate::client::Client;

/// The person whom the tour shows.
pub(super) struct Hero {
    pub name: String,
    /// Number in the truth.
    number: u64,
    /// Institution and patient number, as sent.
    registrations: Vec<(String, String)>,
}

/// The visit of this morning.
pub(super) struct VisitToday {
    pub department: String,
    pub department_name: String,
    pub doctor_number: String,
    pub doctor_name: String,
}

/// The contract with a family doctor.
pub(super) struct ContractFound {
    pub institution: String,
    pub doctor_number: String,
    pub doctor_name: String,
}

/// The hero of the tour.
pub(super) fn hero(truth: &Path) -> anyhow::Result<Hero> {
    let mut hero = None;
    each_line(&truth.join("people.jsonl"), |line| {
        if text(&line, "role") == "hero" {
            hero = Some((text(&line, "name").to_owned(), line["person"].as_u64().unwrap_or(0)));
        }
        Ok(())
    })?;
    let (name, number) = hero.context("the city has no hero")?;
    let mut registrations = Vec::new();
    each_line(&truth.join("registrations.jsonl"), |line| {
        if line["person"].as_u64() == Some(number) && line["test"] != true {
            registrations.push((text(&line, "institution").to_owned(), text(&line, "patient").to_owned()));
        }
        Ok(())
    })?;
    Ok(Hero { name, number, registrations })
}

/// The ids of a person's registrations.
pub(super) fn patients(client: &Client, hero: &Hero) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for (institution, patient) in &hero.registrations {
        let bundle = fetch(client, &format!("/fhir/R4/Patient?{}", identifier_query(institution, "patient", patient)))?;
        let entries = bundle["entry"].as_array().into_iter().flatten();
        ids.extend(entries.filter_map(|entry| entry["resource"]["id"].as_str().map(str::to_owned)));
    }
    if ids.is_empty() {
        bail!("the hero of the tour is not in the records");
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The visit in progress.
pub(super) fn visit_today(client: &Client, hero: &Hero) -> anyhow::Result<VisitToday> {
    for id in patients(client, hero)? {
        let bundle =
            fetch(client, &format!("/fhir/R4/Encounter?patient={id}&status=in-progress&_sort=-date&_count=1"))?;
        let encounter = &bundle["entry"][0]["resource"];
        let Some(reference) = encounter["participant"][0]["individual"]["reference"].as_str() else { continue };
        let doctor = fetch(client, &format!("/fhir/R4/{reference}"))?;
        let service = &encounter["serviceType"];
        return Ok(VisitToday {
            department: service["coding"][0]["code"].as_str().unwrap_or("").to_owned(),
            department_name: service["coding"][0]["display"].as_str().unwrap_or("").to_owned(),
            doctor_number: doctor["identifier"][0]["value"].as_str().unwrap_or("").to_owned(),
            doctor_name: doctor["name"][0]["text"].as_str().unwrap_or("").to_owned(),
        });
    }
    bail!("the hero of the tour has no visit in progress");
}

/// The contract in force.
pub(super) fn contract(truth: &Path, hero: &Hero) -> anyhow::Result<ContractFound> {
    let mut found: Option<Value> = None;
    each_line(&truth.join("events.jsonl"), |line| {
        if text(&line, "kind") == "contract" && line["person"].as_u64() == Some(hero.number) {
            found = Some(line);
        }
        Ok(())
    })?;
    let contract = found.context("the hero of the tour has no contract")?;
    Ok(ContractFound {
        institution: text(&contract, "institution").to_owned(),
        doctor_number: text(&contract, "item").to_owned(),
        doctor_name: text(&contract, "name").to_owned(),
    })
}
