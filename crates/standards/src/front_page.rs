//! What the front page of a record (健康档案首页) takes for one allergy, for a result, for a blood group: data in
//! `standards/front-page/`, parsed once.

use std::sync::LazyLock;

use serde::Deserialize;

const ALLERGIES: &str = include_str!("../../../standards/front-page/allergies.toml");
const CURRENT: &str = include_str!("../../../standards/front-page/current.toml");
const RESULTS: &str = include_str!("../../../standards/front-page/results.toml");

// A test reads every file: one with a mistake never leaves the workshop.
static FRONT_PAGE: LazyLock<FrontPage> = LazyLock::new(|| FrontPage {
    allergies: toml::from_str(ALLERGIES).unwrap_or_default(),
    results: toml::from_str(RESULTS).unwrap_or_default(),
    current: toml::from_str(CURRENT).unwrap_or_default(),
});

/// All of these files.
#[derive(Debug, Clone, Default)]
pub struct FrontPage {
    /// How allergies are written.
    pub allergies: Allergies,
    /// Which observations are results.
    pub results: Results,
    /// What still stands under 在用 and 现患.
    pub current: Current,
}

/// How long a statement that a source made once counts as current.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// The edition of the file.
    pub version: String,
    /// Of medicines.
    pub medicines: CurrentMedicines,
    /// Of diagnoses.
    pub diagnoses: CurrentDiagnoses,
}

/// When a medicine is over (疗程已过).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentMedicines {
    /// Days that are added to what was supplied.
    pub grace_days: u16,
    /// Days for which a prescription without a duration counts.
    pub without_duration_days: u16,
    /// The rule as the page says it.
    pub zh: String,
    /// The rule in English.
    pub en: String,
}

/// When the diagnosis of a visit is past (既往诊断).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentDiagnoses {
    /// Days after the visit.
    pub days: u16,
    /// Ranges of ICD-10 categories: `J00-J06`.
    pub acute: Vec<String>,
    /// The rule as the page says it.
    pub zh: String,
    /// The rule in English.
    pub en: String,
}

impl CurrentDiagnoses {
    /// Whether an ICD-10 code is of an acute category.
    #[must_use]
    pub fn is_acute(&self, code: &str) -> bool {
        let Some(category) = code.get(..3) else { return false };
        let is_in = |range: &String| range.split_once('-').is_some_and(|(from, to)| from <= category && category <= to);
        self.acute.iter().any(is_in)
    }
}

/// How sources write an allergy (过敏史) in words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allergies {
    /// The edition of the file.
    pub version: String,
    /// What stands between the names of a list.
    pub between: Vec<String>,
    /// Words before the substance.
    pub before: Vec<String>,
    /// Words behind it.
    pub after: Vec<String>,
    /// Whole texts that deny an allergy.
    pub denied: Vec<String>,
    /// Beginnings of texts that deny one.
    pub denied_begins: Vec<String>,
    /// What may stand before a colon and the statement: 过敏史.
    pub headings: Vec<String>,
    /// Who says it, before the statement: 患者.
    pub speakers: Vec<String>,
    /// Substances whose names begin with 无.
    pub substances_in_wu: Vec<String>,
    /// Words with which a denial turns into a naming: 但, 除.
    pub turns: Vec<String>,
    /// Words of an allergy in a clause beside a denial.
    pub signs: Vec<String>,
    /// Whole texts that say nothing.
    pub unknown: Vec<String>,
    /// `system|code` of codes that deny one.
    pub denied_codes: Vec<String>,
    /// Names of one substance; the first is shown.
    pub same: Vec<Vec<String>>,
    /// `system|code` of narrative observations that hold a history.
    pub narrative: Vec<String>,
    /// `system|code` of observations that say yes or no.
    pub flag: Vec<String>,
}

/// Which observations are results.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The edition of the file.
    pub version: String,
    /// Categories that are results.
    pub categories: Vec<String>,
    /// Categories that are none.
    pub others: Vec<String>,
    /// The system of data elements.
    pub element_system: String,
    /// Beginnings of data elements that can be results.
    pub element_groups: Vec<String>,
    /// Endings of the systems that number laboratory items.
    pub item_systems: Vec<String>,
    /// Where a blood group stands.
    pub blood: Blood,
}

/// Where a blood group (血型) stands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blood {
    /// `system|code` of ABO groups.
    pub abo: Vec<String>,
    /// The value table of their codes.
    pub abo_table: String,
    /// `system|code` of Rh groups.
    pub rh: Vec<String>,
    /// The value table of their codes.
    pub rh_table: String,
    /// Words that say nothing.
    pub unknown: Vec<String>,
}

/// The rules of the front page.
#[must_use]
pub fn front_page() -> &'static FrontPage {
    &FRONT_PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read() {
        let allergies: Result<Allergies, _> = toml::from_str(ALLERGIES);
        assert!(allergies.is_ok(), "{allergies:?}");
        let results: Result<Results, _> = toml::from_str(RESULTS);
        assert!(results.is_ok(), "{results:?}");
        let current: Result<Current, _> = toml::from_str(CURRENT);
        assert!(current.is_ok(), "{current:?}");
    }

    #[test]
    fn acute_is_what_passes_by_itself_and_nothing_else() {
        let rules = &front_page().current.diagnoses;
        for code in ["J00", "J06.900", "J18.900x001", "A09.900x003", "S52.500", "R51.x00"] {
            assert!(rules.is_acute(code), "{code}");
        }
        for code in [
            "I10.x00x002",
            "E11.900",
            "J45.900x001",
            "J44.900",
            "C34.900",
            "B18.100",
            "Z34.900",
            "N18.300",
            "",
            "J0",
            "感冒",
        ] {
            assert!(!rules.is_acute(code), "{code}");
        }
        for range in &rules.acute {
            let (from, to) = range.split_once('-').unwrap();
            assert!(from.len() == 3 && to.len() == 3 && from <= to && from[..1] == to[..1], "{range}");
        }
        // The words say the numbers.
        let medicines = &front_page().current.medicines;
        for words in [&medicines.zh, &medicines.en] {
            assert!(
                words.contains(&medicines.grace_days.to_string())
                    && words.contains(&medicines.without_duration_days.to_string())
            );
        }
        assert!([&rules.zh, &rules.en].iter().all(|words| words.contains(&rules.days.to_string())));
    }

    #[test]
    fn the_tables_of_blood_groups_are_loaded() {
        let blood = &front_page().results.blood;
        for table in [&blood.abo_table, &blood.rh_table] {
            let found = crate::value_sets::table(table).map(|table| table.codes().count());
            assert!(found.is_some_and(|count| count >= 3), "{table}");
        }
    }
}
