//! The index rows of one resource: written with it, removed with it.
//!
//! | what | row |
//! |---|---|
//! | every resource | `idx · type · 0 · suffix`, and `_lastUpdated` |
//! | a parameter value | `idx · type · parameter · value · suffix` |
//! | a reference that puts the resource into a patient's compartment | `cidx · patient · type · parameter · suffix`, instead of an `idx` row |
//! | `code` and `category` of a resource in a compartment | `cidx · patient · type · parameter · value · suffix`, besides the `idx` row |
//!
//! Parameters that are another one in disguise (`patient` = `subject` restricted to Patient, `combo-code` = `code` or
//! `component-code`) have no rows of their own: the planner reads the rows of the original.

use std::collections::BTreeSet;

use model::{Home, ResourceKey, TypeCode};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;
use store::Keyspace;
use trust::TenantKeys;

use crate::keys::{self, ClinicalDate, IdText, Suffix, TEXT_PREFIX_CHARS_MAX, value};
use crate::parameters::{Alias, Computed, Extracted, Parameter, Parameters, Span, clinical_date, normalise};
use crate::search::clinical_parameter;

/// The version of the rules in code that decide which rows a resource has: this file, the readers of `parameters`, the encoding of
/// values in `keys`. Raised when they change (a test with frozen rows notices): an index of other rules is rebuilt, never mixed.
pub(crate) const EXTRACTOR_SET: u16 = 1;

/// Parameters with rows inside the compartment as well: what people ask about one patient.
pub(crate) const COMPARTMENT_PARAMETERS: [&str; 2] = ["code", "category"];

/// A key of the index, with its keyspace.
pub(crate) type Row = (Keyspace, Vec<u8>);

/// The suffix of a resource: its place in every list.
pub(crate) fn suffix(parameters: &Parameters, key: &ResourceKey, resource: &Json) -> Suffix {
    let type_code = key.rid.type_code;
    let Some((low_ms, high_ms)) = clinical_date(type_code, resource) else {
        return Suffix::of(ClinicalDate::NONE, key);
    };
    // The suffix answers questions about the type's date parameter, so it must say when its date is not that parameter's
    // value, and may tell the length only when it is the one value.
    let parameter = clinical_parameter(type_code).and_then(|code| parameters.get(type_code, code));
    let computed = Computed::default();
    let values = parameter.map(|parameter| parameter.values(resource, &computed)).unwrap_or_default();
    let is_same = |value: &Extracted<'_>| *value == Extracted::Date { low_ms, high_ms };
    let date = match values.as_slice() {
        [only] if is_same(only) => ClinicalDate::of(low_ms, high_ms),
        several if several.iter().any(is_same) => ClinicalDate::of(low_ms, i64::MAX),
        _ => ClinicalDate::borrowed(low_ms),
    };
    Suffix::of(date, key)
}

/// Every index row of a resource.
pub(crate) fn rows(
    parameters: &Parameters,
    tenant_keys: &TenantKeys,
    key: &ResourceKey,
    resource: &Json,
    last_updated_ms: i64,
) -> BTreeSet<Row> {
    let mut builder = Builder {
        tenant_keys,
        generation: parameters.generation(),
        key: *key,
        suffix: suffix(parameters, key, resource),
        rows: BTreeSet::new(),
        compartments: BTreeSet::new(),
        listed: Vec::new(),
    };
    builder.add(keys::EVERY, &[]);
    for parameter in parameters.for_tenant(key.tenant.0).of_type(key.rid.type_code) {
        match parameter.code.as_str() {
            "_id" => {}
            "_lastUpdated" => builder.add(parameter.number, &value::date(last_updated_ms, last_updated_ms)),
            _ if parameter.alias.is_some() => {}
            _ => builder.add_parameter(parameters, parameter, resource),
        }
    }
    builder.finish()
}

struct Builder<'k> {
    tenant_keys: &'k TenantKeys,
    generation: u8,
    key: ResourceKey,
    suffix: Suffix,
    rows: BTreeSet<Row>,
    compartments: BTreeSet<Home>,
    /// Values of [`COMPARTMENT_PARAMETERS`], to be repeated inside each compartment.
    listed: Vec<(u16, Vec<u8>)>,
}

impl Builder<'_> {
    fn add(&mut self, parameter: u16, value: &[u8]) {
        let mut bytes = keys::index_prefix(self.key.tenant, self.generation, self.key.rid.type_code, parameter);
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(&self.suffix.0);
        self.rows.insert((Keyspace::Index, bytes));
    }

    fn add_in_compartment(&mut self, patient: Home, parameter: u16, value: &[u8]) {
        let mut bytes = keys::compartment_index_prefix(
            self.key.tenant,
            self.generation,
            patient,
            self.key.rid.type_code,
            parameter,
        );
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(&self.suffix.0);
        self.rows.insert((Keyspace::CompartmentIndex, bytes));
    }

    fn add_parameter(&mut self, parameters: &Parameters, parameter: &Parameter, resource: &Json) {
        let in_compartment = is_compartment_parameter(parameters, self.key.rid.type_code, parameter.number);
        let listed = COMPARTMENT_PARAMETERS.contains(&parameter.code.as_str());
        let computed = Computed::default();
        for extracted in parameter.values(resource, &computed) {
            if in_compartment
                && let Extracted::Reference { local: Some((type_name, id)), .. } = &extracted
                && *type_name == TypeCode::PATIENT.name()
            {
                let number = IdText::read(self.tenant_keys, TypeCode::PATIENT, id).number();
                let patient = Home(number.0);
                self.compartments.insert(patient);
                self.add_in_compartment(patient, parameter.number, &[]);
                continue;
            }
            for encoded in encode(self.tenant_keys, &extracted) {
                self.add(parameter.number, &encoded);
                if listed {
                    self.listed.push((parameter.number, encoded));
                }
            }
        }
    }

    fn finish(mut self) -> BTreeSet<Row> {
        for patient in std::mem::take(&mut self.compartments) {
            for (parameter, value) in self.listed.clone() {
                self.add_in_compartment(patient, parameter, &value);
            }
        }
        self.rows
    }
}

/// Whether a reference parameter (by the number that its rows carry) puts a resource of the type into a compartment.
pub(crate) fn is_compartment_parameter(parameters: &Parameters, type_code: TypeCode, number: u16) -> bool {
    let Some(codes) = parameters.compartment(type_code) else { return false };
    codes.iter().filter_map(|code| parameters.get(type_code, code)).any(|parameter| match &parameter.alias {
        Some(Alias::Restricted { of, .. }) => *of == number,
        _ => parameter.number == number,
    })
}

/// The value bytes of one extracted value; texts and composites with texts have several.
pub(crate) fn encode(tenant_keys: &TenantKeys, extracted: &Extracted<'_>) -> Vec<Vec<u8>> {
    match extracted {
        Extracted::Token { system, code: Some(code), .. } => {
            vec![value::token(tenant_keys, *system, code).to_vec()]
        }
        Extracted::Token { .. } => Vec::new(),
        Extracted::Reference { local: Some((type_name, id)), .. } => match TypeCode::of(type_name) {
            Ok(type_code) => {
                let number = IdText::read(tenant_keys, type_code, id).number();
                vec![value::reference(type_code, number).to_vec()]
            }
            Err(_) => vec![value::reference_url(tenant_keys, &format!("{type_name}/{id}")).to_vec()],
        },
        Extracted::Reference { url: Some(url), .. } => vec![value::reference_url(tenant_keys, url).to_vec()],
        Extracted::Reference { .. } => Vec::new(),
        Extracted::Text(text) => {
            let normal = normalise(text);
            let count = normal.chars().count().min(TEXT_PREFIX_CHARS_MAX);
            (1..=count).map(|chars| value::text(tenant_keys, &normal, chars).to_vec()).collect()
        }
        Extracted::Date { low_ms, high_ms } => vec![value::date(*low_ms, *high_ms).to_vec()],
        Extracted::Number { span } | Extracted::Quantity { span, .. } => vec![number_bytes(span).to_vec()],
        Extracted::Uri(uri) => vec![value::uri(tenant_keys, uri).to_vec()],
        Extracted::Composite(parts) => composite(tenant_keys, parts),
    }
}

/// class 1 (0 = an exact number, 1 = the body decides) · number 8.
fn number_bytes(span: &Span) -> [u8; value::NUMBER_BYTES] {
    let mut bytes = [1; value::NUMBER_BYTES];
    let exact = span.low.filter(|_| span.low == span.high).and_then(|number| number.to_f64());
    if let Some(exact) = exact {
        bytes[0] = 0;
        bytes[1..].copy_from_slice(&value::number(exact));
    }
    bytes
}

/// Every combination of the parts' values. Parts that are texts are left to the body: the row then ends before them.
fn composite(tenant_keys: &TenantKeys, parts: &[Vec<Extracted<'_>>]) -> Vec<Vec<u8>> {
    let mut rows: Vec<Vec<u8>> = vec![Vec::new()];
    for part in parts {
        let encoded: Vec<Vec<u8>> = part
            .iter()
            .flat_map(|extracted| match extracted {
                Extracted::Text(_) => vec![Vec::new()],
                other => encode(tenant_keys, other),
            })
            .collect();
        rows = rows.iter().flat_map(|row| encoded.iter().map(|value| [row.as_slice(), value].concat())).collect();
    }
    rows
}

#[cfg(test)]
mod tests {
    use model::{Number, Rid, TenantId};
    use serde_json::json;
    use trust::MasterKey;

    use super::*;

    /// The rows of a resource of every kind of value. When this changes, every index in the world is wrong for the new program: raise
    /// [`EXTRACTOR_SET`], so that it is built anew, and then write down what the rows are now.
    #[test]
    fn rows_are_what_they_were() {
        let parameters = Parameters::load().unwrap();
        let tenant_keys = TenantKeys::derive(&MasterKey::from_bytes([7; 32]), TenantId(1));
        let resources = [
            json!({"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-02-29", "active": true,
                "name": [{"text": "演示 Ａnna", "family": "王", "given": ["小明"]}], "telecom": [{"system": "phone", "value": "10012345678"}],
                "identifier": [{"system": "urn:x", "value": "990000198002290017"}], "address": [{"city": "云岫市", "text": "槐溪镇"}],
                "link": [{"other": {"reference": "Patient/q"}, "type": "seealso"}]}),
            json!({"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
                "performer": [{"reference": "https://elsewhere.example/Practitioner/1"}], "effectiveDateTime": "2024-03-05T08:05:00+08:00",
                "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}], "text": "血压"},
                "category": [{"coding": [{"code": "vital-signs"}]}], "component": [
                    {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 120.50, "unit": "mmHg"}},
                    {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueQuantity": {"value": 80, "comparator": "<"}}]}),
            json!({"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"},
                "subject": {"reference": "Patient/p"}, "period": {"start": "2024-03"}, "length": {"value": 30, "unit": "min"}}),
            json!({"resourceType": "ChargeItem", "id": "c", "status": "billed", "code": {"text": "挂号"}, "subject": {"reference": "Patient/p"},
                "factorOverride": 0.8, "definitionUri": ["urn:d"], "occurrencePeriod": {"start": "2024-01-01", "end": "2024-01-31"}}),
        ];
        let mut text = String::new();
        for (number, resource) in resources.iter().enumerate() {
            let type_code = TypeCode::of(resource["resourceType"].as_str().unwrap()).unwrap();
            let rid = Rid { type_code, number: Number(number as u64 + 1) };
            let key = ResourceKey { tenant: TenantId(1), home: Home(9), rid };
            for (keyspace, row) in rows(&parameters, &tenant_keys, &key, resource, 1_700_000_000_000) {
                text.push_str(&format!("{} {}\n", keyspace.name(), hex::encode(row)));
            }
        }
        let digest = hex::encode(trust::cipher::hmac_sm3(b"rows", text.as_bytes()));
        assert_eq!(
            (EXTRACTOR_SET, text.lines().count(), &digest[..16]),
            (1, 62, "fcc1a1211e3c0a46"),
            "the rules in code have changed"
        );
    }
}
