//! What happened to one person, newest first, in pages.

use std::cmp::Reverse;

use model::{ErrorCode, Failure, Home, instant_text};
use serde_json::{Value, json};

use super::lookup::{self, Institutions, Subject};
use super::{facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The types on a timeline, each with the search parameter of its date.
const TYPES: &[(&str, &str)] = &[
    ("Encounter", "date"),
    ("DiagnosticReport", "date"),
    ("Observation", "date"),
    ("Procedure", "date"),
    ("Immunization", "date"),
    ("Condition", "onset-date"),
    ("MedicationRequest", "authoredon"),
    ("ImagingStudy", "started"),
    ("DocumentReference", "date"),
];

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Where the next page begins: entries of this millisecond and older, less those of it that were already shown.
struct Mark {
    at_ms: i64,
    shown: usize,
}

/// `GET /api/v1/persons/{id}/timeline?before=&types=&institution=&limit=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["before", "types", "limit", "institution"])?;
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
    let mut disclosed = subject.disclosed.clone();
    let mut entries = Vec::new();
    // Of one institution: its share of a page is not known beforehand, so that more is looked at.
    let reach = if wanted.is_some() { lookup::RESOURCES_MAX } else { limit };
    for (type_name, date) in chosen(visit)? {
        entries.extend(of_type(visit, &subject, (type_name, date), mark.as_ref(), reach, &mut disclosed)?);
    }
    entries.retain(|resource| wanted.is_none() || facts::institution(resource) == wanted);
    in_order(&mut entries);
    let skipped = mark.map_or(0, |mark| mark.shown);
    let page: Vec<&Value> = entries.iter().skip(skipped).take(limit).collect();
    let next =
        (entries.len() > skipped + limit).then(|| page.last().map(|last| next_mark(last, &entries, skipped + limit)));
    let mut institutions = Institutions::default();
    let lines: Vec<Value> = page.iter().map(|resource| line(visit, resource, &mut institutions)).collect();
    let count = lines.len();
    Ok(Answer::json(&json!({"entries": lines, "next": next.flatten()})).disclosing(disclosed, count))
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
    let mut entries = Vec::new();
    for (type_name, date) in TYPES {
        // A role that does not see a type still has the others.
        match of_type(visit, subject, (type_name, date), None, limit, disclosed) {
            Err(failure) if failure.code == ErrorCode::Forbidden => {}
            found => entries.extend(found?),
        }
    }
    in_order(&mut entries);
    entries.truncate(limit);
    Ok(entries)
}

fn chosen(visit: &Visit) -> Result<Vec<(&'static str, &'static str)>, Failure> {
    let Some(wanted) = parameter(visit, "types") else { return Ok(TYPES.to_vec()) };
    let find = |name: &str| TYPES.iter().find(|(type_name, _)| *type_name == name).copied();
    wanted.split(',').map(|name| find(name.trim()).ok_or_else(unknown_type)).collect()
}

fn unknown_type() -> Failure {
    let known: Vec<_> = TYPES.iter().map(|(type_name, _)| *type_name).collect();
    Failure::new(
        ErrorCode::BadSearch,
        format!("`types` names a type that no timeline has; known: {}", known.join(", ")),
    )
}

fn of_type(
    visit: &Visit,
    subject: &Subject,
    (type_name, date): (&str, &str),
    mark: Option<&Mark>,
    limit: usize,
    disclosed: &mut Vec<Home>,
) -> Result<Vec<Value>, Failure> {
    // One more than the page, and those that the page before has shown of the same millisecond.
    let wanted = limit + 1 + mark.map_or(0, |mark| mark.shown);
    let count = wanted.to_string();
    // A time of the second the mark stands in begins at the mark and ends behind it: `le` would leave it out.
    let until = mark.map(|mark| format!("lt{}", instant_text(mark.at_ms.saturating_add(1))));
    let any = subject.any();
    let mut pairs = vec![("patient", any.as_str()), ("_count", count.as_str()), ("_total", "none")];
    if let Some(until) = &until {
        pairs.push((date, until));
    }
    let found = lookup::all(visit, type_name, &pairs, wanted)?;
    lookup::note(disclosed, &found);
    let is_before = |resource: &Value| mark.is_none_or(|mark| facts::date_ms(resource) <= mark.at_ms);
    Ok(found.hits.into_iter().filter(is_before).collect())
}

pub(super) fn line(visit: &Visit, resource: &Value, institutions: &mut Institutions) -> Value {
    let mut line = json!({
        "date": facts::date(resource),
        "type": resource["resourceType"],
        "id": resource["id"],
        "title": facts::title(resource),
        "detail": facts::detail(resource),
        "encounter": resource["encounter"]["reference"],
        "department": facts::concept_words(&resource["serviceType"]),
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
