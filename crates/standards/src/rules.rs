//! The catalogue of rules: every rule id that a reader, a validator or the quality engine can speak under, with its severity and
//! its titles; and the texts of the quality rules themselves, which the `quality` crate compiles.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::Severity;
use serde::Deserialize;

/// A rule as it is listed: what people read about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// Stable id, `quality.identity.check-digit`.
    pub id: String,
    /// How bad a finding is unless the rule's own data say otherwise.
    pub severity: Severity,
    /// What it is called in Chinese.
    pub zh: String,
    /// What it is called in English.
    pub en: String,
    /// What the sender can do, where that is always the same.
    #[serde(default)]
    pub hint: String,
}

#[derive(Deserialize)]
struct File {
    rule: Vec<Rule>,
}

/// The catalogue files that are built in, by name.
const FILES: &[(&str, &str)] = &[
    ("cda", include_str!("../../../standards/rules/cda.toml")),
    ("hl7v2", include_str!("../../../standards/rules/hl7v2.toml")),
    ("quality", include_str!("../../../standards/rules/quality.toml")),
    ("table", include_str!("../../../standards/rules/table.toml")),
    ("terminology", include_str!("../../../standards/rules/terminology.toml")),
    ("text", include_str!("../../../standards/rules/text.toml")),
];

/// The quality rules as data, by name of the file in `standards/quality/`.
const QUALITY: &[(&str, &str)] = &[
    ("places", include_str!("../../../standards/quality/places.toml")),
    ("formats", include_str!("../../../standards/quality/formats.toml")),
    ("people", include_str!("../../../standards/quality/people.toml")),
    ("required", include_str!("../../../standards/quality/required.toml")),
    ("order", include_str!("../../../standards/quality/order.toml")),
    ("ranges", include_str!("../../../standards/quality/ranges.toml")),
    ("relations", include_str!("../../../standards/quality/relations.toml")),
    ("chains", include_str!("../../../standards/quality/chains.toml")),
];

static RULES: LazyLock<HashMap<String, Rule>> = LazyLock::new(|| {
    // A catalogue that cannot be read is found by the tests; here it is as if it were empty.
    let files = FILES.iter().filter_map(|(_, text)| toml::from_str::<File>(text).ok());
    files.flat_map(|file| file.rule).map(|rule| (rule.id.clone(), rule)).collect()
});

/// The rule of that id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.get(id)
}

/// All rules, ordered by id.
#[must_use]
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<_> = RULES.values().collect();
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    rules
}

/// The files of the quality rules: name and TOML text.
#[must_use]
pub fn quality_files() -> &'static [(&'static str, &'static str)] {
    QUALITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_catalogue_is_read_and_no_id_stands_twice() {
        let mut count = 0;
        for (name, text) in FILES {
            let file: File = toml::from_str(text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            for rule in &file.rule {
                assert!(rule.id.split('.').count() >= 2, "{}", rule.id);
                assert!(rule.id.chars().all(|one| matches!(one, 'a'..='z' | '0'..='9' | '.' | '-')), "{}", rule.id);
                assert!(!rule.zh.is_empty() && !rule.en.is_empty(), "{}", rule.id);
            }
            count += file.rule.len();
        }
        assert_eq!(rules().len(), count, "an id stands twice");
    }
}
