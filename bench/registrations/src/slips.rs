//! Slips of the pen: what happens to a name or a number between the card and the screen.

use crate::kinds::{Kind, Kinds};
use crate::names::{Form, Name, Namer};
use crate::profile::{Documents, Names};
use crate::random::Random;
use crate::tables::Tables;

/// How a hospital's system treats names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameHabit {
    /// The dot that its keyboard makes.
    pub(crate) dot: &'static str,
    /// Width of the field in characters.
    pub(crate) width: usize,
    /// What it shows for a character it does not have.
    pub(crate) unknown: &'static str,
}

/// Writes names wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameSlips<'a> {
    pub(crate) namer: Namer<'a>,
    pub(crate) rates: &'a Names,
    pub(crate) tables: &'a Tables,
}

impl NameSlips<'_> {
    /// The name as the clerk writes it.
    pub(crate) fn write(&self, name: &Name, habit: NameHabit, random: &mut Random, kinds: &mut Kinds) -> String {
        let mut text = match name.form {
            Form::Han => self.han(name, habit, random, kinds),
            Form::Dotted => self.dotted(name, habit, random, kinds),
            Form::Whole => self.whole(name, random, kinds),
            Form::Latin => self.latin(name, random, kinds),
        };
        let rates = self.rates;
        if random.chance(rates.decoration) {
            kinds.add(Kind::Decoration);
            text.push_str(random.word(&[
                "（退）",
                "（自费）",
                "(急)",
                "（医保）",
                "(复)",
                "（家属）",
                "[VIP]",
                "（绿通）",
            ]));
        }
        if random.chance(rates.spaced) && name.form == Form::Han {
            kinds.add(Kind::Decoration);
            text = match random.below(4) {
                0 => format!(" {text}"),
                1 => format!("　{text}"),
                2 => format!("{text} "),
                _ => format!("{} {}", name.surname, name.given),
            };
        }
        if random.chance(rates.trailing_mark) {
            kinds.add(Kind::Decoration);
            text.push_str(random.word(&["*", "1", "2", ".", "A"]));
        }
        text
    }

    fn han(&self, name: &Name, habit: NameHabit, random: &mut Random, kinds: &mut Kinds) -> String {
        let rates = self.rates;
        let mut given: Vec<char> = name.given.chars().collect();
        let lost = self.lose_rare(&given, habit, random, kinds);
        if let Some(lost) = lost {
            return format!("{}{lost}", name.surname);
        }
        let mut at = random.unit();
        let mut happens = |rate: f64| {
            at -= rate;
            at < 0.0 && at >= -rate
        };
        if happens(rates.homophone) {
            self.homophone(&mut given, random, kinds);
        } else if happens(rates.look_alike) {
            self.look_alike(&mut given, random, kinds);
        } else if happens(rates.dropped_character) && given.len() > 1 {
            kinds.add(Kind::LostCharacter);
            given.remove(random.below(given.len()));
        } else if happens(rates.swapped_characters) && given.len() == 2 {
            kinds.add(Kind::LostCharacter);
            given.swap(0, 1);
        } else if happens(rates.pinyin) {
            if let Some(text) = self.pinyin(name, random) {
                kinds.add(Kind::Pinyin);
                return text;
            }
        } else if happens(rates.pinyin_inside) {
            let place = random.below(given.len());
            if let Some(sound) = self.tables.sound_of.get(&given[place]) {
                kinds.add(Kind::Pinyin);
                let sound = if random.chance(0.4) { sound.to_uppercase() } else { (*sound).to_owned() };
                return format!("{}{}", name.surname, replace(&given, place, &sound));
            }
        } else if happens(rates.unknown_glyph) {
            kinds.add(Kind::UnknownGlyph);
            let place = random.below(given.len());
            return format!("{}{}", name.surname, replace(&given, place, habit.unknown));
        } else if happens(rates.masked) {
            kinds.add(Kind::Masked);
            let place = if random.chance(0.7) || given.len() == 1 { 0 } else { usize::MAX };
            let masked = if place == 0 { replace(&given, 0, "*") } else { "*".repeat(given.len()) };
            return format!("{}{masked}", name.surname);
        } else if happens(rates.other_given) {
            kinds.add(Kind::OtherGiven);
            let year = 1960 + random.between(0, 55);
            given = self.namer.given(1 + u8::from(random.chance(0.5)), year, random).chars().collect();
        }
        format!("{}{}", name.surname, given.into_iter().collect::<String>())
    }

    /// The given name with its rare character lost, if it has one and it is lost.
    fn lose_rare(&self, given: &[char], habit: NameHabit, random: &mut Random, kinds: &mut Kinds) -> Option<String> {
        let (place, rare) = given.iter().enumerate().find_map(|(place, character)| {
            self.tables.rare.iter().find(|rare| rare.character == *character).map(|rare| (place, *rare))
        })?;
        if !random.chance(self.rates.rare_lost) {
            return None;
        }
        kinds.add(Kind::RareLost);
        let sound = self.tables.sound_of.get(&rare.character).copied().unwrap_or("x");
        Some(match (random.below(4), rare.instead) {
            (0, Some(instead)) => replace(given, place, &instead.to_string()),
            (1, _) => replace(given, place, sound),
            (2, _) => replace(given, place, &sound.to_uppercase()),
            _ => replace(given, place, habit.unknown),
        })
    }

    fn homophone(&self, given: &mut [char], random: &mut Random, kinds: &mut Kinds) {
        let place = random.below(given.len());
        let Some(sound) = self.tables.sound_of.get(&given[place]) else { return };
        let Some(others) = self.tables.of_sound.get(sound).filter(|others| others.len() > 1) else { return };
        let other = *random.one(others);
        if other != given[place] {
            kinds.add(Kind::Homophone);
            given[place] = other;
        }
    }

    fn look_alike(&self, given: &mut [char], random: &mut Random, kinds: &mut Kinds) {
        let places = (0..given.len()).filter(|place| self.tables.look_alike.contains_key(&given[*place]));
        let places: Vec<usize> = places.collect();
        if !places.is_empty() {
            let place = *random.one(&places);
            kinds.add(Kind::LookAlike);
            given[place] = *random.one(&self.tables.look_alike[&given[place]]);
        }
    }

    fn pinyin(&self, name: &Name, random: &mut Random) -> Option<String> {
        let (surname, given) = self.namer.sounds(name)?;
        let joined = given.concat();
        Some(match random.below(5) {
            0 => format!("{} {}", surname.to_uppercase(), given.join(" ").to_uppercase()),
            1 => format!("{surname}{joined}"),
            2 => format!("{} {}", capital(&joined), capital(&surname)),
            3 => format!("{} {}", surname.to_uppercase(), capital(&joined)),
            _ => format!("{} {joined}", capital(&surname)),
        })
    }

    fn dotted(&self, name: &Name, habit: NameHabit, random: &mut Random, kinds: &mut Kinds) -> String {
        let rates = self.rates;
        let (mut own, mut other) = (name.given.clone(), name.surname.clone());
        if random.chance(rates.dot_other_sound) {
            own = self.other_sound(&own, kinds);
            other = self.other_sound(&other, kinds);
        }
        let mut text = if random.chance(rates.dot_lost) {
            kinds.add(Kind::DotForm);
            match random.below(3) {
                0 => own,
                1 => format!("{own} {other}"),
                _ => format!("{own}{other}"),
            }
        } else {
            format!("{own}{}{other}", habit.dot)
        };
        if random.chance(rates.dot_cut) && text.chars().count() > habit.width {
            kinds.add(Kind::DotForm);
            text = text.chars().take(habit.width).collect();
        }
        text
    }

    fn whole(&self, name: &Name, random: &mut Random, kinds: &mut Kinds) -> String {
        if random.chance(self.rates.dot_other_sound) {
            return self.other_sound(&name.given, kinds);
        }
        name.given.clone()
    }

    fn other_sound(&self, text: &str, kinds: &mut Kinds) -> String {
        let pair = self.tables.transliterations.iter().find(|(one, _)| text.contains(one));
        pair.map_or_else(
            || text.to_owned(),
            |(one, other)| {
                kinds.add(Kind::Homophone);
                text.replacen(one, other, 1)
            },
        )
    }

    fn latin(&self, name: &Name, random: &mut Random, kinds: &mut Kinds) -> String {
        let (given, family) = (&name.given, &name.surname);
        let mut text = format!("{given} {family}");
        if random.chance(self.rates.latin_turned) {
            kinds.add(Kind::LatinForm);
            text = match random.below(4) {
                0 => format!("{} {}", family.to_uppercase(), given.to_uppercase()),
                1 => format!("{}, {given}", family.to_uppercase()),
                2 => format!("{given} {family}").to_uppercase(),
                _ => format!("{family} {given}"),
            };
        }
        if random.chance(self.rates.latin_cut) {
            kinds.add(Kind::LatinForm);
            text = text.chars().take(10).collect();
        }
        text.trim_end().to_owned()
    }
}

/// The number as the clerk types it.
pub(crate) fn type_number(
    number: &str,
    born: i32,
    rates: &Documents,
    random: &mut Random,
    kinds: &mut Kinds,
) -> String {
    let mut digits = number.as_bytes().to_vec();
    let mut at = random.unit();
    let mut happens = |rate: f64| {
        at -= rate;
        at < 0.0 && at >= -rate
    };
    if born < 1985 && random.chance(rates.fifteen) {
        kinds.add(Kind::FifteenDigits);
        let short = [&digits[..6], &digits[8..17]].concat();
        return String::from_utf8(short).unwrap_or_default();
    }
    if happens(rates.typed_digit) {
        kinds.add(Kind::DamagedNumber);
        let place = random.below(17);
        digits[place] = b'0' + (digits[place] - b'0' + 1 + random.below(9) as u8) % 10;
    } else if happens(rates.transposed) {
        kinds.add(Kind::DamagedNumber);
        let place = random.below(16);
        digits.swap(place, place + 1);
    } else if happens(rates.dropped_digit) {
        kinds.add(Kind::DamagedNumber);
        digits.remove(random.below(18));
    } else if happens(rates.spaced) {
        kinds.add(Kind::NumberForm);
        return match random.below(3) {
            0 => format!("{} {} {}", &number[..6], &number[6..14], &number[14..]),
            1 => format!(" {number}"),
            _ => format!("{}-{}-{}", &number[..6], &number[6..14], &number[14..]),
        };
    } else if happens(rates.spreadsheet) {
        kinds.add(Kind::DamagedNumber);
        return format!("{}.{}E+17", &number[..1], &number[1..6]);
    } else if happens(rates.full_width) {
        kinds.add(Kind::NumberForm);
        let wide = |digit: char| char::from_u32(u32::from(digit) + 0xFEE0).unwrap_or(digit);
        return number.chars().map(wide).collect();
    } else if digits.last() == Some(&b'X') && random.chance(rates.small_x) {
        kinds.add(Kind::NumberForm);
        digits[17] = b'x';
    }
    String::from_utf8(digits).unwrap_or_default()
}

fn replace(given: &[char], place: usize, by: &str) -> String {
    let mut text = String::new();
    for (at, character) in given.iter().enumerate() {
        if at == place { text.push_str(by) } else { text.push(*character) }
    }
    text
}

fn capital(sound: &str) -> String {
    let mut letters = sound.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
