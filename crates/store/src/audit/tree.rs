//! One tenant's log as the writer holds it: the right edge of the tree, the tiles that are not full yet, the signing key.
//!
//! Only full tiles are stored. The open ones are computed again from the stored events when the log is opened: at most 255 hashes
//! per level.

use model::TenantId;
use trust::{
    SigningKey,
    merkle::{CompactRange, Hash, TILE_HASHES, TileSlot, leaf_hash, node_hash},
};

use super::rows;
use crate::{
    engine::{Engine, Keyspace, Snapshot, Write},
    keyring::KeyRing,
    store::StoreError,
};

/// The state of one tenant's log. A clone is at most ~30 KiB: the writer works on a clone, so that a refused batch changes nothing.
#[derive(Clone)]
pub(super) struct Tree {
    tenant: TenantId,
    range: CompactRange,
    /// Hashes of the tile that is filling, per level.
    open: Vec<Vec<Hash>>,
    pub(super) key: SigningKey,
    /// Size at the newest checkpoint.
    pub(super) signed: u64,
}

impl Tree {
    /// Reads the log of a tenant. When it has no signing key yet, one is made, and the write that stores it is returned.
    pub(super) fn load(
        engine: &dyn Engine,
        keyring: &KeyRing,
        tenant: TenantId,
    ) -> Result<(Self, Option<Write>), StoreError> {
        let snapshot = engine.snapshot();
        let size = log_size(&*snapshot, tenant)?;
        let mut open = Vec::new();
        let mut level = 0_u8;
        loop {
            let shift = 8 * u32::from(level);
            let count = size.checked_shr(shift).unwrap_or(0);
            if count == 0 {
                break;
            }
            let from = count / TILE_HASHES * TILE_HASHES;
            open.push(
                (from..count).map(|index| stored_hash(&*snapshot, tenant, level, index)).collect::<Result<_, _>>()?,
            );
            level += 1;
        }
        let peaks = peaks(tenant, size, &open)?;
        let range = CompactRange::from_parts(size, peaks)
            .ok_or_else(|| StoreError::Damaged("the audit log's tree does not fit its size".to_owned()))?;
        let signed = newest_checkpoint(&*snapshot, tenant)?.map_or(0, |(size, _)| size);
        let (key, write) = match signing_key(&*snapshot, keyring, tenant)? {
            Some(key) => (key, None),
            None => {
                let key = SigningKey::generate();
                let row = rows::signing_key(tenant);
                let mut sealed = Vec::new();
                keyring.tenant(tenant).audit_key().seal(&row, key.to_bytes().expose(), &mut sealed);
                (key, Some(Write::Put(Keyspace::Key, row, sealed)))
            }
        };
        Ok((Self { tenant, range, open, key, signed }, write))
    }

    /// How many events.
    pub(super) fn size(&self) -> u64 {
        self.range.size()
    }

    /// The root over all events.
    pub(super) fn root(&self) -> Hash {
        self.range.root()
    }

    /// Hashes of the tile that is filling at this level, if it is this one.
    pub(super) fn open_tile(&self, level: u8, tile: u64) -> Option<Vec<Hash>> {
        let filling = self.range.size().checked_shr(8 * u32::from(level)).unwrap_or(0) / TILE_HASHES;
        (filling == tile).then(|| self.open.get(usize::from(level)).cloned().unwrap_or_default())
    }

    /// Appends a sealed event's leaf; tiles that it fills are added to the batch.
    pub(super) fn append(&mut self, sealed: &[u8], batch: &mut Vec<Write>) {
        let Self { tenant, range, open, .. } = self;
        range.append(leaf_hash(sealed), |slot: TileSlot, hash| {
            let level = usize::from(slot.level);
            if open.len() <= level {
                open.resize_with(level + 1, Vec::new);
            }
            open[level].push(hash);
            if open[level].len() as u64 == TILE_HASHES {
                let row = rows::tile(*tenant, slot.level, slot.tile());
                batch.push(Write::Put(Keyspace::AuditTile, row, rows::tile_bytes(&open[level])));
                open[level].clear();
            }
        });
    }
}

/// How many events are stored: one more than the last sequence.
pub(super) fn log_size(snapshot: &dyn Snapshot, tenant: TenantId) -> Result<u64, StoreError> {
    let to = crate::engine::prefix_end(&tenant.0.to_be_bytes());
    let mut cursor = snapshot.scan_back(Keyspace::Audit, &rows::event(tenant, 0), &to);
    let Some((key, _)) = cursor.next()? else { return Ok(0) };
    let sequence =
        rows::event_sequence(key).ok_or_else(|| StoreError::Damaged("an audit key has a wrong length".to_owned()))?;
    Ok(sequence + 1)
}

/// The newest stored checkpoint: its size as the row says, and its text.
pub(super) fn newest_checkpoint(
    snapshot: &dyn Snapshot,
    tenant: TenantId,
) -> Result<Option<(u64, String)>, StoreError> {
    let from = rows::checkpoints(tenant);
    let mut cursor = snapshot.scan_back(Keyspace::AuditTile, &from, &crate::engine::prefix_end(&from));
    let Some((key, text)) = cursor.next()? else { return Ok(None) };
    let size = key.get(5..).and_then(|size| size.try_into().ok()).map(u64::from_be_bytes);
    let size = size.ok_or_else(|| StoreError::Damaged("a checkpoint's key has a wrong length".to_owned()))?;
    Ok(Some((size, String::from_utf8_lossy(text).into_owned())))
}

/// The tenant's signing key; `None` when it has none yet.
pub(super) fn signing_key(
    snapshot: &dyn Snapshot,
    keyring: &KeyRing,
    tenant: TenantId,
) -> Result<Option<SigningKey>, StoreError> {
    let row = rows::signing_key(tenant);
    let Some(sealed) = snapshot.get(Keyspace::Key, &row)? else { return Ok(None) };
    let plain = keyring.tenant(tenant).audit_key().open(&row, &sealed)?;
    let key = SigningKey::from_bytes(&plain);
    key.map(Some).map_err(|error| StoreError::Damaged(format!("the signing key of the audit log: {error}")))
}

/// A full tile as stored; `None` when there is none.
pub(super) fn stored_tile(
    snapshot: &dyn Snapshot,
    tenant: TenantId,
    level: u8,
    tile: u64,
) -> Result<Option<Vec<Hash>>, StoreError> {
    let Some(bytes) = snapshot.get(Keyspace::AuditTile, &rows::tile(tenant, level, tile))? else { return Ok(None) };
    let hashes = rows::tile_hashes(&bytes);
    hashes.map(Some).ok_or_else(|| StoreError::Damaged(format!("audit tile {level}/{tile} has a wrong length")))
}

/// A hash of an open tile: of the event itself, or of the full tile one level below.
fn stored_hash(snapshot: &dyn Snapshot, tenant: TenantId, level: u8, index: u64) -> Result<Hash, StoreError> {
    let missing = || StoreError::Damaged(format!("the audit log lacks hash {index} of level {level}"));
    if level == 0 {
        return Ok(leaf_hash(&snapshot.get(Keyspace::Audit, &rows::event(tenant, index))?.ok_or_else(missing)?));
    }
    let hashes = stored_tile(snapshot, tenant, level - 1, index)?.ok_or_else(missing)?;
    subtree(hashes).ok_or_else(missing)
}

/// The root over a power of two of hashes.
fn subtree(mut row: Vec<Hash>) -> Option<Hash> {
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    row.first().copied()
}

/// The peaks of a tree of this size, largest first. Each lies inside an open tile: a level's open tile covers the bits of the size that
/// belong to the level.
fn peaks(tenant: TenantId, size: u64, open: &[Vec<Hash>]) -> Result<Vec<Hash>, StoreError> {
    let mut peaks = Vec::new();
    let mut from = 0_u64;
    for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
        let (level, leaves) = ((height / 8) as usize, 1_usize << (height % 8));
        let first = usize::try_from((from >> (8 * level)) % TILE_HASHES).unwrap_or(usize::MAX);
        let hashes = open.get(level).and_then(|hashes| hashes.get(first..first.saturating_add(leaves)));
        let peak = hashes.map(<[Hash]>::to_vec).and_then(subtree);
        peaks.push(
            peak.ok_or_else(|| StoreError::Damaged(format!("audit log of tenant {}: no peak {height}", tenant.0)))?,
        );
        from += 1 << height;
    }
    Ok(peaks)
}
