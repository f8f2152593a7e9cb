//! Lists of a family doctor (今日随访, 血压未达标) as data: who is on one, by a rule over records, with its source.

use std::sync::LazyLock;

use serde::Deserialize;

const TEXTS: [&str; 2] = [
    include_str!("../../../standards/lists/follow-up-due.toml"),
    include_str!("../../../standards/lists/blood-pressure-above-target.toml"),
];

static LISTS: LazyLock<Vec<List>> =
    LazyLock::new(|| TEXTS.iter().filter_map(|text| toml::from_str(text).ok()).collect());

/// One list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Its name in addresses.
    pub id: String,
    /// The edition of the rule.
    pub version: String,
    /// What it is called, in Chinese.
    pub title_zh: String,
    /// What it is called, in English.
    pub title_en: String,
    /// The rule in words, in Chinese.
    pub rule_zh: String,
    /// The rule in words, in English.
    pub rule_en: String,
    /// What the rule follows.
    pub source: String,
    /// Which diagnosis puts a resident within its reach.
    pub diagnosis: Diagnosis,
    /// On it whose newest value reaches one of these.
    #[serde(default)]
    pub limit: Vec<Limit>,
    /// On it whom nobody has seen for so long.
    pub contact: Option<Contact>,
}

/// A diagnosis by the beginning of its ICD-10 code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// Beginnings, in any ICD-10 system.
    pub begins: Vec<String>,
}

/// A value that is too high.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// System and code of the value, the first that a record knows.
    pub codes: Vec<(String, String)>,
    /// What it is called, in Chinese.
    pub name_zh: String,
    /// What it is called, in English.
    pub name_en: String,
    /// The unit of the limits.
    pub unit: String,
    /// Too high from here on.
    pub from: u32,
    /// Too high from here on for residents of 65 years and more.
    pub from_age_65: u32,
    /// How old the value may be.
    pub days: u32,
}

/// How long ago the last visit may be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Days.
    pub days: u32,
}

/// Every list.
#[must_use]
pub fn lists() -> &'static [List] {
    &LISTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_list_with_a_rule() {
        assert_eq!(lists().len(), TEXTS.len());
        for list in lists() {
            assert!(!list.limit.is_empty() || list.contact.is_some(), "{}", list.id);
            assert!(!list.source.is_empty() && !list.diagnosis.begins.is_empty());
        }
    }
}
