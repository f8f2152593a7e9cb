//! What visits cost (费用清单): the lines as they were charged, refunds beside them, and the sum per visit.

use std::str::FromStr;

use indexmap::IndexMap;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::lookup::{self, Institutions, RESOURCES_MAX};
use super::{facts, only_parameters};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/persons/{id}/bills`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    tokio::task::block_in_place(|| make(visit))
}

fn make(visit: &Visit) -> Outcome {
    let subject = lookup::subject(visit)?;
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("_include", "ChargeItem:context"), ("_count", "1000"), ("_total", "none")];
    let found = lookup::all(visit, "ChargeItem", &pairs, RESOURCES_MAX)?;
    let mut institutions = Institutions::of(&subject);
    let mut disclosed = subject.disclosed;
    lookup::note(&mut disclosed, &found);
    // In the order in which the newest line of each visit comes.
    let mut visits: IndexMap<String, Vec<&Value>> = IndexMap::new();
    for charge in &found.hits {
        let visit_of = charge["context"]["reference"].as_str().unwrap_or_default().to_owned();
        visits.entry(visit_of).or_default().push(charge);
    }
    let bills: Vec<Value> = visits
        .iter()
        .map(|(reference, charges)| {
            let id = reference.rsplit('/').next().unwrap_or_default();
            let encounter = found.included.iter().find(|encounter| encounter["id"] == id).unwrap_or(&Value::Null);
            bill(visit, encounter, charges, &mut institutions)
        })
        .collect();
    let count = found.hits.len();
    Ok(Answer::json(&json!({"visits": bills, "truncated": found.truncated})).disclosing(disclosed, count))
}

fn bill(visit: &Visit, encounter: &Value, charges: &[&Value], institutions: &mut Institutions) -> Value {
    let counted = charges.iter().filter(|charge| charge["status"] != "entered-in-error");
    let total: Decimal = counted.filter_map(|charge| amount(charge)).sum();
    let first = charges.first().copied().unwrap_or(&Value::Null);
    let mut bill = json!({
        "encounter": encounter["id"],
        "date": facts::date(encounter).or_else(|| facts::date(first)),
        "department": institutions.department(visit, encounter),
        "total": total.to_string(),
        "currency": "CNY",
        "lines": charges.iter().map(|charge| line(charge)).collect::<Vec<_>>(),
    });
    institutions.note(visit, first, &mut bill);
    bill
}

fn line(charge: &Value) -> Value {
    let amount = amount(charge);
    json!({
        "id": charge["id"],
        "type": "ChargeItem",
        "title": facts::title(charge),
        "quantity": charge["quantity"]["value"],
        "unit": charge["quantity"]["unit"],
        "amount": amount.map(|amount| amount.to_string()),
        "date": facts::date(charge),
        "status": charge["status"],
        "refund": amount.is_some_and(|amount| amount.is_sign_negative() && !amount.is_zero()),
    })
}

/// The money of a line; a refund is below zero.
fn amount(charge: &Value) -> Option<Decimal> {
    Decimal::from_str(&charge["priceOverride"]["value"].as_number()?.to_string()).ok()
}
