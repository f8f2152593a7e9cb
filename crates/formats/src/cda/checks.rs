//! Findings about the form of a document that no reader of its content sees: order, names, blanks, object identifiers, times,
//! and what the document says about itself (template, code, title, version).

use standards::cda::{self, Document, skeleton};

use super::findings::{Findings, rule};
use super::header;
use super::spelling::right_oid;
use super::tree::{Position, Tree};
use super::values::string;
use crate::text;

/// More unknown elements than this are not kept beside the original: such a text is another format, not a document.
const UNKNOWN_MAX: usize = 100;

/// `moodCode`s of HL7 that documents may use.
const MOODS: [&str; 10] = ["EVN", "INT", "APT", "ARQ", "PRMS", "PRP", "RQO", "DEF", "GOL", "EVN.CRT"];

/// Looks at every element once. Returns what stands in elements that documents do not have, by their names: it belongs to no
/// data element and must not be lost.
pub fn form(tree: &Tree<'_>, root: Position, findings: &mut Findings) -> Vec<(String, String)> {
    let mut unknown = Vec::new();
    check(tree, root, findings);
    let mut text_end = 0;
    for node in std::iter::once(root).chain(tree.descendants(root)) {
        if node < text_end {
            continue;
        }
        if tree.name(node) == "text" && tree.parent(node).is_some_and(|parent| tree.name(parent) == "section") {
            // The narrative is free: XHTML-like markup of every kind.
            text_end = tree.end(node);
            continue;
        }
        attributes(tree, node, findings);
        order(tree, node, findings);
        if !skeleton().knows(tree.name(node)) {
            say(tree, findings, rule::NAME_UNKNOWN, node, tree.name(node));
            let words = [
                Some(tree.text(node)),
                tree.attribute(node, "displayName"),
                tree.attribute(node, "value"),
                tree.attribute(node, "code"),
            ];
            let words = words.into_iter().flatten().filter_map(string).collect::<Vec<_>>().join(" ");
            if !words.is_empty() && unknown.len() < UNKNOWN_MAX {
                unknown.push((tree.name(node).to_owned(), words));
            }
        }
    }
    unknown
}

fn say<'f>(tree: &Tree<'_>, findings: &'f mut Findings, id: &str, node: Position, found: &str) -> &'f mut model::Issue {
    let (line, column) = tree.place_of(node);
    let path = tree.path(node);
    findings.add(id, &path, line, column, found)
}

fn check(tree: &Tree<'_>, root: Position, findings: &mut Findings) {
    let mut namespace = None;
    let mut at = Some(root);
    while let Some(node) = at {
        namespace = namespace.or_else(|| {
            tree.attributes(node)
                .find(|(key, value)| {
                    *key == "xmlns" || (key.starts_with("xmlns:") && value.starts_with("urn:hl7-org:"))
                })
                .map(|(_, value)| value)
        });
        at = tree.parent(node);
    }
    match namespace.map(str::trim) {
        None | Some("") => {
            say(tree, findings, rule::NAMESPACE_MISSING, root, "").expected = Some("urn:hl7-org:v3".to_owned());
        }
        Some("urn:hl7-org:v3") => {}
        Some(other) => {
            say(tree, findings, rule::NAMESPACE_WRONG, root, other).expected = Some("urn:hl7-org:v3".to_owned());
        }
    }
    let type_id = tree.child(root, "typeId").and_then(|node| tree.attribute(node, "extension"));
    if type_id.map(str::trim) != Some("POCD_MT000040") {
        say(tree, findings, rule::TYPE_ID_WRONG, root, type_id.unwrap_or_default());
    }
}

fn attributes(tree: &Tree<'_>, node: Position, findings: &mut Findings) {
    let name = tree.name(node);
    for (key, value) in tree.attributes(node) {
        match key {
            "root" | "codeSystem" => {
                let trimmed = value.trim();
                let wrong =
                    !trimmed.is_empty() && trimmed.contains('.') && (right_oid(trimmed) != trimmed || !is_oid(trimmed));
                if wrong {
                    say(tree, findings, rule::OID_MALFORMED, node, value).expected =
                        Some(right_oid(trimmed).into_owned());
                }
                blanks(tree, node, findings, value);
            }
            "moodCode" => {
                blanks(tree, node, findings, value);
                if !MOODS.contains(&value.trim()) {
                    say(tree, findings, rule::MOOD_UNKNOWN, node, value);
                }
            }
            "code" | "classCode" | "typeCode" | "extension" | "unit" | "type" => blanks(tree, node, findings, value),
            "value" if is_time(tree, node, name) => time(tree, node, findings, value),
            _ => {}
        }
    }
}

fn blanks(tree: &Tree<'_>, node: Position, findings: &mut Findings, value: &str) {
    if value.trim().len() != value.len() && !value.trim().is_empty() {
        say(tree, findings, rule::ATTRIBUTE_BLANKS, node, value);
    }
}

fn is_oid(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        || text.contains('-') && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Whether the `value` attribute of this element is a time.
fn is_time(tree: &Tree<'_>, node: Position, name: &str) -> bool {
    match name {
        "time" | "effectiveTime" | "birthTime" | "expirationTime" | "deceasedTime" => true,
        "low" | "high" | "center" => {
            tree.parent(node).is_some_and(|parent| matches!(tree.name(parent), "effectiveTime" | "time"))
        }
        "value" => tree.attribute(node, "type").is_some_and(|kind| kind.trim().rsplit(':').next() == Some("TS")),
        _ => false,
    }
}

fn time(tree: &Tree<'_>, node: Position, findings: &mut Findings, value: &str) {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return;
    }
    let Some(moment) = text::time::parse(trimmed) else {
        say(tree, findings, rule::TIME_MALFORMED, node, value);
        return;
    };
    if moment.is_nothing() {
        say(tree, findings, rule::VALUE_PLACEHOLDER, node, value);
    } else if !is_hl7_time(trimmed) {
        say(tree, findings, rule::TIME_FORMAT, node, value);
    }
}

/// `2024`, `202403`, `20240305`, `202403050805`, `20240305080500`, with a fraction and a zone or without.
fn is_hl7_time(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let rest =
        rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches(|one: char| one.is_ascii_digit()));
    let zoned = rest.is_empty()
        || (rest.len() == 5 && rest.starts_with(['+', '-']) && rest[1..].bytes().all(|byte| byte.is_ascii_digit()));
    matches!(digits, 4 | 6 | 8 | 10 | 12 | 14) && zoned
}

/// Children must come in the order of the skeleton; the first that does not is said.
fn order(tree: &Tree<'_>, node: Position, findings: &mut Findings) {
    let Some(order) = skeleton().order.get(tree.name(node)) else { return };
    let mut reached = 0;
    for child in tree.children(node) {
        let name = tree.name(child);
        // Names stand in lists of at most some thirty: looking through them is faster than any index.
        let Some(place) = order.iter().position(|known| known == name) else { continue };
        if place < reached {
            say(tree, findings, rule::ORDER_WRONG, child, name).expected = Some(format!("{} 之前", order[reached]));
            return;
        }
        reached = place;
    }
}

/// Finds out what type a document is: by its code, else by its template, else by its title.
pub fn document_type(tree: &Tree<'_>, root: Position, findings: &mut Findings) -> (String, Option<&'static Document>) {
    let node = tree.child(root, "code");
    let sent = node
        .and_then(|node| tree.attribute(node, "code"))
        .map(|code| text::key_part(code).into_owned())
        .unwrap_or_default();
    let title = tree.child(root, "title").map(|title| tree.text(title)).unwrap_or_default();
    let template = tree.child(root, "templateId").and_then(|node| tree.attribute(node, "root")).map(right_oid);
    let by_template = template.as_deref().and_then(cda::document_of_template);
    let by_title = || {
        cda::documents().iter().rev().find(|known| super::spelling::plain(known.title) == super::spelling::plain(title))
    };
    let document = cda::document(&sent).or_else(|| if sent.is_empty() { by_template.or_else(by_title) } else { None });
    if sent.is_empty() {
        say(tree, findings, rule::DOCUMENT_CODE_MISSING, node.unwrap_or(root), "").expected =
            document.map(|known| known.code.to_owned());
    } else if document.is_none() {
        say(tree, findings, rule::DOCUMENT_CODE_UNKNOWN, node.unwrap_or(root), &sent);
    }
    if let Some(node) = node {
        let system = tree.attribute(node, "codeSystem").map(right_oid).unwrap_or_default();
        if system != cda::DOCUMENT_CODES {
            say(tree, findings, rule::DOCUMENT_CODE_SYSTEM, node, &system).expected =
                Some(cda::DOCUMENT_CODES.to_owned());
        }
    }
    let node = tree.child(root, "templateId").unwrap_or(root);
    match (template.as_deref().unwrap_or_default(), by_template, document) {
        ("", _, _) => {
            say(tree, findings, rule::TEMPLATE_MISSING, node, "").expected =
                document.map(|known| known.template.to_owned());
        }
        (sent, None, _) => {
            say(tree, findings, rule::TEMPLATE_UNKNOWN, node, sent).expected =
                document.map(|known| known.template.to_owned());
        }
        (sent, Some(of_template), Some(document)) if of_template.code != document.code => {
            say(tree, findings, rule::TEMPLATE_MISMATCH, node, sent).expected = Some(document.template.to_owned());
        }
        _ => {}
    }
    if let Some(document) =
        document.filter(|known| super::spelling::plain(known.title) != super::spelling::plain(title))
    {
        let node = tree.child(root, "title").unwrap_or(root);
        say(tree, findings, rule::TITLE_MISMATCH, node, title).expected = Some(document.title.to_owned());
    }
    (document.map_or(sent, |known| known.code.to_owned()), document)
}

/// Version and what it replaces.
pub fn version(tree: &Tree<'_>, root: Position, findings: &mut Findings) {
    let node = tree.child(root, "versionNumber");
    let sent = node.and_then(|node| tree.attribute(node, "value")).unwrap_or_default().trim();
    let mut related = tree.children(root).filter(|child| tree.name(*child) == "relatedDocument");
    let replaced = related.any(|related| {
        // An addendum is a document of its own, and of version one.
        let parent = tree.child(related, "parentDocument").filter(|_| header::is_replacement(tree, related));
        parent.is_some_and(|parent| {
            ["id", "setId"].iter().any(|name| tree.child(parent, name).is_some_and(|id| has_identifier(tree, id)))
        })
    });
    let node = node.unwrap_or(root);
    match sent.parse::<u64>() {
        Ok(number) if number > 1 && !replaced => {
            say(tree, findings, rule::VERSION_REPLACED_MISSING, node, sent);
        }
        Ok(number) if number <= 1 && replaced => {
            say(tree, findings, rule::VERSION_NOT_RAISED, node, sent);
        }
        Err(_) if !sent.is_empty() => {
            say(tree, findings, rule::VERSION_MALFORMED, node, sent);
        }
        _ => {}
    }
}

fn has_identifier(tree: &Tree<'_>, node: Position) -> bool {
    tree.attribute(node, "extension").is_some_and(|extension| !extension.trim().is_empty())
}
