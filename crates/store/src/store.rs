//! [`Store`]: one data folder, opened.
//!
//! ```text
//! <folder>/db/       RocksDB: every keyspace
//! <folder>/blobs/    segments with originals above 256 KiB
//! ```

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::{Clock, Home, SystemClock, TenantId};
use parking_lot::Mutex;
use sm3::{Digest, Sm3};
use trust::{BodyKey, CipherError, MasterKey, Roots, TenantKeys};

use crate::{
    accounts::Accounts,
    audit::{AuditLog, AuditTimes},
    blobs::Blobs,
    committer::{CommitError, Committed, Committer, Precondition, Reply, Transaction},
    compress,
    engine::{Durability, Engine, EngineError, Keyspace, Snapshot, Write},
    keyring::KeyRing,
    memory::MemoryEngine,
    renewal,
    rocks::{RocksEngine, RocksOptions},
    space::io_error,
    wal::{self, LogDamage},
};

/// Format of the data folder that this program writes; it reads this one and every older one.
/// 2: keys are derived from sealed roots; 1: from the master key itself, until they are renewed.
pub const FORMAT: u32 = 2;
pub(crate) const FORMAT_KEY: &[u8] = b"format";
const KEY_CHECK_KEY: &[u8] = b"key-check";
const KEY_CHECK_TEXT: &[u8] = b"kangmai";
/// Tenant 0 is nobody's: its keys only tell whether the key file fits the data folder.
pub(crate) const KEY_CHECK_TENANT: TenantId = TenantId(0);

/// RocksDB's folder inside the data folder.
pub(crate) const DATABASE_FOLDER: &str = "db";
/// The segments' folder inside the data folder.
pub(crate) const BLOB_FOLDER: &str = "blobs";

/// Why the store refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A transaction of the store itself (an account, a key) was refused.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A newer program wrote this data folder.
    #[error("the data folder has format {found}; this program knows formats up to {known}")]
    NewerFormat {
        /// What the folder says.
        found: u32,
        /// What this program writes.
        known: u32,
    },
    /// The key file is not the one that opens this data folder now.
    #[error("the key file does not belong to this data folder")]
    WrongMasterKey,
    /// Sealed bytes do not open: changed on the disk, or sealed under another key.
    #[error("sealed bytes do not open: {0}")]
    Cipher(#[from] CipherError),
    /// Stored bytes are not what was written.
    #[error("stored bytes are damaged: {0}")]
    Damaged(String),
    /// A body was packed with a dictionary that this program does not have.
    #[error("dictionary {0} is not known")]
    UnknownDictionary(u8),
    /// More bytes than the limit.
    #[error("{bytes} bytes are more than the limit of {limit}")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
}

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The key of keys; it lives outside the data folder.
    pub master_key: MasterKey,
    /// Block cache of all keyspaces together, in bytes. 128 MiB by default: the whole server stays below 300 MB.
    pub cache_bytes: usize,
    /// Whether commits fsync. Off only in the test that proves that the crash test notices.
    pub sync: bool,
    /// The longest time that an audit event stays without fsync.
    pub audit_sync_within: Duration,
    /// How often a growing audit log gets a signed checkpoint.
    pub audit_checkpoint_every: Duration,
    /// Where "now" comes from, for checkpoints and backups.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(master_key: MasterKey) -> Self {
        Self {
            master_key,
            cache_bytes: RocksOptions::default().cache_bytes,
            sync: true,
            audit_sync_within: Duration::from_millis(100),
            audit_checkpoint_every: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cache_bytes", &self.cache_bytes)
            .field("sync", &self.sync)
            .field("audit_sync_within", &self.audit_sync_within)
            .field("audit_checkpoint_every", &self.audit_checkpoint_every)
            .finish_non_exhaustive()
    }
}

/// What [`Store::repair`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where the log was damaged, and how much lay behind.
    pub damage: LogDamage,
    /// The folder with copies of the logs as they were.
    pub kept_in: PathBuf,
}

/// A data folder, opened: engine, keys, committer, audit log, accounts, originals.
pub struct Store {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) keyring: Arc<KeyRing>,
    committer: Arc<Committer>,
    audit: AuditLog,
    accounts: Accounts,
    blobs: Arc<Blobs>,
    clock: Arc<dyn Clock>,
    directory: Option<PathBuf>,
    /// One renewal of keys at a time.
    pub(crate) renewing: Mutex<()>,
}

impl Store {
    /// Opens the data folder, creating it when it is absent.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it, [`StoreError::NewerFormat`], [`StoreError::WrongMasterKey`],
    /// or what the disk says.
    pub fn open(directory: &Path, options: Options) -> Result<Arc<Self>, StoreError> {
        let rocks = RocksOptions { cache_bytes: options.cache_bytes, open_damaged: false };
        let engine = RocksEngine::open(&directory.join(DATABASE_FOLDER), &rocks)?;
        sync_names(directory).map_err(|error| io_error(&error))?;
        Self::start(Arc::new(engine), options, Some(directory.to_owned()))
    }

    /// Opens a folder whose write-ahead log is damaged before its end up to the damage, once, after the damaged logs were copied to
    /// `damaged-<time>` in the folder. `note` writes down that it was done, before anything else can happen. `None`: nothing is damaged so,
    /// and nothing was done.
    ///
    /// # Errors
    /// As [`Store::open`]; what `note` says.
    pub fn repair(
        directory: &Path,
        options: Options,
        note: impl FnOnce(&Store, &Repaired) -> Result<(), StoreError>,
    ) -> Result<Option<Repaired>, StoreError> {
        let io = |error: std::io::Error| StoreError::Engine(io_error(&error));
        match Self::open(directory, options.clone()) {
            Ok(store) => {
                store.close();
                return Ok(None);
            }
            Err(StoreError::Engine(EngineError::LogDamaged { .. })) => {}
            Err(error) => return Err(error),
        }
        let database = directory.join(DATABASE_FOLDER);
        let Some(damage) = wal::damage_before_the_end(&database).map_err(io)? else { return Ok(None) };
        let kept_in = directory.join(format!("damaged-{}", options.clock.now_ms()));
        std::fs::create_dir(&kept_in).map_err(io)?;
        for entry in std::fs::read_dir(&database).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|it| it == "log")) {
                let copy = kept_in.join(name);
                std::fs::copy(&path, &copy).and_then(|_| File::open(&copy)?.sync_all()).map_err(io)?;
            }
        }
        sync_names(&kept_in).map_err(io)?;
        let rocks = RocksOptions { cache_bytes: options.cache_bytes, open_damaged: true };
        let engine = RocksEngine::open(&database, &rocks)?;
        let store = Self::start(Arc::new(engine), options, Some(directory.to_owned()))?;
        // Rows behind the damage may refer to originals that now look as if nobody did: they belong to the logs that are kept.
        store.blobs.keep_what_is_there()?;
        let repaired = Repaired { damage, kept_in };
        note(&store, &repaired)?;
        store.close();
        Ok(Some(repaired))
    }

    /// A store that forgets everything when it is dropped; originals are kept inline.
    ///
    /// # Errors
    /// Only when threads cannot be started.
    pub fn in_memory(options: Options) -> Result<Arc<Self>, StoreError> {
        Self::start(Arc::new(MemoryEngine::new()), options, None)
    }

    /// A store over any engine, without segments; for engines that inject faults.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn over(engine: Arc<dyn Engine>, options: Options) -> Result<Arc<Self>, StoreError> {
        Self::start(engine, options, None)
    }

    fn start(engine: Arc<dyn Engine>, options: Options, directory: Option<PathBuf>) -> Result<Arc<Self>, StoreError> {
        let Options { master_key, sync, audit_sync_within, audit_checkpoint_every, clock, .. } = options;
        check_format(&*engine)?;
        // A store in memory forgets its roots with everything else: there the master key is the root.
        let roots = renewal::load_roots(&*engine, &master_key, directory.is_some())?;
        let keyring = Arc::new(KeyRing::new(Arc::clone(&engine), roots));
        check_meta(&*engine, &keyring.tenant(KEY_CHECK_TENANT))?;
        let blob_folder = directory.as_ref().map(|directory| directory.join(BLOB_FOLDER));
        let blobs = Arc::new(Blobs::open(Arc::clone(&engine), Arc::clone(&keyring), blob_folder)?);
        let durability = if sync { Durability::Synced } else { Durability::Buffered };
        let committer =
            Arc::new(Committer::start(Arc::clone(&engine), Arc::clone(&keyring), Arc::clone(&blobs), durability)?);
        let times = AuditTimes { sync_within: audit_sync_within, checkpoint_every: audit_checkpoint_every };
        let audit = AuditLog::start(Arc::clone(&engine), Arc::clone(&keyring), Arc::clone(&clock), times)?;
        let accounts = Accounts::new(Arc::clone(&engine), Arc::clone(&keyring), Arc::clone(&committer));
        Ok(Arc::new(Self {
            engine,
            keyring,
            committer,
            audit,
            accounts,
            blobs,
            clock,
            directory,
            renewing: Mutex::new(()),
        }))
    }

    /// A consistent view of everything committed so far.
    #[must_use]
    pub fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        self.engine.snapshot()
    }

    /// The engine, for reads that need no consistency with each other, and for estimates.
    #[must_use]
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// The derived keys of a tenant; remembered.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> Arc<TenantKeys> {
        self.keyring.tenant(tenant)
    }

    /// The data key of a registration; `None` when it has none (never had, or was erased). [`Home::SHARED`] always has one.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the stored key does not open.
    pub fn body_key(&self, tenant: TenantId, home: Home) -> Result<Option<BodyKey>, StoreError> {
        self.keyring.body_key(tenant, home)
    }

    /// A new data key, the write that stores it, and the condition that nobody else made one meanwhile: both belong into the
    /// transaction that seals the first body with it.
    #[must_use]
    pub fn new_body_key(&self, tenant: TenantId, home: Home) -> (BodyKey, Write, Precondition) {
        self.keyring.new_body_key(tenant, home)
    }

    /// Commits a transaction; returns when it is on the disk.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was applied then.
    pub fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        self.committer.commit(transaction)
    }

    /// The same without waiting. The reply runs on the committer thread (on this one when the queue is full or closed): it must be short.
    pub fn submit(&self, transaction: Transaction, reply: Reply) {
        self.committer.submit(transaction, reply);
    }

    /// Appends the packed form of `plain` to `out`; returns the dictionary number that [`Store::decompress`] needs.
    pub fn compress(&self, plain: &[u8], out: &mut Vec<u8>) -> u8 {
        compress::pack(plain, out)
    }

    /// What [`Store::compress`] was given; refuses to produce more than `limit` bytes.
    ///
    /// # Errors
    /// [`StoreError::UnknownDictionary`] or [`StoreError::Damaged`].
    pub fn decompress(&self, dictionary: u8, packed: &[u8], limit: usize) -> Result<Vec<u8>, StoreError> {
        compress::unpack(dictionary, packed, limit)
    }

    /// As [`Store::decompress`], into a buffer that is used again; what it held is replaced.
    ///
    /// # Errors
    /// As [`Store::decompress`]; what the buffer holds then means nothing.
    pub fn decompress_into(
        &self,
        dictionary: u8,
        packed: &[u8],
        limit: usize,
        plain: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        compress::unpack_into(dictionary, packed, limit, plain)
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The originals.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Where "now" comes from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// A consistent, openable copy of the whole data folder in `directory` (which must not exist), made while writes go on.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses.
    pub fn checkpoint(&self, directory: &Path) -> Result<(), StoreError> {
        let _still = self.blobs.stand_still();
        crate::backup::copy_store(&*self.engine, self.directory.as_deref(), directory)
    }

    /// Commits what is queued, signs and fsyncs the audit log, and stops the threads. Reads go on working.
    pub fn close(&self) {
        self.committer.close();
        self.audit.close();
        if let Err(error) = self.engine.sync().and_then(|()| self.engine.settle()) {
            tracing::warn!(%error, "the disk refused while the store was closing");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The names of a new folder must survive a power cut as well as what is written into it.
fn sync_names(directory: &Path) -> Result<(), std::io::Error> {
    let directory = directory.canonicalize()?;
    File::open(&directory)?.sync_all()?;
    directory.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Row of a dictionary's digest.
fn dictionary_key(number: u8) -> Vec<u8> {
    format!("dictionary/{number}").into_bytes()
}

/// Refuses a folder that this program cannot read.
fn check_format(engine: &dyn Engine) -> Result<(), StoreError> {
    let Some(bytes) = engine.get(Keyspace::Meta, FORMAT_KEY)? else { return Ok(()) };
    let found = bytes.as_slice().try_into().map(u32::from_be_bytes);
    let found = found.map_err(|_| StoreError::Damaged("meta.format is not a number".to_owned()))?;
    if found > FORMAT { Err(StoreError::NewerFormat { found, known: FORMAT }) } else { Ok(()) }
}

/// Whether the sealed word in the folder opens under these roots; a folder without one has nothing to open.
pub(crate) fn key_check_opens(engine: &dyn Engine, roots: &Roots) -> Result<bool, StoreError> {
    let Some(sealed) = engine.get(Keyspace::Meta, KEY_CHECK_KEY)? else { return Ok(true) };
    let keys = TenantKeys::of_roots(roots, KEY_CHECK_TENANT);
    Ok(keys.audit_key().open(KEY_CHECK_KEY, &sealed).is_ok())
}

/// Writes what is missing in a new folder; refuses a key that does not fit and a dictionary that is another.
fn check_meta(engine: &dyn Engine, keys: &TenantKeys) -> Result<(), StoreError> {
    let mut writes = Vec::new();
    if engine.get(Keyspace::Meta, FORMAT_KEY)?.is_none() {
        writes.push(Write::Put(Keyspace::Meta, FORMAT_KEY.to_vec(), FORMAT.to_be_bytes().to_vec()));
    }
    match engine.get(Keyspace::Meta, KEY_CHECK_KEY)? {
        None => {
            let mut sealed = Vec::new();
            keys.audit_key().seal(KEY_CHECK_KEY, KEY_CHECK_TEXT, &mut sealed);
            writes.push(Write::Put(Keyspace::Meta, KEY_CHECK_KEY.to_vec(), sealed));
        }
        Some(sealed) => {
            keys.audit_key().open(KEY_CHECK_KEY, &sealed).map_err(|_| StoreError::WrongMasterKey)?;
        }
    }
    for (number, dictionary) in compress::DICTIONARIES {
        let digest = Sm3::digest(dictionary).to_vec();
        match engine.get(Keyspace::Meta, &dictionary_key(number))? {
            None => writes.push(Write::Put(Keyspace::Meta, dictionary_key(number), digest)),
            Some(recorded) if recorded == digest => {}
            Some(_) => {
                let what =
                    format!("dictionary {number} of this program is not the one the data folder was written with");
                return Err(StoreError::Damaged(what));
            }
        }
    }
    if writes.is_empty() { Ok(()) } else { Ok(engine.write(&writes, Durability::Synced)?) }
}
