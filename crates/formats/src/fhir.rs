//! FHIR R4 JSON: reading, checking, patching, and the small grammars inside it (dates, decimals, references).
//!
//! Clinical content lives in the platform as `serde_json::Value` with lossless decimals; there are no typed FHIR models. Every
//! function here is pure. Readers and checks return issues and never panic, whatever the bytes are.

pub mod date;
pub mod decimal;
pub mod domains;
pub mod message;
pub mod reference;

mod binding;
mod check;
mod grammar;
mod invariants;
mod link;
mod narrative;
mod outcome;
mod patch;
mod path;
mod reader;
mod rules;
mod validate;

pub use check::check_basic;
pub use invariants::{EVALUATED_INVARIANTS, UNEVALUATED_INVARIANTS};
pub use outcome::{Language, failure_outcome, outcome};
pub use patch::{PATCH_OPERATIONS_MAX, apply_json_patch};
pub use reader::{BYTES_MAX, DEPTH_MAX, read, read_json};
pub use rules::{Rule, rule};
pub use validate::validate;
