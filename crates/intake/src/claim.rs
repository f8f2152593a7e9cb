//! By what a source knows a thing, and which resource that is.
//!
//! `format 1 · home 8 · type 2 · number 8 · state 1 · source_time_ms 8 · content 8 · earlier contents 8 × n`
//!
//! state: bit 0 says that somebody said more than that it exists, bits 1 and 2 of what `source_time_ms` is the time (0 unsaid,
//! 1 event, 2 change, 3 sending).
//!
//! The first nineteen bytes never change once written: a claim stands for one resource for ever, whatever becomes of its
//! content. Contents are keyed hashes of what the reader made, so that the same content in a new envelope is recognised, also
//! when it comes late.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use formats::reading::{Claim, TimeOf};
use lru::LruCache;
use model::{ErrorCode, Failure, Home, Number, Rid, TenantId, TypeCode};
use parking_lot::Mutex;
use records::Address;
use serde::Deserialize;
use trust::{Domain, TenantKeys};

use crate::age::Time;
use crate::rows;

const FORMAT: u8 = 1;
const FIXED_BYTES: usize = 19;
/// Contents that are remembered behind the current one: a month of daily corrections.
const EARLIER_MAX: usize = 32;
/// Of what a time can be the time, by its number in the row.
const TIMES: [TimeOf; 4] = [TimeOf::Unsaid, TimeOf::Event, TimeOf::Change, TimeOf::Sending];
/// Claims whose address is remembered in memory: institutions, departments, staff and the registrations of a busy day.
const CACHED_MAX: usize = 200_000;

static TABLE: &str = include_str!("../../../standards/claims/claims.toml");

/// One kind of claim, as `standards/claims/claims.toml` lists it.
#[derive(Debug, Deserialize)]
struct Kind {
    kind: String,
    #[serde(rename = "type")]
    type_name: String,
    key: Vec<String>,
    /// The kind under which the items of an order are kept.
    items_of: Option<String>,
}

#[derive(Deserialize)]
struct Kinds {
    claim: Vec<Kind>,
}

/// A table that cannot be read is empty: every claim is then refused, and the test of this module fails.
static KINDS: LazyLock<HashMap<String, Kind>> = LazyLock::new(|| {
    let kinds: Kinds = toml::from_str(TABLE).unwrap_or(Kinds { claim: Vec::new() });
    kinds.claim.into_iter().map(|kind| (kind.kind.clone(), kind)).collect()
});

/// The type that a claim stands for.
///
/// # Errors
/// `Internal` when the kind is not in the table, or the key has another number of parts: a reader is wrong, not the message.
pub(crate) fn type_of(claim: &Claim) -> Result<TypeCode, Failure> {
    let wrong = |what: &str| Failure::new(ErrorCode::Internal, format!("claim `{}`: {what}", claim.kind));
    let kind = KINDS.get(claim.kind).ok_or_else(|| wrong("unknown kind"))?;
    if kind.key.len() != claim.key.len() {
        return Err(wrong("the key has another number of parts than the table says"));
    }
    let name = if kind.type_name == "*" { claim.key.first().map_or("", String::as_str) } else { &kind.type_name };
    TypeCode::of(name).map_err(|_| wrong("its type is not stored here"))
}

/// Under what an item of an order is kept, as the `position`th of the order, from 1; `None` for a claim that is no such item.
pub(crate) fn kept_as(claim: &Claim, position: usize) -> Option<Claim> {
    let kind = KINDS.get(claim.kind)?.items_of.as_deref()?;
    let [institution, order, _] = claim.key.as_slice() else { return None };
    let order = if position == 1 { order.clone() } else { format!("{order}/{position}") };
    Some(Claim::new(kind, [institution.clone(), order]))
}

/// The hash under which a claim of a source is kept.
pub(crate) fn hash(keys: &TenantKeys, source: u32, claim: &Claim) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&source.to_be_bytes());
    bytes.extend_from_slice(claim.kind.as_bytes());
    for part in &claim.key {
        bytes.push(0);
        bytes.extend_from_slice(part.as_bytes());
    }
    rows::hash(keys, Domain::Claim, &bytes)
}

/// What is known about a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) home: Home,
    pub(crate) rid: Rid,
    /// Somebody said more than that it exists.
    pub(crate) is_asserted: bool,
    /// The source's time of the current content.
    pub(crate) time: Time,
    pub(crate) content: u64,
    pub(crate) earlier: Vec<u64>,
}

impl Known {
    /// The bytes of the row.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES + 17 + 8 * self.earlier.len());
        out.push(FORMAT);
        out.extend_from_slice(&self.home.0.to_be_bytes());
        out.extend_from_slice(&self.rid.type_code.as_u16().to_be_bytes());
        out.extend_from_slice(&self.rid.number.0.to_be_bytes());
        let of = TIMES.iter().position(|of| *of == self.time.of).and_then(|of| u8::try_from(of).ok()).unwrap_or(0);
        out.push(u8::from(self.is_asserted) | of << 1);
        out.extend_from_slice(&self.time.at_ms.unwrap_or(i64::MIN).to_be_bytes());
        out.extend_from_slice(&self.content.to_be_bytes());
        for content in &self.earlier {
            out.extend_from_slice(&content.to_be_bytes());
        }
        out
    }

    /// The row in bytes.
    ///
    /// # Errors
    /// `Internal` when they are not one.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        Self::of(bytes).ok_or_else(|| Failure::new(ErrorCode::Internal, "a claim row is damaged"))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if bytes.first() != Some(&FORMAT) || bytes.len() < FIXED_BYTES + 17 {
            return None;
        }
        let type_code = TypeCode::from_u16(u16::from_be_bytes(bytes.get(9..11)?.try_into().ok()?))?;
        let state = *bytes.get(19)?;
        let time = i64::from_be_bytes(bytes.get(20..28)?.try_into().ok()?);
        let earlier =
            bytes.get(36..)?.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok().map(u64::from_be_bytes));
        Some(Self {
            home: Home(number(1)?),
            rid: Rid { type_code, number: Number(number(11)?) },
            is_asserted: state & 1 == 1,
            time: Time { at_ms: (time != i64::MIN).then_some(time), of: *TIMES.get(usize::from(state >> 1))? },
            content: number(28)?,
            earlier: earlier.collect(),
        })
    }

    /// The address that it stands for.
    pub(crate) fn address(&self, tenant: TenantId) -> Address {
        Address::assigned(tenant, self.home, self.rid)
    }

    /// Whether this content is, or once was, what the claim said.
    pub(crate) fn has_said(&self, content: u64) -> bool {
        self.content == content || self.earlier.contains(&content)
    }

    /// Remembers a content behind the current one.
    pub(crate) fn remember(&mut self, content: u64) {
        self.earlier.retain(|known| *known != content);
        self.earlier.push(content);
        if self.earlier.len() > EARLIER_MAX {
            self.earlier.remove(0);
        }
    }
}

/// Addresses of claims that are durable. An address never changes, so a remembered one is never wrong.
pub(crate) struct Cache(Mutex<LruCache<(TenantId, [u8; 16]), Address>>);

impl Cache {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(NonZeroUsize::new(CACHED_MAX).unwrap_or(NonZeroUsize::MIN))))
    }

    pub(crate) fn get(&self, tenant: TenantId, hash: [u8; 16]) -> Option<Address> {
        self.0.lock().get(&(tenant, hash)).cloned()
    }

    pub(crate) fn put(&self, tenant: TenantId, hash: [u8; 16], address: Address) {
        self.0.lock().put((tenant, hash), address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_claims_is_read_and_its_types_are_stored() {
        assert!(KINDS.len() > 20);
        for kind in KINDS.values() {
            assert!(kind.type_name == "*" || TypeCode::of(&kind.type_name).is_ok(), "{}", kind.kind);
            assert!(!kind.key.is_empty());
        }
        assert!(type_of(&Claim::new("registration", ["A", "1"])).is_ok());
        assert!(type_of(&Claim::new("registration", ["A"])).is_err());
        assert!(type_of(&Claim::new("nothing", ["A"])).is_err());
        assert_eq!(type_of(&Claim::new("fhir", ["Observation", "1"])).unwrap().name(), "Observation");
    }

    #[test]
    fn rows_come_back() {
        let mut known = Known {
            home: Home(7),
            rid: Rid { type_code: TypeCode::PATIENT, number: Number(9) },
            is_asserted: true,
            time: Time::default(),
            content: 3,
            earlier: Vec::new(),
        };
        assert_eq!(Known::of(&known.write()), Some(known.clone()));
        for content in 0..40 {
            known.remember(content);
        }
        known.time = Time { at_ms: Some(-5), of: TimeOf::Sending };
        assert_eq!(Known::of(&known.write()), Some(known.clone()));
        assert_eq!(known.earlier.len(), EARLIER_MAX);
        assert!(known.has_said(3) && known.has_said(39) && !known.has_said(4));
        assert_eq!(Known::of(&known.write()[..30]), None);
    }
}
