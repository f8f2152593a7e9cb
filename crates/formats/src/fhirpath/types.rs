//! What an expression is about, told before any resource is seen: the types of what it selects, and what the engine would get wrong.
//!
//! Walks the parsed expression with the structure definitions. It is no type checker of `FHIRPath`; it refuses what would silently select
//! nothing or something else: elements that do not exist, quantities compared as a whole, dates against moments, extensions of
//! primitives, what is inside other resources.

use std::collections::BTreeSet;

use octofhir_fhirpath::ast::{BinaryOperationNode, FunctionCallNode, MethodCallNode};
use octofhir_fhirpath::core::temporal::TemporalPrecision;
use octofhir_fhirpath::{BinaryOperator, ExpressionNode, LiteralValue};
use standards::{Kind, Primitive, structures};

use super::{FhirPathError, check, engine, model};

/// The FHIR types that something can have; `None` when nobody knows. Computed values have the primitive type that they would be.
pub type Types = Option<BTreeSet<&'static str>>;

/// Why the answer of an expression would be wrong on some resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// No expression at all.
    #[error(transparent)]
    Expression(#[from] FhirPathError),
    /// No type that can be there has this element.
    #[error("there is no element `{name}` in {of}")]
    NoElement {
        /// The element.
        name: String,
        /// The types that can be there.
        of: String,
    },
    /// A cast that nothing passes.
    #[error("nothing can be `{0}` there")]
    NeverOfType(String),
    /// Elements of `contained`, of an entry of a Bundle: their types are not known.
    #[error("elements of a resource inside another one are not offered")]
    InnerResource,
    /// An extension of a primitive value.
    #[error("extensions of a `{0}` are not offered")]
    ExtensionOfPrimitive(String),
    /// A quantity with a unit in the expression, or one compared or computed with as a whole.
    #[error(
        "quantities are compared by their `value`, `system` and `code`, not as a whole; there are no quantities with units in expressions"
    )]
    Quantity,
    /// Ordering what has no order.
    #[error("a `{0}` has no order; name the type with ofType()")]
    Unordered(String),
    /// A date against a dateTime or instant.
    #[error("a date is not compared with a dateTime or instant: write the literal with time and offset, or toDate()")]
    DateAndMoment,
    /// A literal with a time and no offset, or a dateTime literal without a time.
    #[error("a dateTime literal needs a time and an offset, as in @2026-01-01T00:00:00+08:00")]
    NoOffset,
    /// A date or time against a text.
    #[error("a date or time is not compared with a text: write a literal with `@`")]
    DateAndText,
}

const MOMENTS: [&str; 2] = ["dateTime", "instant"];
const TEMPORALS: [&str; 4] = ["date", "dateTime", "instant", "time"];
const TEXTS: [&str; 4] = ["string", "code", "markdown", "id"];

/// The types of what an expression selects in a resource of a type.
///
/// # Errors
/// [`Misuse`].
pub fn types(expression: &str, type_name: &str) -> Result<Types, Misuse> {
    check(expression)?;
    let engine = engine().ok_or(FhirPathError::Engine)?;
    let parsed = engine.compile_ast(expression).map_err(|_| FhirPathError::Syntax)?;
    let root = structures().resource(type_name).map(|structure| one(&structure.name));
    walk(&parsed, &root.unwrap_or_default())
}

/// Of how many operands an expression is the union, as `FHIRPath` reads it: one when it is none (`a = b | c` is a comparison).
///
/// # Errors
/// `TooLong`, `Syntax`.
pub fn union_count(expression: &str) -> Result<usize, FhirPathError> {
    fn count(node: &ExpressionNode) -> usize {
        match node {
            ExpressionNode::Union(union) => count(&union.left) + count(&union.right),
            ExpressionNode::BinaryOperation(operation) if operation.operator == BinaryOperator::Union => {
                count(&operation.left) + count(&operation.right)
            }
            _ => 1,
        }
    }
    check(expression)?;
    let engine = engine().ok_or(FhirPathError::Engine)?;
    engine.compile_ast(expression).map(|parsed| count(&parsed)).map_err(|_| FhirPathError::Syntax)
}

fn one(name: &'static str) -> Types {
    Some(BTreeSet::from([name]))
}

fn both(one: Types, other: Types) -> Types {
    one.zip(other).map(|(one, other)| one.union(&other).copied().collect())
}

/// The types of a part of an expression, where names are elements of `focus`.
fn walk(node: &ExpressionNode, focus: &Types) -> Result<Types, Misuse> {
    Ok(match node {
        ExpressionNode::Literal(literal) => one(of_literal(&literal.value)?),
        ExpressionNode::Identifier(it) => named(&it.name, focus)?,
        ExpressionNode::PropertyAccess(it) => element(&it.property, &walk(&it.object, focus)?)?,
        ExpressionNode::FunctionCall(FunctionCallNode { name, arguments, .. }) => {
            function(name, arguments, focus, focus)?
        }
        ExpressionNode::MethodCall(MethodCallNode { object, method, arguments, .. }) => {
            function(method, arguments, &walk(object, focus)?, focus)?
        }
        ExpressionNode::IndexAccess(it) => {
            walk(&it.index, focus)?;
            walk(&it.object, focus)?
        }
        ExpressionNode::BinaryOperation(operation) => binary(operation, focus)?,
        ExpressionNode::UnaryOperation(it) => walk(&it.operand, focus)?,
        ExpressionNode::Parenthesized(inner) => walk(inner, focus)?,
        ExpressionNode::Union(it) => both(walk(&it.left, focus)?, walk(&it.right, focus)?),
        ExpressionNode::TypeCast(it) => cast(walk(&it.expression, focus)?, &it.target_type)?,
        ExpressionNode::TypeCheck(it) => {
            walk(&it.expression, focus)?;
            one("boolean")
        }
        ExpressionNode::Collection(it) => {
            let mut types = Some(BTreeSet::new());
            for element in &it.elements {
                types = both(types, walk(element, focus)?);
            }
            types
        }
        ExpressionNode::Variable(it) => match it.name.trim_start_matches('$') {
            "this" => focus.clone(),
            "index" => one("integer"),
            _ => None,
        },
        _ => None,
    })
}

fn of_literal(literal: &LiteralValue) -> Result<&'static str, Misuse> {
    Ok(match literal {
        LiteralValue::String(_) => "string",
        LiteralValue::Integer(_) | LiteralValue::Long(_) => "integer",
        LiteralValue::Decimal(_) => "decimal",
        LiteralValue::Boolean(_) => "boolean",
        LiteralValue::Date(_) => "date",
        LiteralValue::DateTime(moment) if !moment.tz_specified || moment.precision < TemporalPrecision::Hour => {
            return Err(Misuse::NoOffset);
        }
        LiteralValue::DateTime(_) => "dateTime",
        LiteralValue::Time(_) => "time",
        LiteralValue::Quantity { .. } => return Err(Misuse::Quantity),
    })
}

/// A name by itself: the type of the resource, or an element of what is looked at.
fn named(name: &str, focus: &Types) -> Result<Types, Misuse> {
    if name.starts_with(|first: char| first.is_ascii_uppercase()) {
        let Some(types) = focus else { return Ok(None) };
        let kept: BTreeSet<_> = types.iter().copied().filter(|it| *it == name).collect();
        return if kept.is_empty() { Err(no_element(name, types)) } else { Ok(Some(kept)) };
    }
    element(name, focus)
}

fn no_element(name: &str, types: &BTreeSet<&'static str>) -> Misuse {
    let of: Vec<&str> = types.iter().copied().collect();
    Misuse::NoElement { name: name.to_owned(), of: of.join(", ") }
}

fn element(name: &str, focus: &Types) -> Result<Types, Misuse> {
    let Some(types) = focus else { return Ok(None) };
    let mut found = BTreeSet::new();
    for type_name in types {
        if *type_name == "Resource" {
            return Err(Misuse::InnerResource);
        }
        if name == "extension" && Primitive::of(type_name).is_some() {
            return Err(Misuse::ExtensionOfPrimitive((*type_name).to_owned()));
        }
        let Some(structure) = structures().named(type_name) else { continue };
        let slots = structure.slots().filter(|(_, slot)| structure.element(*slot).name == name);
        found.extend(slots.map(|(_, slot)| match slot.kind {
            Kind::Resource => "Resource",
            _ => model::name_of(slot),
        }));
    }
    if found.is_empty() && !types.is_empty() { Err(no_element(name, types)) } else { Ok(Some(found)) }
}

fn function(name: &str, arguments: &[ExpressionNode], input: &Types, focus: &Types) -> Result<Types, Misuse> {
    match name {
        "ofType" | "as" => {
            let target = arguments.first().and_then(type_name).unwrap_or_default();
            return cast(input.clone(), &target);
        }
        "is" => return Ok(one("boolean")),
        "toQuantity" | "convertsToQuantity" => return Err(Misuse::Quantity),
        "extension" => {
            let primitive = input.iter().flatten().find(|it| Primitive::of(it).is_some());
            if let Some(primitive) = primitive {
                return Err(Misuse::ExtensionOfPrimitive((*primitive).to_owned()));
            }
        }
        _ => {}
    }
    // These look at each item of what they are given; the others at what is around.
    let is_about_items = matches!(name, "where" | "all" | "exists" | "select" | "iif");
    let mut given = Vec::new();
    for argument in arguments {
        given.push(walk(argument, if is_about_items { input } else { focus })?);
    }
    Ok(match name {
        "where" | "first" | "last" | "tail" | "single" | "skip" | "take" | "abs" | "distinct" => input.clone(),
        "select" => given.into_iter().next().unwrap_or_default(),
        "iif" => given.into_iter().skip(1).reduce(both).unwrap_or_default(),
        "all" | "exists" | "empty" | "not" | "hasValue" | "contains" | "startsWith" | "endsWith" => one("boolean"),
        "count" | "length" | "indexOf" | "toInteger" | "ceiling" | "floor" => one("integer"),
        "toDecimal" | "round" => one("decimal"),
        "toString" | "lower" | "upper" | "substring" | "trim" => one("string"),
        "toDate" => one("date"),
        "toDateTime" => one("dateTime"),
        "extension" => one("Extension"),
        _ => None,
    })
}

/// The type that an argument names.
fn type_name(argument: &ExpressionNode) -> Option<String> {
    match argument {
        ExpressionNode::Identifier(it) => Some(it.name.clone()),
        ExpressionNode::PropertyAccess(it) => Some(it.property.clone()),
        ExpressionNode::TypeInfo(it) => Some(it.name.clone()),
        _ => None,
    }
}

fn cast(types: Types, target: &str) -> Result<Types, Misuse> {
    let target = target.rsplit('.').next().unwrap_or_default();
    let Some(types) = types else { return Ok(None) };
    let is_kept = |it: &str| it == "Resource" || model::is_a(it, target) || it.eq_ignore_ascii_case(target);
    let kept: BTreeSet<_> = types.iter().copied().filter(|it| is_kept(it)).collect();
    if kept.is_empty() && !types.is_empty() {
        return Err(Misuse::NeverOfType(target.to_owned()));
    }
    Ok(Some(kept))
}

fn binary(operation: &BinaryOperationNode, focus: &Types) -> Result<Types, Misuse> {
    use BinaryOperator as Is;
    let left = walk(&operation.left, focus)?;
    if matches!(operation.operator, Is::Is | Is::As) {
        let target = type_name(&operation.right).unwrap_or_default();
        return if operation.operator == Is::As { cast(left, &target) } else { Ok(one("boolean")) };
    }
    let right = walk(&operation.right, focus)?;
    match operation.operator {
        Is::LessThan | Is::LessThanOrEqual | Is::GreaterThan | Is::GreaterThanOrEqual => {
            for types in [&left, &right] {
                ordered(types)?;
            }
            compared(operation, &left, &right)?;
            Ok(one("boolean"))
        }
        Is::Equal | Is::NotEqual | Is::Equivalent | Is::NotEquivalent | Is::In | Is::Contains => {
            if all(&left, is_quantity) || all(&right, is_quantity) {
                return Err(Misuse::Quantity);
            }
            compared(operation, &left, &right)?;
            Ok(one("boolean"))
        }
        Is::And | Is::Or | Is::Xor | Is::Implies => Ok(one("boolean")),
        Is::Concatenate => Ok(one("string")),
        Is::Union => Ok(both(left, right)),
        _ if [&left, &right].into_iter().any(|types| any(types, is_quantity)) => Err(Misuse::Quantity),
        Is::IntegerDivide => Ok(one("integer")),
        Is::Divide => Ok(one("decimal")),
        _ => Ok(both(left, right)),
    }
}

fn all(types: &Types, is: impl Fn(&str) -> bool) -> bool {
    types.as_ref().is_some_and(|types| !types.is_empty() && types.iter().all(|it| is(it)))
}

fn any(types: &Types, is: impl Fn(&str) -> bool) -> bool {
    types.iter().flatten().any(|it| is(it))
}

fn is_quantity(name: &str) -> bool {
    model::is_a(name, "Quantity")
}

fn ordered(types: &Types) -> Result<(), Misuse> {
    let is_ordered = |name: &str| Primitive::of(name).is_some() && name != "boolean";
    match types.iter().flatten().find(|name| !is_ordered(name)) {
        Some(name) if is_quantity(name) => Err(Misuse::Quantity),
        Some(name) => Err(Misuse::Unordered((*name).to_owned())),
        None => Ok(()),
    }
}

/// Dates, moments and texts: the engine compares one with the other, and gets the day or the offset wrong.
fn compared(operation: &BinaryOperationNode, left: &Types, right: &Types) -> Result<(), Misuse> {
    let is_date = |name: &str| name == "date";
    let is_moment = |name: &str| MOMENTS.contains(&name);
    let is_temporal = |name: &str| TEMPORALS.contains(&name);
    let is_text = |name: &str| TEXTS.contains(&name);
    let is_date_literal = |node: &ExpressionNode| matches!(node, ExpressionNode::Literal(literal) if matches!(literal.value, LiteralValue::Date(_)));
    for (one, other, node) in [(left, right, &operation.left), (right, left, &operation.right)] {
        if any(one, is_date) && any(other, is_moment) || is_date_literal(node) && other.is_none() {
            return Err(Misuse::DateAndMoment);
        }
        if all(one, is_temporal) && all(other, is_text) {
            return Err(Misuse::DateAndText);
        }
    }
    Ok(())
}
