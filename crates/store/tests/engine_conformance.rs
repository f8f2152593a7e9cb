//! One suite for every engine: fixed cases, then random histories against a model.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use store::{
    Cursor, Durability, Engine, EngineError, Keyspace, MemoryEngine, RocksEngine, RocksOptions, Write, prefix_end,
};
use tempfile::TempDir;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Runs a check on each engine, the RocksDB one in a folder of its own.
fn on_each(check: impl Fn(&str, &dyn Engine)) {
    check("memory", &MemoryEngine::new());
    let folder = TempDir::new().unwrap();
    check(
        "rocks",
        &RocksEngine::open(folder.path(), &RocksOptions { cache_bytes: 1 << 20, ..RocksOptions::default() }).unwrap(),
    );
}

fn put(key: &str, value: &str) -> Write {
    Write::Put(Keyspace::Index, key.into(), value.into())
}

fn delete(key: &str) -> Write {
    Write::Delete(Keyspace::Index, key.into())
}

fn drain(mut cursor: Box<dyn Cursor + '_>) -> Rows {
    let mut rows = Vec::new();
    while let Some((key, value)) = cursor.next().unwrap() {
        rows.push((key.to_vec(), value.to_vec()));
    }
    assert_eq!(cursor.next().unwrap(), None, "the end stays the end");
    rows
}

fn keys(rows: &Rows) -> Vec<&str> {
    rows.iter().map(|(key, _)| std::str::from_utf8(key).unwrap()).collect()
}

fn filled(engine: &dyn Engine) {
    let writes: Vec<Write> = ["a", "b", "ba", "bb", "c", "d"].iter().map(|key| put(key, &key.to_uppercase())).collect();
    engine.write(&writes, Durability::Synced).unwrap();
}

#[test]
fn ranges_include_the_lower_bound_only() {
    on_each(|name, engine| {
        filled(engine);
        let snapshot = engine.snapshot();
        for (from, to, expected) in [
            ("", "", "a b ba bb c d"),
            ("b", "c", "b ba bb"),
            ("b", "b", ""),
            ("c", "a", ""),
            ("aa", "bab", "b ba"),
            ("bb", "", "bb c d"),
            ("x", "", ""),
            ("", "a", ""),
            ("", "ab", "a"),
        ] {
            let forward = drain(snapshot.scan(Keyspace::Index, from.as_bytes(), to.as_bytes()));
            assert_eq!(keys(&forward).join(" "), expected, "{name} [{from},{to})");
            let mut back = drain(snapshot.scan_back(Keyspace::Index, from.as_bytes(), to.as_bytes()));
            back.reverse();
            assert_eq!(back, forward, "{name} back [{from},{to})");
        }
        assert!(drain(snapshot.scan(Keyspace::Log, b"", b"")).is_empty(), "{name}: keyspaces are separate");
    });
}

#[test]
fn seek_moves_forward_and_never_back() {
    on_each(|name, engine| {
        filled(engine);
        let snapshot = engine.snapshot();
        // Steps: `n` = next and expect, `s` = seek.
        for (from, to, steps) in [
            ("", "", vec![("s", "ba"), ("n", "ba"), ("n", "bb")]),
            ("", "", vec![("n", "a"), ("s", "a"), ("n", "b")]),
            ("", "", vec![("n", "a"), ("s", "c"), ("s", "a"), ("n", "c"), ("s", "c"), ("n", "d"), ("n", "")]),
            ("b", "c", vec![("s", "a"), ("n", "b"), ("s", "bc"), ("n", ""), ("s", "b"), ("n", "")]),
            ("b", "d", vec![("s", "zz"), ("n", ""), ("n", "")]),
            ("", "", vec![("s", "d"), ("n", "d"), ("n", "")]),
            ("", "", vec![("s", "b"), ("s", "bb"), ("s", "b"), ("n", "bb")]),
        ] {
            let mut cursor = snapshot.scan(Keyspace::Index, from.as_bytes(), to.as_bytes());
            for (position, (step, key)) in steps.iter().enumerate() {
                if *step == "s" {
                    cursor.seek(key.as_bytes()).unwrap();
                } else {
                    let found = cursor.next().unwrap().map_or("", |(key, _)| std::str::from_utf8(key).unwrap());
                    assert_eq!(found, *key, "{name} [{from},{to}) step {position} of {steps:?}");
                }
            }
        }
        let mut back = snapshot.scan_back(Keyspace::Index, b"", b"");
        assert!(back.seek(b"a").is_err(), "{name}: a descending cursor does not seek");
    });
}

#[test]
fn long_seeks_find_what_short_steps_would() {
    on_each(|name, engine| {
        let writes: Vec<Write> = (0..2_000).map(|number| put(&format!("{number:05}"), "")).collect();
        engine.write(&writes, Durability::Buffered).unwrap();
        let snapshot = engine.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Index, b"", b"");
        for number in [0, 1, 2, 7, 8, 300, 301, 305, 1_999] {
            let key = format!("{number:05}");
            cursor.seek(key.as_bytes()).unwrap();
            let found = cursor.next().unwrap().map(|(key, _)| key.to_vec());
            assert_eq!(found.as_deref(), Some(key.as_bytes()), "{name}");
        }
        assert_eq!(cursor.next().unwrap(), None, "{name}");
    });
}

#[test]
fn a_batch_applies_in_order_and_a_snapshot_does_not_move() {
    on_each(|name, engine| {
        filled(engine);
        let before = engine.snapshot();
        engine
            .write(&[put("a", "1"), delete("a"), put("a", "2"), delete("d"), delete("nothing")], Durability::Synced)
            .unwrap();
        assert_eq!(engine.get(Keyspace::Index, b"a").unwrap().as_deref(), Some(&b"2"[..]), "{name}");
        assert_eq!(engine.get(Keyspace::Index, b"d").unwrap(), None, "{name}");
        assert_eq!(before.get(Keyspace::Index, b"a").unwrap().as_deref(), Some(&b"A"[..]), "{name}");
        assert_eq!(keys(&drain(before.scan(Keyspace::Index, b"c", b""))), ["c", "d"], "{name}");
        let asked = [b"d".to_vec(), b"a".to_vec(), b"zz".to_vec(), b"a".to_vec()];
        let found = before.get_many(Keyspace::Index, &asked).unwrap();
        assert_eq!(found, [Some(b"D".to_vec()), Some(b"A".to_vec()), None, Some(b"A".to_vec())], "{name}");
        let found = engine.snapshot().get_many(Keyspace::Index, &asked).unwrap();
        assert_eq!(found, [None, Some(b"2".to_vec()), None, Some(b"2".to_vec())], "{name}");
    });
}

#[test]
fn a_range_is_removed_and_views_from_before_keep_it() {
    on_each(|name, engine| {
        let other = Write::Put(Keyspace::Resource, b"b".to_vec(), b"elsewhere".to_vec());
        for (from, to, expected) in [
            ("b", "c", "a c d"),
            ("b", "b", "a b ba bb c d"),
            ("c", "a", "a b ba bb c d"),
            ("ba", "", "a b"),
            ("x", "", "a b ba bb c d"),
            ("", "", ""),
            ("", "bb", "bb c d"),
        ] {
            filled(engine);
            engine.write(std::slice::from_ref(&other), Durability::Synced).unwrap();
            let before = engine.snapshot();
            engine.delete_range(Keyspace::Index, from.as_bytes(), to.as_bytes()).unwrap();
            let left = drain(engine.snapshot().scan(Keyspace::Index, b"", b""));
            assert_eq!(keys(&left).join(" "), expected, "{name}: {from}..{to}");
            assert_eq!(drain(before.scan(Keyspace::Index, b"", b"")).len(), 6, "{name}: {from}..{to}");
            assert!(engine.get(Keyspace::Resource, b"b").unwrap().is_some(), "{name}");
            // What is written afterwards is there.
            engine.write(&[put("b", "again")], Durability::Synced).unwrap();
            assert_eq!(engine.get(Keyspace::Index, b"b").unwrap().as_deref(), Some(&b"again"[..]), "{name}");
        }
    });
}

#[test]
fn empty_keys_and_values_are_values() {
    on_each(|name, engine| {
        engine.write(&[put("", ""), put("k", "")], Durability::Synced).unwrap();
        assert_eq!(engine.get(Keyspace::Index, b"").unwrap(), Some(Vec::new()), "{name}");
        assert_eq!(engine.get(Keyspace::Index, b"k").unwrap(), Some(Vec::new()), "{name}");
        assert_eq!(keys(&drain(engine.snapshot().scan(Keyspace::Index, b"", b""))), ["", "k"], "{name}");
    });
}

#[test]
fn estimates_tell_rare_from_common() {
    on_each(|name, engine| {
        let common: Vec<Write> = (0..5_000).map(|number| put(&format!("c{number:05}"), "")).collect();
        engine.write(&common, Durability::Buffered).unwrap();
        engine.write(&[put("r1", ""), put("r2", "")], Durability::Buffered).unwrap();
        assert_eq!(engine.estimate(Keyspace::Index, b"r", b"s"), 2, "{name}");
        assert_eq!(engine.estimate(Keyspace::Index, b"x", b""), 0, "{name}");
        assert!(engine.estimate(Keyspace::Index, b"c", b"d") >= 200, "{name}");
    });
}

#[test]
fn a_checkpoint_opens_and_holds_what_was_there() {
    on_each(|name, engine| {
        filled(engine);
        let folder = TempDir::new().unwrap();
        let target = folder.path().join("copy");
        engine.checkpoint(&target).unwrap();
        engine.write(&[put("late", "")], Durability::Synced).unwrap();
        assert!(engine.checkpoint(&target).is_err(), "{name}: nothing is overwritten");
        let copy = RocksEngine::open(&target, &RocksOptions::default()).unwrap();
        let rows = drain(copy.snapshot().scan(Keyspace::Index, b"", b""));
        assert_eq!(keys(&rows).join(" "), "a b ba bb c d", "{name}");
    });
}

#[test]
fn a_folder_opens_once_and_again() {
    let folder = TempDir::new().unwrap();
    let options = RocksOptions { cache_bytes: 1 << 20, ..RocksOptions::default() };
    let first = RocksEngine::open(folder.path(), &options).unwrap();
    filled(&first);
    assert_eq!(RocksEngine::open(folder.path(), &options).err(), Some(EngineError::Locked));
    drop(first);
    let second = RocksEngine::open(folder.path(), &options).unwrap();
    assert_eq!(drain(second.snapshot().scan(Keyspace::Index, b"", b"")).len(), 6);
}

#[test]
fn prefix_ends() {
    for (prefix, end) in [(&b"ab"[..], &b"ac"[..]), (b"a\xff", b"b"), (b"\xff\xff", b""), (b"", b"")] {
        assert_eq!(prefix_end(prefix), end);
    }
}

/// Short keys over a small alphabet meet often.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, b'a', b'b', 0xff]), 0..4)
}

fn write() -> impl Strategy<Value = (bool, Vec<u8>, u8)> {
    (any::<bool>(), key(), any::<u8>())
}

#[derive(Debug, Clone)]
struct Walk {
    from: Vec<u8>,
    to: Vec<u8>,
    /// `None` = next, `Some` = seek.
    steps: Vec<Option<Vec<u8>>>,
}

fn walk() -> impl Strategy<Value = Walk> {
    let step = prop_oneof![3 => Just(None), 1 => key().prop_map(Some)];
    (key(), key(), prop::collection::vec(step, 0..12)).prop_map(|(from, to, steps)| Walk { from, to, steps })
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn in_range(model: &Model, from: &[u8], to: &[u8]) -> Rows {
    let inside = |key: &[u8]| key >= from && (to.is_empty() || key < to);
    model.iter().filter(|(key, _)| inside(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check_walk(model: &Model, mut cursor: Box<dyn Cursor + '_>, walk: &Walk) {
    let rows = in_range(model, &walk.from, &walk.to);
    let mut at = 0;
    for step in &walk.steps {
        match step {
            Some(key) => {
                cursor.seek(key).unwrap();
                at = at.max(rows.partition_point(|(row, _)| row < key));
            }
            None => {
                let expected = rows.get(at).map(|(key, value)| (key.as_slice(), value.as_slice()));
                assert_eq!(cursor.next().unwrap(), expected, "{walk:?}");
                at = (at + 1).min(rows.len());
            }
        }
    }
}

fn check_history(engine: &dyn Engine, flush: impl Fn(), batches: &[Vec<(bool, Vec<u8>, u8)>], walks: &[Walk]) {
    let mut model = Model::new();
    let mut kept = Vec::new();
    for batch in batches {
        kept.push((engine.snapshot(), model.clone()));
        let mut writes = Vec::new();
        for (is_put, key, value) in batch {
            if *is_put {
                model.insert(key.clone(), vec![*value]);
                writes.push(Write::Put(Keyspace::Id, key.clone(), vec![*value]));
            } else {
                model.remove(key);
                writes.push(Write::Delete(Keyspace::Id, key.clone()));
            }
        }
        engine.write(&writes, Durability::Buffered).unwrap();
        if kept.len() % 2 == 0 {
            flush();
        }
    }
    kept.push((engine.snapshot(), model));
    for (snapshot, model) in &kept {
        for walk in walks {
            check_walk(model, snapshot.scan(Keyspace::Id, &walk.from, &walk.to), walk);
            let mut back = drain(snapshot.scan_back(Keyspace::Id, &walk.from, &walk.to));
            back.reverse();
            assert_eq!(back, in_range(model, &walk.from, &walk.to));
        }
        let asked: Vec<Vec<u8>> = walks.iter().map(|walk| walk.from.clone()).collect();
        let expected: Vec<_> = asked.iter().map(|key| model.get(key).cloned()).collect();
        assert_eq!(snapshot.get_many(Keyspace::Id, &asked).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn memory_follows_the_model(
        batches in prop::collection::vec(prop::collection::vec(write(), 0..8), 0..6),
        walks in prop::collection::vec(walk(), 1..6),
    ) {
        check_history(&MemoryEngine::new(), || (), &batches, &walks);
    }
}

proptest! {
    // Opening a database costs some 20 ms.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn rocks_follows_the_model(
        batches in prop::collection::vec(prop::collection::vec(write(), 0..8), 0..6),
        walks in prop::collection::vec(walk(), 1..6),
    ) {
        let folder = TempDir::new().unwrap();
        let engine = RocksEngine::open(folder.path(), &RocksOptions { cache_bytes: 1 << 20, ..RocksOptions::default() }).unwrap();
        check_history(&engine, || engine.settle().unwrap(), &batches, &walks);
    }
}
