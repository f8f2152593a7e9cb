//! The model: how often each level of agreement occurs between two registrations of one person (m), of two strangers (u), and of
//! two members of one household (f), and of twins (t).
//!
//! Fellegi and Sunter weigh a pair by m/u. In China that fails on families: telephone, address and surname agree *together*
//! between relatives, and counted as independent they outvote a different name. So there are two rivals to "the same person":
//! *strangers*, *relatives* and *twins*, each with its own frequencies and its own prior, and the pair's score is the evidence
//! against the strongest rival. Telephone, address and surname weigh next to nothing against relatives: that is the joint cap, learned.

use serde::{Deserialize, Serialize};

use crate::compare::{FIELDS, Field, LEVELS_MAX, Levels, birth, name, phone};
use crate::packed::{Packed, RARITY_STEPS};

/// Scores are whole numbers in units of 1/64 bit, so that they add up the same on every machine and in every order.
pub const UNITS_PER_BIT: i32 = 64;

/// A frequency per level of every field.
pub type Table = [[f32; LEVELS_MAX]; FIELDS];

/// The learned model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Version of the standardisation that it was learned with.
    pub standardise_version: u32,
    /// Registrations that it was learned from.
    pub registrations: u32,
    /// Levels between registrations of one person.
    pub same: Table,
    /// Levels between strangers.
    pub stranger: Table,
    /// Levels between members of one household.
    pub relative: Table,
    /// Levels between twins.
    pub twin: Table,
    /// log2 of the odds that two random registrations are one person's, against strangers.
    pub prior_stranger: f32,
    /// log2 of the odds against relatives: registrations of one person to registrations of relatives.
    pub prior_relative: f32,
    /// The same against twins.
    pub prior_twin: f32,
    /// Share of relatives whose surname agrees.
    pub relative_surname: f32,
}

/// A pair's score in units of 1/64 bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Score {
    /// Against strangers.
    pub stranger: i32,
    /// Against relatives.
    pub relative: i32,
    /// Against twins.
    pub twin: i32,
}

impl Score {
    /// The score: the evidence against the strongest rival.
    #[inline]
    #[must_use]
    pub fn total(self) -> i32 {
        self.stranger.min(self.relative).min(self.twin)
    }
}

/// The model as tables of whole numbers, ready for scoring.
#[derive(Debug, Clone)]
pub struct Scorer {
    stranger: [[i32; LEVELS_MAX]; FIELDS],
    relative: [[i32; LEVELS_MAX]; FIELDS],
    twin: [[i32; LEVELS_MAX]; FIELDS],
    prior: Score,
    /// What the rarity of a value is added to: log2 m, corrected by the level's own commonness.
    name_same: i32,
    name_sound: i32,
    birth_same: i32,
    phone_same: i32,
    surname_bits: i32,
    /// What a name that sounds the same weighs at most: brothers share a character, and the other may sound alike by chance.
    brothers_sound: Score,
}

/// The chance that two different characters of given names sound alike: there are some 400 syllables, unevenly used.
const SOUNDS_ALIKE: f32 = 1.0 / 64.0;

fn units(bits: f32) -> i32 {
    (bits * UNITS_PER_BIT as f32).round() as i32
}

impl Scorer {
    /// Prepares a model.
    #[must_use]
    pub fn new(model: &Model) -> Scorer {
        let ratio = |against: &Table| {
            let mut weights = [[0; LEVELS_MAX]; FIELDS];
            for field in 0..FIELDS {
                for level in 1..LEVELS_MAX {
                    let (m, u) = (model.same[field][level], against[field][level]);
                    weights[field][level] = if m > 0.0 && u > 0.0 { units((m / u).log2()) } else { 0 };
                }
            }
            weights
        };
        let m = |field: Field, level: u8| model.same[field as usize][usize::from(level)].max(1e-6);
        let u = |field: Field, level: u8| model.stranger[field as usize][usize::from(level)].max(1e-9);
        // A sounding-alike pair is as much commoner than a same-character pair as the levels are among strangers.
        let sound_ratio = u(Field::Name, name::SOUND) / u(Field::Name, name::SAME);
        let brothers = |against: &Table| {
            let share = against[Field::Name as usize][usize::from(name::ONE_GIVEN)].max(0.001) * SOUNDS_ALIKE;
            units((m(Field::Name, name::SOUND) / share).log2())
        };
        Scorer {
            brothers_sound: Score { stranger: 0, relative: brothers(&model.relative), twin: brothers(&model.twin) },
            stranger: ratio(&model.stranger),
            relative: ratio(&model.relative),
            twin: ratio(&model.twin),
            prior: Score {
                stranger: units(model.prior_stranger),
                relative: units(model.prior_relative),
                twin: units(model.prior_twin),
            },
            name_same: units(m(Field::Name, name::SAME).log2()),
            name_sound: units((m(Field::Name, name::SOUND) / sound_ratio).log2()),
            birth_same: units(m(Field::Birth, birth::SAME).log2()),
            phone_same: units(m(Field::Phone, phone::SAME).log2()),
            surname_bits: units(-model.relative_surname.max(0.01).log2()),
        }
    }

    /// The weights of one field: against strangers, against relatives.
    #[inline]
    #[must_use]
    pub fn field(&self, left: &Packed, right: &Packed, field: usize, level: u8) -> Score {
        const STEP: i32 = UNITS_PER_BIT / RARITY_STEPS as i32;
        let at = usize::from(level);
        let plain = Score {
            stranger: self.stranger[field][at],
            relative: self.relative[field][at],
            twin: self.twin[field][at],
        };
        let rarity = |which: usize| i32::from(left.rarity[which].min(right.rarity[which])) * STEP;
        if field == Field::Name as usize && (level == name::SAME || level == name::SOUND) {
            let base = if level == name::SAME { self.name_same } else { self.name_sound };
            let mut given =
                Score { stranger: 0, relative: base + rarity(1) + self.surname_bits, twin: base + rarity(1) };
            if level == name::SOUND {
                given.relative = given.relative.min(self.brothers_sound.relative);
                given.twin = given.twin.min(self.brothers_sound.twin);
            }
            return Score { stranger: base + rarity(0), ..given };
        }
        if field == Field::Birth as usize && level == birth::SAME {
            return Score { stranger: self.birth_same + rarity(3), ..plain };
        }
        if field == Field::Phone as usize && level == phone::SAME {
            return Score { stranger: self.phone_same + rarity(2), ..plain };
        }
        plain
    }

    /// The prior.
    #[must_use]
    pub fn prior(&self) -> Score {
        self.prior
    }

    /// The score of a pair from its levels.
    #[inline]
    #[must_use]
    pub fn score(&self, left: &Packed, right: &Packed, levels: Levels) -> Score {
        let mut score = self.prior;
        for field in 0..FIELDS {
            let level = levels.0[field];
            if level != 0 {
                let weight = self.field(left, right, field, level);
                score.stranger += weight.stranger;
                score.relative += weight.relative;
                score.twin += weight.twin;
            }
        }
        score
    }
}
