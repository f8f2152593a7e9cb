//! The checks of every write.

use model::Issue;
use serde_json::Value;

use super::rules;

/// The cheap subset of [`super::validate`] that runs on every write.
#[must_use]
pub fn check_basic(resource: &Value) -> Vec<Issue> {
    let rule = &rules::RESOURCE_TYPE_UNKNOWN;
    match resource["resourceType"].as_str() {
        Some(name) if model::TypeCode::of(name).is_ok() => Vec::new(),
        _ => vec![Issue::new(rule.id, rule.severity, "resourceType")],
    }
}
