//! Messages of a source, taken in. The answer is the receipt; when it comes, everything that it reports is durable.

use axum::http::header;
use intake::{Delivery, Form};
use model::{ErrorCode, Failure, Home};
use trust::Duty;

use super::receipts::rendered;
use super::{only_parameters, parameter, sources};
use crate::answer::{Answer, Outcome};
use crate::negotiate;
use crate::visit::Visit;

/// The header that carries the name of the file, percent-encoded UTF-8.
const FILE_NAME_HEADER: &str = "x-file-name";

/// `POST /api/v1/sources/{source}/messages`.
pub async fn receive(visit: &Visit) -> Outcome {
    only_parameters(visit, &["form"])?;
    let source = sources::of_path(visit, Duty::SendMessages)?;
    if !source.is_enabled {
        return Err(Failure::new(ErrorCode::Forbidden, "the source is switched off"));
    }
    if visit.body.is_empty() {
        return Err(Failure::new(ErrorCode::NotReadable, "the message is empty"));
    }
    let caller = visit.caller()?;
    let name = negotiate::text(&visit.headers, FILE_NAME_HEADER)
        .and_then(|text| percent_encoding::percent_decode_str(text).decode_utf8().ok());
    let delivery = Delivery { bytes: &visit.body, name: name.as_deref(), form: form(visit)? };
    let Ok(_turn) = visit.app.bundles.acquire().await else {
        return Err(Failure::new(ErrorCode::NotReady, "the server is closing"));
    };
    // Reading and preparing are milliseconds of work: they leave the runtime's thread to short requests.
    let runtime = tokio::runtime::Handle::current();
    let receipt = tokio::task::block_in_place(|| runtime.block_on(visit.app.road.receive(caller, &source, delivery)))?;
    visit.trail.lock().detail = Some(format!("{} {}", receipt.message_type, receipt.id));
    let homes: Vec<Home> = receipt.registrations.iter().copied().map(Home).collect();
    let count = receipt.counts.created + receipt.counts.updated;
    Ok(Answer::json(&rendered(visit, receipt)).disclosing(homes, usize::try_from(count).unwrap_or(usize::MAX)))
}

/// The form that the sender names, by `?form=` or by the content type; found out from the bytes otherwise.
fn form(visit: &Visit) -> Result<Option<Form>, Failure> {
    let known = [Form::Cda, Form::Hl7v2, Form::Table, Form::Fhir];
    if let Some(code) = parameter(visit, "form") {
        let found = known.into_iter().find(|form| form.code() == code);
        let unknown = || Failure::new(ErrorCode::NotSupported, "unknown `form`; known: cda, hl7v2, table, fhir");
        return found.map(Some).ok_or_else(unknown);
    }
    let content_type = negotiate::text(&visit.headers, header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    Ok(match media_type {
        "application/fhir+json" => Some(Form::Fhir),
        "application/hl7-v2" | "x-application/hl7-v2+er7" => Some(Form::Hl7v2),
        "text/csv" | "text/tab-separated-values" => Some(Form::Table),
        _ => None,
    })
}
