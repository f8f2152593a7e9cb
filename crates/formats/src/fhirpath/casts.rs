//! `is`, `as` and `ofType` for the primitives of FHIR: types decide, nothing is converted.
//!
//! The engine takes an `instant` for a `dateTime`, and `as` makes `true` of the string "true". R4 has neither: each primitive type derives
//! from `Element`, apart from the few that specialize `string`, `uri` or `integer`, and `as` returns its input or nothing (`FHIRPath`
//! 2.0, 6.3). What is not of the type is taken away before the engine's own function sees it.
//!
//! And `indexOf` counts characters, as `substring` and `length` do; the engine's counts bytes.

use std::sync::Arc;

use async_trait::async_trait;
use octofhir_fhirpath::evaluator::function_registry::{
    FunctionEvaluatorWrapper, FunctionMetadata, FunctionRegistry, LazyFunctionEvaluator, PureFunctionEvaluator,
};
use octofhir_fhirpath::evaluator::{AsyncNodeEvaluator, EvaluationContext, EvaluationResult};
use octofhir_fhirpath::{Collection, ExpressionNode, FhirPathValue, Result};
use standards::Primitive;

use super::model;

/// The engine's functions, with those of types behind [`Strict`] and those of places behind [`InCharacters`].
pub(super) fn functions() -> FunctionRegistry {
    let mut registry = octofhir_fhirpath::create_function_registry();
    for name in ["is", "as", "ofType"] {
        if let Some(FunctionEvaluatorWrapper::Lazy(engine)) = registry.get_function_wrapper(name).cloned() {
            registry.register_lazy_function(Arc::new(Strict { engine, is_question: name == "is" }));
        }
    }
    for name in ["indexOf", "lastIndexOf"] {
        if let Some(FunctionEvaluatorWrapper::Pure(engine)) = registry.get_function_wrapper(name).cloned() {
            registry.register_pure_function(Arc::new(InCharacters { engine }));
        }
    }
    registry
}

/// Makes a place in bytes a place in characters.
struct InCharacters {
    engine: Arc<dyn PureFunctionEvaluator>,
}

#[async_trait]
impl PureFunctionEvaluator for InCharacters {
    fn supports_sync(&self) -> bool {
        true
    }

    fn evaluate_sync(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        let text = match input.first() {
            Some(FhirPathValue::String(text, ..)) if input.len() == 1 => text.clone(),
            _ => return self.engine.evaluate_sync(input, args),
        };
        let found = self.engine.evaluate_sync(input, args)?;
        let Some(FhirPathValue::Integer(place, ..)) = found.value.first() else { return Ok(found) };
        let before = usize::try_from(*place).ok().and_then(|place| text.get(..place));
        let Some(count) = before.and_then(|before| i64::try_from(before.chars().count()).ok()) else {
            return Ok(found);
        };
        Ok(EvaluationResult { value: Collection::single(FhirPathValue::integer(count)) })
    }

    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.evaluate_sync(input, args)
    }

    fn metadata(&self) -> &FunctionMetadata {
        self.engine.metadata()
    }
}

struct Strict {
    engine: Arc<dyn LazyFunctionEvaluator>,
    /// `is` answers; the others select.
    is_question: bool,
}

#[async_trait]
impl LazyFunctionEvaluator for Strict {
    async fn evaluate(
        &self,
        input: Collection,
        context: &EvaluationContext,
        args: Vec<ExpressionNode>,
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        self.evaluate_borrowed(input, context, &args, evaluator).await
    }

    async fn evaluate_borrowed(
        &self,
        input: Collection,
        context: &EvaluationContext,
        args: &[ExpressionNode],
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        let Some(target) = args.first().and_then(primitive) else {
            return self.engine.evaluate_borrowed(input, context, args, evaluator).await;
        };
        let count = input.len();
        let kept: Vec<FhirPathValue> = input.into_iter().filter(|item| !is_another(item, target)).collect();
        if self.is_question && kept.len() < count && count == 1 {
            return Ok(EvaluationResult { value: Collection::single(FhirPathValue::boolean(false)) });
        }
        self.engine.evaluate_borrowed(Collection::from_values(kept), context, args, evaluator).await
    }

    fn metadata(&self) -> &FunctionMetadata {
        self.engine.metadata()
    }
}

/// The primitive of FHIR that an argument names: `dateTime`, `FHIR.dateTime`.
fn primitive(argument: &ExpressionNode) -> Option<&str> {
    let name = match argument {
        ExpressionNode::Identifier(identifier) => identifier.name.strip_prefix("FHIR.").unwrap_or(&identifier.name),
        ExpressionNode::PropertyAccess(access) => match access.object.as_ref() {
            ExpressionNode::Identifier(space) if space.name == "FHIR" => &access.property,
            _ => return None,
        },
        _ => return None,
    };
    Primitive::of(name).map(|_| name)
}

/// Whether an item is known as a primitive of FHIR, and not as `target`. Of computed values the engine decides.
fn is_another(item: &FhirPathValue, target: &str) -> bool {
    let info = item.type_info();
    let name = model::spelled(info.name.as_deref().unwrap_or(&info.type_name));
    Primitive::of(name).is_some() && !model::is_a(name, target)
}
