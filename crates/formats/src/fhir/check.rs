//! The walk over a resource beside its structure definition, shared by the check of every write and by full validation.

use model::Issue;
use serde_json::{Map, Value};
use standards::{Element, Kind, Primitive, Slot, Structure, structures};

use super::path::Path;
use super::reader::kind_of;
use super::rules::{self, Rule};
use super::{binding, grammar, invariants, link};

/// Findings that one check reports before it stops looking; the sender has enough to mend.
const ISSUES_MAX: usize = 100;

/// The cheap subset of [`super::validate`] that runs on every write: JSON shapes, unknown elements, empty and null values, one
/// type per choice element, and the grammar of every primitive. A clean resource costs no allocation.
#[must_use]
pub fn check_basic(resource: &Value) -> Vec<Issue> {
    check(resource, Level::Basic)
}

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What runs on every write.
    Basic,
    /// Also cardinality, bindings, references and invariants.
    Full,
}

pub(super) fn check(resource: &Value, level: Level) -> Vec<Issue> {
    let mut walk = Walk { level, issues: Vec::new(), container: None };
    let name = resource.get("resourceType").and_then(Value::as_str).unwrap_or("Resource");
    walk.resource(&Path::root(name), resource, false);
    walk.issues
}

/// One walk: what it found, and the resource that `#id` references look into.
pub(super) struct Walk<'r> {
    level: Level,
    pub(super) issues: Vec<Issue>,
    /// The outermost resource that is not contained in another.
    pub(super) container: Option<&'r Map<String, Value>>,
}

impl<'r> Walk<'r> {
    /// Adds an issue; `more` says what was found and expected, and is not asked once there are too many.
    pub(super) fn report(&mut self, rule: &Rule, path: &Path<'_>, more: impl FnOnce(Issue) -> Issue) {
        match self.issues.len() {
            0..ISSUES_MAX => self.issues.push(more(Issue::new(rule.id, rule.severity, path.to_string()))),
            ISSUES_MAX => {
                let last = &rules::TOO_MANY;
                self.issues.push(Issue::new(last.id, last.severity, path.to_string()));
            }
            _ => {}
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.level == Level::Full
    }

    fn resource(&mut self, path: &Path<'_>, value: &'r Value, contained: bool) {
        let Value::Object(map) = value else {
            return self.report(&rules::WRONG_KIND, path, |issue| issue.found(kind_of(value)).expected("object"));
        };
        let name = map.get("resourceType").and_then(Value::as_str);
        let Some(name) = name else { return self.report(&rules::RESOURCE_TYPE_MISSING, path, |issue| issue) };
        let Some(structure) = structures().resource(name) else {
            return self.report(&rules::RESOURCE_TYPE_UNKNOWN, path, |issue| issue.found(name));
        };
        let outer = self.container;
        if !contained {
            self.container = Some(map);
        }
        self.object(path, structure, map);
        if self.is_full() {
            invariants::check_resource(self, path, map, contained);
        }
        self.container = outer;
    }

    fn object(&mut self, path: &Path<'_>, structure: &'static Structure, map: &'r Map<String, Value>) {
        let mut seen: u64 = 0;
        for (key, value) in map {
            if structure.is_resource && key == "resourceType" {
                continue;
            }
            let place = path.name(key);
            let (name, is_companion) = key.strip_prefix('_').map_or((key.as_str(), false), |name| (name, true));
            let Some(slot) = structure.slot(name) else {
                self.report(&rules::UNKNOWN_ELEMENT, &place, |issue| issue);
                continue;
            };
            let element = structure.element(slot);
            let bit = 1 << slot.element;
            if element.is_choice && seen & bit != 0 {
                self.choice(&place, structure, map, slot);
            }
            if is_companion {
                if self.companion(&place, element, slot, value, map.get(name)) {
                    seen |= bit;
                }
            } else {
                seen |= bit;
                self.element(&place, element, slot, value, map);
            }
        }
        // A companion may carry an id alone: its value stands beside it.
        let id_is_content = structure.is_resource || structure.name == "Element";
        let is_bare = map.is_empty() || (map.len() == 1 && map.contains_key("id") && !id_is_content);
        if is_bare {
            self.report(&rules::EMPTY, path, |issue| issue.found("{}"));
        }
        if self.is_full() {
            let missing = structure.required & !seen;
            for (at, element) in structure.elements.iter().enumerate() {
                if missing & (1 << at) != 0 && !is_bare {
                    let name = if element.is_choice { format!("{}[x]", element.name) } else { element.name.clone() };
                    self.report(&rules::MIN, &path.name(&name), |issue| {
                        issue.expected(format!("at least {}", element.min))
                    });
                }
            }
            if !is_bare {
                invariants::check_structure(self, path, &structure.name, map);
            }
            if structure.name == "Bundle.entry" {
                link::check_full_url(self, path, map);
            }
        }
    }

    /// A choice element was met again: only a value and its own companion may stand together.
    fn choice(&mut self, path: &Path<'_>, structure: &Structure, map: &Map<String, Value>, slot: Slot) {
        let mut names = map.keys().map(|key| key.strip_prefix('_').unwrap_or(key));
        let is_same = |name: &&str| structure.slot(name).is_some_and(|other| other.element == slot.element);
        let first = names.find(is_same);
        if let Some(other) = names.filter(is_same).find(|name| Some(*name) != first) {
            self.report(&rules::CHOICE_TWICE, path, |issue| {
                issue.found(&format!("{} and {other}", first.unwrap_or_default())).expected("one of them")
            });
        }
    }

    fn element(
        &mut self,
        path: &Path<'_>,
        element: &'static Element,
        slot: Slot,
        value: &'r Value,
        map: &'r Map<String, Value>,
    ) {
        if element.max == Some(0) {
            return self.report(&rules::MAX, path, |issue| issue.expected("not at all"));
        }
        let Value::Array(items) = value else {
            if element.repeats() && !value.is_null() {
                self.report(&rules::EXPECTED_ARRAY, path, |issue| issue.found(kind_of(value)).expected("array"));
            }
            return self.item(path, element, slot, value);
        };
        if !element.repeats() {
            return self
                .report(&rules::UNEXPECTED_ARRAY, path, |issue| issue.found("array").expected("a single value"));
        }
        if items.is_empty() {
            return self.report(&rules::EMPTY, path, |issue| issue.found("[]"));
        }
        for (at, item) in items.iter().enumerate() {
            let place = path.index(at);
            if item.is_null() && matches!(slot.kind, Kind::Primitive(_)) {
                // A null keeps the place of an item whose value is missing and whose extensions stand in the companion.
                let companion = map.get(&format!("_{}", path.own_name())).and_then(|companion| companion.get(at));
                if !companion.is_some_and(Value::is_object) {
                    self.report(&rules::NO_VALUE, &place, |issue| issue.found("null"));
                }
            } else {
                self.item(&place, element, slot, item);
            }
        }
    }

    fn item(&mut self, path: &Path<'_>, element: &'static Element, slot: Slot, value: &'r Value) {
        if value.is_null() {
            return self.report(&rules::NULL, path, |issue| issue.found("null"));
        }
        match slot.kind {
            Kind::Primitive(primitive) => {
                if self.primitive(path, primitive, value) && self.is_full() {
                    binding::check_text(self, path, element, value);
                }
            }
            Kind::Resource => self.resource(path, value, element.name == "contained"),
            Kind::Structure(id) => {
                let structure = structures().get(id);
                let Value::Object(map) = value else {
                    return self
                        .report(&rules::WRONG_KIND, path, |issue| issue.found(kind_of(value)).expected("object"));
                };
                self.object(path, structure, map);
                if self.is_full() {
                    binding::check_object(self, path, element, &structure.name, map);
                    if structure.name == "Reference" {
                        link::check(self, path, element, map);
                    }
                }
            }
        }
    }

    /// `_name` beside a primitive. True when it carries extensions, which then count as the element's content.
    fn companion(
        &mut self,
        path: &Path<'_>,
        element: &Element,
        slot: Slot,
        value: &'r Value,
        beside: Option<&Value>,
    ) -> bool {
        if !matches!(slot.kind, Kind::Primitive(_)) {
            self.report(&rules::UNKNOWN_ELEMENT, path, |issue| {
                issue.expected("_ only before names of primitive elements")
            });
            return false;
        }
        let Some(base) = structures().named("Element") else { return false };
        match value {
            Value::Object(map) if !element.repeats() => {
                self.object(path, base, map);
                if beside.is_none() && !map.contains_key("extension") {
                    self.report(&rules::NO_VALUE, path, |issue| issue);
                }
                map.contains_key("extension")
            }
            Value::Array(items) if element.repeats() => {
                self.companions(path, base, items, beside.and_then(Value::as_array));
                !items.is_empty()
            }
            _ => {
                let rule = if element.repeats() { &rules::EXPECTED_ARRAY } else { &rules::WRONG_KIND };
                let expected = if element.repeats() { "array" } else { "object" };
                self.report(rule, path, |issue| issue.found(kind_of(value)).expected(expected));
                false
            }
        }
    }

    fn companions(
        &mut self,
        path: &Path<'_>,
        base: &'static Structure,
        items: &'r [Value],
        beside: Option<&Vec<Value>>,
    ) {
        if items.is_empty() {
            self.report(&rules::EMPTY, path, |issue| issue.found("[]"));
        }
        if let Some(beside) = beside
            && beside.len() != items.len()
        {
            self.report(&rules::EXTENSION_ARRAY, path, |issue| {
                issue.found(&format!("{} items", items.len())).expected(format!("{} items", beside.len()))
            });
        }
        for (at, item) in items.iter().enumerate() {
            let place = path.index(at);
            match item {
                Value::Object(map) => self.object(&place, base, map),
                Value::Null if beside.is_some() => {}
                Value::Null => self.report(&rules::NO_VALUE, &place, |issue| issue.found("null")),
                _ => self
                    .report(&rules::WRONG_KIND, &place, |issue| issue.found(kind_of(item)).expected("object or null")),
            }
        }
    }

    /// True when the value has the form of its type.
    fn primitive(&mut self, path: &Path<'_>, primitive: Primitive, value: &Value) -> bool {
        let expected = match primitive {
            Primitive::Boolean => "boolean",
            Primitive::Decimal | Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => "number",
            _ => "string",
        };
        if kind_of(value) != expected {
            self.report(&rules::WRONG_KIND, path, |issue| issue.found(kind_of(value)).expected(expected));
            return false;
        }
        let is_fine = match value {
            Value::String(text) => grammar::is_text(primitive, text),
            Value::Number(number) => grammar::is_number(primitive, number.as_str()),
            _ => true,
        };
        if is_fine {
            return true;
        }
        if value.as_str() == Some("") {
            self.report(&rules::EMPTY, path, |issue| issue.found("\"\"").expected(primitive.name()));
        } else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.report(&rules::BAD_VALUE, path, |issue| issue.found(&text).expected(primitive.name()));
        }
        false
    }
}
