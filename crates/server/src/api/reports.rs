//! Reports with their results (检验检查报告), newest first, in pages.

use std::collections::HashMap;

use model::china::DAY_MS;
use model::{Failure, Home, instant_text};
use serde_json::{Value, json};
use trust::Interaction;

use super::lookup::{self, Institutions, RESOURCES_MAX, Subject};
use super::timeline::Mark;
use super::{facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Reports of a page.
const REPORTS_MAX: usize = 20;
/// A result bears the day on which the specimen was taken: cultures for tuberculosis grow for eight weeks before their report.
const DAYS_BEFORE: i64 = 60;
/// Results that a report names and that are older still are asked for by their ids, so many at a time.
const IDS_MAX: usize = 100;
/// The extension by which a result that came later names its report.
const REPORT_OF: &str = "urn:kangmai:report";

/// `GET /api/v1/persons/{id}/reports?before=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["before"])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let mark = parameter(visit, "before").map(|text| Mark::read(&text)).transpose()?;
    let shown = mark.map_or(0, |mark| mark.shown);
    let caller = visit.may(Interaction::Search, "DiagnosticReport")?;
    let (until_ms, count) = (mark.map(|mark| mark.at_ms), shown + REPORTS_MAX + 1);
    let mut found = visit.records().newest_until(caller, &["DiagnosticReport"], &subject.homes, until_ms, count)?;
    let next = (found.hits.len() == count).then(|| Mark::behind(&found.hits[..count - 1]).text());
    found.hits.truncate(count - 1);
    found.hits.drain(..shown.min(found.hits.len()));
    let mut disclosed = subject.disclosed.clone();
    lookup::note(&mut disclosed, &found);
    let results = Results::of(visit, &subject, &found.hits, &mut disclosed)?;
    let mut institutions = Institutions::of(&subject);
    let reports: Vec<Value> = found
        .hits
        .iter()
        .map(|report| {
            let mut line = json!({
                "id": report["id"], "type": "DiagnosticReport", "title": facts::title(report), "date": facts::date(report),
                "status": report["status"], "conclusion": report["conclusion"], "results": results.of_report(report),
            });
            institutions.note(visit, report, &mut line);
            line
        })
        .collect();
    let shown = reports.len();
    let page = json!({"reports": reports, "next": next, "truncated": results.truncated});
    Ok(Answer::json(&page).disclosing(disclosed, shown))
}

/// The results of some reports, by what links them.
struct Results {
    observations: HashMap<String, Value>,
    by_report: HashMap<String, Vec<String>>,
    /// There were more than are ever read.
    truncated: bool,
}

impl Results {
    fn of(visit: &Visit, subject: &Subject, reports: &[Value], disclosed: &mut Vec<Home>) -> Result<Self, Failure> {
        let mut results = Self { observations: HashMap::new(), by_report: HashMap::new(), truncated: false };
        let (Some(oldest), Some(newest)) = (reports.last(), reports.first()) else { return Ok(results) };
        let from = format!("ge{}", instant_text(facts::date_ms(oldest).saturating_sub(DAYS_BEFORE * DAY_MS)));
        let to = format!("le{}", instant_text(facts::date_ms(newest).saturating_add(DAY_MS)));
        let any = subject.any();
        let pairs = [
            ("patient", any.as_str()),
            ("date", from.as_str()),
            ("date", to.as_str()),
            ("_count", "1000"),
            ("_total", "none"),
        ];
        results.take(lookup::all(visit, "Observation", &pairs, RESOURCES_MAX)?, disclosed);
        let named = reports.iter().flat_map(result_ids);
        let missing: Vec<&str> = named.filter(|id| !results.observations.contains_key(*id)).collect();
        for ids in missing.chunks(IDS_MAX) {
            let ids = ids.join(",");
            let pairs = [("patient", any.as_str()), ("_id", ids.as_str()), ("_count", "1000"), ("_total", "none")];
            results.take(lookup::all(visit, "Observation", &pairs, RESOURCES_MAX)?, disclosed);
        }
        Ok(results)
    }

    fn take(&mut self, found: lookup::Found, disclosed: &mut Vec<Home>) {
        lookup::note(disclosed, &found);
        self.truncated |= found.truncated;
        for observation in found.hits {
            let Some(id) = observation["id"].as_str().map(str::to_owned) else { continue };
            let extensions = observation["extension"].as_array().into_iter().flatten();
            let reports =
                extensions.filter(|it| it["url"] == REPORT_OF).filter_map(|it| report_id(&it["valueReference"]));
            for report in reports {
                self.by_report.entry(report).or_default().push(id.clone());
            }
            self.observations.insert(id, observation);
        }
    }

    fn of_report(&self, report: &Value) -> Vec<Value> {
        let mut ids: Vec<String> = result_ids(report).map(str::to_owned).collect();
        let later = report["id"].as_str().and_then(|id| self.by_report.get(id)).into_iter().flatten();
        ids.extend(later.filter(|id| !ids.contains(id)).cloned().collect::<Vec<_>>());
        let found = ids.iter().filter_map(|id| self.observations.get(id)).filter(|it| !facts::is_slip(it));
        found
            .flat_map(|observation| {
                facts::values(observation).into_iter().map(|mut value| {
                    value["id"] = observation["id"].clone();
                    value
                })
            })
            .collect()
    }
}

/// The results that a report names.
fn result_ids(report: &Value) -> impl Iterator<Item = &str> {
    let listed = report["result"].as_array().into_iter().flatten();
    listed.filter_map(|it| it["reference"].as_str()?.strip_prefix("Observation/"))
}

fn report_id(reference: &Value) -> Option<String> {
    reference["reference"].as_str()?.strip_prefix("DiagnosticReport/").map(str::to_owned)
}
