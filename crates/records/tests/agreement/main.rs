//! The compiled extractors against an interpreter of FHIRPath: every base search parameter, on every resource of the sample, on resources
//! that have every element filled, and on the larger sample beside the repository where it is present (ADR 0005).
//!
//! What an expression selects is read into words by `reader.rs`, which shares no code with the extractors; what is compared is the set of
//! words. `cargo test --release -p records --test agreement -- --nocapture` prints the counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own sample fails")]

#[path = "../common/bundles.rs"]
mod bundles;
mod made;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use formats::fhirpath;
use model::TypeCode;
use records::parameters::{Computed, Kind, Parameter, Parameters, UNSUPPORTED};
use serde_json::{Value, json};
use standards::SearchParameter;

/// Of the larger sample every so many files are compared, so that the test stays within a minute on two cores.
const LARGE_SAMPLE_STEP: usize = 12;
/// Parameters for which no expression selects anything, in any resource: those of the exceptions, and what is made seldom.
const UNTOLD_MAX: usize = 7;
/// Of more parameters than these no example of a disagreement is printed.
const SHOWN_MAX: usize = 200;

/// Where extractors and interpreter differ, and why that is right: parameters (none: all of the kind), kind, how the word that only one
/// side has begins.
const EXCEPTIONS: &[(&[&str], Kind, &str, &str)] = &[
    (
        &[],
        Kind::Date,
        "not read: ",
        "a choice element may hold a text, an age or a range, which no question about a date can be compared with",
    ),
    (&["Observation.value-string"], Kind::String, "'true'", "the interpreter's `as string` takes a boolean"),
    (&["Observation.value-string"], Kind::String, "'false'", "the interpreter's `as string` takes a boolean"),
    (&["Observation.value-string"], Kind::String, "'150'", "the interpreter's `as string` takes an integer"),
    (&["Observation.code-value-string"], Kind::Composite, "[", "the interpreter's `as string` takes a boolean"),
    (
        &[],
        Kind::Reference,
        "-> <http://example.org/fhir/",
        "the interpreter's `resolve()` finds nothing at an absolute address, the extractor reads the type in it",
    ),
];

#[derive(Default)]
struct Counts {
    resources: usize,
    comparisons: usize,
    words: usize,
    /// Comparisons in which the expression selected something, by parameter.
    told: BTreeMap<String, usize>,
    exceptions: BTreeMap<&'static str, usize>,
    disagreements: Vec<String>,
}

#[test]
fn extractors_find_what_the_expressions_select() {
    let parameters = Parameters::load().unwrap();
    let mut resources = made::resources();
    let made = resources.len();
    let sample = bundles::paths(&repository().join("samples/synthea"));
    assert!(sample.len() > 5, "the sample is there");
    sample.iter().for_each(|file| resources.extend(bundles::resources(file)));
    let carried = resources.len() - made;
    let large = bundles::paths(&repository().join("../shared/data/synthea-r4"));
    large.iter().step_by(LARGE_SAMPLE_STEP).for_each(|file| resources.extend(bundles::resources(file)));
    if large.is_empty() {
        println!("the larger sample is not beside the repository: skipped");
    }

    let counts = Mutex::new(Counts::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let share = resources.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for part in resources.chunks(share) {
            scope.spawn(|| part.iter().for_each(|resource| compare(&parameters, resource, &counts)));
        }
    });

    let counts = counts.into_inner().unwrap();
    let offered: BTreeSet<String> = TypeCode::all()
        .flat_map(|type_code| parameters.of_type(type_code).map(move |it| format!("{type_code}.{}", it.code)))
        .collect();
    let untold: Vec<&String> = offered.iter().filter(|name| !counts.told.contains_key(*name)).collect();
    println!(
        "{} parameters, {} of them with values; {} resources ({made} made, {carried} of the sample, {} of the larger one); \
         {} comparisons, {} words; {} disagreements; exceptions: {:?}",
        offered.len(),
        counts.told.len(),
        counts.resources,
        resources.len() - made - carried,
        counts.comparisons,
        counts.words,
        counts.disagreements.len(),
        counts.exceptions,
    );
    let mut kinds: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for line in &counts.disagreements {
        let of = line.split_once(" of ").map_or(line.as_str(), |(of, _)| of);
        kinds.entry(of).or_insert((0, line)).0 += 1;
    }
    kinds.values().take(SHOWN_MAX).for_each(|(count, line)| println!("{count} times, as in {line}"));
    assert!(counts.disagreements.is_empty(), "{} disagreements", counts.disagreements.len());
    println!("no expression selected anything for: {untold:?}");
    assert!(untold.len() <= UNTOLD_MAX, "never compared on a value: {untold:?}");
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compare(parameters: &Parameters, resource: &Value, counts: &Mutex<Counts>) {
    let type_name = resource["resourceType"].as_str().unwrap();
    let Ok(type_code) = TypeCode::of(type_name) else { return };
    let subject = Subject::of(resource);
    let mut own = Counts { resources: 1, ..Counts::default() };
    for parameter in parameters.of_type(type_code) {
        let definition = definition(type_name, &parameter.code);
        let selected = match subject.words(definition, type_name) {
            Ok(selected) => selected,
            Err(reason) => {
                own.disagreements.push(format!("{type_name}.{}: {reason}", parameter.code));
                continue;
            }
        };
        own.comparisons += 1;
        own.words += selected.len();
        if !selected.is_empty() {
            *own.told.entry(format!("{type_name}.{}", parameter.code)).or_default() += 1;
        }
        judge(parameter, resource, &selected, &mut own);
    }
    let mut all = counts.lock().unwrap();
    all.resources += own.resources;
    all.comparisons += own.comparisons;
    all.words += own.words;
    own.told.into_iter().for_each(|(name, count)| *all.told.entry(name).or_default() += count);
    own.exceptions.into_iter().for_each(|(reason, count)| *all.exceptions.entry(reason).or_default() += count);
    all.disagreements.extend(own.disagreements);
}

fn judge(parameter: &Parameter, resource: &Value, selected: &BTreeSet<String>, counts: &mut Counts) {
    let computed = Computed::default();
    let values = parameter.values(resource, &computed);
    // A value has more than one form where the expression cannot tell all of it (the system of a `code`).
    let forms: Vec<Vec<String>> = values.iter().map(reader::forms).collect();
    let name = format!("{}.{}", parameter.type_code, parameter.code);
    let missing = selected.iter().filter(|word| !forms.iter().flatten().any(|form| form == *word));
    let added = forms.iter().filter(|forms| !forms.iter().any(|form| selected.contains(form))).map(|forms| &forms[0]);
    for (word, what) in
        missing.map(|word| (word, "is not extracted")).chain(added.map(|word| (word, "is not selected")))
    {
        let excepted = EXCEPTIONS.iter().find(|(names, kind, prefix, _)| {
            (names.is_empty() || names.contains(&name.as_str())) && *kind == parameter.kind && word.starts_with(prefix)
        });
        match excepted {
            Some((_, _, _, reason)) => *counts.exceptions.entry(reason).or_default() += 1,
            None => counts.disagreements.push(format!("{name} of {}: `{word}` {what}", resource["id"])),
        }
    }
}

/// The definition that a parameter of a type was compiled from.
fn definition(type_name: &str, code: &str) -> &'static SearchParameter {
    standards::search_parameters().iter().find(|it| it.code == code && !it.paths(type_name).is_empty()).unwrap()
}

/// A resource, and the same in a bundle with what it refers to, where `resolve()` can find it.
struct Subject<'r> {
    resource: &'r Value,
    bundle: Value,
}

impl<'r> Subject<'r> {
    fn of(resource: &'r Value) -> Self {
        let mut targets = BTreeSet::new();
        references(resource, &mut targets);
        let mut entries =
            vec![json!({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000000", "resource": resource})];
        for (address, type_name, id) in targets {
            entries.push(json!({"fullUrl": address, "resource": {"resourceType": type_name, "id": id}}));
        }
        Self { resource, bundle: json!({"resourceType": "Bundle", "type": "collection", "entry": entries}) }
    }

    /// What an expression of the resource's type selects.
    fn select(&self, expression: &str) -> Result<Vec<Value>, String> {
        let found = if expression.contains("resolve()") {
            let (_, below) = expression.split_once('.').ok_or("no root")?;
            fhirpath::evaluate(&format!("Bundle.entry.first().resource.{below}"), &self.bundle)
        } else {
            // The engine knows a resource by its own type only, not as a `Resource`.
            let own = self.resource["resourceType"].as_str().unwrap_or_default();
            let below = expression.strip_prefix("Resource.").or_else(|| expression.strip_prefix("DomainResource."));
            let expression = below.map_or_else(|| expression.to_owned(), |below| format!("{own}.{below}"));
            fhirpath::evaluate(&expression, self.resource)
        };
        found.map_err(|error| format!("{expression}: {error}"))
    }

    /// What a parameter selects, in words.
    fn words(&self, definition: &SearchParameter, type_name: &str) -> Result<BTreeSet<String>, String> {
        let mut words = BTreeSet::new();
        for path in definition.paths(type_name) {
            if definition.kind != Kind::Composite {
                self.select(path)?.iter().for_each(|value| words.extend(reader::words(definition.kind, value)));
                continue;
            }
            // The parts of a composite are asked of each element by its place, because an element by itself has lost its type.
            for at in 0..self.select(path)?.len() {
                let mut parts = Vec::new();
                for part in &definition.components {
                    let kind = self::definition(type_name, &part.code).kind;
                    let mut found = BTreeSet::new();
                    for below in &part.paths {
                        let expression = format!("{path}[{at}].{below}");
                        self.select(&expression)?.iter().for_each(|value| found.extend(reader::words(kind, value)));
                    }
                    parts.push(found);
                }
                if parts.iter().all(|part| !part.is_empty()) {
                    words.insert(reader::composite(&parts));
                }
            }
        }
        Ok(words)
    }
}

/// What the references of a resource point to, as far as they say it: address, type, id.
fn references(node: &Value, found: &mut BTreeSet<(String, String, String)>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            if let Some(text) = members.get("reference").and_then(Value::as_str) {
                let base = if text.starts_with("http") { "" } else { "http://example.org/fhir/" };
                let local = text.strip_prefix("http://example.org/fhir/").unwrap_or(text);
                if let Some((type_name, id)) = reader::local(local) {
                    found.insert((format!("{base}{text}"), type_name.to_owned(), id.to_owned()));
                }
            }
            members.values().for_each(|child| references(child, found));
        }
        _ => {}
    }
}

/// What is not offered is told by its reason, so nothing is left out of the comparison silently.
#[test]
fn what_is_not_compared_is_refused_by_name() {
    let parameters = Parameters::load().unwrap();
    for definition in standards::search_parameters() {
        let is_refused = UNSUPPORTED.iter().any(|(code, _)| *code == definition.code);
        let types = TypeCode::all().filter(|type_code| !definition.paths(type_code.name()).is_empty());
        for type_code in types {
            assert_eq!(parameters.get(type_code, &definition.code).is_none(), is_refused, "{}", definition.code);
        }
    }
}
