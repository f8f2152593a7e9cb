//! Sections, acts and data elements of the body, each with its place in the template of the document type.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::Element;
use standards::cda::{self, Document, Entry, Section};

use super::findings::{Findings, rule};
use super::spelling::{plain, right_element, right_oid};
use super::tree::{Position, Tree};
use crate::text;

/// Names of elements that are acts.
pub const ACTS: [&str; 8] = [
    "observation",
    "organizer",
    "procedure",
    "act",
    "substanceAdministration",
    "supply",
    "encounter",
    "observationMedia",
];

/// Chinese names of sections by the plain form of what documents write.
static SECTION_NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    cda::skeleton().section_names.iter().map(|(name, chinese)| (plain(name).into_owned(), &**chinese)).collect()
});

/// A section as it was read.
#[derive(Debug)]
pub struct ReadSection {
    /// The `section` element.
    pub node: Position,
    /// Its template, when it was recognised.
    pub template: Option<&'static Section>,
    /// Code as sent, empty when none was.
    pub code: String,
    /// Object identifier of the code system as sent.
    pub system: String,
    /// What it is called: title, else display name, else the template's name.
    pub title: String,
    /// Positions of the acts that hang on it directly.
    pub top: Vec<usize>,
}

impl ReadSection {
    /// Its name for people: Chinese where documents write English.
    #[must_use]
    pub fn shown(&self) -> &str {
        SECTION_NAMES.get(&*plain(&self.title)).copied().unwrap_or(&self.title)
    }
}

/// The value of an act as it was sent.
#[derive(Debug, Default, Clone)]
pub struct ActValue {
    /// `xsi:type` without prefix, or what it must be when it was not sent.
    pub kind: String,
    /// Text, number, code, time.
    pub text: String,
    /// `displayName`.
    pub display: String,
    /// `codeSystem`, or its name when there is no identifier.
    pub system: String,
    /// `unit` or `currency`.
    pub unit: String,
}

impl ActValue {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.display.trim().is_empty()
    }

    /// What a person reads: the display of a code, else the text.
    #[must_use]
    pub fn words(&self) -> &str {
        let display = self.display.trim();
        if display.is_empty() { self.text.trim() } else { display }
    }
}

/// One act of the body.
#[derive(Debug)]
pub struct Act {
    /// The element.
    pub node: Position,
    /// `observation`, `organizer` …
    pub kind: &'static str,
    /// The act that it hangs on.
    pub parent: Option<usize>,
    /// The section that it stands in.
    pub section: usize,
    /// Its place in the template.
    pub template: Option<&'static Entry>,
    /// Data element, corrected; empty when the act has none.
    pub id: String,
    /// The name in the template, else the display name.
    pub name: String,
    /// `displayName` of its code as sent.
    pub display: String,
    /// What it says.
    pub value: ActValue,
    /// The repetition that it belongs to.
    pub group: u32,
    /// The acts that hang on it.
    pub children: Vec<usize>,
}

/// The body of a document.
#[derive(Debug, Default)]
pub struct Body {
    /// In document order.
    pub sections: Vec<ReadSection>,
    /// In document order; what hangs on an act follows it.
    pub acts: Vec<Act>,
    /// Data elements of the body.
    pub elements: Vec<Element>,
}

impl Body {
    /// The acts from `act` on that hang on it, with itself: they follow each other.
    #[must_use]
    pub fn subtree(&self, act: usize) -> std::ops::Range<usize> {
        let mut end = act + 1;
        while end < self.acts.len() && self.acts[end].parent.is_some_and(|parent| parent >= act) {
            end += 1;
        }
        act..end
    }
}

/// What is at hand while the body is read.
pub struct Reader<'r, 't> {
    /// The document.
    pub tree: &'r Tree<'t>,
    /// Its type.
    pub template: Option<&'static Document>,
    /// Where findings go.
    pub findings: &'r mut Findings,
    body: Body,
    group: u32,
}

impl<'r, 't> Reader<'r, 't> {
    /// Reads all sections under `document`.
    pub fn body(
        tree: &'r Tree<'t>,
        document: Position,
        template: Option<&'static Document>,
        findings: &'r mut Findings,
    ) -> Body {
        let mut reader = Self { tree, template, findings, body: Body::default(), group: 0 };
        let mut nodes = Vec::new();
        reader.find_sections(document, false, &mut nodes);
        if nodes.is_empty() {
            let (line, column) = tree.place_of(document);
            reader.findings.add(rule::BODY_MISSING, &tree.path(document), line, column, "");
        }
        let mut last_number = 0;
        for node in nodes {
            let read = reader.section_head(node);
            if let Some(section) = read.template {
                if section.number < last_number {
                    reader.say(rule::SECTION_ORDER, node, &read.title);
                }
                last_number = section.number;
            }
            reader.body.sections.push(read);
            let number = reader.body.sections.len() - 1;
            let entries: Vec<Position> = tree.children(node).filter(|child| tree.name(*child) == "entry").collect();
            for entry in entries {
                for act in tree.children(entry).filter(|act| ACTS.contains(&tree.name(*act))) {
                    let act = reader.act(act, None, number);
                    reader.body.sections[number].top.push(act);
                }
            }
        }
        reader.group_flat_repetitions();
        reader.list_elements();
        reader.body
    }

    fn say(&mut self, id: &str, node: Position, found: &str) -> &mut model::Issue {
        let (line, column) = self.tree.place_of(node);
        let path = self.tree.path(node);
        self.findings.add(id, &path, line, column, found)
    }

    /// Sections wherever they stand: in `structuredBody`, or without it, or inside other sections.
    fn find_sections(&mut self, at: Position, inside_body: bool, nodes: &mut Vec<Position>) {
        let tree = self.tree;
        for child in tree.children(at).collect::<Vec<_>>() {
            match tree.name(child) {
                "component" => self.find_sections(child, inside_body, nodes),
                "structuredBody" => self.find_sections(child, true, nodes),
                "section" => {
                    if !inside_body && nodes.is_empty() {
                        self.say(rule::BODY_STRUCTURED_MISSING, child, "");
                    }
                    nodes.push(child);
                    self.find_sections(child, inside_body, nodes);
                }
                _ => {}
            }
        }
    }

    fn section_head(&mut self, node: Position) -> ReadSection {
        let tree = self.tree;
        let coded = tree.child(node, "code");
        let take = |name: &str| {
            coded.and_then(|code| tree.attribute(code, name)).map(|text| text::key_part(text).into_owned())
        };
        let (code, system) = (take("code").unwrap_or_default(), take("codeSystem").unwrap_or_default());
        let display = take("displayName").unwrap_or_default();
        let title = tree.child(node, "title").map(|title| tree.text(title).to_owned()).unwrap_or_default();
        let template = self.match_section(node, &code, &display, &title);
        if code.is_empty() && display.is_empty() && title.is_empty() {
            self.say(rule::SECTION_CODE_MISSING, node, "");
        }
        let title = [title, display, template.map(|one| one.name.to_owned()).unwrap_or_default(), code.clone()]
            .into_iter()
            .find(|one| !one.is_empty())
            .unwrap_or_default();
        ReadSection { node, template, code, system, title, top: Vec::new() }
    }

    fn match_section(&mut self, node: Position, code: &str, display: &str, title: &str) -> Option<&'static Section> {
        let document = self.template?;
        if document.sections.is_empty() {
            return None;
        }
        let unused = |section: &&Section| {
            !self.body.sections.iter().any(|read| read.template.is_some_and(|used| used.number == section.number))
        };
        let same_name = |section: &Section| {
            let name = plain(section.name);
            [display, title].iter().any(|text| !text.is_empty() && plain(text) == name)
        };
        let by_code = |section: &&Section| !code.is_empty() && section.code == code;
        let sections = &document.sections;
        let found = sections
            .iter()
            .find(|section| by_code(section) && same_name(section) && unused(section))
            .or_else(|| sections.iter().find(|section| by_code(section) && unused(section)))
            .or_else(|| sections.iter().find(by_code));
        if found.is_some() {
            return found;
        }
        let by_name = sections.iter().find(|section| same_name(section));
        match by_name {
            Some(section) if !code.is_empty() || !section.code.is_empty() => {
                self.say(rule::SECTION_CODE_WRONG, node, code).expected = Some(section.code.to_owned());
            }
            None if !(code.is_empty() && display.is_empty() && title.is_empty()) => {
                self.say(rule::SECTION_UNKNOWN, node, if display.is_empty() { code } else { display });
            }
            _ => {}
        }
        by_name
    }

    /// Reads an act and what hangs on it; its position in [`Body::acts`].
    fn act(&mut self, node: Position, parent: Option<usize>, section: usize) -> usize {
        let tree = self.tree;
        let kind = ACTS.iter().find(|kind| **kind == tree.name(node)).copied().unwrap_or("act");
        let coded = tree.child(node, "code");
        let attribute = |name: &str| coded.and_then(|code| tree.attribute(code, name)).unwrap_or_default();
        let sent = attribute("code").trim();
        let display = attribute("displayName").trim().to_owned();
        let system = attribute("codeSystem").trim();
        // The code of an operation is what was done, not a data element.
        let is_element = kind == "observation" || sent.starts_with("DE") || sent.starts_with("HDS");
        let id = if is_element { self.element_id(coded, sent, system) } else { String::new() };
        let template = self.match_entry(node, kind, parent, section, &id, &display);
        if kind == "observation" && coded.is_some() {
            self.check_element(coded.unwrap_or(node), &id, template, section);
        }
        // What has no data element is called as its sender calls it: the name of a panel.
        let own = Some(&*display).filter(|display| !display.is_empty());
        let of_template = template.map(|entry| entry.name).filter(|name| !name.is_empty());
        let name = if id.is_empty() { own.or(of_template) } else { of_template.or(own) };
        let name = name.or_else(|| cda::element_name(&id)).unwrap_or(&id).to_owned();
        let group = match parent {
            None => {
                let repeats = kind != "observation" || has_acts_below(tree, node);
                self.group += u32::from(repeats);
                if repeats { self.group } else { 0 }
            }
            Some(_) if matches!(kind, "organizer" | "procedure" | "substanceAdministration") => {
                self.group += 1;
                self.group
            }
            Some(parent) => self.body.acts[parent].group,
        };
        let value = self.value(node, &id, template);
        let position = self.body.acts.len();
        self.body.acts.push(Act {
            node,
            kind,
            parent,
            section,
            template,
            id,
            name,
            display,
            value,
            group,
            children: Vec::new(),
        });
        for relation in tree
            .children(node)
            .filter(|child| matches!(tree.name(*child), "entryRelationship" | "component"))
            .collect::<Vec<_>>()
        {
            for below in tree.children(relation).filter(|act| ACTS.contains(&tree.name(*act))).collect::<Vec<_>>() {
                let child = self.act(below, Some(position), section);
                self.body.acts[position].children.push(child);
            }
        }
        position
    }

    /// The data element that was meant, and a finding when it was written otherwise.
    fn element_id(&mut self, node: Option<Position>, sent: &str, system: &str) -> String {
        let Some(node) = node else { return String::new() };
        if sent.is_empty() {
            self.say(rule::ELEMENT_CODE_MISSING, node, "");
            return String::new();
        }
        let id = right_element(sent);
        if id != sent {
            self.say(rule::ELEMENT_MALFORMED, node, sent).expected = Some(id.clone().into_owned());
        }
        let expected = if id.starts_with("HDSD") { cda::FRONT_PAGE_ELEMENTS } else { cda::DATA_ELEMENTS };
        if (id.starts_with("DE") || id.starts_with("HDSD")) && system != expected && system != cda::DATA_ELEMENTS {
            self.say(rule::ELEMENT_SYSTEM, node, system).expected = Some(expected.to_owned());
        }
        id.into_owned()
    }

    fn check_element(&mut self, node: Position, id: &str, template: Option<&'static Entry>, section: usize) {
        if id.is_empty() || template.is_some() {
            return;
        }
        if cda::element_name(id).is_none() {
            self.say(rule::ELEMENT_UNKNOWN, node, id);
        } else if self.body.sections[section].template.is_some() {
            self.say(rule::ELEMENT_OTHER_PLACE, node, id);
        }
    }

    /// The place of an act in the template: below the place of its parent, else anywhere in the section.
    fn match_entry(
        &self,
        node: Position,
        kind: &str,
        parent: Option<usize>,
        section: usize,
        id: &str,
        display: &str,
    ) -> Option<&'static Entry> {
        let entries = &self.body.sections[section].template?.entries;
        let above = parent.and_then(|parent| self.body.acts[parent].template);
        let siblings: Vec<usize> = match (parent, above) {
            (None, _) => self.body.sections[section].template?.roots().collect(),
            (Some(_), Some(above)) => above.children.clone(),
            (Some(_), None) => Vec::new(),
        };
        if id.is_empty() {
            let first_below = self.first_code_below(node);
            let same_kind = |position: &&usize| entries[**position].act == kind && entries[**position].code.is_empty();
            let holds = |position: &&usize| {
                let first = first_below.as_ref();
                first.is_some_and(|(code, name)| holds(entries, **position, code, name))
            };
            let loosely =
                |position: &&usize| first_below.as_ref().is_some_and(|(code, _)| holds_code(entries, **position, code));
            return siblings
                .iter()
                .find(|position| same_kind(position) && holds(position))
                .or_else(|| siblings.iter().find(|position| same_kind(position) && loosely(position)))
                .or_else(|| siblings.iter().find(same_kind))
                .map(|position| &entries[*position]);
        }
        let shown = plain(display);
        let pick = |candidates: &mut dyn Iterator<Item = &'static Entry>| {
            let fitting: Vec<&'static Entry> = candidates.filter(|entry| entry.code == id).collect();
            fitting.iter().find(|entry| plain(entry.name) == shown).or(fitting.first()).copied()
        };
        pick(&mut siblings.iter().map(|position| &entries[*position])).or_else(|| pick(&mut entries.iter()))
    }

    /// Code and display of the first coded act below an act.
    fn first_code_below(&self, node: Position) -> Option<(String, String)> {
        let tree = self.tree;
        let below = tree.descendants(node).find(|below| tree.name(*below) == "observation")?;
        let code = tree.child(below, "code")?;
        let id = right_element(tree.attribute(code, "code")?).into_owned();
        Some((id, plain(tree.attribute(code, "displayName").unwrap_or_default()).into_owned()))
    }

    /// In a flat section a repetition begins where an element comes again.
    fn group_flat_repetitions(&mut self) {
        for section in 0..self.body.sections.len() {
            let top = self.body.sections[section].top.clone();
            let flat = top.iter().all(|act| self.body.acts[*act].kind == "observation");
            if !flat || self.body.sections[section].template.is_none() {
                continue;
            }
            let starts = |id: &str| matches!(id, "DE04.30.019.00" | "DE04.30.020.00");
            if !top.iter().any(|act| starts(&self.body.acts[*act].id)) {
                continue;
            }
            let mut group = 0;
            for act in top {
                if starts(&self.body.acts[act].id) {
                    self.group += 1;
                    group = self.group;
                }
                for below in self.body.subtree(act) {
                    self.body.acts[below].group = group;
                }
            }
        }
    }

    fn list_elements(&mut self) {
        let mut elements = Vec::with_capacity(self.body.acts.len());
        for act in &self.body.acts {
            if act.id.is_empty() {
                continue;
            }
            let (line, column) = self.tree.place_of(act.node);
            elements.push(Element {
                id: act.id.clone(),
                name: act.name.clone(),
                value: act.value.text.clone(),
                display: act.value.display.clone(),
                system: act.value.system.clone(),
                unit: act.value.unit.clone(),
                group: act.group,
                path: self.tree.path(act.node),
                line,
                column,
            });
        }
        self.body.elements = elements;
    }

    /// The value of an act, and what is wrong with it.
    fn value(&mut self, node: Position, id: &str, template: Option<&'static Entry>) -> ActValue {
        let tree = self.tree;
        let Some(value_node) = tree.child(node, "value") else { return ActValue::default() };
        let take = |name: &str| tree.attribute(value_node, name).unwrap_or_default();
        let sent_kind = take("type").rsplit(':').next().unwrap_or_default().trim().to_owned();
        let expected = template.map(|entry| entry.value_type).unwrap_or_default();
        let coded = !take("code").is_empty() || !take("displayName").is_empty();
        let kind = match &*sent_kind {
            "" if coded => "CD".to_owned(),
            "" if !expected.is_empty() => expected.to_owned(),
            "" => "ST".to_owned(),
            "CE" | "CV" | "CO" | "CS" => "CD".to_owned(),
            "SC" | "ON" | "PN" | "EN" => "ST".to_owned(),
            _ => sent_kind.clone(),
        };
        let text = match &*kind {
            "CD" if coded => take("code").to_owned(),
            _ if tree.attribute(value_node, "value").is_some() => take("value").to_owned(),
            "ST" | "ED" if tree.raw_text(value_node).is_empty() => tree.whole_text(value_node),
            _ if coded && tree.raw_text(value_node).trim().is_empty() => take("code").to_owned(),
            _ => tree.raw_text(value_node).to_owned(),
        };
        let unit = [take("unit"), take("currency")].into_iter().find(|unit| !unit.is_empty()).unwrap_or_default();
        let system =
            [take("codeSystem"), take("codeSystemName")].into_iter().find(|one| !one.is_empty()).unwrap_or_default();
        let value = ActValue {
            kind,
            text,
            display: take("displayName").to_owned(),
            system: right_oid(system).into_owned(),
            unit: unit.to_owned(),
        };
        self.check_value(value_node, id, &value, &sent_kind, expected);
        value
    }

    fn check_value(&mut self, node: Position, id: &str, value: &ActValue, sent_kind: &str, expected: &str) {
        if value.is_empty() {
            self.say(rule::VALUE_EMPTY, node, "");
            return;
        }
        let numeric = |kind: &str| matches!(kind, "PQ" | "INT" | "REAL" | "MO" | "RTO" | "IVL_PQ");
        if sent_kind.is_empty() {
            self.say(rule::VALUE_TYPE_MISSING, node, "").expected = Some(value.kind.clone());
        } else if !expected.is_empty() && value.kind != expected && !(numeric(&value.kind) && numeric(expected)) {
            self.say(rule::VALUE_TYPE_OTHER, node, sent_kind).expected = Some(expected.to_owned());
        }
        match &*value.kind {
            "PQ" | "INT" | "REAL" | "MO" if text::number::parse(&value.text).is_none() => {
                self.say(rule::VALUE_NUMBER_MALFORMED, node, &value.text);
            }
            "BL" if !matches!(value.text.trim(), "true" | "false") => {
                self.say(rule::VALUE_BOOLEAN_MALFORMED, node, &value.text);
            }
            "CD" => {
                let Some(table) = cda::value_table(id).filter(|table| !table.system.is_empty()) else { return };
                if !value.system.is_empty() && value.system != table.system && !table.accepted.contains(&&*value.system)
                {
                    let expected = format!("{} {}", table.system, table.name);
                    self.say(rule::VALUE_TABLE_OTHER, node, &value.system).expected = Some(expected);
                }
            }
            _ => {}
        }
    }
}

fn has_acts_below(tree: &Tree<'_>, node: Position) -> bool {
    tree.children(node).any(|child| matches!(tree.name(child), "entryRelationship" | "component"))
}

fn holds(entries: &[Entry], position: usize, code: &str, name: &str) -> bool {
    entries[position].children.iter().any(|child| {
        let entry = &entries[*child];
        (entry.code == code && plain(entry.name) == name) || holds(entries, *child, code, name)
    })
}

fn holds_code(entries: &[Entry], position: usize, code: &str) -> bool {
    entries[position].children.iter().any(|child| entries[*child].code == code || holds_code(entries, *child, code))
}
