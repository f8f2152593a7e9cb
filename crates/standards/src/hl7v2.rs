//! What the platform knows about HL7 v2 (消息): segments and their fields, which field carries which data element, what the
//! events mean, what codes stand for, and from which fields the keys of claims are taken.
//!
//! All of it is data in `standards/hl7v2/`, parsed once at first use; the reader in `formats` holds no table of its own.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;

static SEGMENTS: &str = include_str!("../../../standards/hl7v2/segments.toml");
static ELEMENTS: &str = include_str!("../../../standards/hl7v2/elements.toml");
static EVENTS: &str = include_str!("../../../standards/hl7v2/events.toml");
static CODES: &str = include_str!("../../../standards/hl7v2/codes.toml");
static CLAIMS: &str = include_str!("../../../standards/hl7v2/claims.toml");
static RULES: &str = include_str!("../../../standards/rules/hl7v2.toml");

/// A place in a message: `PID-5.1` is the first component of the fifth field of PID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Place {
    /// `PID`.
    pub segment: String,
    /// The field, from 1.
    pub field: u16,
    /// The component, from 1; 0 is the whole field.
    pub component: u16,
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place of a message: expected SEG-field or SEG-field.component")]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (segment, rest) = text.split_once('-').filter(|(segment, _)| segment.len() == 3).ok_or(NoPlace)?;
        let (field, component) = rest.split_once('.').unwrap_or((rest, "0"));
        let field = field.parse().map_err(|_| NoPlace)?;
        let component = component.parse().map_err(|_| NoPlace)?;
        Ok(Self { segment: segment.to_owned(), field, component })
    }
}

impl TryFrom<String> for Place {
    type Error = NoPlace;

    fn try_from(text: String) -> Result<Self, NoPlace> {
        text.parse()
    }
}

/// A data element that a field carries.
#[derive(Debug, Clone, Deserialize)]
pub struct ElementAt {
    /// Where.
    pub at: Place,
    /// Identifier in WS 363.
    pub id: String,
    /// Its name at this place.
    pub name: String,
    /// Only for visits of these classes; empty means any.
    #[serde(default)]
    pub class: Vec<String>,
    /// Only for these value types (OBX-2) or kinds of identifiers (CX-5); empty means any.
    #[serde(default, rename = "type")]
    pub types: Vec<String>,
    /// Whether component 2 is the text of the code and component 3 its system.
    #[serde(default)]
    pub coded: bool,
}

/// A segment (消息段).
#[derive(Debug, Clone)]
pub struct Segment {
    /// `PID`.
    pub id: String,
    /// What it is called in Chinese.
    pub name: String,
    /// Occurs once in a message.
    pub once: bool,
    /// Each one is a repetition of its own for the quality rules.
    pub group: bool,
    /// What its fields carry.
    pub elements: Vec<ElementAt>,
    mapped: u64,
    names: BTreeMap<u16, String>,
}

impl Segment {
    /// Whether the field has a place of its own in FHIR. Fields beyond 63 have none.
    #[must_use]
    pub fn is_mapped(&self, field: u16) -> bool {
        field < 64 && self.mapped & (1 << field) != 0
    }

    /// What the field is called in Chinese; empty when nobody has named it.
    #[must_use]
    pub fn field_name(&self, field: u16) -> &str {
        self.names.get(&field).map_or("", String::as_str)
    }
}

/// Which part of the reader takes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Patient and visit (ADT).
    Admission,
    /// Two identifiers are one patient.
    Merge,
    /// Reports with results (ORU).
    Result,
    /// Orders of services (ORM, OMG).
    Order,
    /// Orders of medication (RDE).
    Medication,
    /// Charges (DFT).
    Charge,
}

/// What a message does to the patient or the visit that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    /// It names it, nothing more.
    #[default]
    Mention,
    /// What it says is what is so now.
    Merge,
}

/// An event (事件): a message type with its trigger.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// `ADT^A01`.
    pub code: String,
    /// What it is called in Chinese.
    pub name: String,
    /// Who reads it.
    pub content: Content,
    /// The segments without which it says nothing.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What it does to the patient.
    #[serde(default)]
    pub patient: Touch,
    /// What it does to the visit.
    #[serde(default)]
    pub visit: Touch,
    /// The class of the visit, where PV1-2 does not say.
    pub class: Option<String>,
    /// The status of the visit, where the event decides it.
    pub status: Option<String>,
    /// Members of the visit that it takes back: `period.end`.
    #[serde(default)]
    pub clear: Vec<String>,
}

/// From which fields keys and times are taken: the first valued one counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// 机构编码.
    pub institution: Vec<Place>,
    /// 院区.
    pub branch: Vec<Place>,
    /// 就诊流水号.
    pub visit: Vec<Place>,
    /// 报告号.
    pub report: Vec<Place>,
    /// The day that belongs to a report number.
    pub report_day: Vec<Place>,
    /// 医嘱号.
    pub order: Vec<Place>,
    /// When an admission message was so.
    pub effective_admission: Vec<Place>,
    /// When a result was so.
    pub effective_result: Vec<Place>,
    /// When an order was so.
    pub effective_order: Vec<Place>,
    /// When a charge was so.
    pub effective_charge: Vec<Place>,
}

/// A rule that the reader can speak of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderRule {
    /// `hl7v2.charset.declaration-lies`.
    pub id: String,
    /// `information`, `warning`, `error`, `fatal`.
    pub severity: model::Severity,
    /// Title in Chinese.
    pub zh: String,
    /// Title in English.
    pub en: String,
}

/// All of it.
#[derive(Debug)]
pub struct Hl7v2 {
    segments: HashMap<String, Segment>,
    events: HashMap<String, Event>,
    codes: HashMap<String, HashMap<String, String>>,
    rules: HashMap<String, ReaderRule>,
    /// From which fields keys are taken.
    pub claims: Claims,
}

impl Hl7v2 {
    /// What is known about a segment.
    #[must_use]
    pub fn segment(&self, id: &str) -> Option<&Segment> {
        self.segments.get(id)
    }

    /// What an event means: `ADT^A01`.
    #[must_use]
    pub fn event(&self, code: &str) -> Option<&Event> {
        self.events.get(code)
    }

    /// The events, in no order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }

    /// What a code of a table stands for; letter case does not matter.
    #[must_use]
    pub fn code(&self, table: &str, code: &str) -> Option<&str> {
        let table = self.codes.get(table)?;
        let found = table.get(code).or_else(|| table.get(&code.to_uppercase()))?;
        Some(found)
    }

    /// A rule of the reader.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&ReaderRule> {
        self.rules.get(id)
    }

    /// The rules of the reader, in no order.
    pub fn rules(&self) -> impl Iterator<Item = &ReaderRule> {
        self.rules.values()
    }
}

/// What the platform knows about HL7 v2, loaded at the first call.
#[must_use]
pub fn hl7v2() -> &'static Hl7v2 {
    static LOADED: LazyLock<Hl7v2> = LazyLock::new(load);
    &LOADED
}

#[derive(Deserialize)]
struct SegmentFile {
    segment: Vec<SegmentRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentRow {
    id: String,
    name: String,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    group: bool,
    mapped: String,
    names: String,
}

#[derive(Deserialize)]
struct ElementFile {
    element: Vec<ElementAt>,
}

#[derive(Deserialize)]
struct EventFile {
    event: Vec<Event>,
}

#[derive(Deserialize)]
struct RuleFile {
    rule: Vec<ReaderRule>,
}

#[expect(clippy::unwrap_used, reason = "the files are part of the binary and the test of this module loads them")]
fn load() -> Hl7v2 {
    let file: SegmentFile = toml::from_str(SEGMENTS).unwrap();
    let mut segments: HashMap<String, Segment> = HashMap::with_capacity(file.segment.len());
    for row in file.segment {
        let segment = segment(row).unwrap();
        segments.insert(segment.id.clone(), segment);
    }
    let file: ElementFile = toml::from_str(ELEMENTS).unwrap();
    for element in file.element {
        segments.get_mut(&element.at.segment).unwrap().elements.push(element);
    }
    let events: EventFile = toml::from_str(EVENTS).unwrap();
    let rules: RuleFile = toml::from_str(RULES).unwrap();
    let codes: HashMap<String, HashMap<String, String>> = toml::from_str(CODES).unwrap();
    Hl7v2 {
        segments,
        events: events.event.into_iter().map(|event| (event.code.clone(), event)).collect(),
        codes: codes.into_iter().map(|(name, table)| (name, in_capitals(table))).collect(),
        rules: rules.rule.into_iter().map(|rule| (rule.id.clone(), rule)).collect(),
        claims: toml::from_str(CLAIMS).unwrap(),
    }
}

fn in_capitals(table: HashMap<String, String>) -> HashMap<String, String> {
    table.into_iter().map(|(code, meaning)| (code.to_uppercase(), meaning)).collect()
}

/// `1-4 6` and `1 序号; 2 姓名` resolved; none when they cannot be read.
fn segment(row: SegmentRow) -> Option<Segment> {
    let mut mapped = 0_u64;
    for range in row.mapped.split_whitespace() {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        for field in first.parse::<u64>().ok()?..=last.parse::<u64>().ok()? {
            mapped |= 1_u64.checked_shl(u32::try_from(field).ok()?)?;
        }
    }
    let mut names = BTreeMap::new();
    for name in row.names.split(';').map(str::trim).filter(|name| !name.is_empty()) {
        let (field, name) = name.split_once(' ')?;
        names.insert(field.parse().ok()?, name.to_owned());
    }
    let SegmentRow { id, name, once, group, .. } = row;
    Some(Segment { id, name, once, group, elements: Vec::new(), mapped, names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_hold_together() {
        let known = hl7v2();
        let patient = known.segment("PID").unwrap();
        assert!(patient.is_mapped(5) && !patient.is_mapped(22) && !patient.is_mapped(200));
        assert_eq!(patient.field_name(5), "姓名");
        assert!(patient.elements.iter().any(|element| element.id == "DE02.01.039.00"));
        assert_eq!(known.code("class", "i"), Some("I"));
        assert_eq!(known.code("identifier", "身份证"), Some("01"));
        assert_eq!(known.code("class", "?"), None);
        assert_eq!(known.event("ADT^A03").unwrap().status.as_deref(), Some("finished"));
        for event in known.events() {
            for segment in &event.needs {
                assert!(known.segment(segment).is_some(), "{} needs {segment}", event.code);
            }
        }
        for rule in known.rules() {
            assert!(rule.id.starts_with("hl7v2.") && !rule.zh.is_empty() && !rule.en.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn places_are_read() {
        let place: Place = "PV1-19.4".parse().unwrap();
        assert_eq!((place.segment.as_str(), place.field, place.component), ("PV1", 19, 4));
        assert_eq!("PID-3".parse::<Place>().unwrap().component, 0);
        assert!("PID3".parse::<Place>().is_err() && "P-1".parse::<Place>().is_err());
    }
}
