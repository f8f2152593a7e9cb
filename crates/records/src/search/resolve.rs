//! Clauses become parts: chains, `_has`, `_id` and person-wide references are followed until only lists of targets are left.
//! Every hop is a search of its own under the caller's filter, so that nothing hidden can be asked about in a roundabout way.

use std::collections::HashSet;

use model::{ErrorCode, Failure, Number, ResourceKey, TypeCode};

use super::include::targets_of;
use super::plan::{Part, Test};
use super::query::{self, Clause, Query};
use super::run::Searcher;
use super::spans;
use crate::keys::IdText;
use crate::parameters::{Computed, Extracted, Parameter};

/// How many resources one hop of a chain may find.
const HOP_HITS_MAX: usize = 10_000;
/// How many hops a chain may have.
const HOPS_MAX: usize = 6;

/// The parts of a query.
///
/// # Errors
/// `bad-search` from an inner search, `too-costly` when a hop finds too much.
pub(super) fn parts<'p>(searcher: &'p Searcher<'_>, query: &'p Query<'p>) -> Result<Vec<Part<'p>>, Failure> {
    parts_at(searcher, query.type_code, &query.clauses, HOPS_MAX)
}

fn parts_at<'p>(
    searcher: &'p Searcher<'_>,
    type_code: TypeCode,
    clauses: &[Clause<'p>],
    hops: usize,
) -> Result<Vec<Part<'p>>, Failure> {
    clauses.iter().map(|clause| part(searcher, type_code, clause, hops)).collect()
}

fn part<'p>(
    searcher: &'p Searcher<'_>,
    type_code: TypeCode,
    clause: &Clause<'p>,
    hops: usize,
) -> Result<Part<'p>, Failure> {
    let encoder = searcher.encoder();
    Ok(match clause {
        Clause::Match { parameter, modifier, values } => Part {
            spans: spans::of_match(&encoder, type_code, parameter, modifier.as_ref(), values)?,
            test: Test::Match { parameter, modifier: modifier.clone(), values: values.clone() },
        },
        Clause::Identity(ids) => {
            let mut keys = HashSet::new();
            for id in ids {
                keys.extend(searcher.records.locate(searcher.snapshot, searcher.caller.tenant(), type_code, id)?);
            }
            Part { spans: None, test: Test::IsOneOf(keys) }
        }
        Clause::Chain { parameter, targets, key, value } => {
            let targets = chained(searcher, targets, key, value, hops)?;
            refers_to(searcher, type_code, parameter, targets)
        }
        Clause::Has { source, reference, key, value } => {
            let keys = having(searcher, type_code, *source, reference, (key, value), hops)?;
            Part { spans: None, test: Test::IsOneOf(keys) }
        }
        Clause::PersonWide { parameter, ids } => {
            let targets = registrations(searcher, ids)?;
            refers_to(searcher, type_code, parameter, targets)
        }
    })
}

fn refers_to<'p>(
    searcher: &'p Searcher<'_>,
    type_code: TypeCode,
    parameter: &'p Parameter,
    targets: HashSet<(TypeCode, Number)>,
) -> Part<'p> {
    let spans = spans::references(&searcher.encoder(), type_code, parameter, &targets);
    Part { spans: Some(spans), test: Test::RefersTo { parameter, targets } }
}

fn inner(
    searcher: &Searcher<'_>,
    type_code: TypeCode,
    (key, value): (&str, &str),
    hops: usize,
    mut each: impl FnMut(ResourceKey) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if hops == 0 {
        return Err(Failure::new(ErrorCode::TooCostly, format!("a chain of more than {HOPS_MAX} hops")));
    }
    if !searcher.caller.filter.types_searchable(type_code.name()) {
        return Ok(());
    }
    let pairs = [(key.to_owned(), value.to_owned())];
    let query = query::read(&searcher.parameters, type_code, &pairs, &searcher.context(true))?;
    if query.clauses.is_empty() {
        return Err(Failure::new(ErrorCode::BadSearch, format!("`{key}` is not a condition")));
    }
    let parts = parts_at(searcher, type_code, &query.clauses, hops - 1)?;
    let mut run = searcher.run(type_code, parts)?;
    let mut found = 0;
    while let Some((_, key)) = run.next_key()? {
        found += 1;
        if found > HOP_HITS_MAX {
            return Err(Failure::new(
                ErrorCode::TooCostly,
                format!("one hop of the chain finds more than {HOP_HITS_MAX} {type_code}; narrow it"),
            ));
        }
        each(key)?;
    }
    Ok(())
}

/// What the rest of a chain finds, over every type that knows the parameter.
fn chained(
    searcher: &Searcher<'_>,
    targets: &[TypeCode],
    key: &str,
    value: &str,
    hops: usize,
) -> Result<HashSet<(TypeCode, Number)>, Failure> {
    let mut found = HashSet::new();
    let mut unknown = None;
    let mut known = false;
    for target in targets {
        let add = |key: ResourceKey| {
            found.insert((*target, key.rid.number));
            Ok(())
        };
        match inner(searcher, *target, (key, value), hops, add) {
            Ok(()) => known = true,
            // Among several target types it is enough that one knows the parameter.
            Err(failure) if failure.code == ErrorCode::BadSearch && targets.len() > 1 => unknown = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    match unknown {
        Some(failure) if !known => Err(failure),
        _ => Ok(found),
    }
}

fn having(
    searcher: &Searcher<'_>,
    type_code: TypeCode,
    source: TypeCode,
    reference: &Parameter,
    condition: (&str, &str),
    hops: usize,
) -> Result<HashSet<ResourceKey>, Failure> {
    let mut keys = HashSet::new();
    inner(searcher, source, condition, hops, |key| {
        if let Some(stored) = searcher.load(&key)? {
            keys.extend(targets_of(searcher, reference, &stored, type_code)?);
        }
        Ok(())
    })?;
    Ok(keys)
}

/// Every registration of the persons that link one of these (`patient:mdm=`), and these themselves.
fn registrations(searcher: &Searcher<'_>, ids: &[String]) -> Result<HashSet<(TypeCode, Number)>, Failure> {
    let encoder = searcher.encoder();
    let person = TypeCode::of("Person").map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    let number = |id: &str| {
        let id = id.strip_prefix("Patient/").unwrap_or(id);
        (TypeCode::PATIENT, IdText::read(encoder.tenant_keys, TypeCode::PATIENT, id).number())
    };
    let mut found: HashSet<_> = ids.iter().map(|id| number(id)).collect();
    let Some(link) = searcher.parameters.get(person, "link") else { return Ok(found) };
    let part = refers_to(searcher, person, link, found.clone());
    let mut run = searcher.run(person, vec![part])?;
    while let Some((_, stored)) = run.next_loaded()? {
        for extracted in link.values(&stored.value()?, &Computed::default()) {
            if let Extracted::Reference { local: Some(("Patient", id)), .. } = extracted {
                found.insert(number(id));
            }
        }
    }
    Ok(found)
}
