//! Trains the built-in dictionary and measures it on resources it has not seen.
//!
//! ```text
//! cargo run --release -p store --example train_dictionary -- <folder of *.json.zst bundles> [<output> [<bytes>]]
//! ```
//!
//! Of the bundles, sorted by name, every other one is trained on; the rest is measured with the dictionary that was just made, or with the
//! built-in one when no output is named. The same folder gives the same file, byte for byte.

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;
use zstd::bulk::{Compressor, Decompressor};

/// Default size: 96 and 110 KiB made bodies 1–2 % smaller and cost cache.
const DICTIONARY_BYTES: usize = 64 << 10;
/// Longer resources compress well by themselves and would only fill the dictionary with one patient's history.
const SAMPLE_BYTES_MAX: usize = 16 << 10;
const LEVEL: i32 = 3;
const BUILT_IN: &[u8] = include_bytes!("../dictionaries/fhir-r4-1.zdict");

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder of *.json.zst bundles")?;
    let output = arguments.next().map(PathBuf::from);
    let size = arguments.next().map_or(Ok(DICTIONARY_BYTES), |bytes| bytes.parse())?;
    let (seen, unseen) = resources(Path::new(&folder))?;
    let dictionary = match &output {
        Some(output) => {
            let samples: Vec<&[u8]> =
                seen.iter().map(Vec::as_slice).filter(|sample| sample.len() <= SAMPLE_BYTES_MAX).collect();
            let dictionary = zstd::dict::from_samples(&samples, size)?;
            fs::write(output, &dictionary)?;
            dictionary
        }
        None => BUILT_IN.to_vec(),
    };
    let mut out = io::stdout().lock();
    writeln!(out, "dictionary {} bytes; {} resources seen, {} unseen", dictionary.len(), seen.len(), unseen.len())?;
    measure(&mut out, "seen", &seen, &dictionary)?;
    measure(&mut out, "unseen", &unseen, &dictionary)?;
    measure(&mut out, "unseen, no dictionary", &unseen, &[])?;
    Ok(())
}

type Bodies = Vec<Vec<u8>>;

/// Compact JSON of every resource: of every other bundle, and of the rest.
fn resources(folder: &Path) -> Result<(Bodies, Bodies), Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".json.zst"));
    paths.sort();
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for (position, path) in paths.iter().enumerate() {
        let bundle: Value = serde_json::from_reader(zstd::Decoder::new(File::open(path)?)?)?;
        let target = if position % 2 == 0 { &mut seen } else { &mut unseen };
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            target.push(serde_json::to_vec(&entry["resource"])?);
        }
    }
    Ok((seen, unseen))
}

fn measure(out: &mut impl Write, name: &str, bodies: &Bodies, dictionary: &[u8]) -> Result<(), Box<dyn Error>> {
    let encoder = zstd::dict::EncoderDictionary::try_copy(dictionary, LEVEL)?;
    let decoder = zstd::dict::DecoderDictionary::try_copy(dictionary)?;
    let mut compressor = Compressor::with_prepared_dictionary(&encoder)?;
    let mut decompressor = Decompressor::with_prepared_dictionary(&decoder)?;
    let started = Instant::now();
    let packed: Vec<Vec<u8>> = bodies.iter().map(|body| compressor.compress(body)).collect::<Result<_, _>>()?;
    let packing = started.elapsed();
    let started = Instant::now();
    for (body, packed) in bodies.iter().zip(&packed) {
        if decompressor.decompress(packed, body.len())? != *body {
            return Err("a body does not come back".into());
        }
    }
    let unpacking = started.elapsed();
    let count = bodies.len().max(1);
    let (plain, small) = (bodies.iter().map(Vec::len).sum::<usize>(), packed.iter().map(Vec::len).sum::<usize>());
    writeln!(
        out,
        "{name}: {} -> {} bytes per body, ratio {:.2}, pack {:.1} µs, unpack {:.1} µs",
        plain / count,
        small / count,
        plain as f64 / small.max(1) as f64,
        packing.as_secs_f64() * 1e6 / count as f64,
        unpacking.as_secs_f64() * 1e6 / count as f64,
    )?;
    Ok(())
}
