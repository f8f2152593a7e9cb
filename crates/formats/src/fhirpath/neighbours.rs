//! Elements that are absent, kept apart from neighbours whose name begins alike.
//!
//! Where an object has no `number`, the engine answers with any member that begins so and goes on with a capital, as if it were a choice
//! element: with `numberOfInstances`, with `classHistory` for `class`, with `conclusionCode` for `conclusion`. Before an evaluation such an
//! absent element gets an empty list, which selects nothing; what is selected loses it again (FHIR has no empty lists).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use standards::{Kind, Structure, structures};

/// An element, its names in JSON, and a name in JSON that is not its own and would be taken for it.
struct Pair {
    element: &'static str,
    own: Vec<&'static str>,
    neighbour: &'static str,
}

/// The pairs of each structure that has some.
static PAIRS: LazyLock<HashMap<&'static str, Vec<Pair>>> = LazyLock::new(|| {
    let of_each = structures().iter().map(|structure| (structure.name.as_str(), pairs(structure)));
    of_each.filter(|(_, pairs)| !pairs.is_empty()).collect()
});

fn pairs(structure: &'static Structure) -> Vec<Pair> {
    let mut found = Vec::new();
    for (at, element) in structure.elements.iter().enumerate() {
        let is_own = |slot: standards::Slot| usize::from(slot.element) == at;
        let own: Vec<&str> = structure.slots().filter(|(_, slot)| is_own(*slot)).map(|(name, _)| name).collect();
        for (neighbour, _) in structure.slots().filter(|(_, slot)| !is_own(*slot)) {
            let rest = neighbour.strip_prefix(element.name.as_str());
            if rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase())) {
                found.push(Pair { element: &element.name, own: own.clone(), neighbour });
            }
        }
    }
    found
}

/// Marks the absent elements of a resource that have such a neighbour; whether there are any.
pub(super) fn keep_apart(resource: &mut Value) -> bool {
    let type_name = resource.get("resourceType").and_then(Value::as_str);
    let Some(structure) = type_name.and_then(|name| structures().resource(name)) else { return false };
    in_object(structure, resource)
}

fn in_object(structure: &'static Structure, node: &mut Value) -> bool {
    let Value::Object(members) = node else { return false };
    let mut is_marked = false;
    for (name, child) in members.iter_mut() {
        let Some(slot) = structure.slot(name) else { continue };
        match child {
            Value::Array(items) => items.iter_mut().for_each(|item| is_marked |= in_child(slot.kind, item)),
            child => is_marked |= in_child(slot.kind, child),
        }
    }
    mark(structure, members) || is_marked
}

fn in_child(kind: Kind, child: &mut Value) -> bool {
    match kind {
        Kind::Primitive(_) => false,
        Kind::Resource => keep_apart(child),
        Kind::Structure(id) => in_object(structures().get(id), child),
    }
}

fn mark(structure: &Structure, members: &mut Map<String, Value>) -> bool {
    let Some(pairs) = PAIRS.get(structure.name.as_str()) else { return false };
    let mut is_marked = false;
    for pair in pairs {
        if members.contains_key(pair.neighbour) && !pair.own.iter().any(|name| members.contains_key(*name)) {
            members.insert(pair.element.to_owned(), Value::Array(Vec::new()));
            is_marked = true;
        }
    }
    is_marked
}

/// Takes the marks out of a value that was selected.
pub(super) fn take_out(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(take_out),
        Value::Object(members) => {
            members.retain(|_, child| !matches!(child, Value::Array(items) if items.is_empty()));
            members.values_mut().for_each(take_out);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A choice that is present cannot be kept apart by an empty list: the engine would not see it any more.
    #[test]
    fn no_choice_has_such_a_neighbour() {
        let choices = PAIRS.iter().flat_map(|(name, pairs)| pairs.iter().map(move |pair| (name, pair)));
        let choices = choices.filter(|(_, pair)| !pair.own.contains(&pair.element));
        let found = choices.map(|(name, pair)| format!("{name}.{} {}", pair.element, pair.neighbour));
        // Of these types none is stored.
        let is_stored =
            |name: &String| !name.starts_with("ResearchElementDefinition.") && !name.starts_with("Substance");
        let found: Vec<String> = found.filter(is_stored).collect();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn marks_come_and_go() {
        let plain = serde_json::json!({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "ImagingStudy",
            "series": [{"numberOfInstances": 120}, {"number": 1, "numberOfInstances": 2}]}}]});
        let mut marked = plain.clone();
        assert!(keep_apart(&mut marked));
        assert_eq!(marked["entry"][0]["resource"]["series"][0]["number"], serde_json::json!([]));
        take_out(&mut marked);
        assert_eq!(marked, plain);
        assert!(!keep_apart(&mut serde_json::json!({"resourceType": "Patient", "name": [{"family": "x"}]})));
        assert!(!keep_apart(&mut serde_json::json!([1])));
    }
}
