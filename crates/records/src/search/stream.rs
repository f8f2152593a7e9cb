//! Ordered lists of suffixes: what every search is made of.
//!
//! A list whose rows share one value is already ordered by suffix and is walked where it lies; a list that spans several
//! values (a date range, a number range) is collected and sorted first, within a limit. Either way the reader sees one
//! [`Stream`] that goes forward and can be told to skip ahead.

use model::{ErrorCode, Failure};
use store::{Cursor, Keyspace, Snapshot};

use crate::keys::{SUFFIX_BYTES, Suffix};
use crate::resource::engine_failure;

/// How many rows a range may collect: 24 MB of suffixes. Beyond that a page would keep the memory of many requests busy.
pub(crate) const COLLECTED_ROWS_MAX: usize = 1_000_000;

/// How many `next` steps are tried before a real seek: neighbours are cheaper to walk than to look up.
const STEPS_BEFORE_SEEK: usize = 4;

/// What an index row says about a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// Not a hit.
    No,
    /// The body decides.
    Verify,
    /// A hit.
    Sure,
}

/// Reads the value bytes of a row (everything between prefix and suffix).
pub(crate) type Check = Box<dyn Fn(&[u8]) -> Certainty + Send + Sync>;

/// A range of index keys.
pub(crate) struct Span {
    pub(crate) keyspace: Keyspace,
    /// What every key of the span starts with.
    pub(crate) prefix: Vec<u8>,
    /// First key, at or after `prefix`.
    pub(crate) from: Vec<u8>,
    /// First key behind the span.
    pub(crate) to: Vec<u8>,
    pub(crate) judge: Judge,
}

/// What the rows of a span say.
pub(crate) enum Judge {
    /// The prefix holds the whole value: all rows say the same, and they lie in suffix order.
    Pinned(Certainty),
    /// The prefix ends with the code of a token: behind it stand a few systems, each an ordered list of its own.
    AnySystem(Certainty),
    /// Each row says something else.
    Ranged(Check),
}

impl Span {
    /// Every row that starts with `prefix`, which holds the whole value: sure hits.
    pub(crate) fn pinned(keyspace: Keyspace, prefix: Vec<u8>) -> Self {
        Self::pinned_as(keyspace, prefix, Certainty::Sure)
    }

    /// Every row that starts with `prefix`, which holds the whole value.
    pub(crate) fn pinned_as(keyspace: Keyspace, prefix: Vec<u8>, certainty: Certainty) -> Self {
        let to = store::prefix_end(&prefix);
        Self { keyspace, from: prefix.clone(), to, prefix, judge: Judge::Pinned(certainty) }
    }

    /// Whether the rows are one ordered list, or a few.
    pub(crate) fn is_pinned(&self) -> bool {
        matches!(self.judge, Judge::Pinned(_) | Judge::AnySystem(_))
    }

    /// The same span under another prefix, where the same values stand.
    pub(crate) fn moved(&self, keyspace: Keyspace, prefix: Vec<u8>) -> Self {
        let judge = match &self.judge {
            Judge::AnySystem(certainty) => Judge::AnySystem(*certainty),
            Judge::Pinned(certainty) => Judge::Pinned(*certainty),
            Judge::Ranged(_) => Judge::Pinned(Certainty::Verify),
        };
        Self { judge, ..Self::pinned(keyspace, prefix) }
    }

    /// Rows from `prefix‖low` up to those starting with `prefix‖high`, each judged by `check`.
    pub(crate) fn ranged(keyspace: Keyspace, prefix: Vec<u8>, low: &[u8], high: &[u8], check: Check) -> Self {
        let mut from = prefix.clone();
        from.extend_from_slice(low);
        let mut last = prefix.clone();
        last.extend_from_slice(high);
        Self { keyspace, from, to: store::prefix_end(&last), prefix, judge: Judge::Ranged(check) }
    }
}

/// A list of suffixes in ascending order, each once.
pub(crate) enum Stream<'s> {
    /// Lists read where they lie.
    Walked(Vec<Walk<'s>>),
    /// A collected list and the position in it.
    Collected(Vec<(Suffix, Certainty)>, usize),
}

/// One pinned span being walked.
pub(crate) struct Walk<'s> {
    cursor: Box<dyn Cursor + 's>,
    prefix: Vec<u8>,
    certainty: Certainty,
    head: Option<Suffix>,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<(), Failure> {
        self.head = self.cursor.next().map_err(engine_failure)?.and_then(|(key, _)| Suffix::of_key(key));
        Ok(())
    }

    fn seek(&mut self, to: &Suffix) -> Result<(), Failure> {
        for _ in 0..STEPS_BEFORE_SEEK {
            match self.head {
                Some(head) if head < *to => self.step()?,
                _ => return Ok(()),
            }
        }
        if self.head.is_some_and(|head| head < *to) {
            let mut key = self.prefix.clone();
            key.extend_from_slice(&to.0);
            self.cursor.seek(&key).map_err(engine_failure)?;
            self.step()?;
        }
        Ok(())
    }
}

/// How many pinned lists are merged in place; more are collected, since each step looks at every head.
const WALKED_LISTS_MAX: usize = 16;

impl<'s> Stream<'s> {
    /// Opens the union of spans.
    ///
    /// # Errors
    /// `too-costly` when a range holds more than [`COLLECTED_ROWS_MAX`] rows.
    pub(crate) fn open(snapshot: &'s dyn Snapshot, spans: &[Span]) -> Result<Self, Failure> {
        if spans.iter().all(Span::is_pinned) {
            let mut lists = Vec::new();
            let mut short = Vec::new();
            for span in spans {
                match span.judge {
                    Judge::AnySystem(certainty) => {
                        if !collect_short(snapshot, span, certainty, &mut short)? {
                            lists.extend(systems(snapshot, span, certainty)?);
                        }
                    }
                    _ => lists.push((span.prefix.clone(), span.keyspace, span.to.clone(), pinned_certainty(span))),
                }
            }
            if lists.is_empty() {
                return Ok(Self::of(short));
            }
            if short.is_empty() && lists.len() <= WALKED_LISTS_MAX {
                return Self::walk(snapshot, lists);
            }
        }
        let mut rows = Vec::new();
        for span in spans {
            collect(snapshot, span, &mut rows)?;
        }
        Ok(Self::of(rows))
    }

    fn walk(snapshot: &'s dyn Snapshot, lists: Vec<List>) -> Result<Self, Failure> {
        let mut walks = Vec::with_capacity(lists.len());
        for (prefix, keyspace, to, certainty) in lists {
            let cursor = snapshot.scan(keyspace, &prefix, &to);
            let mut walk = Walk { cursor, prefix, certainty, head: None };
            walk.step()?;
            walks.push(walk);
        }
        Ok(Self::Walked(walks))
    }

    /// A list that was found in another way. The surest word about each suffix stays.
    pub(crate) fn of(mut rows: Vec<(Suffix, Certainty)>) -> Self {
        rows.sort_unstable_by(|(a, sure_a), (b, sure_b)| a.cmp(b).then(sure_b.cmp(sure_a)));
        rows.dedup_by_key(|(suffix, _)| *suffix);
        Self::Collected(rows, 0)
    }

    /// The next suffix.
    pub(crate) fn next(&mut self) -> Result<Option<(Suffix, Certainty)>, Failure> {
        match self {
            Self::Collected(rows, at) => {
                let row = rows.get(*at).copied();
                *at += 1;
                Ok(row)
            }
            Self::Walked(walks) => {
                let Some(least) = walks.iter().filter_map(|walk| walk.head).min() else { return Ok(None) };
                let mut certainty = Certainty::No;
                for walk in walks.iter_mut().filter(|walk| walk.head == Some(least)) {
                    certainty = certainty.max(walk.certainty);
                    walk.step()?;
                }
                Ok(Some((least, certainty)))
            }
        }
    }

    /// Skips everything before `to`.
    pub(crate) fn seek(&mut self, to: &Suffix) -> Result<(), Failure> {
        match self {
            Self::Collected(rows, at) => {
                *at += rows.get(*at..).unwrap_or_default().partition_point(|(suffix, _)| suffix < to);
                Ok(())
            }
            Self::Walked(walks) => walks.iter_mut().try_for_each(|walk| walk.seek(to)),
        }
    }

    /// What the list says about one suffix; suffixes must be asked in ascending order.
    pub(crate) fn contains(&mut self, suffix: &Suffix) -> Result<Certainty, Failure> {
        self.seek(suffix)?;
        match self {
            Self::Collected(rows, at) => {
                Ok(rows.get(*at).filter(|(found, _)| found == suffix).map_or(Certainty::No, |(_, sure)| *sure))
            }
            Self::Walked(walks) => {
                let here = walks.iter().filter(|walk| walk.head == Some(*suffix));
                Ok(here.map(|walk| walk.certainty).max().unwrap_or(Certainty::No))
            }
        }
    }
}

/// An ordered list: prefix, keyspace, end, and what its rows say.
type List = (Vec<u8>, Keyspace, Vec<u8>, Certainty);

fn pinned_certainty(span: &Span) -> Certainty {
    match span.judge {
        Judge::Pinned(certainty) | Judge::AnySystem(certainty) => certainty,
        Judge::Ranged(_) => Certainty::Verify,
    }
}

/// A code inside one patient's compartment has a handful of rows: reading them all is cheaper than finding the systems first.
const SHORT_LIST_ROWS: usize = 48;

/// Reads a short span whole; `false` (and nothing added) when it is longer.
fn collect_short(
    snapshot: &dyn Snapshot,
    span: &Span,
    certainty: Certainty,
    rows: &mut Vec<(Suffix, Certainty)>,
) -> Result<bool, Failure> {
    let before = rows.len();
    let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
    while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
        if rows.len() - before == SHORT_LIST_ROWS {
            rows.truncate(before);
            return Ok(false);
        }
        rows.extend(Suffix::of_key(key).map(|suffix| (suffix, certainty)));
    }
    Ok(true)
}

/// The lists behind a code, one for each system, found by skipping from one to the next.
fn systems(snapshot: &dyn Snapshot, span: &Span, certainty: Certainty) -> Result<Vec<List>, Failure> {
    let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
    let mut lists = Vec::new();
    loop {
        let next = cursor.next().map_err(engine_failure)?;
        let Some(prefix) = next.and_then(|(key, _)| key.get(..span.prefix.len() + 4)).map(<[u8]>::to_vec) else {
            return Ok(lists);
        };
        let behind = store::prefix_end(&prefix);
        cursor.seek(&behind).map_err(engine_failure)?;
        lists.push((prefix, span.keyspace, behind, certainty));
    }
}

fn collect(snapshot: &dyn Snapshot, span: &Span, rows: &mut Vec<(Suffix, Certainty)>) -> Result<(), Failure> {
    let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
    while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
        let Some(suffix) = Suffix::of_key(key) else { continue };
        let value = key.get(span.prefix.len()..key.len() - SUFFIX_BYTES).unwrap_or_default();
        let certainty = match &span.judge {
            Judge::Pinned(certainty) | Judge::AnySystem(certainty) => *certainty,
            Judge::Ranged(check) => check(value),
        };
        if certainty == Certainty::No {
            continue;
        }
        if rows.len() == COLLECTED_ROWS_MAX {
            return Err(Failure::new(
                ErrorCode::TooCostly,
                format!("a range of this search holds more than {COLLECTED_ROWS_MAX} index rows"),
            ));
        }
        rows.push((suffix, certainty));
    }
    Ok(())
}

/// Counts the rows of spans up to `limit`, as a measure of cost.
pub(crate) fn count_rows(snapshot: &dyn Snapshot, spans: &[Span], limit: usize) -> Result<usize, Failure> {
    let mut count = 0;
    for span in spans {
        let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
        while cursor.next().map_err(engine_failure)?.is_some() {
            count += 1;
            if count >= limit {
                return Ok(count);
            }
        }
    }
    Ok(count)
}
