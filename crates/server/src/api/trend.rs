//! One kind of result over time.

use model::{ErrorCode, Failure};
use serde_json::{Value, json};

use super::lookup::{self, Institutions, RESOURCES_MAX};
use super::{facts, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/persons/{id}/trend?code=&system=`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &["code", "system"])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let code = parameter(visit, "code").ok_or_else(|| Failure::new(ErrorCode::BadSearch, "say `code`"))?;
    let code = match parameter(visit, "system") {
        Some(system) if !code.contains('|') => format!("{system}|{code}"),
        _ => code,
    };
    let subject = lookup::subject(visit)?;
    let mut disclosed = subject.disclosed.clone();
    let mut institutions = Institutions::of(&subject);
    let any = subject.any();
    // A component has a trend as well: systolic pressure is one of two values of an observation.
    let pairs = [("patient", any.as_str()), ("combo-code", code.as_str()), ("_count", "1000"), ("_total", "none")];
    let mut found = lookup::all(visit, "Observation", &pairs, RESOURCES_MAX)?;
    // A value that was taken back is no point of the line.
    found.hits.retain(facts::counts);
    found.hits.sort_by_key(facts::date_ms);
    let bare = code.rsplit('|').next().unwrap_or(&code);
    let (mut points, mut title, mut unit) = (Vec::new(), Value::Null, Value::Null);
    for observation in &found.hits {
        for value in facts::values(observation).into_iter().filter(|value| value["code"] == bare) {
            title = value["title"].clone();
            unit = value["unit"].clone();
            let mut point = json!({
                "date": facts::date(observation),
                "value": value["value"],
                "unit": value["unit"],
                "low": value["low"],
                "high": value["high"],
                "flag": value["flag"],
                "status": value["status"],
                "original": value["original"],
                "id": observation["id"],
            });
            institutions.note(visit, observation, &mut point);
            points.push(point);
        }
    }
    for home in found.disclosed {
        if !disclosed.contains(&home) {
            disclosed.push(home);
        }
    }
    let page = json!({"code": code, "title": title, "unit": unit, "points": points, "truncated": found.truncated});
    Ok(Answer::json(&page).disclosing(disclosed, found.hits.len()))
}
