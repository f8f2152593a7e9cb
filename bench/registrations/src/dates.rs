//! Days as numbers, and the Chinese calendar (农历) from a table. Day 0 is 1900-01-01, which is a Monday.

use anyhow::Context;

/// A day as a number; 0 is 1900-01-01.
pub type Day = i32;

/// Days from 0000-03-01 to 1900-01-01 in the Gregorian calendar.
const DAYS_BEFORE_1900: i32 = 693_901;

/// The day of a date of the Gregorian calendar. Days beyond the end of the month run into the next.
#[must_use]
pub fn day(year: i32, month: i32, of_month: i32) -> Day {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (from_march * 306 + 5) / 10 + of_month - 1 - DAYS_BEFORE_1900
}

/// Year, month and day of the month.
#[must_use]
pub fn date(day: Day) -> (i32, i32, i32) {
    let days = day + DAYS_BEFORE_1900;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i32::from(month <= 2), month, of_month)
}

/// The year of a day.
#[must_use]
pub fn year(day: Day) -> i32 {
    date(day).0
}

/// Reads `1990-05-01`.
#[must_use]
pub fn parse(text: &str) -> Option<Day> {
    let mut parts = text.trim().splitn(3, '-').map(|part| part.parse::<i32>().ok());
    let (year, month, of_month) = (parts.next()??, parts.next()??, parts.next()??);
    ((1900..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&of_month))
        .then(|| day(year, month, of_month))
}

/// The years of the Chinese calendar.
#[derive(Debug)]
pub struct LunarYears {
    /// First day, number of the month that is repeated (0 = none), lengths of the months.
    years: Vec<(i32, Day, i32, Vec<i32>)>,
}

impl LunarYears {
    /// Reads `year,first_day,leap_month,month_lengths`.
    ///
    /// # Errors
    /// When a row is not of that shape.
    pub fn read(table: &str) -> anyhow::Result<Self> {
        let years = table.lines().skip(1).map(|row| read_year(row).with_context(|| format!("lunar year: {row}")));
        Ok(Self { years: years.collect::<anyhow::Result<_>>()? })
    }

    /// The date that a family that counts by the Chinese calendar gives for this day: year, month, day of the month. A
    /// day in a repeated month has the month's number.
    #[must_use]
    pub fn date(&self, day: Day) -> Option<(i32, i32, i32)> {
        let at = self.years.partition_point(|year| year.1 <= day).checked_sub(1)?;
        let (year, first, leap, lengths) = &self.years[at];
        let mut left = day - first;
        for (position, length) in lengths.iter().enumerate() {
            if left < *length {
                let position = i32::try_from(position).ok()? + 1;
                let month = if *leap > 0 && position > *leap { position - 1 } else { position };
                return Some((*year, month, left + 1));
            }
            left -= length;
        }
        None
    }
}

fn read_year(row: &str) -> Option<(i32, Day, i32, Vec<i32>)> {
    let mut cells = row.split(',');
    let year = cells.next()?.parse().ok()?;
    let first = parse(cells.next()?)?;
    let leap = cells.next()?.parse().ok()?;
    let lengths = cells.next()?.split(' ').map(|length| length.parse().ok()).collect::<Option<_>>()?;
    Some((year, first, leap, lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_comes_back() {
        assert_eq!(day(1900, 1, 1), 0);
        let mut expected = 0;
        for year in 1900..2101 {
            for month in 1..=12 {
                for of_month in 1..=31 {
                    if date(day(year, month, of_month)) == (year, month, of_month) {
                        assert_eq!(day(year, month, of_month), expected);
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, day(2101, 1, 1));
    }

    #[test]
    fn lunar_dates() {
        let years = LunarYears::read(include_str!("../data/lunar_years.csv")).unwrap();
        // New year of 2024; the mid-autumn festival of 2023, a year with a second second month.
        assert_eq!(years.date(day(2024, 2, 10)), Some((2024, 1, 1)));
        assert_eq!(years.date(day(2023, 9, 29)), Some((2023, 8, 15)));
        assert_eq!(years.date(day(1985, 2, 19)), Some((1984, 12, 30)));
        assert_eq!(years.date(day(1900, 1, 1)), None);
    }
}
