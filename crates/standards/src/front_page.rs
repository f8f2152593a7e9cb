//! What the front page of a record (健康档案首页) takes for one allergy, for a result, for a blood group: data in
//! `standards/front-page/`, parsed once.

use std::sync::LazyLock;

use serde::Deserialize;

const ALLERGIES: &str = include_str!("../../../standards/front-page/allergies.toml");
const RESULTS: &str = include_str!("../../../standards/front-page/results.toml");

// A test reads both files: one with a mistake never leaves the workshop.
static FRONT_PAGE: LazyLock<FrontPage> = LazyLock::new(|| FrontPage {
    allergies: toml::from_str(ALLERGIES).unwrap_or_default(),
    results: toml::from_str(RESULTS).unwrap_or_default(),
});

/// Both files.
#[derive(Debug, Clone, Default)]
pub struct FrontPage {
    /// How allergies are written.
    pub allergies: Allergies,
    /// Which observations are results.
    pub results: Results,
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
    fn both_files_are_read() {
        let allergies: Result<Allergies, _> = toml::from_str(ALLERGIES);
        assert!(allergies.is_ok(), "{allergies:?}");
        let results: Result<Results, _> = toml::from_str(RESULTS);
        assert!(results.is_ok(), "{results:?}");
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
