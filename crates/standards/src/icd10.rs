//! ICD-10 diagnoses and ICD-9-CM-3 procedures: the 医保 edition with its names, and the way there from the clinical edition.
//!
//! The tables come from `standards/icd10/` (Apache-2.0, see the NOTICE there), are unpacked at first use and stay for the life of
//! the process.

use std::collections::HashMap;
use std::sync::LazyLock;

static DIAGNOSES: &[u8] = include_bytes!("../../../standards/icd10/diagnoses.tsv.zst");
static DIAGNOSIS_MAP: &[u8] = include_bytes!("../../../standards/icd10/diagnosis_map.tsv.zst");
static PROCEDURES: &[u8] = include_bytes!("../../../standards/icd10/procedures.tsv.zst");
static PROCEDURE_MAP: &[u8] = include_bytes!("../../../standards/icd10/procedure_map.tsv.zst");

/// A code with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The code of the 医保 edition: `I10.x00x002`.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
}

struct Table {
    names: HashMap<&'static str, &'static str>,
    codes: HashMap<&'static str, &'static str>,
    /// Clinical edition to 医保 edition.
    insurance: HashMap<&'static str, &'static str>,
    /// The dagger part of clinical codes that have an asterisk part, where it leads to one code only.
    daggers: HashMap<&'static str, Option<&'static str>>,
}

impl Table {
    fn read(names: &[u8], map: &[u8]) -> Self {
        let rows = |packed: &[u8]| -> Vec<(&'static str, &'static str)> {
            // A test unpacks every file: a broken one never leaves the workshop.
            let bytes = zstd::decode_all(packed).unwrap_or_default();
            let text: &'static str = String::leak(String::from_utf8(bytes).unwrap_or_default());
            text.lines()
                .filter_map(|line| line.split_once('\t'))
                .map(|(one, other)| (one.trim(), other.trim()))
                .collect()
        };
        let names = rows(names);
        let mut codes = HashMap::with_capacity(names.len());
        for (code, name) in &names {
            // Of equal names the first, which is the more general code.
            codes.entry(*name).or_insert(*code);
        }
        let mut daggers = HashMap::new();
        let map = rows(map);
        for (clinical, insurance) in &map {
            if let Some((dagger, _)) = clinical.split_once('+') {
                daggers.entry(dagger).and_modify(|known| *known = None).or_insert(Some(*insurance));
            }
        }
        Self { names: names.into_iter().collect(), codes, insurance: map.into_iter().collect(), daggers }
    }

    fn entry(&self, code: &str) -> Option<Entry> {
        self.names.get_key_value(code).map(|(code, name)| Entry { code, name })
    }

    fn by_name(&self, name: &str) -> Option<Entry> {
        self.codes.get_key_value(name).map(|(name, code)| Entry { code, name })
    }

    fn to_insurance(&self, clinical: &str) -> Option<Entry> {
        let code = self
            .insurance
            .get(clinical)
            .copied()
            .or_else(|| self.daggers.get(clinical).copied().flatten())
            .or_else(|| self.names.get_key_value(clinical).map(|(code, _)| *code))?;
        Some(self.entry(code).unwrap_or(Entry { code, name: "" }))
    }
}

static DIAGNOSIS_TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(DIAGNOSES, DIAGNOSIS_MAP));
static PROCEDURE_TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(PROCEDURES, PROCEDURE_MAP));

/// The diagnosis with this code of the 医保 edition. The `x` of an extension may be sent as a capital.
#[must_use]
pub fn diagnosis(code: &str) -> Option<Entry> {
    with_small_x(code, |code| DIAGNOSIS_TABLE.entry(code))
}

/// The diagnosis with exactly this name.
#[must_use]
pub fn diagnosis_by_name(name: &str) -> Option<Entry> {
    DIAGNOSIS_TABLE.by_name(name)
}

/// The procedure with this code of the 医保 edition.
#[must_use]
pub fn procedure(code: &str) -> Option<Entry> {
    with_small_x(code, |code| PROCEDURE_TABLE.entry(code))
}

/// The procedure with exactly this name.
#[must_use]
pub fn procedure_by_name(name: &str) -> Option<Entry> {
    PROCEDURE_TABLE.by_name(name)
}

/// The 医保 code of a diagnosis or procedure of the clinical edition (a code that is one of the 医保 edition is its own). `None`
/// when neither table has it: a category of three characters, a hospital's own code, a slip.
#[must_use]
pub fn to_insurance(clinical: &str) -> Option<Entry> {
    // Diagnoses begin with a letter, procedures with a digit.
    let table =
        if clinical.starts_with(|first: char| first.is_ascii_digit()) { &PROCEDURE_TABLE } else { &DIAGNOSIS_TABLE };
    with_small_x(clinical, |code| table.to_insurance(code))
}

fn with_small_x(code: &str, find: impl Fn(&str) -> Option<Entry>) -> Option<Entry> {
    // The chapter letter X (X00–X59) stays a capital: only what stands behind the point is an extension.
    find(code).or_else(|| {
        let (head, tail) = code.split_once('.')?;
        tail.contains('X').then(|| find(&format!("{head}.{}", tail.replace('X', "x"))))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        assert_eq!(DIAGNOSIS_TABLE.names.len(), 33_304);
        assert_eq!(DIAGNOSIS_TABLE.insurance.len(), 35_591);
        assert_eq!(PROCEDURE_TABLE.names.len(), 13_686);
        assert_eq!(PROCEDURE_TABLE.insurance.len(), 13_654);
        let unknown =
            DIAGNOSIS_TABLE.insurance.values().filter(|code| !DIAGNOSIS_TABLE.names.contains_key(*code)).count();
        assert_eq!(unknown, 0, "every diagnosis map row leads to a code with a name");
    }

    #[test]
    fn codes_and_names_are_found() {
        let found = diagnosis("A00.000x001").unwrap();
        assert_eq!(found.name, "古典生物型霍乱");
        assert_eq!(diagnosis_by_name("古典生物型霍乱"), Some(found));
        assert_eq!(procedure("00.0101").unwrap().name, "头部血管治疗性超声");
        assert_eq!(procedure_by_name("头部血管治疗性超声").unwrap().code, "00.0101");
        assert_eq!(diagnosis("A00.000X001"), Some(found));
        assert_eq!(diagnosis("I10"), None);
    }

    #[test]
    fn clinical_codes_lead_to_insurance_codes() {
        for (clinical, insurance) in [
            ("A00.000", "A00.000"),
            ("A01.000x002", "A01.003"),
            ("A01.000X002", "A01.003"),
            ("A01.000x003+G01*", "A01.002+G01*"),
            ("A01.000x003", "A01.002+G01*"),
            ("00.6400x007", "00.6500x014"),
        ] {
            assert_eq!(to_insurance(clinical).unwrap().code, insurance, "{clinical}");
        }
        for unknown in ["I10", "", "A00.000x999", "99.9999x999", "见病历"] {
            assert_eq!(to_insurance(unknown), None, "{unknown}");
        }
    }
}
