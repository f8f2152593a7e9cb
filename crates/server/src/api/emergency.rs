//! Emergency access (紧急调阅) from the clinician's side: find somebody by an exact number or by name and birth date, and open the
//! record with a reason. What was opened is told to the resident and reviewed (see `reviews`).

use care::ReasonCode;
use model::{ErrorCode, Failure, Purpose};
use serde::Deserialize;
use trust::{Duty, GroundKind};

use super::{body, only_parameters, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    reason_code: ReasonCode,
    reason: String,
}

/// `POST /api/v1/persons/{id}/emergency`.
pub async fn open(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let actor = &visit.has_duty(Duty::OpenEmergency)?.actor;
    let opening: Opening = body(visit)?;
    let rule = trust::policy::grounds_for(actor.role, Purpose::EmergencyTreatment)
        .find(|rule| rule.kind == GroundKind::Emergency)
        .ok_or_else(|| visit.denied(&trust::policy::NO_GROUND))?;
    tokio::task::block_in_place(|| {
        let grounds = &visit.app.grounds;
        let nobody = || Failure::new(ErrorCode::NotFound, "no such person");
        let resident = grounds.resident(actor.tenant, visit.id())?.ok_or_else(nobody)?;
        let registration = *resident.registrations.first().ok_or_else(nobody)?;
        let stated = (opening.reason_code, opening.reason.as_str());
        let now_ms = visit.app.now_ms();
        let (id, emergency) = grounds.emergencies.open(actor, registration, stated, now_ms, rule.minutes)?;
        visit.trail.lock().reason = Some(emergency.reason.clone());
        visit.trail.lock().must_review = true;
        let ground = care::Ground {
            rule,
            found_in: format!("emergency {id}"),
            registration,
            until_ms: Some(emergency.until_ms),
            reason: Some(emergency.reason),
        };
        Ok(Answer::json(&summary::words_of(visit, &ground)).disclosing(resident.registrations, 0))
    })
}
