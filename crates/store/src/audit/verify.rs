//! Was the log changed? The tree is computed again from the stored events and held against everything that was once promised.
//!
//! A changed byte does not open any more and differs from its tile. A cut tail is shorter than a checkpoint. A log that was written
//! anew, by somebody who has all keys of this machine, has another root than a checkpoint that was kept elsewhere (the anchor).

use std::collections::BTreeMap;

use model::TenantId;
use trust::{
    Checkpoint, SignedCheckpoint,
    merkle::{CompactRange, Hash, TILE_HASHES, leaf_hash},
};

use super::{rows, tree};
use crate::{
    engine::{Keyspace, Snapshot, prefix_end},
    keyring::KeyRing,
    store::StoreError,
};

/// A log that was written anew differs everywhere; the first findings say enough.
const FINDINGS_MAX: usize = 100;

/// One thing that is not as it was promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An event does not open: a byte was changed, or it was moved from another place.
    #[error("event {sequence} was changed: it does not open")]
    EventChanged {
        /// Its place.
        sequence: u64,
    },
    /// An event is not there, and later ones are.
    #[error("event {sequence} is missing")]
    EventMissing {
        /// Its place.
        sequence: u64,
    },
    /// A tile holds other hashes than the events give.
    #[error("tile {tile} of level {level} does not fit the events")]
    TileDiffers {
        /// The tile's level.
        level: u8,
        /// Its number in the level.
        tile: u64,
    },
    /// A checkpoint was promised for more events than there are.
    #[error("the log has {size} events; a checkpoint was signed for {promised}: the tail was cut")]
    TailCut {
        /// Events that are there.
        size: u64,
        /// Events that were promised.
        promised: u64,
    },
    /// The tree at the size of a checkpoint has another root: events before it were changed, and the log written anew.
    #[error("the first {size} events have another root than the {} checkpoint", if *.anchor { "given" } else { "stored" })]
    RootDiffers {
        /// The checkpoint's size.
        size: u64,
        /// Whether it is the checkpoint that the caller brought.
        anchor: bool,
    },
    /// A checkpoint whose signature does not fit.
    #[error("the {} checkpoint for {size} events is not authentic", if *.anchor { "given" } else { "stored" })]
    CheckpointNotAuthentic {
        /// The checkpoint's size as it claims.
        size: u64,
        /// Whether it is the checkpoint that the caller brought.
        anchor: bool,
    },
    /// There are events, but the key that signs is gone.
    #[error("the signing key of the log is missing or does not open")]
    SigningKeyMissing,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whose log.
    pub tenant: TenantId,
    /// Events that are there.
    pub size: u64,
    /// The root over them, computed from them.
    pub root: Hash,
    /// Stored checkpoints whose signature and root hold.
    pub checkpoints: u64,
    /// Size of the newest checkpoint that holds: events behind it are there, but nobody has promised them yet.
    pub proven: u64,
    /// What is wrong, in the order of the log; at most 100.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A promise to be held against the tree.
struct Promise {
    root: Hash,
    anchor: bool,
}

pub(super) fn verify(
    snapshot: &dyn Snapshot,
    keyring: &KeyRing,
    tenant: TenantId,
    anchor: Option<&SignedCheckpoint>,
) -> Result<Verdict, StoreError> {
    let mut check = Check {
        snapshot,
        tenant,
        findings: Vec::new(),
        range: CompactRange::new(),
        open: Vec::new(),
        checkpoints: 0,
        proven: 0,
    };
    let promises = check.promises(keyring, anchor)?;
    check.events(keyring, &promises)?;
    let size = check.range.size();
    for (promised, _) in promises.range(size + 1..) {
        check.find(Finding::TailCut { size, promised: *promised });
    }
    let Check { range, checkpoints, proven, findings, .. } = check;
    Ok(Verdict { tenant, size, root: range.root(), checkpoints, proven, findings })
}

struct Check<'s> {
    snapshot: &'s dyn Snapshot,
    tenant: TenantId,
    findings: Vec<Finding>,
    range: CompactRange,
    /// Hashes of the tile that is filling, per level.
    open: Vec<Vec<Hash>>,
    checkpoints: u64,
    proven: u64,
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Every authentic checkpoint, by size.
    fn promises(
        &mut self,
        keyring: &KeyRing,
        anchor: Option<&SignedCheckpoint>,
    ) -> Result<BTreeMap<u64, Vec<Promise>>, StoreError> {
        let key = match tree::signing_key(self.snapshot, keyring, self.tenant) {
            Ok(key) => key.map(|key| key.verifying_key()),
            Err(StoreError::Engine(error)) => return Err(StoreError::Engine(error)),
            Err(_) => None,
        };
        let mut promises: BTreeMap<u64, Vec<Promise>> = BTreeMap::new();
        let Some(key) = key else {
            if anchor.is_some() || tree::log_size(self.snapshot, self.tenant)? > 0 {
                self.find(Finding::SigningKeyMissing);
            }
            // Without the key no signature can be checked, but a shorter log or another root still shows.
            if let Some(claimed) = anchor.map(SignedCheckpoint::claimed).filter(|claimed| claimed.tenant == self.tenant)
            {
                promises.entry(claimed.size).or_default().push(Promise { root: claimed.root, anchor: true });
            }
            return Ok(promises);
        };
        let mut promise = |size: u64, signed: Option<&SignedCheckpoint>, anchor: bool| {
            let authentic = signed.and_then(|signed| signed.verify(&key).ok());
            match authentic {
                Some(Checkpoint { tenant, size: signed_size, root, .. })
                    if *tenant == self.tenant && *signed_size == size =>
                {
                    promises.entry(size).or_default().push(Promise { root: *root, anchor });
                }
                _ => self.findings.push(Finding::CheckpointNotAuthentic { size, anchor }),
            }
        };
        if let Some(signed) = anchor {
            promise(signed.claimed().size, Some(signed), true);
        }
        let from = rows::checkpoints(self.tenant);
        let mut cursor = self.snapshot.scan(Keyspace::AuditTile, &from, &prefix_end(&from));
        while let Some((key, text)) = cursor.next()? {
            let size = key.get(5..).and_then(|size| size.try_into().ok()).map_or(u64::MAX, u64::from_be_bytes);
            let signed = std::str::from_utf8(text).ok().and_then(|text| SignedCheckpoint::parse(text).ok());
            promise(size, signed.as_ref(), false);
        }
        self.findings.truncate(FINDINGS_MAX);
        Ok(promises)
    }

    fn events(&mut self, keyring: &KeyRing, promises: &BTreeMap<u64, Vec<Promise>>) -> Result<(), StoreError> {
        let keys = keyring.tenant(self.tenant);
        let from = self.tenant.0.to_be_bytes();
        let mut cursor = self.snapshot.scan(Keyspace::Audit, &from, &prefix_end(&from));
        let mut expected = 0;
        let mut plain = Vec::new();
        while let Some((row, sealed)) = cursor.next()? {
            let sequence = rows::event_sequence(row)
                .ok_or_else(|| StoreError::Damaged("an audit key has a wrong length".to_owned()))?;
            if sequence != expected {
                (expected..sequence)
                    .take(FINDINGS_MAX)
                    .for_each(|sequence| self.find(Finding::EventMissing { sequence }));
            }
            expected = sequence + 1;
            if keys.audit_key().open_into(row, sealed, &mut plain).is_err() {
                self.find(Finding::EventChanged { sequence });
            }
            self.append(leaf_hash(sealed))?;
            self.compare(promises);
        }
        Ok(())
    }

    /// Appends a leaf; a tile that becomes full is compared with the stored one.
    fn append(&mut self, leaf: Hash) -> Result<(), StoreError> {
        let Self { range, open, .. } = self;
        let mut full = Vec::new();
        range.append(leaf, |slot, hash| {
            let level = usize::from(slot.level);
            if open.len() <= level {
                open.resize_with(level + 1, Vec::new);
            }
            open[level].push(hash);
            if open[level].len() as u64 == TILE_HASHES {
                full.push((slot.level, slot.tile(), std::mem::take(&mut open[level])));
            }
        });
        for (level, tile, hashes) in full {
            let stored = self.snapshot.get(Keyspace::AuditTile, &rows::tile(self.tenant, level, tile))?;
            if stored.as_deref() != Some(&rows::tile_bytes(&hashes)) {
                self.find(Finding::TileDiffers { level, tile });
            }
        }
        Ok(())
    }

    fn compare(&mut self, promises: &BTreeMap<u64, Vec<Promise>>) {
        let size = self.range.size();
        let Some(promised) = promises.get(&size) else { return };
        let root = self.range.root();
        for promise in promised {
            if promise.root != root {
                self.find(Finding::RootDiffers { size, anchor: promise.anchor });
            } else {
                self.proven = size;
                self.checkpoints += u64::from(!promise.anchor);
            }
        }
    }
}
