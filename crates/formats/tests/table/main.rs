//! Table files of every kind that feeds bring, and what must come of them.
//!
//! `cases/<name>/` holds one input file (its bytes as they would be sent, its name as it would be sent), optionally
//! `options.toml`, and `expected.json`: the reading without its elements. Every resource that comes out is validated.
//! `KANGMAI_BLESS=1` writes the expectation anew; look at the difference before you believe it.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own cases fails")]

mod laws;
mod speed_floor;

use std::path::{Path, PathBuf};

use formats::reading::{Act, Reading, Record};
use formats::table::{Options, read};
use serde_json::{Value, json};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/table/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn input(case: &Path) -> (String, Vec<u8>) {
    for entry in std::fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != "expected.json" && name != "options.toml" {
            return (name, std::fs::read(path).unwrap());
        }
    }
    panic!("{} has no input", case.display());
}

fn options(case: &Path, file_name: &str) -> Options {
    let mut options = Options { file_name: Some(file_name.to_owned()), ..Options::default() };
    if let Ok(text) = std::fs::read_to_string(case.join("options.toml")) {
        for line in text.lines().filter(|line| !line.starts_with('#') && line.contains('=')) {
            let (name, value) = line.split_once('=').unwrap();
            let value = Some(value.trim().trim_matches('"').to_owned());
            match name.trim() {
                "table" => options.table = value,
                "file_name" => options.file_name = value.filter(|name| !name.is_empty()),
                "charset" => options.charset = value,
                "institution" => options.institution = value,
                "branch" => options.branch = value,
                other => panic!("{other} is no option"),
            }
        }
    }
    options
}

fn issue(issue: &model::Issue) -> Value {
    let place = match (issue.line, issue.column) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        _ => String::new(),
    };
    json!([issue.severity.as_str(), issue.rule, issue.path, place, issue.found.as_deref().unwrap_or("")])
}

fn record(record: &Record) -> Value {
    let facts: Vec<Value> = record
        .facts
        .iter()
        .map(|fact| {
            let act = match fact.act {
                Act::Replace => "replace",
                Act::Merge => "merge",
                Act::Mention => "mention",
                Act::Supersede => "supersede",
            };
            json!({ "claim": fact.claim.reference(), "act": act, "resource": fact.resource })
        })
        .collect();
    let totals: Vec<Value> = record
        .totals
        .iter()
        .map(|total| {
            let keys: Vec<String> =
                total.keys.iter().map(|key| format!("{} {}", key.kind, key.key.join("|"))).collect();
            let shown =
                json!([total.branch, total.business_day, total.record_type, total.count, total.amount, total.batch]);
            if keys.is_empty() { shown } else { json!([shown, keys]) }
        })
        .collect();
    let mut shown = json!({
        "at": format!("{} line {}", record.path, record.line),
        "institution": record.institution,
        "effective_ms": record.effective_ms,
        "business_day": record.business_day,
        "issues": record.issues.iter().map(issue).collect::<Vec<_>>(),
        "facts": facts,
    });
    for (name, value) in [("totals", Value::from(totals)), ("amount", Value::from(record.amount.as_str()))] {
        if value.as_array().is_some_and(|items| !items.is_empty())
            || value.as_str().is_some_and(|text| !text.is_empty())
        {
            shown[name] = value;
        }
    }
    shown
}

fn shown(reading: &Reading) -> Value {
    json!({
        "message_type": reading.message_type,
        "encoding": reading.envelope.encoding,
        "issues": reading.issues.iter().map(issue).collect::<Vec<_>>(),
        "records": reading.records.iter().map(record).collect::<Vec<_>>(),
    })
}

fn each_reference(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("reference").and_then(Value::as_str) {
                each(reference);
            }
            members.values().for_each(|member| each_reference(member, each));
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, each)),
        _ => {}
    }
}

/// What must be true of every reading.
fn assert_sound(reading: &Reading, case: &str) {
    for record in &reading.records {
        for fact in &record.facts {
            for found in
                formats::fhir::check_basic(&fact.resource).into_iter().chain(formats::fhir::validate(&fact.resource))
            {
                assert!(
                    found.severity < model::Severity::Error,
                    "{case} {} {found:?} in {}",
                    record.path,
                    fact.resource
                );
            }
            each_reference(&fact.resource, &mut |reference| {
                let there = record.facts.iter().any(|fact| fact.claim.reference() == reference);
                assert!(there, "{case} {}: {reference} is referred to and is no fact", record.path);
            });
        }
    }
}

#[test]
fn every_case_gives_what_is_expected() {
    let bless = std::env::var_os("KANGMAI_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let (file_name, bytes) = input(&case);
        let reading = read(&bytes, &options(&case, &file_name));
        assert_sound(&reading, &name);
        let found = shown(&reading);
        let path = case.join("expected.json");
        if bless {
            std::fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected: Value = serde_json::from_str(&text).unwrap();
        if found != expected {
            wrong.push(format!("{name}:\n{}", serde_json::to_string_pretty(&found).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The rules that the code emits are those of the catalogue, and the reverse.
#[test]
fn the_catalogue_names_every_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut emitted = std::collections::BTreeSet::new();
    for folder in ["src/table", "src/text", "src/terminology"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for part in text.split('"').skip(1).step_by(1) {
                let family = ["table.", "text.", "terminology."].iter().any(|family| part.starts_with(family));
                let rule = part.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-'));
                if family && rule && part.matches('.').count() == 2
                    || (rule && matches!(part, "table.empty" | "table.unknown"))
                {
                    emitted.insert(part.to_owned());
                }
            }
        }
    }
    let mut listed = std::collections::BTreeSet::new();
    for family in ["table", "text", "terminology"] {
        let text = std::fs::read_to_string(root.join(format!("../../standards/rules/{family}.toml"))).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("id = ")) {
            assert!(listed.insert(line.trim_matches('"').to_owned()), "{line} is listed twice");
        }
    }
    assert_eq!(emitted, listed);
}
