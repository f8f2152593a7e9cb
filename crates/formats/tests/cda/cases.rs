//! Cases kept as data: `cases/NAME.xml` and what is read of it in `cases/NAME.json`. `KANGMAI_WRITE_EXPECTED=1` writes the
//! expectation anew; look at the difference before committing it.

use std::fs;
use std::path::PathBuf;

use formats::cda::{self, Options, write::write};
use serde_json::{Value, json};

use super::{check_facts, invent, one};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cda/cases")
}

fn summary(bytes: &[u8]) -> Value {
    let reading = cda::read(bytes, &Options::default());
    let (message_type, encoding) = (reading.message_type.clone(), reading.envelope.encoding);
    if reading.records.is_empty() {
        return json!({ "type": message_type, "issues": reading.issues });
    }
    let record = one(reading);
    check_facts(&record);
    let facts: Vec<Value> = record
        .facts
        .iter()
        .map(|fact| json!({ "claim": fact.claim.reference(), "act": format!("{:?}", fact.act), "path": fact.path, "resource": fact.resource }))
        .collect();
    let elements: Vec<String> = record
        .elements
        .iter()
        .map(|element| {
            let Element { id, name, value, display, unit, group, line, column, .. } = element;
            format!("{line}:{column} {id} {name} = {value} | {display} | {unit} | {group}")
        })
        .collect();
    let issues: Vec<String> = record
        .issues
        .iter()
        .map(|issue| {
            format!(
                "{}:{} {} {}",
                issue.line.unwrap_or(0),
                issue.column.unwrap_or(0),
                issue.rule,
                issue.found.as_deref().unwrap_or("")
            )
        })
        .collect();
    json!({ "type": message_type, "encoding": encoding, "issues": issues, "facts": facts, "elements": elements })
}

use model::Element;

#[test]
fn cases_are_read_as_expected() {
    let rewrite = std::env::var_os("KANGMAI_WRITE_EXPECTED").is_some();
    let mut names: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    for path in names {
        let found = summary(&fs::read(&path).unwrap());
        let expected = path.with_extension("json");
        if rewrite {
            fs::write(&expected, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        }
        let expected: Value = serde_json::from_slice(&fs::read(&expected).unwrap()).unwrap();
        assert_eq!(found, expected, "{}", path.display());
    }
}

/// The generated cases are what the generator writes today.
#[test]
fn generated_cases_are_up_to_date() {
    let rewrite = std::env::var_os("KANGMAI_WRITE_EXPECTED").is_some();
    let codes = ["C0002", "C0004", "C0005", "C0006", "C0032", "C0034", "C0035", "C0052", "C0053"];
    let mut documents: Vec<_> =
        codes.iter().map(|code| (format!("{}-full", code.to_lowercase()), invent::document(code, 7))).collect();
    documents.push(("c0007-blood-count".to_owned(), invent::laboratory(6, 7)));
    for (name, document) in documents {
        let path = folder().join(format!("{name}.xml"));
        let xml = write(&document).unwrap();
        if rewrite {
            fs::write(&path, &xml).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), xml, "{}", path.display());
    }
}
