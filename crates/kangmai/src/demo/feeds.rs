//! The doors of the demo's senders, and everything that they send, in the order of days: messages over MLLP, documents and tables
//! over HTTP, the tables of primary care into a watched folder.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use server::control::Request;

use super::{Place, TENANT, secret};
use crate::client::Client;
use crate::speak;

/// Connections and requests at the same time, of one sender: what a small integration platform opens.
const LANES: usize = 4;
/// How long a message may wait for its acknowledgement on a busy machine.
const ANSWER_WAIT_MAX: Duration = Duration::from_mins(3);
/// How often the watched folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where each sender delivers, and with what.
pub(super) struct Doors {
    /// Name of the source and the token of its account.
    pub tokens: Vec<(&'static str, String)>,
    mllp: SocketAddr,
    watched: PathBuf,
}

/// What was sent.
pub(super) struct Sent {
    messages: u64,
    files: u64,
    /// How long it took.
    pub seconds: f64,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} HL7 v2 messages, {} files", self.messages, self.files)
    }
}

impl Doors {
    /// Registers the senders, before the server starts: ports are opened and folders watched from the start on.
    pub fn register(place: &Place) -> anyhow::Result<Self> {
        let watched = place.work.join("watched");
        fs::create_dir_all(&watched).with_context(|| format!("cannot make {}", watched.display()))?;
        // A free port, given back at once: the server opens it a moment later.
        let mllp = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).context("there is no free port")?;
        let mut tokens = Vec::new();
        for (name, title, institution) in synth::senders()? {
            let own: &[(&str, &str)] =
                if name == "city-hospital" { &[(synth::CITY_AUTHORITY, synth::CITY_PATIENT_ROOT)] } else { &[] };
            let source = server::Source {
                name: name.to_owned(),
                number: 0,
                title,
                institution,
                institutions: Vec::new(),
                account: format!("source-{name}"),
                is_enabled: true,
                encoding: (name == "primary-care").then(|| "gb18030".to_owned()),
                code_map: Some(name.to_owned()),
                branch: None,
                // The hospital's own numbers: as HL7 v2 calls their authority, and as documents root them.
                authorities: own.iter().map(|(authority, _)| (*authority).to_owned()).collect(),
                patient_roots: own.iter().map(|(_, root)| (*root).to_owned()).collect(),
                aliases: synth::other_codes(name)?.into_iter().collect(),
                listen: (name == "city-hospital").then(|| server::Listen { address: mllp, allow: Vec::new() }),
                folder: (name == "primary-care").then(|| watched.clone()),
            };
            tokens.push((name, secret(&place.folder, &Request::Source { tenant: TENANT, source })?));
        }
        Ok(Self { tokens, mllp, watched })
    }

    /// The token of a source.
    pub fn token(&self, source: &str) -> &str {
        self.tokens.iter().find(|(name, _)| *name == source).map_or("", |(_, token)| token)
    }
}

/// Sends everything; returns when it is in.
pub(super) fn send(doors: &Doors, city: &synth::Options, url: &str) -> anyhow::Result<Sent> {
    let begun = Instant::now();
    let (messages, files) = (AtomicU64::new(0), AtomicU64::new(0));
    let shown = Mutex::new(Instant::now());
    let note = |what: &str| {
        let Ok(mut last) = shown.lock() else { return };
        if last.elapsed() > Duration::from_secs(5) {
            *last = Instant::now();
            let (messages, files) = (messages.load(Ordering::Relaxed), files.load(Ordering::Relaxed));
            speak::words(format!("{messages} messages, {files} files; now {what}"));
        }
    };
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let primary = scope.spawn(|| folder(doors, &city.out.join("primary-care"), &files));
        let county = scope.spawn(|| {
            let client = Client::new(url, doors.token("county-hospital"));
            for day in days(&city.out.join("county-hospital"))? {
                note(&day.display().to_string());
                post_all(&client, "county-hospital", &sorted(&day)?, &files)?;
            }
            anyhow::Ok(())
        });
        let city_hospital = scope.spawn(|| hospital(doors, city, url, (&messages, &files), &note));
        for (who, thread) in
            [("primary care", primary), ("the county hospital", county), ("the city hospital", city_hospital)]
        {
            thread.join().map_err(|_| anyhow::anyhow!("{who} stopped sending"))?.context(who)?;
        }
        Ok(())
    })?;
    Ok(Sent { messages: messages.into_inner(), files: files.into_inner(), seconds: begun.elapsed().as_secs_f64() })
}

/// Sends the rows that come late.
pub(super) fn send_late(doors: &Doors, city: &synth::Options, url: &str) -> anyhow::Result<()> {
    let late = city.out.join("county-hospital-late");
    if late.is_dir() {
        let client = Client::new(url, doors.token("county-hospital"));
        post_all(&client, "county-hospital", &sorted(&late)?, &AtomicU64::new(0))?;
    }
    Ok(())
}

/// The messages and documents of the city hospital, day by day.
fn hospital(
    doors: &Doors,
    city: &synth::Options,
    url: &str,
    (messages, files): (&AtomicU64, &AtomicU64),
    note: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<()> {
    let root = city.out.join("city-hospital");
    let client = Client::new(url, doors.token("city-hospital"));
    let mut lines: Vec<Mutex<TcpStream>> = Vec::new();
    for _ in 0..LANES {
        lines.push(Mutex::new(connect(doors.mllp)?));
    }
    // Documents are also written on days without a message.
    let stems = |folder: &str| -> anyhow::Result<Vec<String>> {
        let all = sorted(&root.join(folder))?;
        Ok(all.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect())
    };
    let days: BTreeSet<String> = stems("hl7")?.into_iter().chain(stems("documents")?).collect();
    for day in days {
        note(&format!("{} {day}", root.display()));
        let file = root.join("hl7").join(format!("{day}.hl7"));
        let bytes = if file.is_file() {
            fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?
        } else {
            Vec::new()
        };
        let frames: Vec<&[u8]> = frames(&bytes);
        each(&frames, |lane, frame| {
            let Ok(mut line) = lines[lane].lock() else { bail!("a connection ended early") };
            deliver(&mut line, frame)?;
            messages.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })?;
        let documents = root.join("documents").join(day);
        if documents.is_dir() {
            post_all(&client, "city-hospital", &sorted(&documents)?, files)?;
        }
    }
    Ok(())
}

/// Ports open a moment after the server answers over HTTP.
const PORT_TRIES_MAX: u32 = 300;
const PORT_PAUSE: Duration = Duration::from_millis(100);

fn open_port(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut tries = 0;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if tries >= PORT_TRIES_MAX => return Err(error).context("the MLLP port is closed"),
            Err(_) => {
                tries += 1;
                std::thread::sleep(PORT_PAUSE);
            }
        }
    }
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = open_port(address)?;
    stream.set_read_timeout(Some(ANSWER_WAIT_MAX))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The messages of a file, each with its frame.
fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|pair| pair == [0x1C, 0x0D]) {
        let (frame, tail) = rest.split_at(end + 2);
        found.push(frame);
        rest = tail;
    }
    found
}

/// One message and its acknowledgement, which must be AA.
fn deliver(line: &mut TcpStream, frame: &[u8]) -> anyhow::Result<()> {
    line.write_all(frame).context("the MLLP connection broke")?;
    let mut answer = Vec::new();
    let mut packet = [0; 4096];
    while !answer.ends_with(&[0x1C, 0x0D]) {
        let count = line.read(&mut packet).context("no acknowledgement came")?;
        if count == 0 {
            bail!("the MLLP connection was closed");
        }
        answer.extend_from_slice(&packet[..count]);
    }
    let text = String::from_utf8_lossy(&answer);
    if !text.split(['\r', '\n']).any(|segment| segment.starts_with("MSA|AA|")) {
        bail!("not acknowledged: {}", text.trim());
    }
    Ok(())
}

/// Does something for each of a list in a few lanes at the same time; the first failure ends it.
fn each<T: Sync>(list: &[T], work: impl Fn(usize, &T) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let (next, work) = (&next, &work);
                scope.spawn(move || -> anyhow::Result<()> {
                    while let Some(item) =
                        usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|at| list.get(at))
                    {
                        work(lane, item)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for lane in lanes {
            lane.join().map_err(|_| anyhow::anyhow!("a sender stopped"))??;
        }
        Ok(())
    })
}

fn post_all(client: &Client, source: &str, paths: &[PathBuf], files: &AtomicU64) -> anyhow::Result<()> {
    each(paths, |_, path| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let until = Instant::now() + ANSWER_WAIT_MAX;
        loop {
            let reply = client.post_message(source, &name, &bytes)?;
            if reply.status.is_success() {
                serde_json::from_str::<Value>(&reply.body).context("the answer is no receipt")?;
                files.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            let is_busy = matches!(reply.status.as_u16(), 409 | 429 | 503);
            if !is_busy || Instant::now() > until {
                bail!("{name}: {} {}", reply.status, reply.body);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

/// Puts every file into the watched folder and waits until the server has taken them all: the last days come last.
fn folder(doors: &Doors, from: &Path, files: &AtomicU64) -> anyhow::Result<()> {
    let days = days(from)?;
    let (before, last) = days.split_at(days.len().saturating_sub(2));
    for part in [before, last] {
        for day in part {
            for path in sorted(day)? {
                let name = path.file_name().unwrap_or_default();
                // Under a name that is not taken yet, so that no half file is.
                let unfinished = doors.watched.join(format!("{}.part", name.to_string_lossy()));
                fs::copy(&path, &unfinished).with_context(|| format!("cannot copy {}", path.display()))?;
                fs::rename(&unfinished, doors.watched.join(name))?;
                files.fetch_add(1, Ordering::Relaxed);
            }
        }
        while sorted(&doors.watched)?.iter().any(|path| path.is_file()) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    Ok(())
}

/// The folders of a sender, one a day, oldest first.
fn days(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok(sorted(root)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// What lies in a folder, by name; nothing when there is no folder.
fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut found = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_frames() {
        let file = b"\x0BMSH|a\r\x1C\r\x0BMSH|b\r\x1C\r";
        let found = frames(file);
        assert_eq!(found, [&b"\x0BMSH|a\r\x1C\r"[..], &b"\x0BMSH|b\r\x1C\r"[..]]);
    }
}
