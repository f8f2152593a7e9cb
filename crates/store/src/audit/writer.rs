//! The thread that appends: events that queued meanwhile become one batch.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use model::{Clock, Home, TenantId};
use parking_lot::{Condvar, Mutex};
use trust::{Checkpoint, SignedCheckpoint};

use super::{AuditTimes, Trees, rows, tree::Tree};
use crate::{
    engine::{Durability, Engine, EngineError, Keyspace, Write},
    keyring::KeyRing,
    store::StoreError,
};

/// Requests that may wait; beyond it, who appends waits for room. An event has about 500 bytes.
const QUEUE_REQUESTS_MAX: usize = 16_384;
/// One batch, so that the first of many waits no longer than a few milliseconds.
const BATCH_REQUESTS_MAX: usize = 512;
/// After a refused fsync or checkpoint, the next try: soon enough for the promise of 100 ms, rarely enough not to spin.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// What the audit thread is asked.
pub(super) enum Request {
    Append {
        tenant: TenantId,
        at_ms: i64,
        disclosed: Vec<Home>,
        plain: Vec<u8>,
        reply: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
    },
    Checkpoint {
        tenant: TenantId,
        reply: Box<dyn FnOnce(Result<Option<SignedCheckpoint>, StoreError>) + Send>,
    },
}

impl Request {
    fn refuse(self, error: StoreError) {
        match self {
            Self::Append { reply, .. } => reply(Err(error)),
            Self::Checkpoint { reply, .. } => reply(Err(error)),
        }
    }
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    room: Condvar,
}

impl Shared {
    fn close(&self) {
        self.queue.lock().closed = true;
        self.arrived.notify_all();
        self.room.notify_all();
    }
}

/// The door to the audit thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        engine: Arc<dyn Engine>,
        keyring: Arc<KeyRing>,
        trees: Arc<Trees>,
        clock: Arc<dyn Clock>,
        times: AuditTimes,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let queue = Arc::clone(&shared);
        let now = Instant::now();
        let worker = Worker {
            engine,
            keyring,
            trees,
            clock,
            times,
            unsynced: None,
            checkpoint_at: now + times.checkpoint_every,
        };
        let thread = std::thread::Builder::new()
            .name("store-audit".to_owned())
            .spawn(move || run(&queue, worker))
            .map_err(|error| EngineError::Io(error.to_string()))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn submit(&self, request: Request) {
        let mut queue = self.shared.queue.lock();
        while !queue.closed && queue.requests.len() >= QUEUE_REQUESTS_MAX {
            self.shared.room.wait(&mut queue);
        }
        if queue.closed {
            drop(queue);
            request.refuse(StoreError::Closed);
            return;
        }
        queue.requests.push_back(request);
        self.shared.arrived.notify_one();
    }

    pub(super) fn close(&self) {
        self.shared.close();
        // A reply may have held the last handle of the store: then this is that thread, and it ends by itself.
        if let Some(thread) = self.thread.lock().take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the audit thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(shared: &Shared, mut worker: Worker) {
    /// Whatever ends this thread: nobody may wait for it for ever.
    struct Closing<'s>(&'s Shared);
    impl Drop for Closing<'_> {
        fn drop(&mut self) {
            self.0.close();
            let left: Vec<Request> = self.0.queue.lock().requests.drain(..).collect();
            left.into_iter().for_each(|request| request.refuse(StoreError::Closed));
        }
    }
    let _closing = Closing(shared);
    loop {
        let mut queue = shared.queue.lock();
        while queue.requests.is_empty() && !queue.closed && Instant::now() < worker.next_duty() {
            shared.arrived.wait_until(&mut queue, worker.next_duty());
        }
        let count = queue.requests.len().min(BATCH_REQUESTS_MAX);
        let batch: Vec<Request> = queue.requests.drain(..count).collect();
        let closing = queue.closed && queue.requests.is_empty();
        shared.room.notify_all();
        drop(queue);
        worker.serve(batch);
        worker.do_duties(closing);
        if closing {
            return;
        }
    }
}

struct Worker {
    engine: Arc<dyn Engine>,
    keyring: Arc<KeyRing>,
    trees: Arc<Trees>,
    clock: Arc<dyn Clock>,
    times: AuditTimes,
    /// When what is not fsynced must be.
    unsynced: Option<Instant>,
    checkpoint_at: Instant,
}

impl Worker {
    fn next_duty(&self) -> Instant {
        self.unsynced.map_or(self.checkpoint_at, |sync_at| sync_at.min(self.checkpoint_at))
    }

    /// The tree of a tenant; a new log's signing key is added to the batch.
    fn tree(&self, tenant: TenantId, batch: &mut Vec<Write>) -> Result<Tree, StoreError> {
        if let Some(tree) = self.trees.lock().get(&tenant) {
            return Ok(Tree::clone(tree));
        }
        let (tree, write) = Tree::load(&*self.engine, &self.keyring, tenant)?;
        batch.extend(write);
        Ok(tree)
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let started = Instant::now();
        let mut batch = Vec::new();
        let mut changed: HashMap<TenantId, Tree> = HashMap::new();
        let mut replies = Vec::new();
        let mut checkpoints = Vec::new();
        for request in requests {
            match request {
                Request::Checkpoint { tenant, reply } => checkpoints.push((tenant, reply)),
                Request::Append { tenant, at_ms, disclosed, plain, reply } => {
                    let mut added = Vec::new();
                    let tree = match changed.remove(&tenant) {
                        Some(tree) => Ok(tree),
                        None => self.tree(tenant, &mut added),
                    };
                    let result = tree.map(|mut tree| {
                        self.add(&mut tree, tenant, at_ms, &disclosed, &plain, &mut added);
                        changed.insert(tenant, tree);
                        batch.append(&mut added);
                    });
                    replies.push((reply, result));
                }
            }
        }
        if !replies.is_empty() {
            let written = self.write(&batch, changed);
            metrics::histogram!("kangmai_audit_batch_events").record(replies.len() as f64);
            metrics::histogram!("kangmai_audit_append_seconds").record(started.elapsed().as_secs_f64());
            for (reply, result) in replies {
                let result = result.and_then(|()| written.clone().map_err(StoreError::Engine));
                answer(|| reply(result));
            }
        }
        for (tenant, reply) in checkpoints {
            let result = self.sign(tenant).and_then(|signed| self.sync().map(|()| signed));
            answer(|| reply(result));
        }
    }

    fn add(
        &self,
        tree: &mut Tree,
        tenant: TenantId,
        at_ms: i64,
        disclosed: &[Home],
        plain: &[u8],
        batch: &mut Vec<Write>,
    ) {
        let sequence = tree.size();
        let row = rows::event(tenant, sequence);
        let mut sealed = Vec::new();
        self.keyring.tenant(tenant).audit_key().seal(&row, plain, &mut sealed);
        tree.append(&sealed, batch);
        batch.push(Write::Put(Keyspace::Audit, row, sealed));
        for home in disclosed.iter().copied().collect::<BTreeSet<Home>>() {
            let row = rows::disclosure(tenant, home, at_ms, sequence);
            batch.push(Write::Put(Keyspace::AuditIndex, row, Vec::new()));
        }
    }

    /// Writes a batch and, when it is in the log, makes the changed trees the current ones.
    fn write(&mut self, batch: &[Write], changed: HashMap<TenantId, Tree>) -> Result<(), EngineError> {
        self.engine.write(batch, Durability::Buffered)?;
        self.unsynced.get_or_insert_with(|| Instant::now() + self.times.sync_within);
        self.trees.lock().extend(changed.into_iter().map(|(tenant, tree)| (tenant, Arc::new(tree))));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.engine.sync()?;
        self.unsynced = None;
        Ok(())
    }

    /// Signs a tenant's log when it grew since the newest checkpoint; returns the newest checkpoint.
    fn sign(&mut self, tenant: TenantId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let mut batch = Vec::new();
        let mut tree = self.tree(tenant, &mut batch)?;
        if tree.size() == 0 {
            return Ok(None);
        }
        let unreadable = |error: trust::checkpoint::CheckpointError| StoreError::Damaged(error.to_string());
        if tree.signed == tree.size() {
            let newest = super::tree::newest_checkpoint(&*self.engine.snapshot(), tenant)?;
            return newest.map(|(_, text)| SignedCheckpoint::parse(&text).map_err(unreadable)).transpose();
        }
        let checkpoint = Checkpoint { tenant, size: tree.size(), root: tree.root(), at_ms: self.clock.now_ms() };
        let signed = checkpoint.sign(&tree.key).map_err(unreadable)?;
        let row = rows::checkpoint(tenant, tree.size());
        batch.push(Write::Put(Keyspace::AuditTile, row, signed.to_string().into_bytes()));
        tree.signed = tree.size();
        self.write(&batch, HashMap::from([(tenant, tree)]))?;
        Ok(Some(signed))
    }

    fn do_duties(&mut self, closing: bool) {
        if closing || Instant::now() >= self.checkpoint_at {
            self.checkpoint_at = Instant::now() + self.times.checkpoint_every;
            let grown: Vec<TenantId> = self
                .trees
                .lock()
                .iter()
                .filter(|(_, tree)| tree.signed < tree.size())
                .map(|(tenant, _)| *tenant)
                .collect();
            for tenant in grown {
                if let Err(error) = self.sign(tenant) {
                    tracing::warn!(%error, tenant = tenant.0, "the audit log could not be signed");
                    self.checkpoint_at = Instant::now() + RETRY_AFTER;
                }
            }
        }
        if self.unsynced.is_some_and(|sync_at| closing || Instant::now() >= sync_at)
            && let Err(error) = self.sync()
        {
            tracing::warn!(%error, "the audit log could not be fsynced");
            metrics::counter!("kangmai_audit_sync_failures_total").increment(1);
            self.unsynced = Some(Instant::now() + RETRY_AFTER);
        }
    }
}

/// A reply that panics is its owner's fault; the others must still hear.
fn answer(reply: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(reply)).is_err() {
        tracing::error!("an audit reply panicked");
    }
}
