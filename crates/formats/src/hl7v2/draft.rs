//! A record while it is being made: its facts, who owns which segment, and what has no place and is kept beside.

use std::collections::HashSet;

use model::Issue;
use serde_json::{Map, Value, json};
use standards::hl7v2::{Event, Hl7v2, Place, hl7v2};

use super::Options;
use super::elements;
use super::issues::{self, issue, issue_at};
use super::syntax::{Field, Message};
use crate::national;
use crate::reading::{Act, Claim, Fact, Record};
use crate::text::{self, Moment};

/// The longest text kept in an extension, in characters. FHIR's strings end at a mebibyte; the original message has the rest.
const KEPT_CHARACTERS_MAX: usize = 100_000;

/// A record while it is being made.
pub(super) struct Draft<'m> {
    pub options: &'m Options,
    pub known: &'static Hl7v2,
    pub message: &'m Message<'m>,
    pub event: Option<&'static Event>,
    /// 机构编码 for keys and systems.
    pub institution: String,
    /// The registration that this is about.
    pub patient: Option<Claim>,
    /// The visit that this belongs to.
    pub visit: Option<Claim>,
    /// `O`, `E`, `I`, `P`; empty when it is not known.
    pub class: String,
    /// The fact about the patient: where that hangs which has no better place.
    pub patient_fact: Option<usize>,
    pub record: Record,
    claims: HashSet<Claim>,
    /// For every segment, the fact that what is unmapped in it hangs on.
    owners: Vec<Option<usize>>,
    kept: Vec<Kept>,
}

/// Something that has no place in FHIR.
struct Kept {
    segment: usize,
    label: String,
    text: String,
}

impl<'m> Draft<'m> {
    pub fn new(message: &'m Message<'m>, options: &'m Options, record: Record) -> Self {
        let known = hl7v2();
        let owners = vec![None; message.segments.len()];
        Self {
            options,
            known,
            message,
            event: known.event(record.record_type.trim_start_matches("hl7v2:")),
            institution: String::new(),
            patient: None,
            visit: None,
            class: String::new(),
            patient_fact: None,
            record,
            claims: HashSet::new(),
            owners,
            kept: Vec::new(),
        }
    }

    pub fn report(&mut self, issue: Issue) {
        self.record.issues.push(issue);
    }

    /// Reports a rule about a segment.
    pub fn report_segment(&mut self, rule: &'static str, at: usize) {
        let segment = &self.message.segments[at];
        let issue = issue(rule, segment.path()).at(segment.line, 1);
        self.report(issue);
    }

    /// Adds a fact and says which one it is.
    pub fn fact(&mut self, claim: Claim, resource: Map<String, Value>, path: String, act: Act) -> usize {
        self.claims.insert(claim.clone());
        self.record.facts.push(Fact { claim, resource: Value::Object(resource), path, act });
        self.record.facts.len() - 1
    }

    /// Adds a fact that only says that something exists, unless this record says so already.
    pub fn mention(&mut self, claim: &Claim, path: String, resource: impl FnOnce() -> Map<String, Value>) {
        if !self.claims.contains(claim) {
            self.fact(claim.clone(), resource(), path, Act::Mention);
        }
    }

    /// Whether this record says something under the claim.
    pub fn has(&self, claim: &Claim) -> bool {
        self.claims.contains(claim)
    }

    /// Says on which fact the unmapped parts of a segment hang.
    pub fn own(&mut self, segment: usize, fact: usize) {
        self.owners[segment] = Some(fact);
    }

    /// Keeps a field that could not be mapped.
    pub fn keep(&mut self, field: &Field<'_>) {
        if let Some(text) = field.value() {
            self.kept.push(Kept { segment: field.at, label: field.path(), text: text.into_owned() });
        }
    }

    /// The first valued field of a list of places, each in the first segment of its kind at or after `from`; places in
    /// segments before `from` count when the segment occurs only there.
    pub fn first_of(&self, places: &[Place], from: usize) -> Option<Field<'m>> {
        places.iter().find_map(|place| {
            let message = self.message;
            let same = |segment: usize| message.segments[segment].id == place.segment;
            let at =
                (from..message.segments.len()).find(|at| same(*at)).or_else(|| (0..from).rev().find(|at| same(*at)))?;
            let field = message.field(at, place.field);
            let field = if place.component > 0 { field.component(place.component) } else { field };
            field.key().is_some().then_some(field)
        })
    }

    /// A time; what cannot be read is reported and kept.
    pub fn time(&mut self, field: Field<'_>) -> Option<Moment> {
        let field = if field.components() > 1 { field.component(1) } else { field };
        let sent = field.value()?;
        match text::time::parse(&sent) {
            Some(moment) if moment.is_nothing() => {
                self.report(issue_at(issues::TIME_NOTHING, &field));
                None
            }
            Some(moment) => Some(moment),
            None => {
                if !text::is_nothing(&sent, text::Context::Time) {
                    self.report(issue_at(issues::TIME_UNREADABLE, &field).expected("YYYYMMDD[HHMM[SS]]"));
                    self.keep(&field);
                }
                None
            }
        }
    }

    /// What a code of a table stands for; an unknown one is reported and kept.
    pub fn code(&mut self, table: &str, field: Field<'_>) -> Option<&'static str> {
        let sent = field.component(1).key()?;
        let known = self.known.code(table, &sent);
        if known.is_none() && !text::is_nothing(&sent, text::Context::Code) {
            self.report(issue_at(issues::CODE_UNKNOWN, &field));
            self.keep(&field);
        }
        known
    }

    /// The system of what the institution numbers itself.
    pub fn system(&self, what: &str) -> String {
        national::institution_system(&self.institution, what)
    }

    /// The institution as a fact, and a reference to it.
    pub fn organization(&mut self) -> Value {
        let claim = Claim::new("organization", [self.institution.clone()]);
        let institution = self.institution.clone();
        self.mention(&claim, "MSH-4".to_owned(), || {
            object(json!({
                "resourceType": "Organization",
                "identifier": [national::identifier(national::INSTITUTION_CODE, &institution)],
            }))
        });
        claim.as_reference()
    }

    /// A person of the staff (XCN) as a fact, and a reference to it; without a number only the name.
    pub fn practitioner(&mut self, field: Field<'_>) -> Option<Value> {
        let (number, name) = self.staff(field);
        let Some(number) = number else { return Some(json!({ "display": name? })) };
        let claim = Claim::new("practitioner", [self.institution.clone(), number.clone()]);
        let system = self.system("staff");
        self.mention(&claim, field.path(), || {
            let mut resource = object(json!({
                "resourceType": "Practitioner",
                "identifier": [national::identifier(&system, &number)],
            }));
            if let Some(name) = &name {
                resource.insert("name".into(), json!([{ "text": name }]));
            }
            resource
        });
        let mut reference = claim.as_reference();
        if let Some(name) = name {
            reference["display"] = Value::from(name);
        }
        Some(reference)
    }

    /// Number and name of an XCN: `D001^李医生`, `D001^李^医生`, or a name alone.
    fn staff(&self, field: Field<'_>) -> (Option<String>, Option<String>) {
        let nested = field.component(1);
        if !nested.subcomponent(2).is_empty() {
            // NDL puts the person into the first component: `D001&李医生`.
            let name = super::values::full_name(nested.subcomponent(2), nested.subcomponent(3));
            return (nested.subcomponent(1).key(), name);
        }
        let first = nested.key().filter(|number| !text::is_nothing(number, text::Context::Identifier));
        let name = super::values::full_name(field.component(2).subcomponent(1), field.component(3));
        match first {
            // A name where the number should be.
            Some(first) if name.is_none() && !first.is_ascii() => (None, Some(first)),
            number => (number, name),
        }
    }

    /// The reference to the patient, once it is known.
    pub fn subject(&self) -> Option<Value> {
        self.patient.as_ref().map(Claim::as_reference)
    }

    /// Puts the references to patient and visit into a resource.
    pub fn attach(&self, resource: &mut Map<String, Value>) {
        if let Some(patient) = &self.patient {
            resource.insert("subject".into(), patient.as_reference());
        }
        if let Some(visit) = &self.visit {
            resource.insert("encounter".into(), visit.as_reference());
        }
    }

    /// Lists the elements, hangs on every fact what has no place of its own, and gives the record back.
    pub fn finish(mut self) -> Record {
        elements::list(&mut self);
        self.unmapped();
        let main = self.record.facts.iter().position(|fact| fact.act != Act::Mention);
        let main = main.or(self.patient_fact);
        let mut owner = None;
        let mut owners = Vec::with_capacity(self.owners.len());
        for (own, segment) in self.owners.iter().zip(&self.message.segments) {
            // A segment without an owner belongs to what stands before it, but not across a new header.
            owner = own.or(if matches!(segment.id, "PID" | "PV1" | "ORC" | "EVN" | "MSH") { None } else { owner });
            owners.push(owner.or(main));
        }
        for kept in std::mem::take(&mut self.kept) {
            let Some(fact) = owners.get(kept.segment).copied().flatten() else { continue };
            self.extend(fact, &kept);
        }
        self.record
    }

    fn extend(&mut self, fact: usize, kept: &Kept) {
        let mut text: String = kept.text.clone();
        if text.chars().count() > KEPT_CHARACTERS_MAX {
            text = text.chars().take(KEPT_CHARACTERS_MAX).collect();
            self.record.issues.push(issue(issues::FIELD_TOO_LONG, kept.label.clone()));
        }
        let Some(resource) = self.record.facts[fact].resource.as_object_mut() else { return };
        let extension = json!({ "url": sent_url(&kept.label), "valueString": text });
        if let Some(list) = resource.entry("extension").or_insert_with(|| json!([])).as_array_mut() {
            list.push(extension);
        }
    }

    /// Keeps every valued field that has no place in FHIR, and the segments that nobody knows.
    fn unmapped(&mut self) {
        let message = self.message;
        let mut reported: HashSet<&str> = HashSet::new();
        for at in 0..message.segments.len() {
            let segment = &message.segments[at];
            let known = self.known.segment(segment.id).filter(|_| self.owners[at].is_some() || is_envelope(segment.id));
            let Some(known) = known else {
                self.whole_segment(at, &mut reported);
                continue;
            };
            let mut labels: Vec<String> = Vec::new();
            for number in 1..=segment.last_field() {
                let field = message.field(at, number);
                if !known.is_mapped(number) && !field.is_empty() && !field.is_null() {
                    self.keep(&field);
                    let name = known.field_name(number);
                    labels.push(if name.is_empty() { number.to_string() } else { format!("{number} {name}") });
                }
            }
            if !labels.is_empty() && reported.insert(segment.id) {
                let issue = issue(issues::FIELD_UNMAPPED, segment.path()).at(segment.line, 1);
                self.report(issue.found(&labels.join("、")));
            }
        }
    }

    /// A segment that has no owner, that nobody knows, or that the sender defined: its text is kept.
    fn whole_segment(&mut self, at: usize, reported: &mut HashSet<&'m str>) {
        let message = self.message;
        let segment = &message.segments[at];
        let rule = match self.known.segment(segment.id) {
            Some(_) => issues::SEGMENT_UNMAPPED,
            None if segment.id.starts_with('Z') => issues::SEGMENT_LOCAL,
            None => issues::SEGMENT_UNKNOWN,
        };
        if reported.insert(segment.id) {
            let text = segment.text();
            self.report(issue(rule, segment.path()).at(segment.line, 1).found(text));
        }
        let text = text::clean(segment.text()).into_owned();
        self.kept.push(Kept { segment: at, label: segment.path(), text });
    }
}

/// Segments that speak of the message, not of the patient.
fn is_envelope(id: &str) -> bool {
    matches!(id, "MSH" | "EVN" | "SFT" | "DSC" | "MSA" | "ERR")
}

/// The extension in which something is kept as it was sent: `urn:kangmai:sent:PV1-15`. Positions of segments are no part of it.
pub(super) fn sent_url(label: &str) -> String {
    let mut url = String::from("urn:kangmai:sent:");
    let mut inside = false;
    for character in label.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => url.push(character),
            _ => {}
        }
    }
    url
}

/// The object of a JSON literal.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Inserts a member when there is one.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}

/// Inserts a list when it is not empty.
pub(super) fn put_all(map: &mut Map<String, Value>, name: &str, values: Vec<Value>) {
    if !values.is_empty() {
        map.insert(name.to_owned(), Value::Array(values));
    }
}
