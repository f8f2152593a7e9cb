//! What the reader makes of files, one line each: `cargo run --release -p formats --example cda_read FILE…`.
//!
//! Prints the type, how many sections, elements (and how many of them filled), facts by type and findings by rule were read, and
//! whether every resource is valid FHIR. `--findings` prints each finding too, `--values` the elements,
//! `--facts` the resources.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::collections::BTreeMap;

use formats::cda::{Options, read};
use model::{Issue, Severity};

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.iter().map(|(name, count)| format!("{name}×{count}")).collect::<Vec<_>>().join(" ")
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, files): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let wants = |flag: &str| flags.iter().any(|one| *one == flag);
    let options = Options { institution: "990121000001".to_owned(), ..Options::default() };
    for file in files {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{file}: {error}");
                continue;
            }
        };
        let reading = read(&bytes, &options);
        let mut issues: Vec<&Issue> = reading.issues.iter().collect();
        for record in &reading.records {
            issues.extend(&record.issues);
            let filled = record.elements.iter().filter(|element| !element.value.trim().is_empty()).count();
            let invalid: Vec<String> = record
                .facts
                .iter()
                .flat_map(|fact| formats::fhir::validate(&fact.resource))
                .filter(|issue| issue.severity >= Severity::Error)
                .map(|issue| format!("{} {}", issue.rule, issue.path))
                .collect();
            let types = counted(record.facts.iter().filter_map(|fact| fact.resource["resourceType"].as_str()));
            println!(
                "{file}: {} elements {} filled {filled} facts {} [{types}] invalid {invalid:?}",
                record.record_type,
                record.elements.len(),
                record.facts.len()
            );
            if wants("--facts") {
                for fact in &record.facts {
                    println!("    {} {}", fact.claim.reference(), fact.resource);
                }
            }
            if wants("--values") {
                for element in &record.elements {
                    println!(
                        "    {} {} = {} {} {}",
                        element.id, element.name, element.value, element.display, element.unit
                    );
                }
            }
        }
        if reading.records.is_empty() {
            println!("{file}: not readable");
        }
        println!("    findings [{}]", counted(issues.iter().map(|issue| &*issue.rule)));
        if wants("--findings") {
            for issue in issues {
                let (line, column) = (issue.line.unwrap_or(0), issue.column.unwrap_or(0));
                println!("    {line}:{column} {} found {:?} expected {:?}", issue.rule, issue.found, issue.expected);
            }
        }
    }
}
