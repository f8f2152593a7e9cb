//! `$validate`: findings about a resource that is not stored.

use axum::http::StatusCode;

use super::{heavily, no_parameters};
use crate::answer::{Answer, Outcome};
use crate::negotiate::{RESOURCE_KINDS, sends};
use crate::outcome;
use crate::visit::Visit;

/// `POST /$validate`.
pub async fn any(visit: &Visit) -> Outcome {
    run(visit, None)
}

/// `POST /{type}/$validate`.
pub async fn of_type(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    run(visit, Some(type_name))
}

fn run(visit: &Visit, type_name: Option<&str>) -> Outcome {
    no_parameters(visit)?;
    sends(&visit.headers, RESOURCE_KINDS)?;
    // Nothing is stored and nothing shown but what was sent: whoever is signed in may.
    visit.caller()?;
    let issues = heavily(|| visit.records().validate(type_name, &visit.body));
    Ok(Answer::fhir(StatusCode::OK, &outcome::findings(&issues, visit.language)))
}
