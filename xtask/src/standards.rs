//! Writes `standards/fhir-r4/*` from the FHIR R4 definitions that HL7 publishes.
//!
//! The product carries only what it uses, in a form that is small and quick to load. The files are committed; this
//! command makes them again: `cargo xtask standards --from ../shared/data/fhir-r4-definitions [--to standards/fhir-r4]`.
//! It is deterministic: the same definitions and the same existing numbers give the same bytes.

mod search;
mod structures;
mod summary;
mod terminology;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use model::TypeCode;
use serde_json::Value;

/// Runs the command; `args` are the words after `standards`.
///
/// # Errors
/// When an argument is missing, a definition cannot be read, or a file cannot be written.
pub fn run(args: &[String]) -> Result<()> {
    let from = option(args, "--from").context("say where the definitions are: --from <folder>")?;
    let to = option(args, "--to").unwrap_or_else(|| PathBuf::from("standards/fhir-r4"));
    let source = Source { folder: from };
    fs::create_dir_all(&to)?;

    let parameters_path = to.join("search-parameters.json");
    let existing = fs::read_to_string(&parameters_path).ok();
    let parameters = search::parameters(&source.read("search-parameters.json")?, existing.as_deref())?;
    fs::write(&parameters_path, parameters)?;
    let compartment = search::compartment(&source.read("compartmentdefinition-patient.json")?)?;
    fs::write(to.join("compartment-patient.json"), compartment)?;

    fs::write(to.join("summary-elements.json"), summary::elements(&source)?)?;

    let plain = structures::structures(&source)?;
    let packed = zstd::bulk::compress(&plain, 22)?;
    println!("structures: {} bytes, packed {} bytes", plain.len(), packed.len());
    fs::write(to.join("structures.json.zst"), packed)?;
    Ok(())
}

fn option(args: &[String], name: &str) -> Option<PathBuf> {
    args.iter().position(|word| word == name).and_then(|at| args.get(at + 1)).map(PathBuf::from)
}

/// The folder with the published definitions, each file plain or zstd-compressed.
struct Source {
    folder: PathBuf,
}

impl Source {
    fn read(&self, name: &str) -> Result<Value> {
        let plain = self.folder.join(name);
        if plain.is_file() {
            return parse(&fs::read(&plain)?, &plain);
        }
        let packed = self.folder.join(format!("{name}.zst"));
        if !packed.is_file() {
            bail!("neither {} nor {} is there", plain.display(), packed.display());
        }
        parse(&zstd::stream::decode_all(fs::File::open(&packed)?)?, &packed)
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<Value> {
    serde_json::from_slice(bytes).with_context(|| format!("{} is not JSON", path.display()))
}

/// The resources of a Bundle.
fn resources(bundle: &Value) -> impl Iterator<Item = &Value> {
    bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"])
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

/// Whether the platform stores resources of a type.
fn is_stored(type_name: &str) -> bool {
    TypeCode::of(type_name).is_ok()
}
