//! The router in process, over engines that refuse.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use model::{SystemClock, TenantId};
use serde_json::Value;
use store::{Durability, Engine, EngineError, Keyspace, MemoryEngine, Snapshot, Store, Write};
use tower::ServiceExt;
use trust::{Account, MasterKey, Role, Token};

use crate::app::App;
use crate::router;

/// An engine whose disk can be filled.
struct Disk {
    inner: MemoryEngine,
    is_full: Arc<AtomicBool>,
}

impl Engine for Disk {
    fn snapshot(&self) -> Box<dyn Snapshot + '_> {
        self.inner.snapshot()
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.inner.get(keyspace, key)
    }

    fn write(&self, writes: &[Write], durability: Durability) -> Result<(), EngineError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(EngineError::DiskFull);
        }
        self.inner.write(writes, durability)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.inner.sync()
    }

    fn checkpoint(&self, directory: &Path) -> Result<(), EngineError> {
        self.inner.checkpoint(directory)
    }

    fn estimate(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> u64 {
        self.inner.estimate(keyspace, from, to)
    }
}

struct Server {
    router: Router,
    app: Arc<App>,
    token: String,
    is_full: Arc<AtomicBool>,
}

impl Server {
    fn new() -> Self {
        let is_full = Arc::new(AtomicBool::new(false));
        let engine = Disk { inner: MemoryEngine::new(), is_full: Arc::clone(&is_full) };
        let store = Store::over(Arc::new(engine), store::Options::new(MasterKey::generate())).unwrap();
        let token = Token::generate();
        let mut account = Account::new("writer", Role::Machine, TenantId(1));
        account.grants = "system/*.cruds".parse().unwrap();
        account.token_digest = Some(token.digest());
        store.accounts().put(&account).unwrap();
        let app = App::new(store, Arc::new(SystemClock), None, false).unwrap();
        Self { router: router::build(&app), app, token: token.expose().to_owned(), is_full }
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/fhir+json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    fn events(&self) -> u64 {
        self.app.store.audit().size(TenantId(1)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_writes_and_not_reads_and_forgets_no_event() {
    let server = Server::new();
    let patient = r#"{"resourceType": "Patient", "id": "one"}"#;
    assert_eq!(server.send("PUT", "/fhir/R4/Patient/one", patient).await.0, StatusCode::CREATED);
    let before = server.events();

    server.is_full.store(true, Ordering::SeqCst);
    let (status, outcome) = server.send("PUT", "/fhir/R4/Patient/two", &patient.replace("one", "two")).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{outcome}");
    assert_eq!(outcome["issue"][0]["code"], "no-store");
    assert_eq!(server.send("GET", "/fhir/R4/Patient/one", "").await.0, StatusCode::OK);
    assert_eq!(server.send("GET", "/fhir/R4/Patient?_id=one", "").await.0, StatusCode::OK);
    assert_eq!(server.events(), before, "nothing can be written");
    assert_eq!(server.app.owed.len(), 3, "but it is not forgotten");

    server.is_full.store(false, Ordering::SeqCst);
    tokio::task::block_in_place(|| server.app.owed.settle(&server.app));
    assert_eq!(server.app.owed.len(), 0);
    assert_eq!(server.events(), before + 3);
    assert_eq!(server.send("PUT", "/fhir/R4/Patient/two", &patient.replace("one", "two")).await.0, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_route_table_is_reached_and_asks_who() {
    let server = Server::new();
    for route in crate::routes::ROUTES {
        let path = route.path.replace("{type}", "Patient").replace("{id}", "x").replace("{version}", "1");
        let request = Request::builder().method(route.method.as_str()).uri(&path).body(Body::empty()).unwrap();
        let status = server.router.clone().oneshot(request).await.unwrap().status();
        let is_open = route.access == crate::routes::Access::Open;
        let refused = status == StatusCode::UNAUTHORIZED;
        // The sign-in itself answers an empty body with 400.
        assert_ne!(refused, is_open, "{} {path}: {status}", route.method.as_str());
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_dropped_is_still_written_down() {
    let server = Server::new();
    let before = server.events();
    // A body that never ends: the client hangs up while it is awaited.
    let endless = Body::new(Never);
    let request = Request::builder()
        .method("POST")
        .uri("/fhir/R4/Patient")
        .header("authorization", format!("Bearer {}", server.token))
        .header("content-length", "100")
        .body(endless)
        .unwrap();
    let answering = server.router.clone().oneshot(request);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(50), answering).await;
    assert!(gone.is_err(), "nobody answers before the body is there");
    // The event is written by the audit thread; one that waits for its turn comes behind it.
    assert_eq!(server.send("GET", "/fhir/R4/Patient/none", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.events(), before + 2);
}

/// A body of which nothing ever arrives.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
