//! Questions about the clinical date, answered on the suffix that every list carries: `code=…&date=ge2020` then needs no
//! second list and no body.

use model::TypeCode;

use super::plan::Test;
use super::stream::Certainty;
use crate::keys::{ClinicalDate, Length};
use crate::matching::{QueryValue, matches};
use crate::parameters::Extracted;

/// The date parameter whose value is the clinical date of the type (see `parameters::clinical_date`).
pub(crate) fn parameter_of(type_code: TypeCode) -> Option<&'static str> {
    Some(match type_code.name() {
        "Observation" | "Encounter" | "DiagnosticReport" | "Procedure" | "Immunization" | "CarePlan" | "CareTeam"
        | "DocumentReference" | "Consent" | "AuditEvent" | "AllergyIntolerance" | "Composition" => "date",
        "Condition" => "onset-date",
        "MedicationRequest" => "authoredon",
        "MedicationAdministration" => "effective-time",
        "Claim" | "ExplanationOfBenefit" => "created",
        "ImagingStudy" => "started",
        "Provenance" => "recorded",
        "Task" => "authored-on",
        "ServiceRequest" => "authored",
        "ChargeItem" => "occurrence",
        "Specimen" => "collected",
        "MedicationDispense" => "whenhandedover",
        _ => return None,
    })
}

/// A question about the clinical date.
pub(crate) struct DateTest {
    values: Vec<QueryValue>,
}

impl DateTest {
    /// The question, if the test is one about the clinical date.
    pub(crate) fn of(type_code: TypeCode, test: &Test<'_>) -> Option<Self> {
        match test {
            Test::Match { parameter, modifier: None, values }
                if parameter_of(type_code) == Some(parameter.code.as_str()) =>
            {
                Some(Self { values: values.clone() })
            }
            _ => None,
        }
    }

    /// What the suffix says. A date that is longer than a second and not a day, or a question that cuts through a second,
    /// is left to the body.
    pub(crate) fn judge(&self, date: ClinicalDate) -> Certainty {
        let Some((low_ms, length)) = date.low_ms() else { return Certainty::Verify };
        let high_ms = match length {
            Length::Second => low_ms + 999,
            Length::Day => low_ms + 86_399_999,
            Length::Other => return Certainty::Verify,
        };
        let found = Extracted::Date { low_ms, high_ms };
        let mut best = Certainty::No;
        for value in &self.values {
            best = best.max(match value {
                QueryValue::Date { low_ms, high_ms, .. } if !on_whole_seconds(*low_ms, *high_ms) => Certainty::Verify,
                _ if matches(value, &found) => Certainty::Sure,
                _ => Certainty::No,
            });
        }
        best
    }
}

fn on_whole_seconds(low_ms: i64, high_ms: i64) -> bool {
    low_ms.rem_euclid(1000) == 0 && high_ms.rem_euclid(1000) == 999
}
