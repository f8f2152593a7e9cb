//! Training without labels: u from random pairs, m and f by expectation–maximisation.
//!
//! Each session looks at the pairs that agree on one key and learns the *other* fields from them, so that no field teaches
//! itself:
//!
//! | session | agree on | classes | learns |
//! |---|---|---|---|
//! | document | a checked number | same person, holder and borrower | name, phone, address of one person |
//! | name and birth | reading, birth date | same person, strangers | document, sex, phone, address of one person |
//! | phone | a household's telephone | same person, relatives | name, birth, document, sex, address of both |
//! | house | road, house and flat | same person, relatives | name, birth, document, sex, phone of both |
//!
//! The result of a field is the mean over the sessions that learned it, weighted by the pairs each saw.

use crate::blocks::fingerprint;
use crate::compare::{FIELDS, Field, LEVELS_MAX, Levels, birth, compare, document, name, phone};
use crate::model::{Model, Table};
use crate::packed::Packed;
use crate::standardise::VERSION;
use crate::text::mix;

/// Pairs that a session looks at; more do not change the second digit.
const SESSION_PAIRS: usize = 150_000;
/// Random pairs for u.
const RANDOM_PAIRS: usize = 1_000_000;
/// Blocks above this are no households.
const SESSION_BLOCK_MAX: usize = 24;
const ROUNDS: usize = 30;
/// Pseudo-count of every level, so that what was never seen stays possible.
const SMOOTHING: f64 = 0.5;

/// One training session: pairs with their levels.
struct Session {
    learned: &'static [Field],
    rival: Rival,
    levels: Vec<Levels>,
    /// Pairs that agree on the key in the whole set.
    pairs_total: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rival {
    Stranger,
    Relative,
    /// Learned, but of no use elsewhere.
    Other,
}

/// What a session found: the share of pairs of one person, and both tables with the weight behind every field.
struct Found {
    share: f64,
    same: [[f64; LEVELS_MAX]; FIELDS],
    rival: [[f64; LEVELS_MAX]; FIELDS],
}

/// Learns a model from the registrations. A function of the set: the order does not matter.
#[must_use]
pub fn train(all: &[Packed]) -> Model {
    let stranger = random_levels(all);
    use Field as F;
    let sessions = [
        Session::gather(all, &[F::Name, F::Phone, F::Address], Rival::Other, |one| {
            if one.has_checked_document() { one.document } else { 0 }
        }),
        Session::gather(all, &[F::Document, F::Sex, F::Phone, F::Address], Rival::Stranger, |one| {
            if one.readings[0] != 0 && one.is_named() && one.birth.is_whole() && !one.birth.is_year_only() {
                mix(u64::from(one.readings[0]), u64::from(one.birth.packed()))
            } else {
                0
            }
        }),
        Session::gather(all, &[F::Name, F::Birth, F::Document, F::Sex, F::Address], Rival::Relative, Packed::phone),
        Session::gather(all, &[F::Name, F::Birth, F::Document, F::Sex, F::Phone], Rival::Relative, |one| {
            if one.flat == 0 || one.road() == 0 {
                0
            } else {
                mix(mix(u64::from(one.road()), u64::from(one.house)), u64::from(one.flat))
            }
        }),
    ];
    let found: Vec<Found> = sessions.iter().map(|session| session.learn(&stranger)).collect();
    combine(all, &sessions, &found, stranger)
}

/// Levels of random pairs: the frequencies among strangers.
fn random_levels(all: &[Packed]) -> Table {
    let mut order: Vec<u32> = (0..u32::try_from(all.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_cached_key(|at| fingerprint(&all[*at as usize]));
    let count = order.len().max(1);
    let mut counts = [[0.0_f64; LEVELS_MAX]; FIELDS];
    for pair in 0..RANDOM_PAIRS.min(count * 20) {
        let left = order[pair % count] as usize;
        let right = order[(mix(pair as u64, 7) % count as u64) as usize] as usize;
        if left != right {
            add(&mut counts, compare(&all[left], &all[right]), 1.0);
        }
    }
    let mut table = Table::default();
    for field in 0..FIELDS {
        let sum: f64 = counts[field].iter().skip(1).sum::<f64>().max(1.0);
        for level in 1..LEVELS_MAX {
            table[field][level] = ((counts[field][level] + SMOOTHING) / (sum + SMOOTHING)) as f32;
        }
    }
    table
}

fn add(counts: &mut [[f64; LEVELS_MAX]; FIELDS], levels: Levels, weight: f64) {
    for (field, level) in levels.0.iter().enumerate() {
        counts[field][usize::from(*level)] += weight;
    }
}

impl Session {
    fn gather(all: &[Packed], learned: &'static [Field], rival: Rival, key: impl Fn(&Packed) -> u64) -> Session {
        let keyed = |(at, one): (u32, &Packed)| match key(one) {
            0 => None,
            // The order of blocks is that of mixed keys: taking the first ones is taking a random sample.
            key => Some((mix(key, 3), at)),
        };
        let mut entries: Vec<(u64, u32)> = (0_u32..).zip(all).filter_map(keyed).collect();
        entries.sort_unstable();
        let mut levels = Vec::with_capacity(SESSION_PAIRS);
        let mut pairs_total = 0.0;
        for chunk in entries.chunk_by(|left, right| left.0 == right.0) {
            if chunk.len() < 2 || chunk.len() > SESSION_BLOCK_MAX {
                continue;
            }
            pairs_total += (chunk.len() * (chunk.len() - 1) / 2) as f64;
            if levels.len() >= SESSION_PAIRS {
                continue;
            }
            for (at, left) in chunk.iter().enumerate() {
                for right in &chunk[at + 1..] {
                    levels.push(compare(&all[left.1 as usize], &all[right.1 as usize]));
                }
            }
        }
        Session { learned, rival, levels, pairs_total }
    }

    /// Expectation–maximisation over two classes.
    fn learn(&self, stranger: &Table) -> Found {
        let mut same = [[0.0; LEVELS_MAX]; FIELDS];
        let mut rival = [[0.0; LEVELS_MAX]; FIELDS];
        let mut share = 0.7;
        let fixed = stranger.map(|levels| levels.map(f64::from));
        // Start: names that agree are one person's. Everything else follows.
        let mut weights: Vec<f64> = self.levels.iter().map(|levels| start(*levels, self.rival)).collect();
        for _ in 0..ROUNDS {
            let (mut same_counts, mut rival_counts) = ([[0.0; LEVELS_MAX]; FIELDS], [[0.0; LEVELS_MAX]; FIELDS]);
            for (levels, weight) in self.levels.iter().zip(&weights) {
                add(&mut same_counts, *levels, *weight);
                add(&mut rival_counts, *levels, 1.0 - weight);
            }
            same = normalised(&same_counts);
            rival = if self.rival == Rival::Stranger { fixed } else { normalised(&rival_counts) };
            if self.rival == Rival::Relative {
                forbid_namesakes(&mut rival, &fixed);
            }
            share = (weights.iter().sum::<f64>() / weights.len().max(1) as f64).clamp(0.001, 0.999);
            for (levels, weight) in self.levels.iter().zip(&mut weights) {
                *weight = self.posterior(*levels, share, &same, &rival);
            }
        }
        Found { share, same, rival }
    }

    fn posterior(
        &self,
        levels: Levels,
        share: f64,
        same: &[[f64; LEVELS_MAX]; FIELDS],
        rival: &[[f64; LEVELS_MAX]; FIELDS],
    ) -> f64 {
        let mut odds = share / (1.0 - share);
        for field in self.learned {
            let level = usize::from(levels.of(*field));
            if level != 0 {
                odds *= same[*field as usize][level] / rival[*field as usize][level].max(1e-12);
            }
        }
        odds / (1.0 + odds)
    }
}

/// Members of one household do not bear one name: their given names agree no more often than those of strangers who share a
/// surname. Without this, visits with a borrowed card look like relatives of one name, and teach that such relatives abound.
fn forbid_namesakes(rival: &mut [[f64; LEVELS_MAX]; FIELDS], stranger: &[[f64; LEVELS_MAX]; FIELDS]) {
    let (rival, stranger) = (&mut rival[Field::Name as usize], &stranger[Field::Name as usize]);
    let surname = usize::from(name::SURNAME);
    let share = rival[surname] / stranger[surname].max(1e-9);
    for level in [name::SAME, name::SOUND, name::TURNED] {
        rival[usize::from(level)] = stranger[usize::from(level)] * share;
    }
}

fn start(levels: Levels, rival: Rival) -> f64 {
    if rival == Rival::Stranger {
        return 0.9;
    }
    if levels.of(Field::Document) == document::NEAR {
        return 0.01;
    }
    match levels.of(Field::Name) {
        0 => 0.5,
        level if name::is_compatible(level) => 0.95,
        _ => 0.05,
    }
}

fn normalised(counts: &[[f64; LEVELS_MAX]; FIELDS]) -> [[f64; LEVELS_MAX]; FIELDS] {
    let mut table = [[0.0; LEVELS_MAX]; FIELDS];
    for field in 0..FIELDS {
        let sum: f64 = counts[field].iter().skip(1).sum::<f64>() + SMOOTHING * 8.0;
        for level in 1..LEVELS_MAX {
            table[field][level] = (counts[field][level] + SMOOTHING) / sum;
        }
    }
    table
}

fn combine(all: &[Packed], sessions: &[Session], found: &[Found], stranger: Table) -> Model {
    let (mut same, mut relative) = (Table::default(), Table::default());
    for field in 0..FIELDS {
        let mut same_sum = [0.0; LEVELS_MAX];
        let mut rival_sum = [0.0; LEVELS_MAX];
        let (mut same_weight, mut rival_weight) = (0.0, 0.0);
        for (session, found) in sessions.iter().zip(found) {
            if !session.learned.iter().any(|learned| *learned as usize == field) {
                continue;
            }
            let pairs = session.levels.len() as f64;
            let weight = pairs * found.share;
            same_weight += weight;
            for (sum, share) in same_sum.iter_mut().zip(&found.same[field]) {
                *sum += weight * share;
            }
            if session.rival == Rival::Relative {
                let weight = pairs * (1.0 - found.share);
                rival_weight += weight;
                for (sum, share) in rival_sum.iter_mut().zip(&found.rival[field]) {
                    *sum += weight * share;
                }
            }
        }
        for level in 1..LEVELS_MAX {
            same[field][level] = if same_weight > 0.0 { (same_sum[level] / same_weight) as f32 } else { 0.0 };
            relative[field][level] = if rival_weight > 0.0 { (rival_sum[level] / rival_weight) as f32 } else { 0.0 };
        }
    }
    let relative_surname = relative[Field::Name as usize][usize::from(name::SURNAME)];
    let mut model = Model {
        standardise_version: VERSION,
        registrations: u32::try_from(all.len()).unwrap_or(u32::MAX),
        same,
        stranger,
        relative,
        twin: Table::default(),
        prior_stranger: 0.0,
        prior_relative: 0.0,
        prior_twin: 0.0,
        relative_surname,
    };
    priors(&mut model, all, sessions, found);
    model
}

/// How many pairs are one person's: those seen to share a document (or name and birth date), divided by the chance that a pair
/// of one person shows it.
/// How many are relatives': those seen to share a telephone, divided likewise.
fn priors(model: &mut Model, all: &[Packed], sessions: &[Session], found: &[Found]) {
    let share =
        |test: &dyn Fn(&&Packed) -> bool| all.iter().filter(test).count().max(1) as f64 / all.len().max(1) as f64;
    let documents = share(&|one| one.has_checked_document());
    let phones = share(&|one| one.phone() != 0);
    let named =
        share(&|one| one.readings[0] != 0 && one.is_named() && one.birth.is_whole() && !one.birth.is_year_only());
    let m = |field: Field, level: u8| f64::from(model.same[field as usize][usize::from(level)]).max(0.05);
    let names = m(Field::Name, name::SAME) + m(Field::Name, name::SOUND);
    let f_phone = f64::from(model.relative[Field::Phone as usize][usize::from(phone::SAME)]).max(0.05);
    let by_document =
        sessions[0].pairs_total * found[0].share / (documents * documents * m(Field::Document, document::SAME));
    let by_name =
        sessions[1].pairs_total * found[1].share / (named * named * names.min(1.0) * m(Field::Birth, birth::SAME));
    // Two estimates of one number, each worth what it saw.
    let weight = documents * documents;
    let same_pairs = (weight * by_document.max(1.0).ln() + (1.0 - weight) * by_name.max(1.0).ln()).exp();
    let relative_pairs = (sessions[2].pairs_total * (1.0 - found[2].share) / (phones * phones * f_phone)).max(1.0);
    let count = all.len().max(2) as f64;
    let every_pair = count * (count - 1.0) / 2.0;
    model.prior_stranger = (same_pairs / every_pair).log2() as f32;
    model.prior_relative = (same_pairs / relative_pairs).log2() as f32;
    let twins = twin_pairs(model, sessions, documents, phones * phones * f_phone);
    model.prior_twin = (same_pairs / twins).log2() as f32;
}

/// Twins show themselves by two checked numbers of one region and day on one telephone or in one flat. They teach how twins are
/// named, and how many there are. Returns the estimated number of pairs.
fn twin_pairs(model: &mut Model, sessions: &[Session], documents: f64, phone_share: f64) -> f64 {
    /// Until twins are seen, they are named as relatives are.
    const PSEUDO_PAIRS: f32 = 20.0;
    let is_near = |levels: &&Levels| levels.of(Field::Document) == document::NEAR;
    let mut names = model.relative[Field::Name as usize].map(|share| share * PSEUDO_PAIRS);
    let mut seen = PSEUDO_PAIRS;
    for levels in sessions[2].levels.iter().chain(&sessions[3].levels).filter(is_near) {
        names[usize::from(levels.of(Field::Name))] += 1.0;
        seen += 1.0;
    }
    model.twin = model.relative;
    model.twin[Field::Name as usize] = names.map(|count| count / seen);
    // Twins have one birthday, and numbers of one region and day; where a number is unchecked its last digits may look like a slip.
    let birth = &mut model.twin[Field::Birth as usize];
    for (level, share) in birth.iter_mut().enumerate().skip(1) {
        *share = if level == usize::from(birth::SAME) { 0.97 } else { *share * 0.03 };
    }
    let documents_table = &mut model.twin[Field::Document as usize];
    for (level, share) in [
        (document::NEAR, 0.97),
        (document::DIFFERENT, 0.03),
        (document::SLIP, 0.3),
        (document::DIFFERENT_UNCHECKED, 0.7),
    ] {
        documents_table[usize::from(level)] = share;
    }
    let sampled = sessions[2].levels.len().max(1) as f64;
    let near = sessions[2].levels.iter().filter(is_near).count() as f64 + 0.5;
    (near * sessions[2].pairs_total / sampled / (documents * documents * phone_share)).max(1.0)
}
