//! What still counts: a record that was taken back, ruled out or called off stands on a page with the reason, and is counted nowhere.

use records::parameters::clinical_date_ms;
use serde_json::Value;

use crate::resident::type_code;

/// Why a record does not count, as the code of its status: `entered-in-error`, `refuted`, `cancelled`. `None`: it does.
#[must_use]
pub fn standing(resource: &Value) -> Option<&str> {
    let codings = resource["verificationStatus"]["coding"].as_array().into_iter().flatten();
    let said = codings.filter_map(|coding| coding["code"].as_str()).chain(resource["status"].as_str());
    let void = said.filter(|code| matches!(*code, "entered-in-error" | "refuted" | "cancelled"));
    void.max_by_key(|code| *code == "entered-in-error")
}

/// Whether a record counts, where something is reckoned from it: the newest value, the last visit, a diagnosis.
#[must_use]
pub fn counts(resource: &Value) -> bool {
    standing(resource).is_none()
}

/// Whether a visit (就诊) took place: it counts, it was more than planned, and it began before now. One whose beginning nobody wrote
/// down did.
#[must_use]
pub fn took_place(encounter: &Value, now_ms: i64) -> bool {
    let begin_ms = type_code("Encounter").ok().and_then(|code| clinical_date_ms(code, encounter));
    counts(encounter) && encounter["status"] != "planned" && begin_ms.is_none_or(|begin_ms| begin_ms <= now_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_visit_that_was_called_off_or_is_to_come_did_not_take_place() {
        let now_ms = 1_795_363_200_000; // 2026-11-22T16:00:00Z
        let visit = |status: &str, start: &str| json!({"resourceType": "Encounter", "status": status, "period": {"start": start}});
        assert!(took_place(&visit("finished", "2026-11-01T08:00:00+08:00"), now_ms));
        assert!(took_place(&visit("in-progress", "2026-11-22T23:00:00+08:00"), now_ms));
        assert!(took_place(&json!({"resourceType": "Encounter", "status": "finished"}), now_ms));
        for status in ["cancelled", "entered-in-error", "planned"] {
            assert!(!took_place(&visit(status, "2026-11-01T08:00:00+08:00"), now_ms), "{status}");
        }
        assert!(!took_place(&visit("arrived", "2026-12-01T08:00:00+08:00"), now_ms));
    }

    #[test]
    fn the_gravest_reason_is_named() {
        assert_eq!(standing(&json!({"status": "final"})), None);
        assert_eq!(standing(&json!({"status": "cancelled"})), Some("cancelled"));
        let ruled_out = json!({"verificationStatus": {"coding": [{"code": "own"}, {"code": "refuted"}]}});
        assert_eq!(standing(&ruled_out), Some("refuted"));
        let both = json!({"status": "entered-in-error", "verificationStatus": {"coding": [{"code": "refuted"}]}});
        assert_eq!(standing(&both), Some("entered-in-error"));
    }
}
