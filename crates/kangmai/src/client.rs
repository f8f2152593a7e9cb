//! A small HTTP client for `load` and `demo`.

use std::time::Duration;

use anyhow::{Context, bail};
use ureq::Agent;
use ureq::http::StatusCode;

/// How often a bundle is sent again when the server is busy.
const TRIES_MAX: u32 = 8;

/// A largest bundle on a slow machine.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(180);

/// One server, one token; keeps its connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    root: String,
    base: String,
    authorization: String,
}

/// What came back.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: String,
}

impl Client {
    /// A client of the server at `server` (`http://host:port`).
    pub fn new(server: &str, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WAIT_MAX))
            .max_idle_connections_per_host(64)
            .build()
            .into();
        let root = server.trim_end_matches('/').to_owned();
        let base = format!("{root}/fhir/R4");
        Self { agent, root, base, authorization: format!("Bearer {token}") }
    }

    /// Asks for a path.
    pub fn get(&self, path: &str) -> anyhow::Result<Reply> {
        let answer = self.agent.get(format!("{}{path}", self.root)).header("authorization", &self.authorization).call();
        let answer = answer.context("the server cannot be reached")?;
        let status = answer.status();
        let body =
            answer.into_body().into_with_config().limit(64 << 20).read_to_string().context("the answer broke off")?;
        Ok(Reply { status, body })
    }

    /// Sends one message of a source. `Err`: no answer came, so nobody knows whether it was taken; sending it again does no harm.
    pub fn post_message(&self, source: &str, name: &str, message: &[u8]) -> anyhow::Result<Reply> {
        let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string();
        let answer = self
            .agent
            .post(format!("{}/api/v1/sources/{source}/messages", self.root))
            .header("authorization", &self.authorization)
            .header("content-type", "application/octet-stream")
            .header("x-file-name", &name)
            .send(message)
            .context("the server cannot be reached")?;
        let status = answer.status();
        let body =
            answer.into_body().into_with_config().limit(16 << 20).read_to_string().context("the answer broke off")?;
        Ok(Reply { status, body })
    }

    /// Sends a bundle; waits and sends again while the server says that it is busy.
    pub fn post_bundle(&self, bundle: &[u8]) -> anyhow::Result<Reply> {
        for round in 0..TRIES_MAX {
            let reply = self
                .agent
                .post(&self.base)
                .header("authorization", &self.authorization)
                .header("content-type", "application/fhir+json")
                .header("prefer", "return=minimal")
                .send(bundle)
                .context("the server cannot be reached")?;
            let status = reply.status();
            let body = reply
                .into_body()
                .into_with_config()
                .limit(64 << 20)
                .read_to_string()
                .context("the answer broke off")?;
            let is_busy = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
            if !is_busy {
                return Ok(Reply { status, body });
            }
            std::thread::sleep(Duration::from_millis(200 << round.min(5)));
        }
        bail!("the server is busy and stayed so")
    }
}
