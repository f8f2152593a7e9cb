//! [`Issue`]: one thing that is wrong with something we were sent, said exactly.

use serde::{Deserialize, Serialize};

/// How bad an [`Issue`] is; the words are FHIR's `issue-severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Information,
    /// Accepted, but should be mended at the source.
    Warning,
    /// The part named by the path cannot be used.
    Error,
    /// The whole message cannot be used.
    Fatal,
}

impl Severity {
    /// FHIR's code of this severity.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// One finding of a reader, a rule or a validator. Readers never fail: they return a value and issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable id of the rule that speaks, for example `fhir.cardinality.min`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where: a FHIRPath-like path (`Patient.name[0].family`), a path of the message (`OBX[3].5`, `row[17].SFZH`), or
    /// `line:column` for text that is not yet a tree.
    pub path: String,
    /// The line of the message as it was decoded, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u32>,
    /// What was found there (never a whole record; readers cut it to 80 characters).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<String>,
    /// What the rule expects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<String>,
    /// What the sender can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Issue {
    /// The longest `found` text that an issue carries, in characters: enough to recognise, too short to leak a record.
    pub const FOUND_CHARS_MAX: usize = 80;

    /// A new issue with neither found, expected nor hint.
    pub fn new(rule: impl Into<String>, severity: Severity, path: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            severity,
            path: path.into(),
            line: None,
            column: None,
            found: None,
            expected: None,
            hint: None,
        }
    }

    /// Says where in the text of the message it stands, from 1; 0 means unknown.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        self.line = (line > 0).then_some(line);
        self.column = (column > 0).then_some(column);
        self
    }

    /// Says what was found, cut to [`Issue::FOUND_CHARS_MAX`] characters.
    #[must_use]
    pub fn found(mut self, found: &str) -> Self {
        self.found = Some(found.chars().take(Self::FOUND_CHARS_MAX).collect());
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
