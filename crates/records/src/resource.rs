//! The row of a resource: a short header in clear, then the sealed body.
//!
//! `format 1 · version 4 · last_updated_ms 8 · extractor_set 2 · op 1 · dictionary 1 · sealed`
//!
//! The first five bytes are the version check of every write. The sealed body is `id ‖ 0x00 ‖ tail`, where the tail is
//! the JSON text that follows `"lastUpdated":"…"` inside `meta`. A read therefore writes
//! `{"resourceType":T,"id":ID,"meta":{"versionId":"V","lastUpdated":"L"` and appends the tail: no JSON is parsed.

use std::sync::Arc;

use model::{ErrorCode, Failure, Home, ResourceKey, TenantId, instant_text};
use serde_json::{Map, Value};
use store::{Store, StoreError};
use trust::BodyKey;

use crate::{index::EXTRACTOR_SET, keys};

/// Layout of the row; another number is a newer program's row, which we refuse to guess.
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 17;
/// The largest body that is unpacked: twice the largest request, since re-serialising may escape.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest buffer that an [`Opener`] keeps: nearly every body is smaller.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The first version, or the first one after a deletion.
    Create,
    /// A version that follows another.
    Update,
    /// A tombstone.
    Delete,
}

impl Op {
    /// The byte in rows and in the change feed.
    pub(crate) fn as_u8(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
        }
    }

    /// The operation of a byte.
    pub(crate) fn from_u8(byte: u8) -> Option<Self> {
        [Self::Create, Self::Update, Self::Delete].into_iter().find(|op| op.as_u8() == byte)
    }
}

/// The header of a row, without opening the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) last_updated_ms: i64,
    pub(crate) extractor_set: u16,
    pub(crate) op: Op,
    pub(crate) dictionary: u8,
}

impl Header {
    /// Reads the header of a row.
    ///
    /// # Errors
    /// `Internal` when this is not a row that we wrote.
    pub(crate) fn read(row: &[u8]) -> Result<Self, Failure> {
        Self::of(row).ok_or_else(|| Failure::new(ErrorCode::Internal, "a resource row cannot be read"))
    }

    fn of(row: &[u8]) -> Option<Self> {
        if row.first() != Some(&FORMAT) {
            return None;
        }
        Some(Self {
            version: u32::from_be_bytes(row.get(1..5)?.try_into().ok()?),
            last_updated_ms: i64::from_be_bytes(row.get(5..13)?.try_into().ok()?),
            extractor_set: u16::from_be_bytes(row.get(13..15)?.try_into().ok()?),
            op: Op::from_u8(*row.get(15)?)?,
            dictionary: *row.get(16)?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        out.push(FORMAT);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.last_updated_ms.to_be_bytes());
        out.extend_from_slice(&self.extractor_set.to_be_bytes());
        out.push(self.op.as_u8());
        out.push(self.dictionary);
    }
}

/// The first bytes of every row of this version: the precondition of a write that replaces it.
pub(crate) fn version_prefix(version: u32) -> Vec<u8> {
    let mut prefix = vec![FORMAT];
    prefix.extend_from_slice(&version.to_be_bytes());
    prefix
}

/// What a sealed body is bound to, so that a row copied to another place or version does not open:
/// the address (the same for current rows and history) and the version.
fn bound_to(key: &ResourceKey, version: u32) -> Vec<u8> {
    keys::history(key, version)
}

/// The body as it is sealed: `id ‖ 0x00 ‖ tail`.
///
/// `resourceType`, `id`, `meta.versionId` and `meta.lastUpdated` are left out: the row says them.
pub(crate) fn plain_body(id: &str, resource: &Map<String, Value>) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::with_capacity(2048);
    plain.extend_from_slice(id.as_bytes());
    plain.push(0);
    if let Some(Value::Object(meta)) = resource.get("meta") {
        let kept = meta.iter().filter(|(name, _)| !matches!(name.as_str(), "versionId" | "lastUpdated"));
        write_members(kept, &mut plain)?;
    }
    plain.push(b'}');
    let kept = resource.iter().filter(|(name, _)| !matches!(name.as_str(), "resourceType" | "id" | "meta"));
    write_members(kept, &mut plain)?;
    plain.push(b'}');
    Ok(plain)
}

/// `,"name":value` for each member.
fn write_members<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>, out: &mut Vec<u8>) -> Result<(), Failure> {
    let unwritable = |error: serde_json::Error| Failure::new(ErrorCode::Internal, format!("writing JSON: {error}"));
    for (name, value) in members {
        out.push(b',');
        serde_json::to_writer(&mut *out, name).map_err(unwritable)?;
        out.push(b':');
        serde_json::to_writer(&mut *out, value).map_err(unwritable)?;
    }
    Ok(())
}

/// The body of a tombstone: the id alone, so that history can still name it.
pub(crate) fn tombstone_body(id: &str) -> Vec<u8> {
    let mut plain = id.as_bytes().to_vec();
    plain.push(0);
    plain
}

/// Compresses, seals and heads a body.
pub(crate) fn seal(
    store: &Store,
    body_key: &BodyKey,
    key: &ResourceKey,
    (version, last_updated_ms, op): (u32, i64, Op),
    plain: &[u8],
) -> Vec<u8> {
    let mut packed = Vec::with_capacity(plain.len() / 3 + 64);
    let dictionary = store.compress(plain, &mut packed);
    let mut row = Vec::with_capacity(HEADER_BYTES + packed.len() + 32);
    Header { version, last_updated_ms, extractor_set: EXTRACTOR_SET, op, dictionary }.write(&mut row);
    body_key.seal(&bound_to(key, version), &packed, &mut row);
    row
}

/// One opened version of a resource.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its address.
    pub(crate) key: ResourceKey,
    /// Its version, from 1.
    pub(crate) version: u32,
    /// When it was written, in milliseconds since 1970.
    pub(crate) last_updated_ms: i64,
    /// What it is.
    pub(crate) op: Op,
    plain: Vec<u8>,
    id_bytes: usize,
}

impl Stored {
    /// The id text.
    pub(crate) fn id(&self) -> &str {
        std::str::from_utf8(&self.plain[..self.id_bytes]).unwrap_or_default()
    }

    /// Whether this is a tombstone.
    pub(crate) fn is_deleted(&self) -> bool {
        self.op == Op::Delete
    }

    /// The sealed text `id ‖ 0x00 ‖ tail`; equal texts are equal resources.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// The JSON text after `lastUpdated`.
    pub(crate) fn tail(&self) -> &[u8] {
        self.plain.get(self.id_bytes + 1..).unwrap_or_default()
    }

    /// Appends the resource as JSON. A tombstone has none: ask [`Stored::is_deleted`] first.
    pub(crate) fn render(&self, out: &mut Vec<u8>) {
        render(self.key.rid.type_code.name(), self.id(), (self.version, self.last_updated_ms), self.tail(), out);
    }

    /// The resource as JSON.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.plain.len() + 128);
        self.render(&mut out);
        out
    }

    /// The resource as a tree.
    ///
    /// # Errors
    /// `Internal` when what was stored is not JSON, or is a tombstone.
    pub(crate) fn value(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.json()).map_err(|_| {
            Failure::new(ErrorCode::Internal, format!("the body of a {} is not JSON", self.key.rid.type_code))
        })
    }
}

/// Appends `{"resourceType":T,"id":ID,"meta":{"versionId":"V","lastUpdated":"L"` and the tail.
pub(crate) fn render(
    type_name: &str,
    id: &str,
    (version, last_updated_ms): (u32, i64),
    tail: &[u8],
    out: &mut Vec<u8>,
) {
    // Neither a type name nor an id has a character that JSON escapes: the grammar of ids is [A-Za-z0-9\-\.]{1,64}.
    out.extend_from_slice(b"{\"resourceType\":\"");
    out.extend_from_slice(type_name.as_bytes());
    out.extend_from_slice(b"\",\"id\":\"");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\",\"meta\":{\"versionId\":\"");
    out.extend_from_slice(version.to_string().as_bytes());
    out.extend_from_slice(b"\",\"lastUpdated\":\"");
    out.extend_from_slice(instant_text(last_updated_ms).as_bytes());
    out.push(b'"');
    out.extend_from_slice(tail);
}

/// Opens rows, keeping the key of the last home at hand: lists mostly stay inside one home.
pub(crate) struct Opener {
    store: Arc<Store>,
    tenant: TenantId,
    last: Option<(Home, BodyKey)>,
    /// What was opened last, still packed: one buffer for a whole list.
    packed: Vec<u8>,
    /// The buffer of a version that was given back: the next one is unpacked into it.
    spare: Vec<u8>,
}

impl Opener {
    /// Opens rows of this tenant.
    pub(crate) fn new(store: &Arc<Store>, tenant: TenantId) -> Self {
        Self { store: Arc::clone(store), tenant, last: None, packed: Vec::new(), spare: Vec::new() }
    }

    /// Opens a row.
    ///
    /// # Errors
    /// `Gone` when the key of the home was destroyed (erasure), `Internal` when the row is damaged.
    pub(crate) fn open(&mut self, key: &ResourceKey, row: &[u8]) -> Result<Stored, Failure> {
        let header = Header::read(row)?;
        let damaged = || Failure::new(ErrorCode::Internal, "a resource body cannot be opened");
        if self.last.as_ref().is_none_or(|(home, _)| *home != key.home) {
            let body_key = self.store.body_key(self.tenant, key.home).map_err(store_failure)?;
            let body_key = body_key.ok_or_else(|| Failure::new(ErrorCode::Gone, "the record was erased"))?;
            self.last = Some((key.home, body_key));
        }
        let Some((_, body_key)) = &self.last else { return Err(damaged()) };
        let sealed = row.get(HEADER_BYTES..).unwrap_or_default();
        body_key.open_into(&bound_to(key, header.version), sealed, &mut self.packed).map_err(|_| damaged())?;
        let mut plain = std::mem::take(&mut self.spare);
        let unpacked = self.store.decompress_into(header.dictionary, &self.packed, BODY_BYTES_MAX, &mut plain);
        unpacked.map_err(|_| damaged())?;
        let id_bytes = plain.iter().take(65).position(|byte| *byte == 0).ok_or_else(damaged)?;
        Ok(Stored {
            key: *key,
            version: header.version,
            last_updated_ms: header.last_updated_ms,
            op: header.op,
            plain,
            id_bytes,
        })
    }

    /// Takes back a version that was only looked at, so that a list of thousands is opened in one buffer. Buffers that
    /// grew beyond [`SPARE_BYTES_MAX`] are let go.
    pub(crate) fn take_back(&mut self, stored: Stored) {
        if stored.plain.capacity() <= SPARE_BYTES_MAX {
            self.spare = stored.plain;
        }
    }
}

/// What a failing store means to a client.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(store_failure)`")]
pub(crate) fn store_failure(error: StoreError) -> Failure {
    tracing::error!(%error, "the store failed");
    Failure::new(ErrorCode::Internal, "the store failed")
}

/// What a failing engine means to a client.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(engine_failure)`")]
pub(crate) fn engine_failure(error: store::EngineError) -> Failure {
    tracing::error!(%error, "the engine failed");
    match error {
        store::EngineError::DiskFull => Failure::new(ErrorCode::DiskFull, "the disk is full"),
        _ => Failure::new(ErrorCode::Internal, "the engine failed"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(resource: &Value) -> Value {
        let plain = plain_body("a.b-1", resource.as_object().unwrap()).unwrap();
        let mut out = Vec::new();
        render("Patient", "a.b-1", (7, 0), &plain[6..], &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_body_comes_back_with_our_id_version_and_time_whatever_it_said() {
        let meta = json!({"versionId": "7", "lastUpdated": "1970-01-01T00:00:00.000Z"});
        let cases = [
            (json!({"resourceType": "Patient"}), json!({"resourceType": "Patient", "id": "a.b-1", "meta": meta})),
            (
                json!({"id": "x", "active": true, "resourceType": "Patient", "meta": {"versionId": "9", "tag": [{"code": "a\"b"}]}}),
                json!({"resourceType": "Patient", "id": "a.b-1", "active": true,
                    "meta": {"versionId": "7", "lastUpdated": "1970-01-01T00:00:00.000Z", "tag": [{"code": "a\"b"}]}}),
            ),
            (
                json!({"meta": "not an object", "name": [{"text": "张\u{0}三"}]}),
                json!({"resourceType": "Patient", "id": "a.b-1", "meta": meta, "name": [{"text": "张\u{0}三"}]}),
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(rendered(&given), expected);
        }
    }

    #[test]
    fn decimals_keep_their_digits() {
        let text = r#"{"resourceType":"Observation","valueQuantity":{"value":1.500}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let plain = plain_body("1", value.as_object().unwrap()).unwrap();
        assert!(String::from_utf8(plain).unwrap().contains("1.500"));
    }

    #[test]
    fn a_header_comes_back_and_other_bytes_are_refused() {
        let header = Header { version: 3, last_updated_ms: -5, extractor_set: 9, op: Op::Delete, dictionary: 2 };
        let mut row = Vec::new();
        header.write(&mut row);
        assert_eq!(row.len(), HEADER_BYTES);
        assert!(row.starts_with(&version_prefix(3)));
        assert_eq!(Header::read(&row).unwrap(), header);
        for length in 0..HEADER_BYTES {
            assert!(Header::read(&row[..length]).is_err());
        }
        row[0] = 2;
        assert!(Header::read(&row).is_err());
    }
}
