//! [`normalise`]: the form in which texts are compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Combining marks from this class on stand above, below or around a letter (accents); smaller classes are part of the
/// spelling of a script (dakuten of Japanese, nukta and virama of Indic scripts) and stay.
const ACCENT_CLASS_MIN: u8 = 200;

/// The form of a text that string searches compare: compatibility forms unfolded (full-width `Ａ` is `A`, `㈱` is `(株)`),
/// accents removed, lower case, runs of white space one space, none at the ends. Chinese stays as it is.
///
/// FHIR R4 search, `#string`: matching is insensitive to case and accents.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    let mut push = |character: char| {
        if character.is_whitespace() {
            gap = !out.is_empty();
            return;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(character);
    };
    if text.is_ascii() {
        text.chars().for_each(|character| push(character.to_ascii_lowercase()));
    } else {
        text.nfkd()
            .filter(|character| canonical_combining_class(*character) < ACCENT_CLASS_MIN)
            .flat_map(char::to_lowercase)
            // Lower-casing can make a new mark (`İ` becomes `i` and a dot).
            .filter(|character| canonical_combining_class(*character) < ACCENT_CLASS_MIN)
            .for_each(&mut push);
    }
    out
}

/// Whether a text is written in Chinese characters, where a full name has no space inside.
pub(crate) fn has_han(text: &str) -> bool {
    text.chars().any(
        |character| matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_meet_in_one_form() {
        let rows = [
            ("Müller", "muller"),
            ("MULLER", "muller"),
            ("  José\u{3000}  García ", "jose garcia"),
            ("Ｐｅｔｅｒ　１２", "peter 12"),
            ("张三", "张三"),
            ("\u{f9b4}", "領"),
            ("İstanbul", "istanbul"),
            ("", ""),
            (" \t\n", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(normalise(text), expected, "{text}");
        }
        assert_ne!(normalise("がく"), normalise("かく"), "dakuten is spelling, not an accent");
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for text in ["Ångström Straße", "①②㈱", "Ｍüller   x", "İ", "ﬁn"] {
            assert_eq!(normalise(&normalise(text)), normalise(text), "{text}");
        }
    }
}
