//! Work between people: who has a ground to look at whom, the lists of a family doctor, objections.
//!
//! | module | idea |
//! |---|---|
//! | `grounds`   | why this clinician or resident may look at this person, found in the records themselves |
//! | `standing`  | visits in progress and contracts in force, kept in memory by following the change feed |
//! | `emergency` | 紧急调阅: opened with a reason, for a limited time, reviewed the next day |
//! | `lists`     | who is on a list of a family doctor, by a rule over records |
//! | `status`    | what still counts, and what was taken back, ruled out or called off |
//! | `course`    | what is over although its source said `active`, by a rule |
//! | `front`     | what sources say many times, said once on the front page |
//! | `resident`  | one resident as all registrations of one person |
//! | `own`       | the platform's own look at the records, for deciding, never for showing |
//!
//! Invariants: what is in memory here is derived from the records and can be made again from them; a ground is computed at the
//! moment of the request, so that a discharge or a withdrawn contract counts at once; nothing here shows a record.

pub mod course;
mod emergency;
pub mod front;
mod grounds;
mod lists;
mod own;
mod resident;
mod standing;
pub mod status;

pub use emergency::{Emergencies, Emergency, EmergencyId, Listed, ReasonCode, ReviewState};
pub use grounds::{Ground, Grounds};
pub use lists::{OnList, Search, on_list};
pub use own::platform;
pub use resident::Resident;
pub use standing::{Contract, Visit};
