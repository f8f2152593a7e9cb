//! Readings (拼音) of characters, names and romanised names.
//!
//! Clerks type by sound: a homophone is the commonest slip in a Chinese name, and where the keyboard lacks the character the
//! reading itself is typed. A character has up to [`READINGS_MAX`] readings; a surname has its own (单 is shàn, not dān).

use std::sync::LazyLock;

use pinyin::{ToPinyin, ToPinyinMulti};

use crate::text::NumberMap;

/// More readings than two are rare in names, and the first two are the common ones.
pub const READINGS_MAX: usize = 2;

/// The readings of one character as numbers of syllables; zero is none.
pub type Readings = [u16; READINGS_MAX];

/// First and last code point for which readings are looked up: extension A to the end of the basic ideographs.
const FIRST: u32 = 0x3400;
const LAST: u32 = 0x9fff;

struct Tables {
    /// Syllable texts; the number of a syllable is its place here plus one.
    syllables: Vec<&'static str>,
    numbers: std::collections::HashMap<&'static str, u16>,
    basic: Vec<Readings>,
    surnames: NumberMap<u32, Readings>,
    long_surnames: Vec<[u16; 2]>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(build);

fn build() -> Tables {
    let mut tables = Tables {
        syllables: Vec::with_capacity(450),
        numbers: std::collections::HashMap::new(),
        basic: vec![[0; READINGS_MAX]; (LAST - FIRST + 1) as usize],
        surnames: NumberMap::default(),
        long_surnames: Vec::new(),
    };
    for code in FIRST..=LAST {
        let Some(character) = char::from_u32(code) else { continue };
        let readings = look_up(&mut tables, character);
        tables.basic[(code - FIRST) as usize] = readings;
    }
    for line in crate::data::SURNAMES.lines().filter(|line| !line.starts_with('#')) {
        let Some((surname, readings)) = line.split_once('\t') else { continue };
        let mut characters = surname.chars();
        let Some(character) = characters.next() else { continue };
        if let Some(second) = characters.next() {
            let code = |character| u16::try_from(u32::from(character)).unwrap_or(0);
            tables.long_surnames.push([code(character), code(second)]);
            continue;
        }
        let mut numbers = [0; READINGS_MAX];
        for (slot, reading) in numbers.iter_mut().zip(readings.trim().split('/')) {
            *slot = tables.numbers.get(reading).copied().unwrap_or(0);
        }
        tables.surnames.insert(character as u32, numbers);
    }
    tables
}

fn look_up(tables: &mut Tables, character: char) -> Readings {
    let mut readings = [0; READINGS_MAX];
    let mut texts: Vec<&'static str> = character.to_pinyin().map(|first| plain(first.plain())).into_iter().collect();
    if let Some(all) = character.to_pinyin_multi() {
        texts.extend(all.into_iter().map(|one| plain(one.plain())));
    }
    let mut count = 0;
    for text in texts {
        let number = tables.numbers.get(text).copied().unwrap_or_else(|| {
            tables.syllables.push(text);
            let number = u16::try_from(tables.syllables.len()).unwrap_or(0);
            tables.numbers.insert(text, number);
            number
        });
        if count < READINGS_MAX && !readings.contains(&number) {
            readings[count] = number;
            count += 1;
        }
    }
    readings
}

/// Passports and keyboards write `lv` for lü; the table may write `lü` or `lu:`.
fn plain(text: &'static str) -> &'static str {
    match text {
        "lü" => "lv",
        "nü" => "nv",
        "lüe" | "lve" => "lue",
        "nüe" | "nve" => "nue",
        other => other,
    }
}

/// The readings of a character inside a given name.
#[must_use]
pub fn of(character: char) -> Readings {
    let code = character as u32;
    if (FIRST..=LAST).contains(&code) {
        return TABLES.basic[(code - FIRST) as usize];
    }
    let mut readings = [0; READINGS_MAX];
    if code > 0xffff
        && let Some(first) = character.to_pinyin()
        && let Some(number) = TABLES.numbers.get(first.plain())
    {
        readings[0] = *number;
    }
    readings
}

/// The readings of a character that stands first in a name.
#[must_use]
pub fn of_surname(character: char) -> Readings {
    TABLES.surnames.get(&(character as u32)).copied().unwrap_or_else(|| of(character))
}

/// Are these two characters (as code points) a surname of two?
#[must_use]
pub fn is_long_surname(codes: [u16; 2]) -> bool {
    TABLES.long_surnames.contains(&codes)
}

/// The syllable's letters; nothing for zero.
#[must_use]
pub fn syllable(number: u16) -> &'static str {
    match number {
        0 => "",
        number => TABLES.syllables.get(usize::from(number) - 1).copied().unwrap_or(""),
    }
}

/// The number of a syllable written in lower-case letters.
#[must_use]
pub fn number_of(text: &str) -> Option<u16> {
    TABLES.numbers.get(text).copied()
}

/// Splits lower-case letters into syllables, longest first, going back when the rest cannot be split. Linear in the letters.
#[must_use]
pub fn split(letters: &str) -> Option<Vec<u16>> {
    /// `zhuang` is the longest syllable.
    const LETTERS_MAX: usize = 6;
    if !letters.is_ascii() {
        return None;
    }
    // steps[at] is the syllable that starts there on a way to the end.
    let mut steps: Vec<Option<(usize, u16)>> = vec![None; letters.len() + 1];
    steps[letters.len()] = Some((0, 0));
    for at in (0..letters.len()).rev() {
        for length in (1..=LETTERS_MAX.min(letters.len() - at)).rev() {
            if steps[at + length].is_some()
                && let Some(number) = number_of(&letters[at..at + length])
            {
                steps[at] = Some((length, number));
                break;
            }
        }
    }
    let (mut at, mut numbers) = (0, Vec::new());
    while at < letters.len() {
        let (length, number) = steps[at]?;
        numbers.push(number);
        at += length;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_surnames_have_their_own_readings() {
        assert_eq!(syllable(of('单')[0]), "dan");
        assert_eq!(syllable(of_surname('单')[0]), "shan");
        assert_eq!(syllable(of_surname('仇')[0]), "qiu");
        assert_eq!(syllable(of('明')[0]), "ming");
        assert_eq!(syllable(of('吕')[0]), "lv");
        assert_eq!(of('A'), [0, 0]);
    }

    #[test]
    fn letters_are_split_into_syllables() {
        let texts =
            |letters: &str| -> Vec<&str> { split(letters).unwrap_or_default().into_iter().map(syllable).collect() };
        assert_eq!(texts("fujingqian"), ["fu", "jing", "qian"]);
        assert_eq!(texts("jianwen"), ["jian", "wen"]);
        assert_eq!(texts("zhangan"), ["zhang", "an"]);
        assert!(split("smith").is_none());
        assert_eq!(split(""), Some(Vec::new()));
    }
}
