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
    let mut plain = Vec::new();
    unpack_into(dictionary, packed, limit, &mut plain)?;
    Ok(plain)
}

/// As [`unpack`], into a buffer that is used again; what it held is replaced.
///
/// # Errors
/// As [`unpack`]; what the buffer holds then means nothing.
pub fn unpack_into(dictionary: u8, packed: &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<(), StoreError> {
    let too_long = || StoreError::Damaged("a body is longer than its limit".to_owned());
    plain.clear();
    match dictionary {
        DICTIONARY_NONE if packed.len() <= limit => plain.extend_from_slice(packed),
        DICTIONARY_NONE => return Err(too_long()),
        DICTIONARY_FHIR_R4_1 => {
            let not_packed = |error: String| StoreError::Damaged(format!("a packed body does not open: {error}"));
            // `pack` writes in one go, so that every frame says how long its content is.
            let length = Decompressor::upper_bound(packed).ok_or_else(|| not_packed("no length".to_owned()))?;
            if length > limit {
                return Err(too_long());
            }
            plain.reserve(length);
            CONTEXTS.with_borrow_mut(|contexts| {
                let Some(decompressor) = contexts.decompressor.as_mut() else {
                    return Err(StoreError::Damaged("the built-in dictionary does not load".to_owned()));
                };
                let done = decompressor.decompress_to_buffer(packed, plain);
                done.map_err(|error| not_packed(error.to_string()))
            })?;
        }
        unknown => return Err(StoreError::UnknownDictionary(unknown)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8302-2"}]},
        "subject":{"reference":"urn:uuid:8f9a"},"valueQuantity":{"value":170.5,"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}}"#;

    #[test]
    fn bodies_come_back() {
        for body in [&b""[..], b"x", BODY.as_bytes(), &BODY.repeat(5_000).into_bytes(), "血压".repeat(100).as_bytes()]
        {
            let mut out = b"before".to_vec();
            let dictionary = pack(body, &mut out);
            let packed = out.strip_prefix(b"before").unwrap();
            assert_eq!(unpack(dictionary, packed, body.len()).unwrap(), body);
            assert!(packed.len() <= body.len(), "packing never makes longer");
        }
    }

    #[test]
    fn the_dictionary_is_worth_it() {
        let mut out = Vec::new();
        assert_eq!(pack(BODY.as_bytes(), &mut out), DICTIONARY_FHIR_R4_1);
        assert!(out.len() * 3 < BODY.len(), "{} of {}", out.len(), BODY.len());
    }

    #[test]
    fn limits_and_damage_are_errors() {
        let mut out = Vec::new();
        let dictionary = pack(BODY.as_bytes(), &mut out);
        assert!(matches!(unpack(dictionary, &out, BODY.len() - 1), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(DICTIONARY_NONE, b"abc", 2), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(dictionary, &out[..out.len() - 1], 10_000), Err(StoreError::Damaged(_))));
        assert!(matches!(unpack(dictionary, b"not zstd", 10_000), Err(StoreError::Damaged(_))));
        assert_eq!(unpack(200, &out, 10_000), Err(StoreError::UnknownDictionary(200)));
    }
}
