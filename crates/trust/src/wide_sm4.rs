//! SM4 (GB/T 32907) for many blocks at once: eight blocks go through the rounds side by side, so that the processor looks up the next
//! block's bytes while it waits for the last one's. One block after the other it waits most of the time: 32 rounds hang on each other.
//!
//! The round function is one table of 256 words (substitution and linear layer together) and three rotations. Like every SM4 by table
//! its time depends on the data through the cache; decision 0004 says what follows. The single block and the tests of the standard
//! are those of `sm4` of RustCrypto, which this must agree with for every key and block.

use sm4::cipher::consts::{U8, U16};
use sm4::cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, Key, KeyInit,
    KeySizeUser, ParBlocks, ParBlocksSizeUser,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Blocks that go through the rounds side by side.
const LANES: usize = 8;
const ROUNDS: usize = 32;

/// The substitution of a byte: GB/T 32907, 6.2.1.
const SUBSTITUTION: [u8; 256] = [
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05, 0x2b, 0x67, 0x9a,
    0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99, 0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef,
    0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62, 0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80,
    0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6, 0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19,
    0xe6, 0x85, 0x4f, 0xa8, 0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d,
    0x35, 0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87, 0xd4, 0x00,
    0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e, 0xea, 0xbf, 0x8a, 0xd2, 0x40,
    0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1, 0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55,
    0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3, 0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23,
    0xab, 0x0d, 0x53, 0x4e, 0x6f, 0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c,
    0x5b, 0x51, 0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8, 0x0a,
    0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0, 0x89, 0x69, 0x97, 0x4a,
    0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84, 0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d,
    0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
];

/// The system parameter: GB/T 32907, 7.3.
const SYSTEM: [u32; 4] = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];

/// Substitution and linear layer of the highest byte of a word; the other bytes are the same, rotated.
static MIXED: [u32; 256] = mixed();

const fn mixed() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let word = (SUBSTITUTION[at] as u32) << 24;
        table[at] = word ^ word.rotate_left(2) ^ word.rotate_left(10) ^ word.rotate_left(18) ^ word.rotate_left(24);
        at += 1;
    }
    table
}

/// The round function T: GB/T 32907, 6.2.
#[inline(always)]
fn mix(word: u32) -> u32 {
    let [a, b, c, d] = word.to_be_bytes();
    let at = |byte: u8| MIXED[usize::from(byte)];
    at(a) ^ at(b).rotate_right(8) ^ at(c).rotate_right(16) ^ at(d).rotate_right(24)
}

/// T' of the key schedule: GB/T 32907, 7.3.
fn mix_key(word: u32) -> u32 {
    let word = u32::from_be_bytes(word.to_be_bytes().map(|byte| SUBSTITUTION[usize::from(byte)]));
    word ^ word.rotate_left(13) ^ word.rotate_left(23)
}

/// The fixed parameter of a round: its byte j is (4i + j) * 7 mod 256.
fn fixed(round: usize) -> u32 {
    (0..4).fold(0, |word, byte| (word << 8) | (((4 * round + byte) * 7) % 256) as u32)
}

fn words(block: &[u8]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
    }
    words
}

/// A key with its round keys. It encrypts only: GCM needs no more.
#[derive(Clone)]
pub(crate) struct WideSm4 {
    round_keys: [u32; ROUNDS],
}

impl WideSm4 {
    /// Blocks side by side through all rounds, in place.
    #[inline(always)]
    fn encrypt<const N: usize>(&self, state: &mut [[u32; N]; 4]) {
        for four in self.round_keys.chunks_exact(4) {
            for (step, key) in four.iter().enumerate() {
                let [a, b, c] = [(step + 1) % 4, (step + 2) % 4, (step + 3) % 4];
                for lane in 0..N {
                    state[step][lane] ^= mix(state[a][lane] ^ state[b][lane] ^ state[c][lane] ^ key);
                }
            }
        }
    }
}

impl KeySizeUser for WideSm4 {
    type KeySize = U16;
}

impl KeyInit for WideSm4 {
    fn new(key: &Key<Self>) -> Self {
        let mut state = words(key);
        for (word, system) in state.iter_mut().zip(SYSTEM) {
            *word ^= system;
        }
        let mut round_keys = [0; ROUNDS];
        for (round, round_key) in round_keys.iter_mut().enumerate() {
            let [a, b, c] = [(round + 1) % 4, (round + 2) % 4, (round + 3) % 4];
            state[round % 4] ^= mix_key(state[a] ^ state[b] ^ state[c] ^ fixed(round));
            *round_key = state[round % 4];
        }
        state.zeroize();
        Self { round_keys }
    }
}

impl BlockSizeUser for WideSm4 {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for WideSm4 {
    type ParBlocksSize = U8;
}

impl BlockCipherEncrypt for WideSm4 {
    #[inline]
    fn encrypt_with_backend(&self, work: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
        work.call(self);
    }
}

impl BlockCipherEncBackend for WideSm4 {
    #[inline]
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut state = words(block.get_in()).map(|word| [word]);
        self.encrypt(&mut state);
        for (bytes, [word]) in block.get_out().chunks_exact_mut(4).zip(state.iter().rev()) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
    }

    #[inline]
    fn encrypt_par_blocks(&self, mut blocks: InOut<'_, '_, ParBlocks<Self>>) {
        let mut state = [[0; LANES]; 4];
        for (lane, block) in blocks.get_in().iter().enumerate() {
            for (part, word) in words(block).into_iter().enumerate() {
                state[part][lane] = word;
            }
        }
        self.encrypt(&mut state);
        for (lane, block) in blocks.get_out().iter_mut().enumerate() {
            for (bytes, part) in block.chunks_exact_mut(4).zip(state.iter().rev()) {
                bytes.copy_from_slice(&part[lane].to_be_bytes());
            }
        }
    }
}

impl Drop for WideSm4 {
    fn drop(&mut self) {
        self.round_keys.zeroize();
    }
}

impl ZeroizeOnDrop for WideSm4 {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sm4::Sm4;

    use super::*;

    /// GB/T 32907-2016, annex A: one encryption, and a million in a row.
    #[test]
    fn it_gives_the_standard_answers() {
        let key: [u8; 16] = hex::decode("0123456789abcdeffedcba9876543210").unwrap().try_into().unwrap();
        let cipher = WideSm4::new(&key.into());
        let mut block = key.into();
        cipher.encrypt_block(&mut block);
        assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
        for _ in 1..1_000_000 {
            cipher.encrypt_block(&mut block);
        }
        assert_eq!(hex::encode(block), "595298c7c6fd271f0402f804c33d3f66");
    }

    proptest! {
        /// Every count of blocks: whole groups of eight, and what is left over.
        #[test]
        fn it_agrees_with_the_cipher_of_rustcrypto(key: [u8; 16], bytes in prop::collection::vec(any::<[u8; 16]>(), 0..40)) {
            let mut ours: Vec<Block<WideSm4>> = bytes.iter().map(|block| (*block).into()).collect();
            let mut theirs: Vec<Block<Sm4>> = bytes.iter().map(|block| (*block).into()).collect();
            WideSm4::new(&key.into()).encrypt_blocks(&mut ours);
            Sm4::new(&key.into()).encrypt_blocks(&mut theirs);
            prop_assert_eq!(ours, theirs);
        }
    }
}
