//! The elements that search expressions walk through: their names in JSON and their types, from the structure
//! definitions.

use standards::structures::{Element, Kind, Structure, Structures};

/// One type that an element can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    /// Name of the member in JSON: a choice has one for each type (`valueQuantity`).
    pub json_name: &'static str,
    /// Datatype, or path of an element with children of its own (`Patient.contact`).
    pub type_name: &'static str,
    /// For a `code` that must come from one code system: that system.
    pub code_system: Option<&'static str>,
}

/// What `name` can be inside `type_name`, in the order of the standard; nothing when there is no such element.
pub(super) fn children(type_name: &str, name: &str) -> Vec<Child> {
    let structures = standards::structures();
    let Some(structure) = structures.named(type_name) else { return Vec::new() };
    let mut found: Vec<Child> = structure
        .slots()
        .filter(|(_, slot)| structure.element(*slot).name == name)
        .filter_map(|(json_name, slot)| child(structures, structure.element(slot), json_name, slot.kind))
        .collect();
    found.sort_by_key(|child| position(structure, name, child.type_name));
    found
}

fn child(
    structures: &'static Structures,
    element: &'static Element,
    json_name: &'static str,
    kind: Kind,
) -> Option<Child> {
    let type_name = match kind {
        Kind::Primitive(primitive) => primitive.name(),
        Kind::Structure(id) => &structures.get(id).name,
        Kind::Resource => return None,
    };
    let mut systems =
        element.binding.and_then(|at| structures.value_set(at)).into_iter().flat_map(standards::ValueSet::systems);
    let code_system = match (systems.next(), systems.next()) {
        (only, None) if type_name == "code" => only,
        _ => None,
    };
    Some(Child { json_name, type_name, code_system })
}

fn position(structure: &Structure, name: &str, type_name: &str) -> Option<usize> {
    let element = structure.elements.iter().find(|element| element.name == name)?;
    element.types.iter().position(|known| known == type_name)
}
