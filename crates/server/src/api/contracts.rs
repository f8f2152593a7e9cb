//! A family doctor's residents (我的签约居民) and the lists made from their records, each shown with its rule.

use model::{ErrorCode, Failure, Home, instant_text};
use serde_json::{Value, json};
use standards::lists::List;
use trust::Duty;

use super::lookup::{self, Institutions, Subject};
use super::{facts, only_parameters, summary};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Residents of one doctor that a page shows; the service standard asks for at most 2,000 per team.
const PERSONS_MAX: usize = 2_000;
/// Visits among which the last one that took place is looked for.
const VISITS_LOOKED_AT: usize = 16;
/// Problems named beside a resident.
const PROBLEMS_MAX: usize = 4;

/// `GET /api/v1/contracts`.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| {
        let residents = residents(visit)?;
        let mut institutions = Institutions::default();
        let (mut persons, mut disclosed) = (Vec::new(), Vec::<Home>::new());
        for resident in residents.iter().take(PERSONS_MAX) {
            persons.push(json!({
                "person": summary::person(visit, &resident.subject, &mut institutions),
                "since": instant_text(resident.from_ms),
                "until": instant_text(resident.until_ms),
                "problems": problems(visit, &resident.subject)?,
                "last_contact": last_contact(visit, &resident.subject)?,
            }));
            disclosed.extend(&resident.subject.disclosed);
        }
        let count = persons.len();
        let page = json!({"persons": persons, "truncated": residents.len() > PERSONS_MAX});
        Ok(Answer::json(&page).disclosing(disclosed, count))
    })
}

/// `GET /api/v1/lists`: every list with its rule and how many are on it.
pub async fn lists(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| {
        let residents = residents(visit)?;
        let mut shown = Vec::new();
        for list in standards::lists::lists() {
            let mut count = 0;
            for resident in &residents {
                count += usize::from(on_list(visit, list, &resident.subject)?.is_some());
            }
            let mut face = face(list);
            face["count"] = count.into();
            shown.push(face);
        }
        let disclosed = residents.iter().flat_map(|resident| resident.subject.disclosed.clone()).collect();
        Ok(Answer::json(&json!({ "lists": shown })).disclosing(disclosed, residents.len()))
    })
}

/// `GET /api/v1/lists/{list}`: who is on it, and why.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let id = visit.part("list").unwrap_or_default();
    let Some(list) = standards::lists::lists().iter().find(|list| list.id == id) else {
        let known: Vec<&str> = standards::lists::lists().iter().map(|list| list.id.as_str()).collect();
        return Err(Failure::new(ErrorCode::NotFound, format!("no such list; known: {}", known.join(", "))));
    };
    tokio::task::block_in_place(|| {
        let mut institutions = Institutions::default();
        let (mut persons, mut disclosed) = (Vec::new(), Vec::<Home>::new());
        let residents = residents(visit)?;
        for resident in &residents {
            disclosed.extend(&resident.subject.disclosed);
            if let Some(found) = on_list(visit, list, &resident.subject)? {
                persons.push(json!({
                    "person": summary::person(visit, &resident.subject, &mut institutions),
                    "why_zh": found.why_zh,
                    "why_en": found.why_en,
                    "date": found.date,
                    "evidence": found.evidence.iter().map(evidence).collect::<Vec<_>>(),
                }));
            }
        }
        persons.sort_by(|one, other| one["date"].as_str().cmp(&other["date"].as_str()));
        let count = persons.len();
        let mut face = face(list);
        face["count"] = count.into();
        let page = json!({"list": face, "persons": persons, "truncated": residents.len() > PERSONS_MAX});
        Ok(Answer::json(&page).disclosing(disclosed, count))
    })
}

struct Contracted {
    subject: Subject,
    from_ms: i64,
    until_ms: i64,
}

fn residents(visit: &Visit) -> Result<Vec<Contracted>, Failure> {
    let actor = &visit.has_duty(Duty::SeeContracts)?.actor;
    let mut found: Vec<Contracted> = Vec::new();
    for contract in visit.app.grounds.contracts(actor)? {
        let Some(subject) = lookup::subject_of(visit, contract.registration)? else { continue };
        if !found.iter().any(|known| known.subject.id == subject.id) {
            found.push(Contracted { subject, from_ms: contract.from_ms, until_ms: contract.until_ms });
        }
    }
    found.sort_by(|one, other| one.subject.id.cmp(&other.subject.id));
    Ok(found)
}

fn face(list: &List) -> Value {
    json!({
        "id": list.id, "title_zh": list.title_zh, "title_en": list.title_en, "rule_zh": list.rule_zh,
        "rule_en": list.rule_en, "source": list.source, "version": list.version,
    })
}

fn evidence(resource: &Value) -> Value {
    json!({
        "type": resource["resourceType"], "id": resource["id"], "title": facts::title(resource),
        "detail": facts::detail(resource), "date": facts::date(resource),
    })
}

fn on_list(visit: &Visit, list: &List, subject: &Subject) -> Result<Option<care::OnList>, Failure> {
    let heading = subject.heading();
    let age_years = heading["birthDate"].as_str().and_then(|date| summary::age_years(date, visit.app.now_ms()));
    let mut search = |type_name: &str, pairs: &[(&str, &str)], limit: usize| {
        let any = subject.any();
        let mut all = vec![("patient", any.as_str())];
        all.extend_from_slice(pairs);
        let count = limit.to_string();
        all.extend([("_count", count.as_str()), ("_total", "none")]);
        lookup::all(visit, type_name, &all, limit).map(|found| found.hits)
    };
    care::on_list(list, age_years, visit.app.now_ms(), &mut search)
}

fn problems(visit: &Visit, subject: &Subject) -> Result<Vec<String>, Failure> {
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("_count", "100"), ("_total", "none")];
    let mut titles: Vec<String> = Vec::new();
    let mut conditions = lookup::all(visit, "Condition", &pairs, 100)?.hits;
    conditions.retain(facts::counts);
    // Of the few that are named, those that go on come first.
    let now_ms = visit.app.now_ms();
    conditions.sort_by_key(|condition| care::course::diagnosis_over(condition, now_ms).is_some());
    for condition in conditions {
        if let Some(title) = facts::title(&condition)
            && !titles.contains(&title)
            && titles.len() < PROBLEMS_MAX
        {
            titles.push(title);
        }
    }
    Ok(titles)
}

fn last_contact(visit: &Visit, subject: &Subject) -> Result<Option<String>, Failure> {
    let any = subject.any();
    let now_ms = visit.app.now_ms();
    let (until, count) = (format!("le{}", instant_text(now_ms)), VISITS_LOOKED_AT.to_string());
    let pairs = [("patient", any.as_str()), ("date", until.as_str()), ("_count", count.as_str()), ("_total", "none")];
    let visits = lookup::all(visit, "Encounter", &pairs, VISITS_LOOKED_AT)?.hits;
    let last = visits.iter().find(|encounter| facts::took_place(encounter, now_ms));
    Ok(last.and_then(facts::date).map(str::to_owned))
}
