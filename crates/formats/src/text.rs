//! Bytes to characters, and characters to what the sender meant: encodings that lie, full-width forms, words for "nothing",
//! and the many ways to write a time.
//!
//! What feeds declare about their encoding is not believed: the bytes decide. Valid UTF-8 with one Chinese character in it is
//! practically never anything else, and what is not UTF-8 is GB18030 (which contains GBK and GB2312). Only where both readings
//! are possible does the declaration break the tie.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

pub mod damage;
pub mod nothing;
pub mod number;
pub mod time;

pub use nothing::{Context, is_nothing, present};
pub use time::Moment;

/// Bytes after decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The characters; a byte order mark is gone.
    pub text: String,
    /// `utf-8`, `gb18030` (also for GBK and GB2312), or with a byte order mark `utf-16le`, `utf-16be`.
    pub encoding: &'static str,
    /// Positions (in characters) that could not be decoded are U+FFFD; how many.
    pub replaced: usize,
    /// The message declared another encoding than the one it is in. Text in ASCII keeps every promise.
    pub declaration_lies: bool,
}

/// Of broken text, this many characters that only UTF-8 writes with three or four bytes outweigh one place that is not UTF-8:
/// a file cut in the middle of a character is still UTF-8.
const UTF8_GOOD_PER_BAD: usize = 8;

/// The families of encodings that a declaration can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Utf8,
    Gb,
    Utf16,
    Ascii,
    Other,
}

/// Characters of `bytes`. `declared` is what the message says about itself (an XML declaration, MSH-18, a content type), in
/// any spelling: `GBK`, `gb2312`, `GB 18030-2000`, `UNICODE UTF-8`. Never fails; what is no character becomes U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8], declared: Option<&str>) -> Decoded {
    let declared = declared.and_then(family);
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return decoded(rest, UTF_8, declared);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return decoded(rest, UTF_16LE, declared);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return decoded(rest, UTF_16BE, declared);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let tie = declared == Some(Family::Gb) && only_two_byte_characters(bytes);
        if tie && GB18030.decode_without_bom_handling_and_without_replacement(bytes).is_some() {
            return decoded(bytes, GB18030, declared);
        }
        return Decoded {
            text: text.to_owned(),
            encoding: "utf-8",
            replaced: 0,
            declaration_lies: lies(declared, Family::Utf8, bytes.is_ascii()),
        };
    }
    let utf8 = decoded(bytes, UTF_8, declared);
    let good = utf8.text.chars().filter(|character| *character >= '\u{800}' && *character != '\u{FFFD}').count();
    let needed = if declared == Some(Family::Utf8) { utf8.replaced } else { utf8.replaced * UTF8_GOOD_PER_BAD };
    if good >= needed {
        return utf8;
    }
    let gb = decoded(bytes, GB18030, declared);
    if gb.replaced > utf8.replaced { utf8 } else { gb }
}

/// Whether there are characters outside ASCII and UTF-8 writes each of them with two bytes: then the same bytes are often
/// GBK too (`路` is `·`, `鲁` is `³`).
fn only_two_byte_characters(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && bytes.iter().all(|byte| *byte < 0xE0)
}

fn decoded(bytes: &[u8], encoding: &'static Encoding, declared: Option<Family>) -> Decoded {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    // Chinese in GBK grows from two bytes to three.
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2 + 16);
    let mut rest = bytes;
    let mut replaced = 0;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => text.reserve(rest.len() * 3 + 16),
            DecoderResult::Malformed(_, _) => {
                replaced += 1;
                text.push('\u{FFFD}');
            }
        }
    }
    let (name, family) = match encoding.name() {
        "UTF-8" => ("utf-8", Family::Utf8),
        "UTF-16LE" => ("utf-16le", Family::Utf16),
        "UTF-16BE" => ("utf-16be", Family::Utf16),
        _ => ("gb18030", Family::Gb),
    };
    let declaration_lies = lies(declared, family, bytes.is_ascii());
    Decoded { text, encoding: name, replaced, declaration_lies }
}

fn lies(declared: Option<Family>, is: Family, ascii: bool) -> bool {
    match declared {
        None => false,
        // UTF-16 cannot be mistaken for a subset of anything.
        Some(Family::Utf16) => is != Family::Utf16,
        Some(declared) => declared != is && (is == Family::Utf16 || !ascii),
    }
}

/// What a declaration means; `None` when it says nothing.
fn family(declared: &str) -> Option<Family> {
    let mut name = fold_width(declared).to_ascii_lowercase();
    name.retain(|character| character.is_ascii_alphanumeric());
    Some(match name.as_str() {
        "" => return None,
        "utf8" | "unicodeutf8" | "unicode" | "utf8mb4" => Family::Utf8,
        "utf16" | "utf16le" | "utf16be" | "ucs2" | "unicodeutf16" => Family::Utf16,
        "ascii" | "usascii" | "iso646" => Family::Ascii,
        name if name.starts_with("gb") || matches!(name, "cp936" | "ms936" | "936" | "windows936" | "hzgb2312") => {
            Family::Gb
        }
        _ => Family::Other,
    })
}

/// Full-width ASCII (`０Ａ＜－`) and the ideographic space as half-width. For identifiers, numbers, codes and headers; Chinese
/// prose keeps its punctuation.
#[must_use]
pub fn fold_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(|character| fold_character(character) != character) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(fold_character).collect())
}

fn fold_character(character: char) -> char {
    match character {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        _ => character,
    }
}

/// The text without what stands around it or hides in it: spaces of every width, tabs, line ends, zero-width characters at
/// both ends; control characters other than tab and line ends anywhere.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return Cow::Borrowed(text) };
    // Nearly every field is clean; control characters and DEL are looked for on bytes, they are never part of another character.
    let suspicious = |byte: u8| byte <= b' ' || byte >= 0x7F;
    let hidden = bytes.iter().any(|byte| is_hidden_byte(*byte)) || text.contains(is_zero_width);
    if !hidden && !suspicious(*first) && !suspicious(*last) {
        return Cow::Borrowed(text);
    }
    let trimmed = text.trim_matches(|character: char| character.is_whitespace() || is_hidden(character));
    if !hidden || !trimmed.contains(is_hidden) {
        return Cow::Borrowed(trimmed);
    }
    Cow::Owned(trimmed.chars().filter(|character| !is_hidden(*character)).collect())
}

fn is_hidden_byte(byte: u8) -> bool {
    (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7F
}

fn is_zero_width(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

fn is_hidden(character: char) -> bool {
    is_zero_width(character)
        || u8::try_from(character).is_ok_and(is_hidden_byte)
        || ('\u{80}'..='\u{9F}').contains(&character)
}

/// [`clean`] and [`fold_width`]: what the parts of a claim's key go through.
#[must_use]
pub fn key_part(text: &str) -> Cow<'_, str> {
    match clean(text) {
        Cow::Borrowed(text) => fold_width(text),
        Cow::Owned(text) => Cow::Owned(fold_width(&text).into_owned()),
    }
}

#[cfg(test)]
mod tests;
