//! Starting and stopping: open the folder, bind the address, serve until told to stop, finish what was begun, close.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use model::SystemClock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::control;
use crate::folder::{Folder, FolderError};
use crate::inbox;
use crate::mllp;
use crate::reindexing::Reindexing;
use crate::router;

/// How long requests in flight may take after the stop signal. systemd sends SIGKILL after 90 s.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// How often chores are done; metric samples pile up in between.
const CHORES_EVERY: Duration = Duration::from_secs(5);

/// Rounds of chores between two snapshots of the identity indexes: after a crash, what came in half an hour is read again.
const ROUNDS_PER_SNAPSHOT: u32 = 360;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder and its key.
    pub folder: Folder,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Scheme, host and port that clients use when a gateway stands in front, without a final slash.
    pub base_url: Option<String>,
    /// Serve plain HTTP on an address that others can reach. There is no TLS in this program.
    pub allow_plain_http: bool,
    /// The data are invented; the portal says so on every page.
    pub is_demo: bool,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from outside and there is no TLS.
    #[error(
        "{0} can be reached from other machines, and this program speaks plain HTTP: tokens and records would travel in \
         clear. Listen on 127.0.0.1 and put a TLS gateway in front, or say --allow-plain-http if the line is protected otherwise"
    )]
    PlainHttp(SocketAddr),
    /// The data folder cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The records cannot be opened: the rule book inside the program is broken, or the index was written by other rules.
    #[error(transparent)]
    Records(#[from] records::OpenError),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The control socket cannot be made.
    #[error("cannot make the control socket {0}: {1}")]
    Control(PathBuf, std::io::Error),
}

/// A server that answers. Dropping it without [`Running::stop`] leaves it running until the process ends.
pub struct Running {
    /// The address that it listens on.
    pub address: SocketAddr,
    app: Arc<App>,
    folder: Folder,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    /// The MLLP ports.
    lines: JoinHandle<()>,
}

/// Opens the folder, binds the address and begins to answer.
pub async fn start(options: Options) -> Result<Running, ServeError> {
    if !options.listen.ip().is_loopback() && !options.allow_plain_http {
        return Err(ServeError::PlainHttp(options.listen));
    }
    // Bind first: two servers that were started twice by mistake should say "address in use", not "folder in use".
    let listener =
        TcpListener::bind(options.listen).await.map_err(|error| ServeError::Listen(options.listen, error))?;
    let address = listener.local_addr().map_err(|error| ServeError::Listen(options.listen, error))?;
    let folder = options.folder.clone();
    let store = tokio::task::block_in_place(|| folder.open())?;
    let app = App::new(store, Arc::new(SystemClock), options.base_url, options.is_demo)?;
    // Messages wait for it, for a while; everything else goes on.
    if let Err(error) = app.road.identity().begin_all() {
        tracing::error!(%error, "the identity indexes cannot be filled");
    }
    match app.records.needs_reindex() {
        Ok(true) => {
            tracing::warn!(
                "the search index was written with other search parameters, or a reindex was cut off: it is built anew"
            );
            if let Err(error) = Reindexing::begin(&app) {
                tracing::error!(%error, "the reindex cannot be started; say `kangmai admin reindex`");
            }
        }
        Ok(false) => {}
        Err(failure) => tracing::error!(%failure, "nobody knows whether the search index is up to date"),
    }
    let (stopping, stopped) = watch::channel(false);
    tidy_up(&app, stopped.clone());
    control::listen(Arc::clone(&app), &folder, stopped.clone())
        .map_err(|error| ServeError::Control(folder.control_socket(), error))?;
    let router = router::build(&app);
    let listener = listener.tap_io(|stream| {
        // Small answers must not wait for an acknowledgement of the one before (Nagle's algorithm).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
    });
    tokio::spawn(keep_house(Arc::clone(&app), stopped.clone()));
    let sources = app.road.sources().all().map_err(|error| folder.refused(error))?;
    tokio::spawn(inbox::watch_folders(Arc::clone(&app), sources.clone(), stopped.clone()));
    let lines = tokio::spawn(mllp::listen(Arc::clone(&app), sources, options.allow_plain_http, stopped.clone()));
    let serving = tokio::spawn(
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(until(stopped))
            .into_future(),
    );
    app.set_ready(true);
    tracing::info!(%address, "ready");
    Ok(Running { address, app, folder, stopping, serving, lines })
}

impl Running {
    /// Stops accepting, finishes the requests in flight (for half a minute at most), and closes the store.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.app.set_ready(false);
        self.stopping.send_replace(true);
        let drained = async { (self.serving.await, self.lines.await) };
        match tokio::time::timeout(DRAIN_MAX, drained).await {
            Ok((Ok(Ok(())), Ok(()))) => {}
            Ok(_) => tracing::error!("a listener ended with an error"),
            Err(_) => tracing::warn!("requests still in flight after the limit are dropped"),
        }
        if let Err(error) = std::fs::remove_file(self.folder.control_socket()) {
            tracing::debug!(%error, "the control socket was already gone");
        }
        tokio::task::block_in_place(|| {
            self.app.reindexing.stop();
            self.app.owed.settle(&self.app);
            self.app.road.identity().save_all();
            self.app.store.close();
        });
        tracing::info!("stopped");
    }
}

/// What earlier runs left to be done: gives back the room of originals whose commit failed, and goes on with a renewal of keys that was
/// cut off. On a thread of its own, because there may be much of it; the next start goes on where a stop ended it.
fn tidy_up(app: &Arc<App>, stopped: watch::Receiver<bool>) {
    let store = Arc::clone(&app.store);
    let tidy = move || {
        let goes_on = || !*stopped.borrow();
        match store.blobs().sweep(&goes_on) {
            Ok(swept) if swept.originals > 0 => {
                let (originals, bytes) = (swept.originals, swept.bytes);
                tracing::info!(originals, bytes, "originals that nothing refers to were removed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "originals that nothing refers to could not be removed"),
        }
        let rewrapped = store
            .needs_rewrap()
            .and_then(|is_needed| if is_needed { store.rewrap(&mut |_| goes_on()).map(Some) } else { Ok(None) });
        match rewrapped {
            Ok(Some(keys)) => tracing::info!(keys, "a renewal of keys that was cut off is complete"),
            Ok(None) | Err(store::StoreError::Closed) => {}
            Err(error) => tracing::warn!(%error, "a renewal of keys that was cut off could not be completed"),
        }
    };
    tokio::task::spawn_blocking(tidy);
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}

/// Small chores: fold metric samples, write audit events that waited for room on the disk.
async fn keep_house(app: Arc<App>, stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(CHORES_EVERY);
    let mut rounds = 0_u32;
    let end = until(stopped);
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                app.fold_metrics();
                rounds = rounds.wrapping_add(1);
                if rounds.is_multiple_of(ROUNDS_PER_SNAPSHOT) {
                    let app = Arc::clone(&app);
                    tokio::task::spawn_blocking(move || app.road.identity().save_all());
                }
                if app.owed.len() > 0 {
                    tokio::task::block_in_place(|| app.owed.settle(&app));
                }
            }
            () = &mut end => return,
        }
    }
}
