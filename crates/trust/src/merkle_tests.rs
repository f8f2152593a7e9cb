use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Crosses two levels of tiles: 65,536 leaves make the first hash of level 2.
const BIG: u64 = 66_000;

#[derive(Default)]
struct Log {
    range: CompactRange,
    leaves: Vec<Hash>,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Log {
    fn of(size: u64) -> Self {
        let mut log = Self::default();
        for number in 0..size {
            log.append(leaf_hash(&number.to_be_bytes()));
        }
        log
    }

    fn append(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        let tiles = &mut self.tiles;
        self.range.append(leaf, |slot, hash| {
            let tile = tiles.entry((slot.level, slot.tile())).or_default();
            assert_eq!(tile.len(), usize::from(slot.offset()), "hashes of a tile come in order");
            tile.push(hash);
        });
    }
}

impl TileSource for Log {
    type Error = Infallible;

    fn tile(&self, level: u8, tile: u64) -> Result<Vec<Hash>, Infallible> {
        Ok(self.tiles.get(&(level, tile)).cloned().unwrap_or_default())
    }
}

/// The definitions of RFC 9162, 2.1.1, 2.1.3.1 and 2.1.4.1, as they stand there.
mod rfc {
    use super::{Hash, empty_root, node_hash};

    pub fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
        let mut k = 1;
        while k * 2 < leaves.len() {
            k *= 2;
        }
        leaves.split_at(k)
    }

    pub fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = split(leaves);
                node_hash(&root(left), &root(right))
            }
        }
    }

    pub fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let (left, right) = split(leaves);
        let (mut path, sibling) =
            if m < left.len() { (path(m, left), root(right)) } else { (path(m - left.len(), right), root(left)) };
        path.push(sibling);
        path
    }

    pub fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = split(leaves);
        let (mut proof, sibling) = if m <= left.len() {
            (subproof(m, left, whole), root(right))
        } else {
            (subproof(m - left.len(), right, false), root(left))
        };
        proof.push(sibling);
        proof
    }
}

static BIG_LOG: LazyLock<Log> = LazyLock::new(|| Log::of(BIG));

fn root_at(size: u64) -> Hash {
    root_of(&*BIG_LOG, size).unwrap()
}

#[test]
fn hashes_are_sm3_with_a_domain_byte() {
    assert_eq!(leaf_hash(b"abc").0, <[u8; 32]>::from(Sm3::digest(b"\0abc")));
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    let joined = [&[1][..], &left.0, &right.0].concat();
    assert_eq!(node_hash(&left, &right).0, <[u8; 32]>::from(Sm3::digest(joined)));
    // SM3 of nothing, as OpenSSL gives it.
    assert_eq!(format!("{:?}", empty_root()), "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
}

#[test]
fn roots_and_proofs_are_those_of_the_rfc() {
    let log = Log::of(70);
    let mut range = CompactRange::new();
    for size in 0..=70_u64 {
        let leaves = &log.leaves[..usize::try_from(size).unwrap()];
        assert_eq!(range.root(), rfc::root(leaves));
        assert_eq!(root_of(&log, size).unwrap(), rfc::root(leaves));
        for index in 0..size {
            let proof = inclusion_proof(&log, index, size).unwrap();
            assert_eq!(proof, rfc::path(usize::try_from(index).unwrap(), leaves));
            assert!(verify_inclusion(&leaves[usize::try_from(index).unwrap()], index, size, &proof, &range.root()));
        }
        for old in 1..=size {
            let old_leaves = &leaves[..usize::try_from(old).unwrap()];
            let proof = consistency_proof(&log, old, size).unwrap();
            assert_eq!(proof, rfc::subproof(old_leaves.len(), leaves, true));
            assert!(verify_consistency(old, &rfc::root(old_leaves), size, &range.root(), &proof), "{old} {size}");
        }
        if size < 70 {
            range.append(log.leaves[leaves.len()], |_, _| {});
        }
    }
}

#[test]
fn a_range_continues_from_what_was_stored() {
    let log = Log::of(300);
    let mut whole = CompactRange::new();
    for (at, leaf) in log.leaves.iter().enumerate() {
        let stored = CompactRange::from_parts(at as u64, whole.peaks().to_vec()).unwrap();
        assert_eq!(stored, whole);
        assert_eq!(CompactRange::from_bytes(&whole.to_bytes()).unwrap(), whole);
        whole = stored;
        whole.append(*leaf, |_, _| {});
    }
    assert_eq!(whole.root(), log.range.root());
    assert_eq!(CompactRange::from_parts(300, vec![empty_root(); 3]), None);
    let bytes = whole.to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(CompactRange::from_bytes(&bytes[..length]), None);
    }
    assert_eq!(CompactRange::from_parts(0, Vec::new()).unwrap().root(), empty_root());
}

#[test]
fn tiles_hold_256_hashes_and_three_levels_at_66000() {
    let sizes = |level| {
        BIG_LOG.tiles.iter().filter(|((known, _), _)| *known == level).map(|(_, tile)| tile.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(0).len(), 258);
    assert!(sizes(0)[..257].iter().all(|length| *length == 256));
    assert_eq!((sizes(1), sizes(2)), (vec![256, 1], vec![1]));
    assert_eq!(BIG_LOG.tiles[&(2, 0)][0], root_at(65_536));
    assert_eq!(root_at(BIG), BIG_LOG.range.root());
}

#[test]
fn what_is_not_there_has_no_proof() {
    assert_eq!(inclusion_proof(&*BIG_LOG, 5, 5), Err(ProofError::OutOfRange));
    assert_eq!(consistency_proof(&*BIG_LOG, 6, 5), Err(ProofError::OutOfRange));
    assert_eq!(root_of(&*BIG_LOG, BIG + 1), Err(ProofError::Missing { level: 0, index: BIG }));
    assert_eq!(consistency_proof(&*BIG_LOG, 0, 5), Ok(Vec::new()));
    assert!(verify_consistency(0, &empty_root(), 5, &root_at(5), &[]));
    assert!(!verify_consistency(0, &root_at(1), 5, &root_at(5), &[]));
    assert!(!verify_consistency(6, &root_at(6), 5, &root_at(5), &[]));
    assert!(!verify_consistency(5, &root_at(5), 5, &root_at(6), &[]));
    assert!(!verify_inclusion(&BIG_LOG.leaves[0], 0, 0, &[], &empty_root()));
}

fn changed(hash: Hash, at: usize, bit: u8) -> Hash {
    let mut hash = hash;
    hash.0[at % 32] ^= 1 << (bit % 8);
    hash
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn inclusion_holds_and_a_change_breaks_it(
        size in 1..=BIG, index in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
        at in any::<usize>(), bit in 0_u8..8,
    ) {
        let (index, other) = (index.index(size as usize) as u64, other.index(size as usize) as u64);
        let leaf = BIG_LOG.leaves[index as usize];
        let root = root_at(size);
        let proof = inclusion_proof(&*BIG_LOG, index, size).unwrap();
        prop_assert!(proof.len() <= 17);
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root));
        prop_assert!(!verify_inclusion(&changed(leaf, at, bit), index, size, &proof, &root));
        prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &changed(root, at, bit)));
        prop_assert!(other == index || !verify_inclusion(&leaf, other, size, &proof, &root));
        prop_assert!(!verify_inclusion(&leaf, size, size, &proof, &root));
        let mut longer = proof.clone();
        longer.push(root);
        prop_assert!(!verify_inclusion(&leaf, index, size, &longer, &root));
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert!(!verify_inclusion(&leaf, index, size, shorter, &root));
            let mut broken = proof.clone();
            let place = at % broken.len();
            broken[place] = changed(broken[place], at, bit);
            prop_assert!(!verify_inclusion(&leaf, index, size, &broken, &root));
        }
    }

    #[test]
    fn consistency_holds_and_a_change_breaks_it(
        new in 2..=BIG, old in any::<prop::sample::Index>(), at in any::<usize>(), bit in 0_u8..8,
    ) {
        let old = 1 + old.index(new as usize - 1) as u64;
        let (old_root, new_root) = (root_at(old), root_at(new));
        let proof = consistency_proof(&*BIG_LOG, old, new).unwrap();
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &proof));
        prop_assert!(!verify_consistency(old, &changed(old_root, at, bit), new, &new_root, &proof));
        prop_assert!(!verify_consistency(old, &old_root, new, &changed(new_root, at, bit), &proof));
        let mut broken = proof.clone();
        let place = at % broken.len();
        broken[place] = changed(broken[place], at, bit);
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &broken));
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &proof[1..]));
        let mut longer = proof.clone();
        longer.push(new_root);
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &longer));
    }

    /// A log that rewrote one old event cannot be shown to continue the log that was promised.
    #[test]
    fn a_rewritten_log_is_not_consistent(size in 2_usize..400, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let honest = Log::of(size as u64);
        let at = at.index(size - 1);
        let old = (at + 1 + old.index(size - at - 1)) as u64;
        let mut forged = Log::default();
        for (index, leaf) in honest.leaves.iter().enumerate() {
            forged.append(if index == at { leaf_hash(b"forged") } else { *leaf });
        }
        let promised = root_of(&honest, old).unwrap();
        let proof = consistency_proof(&forged, old, size as u64).unwrap();
        prop_assert!(!verify_consistency(old, &promised, size as u64, &forged.range.root(), &proof));
    }
}
