//! Which top-level elements `_summary=true` keeps, and which must always be there.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Source, is_stored};

/// For each stored type the JSON names of its summary and of its required elements; a choice has one name per type.
pub(super) fn elements(source: &Source) -> Result<String> {
    let bundle = source.read("profiles-resources.json")?;
    let entries = bundle["entry"].as_array().context("profiles-resources.json has no entries")?;
    let mut types = BTreeMap::new();
    for definition in entries.iter().map(|entry| &entry["resource"]) {
        let Some(name) = definition["name"].as_str().filter(|name| is_stored(name)) else { continue };
        if definition["resourceType"] != "StructureDefinition" || definition["derivation"] != "specialization" {
            continue;
        }
        let elements =
            definition["snapshot"]["element"].as_array().with_context(|| format!("{name} has no snapshot"))?;
        let (mut summary, mut required) = (Vec::new(), Vec::new());
        for element in elements {
            let path = element["path"].as_str().unwrap_or_default();
            let Some(("", short)) = path.split_once('.').map(|(head, short)| (head.trim_start_matches(name), short))
            else {
                continue;
            };
            if short.contains('.') {
                continue;
            }
            let names = json_names(short, element);
            if element["isSummary"] == true {
                summary.extend(names.iter().cloned());
            }
            if element["min"].as_u64().is_some_and(|min| min > 0) {
                required.extend(names);
            }
        }
        types.insert(name.to_owned(), json!({ "required": required, "summary": summary }));
    }
    Ok(serde_json::to_string_pretty(&types)? + "\n")
}

fn json_names(short: &str, element: &Value) -> Vec<String> {
    let Some(stem) = short.strip_suffix("[x]") else { return vec![short.to_owned()] };
    let types = element["type"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str());
    types
        .map(|code| {
            let mut letters = code.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase()).into_iter();
            format!("{stem}{}{}", first.collect::<String>(), letters.as_str())
        })
        .collect()
}
