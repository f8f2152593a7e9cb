//! Structure definitions, trimmed to what checking a resource needs.
//!
//! Every R4 resource type is in the file, not only the stored ones: a contained resource or a Bundle entry may be of any type.
//! A data type is in it when some resource reaches it. Backbone elements are structures of their own, named by their path
//! (`Patient.contact`), so that a content reference is just the name of a structure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::terminology::Terminology;
use super::{Source, list, resources, text};

const DEFINITION_URL: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The whole file as JSON text.
pub fn structures(source: &Source) -> Result<Vec<u8>> {
    let types = source.read("profiles-types.json")?;
    let profiles = source.read("profiles-resources.json")?;
    let mut terminology = Terminology::read(source)?;

    let mut by_name: BTreeMap<&str, &Value> = BTreeMap::new();
    for definition in resources(&types).filter(|definition| text(definition, "kind") != "primitive-type") {
        by_name.insert(text(definition, "id"), definition);
    }
    let mut wanted = vec!["Element"];
    for definition in
        resources(&profiles).filter(|definition| text(definition, "resourceType") == "StructureDefinition")
    {
        by_name.insert(text(definition, "id"), definition);
        if definition["abstract"] == json!(false) {
            wanted.push(text(definition, "id"));
        }
    }
    let mut out = BTreeMap::new();
    let mut seen: BTreeSet<&str> = wanted.iter().copied().collect();
    while let Some(name) = wanted.pop() {
        let definition = by_name[name];
        for (path, structure) in split(definition, &mut terminology)? {
            for found in types_of(&structure) {
                if let Some((known, _)) = by_name.get_key_value(found.as_str())
                    && *known != "Resource"
                    && seen.insert(known)
                {
                    wanted.push(known);
                }
            }
            out.insert(path, structure);
        }
    }
    let structures: Vec<Value> = out.into_values().collect();
    let value_sets = terminology.used();
    println!("{} structures, {} value sets", structures.len(), value_sets.len());
    for url in terminology.not_enumerable() {
        println!("not enumerable: {url}");
    }
    let file = json!({ "primitives": primitives(&types), "valueSets": value_sets, "structures": structures });
    Ok(serde_json::to_vec(&file)?)
}

/// `{name: regular expression}` of the primitive types.
fn primitives(types: &Value) -> Value {
    let mut found = BTreeMap::new();
    for definition in resources(types).filter(|definition| text(definition, "kind") == "primitive-type") {
        let value = list(&definition["snapshot"], "element").find(|element| text(element, "path").ends_with(".value"));
        let extensions =
            value.into_iter().flat_map(|value| list(value, "type")).flat_map(|kind| list(kind, "extension"));
        let regex = extensions.into_iter().find(|extension| text(extension, "url").ends_with("/regex"));
        found.insert(text(definition, "id"), regex.map_or("", |regex| text(regex, "valueString")));
    }
    json!(found)
}

/// The structures of one definition: the type itself and each of its backbone elements.
fn split(definition: &Value, terminology: &mut Terminology) -> Result<Vec<(String, Value)>> {
    let name = text(definition, "id");
    let is_resource = text(definition, "kind") == "resource";
    let root = text(definition, "type");
    let elements: Vec<&Value> = list(&definition["snapshot"], "element").collect();
    let mut children: HashMap<String, Vec<Value>> = HashMap::new();
    let mut order = Vec::new();
    for element in &elements {
        let path = text(element, "path");
        let Some((parent, own)) = path.rsplit_once('.') else {
            order.push(name.to_owned());
            continue;
        };
        // A constrained type (SimpleQuantity) has the paths of the type that it constrains.
        let parent = if parent == root { name } else { parent };
        let prefix = format!("{path}.");
        let is_parent = elements.iter().any(|other| text(other, "path").starts_with(&prefix));
        if is_parent {
            order.push(path.to_owned());
        }
        let mut types = if is_parent { vec![path.to_owned()] } else { element_types(element)? };
        if is_resource && path == format!("{root}.id") {
            // Published as `string`; the standard's text and grammar say `id`.
            types = vec!["id".to_owned()];
        }
        children.entry(parent.to_owned()).or_default().push(trimmed(element, own, &types, terminology));
    }
    let mut out = Vec::new();
    for path in order {
        let elements = children.remove(&path).with_context(|| format!("{path} has no elements"))?;
        let mut structure = json!({ "name": path, "elements": elements });
        if is_resource && path == name {
            structure["resource"] = json!(true);
        }
        out.push((path, structure));
    }
    Ok(out)
}

fn trimmed(element: &Value, own: &str, types: &[String], terminology: &mut Terminology) -> Value {
    let mut out = json!({ "name": own, "types": types });
    if element["min"] != json!(0) {
        out["min"] = element["min"].clone();
    }
    match text(element, "max") {
        "*" => {}
        max => out["max"] = json!(max.parse::<u32>().unwrap_or(1)),
    }
    if text(&element["binding"], "strength") == "required"
        && let Some(number) = terminology.value_set(text(&element["binding"], "valueSet"))
    {
        out["binding"] = json!(number);
    }
    let targets: BTreeSet<&str> = list(element, "type")
        .filter(|kind| text(kind, "code") == "Reference")
        .flat_map(|kind| list(kind, "targetProfile"))
        .filter_map(|profile| profile.as_str()?.strip_prefix(DEFINITION_URL))
        .collect();
    if !targets.is_empty() && !targets.contains("Resource") {
        out["targets"] = json!(targets);
    }
    out
}

/// The types of a leaf: `Quantity`, or `Quantity/SimpleQuantity` when a type is constrained; the JSON name uses what is before the slash.
fn element_types(element: &Value) -> Result<Vec<String>> {
    if let Some(target) = element["contentReference"].as_str() {
        return Ok(vec![target.trim_start_matches('#').to_owned()]);
    }
    let mut types = Vec::new();
    for kind in list(element, "type") {
        let mut code = text(kind, "code").to_owned();
        if code.starts_with("http://hl7.org/fhirpath/") {
            let real = list(kind, "extension")
                .find(|extension| text(extension, "url").ends_with("structuredefinition-fhir-type"));
            code = text(real.with_context(|| format!("{} has no FHIR type", text(element, "path")))?, "valueUrl")
                .to_owned();
        }
        let profile = list(kind, "profile").find_map(|profile| profile.as_str()?.strip_prefix(DEFINITION_URL));
        if let Some(profile @ ("SimpleQuantity" | "MoneyQuantity")) = profile {
            code = format!("{code}/{profile}");
        }
        types.push(code);
    }
    Ok(types)
}

fn types_of(structure: &Value) -> impl Iterator<Item = String> {
    list(structure, "elements").flat_map(|element| list(element, "types")).filter_map(|kind| {
        let kind = kind.as_str()?;
        Some(kind.rsplit('/').next().unwrap_or(kind).to_owned())
    })
}
