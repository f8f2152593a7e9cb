//! What a person was prescribed (用药记录), at every institution, newest first.

use serde_json::{Value, json};

use super::lookup::{self, Institutions, RESOURCES_MAX};
use super::{facts, only_parameters};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/persons/{id}/medicines`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let any = subject.any();
    let pairs = [
        ("patient", any.as_str()),
        ("_include", "MedicationRequest:medication"),
        ("_count", "1000"),
        ("_total", "none"),
    ];
    let found = lookup::all(visit, "MedicationRequest", &pairs, RESOURCES_MAX)?;
    let mut institutions = Institutions::of(&subject);
    let mut disclosed = subject.disclosed;
    lookup::note(&mut disclosed, &found);
    let entries: Vec<Value> = found
        .hits
        .iter()
        .map(|request| {
            let mut line = line(request, &found.included);
            line["over"] =
                care::course::medicine_over(request, visit.app.now_ms()).map(care::course::Over::code).into();
            line["prescriber"] = institutions.staff(visit, &request["requester"]).into();
            institutions.note(visit, request, &mut line);
            line
        })
        .collect();
    let count = entries.len();
    let page = json!({"entries": entries, "truncated": found.truncated});
    Ok(Answer::json(&page).disclosing(disclosed, count))
}

fn line(request: &Value, medications: &[Value]) -> Value {
    let reference = request["medicationReference"]["reference"].as_str().unwrap_or_default();
    let id = reference.rsplit('/').next().unwrap_or_default();
    let medication = medications.iter().find(|medication| medication["id"] == id);
    let title = facts::title(request)
        .or_else(|| medication.and_then(|it| facts::concept_words(&it["code"])).map(str::to_owned));
    let quantity = &request["dispenseRequest"]["quantity"];
    json!({
        "id": request["id"],
        "type": "MedicationRequest",
        "title": title,
        "specification": specification(request, medication),
        "dosage": dosage(&request["dosageInstruction"][0]),
        "quantity": amount(quantity),
        "date": facts::date(request),
        "status": request["status"],
        "standing": facts::standing(request),
        "reason": request["reasonCode"].as_array().and_then(|reasons| facts::concept_words(reasons.first()?)),
    })
}

/// 规格: as the source said it beside the medicine.
fn specification(request: &Value, medication: Option<&Value>) -> Option<String> {
    let holders = [Some(request), medication];
    let extensions = holders.into_iter().flatten().flat_map(|it| it["extension"].as_array().into_iter().flatten());
    let named = extensions.filter_map(|extension| {
        let url = extension["url"].as_str()?;
        // 规格 goes by its element, its column or its word.
        let is_specification = ["DE08.50.005.00", ":YPGG", ":specification"].iter().any(|tail| url.ends_with(tail));
        is_specification.then(|| extension["valueString"].as_str().map(str::to_owned)).flatten()
    });
    named.into_iter().next()
}

/// The text, else dose, route and timing put together.
fn dosage(dosage: &Value) -> Option<String> {
    if let Some(text) = dosage["text"].as_str() {
        return Some(text.to_owned());
    }
    let dose = amount(&dosage["doseAndRate"][0]["doseQuantity"]);
    let route = facts::concept_words(&dosage["route"]).map(str::to_owned);
    let timing = facts::concept_words(&dosage["timing"]["code"]).map(str::to_owned);
    let parts: Vec<String> = [dose, route, timing].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn amount(quantity: &Value) -> Option<String> {
    let value = quantity["value"].as_number()?.to_string();
    Some(quantity["unit"].as_str().map_or_else(|| value.clone(), |unit| format!("{value} {unit}")))
}
