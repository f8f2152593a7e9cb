//! Checking a record: one pass over its elements, then the relations between those that stand at known places.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use model::{Element, Issue};

use crate::compile::{Plan, Rules, issue, issue_at};
use crate::value::folded;

/// What is known about a record beside its elements.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordContext<'a> {
    /// What it is: `cda:C0007`, `hl7v2:ADT^A01`, `table:charge`. The rules of required elements choose by it.
    pub record_type: &'a str,
    /// When the source says that this was so, in milliseconds since 1970.
    pub effective_ms: Option<i64>,
    /// When the message came, in milliseconds since 1970; without it nothing lies in the future.
    pub received_ms: Option<i64>,
    /// Where the record stands in the message: `row[17]`. Findings about something that is missing point here.
    pub path: &'a str,
    /// The line where it begins, from 1; 0 when unknown.
    pub line: u32,
}

/// An element that stands at a known place and holds something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub place: usize,
    pub element: &'a Element,
}

/// A record while it is checked.
pub(crate) struct Checked<'a> {
    pub rules: &'a Rules,
    pub context: &'a RecordContext<'a>,
    pub elements: &'a [Element],
    pub seen: Vec<Seen<'a>>,
    pub issues: Vec<Issue>,
}

impl Rules {
    /// Everything that the rules find about one record, in the order of its elements; what concerns several elements comes after.
    #[must_use]
    pub fn check(&self, context: &RecordContext<'_>, elements: &[Element]) -> Vec<Issue> {
        let mut checked = Checked { rules: self, context, elements, seen: Vec::new(), issues: Vec::new() };
        let mut groups = Groups::new(elements.len());
        for (position, element) in elements.iter().enumerate() {
            let Some(plan) = self.plan(&element.id) else {
                checked.unknown_element(element);
                continue;
            };
            let value = folded(&element.value);
            if self.is_nothing(&value) || (plan.is_time() && self.is_nothing_day(&value)) {
                continue;
            }
            groups.add(position, element, &value);
            checked.seen.extend(
                plan.places.iter().filter(|one| one.fits(element)).map(|one| Seen { place: one.place, element }),
            );
            checked.value(plan, element, &value);
        }
        checked.person();
        checked.analytes();
        checked.relations();
        checked.repeated(&groups, elements);
        checked.issues
    }
}

impl<'a> Checked<'a> {
    fn unknown_element(&mut self, element: &Element) {
        // Places without a national identifier carry an empty or a local one: only what claims to be national is looked up.
        if element.id.starts_with("DE") {
            let found = issue_at("quality.element.unknown", None, None, element).found(&element.id);
            self.issues.push(found.expected("WS 363 数据元标识符").hint("核对数据元标识符"));
        }
    }

    /// The elements at a place, in the order of the record.
    pub(crate) fn at(&self, place: usize) -> impl Iterator<Item = &'a Element> + '_ {
        self.seen.iter().filter(move |seen| seen.place == place).map(|seen| seen.element)
    }

    /// The first element at a place.
    pub(crate) fn first(&self, place: usize) -> Option<&'a Element> {
        self.at(place).next()
    }

    /// A finding at an element.
    pub(crate) fn find(
        &mut self,
        rule: &str,
        severity: Option<model::Severity>,
        element: &Element,
        expected: String,
        hint: impl Into<String>,
    ) {
        let plan: Option<&Plan> = self.rules.plan(&element.id);
        self.issues.push(issue_at(rule, severity, plan, element).expected(expected).hint(hint));
    }

    fn repeated(&mut self, groups: &Groups, elements: &[Element]) {
        for (again, first) in groups.repeated() {
            let element = &elements[again];
            let expected = format!("与 {} 处的条目不同", elements[first].path);
            self.find("quality.duplicate.group", None, element, expected, "同一条目只需传一次");
        }
    }
}

/// Fewest filled elements of a repetition that is compared: two repetitions with one equal value (two times 阴性) are no slip.
const COMPARED_ELEMENTS_MIN: u32 = 3;

/// Fingerprints of the repetitions of a record.
struct Groups {
    /// By number of the group: fingerprint, elements, position of the first.
    slots: Vec<(u64, u32, usize)>,
    limit: usize,
}

impl Groups {
    fn new(elements: usize) -> Self {
        Self { slots: Vec::new(), limit: elements + 1 }
    }

    fn add(&mut self, position: usize, element: &Element, value: &str) {
        let group = element.group as usize;
        // Group 0 is the head; numbers beyond the elements are no count of repetitions.
        if group == 0 || group > self.limit {
            return;
        }
        if self.slots.len() <= group {
            self.slots.resize(group + 1, (SEED, 0, 0));
        }
        let slot = &mut self.slots[group];
        if slot.1 == 0 {
            slot.2 = position;
        }
        slot.0 = fingerprint(fingerprint(fingerprint(slot.0, &element.id), &element.name), value);
        slot.1 += 1;
    }

    /// Positions of the first element of a repetition that was there before, and of the one that it repeats.
    fn repeated(&self) -> Vec<(usize, usize)> {
        let mut seen: HashMap<u64, usize> = HashMap::new();
        let mut found = Vec::new();
        for (hash, count, position) in self.slots.iter().filter(|slot| slot.1 >= COMPARED_ELEMENTS_MIN) {
            match seen.entry(hash.wrapping_add(u64::from(*count))) {
                Entry::Occupied(first) => found.push((*position, *first.get())),
                Entry::Vacant(slot) => {
                    slot.insert(*position);
                }
            }
        }
        found
    }
}

/// The start of an FNV-1a hash: what is compared is trusted, so a keyed hash is not needed.
const SEED: u64 = 0xCBF2_9CE4_8422_2325;

fn fingerprint(mut hash: u64, text: &str) -> u64 {
    for byte in text.bytes().chain([0xFF]) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash
}

/// Records of one message that say the same: path, line and content of each, in order. The later one is named. What the content
/// is, and what of it is only envelope, the caller knows.
pub fn duplicates<'a, Content: Eq + Hash>(records: impl IntoIterator<Item = (&'a str, u32, Content)>) -> Vec<Issue> {
    let mut seen: HashMap<Content, &str> = HashMap::new();
    let mut issues = Vec::new();
    for (path, line, content) in records {
        match seen.entry(content) {
            Entry::Occupied(first) => {
                let found = issue("quality.duplicate.record", None, path).at(line, 0);
                issues.push(found.expected(format!("与 {} 不同的记录", first.get())).hint("同一记录只需传一次"));
            }
            Entry::Vacant(slot) => {
                slot.insert(path);
            }
        }
    }
    issues
}
