//! `_sort`. The clinical date, newest first, is the order that the index has anyway; every other order is made in memory, up to
//! [`SORTED_HITS_MAX`] hits.

use std::cmp::Ordering;

use model::{ErrorCode, Failure, TypeCode};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::Hits;
use super::clinical;
use super::page::PageToken;
use super::query::{Query, Sort, Total};
use super::run::{Run, Searcher};
use crate::keys::Suffix;
use crate::parameters::{Computed, Extracted, normalise};
use crate::resource::{Opener, Stored};

/// How many hits are sorted in memory: at the average body about 20 MB and a quarter of a second.
pub(super) const SORTED_HITS_MAX: usize = 10_000;

/// Whether the answer's order is that of the index.
pub(super) fn is_native(query: &Query<'_>) -> bool {
    match query.options.sort.as_slice() {
        [] => true,
        [one] => one.descending && clinical::parameter_of(query.type_code) == Some(one.parameter.code.as_str()),
        _ => false,
    }
}

/// What one resource is sorted by, for one `_sort` key. Resources without a value come last in either direction.
#[derive(Debug, Clone, PartialEq)]
enum SortKey {
    Text(String),
    Instant(i64),
    Number(Decimal),
    Absent,
}

impl SortKey {
    fn of(sort: &Sort<'_>, stored: &Stored, resource: &Json) -> Self {
        match sort.parameter.code.as_str() {
            "_id" => return Self::Text(stored.id().to_owned()),
            "_lastUpdated" => return Self::Instant(stored.last_updated_ms),
            _ => {}
        }
        let computed = Computed::default();
        let keys =
            sort.parameter.values(resource, &computed).into_iter().filter_map(|value| Self::of_value(sort, &value));
        // A resource with several values is sorted by the one that comes first in the direction asked.
        let better = |a: Self, b: Self| if Self::compare(&a, &b, sort.descending) == Ordering::Greater { b } else { a };
        keys.reduce(better).unwrap_or(Self::Absent)
    }

    fn of_value(sort: &Sort<'_>, value: &Extracted<'_>) -> Option<Self> {
        Some(match value {
            Extracted::Token { system, code, text, .. } => {
                let first = code.or_else(|| text.first().copied())?;
                Self::Text(format!("{}\u{0}{first}", system.unwrap_or_default()))
            }
            Extracted::Reference { local: Some((type_name, id)), .. } => Self::Text(format!("{type_name}/{id}")),
            Extracted::Reference { url, .. } => Self::Text((*url)?.to_owned()),
            Extracted::Text(text) => Self::Text(normalise(text)),
            Extracted::Date { low_ms, high_ms } => Self::Instant(if sort.descending { *high_ms } else { *low_ms }),
            Extracted::Number { span } | Extracted::Quantity { span, .. } => Self::Number(span.low.or(span.high)?),
            Extracted::Uri(uri) => Self::Text((*uri).to_owned()),
            Extracted::Composite(_) => return None,
        })
    }

    fn compare(a: &Self, b: &Self, descending: bool) -> Ordering {
        let order = match (a, b) {
            (Self::Absent, Self::Absent) => return Ordering::Equal,
            (Self::Absent, _) => return Ordering::Greater,
            (_, Self::Absent) => return Ordering::Less,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            // One parameter has one kind of value.
            _ => Ordering::Equal,
        };
        if descending { order.reverse() } else { order }
    }
}

/// Where a hit stands: what it is sorted by, then its place in the index, then its type.
type Place = (Vec<SortKey>, Suffix, TypeCode);

/// One page of a sorted answer; several types are sorted into one list.
///
/// # Errors
/// `too-costly` beyond [`SORTED_HITS_MAX`] hits; `bad-page` when the hit that the link names is gone for good.
pub(super) fn page(
    searcher: &Searcher<'_>,
    queries: &[Query<'_>],
    runs: Vec<Run<'_>>,
    token: Option<&PageToken>,
    raw: &str,
    count: usize,
) -> Result<Hits, Failure> {
    let Some(options) = queries.first().map(|query| &query.options) else { return Ok(Hits::default()) };
    let compare = |a: &Place, b: &Place| compare(&options.sort, a, b);
    let mut hits: Vec<(Place, Stored)> = Vec::new();
    for (query, mut run) in queries.iter().zip(runs) {
        while let Some((suffix, stored)) = run.next_loaded()? {
            if hits.len() == SORTED_HITS_MAX {
                return Err(Failure::new(
                    ErrorCode::TooCostly,
                    format!("more than {SORTED_HITS_MAX} hits cannot be sorted by this; narrow the search"),
                ));
            }
            hits.push(((keys_of(query, &stored)?, suffix, query.type_code), stored));
        }
    }
    let total = hits.len();
    if let Some(token) = token {
        let query = queries.iter().find(|query| query.type_code == token.type_code).ok_or_else(gone)?;
        let last = (last_keys(searcher, query, token)?, token.last, token.type_code);
        hits.retain(|(place, _)| compare(place, &last) == Ordering::Greater);
    }
    hits.sort_by(|(a, _), (b, _)| compare(a, b));
    let more = hits.len() > count;
    hits.truncate(count);
    let next = hits.last().filter(|_| more).map(|((_, suffix, type_code), stored)| PageToken {
        query: raw.to_owned(),
        type_code: *type_code,
        last: *suffix,
        version: stored.version,
        before: 0,
    });
    let total = (options.total != Total::None).then_some(total);
    Ok(Hits { matches: hits.into_iter().map(|(_, stored)| stored).collect(), total, next })
}

fn compare(sorts: &[Sort<'_>], a: &Place, b: &Place) -> Ordering {
    for (at, sort) in sorts.iter().enumerate() {
        let order = SortKey::compare(&a.0[at], &b.0[at], sort.descending);
        if order != Ordering::Equal {
            return order;
        }
    }
    (a.1, a.2).cmp(&(b.1, b.2))
}

fn gone() -> Failure {
    Failure::new(ErrorCode::BadPage, "the page link is too old")
}

fn keys_of(query: &Query<'_>, stored: &Stored) -> Result<Vec<SortKey>, Failure> {
    let resource = stored.value()?;
    Ok(query.options.sort.iter().map(|sort| SortKey::of(sort, stored, &resource)).collect())
}

/// What the last hit of the page before was sorted by: read from the version it had then, which history keeps.
fn last_keys(searcher: &Searcher<'_>, query: &Query<'_>, token: &PageToken) -> Result<Vec<SortKey>, Failure> {
    let key = token.last.resource(searcher.caller.tenant(), query.type_code);
    let mut opener = Opener::new(&searcher.records.store, key.tenant);
    let stored = searcher.records.version(searcher.snapshot, &mut opener, &key, token.version)?;
    keys_of(query, &stored.ok_or_else(gone)?)
}
