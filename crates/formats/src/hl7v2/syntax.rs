//! From characters to segments, fields, repetitions, components and sub-components, each knowing where it stands.
//!
//! Nothing is copied: a [`Field`] is a slice of the message with its address. Bytes are split into messages before they are
//! decoded (no character of GBK, GB18030 or UTF-8 contains a line end), and each message is decoded before it is split any
//! further, since 珅, 玘 and 玕 end in the bytes `|`, `^` and `\` in GBK.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::escape::{self, Unescaped};
use crate::text;

/// The characters that structure a message: MSH-1 and MSH-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// `|`
    pub field: char,
    /// `^`
    pub component: char,
    /// `~`
    pub repetition: char,
    /// `\`
    pub escape: char,
    /// `&`
    pub subcomponent: char,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' }
    }
}

impl Delimiters {
    /// Reads MSH-1 and MSH-2 of a header segment. The flag says that they were not four different characters and the usual
    /// ones stand in for the missing.
    pub(super) fn of_header(text: &str) -> (Self, bool) {
        let mut out = Self::default();
        let mut rest = text.chars().skip(3);
        let Some(field) = rest.next() else { return (out, true) };
        out.field = field;
        let mut sent: Vec<char> = Vec::with_capacity(5);
        let mut odd = false;
        for character in rest.take_while(|character| *character != field) {
            // `^~\\&`: somebody escaped the escape character for his programming language.
            if sent.contains(&character) || sent.len() == 5 || character.is_alphanumeric() {
                odd = true;
            } else {
                sent.push(character);
            }
        }
        odd |= sent.len() < 4;
        let usual = [out.component, out.repetition, out.escape, out.subcomponent];
        let mut chosen = [' '; 4];
        for at in 0..4 {
            let unused = |candidate: &char| *candidate != field && !chosen[..at].contains(candidate);
            chosen[at] =
                sent.get(at).copied().filter(unused).or_else(|| usual.into_iter().find(unused)).unwrap_or('\u{1}');
        }
        [out.component, out.repetition, out.escape, out.subcomponent] = chosen;
        (out, odd)
    }

    /// As MSH-2 writes them.
    #[must_use]
    pub fn encoding_characters(&self) -> String {
        [self.component, self.repetition, self.escape, self.subcomponent].into_iter().collect()
    }
}

/// One message, split into segments.
#[derive(Debug)]
pub struct Message<'t> {
    /// Its structuring characters.
    pub delimiters: Delimiters,
    /// Whether MSH-2 was not what it should be.
    pub odd_delimiters: bool,
    /// What the bytes were decoded with.
    pub encoding: &'static str,
    /// Its segments in order.
    pub segments: Vec<Segment<'t>>,
    /// Lines that begin no segment and were taken as the continuation of the one before.
    pub broken_lines: Vec<u32>,
}

/// One segment.
#[derive(Debug)]
pub struct Segment<'t> {
    /// `PID`.
    pub id: &'t str,
    /// Which of its kind, from 1.
    pub ordinal: u32,
    /// Its line, from 1.
    pub line: u32,
    text: &'t str,
    fields: Vec<&'t str>,
}

/// A field, or a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Field<'m> {
    message: &'m Message<'m>,
    segment: &'m Segment<'m>,
    /// The position of its segment in the message.
    pub at: usize,
    number: u16,
    repetition: u16,
    component: u16,
    subcomponent: u16,
    /// The characters as they were sent, with escapes.
    pub raw: &'m str,
}

/// The most segments that a message may have: a report has a few hundred; this bounds memory at some 40 times the input.
pub const SEGMENTS_MAX: usize = 100_000;

impl<'t> Message<'t> {
    /// Splits a message. `first_line` is the line of `text` in what was received, from 1.
    pub(super) fn split(text: &'t str, first_line: u32, encoding: &'static str) -> Self {
        let mut out = Self {
            delimiters: Delimiters::default(),
            odd_delimiters: false,
            encoding,
            segments: Vec::with_capacity(16),
            broken_lines: Vec::new(),
        };
        let mut spans: Vec<(usize, usize, u32)> = Vec::with_capacity(16);
        for (start, end, line) in Lines::new(text, first_line) {
            let start = start + leading_noise(&text[start..end]);
            let content = text[start..end].trim_end_matches(['\u{1C}', '\0']);
            let end = start + content.len();
            if content.is_empty() {
                continue;
            }
            if spans.is_empty() && is_header(content) {
                (out.delimiters, out.odd_delimiters) = Delimiters::of_header(content);
            }
            if begins_segment(content, out.delimiters.field) && spans.len() < SEGMENTS_MAX {
                spans.push((start, end, line));
            } else if let Some(last) = spans.last_mut() {
                last.1 = end;
                out.broken_lines.push(line);
            }
        }
        for (start, end, line) in spans {
            let content = &text[start..end];
            let id = &content[..3];
            let ordinal = out.segments.iter().filter(|segment| segment.id == id).count();
            out.segments.push(Segment {
                id,
                ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX).saturating_add(1),
                line,
                text: content,
                fields: content.split(out.delimiters.field).collect(),
            });
        }
        out
    }

    /// The first segment with an id, with its position.
    pub(super) fn first(&self, id: &str) -> Option<usize> {
        self.segments.iter().position(|segment| segment.id == id)
    }

    /// A field of a segment by position; an empty one when the segment does not reach so far.
    pub(super) fn field(&self, at: usize, number: u16) -> Field<'_> {
        let segment = &self.segments[at];
        Field {
            message: self,
            segment,
            at,
            number,
            repetition: 0,
            component: 0,
            subcomponent: 0,
            raw: segment.raw(number),
        }
    }

    /// A field of the first segment with an id; none when there is no such segment or the field is empty.
    pub(super) fn find(&self, id: &str, number: u16) -> Option<Field<'_>> {
        let field = self.field(self.first(id)?, number);
        (!field.raw.is_empty()).then_some(field)
    }
}

impl<'t> Segment<'t> {
    /// The raw text of a field, counted as the standard does: MSH-1 is the separator itself.
    fn raw(&self, number: u16) -> &'t str {
        let number = usize::from(number);
        if !is_header(self.id) {
            return self.fields.get(number).copied().unwrap_or("");
        }
        match number {
            0 => self.id,
            1 => self.text[3..].chars().next().map_or("", |separator| &self.text[3..3 + separator.len_utf8()]),
            _ => self.fields.get(number - 1).copied().unwrap_or(""),
        }
    }

    /// The number of the last field.
    pub(super) fn last_field(&self) -> u16 {
        let count = self.fields.len() - usize::from(!is_header(self.id));
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// The whole segment as it was sent.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// `PID`, or `OBX[3]`: segments that may occur more than once are numbered.
    pub(super) fn path(&self) -> String {
        let once = standards::hl7v2::hl7v2().segment(self.id).is_some_and(|known| known.once);
        if once && self.ordinal == 1 { self.id.to_owned() } else { format!("{}[{}]", self.id, self.ordinal) }
    }
}

impl<'m> Field<'m> {
    /// Whether nothing was sent here.
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether it says `""`: delete what is there.
    pub(super) fn is_null(&self) -> bool {
        self.raw == "\"\""
    }

    /// Its repetitions; none when it is empty.
    pub(super) fn repetitions(self) -> impl Iterator<Item = Field<'m>> {
        let separator = self.message.delimiters.repetition;
        let count = if self.raw.is_empty() { 0 } else { usize::MAX };
        self.raw.split(separator).take(count).zip(1_u16..).map(move |(raw, repetition)| Field {
            raw,
            repetition,
            ..self
        })
    }

    /// Its first repetition.
    fn first(self) -> Self {
        if self.repetition > 0 {
            return self;
        }
        let raw = self.raw.split(self.message.delimiters.repetition).next().unwrap_or("");
        Field { raw, ..self }
    }

    /// A component, from 1, of the first repetition.
    pub(super) fn component(self, number: u16) -> Self {
        let first = self.first();
        let raw = first.raw.split(self.message.delimiters.component).nth(usize::from(number) - 1).unwrap_or("");
        Field { raw, component: number, ..first }
    }

    /// A sub-component, from 1.
    pub(super) fn subcomponent(self, number: u16) -> Self {
        let raw = self.raw.split(self.message.delimiters.subcomponent).nth(usize::from(number) - 1).unwrap_or("");
        Field { raw, subcomponent: number, ..self }
    }

    /// How many components the first repetition has.
    pub(super) fn components(self) -> u16 {
        let count = self.first().raw.split(self.message.delimiters.component).count();
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// With escapes resolved, as it was sent otherwise.
    pub(super) fn unescaped(&self) -> Unescaped<'m> {
        escape::unescape(self.raw, &self.message.delimiters, self.message.encoding)
    }

    /// What it says: escapes resolved, without what stands around it; none when it is empty or `""`.
    pub(super) fn value(&self) -> Option<Cow<'m, str>> {
        if self.raw.is_empty() || self.is_null() {
            return None;
        }
        let value = match self.unescaped().text {
            Cow::Borrowed(text) => text::clean(text),
            Cow::Owned(text) => Cow::Owned(text::clean(&text).into_owned()),
        };
        (!value.is_empty()).then_some(value)
    }

    /// As the part of a key or an identifier: trimmed and in half width; none when it is empty.
    pub(super) fn key(&self) -> Option<String> {
        let value = self.value()?;
        let key = text::key_part(&value);
        (!key.is_empty()).then(|| key.into_owned())
    }

    /// `PID-3[2].1`.
    pub(super) fn path(&self) -> String {
        let mut path = self.segment.path();
        // Writing into a text cannot fail.
        let _ = write!(path, "-{}", self.number);
        if self.repetition > 1 {
            let _ = write!(path, "[{}]", self.repetition);
        }
        if self.component > 0 {
            let _ = write!(path, ".{}", self.component);
        }
        if self.subcomponent > 0 {
            let _ = write!(path, ".{}", self.subcomponent);
        }
        path
    }

    /// The line it stands in, from 1.
    pub(super) fn line(&self) -> u32 {
        self.segment.line
    }

    /// The column in characters where it begins, from 1; 0 when it was not sent.
    pub(super) fn column(&self) -> u32 {
        if self.raw.is_empty() {
            return 0;
        }
        // Both are slices of the same text, so the difference of their beginnings is the offset.
        let offset = (self.raw.as_ptr() as usize).wrapping_sub(self.segment.text.as_ptr() as usize);
        let before = self.segment.text.get(..offset).unwrap_or("");
        u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// One piece of what was received: a message, or a header or trailer of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'b> {
    pub bytes: &'b [u8],
    /// The line it begins in, from 1.
    pub line: u32,
    pub kind: PieceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// Begins with MSH.
    Message,
    /// FHS, BHS, BTS, FTS and what follows them.
    Batch,
    /// Stands before the first message and is none.
    Noise,
}

/// Cuts what was received into messages at the lines that begin with MSH (or a batch header or trailer).
pub(super) fn pieces(bytes: &[u8]) -> Vec<Piece<'_>> {
    let mut out: Vec<Piece<'_>> = Vec::new();
    let mut line = 1;
    let mut start = 0;
    while start < bytes.len() {
        let length = bytes[start..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let end = length.map_or(bytes.len(), |length| start + length);
        let next = end + line_end(&bytes[end..]);
        let content = bytes[start..end].trim_ascii_start();
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        let content = content.strip_prefix(b"\x0B").unwrap_or(content);
        let kind = match content.get(..3) {
            Some(b"MSH") if content.get(3).is_some_and(|byte| !byte.is_ascii_alphanumeric()) => PieceKind::Message,
            Some(b"FHS" | b"BHS" | b"BTS" | b"FTS") => PieceKind::Batch,
            _ => PieceKind::Noise,
        };
        let whole = match (out.last(), kind) {
            (Some(_), PieceKind::Noise) => start - start_of_last(&out, bytes),
            _ => {
                let blank = kind == PieceKind::Noise && content.iter().all(|byte| matches!(byte, b'\x1C' | b'\0'));
                if !blank {
                    out.push(Piece { bytes: &bytes[start..next], line, kind });
                }
                0
            }
        };
        if whole > 0 {
            let from = start - whole;
            if let Some(last) = out.last_mut() {
                last.bytes = &bytes[from..next];
            }
        }
        line += u32::from(next > end);
        start = next;
    }
    out
}

fn start_of_last(pieces: &[Piece<'_>], bytes: &[u8]) -> usize {
    pieces.last().map_or(0, |piece| (piece.bytes.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize))
}

/// The bytes of the line end that a text begins with.
fn line_end(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, first_line: u32) -> Self {
        Self { text, at: 0, line: first_line }
    }
}

impl Iterator for Lines<'_> {
    type Item = (usize, usize, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        if self.at >= bytes.len() {
            return None;
        }
        let start = self.at;
        let length = bytes[start..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let end = length.map_or(bytes.len(), |length| start + length);
        let ending = line_end(&bytes[end..]);
        self.at = end + ending.max(1);
        let line = self.line;
        self.line = line.saturating_add(1);
        Some((start, end, line))
    }
}

fn leading_noise(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t', '\u{B}', '\u{FEFF}', '\u{3000}', '\u{1C}', '\0']).len()
}

/// Segments whose first field is the separator itself.
fn is_header(text: &str) -> bool {
    matches!(text.get(..3), Some("MSH" | "FHS" | "BHS"))
}

fn begins_segment(line: &str, separator: char) -> bool {
    let bytes = line.as_bytes();
    let named = matches!(bytes, [first, second, third, ..]
        if first.is_ascii_uppercase() && [second, third].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    named && line.get(3..).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_knows_where_it_stands() {
        let text = "MSH|^~\\&|医院\rPID|1||张三^X~李四^Y&Z\nOBX|1\r\nOBX|2|值\r";
        let message = Message::split(text, 7, "utf-8");
        let ids: Vec<_> = message.segments.iter().map(|segment| (segment.id, segment.ordinal, segment.line)).collect();
        assert_eq!(ids, [("MSH", 1, 7), ("PID", 1, 8), ("OBX", 1, 9), ("OBX", 2, 10)]);
        assert_eq!(message.find("MSH", 1).unwrap().raw, "|");
        assert_eq!(message.find("MSH", 3).unwrap().raw, "医院");
        let field = message.field(1, 3);
        assert_eq!((field.path().as_str(), field.column()), ("PID-3", 8));
        let second = field.repetitions().nth(1).unwrap();
        let part = second.component(2).subcomponent(2);
        assert_eq!((part.raw, part.path().as_str(), part.line(), part.column()), ("Z", "PID-3[2].2.2", 8, 18));
        assert_eq!(message.field(3, 2).path(), "OBX[2]-2");
        assert_eq!(message.field(3, 99).column(), 0);
    }

    #[test]
    fn delimiters_are_what_the_message_says() {
        let of = |header: &str| Delimiters::of_header(header);
        assert_eq!(of("MSH|^~\\&|"), (Delimiters::default(), false));
        let odd = Delimiters { field: '#', component: '*', repetition: '!', escape: '%', subcomponent: '@' };
        assert_eq!(of("MSH#*!%@#A"), (odd, false));
        assert_eq!(of("MSH|^~\\&#|").0, Delimiters::default(), "2.7 has a fifth");
        for broken in ["MSH", "MSH|", "MSH||A", "MSH|^^^^|", "MSH|ABCD|", "MSH|^~\\\\&|"] {
            let (found, is_odd) = of(broken);
            assert!(is_odd, "{broken}");
            let mut all = vec![found.field, found.component, found.repetition, found.escape, found.subcomponent];
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 5, "{broken}: {found:?}");
        }
    }

    #[test]
    fn what_was_received_is_cut_into_messages() {
        let bytes = b"log line\n\x0BMSH|^~\\&|A\rPID|1\r\x1C\rMSH|^~\\&|B\nPID|2\nMSHX|no header\n\nBTS|2\n";
        let found: Vec<_> = pieces(bytes).iter().map(|piece| (piece.kind, piece.line, piece.bytes.len())).collect();
        use PieceKind::{Batch, Message, Noise};
        assert_eq!(found, [(Noise, 1, 9), (Message, 2, 20), (Message, 5, 33), (Batch, 9, 6)]);
        assert!(pieces(b"\x1C\r\n  \n").is_empty() && pieces(b"").is_empty());
    }
}
