//! Results: the analyte beside the local item code, UCUM beside the unit as it was written, one unit for one analyte.

use model::{Issue, Severity};
use serde_json::{Map, Value, json};
use standards::maps::{CodeMap, Item, analytes};

use super::{SENT_VALUE, units};
use crate::national;

struct Work<'m> {
    item: Option<&'m Item>,
    /// The local code and name, for issues.
    label: String,
    path: String,
    issues: Vec<Issue>,
}

pub(super) fn normalise(resource: &mut Value, map: &CodeMap, path: &str) -> Vec<Issue> {
    let mut work = Work { item: None, label: String::new(), path: path.to_owned(), issues: Vec::new() };
    work.code(resource.get_mut("code"), map, "code");
    work.values(resource);
    let components = resource.get_mut("component").and_then(Value::as_array_mut);
    for (at, component) in components.into_iter().flatten().enumerate() {
        work.path = format!("{path}.component[{at}]");
        work.item = None;
        work.code(component.get_mut("code"), map, "code");
        work.values(component);
    }
    work.issues
}

/// Whether a system is that of an institution's own item codes.
fn is_item_system(system: &str) -> bool {
    national::institution_of(system).is_some_and(|(_, what)| what == "item")
}

impl<'m> Work<'m> {
    /// Finds the analyte of a local code and adds its coding.
    fn code(&mut self, concept: Option<&mut Value>, map: &'m CodeMap, member: &str) {
        let Some(codings) = concept.and_then(|concept| concept.get_mut("coding")).and_then(Value::as_array_mut) else {
            return;
        };
        let text = |coding: &Value, name: &str| coding.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let system = &analytes().system;
        let Some(local) = codings.iter().find(|coding| is_item_system(&text(coding, "system"))) else { return };
        let (code, name) = (text(local, "code"), text(local, "display"));
        self.item = map.item(&code);
        let Some(item) = self.item else {
            self.label = format!("{code} | {name}");
            let issue =
                Issue::new("terminology.code.unmapped", Severity::Information, format!("{}.{member}", self.path));
            self.issues.push(issue.found(&self.label).hint("检验项目未对照，已列入待对照清单"));
            return;
        };
        self.label = format!("{code} | {name}");
        if !codings.iter().any(|coding| text(coding, "system") == *system) {
            let analyte = item.analyte;
            codings.push(json!({ "system": system, "code": analyte.code, "display": analyte.name }));
        }
    }

    /// Every Quantity of a result or a component.
    fn values(&mut self, holder: &mut Value) {
        for (name, pointer) in [
            ("valueQuantity", "/valueQuantity"),
            ("valueRange.low", "/valueRange/low"),
            ("valueRange.high", "/valueRange/high"),
        ] {
            self.quantity(holder.pointer_mut(pointer), name);
        }
        let ranges = holder.get_mut("referenceRange").and_then(Value::as_array_mut);
        for (at, range) in ranges.into_iter().flatten().enumerate() {
            for end in ["low", "high"] {
                self.quantity(range.get_mut(end), &format!("referenceRange[{at}].{end}"));
            }
        }
    }

    fn quantity(&mut self, quantity: Option<&mut Value>, name: &str) {
        let Some(quantity) = quantity.and_then(Value::as_object_mut) else { return };
        if is_done(quantity) {
            return;
        }
        let sent = quantity.get("unit").and_then(Value::as_str).unwrap_or("").to_owned();
        let item = self.item;
        let own = item.map_or("", |item| item.unit.as_str());
        let known = quantity.get("code").and_then(Value::as_str).map(ToOwned::to_owned);
        let code = known.or_else(|| if sent.is_empty() { None } else { units::code(&sent) });
        let code = match code {
            Some(code) => code,
            // No unit was sent: what the house means by it stands in its map.
            None if sent.is_empty() && !own.is_empty() => own.to_owned(),
            None if sent.is_empty() => return,
            None => {
                self.say(
                    "terminology.unit.unmapped",
                    Severity::Information,
                    name,
                    &sent,
                    "计量单位未对照，已列入待对照清单",
                );
                return;
            }
        };
        let target = item.map_or("", |item| item.analyte.unit.as_str());
        if target.is_empty() || code == target {
            write_code(quantity, &code);
            return;
        }
        let factor = item.filter(|item| !item.factor.is_empty() && code == item.unit);
        let scale = item.and_then(|item| item.analyte.convert.iter().find(|scale| scale.unit == code));
        let conversion = match (factor, scale) {
            (Some(item), _) => units::Conversion::by(&item.factor),
            // Before UCUM is asked: to it mmol/mol and % are ratios, to the laboratory two scales.
            (None, Some(scale)) => units::Conversion::of(&scale.factor, &scale.offset),
            (None, None) => units::conversion(&code, target, item.map_or("", |item| &item.analyte.molar_mass)),
        };
        match conversion {
            Some(conversion) if conversion.is_identity() => write_code(quantity, target),
            Some(conversion) if convert(quantity, &conversion, target) => {}
            _ => {
                write_code(quantity, &code);
                let hint = "计量单位与该项目的标准单位不可换算，未换算";
                self.say("terminology.unit.incompatible", Severity::Warning, name, &sent, hint);
            }
        }
    }

    /// One finding per unit and result: a reference range says the same unit again.
    fn say(&mut self, rule: &str, severity: Severity, name: &str, unit: &str, hint: &str) {
        let found = if self.label.is_empty() { unit.to_owned() } else { format!("{unit} | {}", self.label) };
        let issue = Issue::new(rule, severity, format!("{}.{name}", self.path)).found(&found).hint(hint);
        if !self.issues.iter().any(|said| said.rule == issue.rule && said.found == issue.found) {
            self.issues.push(issue);
        }
    }
}

/// Whether it was converted before.
fn is_done(quantity: &Map<String, Value>) -> bool {
    let extensions = quantity.get("extension").and_then(Value::as_array);
    extensions.is_some_and(|all| all.iter().any(|extension| extension.get("url").is_some_and(|url| url == SENT_VALUE)))
}

fn write_code(quantity: &mut Map<String, Value>, code: &str) {
    quantity.insert("system".to_owned(), Value::from(national::UCUM));
    quantity.insert("code".to_owned(), Value::from(code));
}

/// Writes the converted value and keeps the sent one; `false` when there is no value that could be converted.
fn convert(quantity: &mut Map<String, Value>, conversion: &units::Conversion, target: &str) -> bool {
    let Some(Value::Number(sent)) = quantity.get("value") else { return false };
    let Some(value) = conversion.apply(&sent.to_string()) else { return false };
    let Ok(value) = serde_json::from_str::<serde_json::Number>(&value) else { return false };
    let mut before = Map::new();
    for name in ["value", "comparator", "unit"] {
        if let Some(member) = quantity.get(name) {
            before.insert(name.to_owned(), member.clone());
        }
    }
    quantity.insert("value".to_owned(), Value::Number(value));
    quantity.insert("unit".to_owned(), Value::from(target));
    write_code(quantity, target);
    let extension = json!({ "url": SENT_VALUE, "valueQuantity": before });
    match quantity.get_mut("extension") {
        Some(Value::Array(extensions)) => extensions.push(extension),
        _ => {
            quantity.insert("extension".to_owned(), json!([extension]));
        }
    }
    true
}
