//! What happened to one person, newest first, in pages.

use std::cmp::Reverse;

use model::{ErrorCode, Failure, Home, instant_text};
use serde_json::{Value, json};

use super::lookup::{self, Institutions, Subject};
use super::{facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The types on a timeline, each with the search parameter of its date and the kind that its entries are of.
const TYPES: &[(&str, &str, &str)] = &[
    ("Encounter", "date", "encounters"),
    ("DiagnosticReport", "date", "reports"),
    ("Observation", "date", RESULTS),
    ("Procedure", "date", "procedures"),
    ("Immunization", "date", "immunizations"),
    ("Condition", "onset-date", "diagnoses"),
    ("MedicationRequest", "authoredon", "medicines"),
    ("ImagingStudy", "started", "reports"),
    ("DocumentReference", "date", "reports"),
];

/// 检验检查结果: an observation that is one ([`care::front::is_result`]).
const RESULTS: &str = "results";
/// 病史与记述: every other observation. 主诉, 现病史, what a smoker said.
const NOTES: &str = "notes";

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Where the next page begins: entries of this millisecond and older, less those of it that were already shown.
struct Mark {
    at_ms: i64,
    shown: usize,
}

/// `GET /api/v1/persons/{id}/timeline?before=&kinds=&institution=&limit=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["before", "kinds", "limit", "institution"])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let wanted = parameter(visit, "institution");
    let mark = parameter(visit, "before").map(|text| mark(&text)).transpose()?;
    let limit = match parameter(visit, "limit").map(|text| text.parse::<usize>()) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit @ 1..=LIMIT_MAX)) => limit,
        Some(_) => {
            return Err(Failure::new(ErrorCode::BadSearch, format!("`limit` is a number from 1 to {LIMIT_MAX}")));
        }
    };
    let kinds = Kinds::of(visit)?;
    let mut disclosed = subject.disclosed.clone();
    let mut lanes = Vec::new();
    // Of one institution, or half of the observations: its share of a page is not known beforehand, so that more is looked at.
    let is_sifted = wanted.is_some() || kinds.split_observations();
    let reach = if is_sifted { lookup::RESOURCES_MAX } else { limit };
    let wanted_entries = 1 + reach + mark.as_ref().map_or(0, |mark| mark.shown);
    let first = if is_sifted { wanted_entries } else { first_reach(wanted_entries) };
    for of in kinds.types() {
        lanes.push(Lane::read(visit, &subject, of, (mark.as_ref(), first), &mut disclosed)?);
    }
    complete(&mut lanes, wanted_entries, |lane| {
        *lane = Lane::read(visit, &subject, lane.of, (mark.as_ref(), wanted_entries), &mut disclosed)?;
        Ok(())
    })?;
    let mut entries: Vec<Value> = lanes.into_iter().flat_map(|lane| lane.hits).collect();
    let mut institutions = Institutions::of(&subject);
    entries.retain(|resource| kinds.have(kind(resource)));
    entries.retain(|resource| wanted.is_none() || institutions.code_of(resource) == wanted);
    in_order(&mut entries);
    let skipped = mark.map_or(0, |mark| mark.shown);
    let page: Vec<&Value> = entries.iter().skip(skipped).take(limit).collect();
    let next =
        (entries.len() > skipped + limit).then(|| page.last().map(|last| next_mark(last, &entries, skipped + limit)));
    let shown: Vec<Value> = page.iter().map(|resource| line(visit, resource, &mut institutions)).collect();
    let count = shown.len();
    Ok(Answer::json(&json!({"entries": shown, "next": next.flatten()})).disclosing(disclosed, count))
}

/// Newest first; what shares a millisecond keeps one order, so that pages meet without gap or repetition.
fn in_order(entries: &mut [Value]) {
    entries.sort_by_cached_key(|resource| {
        (Reverse(facts::date_ms(resource)), resource["resourceType"].to_string(), resource["id"].to_string())
    });
}

/// The newest entries of a person, of every type.
pub(super) fn newest(
    visit: &Visit,
    subject: &Subject,
    limit: usize,
    disclosed: &mut Vec<Home>,
) -> Result<Vec<Value>, Failure> {
    let mut lanes = Vec::new();
    for (type_name, date, _) in TYPES {
        // A role that does not see a type still has the others.
        match Lane::read(visit, subject, (type_name, date), (None, first_reach(limit)), disclosed) {
            Err(failure) if failure.code == ErrorCode::Forbidden => {}
            found => lanes.push(found?),
        }
    }
    complete(&mut lanes, limit, |lane| {
        *lane = Lane::read(visit, subject, lane.of, (None, limit), disclosed)?;
        Ok(())
    })?;
    let mut entries: Vec<Value> = lanes.into_iter().flat_map(|lane| lane.hits).collect();
    in_order(&mut entries);
    entries.truncate(limit);
    Ok(entries)
}

/// The kinds that are asked for; `None` for all.
struct Kinds(Option<Vec<String>>);

impl Kinds {
    fn of(visit: &Visit) -> Result<Self, Failure> {
        let Some(wanted) = parameter(visit, "kinds") else { return Ok(Self(None)) };
        let wanted: Vec<String> = wanted.split(',').map(|name| name.trim().to_owned()).collect();
        let mut known: Vec<&str> = TYPES.iter().map(|(_, _, kind)| *kind).chain([NOTES]).collect();
        known.sort_unstable();
        known.dedup();
        if wanted.iter().all(|name| known.contains(&name.as_str())) {
            return Ok(Self(Some(wanted)));
        }
        let known = known.join(", ");
        Err(Failure::new(ErrorCode::BadSearch, format!("`kinds` names one that no timeline has; known: {known}")))
    }

    fn have(&self, kind: &str) -> bool {
        self.0.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == kind))
    }

    /// Whether some of the observations are asked for and others are not.
    fn split_observations(&self) -> bool {
        self.have(RESULTS) != self.have(NOTES)
    }

    fn types(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let has = |kind: &str| self.have(kind) || (kind == RESULTS && self.have(NOTES));
        TYPES.iter().filter(move |(_, _, kind)| has(kind)).map(|(type_name, date, _)| (*type_name, *date))
    }
}

/// The kind of an entry.
fn kind(resource: &Value) -> &'static str {
    let of = TYPES.iter().find(|(type_name, _, _)| resource["resourceType"] == *type_name);
    match of.map_or("", |(_, _, kind)| kind) {
        RESULTS if !care::front::is_result(resource) => NOTES,
        kind => kind,
    }
}

/// The newest entries of one type.
struct Lane {
    of: (&'static str, &'static str),
    /// Newest first.
    hits: Vec<Value>,
    /// Whether there may be older ones behind them.
    has_more: bool,
}

/// How many entries of each type are read at first. A page is rarely of one type: all of it is asked of those types only that
/// turn out to reach further.
fn first_reach(wanted: usize) -> usize {
    wanted.div_ceil(4).max(8).min(wanted)
}

impl Lane {
    fn read(
        visit: &Visit,
        subject: &Subject,
        of: (&'static str, &'static str),
        (mark, reach): (Option<&Mark>, usize),
        disclosed: &mut Vec<Home>,
    ) -> Result<Self, Failure> {
        let count = reach.to_string();
        // A time of the second the mark stands in begins at the mark and ends behind it: `le` would leave it out.
        let until = mark.map(|mark| format!("lt{}", instant_text(mark.at_ms.saturating_add(1))));
        let any = subject.any();
        let mut pairs = vec![("patient", any.as_str()), ("_count", count.as_str()), ("_total", "none")];
        if let Some(until) = &until {
            pairs.push((of.1, until));
        }
        let found = lookup::all(visit, of.0, &pairs, reach)?;
        lookup::note(disclosed, &found);
        let has_more = found.truncated;
        let is_before = |resource: &Value| mark.is_none_or(|mark| facts::date_ms(resource) <= mark.at_ms);
        Ok(Self { of, hits: found.hits.into_iter().filter(is_before).collect(), has_more })
    }

    /// The oldest time that was read.
    fn oldest_ms(&self) -> i64 {
        self.hits.iter().map(facts::date_ms).min().unwrap_or(i64::MAX)
    }
}

/// Reads on in those types that may still hold some of the newest `wanted` entries of all: of which not everything was read, and
/// nothing older than the last of these.
fn complete(
    lanes: &mut [Lane],
    wanted: usize,
    mut read_on: impl FnMut(&mut Lane) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut times: Vec<i64> = lanes.iter().flat_map(|lane| lane.hits.iter().map(facts::date_ms)).collect();
    times.sort_unstable_by_key(|at_ms| Reverse(*at_ms));
    let last_ms = wanted.checked_sub(1).and_then(|last| times.get(last)).copied().unwrap_or(i64::MIN);
    for lane in lanes.iter_mut().filter(|lane| lane.has_more && lane.hits.len() < wanted) {
        if lane.oldest_ms() >= last_ms {
            read_on(lane)?;
        }
    }
    Ok(())
}

pub(super) fn line(visit: &Visit, resource: &Value, institutions: &mut Institutions) -> Value {
    let department = institutions.department(visit, resource);
    let mut line = json!({
        "date": facts::date(resource),
        "type": resource["resourceType"],
        "kind": kind(resource),
        "id": resource["id"],
        "title": facts::title_with(resource, department.as_deref()),
        "detail": facts::detail(resource),
        "encounter": resource["encounter"]["reference"],
        "department": department,
    });
    institutions.note(visit, resource, &mut line);
    line
}

fn mark(text: &str) -> Result<Mark, Failure> {
    let (at_ms, shown) = text.split_once('.').unwrap_or((text, "0"));
    match (at_ms.parse(), shown.parse()) {
        (Ok(at_ms), Ok(shown)) if shown <= lookup::RESOURCES_MAX => Ok(Mark { at_ms, shown }),
        _ => Err(Failure::new(ErrorCode::BadPage, "`before` is what the page before gave as `next`")),
    }
}

fn next_mark(last: &Value, entries: &[Value], shown: usize) -> String {
    let at_ms = facts::date_ms(last);
    let same = entries[..shown].iter().filter(|resource| facts::date_ms(resource) == at_ms).count();
    format!("{at_ms}.{same}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes which lanes are read on, by how much of them was read.
    fn note(read: &mut Vec<usize>) -> impl FnMut(&mut Lane) -> Result<(), Failure> {
        |lane| {
            read.push(lane.hits.len());
            Ok(())
        }
    }

    #[test]
    fn only_types_that_may_reach_into_the_page_are_read_on() {
        let lane = |times: &[&str], has_more| Lane {
            of: ("Encounter", "date"),
            hits: times.iter().map(|at| json!({"resourceType": "Encounter", "period": {"start": at}})).collect(),
            has_more,
        };
        let often = lane(&["2024-03-09", "2024-03-08", "2024-03-07"], true);
        let seldom = lane(&["2024-03-06", "2024-03-01"], true);
        let whole = lane(&["2024-03-08"], false);
        let empty = lane(&[], true);
        let mut lanes = vec![often, seldom, whole, empty];
        let mut read = Vec::new();
        // The fourth newest of all is of 03-07: the first type may hold more of that day, the last was read without a hit.
        complete(&mut lanes, 4, note(&mut read)).ok().unwrap();
        assert_eq!(read, [3, 0]);
        // Of seven only six are known, so that everything that goes on is read on.
        read.clear();
        complete(&mut lanes, 7, note(&mut read)).ok().unwrap();
        assert_eq!(read, [3, 2, 0]);
    }

    #[test]
    fn marks_survive_being_written_and_read() {
        let of = |at: &str| json!({"resourceType": "Encounter", "period": {"start": at}});
        let entries = vec![of("2024-03-02T00:00:00Z"), of("2024-03-01T00:00:00Z"), of("2024-03-01T00:00:00Z")];
        let text = next_mark(&entries[1], &entries, 2);
        let read = mark(&text).ok().map(|mark| (mark.at_ms, mark.shown));
        assert_eq!(read, Some((1_709_251_200_000, 1)));
        assert!(mark("yesterday").is_err());
    }
}
