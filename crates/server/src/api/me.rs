//! A resident's own page: oneself, the family members whom one acts for, and what one must be told.

use care::Resident;
use model::{Failure, Purpose, instant_text};
use serde_json::{Value, json};
use trust::{Duty, GroundKind};

use super::lookup::{self, Institutions};
use super::{only_parameters, summary};
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// Emergency accesses of so many days are told on the first page; all of them stay in the list of who looked.
const NOTICE_DAYS: i64 = 30;
/// Audit events looked at for notices.
const EVENTS_MAX: usize = 500;

/// `GET /api/v1/me`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    visit.has_duty(Duty::ReadOwnAccessLog)?;
    let actor = visit.asker()?;
    let mut institutions = Institutions::default();
    let (mut persons, mut notices, mut disclosed, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ground in visit.app.grounds.of(actor, Purpose::PersonRequest)? {
        let resident = visit.app.grounds.resident_of(actor.tenant, ground.registration)?;
        let Some(subject) = lookup::subject_of(visit, ground.registration)? else { continue };
        if ids.contains(&subject.id) {
            continue;
        }
        ids.push(subject.id.clone());
        let proxy = actor.proxies.iter().find(|proxy| proxy.registration == ground.registration);
        let relation = match (ground.rule.kind, proxy) {
            (GroundKind::Proxy, Some(proxy)) => proxy.relation.code(),
            _ => "self",
        };
        let person = summary::person(visit, &subject, &mut institutions);
        notices.extend(told(visit, &resident, &person, &mut institutions)?);
        persons.push(json!({"person": person, "relation": relation, "until": ground.until_ms.map(instant_text)}));
        disclosed.extend(subject.disclosed);
    }
    let count = persons.len();
    Ok(Answer::json(&json!({"persons": persons, "notices": notices})).disclosing(disclosed, count))
}

/// Emergency accesses to somebody's record, newest first.
fn told(
    visit: &Visit,
    resident: &Resident,
    person: &Value,
    institutions: &mut Institutions,
) -> Result<Vec<Value>, Failure> {
    let tenant = visit.caller()?.tenant();
    let since_ms = visit.app.now_ms() - NOTICE_DAYS * 24 * 60 * 60 * 1000;
    let mut notices = Vec::new();
    for home in resident.registrations.iter().take(1) {
        let events = visit.app.store.audit().list_for(tenant, *home, None, EVENTS_MAX);
        for record in events.map_err(|error| store_failure(&error))? {
            let event = record.event;
            if event.action != trust::AuditAction::EmergencyOpened || event.at_ms < since_ms {
                continue;
            }
            let account = visit.app.store.accounts().by_name(tenant, &event.actor).ok().flatten();
            let name = account.map_or(event.actor.clone(), |account| account.display_name);
            let reason = event.reason.unwrap_or_default();
            notices.push(json!({
                "at": instant_text(event.at_ms),
                "kind": "emergency-access",
                "zh": format!("{name} 因“{reason}”紧急调阅了您的健康档案，平台将于次日复核。"),
                "en": format!("{name} opened this record in an emergency (\u{201c}{reason}\u{201d}); it will be reviewed the next day."),
                "actor": name,
                "reason": reason,
                "institution": event.institution,
                "institution_name": event.institution.as_deref().and_then(|code| institutions.name(visit, code)),
                "person": person["id"],
            }));
        }
    }
    Ok(notices)
}
