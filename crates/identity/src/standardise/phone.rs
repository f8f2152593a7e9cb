//! Telephone numbers: the prefix of the country and the leading zero of long-distance calls fall off.

use crate::text::fold;

/// A telephone number as a number; zero is none. Mobile numbers have eleven digits from 1.
pub type Phone = u64;

/// Reads the first usable number of the field. A field may hold several, divided by a slash, a comma or a word.
#[must_use]
pub fn read(text: &str) -> Phone {
    let folded = fold(text);
    let mut first = 0;
    for part in folded.split(is_divider).flat_map(Numbers) {
        let phone = read_one(part);
        if is_mobile(phone) {
            return phone;
        }
        if first == 0 {
            first = phone;
        }
    }
    first
}

/// Signs and words divide numbers: 父…母…, …转8012.
fn is_divider(character: char) -> bool {
    matches!(character, '/' | ',' | ';' | '、' | '|') || character.is_alphabetic()
}

/// Divides a text at the white space before or behind a whole mobile number; other white space stands inside numbers.
struct Numbers<'a>(&'a str);

impl<'a> Iterator for Numbers<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let whole = self.0;
        let divide = |(at, space): (usize, char)| {
            let (before, behind) = (&whole[..at], &whole[at + space.len_utf8()..]);
            let next = behind.trim_start().split(char::is_whitespace).next().unwrap_or("");
            (is_mobile(read_one(before)) || is_mobile(read_one(next))).then_some((before, behind))
        };
        let spaces = whole.char_indices().filter(|(_, character)| character.is_whitespace());
        let (number, rest) = spaces.take(SPACES_MAX).find_map(divide).unwrap_or((whole, ""));
        self.0 = rest;
        Some(number)
    }
}

/// White space looked at in one part: a number in groups has four.
const SPACES_MAX: usize = 16;

/// Does the number belong to a mobile phone (and so, mostly, to one household)?
#[must_use]
pub fn is_mobile(phone: Phone) -> bool {
    (10_000_000_000..20_000_000_000).contains(&phone)
}

fn read_one(text: &str) -> Phone {
    let mut digits = [0_u8; 20];
    let mut length = 0;
    for byte in text.bytes().filter(u8::is_ascii_digit) {
        if length == digits.len() {
            return 0;
        }
        digits[length] = byte;
        length += 1;
    }
    let mut number = &digits[..length];
    if let [b'0', b'0', b'8', b'6', rest @ ..] = number {
        number = rest;
    } else if let [b'8', b'6', b'1', ..] = number
        && number.len() == 13
    {
        number = &number[2..];
    }
    if let [b'0', b'1', ..] = number
        && number.len() == 12
    {
        number = &number[1..];
    }
    // Fewer than seven digits are an extension; more than twelve are two numbers run together.
    if !(7..=12).contains(&number.len()) || number.iter().all(|byte| *byte == number[0]) {
        return 0;
    }
    number.iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}
