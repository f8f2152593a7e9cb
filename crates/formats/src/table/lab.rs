//! What a laboratory writes in a result and in a reference range, to FHIR.

use serde_json::{Value, json};

use crate::text::number::{self, Amount};

/// The longest `valueString`, in characters: longer narratives are cut nowhere else, but FHIR limits strings to 1 MB.
const TEXT_CHARS_MAX: usize = 250_000;

/// A result as `(name of the member, value)`: a Quantity with the unit as it was sent, a Range, or the text (`阴性(-)`, `见报告`).
pub(super) fn result(sent: &str, unit: &str) -> (&'static str, Value) {
    if let Some(quantity) = number::parse(sent).and_then(|amount| amount.quantity(unit)) {
        return ("valueQuantity", quantity);
    }
    if unit.is_empty()
        && let Some((amount, unit)) = number::parse_with_unit(sent)
        && let Some(quantity) = amount.quantity(&unit)
    {
        return ("valueQuantity", quantity);
    }
    if let Some(number::Range { low: Some(low), high: Some(high) }) = number::parse_range(sent)
        && let (Some(low), Some(high)) = (low.quantity(unit), high.quantity(unit))
    {
        return ("valueRange", json!({ "low": low, "high": high }));
    }
    ("valueString", Value::from(cut(sent)))
}

/// A reference range: ends where there are any, the text as it was sent in any case.
pub(super) fn range(sent: &str, unit: &str) -> Value {
    let mut range = json!({});
    if let Some(ends) = number::parse_range(sent) {
        let quantity = |end: &Option<Amount>| end.as_ref().and_then(|end| end.quantity(unit));
        if let Some(low) = quantity(&ends.low) {
            range["low"] = low;
        }
        if let Some(high) = quantity(&ends.high) {
            range["high"] = high;
        }
    }
    range["text"] = Value::from(cut(sent));
    range
}

/// FHIR's interpretation of a code of HL7 table 0078.
pub(super) fn interpretation(code: &str, sent: &str) -> Value {
    json!({
        "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": code }],
        "text": sent,
    })
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}
