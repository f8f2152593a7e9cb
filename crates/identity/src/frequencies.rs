//! How common values are, learned from the registrations themselves: the term frequencies of scoring, and the placeholders.
//!
//! A telephone that hangs on twenty names is a counter's, not a household's; a document number under eight names is nobody's.
//! Both limits are about how people live, not about any data set.

use serde::{Deserialize, Serialize};

use crate::packed::{Packed, RARITY_STEPS};
use crate::standardise::name::WILD;
use crate::text::{NumberMap, mix};

/// A household with its relatives and a few slips of the keyboard stays below this many names on one telephone.
const PHONE_NAMES_MAX: u32 = 16;
/// A family's card, borrowed and mistyped, stays below this many names.
const DOCUMENT_NAMES_MAX: u32 = 8;
/// Birth dates spread over some seventy years: none is rarer than this, however few were seen.
const BIRTHDAYS: u32 = 70 * 365;
/// Registrations that one person has on average when nothing is known yet; only enters as its logarithm.
const REGISTRATIONS_PER_PERSON: f32 = 2.0;

/// Frequencies and placeholders, frozen once learned.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Frequencies {
    /// Registrations seen.
    pub total: u32,
    /// Persons (other than the first) by name.
    names: NumberMap<u32, u32>,
    /// The same by given name.
    givens: NumberMap<u32, u32>,
    /// Persons by the token in each place of the name: surname, first and second of the given name.
    tokens: NumberMap<u32, u32>,
    /// Persons whose names were counted.
    named: u32,
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
        learned.count_names(all);
        for one in all.iter().filter(|one| one.birth.is_some()) {
            *learned.births.entry(one.birth.packed()).or_default() += 1;
        }
        learned
    }

    /// Names are counted by persons, for which name and birth date stand.
    fn count_names(&mut self, all: &[Packed]) {
        let mut buffer: Vec<(u64, u32)> = Vec::with_capacity(all.len());
        let is_person = |one: &&Packed| one.is_named() && !one.is_masked() && one.birth.is_some();
        let entries = (0_u32..).zip(all).filter(|(_, one)| is_person(one));
        buffer.extend(entries.map(|(at, one)| (u64::from(one.whole) << 32 | u64::from(one.birth.packed()), at)));
        buffer.sort_unstable();
        buffer.dedup_by_key(|entry| entry.0);
        self.named = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        for (_, at) in &buffer {
            let one = &all[*at as usize];
            for (place, token) in (0_u32..).zip(&one.tokens[..3]) {
                *self.tokens.entry(place << 16 | u32::from(*token)).or_default() += 1;
            }
            *self.givens.entry(given(one)).or_default() += 1;
        }
        for chunk in buffer.chunk_by(|left, right| left.0 >> 32 == right.0 >> 32).filter(|chunk| chunk.len() > 1) {
            self.names.insert((chunk[0].0 >> 32) as u32, u32::try_from(chunk.len() - 1).unwrap_or(u32::MAX));
        }
        self.givens.retain(|_, persons| *persons > 1);
        self.givens.values_mut().for_each(|persons| *persons -= 1);
    }

    /// The share of persons who bear the name, and of those who bear its given part.
    ///
    /// Whoever else bears the name counts; and because most names are seen once or never, the product of the shares of its
    /// characters is added, which is what a name nobody else was seen with is worth.
    fn name_shares(&self, packed: &Packed) -> (f32, f32) {
        let persons = self.named.max(16) as f32;
        let seen = |map: &NumberMap<u32, u32>, key: u32| map.get(&key).copied().unwrap_or(0) as f32 / persons;
        let token = |place: u32| {
            let token = packed.tokens[place as usize];
            // A character that could not be read or is hidden is no rare one: it may be any.
            if token == WILD {
                return 1.0;
            }
            let count = self.tokens.get(&(place << 16 | u32::from(token))).copied().unwrap_or(0);
            (count as f32 + 0.5) / persons
        };
        let given_product = token(1) * token(2);
        let product = token(0) * given_product;
        (product + seen(&self.names, packed.whole), given_product + seen(&self.givens, given(packed)))
    }

    /// Keeps what other sets can use: how common the characters of names are. Names, telephones and documents stay behind.
    #[must_use]
    pub fn of_characters(&self) -> Frequencies {
        /// What was seen less often is not worth its place.
        const SEEN_MIN: u32 = 4;
        let tokens = self.tokens.iter().filter(|(_, count)| **count >= SEEN_MIN).map(|(key, count)| (*key, *count));
        Frequencies { total: self.total, named: self.named, tokens: tokens.collect(), ..Frequencies::default() }
    }

    /// Takes the names' frequencies and the size of the population from a larger set; placeholders stay as learned.
    pub fn lean_on(&mut self, larger: &Frequencies) {
        (self.total, self.named) = (larger.total, larger.named);
        self.names.clone_from(&larger.names);
        self.givens.clone_from(&larger.givens);
        self.tokens.clone_from(&larger.tokens);
        self.births.clone_from(&larger.births);
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
        let share_bits = |share: f32| ((-share.log2()).clamp(0.0, 31.0) * RARITY_STEPS) as u8;
        let (name, given) = self.name_shares(packed);
        packed.rarity = [
            share_bits(name),
            share_bits(given),
            bits(self.phones.get(&packed.phone()).copied().unwrap_or(1), persons),
            bits(count(&self.births, packed.birth.packed()).max(self.total / BIRTHDAYS), total),
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
