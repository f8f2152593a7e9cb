//! Readers: one FHIR datatype in JSON to the values that a search compares.
//!
//! Which datatypes a kind of parameter understands follows the tables of the search page of FHIR R4; a value that does
//! not have the shape of its type is passed over (writing has already checked shapes, and imported history must not
//! stop a search).

use std::borrow::Cow;

use formats::fhir::reference::{self, Reference};
use formats::fhir::{date, decimal};
use rust_decimal::Decimal;
use serde_json::Value;
use smallvec::SmallVec;

use super::Kind;
use super::extracted::{Extracted, Span};
use super::text::has_han;

/// System of currency codes in `Money`.
const CURRENCY_SYSTEM: &str = "urn:iso:std:iso:4217";

/// How to read the values at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reader {
    /// `code`, with the system that the standard binds it to when there is exactly one.
    Code(Option<&'static str>),
    /// Any other primitive text that is compared as a whole.
    Word,
    Boolean,
    Coding,
    CodeableConcept,
    Identifier,
    ContactPoint,
    Text,
    HumanName,
    Address,
    Date,
    Period,
    Timing,
    Reference,
    Canonical,
    Number,
    Quantity,
    Money,
    Range,
    SampledData,
    Uri,
}

impl Reader {
    /// The reader of a datatype under a kind of parameter; `None` when such a parameter does not look at the type (a
    /// date parameter on `Observation.value[x]` passes over quantities).
    pub(super) fn of(kind: Kind, type_name: &str, code_system: Option<&'static str>) -> Option<Self> {
        Some(match (kind, type_name) {
            (Kind::Token, "code") => Self::Code(code_system),
            (Kind::Token, "boolean") => Self::Boolean,
            (Kind::Token, "string" | "id" | "uri" | "url" | "canonical" | "oid" | "uuid" | "markdown") => Self::Word,
            (Kind::Token, "Coding") => Self::Coding,
            (Kind::Token, "CodeableConcept") => Self::CodeableConcept,
            (Kind::Token, "Identifier") => Self::Identifier,
            (Kind::Token, "ContactPoint") => Self::ContactPoint,
            (Kind::String, "string" | "markdown" | "code" | "id" | "uri" | "url") => Self::Text,
            (Kind::String, "HumanName") => Self::HumanName,
            (Kind::String, "Address") => Self::Address,
            (Kind::Date, "date" | "dateTime" | "instant") => Self::Date,
            (Kind::Date, "Period") => Self::Period,
            (Kind::Date, "Timing") => Self::Timing,
            (Kind::Reference, "Reference") => Self::Reference,
            (Kind::Reference, "canonical" | "uri") => Self::Canonical,
            (Kind::Number, "integer" | "decimal" | "positiveInt" | "unsignedInt") => Self::Number,
            (Kind::Quantity, "Quantity" | "SimpleQuantity" | "Age" | "Duration" | "Count" | "Distance") => {
                Self::Quantity
            }
            (Kind::Quantity, "Money") => Self::Money,
            (Kind::Quantity, "Range") => Self::Range,
            (Kind::Quantity, "SampledData") => Self::SampledData,
            (Kind::Uri, "uri" | "url" | "canonical" | "oid" | "uuid") => Self::Uri,
            _ => return None,
        })
    }

    /// Adds what the value says.
    pub(super) fn read<'a>(&self, value: &'a Value, out: &mut Vec<Extracted<'a>>) {
        match self {
            Self::Code(system) => out.extend(value.as_str().map(|code| Extracted::token(*system, code))),
            Self::Word => out.extend(value.as_str().map(|word| Extracted::token(None, word))),
            Self::Boolean => {
                let word = |truth| if truth { "true" } else { "false" };
                out.extend(value.as_bool().map(|truth| Extracted::token(None, word(truth))));
            }
            Self::Coding => coding(value, None, out),
            Self::CodeableConcept => concept(value, out),
            Self::Identifier => out.extend(identifier(value)),
            Self::ContactPoint => out.extend(text(value, "value").map(|word| Extracted::token(None, word))),
            Self::Text => out.extend(value.as_str().map(|words| Extracted::Text(Cow::Borrowed(words)))),
            Self::HumanName => human_name(value, out),
            Self::Address => parts(value, &["text", "line", "city", "district", "state", "postalCode", "country"], out),
            Self::Date => out.extend(value.as_str().and_then(date_range).map(Extracted::from)),
            Self::Period => out.extend(period(value).map(Extracted::from)),
            Self::Timing => out.extend(timing(value).map(Extracted::from)),
            Self::Reference => out.extend(read_reference(value)),
            Self::Canonical => out.extend(value.as_str().map(canonical)),
            Self::Number => out.extend(number(value).map(|it| Extracted::Number { span: Span::point(it) })),
            Self::Quantity => out.extend(quantity(value)),
            Self::Money => out.extend(money(value)),
            Self::Range => out.extend(range(value)),
            Self::SampledData => out.extend(sampled_data(value)),
            Self::Uri => out.extend(value.as_str().map(Extracted::Uri)),
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    match value.get(name) {
        Some(Value::Array(items)) => items,
        Some(single) => std::slice::from_ref(single),
        None => &[],
    }
}

fn coding<'a>(value: &'a Value, concept_text: Option<&'a str>, out: &mut Vec<Extracted<'a>>) {
    let (code, display) = (text(value, "code"), text(value, "display"));
    if code.is_none() && display.is_none() {
        return;
    }
    let words = display.into_iter().chain(concept_text).collect();
    out.push(Extracted::Token { system: text(value, "system"), code, text: words, of_type: SmallVec::new() });
}

fn concept<'a>(value: &'a Value, out: &mut Vec<Extracted<'a>>) {
    let words = text(value, "text");
    let before = out.len();
    for item in items(value, "coding") {
        coding(item, words, out);
    }
    if let (true, Some(words)) = (out.len() == before, words) {
        let text = SmallVec::from_slice(&[words]);
        out.push(Extracted::Token { system: None, code: None, text, of_type: SmallVec::new() });
    }
}

fn identifier(value: &Value) -> Option<Extracted<'_>> {
    let code = text(value, "value")?;
    let mut words = SmallVec::new();
    let mut of_type = SmallVec::new();
    if let Some(kind) = value.get("type") {
        words.extend(text(kind, "text"));
        for item in items(kind, "coding") {
            words.extend(text(item, "display"));
            of_type.extend(text(item, "system").zip(text(item, "code")));
        }
    }
    Some(Extracted::Token { system: text(value, "system"), code: Some(code), text: words, of_type })
}

/// Every text member of an object, in the order of `names`.
fn parts<'a>(value: &'a Value, names: &[&str], out: &mut Vec<Extracted<'a>>) {
    for name in names {
        let words = items(value, name).iter().filter_map(Value::as_str).filter(|words| !words.is_empty());
        out.extend(words.map(|words| Extracted::Text(Cow::Borrowed(words))));
    }
}

/// The parts of a name; a Chinese name besides as a whole (姓 + 名), since people type `张三` also where a source sent the
/// halves only. R4 leaves to the server which fields `name` looks at.
fn human_name<'a>(value: &'a Value, out: &mut Vec<Extracted<'a>>) {
    parts(value, &["text", "family", "given", "prefix", "suffix"], out);
    let Some(family) = text(value, "family").filter(|family| has_han(family)) else { return };
    let mut whole = family.to_owned();
    items(value, "given").iter().filter_map(Value::as_str).for_each(|given| whole.push_str(given));
    if whole != family && text(value, "text") != Some(&whole) {
        out.push(Extracted::Text(Cow::Owned(whole)));
    }
}

/// First and last millisecond of something; what dates, periods and timings come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    pub low_ms: i64,
    pub high_ms: i64,
}

impl From<Reach> for Extracted<'_> {
    fn from(reach: Reach) -> Self {
        Self::Date { low_ms: reach.low_ms, high_ms: reach.high_ms }
    }
}

/// A date, dateTime or instant.
pub(super) fn date_range(text: &str) -> Option<Reach> {
    date::parse(text).map(|interval| Reach { low_ms: interval.low_ms, high_ms: interval.high_ms }).ok()
}

/// A period; a missing end is open. A period with neither end says nothing.
pub(super) fn period(value: &Value) -> Option<Reach> {
    let start = text(value, "start").and_then(date_range);
    let end = text(value, "end").and_then(date_range);
    if start.is_none() && end.is_none() {
        return None;
    }
    let low_ms = start.map_or(i64::MIN, |it| it.low_ms);
    // An end before its start is an error of the source; the end then counts for nothing rather than turning the
    // interval.
    let high_ms = end.map(|it| it.high_ms).filter(|high| *high >= low_ms).unwrap_or(i64::MAX);
    Some(Reach { low_ms, high_ms })
}

/// A timing; of its schedule only the outer limits count. A timing that names
/// neither events nor bounds has none.
pub(super) fn timing(value: &Value) -> Option<Reach> {
    let bounds = value.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).and_then(period);
    let events = items(value, "event").iter().filter_map(|event| date_range(event.as_str()?));
    events
        .chain(bounds)
        .reduce(|one, other| Reach { low_ms: one.low_ms.min(other.low_ms), high_ms: one.high_ms.max(other.high_ms) })
}

fn read_reference(value: &Value) -> Option<Extracted<'_>> {
    let identifier = value.get("identifier").and_then(|it| Some((text(it, "system"), text(it, "value")?)));
    let declared = text(value, "type").map(|name| name.rsplit('/').next().unwrap_or(name));
    let mut found = Extracted::Reference { local: None, url: None, type_name: declared, identifier, version: None };
    let Some(target) = text(value, "reference").filter(|target| !target.starts_with('#')) else {
        return identifier.is_some().then_some(found);
    };
    if let Extracted::Reference { local, url, type_name, version, .. } = &mut found {
        match reference::parse(target) {
            Ok(Reference::Local { type_name: named, id, version: at }) => {
                (*local, *type_name, *version) = (Some((named, id)), Some(named), at);
            }
            Ok(Reference::Remote { type_name: named, version: at, .. }) => {
                (*url, *type_name, *version) = (Some(without_version(target, at)), Some(named), at);
            }
            // A text that is no reference is a value all the same: `:missing` must not deny it.
            _ => *url = Some(target),
        }
    }
    Some(found)
}

/// An absolute URL without its `/_history/version`.
pub(crate) fn without_version<'a>(url: &'a str, version: Option<&str>) -> &'a str {
    let suffix = version.map_or(0, |version| "/_history/".len() + version.len());
    &url[..url.len() - suffix]
}

fn canonical(text: &str) -> Extracted<'_> {
    let (url, version) = split_canonical(text);
    Extracted::Reference { local: None, url: Some(url), type_name: None, identifier: None, version }
}

/// URL and version of `url|version`.
pub(crate) fn split_canonical(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once('|').map_or((text, None), |(url, version)| (url, Some(version)))
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => decimal::parse(number.as_str()).ok().map(|it| it.value),
        _ => None,
    }
}

fn member_number(value: &Value, name: &str) -> Option<Decimal> {
    value.get(name).and_then(number)
}

fn quantity(value: &Value) -> Option<Extracted<'_>> {
    let span = Span::compared(member_number(value, "value")?, text(value, "comparator"));
    Some(with_unit(span, value))
}

/// A quantity with the unit that `unit_of` names.
fn with_unit<'a>(span: Span, unit_of: &'a Value) -> Extracted<'a> {
    Extracted::Quantity {
        span,
        system: text(unit_of, "system"),
        code: text(unit_of, "code"),
        unit: text(unit_of, "unit"),
    }
}

fn money(value: &Value) -> Option<Extracted<'_>> {
    let span = Span::point(member_number(value, "value")?);
    let code = text(value, "currency");
    Some(Extracted::Quantity { span, system: code.map(|_| CURRENCY_SYSTEM), code, unit: None })
}

fn range(value: &Value) -> Option<Extracted<'_>> {
    let end = |name| value.get(name).and_then(|end| Some((member_number(end, "value")?, end)));
    let (low, high) = (end("low"), end("high"));
    let (_, unit_of) = low.or(high)?;
    Some(with_unit(Span::between(low.map(|it| it.0), high.map(|it| it.0)), unit_of))
}

/// The bounds of the sampled values.
fn sampled_data(value: &Value) -> Option<Extracted<'_>> {
    let origin = value.get("origin")?;
    let zero = member_number(origin, "value")?;
    let factor = member_number(value, "factor").unwrap_or(Decimal::ONE);
    let scaled = |raw: Decimal| raw.checked_mul(factor).and_then(|it| it.checked_add(zero));
    let mut bounds: Option<(Decimal, Decimal)> = None;
    for word in text(value, "data")?.split_whitespace() {
        let point = match word {
            "E" => None,
            "L" => member_number(value, "lowerLimit"),
            "U" => member_number(value, "upperLimit"),
            _ => decimal::parse(word).ok().and_then(|it| scaled(it.value)),
        };
        let Some(point) = point else { continue };
        bounds = Some(bounds.map_or((point, point), |(low, high)| (low.min(point), high.max(point))));
    }
    let (low, high) = bounds?;
    Some(with_unit(Span::between(Some(low), Some(high)), origin))
}
