//! The lunar calendar (农历): many people know their birthday by it, and say it as if it were solar.

use std::sync::LazyLock;

use super::date::Date;

/// Day numbers of the first days of the months of one lunar year, with the month's number; a leap month repeats its number.
struct Year {
    months: Vec<(u32, i64)>,
}

struct Calendar {
    first_year: u32,
    years: Vec<Year>,
}

static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    let mut calendar = Calendar { first_year: 0, years: Vec::new() };
    for line in crate::data::LUNAR.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [year, first_day, leap, lengths] = columns[..] else { continue };
        let (Ok(year), Ok(leap)) = (year.parse::<u32>(), leap.parse::<u32>()) else { continue };
        let Some(mut day) = super::date::read(first_day).date.day_number() else { continue };
        if calendar.years.is_empty() {
            calendar.first_year = year;
        }
        let mut months = Vec::with_capacity(13);
        let (mut month, mut is_leap_done) = (0, leap == 0);
        for length in lengths.chars() {
            if month == leap && !is_leap_done {
                is_leap_done = true;
            } else {
                month += 1;
            }
            months.push((month, day));
            day += if length == 'L' { 30 } else { 29 };
        }
        calendar.years.push(Year { months });
    }
    calendar
});

/// Is `solar` the day that `lunar` names, when `lunar` is read as a date of the lunar calendar? Both months of a leap month count.
#[must_use]
pub fn is_day_of(lunar: Date, solar: Date) -> bool {
    let (Some(solar_day), true) = (solar.day_number(), lunar.is_whole()) else { return false };
    let Some(year) = lunar.year().checked_sub(CALENDAR.first_year).and_then(|at| CALENDAR.years.get(at as usize))
    else {
        return false;
    };
    let month_matches = |first: &&(u32, i64)| first.0 == lunar.month();
    year.months.iter().filter(month_matches).any(|(_, first)| first + i64::from(lunar.day()) - 1 == solar_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_festivals_fall_on_their_days() {
        // New year's day, the mid-autumn festival, and both fourth months of 2020.
        assert!(is_day_of(Date::new(2024, 1, 1), Date::new(2024, 2, 10)));
        assert!(is_day_of(Date::new(1987, 8, 15), Date::new(1987, 10, 7)));
        assert!(is_day_of(Date::new(2020, 4, 1), Date::new(2020, 4, 23)));
        assert!(is_day_of(Date::new(2020, 4, 1), Date::new(2020, 5, 23)));
        assert!(!is_day_of(Date::new(2024, 1, 1), Date::new(2024, 1, 1)));
        assert!(!is_day_of(Date::NONE, Date::new(2024, 1, 1)));
    }
}
