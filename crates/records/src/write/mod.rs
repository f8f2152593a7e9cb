//! The write side: create, update, patch, delete, plain and conditional.
//!
//! A write is prepared against one snapshot into a [`draft::Draft`] (rows, index rows, the older version, the
//! change-feed row, and what must still be true when it is committed), then handed to the committer. When somebody else
//! was faster, it is prepared again against a fresh snapshot, at most [`TRIES_MAX`] times.
//!
//! Two choices that FHIR leaves open: an update that changes nothing makes no new version (the answer carries the old
//! version and ETag), and tags and labels are replaced by an update like every other element.

pub(crate) mod acts;
pub(crate) mod draft;
pub(crate) mod home;
pub(crate) mod log;
pub(crate) mod references;
mod reply;

use formats::fhir::Language;
use model::{ErrorCode, Failure, Home, Issue, Severity, TypeCode};
use serde_json::Value;
use store::{CommitError, Transaction};

pub use reply::block_on;

use self::draft::{Draft, Saved};
use crate::{Caller, Document, Records};

/// How often a write that met another one is prepared again before the client is told.
pub(crate) const TRIES_MAX: usize = 8;

/// What a write sends back (`Prefer: return=…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Return {
    /// Headers only.
    #[default]
    Minimal,
    /// The resource as stored.
    Representation,
    /// An `OperationOutcome`, which the server renders.
    OperationOutcome,
}

/// What the headers of a write say.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// `If-None-Exist`: the query of a conditional create, without the leading type.
    pub if_none_exist: Option<String>,
    /// `If-Match`, as it came: `W/"3"`.
    pub if_match: Option<String>,
    /// `Prefer: return=…`.
    pub return_: Return,
    /// In which language the entries of a batch say why they failed.
    pub language: Language,
}

/// Which resource a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// By its id.
    Id(&'a str),
    /// By a search that must find at most one, still percent-encoded: `identifier=s%7Cv`.
    Condition(&'a str),
}

/// A write that is durable.
#[derive(Debug, Clone)]
pub struct Written {
    /// The HTTP status: 200, 201 or 204.
    pub status: u16,
    /// The id.
    pub id: String,
    /// The type.
    pub type_name: &'static str,
    /// The version now current; 0 when a deletion met nothing.
    pub version: u32,
    /// When that version was written, in milliseconds since 1970.
    pub last_updated_ms: i64,
    /// The resource, if it was asked for.
    pub document: Option<Document>,
    /// The registrations concerned.
    pub disclosed: Vec<Home>,
}

impl Written {
    fn of(saved: Saved) -> Self {
        let disclosed = if saved.key.home == Home::SHARED { Vec::new() } else { vec![saved.key.home] };
        let document = saved.json.map(|json| Document {
            key: saved.key,
            id: saved.id.clone(),
            version: saved.version,
            last_updated_ms: saved.last_updated_ms,
            json,
            disclosed: disclosed.clone(),
        });
        Self {
            status: saved.status,
            type_name: saved.key.rid.type_code.name(),
            id: saved.id,
            version: saved.version,
            last_updated_ms: saved.last_updated_ms,
            document,
            disclosed,
        }
    }
}

impl Records {
    /// Prepares and commits until it holds.
    pub(crate) async fn write_with<T>(
        &self,
        caller: &Caller,
        return_: Return,
        mut plan: impl FnMut(&mut Draft<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..TRIES_MAX {
            let (transaction, planned) = self.prepare(caller, return_, &mut plan)?;
            if transaction.writes.is_empty() || self.commit(transaction).await? {
                return Ok(planned);
            }
            metrics::counter!("records_write_retries").increment(1);
        }
        Err(Failure::new(ErrorCode::Conflict, format!("met other writers {TRIES_MAX} times")))
    }

    /// The part of a try that looks at the data: no snapshot is held while the committer works.
    fn prepare<T>(
        &self,
        caller: &Caller,
        return_: Return,
        plan: &mut impl FnMut(&mut Draft<'_>) -> Result<T, Failure>,
    ) -> Result<(Transaction, T), Failure> {
        let snapshot = self.store.snapshot();
        let mut draft = Draft::new(self, caller, &*snapshot, return_ == Return::Representation)?;
        let planned = plan(&mut draft)?;
        Ok((draft.finish(), planned))
    }

    /// Commits without blocking the thread. `false`: a precondition did not hold any more.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<bool, Failure> {
        let (sender, receiver) = reply::channel();
        self.store.submit(transaction, Box::new(move |result| sender.send(result)));
        match receiver.await {
            Some(Ok(_)) => Ok(true),
            Some(Err(CommitError::Precondition(_))) => Ok(false),
            Some(Err(CommitError::Engine(error))) => Err(crate::resource::engine_failure(error)),
            Some(Err(CommitError::Busy)) => Err(Failure::new(ErrorCode::Busy, "too many writes wait")),
            Some(Err(CommitError::Closed)) | None => Err(Failure::new(ErrorCode::NotReady, "the store is closing")),
        }
    }
}

/// Reads a body that must be a resource of this type.
///
/// # Errors
/// `NotReadable` when it is no JSON or no resource or of another type, `Unprocessable` when it breaks a rule.
pub(crate) fn read_body(type_code: TypeCode, body: &[u8]) -> Result<Value, Failure> {
    let (value, issues) = formats::fhir::read(body);
    let not_readable = |detail: String| Failure::new(ErrorCode::NotReadable, detail);
    let has_errors = issues.iter().any(is_error);
    let value = match value {
        Some(value) if !has_errors => value,
        _ => return Err(not_readable("the body is not a FHIR resource".to_owned()).with_issues(issues)),
    };
    check(type_code, &value, "")?;
    Ok(value)
}

/// The type and the basic rules. `at` is put before the path of every issue.
pub(crate) fn check(type_code: TypeCode, resource: &Value, at: &str) -> Result<(), Failure> {
    let given = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    if given != type_code.name() {
        return Err(Failure::new(
            ErrorCode::NotReadable,
            format!("expected a {type_code}, found another resource type"),
        ));
    }
    let mut issues = formats::fhir::check_basic(resource);
    if !issues.iter().any(is_error) {
        return Ok(());
    }
    if !at.is_empty() {
        for issue in &mut issues {
            issue.path = format!("{at}{}", issue.path.strip_prefix(type_code.name()).unwrap_or(&issue.path));
        }
    }
    Err(Failure::new(ErrorCode::Unprocessable, format!("the {type_code} breaks a rule")).with_issues(issues))
}

/// Whether an issue stops a write.
pub(crate) fn is_error(issue: &Issue) -> bool {
    matches!(issue.severity, Severity::Error | Severity::Fatal)
}
