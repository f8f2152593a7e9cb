//! The front page of one person: allergies, problems, medicines, and the latest result of every kind.

use std::collections::HashSet;

use model::Failure;
use serde_json::{Value, json};

use super::facts;
use super::lookup::{self, Found, RESOURCES_MAX};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/persons/{id}/summary`.
pub async fn show(visit: &Visit) -> Outcome {
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let (patient, disclosed) = lookup::person(visit)?;
    let mut whole = Found { disclosed, ..Found::default() };
    let mut lists = Vec::new();
    for type_name in ["AllergyIntolerance", "Condition", "MedicationRequest", "Observation"] {
        lists.push(of_person(visit, type_name, &mut whole)?);
    }
    let count = 1 + lists.iter().map(Found::count).sum::<usize>();
    let truncated = lists.iter().any(|list| list.truncated);
    let page = json!({
        "person": facts::person(&patient),
        "allergies": lists[0].hits.iter().map(allergy).collect::<Vec<_>>(),
        "problems": lists[1].hits.iter().map(problem).collect::<Vec<_>>(),
        "medicines": lists[2].hits.iter().map(|request| medicine(request, &lists[2].included)).collect::<Vec<_>>(),
        "results": latest(&lists[3].hits),
        "freshness": {"last_updated": newest(&patient, &lists), "resources": count, "truncated": truncated},
    });
    Ok(Answer::json(&page).disclosing(whole.disclosed, count))
}

fn of_person(visit: &Visit, type_name: &str, whole: &mut Found) -> Result<Found, Failure> {
    let mut pairs = vec![("patient", visit.id()), ("_count", "1000"), ("_total", "none")];
    if type_name == "MedicationRequest" {
        pairs.push(("_include", "MedicationRequest:medication"));
    }
    let found = lookup::all(visit, type_name, &pairs, RESOURCES_MAX)?;
    whole.note(&found);
    Ok(found)
}

fn line(resource: &Value) -> Value {
    json!({
        "id": resource["id"],
        "type": resource["resourceType"],
        "title": facts::title(resource),
        "date": facts::date(resource),
    })
}

fn allergy(resource: &Value) -> Value {
    let mut line = line(resource);
    line["criticality"] = resource["criticality"].clone();
    line["status"] = facts::first_code(&resource["clinicalStatus"]).map(|(_, code)| code).into();
    line
}

fn problem(resource: &Value) -> Value {
    let mut line = line(resource);
    line["status"] = facts::first_code(&resource["clinicalStatus"]).map(|(_, code)| code).into();
    line["abated"] = resource["abatementDateTime"].clone();
    line
}

fn medicine(request: &Value, medications: &[Value]) -> Value {
    let mut line = line(request);
    line["status"] = request["status"].clone();
    if line["title"].is_null() {
        // The medicine is a resource of its own, which the search included.
        let reference = request["medicationReference"]["reference"].as_str().unwrap_or_default();
        let id = reference.rsplit('/').next().unwrap_or_default();
        let medication = medications.iter().find(|medication| medication["id"] == id);
        line["title"] = medication.and_then(|it| facts::concept_words(&it["code"])).into();
    }
    line["dosage"] = request["dosageInstruction"][0]["text"].clone();
    line
}

/// The newest value of every code; the search already comes newest first.
fn latest(observations: &[Value]) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut results = Vec::new();
    for observation in observations {
        for mut value in facts::values(observation) {
            let key = (value["system"].to_string(), value["code"].to_string(), value["title"].to_string());
            if !seen.insert(key) {
                continue;
            }
            value["id"] = observation["id"].clone();
            value["type"] = "Observation".into();
            value["date"] = facts::date(observation).into();
            results.push(value);
        }
    }
    results
}

fn newest(patient: &Value, lists: &[Found]) -> Option<String> {
    let all = lists.iter().flat_map(|list| list.hits.iter()).chain([patient]);
    // All instants that the platform writes have the same form, so that the greatest text is the latest time.
    all.filter_map(|resource| resource["meta"]["lastUpdated"].as_str()).max().map(str::to_owned)
}
