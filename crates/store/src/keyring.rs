//! The key ring: tenants' derived keys, and registrations' data keys, stored wrapped and remembered unwrapped.
//!
//! Destroying the one row of a registration destroys everything sealed under its key.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use model::{Home, TenantId};
use parking_lot::{Mutex, RwLock};
use trust::{BodyKey, Roots, TenantKeys, WrappedKey};

use crate::{
    committer::Precondition,
    engine::{Engine, Keyspace, Write},
    store::StoreError,
};

/// Unwrapped keys kept in memory: a key with its tables is below 1 KiB, so all together stay below 16 MiB.
const KEYS_REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// Row of a registration's wrapped key: `tenant(4) · home(8)`.
fn row_key(tenant: TenantId, home: Home) -> Vec<u8> {
    let mut key = tenant.0.to_be_bytes().to_vec();
    key.extend_from_slice(&home.0.to_be_bytes());
    key
}

struct Remembered {
    keys: LruCache<Vec<u8>, BodyKey>,
    /// Counts changes of stored keys: a reader that began before a change must not remember what it read.
    generation: u64,
}

/// The keys of all tenants and registrations.
pub struct KeyRing {
    engine: Arc<dyn Engine>,
    roots: RwLock<Roots>,
    tenants: RwLock<HashMap<TenantId, Arc<TenantKeys>>>,
    remembered: Mutex<Remembered>,
}

impl KeyRing {
    pub(crate) fn new(engine: Arc<dyn Engine>, roots: Roots) -> Self {
        let remembered = Remembered { keys: LruCache::new(KEYS_REMEMBERED), generation: 0 };
        Self { engine, roots: RwLock::new(roots), tenants: RwLock::default(), remembered: Mutex::new(remembered) }
    }

    /// The derived keys of a tenant.
    pub fn tenant(&self, tenant: TenantId) -> Arc<TenantKeys> {
        if let Some(keys) = self.tenants.read().get(&tenant) {
            return Arc::clone(keys);
        }
        let mut tenants = self.tenants.write();
        Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(TenantKeys::of_roots(&self.roots.read(), tenant))))
    }

    /// What all keys are derived from.
    pub(crate) fn roots(&self) -> Roots {
        self.roots.read().clone()
    }

    /// Derives all keys anew; those of registrations stay what they are.
    pub(crate) fn replace(&self, roots: Roots) {
        let mut tenants = self.tenants.write();
        *self.roots.write() = roots;
        tenants.clear();
    }

    /// The data key of a registration; `None` when it has none (never had, or was erased). [`Home::SHARED`] always has one.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses or the wrapped key does not open.
    pub fn body_key(&self, tenant: TenantId, home: Home) -> Result<Option<BodyKey>, StoreError> {
        let keys = self.tenant(tenant);
        if home == Home::SHARED {
            return Ok(Some(keys.shared_body_key()));
        }
        let row = row_key(tenant, home);
        let generation = {
            let mut remembered = self.remembered.lock();
            if let Some(key) = remembered.keys.get(&row) {
                return Ok(Some(key.clone()));
            }
            remembered.generation
        };
        let Some(wrapped) = self.engine.get(Keyspace::Key, &row)? else { return Ok(None) };
        let body_key = keys.unwrap_body_key(home, &WrappedKey::from_slice(&wrapped)?)?;
        let mut remembered = self.remembered.lock();
        if remembered.generation == generation {
            remembered.keys.put(row, body_key.clone());
        }
        Ok(Some(body_key))
    }

    /// A new data key, the write that stores it, and the condition that nobody else made one meanwhile.
    #[must_use]
    pub fn new_body_key(&self, tenant: TenantId, home: Home) -> (BodyKey, Write, Precondition) {
        let (body_key, wrapped) = self.tenant(tenant).new_body_key(home);
        let row = row_key(tenant, home);
        let write = Write::Put(Keyspace::Key, row.clone(), wrapped.as_bytes().to_vec());
        (body_key, write, Precondition::Absent { keyspace: Keyspace::Key, key: row })
    }

    /// The write that destroys a registration's key, and with it everything sealed under it.
    #[must_use]
    pub fn erase_body_key(tenant: TenantId, home: Home) -> Write {
        Write::Delete(Keyspace::Key, row_key(tenant, home))
    }

    /// Forgets the keys that these writes, just committed, changed.
    pub(crate) fn forget_written(&self, writes: &[Write]) {
        let changed = writes.iter().filter_map(|write| match write {
            Write::Put(Keyspace::Key, key, _) | Write::Delete(Keyspace::Key, key) => Some(key),
            _ => None,
        });
        let mut remembered = None;
        for key in changed {
            let remembered = remembered.get_or_insert_with(|| self.remembered.lock());
            remembered.generation += 1;
            remembered.keys.pop(key);
        }
    }
}
