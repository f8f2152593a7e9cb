//! Why the policy decides as it does, in both languages: for the one who asks.

use model::{ErrorCode, Failure};
use serde_json::{Value, json};
use trust::{Duty, Interaction};

use super::{only_parameters, parameter, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/authz/explain?interaction=&type=&person=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["interaction", "type", "person"])?;
    let caller = visit.has_duty(Duty::ExplainPolicy)?;
    let word = parameter(visit, "interaction").unwrap_or_else(|| "read".to_owned());
    let interaction = Interaction::ALL.into_iter().find(|known| known.code() == word).ok_or_else(|| {
        let known: Vec<_> = Interaction::ALL.map(Interaction::code).to_vec();
        Failure::new(ErrorCode::BadSearch, format!("unknown `interaction`; known: {}", known.join(", ")))
    })?;
    let type_name = parameter(visit, "type").unwrap_or_else(|| "Observation".to_owned());
    let decision = trust::decide(&caller.actor, interaction, &type_name, caller.purpose);
    let needs_ground = trust::needs_ground(&caller.actor);
    let ground = match parameter(visit, "person") {
        Some(id) if needs_ground => tokio::task::block_in_place(|| ground(visit, &id))?,
        _ => Value::Null,
    };
    let is_enough = !needs_ground || !ground.is_null() || parameter(visit, "person").is_none();
    let page = json!({
        "role": caller.actor.role.code(),
        "purpose": caller.purpose.code(),
        "interaction": interaction.code(),
        "type": type_name,
        "allow": decision.allow && is_enough,
        "rule": decision.rule,
        "zh": decision.zh,
        "en": decision.en,
        "obligations": decision.obligations,
        "needs_ground": needs_ground,
        "ground": ground,
        "no_ground": (!is_enough).then(|| json!({
            "rule": trust::policy::NO_GROUND.rule, "zh": trust::policy::NO_GROUND.zh, "en": trust::policy::NO_GROUND.en,
        })),
        "grounds": trust::policy::grounds_for(caller.actor.role, caller.purpose)
            .map(|rule| json!({"rule": rule.id, "kind": rule.kind.code(), "zh": rule.zh, "en": rule.en}))
            .collect::<Vec<_>>(),
    });
    Ok(Answer::json(&page))
}

fn ground(visit: &Visit, id: &str) -> Result<Value, Failure> {
    let caller = visit.caller()?;
    let Some(resident) = visit.app.grounds.resident(caller.actor.tenant, id)? else { return Ok(Value::Null) };
    let actor = visit.asker()?;
    let found = visit.app.grounds.for_person(actor, caller.purpose, &resident)?;
    Ok(found.map_or(Value::Null, |ground| {
        let mut words = summary::words_of(visit, &ground);
        words["found_in"] = ground.found_in.into();
        words
    }))
}
