//! The next day's review of emergency accesses (次日复核), by somebody who was not there.

use care::{Emergency, EmergencyId, ReviewState};
use model::china;
use model::{ErrorCode, Failure, instant_text};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::Duty;

use super::lookup::{self, Institutions};
use super::{body, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// Looks counted per emergency: what somebody sees within an hour.
const LOOKS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    status: ReviewState,
    note: Option<String>,
}

/// `GET /api/v1/reviews?day=`: what nobody has reviewed yet, of all days and the oldest first; or everything opened on a day.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &["day"])?;
    let tenant = visit.has_duty(Duty::ReviewEmergencies)?.tenant();
    let not_a_day = || Failure::new(ErrorCode::BadSearch, "`day` is a day, like 2026-11-22");
    let day = parameter(visit, "day").map(|text| china::begin_of_text_ms(&text).ok_or_else(not_a_day)).transpose()?;
    tokio::task::block_in_place(|| {
        let emergencies = &visit.app.grounds.emergencies;
        let listed = match day {
            Some(day) => emergencies.of_day(tenant, day)?,
            None => emergencies.unreviewed(tenant)?,
        };
        let (mut reviews, mut institutions) = (Vec::new(), Institutions::default());
        for (id, emergency) in &listed.found {
            reviews.push(line(visit, *id, emergency, &mut institutions)?);
        }
        Ok(Answer::json(&json!({"reviews": reviews, "truncated": listed.truncated})))
    })
}

/// `POST /api/v1/reviews/{review}`.
pub async fn decide(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let reviewer = &visit.has_duty(Duty::ReviewEmergencies)?.actor;
    let Verdict { status, note } = body(visit)?;
    let id: EmergencyId = visit.part("review").unwrap_or_default().parse()?;
    let emergency = tokio::task::block_in_place(|| {
        visit.app.grounds.emergencies.review(reviewer, id, (status, note), visit.app.now_ms())
    })?;
    let shown = tokio::task::block_in_place(|| line(visit, id, &emergency, &mut Institutions::default()))?;
    Ok(Answer::json(&shown))
}

fn line(
    visit: &Visit,
    id: EmergencyId,
    emergency: &Emergency,
    institutions: &mut Institutions,
) -> Result<Value, Failure> {
    let tenant = visit.caller()?.tenant();
    let store = &visit.app.store;
    let account = store.accounts().by_name(tenant, &emergency.account).map_err(|error| store_failure(&error))?;
    let resident = visit.app.grounds.resident_of(tenant, emergency.registration)?;
    let events = store.audit().list_for(tenant, emergency.registration, None, LOOKS_MAX);
    let events = events.map_err(|error| store_failure(&error))?;
    let is_look = |event: &trust::AuditEvent| {
        event.actor == emergency.account
            && event.review
            && (emergency.at_ms..emergency.until_ms).contains(&event.at_ms)
            && event.action != trust::AuditAction::EmergencyOpened
    };
    let looks = events.iter().filter(|record| is_look(&record.event)).count();
    let name = lookup::masked_identity(visit, emergency.registration)?["name"].clone();
    Ok(json!({
        "id": id.to_string(),
        "at": instant_text(emergency.at_ms),
        "until": instant_text(emergency.until_ms),
        "actor": emergency.account,
        "display_name": account.as_ref().map(|account| &account.display_name),
        "staff_number": account.as_ref().and_then(|account| account.staff_number.as_ref()),
        "institution": emergency.institution,
        "institution_name": emergency.institution.as_deref().and_then(|code| institutions.name(visit, code)),
        "person": {"id": resident.id(visit.records(), tenant), "name_masked": name},
        "reason_code": emergency.reason_code,
        "reason": emergency.reason,
        "looks": looks,
        "status": emergency.state,
        "note": emergency.note,
        "reviewed_by": emergency.reviewed.as_ref().map(|(by, _)| by),
        "reviewed_at": emergency.reviewed.as_ref().map(|(_, at_ms)| instant_text(*at_ms)),
    }))
}
