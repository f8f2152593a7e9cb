//! FHIR dates: `date`, `dateTime`, `instant` and `time`, each as precise as it was written.
//!
//! A date is an interval: `2024-02` is the whole of February. Texts without an offset are in the national time zone, with its
//! daylight saving of 1986–1991 (design §2); the interval itself is in UTC.

use std::fmt;
use std::sync::LazyLock;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

/// The zone of texts that name none. All of China keeps one legal time.
pub const DEFAULT_ZONE: &str = "Asia/Shanghai";

/// Used when the bundled time-zone database had no [`DEFAULT_ZONE`]; a test sees that it has.
const FALLBACK_OFFSET_HOURS: i8 = 8;

static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get(DEFAULT_ZONE).unwrap_or_else(|_| TimeZone::fixed(Offset::constant(FALLBACK_OFFSET_HOURS)))
});

/// How far a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `2024`
    Year,
    /// `2024-02`
    Month,
    /// `2024-02-29`
    Day,
    /// `2024-02-29T08:30`: only in searches, never in a resource.
    Minute,
    /// `2024-02-29T08:30:00`
    Second,
    /// `2024-02-29T08:30:00.5`: anything with a fraction; three digits count, the rest is dropped.
    Millisecond,
}

/// What a date text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The first millisecond, since 1970-01-01T00:00:00Z.
    pub low_ms: i64,
    /// The last millisecond, still inside.
    pub high_ms: i64,
    /// How far the text goes.
    pub precision: Precision,
    /// Whether the text named its offset (`Z` or `+08:00`).
    pub has_offset: bool,
}

/// A text that is no date; it carries nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not the form of a FHIR date.
    #[error("not a FHIR date: expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss[.sss] with Z or an offset")]
    Form,
    /// The form is right, but there is no such day or time (30 February, 25:00).
    #[error("no such day or time")]
    NoSuchMoment,
}

/// The texts that a data type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `date`: no time.
    Date,
    /// `dateTime`: with a time also seconds and an offset.
    DateTime,
    /// `instant`: a full time with an offset.
    Instant,
    /// What search parameters allow: seconds and offset may be missing.
    Search,
}

/// Reads any FHIR date, the most lenient of the forms ([`Kind::Search`]).
///
/// # Errors
/// [`DateError`] when the text is no date.
pub fn parse(text: &str) -> Result<Interval, DateError> {
    parse_as(text, Kind::Search)
}

/// Reads a date as a data type allows it.
///
/// # Errors
/// [`DateError`] when the text is no date of this kind.
pub fn parse_as(text: &str, kind: Kind) -> Result<Interval, DateError> {
    let parts = Parts::read(text)?;
    let timed = parts.precision >= Precision::Minute;
    let complete = parts.precision >= Precision::Second && parts.offset_minutes.is_some();
    let allowed = match kind {
        Kind::Date => !timed,
        Kind::DateTime => !timed || complete,
        Kind::Instant => complete,
        Kind::Search => true,
    };
    if allowed { parts.interval() } else { Err(DateError::Form) }
}

/// Milliseconds since midnight of a FHIR `time` (`hh:mm:ss` with an optional fraction).
///
/// # Errors
/// [`DateError`] when the text is no time of day.
pub fn parse_time(text: &str) -> Result<i64, DateError> {
    let mut cursor = Cursor { rest: text.as_bytes() };
    let (clock, precision) = cursor.clock()?;
    if precision < Precision::Second || !cursor.rest.is_empty() {
        return Err(DateError::Form);
    }
    Ok(clock.ms_of_day())
}

/// The day, second … in which a moment falls, written in the national time zone: `local_text(0, Day)` is `1970-01-01`.
/// With a time the text carries its offset.
#[must_use]
pub fn local_text(at_ms: i64, precision: Precision) -> String {
    let at = model::instant_from_ms(at_ms);
    let zoned = at.to_zoned(ZONE.clone());
    let (date, time) = (zoned.date(), zoned.time());
    let offset = OffsetText(zoned.offset().seconds() / 60);
    let day = format_args!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()).to_string();
    let minute = format!("{:02}:{:02}", time.hour(), time.minute());
    match precision {
        Precision::Year => day[..day.len() - 6].to_owned(),
        Precision::Month => day[..day.len() - 3].to_owned(),
        Precision::Day => day,
        Precision::Minute => format!("{day}T{minute}{offset}"),
        Precision::Second => format!("{day}T{minute}:{:02}{offset}", time.second()),
        Precision::Millisecond => format!("{day}T{minute}:{:02}.{:03}{offset}", time.second(), time.millisecond()),
    }
}

struct OffsetText(i32);

impl fmt::Display for OffsetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Clock {
    fn ms_of_day(self) -> i64 {
        ((self.hour * 60 + self.minute) * 60 + self.second) * 1000 + self.millisecond
    }
}

#[derive(Debug, Clone, Copy)]
struct Parts {
    year: i16,
    month: i8,
    day: i8,
    clock: Clock,
    precision: Precision,
    offset_minutes: Option<i64>,
}

impl Parts {
    fn read(text: &str) -> Result<Self, DateError> {
        let mut cursor = Cursor { rest: text.as_bytes() };
        let mut parts = Self {
            year: 0,
            month: 1,
            day: 1,
            clock: Clock::default(),
            precision: Precision::Year,
            offset_minutes: None,
        };
        let year = cursor.digits(4)?;
        parts.year = i16::try_from(year).map_err(|_| DateError::Form)?;
        if year == 0 {
            return Err(DateError::NoSuchMoment);
        }
        if cursor.take(b'-') {
            parts.month = i8::try_from(cursor.digits(2)?).map_err(|_| DateError::Form)?;
            parts.precision = Precision::Month;
            if cursor.take(b'-') {
                parts.day = i8::try_from(cursor.digits(2)?).map_err(|_| DateError::Form)?;
                parts.precision = Precision::Day;
                if cursor.take(b'T') {
                    (parts.clock, parts.precision) = cursor.clock()?;
                    parts.offset_minutes = cursor.offset()?;
                }
            }
        }
        if cursor.rest.is_empty() { Ok(parts) } else { Err(DateError::Form) }
    }

    fn interval(self) -> Result<Interval, DateError> {
        let first = civil::Date::new(self.year, self.month, self.day).map_err(|_| DateError::NoSuchMoment)?;
        let low_ms = self.moment(first, self.clock.ms_of_day())?;
        let high_ms = match self.precision {
            // The next year, month or day may begin at another offset, so it is looked up rather than added.
            Precision::Year => self.after(civil::Date::new(self.year.saturating_add(1), 1, 1), low_ms, 366),
            Precision::Month if self.month == 12 => {
                self.after(civil::Date::new(self.year.saturating_add(1), 1, 1), low_ms, 31)
            }
            Precision::Month => self.after(civil::Date::new(self.year, self.month + 1, 1), low_ms, 31),
            Precision::Day => self.after(first.tomorrow(), low_ms, 1),
            Precision::Minute => low_ms + 59_999,
            Precision::Second => low_ms + 999,
            Precision::Millisecond => low_ms,
        };
        Ok(Interval { low_ms, high_ms, precision: self.precision, has_offset: self.offset_minutes.is_some() })
    }

    /// The last millisecond before `next`; at the end of the calendar (year 9999) `days` after the beginning.
    fn after(self, next: Result<civil::Date, jiff::Error>, low_ms: i64, days: i64) -> i64 {
        let next_ms = next.ok().and_then(|next| self.moment(next, 0).ok());
        next_ms.unwrap_or(low_ms + days * 86_400_000) - 1
    }

    /// Milliseconds since 1970 UTC of a local day and time of day.
    fn moment(self, date: civil::Date, ms_of_day: i64) -> Result<i64, DateError> {
        let local_ms = days_since_1970(date) * 86_400_000 + ms_of_day;
        let offset_ms = match self.offset_minutes {
            Some(minutes) => minutes * 60_000,
            None => {
                // A leap second (:60) counts as the second after it; the zone is asked about the second before.
                let second_of_day = (ms_of_day / 1000).min(86_399);
                let time = civil::Time::midnight()
                    .checked_add(jiff::SignedDuration::from_secs(second_of_day))
                    .map_err(|_| DateError::NoSuchMoment)?;
                let offset = match ZONE.to_ambiguous_timestamp(date.to_datetime(time)).offset() {
                    jiff::tz::AmbiguousOffset::Unambiguous { offset } => offset,
                    // Twice in autumn: the first; never in spring: as if the clocks had not moved yet.
                    jiff::tz::AmbiguousOffset::Fold { before, .. } | jiff::tz::AmbiguousOffset::Gap { before, .. } => {
                        before
                    }
                };
                i64::from(offset.seconds()) * 1000
            }
        };
        Ok(local_ms - offset_ms)
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, by counting 400-year eras from 0000-03-01.
fn days_since_1970(date: civil::Date) -> i64 {
    const DAYS_PER_ERA: i64 = 146_097;
    const DAYS_TO_1970: i64 = 719_468;
    let (month, day) = (i64::from(date.month()), i64::from(date.day()));
    let year = i64::from(date.year()) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970
}

struct Cursor<'t> {
    rest: &'t [u8],
}

impl Cursor<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn digits(&mut self, count: usize) -> Result<i64, DateError> {
        let Some((digits, rest)) = self.rest.split_at_checked(count) else { return Err(DateError::Form) };
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(DateError::Form);
            }
            number = number * 10 + i64::from(digit - b'0');
        }
        self.rest = rest;
        Ok(number)
    }

    /// `hh:mm[:ss[.f…]]`
    fn clock(&mut self) -> Result<(Clock, Precision), DateError> {
        let mut clock = Clock { hour: self.digits(2)?, ..Clock::default() };
        if !self.take(b':') {
            return Err(DateError::Form);
        }
        clock.minute = self.digits(2)?;
        let mut precision = Precision::Minute;
        if self.take(b':') {
            clock.second = self.digits(2)?;
            precision = Precision::Second;
            if self.take(b'.') {
                precision = Precision::Millisecond;
                clock.millisecond = self.fraction()?;
            }
        }
        if clock.hour > 23 || clock.minute > 59 || clock.second > 60 {
            return Err(DateError::NoSuchMoment);
        }
        Ok((clock, precision))
    }

    /// One or more digits after the point, as milliseconds.
    fn fraction(&mut self) -> Result<i64, DateError> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(DateError::Form);
        }
        let mut milliseconds = 0;
        for at in 0..3 {
            let digit = if at < count { i64::from(self.rest[at] - b'0') } else { 0 };
            milliseconds = milliseconds * 10 + digit;
        }
        self.rest = &self.rest[count..];
        Ok(milliseconds)
    }

    /// Minutes east of Greenwich; none when the text ends here.
    fn offset(&mut self) -> Result<Option<i64>, DateError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.take(b'Z') {
            return Ok(Some(0));
        }
        let sign = if self.take(b'+') {
            1
        } else if self.take(b'-') {
            -1
        } else {
            return Err(DateError::Form);
        };
        let hours = self.digits(2)?;
        if !self.take(b':') {
            return Err(DateError::Form);
        }
        let minutes = self.digits(2)?;
        // XML Schema and FHIR allow offsets up to fourteen hours.
        if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
            return Err(DateError::NoSuchMoment);
        }
        Ok(Some(sign * (hours * 60 + minutes)))
    }
}

#[cfg(test)]
mod tests;
