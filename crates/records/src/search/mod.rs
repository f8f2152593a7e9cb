//! Search: a query string becomes clauses, clauses become a plan over ordered lists, and the plan yields hits in the order of
//! their clinical date, newest first.
//!
//! | file | idea |
//! |---|---|
//! | `query`    | the query string, read strictly |
//! | `resolve`  | chains and `_has` become lists of targets |
//! | `spans`    | a condition becomes ranges of index keys |
//! | `stream`   | ranges become one ordered list |
//! | `plan`     | which list leads, what is probed, what the body decides |
//! | `run`      | hits, one by one |
//! | `several`  | several types at once, merged |
//! | `clinical` | questions about the clinical date, answered on the key |
//! | `sort`     | other orders, in memory up to a limit |
//! | `include`  | `_include`, `_revinclude` |
//! | `page`     | the sealed page link |
//! | `bundle`   | the answer, rendered without parsing |
//! | `newest`   | the newest of every code of a patient |
//! | `whole`    | all pages, for rooms above |
//! | `shape`    | `_summary`, `_elements` |

mod bundle;
mod clinical;
mod include;
mod newest;
mod page;
mod plan;
mod query;
mod resolve;
mod run;
mod several;
mod shape;
mod sort;
mod spans;
mod stream;
mod whole;

use std::collections::VecDeque;

use model::{ErrorCode, Failure, ResourceKey, TypeCode};
use store::{Precondition, Snapshot};
use trust::Interaction;

use crate::caller::Disclosed;
use crate::resource::Stored;
use crate::{Caller, Page, Records};
use bundle::Answer;
use page::PageToken;
use plan::Goal;
use query::{COUNT_DEFAULT, Query, Summary, Total};
use run::{Run, Searcher};

pub(crate) use clinical::parameter_of as clinical_parameter;
pub use whole::Whole;

/// Totals are counted up to here; beyond, the answer has no total and says so.
pub(crate) const TOTAL_MAX: usize = 1_000_000;
/// A total that nobody asked for is given when it is found within this many candidates behind the page.
const TOTAL_CHEAP_ROWS: usize = 200;

/// What a condition of a write (conditional create, update, delete, reference) finds.
pub(crate) struct Found {
    /// The hits, at most as many as asked.
    pub(crate) keys: Vec<ResourceKey>,
    /// What must still be true at commit, so that no second writer slips in between.
    pub(crate) preconditions: Vec<Precondition>,
}

/// One page of hits, before it is rendered.
#[derive(Default)]
struct Hits {
    matches: Vec<Stored>,
    total: Option<usize>,
    next: Option<PageToken>,
}

impl Records {
    /// FHIR `search` on a type, or on the whole system when `type_name` is `None`: then `_type` names the types,
    /// and the parameters are those that all of them have.
    /// `query` is the raw query string or form body, still percent-encoded.
    ///
    /// # Errors
    /// `bad-search` naming the alternatives, `not-supported`, `too-costly`, `forbidden`, `bad-page`.
    pub fn search(&self, caller: &Caller, type_name: Option<&str>, query: &str) -> Result<Page, Failure> {
        let pairs = query::pairs(query);
        let only = type_name.map(crate::load::type_code_of).transpose()?;
        if let Some(type_code) = only {
            caller.may(Interaction::Search, type_code)?;
        }
        // A page link carries the query it belongs to, sealed; nothing else of the query string counts then.
        let token = pairs.iter().find(|(key, _)| key == "_page").map(|(_, text)| text.as_str());
        let token = token.map(|text| PageToken::open(self, caller.tenant(), only, text)).transpose()?;
        let pairs = token.as_ref().map_or(pairs, |token| query::pairs(&token.query));
        let raw = token.as_ref().map_or_else(|| query.to_owned(), |token| token.query.clone());
        let Some(type_code) = only else {
            let types = several::types(&pairs)?;
            for type_code in &types {
                caller.may(Interaction::Search, *type_code)?;
            }
            let pairs: Vec<_> = pairs.into_iter().filter(|(key, _)| key != "_type").collect();
            return self.search_types(caller, (&types, true), &pairs, (token.as_ref(), &raw));
        };
        self.search_types(caller, (&[type_code], false), &pairs, (token.as_ref(), &raw))
    }

    fn search_types(
        &self,
        caller: &Caller,
        (types, of_system): (&[TypeCode], bool),
        pairs: &[(String, String)],
        (token, raw): (Option<&PageToken>, &str),
    ) -> Result<Page, Failure> {
        let snapshot = self.store.snapshot();
        let searcher = Searcher::new(self, &*snapshot, caller)?;
        // What one of several types does not know must not be left out there: it would widen the search.
        let is_strict = caller.strict || types.len() > 1;
        let read = |type_code: &TypeCode| {
            query::read(&searcher.parameters, *type_code, pairs, &searcher.context(is_strict))
                .map_err(|failure| several::with_alternatives(&searcher.parameters, types, failure))
        };
        let queries = types.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
        several::check_sort(&queries)?;
        let Some(first) = queries.first() else { return Err(Failure::new(ErrorCode::Internal, "a search of no type")) };
        let hits = self.page_of_hits(&searcher, &queries, token, raw)?;
        let mut disclosed = Disclosed::default();
        let included = include::run(&searcher, first, &hits.matches)?;
        for stored in hits.matches.iter().chain(&included) {
            disclosed.add(&stored.key);
        }
        let options = &first.options;
        let answer = Answer { caller, queries: &queries, options, of_system, raw, hits: &hits, included: &included };
        let json = answer.render(self)?;
        Ok(Page { json, disclosed: disclosed.into_vec(), count: hits.matches.len() + included.len() })
    }

    /// How many hits there are, if they are few enough to count.
    fn count_hits(searcher: &Searcher<'_>, queries: &[Query<'_>]) -> Result<Option<usize>, Failure> {
        let mut total = 0;
        for query in queries {
            let parts = resolve::parts(searcher, query)?;
            match searcher.run_for(query.type_code, parts, Goal::Count)?.count_up_to(TOTAL_MAX - total)? {
                Some(found) => total += found,
                None => return Ok(None),
            }
        }
        Ok(Some(total))
    }

    fn page_of_hits(
        &self,
        searcher: &Searcher<'_>,
        queries: &[Query<'_>],
        token: Option<&PageToken>,
        raw: &str,
    ) -> Result<Hits, Failure> {
        let Some(options) = queries.first().map(|query| &query.options) else { return Ok(Hits::default()) };
        let count = options.count.unwrap_or(COUNT_DEFAULT);
        if options.summary == Summary::Count || count == 0 {
            return Ok(Hits { total: Self::count_hits(searcher, queries)?, ..Hits::default() });
        }
        let [query] = queries else { return several::page(searcher, queries, token, raw, count) };
        let open = |own_date| -> Result<Run<'_>, Failure> {
            Ok(searcher.run(query.type_code, resolve::parts(searcher, query)?)?.only_own_date(own_date))
        };
        if !sort::is_native(query) {
            return sort::page(searcher, queries, vec![open(None)?], token, raw, count);
        }
        // Sorted by the date parameter, resources without a value of it come last, whatever date they have otherwise.
        let passes: &[Option<bool>] = match token {
            _ if query.options.sort.is_empty() => &[None],
            Some(token) if !token.last.date().is_own() => &[Some(false)],
            _ => &[Some(true), Some(false)],
        };
        let mut runs = passes.iter().map(|own_date| open(*own_date)).collect::<Result<VecDeque<_>, _>>()?;
        let mut before = 0;
        if let (Some(token), Some(run)) = (token, runs.front_mut()) {
            run.skip_past(&token.last)?;
            before = token.before;
        }
        let mut matches = Vec::with_capacity(count.min(256));
        let mut last = None;
        while let (true, Some(run)) = (matches.len() < count, runs.front_mut()) {
            if let Some((suffix, stored)) = run.next_loaded()? {
                last = Some(suffix);
                matches.push(stored);
            } else {
                runs.pop_front();
            }
        }
        let mut more = Some(0);
        for run in &mut runs {
            let rest = run.count_rest(query.options.total)?;
            more = more.zip(rest).map(|(sum, rest)| sum + rest);
        }
        let has_next = more != Some(0);
        let seen = before + matches.len();
        let next = last.filter(|_| has_next).map(|last| PageToken {
            query: raw.to_owned(),
            type_code: query.type_code,
            last,
            before: seen,
            version: 0,
        });
        let total = more.filter(|_| query.options.total != Total::None).map(|more| seen + more);
        Ok(Hits { matches, total, next })
    }

    /// What a condition finds, for writes: hits by address, and what must still hold at commit.
    ///
    /// # Errors
    /// As [`Records::search`]; a condition without any search parameter is refused.
    pub(crate) fn find(
        &self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        type_name: &str,
        query: &str,
        limit: usize,
    ) -> Result<Found, Failure> {
        let type_code = crate::load::type_code_of(type_name)?;
        let searcher = Searcher::new(self, snapshot, caller)?;
        let query = query::read(&searcher.parameters, type_code, &query::pairs(query), &searcher.context(true))?;
        if query.clauses.is_empty() {
            return Err(Failure::new(ErrorCode::BadSearch, "a condition needs at least one search parameter"));
        }
        let parts = resolve::parts(&searcher, &query)?;
        let preconditions = run::preconditions(snapshot, &parts)?;
        let mut run = searcher.run(type_code, parts)?;
        let mut keys = Vec::new();
        while keys.len() < limit {
            let Some((_, stored)) = run.next_loaded()? else { break };
            keys.push(stored.key);
        }
        Ok(Found { keys, preconditions })
    }
}
