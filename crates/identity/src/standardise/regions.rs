//! The region tree (行政区划), optional: which codes have ever been given out, and which names stand for which code.
//!
//! Codes that were abolished stay valid for ever inside identity numbers, so a tree with history is wanted. Without a tree
//! only the province (the first two digits) is checked, against the provinces of GB/T 2260.

use std::collections::{HashMap, HashSet};

/// Provinces by the first two digits.
const PROVINCES: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82, 83,
];

/// A region tree, or the absence of one.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    /// Codes of counties, six digits, present and past; empty when there is no tree.
    codes: HashSet<u32>,
    /// Second digits of the provinces from 9 that the tree knows: invented ones, of demo tenants.
    invented: HashSet<u8>,
    /// Names of counties, with and without their last word, where the name stands for one code only.
    counties: HashMap<String, u32>,
}

impl Regions {
    /// Reads a table with a heading: a column `code` (代码) and a column `name` (名称); other columns are not needed. Codes
    /// longer than six digits (towns, villages) add their county. Lines that do not fit are skipped and counted.
    #[must_use]
    pub fn read(text: &str) -> (Regions, usize) {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        let heading: Vec<&str> = lines.next().unwrap_or("").split([',', '\t']).map(unquoted).collect();
        let place = |names: &[&str]| heading.iter().position(|column| names.contains(column));
        let code_at = place(&["code", "代码", "区划代码"]).unwrap_or(0);
        let name_at = place(&["name", "名称", "区划名称"]).unwrap_or(1);
        let mut regions = Regions::default();
        let mut ambiguous = HashSet::new();
        let mut skipped = 0;
        for line in lines {
            let columns: Vec<&str> = line.split([',', '\t']).map(unquoted).collect();
            let code =
                columns.get(code_at).and_then(|code| code.get(..code.len().min(6)).filter(|code| code.len() == 6));
            let (Some(Ok(code)), Some(name)) = (code.map(str::parse::<u32>), columns.get(name_at)) else {
                skipped += 1;
                continue;
            };
            regions.codes.insert(code);
            if code / 100_000 == 9 {
                regions.invented.insert(b'0' + u8::try_from(code / 10_000 % 10).unwrap_or(0));
            }
            let is_county = code % 100 != 0 && columns.get(code_at).is_some_and(|code| code.len() == 6);
            if is_county {
                regions.add_name(name, code, &mut ambiguous);
            }
        }
        for name in ambiguous {
            regions.counties.remove(&name);
        }
        (regions, skipped)
    }

    fn add_name(&mut self, name: &str, code: u32, ambiguous: &mut HashSet<String>) {
        let characters = name.chars().count();
        let mut names = vec![name.to_owned()];
        if characters > 2 && name.ends_with(['市', '区', '县', '旗']) {
            names.push(name.chars().take(characters - 1).collect());
        }
        for name in names {
            if self.counties.insert(name.clone(), code).is_some_and(|other| other != code) {
                ambiguous.insert(name);
            }
        }
    }

    /// Is there a tree?
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.codes.is_empty()
    }

    /// Could a resident number begin with these six digits? Provinces from 9 are real only where the tree
    /// knows them; inside a province every county is accepted, because numbers live longer than counties.
    #[must_use]
    pub fn is_region_of_resident(&self, digits: &[u8]) -> bool {
        if let [b'9', second, ..] = digits {
            return self.invented.contains(second);
        }
        self.is_province(&digits[..2.min(digits.len())])
    }

    /// Is it the number of a province?
    #[must_use]
    pub fn is_province(&self, digits: &[u8]) -> bool {
        let [tens, units] = digits else { return false };
        PROVINCES.contains(&(tens.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(units.wrapping_sub(b'0'))))
    }

    /// The county that a text names, if the tree knows exactly one of that name.
    #[must_use]
    pub fn county(&self, name: &str) -> Option<u32> {
        self.counties.get(name).copied()
    }
}

fn unquoted(column: &str) -> &str {
    column.trim().trim_matches('"')
}
