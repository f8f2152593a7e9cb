//! Documents (证件): the type is read from the shape of the number, not from the code that the clerk chose.
//!
//! A number of 18 characters in the scheme of GB 11643 carries a region, a birth date, a sequence whose last digit tells the
//! sex, and a check character (ISO 7064 MOD 11-2). The check finds every single wrong digit and every swap of neighbours, so
//! *invalid* means a slip of the keyboard and *two valid numbers that are alike* means two people.

use super::date::Date;
use super::regions::Regions;
use crate::text::{fold, hash};

/// What the number is, by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum DocumentKind {
    /// Nothing, or a word for nothing.
    #[default]
    None = 0,
    /// 居民身份证, 18 characters, check character right.
    Resident = 1,
    /// 居民身份证 of the first generation, 15 digits, brought to 17 without its check; slips in it cannot be seen.
    ResidentUpgraded = 2,
    /// Shaped like a resident number of 18 characters, but the check, the date or the region is impossible.
    ResidentInvalid = 3,
    /// Digits like a resident number of which some were lost or added (16, 17, 19 characters).
    ResidentDamaged = 4,
    /// 港澳台居民居住证 (81, 82, 83), check right.
    HongKongMacaoTaiwanResidence = 5,
    /// 外国人永久居留身份证: the form of 2023 (18 characters from 9) or the older one (three letters, twelve digits).
    PermanentResidence = 6,
    /// 护照.
    Passport = 7,
    /// 港澳居民来往内地通行证, 台湾居民来往大陆通行证.
    TravelPermit = 8,
    /// 军官证 and its relatives.
    Military = 9,
    /// 出生医学证明: a letter and nine digits; numbers were issued twice before 2023, so it is weak alone.
    BirthCertificate = 10,
    /// Everything else that somebody calls a document.
    Other = 11,
    /// A number that stands for "no number" (all one digit, a run, or learned by how many people carry it).
    Placeholder = 12,
    /// 户口簿: one number for a household, shared by design.
    HouseholdBook = 13,
}

impl DocumentKind {
    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> DocumentKind {
        use DocumentKind as K;
        const ALL: [DocumentKind; 14] = [
            K::None,
            K::Resident,
            K::ResidentUpgraded,
            K::ResidentInvalid,
            K::ResidentDamaged,
            K::HongKongMacaoTaiwanResidence,
            K::PermanentResidence,
            K::Passport,
            K::TravelPermit,
            K::Military,
            K::BirthCertificate,
            K::Other,
            K::Placeholder,
            K::HouseholdBook,
        ];
        ALL.get(usize::from(number)).copied().unwrap_or(K::None)
    }

    /// The name that people read.
    #[must_use]
    pub fn chinese(self) -> &'static str {
        match self {
            DocumentKind::None => "无证件",
            DocumentKind::Resident => "居民身份证",
            DocumentKind::ResidentUpgraded => "居民身份证(15位)",
            DocumentKind::ResidentInvalid => "居民身份证(校验不符)",
            DocumentKind::ResidentDamaged => "居民身份证(位数不符)",
            DocumentKind::HongKongMacaoTaiwanResidence => "港澳台居民居住证",
            DocumentKind::PermanentResidence => "外国人永久居留身份证",
            DocumentKind::Passport => "护照",
            DocumentKind::TravelPermit => "来往内地(大陆)通行证",
            DocumentKind::Military => "军官证",
            DocumentKind::BirthCertificate => "出生医学证明",
            DocumentKind::Other => "其他证件",
            DocumentKind::Placeholder => "占位号码",
            DocumentKind::HouseholdBook => "户口簿",
        }
    }

    /// Does one person have one number of it for life, with a check that protects it?
    #[must_use]
    pub fn is_checked(self) -> bool {
        matches!(self, DocumentKind::Resident | DocumentKind::HongKongMacaoTaiwanResidence)
    }
}

/// Set in the value of a 外国人永久居留身份证 of the form before 2023, which has no 17 digits: above every number of 17 digits.
pub(crate) const OLD_FORM: u64 = 1 << 59;

/// A document number as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Document {
    /// Its type by shape.
    pub kind: DocumentKind,
    /// The number: 17 digits (kinds of GB 11643), 17 digits × 11 + check (invalid), digits with length (damaged), else a hash
    /// or base-37 of the characters. Below 2^60.
    pub value: u64,
    /// The birth date inside the number.
    pub birth: Date,
    /// The sex inside the number: 1 male, 2 female, 0 none.
    pub sex: u8,
}

impl Document {
    const fn without_birth(kind: DocumentKind, value: u64) -> Document {
        Document { kind, value, birth: Date::NONE, sex: 0 }
    }

    /// The 17 digits before the check character, for kinds that have them.
    #[must_use]
    pub fn body(&self) -> Option<u64> {
        match self.kind {
            DocumentKind::Resident | DocumentKind::ResidentUpgraded | DocumentKind::HongKongMacaoTaiwanResidence => {
                Some(self.value)
            }
            DocumentKind::ResidentInvalid => Some(self.value / 11),
            DocumentKind::PermanentResidence if self.birth.is_some() => Some(self.value),
            _ => None,
        }
    }
}

/// The check character of 17 digits as a number 0–10 (10 is X), by ISO 7064 MOD 11-2.
#[must_use]
pub fn check_of(body: u64) -> u64 {
    let (mut rest, mut weight, mut sum) = (body, 2_u64, 0_u64);
    for _ in 0..17 {
        sum += rest % 10 * weight;
        rest /= 10;
        weight = weight * 2 % 11;
    }
    (12 - sum % 11) % 11
}

/// A number of no known shape and fewer characters is a card of the house or a queue ticket: strangers have the same one.
const OTHER_MIN: usize = 8;

/// Words that clerks type into the field to say that there is nothing.
const NOTHING: &[&str] =
    &["无", "不详", "未知", "没有", "无证件", "暂无", "未提供", "未带", "NULL", "NONE", "NA", "N/A", "-", "/", "0"];

/// Reads a document number. `hint` is the type code that the sender chose; it only decides where the shape does not.
#[must_use]
pub fn read(text: &str, hint: &str, regions: &Regions) -> Document {
    let folded = fold(text);
    let is_kept =
        |character: &char| !character.is_whitespace() && !matches!(character, '-' | '\'' | '"' | '`' | '.' | '·');
    let mut characters = [0_u8; 24];
    let mut length = 0;
    for character in folded.chars().filter(is_kept) {
        let upper = character.to_ascii_uppercase();
        let Ok(byte) = u8::try_from(upper) else { return read_words(&folded, hint, regions) };
        if length == characters.len() {
            return Document::without_birth(DocumentKind::Other, hash(folded.as_bytes()) >> 4);
        }
        characters[length] = byte;
        length += 1;
    }
    let number = &characters[..length];
    // 3.2E+17: a spreadsheet ate the digits.
    let is_eaten = number.windows(2).any(|pair| pair == b"E+");
    if number.is_empty() || is_eaten || NOTHING.iter().any(|word| word.as_bytes() == number) {
        return Document::default();
    }
    if is_filler(number) {
        return Document::without_birth(DocumentKind::Placeholder, pack(number));
    }
    read_characters(number, hint, regions)
}

/// 军字第0451627号 and other numbers with words in them.
fn read_words(folded: &str, hint: &str, regions: &Regions) -> Document {
    let text: String = folded.chars().filter(|character| !character.is_whitespace()).collect();
    if NOTHING.contains(&text.as_str()) {
        return Document::default();
    }
    if let Some(number) = resident_number_in(&text) {
        return read(number, hint, regions);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let least = if text.contains('字') { 4 } else { OTHER_MIN };
    if digits.len() < least || is_filler(digits.as_bytes()) {
        return Document::default();
    }
    // The word before 字 is the service arm (军, 武, 文, 士 …); two arms may give out the same digits.
    let arm = text.chars().next().filter(|_| text.contains('字')).map_or(0, |character| character as u64);
    let kind = if text.contains('字') { DocumentKind::Military } else { DocumentKind::Other };
    Document::without_birth(kind, (pack(digits.as_bytes()) ^ arm << 44) & ((1 << 60) - 1))
}

/// 身份证:…: a run of 15 digits, or of 18 with an X at the end, among words.
fn resident_number_in(text: &str) -> Option<&str> {
    let is_number = |run: &&str| {
        let bytes = run.as_bytes();
        matches!(bytes.len(), 15 | 18)
            && bytes[..bytes.len() - 1].iter().all(u8::is_ascii_digit)
            && (bytes[bytes.len() - 1].is_ascii_digit() || bytes.len() == 18 && bytes[17].eq_ignore_ascii_case(&b'X'))
    };
    text.split(|character: char| !character.is_ascii_alphanumeric()).find(is_number)
}

fn read_characters(number: &[u8], hint: &str, regions: &Regions) -> Document {
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters_before = number.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_plain = |from: usize| number[from..].iter().all(u8::is_ascii_digit);
    match (number.len(), letters_before) {
        (18, 0)
            if number[..17].iter().all(u8::is_ascii_digit) && (number[17].is_ascii_digit() || number[17] == b'X') =>
        {
            read_eighteen(number, regions)
        }
        (15, 0) if is_plain(0) => read_fifteen(number, regions),
        (16..=20, 0) if digits + 1 >= number.len() => damaged(number),
        _ if hint == "02" => Document::without_birth(DocumentKind::HouseholdBook, pack(number)),
        (15, 3) if is_plain(3) => Document::without_birth(DocumentKind::PermanentResidence, pack(number) | OLD_FORM),
        // The last two digits of the older card count renewals: the person is in the first nine characters.
        (9 | 11, 1) if is_plain(1) && matches!(number[0], b'H' | b'M') => {
            Document::without_birth(DocumentKind::TravelPermit, pack(&number[..9]))
        }
        // 台湾居民来往大陆通行证; who chose another kind of permit, or 其他, wrote the same number.
        (8, 0) if is_plain(0) && matches!(hint, "07" | "06" | "99") => {
            Document::without_birth(DocumentKind::TravelPermit, pack(number))
        }
        (10, 1) if is_plain(1) => Document::without_birth(DocumentKind::BirthCertificate, pack(number)),
        (9, 1) if is_plain(1) => Document::without_birth(DocumentKind::Passport, pack(number)),
        (9, 2) if is_plain(2) => Document::without_birth(DocumentKind::Passport, pack(number)),
        (OTHER_MIN..=24, _) if digits >= 4 => Document::without_birth(DocumentKind::Other, pack(number)),
        _ => Document::default(),
    }
}

fn number_of(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, byte| sum * 10 + u64::from(byte.wrapping_sub(b'0') % 10))
}

fn read_eighteen(number: &[u8], regions: &Regions) -> Document {
    let body = number_of(&number[..17]);
    let check = if number[17] == b'X' { 10 } else { u64::from(number[17] - b'0') };
    let birth = birth_in(&number[6..14]);
    let sex = if number[16] % 2 == 1 { 1 } else { 2 };
    let kind = match (&number[..2], check == check_of(body) && birth.is_some()) {
        (_, false) => DocumentKind::ResidentInvalid,
        (b"81" | b"82" | b"83", true) => DocumentKind::HongKongMacaoTaiwanResidence,
        _ if regions.is_region_of_resident(&number[..6]) => DocumentKind::Resident,
        // 9, then the province where it was applied for, then the country.
        ([b'9', _], true) if regions.is_province(&number[1..3]) => DocumentKind::PermanentResidence,
        ([b'9', _], true) => return Document::without_birth(DocumentKind::Other, pack(number)),
        _ => DocumentKind::ResidentInvalid,
    };
    let value = if kind == DocumentKind::ResidentInvalid { body * 11 + check } else { body };
    Document { kind, value, birth, sex }
}

fn read_fifteen(number: &[u8], regions: &Regions) -> Document {
    let century = |digits: &[u8]| {
        let mut whole = *b"19000000";
        whole[2..].copy_from_slice(digits);
        whole
    };
    let birth = birth_in(&century(&number[6..12]));
    if !birth.is_some() || !regions.is_region_of_resident(&number[..6]) {
        return damaged(number);
    }
    let body = number_of(&number[..6]) * 100_000_000_000 + 19 * 1_000_000_000 + number_of(&number[6..]);
    let sex = if number[14] % 2 == 1 { 1 } else { 2 };
    Document { kind: DocumentKind::ResidentUpgraded, value: body, birth, sex }
}

fn birth_in(digits: &[u8]) -> Date {
    let part = |range: std::ops::Range<usize>| u32::try_from(number_of(&digits[range])).unwrap_or(0);
    let date = Date::new(part(0..4), part(4..6), part(6..8));
    if date.is_whole() { date } else { Date::NONE }
}

/// The digits, at most 17, below 2^57, and above them how many there were (15 … 22 in three bits).
fn damaged(number: &[u8]) -> Document {
    let digits: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
    let kept = digits.len().min(17);
    let length = (digits.len() as u64).saturating_sub(14).min(7);
    Document::without_birth(DocumentKind::ResidentDamaged, number_of(&digits[..kept]) | length << 57)
}

/// Up to 11 characters in base 37, so that they stay comparable character by character; more are hashed.
fn pack(number: &[u8]) -> u64 {
    if number.len() > 11 {
        return hash(number) >> 4;
    }
    number.iter().fold(0, |sum, byte| {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0') + 1,
            b'A'..=b'Z' => u64::from(byte - b'A') + 11,
            _ => 0,
        };
        sum * 37 + digit
    })
}

/// All one character, after at most two others where there are six and more; or a run up or down the keyboard: nobody's number.
fn is_filler(number: &[u8]) -> bool {
    if number.len() < 4 {
        return false;
    }
    let other = if number.len() < 6 { 0 } else { 2 };
    let steps = |step: i16| {
        let is_step = |pair: &[u8]| {
            let difference = i16::from(pair[1]) - i16::from(pair[0]);
            difference == step || difference == -9 * step
        };
        number.windows(2).filter(|pair| is_step(pair)).count()
    };
    let tail = &number[other..];
    // A run has one step less than characters.
    let is_run = |step| steps(step) + other.max(1) >= number.len();
    tail.iter().all(|byte| *byte == tail[0]) || is_run(1) || is_run(-1)
}
