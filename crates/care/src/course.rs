//! What is over although its source said `active`: a prescription whose days have passed (疗程已过), the diagnosis of a visit for an
//! illness that passes by itself (既往诊断). The rules are data, `standards/front-page/current.toml`; what they do not name is current.

use model::china::DAY_MS;
use records::parameters::clinical_date_ms;
use serde_json::Value;
use standards::front_page::front_page;

use crate::resident::type_code;

/// Why something is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The days that were prescribed, and the days of grace, have passed.
    Supply,
    /// The prescription names no days, and it is old.
    WithoutDuration,
    /// An acute illness of a visit long ago.
    Acute,
}

impl Over {
    /// The code that a page has words for.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Supply => "supply",
            Self::WithoutDuration => "without-duration",
            Self::Acute => "acute",
        }
    }
}

/// Whether a prescription that says `active` is over, and why.
#[must_use]
pub fn medicine_over(request: &Value, now_ms: i64) -> Option<Over> {
    if request["status"] != "active" {
        return None;
    }
    let rules = &front_page().current.medicines;
    let written_ms = clinical_date_ms(type_code("MedicationRequest").ok()?, request)?;
    if let Some(days) = supplied_days(request) {
        let end_ms = written_ms.saturating_add((days + i64::from(rules.grace_days)).saturating_mul(DAY_MS));
        return (end_ms < now_ms).then_some(Over::Supply);
    }
    let end_ms = written_ms.saturating_add(i64::from(rules.without_duration_days) * DAY_MS);
    (end_ms < now_ms && !is_kept_up_to_date(request)).then_some(Over::WithoutDuration)
}

/// Whether the source itself says what is taken now: it sends the resource with its status, or calls the therapy continuous.
fn is_kept_up_to_date(request: &Value) -> bool {
    let place = request["meta"]["source"].as_str().and_then(|source| source.strip_prefix("urn:kangmai:message:"));
    let path = place.and_then(|place| Some(place.split_once('#')?.1));
    let is_fhir = path.is_none_or(|path| path.starts_with("Bundle.entry[") || request["resourceType"] == path);
    let courses = request["courseOfTherapyType"]["coding"].as_array().into_iter().flatten();
    is_fhir || courses.into_iter().any(|coding| coding["code"] == "continuous")
}

/// The days that a prescription covers, its repeats included; `None` when it says none that can be read.
fn supplied_days(request: &Value) -> Option<i64> {
    let dispense = &request["dispenseRequest"];
    let bounds = &request["dosageInstruction"][0]["timing"]["repeat"]["boundsDuration"];
    let days = days_of(&dispense["expectedSupplyDuration"]).or_else(|| days_of(bounds))?;
    let repeats = dispense["numberOfRepeatsAllowed"].as_i64().unwrap_or(0).clamp(0, 100);
    Some(days * (1 + repeats))
}

/// A duration in whole days, more rather than fewer.
fn days_of(duration: &Value) -> Option<i64> {
    let count: f64 = duration["value"].as_number()?.to_string().parse().ok()?;
    let unit = duration["code"].as_str().or_else(|| duration["unit"].as_str())?;
    let days_each = match unit {
        "h" | "小时" => 1.0 / 24.0,
        "d" | "天" | "日" => 1.0,
        "wk" | "周" => 7.0,
        "mo" | "月" => 31.0,
        "a" | "年" => 366.0,
        _ => return None,
    };
    let days = (count * days_each).ceil();
    // Ten years are no course of treatment but a slip of the pen; nothing is over by it.
    #[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
    (1.0..=3660.0).contains(&days).then_some(days as i64)
}

/// Whether the diagnosis of a visit is one of an acute illness and past.
#[must_use]
pub fn diagnosis_over(condition: &Value, now_ms: i64) -> Option<Over> {
    let codes = |concept: &Value| concept["coding"].as_array().cloned().unwrap_or_default();
    let categories: Vec<Value> = condition["category"].as_array().into_iter().flatten().flat_map(codes).collect();
    let is_of_a_visit = categories.iter().any(|coding| coding["code"] == "encounter-diagnosis")
        && !categories.iter().any(|coding| coding["code"] == "problem-list-item");
    let is_active = codes(&condition["clinicalStatus"]).iter().any(|coding| coding["code"] == "active");
    let rules = &front_page().current.diagnoses;
    // An institution's own codes mean what it likes.
    let is_common = |coding: &&Value| {
        coding["system"].as_str().is_some_and(|system| formats::national::institution_of(system).is_none())
    };
    let codings = codes(&condition["code"]);
    let mut common = codings.iter().filter(is_common).filter_map(|coding| coding["code"].as_str());
    if !is_of_a_visit || !is_active || !common.any(|code| rules.is_acute(code)) {
        return None;
    }
    let said_ms = clinical_date_ms(type_code("Condition").ok()?, condition)?;
    (said_ms.saturating_add(i64::from(rules.days) * DAY_MS) < now_ms).then_some(Over::Acute)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_MS: i64 = 1_795_363_200_000; // 2026-11-22T16:00:00Z

    fn request(authored: &str, days: &Value) -> Value {
        json!({"resourceType": "MedicationRequest", "status": "active", "authoredOn": authored,
            "meta": {"source": "urn:kangmai:message:ab12#row[3]"},
            "dispenseRequest": {"expectedSupplyDuration": {"value": days, "unit": "天"}}})
    }

    #[test]
    fn a_course_is_over_when_its_days_and_the_grace_have_passed() {
        assert_eq!(medicine_over(&request("2023-11-01", &json!(7)), NOW_MS), Some(Over::Supply));
        assert_eq!(medicine_over(&request("2026-10-20", &json!(7)), NOW_MS), None, "within the grace");
        assert_eq!(medicine_over(&request("2026-10-10", &json!(7)), NOW_MS), Some(Over::Supply));
        assert_eq!(medicine_over(&request("2026-08-01", &json!(84)), NOW_MS), None);
        let mut repeated = request("2026-08-01", &json!(30));
        assert_eq!(medicine_over(&repeated, NOW_MS), Some(Over::Supply));
        repeated["dispenseRequest"]["numberOfRepeatsAllowed"] = 2.into();
        assert_eq!(medicine_over(&repeated, NOW_MS), None, "with its repeats");
        let mut stopped = request("2023-11-01", &json!(7));
        stopped["status"] = "stopped".into();
        assert_eq!(medicine_over(&stopped, NOW_MS), None, "the source has said it");
    }

    #[test]
    fn without_days_only_a_prescription_that_nobody_keeps_up_to_date_is_over() {
        let mut old = request("2026-08-01", &Value::Null);
        assert_eq!(medicine_over(&old, NOW_MS), Some(Over::WithoutDuration));
        assert_eq!(medicine_over(&request("2026-09-01", &json!(0)), NOW_MS), None);
        old["courseOfTherapyType"] = json!({"coding": [{"code": "continuous"}]});
        assert_eq!(medicine_over(&old, NOW_MS), None);
        for source in
            [json!(null), json!("urn:kangmai:message:ab12#Bundle.entry[3].resource"), json!("urn:x#MedicationRequest")]
        {
            let mut fhir = request("2016-08-01", &Value::Null);
            fhir["meta"]["source"] = source;
            assert_eq!(medicine_over(&fhir, NOW_MS), None);
        }
        assert_eq!(medicine_over(&json!({"resourceType": "MedicationRequest", "status": "active"}), NOW_MS), None);
    }

    #[test]
    fn a_cold_passes_and_a_pressure_does_not() {
        let condition = |code: &str, category: &str, recorded: &str| {
            json!({"resourceType": "Condition", "recordedDate": recorded,
                "clinicalStatus": {"coding": [{"code": "active"}]}, "category": [{"coding": [{"code": category}]}],
                "code": {"coding": [{"system": "urn:oid:2.16.156.10011.2.3.3.11", "code": code}]}})
        };
        let (visit, list) = ("encounter-diagnosis", "problem-list-item");
        assert_eq!(diagnosis_over(&condition("J06.900", visit, "2023-11-01"), NOW_MS), Some(Over::Acute));
        assert_eq!(diagnosis_over(&condition("J06.900", visit, "2026-10-01"), NOW_MS), None);
        assert_eq!(diagnosis_over(&condition("J06.900", list, "2023-11-01"), NOW_MS), None);
        assert_eq!(diagnosis_over(&condition("I10.x00", visit, "2016-11-01"), NOW_MS), None);
        let mut relapse = condition("J18.900", visit, "2023-11-01");
        relapse["clinicalStatus"] = json!({"coding": [{"code": "recurrence"}]});
        assert_eq!(diagnosis_over(&relapse, NOW_MS), None);
    }
}
