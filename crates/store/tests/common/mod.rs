//! What several test files need.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{Home, TenantId};
use parking_lot::{Condvar, Mutex};
use store::{Durability, Engine, EngineError, Keyspace, MemoryEngine, Options, Snapshot, Transaction, Write};
use trust::MasterKey;

pub const TENANT: TenantId = TenantId(7);
pub const HOME: Home = Home(0x99);

/// The same key in every test, so that a folder can be opened again.
pub fn options() -> Options {
    Options::new(MasterKey::from_bytes([9; 32]))
}

/// Bytes that do not compress, so that the lengths are what they seem.
pub fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

pub fn put(keyspace: Keyspace, key: &[u8], value: &[u8]) -> Write {
    Write::Put(keyspace, key.to_vec(), value.to_vec())
}

pub fn transaction(writes: Vec<Write>) -> Transaction {
    Transaction { writes, ..Transaction::new(TENANT) }
}

/// An engine in memory whose writes can be held back and refused.
#[derive(Default)]
pub struct GateEngine {
    inner: MemoryEngine,
    shut: Mutex<bool>,
    moved: Condvar,
    waiting: Mutex<usize>,
    arrived: Condvar,
    pub full: AtomicBool,
    pub batches: Mutex<Vec<usize>>,
}

impl GateEngine {
    pub fn shut(&self) {
        *self.shut.lock() = true;
    }

    pub fn open(&self) {
        *self.shut.lock() = false;
        self.moved.notify_all();
    }

    /// Returns once a write stands before the gate.
    pub fn wait_for_writer(&self) {
        let mut waiting = self.waiting.lock();
        while *waiting == 0 {
            self.arrived.wait(&mut waiting);
        }
    }
}

impl Engine for GateEngine {
    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        self.inner.snapshot()
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.inner.get(keyspace, key)
    }

    fn write(&self, writes: &[Write], durability: Durability) -> Result<(), EngineError> {
        *self.waiting.lock() += 1;
        self.arrived.notify_all();
        let mut shut = self.shut.lock();
        while *shut {
            self.moved.wait(&mut shut);
        }
        drop(shut);
        *self.waiting.lock() -= 1;
        if self.full.load(Ordering::SeqCst) {
            return Err(EngineError::DiskFull);
        }
        self.batches.lock().push(writes.len());
        self.inner.write(writes, durability)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.inner.sync()
    }

    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError> {
        self.inner.checkpoint(directory)
    }

    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64 {
        self.inner.estimate(keyspace, from, to)
    }
}

/// The gate as the store sees it, and as the test holds it.
pub fn gate() -> (Arc<GateEngine>, Arc<dyn Engine>) {
    let gate = Arc::new(GateEngine::default());
    (Arc::clone(&gate), gate)
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The newest file of the write-ahead log.
pub fn write_ahead_log(folder: &Path) -> PathBuf {
    let logs = fs::read_dir(folder.join("db")).unwrap().map(|entry| entry.unwrap().path());
    logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap()
}
