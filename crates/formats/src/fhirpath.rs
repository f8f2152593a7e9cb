//! `FHIRPath` for expressions that come as data (custom search parameters, profiles, views): ADR 0005.
//!
//! The engine is octofhir-fhirpath; its types come from our structure definitions. Evaluation is pure: no terminology service, no
//! server, no validator is behind it, and `trace()` is silent, because it would print values of records.

mod model;

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

/// Evaluates an expression on a resource; the values in their order, none for an empty collection.
///
/// Dates are texts without `@`. A decimal by itself may lose zeros at its end; inside an object it keeps every digit. A `Quantity` comes
/// back as the engine understands it: `{value, unit, system, code}`, with UCUM for a unit that names no system.
/// `resolve()` finds contained resources and entries of the same Bundle.
///
/// # Errors
/// [`FhirPathError`].
pub fn evaluate(expression: &str, resource: &Value) -> Result<Vec<Value>, FhirPathError> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(FhirPathError::TooLong);
    }
    let engine = engine().ok_or(FhirPathError::Engine)?;
    engine.compile_plan(expression).map_err(|_| FhirPathError::Syntax)?;
    let input = Collection::single(FhirPathValue::resource(resource.clone()));
    let context = EvaluationContext::new(input, Arc::new(StructureModel), None, None, Some(silence()));
    // Nothing that the engine waits for does I/O, so this never waits.
    let result =
        futures_executor::block_on(engine.evaluate(expression, &context)).map_err(|_| FhirPathError::Evaluation)?;
    let mut values = Vec::new();
    for value in result.value.iter() {
        collect(value, &mut values);
    }
    Ok(values)
}

fn silence() -> SharedTraceProvider {
    create_noop_provider()
}

fn engine() -> Option<&'static FhirPathEngine> {
    static ENGINE: OnceLock<Option<FhirPathEngine>> = OnceLock::new();
    let start = || {
        let functions = Arc::new(octofhir_fhirpath::create_function_registry());
        let engine = futures_executor::block_on(FhirPathEngine::new(functions, Arc::new(StructureModel))).ok()?;
        Some(engine.with_trace_provider(silence()))
    };
    ENGINE.get_or_init(start).as_ref()
}

fn collect(value: &FhirPathValue, values: &mut Vec<Value>) {
    match value {
        FhirPathValue::Empty => {}
        FhirPathValue::Collection(items) => items.iter().for_each(|item| collect(item, values)),
        FhirPathValue::Boolean(value, ..) => values.push(json!(value)),
        FhirPathValue::Integer(value, ..) => values.push(json!(value)),
        FhirPathValue::Decimal(value, ..) => values.push(number(value.to_string())),
        FhirPathValue::String(value, ..) => values.push(json!(value)),
        FhirPathValue::Date(value, ..) => values.push(json!(value.to_string())),
        FhirPathValue::DateTime(value, ..) => values.push(json!(value.to_string())),
        FhirPathValue::Time(value, ..) => values.push(json!(value.to_string())),
        FhirPathValue::Resource(node, ..) => values.push(node.to_json()),
        FhirPathValue::Quantity { value, unit, code, system, .. } => {
            let mut quantity = Map::new();
            quantity.insert("value".into(), number(value.to_string()));
            for (name, text) in [("unit", unit), ("system", system), ("code", code)] {
                if let Some(text) = text {
                    quantity.insert(name.into(), json!(text));
                }
            }
            values.push(Value::Object(quantity));
        }
    }
}

/// The text of a `Decimal` is a JSON number; the digits stay as they are.
fn number(text: String) -> Value {
    Value::Number(Number::from_string_unchecked(text))
}
