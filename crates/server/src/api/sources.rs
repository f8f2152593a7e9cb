//! Sources (数据来源): who sends, and who may see what becomes of it.

use intake::Source;
use model::{ErrorCode, Failure};
use serde_json::{Value, json};
use trust::{Duty, Role};

use super::lookup::Institutions;
use super::only_parameters;
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// `GET /api/v1/sources`.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let caller = visit.has_duty(Duty::SeeReceipts)?;
    let sources = visit.app.road.sources().list(caller.tenant()).map_err(|error| store_failure(&error))?;
    let mine = sources.iter().filter(|source| concerns(visit, source));
    let shown: Vec<Value> = tokio::task::block_in_place(|| {
        let mut institutions = Institutions::default();
        mine.map(|source| line(visit, source, &mut institutions)).collect()
    });
    Ok(Answer::json(&json!({ "sources": shown })))
}

fn line(visit: &Visit, source: &Source, institutions: &mut Institutions) -> Value {
    json!({
        "name": source.name,
        "title": source.title,
        "institution": source.institution,
        "institution_name": institutions.name(visit, &source.institution),
        "is_enabled": source.is_enabled,
        "listen": source.listen.as_ref().map(|listen| listen.address.to_string()),
        "folder": source.folder.is_some(),
    })
}

/// Whether a source is the caller's matter: the account that delivers for it, the administrator of its institution, an operator.
pub fn concerns(visit: &Visit, source: &Source) -> bool {
    let Ok(caller) = visit.caller() else { return false };
    let actor = &caller.actor;
    match actor.role {
        Role::Machine => actor.name == source.account,
        Role::InstitutionAdministrator => actor.institution.as_deref() == Some(source.institution.as_str()),
        Role::PlatformOperator => true,
        _ => false,
    }
}

/// The source in the path, for a caller with this duty whose matter it is.
///
/// # Errors
/// `Forbidden`; `NotFound` also for a source that is somebody else's.
pub fn of_path(visit: &Visit, duty: Duty) -> Result<Source, Failure> {
    let caller = visit.has_duty(duty)?;
    let name = visit.part("source").unwrap_or_default();
    let found = visit.app.road.sources().get(caller.tenant(), name).map_err(|error| store_failure(&error))?;
    found
        .filter(|source| concerns(visit, source))
        .ok_or_else(|| Failure::new(ErrorCode::NotFound, "no such source, or it is not yours"))
}

/// Whether values are shown to this caller, or masked.
pub fn sees_values(visit: &Visit) -> bool {
    visit.caller().is_ok_and(|caller| caller.actor.role != Role::PlatformOperator)
}

/// A value whose first character alone is shown.
pub fn masked(text: &str) -> String {
    text.chars().enumerate().map(|(position, character)| if position == 0 { character } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_character_of_a_masked_value_is_left() {
        assert_eq!(masked("张三丰"), "张**");
        assert_eq!(masked(""), "");
    }
}
