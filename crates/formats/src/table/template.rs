//! Templates of mapping files: JSON in which a text that begins with `$` is filled from the row.
//!
//! | expression | gives |
//! |---|---|
//! | `$COLUMN` | the text of a column, cleaned |
//! | `$name` | a named value of the mapping (`names_of_values`) |
//! | `$id:COLUMN`, `$id:COLUMN?` | a number of a person or thing, half width; with `?` an empty text instead of nothing |
//! | `$text:text` | the text itself |
//! | `$first:A,B`, `$first-or-nothing:A,B` | the first of the columns that has a value, as `$id`; or else an empty text |
//! | `$default:COLUMN:text` | the column or else the text |
//! | `$join:A\|B,C` | column A, or else B and C one behind the other |
//! | `$time:COLUMN`, `$date:`, `$day:`, `$instant:` | a dateTime; a day or less; exactly a day; a time with seconds |
//! | `$number:COLUMN`, `$signed:COLUMN:flag` | a number with its digits; below zero when the flag stands |
//! | `$quantity:VALUE:UNIT` | a Quantity with the unit as sent, or `'unit` as the mapping says |
//! | `$not:flag` | whether a flag does not stand |
//! | `$result:VALUE:UNIT` under `value[x]` | Quantity, Range or text, whatever it is |
//! | `$range:COLUMN:UNIT`, `$interpretation:COLUMN` | a reference range; an interpretation through the map of that name |
//! | `$gender:COLUMN`, `$encounter-class` | codes of FHIR |
//! | `$map:name:COLUMN` | the column through a map of the mapping |
//! | `$concept:system:CODE:NAME` | a CodeableConcept; the system is `icd10`, `icd9cm3` or one of the institution |
//! | `$system:what`, `$document-system:TYPE:NUMBER` | systems of identifiers |
//! | `$reference:label` | a reference to an earlier fact of the row with this label or of this kind |
//! | `$flag:a=x,b=y,z` | x when flag a stands, else y when b stands, else z (which may be an expression) |
//!
//! What the row does not say is left out; an object all of whose filled members are absent is left out; so is an object
//! without a member whose name ends in `!`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::mapping::{Mapping, MappingError};
use super::row::Row;

/// JSON with expressions.
#[derive(Debug)]
pub(super) enum Template {
    /// As it stands.
    Constant(Value),
    /// Filled from the row.
    Filled(Expression),
    /// Members with their names; the second part of a member says whether the object is nothing without it.
    Object { members: Vec<Member>, filled: bool },
    /// Items; absent ones are left out.
    Array(Vec<Template>),
}

#[derive(Debug)]
pub(super) struct Member {
    name: String,
    essential: bool,
    /// The member's name depends on the value (`value[x]`).
    choice: bool,
    value: Template,
    /// Says something about the row, rather than about the world.
    filled: bool,
}

/// A column's place in the mapping.
pub(super) type ColumnIndex = usize;

#[derive(Debug)]
pub(super) enum Expression {
    Text(ColumnIndex),
    Value(usize),
    Identifier {
        column: ColumnIndex,
        optional: bool,
    },
    First(Vec<ColumnIndex>),
    Default {
        column: ColumnIndex,
        text: String,
    },
    Join {
        whole: ColumnIndex,
        parts: Vec<ColumnIndex>,
    },
    Time(ColumnIndex),
    Date(ColumnIndex),
    Day(ColumnIndex),
    Instant(ColumnIndex),
    Number(ColumnIndex),
    Signed {
        column: ColumnIndex,
        flag: usize,
    },
    Literal(String),
    FirstOrNothing(Vec<ColumnIndex>),
    Not(usize),
    Quantity {
        value: ColumnIndex,
        unit: Unit,
    },
    Result {
        value: ColumnIndex,
        unit: Unit,
    },
    Range {
        column: ColumnIndex,
        unit: Unit,
    },
    Interpretation {
        column: ColumnIndex,
        map: &'static BTreeMap<String, String>,
    },
    Gender(ColumnIndex),
    EncounterClass(usize),
    Mapped {
        column: ColumnIndex,
        map: &'static BTreeMap<String, String>,
    },
    Concept {
        system: String,
        code: Option<ColumnIndex>,
        name: Option<ColumnIndex>,
    },
    System(String),
    DocumentSystem {
        kind: ColumnIndex,
        number: ColumnIndex,
    },
    /// The first of these facts that the row has.
    Reference(Vec<usize>),
    Flag {
        cases: Vec<(usize, String)>,
        otherwise: Box<Otherwise>,
    },
}

/// Where the unit of a number comes from.
#[derive(Debug)]
pub(super) enum Unit {
    None,
    Column(ColumnIndex),
    Literal(String),
}

#[derive(Debug)]
pub(super) enum Otherwise {
    Text(String),
    Filled(Expression),
}

impl Template {
    pub fn new(json: &Value, mapping: &Mapping) -> Result<Self, MappingError> {
        Ok(match json {
            Value::String(text) if text.starts_with('$') => Self::Filled(mapping.expression(text)?),
            Value::Object(object) => {
                let mut members = Vec::with_capacity(object.len());
                for (name, value) in object {
                    let value = Self::new(value, mapping)?;
                    members.push(Member {
                        name: name.trim_end_matches('!').to_owned(),
                        essential: name.ends_with('!'),
                        choice: name == "value[x]",
                        filled: value.is_filled(),
                        value,
                    });
                }
                let filled = members.iter().any(|member| member.filled);
                Self::Object { members, filled }
            }
            Value::Array(items) => {
                Self::Array(items.iter().map(|item| Self::new(item, mapping)).collect::<Result<_, _>>()?)
            }
            other => Self::Constant(other.clone()),
        })
    }

    /// Whether it says something about the row.
    fn is_filled(&self) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Filled(expression) => !matches!(
                expression,
                Expression::System(_) | Expression::DocumentSystem { .. } | Expression::Literal(_) | Expression::Not(_)
            ),
            Self::Object { filled, .. } => *filled,
            Self::Array(items) => items.iter().any(Self::is_filled),
        }
    }

    /// The resource, without the rule that an object of absent members is left out.
    /// `None` when an essential member is absent.
    pub fn resource(&'static self, row: &mut Row<'_>) -> Option<Map<String, Value>> {
        match self {
            Self::Object { members, .. } => Self::members(members, row).map(|(object, _)| object),
            _ => None,
        }
    }

    fn fill(&'static self, row: &mut Row<'_>) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Filled(expression) => row.fill(expression),
            Self::Object { members, filled } => {
                let (object, said) = Self::members(members, row)?;
                (said || !filled).then_some(Value::Object(object))
            }
            Self::Array(items) => {
                let items: Vec<Value> = items.iter().filter_map(|item| item.fill(row)).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
        }
    }

    /// The members that are there, and whether one of them says something about the row; `None` without an essential one.
    fn members(members: &'static [Member], row: &mut Row<'_>) -> Option<(Map<String, Value>, bool)> {
        let mut object = Map::with_capacity(members.len());
        let mut said = false;
        for member in members {
            if let (true, Self::Filled(Expression::Result { value, unit })) = (member.choice, &member.value) {
                if let Some((name, value)) = row.result(*value, unit) {
                    object.insert(name.to_owned(), value);
                    said = true;
                }
                continue;
            }
            match member.value.fill(row) {
                Some(value) => {
                    object.insert(member.name.clone(), value);
                    said |= member.filled;
                }
                None if member.essential => return None,
                None => {}
            }
        }
        Some((object, said))
    }

    /// Calls `each` with every column that is used.
    pub fn columns(&self, each: &mut impl FnMut(ColumnIndex)) {
        match self {
            Self::Constant(_) => {}
            Self::Filled(expression) => expression.columns(each),
            Self::Object { members, .. } => members.iter().for_each(|member| member.value.columns(each)),
            Self::Array(items) => items.iter().for_each(|item| item.columns(each)),
        }
    }
}

impl Expression {
    /// Reads an expression; `Ok(None)` when the text does not begin with `$`.
    pub fn parse(text: &str, mapping: &Mapping) -> Result<Option<Self>, &'static str> {
        let Some(text) = text.strip_prefix('$') else { return Ok(None) };
        let (function, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut parts = rest.split(':');
        let mut next = || parts.next().unwrap_or_default();
        let column = |name: &str| mapping.column(name).map_err(|_| "no such column");
        let maybe = |name: &str| if name.is_empty() { Ok(None) } else { column(name).map(Some) };
        let unit = |name: &str| match name.strip_prefix('\'') {
            _ if name.is_empty() => Ok(Unit::None),
            Some(literal) => Ok(Unit::Literal(literal.to_owned())),
            None => column(name).map(Unit::Column),
        };
        let columns = |names: &str| names.split(',').map(column).collect::<Result<Vec<_>, _>>();
        let map = |name: &str| mapping.table.map.get(name).ok_or("no such map");
        let expression = match function {
            "id" => {
                let name = next();
                Self::Identifier { column: column(name.trim_end_matches('?'))?, optional: name.ends_with('?') }
            }
            "text" => Self::Literal(rest.to_owned()),
            "first" => Self::First(columns(next())?),
            "first-or-nothing" => Self::FirstOrNothing(columns(next())?),
            "not" => Self::Not(mapping.flag(next()).map_err(|_| "no such flag")?),
            "default" => Self::Default { column: column(next())?, text: next().to_owned() },
            "join" => {
                let (whole, parts) = next().split_once('|').ok_or("join needs a column, a bar and columns")?;
                Self::Join { whole: column(whole)?, parts: columns(parts)? }
            }
            "time" => Self::Time(column(next())?),
            "date" => Self::Date(column(next())?),
            "day" => Self::Day(column(next())?),
            "instant" => Self::Instant(column(next())?),
            "number" => Self::Number(column(next())?),
            "signed" => {
                Self::Signed { column: column(next())?, flag: mapping.flag(next()).map_err(|_| "no such flag")? }
            }
            "quantity" => Self::Quantity { value: column(next())?, unit: unit(next())? },
            "result" => Self::Result { value: column(next())?, unit: unit(next())? },
            "range" => Self::Range { column: column(next())?, unit: unit(next())? },
            "interpretation" => Self::Interpretation { column: column(next())?, map: map("interpretation")? },
            "gender" => Self::Gender(column(next())?),
            "encounter-class" => Self::EncounterClass(mapping.value("class").ok_or("no value named class")?),
            "map" => {
                let map = map(next())?;
                Self::Mapped { map, column: column(next())? }
            }
            "concept" => Self::Concept { system: next().to_owned(), code: maybe(next())?, name: maybe(next())? },
            "system" => Self::System(next().to_owned()),
            "document-system" => Self::DocumentSystem { kind: column(next())?, number: column(next())? },
            "reference" => Self::Reference(mapping.facts_named(next()).ok_or("no earlier fact of this label")?),
            "flag" => Self::flag(rest, mapping)?,
            name if name.chars().next().is_some_and(|first| first.is_ascii_lowercase()) => {
                Self::Value(mapping.value(name).ok_or("no such function or value")?)
            }
            name => Self::Text(column(name)?),
        };
        Ok(Some(expression))
    }

    fn flag(rest: &str, mapping: &Mapping) -> Result<Self, &'static str> {
        let mut cases = Vec::new();
        let mut otherwise = Otherwise::Text(String::new());
        for part in rest.split(',') {
            if part.starts_with('$') {
                let expression = Self::parse(part, mapping)?;
                otherwise = expression.map_or(Otherwise::Text(String::new()), Otherwise::Filled);
            } else if let Some((flag, text)) = part.split_once('=') {
                cases.push((mapping.flag(flag).map_err(|_| "no such flag")?, text.to_owned()));
            } else {
                otherwise = Otherwise::Text(part.to_owned());
            }
        }
        Ok(Self::Flag { cases, otherwise: Box::new(otherwise) })
    }

    /// Calls `each` with every column that is used.
    pub fn columns(&self, each: &mut impl FnMut(ColumnIndex)) {
        match self {
            Self::Text(column)
            | Self::Identifier { column, .. }
            | Self::Default { column, .. }
            | Self::Time(column)
            | Self::Date(column)
            | Self::Day(column)
            | Self::Instant(column)
            | Self::Number(column)
            | Self::Signed { column, .. }
            | Self::Interpretation { column, .. }
            | Self::Gender(column)
            | Self::Mapped { column, .. } => each(*column),
            Self::First(columns) | Self::FirstOrNothing(columns) => columns.iter().for_each(|column| each(*column)),
            Self::Join { whole, parts } => {
                each(*whole);
                parts.iter().for_each(|column| each(*column));
            }
            Self::Quantity { value, unit } | Self::Result { value, unit } | Self::Range { column: value, unit } => {
                each(*value);
                if let Unit::Column(unit) = unit {
                    each(*unit);
                }
            }
            Self::Concept { code, name, .. } => code.iter().chain(name).for_each(|column| each(*column)),
            Self::DocumentSystem { kind, number } => {
                each(*kind);
                each(*number);
            }
            Self::Flag { otherwise, .. } => {
                if let Otherwise::Filled(expression) = &**otherwise {
                    expression.columns(each);
                }
            }
            Self::Literal(_)
            | Self::Not(_)
            | Self::Value(_)
            | Self::EncounterClass(_)
            | Self::System(_)
            | Self::Reference(_) => {}
        }
    }
}
