//! `kangmai ingest`: files of a source, sent until each is acknowledged.
//!
//! A file is cut into messages: an HL7 v2 batch between its messages, a table between its rows (the header goes with every part),
//! everything else is one message. Each acknowledged message is a line of the journal, so that a second run goes on where the
//! first was cut off. The journal only saves time: the server recognises bytes that came before, so a message that was taken
//! while the line broke is sent again and counted once.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use sm3::{Digest, Sm3};

use crate::cli::Ingest;
use crate::client::Client;
use crate::{Ended, load, speak};

/// A message of a table or batch has about this size: small enough that a broken line costs little, large enough to share a
/// commit.
const PART_BYTES: usize = 128 << 10;
/// Between two tries at a server that does not answer, at most.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// One file, and where its messages begin and end.
struct Cut {
    path: PathBuf,
    /// Bytes that go before every part but the first.
    header: std::ops::Range<usize>,
    parts: Vec<std::ops::Range<usize>>,
}

/// What was counted, over all messages.
#[derive(Default)]
struct Tally {
    messages: AtomicUsize,
    skipped: AtomicUsize,
    refused: AtomicUsize,
    records: AtomicU64,
    accepted: AtomicU64,
    set_aside: AtomicU64,
    repeated: AtomicU64,
    findings: AtomicU64,
}

/// Where it is written down what was acknowledged.
struct Journal {
    done: HashSet<String>,
    file: Mutex<File>,
}

/// Sends and says what became of it.
pub fn run(arguments: &Ingest) -> anyhow::Result<Ended> {
    let token = load::token(arguments.token_file.as_deref())?;
    let client = Client::new(&arguments.server, &token);
    let files = find(&arguments.paths)?;
    if files.is_empty() {
        bail!("no file there");
    }
    let journal = Journal::open(&journal_path(arguments))?;
    let tally = Tally::default();
    let started = Instant::now();
    let feeder = Mutex::new(Feeder { files: &files, next: 0, open: None });
    let is_broken = AtomicBool::new(false);
    let worker = || -> anyhow::Result<()> {
        while !is_broken.load(Ordering::Relaxed) {
            let next = feeder.lock().map_err(|_| anyhow::anyhow!("a client ended early")).and_then(|mut it| it.next());
            let Some(message) = next.inspect_err(|_| is_broken.store(true, Ordering::Relaxed))? else { break };
            send_one(arguments, &client, &journal, &tally, &message)
                .inspect_err(|_| is_broken.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let progress = scope.spawn(|| show_progress(&tally, &feeder, &is_broken));
        let workers: Vec<_> = (0..arguments.clients).map(|_| scope.spawn(worker)).collect();
        let mut result = Ok(());
        for worker in workers {
            let ended = worker.join().map_err(|_| anyhow::anyhow!("a client ended early")).and_then(|ended| ended);
            result = result.and(ended);
        }
        is_broken.store(true, Ordering::Relaxed);
        progress.thread().unpark();
        result
    })?;
    Ok(report(&tally, files.len(), started.elapsed()))
}

fn report(tally: &Tally, files: usize, took: Duration) -> Ended {
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (messages, refused) = (tally.messages.load(Ordering::Relaxed), tally.refused.load(Ordering::Relaxed));
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = number(&tally.records) as f64 / seconds.max(0.001);
    speak::data(format!(
        "files={files} messages={messages} already_sent={} refused={refused} records={} accepted={} set_aside={} repeated={} \
         findings={} seconds={seconds:.2} records_per_second={rate:.0}",
        tally.skipped.load(Ordering::Relaxed),
        number(&tally.records),
        number(&tally.accepted),
        number(&tally.set_aside),
        number(&tally.repeated),
        number(&tally.findings),
    ));
    if refused == 0 && number(&tally.set_aside) == 0 { Ended::Well } else { Ended::WithFindings }
}

fn show_progress(tally: &Tally, feeder: &Mutex<Feeder<'_>>, is_over: &AtomicBool) {
    loop {
        std::thread::park_timeout(Duration::from_secs(2));
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        speak::words(format!(
            "{} files, {} messages, {} records, {} set aside",
            feeder.lock().map(|feeder| format!("{}/{}", feeder.next, feeder.files.len())).unwrap_or_default(),
            tally.messages.load(Ordering::Relaxed),
            tally.records.load(Ordering::Relaxed),
            tally.set_aside.load(Ordering::Relaxed),
        ));
    }
}

/// Gives out messages in the order of the files; a file is read when its turn comes.
struct Feeder<'f> {
    files: &'f [PathBuf],
    next: usize,
    open: Option<(Arc<Vec<u8>>, Cut, usize)>,
}

/// One message on its way.
struct Message {
    name: String,
    bytes: Arc<Vec<u8>>,
    header: std::ops::Range<usize>,
    part: std::ops::Range<usize>,
}

impl Feeder<'_> {
    fn next(&mut self) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some((bytes, cut, position)) = &mut self.open
                && let Some(part) = cut.parts.get(*position)
            {
                let header = if *position > 0 { cut.header.clone() } else { 0..0 };
                *position += 1;
                let name = cut.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Ok(Some(Message { name, bytes: Arc::clone(bytes), header, part: part.clone() }));
            }
            let Some(path) = self.files.get(self.next) else { return Ok(None) };
            self.next += 1;
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            self.open = if bytes.is_empty() {
                None
            } else {
                let cut = cut(path, &bytes);
                Some((Arc::new(bytes), cut, 0))
            };
        }
    }
}

fn send_one(
    arguments: &Ingest,
    client: &Client,
    journal: &Journal,
    tally: &Tally,
    message: &Message,
) -> anyhow::Result<()> {
    let bytes = [&message.bytes[message.header.clone()], &message.bytes[message.part.clone()]].concat();
    let digest = hex::encode(Sm3::digest(&bytes));
    if journal.done.contains(&digest) {
        tally.skipped.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    match send(arguments, client, &message.name, &bytes)? {
        Ok(receipt) => {
            count(tally, &receipt);
            journal.add(&digest, receipt["id"].as_str().unwrap_or_default(), &message.name)?;
        }
        Err(why) => {
            tally.refused.fetch_add(1, Ordering::Relaxed);
            speak::words(format!("refused {}: {why}", message.name));
        }
    }
    Ok(())
}

/// Sends until an answer comes. The outer error: no answer within the patience. The inner one: refused for good.
fn send(arguments: &Ingest, client: &Client, name: &str, message: &[u8]) -> anyhow::Result<Result<Value, String>> {
    let until = Instant::now() + Duration::from_secs(arguments.patience);
    let mut pause = Duration::from_millis(100);
    loop {
        let problem = match client.post_message(&arguments.source, name, message) {
            Ok(reply) if reply.status.is_success() => {
                return Ok(
                    serde_json::from_str(&reply.body).map_err(|error| format!("the answer is no receipt: {error}"))
                );
            }
            // Busy, closing, full, or met another writer: the same message is welcome later.
            Ok(reply) if matches!(reply.status.as_u16(), 409 | 429 | 503 | 507) => anyhow::anyhow!("{}", reply.status),
            Ok(reply) if matches!(reply.status.as_u16(), 401 | 403 | 404) => {
                bail!("the server refuses this source: {} {}", reply.status, short(&reply.body));
            }
            Ok(reply) => return Ok(Err(format!("{} {}", reply.status, short(&reply.body)))),
            Err(error) => error,
        };
        if Instant::now() >= until {
            return Err(problem.context(format!("gave up on {name} after {} s", arguments.patience)));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn short(text: &str) -> String {
    text.chars().take(400).collect()
}

fn count(tally: &Tally, receipt: &Value) {
    if receipt["outcome"] == "repeated" {
        // The server had these bytes before: its receipt is the one of that time, and was counted then.
        tally.skipped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    tally.messages.fetch_add(1, Ordering::Relaxed);
    let counts = &receipt["counts"];
    let add = |counter: &AtomicU64, name: &str| {
        counter.fetch_add(counts[name].as_u64().unwrap_or(0), Ordering::Relaxed);
    };
    add(&tally.records, "records");
    add(&tally.accepted, "accepted");
    add(&tally.set_aside, "set_aside");
    add(&tally.repeated, "repeated");
    add(&tally.findings, "findings");
}

/// Where a file is cut.
fn cut(path: &Path, bytes: &[u8]) -> Cut {
    let whole =
        |bytes: &[u8]| Cut { path: path.to_owned(), header: 0..0, parts: std::iter::once(0..bytes.len()).collect() };
    if bytes.len() <= PART_BYTES {
        return whole(bytes);
    }
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"MSH") {
        return Cut { path: path.to_owned(), header: 0..0, parts: parts(bytes, 0, is_message_start) };
    }
    if start.starts_with(b"<") || start.starts_with(b"{") || start.starts_with(b"FHS") || start.starts_with(b"BHS") {
        return whole(bytes);
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return whole(bytes) };
    Cut { path: path.to_owned(), header: 0..end + 1, parts: parts(bytes, end + 1, RowStarts::default().into_test()) }
}

/// Ranges of about [`PART_BYTES`] that begin where `starts` says that something begins. The first range begins at 0.
fn parts(bytes: &[u8], from: usize, mut starts: impl FnMut(&[u8], usize) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut begin = 0;
    for at in from.max(1)..bytes.len() {
        if starts(bytes, at) && at - begin >= PART_BYTES {
            found.push(begin..at);
            begin = at;
        }
    }
    found.push(begin..bytes.len());
    found
}

fn is_message_start(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at - 1], b'\r' | b'\n' | 0x0B) && bytes[at..].starts_with(b"MSH")
}

/// Knows whether a position begins a row: behind a line end that does not stand inside quotes. A quote that was never closed
/// would swallow the file, so quotes are believed for one part only.
#[derive(Default)]
struct RowStarts {
    is_quoted: bool,
    quoted_bytes: usize,
}

impl RowStarts {
    fn into_test(mut self) -> impl FnMut(&[u8], usize) -> bool {
        move |bytes, at| {
            let before = bytes[at - 1];
            if before == b'"' {
                self.is_quoted = !self.is_quoted;
                self.quoted_bytes = 0;
            }
            self.quoted_bytes += 1;
            before == b'\n' && (!self.is_quoted || self.quoted_bytes > PART_BYTES)
        }
    }
}

fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut found = Vec::new();
            walk(path, &mut found)?;
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

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden {
            walk(&path, found)?;
        } else if path.is_file() && !is_hidden && path.extension().is_none_or(|extension| extension != "ingested") {
            found.push(path);
        }
    }
    Ok(())
}

fn journal_path(arguments: &Ingest) -> PathBuf {
    arguments.journal.clone().unwrap_or_else(|| {
        let mut name = arguments.paths.first().cloned().unwrap_or_default().into_os_string();
        name.push(".ingested");
        PathBuf::from(name)
    })
}

impl Journal {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let known = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        // A line that was cut off in the middle names no digest, and its message is sent again.
        let done = known.lines().filter_map(|line| line.split('\t').next()).filter(|word| word.len() == 64);
        let done = done.map(str::to_owned).collect();
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
        if !known.is_empty() && !known.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { done, file: Mutex::new(file) })
    }

    fn add(&self, digest: &str, receipt: &str, name: &str) -> anyhow::Result<()> {
        let name = name.replace(['\t', '\n', '\r'], " ");
        let mut file = self.file.lock().map_err(|_| anyhow::anyhow!("a client ended early"))?;
        file.write_all(format!("{digest}\t{receipt}\t{name}\n").as_bytes()).context("the journal cannot be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_cut_between_rows_and_parts_add_up() {
        let row = format!("1,\"two\nlines\",{}\n", "x".repeat(200));
        let text = format!("a,b,c\n{}", row.repeat(6_000));
        let cut = cut(Path::new("t.csv"), text.as_bytes());
        assert!(cut.parts.len() > 2);
        let joined: String = cut.parts.iter().map(|part| &text[part.clone()]).collect();
        assert_eq!(joined, text);
        assert_eq!(&text[cut.header.clone()], "a,b,c\n");
        assert!(cut.parts[1..].iter().all(|part| text[part.clone()].starts_with("1,\"two")));
    }

    #[test]
    fn batches_are_cut_between_messages() {
        let message = format!("MSH|^~\\&|A\rPID|1||{}\r", "x".repeat(500));
        let text = message.repeat(3_000);
        let cut = cut(Path::new("m.hl7"), text.as_bytes());
        assert!(cut.parts.len() > 2);
        assert!(cut.parts.iter().all(|part| text[part.clone()].starts_with("MSH")));
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
        let text = format!("a,b\n1,\"open\n{}", "2,x\n".repeat(600_000));
        assert!(cut(Path::new("t.csv"), text.as_bytes()).parts.len() > 1);
    }
}
