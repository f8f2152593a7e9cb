//! `Patient/$ihe-pix` (IHE `PIXm`, ITI-83): under which other numbers is this registration known?

use axum::http::StatusCode;
use model::{ErrorCode, Failure, Home, TypeCode};
use records::Caller;
use serde_json::{Value, json};
use trust::Interaction;

use super::heavily;
use super::match_::only_patients;
use crate::answer::{Answer, Outcome};
use crate::negotiate::{RESOURCE_KINDS, sends};
use crate::visit::Visit;

/// What is asked.
#[derive(Default)]
struct Question {
    system: String,
    value: String,
    /// Only numbers of these systems; empty: all.
    targets: Vec<String>,
}

/// `GET /Patient/$ihe-pix?sourceIdentifier=system|value&targetSystem=`.
pub async fn by_query(visit: &Visit) -> Outcome {
    only_patients(visit)?;
    let mut question = Question::default();
    for (name, value) in form_urlencoded::parse(visit.query().as_bytes()) {
        question.take(&name, &value)?;
    }
    heavily(|| answer(visit, &question))
}

/// `POST /Patient/$ihe-pix` with a `Parameters` resource.
pub async fn by_parameters(visit: &Visit) -> Outcome {
    super::no_parameters(visit)?;
    only_patients(visit)?;
    sends(&visit.headers, RESOURCE_KINDS)?;
    let parameters: Value = serde_json::from_slice(&visit.body)
        .map_err(|_| Failure::new(ErrorCode::NotReadable, "send a Parameters resource"))?;
    let mut question = Question::default();
    for parameter in parameters["parameter"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let identifier = &parameter["valueIdentifier"];
        if identifier.is_object() {
            let part = |member: &str| identifier[member].as_str().unwrap_or_default();
            question.take(name, &format!("{}|{}", part("system"), part("value")))?;
        } else {
            let value = ["valueUri", "valueString"].iter().find_map(|member| parameter[*member].as_str());
            question.take(name, value.unwrap_or_default())?;
        }
    }
    heavily(|| answer(visit, &question))
}

impl Question {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "sourceIdentifier" => {
                let (system, value) = value.split_once('|').unwrap_or_default();
                (self.system, self.value) = (system.to_owned(), value.to_owned());
            }
            "targetSystem" => self.targets.push(value.to_owned()),
            _ => {
                let why = "unknown parameter; known: sourceIdentifier, targetSystem";
                return Err(Failure::new(ErrorCode::BadSearch, why));
            }
        }
        Ok(())
    }
}

fn answer(visit: &Visit, question: &Question) -> Outcome {
    let caller = visit.may(Interaction::Search, "Patient")?;
    let actor = &caller.actor;
    visit.app.match_limits.take(actor.tenant, &actor.name, actor.role, visit.app.now_ms())?;
    if question.system.is_empty() || question.value.is_empty() {
        return Err(Failure::new(ErrorCode::BadSearch, "say sourceIdentifier=system|value"));
    }
    let mut homes: Vec<Home> = Vec::new();
    for registration in sources(visit, caller, question)? {
        let (_, all) =
            intake::person::registrations_of(visit.records(), &visit.app.store, caller.tenant(), registration)?;
        homes.extend(all);
    }
    homes.sort_unstable();
    homes.dedup();
    let (mut identifiers, mut references, mut disclosed) = (Vec::new(), Vec::new(), Vec::new());
    for home in homes {
        let key = model::ResourceKey {
            tenant: caller.tenant(),
            home,
            rid: model::Rid { type_code: TypeCode::PATIENT, number: model::Number(home.0) },
        };
        let id = records::Records::assigned_id(&key);
        // What the caller may not see is not there.
        let Ok(document) = visit.records().read(caller, "Patient", &id) else { continue };
        let patient: Value = serde_json::from_slice(&document.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
        let known = numbers(&patient, question);
        if known.is_empty() {
            continue;
        }
        disclosed.push(home);
        references.push(json!({ "name": "targetId", "valueReference": { "reference": format!("Patient/{id}") } }));
        for identifier in known {
            let parameter = json!({ "name": "targetIdentifier", "valueIdentifier": identifier });
            if !identifiers.contains(&parameter) {
                identifiers.push(parameter);
            }
        }
    }
    let count = references.len();
    identifiers.extend(references);
    let mut parameters = json!({ "resourceType": "Parameters" });
    if !identifiers.is_empty() {
        parameters["parameter"] = Value::Array(identifiers);
    }
    Ok(Answer::fhir(StatusCode::OK, &parameters).disclosing(disclosed, count))
}

/// The registrations under the number that is asked about.
///
/// # Errors
/// `NotFound` when there is none that the caller may see.
fn sources(visit: &Visit, caller: &Caller, question: &Question) -> Result<Vec<Home>, Failure> {
    let token = format!("{}|{}", question.system, question.value);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("identifier", &token).finish();
    let page = visit.records().search(caller, Some("Patient"), &query)?;
    if page.disclosed.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "sourceIdentifier is not known"));
    }
    Ok(page.disclosed)
}

/// The numbers of a registration that were asked for, without the one that was asked about.
fn numbers(patient: &Value, question: &Question) -> Vec<Value> {
    let all = patient["identifier"].as_array().into_iter().flatten();
    let wanted = all.filter(|one| {
        let system = one["system"].as_str().unwrap_or_default();
        let is_source = system == question.system && one["value"].as_str() == Some(&question.value);
        let is_target = question.targets.is_empty() || question.targets.iter().any(|target| target == system);
        !system.is_empty() && one["value"].is_string() && !is_source && is_target
    });
    wanted.cloned().collect()
}
