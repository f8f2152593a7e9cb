//! The engine door: an ordered key-value store with snapshots, atomic batches and checkpoints.
//!
//! Everything above speaks to this door only. Two engines stand behind it, [`crate::RocksEngine`] (embedded default) and
//! [`crate::MemoryEngine`] (tests), and one conformance suite (`tests/engine_conformance.rs`) runs on both.

use std::path::Path;

/// One ordered room of keys. The keys are printed in `docs/DATA_MODEL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyspace {
    /// Format version, dictionaries, counters of this data folder.
    Meta,
    /// Wrapped data keys, one per registration.
    Key,
    /// Accounts, machine accounts, sessions.
    Account,
    /// Current version of every resource.
    Resource,
    /// Older versions.
    History,
    /// Client-chosen id -> home.
    Id,
    /// Search index over all registrations.
    Index,
    /// Search index inside one patient compartment.
    CompartmentIndex,
    /// Change feed in commit order.
    Log,
    /// Audit events.
    Audit,
    /// Hash tiles and checkpoints of the audit log.
    AuditTile,
    /// Registration -> audit events that disclosed it.
    AuditIndex,
    /// Where an original lies in the segments.
    Blob,
    /// Sources: who sends what, and how it is read.
    Source,
    /// By what a source knows a thing -> which resource it is.
    Claim,
    /// What was received, when, and what became of it.
    Receipt,
    /// Findings about records, and records that were set aside.
    Issue,
    /// Which registrations are one person, as an append-only ledger.
    Ledger,
    /// Emergency accesses: who opened one, why, until when, and how it was reviewed.
    Ground,
}

impl Keyspace {
    /// Every keyspace.
    pub const ALL: [Self; 19] = [
        Self::Meta,
        Self::Key,
        Self::Account,
        Self::Resource,
        Self::History,
        Self::Id,
        Self::Index,
        Self::CompartmentIndex,
        Self::Log,
        Self::Audit,
        Self::AuditTile,
        Self::AuditIndex,
        Self::Blob,
        Self::Source,
        Self::Claim,
        Self::Receipt,
        Self::Issue,
        Self::Ledger,
        Self::Ground,
    ];

    /// The name in metrics, in backups and as the column family.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Key => "key",
            Self::Account => "account",
            Self::Resource => "res",
            Self::History => "hist",
            Self::Id => "id",
            Self::Index => "idx",
            Self::CompartmentIndex => "cidx",
            Self::Log => "log",
            Self::Audit => "audit",
            Self::AuditTile => "audit_tile",
            Self::AuditIndex => "audit_idx",
            Self::Blob => "blob",
            Self::Source => "source",
            Self::Claim => "claim",
            Self::Receipt => "receipt",
            Self::Issue => "issue",
            Self::Ledger => "ledger",
            Self::Ground => "ground",
        }
    }
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Set the value.
    Put(Keyspace, Vec<u8>, Vec<u8>),
    /// Remove the key; removing an absent key is no error.
    Delete(Keyspace, Vec<u8>),
}

/// Whether a batch is on the disk when `write` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// fsynced before the call returns.
    Synced,
    /// In the write-ahead log, not yet fsynced; [`Engine::sync`] makes it durable.
    Buffered,
}

/// Why an engine refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The disk is full (or a quota is reached): reads go on, writes do not.
    #[error("the disk is full")]
    DiskFull,
    /// Another process has the data folder open.
    #[error("the data folder is in use by another process")]
    Locked,
    /// What is on the disk cannot be believed.
    #[error("the data folder is damaged: {0}")]
    Damaged(String),
    /// The write-ahead log is damaged before its end: opening it up to there would let acknowledged writes vanish silently.
    #[error(
        "the write-ahead log {file} is damaged at byte {at}, and {records_behind} whole records lie behind: what was acknowledged would \
         vanish silently. Restore a backup, or say `kangmai repair --data DIR` to keep what was written before the damage"
    )]
    LogDamaged {
        /// Name of the log file in `db/`.
        file: String,
        /// Where the damage begins.
        at: u64,
        /// Whole records behind it.
        records_behind: u64,
    },
    /// Any other I/O error.
    #[error("input/output error: {0}")]
    Io(String),
}

/// Keys that one batch of the plain way of [`Engine::delete_range`] removes.
const DELETE_BATCH_KEYS: usize = 4_096;

/// An ordered key-value engine.
pub trait Engine: Send + Sync + 'static {
    /// A consistent view of everything committed so far.
    fn snapshot(&self) -> Box<dyn Snapshot + '_>;

    /// The newest value of a key.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Applies all writes or none, in order.
    ///
    /// # Errors
    /// [`EngineError`]; nothing was applied then.
    fn write(&self, writes: &[Write], durability: Durability) -> Result<(), EngineError>;

    /// Removes every key in `[from, to)` (an empty `to`: to the end of the keyspace), durably. Views opened before keep them. It is not
    /// one step: cut off in the middle, a part of the keys may be gone.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn delete_range(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<(), EngineError> {
        let snapshot = self.snapshot();
        let mut cursor = snapshot.scan(keyspace, from, to);
        loop {
            let mut batch = Vec::new();
            while batch.len() < DELETE_BATCH_KEYS
                && let Some((key, _)) = cursor.next()?
            {
                batch.push(Write::Delete(keyspace, key.to_vec()));
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.write(&batch, Durability::Synced)?;
        }
    }

    /// fsyncs everything written so far.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn sync(&self) -> Result<(), EngineError>;

    /// Moves everything from the write-ahead log into tables, so that the next start has nothing to replay. Costs a write of
    /// all buffers; called when the store closes.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses; nothing is lost then.
    fn settle(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// A consistent, openable copy of the data in `directory` (which must not exist), made while writes go on.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError>;

    /// Approximate number of keys in `[from, to)`, for planning; may be wrong by a wide margin.
    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64;
}

/// A consistent view.
pub trait Snapshot: Send + Sync {
    /// The value of a key in this view.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Values of many keys, in the order asked; cheaper than as many `get` calls.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn get_many(&self, keyspace: Keyspace, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        keys.iter().map(|key| self.get(keyspace, key)).collect()
    }

    /// A cursor over `[from, to)`, ascending, standing before the first key.
    fn scan(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_>;

    /// A cursor over `[from, to)`, descending, standing before the last key. `seek` is not supported on it.
    fn scan_back(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_>;
}

/// A key and its value, as a cursor stands on them.
pub type Row<'r> = (&'r [u8], &'r [u8]);

/// Walks over keys in order. The slices live until the next call.
pub trait Cursor {
    /// The next key and value, or `None` at the end.
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn next(&mut self) -> Result<Option<Row<'_>>, EngineError>;

    /// Moves so that the following `next` returns the first key that is `>= key` (never backwards).
    ///
    /// # Errors
    /// [`EngineError`] when the disk refuses.
    fn seek(&mut self, key: &[u8]) -> Result<(), EngineError>;
}

/// The smallest key that is greater than every key starting with `prefix`; empty when there is none.
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    end
}
