//! The audit log as a Merkle tree: one root speaks for every event before it, and two short proofs show that an event
//! is in it and that nothing before was changed.
//!
//! The shape is RFC 9162 (Certificate Transparency 2) with SM3: leaf `SM3(0x00 ‖ data)`, node `SM3(0x01 ‖ left ‖ right)`,
//! and the left subtree always the largest power of two. Hashes are kept in tiles of 256 (C2SP `tlog-tiles`): a tile of
//! level `n` holds the roots of complete subtrees of 256ⁿ leaves. Appending needs only the [`CompactRange`] (at most 64
//! hashes); proofs read a handful of tiles.

use sm3::{Digest, Sm3};

/// Levels of the binary tree inside one tile.
const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const TILE_HASHES: u64 = 1 << TILE_HEIGHT;

/// An SM3 hash of a leaf or a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// `SM3(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut sm3 = Sm3::new_with_prefix([0]);
    sm3.update(data);
    Hash(sm3.finalize().into())
}

/// `SM3(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut sm3 = Sm3::new_with_prefix([1]);
    sm3.update(left.0);
    sm3.update(right.0);
    Hash(sm3.finalize().into())
}

/// The root of the empty tree: `SM3()` of nothing (RFC 9162, 2.1.1).
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sm3::digest([]).into())
}

/// One hash of a tile: it belongs to tile `index / 256` of its level, at `index % 256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileSlot {
    /// 0: leaf hashes; 1: roots of 256 leaves; 2: of 65,536 …
    pub level: u8,
    /// Counted through the whole level.
    pub index: u64,
}

impl TileSlot {
    /// The number of the tile in its level.
    #[must_use]
    pub fn tile(self) -> u64 {
        self.index / TILE_HASHES
    }

    /// The place inside the tile, 0…255.
    #[must_use]
    pub fn offset(self) -> u8 {
        u8::try_from(self.index % TILE_HASHES).unwrap_or(u8::MAX)
    }
}

/// The right edge of the tree: the roots of its complete subtrees, largest first. Enough to append and to give the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree as it was stored; `None` when the number of peaks does not fit the size.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// `size(8, big endian) ‖ peaks(32 each)`: what is stored beside the tiles.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.peaks.iter().flat_map(|peak| peak.0));
        bytes
    }

    /// The tree that [`CompactRange::to_bytes`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, peaks) = bytes.split_first_chunk()?;
        let (peaks, rest) = peaks.as_chunks();
        if !rest.is_empty() {
            return None;
        }
        Self::from_parts(u64::from_be_bytes(*size), peaks.iter().copied().map(Hash).collect())
    }

    /// How many leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// One root per bit of the size, largest subtree first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf. `keep` is told every hash that belongs into a tile: the leaf itself, and the roots of the 256ⁿ
    /// leaves that it completes.
    pub fn append(&mut self, leaf: Hash, mut keep: impl FnMut(TileSlot, Hash)) {
        let index = self.size;
        self.size += 1;
        keep(TileSlot { level: 0, index }, leaf);
        let mut hash = leaf;
        for height in 1..=index.trailing_ones() {
            // There is one peak per set bit of the old size, and this loop runs once per trailing one of it.
            let Some(left) = self.peaks.pop() else { return };
            hash = node_hash(&left, &hash);
            if height % TILE_HEIGHT == 0 {
                let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
                keep(TileSlot { level, index: index >> height }, hash);
            }
        }
        self.peaks.push(hash);
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return empty_root() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// Where tiles come from.
pub trait TileSource {
    /// What can go wrong with reading them.
    type Error;

    /// The first hashes of a tile (up to 256, as many as were kept), in order; empty when there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    fn tile(&self, level: u8, tile: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// The leaf or the older tree is not inside the tree.
    #[error("no such leaf or older tree in a tree of this size")]
    OutOfRange,
    /// A hash that must be there is not.
    #[error("a tile of level {level} lacks hash {index}")]
    Missing {
        /// The level of the tile.
        level: u8,
        /// The hash, counted through the level.
        index: u64,
    },
    /// The tiles cannot be read.
    #[error("the tiles cannot be read")]
    Source(E),
}

/// The sibling hashes from leaf `index` up to the root of the first `size` leaves (RFC 9162, 2.1.3.1).
///
/// # Errors
/// [`ProofError`].
pub fn inclusion_proof<S: TileSource>(source: &S, index: u64, size: u64) -> Result<Vec<Hash>, ProofError<S::Error>> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let mut reader = Reader::new(source);
    let mut proof = Vec::new();
    let (mut from, mut to) = (0, size);
    // From the root down; the proof lists siblings from the leaf up.
    while to - from > 1 {
        let middle = from + left_leaves(to - from);
        if index < middle {
            proof.push(reader.range(middle, to)?);
            to = middle;
        } else {
            proof.push(reader.range(from, middle)?);
            from = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that show that the tree of `old` leaves is the beginning of the tree of `new` leaves (RFC 9162, 2.1.4.1).
/// Empty when the sizes are equal or `old` is 0.
///
/// # Errors
/// [`ProofError`].
pub fn consistency_proof<S: TileSource>(source: &S, old: u64, new: u64) -> Result<Vec<Hash>, ProofError<S::Error>> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(source);
    let mut proof = Vec::new();
    let (mut from, mut to) = (0, new);
    // Descend until the subtree ends exactly where the old tree ends.
    while to != old {
        let middle = from + left_leaves(to - from);
        if old <= middle {
            proof.push(reader.range(middle, to)?);
            to = middle;
        } else {
            proof.push(reader.range(from, middle)?);
            from = middle;
        }
    }
    // The old tree as a whole is known to whoever asks; a part of it is not.
    if from != 0 {
        proof.push(reader.range(from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root of the first `size` leaves, computed from tiles.
///
/// # Errors
/// [`ProofError`].
pub fn root_of<S: TileSource>(source: &S, size: u64) -> Result<Hash, ProofError<S::Error>> {
    if size == 0 {
        return Ok(empty_root());
    }
    Reader::new(source).range(0, size)
}

/// Whether the proof leads from the leaf to the root (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node without right brother rises until it is one.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the proof shows that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2).
#[must_use]
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    let mut hashes = proof.iter();
    // A complete old tree is itself the first hash of the way up.
    let first = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// How many of `leaves` (at least 2) go into the left subtree: the largest power of two below.
fn left_leaves(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Reads subtree roots out of tiles and remembers the tiles of this proof.
struct Reader<'a, S: TileSource> {
    source: &'a S,
    tiles: Vec<((u8, u64), Vec<Hash>)>,
}

impl<'a, S: TileSource> Reader<'a, S> {
    fn new(source: &'a S) -> Self {
        Self { source, tiles: Vec::new() }
    }

    /// The root over the leaves `from..to`, a subtree of the RFC's shape (so `from` is a multiple of its left part).
    fn range(&mut self, from: u64, to: u64) -> Result<Hash, ProofError<S::Error>> {
        let leaves = to - from;
        if leaves.is_power_of_two() {
            return self.complete(leaves.trailing_zeros(), from);
        }
        let middle = from + left_leaves(leaves);
        let left = self.range(from, middle)?;
        let right = self.range(middle, to)?;
        Ok(node_hash(&left, &right))
    }

    /// The root of the complete subtree of `2^height` leaves that begins at leaf `from`.
    fn complete(&mut self, height: u32, from: u64) -> Result<Hash, ProofError<S::Error>> {
        let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
        let first = from >> (u32::from(level) * TILE_HEIGHT);
        let mut row = Vec::with_capacity(1 << (height % TILE_HEIGHT));
        for index in first..first + (1 << (height % TILE_HEIGHT)) {
            row.push(self.slot(TileSlot { level, index })?);
        }
        while row.len() > 1 {
            row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        row.first().copied().ok_or(ProofError::Missing { level, index: first })
    }

    fn slot(&mut self, slot: TileSlot) -> Result<Hash, ProofError<S::Error>> {
        let key = (slot.level, slot.tile());
        let position = match self.tiles.iter().position(|(known, _)| *known == key) {
            Some(position) => position,
            None => {
                let hashes = self.source.tile(key.0, key.1).map_err(ProofError::Source)?;
                self.tiles.push((key, hashes));
                self.tiles.len() - 1
            }
        };
        let hash = self.tiles[position].1.get(usize::from(slot.offset())).copied();
        hash.ok_or(ProofError::Missing { level: slot.level, index: slot.index })
    }
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
