//! Which registration a resource belongs to: its first subject, read from one table.

use model::{Home, TypeCode};
use serde_json::Value;
use trust::TenantKeys;

use crate::keys::IdText;

/// Where the subject of a type stands; the first literal reference to a Patient counts, in the order of the paths.
///
/// Types that are not in the table (institutions, staff, places, medications, persons) belong to nobody: a `Person` joins
/// several registrations and therefore lives in none of them.
const SUBJECT_PATHS: &[(&str, &[&str])] = &[
    ("Encounter", &["subject"]),
    ("Condition", &["subject"]),
    ("Observation", &["subject"]),
    ("DiagnosticReport", &["subject"]),
    ("Procedure", &["subject"]),
    ("MedicationRequest", &["subject"]),
    ("MedicationAdministration", &["subject"]),
    ("Immunization", &["patient"]),
    ("AllergyIntolerance", &["patient"]),
    ("CarePlan", &["subject"]),
    ("CareTeam", &["subject"]),
    ("Claim", &["patient"]),
    ("ExplanationOfBenefit", &["patient"]),
    ("DocumentReference", &["subject"]),
    ("ImagingStudy", &["subject"]),
    ("Device", &["patient"]),
    ("SupplyDelivery", &["patient"]),
    ("Provenance", &["target"]),
    ("Consent", &["patient"]),
    ("AuditEvent", &["entity.what", "agent.who"]),
    ("Task", &["for"]),
    ("ServiceRequest", &["subject"]),
    ("Composition", &["subject"]),
    ("ChargeItem", &["subject"]),
    ("Specimen", &["subject"]),
    ("RelatedPerson", &["patient"]),
    ("MedicationDispense", &["subject"]),
];

/// Whether resources of this type belong to a patient if they name one.
pub(crate) fn has_subject(type_code: TypeCode) -> bool {
    SUBJECT_PATHS.iter().any(|(type_name, _)| *type_name == type_code.name())
}

/// The texts of the references that can be the subject, in order.
pub(crate) fn subjects(type_code: TypeCode, resource: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let paths = SUBJECT_PATHS.iter().find(|(type_name, _)| *type_name == type_code.name());
    for path in paths.map_or(&[][..], |(_, paths)| paths) {
        collect(resource, path, &mut found);
    }
    found
}

fn collect<'v>(value: &'v Value, path: &str, found: &mut Vec<&'v str>) {
    if let Value::Array(items) = value {
        for item in items {
            collect(item, path, found);
        }
    } else if path.is_empty() {
        found.extend(value.get("reference").and_then(Value::as_str));
    } else {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        if let Some(inner) = value.get(first) {
            collect(inner, rest, found);
        }
    }
}

/// The id in `Patient/{id}` or `Patient/{id}/_history/{version}`.
pub(crate) fn patient_id(reference: &str) -> Option<&str> {
    let rest = reference.strip_prefix("Patient/")?;
    let id = rest.split_once('/').map_or(rest, |(id, _)| id);
    crate::load::is_id(id).then_some(id)
}

/// The home that a patient's id text stands for.
pub(crate) fn home_of_patient(tenant_keys: &TenantKeys, id: &str) -> Home {
    Home(IdText::read(tenant_keys, TypeCode::PATIENT, id).number().0)
}

/// The home of a new resource that is not itself a Patient.
pub(crate) fn home_of(tenant_keys: &TenantKeys, type_code: TypeCode, resource: &Value) -> Home {
    let patient = subjects(type_code, resource).into_iter().find_map(patient_id);
    patient.map_or(Home::SHARED, |id| home_of_patient(tenant_keys, id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_of_the_table_is_stored_and_the_first_patient_counts() {
        for (type_name, _) in SUBJECT_PATHS {
            assert!(TypeCode::of(type_name).is_ok(), "{type_name}");
        }
        let cases = [
            ("Observation", json!({"subject": {"reference": "Patient/a"}}), Some("a")),
            ("Observation", json!({"subject": {"reference": "Patient/a/_history/2"}}), Some("a")),
            (
                "Observation",
                json!({"subject": {"reference": "Group/a"}, "performer": [{"reference": "Patient/b"}]}),
                None,
            ),
            ("Observation", json!({"subject": {"identifier": {"value": "1"}}}), None),
            ("Provenance", json!({"target": [{"reference": "Encounter/e"}, {"reference": "Patient/b"}]}), Some("b")),
            (
                "AuditEvent",
                json!({"agent": [{"who": {"reference": "Patient/z"}}], "entity": [{"what": {"reference": "Patient/c"}}]}),
                Some("c"),
            ),
            ("Task", json!({"for": {"reference": "Patient/t"}}), Some("t")),
            ("Person", json!({"link": [{"target": {"reference": "Patient/p"}}]}), None),
            ("Organization", json!({"subject": {"reference": "Patient/p"}}), None),
            ("Claim", json!({"patient": "Patient/p"}), None),
        ];
        for (type_name, resource, expected) in cases {
            let type_code = TypeCode::of(type_name).unwrap();
            let found = subjects(type_code, &resource).into_iter().find_map(patient_id);
            assert_eq!(found, expected, "{type_name} {resource}");
        }
    }
}
