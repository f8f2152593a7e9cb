//! Days and times in the forms that feeds hold: `20240305`, `20240305T080500`, `2024030508:05:00`, `2024/3/5 8:05`,
//! `2024-03-05T08:05:00+08:00`, `2024年3月5日`. A time without a zone is Shanghai's.

/// Milliseconds that Shanghai is ahead of UTC. The daylight saving of 1986 to 1991 shifts nothing that is compared here to the
/// minute: those records have days.
const SHANGHAI_MS: i64 = 8 * 3_600_000;
const MINUTES_A_DAY: i64 = 1_440;
const MS_A_DAY: i64 = 86_400_000;
/// The years that four digits can name.
const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;
/// No record names a year before the first or after the second: what does is a slip of the hand (or stands for none).
const YEARS_OF_RECORDS: std::ops::RangeInclusive<i64> = 1850..=2200;

/// A day or a moment, in Shanghai's time; a month or a year is all of its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The first day that is meant, in days since 1970-01-01.
    pub first_day: i64,
    /// The last one; the same unless only a month or a year was given.
    pub last_day: i64,
    /// Minutes since midnight, if a time of day was given.
    pub minute: Option<i64>,
}

/// Why a text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It does not look like one.
    Shape,
    /// It looks like one that does not exist: 31 April, 25 o'clock.
    Impossible,
}

impl When {
    /// A moment from milliseconds since 1970.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        let local = ms.saturating_add(SHANGHAI_MS);
        let day = local.div_euclid(MS_A_DAY);
        Self { first_day: day, last_day: day, minute: Some(local.rem_euclid(MS_A_DAY) / 60_000) }
    }

    /// Reads any of the forms.
    ///
    /// # Errors
    /// Says whether it does not look like a day or names one that does not exist.
    pub fn read(text: &str) -> Result<Self, Misfit> {
        let (parts, minutes_off) = parts(text)?;
        let (year, month, day) = (parts.year, parts.month, parts.day);
        if !YEARS.contains(&year) || month.is_some_and(|month| !(1..=12).contains(&month)) {
            return Err(Misfit::Impossible);
        }
        let (first_day, last_day) = match (month, day) {
            (None, _) => (days(year, 1, 1), days(year, 12, 31)),
            (Some(month), None) => (days(year, month, 1), days(year, month, days_in(year, month))),
            (Some(month), Some(day)) => {
                if day < 1 || day > days_in(year, month) {
                    return Err(Misfit::Impossible);
                }
                (days(year, month, day), days(year, month, day))
            }
        };
        let Some((hour, minute, second)) = parts.time else { return Ok(Self { first_day, last_day, minute: None }) };
        let midnight = hour == 24 && minute == 0 && second == 0;
        if !(midnight || hour < 24) || minute > 59 || second > 60 {
            return Err(Misfit::Impossible);
        }
        let minutes = first_day * MINUTES_A_DAY + hour * 60 + minute - minutes_off;
        let day = minutes.div_euclid(MINUTES_A_DAY);
        Ok(Self { first_day: day, last_day: day, minute: Some(minutes.rem_euclid(MINUTES_A_DAY)) })
    }

    /// Whether this is later than another by more than a tolerance. When one of the two has no time of day, days are compared.
    #[must_use]
    pub fn is_after(&self, other: &Self, tolerance_minutes: i64) -> bool {
        match (self.minute, other.minute) {
            (Some(mine), Some(theirs)) => {
                (self.first_day - other.last_day) * MINUTES_A_DAY + mine - theirs > tolerance_minutes
            }
            _ => self.first_day - other.last_day > tolerance_minutes / MINUTES_A_DAY,
        }
    }

    /// Whether the two name the same day as exactly as both say it.
    #[must_use]
    pub fn same_day(&self, other: &Self) -> bool {
        self.first_day <= other.last_day && other.first_day <= self.last_day
    }

    /// The year, month and day of the first day.
    #[must_use]
    pub fn date(&self) -> (i64, i64, i64) {
        civil(self.first_day)
    }

    /// Whether a record can mean this day: it lies neither centuries back nor centuries ahead.
    #[must_use]
    pub fn is_of_records(&self) -> bool {
        YEARS_OF_RECORDS.contains(&self.date().0)
    }

    /// Whole years from this day to another; `None` when the other is earlier or this names no single day.
    #[must_use]
    pub fn years_until(&self, other: &Self) -> Option<i64> {
        if self.first_day != self.last_day || other.first_day < self.first_day {
            return None;
        }
        let (from, to) = (self.date(), other.date());
        Some(to.0 - from.0 - i64::from((to.1, to.2) < (from.1, from.2)))
    }
}

struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    time: Option<(i64, i64, i64)>,
}

/// Splits a text into year, month, day and time; the second value is the zone's distance from Shanghai in minutes.
fn parts(text: &str) -> Result<(Parts, i64), Misfit> {
    let bytes = text.as_bytes();
    if bytes.first().is_none_or(|first| !first.is_ascii_digit()) {
        return Err(Misfit::Shape);
    }
    let run = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number =
        |from: usize, to: usize| bytes[from..to].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    if run >= 6 || (run == 4 && bytes.len() == 4) {
        // Written without signs between year, month and day.
        let mut parts = Parts { year: number(0, 4), month: None, day: None, time: None };
        parts.month = (run >= 6).then(|| number(4, 6));
        parts.day = (run >= 8).then(|| number(6, 8));
        let rest = &text[run..];
        match run {
            4 | 6 if rest.is_empty() => return Ok((parts, 0)),
            8 if rest.is_empty() => return Ok((parts, 0)),
            8 => {
                let (time, off) = clock(rest.trim_start_matches(['T', 't', ' ']))?;
                parts.time = Some(time);
                return Ok((parts, off));
            }
            // 2024030508:05:00
            10 if rest.starts_with(':') => {
                let (time, off) = clock(&text[8..])?;
                parts.time = Some(time);
                return Ok((parts, off));
            }
            10 | 12 | 14 => {
                let at = |from: usize| if run >= from + 2 { number(from, from + 2) } else { 0 };
                parts.time = Some((at(8), at(10), at(12)));
                return Ok((parts, zone(fraction_off(rest))?));
            }
            _ => return Err(Misfit::Shape),
        }
    }
    separated(text)
}

/// Year, month and day with signs between them: `2024-3-5`, `2024/03/05`, `2024.3.5`, `2024年3月5日`.
fn separated(text: &str) -> Result<(Parts, i64), Misfit> {
    let mut rest = text;
    let mut numbers = [0; 3];
    let mut count = 0;
    for slot in &mut numbers {
        let run = rest.bytes().take_while(u8::is_ascii_digit).count();
        if run == 0 || run > 4 {
            break;
        }
        *slot = rest[..run].parse().map_err(|_| Misfit::Shape)?;
        count += 1;
        rest = &rest[run..];
        let Some(sign) = rest.chars().next() else { break };
        if !matches!(sign, '-' | '/' | '.' | '年' | '月' | '日') {
            break;
        }
        rest = &rest[sign.len_utf8()..];
    }
    let year_run = text.bytes().take_while(u8::is_ascii_digit).count();
    if year_run != 4 || count < 2 {
        return Err(Misfit::Shape);
    }
    let mut parts =
        Parts { year: numbers[0], month: Some(numbers[1]), day: (count == 3).then_some(numbers[2]), time: None };
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    if rest.is_empty() {
        return Ok((parts, 0));
    }
    if count < 3 {
        return Err(Misfit::Shape);
    }
    let (time, off) = clock(rest)?;
    parts.time = Some(time);
    Ok((parts, off))
}

/// A time of day: `080500`, `8:05`, `08:05:00.123+08:00`, `8时5分`.
fn clock(text: &str) -> Result<((i64, i64, i64), i64), Misfit> {
    let run = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = |part: &str| part.parse::<i64>().map_err(|_| Misfit::Shape);
    match run {
        2 | 4 | 6 if !text[run..].starts_with([':', '时', '点']) => {
            let at = |from: usize| if run >= from + 2 { number(&text[from..from + 2]) } else { Ok(0) };
            Ok(((at(0)?, at(2)?, at(4)?), zone(fraction_off(&text[run..]))?))
        }
        1 | 2 => {
            let hour = number(&text[..run])?;
            let mut rest = text[run..].trim_start_matches([':', '时', '点']);
            let mut fields = [0, 0];
            for field in &mut fields {
                let run = rest.bytes().take_while(u8::is_ascii_digit).count();
                if run == 0 {
                    break;
                }
                if run > 2 {
                    return Err(Misfit::Shape);
                }
                *field = number(&rest[..run])?;
                rest = rest[run..].trim_start_matches([':', '分', '秒']);
            }
            Ok(((hour, fields[0], fields[1]), zone(fraction_off(rest))?))
        }
        _ => Err(Misfit::Shape),
    }
}

/// The text after a fraction of a second.
fn fraction_off(text: &str) -> &str {
    match text.strip_prefix('.') {
        Some(rest) => rest.trim_start_matches(|one: char| one.is_ascii_digit()),
        None => text,
    }
}

/// How many minutes a zone is ahead of Shanghai's: `Z` is -480, `+0800` is 0; nothing is Shanghai.
fn zone(text: &str) -> Result<i64, Misfit> {
    let text = text.trim();
    let sign = match text.as_bytes() {
        [] => return Ok(0),
        [b'Z' | b'z'] => return Ok(-480),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return Err(Misfit::Shape),
    };
    let digits: String = text[1..].chars().filter(|one| *one != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Misfit::Shape);
    }
    let number = |part: &str| part.parse::<i64>().map_err(|_| Misfit::Shape);
    Ok(sign * (number(&digits[..2])? * 60 + number(&digits[2..])?) - 480)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar: years begin in March, so that the leap day is the last.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_one_moment_is_the_same_moment() {
        let moment = When::read("20240305T080500").expect("a moment");
        for text in [
            "20240305080500",
            "20240305080500.000",
            "20240305080500+0800",
            "2024030508:05:00",
            "202403050805",
            "2024/3/5 8:05",
            "2024-03-05 08:05:00.0",
            "2024-03-05T08:05:00+08:00",
            "2024-03-05T00:05:00Z",
            "2024年3月5日 8时5分",
            "20240305 08:05:00",
        ] {
            assert_eq!(When::read(text), Ok(moment), "{text}");
        }
        let day = When::read("20240305").expect("a day");
        for text in ["2024-03-05", "2024/3/5", "2024.3.5", "2024年3月5日"] {
            assert_eq!(When::read(text), Ok(day), "{text}");
        }
        assert!(day.same_day(&moment) && !day.is_after(&moment, 0) && !moment.is_after(&day, 0));
        assert_eq!(When::from_ms(1_709_597_100_000), moment);
    }

    #[test]
    fn what_does_not_exist_is_told_from_what_is_no_day() {
        for text in ["20240231", "20241301", "2024-02-30", "20240305T250000", "2023-02-29", "2024030508:61:00"] {
            assert_eq!(When::read(text), Err(Misfit::Impossible), "{text}");
        }
        for text in
            ["", "昨天", "2024-", "202", "20240", "2024030", "5/3/2024", "20240305X", "2024-03-05T8h", "3.2E+17"]
        {
            assert_eq!(When::read(text), Err(Misfit::Shape), "{text}");
        }
        for text in ["00010101", "9999-12-31", "240305"] {
            assert!(When::read(text).is_ok_and(|when| !when.is_of_records()), "{text}");
        }
        let month = When::read("2024-02").expect("a month");
        assert_eq!(month.last_day - month.first_day, 28);
    }

    #[test]
    fn years_are_counted_on_the_birthday() {
        let birth = When::read("20000229").expect("a day");
        let age = |text| birth.years_until(&When::read(text).expect("a day"));
        assert_eq!((age("20240228"), age("20240229"), age("19991231")), (Some(23), Some(24), None));
    }

    proptest! {
        #[test]
        fn a_date_and_its_day_number_say_the_same(day in -40_000i64..80_000) {
            let (year, month, date) = civil(day);
            prop_assert_eq!(days(year, month, date), day);
            let text = format!("{year:04}{month:02}{date:02}");
            prop_assert_eq!(When::read(&text).map(|when| when.first_day), Ok(day));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,24}") {
            let _ = When::read(&text);
        }

        #[test]
        fn no_almost_date_is_too_odd(text in "[0-9:/T. +年月日Z-]{0,24}") {
            let _ = When::read(&text);
        }
    }
}
