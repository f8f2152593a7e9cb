//! What a handler returns: status, headers, body, and what the audit event has to say about it.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use model::Home;
use records::{Document, Page, Written};
use serde_json::Value;

use crate::negotiate::{FHIR_JSON, JSON, http_date};
use crate::visit::Visit;

/// What every handler returns.
pub type Outcome = Result<Answer, model::Failure>;

/// An answer that is not yet a response: only [`crate::attach`] can make it one, and writes the audit event as it does.
#[derive(Debug, Default)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Registrations whose data is in the body, or whose data was changed.
    pub(crate) disclosed: Vec<Home>,
    /// How many resources are in the body.
    pub(crate) count: usize,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer of `/api/v1`.
    pub fn json(value: &Value) -> Self {
        Self { body: value.to_string().into(), ..Self::default() }.header(header::CONTENT_TYPE, JSON)
    }

    /// An answer of `/fhir/R4` that is no stored resource.
    pub fn fhir(status: StatusCode, value: &Value) -> Self {
        Self { status, body: value.to_string().into(), ..Self::default() }.header(header::CONTENT_TYPE, FHIR_JSON)
    }

    /// A stored resource with its version headers, or 304 when the client already has it.
    pub fn document(visit: &Visit, document: Document) -> Self {
        let known = crate::negotiate::known(&visit.headers).is(document.version, document.last_updated_ms);
        let answer = Self {
            status: if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK },
            body: if known { Bytes::new() } else { document.json.into() },
            disclosed: document.disclosed,
            count: usize::from(!known),
            headers: Vec::new(),
        };
        answer.header(header::CONTENT_TYPE, FHIR_JSON).version(document.version, document.last_updated_ms)
    }

    /// A bundle of results.
    pub fn page(page: Page) -> Self {
        let answer = Self { body: page.json.into(), disclosed: page.disclosed, count: page.count, ..Self::default() };
        answer.header(header::CONTENT_TYPE, FHIR_JSON)
    }

    /// What a write answers: version headers, `Location`, and the body that `Prefer` asked for.
    pub fn written(visit: &Visit, written: Written) -> Self {
        let location =
            format!("{}/{}/{}/_history/{}", visit.base_url(), written.type_name, written.id, written.version);
        let mut answer = Self {
            status: StatusCode::from_u16(written.status).unwrap_or(StatusCode::OK),
            disclosed: written.disclosed,
            count: 1,
            ..Self::default()
        };
        if let Some(document) = written.document {
            answer.body = document.json.into();
        } else if visit.wants_outcome() && answer.status != StatusCode::NO_CONTENT {
            answer.body = crate::outcome::findings(&[], visit.language).to_string().into();
        }
        if !answer.body.is_empty() {
            answer = answer.header(header::CONTENT_TYPE, FHIR_JSON);
        }
        if written.version > 0 {
            answer = answer.version(written.version, written.last_updated_ms);
        }
        if answer.status == StatusCode::CREATED { answer.header(header::LOCATION, &location) } else { answer }
    }

    /// The same answer with one more header; a value that HTTP does not allow is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The same answer, saying whose data it carries and how many resources it took.
    pub fn disclosing(mut self, disclosed: Vec<Home>, count: usize) -> Self {
        self.disclosed = disclosed;
        self.count = count;
        self
    }

    fn version(self, version: u32, last_updated_ms: i64) -> Self {
        self.header(header::ETAG, &format!("W/\"{version}\""))
            .header(header::LAST_MODIFIED, &http_date(last_updated_ms))
    }
}
