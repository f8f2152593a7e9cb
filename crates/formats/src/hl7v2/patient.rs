//! PID and NK1 to the registration (FHIR `Patient`).

use serde_json::{Map, Value, json};
use standards::hl7v2::Touch;

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue, issue_at};
use super::syntax::Field;
use super::values::PatientNumber;
use crate::national;
use crate::reading::{Act, Claim};
use crate::text::{self, Context};

/// Kinds of identifiers by which a registration is known, the best first. Documents come last: a number that a person brings
/// along is not the institution's own.
const KEY_KINDS: [&str; 8] =
    ["patient", "other", "medical-record", "inpatient", "outpatient", "card", "patient-external", "master-index"];

impl Draft<'_> {
    /// Finds out whom the message is about; false when it cannot be attributed.
    pub fn read_patient(&mut self) -> bool {
        let Some(at) = self.message.first("PID") else { return false };
        let numbers = self.patient_numbers(at);
        let Some(key) = self.patient_key(at, &numbers) else {
            self.report_segment(issues::PATIENT_MISSING, at);
            return false;
        };
        let claim = Claim::new("registration", [self.institution.clone(), key]);
        self.patient = Some(claim.clone());
        let touch = self.event.map_or(Touch::Mention, |event| event.patient);
        let organization = self.organization();
        let mut resource = self.patient_resource(at, &numbers);
        resource.insert("managingOrganization".into(), organization);
        let path = self.message.segments[at].path();
        let fact = match touch {
            Touch::Merge => {
                if numbers.len() < 2 {
                    // The number alone says who it is; the documents that another message gave are not taken back by it.
                    self.fact(claim.clone(), resource.clone(), path.clone(), Act::Mention);
                    resource.remove("identifier");
                }
                self.deletions(at, &mut resource);
                self.fact(claim, resource, path, Act::Merge)
            }
            Touch::Mention => self.fact(claim, resource, path, Act::Mention),
        };
        self.own(at, fact);
        self.patient_fact = Some(fact);
        for (other, segment) in self.message.segments.iter().enumerate() {
            if matches!(segment.id, "NK1" | "PD1" | "DB1") {
                self.own(other, fact);
            }
        }
        true
    }

    /// The numbers of the patient in PID, those by which the registration is known first.
    fn patient_numbers(&mut self, at: usize) -> Vec<PatientNumber> {
        let message = self.message;
        let mut out = Vec::new();
        for repetition in message.field(at, 3).repetitions() {
            out.extend(self.patient_number(repetition, "patient"));
        }
        for (number, kind) in [(2, "patient-external"), (4, "patient-alternate"), (18, "account"), (19, "01")] {
            for repetition in message.field(at, number).repetitions() {
                let Some(found) = self.patient_number(repetition, kind) else { continue };
                if !out.iter().any(|known| known.value == found.value && (known.kind == found.kind || number == 2)) {
                    out.push(found);
                }
            }
        }
        out
    }

    fn patient_key(&mut self, at: usize, numbers: &[PatientNumber]) -> Option<String> {
        let field = self.message.field(at, 3);
        let local = KEY_KINDS.iter().find_map(|kind| numbers.iter().find(|number| number.kind == *kind));
        if field.is_empty() || field.is_null() {
            let other = local.or_else(|| numbers.first())?;
            let issue = issue(issues::PATIENT_ELSEWHERE, "PID-3").found(&other.value);
            self.report(issue.at(self.message.segments[at].line, 0));
            return Some(other.key());
        }
        if let Some(local) = local {
            return Some(local.key());
        }
        let document = numbers.first()?;
        self.report(issue_at(issues::PATIENT_DOCUMENT_ONLY, &field));
        Some(document.key())
    }

    fn patient_resource(&mut self, at: usize, numbers: &[PatientNumber]) -> Map<String, Value> {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let mut out = object(json!({ "resourceType": "Patient" }));
        let mut extensions = Vec::new();
        let birth = self.time(field(7));
        let identifiers = numbers.iter().map(|number| self.identifier(number)).collect();
        put_all(&mut out, "identifier", identifiers);
        out.insert("active".into(), true.into());
        let mut names = self.names(field(5));
        if names.is_empty() && self.event.is_some_and(|event| event.patient == Touch::Merge) {
            self.report(issue(issues::NAME_MISSING, "PID-5").at(message.segments[at].line, 0));
        }
        for alias in self.names(field(9)) {
            let mut alias = object(alias);
            alias.insert("use".into(), "nickname".into());
            names.push(Value::Object(alias));
        }
        put_all(&mut out, "name", names);
        let mut telecoms = self.telecoms(field(13), "home");
        telecoms.extend(self.telecoms(field(14), "work"));
        put_all(&mut out, "telecom", telecoms);
        put(&mut out, "gender", self.gender(field(8)));
        if let Some(birth) = &birth {
            out.insert("birthDate".into(), birth.day().into());
            if birth.text.len() > 10 {
                let time = json!({ "url": BIRTH_TIME, "valueDateTime": birth.text });
                out.insert("_birthDate".into(), json!({ "extension": [time] }));
            }
        }
        self.death(at, &mut out);
        let addresses = self.addresses(field(11));
        put_all(&mut out, "address", addresses);
        put(&mut out, "maritalStatus", self.marital(field(16)));
        self.birth_order(at, &mut out);
        if let Some(mother) = field(6).component(1).value() {
            extensions.push(json!({ "url": MOTHER_NAME, "valueString": mother }));
        }
        for repetition in field(21).repetitions() {
            if let Some(number) = self.patient_number(repetition, "patient") {
                extensions.push(json!({ "url": MOTHER, "valueIdentifier": self.identifier(&number) }));
            }
        }
        let contacts = self.contacts();
        put_all(&mut out, "contact", contacts);
        put_all(&mut out, "extension", extensions);
        if let Some(licence) = field(20).component(1).value() {
            let identifier = national::identifier(&national::document_system("driving-licence"), &licence);
            if let Some(list) = out.get_mut("identifier").and_then(Value::as_array_mut) {
                list.push(identifier);
            }
        }
        out
    }

    /// `""` in a field deletes what it says: null in the patch.
    fn deletions(&self, at: usize, resource: &mut Map<String, Value>) {
        for (number, name) in [
            (7, "birthDate"),
            (8, "gender"),
            (11, "address"),
            (13, "telecom"),
            (16, "maritalStatus"),
            (29, "deceasedDateTime"),
            (30, "deceasedBoolean"),
        ] {
            if self.message.field(at, number).is_null() && !resource.contains_key(name) {
                resource.insert(name.to_owned(), Value::Null);
            }
        }
        // The two forms of one element: saying one takes the other back.
        for (said, other) in [("deceasedDateTime", "deceasedBoolean"), ("deceasedBoolean", "deceasedDateTime")] {
            if resource.get(said).is_some_and(|value| !value.is_null()) {
                resource.insert(other.to_owned(), Value::Null);
            }
        }
    }

    /// FHIR's gender; a code that nobody knows is reported and kept.
    fn gender(&mut self, field: Field<'_>) -> Option<&'static str> {
        let sent = field.component(1).value()?;
        let known = national::gender(&sent).or_else(|| {
            // A code with its text behind it: `?^男`.
            field.component(2).value().and_then(|text| national::gender(&text))
        });
        if known.is_none() && !text::is_nothing(&sent, Context::Text) {
            self.report(issue_at(issues::CODE_UNKNOWN, &field).expected("M、F、U、O 或 GB/T 2261.1 代码"));
            self.keep(&field);
        }
        known
    }

    fn marital(&self, field: Field<'_>) -> Option<Value> {
        let code = field.component(1).key()?;
        if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_digit()) {
            let display = field.component(2).value().unwrap_or_default();
            return Some(national::concept(MARITAL_NATIONAL, &code, &display));
        }
        match self.known.code("marital", &code) {
            Some(known) => Some(json!({
                "coding": [{ "system": MARITAL, "code": known }],
                "text": field.component(2).value().unwrap_or_else(|| code.clone().into()),
            })),
            None => self.concept(field, "marital"),
        }
    }

    fn death(&mut self, at: usize, out: &mut Map<String, Value>) {
        let indicator = self.message.field(at, 30).component(1).key();
        if let Some(time) = self.time(self.message.field(at, 29)) {
            out.insert("deceasedDateTime".into(), time.text.into());
        } else if let Some(indicator) = indicator {
            let dead = matches!(indicator.as_str(), "Y" | "y" | "1" | "T" | "是");
            if dead || matches!(indicator.as_str(), "N" | "n" | "0" | "2" | "F" | "否") {
                out.insert("deceasedBoolean".into(), dead.into());
            } else {
                let field = self.message.field(at, 30);
                self.report(issue_at(issues::CODE_UNKNOWN, &field));
                self.keep(&field);
            }
        }
    }

    fn birth_order(&mut self, at: usize, out: &mut Map<String, Value>) {
        let order = self.message.field(at, 25).component(1).key();
        let multiple = self.message.field(at, 24).component(1).key();
        if let Some(order) = order.and_then(|order| order.parse::<u8>().ok()).filter(|order| (1..20).contains(order)) {
            out.insert("multipleBirthInteger".into(), order.into());
        } else if let Some(multiple) = multiple {
            out.insert("multipleBirthBoolean".into(), (multiple == "Y").into());
        }
    }

    /// Contact persons (NK1).
    fn contacts(&mut self) -> Vec<Value> {
        let message = self.message;
        let mut out = Vec::new();
        for (at, segment) in message.segments.iter().enumerate() {
            if segment.id != "NK1" {
                continue;
            }
            let mut contact = Map::new();
            let relationship =
                [3, 7].into_iter().filter_map(|number| self.concept(message.field(at, number), "relationship"));
            put_all(&mut contact, "relationship", relationship.collect());
            let name = self.names(message.field(at, 2)).into_iter().next();
            let mut telecoms = self.telecoms(message.field(at, 5), "home");
            telecoms.extend(self.telecoms(message.field(at, 6), "work"));
            let address = self.addresses(message.field(at, 4)).into_iter().next();
            if name.is_none() && telecoms.is_empty() && address.is_none() {
                // FHIR wants a contact that can be contacted.
                self.keep(&message.field(at, 3));
                continue;
            }
            put(&mut contact, "name", name);
            put_all(&mut contact, "telecom", telecoms);
            put(&mut contact, "address", address);
            out.push(Value::Object(contact));
        }
        out
    }

    /// The registrations that a message declares to be one: PID-3 lives on, MRG-1 is given up.
    pub fn read_merges(&mut self) {
        let message = self.message;
        let mut kept: Option<(Claim, String)> = None;
        for (at, segment) in message.segments.iter().enumerate() {
            match segment.id {
                "PID" => kept = self.merge_side(at, 3, "patient"),
                "MRG" => {
                    // A number without a kind is of the circle of the one that lives on.
                    let kind = kept.as_ref().map_or("patient", |(_, kind)| kind.as_str()).to_owned();
                    let from = self.merge_side(at, 1, &kind).or_else(|| self.merge_side(at, 4, &kind));
                    let (Some((into, _)), Some((from, _))) = (kept.clone(), from) else {
                        self.report_segment(issues::MERGE_MISSING, at);
                        continue;
                    };
                    if into == from {
                        self.report_segment(issues::MERGE_SAME, at);
                        continue;
                    }
                    let path = segment.path();
                    self.record.merges.push(crate::reading::Merge { into, from, path });
                }
                _ => {}
            }
        }
        if kept.is_none() && message.first("MRG").is_none() {
            self.report(issue(issues::MERGE_MISSING, "MRG"));
        }
    }

    /// One registration of a merge, mentioned; and the kind of number that one without a kind has beside it.
    fn merge_side(&mut self, at: usize, number: u16, usual_kind: &str) -> Option<(Claim, String)> {
        let message = self.message;
        let is_patient = message.segments[at].id == "PID";
        let field = message.field(at, number);
        let numbers: Vec<PatientNumber> =
            field.repetitions().filter_map(|field| self.patient_number(field, usual_kind)).collect();
        let local = KEY_KINDS.iter().find_map(|kind| numbers.iter().find(|found| found.kind == *kind));
        let chosen = local.or_else(|| numbers.iter().find(|found| found.is_local()).or_else(|| numbers.first()))?;
        let claim = Claim::new("registration", [self.institution.clone(), chosen.key()]);
        let kind = if chosen.has_own_circle() { chosen.kind.clone() } else { "patient".to_owned() };
        let organization = self.organization();
        let mut resource = if is_patient {
            self.patient_resource(at, &numbers)
        } else {
            let identifiers: Vec<Value> = numbers.iter().map(|found| self.identifier(found)).collect();
            let names = self.names(message.field(at, 7));
            let mut out = object(json!({ "resourceType": "Patient", "identifier": identifiers, "active": true }));
            put_all(&mut out, "name", names);
            out
        };
        resource.insert("managingOrganization".into(), organization);
        if !self.has(&claim) {
            let fact = self.fact(claim.clone(), resource, message.segments[at].path(), Act::Mention);
            self.own(at, fact);
        }
        Some((claim, kind))
    }
}

const BIRTH_TIME: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthTime";
const MOTHER_NAME: &str = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";
/// PID-21: the identifier of the mother, by which 某某之子 finds its mother.
const MOTHER: &str = "urn:kangmai:mother";
const MARITAL: &str = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus";
/// GB/T 2261.2.
const MARITAL_NATIONAL: &str = "urn:oid:2.16.156.10011.2.3.3.5";
