//! FHIR semantics over `store`: versions, transactions, compiled extractors, search plans, history.
//!
//! A resource is a row under its address (tenant · home · type · number); everything that finds it is an index row
//! whose key ends in the same suffix (clinical date, newest first · home · number). A search is therefore always a merge of
//! ordered suffix lists, and a page link is the last suffix. `docs/DATA_MODEL.md` prints every key.
//!
//! | module | idea |
//! |---|---|
//! | [`parameters`] | what a search parameter finds in a resource, compiled at start |
//! | [`matching`]   | what one value of a question means |
//! | `keys`, `index` | keys byte by byte; the rows of one resource |
//! | `search`       | question → plan → hits → page |
//! | `resource`, `load` | the row of a resource; from an id to what the caller may see |
//! | `work` | a commit that a room above puts together itself: resources beside rows of its own |
//! | `write`, `transaction` | create, update, patch, delete; bundles |
//! | `history`, `everything` | versions over time; all of one patient |
//! | `feed` | what rooms above follow, in commit order |
//!
//! Invariants: no HTTP here; every public function takes a [`Caller`] and applies its filter *inside* the plan; hits are
//! verified on the body wherever a key alone cannot decide.

use std::sync::Arc;

use model::{Clock, Home, Issue, ResourceKey};
use store::Store;

mod caller;
mod everything;
mod feed;
mod history;
mod index;
mod keys;
mod links;
mod load;
pub mod matching;
pub mod parameters;
mod resource;
mod search;
mod transaction;
mod work;
mod write;

pub use caller::Caller;
pub use feed::Changed;
pub use history::HistoryScope;
pub use parameters::{LoadError, Parameter, Parameters};
pub use search::Whole;
pub use work::{Address, Work};
pub use write::{Return, Target, WriteOptions, Written, block_on};

/// The resources of a store, as FHIR sees them.
pub struct Records {
    pub(crate) store: Arc<Store>,
    pub(crate) parameters: Parameters,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One version of a resource, rendered.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its address.
    pub key: ResourceKey,
    /// Its id.
    pub id: String,
    /// Its version, from 1.
    pub version: u32,
    /// When it was written, in milliseconds since 1970.
    pub last_updated_ms: i64,
    /// The resource as JSON.
    pub json: Vec<u8>,
    /// The registrations that this answer discloses.
    pub disclosed: Vec<Home>,
}

/// A bundle, rendered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The bundle as JSON.
    pub json: Vec<u8>,
    /// The registrations that this answer discloses, each once.
    pub disclosed: Vec<Home>,
    /// How many resources it holds.
    pub count: usize,
}

impl Records {
    /// The records of a store.
    ///
    /// # Errors
    /// A search parameter of the rule book that cannot be compiled: the build is broken, not the data.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        Ok(Self { store, parameters: Parameters::load()?, clock })
    }

    /// The search parameters that are wired, for the `CapabilityStatement`.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// FHIR `$validate` against the base definitions: every finding, none when the resource is good.
    #[must_use]
    pub fn validate(&self, type_name: Option<&str>, body: &[u8]) -> Vec<Issue> {
        let (resource, mut issues) = formats::fhir::read(body);
        let Some(resource) = resource else { return issues };
        if let Some(expected) = type_name
            && resource.get("resourceType").and_then(|found| found.as_str()) != Some(expected)
        {
            issues.push(
                Issue::new("fhir.type", model::Severity::Error, "resourceType")
                    .expected(expected)
                    .hint("the URL names the type"),
            );
        }
        issues.extend(formats::fhir::validate(&resource));
        issues
    }
}
