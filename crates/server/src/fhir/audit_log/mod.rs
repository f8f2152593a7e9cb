//! The platform's own audit log as FHIR `AuditEvent` (ADR 0010): read and search for whoever has the duty to read the log. The resources
//! are made from the log's rows when they are asked for; nothing is stored twice, and what clients deposit as `AuditEvent` stays with
//! their records.

mod event;

use axum::http::StatusCode;
use model::{ErrorCode, Failure, Home, TypeCode};
use records::matching::{Modifier, QueryValue, answers, split_values};
use records::parameters::{Computed, Kind, Parameter};
use serde_json::{Value, json};
use store::{AuditPosition, AuditRecord};
use trust::{AuditAction, Duty};

use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::visit::Visit;

/// Events of a page.
const COUNT_DEFAULT: usize = 100;
const COUNT_MAX: usize = 500;
/// Events looked at for one page; a page that finds few (or none) says where to go on.
const LOOKED_AT_MAX: usize = 20_000;
/// Registrations that one search asks about: a person has a few.
const REGISTRATIONS_MAX: usize = 50;
/// Events read at a time.
const READ_AT_A_TIME: u64 = 500;
/// How far the times of two events can be out of order in the log: an event takes its time when the request arrives, and is written
/// when it is answered.
const TIME_DISORDER_MS_MAX: i64 = 10 * 60 * 1000;

/// What a search of the log understands; the other parameters of `AuditEvent` are about what these events do not have.
const KNOWN: [&str; 16] = [
    "_id",
    "_lastUpdated",
    "_source",
    "action",
    "address",
    "agent",
    "agent-role",
    "altid",
    "date",
    "entity",
    "entity-name",
    "outcome",
    "patient",
    "policy",
    "subtype",
    "type",
];

/// What the `CapabilityStatement` says about it.
pub fn documentation() -> String {
    format!(
        "For accounts with the duty to read the audit log, /AuditEvent (alone, not among several types) is the platform's own log ({}): read by id, and search by {}, \
         newest first; entity is a Patient; _total is not counted. For all others it is what clients deposited, like any other resource.",
        event::SOURCE,
        KNOWN.join(", "),
    )
}

/// Whether this request asks for the log: its type is `AuditEvent`, and the caller has the duty to read the log.
pub fn is_asked(visit: &Visit, type_name: &str) -> bool {
    let has_duty = |caller: &records::Caller| trust::may(&caller.actor, Duty::ReadAuditLog, None).allow;
    type_name == "AuditEvent" && visit.caller().is_ok_and(has_duty)
}

/// `GET /AuditEvent/log-{sequence}`; `None` for an id of another form, which is that of a deposited event.
pub fn read(visit: &Visit) -> Option<Outcome> {
    let sequence = event::sequence_of(visit.id())?;
    Some(tokio::task::block_in_place(|| {
        let tenant = visit.has_duty(Duty::ReadAuditLog)?.tenant();
        visit.trail.lock().action = Some(AuditAction::AuditRead);
        let found = visit.app.store.audit().events(tenant, sequence, 1).map_err(|error| store_failure(&error))?;
        let record = found.into_iter().find(|record| record.sequence == sequence);
        let record = record.ok_or_else(|| Failure::new(ErrorCode::NotFound, "the audit log has no such event"))?;
        Ok(Answer::fhir(StatusCode::OK, &event::whole(visit, &record, &mut event::Names::default())?)
            .disclosing(Vec::new(), 1))
    }))
}

/// `GET /AuditEvent?…`, newest first.
pub fn search(visit: &Visit, query: &str) -> Outcome {
    tokio::task::block_in_place(|| {
        visit.has_duty(Duty::ReadAuditLog)?;
        visit.trail.lock().action = Some(AuditAction::AuditRead);
        let wanted = Wanted::read(visit, query)?;
        let (found, next) = match &wanted.homes {
            Some(homes) => of_registrations(visit, &wanted, homes)?,
            None => of_log(visit, &wanted)?,
        };
        let base = visit.base_url();
        let mut entries = Vec::with_capacity(found.len());
        let mut names = event::Names::default();
        for record in &found {
            let resource = event::whole(visit, record, &mut names)?;
            let address = format!("{base}/AuditEvent/{}", resource["id"].as_str().unwrap_or_default());
            entries.push(json!({"fullUrl": address, "resource": resource, "search": {"mode": "match"}}));
        }
        let link = |query: &str| format!("{base}/AuditEvent{}{query}", if query.is_empty() { "" } else { "?" });
        let mut links = vec![json!({"relation": "self", "url": link(query)})];
        if let Some(place) = next {
            let join = if wanted.query.is_empty() { "" } else { "&" };
            let query = format!("{}{join}_page={}.{}", wanted.query, place.at_ms, place.sequence);
            links.push(json!({"relation": "next", "url": link(&query)}));
        }
        let mut bundle = json!({"resourceType": "Bundle", "type": "searchset", "link": links});
        if !entries.is_empty() {
            bundle["entry"] = Value::Array(entries);
        }
        // Whoever was asked about is told that the log was asked.
        let asked = wanted.homes.unwrap_or_default();
        Ok(Answer::fhir(StatusCode::OK, &bundle).disclosing(asked, found.len()))
    })
}

/// One condition on the resource that an event becomes.
struct Condition<'p> {
    parameter: &'p Parameter,
    modifier: Option<Modifier>,
    values: Vec<QueryValue>,
}

/// What is looked for.
struct Wanted<'p> {
    conditions: Vec<Condition<'p>>,
    /// Only events that disclosed one of these registrations.
    homes: Option<Vec<Home>>,
    count: usize,
    /// Behind (older than) this event.
    after: Option<AuditPosition>,
    /// Events older or younger than this cannot answer a question about the date.
    from_ms: i64,
    until_ms: i64,
    /// The query without `_page`.
    query: String,
}

impl<'p> Wanted<'p> {
    fn read(visit: &'p Visit, query: &str) -> Result<Self, Failure> {
        let mut wanted = Self {
            conditions: Vec::new(),
            homes: None,
            count: COUNT_DEFAULT,
            after: None,
            from_ms: i64::MIN,
            until_ms: i64::MAX,
            query: String::new(),
        };
        let mut kept = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "_page" => {
                    wanted.after = Some(place(&value)?);
                    continue;
                }
                "_count" => match value.parse::<usize>() {
                    Ok(count @ 1..) => wanted.count = count.min(COUNT_MAX),
                    _ => return Err(bad("`_count` is a number from 1")),
                },
                // The only order that the log has.
                "_sort" if value == "-date" => {}
                "_total" if value == "none" => {}
                "patient" | "entity" => wanted.add_registrations(visit, &name, &value)?,
                _ => wanted.add(visit, &name, &value)?,
            }
            kept.append_pair(&name, &value);
        }
        wanted.query = kept.finish();
        Ok(wanted)
    }

    fn add(&mut self, visit: &'p Visit, name: &str, value: &str) -> Result<(), Failure> {
        let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
        let type_code = TypeCode::of("AuditEvent").map_err(|error| bad(error.to_string()))?;
        let parameter = visit.records().own_parameters().get(type_code, code).filter(|_| KNOWN.contains(&code));
        let parameter = parameter.ok_or_else(|| {
            bad(format!(
                "a search of the audit log knows: {}, _count, _page, _sort=-date, _total=none",
                KNOWN.join(", ")
            ))
        })?;
        if ["patient", "entity"].contains(&code) {
            return Err(bad(format!("`{code}` is `Patient/id` here, and has no modifier")));
        }
        let named = |reason: String| bad(format!("`{code}` {reason}"));
        let modifier = modifier.map(|text| Modifier::parse(parameter, text)).transpose().map_err(named)?;
        // A `+` of an offset arrives as a space when the client did not encode it.
        let value = if parameter.kind == Kind::Date { value.replace(' ', "+") } else { value.to_owned() };
        let now_ms = visit.app.now_ms();
        let values = split_values(&value)
            .into_iter()
            .map(|part| QueryValue::parse(parameter, modifier.as_ref(), part, now_ms).map_err(named))
            .collect::<Result<Vec<_>, Failure>>()?;
        if let ("date", None, [QueryValue::Date { prefix, low_ms, high_ms }]) = (code, &modifier, values.as_slice()) {
            self.narrow(*prefix, *low_ms, *high_ms);
        }
        self.conditions.push(Condition { parameter, modifier, values });
        Ok(())
    }

    /// What a question about the date says about the part of the log that can answer it.
    fn narrow(&mut self, prefix: records::matching::Prefix, low_ms: i64, high_ms: i64) {
        use records::matching::Prefix;
        let (from_ms, until_ms) = match prefix {
            Prefix::Equal | Prefix::Approximately => (low_ms, high_ms),
            Prefix::Greater | Prefix::GreaterOrEqual | Prefix::StartsAfter => (low_ms, i64::MAX),
            Prefix::Less | Prefix::LessOrEqual | Prefix::EndsBefore => (i64::MIN, high_ms),
            Prefix::NotEqual => (i64::MIN, i64::MAX),
        };
        self.from_ms = self.from_ms.max(from_ms);
        self.until_ms = self.until_ms.min(until_ms);
    }

    fn add_registrations(&mut self, visit: &Visit, name: &str, value: &str) -> Result<(), Failure> {
        let tenant = visit.caller()?.tenant();
        if self.homes.is_some() {
            return Err(bad("`patient` and `entity` are given once, and not both"));
        }
        let mut homes = Vec::new();
        for part in split_values(value) {
            let part = part.strip_prefix(&format!("{}/", visit.base_url())).unwrap_or(part);
            let id = match part.strip_prefix("Patient/") {
                Some(id) => id,
                None if name == "patient" && !part.contains(['/', '|']) => part,
                None => {
                    return Err(bad(format!(
                        "`{name}` is `Patient/id`: the entities of these events are registrations"
                    )));
                }
            };
            let home = visit.records().registration(tenant, id);
            if !homes.contains(&home) {
                homes.push(home);
            }
        }
        if homes.len() > REGISTRATIONS_MAX {
            return Err(bad(format!("`{name}` names more than {REGISTRATIONS_MAX} registrations")));
        }
        self.homes = Some(homes);
        Ok(())
    }

    fn takes(&self, record: &AuditRecord) -> bool {
        let (resource, computed) = (event::core(record, None), Computed::default());
        self.conditions
            .iter()
            .all(|it| answers(it.modifier.as_ref(), &it.values, &it.parameter.values(&resource, &computed)))
    }
}

fn bad(detail: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadSearch, detail)
}

/// Where a page ended: time and place of its last event.
fn place(text: &str) -> Result<AuditPosition, Failure> {
    let read = || {
        let (at_ms, sequence) = text.split_once('.')?;
        Some(AuditPosition { at_ms: at_ms.parse().ok()?, sequence: sequence.parse().ok()? })
    };
    read().ok_or_else(|| Failure::new(ErrorCode::BadPage, "`_page` is not a link of this search"))
}

type Found = (Vec<AuditRecord>, Option<AuditPosition>);

/// Events of the whole log, in its order, backwards.
fn of_log(visit: &Visit, wanted: &Wanted<'_>) -> Result<Found, Failure> {
    let tenant = visit.caller()?.tenant();
    let log = visit.app.store.audit();
    let read = |from, count| log.events(tenant, from, count).map_err(|error| store_failure(&error));
    let mut high = match wanted.after {
        Some(place) => place.sequence,
        None => first_behind(log.size(tenant).map_err(|error| store_failure(&error))?, wanted.until_ms, |at| {
            Ok(read(at, 1)?.first().map(|record| record.event.at_ms))
        })?,
    };
    let (mut found, mut looked_at): (Vec<AuditRecord>, usize) = (Vec::new(), 0);
    while high > 0 {
        let low = high.saturating_sub(READ_AT_A_TIME);
        let events = read(low, usize::try_from(high - low).unwrap_or(usize::MAX))?;
        for record in events.into_iter().rev() {
            let place = record.position();
            if place.at_ms < wanted.from_ms.saturating_sub(TIME_DISORDER_MS_MAX) {
                return Ok((found, None));
            }
            looked_at += 1;
            if wanted.takes(&record) {
                found.push(record);
            }
            if (found.len() == wanted.count || looked_at == LOOKED_AT_MAX) && place.sequence > 0 {
                return Ok((found, Some(place)));
            }
        }
        high = low;
    }
    Ok((found, None))
}

/// The first place in a log of this size behind which every event is younger than the time.
fn first_behind(
    size: u64,
    until_ms: i64,
    time_at: impl Fn(u64) -> Result<Option<i64>, Failure>,
) -> Result<u64, Failure> {
    let until_ms = until_ms.saturating_add(TIME_DISORDER_MS_MAX);
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        if time_at(middle)?.is_some_and(|at_ms| at_ms <= until_ms) { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Events that disclosed one of some registrations, newest first.
fn of_registrations(visit: &Visit, wanted: &Wanted<'_>, homes: &[Home]) -> Result<Found, Failure> {
    let tenant = visit.caller()?.tenant();
    // Without conditions every event is wanted: one more than the page tells whether there is another.
    let limit = if wanted.conditions.is_empty() { wanted.count + 1 } else { LOOKED_AT_MAX / homes.len().max(1) };
    let mut records: Vec<AuditRecord> = Vec::new();
    // Of a list that was not read to its end nothing is known behind its last event.
    let mut known_to: Option<AuditPosition> = None;
    for home in homes {
        let list = visit.app.store.audit().list_for(tenant, *home, wanted.after, limit);
        let list = list.map_err(|error| store_failure(&error))?;
        if let Some(last) = list.last().filter(|_| list.len() == limit) {
            let end = last.position();
            known_to = Some(known_to.filter(|known| order(*known) >= order(end)).unwrap_or(end));
        }
        records.extend(list);
    }
    records.sort_by_key(|record| std::cmp::Reverse(order(record.position())));
    records.dedup_by_key(|record| record.sequence);
    let mut found = Vec::new();
    for record in records {
        let place = record.position();
        if known_to.is_some_and(|known| order(place) < order(known)) {
            break;
        }
        if found.len() == wanted.count {
            let last = found.last().map(AuditRecord::position);
            return Ok((found, last));
        }
        if wanted.takes(&record) {
            found.push(record);
        }
    }
    Ok((found, known_to))
}

fn order(place: AuditPosition) -> (i64, u64) {
    (place.at_ms, place.sequence)
}
