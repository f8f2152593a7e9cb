//! Who is on a list of a family doctor: rules of `standards::lists` over the records that the doctor may see.

use model::Failure;
use model::china::DAY_MS;
use records::parameters::clinical_date_ms;
use serde_json::Value;
use standards::lists::{Limit, List};

use crate::resident::type_code;
use crate::status::{counts, took_place};

/// Diagnoses of one resident that are looked at.
const CONDITIONS_MAX: usize = 500;
/// Of what is wanted the newest only, of these many: the newest may have been taken back, or have no value.
const NEWEST_LOOKED_AT: usize = 16;

/// A search over one resident's records: type, parameters, how many hits. The caller's policy is inside it.
pub type Search<'a> = dyn FnMut(&str, &[(&str, &str)], usize) -> Result<Vec<Value>, Failure> + 'a;

/// Why a resident is on a list.
#[derive(Debug, Clone, Default)]
pub struct OnList {
    /// In Chinese.
    pub why_zh: String,
    /// In English.
    pub why_en: String,
    /// The date of what it was seen in, as the source wrote it.
    pub date: Option<String>,
    /// The records that it was seen in.
    pub evidence: Vec<Value>,
}

/// Whether a resident is on a list now.
///
/// # Errors
/// What the search says.
pub fn on_list(
    list: &List,
    age_years: Option<i64>,
    now_ms: i64,
    search: &mut Search<'_>,
) -> Result<Option<OnList>, Failure> {
    let conditions = search("Condition", &[], CONDITIONS_MAX)?;
    let Some(diagnosis) = conditions.into_iter().find(|it| is_diagnosis(it, &list.diagnosis.begins)) else {
        return Ok(None);
    };
    let mut found = OnList { evidence: vec![diagnosis], ..OnList::default() };
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for limit in &list.limit {
        let Some((value, observation)) = newest(limit, now_ms, search)? else { continue };
        let from = if age_years.is_some_and(|years| years >= 65) { limit.from_age_65 } else { limit.from };
        if value < f64::from(from) {
            continue;
        }
        zh.push(format!("{} {value} {}（≥{from}）", limit.name_zh, limit.unit));
        en.push(format!("{} {value} {} (≥{from})", limit.name_en, limit.unit));
        found.date = observation["effectiveDateTime"].as_str().map(str::to_owned);
        if !found.evidence.iter().any(|known| known["id"] == observation["id"]) {
            found.evidence.push(observation);
        }
    }
    if let Some(contact) = list.contact {
        let until = format!("le{}", model::instant_text(now_ms));
        let visits = search("Encounter", &[("date", until.as_str())], NEWEST_LOOKED_AT)?;
        let last = visits.into_iter().find(|visit| took_place(visit, now_ms));
        let code = type_code("Encounter")?;
        let last_ms = last.as_ref().and_then(|visit| clinical_date_ms(code, visit));
        let days = last_ms.map(|last_ms| (now_ms - last_ms).max(0) / DAY_MS);
        if days.is_none_or(|days| days >= i64::from(contact.days)) {
            zh.push(days.map_or("没有就诊或随访记录".to_owned(), |days| format!("距最近一次就诊或随访 {days} 天")));
            en.push(days.map_or("no visit on record".to_owned(), |days| format!("{days} days since the last visit")));
            found.date = last.as_ref().and_then(|visit| visit["period"]["start"].as_str()).map(str::to_owned);
            found.evidence.extend(last);
        }
    }
    if zh.is_empty() {
        return Ok(None);
    }
    (found.why_zh, found.why_en) = (zh.join("，"), en.join(", "));
    Ok(Some(found))
}

fn is_diagnosis(condition: &Value, begins: &[String]) -> bool {
    let codes = condition["code"]["coding"].as_array().into_iter().flatten();
    let mut codes = codes.filter_map(|coding| coding["code"].as_str());
    counts(condition) && codes.any(|code| begins.iter().any(|begin| code.starts_with(begin.as_str())))
}

/// The newest value of a limit's code that counts, young enough.
fn newest(limit: &Limit, now_ms: i64, search: &mut Search<'_>) -> Result<Option<(f64, Value)>, Failure> {
    let since = format!("ge{}", model::instant_text(now_ms - i64::from(limit.days) * DAY_MS));
    let any: Vec<String> = limit.codes.iter().map(|(system, code)| format!("{system}|{code}")).collect();
    let any = any.join(",");
    let found = search("Observation", &[("combo-code", any.as_str()), ("date", since.as_str())], NEWEST_LOOKED_AT)?;
    let valued =
        found.into_iter().filter(counts).find_map(|observation| Some((value_of(limit, &observation)?, observation)));
    Ok(valued)
}

/// The number that an observation or its component has for a limit. That something is below a number puts nobody over a limit.
fn value_of(limit: &Limit, observation: &Value) -> Option<f64> {
    let is_it = |holder: &Value| {
        let codings = holder["code"]["coding"].as_array().into_iter().flatten();
        let mut codes = codings.filter_map(|coding| coding["code"].as_str());
        codes.any(|code| limit.codes.iter().any(|(_, wanted)| wanted == code))
    };
    let components = observation["component"].as_array().into_iter().flatten();
    let quantity = &std::iter::once(observation).chain(components).find(|holder| is_it(holder))?["valueQuantity"];
    let is_below = quantity["comparator"].as_str().is_some_and(|it| it.starts_with('<'));
    let value = quantity["value"].as_number().filter(|_| !is_below)?;
    value.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_MS: i64 = 1_795_363_200_000; // 2026-11-22T16:00:00Z

    fn on(id: &str, age_years: i64, records: &[Value]) -> Option<OnList> {
        let list = standards::lists::lists().iter().find(|list| list.id == id).unwrap();
        let mut search = |type_name: &str, pairs: &[(&str, &str)], limit: usize| {
            let wanted = |record: &&Value| {
                let code = pairs.iter().find(|(name, _)| *name == "combo-code").map(|(_, value)| *value);
                record["resourceType"] == type_name
                    && code.is_none_or(|code| {
                        record["code"]["coding"][0]["code"].as_str().is_some_and(|it| code.contains(it))
                    })
            };
            Ok(records.iter().filter(wanted).take(limit).cloned().collect())
        };
        on_list(list, Some(age_years), NOW_MS, &mut search).unwrap()
    }

    fn condition(code: &str) -> Value {
        json!({"resourceType": "Condition", "id": "c", "code": {"coding": [{"code": code}]}})
    }

    fn pressure(systolic: u32) -> Value {
        json!({"resourceType": "Observation", "id": "p", "code": {"coding": [{"code": "DE04.10.174.00"}]},
            "effectiveDateTime": "2026-11-01T08:00:00+08:00", "valueQuantity": {"value": systolic, "unit": "mmHg"}})
    }

    #[test]
    fn a_pressure_is_judged_by_age_and_diagnosis() {
        let list = "blood-pressure-above-target";
        let found = on(list, 50, &[condition("I10.x00"), pressure(142)]).unwrap();
        assert_eq!(found.why_zh, "收缩压 142 mmHg（≥140）");
        assert_eq!(found.evidence.len(), 2);
        assert!(on(list, 70, &[condition("I10.x00"), pressure(142)]).is_none(), "the target of the old is higher");
        assert!(on(list, 50, &[condition("J06.900"), pressure(142)]).is_none());
        assert!(on(list, 50, &[condition("I10.x00")]).is_none(), "nothing measured is not too high");
    }

    #[test]
    fn a_follow_up_is_due_after_a_quarter() {
        let visit = |start: &str| json!({"resourceType": "Encounter", "id": "e", "period": {"start": start}});
        assert!(on("follow-up-due", 50, &[condition("E11.900"), visit("2026-08-24T08:00:00+08:00")]).is_some());
        assert!(on("follow-up-due", 50, &[condition("E11.900"), visit("2026-08-26T08:00:00+08:00")]).is_none());
        assert!(on("follow-up-due", 50, &[condition("E11.900")]).is_some());
        assert!(on("follow-up-due", 50, &[visit("2026-01-01T08:00:00+08:00")]).is_none());
    }

    #[test]
    fn what_was_taken_back_puts_nobody_on_a_list_and_takes_nobody_off() {
        let list = "blood-pressure-above-target";
        for status in ["entered-in-error", "cancelled"] {
            let mut slip = pressure(182);
            slip["status"] = status.into();
            assert!(on(list, 50, &[condition("I10.x00"), slip.clone(), pressure(128)]).is_none(), "{status}");
            slip["valueQuantity"]["value"] = json!(118);
            assert!(on(list, 50, &[condition("I10.x00"), slip, pressure(150)]).is_some(), "{status}");
        }
        let mut bound = pressure(150);
        bound["valueQuantity"]["comparator"] = "<".into();
        assert!(on(list, 50, &[condition("I10.x00"), bound]).is_none(), "below 150 is not above 140");
        let mut refuted = condition("I10.x00");
        refuted["verificationStatus"] = json!({"coding": [{"code": "refuted"}]});
        assert!(on(list, 50, &[refuted, pressure(150)]).is_none());
    }

    #[test]
    fn a_visit_that_was_called_off_or_is_planned_is_no_contact() {
        let visit = |status: &str, start: &str| json!({"resourceType": "Encounter", "id": start, "status": status, "period": {"start": start}});
        let old = visit("finished", "2026-06-01T08:00:00+08:00");
        for newer in [visit("cancelled", "2026-11-20T08:00:00+08:00"), visit("planned", "2026-12-20T08:00:00+08:00")] {
            let found = on("follow-up-due", 50, &[condition("E11.900"), newer, old.clone()]).unwrap();
            assert_eq!(found.date.as_deref(), Some("2026-06-01T08:00:00+08:00"));
        }
    }
}
