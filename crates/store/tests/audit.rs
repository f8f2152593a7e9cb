//! The audit log: what is appended is found, proven, and cannot be changed without being noticed.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use common::{HOME, TENANT, options, put, transaction};
use model::{Clock, FixedClock, Home, TenantId};
use store::{Engine, Finding, Keyspace, MemoryEngine, Options, Store, StoreError, Write};
use trust::{
    AuditAction, AuditEvent, Checkpoint, MasterKey, Outcome, SignedCheckpoint, SigningKey, TenantKeys,
    merkle::{CompactRange, leaf_hash, verify_consistency, verify_inclusion},
};

fn event(number: u64, homes: &[Home]) -> AuditEvent {
    let at_ms = i64::try_from(number).unwrap() / 2;
    let mut event = AuditEvent::new(at_ms, format!("request-{number}"), TENANT, AuditAction::Search, Outcome::Success);
    event.disclosed = homes.to_vec();
    event
}

fn with_clock(clock: Arc<dyn Clock>) -> Options {
    Options { clock, audit_checkpoint_every: Duration::from_secs(100_000), ..options() }
}

/// A log of `size` events over an engine that the test can reach behind the store's back.
fn filled(size: u64) -> (Arc<MemoryEngine>, Arc<Store>) {
    let engine = Arc::new(MemoryEngine::new());
    let store = Store::over(engine.clone(), with_clock(Arc::new(FixedClock::at(1_000)))).unwrap();
    append(&store, 0..size);
    (engine, store)
}

fn append(store: &Store, numbers: std::ops::Range<u64>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let count = numbers.end - numbers.start;
    for number in numbers {
        let sender = sender.clone();
        let homes = [Home(number % 3), Home(number % 3)];
        store.audit().submit(&event(number, &homes), Box::new(move |result| sender.send(result).unwrap()));
    }
    (0..count).for_each(|_| receiver.recv().unwrap().unwrap());
}

#[test]
fn events_come_back_in_order_and_by_registration() {
    let (_, store) = filled(1_000);
    let audit = store.audit();
    assert_eq!(audit.size(TENANT).unwrap(), 1_000);
    assert_eq!(audit.size(TenantId(8)).unwrap(), 0);
    let page = audit.events(TENANT, 700, 10).unwrap();
    assert_eq!(page.iter().map(|record| record.sequence).collect::<Vec<_>>(), (700..710).collect::<Vec<_>>());
    assert_eq!(page[0].event, event(700, &[Home(1), Home(1)]));
    // Newest first, page by page, across events of the same millisecond: each exactly once.
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = audit.list_for(TENANT, Home(2), before, 7).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.position());
        seen.extend(page.iter().map(|record| record.sequence));
    }
    let mut expected: Vec<u64> = (0..1_000).filter(|number| number % 3 == 2).collect();
    expected.reverse();
    assert_eq!(seen, expected);
    assert!(audit.list_for(TENANT, Home(77), None, 10).unwrap().is_empty());
    assert!(audit.list_for(TenantId(8), Home(2), None, 10).unwrap().is_empty());
}

#[test]
fn a_log_goes_on_after_a_restart_at_any_size() {
    // Sizes around tile borders; 66,000 has an open tile on three levels.
    for size in [0, 1, 255, 256, 257, 511, 512, 66_000] {
        let (engine, store) = filled(size);
        store.close();
        drop(store);
        let store = Store::over(engine, options()).unwrap();
        append(&store, size..size + 300);
        let verdict = store.audit().verify(TENANT, None).unwrap();
        assert_eq!((verdict.size, verdict.findings), (size + 300, vec![]), "size {size}");
        assert_eq!(verdict.proven, size, "closing signed the log");
        let signed = store.audit().checkpoint(TENANT).unwrap().unwrap();
        assert_eq!((signed.claimed().size, signed.claimed().root), (size + 300, verdict.root));
        assert_eq!(store.audit().verify(TENANT, Some(&signed)).unwrap().proven, size + 300);
    }
}

#[test]
fn proofs_lead_to_the_signed_root() {
    let (_, store) = filled(700);
    let audit = store.audit();
    let old = audit.checkpoint(TENANT).unwrap().unwrap();
    append(&store, 700..1_500);
    let new = audit.checkpoint(TENANT).unwrap().unwrap();
    let key = audit.verifying_key(TENANT).unwrap().unwrap();
    let (old, new) = (old.verify(&key).unwrap(), new.verify(&key).unwrap());
    for sequence in [0, 255, 256, 699, 700, 1_499] {
        let proof = audit.prove_inclusion(TENANT, sequence, new.size).unwrap();
        assert!(verify_inclusion(&proof.leaf, sequence, new.size, &proof.hashes, &new.root), "{sequence}");
        assert!(!verify_inclusion(&proof.leaf, sequence, new.size, &proof.hashes, &old.root), "{sequence}");
    }
    let proof = audit.prove_consistency(TENANT, old.size, new.size).unwrap();
    assert!(verify_consistency(old.size, &old.root, new.size, &new.root, &proof));
    assert!(audit.prove_inclusion(TENANT, 1_500, 1_500).is_err());
}

#[test]
fn a_checkpoint_without_news_is_the_same_checkpoint() {
    let clock = Arc::new(FixedClock::at(5_000));
    let store = Store::in_memory(with_clock(clock.clone())).unwrap();
    assert_eq!(store.audit().checkpoint(TENANT).unwrap(), None);
    store.audit().append(&event(1, &[])).unwrap();
    let first = store.audit().checkpoint(TENANT).unwrap().unwrap();
    assert_eq!(first.claimed().at_ms, 5_000);
    clock.advance(1_000);
    assert_eq!(store.audit().checkpoint(TENANT).unwrap().unwrap(), first);
    assert_eq!(store.audit().newest_checkpoint(TENANT).unwrap().unwrap(), first);
    store.audit().append(&event(2, &[])).unwrap();
    assert_eq!(store.audit().checkpoint(TENANT).unwrap().unwrap().claimed().at_ms, 6_000);
}

#[test]
fn checkpoints_are_signed_by_the_timer() {
    let times = Options { audit_checkpoint_every: Duration::from_millis(20), ..options() };
    let store = Store::in_memory(times).unwrap();
    store.audit().append(&event(1, &[])).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while store.audit().newest_checkpoint(TENANT).unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "no checkpoint within 20 s");
        std::thread::yield_now();
    }
}

#[test]
fn a_closed_log_refuses() {
    let store = Store::in_memory(options()).unwrap();
    store.close();
    assert_eq!(store.audit().append(&event(1, &[])), Err(StoreError::Closed));
}

fn event_key(sequence: u64) -> Vec<u8> {
    [&TENANT.0.to_be_bytes()[..], &sequence.to_be_bytes()].concat()
}

fn tamper(engine: &MemoryEngine, writes: &[Write]) {
    engine.write(writes, store::Durability::Synced).unwrap();
}

#[test]
fn one_changed_bit_anywhere_in_an_event_is_found() {
    let (engine, store) = filled(600);
    store.audit().checkpoint(TENANT).unwrap();
    let key = event_key(300);
    let sealed = engine.get(Keyspace::Audit, &key).unwrap().unwrap();
    for position in [0, 12, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        tamper(&engine, &[put(Keyspace::Audit, &key, &changed)]);
        let findings = store.audit().verify(TENANT, None).unwrap().findings;
        let expected = [
            Finding::EventChanged { sequence: 300 },
            Finding::TileDiffers { level: 0, tile: 1 },
            Finding::RootDiffers { size: 600, anchor: false },
        ];
        assert_eq!(findings, expected, "byte {position}");
        tamper(&engine, &[put(Keyspace::Audit, &key, &sealed)]);
    }
    assert!(store.audit().verify(TENANT, None).unwrap().is_intact());
}

#[test]
fn a_cut_tail_and_a_hole_are_found() {
    let (engine, store) = filled(600);
    let anchor = store.audit().checkpoint(TENANT).unwrap().unwrap();
    let last = event_key(599);
    let sealed = engine.get(Keyspace::Audit, &last).unwrap().unwrap();
    tamper(&engine, &[Write::Delete(Keyspace::Audit, last.clone())]);
    let cut = Finding::TailCut { size: 599, promised: 600 };
    assert_eq!(store.audit().verify(TENANT, None).unwrap().findings, std::slice::from_ref(&cut));
    // Who also removes the stored checkpoint is given away by the one that was kept elsewhere.
    let checkpoint = [&TENANT.0.to_be_bytes()[..], &[2], &600_u64.to_be_bytes()].concat();
    assert!(engine.get(Keyspace::AuditTile, &checkpoint).unwrap().is_some());
    tamper(&engine, &[Write::Delete(Keyspace::AuditTile, checkpoint)]);
    assert!(store.audit().verify(TENANT, None).unwrap().is_intact());
    assert_eq!(store.audit().verify(TENANT, Some(&anchor)).unwrap().findings, [cut]);
    tamper(&engine, &[put(Keyspace::Audit, &last, &sealed), Write::Delete(Keyspace::Audit, event_key(10))]);
    let findings = store.audit().verify(TENANT, Some(&anchor)).unwrap().findings;
    assert!(findings.contains(&Finding::EventMissing { sequence: 10 }), "{findings:?}");
}

/// Somebody who has every key of the machine changes an event and writes events, tiles and checkpoint anew.
#[test]
fn a_log_written_anew_is_found_by_the_anchor() {
    let (engine, store) = filled(300);
    let anchor = store.audit().checkpoint(TENANT).unwrap().unwrap();
    let keys = TenantKeys::derive(&MasterKey::from_bytes([9; 32]), TENANT);
    let key_row = [&TENANT.0.to_be_bytes()[..], b"audit-signing-key"].concat();
    let sealed_key = engine.get(Keyspace::Key, &key_row).unwrap().unwrap();
    let signing = SigningKey::from_bytes(&keys.audit_key().open(&key_row, &sealed_key).unwrap()).unwrap();
    let forged = serde_json::to_vec(&event(5, &[Home(0)])).unwrap();
    let mut sealed = Vec::new();
    keys.audit_key().seal(&event_key(100), &forged, &mut sealed);
    let mut writes = vec![Write::Put(Keyspace::Audit, event_key(100), sealed.clone())];
    let mut range = CompactRange::new();
    let mut tile = Vec::new();
    for (position, (_, stored)) in engine.rows(Keyspace::Audit).iter().enumerate() {
        let leaf = leaf_hash(if position == 100 { &sealed } else { stored });
        range.append(leaf, |slot, hash| {
            if slot.level == 0 && slot.index < 256 {
                tile.extend_from_slice(&hash.0);
            }
        });
    }
    let tile_key = [&TENANT.0.to_be_bytes()[..], &[1, 0], &0_u64.to_be_bytes()].concat();
    writes.push(Write::Put(Keyspace::AuditTile, tile_key, tile));
    let signed = Checkpoint { tenant: TENANT, size: 300, root: range.root(), at_ms: 1_000 }.sign(&signing).unwrap();
    let checkpoint_key = [&TENANT.0.to_be_bytes()[..], &[2], &300_u64.to_be_bytes()].concat();
    writes.push(Write::Put(Keyspace::AuditTile, checkpoint_key, signed.to_string().into_bytes()));
    tamper(&engine, &writes);
    assert!(store.audit().verify(TENANT, None).unwrap().is_intact(), "inside the machine nothing shows");
    let findings = store.audit().verify(TENANT, Some(&anchor)).unwrap().findings;
    assert_eq!(findings, [Finding::RootDiffers { size: 300, anchor: true }]);
    // An anchor that was edited, or made with another key, proves nothing and is said so.
    let edited = SignedCheckpoint::parse(&anchor.to_string().replace("\n300\n", "\n299\n")).unwrap();
    let other =
        Checkpoint { tenant: TENANT, size: 300, root: range.root(), at_ms: 1 }.sign(&SigningKey::generate()).unwrap();
    for (anchor, size) in [(edited, 299), (other, 300)] {
        let findings = store.audit().verify(TENANT, Some(&anchor)).unwrap().findings;
        assert_eq!(findings, [Finding::CheckpointNotAuthentic { size, anchor: true }]);
    }
}

#[test]
fn tenants_have_separate_logs_and_keys() {
    let store = Store::in_memory(options()).unwrap();
    let mut other = event(1, &[HOME]);
    other.tenant = TenantId(8);
    store.audit().append(&event(1, &[HOME])).unwrap();
    store.audit().append(&other).unwrap();
    let keys: BTreeSet<_> = [TENANT, TenantId(8)]
        .map(|tenant| store.audit().verifying_key(tenant).unwrap().unwrap().to_text())
        .into_iter()
        .collect();
    assert_eq!(keys.len(), 2);
    let anchor = store.audit().checkpoint(TENANT).unwrap().unwrap();
    let findings = store.audit().verify(TenantId(8), Some(&anchor)).unwrap().findings;
    assert_eq!(findings, [Finding::CheckpointNotAuthentic { size: 1, anchor: true }]);
}

#[test]
fn nothing_readable_lies_in_the_log() {
    let (engine, store) = filled(3);
    store.commit(transaction(vec![put(Keyspace::Meta, b"k", b"v")])).unwrap();
    for (_, sealed) in engine.rows(Keyspace::Audit) {
        assert!(!sealed.windows(8).any(|window| window == b"request-"));
    }
}
