//! The only crate that touches the disk. It knows keys, values, transactions and files; it knows no FHIR.
//!
//! Invariant: nothing above this crate names RocksDB, opens a file of the data folder or calls fsync.

mod accounts;
mod audit;
pub mod backup;
mod blobs;
mod committer;
mod compress;
mod engine;
mod keyring;
mod memory;
mod renewal;
mod rocks;
mod space;
mod store;
mod sweep;
mod wal;

pub use accounts::Accounts;
pub use audit::{AuditLog, AuditPosition, AuditRecord, Finding, InclusionProof, Verdict};
pub use blobs::{BLOB_BYTES_MAX, BlobId, Blobs, INLINE_BYTES_MAX, NotABlobId, SegmentReport};
pub use committer::{CommitError, Committed, Precondition, QUEUE_BYTES_MAX, Reply, Transaction, log_key, log_sequence};
pub use compress::{DICTIONARY_FHIR_R4_1, DICTIONARY_NONE};
pub use engine::{Cursor, Durability, Engine, EngineError, Keyspace, Row, Snapshot, Write, prefix_end};
pub use keyring::KeyRing;
pub use memory::MemoryEngine;
pub use rocks::{RocksEngine, RocksOptions};
pub use store::{FORMAT, Options, Repaired, Store, StoreError};
pub use sweep::Swept;
pub use wal::LogDamage;
