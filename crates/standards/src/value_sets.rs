//! Value domains (卫生信息数据元值域, WS 364) and the national code tables that health data use (GB/T 2261 …).
//!
//! Of most tables of WS 364 only the name is at hand. So a question about a code has three answers: known, unknown, and **not
//! loaded**: a code whose table is not there, or not wholly there, cannot be checked and is never called valid.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use crate::elements::{self, lines};

/// What a table says about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The code stands in the table, with this meaning.
    Known(&'static str),
    /// The whole table is loaded and the code is not in it.
    Unknown,
    /// The table is not loaded, or only a part of it that does not have the code: not checkable.
    NotLoaded,
}

/// How much of a table is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All codes.
    Whole,
    /// Some codes: a code that is missing may still be right.
    Part,
    /// Only the name.
    NameOnly,
}

/// A code table (值域代码表).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `CV02.01.101`, `GB/T 2261.1`.
    pub id: &'static str,
    /// `身份证件类别代码`.
    pub name: &'static str,
    /// The object identifier that documents use for it (2.16.156.10011.2.3…), empty when it is not known.
    pub object_identifier: &'static str,
    /// How much of it is loaded.
    pub content: Content,
    /// Where the codes were read: no official text of WS 364 is at hand, so no table counts as verified.
    pub source: &'static str,
    /// Whether the codes were compared with the official text. See the NOTICE beside the files.
    pub verified: bool,
    codes: HashMap<&'static str, &'static str>,
    /// Codes with `X` for any digit, as the standard writes places that are left to extension: `6XX`.
    patterns: Vec<(&'static str, &'static str)>,
    /// Codes in the order of the table.
    order: Vec<&'static str>,
}

impl Table {
    /// What the table says about a code. Codes are compared as they are written: `1` is not `01` (see [`Table::padded`]).
    #[must_use]
    pub fn lookup(&self, code: &str) -> Lookup {
        if let Some(meaning) = self.codes.get(code) {
            return Lookup::Known(meaning);
        }
        if let Some((_, meaning)) = self.patterns.iter().find(|(pattern, _)| fits(pattern, code)) {
            return Lookup::Known(meaning);
        }
        if self.content == Content::Whole { Lookup::Unknown } else { Lookup::NotLoaded }
    }

    /// The code of the table that differs from a given one only in leading zeros, which spreadsheets drop and old systems add.
    #[must_use]
    pub fn padded(&self, code: &str) -> Option<&'static str> {
        let bare = code.trim_start_matches('0');
        self.order.iter().copied().find(|known| *known != code && known.trim_start_matches('0') == bare)
    }

    /// The code whose meaning is written exactly so: what a system sends that puts the word in the place of the code.
    #[must_use]
    pub fn code_of(&self, meaning: &str) -> Option<&'static str> {
        self.order.iter().copied().find(|code| self.codes.get(code).is_some_and(|known| *known == meaning))
    }

    /// The codes with their meanings, in the order of the table.
    pub fn codes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.order.iter().map(|code| (*code, self.codes.get(code).copied().unwrap_or_default()))
    }
}

fn fits(pattern: &str, code: &str) -> bool {
    pattern.len() == code.len()
        && pattern
            .bytes()
            .zip(code.bytes())
            .all(|(want, is)| if want == b'X' { is.is_ascii_digit() } else { want == is })
}

static TABLES: LazyLock<BTreeMap<&'static str, Table>> = LazyLock::new(|| {
    let mut tables = BTreeMap::new();
    for (_, [id, name, object_identifier, content, source]) in
        lines(include_str!("../../../standards/facts/ws364/tables.tsv"))
    {
        let content = match content {
            "yes" => Content::Whole,
            "part" => Content::Part,
            _ => Content::NameOnly,
        };
        tables.insert(
            id,
            Table {
                id,
                name,
                object_identifier,
                content,
                source,
                verified: false,
                codes: HashMap::new(),
                patterns: Vec::new(),
                order: Vec::new(),
            },
        );
    }
    for (_, [id, code, meaning]) in lines(include_str!("../../../standards/facts/ws364/values.tsv")) {
        let Some(table) = tables.get_mut(id) else { continue };
        table.order.push(code);
        table.codes.insert(code, meaning);
        // Letters are codes of their own in tables such as WS 218: only a digit before the X makes a pattern.
        if code.ends_with('X') && code.starts_with(|first: char| first.is_ascii_digit()) {
            table.patterns.push((code, meaning));
        }
    }
    tables
});

static BY_OBJECT_IDENTIFIER: LazyLock<HashMap<&'static str, &'static Table>> = LazyLock::new(|| {
    TABLES
        .values()
        .filter(|table| !table.object_identifier.is_empty())
        .map(|table| (table.object_identifier, table))
        .collect()
});

/// All tables by identifier.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.values()
}

/// The table of that identifier.
#[must_use]
pub fn table(id: &str) -> Option<&'static Table> {
    TABLES.get(id)
}

/// The table that documents name by that object identifier.
#[must_use]
pub fn by_object_identifier(oid: &str) -> Option<&'static Table> {
    BY_OBJECT_IDENTIFIER.get(oid).copied()
}

/// What the table, or the table of the data element, says about a code. A name that is neither is not loaded.
#[must_use]
pub fn lookup(element_or_table: &str, code: &str) -> Lookup {
    table(element_or_table)
        .or_else(|| elements::element(element_or_table).and_then(|element| table(element.table.as_deref()?)))
        .map_or(Lookup::NotLoaded, |table| table.lookup(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_unknown_or_not_checkable() {
        assert_eq!(lookup("DE02.01.040.00", "1"), Lookup::Known("男性"));
        assert_eq!(lookup("GB/T 2261.1", "3"), Lookup::Unknown);
        assert_eq!(lookup("CV02.01.101", "03"), Lookup::Known("护照"));
        // Only the name of this table is known.
        assert_eq!(lookup("CV08.50.002", "00"), Lookup::NotLoaded);
        // A part of this table is known.
        assert_eq!(lookup("CV05.10.010", "1"), Lookup::Known("治愈"));
        assert_eq!(lookup("CV05.10.010", "7"), Lookup::NotLoaded);
        assert_eq!(lookup("no such table", "1"), Lookup::NotLoaded);
    }

    #[test]
    fn an_x_stands_for_any_digit() {
        assert_eq!(lookup("CV06.00.102", "699"), Lookup::Known("局部用药扩充内容"));
        assert_eq!(lookup("CV06.00.102", "6A9"), Lookup::Unknown);
    }

    #[test]
    fn zeros_and_words_lead_to_the_code() {
        let nation = table("GB/T 3304").expect("a table");
        assert_eq!((nation.lookup("1"), nation.padded("1")), (Lookup::Unknown, Some("01")));
        assert_eq!(nation.code_of("汉族"), Some("01"));
        assert_eq!(by_object_identifier("2.16.156.10011.2.3.3.3").map(|table| table.id), Some("GB/T 3304"));
    }

    #[test]
    fn every_value_belongs_to_a_table_and_stands_once() {
        let text = include_str!("../../../standards/facts/ws364/values.tsv");
        let mut seen = std::collections::BTreeSet::new();
        for (line, [id, code, meaning]) in lines(text) {
            assert!(table(id).is_some_and(|table| table.content != Content::NameOnly), "line {line}");
            assert!(!code.is_empty() && !meaning.is_empty() && seen.insert((id, code)), "line {line}");
        }
        assert!(tables().filter(|table| table.content == Content::Whole).count() >= 40);
        assert!(tables().count() >= 269);
    }
}
