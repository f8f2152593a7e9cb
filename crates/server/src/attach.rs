//! The one way from a route to a response: know who asks, read the body, let the handler answer, write the audit event, and
//! only then reply. Exactly one event is written per request: also for refusals, for panics, and for clients that hang up
//! while they are being answered.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::{ErrorCode, Failure};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::{Answer, Outcome};
use crate::app::App;
use crate::audit::Entry;
use crate::negotiate::{self, FHIR_JSON, JSON};
use crate::outcome::{self, Face};
use crate::routes::{Access, Answering, Route};
use crate::visit::Visit;
use crate::{caller, metrics};

/// The largest body: FHIR bundles of 32 MiB (about 5,000 entries with their narratives).
pub const BODY_BYTES_MAX: usize = 32 << 20;

/// How long a body may take to arrive: 32 MiB over a line of 3 Mbit/s. Longer holds memory hostage.
const BODY_WAIT_MAX: Duration = Duration::from_secs(90);

/// How much of a refused body is read and thrown away, and for how long at most.
const DISCARD_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;
/// See [`DISCARD_BYTES_MAX`].
const DISCARD_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a request waits for its share of the body memory before it is told to come back.
const BUDGET_WAIT_MAX: Duration = Duration::from_secs(20);

/// What a `429` or `503` asks for, in seconds.
const RETRY_AFTER_SECONDS: &str = "2";

/// The axum handler of a route.
pub fn attach(
    app: &Arc<App>,
    route: &'static Route,
) -> impl Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Clone + Send + Sync + 'static {
    let app = Arc::clone(app);
    move |request| Box::pin(run(Arc::clone(&app), route, request))
}

async fn run(app: Arc<App>, route: &'static Route, request: Request) -> Response {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let path_parameters = match RawPathParams::from_request_parts(&mut parts, &()).await {
        Ok(found) => found.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        Err(_) => Vec::new(),
    };
    let mut visit = Visit::begin(app, route, parts, path_parameters);
    let mut entry = Entry::open(&visit);
    let mut body = Some(body);
    let outcome = answer(&mut visit, &mut entry, &mut body).await;
    if let Some(unread) = body {
        discard(unread).await;
    }
    let outcome = entry.close(&visit, outcome).await;
    let response = respond(&visit, outcome);
    metrics::request(route, response.status(), started.elapsed());
    log(&visit, response.status(), started.elapsed());
    response
}

/// The handler's answer, or why it was not asked. The body is taken out as soon as it is read.
async fn answer(visit: &mut Visit, entry: &mut Entry, body: &mut Option<Body>) -> Outcome {
    if visit.route.access != Access::Open {
        let actor = caller::identify(&visit.app, &visit.headers)?;
        entry.actor(&actor);
        visit.asker = Some(actor.clone());
        let admitted = tokio::task::block_in_place(|| caller::admit(visit, actor))?;
        entry.purpose(admitted.caller.purpose);
        visit.caller = Some(admitted.caller);
        visit.ground = admitted.ground;
    }
    negotiate::accepts_json(&visit.headers, visit.shape.format.as_deref())?;
    let permit = read_body(visit, body).await?;
    let outcome = Guarded((visit.route.handler)(visit)).await;
    drop(permit);
    outcome
}

/// Reads the body into the visit, within the limits. The permit is the body's share of memory and lives as long as the work.
async fn read_body(visit: &mut Visit, unread: &mut Option<Body>) -> Result<Option<OwnedSemaphorePermit>, Failure> {
    let declared = declared_length(&visit.headers)?;
    if declared == Some(0) || unread.as_ref().is_none_or(HttpBody::is_end_stream) {
        return Ok(None);
    }
    if declared.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let permit = share(&visit.app, declared.unwrap_or(BODY_BYTES_MAX)).await?;
    let Some(body) = unread.take() else { return Ok(None) };
    let collected = tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    visit.body = match collected {
        Err(_) => return Err(Failure::new(ErrorCode::NotReadable, "the body did not arrive in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Failure::new(ErrorCode::NotReadable, "the body broke off")),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    Ok(Some(permit))
}

/// Reads on and throws away, within limits, what a refused client is still sending: closing the connection under its hands
/// would lose the answer that says why.
async fn discard(mut body: Body) {
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DISCARD_BYTES_MAX {
                return;
            }
        }
    };
    if tokio::time::timeout(DISCARD_WAIT_MAX, reading).await.is_err() {
        tracing::debug!("a refused client goes on sending; the connection is closed");
    }
}

fn declared_length(headers: &HeaderMap) -> Result<Option<usize>, Failure> {
    let coding = negotiate::text(headers, header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Failure::new(ErrorCode::UnsupportedMediaType, "compressed bodies are not read here"));
    }
    Ok(negotiate::text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok()))
}

async fn share(app: &App, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
    let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
    let waiting = Arc::clone(&app.body_budget).acquire_many_owned(kibibytes);
    match tokio::time::timeout(BUDGET_WAIT_MAX, waiting).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(Failure::new(ErrorCode::NotReady, "the server is closing")),
        Err(_) => Err(Failure::new(ErrorCode::Busy, "too many large bodies at the same time")),
    }
}

fn too_large() -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("a body may have {BODY_BYTES_MAX} bytes; send it in parts"))
}

/// A handler whose panic is an internal error of this request and of nothing else.
struct Guarded<'a>(Answering<'a>);

impl Future for Guarded<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let inner = &mut self.0;
        match std::panic::catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(context))) {
            Ok(poll) => poll,
            // The panic hook has already written where it happened; the payload may carry data and is dropped.
            Err(_) => Poll::Ready(Err(Failure::new(ErrorCode::Internal, "the request failed inside the server"))),
        }
    }
}

fn respond(visit: &Visit, outcome: Outcome) -> Response {
    let face = visit.route.face();
    let answer = outcome.unwrap_or_else(|failure| refusal(visit, &failure, face));
    let mut response = Response::new(Body::from(pretty(visit, answer.body)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.extend(answer.headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&visit.request_id) {
        headers.insert("x-request-id", id);
    }
    response
}

fn refusal(visit: &Visit, failure: &Failure, face: Face) -> Answer {
    let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = outcome::render(failure, face, visit.language).to_string();
    let kind = if face == Face::Fhir { FHIR_JSON } else { JSON };
    let mut answer = Answer { status, body: body.into(), ..Answer::default() }.header(header::CONTENT_TYPE, kind);
    match failure.code {
        ErrorCode::NotSignedIn => answer = answer.header(header::WWW_AUTHENTICATE, "Bearer realm=\"kangmai\""),
        ErrorCode::Busy | ErrorCode::NotReady => answer = answer.header(header::RETRY_AFTER, RETRY_AFTER_SECONDS),
        _ => {}
    }
    answer
}

/// `_pretty=true` re-writes the body with indents; numbers keep every digit.
fn pretty(visit: &Visit, body: Bytes) -> Bytes {
    if !visit.shape.pretty || body.is_empty() {
        return body;
    }
    match serde_json::from_slice::<serde_json::Value>(&body).map(|value| serde_json::to_string_pretty(&value)) {
        Ok(Ok(text)) => text.into(),
        _ => body,
    }
}

/// One line per failed request (and per request at debug level): the route's template, never the path or query as sent.
fn log(visit: &Visit, status: StatusCode, elapsed: Duration) {
    let took_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let (request, route, status) = (visit.request_id.as_str(), visit.route.path, status.as_u16());
    if status >= 500 {
        tracing::error!(request, action = visit.route.name, route, status, took_us, "request failed");
    } else {
        tracing::debug!(request, action = visit.route.name, route, status, took_us, "request");
    }
}
