//! Messages that do not come over HTTP: from a watched folder, from an MLLP connection. They take the same road under the same
//! account, and leave the same audit event before anybody is told that they were taken.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intake::{Delivery, Receipt, Source};
use model::{ErrorCode, Failure, Home, TenantId};
use records::Caller;
use tokio::sync::watch;
use trust::{AuditAction, AuditEvent, Outcome};

use crate::app::App;

/// How often a folder is looked at. A file is taken when it has not changed between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The largest file that is taken from a folder, as over HTTP.
const FILE_BYTES_MAX: u64 = crate::attach::BODY_BYTES_MAX as u64;

/// Files that a sender is still writing, or that are ours.
const UNFINISHED: [&str; 4] = ["tmp", "part", "partial", "receipt"];

/// How a message came, for the audit log.
#[derive(Debug, Clone, Copy)]
pub struct Way<'w> {
    /// `mllp` or `folder`.
    pub route: &'static str,
    /// The address of the sender, if there is one.
    pub remote: Option<std::net::IpAddr>,
    /// The name of the file, if there is one.
    pub name: Option<&'w str>,
    /// The form, if the way decides it.
    pub form: Option<intake::Form>,
}

/// Takes a message in under the account of its source. When this returns, receipt and audit event are durable.
///
/// # Errors
/// As [`intake::Road::receive`]; `Forbidden` when the source or its account is switched off.
pub async fn deliver(
    app: &Arc<App>,
    tenant: TenantId,
    source: &Source,
    way: Way<'_>,
    bytes: &[u8],
) -> Result<Receipt, Failure> {
    let request_id = app.next_request_id();
    let received = receive(app, tenant, source, way, bytes, &request_id).await;
    let outcome = match &received {
        Ok(_) => Outcome::Success,
        Err(failure) if failure.code == ErrorCode::Forbidden => Outcome::Denied,
        Err(failure) if failure.code.status() >= 500 => Outcome::Failed,
        Err(_) => Outcome::Refused,
    };
    let mut event = AuditEvent::new(app.now_ms(), request_id, tenant, AuditAction::MessageReceived, outcome);
    event.actor.clone_from(&source.account);
    event.role = Some(trust::Role::Machine);
    event.institution = Some(source.institution.clone());
    event.route = format!("{} {}", way.route, source.name);
    event.remote = way.remote.map(|remote| remote.to_string());
    match &received {
        Ok(receipt) => {
            event.detail = Some(format!("{} {}", receipt.message_type, receipt.id));
            event.resources = receipt.counts.created + receipt.counts.updated;
            event.disclosed = receipt.registrations.iter().copied().map(Home).collect();
        }
        Err(failure) => event.detail = Some(failure.code.code().to_owned()),
    }
    let (tell, written) = tokio::sync::oneshot::channel();
    app.store.audit().submit(&event, Box::new(move |result| drop(tell.send(result))));
    match written.await {
        Ok(Ok(())) => received,
        Ok(Err(error)) => Err(crate::caller::store_failure(&error)),
        Err(_) => Err(Failure::new(ErrorCode::NotReady, "the server is closing")),
    }
}

async fn receive(
    app: &Arc<App>,
    tenant: TenantId,
    source: &Source,
    way: Way<'_>,
    bytes: &[u8],
    request_id: &str,
) -> Result<Receipt, Failure> {
    if !source.is_enabled {
        return Err(Failure::new(ErrorCode::Forbidden, "the source is switched off"));
    }
    let account = app.store.accounts().by_name(tenant, &source.account);
    let account = account.map_err(|error| crate::caller::store_failure(&error))?;
    let account = account.filter(|account| !account.disabled);
    let account = account.ok_or_else(|| Failure::new(ErrorCode::Forbidden, "the account of the source is closed"))?;
    let actor = account.actor();
    let duty = trust::may(&actor, trust::Duty::SendMessages, None);
    if !duty.allow {
        return Err(Failure::new(ErrorCode::Forbidden, duty.en));
    }
    let purpose = trust::policy::usual_purpose(actor.role);
    let filter = trust::scope(&actor, purpose).map_err(|denied| Failure::new(ErrorCode::Forbidden, denied.en))?;
    let caller =
        Caller { actor, purpose, filter, base_url: app.own_url(), strict: true, request_id: request_id.to_owned() };
    let Ok(_turn) = app.bundles.acquire().await else {
        return Err(Failure::new(ErrorCode::NotReady, "the server is closing"));
    };
    let delivery = Delivery { bytes, name: way.name, form: way.form };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| runtime.block_on(app.road.receive(&caller, source, delivery)))
}

/// Looks at the folders of all sources until the server stops.
pub async fn watch_folders(app: Arc<App>, sources: Vec<(TenantId, Source)>, mut stopped: watch::Receiver<bool>) {
    let watched: Vec<(TenantId, Source, PathBuf)> = sources
        .into_iter()
        .filter_map(|(tenant, source)| source.folder.clone().map(|folder| (tenant, source, folder)))
        .collect();
    if watched.is_empty() {
        return;
    }
    let mut seen: Vec<std::collections::HashMap<PathBuf, (u64, std::time::SystemTime)>> =
        vec![std::collections::HashMap::new(); watched.len()];
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        for ((tenant, source, folder), seen) in watched.iter().zip(&mut seen) {
            for path in settled(folder, seen) {
                if *stopped.borrow() {
                    return;
                }
                take_file(&app, *tenant, source, folder, &path).await;
            }
        }
    }
}

/// The files of a folder that have not changed since the last look, in the order of their names.
fn settled(folder: &Path, seen: &mut std::collections::HashMap<PathBuf, (u64, std::time::SystemTime)>) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        tracing::warn!(folder = %folder.display(), "a watched folder cannot be listed");
        return Vec::new();
    };
    let mut now = std::collections::HashMap::new();
    let mut ready = Vec::new();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_unfinished = path.extension().is_some_and(|it| UNFINISHED.iter().any(|known| it == *known));
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if !meta.is_file() || is_hidden || is_unfinished {
            continue;
        }
        let state = (meta.len(), meta.modified().unwrap_or(std::time::SystemTime::UNIX_EPOCH));
        if seen.get(&path) == Some(&state) {
            ready.push(path.clone());
        }
        now.insert(path, state);
    }
    *seen = now;
    ready.sort();
    ready
}

/// Takes one file, and moves it to `done` or `set-aside` with its receipt beside it. A file that could not be taken stays, and
/// is tried again at the next look.
async fn take_file(app: &Arc<App>, tenant: TenantId, source: &Source, folder: &Path, path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let too_large = std::fs::metadata(path).is_ok_and(|meta| meta.len() > FILE_BYTES_MAX);
    if too_large {
        tracing::warn!(source = %source.name, "a file in the watched folder is larger than {FILE_BYTES_MAX} bytes; send it with `kangmai ingest`");
        move_to(folder, "too-large", path, &name);
        return;
    }
    let Ok(bytes) = std::fs::read(path) else { return };
    let way = Way { route: "folder", remote: None, name: Some(&name), form: None };
    match deliver(app, tenant, source, way, &bytes).await {
        Ok(receipt) => {
            let room = if receipt.outcome == intake::Outcome::SetAside { "set-aside" } else { "done" };
            if let Some(target) = move_to(folder, room, path, &name)
                && let Ok(text) = serde_json::to_vec_pretty(&receipt)
            {
                let mut beside = target.into_os_string();
                beside.push(".receipt");
                if let Err(error) = std::fs::write(PathBuf::from(beside), text) {
                    tracing::warn!(%error, "a receipt cannot be written beside its file");
                }
            }
        }
        Err(failure) => tracing::warn!(source = %source.name, code = failure.code.code(), "a file stays in its folder"),
    }
}

fn move_to(folder: &Path, room: &str, path: &Path, name: &str) -> Option<PathBuf> {
    let room = folder.join(room);
    let mut target = room.join(name);
    let mut number = 1;
    while target.exists() {
        number += 1;
        target = room.join(format!("{name}.{number}"));
    }
    match std::fs::create_dir_all(&room).and_then(|()| std::fs::rename(path, &target)) {
        Ok(()) => Some(target),
        Err(error) => {
            tracing::error!(%error, "a file that was taken cannot be moved; it will be recognised when it comes again");
            None
        }
    }
}
