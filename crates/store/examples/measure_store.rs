//! Measures the store on this machine, or fills a small disk to see what happens.
//!
//! ```text
//! cargo run --release -p store --example measure_store -- <new folder> [<resources>]
//! cargo run --release -p store --example measure_store -- full <new folder on a small file system>
//! ```

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use model::{Home, TenantId};
use store::{CommitError, EngineError, Keyspace, Options, Store, Transaction, Write};
use trust::{Account, AuditAction, AuditEvent, MasterKey, Outcome, Role, Token};

const TENANT: TenantId = TenantId(1);
const RESOURCES_PER_TRANSACTION: u64 = 100;
const INDEX_ROWS: u64 = 12;
const THREADS: u64 = 4;

type Any = Box<dyn Error>;

fn main() -> Result<(), Any> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().ok_or("name a new folder")?;
    if first == "full" {
        return fill(Path::new(&arguments.next().ok_or("name a new folder")?));
    }
    let resources = arguments.next().map_or(Ok(100_000), |count| count.parse())?;
    measure(Path::new(&first), resources)
}

fn say(text: &str) -> Result<(), Any> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// A cheap mixing of numbers into random-looking bytes.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
}

fn transaction(number: u64) -> Transaction {
    let mut transaction = Transaction::new(TENANT);
    let home = mix(number).to_be_bytes();
    for resource in 0..RESOURCES_PER_TRANSACTION {
        let rid = mix(number * RESOURCES_PER_TRANSACTION + resource);
        let key = [&TENANT.0.to_be_bytes()[..], &home, &[0, 9], &rid.to_be_bytes()].concat();
        let body = (0..40).flat_map(|part| mix(rid ^ part).to_be_bytes()).collect();
        transaction.writes.push(Write::Put(Keyspace::Resource, key, body));
        for row in 0..INDEX_ROWS {
            let value = mix(rid.wrapping_add(row) % 2_000).to_be_bytes();
            let row = u16::try_from(row).unwrap_or(0).to_be_bytes();
            let date = rid.to_be_bytes();
            let key =
                [&TENANT.0.to_be_bytes()[..], &[0, 1, 0, 9], &row, &value, &date, &home, &rid.to_be_bytes()].concat();
            transaction.writes.push(Write::Put(Keyspace::Index, key, Vec::new()));
        }
    }
    transaction.log = vec![1; 80];
    transaction
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn line_of(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
}

fn measure(folder: &Path, resources: u64) -> Result<(), Any> {
    let store = Store::open(folder, Options::new(MasterKey::generate()))?;
    let transactions = resources / RESOURCES_PER_TRANSACTION;
    let (started, before) = (Instant::now(), cpu());
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let numbers = (0..transactions).filter(|number| number % THREADS == thread);
                    numbers
                        .map(|number| {
                            let transaction = transaction(number);
                            let started = Instant::now();
                            store.commit(transaction).map(|_| started.elapsed())
                        })
                        .collect::<Result<Vec<_>, _>>()
                })
            })
            .collect();
        let waits = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()));
        waits
            .map(|waits| waits.and_then(|waits| waits.map_err(|error| error.to_string())))
            .collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    waits.sort();
    let count = u32::try_from(resources)?;
    say(&format!(
        "{resources} resources of {INDEX_ROWS} index rows, {RESOURCES_PER_TRANSACTION} per transaction, {THREADS} threads, synced: {:.0}/s, {:?} CPU each; commit p50 {:?}, p99 {:?}, max {:?}",
        resources as f64 / started.elapsed().as_secs_f64(),
        (cpu() - before) / count,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        waits[waits.len() - 1],
    ))?;
    say(&line_of("/proc/self/io", "write_bytes"))?;
    small_commits(&store)?;
    audit(&store)?;
    lookups(&store)?;
    say(&line_of("/proc/self/status", "VmRSS"))?;
    let started = Instant::now();
    store.close();
    drop(store);
    say(&format!("closed in {:?}", started.elapsed()))
}

fn small_commits(store: &Store) -> Result<(), Any> {
    const COMMITS: u32 = 4_000;
    let (sender, receiver) = mpsc::channel();
    let started = Instant::now();
    for number in 0..COMMITS {
        let writes = vec![Write::Put(Keyspace::Resource, number.to_be_bytes().to_vec(), vec![0; 300])];
        let sender = sender.clone();
        let reply = Box::new(move |result: Result<_, CommitError>| {
            let _ = sender.send(result.is_ok());
        });
        store.submit(Transaction { writes, log: vec![1; 80], ..Transaction::new(TENANT) }, reply);
    }
    let done = (0..COMMITS).filter(|_| receiver.recv() == Ok(true)).count();
    say(&format!("{done} commits of one resource, submitted at once: {:?} each", started.elapsed() / COMMITS))
}

fn event(number: u64) -> AuditEvent {
    let at_ms = i64::try_from(number).unwrap_or(0);
    let mut event =
        AuditEvent::new(at_ms, format!("0192f3a4-{number:012}"), TENANT, AuditAction::Search, Outcome::Success);
    event.route = "Observation".to_owned();
    event.disclosed = (0..3).map(|home| Home(mix(number + home))).collect();
    event.parameters = vec!["code".to_owned(), "date".to_owned()];
    event
}

fn audit(store: &Store) -> Result<(), Any> {
    const EVENTS: u32 = 100_000;
    let (started, before) = (Instant::now(), cpu());
    let (sender, receiver) = mpsc::channel();
    for number in 0..EVENTS {
        let sender = sender.clone();
        let reply = Box::new(move |result: Result<(), _>| {
            let _ = sender.send(result.is_ok());
        });
        store.audit().submit(&event(number.into()), reply);
    }
    let done = (0..EVENTS).filter(|_| receiver.recv() == Ok(true)).count();
    say(&format!(
        "{done} audit events, many at once: {:?} each, {:?} CPU",
        started.elapsed() / EVENTS,
        (cpu() - before) / EVENTS
    ))?;
    let started = Instant::now();
    for number in 0..2_000 {
        store.audit().append(&event(number))?;
    }
    say(&format!("2000 audit events, one after the other: {:?} each", started.elapsed() / 2_000))?;
    let started = Instant::now();
    let signed = store.audit().checkpoint(TENANT)?;
    say(&format!("checkpoint signed and fsynced in {:?}", started.elapsed()))?;
    let started = Instant::now();
    let verdict = store.audit().verify(TENANT, signed.as_ref())?;
    say(&format!("{} events verified, intact {}: {:?}", verdict.size, verdict.is_intact(), started.elapsed()))
}

fn lookups(store: &Store) -> Result<(), Any> {
    const LOOKUPS: u32 = 1_000_000;
    let token = Token::generate();
    let mut account = Account::new("doctor", Role::Clinician, TENANT);
    account.token_digest = Some(token.digest());
    store.accounts().put(&account)?;
    let (key, write, precondition) = store.new_body_key(TENANT, Home(5));
    drop(key);
    let transaction =
        Transaction { preconditions: vec![precondition], writes: vec![write], ..Transaction::new(TENANT) };
    store.commit(transaction)?;
    let digest = token.digest();
    let started = Instant::now();
    for _ in 0..LOOKUPS {
        std::hint::black_box(store.accounts().by_token(&digest)?);
    }
    say(&format!("account by token: {:?}", started.elapsed() / LOOKUPS))?;
    let started = Instant::now();
    for _ in 0..LOOKUPS {
        std::hint::black_box(store.body_key(TENANT, Home(5))?);
    }
    say(&format!("body key: {:?}", started.elapsed() / LOOKUPS))
}

/// Writes until the disk is full, frees space, and goes on.
fn fill(folder: &Path) -> Result<(), Any> {
    fs::create_dir_all(folder)?;
    let filler = folder.join("filler");
    fs::write(&filler, vec![0; 40 << 20])?;
    let store = Store::open(&folder.join("data"), Options::new(MasterKey::generate()))?;
    let mut number = 0;
    let mut committed = 0;
    let refused = loop {
        match store.commit(transaction(number)) {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
        number += 1;
    };
    say(&format!("{committed} transactions committed, then: {refused}"))?;
    if refused != CommitError::Engine(EngineError::DiskFull) {
        return Err("the refusal should say that the disk is full".into());
    }
    let first = transaction(0);
    let Some(Write::Put(keyspace, key, _)) = first.writes.first() else { return Err("no write".into()) };
    say(&format!("reads go on: {}", store.engine().get(*keyspace, key)?.is_some()))?;
    say(&format!("audit events of readers: {:?}", store.audit().append(&event(1))))?;
    say(&format!("again: {:?}", store.commit(transaction(number))))?;
    fs::remove_file(filler)?;
    let started = Instant::now();
    while let Err(error) = store.commit(transaction(number)) {
        if started.elapsed() > Duration::from_secs(60) {
            return Err(format!("space was freed, but: {error}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    say(&format!("space was freed; committed again after {:?}", started.elapsed()))
}
