//! PV1, PV2 and what hangs on a visit (就诊): diagnoses, procedures, allergies.

use serde_json::{Map, Value, json};
use standards::hl7v2::Touch;

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue, issue_at};
use super::syntax::Field;
use super::values::{is_icd9, is_icd10};
use crate::national;
use crate::reading::{Act, Claim};

impl Draft<'_> {
    /// Finds out to which visit the message belongs and says that it exists: for messages about other things than visits.
    pub fn mention_visit(&mut self) {
        let Some(at) = self.message.first("PV1") else { return };
        let field = self.message.field(at, 2);
        self.class = self.known_class(field).unwrap_or_default().to_owned();
        let Some(number) = self.visit_number(false) else {
            self.own_visit(self.patient_fact);
            return;
        };
        if self.class.is_empty() {
            // Without its class the number may be that of another visit.
            self.report(issue_at(issues::VISIT_CLASS, &field).at(field.line(), 0));
            self.keep(&self.message.field(at, 19));
            self.own_visit(self.patient_fact);
            return;
        }
        let claim = self.visit_claim(number);
        let mut resource = self.visit_resource(at, &claim);
        resource.insert("status".into(), "unknown".into());
        let path = self.message.segments[at].path();
        let fact = self.fact(claim.clone(), resource, path, Act::Mention);
        self.visit = Some(claim);
        self.own_visit(Some(fact));
    }

    /// The visit of an ADT message; false when it needs one and names none.
    pub fn read_visit(&mut self) -> bool {
        let Some(event) = self.event else { return false };
        let needed = event.needs.iter().any(|segment| segment == "PV1");
        let Some(at) = self.message.first("PV1") else { return !needed };
        let field = self.message.field(at, 2);
        let class = self.known_class(field).or(event.class.as_deref());
        let Some(class) = class else {
            // Without its class the number may be that of another visit: nothing is cancelled or changed by guessing.
            if needed || self.visit_number(false).is_some() {
                let rule = if needed { issues::VISIT_CLASS_NEEDED } else { issues::VISIT_CLASS };
                self.report(issue_at(rule, &field).at(field.line(), 0));
                self.keep(&self.message.field(at, 19));
            }
            self.own_visit(self.patient_fact);
            return !needed;
        };
        class.clone_into(&mut self.class);
        let Some(number) = self.visit_number(needed) else {
            self.own_visit(self.patient_fact);
            return !needed;
        };
        let claim = self.visit_claim(number);
        let mut resource = self.visit_resource(at, &claim);
        let path = self.message.segments[at].path();
        self.visit = Some(claim.clone());
        let diagnoses = self.diagnoses();
        put_all(&mut resource, "diagnosis", diagnoses);
        let status = match (&event.status, resource.get("period").is_some_and(|period| period.get("end").is_some())) {
            (Some(status), _) => Some(status.as_str()),
            (None, true) => Some("finished"),
            (None, false) => None,
        };
        let known_status = status.is_some();
        resource.insert("status".into(), status.unwrap_or("in-progress").into());
        let fact = match event.visit {
            Touch::Mention => self.fact(claim, resource, path, Act::Mention),
            Touch::Merge => {
                if !known_status {
                    // An update does not open a visit again: the status counts only when nothing is known yet.
                    self.fact(claim.clone(), resource.clone(), path.clone(), Act::Mention);
                    resource.remove("status");
                }
                self.visit_deletions(at, &mut resource);
                for member in &event.clear {
                    take_back(&mut resource, member);
                }
                self.fact(claim, resource, path, Act::Merge)
            }
        };
        self.own_visit(Some(fact));
        self.procedures();
        self.allergies();
        true
    }

    fn own_visit(&mut self, fact: Option<usize>) {
        let Some(fact) = fact else { return };
        for (at, segment) in self.message.segments.iter().enumerate() {
            if matches!(segment.id, "PV1" | "PV2") {
                self.own(at, fact);
            }
        }
    }

    fn known_class(&mut self, field: Field<'_>) -> Option<&'static str> {
        self.code("class", field)
    }

    /// 就诊流水号; reported when the message needs it and it is missing or stands elsewhere.
    fn visit_number(&mut self, needed: bool) -> Option<String> {
        let field = self.first_of(&self.known.claims.visit, 0);
        let at = self.message.first("PV1")?;
        let here = self.message.field(at, 19).component(1).key();
        if here.is_some() {
            return here;
        }
        let line = self.message.segments[at].line;
        match field.filter(|_| needed) {
            Some(field) => {
                self.report(issue_at(issues::VISIT_ELSEWHERE, &field));
                field.key()
            }
            None => {
                if needed {
                    self.report(issue(issues::VISIT_MISSING, "PV1-19").at(line, 0));
                }
                None
            }
        }
    }

    fn visit_claim(&self, number: String) -> Claim {
        let namespace = self.message.find("PID", 3).and_then(|field| field.component(4).subcomponent(1).key());
        let branch = self.known.claims.branch.iter().find_map(|place| {
            let field = self.first_of(std::slice::from_ref(place), 0)?;
            let branch = field.subcomponent(1).key()?;
            // An assigning authority that is the institution, or the one that numbers its patients, is no 院区.
            let is_namespace = branch == self.institution
                || self.options.authorities.contains(&branch)
                || Some(&branch) == namespace.as_ref();
            (!is_namespace).then_some(branch)
        });
        let branch = branch.unwrap_or_else(|| self.options.branch.clone());
        Claim::new("visit", [self.institution.clone(), branch, self.class.clone(), number])
    }

    fn visit_resource(&mut self, at: usize, claim: &Claim) -> Map<String, Value> {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let number = claim.key.last().cloned().unwrap_or_default();
        let mut out = object(json!({ "resourceType": "Encounter" }));
        let mut identifiers = vec![national::identifier(&self.system("visit"), &number)];
        if let Some(other) = field(50).component(1).key() {
            identifiers.push(national::identifier(&self.system("visit-alternate"), &other));
        }
        out.insert("identifier".into(), Value::Array(identifiers));
        out.insert("status".into(), Value::Null);
        out.insert("class".into(), national::encounter_class(&self.class));
        let types: Vec<Value> = [(4, "admission-type"), (18, "patient-type")]
            .into_iter()
            .filter_map(|(number, what)| self.concept(field(number), what))
            .collect();
        put_all(&mut out, "type", types);
        put(&mut out, "serviceType", self.concept(field(10), "department"));
        put(&mut out, "subject", self.subject());
        let participants = self.participants(at);
        put_all(&mut out, "participant", participants);
        let mut period = Map::new();
        put(&mut period, "start", self.time(field(44)).map(|time| time.text));
        put(&mut period, "end", self.time(field(45)).map(|time| time.text));
        if !period.is_empty() {
            out.insert("period".into(), Value::Object(period));
        }
        put_all(&mut out, "reasonCode", self.admit_reasons());
        put(&mut out, "hospitalization", self.hospitalization(at));
        put_all(&mut out, "location", locations(field(3), field(6)));
        let organization = self.organization();
        out.insert("serviceProvider".into(), organization);
        out
    }

    fn participants(&mut self, at: usize) -> Vec<Value> {
        let message = self.message;
        let mut out = Vec::new();
        for (number, code, display) in
            [(7, "ATND", "主管医生"), (8, "REF", "转诊医生"), (9, "CON", "会诊医生"), (17, "ADM", "收治医生")]
        {
            for repetition in message.field(at, number).repetitions() {
                let Some(individual) = self.practitioner(repetition) else { continue };
                let coding = json!({ "system": PARTICIPATION, "code": code, "display": display });
                out.push(json!({ "type": [{ "coding": [coding] }], "individual": individual }));
            }
        }
        out
    }

    fn admit_reasons(&self) -> Vec<Value> {
        self.message.find("PV2", 3).and_then(|field| self.concept(field, "admit-reason")).into_iter().collect()
    }

    fn hospitalization(&self, at: usize) -> Option<Value> {
        let field = |number: u16| self.message.field(at, number);
        let mut out = Map::new();
        put(&mut out, "admitSource", self.concept(field(14), "admit-source"));
        put(&mut out, "reAdmission", self.concept(field(13), "readmission"));
        put(&mut out, "dischargeDisposition", self.concept(field(36), "discharge-disposition"));
        let destination = field(37).component(2).value().or_else(|| field(37).component(1).value());
        put(&mut out, "destination", destination.map(|place| json!({ "display": place })));
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// `""` in a field deletes what it says.
    fn visit_deletions(&self, at: usize, resource: &mut Map<String, Value>) {
        for (number, member) in [
            (10, "serviceType"),
            (14, "hospitalization.admitSource"),
            (36, "hospitalization.dischargeDisposition"),
            (37, "hospitalization.destination"),
            (44, "period.start"),
            (45, "period.end"),
        ] {
            if self.message.field(at, number).is_null() {
                take_back(resource, member);
            }
        }
    }

    /// Diagnoses (DG1) as conditions of the visit; gives the entries of `Encounter.diagnosis`.
    fn diagnoses(&mut self) -> Vec<Value> {
        let message = self.message;
        let Some(visit) = self.visit.clone() else { return Vec::new() };
        let mut out = Vec::new();
        for (at, segment) in message.segments.iter().enumerate() {
            if segment.id != "DG1" {
                continue;
            }
            let field = |number: u16| message.field(at, number);
            let concept = self.concept_with(field(3), "diagnosis", Some((national::ICD10, is_icd10)));
            let described = field(4).value().map(|text| json!({ "text": text }));
            let Some(code) = concept.or(described) else {
                self.report_segment(issues::ITEM_UNCODED, at);
                continue;
            };
            let kind = field(6).component(1).key().unwrap_or_default();
            let item = field(20).component(1).key().or_else(|| field(3).component(1).key());
            let item = item.or_else(|| field(3).component(2).key()).or_else(|| field(4).key()).unwrap_or_default();
            let claim = visit.extend("visit_condition", [format!("{kind}:{item}")]);
            if self.has(&claim) {
                continue;
            }
            let mut resource = object(json!({ "resourceType": "Condition" }));
            let is_deleted = field(21).key().is_some_and(|action| action == "D");
            let verification = match (is_deleted, kind.as_str()) {
                (true, _) => "entered-in-error",
                (false, "F") => "confirmed",
                (false, _) => "provisional",
            };
            if !is_deleted {
                resource
                    .insert("clinicalStatus".into(), json!({ "coding": [{ "system": CLINICAL, "code": "active" }] }));
            }
            resource.insert(
                "verificationStatus".into(),
                json!({ "coding": [{ "system": VERIFICATION, "code": verification }] }),
            );
            resource.insert(
                "category".into(),
                json!([{ "coding": [{ "system": CATEGORY, "code": "encounter-diagnosis" }] }]),
            );
            resource.insert("code".into(), code);
            self.attach(&mut resource);
            put(&mut resource, "recordedDate", self.time(field(5)).map(|time| time.text));
            put(&mut resource, "recorder", self.practitioner(field(16)));
            let fact = self.fact(claim.clone(), resource, segment.path(), Act::Replace);
            self.own(at, fact);
            if is_deleted {
                continue;
            }
            let mut entry = object(json!({ "condition": claim.as_reference() }));
            let role = self.known.code("diagnosis_role", &kind);
            put(&mut entry, "use", role.map(|role| json!({ "coding": [{ "system": ROLE, "code": role }] })));
            let rank = field(15).component(1).key().and_then(|rank| rank.parse::<u16>().ok()).filter(|rank| *rank > 0);
            put(&mut entry, "rank", rank);
            out.push(Value::Object(entry));
        }
        out
    }

    /// Procedures (PR1) of the visit.
    fn procedures(&mut self) {
        let message = self.message;
        let Some(visit) = self.visit.clone() else { return };
        for (at, segment) in message.segments.iter().enumerate() {
            if segment.id != "PR1" {
                continue;
            }
            let field = |number: u16| message.field(at, number);
            let concept = self.concept_with(field(3), "procedure", Some((national::ICD9CM3, is_icd9)));
            let Some(code) = concept.or_else(|| field(4).value().map(|text| json!({ "text": text }))) else {
                self.report_segment(issues::ITEM_UNCODED, at);
                continue;
            };
            let item = field(3).component(1).key().or_else(|| field(4).key()).unwrap_or_default();
            let time = self.time(field(5));
            // What was done and on which day, never its place in the message: one message has all of them, the next the new one.
            let day = time.as_ref().map(|time| time.day().to_owned()).unwrap_or_default();
            let mut claim = visit.extend("visit_procedure", [format!("{day}:{item}")]);
            let mut repetition = 1;
            while self.has(&claim) {
                repetition += 1;
                claim = visit.extend("visit_procedure", [format!("{day}:{item}#{repetition}")]);
            }
            let mut resource = object(json!({ "resourceType": "Procedure", "status": "completed", "code": code }));
            self.attach(&mut resource);
            put(&mut resource, "performedDateTime", time.map(|time| time.text));
            let mut performers = Vec::new();
            for number in [11, 12, 8] {
                let actor = self.practitioner(field(number));
                performers.extend(actor.map(|actor| json!({ "actor": actor })));
            }
            put_all(&mut resource, "performer", performers);
            let fact = self.fact(claim, resource, segment.path(), Act::Replace);
            self.own(at, fact);
        }
    }

    /// Allergies (AL1) as they were stated during the visit.
    fn allergies(&mut self) {
        let message = self.message;
        let Some(visit) = self.visit.clone() else { return };
        for (at, segment) in message.segments.iter().enumerate() {
            if segment.id != "AL1" {
                continue;
            }
            let field = |number: u16| message.field(at, number);
            let Some(code) = self.concept(field(3), "allergen") else {
                self.report_segment(issues::ITEM_UNCODED, at);
                continue;
            };
            let item = field(3).component(1).key().or_else(|| field(3).component(2).key()).unwrap_or_default();
            let claim = visit.extend("visit_allergy", [item]);
            let mut resource = object(json!({
                "resourceType": "AllergyIntolerance",
                "clinicalStatus": { "coding": [{ "system": ALLERGY_CLINICAL, "code": "active" }] },
            }));
            let category = self.code("allergy_category", field(2));
            put_all(&mut resource, "category", category.map(Value::from).into_iter().collect());
            resource.insert("code".into(), code);
            put(&mut resource, "patient", self.subject());
            resource.insert("encounter".into(), visit.as_reference());
            put(&mut resource, "onsetDateTime", self.time(field(6)).map(|time| time.text));
            let severity = self.code("allergy_severity", field(4));
            if let Some(reaction) = field(5).value() {
                let mut entry = object(json!({ "manifestation": [{ "text": reaction }] }));
                put(&mut entry, "severity", severity);
                resource.insert("reaction".into(), json!([entry]));
            }
            let fact = self.fact(claim, resource, segment.path(), Act::Replace);
            self.own(at, fact);
        }
    }
}

/// Where the patient is and was (PL): `病区^病房^床^机构`.
fn locations(now: Field<'_>, before: Field<'_>) -> Vec<Value> {
    let mut out = Vec::new();
    for (field, status) in [(now, "active"), (before, "completed")] {
        let mut parts: Vec<String> = Vec::new();
        for number in [4, 7, 8, 1, 2, 3, 9] {
            let part = field.component(number).subcomponent(1).value();
            parts
                .extend(part.filter(|part| !parts.iter().any(|known| known == part)).map(std::borrow::Cow::into_owned));
        }
        if !parts.is_empty() {
            out.push(json!({ "location": { "display": parts.join(" ") }, "status": status }));
        }
    }
    out
}

/// Puts a null where a member stands, so that the patch deletes it: `period.end`.
fn take_back(resource: &mut Map<String, Value>, member: &str) {
    match member.split_once('.') {
        None => {
            resource.insert(member.to_owned(), Value::Null);
        }
        Some((outer, inner)) => {
            let outer = resource.entry(outer).or_insert_with(|| json!({}));
            if let Some(outer) = outer.as_object_mut() {
                outer.insert(inner.to_owned(), Value::Null);
            }
        }
    }
}

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/diagnosis-role";
const ALLERGY_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
