//! The grammars of FHIR's primitive types, written by hand because they run on every write.

use super::date;

/// `id`: 1 to 64 of letters, digits, `-` and `.`.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// Whether a text begins with a URI scheme.
pub(super) fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether a text begins with an ASCII prefix, in whatever case.
pub(super) fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// `uri`: no white space (the standard's `\S*`), and something.
pub(super) fn is_uri(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// `code`: no white space at the ends, none but single spaces inside.
pub(super) fn is_code(text: &str) -> bool {
    text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

/// `oid`: `urn:oid:` and numbers with points.
pub(super) fn is_oid(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix("urn:oid:") else { return false };
    let mut arcs = numbers.split('.');
    let first = arcs.next().is_some_and(|arc| matches!(arc, "0" | "1" | "2"));
    let mut count = 1;
    let rest = arcs.all(|arc| {
        count += 1;
        !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    });
    first && rest && count >= 2
}

/// `uuid`: `urn:uuid:` and five groups of hex digits.
pub(super) fn is_uuid(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("urn:uuid:") else { return false };
    let mut lengths = [8, 4, 4, 4, 12].into_iter();
    let fine = digits
        .split('-')
        .all(|group| lengths.next() == Some(group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    fine && lengths.next().is_none()
}

/// `base64Binary`: groups of four with padding at the end; white space between is allowed.
pub(super) fn is_base64(text: &str) -> bool {
    let (mut count, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'=' => {
                padding += 1;
                count += 1;
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => count += 1,
            _ => return false,
        }
    }
    count > 0 && count.is_multiple_of(4) && padding <= 2
}

/// `string`, `markdown`: something, and none of the control characters but tab, line feed and carriage return.
pub(super) fn is_string(text: &str) -> bool {
    !text.is_empty()
        && !text.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
        && text.contains(|c: char| !c.is_whitespace())
}

/// `date`
pub(super) fn is_date(text: &str) -> bool {
    date::parse_as(text, date::Kind::Date).is_ok()
}

/// `dateTime`
pub(super) fn is_date_time(text: &str) -> bool {
    date::parse_as(text, date::Kind::DateTime).is_ok()
}

/// `instant`
pub(super) fn is_instant(text: &str) -> bool {
    date::parse_as(text, date::Kind::Instant).is_ok()
}

/// `time`
pub(super) fn is_time(text: &str) -> bool {
    date::parse_time(text).is_ok()
}

/// Whether the text of a JSON number is an integer between `low` and `high`.
pub(super) fn is_integer(text: &str, low: i64, high: i64) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && text.parse::<i64>().is_ok_and(|number| (low..=high).contains(&number))
}
