//! How common values are, learned from the registrations themselves: the term frequencies of scoring, and the placeholders.
//!
//! A telephone that hangs on twenty names is a counter's, not a household's; a document number under eight names is nobody's.
//! Both limits are about how people live, not about any data set.

use crate::packed::{Packed, RARITY_STEPS};
use crate::text::{NumberMap, mix};

/// A household with its relatives and a few slips of the keyboard stays below this many names on one telephone.
const PHONE_NAMES_MAX: u32 = 16;
/// A family's card, borrowed and mistyped, stays below this many names.
const DOCUMENT_NAMES_MAX: u32 = 8;
/// Registrations that one person has on average when nothing is known yet; only enters as its logarithm.
const REGISTRATIONS_PER_PERSON: f32 = 2.0;

/// Frequencies and placeholders, frozen once learned.
#[derive(Debug, Clone, Default)]
pub struct Frequencies {
    /// Registrations seen.
    pub total: u32,
    names: NumberMap<u32, u32>,
    givens: NumberMap<u32, u32>,
    births: NumberMap<u32, u32>,
    /// Telephones on two names and more.
    phones: NumberMap<u64, u32>,
    placeholder_phones: NumberMap<u64, u32>,
    placeholder_documents: NumberMap<u64, u32>,
}

/// The part of a name behind the surname.
fn given(packed: &Packed) -> u32 {
    let tokens = &packed.tokens;
    let front = u64::from(tokens[1]) << 32 | u64::from(tokens[2]) << 16 | u64::from(tokens[3]);
    (mix(front, u64::from(tokens[4])) >> 32) as u32
}

impl Frequencies {
    /// Learns from all registrations. A function of the set: the order does not matter.
    #[must_use]
    pub fn learn(all: &[Packed]) -> Frequencies {
        let mut learned = Frequencies { total: u32::try_from(all.len()).unwrap_or(u32::MAX), ..Frequencies::default() };
        let mut buffer: Vec<(u64, u32)> = Vec::with_capacity(all.len());
        buffer.extend(
            all.iter().filter(|one| one.phone() != 0 && one.is_named()).map(|one| (one.phone(), one.readings[0])),
        );
        for (phone, names) in distinct(&mut buffer) {
            if names > PHONE_NAMES_MAX {
                learned.placeholder_phones.insert(phone, names);
            } else if names > 1 {
                learned.phones.insert(phone, names);
            }
        }
        buffer.clear();
        buffer.extend(
            all.iter()
                .filter(|one| one.has_own_document() && one.is_named())
                .map(|one| (one.document, one.readings[0])),
        );
        for (document, names) in distinct(&mut buffer) {
            if names > DOCUMENT_NAMES_MAX {
                learned.placeholder_documents.insert(document, names);
            }
        }
        learned.count_names(all, &mut buffer);
        for one in all.iter().filter(|one| one.birth.is_some()) {
            *learned.births.entry(one.birth.packed()).or_default() += 1;
        }
        learned
    }

    /// Names are counted by persons, for which name and birth date stand.
    fn count_names(&mut self, all: &[Packed], buffer: &mut Vec<(u64, u32)>) {
        buffer.clear();
        buffer.extend(
            all.iter()
                .filter(|one| one.is_named())
                .map(|one| (u64::from(one.whole) << 32 | u64::from(given(one)), one.birth.packed())),
        );
        for (name, persons) in distinct(buffer) {
            *self.names.entry((name >> 32) as u32).or_default() += persons;
            *self.givens.entry(name as u32).or_default() += persons;
        }
    }

    /// Removes placeholders from a registration and writes how rare its values are.
    pub fn finish(&self, packed: &mut Packed) {
        if self.placeholder_phones.contains_key(&packed.phone()) {
            packed.drop_phone();
        }
        if self.placeholder_documents.contains_key(&packed.document) {
            packed.drop_document();
        }
        let total = self.total.max(16) as f32;
        let persons = total / REGISTRATIONS_PER_PERSON;
        let bits = |count: u32, of: f32| ((of / count.max(1) as f32).log2().clamp(0.0, 31.0) * RARITY_STEPS) as u8;
        let count = |map: &NumberMap<u32, u32>, key: u32| map.get(&key).copied().unwrap_or(0) + 1;
        packed.rarity = [
            bits(count(&self.names, packed.whole), persons),
            bits(count(&self.givens, given(packed)), persons),
            bits(self.phones.get(&packed.phone()).copied().unwrap_or(1), persons),
            bits(count(&self.births, packed.birth.packed()), total),
        ];
    }

    /// How many telephones and documents were found to stand for nobody.
    #[must_use]
    pub fn placeholders(&self) -> (usize, usize) {
        (self.placeholder_phones.len(), self.placeholder_documents.len())
    }
}

/// For every key, how many different values came with it. Sorts the buffer.
fn distinct(buffer: &mut Vec<(u64, u32)>) -> impl Iterator<Item = (u64, u32)> + '_ {
    buffer.sort_unstable();
    buffer.dedup();
    buffer
        .chunk_by(|left, right| left.0 == right.0)
        .map(|chunk| (chunk[0].0, u32::try_from(chunk.len()).unwrap_or(u32::MAX)))
}
