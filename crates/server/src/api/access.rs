//! Who looked at a person: when, who, from where, why, what (调阅记录).

use std::collections::HashSet;

use model::{ErrorCode, Failure, Home, instant_text};
use serde_json::{Value, json};
use store::AuditRecord;
use trust::{AuditAction, Duty};

use super::lookup::{self, Institutions};
use super::only_parameters;
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::routes::Route;
use crate::visit::Visit;

/// The most events that one list shows.
const EVENTS_MAX: usize = 500;
/// Events read for it, of each registration: a resident's page left open asks some thousand times a day.
const EVENTS_READ_MAX: usize = 20_000;

/// `GET /api/v1/persons/{id}/access`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let homes = asked(visit)?;
    let tenant = visit.caller()?.tenant();
    let mut records: Vec<AuditRecord> = Vec::new();
    let mut is_cut = false;
    for home in &homes {
        let found = visit.app.store.audit().list_for(tenant, *home, None, EVENTS_READ_MAX);
        let found = found.map_err(|error| store_failure(&error))?;
        is_cut |= found.len() == EVENTS_READ_MAX;
        records.extend(found);
    }
    records.sort_by_key(|record| std::cmp::Reverse((record.event.at_ms, record.sequence)));
    records.dedup_by_key(|record| record.sequence);
    let asker = visit.asker()?.name.clone();
    once_a_day(&mut records, &asker);
    let truncated = is_cut || records.len() > EVENTS_MAX;
    records.truncate(EVENTS_MAX);
    let mut institutions = Institutions::default();
    let entries: Vec<Value> = records.iter().map(|record| entry(visit, record, &mut institutions)).collect();
    Ok(Answer::json(&json!({"entries": entries, "truncated": truncated})).disclosing(homes, records.len()))
}

/// A resident's page asks again every few seconds; what others did must not be pushed out by that. Of what the asker did, the
/// newest of a day and page is shown, and nothing of having asked who looked.
fn once_a_day(records: &mut Vec<AuditRecord>, asker: &str) {
    let mut seen: HashSet<(i64, String)> = HashSet::new();
    records.retain(|record| {
        let event = &record.event;
        let is_own = event.actor == asker;
        let mut is_first = || seen.insert((model::china::day_of(event.at_ms), event.route.clone()));
        !is_own || (event.action != AuditAction::AccessLogRead && is_first())
    });
}

/// The registrations asked about, if this caller may know who looked at them: an audit administrator may for everybody (and
/// sees no record), a resident for themselves, and a clinician who has a ground for the person.
fn asked(visit: &Visit) -> Result<Vec<Home>, Failure> {
    let nobody = || Failure::new(ErrorCode::NotFound, "no such person");
    if visit.has_duty(Duty::ReadAuditLog).is_ok() {
        let tenant = visit.caller()?.tenant();
        // Also of a registration that was deleted since.
        let known = visit.app.grounds.resident(tenant, visit.id())?;
        return Ok(known.map_or_else(|| vec![visit.records().registration(tenant, visit.id())], |it| it.registrations));
    }
    if visit.has_duty(Duty::ReadOwnAccessLog).is_err() {
        visit.has_duty(Duty::SeeWhoLooked)?;
    }
    let subject = lookup::subject(visit)?;
    if subject.disclosed.is_empty() { Err(nobody()) } else { Ok(subject.disclosed) }
}

fn entry(visit: &Visit, record: &AuditRecord, institutions: &mut Institutions) -> Value {
    let event = &record.event;
    let account = visit.app.store.accounts().by_name(event.tenant, &event.actor).ok().flatten();
    let (purpose_zh, purpose_en) = event.purpose.map(model::Purpose::words).unzip();
    json!({
        "at": instant_text(event.at_ms),
        "actor": event.actor,
        "display_name": account.map(|account| account.display_name),
        "role": event.role.map(trust::Role::code),
        "institution": event.institution,
        "institution_name": event.institution.as_deref().and_then(|code| institutions.name(visit, code)),
        "purpose": event.purpose.map(model::Purpose::code),
        "purpose_zh": purpose_zh,
        "purpose_en": purpose_en,
        "action": action(&event.route).unwrap_or_else(|| event.action.code()),
        "what": what(&event.route),
        "outcome": event.outcome,
        "reason": event.reason,
        "emergency": event.review,
        "ground": event.ground.as_deref().and_then(|ground| ground.split_once(' ')).map(|(rule, _)| rule),
        "request_id": event.request_id,
    })
}

/// The name of the route, which says more than the action: a summary is a search to the log.
fn action(route: &str) -> Option<&'static str> {
    Route::of_template(route).map(|route| route.name)
}

/// The type that was looked at, as far as the route says it.
fn what(route: &str) -> &str {
    let path = route.split_once(' ').map_or(route, |(_, path)| path);
    match path.strip_prefix("/fhir/R4/") {
        Some(rest) => rest.split('/').next().filter(|word| !word.starts_with(['_', '$', '{'])).unwrap_or_default(),
        None => "Person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_asker_did_does_not_push_out_what_others_did() {
        let look = |sequence: u64, actor: &str, route: &str, at_ms: i64| {
            let mut event =
                trust::AuditEvent::new(at_ms, "look", model::TenantId(1), AuditAction::Search, trust::Outcome::Success);
            (event.actor, event.route) = (actor.to_owned(), route.to_owned());
            AuditRecord { sequence, event }
        };
        let day_ms = model::china::DAY_MS;
        let mut records: Vec<AuditRecord> =
            (0..1_000).map(|at| look(at, "resident", "GET /api/v1/me", 2 * day_ms + at.cast_signed())).collect();
        records.push(look(1_000, "doctor", "GET /api/v1/persons/{id}/summary", 2 * day_ms));
        records.push(look(1_001, "doctor", "GET /api/v1/persons/{id}/summary", 2 * day_ms));
        records.push(look(1_002, "resident", "GET /api/v1/me", day_ms));
        once_a_day(&mut records, "resident");
        let left: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(left, [0, 1_000, 1_001, 1_002]);
    }

    #[test]
    fn a_route_says_what_was_looked_at() {
        assert_eq!(what("GET /fhir/R4/Observation/{id}"), "Observation");
        assert_eq!(what("POST /fhir/R4"), "Person");
        assert_eq!(what("GET /fhir/R4/_history"), "");
        assert_eq!(what("GET /api/v1/persons/{id}/summary"), "Person");
        assert_eq!(action("GET /api/v1/persons/{id}/summary"), Some("summary"));
        assert_eq!(action("GET /fhir/R4/Observation/{id}"), None);
    }
}
