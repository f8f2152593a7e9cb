//! Elements and values in words: once as FHIR R4 search reads JSON of each shape, once as the extractors say it.

use std::collections::BTreeSet;

use jiff::civil;
use jiff::tz::TimeZone;
use records::parameters::{Extracted, Kind, Span};
use serde_json::Value;

/// Systems of contact points; an identifier's system is a URI.
const CONTACT_SYSTEMS: [&str; 7] = ["phone", "fax", "email", "pager", "url", "sms", "other"];

/// The words of one selected value, as a parameter of this kind looks at it.
pub fn words(kind: Kind, value: &Value) -> Vec<String> {
    match (kind, value) {
        (_, Value::Null) => Vec::new(),
        (Kind::Token, Value::Bool(truth)) => vec![format!("|{truth}")],
        (Kind::Token, Value::String(code)) => vec![format!("code {code}")],
        (Kind::Token, Value::Object(_)) => token(value),
        (Kind::Reference, Value::String(text)) => vec![canonical(text)],
        (Kind::Reference, Value::Object(_)) => reference(value).into_iter().collect(),
        (Kind::String, Value::String(text)) => vec![format!("'{text}'")],
        (Kind::String, Value::Object(_)) => texts(value),
        (Kind::Date, Value::String(text)) => vec![range(text).map_or_else(|| format!("not read: {value}"), reach)],
        (Kind::Date, Value::Object(members)) => {
            let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
            match (has(&["start", "end"]), has(&["event", "repeat"])) {
                (true, _) => period(value).map(reach).into_iter().collect(),
                (_, true) => timing(value).map(reach).into_iter().collect(),
                _ => vec![format!("not read: {value}")],
            }
        }
        (Kind::Number, Value::Number(number)) => vec![number_text(&number.to_string())],
        (Kind::Quantity, Value::Object(_)) => quantity(value).into_iter().collect(),
        (Kind::Uri, Value::String(text)) => vec![format!("uri {text}")],
        _ => vec![format!("not read: {value}")],
    }
}

/// The word of a composite: what each of its parts has.
pub fn composite(parts: &[BTreeSet<String>]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| part.iter().cloned().collect::<Vec<_>>().join(" , ")).collect();
    format!("[{}]", parts.join(" & "))
}

/// Type and id of a relative reference.
pub fn local(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('/');
    let (type_name, id) = (parts.next()?, parts.next()?);
    let is_type = type_name.starts_with(|first: char| first.is_ascii_uppercase())
        && type_name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_versioned = parts.next() == Some("_history");
    (is_type && (is_versioned || text.matches('/').count() == 1)).then_some((type_name, id))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match &value[name] {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn coded(system: &str, code: &str, texts: &[&str]) -> String {
    let texts: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
    let mut word = format!("{system}|{code}");
    if !texts.is_empty() {
        word += &format!(" ({})", texts.join(", "));
    }
    word
}

fn token(value: &Value) -> Vec<String> {
    let has = |name: &str| value.get(name).is_some();
    if has("value") {
        if CONTACT_SYSTEMS.contains(&text(value, "system")) {
            return vec![coded("", text(value, "value"), &[])];
        }
        let kind = &value["type"];
        let mut texts = vec![text(kind, "text")];
        let mut word = String::new();
        for coding in list(kind, "coding") {
            texts.push(text(coding, "display"));
            word += &format!(" {}|{}", text(coding, "system"), text(coding, "code"));
        }
        return vec![coded(text(value, "system"), text(value, "value"), &texts) + &word];
    }
    let coding =
        |coding: &Value, of: &str| coded(text(coding, "system"), text(coding, "code"), &[text(coding, "display"), of]);
    if has("coding") {
        return list(value, "coding").into_iter().map(|item| coding(item, text(value, "text"))).collect();
    }
    match (has("code") || has("display"), has("text")) {
        (true, _) => vec![coding(value, "")],
        (false, true) => vec![coded("", "", &[text(value, "text")])],
        (false, false) => vec![format!("not read: {value}")],
    }
}

fn canonical(text: &str) -> String {
    let (url, version) = text.rsplit_once('|').unwrap_or((text, ""));
    referred("", url, None, version)
}

fn referred(local: &str, url: &str, identifier: Option<(&str, &str)>, version: &str) -> String {
    let identifier = identifier.map(|(system, value)| format!(" ={system}|{value}")).unwrap_or_default();
    format!("-> {local}<{url}>{identifier} @{version}")
}

fn reference(value: &Value) -> Option<String> {
    let identifier = &value["identifier"];
    let identifier = identifier["value"].as_str().map(|number| (text(identifier, "system"), number));
    let target = text(value, "reference");
    // What is contained is part of the resource, and nothing that a search could be asked for.
    if target.is_empty() || target.starts_with('#') {
        return identifier.map(|identifier| referred("", "", Some(identifier), ""));
    }
    let (plain, version) = target.split_once("/_history/").unwrap_or((target, ""));
    Some(match local(target) {
        Some((type_name, id)) => referred(&format!("{type_name}/{id}"), "", identifier, version),
        None => referred("", plain, identifier, version),
    })
}

/// Every text part of a name or an address.
fn texts(value: &Value) -> Vec<String> {
    const NAME: [&str; 5] = ["text", "family", "given", "prefix", "suffix"];
    const ADDRESS: [&str; 7] = ["text", "line", "city", "district", "state", "postalCode", "country"];
    let known = |member: &String| {
        [&NAME[..], &ADDRESS[..], &["use", "type", "period", "id", "extension"]].concat().contains(&member.as_str())
    };
    let Value::Object(members) = value else { return Vec::new() };
    if let Some(other) = members.keys().find(|member| !known(member)) {
        return vec![format!("not read: `{other}` of {value}")];
    }
    let parts = NAME.into_iter().chain(ADDRESS).collect::<BTreeSet<_>>();
    parts.into_iter().flat_map(|part| list(value, part)).filter_map(Value::as_str).map(|it| format!("'{it}'")).collect()
}

type Range = (i64, i64);

/// First and last millisecond; texts without an offset are of the national zone.
fn range(text: &str) -> Option<Range> {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let day = |text: &str| text.parse::<civil::Date>().ok();
    let start = |day: civil::Date| day.to_zoned(zone.clone()).unwrap().timestamp().as_millisecond();
    let span = |from: civil::Date, until: civil::Date| Some((start(from), start(until) - 1));
    match text.len() {
        4 => span(day(&format!("{text}-01-01"))?, day(&format!("{}-01-01", text.parse::<i16>().ok()? + 1))?),
        7 => {
            let first = day(&format!("{text}-01"))?;
            span(first, first.last_of_month().tomorrow().ok()?)
        }
        10 => span(day(text)?, day(text)?.tomorrow().ok()?),
        _ => {
            let at = match text.parse::<jiff::Timestamp>() {
                Ok(at) => at,
                Err(_) => text.parse::<civil::DateTime>().ok()?.to_zoned(zone).ok()?.timestamp(),
            };
            let at = at.as_millisecond();
            Some((at, if text.contains('.') { at } else { at + 999 }))
        }
    }
}

fn period(value: &Value) -> Option<Range> {
    let (start, end) = (value["start"].as_str().and_then(range), value["end"].as_str().and_then(range));
    if start.is_none() && end.is_none() {
        return None;
    }
    let low = start.map_or(i64::MIN, |it| it.0);
    // A period that ends before it begins has no end that could be believed.
    Some((low, end.map(|it| it.1).filter(|high| *high >= low).unwrap_or(i64::MAX)))
}

fn timing(value: &Value) -> Option<Range> {
    let mut ranges: Vec<Range> = list(value, "event").into_iter().filter_map(Value::as_str).filter_map(range).collect();
    ranges.extend(period(&value["repeat"]["boundsPeriod"]));
    Some((ranges.iter().map(|it| it.0).min()?, ranges.iter().map(|it| it.1).max()?))
}

fn reach((low, high): Range) -> String {
    format!("{low}..{high}")
}

/// Digits of a number that are compared: the interpreter reads decimals as binary numbers, which keep fifteen.
const DIGITS: u32 = 12;

fn digits(number: rust_decimal::Decimal) -> String {
    number.round_sf(DIGITS).unwrap_or(number).normalize().to_string()
}

/// A number without the zeros that do not count.
fn number_text(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), digits)
}

fn measured(low: &str, high: &str, unit_of: &Value) -> String {
    format!("{low}..{high} {}|{}|{}", text(unit_of, "system"), text(unit_of, "code"), text(unit_of, "unit"))
}

fn quantity(value: &Value) -> Option<String> {
    let number =
        |of: &Value| if of["value"].is_number() { number_text(&of["value"].to_string()) } else { String::new() };
    if value.get("currency").is_some() {
        let number = number(value);
        return Some(format!("{number}..{number} urn:iso:std:iso:4217|{}|", text(value, "currency")));
    }
    if value.get("origin").is_some() {
        let decimal = |of: &Value| of.to_string().parse::<rust_decimal::Decimal>().unwrap();
        let points = text(value, "data").split_whitespace().map(|word| {
            word.parse::<rust_decimal::Decimal>().unwrap() * decimal(&value["factor"])
                + decimal(&value["origin"]["value"])
        });
        let points: Vec<_> = points.collect();
        let (low, high) = (digits(*points.iter().min()?), digits(*points.iter().max()?));
        return Some(measured(&low, &high, &value["origin"]));
    }
    if value.get("low").is_some() || value.get("high").is_some() {
        let unit_of = if value["low"]["value"].is_number() { &value["low"] } else { &value["high"] };
        return Some(measured(&number(&value["low"]), &number(&value["high"]), unit_of));
    }
    value.get("value")?;
    Some(measured(&number(value), &number(value), value))
}

/// An extracted value in the same words; every form that an expression may have selected it in.
pub fn forms(value: &Extracted<'_>) -> Vec<String> {
    match value {
        Extracted::Token { system, code, text, of_type } => {
            let (system, code) = (system.unwrap_or_default(), code.unwrap_or_default());
            let mut word = coded(system, code, text);
            of_type.iter().for_each(|(system, code)| word += &format!(" {system}|{code}"));
            let is_bare = text.is_empty() && of_type.is_empty();
            // An element of type `code` has its system from its binding, which an expression cannot say.
            [Some(word), is_bare.then(|| format!("code {code}"))].into_iter().flatten().collect()
        }
        Extracted::Reference { local, url, identifier, version, .. } => {
            let local = local.map(|(type_name, id)| format!("{type_name}/{id}")).unwrap_or_default();
            let identifier = identifier.map(|(system, number)| (system.unwrap_or_default(), number));
            vec![referred(&local, url.unwrap_or_default(), identifier, version.unwrap_or_default())]
        }
        Extracted::Text(text) => vec![format!("'{text}'")],
        Extracted::Date { low_ms, high_ms } => vec![reach((*low_ms, *high_ms))],
        Extracted::Number { span } => vec![end(span).0],
        Extracted::Quantity { span, system, code, unit } => {
            let (low, high) = end(span);
            let word = |part: &Option<&str>| part.unwrap_or_default().to_owned();
            vec![format!("{low}..{high} {}|{}|{}", word(system), word(code), word(unit))]
        }
        Extracted::Uri(uri) => vec![format!("uri {uri}")],
        Extracted::Composite(parts) => {
            let last = |part: &Vec<Extracted<'_>>| part.iter().filter_map(|value| forms(value).pop()).collect();
            let first = |part: &Vec<Extracted<'_>>| part.iter().map(|value| forms(value).remove(0)).collect();
            let words: [Vec<BTreeSet<String>>; 2] =
                [parts.iter().map(first).collect(), parts.iter().map(last).collect()];
            words.iter().map(|parts| composite(parts)).collect()
        }
    }
}

fn end(span: &Span) -> (String, String) {
    let end = |end: Option<rust_decimal::Decimal>| end.map(digits).unwrap_or_default();
    (end(span.low), end(span.high))
}
