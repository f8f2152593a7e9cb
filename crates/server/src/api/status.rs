//! What anybody may know about this server: that it runs, which version, and whether its data are invented.

use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::visit::Visit;

/// `GET /api/v1/status`.
pub async fn show(visit: &Visit) -> Outcome {
    Ok(Answer::json(&json!({
        "name": "kangmai",
        "version": env!("CARGO_PKG_VERSION"),
        "demo": visit.app.is_demo,
        "ready": visit.app.is_ready(),
    })))
}
