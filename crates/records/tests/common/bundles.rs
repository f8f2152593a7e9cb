//! Bundles on the disk, for tests in and beside the crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The bundles of a folder, in the order of their names.
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_bundle = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".json") || name.ends_with(".json.zst")
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(is_bundle).collect();
    files.sort();
    files
}

/// The resources of a bundle, with references between entries made relative as a transaction does.
pub fn resources(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).unwrap();
    let is_packed = path.extension().is_some_and(|extension| extension == "zst");
    let bytes = if is_packed { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes };
    let bundle: Value = serde_json::from_slice(&bytes).unwrap();
    let mut addresses = BTreeMap::new();
    for entry in bundle["entry"].as_array().unwrap() {
        let resource = &entry["resource"];
        let address = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        addresses.insert(entry["fullUrl"].as_str().unwrap().to_owned(), address);
    }
    let related = |entry: &Value| {
        let mut resource = entry["resource"].clone();
        relate(&mut resource, &addresses);
        resource
    };
    bundle["entry"].as_array().unwrap().iter().map(related).collect()
}

fn relate(node: &mut Value, addresses: &BTreeMap<String, String>) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| relate(item, addresses)),
        Value::Object(members) => {
            for (name, child) in members.iter_mut() {
                if let (true, Some(address)) = (name == "reference", child.as_str().and_then(|it| addresses.get(it))) {
                    *child = Value::String(address.clone());
                }
                relate(child, addresses);
            }
        }
        _ => {}
    }
}
