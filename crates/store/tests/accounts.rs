//! Accounts: found by name and token, forgotten when changed, sealed on the disk.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{sync::Arc, time::Instant};

use common::{TENANT, options};
use model::TenantId;
use store::{CommitError, Keyspace, MemoryEngine, Store, StoreError};
use tempfile::TempDir;
use trust::{Account, Role, Token};

fn account(name: &str, token: Option<&Token>) -> Account {
    Account { token_digest: token.map(Token::digest), ..Account::new(name, Role::Clinician, TENANT) }
}

#[test]
fn accounts_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let token = Token::generate();
    let doctor = account("张医生", Some(&token));
    Store::open(folder.path(), options()).unwrap().accounts().put(&doctor).unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    assert_eq!(store.accounts().by_name(TENANT, "张医生").unwrap().as_ref(), Some(&doctor));
    assert_eq!(store.accounts().by_token(&token.digest()).unwrap().as_deref(), Some(&doctor));
    assert_eq!(store.accounts().by_name(TenantId(8), "张医生").unwrap(), None, "names belong to a tenant");
    assert_eq!(store.accounts().by_token(&Token::generate().digest()).unwrap(), None);
    assert_eq!(store.accounts().list(TENANT).unwrap(), [doctor]);
    assert!(store.accounts().list(TenantId(8)).unwrap().is_empty());
}

#[test]
fn a_change_is_seen_by_the_next_request() {
    let store = Store::in_memory(options()).unwrap();
    let accounts = store.accounts();
    let (old, new) = (Token::generate(), Token::generate());
    accounts.put(&account("a", Some(&old))).unwrap();
    assert!(accounts.by_token(&old.digest()).unwrap().is_some());
    accounts.update(TENANT, "a", |account| account.disabled = true).unwrap().unwrap();
    assert!(accounts.by_token(&old.digest()).unwrap().unwrap().disabled);
    accounts.update(TENANT, "a", |account| account.token_digest = Some(new.digest())).unwrap();
    assert_eq!(accounts.by_token(&old.digest()).unwrap(), None, "a withdrawn token finds nobody");
    assert_eq!(accounts.by_token(&new.digest()).unwrap().unwrap().name, "a");
    assert!(accounts.remove(TENANT, "a").unwrap());
    assert_eq!(accounts.by_token(&new.digest()).unwrap(), None);
    assert_eq!(accounts.by_name(TENANT, "a").unwrap(), None);
    assert!(!accounts.remove(TENANT, "a").unwrap());
    assert_eq!(accounts.update(TENANT, "a", |_| ()).unwrap(), None);
}

#[test]
fn a_token_belongs_to_one_account() {
    let store = Store::in_memory(options()).unwrap();
    let token = Token::generate();
    store.accounts().put(&account("a", Some(&token))).unwrap();
    let refused = store.accounts().put(&account("b", Some(&token)));
    assert_eq!(refused, Err(StoreError::Commit(CommitError::Precondition(1))));
    assert_eq!(store.accounts().by_name(TENANT, "b").unwrap(), None, "all or nothing");
    store.accounts().put(&account("a", Some(&token))).unwrap();
}

#[test]
fn concurrent_updates_all_count() {
    let store = Store::in_memory(options()).unwrap();
    store.accounts().put(&account("a", None)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..50 {
                    while store.accounts().update(TENANT, "a", |account| account.failures += 1).is_err() {}
                }
            });
        }
    });
    assert_eq!(store.accounts().by_name(TENANT, "a").unwrap().unwrap().failures, 100);
}

#[test]
fn rows_are_sealed_to_their_place() {
    let engine = Arc::new(MemoryEngine::new());
    let store = Store::over(engine.clone(), options()).unwrap();
    store.accounts().put(&Account { display_name: "secret display".to_owned(), ..account("a", None) }).unwrap();
    store.accounts().put(&account("b", None)).unwrap();
    let rows = engine.rows(Keyspace::Account);
    assert!(rows.iter().all(|(_, value)| !value.windows(6).any(|window| window == b"secret")));
    // A row that was moved to another name does not open.
    store::Engine::write(
        &*engine,
        &[store::Write::Put(Keyspace::Account, rows[0].0.clone(), rows[1].1.clone())],
        store::Durability::Synced,
    )
    .unwrap();
    assert!(matches!(store.accounts().by_name(TENANT, "a"), Err(StoreError::Cipher(_))));
}

#[test]
fn a_remembered_token_costs_next_to_nothing() {
    let store = Store::in_memory(options()).unwrap();
    let token = Token::generate();
    store.accounts().put(&account("a", Some(&token))).unwrap();
    let digest = token.digest();
    // The best of many rounds: other work on the machine must not turn the test red.
    let best = (0..50)
        .map(|_| {
            let started = Instant::now();
            (0..100).for_each(|_| assert!(store.accounts().by_token(&digest).unwrap().is_some()));
            started.elapsed() / 100
        })
        .min()
        .unwrap();
    assert!(best.as_nanos() < 2_000, "{best:?}");
}
