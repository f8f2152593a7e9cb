//! The national shared documents (WS/T 500-2016 电子病历共享文档, WS/T 483-2016 健康档案共享文档) as data: document types,
//! their sections and entries as trees, value tables, object identifiers, the order of elements, and what becomes which part
//! of which FHIR resource. Reader, generator and viewer are driven by these tables; none of them knows a document type.
//!
//! The tables are in `standards/facts/wst500/` (restated facts, see the NOTICE there) and `standards/cda/` (ours).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use model::Severity;
use serde::Deserialize;

use crate::cda_mapping::{Header, Mapping};

/// Object identifier of the catalogue of data elements (卫生信息数据元目录).
pub const DATA_ELEMENTS: &str = "2.16.156.10011.2.2.1";
/// Object identifier of the dataset of the inpatient front page, whose internal identifiers stand for its fees.
pub const FRONT_PAGE_ELEMENTS: &str = "2.16.156.10011.2.2.4";
/// Object identifier of the document codes (卫生信息共享文档规范编码体系).
pub const DOCUMENT_CODES: &str = "2.16.156.10011.2.4";
/// Object identifier of LOINC, whose codes name most sections.
pub const LOINC: &str = "2.16.840.1.113883.6.1";

/// One type of shared document.
#[derive(Debug)]
pub struct Document {
    /// `C0007`, `HSDB04.01`.
    pub code: &'static str,
    /// `WS/T 500-2016`.
    pub standard: &'static str,
    /// The object identifier of its template.
    pub template: &'static str,
    /// 检验报告.
    pub title: &'static str,
    /// In order; empty for the types of which only the header is known.
    pub sections: Vec<Section>,
}

/// One section (章节) of a document type.
#[derive(Debug)]
pub struct Section {
    /// Position in the document, from 0.
    pub number: usize,
    /// LOINC code or data element id; empty for sections that are known by name only.
    pub code: &'static str,
    /// Object identifier of the system of `code`.
    pub system: &'static str,
    /// The name as the documents write it.
    pub name: &'static str,
    /// Entries in document order; nesting is in [`Entry::parent`] and [`Entry::children`].
    pub entries: Vec<Entry>,
}

impl Section {
    /// Positions in [`Section::entries`] of the entries that hang directly on the section.
    pub fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.parent.is_none()).map(|(position, _)| position)
    }
}

/// One entry (条目) of a section: an act with its data element.
#[derive(Debug)]
pub struct Entry {
    /// Position of the entry that it hangs on, in the same section.
    pub parent: Option<usize>,
    /// Positions of the entries that hang on it, in order.
    pub children: Vec<usize>,
    /// How it hangs on its parent: `entry`, `component`, `entryRelationship`.
    pub relation: &'static str,
    /// `observation`, `organizer`, `procedure`, `substanceAdministration`, `act`.
    pub act: &'static str,
    /// `classCode`: `OBS`, `CLUSTER`, `BATTERY`, `PROC`, `SBADM`, `ACT`.
    pub class: &'static str,
    /// Data element (`DE05.01.024.00`, `HDSD00.11.142`) or empty.
    pub code: &'static str,
    /// The name in this place: 入院诊断-西医诊断编码.
    pub name: &'static str,
    /// `ST`, `CD`, `PQ`, `INT`, `REAL`, `MO`, `BL`, `TS`, `ED`; empty when it has no value.
    pub value_type: &'static str,
    /// Object identifier of the value table of a `CD`, or of the code of a procedure; empty when not known.
    pub table: &'static str,
    /// The unit that the template prescribes, empty when none.
    pub unit: &'static str,
    /// Whether it comes as often as there are things to say.
    pub repeats: bool,
    /// `both` sources, `one`, `repaired`, `completed`.
    pub evidence: &'static str,
}

/// The value table of a coded data element.
#[derive(Debug)]
pub struct ValueTable {
    /// Object identifier; empty when nobody could name it.
    pub system: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Other object identifiers that documents in use write for the same table.
    pub accepted: Vec<&'static str>,
}

/// What the catalogue says about one rule of the reader.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `cda.template-id.mismatch`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Title in Chinese, shown to people at the hospital.
    pub zh: String,
    /// Title in English.
    pub en: String,
    /// What the sender can do, in Chinese.
    #[serde(default)]
    pub hint: String,
}

/// Order and vocabulary of the document's elements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skeleton {
    /// The order of children, by the name of the parent.
    pub order: HashMap<String, Vec<String>>,
    /// Names that occur but whose order is not checked.
    pub other: Vec<String>,
    /// Chinese names of sections that documents name in English, as they write them.
    pub section_names: HashMap<String, String>,
    /// Misspellings seen in documents in use that are too far from the right name to be recognised by themselves.
    pub misspelt: HashMap<String, String>,
    /// Names of both lists.
    #[serde(skip)]
    names: HashSet<String>,
}

impl Skeleton {
    /// Whether the name is one that a document may use.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// All document types, those of WS/T 483 first.
#[must_use]
pub fn documents() -> &'static [Document] {
    &TABLES.documents
}

/// A document type by its code.
#[must_use]
pub fn document(code: &str) -> Option<&'static Document> {
    TABLES.by_code.get(code).map(|position| &TABLES.documents[*position])
}

/// A document type by the object identifier of its template.
#[must_use]
pub fn document_of_template(template: &str) -> Option<&'static Document> {
    TABLES.by_template.get(template).map(|position| &TABLES.documents[*position])
}

/// The value table of a coded data element.
#[must_use]
pub fn value_table(element: &str) -> Option<&'static ValueTable> {
    TABLES.value_tables.get(element)
}

/// The name of a code system by its object identifier.
#[must_use]
pub fn code_system_name(system: &str) -> Option<&'static str> {
    TABLES.code_systems.get(system).copied()
}

/// The name of a data element in the catalogue; `None` when the catalogue does not have it.
#[must_use]
pub fn element_name(id: &str) -> Option<&'static str> {
    TABLES.element_names.get(id).copied()
}

/// Order and vocabulary.
#[must_use]
pub fn skeleton() -> &'static Skeleton {
    &SKELETON
}

/// Which part of the header is which data element and identifier.
#[must_use]
pub fn header() -> &'static Header {
    &HEADER
}

/// Which entries become which resources.
#[must_use]
pub fn mapping() -> &'static Mapping {
    &MAPPING
}

/// The rules of the reader, by id.
#[must_use]
pub fn rules() -> &'static HashMap<String, Rule> {
    &RULES
}

struct Tables {
    documents: Vec<Document>,
    by_code: HashMap<&'static str, usize>,
    by_template: HashMap<&'static str, usize>,
    value_tables: HashMap<&'static str, ValueTable>,
    code_systems: HashMap<&'static str, &'static str>,
    element_names: HashMap<&'static str, &'static str>,
}

/// The rows of a tab-separated table without its header.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().skip(1).map(|line| line.split('\t').collect())
}

fn cell(row: &[&'static str], position: usize) -> &'static str {
    row.get(position).copied().unwrap_or_default()
}

fn read_tables() -> Tables {
    let mut documents: Vec<Document> = rows(include_str!("../../../standards/facts/wst500/documents.tsv"))
        .map(|row| Document {
            code: cell(&row, 0),
            standard: cell(&row, 1),
            template: cell(&row, 3),
            title: cell(&row, 4),
            sections: Vec::new(),
        })
        .collect();
    let by_code: HashMap<_, _> = documents.iter().enumerate().map(|(position, one)| (one.code, position)).collect();
    let by_template = documents.iter().enumerate().map(|(position, one)| (one.template, position)).collect();
    for row in rows(include_str!("../../../standards/facts/wst500/sections.tsv")) {
        let Some(position) = by_code.get(cell(&row, 0)) else { continue };
        let sections = &mut documents[*position].sections;
        let number = sections.len();
        sections.push(Section {
            number,
            code: cell(&row, 2),
            system: cell(&row, 3),
            name: cell(&row, 4),
            entries: Vec::new(),
        });
    }
    for row in rows(include_str!("../../../standards/facts/wst500/entries.tsv")) {
        let number = cell(&row, 1).parse::<usize>().unwrap_or(usize::MAX);
        let section = by_code.get(cell(&row, 0)).and_then(|position| documents[*position].sections.get_mut(number));
        let Some(section) = section else { continue };
        let position = section.entries.len();
        let parent = cell(&row, 3).parse::<usize>().ok().map(|number| number - 1);
        section.entries.push(Entry {
            parent,
            children: Vec::new(),
            relation: cell(&row, 4),
            act: cell(&row, 5),
            class: cell(&row, 6),
            code: cell(&row, 7),
            name: cell(&row, 8),
            value_type: cell(&row, 9),
            table: cell(&row, 10),
            unit: cell(&row, 11),
            repeats: cell(&row, 12) == "yes",
            evidence: cell(&row, 13),
        });
        if let Some(parent) = parent.and_then(|parent| section.entries.get_mut(parent)) {
            parent.children.push(position);
        }
    }
    Tables {
        documents,
        by_code,
        by_template,
        value_tables: rows(include_str!("../../../standards/facts/wst500/value_tables.tsv"))
            .map(|row| {
                let accepted = cell(&row, 3).split_whitespace().collect();
                (cell(&row, 0), ValueTable { system: cell(&row, 1), name: cell(&row, 2), accepted })
            })
            .collect(),
        code_systems: pairs(include_str!("../../../standards/facts/wst500/code_systems.tsv")),
        element_names: pairs(include_str!("../../../standards/facts/wst500/element_names.tsv")),
    }
}

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str> {
    rows(text).map(|row| (cell(&row, 0), cell(&row, 1))).collect()
}

static TABLES: LazyLock<Tables> = LazyLock::new(read_tables);

static SKELETON: LazyLock<Skeleton> = LazyLock::new(|| {
    let mut skeleton: Skeleton = embedded(include_str!("../../../standards/cda/skeleton.toml"));
    let names = skeleton.order.iter().flat_map(|(parent, children)| std::iter::once(parent).chain(children));
    skeleton.names = names.chain(&skeleton.other).cloned().collect();
    skeleton
});

static HEADER: LazyLock<Header> = LazyLock::new(|| embedded(include_str!("../../../standards/cda/header.toml")));

static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
    let files = [
        include_str!("../../../standards/cda/laboratory.toml"),
        include_str!("../../../standards/cda/examination.toml"),
        include_str!("../../../standards/cda/prescription.toml"),
        include_str!("../../../standards/cda/orders.toml"),
        include_str!("../../../standards/cda/stay.toml"),
        include_str!("../../../standards/cda/common.toml"),
    ];
    let mut mapping = Mapping::default();
    for file in files {
        mapping.join(embedded(file));
    }
    mapping.index();
    mapping
});

static RULES: LazyLock<HashMap<String, Rule>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        rule: Vec<Rule>,
    }
    let file: File = embedded(include_str!("../../../standards/rules/cda.toml"));
    file.rule.into_iter().map(|rule| (rule.id.clone(), rule)).collect()
});

/// A file that is part of the binary: that it parses is a test, not a case at run time.
#[expect(clippy::panic, reason = "an embedded file that does not parse is a bug that the first test shows")]
fn embedded<T: serde::de::DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("embedded standards/cda file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_types_sections_and_entries_are_there() {
        assert_eq!(documents().len(), 73);
        assert_eq!(documents().iter().map(|one| one.sections.len()).sum::<usize>(), 325);
        let entries =
            documents().iter().flat_map(|one| &one.sections).map(|section| section.entries.len()).sum::<usize>();
        assert!(entries >= 1268, "{entries}");
        assert_eq!(document_of_template("2.16.156.10011.2.1.1.27").map(|one| one.code), Some("C0007"));
        for section in documents().iter().flat_map(|one| &one.sections) {
            assert!(!section.entries.is_empty(), "{}", section.name);
        }
    }

    #[test]
    fn identifiers_are_well_formed_and_trees_are_whole() {
        for document in documents() {
            for section in &document.sections {
                for (position, entry) in section.entries.iter().enumerate() {
                    let place = format!("{} {} {}", document.code, section.name, entry.name);
                    assert!(
                        entry.code.is_empty() || element_name(entry.code).is_some() || entry.code == "DE05.01.078.00",
                        "{place}"
                    );
                    assert_eq!(entry.parent.is_none(), entry.relation == "entry", "{place}");
                    assert!(entry.parent.is_none_or(|parent| parent < position), "{place}");
                    assert!(entry.code.is_empty() || !entry.name.is_empty(), "{place}");
                    assert!(
                        entry.act != "observation" || entry.code.is_empty() || !entry.value_type.is_empty(),
                        "{place}"
                    );
                    assert!(entry.value_type != "CD" || value_table(entry.code).is_some(), "{place}");
                }
            }
        }
    }

    #[test]
    fn embedded_files_parse() {
        assert!(skeleton().knows("ClinicalDocument"));
        assert!(!header().element.is_empty());
        assert!(!mapping().fact.is_empty());
        assert!(!rules().is_empty());
    }
}
