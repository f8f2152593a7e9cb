//! The answer to a bundle, in the order of the request.

use formats::fhir::Language;
use model::{Failure, Home, instant_text};
use serde_json::Value;

use super::Kind;
use crate::caller::Disclosed;
use crate::links::{BundleWriter, member};
use crate::write::Written;
use crate::write::draft::Saved;
use crate::{Document, Known, Page};

/// What became of one entry.
#[derive(Debug, Default)]
pub(super) struct Response {
    status: u16,
    /// `Type/id/_history/version`.
    location: Option<String>,
    version: Option<u32>,
    last_updated_ms: Option<i64>,
    /// The resource, or a bundle.
    resource: Option<Vec<u8>>,
    outcome: Option<Value>,
    disclosed: Vec<Home>,
}

impl Response {
    /// A write of a transaction.
    pub(super) fn saved(saved: Saved) -> Self {
        Self {
            status: saved.status,
            location: (saved.status != 204).then(|| format!("{}/_history/{}", saved.reference(), saved.version)),
            version: Some(saved.version),
            last_updated_ms: Some(saved.last_updated_ms),
            resource: saved.json,
            outcome: None,
            disclosed: vec![saved.key.home],
        }
    }

    /// The deletion of something that never was.
    pub(super) fn nothing_deleted() -> Self {
        Self { status: 204, ..Self::default() }
    }

    /// A write of a batch.
    pub(super) fn written(written: Written) -> Self {
        let has_version = written.version > 0;
        let location = format!("{}/{}/_history/{}", written.type_name, written.id, written.version);
        Self {
            status: written.status,
            location: (has_version && written.status != 204).then_some(location),
            version: has_version.then_some(written.version),
            last_updated_ms: has_version.then_some(written.last_updated_ms),
            resource: written.document.map(|document| document.json),
            outcome: None,
            disclosed: written.disclosed,
        }
    }

    /// A read; 304 without the resource when the client has it already.
    pub(super) fn document(document: Document, known: &Known) -> Self {
        let is_known = known.is(document.version, document.last_updated_ms);
        Self {
            status: if is_known { 304 } else { 200 },
            version: Some(document.version),
            last_updated_ms: Some(document.last_updated_ms),
            resource: (!is_known).then_some(document.json),
            disclosed: document.disclosed,
            ..Self::default()
        }
    }

    /// A search, a history, a whole record.
    pub(super) fn page(page: Page) -> Self {
        Self { status: 200, resource: Some(page.json), disclosed: page.disclosed, ..Self::default() }
    }

    /// An entry that failed.
    pub(super) fn failed(failure: &Failure, language: Language) -> Self {
        let outcome = formats::fhir::failure_outcome(failure, language);
        Self { status: failure.code.status(), outcome: Some(outcome), ..Self::default() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(resource) = &self.resource {
            out.extend_from_slice(b"\"resource\":");
            out.extend_from_slice(resource);
            out.push(b',');
        }
        out.extend_from_slice(b"\"response\":{");
        member(out, "status", &status_text(self.status));
        if let Some(location) = &self.location {
            out.push(b',');
            member(out, "location", location);
        }
        if let Some(version) = self.version {
            out.push(b',');
            member(out, "etag", &format!("W/\"{version}\""));
        }
        if let Some(last_updated_ms) = self.last_updated_ms {
            out.push(b',');
            member(out, "lastModified", &instant_text(last_updated_ms));
        }
        if let Some(outcome) = &self.outcome {
            out.extend_from_slice(b",\"outcome\":");
            out.extend_from_slice(outcome.to_string().as_bytes());
        }
        out.push(b'}');
    }
}

/// `201 Created`: FHIR wants at least the number, people like the word.
fn status_text(status: u16) -> String {
    let word = match status {
        200 => " OK",
        201 => " Created",
        204 => " No Content",
        304 => " Not Modified",
        _ => "",
    };
    format!("{status}{word}")
}

/// The answering bundle.
pub(super) fn page(kind: Kind, responses: Vec<Response>) -> Page {
    let bundle_type = match kind {
        Kind::Transaction => "transaction-response",
        Kind::Batch => "batch-response",
    };
    let mut writer = BundleWriter::new(bundle_type);
    let mut disclosed = Disclosed::default();
    let count = responses.len();
    for response in responses {
        writer.entry(|out| response.write(out));
        disclosed.extend(response.disclosed.into_iter().filter(|home| *home != Home::SHARED));
    }
    Page { json: writer.finish(&[], None), disclosed: disclosed.into_vec(), count }
}
