//! The page link: where the last page ended, sealed.
//!
//! A link holds its query, so that identity numbers of a POST search never stand in a URL, and the suffix of the last hit,
//! so that a page costs the same whether it is the first or the thousandth. No state is kept between pages: resources that did not
//! change since the first page appear exactly once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ErrorCode, Failure, TenantId, TypeCode};

use crate::Records;
use crate::keys::{SUFFIX_BYTES, Suffix};

/// What binds a sealed token to its use.
const PURPOSE: &[u8] = b"page";
/// The same for links of searches over several types.
const PURPOSE_SEVERAL: &[u8] = b"page of several types";
const HEAD_BYTES: usize = 2 + 4 + SUFFIX_BYTES + 8;
/// A token longer than this was not made here: queries are bounded by the request line.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Where a page ended.
#[derive(Debug, Clone)]
pub(super) struct PageToken {
    /// The query string of the first page.
    pub(super) query: String,
    /// The type of the last hit.
    pub(super) type_code: TypeCode,
    /// The last hit of the page.
    pub(super) last: Suffix,
    /// The version of the last hit, for orders that are computed from the body.
    pub(super) version: u32,
    /// How many hits came before the next page.
    pub(super) before: usize,
}

impl PageToken {
    /// The text for a link of a search of one type, or of several.
    pub(super) fn seal(&self, records: &Records, tenant: TenantId, of_one_type: bool) -> String {
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX - 1);
        let mut plain = Vec::with_capacity(HEAD_BYTES + self.query.len());
        plain.extend_from_slice(&self.type_code.as_u16().to_be_bytes());
        plain.extend_from_slice(&self.version.to_be_bytes());
        plain.extend_from_slice(&self.last.0);
        plain.extend_from_slice(&number(self.before).to_be_bytes());
        plain.extend_from_slice(self.query.as_bytes());
        let mut sealed = Vec::with_capacity(plain.len() + 32);
        records.store.tenant(tenant).shared_body_key().seal(
            if of_one_type { PURPOSE } else { PURPOSE_SEVERAL },
            &plain,
            &mut sealed,
        );
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Reads a link's text; without a type it is the link of a search over several.
    ///
    /// # Errors
    /// `bad-page` when it was not made here, for this tenant and type.
    pub(super) fn open(
        records: &Records,
        tenant: TenantId,
        only: Option<TypeCode>,
        text: &str,
    ) -> Result<Self, Failure> {
        let bad = || Failure::new(ErrorCode::BadPage, "`_page` is not a link of this search");
        if text.len() > TEXT_BYTES_MAX {
            return Err(bad());
        }
        let purpose = if only.is_some() { PURPOSE } else { PURPOSE_SEVERAL };
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let plain = records.store.tenant(tenant).shared_body_key().open(purpose, &sealed).map_err(|_| bad())?;
        let (head, query) = plain.split_at_checked(HEAD_BYTES).ok_or_else(bad)?;
        let word = |from: usize| head[from..from + 8].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let type_code = TypeCode::from_u16(u16::from_be_bytes([head[0], head[1]])).ok_or_else(bad)?;
        if only.is_some_and(|only| only != type_code) {
            return Err(bad());
        }
        let last = Suffix::of_key(&head[6..6 + SUFFIX_BYTES]).ok_or_else(bad)?;
        let version = head[2..6].iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        Ok(Self {
            query: String::from_utf8(query.to_vec()).map_err(|_| bad())?,
            type_code,
            last,
            version,
            before: usize::try_from(word(6 + SUFFIX_BYTES)).map_err(|_| bad())?,
        })
    }
}
