//! Dates of birth and of registration as people write them: with dashes, slashes, 年月日 or nothing, whole or partial.

use crate::text::fold;

/// A calendar date, possibly partial: year, then month, then day, zero where unknown. Nothing at all is [`Date::NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(u32);

/// Nobody alive was born before.
pub const YEAR_FIRST: u32 = 1880;
/// Years from here on are slips of the keyboard (9198 for 1998) or "for ever" (9999-12-31).
pub const YEAR_LAST: u32 = 2099;

impl Date {
    /// No date.
    pub const NONE: Date = Date(0);

    /// A date from its parts; [`Date::NONE`] unless the day exists in the calendar. A zero month or day is unknown.
    #[must_use]
    pub fn new(year: u32, month: u32, day: u32) -> Date {
        let is_possible = (YEAR_FIRST..=YEAR_LAST).contains(&year)
            && month <= 12
            && (day == 0 || (month > 0 && day <= days_of(year, month)));
        if is_possible { Date(year << 9 | month << 5 | day) } else { Date::NONE }
    }

    /// The packed form (year, 4 bits of month, 5 bits of day).
    #[must_use]
    pub fn packed(self) -> u32 {
        self.0
    }

    /// From the packed form.
    #[must_use]
    pub fn from_packed(packed: u32) -> Date {
        Date(packed)
    }

    /// The year; zero when there is no date.
    #[must_use]
    pub fn year(self) -> u32 {
        self.0 >> 9
    }

    /// The month, 1–12; zero when unknown.
    #[must_use]
    pub fn month(self) -> u32 {
        self.0 >> 5 & 15
    }

    /// The day of the month; zero when unknown.
    #[must_use]
    pub fn day(self) -> u32 {
        self.0 & 31
    }

    /// Is there a date at all?
    #[must_use]
    pub fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Are year, month and day all known?
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.day() != 0
    }

    /// Is it what people type when they know the year only?
    #[must_use]
    pub fn is_year_only(self) -> bool {
        self.is_some() && (self.month() == 0 || (self.month() == 1 && self.day() == 1))
    }

    /// The same date of which only the year is known.
    #[must_use]
    pub fn year_alone(self) -> Date {
        Date::new(self.year(), 0, 0)
    }

    /// Days since 1 March 0000, for differences; nothing for a partial date.
    #[must_use]
    pub fn day_number(self) -> Option<i64> {
        if !self.is_whole() {
            return None;
        }
        let (year, month) = (i64::from(self.year()), i64::from(self.month()));
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(days + (153 * month + 2) / 5 + i64::from(self.day()) - 1)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_some() {
            write!(formatter, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
        } else {
            Ok(())
        }
    }
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date as read, and whether the text says that it is of the lunar calendar (农历, 阴历).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadDate {
    /// The date as written.
    pub date: Date,
    /// The text says that the month and day are lunar.
    pub is_lunar: bool,
}

/// Reads a date. What is empty, impossible or "for ever" gives [`Date::NONE`]; 1900-01-01 stands for "unknown" in old systems.
#[must_use]
pub fn read(text: &str) -> ReadDate {
    let folded = fold(text.trim());
    let is_lunar = folded.contains('农') || folded.contains('阴');
    let mut parts = [0_u32; 3];
    let mut widths = [0_usize; 3];
    let mut count = 0;
    let mut is_in_number = false;
    for character in folded.chars() {
        match character.to_digit(10) {
            Some(digit) => {
                if !is_in_number {
                    count += 1;
                    is_in_number = true;
                }
                let Some(part) = parts.get_mut(count - 1) else { break };
                *part = part.saturating_mul(10).saturating_add(digit);
                widths[count - 1] += 1;
            }
            None => is_in_number = false,
        }
    }
    let date = if widths[0] >= 8 {
        // 19870428, 19870428080500: the whole in one run.
        let digits: Vec<u32> = folded.chars().filter_map(|character| character.to_digit(10)).take(8).collect();
        let number = |range: &[u32]| range.iter().fold(0, |sum, digit| sum * 10 + digit);
        Date::new(number(&digits[..4]), number(&digits[4..6]), number(&digits[6..8]))
    } else if widths[0] == 6 && count == 1 {
        Date::new(parts[0] / 100, parts[0] % 100, 0)
    } else if widths[0] == 4 {
        let date = Date::new(parts[0], parts[1], parts[2]);
        // The second month of the lunar calendar may have thirty days.
        let is_lunar_day = is_lunar && !date.is_some() && parts[2] <= 30;
        if is_lunar_day { Date::new(parts[0], parts[1], 0) } else { date }
    } else {
        Date::NONE
    };
    let date = if date == Date::new(1900, 1, 1) { Date::NONE } else { date };
    ReadDate { date, is_lunar }
}
