//! The front page of one person: allergies, problems, medicines, and the latest result of every kind.

use std::collections::HashSet;

use model::china;
use model::{Failure, Home, instant_text};
use serde_json::{Value, json};
use trust::Interaction;

use super::lookup::{self, Found, Institutions, RESOURCES_MAX, Subject};
use super::{facts, timeline};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// The newest visits among which the last one at one's own institution is looked for.
const VISITS_LOOKED_AT: &str = "50";

/// News on the front page; the timeline has the rest.
const NEWS_MAX: usize = 20;

/// `GET /api/v1/persons/{id}/summary`.
pub async fn show(visit: &Visit) -> Outcome {
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let mut disclosed = subject.disclosed.clone();
    let mut institutions = Institutions::default();
    let mut lists = Vec::new();
    for type_name in ["AllergyIntolerance", "Condition", "MedicationRequest"] {
        lists.push(of_person(visit, &subject, type_name, &mut disclosed)?);
    }
    lists.push(newest_results(visit, &subject, &mut disclosed)?);
    let count = 1 + lists.iter().map(|list| list.hits.len() + list.included.len()).sum::<usize>();
    let truncated = lists.iter().any(|list| list.truncated);
    let mut lines = |list: &Found, line: &dyn Fn(&Value) -> Value| -> Vec<Value> {
        let noted = list.hits.iter().map(|resource| {
            let mut line = line(resource);
            institutions.note(visit, resource, &mut line);
            line
        });
        noted.collect()
    };
    let page = json!({
        "allergies": lines(&lists[0], &allergy),
        "problems": lines(&lists[1], &problem),
        "medicines": lines(&lists[2], &|request| medicine(request, &lists[2].included)),
        "results": latest(visit, &lists[3].hits, &mut institutions),
        "person": person(visit, &subject, &mut institutions),
        "basics": basics(visit, &subject)?,
        "new_since": news(visit, &subject, &mut disclosed, &mut institutions)?,
        "ground": visit.ground.as_ref().map(|ground| words_of(visit, ground)),
        "freshness": {"last_updated": newest(&subject, &lists), "resources": count, "truncated": truncated},
    });
    Ok(Answer::json(&page).disclosing(disclosed, count))
}

/// The heading: one person, and the registrations that were found to be this person.
pub(super) fn person(visit: &Visit, subject: &Subject, institutions: &mut Institutions) -> Value {
    let mut person = facts::person(subject.first());
    let registrations: Vec<Value> = subject
        .patients
        .iter()
        .map(|patient| {
            let mut line = json!({"id": patient["id"], "number_masked": own_number(patient).map(facts::masked)});
            institutions.note(visit, patient, &mut line);
            line
        })
        .collect();
    person["id"] = subject.id.clone().into();
    person["age_years"] = person["birth_date"].as_str().and_then(|date| age_years(date, visit.app.now_ms())).into();
    person["registrations"] = registrations.into();
    person
}

/// The number by which the institution itself knows the patient.
fn own_number(patient: &Value) -> Option<&str> {
    let identifiers = patient["identifier"].as_array()?;
    let own = identifiers.iter().find(|identifier| {
        identifier["system"].as_str().is_some_and(|system| system.starts_with("urn:kangmai:institution:"))
    });
    own.and_then(|identifier| identifier["value"].as_str())
}

/// Whole years from `YYYY-MM-DD` (or less of it) to a day in China.
pub(super) fn age_years(birth_date: &str, now_ms: i64) -> Option<i64> {
    let today = china::day_text(now_ms);
    let year = |text: &str| text.get(..4)?.parse::<i64>().ok();
    let had_birthday = today.get(5..10)? >= birth_date.get(5..10).unwrap_or("00-00");
    Some(year(&today)? - year(birth_date)? - i64::from(!had_birthday)).filter(|years| (0..=150).contains(years))
}

/// 个人基本健康信息, as far as the registrations say it.
fn basics(visit: &Visit, subject: &Subject) -> Result<Value, Failure> {
    let phone = subject.patients.iter().find_map(|patient| {
        let telecom = patient["telecom"].as_array()?;
        telecom.iter().find(|it| it["system"] == "phone").and_then(|it| it["value"].as_str())
    });
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("status", "active"), ("_count", "10"), ("_total", "none")];
    let teams = lookup::all(visit, "CareTeam", &pairs, 10)?;
    let now_ms = visit.app.now_ms();
    let holds = |team: &&Value| team["period"]["end"].as_str().is_none_or(|end| end >= instant_text(now_ms).as_str());
    let contract = teams.hits.iter().find(holds).map(|team| {
        let mut doctor = team["participant"].as_array().into_iter().flatten();
        json!({
            "doctor": doctor.find_map(|member| member["member"]["display"].as_str()),
            "institution_name": team["managingOrganization"][0]["display"],
            "until": team["period"]["end"],
        })
    });
    Ok(json!({
        "phone_masked": phone.map(facts::masked),
        "address": facts::person(subject.first())["address"],
        "contract": contract,
    }))
}

/// What happened since the person was last seen at the clinician's own institution.
fn news(
    visit: &Visit,
    subject: &Subject,
    disclosed: &mut Vec<Home>,
    institutions: &mut Institutions,
) -> Result<Option<Value>, Failure> {
    let Some(own) = visit.caller()?.actor.institution.clone() else { return Ok(None) };
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("_count", VISITS_LOOKED_AT), ("_total", "none")];
    let caller = visit.may(Interaction::Search, "Encounter")?;
    let visits = visit.records().search_page(caller, "Encounter", &pairs)?;
    let today = china::day_text(visit.app.now_ms());
    let is_earlier = |encounter: &&Value| {
        let date = facts::date(encounter).and_then(|date| date.get(..10));
        facts::institution(encounter).as_deref() == Some(own.as_str()) && date.is_some_and(|date| date < today.as_str())
    };
    // The newest comes first.
    let Some(last) = visits.hits.iter().find(is_earlier) else { return Ok(None) };
    let since_ms = facts::date_ms(last);
    let mut entries = timeline::newest(visit, subject, NEWS_MAX + 1, disclosed)?;
    entries.retain(|resource| facts::date_ms(resource) > since_ms && resource["id"] != last["id"]);
    let truncated = entries.len() > NEWS_MAX;
    entries.truncate(NEWS_MAX);
    let lines: Vec<Value> = entries.iter().map(|resource| timeline::line(visit, resource, institutions)).collect();
    Ok(Some(json!({"since": facts::date(last), "entries": lines, "truncated": truncated})))
}

/// Why the page is shown.
pub(super) fn words_of(visit: &Visit, ground: &care::Ground) -> Value {
    json!({
        "kind": ground.rule.kind.code(),
        "rule": ground.rule.id,
        "zh": ground.rule.zh,
        "en": ground.rule.en,
        "until": ground.until_ms.map(instant_text),
        "reason": ground.reason,
        "watermark": ground.rule.watermark,
        "remaining_seconds": ground.until_ms.map(|until_ms| (until_ms - visit.app.now_ms()).max(0) / 1000),
    })
}

/// The newest result of every code; and the newest of all, for results that have words instead of a code.
fn newest_results(visit: &Visit, subject: &Subject, disclosed: &mut Vec<Home>) -> Result<Found, Failure> {
    let caller = visit.may(Interaction::Search, "Observation")?;
    let mut found = visit.records().newest_of_each_code(caller, "Observation", &subject.homes)?;
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("_count", "100"), ("_total", "none")];
    let recent = visit.records().search_page(caller, "Observation", &pairs)?;
    lookup::note(disclosed, &found);
    lookup::note(disclosed, &recent);
    let worded = recent.hits.into_iter().filter(|it| facts::first_code(&it["code"]).is_none());
    found.hits.extend(worded);
    found.hits.sort_by_cached_key(|resource| std::cmp::Reverse(facts::date_ms(resource)));
    Ok(found)
}

fn of_person(visit: &Visit, subject: &Subject, type_name: &str, disclosed: &mut Vec<Home>) -> Result<Found, Failure> {
    let any = subject.any();
    let mut pairs = vec![("patient", any.as_str()), ("_count", "1000"), ("_total", "none")];
    if type_name == "MedicationRequest" {
        pairs.push(("_include", "MedicationRequest:medication"));
    }
    let found = lookup::all(visit, type_name, &pairs, RESOURCES_MAX)?;
    lookup::note(disclosed, &found);
    Ok(found)
}

fn line(resource: &Value) -> Value {
    json!({
        "id": resource["id"],
        "type": resource["resourceType"],
        "title": facts::title(resource),
        "date": facts::date(resource),
    })
}

fn allergy(resource: &Value) -> Value {
    let mut line = line(resource);
    line["criticality"] = resource["criticality"].clone();
    line["status"] = facts::first_code(&resource["clinicalStatus"]).map(|(_, code)| code).into();
    line
}

fn problem(resource: &Value) -> Value {
    let mut line = line(resource);
    line["status"] = facts::first_code(&resource["clinicalStatus"]).map(|(_, code)| code).into();
    line["abated"] = resource["abatementDateTime"].clone();
    line
}

fn medicine(request: &Value, medications: &[Value]) -> Value {
    let mut line = line(request);
    line["status"] = request["status"].clone();
    if line["title"].is_null() {
        // The medicine is a resource of its own, which the search included.
        let reference = request["medicationReference"]["reference"].as_str().unwrap_or_default();
        let id = reference.rsplit('/').next().unwrap_or_default();
        let medication = medications.iter().find(|medication| medication["id"] == id);
        line["title"] = medication.and_then(|it| facts::concept_words(&it["code"])).into();
    }
    line["dosage"] = request["dosageInstruction"][0]["text"].clone();
    line
}

/// The newest value of every code; the search already comes newest first.
fn latest(visit: &Visit, observations: &[Value], institutions: &mut Institutions) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut results = Vec::new();
    for observation in observations {
        for mut value in facts::values(observation) {
            let key = (value["system"].to_string(), value["code"].to_string(), value["title"].to_string());
            if !seen.insert(key) {
                continue;
            }
            value["id"] = observation["id"].clone();
            value["type"] = "Observation".into();
            value["date"] = facts::date(observation).into();
            institutions.note(visit, observation, &mut value);
            results.push(value);
        }
    }
    results
}

fn newest(subject: &Subject, lists: &[Found]) -> Option<String> {
    let all = lists.iter().flat_map(|list| list.hits.iter()).chain(&subject.patients);
    // All instants that the platform writes have the same form, so that the greatest text is the latest time.
    all.filter_map(|resource| resource["meta"]["lastUpdated"].as_str()).max().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_birthdays_in_china() {
        // 2026-11-22T16:30:00Z: there it is the 23rd.
        let now_ms = 1_795_365_000_000;
        assert_eq!(age_years("1968-11-23", now_ms), Some(58));
        assert_eq!(age_years("1968-11-24", now_ms), Some(57));
        assert_eq!(age_years("1968", now_ms), Some(58));
        assert_eq!(age_years("2030-01-01", now_ms), None);
        assert_eq!(age_years("?", now_ms), None);
    }
}
