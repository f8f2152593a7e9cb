//! Sources (数据来源): who sends, for which institution, and how what they send is to be read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use model::TenantId;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Precondition, Store, StoreError, Transaction, Write};

/// The most sources of one tenant: every institution of a province with several systems each.
pub const SOURCES_MAX: usize = 100_000;

/// One sending system. Stored in clear: it names institutions and machines, never a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in addresses: `city-hospital-his`.
    pub name: String,
    /// Its number in keys, given at registration and never given again.
    pub number: u32,
    /// What people read.
    pub title: String,
    /// The code of the institution (机构编码) that it speaks for when a message does not say.
    pub institution: String,
    /// Codes of further institutions that it speaks for: a branch with a code of its own, the members of a group.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub institutions: Vec<String>,
    /// The machine account that may deliver.
    pub account: String,
    /// Messages are taken.
    pub is_enabled: bool,
    /// The encoding to assume when a message neither declares nor shows one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encoding: Option<String>,
    /// The code map (`standards/maps/`) of its local item codes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code_map: Option<String>,
    /// 院区 of messages that name none; absent when the institution has one only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch: Option<String>,
    /// Names by which the system calls itself where it numbers patients (HL7 v2 CX-4): numbers of these are the institution's own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authorities: Vec<String>,
    /// Roots of the identifier that is the patient number in its shared documents, best first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub patient_roots: Vec<String>,
    /// Other codes of institutions that it speaks for, each with the 机构编码 that is meant (一院多码).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub aliases: BTreeMap<String, String>,
    /// One listening port for HL7 v2 over MLLP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub listen: Option<Listen>,
    /// A watched folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder: Option<PathBuf>,
}

impl Source {
    /// The domains of patient numbers that it may speak of.
    #[must_use]
    pub fn domains(&self) -> formats::fhir::message::Options {
        formats::fhir::message::Options {
            institution: self.institution.clone(),
            institutions: self.institutions.clone(),
            authorities: self.authorities.clone(),
            aliases: self.aliases.clone(),
        }
    }
}

/// Where a source's HL7 v2 messages arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The address to listen on.
    pub address: SocketAddr,
    /// Addresses that may connect; empty: the machine itself only.
    #[serde(default)]
    pub allow: Vec<std::net::IpAddr>,
}

/// Why a source is not registered or not found.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name is not one.
    #[error("a source's name has 1 to 64 of a-z, 0-9 and -")]
    Name,
    /// Too many.
    #[error("a tenant has at most {SOURCES_MAX} sources")]
    TooMany,
    /// Somebody else registered a source at the same moment.
    #[error("another source was registered at the same moment; try again")]
    Conflict,
}

/// The sources of a store.
#[derive(Clone)]
pub struct Sources {
    store: Arc<Store>,
}

fn key(tenant: TenantId, name: &str) -> Vec<u8> {
    let mut key = tenant.0.to_be_bytes().to_vec();
    key.extend_from_slice(name.as_bytes());
    key
}

impl Sources {
    /// The sources of a store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// One source by its name.
    ///
    /// # Errors
    /// What the store says.
    pub fn get(&self, tenant: TenantId, name: &str) -> Result<Option<Source>, StoreError> {
        let row = self.store.engine().get(Keyspace::Source, &key(tenant, name))?;
        row.map(|row| {
            serde_json::from_slice(&row).map_err(|error| StoreError::Damaged(format!("source {name}: {error}")))
        })
        .transpose()
    }

    /// Every source of a tenant, by name.
    ///
    /// # Errors
    /// What the store says.
    pub fn list(&self, tenant: TenantId) -> Result<Vec<Source>, StoreError> {
        let from = key(tenant, "");
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Source, &from, &store::prefix_end(&from));
        let mut found = Vec::new();
        while let Some((_, row)) = cursor.next()? {
            found.push(serde_json::from_slice(row).map_err(|error| StoreError::Damaged(format!("a source: {error}")))?);
        }
        Ok(found)
    }

    /// Every source of every tenant, for whoever opens ports and watches folders.
    ///
    /// # Errors
    /// What the store says.
    pub fn all(&self) -> Result<Vec<(TenantId, Source)>, StoreError> {
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Source, &[], &[]);
        let mut found = Vec::new();
        while let Some((key, row)) = cursor.next()? {
            let tenant = key.first_chunk::<4>().map(|bytes| TenantId(u32::from_be_bytes(*bytes)));
            let tenant = tenant.ok_or_else(|| StoreError::Damaged("a source without a tenant".to_owned()))?;
            let source = serde_json::from_slice(row);
            found.push((tenant, source.map_err(|error| StoreError::Damaged(format!("a source: {error}")))?));
        }
        Ok(found)
    }

    /// Registers a source, or changes one; its number stays.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn put(&self, tenant: TenantId, mut source: Source) -> Result<Source, SourceError> {
        let is_name = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !is_name(&source.name) {
            return Err(SourceError::Name);
        }
        let row_key = key(tenant, &source.name);
        let before = self.store.engine().get(Keyspace::Source, &row_key).map_err(StoreError::from)?;
        let precondition = match (&before, self.get(tenant, &source.name)?) {
            (Some(row), Some(known)) => {
                source.number = known.number;
                Precondition::StartsWith { keyspace: Keyspace::Source, key: row_key.clone(), prefix: row.clone() }
            }
            _ => {
                let all = self.list(tenant)?;
                if all.len() >= SOURCES_MAX {
                    return Err(SourceError::TooMany);
                }
                source.number = all.iter().map(|known| known.number).max().unwrap_or(0) + 1;
                let from = key(tenant, "");
                let keys = all.iter().map(|known| key(tenant, &known.name)).collect();
                let to = store::prefix_end(&from);
                Precondition::Range { keyspace: Keyspace::Source, from, to, keys }
            }
        };
        let row = serde_json::to_vec(&source).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let mut transaction = Transaction::new(tenant);
        transaction.preconditions.push(precondition);
        transaction.writes.push(Write::Put(Keyspace::Source, row_key, row));
        match self.store.commit(transaction) {
            Ok(_) => Ok(source),
            Err(store::CommitError::Precondition(_)) => Err(SourceError::Conflict),
            Err(store::CommitError::Engine(error)) => Err(StoreError::from(error).into()),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }
}
