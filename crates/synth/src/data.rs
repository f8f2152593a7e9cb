//! What clinicians and field people wrote down (`standards/synth/`), read once: the city, its laboratories, medicines, conditions
//! and the dirt of its feeds.

use std::collections::HashMap;

use serde::Deserialize;

use crate::SynthError;
use crate::day::Day;

static CITY: &str = include_str!("../../../standards/synth/city.toml");
static LABORATORY: &str = include_str!("../../../standards/synth/laboratory.toml");
static MEDICINES: &str = include_str!("../../../standards/synth/medicines.toml");
static PROGRAMME: &str = include_str!("../../../standards/facts/vaccination/programme.toml");
static VACCINATION: &str = include_str!("../../../standards/synth/vaccination.toml");
static DIRT: &str = include_str!("../../../standards/synth/dirt.toml");

macro_rules! conditions {
    ($($name:literal)*) => {
        /// Every file of `standards/synth/conditions/` (a test compares with the folder).
        pub(crate) static CONDITIONS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../standards/synth/conditions/", $name, ".toml")))),*];
    };
}

conditions! {
    "allergic-rhinitis" "anxiety" "appendicitis" "asthma" "cataract" "child-bronchitis" "chronic-kidney-disease" "copd"
    "coronary-disease" "dermatitis" "dyslipidaemia" "fracture" "gallstone" "gastritis" "gastroenteritis" "gout"
    "hand-foot-mouth" "hepatitis-b" "hypertension" "hyperthyroidism" "hypothyroidism" "insomnia" "iron-deficiency"
    "knee-arthrosis" "lumbar-disc" "migraine" "osteoporosis" "otitis" "pneumonia" "pregnancy" "prostate" "stroke-sequel"
    "type-2-diabetes" "urinary-infection" "urti"
}

/// `city.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct City {
    pub province: String,
    pub city: String,
    pub county: String,
    pub region: String,
    pub town: Vec<Town>,
    pub city_hospital: Hospital,
    pub county_hospital: Hospital,
    pub primary_care: PrimaryCare,
    pub department: Vec<Department>,
    pub staff: StaffCounts,
    pub names: Names,
    pub characters: Characters,
    pub blood: Blood,
}

/// 血型 among the residents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blood {
    /// Share of the residents whose group is known.
    pub typed: f64,
    /// Share of the typed that are Rh(D) negative.
    pub negative: f64,
    pub abo: Vec<BloodGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BloodGroup {
    pub code: String,
    pub share: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Town {
    #[expect(dead_code, reason = "the code of the region layer is for people and for other tools")]
    pub code: String,
    pub name: String,
    pub share: f64,
    pub villages: Vec<String>,
    pub streets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hospital {
    pub name: String,
    pub code: String,
    #[serde(default)]
    pub short: String,
    /// The code under which its documents come.
    #[serde(default)]
    pub document_code: String,
    /// The code under which it sent its tables at first.
    #[serde(default)]
    pub old_code: String,
    #[serde(default)]
    pub branches: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "names of the branches are for people who read the file")]
    pub branch_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrimaryCare {
    pub name: String,
    pub township: String,
    pub community: String,
    pub village: String,
    pub code_prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Department {
    pub code: String,
    pub name: String,
    pub ward: String,
    pub at: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaffCounts {
    pub city: usize,
    pub county: usize,
    pub primary: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    pub surnames: String,
    pub male: Vec<String>,
    pub female: Vec<String>,
    pub rare_male: Vec<String>,
    pub rare_four_byte: String,
    /// Names of test patients.
    pub test: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Characters {
    pub hero: String,
    pub hero_birth_years_ago: i32,
    pub mother: String,
    pub card_lender: String,
    pub card_borrower: String,
}

/// `laboratory.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Laboratory {
    pub analyte: Vec<Analyte>,
    pub panel: Vec<Panel>,
    pub examination: Vec<Examination>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Analyte {
    pub code: String,
    /// Of men and of women.
    #[serde(default)]
    pub mean: [f64; 2],
    #[serde(default)]
    pub spread: f64,
    #[serde(default)]
    pub low: f64,
    #[serde(default)]
    pub high: f64,
    /// Below this the laboratory writes `<least`.
    #[serde(default)]
    pub least: f64,
    /// Words, the usual one first.
    #[serde(default)]
    pub word: Vec<String>,
    pub city: Local,
    pub county: Local,
    pub primary: Local,
}

/// How one house reports an analyte.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Local {
    pub code: String,
    pub name: String,
    pub unit: String,
    pub decimals: usize,
    #[serde(default = "one")]
    pub scale: f64,
    #[serde(default)]
    pub offset: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panel {
    pub id: String,
    pub code: String,
    pub name: String,
    pub specimen: String,
    pub kind: String,
    pub price: f64,
    pub analytes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examination {
    pub id: String,
    pub code: String,
    pub name: String,
    pub section: String,
    pub price: f64,
    pub seen: String,
    pub concluded: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Medicine {
    pub id: String,
    pub code: String,
    pub name: String,
    #[expect(dead_code, reason = "for people who read the file")]
    pub form: String,
    pub pack: String,
    pub dose: String,
    pub unit: String,
    pub route: String,
    pub frequency: [String; 2],
    pub price: f64,
    pub kind: String,
    #[serde(default)]
    pub allergen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Medicines {
    medicine: Vec<Medicine>,
}

/// How a condition comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Course {
    /// Had for years, seen regularly.
    Chronic,
    /// An attack with a visit or a stay.
    Acute,
    /// Forty weeks, a delivery and a newborn.
    Pregnancy,
}

/// One file of `conditions/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub id: String,
    #[expect(dead_code, reason = "for people who read the file; messages carry the name of the code")]
    pub title: String,
    pub code: String,
    pub kind: Course,
    pub department: String,
    #[serde(default)]
    pub sex: u8,
    pub share: Vec<(i32, i32, f64)>,
    pub places: [f64; 3],
    #[serde(default)]
    pub visits_per_year: f64,
    /// Systolic, when it is found and under treatment.
    #[serde(default)]
    pub pressure: Option<[f64; 2]>,
    #[serde(default)]
    pub temperature: Option<f64>,
    #[serde(default)]
    pub follow_up: String,
    pub complaint: Vec<String>,
    pub history: Vec<String>,
    pub exam: Vec<String>,
    pub advice: Vec<String>,
    #[serde(default)]
    pub panels: Vec<(String, f64)>,
    #[serde(default)]
    pub examinations: Vec<(String, f64)>,
    #[serde(default)]
    pub medicines: Vec<(String, f64)>,
    /// Analytes whose word is another one: code and which of its words.
    #[serde(default)]
    pub words: Vec<(String, usize)>,
    #[serde(default)]
    pub delivery: Option<Delivery>,
    #[serde(default)]
    pub shift: Vec<Shift>,
    #[serde(default)]
    pub stay: Option<StayPlan>,
    #[serde(default)]
    pub tcm: Option<Tcm>,
    /// The name of the code in the 医保 edition; looked up.
    #[serde(skip)]
    pub name: String,
}

impl Condition {
    /// The share (or attacks a year) of somebody of this age and sex.
    pub fn share_at(&self, age: i32, sex: u8) -> f64 {
        if self.sex != 0 && self.sex != sex {
            return 0.0;
        }
        self.share.iter().find(|(from, to, _)| (*from..=*to).contains(&age)).map_or(0.0, |(_, _, share)| *share)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivery {
    pub code: String,
    pub name: String,
    pub newborn_code: String,
    pub newborn_name: String,
    pub days: [i32; 2],
    pub fee: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shift {
    pub analyte: String,
    pub from: f64,
    pub to: f64,
    pub months: f64,
    pub spread: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StayPlan {
    pub share: f64,
    pub days: [i32; 2],
    pub course: String,
    pub outcome: String,
    #[serde(default)]
    pub procedure: String,
    #[serde(default)]
    pub procedure_name: String,
    #[serde(default)]
    pub fee: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tcm {
    pub share: f64,
    pub disease: [String; 2],
    pub syndrome: [String; 2],
    pub principle: String,
    pub doses: i32,
    pub herbs: Vec<(String, i32)>,
}

/// `dirt.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirtFile {
    pub dirt: Vec<Dirt>,
    pub document: Vec<DocumentDirt>,
    pub event: HashMap<String, f64>,
}

/// One kind of dirt of messages and rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dirt {
    pub id: String,
    pub rate: f64,
    /// Where it happens: `hl7`, or tables.
    #[serde(rename = "where")]
    pub places: Vec<String>,
    /// The rules of which one must speak; empty: nothing is to be said about it.
    pub rules: Vec<String>,
    #[serde(default)]
    pub set_aside: bool,
    #[expect(dead_code, reason = "says to people what it is")]
    pub what: String,
}

/// One kind of dirt of documents: texts and what takes their place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentDirt {
    pub id: String,
    pub rate: f64,
    pub change: Vec<(String, String)>,
    pub rules: Vec<String>,
    #[serde(default)]
    pub set_aside: bool,
    /// Packed into an envelope.
    #[serde(default)]
    pub base64: bool,
    /// The birth day with dashes.
    #[serde(default)]
    pub dashed_birth: bool,
    #[expect(dead_code, reason = "says to people what it is")]
    pub what: String,
}

/// The schedule of the national programme for children.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Programme {
    vaccine: Vec<Vaccine>,
}

/// A vaccine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vaccine {
    pub code: String,
    pub name: String,
    pub disease: String,
    pub route: String,
    pub site: String,
    pub amount: String,
    /// The first dose is given where the child is born.
    #[serde(default)]
    pub at_birth: bool,
    /// 1 or 2 when it is for one sex only.
    #[serde(default)]
    pub sex: u8,
    /// The doses of the programme; of adults none.
    #[serde(default)]
    pub dose: Vec<Dose>,
    /// Adults: from which age, who, in which months, and whether every year.
    #[serde(default)]
    pub from_age: i32,
    #[serde(default)]
    pub share: f64,
    #[serde(default)]
    pub months: Vec<i32>,
    #[serde(default)]
    pub is_yearly: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dose {
    pub number: u8,
    pub months: i32,
    #[serde(default)]
    pub born: [String; 2],
    #[serde(default)]
    pub given: [String; 2],
}

/// `vaccination.toml`, with the programme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vaccination {
    #[serde(skip)]
    pub programme: Vec<Vaccine>,
    pub taken: f64,
    pub late_days: i32,
    pub dose_corrected: f64,
    pub dose_withdrawn: f64,
    pub makers: Vec<String>,
    pub adult: Vec<Vaccine>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Data {
    pub city: City,
    pub laboratory: Laboratory,
    pub medicines: Vec<Medicine>,
    pub conditions: Vec<Condition>,
    pub vaccination: Vaccination,
    pub dirt: DirtFile,
}

impl Data {
    /// Reads every file.
    pub fn load() -> Result<Self, SynthError> {
        let mut conditions = Vec::with_capacity(CONDITIONS.len());
        for (name, text) in CONDITIONS {
            let mut condition: Condition = read(name, text)?;
            let entry = standards::icd10::diagnosis(&condition.code);
            let entry = entry.ok_or_else(|| SynthError::Data((*name).to_owned(), format!("no {}", condition.code)))?;
            entry.name.clone_into(&mut condition.name);
            conditions.push(condition);
        }
        let medicines: Medicines = read("medicines", MEDICINES)?;
        let mut vaccination: Vaccination = read("vaccination", VACCINATION)?;
        vaccination.programme = read::<Programme>("programme", PROGRAMME)?.vaccine;
        let data = Self {
            city: read("city", CITY)?,
            laboratory: read("laboratory", LABORATORY)?,
            medicines: medicines.medicine,
            conditions,
            vaccination,
            dirt: read("dirt", DIRT)?,
        };
        data.check()?;
        Ok(data)
    }

    /// Every name that one file says must stand in the other.
    fn check(&self) -> Result<(), SynthError> {
        let wrong = |file: &str, what: &str| Err(SynthError::Data(file.to_owned(), format!("nobody knows {what}")));
        for condition in &self.conditions {
            for (panel, _) in &condition.panels {
                if !self.laboratory.panel.iter().any(|known| known.id == *panel) {
                    return wrong(&condition.id, panel);
                }
            }
            for (examination, _) in &condition.examinations {
                if !self.laboratory.examination.iter().any(|known| known.id == *examination) {
                    return wrong(&condition.id, examination);
                }
            }
            for (medicine, _) in &condition.medicines {
                if !self.medicines.iter().any(|known| known.id == *medicine) {
                    return wrong(&condition.id, medicine);
                }
            }
            for analyte in
                condition.shift.iter().map(|shift| &shift.analyte).chain(condition.words.iter().map(|(a, _)| a))
            {
                if self.analyte(analyte).is_none() {
                    return wrong(&condition.id, analyte);
                }
            }
            if !self.city.department.iter().any(|known| known.name == condition.department) {
                return wrong(&condition.id, &condition.department);
            }
        }
        let bad_day = |text: &String| !text.is_empty() && Day::parse(text).is_none();
        for dose in self.vaccination.programme.iter().flat_map(|vaccine| &vaccine.dose) {
            if let Some(day) = dose.born.iter().chain(&dose.given).find(|day| bad_day(day)) {
                return wrong("programme", day);
            }
        }
        for analyte in self.laboratory.panel.iter().flat_map(|panel| &panel.analytes) {
            if self.analyte(analyte).is_none() {
                return wrong("laboratory", analyte);
            }
        }
        Ok(())
    }

    /// Position of an analyte.
    pub fn analyte(&self, code: &str) -> Option<usize> {
        self.laboratory.analyte.iter().position(|known| known.code == code)
    }

    /// A rate of `dirt.toml` (`[event]`); 0 when it names none.
    pub fn event_rate(&self, name: &str) -> f64 {
        self.dirt.event.get(name).copied().unwrap_or(0.0)
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, SynthError> {
    toml::from_str(text).map_err(|error| SynthError::Data(name.to_owned(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_readable_and_names_what_exists() {
        let data = Data::load().unwrap();
        assert!(data.conditions.len() >= 30);
        for condition in &data.conditions {
            assert!(condition.places.iter().sum::<f64>() > 0.99, "{}", condition.id);
            if let Some(stay) = condition.stay.as_ref().filter(|stay| !stay.procedure.is_empty()) {
                let known = standards::icd10::procedure(&stay.procedure).map(|entry| entry.name);
                assert_eq!(known, Some(&*stay.procedure_name), "{}", condition.id);
            }
        }
    }

    #[test]
    fn every_condition_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../standards/synth/conditions");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".toml").to_owned())
            .collect();
        there.sort();
        let listed: Vec<&str> = CONDITIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(there, listed);
    }
}
