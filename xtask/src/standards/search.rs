//! Search parameters and the Patient compartment, for the types that the platform stores.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{is_stored, list, resources, text};

/// Bases that every stored type inherits.
const ABSTRACT_TYPES: [&str; 2] = ["Resource", "DomainResource"];

/// A reference parameter that lists at least this many targets means "any type" (R4 has 148 resource types).
const ANY_TARGETS_MIN: usize = 100;

/// The trimmed search parameters, one JSON object a line; numbers of the existing file are kept.
pub fn parameters(bundle: &Value, existing: Option<&str>) -> Result<String> {
    let codes_by_url: HashMap<&str, &str> =
        resources(bundle).map(|resource| (text(resource, "url"), text(resource, "code"))).collect();
    let mut entries = Vec::new();
    for resource in resources(bundle) {
        if let Some(entry) = parameter(resource, &codes_by_url)? {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| (text(entry, "code").to_owned(), first_base(entry).to_owned()));
    number(&mut entries, existing)?;

    let mut out = String::from("[\n");
    for (at, entry) in entries.iter().enumerate() {
        let comma = if at + 1 == entries.len() { "" } else { "," };
        writeln!(out, "{entry}{comma}")?;
    }
    out.push_str("]\n");
    Ok(out)
}

fn first_base(entry: &Value) -> &str {
    text(&entry["bases"][0], "type")
}

/// One parameter, or none when it is not about our types or has nothing to extract (`_text`, `_content`, `_query`).
fn parameter(resource: &Value, codes_by_url: &HashMap<&str, &str>) -> Result<Option<Value>> {
    let Some(expression) = resource["expression"].as_str() else { return Ok(None) };
    let paths = split_union(expression);
    let mut bases = Vec::new();
    for base in list(resource, "base").filter_map(Value::as_str) {
        if !is_stored(base) && !ABSTRACT_TYPES.contains(&base) {
            continue;
        }
        let own: Vec<&str> = paths.iter().copied().filter(|path| root_type(path) == base).collect();
        if own.is_empty() {
            bail!("parameter {} has no path for {base}: {expression}", text(resource, "id"));
        }
        bases.push(json!({ "type": base, "paths": own }));
    }
    if bases.is_empty() {
        return Ok(None);
    }
    let mut entry = json!({ "number": 0, "code": resource["code"], "kind": resource["type"], "bases": bases });
    let targets: Vec<&str> = list(resource, "target").filter_map(Value::as_str).collect();
    if targets.len() >= ANY_TARGETS_MIN {
        entry["targets"] = json!(["Resource"]);
    } else if !targets.is_empty() {
        entry["targets"] = json!(targets);
    }
    let mut components = Vec::new();
    for component in list(resource, "component") {
        let url = text(component, "definition");
        let code = codes_by_url.get(url).with_context(|| format!("no parameter {url}"))?;
        // The published text says `DateTime` where the type is called `dateTime`.
        let expression = text(component, "expression").replace("as(DateTime)", "as(dateTime)");
        // The published `DocumentReference-relationship` names its two components crosswise: `relatesto` is a reference, `relation` a code.
        let code = match (*code, expression.as_str()) {
            ("relatesto", "code") => "relation",
            ("relation", "target") => "relatesto",
            (code, _) => code,
        };
        components.push(json!({ "code": code, "paths": split_union(&expression) }));
    }
    if !components.is_empty() {
        entry["components"] = json!(components);
    }
    Ok(Some(entry))
}

/// The operands of a FHIRPath union, split at every `|` that is outside parentheses and strings.
fn split_union(expression: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut operands = Vec::new();
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            b'|' if !quoted && depth == 0 => {
                operands.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    operands.push(expression[start..].trim());
    operands
}

/// The type name that a path begins with: `Patient` of `(Patient.deceased as dateTime)`.
fn root_type(path: &str) -> &str {
    let path = path.trim_start_matches('(');
    path.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// Gives every code its number: the one it had, or the next free one.
fn number(entries: &mut [Value], existing: Option<&str>) -> Result<()> {
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(existing) = existing {
        let old: Value = serde_json::from_str(existing).context("the existing search-parameters.json is not JSON")?;
        for entry in old.as_array().into_iter().flatten() {
            let number = entry["number"].as_u64().context("an existing parameter has no number")?;
            numbers.insert(text(entry, "code").to_owned(), number);
        }
    }
    let mut next = numbers.values().max().map_or(1, |last| last + 1);
    for entry in entries {
        let number = *numbers.entry(text(entry, "code").to_owned()).or_insert_with(|| {
            next += 1;
            next - 1
        });
        entry["number"] = json!(number);
    }
    Ok(())
}

/// `{type: [codes]}` of the Patient compartment: the parameters that make a resource of the type part of it.
pub fn compartment(definition: &Value) -> Result<String> {
    let mut lines = Vec::new();
    for entry in list(definition, "resource") {
        let codes: Vec<&str> = list(entry, "param").filter_map(Value::as_str).collect();
        if is_stored(text(entry, "code")) && !codes.is_empty() {
            lines.push(format!("{}: {}", entry["code"], serde_json::to_string(&codes)?));
        }
    }
    lines.sort();
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}
