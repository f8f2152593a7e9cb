//! Every type with a template: written strictly, read back without a finding, with every value.

use formats::cda::write::{Said, WrittenEntry, WrittenSection, write};
use standards::cda::{self, Section};

use super::{check_facts, grave, invent, read};

fn said(section: &'static Section, entry: &WrittenEntry, all: &mut Vec<(String, String, String)>) {
    let known = &section.entries[entry.number];
    if !known.code.is_empty() {
        let (value, other) = match &entry.value {
            Said::Nothing => (String::new(), String::new()),
            Said::Plain(text) => (text.clone(), String::new()),
            Said::Quantity(number, unit) if known.value_type == "PQ" => (number.clone(), unit.clone()),
            Said::Quantity(number, _) => (number.clone(), String::new()),
            Said::Code(code, word) if known.value_type == "CD" => (code.clone(), word.clone()),
            Said::Code(code, word) => (if word.is_empty() { code.clone() } else { word.clone() }, String::new()),
        };
        all.push((known.code.to_owned(), value, other));
    }
    entry.children.iter().for_each(|child| said(section, child, all));
}

pub fn values(code: &str, sections: &[WrittenSection]) -> Vec<(String, String, String)> {
    let template = cda::document(code).unwrap();
    let mut all = Vec::new();
    for section in sections {
        section.entries.iter().for_each(|entry| said(&template.sections[section.number], entry, &mut all));
    }
    all
}

#[test]
fn every_type_reads_back_without_a_finding_and_with_every_value() {
    let mut types = 0;
    for template in cda::documents().iter().filter(|known| !known.sections.is_empty()) {
        let document = invent::document(template.code, 17);
        let xml = write(&document).unwrap();
        assert_eq!(write(&document).unwrap(), xml);
        let record = read(&xml);
        assert!(grave(&record.issues).is_empty(), "{}: {:#?}\n{xml}", template.code, grave(&record.issues));
        assert_eq!(record.record_type, format!("cda:{}", template.code));
        for (id, value, other) in values(template.code, &document.sections) {
            let found = record.elements.iter().any(|element| {
                element.id == id
                    && element.value == value
                    && (other.is_empty() || element.display == other || element.unit == other)
            });
            assert!(found, "{}: {id} {value} {other}", template.code);
        }
        for element in record.elements.iter().filter(|element| element.path.contains("/section/")) {
            assert!(element.line > 1 && element.column > 1 && !element.name.is_empty(), "{element:?}");
        }
        check_facts(&record);
        types += 1;
    }
    assert_eq!(types, 53);
}

/// Every value that was said stands in some resource: nothing is lost on the way from element to fact.
#[test]
fn every_value_is_in_a_resource() {
    for template in cda::documents().iter().filter(|known| !known.sections.is_empty()) {
        let document = invent::document(template.code, 23);
        let record = read(&write(&document).unwrap());
        let all: String = record.facts.iter().map(|fact| fact.resource.to_string()).collect();
        for (id, value, other) in values(template.code, &document.sections) {
            // Times are written in FHIR's form, truths without quotes, numbers of a unit as such.
            let digits = value.len() == 14 && value.bytes().all(|byte| byte.is_ascii_digit());
            let shown =
                if digits { format!("{}-{}-{}", &value[..4], &value[4..6], &value[6..8]) } else { value.clone() };
            let escaped = serde_json::to_string(&shown).unwrap();
            let wanted = escaped.trim_matches('"');
            assert!(
                all.contains(wanted) || !other.is_empty() && all.contains(&other),
                "{}: {id} {value} is in no resource",
                template.code
            );
        }
    }
}

#[test]
fn a_type_known_by_header_only_is_read_by_its_elements() {
    let xml = write(&invent::document("C0002", 3)).unwrap();
    let xml = xml
        .replace("code=\"C0002\"", "code=\"HSDB04.01\"")
        .replace("2.16.156.10011.2.1.1.22", "2.16.156.10011.2.1.1.12")
        .replace("<title>门(急)诊病历</title>", "<title>高血压患者随访服务</title>");
    let record = read(&xml);
    assert_eq!(record.record_type, "cda:HSDB04.01");
    assert!(grave(&record.issues).is_empty(), "{:#?}", record.issues);
    assert!(record.elements.iter().any(|element| element.id == "DE04.01.119.00"));
    assert!(record.facts.iter().any(|fact| fact.claim.kind == "document_condition"));
    check_facts(&record);
}

#[test]
fn all_twenty_types_of_health_records_are_recognised() {
    for known in cda::documents().iter().filter(|known| known.sections.is_empty()) {
        let xml = write(&invent::document("C0001", 3)).unwrap();
        let xml = xml
            .replace("code=\"C0001\"", &format!("code=\"{}\"", known.code))
            .replace("2.16.156.10011.2.1.1.21\"", &format!("{}\"", known.template))
            .replace("<title>病历概要</title>", &format!("<title>{}</title>", known.title));
        let record = read(&xml);
        assert_eq!(record.record_type, format!("cda:{}", known.code));
        assert!(grave(&record.issues).is_empty(), "{}: {:#?}", known.code, grave(&record.issues));
    }
}

#[test]
fn any_document_can_be_shown() {
    for template in cda::documents().iter().filter(|known| !known.sections.is_empty()) {
        let document = invent::document(template.code, 5);
        let xml = write(&document).unwrap();
        let page = formats::cda::render(xml.as_bytes());
        assert!(page.contains(&format!("<h1>{}</h1>", template.title)), "{page}");
        assert!(page.contains("data-element=\"DE02.01.039.00\""));
        assert!(!page.contains("<script") && !page.contains("http"), "{page}");
        for (id, value, other) in values(template.code, &document.sections) {
            assert!(page.contains(&format!("data-element=\"{id}\"")), "{}: {id}", template.code);
            let shown = if other.is_empty() { value } else { other };
            let escaped = shown
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;");
            let plain = shown.len() == 14 || shown == "true" || shown == "false";
            assert!(plain || page.contains(&escaped), "{}: {id} {shown}", template.code);
        }
    }
}
