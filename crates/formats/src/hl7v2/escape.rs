//! Escape sequences of HL7 v2: `\F\ \S\ \T\ \R\ \E\`, `\.br\` and its relatives, and `\Xdd…\` with bytes of the message's encoding.

use std::borrow::Cow;

use super::syntax::Delimiters;
use crate::text;

/// A text with its escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unescaped<'t> {
    /// The characters that are meant.
    pub text: Cow<'t, str>,
    /// How many escape characters stood there that begin no known sequence; they are kept as they are.
    pub unknown: u32,
}

/// Resolves the escape sequences of a field. What is no sequence stays as it was sent: a path such as `D:\扫描` loses nothing.
/// `encoding` is what `\X` bytes are decoded with: `utf-8` or `gb18030`.
#[must_use]
pub fn unescape<'t>(raw: &'t str, delimiters: &Delimiters, encoding: &str) -> Unescaped<'t> {
    if !raw.contains(delimiters.escape) {
        return Unescaped { text: Cow::Borrowed(raw), unknown: 0 };
    }
    let mut out = String::with_capacity(raw.len());
    // Bytes of consecutive `\X` sequences: one character may be cut into two of them.
    let mut bytes: Vec<u8> = Vec::new();
    let mut unknown = 0;
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once(delimiters.escape) {
        if !before.is_empty() {
            flush(&mut bytes, encoding, &mut out);
            out.push_str(before);
        }
        let Some((sequence, behind)) = after.split_once(delimiters.escape) else {
            flush(&mut bytes, encoding, &mut out);
            out.push(delimiters.escape);
            unknown += 1;
            rest = after;
            continue;
        };
        if let Some(sent) = hexadecimal(sequence) {
            bytes.extend(sent);
            rest = behind;
            continue;
        }
        flush(&mut bytes, encoding, &mut out);
        if sequence_into(&mut out, sequence, delimiters) {
            rest = behind;
        } else {
            // The second character may begin a sequence of its own.
            out.push(delimiters.escape);
            unknown += 1;
            rest = after;
        }
    }
    flush(&mut bytes, encoding, &mut out);
    out.push_str(rest);
    Unescaped { text: Cow::Owned(out), unknown }
}

/// Writes a text so that it can stand in a field: the reverse of [`unescape`].
#[must_use]
pub fn escape<'t>(text: &'t str, delimiters: &Delimiters) -> Cow<'t, str> {
    let special = |character: char| {
        matches!(character, '\r' | '\n')
            || [
                delimiters.field,
                delimiters.component,
                delimiters.repetition,
                delimiters.escape,
                delimiters.subcomponent,
            ]
            .contains(&character)
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        let sequence = match character {
            '\n' => ".br",
            '\r' => "X0D",
            _ if character == delimiters.escape => "E",
            _ if character == delimiters.field => "F",
            _ if character == delimiters.component => "S",
            _ if character == delimiters.repetition => "R",
            _ if character == delimiters.subcomponent => "T",
            _ => {
                out.push(character);
                continue;
            }
        };
        out.push(delimiters.escape);
        out.push_str(sequence);
        out.push(delimiters.escape);
    }
    Cow::Owned(out)
}

/// Writes what a sequence stands for; false when it is none.
fn sequence_into(out: &mut String, sequence: &str, delimiters: &Delimiters) -> bool {
    match sequence {
        "F" => out.push(delimiters.field),
        "S" => out.push(delimiters.component),
        "T" => out.push(delimiters.subcomponent),
        "R" => out.push(delimiters.repetition),
        "E" => out.push(delimiters.escape),
        // Highlighting begins and ends: the text stays.
        "H" | "N" => {}
        _ => return sequence.strip_prefix('.').is_some_and(|command| formatting_into(out, command)),
    }
    true
}

/// Formatting commands of FT: breaks and spaces are written, indentation and wrapping are not.
fn formatting_into(out: &mut String, command: &str) -> bool {
    let letters = command.len() - command.trim_start_matches(|character: char| character.is_ascii_lowercase()).len();
    let (name, argument) = command.split_at(letters);
    let argument = argument.trim().trim_start_matches('+');
    // A page is at most some sixty lines: more than that is no layout.
    let count = argument.parse::<usize>().map_or(1, |count| count.clamp(1, 60));
    if !argument.is_empty() && argument.parse::<i32>().is_err() {
        return false;
    }
    match name {
        "br" | "ce" => out.push('\n'),
        "sp" => out.extend(std::iter::repeat_n('\n', count)),
        "sk" => out.extend(std::iter::repeat_n(' ', count)),
        "in" | "ti" | "fi" | "nf" => {}
        _ => return false,
    }
    true
}

/// The bytes of `Xdd…`; none when it is no such sequence.
fn hexadecimal(sequence: &str) -> Option<Vec<u8>> {
    let digits = sequence.strip_prefix(['X', 'x'])?.as_bytes();
    if digits.is_empty() || digits.len() % 2 != 0 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn flush(bytes: &mut Vec<u8>, encoding: &str, out: &mut String) {
    if bytes.is_empty() {
        return;
    }
    if bytes.is_ascii() {
        out.extend(bytes.iter().map(|byte| char::from(*byte)));
    } else {
        out.push_str(&text::decode(bytes, Some(encoding)).text);
    }
    bytes.clear();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(raw: &str, encoding: &str) -> (String, u32) {
        let out = unescape(raw, &Delimiters::default(), encoding);
        (out.text.into_owned(), out.unknown)
    }

    #[test]
    fn sequences() {
        for (raw, text, unknown) in [
            (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f", 0),
            (r"一\.br\二\.sp2\三\.sk3\四", "一\n二\n\n三   四", 0),
            (r"\H\重要\N\", "重要", 0),
            (r"\XB2A1\\XC0\\XED\", "病理", 0),
            (r"\X0D\", "\r", 0),
            (r"D:\扫描\图", r"D:\扫描\图", 2),
            (r"\Q\x\F\", r"\Q\x|", 2),
            (r"100\", r"100\", 1),
            (r"\X0\", r"\X0\", 2),
            (r"\.in+4\缩进\.fi\", "缩进", 0),
        ] {
            assert_eq!(plain(raw, "gb18030"), (text.to_owned(), unknown), "{raw}");
        }
        assert_eq!(plain(r"\XE79785\", "utf-8").0, "病");
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(text in any::<String>()) {
            let delimiters = Delimiters::default();
            let sent = escape(&text, &delimiters);
            prop_assert!(!sent.contains(['|', '^', '~', '&', '\r', '\n']));
            let back = unescape(&sent, &delimiters, "utf-8");
            prop_assert_eq!(back.text.as_ref(), text.as_str());
            prop_assert_eq!(back.unknown, 0);
        }

        #[test]
        fn nothing_panics(raw in r"([\\.XxFSTREbrsp+0-9A-F|^]|[a-z病]){0,40}") {
            let _ = plain(&raw, "gb18030");
        }
    }
}
