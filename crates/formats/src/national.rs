//! How national identifiers and codes are written in FHIR, in one place, so that a document, an HL7 message and a table row
//! about the same patient say the same thing in the same words.
//!
//! National systems are `urn:oid:` + the object identifier of the national tree (2.16.156.10011, `research`: WS/T 500 documents).
//! What an institution numbers itself gets a system of that institution: `urn:kangmai:institution:{code}:{what}`.

use serde_json::{Value, json};

/// 公民身份号码: the resident identity number.
pub const RESIDENT_NUMBER: &str = "urn:oid:2.16.156.10011.1.3";
/// 居民健康档案编号.
pub const HEALTH_RECORD_NUMBER: &str = "urn:oid:2.16.156.10011.1.2";
/// 居民健康卡号.
pub const HEALTH_CARD_NUMBER: &str = "urn:oid:2.16.156.10011.1.19";
/// 组织机构代码 and 医疗卫生机构编号: the code of an institution.
pub const INSTITUTION_CODE: &str = "urn:oid:2.16.156.10011.1.5";
/// 卫生信息数据元目录 (WS 363): data element identifiers as codes.
pub const DATA_ELEMENTS: &str = "urn:oid:2.16.156.10011.2.2.1";
/// 共享文档编码: C0001 … C0053, HSDA00.01 ….
pub const DOCUMENT_CODES: &str = "urn:oid:2.16.156.10011.2.4";
/// ICD-10 as the national tree names it.
pub const ICD10: &str = "urn:oid:2.16.156.10011.2.3.3.11";
/// ICD-9-CM-3 procedures.
pub const ICD9CM3: &str = "urn:oid:2.16.156.10011.2.3.3.12";
/// ICD-10 in the 医保 edition. It has no published identifier of its own: the name is ours.
pub const ICD10_INSURANCE: &str = "urn:kangmai:icd10:insurance";
/// ICD-9-CM-3 in the 医保 edition. The name is ours.
pub const ICD9CM3_INSURANCE: &str = "urn:kangmai:icd9cm3:insurance";
/// GB/T 2261.1 sex: 0 未知, 1 男, 2 女, 9 未说明.
pub const SEX: &str = "urn:oid:2.16.156.10011.2.3.3.4";
/// UCUM units.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// The system of documents that prove identity, by CV02.01.101 (身份证件类别): `03` passport → `urn:kangmai:document:03`.
/// Type 01 is [`RESIDENT_NUMBER`].
#[must_use]
pub fn document_system(document_type: &str) -> String {
    let document_type = without_spaces(document_type);
    if document_type == "01" { RESIDENT_NUMBER.to_owned() } else { format!("urn:kangmai:document:{document_type}") }
}

/// Systems of what institutions number themselves begin so; the code of the institution follows.
const INSTITUTION_SYSTEMS: &str = "urn:kangmai:institution:";

/// The system of what an institution numbers itself. `what`: `patient`, `visit`, `inpatient`, `medical-record`, `card`,
/// `report`, `specimen`, `order`, `prescription`, `charge`, `staff`, `department`, `item` (its own item codes), `drug`,
/// `diagnosis`, `document`.
#[must_use]
pub fn institution_system(institution: &str, what: &str) -> String {
    format!("{INSTITUTION_SYSTEMS}{}:{what}", without_spaces(institution))
}

/// The other way: whose numbers stand in a system, and which; `None` for a system that no institution made itself. What is behind
/// the second colon belongs to *what*: a further numbering of that institution has its name there (`patient:H1`).
#[must_use]
pub fn institution_of(system: &str) -> Option<(&str, &str)> {
    system.strip_prefix(INSTITUTION_SYSTEMS)?.split_once(':')
}

/// A URI holds no spaces; a code of an institution that was sent with one keeps its place.
fn without_spaces(code: &str) -> std::borrow::Cow<'_, str> {
    if code.contains(char::is_whitespace) { code.replace(char::is_whitespace, "_").into() } else { code.into() }
}

/// What stands where FHIR wants a code or a name and the sender gave neither.
pub const UNSTATED: &str = "未注明";

/// A FHIR `Identifier`.
#[must_use]
pub fn identifier(system: &str, value: &str) -> Value {
    json!({ "system": system, "value": value })
}

/// FHIR's `administrative-gender` of a GB/T 2261.1 code, of `M F O U`, or of the Chinese word; `None` when it is none of them.
#[must_use]
pub fn gender(sent: &str) -> Option<&'static str> {
    match sent.trim() {
        "1" | "01" | "M" | "m" | "男" | "男性" | "male" => Some("male"),
        "2" | "02" | "F" | "f" | "女" | "女性" | "female" => Some("female"),
        "9" | "O" | "A" | "N" | "其他" | "other" | "未说明" | "未说明的性别" => Some("other"),
        "0" | "U" | "未知" | "未知的性别" | "unknown" => Some("unknown"),
        _ => None,
    }
}

/// FHIR's class of an encounter from the class of a visit claim: `O`, `E`, `I`, `P`.
#[must_use]
pub fn encounter_class(class: &str) -> Value {
    let (code, display) = match class {
        "I" => ("IMP", "住院"),
        "E" => ("EMER", "急诊"),
        "P" => ("AMB", "体检"),
        _ => ("AMB", "门诊"),
    };
    json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code, "display": display })
}

/// A `CodeableConcept` with one coding; empty parts are left out.
#[must_use]
pub fn concept(system: &str, code: &str, display: &str) -> Value {
    let mut coding = serde_json::Map::new();
    for (name, value) in [("system", system), ("code", code), ("display", display)] {
        if !value.is_empty() && (name != "system" || !code.is_empty()) {
            coding.insert(name.to_owned(), Value::from(value));
        }
    }
    match (coding.is_empty(), display.is_empty()) {
        (true, _) => json!({}),
        (false, true) => json!({ "coding": [coding] }),
        (false, false) if code.is_empty() => json!({ "text": display }),
        (false, false) => json!({ "coding": [coding], "text": display }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_says_whose_numbers_stand_in_it() {
        for (institution, what) in [("990121001", "patient"), ("990121001", "patient:H1"), ("990121001", "")] {
            assert_eq!(institution_of(&institution_system(institution, what)), Some((institution, what)));
        }
        assert_eq!(institution_of(&institution_system("99 01", "item")), Some(("99_01", "item")));
        for system in ["urn:oid:2.16.156.10011.1.3", "urn:kangmai:institution:990121001", ""] {
            assert_eq!(institution_of(system), None, "{system}");
        }
    }
}
