//! Emergency access (紧急调阅): a named clinician opens one person's record with a reason (事由), for a limited time. The resident
//! is told, and somebody who was not there reviews it the next day (次日复核).
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `ground` | tenant 4 · 1 · opened_ms 8 · random 8 | sealed JSON of [`Emergency`] |

use std::str::FromStr;
use std::sync::Arc;

use model::{ErrorCode, Failure, Home, TenantId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Store, Transaction, Write};
use trust::Actor;

/// Rows of emergencies in the keyspace.
const EMERGENCY: u8 = 1;
/// The shortest reason: a word is no reason.
const REASON_CHARACTERS_MIN: usize = 5;
/// The longest reason: two sentences.
const REASON_CHARACTERS_MAX: usize = 200;
/// The most that one list shows: a city opens some dozens a day. A list that is cut says so.
const LIST_MAX: usize = 1_000;

/// The kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// 患者意识不清.
    Unconscious,
    /// 急诊抢救.
    EmergencyTreatment,
    /// 紧急会诊.
    Consultation,
    /// 其他.
    Other,
}

/// What the review said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Not reviewed yet.
    Open,
    /// 合理.
    Justified,
    /// 不合理.
    Unjustified,
}

/// The number of an emergency access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmergencyId([u8; 16]);

impl std::fmt::Display for EmergencyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for EmergencyId {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Failure::new(ErrorCode::NotFound, "there is no such emergency access"))?;
        Ok(Self(bytes))
    }
}

/// One emergency access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// The account that opened it.
    pub account: String,
    /// Its institution.
    pub institution: Option<String>,
    /// A registration of the person.
    pub registration: Home,
    /// The kind of reason.
    pub reason_code: ReasonCode,
    /// The reason in the clinician's words.
    pub reason: String,
    /// When it was opened.
    pub at_ms: i64,
    /// When it ends.
    pub until_ms: i64,
    /// What the review said.
    pub state: ReviewState,
    /// The reviewer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who reviewed, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<(String, i64)>,
}

/// Emergency accesses, oldest first.
#[derive(Debug, Default)]
pub struct Listed {
    /// The first of them.
    pub found: Vec<(EmergencyId, Emergency)>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Every emergency access of the platform.
pub struct Emergencies {
    store: Arc<Store>,
    /// One verdict at a time: the second of two reviewers hears that there is one.
    reviewing: Mutex<()>,
}

impl Emergencies {
    /// Those of a store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, reviewing: Mutex::new(()) }
    }

    /// Opens one.
    ///
    /// # Errors
    /// `Unprocessable` when the reason is too short or too long; what the store says.
    pub fn open(
        &self,
        actor: &Actor,
        registration: Home,
        (reason_code, reason): (ReasonCode, &str),
        now_ms: i64,
        minutes: u16,
    ) -> Result<(EmergencyId, Emergency), Failure> {
        let reason: String = reason.trim().chars().filter(|it| !it.is_control()).collect();
        if !(REASON_CHARACTERS_MIN..=REASON_CHARACTERS_MAX).contains(&reason.chars().count()) {
            let how = format!("`reason` has {REASON_CHARACTERS_MIN} to {REASON_CHARACTERS_MAX} characters (事由)");
            return Err(Failure::new(ErrorCode::Unprocessable, how));
        }
        let emergency = Emergency {
            account: actor.name.clone(),
            institution: actor.institution.clone(),
            registration,
            reason_code,
            reason,
            at_ms: now_ms,
            until_ms: now_ms + i64::from(minutes) * 60_000,
            state: ReviewState::Open,
            note: None,
            reviewed: None,
        };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&time_bytes(now_ms));
        getrandom::fill(&mut id[8..]).map_err(|_| Failure::new(ErrorCode::Internal, "no random numbers"))?;
        self.put(actor.tenant, EmergencyId(id), &emergency)?;
        Ok((EmergencyId(id), emergency))
    }

    /// Those that an account has open now.
    ///
    /// # Errors
    /// What the store says.
    pub fn open_of(&self, actor: &Actor, minutes: u16, now_ms: i64) -> Result<Vec<(EmergencyId, Emergency)>, Failure> {
        let from_ms = now_ms - i64::from(minutes) * 60_000;
        let is_open = |emergency: &Emergency| emergency.account == actor.name && now_ms < emergency.until_ms;
        Ok(self.between(actor.tenant, (from_ms, now_ms.saturating_add(1)), &is_open)?.found)
    }

    /// Those to somebody's record since a moment, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn to_registrations(&self, tenant: TenantId, homes: &[Home], since_ms: i64) -> Result<Listed, Failure> {
        self.between(tenant, (since_ms, i64::MAX), &|emergency| homes.contains(&emergency.registration))
    }

    /// Those opened on a day that begins at `from_ms`.
    ///
    /// # Errors
    /// What the store says.
    pub fn of_day(&self, tenant: TenantId, from_ms: i64) -> Result<Listed, Failure> {
        self.between(tenant, (from_ms, from_ms + model::china::DAY_MS), &|_| true)
    }

    /// Those of all days that nobody has reviewed yet.
    ///
    /// # Errors
    /// What the store says.
    pub fn unreviewed(&self, tenant: TenantId) -> Result<Listed, Failure> {
        self.between(tenant, (0, i64::MAX), &|emergency| emergency.state == ReviewState::Open)
    }

    /// Writes down what a review said. It is said once.
    ///
    /// # Errors
    /// `NotFound`; `Unprocessable` for a verdict that is none; `Conflict` when there is one; what the store says.
    pub fn review(
        &self,
        reviewer: &Actor,
        id: EmergencyId,
        (state, note): (ReviewState, Option<String>),
        now_ms: i64,
    ) -> Result<Emergency, Failure> {
        if state == ReviewState::Open {
            return Err(Failure::new(ErrorCode::Unprocessable, "`status` is `justified` or `unjustified`"));
        }
        let _one_at_a_time = self.reviewing.lock();
        let key = key(reviewer.tenant, id);
        let row = self.store.snapshot().get(Keyspace::Ground, &key).map_err(engine_failure)?;
        let row = row.ok_or_else(|| Failure::new(ErrorCode::NotFound, "there is no such emergency access"))?;
        let mut emergency = self.read(reviewer.tenant, &key, &row)?;
        if emergency.state != ReviewState::Open {
            return Err(Failure::new(ErrorCode::Conflict, "this emergency access has been reviewed already"));
        }
        emergency.state = state;
        emergency.note = note;
        emergency.reviewed = Some((reviewer.name.clone(), now_ms));
        self.put(reviewer.tenant, id, &emergency)?;
        Ok(emergency)
    }

    fn between(
        &self,
        tenant: TenantId,
        (from_ms, to_ms): (i64, i64),
        is_wanted: &dyn Fn(&Emergency) -> bool,
    ) -> Result<Listed, Failure> {
        let bound = |at_ms: i64| [prefix(tenant).as_slice(), &time_bytes(at_ms)].concat();
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ground, &bound(from_ms), &bound(to_ms));
        let mut listed = Listed::default();
        while let Some((key, row)) = cursor.next().map_err(engine_failure)? {
            let Some(id) = key.get(5..).and_then(|id| id.try_into().ok()) else { continue };
            let emergency = self.read(tenant, key, row)?;
            if !is_wanted(&emergency) {
                continue;
            }
            if listed.found.len() == LIST_MAX {
                listed.truncated = true;
                break;
            }
            listed.found.push((EmergencyId(id), emergency));
        }
        Ok(listed)
    }

    fn read(&self, tenant: TenantId, key: &[u8], row: &[u8]) -> Result<Emergency, Failure> {
        let damaged = || Failure::new(ErrorCode::Internal, "the row of an emergency access is damaged");
        let plain = self.store.tenant(tenant).shared_body_key().open(key, row).map_err(|_| damaged())?;
        serde_json::from_slice(&plain).map_err(|_| damaged())
    }

    fn put(&self, tenant: TenantId, id: EmergencyId, emergency: &Emergency) -> Result<(), Failure> {
        let plain =
            serde_json::to_vec(emergency).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        let key = key(tenant, id);
        let mut sealed = Vec::with_capacity(plain.len() + 32);
        self.store.tenant(tenant).shared_body_key().seal(&key, &plain, &mut sealed);
        let mut transaction = Transaction::new(tenant);
        transaction.writes.push(Write::Put(Keyspace::Ground, key, sealed));
        self.store.commit(transaction).map(drop).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
    }
}

fn prefix(tenant: TenantId) -> Vec<u8> {
    let mut key = Vec::with_capacity(21);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(EMERGENCY);
    key
}

fn key(tenant: TenantId, id: EmergencyId) -> Vec<u8> {
    [prefix(tenant).as_slice(), &id.0].concat()
}

fn time_bytes(at_ms: i64) -> [u8; 8] {
    u64::try_from(at_ms).unwrap_or(0).to_be_bytes()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn engine_failure(error: store::EngineError) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}

#[cfg(test)]
mod tests {
    use model::china::DAY_MS;
    use store::MemoryEngine;
    use trust::{Account, MasterKey, Role};

    use super::*;

    const NOW_MS: i64 = 1_795_363_200_000;

    fn opened(count: i64) -> (Emergencies, Actor) {
        let store = Store::over(Arc::new(MemoryEngine::new()), store::Options::new(MasterKey::generate())).unwrap();
        let actor = Account::new("auditor", Role::AuditAdministrator, TenantId(1)).actor();
        let emergencies = Emergencies::new(store);
        for at in 0..count {
            let stated = (ReasonCode::Unconscious, "车祸昏迷，需了解过敏史");
            emergencies.open(&actor, Home(7), stated, NOW_MS - at * DAY_MS, 60).unwrap();
        }
        (emergencies, actor)
    }

    #[test]
    fn what_nobody_reviewed_is_listed_whatever_its_day_and_the_oldest_first() {
        let (emergencies, auditor) = opened(3);
        let all = emergencies.unreviewed(TenantId(1)).unwrap();
        let times: Vec<i64> = all.found.iter().map(|(_, emergency)| emergency.at_ms).collect();
        assert_eq!(times, [NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS, NOW_MS]);
        assert!(!all.truncated);
        emergencies.review(&auditor, all.found[0].0, (ReviewState::Justified, None), NOW_MS).unwrap();
        assert_eq!(emergencies.unreviewed(TenantId(1)).unwrap().found.len(), 2);
        assert_eq!(emergencies.of_day(TenantId(1), NOW_MS - 2 * DAY_MS).unwrap().found.len(), 1, "the day keeps it");
    }

    #[test]
    fn a_verdict_is_said_once() {
        let (emergencies, auditor) = opened(1);
        let id = emergencies.unreviewed(TenantId(1)).unwrap().found[0].0;
        let say = |state, note: &str| emergencies.review(&auditor, id, (state, Some(note.to_owned())), NOW_MS);
        assert_eq!(say(ReviewState::Open, "还没看完").unwrap_err().code, ErrorCode::Unprocessable);
        say(ReviewState::Unjustified, "无急诊记录").unwrap();
        assert_eq!(say(ReviewState::Justified, "其实可以").unwrap_err().code, ErrorCode::Conflict);
        let kept = &emergencies.of_day(TenantId(1), NOW_MS).unwrap().found[0].1;
        assert_eq!((kept.state, kept.note.as_deref()), (ReviewState::Unjustified, Some("无急诊记录")));
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let (emergencies, _) = opened(i64::try_from(LIST_MAX).unwrap() + 1);
        let all = emergencies.unreviewed(TenantId(1)).unwrap();
        assert_eq!((all.found.len(), all.truncated), (LIST_MAX, true));
    }
}
