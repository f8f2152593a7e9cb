//! Searches that the portal's pages are made of: the same as a client of `/fhir/R4` could send, under the same policy.

use model::{ErrorCode, Failure, Home};
use records::Caller;
use serde_json::Value;
use trust::Interaction;

use crate::visit::Visit;

/// The most resources that one page of the portal is made from; what lies beyond is said to be cut off, never silently.
pub const RESOURCES_MAX: usize = 5_000;

/// Resources found, and whose they are.
#[derive(Default)]
pub struct Found {
    /// Hits, in the order of the search.
    pub hits: Vec<Value>,
    /// What `_include` added.
    pub included: Vec<Value>,
    /// The registrations concerned.
    pub disclosed: Vec<Home>,
    /// There was more than the limit.
    pub truncated: bool,
}

impl Found {
    /// Adds what another search found to whose and how many, for the audit event.
    pub fn note(&mut self, other: &Self) {
        for home in &other.disclosed {
            if !self.disclosed.contains(home) {
                self.disclosed.push(*home);
            }
        }
    }

    /// How many resources.
    pub fn count(&self) -> usize {
        self.hits.len() + self.included.len()
    }
}

/// A query string of pairs, percent-encoded.
pub fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Follows a search to its end, or to `limit` hits.
pub fn all(visit: &Visit, type_name: &str, pairs: &[(&str, &str)], limit: usize) -> Result<Found, Failure> {
    let caller = visit.may(Interaction::Search, type_name)?;
    let mut found = Found::default();
    let mut next = Some(query(pairs));
    while let Some(query) = next {
        next = page(visit, caller, type_name, &query, &mut found)?;
        if found.hits.len() >= limit {
            found.truncated = next.is_some() || found.hits.len() > limit;
            found.hits.truncate(limit);
            break;
        }
    }
    Ok(found)
}

fn page(
    visit: &Visit,
    caller: &Caller,
    type_name: &str,
    query: &str,
    found: &mut Found,
) -> Result<Option<String>, Failure> {
    let page = visit.records().search(caller, Some(type_name), query)?;
    let bundle: Value = serde_json::from_slice(&page.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a search answered what is no JSON"))?;
    for home in page.disclosed {
        if !found.disclosed.contains(&home) {
            found.disclosed.push(home);
        }
    }
    let Value::Object(mut bundle) = bundle else { return Ok(None) };
    if let Some(Value::Array(entries)) = bundle.remove("entry") {
        for mut entry in entries {
            let is_hit = entry["search"]["mode"] == "match";
            let resource = entry["resource"].take();
            if resource["resourceType"] == "OperationOutcome" {
                continue;
            }
            if is_hit { found.hits.push(resource) } else { found.included.push(resource) }
        }
    }
    let links = bundle.get("link").and_then(Value::as_array);
    let next = links.and_then(|links| links.iter().find(|link| link["relation"] == "next"));
    Ok(next
        .and_then(|link| link["url"].as_str())
        .and_then(|url| url.split_once('?'))
        .map(|(_, query)| query.to_owned()))
}

/// The registration in the path, if this caller may read it.
///
/// # Errors
/// As a FHIR read of the same Patient.
pub fn person(visit: &Visit) -> Result<(Value, Vec<Home>), Failure> {
    let caller = visit.may(Interaction::Read, "Patient")?;
    let document = visit.records().read(caller, "Patient", visit.id())?;
    let resource = serde_json::from_slice(&document.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
    Ok((resource, document.disclosed))
}
