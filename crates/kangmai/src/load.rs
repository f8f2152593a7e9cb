//! `kangmai load`: bundles from files, sent by several clients at the same time.
//!
//! Synthea writes institutions and staff into files of their own, and the patients' bundles refer to them by condition: files
//! whose names begin with (digits and) `hospital` or `practitioner` go first, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cli::Load;
use crate::client::Client;
use crate::{Ended, speak};

/// A file unpacks to at most this: twice what the server takes, so that the refusal comes from the server.
const FILE_BYTES_MAX: usize = 64 << 20;

/// What was loaded so far.
#[derive(Debug, Default)]
pub struct Progress {
    resources: AtomicU64,
    files: AtomicUsize,
    refused: AtomicUsize,
}

/// The figures at the end.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    /// Entries of the bundles that were taken.
    pub resources: u64,
    /// Files taken.
    pub files: usize,
    /// Files refused.
    pub refused: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Loads and says how fast.
pub fn run(arguments: &Load) -> anyhow::Result<Ended> {
    let token = token(arguments.token_file.as_deref())?;
    let client = Client::new(&arguments.server, &token);
    let loaded = load(&client, &arguments.paths, usize::from(arguments.clients))?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = loaded.resources as f64 / loaded.seconds.max(0.001);
    let Loaded { resources, files, refused, seconds } = loaded;
    speak::data(format!(
        "files={files} refused={refused} resources={resources} seconds={seconds:.2} per_second={rate:.0}"
    ));
    Ok(if refused == 0 { Ended::Well } else { Ended::WithFindings })
}

/// Sends every bundle under `paths` with `clients` clients.
///
/// # Errors
/// When nothing is found, or the server cannot be reached.
pub fn load(client: &Client, paths: &[PathBuf], clients: usize) -> anyhow::Result<Loaded> {
    let files = find(paths)?;
    if files.is_empty() {
        bail!("no .json or .json.zst file there");
    }
    let (first, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| goes_first(path));
    let progress = Progress::default();
    let started = Instant::now();
    let total = first.len() + rest.len();
    send_all(client, &first, 1, &progress, total)?;
    send_all(client, &rest, clients, &progress, total)?;
    Ok(Loaded {
        resources: progress.resources.into_inner(),
        files: progress.files.into_inner(),
        refused: progress.refused.into_inner(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn send_all(
    client: &Client,
    files: &[PathBuf],
    clients: usize,
    progress: &Progress,
    total: usize,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let is_broken = AtomicBool::new(false);
    let worker = || -> anyhow::Result<()> {
        while !is_broken.load(Ordering::Relaxed) {
            let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            send(client, path, progress, total).inspect_err(|_| is_broken.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a client ended early"))??;
        }
        Ok(())
    })
}

fn send(client: &Client, path: &Path, progress: &Progress, total: usize) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bundle = read(path)?;
    let entries = count_entries(&bundle).with_context(|| format!("{name} is not a bundle"))?;
    let reply = client.post_bundle(&bundle).with_context(|| name.to_string())?;
    if reply.status.is_success() {
        progress.resources.fetch_add(entries, Ordering::Relaxed);
        let done = progress.files.fetch_add(1, Ordering::Relaxed) + 1;
        speak::words(format!("{done}/{total} {name}: {entries} resources"));
    } else {
        progress.refused.fetch_add(1, Ordering::Relaxed);
        let why: String = reply.body.chars().take(600).collect();
        speak::words(format!("refused {name}: {} {why}", reply.status));
    }
    Ok(())
}

/// The text of a file, unpacked when its name ends in `.zst`.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "zst") {
        return zstd::bulk::decompress(&bytes, FILE_BYTES_MAX)
            .or_else(|_| zstd::decode_all(bytes.as_slice()))
            .with_context(|| format!("{} does not unpack", path.display()));
    }
    Ok(bytes)
}

#[derive(Deserialize)]
struct Entries {
    #[serde(default)]
    entry: Vec<IgnoredAny>,
}

fn count_entries(bundle: &[u8]) -> anyhow::Result<u64> {
    let entries: Entries = serde_json::from_slice(bundle)?;
    Ok(u64::try_from(entries.entry.len())?)
}

fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
            let mut found: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            found.retain(|path| is_bundle(path));
            found.sort();
            files.extend(found);
        } else if path.is_file() {
            files.push(path.clone());
        } else {
            bail!("{} does not exist", path.display());
        }
    }
    Ok(files)
}

fn is_bundle(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.is_file() && (name.ends_with(".json") || name.ends_with(".json.zst"))
}

fn goes_first(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches(|first: char| first.is_ascii_digit() || first == '-');
    name.starts_with("hospital") || name.starts_with("practitioner")
}

/// The token from a file, or from the variable `KANGMAI_TOKEN`; never from the command line, where others could see it.
pub fn token(file: Option<&Path>) -> anyhow::Result<String> {
    let text = match file {
        Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => std::env::var("KANGMAI_TOKEN").context("no token: say --token-file FILE or set KANGMAI_TOKEN")?,
    };
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn institutions_and_staff_go_first() {
        assert!(goes_first(Path::new("x/0-hospitalInformation1625911868739.json.zst")));
        assert!(goes_first(Path::new("practitionerInformation1.json")));
        assert!(!goes_first(Path::new("057aa36e-b892-9964.json.zst")));
    }

    #[test]
    fn entries_are_counted_without_being_read() {
        assert_eq!(count_entries(br#"{"entry":[{"a":[1,2]},{}]}"#).unwrap(), 2);
        assert_eq!(count_entries(br"{}").unwrap(), 0);
        assert!(count_entries(b"[").is_err());
    }
}
