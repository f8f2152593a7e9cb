//! The quality rules as they are written in `standards/quality/*.toml`, before they are compiled.

use model::Severity;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::RuleError;

/// Which element of a record is meant by a name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceData {
    pub name: String,
    pub title: String,
    pub element: Vec<String>,
    #[serde(default)]
    pub only: Vec<String>,
    #[serde(default)]
    pub except: Vec<String>,
    #[serde(default)]
    pub head: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacesFile {
    pub personal: Vec<String>,
    pub place: Vec<PlaceData>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatData {
    pub element: String,
    pub accept: Vec<String>,
    /// Why practice is wider than print; for people.
    #[serde(rename = "why")]
    pub _why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    #[serde(rename = "icd-10")]
    Icd10,
    #[serde(rename = "icd-9-cm-3")]
    Icd9Cm3,
    Division,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeData {
    pub element: String,
    pub shape: Shape,
    #[serde(default)]
    pub except: Vec<String>,
}

/// Words that stand in the place of a code and mean it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordsData {
    pub table: String,
    pub words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    Characters,
    Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatsFile {
    pub length: Measure,
    pub nothing: Vec<String>,
    pub nothing_days: Vec<String>,
    pub format: Vec<FormatData>,
    pub shape: Vec<ShapeData>,
    pub words: Vec<WordsData>,
}

/// Names of people who were invented to try a system out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleFile {
    pub contains: Vec<String>,
    pub whole: Vec<String>,
}

impl PeopleFile {
    /// Whether a name (half width) is a test patient's.
    pub(crate) fn is_test(&self, name: &str) -> bool {
        if self.contains.iter().any(|word| name.contains(word.as_str())) {
            return true;
        }
        // Letters, and behind them only digits and signs.
        let word = name.trim_end_matches(|one: char| !one.is_alphabetic()).trim();
        word.is_ascii() && self.whole.iter().any(|whole| word.eq_ignore_ascii_case(whole))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequiredData {
    pub records: Vec<String>,
    #[serde(default)]
    pub except: Vec<String>,
    pub any: Vec<String>,
    pub hint: String,
    pub severity: Option<Severity>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionalData {
    #[serde(default)]
    pub records: Vec<String>,
    pub when: String,
    #[serde(default, rename = "in")]
    pub values: Vec<String>,
    pub then: String,
    pub hint: String,
    pub severity: Option<Severity>,
}

/// Which dataset of WS 445 says what a record of a type may hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatasetData {
    pub record: String,
    pub dataset: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequiredFile {
    pub required: Vec<RequiredData>,
    pub conditional: Vec<ConditionalData>,
    #[serde(default)]
    pub dataset: Vec<DatasetData>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderData {
    pub first: String,
    pub then: Vec<String>,
    pub tolerance_minutes: i64,
    #[serde(default)]
    pub group: bool,
    pub severity: Option<Severity>,
    #[serde(rename = "why")]
    pub _why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PastData {
    pub places: Vec<String>,
    pub tolerance_minutes: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderFile {
    pub order: Vec<OrderData>,
    pub past: Vec<PastData>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeData {
    pub element: String,
    pub title: String,
    pub unit: Vec<String>,
    pub possible: [f64; 2],
    pub usual: [f64; 2],
    #[serde(rename = "why")]
    pub _why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnalyteData {
    pub title: String,
    pub names: Vec<String>,
    pub unit: Vec<String>,
    pub possible: [f64; 2],
    pub usual: [f64; 2],
    #[serde(rename = "why")]
    pub _why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangesFile {
    pub range: Vec<RangeData>,
    pub analyte: Vec<AnalyteData>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareData {
    pub less: String,
    pub more: String,
    #[serde(default)]
    pub or_equal: bool,
    #[serde(default)]
    pub group: bool,
    pub severity: Option<Severity>,
    pub hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgeData {
    pub years: String,
    pub birth: String,
    pub at: Vec<String>,
    pub tolerance_years: i64,
    pub hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StayData {
    pub days: String,
    pub from: String,
    pub to: String,
    pub tolerance_days: i64,
    pub hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SumData {
    pub total: String,
    pub parts: Vec<String>,
    pub tolerance: f64,
    pub hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SexDiagnosisData {
    pub sex: String,
    pub codes: Vec<String>,
    pub hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RelationsFile {
    pub compare: Vec<CompareData>,
    pub age: Vec<AgeData>,
    pub stay: Vec<StayData>,
    pub sum: Vec<SumData>,
    pub sex_diagnosis: Vec<SexDiagnosisData>,
}

/// Reads one of the files.
pub(crate) fn file<File: DeserializeOwned>(files: &[(&str, &str)], name: &'static str) -> Result<File, RuleError> {
    let text = files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    let text = text.ok_or(RuleError { file: name, what: "the file is missing".to_owned() })?;
    toml::from_str(text).map_err(|problem| RuleError { file: name, what: problem.to_string() })
}
