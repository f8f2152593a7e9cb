//! Finding a person by name, date of birth, or an identifier.

use model::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::json;

use super::lookup::{self, Found};
use super::{body, facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The most persons that one search shows: whoever sees more should say more.
const PERSONS_MAX: usize = 50;

/// More words than any name has; each is a condition of the search.
const NAME_WORDS_MAX: usize = 8;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Criteria {
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

fn find(visit: &Visit, criteria: &Criteria) -> Outcome {
    // A comma or a bar has a meaning in a FHIR search; here every character stands for itself.
    let literal = |text: &Option<String>| text.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(escaped);
    // Each word of a name must begin one of its parts: the parts of "Isela Rempel" are kept apart, and may come in either order.
    let words = criteria.name.iter().flat_map(|name| name.split_whitespace()).take(NAME_WORDS_MAX);
    let mut given: Vec<(&str, String)> = words.map(|word| ("name", escaped(word))).collect();
    given.extend(literal(&criteria.birth_date).map(|date| ("birthdate", date)));
    given.extend(literal(&criteria.identifier).map(|identifier| ("identifier", identifier)));
    let mut pairs: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if pairs.is_empty() {
        return Err(Failure::new(ErrorCode::BadSearch, "say at least one of name, birth_date, identifier"));
    }
    note(visit, &pairs);
    pairs.push(("_count", "51"));
    let found: Found = lookup::all(visit, "Patient", &pairs, PERSONS_MAX)?;
    let persons: Vec<_> = found.hits.iter().map(facts::person).collect();
    let count = persons.len();
    Ok(Answer::json(&json!({"persons": persons, "truncated": found.truncated})).disclosing(found.disclosed, count))
}

/// The audit event names what was searched by, also when it came in a body.
fn note(visit: &Visit, pairs: &[(&str, &str)]) {
    let mut trail = visit.trail.lock();
    trail.parameters = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
    trail.parameters.dedup();
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
