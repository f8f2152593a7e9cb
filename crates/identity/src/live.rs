//! Persons, kept true while registrations come, change and go.
//!
//! After every change only what hangs together with the touched registrations is clustered again ([`crate::rows`] says which those
//! are), by the batch's own clustering. With model, frequencies and placeholders frozen, the persons are therefore those that
//! [`crate::batch::link_over`] makes of the same set with [`crate::blocks::REAL_TIME`], in whatever order they came.

use std::collections::VecDeque;

use crate::batch::{Frozen, LINK};
use crate::blocks::fingerprint;
use crate::cluster::{Edge, Review, Wishes, partition};
use crate::index::{Index, Neighbour};
use crate::packed::Packed;
use crate::text::NumberMap;

/// Registrations that hang together by links and are clustered at once. A household with all its visits stays far below; what grows
/// beyond is a placeholder that nobody has learned yet, and is left as it is.
const TOGETHER_MAX: usize = 1_500;

/// What was clustered again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regrouped {
    /// The persons among the registrations that were looked at: each a sorted list of places. Nobody else's person changed.
    pub groups: Vec<Vec<u32>>,
    /// Pairs for people to look at: one side at least is among the groups; one row per pair of persons.
    pub reviews: Vec<Review>,
    /// Too much hung together: only what is listed was decided, and the rest stays as it was.
    pub is_cut: bool,
}

/// The index with what people decided.
#[derive(Debug, Clone)]
pub struct Live {
    index: Index,
    must: NumberMap<u32, Vec<u32>>,
    cannot: NumberMap<u32, Vec<u32>>,
}

impl Live {
    /// Nobody yet.
    #[must_use]
    pub fn new(frozen: Frozen) -> Live {
        Live::over(Index::new(frozen))
    }

    /// Over an index that was filled already.
    #[must_use]
    pub fn over(index: Index) -> Live {
        Live { index, must: NumberMap::default(), cannot: NumberMap::default() }
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Adds a finished registration without asking what becomes of it: for filling from what is stored.
    pub fn fill(&mut self, packed: Packed) -> u32 {
        self.index.insert(packed)
    }

    /// Adds a finished registration: its place, and the registrations touched.
    pub fn insert(&mut self, packed: Packed) -> (u32, Vec<u32>) {
        let mut touched = Vec::new();
        let place = self.index.insert_touching(packed, &mut touched);
        (place, touched)
    }

    /// Gives a registration another content; returns the registrations touched.
    pub fn replace(&mut self, place: u32, packed: Packed) -> Vec<u32> {
        let mut touched = Vec::new();
        self.index.replace_touching(place, packed, &mut touched);
        touched
    }

    /// Takes a registration out; returns the registrations touched.
    pub fn remove(&mut self, place: u32) -> Vec<u32> {
        let mut touched = Vec::new();
        self.index.remove_touching(place, &mut touched);
        touched.extend(self.must.get(&place).into_iter().flatten());
        touched.retain(|one| *one != place);
        touched
    }

    /// Of some others, the one that speaks strongest for being one person with this one, with the score; `None` when none of them
    /// was worth a look (they hang together through a third, or because somebody decided so).
    #[must_use]
    pub fn strongest(&self, place: u32, others: &[u32]) -> Option<(u32, i32)> {
        let found = self.index.neighbours(place).into_iter();
        let known = found.filter(|other| !other.is_conflict && others.contains(&other.place));
        known.max_by_key(|other| other.score).map(|other| (other.place, other.score))
    }

    /// Pairs with a note of being one person that cross from one group into the other.
    #[must_use]
    pub fn must_links_between(&self, left: &[u32], right: &[u32]) -> Vec<(u32, u32)> {
        let crossing = |one: &u32| {
            let others = self.must.get(one).into_iter().flatten().copied().filter(|other| right.contains(other));
            others.map(|other| (*one, other)).collect::<Vec<_>>()
        };
        left.iter().flat_map(crossing).collect()
    }

    /// Pairs with a note of being two persons that cross from one group into the other.
    #[must_use]
    pub fn cannot_links_between(&self, left: &[u32], right: &[u32]) -> Vec<(u32, u32)> {
        let crossing = |one: &u32| {
            let others = self.cannot.get(one).into_iter().flatten().copied().filter(|other| right.contains(other));
            others.map(|other| (*one, other)).collect::<Vec<_>>()
        };
        left.iter().flat_map(crossing).collect()
    }

    /// People decided that these are one person.
    pub fn must_link(&mut self, left: u32, right: u32) {
        note(&mut self.must, left, right);
    }

    /// People decided that these are two persons.
    pub fn cannot_link(&mut self, left: u32, right: u32) {
        note(&mut self.cannot, left, right);
    }

    /// Takes back what people decided: one note of a pair.
    pub fn forget_must_link(&mut self, left: u32, right: u32) {
        forget(&mut self.must, left, right);
    }

    /// Takes back what people decided: one note of a pair.
    pub fn forget_cannot_link(&mut self, left: u32, right: u32) {
        forget(&mut self.cannot, left, right);
    }

    /// Clusters again what hangs together with the touched registrations. `together`: pairs that stay one person in this
    /// clustering, because somebody saw them as one.
    #[must_use]
    pub fn regroup(&self, touched: &[u32], together: &[(u32, u32)]) -> Regrouped {
        let mut edges: NumberMap<u32, Vec<Neighbour>> = NumberMap::default();
        let mut inside: Vec<u32> = Vec::new();
        let mut waiting: VecDeque<u32> = touched.iter().copied().collect();
        while let Some(place) = waiting.pop_front() {
            let is_gone = self.index.get(place).is_none_or(|packed| *packed == Packed::default());
            if is_gone || edges.contains_key(&place) {
                continue;
            }
            if inside.len() == TOGETHER_MAX {
                return self.alone(touched.first().copied());
            }
            let found = self.index.neighbours(place);
            waiting.extend(found.iter().filter(|other| other.score >= LINK && !other.is_conflict).map(|it| it.place));
            waiting.extend(self.must.get(&place).into_iter().flatten());
            waiting.extend(together.iter().filter_map(|pair| partner(*pair, place)));
            edges.insert(place, found);
            inside.push(place);
        }
        self.cluster(inside, &edges, together)
    }

    /// Nothing was decided but that the first is somebody.
    fn alone(&self, place: Option<u32>) -> Regrouped {
        Regrouped { groups: place.into_iter().map(|place| vec![place]).collect(), reviews: Vec::new(), is_cut: true }
    }

    fn cluster(
        &self,
        mut inside: Vec<u32>,
        edges: &NumberMap<u32, Vec<Neighbour>>,
        together: &[(u32, u32)],
    ) -> Regrouped {
        let packed = |place: &u32| self.index.get(*place).copied().unwrap_or_default();
        // Numbers of places depend on the order of arrival; contents do not.
        inside.sort_by_cached_key(|place| (fingerprint(&packed(place)), *place));
        let mut outside: Vec<u32> =
            edges.values().flatten().map(|one| one.place).filter(|place| !edges.contains_key(place)).collect();
        outside.sort_unstable();
        outside.dedup();
        let all: Vec<u32> = inside.iter().chain(&outside).copied().collect();
        let numbers: NumberMap<u32, u32> = all.iter().copied().zip(0..).collect();
        let contents: Vec<Packed> = all.iter().map(packed).collect();
        let (mut pairs, mut conflicts) = (Vec::new(), Vec::new());
        for place in &inside {
            for other in &edges[place] {
                // Seen from both sides, a pair is taken once.
                if edges.contains_key(&other.place) && numbers[&other.place] < numbers[place] {
                    continue;
                }
                let edge = Edge { score: other.score, left: numbers[place], right: numbers[&other.place] };
                if other.is_conflict { conflicts.push(edge) } else { pairs.push(edge) }
            }
        }
        let wishes = self.wishes(&inside, &numbers, together);
        let (cluster_of, queue) = partition(&contents, self.index.scorer(), pairs, &conflicts, &wishes);
        let mut groups: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
        for (place, cluster) in inside.iter().zip(&cluster_of) {
            groups.entry(*cluster).or_default().push(*place);
        }
        let mut groups: Vec<Vec<u32>> = groups.into_values().collect();
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups.sort_unstable();
        let place_of = |number: u32| all[number as usize];
        let reviews = queue
            .into_iter()
            .map(|row| Review { left: place_of(row.left), right: place_of(row.right), ..row })
            .collect();
        Regrouped { groups, reviews, is_cut: false }
    }

    fn wishes(&self, inside: &[u32], numbers: &NumberMap<u32, u32>, together: &[(u32, u32)]) -> Wishes {
        let mut wishes = Wishes::default();
        let add = |into: &mut Vec<(u32, u32)>, left: u32, right: u32| {
            if let (Some(left), Some(right)) = (numbers.get(&left), numbers.get(&right))
                && left < right
            {
                into.push((*left, *right));
            }
        };
        for place in inside {
            for other in self.must.get(place).into_iter().flatten() {
                add(&mut wishes.must_link, *place, *other);
            }
            for other in self.cannot.get(place).into_iter().flatten() {
                add(&mut wishes.cannot_link, *place, *other);
                add(&mut wishes.cannot_link, *other, *place);
            }
        }
        for (left, right) in together {
            add(&mut wishes.must_link, *left, *right);
            add(&mut wishes.must_link, *right, *left);
        }
        wishes
    }
}

fn partner(pair: (u32, u32), place: u32) -> Option<u32> {
    match pair {
        (one, other) if one == place => Some(other),
        (other, one) if one == place => Some(other),
        _ => None,
    }
}

fn note(pairs: &mut NumberMap<u32, Vec<u32>>, left: u32, right: u32) {
    pairs.entry(left).or_default().push(right);
    pairs.entry(right).or_default().push(left);
}

fn forget(pairs: &mut NumberMap<u32, Vec<u32>>, left: u32, right: u32) {
    for (one, other) in [(left, right), (right, left)] {
        if let Some(others) = pairs.get_mut(&one) {
            if let Some(at) = others.iter().position(|known| *known == other) {
                others.swap_remove(at);
            }
            if others.is_empty() {
                pairs.remove(&one);
            }
        }
    }
}
