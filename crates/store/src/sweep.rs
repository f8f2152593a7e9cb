//! Room of originals whose commit failed, or was planned again, is given back.
//!
//! An original above 256 KiB is appended to a segment before the commit that refers to it. When that commit does not happen, bytes lie there
//! that no row points at. A segment is written by one run of the program only, and no transaction outlives its run: of segments from
//! earlier runs it is therefore decided for ever which record is referred to. Those that are not get another magic in their header
//! (fsynced first) and their bytes become a hole; offsets of others do not move, and whatever is referred to is never touched.

use std::{fs::OpenOptions, os::unix::fs::FileExt};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{
    blobs::{Blobs, FREED_MAGIC, HEADER_BYTES, Place, RECORD_MAGIC, Segments, freed_header, record_header},
    engine::{Durability, Engine, Keyspace, Write},
    space::io_error,
    store::StoreError,
};

/// Row of the newest segment that was swept: no segment is walked twice.
const SWEPT_ROW: &[u8] = b"blobs/swept-up-to";

/// What a sweep gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Segments that were walked.
    pub segments: u32,
    /// Originals that nothing refers to.
    pub originals: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
}

impl Blobs {
    /// Gives back the room of originals that nothing refers to, in segments of earlier runs that were not swept before.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses; what was done stays done.
    pub fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let Some(segments) = &self.segments else { return Ok(swept) };
        let done = self.engine.get(Keyspace::Meta, SWEPT_ROW)?;
        let done = done.and_then(|bytes| bytes.as_slice().try_into().ok()).map_or(0, u32::from_be_bytes);
        for number in segments.numbers()?.into_iter().filter(|it| *it > done && *it <= segments.newest_before) {
            sweep_segment(&*self.engine, segments, number, &mut swept)?;
            swept.segments += 1;
            let row = Write::Put(Keyspace::Meta, SWEPT_ROW.to_vec(), number.to_be_bytes().to_vec());
            self.engine.write(&[row], Durability::Synced)?;
        }
        Ok(swept)
    }
}

fn sweep_segment(engine: &dyn Engine, segments: &Segments, number: u32, swept: &mut Swept) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Engine(io_error(&error));
    let file = OpenOptions::new().read(true).write(true).open(segments.path(number)).map_err(failed)?;
    let end = file.metadata().map_err(failed)?.len();
    let mut offset = 0;
    let mut sealed = Vec::new();
    while end - offset >= HEADER_BYTES as u64 {
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, offset).map_err(failed)?;
        let (row, length) = header[4..].split_at(20);
        let length = length.first_chunk::<8>().copied().map_or(u64::MAX, u64::from_be_bytes);
        if length > end - offset - HEADER_BYTES as u64 {
            break;
        }
        let begin = offset + HEADER_BYTES as u64;
        let is_freed = header[..4] == FREED_MAGIC && freed_header(row, length) == header;
        let is_referred_to =
            header[..4] == RECORD_MAGIC && refers(engine, row, Place { segment: number, offset, length })?;
        if !is_freed && !is_referred_to {
            sealed.resize(usize::try_from(length).unwrap_or(0), 0);
            file.read_exact_at(&mut sealed, begin).map_err(failed)?;
            // Torn or changed: where the next record begins cannot be believed either.
            if record_header(row, &sealed) != header {
                break;
            }
            file.write_all_at(&freed_header(row, length), offset).and_then(|()| file.sync_data()).map_err(failed)?;
            swept.originals += 1;
            swept.bytes += length;
        }
        if length > 0 && (is_freed || !is_referred_to) {
            let holes = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // A file system without holes keeps the room; nothing else is lost.
            if let Err(error) = fallocate(&file, holes, begin, length) {
                tracing::debug!(%error, number, "the file system makes no holes");
            }
        }
        offset = begin + length;
    }
    Ok(())
}

/// Whether the row of this original points at this place.
fn refers(engine: &dyn Engine, row: &[u8], place: Place) -> Result<bool, StoreError> {
    Ok(engine.get(Keyspace::Blob, row)?.is_some_and(|value| Place::of_row(&value) == Some(place)))
}
