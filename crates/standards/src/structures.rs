//! Structure definitions of FHIR R4: which elements a type has, how often, of which types, bound to which codes.
//!
//! Shape: one [`Structure`] per resource type, data type and backbone element (`Patient.contact`). JSON names are resolved
//! once, when the file is loaded: `valueQuantity` leads straight to the element `value[x]` and the structure `Quantity`, so that
//! checking a resource is one hash lookup per property.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Read;
use std::sync::LazyLock;

use serde::Deserialize;

/// The embedded file, made by `cargo xtask standards`.
static PACKED: &[u8] = include_bytes!("../../../standards/fhir-r4/structures.json.zst");

/// The primitive types of FHIR R4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

impl Primitive {
    const NAMES: [(Self, &'static str); 20] = [
        (Self::Base64Binary, "base64Binary"),
        (Self::Boolean, "boolean"),
        (Self::Canonical, "canonical"),
        (Self::Code, "code"),
        (Self::Date, "date"),
        (Self::DateTime, "dateTime"),
        (Self::Decimal, "decimal"),
        (Self::Id, "id"),
        (Self::Instant, "instant"),
        (Self::Integer, "integer"),
        (Self::Markdown, "markdown"),
        (Self::Oid, "oid"),
        (Self::PositiveInt, "positiveInt"),
        (Self::String, "string"),
        (Self::Time, "time"),
        (Self::UnsignedInt, "unsignedInt"),
        (Self::Uri, "uri"),
        (Self::Url, "url"),
        (Self::Uuid, "uuid"),
        (Self::Xhtml, "xhtml"),
    ];

    /// FHIR's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(primitive, _)| *primitive == self).map_or("", |(_, name)| name)
    }

    /// Every primitive type, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().map(|(primitive, _)| *primitive)
    }

    /// The primitive type with a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(primitive, _)| *primitive)
    }
}

/// What stands under a JSON name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A primitive value; `_name` may stand beside it.
    Primitive(Primitive),
    /// A JSON object of a structure.
    Structure(StructureId),
    /// A whole resource of any type (`contained`, `Bundle.entry.resource`).
    Resource,
}

/// Address of a structure in [`Structures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StructureId(u16);

/// A JSON name resolved: which element of the structure, as which type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Position in [`Structure::elements`]; below 64.
    pub element: u8,
    /// Its type under this name.
    pub kind: Kind,
}

/// An element of a structure.
#[derive(Debug, Clone)]
pub struct Element {
    /// The name without `[x]`.
    pub name: String,
    /// Whether the type is part of the JSON name (`value[x]`).
    pub is_choice: bool,
    /// How often it must occur at least.
    pub min: u32,
    /// How often it may occur at most; none means any number.
    pub max: Option<u32>,
    /// FHIR's names of its types (a constrained `Quantity` has the name of the constraint).
    pub types: Vec<String>,
    /// The value set that its code must come from; none when there is no required binding, or one whose codes cannot be listed
    /// (currencies, MIME types).
    pub binding: Option<usize>,
    /// Types that a reference may point to; empty means any.
    pub targets: Vec<String>,
}

impl Element {
    /// Whether JSON writes it as an array.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.max != Some(1) && self.max != Some(0)
    }
}

/// A resource type, data type or backbone element.
#[derive(Debug)]
pub struct Structure {
    /// `Patient`, `HumanName`, `Patient.contact`.
    pub name: String,
    /// Whether it is a resource type.
    pub is_resource: bool,
    /// Its elements, in the order of the standard; at most 64.
    pub elements: Vec<Element>,
    /// Bit set of the elements that must occur.
    pub required: u64,
    slots: HashMap<String, Slot, BuildHasherDefault<NameHasher>>,
}

impl Structure {
    /// What a JSON name means here (without the `_` of a companion); `resourceType` is not an element.
    #[must_use]
    pub fn slot(&self, json_name: &str) -> Option<Slot> {
        self.slots.get(json_name).copied()
    }

    /// The element of a slot that this structure gave.
    #[must_use]
    pub fn element(&self, slot: Slot) -> &Element {
        &self.elements[usize::from(slot.element)]
    }

    /// The names that JSON uses, with what they mean; in no order.
    pub fn slots(&self) -> impl Iterator<Item = (&str, Slot)> {
        self.slots.iter().map(|(name, slot)| (name.as_str(), *slot))
    }
}

/// The codes of a required binding.
#[derive(Debug)]
pub struct ValueSet {
    /// Canonical URL, without version.
    pub url: String,
    systems: BTreeMap<String, HashSet<String>>,
}

impl ValueSet {
    /// Whether a code of any of its systems has this text: the question for the data type `code`.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.systems.values().any(|codes| codes.contains(code))
    }

    /// Whether a code of a system is in the set: the question for `Coding`.
    #[must_use]
    pub fn has(&self, system: &str, code: &str) -> bool {
        self.systems.get(system).is_some_and(|codes| codes.contains(code))
    }

    /// The code systems that it takes codes from.
    pub fn systems(&self) -> impl Iterator<Item = &str> {
        self.systems.keys().map(String::as_str)
    }
}

/// Every structure and value set.
#[derive(Debug)]
pub struct Structures {
    structures: Vec<Structure>,
    by_name: HashMap<String, StructureId>,
    value_sets: Vec<ValueSet>,
    regexes: BTreeMap<String, String>,
}

impl Structures {
    /// The structure of a resource type; none when FHIR R4 has no such type.
    #[must_use]
    pub fn resource(&self, type_name: &str) -> Option<&Structure> {
        self.named(type_name).filter(|structure| structure.is_resource)
    }

    /// The structure with a name: a resource type, a data type, or the path of a backbone element.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Structure> {
        self.by_name.get(name).map(|id| self.get(*id))
    }

    /// The structure at an address.
    #[must_use]
    pub fn get(&self, id: StructureId) -> &Structure {
        &self.structures[usize::from(id.0)]
    }

    /// The value set of a binding.
    #[must_use]
    pub fn value_set(&self, binding: usize) -> Option<&ValueSet> {
        self.value_sets.get(binding)
    }

    /// Every structure, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Structure> {
        self.structures.iter()
    }

    /// The published regular expression of a primitive type; empty when there is none.
    #[must_use]
    pub fn regex(&self, primitive: Primitive) -> &str {
        self.regexes.get(primitive.name()).map_or("", String::as_str)
    }
}

/// The structures of FHIR R4, loaded at the first call (a few milliseconds).
#[must_use]
pub fn structures() -> &'static Structures {
    static STRUCTURES: LazyLock<Structures> = LazyLock::new(load);
    &STRUCTURES
}

#[derive(Deserialize)]
struct File {
    primitives: BTreeMap<String, String>,
    #[serde(rename = "valueSets")]
    value_sets: Vec<FileValueSet>,
    structures: Vec<FileStructure>,
}

#[derive(Deserialize)]
struct FileValueSet {
    url: String,
    codes: BTreeMap<String, HashSet<String>>,
}

#[derive(Deserialize)]
struct FileStructure {
    name: String,
    #[serde(default)]
    resource: bool,
    elements: Vec<FileElement>,
}

#[derive(Deserialize)]
struct FileElement {
    name: String,
    types: Vec<String>,
    #[serde(default)]
    min: u32,
    max: Option<u32>,
    binding: Option<usize>,
    #[serde(default)]
    targets: Vec<String>,
}

#[expect(clippy::unwrap_used, reason = "the file is part of the binary and every test of this module loads it")]
fn load() -> Structures {
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::new(PACKED).and_then(|mut decoder| decoder.read_to_end(&mut plain)).unwrap();
    let file: File = serde_json::from_slice(&plain).unwrap();
    let mut by_name = HashMap::with_capacity(file.structures.len());
    for (at, structure) in file.structures.iter().enumerate() {
        by_name.insert(structure.name.clone(), StructureId(u16::try_from(at).unwrap()));
    }
    let structures = file.structures.into_iter().map(|structure| resolve(structure, &by_name).unwrap()).collect();
    let value_sets = file.value_sets.into_iter().map(|set| ValueSet { url: set.url, systems: set.codes }).collect();
    Structures { structures, by_name, value_sets, regexes: file.primitives }
}

/// Gives every JSON name of a structure its slot; none when a type is unknown or there are more elements than bits.
fn resolve(file: FileStructure, by_name: &HashMap<String, StructureId>) -> Option<Structure> {
    let mut out = Structure {
        name: file.name,
        is_resource: file.resource,
        elements: Vec::with_capacity(file.elements.len()),
        required: 0,
        slots: HashMap::default(),
    };
    for (at, element) in file.elements.into_iter().enumerate() {
        let position = u8::try_from(at).ok().filter(|position| *position < 64)?;
        if element.min > 0 {
            out.required |= 1 << position;
        }
        let (name, is_choice) =
            element.name.strip_suffix("[x]").map_or((element.name.as_str(), false), |name| (name, true));
        let mut types = Vec::with_capacity(element.types.len());
        for spelled in &element.types {
            let (code, own) = spelled.split_once('/').unwrap_or((spelled, spelled));
            let kind = match (own, Primitive::of(own)) {
                (_, Some(primitive)) => Kind::Primitive(primitive),
                ("Resource", _) => Kind::Resource,
                _ => Kind::Structure(*by_name.get(own)?),
            };
            let json_name = if is_choice { format!("{name}{}", capitalized(code)) } else { name.to_owned() };
            out.slots.insert(json_name, Slot { element: position, kind });
            types.push(own.to_owned());
        }
        let FileElement { min, max, binding, targets, .. } = element;
        out.elements.push(Element { name: name.to_owned(), is_choice, min, max, types, binding, targets });
    }
    Some(out)
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// FNV-1a: the tables are fixed and only looked up, so nobody can fill a bucket.
#[derive(Debug, Clone, Copy)]
struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use model::TypeCode;

    use super::*;

    #[test]
    fn every_stored_type_has_a_structure() {
        for type_code in TypeCode::all() {
            assert!(structures().resource(type_code.name()).is_some(), "{type_code}");
        }
        for name in ["Bundle", "OperationOutcome", "Parameters", "Group", "Composition"] {
            assert!(structures().resource(name).is_some(), "{name}");
        }
        assert!(structures().resource("HumanName").is_none());
        assert!(structures().resource("DomainResource").is_none());
    }

    #[test]
    fn names_lead_to_elements() {
        let observation = structures().resource("Observation").unwrap();
        let slot = observation.slot("valueQuantity").unwrap();
        assert_eq!(observation.element(slot).name, "value");
        assert!(observation.element(slot).is_choice);
        assert!(matches!(slot.kind, Kind::Structure(id) if structures().get(id).name == "Quantity"));
        assert!(observation.slot("value").is_none());
        let status = observation.element(observation.slot("status").unwrap());
        assert_eq!((status.min, status.max), (1, Some(1)));
        let codes = structures().value_set(status.binding.unwrap()).unwrap();
        assert!(codes.has_code("final") && !codes.has_code("Final"));
        assert!(codes.has("http://hl7.org/fhir/observation-status", "final"));
        assert_eq!(observation.slot("id").unwrap().kind, Kind::Primitive(Primitive::Id));
        // A content reference is the structure that it names.
        let component = structures().named("Observation.component").unwrap();
        assert!(matches!(component.slot("referenceRange").unwrap().kind,
            Kind::Structure(id) if structures().get(id).name == "Observation.referenceRange"));
        // A constrained type keeps the JSON name of its base.
        let dosage = structures().named("MedicationAdministration.dosage").unwrap();
        assert!(matches!(dosage.slot("rateQuantity").unwrap().kind,
            Kind::Structure(id) if structures().get(id).name == "SimpleQuantity"));
        assert_eq!(
            observation.element(observation.slot("subject").unwrap()).targets,
            ["Device", "Group", "Location", "Patient"]
        );
        assert!(observation.element(observation.slot("focus").unwrap()).targets.is_empty());
    }

    #[test]
    fn hierarchies_of_codes_are_whole() {
        let request = structures().named("ServiceRequest").unwrap();
        let intent = structures().value_set(request.element(request.slot("intent").unwrap()).binding.unwrap()).unwrap();
        assert!(
            intent.has_code("order") && intent.has_code("filler-order"),
            "nested concepts are part of a code system"
        );
    }
}
