//! CPU time of the write side, without disk and without HTTP: `cargo run --release -p records --example write_speed -- FOLDER`.
//!
//! Loads the Synthea bundles of a folder (`*.json` or `*.json.zst`; files beginning with `0-` first) into a store in memory and
//! reads every record back with `$everything` and the system history. The figures are CPU time of the calling thread (from
//! `/proc/thread-self/schedstat`), so that they hold on a busy machine too; the committer's share is told apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Purpose, SystemClock, TenantId};
use records::{Caller, HistoryScope, Records, WriteOptions, block_on};
use serde_json::Value;
use store::{Options, Store};
use trust::{Actor, MasterKey, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "samples/synthea".to_owned());
    let store = Store::in_memory(Options::new(MasterKey::generate()))?;
    let records = Records::new(Arc::clone(&store), Arc::new(SystemClock))?;
    let caller = caller()?;
    let (mut resources, mut import_ns, mut patients) = (0, 0, Vec::new());
    for file in bundles(Path::new(&folder))? {
        let started = thread_cpu_ns();
        let page = block_on(records.bundle(&caller, &file, &WriteOptions::default()))?;
        import_ns += thread_cpu_ns() - started;
        resources += page.count;
        let answer: Value = serde_json::from_slice(&page.json)?;
        let locations =
            answer["entry"].as_array().into_iter().flatten().filter_map(|entry| entry["response"]["location"].as_str());
        patients.extend(
            locations.filter_map(|location| Some(location.strip_prefix("Patient/")?.split_once('/')?.0.to_owned())),
        );
    }
    say("import", resources, import_ns);
    let (mut shown, mut everything_ns) = (0, 0);
    for patient in &patients {
        let started = thread_cpu_ns();
        shown += records.everything(&caller, patient, "_count=10000")?.count;
        everything_ns += thread_cpu_ns() - started;
    }
    say("$everything", shown, everything_ns);
    let started = thread_cpu_ns();
    let versions = records.history(&caller, HistoryScope::System, "_count=1000")?.count;
    say("system history", versions, thread_cpu_ns() - started);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn say(what: &str, count: usize, cpu_ns: u64) {
    println!("{what}: {count} resources, {:.1} µs of CPU each", cpu_ns as f64 / 1000.0 / count.max(1) as f64);
}

/// Time that this thread was on a processor, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

fn caller() -> Result<Caller, Box<dyn std::error::Error>> {
    let actor = Actor {
        name: "bench".to_owned(),
        role: Role::Machine,
        tenant: TenantId(1),
        institution: None,
        department: None,
        staff_number: None,
        proxies: Vec::new(),
        grants: "system/*.cruds".parse()?,
        patients: Default::default(),
    };
    let purpose = Purpose::Operations;
    let filter = trust::scope(&actor, purpose).map_err(|denied| format!("{denied:?}"))?;
    let base_url = "http://localhost/fhir/R4".to_owned();
    Ok(Caller { actor, purpose, filter, base_url, strict: true, request_id: "bench".to_owned() })
}

fn bundles(folder: &Path) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".json") || path.to_string_lossy().ends_with(".json.zst"));
    paths.sort();
    let read = |path: &PathBuf| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let bytes = std::fs::read(path)?;
        Ok(if path.extension().is_some_and(|it| it == "zst") { zstd::decode_all(bytes.as_slice())? } else { bytes })
    };
    paths.iter().map(read).collect()
}
