//! Invariants of the base definitions, written by hand.
//!
//! The standard writes them as `FHIRPath`; the ones that matter for what the platform stores are a few comparisons each, and
//! are stated here as plain functions. `docs` and `$validate` print which are evaluated and which are not.

mod table;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use model::Severity;
use serde_json::{Map, Value};

use super::check::Walk;
use super::path::Path;
use super::rules;
use table::{INVARIANTS, Invariant};

/// The keys of the invariants that [`super::validate`] evaluates.
pub const EVALUATED_INVARIANTS: &[&str] = &[
    "age-1", "ait-1", "ait-2", "att-1", "bdl-1", "bdl-2", "bdl-3", "bdl-4", "bdl-5", "bdl-7", "bdl-8", "bdl-9",
    "bdl-10", "bdl-11", "bdl-12", "cnt-3", "con-1", "con-2", "con-3", "con-4", "con-5", "cpl-3", "cpt-2", "dis-1",
    "dom-2", "dom-3", "dom-4", "dom-5", "drt-1", "ele-1", "exp-1", "ext-1", "imm-1", "inv-1", "mad-1", "obs-3",
    "obs-6", "obs-7", "org-1", "org-2", "org-3", "pat-1", "per-1", "ppc-1", "prr-1", "qty-3", "rat-1", "ref-1",
    "rng-2", "sev-1", "tim-1", "tim-2", "tim-4", "tim-5", "tim-6", "tim-7", "tim-8", "tim-9", "tim-10", "trd-1",
    "trd-2", "txt-1", "txt-2",
];

/// Invariants of the stored types, of Bundle, OperationOutcome, Parameters and of the data types that are not evaluated, with the
/// reason. Those of types that are never stored here (they may be contained or in a Bundle) are not evaluated either.
pub const UNEVALUATED_INVARIANTS: &[(&str, &str)] = &[
    ("ctm-1", "needs the target of a reference, which may be on another server"),
    ("dom-6", "recommends a narrative; the platform shows the data itself"),
    ("drq-1", "DataRequirement occurs only inside extensions"),
    ("drq-2", "DataRequirement occurs only inside extensions"),
    ("ppc-2", "as published it compares with the system `something` and can never fail"),
    ("ppc-3", "as published it compares with the system `something` and can never fail"),
    ("ppc-4", "as published it compares with the system `something` and can never fail"),
    ("ppc-5", "as published it compares with the system `something` and can never fail"),
    ("trd-3", "TriggerDefinition occurs only inside extensions"),
];

/// The invariants of the structure that an object has.
pub(super) fn check_structure(walk: &mut Walk<'_>, path: &Path<'_>, structure: &str, map: &Map<String, Value>) {
    static BY_STRUCTURE: LazyLock<HashMap<&str, Vec<&Invariant>>> = LazyLock::new(|| {
        let mut by_structure: HashMap<&str, Vec<&Invariant>> = HashMap::new();
        for invariant in INVARIANTS {
            by_structure.entry(invariant.structure).or_default().push(invariant);
        }
        by_structure
    });
    for invariant in BY_STRUCTURE.get(structure).into_iter().flatten() {
        if !(invariant.holds)(map) {
            report(walk, path, invariant.key, invariant.severity, invariant.human);
        }
    }
}

fn report(walk: &mut Walk<'_>, path: &Path<'_>, key: &str, severity: Severity, human: &str) {
    let rule = if severity == Severity::Warning { &rules::INVARIANT_WARNING } else { &rules::INVARIANT };
    walk.report(rule, path, |issue| issue.expected(format!("{key}: {human}")));
}

/// The invariants about containing: dom-2 to dom-5.
pub(super) fn check_resource(walk: &mut Walk<'_>, path: &Path<'_>, map: &Map<String, Value>, is_contained: bool) {
    let error = Severity::Error;
    if is_contained {
        if map.contains_key("contained") {
            report(walk, path, "dom-2", error, "a contained resource contains none");
        }
        let meta = map.get("meta");
        if meta.is_some_and(|meta| meta.get("versionId").is_some() || meta.get("lastUpdated").is_some()) {
            report(walk, path, "dom-4", error, "a contained resource has no version and no lastUpdated");
        }
        if meta.is_some_and(|meta| meta.get("security").is_some()) {
            report(walk, path, "dom-5", error, "a contained resource has no security label of its own");
        }
        return;
    }
    let Some(contained) = map.get("contained").and_then(Value::as_array) else { return };
    let mut referred = HashSet::new();
    for (name, value) in map {
        fragments(name, value, &mut referred);
    }
    let place = path.name("contained");
    for (at, resource) in contained.iter().enumerate() {
        let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
        let mut own = HashSet::new();
        fragments("", resource, &mut own);
        // Referred to from elsewhere, or itself referring to what contains it.
        if !referred.contains(id) && !own.contains("") {
            report(walk, &place.index(at), "dom-3", error, "a contained resource is referred to");
        }
    }
}

/// The ids of every `#id` in a tree; only strings of reference and URI elements begin so in practice, which is what counts here.
fn fragments<'v>(name: &str, value: &'v Value, found: &mut HashSet<&'v str>) {
    match value {
        Value::String(text) if !matches!(name, "div" | "display" | "text" | "data") => {
            found.extend(text.strip_prefix('#'));
        }
        Value::Array(items) => items.iter().for_each(|item| fragments(name, item, found)),
        Value::Object(map) => map.iter().for_each(|(name, value)| fragments(name, value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_list_agree() {
        let outside_the_table = ["dom-2", "dom-3", "dom-4", "dom-5", "ele-1", "ref-1"];
        let mut keys: HashSet<&str> = INVARIANTS.iter().map(|invariant| invariant.key).collect();
        keys.extend(outside_the_table);
        assert_eq!(keys, EVALUATED_INVARIANTS.iter().copied().collect());
        for (key, _) in UNEVALUATED_INVARIANTS {
            assert!(!keys.contains(key), "{key}");
        }
    }

    #[test]
    fn every_structure_of_the_table_exists() {
        for invariant in INVARIANTS {
            assert!(standards::structures().named(invariant.structure).is_some(), "{}", invariant.structure);
        }
    }
}
