//! The index in memory for real time: which registrations the batch would compare with this one, and how.
//!
//! Everything is packed: 64 bytes a registration and 8 bytes a key. It holds what the batch makes anew each time ([`crate::rows`]:
//! blocks and views of newborns; [`crate::ownership`]: whose card it is) and keeps it true with every registration that comes,
//! changes or goes, so that its answers are a function of the set and not of the order of arrival. Scoring is the batch's own
//! ([`decide`]).

use crate::batch::{Frozen, LINK, REVIEW, decide};
use crate::blocks;
use crate::cluster::{Edge, ReviewKind, is_conflict, is_veto};
use crate::compare::{Levels, compare};
use crate::model::Scorer;
use crate::newborn;
use crate::ownership;
use crate::packed::{BYTES, Packed};
use crate::rows::{Rows, Touched, VIEW};
use crate::standardise::{Standing, VERSION};
use crate::text::mix;

/// What stands at the front of a snapshot.
const MAGIC: &[u8; 8] = b"KMIDX002";
/// Numbers of the "passes" under which newborns ask for their mothers; behind the numbers of the real ones.
const ASK: u64 = 40;
/// Registrations in one place that are looked at when a card is disputed: more are a counter's, not a household's.
const NEIGHBOURS_MAX: usize = 256;
/// Registrations on one number beyond which nobody asks whose it is: far more than [`crate::ownership`] looks at, so that all of them
/// have long been found to be nobody's. Without it every arrival under a placeholder would look through all the others.
const BEARERS_MAX: usize = 1_024;

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

/// How another registration stands to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) place: u32,
    pub(crate) score: i32,
    pub(crate) is_conflict: bool,
}

/// The index.
#[derive(Debug, Clone)]
pub struct Index {
    frozen: Frozen,
    scorer: Scorer,
    rows: Rows,
    /// Registrations that are there; places of removed ones stay empty.
    count: usize,
}

/// A registration as it was before any mark.
fn unmarked(packed: &Packed) -> Packed {
    let mut base = *packed;
    if base.standing() == Standing::Foreign {
        base.set_standing(Standing::Own);
    }
    base
}

fn ask_key(place: usize, key: u64) -> u32 {
    ((mix(key, ASK + place as u64) >> 32) as u32).max(1)
}

impl Index {
    /// An empty index that decides with what was frozen.
    #[must_use]
    pub fn new(frozen: Frozen) -> Index {
        let scorer = Scorer::new(&frozen.model);
        Index { frozen, scorer, rows: Rows::new(), count: 0 }
    }

    /// How many registrations it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Does it hold none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The registration at a place; an empty one where it was removed.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&Packed> {
        self.rows.registrations().get(place as usize)
    }

    /// Is this finished registration what stands at the place?
    #[must_use]
    pub fn holds(&self, place: u32, packed: &Packed) -> bool {
        self.get(place).is_some_and(|known| unmarked(known) == unmarked(packed))
    }

    /// How many places there are, those of removed registrations among them.
    #[must_use]
    pub fn places(&self) -> u32 {
        u32::try_from(self.rows.registrations().len()).unwrap_or(VIEW)
    }

    /// What everything is decided with.
    #[must_use]
    pub fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// The weights.
    #[must_use]
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// Bytes in memory, without the frozen tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// Removes placeholders from a registration and writes how rare its values are: before [`Index::candidates`] and
    /// [`Index::insert`].
    pub fn finish(&self, packed: &mut Packed) {
        self.frozen.frequencies.finish(packed);
    }

    /// Adds a finished registration and returns its place.
    pub fn insert(&mut self, packed: Packed) -> u32 {
        self.rows.is_filling = true;
        let place = self.insert_touching(packed, &mut Touched::new());
        self.rows.is_filling = false;
        place
    }

    /// Adds a finished registration; says what it touched, itself included.
    pub(crate) fn insert_touching(&mut self, packed: Packed, touched: &mut Touched) -> u32 {
        let place = self.rows.reserve();
        self.put(place, packed, touched);
        place
    }

    /// Puts another content into a place.
    pub(crate) fn replace_touching(&mut self, place: u32, packed: Packed, touched: &mut Touched) {
        self.remove_touching(place, touched);
        self.put(place, packed, touched);
    }

    fn put(&mut self, place: u32, packed: Packed, touched: &mut Touched) {
        let packed = unmarked(&packed);
        self.count += 1;
        touched.push(place);
        self.rows.put(place, packed, touched);
        if newborn::asks(&packed) {
            self.ask(place, &packed);
            self.refresh_views(place, touched);
        }
        self.settle_around(&packed, touched);
    }

    /// A newborn asks for its mother.
    fn ask(&mut self, place: u32, packed: &Packed) {
        for (at, key) in newborn::mother_keys(packed).into_iter().enumerate() {
            if let Some(key) = key {
                self.rows.pages.insert(ask_key(at, key), place);
            }
        }
    }

    /// Takes a registration out; its place stays empty.
    pub(crate) fn remove_touching(&mut self, place: u32, touched: &mut Touched) {
        let Some(before) = self.get(place).copied().filter(|packed| *packed != Packed::default()) else { return };
        self.touch_linked(place, touched);
        self.rows.set_views(place, &[], touched);
        if newborn::asks(&before) {
            for (at, key) in newborn::mother_keys(&before).into_iter().enumerate() {
                if let Some(key) = key {
                    self.rows.pages.remove(ask_key(at, key), place);
                }
            }
        }
        self.rows.take(place, touched);
        self.count -= 1;
        self.settle_around(&unmarked(&before), touched);
    }

    /// Those whose pair with this one links: they are touched when the pair goes.
    fn touch_linked(&self, place: u32, touched: &mut Touched) {
        let linked = self.neighbours(place).into_iter().filter(|other| other.score >= LINK && !other.is_conflict);
        touched.extend(linked.map(|other| other.place));
        touched.push(place);
    }

    /// What a registration that came or went means for cards of others and for newborns.
    fn settle_around(&mut self, packed: &Packed, touched: &mut Touched) {
        for (key, document) in self.documents_around(packed) {
            self.mark_again(key, document, touched);
        }
        self.refresh_newborns_of(packed, touched);
    }

    /// The documents whose owner may look different with or without this registration.
    fn documents_around(&self, packed: &Packed) -> Vec<(u32, u64)> {
        let mut documents = Vec::new();
        if ownership::is_contestable(packed) {
            documents.push((blocks::keys(packed)[0], packed.document));
        }
        if packed.is_named() && packed.has_checked_document() {
            for other in self.met_where(packed).iter().filter(|other| ownership::is_contestable(other)) {
                let document = (blocks::keys(other)[0], other.document);
                if !documents.contains(&document) {
                    documents.push(document);
                }
            }
        }
        documents
    }

    /// Who bears the same name in the same place; as they were before any mark.
    fn met_where(&self, packed: &Packed) -> Vec<Packed> {
        let keys = blocks::keys(packed);
        let places = ownership::places(packed);
        let mut met = Vec::new();
        for (key, which) in [(keys[4], 0), (keys[7], 1)] {
            if key == 0 || places[which].is_none() {
                continue;
            }
            let rows = self.rows.pages.rows(key).filter(|row| *row < VIEW).take(NEIGHBOURS_MAX);
            met.extend(
                rows.map(|row| unmarked(self.rows.packed(row)))
                    .filter(|other| other.is_named() && ownership::places(other)[which] == places[which]),
            );
        }
        met
    }

    fn mark_again(&mut self, key: u32, document: u64, touched: &mut Touched) {
        if self.rows.pages.count(key) > BEARERS_MAX {
            return;
        }
        let is_member = |row: &u32| {
            let one = unmarked(self.rows.packed(*row));
            *row < VIEW && one.document == document && ownership::is_contestable(&one)
        };
        let members: Vec<u32> = self.rows.pages.rows(key).filter(is_member).collect();
        let packed: Vec<Packed> = members.iter().map(|row| unmarked(self.rows.packed(*row))).collect();
        let neighbours: Vec<Packed> = if ownership::is_disputed(&packed) {
            packed.iter().flat_map(|one| self.met_where(one)).collect()
        } else {
            Vec::new()
        };
        let marks = ownership::mark_one(&packed, &neighbours);
        for ((place, base), is_foreign) in members.into_iter().zip(packed).zip(marks) {
            let standing = if is_foreign { Standing::Foreign } else { Standing::Own };
            if self.rows.packed(place).standing() != standing {
                self.touch_linked(place, touched);
                let mut now = base;
                now.set_standing(standing);
                self.rows.take(place, touched);
                self.rows.put(place, now, touched);
                self.refresh_newborns_of(&base, touched);
            }
        }
    }

    /// Newborns that ask for this person look again where their mother lives.
    fn refresh_newborns_of(&mut self, person: &Packed, touched: &mut Touched) {
        if !person.is_named() || newborn::asks(person) {
            return;
        }
        let mut newborns: Vec<u32> = Vec::new();
        for (at, key) in newborn::own_keys(&unmarked(person)).into_iter().enumerate() {
            // A number that hundreds of newborns name as their mother's is nobody's.
            if let Some(key) =
                key.map(|key| ask_key(at, key)).filter(|key| self.rows.pages.count(*key) <= NEIGHBOURS_MAX)
            {
                newborns.extend(self.rows.pages.rows(key));
            }
        }
        newborns.sort_unstable();
        newborns.dedup();
        for place in newborns.into_iter().filter(|row| *row < VIEW) {
            if newborn::asks(self.rows.packed(place)) {
                self.refresh_views(place, touched);
            }
        }
    }

    fn refresh_views(&mut self, place: u32, touched: &mut Touched) {
        let views = self.views(self.rows.packed(place));
        if views != self.rows.views_of(place) {
            self.touch_linked(place, touched);
            self.rows.set_views(place, &views, touched);
        }
    }

    /// A newborn as if it lived where its mother lives; empty for everybody else.
    fn views(&self, packed: &Packed) -> Vec<Packed> {
        if !newborn::asks(packed) {
            return Vec::new();
        }
        let keys = newborn::mother_blocks(packed).into_iter().flatten();
        let rows = keys.flat_map(|key| self.rows.pages.rows(key).take(NEIGHBOURS_MAX)).filter(|row| *row < VIEW);
        let mothers = rows.map(|row| self.rows.packed(row)).filter(|person| newborn::is_mother(packed, person));
        newborn::views_at(packed, mothers)
    }

    /// Everybody whom the batch compares with a registration and who is worth a look, each once with the best score.
    pub(crate) fn neighbours(&self, place: u32) -> Vec<Neighbour> {
        let mut rows = Vec::with_capacity(32);
        let mut found: Vec<Neighbour> = Vec::new();
        for row in self.rows.rows_of(place) {
            let packed = *self.rows.packed(row);
            rows.clear();
            self.rows.mates(&packed, &mut rows);
            rows.sort_unstable();
            rows.dedup();
            for other in rows.iter().copied().filter(|other| self.rows.base_of(*other) != place) {
                found.extend(self.weigh(&packed, other));
            }
        }
        found.sort_unstable_by_key(|one| (one.place, -one.score));
        found.dedup_by_key(|one| one.place);
        found
    }

    fn weigh(&self, packed: &Packed, row: u32) -> Option<Neighbour> {
        let other = self.rows.packed(row);
        let levels: Levels = compare(packed, other);
        let score = decide(&self.scorer, packed, other, levels);
        let is_conflict = is_conflict(levels);
        (is_conflict || score >= REVIEW).then(|| Neighbour { place: self.rows.base_of(row), score, is_conflict })
    }

    /// The registrations that may be the same person as a finished one, best first, at most `limit`.
    #[must_use]
    pub fn candidates(&self, packed: &Packed, limit: usize) -> Answer {
        let mut rows = Vec::with_capacity(32);
        let mut found: Vec<Neighbour> = Vec::new();
        for side in std::iter::once(packed).chain(&self.views(packed)) {
            rows.clear();
            self.rows.mates(side, &mut rows);
            rows.sort_unstable();
            rows.dedup();
            found.extend(rows.iter().filter_map(|row| self.weigh(side, *row)));
        }
        found.sort_unstable_by_key(|one| (one.place, -one.score));
        found.dedup_by_key(|one| one.place);
        let mut candidates: Vec<Candidate> = found.into_iter().map(|one| self.judge(packed, one)).collect();
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

    fn judge(&self, packed: &Packed, one: Neighbour) -> Candidate {
        let other = self.rows.packed(one.place);
        let decision = match one.score {
            _ if one.is_conflict => Decision::Review(ReviewKind::DocumentConflict),
            score if score < LINK => Decision::Review(ReviewKind::Unsure),
            _ if is_veto(packed, other, &self.scorer) => Decision::Review(ReviewKind::Vetoed),
            _ => Decision::Link,
        };
        Candidate { place: one.place, score: one.score, decision }
    }

    /// The index as bytes. They hold identity numbers: whoever stores them seals them.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let frozen = serde_json::to_vec(&self.frozen).unwrap_or_default();
        let registrations = self.rows.registrations();
        let mut bytes = Vec::with_capacity(32 + frozen.len() + registrations.len() * BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(frozen.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&frozen);
        bytes.extend_from_slice(&(registrations.len() as u64).to_le_bytes());
        for one in registrations {
            bytes.extend_from_slice(&one.to_bytes());
        }
        bytes
    }

    /// The index from bytes; blocks and marks are made again.
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
        index.rows.is_filling = true;
        let (mut touched, mut newborns) = (Touched::new(), Vec::new());
        for part in rest.as_chunks::<BYTES>().0 {
            let packed = Packed::from_bytes(part);
            let place = index.rows.reserve();
            if packed != Packed::default() {
                // Whose card it is stands in the snapshot; where mothers live is known once all are there.
                index.count += 1;
                index.rows.put(place, packed, &mut touched);
                if newborn::asks(&packed) {
                    index.ask(place, &packed);
                    newborns.push(place);
                }
            }
            touched.clear();
        }
        newborns.into_iter().for_each(|place| index.refresh_views(place, &mut touched));
        index.rows.is_filling = false;
        Ok(index)
    }
}

impl From<(u32, Neighbour)> for Edge {
    fn from((place, other): (u32, Neighbour)) -> Edge {
        Edge { score: other.score, left: place, right: other.place }
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
