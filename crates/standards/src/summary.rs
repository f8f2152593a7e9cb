//! Which top-level elements of a resource `_summary` and `_elements` keep (FHIR R4 search, 3.1.1.5.8 and 3.1.1.5.9).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
struct Elements {
    required: Vec<String>,
    summary: Vec<String>,
}

static TYPES: LazyLock<BTreeMap<String, Elements>> =
    LazyLock::new(|| crate::search::embedded(include_str!("../../../standards/fhir-r4/summary-elements.json")));

/// JSON names of the elements that `_summary=true` keeps; a choice has one name per type. Empty for a type that is not stored.
#[must_use]
pub fn summary_elements(type_name: &str) -> &'static [String] {
    TYPES.get(type_name).map_or(&[], |elements| &elements.summary)
}

/// JSON names of the elements without which a resource of the type is not valid.
#[must_use]
pub fn required_elements(type_name: &str) -> &'static [String] {
    TYPES.get(type_name).map_or(&[], |elements| &elements.required)
}

#[cfg(test)]
mod tests {
    use model::TypeCode;

    use super::*;

    #[test]
    fn every_stored_type_has_a_summary() {
        for type_code in TypeCode::all() {
            assert!(summary_elements(type_code.name()).iter().any(|name| name == "meta"), "{type_code}");
        }
        assert!(required_elements("Observation").iter().any(|name| name == "status"));
        assert!(summary_elements("Observation").iter().any(|name| name == "valueQuantity"));
        assert!(!summary_elements("Patient").iter().any(|name| name == "photo"));
    }
}
