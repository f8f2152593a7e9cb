//! Any bytes: the reader and the checks must answer, never panic; what is read must print and read back the same.
//!
//! Run: `fuzz/run.sh`.

#![no_main]

use formats::fhir;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (value, issues) = fhir::read(bytes);
    assert!(value.is_some() || !issues.is_empty());
    let Some(mut value) = value else { return };
    let again = fhir::read(value.to_string().as_bytes());
    assert_eq!(again.0.as_ref(), Some(&value));
    let basic = fhir::check_basic(&value);
    let full = fhir::validate(&value);
    assert!(full.len() > 100 || basic.iter().all(|issue| full.contains(issue)));
    let outcome = fhir::outcome(&full, fhir::Language::Chinese);
    assert!(fhir::validate(&outcome).is_empty());
    let before = value.clone();
    if fhir::apply_json_patch(&mut value, bytes).is_err() {
        assert_eq!(value, before);
    }
});
