//! Objections (异议): a resident says that a record is wrong; the institution that made it answers. The objection is a FHIR `Task`
//! whose owner is the institution. Nothing in the record changes by it: the institution sends a correction on the road.

use formats::national::INSTITUTION_CODE;
use model::{ErrorCode, Failure, instant_text};
use records::{Caller, Return, Target, WriteOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{Duty, Interaction};

use super::lookup::{self, Institutions, Subject};
use super::{body, facts, only_parameters};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// What kind of task it is.
const KIND: (&str, &str) = ("urn:kangmai:task", "objection");
/// A sentence at least, a page at most.
const TEXT_CHARACTERS: std::ops::RangeInclusive<usize> = 5..=1000;
/// The most that one list shows.
const LIST_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Objection {
    #[serde(rename = "type")]
    type_name: String,
    id: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    status: String,
    text: String,
}

/// `POST /api/v1/persons/{id}/objections`.
pub async fn make(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    visit.has_duty(Duty::Object)?;
    let objection: Objection = body(visit)?;
    let text = worded(&objection.text)?;
    let (task, disclosed) = tokio::task::block_in_place(|| task_of(visit, &objection, &text))?;
    let options = WriteOptions { return_: Return::Representation, ..WriteOptions::default() };
    let written = visit.records().create(&own(visit)?, "Task", task.to_string().as_bytes(), &options).await?;
    Ok(Answer::json(&json!({"id": written.id, "status": "requested"})).disclosing(disclosed, 1))
}

fn task_of(visit: &Visit, objection: &Objection, text: &str) -> Result<(Value, Vec<model::Home>), Failure> {
    let subject = lookup::subject(visit)?;
    let caller = visit.may(Interaction::Read, &objection.type_name)?;
    let document = visit.records().read(caller, &objection.type_name, &objection.id)?;
    let about: Value = serde_json::from_slice(&document.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
    if !document.disclosed.iter().all(|home| subject.disclosed.contains(home)) {
        return Err(Failure::new(ErrorCode::NotFound, "that record is not of this person"));
    }
    let institution = owner_of(&subject, &about)?;
    // Objections are filed with the registration that the record belongs to.
    let patient = visit.records().registration_id(caller.tenant(), document.key.home)?;
    let patient = patient.or_else(|| subject.first()["id"].as_str().map(str::to_owned)).unwrap_or_default();
    let task = json!({
        "resourceType": "Task", "status": "requested", "intent": "order",
        "code": {"coding": [{"system": KIND.0, "code": KIND.1}], "text": "异议"},
        "focus": {"reference": format!("{}/{}", objection.type_name, objection.id), "display": facts::title(&about)},
        "for": {"reference": format!("Patient/{patient}")},
        "owner": {"identifier": {"system": INSTITUTION_CODE, "value": institution}},
        "authoredOn": instant_text(visit.app.now_ms()),
        "description": text,
    });
    Ok((task, document.disclosed))
}

/// The institution that answers for a record: the one that the page names beside it.
fn owner_of(subject: &Subject, about: &Value) -> Result<String, Failure> {
    Institutions::of(subject)
        .code_of(about)
        .ok_or_else(|| Failure::new(ErrorCode::Unprocessable, "nobody knows which institution this record is from"))
}

/// `GET /api/v1/persons/{id}/objections`.
pub async fn of_person(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| {
        let subject = lookup::subject(visit)?;
        let (any, kind) = (subject.any(), format!("{}|{}", KIND.0, KIND.1));
        let pairs = [("patient", any.as_str()), ("code", kind.as_str()), ("_count", "200"), ("_total", "none")];
        let found = lookup::all(visit, "Task", &pairs, LIST_MAX)?;
        let mut institutions = Institutions::default();
        let lines: Vec<Value> = found.hits.iter().map(|task| line(visit, task, &mut institutions)).collect();
        let count = lines.len();
        let page = json!({"objections": lines, "truncated": found.truncated});
        Ok(Answer::json(&page).disclosing(subject.disclosed, count))
    })
}

/// `GET /api/v1/objections`: those to records of the own institution.
pub async fn of_institution(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let actor = &visit.has_duty(Duty::AnswerObjections)?.actor;
    let institution = actor.institution.clone().unwrap_or_default();
    tokio::task::block_in_place(|| {
        let (owner, kind) = (format!("{INSTITUTION_CODE}|{institution}"), format!("{}|{}", KIND.0, KIND.1));
        let pairs = [("owner:identifier", owner.as_str()), ("code", kind.as_str())];
        let found = visit.records().search_whole(&own(visit)?, "Task", &pairs, LIST_MAX)?;
        let mut institutions = Institutions::default();
        let mut lines = Vec::new();
        for task in &found.hits {
            let mut shown = line(visit, task, &mut institutions);
            let patient = task["for"]["reference"].as_str().and_then(|it| it.strip_prefix("Patient/"));
            if let Some(patient) = patient {
                let home = visit.records().registration(actor.tenant, patient);
                shown["person"] = lookup::masked_identity(visit, home)?;
            }
            lines.push(shown);
        }
        let count = lines.len();
        let page = json!({"objections": lines, "truncated": found.truncated});
        Ok(Answer::json(&page).disclosing(found.disclosed, count))
    })
}

/// `POST /api/v1/objections/{task}/answer`.
pub async fn answer(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let actor = &visit.has_duty(Duty::AnswerObjections)?.actor;
    let reply: Reply = body(visit)?;
    let text = worded(&reply.text)?;
    if !matches!(reply.status.as_str(), "accepted" | "rejected") {
        return Err(Failure::new(ErrorCode::Unprocessable, "`status` is `accepted` or `rejected`"));
    }
    let caller = own(visit)?;
    let id = visit.part("task").unwrap_or_default();
    let document = visit.records().read(&caller, "Task", id)?;
    let mut task: Value = serde_json::from_slice(&document.json)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
    let is_theirs = task["code"]["coding"][0]["code"] == KIND.1
        && task["owner"]["identifier"]["value"].as_str() == actor.institution.as_deref();
    if !is_theirs {
        return Err(Failure::new(ErrorCode::NotFound, "no such objection to a record of this institution"));
    }
    task["status"] = reply.status.into();
    task["lastModified"] = instant_text(visit.app.now_ms()).into();
    task["note"] = json!([{"authorString": actor.name, "time": instant_text(visit.app.now_ms()), "text": text}]);
    let options = WriteOptions { if_match: Some(format!("W/\"{}\"", document.version)), ..WriteOptions::default() };
    visit.records().update(&caller, "Task", Target::Id(id), task.to_string().as_bytes(), &options).await?;
    let mut institutions = Institutions::default();
    let shown = tokio::task::block_in_place(|| line(visit, &task, &mut institutions));
    Ok(Answer::json(&shown).disclosing(document.disclosed, 1))
}

/// The platform's own hand: a resident and an institution's administrator act through these routes, not on records.
fn own(visit: &Visit) -> Result<Caller, Failure> {
    let mut caller = care::platform(visit.caller()?.tenant())?;
    caller.base_url = visit.base_url();
    caller.request_id.clone_from(&visit.request_id);
    Ok(caller)
}

fn worded(text: &str) -> Result<String, Failure> {
    let text: String = text.trim().chars().filter(|it| !it.is_control() || *it == '\n').collect();
    if TEXT_CHARACTERS.contains(&text.chars().count()) {
        return Ok(text);
    }
    let how = format!("`text` has {} to {} characters", TEXT_CHARACTERS.start(), TEXT_CHARACTERS.end());
    Err(Failure::new(ErrorCode::Unprocessable, how))
}

fn line(visit: &Visit, task: &Value, institutions: &mut Institutions) -> Value {
    let institution = task["owner"]["identifier"]["value"].as_str().unwrap_or_default();
    let (type_name, id) = task["focus"]["reference"].as_str().and_then(|it| it.split_once('/')).unwrap_or_default();
    json!({
        "id": task["id"],
        "about": {"type": type_name, "id": id, "title": task["focus"]["display"]},
        "text": task["description"],
        "institution": institution,
        "institution_name": institutions.name(visit, institution),
        "status": task["status"],
        "at": task["authoredOn"],
        "answer": task["note"][0]["text"],
        "answered_at": task["note"][0]["time"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_names_no_institution_is_answered_for_by_that_of_its_registration() {
        let patient = json!({"resourceType": "Patient", "id": "a",
            "identifier": [{"system": "urn:kangmai:institution:1234:patient", "value": "P1"}]});
        let subject = Subject {
            id: "p".to_owned(),
            patients: vec![patient],
            homes: Vec::new(),
            disclosed: Vec::new(),
            golden: None,
        };
        let diagnosis =
            json!({"resourceType": "Condition", "code": {"text": "感冒"}, "subject": {"reference": "Patient/a"}});
        assert_eq!(owner_of(&subject, &diagnosis).ok().as_deref(), Some("1234"));
        assert!(owner_of(&subject, &json!({"subject": {"reference": "Patient/b"}})).is_err());
    }
}
