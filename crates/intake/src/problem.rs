//! What was found wrong, and what was set aside (问题数据): listed per source, opened by the institution that sent it, closed
//! when it is sent right or released.

use model::{ErrorCode, Failure, Issue, TenantId};
use serde::{Deserialize, Serialize};
use store::{Keyspace, Store, prefix_end};

use crate::receipt::ReceiptId;
use crate::rows;

pub(crate) const SET_ASIDE: u8 = 0;
pub(crate) const WITH_FINDINGS: u8 = 1;
pub(crate) const CLOSED: u8 = 2;
pub(crate) const UNMAPPED: u8 = 3;

/// Issues that are kept of one record: more only repeat.
pub(crate) const ISSUES_MAX: usize = 50;

/// What became of a record with findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemState {
    /// Taken, with findings.
    Accepted,
    /// Set aside; waits for its source.
    SetAside,
    /// The source sent it again, and right.
    Corrected,
    /// Somebody decided to take it as it is.
    Released,
}

/// A record with findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its number: the receipt's, a dash, and the position of the record in the message.
    pub id: String,
    /// The message it came in.
    pub receipt: ReceiptId,
    /// The record: `row[17]`.
    pub record: String,
    /// What it is: `table:charge`.
    pub record_type: String,
    /// When it came, in milliseconds since 1970.
    pub received_ms: i64,
    /// What became of it.
    pub state: ProblemState,
    /// What is wrong.
    pub issues: Vec<Issue>,
    /// The original.
    pub original: String,
    /// By which receipt it was corrected, or by whom it was released and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_by: Option<String>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_ms: Option<i64>,
}

/// `tenant · class · receipt 20 · record 4`.
pub(crate) fn key(tenant: TenantId, class: u8, receipt: ReceiptId, record: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(29);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(class);
    key.extend_from_slice(&receipt.0);
    key.extend_from_slice(&record.to_be_bytes());
    key
}

/// The same problem in another class.
pub(crate) fn in_class(key: &[u8], class: u8) -> Vec<u8> {
    let mut moved = key.to_vec();
    if let Some(byte) = moved.get_mut(4) {
        *byte = class;
    }
    moved
}

/// The receipt and record of a problem's number.
///
/// # Errors
/// `NotFound`.
pub(crate) fn parse_id(id: &str) -> Result<(ReceiptId, u32), Failure> {
    let missing = || Failure::new(ErrorCode::NotFound, "no such problem");
    let (receipt, record) = id.split_once('-').ok_or_else(missing)?;
    Ok((receipt.parse()?, record.parse().map_err(|_| missing())?))
}

/// Problems of a source in a class, newest first, behind the one with the number `after`.
///
/// # Errors
/// What the store says.
pub(crate) fn list(
    store: &Store,
    tenant: TenantId,
    class: u8,
    source: u32,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Problem>, Failure> {
    let mut prefix = tenant.0.to_be_bytes().to_vec();
    prefix.push(class);
    prefix.extend_from_slice(&source.to_be_bytes());
    let from = match after {
        Some(id) => {
            let (receipt, record) = parse_id(id)?;
            let mut from = key(tenant, class, receipt, record);
            from.push(0);
            from
        }
        None => prefix.clone(),
    };
    let keys = store.tenant(tenant);
    let snapshot = store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Issue, &from, &prefix_end(&prefix));
    let mut found = Vec::new();
    while found.len() < limit {
        let Some((key, row)) = cursor.next().map_err(crate::road::engine_failure)? else { break };
        found.push(rows::open(&keys, key, row)?);
    }
    Ok(found)
}

/// A code or unit that no map knows, seen from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmapped {
    /// The rule that speaks: `terminology.code.unmapped`.
    pub rule: String,
    /// The code and name, or the unit, as it was sent.
    pub found: String,
    /// What to do.
    pub hint: Option<String>,
    /// When it came first, in milliseconds since 1970.
    pub first_seen_ms: i64,
    /// The message in which it came first.
    pub receipt: ReceiptId,
}

/// `tenant · UNMAPPED · source 4 · hash 16`.
pub(crate) fn unmapped_key(tenant: TenantId, source: u32, hash: [u8; 16]) -> Vec<u8> {
    let mut key = Vec::with_capacity(25);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(UNMAPPED);
    key.extend_from_slice(&source.to_be_bytes());
    key.extend_from_slice(&hash);
    key
}

/// Codes and units of a source that no map knows.
///
/// # Errors
/// What the store says.
pub(crate) fn unmapped(store: &Store, tenant: TenantId, source: u32, limit: usize) -> Result<Vec<Unmapped>, Failure> {
    let mut prefix = tenant.0.to_be_bytes().to_vec();
    prefix.push(UNMAPPED);
    prefix.extend_from_slice(&source.to_be_bytes());
    let keys = store.tenant(tenant);
    let snapshot = store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Issue, &prefix, &prefix_end(&prefix));
    let mut found: Vec<Unmapped> = Vec::new();
    while found.len() < limit {
        let Some((key, row)) = cursor.next().map_err(crate::road::engine_failure)? else { break };
        found.push(rows::open(&keys, key, row)?);
    }
    found.sort_by(|a, b| b.first_seen_ms.cmp(&a.first_seen_ms).then_with(|| a.found.cmp(&b.found)));
    Ok(found)
}
