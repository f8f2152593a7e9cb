//! `FHIRPath` for expressions that come as data (custom search parameters, profiles, views): ADR 0005.
//!
//! The engine is octofhir-fhirpath; its types come from our structure definitions. Evaluation is pure: no terminology service, no
//! server, no validator is behind it, and `trace()` is silent, because it would print values of records.

mod casts;
mod model;
mod units;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use octofhir_fhirpath::core::trace::{SharedTraceProvider, create_noop_provider};
use octofhir_fhirpath::{Collection, EvaluationContext, FhirPathEngine, FhirPathValue};
use serde_json::{Map, Number, Value, json};

use model::StructureModel;

/// The longest expression that is parsed, in bytes. The longest of the base definitions has 420; parsing costs stack and time.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;

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
/// Dates are texts without `@`. A decimal by itself may lose zeros at its end; inside an object it keeps every digit. A `Quantity` comes
/// back as the engine understands it: `{value, unit, system, code}`, with UCUM for a unit that names no system; see [`select`].
/// `resolve()` finds contained resources and entries of the same Bundle.
///
/// # Errors
/// [`FhirPathError`].
pub fn evaluate(expression: &str, resource: &Value) -> Result<Vec<Value>, FhirPathError> {
    Ok(run(expression, resource)?.into_iter().map(|selected| selected.value).collect())
}

/// As [`evaluate`], with the type of each value; and a `Quantity` that stands in the resource is given as it stands there, with its
/// comparator and without the unit system that the engine supposes. When several stand there that the engine cannot tell apart, each
/// of them is given.
///
/// # Errors
/// [`FhirPathError`].
pub fn select(expression: &str, resource: &Value) -> Result<Vec<Selected>, FhirPathError> {
    let found = run(expression, resource)?;
    let mut selected = Vec::with_capacity(found.len());
    for one in found {
        let mut as_written = Vec::new();
        if one.type_name == "Quantity" {
            written(resource, &one.value, &mut as_written);
        }
        if as_written.is_empty() {
            selected.push(one);
        } else {
            let each = as_written.into_iter().cloned();
            selected.extend(each.map(|value| Selected { type_name: one.type_name.clone(), value }));
        }
    }
    Ok(selected)
}

fn run(expression: &str, resource: &Value) -> Result<Vec<Selected>, FhirPathError> {
    check(expression)?;
    let engine = engine().ok_or(FhirPathError::Engine)?;
    let mut resource = resource.clone();
    let units = units::stand_in(&mut resource);
    let expression = units.in_expression(expression);
    let input = Collection::single(FhirPathValue::resource(resource));
    let context = EvaluationContext::new(input, Arc::new(StructureModel), None, None, Some(silence()));
    // Nothing that the engine waits for does I/O, so this never waits. Expressions and resources come from outside: a panic inside the
    // engine (an overflow, say) is a failed evaluation, not the end of a write.
    let evaluated =
        catch_unwind(AssertUnwindSafe(|| futures_executor::block_on(engine.evaluate(&expression, &context))));
    let result = evaluated.ok().and_then(Result::ok).ok_or(FhirPathError::Evaluation)?;
    let mut values = Vec::new();
    for value in &result.value {
        collect(value, &mut values);
    }
    values.iter_mut().for_each(|selected| units.put_back(&mut selected.value));
    Ok(values)
}

/// The quantities of a resource that the engine shows as `shown`, each form once.
fn written<'r>(node: &'r Value, shown: &Value, found: &mut Vec<&'r Value>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| written(item, shown, found)),
        Value::Object(members) => {
            if is_shown_as(node, shown) && !found.contains(&node) {
                found.push(node);
            }
            members.values().for_each(|child| written(child, shown, found));
        }
        _ => {}
    }
}

/// Whether the engine shows a quantity so: the number as it rounds it, its code (or unit, where there is none) and system if it has them.
fn is_shown_as(quantity: &Value, shown: &Value) -> bool {
    let number = |of: &Value| of.get("value").filter(|it| it.is_number()).and_then(Value::as_f64);
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(own), Some(rounded)) = (number(quantity), number(shown)) else { return false };
    // Fifteen digits are what the engine's way of reading numbers keeps.
    let is_same_number = (own - rounded).abs() <= own.abs() * 1e-14;
    let unit = text(quantity, "unit").or_else(|| text(quantity, "code"));
    is_same_number
        && unit == text(shown, "unit")
        && text(quantity, "code").is_none_or(|code| text(shown, "code") == Some(code))
        && text(quantity, "system").is_none_or(|system| text(shown, "system") == Some(system))
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

fn collect(value: &FhirPathValue, values: &mut Vec<Selected>) {
    let (computed, json) = match value {
        FhirPathValue::Empty => return,
        FhirPathValue::Collection(items) => return items.iter().for_each(|item| collect(item, values)),
        FhirPathValue::Boolean(value, ..) => ("boolean", json!(value)),
        FhirPathValue::Integer(value, ..) => ("integer", json!(value)),
        FhirPathValue::Decimal(value, ..) => ("decimal", number(value.to_string())),
        FhirPathValue::String(value, ..) => ("string", json!(value)),
        FhirPathValue::Date(value, ..) => ("date", json!(value.to_string())),
        FhirPathValue::DateTime(value, ..) => ("dateTime", json!(value.to_string())),
        FhirPathValue::Time(value, ..) => ("time", json!(value.to_string())),
        FhirPathValue::Resource(node, ..) => ("Element", node.to_json()),
        FhirPathValue::Quantity { value, unit, code, system, .. } => {
            let mut quantity = Map::new();
            quantity.insert("value".into(), number(value.to_string()));
            for (name, text) in [("unit", unit), ("system", system), ("code", code)] {
                if let Some(text) = text {
                    quantity.insert(name.into(), json!(text));
                }
            }
            ("Quantity", Value::Object(quantity))
        }
    };
    let info = value.type_info();
    let declared = info.name.as_deref().unwrap_or(&info.type_name);
    // Of what the engine computed it knows `String`, which is no type of FHIR.
    let type_name = if model::is_fhir_type(declared) { declared } else { computed };
    values.push(Selected { type_name: type_name.to_owned(), value: json });
}

/// The text of a `Decimal` is a JSON number; the digits stay as they are.
fn number(text: String) -> Value {
    Value::Number(Number::from_string_unchecked(text))
}
