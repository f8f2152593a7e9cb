//! Days in China: one time zone, and no daylight saving since 1991, so that a day of the present is arithmetic. Dates of records
//! are read by `formats`, which knows the summers of 1986 to 1991.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::clock::instant_from_ms;

/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// UTC+8.
const OFFSET_MS: i64 = 8 * 60 * 60 * 1000;

/// The day in China, counted from 1970-01-01.
#[must_use]
pub fn day_of(at_ms: i64) -> i64 {
    (at_ms + OFFSET_MS).div_euclid(DAY_MS)
}

/// When a day begins in China.
#[must_use]
pub fn begin_ms(day: i64) -> i64 {
    day * DAY_MS - OFFSET_MS
}

/// `2026-11-22`: the day in China.
#[must_use]
pub fn day_text(at_ms: i64) -> String {
    let text = instant_from_ms(at_ms.saturating_add(OFFSET_MS)).to_string();
    text.chars().take_while(|character| *character != 'T').collect()
}

/// When the day `2026-11-22` begins in China; `None` when it is no day.
#[must_use]
pub fn begin_of_text_ms(day: &str) -> Option<i64> {
    let at: Timestamp = format!("{day}T00:00:00+08:00").parse().ok()?;
    (day.len() == 10).then(|| at.as_millisecond())
}

/// When the day of a birthday begins in China, `years` after a birth date as FHIR writes it (`2008`, `2008-05`, `2008-05-17`); of a
/// date without a day or month the latest that it can be. Who is born on 29 February has it on the 28th of other years.
#[must_use]
pub fn birthday_ms(birth_date: &str, years: i16) -> Option<i64> {
    let day: Date = match birth_date.len() {
        4 => format!("{birth_date}-12-31").parse().ok()?,
        7 => format!("{birth_date}-01").parse::<Date>().ok()?.last_of_month(),
        _ => birth_date.parse().ok()?,
    };
    begin_of_text_ms(&day.checked_add(years.years()).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_china() {
        let midnight = begin_of_text_ms("2026-11-23").unwrap();
        assert_eq!(crate::instant_text(midnight), "2026-11-22T16:00:00.000Z");
        assert_eq!(begin_ms(day_of(midnight)), midnight);
        assert_eq!(day_of(midnight - 1) + 1, day_of(midnight));
        assert_eq!((day_text(midnight - 1), day_text(midnight)), ("2026-11-22".to_owned(), "2026-11-23".to_owned()));
        assert_eq!(begin_of_text_ms("2026-11-31"), None);
        assert_eq!(begin_of_text_ms("20261123"), None);
    }

    #[test]
    fn birthdays_begin_at_midnight_in_china() {
        for (birth_date, eighteenth) in [
            ("2008-05-17", "2026-05-17"),
            ("2008-02-29", "2026-02-28"),
            ("2008-02", "2026-02-28"),
            ("2008", "2026-12-31"),
        ] {
            assert_eq!(birthday_ms(birth_date, 18), begin_of_text_ms(eighteenth), "{birth_date}");
        }
        assert_eq!(birthday_ms("unknown", 18), None);
        assert_eq!(birthday_ms("", 18), None);
    }
}
