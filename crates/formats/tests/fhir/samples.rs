//! The Synthea sample: real-looking resources that nobody here wrote.

use std::collections::BTreeMap;
use std::path::Path;

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
    let values: Vec<Value> = texts.iter().map(|text| fhir::read(text.as_bytes()).0.unwrap()).collect();
    let measure = |name: &str, work: &dyn Fn()| {
        let spent = (0..5).map(|_| {
            let started = cpu_us();
            work();
            cpu_us() - started
        });
        let best = spent.fold(f64::MAX, f64::min);
        eprintln!("{name}: {:.2} µs per kB, {:.1} µs per resource", best / kilobytes, best / texts.len() as f64);
    };
    eprintln!("{} resources, {:.2} kB each", texts.len(), kilobytes / texts.len() as f64);
    measure("serde_json", &|| {
        for text in &texts {
            let value: Value = serde_json::from_str(text).unwrap();
            std::hint::black_box(&value);
        }
    });
    measure("read", &|| {
        for text in &texts {
            std::hint::black_box(&fhir::read(text.as_bytes()));
        }
    });
    measure("check_basic", &|| {
        for value in &values {
            assert!(fhir::check_basic(value).is_empty());
        }
    });
    measure("validate", &|| {
        for value in &values {
            assert!(fhir::validate(value).is_empty());
        }
    });
}

/// Microseconds that this thread has spent on a processor (Linux): other programs on the machine count little.
fn cpu_us() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1000.0
}
