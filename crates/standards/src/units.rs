//! How units are written in Chinese laboratories, wards and pharmacies, and the UCUM code that each spelling means
//! (`standards/maps/units.toml`).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

static UNITS: &str = include_str!("../../../standards/maps/units.toml");

#[derive(Deserialize)]
struct File {
    unit: Vec<Unit>,
}

#[derive(Deserialize)]
struct Unit {
    ucum: String,
    spellings: Vec<String>,
}

struct Spellings {
    exact: HashMap<String, &'static str>,
    /// Without regard to letter case; spellings that would mean two things are not here.
    folded: HashMap<String, Option<&'static str>>,
}

static SPELLINGS: LazyLock<Spellings> = LazyLock::new(|| {
    // A test reads the same file: a broken one never leaves the workshop.
    let file: File = toml::from_str(UNITS).unwrap_or(File { unit: Vec::new() });
    let mut spellings = Spellings { exact: HashMap::new(), folded: HashMap::new() };
    for unit in file.unit {
        let ucum: &'static str = unit.ucum.leak();
        for spelling in unit.spellings {
            let plain = plain(&spelling);
            let known = spellings.folded.entry(plain.to_lowercase()).or_insert(Some(ucum));
            if *known != Some(ucum) {
                *known = None;
            }
            spellings.exact.entry(plain).or_insert(ucum);
        }
    }
    spellings
});

/// The UCUM code of a spelling, in its own letter case.
#[must_use]
pub fn spelled(sent: &str) -> Option<&'static str> {
    SPELLINGS.exact.get(&plain(sent)).copied()
}

/// The UCUM code of a spelling in any letter case, when it can mean only one.
#[must_use]
pub fn spelled_in_any_case(sent: &str) -> Option<&'static str> {
    SPELLINGS.folded.get(&plain(sent).to_lowercase()).copied().flatten()
}

/// Every spelling with its code, for tests and for people.
#[must_use]
pub fn spellings() -> Vec<(&'static str, &'static str)> {
    SPELLINGS.exact.iter().map(|(spelling, ucum)| (spelling.as_str(), *ucum)).collect()
}

/// One way of writing: half width, no spaces, `10^n` for every power of ten, digits for other superscripts, `u` for μ and µ.
#[must_use]
pub fn plain(sent: &str) -> String {
    let mut text = String::with_capacity(sent.len());
    for character in sent.trim().chars() {
        match character {
            '\u{3000}' => {}
            '\u{FF01}'..='\u{FF5E}' => text.extend(char::from_u32(character as u32 - 0xFEE0)),
            'μ' | 'µ' => text.push('u'),
            '·' | '•' | '⋅' => text.push('.'),
            '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' => {
                if text.ends_with("10") {
                    text.push('^');
                }
                text.push(superscript(character));
            }
            character if character.is_whitespace() => {}
            character => text.push(character),
        }
    }
    let body = text.trim_start_matches(['×', 'x', 'X', '*']);
    let Some(rest) = body.strip_prefix("10") else {
        // A unit may begin with x, but only before a power of ten it is a sign.
        return text;
    };
    let power = rest.trim_start_matches(['^', '*', 'E', 'e', '+']);
    if power.len() == rest.len() || !power.starts_with(|first: char| first.is_ascii_digit()) {
        return if body.len() == text.len() { text } else { body.to_owned() };
    }
    format!("10^{}", power.trim_start_matches('0'))
}

fn superscript(character: char) -> char {
    match character {
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁰' => '0',
        other => char::from_u32(other as u32 - '⁴' as u32 + u32::from(b'4')).unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_readable_and_says_nothing_twice() {
        let file: File = toml::from_str(UNITS).unwrap();
        let mut seen: HashMap<String, String> = HashMap::new();
        for unit in file.unit {
            for spelling in unit.spellings {
                let before = seen.insert(plain(&spelling), unit.ucum.clone());
                assert!(before.is_none_or(|before| before == unit.ucum), "{spelling} has two meanings");
            }
        }
    }

    #[test]
    fn powers_of_ten_are_written_in_one_way() {
        for sent in [
            "10^9/L",
            "×10⁹/L",
            "x10^9/L",
            "*10^9/L",
            "10E9/L",
            "10e9/L",
            "10*9/L",
            " 10 ^9 / L",
            "10^09/L",
            "１０＾９／Ｌ",
        ] {
            assert_eq!(spelled(sent), Some("10*9/L"), "{sent}");
        }
        assert_eq!(spelled("×10¹²/L"), Some("10*12/L"));
        assert_eq!(spelled("kg/m²"), Some("kg/m2"));
    }

    #[test]
    fn spellings_of_wards_and_laboratories() {
        for (sent, ucum) in [
            ("次/分", "/min"),
            ("mmHg", "mm[Hg]"),
            ("℃", "Cel"),
            ("个/HP", "/[HPF]"),
            ("μmol/L", "umol/L"),
            ("µmol/L", "umol/L"),
            ("K/uL", "10*3/uL"),
            ("秒", "s"),
        ] {
            assert_eq!(spelled(sent), Some(ucum), "{sent}");
        }
        assert_eq!(spelled("MMOL/L"), None);
        assert_eq!(spelled_in_any_case("MMOL/L"), Some("mmol/L"));
        assert_eq!(spelled("弗隆"), None);
    }
}
