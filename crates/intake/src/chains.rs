//! Referential chains of one day (关联完整性): a visit without a diagnosis, a report without its order or its results, something that
//! others mention and nobody sent. The rules are `standards/quality/chains.toml`; here they are asked over what one institution
//! has sent for one day.

use std::collections::HashMap;

use model::china::DAY_MS;
use model::{Failure, Issue, instant_text};
use quality::{Held, Rules};
use records::parameters::clinical_date_ms;
use records::{Caller, Records};
use serde_json::Value;

/// Resources of one day that are looked at; a large hospital's day.
const RESOURCES_MAX: usize = 50_000;
/// Results bear the time of the sampling: days before their report.
const RESULT_DAYS_BEFORE: i64 = 3;
/// By what a later row names its report.
const REPORT_OF: &str = "urn:kangmai:report";

/// A chain whose other half is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// `Type/id` of the half that is there.
    pub reference: String,
    /// The number by which the institution knows it.
    pub number: String,
    /// The finding.
    pub issue: Issue,
}

/// What is missing among the visits and reports of a day, which begins at `day_begins_ms`. Whether there was more than could be
/// looked at is the second half.
///
/// # Errors
/// What the search says: the caller must be allowed to search visits, reports, orders, diagnoses and results.
pub fn broken(
    records: &Records,
    caller: &Caller,
    institution: &str,
    day_begins_ms: i64,
    now_ms: i64,
) -> Result<(Vec<Broken>, bool), Failure> {
    let mut day = Day { records, caller, institution, held: Vec::new(), references: HashMap::new(), truncated: false };
    let bounds = (format!("ge{}", instant_text(day_begins_ms)), format!("lt{}", instant_text(day_begins_ms + DAY_MS)));
    day.visits(&bounds)?;
    day.reports(&bounds)?;
    let missing = Rules::standard().broken_chains(&day.held, now_ms);
    let broken = missing.into_iter().filter_map(|missing| {
        let (reference, number) = day.references.get(&missing.claim)?.clone();
        Some(Broken { reference, number, issue: missing.issue })
    });
    Ok((broken.collect(), day.truncated))
}

struct Day<'a> {
    records: &'a Records,
    caller: &'a Caller,
    institution: &'a str,
    held: Vec<Held>,
    /// What the claims of things of this institution stand for; others' are only looked at.
    references: HashMap<String, (String, String)>,
    truncated: bool,
}

impl Day<'_> {
    fn visits(&mut self, (from, to): &(String, String)) -> Result<(), Failure> {
        let pairs = [("date", from.as_str()), ("date", to.as_str()), ("_revinclude", "Condition:encounter")];
        let (visits, conditions) = self.all("Encounter", &pairs)?;
        for visit in
            visits.iter().filter(|visit| visit["status"] != "cancelled" && visit["status"] != "entered-in-error")
        {
            // A visit that others only mention has no state of its own.
            self.hold("visit", visit, visit["status"] != "unknown", Vec::new());
        }
        for condition in &conditions {
            let visit = condition["encounter"]["reference"].as_str().map(|it| claim("visit", it));
            let reference = reference(condition);
            self.held.push(Held {
                claim: claim("visit_condition", &reference),
                sent: true,
                refers_to: visit.into_iter().collect(),
                since_ms: 0,
            });
        }
        Ok(())
    }

    fn reports(&mut self, (from, to): &(String, String)) -> Result<(), Failure> {
        let pairs = [("date", from.as_str()), ("date", to.as_str()), ("_include", "DiagnosticReport:based-on")];
        let (reports, orders) = self.all("DiagnosticReport", &pairs)?;
        for order in &orders {
            let sent = order["status"] != "unknown";
            let reference = reference(order);
            self.held.push(Held {
                claim: claim("service_order", &reference),
                sent,
                refers_to: Vec::new(),
                since_ms: 0,
            });
        }
        for report in reports.iter().filter(|report| report["status"] != "entered-in-error") {
            let based_on = report["basedOn"].as_array().into_iter().flatten();
            let refers_to =
                based_on.filter_map(|it| it["reference"].as_str()).map(|it| claim("service_order", it)).collect();
            if has_content(report) || self.has_later_results(report)? {
                self.held.push(Held {
                    claim: claim("result", &reference(report)),
                    sent: true,
                    refers_to: vec![claim("report", &reference(report))],
                    since_ms: 0,
                });
            }
            self.hold("report", report, report["status"] != "unknown", refers_to);
        }
        Ok(())
    }

    /// Rows of results that came in a table of their own name their report; the report does not name them.
    fn has_later_results(&self, report: &Value) -> Result<bool, Failure> {
        let (Some(patient), Ok(code)) =
            (report["subject"]["reference"].as_str(), model::TypeCode::of("DiagnosticReport"))
        else {
            return Ok(false);
        };
        let at_ms = clinical_date_ms(code, report).unwrap_or_default();
        let from = format!("ge{}", instant_text(at_ms - RESULT_DAYS_BEFORE * DAY_MS));
        let to = format!("le{}", instant_text(at_ms + DAY_MS));
        let pairs = [("subject", patient), ("date", from.as_str()), ("date", to.as_str())];
        let results = self.records.search_whole(self.caller, "Observation", &pairs, RESOURCES_MAX)?.hits;
        let own = reference(report);
        Ok(results.iter().any(|result| {
            let extensions = result["extension"].as_array().into_iter().flatten();
            extensions.filter(|it| it["url"] == REPORT_OF).any(|it| it["valueReference"]["reference"] == own.as_str())
        }))
    }

    fn hold(&mut self, kind: &str, resource: &Value, sent: bool, refers_to: Vec<String>) {
        let prefix = formats::national::institution_system(self.institution, "");
        let identifiers = resource["identifier"].as_array().into_iter().flatten();
        let mut own = identifiers.filter(|it| it["system"].as_str().is_some_and(|system| system.starts_with(&prefix)));
        let Some(number) = own.find_map(|it| it["value"].as_str()) else { return };
        let reference = reference(resource);
        let claim = claim(kind, &reference);
        let type_code = resource["resourceType"].as_str().and_then(|name| model::TypeCode::of(name).ok());
        let since_ms = type_code.and_then(|code| clinical_date_ms(code, resource)).unwrap_or_default();
        self.references.insert(claim.clone(), (reference, number.to_owned()));
        self.held.push(Held { claim, sent, refers_to, since_ms });
    }

    fn all(&mut self, type_name: &str, pairs: &[(&str, &str)]) -> Result<(Vec<Value>, Vec<Value>), Failure> {
        let found = self.records.search_whole(self.caller, type_name, pairs, RESOURCES_MAX)?;
        self.truncated |= found.truncated;
        Ok((found.hits, found.included))
    }
}

/// Results, images or the text of a report.
fn has_content(report: &Value) -> bool {
    ["result", "presentedForm", "media", "imagingStudy"].iter().any(|name| report[*name].is_array())
        || report["conclusion"].is_string()
}

fn claim(kind: &str, reference: &str) -> String {
    format!("claim:{kind}/{reference}")
}

fn reference(resource: &Value) -> String {
    let word = |name: &str| resource[name].as_str().unwrap_or_default();
    format!("{}/{}", word("resourceType"), word("id"))
}
