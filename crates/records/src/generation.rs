//! Which generation of the index answers, and which one is being built beside it.
//!
//! Every `idx` and `cidx` key carries a generation. The row `index` in `meta` says which of them answers and with which search
//! parameters it was written; their definitions lie beside it, so that a program with other definitions goes on answering with the
//! old ones until its own generation is complete. A view takes the row from its own snapshot: what it reads and which
//! generation it reads can never be of different moments. Every commit that touches the index carries the row as a
//! precondition, so that a plan made before a change is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{ErrorCode, Failure, ResourceKey, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use store::{CommitError, Keyspace, Precondition, Snapshot, Store, StoreError, Transaction, Write};
use trust::TenantKeys;

use crate::Records;
use crate::index::{self, EXTRACTOR_SET, Row};
use crate::keys::FIRST_GENERATION;
use crate::parameters::{Definitions, LoadError, Parameters};

/// The row in `meta`.
const ROW: &[u8] = b"index";
/// How far the generation that is being built has come: the last resource key that is in it.
pub(crate) const CURSOR_ROW: &[u8] = b"index/built-up-to";
/// Definitions have 76 kB; whatever is much longer is no set of definitions.
const DEFINITIONS_BYTES_MAX: usize = 16 << 20;
/// The tenant in whose name the store works on itself.
pub(crate) const NOBODY: model::TenantId = model::TenantId(0);

/// Why the records of a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A definition of the rule book cannot be compiled: the build is broken, not the data.
    #[error(transparent)]
    Definition(#[from] LoadError),
    /// The index was written by code that decides otherwise which rows a resource has. It can neither be asked nor kept up.
    #[error(
        "the search index was written by other rules ({found}) than this program has ({known}), so its answers would be wrong; \
         stop the server and run `kangmai admin reindex --data DIR`, then start again"
    )]
    OtherRules {
        /// What the folder says.
        found: String,
        /// What this program is.
        known: String,
    },
    /// The row that says which generation answers cannot be read.
    #[error("the state of the search index is damaged: {0}")]
    Damaged(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<store::EngineError> for OpenError {
    fn from(error: store::EngineError) -> Self {
        Self::Store(StoreError::Engine(error))
    }
}

/// One generation, as the row says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generation {
    /// Its byte in the keys.
    pub(crate) number: u8,
    /// The rules in code that wrote it.
    pub(crate) extractor_set: u16,
    /// The compiled definitions that wrote it, 64 hexadecimal digits. Empty: a folder from before this was written down.
    pub(crate) fingerprint: String,
}

/// The row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Counts changes, so that no two rows are equal.
    pub(crate) epoch: u32,
    pub(crate) active: Generation,
    pub(crate) building: Option<Generation>,
    /// Generations whose rows are being removed.
    pub(crate) retired: Vec<u8>,
}

/// The generations of one view, ready to be read and written.
#[derive(Debug)]
pub(crate) struct Generations {
    /// The row's bytes.
    pub(crate) row: Vec<u8>,
    pub(crate) state: State,
    /// Whose rows answer.
    pub(crate) active: Arc<Parameters>,
    /// Whose rows are written besides.
    pub(crate) building: Option<Arc<Parameters>>,
    /// The fingerprint of what this program would build.
    pub(crate) wanted: String,
    /// What tenants with custom parameters can be asked; all others: what is active.
    asked: BTreeMap<u32, Arc<Parameters>>,
}

impl Generations {
    /// The index rows that a resource has in every generation that is kept up.
    pub(crate) fn rows(
        &self,
        tenant_keys: &TenantKeys,
        key: &ResourceKey,
        resource: &Json,
        last_updated_ms: i64,
    ) -> BTreeSet<Row> {
        let mut rows = index::rows(&self.active, tenant_keys, key, resource, last_updated_ms);
        if let Some(building) = &self.building {
            rows.append(&mut index::rows(building, tenant_keys, key, resource, last_updated_ms));
        }
        rows
    }

    /// What a tenant can be asked.
    pub(crate) fn asked(&self, tenant: TenantId) -> &Arc<Parameters> {
        self.asked.get(&tenant.0).unwrap_or(&self.active)
    }

    /// What must still be true when rows of these generations are committed.
    pub(crate) fn unchanged(&self) -> Precondition {
        still(&self.row)
    }
}

/// The state is still this one.
pub(crate) fn still(row: &[u8]) -> Precondition {
    Precondition::StartsWith { keyspace: Keyspace::Meta, key: ROW.to_vec(), prefix: row.to_vec() }
}

impl State {
    fn bytes(&self) -> Result<Vec<u8>, OpenError> {
        serde_json::to_vec(self).map_err(|error| OpenError::Damaged(error.to_string()))
    }

    /// The state as it is in a view, with its bytes.
    pub(crate) fn read(snapshot: &dyn Snapshot) -> Result<Option<(Vec<u8>, Self)>, OpenError> {
        let Some(row) = snapshot.get(Keyspace::Meta, ROW)? else { return Ok(None) };
        let state = serde_json::from_slice(&row).map_err(|error| OpenError::Damaged(error.to_string()))?;
        Ok(Some((row, state)))
    }

    /// The state of a folder that has none: an empty one is ours, an older one is of unknown definitions.
    fn first(snapshot: &dyn Snapshot, own: &Parameters) -> Result<Self, OpenError> {
        let is_empty = snapshot.scan(Keyspace::Resource, &[], &[]).next()?.is_none();
        let fingerprint = if is_empty { own.fingerprint().to_owned() } else { String::new() };
        let active = Generation { number: FIRST_GENERATION, extractor_set: EXTRACTOR_SET, fingerprint };
        Ok(Self { epoch: 1, active, building: None, retired: Vec::new() })
    }
}

/// Where the definitions of a generation lie.
fn definitions_row(fingerprint: &str) -> Vec<u8> {
    format!("index/definitions/{fingerprint}").into_bytes()
}

/// Replaces the state, provided that it is still `before`; `false`: somebody else was faster.
pub(crate) fn replace(
    store: &Store,
    before: Option<&[u8]>,
    state: &State,
    mut writes: Vec<Write>,
) -> Result<bool, OpenError> {
    let mut transaction = Transaction::new(NOBODY);
    transaction.preconditions.push(match before {
        Some(row) => still(row),
        None => Precondition::Absent { keyspace: Keyspace::Meta, key: ROW.to_vec() },
    });
    writes.push(Write::Put(Keyspace::Meta, ROW.to_vec(), state.bytes()?));
    transaction.writes = writes;
    match store.commit(transaction) {
        Ok(_) => Ok(true),
        Err(CommitError::Precondition(_)) => Ok(false),
        Err(error) => Err(OpenError::Store(error.into())),
    }
}

/// The write that keeps definitions beside the index that they made.
pub(crate) fn keep_definitions(store: &Store, definitions: &Definitions, fingerprint: &str) -> Write {
    let mut value = Vec::new();
    let dictionary = store.compress(definitions.text().as_bytes(), &mut value);
    value.insert(0, dictionary);
    Write::Put(Keyspace::Meta, definitions_row(fingerprint), value)
}

/// The write that forgets definitions that no generation needs any more.
pub(crate) fn forget_definitions(fingerprint: &str) -> Write {
    Write::Delete(Keyspace::Meta, definitions_row(fingerprint))
}

impl Records {
    /// Makes sure that the store says which generation answers, and that this program can ask it.
    pub(crate) fn open_index(&self) -> Result<(), OpenError> {
        loop {
            let snapshot = self.store.snapshot();
            if State::read(&*snapshot)?.is_some() {
                return self.generations_of(&*snapshot).map(|_| ());
            }
            let state = State::first(&*snapshot, &self.parameters)?;
            let kept = keep_definitions(&self.store, &self.definitions, self.parameters.fingerprint());
            replace(&self.store, None, &state, vec![kept])?;
        }
    }

    /// The generations of a view.
    ///
    /// # Errors
    /// `Internal` when the state of the index cannot be read.
    pub(crate) fn generations(&self, snapshot: &dyn Snapshot) -> Result<Arc<Generations>, Failure> {
        self.generations_of(snapshot).map_err(|error| {
            tracing::error!(%error, "the search index cannot be asked");
            Failure::new(ErrorCode::Internal, "the search index cannot be asked")
        })
    }

    pub(crate) fn generations_of(&self, snapshot: &dyn Snapshot) -> Result<Arc<Generations>, OpenError> {
        let row = snapshot.get(Keyspace::Meta, ROW)?;
        if let Some(known) = self.generations.read().as_ref().filter(|known| row.as_ref() == Some(&known.row)) {
            return Ok(Arc::clone(known));
        }
        let missing = || OpenError::Damaged("the row `index` is missing".to_owned());
        let (row, state) = State::read(snapshot)?.ok_or_else(missing)?;
        let active = self.parameters_of(snapshot, &state.active)?;
        let building = state.building.as_ref().map(|it| self.parameters_of(snapshot, it)).transpose()?;
        let (_, wanted) = self.wanted(snapshot)?;
        let tenants: BTreeSet<u32> = active.tenants().chain(wanted.tenants()).collect();
        let asked = tenants.into_iter().map(|tenant| (tenant, Arc::new(active.asked(tenant, &wanted)))).collect();
        let wanted = wanted.fingerprint().to_owned();
        let generations = Arc::new(Generations { row, state, active, building, wanted, asked });
        *self.generations.write() = Some(Arc::clone(&generations));
        Ok(generations)
    }

    /// The parameters that wrote a generation.
    fn parameters_of(&self, snapshot: &dyn Snapshot, of: &Generation) -> Result<Arc<Parameters>, OpenError> {
        let other = |found: &str| OpenError::OtherRules {
            found: format!("set {}, {found}", of.extractor_set),
            known: format!("set {EXTRACTOR_SET}, {}", short(self.parameters.fingerprint())),
        };
        if of.extractor_set != EXTRACTOR_SET {
            return Err(other(short(&of.fingerprint)));
        }
        // Without a fingerprint nobody knows better; a reindex is due then.
        if of.fingerprint.is_empty() || of.fingerprint == self.parameters.fingerprint() {
            return Ok(Arc::new(self.parameters.at_generation(of.number)));
        }
        let known = self.generations.read().clone();
        let same = known.iter().flat_map(|it| [Some(&it.active), it.building.as_ref()]).flatten();
        if let Some(same) = same.into_iter().find(|it| it.fingerprint() == of.fingerprint) {
            return Ok(Arc::new(same.at_generation(of.number)));
        }
        let stored = snapshot.get(Keyspace::Meta, &definitions_row(&of.fingerprint))?;
        let stored = stored.ok_or_else(|| OpenError::Damaged("the definitions of the index are missing".to_owned()))?;
        let (dictionary, packed) = stored.split_first().ok_or_else(|| other("nothing"))?;
        let text = self.store.decompress(*dictionary, packed, DEFINITIONS_BYTES_MAX)?;
        let definitions = Definitions::read(&String::from_utf8_lossy(&text));
        let definitions =
            definitions.map_err(|error| OpenError::Damaged(format!("definitions of the index: {error}")))?;
        let definitions = definitions.counting_with(&self.definitions);
        // The same definitions can compile to something else, when the elements of the resources changed.
        let parameters = Parameters::that_wrote(&of.fingerprint, &definitions)?;
        let parameters = parameters.ok_or_else(|| other(short(&of.fingerprint)))?;
        Ok(Arc::new(parameters.at_generation(of.number)))
    }
}

/// Enough of a fingerprint to tell two apart.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or("unknown")
}
