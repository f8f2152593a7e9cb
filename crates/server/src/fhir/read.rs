//! `read` and `vread`.

use trust::Interaction;

use super::{audit_log, no_parameters};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /{type}/{id}`.
pub async fn current(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    let type_name = visit.type_name()?;
    if audit_log::is_asked(visit, type_name)
        && let Some(event) = audit_log::read(visit)
    {
        return event;
    }
    let caller = visit.may(Interaction::Read, type_name)?;
    let document = visit.records().read(caller, type_name, visit.id())?;
    Ok(Answer::document(visit, document))
}

/// `GET /{type}/{id}/_history/{version}`.
pub async fn version(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Read, type_name)?;
    let document = visit.records().vread(caller, type_name, visit.id(), visit.part("version").unwrap_or_default())?;
    Ok(Answer::document(visit, document))
}
