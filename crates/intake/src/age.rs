//! Which of two versions of one thing is the newer one.
//!
//! Sources give a time in one column today and in another tomorrow: 更新时间 or, when that is empty, 报告日期; OBR-22 or, when that
//! is empty, MSH-7. Of one version the event is never after its last change, nor the change after the sending. So a time that is
//! before the one of what is known tells that a message is old only when it is of the same kind or of a later one; otherwise the
//! order of arrival decides. A day without a time of day is not before a time within that day, and a clock that is ahead by more
//! than a day is not believed.

use formats::reading::{Record, TimeOf};

const DAY_MS: i64 = 24 * 3_600_000;
/// Local time of the sources (Asia/Shanghai).
const ZONE_MS: i64 = 8 * 3_600_000;
/// How far a sender's clock may be ahead of ours: zones that were forgotten, days that are closed before they end.
const AHEAD_MS: i64 = DAY_MS;

/// When a source says that something was so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// Milliseconds since 1970; `None` when it does not say.
    pub(crate) at_ms: Option<i64>,
    pub(crate) of: TimeOf,
}

impl Time {
    /// The time of a record that was received at `received_ms`: what lies behind the next day is the time of its receipt.
    pub(crate) fn of(record: &Record, received_ms: i64) -> Self {
        let at_ms = record.effective_ms.map(|at| if is_ahead(at, received_ms) { received_ms } else { at });
        Self { at_ms, of: record.effective_of }
    }

    /// Whether what has this time is older than what has the other one, as far as the two can tell.
    pub(crate) fn is_before(self, known: Self, received_ms: i64) -> bool {
        let (Some(new), Some(old)) = (self.at_ms, known.at_ms) else { return false };
        let is_told = self.of >= known.of || self.of == TimeOf::Unsaid;
        is_told && new < old && !is_day_of(new, old) && !is_ahead(old, received_ms)
    }

    /// Whether what has this time is truly newer.
    pub(crate) fn is_after(self, known: Self) -> bool {
        let is_told = self.of <= known.of || known.of == TimeOf::Unsaid;
        is_told && self.at_ms.zip(known.at_ms).is_some_and(|(new, old)| new > old)
    }

    /// What is remembered once something with this time took the place of what is known. A source that gives no time for a
    /// correction, or a lesser one, does not make the next one older than it.
    pub(crate) fn over(self, known: Self, received_ms: i64) -> Self {
        let Some(old) = known.at_ms.filter(|old| !is_ahead(*old, received_ms)) else { return self };
        let Some(new) = self.at_ms else { return known };
        match worth(self.of).cmp(&worth(known.of)) {
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => known,
            std::cmp::Ordering::Equal => Self { at_ms: Some(new.max(old)), of: self.of },
        }
    }
}

/// The time of a change orders versions best, that of the event least.
fn worth(of: TimeOf) -> u8 {
    match of {
        TimeOf::Unsaid => 0,
        TimeOf::Event => 1,
        TimeOf::Sending => 2,
        TimeOf::Change => 3,
    }
}

fn is_ahead(at_ms: i64, received_ms: i64) -> bool {
    at_ms > received_ms.saturating_add(AHEAD_MS)
}

/// Whether `new` is a day without a time of day, and `old` lies within it. Databases write such days as midnight.
fn is_day_of(new: i64, old: i64) -> bool {
    new.saturating_add(ZONE_MS).rem_euclid(DAY_MS) == 0 && old.saturating_sub(new) < DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours behind 2024-03-05T00:00:00+08:00.
    fn at(hours: i64, of: TimeOf) -> Time {
        Time { at_ms: Some(1_709_568_000_000 + hours * 3_600_000), of }
    }

    const LATER: i64 = 1_709_568_000_000 + 1_000 * DAY_MS;

    #[test]
    fn a_time_of_an_event_does_not_make_a_change_old() {
        use TimeOf::{Change, Event, Sending, Unsaid};
        for (new, old, is_before) in [
            (at(9, Change), at(10, Change), true),
            (at(9, Event), at(10, Event), true),
            (at(9, Event), at(10, Change), false),
            (at(9, Change), at(10, Sending), false),
            (at(9, Sending), at(10, Change), true),
            (at(9, Change), at(10, Event), true),
            (at(9, Unsaid), at(10, Change), true),
            (at(9, Change), at(10, Unsaid), true),
            (at(0, Change), at(10, Change), false),
            (at(0, Change), at(24, Change), true),
            (at(10, Change), at(10, Change), false),
        ] {
            assert_eq!(new.is_before(old, LATER), is_before, "{new:?} {old:?}");
        }
    }

    #[test]
    fn what_is_remembered_is_the_best_time() {
        use TimeOf::{Change, Event, Sending};
        assert_eq!(at(9, Event).over(at(10, Change), LATER), at(10, Change));
        assert_eq!(at(9, Change).over(at(10, Sending), LATER), at(9, Change));
        assert_eq!(at(9, Change).over(at(10, Change), LATER), at(10, Change));
        assert_eq!(Time::default().over(at(10, Change), LATER), at(10, Change));
        assert_eq!(at(9, Change).over(Time::default(), LATER), at(9, Change));
    }

    #[test]
    fn a_clock_a_year_ahead_is_not_believed() {
        let received = 1_709_568_000_000;
        let record = Record { effective_ms: at(365 * 24, TimeOf::Change).at_ms, ..Record::default() };
        assert_eq!(Time::of(&record, received).at_ms, Some(received));
        // What an earlier release remembered does not freeze the resource either.
        assert!(!at(1, TimeOf::Change).is_before(at(365 * 24, TimeOf::Change), received));
        assert_eq!(at(1, TimeOf::Change).over(at(365 * 24, TimeOf::Change), received), at(1, TimeOf::Change));
    }
}
