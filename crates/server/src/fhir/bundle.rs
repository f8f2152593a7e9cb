//! `transaction` and `batch`. The policy is asked entry by entry, inside the transaction.

use model::{ErrorCode, Failure};
use records::Return;
use trust::AuditAction;

use super::{heavily, no_parameters};
use crate::answer::{Answer, Outcome};
use crate::negotiate::{RESOURCE_KINDS, preference, sends};
use crate::visit::Visit;

/// `POST /`.
pub async fn submit(visit: &Visit) -> Outcome {
    no_parameters(visit)?;
    sends(&visit.headers, RESOURCE_KINDS)?;
    let caller = visit.caller()?;
    let Ok(_turn) = visit.app.bundles.acquire().await else {
        return Err(Failure::new(ErrorCode::NotReady, "the server is closing"));
    };
    let mut options = visit.write_options();
    // A single write answers with the resource unless told otherwise; the answer to a bundle of thousands would repeat the request.
    if preference(&visit.headers, "return").is_none() {
        options.return_ = Return::Minimal;
    }
    // A bundle is milliseconds of parsing and preparing: it leaves the runtime's thread to short requests.
    let runtime = tokio::runtime::Handle::current();
    let page = heavily(|| runtime.block_on(visit.records().bundle(caller, &visit.body, &options)))?;
    if is_batch(&page.json) {
        visit.trail.lock().action = Some(AuditAction::Batch);
    }
    Ok(Answer::page(page))
}

/// The answer to a batch says so at its beginning; its entries would take longer to parse than they took to store.
fn is_batch(response: &[u8]) -> bool {
    const HEAD_BYTES: usize = 400;
    let word = b"\"batch-response\"";
    response[..response.len().min(HEAD_BYTES)].windows(word.len()).any(|window| window == word)
}
