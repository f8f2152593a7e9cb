use proptest::prelude::*;

use super::*;

const DAY_MS: i64 = 86_400_000;

#[test]
fn the_bundled_database_has_the_zone() {
    assert_eq!(ZONE.iana_name(), Some(DEFAULT_ZONE));
}

#[test]
fn daylight_saving_of_1986_counts() {
    // Clocks went from +08:00 to +09:00 on 4 May 1986 at 02:00.
    let before = parse("1986-05-03T12:00:00").map(|found| found.low_ms);
    assert_eq!(before, parse("1986-05-03T12:00:00+08:00").map(|found| found.low_ms));
    let after = parse("1986-05-05T12:00:00").map(|found| found.low_ms);
    assert_eq!(after, parse("1986-05-05T12:00:00+09:00").map(|found| found.low_ms));
    // The day of the change is an hour shorter.
    let day = parse("1986-05-04").unwrap();
    assert_eq!(day.high_ms - day.low_ms + 1, DAY_MS - 3_600_000);
}

#[test]
fn a_leap_second_is_read() {
    let leap = parse_as("2016-12-31T23:59:60Z", Kind::Instant).unwrap();
    assert_eq!(leap.low_ms, parse("2017-01-01T00:00:00Z").unwrap().low_ms);
    assert!(parse("2016-12-31T23:59:60").is_ok());
}

#[test]
fn the_calendar_has_ends() {
    assert!(parse("9999").is_ok());
    assert!(parse("9999-12-31T23:59:59-14:00").is_ok());
    assert!(parse("0001-01-01").is_ok());
    assert_eq!(parse("0000"), Err(DateError::NoSuchMoment));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = parse(&text);
        let _ = parse_time(&text);
    }

    #[test]
    fn date_like_texts_are_read_or_refused(text in "[0-9]{4}(-[0-9]{2}){0,2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?") {
        if let Ok(interval) = parse(&text) {
            prop_assert!(interval.low_ms <= interval.high_ms);
        }
    }

    #[test]
    fn a_moment_is_inside_everything_it_is_printed_as(at_ms in -62_000_000_000_000_i64..250_000_000_000_000) {
        for precision in [Precision::Year, Precision::Month, Precision::Day, Precision::Minute, Precision::Second, Precision::Millisecond] {
            let text = local_text(at_ms, precision);
            let interval = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            prop_assert_eq!(interval.precision, precision);
            // Local mean time before 1901 has seconds, which an offset cannot write.
            if at_ms > -2_177_452_800_000 || precision <= Precision::Day {
                prop_assert!(interval.low_ms <= at_ms && at_ms <= interval.high_ms, "{} {:?}", text, interval);
            }
        }
    }

    #[test]
    fn days_follow_each_other(day in -25_000_i64..100_000) {
        let today = parse(&local_text(day * DAY_MS, Precision::Day)).unwrap();
        let tomorrow = parse(&local_text(today.high_ms + 1, Precision::Day)).unwrap();
        prop_assert_eq!(today.high_ms + 1, tomorrow.low_ms);
    }

    #[test]
    fn instants_print_and_parse_back(at_ms in -62_000_000_000_000_i64..250_000_000_000_000) {
        let found = parse_as(&model::instant_text(at_ms), Kind::Instant).unwrap();
        prop_assert_eq!((found.low_ms, found.high_ms, found.has_offset), (at_ms, at_ms, true));
    }
}
