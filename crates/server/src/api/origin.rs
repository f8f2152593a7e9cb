//! Where a fact comes from (查看原文): the message that said it, as it was sent. Whoever may read the fact may see the part of the
//! message that it was read from; a message about several registrations is never shown as a whole.

use model::{ErrorCode, Failure};
use serde_json::{Value, json};
use trust::Interaction;

use super::only_parameters;
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/origin/{type}/{id}`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Read, type_name)?;
    let document = visit.records().read(caller, type_name, visit.id())?;
    let resource: Value = serde_json::from_slice(&document.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
    let source = resource["meta"]["source"].as_str().and_then(|source| source.strip_prefix("urn:kangmai:message:"));
    let Some((original, path)) = source.and_then(|source| source.split_once('#')) else {
        return Err(Failure::new(ErrorCode::NotFound, "this resource did not come in a message"));
    };
    let home = document.key.home;
    let excerpt = tokio::task::block_in_place(|| visit.app.road.excerpt(caller.tenant(), original, path, home))?;
    let page = json!({
        "original": original,
        "path": path,
        "form": excerpt.form.map(intake::Form::code),
        "is_whole": excerpt.is_whole,
        "text": excerpt.text,
        "html": excerpt.html,
    });
    Ok(Answer::json(&page).disclosing(document.disclosed, 1))
}
