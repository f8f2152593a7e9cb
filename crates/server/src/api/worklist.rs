//! Whom a clinician sees today (当前就诊): the visits that give a ground, and nobody else.

use std::collections::BTreeSet;

use model::{ErrorCode, Failure, Home, instant_text};
use serde_json::{Value, json};
use trust::{GroundKind, Interaction};

use super::lookup::{self, Institutions};
use super::{facts, only_parameters, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The most that one list shows; a clinician sees some dozens a day.
const VISITS_MAX: usize = 300;

/// `GET /api/v1/worklist`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let caller = visit.may(Interaction::Search, "Encounter")?;
    let rule =
        trust::policy::grounds_for(caller.actor.role, caller.purpose).find(|rule| rule.kind == GroundKind::Visit);
    let Some(rule) = rule else {
        return Err(Failure::new(ErrorCode::Forbidden, "this role has no patients in progress"));
    };
    let mut visits = visit.app.grounds.visits(&caller.actor, rule.days_after_registration)?;
    visits.sort_by_key(|known| std::cmp::Reverse((known.from_ms, known.key.rid.number)));
    let truncated = visits.len() > VISITS_MAX;
    let (mut lines, mut homes) = (Vec::new(), BTreeSet::new());
    let mut institutions = Institutions::default();
    for known in visits.iter().take(VISITS_MAX) {
        let id = records::Records::assigned_id(&known.key);
        let document = match visit.records().read(caller, "Encounter", &id) {
            Ok(document) => document,
            Err(failure) if matches!(failure.code, ErrorCode::NotFound | ErrorCode::Gone) => continue,
            Err(failure) => return Err(failure),
        };
        let encounter: Value = serde_json::from_slice(&document.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
        let Some(subject) = lookup::subject_of(visit, known.key.home)? else { continue };
        homes.extend(subject.disclosed.iter().copied());
        lines.push(json!({
            "person": summary::person(visit, &subject, &mut institutions),
            "encounter": encounter_line(visit, &encounter, &mut institutions),
            "until": instant_text(known.counts_until_ms(rule.days_after_registration)),
        }));
    }
    let count = lines.len();
    let homes: Vec<Home> = homes.into_iter().collect();
    Ok(Answer::json(&json!({"visits": lines, "truncated": truncated})).disclosing(homes, count))
}

fn encounter_line(visit: &Visit, encounter: &Value, institutions: &mut Institutions) -> Value {
    let mut participants = encounter["participant"].as_array().into_iter().flatten();
    json!({
        "id": encounter["id"],
        "class": encounter["class"]["code"],
        "class_text": encounter["class"]["display"],
        "status": encounter["status"],
        "start": encounter["period"]["start"],
        "end": encounter["period"]["end"],
        "number": encounter["identifier"][0]["value"],
        "department": institutions.department(visit, encounter),
        "practitioner": participants.find_map(|it| institutions.staff(visit, &it["individual"])),
        "reason": encounter["reasonCode"].as_array().and_then(|reasons| facts::concept_words(reasons.first()?)),
    })
}
