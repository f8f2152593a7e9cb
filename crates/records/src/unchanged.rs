//! Conditional reads: whether the client has this version already (FHIR R4 http.html#cread, RFC 9110 §13).

/// What a reader says about the version that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// `If-None-Match`, as it came: `W/"3", "4"` or `*`.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`, in milliseconds since 1970. Passed over when `If-None-Match` is there.
    pub if_modified_since_ms: Option<i64>,
}

impl Known {
    /// Whether a version is the one that the reader has, so that the answer is 304 without a body.
    #[must_use]
    pub fn is(&self, version: u32, last_updated_ms: i64) -> bool {
        if let Some(tags) = &self.if_none_match {
            let version = version.to_string();
            let names = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == version;
            return tags.split(',').map(str::trim).any(names);
        }
        // HTTP dates have whole seconds: what was changed later within that second counts as known, as RFC 9110 has it.
        self.if_modified_since_ms.is_some_and(|since_ms| last_updated_ms.div_euclid(1000) <= since_ms.div_euclid(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_tag_or_by_its_time() {
        let known =
            |tags: Option<&str>, since| Known { if_none_match: tags.map(str::to_owned), if_modified_since_ms: since };
        let rows = [
            (known(Some("W/\"3\""), None), true),
            (known(Some("\"2\", \"3\""), None), true),
            (known(Some("*"), None), true),
            (known(Some("W/\"33\""), None), false),
            (known(Some("W/\"2\""), Some(10_000)), false),
            (known(None, Some(5_999)), true),
            (known(None, Some(5_000)), true),
            (known(None, Some(4_999)), false),
            (Known::default(), false),
        ];
        for (known, expected) in rows {
            assert_eq!(known.is(3, 5_500), expected, "{known:?}");
        }
    }
}
