//! Whatever the bytes are, the reader and the acknowledgement give an answer, and what the generator writes is read back.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use formats::fhir;
use formats::hl7v2::write::{Patient, ResultItem, admission, report};
use formats::hl7v2::{Acknowledgement, Options, Verdict, acknowledge, read};
use model::Severity;
use proptest::prelude::*;

fn options() -> Options {
    Options { institution: "9901210000000000000001".to_owned(), ..Options::default() }
}

fn looked_at(bytes: &[u8]) {
    let reading = read(bytes, &options());
    assert!(!reading.records.is_empty() || reading.issues.iter().any(|issue| issue.severity == Severity::Fatal));
    for record in &reading.records {
        for fact in &record.facts {
            let mut whole = fact.resource.clone();
            prune(&mut whole);
            let issues = fhir::check_basic(&whole);
            assert!(issues.iter().all(|issue| issue.severity < Severity::Error), "{issues:#?} {whole:#}");
        }
    }
    let answer = Acknowledgement {
        verdict: Verdict::Accepted,
        text: "",
        issues: reading.records.first().map_or(&[], |record| &record.issues),
        control_number: "1",
        at_ms: 0,
    };
    if let Some(answer) = acknowledge(bytes, &answer) {
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("MSH") && text.contains("\rMSA"), "{text}");
    }
}

/// Without what a patch takes back, as the road does it.
fn prune(value: &mut serde_json::Value) {
    let Some(members) = value.as_object_mut() else { return };
    members.values_mut().for_each(prune);
    members.retain(|_, member| !member.is_null() && member.as_object().is_none_or(|inner| !inner.is_empty()));
}

/// The cases of the folder, as the ground on which mutations grow.
fn ground() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hl7v2");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "hl7"));
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        looked_at(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_header(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0usize..5) {
        let kind = ["ADT^A08", "ORU^R01", "ORM^O01", "RDE^O11", "DFT^P03"][kind];
        let mut message = format!("MSH|^~\\&|A|B|C|D|20240305||{kind}|1|P|2.4\rPID|1||P1||张三\rORC|NW|1\rOBR|1|1|2\rRXE|1\rFT1|1|9\rOBX|1|").into_bytes();
        message.extend(bytes);
        looked_at(&message);
    }

    #[test]
    fn damaged_messages(
        at in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(b'|'), Just(b'^'), Just(b'\r'), Just(b'\\'), Just(b'~'), Just(b'"'), any::<u8>()], 0u8..3), 1..6),
    ) {
        let ground = ground();
        let mut bytes = at.get(&ground).clone();
        for (place, byte, how) in damage {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => { bytes.remove(place); }
            }
        }
        looked_at(&bytes);
    }

    #[test]
    fn what_is_written_is_read(
        number in "P[A-Z0-9|^&~\\\\]{1,12}",
        name in "[李王张珅玘玕㛃][李王张珅玘玕㛃·a-z|^~&\\\\]{0,8}",
        gb in any::<bool>(),
        value in "[0-9]{1,3}(\\.[0-9]{1,2})?",
    ) {
        let patient = Patient {
            institution: "9901210000000000000001".into(), number: number.clone(), name: name.clone(), birth: "19860504".into(),
            sex: "F".into(), resident_number: "990121198605040021".into(), class: "I".into(), visit: "ZY1".into(),
            ..Patient::default()
        };
        let encoding = if gb { "gb18030" } else { "utf-8" };
        let reading = read(&admission(&patient, "A01", "1", "20240305080500").bytes(encoding), &options());
        let facts = &reading.records[0].facts;
        let registration = facts.iter().find(|fact| fact.claim.kind == "registration").unwrap();
        prop_assert_eq!(&registration.claim.key[1], &number);
        prop_assert_eq!(registration.resource["name"][0]["text"].as_str(), Some(name.as_str()));
        let items = [ResultItem {
            value_type: "NM".into(), code: ["ALT".into(), "丙氨酸氨基转移酶".into()], value: value.clone(), unit: "10^9/L".into(),
            range: "0~40".into(), flag: String::new(),
        }];
        let message = report(&patient, "R1", ["LFT", "肝功能"], "F", &items, "2", "20240305090000").bytes(encoding);
        let reading = read(&message, &options());
        let result = reading.records[0].facts.iter().find(|fact| fact.claim.kind == "result").unwrap();
        let digits = result.resource["valueQuantity"]["value"].to_string();
        prop_assert_eq!(digits.parse::<f64>().unwrap(), value.parse::<f64>().unwrap());
        prop_assert_eq!(result.resource["valueQuantity"]["unit"].as_str(), Some("10^9/L"));
    }
}
