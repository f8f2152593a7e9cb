//! Receipts (回执): what came, when, and what became of it. A receipt is written in the same commit as what it reports.

use std::fmt;
use std::str::FromStr;

use model::{ErrorCode, Failure, Issue, TenantId};
use serde::{Deserialize, Serialize};
use store::{Keyspace, Store, prefix_end};

use crate::rows;

/// Findings that a receipt repeats; all of them are in the list of issues.
pub(crate) const FINDINGS_MAX: usize = 100;

/// The number of a receipt: source · received · random, as 40 hexadecimal digits. Later receipts of a source sort first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptId(pub(crate) [u8; rows::RECEIPT_BYTES]);

impl ReceiptId {
    pub(crate) fn new(source: u32, received_ms: i64) -> Result<Self, Failure> {
        let mut bytes = [0; rows::RECEIPT_BYTES];
        bytes[..4].copy_from_slice(&source.to_be_bytes());
        bytes[4..12].copy_from_slice(&rows::newest_first(received_ms));
        bytes[12..].copy_from_slice(&rows::random()?);
        Ok(Self(bytes))
    }

    /// The number of the source that it belongs to.
    #[must_use]
    pub fn source(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }

    pub(crate) fn key(&self, tenant: TenantId) -> Vec<u8> {
        let mut key = tenant.0.to_be_bytes().to_vec();
        key.extend_from_slice(&self.0);
        key
    }
}

impl fmt::Display for ReceiptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ReceiptId {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut bytes = [0; rows::RECEIPT_BYTES];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Failure::new(ErrorCode::NotFound, "not the number of a receipt"))?;
        Ok(Self(bytes))
    }
}

impl Serialize for ReceiptId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReceiptId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|failure: Failure| serde::de::Error::custom(failure.detail))
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything was taken, nothing was found.
    Accepted,
    /// Everything was taken; some of it should be mended at the source.
    AcceptedWithFindings,
    /// Some records were set aside.
    PartlySetAside,
    /// Every record was set aside, or the message could not be read; the original is kept.
    SetAside,
    /// Exactly these bytes came before; this is the receipt of that time.
    Repeated,
}

impl Outcome {
    /// The word in JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AcceptedWithFindings => "accepted-with-findings",
            Self::PartlySetAside => "partly-set-aside",
            Self::SetAside => "set-aside",
            Self::Repeated => "repeated",
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records of the message: documents, HL7 messages, rows.
    pub records: u64,
    /// Records taken.
    pub accepted: u64,
    /// Of those: with findings.
    pub with_findings: u64,
    /// Records set aside.
    pub set_aside: u64,
    /// Records that said nothing new.
    pub repeated: u64,
    /// Records with something older than what was there: it went into history.
    pub late: u64,
    /// Resources made.
    pub created: u64,
    /// Resources with a new version.
    pub updated: u64,
    /// Findings of every severity.
    pub findings: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.accepted += other.accepted;
        self.with_findings += other.with_findings;
        self.set_aside += other.set_aside;
        self.repeated += other.repeated;
        self.late += other.late;
        self.created += other.created;
        self.updated += other.updated;
        self.findings += other.findings;
    }
}

/// An issue and the record that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The record: `row[17]`, `ClinicalDocument`.
    pub record: String,
    /// What is wrong.
    #[serde(flatten)]
    pub issue: Issue,
}

/// What came, when, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its number.
    pub id: ReceiptId,
    /// The source.
    pub source: String,
    /// When the message came, in milliseconds since 1970.
    pub received_ms: i64,
    /// The name of the file that it came in, if it came in one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What kind of message it is: `cda:C0007`, `hl7v2:ORU^R01`, `table:charge`; empty when that could not be found out.
    pub message_type: String,
    /// The sender's own number of the message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_id: Option<String>,
    /// The encoding that it was decoded with.
    pub encoding: String,
    /// Its size.
    pub bytes: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// What was counted.
    pub counts: Counts,
    /// The first findings, at most a hundred.
    pub findings: Vec<Finding>,
    /// The id of the original bytes.
    pub original: String,
    /// All records are through. A message of many records is taken in several commits; one that was cut off in the middle is
    /// finished when the source sends it again.
    pub is_complete: bool,
    /// Registrations concerned, as numbers of homes; for the audit log, not for people.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub registrations: Vec<u64>,
}

/// One receipt.
///
/// # Errors
/// `NotFound`; what the store says.
pub(crate) fn get(store: &Store, tenant: TenantId, id: ReceiptId) -> Result<Receipt, Failure> {
    let key = id.key(tenant);
    let row = store.engine().get(Keyspace::Receipt, &key).map_err(crate::road::engine_failure)?;
    let row = row.ok_or_else(|| Failure::new(ErrorCode::NotFound, "no such receipt"))?;
    rows::open(&store.tenant(tenant), &key, &row)
}

/// Receipts of a source, newest first, from behind `after` on.
///
/// # Errors
/// What the store says.
pub(crate) fn list(
    store: &Store,
    tenant: TenantId,
    source: u32,
    after: Option<ReceiptId>,
    limit: usize,
) -> Result<Vec<Receipt>, Failure> {
    let mut prefix = tenant.0.to_be_bytes().to_vec();
    prefix.extend_from_slice(&source.to_be_bytes());
    let from = after.map_or_else(
        || prefix.clone(),
        |id| {
            let mut key = id.key(tenant);
            key.push(0);
            key
        },
    );
    let keys = store.tenant(tenant);
    let snapshot = store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Receipt, &from, &prefix_end(&prefix));
    let mut found = Vec::new();
    while found.len() < limit {
        let Some((key, row)) = cursor.next().map_err(crate::road::engine_failure)? else { break };
        found.push(rows::open(&keys, key, row)?);
    }
    Ok(found)
}
