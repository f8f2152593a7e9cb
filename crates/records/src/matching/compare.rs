//! Does a value answer the question?

use rust_decimal::Decimal;

use super::{Modifier, NumberTest, Prefix, QueryValue, SystemTest, TextMode, UriMode};
use crate::parameters::{Extracted, Span, normalise};

/// Whether the values of a parameter in one resource answer a question with these alternatives: any alternative by any
/// value; under `:not` none by any; `:missing` looks at whether there are values.
#[must_use]
pub fn answers(modifier: Option<&Modifier>, any_of: &[QueryValue], values: &[Extracted<'_>]) -> bool {
    let answered = any_of.iter().any(|question| match question {
        QueryValue::Missing(wanted) => values.is_empty() == *wanted,
        _ => values.iter().any(|value| matches(question, value)),
    });
    answered != Modifier::is_not(modifier)
}

/// Whether one value answers one question. Modifiers are part of the question, but for `:not` and `:missing` (see
/// [`answers`]): they speak about all values together.
#[must_use]
pub fn matches(question: &QueryValue, value: &Extracted<'_>) -> bool {
    match (question, value) {
        (QueryValue::Token { system, code }, Extracted::Token { system: in_system, code: Some(found), .. }) => {
            same_system(system, *in_system) && code.as_deref().is_none_or(|code| code == *found)
        }
        (QueryValue::TokenText(words), Extracted::Token { text, .. }) => {
            text.iter().any(|text| normalise(text).starts_with(words.as_str()))
        }
        (QueryValue::OfType { system, type_code, value }, Extracted::Token { code, of_type, .. }) => {
            *code == Some(value.as_str()) && of_type.contains(&(system.as_str(), type_code.as_str()))
        }
        (
            QueryValue::Local { type_name, id, version },
            Extracted::Reference { local: Some(local), version: at, .. },
        ) => {
            *id == local.1
                && type_name.as_deref().is_none_or(|type_name| type_name == local.0)
                && same_version(version.as_deref(), *at)
        }
        (QueryValue::Url { url, version }, Extracted::Reference { url: Some(found), version: at, .. }) => {
            url == found && same_version(version.as_deref(), *at)
        }
        (QueryValue::Identifier { system, value }, Extracted::Reference { identifier: Some(found), .. }) => {
            same_system(system, found.0) && value.as_deref().is_none_or(|value| value == found.1)
        }
        (QueryValue::Text { mode, text }, Extracted::Text(found)) => match mode {
            TextMode::Begins => normalise(found).starts_with(text.as_str()),
            TextMode::Contains => normalise(found).contains(text.as_str()),
            TextMode::Exact => text == found,
        },
        (QueryValue::Date { prefix, low_ms, high_ms }, Extracted::Date { low_ms: low, high_ms: high }) => {
            date(*prefix, (*low_ms, *high_ms), (*low, *high))
        }
        (QueryValue::Number(test), Extracted::Number { span }) => number(test, span),
        (QueryValue::Quantity { number: test, system, code }, Extracted::Quantity { span, .. }) => {
            same_unit(system.as_deref(), code.as_deref(), value) && number(test, span)
        }
        (QueryValue::Uri { mode, uri }, Extracted::Uri(found)) => match mode {
            UriMode::Same => uri == found,
            UriMode::Below => is_at_or_below(found, uri),
            UriMode::Above => is_at_or_below(uri, found),
        },
        (QueryValue::Composite(questions), Extracted::Composite(parts)) => {
            questions.len() == parts.len()
                && questions.iter().zip(parts).all(|(question, values)| values.iter().any(|it| matches(question, it)))
        }
        _ => false,
    }
}

fn same_system(wanted: &SystemTest, found: Option<&str>) -> bool {
    match wanted {
        SystemTest::Any => true,
        SystemTest::None => found.is_none(),
        SystemTest::Is(system) => found == Some(system),
    }
}

fn same_version(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none() || wanted == found
}

/// Unit of a quantity: `system` and `code` as coded; without a system the code may also be the printed unit.
fn same_unit(system: Option<&str>, code: Option<&str>, value: &Extracted<'_>) -> bool {
    let Extracted::Quantity { system: in_system, code: in_code, unit, .. } = value else { return false };
    match (system, code) {
        (None, None) => true,
        (None, Some(code)) => *in_code == Some(code) || *unit == Some(code),
        (Some(system), code) => *in_system == Some(system) && code.is_none_or(|code| *in_code == Some(code)),
    }
}

/// Whether `longer` is `shorter` or continues it at the start of a path segment.
fn is_at_or_below(longer: &str, shorter: &str) -> bool {
    longer
        .strip_prefix(shorter)
        .is_some_and(|rest| rest.is_empty() || shorter.ends_with('/') || rest.starts_with(['/', '?', '#', '|']))
}

/// Interval against interval, both ends included.
fn date(prefix: Prefix, (low, high): (i64, i64), (from, to): (i64, i64)) -> bool {
    let contains = low <= from && to <= high;
    match prefix {
        Prefix::Equal => contains,
        Prefix::NotEqual => !contains,
        Prefix::Greater => to > high,
        Prefix::Less => from < low,
        Prefix::GreaterOrEqual => to > high || contains,
        Prefix::LessOrEqual => from < low || contains,
        Prefix::StartsAfter => from > high,
        Prefix::EndsBefore => to < low,
        Prefix::Approximately => from <= high && low <= to,
    }
}

fn number(test: &NumberTest, span: &Span) -> bool {
    let NumberTest { prefix, exact, low, high } = *test;
    // The range of the question includes its lower end only, so a value's excluded upper end may touch the upper end of
    // it.
    let above_low = span.low.is_some_and(|at| at >= low);
    let below_high = span.high.is_some_and(|at| at < high || (at == high && !span.high_included));
    match prefix {
        Prefix::Equal => above_low && below_high,
        Prefix::NotEqual => !(above_low && below_high),
        Prefix::Greater => reaches_above(span, exact, false),
        Prefix::GreaterOrEqual => reaches_above(span, exact, true),
        Prefix::Less => reaches_below(span, exact, false),
        Prefix::LessOrEqual => reaches_below(span, exact, true),
        Prefix::StartsAfter => span.low.is_some_and(|at| at > exact || (at == exact && !span.low_included)),
        Prefix::EndsBefore => span.high.is_some_and(|at| at < exact || (at == exact && !span.high_included)),
        Prefix::Approximately => reaches_above(span, low, true) && reaches_below(span, high, true),
    }
}

/// Whether some number of the span is greater than `limit` (or equal, if that is enough).
fn reaches_above(span: &Span, limit: Decimal, or_equal: bool) -> bool {
    span.high.is_none_or(|at| at > limit || (or_equal && span.high_included && at == limit))
}

/// Whether some number of the span is less than `limit` (or equal, if that is enough).
fn reaches_below(span: &Span, limit: Decimal, or_equal: bool) -> bool {
    span.low.is_none_or(|at| at < limit || (or_equal && span.low_included && at == limit))
}
