//! The only room that speaks HTTP. A request is one [`visit::Visit`]: it is routed by one table ([`routes`]), it is known who
//! asks and why ([`caller`]), one call into the rooms below answers it, and one audit event says so before the reply leaves
//! ([`attach`]).
//!
//! Invariants:
//! - No handler can be reached but through [`attach::attach`], and no handler can make an HTTP response itself: it returns an
//!   [`answer::Answer`] or a [`model::Failure`], and turning either into a response writes the audit event.
//! - Nothing here logs a query string, a body, a name or an id of a record.
//! - Deliberately absent: TLS (a gateway in front of the loopback address does it), FHIR search (room `records`), SQL.

#![warn(clippy::pedantic)]
#![allow(
    clippy::module_name_repetitions,
    clippy::missing_errors_doc,
    reason = "handlers all fail with the same table of errors; module docs say which"
)]

mod answer;
mod api;
mod app;
mod attach;
mod audit;
mod caller;
pub mod control;
mod fhir;
pub mod folder;
mod inbox;
mod language;
mod metrics;
mod mllp;
mod negotiate;
mod outcome;
mod portal;
mod reindexing;
mod router;
mod routes;
mod sample_his;
mod serve;
mod sessions;
#[cfg(test)]
mod tests;
mod visit;

pub use app::App;
pub use intake::{Listen, Source};
pub use routes::route_list;
pub use serve::{Options, Running, ServeError, start};
