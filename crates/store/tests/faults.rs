//! The disk fails or the power goes at every single step of a fixed load. What was acknowledged must be there afterwards, what was not
//! must be there whole or not at all — and the same check must notice when the committer skips its fsync.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{path::Path, sync::Arc, time::Duration};

use common::{HOME, TENANT, options, put};
use parking_lot::Mutex;
use store::{
    Durability, Engine, EngineError, Keyspace, MemoryEngine, Options, Precondition, Snapshot, Store, Transaction,
    Write, log_key,
};
use trust::{AuditAction, AuditEvent, Outcome, SignedCheckpoint};

/// What happens at the chosen step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The disk refuses this one step, then works again.
    Refuse,
    /// The power goes before the step does anything; a write that is cut short is the same, its torn record is dropped.
    CutBefore,
    /// The power goes after the step is done, before anybody hears of it.
    CutAfter,
}

struct Disk {
    /// Batches in the write-ahead log, and how many of them are fsynced.
    log: Vec<Vec<Write>>,
    synced: usize,
    steps: usize,
    dead: bool,
}

/// A simulated disk under an engine: a write is a step, an fsync is a step.
struct FaultEngine {
    memory: MemoryEngine,
    disk: Mutex<Disk>,
    fault: Fault,
    at_step: usize,
}

impl FaultEngine {
    fn new(log: Vec<Vec<Write>>, fault: Fault, at_step: usize) -> Self {
        let memory = MemoryEngine::new();
        for batch in &log {
            memory.write(batch, Durability::Synced).unwrap();
        }
        let synced = log.len();
        Self { memory, disk: Mutex::new(Disk { log, synced, steps: 0, dead: false }), fault, at_step }
    }

    fn step(&self, disk: &mut Disk, act: impl FnOnce(&mut Disk)) -> Result<(), EngineError> {
        let gone = || EngineError::Io("the power is off".to_owned());
        if disk.dead {
            return Err(gone());
        }
        disk.steps += 1;
        if disk.steps != self.at_step {
            act(disk);
            return Ok(());
        }
        match self.fault {
            Fault::Refuse => Err(EngineError::DiskFull),
            Fault::CutBefore => {
                disk.dead = true;
                Err(gone())
            }
            Fault::CutAfter => {
                act(disk);
                disk.dead = true;
                Err(gone())
            }
        }
    }

    /// What a restart finds: everything fsynced, and of the rest the first `kept` batches.
    fn after_power_cut(&self, kept: usize) -> Vec<Vec<Write>> {
        let disk = self.disk.lock();
        disk.log[..disk.log.len().min(disk.synced + kept)].to_vec()
    }
}

impl Engine for FaultEngine {
    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        self.memory.snapshot()
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.memory.get(keyspace, key)
    }

    fn write(&self, writes: &[Write], durability: Durability) -> Result<(), EngineError> {
        let mut disk = self.disk.lock();
        self.step(&mut disk, |disk| disk.log.push(writes.to_vec()))?;
        if durability == Durability::Synced
            && let Err(error) = self.step(&mut disk, |disk| disk.synced = disk.log.len())
        {
            // "Nothing was applied": as long as the machine runs, a refused write is not seen. After a power cut it may be.
            if self.fault == Fault::Refuse {
                disk.log.pop();
            }
            return Err(error);
        }
        self.memory.write(writes, durability)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.step(&mut self.disk.lock(), |disk| disk.synced = disk.log.len())
    }

    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError> {
        self.memory.checkpoint(directory)
    }

    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64 {
        self.memory.estimate(keyspace, from, to)
    }
}

/// No timers: the order of steps must be the same in every run.
fn quiet_options(sync: bool) -> Options {
    let never = Duration::from_secs(100_000);
    Options { sync, audit_sync_within: never, audit_checkpoint_every: never, ..options() }
}

/// What the outside world was told.
#[derive(Default)]
struct Told {
    /// Numbers of acknowledged transactions.
    committed: Vec<u8>,
    /// Highest acknowledged version of the one resource that every transaction updates.
    version: u8,
    anchor: Option<SignedCheckpoint>,
}

const TRANSACTIONS: u8 = 8;

fn event(number: u8) -> AuditEvent {
    let mut event =
        AuditEvent::new(i64::from(number), format!("request-{number}"), TENANT, AuditAction::Read, Outcome::Success);
    event.disclosed = vec![HOME];
    event
}

/// Creates a resource, updates another, logs an event; now and then signs the log.
fn load(store: &Store) -> Told {
    let mut told = Told::default();
    for number in 1..=TRANSACTIONS {
        let shared = Keyspace::Resource;
        let precondition = match told.version {
            0 => Precondition::Absent { keyspace: shared, key: b"shared".to_vec() },
            version => Precondition::StartsWith { keyspace: shared, key: b"shared".to_vec(), prefix: vec![version] },
        };
        let writes = vec![
            put(Keyspace::Resource, &[b'r', number], b"body"),
            put(Keyspace::Index, &[b'i', number], b""),
            put(shared, b"shared", &[number]),
        ];
        let transaction = Transaction { tenant: TENANT, preconditions: vec![precondition], writes, log: vec![number] };
        if store.commit(transaction).is_ok() {
            told.committed.push(number);
            told.version = number;
        }
        let _ = store.audit().append(&event(number));
        if number % 3 == 0
            && let Ok(Some(signed)) = store.audit().checkpoint(TENANT)
        {
            told.anchor = Some(signed);
        }
    }
    told
}

/// Everything that is not as it was promised.
fn broken_promises(log: Vec<Vec<Write>>, told: &Told) -> Vec<String> {
    let engine: Arc<dyn Engine> = Arc::new(FaultEngine::new(log, Fault::Refuse, 0));
    let store = Store::over(engine, quiet_options(true)).unwrap();
    let mut broken = Vec::new();
    let has = |keyspace, key: &[u8]| store.engine().get(keyspace, key).unwrap().is_some();
    let mut rows = 0;
    for number in 1..=TRANSACTIONS {
        let (body, index) = (has(Keyspace::Resource, &[b'r', number]), has(Keyspace::Index, &[b'i', number]));
        rows += u64::from(body);
        if body != index {
            broken.push(format!("transaction {number} is there in part"));
        }
        if told.committed.contains(&number) && !body {
            broken.push(format!("transaction {number} was acknowledged and is lost"));
        }
    }
    let version = store.engine().get(Keyspace::Resource, b"shared").unwrap().map_or(0, |value| value[0]);
    if version < told.version {
        broken.push(format!("version {} was acknowledged, {version} is there", told.version));
    }
    for sequence in 1..=rows + 1 {
        if has(Keyspace::Log, &log_key(sequence)) != (sequence <= rows) {
            broken.push(format!("the feed has {rows} transactions and a wrong row {sequence}"));
        }
    }
    let verdict = store.audit().verify(TENANT, told.anchor.as_ref()).unwrap();
    broken.extend(verdict.findings.iter().map(|finding| format!("audit: {finding}")));
    let listed = store.audit().list_for(TENANT, HOME, None, 100).unwrap().len() as u64;
    if listed != verdict.size {
        broken.push(format!("audit: {} events, {listed} listed", verdict.size));
    }
    let next = Transaction { log: b"next".to_vec(), ..Transaction::new(TENANT) };
    if store.commit(next).map(|committed| committed.sequence) != Ok(rows + 1) {
        broken.push("the store does not go on where it was".to_owned());
    }
    broken
}

/// Runs the load with every fault at every step; returns how many runs there were, and what broke.
fn run_all(sync: bool) -> (usize, Vec<String>) {
    let quiet = Arc::new(FaultEngine::new(Vec::new(), Fault::Refuse, 0));
    let store = Store::over(quiet.clone(), quiet_options(sync)).unwrap();
    assert_eq!(load(&store).committed.len(), usize::from(TRANSACTIONS), "without a fault everything is acknowledged");
    store.close();
    let steps = quiet.disk.lock().steps;
    assert!(steps > 20, "the load has enough steps to be worth the test: {steps}");
    let mut runs = 0;
    let mut broken = Vec::new();
    for fault in [Fault::Refuse, Fault::CutBefore, Fault::CutAfter] {
        for at_step in 1..=steps {
            let engine = Arc::new(FaultEngine::new(Vec::new(), fault, at_step));
            // The very first step may refuse the folder itself; nobody was told anything then.
            let told = match Store::over(engine.clone(), quiet_options(sync)) {
                Ok(store) => {
                    let told = load(&store);
                    if fault == Fault::Refuse {
                        // The power goes at the end, after the disk had recovered from one refusal.
                        engine.disk.lock().dead = true;
                    }
                    told
                }
                Err(_) => Told::default(),
            };
            for kept in [0, 1, usize::MAX / 2] {
                runs += 1;
                let found = broken_promises(engine.after_power_cut(kept), &told);
                broken.extend(found.into_iter().map(|what| format!("{fault:?} at {at_step}, {kept} kept: {what}")));
            }
        }
    }
    (runs, broken)
}

#[test]
fn no_acknowledged_write_is_ever_lost() {
    let (runs, broken) = run_all(true);
    assert!(broken.is_empty(), "{} broken promises in {runs} runs, first: {:?}", broken.len(), broken.first());
    assert!(runs > 200, "{runs}");
}

#[test]
fn the_check_notices_a_skipped_fsync() {
    let (_, broken) = run_all(false);
    assert!(broken.iter().any(|what| what.contains("was acknowledged and is lost")), "the check is blind: {broken:?}");
}
