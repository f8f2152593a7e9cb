//! Reports with their results (检验检查报告), newest first, in pages.

use std::collections::HashMap;

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
    Ok(Answer::json(&json!({"reports": reports, "next": next})).disclosing(disclosed, shown))
}

/// The results of some reports, by what links them.
struct Results {
    observations: HashMap<String, Value>,
    by_report: HashMap<String, Vec<String>>,
}

impl Results {
    fn of(visit: &Visit, subject: &Subject, reports: &[Value], disclosed: &mut Vec<Home>) -> Result<Self, Failure> {
        let mut results = Self { observations: HashMap::new(), by_report: HashMap::new() };
        let (Some(oldest), Some(newest)) = (reports.last(), reports.first()) else { return Ok(results) };
        // A result bears about the time of its report; a day more on either side loses none.
        let day_ms = 24 * 60 * 60 * 1000;
        let from = format!("ge{}", instant_text(facts::date_ms(oldest).saturating_sub(3 * day_ms)));
        let to = format!("le{}", instant_text(facts::date_ms(newest).saturating_add(day_ms)));
        let any = subject.any();
        let pairs = [
            ("patient", any.as_str()),
            ("date", from.as_str()),
            ("date", to.as_str()),
            ("_count", "1000"),
            ("_total", "none"),
        ];
        let found = lookup::all(visit, "Observation", &pairs, RESOURCES_MAX)?;
        lookup::note(disclosed, &found);
        for observation in found.hits {
            let Some(id) = observation["id"].as_str().map(str::to_owned) else { continue };
            let extensions = observation["extension"].as_array().into_iter().flatten();
            let reports =
                extensions.filter(|it| it["url"] == REPORT_OF).filter_map(|it| report_id(&it["valueReference"]));
            for report in reports {
                results.by_report.entry(report).or_default().push(id.clone());
            }
            results.observations.insert(id, observation);
        }
        Ok(results)
    }

    fn of_report(&self, report: &Value) -> Vec<Value> {
        let listed = report["result"].as_array().into_iter().flatten();
        let mut ids: Vec<String> =
            listed.filter_map(|it| it["reference"].as_str()?.strip_prefix("Observation/")).map(str::to_owned).collect();
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

fn report_id(reference: &Value) -> Option<String> {
    reference["reference"].as_str()?.strip_prefix("DiagnosticReport/").map(str::to_owned)
}
