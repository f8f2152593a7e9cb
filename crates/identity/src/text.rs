//! Text before it means anything: compatibility forms folded, hashes taken.
//!
//! Hashes only ever decide whether two standardised values are *worth comparing* or *equal for scoring*; they are not
//! secret and not stored outside the process, so a fast mixing function is enough.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Signs that only say how text is laid out (direction, joining, byte order): what people copy along unseen.
fn is_format(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// NFKC without signs of layout, with the fast road for what needs none: plain ASCII and the unified ideographs U+4E00–U+9FFF.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            0..=0x7f => at += 1,
            // E4 B8 80 is U+4E00; E9 BF BF is U+9FFF. The few code points below U+4E00 in the E4 row need no folding.
            0xe4..=0xe9 => at += 3,
            _ => return Cow::Owned(text.nfkc().filter(|character| !is_format(*character)).collect()),
        }
    }
    Cow::Borrowed(text)
}

/// Mixes two numbers into one; zero is kept free to mean "nothing".
#[inline]
#[must_use]
pub(crate) fn mix(left: u64, right: u64) -> u64 {
    let product = (left ^ right.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (product ^ (product >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ (mixed >> 29)).max(1)
}

/// A 64-bit hash of bytes; never zero.
#[must_use]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(state, bytes.len() as u64)
}

/// The 32-bit form that packed registrations carry; never zero.
#[inline]
#[must_use]
pub(crate) fn short(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}

/// A hasher for keys that are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mixed(u64);

impl std::hash::Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, hash(bytes));
    }
    fn write_u32(&mut self, value: u32) {
        self.0 = mix(self.0, u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = mix(self.0, value);
    }
    fn write_usize(&mut self, value: usize) {
        self.0 = mix(self.0, value as u64);
    }
}

/// A map whose keys are numbers; iteration order is a function of the keys and the insertions, not of chance.
pub(crate) type NumberMap<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<Mixed>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_leaves_plain_text_and_folds_the_rest() {
        assert!(matches!(fold("王小明 A1"), Cow::Borrowed(_)));
        assert_eq!(fold("ＡＢ１２"), "AB12");
        assert_eq!(fold("王（退）"), "王(退)");
        assert_eq!(fold("⼀"), "一");
        assert_eq!(fold("\u{202c}王\u{200b}明"), "王明");
    }

    #[test]
    fn hashes_are_never_nothing() {
        assert_ne!(hash(b""), 0);
        assert_ne!(mix(0, 0), 0);
        assert_ne!(short(1), 0);
    }
}
