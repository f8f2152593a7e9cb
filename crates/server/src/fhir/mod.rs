//! `/fhir/R4`: FHIR R4 REST, one file per family of interactions. Handlers are four lines: typed path, who may, one call,
//! typed answer.

pub mod audit_log;
pub mod bundle;
pub mod everything;
pub mod feed;
pub mod history;
pub mod match_;
pub mod metadata;
pub mod pix;
pub mod read;
pub mod search;
pub mod unrouted;
pub mod validate;
pub mod write;

use model::{ErrorCode, Failure};

use crate::visit::Visit;

/// Heavy work gives up this thread's place in the runtime, so that short requests go on.
fn heavily<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// Refuses query parameters where the interaction has none: ignoring them would answer another question.
fn no_parameters(visit: &Visit) -> Result<(), Failure> {
    if visit.query().is_empty() {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::BadSearch, "this interaction takes no parameters but _format and _pretty"))
}
