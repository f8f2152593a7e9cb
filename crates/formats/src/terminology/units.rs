//! Units: from a spelling to UCUM, and from one UCUM unit to another with exact decimals.
//!
//! Parsing and dimensions are the crate octofhir-ucum's (decision 0007); spellings are data (`standards/maps/units.toml`). Factors
//! are decimals of up to 28 digits, so that 10 × 0.1 is 1 and not 1.0000000000000002.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{LazyLock, PoisonError, RwLock};

use rust_decimal::Decimal;

/// Unit texts and pairs of units that are remembered. A feed has some dozens; a hostile one must not fill the memory.
const REMEMBERED_MAX: usize = 4096;
/// No unit is longer, in bytes; what is longer is not looked at.
const UNIT_BYTES_MAX: usize = 64;
/// A converted value has one significant digit more than the sent one, and at least so many.
const SIGNIFICANT_DIGITS_MIN: u32 = 4;

type Memory<K, V> = LazyLock<RwLock<HashMap<K, V>>>;

static CODES: Memory<String, Option<String>> = LazyLock::new(RwLock::default);
static CONVERSIONS: Memory<(String, String, String), Option<Conversion>> = LazyLock::new(RwLock::default);

/// The UCUM code of a unit as it was written; `None` when nobody has said what it means.
#[must_use]
pub fn code(sent: &str) -> Option<String> {
    let sent = sent.trim();
    if sent.is_empty() || sent.len() > UNIT_BYTES_MAX {
        return None;
    }
    if let Some(known) = CODES.read().unwrap_or_else(PoisonError::into_inner).get(sent) {
        return known.clone();
    }
    let found = look_up(sent);
    let mut codes = CODES.write().unwrap_or_else(PoisonError::into_inner);
    if codes.len() < REMEMBERED_MAX {
        codes.insert(sent.to_owned(), found.clone());
    }
    found
}

/// The table first, because laboratories mean something else by `K` than physics; then the table without regard to letter case, because
/// nobody's `Mmol/L` are megamoles; then UCUM itself.
fn look_up(sent: &str) -> Option<String> {
    if let Some(code) = standards::units::spelled(sent) {
        return Some(code.to_owned());
    }
    if let Some(code) = standards::units::spelled_in_any_case(sent) {
        return Some(code.to_owned());
    }
    let folded = crate::text::fold_width(sent);
    // A number alone is a UCUM unit, but no unit that anybody means.
    let has_letter = folded.chars().any(|character| character.is_ascii_alphabetic() || character == '%');
    (has_letter && is_ucum(&folded)).then(|| folded.into_owned())
}

/// Whether a text is a unit of UCUM.
#[must_use]
pub fn is_ucum(code: &str) -> bool {
    code.len() <= UNIT_BYTES_MAX && octofhir_ucum::validate(code).is_ok()
}

/// How a value becomes a value in another unit: `value × factor + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    factor: Decimal,
    offset: Decimal,
}

impl Conversion {
    /// A factor as a decimal text; `None` when it is none.
    #[must_use]
    pub fn by(factor: &str) -> Option<Self> {
        Some(Self { factor: Decimal::from_str(factor).ok()?, offset: Decimal::ZERO })
    }

    /// A factor and an offset as decimal texts; `None` when one of them is none.
    #[must_use]
    pub fn of(factor: &str, offset: &str) -> Option<Self> {
        Some(Self { factor: Decimal::from_str(factor).ok()?, offset: Decimal::from_str(offset).ok()? })
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.factor == Decimal::ONE && self.offset.is_zero()
    }

    /// The converted value as a decimal text. Exact when it is short; otherwise rounded to one significant digit more than
    /// the sent value had, at least four: a factor makes nothing more exact. `None` when the value is too large or no decimal.
    #[must_use]
    pub fn apply(&self, digits: &str) -> Option<String> {
        let value = Decimal::from_str(digits).or_else(|_| Decimal::from_scientific(digits)).ok()?;
        let exact = value.checked_mul(self.factor)?.checked_add(self.offset)?;
        let significant = significant_digits(digits).max(SIGNIFICANT_DIGITS_MIN - 1) + 1;
        let rounded = exact.round_sf(significant)?;
        if rounded.is_zero() && !exact.is_zero() {
            return None;
        }
        Some(rounded.normalize().to_string())
    }
}

/// Digits from the first that is not zero, as they were sent: `5.60` has three.
fn significant_digits(digits: &str) -> u32 {
    let mantissa = digits.split(['e', 'E']).next().unwrap_or(digits);
    let count = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    u32::try_from(count).unwrap_or(u32::MAX).clamp(1, 20)
}

/// From one UCUM unit to another; with a molar mass (g/mol, a decimal text, empty when there is none) also between mass and
/// substance. `None` when they cannot be compared.
#[must_use]
pub fn conversion(from: &str, to: &str, molar_mass: &str) -> Option<Conversion> {
    let key = (from.to_owned(), to.to_owned(), molar_mass.to_owned());
    if let Some(known) = CONVERSIONS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return *known;
    }
    let found = linear(from, to).or_else(|| through_molar_mass(from, to, molar_mass));
    let mut conversions = CONVERSIONS.write().unwrap_or_else(PoisonError::into_inner);
    if conversions.len() < REMEMBERED_MAX {
        conversions.insert(key, found);
    }
    found
}

fn linear(from: &str, to: &str) -> Option<Conversion> {
    if from.len() > UNIT_BYTES_MAX || to.len() > UNIT_BYTES_MAX {
        return None;
    }
    let result =
        octofhir_ucum::convert_with_context(1.0, from, to, &octofhir_ucum::AdvancedConversionContext::default());
    let result = result.ok()?;
    let decimal = |number: octofhir_ucum::Number| {
        let text = number.to_string();
        Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
    };
    let offset = result.offset.map_or(Some(Decimal::ZERO), decimal)?;
    let factor = decimal(result.factor?)?;
    // A factor too small for 28 places would become zero, and every value with it.
    (!factor.is_zero()).then_some(Conversion { factor, offset })
}

/// mg/dL and mmol/L meet in the molecule's mass: g/L = mol/L × g/mol, whatever both are measured per.
fn through_molar_mass(from: &str, to: &str, molar_mass: &str) -> Option<Conversion> {
    let mass = Decimal::from_str(molar_mass).ok().filter(|mass| !mass.is_zero())?;
    let ratio = |from: &str, to: &str| linear(from, to).filter(|step| step.offset.is_zero()).map(|step| step.factor);
    for per in ["/L", ""] {
        let (gram, mole) = (format!("g{per}"), format!("mol{per}"));
        let factor = match (ratio(from, &gram), ratio(&mole, to)) {
            (Some(to_gram), Some(from_mole)) => to_gram.checked_mul(from_mole)?.checked_div(mass),
            _ => match (ratio(from, &mole), ratio(&gram, to)) {
                (Some(to_mole), Some(from_gram)) => to_mole.checked_mul(mass)?.checked_mul(from_gram),
                _ => None,
            },
        };
        if let Some(factor) = factor {
            return Some(Conversion { factor, offset: Decimal::ZERO });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_is_a_unit_of_ucum() {
        for (spelling, ucum) in standards::units::spellings() {
            assert!(is_ucum(ucum), "{spelling}: {ucum}");
        }
        for analyte in standards::maps::analytes().iter() {
            assert!(analyte.unit.is_empty() || is_ucum(&analyte.unit), "{}", analyte.code);
        }
        for map in ["abbreviations", "numbered"].map(|id| standards::maps::code_map_named(id).unwrap()) {
            for item in map.items() {
                assert!(item.unit.is_empty() || is_ucum(&item.unit), "{} {}", map.id, item.code);
                assert!(item.factor.is_empty() || Conversion::by(&item.factor).is_some(), "{} {}", map.id, item.code);
                let analyte = item.analyte;
                let told =
                    !item.factor.is_empty() || conversion(&item.unit, &analyte.unit, &analyte.molar_mass).is_some();
                assert!(item.unit.is_empty() || told, "{} {}: no way to {}", map.id, item.code, analyte.unit);
            }
        }
    }

    #[test]
    fn spellings_come_before_ucum_in_any_letter_case() {
        for (sent, ucum) in [
            ("10^9/L", Some("10*9/L")),
            ("mmol/L", Some("mmol/L")),
            ("mmol/l", Some("mmol/L")),
            ("MMOL/L", Some("mmol/L")),
            // Megamoles, megagrams, petagrams, megagauss: what UCUM makes of them is nothing that a laboratory measures.
            ("Mmol/L", Some("mmol/L")),
            ("Mg/L", Some("mg/L")),
            ("MG/L", Some("mg/L")),
            ("Pg", Some("pg")),
            ("K/uL", Some("10*3/uL")),
            ("S", Some("s")),
            ("次/分", Some("/min")),
            ("kat/L", Some("kat/L")),
            ("％", Some("%")),
            ("弗隆", None),
            ("12", None),
            ("", None),
            ("见说明", None),
        ] {
            assert_eq!(code(sent).as_deref(), ucum, "{sent}");
            assert_eq!(code(sent).as_deref(), ucum, "{sent} again");
        }
    }

    #[test]
    fn values_are_converted_exactly_or_rounded_honestly() {
        for (digits, from, to, molar_mass, expected) in [
            ("100", "mg/dL", "mmol/L", "180.156", Some("5.551")),
            ("5.6", "mmol/L", "mg/dL", "180.156", Some("100.9")),
            ("200", "mg/dL", "mmol/L", "386.664", Some("5.172")),
            ("1.2", "mg/dL", "umol/L", "113.12", Some("106.1")),
            ("6.5", "10*3/uL", "10*9/L", "", Some("6.5")),
            ("13.5", "g/dL", "g/L", "", Some("135")),
            ("40.0", "%", "L/L", "", Some("0.4")),
            ("120", "mm[Hg]", "kPa", "", Some("16")),
            ("16.0", "kPa", "mm[Hg]", "", Some("120")),
            ("98.6", "[degF]", "Cel", "", Some("37")),
            ("100", "mg/dL", "mmol/L", "", None),
            ("1", "U/L", "[IU]/L", "", None),
            ("1", "g/L", "10*9/L", "", None),
        ] {
            let found = conversion(from, to, molar_mass).and_then(|conversion| conversion.apply(digits));
            assert_eq!(found.as_deref(), expected, "{digits} {from} to {to}");
        }
        assert_eq!(Conversion::by("0.356964").unwrap().apply("14").as_deref(), Some("4.997"));
        assert!(conversion("10*9/L", "10*3/uL", "").unwrap().is_identity());
    }

    proptest! {
        #[test]
        fn any_text_has_a_code_or_none(sent in ".{0,24}") {
            if let Some(code) = code(&sent) {
                prop_assert!(is_ucum(&code), "{} -> {}", sent, code);
            }
        }

        #[test]
        fn there_and_back_again(value in 1u32..100_000, scale in 0u32..4) {
            let digits = Decimal::new(i64::from(value), scale).to_string();
            for (one, other, molar_mass) in [("mg/dL", "mmol/L", "180.156"), ("g/L", "g/dL", ""), ("mm[Hg]", "kPa", "")] {
                let there = conversion(one, other, molar_mass).unwrap().apply(&digits).unwrap();
                let back = conversion(other, one, molar_mass).unwrap().apply(&there).unwrap();
                let (before, after): (f64, f64) = (digits.parse().unwrap(), back.parse().unwrap());
                prop_assert!((before - after).abs() / before < 2e-3, "{} {} {}", digits, there, back);
            }
        }
    }
}
