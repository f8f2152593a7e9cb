//! The committer: one thread that makes transactions durable, many per fsync.
//!
//! It takes what has queued, checks each member's preconditions against the engine plus the earlier members of the group, writes one
//! synced batch, then sends the replies. A member whose preconditions fail fails alone. Acknowledged means fsynced.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use model::TenantId;
use parking_lot::{Condvar, Mutex};

use crate::{
    blobs::Blobs,
    engine::{Durability, Engine, EngineError, Keyspace, Write},
    keyring::KeyRing,
};

/// Transactions that wait may hold so many bytes; beyond it `commit` waits and `submit` answers [`CommitError::Busy`].
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// One group's bytes: large enough that an fsync is shared by many, small enough that nobody waits long behind it.
const GROUP_BYTES_MAX: usize = 8 << 20;
/// One group's members.
const GROUP_MEMBERS_MAX: usize = 1_024;
/// Every change-feed row is in this shard; clusters will have more.
const SHARD: u16 = 0;
/// What a write costs in the queue beside its bytes.
const WRITE_OVERHEAD_BYTES: usize = 64;

/// What shall become durable together, or not at all.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Whose data it is.
    pub tenant: TenantId,
    /// What must still be true when it is its turn.
    pub preconditions: Vec<Precondition>,
    /// The changes, in order.
    pub writes: Vec<Write>,
    /// Value of the change-feed row, whose key `shard(2) · sequence(8)` the committer assigns; empty = no row.
    pub log: Vec<u8>,
}

impl Transaction {
    /// A transaction without preconditions, writes and feed row.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, preconditions: Vec::new(), writes: Vec::new(), log: Vec::new() }
    }

    fn bytes(&self) -> usize {
        let writes: usize = self
            .writes
            .iter()
            .map(|write| {
                WRITE_OVERHEAD_BYTES
                    + match write {
                        Write::Put(_, key, value) => key.len() + value.len(),
                        Write::Delete(_, key) => key.len(),
                    }
            })
            .sum();
        writes + self.log.len() + WRITE_OVERHEAD_BYTES * (1 + self.preconditions.len())
    }
}

/// Something that was true when a transaction was prepared and must still be true when it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The key has no value.
    Absent {
        /// Where.
        keyspace: Keyspace,
        /// Which key.
        key: Vec<u8>,
    },
    /// The key has a value, and it begins so.
    StartsWith {
        /// Where.
        keyspace: Keyspace,
        /// Which key.
        key: Vec<u8>,
        /// The first bytes of the value.
        prefix: Vec<u8>,
    },
    /// Exactly these keys are in `[from, to)`; an empty `to` means no upper bound.
    Range {
        /// Where.
        keyspace: Keyspace,
        /// First key of the range.
        from: Vec<u8>,
        /// First key behind the range.
        to: Vec<u8>,
        /// The keys, in any order.
        keys: Vec<Vec<u8>>,
    },
}

impl Precondition {
    fn keyspace(&self) -> Keyspace {
        match self {
            Self::Absent { keyspace, .. } | Self::StartsWith { keyspace, .. } | Self::Range { keyspace, .. } => {
                *keyspace
            }
        }
    }
}

/// A transaction that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Sequence of its change-feed row; of the newest row before it when it has none.
    pub sequence: u64,
}

/// Why a transaction was not committed. None of its writes is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// This precondition (by position) does not hold any more: prepare again.
    #[error("precondition {0} does not hold")]
    Precondition(usize),
    /// The disk refused. Later transactions are tried again; reads go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Too much waits already ([`QUEUE_BYTES_MAX`]): try again later.
    #[error("too many transactions wait")]
    Busy,
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
}

/// How the answer comes back. It runs on the committer thread: it must be short.
pub type Reply = Box<dyn FnOnce(Result<Committed, CommitError>) + Send>;

struct Job {
    transaction: Transaction,
    bytes: usize,
    reply: Reply,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something queued, or the queue closed.
    arrived: Condvar,
    /// Room in the queue, or the queue closed.
    room: Condvar,
}

/// The door to the committer thread.
pub struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread. The sequence goes on behind the newest change-feed row.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        keyring: Arc<KeyRing>,
        blobs: Arc<Blobs>,
        durability: Durability,
    ) -> Result<Self, EngineError> {
        let sequence = newest_sequence(&*engine)?;
        let shared = Arc::new(Shared::default());
        let worker = Worker { engine, keyring, blobs, durability, sequence };
        let queue = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || run(&queue, worker))
            .map_err(|error| EngineError::Io(error.to_string()))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a transaction without waiting. The reply is always called, exactly once.
    pub fn submit(&self, transaction: Transaction, reply: Reply) {
        let bytes = transaction.bytes();
        let mut queue = self.shared.queue.lock();
        let refused = if queue.closed {
            CommitError::Closed
        } else if queue.bytes > 0 && queue.bytes + bytes > QUEUE_BYTES_MAX {
            CommitError::Busy
        } else {
            self.shared.push(&mut queue, Job { transaction, bytes, reply });
            return;
        };
        drop(queue);
        reply(Err(refused));
    }

    /// Hands over a transaction and waits until it is durable; waits for room when too much is queued.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was applied then.
    pub fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        let bytes = transaction.bytes();
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply: Reply = Box::new(move |result| {
            // The receiver is below and waits; if it is gone, nobody wants the answer.
            let _ = sender.send(result);
        });
        let mut queue = self.shared.queue.lock();
        while !queue.closed && queue.bytes > 0 && queue.bytes + bytes > QUEUE_BYTES_MAX {
            self.shared.room.wait(&mut queue);
        }
        if queue.closed {
            return Err(CommitError::Closed);
        }
        self.shared.push(&mut queue, Job { transaction, bytes, reply });
        drop(queue);
        receiver.recv().unwrap_or(Err(CommitError::Closed))
    }

    /// Commits what is queued, then stops. Further transactions are answered [`CommitError::Closed`].
    pub fn close(&self) {
        self.shared.close();
        // A reply may have held the last handle of the store: then this is that thread, and it ends by itself.
        if let Some(thread) = self.thread.lock().take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the committer thread panicked");
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn push(&self, queue: &mut Queue, job: Job) {
        queue.bytes += job.bytes;
        queue.jobs.push_back(job);
        metrics::gauge!("kangmai_store_queue_bytes").set(queue.bytes as f64);
        self.arrived.notify_one();
    }

    fn close(&self) {
        self.queue.lock().closed = true;
        self.arrived.notify_all();
        self.room.notify_all();
    }

    /// The next group; `None` when closed and empty.
    fn take_group(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock();
        while queue.jobs.is_empty() {
            if queue.closed {
                return None;
            }
            self.arrived.wait(&mut queue);
        }
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = queue.jobs.front() {
            if !group.is_empty() && (bytes + next.bytes > GROUP_BYTES_MAX || group.len() == GROUP_MEMBERS_MAX) {
                break;
            }
            bytes += next.bytes;
            group.extend(queue.jobs.pop_front());
        }
        queue.bytes -= bytes;
        metrics::gauge!("kangmai_store_queue_bytes").set(queue.bytes as f64);
        self.room.notify_all();
        Some(group)
    }
}

fn run(shared: &Shared, mut worker: Worker) {
    /// Whatever ends this thread: nobody may wait for it for ever.
    struct Closing<'s>(&'s Shared);
    impl Drop for Closing<'_> {
        fn drop(&mut self) {
            self.0.close();
            let left: Vec<Job> = self.0.queue.lock().jobs.drain(..).collect();
            for job in left {
                (job.reply)(Err(CommitError::Closed));
            }
        }
    }
    let _closing = Closing(shared);
    while let Some(group) = shared.take_group() {
        worker.commit_group(group);
    }
}

struct Worker {
    engine: Arc<dyn Engine>,
    keyring: Arc<KeyRing>,
    blobs: Arc<Blobs>,
    durability: Durability,
    /// Of the newest change-feed row.
    sequence: u64,
}

impl Worker {
    fn commit_group(&mut self, jobs: Vec<Job>) {
        let started = Instant::now();
        let mut group = Group::new(&jobs);
        let mut sequence = self.sequence;
        let mut replies = Vec::with_capacity(jobs.len());
        for job in jobs {
            let result = group.check(&*self.engine, &job.transaction.preconditions);
            let result = result.map(|()| {
                let Transaction { writes, log, .. } = job.transaction;
                group.add(writes);
                if !log.is_empty() {
                    sequence += 1;
                    group.add(vec![Write::Put(Keyspace::Log, log_key(sequence), log)]);
                }
                Committed { sequence }
            });
            replies.push((job.reply, result));
        }
        let written = self.write(&group.batch);
        match &written {
            Ok(()) => {
                self.sequence = sequence;
                self.keyring.forget_written(&group.batch);
            }
            Err(error) => tracing::warn!(%error, members = replies.len(), "a group of transactions was refused"),
        }
        metrics::histogram!("kangmai_store_group_members").record(replies.len() as f64);
        metrics::histogram!("kangmai_store_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("kangmai_store_commits_total").increment(replies.len() as u64);
        for (reply, result) in replies {
            let result = match (&written, result) {
                (Err(error), Ok(_)) => Err(CommitError::Engine(error.clone())),
                (_, result) => result,
            };
            // A reply that panics is its owner's fault; the others must still hear.
            if catch_unwind(AssertUnwindSafe(|| reply(result))).is_err() {
                tracing::error!("a commit reply panicked");
            }
        }
    }

    fn write(&self, batch: &[Write]) -> Result<(), EngineError> {
        if batch.is_empty() {
            return Ok(());
        }
        // A row that points into a segment must not become durable before what it points at.
        if self.durability == Durability::Synced {
            self.blobs.sync_for(batch)?;
        }
        self.engine.write(batch, self.durability)
    }
}

/// The batch of a group as it grows, and what later members must see of earlier ones.
struct Group {
    batch: Vec<Write>,
    /// Latest write (position in the batch) per key, only of keyspaces that some precondition of the group asks about.
    overlay: BTreeMap<(Keyspace, Vec<u8>), usize>,
    asked: BTreeSet<Keyspace>,
}

impl Group {
    fn new(jobs: &[Job]) -> Self {
        // The first member sees the engine only, so that a group of one needs no overlay at all.
        let asked =
            jobs.iter().skip(1).flat_map(|job| &job.transaction.preconditions).map(Precondition::keyspace).collect();
        let writes = jobs.iter().map(|job| job.transaction.writes.len() + 1).sum();
        Self { batch: Vec::with_capacity(writes), overlay: BTreeMap::new(), asked }
    }

    fn add(&mut self, writes: Vec<Write>) {
        for write in writes {
            let (Write::Put(keyspace, key, _) | Write::Delete(keyspace, key)) = &write;
            if self.asked.contains(keyspace) {
                self.overlay.insert((*keyspace, key.clone()), self.batch.len());
            }
            self.batch.push(write);
        }
    }

    fn check(&self, engine: &dyn Engine, preconditions: &[Precondition]) -> Result<(), CommitError> {
        for (position, precondition) in preconditions.iter().enumerate() {
            let holds = match precondition {
                Precondition::Absent { keyspace, key } => self.get(engine, *keyspace, key, |value| value.is_none())?,
                Precondition::StartsWith { keyspace, key, prefix } => {
                    self.get(engine, *keyspace, key, |value| value.is_some_and(|value| value.starts_with(prefix)))?
                }
                Precondition::Range { keyspace, from, to, keys } => {
                    self.holds_exactly(engine, *keyspace, from, to, keys)?
                }
            };
            if !holds {
                return Err(CommitError::Precondition(position));
            }
        }
        Ok(())
    }

    fn get(
        &self,
        engine: &dyn Engine,
        keyspace: Keyspace,
        key: &[u8],
        test: impl Fn(Option<&[u8]>) -> bool,
    ) -> Result<bool, EngineError> {
        if !self.overlay.is_empty()
            && let Some(position) = self.overlay.get(&(keyspace, key.to_vec()))
        {
            return Ok(match &self.batch[*position] {
                Write::Put(_, _, value) => test(Some(value)),
                Write::Delete(..) => test(None),
            });
        }
        Ok(test(engine.get(keyspace, key)?.as_deref()))
    }

    fn holds_exactly(
        &self,
        engine: &dyn Engine,
        keyspace: Keyspace,
        from: &[u8],
        to: &[u8],
        keys: &[Vec<u8>],
    ) -> Result<bool, EngineError> {
        let mut put: BTreeSet<&[u8]> = BTreeSet::new();
        let mut deleted: BTreeSet<&[u8]> = BTreeSet::new();
        for ((_, key), position) in self
            .overlay
            .range((keyspace, from.to_vec())..)
            .take_while(|((place, key), _)| *place == keyspace && (to.is_empty() || key.as_slice() < to))
        {
            match self.batch[*position] {
                Write::Put(..) => put.insert(key),
                Write::Delete(..) => deleted.insert(key),
            };
        }
        let mut missing: BTreeSet<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        if !put.iter().all(|key| missing.remove(key)) {
            return Ok(false);
        }
        let snapshot = engine.snapshot();
        let mut cursor = snapshot.scan(keyspace, from, to);
        while let Some((key, _)) = cursor.next()? {
            if !deleted.contains(key) && !put.contains(key) && !missing.remove(key) {
                return Ok(false);
            }
        }
        Ok(missing.is_empty())
    }
}

/// Key of a change-feed row: `shard(2) · sequence(8)`, big endian.
#[must_use]
pub fn log_key(sequence: u64) -> Vec<u8> {
    let mut key = SHARD.to_be_bytes().to_vec();
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The sequence in a change-feed key.
#[must_use]
pub fn log_sequence(key: &[u8]) -> Option<u64> {
    key.get(2..).and_then(|sequence| sequence.try_into().ok()).map(u64::from_be_bytes)
}

fn newest_sequence(engine: &dyn Engine) -> Result<u64, EngineError> {
    let snapshot = engine.snapshot();
    let mut cursor = snapshot.scan_back(Keyspace::Log, &log_key(0), &log_key(u64::MAX));
    match cursor.next()? {
        None => Ok(0),
        Some((key, _)) => log_sequence(key)
            .ok_or_else(|| EngineError::Damaged("a change-feed key is not shard and sequence".to_owned())),
    }
}
