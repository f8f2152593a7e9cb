//! Groups: who fails, fails alone; who comes later sees who came before; sequences have no holes.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::{Arc, atomic::Ordering, mpsc};

use common::{TENANT, gate, options, put, transaction};
use store::{
    CommitError, Committed, EngineError, Keyspace, Precondition, QUEUE_BYTES_MAX, Store, Transaction, Write, log_key,
};
use tempfile::TempDir;

type Answers = Vec<Result<Committed, CommitError>>;

const PLACE: Keyspace = Keyspace::Resource;

fn absent(key: &[u8]) -> Precondition {
    Precondition::Absent { keyspace: PLACE, key: key.to_vec() }
}

fn starts(key: &[u8], prefix: &[u8]) -> Precondition {
    Precondition::StartsWith { keyspace: PLACE, key: key.to_vec(), prefix: prefix.to_vec() }
}

fn range(from: &[u8], to: &[u8], keys: &[&[u8]]) -> Precondition {
    let keys = keys.iter().map(|key| key.to_vec()).collect();
    Precondition::Range { keyspace: PLACE, from: from.to_vec(), to: to.to_vec(), keys }
}

fn when(preconditions: Vec<Precondition>, writes: Vec<Write>) -> Transaction {
    Transaction { tenant: TENANT, preconditions, writes, log: b"row".to_vec() }
}

/// Commits all members as one group: the first write of the store stands before the gate until all have queued.
fn as_one_group(members: Vec<Transaction>) -> (Arc<Store>, Answers) {
    let (gate, engine) = gate();
    let store = Store::over(engine, options()).unwrap();
    store.commit(transaction(vec![put(PLACE, b"old", b"1 old")])).unwrap();
    gate.shut();
    store.submit(transaction(vec![put(Keyspace::Meta, b"plug", b"")]), Box::new(|_| {}));
    gate.wait_for_writer();
    let (sender, receiver) = mpsc::channel();
    let count = members.len();
    for (position, member) in members.into_iter().enumerate() {
        let sender = sender.clone();
        store.submit(member, Box::new(move |result| sender.send((position, result)).unwrap()));
    }
    let batches = gate.batches.lock().len();
    gate.open();
    let mut results: Vec<_> = (0..count).map(|_| receiver.recv().unwrap()).collect();
    assert!(gate.batches.lock().len() <= batches + 2, "one plug, one group");
    results.sort_by_key(|(position, _)| *position);
    (store, results.into_iter().map(|(_, result)| result).collect())
}

#[test]
fn later_members_see_earlier_ones() {
    let ok = |sequence| Ok(Committed { sequence });
    let failed = |position| Err(CommitError::Precondition(position));
    let cases: Vec<(&str, Vec<Transaction>, Answers)> = vec![
        (
            "two create the same key: the second fails alone",
            vec![
                when(vec![absent(b"k")], vec![put(PLACE, b"k", b"1")]),
                when(vec![absent(b"other"), absent(b"k")], vec![put(PLACE, b"k", b"2")]),
                when(vec![absent(b"other")], vec![put(PLACE, b"other", b"3")]),
            ],
            vec![ok(1), failed(1), ok(2)],
        ),
        (
            "a version chain inside one group",
            vec![
                when(vec![starts(b"old", b"1")], vec![put(PLACE, b"old", b"2 new")]),
                when(vec![starts(b"old", b"1")], vec![put(PLACE, b"old", b"2 lost")]),
                when(vec![starts(b"old", b"2 new")], vec![Write::Delete(PLACE, b"old".to_vec())]),
                when(vec![absent(b"old")], vec![put(PLACE, b"old", b"4")]),
                when(vec![starts(b"old", b"2")], vec![]),
            ],
            vec![ok(1), failed(0), ok(2), ok(3), failed(0)],
        ),
        (
            "ranges see puts and deletes of the group",
            vec![
                when(vec![range(b"m", b"n", &[])], vec![put(PLACE, b"m1", b"")]),
                when(vec![range(b"m", b"n", &[])], vec![put(PLACE, b"m2", b"")]),
                when(vec![range(b"m", b"n", &[b"m1"])], vec![put(PLACE, b"m3", b"")]),
                when(vec![range(b"m", b"n", &[b"m3", b"m1"])], vec![Write::Delete(PLACE, b"m1".to_vec())]),
                when(vec![range(b"m", b"", &[b"m3", b"old"])], vec![Write::Delete(PLACE, b"old".to_vec())]),
                when(vec![range(b"", b"", &[b"m3"])], vec![]),
                when(vec![range(b"", b"", &[b"m3", b"m4"])], vec![]),
            ],
            vec![ok(1), failed(0), ok(2), ok(3), ok(4), ok(5), failed(0)],
        ),
        (
            "a failed member leaves nothing for later ones to see",
            vec![when(vec![absent(b"old")], vec![put(PLACE, b"x", b"")]), when(vec![absent(b"x")], vec![])],
            vec![failed(0), ok(1)],
        ),
    ];
    for (name, members, expected) in cases {
        // Alone: each member commits before the next is handed in. The answers must not depend on grouping.
        let alone = Store::in_memory(options()).unwrap();
        alone.commit(transaction(vec![put(PLACE, b"old", b"1 old")])).unwrap();
        let one_by_one: Vec<_> = members.iter().map(|member| alone.commit(member.clone())).collect();
        assert_eq!(one_by_one, expected, "{name}, one by one");
        let (store, results) = as_one_group(members);
        assert_eq!(results, expected, "{name}, grouped");
        let newest = expected.iter().flatten().map(|committed| committed.sequence).max().unwrap();
        for sequence in 1..=newest + 1 {
            let row = store.engine().get(Keyspace::Log, &log_key(sequence)).unwrap();
            assert_eq!(row.is_some(), sequence <= newest, "{name}: row {sequence}");
        }
    }
}

#[test]
fn sequences_go_on_after_a_restart() {
    let folder = TempDir::new().unwrap();
    for round in 0..3 {
        let store = Store::open(folder.path(), options()).unwrap();
        let without_row = store.commit(transaction(vec![put(PLACE, b"k", b"")])).unwrap();
        assert_eq!(without_row.sequence, round * 2);
        for step in 1..=2 {
            assert_eq!(store.commit(when(vec![], vec![])).unwrap().sequence, round * 2 + step);
        }
    }
}

#[test]
fn a_full_disk_fails_the_group_and_not_the_next() {
    let (gate, engine) = gate();
    let store = Store::over(engine, options()).unwrap();
    store.commit(when(vec![], vec![put(PLACE, b"a", b"1")])).unwrap();
    gate.full.store(true, Ordering::SeqCst);
    let refused = store.commit(when(vec![], vec![put(PLACE, b"a", b"2")]));
    assert_eq!(refused, Err(CommitError::Engine(EngineError::DiskFull)));
    assert_eq!(store.snapshot().get(PLACE, b"a").unwrap().as_deref(), Some(&b"1"[..]), "reads go on");
    gate.full.store(false, Ordering::SeqCst);
    let committed = store.commit(when(vec![starts(b"a", b"1")], vec![put(PLACE, b"a", b"3")])).unwrap();
    assert_eq!(committed.sequence, 2, "the refused group used no sequence");
}

#[test]
fn a_full_queue_says_busy_and_a_closed_one_closed() {
    let (gate, engine) = gate();
    let store = Store::over(engine, options()).unwrap();
    gate.shut();
    store.submit(transaction(vec![put(PLACE, b"plug", b"")]), Box::new(|_| {}));
    gate.wait_for_writer();
    let (sender, receiver) = mpsc::channel();
    let large = || transaction(vec![put(PLACE, b"large", &vec![0; QUEUE_BYTES_MAX / 2 - 1_000])]);
    for _ in 0..3 {
        let sender = sender.clone();
        store.submit(large(), Box::new(move |result| sender.send(result).unwrap()));
    }
    assert_eq!(receiver.recv().unwrap(), Err(CommitError::Busy), "the third does not fit, and hears at once");
    gate.open();
    assert!(receiver.recv().unwrap().is_ok());
    assert!(receiver.recv().unwrap().is_ok());
    store.close();
    assert_eq!(store.commit(large()), Err(CommitError::Closed));
}

#[test]
fn a_panicking_reply_does_not_stop_the_committer() {
    let store = Store::in_memory(options()).unwrap();
    store.submit(transaction(vec![put(PLACE, b"a", b"")]), Box::new(|_| panic!("on purpose")));
    store.commit(transaction(vec![put(PLACE, b"b", b"")])).unwrap();
}

#[test]
fn many_threads_share_few_batches() {
    let store = Store::in_memory(options()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..250_u16 {
                    let key = [&[thread][..], &number.to_be_bytes()].concat();
                    store.commit(when(vec![absent(&key)], vec![put(PLACE, &key, b"")])).unwrap();
                }
            });
        }
    });
    assert_eq!(store.commit(when(vec![], vec![])).unwrap().sequence, 1_001);
}

#[test]
fn the_last_handle_may_be_dropped_by_a_reply() {
    let store = Store::in_memory(options()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let last = Arc::clone(&store);
    let (dropped, wait) = mpsc::channel();
    store.submit(
        transaction(vec![put(PLACE, b"a", b"")]),
        Box::new(move |_| {
            wait.recv().unwrap();
            drop(last);
            sender.send(()).unwrap();
        }),
    );
    drop(store);
    dropped.send(()).unwrap();
    receiver.recv().unwrap();
}
