//! Any bytes: the reader of shared documents must answer, never panic; what it makes of them must be valid resources.
//!
//! Run: `fuzz/run.sh`.

#![no_main]

use formats::cda::{self, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = Options { institution: "990121000001".to_owned(), ..Options::default() };
    let reading = cda::read(bytes, &options);
    assert!(!reading.records.is_empty() || !reading.issues.is_empty());
    for fact in reading.records.iter().flat_map(|record| &record.facts) {
        let issues = formats::fhir::validate(&fact.resource);
        assert!(issues.iter().all(|issue| !matches!(issue.severity.as_str(), "error" | "fatal")), "{issues:?} {}", fact.resource);
    }
    let _ = cda::render(bytes);
});
