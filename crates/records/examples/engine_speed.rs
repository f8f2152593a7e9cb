//! What the engine costs without HTTP: `cargo run --release -p records --example engine_speed -- FOLDER [COPIES]`.
//!
//! Loads the Synthea bundles of a folder (`*.json` or `*.json.zst`; files beginning with `0-` first) into a fresh RocksDB store, then
//! times reads and searches through policy, without audit and without a socket. Prints one line per figure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Purpose, SystemClock, TenantId};
use records::{Caller, Records, WriteOptions, block_on};
use serde_json::Value;
use store::{Keyspace, Options, Store};
use trust::{Actor, MasterKey, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "samples/synthea".to_owned());
    let copies: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let store = Store::open(&directory.path().join("data"), Options::new(MasterKey::generate()))?;
    let records = Records::new(Arc::clone(&store), Arc::new(SystemClock))?;
    let caller = caller()?;

    let files = bundles(Path::new(&folder))?;
    let started = Instant::now();
    let mut resources = 0;
    for _ in 0..copies {
        for file in &files {
            let page = block_on(records.bundle(&caller, file, &WriteOptions::default()))?;
            let answer: Value = serde_json::from_slice(&page.json)?;
            resources += answer["entry"].as_array().map_or(0, Vec::len);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("import: {resources} resources in {seconds:.2} s, {:.0} resources/s", resources as f64 / seconds));
    print_keys(&store, resources);
    time_searches(&records, &caller)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn say(line: &str) {
    println!("{line}");
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
    Ok(Caller {
        actor,
        purpose,
        filter,
        base_url: "http://localhost/fhir/R4".to_owned(),
        strict: true,
        request_id: "bench".to_owned(),
    })
}

fn bundles(folder: &Path) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".json") || path.to_string_lossy().ends_with(".json.zst"));
    paths.sort();
    let read = |path: &PathBuf| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let bytes = std::fs::read(path)?;
        Ok(if path.extension().is_some_and(|it| it == "zst") { zstd::decode_all(bytes.as_slice())? } else { bytes })
    };
    paths.iter().map(read).collect()
}

fn print_keys(store: &Store, resources: usize) {
    let snapshot = store.snapshot();
    let mut all = 0;
    for keyspace in Keyspace::ALL {
        let mut cursor = snapshot.scan(keyspace, &[], &[]);
        let (mut keys, mut bytes) = (0_usize, 0_usize);
        while let Ok(Some((key, value))) = cursor.next() {
            keys += 1;
            bytes += key.len() + value.len();
        }
        all += keys;
        if keys > 0 {
            say(&format!("{:>12}: {keys} keys, {bytes} bytes", keyspace.name()));
        }
    }
    say(&format!("keys per resource: {:.1}", all as f64 / resources as f64));
}

fn time_searches(records: &Records, caller: &Caller) -> Result<(), Box<dyn std::error::Error>> {
    let patients = ids(records, caller, "Patient", "_count=1000")?;
    let observations = ids(records, caller, "Observation", "code=8302-2&_count=1000")?;
    let mut figures: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut time =
        |name: &'static str, act: &mut dyn FnMut() -> Result<usize, model::Failure>| -> Result<usize, model::Failure> {
            let started = Instant::now();
            let count = act()?;
            figures.entry(name).or_default().push(started.elapsed());
            Ok(count)
        };
    let mut everything = (0, Duration::ZERO);
    for _ in 0..5 {
        for id in &observations {
            time("read", &mut || records.read(caller, "Observation", id).map(|_| 1))?;
        }
        for id in &patients {
            time("patient", &mut || {
                records.search(caller, Some("Observation"), &format!("patient={id}")).map(|page| page.count)
            })?;
            time("patient+code", &mut || {
                records.search(caller, Some("Observation"), &format!("patient={id}&code=8302-2")).map(|page| page.count)
            })?;
            time("patient+system|code", &mut || {
                let query = format!("patient={id}&code=http://loinc.org|8302-2");
                records.search(caller, Some("Observation"), &query).map(|page| page.count)
            })?;
            let started = Instant::now();
            everything.0 += records.everything(caller, id, "_count=5000")?.count;
            everything.1 += started.elapsed();
        }
    }
    for (name, times) in &mut figures {
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_micros();
        say(&format!("{name}: p50 {} µs, p99 {} µs ({} calls)", at(0.5), at(0.99), times.len()));
    }
    say(&format!(
        "$everything: {:.2} ms per 1,000 resources ({} resources)",
        everything.1.as_secs_f64() * 1e6 / everything.0 as f64,
        everything.0
    ));
    for query in [
        "code=8302-2&date=ge2015-01-01&_summary=count",
        "code=http://loinc.org|8302-2&value-quantity=gt160&_summary=count",
        "status=final&date=lt2018-06-01&_summary=count",
        "category=laboratory&status=final&_summary=count",
    ] {
        let started = Instant::now();
        let page = records.search(caller, Some("Observation"), query)?;
        let elapsed = started.elapsed();
        let answer: Value = serde_json::from_slice(&page.json)?;
        let hits = answer["total"].to_string().parse::<f64>().unwrap_or(0.0);
        say(&format!(
            "{query}: {hits} hits in {:.2} ms, {:.0} hits/s",
            elapsed.as_secs_f64() * 1e3,
            hits / elapsed.as_secs_f64()
        ));
    }
    Ok(())
}

fn ids(
    records: &Records,
    caller: &Caller,
    type_name: &str,
    query: &str,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let page = records.search(caller, Some(type_name), query)?;
    let answer: Value = serde_json::from_slice(&page.json)?;
    let entries = answer["entry"].as_array().cloned().unwrap_or_default();
    Ok(entries.iter().filter_map(|entry| entry["resource"]["id"].as_str().map(str::to_owned)).collect())
}
