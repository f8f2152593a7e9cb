//! The batch: registrations → clusters, one per person, and the review queue.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::blocks::{self, PASSES, PassReport};
use crate::cluster::{self, Clusters, Edge, Wishes, is_conflict};
use crate::compare::{Field, Levels, birth, compare, compare_births, document, name};
use crate::frequencies::Frequencies;
use crate::model::{Model, Scorer, UNITS_PER_BIT};
use crate::newborn;
use crate::packed::Packed;
use crate::standardise::{DocumentKind, Regions, VERSION, standardise};
use crate::table::{Ids, TableError, read_registrations};
use crate::text::{NumberMap, hash};
use crate::train::train;

/// The score from which a pair is linked: odds of about 100 to 1, so that of the links at the threshold one in a hundred is
/// wrong, and of all links far fewer.
pub const LINK: i32 = 6 * UNITS_PER_BIT;
/// What the certain layer gives at least.
pub const CERTAIN: i32 = 10 * UNITS_PER_BIT;
/// The score from which a pair is worth a person's look: odds of about one to eight.
pub const REVIEW: i32 = -3 * UNITS_PER_BIT;

/// Below this, frequencies and the model cannot be learned from the registrations themselves: fewer than about a hundred of them
/// would show each of the rarer levels of agreement.
const LEARN_MIN: usize = 20_000;

/// What everything was decided with; frozen, the partition is a function of the set of registrations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frozen {
    /// The model.
    pub model: Model,
    /// Frequencies and placeholders.
    pub frequencies: Frequencies,
}

/// What the batch found.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Clusters and queue.
    pub clusters: Clusters,
    /// What every pass did.
    pub passes: Vec<PassReport>,
    /// Pairs that were scored.
    pub pairs_scored: u64,
    /// Which pairs blocking brought together.
    pub seen: Seen,
    /// Share of the links that blocking is estimated to have seen, without labels.
    pub estimated_recall: f64,
}

/// Which pairs blocking brought together.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    keys: Vec<Vec<u32>>,
    /// Other rows of a registration: it was looked at from several sides.
    views: NumberMap<u32, Vec<u32>>,
}

impl Seen {
    fn new(keys: Vec<Vec<u32>>, base_of: Vec<u32>, registrations: u32) -> Seen {
        let mut views: NumberMap<u32, Vec<u32>> = NumberMap::default();
        for (view, base) in (registrations..).zip(base_of) {
            views.entry(base).or_default().push(view);
        }
        Seen { keys, views }
    }

    /// Were the two registrations compared?
    #[must_use]
    pub fn were_compared(&self, left: u32, right: u32) -> bool {
        let rows = |one: u32| std::iter::once(one).chain(self.views.get(&one).into_iter().flatten().copied());
        rows(left).any(|left| {
            rows(right).any(|right| {
                let (left, right) = (left as usize, right as usize);
                self.keys.iter().any(|column| column[left] != 0 && column[left] == column[right])
            })
        })
    }
}

/// Registrations read from a table, ready for learning.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Their ids.
    pub ids: Ids,
    /// Packed, not yet finished by frequencies.
    pub registrations: Vec<Packed>,
    /// Columns that the heading did not have: a misspelt one leaves its field empty everywhere.
    pub missing_columns: Vec<&'static str>,
}

impl Input {
    /// Reads a table of registrations.
    ///
    /// # Errors
    /// See [`crate::table::read_registrations`]; or two registrations have one id.
    pub fn read(input: &mut dyn BufRead, regions: &Regions) -> Result<Input, TableError> {
        let mut read = Input::default();
        // Hash of the id, line and place.
        let mut seen: Vec<(u64, u32, u32)> = Vec::new();
        read.missing_columns = read_registrations(input, |line, sent| {
            let place = read.ids.push(sent.rec_id);
            seen.push((hash(sent.rec_id.as_bytes()), u32::try_from(line).unwrap_or(u32::MAX), place));
            read.registrations.push(Packed::new(&standardise(sent, regions)));
        })?;
        seen.sort_unstable();
        let twice =
            |pair: &&[(u64, u32, u32)]| pair[0].0 == pair[1].0 && read.ids.get(pair[0].2) == read.ids.get(pair[1].2);
        if let Some([(_, first, place), (_, second, _)]) = seen.windows(2).find(twice) {
            let id = read.ids.get(*place).to_owned();
            return Err(TableError::SameId { id, first: *first as usize, second: *second as usize });
        }
        Ok(read)
    }
}

impl Frozen {
    /// Learns frequencies, placeholders and the model, and finishes the registrations with them.
    #[must_use]
    pub fn learn(all: &mut [Packed]) -> Frozen {
        let mut frequencies = Frequencies::learn(all);
        let shipped = if all.len() < LEARN_MIN { Frozen::shipped() } else { None };
        if let Some(shipped) = &shipped {
            frequencies.lean_on(&shipped.frequencies);
        }
        finish(all, &frequencies);
        let model = shipped.map_or_else(|| train(all), |shipped| shipped.model);
        Frozen { model, frequencies }
    }

    /// The model that comes with the product, learned without labels from invented registrations: for sets that are too small to
    /// learn from. Nothing when it was learned with another version of the standardisation.
    #[must_use]
    pub fn shipped() -> Option<Frozen> {
        let frozen: Frozen = serde_json::from_str(crate::data::MODEL).ok()?;
        (frozen.model.standardise_version == VERSION).then_some(frozen)
    }

    /// Finishes registrations with what was learned before.
    pub fn apply(&self, all: &mut [Packed]) {
        finish(all, &self.frequencies);
    }
}

fn finish(all: &mut [Packed], frequencies: &Frequencies) {
    for one in all.iter_mut() {
        frequencies.finish(one);
    }
    crate::ownership::mark(all);
}

/// The score that decides: the certain layer first, then the weights.
///
/// The same own document under a compatible name is one person, whatever else was mistyped or has changed since; unless the number
/// holds no birth date and the stated ones are far apart: then people are asked.
#[must_use]
pub fn decide(scorer: &Scorer, left: &Packed, right: &Packed, levels: Levels) -> i32 {
    let score = scorer.score(left, right, levels);
    // Without a name nothing tells a child from its twin; whether there is a twin, clustering sees, unless an order (大, 小) says
    // it already.
    let is_unnamed_pair = left.is_newborn() != right.is_newborn();
    let has_order = left.birth_order() != 0 || right.birth_order() != 0;
    let score = match (is_unnamed_pair, has_order) {
        (true, false) => score.stranger.min(score.relative),
        // 之大女: there are two of them, and nothing says which of the two the named child is. The odds are even.
        (true, true) if levels.of(Field::Document) != document::SAME => score.total().min(0),
        _ => score.total(),
    };
    // One of several, and one of whom nobody wrote which.
    let is_order_lost =
        left.is_newborn() && right.is_newborn() && (left.birth_order() == 0) != (right.birth_order() == 0);
    let score = if is_order_lost && levels.of(Field::Document) != document::SAME { score.min(LINK - 1) } else { score };
    let is_own = levels.of(Field::Document) == document::SAME && left.kind() != DocumentKind::BirthCertificate;
    // What no date protects may be another country's or another house's number.
    let is_contradicted = left.body().is_none() && compare_births(left.birth, right.birth) == birth::DIFFERENT;
    if levels.of(Field::Document) == document::SAME && is_contradicted {
        return score.min(LINK - 1);
    }
    let is_certain = is_own && matches!(levels.of(Field::Name), name::SAME..=name::GIVEN);
    if is_certain { score.max(CERTAIN) } else { score }
}

/// Links finished registrations.
#[must_use]
pub fn link(all: &[Packed], frozen: &Frozen, wishes: &Wishes) -> Linked {
    let every: Vec<usize> = (0..PASSES).collect();
    link_over(all, frozen, wishes, &every)
}

/// Links finished registrations with some of the passes only; with [`blocks::REAL_TIME`] it says what [`crate::live`] says.
#[must_use]
pub fn link_over(all: &[Packed], frozen: &Frozen, wishes: &Wishes, passes_used: &[usize]) -> Linked {
    let scorer = Scorer::new(&frozen.model);
    let registrations = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let (all, base_of) = newborn::with_views(all);
    let base = |at: u32| if at < registrations { at } else { base_of[(at - registrations) as usize] };
    let all = &all[..];
    let mut keys: Vec<Vec<u32>> = (0..PASSES).map(|_| Vec::with_capacity(all.len())).collect();
    for one in all {
        for (pass, (column, key)) in keys.iter_mut().zip(blocks::keys(one)).enumerate() {
            column.push(if passes_used.contains(&pass) { key } else { 0 });
        }
    }
    let mut edges: Vec<Edge> = Vec::new();
    let mut conflicts: Vec<Edge> = Vec::new();
    let mut passes = Vec::with_capacity(PASSES);
    let mut pairs_scored = 0;
    for pass in 0..PASSES {
        let (earlier, later) = keys.split_at_mut(pass);
        let mut new_pairs = 0;
        let mut report = blocks::run(pass, all, &mut later[0], |left, right, _| {
            let (l, r) = (left as usize, right as usize);
            if earlier.iter().any(|column| column[l] != 0 && column[l] == column[r]) {
                return;
            }
            new_pairs += 1;
            let (left, right) = (base(left), base(right));
            if left == right {
                return;
            }
            let levels = compare(&all[l], &all[r]);
            let score = decide(&scorer, &all[l], &all[r], levels);
            if is_conflict(levels) {
                conflicts.push(Edge { score, left, right });
            } else if score >= REVIEW {
                edges.push(Edge { score, left, right });
            }
        });
        report.new_pairs = new_pairs;
        pairs_scored += new_pairs;
        passes.push(report);
    }
    let estimated_recall = estimate_recall(&edges, &keys);
    let seen = Seen::new(keys, base_of, registrations);
    let clusters = cluster::cluster(&all[..registrations as usize], &scorer, edges, &conflicts, wishes);
    Linked { clusters, passes, pairs_scored, seen, estimated_recall }
}

/// Chao's estimate from how many passes found each link: what only one pass found tells how much none found.
fn estimate_recall(edges: &[Edge], keys: &[Vec<u32>]) -> f64 {
    let (mut once, mut twice, mut all) = (0.0_f64, 0.0_f64, 0.0_f64);
    for edge in edges.iter().filter(|edge| edge.score >= LINK) {
        let (left, right) = (edge.left as usize, edge.right as usize);
        let found = keys.iter().filter(|column| column[left] != 0 && column[left] == column[right]).count();
        all += 1.0;
        match found {
            1 => once += 1.0,
            2 => twice += 1.0,
            _ => {}
        }
    }
    let unseen = once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
    if all > 0.0 { all / (all + unseen) } else { 1.0 }
}
