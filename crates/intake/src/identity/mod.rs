//! Who is who, in real time: the identity engine on the road.
//!
//! Every registration that comes or changes is standardised and put into an index in memory, one per tenant; what it touched is
//! clustered again, and what that changes is written in the commit of the message: links, persons, and why. The index **leads the
//! disk**: it is changed under a lock that is held for the step in memory only, before the commit. A commit that fails takes
//! its registrations out again ([`flight`]); one that another overtook is put right after it landed.
//!
//! | module | idea |
//! |---|---|
//! | `patient` | a `Patient` → what the engine compares |
//! | `linker`  | one tenant's index in memory: who is whose person |
//! | `tenants` | all of them; how one is filled at the start, and its snapshot |
//! | `flight`  | a commit on its way |
//! | `lanes`   | one commit at a time writes a person |
//! | `ledger`  | links, events, what people decided, what waits for them: the rows |
//! | `stage`   | what the linker says → rows and persons of a commit |
//! | `golden`  | a person's best name, birth date …, each with where it comes from |
//! | `labels`  | the pairs that people noted, as the standing decisions leave them |
//! | `decide`  | merge, split, undo; the queue of people |
//! | `matching` | who may this be? And: under which numbers is this one known? |
//!
//! Invariants: the ledger is append-only and clinical resources keep pointing at their registration, so that every link can be
//! taken back; with model, frequencies and placeholders frozen the persons are a function of the set of registrations and of what
//! people decided, but for persons that somebody has seen: those are taken apart by people only.

mod decide;
mod flight;
mod golden;
mod labels;
mod lanes;
mod ledger;
mod linker;
mod matching;
mod patient;
mod stage;
mod tenants;

pub use decide::{Decided, Queued, Side};
pub(crate) use flight::Flight;
pub use ledger::{Decision, DecisionKind, IdentityEvent, ReviewReason};
pub use matching::{Match, MatchGrade};
pub(crate) use stage::{declare_same, link};
pub use tenants::Identity;
