//! Laws: no bytes make the reader panic; what it makes of damaged documents is still valid; the envelope changes nothing.

use base64::Engine as _;
use formats::cda::{self, Options, write::write};
use proptest::prelude::*;
use standards::cda as tables;

use super::{check_facts, invent, one, read};

/// The facts of the same content are the same, however it was wrapped and whenever it was generated.
#[test]
fn an_envelope_changes_nothing() {
    let mut document = invent::laboratory(5, 40);
    let xml = write(&document).unwrap();
    let facts = read(&xml).facts;
    let coded = base64::engine::general_purpose::STANDARD.encode(&xml);
    let wrapped = [
        coded.clone(),
        format!("<?xml version=\"1.0\"?><Envelope><Header id=\"9\"/><Body>{coded}</Body></Envelope>"),
        format!("<msg><doc><![CDATA[{xml}]]></doc></msg>"),
        format!("<msg>{}</msg>", xml.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "")),
        serde_json::json!({ "type": "cda", "content": coded }).to_string(),
    ];
    for text in wrapped {
        let reading = cda::read(text.as_bytes(), &Options::default());
        assert_eq!(reading.records.len(), 1, "{text}");
        let record = one(reading);
        assert!(record.issues.iter().any(|issue| issue.rule.starts_with("cda.envelope.")));
        let trimmed = |facts: &[formats::reading::Fact]| {
            facts.iter().map(|fact| (fact.claim.clone(), fact.resource.clone())).collect::<Vec<_>>()
        };
        assert_eq!(trimmed(&record.facts), trimmed(&facts), "{text}");
    }
    document.effective = "20240401000000".to_owned();
    assert_eq!(read(&write(&document).unwrap()).facts, facts);
}

#[test]
fn every_encoding_is_read_the_same() {
    let document = invent::document("C0002", 41);
    let xml = write(&document).unwrap();
    let facts = read(&xml).facts;
    let (gb, _, _) = encoding_rs::GB18030.encode(&xml);
    let lying = cda::read(&gb, &Options::default());
    assert!(lying.issues.iter().any(|issue| issue.rule == "cda.charset.declaration-lies"), "{:#?}", lying.issues);
    assert_eq!(one(lying).facts, facts);
    let honest = xml.replace("encoding=\"UTF-8\"", "encoding=\"GBK\"");
    let (gb, _, _) = encoding_rs::GBK.encode(&honest);
    let reading = cda::read(&gb, &Options::default());
    assert_eq!(reading.envelope.encoding, "gb18030");
    assert!(reading.issues.is_empty());
    assert_eq!(one(reading).facts, facts);
}

fn types() -> impl Strategy<Value = &'static str> {
    let codes: Vec<&'static str> =
        tables::documents().iter().filter(|known| !known.sections.is_empty()).map(|known| known.code).collect();
    proptest::sample::select(codes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let reading = cda::read(&bytes, &Options::default());
        prop_assert!(!reading.records.is_empty() || !reading.issues.is_empty());
        let _ = cda::render(&bytes);
    }

    #[test]
    fn any_markup_is_answered(text in "(<[a-zA-Z:]{1,9}( [a-z:]{1,6}=\"[^\"<]{0,9}\")?/?>|</[a-zA-Z]{1,9}>|[^<]{0,6}|<!\\[CDATA\\[|&[a-z#0-9]{0,5};?){0,30}") {
        let wrapped = format!("<ClinicalDocument>{text}</ClinicalDocument>");
        let reading = cda::read(wrapped.as_bytes(), &Options::default());
        prop_assert!(!reading.records.is_empty() || !reading.issues.is_empty());
        let _ = cda::render(wrapped.as_bytes());
    }

    #[test]
    fn a_damaged_document_is_answered_and_what_it_says_is_valid(
        code in types(),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12, "[ -~中文]{0,6}"), 1..6),
    ) {
        let mut xml = write(&invent::document(code, 50)).unwrap();
        for (at, length, put) in cuts {
            let mut start = at.index(xml.len());
            while !xml.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(xml.len());
            while !xml.is_char_boundary(end) { end += 1; }
            xml.replace_range(start..end, &put);
        }
        let reading = cda::read(xml.as_bytes(), &Options { institution: "990121000001".to_owned(), ..Options::default() });
        prop_assert!(!reading.records.is_empty() || !reading.issues.is_empty());
        for record in &reading.records {
            check_facts(record);
        }
        let _ = cda::render(xml.as_bytes());
    }

    /// Damage inside values and attributes leaves the XML whole, so that everything behind the parser is reached.
    #[test]
    fn damaged_values_make_valid_resources(
        code in types(),
        puts in proptest::collection::vec((any::<proptest::sample::Index>(), "[ -!#-%'-;=?-~\\t\u{7f}\u{3000}中０１]{0,12}"), 1..12),
    ) {
        let xml = write(&invent::document(code, 51)).unwrap();
        let mut parts: Vec<String> = xml.split('"').map(str::to_owned).collect();
        for (at, put) in puts {
            let number = at.index(parts.len() / 2) * 2 + 1;
            parts[number] = put;
        }
        let xml = parts.join("\"");
        let reading = cda::read(xml.as_bytes(), &Options { institution: "990121000001".to_owned(), ..Options::default() });
        for record in &reading.records {
            check_facts(record);
        }
    }
}
