//! Identity numbers (公民身份号码, GB 11643): eighteen characters with a check digit, or fifteen of the time before 1999; the numbers
//! of residents from Hong Kong, Macau and Taiwan (81, 82, 83) and of foreigners with permanent residence (9…) are built alike.

use standards::regions;

use crate::when::When;

/// Whose number it is, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A citizen; the region is one of GB/T 2260.
    Citizen,
    /// A resident from Hong Kong (81), Macau (82) or Taiwan (83), 港澳台居民居住证.
    Compatriot,
    /// A foreigner with permanent residence (外国人永久居留身份证): `9`, the province, the nationality in three digits.
    Foreigner,
    /// The unassigned beginning 99, which demonstrations and tests use.
    Invented,
}

/// An identity number, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Whose it is.
    pub holder: Holder,
    /// The day of birth that it holds.
    pub birth: When,
    /// `true` for a man, `false` for a woman (the parity of the sequence).
    pub male: bool,
    /// Whether the region ever stood in GB/T 2260; `true` where the number holds none.
    pub region_known: bool,
    /// Whether it is of the old kind of fifteen digits, without a check digit.
    pub fifteen: bool,
}

/// Why a text is no identity number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Neither eighteen nor fifteen digits (the last of eighteen may be X).
    Shape,
    /// The day of birth in it does not exist.
    Birth,
    /// The last character should be this one.
    CheckDigit(char),
}

/// Weights of GB 11643 (ISO 7064, modulus 11-2): powers of two modulo 11.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: [u8; 11] = *b"10X98765432";

/// The check character of the first seventeen digits.
#[must_use]
pub fn check_character(seventeen: &[u8; 17]) -> char {
    let sum: u32 =
        seventeen.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum();
    char::from(CHECK_CHARACTERS[(sum % 11) as usize])
}

impl Number {
    /// Reads a number. Blanks around it and full-width digits are not taken amiss, nor a small x.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order shape, birth, check digit.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let text = crate::value::folded(text);
        let bytes = text.as_bytes();
        match bytes.len() {
            18 => Self::eighteen(bytes),
            15 => Self::fifteen(bytes),
            _ => Err(Fault::Shape),
        }
    }

    fn eighteen(bytes: &[u8]) -> Result<Self, Fault> {
        let Some((body, [last])) = bytes.split_first_chunk::<17>() else { return Err(Fault::Shape) };
        if !body.iter().all(u8::is_ascii_digit) || !(last.is_ascii_digit() || matches!(last, b'X' | b'x')) {
            return Err(Fault::Shape);
        }
        let birth = day(&body[6..14]).ok_or(Fault::Birth)?;
        let check = check_character(body);
        if char::from(last.to_ascii_uppercase()) != check {
            return Err(Fault::CheckDigit(check));
        }
        let holder = match (body[0], body[1]) {
            (b'9', b'9') => Holder::Invented,
            (b'9', _) => Holder::Foreigner,
            (b'8', b'1'..=b'3') => Holder::Compatriot,
            _ => Holder::Citizen,
        };
        let region_known = holder != Holder::Citizen || region_existed(&body[..6]);
        Ok(Self { holder, birth, male: body[16] % 2 == 1, region_known, fifteen: false })
    }

    fn fifteen(bytes: &[u8]) -> Result<Self, Fault> {
        if !bytes.iter().all(u8::is_ascii_digit) {
            return Err(Fault::Shape);
        }
        let mut written = *b"19000000";
        written[2..].copy_from_slice(&bytes[6..12]);
        let birth = day(&written).ok_or(Fault::Birth)?;
        let holder = if bytes.starts_with(b"99") { Holder::Invented } else { Holder::Citizen };
        let region_known = holder == Holder::Invented || region_existed(&bytes[..6]);
        Ok(Self { holder, birth, male: bytes[14] % 2 == 1, region_known, fifteen: true })
    }
}

fn day(digits: &[u8]) -> Option<When> {
    When::read(std::str::from_utf8(digits).ok()?).ok().filter(When::is_of_records)
}

fn region_existed(digits: &[u8]) -> bool {
    std::str::from_utf8(digits).is_ok_and(regions::existed)
}

/// Whether a text that is not a right number was nevertheless meant to be one: mostly digits, as many as such numbers have, or
/// what a spreadsheet makes of it (3.2E+17). A passport number is none.
pub(crate) fn was_meant(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.chars().count() - digits;
    (digits >= 13 && others <= 2) || (text.contains("E+") && digits >= 3)
}

/// The ways in which hospitals name a child before it has a name: 李红之子, 李红之大女, 王芳婴.
pub(crate) fn is_newborns_name(name: &str) -> bool {
    let name = name.trim();
    name.ends_with('婴')
        || name.contains("婴儿")
        || name.rsplit_once('之').is_some_and(|(mother, child)| {
            !mother.is_empty()
                && (child.ends_with(['子', '女', '儿']) || child.is_empty())
                && child.chars().count() <= 3
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(body: &str) -> String {
        let digits: &[u8; 17] = body.as_bytes().try_into().expect("seventeen");
        format!("{body}{}", check_character(digits))
    }

    #[test]
    fn the_example_of_the_standard_checks() {
        // GB 11643-1999, 4.4 gives the check characters of these two numbers of no one.
        assert_eq!(number("11010519491231002"), "11010519491231002X");
        assert_eq!(number("44052418800101001"), "440524188001010014");
    }

    #[test]
    fn a_number_says_birth_sex_and_whose_it_is() {
        let invented = Number::read(&number("99012119900307001")).expect("a number");
        assert_eq!((invented.holder, invented.male, invented.birth.date()), (Holder::Invented, true, (1990, 3, 7)));
        let taiwan = Number::read(&number("83000019800101002")).expect("a number");
        assert_eq!((taiwan.holder, taiwan.male, taiwan.region_known), (Holder::Compatriot, false, true));
        let foreigner = Number::read(&number("91184019800101003")).expect("a number");
        assert_eq!(foreigner.holder, Holder::Foreigner);
        // The district of 1990 is a part of another one today; its numbers stay valid.
        assert!(Number::read(&number("11010319900101001")).expect("a number").region_known);
        assert!(!Number::read(&number("12345619900101001")).expect("a number").region_known);
        let old = Number::read("990121900307001").expect("a number");
        assert_eq!((old.fifteen, old.male, old.birth.date()), (true, true, (1990, 3, 7)));
    }

    #[test]
    fn every_fault_has_its_name() {
        let right = number("99012119900307001");
        let last = if right.ends_with('1') { '2' } else { '1' };
        let wrong = format!("{}{last}", &right[..17]);
        assert!(matches!(Number::read(&wrong), Err(Fault::CheckDigit(_))));
        assert_eq!(Number::read(&number("99012119900231001")), Err(Fault::Birth));
        for text in ["", "123", "99012119900307001Y", "9901211990030700", "E12345678", "3.2E+17", "９９"] {
            assert_eq!(Number::read(text), Err(Fault::Shape), "{text}");
        }
        assert!(was_meant("9901211990030700") && was_meant("3.2E+17") && !was_meant("E12345678"));
        assert!(is_newborns_name("李红之子") && is_newborns_name("李红之大女") && !is_newborns_name("王之涣"));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(body in "99[0-9]{4}19[5-9][0-9]0[1-9]1[0-9][0-9]{3}", at in 0usize..17, by in 1u8..10) {
            let right = number(&body);
            prop_assert!(Number::read(&right).is_ok());
            let mut wrong = right.into_bytes();
            wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
            prop_assert!(Number::read(std::str::from_utf8(&wrong).expect("digits")).is_err());
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,20}") {
            let _ = Number::read(&text);
        }
    }
}
