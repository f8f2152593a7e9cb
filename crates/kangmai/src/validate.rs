//! `kangmai validate`: findings about files, offline.

use std::path::Path;

use formats::fhir;
use serde_json::{Value, json};

use crate::cli::{ReportFormat, Validate};
use crate::{Ended, load, speak};

/// Checks every file; exit code 1 when one of them has an error, 2 when one is not readable as FHIR JSON at all.
pub fn run(arguments: &Validate) -> anyhow::Result<Ended> {
    let mut has_errors = false;
    let mut unreadable = 0;
    for path in &arguments.files {
        let bytes = load::read(path)?;
        let (resource, mut issues) = fhir::read(&bytes);
        match &resource {
            Some(resource) => issues.extend(fhir::validate(resource)),
            None => unreadable += 1,
        }
        for issue in &issues {
            has_errors |= matches!(issue.severity.as_str(), "error" | "fatal");
            let issue = serde_json::to_value(issue)?;
            speak::data(match arguments.format {
                ReportFormat::Human => human(path, &issue),
                ReportFormat::Json => json!({"file": path.display().to_string(), "issue": issue}).to_string(),
            });
        }
        if issues.is_empty() && arguments.format == ReportFormat::Human {
            speak::words(format!("{}: no findings", path.display()));
        }
    }
    anyhow::ensure!(unreadable == 0, "{unreadable} of {} files are not readable as FHIR JSON", arguments.files.len());
    Ok(if has_errors { Ended::WithFindings } else { Ended::Well })
}

/// `file:path: severity: rule; found …; expected …; hint …`.
fn human(path: &Path, issue: &Value) -> String {
    let word = |name: &str| issue[name].as_str().unwrap_or_default().to_owned();
    let mut line = format!("{}:{}: {}: {}", path.display(), word("path"), word("severity"), word("rule"));
    for name in ["found", "expected", "hint"] {
        let text = word(name);
        if !text.is_empty() {
            line.push_str("; ");
            line.push_str(name);
            line.push(' ');
            line.push_str(&text);
        }
    }
    line
}
