//! The FHIR side of the crate from outside: cases kept as data in `tests/data`, laws, and public suites when `../shared` is there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it measured"
)]

mod cases;
#[cfg(feature = "fhirpath")]
mod fhirpath;
mod laws;
mod samples;
mod suites;
#[cfg(feature = "fhirpath")]
mod xml;

use std::path::PathBuf;

use model::Issue;
use serde_json::Value;

/// A file of `tests/data`.
fn data(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `rule @ path` of each issue, sorted.
fn lines(issues: &[Issue]) -> Vec<String> {
    let mut lines: Vec<String> = issues.iter().map(|issue| format!("{} @ {}", issue.rule, issue.path)).collect();
    lines.sort();
    lines
}

/// The folder of reference material beside the repository, or where `KANGMAI_SHARED` says; none when it is not there.
fn shared(inside: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KANGMAI_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(inside);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {inside} is not beside the repository");
    None
}
