//! Mapping files of delimited tables, and the words for "nothing" that stand in such tables.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

static COMMON: &str = include_str!("../../../standards/tables/common.toml");

/// One file per table, in the order in which equally good matches win.
static FILES: [(&str, &str); 15] = [
    ("registration", include_str!("../../../standards/tables/registration.toml")),
    ("outpatient_record", include_str!("../../../standards/tables/outpatient_record.toml")),
    ("lab_report", include_str!("../../../standards/tables/lab_report.toml")),
    ("lab_item", include_str!("../../../standards/tables/lab_item.toml")),
    ("prescription", include_str!("../../../standards/tables/prescription.toml")),
    ("charge", include_str!("../../../standards/tables/charge.toml")),
    ("discharge_summary", include_str!("../../../standards/tables/discharge_summary.toml")),
    ("patient", include_str!("../../../standards/tables/patient.toml")),
    ("physical", include_str!("../../../standards/tables/physical.toml")),
    ("follow_up", include_str!("../../../standards/tables/follow_up.toml")),
    ("contract", include_str!("../../../standards/tables/contract.toml")),
    ("vaccination", include_str!("../../../standards/tables/vaccination.toml")),
    ("institution", include_str!("../../../standards/tables/institution.toml")),
    ("department", include_str!("../../../standards/tables/department.toml")),
    ("reconciliation", include_str!("../../../standards/tables/reconciliation.toml")),
];

static NOTHING: &str = include_str!("../../../standards/tables/nothing.toml");

/// Where a text stands, as far as words for "nothing" care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// Numbers of people and things, telephone numbers.
    Identifier,
    /// Coded values and flags: `0` is one of them.
    Code,
    /// Names and other short texts.
    Text,
    /// What somebody wrote: `无` is an answer.
    Narrative,
    /// Days and times.
    Time,
    /// Numbers that were measured, counted or charged.
    Quantity,
    /// What a laboratory found, number or word: `-` and `无` are negative results.
    Result,
}

const CONTEXTS: usize = 7;

/// How one kind of table becomes records. Fields of the same name in the files say the same; the files' comments explain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The name of the mapping: `registration`; its records are of type `table:registration`.
    pub id: String,
    /// What people call it: 门诊挂号.
    pub title: String,
    /// Parts of file names by which it is recognised, without regard to letter case.
    pub names: Vec<String>,
    /// Columns that only this table has together: without a telling file name they decide.
    #[serde(default)]
    pub signature: Vec<String>,
    /// Columns that mean the same in every table, by name, from `common.toml`.
    #[serde(default)]
    pub common_columns: Vec<String>,
    /// Facts that are the same in every table, by label, from `common.toml`; they stand before the table's own.
    #[serde(default)]
    pub common_facts: Vec<String>,
    /// Flags that mean the same in every table, by name, from `common.toml`.
    #[serde(default)]
    pub common_flags: Vec<String>,
    /// Columns that say when a row was last changed: the first that has a value.
    #[serde(default)]
    pub effective: Vec<String>,
    /// Columns that say to which 业务日期 the source counts a row: the first that has a value.
    #[serde(default)]
    pub business_day: Vec<String>,
    /// An expression for the amount that the source sums up in its 日终对账.
    #[serde(default)]
    pub amount: String,
    /// Named texts: parts of keys and of references.
    #[serde(default)]
    pub names_of_values: BTreeMap<String, String>,
    /// What flag columns mean.
    #[serde(default)]
    pub flag: BTreeMap<String, Flag>,
    /// Local codes and what they mean; `*` is any other code, the empty text is no code.
    #[serde(default)]
    pub map: BTreeMap<String, BTreeMap<String, String>>,
    /// The columns of this table.
    #[serde(default)]
    pub column: Vec<Column>,
    /// What a row says.
    #[serde(default)]
    pub fact: Vec<FactTemplate>,
    /// For reconciliations: which columns hold what.
    #[serde(default)]
    pub total: Option<TotalColumns>,
}

/// One column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name in the mapping, in capitals.
    pub name: String,
    /// Other names in headers.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The Chinese name, also recognised in headers; the name of the data element where it has one.
    pub title: String,
    /// Identifier of the data element, empty when the catalogue has none.
    #[serde(default)]
    pub element: String,
    /// Representation (表示格式) as WS 445 writes it: `AN..18`, `N6`, `DT15`.
    #[serde(default)]
    pub format: String,
    /// What may stand in it, as far as words for "nothing" care.
    pub kind: Context,
    /// Of what it is the time, where it is one that tells which of two versions is newer: `change` of the row, `sending`; empty:
    /// of what the row is about.
    #[serde(default)]
    pub time_of: String,
    /// The header must have it.
    #[serde(default)]
    pub required: bool,
    /// It says something about the sending, not about the patient: never part of a resource.
    #[serde(default)]
    pub envelope: bool,
}

/// What a flag column means. With `negative` the flag also stands when that amount is below zero. Words are in capitals, numbers
/// without leading zeros.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// The column.
    pub column: String,
    /// Values that raise the flag.
    pub values: Vec<String>,
    /// Values that do not; any other is an issue.
    #[serde(default)]
    pub others: Vec<String>,
    /// Values that do not raise it and say that the row corrects an earlier one.
    #[serde(default)]
    pub corrections: Vec<String>,
    /// Nothing is taken back by it: a value that is not known is read as "no". Otherwise the row is set aside.
    #[serde(default)]
    pub is_minor: bool,
    /// A column with an amount: below zero it raises the flag too.
    #[serde(default)]
    pub negative: Option<String>,
}

/// One fact of a row: the claim and a FHIR resource in which texts beginning with `$` stand for what the row says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactTemplate {
    /// The name by which other facts refer to it; the claim's kind when empty.
    #[serde(default)]
    pub label: String,
    /// The kind of the claim.
    pub claim: String,
    /// The parts of the key.
    pub key: Vec<String>,
    /// `replace`, `merge` or `mention`.
    pub act: String,
    /// Without its key the row cannot be used.
    #[serde(default)]
    pub needed: bool,
    /// The fact to which columns without a place of their own are attached.
    #[serde(default)]
    pub main: bool,
    /// The last part of the key is a number within the whole. Where the source gives none, rows of one file that have the rest
    /// of the key in common are told apart by the order in which they stand.
    #[serde(default)]
    pub is_counted: bool,
    /// Only when this flag (or, with `!` before it, not this flag) stands.
    #[serde(default)]
    pub when: String,
    /// Only when this column has a value.
    #[serde(default)]
    pub with: String,
    /// The resource as JSON.
    pub resource: String,
}

/// Which columns of a reconciliation hold what.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalColumns {
    /// 院区.
    pub branch: String,
    /// 业务日期.
    pub business_day: String,
    /// 业务类型, through the map `record_type`.
    pub record_type: String,
    /// 记录数.
    pub count: String,
    /// 金额合计.
    pub amount: String,
    /// 批次号.
    pub batch: String,
    /// 主键清单: the keys themselves.
    pub keys: String,
}

#[derive(Deserialize)]
struct Common {
    column: Vec<Column>,
    fact: Vec<FactTemplate>,
    flag: BTreeMap<String, Flag>,
}

/// Why a mapping file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not TOML, or not of the form of a mapping.
    #[error("mapping {0}: {1}")]
    Form(String, String),
    /// It names a common column, flag or fact that `common.toml` does not have.
    #[error("mapping {0}: common.toml has no {1}")]
    Unknown(String, String),
}

/// Reads one mapping file and puts in what it takes from `common.toml`.
///
/// # Errors
/// [`TableError`] when the file is not a mapping; `name` only stands in the message.
pub fn parse_table(name: &str, text: &str) -> Result<Table, TableError> {
    let form = |error: toml::de::Error| TableError::Form(name.to_owned(), error.to_string());
    let common: Common = toml::from_str(COMMON).map_err(form)?;
    let mut table: Table = toml::from_str(text).map_err(form)?;
    let unknown = |what: &str| TableError::Unknown(name.to_owned(), what.to_owned());
    for wanted in &table.common_columns {
        let column = common.column.iter().find(|column| column.name == *wanted).ok_or_else(|| unknown(wanted))?;
        table.column.push(column.clone());
    }
    for wanted in &table.common_flags {
        let flag = common.flag.get(wanted).ok_or_else(|| unknown(wanted))?;
        table.flag.insert(wanted.clone(), flag.clone());
    }
    let mut facts = Vec::new();
    for wanted in &table.common_facts {
        facts.push(common.fact.iter().find(|fact| fact.label == *wanted).ok_or_else(|| unknown(wanted))?.clone());
    }
    facts.append(&mut table.fact);
    table.fact = facts;
    Ok(table)
}

static TABLES: LazyLock<Vec<Table>> =
    // A test reads every file: a broken one never leaves the workshop.
    LazyLock::new(|| FILES.iter().filter_map(|(name, text)| parse_table(name, text).ok()).collect());

/// The mappings that the product brings.
#[must_use]
pub fn tables() -> &'static [Table] {
    &TABLES
}

#[derive(Deserialize)]
struct NothingFile {
    nothing: Vec<NothingWords>,
}

#[derive(Deserialize)]
struct NothingWords {
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    days: Vec<String>,
    r#where: Vec<Context>,
}

#[derive(Default)]
struct Nothing {
    words: [HashSet<String>; CONTEXTS],
    days: HashSet<String>,
    /// Years in which such days are: nearly every other day is told apart by its first four characters.
    years: HashSet<String>,
    longest_bytes: usize,
    /// First bytes of words: nearly every value begins with another.
    starts: Vec<bool>,
}

static WORDS: LazyLock<Nothing> = LazyLock::new(|| {
    let mut nothing = Nothing { starts: vec![false; 256], ..Nothing::default() };
    // A test reads the same file: a broken one never leaves the workshop.
    let file: NothingFile = toml::from_str(NOTHING).unwrap_or(NothingFile { nothing: Vec::new() });
    for entry in file.nothing {
        nothing.longest_bytes = entry.words.iter().map(String::len).fold(nothing.longest_bytes, usize::max);
        for word in &entry.words {
            for first in word.bytes().take(1) {
                nothing.starts[usize::from(first)] = true;
                nothing.starts[usize::from(first.to_ascii_uppercase())] = true;
            }
        }
        nothing.years.extend(entry.days.iter().filter_map(|day| day.get(..4)).map(ToOwned::to_owned));
        for context in entry.r#where {
            nothing.words[context as usize].extend(entry.words.iter().cloned());
        }
        nothing.days.extend(entry.days);
    }
    nothing
});

/// Whether a trimmed text of half width is a word for "nothing" where it stands. Letter case does not matter.
#[must_use]
pub fn is_nothing(text: &str, context: Context) -> bool {
    let nothing = &*WORDS;
    if text.is_empty() {
        return true;
    }
    if text.len() > nothing.longest_bytes || !nothing.starts[usize::from(text.as_bytes()[0])] {
        return false;
    }
    let words = &nothing.words[context as usize];
    words.contains(text)
        || (text.bytes().any(|byte| byte.is_ascii_uppercase()) && words.contains(&text.to_ascii_lowercase()))
}

/// Whether a day (`1900-01-01`) is the default value of a database rather than a day.
#[must_use]
pub fn is_nothing_day(day: &str) -> bool {
    WORDS.days.contains(day)
}

/// Whether a text that begins so can be such a day: `1900` yes, `2024` no.
#[must_use]
pub fn may_be_nothing_day(text: &str) -> bool {
    text.get(..4).is_none_or(|year| WORDS.years.contains(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mapping_is_readable() {
        for (name, text) in FILES {
            let table = parse_table(name, text).unwrap();
            assert_eq!(table.id, name);
            for word in
                table.flag.values().flat_map(|flag| flag.values.iter().chain(&flag.others).chain(&flag.corrections))
            {
                assert_eq!(*word, word.to_uppercase(), "{name}: words of flags are compared in capitals");
            }
        }
        assert_eq!(tables().len(), FILES.len());
    }

    #[test]
    fn the_words_for_nothing_are_readable() {
        let file: NothingFile = toml::from_str(NOTHING).unwrap();
        assert!(file.nothing.iter().any(|entry| !entry.days.is_empty()));
        assert!(is_nothing("NULL", Context::Quantity));
        assert!(
            is_nothing("0", Context::Identifier)
                && !is_nothing("0", Context::Quantity)
                && !is_nothing("0", Context::Code)
        );
        assert!(is_nothing("无", Context::Identifier) && !is_nothing("无", Context::Narrative));
        for found in ["-", "—", "无", "未见", "阴性", "0"] {
            assert!(!is_nothing(found, Context::Result), "{found}");
        }
        for nothing in ["", "NULL", "\\N", "/", "--", "暂无"] {
            assert!(is_nothing(nothing, Context::Result), "{nothing}");
        }
        assert!(is_nothing_day("9999-12-31") && !is_nothing_day("2024-03-05"));
    }
}
