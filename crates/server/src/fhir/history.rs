//! `history` of one resource, of a type, of the system.

use records::HistoryScope;
use trust::Interaction;

use super::heavily;
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /{type}/{id}/_history`.
pub async fn of_instance(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    run(visit, Some(type_name), HistoryScope::Instance(type_name, visit.id()))
}

/// `GET /{type}/_history`.
pub async fn of_type(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    run(visit, Some(type_name), HistoryScope::Type(type_name))
}

/// `GET /_history`.
pub async fn system(visit: &Visit) -> Outcome {
    run(visit, None, HistoryScope::System)
}

fn run(visit: &Visit, type_name: Option<&str>, scope: HistoryScope<'_>) -> Outcome {
    // The history of the whole system is asked type by type, inside the plan.
    let caller = type_name.map_or_else(|| visit.caller(), |type_name| visit.may(Interaction::Read, type_name))?;
    let page = heavily(|| visit.records().history(caller, scope, visit.query()))?;
    Ok(Answer::page(page))
}
