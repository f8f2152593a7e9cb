//! What a reference text points to. Only the form is judged here; whether the target exists is asked elsewhere.

use super::grammar;

/// A parsed `Reference.reference`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reference<'t> {
    /// `Patient/1` or `Patient/1/_history/3`: relative to the server that holds the resource.
    Local {
        /// The resource type.
        type_name: &'t str,
        /// The logical id.
        id: &'t str,
        /// The version, when the reference names one.
        version: Option<&'t str>,
    },
    /// `http://other.example/fhir/Patient/1`: an absolute URL of REST form.
    Remote {
        /// Everything before the type, without the slash.
        base: &'t str,
        /// The resource type.
        type_name: &'t str,
        /// The logical id.
        id: &'t str,
        /// The version, when the reference names one.
        version: Option<&'t str>,
    },
    /// `urn:uuid:…` or `urn:oid:…`: another entry of the same Bundle, or something known only by its identity.
    Urn(&'t str),
    /// Any other absolute URL, perhaps with a `#fragment` or `|version` (canonical).
    Url(&'t str),
    /// `#id` of a contained resource; empty for `#`, the resource that contains.
    Contained(&'t str),
    /// `Patient?identifier=…`: found by search when the transaction runs.
    Conditional {
        /// The resource type.
        type_name: &'t str,
        /// The query, still percent-encoded.
        query: &'t str,
    },
}

/// A text that is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reference: expected Type/id, an absolute URL, urn:uuid:…, #id or Type?query")]
pub struct ReferenceError;

impl<'t> Reference<'t> {
    /// Type and id, for references of REST form (local or remote).
    #[must_use]
    pub fn target(self) -> Option<(&'t str, &'t str)> {
        match self {
            Self::Local { type_name, id, .. } | Self::Remote { type_name, id, .. } => Some((type_name, id)),
            _ => None,
        }
    }

    /// The type that the text names, if it names one.
    #[must_use]
    pub fn type_name(self) -> Option<&'t str> {
        match self {
            Self::Local { type_name, .. } | Self::Remote { type_name, .. } | Self::Conditional { type_name, .. } => {
                Some(type_name)
            }
            Self::Urn(_) | Self::Url(_) | Self::Contained(_) => None,
        }
    }
}

/// Reads a reference.
///
/// # Errors
/// [`ReferenceError`] when the text has none of the forms.
pub fn parse(text: &str) -> Result<Reference<'_>, ReferenceError> {
    if let Some(id) = text.strip_prefix('#') {
        let fine = id.is_empty() || !id.contains(char::is_whitespace);
        return if fine { Ok(Reference::Contained(id)) } else { Err(ReferenceError) };
    }
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(ReferenceError);
    }
    if let Some((type_name, query)) = text.split_once('?')
        && is_type_name(type_name)
    {
        return if query.is_empty() { Err(ReferenceError) } else { Ok(Reference::Conditional { type_name, query }) };
    }
    if grammar::has_scheme(text) {
        return Ok(absolute(text));
    }
    match split_rest(text) {
        Some((None, type_name, id, version)) => Ok(Reference::Local { type_name, id, version }),
        _ => Err(ReferenceError),
    }
}

fn absolute(text: &str) -> Reference<'_> {
    if grammar::starts_with_ignoring_case(text, "urn:") {
        return Reference::Urn(text);
    }
    if let Some((Some(base), type_name, id, version)) = split_rest(text)
        && base.contains("://")
    {
        return Reference::Remote { base, type_name, id, version };
    }
    Reference::Url(text)
}

/// Base, type, id and version of `[base/]Type/id[/_history/version]`.
fn split_rest(text: &str) -> Option<(Option<&str>, &str, &str, Option<&str>)> {
    let (head, version) = match text.rsplit_once("/_history/") {
        Some((head, version)) => (head, Some(version)),
        None => (text, None),
    };
    if !version.is_none_or(grammar::is_id) {
        return None;
    }
    let (head, id) = head.rsplit_once('/')?;
    let (base, type_name) = head.rsplit_once('/').map_or((None, head), |(base, type_name)| (Some(base), type_name));
    (is_type_name(type_name) && grammar::is_id(id)).then_some((base, type_name, id, version))
}

/// Whether a text has the form of a resource type name; the list of types is not consulted.
fn is_type_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn local_references_come_back(type_name in "[A-Z][A-Za-z]{0,20}", id in "[A-Za-z0-9.-]{1,64}") {
            let text = format!("{type_name}/{id}");
            let found = parse(&text);
            prop_assert_eq!(found, Ok(Reference::Local { type_name: &type_name, id: &id, version: None }));
        }
    }
}
