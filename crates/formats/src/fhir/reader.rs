//! Strict JSON with exact positions.
//!
//! `serde_json` keeps the last of two equal keys and knows neither our limits nor where in the tree an error is. This reader
//! builds the same [`Value`], keeps every digit of a number, and says line and column of whatever is wrong.

use model::{Issue, Severity};
use serde_json::{Map, Number, Value};

use super::rules::{self, Rule};

/// The deepest nesting that is read. Real resources stay below 20; beyond 64 a message is an attack on somebody's stack.
pub const DEPTH_MAX: usize = 64;

/// The largest body that is read, in bytes: the limit of a FHIR bundle (design §3); larger originals take the segment path.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Findings that one reading reports; after this many the sender has enough to mend.
const ISSUES_MAX: usize = 50;

/// Reads one FHIR resource: a JSON object with a `resourceType`.
///
/// The value is `None` when the bytes are no JSON or no resource; a duplicate key is an error, and the first of the two is kept.
#[must_use]
pub fn read(bytes: &[u8]) -> (Option<Value>, Vec<Issue>) {
    let (value, mut issues) = read_json(bytes);
    let Some(value) = value else { return (None, issues) };
    let Value::Object(object) = &value else {
        issues.push(issue(&rules::NOT_AN_OBJECT, "1:1".into()).found(kind_of(&value)).expected("object"));
        return (None, issues);
    };
    match object.get("resourceType") {
        Some(Value::String(name)) if !name.is_empty() => (Some(value), issues),
        found => {
            let problem = issue(&rules::RESOURCE_TYPE_MISSING, "resourceType".into()).expected("string");
            issues.push(if let Some(found) = found { problem.found(&found.to_string()) } else { problem });
            (None, issues)
        }
    }
}

/// Reads any JSON text (a patch, a resource, a parameter) under the same limits and with the same issues as [`read`].
#[must_use]
pub fn read_json(bytes: &[u8]) -> (Option<Value>, Vec<Issue>) {
    if bytes.len() > BYTES_MAX {
        let found = format!("{} bytes", bytes.len());
        return (
            None,
            vec![issue(&rules::TOO_LARGE, "1:1".into()).found(&found).expected(format!("at most {BYTES_MAX} bytes"))],
        );
    }
    // Windows tools put a byte order mark before UTF-8; RFC 8259 allows a reader to pass over it.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let found = format!("byte 0x{:02X}", bytes.get(at).copied().unwrap_or_default());
            let path = position(&String::from_utf8_lossy(&bytes[..at]));
            return (None, vec![issue(&rules::NOT_UTF8, path).found(&found).expected("UTF-8")]);
        }
    };
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, issues: Vec::new() };
    match reader.document() {
        Ok(value) => (Some(value), reader.issues),
        Err(fault) => {
            let mut problem = issue(fault.rule, position(&text[..fault.at.min(text.len())]));
            problem.expected = Some(fault.expected.to_owned());
            if let Some(found) = text[fault.at.min(text.len())..].chars().next() {
                problem = problem.found(found.encode_utf8(&mut [0; 4]));
            } else {
                problem = problem.found("end of input");
            }
            reader.issues.push(problem);
            (None, reader.issues)
        }
    }
}

fn issue(rule: &Rule, path: String) -> Issue {
    Issue::new(rule.id, rule.severity, path)
}

/// `line:column` of the character after `before`, both counted from 1, columns in characters.
fn position(before: &str) -> String {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    format!("{line}:{}", before[start..].chars().count() + 1)
}

/// What JSON calls the kind of a value.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Why reading stopped.
struct Fault {
    rule: &'static Rule,
    /// Byte offset, always at a character boundary.
    at: usize,
    expected: &'static str,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The next byte; always at a character boundary outside of [`Reader::string`].
    at: usize,
    issues: Vec<Issue>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Fault> {
        let value = self.value(0)?;
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.fault(&rules::TRAILING_DATA, "nothing after the value"));
        }
        Ok(value)
    }

    fn fault(&self, rule: &'static Rule, expected: &'static str) -> Fault {
        Fault { rule, at: self.at, expected }
    }

    fn syntax(&self, expected: &'static str) -> Fault {
        self.fault(&rules::SYNTAX, expected)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax("a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Fault> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.syntax("true, false, null or a value"))
    }

    fn enter(&mut self, depth: usize) -> Result<(), Fault> {
        if depth >= DEPTH_MAX {
            return Err(self.fault(&rules::TOO_DEEP, "at most 64 levels"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        self.enter(depth)?;
        let mut map = Map::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a property name in quotes"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.syntax(":"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            match map.entry(key) {
                serde_json::map::Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                serde_json::map::Entry::Occupied(entry) => {
                    if self.issues.len() < ISSUES_MAX {
                        let path = position(&self.text[..key_at]);
                        self.issues
                            .push(issue(&rules::DUPLICATE_KEY, path).found(entry.key()).expected("each property once"));
                    }
                }
            }
            if !self.next(b'}', ", or }")? {
                return Ok(Value::Object(map));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.next(b']', ", or ]")? {
                return Ok(Value::Array(items));
            }
        }
    }

    /// After a member: true when another follows, false when the bracket closes.
    fn next(&mut self, close: u8, expected: &'static str) -> Result<bool, Fault> {
        self.space();
        let more = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == close => false,
            _ => return Err(self.syntax(expected)),
        };
        self.at += 1;
        Ok(more)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.syntax("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // The text was checked above; parsing it again would rewrite `1e5` as `1e+5`.
        Ok(Value::Number(Number::from_string_unchecked(self.text[start..self.at].to_owned())))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        let mut run = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &self.text[run..self.at];
                    self.at += 1;
                    if out.is_empty() {
                        return Ok(rest.to_owned());
                    }
                    out.push_str(rest);
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[run..self.at]);
                    out.push(self.escape()?);
                    run = self.at;
                }
                Some(0..=0x1F) => return Err(self.syntax("control characters written as \\u escapes")),
                Some(_) => self.at += 1,
                None => return Err(self.syntax("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(Fault { rule: &rules::SYNTAX, at: start, expected: "an escape that JSON knows" }),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\uXXXX`, or two of them for a character beyond U+FFFF; half of such a pair is no character.
    fn unicode(&mut self, start: usize) -> Result<char, Fault> {
        let fault =
            Fault { rule: &rules::SYNTAX, at: start, expected: "\\u and four hex digits that name a character" };
        self.at += 1;
        let Some(high) = self.hex4() else { return Err(fault) };
        let code = if (0xD800..0xDC00).contains(&high) {
            if !self.bytes[self.at..].starts_with(b"\\u") {
                return Err(fault);
            }
            self.at += 2;
            match self.hex4() {
                Some(low) if (0xDC00..0xE000).contains(&low) => 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                _ => return Err(fault),
            }
        } else {
            high
        };
        char::from_u32(code).ok_or(fault)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let mut code = 0;
        for digit in digits {
            code = code * 16 + char::from(*digit).to_digit(16)?;
        }
        self.at += 4;
        Some(code)
    }
}

/// True when an issue means that the value must not be used.
#[must_use]
pub(super) fn is_error(issue: &Issue) -> bool {
    issue.severity >= Severity::Error
}
