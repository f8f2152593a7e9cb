//! Aliases: parameters whose values are those of other parameters, found by comparing programs, so that no value is
//! indexed twice. `patient` is `subject` restricted to patients, `combo-code` is `code` and `component-code` together.

use super::program::{Context, Path, Program};
use super::{Kind, Parameter};

/// A parameter said with other parameters of the same type (named by their numbers). Those are never aliases
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alias {
    /// The references of another parameter that point to one type.
    Restricted {
        /// The other parameter.
        of: u16,
        /// The type pointed at.
        target: String,
    },
    /// The values of all these parameters together (one: the same values under another name).
    Union(Vec<u16>),
}

/// Finds the alias of every parameter of one type, given all of them in the order of their codes.
pub(super) fn find(parameters: &mut [Parameter]) {
    // Longest first: a union must be told before its halves can be mistaken for one, and equal programs alias one way
    // only.
    for at in 0..parameters.len() {
        let alias = restricted(parameters, at).or_else(|| union(parameters, at));
        parameters[at].alias = alias;
    }
}

fn restricted(parameters: &[Parameter], at: usize) -> Option<Alias> {
    let Program::Values(paths) = &parameters[at].program else { return None };
    let target = paths.first()?.target.clone()?;
    if paths.iter().any(|path| path.target.as_ref() != Some(&target)) {
        return None;
    }
    let open: Vec<Path> = paths.iter().map(|path| Path { target: None, ..path.clone() }).collect();
    let other = parameters.iter().find(|other| matches!(&other.program, Program::Values(paths) if *paths == open))?;
    Some(Alias::Restricted { of: base_number(other), target: target.into() })
}

/// The parts of a program as comparable pieces.
#[derive(PartialEq)]
enum Piece<'p> {
    Path(&'p Path),
    Context(&'p Context),
}

fn pieces(program: &Program) -> Vec<Piece<'_>> {
    match program {
        Program::Values(paths) => paths.iter().map(Piece::Path).collect(),
        Program::Composite(contexts) => contexts.iter().map(Piece::Context).collect(),
        Program::Truth(_) | Program::Interpreted(_) => Vec::new(),
    }
}

fn union(parameters: &[Parameter], at: usize) -> Option<Alias> {
    let whole = pieces(&parameters[at].program);
    if whole.is_empty() {
        return None;
    }
    let mut missing: Vec<&Piece<'_>> = whole.iter().collect();
    let mut used = Vec::new();
    for (position, other) in parameters.iter().enumerate() {
        let parts = pieces(&other.program);
        // Of two equal programs the one that comes first stays itself.
        let smaller = parts.len() < whole.len() || (parts.len() == whole.len() && position < at);
        let fits = comparable(&parameters[at], other) && parts.iter().all(|part| missing.contains(&part));
        if position != at && smaller && fits && !parts.is_empty() {
            missing.retain(|piece| !parts.contains(piece));
            used.push(base_number(other));
        }
    }
    missing.is_empty().then_some(Alias::Union(used))
}

/// Kinds say how values are compared, so only equal kinds can stand for each other; of composites also the components'.
fn comparable(one: &Parameter, other: &Parameter) -> bool {
    let kinds =
        |parameter: &Parameter| parameter.components.iter().map(|component| component.kind).collect::<Vec<Kind>>();
    one.kind == other.kind && kinds(one) == kinds(other)
}

/// The number under which a parameter's values are indexed when it is the same as an earlier one.
fn base_number(parameter: &Parameter) -> u16 {
    match &parameter.alias {
        Some(Alias::Union(of)) if of.len() == 1 => of[0],
        _ => parameter.number,
    }
}
