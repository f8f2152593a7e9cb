//! `kangmai serve`: start, wait for a signal, stop in order.

use anyhow::Context;
use server::Options;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Serve;
use crate::{Ended, speak};

/// Serves until SIGTERM or SIGINT.
pub fn run(arguments: &Serve) -> anyhow::Result<Ended> {
    let options = Options {
        folder: arguments.folder.folder(),
        listen: arguments.listen,
        base_url: arguments.base_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        allow_plain_http: arguments.allow_plain_http,
        is_demo: false,
    };
    runtime()?.block_on(async {
        let stop = stop_signal()?;
        let running = server::start(options).await?;
        speak::words(format!("listening on http://{}", running.address));
        stop.await;
        running.stop().await;
        Ok(Ended::Well)
    })
}

/// The runtime of a server: one thread per core; heavy work takes further threads while it lasts.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")
}

/// Ends with the first signal to stop. Made before the server starts, so that no signal is missed.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
