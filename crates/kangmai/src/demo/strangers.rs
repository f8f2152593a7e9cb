//! Who must be one, who must be nobody: what senders themselves say about registrations (A40, a name for 无名氏), test patients, and
//! hospitals under several codes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::accounts::text;
use super::compare::{each_line, fetch, identifier_query};
use crate::client::Client;
use crate::speak;

/// What the server says about one registration.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    /// The ids of the `Patient` under this number: one, or none.
    patients: Vec<String>,
    /// The ids of the `Person` resources that list it, and how many registrations each of them lists.
    persons: Vec<(String, usize)>,
}

/// Differences between what the truth says about who is who, and what the server made of it.
pub(super) fn persons(city: &synth::Options, client: &Client) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut counts = [0_usize; 3];
    each_line(&city.out.join("truth/registrations.jsonl"), |line| {
        let (institution, patient, joined) =
            (text(&line, "institution"), text(&line, "patient"), text(&line, "joined"));
        let told = if line["test"] == true {
            counts[0] += 1;
            test_patient(&shown(client, institution, patient)?)
        } else if line["apart"] == true {
            counts[1] += 1;
            apart(&shown(client, institution, patient)?)
        } else if joined.is_empty() {
            None
        } else {
            counts[2] += 1;
            one_person(&shown(client, institution, patient)?, &shown(client, institution, joined)?)
        };
        wrong.extend(told.map(|what| format!("{institution} {patient} {joined}: {what}")));
        Ok(())
    })?;
    let [tests, strangers, joined] = counts;
    speak::data(format!(
        "{joined} registrations joined by their hospital, {strangers} without a name, {tests} test patients"
    ));
    Ok(wrong)
}

/// A test patient is no person.
fn test_patient(shown: &Shown) -> Option<&'static str> {
    (!shown.persons.is_empty()).then_some("a test patient became a person")
}

/// Somebody of whom nothing is known is nobody else.
fn apart(shown: &Shown) -> Option<&'static str> {
    match (shown.patients.len(), shown.persons.as_slice()) {
        (1, [] | [(_, 1)]) => None,
        (1, _) => Some("somebody without a name was taken for somebody"),
        _ => Some("the registration is not there once"),
    }
}

/// Two registrations are one person.
fn one_person(left: &Shown, right: &Shown) -> Option<&'static str> {
    let ids = |shown: &Shown| shown.persons.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>();
    match (ids(left), ids(right)) {
        _ if left.patients.len() != 1 || right.patients.len() != 1 => Some("a registration is not there once"),
        (left, right) if left.len() == 1 && left == right => None,
        _ => Some("what the hospital joined is not one person"),
    }
}

fn shown(client: &Client, institution: &str, patient: &str) -> anyhow::Result<Shown> {
    let query = identifier_query(institution, "patient", patient);
    let bundle = fetch(client, &format!("/fhir/R4/Patient?{query}&_elements=id"))?;
    let mut shown = Shown { patients: ids(&bundle), ..Shown::default() };
    for id in &shown.patients {
        let bundle = fetch(client, &format!("/fhir/R4/Person?link=Patient/{id}"))?;
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            let person = &entry["resource"];
            let links = person["link"].as_array().map_or(0, Vec::len);
            shown.persons.push((text(person, "id").to_owned(), links));
        }
    }
    Ok(shown)
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| text(&entry["resource"], "id").to_owned()).collect()
}

/// A hospital that is known under several codes is one institution, found under each of them.
pub(super) fn institutions(client: &Client) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (sender, _, _) in synth::senders()? {
        for (other, main) in synth::other_codes(sender)? {
            let found = |code: &str| -> anyhow::Result<Vec<String>> {
                let system = formats::national::INSTITUTION_CODE;
                let bundle =
                    fetch(client, &format!("/fhir/R4/Organization?identifier={system}%7C{code}&_elements=id"))?;
                Ok(ids(&bundle))
            };
            let (under_other, under_main) = (found(&other)?, found(&main)?);
            if under_main.len() != 1 || under_other != under_main {
                wrong.push(format!("{sender}: {main} is {under_main:?}, {other} is {under_other:?}"));
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(patient: &str, persons: &[(&str, usize)]) -> Shown {
        Shown {
            patients: vec![patient.to_owned()],
            persons: persons.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect(),
        }
    }

    #[test]
    fn joined_registrations_are_one_person_and_strangers_are_nobody_else() {
        assert_eq!(one_person(&of("1", &[("p", 2)]), &of("2", &[("p", 2)])), None);
        for other in [of("2", &[("q", 1)]), of("2", &[]), Shown::default()] {
            assert!(one_person(&of("1", &[("p", 1)]), &other).is_some(), "{other:?}");
        }
        assert_eq!((apart(&of("1", &[("p", 1)])), apart(&of("1", &[]))), (None, None));
        assert!(apart(&of("1", &[("p", 2)])).is_some() && apart(&Shown::default()).is_some());
        assert_eq!((test_patient(&of("1", &[])), test_patient(&Shown::default())), (None, None));
        assert!(test_patient(&of("1", &[("p", 1)])).is_some());
    }
}
