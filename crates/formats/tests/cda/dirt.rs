//! Known dirt: each case of `dirt.toml` changes a generated document in one place and names the findings that must appear.

use std::collections::HashSet;

use formats::cda::{self, Options, write::write};
use serde::Deserialize;

use super::{check_facts, grave, invent, one};

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the dirt is.
    name: String,
    /// Type of the generated document.
    document: String,
    /// Text of the document and what takes its place, in turn.
    #[serde(default)]
    change: Vec<(String, String)>,
    /// Rules that must speak.
    expect: Vec<String>,
    /// Whether the record is set aside.
    #[serde(default)]
    set_aside: bool,
    /// Elements that are still read: `DE05.01.024.00=I10.x00`.
    #[serde(default)]
    elements: Vec<String>,
    /// Further rules that may speak.
    #[serde(default)]
    also: Vec<String>,
}

#[test]
fn known_dirt_is_read_and_named() {
    let cases: Cases = toml::from_str(include_str!("dirt.toml")).unwrap();
    let mut spoken = HashSet::new();
    for case in &cases.case {
        let mut xml = write(&invent::document(&case.document, 60)).unwrap();
        for (from, to) in &case.change {
            assert!(xml.contains(&**from), "{}: the document has no {from}\n{xml}", case.name);
            xml = xml.replacen(&**from, to, 1);
        }
        let reading = cda::read(xml.as_bytes(), &Options::default());
        let rules: HashSet<String> = reading
            .records
            .iter()
            .flat_map(|record| &record.issues)
            .chain(&reading.issues)
            .map(|issue| issue.rule.clone())
            .collect();
        for expected in &case.expect {
            assert!(rules.contains(expected), "{}: {expected} did not speak, but {rules:?}", case.name);
        }
        if reading.records.is_empty() {
            assert!(case.set_aside, "{}", case.name);
            spoken.extend(rules);
            continue;
        }
        let record = one(reading);
        for issue in grave(&record.issues) {
            let known = case.expect.contains(&issue.rule) || case.also.contains(&issue.rule);
            assert!(known, "{}: {issue:?}", case.name);
            assert!(issue.line.is_some() && issue.column.is_some(), "{}: {issue:?}", case.name);
            assert!(issue.hint.as_ref().is_some_and(|hint| !hint.is_ascii()), "{issue:?}");
        }
        let aside = record.issues.iter().any(|issue| issue.severity >= model::Severity::Error);
        assert_eq!(aside, case.set_aside, "{}: {:?}", case.name, record.issues);
        for element in &case.elements {
            let (id, value) = element.split_once('=').unwrap();
            assert!(
                record.elements.iter().any(|one| one.id == id && one.value == value),
                "{}: {element} was not read",
                case.name
            );
        }
        check_facts(&record);
        spoken.extend(rules);
    }
    let silent: Vec<_> = cda::rule_ids().iter().filter(|id| !spoken.contains(**id)).collect();
    // These need bytes or sizes that a change of text cannot make; they have tests of their own.
    let elsewhere = [
        "cda.xml.too-large",
        "cda.xml.too-deep",
        "cda.xml.too-many-elements",
        "cda.charset.declaration-lies",
        "cda.charset.undecodable",
        "cda.envelope.unwrapped",
        "cda.envelope.base64",
        "cda.document.duplicate-id",
        "cda.custodian.assumed",
    ];
    let silent: Vec<_> = silent.into_iter().filter(|id| !elsewhere.contains(id)).collect();
    assert!(silent.is_empty(), "no case makes these speak: {silent:?}");
}

#[test]
fn the_catalogue_and_the_code_have_the_same_rules() {
    let mut written: Vec<&str> = standards::cda::rules().keys().map(String::as_str).collect();
    let mut spoken = cda::rule_ids().to_vec();
    written.sort_unstable();
    spoken.sort_unstable();
    assert_eq!(written, spoken);
}

#[test]
fn limits_are_named() {
    let rule_of = |bytes: &[u8]| {
        let reading = cda::read(bytes, &Options::default());
        assert!(reading.records.is_empty());
        reading.issues.into_iter().map(|issue| issue.rule).collect::<Vec<_>>()
    };
    let deep =
        format!("<ClinicalDocument>{}{}</ClinicalDocument>", "<component>".repeat(5000), "</component>".repeat(5000));
    assert_eq!(rule_of(deep.as_bytes()), ["cda.xml.too-deep"]);
    let many = format!("<ClinicalDocument>{}</ClinicalDocument>", "<id/>".repeat(cda::ELEMENTS_MAX + 1));
    assert_eq!(rule_of(many.as_bytes()), ["cda.xml.too-many-elements"]);
    assert_eq!(rule_of(&vec![b' '; cda::BYTES_MAX + 1]), ["cda.xml.too-large"]);
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><ClinicalDocument>&b;</ClinicalDocument>";
    assert_eq!(rule_of(bomb.as_bytes()), ["cda.xml.doctype"]);
}

#[test]
fn bytes_that_are_no_characters_are_counted() {
    let xml = write(&invent::document("C0002", 61)).unwrap();
    let mut bytes = xml.into_bytes();
    let at = bytes.len() - 400;
    bytes[at] = 0xFF;
    let reading = cda::read(&bytes, &Options::default());
    assert!(reading.issues.iter().any(|issue| issue.rule == "cda.charset.undecodable"), "{:?}", reading.issues);
}

#[test]
fn the_institution_of_the_source_stands_in_for_a_missing_custodian() {
    let xml = write(&invent::document("C0002", 62)).unwrap().replace("extension=\"990121000001\"", "extension=\"\"");
    let options = Options { institution: "990121000009".to_owned(), ..Options::default() };
    let record = one(cda::read(xml.as_bytes(), &options));
    assert!(record.issues.iter().any(|issue| issue.rule == "cda.custodian.assumed"));
    assert_eq!(record.institution, "990121000009");
    check_facts(&record);
}

#[test]
fn one_id_with_other_content_in_a_message_is_named() {
    let mut document = invent::document("C0002", 63);
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let first = write(&document).unwrap().replace(declaration, "");
    document.patient.telephone = "10000000009".to_owned();
    let second = write(&document).unwrap().replace(declaration, "");
    let same = cda::read(format!("<m>{first}{first}</m>").as_bytes(), &Options::default());
    assert_eq!(same.records.len(), 2);
    let rules = |reading: &formats::reading::Reading| {
        reading.records[1].issues.iter().any(|issue| issue.rule == "cda.document.duplicate-id")
    };
    assert!(!rules(&same));
    assert!(rules(&cda::read(format!("<m>{first}{second}</m>").as_bytes(), &Options::default())));
}

#[test]
fn an_element_that_documents_do_not_have_is_kept() {
    let xml = write(&invent::document("C0002", 64)).unwrap();
    let xml = xml
        .replace("<languageCode code=\"zh-CN\"/>", "<languageCode code=\"zh-CN\"/><hospitalArea>东院区</hospitalArea>");
    let record = one(cda::read(xml.as_bytes(), &Options::default()));
    let composition = record.facts.iter().find(|fact| fact.claim.kind == "composition").unwrap();
    assert!(composition.resource.to_string().contains("东院区"), "{}", composition.resource);
    check_facts(&record);
}
