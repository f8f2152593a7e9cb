//! Search parameters whose expression the compiler does not understand: evaluated by the `FHIRPath` engine, read by the same readers.
//!
//! Only custom parameters come here; parts of a union that the compiler understands are compiled all the same. What the engine makes
//! of a resource belongs to nobody; [`Computed`] keeps it as long as the values that are read from it. An evaluation that fails finds nothing, is counted and logged, and never stops a write.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use formats::fhirpath::{self, Selected};
use serde_json::Value;

use super::Kind;
use super::extracted::Extracted;
use super::program::Path;
use super::read::Reader;

/// The largest resource that an expression is evaluated on, in JSON values: a document of a whole stay has some thousands. Comparisons
/// of collections inside an expression cost the square of it.
const NODES_MAX: usize = 20_000;
/// The most values that one expression may select in one resource: each is an index row, or sixteen.
const VALUES_MAX: usize = 1_000;

/// The version of what interpretation finds: the engine, what is mended around it (`formats::fhirpath`), how its values are read. Raised
/// when that changes: an index whose interpreted parameters were written by another version is built anew, and they wait for it.
/// 0 is what was before there was a version.
pub(crate) const INTERPRETER_SET: u16 = 1;

/// What expressions selected in one resource, kept while values borrow from it.
#[derive(Debug, Default)]
pub struct Computed {
    first: OnceCell<Box<Kept>>,
}

#[derive(Debug)]
struct Kept {
    selected: Vec<Selected>,
    next: OnceCell<Box<Kept>>,
}

impl Computed {
    /// Keeps the values of one more expression.
    fn keep(&self, selected: Vec<Selected>) -> &[Selected] {
        let mut cell = &self.first;
        while let Some(kept) = cell.get() {
            cell = &kept.next;
        }
        &cell.get_or_init(|| Box::new(Kept { selected, next: OnceCell::new() })).selected
    }
}

/// The parts of one parameter; the values are their union.
#[derive(Clone)]
pub(super) struct Interpreted {
    /// By which rules: [`INTERPRETER_SET`], or an older set in the fingerprint of an index that one wrote.
    pub(super) set: u16,
    /// The parts that the compiler understands: `resolve() is Patient` of a reference that says its type, code systems by binding.
    pub(super) compiled: Vec<Path>,
    pub(super) expressions: Vec<Box<str>>,
    pub(super) kind: Kind,
    /// Evaluations that failed since this process began.
    pub(super) failures: Arc<AtomicU64>,
}

impl PartialEq for Interpreted {
    fn eq(&self, other: &Self) -> bool {
        (self.set, &self.compiled, &self.expressions, self.kind)
            == (other.set, &other.compiled, &other.expressions, other.kind)
    }
}

impl Eq for Interpreted {}

/// What decides which rows there are; the count of failures is not part of it.
impl fmt::Debug for Interpreted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = f.debug_struct("Interpreted");
        said.field("set", &self.set).field("compiled", &self.compiled);
        said.field("expressions", &self.expressions).field("kind", &self.kind).finish()
    }
}

impl Interpreted {
    /// Adds the values that the parts select.
    pub(super) fn run<'a>(&self, resource: &'a Value, computed: &'a Computed, out: &mut Vec<Extracted<'a>>) {
        self.compiled.iter().for_each(|path| path.run(resource, out));
        let mut left = NODES_MAX;
        if !is_within(resource, &mut left) {
            return self.note_failure();
        }
        for expression in &self.expressions {
            match fhirpath::select(expression, resource, VALUES_MAX) {
                Ok(selected) => self.read(computed.keep(selected), out),
                Err(_) => self.note_failure(),
            }
        }
    }

    fn read<'a>(&self, selected: &'a [Selected], out: &mut Vec<Extracted<'a>>) {
        let mut is_read = false;
        for one in selected {
            if let Some(reader) = Reader::of(self.kind, &one.type_name, None) {
                reader.read(&one.value, out);
                is_read = true;
            }
        }
        // Elements of a choice may well be of a type that the kind passes over; what was computed, or has no type, was meant to be found.
        if !is_read && selected.iter().any(|one| !one.is_element) {
            self.note_failure();
        }
    }

    fn note_failure(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        // Now and then, not once a resource: an expression that does not fit fails everywhere.
        if failures.is_power_of_two() {
            tracing::warn!(expressions = ?self.expressions, failures, "a custom search parameter could not be evaluated");
        }
    }
}

/// Whether a resource has no more values than are left.
fn is_within(node: &Value, left: &mut usize) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    match node {
        Value::Array(items) => items.iter().all(|item| is_within(item, left)),
        Value::Object(members) => members.values().all(|child| is_within(child, left)),
        _ => true,
    }
}
