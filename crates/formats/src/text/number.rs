//! Numbers as feeds write them: `5.6`, `＜0.5`, `≥3`, `1,234.50`, `.5`, `1.5×10^9`, and ranges `3.5~9.5`, `3.5-9.5`, `<5.2`.
//!
//! Digits are kept as they were sent (`5.60` stays `5.60`): a decimal's zeros say how exactly it was measured.

use serde_json::{Number, Value, json};

/// A number that may be a bound only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// FHIR's comparator: `<`, `<=`, `>=`, `>`; `None` for the number itself.
    pub comparator: Option<&'static str>,
    /// The digits as JSON writes them, with the sender's zeros.
    pub digits: String,
}

impl Amount {
    /// The number as JSON, with its digits.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        serde_json::from_str(&self.digits).ok()
    }

    /// A FHIR `Quantity` with the unit text as it was sent (none when empty) and no code.
    #[must_use]
    pub fn quantity(&self, unit: &str) -> Option<Value> {
        let mut quantity = json!({ "value": self.number()? });
        if let Some(comparator) = self.comparator {
            quantity["comparator"] = Value::from(comparator);
        }
        if !unit.is_empty() {
            quantity["unit"] = Value::from(unit);
        }
        Some(quantity)
    }
}

/// A reference range: at least one end is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The lower end with its digits.
    pub low: Option<Amount>,
    /// The upper end with its digits.
    pub high: Option<Amount>,
}

/// The longest text that is looked at as a number, in bytes. No laboratory reports more digits.
const LENGTH_BYTES_MAX: usize = 64;

/// Reads one number, with or without a comparator; `None` when the text is anything else (`1:80`, `阴性(-)`, `见报告`).
#[must_use]
pub fn parse(text: &str) -> Option<Amount> {
    let text = super::key_part(text);
    if text.len() > LENGTH_BYTES_MAX {
        return None;
    }
    let (amount, rest) = amount(&text)?;
    rest.trim().is_empty().then_some(amount)
}

/// Reads a number and what stands behind it: `5.6 mmol/L` is `5.6` and `mmol/L`; `1.5×10^9/L` is `1.5` and `10^9/L`.
/// `None` when it does not begin with a number, or when what follows cannot be a unit (`1:80`, `3-5`, `2+`).
#[must_use]
pub fn parse_with_unit(text: &str) -> Option<(Amount, String)> {
    let text = super::key_part(text);
    let (comparator, rest) = comparator(text.trim_start());
    let (digits, rest) = digits(rest.trim_start())?;
    let unit = rest.trim_start().trim_start_matches(['×', 'x', 'X', '*']).trim();
    let power = unit.starts_with("10^") || unit.starts_with("10⁹") || unit.starts_with("10¹²");
    let letter = |first: char| first.is_alphabetic() || matches!(first, '%' | '‰' | '℃' | '°' | 'µ');
    let unit_begins = unit.chars().next().is_none_or(letter);
    if !power && !unit_begins || unit.chars().count() > 24 || (rest.starts_with(['x', 'X', '*', '×']) && !power) {
        return None;
    }
    Some((Amount { comparator, digits }, unit.to_owned()))
}

/// Reads a reference range: `3.5~9.5`, `3.5-9.5`, `3.5—9.5`, `3.5至9.5`, `<5.2`, `≥1.0`; a unit behind it is not looked at.
/// `None` for words (`阴性`) and for ranges that depend on something (`男:3-5 女:2-4`).
#[must_use]
pub fn parse_range(text: &str) -> Option<Range> {
    let text = super::key_part(text);
    if text.len() > LENGTH_BYTES_MAX {
        return None;
    }
    let text = text.trim_start_matches(['(', '[', '（']).trim_end_matches([')', ']', '）']);
    let (low, rest) = amount(text)?;
    if rest.trim().is_empty() || low.comparator.is_some() {
        return match low.comparator {
            Some(comparator) if unit_like(rest) => {
                let bound = Some(Amount { comparator: None, digits: low.digits });
                let upper = comparator.starts_with('<');
                Some(if upper { Range { low: None, high: bound } } else { Range { low: bound, high: None } })
            }
            _ => None,
        };
    }
    let rest = rest.trim_start();
    let rest = ["---", "--", "-", "~", "～", "——", "—", "–", "−", "―", "至", "到", "..", "…"]
        .iter()
        .find_map(|separator| rest.strip_prefix(separator))?;
    let (high, rest) = amount(rest.trim_start())?;
    (high.comparator.is_none() && unit_like(rest)).then_some(Range { low: Some(low), high: Some(high) })
}

/// What may stand behind a range: nothing or a unit, but no second range and no digits of a longer text such as a date.
fn unit_like(rest: &str) -> bool {
    let rest = rest.trim();
    rest.chars().count() <= 24
        && !rest.contains([':', '~', ';', ',', '-'])
        && !rest.starts_with(|first: char| first.is_ascii_digit() && !rest.starts_with("10"))
}

fn amount(text: &str) -> Option<(Amount, &str)> {
    let (comparator, rest) = comparator(text.trim_start());
    let (mut digits, mut rest) = digits(rest.trim_start())?;
    if let Some(power) = power_of_ten(rest) {
        digits.push('e');
        digits.push_str(power.0);
        rest = power.1;
    }
    Some((Amount { comparator, digits }, rest))
}

fn comparator(text: &str) -> (Option<&'static str>, &str) {
    const WORDS: [(&str, &str); 15] = [
        ("<=", "<="),
        (">=", ">="),
        ("=<", "<="),
        ("=>", ">="),
        ("≤", "<="),
        ("≥", ">="),
        ("≦", "<="),
        ("≧", ">="),
        ("<", "<"),
        (">", ">"),
        ("小于等于", "<="),
        ("大于等于", ">="),
        ("小于", "<"),
        ("大于", ">"),
        ("=", ""),
    ];
    for (word, meaning) in WORDS {
        if let Some(rest) = text.strip_prefix(word) {
            return ((!meaning.is_empty()).then_some(meaning), rest);
        }
    }
    (None, text)
}

/// An optional sign, digits with thousands separators, an optional fraction and exponent, written as JSON wants them.
fn digits(text: &str) -> Option<(String, &str)> {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut number = String::with_capacity(16);
    if bytes.first() == Some(&b'-') {
        number.push('-');
    }
    let count = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole_from = at;
    let mut whole = String::new();
    whole.push_str(text.get(at..at + count(at))?);
    at += whole.len();
    while (1..=3).contains(&(at - whole_from).min(3)) && bytes.get(at) == Some(&b',') && count(at + 1) == 3 {
        whole.push_str(&text[at + 1..at + 4]);
        at += 4;
    }
    let fraction = if bytes.get(at) == Some(&b'.') { &text[at + 1..at + 1 + count(at + 1)] } else { "" };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // `5.` is 5, and `3..5` is a range.
    if !fraction.is_empty() {
        at += 1 + fraction.len();
    } else if bytes.get(at) == Some(&b'.') && bytes.get(at + 1) != Some(&b'.') {
        at += 1;
    }
    let significant = whole.trim_start_matches('0');
    number.push_str(if significant.is_empty() { "0" } else { significant });
    if !fraction.is_empty() {
        number.push('.');
        number.push_str(fraction);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = count(at + 1 + sign);
        if (1..=3).contains(&exponent) {
            number.push('e');
            number.push_str(&text[at + 1..at + 1 + sign + exponent]);
            at += 1 + sign + exponent;
        }
    }
    Some((number, &text[at..]))
}

/// `×10^9`, `x10^9`, `*10⁹`, when nothing but the end follows: with `/L` behind it the power belongs to the unit.
fn power_of_ten(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let rest = text.strip_prefix(['×', 'x', 'X', '*'])?.trim_start().strip_prefix("10^")?;
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    ((1..=2).contains(&count) && count == rest.len()).then(|| rest.split_at(count))
}
