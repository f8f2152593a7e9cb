//! Who is who (主索引): questions that wait for people, what they decide, and a person's golden record.
//!
//! An index administrator sees registrations, masked, and no health record. What is decided is written by the platform on
//! their behalf, with their name and reason in the ledger and in the audit log.

use intake::{Decided, Queued, Side};
use model::{ErrorCode, Failure, Home, TypeCode, instant_text};
use records::Caller;
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{Account, Duty, Interaction, Role};

use super::facts::masked as masked_number;
use super::find::Criteria;
use super::lookup::{self, Institutions};
use super::sources::masked;
use super::{body, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Questions of one page.
const PAGE_MAX: usize = 100;
/// Persons that one search shows: whoever sees more should say more.
const PERSONS_MAX: usize = 20;
/// Events of one page.
const EVENTS_MAX: usize = 500;
/// A reason is a sentence.
const REASON_CHARACTERS_MIN: usize = 4;
/// Kinds of questions.
const KINDS: [&str; 4] = ["unsure", "vetoed", "document_conflict", "seen_together"];

/// `GET /api/v1/identity/reviews?kind=&after=`.
pub async fn reviews(visit: &Visit) -> Outcome {
    only_parameters(visit, &["kind", "after"])?;
    let caller = visit.has_duty(Duty::DecideIdentity)?;
    let (kind, after) = (parameter(visit, "kind"), parameter(visit, "after"));
    if kind.as_deref().is_some_and(|kind| !KINDS.contains(&kind)) {
        return Err(Failure::new(ErrorCode::BadSearch, format!("unknown `kind`; known: {}", KINDS.join(", "))));
    }
    let identity = visit.app.road.identity();
    let (page, counts) =
        tokio::task::block_in_place(|| identity.reviews(caller.tenant(), kind.as_deref(), after.as_deref(), PAGE_MAX))?;
    let homes: Vec<Home> = page.iter().flat_map(|one| [one.left.registration, one.right.registration]).collect();
    let next = (page.len() == PAGE_MAX).then(|| page.last().map(|one| one.id.clone())).flatten();
    let shown: Vec<Value> = page.iter().map(question).collect();
    let count = shown.len();
    Ok(Answer::json(&json!({ "reviews": shown, "counts": counts, "next": next })).disclosing(homes, count))
}

fn question(one: &Queued) -> Value {
    json!({
        "id": one.id,
        "kind": one.kind,
        "weight_bits": one.weight,
        "since": instant_text(one.at_ms),
        "reasons": one.reasons,
        "left": side(&one.left),
        "right": side(&one.right),
    })
}

fn side(side: &Side) -> Value {
    registration(&side.id, &side.person, &side.patient)
}

/// Enough to decide by, not enough to copy down.
fn registration(id: &str, person: &str, patient: &Value) -> Value {
    let list = |member: &str| patient[member].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| masked(value.as_str().unwrap_or_default());
    let number = |value: &Value| masked_number(value.as_str().unwrap_or_default());
    let names: Vec<String> = list("name").iter().map(|name| text(&name["text"])).collect();
    let phones: Vec<String> = list("telecom").iter().map(|one| number(&one["value"])).collect();
    let addresses: Vec<String> = list("address")
        .iter()
        .map(|one| one["text"].as_str().unwrap_or_default().chars().take(9).chain(['*', '*']).collect())
        .collect();
    let identifiers: Vec<Value> = list("identifier")
        .iter()
        .map(|one| json!({ "system": one["system"], "masked": number(&one["value"]) }))
        .collect();
    json!({
        "registration": format!("Patient/{id}"),
        "person": person,
        "names": names,
        "gender": patient["gender"],
        "birth_date": patient["birthDate"],
        "telecom": phones,
        "address": addresses,
        "identifiers": identifiers,
    })
}

/// `POST /api/v1/identity/search`: persons with all their registrations, masked, by a name or a whole number.
///
/// Numbers come in the body: addresses end up in histories and logs. The audit event names by what was searched, and everybody
/// who was shown.
pub async fn search(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::DecideIdentity)?;
    let criteria: Criteria = body(visit)?;
    tokio::task::block_in_place(|| {
        let (found, truncated) = criteria.registrations(visit)?;
        let mut institutions = Institutions::default();
        let (mut persons, mut homes) = (Vec::<Value>::new(), Vec::new());
        let mut is_cut = truncated;
        for home in found {
            let Some(subject) = lookup::subject_of(visit, home)? else { continue };
            let handle = format!("Person/{}", subject.id);
            if persons.iter().any(|person| person["person"] == handle.as_str()) {
                continue;
            }
            if persons.len() == PERSONS_MAX {
                is_cut = true;
                break;
            }
            let registrations: Vec<Value> = subject
                .patients
                .iter()
                .map(|patient| {
                    let id = patient["id"].as_str().unwrap_or_default();
                    let mut line = registration(id, &handle, patient);
                    institutions.note(visit, patient, &mut line);
                    line
                })
                .collect();
            homes.extend(&subject.disclosed);
            persons.push(json!({ "person": handle, "registrations": registrations }));
        }
        let count = persons.len();
        Ok(Answer::json(&json!({ "persons": persons, "truncated": is_cut })).disclosing(homes, count))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    /// `same` or `different`.
    decision: String,
    reason: String,
}

/// `POST /api/v1/identity/reviews/{id}/decide`.
pub async fn decide(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::DecideIdentity)?;
    let Verdict { decision, reason } = body(visit)?;
    let is_same = match decision.as_str() {
        "same" => true,
        "different" => false,
        _ => return Err(Failure::new(ErrorCode::Unprocessable, "`decision` is same or different")),
    };
    let (caller, reason) = ordered(visit, &reason)?;
    let identity = visit.app.road.identity();
    waiting(visit, identity.decide_review(&caller, visit.id(), is_same, &reason))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    /// The two persons, `Person/…`.
    persons: [String; 2],
    reason: String,
}

/// `POST /api/v1/identity/merge`.
pub async fn merge(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::DecideIdentity)?;
    let Merge { persons: [one, other], reason } = body(visit)?;
    let (caller, reason) = ordered(visit, &reason)?;
    waiting(visit, visit.app.road.identity().merge(&caller, (&one, &other), &reason))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    /// The person, `Person/…`.
    person: String,
    /// Those of its registrations that are somebody else, `Patient/…`.
    registrations: Vec<String>,
    reason: String,
}

/// `POST /api/v1/identity/split`.
pub async fn split(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::DecideIdentity)?;
    let Split { person, registrations, reason } = body(visit)?;
    let (caller, reason) = ordered(visit, &reason)?;
    waiting(visit, visit.app.road.identity().split(&caller, &person, &registrations, &reason))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// The id of the decision.
    decision: String,
    reason: String,
}

/// `POST /api/v1/identity/undo`.
pub async fn undo(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::DecideIdentity)?;
    let Undo { decision, reason } = body(visit)?;
    let (caller, reason) = ordered(visit, &reason)?;
    waiting(visit, visit.app.road.identity().undo(&caller, &decision, &reason))
}

/// The platform, writing on behalf of whoever has the duty.
fn ordered(visit: &Visit, reason: &str) -> Result<(Caller, String), Failure> {
    let caller = visit.has_duty(Duty::DecideIdentity)?;
    let reason = reason.trim();
    if reason.chars().count() < REASON_CHARACTERS_MIN {
        return Err(Failure::new(ErrorCode::Unprocessable, "say why this is decided so"));
    }
    let mut account = Account::new(&caller.actor.name, Role::Machine, caller.tenant());
    let grants = "system/Person.cru system/Patient.cru".parse();
    account.grants = grants.map_err(|error| Failure::new(ErrorCode::Internal, format!("{error}")))?;
    Ok((crate::caller::of_account(visit, &account)?, reason.to_owned()))
}

fn waiting(visit: &Visit, decided: impl Future<Output = Result<Decided, Failure>>) -> Outcome {
    let runtime = tokio::runtime::Handle::current();
    let decided = tokio::task::block_in_place(|| runtime.block_on(decided))?;
    let tenant = visit.caller()?.tenant();
    let registrations = decided.persons.values().flatten();
    let homes: Vec<Home> = registrations
        .map(|reference| visit.records().registration(tenant, reference.strip_prefix("Patient/").unwrap_or(reference)))
        .collect();
    visit.trail.lock().detail = Some(format!("{} {}", decided.decision.kind.code(), decided.decision.id));
    let count = homes.len();
    let page = json!({
        "decision": { "id": decided.decision.id, "kind": decided.decision.kind, "at": instant_text(decided.decision.at_ms) },
        "persons": decided.persons,
    });
    Ok(Answer::json(&page).disclosing(homes, count))
}

/// `GET /api/v1/identity/decisions`: what people decided, newest first.
pub async fn decisions(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let caller = visit.has_duty(Duty::DecideIdentity)?;
    let tenant = caller.tenant();
    let mut all = tokio::task::block_in_place(|| visit.app.road.identity().decided(tenant))?;
    all.reverse();
    let is_cut = all.len() > EVENTS_MAX;
    all.truncate(EVENTS_MAX);
    let shown: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "id": one.id, "kind": one.kind, "by": one.by, "reason": one.reason, "at": instant_text(one.at_ms),
                "model": one.model, "undoes": one.undoes, "undone_by": one.undone_by,
            })
        })
        .collect();
    Ok(Answer::json(&json!({ "decisions": shown, "truncated": is_cut })))
}

/// `GET /api/v1/identity/events?after=`: links and moves in the order of time.
pub async fn events(visit: &Visit) -> Outcome {
    only_parameters(visit, &["after"])?;
    let caller = visit.caller()?;
    // A program that keeps copies of registrations follows them too.
    if caller.actor.role == Role::Machine {
        visit.may(Interaction::Read, "Person")?;
    } else {
        visit.has_duty(Duty::DecideIdentity)?;
    }
    let after = parameter(visit, "after");
    let tenant = caller.tenant();
    let identity = visit.app.road.identity();
    let (events, next) = tokio::task::block_in_place(|| identity.events(tenant, after.as_deref(), EVENTS_MAX))?;
    let mut homes: Vec<Home> = Vec::new();
    let mut shown: Vec<Value> = Vec::new();
    for (id, event) in &events {
        let registration = event.registration.strip_prefix("Patient/").unwrap_or(&event.registration);
        homes.push(visit.records().registration(tenant, registration));
        shown.push(json!({
            "id": id, "kind": event.kind, "person": event.person, "from": event.from,
            "registration": event.registration, "other": event.other, "weight_bits": event.weight,
            "rule": event.rule, "reason": event.reason, "by": event.by, "at": instant_text(event.at_ms),
            "original": event.original,
        }));
    }
    let count = shown.len();
    Ok(Answer::json(&json!({ "events": shown, "next": next })).disclosing(homes, count))
}

/// `GET /api/v1/persons/{id}/golden`: of each attribute the best value, its source, time and confidence. `id`: of a person or of
/// one of its registrations.
pub async fn golden(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| record(visit))
}

fn record(visit: &Visit) -> Outcome {
    let caller = visit.may(Interaction::Read, "Person")?;
    let missing = || Failure::new(ErrorCode::NotFound, "no such person");
    let tenant = caller.tenant();
    let type_code = TypeCode::of("Person").map_err(|_| missing())?;
    let is_person = visit.records().address(tenant, type_code, visit.id())?;
    let is_person = is_person.map(|key| visit.records().stored(&key)).transpose()?.flatten().is_some();
    let id = if is_person {
        visit.id().to_owned()
    } else {
        // Whoever may see the registration may learn whose it is.
        let document = visit.records().read(caller, "Patient", visit.id())?;
        let home = document.key.home;
        let (person, _) = intake::person::registrations_of(visit.records(), &visit.app.store, tenant, home)?;
        let rid = person.ok_or_else(missing)?;
        records::Records::assigned_id(&model::ResourceKey { tenant, home: Home::SHARED, rid })
    };
    let document = visit.records().read(caller, "Person", &id)?;
    let person: Value = serde_json::from_slice(&document.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
    let homes: Vec<Home> = person["link"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|link| link["target"]["reference"].as_str()?.strip_prefix("Patient/"))
        .map(|id| visit.records().registration(tenant, id))
        .collect();
    let attributes: Vec<Value> = person["extension"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|extension| extension["url"] == "urn:kangmai:golden")
        .map(|extension| {
            let part = |name: &str, member: &str| {
                let parts = extension["extension"].as_array().into_iter().flatten();
                parts.filter(|part| part["url"] == name).map(|part| part[member].clone()).next().unwrap_or_default()
            };
            let attribute = part("attribute", "valueCode");
            let held = &person[attribute.as_str().unwrap_or_default()];
            let (value, others) = match held.as_array() {
                Some(list) => (list.first().cloned().unwrap_or_default(), list.get(1..).unwrap_or_default().to_vec()),
                None => (held.clone(), Vec::new()),
            };
            json!({
                "attribute": attribute, "value": value, "others": others,
                "source": part("source", "valueReference")["reference"], "time": part("time", "valueInstant"),
                "confidence": part("confidence", "valueDecimal"),
            })
        })
        .collect();
    let page = json!({
        "person": format!("Person/{id}"), "active": person["active"], "registrations": person["link"].as_array().map(Vec::len),
        "attributes": attributes,
    });
    let count = homes.len();
    Ok(Answer::json(&page).disclosing(homes, count))
}
