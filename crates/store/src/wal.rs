//! Looks at a write-ahead log that the engine calls damaged: is it the torn end that a power cut leaves, or is something damaged
//! that more was written behind?
//!
//! Records of RocksDB's log lie in blocks of 32 KiB: `masked crc32c(4, little endian) · length(2) · type(1) · payload`; the checksum
//! covers type and payload. Types 5 to 8 and 10 belong to logs that are used again and have 4 bytes more; this store makes none.
//! Format: <https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format>.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

const BLOCK_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
/// Full, first, middle, last: a record in pieces over several blocks.
const TYPES: std::ops::RangeInclusive<u8> = 1..=4;
/// What RocksDB adds to a rotated checksum, so that a checksum of bytes that hold checksums does not degenerate.
const MASK_DELTA: u32 = 0xa282_ead8;

/// A place in the log where whole records follow bytes that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDamage {
    /// The log file.
    pub file: PathBuf,
    /// Where the first bytes lie that are no record.
    pub at: u64,
    /// Whole records (or pieces of them) behind it, in this file and in newer ones.
    pub records_behind: u64,
}

/// The first damage that something whole follows. `None`: at most the end is torn, and nothing that was made durable is behind it.
pub(crate) fn damage_before_the_end(directory: &Path) -> std::io::Result<Option<LogDamage>> {
    let mut logs: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    // Numbers of six digits and more, with leading zeros.
    logs.sort_by_key(|path| path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
    let mut damage: Option<LogDamage> = None;
    for file in logs {
        let found = walk(&file)?;
        match (&mut damage, found.damaged_at) {
            (Some(damage), _) => damage.records_behind += found.records,
            (None, Some(at)) => damage = Some(LogDamage { file, at, records_behind: found.behind }),
            (None, None) => {}
        }
    }
    Ok(damage.filter(|damage| damage.records_behind > 0))
}

/// What one log file holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    records: u64,
    damaged_at: Option<u64>,
    /// Where zeros begin that would fill a header: room never written, unless a record follows.
    gap_at: Option<u64>,
    /// Records behind the first damage.
    behind: u64,
}

fn walk(file: &Path) -> std::io::Result<Found> {
    let mut reader = fs::File::open(file)?;
    let mut found = Found::default();
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut start = 0_u64;
    loop {
        block.clear();
        reader.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(found);
        }
        walk_block(&block, start, &mut found);
        start += block.len() as u64;
    }
}

fn walk_block(block: &[u8], start: u64, found: &mut Found) {
    let mut at = 0;
    while block.len() - at >= HEADER_BYTES {
        if block[at..].iter().all(|byte| *byte == 0) {
            found.gap_at.get_or_insert(start + at as u64);
            return;
        }
        if let Some(bytes) = record(&block[at..]) {
            found.records += 1;
            if let Some(gap_at) = found.gap_at.take() {
                found.damaged_at.get_or_insert(gap_at);
            }
            found.behind += u64::from(found.damaged_at.is_some());
            at += bytes;
            continue;
        }
        found.damaged_at.get_or_insert(start + at as u64);
        // The length cannot be believed either: the next whole record may begin anywhere in this block.
        match (at + 1..block.len()).find(|next| record(&block[*next..]).is_some()) {
            Some(next) => at = next,
            None => return,
        }
    }
    // A block ends in up to six bytes of zeros that are too short for a header; at the end of the file a torn header may stand there.
    if block[at..].iter().any(|byte| *byte != 0) {
        found.damaged_at.get_or_insert(start + at as u64);
    }
}

/// The length of the whole record that the bytes begin with.
fn record(bytes: &[u8]) -> Option<usize> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if !TYPES.contains(&kind) || rest.len() < length {
        return None;
    }
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &rest[..length]);
    let masked = checksum.rotate_right(15).wrapping_add(MASK_DELTA);
    (masked == u32::from_le_bytes([c0, c1, c2, c3])).then_some(HEADER_BYTES + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(payload: &[u8]) -> Vec<u8> {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[1]), payload);
        let mut bytes = checksum.rotate_right(15).wrapping_add(MASK_DELTA).to_le_bytes().to_vec();
        bytes.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.push(1);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn walked(bytes: &[u8]) -> (u64, Option<u64>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("000004.log");
        fs::write(&file, bytes).unwrap();
        let found = walk(&file).unwrap();
        (found.records, found.damaged_at, found.behind)
    }

    #[test]
    fn a_torn_end_is_not_damage_before_the_end() {
        let log = [whole(b"one"), whole(&[7; 300]), whole(b"three")].concat();
        let second = whole(b"one").len();
        let third = second + whole(&[7; 300]).len();
        assert_eq!(walked(&log), (3, None, 0));
        for cut in third + 1..log.len() {
            assert_eq!(walked(&log[..cut]), (2, Some(third as u64), 0), "cut at {cut}");
        }
        let zeros = [log.clone(), vec![0; 40_000]].concat();
        assert_eq!(walked(&zeros), (3, None, 0));
        for at in second..third {
            let mut damaged = log.clone();
            damaged[at] ^= 0x10;
            assert_eq!(walked(&damaged), (2, Some(second as u64), 1), "byte {at}");
        }
    }

    #[test]
    fn records_in_later_blocks_and_behind_a_gap_are_found() {
        let mut first = whole(&vec![9; 20_000]);
        first[100] ^= 1;
        first.resize(BLOCK_BYTES, 0);
        let log = [first, whole(b"behind")].concat();
        assert_eq!(walked(&log), (1, Some(0), 1));
        let mut gap = whole(b"before");
        let end = gap.len() as u64;
        gap.resize(BLOCK_BYTES, 0);
        assert_eq!(walked(&[gap, whole(b"behind")].concat()), (2, Some(end), 1));
    }
}
