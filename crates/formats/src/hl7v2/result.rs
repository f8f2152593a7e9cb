//! ORU: reports (`DiagnosticReport`) and what they found (`Observation`), with specimens, orders and attachments.
//!
//! A report is known by its number and a day that does not change between the preliminary, the final and the corrected message;
//! its items by OBX-3 and OBX-4. So a correction is a new version of the same facts, whatever envelope it comes in.

use serde_json::{Map, Value, json};

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue_at};
use super::syntax::Field;
use crate::fhir::date::Precision;
use crate::national::{self, UNSTATED};
use crate::reading::{Act, Claim};
use crate::text::{self, Moment};

/// One OBR with what belongs to it: positions of segments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// The ORC before it.
    pub orc: Option<usize>,
    pub obr: usize,
    /// Where the next group begins.
    pub end: usize,
}

/// A report while its results are read. Several OBR with one number are one report.
pub(super) struct Report {
    pub claim: Claim,
    resource: Map<String, Value>,
    pub status: &'static str,
    pub results: Vec<Value>,
    pub conclusions: Vec<String>,
    /// Segments that hang on the report.
    segments: Vec<usize>,
    path: String,
    /// What every observation of this OBR shares.
    pub effective: Option<(&'static str, Value)>,
    pub issued: Option<String>,
    pub category: Option<Value>,
    pub specimen: Option<Claim>,
    /// Whether OBR-25 said nothing valid.
    guessed: bool,
    statuses: Vec<&'static str>,
}

impl<'m> Draft<'m> {
    /// Reads every report of the message.
    pub fn read_results(&mut self) {
        let mut reports: Vec<Report> = Vec::new();
        for group in self.groups() {
            let Some(claim) = self.report_claim(group) else { continue };
            let known = reports.iter().position(|report| report.claim == claim);
            let fresh = self.report_of(group, claim);
            let at = match known {
                Some(at) => {
                    reports[at].join(fresh);
                    at
                }
                None => {
                    reports.push(fresh);
                    reports.len() - 1
                }
            };
            self.observations(group, &mut reports[at]);
        }
        for report in reports {
            self.finish_report(report);
        }
        let first = self.message.first("OBR");
        for at in 0..first.unwrap_or(self.message.segments.len()) {
            if self.message.segments[at].id == "OBX" {
                self.report_segment(issues::RESULT_ORPHAN, at);
            }
        }
    }

    /// The OBR of the message with what belongs to each.
    pub(super) fn groups(&self) -> Vec<Group> {
        let segments = &self.message.segments;
        let mut out: Vec<Group> = Vec::new();
        let mut orc = None;
        for (at, segment) in segments.iter().enumerate() {
            match segment.id {
                "ORC" => {
                    orc = Some(at);
                    if let Some(last) = out.last_mut() {
                        last.end = last.end.min(at);
                    }
                }
                "OBR" => {
                    if let Some(last) = out.last_mut() {
                        last.end = last.end.min(at);
                    }
                    out.push(Group { orc: orc.take(), obr: at, end: segments.len() });
                }
                _ => {}
            }
        }
        out
    }

    fn report_claim(&mut self, group: Group) -> Option<Claim> {
        let known = self.known;
        let Some(number) = self.first_in(&known.claims.report, group) else {
            self.report_segment(issues::REPORT_MISSING, group.obr);
            return None;
        };
        if self.message.field(group.obr, 3).component(1).key().is_none() {
            self.report(issue_at(issues::REPORT_ELSEWHERE, &number));
        }
        let day = known.claims.report_day.iter().find_map(|place| {
            let field = self.first_in(std::slice::from_ref(place), group)?;
            let moment = text::time::parse(&field.value()?)?;
            (!moment.is_nothing() && moment.precision >= Precision::Day).then(|| moment.day().to_owned())
        });
        if day.is_none() {
            self.report_segment(issues::REPORT_DAY, group.obr);
        }
        let number = number.key()?;
        Some(Claim::new("report", [self.institution.clone(), number, day.unwrap_or_default()]))
    }

    /// The first valued place in the ORC and OBR of a group.
    pub(super) fn first_in(&self, places: &[standards::hl7v2::Place], group: Group) -> Option<Field<'m>> {
        let message = self.message;
        places.iter().find_map(|place| {
            let at = match place.segment.as_str() {
                "OBR" => group.obr,
                "ORC" => group.orc?,
                _ => return None,
            };
            let field = message.field(at, place.field);
            let field = if place.component > 0 { field.component(place.component) } else { field };
            field.key().is_some().then_some(field)
        })
    }

    fn report_of(&mut self, group: Group, claim: Claim) -> Report {
        let message = self.message;
        let field = |number: u16| message.field(group.obr, number);
        let mut out = object(json!({ "resourceType": "DiagnosticReport" }));
        let mut identifiers = vec![national::identifier(&self.system("report"), &claim.key[1])];
        let order = self.order_of(group, &mut identifiers);
        out.insert("identifier".into(), Value::Array(identifiers));
        put_all(&mut out, "basedOn", order.iter().map(Claim::as_reference).collect());
        if order.is_none() {
            for number in [5, 6, 13, 16, 27, 31] {
                self.keep(&field(number));
            }
        }
        let section = field(24);
        let category = section.component(1).key().map(|section| {
            let known = self.known.code("category", &section);
            (national::concept(SECTION, &super::values::token(&section), ""), known)
        });
        put_all(&mut out, "category", category.iter().map(|(section, _)| section.clone()).collect());
        let code = self.concept(field(4), "item").unwrap_or_else(|| json!({ "text": UNSTATED }));
        out.insert("code".into(), code);
        let effective = self.effective(group.obr);
        if let Some((name, value)) = &effective {
            out.insert((*name).to_owned(), value.clone());
        }
        let issued = self.time(field(22)).and_then(|time| self.instant(time, &field(22)));
        put(&mut out, "issued", issued.clone());
        self.attach(&mut out);
        let organization = self.organization();
        out.insert("performer".into(), json!([organization]));
        let interpreters: Vec<Value> = field(32).repetitions().filter_map(|person| self.practitioner(person)).collect();
        put_all(&mut out, "resultsInterpreter", interpreters);
        let specimen = self.specimen(group, &claim);
        put_all(&mut out, "specimen", specimen.iter().map(Claim::as_reference).collect());
        let status = self.code("report_status", field(25));
        let path = message.segments[group.obr].path();
        Report {
            claim,
            resource: out,
            status: status.unwrap_or("unknown"),
            results: Vec::new(),
            conclusions: Vec::new(),
            segments: group.orc.into_iter().chain([group.obr]).collect(),
            path,
            effective,
            issued,
            category: category
                .and_then(|(_, known)| known)
                .map(|known| json!([{ "coding": [{ "system": OBSERVATION_CATEGORY, "code": known }] }])),
            specimen,
            guessed: status.is_none(),
            statuses: Vec::new(),
        }
    }

    /// `effectiveDateTime` or `effectivePeriod` of an OBR.
    fn effective(&mut self, obr: usize) -> Option<(&'static str, Value)> {
        let start = self.time(self.message.field(obr, 7));
        let end = self.time(self.message.field(obr, 8));
        match (start, end) {
            (Some(start), Some(end)) if start.at_ms < end.at_ms => {
                Some(("effectivePeriod", json!({ "start": start.text, "end": end.text })))
            }
            (one, other) => one.or(other).map(|time| ("effectiveDateTime", time.text.into())),
        }
    }

    /// A moment as FHIR's `instant`; a day alone is kept as it was sent.
    pub(super) fn instant(&mut self, time: Moment, field: &Field<'_>) -> Option<String> {
        if time.precision >= Precision::Minute {
            return Some(time.text);
        }
        self.keep(field);
        None
    }

    /// The order that was answered, mentioned, and its number among the identifiers.
    fn order_of(&mut self, group: Group, identifiers: &mut Vec<Value>) -> Option<Claim> {
        let message = self.message;
        let sent = message.field(group.obr, 2).component(1).key();
        let number = sent.or_else(|| message.field(group.orc?, 2).component(1).key())?;
        identifiers.push(national::identifier(&self.system("order"), &number));
        // Of an order with several items the one that the report is called like; of one with a single item that one.
        let claim = self.item_claim(("service_item", &number), message.field(group.obr, 4), Act::Mention, &[]);
        if !self.has(&claim) {
            let mut resource = self.service_request(group.orc, Some(group.obr), &claim);
            resource.insert("status".into(), "unknown".into());
            self.fact(claim.clone(), resource, message.segments[group.obr].path(), Act::Mention);
        }
        Some(claim)
    }

    /// The specimen of SPM, else of OBR-15.
    fn specimen(&mut self, group: Group, report: &Claim) -> Option<Claim> {
        let message = self.message;
        let field = |number: u16| message.field(group.obr, number);
        let spm = (group.obr..group.end).find(|at| message.segments[*at].id == "SPM");
        let source = field(15).component(1);
        let received = self.time(field(14));
        if spm.is_none() && field(15).is_empty() {
            self.keep(&field(14));
            self.keep(&field(10));
            return None;
        }
        let number = spm.and_then(|spm| {
            let number = message.field(spm, 2);
            [2, 1].into_iter().find_map(|part| number.component(part).subcomponent(1).key())
        });
        // Without a number of its own the specimen is known by its report.
        let part = number.clone().unwrap_or_else(|| format!("{}/{}", report.key[1], report.key[2]));
        let claim = Claim::new("specimen", [self.institution.clone(), part]);
        if self.has(&claim) {
            return Some(claim);
        }
        let mut out = object(json!({ "resourceType": "Specimen" }));
        let system = self.system("specimen");
        put_all(&mut out, "identifier", number.iter().map(|number| national::identifier(&system, number)).collect());
        let nested = source.subcomponent(2).value().or_else(|| source.subcomponent(1).value());
        let kind = match spm {
            Some(spm) => self.concept(message.field(spm, 4), "specimen-type"),
            None => nested.map(|text| {
                let code = source.subcomponent(1).key().filter(|code| code.is_ascii()).unwrap_or_default();
                national::concept(&self.system("specimen-type"), &code, &text)
            }),
        };
        put(&mut out, "type", kind);
        put(&mut out, "subject", self.subject());
        let own_received = spm.and_then(|spm| self.time(message.field(spm, 18)));
        put(&mut out, "receivedTime", own_received.or(received).map(|time| time.text));
        let mut collection = Map::new();
        put(&mut collection, "collector", self.practitioner(field(10)));
        let collected = spm.and_then(|spm| self.time(message.field(spm, 17).component(1)));
        let collected = collected.or_else(|| self.time(field(7)));
        put(&mut collection, "collectedDateTime", collected.map(|time| time.text));
        if let Some(spm) = spm {
            let site = self.concept(message.field(spm, 8), "body-site");
            put(&mut collection, "bodySite", site);
            let status = self.code("specimen_status", message.field(spm, 24));
            put(&mut out, "status", status);
            let rejected = self.concept(message.field(spm, 21), "reject-reason");
            put_all(&mut out, "condition", rejected.into_iter().collect());
        }
        if !collection.is_empty() {
            out.insert("collection".into(), Value::Object(collection));
        }
        let path = message.segments[spm.unwrap_or(group.obr)].path();
        let fact = self.fact(claim.clone(), out, path, Act::Replace);
        if let Some(spm) = spm {
            self.own(spm, fact);
        }
        Some(claim)
    }

    fn finish_report(&mut self, report: Report) {
        let Report { claim, mut resource, status, results, conclusions, segments, path, guessed, statuses, .. } =
            report;
        let status = if guessed { from_results(&statuses) } else { status };
        if guessed && let Some(obr) = segments.iter().copied().find(|at| self.message.segments[*at].id == "OBR") {
            self.report_segment(issues::REPORT_STATUS, obr);
        }
        resource.insert("status".into(), status.into());
        // A report that is cancelled, or whose page alone is sent once it is signed, comes without its results: they stay what
        // they were.
        let act = if status == "cancelled" || results.is_empty() { Act::Merge } else { Act::Replace };
        put_all(&mut resource, "result", results);
        put(&mut resource, "conclusion", (!conclusions.is_empty()).then(|| conclusions.join("\n")));
        if act == Act::Merge {
            self.report_without_results(&claim, &mut resource, &path, guessed && statuses.is_empty());
        }
        let fact = self.fact(claim, resource, path, act);
        for at in segments {
            self.own(at, fact);
        }
    }

    /// What a message about a report known already does not say is not taken back by it; of a report that is not known yet the
    /// mention has it.
    fn report_without_results(
        &mut self,
        claim: &Claim,
        resource: &mut Map<String, Value>,
        path: &str,
        is_status_unsaid: bool,
    ) {
        let is_code_unsaid = resource.get("code").is_some_and(|code| code["text"] == UNSTATED);
        if is_code_unsaid || is_status_unsaid {
            self.fact(claim.clone(), resource.clone(), path.to_owned(), Act::Mention);
            resource.retain(|name, _| !(is_code_unsaid && name == "code" || is_status_unsaid && name == "status"));
        }
        // The two forms of one element: saying one takes the other back.
        for (said, other) in [("effectiveDateTime", "effectivePeriod"), ("effectivePeriod", "effectiveDateTime")] {
            if resource.get(said).is_some_and(|value| !value.is_null()) {
                resource.insert(other.to_owned(), Value::Null);
            }
        }
    }
}

impl Report {
    /// Takes in another OBR with the same number: a panel of the same report.
    fn join(&mut self, other: Self) {
        let mut codings: Vec<Value> = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        for code in [&self.resource["code"], &other.resource["code"]] {
            for coding in code["coding"].as_array().into_iter().flatten() {
                if !codings.contains(coding) {
                    codings.push(coding.clone());
                }
            }
            texts.extend(code["text"].as_str().map(str::to_owned).filter(|text| !texts.contains(text)));
        }
        let mut code = Map::new();
        put_all(&mut code, "coding", codings);
        put(&mut code, "text", (!texts.is_empty()).then(|| texts.join("、")));
        self.resource.insert("code".into(), Value::Object(code));
        for list in ["identifier", "basedOn", "specimen", "resultsInterpreter"] {
            let Some(more) = other.resource.get(list).and_then(Value::as_array) else { continue };
            let own = self.resource.entry(list).or_insert_with(|| json!([]));
            for item in more {
                if let Some(own) = own.as_array_mut().filter(|own| !own.contains(item)) {
                    own.push(item.clone());
                }
            }
        }
        self.segments.extend(other.segments);
        self.effective = other.effective;
        self.category = other.category.or(self.category.take());
        self.specimen = other.specimen.or(self.specimen.take());
        // The report is as far as its least finished panel.
        const ORDER: [&str; 7] = ["registered", "partial", "preliminary", "corrected", "final", "cancelled", "unknown"];
        let rank = |status: &str| ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len());
        if rank(other.status) < rank(self.status) {
            self.status = other.status;
        }
        self.guessed &= other.guessed;
    }

    /// The status of an observation whose OBX-11 is silent.
    pub fn observation_status(&self) -> &'static str {
        match self.status {
            "partial" => "preliminary",
            other => other,
        }
    }

    /// Remembers how far a result is.
    pub fn saw(&mut self, status: &'static str) {
        self.statuses.push(status);
    }

    /// Remembers a segment that hangs on the report.
    pub fn takes(&mut self, segment: usize) {
        self.segments.push(segment);
    }
}

/// The status of a report that gives none, from its results.
fn from_results(statuses: &[&'static str]) -> &'static str {
    let any = |wanted: &str| statuses.contains(&wanted);
    if statuses.is_empty() {
        "unknown"
    } else if any("preliminary") || any("registered") {
        "preliminary"
    } else if any("corrected") {
        "corrected"
    } else if any("final") {
        "final"
    } else if any("cancelled") {
        "cancelled"
    } else {
        "unknown"
    }
}

const SECTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
