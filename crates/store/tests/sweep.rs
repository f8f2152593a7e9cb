//! Originals whose commit failed: their room comes back, and whatever is referred to stays, byte for byte.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use common::{HOME, TENANT, noise, options, transaction};
use store::{BlobId, INLINE_BYTES_MAX, Precondition, Store, Swept, Write};
use tempfile::TempDir;
use trust::BodyKey;

fn large(seed: u64) -> Vec<u8> {
    noise(INLINE_BYTES_MAX + 1_000 * (1 + usize::try_from(seed).unwrap()), seed + 1)
}

fn key(store: &Store) -> BodyKey {
    if let Some(key) = store.body_key(TENANT, HOME).unwrap() {
        return key;
    }
    let (key, write, _) = store.new_body_key(TENANT, HOME);
    store.commit(transaction(vec![write])).unwrap();
    key
}

fn put(store: &Store, content: &[u8]) -> (BlobId, Write) {
    store.blobs().put(TENANT, HOME, &key(store), content).unwrap()
}

/// Room that the segments take on the disk.
fn room(folder: &Path) -> u64 {
    fs::read_dir(folder.join("blobs")).unwrap().map(|it| it.unwrap().metadata().unwrap().blocks() * 512).sum()
}

fn open(folder: &Path) -> Arc<Store> {
    Store::open(folder, options()).unwrap()
}

#[test]
fn what_nothing_refers_to_goes_and_the_rest_stays() {
    let folder = TempDir::new().unwrap();
    let mut kept: Vec<(BlobId, Vec<u8>)> = Vec::new();
    let mut lost = 0;
    for run in 0..3 {
        let store = open(folder.path());
        for number in 0..8 {
            let content = large(10 * run + number);
            let (id, write) = put(&store, &content);
            match (run + number) % 3 {
                0 => lost += 1,
                1 => {
                    // A precondition does not hold: planned and appended again under the same id.
                    let mut refused = transaction(vec![write]);
                    refused.preconditions.push(Precondition::StartsWith {
                        keyspace: store::Keyspace::Meta,
                        key: b"nothing".to_vec(),
                        prefix: vec![1],
                    });
                    assert!(store.commit(refused).is_err());
                    let again = store.blobs().put_as(TENANT, id, HOME, &key(&store), &content).unwrap();
                    store.commit(transaction(vec![again])).unwrap();
                    kept.push((id, content));
                    lost += 1;
                }
                _ => {
                    store.commit(transaction(vec![write])).unwrap();
                    kept.push((id, content));
                }
            }
        }
    }
    let before = room(folder.path());
    let store = open(folder.path());
    let swept = store.blobs().sweep(&|| true).unwrap();
    assert_eq!((swept.segments, swept.originals), (3, lost));
    assert!(swept.bytes > lost * INLINE_BYTES_MAX as u64);
    // A file system without holes keeps the room; here and on every usual one it comes back.
    assert!(room(folder.path()) + swept.bytes * 9 / 10 < before, "{} of {before}", room(folder.path()));
    for (id, content) in &kept {
        assert_eq!(store.blobs().get(TENANT, *id).unwrap().as_ref(), Some(content));
    }
    let reports = store.blobs().check().unwrap();
    assert!(reports.iter().all(|report| report.torn_at.is_none()), "{reports:?}");
    assert_eq!(reports.iter().map(|report| report.records).sum::<u64>(), kept.len() as u64);
    assert_eq!(store.blobs().sweep(&|| true).unwrap(), Swept::default(), "once");
    // A copy of the swept folder is as good.
    let copies = TempDir::new().unwrap();
    store::backup::backup(&store, &copies.path().join("backup")).unwrap();
    store::backup::restore(&copies.path().join("backup"), &copies.path().join("restored")).unwrap();
    let restored = open(&copies.path().join("restored"));
    for (id, content) in &kept {
        assert_eq!(restored.blobs().get(TENANT, *id).unwrap().as_ref(), Some(content));
    }
}

#[test]
fn what_this_run_may_still_commit_is_not_touched() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let content = large(3);
    let (id, write) = put(&store, &content);
    assert_eq!(store.blobs().sweep(&|| true).unwrap(), Swept::default());
    store.commit(transaction(vec![write])).unwrap();
    assert_eq!(store.blobs().get(TENANT, id).unwrap(), Some(content.clone()));
    let (_, never) = put(&store, &large(4));
    drop((never, store));
    let store = open(folder.path());
    // Also in the next run what it appends itself stays, while the segment before is swept.
    let (second, write) = put(&store, &content);
    assert_eq!(store.blobs().sweep(&|| true).unwrap().originals, 1);
    store.commit(transaction(vec![write])).unwrap();
    for id in [id, second] {
        assert_eq!(store.blobs().get(TENANT, id).unwrap(), Some(content.clone()));
    }
}

#[test]
fn a_torn_segment_is_swept_up_to_the_tear() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let (_, never) = put(&store, &large(1));
    let content = large(2);
    let (id, write) = put(&store, &content);
    store.commit(transaction(vec![write])).unwrap();
    let (_, torn) = put(&store, &large(3));
    drop((never, torn, store));
    let segment = fs::read_dir(folder.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let length = fs::metadata(&segment).unwrap().len();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(length - 9).unwrap();
    let store = open(folder.path());
    assert_eq!(store.blobs().sweep(&|| true).unwrap().originals, 1);
    assert_eq!(store.blobs().get(TENANT, id).unwrap(), Some(content));
    assert!(store.blobs().check().unwrap()[0].torn_at.is_some(), "the tear is still told");
}

/// Rows behind the damage are gone, but the logs that hold them are kept, and with them what they point at.
#[test]
fn a_repair_keeps_every_original() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy");
    let store = open(&folder.path().join("live"));
    let content = large(5);
    for _ in 0..6 {
        let (_, write) = put(&store, &content);
        store.commit(transaction(vec![write])).unwrap();
    }
    common::copy_folder(&folder.path().join("live"), &copy);
    let log = common::write_ahead_log(&copy);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, &bytes).unwrap();
    assert!(Store::repair(&copy, options(), |_, _| Ok(())).unwrap().is_some());
    let store = open(&copy);
    assert_eq!(store.blobs().sweep(&|| true).unwrap(), Swept::default());
    assert_eq!(store.blobs().check().unwrap().iter().map(|report| report.records).sum::<u64>(), 6);
}
