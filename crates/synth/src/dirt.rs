//! Where the feeds get dirty: which kind happens to which message, and what must be said about it.

use crate::data::{Data, Dirt};
use crate::random::Random;

/// What was planted in a message or row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The id in `dirt.toml`.
    pub id: &'static str,
    /// One of these rules must speak; empty: nothing is to be said.
    pub rules: &'static [String],
    /// The record has to be set aside.
    pub set_aside: bool,
}

/// Decides about dirt in one kind of feed.
#[derive(Clone, Copy)]
pub(crate) struct Soiler {
    data: &'static Data,
    place: &'static str,
    /// Nothing gets dirty: what is written now is a story of its own.
    pub is_off: bool,
}

impl Soiler {
    /// For `hl7`, `county` or `primary`.
    pub fn new(data: &'static Data, place: &'static str) -> Self {
        Self { data, place, is_off: false }
    }

    fn kind(&self, id: &str) -> Option<&'static Dirt> {
        self.data.dirt.dirt.iter().find(|kind| kind.id == id && kind.places.iter().any(|place| place == self.place))
    }

    /// Whether this kind happens here; a kind with a finding is noted in `marks`. A record gets one finding at most: what is
    /// planted must be told apart.
    pub fn happens(&self, id: &str, random: &mut Random, marks: &mut Vec<Mark>) -> bool {
        let Some(kind) = self.kind(id).filter(|_| !self.is_off) else { return false };
        if !random.chance(kind.rate) {
            return false;
        }
        if kind.rules.is_empty() {
            return true;
        }
        if !marks.is_empty() {
            return false;
        }
        marks.push(Mark { id: &kind.id, rules: &kind.rules, set_aside: kind.set_aside });
        true
    }

    /// Notes a kind that did not happen by chance.
    pub fn note(&self, id: &str, marks: &mut Vec<Mark>) {
        if let Some(kind) = self.kind(id).filter(|_| marks.is_empty() && !self.is_off) {
            marks.push(Mark { id: &kind.id, rules: &kind.rules, set_aside: kind.set_aside });
        }
    }

    /// The mark of everything that names a test patient.
    pub fn test_patient(&self) -> Option<Mark> {
        let kind = self.kind("test-patient")?;
        Some(Mark { id: &kind.id, rules: &kind.rules, set_aside: kind.set_aside })
    }
}

/// Wrong by one digit, so that the check digit does not fit.
pub(crate) fn wrong_digit(number: &str, random: &mut Random) -> String {
    // The sequence behind the birth date: neither sex (17th) nor birth changes.
    let at = 14 + random.below(2);
    let mut bytes = number.as_bytes().to_vec();
    if let Some(byte) = bytes.get_mut(at).filter(|byte| byte.is_ascii_digit()) {
        *byte = b'0' + (*byte - b'0' + 1) % 10;
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// A value that no person has: the decimal point is lost, and zeros come behind.
pub(crate) fn impossible(value: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    format!("{}0000", digits.trim_start_matches('0'))
}

/// `13800` in full width.
pub(crate) fn full_width(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '0'..='9' => char::from_u32(character as u32 + 0xFEE0).unwrap_or(character),
            other => other,
        })
        .collect()
}

/// What a spreadsheet makes of eighteen digits.
pub(crate) fn scientific(number: &str) -> String {
    let digits: String = number.chars().take(6).collect();
    match digits.split_at_checked(1) {
        Some((first, rest)) => format!("{first}.{rest}E+17"),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spoilt_as_they_are_in_the_field() {
        let mut random = Random::new(1);
        let wrong = wrong_digit("990121196803150011", &mut random);
        assert_eq!((wrong.len(), &wrong[..14], &wrong[16..]), (18, "99012119680315", "11"));
        assert_eq!(scientific("990121196803150011"), "9.90121E+17");
        assert_eq!(full_width("10x"), "１０x");
    }
}
