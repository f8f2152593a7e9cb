//! References inside a resource: found wherever they stand, and replaced while it is on its way in.

use model::Failure;
use serde_json::Value;

/// What to put in place of a text; `None` leaves it as it is.
pub(crate) trait Rewriter {
    /// The text of a `Reference.reference`.
    fn reference(&mut self, text: &str) -> Result<Option<String>, Failure>;

    /// A text of type uri, url, uuid, oid or canonical, and the targets of links in a narrative.
    fn link(&mut self, text: &str) -> Option<String>;

    /// Whether `link` can ever answer; if not, narratives are not read at all.
    fn has_links(&self) -> bool;
}

/// Walks over the whole resource, contained resources included.
pub(crate) fn rewrite(value: &mut Value, rewriter: &mut dyn Rewriter) -> Result<(), Failure> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| rewrite(item, rewriter)),
        Value::Object(members) => members.iter_mut().try_for_each(|(name, member)| match member {
            Value::String(text) => rewrite_text(name, text, rewriter),
            Value::Array(items) if is_link_name(name) => items.iter_mut().try_for_each(|item| match item {
                Value::String(text) => rewrite_text(name, text, rewriter),
                other => rewrite(other, rewriter),
            }),
            Value::Array(_) | Value::Object(_) => rewrite(member, rewriter),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}

fn rewrite_text(name: &str, text: &mut String, rewriter: &mut dyn Rewriter) -> Result<(), Failure> {
    if name == "reference" {
        if let Some(other) = rewriter.reference(text)? {
            *text = other;
        }
    } else if rewriter.has_links() {
        if name == "div" {
            rewrite_narrative(text, rewriter);
        } else if is_link_name(name)
            && let Some(other) = rewriter.link(text)
        {
            *text = other;
        }
    }
    Ok(())
}

/// Elements whose type is a URI, by how FHIR names them: `url`, `valueUri`, `instantiatesCanonical`, `uri` …
fn is_link_name(name: &str) -> bool {
    const ENDINGS: [&str; 6] = ["url", "uri", "Url", "Uri", "Uuid", "Canonical"];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Replaces the quoted attribute values of a narrative (`href`, `src`) that are targets.
fn rewrite_narrative(text: &mut String, rewriter: &mut dyn Rewriter) {
    if !text.contains("href=") && !text.contains("src=") {
        return;
    }
    let mut replaced = false;
    let parts: Vec<String> = text
        .split('"')
        .map(|part| {
            let other = rewriter.link(part);
            replaced |= other.is_some();
            other.unwrap_or_else(|| part.to_owned())
        })
        .collect();
    if replaced {
        *text = parts.join("\"");
    }
}

/// The type and query of a conditional reference, `Practitioner?identifier=s|v`.
pub(crate) fn conditional(text: &str) -> Option<(&str, &str)> {
    let (type_name, query) = text.split_once('?')?;
    let is_name = type_name.starts_with(|c: char| c.is_ascii_uppercase())
        && type_name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name.then_some((type_name, query))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Map;

    impl Rewriter for Map {
        fn reference(&mut self, text: &str) -> Result<Option<String>, Failure> {
            Ok((text == "urn:uuid:1").then(|| "Patient/1".to_owned()))
        }
        fn link(&mut self, text: &str) -> Option<String> {
            (text == "urn:uuid:1").then(|| "Patient/1".to_owned())
        }
        fn has_links(&self) -> bool {
            true
        }
    }

    #[test]
    fn references_are_found_wherever_they_stand_and_other_texts_are_not() {
        let mut resource = json!({
            "subject": {"reference": "urn:uuid:1", "display": "urn:uuid:1"},
            "contained": [{"performer": [{"reference": "urn:uuid:1"}, {"reference": "urn:uuid:2"}]}],
            "extension": [{"url": "http://x", "valueUri": "urn:uuid:1"}, {"url": "http://x", "valueString": "urn:uuid:1"}],
            "instantiatesUri": ["urn:uuid:1", "other"],
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}],
            "text": {"div": "<div><a href=\"urn:uuid:1\">urn:uuid:1</a></div>"},
        });
        rewrite(&mut resource, &mut Map).unwrap();
        let expected = json!({
            "subject": {"reference": "Patient/1", "display": "urn:uuid:1"},
            "contained": [{"performer": [{"reference": "Patient/1"}, {"reference": "urn:uuid:2"}]}],
            "extension": [{"url": "http://x", "valueUri": "Patient/1"}, {"url": "http://x", "valueString": "urn:uuid:1"}],
            "instantiatesUri": ["Patient/1", "other"],
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}],
            "text": {"div": "<div><a href=\"Patient/1\">urn:uuid:1</a></div>"},
        });
        assert_eq!(resource, expected);
    }

    #[test]
    fn only_a_type_name_before_a_question_mark_is_conditional() {
        assert_eq!(conditional("Practitioner?identifier=a|b"), Some(("Practitioner", "identifier=a|b")));
        for other in ["Patient/1", "http://x/Patient?name=a", "urn:uuid:1?x", "?a=b"] {
            assert_eq!(conditional(other), None, "{other}");
        }
    }
}
