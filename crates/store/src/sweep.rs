//! Room of originals whose commit failed, or was planned again, is given back.
//!
//! An original above 256 KiB is appended to a segment before the commit that refers to it. When that commit does not happen, bytes lie there
//! that no row points at. A segment is written by one run of the program only, and no transaction outlives its run: of segments from
//! earlier runs it is therefore decided for ever which record is referred to. Those that are not get another magic in their header
//! (fsynced first) and their bytes become a hole; offsets of others do not move, and whatever is referred to is never touched.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{
    blobs::{Blobs, FREED_MAGIC, HEADER_BYTES, Place, RECORD_MAGIC, Segments, UnsummedHeader, freed_header},
    engine::{Durability, Engine, Keyspace, Write},
    space::io_error,
    store::StoreError,
};

/// Row of the newest segment that was swept: no segment is walked twice.
const SWEPT_ROW: &[u8] = b"blobs/swept-up-to";

/// Read at once of an original that is checked.
const PORTION_BYTES: usize = 1 << 20;

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
    /// Gives back the room of originals that nothing refers to, in segments of earlier runs that were not swept before. `go_on` is asked
    /// before every record; a segment that was left is walked again by the next sweep.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses; what was done stays done.
    pub fn sweep(&self, go_on: &dyn Fn() -> bool) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let Some(segments) = &self.segments else { return Ok(swept) };
        let done = self.engine.get(Keyspace::Meta, SWEPT_ROW)?;
        let done = done.and_then(|bytes| bytes.as_slice().try_into().ok()).map_or(0, u32::from_be_bytes);
        for number in segments.numbers()?.into_iter().filter(|it| *it > done && *it <= segments.newest_before) {
            // Whoever copies or checks segments meanwhile would see a header without its bytes.
            let _alone = segments.still.lock();
            if !sweep_segment(&*self.engine, segments, number, (&mut swept, go_on))? {
                break;
            }
            swept.segments += 1;
            self.note_swept(number)?;
        }
        Ok(swept)
    }

    /// No original that is there now is ever swept.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the disk refuses.
    pub(crate) fn keep_what_is_there(&self) -> Result<(), StoreError> {
        let Some(segments) = &self.segments else { return Ok(()) };
        segments.numbers()?.last().map_or(Ok(()), |newest| self.note_swept(*newest))
    }

    fn note_swept(&self, number: u32) -> Result<(), StoreError> {
        let row = Write::Put(Keyspace::Meta, SWEPT_ROW.to_vec(), number.to_be_bytes().to_vec());
        Ok(self.engine.write(&[row], Durability::Synced)?)
    }
}

/// `false`: `go_on` said no before the end.
fn sweep_segment(
    engine: &dyn Engine,
    segments: &Segments,
    number: u32,
    (swept, go_on): (&mut Swept, &dyn Fn() -> bool),
) -> Result<bool, StoreError> {
    let failed = |error: std::io::Error| StoreError::Engine(io_error(&error));
    let file = OpenOptions::new().read(true).write(true).open(segments.path(number)).map_err(failed)?;
    let end = file.metadata().map_err(failed)?.len();
    let mut offset = 0;
    while end - offset >= HEADER_BYTES as u64 {
        if !go_on() {
            return Ok(false);
        }
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
            // Torn or changed: where the next record begins cannot be believed either.
            if whole_header(&file, row, begin, length).map_err(failed)? != header {
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
    Ok(true)
}

/// The header that the bytes of a record should have; read in portions, because an original may be as large as the whole memory.
fn whole_header(file: &File, row: &[u8], begin: u64, length: u64) -> std::io::Result<[u8; HEADER_BYTES]> {
    let mut header = UnsummedHeader::new(row, length);
    let mut portion = vec![0; PORTION_BYTES];
    let mut done = 0;
    while done < length {
        let bytes = usize::try_from(length - done).unwrap_or(PORTION_BYTES).min(PORTION_BYTES);
        file.read_exact_at(&mut portion[..bytes], begin + done)?;
        header.add(&portion[..bytes]);
        done += bytes as u64;
    }
    Ok(header.summed())
}

/// Whether the row of this original points at this place.
fn refers(engine: &dyn Engine, row: &[u8], place: Place) -> Result<bool, StoreError> {
    Ok(engine.get(Keyspace::Blob, row)?.is_some_and(|value| Place::of_row(&value) == Some(place)))
}
