//! `Patient/{id}/$everything`.

use model::{ErrorCode, Failure};
use trust::Interaction;

use super::heavily;
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /Patient/{id}/$everything`.
pub async fn show(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    if type_name != "Patient" {
        return Err(Failure::new(ErrorCode::NotSupported, "$everything is answered for Patient only"));
    }
    let caller = visit.may(Interaction::Read, type_name)?;
    let page = heavily(|| visit.records().everything(caller, visit.id(), visit.query()))?;
    Ok(Answer::page(page))
}
