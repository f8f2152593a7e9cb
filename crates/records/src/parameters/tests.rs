use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::json;

use super::*;

#[path = "../../tests/common/bundles.rs"]
mod bundles;

fn loaded() -> Parameters {
    Parameters::load().unwrap()
}

/// Every resource of the sample.
fn sample() -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples/synthea");
    bundles::paths(&folder).iter().flat_map(|path| bundles::resources(path)).collect()
}

fn debugged(values: &[Extracted<'_>]) -> BTreeSet<String> {
    values.iter().map(|value| format!("{value:?}")).collect()
}

#[test]
fn every_definition_compiles() {
    let parameters = loaded();
    let mut count = 0;
    for type_code in TypeCode::all() {
        let mut numbers = BTreeSet::new();
        for parameter in parameters.of_type(type_code) {
            assert!(numbers.insert(parameter.number), "{type_code}.{} shares a number", parameter.code);
            assert_eq!(parameters.get(type_code, &parameter.code).unwrap().number, parameter.number);
            count += 1;
        }
        for shared in ["_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"] {
            assert!(parameters.get(type_code, shared).is_some(), "{type_code}.{shared}");
        }
    }
    let defined: usize = standards::search_parameters()
        .iter()
        .filter(|it| UNSUPPORTED.iter().all(|(code, _)| *code != it.code))
        .map(|it| TypeCode::all().filter(|type_code| !it.paths(type_code.name()).is_empty()).count())
        .sum();
    assert_eq!(count, defined);
    assert!(count > 600, "{count} parameters are fewer than R4 has");
}

#[test]
fn a_definition_that_cannot_be_compiled_fails_the_load() {
    let rows = [
        ("date", "Patient.birthDate.toString()", "not a function"),
        ("date", "Patient.name", "does not read"),
        ("string", "Patient.nickname", "no element"),
        ("string", "Person.name", "does not begin with"),
        ("quantity", "(Observation.value as Quantity)", "does not begin with"),
        ("token", "Patient.deceased.as(Period)", "nothing can be"),
    ];
    for (kind, expression, reason) in rows {
        let definition = json!([{
            "number": 9999, "code": "made-up", "kind": kind, "bases": [{"type": "Patient", "paths": [expression]}]
        }]);
        let definitions: Vec<SearchParameter> = serde_json::from_value(definition).unwrap();
        let error = Parameters::compile(&definitions).unwrap_err();
        assert_eq!((error.type_name.as_str(), error.code.as_str()), ("Patient", "made-up"));
        assert!(error.reason.contains(reason), "{expression}: {}", error.reason);
    }
}

#[test]
fn aliases_are_found() {
    let parameters = loaded();
    let mut found = Vec::new();
    for type_code in TypeCode::all() {
        for parameter in parameters.of_type(type_code) {
            let name = |number: &u16| parameters.numbered(type_code, *number).unwrap().code.as_str();
            let said = match &parameter.alias {
                None => continue,
                Some(Alias::Restricted { of, target }) => format!("{} > {target}", name(of)),
                Some(Alias::Union(of)) => of.iter().map(name).collect::<Vec<_>>().join(" + "),
            };
            found.push(format!("{type_code}.{} = {said}", parameter.code));
        }
    }
    found.sort();
    let mut expected: Vec<String> = [
        "Encounter.practitioner = participant > Practitioner",
        "Observation.combo-code = code + component-code",
        "Observation.combo-code-value-concept = code-value-concept + component-code-value-concept",
        "Observation.combo-code-value-quantity = code-value-quantity + component-code-value-quantity",
        "Observation.combo-data-absent-reason = component-data-absent-reason + data-absent-reason",
        "Observation.combo-value-concept = component-value-concept + value-concept",
        "Observation.combo-value-quantity = component-value-quantity + value-quantity",
        "Person.patient = link > Patient",
        "Person.practitioner = link > Practitioner",
        "Person.relatedperson = link > RelatedPerson",
        "Provenance.patient = target > Patient",
    ]
    .map(str::to_owned)
    .to_vec();
    let subject =
        ["CarePlan", "CareTeam", "Condition", "DiagnosticReport", "DocumentReference", "Encounter", "ImagingStudy"];
    let more = ["MedicationAdministration", "MedicationRequest", "Observation", "Procedure", "ServiceRequest", "Task"];
    let road = ["ChargeItem", "Composition", "MedicationDispense", "Specimen"];
    expected.extend(subject.iter().chain(&more).chain(&road).map(|name| format!("{name}.patient = subject > Patient")));
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn aliases_say_the_same_as_their_own_programs() {
    let parameters = loaded();
    let resources = sample();
    assert!(resources.len() > 1000, "the sample is there");
    let mut compared: BTreeMap<String, usize> = BTreeMap::new();
    for resource in &resources {
        let Ok(type_code) = TypeCode::of(resource["resourceType"].as_str().unwrap()) else { continue };
        for parameter in parameters.of_type(type_code) {
            let Some(alias) = &parameter.alias else { continue };
            let computed = Computed::default();
            let own = parameter.values(resource, &computed);
            let other = |number: &u16| parameters.numbered(type_code, *number).unwrap().values(resource, &computed);
            let said: Vec<Extracted<'_>> = match alias {
                Alias::Restricted { of, target } => {
                    other(of).into_iter().filter(|value| program::points_at(value, target)).collect()
                }
                Alias::Union(of) => of.iter().flat_map(other).collect(),
            };
            assert_eq!(debugged(&own), debugged(&said), "{type_code}.{} of {}", parameter.code, resource["id"]);
            *compared.entry(format!("{type_code}.{}", parameter.code)).or_default() += own.len();
        }
    }
    for must in
        ["Observation.patient", "Observation.combo-code", "Observation.combo-code-value-quantity", "Encounter.patient"]
    {
        assert!(compared[must] > 50, "{must}: {}", compared[must]);
    }
}

/// Type, resource, parameter, and what is extracted, in the words of [`said`].
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_are_extracted() {
    let rows: &[(&str, Value, &str, &[&str])] = &[
        ("Patient", json!({"active": true}), "active", &["|true"]),
        ("Patient", json!({"gender": "male"}), "gender", &["http://hl7.org/fhir/administrative-gender|male"]),
        ("Patient", json!({}), "deceased", &["|false"]),
        ("Patient", json!({"deceasedBoolean": false}), "deceased", &["|false"]),
        ("Patient", json!({"deceasedBoolean": true}), "deceased", &["|true"]),
        ("Patient", json!({"deceasedDateTime": "2020"}), "deceased", &["|true"]),
        (
            "Patient",
            json!({"identifier": [{"system": "s", "value": "1", "type": {"text": "证件",
                "coding": [{"system": "t", "code": "NI", "display": "national"}]}}, {"system": "only"}]}),
            "identifier",
            &["s|1 (证件, national) t|NI"],
        ),
        (
            "Patient",
            json!({"telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}]}),
            "phone",
            &["|1"],
        ),
        ("Patient", json!({"telecom": [{"system": "phone", "value": "1"}]}), "email", &[]),
        (
            "Patient",
            json!({"name": [{"family": "张", "given": ["三"]}, {"family": "Li", "given": ["A", "B"], "prefix": ["Dr"]}]}),
            "name",
            &["'张'", "'三'", "'张三'", "'Li'", "'A'", "'B'", "'Dr'"],
        ),
        (
            "Patient",
            json!({"name": [{"text": "张三", "family": "张", "given": ["三"]}]}),
            "name",
            &["'张三'", "'张'", "'三'"],
        ),
        (
            "Patient",
            json!({"address": [{"line": ["1 A", "B"], "city": "上海", "country": "CN", "use": "home"}]}),
            "address",
            &["'1 A'", "'B'", "'上海'", "'CN'"],
        ),
        ("Patient", json!({"birthDate": "1970-01-01"}), "birthdate", &["-28800000..57599999"]),
        ("Patient", json!({"birthDate": null, "_birthDate": {"extension": []}}), "birthdate", &[]),
        ("Encounter", json!({"period": {"start": "1970-01-01T00:00:00Z"}}), "date", &["0..9223372036854775807"]),
        ("Encounter", json!({"period": {"end": "1970-01-01T00:00:00Z"}}), "date", &["-9223372036854775808..999"]),
        ("Encounter", json!({"period": {}}), "date", &[]),
        (
            "Encounter",
            json!({"period": {"start": "1970-01-01T00:00:01Z", "end": "1970-01-01T00:00:00Z"}}),
            "date",
            &["1000..9223372036854775807"],
        ),
        ("Encounter", json!({"length": {"value": 20, "unit": "min"}}), "length", &["20..20 ||min"]),
        (
            "Observation",
            json!({"effectiveTiming": {"event": ["1970-01-01T00:00:02Z", "1970-01-01T00:00:00Z"]}}),
            "date",
            &["0..2999"],
        ),
        ("Observation", json!({"effectiveTiming": {"repeat": {"frequency": 2}}}), "date", &[]),
        ("Observation", json!({"effectiveInstant": "1970-01-01T00:00:00.000Z"}), "date", &["0..0"]),
        (
            "Observation",
            json!({"valueQuantity": {"value": 5.4, "comparator": "<", "system": "u", "code": "c", "unit": "n"}}),
            "value-quantity",
            &["..5.4 u|c|n"],
        ),
        ("Observation", json!({"valueQuantity": {"unit": "n"}}), "value-quantity", &[]),
        (
            "Observation",
            json!({"valueSampledData": {"origin": {"value": 10, "code": "mV"}, "factor": 2, "data": "1 E -3 U",
                "upperLimit": 100}}),
            "value-quantity",
            &["4..100 |mV|"],
        ),
        (
            "Observation",
            json!({"valueCodeableConcept": {"text": "T", "coding": [{"code": "x"}]}, "valueString": "S"}),
            "value-string",
            &["'S'", "'T'"],
        ),
        (
            "Observation",
            json!({"code": {"coding": [{"system": "s", "code": "a"}, {"display": "d"}], "text": "t"}}),
            "code",
            &["s|a (t)", "| (d, t)"],
        ),
        ("Observation", json!({"code": {"text": "t"}}), "code", &["| (t)"]),
        (
            "Observation",
            json!({"code": {"coding": [{"code": "a"}]}, "valueQuantity": {"value": 1},
                "component": [{"code": {"coding": [{"code": "b"}]}, "valueQuantity": {"value": 2}}, {"valueQuantity": {"value": 3}}]}),
            "combo-code-value-quantity",
            &["[|a & 1..1 ||]", "[|b & 2..2 ||]"],
        ),
        ("Observation", json!({"code": {"coding": [{"code": "a"}]}}), "code-value-quantity", &[]),
        ("Observation", json!({"subject": {"reference": "Patient/1"}}), "subject", &["Patient/1"]),
        ("Observation", json!({"subject": {"reference": "Patient/1/_history/2"}}), "patient", &["Patient/1 @2"]),
        ("Observation", json!({"subject": {"reference": "Group/1"}}), "patient", &[]),
        ("Observation", json!({"subject": {"reference": "#p"}}), "subject", &[]),
        (
            "Observation",
            json!({"subject": {"reference": "http://h/f/Patient/1/_history/2"}}),
            "patient",
            &["<http://h/f/Patient/1> @2"],
        ),
        ("Observation", json!({"subject": {"reference": "urn:uuid:1"}}), "patient", &[]),
        (
            "Observation",
            json!({"subject": {"reference": "urn:uuid:1", "type": "Patient"}}),
            "patient",
            &["<urn:uuid:1>"],
        ),
        (
            "Observation",
            json!({"subject": {"type": "http://hl7.org/fhir/StructureDefinition/Patient", "identifier": {"system": "s", "value": "v"}}}),
            "patient",
            &["={s|v}"],
        ),
        (
            "CarePlan",
            json!({"instantiatesCanonical": ["http://x/P|1.0"]}),
            "instantiates-canonical",
            &["<http://x/P> @1.0"],
        ),
        ("Condition", json!({"onsetAge": {"value": 5, "unit": "a"}}), "onset-age", &["5..5 ||a"]),
        (
            "Condition",
            json!({"onsetRange": {"low": {"value": 5}, "high": {"value": 7, "code": "a"}}}),
            "onset-age",
            &["5..7 ||"],
        ),
        ("Condition", json!({"onsetAge": {"value": 5}}), "onset-date", &[]),
        (
            "Condition",
            json!({"onsetPeriod": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:00Z"}}),
            "onset-date",
            &["0..999"],
        ),
        ("Location", json!({"name": "A", "alias": ["B", "C"]}), "name", &["'A'", "'B'", "'C'"]),
        ("Device", json!({"url": "http://d"}), "url", &["u:http://d"]),
        (
            "DocumentReference",
            json!({"relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/2"}}]}),
            "relationship",
            &["[http://hl7.org/fhir/document-relationship-type|replaces & DocumentReference/2]"],
        ),
        ("ServiceRequest", json!({"orderDetail": [{"text": "t"}]}), "order-detail", &["|t"]),
        (
            "Medication",
            json!({"ingredient": [{"itemReference": {"reference": "Medication/1"}}]}),
            "ingredient",
            &["Medication/1"],
        ),
        ("Task", json!({"_id": "no", "id": "a"}), "_id", &["|a"]),
        ("Task", json!({"meta": {"tag": [{"system": "s", "code": "c"}], "profile": ["p"]}}), "_tag", &["s|c"]),
        ("Task", json!({"meta": {"profile": ["p", "q"]}}), "_profile", &["u:p", "u:q"]),
    ];
    let parameters = loaded();
    for (type_name, resource, code, expected) in rows {
        let parameter = parameters.get(TypeCode::of(type_name).unwrap(), code).unwrap();
        let found: Vec<String> = parameter.values(resource, &Computed::default()).iter().map(said).collect();
        assert_eq!(found, *expected, "{type_name}.{code} of {resource}");
    }
}

/// A value in a short notation for the table above.
pub(super) fn said(value: &Extracted<'_>) -> String {
    match value {
        Extracted::Token { system, code, text, of_type } => {
            let mut out = format!("{}|{}", system.unwrap_or_default(), code.unwrap_or_default());
            if !text.is_empty() {
                out += &format!(" ({})", text.join(", "));
            }
            of_type.iter().for_each(|(system, code)| out += &format!(" {system}|{code}"));
            out
        }
        Extracted::Reference { local, url, identifier, version, .. } => {
            let mut out = local.map(|(type_name, id)| format!("{type_name}/{id}")).unwrap_or_default();
            out += &url.map(|url| format!("<{url}>")).unwrap_or_default();
            out += &identifier
                .map(|(system, value)| format!("={{{}|{value}}}", system.unwrap_or_default()))
                .unwrap_or_default();
            out + &version.map(|version| format!(" @{version}")).unwrap_or_default()
        }
        Extracted::Text(text) => format!("'{text}'"),
        Extracted::Date { low_ms, high_ms } => format!("{low_ms}..{high_ms}"),
        Extracted::Number { span } => ends(span),
        Extracted::Quantity { span, system, code, unit } => {
            let word = |part: &Option<&str>| part.unwrap_or_default().to_owned();
            format!("{} {}|{}|{}", ends(span), word(system), word(code), word(unit))
        }
        Extracted::Uri(uri) => format!("u:{uri}"),
        Extracted::Composite(parts) => {
            let part = |values: &Vec<Extracted<'_>>| values.iter().map(said).collect::<Vec<_>>().join(",");
            format!("[{}]", parts.iter().map(part).collect::<Vec<_>>().join(" & "))
        }
    }
}

fn ends(span: &Span) -> String {
    let end = |end: Option<rust_decimal::Decimal>| end.map(|it| it.to_string()).unwrap_or_default();
    format!("{}..{}", end(span.low), end(span.high))
}

#[test]
fn clinical_dates_follow_the_table() {
    let rows = [
        (
            "Observation",
            json!({"effectiveDateTime": "1970-01-01T00:00:00Z", "issued": "1980-01-01T00:00:00Z"}),
            Some((0, 999)),
        ),
        ("Observation", json!({"issued": "1970-01-01T00:00:01.000Z"}), Some((1000, 1000))),
        ("Encounter", json!({"period": {"start": "1970-01-01T00:00:00Z"}}), Some((0, i64::MAX))),
        ("Encounter", json!({"period": {"end": "1970-01-01T00:00:00Z"}}), None),
        ("Condition", json!({"onsetString": "long ago", "recordedDate": "1970-01-01T00:00:00Z"}), Some((0, 999))),
        (
            "Condition",
            json!({"onsetPeriod": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:00Z"}}),
            Some((0, 999)),
        ),
        ("SupplyDelivery", json!({"occurrenceTiming": {"event": ["1970-01-01T00:00:00Z"]}}), Some((0, 999))),
        ("DocumentReference", json!({"context": {"period": {"start": "1970-01-01T00:00:00Z"}}}), Some((0, i64::MAX))),
        ("Patient", json!({"birthDate": "1970-01-01"}), None),
    ];
    for (type_name, resource, expected) in rows {
        let type_code = TypeCode::of(type_name).unwrap();
        assert_eq!(clinical_date(type_code, &resource), expected, "{resource}");
        assert_eq!(clinical_date_ms(type_code, &resource), expected.map(|(low_ms, _)| low_ms));
    }
}
