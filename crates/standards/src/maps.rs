//! Local code maps: what the item codes of an institution mean, as versioned files (`standards/maps/`).
//!
//! A map leads from a local item code to an analyte of a small DEMO code system, says in which unit the house reports when it
//! does not say so itself, and how its number becomes the analyte's unit where neither UCUM nor a molar mass can tell.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

static ANALYTES: &str = include_str!("../../../standards/maps/analytes.toml");

static FILES: [(&str, &str); 5] = [
    ("abbreviations", include_str!("../../../standards/maps/abbreviations.toml")),
    ("numbered", include_str!("../../../standards/maps/numbered.toml")),
    ("city-hospital", include_str!("../../../standards/maps/city-hospital.toml")),
    ("county-hospital", include_str!("../../../standards/maps/county-hospital.toml")),
    ("primary-care", include_str!("../../../standards/maps/primary-care.toml")),
];

/// The institution of the map that stands in where an institution has none of its own.
const ANY_INSTITUTION: &str = "*";

/// What a laboratory can measure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analyte {
    /// The code in the DEMO system.
    pub code: String,
    /// 检验项目名称.
    pub name: String,
    /// The UCUM unit in which results are compared; empty when the result is a word.
    pub unit: String,
    /// The molecule, where mass and substance concentrations must meet.
    #[serde(default)]
    pub formula: String,
    /// Its mass in g/mol, as a decimal text; empty when there is no formula.
    #[serde(default)]
    pub molar_mass: String,
    /// Units that mean another scale of this analyte, which neither UCUM nor a molar mass can know.
    #[serde(default)]
    pub convert: Vec<Scale>,
}

/// Another scale of an analyte: analyte's unit = value × factor + offset.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The UCUM unit of that scale.
    pub unit: String,
    /// As a decimal text.
    pub factor: String,
    /// As a decimal text.
    pub offset: String,
}

#[derive(Deserialize)]
struct AnalyteFile {
    system: String,
    version: String,
    #[expect(dead_code, reason = "the title is for people who read the file")]
    title: String,
    analyte: Vec<Analyte>,
}

/// The DEMO code system of analytes.
pub struct Analytes {
    /// Its URI.
    pub system: String,
    /// Its version.
    pub version: String,
    by_code: HashMap<String, Analyte>,
}

impl Analytes {
    /// The analyte of a code.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Analyte> {
        self.by_code.get(code)
    }

    /// Every analyte.
    pub fn iter(&self) -> impl Iterator<Item = &Analyte> {
        self.by_code.values()
    }
}

static SYSTEM: LazyLock<Analytes> = LazyLock::new(|| {
    // A test reads the same file: a broken one never leaves the workshop.
    let empty =
        || AnalyteFile { system: String::new(), version: String::new(), title: String::new(), analyte: Vec::new() };
    let file: AnalyteFile = toml::from_str(ANALYTES).unwrap_or_else(|_| empty());
    let by_code = file.analyte.into_iter().map(|analyte| (analyte.code.clone(), analyte)).collect();
    Analytes { system: file.system, version: file.version, by_code }
});

/// The DEMO code system of analytes.
#[must_use]
pub fn analytes() -> &'static Analytes {
    &SYSTEM
}

/// What one local item code means.
#[derive(Debug, Clone)]
pub struct Item {
    /// The local code.
    pub code: String,
    /// The local name, for people.
    pub name: String,
    /// What is measured.
    pub analyte: &'static Analyte,
    /// The UCUM unit that the institution means when it sends none; empty when unknown.
    pub unit: String,
    /// What its numbers (in `unit`) are multiplied with to be in the analyte's unit, as a decimal text; empty when UCUM and the
    /// molar mass can tell.
    pub factor: String,
}

/// A map of one source.
#[derive(Debug, Clone)]
pub struct CodeMap {
    /// Its name: `numbered`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// 机构编码 of the institutions for which it holds.
    pub institutions: Vec<String>,
    items: HashMap<String, Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    id: String,
    version: String,
    #[expect(dead_code, reason = "the title is for people who read the file")]
    title: String,
    institutions: Vec<String>,
    item: Vec<MapItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapItem {
    code: String,
    #[serde(default)]
    name: String,
    analyte: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    #[expect(dead_code, reason = "notes are for people who read the file")]
    note: String,
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Not TOML, or not of the form of a map.
    #[error("not a code map: {0}")]
    Form(String),
    /// It names an analyte that the code system does not have.
    #[error("item {0}: no analyte {1}")]
    Analyte(String, String),
    /// The same local code twice.
    #[error("item {0} stands twice")]
    Twice(String),
}

impl CodeMap {
    /// Reads a map file; the form is that of the files in `standards/maps/`.
    ///
    /// # Errors
    /// [`MapError`] when the text is no map, names an unknown analyte or a code twice.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let file: MapFile = toml::from_str(text).map_err(|error| MapError::Form(error.to_string()))?;
        let mut items = HashMap::with_capacity(file.item.len());
        for item in file.item {
            let analyte = analytes().get(&item.analyte);
            let analyte = analyte.ok_or_else(|| MapError::Analyte(item.code.clone(), item.analyte.clone()))?;
            let code = item.code.clone();
            let known = Item { code: item.code, name: item.name, analyte, unit: item.unit, factor: item.factor };
            if items.insert(code.clone(), known).is_some() {
                return Err(MapError::Twice(code));
            }
        }
        Ok(Self { id: file.id, version: file.version, institutions: file.institutions, items })
    }

    /// What a local code means.
    #[must_use]
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(code)
    }

    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }
}

static MAPS: LazyLock<Vec<CodeMap>> =
    LazyLock::new(|| FILES.iter().filter_map(|(_, text)| CodeMap::parse(text).ok()).collect());

static EMPTY: LazyLock<CodeMap> = LazyLock::new(|| CodeMap {
    id: String::new(),
    version: String::new(),
    institutions: Vec::new(),
    items: HashMap::new(),
});

/// The map of an institution: its own, or the one for institutions that have none.
#[must_use]
pub fn code_map(institution: &str) -> &'static CodeMap {
    let of = |wanted: &str| MAPS.iter().find(|map| map.institutions.iter().any(|there| there == wanted));
    of(institution).or_else(|| of(ANY_INSTITUTION)).unwrap_or(&EMPTY)
}

/// The map of this name (`numbered`), for sources whose registration names one.
#[must_use]
pub fn code_map_named(id: &str) -> Option<&'static CodeMap> {
    MAPS.iter().find(|map| map.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_is_readable() {
        for (name, text) in FILES {
            assert_eq!(CodeMap::parse(text).unwrap().id, name);
        }
        let file: AnalyteFile = toml::from_str(ANALYTES).unwrap();
        assert_eq!(file.analyte.len(), SYSTEM.by_code.len(), "an analyte stands twice");
        assert_eq!(code_map("990121998").item("2001").unwrap().analyte.code, "GLU");
        assert_eq!(code_map("anywhere").item("WBC").unwrap().analyte.unit, "10*9/L");
    }

    #[test]
    fn mistakes_in_a_map_are_named() {
        let head = "id = \"x\"\nversion = \"1\"\ntitle = \"x\"\ninstitutions = []\n";
        let item = "[[item]]\ncode = \"1\"\nanalyte = \"WBC\"\n";
        assert!(CodeMap::parse(&format!("{head}{item}")).is_ok());
        assert!(matches!(CodeMap::parse(&format!("{head}{item}{item}")), Err(MapError::Twice(_))));
        assert!(matches!(CodeMap::parse(&format!("{head}{}", item.replace("WBC", "QQ"))), Err(MapError::Analyte(..))));
        assert!(matches!(CodeMap::parse("id = 1"), Err(MapError::Form(_))));
    }

    /// Molar masses are computed from the formulas with the abridged standard atomic weights (IUPAC 2021).
    #[test]
    fn molar_masses_agree_with_their_formulas() {
        let weights = HashMap::from([
            ("H", 1.008),
            ("C", 12.011),
            ("N", 14.007),
            ("O", 15.999),
            ("Na", 22.990),
            ("Mg", 24.305),
            ("P", 30.974),
            ("S", 32.06),
            ("Cl", 35.45),
            ("K", 39.098),
            ("Ca", 40.078),
            ("Fe", 55.845),
            ("I", 126.904),
        ]);
        let mut seen = 0;
        for analyte in analytes().iter().filter(|analyte| !analyte.formula.is_empty()) {
            let mut rest = analyte.formula.as_str();
            let mut mass = 0.0;
            while !rest.is_empty() {
                let end = rest[1..].find(|c: char| !c.is_ascii_lowercase()).map_or(rest.len(), |end| end + 1);
                let (element, tail) = rest.split_at(end);
                let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
                mass += weights[element] * tail[..digits].parse::<f64>().unwrap_or(1.0);
                rest = &tail[digits..];
            }
            let stated: f64 = analyte.molar_mass.parse().unwrap();
            assert!((mass - stated).abs() < 0.001, "{}: {mass} and {stated}", analyte.code);
            seen += 1;
        }
        assert!(seen > 20);
    }
}
