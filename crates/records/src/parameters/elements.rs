//! The elements that search expressions walk through: their names in JSON and their types.
//!
//! `elements.tsv` is taken from the R4 structure definitions (4.0.1): parent type, element, then for each type that the
//! element can have `name in JSON|type|system`, where the system is that of a `code` bound (required) to one code system.
//! Elements with children of their own have their path as type (`Patient.contact`).

/// One type that an element can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    /// Name of the member in JSON: a choice has one for each type (`valueQuantity`).
    pub json_name: &'static str,
    /// Datatype, or path of an element with children.
    pub type_name: &'static str,
    /// System of a `code`.
    pub code_system: Option<&'static str>,
}

const TABLE: &str = include_str!("elements.tsv");

/// What `name` can be inside `type_name`; nothing when there is no such element.
pub(super) fn children(type_name: &str, name: &str) -> Vec<Child> {
    let line = TABLE.lines().find_map(|line| {
        let mut columns = line.split('\t');
        let here = columns.next() == Some(type_name) && columns.next() == Some(name);
        if here { columns.next() } else { None }
    });
    let child = |text: &'static str| {
        let mut parts = text.split('|');
        Some(Child { json_name: parts.next()?, type_name: parts.next()?, code_system: parts.next() })
    };
    line.into_iter().flat_map(|types| types.split(' ')).filter_map(child).collect()
}
