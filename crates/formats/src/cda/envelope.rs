//! From bytes to the documents in them: character sets, Base64, and envelopes around documents.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Options;
use super::findings::{Findings, rule};
use super::tree::{Position, Tree};
use crate::text;

/// More bytes than this are refused: the largest document type with every element filled has some 300 KB, an image in it more.
pub const BYTES_MAX: usize = 32 << 20;
/// More documents than this in one envelope are a file transfer, not a message.
pub const DOCUMENTS_MAX: usize = 1000;
/// An envelope in an envelope in an envelope is what products write; more is an attack.
const WRAPPINGS_MAX: usize = 4;

/// Decoders of Base64 as products write it: with and without padding, with bits left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A text with at least one document in it.
#[derive(Debug)]
pub struct Opened {
    /// The text of the innermost envelope or of the document itself.
    pub text: String,
    /// How it was encoded.
    pub encoding: &'static str,
}

/// Opens envelopes until a text with `ClinicalDocument` in it is reached; several when an envelope holds several in Base64.
pub fn open(bytes: &[u8], options: &Options, findings: &mut Findings) -> Vec<Opened> {
    let mut opened = Vec::new();
    unwrap(bytes, options, findings, 0, &mut opened);
    opened
}

fn unwrap(bytes: &[u8], options: &Options, findings: &mut Findings, depth: usize, opened: &mut Vec<Opened>) {
    if bytes.len() > BYTES_MAX {
        findings.add(rule::XML_TOO_LARGE, "", 0, 0, &format!("{} 字节", bytes.len()));
        return;
    }
    let declared = declared_encoding(bytes).or_else(|| options.charset.clone());
    let decoded = text::decode(bytes, declared.as_deref());
    if decoded.declaration_lies {
        let issue = findings.add(rule::CHARSET_LIES, "", 1, 1, declared.as_deref().unwrap_or_default());
        issue.expected = Some(decoded.encoding.to_owned());
    }
    if decoded.replaced > 0 {
        findings.add(rule::CHARSET_UNDECODABLE, "", 0, 0, &decoded.replaced.to_string());
    }
    let trimmed = decoded.text.trim_start();
    if trimmed.starts_with('<') {
        let direct = contains_tag(&decoded.text);
        if direct || depth >= WRAPPINGS_MAX {
            opened.push(Opened { text: decoded.text, encoding: decoded.encoding });
            return;
        }
        let before = opened.len();
        for inner in inner_texts(&decoded.text) {
            take(&inner, options, findings, depth, opened);
        }
        if opened.len() == before {
            // No document anywhere: let the parser say what is wrong with the text.
            opened.push(Opened { text: decoded.text, encoding: decoded.encoding });
        }
        return;
    }
    if depth < WRAPPINGS_MAX {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(trimmed) {
            let mut strings = Vec::new();
            collect_strings(&value, &mut strings);
            for inner in strings {
                take(inner, options, findings, depth, opened);
            }
            return;
        }
        if let Some(inner) = base64_of(trimmed) {
            findings.add(rule::ENVELOPE_BASE64, "", 0, 0, "");
            unwrap(&inner, options, findings, depth + 1, opened);
        }
    }
}

/// A text from inside an envelope: a document, or a document in Base64.
fn take(inner: &str, options: &Options, findings: &mut Findings, depth: usize, opened: &mut Vec<Opened>) {
    if opened.len() >= DOCUMENTS_MAX {
        return;
    }
    let trimmed = inner.trim();
    if trimmed.starts_with('<') && contains_tag(trimmed) {
        findings.add(rule::ENVELOPE_UNWRAPPED, "", 0, 0, "");
        opened.push(Opened { text: trimmed.to_owned(), encoding: "utf-8" });
    } else if let Some(bytes) = base64_of(trimmed) {
        let looks = text::decode(&bytes, None).text;
        if looks.trim_start().starts_with('<') {
            findings.add(rule::ENVELOPE_BASE64, "", 0, 0, "");
            unwrap(&bytes, options, findings, depth + 1, opened);
        }
    }
}

/// Whether a start tag of a document stands in the text as markup (not escaped, not in Base64).
fn contains_tag(text: &str) -> bool {
    text.match_indices("ClinicalDocument").any(|(at, _)| {
        let before = &text[..at];
        let tag_start = before.rfind('<').map(|start| &before[start + 1..]);
        let in_data = before.rfind("<![CDATA[").is_some_and(|start| !before[start..].contains("]]>"));
        !in_data
            && tag_start
                .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(':') && !prefix.contains([' ', '>', '/']))
    })
}

/// The encoding that the XML declaration names.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let head: String = head.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let declaration = &head[head.find("<?xml")?..];
    let declaration = &declaration[..declaration.find("?>")?];
    let rest = &declaration[declaration.find("encoding")? + "encoding".len()..];
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(rest[1..].split(quote).next()?.trim().to_owned())
}

/// Bytes of a Base64 text; `None` when it is none or too short to be a document.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    const SHORTEST: usize = 64;
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if compact.len() < SHORTEST
        || !compact.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
    {
        return None;
    }
    let standard: Vec<u8> = compact
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(&standard).ok()
}

/// Long texts of an XML envelope that has no document as markup.
fn inner_texts(text: &str) -> Vec<String> {
    let mut quiet = Findings::default();
    let Ok(tree) = Tree::parse(text, &mut quiet) else { return Vec::new() };
    let mut found = Vec::new();
    for node in std::iter::once(tree.root()).chain(tree.descendants(tree.root())) {
        let own = tree.text(node);
        if own.len() >= 64 {
            found.push(own.to_owned());
        }
    }
    found
}

fn collect_strings<'v>(value: &'v serde_json::Value, strings: &mut Vec<&'v str>) {
    match value {
        serde_json::Value::String(text) => strings.push(text),
        serde_json::Value::Array(list) => list.iter().for_each(|one| collect_strings(one, strings)),
        serde_json::Value::Object(map) => map.values().for_each(|one| collect_strings(one, strings)),
        _ => {}
    }
}

/// The documents of a tree, outermost first; none inside another.
pub fn documents(tree: &Tree<'_>) -> Vec<Position> {
    let mut found = Vec::new();
    let mut end = 0;
    for node in std::iter::once(tree.root()).chain(tree.descendants(tree.root())) {
        if node >= end && tree.name(node) == "ClinicalDocument" && found.len() < DOCUMENTS_MAX {
            found.push(node);
            end = tree.end(node);
        }
    }
    found
}
