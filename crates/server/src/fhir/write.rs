//! `create`, `update`, `patch` and `delete`, by id and by condition.

use records::Target;
use trust::Interaction;

use super::{feed, no_parameters};
use crate::answer::{Answer, Outcome};
use crate::negotiate::{RESOURCE_KINDS, sends};
use crate::visit::Visit;

/// The media types of a JSON Patch.
const PATCH_KINDS: &[&str] = &["application/json-patch+json"];

/// `POST /{type}`.
pub async fn create(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    sends(&visit.headers, RESOURCE_KINDS)?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Create, type_name)?;
    let written = visit.records().create(caller, type_name, &visit.body, &visit.write_options()).await?;
    Ok(Answer::written(visit, written))
}

/// `PUT /{type}/{id}`.
pub async fn update(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    put(visit, Target::Id(visit.id())).await
}

/// `PUT /{type}?condition`.
pub async fn update_where(visit: &Visit) -> Outcome {
    if let Some(feed) = feed::of_request(visit)? {
        return feed.put().await;
    }
    put(visit, Target::Condition(visit.query())).await
}

async fn put(visit: &Visit, target: Target<'_>) -> Outcome {
    sends(&visit.headers, RESOURCE_KINDS)?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Update, type_name)?;
    let written = visit.records().update(caller, type_name, target, &visit.body, &visit.write_options()).await?;
    Ok(Answer::written(visit, written))
}

/// `PATCH /{type}/{id}`.
pub async fn patch(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    apply(visit, Target::Id(visit.id())).await
}

/// `PATCH /{type}?condition`.
pub async fn patch_where(visit: &Visit) -> Outcome {
    apply(visit, Target::Condition(visit.query())).await
}

async fn apply(visit: &Visit, target: Target<'_>) -> Outcome {
    sends(&visit.headers, PATCH_KINDS)?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Update, type_name)?;
    let written = visit.records().patch(caller, type_name, target, &visit.body, &visit.write_options()).await?;
    Ok(Answer::written(visit, written))
}

/// `DELETE /{type}/{id}`.
pub async fn delete(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    remove(visit, Target::Id(visit.id())).await
}

/// `DELETE /{type}?condition`.
pub async fn delete_where(visit: &Visit) -> Outcome {
    remove(visit, Target::Condition(visit.query())).await
}

async fn remove(visit: &Visit, target: Target<'_>) -> Outcome {
    feed::refuse_removal(visit)?;
    let type_name = visit.type_name()?;
    let caller = visit.may(Interaction::Delete, type_name)?;
    let written = visit.records().delete(caller, type_name, target, &visit.write_options()).await?;
    Ok(Answer::written(visit, written))
}
