//! A commit that a room above puts together itself: resources together with rows of its own (claims, receipts, links), all or
//! nothing, in one place of the change feed.
//!
//! A [`Work`] is a view of the data as it will be: what was put is what is read, several times over if need be. It is planned
//! against one snapshot, and planned again when somebody else was faster; a plan therefore keeps nothing from the try before.

use std::collections::HashMap;

use model::{ErrorCode, Failure, Home, ResourceKey, Rid, TenantId, TypeCode};
use serde_json::Value;
use store::{BlobId, Keyspace, Precondition, Snapshot, Write};
use trust::{Interaction, TenantKeys};

use crate::keys;
use crate::resource::{Stored, engine_failure, store_failure};
use crate::write::draft::{Draft, Place};
use crate::write::home;
use crate::{Caller, Records};

/// Where a resource is, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub key: ResourceKey,
    /// The id, as in `Type/id`.
    pub id: String,
}

impl Address {
    /// The address of an id that the platform assigned.
    #[must_use]
    pub fn assigned(tenant: TenantId, home: Home, rid: Rid) -> Self {
        let key = ResourceKey { tenant, home, rid };
        Self { key, id: keys::assigned_text(home, rid.number) }
    }

    /// `Type/id`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}", self.key.rid.type_code, self.id)
    }
}

/// What will be written at one address.
struct Staged {
    /// Its place in the order of the commit.
    order: usize,
    address: Address,
    /// What was there before; `None` for a new address.
    stored: Option<Stored>,
    /// Versions to write, oldest first.
    versions: Vec<Value>,
}

/// A commit in preparation.
pub struct Work<'d> {
    draft: Draft<'d>,
    staged: HashMap<ResourceKey, Staged>,
    /// Rows of the room above, as this commit will leave them.
    rows: HashMap<(Keyspace, Vec<u8>), Vec<u8>>,
    allowed: Vec<(Interaction, TypeCode)>,
}

impl Records {
    /// Plans and commits until it holds. The plan may run several times.
    ///
    /// # Errors
    /// What the plan says; `Conflict` when others were faster several times; what the store says.
    pub async fn work<T>(
        &self,
        caller: &Caller,
        mut plan: impl FnMut(&mut Work<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..super::write::TRIES_MAX {
            let (transaction, planned) = {
                let snapshot = self.store.snapshot();
                let draft = Draft::new(self, caller, &*snapshot, false)?;
                let mut work = Work { draft, staged: HashMap::new(), rows: HashMap::new(), allowed: Vec::new() };
                let planned = plan(&mut work)?;
                (work.finish()?, planned)
            };
            if transaction.writes.is_empty() || self.commit(transaction).await? {
                return Ok(planned);
            }
            metrics::counter!("records_write_retries").increment(1);
        }
        Err(Failure::new(ErrorCode::Conflict, "met other writers too often"))
    }
}

impl<'d> Work<'d> {
    /// The data as they were when planning began.
    #[must_use]
    pub fn snapshot(&self) -> &'d dyn Snapshot {
        self.draft.snapshot
    }

    /// The tenant's keys, for keyed hashes and for sealing rows.
    #[must_use]
    pub fn keys(&self) -> &TenantKeys {
        &self.draft.tenant_keys
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.draft.caller.tenant()
    }

    /// When this commit happens, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.draft.now_ms()
    }

    /// A new address in a home. A Patient is its own home, whatever `home` says.
    ///
    /// # Errors
    /// `Internal` when the system gives no random numbers.
    pub fn assign(&self, type_code: TypeCode, home: Home) -> Result<Address, Failure> {
        match self.draft.new_place(type_code, home)? {
            Place::New { key, id, .. } => Ok(Address { key, id }),
            Place::Existing(_) => Err(Failure::new(ErrorCode::Internal, "a new address was not new")),
        }
    }

    /// The home that a new resource gets: its first subject's, as literal references say.
    #[must_use]
    pub fn home_of(&self, type_code: TypeCode, resource: &Value) -> Home {
        home::home_of(&self.draft.tenant_keys, type_code, resource)
    }

    /// The texts of the references that can be the subject of a resource, in order.
    #[must_use]
    pub fn subjects(type_code: TypeCode, resource: &Value) -> Vec<&str> {
        home::subjects(type_code, resource)
    }

    /// What is at an address now, with what this commit has put there. `None`: nothing, or a tombstone.
    ///
    /// # Errors
    /// What the store says.
    pub fn get(&mut self, address: &Address) -> Result<Option<Value>, Failure> {
        if let Some(staged) = self.staged.get(&address.key)
            && let Some(last) = staged.versions.last()
        {
            return Ok(Some(last.clone()));
        }
        match self.draft.records.current(self.draft.snapshot, &address.key)? {
            Some(stored) if !stored.is_deleted() => stored.value().map(Some),
            _ => Ok(None),
        }
    }

    /// Puts a resource at an address that is known to be new.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn create(&mut self, address: &Address, resource: Value) -> Result<(), Failure> {
        self.may(Interaction::Create, address.key.rid.type_code)?;
        self.stage(address, None, resource);
        Ok(())
    }

    /// Puts the next version at an address. A version equal to the one before is not written.
    ///
    /// # Errors
    /// `Forbidden`; what the store says.
    pub fn put(&mut self, address: &Address, resource: Value) -> Result<(), Failure> {
        self.may(Interaction::Update, address.key.rid.type_code)?;
        if self.staged.contains_key(&address.key) {
            self.stage(address, None, resource);
        } else {
            let stored = self.draft.records.current(self.draft.snapshot, &address.key)?;
            self.stage(address, stored, resource);
        }
        Ok(())
    }

    fn stage(&mut self, address: &Address, stored: Option<Stored>, resource: Value) {
        let order = self.staged.len();
        let staged = self.staged.entry(address.key).or_insert_with(|| Staged {
            order,
            address: address.clone(),
            stored,
            versions: Vec::with_capacity(1),
        });
        if staged.versions.last() != Some(&resource) {
            staged.versions.push(resource);
        }
    }

    /// Asks the policy once per interaction and type.
    fn may(&mut self, interaction: Interaction, type_code: TypeCode) -> Result<(), Failure> {
        if !self.allowed.contains(&(interaction, type_code)) {
            self.draft.caller.may(interaction, type_code)?;
            self.allowed.push((interaction, type_code));
        }
        Ok(())
    }

    /// A row of the room above, with what this commit has written.
    ///
    /// # Errors
    /// What the store says.
    pub fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(value) = self.rows.get(&(keyspace, key.to_vec())) {
            return Ok(Some(value.clone()));
        }
        self.draft.snapshot.get(keyspace, key).map_err(engine_failure)
    }

    /// Writes a row that must not be there yet when the commit comes.
    pub fn insert_row(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        if !self.rows.contains_key(&(keyspace, key.clone())) {
            self.draft.require([Precondition::Absent { keyspace, key: key.clone() }]);
        }
        self.put_row(keyspace, key, value);
    }

    /// Writes a row over one that must still begin with `before` when the commit comes.
    pub fn replace_row(&mut self, keyspace: Keyspace, key: Vec<u8>, before: Vec<u8>, value: Vec<u8>) {
        if !self.rows.contains_key(&(keyspace, key.clone())) {
            self.draft.require([Precondition::StartsWith { keyspace, key: key.clone(), prefix: before }]);
        }
        self.put_row(keyspace, key, value);
    }

    /// Writes a row, whatever is there.
    pub fn put_row(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.rows.insert((keyspace, key), value);
    }

    /// Removes a row.
    pub fn delete_row(&mut self, keyspace: Keyspace, key: Vec<u8>) {
        self.rows.remove(&(keyspace, key.clone()));
        self.draft.write([Write::Delete(keyspace, key)]);
    }

    /// Keeps an original under the key of a home, which is made in this commit if it has none yet.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_original(&mut self, id: BlobId, home: Home, content: &[u8]) -> Result<(), Failure> {
        let body_key = self.draft.body_key(home)?;
        let tenant = self.tenant();
        let blobs = self.draft.records.store.blobs();
        let write = blobs.put_as(tenant, id, home, &body_key, content).map_err(store_failure)?;
        self.draft.write([write]);
        Ok(())
    }

    /// A home of its own for an original that names several registrations.
    ///
    /// # Errors
    /// `Internal` when the system gives no random numbers.
    pub fn own_home(&self) -> Result<Home, Failure> {
        Ok(self.assign(TypeCode::PATIENT, Home::SHARED)?.key.home)
    }

    /// How many resources this commit writes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.staged.len()
    }

    /// Whether nothing was put so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    fn finish(mut self) -> Result<store::Transaction, Failure> {
        let mut staged: Vec<Staged> = self.staged.into_values().collect();
        staged.sort_unstable_by_key(|staged| staged.order);
        for Staged { address, stored, versions, .. } in staged {
            let place = match stored {
                Some(stored) => Place::Existing(stored),
                None => Place::New { key: address.key, id: address.id, id_row: false },
            };
            self.draft.put_versions(place, &versions)?;
        }
        let rows = self.rows.into_iter().map(|((keyspace, key), value)| Write::Put(keyspace, key, value));
        self.draft.write(rows);
        Ok(self.draft.finish())
    }
}
