//! `FHIRPath` for expressions that come as data (custom search parameters, profiles, views): ADR 0005.
//!
//! The engine is octofhir-fhirpath; its types come from our structure definitions. Evaluation is pure: no terminology service, no
//! server, no validator is behind it, and `trace()` is silent, because it would print values of records.

mod casts;
mod model;
mod neighbours;
mod types;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use octofhir_fhirpath::core::temporal::PrecisionDateTime;
use octofhir_fhirpath::core::trace::{SharedTraceProvider, create_noop_provider};
use octofhir_fhirpath::{Collection, EvaluationContext, FhirPathEngine, FhirPathValue};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

use model::StructureModel;
pub use types::{Misuse, Types, types, union_count};

/// The longest expression that is parsed, in bytes. The longest of the base definitions has 420; parsing costs stack and time.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;
/// The digits of a decimal that survive the engine, which reads numbers as binary ones.
const DIGITS_MAX: u32 = 15;

/// Why an expression gave no value. The text names expressions and types, never values of the resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FhirPathError {
    /// Longer than [`EXPRESSION_BYTES_MAX`].
    #[error("the expression is longer than {EXPRESSION_BYTES_MAX} bytes")]
    TooLong,
    /// Not `FHIRPath`.
    #[error("the expression is not FHIRPath")]
    Syntax,
    /// `FHIRPath`, but it cannot be evaluated on this resource.
    #[error("the expression cannot be evaluated here")]
    Evaluation,
    /// It selects more values than the caller takes.
    #[error("the expression selects too many values")]
    TooMany,
    /// The engine could not be made.
    #[error("the FHIRPath engine did not start")]
    Engine,
}

/// One value that an expression selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Its FHIR type: `dateTime`, `CodeableConcept`, `Patient.contact`; of a computed value the primitive that it would be (`boolean`,
    /// `integer`, `decimal`, `string`).
    pub type_name: String,
    /// The value as JSON.
    pub value: Value,
    /// Whether it stands in the resource as an element of that type; otherwise it was computed, or nobody knows its type.
    pub is_element: bool,
}

/// Whether a text is `FHIRPath`; nothing is evaluated.
///
/// # Errors
/// `TooLong`, `Syntax`.
pub fn check(expression: &str) -> Result<(), FhirPathError> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(FhirPathError::TooLong);
    }
    let engine = engine().ok_or(FhirPathError::Engine)?;
    // Whatever the parser does with a strange text, the caller goes on.
    let compiled = catch_unwind(AssertUnwindSafe(|| engine.compile_plan(expression).is_ok()));
    if compiled.unwrap_or(false) { Ok(()) } else { Err(FhirPathError::Syntax) }
}

/// Evaluates an expression on a resource; the values in their order, none for an empty collection.
///
/// Dates are texts without `@`. A decimal by itself has at most fifteen digits and may lose zeros at its end; inside an object it keeps
/// every digit, and an object is what stands in the resource. `resolve()` finds contained resources and entries of the same Bundle.
///
/// # Errors
/// [`FhirPathError`].
pub fn evaluate(expression: &str, resource: &Value) -> Result<Vec<Value>, FhirPathError> {
    Ok(select(expression, resource, usize::MAX)?.into_iter().map(|selected| selected.value).collect())
}

/// As [`evaluate`], with the type of each value; at most `values_max` of them.
///
/// # Errors
/// [`FhirPathError`]; `TooMany` as soon as there are more.
pub fn select(expression: &str, resource: &Value, values_max: usize) -> Result<Vec<Selected>, FhirPathError> {
    check(expression)?;
    let engine = engine().ok_or(FhirPathError::Engine)?;
    let mut resource = resource.clone();
    let is_marked = neighbours::keep_apart(&mut resource);
    let input = Collection::single(FhirPathValue::resource(resource));
    let context = EvaluationContext::new(input, Arc::new(StructureModel), None, None, Some(silence()));
    // Nothing that the engine waits for does I/O, so this never waits. Expressions and resources come from outside: a panic inside the
    // engine (an overflow, say) is a failed evaluation, not the end of a write.
    let evaluated =
        catch_unwind(AssertUnwindSafe(|| futures_executor::block_on(engine.evaluate(expression, &context))));
    let result = evaluated.ok().and_then(Result::ok).ok_or(FhirPathError::Evaluation)?;
    let mut values = Vec::new();
    for value in &result.value {
        collect(value, &mut values, values_max)?;
    }
    if is_marked {
        values.iter_mut().for_each(|selected| neighbours::take_out(&mut selected.value));
    }
    Ok(values)
}

fn silence() -> SharedTraceProvider {
    create_noop_provider()
}

fn engine() -> Option<&'static FhirPathEngine> {
    static ENGINE: OnceLock<Option<FhirPathEngine>> = OnceLock::new();
    let start = || {
        let functions = Arc::new(casts::functions());
        let engine = futures_executor::block_on(FhirPathEngine::new(functions, Arc::new(StructureModel))).ok()?;
        Some(engine.with_trace_provider(silence()))
    };
    ENGINE.get_or_init(start).as_ref()
}

/// Adds what the engine found, in its own words.
fn collect(value: &FhirPathValue, values: &mut Vec<Selected>, values_max: usize) -> Result<(), FhirPathError> {
    let (computed, json) = match value {
        FhirPathValue::Empty => return Ok(()),
        FhirPathValue::Collection(items) => {
            return items.iter().try_for_each(|item| collect(item, values, values_max));
        }
        _ if values.len() >= values_max => return Err(FhirPathError::TooMany),
        FhirPathValue::Boolean(value, ..) => ("boolean", json!(value)),
        FhirPathValue::Integer(value, ..) => ("integer", json!(value)),
        FhirPathValue::Decimal(value, ..) => ("decimal", number(*value)),
        FhirPathValue::String(value, ..) => ("string", json!(value)),
        FhirPathValue::Date(value, ..) => ("date", json!(value.to_string())),
        FhirPathValue::DateTime(value, ..) => ("dateTime", json!(moment(value))),
        FhirPathValue::Time(value, ..) => ("time", json!(value.to_string())),
        FhirPathValue::Resource(node, ..) => ("Element", node.to_json()),
        FhirPathValue::Quantity { value, unit, code, system, .. } => {
            let mut quantity = Map::new();
            quantity.insert("value".into(), number(*value));
            for (name, text) in [("unit", unit), ("system", system), ("code", code)] {
                if let Some(text) = text {
                    quantity.insert(name.into(), json!(text));
                }
            }
            ("Quantity", Value::Object(quantity))
        }
    };
    let info = value.type_info();
    let declared = model::fhir_name(info.name.as_deref().unwrap_or(&info.type_name));
    // Of what the engine computed it knows `String`, which is no type of FHIR.
    let is_element = model::is_fhir_type(declared);
    let type_name = if is_element { declared } else { computed };
    values.push(Selected { type_name: type_name.to_owned(), value: json, is_element });
    Ok(())
}

/// A number as JSON, with the digits that a binary number of the engine can stand for: 6.1 and not 6.0999999999999996447286321199.
fn number(value: Decimal) -> Value {
    let is_long = value.mantissa().unsigned_abs() >= 10_u128.pow(DIGITS_MAX);
    // Beyond 27 places nobody could compare it.
    let short = if is_long { value.round_sf(DIGITS_MAX).unwrap_or(value).round_dp(27).normalize() } else { value };
    Value::Number(Number::from_string_unchecked(short.to_string()))
}

/// A dateTime as text. The engine shows one that was written without an offset in UTC; then it has none here either, so that the reader
/// of dates gives it its own.
fn moment(value: &PrecisionDateTime) -> String {
    let text = value.to_string();
    let has_offset = value.tz_specified || !text.contains('T');
    let bare = if has_offset { None } else { text.strip_suffix("+00:00") };
    bare.map_or_else(|| text.clone(), str::to_owned)
}
