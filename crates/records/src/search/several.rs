//! A search over several types at once (`_type=Condition,Observation`): every type is planned by itself, and the lists are merged by
//! clinical date, newest first. A page link holds the last hit with its type, so no state is kept between pages.
//!
//! Only parameters that all the types have can be asked: one that is missing in a type would widen the search there.

use model::{ErrorCode, Failure, TypeCode};

use super::Hits;
use super::page::PageToken;
use super::query::{Query, Total};
use super::run::{Run, Searcher};
use super::{resolve, sort};
use crate::keys::Suffix;
use crate::parameters::Parameters;
use crate::resource::Stored;

/// The types that a search of the system names, each once, in the order given.
///
/// # Errors
/// `not-supported` without `_type`: a search over everything that is stored has no bound. `bad-search` for what is no type.
pub(super) fn types(pairs: &[(String, String)]) -> Result<Vec<TypeCode>, Failure> {
    let mut named = pairs.iter().filter(|(key, _)| key == "_type");
    let (_, names) = named.next().ok_or_else(|| {
        Failure::new(
            ErrorCode::NotSupported,
            "a search over the whole system needs `_type` with one or more resource types, such as `_type=Condition,Observation`",
        )
    })?;
    if named.next().is_some() {
        return Err(Failure::new(ErrorCode::BadSearch, "`_type` is given once, its types separated by commas"));
    }
    let mut types = Vec::new();
    for name in names.split(',').map(str::trim) {
        let type_code =
            TypeCode::of(name).map_err(|error| Failure::new(ErrorCode::BadSearch, format!("`_type`: {error}")))?;
        if !types.contains(&type_code) {
            types.push(type_code);
        }
    }
    Ok(types)
}

/// A failure of reading the query for one of several types, with what all of them can be asked.
pub(super) fn with_alternatives(parameters: &Parameters, types: &[TypeCode], failure: Failure) -> Failure {
    let ([first, others @ ..], ErrorCode::BadSearch) = (types, failure.code) else { return failure };
    if others.is_empty() {
        return failure;
    }
    let is_common = |code: &str| others.iter().all(|other| parameters.get(*other, code).is_some());
    let common: Vec<&str> =
        parameters.of_type(*first).map(|it| it.code.as_str()).filter(|code| is_common(code)).collect();
    let names: Vec<&str> = types.iter().map(|type_code| type_code.name()).collect();
    let detail = format!("{}; {} have in common: {}", failure.detail, names.join(", "), common.join(", "));
    Failure::new(failure.code, detail)
}

/// Refuses orders that are not one order for all types: a name that means a date here and a code there.
pub(super) fn check_sort(queries: &[Query<'_>]) -> Result<(), Failure> {
    let Some((first, others)) = queries.split_first() else { return Ok(()) };
    for (at, sort) in first.options.sort.iter().enumerate() {
        let same =
            |other: &Query<'_>| other.options.sort.get(at).map(|it| it.parameter.kind) == Some(sort.parameter.kind);
        if let Some(other) = others.iter().find(|other| !same(other)) {
            let code = &sort.parameter.code;
            let detail =
                format!("`_sort={code}` compares different things in {} and {}", first.type_code, other.type_code);
            return Err(Failure::new(ErrorCode::BadSearch, detail));
        }
    }
    Ok(())
}

/// The list of one type, with its first hit in hand.
struct List<'p> {
    run: Run<'p>,
    head: Option<(Suffix, Stored)>,
}

/// One page of hits of several types.
///
/// # Errors
/// As the search of each type.
pub(super) fn page(
    searcher: &Searcher<'_>,
    queries: &[Query<'_>],
    token: Option<&PageToken>,
    raw: &str,
    count: usize,
) -> Result<Hits, Failure> {
    let mut runs = Vec::with_capacity(queries.len());
    for query in queries {
        runs.push(searcher.run(query.type_code, resolve::parts(searcher, query)?)?);
    }
    if queries.iter().any(|query| !query.options.sort.is_empty()) {
        return sort::page(searcher, queries, runs, token, raw, count);
    }
    let mut lists = lists(queries, runs, token)?;
    let mut matches = Vec::with_capacity(count.min(256));
    let mut last = None;
    while matches.len() < count {
        // Of equal suffixes the type that was named first comes first.
        let heads = lists.iter().enumerate().filter_map(|(at, list)| Some((list.head.as_ref()?.0, at)));
        let Some((suffix, at)) = heads.min() else { break };
        let next = lists[at].run.next_loaded()?;
        matches.extend(std::mem::replace(&mut lists[at].head, next).map(|(_, stored)| stored));
        last = Some((suffix, queries[at].type_code));
    }
    let total = queries.first().map(|query| query.options.total).unwrap_or_default();
    let mut more = Some(0);
    for list in &mut lists {
        // A total that is not known any more is not counted on.
        if more.is_none() {
            break;
        }
        let rest = if total == Total::None { None } else { list.run.count_rest(total)? };
        more = more.zip(rest).map(|(sum, rest)| sum + rest + usize::from(list.head.is_some()));
    }
    let seen = token.map_or(0, |token| token.before) + matches.len();
    let has_next = lists.iter().any(|list| list.head.is_some());
    let next = last.filter(|_| has_next).map(|(last, type_code)| PageToken {
        query: raw.to_owned(),
        type_code,
        last,
        before: seen,
        version: 0,
    });
    Ok(Hits { matches, total: more.map(|more| seen + more), next })
}

/// Stands every list behind the last hit of the page before, in the merged order.
fn lists<'p>(queries: &[Query<'_>], runs: Vec<Run<'p>>, token: Option<&PageToken>) -> Result<Vec<List<'p>>, Failure> {
    let named = |type_code| queries.iter().position(|query| query.type_code == type_code);
    let place = match token {
        None => None,
        Some(token) => {
            let bad = || Failure::new(ErrorCode::BadPage, "`_page` is not a link of this search");
            Some((named(token.type_code).ok_or_else(bad)?, token.last))
        }
    };
    let mut lists = Vec::with_capacity(runs.len());
    for (at, mut run) in runs.into_iter().enumerate() {
        match place {
            Some((named, last)) if at <= named => run.skip_past(&last)?,
            Some((_, last)) => run.skip_to(&last)?,
            None => {}
        }
        let head = run.next_loaded()?;
        lists.push(List { run, head });
    }
    Ok(lists)
}
