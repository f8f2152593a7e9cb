//! Problem data (问题数据): what was set aside, opened by the institution that sent it, and what no map knows.

use intake::{Problem, ProblemState};
use model::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::Duty;

use super::sources::{masked, of_path, sees_values};
use super::{body, only_parameters, parameter};
use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// Problems of one page.
const PAGE_MAX: usize = 200;
/// Codes of one list.
const UNMAPPED_MAX: usize = 1_000;
/// A reason is a sentence.
const REASON_CHARACTERS_MIN: usize = 4;

/// `GET /api/v1/sources/{source}/problems?state=&after=`.
pub async fn list(visit: &Visit) -> Outcome {
    only_parameters(visit, &["state", "after"])?;
    let source = of_path(visit, Duty::SeeReceipts)?;
    let state = match parameter(visit, "state").as_deref() {
        None | Some("set-aside") => ProblemState::SetAside,
        Some("accepted") => ProblemState::Accepted,
        Some("closed") => ProblemState::Corrected,
        Some(_) => {
            return Err(Failure::new(ErrorCode::BadSearch, "unknown `state`; known: set-aside, accepted, closed"));
        }
    };
    let after = parameter(visit, "after");
    let tenant = visit.caller()?.tenant();
    let found =
        tokio::task::block_in_place(|| visit.app.road.problems(tenant, &source, state, after.as_deref(), PAGE_MAX))?;
    let next = (found.len() == PAGE_MAX).then(|| found.last().map(|problem| problem.id.clone())).flatten();
    let shown: Vec<Value> = found.into_iter().map(|problem| rendered(visit, problem)).collect();
    Ok(Answer::json(&json!({ "problems": shown, "next": next })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    /// Why it is taken as it is.
    reason: String,
}

/// `POST /api/v1/sources/{source}/problems/{problem}/release`.
pub async fn release(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let source = of_path(visit, Duty::OpenProblems)?;
    let Release { reason } = body(visit)?;
    if reason.trim().chars().count() < REASON_CHARACTERS_MIN {
        return Err(Failure::new(ErrorCode::Unprocessable, "say why the record is taken as it is"));
    }
    let caller = visit.caller()?;
    // The administrator decides; the record is written with the rights of the account that the source delivers with.
    let accounts = visit.app.store.accounts();
    let account = accounts.by_name(caller.tenant(), &source.account);
    let account = account.map_err(|error| crate::caller::store_failure(&error))?;
    let account = account.ok_or_else(|| Failure::new(ErrorCode::Unprocessable, "the account of the source is gone"))?;
    let writer = crate::caller::of_account(visit, &account)?;
    let problem = visit.part("problem").unwrap_or_default();
    let runtime = tokio::runtime::Handle::current();
    let by = caller.actor.name.clone();
    let released = tokio::task::block_in_place(|| {
        runtime.block_on(visit.app.road.release(&writer, &source, problem, &by, reason.trim()))
    })?;
    Ok(Answer::json(&rendered(visit, released)))
}

/// `GET /api/v1/sources/{source}/unmapped`.
pub async fn unmapped(visit: &Visit) -> Outcome {
    only_parameters(visit, &[])?;
    let source = of_path(visit, Duty::SeeReceipts)?;
    let tenant = visit.caller()?.tenant();
    let found = tokio::task::block_in_place(|| visit.app.road.unmapped(tenant, &source, UNMAPPED_MAX))?;
    Ok(Answer::json(&json!({ "unmapped": found, "truncated": found.len() == UNMAPPED_MAX })))
}

fn rendered(visit: &Visit, mut problem: Problem) -> Value {
    if !sees_values(visit) {
        for issue in &mut problem.issues {
            issue.found = issue.found.as_deref().map(masked);
        }
    }
    serde_json::to_value(&problem).unwrap_or_default()
}
