//! Bytes to FHIR JSON and back. A reader never fails on bad data: it returns what it could read and the issues it found.

pub mod fhir;
#[cfg(feature = "fhirpath")]
pub mod fhirpath;
