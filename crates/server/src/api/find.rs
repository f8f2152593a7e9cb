//! Finding a person by name, date of birth, or an identifier.

use std::collections::HashSet;

use model::{ErrorCode, Failure, Home};
use records::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{Duty, Filter};

use super::lookup::{self, Found, Institutions};
use super::{body, facts, only_parameters, parameter, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The most persons that one search shows: whoever sees more should say more.
const PERSONS_MAX: usize = 50;

/// Registrations looked at for these persons.
const REGISTRATIONS_MAX: usize = 200;

/// More words than any name has; each is a condition of the search.
const NAME_WORDS_MAX: usize = 8;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Criteria {
    name: Option<String>,
    birth_date: Option<String>,
    identifier: Option<String>,
}

/// `GET /api/v1/persons?name=&birth_date=`. Identifiers are refused here: addresses end up in histories and logs.
pub async fn by_query(visit: &Visit) -> Outcome {
    if parameter(visit, "identifier").is_some() {
        let how = "identity numbers never go into an address; POST /api/v1/persons/search";
        return Err(Failure::new(ErrorCode::BadSearch, how));
    }
    only_parameters(visit, &["name", "birth_date"])?;
    let criteria =
        Criteria { name: parameter(visit, "name"), birth_date: parameter(visit, "birth_date"), identifier: None };
    find(visit, &criteria)
}

/// `POST /api/v1/persons/search`.
pub async fn by_form(visit: &Visit) -> Outcome {
    let criteria: Criteria = body(visit)?;
    find(visit, &criteria)
}

impl Criteria {
    /// The parameters of a search for registrations.
    fn given(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        // A comma or a bar has a meaning in a FHIR search; here every character stands for itself.
        let literal = |text: &Option<String>| text.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(escaped);
        // Each word of a name must begin one of its parts: the parts of "Isela Rempel" are kept apart, and may come in either
        // order.
        let words = self.name.iter().flat_map(|name| name.split_whitespace()).take(NAME_WORDS_MAX);
        let mut given: Vec<(&str, String)> = words.map(|word| ("name", escaped(word))).collect();
        given.extend(literal(&self.birth_date).map(|date| ("birthdate", date)));
        given.extend(literal(&self.identifier).map(|identifier| ("identifier", identifier)));
        if given.is_empty() {
            return Err(Failure::new(ErrorCode::BadSearch, "say at least one of name, birth_date, identifier"));
        }
        Ok(given)
    }

    /// The registrations that fit, as far as this caller may see them, and whether there are more.
    pub(super) fn registrations(&self, visit: &Visit) -> Result<(Vec<Home>, bool), Failure> {
        let given = self.given()?;
        let mut pairs: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        note(visit, &pairs);
        pairs.push(("_count", "200"));
        let found = lookup::all(visit, "Patient", &pairs, REGISTRATIONS_MAX)?;
        let tenant = visit.caller()?.tenant();
        let ids = found.hits.iter().filter_map(|patient| patient["id"].as_str());
        Ok((ids.map(|id| visit.records().registration(tenant, id)).collect(), found.truncated))
    }
}

fn find(visit: &Visit, criteria: &Criteria) -> Outcome {
    let given = criteria.given()?;
    let mut pairs: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    note(visit, &pairs);
    pairs.push(("_count", "200"));
    let found: Found = lookup::all(visit, "Patient", &pairs, REGISTRATIONS_MAX)?;
    let mut list = List::default();
    for patient in &found.hits {
        list.add(visit, patient)?;
    }
    // Somebody without a ground is found by what only their papers say, and shows no more than that there is a record.
    let is_exact = criteria.identifier.is_some() || (criteria.name.is_some() && criteria.birth_date.is_some());
    if is_exact && visit.has_duty(Duty::FindPerson).is_ok() && trust::needs_ground(&visit.caller()?.actor) {
        for home in unseen(visit, criteria, &pairs)? {
            list.add_masked(visit, home)?;
        }
    }
    let truncated = found.truncated || list.persons.len() > PERSONS_MAX;
    list.persons.truncate(PERSONS_MAX);
    let count = list.persons.len();
    Ok(Answer::json(&json!({"persons": list.persons, "truncated": truncated})).disclosing(list.disclosed, count))
}

/// Registrations that match exactly, whoever they are.
fn unseen(visit: &Visit, criteria: &Criteria, pairs: &[(&str, &str)]) -> Result<Vec<Home>, Failure> {
    let caller = Caller { filter: Filter::identities(), ..visit.caller()?.clone() };
    let exact: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (if *name == "name" { "name:exact" } else { *name }, *value)).collect();
    let found = visit.records().search_whole(&caller, "Patient", &exact, REGISTRATIONS_MAX)?.hits;
    // `name:exact` finds the parts of a name as well; what somebody is called must be the whole of what was typed.
    let is_whole = |patient: &&Value| match &criteria.name {
        Some(name) if criteria.identifier.is_none() => facts::human_name(patient).is_some_and(|it| it == name.trim()),
        _ => true,
    };
    let tenant = caller.tenant();
    let ids = found.iter().filter(|patient| is_whole(patient)).filter_map(|patient| patient["id"].as_str());
    Ok(ids.map(|id| visit.records().registration(tenant, id)).collect())
}

/// Persons found, each once, whatever number of registrations matched.
#[derive(Default)]
struct List {
    persons: Vec<Value>,
    disclosed: Vec<Home>,
    ids: HashSet<String>,
    institutions: Institutions,
}

impl List {
    fn add(&mut self, visit: &Visit, patient: &Value) -> Result<(), Failure> {
        let caller = visit.caller()?;
        let Some(id) = patient["id"].as_str() else { return Ok(()) };
        let resident =
            visit.app.grounds.resident_of(caller.tenant(), visit.records().registration(caller.tenant(), id))?;
        let Some(subject) = lookup::subject_of(visit, visit.records().registration(caller.tenant(), id))? else {
            return Ok(());
        };
        if self.ids.insert(subject.id.clone()) {
            let mut person = summary::person(visit, &subject, &mut self.institutions);
            let ground = visit.app.grounds.for_person(visit.asker()?, caller.purpose, &resident)?;
            person["ground"] = ground.map(|ground| summary::words_of(visit, &ground)).into();
            self.persons.push(person);
            self.disclosed.extend(subject.disclosed);
        }
        Ok(())
    }

    fn add_masked(&mut self, visit: &Visit, home: Home) -> Result<(), Failure> {
        let tenant = visit.caller()?.tenant();
        let resident = visit.app.grounds.resident_of(tenant, home)?;
        let Some(id) = resident.id(visit.records(), tenant) else { return Ok(()) };
        if self.ids.insert(id.clone()) {
            let mut person = lookup::masked_identity(visit, home)?;
            person["id"] = id.into();
            person["masked"] = true.into();
            person["ground"] = Value::Null;
            self.persons.push(person);
            self.disclosed.extend(resident.registrations);
        }
        Ok(())
    }
}

/// The audit event names what was searched by, also when it came in a body.
fn note(visit: &Visit, pairs: &[(&str, &str)]) {
    let mut trail = visit.trail.lock();
    trail.parameters = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
    trail.parameters.dedup();
}

pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
