//! Small questions about JSON objects that invariants ask.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::fhir::{date, decimal};

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Whether an element is there, with a value or with extensions only.
pub(super) fn has(map: &Object, name: &str) -> bool {
    map.contains_key(name) || map.keys().any(|key| key.strip_prefix('_') == Some(name))
}

/// Whether a choice element is there, under whatever type.
pub(super) fn has_choice(map: &Object, name: &str) -> bool {
    map.keys().any(|key| {
        let rest = key.strip_prefix('_').unwrap_or(key).strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

/// The text of an element; empty when it has none.
pub(super) fn text<'m>(map: &'m Object, name: &str) -> &'m str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The objects of an element: the items of an array, or the object itself.
pub(super) fn objects<'m>(map: &'m Object, name: &str) -> impl Iterator<Item = &'m Object> {
    let (single, many) = match map.get(name) {
        Some(Value::Object(object)) => (Some(object), None),
        Some(Value::Array(items)) => (None, Some(items)),
        _ => (None, None),
    };
    single.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_object))
}

/// Whether a `CodeableConcept` element has a coding of the system with one of the codes.
pub(super) fn has_coding(map: &Object, name: &str, system: &str, codes: &[&str]) -> bool {
    objects(map, name)
        .flat_map(|concept| objects(concept, "coding"))
        .any(|coding| text(coding, "system") == system && codes.contains(&text(coding, "code")))
}

/// The order of two decimals; none when one is missing or cannot be compared.
pub(super) fn compare_decimals(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    let number = |value: Option<&Value>| decimal::parse(value?.as_number()?.as_str()).ok().map(|found| found.value);
    Some(number(left)?.cmp(&number(right)?))
}

/// Whether a number element is there and below zero; zero itself too when `or_zero`.
pub(super) fn is_negative(map: &Object, name: &str, or_zero: bool) -> bool {
    match compare_decimals(map.get(name), Some(&Value::from(0))) {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => or_zero,
        _ => false,
    }
}

/// Whether one date is certainly after another: not merely written more precisely.
pub(super) fn is_after(early: &str, late: &str) -> bool {
    matches!((date::parse(early), date::parse(late)), (Ok(early), Ok(late)) if early.low_ms > late.high_ms)
}
