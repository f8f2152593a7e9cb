//! Search parameters of FHIR R4 and the Patient compartment, for the types in [`model::TypeCode`].
//!
//! Parameters without an expression (`_text`, `_content`, `_query`) and those that are part of the protocol rather than of a
//! resource (`_has`, `_type`, `_filter`, `_list`) are not in the list.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What a search parameter compares (`SearchParameter.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchKind {
    /// A number.
    Number,
    /// A date, a moment or a period.
    Date,
    /// Text, compared without case from its beginning.
    String,
    /// A code, an identifier or a boolean.
    Token,
    /// A reference to another resource.
    Reference,
    /// Several other parameters on the same element.
    Composite,
    /// A number with its unit.
    Quantity,
    /// A URI, compared exactly.
    Uri,
    /// A position (`Location?near=`), which has its own rules.
    Special,
}

/// One search parameter. The same code may appear several times, each time for other base types.
#[derive(Debug, Clone, Deserialize)]
pub struct SearchParameter {
    /// Stable number of the code, used in index keys: one per code, never given to another code.
    pub number: u16,
    /// The name in the query string, such as `birthdate`.
    pub code: String,
    /// What it compares.
    pub kind: SearchKind,
    /// The types that it searches, with the paths for each.
    pub bases: Vec<Base>,
    /// Types that a reference may point to, as the standard lists them (also types that are not stored here);
    /// `["Resource"]` when it may be any. Empty unless `kind` is a reference.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The parts of a composite, in the order of the values between `$`. Empty unless `kind` is composite.
    #[serde(default)]
    pub components: Vec<Component>,
}

impl SearchParameter {
    /// The paths for a resource type: its own, or those of `Resource` and `DomainResource`; empty when the parameter is not for the type.
    #[must_use]
    pub fn paths(&self, type_name: &str) -> &[String] {
        let own = self.bases.iter().find(|base| base.type_name == type_name);
        let inherited =
            || self.bases.iter().find(|base| matches!(base.type_name.as_str(), "Resource" | "DomainResource"));
        own.or_else(inherited).map_or(&[], |base| &base.paths)
    }
}

/// A type that a parameter searches.
#[derive(Debug, Clone, Deserialize)]
pub struct Base {
    /// `Patient`, or `Resource` for parameters of every type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `FHIRPath` expressions that begin with the type name (perhaps in parentheses); the values are their union.
    pub paths: Vec<String>,
}

/// A part of a composite parameter.
#[derive(Debug, Clone, Deserialize)]
pub struct Component {
    /// The code of the parameter that says how this part is compared; it exists for the same base type.
    pub code: String,
    /// `FHIRPath` expressions relative to each node that the composite's own paths select; the values are their union.
    pub paths: Vec<String>,
}

/// The search parameters as they are embedded: a JSON list of [`SearchParameter`].
pub const SEARCH_PARAMETERS_TEXT: &str = include_str!("../../../standards/fhir-r4/search-parameters.json");

/// The compartment as it is embedded: a JSON object, see [`patient_compartment`].
pub const PATIENT_COMPARTMENT_TEXT: &str = include_str!("../../../standards/fhir-r4/compartment-patient.json");

/// Every search parameter, ordered by code.
#[must_use]
pub fn search_parameters() -> &'static [SearchParameter] {
    static PARAMETERS: LazyLock<Vec<SearchParameter>> = LazyLock::new(|| embedded(SEARCH_PARAMETERS_TEXT));
    &PARAMETERS
}

/// For each type the codes of the reference parameters that put a resource into a Patient's compartment. A type that is missing
/// is never in one; a Patient is in its own besides.
#[must_use]
pub fn patient_compartment() -> &'static BTreeMap<String, Vec<String>> {
    static COMPARTMENT: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| embedded(PATIENT_COMPARTMENT_TEXT));
    &COMPARTMENT
}

#[expect(clippy::unwrap_used, reason = "the text is part of the binary and every test of this module parses it")]
pub(crate) fn embedded<T: for<'de> Deserialize<'de>>(text: &'static str) -> T {
    serde_json::from_str(text).unwrap()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use model::TypeCode;

    use super::*;

    fn find(type_name: &str, code: &str) -> Option<&'static SearchParameter> {
        search_parameters().iter().find(|parameter| parameter.code == code && !parameter.paths(type_name).is_empty())
    }

    #[test]
    fn numbers_and_codes_correspond() {
        let mut code_of: HashMap<u16, &str> = HashMap::new();
        let mut number_of: HashMap<&str, u16> = HashMap::new();
        for parameter in search_parameters() {
            assert_eq!(*code_of.entry(parameter.number).or_insert(&parameter.code), parameter.code);
            assert_eq!(*number_of.entry(&parameter.code).or_insert(parameter.number), parameter.number);
        }
        // Numbers are in the keys of every data folder: these must never change.
        let frozen =
            [("_id", 1), ("_lastUpdated", 2), ("birthdate", 37), ("subject", 213), ("code", 46), ("identifier", 111)];
        for (code, number) in frozen {
            assert_eq!(number_of.get(code), Some(&number), "{code}");
        }
    }

    #[test]
    fn every_type_and_code_has_one_definition() {
        for type_code in TypeCode::all() {
            let mut seen = HashMap::new();
            for parameter in
                search_parameters().iter().filter(|parameter| !parameter.paths(type_code.name()).is_empty())
            {
                assert!(seen.insert(&parameter.code, ()).is_none(), "{type_code}.{} twice", parameter.code);
            }
        }
    }

    #[test]
    fn composites_and_compartments_name_parameters_that_exist() {
        for parameter in search_parameters() {
            assert_eq!(parameter.kind == SearchKind::Composite, !parameter.components.is_empty(), "{}", parameter.code);
            assert_eq!(parameter.kind == SearchKind::Reference, !parameter.targets.is_empty(), "{}", parameter.code);
            for base in &parameter.bases {
                assert!(
                    ["Resource", "DomainResource"].contains(&base.type_name.as_str())
                        || TypeCode::of(&base.type_name).is_ok()
                );
                for component in &parameter.components {
                    assert!(find(&base.type_name, &component.code).is_some(), "{} {}", parameter.code, component.code);
                }
            }
        }
        for (type_name, codes) in patient_compartment() {
            for code in codes {
                assert_eq!(
                    find(type_name, code).map(|found| found.kind),
                    Some(SearchKind::Reference),
                    "{type_name} {code}"
                );
            }
        }
        assert_eq!(patient_compartment()["Observation"], ["subject", "performer"]);
    }
}
