//! `kangmai validate`: what reader and rules find about files, offline.
//!
//! The form of a file is known by its bytes. FHIR JSON goes through the checks of the server; documents, HL7 messages and
//! tables through their reader and the quality rules, as they would on the road.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use formats::reading::{Reading, Record};
use formats::sniff::{Form, sniff};
use formats::{cda, fhir, hl7v2, table};
use quality::{Issue, RecordContext, Rules, Severity};
use serde_json::json;

use crate::cli::{ReportFormat, Validate};
use crate::{Ended, load, speak};

/// The institution of rows and messages that name none: on the road the registration of the source says it.
const INSTITUTION: &str = "unregistered";

/// What was found in one file.
struct Checked {
    /// What it was taken for: `cda:C0007`, `table:charge`, `fhir`.
    message_type: String,
    /// How many records it holds.
    records: usize,
    /// Findings with the record that they are about; the message as a whole has an empty record.
    findings: Vec<(String, Issue)>,
    /// Nothing, or not all, could be read.
    is_unreadable: bool,
}

/// Checks every file; exit code 1 when something should be mended (a warning or worse), 2 when a file is not readable.
pub fn run(arguments: &Validate) -> anyhow::Result<Ended> {
    let received_ms = now_ms();
    let mut has_findings = false;
    let mut unreadable = 0;
    for path in &arguments.files {
        let bytes = load::read(path)?;
        let checked = check(&bytes, path, received_ms);
        unreadable += usize::from(checked.is_unreadable);
        for (record, issue) in &checked.findings {
            has_findings |= issue.severity >= Severity::Warning;
            speak::data(match arguments.format {
                ReportFormat::Human => human(path, issue),
                ReportFormat::Json => {
                    json!({"file": path.display().to_string(), "record": record, "issue": issue}).to_string()
                }
            });
        }
        if arguments.format == ReportFormat::Human {
            speak::words(summary(path, &checked));
        }
    }
    anyhow::ensure!(unreadable == 0, "{unreadable} of {} files are not readable", arguments.files.len());
    Ok(if has_findings { Ended::WithFindings } else { Ended::Well })
}

/// The time of the machine; a clock before 1970 makes every time lie in the future, which is then what is said.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn check(bytes: &[u8], path: &Path, received_ms: i64) -> Checked {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".zst").unwrap_or(&name);
    let institution = INSTITUTION.to_owned();
    match sniff(bytes, name) {
        Some(Form::Fhir) => resource(bytes),
        Some(Form::Cda) => reading(cda::read(bytes, &cda::Options { institution, ..Default::default() }), received_ms),
        Some(Form::Hl7v2) => {
            reading(hl7v2::read(bytes, &hl7v2::Options { institution, ..Default::default() }), received_ms)
        }
        Some(Form::Table) => {
            let options = table::Options {
                file_name: Some(name.to_owned()),
                institution: Some(institution),
                ..Default::default()
            };
            reading(table::read(bytes, &options), received_ms)
        }
        None => {
            let issue = Issue::new("message.form.unknown", Severity::Fatal, "1:1")
                .at(1, 1)
                .expected("FHIR JSON、CDA XML、HL7 v2 或分隔文本表")
                .hint("核对文件格式;电子表格先另存为 CSV");
            let findings = vec![(String::new(), issue)];
            Checked { message_type: String::new(), records: 0, findings, is_unreadable: true }
        }
    }
}

fn resource(bytes: &[u8]) -> Checked {
    let (resource, mut issues) = fhir::read(bytes);
    if let Some(resource) = &resource {
        issues.extend(fhir::validate(resource));
    }
    let findings = issues.into_iter().map(|issue| (String::new(), issue)).collect();
    let is_unreadable = resource.is_none();
    Checked {
        message_type: Form::Fhir.code().to_owned(),
        records: usize::from(!is_unreadable),
        findings,
        is_unreadable,
    }
}

/// The reader's findings and those of the quality rules on each record.
fn reading(reading: Reading, received_ms: i64) -> Checked {
    let rules = Rules::standard();
    let records = reading.records.len();
    let is_unreadable = records == 0 || reading.issues.iter().any(|issue| issue.severity == Severity::Fatal);
    let mut findings: Vec<(String, Issue)> = reading.issues.into_iter().map(|issue| (String::new(), issue)).collect();
    let repeated = quality::duplicates(
        reading
            .records
            .iter()
            .filter(|record| !record.facts.is_empty())
            .map(|record| (record.path.as_str(), record.line, content(record))),
    );
    for record in reading.records {
        let context = RecordContext {
            record_type: &record.record_type,
            effective_ms: record.effective_ms,
            received_ms: Some(received_ms),
            path: &record.path,
            line: record.line,
        };
        let found = rules.check(&context, &record.elements);
        findings.extend(record.issues.into_iter().chain(found).map(|issue| (record.path.clone(), issue)));
    }
    findings.extend(repeated.into_iter().map(|issue| (issue.path.clone(), issue)));
    if records == 0 && findings.is_empty() {
        let issue = Issue::new("message.empty", Severity::Fatal, "1:1").at(1, 1).hint("文件中没有可读取的记录");
        findings.push((String::new(), issue));
    }
    Checked { message_type: reading.message_type, records, findings, is_unreadable }
}

/// What a record says, as a number: two records with the same one are the same, but for their envelopes.
fn content(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    for fact in &record.facts {
        fact.claim.hash(&mut hasher);
        fact.resource.to_string().hash(&mut hasher);
    }
    hasher.finish()
}

/// `file:line:column: severity: rule path; found …; expected …; hint …`.
fn human(path: &Path, issue: &Issue) -> String {
    let mut line = path.display().to_string();
    if let Some(number) = issue.line {
        // Writing into a text cannot fail.
        let _ = write!(line, ":{number}:{}", issue.column.unwrap_or(1));
    }
    let _ = write!(line, ": {}: {} {}", issue.severity.as_str(), issue.rule, issue.path);
    for (name, text) in [("found", &issue.found), ("expected", &issue.expected), ("hint", &issue.hint)] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            let _ = write!(line, "; {name} {text}");
        }
    }
    line
}

fn summary(path: &Path, checked: &Checked) -> String {
    let worth = checked.findings.iter().filter(|(_, issue)| issue.severity >= Severity::Warning).count();
    let said = match (checked.findings.len(), worth) {
        (0, _) => "no findings".to_owned(),
        (all, worth) => format!("{worth} findings to mend, {} to know", all - worth),
    };
    let message_type = if checked.message_type.is_empty() { "unknown" } else { &checked.message_type };
    format!("{}: {message_type}, {} records, {said}", path.display(), checked.records)
}
