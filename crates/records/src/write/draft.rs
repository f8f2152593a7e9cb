//! What one commit will write: collected here by single writes and by whole transactions alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ErrorCode, Failure, Home, Number, ResourceKey, Rid, TypeCode};
use serde_json::Value;
use store::{Keyspace, Precondition, Snapshot, Transaction, Write};
use trust::{BodyKey, Interaction, TenantKeys};

use super::log::{Change, Entry};
use super::{home, references};
use crate::generation::Generations;
use crate::keys::{self, IdText};
use crate::resource::{self, Op, Stored, engine_failure, store_failure};
use crate::{Caller, Records, index};

/// Where a resource will be written.
pub(crate) enum Place {
    /// Nothing is there. `id_row`: the id was chosen by the client, so its home has to be written down.
    New { key: ResourceKey, id: String, id_row: bool },
    /// This version is there, perhaps a tombstone.
    Existing(Stored),
}

/// A version as it will be once the commit holds.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    pub(crate) key: ResourceKey,
    pub(crate) id: String,
    pub(crate) version: u32,
    pub(crate) last_updated_ms: i64,
    /// 200, 201 or 204.
    pub(crate) status: u16,
    /// The resource, if the caller wants it back.
    pub(crate) json: Option<Vec<u8>>,
}

impl Saved {
    /// `Type/id`.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.key.rid.type_code, self.id)
    }
}

/// A commit in preparation.
pub(crate) struct Draft<'d> {
    pub(crate) records: &'d Records,
    pub(crate) caller: &'d Caller,
    pub(crate) snapshot: &'d dyn Snapshot,
    pub(crate) tenant_keys: Arc<TenantKeys>,
    /// The index generations that this commit keeps up.
    pub(crate) generations: Arc<Generations>,
    now_ms: i64,
    keeps_json: bool,
    transaction: Transaction,
    changes: Vec<Change>,
    body_keys: BTreeMap<Home, BodyKey>,
    /// Answers to conditional references, by `Type?query`: bundles repeat them for every resource.
    resolved: BTreeMap<String, String>,
}

impl<'d> Draft<'d> {
    /// An empty draft. `keeps_json`: saved versions carry their JSON.
    pub(crate) fn new(
        records: &'d Records,
        caller: &'d Caller,
        snapshot: &'d dyn Snapshot,
        keeps_json: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            records,
            caller,
            snapshot,
            tenant_keys: records.store.tenant(caller.tenant()),
            generations: records.generations(snapshot)?,
            now_ms: records.clock.now_ms(),
            keeps_json,
            transaction: Transaction::new(caller.tenant()),
            changes: Vec::new(),
            body_keys: BTreeMap::new(),
            resolved: BTreeMap::new(),
        })
    }

    /// Something that must still be true at the commit.
    pub(crate) fn require(&mut self, preconditions: impl IntoIterator<Item = Precondition>) {
        self.transaction.preconditions.extend(preconditions);
    }

    /// What is to be committed.
    pub(crate) fn finish(mut self) -> Transaction {
        if !self.changes.is_empty() {
            let entry = Entry {
                tenant: self.caller.tenant(),
                at_ms: self.now_ms,
                actor: self.caller.actor.name.clone(),
                request_id: self.caller.request_id.clone(),
                changes: self.changes,
            };
            self.transaction.log = entry.write();
        }
        // Rows and conditions were made for these generations: when a reindex began or switched meanwhile, it is planned again.
        if !self.transaction.log.is_empty() || !self.transaction.preconditions.is_empty() {
            self.transaction.preconditions.push(self.generations.unchanged());
        }
        self.transaction
    }

    /// A new address with an id of ours. A Patient is its own home.
    pub(crate) fn new_place(&self, type_code: TypeCode, home: Home) -> Result<Place, Failure> {
        let random = || getrandom::u64().map_err(|_| Failure::new(ErrorCode::Internal, "no random numbers"));
        let mut number = random()?;
        while number == Home::SHARED.0 {
            number = random()?;
        }
        let home = if type_code == TypeCode::PATIENT { Home(number) } else { home };
        let number = Number(number);
        let id = keys::assigned_text(home, number);
        Ok(Place::New { key: self.address(type_code, home, number), id, id_row: false })
    }

    fn address(&self, type_code: TypeCode, home: Home, number: Number) -> ResourceKey {
        ResourceKey { tenant: self.caller.tenant(), home, rid: Rid { type_code, number } }
    }

    /// The place of an id that the client names: what is there, or a new place under that id.
    ///
    /// # Errors
    /// `NotFound` when something is there that the caller may not see; `Unprocessable` when the id has the form of a
    /// server-assigned one but belongs to another home than the resource.
    pub(crate) fn place_of(&self, type_code: TypeCode, id: &str, resource: &Value) -> Result<Place, Failure> {
        if let Some(stored) = self.existing(type_code, id)? {
            return Ok(Place::Existing(stored));
        }
        let located = self.records.locate(self.snapshot, self.caller.tenant(), type_code, id)?;
        let subject = home::home_of(&self.tenant_keys, type_code, resource);
        let (key, id_row) = match (IdText::read(&self.tenant_keys, type_code, id), located) {
            (IdText::Assigned(home, number), _) => {
                let expected = if type_code == TypeCode::PATIENT { Home(number.0) } else { subject };
                if home != expected || number.0 == 0 {
                    let detail = format!(
                        "{type_code}/{id} has the form of an id of this server, but was not assigned to this resource"
                    );
                    return Err(Failure::new(ErrorCode::Unprocessable, detail));
                }
                (self.address(type_code, home, number), false)
            }
            (IdText::Chosen(_), Some(key)) => (key, false),
            (IdText::Chosen(number), None) => (self.address(type_code, subject, number), true),
        };
        Ok(Place::New { key, id: id.to_owned(), id_row })
    }

    /// What is stored under an id, tombstones included.
    ///
    /// # Errors
    /// `NotFound` when the caller may not see it.
    pub(crate) fn existing(&self, type_code: TypeCode, id: &str) -> Result<Option<Stored>, Failure> {
        let key = self.records.locate(self.snapshot, self.caller.tenant(), type_code, id)?;
        let Some(key) = key else { return Ok(None) };
        let Some(stored) = self.records.current(self.snapshot, &key)? else { return Ok(None) };
        if stored.id() != id || !self.records.reachable(self.caller, &stored)? {
            return Err(crate::load::not_found(type_code, id));
        }
        Ok(Some(stored))
    }

    /// The one resource that a condition finds: `None` when there is none.
    ///
    /// What was found must still be what is found at the commit.
    ///
    /// # Errors
    /// `MultipleMatches`; `BadSearch` when the condition is not understood.
    pub(crate) fn find_one(&mut self, type_code: TypeCode, query: &str) -> Result<Option<Stored>, Failure> {
        let (found, preconditions) = self.find(type_code, query)?;
        self.require(preconditions);
        Ok(found)
    }

    fn find(&self, type_code: TypeCode, query: &str) -> Result<(Option<Stored>, Vec<Precondition>), Failure> {
        self.caller.may(Interaction::Search, type_code)?;
        // An empty condition would match anything: FHIR has no use for it, and a mistake would overwrite somebody.
        if query.trim().is_empty() {
            return Err(Failure::new(ErrorCode::BadSearch, format!("a condition on {type_code} is empty")));
        }
        let found = self.records.find(self.snapshot, self.caller, type_code.name(), query, 2)?;
        match found.keys.as_slice() {
            [] => Ok((None, found.preconditions)),
            [key] => Ok((self.records.current(self.snapshot, key)?, found.preconditions)),
            _ => Err(Failure::new(ErrorCode::MultipleMatches, format!("a condition on {type_code}"))),
        }
    }

    /// The literal reference that a conditional one stands for.
    ///
    /// # Errors
    /// `PreconditionFailed` when nothing matches, `MultipleMatches`, `BadSearch`.
    pub(crate) fn resolve(&mut self, conditional: &str) -> Result<Option<String>, Failure> {
        if let Some(known) = self.resolved.get(conditional) {
            return Ok(Some(known.clone()));
        }
        let Some((type_name, query)) = references::conditional(conditional) else { return Ok(None) };
        let Ok(type_code) = TypeCode::of(type_name) else { return Ok(None) };
        let (stored, _) = self.find(type_code, query)?;
        let Some(stored) = stored else {
            let detail = format!("a conditional reference to {type_code} matches nothing");
            return Err(Failure::new(ErrorCode::PreconditionFailed, detail));
        };
        let reference = format!("{type_code}/{}", stored.id());
        self.resolved.insert(conditional.to_owned(), reference.clone());
        Ok(Some(reference))
    }

    /// Whether a conditional reference was looked up already.
    pub(crate) fn knows(&self, conditional: &str) -> bool {
        self.resolved.contains_key(conditional)
    }

    /// Says beforehand what a conditional reference stands for.
    pub(crate) fn know(&mut self, conditional: String, reference: String) {
        self.resolved.insert(conditional, reference);
    }

    /// Writes a version of a resource whose references are already literal.
    pub(crate) fn put(&mut self, place: Place, resource: &Value) -> Result<Saved, Failure> {
        let Some(members) = resource.as_object() else {
            return Err(Failure::new(ErrorCode::NotReadable, "a resource is a JSON object"));
        };
        let (key, id) = match &place {
            Place::New { key, id, .. } => (*key, id.clone()),
            Place::Existing(stored) => (stored.key, stored.id().to_owned()),
        };
        let subject = home::home_of(&self.tenant_keys, key.rid.type_code, resource);
        self.caller.may_write_home(key.home)?;
        self.caller.may_write_home(subject)?;
        let plain = resource::plain_body(&id, members)?;
        let (version, last_updated_ms, op) = match &place {
            Place::New { .. } => (1, self.now_ms, Op::Create),
            Place::Existing(stored) if !stored.is_deleted() && stored.plain() == plain => {
                self.require_version(stored);
                return Ok(self.unchanged(stored));
            }
            Place::Existing(stored) => {
                self.next_version(stored, if stored.is_deleted() { Op::Create } else { Op::Update })?
            }
        };
        let body_key = self.body_key(key.home)?;
        let row = resource::seal(&self.records.store, &body_key, &key, (version, last_updated_ms, op), &plain);
        let rows = self.generations.rows(&self.tenant_keys, &key, resource, last_updated_ms);
        match place {
            Place::New { id_row, .. } => self.occupy(&key, id_row),
            Place::Existing(stored) => {
                let old = self.rows_of(&stored)?;
                self.transaction
                    .writes
                    .extend(old.difference(&rows).map(|(space, row)| Write::Delete(*space, row.clone())));
                let added: Vec<_> = rows.difference(&old).cloned().collect();
                self.push_rows(added);
                self.replace(&stored)?;
                self.put_row(&key, row, version, op);
                return Ok(self.saved((key, id), (version, last_updated_ms), op, &plain));
            }
        }
        self.push_rows(rows);
        self.put_row(&key, row, version, op);
        Ok(self.saved((key, id), (version, last_updated_ms), op, &plain))
    }

    /// Writes several versions of one resource in one commit, oldest first: all but the last go straight to history.
    pub(crate) fn put_versions(&mut self, place: Place, versions: &[Value]) -> Result<Saved, Failure> {
        let Some((last, older)) = versions.split_last() else {
            return Err(Failure::new(ErrorCode::Internal, "no version to write"));
        };
        if older.is_empty() {
            return self.put(place, last);
        }
        let (key, id, mut version, at_ms) = match &place {
            Place::New { key, id, .. } => (*key, id.clone(), 0, self.now_ms),
            Place::Existing(stored) => {
                (stored.key, stored.id().to_owned(), stored.version, self.now_ms.max(stored.last_updated_ms))
            }
        };
        let body_key = self.body_key(key.home)?;
        for (position, resource) in versions.iter().enumerate() {
            let subject = home::home_of(&self.tenant_keys, key.rid.type_code, resource);
            self.caller.may_write_home(key.home)?;
            self.caller.may_write_home(subject)?;
            let Some(members) = resource.as_object() else {
                return Err(Failure::new(ErrorCode::NotReadable, "a resource is a JSON object"));
            };
            let op = match &place {
                Place::New { .. } if position == 0 => Op::Create,
                Place::Existing(stored) if position == 0 && stored.is_deleted() => Op::Create,
                _ => Op::Update,
            };
            version += 1;
            let plain = resource::plain_body(&id, members)?;
            let row = resource::seal(&self.records.store, &body_key, &key, (version, at_ms, op), &plain);
            if position < older.len() {
                self.transaction.writes.push(Write::Put(Keyspace::History, keys::history(&key, version), row));
                self.changes.push(Change { key, version, op });
            } else {
                self.put_row(&key, row, version, op);
            }
        }
        let rows = self.generations.rows(&self.tenant_keys, &key, last, at_ms);
        match place {
            Place::New { id_row, .. } => {
                self.occupy(&key, id_row);
                self.push_rows(rows);
            }
            Place::Existing(stored) => {
                let old = self.rows_of(&stored)?;
                let gone = old.difference(&rows).map(|(space, row)| Write::Delete(*space, row.clone()));
                self.transaction.writes.extend(gone);
                let added: Vec<_> = rows.difference(&old).cloned().collect();
                self.push_rows(added);
                self.replace(&stored)?;
            }
        }
        Ok(self.saved((key, id), (version, at_ms), Op::Update, &[]))
    }

    /// Writes that are not resources: claims, receipts, originals, links.
    pub(crate) fn write(&mut self, writes: impl IntoIterator<Item = Write>) {
        self.transaction.writes.extend(writes);
    }

    /// When this commit happens.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Writes a tombstone over a version. A tombstone over a tombstone changes nothing.
    pub(crate) fn delete(&mut self, stored: &Stored) -> Result<Saved, Failure> {
        let key = stored.key;
        self.caller.may_write_home(key.home)?;
        let mut saved = self.unchanged(stored);
        saved.status = 204;
        saved.json = None;
        if stored.is_deleted() {
            return Ok(saved);
        }
        let (version, last_updated_ms, op) = self.next_version(stored, Op::Delete)?;
        let body_key = self.body_key(key.home)?;
        let plain = resource::tombstone_body(stored.id());
        let row = resource::seal(&self.records.store, &body_key, &key, (version, last_updated_ms, op), &plain);
        let old = self.rows_of(stored)?;
        self.transaction.writes.extend(old.into_iter().map(|(space, row)| Write::Delete(space, row)));
        self.replace(stored)?;
        self.put_row(&key, row, version, op);
        Ok(Saved { version, last_updated_ms, ..saved })
    }

    /// Version, time and operation of what follows a version. Time never runs backwards inside a resource.
    fn next_version(&self, stored: &Stored, op: Op) -> Result<(u32, i64, Op), Failure> {
        let version = stored.version.checked_add(1);
        let version = version.ok_or_else(|| Failure::new(ErrorCode::Internal, "no version number is left"))?;
        Ok((version, self.now_ms.max(stored.last_updated_ms), op))
    }

    /// The index rows that a stored version has.
    fn rows_of(&self, stored: &Stored) -> Result<std::collections::BTreeSet<index::Row>, Failure> {
        if stored.is_deleted() {
            return Ok(std::collections::BTreeSet::new());
        }
        let resource = stored.value()?;
        Ok(self.generations.rows(&self.tenant_keys, &stored.key, &resource, stored.last_updated_ms))
    }

    fn require_version(&mut self, stored: &Stored) {
        self.transaction.preconditions.push(Precondition::StartsWith {
            keyspace: Keyspace::Resource,
            key: keys::resource(&stored.key),
            prefix: resource::version_prefix(stored.version),
        });
    }

    /// Moves the version that is there to history, provided that it is still there.
    fn replace(&mut self, stored: &Stored) -> Result<(), Failure> {
        self.require_version(stored);
        let row = self.snapshot.get(Keyspace::Resource, &keys::resource(&stored.key)).map_err(engine_failure)?;
        let row = row.ok_or_else(|| Failure::new(ErrorCode::Internal, "a version vanished from its snapshot"))?;
        let older = keys::history(&stored.key, stored.version);
        self.transaction.writes.push(Write::Put(Keyspace::History, older, row));
        Ok(())
    }

    /// Takes a new address, provided that it is still free.
    fn occupy(&mut self, key: &ResourceKey, id_row: bool) {
        let absent = |keyspace, key| Precondition::Absent { keyspace, key };
        self.transaction.preconditions.push(absent(Keyspace::Resource, keys::resource(key)));
        if id_row && key.rid.type_code != TypeCode::PATIENT {
            let id_key = keys::id(key.tenant, key.rid);
            self.transaction.preconditions.push(absent(Keyspace::Id, id_key.clone()));
            let home = key.home.0.to_be_bytes().to_vec();
            self.transaction.writes.push(Write::Put(Keyspace::Id, id_key, home));
        }
    }

    fn push_rows(&mut self, rows: impl IntoIterator<Item = index::Row>) {
        let puts = rows.into_iter().map(|(keyspace, row)| Write::Put(keyspace, row, Vec::new()));
        self.transaction.writes.extend(puts);
    }

    fn put_row(&mut self, key: &ResourceKey, row: Vec<u8>, version: u32, op: Op) {
        self.transaction.writes.push(Write::Put(Keyspace::Resource, keys::resource(key), row));
        self.changes.push(Change { key: *key, version, op });
    }

    /// The key of a home, made in this commit if it has none yet.
    pub(crate) fn body_key(&mut self, home: Home) -> Result<BodyKey, Failure> {
        if let Some(known) = self.body_keys.get(&home) {
            return Ok(known.clone());
        }
        let tenant = self.caller.tenant();
        let body_key = match self.records.store.body_key(tenant, home).map_err(store_failure)? {
            Some(known) => known,
            None => {
                let (made, write, precondition) = self.records.store.new_body_key(tenant, home);
                self.transaction.writes.push(write);
                self.transaction.preconditions.push(precondition);
                made
            }
        };
        self.body_keys.insert(home, body_key.clone());
        Ok(body_key)
    }

    /// A version that stays as it is.
    pub(crate) fn unchanged(&self, stored: &Stored) -> Saved {
        Saved {
            key: stored.key,
            id: stored.id().to_owned(),
            version: stored.version,
            last_updated_ms: stored.last_updated_ms,
            status: 200,
            json: (self.keeps_json && !stored.is_deleted() && self.caller.filter.is_readable(stored.key.rid.type_code))
                .then(|| stored.json()),
        }
    }

    fn saved(
        &self,
        (key, id): (ResourceKey, String),
        (version, last_updated_ms): (u32, i64),
        op: Op,
        plain: &[u8],
    ) -> Saved {
        let json = self.keeps_json.then(|| {
            let mut out = Vec::with_capacity(plain.len() + 128);
            let tail = plain.get(id.len() + 1..).unwrap_or_default();
            resource::render(key.rid.type_code.name(), &id, (version, last_updated_ms), tail, &mut out);
            out
        });
        let status = if op == Op::Create { 201 } else { 200 };
        Saved { key, id, version, last_updated_ms, status, json }
    }
}
