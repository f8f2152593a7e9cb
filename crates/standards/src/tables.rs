//! Mapping files of delimited tables, and the words for "nothing" that stand in such tables.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

static NOTHING: &str = include_str!("../../../standards/tables/nothing.toml");

/// Where a text stands, as far as words for "nothing" care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// Numbers of people and things, telephone numbers.
    Identifier,
    /// Coded values and flags: `0` is one of them.
    Code,
    /// Names and other short texts.
    Text,
    /// What somebody wrote: `无` is an answer.
    Narrative,
    /// Days and times.
    Time,
    /// Numbers that were measured, counted or charged.
    Quantity,
}

const CONTEXTS: usize = 6;

#[derive(Deserialize)]
struct NothingFile {
    nothing: Vec<NothingWords>,
}

#[derive(Deserialize)]
struct NothingWords {
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    days: Vec<String>,
    r#where: Vec<Context>,
}

#[derive(Default)]
struct Nothing {
    words: [HashSet<String>; CONTEXTS],
    days: HashSet<String>,
    longest_bytes: usize,
}

static WORDS: LazyLock<Nothing> = LazyLock::new(|| {
    let mut nothing = Nothing::default();
    // A test reads the same file: a broken one never leaves the workshop.
    let file: NothingFile = toml::from_str(NOTHING).unwrap_or(NothingFile { nothing: Vec::new() });
    for entry in file.nothing {
        nothing.longest_bytes = entry.words.iter().map(String::len).fold(nothing.longest_bytes, usize::max);
        for context in entry.r#where {
            nothing.words[context as usize].extend(entry.words.iter().cloned());
        }
        nothing.days.extend(entry.days);
    }
    nothing
});

/// Whether a trimmed text of half width is a word for "nothing" where it stands. Letter case does not matter.
#[must_use]
pub fn is_nothing(text: &str, context: Context) -> bool {
    let nothing = &*WORDS;
    if text.is_empty() {
        return true;
    }
    if text.len() > nothing.longest_bytes {
        return false;
    }
    let words = &nothing.words[context as usize];
    words.contains(text)
        || (text.bytes().any(|byte| byte.is_ascii_uppercase()) && words.contains(&text.to_ascii_lowercase()))
}

/// Whether a day (`1900-01-01`) is the default value of a database rather than a day.
#[must_use]
pub fn is_nothing_day(day: &str) -> bool {
    WORDS.days.contains(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_nothing_are_readable() {
        let file: NothingFile = toml::from_str(NOTHING).unwrap();
        assert!(file.nothing.iter().any(|entry| !entry.days.is_empty()));
        assert!(is_nothing("NULL", Context::Quantity));
        assert!(
            is_nothing("0", Context::Identifier)
                && !is_nothing("0", Context::Quantity)
                && !is_nothing("0", Context::Code)
        );
        assert!(is_nothing("无", Context::Identifier) && !is_nothing("无", Context::Narrative));
        assert!(is_nothing_day("9999-12-31") && !is_nothing_day("2024-03-05"));
    }
}
