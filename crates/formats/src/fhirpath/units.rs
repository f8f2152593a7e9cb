//! Units that are not ASCII (片, μg), kept away from the engine.
//!
//! The engine's table of units cuts their text between bytes and panics inside a character, so that an expression would find nothing in a
//! whole resource because one tablet is counted in 片. Before an evaluation such a unit is replaced by an ASCII name that is no unit, in
//! the resource and in the quoted texts of the expression; in what comes out it is put back. Equality of units stays what it was; the
//! length and the letters of a replaced unit are not.

use std::borrow::Cow;

use serde_json::Value;

/// What was replaced, by what.
#[derive(Debug, Default)]
pub(super) struct Units {
    replaced: Vec<(String, String)>,
}

/// Replaces the units of a resource that are not ASCII.
pub(super) fn stand_in(resource: &mut Value) -> Units {
    let mut units = Units::default();
    units.replace_in(resource);
    units
}

impl Units {
    fn replace_in(&mut self, node: &mut Value) {
        match node {
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace_in(item)),
            Value::Object(members) => {
                // A `code` stands in many types; beside a number or a unit it is that of a Quantity.
                let is_quantity = members.contains_key("unit") || members.get("value").is_some_and(Value::is_number);
                for (name, child) in members.iter_mut() {
                    match child {
                        Value::String(text)
                            if is_quantity && matches!(name.as_str(), "unit" | "code") && !text.is_ascii() =>
                        {
                            *text = self.name_of(text);
                        }
                        child => self.replace_in(child),
                    }
                }
            }
            _ => {}
        }
    }

    fn name_of(&mut self, unit: &str) -> String {
        if let Some((_, name)) = self.replaced.iter().find(|(known, _)| known == unit) {
            return name.clone();
        }
        let digits: String = unit.bytes().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("urn:kangmai:unit:{digits}");
        self.replaced.push((unit.to_owned(), name.clone()));
        name
    }

    /// The expression, with the names of replaced units where it quotes them.
    pub(super) fn in_expression<'e>(&self, expression: &'e str) -> Cow<'e, str> {
        let mut expression = Cow::Borrowed(expression);
        for (unit, name) in &self.replaced {
            let quoted = format!("'{unit}'");
            if expression.contains(&quoted) {
                expression = expression.replace(&quoted, &format!("'{name}'")).into();
            }
        }
        expression
    }

    /// Puts the units back into a value that was selected.
    pub(super) fn put_back(&self, value: &mut Value) {
        match value {
            _ if self.replaced.is_empty() => {}
            Value::String(text) => {
                if let Some((unit, _)) = self.replaced.iter().find(|(_, name)| name == text) {
                    unit.clone_into(text);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.put_back(item)),
            Value::Object(members) => members.values_mut().for_each(|child| self.put_back(child)),
            _ => {}
        }
    }
}
