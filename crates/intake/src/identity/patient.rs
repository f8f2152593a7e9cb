//! A `Patient` → what the engine compares.

use std::fmt::Write;
use std::sync::LazyLock;

use formats::fhir::date::{Precision, local_text};
use identity::packed::Packed;
use identity::standardise::document::{self, DocumentKind};
use identity::standardise::{Regions, Registration, standardise};
use serde_json::Value;

/// Regions of invented people (演示): numbers that begin with them are numbers, and belong to nobody.
const INVENTED: &str = "990000\t演示省\n990100\t云岫市\n990121\t望岚县\n";

/// The region tree of the rule book, with the invented regions.
static REGIONS: LazyLock<Regions> = LazyLock::new(|| {
    let mut text = String::from("code\tname\n");
    for division in standards::regions::all() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\t{}", division.code, division.name);
    }
    text.push_str(INVENTED);
    Regions::read(&text).0
});

/// A registration, standardised and packed, not yet finished by frequencies. `registered_ms`: when its first message says that it
/// was made; what depends on the age at that time (a guardian's number, a birthday reckoned from an age) is not asked without.
pub(crate) fn packed(patient: &Value, registered_ms: Option<i64>) -> Packed {
    let (document_type, document) = document(patient);
    let reg_date = registered_ms.map(|at_ms| local_text(at_ms, Precision::Day)).unwrap_or_default();
    let sent = Registration {
        id_type: &document_type,
        id_no: document,
        name: &name(patient),
        sex: match patient["gender"].as_str() {
            Some("male") => "1",
            Some("female") => "2",
            _ => "",
        },
        birth_date: patient["birthDate"].as_str().unwrap_or_default(),
        phone: &phones(patient),
        address: &address(patient),
        reg_date: &reg_date,
        ..Registration::default()
    };
    Packed::new(&standardise(&sent, &REGIONS))
}

/// The document that says most: a resident number, else the first of another kind; what is out of use, and what stands for no
/// number at all, does not count.
fn document(patient: &Value) -> (String, &str) {
    let in_use = patient["identifier"].as_array().into_iter().flatten().filter(|one| one["use"] != "old");
    let documents = in_use.filter_map(|one| {
        let system = one["system"].as_str()?;
        let kind = match system {
            formats::national::RESIDENT_NUMBER => "01",
            other => other.strip_prefix("urn:kangmai:document:")?,
        };
        one["value"].as_str().filter(|value| !value.trim().is_empty()).map(|value| (kind.to_owned(), value))
    });
    let mut documents: Vec<(String, &str)> = documents.collect();
    documents.sort_by(|left, right| left.0.cmp(&right.0));
    let is_number = |(kind, value): &&(String, &str)| {
        !matches!(document::read(value, kind, &REGIONS).kind, DocumentKind::None | DocumentKind::Placeholder)
    };
    documents.iter().find(is_number).or(documents.first()).cloned().unwrap_or_default()
}

/// The name as it is written: the text, else the parts in Chinese order.
pub(crate) fn name(patient: &Value) -> String {
    let name = patient["name"].as_array().into_iter().flatten().find(|name| name["use"] != "old");
    let Some(name) = name else { return String::new() };
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let given = name["given"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts: Vec<&str> = name["family"].as_str().into_iter().chain(given).collect();
    let is_latin = parts.iter().all(|part| part.is_ascii());
    parts.join(if is_latin { " " } else { "" })
}

fn phones(patient: &Value) -> String {
    let telecom = patient["telecom"].as_array().into_iter().flatten();
    let phones = telecom.filter(|one| matches!(one["system"].as_str(), None | Some("phone" | "sms")));
    phones.filter_map(|one| one["value"].as_str()).collect::<Vec<_>>().join("/")
}

fn address(patient: &Value) -> String {
    let Some(address) = patient["address"].as_array().and_then(|all| all.first()) else { return String::new() };
    if let Some(text) = address["text"].as_str() {
        return text.to_owned();
    }
    let lines = address["line"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts = ["state", "city", "district"].iter().filter_map(|part| address[*part].as_str());
    parts.chain(lines).collect()
}
