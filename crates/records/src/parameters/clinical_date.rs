//! The clinical date of a resource: the one date by which results of its type are ordered, newest first.
//!
//! | type | date, the first that is there |
//! |---|---|
//! | Encounter | period |
//! | Condition | onset (dateTime, Period), recordedDate |
//! | Observation, DiagnosticReport | effective, issued |
//! | Procedure | performed (dateTime, Period) |
//! | MedicationRequest | authoredOn |
//! | MedicationAdministration | effective |
//! | Immunization | occurrenceDateTime, recorded |
//! | AllergyIntolerance | recordedDate, onset (dateTime, Period) |
//! | CarePlan | period, created |
//! | CareTeam | period |
//! | Claim, ExplanationOfBenefit | created, billablePeriod |
//! | DocumentReference | date, context.period |
//! | ImagingStudy | started |
//! | SupplyDelivery | occurrence |
//! | Provenance, AuditEvent | recorded |
//! | Consent | dateTime |
//! | Task | authoredOn, lastModified |
//! | ServiceRequest | authoredOn, occurrence |
//!
//! Types that nothing happens to at a time (persons, institutions, staff, places, devices, medications) have none.

use model::TypeCode;
use serde_json::Value;

use super::read::{Reach, date_range, period, timing};

type Candidates = &'static [&'static [&'static str]];

fn candidates(type_name: &str) -> Candidates {
    match type_name {
        "Encounter" | "CareTeam" => &[&["period"]],
        "Condition" => &[&["onsetDateTime"], &["onsetPeriod"], &["recordedDate"]],
        "Observation" => {
            &[&["effectiveDateTime"], &["effectivePeriod"], &["effectiveInstant"], &["effectiveTiming"], &["issued"]]
        }
        "DiagnosticReport" => &[&["effectiveDateTime"], &["effectivePeriod"], &["issued"]],
        "Procedure" => &[&["performedDateTime"], &["performedPeriod"]],
        "MedicationRequest" => &[&["authoredOn"]],
        "MedicationAdministration" => &[&["effectiveDateTime"], &["effectivePeriod"]],
        "Immunization" => &[&["occurrenceDateTime"], &["recorded"]],
        "AllergyIntolerance" => &[&["recordedDate"], &["onsetDateTime"], &["onsetPeriod"]],
        "CarePlan" => &[&["period"], &["created"]],
        "Claim" | "ExplanationOfBenefit" => &[&["created"], &["billablePeriod"]],
        "DocumentReference" => &[&["date"], &["context", "period"]],
        "ImagingStudy" => &[&["started"]],
        "SupplyDelivery" => &[&["occurrenceDateTime"], &["occurrencePeriod"], &["occurrenceTiming"]],
        "Provenance" | "AuditEvent" => &[&["recorded"]],
        "Consent" => &[&["dateTime"]],
        "Task" => &[&["authoredOn"], &["lastModified"]],
        "ServiceRequest" => &[&["authoredOn"], &["occurrenceDateTime"], &["occurrencePeriod"], &["occurrenceTiming"]],
        "Composition" => &[&["date"]],
        "ChargeItem" => &[&["occurrenceDateTime"], &["occurrencePeriod"], &["occurrenceTiming"], &["enteredDate"]],
        "Specimen" => &[&["collection", "collectedDateTime"], &["collection", "collectedPeriod"], &["receivedTime"]],
        "MedicationDispense" => &[&["whenHandedOver"], &["whenPrepared"]],
        _ => &[],
    }
}

/// First and last millisecond of the clinical date (see the table of this module); the first is never open, a period
/// without a start is passed over.
#[must_use]
pub fn clinical_date(type_code: TypeCode, resource: &Value) -> Option<(i64, i64)> {
    let reach = candidates(type_code.name()).iter().find_map(|path| {
        let value = path.iter().try_fold(resource, |node, name| node.get(name))?;
        reach(value).filter(|reach| reach.low_ms != i64::MIN)
    })?;
    Some((reach.low_ms, reach.high_ms))
}

/// First millisecond of the clinical date.
#[must_use]
pub fn clinical_date_ms(type_code: TypeCode, resource: &Value) -> Option<i64> {
    clinical_date(type_code, resource).map(|(low_ms, _)| low_ms)
}

fn reach(value: &Value) -> Option<Reach> {
    match value {
        Value::String(text) => date_range(text),
        Value::Object(members) if members.contains_key("event") || members.contains_key("repeat") => timing(value),
        Value::Object(_) => period(value),
        _ => None,
    }
}
