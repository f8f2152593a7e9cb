//! What a running server holds: the rooms below, the sessions, and its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::{HeaderMap, header};
use care::Grounds;
use intake::Road;
use metrics_exporter_prometheus::PrometheusHandle;
use model::Clock;
use records::{OpenError, Records};
use store::Store;
use tokio::sync::Semaphore;

use crate::audit::Owed;
use crate::fhir::match_::MatchLimits;
use crate::reindexing::Reindexing;
use crate::sessions::Sessions;
use crate::{metrics, negotiate};

/// Memory for bodies in flight, in KiB: one largest bundle and some small requests at the same time. A parsed bundle takes
/// several times its size, so this is what bounds the memory of the process.
const BODY_BUDGET_KIBIBYTES: usize = 48 << 10;

/// Bundles worked on at the same time, beyond one per core: while one waits for the committer, another keeps its core busy.
/// More would only hold more parsed bundles in memory.
const BUNDLES_BEYOND_CORES: usize = 1;

/// Sign-ins checked at the same time: each takes 19 MiB.
const SIGN_INS_MAX: usize = 2;

/// A running server.
pub struct App {
    pub(crate) records: Arc<Records>,
    pub(crate) road: Road,
    pub(crate) grounds: Grounds,
    /// Signatures of launches that were used.
    pub(crate) launches: crate::api::launch::Used,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: Sessions,
    pub(crate) body_budget: Arc<Semaphore>,
    pub(crate) sign_ins: Semaphore,
    pub(crate) bundles: Semaphore,
    pub(crate) owed: Owed,
    pub(crate) reindexing: Reindexing,
    pub(crate) match_limits: MatchLimits,
    /// The data are invented, and every page says so.
    pub(crate) is_demo: bool,
    /// The address that clients use, when a gateway stands in front.
    base_url: Option<String>,
    prometheus: Option<PrometheusHandle>,
    ready: AtomicBool,
    pub(crate) started_ms: i64,
    requests: AtomicU64,
}

impl App {
    /// A server over an open store. `base_url` is scheme, host and port without a final slash.
    pub fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        base_url: Option<String>,
        is_demo: bool,
    ) -> Result<Arc<Self>, OpenError> {
        let records = Arc::new(Records::new(Arc::clone(&store), Arc::clone(&clock))?);
        let road = Road::new(Arc::clone(&records), Arc::clone(&store), Arc::clone(&clock));
        let grounds = Grounds::new(Arc::clone(&records), Arc::clone(&store), Arc::clone(&clock));
        Ok(Arc::new(Self {
            records,
            road,
            grounds,
            launches: crate::api::launch::Used::default(),
            store,
            sessions: Sessions::default(),
            body_budget: Arc::new(Semaphore::new(BODY_BUDGET_KIBIBYTES)),
            sign_ins: Semaphore::new(SIGN_INS_MAX),
            bundles: Semaphore::new(cores() + BUNDLES_BEYOND_CORES),
            owed: Owed::default(),
            reindexing: Reindexing::default(),
            match_limits: MatchLimits::default(),
            is_demo,
            base_url,
            prometheus: metrics::handle(),
            ready: AtomicBool::new(false),
            started_ms: clock.now_ms(),
            requests: AtomicU64::new(0),
            clock,
        }))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Milliseconds since the server was started.
    pub(crate) fn running_ms(&self) -> i64 {
        self.now_ms().saturating_sub(self.started_ms)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// An id for a request that brought none: unique in this data folder as long as the clock goes forward.
    pub(crate) fn next_request_id(&self) -> String {
        format!("{:x}-{:x}", self.started_ms, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The address that this client used, for links in replies.
    pub(crate) fn host_url(&self, headers: &HeaderMap) -> String {
        if let Some(base_url) = &self.base_url {
            return base_url.clone();
        }
        let host = negotiate::text(headers, header::HOST).filter(|host| {
            host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        });
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// The address of the FHIR face for work that no HTTP client asked for.
    pub(crate) fn own_url(&self) -> String {
        format!("{}/fhir/R4", self.base_url.as_deref().unwrap_or("http://localhost"))
    }

    /// The numbers of this process in Prometheus text form.
    pub(crate) fn metrics_text(&self) -> String {
        let Some(prometheus) = &self.prometheus else { return String::new() };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
        {
            metrics::level("kangmai_sessions", self.sessions.len() as f64);
            metrics::level("kangmai_audit_events_owed", self.owed.len() as f64);
            let reindex = self.reindexing.standing();
            metrics::level("kangmai_reindex_running", f64::from(u8::from(reindex.is_running)));
            metrics::level("kangmai_reindex_resources_done", reindex.done as f64);
            metrics::level("kangmai_reindex_resources_about", reindex.about as f64);
            metrics::level("kangmai_running_seconds", (self.running_ms() / 1000) as f64);
            metrics::level("kangmai_body_budget_free_kibibytes", self.body_budget.available_permits() as f64);
            if let Some(kibibytes) = resident_kibibytes() {
                metrics::level("process_resident_memory_bytes", kibibytes as f64 * 1024.0);
            }
        }
        prometheus.render()
    }

    /// Folds recorded samples together; without it they pile up until somebody asks for the metrics.
    pub(crate) fn fold_metrics(&self) {
        if let Some(prometheus) = &self.prometheus {
            prometheus.run_upkeep();
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Resident memory of this process, where the system says so.
pub(crate) fn resident_kibibytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
