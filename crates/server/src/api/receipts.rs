//! Receipts (回执) of a source, its originals, and the comparison of a day (日对账).

use axum::http::header;
use intake::{Receipt, ReceiptId};
use model::{ErrorCode, Failure, Home};
use serde_json::{Value, json};
use trust::Duty;

use super::sources::{masked, of_path, sees_values};
use super::{only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Receipts of one page.
const PAGE_MAX: usize = 100;

/// `GET /api/v1/sources/{source}/receipts?after=`.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &["after"])?;
    let source = of_path(visit, Duty::SeeReceipts)?;
    let after: Option<ReceiptId> = parameter(visit, "after").map(|text| text.parse()).transpose()?;
    let tenant = visit.caller()?.tenant();
    let receipts = tokio::task::block_in_place(|| visit.app.road.receipts(tenant, &source, after, PAGE_MAX))?;
    let next = (receipts.len() == PAGE_MAX).then(|| receipts.last().map(|receipt| receipt.id.to_string())).flatten();
    let shown: Vec<Value> = receipts.into_iter().map(|receipt| rendered(visit, receipt)).collect();
    Ok(Answer::json(&json!({ "receipts": shown, "next": next })))
}

/// `GET /api/v1/sources/{source}/receipts/{receipt}`.
pub async fn show(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    of_path(visit, Duty::SeeReceipts)?;
    Ok(Answer::json(&rendered(visit, receipt(visit)?)))
}

/// `GET /api/v1/sources/{source}/receipts/{receipt}/original`: the bytes as they were sent.
pub async fn original(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    of_path(visit, Duty::OpenProblems)?;
    let receipt = receipt(visit)?;
    let tenant = visit.caller()?.tenant();
    let (bytes, _) = tokio::task::block_in_place(|| visit.app.road.original(tenant, &receipt.original))?;
    let homes: Vec<Home> = receipt.registrations.iter().copied().map(Home).collect();
    let answer = Answer { body: bytes.into(), ..Answer::default() }.disclosing(homes, 1);
    // Whatever a source sent is shown as a download, never run by the browser.
    Ok(answer
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_DISPOSITION, "attachment; filename=\"original\"")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// `GET /api/v1/sources/{source}/reconciliation?day=`.
pub async fn reconciliation(visit: &Visit) -> Outcome {
    only_parameters(visit, &["day"])?;
    let source = of_path(visit, Duty::SeeReceipts)?;
    let day =
        parameter(visit, "day").ok_or_else(|| Failure::new(ErrorCode::BadSearch, "say `day`, like 2024-03-05"))?;
    let tenant = visit.caller()?.tenant();
    let mut compared = tokio::task::block_in_place(|| visit.app.road.reconcile(tenant, &source, &day))?;
    if !sees_values(visit) {
        for key in compared.iter_mut().flat_map(|it| it.difference.missing.iter_mut().chain(&mut it.difference.surplus))
        {
            *key = masked(key);
        }
    }
    Ok(Answer::json(&json!({ "day": day, "types": compared })))
}

/// The receipt in the path, when it belongs to the source in the path.
/// `GET /api/v1/sources/{source}/chains?day=`: visits and reports of a day whose other half is missing.
pub async fn chains(visit: &Visit) -> Outcome {
    only_parameters(visit, &["day"])?;
    let source = of_path(visit, Duty::SeeReceipts)?;
    let day = parameter(visit, "day").unwrap_or_default();
    let begins_ms = model::china::begin_of_text_ms(&day)
        .ok_or_else(|| Failure::new(ErrorCode::BadSearch, "say `day`, like 2024-03-05"))?;
    let caller = care::platform(visit.caller()?.tenant())?;
    let (broken, truncated) = tokio::task::block_in_place(|| {
        let now_ms = visit.app.now_ms();
        intake::chains::broken(visit.records(), &caller, &source.institution, begins_ms, now_ms)
    })?;
    let sees = sees_values(visit);
    let lines: Vec<Value> = broken
        .into_iter()
        .map(|broken| {
            let number = if sees { broken.number } else { super::facts::masked(&broken.number) };
            json!({
                "about": if sees { json!(broken.reference) } else { Value::Null }, "number": number, "rule": broken.issue.rule,
                "severity": broken.issue.severity, "hint": broken.issue.hint,
            })
        })
        .collect();
    Ok(Answer::json(&json!({"day": day, "chains": lines, "truncated": truncated})))
}

fn receipt(visit: &Visit) -> Result<Receipt, Failure> {
    let id: ReceiptId = visit.part("receipt").unwrap_or_default().parse()?;
    let tenant = visit.caller()?.tenant();
    let receipt = visit.app.road.receipt(tenant, id)?;
    if visit.part("source") == Some(receipt.source.as_str()) {
        Ok(receipt)
    } else {
        Err(Failure::new(ErrorCode::NotFound, "no such receipt"))
    }
}

/// A receipt as it is shown: without addresses, and with masked values for who may not see them.
pub fn rendered(visit: &Visit, mut receipt: Receipt) -> Value {
    receipt.registrations.clear();
    if !sees_values(visit) {
        receipt.name = None;
        for finding in &mut receipt.findings {
            finding.issue.found = finding.issue.found.as_deref().map(masked);
        }
    }
    serde_json::to_value(&receipt).unwrap_or_default()
}
