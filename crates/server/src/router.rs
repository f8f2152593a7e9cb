//! The router is made here and nowhere else, from the list in [`crate::routes`]. Every line of the list goes through
//! [`attach`], so a route without sign-in check and audit event cannot be written. What is added besides the list (health,
//! metrics, files of the portal) carries no personal data.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any, get};

use crate::app::App;
use crate::attach::attach;
use crate::outcome::Face;
use crate::portal;
use crate::routes::{Method, NO_SUCH_METHOD, NO_SUCH_PATH, ROUTES, Route};

/// The router of a server.
pub fn build(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    let mut done: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !done.contains(&route.path) {
            done.push(route.path);
            router = router.route(route.path, of_path(app, route.path));
        }
    }
    for route in NO_SUCH_PATH {
        // Both the bare prefix and everything below it.
        router = router.route(route.path, any(attach(app, route)));
        router = router.route(&format!("{}/{{*rest}}", route.path), any(attach(app, route)));
    }
    let router = if app.is_demo { router.merge(crate::sample_his::routes(app)) } else { router };
    router.merge(without_audit(app))
}

fn of_path(app: &Arc<App>, path: &str) -> MethodRouter {
    let lines: Vec<&'static Route> = ROUTES.iter().filter(|route| route.path == path).collect();
    let mut methods = MethodRouter::new();
    for route in &lines {
        let Some(filter) = filter(route.method) else { continue };
        methods = methods.on(filter, attach(app, route));
    }
    let face = lines.first().map_or(Face::Fhir, |route| route.face());
    match NO_SUCH_METHOD.iter().find(|route| route.face() == face) {
        Some(refusal) => methods.fallback(attach(app, refusal)),
        None => methods,
    }
}

fn filter(method: Method) -> Option<MethodFilter> {
    match method {
        Method::Get => Some(MethodFilter::GET),
        Method::Post => Some(MethodFilter::POST),
        Method::Put => Some(MethodFilter::PUT),
        Method::Patch => Some(MethodFilter::PATCH),
        Method::Delete => Some(MethodFilter::DELETE),
        Method::Any => None,
    }
}

/// Routes that carry no personal data and write no audit event.
fn without_audit(app: &Arc<App>) -> Router {
    let ready = Arc::clone(app);
    let metrics = Arc::clone(app);
    Router::new()
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(async move || readiness(&ready)))
        .route("/metrics", get(async move || metrics.metrics_text()))
        .fallback(async |request: Request| portal::file(request.method(), request.uri().path()))
}

fn readiness(app: &App) -> Response {
    if app.is_ready() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "not ready\n").into_response()
}
