//! Public suites, run when they are beside the repository (see `shared`): RFC 6902 cases, and the validator cases of FHIR.

use std::path::Path;

use formats::fhir;
use model::Severity;
use serde_json::Value;

use crate::shared;

#[test]
fn json_patch_suite() {
    let (mut run, mut failed) = (0, Vec::new());
    for version in ["r4", "r4b", "r5"] {
        let Some(path) = shared(&format!("suites/fhir-test-cases/{version}/patch/json-patch-tests.json")) else {
            return;
        };
        let cases: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            let (Some(document), Some(patch)) = (case.get("doc"), case.get("patch")) else { continue };
            if case["disabled"] == true {
                continue;
            }
            run += 1;
            let mut target = document.clone();
            let result = fhir::apply_json_patch(&mut target, patch.to_string().as_bytes());
            let is_right = match (case.get("expected"), case.get("error")) {
                (Some(expected), _) => result.is_ok() && target == *expected,
                (None, Some(_)) => result.is_err() && target == *document,
                (None, None) => result.is_ok(),
            };
            if !is_right {
                failed.push(format!("{version}: {}", case["comment"]));
            }
        }
    }
    eprintln!("JSON Patch suite: {run} cases, {} differ: {failed:?}", failed.len());
    assert_eq!(failed, Vec::<String>::new());
    assert!(run > 0);
}

/// The cases of the validator suite that are about the base definitions alone: FHIR R4, JSON, a resource, no profile asked for.
/// Expected is what the reference implementation in Java found. The counts are printed; every case that it calls valid and we do
/// not is listed by name in `KNOWN`, with the reason.
#[test]
fn validator_suite() {
    // A whole checkout of FHIR/fhir-test-cases may stand elsewhere than the part beside the repository.
    let whole = std::env::var_os("KANGMAI_FHIR_TEST_CASES").map(|root| Path::new(&root).join("validator"));
    let Some(folder) = whole.or_else(|| shared("suites/fhir-test-cases/validator")) else { return };
    let manifest = folder.join("manifest.json");
    if !manifest.exists() {
        eprintln!("skipped: the suite has no manifest.json here");
        return;
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let mut counts = [0_usize; 4];
    let mut false_alarms = Vec::new();
    let mut missed = Vec::new();
    for case in manifest["test-cases"].as_array().unwrap() {
        let Some((expected, found)) = outcome_of(&folder, case) else { continue };
        let name = case["name"].as_str().unwrap_or_default();
        counts[usize::from(expected > 0) * 2 + usize::from(!found.is_empty())] += 1;
        if expected == 0 && !found.is_empty() {
            false_alarms.push(format!("{name}: {}", found.join("; ")));
        } else if expected > 0 && found.is_empty() {
            missed.push(name.to_owned());
        }
    }
    let [both_valid, alarms, misses, both_invalid] = counts;
    eprintln!(
        "validator suite: both valid {both_valid}, both invalid {both_invalid}, only we object {alarms}, only Java objects {misses}"
    );
    for line in &false_alarms {
        eprintln!("  only we object: {line}");
    }
    eprintln!("  only Java objects: {}", missed.join(", "));
    let names: Vec<&str> = false_alarms.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(names, KNOWN);
}

/// Cases that the Java validator accepts and we do not.
const KNOWN: &[&str] = &[];

/// How many errors Java found, and the errors that we found; none when the case is not about the base definitions of R4.
fn outcome_of(folder: &Path, case: &Value) -> Option<(usize, Vec<String>)> {
    let version = case.get("version").and_then(Value::as_str).unwrap_or_default();
    let file = case["file"].as_str()?;
    if !version.starts_with("4.0") || !file.ends_with(".json") {
        return None;
    }
    let skip =
        ["profile", "profiles", "logical", "packages", "supporting", "suppress", "bundle-param", "ips", "advisor"];
    if skip.iter().any(|key| case.get(*key).is_some()) {
        return None;
    }
    let outcome: Value = match case.get("java")? {
        Value::String(path) => serde_json::from_slice(&std::fs::read(folder.join("outcomes").join(path)).ok()?).ok()?,
        inline => inline.get("outcome").cloned().unwrap_or_else(|| inline.clone()),
    };
    let issues = outcome.get("issue").or_else(|| outcome.pointer("/outcome/issue"))?.as_array()?;
    let expected = issues.iter().filter(|issue| matches!(issue["severity"].as_str(), Some("error" | "fatal"))).count();
    let bytes = std::fs::read(folder.join(file)).ok()?;
    let (resource, mut found) = fhir::read(&bytes);
    if let Some(resource) = resource {
        found.extend(fhir::validate(&resource));
    }
    found.retain(|issue| issue.severity >= Severity::Error);
    Some((expected, found.iter().map(|issue| format!("{} @ {} {:?}", issue.rule, issue.path, issue.found)).collect()))
}
