//! Renewal of keys: what was sealed stays readable, the old key is refused, and every place where it can be cut off leaves a folder that the key
//! in the key file opens.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{path::Path, sync::Arc};

use common::{TENANT, options, put, transaction};
use model::Home;
use store::{BlobId, Durability, Engine, Keyspace, Options, RocksEngine, RocksOptions, Store, StoreError, Write};
use tempfile::TempDir;
use trust::{Account, AuditAction, AuditEvent, Domain, MasterKey, Outcome, Role, TenantKeys};

/// More than one commit of rewrapping takes.
const HOMES: u64 = 1_300;

fn old() -> MasterKey {
    MasterKey::from_bytes([9; 32])
}

fn new() -> MasterKey {
    MasterKey::from_bytes([10; 32])
}

fn open(folder: &Path, key: MasterKey) -> Result<Arc<Store>, StoreError> {
    Store::open(folder, Options { master_key: key, ..options() })
}

/// What is in a folder: bodies, an original, an account, audit events, and a hash that is in index keys.
struct Content {
    sealed: Vec<Vec<u8>>,
    shared: Vec<u8>,
    blob: BlobId,
    hash: u64,
}

fn audit(store: &Store, at_ms: i64) {
    let mut event = AuditEvent::new(at_ms, "r".to_owned(), TENANT, AuditAction::Read, Outcome::Success);
    event.disclosed = vec![Home(1)];
    store.audit().append(&event).unwrap();
    store.audit().checkpoint(TENANT).unwrap();
}

fn fill(store: &Store) -> Content {
    let mut writes = Vec::new();
    let mut sealed = Vec::new();
    for home in 1..=HOMES {
        let (key, write, _) = store.new_body_key(TENANT, Home(home));
        let mut body = Vec::new();
        key.seal(&home.to_be_bytes(), b"body", &mut body);
        sealed.push(body);
        writes.push(write);
    }
    store.commit(transaction(writes)).unwrap();
    let key = store.body_key(TENANT, Home(1)).unwrap().unwrap();
    let (blob, write) = store.blobs().put(TENANT, Home(1), &key, b"original").unwrap();
    store.commit(transaction(vec![write])).unwrap();
    store.accounts().put(&Account::new("doctor", Role::Clinician, TENANT)).unwrap();
    audit(store, 1);
    let mut shared = Vec::new();
    store.tenant(TENANT).shared_body_key().seal(b"s", b"shared", &mut shared);
    Content { sealed, shared, blob, hash: store.tenant(TENANT).hash64(Domain::Id, b"Patient/p") }
}

fn check(store: &Store, content: &Content) {
    for home in 1..=HOMES {
        let key = store.body_key(TENANT, Home(home)).unwrap().unwrap();
        let body = &content.sealed[usize::try_from(home).unwrap() - 1];
        assert_eq!(key.open(&home.to_be_bytes(), body).unwrap(), b"body");
    }
    assert_eq!(store.blobs().get(TENANT, content.blob).unwrap().unwrap(), b"original");
    assert_eq!(store.accounts().list(TENANT).unwrap()[0].name, "doctor");
    assert_eq!(store.tenant(TENANT).shared_body_key().open(b"s", &content.shared).unwrap(), b"shared");
    assert_eq!(store.tenant(TENANT).hash64(Domain::Id, b"Patient/p"), content.hash, "ids and index keys stay");
    assert!(store.audit().verify(TENANT, None).unwrap().is_intact());
    assert!(!store.audit().list_for(TENANT, Home(1), None, 100).unwrap().is_empty());
}

fn wrapped(store: &Store) -> Vec<Vec<u8>> {
    let snapshot = store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Key, &[], &[]);
    let mut rows = Vec::new();
    while let Some((_, value)) = cursor.next().unwrap() {
        rows.push(value.to_vec());
    }
    rows
}

#[test]
fn after_a_renewal_everything_opens_and_the_old_key_does_not() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), old()).unwrap();
    let content = fill(&store);
    let before = wrapped(&store);
    assert_eq!(store.renew(&new()).err(), Some(StoreError::WrongMasterKey), "a key that was not accepted");
    store.accept_also(&old(), &new()).unwrap();
    store.renew(&new()).unwrap();
    assert!(store.needs_rewrap().unwrap());
    // Every registration's key, and the one that signs checkpoints.
    assert_eq!(store.rewrap(&mut |_| true).unwrap(), HOMES + 1);
    assert_eq!(store.rewrap(&mut |_| true).unwrap(), 0);
    assert!(!store.needs_rewrap().unwrap());
    assert!(before.iter().zip(wrapped(&store)).all(|(before, after)| *before != after));
    check(&store, &content);
    audit(&store, 2);
    // A row sealed by who has the keys now does not open with those of before.
    let mut sealed = Vec::new();
    store.tenant(TENANT).shared_body_key().seal(b"s", b"later", &mut sealed);
    drop(store);
    assert_eq!(open(folder.path(), old()).err(), Some(StoreError::WrongMasterKey));
    let store = open(folder.path(), new()).unwrap();
    check(&store, &content);
    assert_eq!(store.tenant(TENANT).shared_body_key().open(b"s", &sealed).unwrap(), b"later");
    assert!(TenantKeys::derive(&old(), TENANT).shared_body_key().open(b"s", &sealed).is_err());
    // And again: keys of three ages.
    let third = MasterKey::from_bytes([11; 32]);
    store.accept_also(&new(), &third).unwrap();
    store.renew(&third).unwrap();
    store.rewrap(&mut |_| true).unwrap();
    drop(store);
    assert_eq!(open(folder.path(), new()).err(), Some(StoreError::WrongMasterKey));
    check(&open(folder.path(), third).unwrap(), &content);
}

#[test]
fn cut_off_anywhere_the_key_in_the_key_file_opens() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), old()).unwrap();
    let content = fill(&store);
    // Accepted, key file not changed: the old key opens, and the renewal can be begun again.
    store.accept_also(&old(), &MasterKey::from_bytes([1; 32])).unwrap();
    drop(store);
    let store = open(folder.path(), old()).unwrap();
    check(&store, &content);
    store.accept_also(&old(), &new()).unwrap();
    drop(store);
    // Key file changed, then killed: the start finishes it, and the old key is refused.
    let store = open(folder.path(), new()).unwrap();
    check(&store, &content);
    drop(store);
    assert_eq!(open(folder.path(), old()).err(), Some(StoreError::WrongMasterKey));
    assert_eq!(open(folder.path(), MasterKey::from_bytes([1; 32])).err(), Some(StoreError::WrongMasterKey));
    // A second renewal over one whose key file was changed, but whose command was killed, while the store is open: the key in the key file
    // goes on opening the folder.
    let store = open(folder.path(), new()).unwrap();
    let (second, third) = (MasterKey::from_bytes([2; 32]), MasterKey::from_bytes([3; 32]));
    store.accept_also(&new(), &second).unwrap();
    assert_eq!(store.accept_also(&old(), &third).err(), Some(StoreError::WrongMasterKey));
    store.accept_also(&second, &third).unwrap();
    drop(store);
    assert_eq!(open(folder.path(), new()).err(), Some(StoreError::WrongMasterKey));
    let store = open(folder.path(), second.clone()).unwrap();
    check(&store, &content);
    store.accept_also(&second, &new()).unwrap();
    store.renew(&new()).unwrap();
    // Killed while keys are wrapped anew: both kinds open, and the rest is done by the next run.
    let mut calls = 0;
    let stopped = store.rewrap(&mut |_| {
        calls += 1;
        calls < 3
    });
    assert!(stopped.is_err());
    drop(store);
    let store = open(folder.path(), new()).unwrap();
    assert!(store.needs_rewrap().unwrap());
    check(&store, &content);
    let rest = store.rewrap(&mut |_| true).unwrap();
    assert!(rest > 0 && rest < HOMES, "{rest}");
    check(&store, &content);
    // What is erased meanwhile stays erased.
    store.commit(transaction(vec![store::KeyRing::erase_body_key(TENANT, Home(7))])).unwrap();
    store.rewrap(&mut |_| true).unwrap();
    assert!(store.body_key(TENANT, Home(7)).unwrap().is_none());
}

#[test]
fn a_folder_of_the_first_format_opens_and_is_renewed() {
    let folder = TempDir::new().unwrap();
    // As the program before sealed roots made one.
    {
        let engine = RocksEngine::open(&folder.path().join("db"), &RocksOptions::default()).unwrap();
        let mut check = Vec::new();
        TenantKeys::derive(&old(), model::TenantId(0)).audit_key().seal(b"key-check", b"kangmai", &mut check);
        let rows: Vec<Write> =
            vec![put(Keyspace::Meta, b"format", &1_u32.to_be_bytes()), put(Keyspace::Meta, b"key-check", &check)];
        engine.write(&rows, Durability::Synced).unwrap();
    }
    let format = |store: &Store| store.engine().get(Keyspace::Meta, b"format").unwrap().unwrap();
    assert_eq!(open(folder.path(), new()).err(), Some(StoreError::WrongMasterKey));
    let store = open(folder.path(), old()).unwrap();
    let content = fill(&store);
    let mut by_master = Vec::new();
    TenantKeys::derive(&old(), TENANT).shared_body_key().seal(b"s", b"shared", &mut by_master);
    assert!(store.tenant(TENANT).shared_body_key().open(b"s", &by_master).is_ok(), "the master key is the root");
    assert_eq!(format(&store), 1_u32.to_be_bytes(), "the program before still opens it");
    store.accept_also(&old(), &new()).unwrap();
    drop(store);
    check(&open(folder.path(), old()).unwrap(), &content);
    let store = open(folder.path(), new()).unwrap();
    store.renew(&new()).unwrap();
    store.rewrap(&mut |_| true).unwrap();
    assert_eq!(format(&store), store::FORMAT.to_be_bytes());
    drop(store);
    assert_eq!(open(folder.path(), old()).err(), Some(StoreError::WrongMasterKey));
    check(&open(folder.path(), new()).unwrap(), &content);
}
