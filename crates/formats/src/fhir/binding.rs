//! Required bindings: a code comes from the value set that the standard names.

use serde_json::{Map, Value};
use standards::{Element, ValueSet, structures};

use super::check::Walk;
use super::path::Path;
use super::rules;

/// A primitive with a binding (`code`, sometimes `string` or `uri`).
pub(super) fn check_text(walk: &mut Walk<'_>, path: &Path<'_>, element: &Element, value: &Value) {
    let (Some(set), Some(code)) = (set_of(element), value.as_str()) else { return };
    if !set.has_code(code) {
        walk.report(&rules::BINDING, path, |issue| issue.found(code).expected(set.url.clone()));
    }
}

/// A `Coding`, `CodeableConcept` or `Quantity` with a binding. Of several codings one must be in the set.
pub(super) fn check_object(
    walk: &mut Walk<'_>,
    path: &Path<'_>,
    element: &Element,
    type_name: &str,
    map: &Map<String, Value>,
) {
    let Some(set) = set_of(element) else { return };
    let codings: Vec<&Value> = map.get("coding").and_then(Value::as_array).into_iter().flatten().collect();
    let is_fine = match type_name {
        "CodeableConcept" => codings.iter().filter_map(|coding| coding.as_object()).any(|coding| is_in(set, coding)),
        "Coding" | "Quantity" | "SimpleQuantity" => is_in(set, map),
        _ => return,
    };
    if !is_fine {
        let shown = codings.first().and_then(|coding| coding.as_object()).unwrap_or(map);
        let found = format!("{}|{}", text(shown, "system"), text(shown, "code"));
        walk.report(&rules::BINDING, path, |issue| issue.found(&found).expected(set.url.clone()));
    }
}

fn set_of(element: &Element) -> Option<&'static ValueSet> {
    structures().value_set(element.binding?)
}

fn is_in(set: &ValueSet, coding: &Map<String, Value>) -> bool {
    set.has(text(coding, "system"), text(coding, "code"))
}

fn text<'m>(map: &'m Map<String, Value>, name: &str) -> &'m str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}
