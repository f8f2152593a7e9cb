//! The audit log (审计日志) as its administrator reads it: newest first, without a value of any record.

use model::{ErrorCode, Failure, instant_text};
use serde_json::{Value, json};
use store::AuditRecord;
use trust::Duty;

use super::lookup::Institutions;
use super::{only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// Events of a page.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;
/// Events looked at for one page; a page that finds few says where to go on.
const LOOKED_AT_MAX: u64 = 20_000;
/// Events read at a time.
const READ_AT_A_TIME: u64 = 500;

/// What is looked for.
struct Wanted {
    from_ms: Option<i64>,
    until_ms: Option<i64>,
    actor: Option<String>,
    action: Option<String>,
    only_review: bool,
}

/// `GET /api/v1/audit?from=&until=&actor=&action=&review=&limit=&before=`.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &["from", "until", "actor", "action", "review", "limit", "before"])?;
    let tenant = visit.has_duty(Duty::ReadAuditLog)?.tenant();
    let limit = match parameter(visit, "limit").map(|text| text.parse::<usize>()) {
        None => PAGE_DEFAULT,
        Some(Ok(limit @ 1..=PAGE_MAX)) => limit,
        Some(_) => return Err(Failure::new(ErrorCode::BadSearch, format!("`limit` is a number from 1 to {PAGE_MAX}"))),
    };
    let wanted = Wanted {
        from_ms: time(visit, "from")?,
        until_ms: time(visit, "until")?,
        actor: parameter(visit, "actor"),
        action: parameter(visit, "action"),
        only_review: parameter(visit, "review").is_some_and(|it| it == "true"),
    };
    let before = match parameter(visit, "before").map(|text| text.parse::<u64>()) {
        None => None,
        Some(Ok(before)) => Some(before),
        Some(Err(_)) => return Err(Failure::new(ErrorCode::BadPage, "`before` is what `next` said")),
    };
    tokio::task::block_in_place(|| {
        let log = visit.app.store.audit();
        let mut high = before.unwrap_or(log.size(tenant).map_err(|error| store_failure(&error))?);
        let floor = high.saturating_sub(LOOKED_AT_MAX);
        let mut found: Vec<AuditRecord> = Vec::new();
        while high > floor && found.len() <= limit {
            let low = high.saturating_sub(READ_AT_A_TIME).max(floor);
            let read = usize::try_from(high - low).unwrap_or(usize::MAX);
            let events = log.events(tenant, low, read).map_err(|error| store_failure(&error))?;
            found.extend(events.into_iter().rev().filter(|record| wanted.takes(record)));
            high = low;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(|record| record.sequence) } else { (high > 0).then_some(high) };
        let mut institutions = Institutions::default();
        let events: Vec<Value> = found.iter().map(|record| line(visit, record, &mut institutions)).collect();
        Ok(Answer::json(&json!({"events": events, "next": next.map(|it| it.to_string())})))
    })
}

impl Wanted {
    fn takes(&self, record: &AuditRecord) -> bool {
        let event = &record.event;
        self.from_ms.is_none_or(|from_ms| event.at_ms >= from_ms)
            && self.until_ms.is_none_or(|until_ms| event.at_ms < until_ms)
            && self.actor.as_ref().is_none_or(|actor| event.actor == *actor)
            && self.action.as_ref().is_none_or(|action| event.action.code() == action)
            && (!self.only_review || event.review)
    }
}

/// A time, or a day in China.
fn time(visit: &Visit, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = parameter(visit, name) else { return Ok(None) };
    let whole = if text.len() == 10 { format!("{text}T00:00:00+08:00") } else { text };
    let at: Result<jiff::Timestamp, _> = whole.parse();
    let at = at.map_err(|_| {
        Failure::new(ErrorCode::BadSearch, format!("`{name}` is a day (2026-11-22) or a time (2026-11-22T08:00:00Z)"))
    })?;
    Ok(Some(at.as_millisecond()))
}

fn line(visit: &Visit, record: &AuditRecord, institutions: &mut Institutions) -> Value {
    let event = &record.event;
    let account = visit.app.store.accounts().by_name(event.tenant, &event.actor).ok().flatten();
    json!({
        "sequence": record.sequence,
        "at": instant_text(event.at_ms),
        "actor": event.actor,
        "display_name": account.map(|account| account.display_name),
        "role": event.role.map(trust::Role::code),
        "institution": event.institution,
        "institution_name": event.institution.as_deref().and_then(|code| institutions.name(visit, code)),
        "action": event.action.code(),
        "action_zh": event.action.zh(),
        "action_en": event.action.en(),
        "what": event.route,
        "outcome": event.outcome,
        "status": event.status,
        "purpose": event.purpose.map(model::Purpose::code),
        "rule": event.rule,
        "ground": event.ground,
        "persons_count": event.disclosed.len(),
        "resources": event.resources,
        "emergency": event.review,
        "reason": event.reason,
        "remote": event.remote,
        "request_id": event.request_id,
        "detail": event.detail,
    })
}
