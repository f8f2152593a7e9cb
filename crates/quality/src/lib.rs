//! Quality rules (数据质量规则): is what a record says well-formed, known, complete, possible and in itself consistent?
//!
//! The rules are data (`standards/quality/*.toml`), compiled once into [`Rules`]. A record is checked by [`Rules::check`]: pure
//! functions over the [`model::Element`]s that a reader found, whatever the form of the message was. Every finding names its
//! rule, the place in the message, what was found (masked where it belongs to a person), what is expected and what to do.
//!
//! Three things hold everywhere: a value in an odd but legal form is no error; a code whose table is not loaded is not checkable
//! and never valid; an empty value is the same as none.
//!
//! | file | what it checks |
//! |---|---|
//! | `values` | one element: format, code, range |
//! | `person` | identity number, sex, birth, age |
//! | `relations` | elements of one record against each other: order of times, sums, comparisons, what is missing |
//! | `chains` | what an institution has sent, as a whole: a visit without a diagnosis |
//! | `score` | how complete and how conformant records are |

mod chains;
mod check;
mod compile;
mod data;
pub mod identity;
mod person;
mod relations;
mod score;
mod value;
mod values;
pub mod when;

pub use chains::{Held, Missing};
pub use check::{RecordContext, duplicates};
pub use compile::{RuleError, Rules};
pub use model::{Issue, Severity};
pub use score::{Score, score};
