//! The document as such: the DocumentReference that leads to the original, and the Composition that says what stands in it.

use serde_json::{Map, Value, json};
use standards::cda;

use super::acts::{Body, ReadSection};
use super::facts::Made;
use super::header::Header;
use super::tree::Tree;
use super::values::{self, string};
use crate::national;
use crate::reading::{Act, Claim, Fact};

/// Narrative of a section longer than this is cut in the Composition; the original has it all.
const NARRATIVE_CHARS_MAX: usize = 20_000;

/// The facts of the document itself.
pub fn facts(tree: &Tree<'_>, root: u32, header: &Header, code: &str, body: &Body, made: &[Made]) -> Vec<Fact> {
    let key = [&*header.institution, &*header.document];
    let title = title(tree, root, code);
    let kind =
        values::concept_of(Some(national::DOCUMENT_CODES), code, &title).unwrap_or_else(|| json!({ "text": title }));
    let mut facts = Vec::new();
    let reference = document_reference(header, &kind, &title);
    let path = tree.path(root);
    facts.push(Fact { claim: Claim::new("document", key), resource: reference, path: path.clone(), act: Act::Replace });
    for (relation, other) in &header.relates {
        let is_replaced = *relation == "replaces";
        let status = if is_replaced { "superseded" } else { "current" };
        let mut resource = json!({ "resourceType": "DocumentReference", "status": status, "content": [content()] });
        if let Some(registration) = &header.registration {
            resource["subject"] = registration.as_reference();
        }
        let act = if is_replaced { Act::Supersede } else { Act::Mention };
        facts.push(Fact { claim: other.clone(), resource, path: path.clone(), act });
    }
    let composition = composition(tree, header, kind, &title, body, made);
    facts.push(Fact { claim: Claim::new("composition", key), resource: composition, path, act: Act::Replace });
    facts
}

fn content() -> Value {
    json!({ "attachment": { "contentType": "text/xml" } })
}

fn title(tree: &Tree<'_>, root: u32, code: &str) -> String {
    let sent = tree.child(root, "title").and_then(|node| string(&tree.whole_text(node)));
    sent.or_else(|| cda::document(code).map(|known| known.title.to_owned()))
        .or_else(|| string(code))
        .unwrap_or_else(|| "共享文档".to_owned())
}

/// The institution as author or custodian when nobody else is named.
fn institution(header: &Header) -> Value {
    if header.institution.is_empty() {
        return json!({ "display": "未说明" });
    }
    let mut reference = Claim::new("organization", [&*header.institution]).as_reference();
    if !header.institution_name.is_empty() {
        reference["display"] = Value::from(&*header.institution_name);
    }
    reference
}

fn document_reference(header: &Header, kind: &Value, title: &str) -> Value {
    let system = national::institution_system(&header.institution, "document");
    let mut resource = Map::new();
    resource.insert("resourceType".to_owned(), Value::from("DocumentReference"));
    if !header.document.is_empty() {
        resource.insert("masterIdentifier".to_owned(), national::identifier(&system, &header.document));
    }
    resource.insert("status".to_owned(), Value::from("current"));
    resource.insert("docStatus".to_owned(), Value::from("final"));
    resource.insert("type".to_owned(), kind.clone());
    if let Some(registration) = &header.registration {
        resource.insert("subject".to_owned(), registration.as_reference());
    }
    if !header.authors.is_empty() {
        resource.insert("author".to_owned(), Value::Array(header.authors.clone()));
    }
    if !header.institution.is_empty() {
        resource.insert("custodian".to_owned(), institution(header));
    }
    let relates = header.relates.iter();
    let relates: Vec<Value> =
        relates.map(|(code, other)| json!({ "code": code, "target": other.as_reference() })).collect();
    if !relates.is_empty() {
        resource.insert("relatesTo".to_owned(), Value::Array(relates));
    }
    resource.insert("description".to_owned(), Value::from(title));
    resource.insert("content".to_owned(), json!([content()]));
    if let Some(visit) = &header.visit {
        resource.insert("context".to_owned(), json!({ "encounter": [visit.as_reference()] }));
    }
    Value::Object(resource)
}

fn composition(tree: &Tree<'_>, header: &Header, kind: Value, title: &str, body: &Body, made: &[Made]) -> Value {
    let mut resource = Map::new();
    resource.insert("resourceType".to_owned(), Value::from("Composition"));
    if !header.extensions.is_empty() {
        resource.insert("extension".to_owned(), Value::Array(header.extensions.clone()));
    }
    let system = national::institution_system(&header.institution, "document");
    if !header.document.is_empty() {
        resource.insert("identifier".to_owned(), national::identifier(&system, &header.document));
    }
    resource.insert("status".to_owned(), Value::from("final"));
    resource.insert("type".to_owned(), kind);
    if let Some(registration) = &header.registration {
        resource.insert("subject".to_owned(), registration.as_reference());
    }
    if let Some(visit) = &header.visit {
        resource.insert("encounter".to_owned(), visit.as_reference());
    }
    // The time of generation belongs to the envelope: the same content sent again must stay the same.
    let begun = header.encounter.get("period").and_then(|period| period.get("start")).and_then(Value::as_str);
    let written = header.author_time.as_ref().or(header.signed.as_ref()).map(|time| &*time.text).or(begun);
    match written {
        Some(time) => resource.insert("date".to_owned(), Value::from(time)),
        None => {
            let url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
            resource.insert("_date".to_owned(), json!({ "extension": [{ "url": url, "valueCode": "unknown" }] }))
        }
    };
    let authors = if header.authors.is_empty() { vec![institution(header)] } else { header.authors.clone() };
    resource.insert("author".to_owned(), Value::Array(authors));
    resource.insert("title".to_owned(), Value::from(title));
    if !header.attesters.is_empty() {
        resource.insert("attester".to_owned(), Value::Array(header.attesters.clone()));
    }
    if !header.institution.is_empty() {
        resource.insert("custodian".to_owned(), institution(header));
    }
    let mut sections: Vec<Value> = body
        .sections
        .iter()
        .enumerate()
        .map(|(number, section)| {
            let claims = made.iter().filter(|one| one.section == number && !one.fact.resource.is_null());
            self::section(tree, section, claims.map(|one| &one.fact.claim))
        })
        .collect();
    // What stands for the whole document (a report, its specimen).
    let whole: Vec<Value> = made
        .iter()
        .filter(|one| one.section == usize::MAX && !one.fact.resource.is_null())
        .map(|one| one.fact.claim.as_reference())
        .collect();
    if !whole.is_empty() {
        sections.push(json!({ "title": title, "entry": whole }));
    }
    if !sections.is_empty() {
        resource.insert("section".to_owned(), Value::Array(sections));
    }
    Value::Object(resource)
}

fn section<'c>(tree: &Tree<'_>, section: &ReadSection, claims: impl Iterator<Item = &'c Claim>) -> Value {
    let mut value = Map::new();
    if let Some(title) = string(section.shown()) {
        value.insert("title".to_owned(), Value::from(title));
    }
    let system = values::system(&section.system);
    if let Some(concept) =
        values::concept_of(system.as_deref().filter(|_| !section.code.is_empty()), &section.code, &section.title)
    {
        value.insert("code".to_owned(), concept);
    }
    let narrative = tree.child(section.node, "text").and_then(|text| string(&tree.whole_text(text)));
    let entries: Vec<Value> = claims.map(Claim::as_reference).collect();
    // FHIR wants something in every section.
    let narrative = narrative.or_else(|| entries.is_empty().then(|| "（本章节没有内容）".to_owned()));
    if let Some(narrative) = narrative {
        let words: String = narrative.chars().take(NARRATIVE_CHARS_MAX).collect();
        let words = super::escape(&words);
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{words}</div>");
        value.insert("text".to_owned(), json!({ "status": "additional", "div": div }));
    }
    if !entries.is_empty() {
        value.insert("entry".to_owned(), Value::Array(entries));
    }
    Value::Object(value)
}
