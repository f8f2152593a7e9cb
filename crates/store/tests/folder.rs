//! The data folder: what is refused at the door, what a power cut leaves, what a backup holds.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::{HOME, TENANT, copy_folder, options, put, transaction, write_ahead_log};
use store::{
    Durability, Engine, EngineError, INLINE_BYTES_MAX, Keyspace, Options, Precondition, RocksEngine, RocksOptions,
    Store, StoreError, Transaction,
    backup::{BackupError, backup, restore, verify},
    log_key,
};
use tempfile::TempDir;
use trust::{AuditAction, AuditEvent, MasterKey, Outcome};

fn meta(folder: &Path, key: &[u8], value: &[u8]) {
    let engine = RocksEngine::open(&folder.join("db"), &RocksOptions::default()).unwrap();
    engine.write(&[put(Keyspace::Meta, key, value)], Durability::Synced).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_at_the_door() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(folder.path(), options()).unwrap());
    let other_key = Options { master_key: MasterKey::from_bytes([1; 32]), ..options() };
    assert_eq!(Store::open(folder.path(), other_key).err(), Some(StoreError::WrongMasterKey));
    let open = Store::open(folder.path(), options()).unwrap();
    let locked = Store::open(folder.path(), options()).err();
    assert_eq!(locked, Some(StoreError::Engine(EngineError::Locked)));
    drop(open);
    meta(folder.path(), b"dictionary/1", &[0; 32]);
    assert!(matches!(Store::open(folder.path(), options()), Err(StoreError::Damaged(_))));
    meta(folder.path(), b"format", &(store::FORMAT + 1).to_be_bytes());
    let newer = StoreError::NewerFormat { found: store::FORMAT + 1, known: store::FORMAT };
    assert_eq!(Store::open(folder.path(), options()).err(), Some(newer));
}

#[test]
fn body_keys_survive_and_are_made_once() {
    let folder = TempDir::new().unwrap();
    let mut sealed = Vec::new();
    {
        let store = Store::open(folder.path(), options()).unwrap();
        assert!(store.body_key(TENANT, HOME).unwrap().is_none());
        let (key, write, precondition) = store.new_body_key(TENANT, HOME);
        key.seal(b"", b"body", &mut sealed);
        let make = |write, precondition: Precondition| Transaction {
            preconditions: vec![precondition],
            ..transaction(vec![write])
        };
        store.commit(make(write, precondition)).unwrap();
        let (_, write, precondition) = store.new_body_key(TENANT, HOME);
        assert!(store.commit(make(write, precondition)).is_err(), "a second key for the same registration is refused");
        assert_eq!(store.body_key(TENANT, HOME).unwrap().unwrap().open(b"", &sealed).unwrap(), b"body");
    }
    let store = Store::open(folder.path(), options()).unwrap();
    assert_eq!(store.body_key(TENANT, HOME).unwrap().unwrap().open(b"", &sealed).unwrap(), b"body");
}

/// A copy of a live folder is what a power cut leaves; then the write-ahead log is cut at many places, as a torn write would.
#[test]
fn a_torn_write_ahead_log_opens_with_a_prefix_of_whole_transactions() {
    const TRANSACTIONS: u64 = 40;
    let folder = TempDir::new().unwrap();
    let copies = TempDir::new().unwrap();
    let live = Store::open(folder.path(), options()).unwrap();
    let mut lengths = Vec::new();
    for number in 1..=TRANSACTIONS {
        let writes = vec![
            put(Keyspace::Resource, &number.to_be_bytes(), &[7; 300]),
            put(Keyspace::Index, &number.to_be_bytes(), b""),
        ];
        live.commit(Transaction { log: vec![1], ..transaction(writes) }).unwrap();
        lengths.push(fs::metadata(write_ahead_log(folder.path())).unwrap().len());
    }
    let whole = copies.path().join("whole");
    copy_folder(folder.path(), &whole);
    let log_bytes = fs::read(write_ahead_log(&whole)).unwrap();
    let first = usize::try_from(lengths[0]).unwrap();
    for cut in (first..=log_bytes.len()).step_by(211).chain([log_bytes.len()]) {
        let copy = copies.path().join(format!("cut-{cut}"));
        copy_folder(&whole, &copy);
        fs::write(write_ahead_log(&copy), &log_bytes[..cut]).unwrap();
        let store = Store::open(&copy, options()).unwrap();
        let promised = lengths.iter().filter(|length| **length <= cut as u64).count() as u64;
        for number in 1..=TRANSACTIONS {
            let there = |keyspace, key: &[u8]| store.engine().get(keyspace, key).unwrap().is_some();
            let rows = [
                there(Keyspace::Resource, &number.to_be_bytes()),
                there(Keyspace::Index, &number.to_be_bytes()),
                there(Keyspace::Log, &log_key(number)),
            ];
            assert_eq!(rows, [number <= promised; 3], "cut at {cut}, transaction {number}");
        }
        assert_eq!(store.commit(Transaction { log: vec![1], ..transaction(vec![]) }).unwrap().sequence, promised + 1);
        drop(store);
        fs::remove_dir_all(copy).unwrap();
    }
}

/// Bit rot inside the log, not at its end: refused, because what was acknowledged would vanish silently; a repair opens what was
/// committed before the damage, whole, and keeps the log as it was.
#[test]
fn a_write_ahead_log_damaged_in_the_middle_is_refused_until_it_is_repaired() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy");
    let live = Store::open(&folder.path().join("live"), options()).unwrap();
    for number in 1..=20_u64 {
        let writes = vec![put(Keyspace::Resource, &number.to_be_bytes(), &[7; 300])];
        live.commit(Transaction { log: vec![1], ..transaction(writes) }).unwrap();
    }
    copy_folder(&folder.path().join("live"), &copy);
    let mut log = fs::read(write_ahead_log(&copy)).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    fs::write(write_ahead_log(&copy), &log).unwrap();
    for _ in 0..2 {
        let refused = Store::open(&copy, options()).err().unwrap();
        let StoreError::Engine(EngineError::LogDamaged { at, records_behind, .. }) = &refused else {
            panic!("{refused}")
        };
        assert!((*at as usize) <= middle && *records_behind > 5, "{refused}");
        assert!(refused.to_string().contains("kangmai repair"));
        assert_eq!(fs::read(write_ahead_log(&copy)).unwrap(), log, "a refusal changes nothing");
    }
    let mut is_noted = false;
    let note = |_: &Store, _: &store::Repaired| {
        is_noted = true;
        Ok(())
    };
    let repaired = Store::repair(&copy, options(), note).unwrap().unwrap();
    assert!(is_noted);
    assert!(repaired.damage.records_behind > 5);
    let kept: Vec<_> =
        fs::read_dir(&repaired.kept_in).unwrap().map(|it| fs::read(it.unwrap().path()).unwrap()).collect();
    assert!(kept.contains(&log), "the damaged log is kept as it was");
    assert_eq!(Store::repair(&copy, options(), |_, _| Ok(())).unwrap(), None, "once");
    let store = Store::open(&copy, options()).unwrap();
    let there = |number: u64| store.engine().get(Keyspace::Resource, &number.to_be_bytes()).unwrap().is_some();
    let kept = (1..=20).take_while(|number| there(*number)).count() as u64;
    assert!((5..15).contains(&kept), "{kept}");
    assert!((kept + 1..=20).all(|number| !there(number)), "nothing from behind the damage");
    assert_eq!(store.commit(Transaction { log: vec![1], ..transaction(vec![]) }).unwrap().sequence, kept + 1);
}

/// A wrong length in the last block reads as if the log ended there; so does an older log that a copy cut short.
#[test]
fn a_log_that_seems_to_end_early_is_refused_too() {
    let folder = TempDir::new().unwrap();
    let live = Store::open(&folder.path().join("live"), options()).unwrap();
    for number in 1..=20_u64 {
        let writes = vec![put(Keyspace::Resource, &number.to_be_bytes(), &[7; 300])];
        live.commit(Transaction { log: vec![1], ..transaction(writes) }).unwrap();
    }
    let copy = folder.path().join("copy");
    copy_folder(&folder.path().join("live"), &copy);
    let mut log = fs::read(write_ahead_log(&copy)).unwrap();
    // Header of a record: checksum 4, length 2, type 1. The length of the sixth says more than the block holds.
    let mut at = 0;
    for _ in 0..5 {
        at += 7 + usize::from(u16::from_le_bytes([log[at + 4], log[at + 5]]));
    }
    log[at + 5] |= 0x70;
    fs::write(write_ahead_log(&copy), &log).unwrap();
    let refused = Store::open(&copy, options()).err().unwrap();
    assert!(matches!(refused, StoreError::Engine(EngineError::LogDamaged { .. })), "{refused}");
}

fn filled(folder: &Path) -> (std::sync::Arc<Store>, store::BlobId) {
    let store = Store::open(folder, options()).unwrap();
    let (key, key_write, _) = store.new_body_key(TENANT, HOME);
    let (id, blob_write) = store.blobs().put(TENANT, HOME, &key, &vec![b'x'; INLINE_BYTES_MAX * 2]).unwrap();
    let writes = vec![key_write, blob_write, put(Keyspace::Resource, b"r", b"body")];
    store.commit(Transaction { log: vec![1], ..transaction(writes) }).unwrap();
    let mut event = AuditEvent::new(1, "r1", TENANT, AuditAction::Read, Outcome::Success);
    event.disclosed = vec![HOME];
    store.audit().append(&event).unwrap();
    store.audit().checkpoint(TENANT).unwrap();
    (store, id)
}

#[test]
fn a_backup_restores_to_a_store_that_works() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("backup");
    let (live, id) = filled(&folder.path().join("live"));
    let manifest = backup(&live, &target).unwrap();
    live.commit(transaction(vec![put(Keyspace::Resource, b"late", b"")])).unwrap();
    assert_eq!(backup(&live, &target), Err(BackupError::TargetExists));
    assert_eq!(verify(&target).unwrap(), manifest);
    let restored = folder.path().join("restored");
    assert_eq!(restore(&target, &restored).unwrap(), manifest);
    assert_eq!(restore(&target, &restored), Err(BackupError::TargetExists));
    let store = Store::open(&restored, options()).unwrap();
    assert_eq!(store.engine().get(Keyspace::Resource, b"r").unwrap().as_deref(), Some(&b"body"[..]));
    assert_eq!(store.engine().get(Keyspace::Resource, b"late").unwrap(), None);
    assert_eq!(store.blobs().get(TENANT, id).unwrap().unwrap().len(), INLINE_BYTES_MAX * 2);
    assert_eq!(store.audit().list_for(TENANT, HOME, None, 10).unwrap().len(), 1);
    assert!(store.audit().verify(TENANT, None).unwrap().is_intact());
    assert_eq!(store.commit(Transaction { log: vec![1], ..transaction(vec![]) }).unwrap().sequence, 2);
    drop(store);
    assert_eq!(verify(&target).unwrap(), manifest, "opening the restored copy does not touch the backup");
}

#[test]
fn a_backup_of_a_store_in_memory_opens_too() {
    let folder = TempDir::new().unwrap();
    let store = Store::in_memory(options()).unwrap();
    store.commit(transaction(vec![put(Keyspace::Resource, b"r", b"body")])).unwrap();
    backup(&store, &folder.path().join("backup")).unwrap();
    restore(&folder.path().join("backup"), &folder.path().join("restored")).unwrap();
    let store = Store::open(&folder.path().join("restored"), options()).unwrap();
    assert!(store.engine().get(Keyspace::Resource, b"r").unwrap().is_some());
}

/// Every file of a folder, relative.
fn files(root: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            files(root, &path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn one_changed_byte_in_any_file_of_a_backup_is_found() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("backup");
    let (live, _) = filled(&folder.path().join("live"));
    backup(&live, &target).unwrap();
    let mut found = Vec::new();
    files(&target, Path::new(""), &mut found);
    assert!(found.len() > 5 && found.contains(&PathBuf::from("MANIFEST")), "{found:?}");
    for path in &found {
        let path = target.join(path);
        let whole = fs::read(&path).unwrap();
        let places = if whole.is_empty() { vec![] } else { vec![0, whole.len() / 3, whole.len() / 2, whole.len() - 1] };
        for place in places {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(verify(&target).is_err(), "{} byte {place}", path.display());
            assert!(restore(&target, &folder.path().join("never")).is_err(), "{} byte {place}", path.display());
            let _ = fs::remove_dir_all(folder.path().join("never.partial"));
        }
        fs::write(&path, [&whole[..], b"tail"].concat()).unwrap();
        assert!(verify(&target).is_err(), "{} longer", path.display());
        fs::remove_file(&path).unwrap();
        assert!(verify(&target).is_err(), "{} removed", path.display());
        fs::write(&path, &whole).unwrap();
    }
    fs::write(target.join("db/extra"), b"").unwrap();
    assert_eq!(verify(&target), Err(BackupError::FileUnknown("db/extra".to_owned())));
    fs::remove_file(target.join("db/extra")).unwrap();
    verify(&target).unwrap();
    assert!(!folder.path().join("never").exists());
}
