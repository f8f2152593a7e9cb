//! Compiled paths: what is executed for every resource.
//!
//! A path is a list of steps into the JSON and a [`Reader`] for the datatype that it ends in. All names were resolved
//! at start, so extraction is a handful of map look-ups and allocates only for what it finds.

use serde_json::Value;

use super::extracted::Extracted;
use super::interpreted::{Computed, Interpreted};
use super::read::Reader;

/// One step into the JSON. Arrays are walked through wherever they occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into the member with this name; choices are spelled out (`valueQuantity`).
    Field(Box<str>),
    /// Keep the objects whose member has this text.
    Where(Box<str>, Box<str>),
}

/// Steps to where values stand, and how to read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub steps: Vec<Step>,
    pub reader: Reader,
    /// `where(resolve() is T)`: keep references to this type only.
    pub target: Option<Box<str>>,
}

impl Path {
    /// Adds the values of this path below `node`.
    pub(super) fn run<'a>(&self, node: &'a Value, out: &mut Vec<Extracted<'a>>) {
        let Some(target) = self.target.as_deref() else {
            walk(node, &self.steps, &mut |value| self.reader.read(value, out));
            return;
        };
        let from = out.len();
        walk(node, &self.steps, &mut |value| self.reader.read(value, out));
        let mut at = from;
        while at < out.len() {
            if points_at(&out[at], target) {
                at += 1;
            } else {
                out.remove(at);
            }
        }
    }
}

/// Whether an extracted value is a reference to the type. A reference that does not say its type points nowhere:
/// nothing is fetched to find out.
pub(super) fn points_at(value: &Extracted<'_>, target: &str) -> bool {
    matches!(value, Extracted::Reference { type_name: Some(type_name), .. } if *type_name == target)
}

/// The paths of one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// The values are the union of the paths.
    Values(Vec<Path>),
    /// A composite: one set of values per element that a context selects.
    Composite(Vec<Context>),
    /// `exists() and != false` about any of the steps' ends: always exactly one boolean token.
    Truth(Vec<Vec<Step>>),
    /// Not compiled: the values that expressions select.
    Interpreted(Interpreted),
}

/// Elements that a composite looks at, and the paths of each component below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub steps: Vec<Step>,
    pub components: Vec<Vec<Path>>,
}

impl Program {
    /// The paths of a program that has nothing but paths.
    pub(super) fn into_paths(self) -> Vec<Path> {
        if let Self::Values(paths) = self { paths } else { Vec::new() }
    }

    /// Runs the program on a resource; what has to be computed is kept in `computed`.
    pub(super) fn run<'a>(&self, resource: &'a Value, computed: &'a Computed, out: &mut Vec<Extracted<'a>>) {
        match self {
            Self::Interpreted(interpreted) => interpreted.run(resource, computed, out),
            Self::Values(paths) => paths.iter().for_each(|path| path.run(resource, out)),
            Self::Composite(contexts) => contexts.iter().for_each(|context| context.run(resource, out)),
            Self::Truth(ends) => {
                let mut holds = false;
                for steps in ends {
                    walk(resource, steps, &mut |value| holds |= !matches!(value, Value::Bool(false) | Value::Null));
                }
                out.push(Extracted::token(None, if holds { "true" } else { "false" }));
            }
        }
    }
}

impl Context {
    fn run<'a>(&self, resource: &'a Value, out: &mut Vec<Extracted<'a>>) {
        walk(resource, &self.steps, &mut |node| {
            let mut parts = Vec::with_capacity(self.components.len());
            // The last component is the one that most elements lack (`code` is always there, `value-date` seldom).
            for paths in self.components.iter().rev() {
                let mut values = Vec::new();
                paths.iter().for_each(|path| path.run(node, &mut values));
                if values.is_empty() {
                    return;
                }
                parts.push(values);
            }
            parts.reverse();
            out.push(Extracted::Composite(parts));
        });
    }
}

/// Calls `found` for every value at the end of the steps.
fn walk<'a>(node: &'a Value, steps: &[Step], found: &mut dyn FnMut(&'a Value)) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(item, steps, found)),
        Value::Null => {}
        Value::Object(members) => match steps.split_first() {
            None => found(node),
            Some((Step::Field(name), rest)) => {
                if let Some(child) = members.get(&**name) {
                    walk(child, rest, found);
                }
            }
            Some((Step::Where(name, text), rest)) => {
                if members.get(&**name).and_then(Value::as_str) == Some(&**text) {
                    walk(node, rest, found);
                }
            }
        },
        _ if steps.is_empty() => found(node),
        _ => {}
    }
}
