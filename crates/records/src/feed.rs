//! What rooms above follow: changes in commit order, and a look at a resource by rooms that decide what a caller may see.
//!
//! Nothing here is an answer to anybody. A room that uses it (grounds, links between registrations) turns what it sees into a
//! scope or a decision; showing a resource goes through [`crate::Caller`], always.

use model::{ErrorCode, Failure, Home, Number, ResourceKey, Rid, TenantId, TypeCode};
use serde_json::Value;
use store::{Keyspace, log_key, log_sequence};

use crate::Records;
use crate::keys::{self, IdText};
use crate::resource::{Op, engine_failure};
use crate::write::log::Entry;

/// One version that a commit wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The resource.
    pub key: ResourceKey,
    /// The version written.
    pub version: u32,
    /// Whether it is a tombstone.
    pub is_deleted: bool,
}

impl Records {
    /// The place of the newest commit in the change feed; 0 before the first.
    ///
    /// # Errors
    /// What the store says.
    pub fn newest_change(&self) -> Result<u64, Failure> {
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan_back(Keyspace::Log, &log_key(0), &log_key(u64::MAX));
        let newest = cursor.next().map_err(engine_failure)?;
        Ok(newest.and_then(|(key, _)| log_sequence(key)).unwrap_or(0))
    }

    /// The changes of at most `commits_max` commits behind a place, in order, and the place that they lead to. The place is the
    /// one given when nothing came after it.
    ///
    /// # Errors
    /// What the store says; `Internal` when a row of the feed is damaged.
    pub fn changes_after(&self, place: u64, commits_max: usize) -> Result<(Vec<Changed>, u64), Failure> {
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Log, &log_key(place.saturating_add(1)), &log_key(u64::MAX));
        let (mut changes, mut reached) = (Vec::new(), place);
        for _ in 0..commits_max {
            let Some((key, row)) = cursor.next().map_err(engine_failure)? else { break };
            let entry = Entry::read(row);
            let (Some(sequence), Some(entry)) = (log_sequence(key), entry) else {
                return Err(Failure::new(ErrorCode::Internal, "a row of the change feed is damaged"));
            };
            reached = sequence;
            changes.extend(entry.changes.iter().map(|change| Changed {
                key: change.key,
                version: change.version,
                is_deleted: change.op == Op::Delete,
            }));
        }
        Ok((changes, reached))
    }

    /// What is at an address now, for a room that decides; never for an answer. `None`: nothing, or a tombstone.
    ///
    /// # Errors
    /// What the store says.
    pub fn stored(&self, key: &ResourceKey) -> Result<Option<Value>, Failure> {
        match self.current(&*self.store.snapshot(), key)? {
            Some(stored) if !stored.is_deleted() => stored.value().map(Some),
            _ => Ok(None),
        }
    }

    /// The address of an id, if anything was ever stored under it.
    ///
    /// # Errors
    /// What the store says.
    pub fn address(&self, tenant: TenantId, type_code: TypeCode, id: &str) -> Result<Option<ResourceKey>, Failure> {
        self.locate(&*self.store.snapshot(), tenant, type_code, id)
    }

    /// The home that the registration with this id is. It need not exist.
    #[must_use]
    pub fn registration(&self, tenant: TenantId, patient_id: &str) -> Home {
        match IdText::read(&self.store.tenant(tenant), TypeCode::PATIENT, patient_id) {
            IdText::Assigned(home, _) => home,
            IdText::Chosen(number) => Home(number.0),
        }
    }

    /// The id of the `Patient` that a home is. `None`: there is none, or it was deleted or erased.
    ///
    /// # Errors
    /// What the store says.
    pub fn registration_id(&self, tenant: TenantId, home: Home) -> Result<Option<String>, Failure> {
        let key = ResourceKey { tenant, home, rid: Rid { type_code: TypeCode::PATIENT, number: Number(home.0) } };
        let patient = match self.stored(&key) {
            Err(failure) if failure.code == ErrorCode::Gone => None,
            patient => patient?,
        };
        Ok(patient.and_then(|patient| patient["id"].as_str().map(str::to_owned)))
    }

    /// The id of an address that the platform assigned.
    #[must_use]
    pub fn assigned_id(key: &ResourceKey) -> String {
        keys::assigned_text(key.home, key.rid.number)
    }
}
