//! Starting the binary on a free port with a folder of its own, and talking to it.

pub mod scenario;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// How long anything may take on a loaded machine with two cores.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// The binary under test.
pub fn kangmai() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kangmai"))
}

/// A running server; killed when it is dropped.
pub struct Server {
    child: Child,
    pub url: String,
    pub data: PathBuf,
    log: Arc<Mutex<String>>,
    folder: Option<TempDir>,
}

impl Server {
    /// On a fresh folder.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_on(&folder.path().join("data"), &[]);
        server.folder = Some(folder);
        server
    }

    /// On a folder that stays when the server goes.
    pub fn start_on(data: &Path, extra: &[&str]) -> Self {
        let mut child = kangmai()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = sender.send(url.to_owned());
                }
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let Ok(url) = receiver.recv_timeout(WAIT_MAX) else {
            let _ = child.kill();
            panic!("the server did not start: {}", log.lock().unwrap());
        };
        Self { child, url, data: data.to_owned(), log, folder: None }
    }

    /// Everything it wrote on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// A token of a new machine account.
    pub fn machine(&self, name: &str, tenant: u32, scope: &str) -> String {
        let tenant = tenant.to_string();
        let output = self.admin(&["machine", name, "--tenant", &tenant, "--scope", scope]);
        stdout_of(&output)
    }

    /// A token of a new source.
    pub fn source(&self, name: &str, tenant: u32, institution: &str) -> String {
        let tenant = tenant.to_string();
        stdout_of(&self.admin(&["source", name, "--tenant", &tenant, "--institution", institution]))
    }

    /// The generated password of a new account.
    pub fn account(&self, name: &str, tenant: u32, role: &str, extra: &[&str]) -> String {
        let tenant = tenant.to_string();
        let mut arguments = vec!["account", name, "--tenant", &tenant, "--role", role];
        arguments.extend(extra);
        stdout_of(&self.admin(&arguments))
    }

    /// `kangmai admin …` on this server's folder.
    pub fn admin(&self, arguments: &[&str]) -> Output {
        kangmai().arg("admin").args(arguments).arg("--data").arg(&self.data).output().unwrap()
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait()
    }

    /// Waits for an end that was already asked for.
    pub fn terminate_or_ended(mut self) -> Option<i32> {
        self.wait()
    }

    /// Sends SIGKILL and waits.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn wait(&mut self) -> Option<i32> {
        let mut code = None;
        until("the server ends", || match self.child.try_wait().unwrap() {
            Some(status) => {
                code = status.code();
                true
            }
            None => false,
        });
        code
    }

    /// A client with this token.
    pub fn client(&self, token: &str) -> Client {
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(WAIT_MAX)).build().into();
        Client { agent, url: self.url.clone(), token: Some(token.to_owned()).filter(|token| !token.is_empty()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, without sleeping longer than a moment, until it is so.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The trimmed stdout of a command that must succeed.
pub fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

/// Runs a command with this text on its stdin.
pub fn with_stdin(command: &mut Command, text: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Sends requests with one token.
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

impl Client {
    pub fn send(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|error| error.to_string())?;
        let reply = self.agent.run(request).map_err(|error| error.to_string())?;
        let (parts, body) = reply.into_parts();
        let body = body.into_with_config().limit(256 << 20).read_to_string().map_err(|error| error.to_string())?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[]).unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let kind = if path.starts_with("/api") { "application/json" } else { "application/fhir+json" };
        let headers = [("content-type".to_owned(), kind.to_owned())];
        self.send("POST", path, &headers, body.to_string().as_bytes()).unwrap()
    }
}
