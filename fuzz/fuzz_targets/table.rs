#![no_main]
//! Any bytes as any table: the reader returns records and issues, and what it returns is FHIR.

use formats::table::{Options, read};
use formats::terminology::{code_map, normalise};
use libfuzzer_sys::fuzz_target;

const TABLES: [&str; 9] = [
    "registration",
    "outpatient_record",
    "lab_report",
    "lab_item",
    "prescription",
    "charge",
    "discharge_summary",
    "patient",
    "reconciliation",
];

fuzz_target!(|data: &[u8]| {
    let _ = read(data, &Options::default());
    let Some((first, rest)) = data.split_first() else { return };
    let table = TABLES[usize::from(*first) % TABLES.len()].to_owned();
    let reading = read(rest, &Options { table: Some(table), ..Options::default() });
    for mut record in reading.records {
        for fact in &mut record.facts {
            normalise(&mut fact.resource, code_map(&record.institution), &fact.path);
            let errors = formats::fhir::check_basic(&fact.resource);
            assert!(errors.iter().all(|issue| !matches!(issue.severity.as_str(), "error" | "fatal")), "{errors:?}");
        }
    }
});
