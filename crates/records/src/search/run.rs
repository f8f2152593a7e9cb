//! Running a plan: candidates come from the leading list, keys and bodies decide.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use model::{ErrorCode, Failure, ResourceKey, TypeCode};
use serde_json::Value as Json;
use store::{Keyspace, Precondition, Snapshot};
use trust::{Patients, TenantKeys};

use super::plan::{Goal, Part, Plan, Planner, Test, judge};
use super::query::{Context, Total};
use super::spans::Encoder;
use super::stream::{Certainty, Span, Stream};
use super::{TOTAL_CHEAP_ROWS, TOTAL_MAX};
use crate::index;
use crate::keys::{self, Suffix};
use crate::resource::{Opener, Stored, engine_failure};
use crate::{Caller, Parameters, Records};

/// How many bodies one request may open before it is refused: about two seconds of one core.
const BODIES_MAX: usize = 100_000;

/// How many index rows a precondition may list: conditions of writes are identifiers, which have one or two.
const PRECONDITION_ROWS_MAX: usize = 64;

/// Everything that one request's searches share: the snapshot, the caller, the count of what it has cost.
pub(crate) struct Searcher<'s> {
    pub(crate) records: &'s Records,
    pub(crate) snapshot: &'s dyn Snapshot,
    pub(crate) caller: &'s Caller,
    pub(crate) tenant_keys: Arc<TenantKeys>,
    /// Of the index generation that answers in this snapshot.
    pub(crate) parameters: Arc<Parameters>,
    opener: RefCell<Opener>,
    bodies: Cell<usize>,
}

impl<'s> Searcher<'s> {
    pub(crate) fn new(records: &'s Records, snapshot: &'s dyn Snapshot, caller: &'s Caller) -> Result<Self, Failure> {
        let tenant = caller.tenant();
        Ok(Self {
            records,
            snapshot,
            caller,
            tenant_keys: records.store.tenant(tenant),
            parameters: Arc::clone(records.generations(snapshot)?.asked(tenant)),
            opener: RefCell::new(Opener::new(&records.store, tenant)),
            bodies: Cell::new(0),
        })
    }

    /// What turns values of this tenant into index keys.
    pub(crate) fn encoder(&self) -> Encoder<'_> {
        Encoder {
            tenant_keys: &self.tenant_keys,
            tenant: self.caller.tenant(),
            parameters: &self.parameters,
            snapshot: self.snapshot,
            store: &self.records.store,
        }
    }

    /// What reading a query string needs.
    pub(crate) fn context(&self, strict: bool) -> Context<'_> {
        Context { strict, base_url: &self.caller.base_url, now_ms: self.records.clock.now_ms() }
    }

    /// Opens the current version at an address, counting the cost. `None`: deleted or hidden from the caller.
    pub(crate) fn load(&self, key: &ResourceKey) -> Result<Option<Stored>, Failure> {
        self.bodies.set(self.bodies.get() + 1);
        if self.bodies.get() > BODIES_MAX {
            return Err(Failure::new(
                ErrorCode::TooCostly,
                format!("the search would have to open more than {BODIES_MAX} resources"),
            ));
        }
        let row = self.snapshot.get(Keyspace::Resource, &keys::resource(key)).map_err(engine_failure)?;
        let Some(row) = row else { return Ok(None) };
        let stored = self.opener.borrow_mut().open(key, &row)?;
        if stored.is_deleted() || !self.records.visible(self.caller, &stored)? {
            return Ok(None);
        }
        Ok(Some(stored))
    }

    /// Plans the parts and stands before the first hit.
    pub(crate) fn run<'p>(&'p self, type_code: TypeCode, parts: Vec<Part<'p>>) -> Result<Run<'p>, Failure> {
        self.run_for(type_code, parts, Goal::Page)
    }

    /// As [`Searcher::run`]; a count is planned so that bodies stay closed.
    pub(crate) fn run_for<'p>(
        &'p self,
        type_code: TypeCode,
        parts: Vec<Part<'p>>,
        goal: Goal,
    ) -> Result<Run<'p>, Failure> {
        if !self.caller.filter.types_searchable(type_code.name()) {
            return Ok(Run {
                searcher: self,
                type_code,
                plan: Plan::nothing(),
                hidden_possible: false,
                own_date: None,
            });
        }
        let mut parts = parts;
        let named = parts.iter().position(|part| matches!(part.test, Test::IsOneOf(_)));
        let hidden_possible = self.hidden_possible(type_code)?;
        let encoder = self.encoder();
        let plan = if let Some(named) = named {
            let part = parts.swap_remove(named);
            let Test::IsOneOf(keys) = &part.test else { return Err(Failure::new(ErrorCode::Internal, "plan")) };
            let leader = self.listed(keys)?;
            Plan { leader, probes: Vec::new(), dates: Vec::new(), body_decides: !parts.is_empty(), parts }
        } else {
            Planner { snapshot: self.snapshot, parameters: &self.parameters, encoder, type_code, goal }.plan(parts)?
        };
        Ok(Run { searcher: self, type_code, plan, hidden_possible, own_date: None })
    }

    /// A list of known addresses, each with its place in the order.
    fn listed(&self, keys: &std::collections::HashSet<ResourceKey>) -> Result<Stream<'s>, Failure> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(stored) = self.load(key)? {
                rows.push((index::suffix(&self.parameters, key, &stored.value()?), Certainty::Sure));
            }
        }
        Ok(Stream::of(rows))
    }

    /// Whether some resource of the type may be hidden from the caller: then no key alone is a hit.
    fn hidden_possible(&self, type_code: TypeCode) -> Result<bool, Failure> {
        let filter = &self.caller.filter;
        if !matches!(filter.patients(), Patients::All) {
            return Ok(true);
        }
        if filter.hidden_labels().is_empty() {
            return Ok(false);
        }
        // Labelled resources are rare: one look says whether the type has any.
        let Some(security) = self.parameters.get(type_code, "_security") else { return Ok(true) };
        let prefix = keys::index_prefix(self.caller.tenant(), self.parameters.generation(), type_code, security.number);
        let mut labelled = self.snapshot.scan(Keyspace::Index, &prefix, &store::prefix_end(&prefix));
        Ok(labelled.next().map_err(engine_failure)?.is_some())
    }
}

/// A plan being run.
pub(crate) struct Run<'p> {
    searcher: &'p Searcher<'p>,
    type_code: TypeCode,
    plan: Plan<'p, 'p>,
    hidden_possible: bool,
    /// Only hits whose clinical date is (or is not) a value of the type's date parameter.
    own_date: Option<bool>,
}

impl Run<'_> {
    /// The next candidate that no key excludes.
    fn candidate(&mut self) -> Result<Option<(Suffix, Certainty)>, Failure> {
        while let Some((suffix, certainty)) = self.plan.leader.next()? {
            if self.own_date.is_some_and(|own| own != suffix.date().is_own()) {
                continue;
            }
            if let Some(certainty) = judge(&mut self.plan, &suffix, certainty)? {
                return Ok(Some((suffix, certainty)));
            }
        }
        Ok(None)
    }

    /// Keeps only hits whose clinical date is (or is not) a value of the type's date parameter.
    pub(crate) fn only_own_date(mut self, own: Option<bool>) -> Self {
        self.own_date = own;
        self
    }

    fn key(&self, suffix: &Suffix) -> ResourceKey {
        suffix.resource(self.searcher.caller.tenant(), self.type_code)
    }

    /// Opens a candidate and asks the body, if a key could not decide.
    fn verified(&self, suffix: &Suffix, certainty: Certainty) -> Result<Option<Stored>, Failure> {
        let key = self.key(suffix);
        let Some(stored) = self.searcher.load(&key)? else { return Ok(None) };
        if certainty == Certainty::Verify {
            let resource: Json = stored.value()?;
            let encoder = self.searcher.encoder();
            if !self.plan.parts.iter().all(|part| part.test.holds(&encoder, &key, &resource)) {
                return Ok(None);
            }
        }
        Ok(Some(stored))
    }

    /// The next hit, opened.
    pub(crate) fn next_loaded(&mut self) -> Result<Option<(Suffix, Stored)>, Failure> {
        while let Some((suffix, certainty)) = self.candidate()? {
            if let Some(stored) = self.verified(&suffix, certainty)? {
                return Ok(Some((suffix, stored)));
            }
        }
        Ok(None)
    }

    /// The next hit, opened only if a key cannot decide.
    pub(crate) fn next_key(&mut self) -> Result<Option<(Suffix, ResourceKey)>, Failure> {
        while let Some((suffix, certainty)) = self.candidate()? {
            if (certainty == Certainty::Sure && !self.hidden_possible) || self.verified(&suffix, certainty)?.is_some() {
                return Ok(Some((suffix, self.key(&suffix))));
            }
        }
        Ok(None)
    }

    /// How many hits are left; `None` when more than `limit`.
    pub(crate) fn count_up_to(&mut self, limit: usize) -> Result<Option<usize>, Failure> {
        let mut count = 0;
        while self.next_key()?.is_some() {
            count += 1;
            if count > limit {
                return Ok(None);
            }
        }
        Ok(Some(count))
    }

    /// How many hits follow the page, as far as the client wants to know: `Some(0)` means that this was the last page.
    pub(crate) fn count_rest(&mut self, total: Total) -> Result<Option<usize>, Failure> {
        match total {
            Total::Accurate => self.count_up_to(TOTAL_MAX),
            Total::WhenCheap if !self.plan.body_decides && !self.hidden_possible => self.count_up_to(TOTAL_CHEAP_ROWS),
            Total::WhenCheap | Total::None => Ok(if self.next_key()?.is_some() { None } else { Some(0) }),
        }
    }

    /// Continues behind a hit of an earlier page.
    pub(crate) fn skip_past(&mut self, last: &Suffix) -> Result<(), Failure> {
        let mut next = *last;
        // The smallest suffix that is greater: suffixes never end in 0xff bytes all the way, and if they did nothing follows.
        for byte in next.0.iter_mut().rev() {
            if *byte < u8::MAX {
                *byte += 1;
                break;
            }
            *byte = 0;
        }
        self.skip_to(&next)
    }

    /// Continues at a place in the order.
    pub(crate) fn skip_to(&mut self, next: &Suffix) -> Result<(), Failure> {
        self.plan.leader.seek(next)
    }
}

/// What must still hold at commit for a condition to find what it found: the rows of its shortest exact list are the same.
pub(crate) fn preconditions(snapshot: &dyn Snapshot, parts: &[Part<'_>]) -> Result<Vec<Precondition>, Failure> {
    let mut shortest: Option<Vec<Precondition>> = None;
    for spans in parts.iter().filter_map(|part| part.spans.as_ref()) {
        if let Some(found) = ranges(snapshot, spans)? {
            let rows = |preconditions: &[Precondition]| -> usize {
                preconditions
                    .iter()
                    .map(|one| if let Precondition::Range { keys, .. } = one { keys.len() } else { 0 })
                    .sum()
            };
            if shortest.as_ref().is_none_or(|best| rows(&found) < rows(best)) {
                shortest = Some(found);
            }
        }
    }
    Ok(shortest.unwrap_or_default())
}

fn ranges(snapshot: &dyn Snapshot, spans: &[Span]) -> Result<Option<Vec<Precondition>>, Failure> {
    let mut ranges = Vec::with_capacity(spans.len());
    let mut rows = 0;
    for span in spans {
        let mut cursor = snapshot.scan(span.keyspace, &span.from, &span.to);
        let mut keys = Vec::new();
        while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
            keys.push(key.to_vec());
            rows += 1;
            if rows > PRECONDITION_ROWS_MAX {
                return Ok(None);
            }
        }
        ranges.push(Precondition::Range {
            keyspace: span.keyspace,
            from: span.from.clone(),
            to: span.to.clone(),
            keys,
        });
    }
    Ok(Some(ranges))
}
