//! Originals: small and large come back, nothing readable lies on the disk, damage is noticed.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{fs, path::Path};

use common::{HOME, TENANT, noise, options, transaction};
use model::{Home, TenantId};
use store::{BlobId, INLINE_BYTES_MAX, Keyspace, Store, StoreError, Write};
use tempfile::TempDir;

fn keep(store: &Store, home: Home, content: &[u8]) -> BlobId {
    let mut writes = Vec::new();
    let key = match store.body_key(TENANT, home).unwrap() {
        Some(key) => key,
        None => {
            let (key, write, _) = store.new_body_key(TENANT, home);
            writes.push(write);
            key
        }
    };
    let (id, write) = store.blobs().put(TENANT, home, &key, content).unwrap();
    assert_eq!(store.blobs().get(TENANT, id).unwrap(), None, "before the commit it does not exist");
    writes.push(write);
    store.commit(transaction(writes)).unwrap();
    id
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder.join("blobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn originals_of_every_size_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let contents: Vec<Vec<u8>> = [0, 1, 1_000, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, 3_000_000]
        .iter()
        .enumerate()
        .map(|(seed, length)| noise(*length, seed as u64 + 1))
        .chain(["<ClinicalDocument/>".repeat(100_000).into_bytes()])
        .collect();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let store = Store::open(folder.path(), options()).unwrap();
        ids.extend(contents.iter().map(|content| keep(&store, HOME, content)));
        ids.push(keep(&store, Home::SHARED, b"shared"));
    }
    assert_eq!(segments(folder.path()).len(), 2, "each run appends to a segment of its own");
    let store = Store::open(folder.path(), options()).unwrap();
    for run in ids.chunks(contents.len() + 1) {
        for (id, content) in run.iter().zip(&contents) {
            assert_eq!(store.blobs().get(TENANT, *id).unwrap().as_deref(), Some(content.as_slice()));
        }
        assert_eq!(store.blobs().get(TENANT, run[contents.len()]).unwrap().as_deref(), Some(&b"shared"[..]));
    }
    assert_eq!(store.blobs().get(TenantId(8), ids[0]).unwrap(), None, "another tenant's id finds nothing");
    let reports = store.blobs().check().unwrap();
    assert!(reports.iter().all(|report| report.records == 3 && report.torn_at.is_none()), "{reports:?}");
    assert_eq!(ids[0].to_string().parse(), Ok(ids[0]));
    assert!("+0000000000000000000000000000000".parse::<BlobId>().is_err());
}

#[test]
fn nothing_readable_lies_in_a_segment() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    let mut content = noise(INLINE_BYTES_MAX, 3);
    content.extend_from_slice(b"a name that must not be found");
    keep(&store, HOME, &content);
    let bytes = fs::read(&segments(folder.path())[0]).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"a name that"));
}

#[test]
fn an_erased_key_erases_the_original() {
    let store = Store::in_memory(options()).unwrap();
    let id = keep(&store, HOME, b"content");
    assert!(store.blobs().get(TENANT, id).unwrap().is_some());
    store.commit(transaction(vec![store::KeyRing::erase_body_key(TENANT, HOME)])).unwrap();
    assert_eq!(store.blobs().get(TENANT, id).unwrap(), None);
    assert!(store.body_key(TENANT, HOME).unwrap().is_none());
}

#[test]
fn a_torn_or_changed_segment_is_noticed() {
    let folder = TempDir::new().unwrap();
    let content = noise(INLINE_BYTES_MAX + 1, 5);
    let (first, second) = {
        let store = Store::open(folder.path(), options()).unwrap();
        (keep(&store, HOME, &content), keep(&store, HOME, &content))
    };
    let path = &segments(folder.path())[0];
    let whole = fs::read(path).unwrap();
    let record = whole.len() / 2;
    let check = |bytes: &[u8], first_readable: bool, torn_at: usize| {
        fs::write(path, bytes).unwrap();
        let store = Store::open(folder.path(), options()).unwrap();
        let damaged = |id| matches!(store.blobs().get(TENANT, id), Err(StoreError::Damaged(_)));
        assert_eq!(!damaged(first), first_readable);
        assert_eq!(store.blobs().check().unwrap()[0].torn_at, Some(torn_at as u64));
        damaged(second)
    };
    for cut in [record + 1, record + 35, record + 36, whole.len() - 1] {
        assert!(check(&whole[..cut], true, record), "cut at {cut}");
    }
    for flipped in [0, 5, 30, 35, 36, record - 1] {
        let mut changed = whole.clone();
        changed[flipped] ^= 0x10;
        assert!(!check(&changed, false, 0), "flipped at {flipped}: the second is still readable");
    }
    fs::remove_file(path).unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    assert!(matches!(store.blobs().get(TENANT, first), Err(StoreError::Damaged(_))), "a missing segment is damage");
}

#[test]
fn a_row_moved_to_another_id_does_not_open() {
    let store = Store::in_memory(options()).unwrap();
    let (first, second) = (keep(&store, HOME, b"one"), keep(&store, HOME, b"two"));
    let row = |id: BlobId| {
        let number = u128::from_str_radix(&id.to_string(), 16).unwrap();
        [&TENANT.0.to_be_bytes()[..], &number.to_be_bytes()].concat()
    };
    let value = store.engine().get(Keyspace::Blob, &row(second)).unwrap().unwrap();
    store.commit(transaction(vec![Write::Put(Keyspace::Blob, row(first), value)])).unwrap();
    assert!(matches!(store.blobs().get(TENANT, first), Err(StoreError::Cipher(_))));
}
