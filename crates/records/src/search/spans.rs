//! A condition becomes ranges of index keys, or nothing when only a body can answer it.
//!
//! Every value is turned into *runs*: exact leading bytes, and for dates and numbers a range behind them. A run of exact bytes is
//! an ordered list; a run with a range is collected and sorted. Composites are runs behind runs.

use std::collections::HashSet;

use model::{Failure, Home, Number, TenantId, TypeCode};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use store::{Keyspace, Snapshot, Store};
use trust::TenantKeys;

use super::query::{is_any, target_types};
use super::stream::{Certainty, Check, Judge, Span};
use crate::index::is_compartment_parameter;
use crate::keys::{self, IdText, TEXT_PREFIX_CHARS_MAX, value};
use crate::matching::{Modifier, NumberTest, Prefix, QueryValue, SystemTest, TextMode, UriMode, matches};
use crate::parameters::{Alias, Extracted, Parameter, Parameters, normalise};
use crate::resource::engine_failure;

/// More code systems than this under one code: the parameter's rows are read in one range instead.
const SYSTEMS_MAX: usize = 16;

/// What turns values into keys.
pub(crate) struct Encoder<'e> {
    pub(crate) tenant_keys: &'e TenantKeys,
    pub(crate) tenant: TenantId,
    pub(crate) parameters: &'e Parameters,
    pub(crate) snapshot: &'e dyn Snapshot,
    pub(crate) store: &'e Store,
}

/// Bytes that follow a prefix, and what rows with them say.
struct Run {
    exact: Vec<u8>,
    /// First and last bytes behind `exact`, and the judge of each row's bytes from there on.
    range: Option<(Vec<u8>, Vec<u8>, Check)>,
    certainty: Certainty,
}

impl Run {
    fn exact(bytes: &[u8], certainty: Certainty) -> Self {
        Self { exact: bytes.to_vec(), range: None, certainty }
    }
}

/// The rows that hold every hit of a condition; `None`: the body decides.
///
/// # Errors
/// When the disk refuses.
pub(super) fn of_match(
    encoder: &Encoder<'_>,
    type_code: TypeCode,
    parameter: &Parameter,
    modifier: Option<&Modifier>,
    values: &[QueryValue],
) -> Result<Option<Vec<Span>>, Failure> {
    if matches!(modifier, Some(Modifier::Not | Modifier::Missing)) {
        return Ok(None);
    }
    let (numbers, only) = rows_of(parameter);
    let mut spans = Vec::new();
    for question in values {
        for number in &numbers {
            let Some(mut found) = of_value(encoder, type_code, parameter, (*number, only), question)? else {
                return Ok(None);
            };
            spans.append(&mut found);
        }
    }
    Ok(Some(spans))
}

/// The numbers under which a parameter's rows stand, and the one type that its references may point to.
fn rows_of(parameter: &Parameter) -> (Vec<u16>, Option<TypeCode>) {
    match &parameter.alias {
        None => (vec![parameter.number], None),
        Some(Alias::Union(numbers)) => (numbers.clone(), None),
        Some(Alias::Restricted { of, target }) => (vec![*of], TypeCode::of(target).ok()),
    }
}

fn of_value(
    encoder: &Encoder<'_>,
    type_code: TypeCode,
    parameter: &Parameter,
    (number, only): (u16, Option<TypeCode>),
    question: &QueryValue,
) -> Result<Option<Vec<Span>>, Failure> {
    if let QueryValue::Local { type_name, id, version } = question {
        let certainty = if version.is_none() { Certainty::Sure } else { Certainty::Verify };
        return Ok(Some(local(encoder, type_code, parameter, (number, only), (type_name.as_deref(), id), certainty)));
    }
    let prefix = keys::index_prefix(encoder.tenant, encoder.parameters.generation(), type_code, number);
    if let QueryValue::Token { system: SystemTest::Any, code: Some(code) } = question {
        let whole = [prefix.as_slice(), &value::token_code(encoder.tenant_keys, code)].concat();
        let judge = Judge::AnySystem(Certainty::Sure);
        return Ok(Some(vec![Span { judge, ..Span::pinned(Keyspace::Index, whole) }]));
    }
    Ok(runs(encoder, &prefix, question)?.map(|runs| runs.into_iter().map(|run| span(&prefix, run)).collect()))
}

fn span(prefix: &[u8], run: Run) -> Span {
    let mut whole = prefix.to_vec();
    whole.extend_from_slice(&run.exact);
    match run.range {
        None => Span::pinned_as(Keyspace::Index, whole, run.certainty),
        Some((low, high, check)) => Span::ranged(Keyspace::Index, whole, &low, &high, check),
    }
}

/// The runs of a value behind `prefix`.
fn runs(encoder: &Encoder<'_>, prefix: &[u8], question: &QueryValue) -> Result<Option<Vec<Run>>, Failure> {
    let tenant_keys = encoder.tenant_keys;
    Ok(match question {
        QueryValue::Token { system, code: Some(code) } => Some(token(encoder, prefix, system, code, Certainty::Sure)?),
        QueryValue::Token { system: SystemTest::Is(system), code: None } => {
            Some(vec![whole_system(value::token_system(tenant_keys, Some(system)))])
        }
        QueryValue::OfType { value, .. } => Some(token(encoder, prefix, &SystemTest::Any, value, Certainty::Verify)?),
        QueryValue::Url { url, version } => {
            let certainty = if version.is_none() { Certainty::Sure } else { Certainty::Verify };
            Some(vec![Run::exact(&value::reference_url(tenant_keys, url), certainty)])
        }
        QueryValue::Text { mode: TextMode::Begins, text } => text_run(tenant_keys, text, Certainty::Sure),
        QueryValue::Text { mode: TextMode::Exact, text } => text_run(tenant_keys, &normalise(text), Certainty::Verify),
        QueryValue::Date { prefix, low_ms, high_ms } => Some(date(question, *prefix, (*low_ms, *high_ms))),
        QueryValue::Number(test) => number(*test, false),
        QueryValue::Quantity { number: test, system, code } => number(*test, system.is_some() || code.is_some()),
        QueryValue::Uri { mode: UriMode::Same, uri } => {
            Some(vec![Run::exact(&value::uri(tenant_keys, uri), Certainty::Sure)])
        }
        QueryValue::Composite(parts) => in_sequence(encoder, prefix, parts)?,
        QueryValue::Local { type_name: Some(type_name), id, version: None } => match TypeCode::of(type_name) {
            Ok(type_code) => {
                let number = IdText::read(tenant_keys, type_code, id).number();
                Some(vec![Run::exact(&value::reference(type_code, number), Certainty::Sure)])
            }
            Err(_) => None,
        },
        QueryValue::Local { .. }
        | QueryValue::Token { .. }
        | QueryValue::Missing(_)
        | QueryValue::TokenText(_)
        | QueryValue::Identifier { .. }
        | QueryValue::Text { .. }
        | QueryValue::Uri { .. } => None,
    })
}

/// Runs behind runs: every part but the last must be exact.
fn in_sequence(encoder: &Encoder<'_>, prefix: &[u8], parts: &[QueryValue]) -> Result<Option<Vec<Run>>, Failure> {
    let mut done = vec![Run::exact(&[], Certainty::Sure)];
    for part in parts {
        let mut longer = Vec::new();
        for before in done {
            if before.range.is_some() {
                return Ok(None);
            }
            if matches!(part, QueryValue::Text { .. }) {
                // Rows of composites end before a text.
                longer.push(Run { certainty: Certainty::Verify, ..before });
                continue;
            }
            let mut at = prefix.to_vec();
            at.extend_from_slice(&before.exact);
            let Some(found) = runs(encoder, &at, part)? else { return Ok(None) };
            longer.extend(found.into_iter().map(|run| Run {
                exact: [before.exact.as_slice(), &run.exact].concat(),
                range: run.range,
                certainty: before.certainty.min(run.certainty),
            }));
        }
        done = longer;
    }
    Ok(Some(done))
}

/// The rows of a composite for two conditions that were asked apart.
pub(super) fn composite(
    encoder: &Encoder<'_>,
    parameter: &Parameter,
    first: &QueryValue,
    second: &QueryValue,
) -> Result<Option<Vec<Span>>, Failure> {
    let question = QueryValue::Composite(vec![first.clone(), second.clone()]);
    of_match(encoder, parameter.type_code, parameter, None, &[question])
}

/// The rows of references to known targets.
pub(super) fn references(
    encoder: &Encoder<'_>,
    type_code: TypeCode,
    parameter: &Parameter,
    targets: &HashSet<(TypeCode, Number)>,
) -> Vec<Span> {
    let (numbers, only) = rows_of(parameter);
    let wanted = targets.iter().filter(|(target, _)| only.is_none_or(|only| only == *target));
    wanted
        .flat_map(|(target, id)| numbers.iter().map(|number| reference_span(encoder, type_code, *number, *target, *id)))
        .collect()
}

/// References to patients that make a compartment stand in `cidx`, all others in `idx`.
fn reference_span(encoder: &Encoder<'_>, type_code: TypeCode, number: u16, target: TypeCode, id: Number) -> Span {
    if target == TypeCode::PATIENT && is_compartment_parameter(encoder.parameters, type_code, number) {
        let prefix = keys::compartment_index_prefix(
            encoder.tenant,
            encoder.parameters.generation(),
            Home(id.0),
            type_code,
            number,
        );
        return Span::pinned(Keyspace::CompartmentIndex, prefix);
    }
    let mut prefix = keys::index_prefix(encoder.tenant, encoder.parameters.generation(), type_code, number);
    prefix.extend_from_slice(&value::reference(target, id));
    Span::pinned(Keyspace::Index, prefix)
}

/// `Type/id`, or an id alone: then one list for each type that the parameter may point to.
fn local(
    encoder: &Encoder<'_>,
    type_code: TypeCode,
    parameter: &Parameter,
    (number, only): (u16, Option<TypeCode>),
    (type_name, id): (Option<&str>, &str),
    certainty: Certainty,
) -> Vec<Span> {
    let names: Vec<&str> = match (type_name, only) {
        (Some(name), Some(only)) if name != only.name() => Vec::new(),
        (Some(name), _) => vec![name],
        (None, Some(only)) => vec![only.name()],
        (None, None) if is_any(parameter) => target_types(parameter).into_iter().map(TypeCode::name).collect(),
        (None, None) => parameter.targets.iter().map(String::as_str).collect(),
    };
    let one = |name: &&str| {
        let mut span = if let Ok(target) = TypeCode::of(name) {
            let id = IdText::read(encoder.tenant_keys, target, id).number();
            reference_span(encoder, type_code, number, target, id)
        } else {
            let mut prefix = keys::index_prefix(encoder.tenant, encoder.parameters.generation(), type_code, number);
            prefix.extend_from_slice(&value::reference_url(encoder.tenant_keys, &format!("{name}/{id}")));
            Span::pinned(Keyspace::Index, prefix)
        };
        span.judge = Judge::Pinned(certainty);
        span
    };
    names.iter().map(one).collect()
}

fn token(
    encoder: &Encoder<'_>,
    prefix: &[u8],
    system: &SystemTest,
    code: &str,
    certainty: Certainty,
) -> Result<Vec<Run>, Failure> {
    let tenant_keys = encoder.tenant_keys;
    let whole = |system: Option<&str>| Run::exact(&value::token(tenant_keys, system, code), certainty);
    Ok(match system {
        SystemTest::Is(system) => vec![whole(Some(system))],
        SystemTest::None => vec![whole(None)],
        SystemTest::Any => {
            let code = value::token_code(tenant_keys, code);
            match systems(encoder.snapshot, prefix, code)? {
                Some(systems) => {
                    systems.iter().map(|system| Run::exact(&[&code[..], system].concat(), certainty)).collect()
                }
                None => vec![Run {
                    exact: code.to_vec(),
                    range: Some((vec![0; 4], vec![u8::MAX; 4], Box::new(move |_| certainty))),
                    certainty,
                }],
            }
        }
    })
}

/// The system hashes that stand behind a code, found by skipping from one to the next: a code has one or two systems, each of
/// them an ordered list. `None` when there are more than [`SYSTEMS_MAX`].
fn systems(snapshot: &dyn Snapshot, prefix: &[u8], code: [u8; 8]) -> Result<Option<Vec<[u8; 4]>>, Failure> {
    let start = [prefix, &code].concat();
    let mut cursor = snapshot.scan(Keyspace::Index, &start, &store::prefix_end(&start));
    let mut found: Vec<[u8; 4]> = Vec::new();
    loop {
        let next = cursor.next().map_err(engine_failure)?;
        let Some(system) = next.and_then(|(key, _)| key.get(start.len()..start.len() + 4)?.try_into().ok()) else {
            return Ok(Some(found));
        };
        if found.len() == SYSTEMS_MAX {
            return Ok(None);
        }
        found.push(system);
        let behind = store::prefix_end(&[start.as_slice(), &system].concat());
        cursor.seek(&behind).map_err(engine_failure)?;
    }
}

/// `system|`: every code of a system. Codes come first in the key, so all rows of the parameter are read.
fn whole_system(system: [u8; 4]) -> Run {
    let check: Check =
        Box::new(
            move |bytes: &[u8]| {
                if bytes.get(8..value::TOKEN_BYTES) == Some(&system[..]) { Certainty::Sure } else { Certainty::No }
            },
        );
    Run {
        exact: Vec::new(),
        range: Some((vec![0; value::TOKEN_BYTES], vec![u8::MAX; value::TOKEN_BYTES], check)),
        certainty: Certainty::Sure,
    }
}

fn text_run(tenant_keys: &TenantKeys, normalised: &str, certainty: Certainty) -> Option<Vec<Run>> {
    let chars = normalised.chars().count();
    if chars == 0 {
        return None;
    }
    let certainty = if chars > TEXT_PREFIX_CHARS_MAX { Certainty::Verify } else { certainty };
    Some(vec![Run::exact(&value::text(tenant_keys, normalised, chars.min(TEXT_PREFIX_CHARS_MAX)), certainty)])
}

/// One range for each class of interval length: where the low end can lie follows from the question and the longest
/// interval of the class; the bounds in the row decide.
fn date(question: &QueryValue, prefix: Prefix, (low_ms, high_ms): (i64, i64)) -> Vec<Run> {
    let mut runs = Vec::with_capacity(value::DATE_CLASS_LENGTH_MS.len());
    for (class, length_ms) in (0_u8..).zip(value::DATE_CLASS_LENGTH_MS) {
        let (from, to) = match prefix {
            Prefix::Equal => (low_ms, high_ms),
            Prefix::NotEqual => (i64::MIN, i64::MAX),
            Prefix::Greater => (high_ms.saturating_sub(length_ms), i64::MAX),
            Prefix::GreaterOrEqual => (high_ms.saturating_sub(length_ms).min(low_ms), i64::MAX),
            Prefix::Less | Prefix::EndsBefore => (i64::MIN, low_ms),
            Prefix::LessOrEqual => (i64::MIN, high_ms),
            Prefix::StartsAfter => (high_ms, i64::MAX),
            Prefix::Approximately => (low_ms.saturating_sub(length_ms), high_ms),
        };
        let question = question.clone();
        let check: Check = Box::new(move |bytes: &[u8]| {
            let (Some(low), Some(high)) = (bytes.get(..6), bytes.get(6..12)) else { return Certainty::No };
            let found = Extracted::Date { low_ms: value::read_instant(low), high_ms: value::read_instant(high) };
            if matches(&question, &found) { Certainty::Sure } else { Certainty::No }
        });
        let range = Some((value::instant(from).to_vec(), value::instant(to).to_vec(), check));
        runs.push(Run { exact: vec![class], range, certainty: Certainty::Sure });
    }
    runs
}

/// Exact numbers in a range; at the very ends rounding could err, and values with comparators or ranges are asked by body.
fn number(test: NumberTest, with_unit: bool) -> Option<Vec<Run>> {
    let bytes = |number: Decimal| number.to_f64().map(value::number);
    let (least, most) = (value::number(f64::NEG_INFINITY), value::number(f64::INFINITY));
    let (low, high) = match test.prefix {
        Prefix::NotEqual => return None,
        Prefix::Equal | Prefix::Approximately => (bytes(test.low)?, bytes(test.high)?),
        Prefix::Greater | Prefix::GreaterOrEqual | Prefix::StartsAfter => (bytes(test.exact)?, most),
        Prefix::Less | Prefix::LessOrEqual | Prefix::EndsBefore => (least, bytes(test.exact)?),
    };
    let check: Check = Box::new(move |found: &[u8]| {
        let at_an_end = found == &low[..] || found == &high[..];
        if with_unit || at_an_end { Certainty::Verify } else { Certainty::Sure }
    });
    let exact = Run { exact: vec![0], range: Some((low.to_vec(), high.to_vec(), check)), certainty: Certainty::Sure };
    Some(vec![exact, Run::exact(&[1; value::NUMBER_BYTES], Certainty::Verify)])
}
