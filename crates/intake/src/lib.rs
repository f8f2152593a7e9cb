//! The road itself: what a source sends becomes records, and nothing is lost.
//!
//! A **message** arrives from a **source** (数据来源). A reader of `formats` makes records and facts of it; rules find what is
//! wrong; every fact finds the resource that its claim stands for, or makes it; registrations find their person; and all of it
//! becomes durable in one commit together with the original bytes and the **receipt** (回执). What cannot be trusted is set
//! aside as **problem data** (问题数据), with the original, until the source sends it right or somebody releases it.
//!
//! | module | idea |
//! |---|---|
//! | `source`  | who sends, for which institution, and how it is to be read |
//! | `alias`   | one institution under several codes |
//! | `read`    | from bytes to a [`formats::reading::Reading`], whatever the form |
//! | `rows`    | keys and sealed rows of this room, byte by byte |
//! | `claim`   | by what a source knows a thing -> which resource it is |
//! | `weave`   | one record into the records: claims, versions, late arrivals, merges |
//! | `items`   | an order of several items: which of them is meant |
//! | `panels`  | a report that is sent panel by panel |
//! | `age`     | which of two versions is the newer one |
//! | `registration` | what a message says about a patient, over what is known |
//! | `identity` | which person a registration is: the engine in real time, what people decide, who may this be |
//! | `person`  | the registrations of a person, for whoever shows one resident as one |
//! | `road`    | receive: all of the above, in commits of bounded size |
//! | `receipt`, `problem` | what came, what became of it, what was set aside |
//! | `chains` | what one half of is missing: a visit without a diagnosis, a report without its order |
//! | `reconcile` | 日对账: what the source says it sent against what is here |
//!
//! Invariants: the same content twice changes nothing, whatever envelope it comes in; an acknowledged message is durable as a
//! whole, with its original; a reader that panics sets the message aside and nothing else.

mod age;
mod alias;
pub mod chains;
mod claim;
mod identity;
mod items;
mod panels;
pub mod person;
mod problem;
mod read;
mod receipt;
mod reconcile;
mod registration;
mod road;
mod rows;
mod source;
mod weave;

pub use identity::{
    Decided, Decision, DecisionKind, Identity, IdentityEvent, Match, MatchGrade, Queued, ReviewReason, Side,
};
pub use problem::{Problem, ProblemState};
pub use read::{Excerpt, Form};
pub use receipt::{Counts, Finding, Outcome, Receipt, ReceiptId};
pub use reconcile::{Difference, Reconciliation};
pub use road::{Delivery, Road};
pub use source::{Listen, Source, SourceError, Sources};
