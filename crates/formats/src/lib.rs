//! Bytes to FHIR JSON and back. A reader never fails on bad data: it returns what it could read and the issues it found.

pub mod cda;
pub mod fhir;
#[cfg(feature = "fhirpath")]
pub mod fhirpath;
pub mod history;
pub mod hl7v2;
pub mod national;
pub mod reading;
pub mod sniff;
pub mod table;
pub mod terminology;
pub mod text;
