//! `search` on a type and on the system, by query and by form.

use records::Page;
use trust::Interaction;

use super::{audit_log, heavily};
use crate::answer::{Answer, Outcome};
use crate::negotiate::{Shape, accepts_json, sends};
use crate::visit::Visit;

/// The media type of a search in a body.
const FORM_KINDS: &[&str] = &["application/x-www-form-urlencoded"];

/// `GET /{type}?…`.
pub async fn of_type(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    run(visit, Some(type_name), visit.query())
}

/// `POST /{type}/_search`.
pub async fn of_type_by_form(visit: &Visit) -> Outcome {
    let type_name = visit.type_name()?;
    run(visit, Some(type_name), &form(visit)?)
}

/// `GET /?…`.
pub async fn system(visit: &Visit) -> Outcome {
    run(visit, None, visit.query())
}

/// `POST /_search`.
pub async fn system_by_form(visit: &Visit) -> Outcome {
    run(visit, None, &form(visit)?)
}

fn run(visit: &Visit, type_name: Option<&str>, query: &str) -> Outcome {
    if type_name.is_some_and(|type_name| audit_log::is_asked(visit, type_name)) {
        return audit_log::search(visit, query);
    }
    // A search of the whole system is asked type by type, inside the plan.
    let caller = type_name.map_or_else(|| visit.caller(), |type_name| visit.may(Interaction::Search, type_name))?;
    let search = || visit.records().search(caller, type_name, query);
    let page: Page = if is_narrow(query) { search() } else { heavily(search) }?;
    Ok(Answer::page(page))
}

/// A search inside one compartment is as short as a read; handing over the thread would cost more than it takes.
fn is_narrow(query: &str) -> bool {
    query.split('&').any(|part| ["patient=", "subject=", "_id="].iter().any(|name| part.starts_with(name)))
        && !query.contains("clude=")
}

/// The parameters of a form, joined with those of the address: FHIR allows both at once.
fn form(visit: &Visit) -> Result<String, model::Failure> {
    sends(&visit.headers, FORM_KINDS)?;
    let Ok(body) = std::str::from_utf8(&visit.body) else {
        return Err(model::Failure::new(model::ErrorCode::NotReadable, "a form must be UTF-8 text"));
    };
    // What the answer looks like may stand in the form as well; it is no condition.
    let body = Shape::of(body.trim());
    accepts_json(&visit.headers, body.format.as_deref())?;
    visit.note_parameters(&body.rest);
    let both = [visit.query(), &body.rest];
    Ok(both.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&"))
}
