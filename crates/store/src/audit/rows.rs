//! Keys of the audit keyspaces. All numbers are big endian, so that key order is number order.

use model::{Home, TenantId};
use trust::merkle::{Hash, TILE_HASHES};

/// Kinds of rows in the tile keyspace.
const TILE: u8 = 1;
const CHECKPOINT: u8 = 2;
/// Ends the row of the signing key in the key keyspace; the wrapped keys there end in eight bytes of a home.
const SIGNING_KEY: &[u8] = b"audit-signing-key";

fn tenant_prefix(tenant: TenantId) -> Vec<u8> {
    tenant.0.to_be_bytes().to_vec()
}

/// Event: `tenant(4) · sequence(8)`; also what the event is sealed to.
pub(super) fn event(tenant: TenantId, sequence: u64) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// The sequence in an event's key.
pub(super) fn event_sequence(key: &[u8]) -> Option<u64> {
    key.get(4..).and_then(|sequence| sequence.try_into().ok()).map(u64::from_be_bytes)
}

/// Full tile: `tenant(4) · 1 · level(1) · tile(8)`.
pub(super) fn tile(tenant: TenantId, level: u8, tile: u64) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.extend_from_slice(&[TILE, level]);
    key.extend_from_slice(&tile.to_be_bytes());
    key
}

/// Signed checkpoint: `tenant(4) · 2 · size(8)`.
pub(super) fn checkpoint(tenant: TenantId, size: u64) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.push(CHECKPOINT);
    key.extend_from_slice(&size.to_be_bytes());
    key
}

/// What all checkpoints of a tenant begin with.
pub(super) fn checkpoints(tenant: TenantId) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.push(CHECKPOINT);
    key
}

/// Sealed signing key, in the key keyspace: `tenant(4) · "audit-signing-key"`.
pub(super) fn signing_key(tenant: TenantId) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.extend_from_slice(SIGNING_KEY);
    key
}

/// What all index rows of a registration begin with: `tenant(4) · home(8)`.
pub(super) fn disclosures(tenant: TenantId, home: Home) -> Vec<u8> {
    let mut key = tenant_prefix(tenant);
    key.extend_from_slice(&home.0.to_be_bytes());
    key
}

/// Index row: `tenant(4) · home(8) · ¬time(8) · ¬sequence(8)`, newest first.
pub(super) fn disclosure(tenant: TenantId, home: Home, at_ms: i64, sequence: u64) -> Vec<u8> {
    let mut key = disclosures(tenant, home);
    // The sign bit is turned so that unsigned order is the order of time.
    let time = at_ms.cast_unsigned() ^ (1 << 63);
    key.extend_from_slice(&(!time).to_be_bytes());
    key.extend_from_slice(&(!sequence).to_be_bytes());
    key
}

/// The sequence in an index row's key.
pub(super) fn disclosure_sequence(key: &[u8]) -> Option<u64> {
    key.get(20..).and_then(|sequence| sequence.try_into().ok()).map(|sequence| !u64::from_be_bytes(sequence))
}

/// The hashes of a tile as they are stored.
pub(super) fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a full tile; `None` when the bytes are not one.
pub(super) fn tile_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() as u64 == TILE_HASHES).then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}
