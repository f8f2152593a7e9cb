//! Numbers of the running server for Prometheus. Labels are route templates, never paths as sent.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::routes::Route;

/// Bounds in seconds: reads take tenths of milliseconds, the largest bundles seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const REQUESTS: &str = "kangmai_requests_total";
const REQUEST_SECONDS: &str = "kangmai_request_seconds";

/// The recorder of this process; installed once, also when several servers run in one process.
pub fn handle() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let matcher = Matcher::Full(REQUEST_SECONDS.to_owned());
            PrometheusBuilder::new().set_buckets_for_metric(matcher, SECONDS).ok()?.install_recorder().ok()
        })
        .clone()
}

/// Counts one answered request.
pub fn request(route: &'static Route, status: StatusCode, took: Duration) {
    let action = route.name;
    counter!(REQUESTS, "action" => action, "route" => route.path, "status" => class(status)).increment(1);
    histogram!(REQUEST_SECONDS, "action" => action).record(took.as_secs_f64());
}

/// Writes a number that is true at the moment of looking.
pub fn level(name: &'static str, value: f64) {
    gauge!(name).set(value);
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        507 => "507",
        429 => "429",
        500.. => "5xx",
        400.. => "4xx",
        300.. => "3xx",
        _ => "2xx",
    }
}
