//! Bundles: a transaction is one commit or nothing; a batch is one act after the other.
//!
//! | file | idea |
//! |---|---|
//! | `entry`   | one entry, read: method, address, resource, conditions |
//! | `plan`    | a whole transaction on one draft: identities first, then references, then rows |
//! | `batch`   | every entry on its own |
//! | `respond` | the answer, in the order of the request |
//!
//! `GET` entries of a transaction run after its commit and see what it wrote; one that finds nothing carries its own error
//! and does not undo the commit.

mod batch;
mod entry;
mod plan;
mod respond;

use model::{ErrorCode, Failure};
use serde_json::Value;

use crate::write::{WriteOptions, is_error};
use crate::{Caller, Page, Records};

use entry::{Entry, Method};
use respond::Response;

/// Entries of a bundle; more is answered 413 (design §3). What is larger goes through intake.
pub const ENTRIES_MAX: usize = 5_000;

/// What kind of bundle is processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Transaction,
    Batch,
}

impl Records {
    /// FHIR `transaction` and `batch`. With `Return::Representation` the entries carry the resources as stored.
    ///
    /// # Errors
    /// `TooLarge` above 32 MiB or 5,000 entries; `NotReadable` when it is no transaction and no batch; for a transaction
    /// whatever its first failing entry says, with `Bundle.entry[n]` in the detail, and then nothing is stored.
    pub async fn bundle(&self, caller: &Caller, body: &[u8], options: &WriteOptions) -> Result<Page, Failure> {
        let (kind, entries) = read(caller, body)?;
        let responses = match kind {
            Kind::Transaction => self.transaction(caller, body, entries, options).await?,
            Kind::Batch => self.batch(caller, entries, options).await,
        };
        Ok(respond::page(kind, responses))
    }

    async fn transaction(
        &self,
        caller: &Caller,
        body: &[u8],
        entries: Vec<Entry>,
        options: &WriteOptions,
    ) -> Result<Vec<Response>, Failure> {
        // Planning rewrites the entries in place; only the rare second try reads the body again.
        let mut first = Some(entries);
        let planned = self.write_with(caller, options.return_, |draft| {
            let entries = match first.take() {
                Some(entries) => entries,
                None => read(caller, body)?.1,
            };
            plan::transaction(draft, entries)
        });
        let (mut responses, reads) = Box::pin(planned).await?;
        for (position, read) in reads {
            responses[position] =
                self.answer_get(caller, &read).unwrap_or_else(|failure| Response::failed(&failure, options.language));
        }
        Ok(responses)
    }
}

/// Reads a bundle to its entries.
fn read(caller: &Caller, body: &[u8]) -> Result<(Kind, Vec<Entry>), Failure> {
    if body.len() > formats::fhir::BYTES_MAX {
        let detail = format!("a bundle has at most {} bytes", formats::fhir::BYTES_MAX);
        return Err(Failure::new(ErrorCode::TooLarge, detail));
    }
    let not_readable = |detail: &str| Failure::new(ErrorCode::NotReadable, detail);
    let (bundle, issues) = formats::fhir::read(body);
    let has_errors = issues.iter().any(is_error);
    let Some(mut bundle) = bundle.filter(|_| !has_errors) else {
        return Err(not_readable("the body is not a FHIR resource").with_issues(issues));
    };
    let text = |name: &str| bundle.get(name).and_then(Value::as_str);
    if text("resourceType") != Some("Bundle") {
        return Err(not_readable("expected a Bundle"));
    }
    let kind = match text("type") {
        Some("transaction") => Kind::Transaction,
        Some("batch") => Kind::Batch,
        _ => return Err(not_readable("`Bundle.type` must be `transaction` or `batch`")),
    };
    let entries = match bundle.get_mut("entry").map(Value::take) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(not_readable("`Bundle.entry` must be an array")),
    };
    if entries.len() > ENTRIES_MAX {
        return Err(Failure::new(ErrorCode::TooLarge, format!("a bundle has at most {ENTRIES_MAX} entries")));
    }
    Ok((kind, entries.into_iter().enumerate().map(|(position, entry)| Entry::read(caller, position, entry)).collect()))
}

/// A failure with the entry that caused it in its detail.
fn at_entry(position: usize, mut failure: Failure) -> Failure {
    failure.detail = format!("Bundle.entry[{position}]: {}", failure.detail);
    failure
}

/// Whether a method only looks.
fn is_read(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head)
}
