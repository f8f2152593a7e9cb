//! A measured value as a laboratory reports it: its code, its unit, its digits, its reference range and flag.

use crate::data::{Analyte, Local};
use crate::life::Measured;
use crate::world::{Place, World};

/// A result as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub code: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    /// Digits, `<0.5`, or a word.
    pub value: String,
    /// Empty for words.
    pub low: String,
    pub high: String,
    /// `H`, `L`, `N`, empty for words.
    pub flag: &'static str,
    pub is_number: bool,
}

/// How a house writes an analyte.
fn local(analyte: &'static Analyte, place: Place) -> &'static Local {
    match place {
        Place::City => &analyte.city,
        Place::County(_) => &analyte.county,
        Place::Primary(_) => &analyte.primary,
    }
}

/// A result as the laboratory of a place reports it.
pub(crate) fn show(world: &World, place: Place, measured: &Measured) -> Shown {
    let analyte = &world.data.laboratory.analyte[measured.analyte];
    let house = local(analyte, place);
    let empty = Shown {
        code: &house.code,
        name: &house.name,
        unit: &house.unit,
        value: String::new(),
        low: String::new(),
        high: String::new(),
        flag: "",
        is_number: false,
    };
    if let Some(word) = measured.word {
        let word = analyte.word.get(word).or_else(|| analyte.word.first()).cloned().unwrap_or_default();
        return Shown { value: word, ..empty };
    }
    let write = |value: f64| format!("{:.*}", house.decimals, value * house.scale + house.offset);
    let is_tiny = analyte.least > 0.0 && measured.value < analyte.least;
    let value = if is_tiny { format!("<{}", write(analyte.least)) } else { write(measured.value) };
    let flag = match measured.value {
        value if value > analyte.high => "H",
        value if value < analyte.low => "L",
        _ => "N",
    };
    Shown { value, low: write(analyte.low), high: write(analyte.high), flag, is_number: true, ..empty }
}

/// Cents as an amount: `12.50`, `-3.00`.
pub(crate) fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// An amount of `…toml` in cents.
pub(crate) fn cents(amount: f64) -> i64 {
    (amount * 100.0).round() as i64
}
