//! What happened to one person, newest first, in pages.
//!
//! All types are read as one list by the clinical date of the index, so that a page costs what it shows. Where only some of it is asked for
//! (one institution, 病史 without results) the list is read on until a page is full.

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
    let mut institutions = Institutions::of(&subject);
    let types = kinds.types();
    let mut reach = 1 + limit + mark.map_or(0, |mark| mark.shown);
    let page = loop {
        let found = read(visit, &subject, &types, (mark, reach))?;
        lookup::note(&mut disclosed, &found);
        let mut is_asked =
            |it: &Value| kinds.have(kind(it)) && (wanted.is_none() || institutions.code_of(it) == wanted);
        let has_more = found.truncated;
        let page = Page::of(found.hits, has_more, &mut is_asked, mark, limit);
        // Of what is asked for, the share is not known beforehand.
        if page.entries.len() >= limit || !has_more || reach >= lookup::RESOURCES_MAX {
            break page;
        }
        reach = reach.saturating_mul(4);
    };
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
    /// A page behind a mark, of what is asked for of `read`: the beginning of the list from the mark's millisecond on, in order.
    fn of(
        read: Vec<Value>,
        has_more: bool,
        is_asked: &mut dyn FnMut(&Value) -> bool,
        mark: Option<Mark>,
        limit: usize,
    ) -> Self {
        let end_ms = read.last().map_or(i64::MIN, facts::date_ms);
        let mut entries: Vec<Value> = read.into_iter().filter(|it| is_asked(it)).collect();
        let shown = mark.map_or(0, |mark| mark.shown).min(entries.len());
        let upto = entries.len().min(shown.saturating_add(limit));
        let next = if entries.len() > upto {
            Some(Mark::behind(&entries[..upto]))
        } else if has_more {
            Mark::at(end_ms, &entries).after(mark)
        } else {
            None
        };
        Self { entries: entries.drain(shown..upto).collect(), next }
    }
}

/// The list of a person from a mark on.
fn read(
    visit: &Visit,
    subject: &Subject,
    types: &[&str],
    (mark, reach): (Option<Mark>, usize),
) -> Result<lookup::Found, Failure> {
    let mut caller = None;
    for type_name in types {
        caller = Some(visit.may(Interaction::Search, type_name)?);
    }
    let Some(caller) = caller else { return Ok(lookup::Found::default()) };
    visit.records().newest_until(caller, types, &subject.homes, mark.map(|mark| mark.at_ms), reach)
}

/// What happened after a moment, newest first, at most `limit` of it, and whether there is more. What was taken back is no news; the
/// timeline shows it, and says so.
pub(super) fn since(
    visit: &Visit,
    subject: &Subject,
    (since_ms, limit): (i64, usize),
    disclosed: &mut Vec<Home>,
) -> Result<(Vec<Value>, bool), Failure> {
    let is_seen = |type_name: &&str| visit.may(Interaction::Search, type_name).is_ok();
    // A role that does not see a type still has the others.
    let types: Vec<&str> = TYPES.iter().map(|(type_name, _)| *type_name).filter(is_seen).collect();
    let mut reach = limit + 1;
    loop {
        let found = read(visit, subject, &types, (None, reach))?;
        let has_more = found.truncated && reach < lookup::RESOURCES_MAX;
        if let Some((news, is_cut)) = news(&found.hits, has_more, since_ms, limit) {
            lookup::note(disclosed, &found);
            // More than a page is ever made from: said to be cut off.
            let is_end_unseen = found.truncated && !has_more;
            return Ok((news, is_cut || is_end_unseen));
        }
        reach = reach.saturating_mul(4);
    }
}

/// The news among what was read, and whether that is not all; `None` when more must be read to know.
fn news(read: &[Value], has_more: bool, since_ms: i64, limit: usize) -> Option<(Vec<Value>, bool)> {
    let is_new = |resource: &&Value| facts::counts(resource) && facts::date_ms(resource) > since_ms;
    let mut news: Vec<Value> = read.iter().filter(is_new).take(limit + 1).cloned().collect();
    let reaches_back = read.last().is_some_and(|oldest| facts::date_ms(oldest) <= since_ms);
    if news.len() <= limit && has_more && !reaches_back {
        return None;
    }
    let is_cut = news.len() > limit;
    news.truncate(limit);
    Some((news, is_cut))
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

    fn types(&self) -> Vec<&'static str> {
        let has = |kind: &str| self.have(kind) || (kind == RESULTS && self.have(NOTES));
        TYPES.iter().filter(|(_, kind)| has(kind)).map(|(type_name, _)| *type_name).collect()
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

pub(super) fn line(visit: &Visit, resource: &Value, institutions: &mut Institutions) -> Value {
    let department = institutions.department(visit, resource);
    let mut line = json!({
        "date": facts::date(resource),
        "type": resource["resourceType"],
        "kind": kind(resource),
        "standing": facts::standing(resource),
        "status": resource["status"],
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

    #[test]
    fn news_are_counted_without_what_was_taken_back() {
        let mut history: Vec<Value> = (0..9).map(|id| of(id, &format!("2024-03-{:02}", 20 - id))).collect();
        history[1]["status"] = "entered-in-error".into();
        history[2]["status"] = "cancelled".into();
        let ids = |found: Option<(Vec<Value>, bool)>| {
            found.map(|(news, cut)| (news.iter().filter_map(|it| it["id"].as_u64()).collect::<Vec<_>>(), cut))
        };
        assert_eq!(ids(news(&history, false, i64::MIN, 5)), Some((vec![0, 3, 4, 5, 6], true)));
        // Of five and a slip that were read, nobody knows yet.
        assert_eq!(ids(news(&history[..6], true, i64::MIN, 5)), None);
        assert_eq!(ids(news(&history[..7], false, i64::MIN, 5)), Some((vec![0, 3, 4, 5, 6], false)));
        let since_ms = facts::date_ms(&history[4]);
        assert_eq!(ids(news(&history[..6], true, since_ms, 5)), Some((vec![0, 3], false)));
    }

    /// All pages of a history of which `reach` entries are read at a time and those with even ids are asked for.
    fn pages(history: &[Value], limit: usize, reach: usize) -> Vec<u64> {
        let (mut mark, mut seen) = (None::<Mark>, Vec::new());
        for _ in 0..400 {
            let until = |it: &&Value| mark.is_none_or(|mark| facts::date_ms(it) <= mark.at_ms);
            let mut read: Vec<Value> = history.iter().filter(until).cloned().collect();
            let reach = reach + mark.map_or(0, |mark| mark.shown);
            let has_more = read.len() > reach;
            read.truncate(reach);
            let mut is_even = |it: &Value| it["id"].as_u64().is_some_and(|id| id % 2 == 0);
            let page = Page::of(read, has_more, &mut is_even, mark, limit);
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
        let history: Vec<Value> = (0..40).map(|id| of(id, days[id / 5])).collect();
        let expected: Vec<u64> = (0..40).filter(|id| id % 2 == 0).collect();
        for limit in 1..8 {
            // More of one moment than is read at a time would be passed over.
            for reach in 16..60 {
                assert_eq!(pages(&history, limit, reach), expected, "{limit} of {reach}");
            }
        }
    }
}
