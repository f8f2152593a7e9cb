//! The table: a resource, a question, and whether it answers. A row reads as one would write the search.

use proptest::prelude::*;
use serde_json::{Value, json};

use model::TypeCode;

use super::*;
use crate::parameters::{Computed, Extracted, Parameters};

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;

/// Asks `Type?parameter[:modifier]=values` of a resource.
fn ask(parameters: &Parameters, question: &str, resource: &Value) -> Result<bool, String> {
    let (type_name, rest) = question.split_once('?').unwrap();
    let (name, text) = rest.split_once('=').unwrap();
    let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    let parameter = parameters.get(TypeCode::of(type_name).unwrap(), code).unwrap();
    let modifier = modifier.map(|modifier| Modifier::parse(parameter, modifier)).transpose()?;
    let any_of = split_values(text)
        .into_iter()
        .map(|part| QueryValue::parse(parameter, modifier.as_ref(), part, NOW_MS))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(answers(modifier.as_ref(), &any_of, &parameter.values(resource, &Computed::default())))
}

/// Every question of `yes` must be answered by the resource, none of `no`.
fn check(resource: &Value, yes: &[&str], no: &[&str]) {
    let parameters = Parameters::load().unwrap();
    for (questions, expected) in [(yes, true), (no, false)] {
        for question in questions {
            assert_eq!(ask(&parameters, question, resource), Ok(expected), "{question} on {resource}");
        }
    }
}

#[test]
fn tokens() {
    let patient = json!({
        "gender": "male", "active": true,
        "identifier": [
            {"system": "urn:oid:2.16.156.10011.1.3", "value": "990101",
             "type": {"text": "居民身份证", "coding": [{"system": "http://t", "code": "NI", "display": "National id"}]}},
            {"value": "A|B,C$D\\E"}
        ],
        "telecom": [{"system": "phone", "value": "13800000000"}, {"system": "email", "value": "a@b.example"}]
    });
    check(
        &patient,
        &[
            "Patient?gender=male",
            "Patient?gender=female,male",
            "Patient?gender=http://hl7.org/fhir/administrative-gender|male",
            "Patient?gender=http://hl7.org/fhir/administrative-gender|",
            "Patient?gender:not=female",
            "Patient?gender:not=female,other",
            "Patient?gender:missing=false",
            "Patient?language:missing=true",
            "Patient?language:not=zh",
            "Patient?active=true",
            "Patient?active=|true",
            "Patient?deceased=false",
            "Patient?identifier=990101",
            "Patient?identifier=urn:oid:2.16.156.10011.1.3|990101",
            "Patient?identifier=urn:oid:2.16.156.10011.1.3|",
            "Patient?identifier=A\\|B\\,C\\$D\\\\E",
            "Patient?identifier=|A\\|B\\,C\\$D\\\\E",
            "Patient?identifier:of-type=http://t|NI|990101",
            "Patient?identifier:text=居民",
            "Patient?identifier:text=NATIONAL",
            "Patient?phone=13800000000",
            "Patient?telecom=a@b.example",
            "Patient?email=a@b.example",
        ],
        &[
            "Patient?gender=Male",
            "Patient?gender=|male",
            "Patient?gender=http://other|male",
            "Patient?gender:not=male",
            "Patient?gender:not=female,male",
            "Patient?gender:missing=true",
            "Patient?language:missing=false",
            "Patient?active=false",
            "Patient?deceased=true",
            "Patient?identifier=99010",
            "Patient?identifier=|990101",
            "Patient?identifier=urn:oid:1|990101",
            "Patient?identifier:of-type=http://t|NI|1",
            "Patient?identifier:of-type=http://t|MR|990101",
            "Patient?identifier:text=身份证",
            "Patient?phone=a@b.example",
            "Patient?email=13800000000",
        ],
    );
}

#[test]
fn concepts() {
    let observation = json!({
        "code": {"text": "血压", "coding": [
            {"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}, {"code": "local"}]},
        "status": "final"
    });
    check(
        &observation,
        &[
            "Observation?code=85354-9",
            "Observation?code=http://loinc.org|85354-9",
            "Observation?code=|local",
            "Observation?code=local",
            "Observation?code=nothing,local",
            "Observation?combo-code=85354-9",
            "Observation?code:text=blood",
            "Observation?code:text=血",
            "Observation?component-code:missing=true",
            "Observation?status=final",
            "Observation?code:not=http://loinc.org|local",
        ],
        &[
            "Observation?code=|85354-9",
            "Observation?code=http://loinc.org|local",
            "Observation?code=85354",
            "Observation?component-code=85354-9",
            "Observation?code:text=pressure",
            "Observation?code:not=85354-9",
            "Observation?code:not=x,local",
        ],
    );
}

#[test]
fn strings() {
    let patient = json!({
        "name": [{"family": "Müller", "given": ["Anna  Maria"]}, {"family": "欧阳", "given": ["娜", "娜"]}],
        "address": [{"line": ["中山东路 1 号"], "city": "Ｎanjing", "postalCode": "210000"}]
    });
    check(
        &patient,
        &[
            "Patient?name=mul",
            "Patient?name=MÜLLER",
            "Patient?family=muller",
            "Patient?given=anna maria",
            "Patient?given=x,anna",
            "Patient?name=欧",
            "Patient?name=欧阳娜",
            "Patient?name=欧阳娜娜",
            "Patient?name:exact=Müller",
            "Patient?name:exact=欧阳娜娜",
            "Patient?name:contains=LLE",
            "Patient?name:contains=阳娜",
            "Patient?given:contains=maria",
            "Patient?address=nanjing",
            "Patient?address=中山",
            "Patient?address-city=nan",
            "Patient?address-postalcode=2100",
            "Patient?address:contains=东路",
            "Patient?family:missing=false",
        ],
        &[
            "Patient?name=uller",
            "Patient?name=阳",
            "Patient?family=欧阳娜",
            "Patient?name:exact=müller",
            "Patient?name:exact=Muller",
            "Patient?name:exact=Mül",
            "Patient?given=maria",
            "Patient?address=东路",
            "Patient?address-city=中山",
            "Patient?name:contains=xyz",
            "Patient?family:missing=true",
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn dates() {
    // A day, so 24 hours in China.
    let day = json!({"effectiveDateTime": "2020-03-05"});
    check(
        &day,
        &[
            "Observation?date=2020",
            "Observation?date=2020-03",
            "Observation?date=2020-03-05",
            "Observation?date=eq2020-03-05",
            "Observation?date=2019,2020",
            "Observation?date=ne2021",
            "Observation?date=ne2020-03-05T10:00",
            "Observation?date=gt2020-03-04",
            "Observation?date=gt2019",
            "Observation?date=gt2020-03-05T10:00",
            "Observation?date=lt2020-03-05T10:00",
            "Observation?date=lt2020-03-06",
            "Observation?date=ge2020-03-05",
            "Observation?date=ge2020-03",
            "Observation?date=le2020-03-05",
            "Observation?date=le2020",
            "Observation?date=sa2020-03-04",
            "Observation?date=sa2020-02",
            "Observation?date=eb2020-03-06",
            "Observation?date=eb2021",
            "Observation?date=ap2020-03-05",
            "Observation?date=ap2020-03-20",
            "Observation?date=sa2020-03-04T15:59:59Z",
            "Observation?date=ge2020-03-05T00:00:00 08:00",
        ],
        &[
            "Observation?date=2021",
            "Observation?date=2020-03-06",
            "Observation?date=2020-03-05T10:00",
            "Observation?date=ne2020",
            "Observation?date=gt2020-03-05",
            "Observation?date=gt2020",
            "Observation?date=lt2020-03-05",
            "Observation?date=lt2020",
            "Observation?date=ge2020-03-06",
            "Observation?date=le2020-03-04",
            "Observation?date=sa2020-03-05",
            "Observation?date=sa2020-03-05T10:00",
            "Observation?date=eb2020-03-05",
            "Observation?date=eb2020-03-05T10:00",
            "Observation?date=ap2010",
            "Observation?date=sa2020-03-04T16:00:00Z",
        ],
    );
    // Half-open periods reach without end.
    let going_on = json!({"period": {"start": "2020-03-05T08:00:00+08:00"}});
    check(
        &going_on,
        &[
            "Encounter?date=gt2030",
            "Encounter?date=ge2020",
            "Encounter?date=ge2020-03-05T08:00",
            "Encounter?date=lt2021",
            "Encounter?date=le2021",
            "Encounter?date=sa2019",
            "Encounter?date=ne2020",
            "Encounter?date=ap2030",
        ],
        &[
            "Encounter?date=2020",
            "Encounter?date=le2020",
            "Encounter?date=lt2020-03-05T08:00:00",
            "Encounter?date=eb2030",
            "Encounter?date=sa2020",
            "Encounter?date=sa2020-03-05T08:00",
        ],
    );
    let instant = json!({"recorded": "2020-03-05T00:00:00.123Z"});
    check(
        &instant,
        &[
            "Provenance?recorded=2020-03-05T00:00:00Z",
            "Provenance?recorded=2020-03-05T00:00:00.123Z",
            "Provenance?recorded=2020-03-05T08:00:00.123",
            "Provenance?recorded=2020-03-05T08:00:00.123 08:00",
            "Provenance?recorded=lt2020-03-05T00:00:00.124Z",
        ],
        &["Provenance?recorded=2020-03-05T00:00:00.124Z", "Provenance?recorded=gt2020-03-05T00:00:00.123Z"],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn quantities() {
    let weight =
        json!({"valueQuantity": {"value": 5.4, "unit": "毫克", "system": "http://unitsofmeasure.org", "code": "mg"}});
    check(
        &weight,
        &[
            "Observation?value-quantity=5.4",
            "Observation?value-quantity=5.40",
            "Observation?value-quantity=5",
            "Observation?value-quantity=54e-1",
            "Observation?value-quantity=1e1,5.4",
            "Observation?value-quantity=5.4|http://unitsofmeasure.org|mg",
            "Observation?value-quantity=5.4||mg",
            "Observation?value-quantity=5.4||毫克",
            "Observation?value-quantity=5.4|http://unitsofmeasure.org|",
            "Observation?value-quantity=ne5.5",
            "Observation?value-quantity=gt5.3",
            "Observation?value-quantity=ge5.4",
            "Observation?value-quantity=lt5.5|http://unitsofmeasure.org|mg",
            "Observation?value-quantity=le5.4",
            "Observation?value-quantity=sa5.3",
            "Observation?value-quantity=sa5",
            "Observation?value-quantity=eb5.5",
            "Observation?value-quantity=ap5.9",
            "Observation?value-quantity=ap5",
            "Observation?value-quantity=gt5",
        ],
        &[
            "Observation?value-quantity=5.5",
            "Observation?value-quantity=5.41",
            "Observation?value-quantity=-5.4",
            "Observation?value-quantity=5.4|http://unitsofmeasure.org|g",
            "Observation?value-quantity=5.4|http://other|mg",
            "Observation?value-quantity=5.4||g",
            "Observation?value-quantity=5.4|http://unitsofmeasure.org|毫克",
            "Observation?value-quantity=ne5.4",
            "Observation?value-quantity=ne5",
            "Observation?value-quantity=gt5.4",
            "Observation?value-quantity=lt5.4",
            "Observation?value-quantity=ge5.41",
            "Observation?value-quantity=le5.39",
            "Observation?value-quantity=sa5.4",
            "Observation?value-quantity=eb5.4",
            "Observation?value-quantity=ap6.1",
        ],
    );
    let below = json!({"valueQuantity": {"value": 5, "comparator": "<"}});
    check(
        &below,
        &[
            "Observation?value-quantity=lt5",
            "Observation?value-quantity=lt1",
            "Observation?value-quantity=le5",
            "Observation?value-quantity=gt4.9",
            "Observation?value-quantity=ne5",
            "Observation?value-quantity=eb5.5",
            "Observation?value-quantity=eb5",
        ],
        &[
            "Observation?value-quantity=5",
            "Observation?value-quantity=gt5",
            "Observation?value-quantity=ge5",
            "Observation?value-quantity=sa1",
        ],
    );
    let at_least = json!({"valueQuantity": {"value": 5, "comparator": ">="}});
    check(
        &at_least,
        &["Observation?value-quantity=ge5", "Observation?value-quantity=le5", "Observation?value-quantity=gt100"],
        &["Observation?value-quantity=lt5", "Observation?value-quantity=5", "Observation?value-quantity=eb100"],
    );
    let range = json!({"onsetRange": {"low": {"value": 10}, "high": {"value": 20}}});
    check(
        &range,
        &[
            "Condition?onset-age=gt15",
            "Condition?onset-age=lt15",
            "Condition?onset-age=ge20",
            "Condition?onset-age=le10",
            "Condition?onset-age=sa5",
            "Condition?onset-age=eb25",
            "Condition?onset-age=ap15",
        ],
        &[
            "Condition?onset-age=15",
            "Condition?onset-age=2e1",
            "Condition?onset-age=gt20",
            "Condition?onset-age=lt10",
            "Condition?onset-age=sa10",
            "Condition?onset-age=eb20",
        ],
    );
}

#[test]
fn references() {
    let local = json!({"subject": {"reference": "Patient/23/_history/3", "identifier": {"system": "s", "value": "v"}}});
    check(
        &local,
        &[
            "Observation?subject=23",
            "Observation?subject=Patient/23",
            "Observation?subject:Patient=23",
            "Observation?subject:Patient=Patient/23",
            "Observation?patient=23",
            "Observation?patient=Patient/23",
            "Observation?subject=Patient/23/_history/3",
            "Observation?subject=Patient/1,Patient/23",
            "Observation?subject:identifier=s|v",
            "Observation?subject:identifier=v",
            "Observation?subject:identifier=s|",
            "Observation?subject:missing=false",
            "Observation?focus:missing=true",
        ],
        &[
            "Observation?subject=24",
            "Observation?subject=Group/23",
            "Observation?subject:Group=23",
            "Observation?subject=Patient/23/_history/4",
            "Observation?subject=http://h/fhir/Patient/23",
            "Observation?subject:identifier=t|v",
            "Observation?subject:identifier=|v",
            "Observation?subject:missing=true",
        ],
    );
    let remote = json!({"subject": {"reference": "http://h/fhir/Patient/23"}});
    check(
        &remote,
        &["Observation?subject=http://h/fhir/Patient/23", "Observation?patient=http://h/fhir/Patient/23"],
        &[
            "Observation?subject=23",
            "Observation?subject=Patient/23",
            "Observation?subject=http://h/fhir/Patient/24",
            "Observation?subject=http://h/fhir/Patient/23/_history/1",
        ],
    );
    let urn = json!({"subject": {"reference": "urn:uuid:5ab1ca3f-08f1-4fd6-87c5-0fb9a40af0a5"}});
    check(
        &urn,
        &["Observation?subject=urn:uuid:5ab1ca3f-08f1-4fd6-87c5-0fb9a40af0a5"],
        &["Observation?subject=5ab1ca3f-08f1-4fd6-87c5-0fb9a40af0a5"],
    );
    let canonical = json!({"instantiatesCanonical": ["http://x/PlanDefinition/P|1.0"]});
    check(
        &canonical,
        &[
            "CarePlan?instantiates-canonical=http://x/PlanDefinition/P",
            "CarePlan?instantiates-canonical=http://x/PlanDefinition/P\\|1.0",
            "CarePlan?instantiates-canonical=http://x/PlanDefinition/P|1.0",
        ],
        &["CarePlan?instantiates-canonical=http://x/PlanDefinition/P|2.0", "CarePlan?instantiates-canonical=P"],
    );
}

#[test]
fn uris() {
    let device = json!({"url": "http://acme.example/fhir/1"});
    check(
        &device,
        &[
            "Device?url=http://acme.example/fhir/1",
            "Device?url:below=http://acme.example/fhir",
            "Device?url:below=http://acme.example/fhir/",
            "Device?url:below=http://acme.example/fhir/1",
            "Device?url:above=http://acme.example/fhir/1/_history/5",
            "Device?url:missing=false",
        ],
        &[
            "Device?url=http://acme.example/fhir",
            "Device?url=HTTP://acme.example/fhir/1",
            "Device?url:below=http://acme.example/fh",
            "Device?url:above=http://acme.example/fhir",
            "Device?url:above=http://acme.example/fhir/12",
        ],
    );
}

#[test]
fn composites() {
    let pressure = json!({
        "code": {"coding": [{"system": "l", "code": "panel"}]}, "valueQuantity": {"value": 1},
        "component": [
            {"code": {"coding": [{"system": "l", "code": "sys"}]}, "valueQuantity": {"value": 120, "code": "mm"}},
            {"code": {"coding": [{"system": "l", "code": "dia"}]}, "valueQuantity": {"value": 80, "code": "mm"}}
        ]
    });
    check(
        &pressure,
        &[
            "Observation?component-code-value-quantity=l|sys$120",
            "Observation?component-code-value-quantity=sys$gt110",
            "Observation?component-code-value-quantity=sys$gt130,dia$lt90",
            "Observation?component-code-value-quantity=sys$120||mm",
            "Observation?combo-code-value-quantity=dia$80",
            "Observation?combo-code-value-quantity=panel$1",
            "Observation?code-value-quantity=panel$le1",
        ],
        &[
            "Observation?component-code-value-quantity=sys$80",
            "Observation?component-code-value-quantity=dia$gt100",
            "Observation?component-code-value-quantity=panel$1",
            "Observation?code-value-quantity=sys$120",
            "Observation?component-code-value-quantity=sys$120||kPa",
        ],
    );
    let replaced = json!({"relatesTo": [
        {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
        {"code": "appends", "target": {"reference": "DocumentReference/2"}}]});
    check(
        &replaced,
        &["DocumentReference?relationship=replaces$DocumentReference/1", "DocumentReference?relationship=appends$2"],
        &["DocumentReference?relationship=replaces$DocumentReference/2"],
    );
}

#[test]
fn what_is_not_understood_is_refused_with_what_is_expected() {
    let parameters = Parameters::load().unwrap();
    let rows = [
        ("Patient?gender=", "expects a value"),
        ("Patient?gender=male,", "expects a value"),
        ("Patient?gender=|", "expects code"),
        ("Patient?gender=a|b|c", "expects code"),
        ("Patient?gender:exact=male", "missing, not, text, of-type"),
        ("Patient?gender:in=http://vs", "takes no modifier"),
        ("Patient?gender:missing=yes", "true or false"),
        ("Patient?name:not=x", "missing, exact, contains"),
        ("Patient?name=\u{301}", "expects a text"),
        ("Patient?birthdate=1-1-2020", "expects a date"),
        ("Patient?birthdate=2020-13", "expects a date"),
        ("Patient?birthdate=xx2020", "expects a date"),
        ("Patient?birthdate:exact=2020", "takes: missing"),
        ("Patient?identifier:of-type=a|b", "expects system|code|value"),
        ("Observation?value-quantity=abc", "expects a number"),
        ("Observation?value-quantity=5|mg", "number|system|code"),
        ("Observation?value-quantity=gt", "expects a number"),
        ("Observation?subject=Patient?name=x", "expects an id"),
        ("Observation?subject=a b", "expects an id"),
        ("Observation?subject:Encounter=1", "takes no modifier"),
        ("Observation?subject:Group=Patient/1", "another type"),
        ("Observation?code-value-quantity=a", "expects 2 values joined by `$`: code$value-quantity"),
        ("Observation?code-value-quantity=a$b", "component `value-quantity` expects a number"),
        ("Observation?code-value-quantity:exact=true", "takes: missing"),
        ("Observation?code:not-in=http://vs", "it takes: missing, not, text, of-type"),
        ("Device?url:below=urn:oid:1", "not for URNs"),
    ];
    for (question, expected) in rows {
        let error = ask(&parameters, question, &json!({})).unwrap_err();
        assert!(error.contains(expected), "{question}: {error}");
    }
}

#[test]
fn urls_under_our_own_base_become_relative() {
    let url = |url: &str| QueryValue::Url { url: url.to_owned(), version: None };
    let base = "http://host/fhir/R4";
    let local = QueryValue::Local { type_name: Some("Patient".into()), id: "1".into(), version: None };
    assert_eq!(url("http://host/fhir/R4/Patient/1").under_base(base), local);
    for other in
        ["http://host/fhir/R5/Patient/1", "http://host/fhir/R4/Patient", "http://host/fhir/R4/a/b/c", "urn:uuid:1"]
    {
        assert_eq!(url(other).under_base(base), url(other));
    }
}

#[test]
fn values_are_split_at_unescaped_commas() {
    let rows: [(&str, &[&str]); 5] =
        [("a,b", &["a", "b"]), ("a\\,b", &["a\\,b"]), ("a\\\\,b", &["a\\\\", "b"]), ("", &[""]), ("甲,", &["甲", ""])];
    for (text, expected) in rows {
        assert_eq!(split_values(text), expected);
    }
}

/// A value with these ends under a question with these ends.
fn date_holds(prefix: Prefix, question: (i64, i64), value: (i64, i64)) -> bool {
    let question = QueryValue::Date { prefix, low_ms: question.0, high_ms: question.1 };
    matches(&question, &Extracted::Date { low_ms: value.0, high_ms: value.1 })
}

fn interval() -> impl Strategy<Value = (i64, i64)> {
    // Small numbers, so that ends meet often; sometimes open ends.
    let end = prop_oneof![8 => -20_i64..20, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    (end.clone(), end).prop_map(|(one, other)| (one.min(other), one.max(other)))
}

proptest! {
    #[test]
    fn laws_of_date_intervals(question in interval(), value in interval()) {
        let holds = |prefix| date_holds(prefix, question, value);
        let contained = question.0 <= value.0 && value.1 <= question.1;
        let overlap = value.0 <= question.1 && question.0 <= value.1;
        prop_assert_eq!(holds(Prefix::Equal), contained);
        prop_assert_eq!(holds(Prefix::NotEqual), !contained);
        prop_assert_eq!(holds(Prefix::GreaterOrEqual), holds(Prefix::Greater) || contained);
        prop_assert_eq!(holds(Prefix::LessOrEqual), holds(Prefix::Less) || contained);
        // Wholly after, wholly before, or overlapping: exactly one.
        let (after, before) = (holds(Prefix::StartsAfter), holds(Prefix::EndsBefore));
        prop_assert_eq!(usize::from(after) + usize::from(before) + usize::from(overlap), 1);
        prop_assert_eq!(holds(Prefix::Approximately), overlap);
        prop_assert!(!after || holds(Prefix::Greater));
        prop_assert!(!before || holds(Prefix::Less));
        prop_assert!(!after || !holds(Prefix::Less));
        prop_assert!(!before || !holds(Prefix::Greater));
        // What is contained reaches over neither end; what is not, over at least one.
        prop_assert_eq!(contained, !holds(Prefix::Greater) && !holds(Prefix::Less));
    }

    #[test]
    fn dates_mirror(question in interval(), value in interval()) {
        // Turning the time axis round turns every prefix into its opposite.
        let turn = |(low, high): (i64, i64)| (high.saturating_neg(), low.saturating_neg());
        prop_assume!(![question.0, question.1, value.0, value.1].contains(&i64::MIN));
        for (prefix, opposite) in [
            (Prefix::Greater, Prefix::Less),
            (Prefix::GreaterOrEqual, Prefix::LessOrEqual),
            (Prefix::StartsAfter, Prefix::EndsBefore),
            (Prefix::Equal, Prefix::Equal),
            (Prefix::Approximately, Prefix::Approximately),
        ] {
            prop_assert_eq!(date_holds(prefix, question, value), date_holds(opposite, turn(question), turn(value)));
        }
    }

    #[test]
    fn laws_of_numbers(question in -300_i64..300, tenths in -3000_i64..3000, comparator in 0_usize..5) {
        let comparator = [None, Some("<"), Some("<="), Some(">"), Some(">=")][comparator];
        let mut quantity = json!({"value": serde_json::Number::from(0)});
        quantity["value"] = serde_json::from_str(&format!("{}.{}", tenths / 10, (tenths % 10).abs())).unwrap();
        if let Some(comparator) = comparator {
            quantity["comparator"] = json!(comparator);
        }
        let resource = json!({"valueQuantity": quantity});
        let parameters = PARAMETERS.with(std::clone::Clone::clone);
        let holds = |prefix: &str| ask(&parameters, &format!("Observation?value-quantity={prefix}{question}"), &resource).unwrap();
        prop_assert_ne!(holds("eq"), holds("ne"));
        prop_assert!(!(holds("sa") && holds("eb")));
        prop_assert!(!holds("sa") || holds("gt"));
        prop_assert!(!holds("eb") || holds("lt"));
        prop_assert!(!holds("gt") || holds("ge"));
        prop_assert!(!holds("lt") || holds("le"));
        if comparator.is_none() {
            // One number: less, equal or greater; and `eq` is the half-open range of one unit.
            prop_assert_eq!(usize::from(holds("lt")) + usize::from(holds("gt")), usize::from(tenths_of(&resource) != question * 10));
            prop_assert_eq!((holds("sa"), holds("eb")), (holds("gt"), holds("lt")));
            let distance = tenths_of(&resource) - question * 10;
            prop_assert_eq!(holds("eq"), (-5..5).contains(&distance));
        } else {
            prop_assert!(!holds("eq"), "a value without an end is never equal");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let parameters = PARAMETERS.with(std::clone::Clone::clone);
        for type_name in ["Patient", "Observation", "DocumentReference", "Device"] {
            for parameter in parameters.of_type(TypeCode::of(type_name).unwrap()) {
                let _ = QueryValue::parse(parameter, None, &text, NOW_MS);
            }
        }
    }

    #[test]
    fn escaped_words_come_back(word in "[a-z|,$\\\\]{1,12}") {
        let parameters = PARAMETERS.with(std::clone::Clone::clone);
        let escaped: String = word.chars().flat_map(|it| if "|,$\\".contains(it) { vec!['\\', it] } else { vec![it] }).collect();
        let resource = json!({"identifier": [{"system": "s", "value": word}]});
        prop_assert_eq!(ask(&parameters, &format!("Patient?identifier=s|{escaped}"), &resource), Ok(true));
        prop_assert_eq!(ask(&parameters, &format!("Patient?identifier={escaped}"), &resource), Ok(true));
    }
}

/// The stored number in tenths.
fn tenths_of(resource: &Value) -> i64 {
    let text = resource["valueQuantity"]["value"].to_string();
    (text.parse::<f64>().unwrap() * 10.0).round() as i64
}

thread_local! {
    static PARAMETERS: std::rc::Rc<Parameters> = std::rc::Rc::new(Parameters::load().unwrap());
}
