//! How many documents one core reads: `cargo run --release -p formats --example cda_speed [seconds]`.
//!
//! Generated documents with about 24 entries each, in the mix of a hospital: laboratory reports (8 items of 3 entries), outpatient
//! records, prescriptions, orders, discharge summaries. Rates are per second of the
//! thread's own processor time where the system tells it (Linux), else wall clock; nothing is kept between documents.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program says what it measured")]

#[path = "../tests/cda/invent.rs"]
mod invent;

use std::time::{Duration, Instant};

/// As the product: small allocations are most of the work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use formats::cda::{Options, read, write::write};

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let mut kinds: Vec<(&str, Vec<String>)> =
        vec![("C0007 (8 items)", (0..64).map(|number| write(&invent::laboratory(8, number)).unwrap()).collect())];
    for code in ["C0002", "C0004", "C0052", "C0053", "C0032", "C0034"] {
        kinds.push((code, (0..64).map(|number| write(&invent::document(code, number)).unwrap()).collect()));
    }
    let options = Options::default();
    let _ = read(kinds[0].1[0].as_bytes(), &options);
    for (name, documents) in &kinds {
        let bytes: usize = documents.iter().map(String::len).sum::<usize>() / documents.len();
        let entries =
            documents[0].matches("<observation").count() + documents[0].matches("<substanceAdministration").count();
        let begun = Instant::now();
        let worked = processor_seconds();
        let mut count = 0_u32;
        let mut facts = 0;
        while begun.elapsed() < Duration::from_secs_f64(seconds) {
            for document in documents {
                facts = read(document.as_bytes(), &options).records[0].facts.len();
                count += 1;
            }
        }
        let spent = worked
            .zip(processor_seconds())
            .map_or_else(|| begun.elapsed().as_secs_f64(), |(before, after)| after - before);
        let rate = f64::from(count) / spent;
        println!("{name:<16} {bytes:>6} bytes {entries:>3} entries {facts:>3} facts {rate:>8.0} documents/s/core");
    }
}

/// Processor time of this thread.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
