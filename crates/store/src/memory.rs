//! [`MemoryEngine`]: the engine of the tests — ordered maps with copy-on-write snapshots, nothing on the disk.

use std::{
    collections::{BTreeMap, btree_map::Range},
    ops::Bound,
    path::Path,
    sync::Arc,
};

use parking_lot::RwLock;

use crate::{
    engine::{Cursor, Durability, Engine, EngineError, Keyspace, Snapshot, Write},
    rocks::{RocksEngine, RocksOptions},
};

/// Keys and values are shared, so that the copy made for a live snapshot copies pointers and not bytes.
type Map = BTreeMap<Arc<[u8]>, Arc<[u8]>>;

/// How many rows go into one batch when a checkpoint is written.
const CHECKPOINT_BATCH_ROWS: usize = 4_096;

/// One map per keyspace.
#[derive(Clone, Default)]
struct Maps([Arc<Map>; Keyspace::ALL.len()]);

impl Maps {
    fn of(&self, keyspace: Keyspace) -> &Map {
        &self.0[keyspace as usize]
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Option<Vec<u8>> {
        self.of(keyspace).get(key).map(|value| value.to_vec())
    }

    fn range(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Range<'_, Arc<[u8]>, Arc<[u8]>> {
        // An inverted range is empty here as it is in RocksDB; `BTreeMap::range` would panic.
        let end = if to.is_empty() { Bound::Unbounded } else { Bound::Excluded(to.max(from)) };
        self.of(keyspace).range::<[u8], _>((Bound::Included(from), end))
    }
}

/// An engine that forgets everything when it is dropped. Durability is accepted and ignored.
#[derive(Default)]
pub struct MemoryEngine {
    maps: RwLock<Maps>,
}

impl MemoryEngine {
    /// An empty engine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every row of a keyspace, in order; for tests that compare two engines.
    #[must_use]
    pub fn rows(&self, keyspace: Keyspace) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.maps.read().of(keyspace).iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(MemorySnapshot(self.maps.read().clone()))
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.maps.read().get(keyspace, key))
    }

    fn write(&self, writes: &[Write], _durability: Durability) -> Result<(), EngineError> {
        let mut maps = self.maps.write();
        for write in writes {
            match write {
                Write::Put(keyspace, key, value) => {
                    Arc::make_mut(&mut maps.0[*keyspace as usize])
                        .insert(key.as_slice().into(), value.as_slice().into());
                }
                Write::Delete(keyspace, key) => {
                    Arc::make_mut(&mut maps.0[*keyspace as usize]).remove(key.as_slice());
                }
            }
        }
        Ok(())
    }

    fn delete_range(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<(), EngineError> {
        let mut maps = self.maps.write();
        let map = Arc::make_mut(&mut maps.0[keyspace as usize]);
        map.retain(|key, _| **key < *from || (!to.is_empty() && **key >= *to));
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Writes a RocksDB folder: what is kept must be openable by the server.
    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError> {
        let maps = self.maps.read().clone();
        if directory.exists() {
            return Err(EngineError::Io("the checkpoint folder exists already".to_owned()));
        }
        let target = RocksEngine::open(directory, &RocksOptions::default())?;
        for keyspace in Keyspace::ALL {
            let rows: Vec<Write> = maps
                .of(keyspace)
                .iter()
                .map(|(key, value)| Write::Put(keyspace, key.to_vec(), value.to_vec()))
                .collect();
            for batch in rows.chunks(CHECKPOINT_BATCH_ROWS) {
                target.write(batch, Durability::Buffered)?;
            }
        }
        target.sync()
    }

    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64 {
        self.maps.read().range(keyspace, from, to).count() as u64
    }
}

struct MemorySnapshot(Maps);

impl Snapshot for MemorySnapshot {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.0.get(keyspace, key))
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_> {
        let rest = self.0.range(keyspace, from, to);
        Box::new(MemoryCursor { maps: &self.0, keyspace, to: to.to_vec(), rest, last: None, backwards: false })
    }

    fn scan_back(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_> {
        let rest = self.0.range(keyspace, from, to);
        Box::new(MemoryCursor { maps: &self.0, keyspace, to: to.to_vec(), rest, last: None, backwards: true })
    }
}

struct MemoryCursor<'s> {
    maps: &'s Maps,
    keyspace: Keyspace,
    to: Vec<u8>,
    rest: Range<'s, Arc<[u8]>, Arc<[u8]>>,
    /// The key that `next` returned last.
    last: Option<&'s [u8]>,
    backwards: bool,
}

impl Cursor for MemoryCursor<'_> {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, EngineError> {
        let row = if self.backwards { self.rest.next_back() } else { self.rest.next() };
        Ok(row.map(|(key, value)| {
            self.last = Some(key);
            (&key[..], &value[..])
        }))
    }

    fn seek(&mut self, key: &[u8]) -> Result<(), EngineError> {
        if self.backwards {
            return Err(EngineError::Io("seek is not supported on a descending cursor".to_owned()));
        }
        let already_past = self.last.is_some_and(|last| key <= last);
        // A cursor never moves backwards: neither before what it returned nor before its own lower bound.
        let before_rest = self.rest.clone().next().is_none_or(|(first, _)| key <= &first[..]);
        if !already_past && !before_rest {
            self.rest = self.maps.range(self.keyspace, key, &self.to);
        }
        Ok(())
    }
}
