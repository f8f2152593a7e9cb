//! Keys, byte by byte. Everything is big endian, so that byte order is the order of the numbers; every part has a fixed
//! length or ends itself, so that no key is a prefix of another by accident.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `res`  | tenant 4 · home 8 · type 2 · number 8 | row (see `resource.rs`) |
//! | `hist` | tenant 4 · home 8 · type 2 · number 8 · version 4 | row |
//! | `id`   | tenant 4 · type 2 · number 8 | home 8 |
//! | `idx`  | tenant 4 · generation 1 · type 2 · parameter 2 · value · suffix 21 | empty |
//! | `cidx` | tenant 4 · generation 1 · patient 8 · type 2 · parameter 2 · value · suffix 21 | empty |
//!
//! suffix = date 5 (newest first, see [`ClinicalDate`]) · home 8 · number 8. Values are encoded by [`Value`].

use model::{Home, Number, ResourceKey, Rid, TenantId, TypeCode};
use trust::{Domain, TenantKeys};

/// The first index generation of a folder; a reindex writes another beside it and then switches (`generation.rs`).
pub(crate) const FIRST_GENERATION: u8 = 1;

/// Parameter number 0 lists every resource of a type: `idx · … · 0 · suffix`.
pub(crate) const EVERY: u16 = 0;

/// Bytes of a suffix.
pub(crate) const SUFFIX_BYTES: usize = 21;

/// How many leading characters of a normalised text have their own row: longer queries are verified on the body.
/// Eight covers Chinese names whole and keeps an English word at eight rows (design §3).
pub(crate) const TEXT_PREFIX_CHARS_MAX: usize = 8;

/// The key of a resource's current version.
pub(crate) fn resource(key: &ResourceKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(26);
    bytes.extend_from_slice(&key.tenant.0.to_be_bytes());
    bytes.extend_from_slice(&key.home.0.to_be_bytes());
    bytes.extend_from_slice(&key.rid.type_code.as_u16().to_be_bytes());
    bytes.extend_from_slice(&key.rid.number.0.to_be_bytes());
    bytes
}

/// The address in a key of [`resource`]; `None` when the key is none.
pub(crate) fn read_resource(key: &[u8]) -> Option<ResourceKey> {
    let (tenant, rest) = key.split_first_chunk::<4>()?;
    let (home, rest) = rest.split_first_chunk::<8>()?;
    let (type_code, rest) = rest.split_first_chunk::<2>()?;
    let rid = Rid {
        type_code: TypeCode::from_u16(u16::from_be_bytes(*type_code))?,
        number: Number(u64::from_be_bytes(rest.try_into().ok()?)),
    };
    Some(ResourceKey { tenant: TenantId(u32::from_be_bytes(*tenant)), home: Home(u64::from_be_bytes(*home)), rid })
}

/// The key of one older version.
pub(crate) fn history(key: &ResourceKey, version: u32) -> Vec<u8> {
    let mut bytes = resource(key);
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes
}

/// The key under which the home of a client-chosen id is found.
pub(crate) fn id(tenant: TenantId, rid: Rid) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(14);
    bytes.extend_from_slice(&tenant.0.to_be_bytes());
    bytes.extend_from_slice(&rid.type_code.as_u16().to_be_bytes());
    bytes.extend_from_slice(&rid.number.0.to_be_bytes());
    bytes
}

/// Where an id text points, as far as the text alone can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdText {
    /// `{home:016x}-{number:016x}`: assigned by us, holds the whole address.
    Assigned(Home, Number),
    /// Chosen by a client: the number is a keyed hash; the home is the number for patients, else in the `id` row.
    Chosen(Number),
}

impl IdText {
    /// Reads an id text of a type.
    pub(crate) fn read(keys: &TenantKeys, type_code: TypeCode, text: &str) -> Self {
        if let Some((home, number)) = assigned(text) {
            return Self::Assigned(home, number);
        }
        let mut bytes = Vec::with_capacity(24 + text.len());
        bytes.extend_from_slice(type_code.name().as_bytes());
        bytes.push(b'/');
        bytes.extend_from_slice(text.as_bytes());
        Self::Chosen(Number(keys.hash64(Domain::Id, &bytes)))
    }

    /// The number: what index rows of references hold.
    pub(crate) fn number(self) -> Number {
        match self {
            Self::Assigned(_, number) | Self::Chosen(number) => number,
        }
    }
}

/// The text of a server-assigned id.
pub(crate) fn assigned_text(home: Home, number: Number) -> String {
    format!("{:016x}-{:016x}", home.0, number.0)
}

fn assigned(text: &str) -> Option<(Home, Number)> {
    let (home, number) = text.split_once('-')?;
    Some((Home(hex16(home)?), Number(hex16(number)?)))
}

/// Exactly 16 lower-case hex digits; upper case would give one resource two ids.
fn hex16(text: &str) -> Option<u64> {
    let plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if plain { u64::from_str_radix(text, 16).ok() } else { None }
}

/// The clinical date of a resource as it stands in every suffix: 36 bits of seconds, inverted so that newest comes first, and
/// four bits that say how long the date is, so that most date questions are decided on the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClinicalDate(u64);

/// How long a clinical date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Inside one second.
    Second,
    /// Exactly one day.
    Day,
    /// Anything else: the body decides.
    Other,
}

/// The length of a date that is not a value of the date parameter.
const BORROWED: u64 = 3;
const SECONDS_BITS: u64 = 36;
const SECONDS_MAX: u64 = (1 << SECONDS_BITS) - 1;
/// 0001-01-01T00:00:00Z in seconds since 1970: 36 bits reach from here to the year 2178.
const SECONDS_ORIGIN: i64 = -62_135_596_800;

impl ClinicalDate {
    /// A resource without a clinical date: sorted after all others.
    pub(crate) const NONE: Self = Self((SECONDS_MAX << 4) | 15);

    /// A date that was taken from elsewhere than the date parameter of the type: ordered like any other, but it answers
    /// no question about that parameter.
    pub(crate) fn borrowed(low_ms: i64) -> Self {
        Self::at(low_ms, BORROWED)
    }

    /// The second that it begins in, the newest least.
    pub(crate) fn second(self) -> u64 {
        self.0 >> 4
    }

    /// Where the list of what happened in this millisecond's second or before begins; for `i64::MIN` that of what has no date.
    pub(crate) fn until(at_ms: i64) -> [u8; 5] {
        let date = if at_ms == i64::MIN { Self::NONE } else { Self::at(at_ms, 0) };
        let mut bytes = [0; 5];
        bytes.copy_from_slice(&date.0.to_be_bytes()[3..]);
        bytes
    }

    /// Whether the date is a value of the type's date parameter.
    pub(crate) fn is_own(self) -> bool {
        self.0 & 15 < BORROWED
    }

    fn at(low_ms: i64, length: u64) -> Self {
        let low_s = low_ms.div_euclid(1000);
        let seconds = u64::try_from(low_s.saturating_sub(SECONDS_ORIGIN)).unwrap_or(0).min(SECONDS_MAX);
        Self(((SECONDS_MAX - seconds) << 4) | length)
    }

    /// From the interval of the date in UTC milliseconds.
    pub(crate) fn of(low_ms: i64, high_ms: i64) -> Self {
        let low_s = low_ms.div_euclid(1000);
        let length_ms = high_ms.saturating_sub(low_ms);
        let length = if length_ms < 1000 && high_ms.div_euclid(1000) == low_s {
            0
        } else if length_ms == 86_399_999 && low_ms.rem_euclid(1000) == 0 {
            1
        } else {
            2
        };
        Self::at(low_ms, length)
    }

    fn read(bytes: &[u8]) -> Self {
        Self(bytes.iter().take(5).fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes()[3..]);
    }

    /// First second of the date, in milliseconds (exact to the second), and its length; `None` without a date.
    pub(crate) fn low_ms(self) -> Option<(i64, Length)> {
        let length = match self.0 & 15 {
            0 => Length::Second,
            1 => Length::Day,
            2 | BORROWED => Length::Other,
            _ => return None,
        };
        let seconds = i64::try_from(SECONDS_MAX - (self.0 >> 4)).unwrap_or(0);
        Some(((seconds + SECONDS_ORIGIN) * 1000, length))
    }
}

/// The end of every index key: what lists are ordered and merged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Suffix(pub(crate) [u8; SUFFIX_BYTES]);

impl Suffix {
    /// The suffix of a resource.
    pub(crate) fn of(date: ClinicalDate, key: &ResourceKey) -> Self {
        let mut bytes = Vec::with_capacity(SUFFIX_BYTES);
        date.write(&mut bytes);
        bytes.extend_from_slice(&key.home.0.to_be_bytes());
        bytes.extend_from_slice(&key.rid.number.0.to_be_bytes());
        let mut suffix = [0; SUFFIX_BYTES];
        suffix.copy_from_slice(&bytes);
        Self(suffix)
    }

    /// The suffix at the end of an index key.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        let start = key.len().checked_sub(SUFFIX_BYTES)?;
        key[start..].try_into().ok().map(Self)
    }

    /// The clinical date.
    pub(crate) fn date(&self) -> ClinicalDate {
        ClinicalDate::read(&self.0)
    }

    /// The address, given what the list already says.
    pub(crate) fn resource(&self, tenant: TenantId, type_code: TypeCode) -> ResourceKey {
        let word = |from: usize| self.0[from..from + 8].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        ResourceKey { tenant, home: Home(word(5)), rid: Rid { type_code, number: Number(word(13)) } }
    }
}

/// The start of every `idx` key of a parameter.
pub(crate) fn index_prefix(tenant: TenantId, generation: u8, type_code: TypeCode, parameter: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&tenant.0.to_be_bytes());
    bytes.push(generation);
    bytes.extend_from_slice(&type_code.as_u16().to_be_bytes());
    bytes.extend_from_slice(&parameter.to_be_bytes());
    bytes
}

/// The start of every `idx` and `cidx` key of a generation.
pub(crate) fn generation_prefix(tenant: TenantId, generation: u8) -> Vec<u8> {
    let mut bytes = tenant.0.to_be_bytes().to_vec();
    bytes.push(generation);
    bytes
}

/// The start of every `cidx` key of a patient.
pub(crate) fn compartment_prefix(tenant: TenantId, generation: u8, patient: Home) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&tenant.0.to_be_bytes());
    bytes.push(generation);
    bytes.extend_from_slice(&patient.0.to_be_bytes());
    bytes
}

/// The start of every `cidx` key of a parameter inside a patient's compartment.
pub(crate) fn compartment_index_prefix(
    tenant: TenantId,
    generation: u8,
    patient: Home,
    type_code: TypeCode,
    parameter: u16,
) -> Vec<u8> {
    let mut bytes = compartment_prefix(tenant, generation, patient);
    bytes.extend_from_slice(&type_code.as_u16().to_be_bytes());
    bytes.extend_from_slice(&parameter.to_be_bytes());
    bytes
}

/// Bytes of the values in index keys, by kind.
pub(crate) mod value {
    use super::{Domain, Number, TenantKeys, TypeCode};

    /// code hash 8 · system hash 4.
    pub(crate) const TOKEN_BYTES: usize = 12;
    /// class 1 · low 6 · high 6.
    pub(crate) const DATE_BYTES: usize = 13;
    /// class 1 · number 8.
    pub(crate) const NUMBER_BYTES: usize = 9;
    /// type 2 · number 8.
    pub(crate) const REFERENCE_BYTES: usize = 10;
    /// length 1 · hash 8.
    pub(crate) const TEXT_BYTES: usize = 9;
    /// hash 8.
    pub(crate) const URI_BYTES: usize = 8;

    /// A token: `|code` has the system hash 0.
    pub(crate) fn token(keys: &TenantKeys, system: Option<&str>, code: &str) -> [u8; TOKEN_BYTES] {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..8].copy_from_slice(&token_code(keys, code));
        bytes[8..].copy_from_slice(&token_system(keys, system));
        bytes
    }

    /// The code half of a token.
    pub(crate) fn token_code(keys: &TenantKeys, code: &str) -> [u8; 8] {
        keys.hash64(Domain::Code, code.as_bytes()).to_be_bytes()
    }

    /// The system half of a token.
    pub(crate) fn token_system(keys: &TenantKeys, system: Option<&str>) -> [u8; 4] {
        system.map_or([0; 4], |system| keys.hash32(Domain::System, system.as_bytes()).to_be_bytes())
    }

    /// The first `count` characters of a normalised text.
    pub(crate) fn text(keys: &TenantKeys, normalised: &str, count: usize) -> [u8; TEXT_BYTES] {
        let end = normalised.char_indices().nth(count).map_or(normalised.len(), |(at, _)| at);
        let mut bytes = [0; TEXT_BYTES];
        bytes[0] = u8::try_from(count).unwrap_or(u8::MAX);
        bytes[1..].copy_from_slice(&keys.hash64(Domain::Text, &normalised.as_bytes()[..end]).to_be_bytes());
        bytes
    }

    /// A reference to a resource of this platform.
    pub(crate) fn reference(type_code: TypeCode, number: Number) -> [u8; REFERENCE_BYTES] {
        let mut bytes = [0; REFERENCE_BYTES];
        bytes[..2].copy_from_slice(&type_code.as_u16().to_be_bytes());
        bytes[2..].copy_from_slice(&number.0.to_be_bytes());
        bytes
    }

    /// A reference to anything else: the type bytes are 0.
    pub(crate) fn reference_url(keys: &TenantKeys, url: &str) -> [u8; REFERENCE_BYTES] {
        let mut bytes = [0; REFERENCE_BYTES];
        bytes[2..].copy_from_slice(&keys.hash64(Domain::Reference, url.as_bytes()).to_be_bytes());
        bytes
    }

    /// A URI.
    pub(crate) fn uri(keys: &TenantKeys, uri: &str) -> [u8; URI_BYTES] {
        keys.hash64(Domain::Uri, uri.as_bytes()).to_be_bytes()
    }

    /// The class of a date interval: how far before a bound its low end can lie. Without classes a question about the high
    /// end would have to read every row.
    pub(crate) fn date_class(low_ms: i64, high_ms: i64) -> u8 {
        let length_ms = high_ms.saturating_sub(low_ms);
        DATE_CLASS_LENGTH_MS.iter().position(|max| length_ms <= *max).and_then(|at| u8::try_from(at).ok()).unwrap_or(3)
    }

    /// The longest interval of each class, in milliseconds: a second, a day (and 25-hour days), a month; then anything.
    pub(crate) const DATE_CLASS_LENGTH_MS: [i64; 4] = [1_000, 90_000_000, 2_682_000_000, i64::MAX];

    /// A date interval.
    pub(crate) fn date(low_ms: i64, high_ms: i64) -> [u8; DATE_BYTES] {
        let mut bytes = [0; DATE_BYTES];
        bytes[0] = date_class(low_ms, high_ms);
        bytes[1..7].copy_from_slice(&instant(low_ms));
        bytes[7..].copy_from_slice(&instant(high_ms));
        bytes
    }

    /// Milliseconds from this before 1970 to 0: the year −2490, so that open ends and every clinical date fit 48 bits.
    const INSTANT_ORIGIN_MS: i64 = 1 << 47;

    /// An instant in six ordered bytes; open ends become the first and the last.
    pub(crate) fn instant(at_ms: i64) -> [u8; 6] {
        let shifted = at_ms.clamp(-INSTANT_ORIGIN_MS, INSTANT_ORIGIN_MS - 1) + INSTANT_ORIGIN_MS;
        let mut bytes = [0; 6];
        bytes.copy_from_slice(&shifted.to_be_bytes()[2..]);
        bytes
    }

    /// The instant in six bytes; the first and the last are open ends.
    pub(crate) fn read_instant(bytes: &[u8]) -> i64 {
        let shifted = bytes.iter().take(6).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
        match shifted - INSTANT_ORIGIN_MS {
            low if low == -INSTANT_ORIGIN_MS => i64::MIN,
            high if high == INSTANT_ORIGIN_MS - 1 => i64::MAX,
            at => at,
        }
    }

    /// A number in eight ordered bytes. Rounding to binary keeps the order, so only equal bytes need the body.
    pub(crate) fn number(number: f64) -> [u8; 8] {
        let bits = number.to_bits();
        let ordered = if bits >> 63 == 0 { bits | (1 << 63) } else { !bits };
        ordered.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clinical_dates_sort_newest_first_and_come_back() {
        let older = ClinicalDate::of(1_000_000, 1_000_999);
        let newer = ClinicalDate::of(2_000_000, 2_000_000);
        assert!(newer < older && older < ClinicalDate::NONE);
        assert_eq!(newer.low_ms(), Some((2_000_000, Length::Second)));
        assert_eq!(ClinicalDate::of(86_400_000, 172_799_999).low_ms(), Some((86_400_000, Length::Day)));
        assert_eq!(ClinicalDate::of(0, i64::MAX).low_ms(), Some((0, Length::Other)));
        assert_eq!(ClinicalDate::of(-5_000_000_000, -5_000_000_000).low_ms(), Some((-5_000_000_000, Length::Second)));
        assert_eq!(ClinicalDate::NONE.low_ms(), None);
        assert_eq!(ClinicalDate::borrowed(1_000_000).low_ms(), Some((1_000_000, Length::Other)));
        assert!(older.is_own() && !ClinicalDate::borrowed(1_000_000).is_own() && !ClinicalDate::NONE.is_own());
    }

    #[test]
    fn only_our_own_form_is_an_assigned_id() {
        let text = assigned_text(Home(1), Number(0xabc));
        assert_eq!(assigned(&text), Some((Home(1), Number(0xabc))));
        for other in ["", "-", "abc", "0000000000000001-0000000000000ABC", "69176529-fd1f-3b3f-abce-a0a3626769eb"] {
            assert_eq!(assigned(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_and_instants_keep_their_order() {
        let numbers = [f64::NEG_INFINITY, -2.5, -0.1, 0.0, 0.1, 5.0, 1e9, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| value::number(pair[0]) < value::number(pair[1])));
        for at in [i64::MIN, -1, 0, 1_700_000_000_000, i64::MAX] {
            assert_eq!(value::read_instant(&value::instant(at)), at);
        }
    }
}
