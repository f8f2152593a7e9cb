//! Numbers of documents. All of them are invented: numbers of residents begin with 99, those of 港澳台居民居住证 (which
//! must begin with 81, 82 or 83) have a sequence from 900 on, which is not given out at the few births a day they cover;
//! telephones begin with 100. Numbers that a state gives once are given once here, too: counters, not chance.

use crate::dates::{Day, date};
use crate::random::{Random, mix};

/// A number of 18 characters (公民身份号码 and the numbers made like it).
pub(crate) type Number = [u8; 18];

/// Days from 1900 to 2035: the width of the table of counters.
const DAYS: usize = 49_500;
/// Sequences below are given in turn; those from here on belong to twins, in blocks of 8.
const FIRST_TWIN_SEQUENCE: usize = 800;
const TWIN_BLOCKS: usize = 25;

/// The counters of everything that is numbered.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// How many sequences a county gave out for a day of birth, apart for even and odd.
    given: Vec<u16>,
    twins: Vec<u8>,
    phones: u64,
    documents: [u64; 7],
}

/// Documents with a number of their own that are not made like the number of residents.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Other {
    Passport,
    ExitPermit,
    HomePermit,
    Officer,
    BirthCertificate,
    HouseholdBook,
    ForeignPassport,
}

impl Numbers {
    pub(crate) fn new(counties: usize) -> Self {
        let slots = counties * DAYS;
        Self { given: vec![0; slots * 2], twins: vec![0; slots], phones: 0, documents: [0; 7] }
    }

    /// The next free number of a county for a day of birth.
    pub(crate) fn resident(&mut self, county: usize, code: &str, birth: Day, odd: bool) -> Number {
        let slot = county * DAYS + clamp(birth);
        let given = &mut self.given[slot * 2 + usize::from(odd)];
        // 37 and 400 have no common divisor: every sequence comes once in 400, and strangers stand far apart.
        let start = mix(slot as u64) as usize % 400;
        let sequence = (start + usize::from(*given) * 37) % 400 * 2 + usize::from(odd);
        *given = given.wrapping_add(1);
        compose(code, birth, sequence)
    }

    /// Sequences for brothers and sisters of one birth: near one another, in a block that nobody else gets.
    pub(crate) fn twins(
        &mut self,
        county: usize,
        code: &str,
        birth: Day,
        odd: &[bool],
        random: &mut Random,
    ) -> Vec<Number> {
        let slot = county * DAYS + clamp(birth);
        let block = (mix(slot as u64) as usize + usize::from(self.twins[slot])) % TWIN_BLOCKS;
        self.twins[slot] = self.twins[slot].wrapping_add(1);
        let mut next = FIRST_TWIN_SEQUENCE + block * 8 + random.below(2);
        let mut numbers = Vec::with_capacity(odd.len());
        for odd in odd {
            next += usize::from((next % 2 == 1) != *odd);
            numbers.push(compose(code, birth, next));
            next += 1;
        }
        numbers
    }

    /// A number of 港澳台居民居住证.
    pub(crate) fn compatriot(&mut self, code: &str, birth: Day, odd: bool, random: &mut Random) -> Number {
        compose(code, birth, 900 + random.below(50) * 2 + usize::from(odd))
    }

    /// The next telephone number.
    pub(crate) fn phone(&mut self) -> u64 {
        self.phones += 1;
        10_000_000_000 + spread(self.phones, 100_000_000)
    }

    /// The next number of another document.
    pub(crate) fn other(&mut self, kind: Other, random: &mut Random) -> String {
        let count = &mut self.documents[kind as usize];
        *count += 1;
        let six = spread(*count, 1_000_000);
        let letter = char::from(b"ABCDFGHJKLMNPRSTVW"[(*count / 1_000_000) as usize % 18]);
        let five = spread(*count, 100_000);
        let letters = |count: u64| char::from(b"ABCDFGHJKLMNPRSTVW"[(count / 100_000) as usize % 18]);
        match kind {
            Other::Passport if *count < 500_000 => format!("E99{six:06}"),
            Other::Passport => format!("E{}99{five:05}", letters(*count)),
            Other::ExitPermit => format!("{}99{six:06}", if *count < 1_000_000 { 'C' } else { 'W' }),
            Other::HomePermit => format!("{}99{six:06}", if random.chance(0.7) { 'H' } else { 'M' }),
            Other::Officer => format!("{}99{five:05}号", random.one(&["军字第", "武字第", "士字第"])),
            Other::BirthCertificate => format!("{letter}990{six:06}"),
            Other::HouseholdBook => format!("99{:07}", spread(*count, 10_000_000)),
            Other::ForeignPassport => format!("{}99{six:06}", random.one(&["X", "K", "PA", "C0", "N"])),
        }
    }
}

/// A one-to-one map of the numbers below the limit, so that neighbours do not look like neighbours. The factor has no
/// divisor in common with a power of ten.
fn spread(count: u64, limit: u64) -> u64 {
    (count % limit * 61_803_397 % limit + limit / 7) % limit
}

fn clamp(birth: Day) -> usize {
    usize::try_from(birth).unwrap_or(0).min(DAYS - 1)
}

/// Code, birth date and sequence with the check character.
pub(crate) fn compose(code: &str, birth: Day, sequence: usize) -> Number {
    let (year, month, of_month) = date(birth);
    let text = format!("{code}{year:04}{month:02}{of_month:02}{sequence:03}");
    let mut number = [b'0'; 18];
    for (place, digit) in number.iter_mut().zip(text.bytes()) {
        *place = digit;
    }
    number[17] = check(&number);
    number
}

/// The check character of the first 17 digits (GB 11643, ISO 7064 MOD 11-2): weights are the powers of 2 modulo 11.
pub(crate) fn check(number: &[u8]) -> u8 {
    let sum = number.iter().take(17).fold(0_u32, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    b"0123456789X"[((12 - sum) % 11) as usize]
}

/// The number as text.
pub(crate) fn text(number: &Number) -> &str {
    std::str::from_utf8(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::dates::day;

    #[test]
    fn check_characters() {
        // The examples of GB 11643-1999, annex A.
        assert_eq!(check(b"11010519491231002"), b'X');
        assert_eq!(check(b"44052418800101001"), b'4');
    }

    #[test]
    fn nobody_gets_the_number_of_another() {
        let mut numbers = Numbers::new(1);
        let mut random = Random::new(1);
        let birth = day(1990, 5, 1);
        let mut seen = HashSet::new();
        for _ in 0..400 {
            assert!(seen.insert(numbers.resident(0, "990121", birth, true)));
            assert!(seen.insert(numbers.resident(0, "990121", birth, false)));
        }
        for _ in 0..TWIN_BLOCKS {
            for number in numbers.twins(0, "990121", birth, &[true, true, false], &mut random) {
                assert!(seen.insert(number));
            }
        }
        let phones: HashSet<u64> = (0..100_000).map(|_| numbers.phone()).collect();
        assert_eq!(phones.len(), 100_000);
    }
}
