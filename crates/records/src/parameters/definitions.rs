//! The definitions that parameters are compiled from: as they are in the rule book, or as they were kept beside an index.

use std::collections::BTreeMap;

use serde::Deserialize;
use standards::SearchParameter;

use super::custom::{Customs, Failures};

/// Search parameters and the patient compartment, as data.
#[derive(Debug, Clone)]
pub struct Definitions {
    pub(super) parameters: Vec<SearchParameter>,
    pub(super) compartment: BTreeMap<String, Vec<String>>,
    pub(super) custom: Customs,
    pub(crate) failures: Failures,
    text: String,
}

/// Text that is no set of definitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a set of search parameters: {0}")]
pub struct NotDefinitions(String);

impl Definitions {
    /// Those of the rule book in this program.
    #[must_use]
    pub fn built_in() -> Self {
        let (parameters, compartment) = (standards::SEARCH_PARAMETERS_TEXT, standards::PATIENT_COMPARTMENT_TEXT);
        Self {
            parameters: standards::search_parameters().to_vec(),
            compartment: standards::patient_compartment().clone(),
            custom: Customs::default(),
            failures: Failures::default(),
            text: format!("{{\"parameters\":{parameters},\"compartment\":{compartment}}}"),
        }
    }

    /// Reads `{"parameters": […], "compartment": {…}}`, the two files of `standards/fhir-r4/` in one object; `"custom"` besides, when
    /// tenants have parameters of their own.
    ///
    /// # Errors
    /// [`NotDefinitions`] says where it is something else.
    pub fn read(text: &str) -> Result<Self, NotDefinitions> {
        #[derive(Deserialize)]
        struct Both {
            parameters: Vec<SearchParameter>,
            compartment: BTreeMap<String, Vec<String>>,
            #[serde(default)]
            custom: Customs,
        }
        let both: Both = serde_json::from_str(text).map_err(|error| NotDefinitions(error.to_string()))?;
        let Both { parameters, compartment, custom } = both;
        Ok(Self { parameters, compartment, custom, failures: Failures::default(), text: text.to_owned() })
    }

    /// The same, with the parameters of tenants.
    pub(crate) fn with_custom(&self, custom: Customs) -> Self {
        let mut with = self.clone();
        if let (Some(open), Ok(custom)) = (self.text.trim_end().strip_suffix('}'), serde_json::to_string(&custom)) {
            with.text = format!("{open},\"custom\":{custom}}}");
        }
        with.custom = custom;
        with
    }

    /// The same, counting failures where `other` counts them.
    pub(crate) fn counting_with(mut self, other: &Self) -> Self {
        self.failures = other.failures.clone();
        self
    }

    /// The text that [`Definitions::read`] reads.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
