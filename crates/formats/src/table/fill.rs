//! Expressions of templates, filled from a row: times, numbers, codes, concepts, results.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::Severity;
use serde_json::{Value, json};

use super::lab;
use super::row::Row;
use super::template::{ColumnIndex, Expression, Otherwise, Unit};
use crate::fhir::date::Precision;
use crate::national;
use crate::reading::Claim;
use crate::text::damage::{self, Damage};
use crate::text::{self, Moment, number, time};

impl Row<'_> {
    pub(super) fn moment(&mut self, column: ColumnIndex) -> Option<Moment> {
        let value = self.value(column)?;
        if let Some(moment) = time::parse(value) {
            return Some(moment);
        }
        if let Some(day) = damage::day_of_serial(value) {
            if !std::mem::replace(&mut self.cells[column].reported, true) {
                let mut issue = Damage::SpreadsheetSerial.issue(&self.place(column), self.value(column).unwrap_or(""));
                if let Some(field) = self.cells[column].field.and_then(|field| self.fields.get(field)) {
                    issue = issue.at(field.line, field.column);
                }
                self.issues.push(issue);
            }
            return time::parse(&day);
        }
        self.report(column, "table.value.not-a-time", Severity::Warning, "无法识别的日期时间，原值已保存");
        None
    }

    pub(super) fn number(&mut self, column: ColumnIndex) -> Option<String> {
        let amount = number::parse(self.value(column)?).filter(|amount| amount.comparator.is_none());
        if amount.is_none() {
            self.report(column, "table.value.not-a-number", Severity::Warning, "不是数值，原值已保存");
        }
        amount.map(|amount| amount.digits)
    }

    pub(super) fn identifier(&mut self, column: ColumnIndex) -> Option<String> {
        if self.cells[column].lost {
            self.cells[column].leftover = true;
            return None;
        }
        self.value(column).map(|value| text::fold_width(value).into_owned())
    }

    /// An expression as text, for keys.
    pub(super) fn text(&mut self, expression: &'static Expression) -> Option<String> {
        match expression {
            Expression::Identifier { column, optional } => {
                self.identifier(*column).or_else(|| optional.then(String::new))
            }
            Expression::First(columns) => columns.iter().find_map(|column| self.identifier(*column)),
            Expression::FirstOrNothing(columns) => {
                Some(columns.iter().find_map(|column| self.identifier(*column)).unwrap_or_default())
            }
            Expression::Value(at) => self.values.get(*at).cloned().flatten(),
            Expression::Day(column) => {
                let moment = self.moment(*column)?;
                if moment.precision < Precision::Day {
                    self.report(*column, "table.value.not-a-time", Severity::Warning, "需要精确到日的日期，原值已保存");
                    return None;
                }
                Some(moment.day().to_owned())
            }
            other => match self.fill(other)? {
                Value::String(text) => Some(text),
                _ => None,
            },
        }
    }

    /// An expression as JSON; `None` when the row does not say it.
    pub(super) fn fill(&mut self, expression: &'static Expression) -> Option<Value> {
        match expression {
            Expression::Text(column) => self.value(*column).map(Value::from),
            Expression::Value(_)
            | Expression::Identifier { .. }
            | Expression::First(_)
            | Expression::FirstOrNothing(_)
            | Expression::Day(_) => self.text(expression).filter(|text| !text.is_empty()).map(Value::from),
            Expression::Literal(text) => Some(Value::from(text.as_str())),
            Expression::Not(flag) => Some(Value::from(!self.flags[*flag])),
            Expression::Default { column, text } => Some(Value::from(self.value(*column).unwrap_or(text))),
            Expression::Join { whole, parts } => {
                let joined: String = parts.iter().filter_map(|column| self.value(*column)).collect();
                self.value(*whole).map(Value::from).or_else(|| (!joined.is_empty()).then(|| Value::from(joined)))
            }
            Expression::Time(column) => self.moment(*column).map(|moment| Value::from(moment.text)),
            Expression::Date(column) => self.moment(*column).map(|moment| Value::from(moment.day())),
            Expression::Instant(column) => {
                let moment = self.moment(*column)?;
                if moment.precision < Precision::Minute {
                    self.cells[*column].leftover = true;
                    return None;
                }
                Some(Value::from(moment.text))
            }
            Expression::Number(column) => decimal(&self.number(*column)?),
            Expression::Signed { column, flag } => {
                let digits = self.number(*column)?;
                let negative = digits.starts_with('-') || !self.flags[*flag];
                if negative { decimal(&digits) } else { decimal(&format!("-{digits}")) }
            }
            Expression::Quantity { value, unit } => self.quantity(*value, unit),
            Expression::Result { value, unit } => self.result(*value, unit).map(|(_, value)| value),
            Expression::Range { column, unit } => self.value(*column).map(|sent| lab::range(sent, self.unit(unit))),
            Expression::Interpretation { column, map } => {
                let sent = self.value(*column)?;
                match map.get(&text::key_part(sent).to_uppercase()) {
                    Some(code) => Some(lab::interpretation(code, sent)),
                    None => Some(json!({ "text": sent })),
                }
            }
            Expression::Gender(column) => {
                let gender = national::gender(&text::key_part(self.value(*column)?));
                if gender.is_none() {
                    self.report(
                        *column,
                        "table.code.unknown",
                        Severity::Warning,
                        "性别代码不在GB/T 2261.1中，原值已保存",
                    );
                }
                gender.map(Value::from)
            }
            Expression::EncounterClass(at) => {
                Some(national::encounter_class(self.values[*at].as_deref().unwrap_or("O")))
            }
            Expression::Mapped { column, map } => self.mapped(*column, map),
            Expression::Concept { system, code, name } => self.concept(system, *code, *name),
            Expression::System(what) => Some(Value::from(national::institution_system(&self.institution, what))),
            Expression::DocumentSystem { kind, number } => Some(Value::from(self.document_system(*kind, *number))),
            Expression::Reference(facts) => {
                facts.iter().find_map(|fact| self.claims.get(*fact)?.as_ref()).map(Claim::as_reference)
            }
            Expression::Flag { cases, otherwise } => {
                match (cases.iter().find(|(flag, _)| self.flags[*flag]), &**otherwise) {
                    (Some((_, text)), _) => Some(Value::from(text.as_str())),
                    (None, Otherwise::Text(text)) => Some(Value::from(text.as_str())),
                    (None, Otherwise::Filled(expression)) => self.fill(expression),
                }
            }
        }
    }

    pub(super) fn mapped(&mut self, column: ColumnIndex, map: &'static BTreeMap<String, String>) -> Option<Value> {
        let sent = self.value(column).map(|value| text::key_part(value).to_uppercase());
        if let Some(meaning) = map.get(sent.as_deref().unwrap_or("")) {
            // A code that says that nothing is known (不详, 未查) has an empty meaning.
            return (!meaning.is_empty()).then(|| Value::from(meaning.as_str()));
        }
        sent.as_ref()?;
        self.report(column, "table.code.unknown", Severity::Warning, "代码不在映射表中，原值已保存");
        map.get("*").map(|meaning| Value::from(meaning.as_str()))
    }

    pub(super) fn unit<'s>(&'s self, unit: &'s Unit) -> &'s str {
        match unit {
            Unit::None => "",
            Unit::Literal(text) => text,
            Unit::Column(column) => self.value(*column).unwrap_or(""),
        }
    }

    pub(super) fn quantity(&mut self, value: ColumnIndex, unit: &Unit) -> Option<Value> {
        let sent = self.value(value)?;
        let unit = self.unit(unit);
        let quantity = number::parse(sent).and_then(|amount| amount.quantity(unit)).or_else(|| {
            let (amount, own) = number::parse_with_unit(sent).filter(|_| unit.is_empty())?;
            amount.quantity(&own)
        });
        if quantity.is_none() {
            self.report(value, "table.value.not-a-number", Severity::Warning, "不是数值，原值已保存");
        }
        quantity
    }

    /// A laboratory result under the name that its kind has in FHIR.
    pub(super) fn result(&mut self, value: ColumnIndex, unit: &Unit) -> Option<(&'static str, Value)> {
        let sent = self.value(value)?;
        let (name, result) = lab::result(sent, self.unit(unit));
        if let ("valueString", Unit::Column(unit)) = (name, unit) {
            self.cells[*unit].leftover = true;
        }
        Some((name, result))
    }

    pub(super) fn concept(
        &mut self,
        system: &str,
        code: Option<ColumnIndex>,
        name: Option<ColumnIndex>,
    ) -> Option<Value> {
        let code = code.and_then(|code| self.identifier(code)).unwrap_or_default();
        let name = name.and_then(|name| self.value(name)).unwrap_or("");
        let system = match system {
            "icd10" => Cow::Borrowed(national::ICD10),
            "icd9cm3" => Cow::Borrowed(national::ICD9CM3),
            what => Cow::Owned(national::institution_system(&self.institution, what)),
        };
        (!code.is_empty() || !name.is_empty()).then(|| national::concept(&system, &code, name))
    }

    /// CV02.01.101 of the row; a number of eighteen digits without a type is a resident number.
    pub(super) fn document_system(&self, kind: ColumnIndex, number: ColumnIndex) -> String {
        let kind = self.value(kind).map(|kind| text::key_part(kind).into_owned()).unwrap_or_default();
        let number = self.value(number).map(text::key_part).unwrap_or_default();
        let resident = number.len() == 18
            && number.bytes().take(17).all(|byte| byte.is_ascii_digit())
            && number.ends_with(|last: char| last.is_ascii_digit() || matches!(last, 'x' | 'X'));
        match (kind.as_str(), resident) {
            ("", true) => national::document_system("01"),
            ("", false) => national::document_system("99"),
            (kind, _) if kind.len() == 1 && kind.bytes().all(|byte| byte.is_ascii_digit()) => {
                national::document_system(&format!("0{kind}"))
            }
            (kind, _) => national::document_system(kind),
        }
    }
}

fn decimal(digits: &str) -> Option<Value> {
    serde_json::from_str(digits).ok().map(Value::Number)
}
