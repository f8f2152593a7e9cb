//! Administrative divisions (行政区划, GB/T 2260) with their history: identity numbers keep the code of the place and the year in
//! which they were given, long after the county became a district.
//!
//! The source knows years, not days, so a date is asked for by its year.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::elements::lines;

/// A division as it was called and numbered for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// Six digits: province, city, county. Province `110000`, city `320100`.
    pub code: &'static str,
    /// `望岚县`.
    pub name: &'static str,
    /// The first year of this code under this name; 1981 also stands for "before".
    pub from_year: u16,
    /// The year in which it was given up; `None` while it is in use.
    pub to_year: Option<u16>,
    /// The codes that took its place, with the year in brackets when it was not the last one; `;` between them.
    pub successors: &'static str,
}

static DIVISIONS: LazyLock<HashMap<&'static str, Vec<Division>>> = LazyLock::new(|| {
    let mut divisions: HashMap<&'static str, Vec<Division>> = HashMap::new();
    for (_, [code, name, from_year, to_year, successors]) in
        lines(include_str!("../../../standards/facts/gbt2260/divisions.tsv"))
    {
        let Ok(from_year) = from_year.parse() else { continue };
        let to_year = to_year.parse().ok();
        divisions.entry(code).or_default().push(Division { code, name, from_year, to_year, successors });
    }
    divisions
});

/// The division that had this code in a year; in the year of a change the newer one.
#[must_use]
pub fn division(code: &str, year: u16) -> Option<&'static Division> {
    history(code)
        .iter()
        .filter(|division| division.from_year <= year && division.to_year.is_none_or(|to_year| year <= to_year))
        .max_by_key(|division| division.from_year)
}

/// Every division that ever was, in no order.
pub fn all() -> impl Iterator<Item = &'static Division> {
    DIVISIONS.values().flatten()
}

/// Everything that ever had this code, in the order of the source.
#[must_use]
pub fn history(code: &str) -> &'static [Division] {
    DIVISIONS.get(code).map_or(&[], Vec::as_slice)
}

/// Whether the code ever stood for a place.
#[must_use]
pub fn existed(code: &str) -> bool {
    DIVISIONS.contains_key(code)
}

/// The codes that took the place of one, with the year of the change if the source gives it: `[("130102", Some(2001)), …]`.
pub fn successors(division: &Division) -> impl Iterator<Item = (&'static str, Option<u16>)> {
    division.successors.split(';').filter(|successor| !successor.is_empty()).map(|successor| {
        match successor.trim_end_matches(']').split_once('[') {
            Some((code, year)) => (code, year.parse().ok()),
            None => (successor, None),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_history() {
        let old = division("110103", 1990).expect("a district of that time");
        assert_eq!((old.name, old.to_year), ("崇文区", Some(2010)));
        assert!(division("110103", 2020).is_none() && existed("110103"));
        assert_eq!(successors(old).collect::<Vec<_>>(), [("110101", None)]);
        let split = division("130106", 1999).expect("a district of that time");
        assert_eq!(successors(split).count(), 5);
        // One code, two names.
        assert_eq!(division("320803", 2005).map(|division| division.name), Some("楚州区"));
        assert_eq!(division("320803", 2020).map(|division| division.name), Some("淮安区"));
    }

    #[test]
    fn the_table_is_whole_and_the_invented_region_is_not_in_it() {
        assert_eq!(DIVISIONS.values().map(Vec::len).sum::<usize>(), 6_823);
        assert!(!existed("990121") && !existed("123456") && !existed(""));
        for division in DIVISIONS.values().flatten() {
            assert!(
                division.code.len() == 6 && division.code.bytes().all(|byte| byte.is_ascii_digit()),
                "{division:?}"
            );
            assert!(division.to_year.is_none_or(|to_year| to_year >= division.from_year), "{division:?}");
        }
    }
}
