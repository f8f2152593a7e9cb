//! The index in memory for real time: one new registration → the registrations that may be the same person.
//!
//! Everything is packed: 64 bytes a registration and 8 bytes a key. Keys stand in pages of about [`PAGE_ENTRIES`] sorted entries;
//! the table grows one page at a time (linear hashing), so no insertion waits for a rebuild. A block that outgrows
//! [`BLOCK_MAX`](crate::blocks::BLOCK_MAX) is split as in the batch. Scoring is the batch's own ([`decide`]).

use crate::batch::{Frozen, LINK, REVIEW, decide};
use crate::blocks::{self, BLOCK_MAX, PASSES};
use crate::cluster::{ReviewKind, is_conflict, is_veto};
use crate::compare::compare;
use crate::model::Scorer;
use crate::newborn;
use crate::packed::{BYTES, Packed};
use crate::standardise::VERSION;
use crate::text::mix;

/// Entries of a page on average.
const PAGE_ENTRIES: usize = 64;
/// Passes that are kept: the two widest (name alone, birth date alone) and the telephone alone are for the batch, which can afford
/// to read large blocks.
const KEPT: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 10, 12];
/// Places of a mother that are tried for a newborn.
const VIEWS_MAX: usize = 4;
/// Splits of a block; more fields than this no pass has.
const DEPTH_MAX: usize = 5;
/// What stands at the front of a snapshot.
const MAGIC: &[u8; 8] = b"KMIDX001";

/// What is to be done with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The same person.
    Link,
    /// A person decides.
    Review(ReviewKind),
    /// Nobody known.
    New,
}

/// A registration that may be the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in the index.
    pub place: u32,
    /// The score, in units of 1/64 bit.
    pub score: i32,
    /// What is to be done.
    pub decision: Decision,
}

/// The ranked candidates for a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What is to be done with the registration: that of its best candidate, or new.
    pub decision: Decision,
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
}

/// A snapshot cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are no snapshot, or not a whole one.
    #[error("the snapshot is damaged or of another program")]
    Damaged,
    /// It was made with other rules of standardisation: the registrations have to be read again.
    #[error("the snapshot was made with version {0} of the standardisation")]
    OtherVersion(u32),
}

/// The index.
#[derive(Debug, Clone)]
pub struct Index {
    frozen: Frozen,
    scorer: Scorer,
    registrations: Vec<Packed>,
    pages: Pages,
}

impl Index {
    /// An empty index that decides with what was frozen.
    #[must_use]
    pub fn new(frozen: Frozen) -> Index {
        let scorer = Scorer::new(&frozen.model);
        Index { frozen, scorer, registrations: Vec::new(), pages: Pages::new() }
    }

    /// How many registrations it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registrations.len()
    }

    /// Does it hold none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registrations.is_empty()
    }

    /// The registration at a place.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&Packed> {
        self.registrations.get(place as usize)
    }

    /// What everything is decided with.
    #[must_use]
    pub fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// Bytes in memory, without the frozen tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.registrations.capacity() * size_of::<Packed>() + self.pages.bytes()
    }

    /// Removes placeholders from a registration and writes how rare its values are: before [`Index::candidates`] and
    /// [`Index::insert`].
    pub fn finish(&self, packed: &mut Packed) {
        self.frozen.frequencies.finish(packed);
    }

    /// Adds a finished registration and returns its place.
    pub fn insert(&mut self, packed: Packed) -> u32 {
        let place = u32::try_from(self.registrations.len()).unwrap_or(u32::MAX);
        if self.registrations.len() == self.registrations.capacity() {
            // Doubling would leave half of the memory empty for a long time.
            self.registrations.reserve_exact((self.registrations.len() / 16).max(1024));
        }
        self.registrations.push(packed);
        let keys = blocks::keys(&packed);
        for pass in KEPT {
            self.add(pass, 0, keys[pass], place);
        }
        for view in self.views(&packed) {
            let of_view = blocks::keys(&view);
            for pass in KEPT.into_iter().filter(|pass| of_view[*pass] != keys[*pass]) {
                self.add(pass, 0, of_view[pass], place);
            }
        }
        place
    }

    fn add(&mut self, pass: usize, depth: usize, key: u32, place: u32) {
        if key == 0 || self.pages.entries(key).any(|known| known == place) {
            return;
        }
        self.pages.insert(key, place);
        let size = self.pages.count(key);
        if size <= BLOCK_MAX || depth >= DEPTH_MAX {
            return;
        }
        // The block has just become too big: all its members move to its parts; later ones go there one by one.
        let moved: Vec<u32> =
            if size == BLOCK_MAX + 1 { self.pages.entries(key).collect() } else { std::iter::once(place).collect() };
        for member in moved {
            if let Some(part) = blocks::refined(pass, depth, key, &self.registrations[member as usize]) {
                self.add(pass, depth + 1, part, member);
            }
        }
    }

    /// Members of the block of a key, split as far as needed.
    fn block(&self, pass: usize, key: u32, packed: &Packed, into: &mut Vec<u32>) {
        let mut key = key;
        for depth in 0..=DEPTH_MAX {
            if key == 0 {
                return;
            }
            let is_small = self.pages.count(key) <= BLOCK_MAX;
            match blocks::refined(pass, depth, key, packed) {
                Some(part) if !is_small => key = part,
                _ => break,
            }
        }
        // What no field splits is looked at from its newest end.
        into.extend(self.pages.entries(key).rev().take(2 * BLOCK_MAX));
    }

    /// The registrations that may be the same person as a finished one, best first, at most `limit`.
    #[must_use]
    pub fn candidates(&self, packed: &Packed, limit: usize) -> Answer {
        let mut places = Vec::with_capacity(32);
        let own_views = self.views(packed);
        for side in std::iter::once(packed).chain(&own_views) {
            let keys: [u32; PASSES] = blocks::keys(side);
            for pass in KEPT {
                self.block(pass, keys[pass], side, &mut places);
            }
        }
        places.sort_unstable();
        places.dedup();
        let mut candidates: Vec<Candidate> =
            places.into_iter().filter_map(|place| self.judge(packed, &own_views, place)).collect();
        candidates.sort_unstable_by_key(|candidate| {
            let rank = match candidate.decision {
                Decision::Link => 0,
                Decision::Review(_) => 1,
                Decision::New => 2,
            };
            (rank, -candidate.score, candidate.place)
        });
        candidates.truncate(limit);
        Answer { decision: candidates.first().map_or(Decision::New, |best| best.decision), candidates }
    }

    fn judge(&self, packed: &Packed, own_views: &[Packed], place: u32) -> Option<Candidate> {
        let other = &self.registrations[place as usize];
        let levels = compare(packed, other);
        let mut score = decide(&self.scorer, packed, other, levels);
        if is_conflict(levels) {
            return Some(Candidate { place, score, decision: Decision::Review(ReviewKind::DocumentConflict) });
        }
        let scored = |one: &Packed, other: &Packed| decide(&self.scorer, one, other, compare(one, other));
        for view in own_views {
            score = score.max(scored(view, other));
        }
        for view in self.views(other) {
            score = score.max(scored(packed, &view));
        }
        let decision = match score {
            score if score < REVIEW => return None,
            score if score < LINK => Decision::Review(ReviewKind::Unsure),
            _ if is_veto(packed, other, &self.scorer) => Decision::Review(ReviewKind::Vetoed),
            _ => Decision::Link,
        };
        Some(Candidate { place, score, decision })
    }

    /// A newborn as if it lived where its mother lives; empty for everybody else.
    fn views(&self, packed: &Packed) -> Vec<Packed> {
        if !newborn::asks(packed) {
            return Vec::new();
        }
        let mut views: Vec<Packed> = Vec::new();
        for key in newborn::mother_blocks(packed).into_iter().flatten() {
            for place in self.pages.entries(key).take(BLOCK_MAX) {
                let mother = &self.registrations[place as usize];
                if !newborn::is_mother(packed, mother) || views.len() == VIEWS_MAX {
                    continue;
                }
                let mut view = *packed;
                view.take_place(mother);
                if view != *packed && !views.contains(&view) {
                    views.push(view);
                }
            }
        }
        views
    }

    /// The index as bytes. They hold identity numbers: whoever stores them seals them.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let frozen = serde_json::to_vec(&self.frozen).unwrap_or_default();
        let mut bytes = Vec::with_capacity(32 + frozen.len() + self.registrations.len() * BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(frozen.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&frozen);
        bytes.extend_from_slice(&(self.registrations.len() as u64).to_le_bytes());
        for one in &self.registrations {
            bytes.extend_from_slice(&one.to_bytes());
        }
        bytes
    }

    /// The index from bytes; the keys are made again, in the order of insertion.
    ///
    /// # Errors
    /// The bytes are damaged, or were made with other rules.
    pub fn restore(bytes: &[u8]) -> Result<Index, SnapshotError> {
        let mut rest = bytes;
        if take(&mut rest, MAGIC.len())? != MAGIC {
            return Err(SnapshotError::Damaged);
        }
        let version = u32::try_from(number(take(&mut rest, 4)?)).map_err(|_| SnapshotError::Damaged)?;
        if version != VERSION {
            return Err(SnapshotError::OtherVersion(version));
        }
        let length = length(&mut rest)?;
        let frozen = serde_json::from_slice(take(&mut rest, length)?).map_err(|_| SnapshotError::Damaged)?;
        let count = self::length(&mut rest)?;
        if count.checked_mul(BYTES) != Some(rest.len()) {
            return Err(SnapshotError::Damaged);
        }
        let mut index = Index::new(frozen);
        for part in rest.as_chunks::<BYTES>().0 {
            index.insert(Packed::from_bytes(part));
        }
        Ok(index)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], SnapshotError> {
    let (front, back) = rest.split_at_checked(length).ok_or(SnapshotError::Damaged)?;
    *rest = back;
    Ok(front)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn length(rest: &mut &[u8]) -> Result<usize, SnapshotError> {
    usize::try_from(number(take(rest, 8)?)).map_err(|_| SnapshotError::Damaged)
}

/// Sorted pages of entries (key above, place below) under linear hashing.
#[derive(Debug, Clone)]
struct Pages {
    pages: Vec<Vec<u64>>,
    /// Pages of the last whole round; a power of two.
    round: usize,
    entries: usize,
}

impl Pages {
    fn new() -> Pages {
        Pages { pages: vec![Vec::new()], round: 1, entries: 0 }
    }

    fn page_of(&self, key: u32) -> usize {
        let spread = mix(u64::from(key), 5) as usize;
        let page = spread & (2 * self.round - 1);
        if page < self.pages.len() { page } else { spread & (self.round - 1) }
    }

    fn range(&self, key: u32) -> &[u64] {
        let page = &self.pages[self.page_of(key)];
        let start = page.partition_point(|entry| (entry >> 32) < u64::from(key));
        let length = page[start..].partition_point(|entry| (entry >> 32) == u64::from(key));
        &page[start..start + length]
    }

    fn entries(&self, key: u32) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.range(key).iter().map(|entry| *entry as u32)
    }

    fn count(&self, key: u32) -> usize {
        self.range(key).len()
    }

    fn insert(&mut self, key: u32, place: u32) {
        let entry = u64::from(key) << 32 | u64::from(place);
        let at = self.page_of(key);
        let page = &mut self.pages[at];
        if page.len() == page.capacity() {
            page.reserve_exact(page.len() / 8 + 4);
        }
        let slot = page.partition_point(|known| *known < entry);
        page.insert(slot, entry);
        self.entries += 1;
        if self.entries > self.pages.len() * PAGE_ENTRIES {
            self.split();
        }
    }

    /// Divides the next page of the round.
    fn split(&mut self) {
        let next = self.pages.len() - self.round;
        if self.pages.len() == self.pages.capacity() {
            self.pages.reserve_exact(self.pages.len() / 16 + 16);
        }
        self.pages.push(Vec::new());
        let all = std::mem::take(&mut self.pages[next]);
        let stays = |entry: &u64| mix(entry >> 32, 5) as usize & (2 * self.round - 1) == next;
        let (kept, moved): (Vec<u64>, Vec<u64>) = all.into_iter().partition(stays);
        let last = self.pages.len() - 1;
        (self.pages[next], self.pages[last]) = (kept, moved);
        self.pages[next].shrink_to_fit();
        self.pages[last].shrink_to_fit();
        if self.pages.len() == 2 * self.round {
            self.round *= 2;
        }
    }

    fn bytes(&self) -> usize {
        let entries: usize = self.pages.iter().map(|page| page.capacity() * size_of::<u64>()).sum();
        entries + self.pages.capacity() * size_of::<Vec<u64>>()
    }
}
