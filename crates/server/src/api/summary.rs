//! The front page of one person: allergies, problems, medicines, and the latest result of every kind.

use formats::national;
use model::china;
use model::{Failure, Home, instant_text};
use serde_json::{Value, json};
use trust::Interaction;

use super::front::{self, Front};
use super::lookup::{self, Institutions, Subject};
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
    let mut institutions = Institutions::of(&subject);
    let read = Front::read(visit, &subject, &mut disclosed)?;
    let count = 1 + read.lists().iter().map(|list| list.hits.len() + list.included.len()).sum::<usize>();
    let truncated = read.lists().iter().any(|list| list.truncated);
    let allergies = front::allergies(visit, &read, &mut institutions);
    let mut basics = basics(visit, &subject, &mut institutions)?;
    basics["blood_type"] = front::blood_type(&read);
    let page = json!({
        "allergies": allergies.lines,
        "allergies_denied": allergies.denied,
        "problems": front::problems(visit, &read, &mut institutions),
        "medicines": front::medicines(visit, &read, &mut institutions),
        "results": front::latest(visit, &read, &mut institutions),
        "rules": front::rules(),
        "person": person(visit, &subject, &mut institutions),
        "basics": basics,
        "new_since": news(visit, &subject, &mut disclosed, &mut institutions)?,
        "ground": visit.ground.as_ref().map(|ground| words_of(visit, ground)),
        "freshness": {"last_updated": front::newest(&subject, &read), "resources": count, "truncated": truncated},
    });
    Ok(Answer::json(&page).disclosing(disclosed, count))
}

/// The heading: one person, and the registrations that were found to be this person.
pub(super) fn person(visit: &Visit, subject: &Subject, institutions: &mut Institutions) -> Value {
    let mut person = facts::person(&subject.heading());
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
    let own = identifiers
        .iter()
        .find(|identifier| identifier["system"].as_str().and_then(national::institution_of).is_some());
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
fn basics(visit: &Visit, subject: &Subject, institutions: &mut Institutions) -> Result<Value, Failure> {
    let phone = subject.patients.iter().find_map(|patient| {
        let telecom = patient["telecom"].as_array()?;
        telecom.iter().find(|it| it["system"] == "phone").and_then(|it| it["value"].as_str())
    });
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("status", "active"), ("_count", "10"), ("_total", "none")];
    let teams = lookup::all(visit, "CareTeam", &pairs, 10)?;
    let now_ms = visit.app.now_ms();
    // A day ends where it is, an instant everywhere at once; what cannot be read is no end.
    let end_ms = |team: &Value| Some(formats::fhir::date::parse(team["period"]["end"].as_str()?).ok()?.high_ms);
    let holds = |team: &&Value| end_ms(team).is_none_or(|end_ms| end_ms >= now_ms);
    let contract = teams.hits.iter().find(holds).map(|team| {
        let mut doctors = team["participant"].as_array().into_iter().flatten();
        let mut contract = json!({
            "doctor": doctors.find_map(|member| institutions.staff(visit, &member["member"])),
            "until": team["period"]["end"],
        });
        institutions.note(visit, team, &mut contract);
        contract
    });
    Ok(json!({
        "phone_masked": phone.map(facts::masked),
        "address": facts::person(&subject.heading())["address"],
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
    let now_ms = visit.app.now_ms();
    let today = china::day_text(now_ms);
    let is_earlier = |encounter: &&Value| {
        let date = facts::date(encounter).and_then(|date| date.get(..10));
        institutions.code_of(encounter).as_deref() == Some(own.as_str())
            && facts::took_place(encounter, now_ms)
            && date.is_some_and(|date| date < today.as_str())
    };
    // The newest comes first.
    let Some(last) = visits.hits.iter().find(is_earlier) else { return Ok(None) };
    let since_ms = facts::date_ms(last);
    let (entries, truncated) = timeline::since(visit, subject, (since_ms, NEWS_MAX), disclosed)?;
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
