//! Times as feeds write them, to FHIR: `20240305`, `20240305T080500`, `2024030508:05:00`, `2024/3/5 8:05`, `2024-03-05 08:05:00.0`,
//! `2024年3月5日 8时5分`, HL7's `20240305080500.123+0800`.
//!
//! What names no zone is Asia/Shanghai, with the daylight saving of 1986–1991. The precision is the sender's; a fraction of
//! zeros (which database drivers write) is none.

use std::fmt::Write as _;

use jiff::civil;

use crate::fhir::date::{self, Precision};

/// A point or stretch of time, as precise as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// FHIR text: `2024`, `2024-03`, `2024-03-05` or with seconds and offset `2024-03-05T08:05:00+08:00`.
    pub text: String,
    /// How far the sender went: a time without seconds is written with `:00` and is [`Precision::Minute`].
    pub precision: Precision,
    /// The first millisecond of it, since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// The day in China, where the sender's zone has another one.
    day_in_china: Option<String>,
}

impl Moment {
    /// The day alone: `2024-03-05`, or the month or year when there is no more. A moment in another zone has the day that it was
    /// in China: `1995-05-01T16:00:00Z` is midnight of 1995-05-02 there, as a program writes a birth date that it keeps in UTC.
    #[must_use]
    pub fn day(&self) -> &str {
        self.day_in_china.as_deref().unwrap_or_else(|| self.day_as_sent())
    }

    /// Whether it is a default value of a database (1900-01-01, 9999-12-31) and no time at all, in the sender's zone or in China's.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        standards::tables::is_nothing_day(self.day_as_sent()) || standards::tables::is_nothing_day(self.day())
    }

    fn day_as_sent(&self) -> &str {
        self.text.get(..10).unwrap_or(&self.text)
    }
}

/// The longest text that can be a time, in bytes: with Chinese words for every part.
const LENGTH_BYTES_MAX: usize = 64;
/// Years that may stand without a day and without a separator.
const PLAIN_YEARS: std::ops::RangeInclusive<i16> = 1800..=2199;
/// From this year on the national zone has been +08:00 without a break.
const STEADY_ZONE_YEAR: i16 = 1992;
/// Offset of the national zone without daylight saving.
const NATIONAL_OFFSET_MINUTES: i64 = 480;

/// Reads a time in any of the forms of feeds; `None` when it is none of them or there is no such moment. Default values such as
/// 1900-01-01 are read like any other: ask [`Moment::is_nothing`].
#[must_use]
pub fn parse(text: &str) -> Option<Moment> {
    let text = super::key_part(text);
    if text.is_empty() || text.len() > LENGTH_BYTES_MAX {
        return None;
    }
    if text.is_ascii() {
        return Reader { rest: text.as_bytes() }.moment();
    }
    let mut plain = String::with_capacity(text.len());
    let mut shift_hours = 0;
    let mut rest = &*text;
    while let Some(character) = rest.chars().next() {
        let (width, replacement) = match character {
            '年' | '月' => (3, "-"),
            '日' | '号' | '\u{A0}' => (character.len_utf8(), " "),
            '时' | '点' | '：' => (3, ":"),
            '分' if rest.starts_with("分钟") => (6, ":"),
            '分' => (3, ":"),
            '秒' => (3, ""),
            '上' if rest.starts_with("上午") => (6, " "),
            '下' if rest.starts_with("下午") => {
                shift_hours = 12;
                (6, " ")
            }
            _ if character.is_ascii() => (1, &rest[..1]),
            _ => return None,
        };
        plain.push_str(replacement);
        rest = &rest[width..];
    }
    // `8时5分` ends in the colon of a part that is not there.
    let plain = plain.trim().trim_end_matches([':', '-']);
    let mut reader = Reader { rest: plain.as_bytes() };
    let mut parts = reader.parts()?;
    if shift_hours > 0 && parts.hour < 12 {
        parts.hour += shift_hours;
    }
    parts.moment()
}

struct Parts<'t> {
    year: i16,
    month: i8,
    day: i8,
    hour: i64,
    minute: i64,
    second: i64,
    /// Digits after the point, without zeros at the end.
    fraction: &'t [u8],
    precision: Precision,
    offset_minutes: Option<i64>,
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn moment(mut self) -> Option<Moment> {
        self.parts()?.moment()
    }

    fn parts(&mut self) -> Option<Parts<'t>> {
        let mut parts = Parts {
            year: 0,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            fraction: &[],
            precision: Precision::Year,
            offset_minutes: None,
        };
        parts.year = i16::try_from(self.digits(4, 4)?).ok()?;
        if let Some(separator) = self.take_any(b"-/.") {
            self.separated_day(&mut parts, separator)?;
        } else {
            self.packed_day(&mut parts)?;
        }
        if parts.precision == Precision::Day {
            self.clock(&mut parts)?;
        }
        self.rest.is_empty().then_some(parts)
    }

    /// `-3-5`, `/03/05`, `.03`, after the year.
    fn separated_day(&mut self, parts: &mut Parts<'t>, separator: u8) -> Option<()> {
        parts.month = i8::try_from(self.digits(1, 2)?).ok()?;
        parts.precision = Precision::Month;
        if self.take(separator) {
            parts.day = i8::try_from(self.digits(1, 2)?).ok()?;
            parts.precision = Precision::Day;
        }
        Some(())
    }

    /// `0305`, `03` or nothing, after the year.
    fn packed_day(&mut self, parts: &mut Parts<'t>) -> Option<()> {
        // `240305` is a day without its century, not May 2403.
        if self.digits_ahead() <= 2 && !PLAIN_YEARS.contains(&parts.year) {
            return None;
        }
        if self.digits_ahead() >= 2 {
            parts.month = i8::try_from(self.digits(2, 2)?).ok()?;
            parts.precision = Precision::Month;
            if self.digits_ahead() >= 2 {
                parts.day = i8::try_from(self.digits(2, 2)?).ok()?;
                parts.precision = Precision::Day;
            }
        }
        Some(())
    }

    /// The time of day with everything that may stand before and after it: `T080500`, ` 8:05`, `08:05:00.123+08:00`, `080500`.
    fn clock(&mut self, parts: &mut Parts<'t>) -> Option<()> {
        if self.rest.is_empty() {
            return Some(());
        }
        let mut separated = self.take_any(b"Tt ").is_some();
        while self.take(b' ') {
            separated = true;
        }
        let ahead = self.digits_ahead();
        if ahead == 0 {
            return None;
        }
        parts.precision = Precision::Minute;
        if ahead <= 2 && (separated || ahead == 2) {
            parts.hour = self.digits(1, 2)?;
            if self.take(b':') {
                parts.minute = self.digits(1, 2)?;
                if self.take(b':') {
                    parts.second = self.digits(1, 2)?;
                    parts.precision = Precision::Second;
                }
            }
        } else {
            parts.hour = self.digits(2, 2)?;
            parts.minute = self.digits(2, 2)?;
            if self.digits_ahead() >= 2 {
                parts.second = self.digits(2, 2)?;
                parts.precision = Precision::Second;
            }
        }
        if parts.precision == Precision::Second && self.take_any(b".,").is_some() {
            let count = self.digits_ahead();
            let (fraction, rest) = self.rest.split_at_checked(count).filter(|_| count > 0)?;
            self.rest = rest;
            let used = fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
            parts.fraction = &fraction[..used];
            if used > 0 {
                parts.precision = Precision::Millisecond;
            }
        }
        self.offset(parts)
    }

    /// `Z`, `+08:00`, `+0800`, `+08`, with or without a space before.
    fn offset(&mut self, parts: &mut Parts<'t>) -> Option<()> {
        while self.take(b' ') {}
        if self.rest.is_empty() {
            return Some(());
        }
        if self.take_any(b"Zz").is_some() {
            parts.offset_minutes = Some(0);
            return Some(());
        }
        let sign = if self.take_any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2, 2)?;
        let minutes = if self.rest.is_empty() {
            0
        } else {
            self.take(b':');
            self.digits(2, 2)?
        };
        let total = hours * 60 + minutes;
        // FHIR allows offsets up to fourteen hours.
        if minutes > 59 || total > 14 * 60 {
            return None;
        }
        parts.offset_minutes = Some(sign * total);
        Some(())
    }

    fn take(&mut self, byte: u8) -> bool {
        self.take_any(&[byte]).is_some()
    }

    fn take_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        let found = bytes.contains(first);
        if found {
            self.rest = rest;
        }
        found.then_some(*first)
    }

    fn digits_ahead(&self) -> usize {
        self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.digits_ahead().min(most);
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }
}

impl Parts<'_> {
    fn moment(mut self) -> Option<Moment> {
        // The midnight at the end of a day: 24:00 is how a hospital closes it.
        let next_day = self.hour == 24 && self.minute == 0 && self.second == 0 && self.fraction.is_empty();
        if next_day {
            self.hour = 0;
        }
        if self.year == 0 || self.hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let mut date = civil::Date::new(self.year, self.month, self.day).ok()?;
        if next_day {
            date = date.tomorrow().ok()?;
        }
        let mut text = String::with_capacity(29);
        // Writing into a text cannot fail.
        let _ = match self.precision {
            Precision::Year => write!(text, "{:04}", date.year()),
            Precision::Month => write!(text, "{:04}-{:02}", date.year(), date.month()),
            _ => write!(text, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        };
        if self.precision >= Precision::Minute {
            let _ = write!(text, "T{:02}:{:02}:{:02}", self.hour, self.minute, self.second);
            if !self.fraction.is_empty() {
                text.push('.');
                text.extend(self.fraction.iter().map(|digit| char::from(*digit)));
            }
        }
        let at_ms = self.zone(date, &mut text)?;
        let day_in_china = self.day_in_china(date);
        Some(Moment { text, precision: self.precision, at_ms, day_in_china })
    }

    /// The day in China where the zone that was sent has another one; none at the end of the calendar.
    fn day_in_china(&self, date: civil::Date) -> Option<String> {
        let ahead_minutes = NATIONAL_OFFSET_MINUTES - self.offset_minutes?;
        let there = match (self.hour * 60 + self.minute + ahead_minutes).div_euclid(24 * 60) {
            0 => return None,
            days if days < 0 => date.yesterday().ok()?,
            _ => date.tomorrow().ok()?,
        };
        Some(format!("{:04}-{:02}-{:02}", there.year(), there.month(), there.day()))
    }

    /// Writes the offset behind a time of day and says when it begins.
    fn zone(&self, date: civil::Date, text: &mut String) -> Option<i64> {
        let timed = self.precision >= Precision::Minute;
        let local_ms = self.local_ms(date)?;
        let offset_minutes = match self.offset_minutes {
            Some(minutes) => minutes,
            None if date.year() >= STEADY_ZONE_YEAR => NATIONAL_OFFSET_MINUTES,
            None => {
                let low_ms = date::parse(text).ok()?.low_ms;
                if !timed {
                    // Before 1901 the offset has seconds, which a text cannot say.
                    return Some(low_ms);
                }
                (local_ms - low_ms) / 60_000
            }
        };
        if timed {
            let sign = if offset_minutes < 0 { '-' } else { '+' };
            let minutes = offset_minutes.abs();
            // Writing into a text cannot fail.
            let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
        Some(local_ms - offset_minutes * 60_000)
    }

    fn local_ms(&self, date: civil::Date) -> Option<i64> {
        let days = i64::from((date - civil::date(1970, 1, 1)).get_days());
        let mut milliseconds = 0;
        for at in 0..3 {
            milliseconds = milliseconds * 10 + self.fraction.get(at).map_or(0, |digit| i64::from(digit - b'0'));
        }
        Some((((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second) * 1000 + milliseconds)
    }
}
