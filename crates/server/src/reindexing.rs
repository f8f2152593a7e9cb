//! The reindex of a running server: a thread of its own, begun by an administrator or because the index was written with other
//! search parameters than this program's; searches are answered by the old generation until it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use records::{Progress, ReindexError};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::control;

/// How a reindex stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether it is at work.
    pub is_running: bool,
    /// Resources in the new generation, as far as this run put them there.
    pub done: u64,
    /// About how many there are.
    pub about: u64,
    /// How the newest one ended: words, and whether it ended well; `None` when none did since the start of the server.
    pub ended: Option<(bool, String)>,
}

/// The reindex of this process.
#[derive(Debug, Default)]
pub(crate) struct Reindexing {
    done: AtomicU64,
    about: AtomicU64,
    is_stopping: AtomicBool,
    ended: Mutex<Option<(bool, String)>>,
    /// Whether a thread is at work and will still look whether more is to be done.
    is_busy: Mutex<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Reindexing {
    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        let (is_begun, is_running) = {
            let thread = self.thread.lock();
            (thread.is_some(), is_running(thread.as_ref()))
        };
        let mut ended = self.ended.lock().clone();
        if is_begun && !is_running && ended.is_none() {
            ended = Some((false, "it failed inside the program; the log says more".to_owned()));
        }
        let (done, about) = (self.done.load(Ordering::Relaxed), self.about.load(Ordering::Relaxed));
        Standing { is_running, done, about, ended }
    }

    /// Begins one when none is at work; otherwise that one goes on.
    pub(crate) fn begin(app: &Arc<App>) -> std::io::Result<()> {
        let mine = &app.reindexing;
        let mut thread = mine.thread.lock();
        let mut is_busy = mine.is_busy.lock();
        // A thread that panicked is not at work, whatever it said before.
        if mine.is_stopping.load(Ordering::Acquire) || (*is_busy && is_running(thread.as_ref())) {
            return Ok(());
        }
        *mine.ended.lock() = None;
        let worker = Arc::clone(app);
        *thread = Some(std::thread::Builder::new().name("reindex".to_owned()).spawn(move || work_on(&worker))?);
        *is_busy = true;
        Ok(())
    }

    /// Ends it between two commits, and waits for that; the next start goes on with it.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the reindex thread panicked");
        }
    }
}

/// Builds until nothing is left to build: a search parameter may have been defined meanwhile.
fn work_on(app: &App) {
    loop {
        let is_built = work(app);
        let mut is_busy = app.reindexing.is_busy.lock();
        let is_more = is_built && matches!(app.records.needs_reindex(), Ok(true));
        if !is_more || app.reindexing.is_stopping.load(Ordering::Acquire) {
            *is_busy = false;
            return;
        }
    }
}

/// One reindex; whether it came to its end.
fn work(app: &App) -> bool {
    let mine = &app.reindexing;
    tracing::info!("the search index is being built anew; the old one answers until then");
    let result = app.records.reindex(&mut |Progress { done, about }| {
        mine.done.store(done, Ordering::Relaxed);
        mine.about.store(about.max(done), Ordering::Relaxed);
        !mine.is_stopping.load(Ordering::Acquire)
    });
    let ended = match result {
        // The next start goes on with it.
        Err(ReindexError::Stopped) => {
            *mine.ended.lock() = Some((false, ReindexError::Stopped.to_string()));
            return false;
        }
        Ok(done) => {
            tracing::info!(generation = done.generation, resources = done.resources, "the new search index answers");
            Ok(words(&done))
        }
        Err(error) => {
            tracing::error!(%error, "the search index could not be built anew; the old one goes on answering");
            Err(error.to_string())
        }
    };
    control::note_reindex(app, ended.clone().map(|_| ()));
    let is_built = ended.is_ok();
    *mine.ended.lock() = Some(ended.map_or_else(|why| (false, why), |words| (true, words)));
    is_built
}

fn is_running(thread: Option<&JoinHandle<()>>) -> bool {
    thread.is_some_and(|thread| !thread.is_finished())
}

/// What a reindex did, for people.
pub(crate) fn words(done: &records::Reindexed) -> String {
    let continued = if done.is_continued { ", going on with one that was cut off" } else { "" };
    format!("generation {} answers; {} resources were read{continued}", done.generation, done.resources)
}
