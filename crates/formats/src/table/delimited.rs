//! Delimited text to lines of fields: RFC 4180 and what really comes.
//!
//! Quotes are believed as long as they make sense. A quoted field may hold line ends and doubled quotes; a quote that is closed
//! in the middle of a field is a character like any other; a quote that is never closed must not swallow the rows behind it:
//! when a field that crossed a line end leaves a row with the wrong number of fields, the row is read again without quotes.

use std::borrow::Cow;

/// One field and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'t> {
    /// The characters between the delimiters, without quotes.
    pub text: Cow<'t, str>,
    /// The line in which it begins, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// What was wrong with the quotes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// Nothing.
    Sound,
    /// A quote in the middle of a quoted field was not doubled.
    Broken,
    /// A quote was opened and never closed: the row was read without quotes.
    Unclosed,
}

/// The longest quoted field, in bytes: what is longer is an unclosed quote, not a text that somebody wrote.
const QUOTED_BYTES_MAX: usize = 256 * 1024;

/// The rows of a text, one after the other.
#[derive(Debug, Clone)]
pub struct Lines<'t> {
    text: &'t str,
    /// Where the next row begins, in bytes.
    at: usize,
    line: u32,
    delimiter: u8,
}

impl<'t> Lines<'t> {
    /// The rows of `text`, whose fields are separated by `delimiter` (an ASCII character).
    #[must_use]
    pub fn new(text: &'t str, delimiter: u8) -> Self {
        Self { text, at: 0, line: 1, delimiter }
    }

    /// The line at which the next row begins, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whether there is nothing more.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Reads the next row into `fields`. `width` is how many fields it should have (0 when that is not known yet). `None` at the end.
    pub fn read(&mut self, fields: &mut Vec<Field<'t>>, width: usize) -> Option<Quotes> {
        if self.is_at_end() {
            return None;
        }
        let (start, line) = (self.at, self.line);
        fields.clear();
        let mut quotes = self.row(fields, true);
        let crossed = self.line > line + 1;
        // A field over several lines whose quotes do not even add up is two rows, not one.
        let fits = quotes == Quotes::Sound && (fields.len() == width || width == 0);
        if quotes == Quotes::Unclosed || (crossed && !fits) {
            let (end_at, end_line) = (self.at, self.line);
            let mut plain = Vec::with_capacity(fields.len());
            (self.at, self.line) = (start, line);
            self.row(&mut plain, false);
            if quotes == Quotes::Unclosed || plain.len() == width {
                *fields = plain;
                quotes = Quotes::Unclosed;
            } else {
                (self.at, self.line) = (end_at, end_line);
            }
        }
        Some(quotes)
    }

    fn row(&mut self, fields: &mut Vec<Field<'t>>, quoting: bool) -> Quotes {
        let mut quotes = Quotes::Sound;
        let mut column = 1;
        loop {
            let (line, start) = (self.line, self.at);
            let quoted = quoting && self.text.as_bytes().get(start) == Some(&b'"');
            let text = if quoted {
                match self.quoted() {
                    Some((text, sound)) => {
                        if !sound && quotes == Quotes::Sound {
                            quotes = Quotes::Broken;
                        }
                        text
                    }
                    None => {
                        quotes = Quotes::Unclosed;
                        self.plain()
                    }
                }
            } else {
                self.plain()
            };
            fields.push(Field { text, line, column });
            let bytes = self.text.as_bytes();
            if bytes.get(self.at) == Some(&self.delimiter) {
                self.at += 1;
                column = if self.line == line {
                    column + characters(&bytes[start..self.at])
                } else {
                    let begin = bytes[..self.at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                    characters(&bytes[begin..self.at]) + 1
                };
                continue;
            }
            self.line_end();
            return quotes;
        }
    }

    /// Up to the next delimiter or line end.
    fn plain(&mut self) -> Cow<'t, str> {
        let (start, delimiter) = (self.at, self.delimiter);
        let rest = &self.text.as_bytes()[start..];
        let length =
            rest.iter().position(|byte| *byte == delimiter || *byte == b'\n' || *byte == b'\r').unwrap_or(rest.len());
        self.at = start + length;
        Cow::Borrowed(&self.text[start..self.at])
    }

    /// A field that begins with a quote; `None` (and nothing read) when the quote is never closed. The second part says whether
    /// all quotes in it were doubled.
    fn quoted(&mut self) -> Option<(Cow<'t, str>, bool)> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let limit = bytes.len().min(start + QUOTED_BYTES_MAX);
        let (mut at, mut from, mut lines, mut sound) = (start, start, 0, true);
        let mut owned = String::new();
        loop {
            let quote = at + bytes[at..limit].iter().position(|byte| *byte == b'"')?;
            lines += line_ends(&bytes[at..quote]);
            let next = bytes.get(quote + 1).copied();
            match next {
                Some(b'"') => {
                    owned.push_str(&self.text[from..=quote]);
                    at = quote + 2;
                    from = at;
                }
                None | Some(b'\n' | b'\r') => {}
                Some(next) if next == self.delimiter => {}
                Some(_) => {
                    sound = false;
                    at = quote + 1;
                }
            }
            if at <= quote {
                self.at = quote + 1;
                self.line += lines;
                let text = if owned.is_empty() {
                    Cow::Borrowed(&self.text[start..quote])
                } else {
                    owned.push_str(&self.text[from..quote]);
                    Cow::Owned(owned)
                };
                return Some((text, sound));
            }
        }
    }

    /// Steps over `\n`, `\r\n` or `\r`.
    fn line_end(&mut self) {
        let bytes = self.text.as_bytes();
        match (bytes.get(self.at), bytes.get(self.at + 1)) {
            (Some(b'\r'), Some(b'\n')) => self.at += 2,
            (Some(b'\r' | b'\n'), _) => self.at += 1,
            _ => return,
        }
        self.line += 1;
    }
}

fn characters(bytes: &[u8]) -> u32 {
    let count = bytes.iter().filter(|byte| (**byte as i8) >= -0x40).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn line_ends(bytes: &[u8]) -> u32 {
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
    u32::try_from(ends.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str, width: usize) -> Vec<(Vec<String>, Quotes, u32)> {
        let mut lines = Lines::new(text, b',');
        let (mut fields, mut rows) = (Vec::new(), Vec::new());
        while let Some(quotes) = lines.read(&mut fields, width) {
            rows.push((fields.iter().map(|field| field.text.to_string()).collect(), quotes, fields[0].line));
        }
        rows
    }

    fn row(fields: &[&str], quotes: Quotes, line: u32) -> (Vec<String>, Quotes, u32) {
        (fields.iter().map(ToString::to_string).collect(), quotes, line)
    }

    #[test]
    fn quotes_are_believed_as_long_as_they_make_sense() {
        use Quotes::{Broken, Sound, Unclosed};
        for (text, expected) in [
            ("a,b\nc,d", vec![row(&["a", "b"], Sound, 1), row(&["c", "d"], Sound, 2)]),
            ("a,b\r\nc,\r\n", vec![row(&["a", "b"], Sound, 1), row(&["c", ""], Sound, 2)]),
            ("a,b\rc,d\r", vec![row(&["a", "b"], Sound, 1), row(&["c", "d"], Sound, 2)]),
            ("\"a,1\",\"b\"\"2\"\n", vec![row(&["a,1", "b\"2"], Sound, 1)]),
            ("\"a\n1\",b\nc,d", vec![row(&["a\n1", "b"], Sound, 1), row(&["c", "d"], Sound, 3)]),
            ("a\"1,b", vec![row(&["a\"1", "b"], Sound, 1)]),
            ("\"a\"1\",b", vec![row(&["a\"1", "b"], Broken, 1)]),
            ("\"a,b\nc,d", vec![row(&["\"a", "b"], Unclosed, 1), row(&["c", "d"], Sound, 2)]),
            (
                "\"a,b\nc,\"d\"\ne,f",
                vec![row(&["\"a", "b"], Unclosed, 1), row(&["c", "d"], Sound, 2), row(&["e", "f"], Sound, 3)],
            ),
            (",", vec![row(&["", ""], Sound, 1)]),
            ("\"\",\"\"", vec![row(&["", ""], Sound, 1)]),
        ] {
            assert_eq!(rows(text, 2), expected, "{text:?}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let mut lines = Lines::new("王五,a,\"李\n四\",b\n", b',');
        let mut fields = Vec::new();
        lines.read(&mut fields, 4);
        let places: Vec<(u32, u32)> = fields.iter().map(|field| (field.line, field.column)).collect();
        assert_eq!(places, [(1, 1), (1, 4), (1, 6), (2, 4)]);
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read(table in proptest::collection::vec(proptest::collection::vec("[a王,\"\r\n ]{0,6}", 3), 1..6)) {
            let mut text = String::new();
            for row in &table {
                let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                text.push_str(&cells.join(","));
                text.push_str("\r\n");
            }
            let read: Vec<Vec<String>> = rows(&text, 3).into_iter().map(|row| row.0).collect();
            prop_assert_eq!(read, table);
        }

        #[test]
        fn any_text_ends(text in "[a,\"\r\n王|]{0,40}", width in 0usize..4) {
            let read = rows(&text, width);
            prop_assert!(read.len() <= text.len() + 1);
        }
    }
}
