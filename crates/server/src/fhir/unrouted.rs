//! What is asked for and does not exist. Unknown paths are audited like known ones: somebody is looking for something.

use model::{ErrorCode, Failure};

use crate::answer::Outcome;
use crate::visit::Visit;

/// A path that is not in the list.
pub async fn no_such_path(_visit: &Visit) -> Outcome {
    Err(Failure::new(ErrorCode::NotFound, "no such path; FHIR R4 is at /fhir/R4, the platform's own API at /api/v1"))
}

/// A method that the path does not have.
pub async fn no_such_method(_visit: &Visit) -> Outcome {
    Err(Failure::new(ErrorCode::MethodNotAllowed, "this path does not have this method"))
}
