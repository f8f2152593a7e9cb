//! A resident's own page: oneself, the family members whom one acts for, and what one must be told.

use care::Resident;
use model::{Failure, Purpose, instant_text};
use serde_json::{Value, json};
use trust::{Duty, GroundKind};

use super::lookup::{self, Institutions};
use super::{only_parameters, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Emergency accesses of so many days are told on the first page; all of them stay in the list of who looked.
const NOTICE_DAYS: i64 = 30;

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
    // From the list of emergencies, not from the tail of the log: what the resident's own page asks is in there, too.
    let opened = visit.app.grounds.emergencies.to_registrations(tenant, &resident.registrations, since_ms)?;
    let mut notices = Vec::new();
    for (_, emergency) in opened.found.into_iter().rev() {
        let account = visit.app.store.accounts().by_name(tenant, &emergency.account).ok().flatten();
        let name = account.map_or(emergency.account, |account| account.display_name);
        let reason = emergency.reason;
        notices.push(json!({
            "at": instant_text(emergency.at_ms),
            "kind": "emergency-access",
            "zh": format!("{name} 因“{reason}”紧急调阅了您的健康档案，平台将于次日复核。"),
            "en": format!("{name} opened this record in an emergency (\u{201c}{reason}\u{201d}); it will be reviewed the next day."),
            "actor": name,
            "reason": reason,
            "institution": emergency.institution,
            "institution_name": emergency.institution.as_deref().and_then(|code| institutions.name(visit, code)),
            "person": person["id"],
        }));
    }
    Ok(notices)
}
