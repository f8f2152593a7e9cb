//! [`RocksEngine`]: the embedded default — one RocksDB, one column family per keyspace.
//!
//! Tuned for a small server (2 cores, under 300 MB resident): one block cache for everything, index and filter blocks inside it,
//! 64 MiB of write buffers for all keyspaces together. Sealed values do not compress, so their keyspaces do not try.

use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRawIteratorWithThreadMode, DBRecoveryMode, ErrorKind, LogLevel, ReadOptions, SnapshotWithThreadMode, WriteBatch,
    WriteOptions, checkpoint::Checkpoint,
};

use crate::{
    engine::{Cursor, Durability, Engine, EngineError, Keyspace, Snapshot, Write},
    space::{Space, io_error},
    wal,
};

/// All write buffers together: bounds memory, and the time a restart replays the write-ahead log.
const WRITE_BUFFERS_BYTES: usize = 64 << 20;
/// One keyspace's write buffer; the busy ones (index, resources) fill several before [`WRITE_BUFFERS_BYTES`] is reached.
const WRITE_BUFFER_BYTES: usize = 16 << 20;
/// A keyspace that is seldom written would keep the log of months alive; beyond this size it is flushed.
const WRITE_AHEAD_LOG_BYTES_MAX: u64 = 128 << 20;
/// Files kept open; far below the usual limit of 1,024 descriptors per process.
const OPEN_FILES_MAX: i32 = 400;
/// ~1 % false positives.
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// One part of a filter or of an index: what one question brings into the cache.
const METADATA_BLOCK_BYTES: usize = 4 << 10;
/// Background threads write to the disk in portions, so that a commit's fsync does not wait for a whole file.
const BYTES_PER_SYNC: u64 = 1 << 20;
/// How many keys `estimate` counts one by one before it asks for sizes: enough to tell a rare value from a common one.
const ESTIMATE_EXACT_KEYS: u64 = 200;
/// Steps that `seek` walks before it searches: a step costs a tenth of a search.
const SEEK_STEPS: usize = 4;

/// How a [`RocksEngine`] is opened.
#[derive(Debug, Clone)]
pub struct RocksOptions {
    /// Block cache of all keyspaces together, in bytes.
    pub cache_bytes: usize,
    /// Open a write-ahead log that is damaged before its end, up to the damage. For [`crate::Store::repair`] alone.
    pub open_damaged: bool,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20, open_damaged: false }
    }
}

/// What a keyspace's values and reads are like.
struct Shape {
    compressed: bool,
    bloom: bool,
    block_bytes: usize,
}

impl Shape {
    fn of(keyspace: Keyspace) -> Self {
        match keyspace {
            // Keys only, read in ranges: large compressed blocks; a filter would never be asked.
            Keyspace::Index | Keyspace::CompartmentIndex | Keyspace::AuditIndex => {
                Self { compressed: true, bloom: false, block_bytes: 16 << 10 }
            }
            Keyspace::Log => Self { compressed: true, bloom: false, block_bytes: 32 << 10 },
            Keyspace::Audit | Keyspace::AuditTile => Self { compressed: false, bloom: false, block_bytes: 16 << 10 },
            // Sealed values, read one by one.
            Keyspace::Resource | Keyspace::History | Keyspace::Blob => {
                Self { compressed: false, bloom: true, block_bytes: 8 << 10 }
            }
            // Sealed, listed by source and day.
            Keyspace::Receipt | Keyspace::Issue => Self { compressed: false, bloom: false, block_bytes: 16 << 10 },
            Keyspace::Id
            | Keyspace::Key
            | Keyspace::Account
            | Keyspace::Meta
            | Keyspace::Source
            | Keyspace::Claim
            | Keyspace::Ledger
            | Keyspace::Ground => Self { compressed: false, bloom: true, block_bytes: 4 << 10 },
        }
    }

    fn options(&self, cache: &Cache) -> rocksdb::Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(cache);
        table.set_block_size(self.block_bytes);
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        if self.bloom {
            table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
            // In parts, under a top level that stays in memory: whole filters of a large table are some mebibytes each, push each
            // other out of the cache, and are then read from the disk for every key that is asked.
            table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            table.set_partition_filters(true);
            table.set_metadata_block_size(METADATA_BLOCK_BYTES);
            table.set_pin_top_level_index_and_filter(true);
        }
        let mut options = rocksdb::Options::default();
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
        if self.compressed {
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_bottommost_compression_type(DBCompressionType::Zstd);
        } else {
            options.set_compression_type(DBCompressionType::None);
        }
        options
    }
}

/// The embedded engine.
pub struct RocksEngine {
    database: DB,
    directory: PathBuf,
    synced: WriteOptions,
    buffered: WriteOptions,
    space: Space,
}

impl RocksEngine {
    /// Opens the database in `directory`, creating it when it is absent.
    ///
    /// A torn end of the write-ahead log (power cut) is dropped: it was never acknowledged. Damage that whole records follow is refused
    /// (decision 0011).
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it open, [`EngineError::LogDamaged`], [`EngineError::Damaged`] when files are
    /// missing or corrupt.
    pub fn open(directory: &Path, options: &RocksOptions) -> Result<Self, EngineError> {
        std::fs::create_dir_all(directory).map_err(|error| io_error(&error))?;
        // The strictest first: the others pass over a wrong length in the last block of a log without a word.
        let database = match Self::open_database(directory, options, DBRecoveryMode::AbsoluteConsistency) {
            Err(error) if error.kind() == ErrorKind::Corruption => {
                let damage = wal::damage_before_the_end(directory).map_err(|error| io_error(&error))?;
                if let Some(damage) = damage.filter(|_| !options.open_damaged) {
                    let file = damage.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    return Err(EngineError::LogDamaged { file, at: damage.at, records_behind: damage.records_behind });
                }
                tracing::warn!(%error, "the end of the write-ahead log is torn; opening what was committed before");
                Self::open_database(directory, options, DBRecoveryMode::PointInTime)
            }
            other => other,
        }
        .map_err(engine_error)?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(Self {
            database,
            directory: directory.to_owned(),
            synced,
            buffered: WriteOptions::default(),
            space: Space::default(),
        })
    }

    fn open_database(directory: &Path, options: &RocksOptions, recovery: DBRecoveryMode) -> Result<DB, rocksdb::Error> {
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let mut shared = rocksdb::Options::default();
        shared.create_if_missing(true);
        shared.create_missing_column_families(true);
        shared.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
        shared.set_max_total_wal_size(WRITE_AHEAD_LOG_BYTES_MAX);
        shared.set_wal_recovery_mode(recovery);
        shared.set_max_open_files(OPEN_FILES_MAX);
        shared.set_max_background_jobs(2);
        shared.set_bytes_per_sync(BYTES_PER_SYNC);
        shared.set_enable_pipelined_write(false);
        shared.set_unordered_write(false);
        shared.set_stats_dump_period_sec(0);
        shared.set_stats_persist_period_sec(0);
        shared.set_skip_stats_update_on_db_open(true);
        shared.set_keep_log_file_num(2);
        shared.set_log_level(LogLevel::Warn);
        let families = Keyspace::ALL
            .iter()
            .map(|keyspace| ColumnFamilyDescriptor::new(keyspace.name(), Shape::of(*keyspace).options(&cache)))
            // RocksDB insists on a family of this name; nothing is stored in it.
            .chain([ColumnFamilyDescriptor::new("default", rocksdb::Options::default())]);
        DB::open_cf_descriptors(&shared, directory, families)
    }

    /// Bytes of memory in use by RocksDB: block cache, write buffers, table readers.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let of_family = |keyspace: &Keyspace| {
            let Ok(family) = self.family(*keyspace) else { return 0 };
            ["rocksdb.cur-size-all-mem-tables", "rocksdb.estimate-table-readers-mem"]
                .iter()
                .filter_map(|name| self.database.property_int_value_cf(family, *name).ok().flatten())
                .sum::<u64>()
        };
        let cache = self
            .family(Keyspace::Resource)
            .ok()
            .and_then(|family| self.database.property_int_value_cf(family, "rocksdb.block-cache-usage").ok().flatten());
        Keyspace::ALL.iter().map(of_family).sum::<u64>() + cache.unwrap_or(0)
    }

    fn family(&self, keyspace: Keyspace) -> Result<&ColumnFamily, EngineError> {
        self.database
            .cf_handle(keyspace.name())
            .ok_or_else(|| EngineError::Damaged(format!("keyspace `{}` is missing", keyspace.name())))
    }

    fn estimate_or_error(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<u64, EngineError> {
        let snapshot = self.database.snapshot();
        let view = RocksSnapshot { engine: self, snapshot };
        let mut cursor = view.scan(keyspace, from, to);
        let mut counted = 0;
        let mut bytes = 0;
        while let Some((key, value)) = cursor.next()? {
            counted += 1;
            bytes += (key.len() + value.len()) as u64;
            if counted == ESTIMATE_EXACT_KEYS {
                let last = [0xff; 64];
                let to = if to.is_empty() { &last[..] } else { to };
                let sizes =
                    self.database.get_approximate_sizes_cf(self.family(keyspace)?, &[rocksdb::Range::new(from, to)]);
                let row_bytes = (bytes / counted).max(1);
                return Ok((sizes.iter().sum::<u64>() / row_bytes).max(2 * ESTIMATE_EXACT_KEYS));
            }
        }
        Ok(counted)
    }
}

impl Engine for RocksEngine {
    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        Box::new(RocksSnapshot { engine: self, snapshot: self.database.snapshot() })
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.database.get_cf(self.family(keyspace)?, key).map_err(engine_error)
    }

    fn write(&self, writes: &[Write], durability: Durability) -> Result<(), EngineError> {
        let mut batch = WriteBatch::default();
        for write in writes {
            match write {
                Write::Put(keyspace, key, value) => batch.put_cf(self.family(*keyspace)?, key, value),
                Write::Delete(keyspace, key) => batch.delete_cf(self.family(*keyspace)?, key),
            }
        }
        self.space.take(&self.directory, batch.size_in_bytes() as u64, durability)?;
        let options = match durability {
            Durability::Synced => &self.synced,
            Durability::Buffered => &self.buffered,
        };
        self.database.write_opt(batch, options).map_err(engine_error)
    }

    fn delete_range(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<(), EngineError> {
        // RocksDB wants an end: the newest key is removed by itself when there is none.
        let newest = if to.is_empty() {
            let snapshot = self.snapshot();
            let mut cursor = snapshot.scan_back(keyspace, from, to);
            let Some((key, _)) = cursor.next()? else { return Ok(()) };
            Some(key.to_vec())
        } else if to <= from {
            return Ok(());
        } else {
            None
        };
        let family = self.family(keyspace)?;
        let mut batch = WriteBatch::default();
        let end = newest.as_deref().unwrap_or(to);
        batch.delete_range_cf(family, from, end);
        if let Some(newest) = &newest {
            batch.delete_cf(family, newest);
        }
        self.space.take(&self.directory, batch.size_in_bytes() as u64, Durability::Synced)?;
        self.database.write_opt(batch, &self.synced).map_err(engine_error)?;
        // Now, so that no later list walks over what is gone, and its room comes back.
        self.database.compact_range_cf(family, Some(from), Some(end));
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.database.flush_wal(true).map_err(engine_error)
    }

    fn settle(&self) -> Result<(), EngineError> {
        for keyspace in Keyspace::ALL {
            self.database.flush_cf(self.family(keyspace)?).map_err(engine_error)?;
        }
        Ok(())
    }

    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError> {
        Checkpoint::new(&self.database)
            .and_then(|checkpoint| checkpoint.create_checkpoint(directory))
            .map_err(engine_error)
    }

    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64 {
        // A guess for the planner: when the disk refuses, the read that follows will say so.
        self.estimate_or_error(keyspace, from, to).unwrap_or(u64::MAX)
    }
}

struct RocksSnapshot<'e> {
    engine: &'e RocksEngine,
    snapshot: SnapshotWithThreadMode<'e, DB>,
}

impl RocksSnapshot<'_> {
    fn cursor(&self, keyspace: Keyspace, from: &[u8], to: &[u8], backwards: bool) -> RocksCursor<'_> {
        let mut options = ReadOptions::default();
        if !from.is_empty() {
            options.set_iterate_lower_bound(from);
        }
        if !to.is_empty() {
            options.set_iterate_upper_bound(to);
        }
        match self.engine.family(keyspace) {
            Ok(family) => RocksCursor {
                iterator: Some(self.snapshot.raw_iterator_cf_opt(family, options)),
                failed: None,
                backwards,
                place: Place::Start,
            },
            Err(error) => RocksCursor { iterator: None, failed: Some(error), backwards, place: Place::Start },
        }
    }
}

impl Snapshot for RocksSnapshot<'_> {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.snapshot.get_cf(self.engine.family(keyspace)?, key).map_err(engine_error)
    }

    fn get_many(&self, keyspace: Keyspace, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.snapshot);
        let sorted = keys.is_sorted();
        self.engine
            .database
            .batched_multi_get_cf_opt(self.engine.family(keyspace)?, keys.iter().map(Vec::as_slice), sorted, &options)
            .into_iter()
            .map(|found| found.map(|value| value.map(|slice| slice.to_vec())).map_err(engine_error))
            .collect()
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_> {
        Box::new(self.cursor(keyspace, from, to, false))
    }

    fn scan_back(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Box<dyn Cursor + '_> {
        Box::new(self.cursor(keyspace, from, to, true))
    }
}

/// Where a cursor's iterator stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere yet.
    Start,
    /// On a row that `next` has not returned yet.
    Fresh,
    /// On the row that `next` returned last.
    Returned,
    /// Behind the last row; an iterator there must not be stepped.
    End,
}

struct RocksCursor<'s> {
    iterator: Option<DBRawIteratorWithThreadMode<'s, DB>>,
    failed: Option<EngineError>,
    backwards: bool,
    place: Place,
}

impl<'s> RocksCursor<'s> {
    fn iterator(&mut self) -> Result<&mut DBRawIteratorWithThreadMode<'s, DB>, EngineError> {
        let failed = &self.failed;
        self.iterator
            .as_mut()
            .ok_or_else(|| failed.clone().unwrap_or_else(|| EngineError::Io("the cursor has no iterator".to_owned())))
    }
}

impl Cursor for RocksCursor<'_> {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, EngineError> {
        let (place, backwards) = (self.place, self.backwards);
        let iterator = self.iterator()?;
        match (place, backwards) {
            (Place::Start, false) => iterator.seek_to_first(),
            (Place::Start, true) => iterator.seek_to_last(),
            (Place::Returned, false) => iterator.next(),
            (Place::Returned, true) => iterator.prev(),
            (Place::Fresh | Place::End, _) => {}
        }
        let valid = place != Place::End && iterator.valid();
        if !valid {
            iterator.status().map_err(engine_error)?;
        }
        self.place = if valid { Place::Returned } else { Place::End };
        if !valid {
            return Ok(None);
        }
        Ok(self.iterator.as_ref().and_then(DBRawIteratorWithThreadMode::item))
    }

    fn seek(&mut self, key: &[u8]) -> Result<(), EngineError> {
        if self.backwards {
            return Err(EngineError::Io("seek is not supported on a descending cursor".to_owned()));
        }
        let mut place = self.place;
        let iterator = self.iterator()?;
        let mut steps = SEEK_STEPS;
        loop {
            match place {
                Place::End => break,
                Place::Start => {
                    iterator.seek(key);
                    place = Place::Fresh;
                }
                Place::Returned | Place::Fresh => {
                    let Some(current) = iterator.key() else { break };
                    if key <= current {
                        break;
                    }
                    if steps == 0 {
                        iterator.seek(key);
                    } else {
                        steps -= 1;
                        iterator.next();
                    }
                    place = Place::Fresh;
                }
            }
            if !iterator.valid() {
                iterator.status().map_err(engine_error)?;
                place = Place::End;
            }
        }
        self.place = place;
        Ok(())
    }
}

/// The engine error that a RocksDB error means. RocksDB tells by text only.
fn engine_error(error: rocksdb::Error) -> EngineError {
    let kind = error.kind();
    let text = error.into_string();
    if text.contains("No space left on device") || text.contains("Disk quota exceeded") || text.contains("NoSpace") {
        EngineError::DiskFull
    } else if text.contains("lock") && (text.contains("LOCK") || text.contains("No locks available")) {
        EngineError::Locked
    } else if kind == ErrorKind::Corruption {
        EngineError::Damaged(text)
    } else {
        EngineError::Io(text)
    }
}
