//! The engine's question "of which type is this?", answered by the structure definitions.
//!
//! One name is another: a `Quantity` is called `SimpleQuantity`. What the engine knows as `Quantity` it turns into a quantity of its own,
//! which has no system and no comparator, whose code is the display unit and whose number is the binary one with thirty digits. Under
//! the other name it stays the JSON that it is; `is`, `as` and `ofType` find it all the same, because a `SimpleQuantity` is a `Quantity`.

use async_trait::async_trait;
use octofhir_fhir_model::Result;
use octofhir_fhir_model::provider::{ChoiceTypeInfo, ElementInfo, ModelProvider, TypeInfo};
use standards::{Kind, Primitive, Slot, structures};

/// The types of FHIR R4.
#[derive(Debug)]
pub(super) struct StructureModel;

const SYSTEM_TYPES: [&str; 9] =
    ["Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity"];

/// The name under which the engine leaves a `Quantity` as it is.
const QUANTITY: &str = "SimpleQuantity";

/// The name of a type as FHIR calls it, given the engine's.
pub(super) fn fhir_name(name: &str) -> &str {
    if name == QUANTITY { "Quantity" } else { name }
}

/// A FHIR type as the engine describes it: with the `FHIRPath` type that it behaves as.
fn info(name: &str, is_single: bool) -> TypeInfo {
    let name = if name == "Quantity" { QUANTITY } else { name };
    let behaves_as = match Primitive::of(name) {
        Some(Primitive::Boolean) => "Boolean",
        Some(Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt) => "Integer",
        Some(Primitive::Decimal) => "Decimal",
        Some(Primitive::Date) => "Date",
        Some(Primitive::DateTime | Primitive::Instant) => "DateTime",
        Some(Primitive::Time) => "Time",
        Some(_) => "String",
        None => "Any",
    };
    TypeInfo {
        type_name: behaves_as.to_owned(),
        singleton: Some(is_single),
        is_empty: Some(false),
        namespace: Some("FHIR".to_owned()),
        name: Some(name.to_owned()),
    }
}

/// Whether FHIR has a type of this name.
pub(super) fn is_fhir_type(name: &str) -> bool {
    Primitive::of(name).is_some() || structures().named(name).is_some()
}

pub(super) fn name_of(slot: Slot) -> &'static str {
    match slot.kind {
        Kind::Primitive(primitive) => primitive.name(),
        Kind::Resource => "Resource",
        Kind::Structure(id) => match structures().get(id).name.as_str() {
            // Constraints on Quantity, not types of their own.
            "SimpleQuantity" | "MoneyQuantity" => "Quantity",
            name => name,
        },
    }
}

fn own_name(info: &TypeInfo) -> &str {
    fhir_name(info.name.as_deref().unwrap_or(&info.type_name))
}

/// The name of a primitive as FHIR writes it. Under a choice element the engine calls `dateTime` `datetime`; without this `as(dateTime)`
/// selects nothing.
pub(super) fn spelled(name: &str) -> &str {
    if Primitive::of(name).is_some() || SYSTEM_TYPES.contains(&name) {
        return name;
    }
    Primitive::all().map(Primitive::name).find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name)
}

/// The type that a FHIR type specializes; none for `Element`, `Resource` and what is no type.
fn parent_of(name: &str) -> Option<&'static str> {
    match name {
        "Element" | "Resource" => None,
        "BackboneElement" => Some("Element"),
        "code" | "id" | "markdown" => Some("string"),
        "url" | "canonical" | "uuid" | "oid" => Some("uri"),
        "positiveInt" | "unsignedInt" => Some("integer"),
        "Age" | "Count" | "Distance" | "Duration" | "SimpleQuantity" | "MoneyQuantity" => Some("Quantity"),
        "DomainResource" | "Bundle" | "Binary" | "Parameters" => Some("Resource"),
        _ if Primitive::of(name).is_some() => Some("Element"),
        _ => {
            let structure = structures().named(name)?;
            Some(match structure.is_resource {
                true => "DomainResource",
                false if name.contains('.') => "BackboneElement",
                false => "Element",
            })
        }
    }
}

/// Whether a FHIR type is another, or specializes it.
pub(super) fn is_a(name: &str, base: &str) -> bool {
    std::iter::successors(Some(name), |name| parent_of(name)).any(|name| name == base)
}

#[async_trait]
impl ModelProvider for StructureModel {
    async fn get_type(&self, type_name: &str) -> Result<Option<TypeInfo>> {
        let is_abstract = matches!(type_name, "Resource" | "DomainResource" | "BackboneElement");
        if is_abstract || structures().named(type_name).is_some() || Primitive::of(type_name).is_some() {
            return Ok(Some(info(type_name, true)));
        }
        Ok(SYSTEM_TYPES.contains(&type_name).then(|| TypeInfo::system_type(type_name.to_owned(), true)))
    }

    async fn get_element_type(&self, parent_type: &TypeInfo, property_name: &str) -> Result<Option<TypeInfo>> {
        let Some(structure) = structures().named(own_name(parent_type)) else { return Ok(None) };
        let slot = structure.slot(property_name);
        Ok(slot.map(|slot| info(name_of(slot), !structure.element(slot).repeats())))
    }

    fn of_type(&self, type_info: &TypeInfo, target_type: &str) -> Option<TypeInfo> {
        let target = target_type.strip_prefix("FHIR.").unwrap_or(target_type);
        let is_it = type_info.type_name == target || is_a(spelled(own_name(type_info)), target);
        is_it.then(|| type_info.clone())
    }

    fn is_type_derived_from(&self, derived_type: &str, base_type: &str) -> bool {
        is_a(spelled(derived_type), base_type)
    }

    fn get_element_names(&self, parent_type: &TypeInfo) -> Vec<String> {
        let elements = structures().named(own_name(parent_type)).into_iter().flat_map(|structure| &structure.elements);
        elements.map(|element| element.name.clone()).collect()
    }

    async fn get_children_type(&self, _parent_type: &TypeInfo) -> Result<Option<TypeInfo>> {
        Ok(None)
    }

    async fn get_elements(&self, type_name: &str) -> Result<Vec<ElementInfo>> {
        let elements = structures().named(fhir_name(type_name)).into_iter().flat_map(|structure| &structure.elements);
        let described = elements.map(|element| ElementInfo {
            name: element.name.clone(),
            element_type: element.types.first().cloned().unwrap_or_default(),
            documentation: None,
        });
        Ok(described.collect())
    }

    async fn get_resource_types(&self) -> Result<Vec<String>> {
        Ok(structures()
            .iter()
            .filter(|structure| structure.is_resource)
            .map(|structure| structure.name.clone())
            .collect())
    }

    async fn get_complex_types(&self) -> Result<Vec<String>> {
        let types = structures().iter().filter(|structure| !structure.is_resource && !structure.name.contains('.'));
        Ok(types.map(|structure| structure.name.clone()).collect())
    }

    async fn get_primitive_types(&self) -> Result<Vec<String>> {
        Ok(Primitive::all().map(|primitive| primitive.name().to_owned()).collect())
    }

    async fn get_choice_types(&self, parent_type: &str, property_name: &str) -> Result<Option<Vec<ChoiceTypeInfo>>> {
        let Some(structure) = structures().named(fhir_name(parent_type)) else { return Ok(None) };
        let of_choice = structure.slots().filter(|(_, slot)| {
            let element = structure.element(*slot);
            element.is_choice && element.name == property_name
        });
        let choices: Vec<ChoiceTypeInfo> = of_choice
            .map(|(name, slot)| ChoiceTypeInfo {
                suffix: name[property_name.len()..].to_owned(),
                type_name: name_of(slot).to_owned(),
            })
            .collect();
        Ok((!choices.is_empty()).then_some(choices))
    }
}
