//! `Patient/$match`: who may this be? One registration per person, the best scoring, with how sure and why.
//!
//! Whoever asks has to describe somebody: a name, and a birth date, a telephone or a document. A number alone finds nobody, and who
//! carries a number under another name is not told: the operation does not say whose number something is, or that it exists.

use std::collections::HashMap;

use axum::http::StatusCode;
use intake::Match;
use model::{ErrorCode, Failure, TenantId};
use parking_lot::Mutex;
use records::Caller;
use serde_json::{Value, json};
use trust::{Interaction, Role};

use super::{heavily, no_parameters};
use crate::answer::{Answer, Outcome};
use crate::negotiate::{RESOURCE_KINDS, sends};
use crate::visit::Visit;

/// Matches that are answered at most, and when nobody says how many.
const MATCHES_MAX: u64 = 50;
const MATCHES_USUAL: u64 = 10;
/// Questions of one machine account per second: a busy gateway of a county asks some hundred.
const MACHINE_PER_SECOND: f64 = 1_000.0;
/// Questions of one person's account: as fast as somebody can type.
const PERSON_PER_SECOND: f64 = 1.0;
/// A burst that an account may save up, in seconds of its rate; a person may ask thirty times in a row.
const MACHINE_BURST_SECONDS: f64 = 2.0;
const PERSON_BURST_SECONDS: f64 = 30.0;
/// Accounts that are remembered; more than these do not ask at the same time.
const ACCOUNTS_MAX: usize = 10_000;

const GRADE: &str = "http://hl7.org/fhir/StructureDefinition/match-grade";
const EXPLANATION: &str = "urn:kangmai:match-explanation";

/// How many questions each account may still ask.
#[derive(Debug, Default)]
pub struct MatchLimits(Mutex<HashMap<(TenantId, String), (f64, i64)>>);

impl MatchLimits {
    /// Takes one question from an account.
    ///
    /// # Errors
    /// `Busy` when it has none left.
    pub fn take(&self, tenant: TenantId, name: &str, role: Role, now_ms: i64) -> Result<(), Failure> {
        let (rate, burst_seconds) = match role {
            Role::Machine => (MACHINE_PER_SECOND, MACHINE_BURST_SECONDS),
            _ => (PERSON_PER_SECOND, PERSON_BURST_SECONDS),
        };
        let mut accounts = self.0.lock();
        if accounts.len() >= ACCOUNTS_MAX {
            accounts.clear();
        }
        let (left, at_ms) = accounts.entry((tenant, name.to_owned())).or_insert((rate * burst_seconds, now_ms));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two questions")]
        let seconds = (now_ms - *at_ms).max(0) as f64 / 1000.0;
        *left = (*left + seconds * rate).min(rate * burst_seconds);
        *at_ms = now_ms;
        if *left < 1.0 {
            return Err(Failure::new(ErrorCode::Busy, "too many questions of this account; ask more slowly"));
        }
        *left -= 1.0;
        Ok(())
    }
}

/// What is asked.
struct Question {
    patient: Value,
    count: u64,
    is_certain_only: bool,
}

/// `POST /Patient/$match`.
pub async fn run(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    only_patients(visit)?;
    sends(&visit.headers, RESOURCE_KINDS)?;
    let caller = visit.may(Interaction::Search, "Patient")?;
    let actor = &caller.actor;
    visit.app.match_limits.take(actor.tenant, &actor.name, actor.role, visit.app.now_ms())?;
    let question = question(&visit.body)?;
    heavily(|| answer(visit, caller, &question))
}

/// The operations of the identity index are about Patients.
pub fn only_patients(visit: &Visit) -> Result<(), Failure> {
    match visit.type_name()? {
        "Patient" => Ok(()),
        _ => Err(Failure::new(ErrorCode::NotSupported, "this operation is answered for Patient only")),
    }
}

fn question(body: &[u8]) -> Result<Question, Failure> {
    let unread = |what: &str| Failure::new(ErrorCode::NotReadable, what.to_owned());
    let parameters: Value = serde_json::from_slice(body).map_err(|_| unread("the body is no JSON"))?;
    if parameters["resourceType"] != "Parameters" {
        return Err(unread("send a Parameters resource with a parameter `resource`"));
    }
    let mut question = Question { patient: Value::Null, count: MATCHES_USUAL, is_certain_only: false };
    for parameter in parameters["parameter"].as_array().into_iter().flatten() {
        match parameter["name"].as_str() {
            Some("resource") => question.patient = parameter["resource"].clone(),
            Some("count") => {
                let count = ["valueInteger", "valuePositiveInt", "valueUnsignedInt"];
                let count = count.iter().find_map(|member| parameter[*member].as_u64());
                question.count = count.ok_or_else(|| unread("`count` is a whole number"))?;
            }
            Some("onlyCertainMatches") => {
                let value = parameter["valueBoolean"].as_bool();
                question.is_certain_only = value.ok_or_else(|| unread("`onlyCertainMatches` is a boolean"))?;
            }
            _ => return Err(unread("unknown parameter; known: resource, count, onlyCertainMatches")),
        }
    }
    if question.patient["resourceType"] != "Patient" {
        return Err(unread("the parameter `resource` is a Patient"));
    }
    question.count = question.count.clamp(1, MATCHES_MAX);
    Ok(question)
}

fn answer(visit: &Visit, caller: &Caller, question: &Question) -> Outcome {
    let limit = usize::try_from(question.count).unwrap_or(usize::MAX);
    let found = visit.app.road.identity().find(caller.tenant(), &question.patient, limit)?;
    let (mut entries, mut disclosed) = (Vec::new(), Vec::new());
    for one in found {
        if question.is_certain_only && one.grade != intake::MatchGrade::Certain {
            continue;
        }
        // What the caller may not see is not there.
        let document = match visit.records().read(caller, "Patient", &one.id) {
            Ok(document) => document,
            Err(failure) if matches!(failure.code, ErrorCode::NotFound | ErrorCode::Gone) => continue,
            Err(failure) => return Err(failure),
        };
        let resource: Value = serde_json::from_slice(&document.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
        disclosed.push(one.registration);
        entries.push(entry(visit, &one, &resource));
    }
    let count = entries.len();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": count });
    if count > 0 {
        bundle["entry"] = Value::Array(entries);
    }
    Ok(Answer::fhir(StatusCode::OK, &bundle).disclosing(disclosed, count))
}

fn entry(visit: &Visit, one: &Match, resource: &Value) -> Value {
    let reasons: Vec<Value> = one
        .reasons
        .iter()
        .map(|reason| {
            let field = visit.language.pick((reason.field_zh.as_str(), reason.field_en.as_str()));
            let level = visit.language.pick((reason.level_zh.as_str(), reason.level_en.as_str()));
            json!({ "url": "field", "extension": [
                { "url": "name", "valueString": field },
                { "url": "agreement", "valueString": level },
                { "url": "bits", "valueDecimal": reason.bits },
            ]})
        })
        .collect();
    json!({
        "fullUrl": format!("{}/Patient/{}", visit.base_url(), one.id),
        "resource": resource,
        "search": {
            "extension": [
                { "url": GRADE, "valueCode": one.grade.code() },
                { "url": EXPLANATION, "extension": reasons },
            ],
            "mode": "match",
            "score": one.score,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_rate_and_a_burst() {
        let limits = MatchLimits::default();
        let ask = |now_ms| limits.take(TenantId(1), "doctor", Role::Clinician, now_ms).is_ok();
        assert_eq!((0..40).filter(|_| ask(0)).count(), 30);
        assert!(!ask(500) && ask(1_000) && !ask(1_100));
        assert!(limits.take(TenantId(1), "another", Role::Clinician, 1_100).is_ok());
    }

    #[test]
    fn a_question_is_parameters_with_a_patient() {
        let good = json!({ "resourceType": "Parameters", "parameter": [
            { "name": "resource", "resource": { "resourceType": "Patient" } }, { "name": "count", "valueInteger": 900 },
            { "name": "onlyCertainMatches", "valueBoolean": true },
        ]});
        let read = question(good.to_string().as_bytes()).unwrap();
        assert_eq!((read.count, read.is_certain_only), (MATCHES_MAX, true));
        for bad in [
            json!({ "resourceType": "Patient" }),
            json!({ "resourceType": "Parameters" }),
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "other" }] }),
        ] {
            assert!(question(bad.to_string().as_bytes()).is_err(), "{bad}");
        }
    }
}
