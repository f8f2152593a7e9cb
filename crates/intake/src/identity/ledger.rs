//! The ledger: which person a registration is, what led to it, what people decided, what waits for them.
//!
//! | key | value |
//! |---|---|
//! | tenant 4 · 1 · registration 8 | person 8 · registered_ms 8: the link that holds |
//! | tenant 4 · 3 · registration 8 · at_ms 8 · random 8 | sealed [`IdentityEvent`] |
//! | tenant 4 · 4 · at_ms 8 · random 8 | sealed [`Decision`] |
//! | tenant 4 · 5 · registration 8 · registration 8 | sealed [`Review`] |
//! | tenant 4 · 6 · at_ms 8 · random 8 | registration 8: the events in the order of time |
//! | tenant 4 · 7 · 0 │ tenant 4 · 7 · part 4 | sealed head │ sealed part of the index's snapshot |

use identity::explain::{Reason, field_name, field_name_en, level_name, level_name_en};
use model::{Failure, Home, TenantId};
use records::Work;
use serde::{Deserialize, Serialize};
use store::Keyspace;

use crate::rows;

pub(crate) const DECISION: u8 = 4;
pub(crate) const REVIEW: u8 = 5;
pub(crate) const FEED: u8 = 6;
pub(crate) const SNAPSHOT: u8 = 7;

/// One event: a registration became a person's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdentityEvent {
    /// `new-person`, `link`, `move`, `declared-same`, `merge`, `split`, `undo`.
    pub kind: String,
    /// `Person/…`.
    pub person: String,
    /// The person that it left, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `Patient/…`.
    pub registration: String,
    /// What decided: the version of rules and model, or `people`.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// The registration that spoke strongest for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// That pair's score in bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The account that delivered the message or decided.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The original in which it was said, or the id of the decision.
    pub original: String,
}

/// What people decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    /// Two persons are one.
    Merge,
    /// Some registrations of a person are somebody else.
    Split,
    /// The two sides of a review are one person.
    Same,
    /// The two sides of a review are two persons.
    Different,
    /// A source declared two of its registrations to be one patient (A40).
    DeclaredSame,
    /// An earlier decision is taken back.
    Undo,
}

impl DecisionKind {
    /// The word in events.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Split => "split",
            Self::Same => "same",
            Self::Different => "different",
            Self::DeclaredSame => "declared-same",
            Self::Undo => "undo",
        }
    }
}

/// A pair of registrations, as numbers of homes.
pub(crate) type Pair = (u64, u64);

/// One decision: kept for ever, as labels that outrank the model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// What was decided.
    pub kind: DecisionKind,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Version of rules and model at that time.
    pub model: String,
    /// Registrations that are one person from now on, in pairs.
    #[serde(default)]
    pub(crate) must: Vec<Pair>,
    /// Registrations that are two persons from now on.
    #[serde(default)]
    pub(crate) cannot: Vec<Pair>,
    /// Earlier notes that this one overrules: of being one person …
    #[serde(default)]
    pub(crate) overruled_must: Vec<Pair>,
    /// … and of being two.
    #[serde(default)]
    pub(crate) overruled_cannot: Vec<Pair>,
    /// Who was whose person before.
    #[serde(default)]
    pub(crate) before: Vec<Pair>,
    /// The decision that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// The decision that took this one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
}

/// How one field of a pair agrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewReason {
    /// The field in Chinese.
    pub field_zh: String,
    /// The field in English.
    pub field_en: String,
    /// How it agrees, in Chinese.
    pub level_zh: String,
    /// How it agrees, in English.
    pub level_en: String,
    /// What it weighs, in bits.
    pub bits: f64,
}

impl From<&Reason> for ReviewReason {
    fn from(reason: &Reason) -> Self {
        Self {
            field_zh: field_name(reason.field).to_owned(),
            field_en: field_name_en(reason.field).to_owned(),
            level_zh: level_name(reason.field, reason.level).to_owned(),
            level_en: level_name_en(reason.field, reason.level).to_owned(),
            bits: (reason.bits * 10.0).round() / 10.0,
        }
    }
}

/// The fields that speak, in one Chinese sentence.
pub(crate) fn sentence(reasons: &[Reason]) -> String {
    let parts = reasons
        .iter()
        .map(|one| format!("{}{}（{:+.1}）", field_name(one.field), level_name(one.field, one.level), one.bits));
    parts.collect::<Vec<_>>().join("；")
}

/// A pair that waits for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) left: u64,
    pub(crate) right: u64,
    pub(crate) kind: String,
    /// In bits.
    pub(crate) weight: f64,
    pub(crate) reasons: Vec<ReviewReason>,
    pub(crate) at_ms: i64,
}

/// The value of a link row.
pub(crate) fn link_row(person: u64, registered_ms: i64) -> Vec<u8> {
    let mut row = person.to_be_bytes().to_vec();
    row.extend_from_slice(&registered_ms.to_be_bytes());
    row
}

/// The person of a link row; zero for a damaged one.
pub(crate) fn person_of(row: &[u8]) -> u64 {
    row.get(..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// When the registration first came; rows of the first releases do not say.
pub(crate) fn registered_of(row: &[u8]) -> Option<i64> {
    row.get(8..16).and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes)
}

/// `tenant · class`.
pub(crate) fn prefix(tenant: TenantId, class: u8) -> Vec<u8> {
    let mut key = tenant.0.to_be_bytes().to_vec();
    key.push(class);
    key
}

/// `tenant · class · at_ms · random`.
pub(crate) fn timed(tenant: TenantId, class: u8, at_ms: i64, random: [u8; 8]) -> Vec<u8> {
    let mut key = prefix(tenant, class);
    key.extend_from_slice(&u64::try_from(at_ms).unwrap_or(0).to_be_bytes());
    key.extend_from_slice(&random);
    key
}

/// The key of a review; the order of the two does not matter.
pub(crate) fn review(tenant: TenantId, left: u64, right: u64) -> Vec<u8> {
    let mut key = prefix(tenant, REVIEW);
    key.extend_from_slice(&left.min(right).to_be_bytes());
    key.extend_from_slice(&left.max(right).to_be_bytes());
    key
}

/// Writes an event, and where it stands in time.
///
/// # Errors
/// `Internal` when the system gives no random numbers.
pub(crate) fn note(work: &mut Work<'_>, registration: Home, event: &IdentityEvent) -> Result<(), Failure> {
    let tenant = work.tenant();
    let random = rows::random()?;
    let mut key = rows::ledger(tenant, rows::EVENT, registration);
    key.extend_from_slice(&u64::try_from(event.at_ms).unwrap_or(0).to_be_bytes());
    key.extend_from_slice(&random);
    let sealed = rows::seal(work.keys(), &key, event)?;
    work.put_row(Keyspace::Ledger, key, sealed);
    work.put_row(Keyspace::Ledger, timed(tenant, FEED, event.at_ms, random), registration.0.to_be_bytes().to_vec());
    Ok(())
}

/// The id of a row with time and chance: their 16 bytes in hexadecimal.
pub(crate) fn id_of(key: &[u8]) -> String {
    hex::encode(&key[key.len().saturating_sub(16)..])
}

/// The 16 bytes of such an id.
pub(crate) fn id_bytes(id: &str) -> Option<[u8; 16]> {
    hex::decode(id).ok()?.try_into().ok()
}
