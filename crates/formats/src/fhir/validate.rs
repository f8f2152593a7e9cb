//! The full check against the base definitions.

use model::Issue;
use serde_json::Value;

use super::check::check_basic;

/// Checks a resource against the base definitions of FHIR R4.
#[must_use]
pub fn validate(resource: &Value) -> Vec<Issue> {
    check_basic(resource)
}
