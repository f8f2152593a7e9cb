//! The rule book: what FHIR R4 says about the resources that the platform stores, as data that is embedded in the binary.
//!
//! The data comes from `standards/fhir-r4/` (made by `cargo xtask standards` from the definitions that HL7 publishes; see the
//! NOTICE there). It is parsed once, at first use, and shared for the life of the process.

pub mod cda;
pub mod cda_mapping;
pub mod elements;
pub mod front_page;
pub mod hl7v2;
pub mod icd10;
pub mod lists;
pub mod maps;
pub mod regions;
pub mod rules;
pub mod search;
pub mod structures;
pub mod summary;
pub mod tables;
pub mod units;
pub mod value_sets;

pub use search::{
    Base, Component, PATIENT_COMPARTMENT_TEXT, SEARCH_PARAMETERS_TEXT, SearchKind, SearchParameter,
    patient_compartment, search_parameters,
};
pub use structures::{Element, Kind, Primitive, Slot, Structure, StructureId, Structures, ValueSet, structures};
pub use summary::{required_elements, summary_elements};
