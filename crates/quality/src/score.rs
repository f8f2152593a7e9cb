//! Scores: how complete and how conformant the records of a type are, as counts that can be added up over days and institutions.

use std::collections::HashSet;

use model::{Element, Issue, Severity};
use serde::{Deserialize, Serialize};
use standards::elements;
use standards::value_sets::{self, Content};

use crate::compile::Rules;
use crate::value::folded;

/// Counts over records of one type. Shares are computed when they are shown, so that scores can be added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Records counted.
    pub records: u64,
    /// Elements that the dataset of the record's type lists (完整性); 0 for types without a dataset.
    pub listed: u64,
    /// Of these, how many hold something.
    pub filled: u64,
    /// Elements that were sent with a value.
    pub values: u64,
    /// Of these, how many have no finding of warning or worse (规范性).
    pub conformant: u64,
    /// Values whose code table is not loaded: neither right nor wrong.
    pub not_checkable: u64,
}

impl Score {
    /// Adds another score to this one.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.listed += other.listed;
        self.filled += other.filled;
        self.values += other.values;
        self.conformant += other.conformant;
        self.not_checkable += other.not_checkable;
    }

    /// The share of listed elements that are filled, in percent; `None` without a dataset.
    #[must_use]
    pub fn completeness(&self) -> Option<f64> {
        share(self.filled, self.listed)
    }

    /// The share of checkable values without a finding, in percent; `None` when there are none.
    #[must_use]
    pub fn conformance(&self) -> Option<f64> {
        share(self.conformant, self.values - self.not_checkable)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage is shown with one decimal")]
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

/// The score of one record from its elements and the issues that [`Rules::check`] found on them.
#[must_use]
pub fn score(rules: &Rules, record_type: &str, record: &[Element], issues: &[Issue]) -> Score {
    let faulty: HashSet<&str> =
        issues.iter().filter(|issue| issue.severity >= Severity::Warning).map(|issue| issue.path.as_str()).collect();
    let mut score = Score { records: 1, ..Score::default() };
    let mut filled: HashSet<(&str, &str)> = HashSet::new();
    for element in record {
        if rules.is_nothing(&folded(&element.value)) {
            continue;
        }
        filled.insert((&element.id, ""));
        filled.insert((&element.id, &element.name));
        score.values += 1;
        let table = elements::element(&element.id).and_then(|known| value_sets::table(known.table.as_deref()?));
        if table.is_some_and(|table| table.content == Content::NameOnly) {
            score.not_checkable += 1;
        } else if !faulty.contains(element.path.as_str()) {
            score.conformant += 1;
        }
    }
    let dataset = rules.datasets.get(record_type).map(String::as_str);
    let lines = dataset.and_then(|name| elements::catalogues().last().map(|catalogue| catalogue.dataset(name)));
    let mut counted: HashSet<(&str, &str)> = HashSet::new();
    for line in lines.unwrap_or_default() {
        // A name that the record does not use falls back to the element itself.
        let by_name = (line.element.as_str(), line.name.as_str());
        if !counted.insert(by_name) {
            continue;
        }
        score.listed += 1;
        let there = filled.contains(&by_name) || filled.contains(&(line.identifier.as_str(), "")) || {
            filled.contains(&(line.element.as_str(), "")) && !ambiguous(&line.element)
        };
        score.filled += u64::from(there);
    }
    score
}

/// Elements that a dataset uses for many places (names, fees): one of them says nothing about the others.
fn ambiguous(element: &str) -> bool {
    matches!(element, "DE02.01.039.00" | "DE07.00.010.00" | "DE08.10.026.00" | "DE08.10.013.00" | "DE02.01.010.00")
}
