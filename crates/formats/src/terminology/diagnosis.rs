//! Diagnoses and procedures of the clinical edition get the code of the 医保 edition beside their own.

use model::{Issue, Severity};
use serde_json::{Value, json};

use crate::national;

/// Which codes are looked at, and under which system the other edition is written.
pub(super) struct Edition {
    clinical: &'static str,
    insurance: &'static str,
}

pub(super) static DIAGNOSES: Edition = Edition { clinical: national::ICD10, insurance: national::ICD10_INSURANCE };
pub(super) static PROCEDURES: Edition = Edition { clinical: national::ICD9CM3, insurance: national::ICD9CM3_INSURANCE };

pub(super) fn normalise(resource: &mut Value, edition: &Edition, path: &str) -> Vec<Issue> {
    let Some(codings) = resource.pointer_mut("/code/coding").and_then(Value::as_array_mut) else { return Vec::new() };
    let text = |coding: &Value, name: &str| coding.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    if codings.iter().any(|coding| text(coding, "system") == edition.insurance) {
        return Vec::new();
    }
    let mut issues = Vec::new();
    let mut more = Vec::new();
    for (at, coding) in codings.iter().enumerate().filter(|(_, coding)| text(coding, "system") == edition.clinical) {
        let code = text(coding, "code");
        match standards::icd10::to_insurance(code.trim()) {
            Some(entry) => {
                let mut coding = json!({ "system": edition.insurance, "code": entry.code });
                if !entry.name.is_empty() {
                    coding["display"] = Value::from(entry.name);
                }
                more.push(coding);
            }
            None => issues.push(
                Issue::new("terminology.code.unmapped", Severity::Information, format!("{path}.code.coding[{at}]"))
                    .found(&format!("{code} | {}", text(coding, "display")))
                    .hint("编码不在临床版与医保版对照表中，已列入待对照清单"),
            ),
        }
    }
    codings.append(&mut more);
    issues
}
