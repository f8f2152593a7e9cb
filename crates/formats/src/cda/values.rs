//! From what was sent to FHIR's data types. Every function keeps the digits and words of the sender.

use serde_json::{Map, Value, json};
use standards::cda;

use super::acts::ActValue;
use super::spelling::right_oid;
use super::tree::{Position, Tree};
use crate::national;
use crate::text;
use crate::text::Moment;

/// Text as FHIR's `string` allows it: no control characters, no blanks around it; `None` when nothing is left.
#[must_use]
pub fn string(sent: &str) -> Option<String> {
    let cleaned = text::clean(sent);
    let cleaned = cleaned.trim();
    (!cleaned.is_empty()).then(|| cleaned.to_owned())
}

/// A code as FHIR's `code` allows it: single blanks inside, none around; `None` when nothing is left.
#[must_use]
pub fn code(sent: &str) -> Option<String> {
    let folded = text::key_part(sent);
    let words: Vec<&str> = folded.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A time; `None` when it is none or a default value of a database.
#[must_use]
pub fn moment(sent: &str) -> Option<Moment> {
    text::time::parse(sent).filter(|moment| !moment.is_nothing())
}

/// The URI of a code system from what was sent; `None` when nothing was.
#[must_use]
pub fn system(sent: &str) -> Option<String> {
    let oid = right_oid(sent);
    if oid.is_empty() {
        return None;
    }
    if oid == cda::LOINC {
        return Some("http://loinc.org".to_owned());
    }
    if oid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Some(format!("urn:oid:{oid}"));
    }
    // A name instead of an identifier: no URI, but not to be lost either.
    let name: String = oid.chars().filter(|one| !one.is_whitespace() && !one.is_control()).collect();
    (!name.is_empty()).then(|| format!("urn:kangmai:system:{name}"))
}

/// The system of a coded data element: its own value table, unless a code system outside the national tables was sent.
#[must_use]
pub fn system_of(element: &str, sent: &str) -> Option<String> {
    let own = cda::value_table(element).map(|table| table.system).filter(|system| !system.is_empty());
    let oid = right_oid(sent);
    let national = oid.is_empty() || oid.starts_with("2.16.156.10011.2.") || !oid.contains('.');
    match own {
        Some(own) if national => Some(format!("urn:oid:{own}")),
        _ => system(sent),
    }
}

/// A `CodeableConcept` of a coded value; of a text when no code was sent; `None` when nothing was.
#[must_use]
pub fn concept(element: &str, value: &ActValue) -> Option<Value> {
    if value.kind != "CD" {
        return string(&value.text).map(|text| json!({ "text": text }));
    }
    concept_of(system_of(element, &value.system).as_deref(), &value.text, &value.display)
}

/// A `CodeableConcept` from its parts.
#[must_use]
pub fn concept_of(system: Option<&str>, sent: &str, display: &str) -> Option<Value> {
    let display = string(display);
    let Some(code) = code(sent) else { return display.map(|text| json!({ "text": text })) };
    let mut coding = Map::new();
    if let Some(system) = system {
        coding.insert("system".to_owned(), Value::from(system));
    }
    coding.insert("code".to_owned(), Value::from(code));
    if let Some(display) = &display {
        coding.insert("display".to_owned(), Value::from(display.as_str()));
    }
    let mut concept = Map::new();
    concept.insert("coding".to_owned(), Value::Array(vec![Value::Object(coding)]));
    if let Some(display) = display {
        concept.insert("text".to_owned(), Value::from(display));
    }
    Some(Value::Object(concept))
}

/// A `CodeableConcept` of an XML element with `code`, `codeSystem` and `displayName`.
#[must_use]
pub fn concept_at(tree: &Tree<'_>, node: Position, element: &str) -> Option<Value> {
    let take = |name: &str| tree.attribute(node, name).unwrap_or_default();
    let display =
        [take("displayName"), tree.text(node)].into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default();
    concept_of(system_of(element, take("codeSystem")).as_deref(), take("code"), display)
}

/// `value[x]` of an Observation: the name of the member and its value.
#[must_use]
pub fn observed(element: &str, value: &ActValue, unit: &str) -> Option<(&'static str, Value)> {
    let unit = if value.unit.trim().is_empty() { unit } else { value.unit.trim() };
    let as_text = || string(&value.text).map(|text| ("valueString", Value::from(text)));
    match &*value.kind {
        "CD" => concept(element, value).map(|concept| ("valueCodeableConcept", concept)),
        "BL" => match value.text.trim() {
            "true" | "1" => Some(("valueBoolean", Value::Bool(true))),
            "false" | "0" => Some(("valueBoolean", Value::Bool(false))),
            _ => as_text(),
        },
        "TS" => moment(&value.text).map(|moment| ("valueDateTime", Value::from(moment.text))).or_else(as_text),
        "PQ" | "REAL" | "MO" => {
            quantity(&value.text, unit).map(|quantity| ("valueQuantity", quantity)).or_else(as_text)
        }
        "INT" => match value.text.trim().parse::<i32>() {
            Ok(number) if unit.is_empty() => Some(("valueInteger", Value::from(number))),
            _ => quantity(&value.text, unit).map(|quantity| ("valueQuantity", quantity)).or_else(as_text),
        },
        _ => as_text(),
    }
}

/// The result of a laboratory item: a number with its unit wherever the text is one, whatever type it was sent as.
#[must_use]
pub fn result(element: &str, value: &ActValue, unit: &str) -> Option<(&'static str, Value)> {
    let unit = if value.unit.trim().is_empty() { unit } else { value.unit.trim() };
    if value.kind != "CD"
        && let Some(quantity) = quantity(&value.text, unit)
    {
        return Some(("valueQuantity", quantity));
    }
    observed(element, value, unit)
}

/// A `Quantity` from a number and the text of a unit.
#[must_use]
pub fn quantity(sent: &str, unit: &str) -> Option<Value> {
    let unit = string(unit).unwrap_or_default();
    let amount = text::number::parse(sent)?;
    amount.quantity(&unit)
}

/// A `Period` or `dateTime` of an `effectiveTime`: the ending of the member's name and the value.
#[must_use]
pub fn when(tree: &Tree<'_>, node: Position) -> Option<(&'static str, Value)> {
    let at = |name: &str| {
        let node = tree.child(node, name)?;
        moment(tree.attribute(node, "value").filter(|value| !value.is_empty()).unwrap_or_else(|| tree.text(node)))
    };
    let (low, high) = (at("low"), at("high"));
    if let Some(only) = moment(tree.attribute(node, "value").unwrap_or_default()) {
        return Some(("DateTime", Value::from(only.text)));
    }
    let mut period = Map::new();
    // FHIR refuses a period that ends before it begins; the beginning is what people rely on.
    let turned = matches!((&low, &high), (Some(low), Some(high)) if low.at_ms > high.at_ms);
    if let Some(low) = low {
        period.insert("start".to_owned(), Value::from(low.text));
    }
    if let Some(high) = high.filter(|_| !turned) {
        period.insert("end".to_owned(), Value::from(high.text));
    }
    (!period.is_empty()).then(|| ("Period", Value::Object(period)))
}

/// A `referenceRange` of an `observationRange`: low and high as sent, or its text.
#[must_use]
pub fn range(tree: &Tree<'_>, node: Position, unit: &str) -> Option<Value> {
    let mut range = Map::new();
    let words = tree.child(node, "text").and_then(|text| string(&tree.whole_text(text)));
    if let Some(value) = tree.child(node, "value") {
        for name in ["low", "high"] {
            let Some(bound) = tree.child(value, name) else { continue };
            let sent = tree.attribute(bound, "value").unwrap_or_default();
            let unit = tree.attribute(bound, "unit").filter(|unit| !unit.is_empty()).unwrap_or(unit);
            if let Some(quantity) = text::number::parse(sent)
                .filter(|amount| amount.comparator.is_none())
                .and_then(|amount| amount.quantity(unit.trim()))
            {
                range.insert(name.to_owned(), quantity);
            }
        }
    }
    let words = words.or_else(|| tree.child(node, "value").and_then(|value| string(&tree.whole_text(value))));
    if let Some(words) = words {
        if range.is_empty() {
            let parsed = text::number::parse_range(&words);
            for (name, bound) in parsed.into_iter().flat_map(|parsed| [("low", parsed.low), ("high", parsed.high)]) {
                if let Some(quantity) = bound.and_then(|bound| bound.quantity(unit.trim())) {
                    range.insert(name.to_owned(), quantity);
                }
            }
        }
        range.insert("text".to_owned(), Value::from(words));
    }
    (!range.is_empty()).then_some(Value::Object(range))
}

/// The code of a data element as a `CodeableConcept`.
#[must_use]
pub fn element_concept(id: &str, name: &str) -> Option<Value> {
    let coded = code(id)?;
    let system = if coded.starts_with("HDSD") {
        format!("urn:oid:{}", cda::FRONT_PAGE_ELEMENTS)
    } else {
        national::DATA_ELEMENTS.to_owned()
    };
    concept_of(Some(&system), &coded, name)
}

/// An extension that keeps what has no place in FHIR.
#[must_use]
pub fn sent(what: &str, member: &str, value: Value) -> Value {
    let what: String = what.chars().filter(|one| !one.is_whitespace() && !one.is_control()).collect();
    let mut extension = Map::new();
    extension.insert("url".to_owned(), Value::from(format!("urn:kangmai:sent:{what}")));
    extension.insert(member.to_owned(), value);
    Value::Object(extension)
}
