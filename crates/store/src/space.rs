//! Watches the free space, so that a full disk is met at a place of our choosing: before a commit, never inside a flush.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::engine::{Durability, EngineError};

/// Free space is looked at again after so many written bytes.
const CHECK_BYTES: u64 = 4 << 20;
/// Space that commits leave free, so that buffers can be flushed and readers' audit events still be written.
const RESERVE_BYTES: u64 = 128 << 20;
/// On a small disk the reserve is this part of it.
const RESERVE_DIVISOR: u64 = 20;

/// The free space of one folder.
#[derive(Debug, Default)]
pub(crate) struct Space {
    /// Bytes that may still be written before the disk is looked at again.
    budget: AtomicU64,
}

impl Space {
    /// Takes room for `bytes`, or says that the disk is full.
    pub(crate) fn take(&self, directory: &Path, bytes: u64, durability: Durability) -> Result<(), EngineError> {
        let mut left = self.budget.load(Ordering::Relaxed);
        if left < bytes {
            let disk = rustix::fs::statvfs(directory).map_err(|error| EngineError::Io(error.to_string()))?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let reserve = RESERVE_BYTES.min(disk.f_blocks.saturating_mul(disk.f_frsize) / RESERVE_DIVISOR);
            let reserve = match durability {
                Durability::Synced => reserve,
                // Audit events of readers: one must be able to read, and be seen reading, on a disk that takes no commits.
                Durability::Buffered => reserve / 4,
            };
            if free < reserve.saturating_add(bytes) {
                return Err(EngineError::DiskFull);
            }
            left = bytes + CHECK_BYTES.min((free - reserve - bytes) / 2);
        }
        self.budget.store(left - bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// The engine error that an I/O error means.
pub(crate) fn io_error(error: &std::io::Error) -> EngineError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => EngineError::DiskFull,
        _ => EngineError::Io(error.to_string()),
    }
}
