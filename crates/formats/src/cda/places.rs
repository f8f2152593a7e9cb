//! Parts of the header: telephone numbers, addresses, and the list of its data elements.

use model::Element;
use serde_json::{Map, Value, json};
use standards::cda;

use super::spelling::right_oid;
use super::tree::{Position, Tree};
use super::values::string;
use crate::text::{self, Context};

/// Telephone numbers of an element.
pub(super) fn telecoms(tree: &Tree<'_>, node: Position) -> Vec<Value> {
    tree.children(node)
        .filter(|child| tree.name(*child) == "telecom")
        .filter_map(|telecom| {
            let value = text::present(tree.attribute(telecom, "value")?, Context::Identifier)?;
            let value = value.strip_prefix("tel:").unwrap_or(&value).trim().to_owned();
            (!value.is_empty()).then(|| json!({ "system": "phone", "value": value }))
        })
        .collect()
}

/// Addresses of an element.
pub(super) fn addresses(tree: &Tree<'_>, node: Position) -> Vec<Value> {
    tree.children(node).filter(|child| tree.name(*child) == "addr").filter_map(|addr| address(tree, addr)).collect()
}

/// An address with its parts; the text is the parts in Chinese order, as nobody sends one.
pub(super) fn address(tree: &Tree<'_>, node: Position) -> Option<Value> {
    let part = |name: &str| tree.child(node, name).and_then(|child| string(tree.text(child)));
    let mut address = Map::new();
    let steps = ["state", "city", "county", "township", "streetName", "houseNumber"].map(part);
    let whole: String = steps.iter().flatten().map(String::as_str).collect();
    let own = string(tree.text(node));
    let text = own.unwrap_or(whole);
    if text.is_empty() {
        return None;
    }
    match tree.attribute(node, "use").map(str::trim) {
        Some("H" | "HP") => address.insert("use".to_owned(), Value::from("home")),
        Some("WP") => address.insert("use".to_owned(), Value::from("work")),
        _ => None,
    };
    address.insert("text".to_owned(), Value::from(text));
    let lines: Vec<&String> = steps[3..].iter().flatten().collect();
    if !lines.is_empty() {
        address.insert("line".to_owned(), json!(lines));
    }
    for (name, value) in
        [("city", &steps[1]), ("district", &steps[2]), ("state", &steps[0]), ("postalCode", &part("postalCode"))]
    {
        if let Some(value) = value {
            address.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    Some(Value::Object(address))
}

/// The data elements of the header, by `standards/cda/header.toml`.
pub(super) fn list_elements(tree: &Tree<'_>, root: Position, class: &str, elements: &mut Vec<Element>) {
    // Neighbours in the list share their path: the numbers of a patient.
    let mut last: (&str, Vec<Position>) = ("", Vec::new());
    for known in cda::header().element.iter().filter(|known| known.class.is_empty() || known.class.contains(class)) {
        if last.0 != known.path {
            last = (&known.path, tree.all_below(root, &known.path));
        }
        for node in last.1.iter().copied() {
            if !known.root.is_empty() && right_oid(tree.attribute(node, "root").unwrap_or_default()) != known.root {
                continue;
            }
            let value = match &*known.take {
                "text" => tree.raw_text(node),
                attribute => match tree.attribute(node, attribute) {
                    Some(value) => value,
                    None => continue,
                },
            };
            let (line, column) = tree.place_of(node);
            let take = |name: &str| tree.attribute(node, name).unwrap_or_default().to_owned();
            elements.push(Element {
                id: known.id.clone(),
                name: known.name.clone(),
                value: value.to_owned(),
                display: take("displayName"),
                system: right_oid(&take("codeSystem")).into_owned(),
                unit: take("unit"),
                group: 0,
                path: tree.path(node),
                line,
                column,
            });
        }
    }
}
