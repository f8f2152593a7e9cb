//! Keys of this room, byte by byte, and how its rows are sealed. Everything is big endian; times are stored inverted, so that
//! the newest comes first.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `source`  | tenant 4 · name | JSON in clear |
//! | `claim`   | tenant 4 · 1 · claim 16 | what the claim stands for (see `claim`) |
//! | `claim`   | tenant 4 · 2 · message 16 | receipt 20: these bytes came before |
//! | `claim`   | tenant 4 · 3 · claim 16 | key of the open problem about this claim |
//! | `receipt` | tenant 4 · source 4 · ¬received_ms 8 · random 8 | sealed JSON |
//! | `issue`   | tenant 4 · class 1 · source 4 · ¬received_ms 8 · random 8 · record 4 | sealed JSON |
//! | `issue`   | tenant 4 · 4 · source 4 · business day 4 · record type and branch (keyed hash 8) | sealed JSON: 日终对账 |
//! | `ledger`  | tenant 4 · 1 … 7 | links, events, decisions, questions: see `identity::ledger` |
//! | `ledger`  | tenant 4 · 2 · document 16 | of the first releases; nothing reads it any more |
//!
//! claim, message and document are the first sixteen bytes of a keyed hash. Classes of `issue`: 0 set aside, 1 accepted with
//! findings, 2 set aside and closed, 3 code without a map.

use model::{ErrorCode, Failure, Home, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trust::{Domain, TenantKeys};

/// Bytes of the number of a receipt: source 4 · ¬received_ms 8 · random 8.
pub(crate) const RECEIPT_BYTES: usize = 20;

pub(crate) const CLAIM: u8 = 1;
pub(crate) const MESSAGE: u8 = 2;
pub(crate) const PROBLEM_OF: u8 = 3;

pub(crate) const LINK: u8 = 1;
pub(crate) const EVENT: u8 = 3;

/// `tenant · class · sixteen bytes`.
pub(crate) fn hashed(tenant: TenantId, class: u8, hash: [u8; 16]) -> Vec<u8> {
    let mut key = Vec::with_capacity(21);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(class);
    key.extend_from_slice(&hash);
    key
}

/// The first sixteen bytes of a keyed hash.
pub(crate) fn hash(keys: &TenantKeys, domain: Domain, bytes: &[u8]) -> [u8; 16] {
    let mac = keys.mac(domain, bytes);
    let mut first = [0; 16];
    first.copy_from_slice(&mac[..16]);
    first
}

/// `tenant · LINK or EVENT · registration`.
pub(crate) fn ledger(tenant: TenantId, class: u8, registration: Home) -> Vec<u8> {
    let mut key = Vec::with_capacity(29);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(class);
    key.extend_from_slice(&registration.0.to_be_bytes());
    key
}

/// Milliseconds so that later comes first.
pub(crate) fn newest_first(at_ms: i64) -> [u8; 8] {
    (!u64::try_from(at_ms).unwrap_or(0)).to_be_bytes()
}

/// A value, sealed under the tenant's shared key and bound to its key.
///
/// # Errors
/// `Internal` when the value cannot be written as JSON.
pub(crate) fn seal<T: Serialize>(keys: &TenantKeys, key: &[u8], value: &T) -> Result<Vec<u8>, Failure> {
    let plain = serde_json::to_vec(value).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    let mut sealed = Vec::with_capacity(plain.len() + 32);
    keys.shared_body_key().seal(key, &plain, &mut sealed);
    Ok(sealed)
}

/// A sealed value.
///
/// # Errors
/// `Internal` when it was not sealed under this key, or is not JSON of this shape.
pub(crate) fn open<T: DeserializeOwned>(keys: &TenantKeys, key: &[u8], sealed: &[u8]) -> Result<T, Failure> {
    let damaged = |what: &str| Failure::new(ErrorCode::Internal, format!("a row of the road is damaged: {what}"));
    let plain = keys.shared_body_key().open(key, sealed).map_err(|_| damaged("it does not open"))?;
    serde_json::from_slice(&plain).map_err(|error| damaged(&error.to_string()))
}

/// Eight random bytes.
///
/// # Errors
/// `Internal` when the system gives none.
pub(crate) fn random() -> Result<[u8; 8], Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| Failure::new(ErrorCode::Internal, "no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_comes_first() {
        assert!(newest_first(2) < newest_first(1));
    }
}
