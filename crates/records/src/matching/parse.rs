//! Query text to [`QueryValue`].
//!
//! Escapes (R4 search, `#escaping`): `\,` `\|` `\$` `\\` stand for the characters themselves. Splitting looks at
//! unescaped separators only and unescaping is the last step of each part.

use formats::fhir::date;
use formats::fhir::decimal::{self, Quantified};
use formats::fhir::reference::{self, Reference};
use rust_decimal::Decimal;

use super::{Modifier, NumberTest, Prefix, QueryValue, SystemTest, TextMode, UriMode};
use crate::parameters::{Kind, Parameter, normalise, split_canonical, without_version};

/// Values between unescaped commas: any of them may match (R4 search, `#combining`). The parts keep their escapes.
#[must_use]
pub fn split_values(text: &str) -> Vec<&str> {
    split(text, ',')
}

fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == separator {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(special @ (',' | '|' | '$' | '\\')) => out.push(special),
                // Not one of FHIR's escapes: the backslash is a character like any other.
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

/// What a value is compared as: a parameter or a component of one.
#[derive(Clone, Copy)]
struct Shape<'p> {
    kind: Kind,
    targets: &'p [String],
}

impl QueryValue {
    /// Reads one value of a question (the text between two commas, percent-decoded, FHIR escapes still in it). `now_ms`
    /// is what `ap` measures the distance of a date from.
    ///
    /// # Errors
    /// What the parameter expects, to be said after its name. It never quotes the value.
    pub fn parse(parameter: &Parameter, modifier: Option<&Modifier>, text: &str, now_ms: i64) -> Result<Self, String> {
        let shape = Shape { kind: parameter.kind, targets: &parameter.targets };
        if text.is_empty() {
            return Err("expects a value".to_owned());
        }
        match modifier {
            Some(Modifier::Missing) => match text {
                "true" => Ok(Self::Missing(true)),
                "false" => Ok(Self::Missing(false)),
                _ => Err("expects true or false".to_owned()),
            },
            Some(Modifier::OfType) => of_type(text),
            Some(Modifier::Text) => words(text, TextMode::Begins).map(Self::TokenText),
            Some(Modifier::Identifier) => {
                let (system, value) = token(text)?;
                Ok(Self::Identifier { system, value })
            }
            Some(Modifier::Exact) => Ok(Self::Text { mode: TextMode::Exact, text: words(text, TextMode::Exact)? }),
            Some(Modifier::Contains) => {
                Ok(Self::Text { mode: TextMode::Contains, text: words(text, TextMode::Contains)? })
            }
            Some(Modifier::Above) => uri(text, UriMode::Above),
            Some(Modifier::Below) => uri(text, UriMode::Below),
            Some(Modifier::Type(type_name)) => reference(shape, text, Some(type_name)),
            Some(Modifier::Not) | None if parameter.kind == Kind::Composite => composite(parameter, text, now_ms),
            Some(Modifier::Not) | None => plain(shape, text, now_ms),
        }
    }
}

fn plain(shape: Shape<'_>, text: &str, now_ms: i64) -> Result<QueryValue, String> {
    match shape.kind {
        Kind::Token => token(text).map(|(system, code)| QueryValue::Token { system, code }),
        Kind::Reference => reference(shape, text, None),
        Kind::String => Ok(QueryValue::Text { mode: TextMode::Begins, text: words(text, TextMode::Begins)? }),
        Kind::Date => date_value(text, now_ms),
        Kind::Number => number(&unescape(text)).map(QueryValue::Number),
        Kind::Quantity => quantity(text),
        Kind::Uri => uri(text, UriMode::Same),
        Kind::Composite | Kind::Special => Err("cannot be searched by value".to_owned()),
    }
}

fn composite(parameter: &Parameter, text: &str, now_ms: i64) -> Result<QueryValue, String> {
    let parts = split(text, '$');
    if parts.len() != parameter.components.len() || parts.iter().any(|part| part.is_empty()) {
        let names: Vec<&str> = parameter.components.iter().map(|component| component.code.as_str()).collect();
        return Err(format!("expects {} values joined by `$`: {}", names.len(), names.join("$")));
    }
    let values = parts.iter().zip(&parameter.components).map(|(part, component)| {
        plain(Shape { kind: component.kind, targets: &component.targets }, part, now_ms)
            .map_err(|expected| format!("component `{}` {expected}", component.code))
    });
    values.collect::<Result<_, _>>().map(QueryValue::Composite)
}

/// `code`, `|code`, `system|code`, `system|`.
fn token(text: &str) -> Result<(SystemTest, Option<String>), String> {
    let expected = || "expects code, system|code, |code or system|".to_owned();
    let some = |text: &str| (!text.is_empty()).then(|| unescape(text));
    let (system, code) = match split(text, '|').as_slice() {
        [code] => (SystemTest::Any, some(code)),
        ["", code] => (SystemTest::None, some(code)),
        [system, code] => (SystemTest::Is(unescape(system)), some(code)),
        _ => return Err(expected()),
    };
    if code.is_none() && !matches!(system, SystemTest::Is(_)) {
        return Err(expected());
    }
    Ok((system, code))
}

fn of_type(text: &str) -> Result<QueryValue, String> {
    match split(text, '|').as_slice() {
        [system, type_code, value] if ![system, type_code, value].iter().any(|part| part.is_empty()) => {
            Ok(QueryValue::OfType { system: unescape(system), type_code: unescape(type_code), value: unescape(value) })
        }
        _ => Err("expects system|code|value".to_owned()),
    }
}

fn words(text: &str, mode: TextMode) -> Result<String, String> {
    let text = unescape(text);
    let words = if mode == TextMode::Exact { text } else { normalise(&text) };
    if words.is_empty() { Err("expects a text".to_owned()) } else { Ok(words) }
}

fn uri(text: &str, mode: UriMode) -> Result<QueryValue, String> {
    let uri = unescape(text);
    let is_urn = uri.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
    if mode != UriMode::Same && is_urn {
        return Err("takes :above and :below for URLs only, not for URNs".to_owned());
    }
    Ok(QueryValue::Uri { mode, uri })
}

/// Length of the longest id (FHIR R4 `id`: 1…64 of `[A-Za-z0-9\-\.]`).
const ID_CHARS_MAX: usize = 64;

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn reference(shape: Shape<'_>, text: &str, modifier: Option<&str>) -> Result<QueryValue, String> {
    let text = unescape(text);
    if is_id(&text) {
        let only =
            if let [only] = shape.targets { Some(only.as_str()).filter(|only| *only != "Resource") } else { None };
        let type_name = modifier.or(only).map(str::to_owned);
        return Ok(QueryValue::Local { type_name, id: text, version: None });
    }
    match reference::parse(&text) {
        Ok(Reference::Local { type_name, id, version }) => {
            if modifier.is_some_and(|modifier| modifier != type_name) {
                return Err(format!("is asked about another type than {type_name}"));
            }
            let version = version.map(str::to_owned);
            Ok(QueryValue::Local { type_name: Some(type_name.to_owned()), id: id.to_owned(), version })
        }
        Ok(Reference::Remote { version, .. }) => {
            let url = without_version(&text, version).to_owned();
            Ok(QueryValue::Url { url, version: version.map(str::to_owned) })
        }
        Ok(Reference::Urn(_) | Reference::Url(_)) => {
            let (url, version) = split_canonical(&text);
            Ok(QueryValue::Url { url: url.to_owned(), version: version.map(str::to_owned) })
        }
        Ok(Reference::Contained(_) | Reference::Conditional { .. }) | Err(_) => {
            Err("expects an id, Type/id or an absolute URL".to_owned())
        }
    }
}

const PREFIXES: [(&str, Prefix); 9] = [
    ("eq", Prefix::Equal),
    ("ne", Prefix::NotEqual),
    ("gt", Prefix::Greater),
    ("lt", Prefix::Less),
    ("ge", Prefix::GreaterOrEqual),
    ("le", Prefix::LessOrEqual),
    ("sa", Prefix::StartsAfter),
    ("eb", Prefix::EndsBefore),
    ("ap", Prefix::Approximately),
];

fn prefix(text: &str) -> (Prefix, &str) {
    let found = PREFIXES.iter().find_map(|(word, prefix)| Some((*prefix, text.strip_prefix(word)?)));
    found.unwrap_or((Prefix::Equal, text))
}

const DATE_EXPECTED: &str = "expects a date such as 2026-11, 2026-11-21 or 2026-11-21T08:30:00+08:00, \
                             perhaps after eq ne gt lt ge le sa eb ap";

fn date_value(text: &str, now_ms: i64) -> Result<QueryValue, String> {
    let text = unescape(text);
    let (prefix, text) = prefix(&text);
    // A plus sign that was not percent-encoded arrives as a space; in a date it can only have been the sign of an
    // offset.
    let text = text.replace(' ', "+");
    let interval = date::parse(&text).map_err(|_| DATE_EXPECTED.to_owned())?;
    let (mut low_ms, mut high_ms) = (interval.low_ms, interval.high_ms);
    if prefix == Prefix::Approximately {
        let gap_ms =
            if now_ms < low_ms { low_ms.saturating_sub(now_ms) } else { now_ms.saturating_sub(high_ms).max(0) };
        low_ms = low_ms.saturating_sub(gap_ms / 10);
        high_ms = high_ms.saturating_add(gap_ms / 10);
    }
    Ok(QueryValue::Date { prefix, low_ms, high_ms })
}

fn number(text: &str) -> Result<NumberTest, String> {
    let expected = || "expects a number such as 5.40, perhaps after eq ne gt lt ge le sa eb ap".to_owned();
    let (prefix, digits) = prefix(text);
    let Quantified { value: exact, mut low, mut high } = decimal::parse(digits).map_err(|_| expected())?;
    if prefix == Prefix::Approximately {
        let tenth = exact.abs() / Decimal::TEN;
        low = low.min(exact.checked_sub(tenth).ok_or_else(expected)?);
        high = high.max(exact.checked_add(tenth).ok_or_else(expected)?);
    }
    Ok(NumberTest { prefix, exact, low, high })
}

fn quantity(text: &str) -> Result<QueryValue, String> {
    let parts: Vec<String> = split(text, '|').into_iter().map(unescape).collect();
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let (digits, system, code) = match parts.as_slice() {
        [digits] => (digits, None, None),
        [digits, system, code] => (digits, some(system), some(code)),
        _ => return Err("expects number, number|system|code or number||code".to_owned()),
    };
    Ok(QueryValue::Quantity { number: number(digits)?, system, code })
}
