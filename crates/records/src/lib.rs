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
//! | `generation`, `reindex` | which index answers; a new one built beside it |
//! | `custom`       | search parameters of a tenant's own |
//! | `search`       | question → plan → hits → page |
//! | `resource`, `load` | the row of a resource; from an id to what the caller may see |
//! | `work` | a commit that a room above puts together itself: resources beside rows of its own |
//! | `write`, `transaction` | create, update, patch, delete; bundles |
//! | `unchanged`    | conditional reads |
//! | `history`, `everything` | versions over time; all of one patient |
//! | `feed` | what rooms above follow, in commit order |
//!
//! Invariants: no HTTP here; every public function takes a [`Caller`] and applies its filter *inside* the plan; hits are
//! verified on the body wherever a key alone cannot decide.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::{Clock, Failure, Home, Issue, ResourceKey, TenantId};
use parking_lot::RwLock;
use store::Store;

use generation::Generations;

mod caller;
mod custom;
mod everything;
mod feed;
mod generation;
mod history;
mod index;
mod keys;
mod links;
mod load;
pub mod matching;
pub mod parameters;
mod reindex;
mod resource;
mod search;
mod transaction;
mod unchanged;
mod work;
mod write;

pub use caller::Caller;
pub use custom::{Custom, CustomError, Readiness};
pub use feed::Changed;
pub use generation::OpenError;
pub use history::HistoryScope;
pub use parameters::{CustomParameter, Definitions, LoadError, Parameter, Parameters};
pub use reindex::{Progress, ReindexError, Reindexed};
pub use search::Whole;
pub use unchanged::Known;
pub use work::{Address, Work};
pub use write::{Return, Target, WriteOptions, Written, block_on};

/// The resources of a store, as FHIR sees them.
pub struct Records {
    pub(crate) store: Arc<Store>,
    /// Those of this program; the index may still answer with others (`generation`).
    pub(crate) parameters: Parameters,
    pub(crate) definitions: Definitions,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the newest view said about the index.
    pub(crate) generations: RwLock<Option<Arc<Generations>>>,
    pub(crate) is_reindexing: AtomicBool,
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
    /// [`OpenError::OtherRules`] when the index was written by code that this program does not have; what the store says.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::with_definitions(store, clock, Definitions::built_in())
    }

    /// The records of a store, with search parameters of one's own.
    ///
    /// # Errors
    /// As [`Records::new`].
    pub fn with_definitions(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        definitions: Definitions,
    ) -> Result<Self, OpenError> {
        let records = Self::unopened(store, clock, definitions)?;
        records.open_index()?;
        Ok(records)
    }

    /// The records of a store whose index this program may not be able to ask: good for [`Records::reindex`] and nothing else.
    ///
    /// # Errors
    /// A search parameter that cannot be compiled, or what the store says.
    pub fn for_reindex(store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let records = Self::unopened(store, clock, Definitions::built_in())?;
        match records.open_index() {
            Ok(()) | Err(OpenError::OtherRules { .. }) => Ok(records),
            Err(error) => Err(error),
        }
    }

    fn unopened(store: Arc<Store>, clock: Arc<dyn Clock>, definitions: Definitions) -> Result<Self, OpenError> {
        let parameters = Parameters::of(&definitions)?;
        let (generations, is_reindexing) = (RwLock::new(None), AtomicBool::new(false));
        Ok(Self { store, parameters, definitions, clock, generations, is_reindexing })
    }

    /// The search parameters that answer now, for the `CapabilityStatement`; with those of a tenant, if one asks.
    ///
    /// # Errors
    /// `Internal` when the state of the index cannot be read.
    pub fn parameters(&self, tenant: Option<TenantId>) -> Result<Parameters, Failure> {
        let generations = self.generations(&*self.store.snapshot())?;
        Ok(Parameters::clone(tenant.map_or(&generations.active, |tenant| generations.asked(tenant))))
    }

    /// The search parameters of this program, for what is not answered from the index.
    #[must_use]
    pub fn own_parameters(&self) -> &Parameters {
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
