//! `/api/v1`: what the portal asks. It shows the same records as `/fhir/R4`, found by the same searches under the same policy
//! and audit, laid out for a reader: one front page, one timeline, one trend, one list of who looked.

pub mod access;
pub mod audit;
pub mod bills;
pub mod contracts;
pub mod emergency;
pub mod explain;
mod facts;
pub mod find;
mod front;
pub mod identity;
pub mod launch;
mod lookup;
pub mod me;
pub mod medicines;
pub mod messages;
pub mod objections;
pub mod operations;
pub mod origin;
pub mod problems;
pub mod receipts;
pub mod reports;
pub mod reviews;
pub mod session;
pub mod sources;
pub mod status;
pub mod summary;
pub mod timeline;
pub mod trend;
pub mod worklist;

use model::{ErrorCode, Failure};
use serde::de::DeserializeOwned;

use crate::negotiate::sends;
use crate::visit::Visit;

/// A JSON body of a known shape.
fn body<T: DeserializeOwned>(visit: &Visit) -> Result<T, Failure> {
    sends(&visit.headers, &["application/json"])?;
    serde_json::from_slice(&visit.body).map_err(|error| {
        // The message of the reader may quote the body; only its place is told.
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::new(ErrorCode::NotReadable, format!("the body is not what this route reads ({place})"))
    })
}

/// The one value of a query parameter of `/api/v1`.
fn parameter(visit: &Visit, name: &str) -> Option<String> {
    form_urlencoded::parse(visit.query().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

/// Refuses query parameters that a route does not know: an unknown one is an error, never ignored.
fn only_parameters(visit: &Visit, known: &[&str]) -> Result<(), Failure> {
    let mut names = form_urlencoded::parse(visit.query().as_bytes()).map(|(key, _)| key);
    match names.find(|name| !known.contains(&name.as_ref())) {
        None => Ok(()),
        Some(_) => Err(Failure::new(ErrorCode::BadSearch, format!("unknown parameter; known: {}", known.join(", ")))),
    }
}
