//! The Synthea sample: real-looking resources that nobody here wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use formats::fhir;
use serde_json::Value;

use crate::shared;

fn bundles(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".json.zst"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = zstd::stream::decode_all(std::fs::File::open(path).unwrap()).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), bytes)
    };
    files.iter().map(read).collect()
}

/// Every resource of the sample passes the base definitions.
#[test]
fn synthea_is_valid() {
    let Some(folder) = shared("data/synthea-r4") else { return };
    let mut findings: BTreeMap<String, usize> = BTreeMap::new();
    let mut resources = 0_usize;
    for (name, bytes) in bundles(&folder) {
        let (bundle, issues) = fhir::read(&bytes);
        assert_eq!(issues, [], "{name}");
        let bundle = bundle.unwrap();
        assert_eq!(fhir::validate(&bundle), [], "{name}");
        for entry in bundle["entry"].as_array().unwrap() {
            resources += 1;
            assert_eq!(fhir::check_basic(&entry["resource"]), [], "{name} {}", entry["fullUrl"]);
            for issue in fhir::validate(&entry["resource"]) {
                let place: String = issue.path.chars().filter(|c| !c.is_ascii_digit()).collect();
                *findings
                    .entry(format!("{} {place} {}", issue.rule, issue.expected.unwrap_or_default()))
                    .or_default() += 1;
            }
        }
    }
    eprintln!("{resources} Synthea resources are valid");
    assert_eq!(findings, BTreeMap::new());
}

/// Prints what one kilobyte of compact JSON costs; run with `--ignored --nocapture` on a quiet machine.
#[test]
#[ignore = "a measurement, not a check"]
fn cost_of_a_kilobyte() {
    let Some(folder) = shared("data/synthea-r4") else { return };
    let mut texts: Vec<String> = Vec::new();
    for (_, bytes) in bundles(&folder).into_iter().take(10) {
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        texts.extend(bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"].to_string()));
    }
    let kilobytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1000.0;
    let mut best = [f64::MAX; 4];
    for _ in 0..5 {
        let mut spent = [0.0; 4];
        for text in &texts {
            let timed = |spent: &mut f64, started: Instant| *spent += started.elapsed().as_secs_f64() * 1e6;
            let started = Instant::now();
            let other: Value = serde_json::from_str(text).unwrap();
            timed(&mut spent[0], started);
            drop(other);
            let started = Instant::now();
            let value = fhir::read(text.as_bytes()).0.unwrap();
            timed(&mut spent[1], started);
            let started = Instant::now();
            let basic = fhir::check_basic(&value);
            timed(&mut spent[2], started);
            let started = Instant::now();
            let full = fhir::validate(&value);
            timed(&mut spent[3], started);
            assert_eq!((basic, full), (Vec::new(), Vec::new()));
        }
        for (best, spent) in best.iter_mut().zip(spent) {
            *best = best.min(spent / kilobytes);
        }
    }
    let [serde, read, basic, full] = best;
    eprintln!(
        "{} resources of {:.2} kB: µs per kB: serde_json {serde:.2}, read {read:.2}, check_basic {basic:.2}, validate {full:.2}",
        texts.len(),
        kilobytes / texts.len() as f64
    );
}
