//! Value sets of required bindings, expanded to their codes where that is possible from the published tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use serde_json::{Value, json};

use super::{Source, list, resources, text};

/// The published value sets and code systems, and which of them were asked for.
pub struct Terminology {
    value_sets: HashMap<String, Value>,
    code_systems: HashMap<String, Value>,
    /// Position of each value set in the file, by URL; none for those that cannot be enumerated.
    numbers: BTreeMap<String, Option<usize>>,
    expanded: Vec<Value>,
}

type Codes = BTreeMap<String, BTreeSet<String>>;

impl Terminology {
    pub fn read(source: &Source) -> Result<Self> {
        let mut found = Self {
            value_sets: HashMap::new(),
            code_systems: HashMap::new(),
            numbers: BTreeMap::new(),
            expanded: Vec::new(),
        };
        for file in ["v2-tables.json", "v3-codesystems.json", "valuesets.json"] {
            for resource in resources(&source.read(file)?) {
                let url = text(resource, "url").to_owned();
                match text(resource, "resourceType") {
                    "ValueSet" => found.value_sets.insert(url, resource.clone()),
                    "CodeSystem" => found.code_systems.insert(url, resource.clone()),
                    _ => None,
                };
            }
        }
        Ok(found)
    }

    /// The position in the file of a value set (`url|version`), or none when its codes cannot be listed.
    pub fn value_set(&mut self, canonical: &str) -> Option<usize> {
        let url = canonical.split('|').next().unwrap_or_default();
        if let Some(known) = self.numbers.get(url) {
            return *known;
        }
        let number = self.expand(url).map(|codes| {
            self.expanded.push(json!({ "url": url, "codes": codes }));
            self.expanded.len() - 1
        });
        self.numbers.insert(url.to_owned(), number);
        number
    }

    pub fn used(&self) -> Vec<Value> {
        self.expanded.clone()
    }

    pub fn not_enumerable(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().filter(|(_, number)| number.is_none()).map(|(url, _)| url.as_str())
    }

    fn expand(&self, url: &str) -> Option<Codes> {
        let compose = &self.value_sets.get(url)?["compose"];
        let mut codes = Codes::new();
        for include in list(compose, "include") {
            for (system, found) in self.included(include)? {
                codes.entry(system).or_default().extend(found);
            }
        }
        for exclude in list(compose, "exclude") {
            for (system, found) in self.included(exclude)? {
                if let Some(kept) = codes.get_mut(&system) {
                    kept.retain(|code| !found.contains(code));
                }
            }
        }
        Some(codes)
    }

    /// What one include or exclude names; none when that needs a table that is not published here.
    fn included(&self, include: &Value) -> Option<Codes> {
        let mut codes = Codes::new();
        for value_set in list(include, "valueSet").filter_map(Value::as_str) {
            for (system, found) in self.expand(value_set.split('|').next().unwrap_or_default())? {
                codes.entry(system).or_default().extend(found);
            }
        }
        let Some(system) = include["system"].as_str() else { return Some(codes) };
        let mut own: BTreeSet<String> =
            list(include, "concept").map(|concept| text(concept, "code").to_owned()).collect();
        if own.is_empty() {
            let table = self.code_systems.get(system)?;
            if text(table, "content") != "complete" {
                return None;
            }
            collect(&table["concept"], &mut own);
            for filter in list(include, "filter") {
                let allowed = filtered(table, filter)?;
                own.retain(|code| allowed.contains(code));
            }
        }
        codes.entry(system.to_owned()).or_default().extend(own);
        Some(codes)
    }
}

fn collect(concepts: &Value, codes: &mut BTreeSet<String>) {
    for concept in concepts.as_array().into_iter().flatten() {
        codes.insert(text(concept, "code").to_owned());
        collect(&concept["concept"], codes);
    }
}

/// The codes that a `concept is-a …` filter allows; other filters cannot be enumerated here.
fn filtered(table: &Value, filter: &Value) -> Option<BTreeSet<String>> {
    let (property, operator) = (text(filter, "property"), text(filter, "op"));
    if property != "concept" || !matches!(operator, "is-a" | "descendent-of") {
        return None;
    }
    let root = text(filter, "value");
    let mut codes = BTreeSet::new();
    below(&table["concept"], root, &mut codes);
    // v3 tables write the hierarchy as `subsumedBy` properties instead of nesting.
    loop {
        let before = codes.len();
        for concept in list(table, "concept") {
            let parents = list(concept, "property").filter(|property| text(property, "code") == "subsumedBy");
            if parents
                .into_iter()
                .any(|parent| text(parent, "valueCode") == root || codes.contains(text(parent, "valueCode")))
            {
                codes.insert(text(concept, "code").to_owned());
                collect(&concept["concept"], &mut codes);
            }
        }
        if codes.len() == before {
            break;
        }
    }
    if operator == "is-a" {
        codes.insert(root.to_owned());
    }
    Some(codes)
}

fn below(concepts: &Value, root: &str, codes: &mut BTreeSet<String>) {
    for concept in concepts.as_array().into_iter().flatten() {
        if text(concept, "code") == root {
            collect(&concept["concept"], codes);
        }
        below(&concept["concept"], root, codes);
    }
}
