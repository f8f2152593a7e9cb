//! A mapping file made ready: names looked up once, templates parsed once.

use std::collections::HashMap;
use std::sync::LazyLock;

use standards::tables::{Context, Flag, Table, tables};

use super::header;
use super::template::{Expression, Template};
use crate::reading::{Act, TimeOf};

/// Why a mapping cannot be used; only tests and authors of mappings see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MappingError {
    #[error("{0}: no column {1}")]
    Column(String, String),
    #[error("{0}: {1} is no expression: {2}")]
    Expression(String, String, &'static str),
    #[error("{0}: the template of {1} is no JSON: {2}")]
    Json(String, String, String),
    #[error("{0}: {1} is no kind of claim, or its key has another number of parts")]
    Claim(String, String),
    #[error("{0}: {1} is neither change nor sending")]
    TimeOf(String, String),
    #[error("{0}: {1} is neither replace, merge nor mention")]
    Act(String, String),
}

/// A mapping with everything looked up.
pub(super) struct Mapping {
    pub table: &'static Table,
    pub record_type: String,
    names: HashMap<String, usize>,
    /// `names_of_values`, in an order in which each needs only earlier ones.
    pub values: Vec<(String, Expression)>,
    pub flags: Vec<(String, usize, &'static Flag, Option<usize>)>,
    pub facts: Vec<FactPlan>,
    /// Columns of the time of a row, the best first, and of what each is the time.
    pub effective: Vec<(usize, TimeOf)>,
    pub business_day: Vec<usize>,
    pub amount: Option<Expression>,
    /// Columns that no template uses and that are not about the sending: they go to the main fact as they are.
    pub unplaced: Vec<usize>,
    /// Number of digits that the format fixes, per column.
    pub digits: Vec<Option<usize>>,
    pub institution: Option<usize>,
    pub branch: Option<usize>,
}

/// A fact with everything looked up.
pub(super) struct FactPlan {
    pub label: String,
    pub kind: &'static str,
    pub key: Vec<Expression>,
    pub act: Act,
    pub needed: bool,
    pub main: bool,
    /// Rows without the number that ends the key are told apart by their order.
    pub is_counted: bool,
    /// The flag and whether it must stand.
    pub when: Option<(usize, bool)>,
    pub with: Option<usize>,
    pub resource: Template,
}

static MAPPINGS: LazyLock<Vec<Mapping>> =
    // A test compiles every mapping: one with a mistake never leaves the workshop.
    LazyLock::new(|| tables().iter().filter_map(|table| Mapping::new(table).ok()).collect());

/// Every mapping that the product brings.
pub(super) fn mappings() -> &'static [Mapping] {
    &MAPPINGS
}

/// Kinds of claims that tables use, and the number of parts of their keys (`standards/claims/claims.toml`; a test compares).
const CLAIMS: [(&str, usize); 18] = [
    ("organization", 1),
    ("department", 2),
    ("practitioner", 2),
    ("registration", 2),
    ("visit", 4),
    ("visit_condition", 5),
    ("visit_procedure", 5),
    ("visit_observation", 5),
    ("visit_allergy", 5),
    ("report", 3),
    ("result", 5),
    ("specimen", 2),
    ("service_order", 2),
    ("prescription_line", 3),
    ("charge", 4),
    ("document", 2),
    ("contract", 2),
    ("immunization", 2),
];

impl Mapping {
    pub fn new(table: &'static Table) -> Result<Self, MappingError> {
        let mut names = HashMap::new();
        for (at, column) in table.column.iter().enumerate() {
            for sent in std::iter::once(&column.name).chain(&column.aliases).chain(std::iter::once(&column.title)) {
                names.entry(header::name(sent)).or_insert(at);
            }
        }
        let mut mapping = Self {
            table,
            record_type: format!("table:{}", table.id),
            names,
            values: Vec::new(),
            flags: Vec::new(),
            facts: Vec::new(),
            effective: Vec::new(),
            business_day: Vec::new(),
            amount: None,
            unplaced: Vec::new(),
            digits: table.column.iter().map(|column| fixed_digits(&column.format)).collect(),
            institution: table.column.iter().position(|column| column.name == "YLJGDM"),
            branch: table.column.iter().position(|column| column.name == "YQDM"),
        };
        for name in &table.effective {
            let column = mapping.column(name)?;
            let of = match table.column[column].time_of.as_str() {
                "change" => TimeOf::Change,
                "sending" => TimeOf::Sending,
                "" => TimeOf::Event,
                other => return Err(MappingError::TimeOf(table.id.clone(), other.to_owned())),
            };
            mapping.effective.push((column, of));
        }
        for name in &table.business_day {
            mapping.business_day.push(mapping.column(name)?);
        }
        for (name, flag) in &table.flag {
            let negative = flag.negative.as_deref().map(|column| mapping.column(column)).transpose()?;
            mapping.flags.push((name.clone(), mapping.column(&flag.column)?, flag, negative));
        }
        for (name, text) in &table.names_of_values {
            let expression = mapping.expression(text)?;
            mapping.values.push((name.clone(), expression));
        }
        if !table.amount.is_empty() {
            mapping.amount = Some(mapping.expression(&table.amount)?);
        }
        mapping.facts(table)?;
        mapping.find_unplaced();
        Ok(mapping)
    }

    fn facts(&mut self, table: &'static Table) -> Result<(), MappingError> {
        let id = &table.id;
        for fact in &table.fact {
            let wrong = || MappingError::Claim(id.clone(), fact.claim.clone());
            let (kind, parts) = *CLAIMS.iter().find(|(kind, _)| *kind == fact.claim).ok_or_else(wrong)?;
            if parts != fact.key.len() {
                return Err(wrong());
            }
            let act = match fact.act.as_str() {
                "replace" => Act::Replace,
                "merge" => Act::Merge,
                "mention" => Act::Mention,
                other => return Err(MappingError::Act(id.clone(), other.to_owned())),
            };
            let key = fact.key.iter().map(|part| self.expression(part)).collect::<Result<Vec<_>, _>>()?;
            let when = match fact.when.strip_prefix('!').unwrap_or(&fact.when) {
                "" => None,
                flag => Some((self.flag(flag)?, !fact.when.starts_with('!'))),
            };
            let with = if fact.with.is_empty() { None } else { Some(self.column(&fact.with)?) };
            let json = serde_json::from_str(&fact.resource)
                .map_err(|error| MappingError::Json(id.clone(), fact.claim.clone(), error.to_string()))?;
            let resource = Template::new(&json, self)?;
            let label = if fact.label.is_empty() { fact.claim.clone() } else { fact.label.clone() };
            let (needed, main, is_counted) = (fact.needed, fact.main, fact.is_counted);
            self.facts.push(FactPlan { label, kind, key, act, needed, main, is_counted, when, with, resource });
        }
        Ok(())
    }

    fn find_unplaced(&mut self) {
        let mut used = vec![false; self.table.column.len()];
        let mut mark = |column: usize| used[column] = true;
        for (_, expression) in &self.values {
            expression.columns(&mut mark);
        }
        for (_, column, _, _) in &self.flags {
            mark(*column);
        }
        for fact in &self.facts {
            fact.key.iter().for_each(|part| part.columns(&mut mark));
            fact.resource.columns(&mut mark);
        }
        let columns = self.table.column.iter().enumerate();
        self.unplaced = columns.filter(|(at, column)| !used[*at] && !column.envelope).map(|(at, _)| at).collect();
    }

    /// The column of a header's name (cleaned, in capitals).
    pub fn column_of(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The column of a mapping's own name.
    pub fn column(&self, name: &str) -> Result<usize, MappingError> {
        let at = self.table.column.iter().position(|column| column.name == name);
        at.ok_or_else(|| MappingError::Column(self.table.id.clone(), name.to_owned()))
    }

    /// The position of a flag.
    pub fn flag(&self, name: &str) -> Result<usize, MappingError> {
        let at = self.flags.iter().position(|(flag, ..)| flag == name);
        at.ok_or_else(|| MappingError::Expression(self.table.id.clone(), name.to_owned(), "no such flag"))
    }

    /// The position of a named value.
    pub fn value(&self, name: &str) -> Option<usize> {
        self.values.iter().position(|(value, _)| value == name)
    }

    /// The earlier facts with this label or of this kind of claim: a visit has one template when it stands and one when it is withdrawn.
    pub fn facts_named(&self, name: &str) -> Option<Vec<usize>> {
        let facts = self.facts.iter().enumerate().filter(|(_, fact)| fact.label == name || fact.kind == name);
        let found: Vec<usize> = facts.map(|(at, _)| at).collect();
        (!found.is_empty()).then_some(found)
    }

    pub fn expression(&self, text: &str) -> Result<Expression, MappingError> {
        Expression::parse(text, self)
            .map_err(|why| MappingError::Expression(self.table.id.clone(), text.to_owned(), why))?
            .ok_or_else(|| MappingError::Expression(self.table.id.clone(), text.to_owned(), "does not begin with $"))
    }

    /// What may stand in a column, as far as words for "nothing" care.
    pub fn kind(&self, column: usize) -> Context {
        self.table.column[column].kind
    }
}

/// `N6`, `AN10` fix the number of characters; only purely numeric formats can lose zeros.
fn fixed_digits(format: &str) -> Option<usize> {
    let digits = format.strip_prefix('N')?;
    digits.parse().ok().filter(|digits| *digits > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mapping_compiles() {
        for table in tables() {
            if let Err(error) = Mapping::new(table) {
                panic!("{error}");
            }
        }
        assert_eq!(mappings().len(), tables().len());
    }

    #[test]
    fn claims_are_those_of_the_catalogue() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../standards/claims/claims.toml"))
            .unwrap();
        for (kind, parts) in CLAIMS {
            let from = text.find(&format!("kind = \"{kind}\"\n")).unwrap_or_else(|| panic!("no claim {kind}"));
            let key = text[from..].lines().find(|line| line.starts_with("key")).unwrap();
            assert_eq!(key.matches(',').count() + 1, parts, "{kind}");
        }
    }
}
