//! One click from the hospital's own screen (诊间调阅): the HIS signs institution, staff number, department, visit and time with the
//! institution's launch key; within a minute, once, that opens the visit's record as the clinician with that number.
//!
//! `signature = hex(HMAC-SM3(launch key, institution | staff | department | visit | at))`, fields joined by a line feed, `at`
//! in seconds since 1970. `kangmai admin launch-key` prints the key. A signature is no ground: the visit must still be one of
//! the clinician's.

use std::collections::HashMap;

use formats::national;
use model::{ErrorCode, Failure, Home, Purpose, TenantId, instant_text};
use parking_lot::Mutex;
use records::Records;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use trust::{Account, Actor, AuditAction, Domain, GroundKind, Role};

use super::body;
use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::sessions::IDLE_MS_MAX;
use crate::visit::Visit;

/// A signature is good for so long: the time of a click, and of clocks that differ.
const SIGNATURE_SECONDS_MAX: i64 = 60;
/// Signatures remembered, so that none opens twice; a city clicks a few hundred times a minute.
const REMEMBERED_MAX: usize = 100_000;

/// Visits of one institution that may share a number: classes times branches, and years in which numbers begin anew.
const SAME_NUMBER_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Launch {
    pub(crate) tenant: Option<u32>,
    pub(crate) institution: String,
    pub(crate) staff: String,
    #[serde(default)]
    pub(crate) department: String,
    pub(crate) visit: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
    #[serde(default)]
    pub(crate) signature: String,
}

impl Launch {
    /// What is signed.
    fn text(&self) -> String {
        [&self.institution, &self.staff, &self.department, &self.visit, &self.at.to_string()]
            .map(String::as_str)
            .join("\n")
    }

    /// The signature of an institution's key.
    pub(crate) fn sign(&self, key_hex: &str) -> String {
        hex::encode(trust::cipher::hmac_sm3(key_hex.as_bytes(), self.text().as_bytes()))
    }
}

/// The key by which an institution signs, as it is given to its HIS.
pub fn key_of(store: &store::Store, tenant: TenantId, institution: &str) -> String {
    hex::encode(store.tenant(tenant).mac(Domain::Launch, institution.as_bytes()))
}

/// Signatures that were used, until they are too old to be used anyway.
#[derive(Default)]
pub struct Used(Mutex<HashMap<String, i64>>);

impl Used {
    /// Takes a signature; whether it was new.
    fn take(&self, signature: &str, now_ms: i64) -> bool {
        let mut used = self.0.lock();
        if used.len() >= REMEMBERED_MAX {
            used.retain(|_, at_ms| now_ms - *at_ms <= 2 * SIGNATURE_SECONDS_MAX * 1000);
        }
        used.len() < REMEMBERED_MAX && used.insert(signature.to_owned(), now_ms).is_none()
    }
}

/// `POST /api/v1/launch`.
pub async fn open(visit: &Visit) -> Outcome {
    let launch: Launch = body(visit)?;
    tokio::task::block_in_place(|| {
        let tenant = TenantId(launch.tenant.unwrap_or(1));
        let account = checked(visit, tenant, &launch)?;
        let actor = account.actor();
        visit.trail.lock().actor = Some(actor.clone());
        let nobody = || Failure::new(ErrorCode::Forbidden, "the visit is not one of this clinician's");
        let (encounter, home) = encounter(visit, &actor, &launch)?.ok_or_else(nobody)?;
        let resident = visit.app.grounds.resident_of(tenant, home)?;
        let Some(ground) = visit.app.grounds.for_person(&actor, Purpose::Treatment, &resident)? else {
            return Err(visit.denied(&trust::policy::NO_GROUND));
        };
        visit.trail.lock().detail = Some(format!("launched from {}", ground.found_in));
        let now_ms = visit.app.now_ms();
        let token = visit.app.sessions.open(tenant, &account.name, now_ms);
        let session = json!({
            "token": token.expose(),
            "account": super::session::face(visit, &actor, &account),
            "expires_at": instant_text(now_ms.saturating_add(IDLE_MS_MAX)),
        });
        Ok(Answer::json(&json!({
            "session": session,
            "person": {"id": resident.id(visit.records(), tenant)},
            "encounter": encounter["id"],
        })))
    })
}

/// The account that a signature opens.
fn checked(visit: &Visit, tenant: TenantId, launch: &Launch) -> Result<Account, Failure> {
    let refused = |why: &str| {
        visit.trail.lock().action = Some(AuditAction::NotSignedIn);
        Err(Failure::new(ErrorCode::NotSignedIn, why))
    };
    let now_ms = visit.app.now_ms();
    let expected = launch.sign(&key_of(&visit.app.store, tenant, &launch.institution));
    // One sentence for everything that is wrong with a signature, and in constant time.
    if !bool::from(expected.as_bytes().ct_eq(launch.signature.as_bytes())) {
        return refused("the signature is not the institution's");
    }
    if (now_ms / 1000 - launch.at).abs() > SIGNATURE_SECONDS_MAX {
        return refused("the signature is older than a minute, or the clocks differ");
    }
    if !visit.app.launches.take(&launch.signature, now_ms) {
        return refused("the signature was used before");
    }
    let accounts = visit.app.store.accounts().list(tenant).map_err(|error| store_failure(&error))?;
    let is_it = |account: &&Account| {
        matches!(account.role, Role::Clinician | Role::FamilyDoctor)
            && !account.disabled
            && account.institution.as_deref() == Some(launch.institution.as_str())
            && account.staff_number.as_deref() == Some(launch.staff.as_str())
            && (launch.department.is_empty()
                || account.department.as_deref().is_none_or(|department| department == launch.department))
    };
    match accounts.iter().find(is_it) {
        Some(account) => Ok(account.clone()),
        None => refused("no clinician of this institution has that staff number and department"),
    }
}

/// The visit that is meant, and whose it is. A 就诊流水号 may be given twice, to an outpatient and to an inpatient or in two branches: then
/// the clinician's own visit is meant, and when that does not tell, none.
fn encounter(visit: &Visit, actor: &Actor, launch: &Launch) -> Result<Option<(Value, Home)>, Failure> {
    let system = national::institution_system(&launch.institution, "visit");
    let identifier = format!("{system}|{}", super::find::escaped(&launch.visit));
    let pairs = [("identifier", identifier.as_str())];
    let tenant = actor.tenant;
    let found = visit.records().search_whole(&care::platform(tenant)?, "Encounter", &pairs, SAME_NUMBER_MAX)?;
    let subject = |encounter: &Value| {
        let patient = encounter["subject"]["reference"].as_str()?.strip_prefix("Patient/")?;
        Some(visit.records().registration(tenant, patient))
    };
    let mut meant: Vec<(Value, Home)> =
        found.hits.into_iter().filter_map(|encounter| subject(&encounter).map(|home| (encounter, home))).collect();
    let is_of_one =
        |meant: &[(Value, Home)]| meant.iter().all(|(_, home)| meant.first().is_some_and(|it| it.1 == *home));
    if !is_of_one(&meant) {
        let rules = trust::policy::grounds_for(actor.role, Purpose::Treatment);
        let days = rules.filter(|rule| rule.kind == GroundKind::Visit).map(|rule| rule.days_after_registration).next();
        let own = visit.app.grounds.visits(actor, days.unwrap_or(0))?;
        let is_own = |encounter: &Value| own.iter().any(|it| encounter["id"] == Records::assigned_id(&it.key));
        meant.retain(|(encounter, _)| is_own(encounter));
    }
    Ok(if is_of_one(&meant) { meant.into_iter().next() } else { None })
}
