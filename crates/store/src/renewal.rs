//! Renewal of keys (decision 0012).
//!
//! The master key in the key file opens one row, `roots` in `meta`; everything else is derived from what is in it. A renewal:
//!
//! 1. [`Store::accept_also`]: the same roots are sealed under the new master key as well (`roots/next`). Both keys open the folder.
//! 2. Whoever holds the key file puts the new key in its place.
//! 3. [`Store::renew`]: one write seals the roots and a new one under the new master key alone. The old key is refused from here on.
//! 4. [`Store::rewrap`]: keys of registrations and of checkpoints, which were wrapped under the old root, are wrapped under the new one.
//!
//! Cut off after any of them, the key that is in the key file opens the folder, and a start finishes what was begun.

use trust::{MasterKey, Roots, WrappedKey};

use crate::{
    committer::{CommitError, Precondition, Transaction},
    engine::{Durability, Engine, Keyspace, Write},
    store::{FORMAT, FORMAT_KEY, KEY_CHECK_TENANT, Store, StoreError, key_check_opens},
};
use model::{Home, TenantId};

const ROOTS_ROW: &[u8] = b"roots";
const NEXT_ROW: &[u8] = b"roots/next";
/// How many roots there were when all keys had been wrapped under the newest.
const REWRAPPED_ROW: &[u8] = b"roots/rewrapped";
/// Keys wrapped in one commit.
const CHUNK_KEYS: usize = 512;

/// The roots that a master key opens; makes them in a new folder, and finishes a renewal whose key file was changed already.
pub(crate) fn load_roots(engine: &dyn Engine, master: &MasterKey, makes_roots: bool) -> Result<Roots, StoreError> {
    match engine.get(Keyspace::Meta, ROOTS_ROW)? {
        Some(sealed) => {
            if let Ok(roots) = Roots::open(master, &sealed) {
                return Ok(roots);
            }
        }
        None if engine.get(Keyspace::Meta, FORMAT_KEY)?.is_none() && makes_roots => {
            let roots = Roots::generate();
            engine.write(&[put(ROOTS_ROW, roots.seal(master))], Durability::Synced)?;
            return Ok(roots);
        }
        None => {
            // The first format: the master key is the root.
            let roots = Roots::of_master(master);
            if key_check_opens(engine, &roots)? {
                return Ok(roots);
            }
        }
    }
    let next = engine.get(Keyspace::Meta, NEXT_ROW)?.ok_or(StoreError::WrongMasterKey)?;
    let roots = Roots::open(master, &next).map_err(|_| StoreError::WrongMasterKey)?;
    engine.write(
        &[put(ROOTS_ROW, next), Write::Delete(Keyspace::Meta, NEXT_ROW.to_vec()), put(FORMAT_KEY, format_bytes())],
        Durability::Synced,
    )?;
    Ok(roots)
}

fn put(row: &[u8], value: Vec<u8>) -> Write {
    Write::Put(Keyspace::Meta, row.to_vec(), value)
}

fn format_bytes() -> Vec<u8> {
    FORMAT.to_be_bytes().to_vec()
}

impl Store {
    /// From now on the new master key opens the folder as well. `current` is the key that is in the key file: when it is one that was
    /// accepted by a renewal that did not end, that renewal is finished first, so that it goes on opening the folder.
    ///
    /// # Errors
    /// [`StoreError::WrongMasterKey`] when `current` does not open the folder; [`StoreError::Engine`] when the disk refuses. Nothing has
    /// changed then.
    pub fn accept_also(&self, current: &MasterKey, new: &MasterKey) -> Result<(), StoreError> {
        let _alone = self.renewing.lock();
        load_roots(&*self.engine, current, false)?;
        let sealed = self.keyring.roots().seal(new);
        Ok(self.engine.write(&[put(NEXT_ROW, sealed)], Durability::Synced)?)
    }

    /// From now on this master key alone opens the folder, and new things are sealed under a new root. It must have been accepted before,
    /// so that nobody locks a folder with a key that is in no key file.
    ///
    /// # Errors
    /// [`StoreError::WrongMasterKey`] when it was not accepted; [`StoreError::Engine`] when the disk refuses.
    pub fn renew(&self, new: &MasterKey) -> Result<(), StoreError> {
        // Reading the roots, writing them and using them is one step: two renewals at once could leave memory on a root that is on no disk.
        let _alone = self.renewing.lock();
        let mut is_accepted = false;
        for row in [ROOTS_ROW, NEXT_ROW] {
            let sealed = self.engine.get(Keyspace::Meta, row)?;
            is_accepted |= sealed.is_some_and(|sealed| Roots::open(new, &sealed).is_ok());
        }
        if !is_accepted {
            return Err(StoreError::WrongMasterKey);
        }
        let roots = self.keyring.roots().renewed();
        let batch = [
            put(ROOTS_ROW, roots.seal(new)),
            Write::Delete(Keyspace::Meta, NEXT_ROW.to_vec()),
            put(FORMAT_KEY, format_bytes()),
        ];
        self.engine.write(&batch, Durability::Synced)?;
        // Only now: what is sealed under a root that is on no disk could never be opened again.
        self.keyring.replace(roots);
        Ok(())
    }

    /// Whether some keys may still be wrapped under an older root.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses.
    pub fn needs_rewrap(&self) -> Result<bool, StoreError> {
        let done = self.engine.get(Keyspace::Meta, REWRAPPED_ROW)?;
        let done = done.and_then(|bytes| bytes.as_slice().try_into().ok()).map_or(1, u32::from_be_bytes);
        Ok(usize::try_from(done).is_ok_and(|done| done < self.keyring.roots().count()))
    }

    /// Wraps every key under the newest root; returns how many were not. A stored key that does not open is told in the log and left as
    /// it is: it must not keep the others under an old root. `go_on` is asked between commits.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when `go_on` said no: call it again; what the disk says.
    pub fn rewrap(&self, go_on: &mut dyn FnMut(u64) -> bool) -> Result<u64, StoreError> {
        let roots = self.keyring.roots().count();
        let mut from = Vec::new();
        let mut rewrapped = 0;
        loop {
            if !go_on(rewrapped) {
                return Err(StoreError::Closed);
            }
            let Some((transaction, last)) = self.rewrap_chunk(&from)? else { break };
            let changed = transaction.writes.len() as u64;
            if changed > 0 {
                match self.commit(transaction) {
                    Ok(_) => {}
                    // Somebody erased or made one of them: look again.
                    Err(CommitError::Precondition(_)) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            rewrapped += changed;
            from = last;
            from.push(0);
        }
        let done = u32::try_from(roots).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        self.engine.write(&[put(REWRAPPED_ROW, done)], Durability::Synced)?;
        Ok(rewrapped)
    }

    /// The next keys from `from` on, and the last of them; `None` at the end.
    fn rewrap_chunk(&self, from: &[u8]) -> Result<Option<(Transaction, Vec<u8>)>, StoreError> {
        let snapshot = self.engine.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Key, from, &[]);
        let mut transaction = Transaction::new(KEY_CHECK_TENANT);
        let mut last = None;
        for _ in 0..CHUNK_KEYS {
            let Some((row, value)) = cursor.next()? else { break };
            last = Some(row.to_vec());
            let changed = self.rewrapped(row, value).unwrap_or_else(|error| {
                tracing::error!(%error, "a stored key does not open: what lies under it cannot be read");
                None
            });
            if let Some(changed) = changed {
                let key = row.to_vec();
                let prefix = value.to_vec();
                transaction.preconditions.push(Precondition::StartsWith {
                    keyspace: Keyspace::Key,
                    key: key.clone(),
                    prefix,
                });
                transaction.writes.push(Write::Put(Keyspace::Key, key, changed));
            }
        }
        Ok(last.map(|last| (transaction, last)))
    }

    /// A row of the key keyspace as it shall be; `None` when it is so already.
    fn rewrapped(&self, row: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let damaged = || StoreError::Damaged("a row of keys is neither a registration's nor a checkpoint's".to_owned());
        let (tenant, rest) = row.split_first_chunk::<4>().ok_or_else(damaged)?;
        let keys = self.keyring.tenant(TenantId(u32::from_be_bytes(*tenant)));
        match <[u8; 8]>::try_from(rest) {
            Ok(home) => {
                let home = Home(u64::from_be_bytes(home));
                let wrapped = keys.rewrap(home, &WrappedKey::from_slice(value)?)?;
                Ok(wrapped.map(|wrapped| wrapped.as_bytes().to_vec()))
            }
            Err(_) => Ok(keys.audit_key().resealed(row, value)?),
        }
    }
}
