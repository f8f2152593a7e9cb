//! The real binary under test: every text in `tests/scenarios/` (request, expected answer), what an operator does with it, and
//! every line of its `CapabilityStatement`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise, also in its helpers")]

mod capabilities;
mod operations;
mod support;

use std::path::{Path, PathBuf};

use support::Server;
use support::scenario::Scenario;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

/// All texts run against one server, each in tenants of its own.
#[test]
fn every_scenario_holds() {
    let server = Server::start();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no scenario found");
    let only = std::env::var("SCENARIO").ok();
    let mut failures = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let tenant = 10 * (u32::try_from(number).unwrap() + 1);
        if let Err(failure) = Scenario::parse(&text).and_then(|scenario| scenario.run(&server, tenant)) {
            failures.push(format!("{name}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "\n{}\n\nserver said:\n{}", failures.join("\n\n"), server.log());
}
