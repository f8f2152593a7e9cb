//! JSON Patch (RFC 6902) on a resource, all or nothing.

use json_patch::{Patch, PatchOperation};
use model::Issue;
use serde_json::Value;

use super::reader::{is_error, read_json};
use super::rules;

/// The most operations of one patch: more is a rewrite, for which there is PUT.
pub const PATCH_OPERATIONS_MAX: usize = 1_000;

/// Applies a patch. When any operation fails, `target` is as it was.
///
/// # Errors
/// The issues: the patch is no JSON, no JSON Patch, too long, or an operation fails (its index and pointer are in the path).
pub fn apply_json_patch(target: &mut Value, patch: &[u8]) -> Result<(), Vec<Issue>> {
    let (value, issues) = read_json(patch);
    let Some(value) = value else { return Err(issues) };
    if issues.iter().any(is_error) {
        return Err(issues);
    }
    let patch: Patch = match serde_json::from_value(value) {
        Ok(patch) => patch,
        Err(error) => return Err(vec![of(&rules::PATCH_FORM, String::new()).found(&error.to_string())]),
    };
    if patch.0.len() > PATCH_OPERATIONS_MAX {
        let found = format!("{} operations", patch.0.len());
        let limit = format!("at most {PATCH_OPERATIONS_MAX} operations");
        return Err(vec![of(&rules::PATCH_TOO_LONG, String::new()).found(&found).expected(limit)]);
    }
    json_patch::patch(target, &patch).map_err(|error| {
        let path = format!("patch[{}]", error.operation);
        let found = format!("{} ({})", operation_path(patch.0.get(error.operation)), error.kind);
        vec![of(&rules::PATCH_FAILED, path).found(&found)]
    })
}

fn of(rule: &rules::Rule, path: String) -> Issue {
    Issue::new(rule.id, rule.severity, path)
}

fn operation_path(operation: Option<&PatchOperation>) -> String {
    operation.map(|operation| operation.path().to_string()).unwrap_or_default()
}
