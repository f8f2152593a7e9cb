//! From expressions to programs, with the element definitions of R4 at hand.
//!
//! Walking an expression keeps every place it can be at (a choice element without `as` is several places), each with
//! its type; at the end each place gets the reader of its type. What no reader understands is dropped; an expression
//! that leads nowhere is an error.

use super::Kind;
use super::elements;
use super::expression::{self, Expression, Node};
use super::program::{Context, Path, Program, Step};
use super::read::Reader;

/// Where a half-walked expression is.
#[derive(Debug, Clone)]
struct Place {
    steps: Vec<Step>,
    /// A datatype (`HumanName`) or the path of an element that has children of its own (`Patient.contact`).
    type_name: &'static str,
    /// System of the element when it is a `code` bound to one system.
    code_system: Option<&'static str>,
    target: Option<Box<str>>,
}

/// A component of a composite before compilation.
pub(super) struct ComponentSource<'s> {
    pub kind: Kind,
    pub expressions: &'s [String],
}

/// Compiles the expressions of a parameter that is not a composite.
pub(super) fn values(type_name: &'static str, kind: Kind, expressions: &[String]) -> Result<Program, String> {
    let mut paths = Vec::new();
    let mut ends = Vec::new();
    for text in expressions {
        let expression = expression::read(text)?;
        let places = walk(&start(type_name), below_root(&expression, type_name)?)?;
        if expression.truth {
            ends.extend(places.into_iter().map(|place| place.steps));
        } else {
            paths.extend(readers(places, kind, text)?);
        }
    }
    match (paths.is_empty(), ends.is_empty()) {
        (false, true) => Ok(Program::Values(paths)),
        (true, false) => Ok(Program::Truth(ends)),
        _ => Err("a union of values and a truth value, or nothing at all".to_owned()),
    }
}

/// Compiles a composite.
pub(super) fn composite(
    type_name: &'static str,
    expressions: &[String],
    components: &[ComponentSource<'_>],
) -> Result<Program, String> {
    let mut contexts = Vec::new();
    for text in expressions {
        let expression = expression::read(text)?;
        for place in walk(&start(type_name), below_root(&expression, type_name)?)? {
            let from = Place { steps: Vec::new(), ..place.clone() };
            let compiled = components.iter().map(|component| {
                let mut paths = Vec::new();
                for text in component.expressions {
                    let places = walk(&from, &expression::read(text)?.nodes)?;
                    paths.extend(readers(places, component.kind, text)?);
                }
                Ok(paths)
            });
            let components = compiled.collect::<Result<Vec<_>, String>>()?;
            contexts.push(Context { steps: place.steps, components });
        }
    }
    Ok(Program::Composite(contexts))
}

fn start(type_name: &'static str) -> Place {
    Place { steps: Vec::new(), type_name, code_system: None, target: None }
}

/// The steps below the resource type that the expression begins with.
fn below_root<'e>(expression: &'e Expression, type_name: &str) -> Result<&'e [Node], String> {
    match expression.nodes.split_first() {
        Some((Node::Field(root), rest)) if [type_name, "Resource", "DomainResource"].contains(&root.as_str()) => {
            Ok(rest)
        }
        _ => Err(format!("does not begin with `{type_name}`")),
    }
}

fn walk(from: &Place, nodes: &[Node]) -> Result<Vec<Place>, String> {
    let mut places = vec![from.clone()];
    for node in nodes {
        places = match node {
            Node::Field(name) => into_field(&places, name)?,
            Node::As(type_name) => of_type(places, type_name)?,
            Node::ResolvesTo(type_name) => {
                places.iter_mut().for_each(|place| place.target = Some(type_name.as_str().into()));
                places
            }
            Node::WhereEquals(field, value) => {
                let step = Step::Where(field.as_str().into(), value.as_str().into());
                places.iter_mut().for_each(|place| place.steps.push(step.clone()));
                places
            }
        };
    }
    Ok(places)
}

fn into_field(places: &[Place], name: &str) -> Result<Vec<Place>, String> {
    let mut next = Vec::new();
    for place in places {
        if place.target.is_some() {
            return Err(format!("`{name}` after `resolve()`"));
        }
        for child in elements::children(place.type_name, name) {
            let mut steps = place.steps.clone();
            steps.push(Step::Field(child.json_name.into()));
            next.push(Place { steps, type_name: child.type_name, code_system: child.code_system, target: None });
        }
    }
    if next.is_empty() { Err(format!("there is no element `{name}`")) } else { Ok(next) }
}

/// Keeps the places of a type. R4 writes `as(DateTime)` once for `dateTime`, so the first letter's case is not looked
/// at.
fn of_type(places: Vec<Place>, type_name: &str) -> Result<Vec<Place>, String> {
    let kept: Vec<_> = places.into_iter().filter(|place| place.type_name.eq_ignore_ascii_case(type_name)).collect();
    if kept.is_empty() { Err(format!("nothing can be `{type_name}` there")) } else { Ok(kept) }
}

fn readers(places: Vec<Place>, kind: Kind, text: &str) -> Result<Vec<Path>, String> {
    let mut types = Vec::new();
    let mut paths = Vec::new();
    for place in places {
        match Reader::of(kind, place.type_name, place.code_system) {
            Some(reader) => paths.push(Path { steps: place.steps, reader, target: place.target }),
            None => types.push(place.type_name),
        }
    }
    if paths.is_empty() {
        return Err(format!(
            "`{text}` leads only to {}, which a {} parameter does not read",
            types.join(", "),
            super::kind_name(kind)
        ));
    }
    Ok(paths)
}
