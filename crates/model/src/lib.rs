//! The nouns of Kangmai that FHIR has no word for, and the small traits that cross rooms.
//!
//! Invariant: no I/O, no async, no knowledge of HTTP, FHIR JSON or storage. Everything here is plain data
//! that any other room may hold.

pub mod china;
mod clock;
mod element;
mod error;
mod ids;
mod issue;
mod purpose;

pub use clock::{Clock, FixedClock, SystemClock, instant_from_ms, instant_text};
pub use element::Element;
pub use error::{ErrorCode, Failure};
pub use ids::{Home, Number, ResourceKey, Rid, TenantId, TypeCode, UnknownType};
pub use issue::{Issue, Severity};
pub use purpose::{Purpose, UnknownPurpose};
