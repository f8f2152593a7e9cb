//! The full check against the base definitions.

use model::Issue;
use serde_json::Value;

use super::check::{Level, check};

/// Checks a resource against the base definitions of FHIR R4: everything of [`super::check_basic`], and also cardinality,
/// required bindings, the types that references may point to, contained resources, and the invariants in
/// [`super::EVALUATED_INVARIANTS`].
///
/// Not judged: profiles, extension definitions, bindings whose codes are not published as a list (MIME types, currencies,
/// languages, UCUM units), whether a reference's target exists, and [`super::UNEVALUATED_INVARIANTS`].
#[must_use]
pub fn validate(resource: &Value) -> Vec<Issue> {
    check(resource, Level::Full)
}
