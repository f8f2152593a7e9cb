//! What an administrator on the machine itself can ask, whether or not a server runs: the same request goes over
//! `DIR/control.sock` to the server that holds the folder, or is applied to the folder directly when none does.
//!
//! The socket has mode 0600: whoever can connect to it could also read the key file. One request is one line of JSON, and so
//! is the reply.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, TenantId};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::app::App;
use crate::folder::{Folder, FolderError};
use crate::reindexing::{self, Reindexing, Standing};

mod apply;
mod search_parameters;
mod verify;

pub use search_parameters::SearchParameterLine;

/// The longest request or reply, in bytes: a list of some ten thousand accounts.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// How long an administrator waits for a running server; a backup of a large folder is the slowest request.
const REPLY_WAIT_MAX: Duration = Duration::from_mins(10);

/// How often the progress of a reindex is asked for.
const STANDING_EVERY: Duration = Duration::from_millis(500);

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Makes a machine account, or gives an existing one a new token; answers [`Reply::Secret`].
    Machine {
        /// The account's name.
        name: String,
        /// Its tenant.
        tenant: u32,
        /// SMART scopes, for example `system/*.cruds`.
        scope: String,
        /// An existing account gets a new token and this scope; without it an existing name is refused.
        renew: bool,
    },
    /// Makes an account for a person who works here (or a resident).
    Account {
        /// The sign-in name.
        name: String,
        /// What others read.
        display_name: Option<String>,
        /// The role's code.
        role: String,
        /// The tenant.
        tenant: u32,
        /// The institution it speaks for.
        institution: Option<String>,
        /// SMART scopes; absent means the usual ones of the role.
        scope: Option<String>,
        /// The department that a clinician works in.
        #[serde(default)]
        department: Option<String>,
        /// The staff number of a clinician.
        #[serde(default)]
        staff_number: Option<String>,
        /// Ids of the Patients that a resident's account is bound to.
        patients: Vec<String>,
        /// Family members whom a resident acts for: `PATIENT-ID:RELATION`, with `:YYYY-MM-DD` when it ends.
        #[serde(default)]
        proxies: Vec<String>,
        /// The password; absent means that one is made and answered as [`Reply::Secret`].
        password: Option<Password>,
    },
    /// Registers a source with its machine account, or changes it; answers [`Reply::Secret`] with the account's token the first
    /// time.
    Source {
        /// Its tenant.
        tenant: u32,
        /// The source; its number is given by the platform.
        source: intake::Source,
    },
    /// Closes an account: its token and its password stop working at once.
    Disable {
        /// The account's name.
        name: String,
        /// Its tenant.
        tenant: u32,
    },
    /// The key by which an institution's screens sign a launch; answers [`Reply::Secret`].
    LaunchKey {
        /// Its tenant.
        tenant: u32,
        /// The code of the institution.
        institution: String,
    },
    /// Adds a custom search parameter; answers [`Reply::Text`].
    AddSearchParameter {
        /// Whose.
        tenant: u32,
        /// A FHIR `SearchParameter` in JSON.
        definition: String,
    },
    /// Retires one; answers [`Reply::Text`].
    RetireSearchParameter {
        /// Whose.
        tenant: u32,
        /// Its code or its URL.
        name: String,
    },
    /// Lists them; answers [`Reply::SearchParameters`].
    ListSearchParameters {
        /// Whose.
        tenant: u32,
    },
    /// Lists accounts; answers [`Reply::Accounts`].
    List {
        /// Whose accounts.
        tenant: u32,
    },
    /// Signs a checkpoint of an audit log; answers [`Reply::Text`].
    Checkpoint {
        /// The tenant whose log it is.
        tenant: u32,
    },
    /// Reads a whole audit log and compares it with its checkpoints; answers [`Reply::Verdict`].
    VerifyAudit {
        /// The tenant whose log it is.
        tenant: u32,
        /// The text of a checkpoint that was kept elsewhere.
        anchor: Option<String>,
    },
    /// Accepts the key in this file as well, until the renewal; answers [`Reply::Done`].
    AcceptKey {
        /// The key file as it is.
        key_file: PathBuf,
        /// The new key file.
        new_key_file: PathBuf,
    },
    /// Renews the keys: the key in this file alone opens the folder; answers [`Reply::Text`].
    RenewKeys {
        /// The key file, which holds the new key by now.
        key_file: PathBuf,
    },
    /// Begins to build the search index anew, or finds one at work; answers [`Reply::Reindex`]. Only a server that runs takes it; without
    /// one [`reindex`] works on the folder itself.
    Reindex,
    /// How far that is; answers [`Reply::Reindex`].
    ReindexStanding,
    /// Reads everything in the folder; answers [`Reply::Findings`].
    VerifyStore,
    /// Makes a consistent copy of the folder; answers [`Reply::Text`].
    Backup {
        /// The tenant in whose log it is written down.
        tenant: u32,
        /// A directory that does not exist yet.
        directory: PathBuf,
    },
}

/// A password on its way to being hashed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

/// What is answered.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// A new token or password; shown this once.
    Secret(String),
    /// Every account.
    Accounts(Vec<AccountLine>),
    /// Every custom search parameter.
    SearchParameters(Vec<SearchParameterLine>),
    /// Text to be printed as it is.
    Text(String),
    /// What the verification of an audit log found.
    Verdict {
        /// Events that are there.
        events: u64,
        /// Checkpoints that hold.
        checkpoints: u64,
        /// Events that the newest of them promises.
        proven: u64,
        /// What is wrong.
        findings: Vec<String>,
    },
    /// How a reindex stands.
    Reindex(Standing),
    /// What is damaged; empty when nothing is.
    Findings(Vec<String>),
    /// Done, nothing to show.
    Done,
    /// Not done, and why.
    Refused(String),
}

/// One line of the list of accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountLine {
    /// The name.
    pub name: String,
    /// What others read.
    pub display_name: String,
    /// The role's code.
    pub role: String,
    /// The tenant.
    pub tenant: u32,
    /// The grants as scopes.
    pub scope: String,
    /// Whether it is closed.
    pub disabled: bool,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No server answers and the folder cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A server holds the folder and the conversation with it broke.
    #[error("the running server did not answer: {0}")]
    Conversation(String),
    /// Refused.
    #[error("{0}")]
    Refused(String),
}

/// Asks the server that holds the folder, or the folder itself.
pub fn ask(folder: &Folder, request: &Request) -> Result<Reply, ControlError> {
    let stream = folder.control_door().and_then(|(_open, door)| UnixStream::connect(door));
    let reply = if let Ok(stream) = stream {
        converse(stream, request).map_err(|error| ControlError::Conversation(error.to_string()))?
    } else {
        // No socket, or one that a killed server left behind: the lock of the store decides.
        let store = folder.open()?;
        let reply = apply::apply(&store, Arc::new(model::SystemClock), request);
        store.close();
        reply
    };
    match reply {
        Reply::Refused(why) => Err(ControlError::Refused(why)),
        reply => Ok(reply),
    }
}

/// Renews the master key and what is wrapped under it: in the server that holds the folder, or in this process when none does
/// (decision 0012 says what happens when it is cut off). Returns words for people, and where the old key is kept.
///
/// # Errors
/// What stopped it; say it again to go on.
pub fn renew_keys(folder: &Folder) -> Result<(String, PathBuf), ControlError> {
    let absolute =
        |path: &std::path::Path| std::path::absolute(path).map_err(|error| FolderError::Io(path.to_owned(), error));
    let new = absolute(&folder.make_new_key()?)?;
    let key_file = absolute(&folder.key_file)?;
    ask(folder, &Request::AcceptKey { key_file: key_file.clone(), new_key_file: new })?;
    let kept = folder.take_new_key(model::SystemClock.now_ms())?;
    let reply = ask(folder, &Request::RenewKeys { key_file })?;
    let Reply::Text(words) = reply else {
        return Err(ControlError::Conversation("an unexpected reply".to_owned()));
    };
    Ok((words, kept))
}

fn begin_reindex(app: &Arc<App>) -> Result<Reply, String> {
    Reindexing::begin(app).map_err(|error| error.to_string())?;
    Ok(Reply::Reindex(app.reindexing.standing()))
}

/// Writes down how a reindex of this server ended, whoever began it.
pub(crate) fn note_reindex(app: &App, ended: Result<(), String>) -> Reply {
    apply::noted(&app.store, &*app.clock, &Request::Reindex, ended.map(|()| Reply::Done))
}

/// Builds the search index anew: in the server that holds the folder, while it goes on serving, or in this process when none does.
/// `report` is told how far it is. Returns words for people.
///
/// # Errors
/// What stopped it; the next one goes on there.
pub fn reindex(folder: &Folder, report: &mut dyn FnMut(u64, u64)) -> Result<String, ControlError> {
    let connect = || folder.control_door().and_then(|(_open, door)| UnixStream::connect(door)).ok();
    let Some(stream) = connect() else {
        let store = folder.open()?;
        let result = reindex_folder(&store, report);
        let reply = apply::noted(&store, &model::SystemClock, &Request::Reindex, result.map(Reply::Text));
        store.close();
        return match reply {
            Reply::Text(words) => Ok(words),
            Reply::Refused(why) => Err(ControlError::Refused(why)),
            _ => Err(ControlError::Conversation("an unexpected reply".to_owned())),
        };
    };
    let broken = |error: std::io::Error| ControlError::Conversation(error.to_string());
    let mut reply = converse(stream, &Request::Reindex).map_err(broken)?;
    loop {
        let standing = match reply {
            Reply::Reindex(standing) => standing,
            Reply::Refused(why) => return Err(ControlError::Refused(why)),
            _ => return Err(ControlError::Conversation("an unexpected reply".to_owned())),
        };
        match standing {
            Standing { is_running: false, ended: Some((true, words)), .. } => return Ok(words),
            Standing { is_running: false, ended, .. } => {
                let why = ended.map_or_else(|| "it did not begin: the server is stopping".to_owned(), |(_, why)| why);
                return Err(ControlError::Refused(why));
            }
            Standing { done, about, .. } => report(done, about),
        }
        std::thread::sleep(STANDING_EVERY);
        let gone =
            || ControlError::Conversation("the server is gone; the reindex goes on with its next start".to_owned());
        reply = converse(connect().ok_or_else(gone)?, &Request::ReindexStanding).map_err(broken)?;
    }
}

fn reindex_folder(store: &Arc<store::Store>, report: &mut dyn FnMut(u64, u64)) -> Result<String, String> {
    let records = records::Records::for_reindex(Arc::clone(store), Arc::new(model::SystemClock));
    let records = records.map_err(|error| error.to_string())?;
    let done = records.reindex(&mut |progress| {
        report(progress.done, progress.about.max(progress.done));
        true
    });
    done.map(|done| reindexing::words(&done)).map_err(|error| error.to_string())
}

fn converse(mut stream: UnixStream, request: &Request) -> std::io::Result<Reply> {
    stream.set_read_timeout(Some(REPLY_WAIT_MAX))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(std::io::Read::take(stream, LINE_BYTES_MAX)).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}

/// Listens on the control socket until the server stops.
pub(crate) fn listen(app: Arc<App>, folder: &Folder, stopped: watch::Receiver<bool>) -> std::io::Result<()> {
    let (_open, path) = folder.control_door()?;
    // The store's lock is ours by now, so a socket that is still there belongs to a server that was killed.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(accept(app, listener, stopped));
    Ok(())
}

async fn accept(app: Arc<App>, listener: UnixListener, mut stopped: watch::Receiver<bool>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the control socket refused a connection");
                    continue;
                }
            },
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        tokio::spawn(answer(Arc::clone(&app), stream));
    }
}

async fn answer(app: Arc<App>, stream: tokio::net::UnixStream) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let read = tokio::io::BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await;
    if read.is_err() || line.is_empty() {
        return;
    }
    let work = tokio::task::spawn_blocking(move || match serde_json::from_str(&line) {
        Ok(Request::ReindexStanding) => Reply::Reindex(app.reindexing.standing()),
        Ok(Request::Reindex) => match begin_reindex(&app) {
            Ok(standing) => standing,
            Err(why) => note_reindex(&app, Err(why)),
        },
        Ok(
            request @ (Request::AddSearchParameter { .. }
            | Request::RetireSearchParameter { .. }
            | Request::ListSearchParameters { .. }),
        ) => search_parameters::in_server(&app, &request),
        Ok(request) => apply::apply(&app.store, Arc::clone(&app.clock), &request),
        Err(_) => {
            Reply::Refused("this server does not know the request; is the program of another version?".to_owned())
        }
    });
    let reply = work.await.unwrap_or_else(|_| Reply::Refused("the request failed inside the server".to_owned()));
    if let Ok(mut text) = serde_json::to_vec(&reply) {
        text.push(b'\n');
        // The administrator may have given up waiting; there is nobody left to tell.
        let _gone = writer.write_all(&text).await;
    }
}

fn tenant(number: u32) -> Result<TenantId, String> {
    if number == 0 {
        Err("tenant 0 is the platform itself; choose 1 or above".to_owned())
    } else {
        Ok(TenantId(number))
    }
}
