//! `_include` and `_revinclude`, with `:iterate`: resources around the hits, under the same filter as the hits.

use std::collections::HashSet;

use model::{ErrorCode, Failure, ResourceKey, TypeCode};
use standards::SearchKind;

use super::plan::{Part, Test, referred};
use super::query::{Include, Query};
use super::run::Searcher;
use super::spans;
use crate::keys::IdText;
use crate::parameters::{Computed, Extracted, Parameter};
use crate::resource::Stored;

/// How many resources the includes of one page may add; a page with more is refused rather than cut silently.
const INCLUDED_MAX: usize = 5_000;
/// How often `:iterate` goes round: deeper chains of references are loops.
const ROUNDS_MAX: usize = 8;

/// Everything that the includes of the query add to a page.
///
/// # Errors
/// `too-costly` beyond [`INCLUDED_MAX`].
pub(super) fn run(searcher: &Searcher<'_>, query: &Query<'_>, matches: &[Stored]) -> Result<Vec<Stored>, Failure> {
    let includes = &query.options.includes;
    if includes.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen: HashSet<ResourceKey> = matches.iter().map(|stored| stored.key).collect();
    let mut found: Vec<Stored> = Vec::new();
    let first: Vec<&Include> = includes.iter().collect();
    let mut fresh = round(searcher, &first, matches, &mut seen)?;
    let again: Vec<&Include> = includes.iter().filter(|include| include.iterate).collect();
    for _ in 0..ROUNDS_MAX {
        if fresh.is_empty() {
            break;
        }
        found.append(&mut fresh);
        if again.is_empty() {
            break;
        }
        let from = found.len();
        // Iterating includes look at everything found so far; `seen` keeps the rounds short.
        fresh = round(searcher, &again, &found[..from], &mut seen)?;
        if found.len() + fresh.len() > INCLUDED_MAX {
            return Err(too_many());
        }
    }
    found.append(&mut fresh);
    Ok(found)
}

fn too_many() -> Failure {
    Failure::new(ErrorCode::TooCostly, format!("the includes of this page are more than {INCLUDED_MAX} resources"))
}

fn round(
    searcher: &Searcher<'_>,
    includes: &[&Include],
    around: &[Stored],
    seen: &mut HashSet<ResourceKey>,
) -> Result<Vec<Stored>, Failure> {
    let mut found = Vec::new();
    for include in includes {
        let targets = if include.reverse {
            referring(searcher, include, around)?
        } else {
            referred_to(searcher, include, around)?
        };
        for key in targets {
            if !seen.insert(key) {
                continue;
            }
            if let Some(stored) = searcher.load(&key)? {
                found.push(stored);
            }
            if found.len() > INCLUDED_MAX {
                return Err(too_many());
            }
        }
    }
    Ok(found)
}

fn reference_parameters<'p>(searcher: &'p Searcher<'_>, include: &Include) -> Vec<&'p Parameter> {
    let parameters = &searcher.parameters;
    match &include.code {
        Some(code) => parameters.get(include.source, code).into_iter().collect(),
        None => parameters.of_type(include.source).filter(|it| it.kind == SearchKind::Reference).collect(),
    }
}

/// What the resources of the source type refer to.
fn referred_to(searcher: &Searcher<'_>, include: &Include, around: &[Stored]) -> Result<Vec<ResourceKey>, Failure> {
    let parameters = reference_parameters(searcher, include);
    let mut keys = Vec::new();
    for stored in around.iter().filter(|stored| stored.key.rid.type_code == include.source) {
        let (resource, computed) = (stored.value()?, Computed::default());
        for extracted in parameters.iter().flat_map(|parameter| parameter.values(&resource, &computed)) {
            let Extracted::Reference { local: Some((type_name, id)), .. } = extracted else { continue };
            let Ok(type_code) = TypeCode::of(type_name) else { continue };
            if include.target.is_some_and(|target| target != type_code) {
                continue;
            }
            keys.extend(searcher.records.locate(searcher.snapshot, searcher.caller.tenant(), type_code, id)?);
        }
    }
    Ok(keys)
}

/// The resources of the source type that refer to one of these.
fn referring(searcher: &Searcher<'_>, include: &Include, around: &[Stored]) -> Result<Vec<ResourceKey>, Failure> {
    if include.target.is_some_and(|target| around.iter().all(|stored| stored.key.rid.type_code != target)) {
        return Ok(Vec::new());
    }
    let encoder = searcher.encoder();
    let mut keys = Vec::new();
    for parameter in reference_parameters(searcher, include) {
        let targets: HashSet<_> = around
            .iter()
            .filter(|stored| include.target.is_none_or(|target| stored.key.rid.type_code == target))
            .map(|stored| {
                let type_code = stored.key.rid.type_code;
                (type_code, IdText::read(encoder.tenant_keys, type_code, stored.id()).number())
            })
            .collect();
        if targets.is_empty() {
            continue;
        }
        let spans = spans::references(&encoder, include.source, parameter, &targets);
        let part = Part { spans: Some(spans), test: Test::RefersTo { parameter, targets } };
        let mut run = searcher.run(include.source, vec![part])?;
        while let Some((_, key)) = run.next_key()? {
            keys.push(key);
            if keys.len() > INCLUDED_MAX {
                return Err(too_many());
            }
        }
    }
    Ok(keys)
}

/// Used by `resolve` for the other direction of a chain.
pub(super) fn targets_of(
    searcher: &Searcher<'_>,
    parameter: &Parameter,
    stored: &Stored,
    wanted: TypeCode,
) -> Result<Vec<ResourceKey>, Failure> {
    let (resource, computed) = (stored.value()?, Computed::default());
    let encoder = searcher.encoder();
    let mut keys = Vec::new();
    for extracted in parameter.values(&resource, &computed) {
        if referred(&encoder, &extracted).is_none_or(|(type_code, _)| type_code != wanted) {
            continue;
        }
        let Extracted::Reference { local: Some((_, id)), .. } = extracted else { continue };
        keys.extend(searcher.records.locate(searcher.snapshot, searcher.caller.tenant(), wanted, id)?);
    }
    Ok(keys)
}
