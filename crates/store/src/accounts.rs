//! Accounts, sealed, found by tenant and name or by the digest of a token.
//!
//! Every request shows a token, so what was found by token stays in memory until any account changes.

use std::{collections::HashMap, sync::Arc};

use model::TenantId;
use parking_lot::RwLock;
use trust::Account;

use crate::{
    committer::{CommitError, Committer, Precondition, Transaction},
    engine::{Engine, Keyspace, Write, prefix_end},
    keyring::KeyRing,
    store::StoreError,
};

/// First byte of an account's row: `0x01 · tenant(4) · name`.
const BY_NAME: u8 = 1;
/// First byte of a token's row: `0x02 · digest(32)`, whose value is the account's row key.
const BY_TOKEN: u8 = 2;
/// Tokens remembered; beyond it the memory starts anew. Only digests of existing tokens get in.
const TOKENS_REMEMBERED_MAX: usize = 10_000;
/// How often [`Accounts::update`] tries when others change the same account.
const UPDATE_TRIES: usize = 8;

fn name_key(tenant: TenantId, name: &str) -> Vec<u8> {
    let mut key = vec![BY_NAME];
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.extend_from_slice(name.as_bytes());
    key
}

fn token_key(digest: &[u8; 32]) -> Vec<u8> {
    let mut key = vec![BY_TOKEN];
    key.extend_from_slice(digest);
    key
}

#[derive(Default)]
struct Remembered {
    by_token: HashMap<[u8; 32], Arc<Account>>,
    /// Counts changes: who began to read before a change must not remember what was read.
    generation: u64,
}

/// The accounts of all tenants.
pub struct Accounts {
    engine: Arc<dyn Engine>,
    keyring: Arc<KeyRing>,
    committer: Arc<Committer>,
    remembered: RwLock<Remembered>,
}

impl Accounts {
    pub(crate) fn new(engine: Arc<dyn Engine>, keyring: Arc<KeyRing>, committer: Arc<Committer>) -> Self {
        Self { engine, keyring, committer, remembered: RwLock::default() }
    }

    /// The account of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the row does not open.
    pub fn by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Account>, StoreError> {
        let key = name_key(tenant, name);
        self.engine.get(Keyspace::Account, &key)?.map(|sealed| self.open(tenant, &key, &sealed)).transpose()
    }

    /// The account with this token digest. Below 1 µs once it was asked.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the row does not open.
    pub fn by_token(&self, digest: &[u8; 32]) -> Result<Option<Arc<Account>>, StoreError> {
        let generation = {
            let remembered = self.remembered.read();
            if let Some(account) = remembered.by_token.get(digest) {
                return Ok(Some(Arc::clone(account)));
            }
            remembered.generation
        };
        let Some(key) = self.engine.get(Keyspace::Account, &token_key(digest))? else { return Ok(None) };
        let Some(sealed) = self.engine.get(Keyspace::Account, &key)? else { return Ok(None) };
        let tenant = key.get(1..5).and_then(|tenant| tenant.try_into().ok()).map(u32::from_be_bytes);
        let tenant = tenant.ok_or_else(|| StoreError::Damaged("a token points at no account".to_owned()))?;
        let account = Arc::new(self.open(TenantId(tenant), &key, &sealed)?);
        if account.token_digest != Some(*digest) {
            return Ok(None);
        }
        let mut remembered = self.remembered.write();
        if remembered.generation == generation {
            if remembered.by_token.len() >= TOKENS_REMEMBERED_MAX {
                remembered.by_token.clear();
            }
            remembered.by_token.insert(*digest, Arc::clone(&account));
        }
        Ok(Some(account))
    }

    /// All accounts of a tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or a row does not open.
    pub fn list(&self, tenant: TenantId) -> Result<Vec<Account>, StoreError> {
        let from = name_key(tenant, "");
        let snapshot = self.engine.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Account, &from, &prefix_end(&from));
        let mut accounts = Vec::new();
        while let Some((key, sealed)) = cursor.next()? {
            accounts.push(self.open(tenant, key, sealed)?);
        }
        Ok(accounts)
    }

    /// Creates the account or replaces the one of the same tenant and name.
    ///
    /// # Errors
    /// [`StoreError::Commit`] with [`CommitError::Precondition`] when another account has the same token, or somebody else changed this
    /// account at the same time.
    pub fn put(&self, account: &Account) -> Result<(), StoreError> {
        let stored = self.engine.get(Keyspace::Account, &name_key(account.tenant, &account.name))?;
        self.replace(account.tenant, &account.name, stored, Some(account))
    }

    /// Changes an account where it lies, as often as needed when others change it too. `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn update(
        &self,
        tenant: TenantId,
        name: &str,
        mut change: impl FnMut(&mut Account),
    ) -> Result<Option<Account>, StoreError> {
        let key = name_key(tenant, name);
        let mut tries = 0;
        loop {
            let Some(stored) = self.engine.get(Keyspace::Account, &key)? else { return Ok(None) };
            let mut account = self.open(tenant, &key, &stored)?;
            change(&mut account);
            tries += 1;
            match self.replace(tenant, name, Some(stored), Some(&account)) {
                Err(StoreError::Commit(CommitError::Precondition(0))) if tries < UPDATE_TRIES => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Some(account)),
            }
        }
    }

    /// Removes the account and its token; `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses, or somebody else changed the account at the same time.
    pub fn remove(&self, tenant: TenantId, name: &str) -> Result<bool, StoreError> {
        let Some(stored) = self.engine.get(Keyspace::Account, &name_key(tenant, name))? else { return Ok(false) };
        self.replace(tenant, name, Some(stored), None)?;
        Ok(true)
    }

    /// Replaces the stored row by the account (or by nothing), with the token rows that go with it.
    fn replace(
        &self,
        tenant: TenantId,
        name: &str,
        stored: Option<Vec<u8>>,
        account: Option<&Account>,
    ) -> Result<(), StoreError> {
        let key = name_key(tenant, name);
        let old_token = match &stored {
            Some(sealed) => self.open(tenant, &key, sealed)?.token_digest,
            None => None,
        };
        let new_token = account.and_then(|account| account.token_digest);
        let mut transaction = Transaction::new(tenant);
        // First: the condition that `update` tries again on.
        transaction.preconditions.push(match stored {
            Some(prefix) => Precondition::StartsWith { keyspace: Keyspace::Account, key: key.clone(), prefix },
            None => Precondition::Absent { keyspace: Keyspace::Account, key: key.clone() },
        });
        if old_token != new_token {
            if let Some(digest) = old_token {
                transaction.writes.push(Write::Delete(Keyspace::Account, token_key(&digest)));
            }
            if let Some(digest) = new_token {
                let row = token_key(&digest);
                transaction.preconditions.push(Precondition::Absent { keyspace: Keyspace::Account, key: row.clone() });
                transaction.writes.push(Write::Put(Keyspace::Account, row, key.clone()));
            }
        }
        transaction.writes.push(match account {
            Some(account) => {
                let sealed = self.seal(tenant, &key, account)?;
                Write::Put(Keyspace::Account, key, sealed)
            }
            None => Write::Delete(Keyspace::Account, key),
        });
        let result = self.committer.commit(transaction);
        // Also after an error: forgetting too much costs a read, remembering too much lets a removed account in.
        let mut remembered = self.remembered.write();
        remembered.generation += 1;
        remembered.by_token.clear();
        drop(remembered);
        result.map(|_| ()).map_err(StoreError::from)
    }

    fn seal(&self, tenant: TenantId, key: &[u8], account: &Account) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(account).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let mut sealed = Vec::new();
        self.keyring.tenant(tenant).shared_body_key().seal(key, &plain, &mut sealed);
        Ok(sealed)
    }

    fn open(&self, tenant: TenantId, key: &[u8], sealed: &[u8]) -> Result<Account, StoreError> {
        let plain = self.keyring.tenant(tenant).shared_body_key().open(key, sealed)?;
        serde_json::from_slice(&plain)
            .map_err(|error| StoreError::Damaged(format!("an account is unreadable: {error}")))
    }
}
