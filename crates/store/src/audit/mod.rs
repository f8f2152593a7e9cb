//! The audit log on the disk: sealed events, an SM3 Merkle tree over them in tiles, signed checkpoints, and an index by registration.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | audit | tenant(4) · sequence(8) | sealed event; its SM3 leaf hash is in the tree |
//! | `audit_tile` | tenant(4) · 1 · level(1) · tile(8) | 256 hashes of 32 bytes; only full tiles |
//! | `audit_tile` | tenant(4) · 2 · size(8) | signed checkpoint, text |
//! | `audit_idx` | tenant(4) · home(8) · ¬time(8) · ¬sequence(8) | empty |
//! | key | tenant(4) · `audit-signing-key` | sealed SM2 key |
//!
//! One thread appends. `append` returns when the event is in the write-ahead log; it is fsynced within 100 ms.

mod rows;
mod tree;
mod verify;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use model::{Clock, Home, TenantId};
use parking_lot::Mutex;
use trust::{
    AuditEvent, SignedCheckpoint, VerifyingKey,
    merkle::{Hash, ProofError, TileSource, consistency_proof, inclusion_proof},
};

pub use verify::{Finding, Verdict};

use self::{
    tree::Tree,
    writer::{Request, Writer},
};
use crate::{
    engine::{Engine, Keyspace, prefix_end},
    keyring::KeyRing,
    store::StoreError,
};

/// How often the audit log is fsynced and signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditTimes {
    pub(crate) sync_within: Duration,
    pub(crate) checkpoint_every: Duration,
}

/// A stored event and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Place in the tenant's log, from 0.
    pub sequence: u64,
    /// What happened.
    pub event: AuditEvent,
}

/// Where a list of a registration's events goes on: behind (older than) this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// The event's time.
    pub at_ms: i64,
    /// Its place in the log.
    pub sequence: u64,
}

impl AuditRecord {
    /// The position behind which a list goes on.
    #[must_use]
    pub fn position(&self) -> AuditPosition {
        AuditPosition { at_ms: self.event.at_ms, sequence: self.sequence }
    }
}

/// Proof that an event is in the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The event's leaf hash.
    pub leaf: Hash,
    /// Its place.
    pub sequence: u64,
    /// Size of the tree that the proof leads to.
    pub size: u64,
    /// Sibling hashes from the leaf up.
    pub hashes: Vec<Hash>,
}

/// The trees of all tenants that were written to or asked about.
type Trees = Mutex<HashMap<TenantId, Arc<Tree>>>;

/// The audit logs of all tenants.
pub struct AuditLog {
    engine: Arc<dyn Engine>,
    keyring: Arc<KeyRing>,
    trees: Arc<Trees>,
    writer: Writer,
}

impl AuditLog {
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        keyring: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        times: AuditTimes,
    ) -> Result<Self, StoreError> {
        let trees = Arc::new(Trees::default());
        let writer = Writer::start(Arc::clone(&engine), Arc::clone(&keyring), Arc::clone(&trees), clock, times)?;
        Ok(Self { engine, keyring, trees, writer })
    }

    /// Appends an event; returns when it is in the write-ahead log (fsynced within 100 ms).
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses, [`StoreError::Closed`] after [`AuditLog::close`].
    pub fn append(&self, event: &AuditEvent) -> Result<(), StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(
            event,
            Box::new(move |result| {
                let _ = sender.send(result);
            }),
        );
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// The same without waiting for the disk (it waits only when very many events queue). The reply runs on the audit thread: it must be
    /// short.
    pub fn submit(&self, event: &AuditEvent, reply: Box<dyn FnOnce(Result<(), StoreError>) + Send>) {
        match serde_json::to_vec(event) {
            Ok(plain) => {
                let (tenant, at_ms, disclosed) = (event.tenant, event.at_ms, event.disclosed.clone());
                self.writer.submit(Request::Append { tenant, at_ms, disclosed, plain, reply });
            }
            Err(error) => reply(Err(StoreError::Damaged(format!("an event cannot be written as JSON: {error}")))),
        }
    }

    /// Signs the log as it is now, fsyncs it, and returns the checkpoint; `None` when the tenant has no events.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses, [`StoreError::Closed`] after [`AuditLog::close`].
    pub fn checkpoint(&self, tenant: TenantId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.writer.submit(Request::Checkpoint { tenant, reply });
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// The newest stored checkpoint.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the row is damaged.
    pub fn newest_checkpoint(&self, tenant: TenantId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let Some((_, text)) = tree::newest_checkpoint(&*self.engine.snapshot(), tenant)? else { return Ok(None) };
        SignedCheckpoint::parse(&text).map(Some).map_err(|error| StoreError::Damaged(error.to_string()))
    }

    /// The key that checks this tenant's checkpoints; to be published. `None` when nothing was logged yet.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the sealed key does not open.
    pub fn verifying_key(&self, tenant: TenantId) -> Result<Option<VerifyingKey>, StoreError> {
        Ok(tree::signing_key(&*self.engine.snapshot(), &self.keyring, tenant)?.map(|key| key.verifying_key()))
    }

    /// How many events the tenant's log has.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn size(&self, tenant: TenantId) -> Result<u64, StoreError> {
        tree::log_size(&*self.engine.snapshot(), tenant)
    }

    /// Events that disclosed a registration, newest first, older than `before`.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or an event does not open.
    pub fn list_for(
        &self,
        tenant: TenantId,
        home: Home,
        before: Option<AuditPosition>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let prefix = rows::disclosures(tenant, home);
        let from = match before {
            None => prefix.clone(),
            // The first key behind the row of that event.
            Some(position) => {
                let mut key = rows::disclosure(tenant, home, position.at_ms, position.sequence);
                key.push(0);
                key
            }
        };
        let snapshot = self.engine.snapshot();
        let mut cursor = snapshot.scan(Keyspace::AuditIndex, &from, &prefix_end(&prefix));
        let mut records = Vec::new();
        while records.len() < limit {
            let Some((key, _)) = cursor.next()? else { break };
            let sequence = rows::disclosure_sequence(key)
                .ok_or_else(|| StoreError::Damaged("an audit index key has a wrong length".to_owned()))?;
            let row = rows::event(tenant, sequence);
            let sealed = snapshot.get(Keyspace::Audit, &row)?;
            let sealed = sealed.ok_or_else(|| StoreError::Damaged(format!("audit event {sequence} is missing")))?;
            records.push(AuditRecord { sequence, event: self.open(tenant, &row, &sealed)? });
        }
        Ok(records)
    }

    /// Events in the order of the log, from a sequence on.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or an event does not open.
    pub fn events(&self, tenant: TenantId, from: u64, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let to = prefix_end(&tenant.0.to_be_bytes());
        let snapshot = self.engine.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Audit, &rows::event(tenant, from), &to);
        let mut records = Vec::new();
        while records.len() < limit {
            let Some((key, sealed)) = cursor.next()? else { break };
            let sequence = rows::event_sequence(key)
                .ok_or_else(|| StoreError::Damaged("an audit key has a wrong length".to_owned()))?;
            records.push(AuditRecord { sequence, event: self.open(tenant, key, sealed)? });
        }
        Ok(records)
    }

    /// Recomputes the tree from the stored events and compares it with stored tiles, with every stored checkpoint, and with `anchor`, a
    /// checkpoint kept somewhere else. It reads the whole log: about 20 µs per event.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses. Damage is no error but a [`Finding`].
    pub fn verify(&self, tenant: TenantId, anchor: Option<&SignedCheckpoint>) -> Result<Verdict, StoreError> {
        verify::verify(&*self.engine.snapshot(), &self.keyring, tenant, anchor)
    }

    /// Proves that the event at `sequence` is in the log of `size` events.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when there is no such event or a tile is missing.
    pub fn prove_inclusion(&self, tenant: TenantId, sequence: u64, size: u64) -> Result<InclusionProof, StoreError> {
        let tiles = self.tiles(tenant)?;
        let hashes = inclusion_proof(&tiles, sequence, size).map_err(proof_error)?;
        let sealed = self.engine.get(Keyspace::Audit, &rows::event(tenant, sequence))?;
        let sealed = sealed.ok_or_else(|| StoreError::Damaged(format!("audit event {sequence} is missing")))?;
        Ok(InclusionProof { leaf: trust::merkle::leaf_hash(&sealed), sequence, size, hashes })
    }

    /// Proves that the log of `old` events is the beginning of the log of `new` events.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the log is shorter or a tile is missing.
    pub fn prove_consistency(&self, tenant: TenantId, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        consistency_proof(&self.tiles(tenant)?, old, new).map_err(proof_error)
    }

    /// Signs, fsyncs and stops. Further events are refused.
    pub fn close(&self) {
        self.writer.close();
    }

    fn open(&self, tenant: TenantId, row: &[u8], sealed: &[u8]) -> Result<AuditEvent, StoreError> {
        let plain = self.keyring.tenant(tenant).audit_key().open(row, sealed)?;
        serde_json::from_slice(&plain)
            .map_err(|error| StoreError::Damaged(format!("an audit event is unreadable: {error}")))
    }

    fn tiles(&self, tenant: TenantId) -> Result<Tiles<'_>, StoreError> {
        let known = self.trees.lock().get(&tenant).cloned();
        let tree = match known {
            Some(tree) => tree,
            None => Arc::new(Tree::load(&*self.engine, &self.keyring, tenant)?.0),
        };
        Ok(Tiles { engine: &*self.engine, tenant, tree })
    }
}

/// Stored tiles, and the open ones of a tree.
struct Tiles<'e> {
    engine: &'e dyn Engine,
    tenant: TenantId,
    tree: Arc<Tree>,
}

impl TileSource for Tiles<'_> {
    type Error = StoreError;

    fn tile(&self, level: u8, tile: u64) -> Result<Vec<Hash>, StoreError> {
        match self.tree.open_tile(level, tile) {
            Some(hashes) => Ok(hashes),
            None => Ok(tree::stored_tile(&*self.engine.snapshot(), self.tenant, level, tile)?.unwrap_or_default()),
        }
    }
}

fn proof_error(error: ProofError<StoreError>) -> StoreError {
    match error {
        ProofError::Source(error) => error,
        other => StoreError::Damaged(other.to_string()),
    }
}
