//! `kangmai demo`: a synthetic city on a fresh server. The feeds of its three senders go in as in earnest — HL7 v2 over MLLP,
//! documents and tables over HTTP, the tables of primary care through a watched folder — and then people can look.
//!
//! `--check` compares what the server then says, by its public interfaces only, with the truth that the generator wrote down.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use server::control::{self, Reply, Request};
use server::folder::Folder;
use server::{Options, Running};

use crate::cli::Demo;
use crate::serve::{runtime, stop_signal};
use crate::{Ended, speak};

mod accounts;
mod check;
mod compare;
mod dictionaries;
mod feeds;
mod found;
mod sample;
mod strangers;

use feeds::Doors;

/// The demo's tenant.
const TENANT: u32 = 1;

/// Of the rows that may be missing, the share that the check keeps back: about 0.1 % of all rows of the county hospital.
const WITHHELD_SHARE: f64 = 0.004;

/// Runs until it is interrupted; with `--check` until everything was compared.
pub fn run(arguments: &Demo) -> anyhow::Result<Ended> {
    if arguments.sample {
        return sample::run(arguments);
    }
    let place = Place::new(arguments.data.as_ref())?;
    let city = synth::Options {
        people: arguments.people,
        seed: arguments.seed,
        today: crate::synth::day(arguments.today.as_deref())?,
        years: arguments.years,
        out: place.work.join("city"),
        withheld_share: if arguments.check { WITHHELD_SHARE } else { 0.0 },
    };
    let summary = synth::make(&city)?;
    speak::words(format!(
        "a city of {} residents: {} messages, {} documents, {} rows, {} planted faults",
        summary.people, summary.messages, summary.documents, summary.rows, summary.faults
    ));
    let doors = Doors::register(&place)?;
    let options = place.options(arguments);
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut stop = std::pin::pin!(stop_signal()?);
        let running = server::start(options).await?;
        let (folder, address) = (place.folder.clone(), running.address);
        let arguments = arguments.clone();
        let mut work = tokio::task::spawn_blocking(move || fill(&folder, &doors, &city, address, &arguments));
        let ended = tokio::select! {
            filled = &mut work => filled.context("the demo could not be prepared")??,
            () = &mut stop => return end(running).await,
        };
        if let Some(ended) = ended {
            running.stop().await;
            return Ok(ended);
        }
        stop.await;
        end(running).await
    });
    // Who ends it while it still sends does not wait for what is being sent.
    runtime.shutdown_background();
    ended
}

/// Sends everything, and shows or checks. `Some`: there is nothing to wait for.
fn fill(
    folder: &Folder,
    doors: &Doors,
    city: &synth::Options,
    address: SocketAddr,
    arguments: &Demo,
) -> anyhow::Result<Option<Ended>> {
    let url = format!("http://{address}");
    dictionaries::send(doors, city, &url)?;
    let sent = feeds::send(doors, city, &url)?;
    speak::words(format!("everything is in: {} in {:.0} s", sent, sent.seconds));
    if arguments.check {
        let token = secret(folder, &accounts::reader())?;
        return check::run(doors, city, &url, &token, arguments.falsify).map(Some);
    }
    let logins = accounts::make(folder, city, &url)?;
    accounts::show(&url, &logins);
    Ok(None)
}

async fn end(running: Running) -> anyhow::Result<Ended> {
    running.stop().await;
    Ok(Ended::Well)
}

fn secret(folder: &Folder, request: &Request) -> anyhow::Result<String> {
    match control::ask(folder, request)? {
        Reply::Secret(secret) => Ok(secret),
        _ => bail!("the server answered something else than was asked"),
    }
}

/// Where the demo lies; a temporary place is removed at the end.
pub(super) struct Place {
    pub(super) folder: Folder,
    /// Beside the data: the feeds and the truth about them.
    pub(super) work: PathBuf,
    temporary: Option<PathBuf>,
}

impl Place {
    /// How a demo is served: on loopback, and every page says that the people are invented.
    pub(super) fn options(&self, arguments: &Demo) -> Options {
        Options {
            folder: self.folder.clone(),
            listen: arguments.listen,
            base_url: None,
            allow_plain_http: false,
            is_demo: true,
        }
    }

    pub(super) fn new(chosen: Option<&PathBuf>) -> anyhow::Result<Self> {
        if let Some(data) = chosen {
            if data.exists() {
                bail!("{} exists already; a demo starts in a fresh folder", data.display());
            }
            let mut work = data.clone().into_os_string();
            work.push(".feeds");
            return Ok(Self { folder: Folder::new(data, None), work: PathBuf::from(work), temporary: None });
        }
        let root = std::env::temp_dir().join(format!("kangmai-demo-{}", std::process::id()));
        std::fs::create_dir(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self { folder: Folder::new(&root.join("data"), None), work: root.join("feeds"), temporary: Some(root) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(root) = &self.temporary
            && let Err(error) = std::fs::remove_dir_all(root)
        {
            speak::words(format!("could not remove {}: {error}", root.display()));
        }
    }
}
