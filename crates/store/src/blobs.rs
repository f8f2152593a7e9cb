//! Originals: the bytes as a source sent them, sealed.
//!
//! Up to [`INLINE_BYTES_MAX`] they lie in the row itself and ride in the commit. Larger ones are appended to a segment file and the row
//! says where; the committer fsyncs the segment before the batch that holds the row, so that no acknowledged row points at nothing.
//! A segment is written by one process run only: whatever a power cut tore lies at the end of an old segment that nobody appends to.

use std::{
    fmt,
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use model::{Home, TenantId};
use parking_lot::{Mutex, MutexGuard};
use trust::BodyKey;

use crate::{
    compress::{pack, unpack},
    engine::{Durability, Engine, EngineError, Keyspace, Write},
    keyring::KeyRing,
    space::{Space, io_error},
    store::StoreError,
};

/// Larger originals take the segment path: they would pass through write-ahead log, buffers and every compaction otherwise.
pub const INLINE_BYTES_MAX: usize = 256 << 10;
/// The largest original, in bytes; also bounds what a damaged row can ask for.
pub const BLOB_BYTES_MAX: usize = 1 << 30;
/// A new segment begins beyond this size, so that a backup copies and a tool handles files of a sensible size.
const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// First bytes of every record in a segment.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"KMB1";
/// First bytes of a record that nothing referred to: its bytes were given back (`sweep.rs`).
pub(crate) const FREED_MAGIC: [u8; 4] = *b"KMB0";
/// `magic(4) · tenant(4) · id(16) · length(8) · crc32c(4)`; the checksum covers the 32 bytes before it and the sealed bytes.
pub(crate) const HEADER_BYTES: usize = 36;
const FORMAT: u8 = 1;
const PLACE_INLINE: u8 = 0;
const PLACE_SEGMENT: u8 = 1;
/// `format(1) · place(1) · dictionary(1) · home(8)`.
const ROW_HEAD_BYTES: usize = 11;

/// The id of an original: 16 random bytes, printed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 16]);

impl BlobId {
    /// A new random id, for whoever has to name an original before it is kept.
    ///
    /// # Errors
    /// [`EngineError::Io`] when the system gives no random numbers.
    pub fn random() -> Result<Self, EngineError> {
        let mut id = Self([0; 16]);
        getrandom::fill(&mut id.0).map_err(|error| EngineError::Io(error.to_string()))?;
        Ok(id)
    }
}

/// Text that is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of an original is 32 hexadecimal digits")]
pub struct NotABlobId;

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for BlobId {
    type Err = NotABlobId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).map_err(|_| NotABlobId)?;
        if digits { Ok(Self(number.to_be_bytes())) } else { Err(NotABlobId) }
    }
}

/// What one segment file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentReport {
    /// Number of the segment.
    pub segment: u32,
    /// Whole records before the end or the first damage, without those whose room was given back.
    pub records: u64,
    /// Bytes of all of them.
    pub whole_bytes: u64,
    /// Where the first record begins that is cut short or does not match its checksum.
    pub torn_at: Option<u64>,
}

/// Row of an original: `tenant(4) · id(16)`; also what it is sealed to.
fn row_key(tenant: TenantId, id: BlobId) -> Vec<u8> {
    let mut key = tenant.0.to_be_bytes().to_vec();
    key.extend_from_slice(&id.0);
    key
}

/// The originals of a data folder.
pub struct Blobs {
    pub(crate) engine: Arc<dyn Engine>,
    keyring: Arc<KeyRing>,
    pub(crate) segments: Option<Segments>,
}

impl Blobs {
    /// `directory` is where segments lie; without one (memory engine) everything is inline.
    pub(crate) fn open(
        engine: Arc<dyn Engine>,
        keyring: Arc<KeyRing>,
        directory: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        let segments = directory.map(Segments::open).transpose()?;
        Ok(Self { engine, keyring, segments })
    }

    /// Packs, seals and keeps an original under a new id. The returned write must be part of the transaction that refers to the
    /// id; until that transaction is committed the original does not exist. `key` is the body key of `home` (or
    /// [`Home::SHARED`]'s).
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] beyond [`BLOB_BYTES_MAX`]; [`StoreError::Engine`] when the disk refuses.
    pub fn put(
        &self,
        tenant: TenantId,
        home: Home,
        key: &BodyKey,
        content: &[u8],
    ) -> Result<(BlobId, Write), StoreError> {
        let id = BlobId::random()?;
        Ok((id, self.put_as(tenant, id, home, key, content)?))
    }

    /// As [`Blobs::put`], under an id that was made before.
    ///
    /// # Errors
    /// As [`Blobs::put`].
    pub fn put_as(
        &self,
        tenant: TenantId,
        id: BlobId,
        home: Home,
        key: &BodyKey,
        content: &[u8],
    ) -> Result<Write, StoreError> {
        if content.len() > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: content.len(), limit: BLOB_BYTES_MAX });
        }
        let row = row_key(tenant, id);
        let mut packed = Vec::new();
        let dictionary = pack(content, &mut packed);
        let mut sealed = Vec::new();
        key.seal(&row, &packed, &mut sealed);
        let mut value = vec![FORMAT, PLACE_INLINE, dictionary];
        value.extend_from_slice(&home.0.to_be_bytes());
        match &self.segments {
            Some(segments) if content.len() > INLINE_BYTES_MAX => {
                let place = segments.append(&row, &sealed)?;
                value[1] = PLACE_SEGMENT;
                value.extend_from_slice(&place.to_bytes());
            }
            _ => value.extend_from_slice(&sealed),
        }
        Ok(Write::Put(Keyspace::Blob, row, value))
    }

    /// The home under whose key an original lies: the registration that it is about, or a home of its own.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the row cannot be read.
    pub fn home_of(&self, tenant: TenantId, id: BlobId) -> Result<Option<Home>, StoreError> {
        let Some(value) = self.engine.get(Keyspace::Blob, &row_key(tenant, id))? else { return Ok(None) };
        let home = value.get(3..ROW_HEAD_BYTES).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        home.map(Home).map(Some).ok_or_else(|| StoreError::Damaged(format!("original {id}: the row is too short")))
    }

    /// The original; `None` when there is none of this id, or its key was erased.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the bytes on the disk are not what was written.
    pub fn get(&self, tenant: TenantId, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = row_key(tenant, id);
        let Some(value) = self.engine.get(Keyspace::Blob, &row)? else { return Ok(None) };
        let damaged = |what: &str| StoreError::Damaged(format!("original {id}: {what}"));
        let Some(([format, place, dictionary, home @ ..], rest)) = value.split_first_chunk::<ROW_HEAD_BYTES>() else {
            return Err(damaged("the row is too short"));
        };
        if *format != FORMAT {
            return Err(damaged("the row has an unknown format"));
        }
        let Some(key) = self.keyring.body_key(tenant, Home(u64::from_be_bytes(*home)))? else { return Ok(None) };
        let from_segment;
        let sealed = match (*place, &self.segments) {
            (PLACE_INLINE, _) => rest,
            (PLACE_SEGMENT, Some(segments)) => {
                let place = Place::from_bytes(rest).ok_or_else(|| damaged("the place is unreadable"))?;
                from_segment = segments.read(&row, place)?;
                &from_segment
            }
            _ => return Err(damaged("it lies in a segment, but there are no segments")),
        };
        unpack(dictionary.to_owned(), &key.open(&row, sealed)?, BLOB_BYTES_MAX).map(Some)
    }

    /// fsyncs the segment when a row of the batch points into one. The committer calls it before every batch.
    pub(crate) fn sync_for(&self, batch: &[Write]) -> Result<(), EngineError> {
        let Some(segments) = &self.segments else { return Ok(()) };
        let places = batch.iter().filter_map(|write| match write {
            Write::Put(Keyspace::Blob, _, value) => Place::of_row(value),
            _ => None,
        });
        segments.sync_for(places)
    }

    /// Walks over every segment and checks every record.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when a file cannot be read.
    pub fn check(&self) -> Result<Vec<SegmentReport>, StoreError> {
        let Some(segments) = &self.segments else { return Ok(Vec::new()) };
        let _still = segments.still.lock();
        segments.numbers()?.into_iter().map(|number| check_segment(&segments.path(number), number)).collect()
    }

    /// Nothing is swept while this is held.
    pub(crate) fn stand_still(&self) -> Option<MutexGuard<'_, ()>> {
        self.segments.as_ref().map(|segments| segments.still.lock())
    }
}

/// Where a record lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    /// Of the sealed bytes.
    pub(crate) length: u64,
}

impl Place {
    fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&self.segment.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.offset.to_be_bytes());
        bytes[12..].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Where the row of an original points; `None` when it holds the original itself.
    pub(crate) fn of_row(value: &[u8]) -> Option<Self> {
        if value.get(1) == Some(&PLACE_SEGMENT) { Self::from_bytes(value.get(ROW_HEAD_BYTES..)?) } else { None }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (segment, rest) = bytes.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            segment: u32::from_be_bytes(*segment),
            offset: u64::from_be_bytes(*offset),
            length: u64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

pub(crate) struct Segments {
    directory: PathBuf,
    space: Space,
    /// The newest segment of earlier runs: nobody appends to it or to those before it.
    pub(crate) newest_before: u32,
    active: Mutex<Active>,
    /// Held by whoever sweeps a segment, and by whoever copies or checks all of them.
    pub(crate) still: Mutex<()>,
}

/// The segment that this process appends to.
struct Active {
    number: u32,
    file: Option<Arc<File>>,
    length: u64,
    /// Everything before this offset is fsynced.
    synced: u64,
    /// Segments whose fsync failed, and the offset from which on their bytes cannot be believed.
    lost: Vec<(u32, u64)>,
}

impl Segments {
    fn open(directory: PathBuf) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&directory).map_err(|error| io_error(&error))?;
        let mut segments = Self {
            directory,
            space: Space::default(),
            newest_before: 0,
            active: Mutex::new(Active { number: 0, file: None, length: 0, synced: 0, lost: Vec::new() }),
            still: Mutex::new(()),
        };
        segments.newest_before = segments.numbers()?.last().copied().unwrap_or(0);
        segments.active.lock().number = segments.newest_before;
        Ok(segments)
    }

    pub(crate) fn path(&self, number: u32) -> PathBuf {
        self.directory.join(format!("segment-{number:08}"))
    }

    /// Numbers of all segments, ascending.
    pub(crate) fn numbers(&self) -> Result<Vec<u32>, EngineError> {
        let entries = std::fs::read_dir(&self.directory).map_err(|error| io_error(&error))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| io_error(&error))?.file_name();
            let number: Option<u32> =
                name.to_str().and_then(|name| name.strip_prefix("segment-")).and_then(|number| number.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn append(&self, row: &[u8], sealed: &[u8]) -> Result<Place, EngineError> {
        let header = record_header(row, sealed);
        let bytes = (header.len() + sealed.len()) as u64;
        self.space.take(&self.directory, bytes, Durability::Synced)?;
        let mut active = self.active.lock();
        let file = self.writable(&mut active)?;
        let offset = active.length;
        // When this fails the length stays, and the next record overwrites what was half written.
        file.write_all_at(&header, offset)
            .and_then(|()| file.write_all_at(sealed, offset + header.len() as u64))
            .map_err(|error| io_error(&error))?;
        active.length += bytes;
        Ok(Place { segment: active.number, offset, length: sealed.len() as u64 })
    }

    fn writable(&self, active: &mut Active) -> Result<Arc<File>, EngineError> {
        if active.length >= SEGMENT_BYTES_MAX {
            Self::sync_active(active)?;
            active.file = None;
        }
        if let Some(file) = &active.file {
            return Ok(Arc::clone(file));
        }
        let number = active.number + 1;
        let created = OpenOptions::new().write(true).create_new(true).open(self.path(number));
        let file = Arc::new(created.map_err(|error| io_error(&error))?);
        // The name must survive a power cut as well as the bytes.
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(|error| io_error(&error))?;
        active.number = number;
        active.file = Some(Arc::clone(&file));
        active.length = 0;
        active.synced = 0;
        Ok(file)
    }

    fn sync_for(&self, places: impl Iterator<Item = Place>) -> Result<(), EngineError> {
        for place in places {
            // The lock is held during the fsync: an append that slipped in behind it would be marked clean without being on the disk.
            let mut active = self.active.lock();
            if active.number == place.segment && active.synced <= place.offset {
                Self::sync_active(&mut active)?;
            }
            if active.lost.iter().any(|(segment, offset)| place.segment == *segment && place.offset >= *offset) {
                return Err(EngineError::Io("an original could not be made durable; send it again".to_owned()));
            }
        }
        Ok(())
    }

    fn sync_active(active: &mut Active) -> Result<(), EngineError> {
        let Some(file) = active.file.as_ref().filter(|_| active.synced < active.length) else { return Ok(()) };
        if let Err(error) = file.sync_data() {
            // After a failed fsync the kernel may have dropped the pages: what was appended here is lost, and a later fsync of this
            // file would lie. A new segment begins, and rows that point at the lost bytes are refused.
            active.lost.push((active.number, active.synced));
            active.file = None;
            return Err(io_error(&error));
        }
        active.synced = active.length;
        Ok(())
    }

    fn read(&self, row: &[u8], place: Place) -> Result<Vec<u8>, StoreError> {
        let damaged = || StoreError::Damaged(format!("segment {} at {}: torn or changed", place.segment, place.offset));
        let length =
            usize::try_from(place.length).ok().filter(|length| *length <= 2 * BLOB_BYTES_MAX).ok_or_else(damaged)?;
        let file = File::open(self.path(place.segment)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => StoreError::Damaged(format!("segment {} is missing", place.segment)),
            _ => StoreError::Engine(io_error(&error)),
        })?;
        let mut header = [0; HEADER_BYTES];
        let mut sealed = vec![0; length];
        file.read_exact_at(&mut header, place.offset)
            .and_then(|()| file.read_exact_at(&mut sealed, place.offset + HEADER_BYTES as u64))
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => damaged(),
                _ => StoreError::Engine(io_error(&error)),
            })?;
        if header == record_header(row, &sealed) { Ok(sealed) } else { Err(damaged()) }
    }
}

fn record_header(row: &[u8], sealed: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = UnsummedHeader::new(row, sealed.len() as u64);
    header.add(sealed);
    header.summed()
}

/// The header of a record whose bytes are still to be summed.
pub(crate) struct UnsummedHeader {
    header: [u8; HEADER_BYTES],
    checksum: u32,
}

impl UnsummedHeader {
    pub(crate) fn new(row: &[u8], length: u64) -> Self {
        let header = header_of(RECORD_MAGIC, row, length);
        Self { checksum: crc32c::crc32c(&header[..32]), header }
    }

    /// The next of the sealed bytes.
    pub(crate) fn add(&mut self, sealed: &[u8]) {
        self.checksum = crc32c::crc32c_append(self.checksum, sealed);
    }

    pub(crate) fn summed(mut self) -> [u8; HEADER_BYTES] {
        self.header[32..].copy_from_slice(&self.checksum.to_be_bytes());
        self.header
    }
}

fn header_of(magic: [u8; 4], row: &[u8], length: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&magic);
    header[4..24].copy_from_slice(row);
    header[24..32].copy_from_slice(&length.to_be_bytes());
    header
}

/// The header of a record whose bytes were given back; its checksum covers the header alone.
pub(crate) fn freed_header(row: &[u8], length: u64) -> [u8; HEADER_BYTES] {
    let mut header = header_of(FREED_MAGIC, row, length);
    let checksum = crc32c::crc32c(&header[..32]);
    header[32..].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn check_segment(path: &Path, segment: u32) -> Result<SegmentReport, StoreError> {
    let read = |error: std::io::Error| StoreError::Engine(io_error(&error));
    let file = File::open(path).map_err(read)?;
    let end = file.metadata().map_err(read)?.len();
    let mut report = SegmentReport { segment, records: 0, whole_bytes: 0, torn_at: None };
    let mut sealed = Vec::new();
    while report.whole_bytes < end {
        let start = report.whole_bytes;
        let mut header = [0; HEADER_BYTES];
        let mut length = [0; 8];
        let whole = end - start >= HEADER_BYTES as u64 && {
            file.read_exact_at(&mut header, start).map_err(read)?;
            length.copy_from_slice(&header[24..32]);
            u64::from_be_bytes(length) <= end - start - HEADER_BYTES as u64
        };
        let is_freed = whole && freed_header(&header[4..24], u64::from_be_bytes(length)) == header;
        if is_freed {
            report.whole_bytes += HEADER_BYTES as u64 + u64::from_be_bytes(length);
            continue;
        }
        let matches = whole && {
            sealed.resize(usize::try_from(u64::from_be_bytes(length)).unwrap_or(0), 0);
            file.read_exact_at(&mut sealed, start + HEADER_BYTES as u64).map_err(read)?;
            record_header(&header[4..24], &sealed) == header
        };
        if !matches {
            report.torn_at = Some(start);
            break;
        }
        report.records += 1;
        report.whole_bytes += (HEADER_BYTES + sealed.len()) as u64;
    }
    Ok(report)
}
