//! How long it takes to extract every search parameter of a resource: microseconds per resource, for each type.
//! Each resource is parsed right before, as a write does; only the extraction is timed.
//!
//! `cargo run --release -p records --example extract_speed -- samples/synthea` (a folder of FHIR bundles, plain or zstd).
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that people read; it stops at the first bad file"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use model::TypeCode;
use records::Parameters;
use records::parameters::Computed;
use serde_json::Value;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("samples/synthea"), PathBuf::from);
    let started = Instant::now();
    let parameters = Parameters::load().unwrap();
    println!("compiled in {:.1} ms", started.elapsed().as_secs_f64() * 1e3);

    let mut by_type: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("zst") => zstd::decode_all(bytes.as_slice()).unwrap(),
            Some("json") => bytes,
            _ => continue,
        };
        let mut bundle: Value = serde_json::from_slice(&text).unwrap();
        for entry in bundle["entry"].as_array_mut().unwrap() {
            let resource = entry["resource"].take();
            if let Ok(type_code) = TypeCode::of(resource["resourceType"].as_str().unwrap_or_default()) {
                by_type.entry(type_code.name()).or_default().push(serde_json::to_vec(&resource).unwrap());
            }
        }
    }

    let (mut total, mut count) = (Duration::ZERO, 0_u32);
    println!("{:<28}{:>8}{:>10}{:>10}", "type", "count", "values", "µs each");
    for (type_name, resources) in &by_type {
        let type_code = TypeCode::of(type_name).unwrap();
        let (mut values, mut elapsed) = (0, Duration::ZERO);
        for text in resources {
            let resource: Value = serde_json::from_slice(text).unwrap();
            let started = Instant::now();
            let computed = Computed::default();
            for parameter in parameters.of_type(type_code).filter(|parameter| parameter.alias.is_none()) {
                values += black_box(parameter.values(black_box(&resource), &computed)).len();
            }
            elapsed += started.elapsed();
        }
        let here = u32::try_from(resources.len()).unwrap();
        let each_us = elapsed.as_secs_f64() * 1e6 / f64::from(here);
        let each_values = f64::from(u32::try_from(values).unwrap()) / f64::from(here);
        println!("{type_name:<28}{here:>8}{each_values:>10.1}{each_us:>10.2}");
        total += elapsed;
        count += here;
    }
    println!("{:<28}{:>8}{:>20.2}", "all", count, total.as_secs_f64() * 1e6 / f64::from(count));
}
