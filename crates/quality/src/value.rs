//! Values as people and programs write them: full-width digits, thousands separators, comparators, and what is shown of a value
//! that belongs to a person.

use std::borrow::Cow;

/// The value without blanks around it and with full-width letters, digits and signs made half-width; without the apostrophe by
/// which spreadsheets mark text. Plain text is not copied.
pub(crate) fn folded(value: &str) -> Cow<'_, str> {
    let value = value.trim_matches(|one: char| one.is_whitespace() || one == '\u{feff}' || one == '\0');
    let value = value.strip_prefix('\'').unwrap_or(value);
    // Every full-width form begins with the byte EF in UTF-8.
    if !value.as_bytes().contains(&0xEF) {
        return Cow::Borrowed(value);
    }
    let wide = |one: char| ('\u{ff01}'..='\u{ff5e}').contains(&one);
    if !value.contains(wide) {
        return Cow::Borrowed(value);
    }
    let fold = |one: char| if wide(one) { char::from_u32(one as u32 - 0xFEE0).unwrap_or(one) } else { one };
    Cow::Owned(value.chars().map(fold).collect())
}

/// First and last character with stars between: enough to find it at the source, too little to know it.
pub(crate) fn masked(value: &str) -> String {
    let characters: Vec<char> = value.trim().chars().collect();
    match characters.as_slice() {
        [] => String::new(),
        [_] => "*".to_owned(),
        [first, _] => format!("{first}*"),
        [first, middle @ .., last] => {
            let mut text = String::with_capacity(characters.len() + 4);
            text.push(*first);
            text.extend(std::iter::repeat_n('*', middle.len()));
            text.push(*last);
            text
        }
    }
}

/// Digits in a row that no time and no code has: an identity number has 15 or 17 before its last character.
const IDENTITY_DIGITS_MIN: usize = 15;

/// Whether a text holds what looks like an identity number, or is a mobile telephone number.
pub(crate) fn holds_personal_number(text: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let bytes = text.trim().as_bytes();
    let telephone = bytes.len() == 11 && bytes[0] == b'1' && bytes.iter().all(digit);
    telephone
        || bytes
            .chunk_by(|one, next| digit(one) == digit(next))
            .any(|run| run.len() >= IDENTITY_DIGITS_MIN && digit(&run[0]))
}

/// The number that a text is: sign, thousands separators and an exponent are allowed, a comparator in front (`<0.5`) is read
/// over. `None` for everything else.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(['<', '>', '=', '≤', '≥', '+', '~', '≈']).trim();
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'.')) {
        return None;
    }
    let value: f64 = if text.contains(',') { grouped(text)?.parse().ok()? } else { text.parse().ok()? };
    value.is_finite().then_some(value)
}

/// `1,234,567.50` without its separators; `None` when the groups are not groups of three.
fn grouped(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.trim_start_matches('-').split(',');
    let first = groups.next()?;
    if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) || fraction.contains(',') {
        return None;
    }
    Some(text.replace(',', ""))
}

/// How many digits stand before the decimal point, and how many after it that are not trailing zeros.
pub(crate) fn digits(text: &str) -> (usize, usize) {
    let plain = text.trim_start_matches(['<', '>', '=', '≤', '≥', '+', '-', '~', '≈']);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = whole.bytes().filter(u8::is_ascii_digit).count();
    (whole, fraction.trim_end_matches('0').bytes().filter(u8::is_ascii_digit).count())
}

/// The length of a text in characters, or in bytes of a Chinese encoding.
pub(crate) fn length(text: &str, bytes: bool) -> usize {
    if bytes { text.chars().map(|one| if one.is_ascii() { 1 } else { 2 }).sum() } else { text.chars().count() }
}

/// Whether the text holds a character that no sender meant: a control character or the mark of a byte that could not be decoded.
pub(crate) fn is_broken(text: &str) -> bool {
    let suspicious = |byte: u8| byte < 0x20 || byte == 0x7F || byte == 0xEF || byte == 0xC2;
    text.bytes().any(suspicious)
        && text.chars().any(|one| one == '\u{fffd}' || (one.is_control() && !matches!(one, '\n' | '\r' | '\t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_forms_are_folded_and_plain_text_is_not_copied() {
        assert!(matches!(folded(" 血压 "), Cow::Borrowed("血压")));
        assert_eq!(folded("３６．５"), "36.5");
        assert_eq!(folded("ＡＢ（＋）"), "AB(+)");
        assert_eq!(folded("'0012"), "0012");
    }

    #[test]
    fn what_is_shown_of_a_person_is_the_first_and_the_last_character() {
        assert_eq!(masked("990121199001010013"), "9****************3");
        assert_eq!((masked("李红"), masked("李"), masked("")), ("李*".into(), "*".into(), String::new()));
    }

    #[test]
    fn numbers_of_people_are_known_wherever_they_stand() {
        assert!(holds_personal_number("证件990121199003070010") && holds_personal_number("10012345678"));
        assert!(!holds_personal_number("20240305080500") && !holds_personal_number("ZY20240305001"));
    }

    #[test]
    fn numbers_as_people_write_them() {
        for (text, value) in [
            ("36.5", 36.5),
            ("<0.5", 0.5),
            ("-3", -3.0),
            ("1,234.50", 1234.5),
            ("+7", 7.0),
            (".5", 0.5),
            ("1.2E3", 1200.0),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "阴性", "36.5℃", "3.5~9.5", "1,23", "1.2.3", "-", "inf", "NaN", "12/80"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((digits("036.50"), digits("-12"), digits("<0.125")), ((3, 1), (2, 0), (1, 3)));
    }

    #[test]
    fn length_is_counted_one_way_or_the_other() {
        assert_eq!((length("血压120", false), length("血压120", true)), (5, 7));
        assert!(is_broken("血\u{fffd}压") && is_broken("a\u{1}b") && !is_broken("血压\n正常") && !is_broken("£5"));
    }
}
