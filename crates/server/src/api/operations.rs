//! How the feeds do (运行总览): per source the last message, lag, and what today brought; the last hour minute by minute.

use intake::{Outcome as Ended, Source};
use model::china;
use model::{Failure, TenantId, instant_text};
use serde_json::{Value, json};
use trust::Duty;

use super::lookup::Institutions;
use super::only_parameters;
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// Receipts looked at per source; a day of a large hospital has more, and then the counts say "at least".
const RECEIPTS_MAX: usize = 20_000;
/// Receipts read at a time.
const PAGE_MAX: usize = 500;
const MINUTES: usize = 60;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;

/// `GET /api/v1/operations`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let tenant = visit.has_duty(Duty::OperatePlatform)?.tenant();
    tokio::task::block_in_place(|| {
        let now_ms = visit.app.now_ms();
        let sources = visit.app.road.sources().list(tenant).map_err(|error| store_failure(&error))?;
        let mut institutions = Institutions::default();
        let mut minutes = vec![(0_u64, 0_u64); MINUTES];
        let mut lines = Vec::new();
        for source in &sources {
            lines.push(line(visit, tenant, source, now_ms, &mut minutes, &mut institutions)?);
        }
        let hour_ms = now_ms.div_euclid(MINUTE_MS) * MINUTE_MS - HOUR_MS + MINUTE_MS;
        let minutes: Vec<Value> = minutes
            .iter()
            .zip(0_i64..)
            .map(|((messages, records), at)| {
                json!({"at": instant_text(hour_ms + at * MINUTE_MS), "messages": messages, "records": records})
            })
            .collect();
        let page = json!({
            "now": instant_text(now_ms),
            "started": instant_text(visit.app.started_ms),
            "version": env!("CARGO_PKG_VERSION"),
            "sources": lines,
            "minutes": minutes,
            "sessions": visit.app.sessions.len(),
            "audit_events": visit.app.store.audit().size(tenant).map_err(|error| store_failure(&error))?,
        });
        Ok(Answer::json(&page))
    })
}

#[derive(Default)]
struct Today {
    messages: u64,
    records: u64,
    set_aside: u64,
    issues: u64,
    is_at_least: bool,
}

fn line(
    visit: &Visit,
    tenant: TenantId,
    source: &Source,
    now_ms: i64,
    minutes: &mut [(u64, u64)],
    institutions: &mut Institutions,
) -> Result<Value, Failure> {
    let day_begins_ms = china::begin_ms(china::day_of(now_ms));
    let (mut today, mut last_ms, mut after, mut seen) = (Today::default(), None, None, 0);
    'receipts: loop {
        let page = visit.app.road.receipts(tenant, source, after, PAGE_MAX)?;
        let is_last = page.len() < PAGE_MAX;
        for receipt in &page {
            last_ms = last_ms.or(Some(receipt.received_ms));
            if receipt.received_ms < day_begins_ms && now_ms - receipt.received_ms > HOUR_MS {
                break 'receipts;
            }
            let records = receipt.counts.accepted;
            if receipt.received_ms >= day_begins_ms {
                today.messages += 1;
                today.records += records;
                today.set_aside += receipt.counts.set_aside + u64::from(receipt.outcome == Ended::SetAside);
                today.issues += receipt.findings.len() as u64;
            }
            let minutes_ago = (now_ms.div_euclid(MINUTE_MS) - receipt.received_ms.div_euclid(MINUTE_MS)).max(0);
            if let Some(minute) = usize::try_from(minutes_ago)
                .ok()
                .and_then(|ago| minutes.len().checked_sub(ago + 1))
                .and_then(|at| minutes.get_mut(at))
            {
                minute.0 += 1;
                minute.1 += records;
            }
        }
        seen += page.len();
        after = page.last().map(|receipt| receipt.id);
        if is_last {
            break;
        }
        if seen >= RECEIPTS_MAX {
            today.is_at_least = true;
            break;
        }
    }
    Ok(json!({
        "id": source.name,
        "name": source.title,
        "institution": source.institution,
        "institution_name": institutions.name(visit, &source.institution),
        "enabled": source.is_enabled,
        "last_message_at": last_ms.map(instant_text),
        "lag_seconds": last_ms.map(|last_ms| (now_ms - last_ms).max(0) / 1000),
        "messages_today": today.messages,
        "records_today": today.records,
        "set_aside_today": today.set_aside,
        "issues_today": today.issues,
        "at_least": today.is_at_least,
        "door": {"listen": source.listen.as_ref().map(|listen| listen.address.to_string()), "folder": source.folder.is_some()},
    }))
}
