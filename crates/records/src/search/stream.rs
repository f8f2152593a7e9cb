//! Ordered lists of suffixes: what every search is made of.
//!
//! A list whose rows share one value is already ordered by suffix and is walked where it lies; a list that spans several
//! values (a date range, a number range) is collected and sorted first, within a limit. Either way the reader sees one
//! [`Stream`] that goes forward and can be told to skip ahead.

use model::{ErrorCode, Failure};
use store::{Cursor, Keyspace, Snapshot};

use crate::keys::{SUFFIX_BYTES, Suffix};

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

    /// Whether the rows lie in suffix order.
    pub(crate) fn is_pinned(&self) -> bool {
        matches!(self.judge, Judge::Pinned(_))
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
        if spans.len() <= WALKED_LISTS_MAX && spans.iter().all(Span::is_pinned) {
            let mut walks = Vec::with_capacity(spans.len());
            for span in spans {
                let Judge::Pinned(certainty) = span.judge else { continue };
                let cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
                let mut walk = Walk { cursor, prefix: span.prefix.clone(), certainty, head: None };
                walk.step()?;
                walks.push(walk);
            }
            return Ok(Self::Walked(walks));
        }
        let mut rows = Vec::new();
        for span in spans {
            collect(snapshot, span, &mut rows)?;
        }
        Ok(Self::of(rows))
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

fn collect(snapshot: &dyn Snapshot, span: &Span, rows: &mut Vec<(Suffix, Certainty)>) -> Result<(), Failure> {
    let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
    while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
        let Some(suffix) = Suffix::of_key(key) else { continue };
        let value = key.get(span.prefix.len()..key.len() - SUFFIX_BYTES).unwrap_or_default();
        let certainty = match &span.judge {
            Judge::Pinned(certainty) => *certainty,
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

/// An engine that refused, as a failure of the request.
#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(crate) fn engine_failure(error: store::EngineError) -> Failure {
    match error {
        store::EngineError::DiskFull => Failure::new(ErrorCode::DiskFull, "the disk is full"),
        other => Failure::new(ErrorCode::Internal, other.to_string()),
    }
}
