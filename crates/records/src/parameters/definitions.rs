//! The definitions that parameters are compiled from: as they are in the rule book, or as they were kept beside an index.

use std::collections::BTreeMap;

use serde::Deserialize;
use standards::SearchParameter;

/// Search parameters and the patient compartment, as data.
#[derive(Debug, Clone)]
pub struct Definitions {
    pub(super) parameters: Vec<SearchParameter>,
    pub(super) compartment: BTreeMap<String, Vec<String>>,
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
            text: format!("{{\"parameters\":{parameters},\"compartment\":{compartment}}}"),
        }
    }

    /// Reads `{"parameters": […], "compartment": {…}}`, the two files of `standards/fhir-r4/` in one object.
    ///
    /// # Errors
    /// [`NotDefinitions`] says where it is something else.
    pub fn read(text: &str) -> Result<Self, NotDefinitions> {
        #[derive(Deserialize)]
        struct Both {
            parameters: Vec<SearchParameter>,
            compartment: BTreeMap<String, Vec<String>>,
        }
        let both: Both = serde_json::from_str(text).map_err(|error| NotDefinitions(error.to_string()))?;
        Ok(Self { parameters: both.parameters, compartment: both.compartment, text: text.to_owned() })
    }

    /// The text that [`Definitions::read`] reads.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
