//! National shared documents (电子病历共享文档 WS/T 500-2016, 健康档案共享文档 WS/T 483-2016): HL7 CDA with Chinese extensions.
//!
//! Reader, generator and viewer are driven by the tables of [`standards::cda`]; there is no code per document type. [`read`]
//! is liberal: everything that documents in use get wrong is read as it was meant and said as a finding with line and column.
//! [`write()`](write::write) is strict. [`render`](render::render) shows any document as plain Chinese HTML.
//!
//! A document is claimed by its setId (else its id) under its custodian; `effectiveTime` orders versions and is no content.

use std::collections::HashMap;

use model::Severity;

use crate::reading::{Act, Claim, Envelope, Fact, Reading, Record, TimeOf};

mod acts;
mod checks;
mod compose;
mod envelope;
mod facts;
mod fields;
mod findings;
mod header;
mod places;
pub mod render;
mod spelling;
mod tree;
mod values;
pub mod write;
mod written;

pub use envelope::{BYTES_MAX, DOCUMENTS_MAX};
pub use render::render;
pub use tree::{DEPTH_MAX, ELEMENTS_MAX};
pub use write::write;

use findings::{Findings, rule};
use tree::{Position, Tree};

/// What the registration of a source knows about its documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Code of the institution for documents that name no custodian.
    pub institution: String,
    /// 院区, empty when the source has one only.
    pub branch: String,
    /// The encoding that the source says it uses; the bytes have the last word.
    pub charset: Option<String>,
    /// Roots of the identifier that is the source's own patient number, best first. Without them: an identifier outside the
    /// national tree, else the numbers that stay with a patient (病案号, 健康档案编号, 健康卡号), else the identity document with the name.
    pub patient_roots: Vec<String>,
}

/// The ids of the rules that the reader can speak.
#[must_use]
pub fn rule_ids() -> &'static [&'static str] {
    rule::ALL
}

/// Reads a document, or an envelope with documents. Never fails: what cannot be read is a fatal finding.
#[must_use]
pub fn read(bytes: &[u8], options: &Options) -> Reading {
    let mut reading = Reading::default();
    let mut outside = Findings::default();
    let opened = envelope::open(bytes, options, &mut outside);
    if opened.is_empty() && !outside.any(Severity::Fatal) {
        outside.add(rule::DOCUMENT_MISSING, "", 1, 1, "");
    }
    let mut seen = HashMap::new();
    for one in &opened {
        reading.envelope.encoding = one.encoding;
        let mut form = Findings::default();
        let tree = match Tree::parse(&one.text, &mut form) {
            Ok(tree) => tree,
            Err(tree::Unreadable) => {
                reading.issues.extend(form.into_issues());
                continue;
            }
        };
        let documents = envelope::documents(&tree);
        if documents.is_empty() {
            form.add(rule::DOCUMENT_MISSING, "", 1, 1, tree.name(tree.root()));
        } else if documents[0] != tree.root() {
            form.add(rule::ENVELOPE_UNWRAPPED, "", 1, 1, tree.name(tree.root()));
        }
        let mut form = Some(form.into_issues());
        for root in documents {
            let (mut record, envelope) = document(&tree, root, options);
            // Findings about the text belong to its only document; with several they belong to the message.
            record.issues.splice(0..0, form.take().into_iter().flatten());
            same_id(&mut record, &reading.records, &mut seen, &envelope);
            if reading.message_type.is_empty() {
                reading.message_type.clone_from(&record.record_type);
                reading.envelope = Envelope { encoding: one.encoding, ..envelope };
            }
            reading.records.push(record);
        }
        reading.issues.extend(form.into_iter().flatten());
    }
    reading.issues.extend(outside.into_issues());
    reading
}

/// Says when two documents of a message have one id and different content.
fn same_id(record: &mut Record, before: &[Record], seen: &mut HashMap<String, usize>, envelope: &Envelope) {
    let Some(id) = envelope.message_id.clone() else { return };
    let same = |one: &Fact, other: &Fact| one.claim == other.claim && one.resource == other.resource;
    match seen.get(&id).and_then(|number| before.get(*number)).map(|known| &known.facts) {
        Some(known)
            if known.len() != record.facts.len()
                || !known.iter().zip(&record.facts).all(|(one, other)| same(one, other)) =>
        {
            let mut findings = Findings::default();
            findings.add(rule::DOCUMENT_DUPLICATE_ID, &record.path, record.line, 0, &id);
            record.issues.extend(findings.into_issues());
        }
        Some(_) => {}
        None => {
            seen.insert(id, before.len());
        }
    }
}

fn document(tree: &Tree<'_>, root: Position, options: &Options) -> (Record, Envelope) {
    let mut findings = Findings::default();
    let unknown = checks::form(tree, root, &mut findings);
    let (code, template) = checks::document_type(tree, root, &mut findings);
    checks::version(tree, root, &mut findings);
    let mut elements = Vec::new();
    let mut header = header::read(tree, root, template, options, &mut findings, &mut elements);
    for (name, words) in unknown {
        header.extensions.push(values::sent(&name, "valueString", serde_json::Value::from(words)));
    }
    let mut body = acts::Reader::body(tree, root, template, &mut findings);
    elements.append(&mut body.elements);
    let mut facts = Vec::new();
    if !findings.any(Severity::Error) {
        let (made, more) = facts::Maker::run(tree, &body, &mut header, &code);
        elements.extend(more);
        facts = compose::facts(tree, root, &header, &code, &body, &made);
        facts.extend(visit(tree, root, &mut header, &code));
        facts.extend(made.into_iter().map(|made| made.fact).filter(|fact| !fact.resource.is_null()));
        facts.extend(std::mem::take(&mut header.mentions).into_facts());
    }
    let envelope = Envelope {
        message_id: Some(header.id.clone()).filter(|id| !id.is_empty()),
        sent_ms: header.effective.as_ref().map(|time| time.at_ms),
        sender: Some(header.institution.clone()).filter(|code| !code.is_empty()),
        encoding: "",
    };
    let record = Record {
        path: tree.path(root).trim_start_matches('/').to_owned(),
        line: tree.place_of(root).0,
        record_type: format!("cda:{code}"),
        institution: header.institution,
        effective_ms: header.effective.map(|time| time.at_ms),
        effective_of: TimeOf::Change,
        facts,
        elements,
        issues: findings.into_issues(),
        ..Record::default()
    };
    (record, envelope)
}

/// Documents about an outpatient visit as a whole: 门（急）诊病历, 急诊留观病历.
const VISIT_DOCUMENTS: [&str; 2] = ["C0002", "C0003"];

/// The visit. A document that knows how the visit ended says what it is now; any other only that it exists.
fn visit(tree: &Tree<'_>, root: Position, header: &mut header::Header, code: &str) -> Option<Fact> {
    let claim: Claim = header.visit.clone()?;
    let mut encounter = std::mem::take(&mut header.encounter);
    if let Some(registration) = &header.registration {
        encounter.insert("subject".to_owned(), registration.as_reference());
    }
    let period = encounter.get("period");
    let ended = period.is_some_and(|period| period.get("end").is_some());
    // A prescription or a report is a part of a visit and does not end it.
    let begun = period.is_some() && header.class != "I" && VISIT_DOCUMENTS.contains(&code);
    let discharged = encounter.get("hospitalization").is_some_and(|stay| stay.get("dischargeDisposition").is_some());
    let act = if ended || begun || discharged || encounter.contains_key("length") { Act::Merge } else { Act::Mention };
    if discharged || encounter.contains_key("length") {
        encounter.insert("status".to_owned(), serde_json::Value::from("finished"));
    }
    let path =
        tree.below(root, "componentOf/encompassingEncounter").map_or_else(|| tree.path(root), |node| tree.path(node));
    Some(Fact { claim, resource: serde_json::Value::Object(encounter), path, act })
}

/// Text inside XML and HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ if character.is_control() && !matches!(character, '\t' | '\n' | '\r') => {}
            _ => escaped.push(character),
        }
    }
    escaped
}
