//! Days and moments of the city's own wall clock (Asia/Shanghai), as plain numbers: there is nothing to convert, and a million of
//! them are compared and written without a calendar library.

use std::fmt;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

impl Day {
    /// The day of a year, month and day of the month; wrong ones give some other day.
    #[must_use]
    pub fn of(year: i32, month: i32, day: i32) -> Self {
        // The civil calendar, counted in eras of 400 years that begin in March.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// Year, month, day of the month.
    #[must_use]
    pub fn parts(self) -> (i32, i32, i32) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (year + era * 400 + i32::from(month <= 2), month, day)
    }

    /// Reads `2024-03-05`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i32>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let found = Self::of(year, month, day);
        (found.parts() == (year, month, day) && (1900..=2200).contains(&year)).then_some(found)
    }

    /// `20240305`.
    #[must_use]
    pub fn digits(self) -> String {
        let (year, month, day) = self.parts();
        format!("{year:04}{month:02}{day:02}")
    }

    /// Whole years from here to another day.
    #[must_use]
    pub fn years_until(self, other: Self) -> i32 {
        let (born, then) = (self.parts(), other.parts());
        then.0 - born.0 - i32::from((then.1, then.2) < (born.1, born.2))
    }

    /// Sunday 0 … Saturday 6.
    #[must_use]
    pub fn weekday(self) -> i32 {
        (self.0 + 4).rem_euclid(7)
    }

    /// A moment of this day.
    #[must_use]
    pub fn at(self, hour: i32, minute: i32) -> Moment {
        Moment(i64::from(self.0) * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A moment, in seconds of the wall clock since 1970-01-01 00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i64);

impl Moment {
    /// Its day.
    #[must_use]
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(86_400)).unwrap_or(0))
    }

    /// Later by so many minutes.
    #[must_use]
    pub fn after_minutes(self, minutes: i32) -> Self {
        Self(self.0 + i64::from(minutes) * 60)
    }

    /// Hour, minute, second.
    #[must_use]
    pub fn clock(self) -> (i64, i64, i64) {
        let seconds = self.0.rem_euclid(86_400);
        (seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }

    /// `20240305080500`.
    #[must_use]
    pub fn digits(self) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.day().parts(), self.clock());
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }

    /// `2024-03-05T08:05:00+08:00`, as FHIR writes it. (The city's history begins long after the daylight saving of 1991.)
    #[must_use]
    pub fn iso(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{}T{hour:02}:{minute:02}:{second:02}+08:00", self.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_there_and_back() {
        for number in -30_000..60_000 {
            let (year, month, day) = Day(number).parts();
            assert_eq!(Day::of(year, month, day), Day(number));
        }
        assert_eq!(Day::of(2024, 3, 5).to_string(), "2024-03-05");
        assert_eq!(Day::of(1970, 1, 1), Day(0));
        assert_eq!(Day::of(2024, 3, 5).weekday(), 2, "a Tuesday");
        assert_eq!(Day::parse("2023-02-29"), None);
        assert_eq!(Day::of(1980, 2, 29).years_until(Day::of(2024, 2, 28)), 43);
        assert_eq!(Day::of(2024, 3, 5).at(8, 5).iso(), "2024-03-05T08:05:00+08:00");
    }
}
