//! The change feed: one row per commit that says who changed what, in commit order. History of a type and of the whole
//! system reads it; so will everything that follows the records.
//!
//! `format 1 · tenant 4 · at_ms 8 · actor (length 2, text) · request id (length 2, text) · count 4 ·
//! count × (home 8 · type 2 · number 8 · version 4 · op 1)`

use model::{Home, Number, ResourceKey, Rid, TenantId, TypeCode};

use crate::resource::Op;

const FORMAT: u8 = 1;
const CHANGE_BYTES: usize = 23;

/// One version that a commit wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: ResourceKey,
    pub(crate) version: u32,
    pub(crate) op: Op,
}

/// One row of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tenant: TenantId,
    pub(crate) at_ms: i64,
    pub(crate) actor: String,
    pub(crate) request_id: String,
    /// In the order in which they were written.
    pub(crate) changes: Vec<Change>,
}

impl Entry {
    /// The bytes of the row.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.changes.len() * CHANGE_BYTES);
        out.push(FORMAT);
        out.extend_from_slice(&self.tenant.0.to_be_bytes());
        out.extend_from_slice(&self.at_ms.to_be_bytes());
        write_text(&self.actor, &mut out);
        write_text(&self.request_id, &mut out);
        out.extend_from_slice(&u32::try_from(self.changes.len()).unwrap_or(u32::MAX).to_be_bytes());
        for change in &self.changes {
            out.extend_from_slice(&change.key.home.0.to_be_bytes());
            out.extend_from_slice(&change.key.rid.type_code.as_u16().to_be_bytes());
            out.extend_from_slice(&change.key.rid.number.0.to_be_bytes());
            out.extend_from_slice(&change.version.to_be_bytes());
            out.push(change.op.as_u8());
        }
        out
    }

    /// The row in bytes; `None` when they are not one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        if take::<1>(&mut rest)? != [FORMAT] {
            return None;
        }
        let tenant = TenantId(u32::from_be_bytes(take(&mut rest)?));
        let at_ms = i64::from_be_bytes(take(&mut rest)?);
        let (actor, request_id) = (take_text(&mut rest)?, take_text(&mut rest)?);
        let count = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok()?;
        if rest.len() != count.checked_mul(CHANGE_BYTES)? {
            return None;
        }
        let changes = (0..count).map(|_| take_change(tenant, &mut rest)).collect::<Option<_>>()?;
        Some(Self { tenant, at_ms, actor, request_id, changes })
    }

    /// The tenant of a row, without reading the rest.
    pub(crate) fn tenant_of(bytes: &[u8]) -> Option<TenantId> {
        Some(TenantId(u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?)))
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A name or request id longer than 64 KiB does not exist; cutting keeps the row readable if one ever does.
    let bytes = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes(take(rest)?));
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn take_change(tenant: TenantId, rest: &mut &[u8]) -> Option<Change> {
    let home = Home(u64::from_be_bytes(take(rest)?));
    let type_code = TypeCode::from_u16(u16::from_be_bytes(take(rest)?))?;
    let number = Number(u64::from_be_bytes(take(rest)?));
    let version = u32::from_be_bytes(take(rest)?);
    let op = Op::from_u8(take::<1>(rest)?[0])?;
    Some(Change { key: ResourceKey { tenant, home, rid: Rid { type_code, number } }, version, op })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let change = (any::<u64>(), 1..=29_u16, any::<u64>(), any::<u32>(), 1..=3_u8);
        (any::<u32>(), any::<i64>(), ".{0,20}", ".{0,20}", prop::collection::vec(change, 0..5)).prop_map(
            |(tenant, at_ms, actor, request_id, changes)| {
                let tenant = TenantId(tenant);
                let changes = changes.into_iter().map(|(home, type_code, number, version, op)| Change {
                    key: ResourceKey {
                        tenant,
                        home: Home(home),
                        rid: Rid { type_code: TypeCode::from_u16(type_code).unwrap(), number: Number(number) },
                    },
                    version,
                    op: Op::from_u8(op).unwrap(),
                });
                Entry { tenant, at_ms, actor, request_id, changes: changes.collect() }
            },
        )
    }

    proptest! {
        #[test]
        fn rows_come_back_and_cut_rows_are_refused(entry in entry()) {
            let bytes = entry.write();
            prop_assert_eq!(Entry::tenant_of(&bytes), Some(entry.tenant));
            for length in 0..bytes.len() {
                prop_assert_eq!(Entry::read(&bytes[..length]), None);
            }
            prop_assert_eq!(Entry::read(&bytes), Some(entry));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Entry::read(&bytes);
        }
    }
}
