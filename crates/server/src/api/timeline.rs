//! What happened to one person, newest first, in pages.
//!
//! Every type is a lane, read newest first as far as a page needs it. A page ends where the first lane stops that goes on: what lies behind
//! has not all been seen, and belongs to the next page.

use std::cmp::Reverse;

use model::{ErrorCode, Failure, Home};
use serde_json::{Value, json};
use trust::Interaction;

use super::lookup::{self, Institutions, Subject};
use super::{facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The types on a timeline, each with the kind that its entries are of.
const TYPES: &[(&str, &str)] = &[
    ("Encounter", "encounters"),
    ("DiagnosticReport", "reports"),
    ("Observation", RESULTS),
    ("Procedure", "procedures"),
    ("Immunization", "immunizations"),
    ("Condition", "diagnoses"),
    ("MedicationRequest", "medicines"),
    ("ImagingStudy", "reports"),
    ("DocumentReference", "reports"),
];

/// 检验检查结果: an observation that is one ([`care::front::is_result`]).
const RESULTS: &str = "results";
/// 病史与记述: every other observation. 主诉, 现病史, what a smoker said.
const NOTES: &str = "notes";

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Entries of one millisecond that pages go through: a whole catalogue of results, filed at midnight. All of them are read for each page.
const SHOWN_MAX: usize = 20_000;

/// Where the next page begins: entries of this millisecond and older, less those of it that were already shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub at_ms: i64,
    pub shown: usize,
}

/// `GET /api/v1/persons/{id}/timeline?before=&kinds=&institution=&limit=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["before", "kinds", "limit", "institution"])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let wanted = parameter(visit, "institution");
    let mark = parameter(visit, "before").map(|text| Mark::read(&text)).transpose()?;
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
    let wanted_entries = 1 + reach + mark.map_or(0, |mark| mark.shown);
    let first = if is_sifted { wanted_entries } else { first_reach(wanted_entries) };
    for type_name in kinds.types() {
        lanes.push(Lane::read(visit, &subject, type_name, (mark, first), &mut disclosed)?);
    }
    complete(&mut lanes, wanted_entries, |lane| {
        *lane = Lane::read(visit, &subject, lane.type_name, (mark, wanted_entries), &mut disclosed)?;
        Ok(())
    })?;
    let mut institutions = Institutions::of(&subject);
    let mut is_asked = |it: &Value| kinds.have(kind(it)) && (wanted.is_none() || institutions.code_of(it) == wanted);
    let page = Page::of(lanes, &mut is_asked, mark, limit);
    let shown: Vec<Value> = page.entries.iter().map(|resource| line(visit, resource, &mut institutions)).collect();
    let count = shown.len();
    Ok(Answer::json(&json!({"entries": shown, "next": page.next.map(Mark::text)})).disclosing(disclosed, count))
}

/// What one page shows, and where the next begins.
struct Page {
    entries: Vec<Value>,
    next: Option<Mark>,
}

impl Page {
    /// A page behind a mark. A lane that goes on cuts it: of what is older than its last entry, and of that millisecond in the lanes behind
    /// it, some has not been seen. What is left is the beginning of the whole order, whatever later pages read.
    fn of(lanes: Vec<Lane>, is_asked: &mut dyn FnMut(&Value) -> bool, mark: Option<Mark>, limit: usize) -> Self {
        let cut_ms = lanes.iter().filter(|lane| lane.has_more).map(Lane::oldest_ms).max();
        let is_cut_here = |lane: &Lane| lane.has_more && Some(lane.oldest_ms()) == cut_ms;
        let open = lanes.iter().position(is_cut_here).unwrap_or(lanes.len());
        let mut entries = Vec::new();
        for (place, lane) in lanes.into_iter().enumerate() {
            let is_whole =
                |at_ms: i64| cut_ms.is_none_or(|cut_ms| at_ms > cut_ms || (at_ms == cut_ms && place <= open));
            entries.extend(lane.hits.into_iter().filter(|it| is_whole(facts::date_ms(it)) && is_asked(it)));
        }
        in_order(&mut entries);
        let shown = mark.map_or(0, |mark| mark.shown).min(entries.len());
        let upto = entries.len().min(shown.saturating_add(limit));
        let next = if entries.len() > upto {
            Some(Mark::behind(&entries[..upto]))
        } else {
            cut_ms.and_then(|cut_ms| Mark::at(cut_ms, &entries).after(mark))
        };
        Self { entries: entries.drain(shown..upto).collect(), next }
    }
}

/// Newest first; what shares a millisecond keeps the order of the lanes, and in a lane that of the list: both never change, so that
/// pages meet without gap or repetition.
fn in_order(entries: &mut [Value]) {
    entries.sort_by_cached_key(|resource| Reverse(facts::date_ms(resource)));
}

/// The newest entries of a person, of every type.
pub(super) fn newest(
    visit: &Visit,
    subject: &Subject,
    limit: usize,
    disclosed: &mut Vec<Home>,
) -> Result<Vec<Value>, Failure> {
    let mut lanes = Vec::new();
    for (type_name, _) in TYPES {
        // A role that does not see a type still has the others.
        match Lane::read(visit, subject, type_name, (None, first_reach(limit)), disclosed) {
            Err(failure) if failure.code == ErrorCode::Forbidden => {}
            found => lanes.push(found?),
        }
    }
    complete(&mut lanes, limit, |lane| {
        *lane = Lane::read(visit, subject, lane.type_name, (None, limit), disclosed)?;
        Ok(())
    })?;
    let mut entries: Vec<Value> = lanes.into_iter().flat_map(|lane| lane.hits).collect();
    // What was taken back is no news; the timeline shows it, and says so.
    entries.retain(|resource| !facts::is_slip(resource));
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
        let mut known: Vec<&str> = TYPES.iter().map(|(_, kind)| *kind).chain([NOTES]).collect();
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

    fn types(&self) -> impl Iterator<Item = &'static str> {
        let has = |kind: &str| self.have(kind) || (kind == RESULTS && self.have(NOTES));
        TYPES.iter().filter(move |(_, kind)| has(kind)).map(|(type_name, _)| *type_name)
    }
}

/// The kind of an entry.
fn kind(resource: &Value) -> &'static str {
    let of = TYPES.iter().find(|(type_name, _)| resource["resourceType"] == *type_name);
    match of.map_or("", |(_, kind)| kind) {
        RESULTS if !care::front::is_result(resource) => NOTES,
        kind => kind,
    }
}

/// The newest entries of one type.
struct Lane {
    type_name: &'static str,
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
        type_name: &'static str,
        (mark, reach): (Option<Mark>, usize),
        disclosed: &mut Vec<Home>,
    ) -> Result<Self, Failure> {
        let caller = visit.may(Interaction::Search, type_name)?;
        let until_ms = mark.map(|mark| mark.at_ms);
        let found = visit.records().newest_until(caller, type_name, &subject.homes, until_ms, reach)?;
        lookup::note(disclosed, &found);
        Ok(Self { type_name, hits: found.hits, has_more: found.truncated })
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
        "standing": facts::standing(resource),
        "id": resource["id"],
        "title": facts::title_with(resource, department.as_deref()),
        "detail": facts::detail(resource),
        "encounter": resource["encounter"]["reference"],
        "department": department,
    });
    institutions.note(visit, resource, &mut line);
    line
}

impl Mark {
    /// Reads what a page gave as `next`.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let (at_ms, shown) = text.split_once('.').unwrap_or((text, "0"));
        match (at_ms.parse(), shown.parse()) {
            (Ok(at_ms), Ok(shown)) if shown <= SHOWN_MAX => Ok(Self { at_ms, shown }),
            _ => Err(Failure::new(ErrorCode::BadPage, "`before` is what the page before gave as `next`")),
        }
    }

    pub fn text(self) -> String {
        format!("{}.{}", self.at_ms, self.shown)
    }

    /// Behind the last of what was shown, all of it since the mark before.
    pub fn behind(shown: &[Value]) -> Self {
        Self::at(shown.last().map_or(i64::MIN, facts::date_ms), shown)
    }

    /// In a millisecond that the last entries may be of.
    fn at(at_ms: i64, shown: &[Value]) -> Self {
        let same = shown.iter().rev().take_while(|resource| facts::date_ms(resource) == at_ms).count();
        Self { at_ms, shown: same }
    }

    /// This mark, or one further on when it is where the page began: so much of one millisecond was read without anything that is asked
    /// for ([`lookup::RESOURCES_MAX`]) that the rest of it is passed over.
    fn after(self, began: Option<Self>) -> Option<Self> {
        if began != Some(self) {
            return Some(self);
        }
        (self.at_ms > i64::MIN).then(|| Self { at_ms: self.at_ms - 1, shown: 0 })
    }
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
            type_name: "Encounter",
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

    fn of(id: usize, at: &str) -> Value {
        json!({"resourceType": "Encounter", "id": id, "period": {"start": at}})
    }

    #[test]
    fn marks_survive_being_written_and_read() {
        let entries = [of(1, "2024-03-02T00:00:00Z"), of(2, "2024-03-01T00:00:00Z"), of(3, "2024-03-01T00:00:00Z")];
        let mark = Mark::behind(&entries[..2]);
        assert_eq!(mark, Mark { at_ms: 1_709_251_200_000, shown: 1 });
        assert_eq!(Mark::read(&mark.text()).ok(), Some(mark));
        assert!(Mark::read("yesterday").is_err());
        let undated = Mark::behind(&[json!({})]);
        assert_eq!(Mark::read(&undated.text()).ok(), Some(undated));
    }

    /// All pages of two histories, of which `reach` entries are read at a time and those with even ids are asked for.
    fn pages(histories: &[Vec<Value>; 2], limit: usize, reach: usize) -> Vec<u64> {
        let (mut mark, mut seen) = (None::<Mark>, Vec::new());
        for _ in 0..400 {
            let until = |it: &&Value| mark.is_none_or(|mark| facts::date_ms(it) <= mark.at_ms);
            let reach = reach + mark.map_or(0, |mark| mark.shown);
            let lane = |history: &Vec<Value>| {
                let all: Vec<Value> = history.iter().filter(until).cloned().collect();
                let has_more = all.len() > reach;
                Lane { type_name: "Encounter", hits: all.into_iter().take(reach).collect(), has_more }
            };
            let lanes = histories.iter().map(lane).collect();
            let mut is_even = |it: &Value| it["id"].as_u64().is_some_and(|id| id % 2 == 0);
            let page = Page::of(lanes, &mut is_even, mark, limit);
            seen.extend(page.entries.iter().filter_map(|it| it["id"].as_u64()));
            mark = page.next;
            if mark.is_none() {
                return seen;
            }
        }
        panic!("the pages have no end");
    }

    #[test]
    fn pages_of_what_is_sifted_meet_without_gap_or_repetition() {
        let days = ["2024-03-09", "2024-03-08", "2024-03-08", "2024-03-08", "2024-03-07", "", "", ""];
        let history = |first: usize| (0..40).map(|at| of(first + at, days[at / 5])).collect::<Vec<_>>();
        let histories = [history(0), history(100)];
        let mut expected: Vec<Value> =
            histories.concat().into_iter().filter(|it| it["id"].as_u64().unwrap() % 2 == 0).collect();
        in_order(&mut expected);
        let expected: Vec<u64> = expected.iter().filter_map(|it| it["id"].as_u64()).collect();
        for limit in 1..8 {
            // More of one moment than is read at a time would be passed over.
            for reach in 16..60 {
                assert_eq!(pages(&histories, limit, reach), expected, "{limit} of {reach}");
            }
        }
    }
}
