//! FHIR decimals: every written digit counts.
//!
//! `1.00` says more than `1`: FHIR compares a search value with the range that its digits imply (`100` means
//! [99.5, 100.5)). The text itself stays untouched in the JSON tree; this module gives the numbers to compare with.

use rust_decimal::Decimal;

/// A decimal and the half-open range that its written digits imply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantified {
    /// The number.
    pub value: Decimal,
    /// The smallest number that rounds to the text.
    pub low: Decimal,
    /// The smallest number above that no longer does.
    pub high: Decimal,
}

/// A text that is no decimal, or one that cannot be computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not the form of a number in JSON.
    #[error("not a decimal number")]
    Form,
    /// More digits than can be compared (28), or beyond ±7.9·10²⁸. Such a number can be stored, but not searched.
    #[error("the number has more digits than can be compared")]
    Range,
}

/// Powers of ten beyond this are out of range whatever the digits are.
const EXPONENT_MAX: i64 = 1_000;

/// The most digits after the point that [`Decimal`] holds.
const SCALE_MAX: i64 = 28;

/// Reads a decimal as FHIR and JSON write it: `-0.50`, `1.2e-3`.
///
/// # Errors
/// [`DecimalError`] when the text is no decimal, or not one that can be compared.
pub fn parse(text: &str) -> Result<Quantified, DecimalError> {
    let (negative, digits, exponent) = split(text)?;
    // value = digits · 10^exponent; the implied range is half of the last digit to either side.
    let significant = digits.trim_start_matches('0');
    // Twenty-seven digits leave room for the one that halving adds.
    if significant.len() > 27 {
        return Err(DecimalError::Range);
    }
    let mut mantissa: i128 = 0;
    for digit in significant.bytes() {
        mantissa = mantissa * 10 + i128::from(digit - b'0');
    }
    if negative {
        mantissa = -mantissa;
    }
    let value = scaled(mantissa, exponent)?;
    let low = scaled(mantissa * 10 - 5, exponent - 1)?;
    let high = scaled(mantissa * 10 + 5, exponent - 1)?;
    Ok(Quantified { value, low, high })
}

/// Sign, digits without the point, and the power of ten of the last digit.
fn split(text: &str) -> Result<(bool, String, i64), DecimalError> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (number, power) = rest.split_once(['e', 'E']).map_or((rest, None), |(number, power)| (number, Some(power)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) || !fraction.is_none_or(is_digits) {
        return Err(DecimalError::Form);
    }
    let mut exponent = -i64::try_from(fraction.unwrap_or_default().len()).map_err(|_| DecimalError::Range)?;
    if let Some(power) = power {
        let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
        if !is_digits(digits) {
            return Err(DecimalError::Form);
        }
        let size: i64 = digits.parse().map_err(|_| DecimalError::Range)?;
        if size > EXPONENT_MAX {
            return Err(DecimalError::Range);
        }
        exponent += if power.starts_with('-') { -size } else { size };
    }
    Ok((negative, format!("{whole}{}", fraction.unwrap_or_default()), exponent))
}

/// mantissa · 10^exponent
fn scaled(mantissa: i128, exponent: i64) -> Result<Decimal, DecimalError> {
    let (mut mantissa, mut exponent) = (mantissa, exponent);
    while exponent > 0 && mantissa != 0 {
        mantissa = mantissa.checked_mul(10).ok_or(DecimalError::Range)?;
        exponent -= 1;
    }
    // Zeros at the end of a very small number may go; other digits may not.
    while exponent < -SCALE_MAX && mantissa % 10 == 0 && mantissa != 0 {
        mantissa /= 10;
        exponent += 1;
    }
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    let scale = u32::try_from(-exponent).map_err(|_| DecimalError::Range)?;
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| DecimalError::Range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::str::FromStr;

    use super::*;

    fn range(text: &str) -> (String, String) {
        let found = parse(text).unwrap();
        (found.low.normalize().to_string(), found.high.normalize().to_string())
    }

    #[test]
    fn digits_imply_a_range() {
        // The examples of FHIR R4 search, section "number".
        assert_eq!(range("100"), ("99.5".into(), "100.5".into()));
        assert_eq!(range("100.00"), ("99.995".into(), "100.005".into()));
        assert_eq!(range("1e2"), ("50".into(), "150".into()));
        assert_eq!(range("5.40e-3"), ("0.005395".into(), "0.005405".into()));
        assert_eq!(range("-2"), ("-2.5".into(), "-1.5".into()));
        assert_eq!(range("0"), ("-0.5".into(), "0.5".into()));
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1,5", " 1", "١"] {
            assert_eq!(parse(text), Err(DecimalError::Form), "{text}");
        }
        for text in ["1e999999999999999999999", "1e40", "1e-40", "1234567890123456789012345678901"] {
            assert_eq!(parse(text), Err(DecimalError::Range), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn digits_come_back(mantissa in -999_999_999_999_i64..999_999_999_999, scale in 0_u32..12) {
            let written = Decimal::new(mantissa, scale).to_string();
            let read = parse(&written).unwrap();
            // The text in the tree is what is lossless; the number must at least be equal and inside its own range.
            prop_assert_eq!(read.value, Decimal::from_str(&written).unwrap());
            prop_assert!(read.low < read.value && read.value < read.high);
        }

        #[test]
        fn json_keeps_every_digit(text in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?") {
            let (value, issues) = crate::fhir::read_json(text.as_bytes());
            prop_assert!(issues.is_empty());
            let value = value.ok_or_else(|| TestCaseError::fail("not read"))?;
            prop_assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
    }
}
