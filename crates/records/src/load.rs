//! From an id text to a resource that the caller may see.
//!
//! What the filter hides is `NotFound`, never `Forbidden`: the difference would tell that it exists. The filter is applied
//! to the opened row, on the address where that is enough and on the body only where it is not.

use memchr::memmem;
use model::{ErrorCode, Failure, Home, ResourceKey, Rid, TenantId, TypeCode};
use store::{Keyspace, Snapshot};
use trust::{Interaction, Patients};

use crate::keys::{self, IdText};
use crate::resource::{Header, Opener, Stored, engine_failure};
use crate::{Caller, Document, Records, index};

/// The longest id that FHIR allows.
const ID_CHARS_MAX: usize = 64;

/// Whether a text follows FHIR's grammar of ids: `[A-Za-z0-9\-\.]{1,64}`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// The type of a name, or `NotFound`: a type that is not stored here has no resources.
pub(crate) fn type_code_of(type_name: &str) -> Result<TypeCode, Failure> {
    TypeCode::of(type_name).map_err(|unknown| Failure::new(ErrorCode::NotFound, unknown.to_string()))
}

/// The refusal for everything that is absent or hidden.
pub(crate) fn not_found(type_code: TypeCode, id: &str) -> Failure {
    // The id came from the caller, but may hold anything: it is repeated only if it is an id.
    let shown = if is_id(id) { id } else { "(not an id)" };
    Failure::new(ErrorCode::NotFound, format!("{type_code}/{shown}"))
}

impl Records {
    /// The address of an id, as far as it is known. `None`: nothing was ever stored under it.
    pub(crate) fn locate(
        &self,
        snapshot: &dyn Snapshot,
        tenant: TenantId,
        type_code: TypeCode,
        id: &str,
    ) -> Result<Option<ResourceKey>, Failure> {
        let at = |home: Home, number| ResourceKey { tenant, home, rid: Rid { type_code, number } };
        if !is_id(id) {
            return Ok(None);
        }
        match IdText::read(&self.store.tenant(tenant), type_code, id) {
            IdText::Assigned(home, number) => Ok(Some(at(home, number))),
            IdText::Chosen(number) if type_code == TypeCode::PATIENT => Ok(Some(at(Home(number.0), number))),
            IdText::Chosen(number) => {
                let row = snapshot.get(Keyspace::Id, &keys::id(tenant, Rid { type_code, number }));
                let row = row.map_err(engine_failure)?;
                let home = row.and_then(|bytes| bytes.as_slice().try_into().ok()).map(u64::from_be_bytes);
                Ok(home.map(|home| at(Home(home), number)))
            }
        }
    }

    /// The current version at an address, also if it is a tombstone.
    pub(crate) fn current(&self, snapshot: &dyn Snapshot, key: &ResourceKey) -> Result<Option<Stored>, Failure> {
        match snapshot.get(Keyspace::Resource, &keys::resource(key)).map_err(engine_failure)? {
            Some(row) => Opener::new(&self.store, key.tenant).open(key, &row).map(Some),
            None => Ok(None),
        }
    }

    /// The rows of the current versions at many addresses, still sealed, in the order asked; cheapest when the addresses
    /// are sorted.
    pub(crate) fn current_rows(
        &self,
        snapshot: &dyn Snapshot,
        addresses: &[ResourceKey],
    ) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let rows: Vec<Vec<u8>> = addresses.iter().map(keys::resource).collect();
        snapshot.get_many(Keyspace::Resource, &rows).map_err(engine_failure)
    }

    /// One version at an address, current or older, also if it is a tombstone.
    pub(crate) fn version(
        &self,
        snapshot: &dyn Snapshot,
        opener: &mut Opener,
        key: &ResourceKey,
        version: u32,
    ) -> Result<Option<Stored>, Failure> {
        let current = snapshot.get(Keyspace::Resource, &keys::resource(key)).map_err(engine_failure)?;
        let Some(current) = current else { return Ok(None) };
        if Header::read(&current)?.version == version {
            return opener.open(key, &current).map(Some);
        }
        let older = snapshot.get(Keyspace::History, &keys::history(key, version)).map_err(engine_failure)?;
        older.map(|row| opener.open(key, &row)).transpose()
    }

    /// Whether the caller may see this version: type, registration and confidentiality labels. A tombstone shows no
    /// content, so only its type and registration count.
    pub(crate) fn visible(&self, caller: &Caller, stored: &Stored) -> Result<bool, Failure> {
        Ok(caller.filter.is_readable(stored.key.rid.type_code) && self.reachable(caller, stored)?)
    }

    /// As [`Records::visible`], but whatever the type: a caller who may only write still writes only what lies within
    /// their registrations and labels.
    pub(crate) fn reachable(&self, caller: &Caller, stored: &Stored) -> Result<bool, Failure> {
        Ok(self.is_of_caller(caller, stored)? && !is_label_hidden(caller, stored)?)
    }

    /// Whether the resource belongs to a patient of the caller, or to no patient at all.
    fn is_of_caller(&self, caller: &Caller, stored: &Stored) -> Result<bool, Failure> {
        let key = &stored.key;
        if caller.filter.admits(key.rid.type_code, key.home) {
            return Ok(true);
        }
        let Patients::Only(allowed) = caller.filter.patients() else { return Ok(true) };
        if stored.is_deleted() || key.rid.type_code == TypeCode::PATIENT {
            return Ok(false);
        }
        // In the compartment of an allowed patient by another way than its subject (a performer, a target): the
        // compartment rows say so.
        let keys_of_tenant = self.store.tenant(key.tenant);
        let rows = index::rows(&self.parameters, &keys_of_tenant, key, &stored.value()?, stored.last_updated_ms);
        Ok(allowed.iter().any(|patient| {
            let prefix = keys::compartment_prefix(key.tenant, self.parameters.generation(), *patient);
            rows.iter().any(|(keyspace, row)| *keyspace == Keyspace::CompartmentIndex && row.starts_with(&prefix))
        }))
    }

    /// Whether the caller may see an older version: it must be visible itself, and so must what followed it, so that a
    /// label added later also covers what came before. `current` is the resource as it is now.
    pub(crate) fn visible_older(
        &self,
        snapshot: &dyn Snapshot,
        opener: &mut Opener,
        caller: &Caller,
        (older, current): (&Stored, &Stored),
    ) -> Result<bool, Failure> {
        if !self.visible(caller, older)? {
            return Ok(false);
        }
        if older.version == current.version || caller.filter.hidden_labels().is_empty() {
            return Ok(true);
        }
        if !current.is_deleted() {
            return self.visible(caller, current);
        }
        // A tombstone has no labels: the last version before it speaks.
        match self.version(snapshot, opener, &current.key, current.version.saturating_sub(1))? {
            Some(last) => self.visible(caller, &last),
            None => Ok(true),
        }
    }

    /// The visible, undeleted current version of `type_name/id`.
    ///
    /// # Errors
    /// `NotFound` when it is absent or hidden, `Gone` when it was deleted.
    pub(crate) fn load(
        &self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        type_code: TypeCode,
        id: &str,
    ) -> Result<Stored, Failure> {
        let key = self.locate(snapshot, caller.tenant(), type_code, id)?;
        let key = key.ok_or_else(|| not_found(type_code, id))?;
        let stored = self.current(snapshot, &key)?.ok_or_else(|| not_found(type_code, id))?;
        self.shown(caller, stored, id)
    }

    /// The version if the caller may see it and it is under the id asked.
    fn shown(&self, caller: &Caller, stored: Stored, id: &str) -> Result<Stored, Failure> {
        let type_code = stored.key.rid.type_code;
        // Two chosen ids could share a 64-bit hash: only the id itself is proof.
        if stored.id() != id || !self.visible(caller, &stored)? {
            return Err(not_found(type_code, id));
        }
        if stored.is_deleted() {
            return Err(Failure::new(ErrorCode::Gone, format!("{type_code}/{id}")));
        }
        Ok(stored)
    }

    /// FHIR `read`: the current version.
    ///
    /// # Errors
    /// `Forbidden` when the caller may not read this type at all, `NotFound`, `Gone`.
    pub fn read(&self, caller: &Caller, type_name: &str, id: &str) -> Result<Document, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Read, type_code)?;
        let snapshot = self.store.snapshot();
        Ok(document(&self.load(&*snapshot, caller, type_code, id)?))
    }

    /// FHIR `vread`: a given version, if the caller may see both that version and the current one.
    ///
    /// # Errors
    /// As [`Records::read`]; `Gone` when that version is the deletion.
    pub fn vread(&self, caller: &Caller, type_name: &str, id: &str, version: &str) -> Result<Document, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Read, type_code)?;
        let absent = || not_found(type_code, id);
        let number: u32 = version.parse().map_err(|_| absent())?;
        let snapshot = self.store.snapshot();
        let key = self.locate(&*snapshot, caller.tenant(), type_code, id)?.ok_or_else(absent)?;
        let current = self.current(&*snapshot, &key)?.ok_or_else(absent)?;
        let mut opener = Opener::new(&self.store, key.tenant);
        let stored = self.version(&*snapshot, &mut opener, &key, number)?.ok_or_else(absent)?;
        if !self.visible_older(&*snapshot, &mut opener, caller, (&stored, &current))? {
            return Err(absent());
        }
        Ok(document(&self.shown(caller, stored, id)?))
    }
}

/// The answer of a read.
pub(crate) fn document(stored: &Stored) -> Document {
    Document {
        key: stored.key,
        id: stored.id().to_owned(),
        version: stored.version,
        last_updated_ms: stored.last_updated_ms,
        json: stored.json(),
        disclosed: if stored.key.home == Home::SHARED { Vec::new() } else { vec![stored.key.home] },
    }
}

/// Whether `meta.security` carries a label that this caller never sees. A label without system counts as the hidden one.
fn is_label_hidden(caller: &Caller, stored: &Stored) -> Result<bool, Failure> {
    let hidden = caller.filter.hidden_labels();
    if hidden.is_empty() || stored.is_deleted() || !has_security(stored.tail()) {
        return Ok(false);
    }
    let resource = stored.value()?;
    let labels = resource.pointer("/meta/security").and_then(serde_json::Value::as_array);
    let part =
        |label: &serde_json::Value, name: &str| label.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    Ok(labels.into_iter().flatten().any(|label| {
        let (system, code) = (part(label, "system"), part(label, "code"));
        hidden.iter().any(|hidden| {
            code.as_deref() == Some(hidden.1) && system.as_deref().is_none_or(|system| system == hidden.0)
        })
    }))
}

/// Whether the tail can hold `meta.security`: only then is the body parsed. Most resources have none.
fn has_security(tail: &[u8]) -> bool {
    // Everything that is not meta follows the end of meta: a tail that begins with `}` has an empty meta.
    tail.first() != Some(&b'}') && memmem::find(tail, b"\"security\":").is_some()
}
