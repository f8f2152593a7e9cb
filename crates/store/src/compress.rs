//! Bodies are small and alike: zstd with a trained dictionary makes them a fraction of their size, and is faster than without one.
//!
//! A number in front of each body says how it was packed. Numbers are never used again for something else: bodies written years ago
//! must open. The dictionary's digest is recorded in the data folder, so that a program built with another file is refused.

use std::{cell::RefCell, sync::LazyLock};

use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
};

use crate::store::StoreError;

/// Not packed: the body was so short or so random that packing made it longer.
pub const DICTIONARY_NONE: u8 = 0;
/// `dictionaries/fhir-r4-1.zdict`.
pub const DICTIONARY_FHIR_R4_1: u8 = 1;

/// The dictionaries of this program, by number.
pub(crate) const DICTIONARIES: [(u8, &[u8]); 1] =
    [(DICTIONARY_FHIR_R4_1, include_bytes!("../dictionaries/fhir-r4-1.zdict"))];

/// Higher levels win 3–5 % and cost several times the time.
const LEVEL: i32 = 3;

static ENCODER: LazyLock<Result<EncoderDictionary<'static>, String>> =
    LazyLock::new(|| EncoderDictionary::try_copy(DICTIONARIES[0].1, LEVEL).map_err(|error| error.to_string()));
static DECODER: LazyLock<Result<DecoderDictionary<'static>, String>> =
    LazyLock::new(|| DecoderDictionary::try_copy(DICTIONARIES[0].1).map_err(|error| error.to_string()));

/// One thread's contexts: making one costs more than packing a body.
struct Contexts {
    compressor: Option<Compressor<'static>>,
    decompressor: Option<Decompressor<'static>>,
    scratch: Vec<u8>,
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::new(Contexts {
        compressor: ENCODER.as_ref().ok().and_then(|dictionary| Compressor::with_prepared_dictionary(dictionary).ok()),
        decompressor: DECODER.as_ref().ok().and_then(|dictionary| Decompressor::with_prepared_dictionary(dictionary).ok()),
        scratch: Vec::new(),
    });
}

/// A scratch buffer that grew beyond this is given back after use.
const SCRATCH_BYTES_MAX: usize = 1 << 20;

/// Appends the packed form of `plain` to `out` and returns the number that [`unpack`] needs.
pub fn pack(plain: &[u8], out: &mut Vec<u8>) -> u8 {
    CONTEXTS.with_borrow_mut(|contexts| {
        let Contexts { compressor, scratch, .. } = contexts;
        scratch.clear();
        scratch.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let packed = compressor.as_mut().and_then(|compressor| compressor.compress_to_buffer(plain, scratch).ok());
        let dictionary = match packed {
            Some(length) if length < plain.len() => {
                out.extend_from_slice(&scratch[..length]);
                DICTIONARY_FHIR_R4_1
            }
            _ => {
                out.extend_from_slice(plain);
                DICTIONARY_NONE
            }
        };
        if scratch.capacity() > SCRATCH_BYTES_MAX {
            *scratch = Vec::new();
        }
        dictionary
    })
}

/// What [`pack`] was given. `limit` bounds the memory that a damaged or hostile body can ask for, in bytes.
///
/// # Errors
/// [`StoreError::UnknownDictionary`], or [`StoreError::Damaged`] when the bytes are not what `pack` wrote or would exceed the limit.
pub fn unpack(dictionary: u8, packed: &[u8], limit: usize) -> Result<Vec<u8>, StoreError> {
    match dictionary {
        DICTIONARY_NONE if packed.len() <= limit => Ok(packed.to_vec()),
        DICTIONARY_NONE => Err(StoreError::Damaged("a body is longer than its limit".to_owned())),
        DICTIONARY_FHIR_R4_1 => CONTEXTS.with_borrow_mut(|contexts| {
            let Some(decompressor) = contexts.decompressor.as_mut() else {
                return Err(StoreError::Damaged("the built-in dictionary does not load".to_owned()));
            };
            decompressor
                .decompress(packed, limit)
                .map_err(|error| StoreError::Damaged(format!("a packed body does not open: {error}")))
        }),
        unknown => Err(StoreError::UnknownDictionary(unknown)),
    }
}
