//! The packed registration: 64 bytes that hold everything that blocking and scoring read.

use crate::standardise::document::OLD_FORM;
use crate::standardise::name::{TOKENS_MAX, WILD};
use crate::standardise::{Date, DocumentKind, NameKind, Standard, Standing};

/// Rarity is kept in steps of an eighth of a bit.
pub const RARITY_STEPS: f32 = 8.0;

/// Bytes of a packed registration in a snapshot.
pub const BYTES: usize = 64;

/// One registration, packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed {
    /// Kind (4 bits) and value (60 bits).
    pub document: u64,
    /// Telephone (40 bits) and the upper bits of the road's hash (24 bits).
    phone_road: u64,
    /// The name's readings.
    pub readings: [u32; 2],
    /// Birth date.
    pub birth: Date,
    /// House number.
    pub house: u32,
    /// The numbers behind the house number.
    pub flat: u32,
    /// County.
    pub county: u32,
    /// The first characters of the name.
    pub tokens: [u16; TOKENS_MAX],
    /// Hash of the name's characters.
    pub whole: u32,
    /// Days between 1900-01-01 and the registration.
    pub registered: u16,
    flags: u16,
    /// How rare the name, its given part, the telephone and the birth date are, in eighths of a bit.
    pub rarity: [u8; 4],
}

const SEX: u16 = 0b11;
const BIRTH_FROM_DOCUMENT: u16 = 1 << 2;
const LUNAR: u16 = 1 << 3;
const STANDING_SHIFT: u16 = 4;
const NAME_SHIFT: u16 = 6;
const LENGTH_SHIFT: u16 = 9;
const ORDER_SHIFT: u16 = 13;

const VALUE: u64 = (1 << 60) - 1;
const PHONE: u64 = (1 << 40) - 1;

impl Packed {
    /// Packs a standardised registration; rarities are filled in by the frequencies.
    #[must_use]
    pub fn new(standard: &Standard) -> Packed {
        let name = &standard.name;
        // Who has a name in parts is no newborn without a name: one place serves both.
        let order = if name.kind == NameKind::Parts { name.own_length } else { name.birth_order };
        let flags = u16::from(standard.sex) & SEX
            | if standard.is_birth_from_document { BIRTH_FROM_DOCUMENT } else { 0 }
            | if standard.is_lunar { LUNAR } else { 0 }
            | (standard.standing as u16) << STANDING_SHIFT
            | (name.kind as u16) << NAME_SHIFT
            | u16::from(name.length.min(15)) << LENGTH_SHIFT
            | u16::from(order.min(7)) << ORDER_SHIFT;
        /// Day number of 1900-01-01.
        const DAY_ZERO: i64 = 693_901;
        let registered =
            standard.registered.day_number().map_or(0, |day| (day - DAY_ZERO).clamp(0, i64::from(u16::MAX)));
        Packed {
            document: (standard.document.kind as u64) << 60 | standard.document.value & VALUE,
            phone_road: standard.phone & PHONE | u64::from(standard.address.road >> 8) << 40,
            readings: name.readings,
            birth: standard.birth,
            house: standard.address.house,
            flat: standard.address.flat,
            county: standard.address.county,
            tokens: name.tokens,
            whole: name.whole,
            registered: u16::try_from(registered).unwrap_or(0),
            flags,
            rarity: [0; 4],
        }
    }

    /// The bytes of a snapshot.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&self.document.to_le_bytes());
        put(&self.phone_road.to_le_bytes());
        for number in
            [self.readings[0], self.readings[1], self.birth.packed(), self.house, self.flat, self.county, self.whole]
        {
            put(&number.to_le_bytes());
        }
        for token in self.tokens {
            put(&token.to_le_bytes());
        }
        put(&self.registered.to_le_bytes());
        put(&self.flags.to_le_bytes());
        put(&self.rarity);
        bytes
    }

    /// From the bytes of a snapshot.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Packed {
        let long = |at: usize| bytes[at..at + 8].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let word = |at: usize| bytes[at..at + 4].iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let half = |at: usize| u16::from(bytes[at]) | u16::from(bytes[at + 1]) << 8;
        let mut tokens = [0; TOKENS_MAX];
        for (place, token) in tokens.iter_mut().enumerate() {
            *token = half(44 + 2 * place);
        }
        Packed {
            document: long(0),
            phone_road: long(8),
            readings: [word(16), word(20)],
            birth: Date::from_packed(word(24)),
            house: word(28),
            flat: word(32),
            county: word(36),
            whole: word(40),
            tokens,
            registered: half(56),
            flags: half(58),
            rarity: [bytes[60], bytes[61], bytes[62], bytes[63]],
        }
    }

    /// The document's kind.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        DocumentKind::from_number((self.document >> 60) as u8)
    }

    /// The document's value.
    #[inline]
    #[must_use]
    pub fn value(&self) -> u64 {
        self.document & VALUE
    }

    /// Whose document it is.
    #[inline]
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.flags >> STANDING_SHIFT & 3 {
            1 => Standing::Guardian,
            2 => Standing::Doubtful,
            3 => Standing::Foreign,
            _ => Standing::Own,
        }
    }

    /// Is there a document that may be the registrant's own?
    #[inline]
    #[must_use]
    pub fn has_own_document(&self) -> bool {
        use DocumentKind as K;
        !matches!(self.kind(), K::None | K::Placeholder | K::HouseholdBook) && self.standing() != Standing::Guardian
    }

    /// Is there a checked number with no doubt about it?
    #[inline]
    #[must_use]
    pub fn has_checked_document(&self) -> bool {
        self.is_checked() && self.standing() == Standing::Own
    }

    /// Does the document's number carry a check character that is right? One person has one such number for life.
    #[inline]
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.kind().is_checked() || (self.kind() == DocumentKind::PermanentResidence && self.body().is_some())
    }

    /// The 17 digits before the check character, for kinds of GB 11643 that have them all.
    #[inline]
    #[must_use]
    pub fn body(&self) -> Option<u64> {
        use DocumentKind as K;
        match self.kind() {
            K::Resident | K::ResidentUpgraded | K::HongKongMacaoTaiwanResidence => Some(self.value()),
            K::ResidentInvalid => Some(self.value() / 11),
            // The older card has letters.
            K::PermanentResidence if self.value() & OLD_FORM == 0 => Some(self.value()),
            _ => None,
        }
    }

    /// Writes whose document it is.
    pub fn set_standing(&mut self, standing: Standing) {
        self.flags = self.flags & !(3 << STANDING_SHIFT) | (standing as u16) << STANDING_SHIFT;
    }

    /// Forgets the document: it stands for nobody.
    pub fn drop_document(&mut self) {
        self.document = (DocumentKind::Placeholder as u64) << 60;
    }

    /// Forgets the telephone: it stands for nobody.
    pub fn drop_phone(&mut self) {
        self.phone_road &= !PHONE;
    }

    /// The telephone; zero is none.
    #[inline]
    #[must_use]
    pub fn phone(&self) -> u64 {
        self.phone_road & PHONE
    }

    /// The road or village; zero is none.
    #[inline]
    #[must_use]
    pub fn road(&self) -> u32 {
        (self.phone_road >> 40) as u32
    }

    /// A newborn's registration as its mother's: under her name and with her number.
    pub(crate) fn become_mother(&mut self) {
        if self.standing() == Standing::Guardian {
            self.set_standing(Standing::Own);
        } else {
            self.drop_document();
        }
        let kind = if self.name_kind() == NameKind::Newborn { NameKind::Chinese } else { NameKind::Missing };
        self.flags = self.flags & !(7 << NAME_SHIFT) | (kind as u16) << NAME_SHIFT;
        if kind == NameKind::Missing {
            self.readings = [0; 2];
        }
    }

    /// Where the registrant lives and can be reached, as another registration has it.
    pub fn take_place(&mut self, other: &Packed) {
        self.phone_road = other.phone_road;
        (self.house, self.flat, self.county) = (other.house, other.flat, other.county);
        self.rarity[2] = other.rarity[2];
    }

    /// The sex: 1, 2 or 0.
    #[inline]
    #[must_use]
    pub fn sex(&self) -> u8 {
        (self.flags & SEX) as u8
    }

    /// Is the birth date the one inside the document?
    #[inline]
    #[must_use]
    pub fn is_birth_from_document(&self) -> bool {
        self.flags & BIRTH_FROM_DOCUMENT != 0
    }

    /// What the name field held.
    #[inline]
    #[must_use]
    pub fn name_kind(&self) -> NameKind {
        match self.flags >> NAME_SHIFT & 7 {
            1 => NameKind::Chinese,
            2 => NameKind::Parts,
            3 => NameKind::Letters,
            4 => NameKind::Newborn,
            5 => NameKind::Infant,
            6 => NameKind::Words,
            _ => NameKind::Missing,
        }
    }

    /// Does the registrant have a name of his own?
    #[inline]
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self.name_kind(), NameKind::Chinese | NameKind::Parts | NameKind::Letters | NameKind::Words)
    }

    /// Is only the surname told, the given name hidden (王\*\*, 李某某, 刘□)? Of a newborn: its mother's.
    #[inline]
    #[must_use]
    pub fn is_masked(&self) -> bool {
        let length = self.name_length().min(TOKENS_MAX);
        let is_name = matches!(self.name_kind(), NameKind::Chinese | NameKind::Parts | NameKind::Newborn);
        is_name && length >= 2 && self.tokens[1..length].iter().all(|token| *token == WILD)
    }

    /// Is it a newborn without a name of its own?
    #[inline]
    #[must_use]
    pub fn is_newborn(&self) -> bool {
        matches!(self.name_kind(), NameKind::Newborn | NameKind::Infant)
    }

    /// Number of tokens of the whole name, at most 15.
    #[inline]
    #[must_use]
    pub fn name_length(&self) -> usize {
        usize::from(self.flags >> LENGTH_SHIFT & 15)
    }

    /// Which of several born together; zero is not said.
    #[inline]
    #[must_use]
    pub fn birth_order(&self) -> u8 {
        if self.is_newborn() { (self.flags >> ORDER_SHIFT) as u8 } else { 0 }
    }

    /// Of a name in parts, how many tokens the own name has (at most 7); zero is not said.
    #[inline]
    #[must_use]
    pub fn own_length(&self) -> usize {
        if self.name_kind() == NameKind::Parts { usize::from(self.flags >> ORDER_SHIFT) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_takes_64_bytes() {
        assert_eq!(size_of::<Packed>(), 64);
    }
}
