//! The grammars of FHIR's primitive types, written by hand because they run on every write.

use standards::Primitive;

use super::date;

/// The longest `string` that the standard allows (`maxLength` of its definition).
const STRING_CHARACTERS_MAX: usize = 1024 * 1024;

/// Whether a JSON string has the form of a primitive type (those that JSON writes as strings).
pub(super) fn is_text(primitive: Primitive, text: &str) -> bool {
    match primitive {
        Primitive::Base64Binary => is_base64(text),
        Primitive::Code => is_code(text),
        Primitive::Date => date::parse_as(text, date::Kind::Date).is_ok(),
        Primitive::DateTime => date::parse_as(text, date::Kind::DateTime).is_ok(),
        Primitive::Instant => date::parse_as(text, date::Kind::Instant).is_ok(),
        Primitive::Time => date::parse_time(text).is_ok(),
        Primitive::Id => is_id(text),
        Primitive::Oid => is_oid(text),
        Primitive::Uuid => is_uuid(text),
        Primitive::Uri | Primitive::Url | Primitive::Canonical => is_uri(text),
        Primitive::String => {
            is_string(text) && (text.len() <= STRING_CHARACTERS_MAX || text.chars().count() <= STRING_CHARACTERS_MAX)
        }
        Primitive::Markdown | Primitive::Xhtml => is_string(text),
        Primitive::Boolean
        | Primitive::Decimal
        | Primitive::Integer
        | Primitive::PositiveInt
        | Primitive::UnsignedInt => false,
    }
}

/// Whether the text of a JSON number has the form of a primitive type.
pub(super) fn is_number(primitive: Primitive, text: &str) -> bool {
    match primitive {
        Primitive::Decimal => true,
        Primitive::Integer => is_integer(text, i64::from(i32::MIN)),
        Primitive::UnsignedInt => is_integer(text, 0),
        Primitive::PositiveInt => is_integer(text, 1),
        _ => false,
    }
}

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
fn is_uri(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// `code`: no white space at the ends, one at a time inside.
fn is_code(text: &str) -> bool {
    text.split(char::is_whitespace).all(|word| !word.is_empty())
}

/// `oid`: `urn:oid:` and numbers with points.
fn is_oid(text: &str) -> bool {
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
fn is_uuid(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("urn:uuid:") else { return false };
    let mut lengths = [8, 4, 4, 4, 12].into_iter();
    let fine = digits
        .split('-')
        .all(|group| lengths.next() == Some(group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    fine && lengths.next().is_none()
}

/// `base64Binary`: groups of four with padding at the end; white space between is allowed.
fn is_base64(text: &str) -> bool {
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
fn is_string(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Whether the text of a JSON number is an integer of 32 bits, not below `low`.
fn is_integer(text: &str, low: i64) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain && text.parse::<i64>().is_ok_and(|number| (low..=i64::from(i32::MAX)).contains(&number))
}
