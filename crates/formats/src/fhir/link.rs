//! References: their form, and the types that the standard allows them to point to.

use serde_json::{Map, Value};
use standards::{Element, structures};

use super::check::Walk;
use super::grammar;
use super::path::Path;
use super::reference::{self, Reference};
use super::rules;

/// Checks the `reference` of a `Reference`; one that has only an identifier or a display says nothing about its target.
pub(super) fn check(walk: &mut Walk<'_>, path: &Path<'_>, element: &Element, map: &Map<String, Value>) {
    let Some(text) = map.get("reference").and_then(Value::as_str) else { return };
    let place = path.name("reference");
    let Ok(found) = reference::parse(text) else {
        return walk.report(&rules::REFERENCE_FORM, &place, |issue| {
            issue.found(text).expected("Type/id, an absolute URL, urn:uuid:…, #id or Type?query")
        });
    };
    let target = match found {
        Reference::Contained(id) => {
            let Some(name) = contained_type(walk, id) else {
                return walk.report(&rules::REFERENCE_CONTAINED, &place, |issue| issue.found(text));
            };
            name
        }
        Reference::Local { type_name, .. } | Reference::Conditional { type_name, .. } => type_name,
        // Another server's URL may look like FHIR's REST form by chance.
        Reference::Remote { type_name, .. } if structures().resource(type_name).is_some() => type_name,
        Reference::Remote { .. } | Reference::Url(_) | Reference::Urn(_) => return,
    };
    let is_known = structures().resource(target).is_some();
    let is_allowed = element.targets.is_empty() || element.targets.iter().any(|name| name == target);
    if !is_known || !is_allowed {
        let expected = if element.targets.is_empty() {
            "a resource type of FHIR R4".to_owned()
        } else {
            element.targets.join(", ")
        };
        walk.report(&rules::REFERENCE_TARGET, &place, |issue| issue.found(text).expected(expected));
    }
}

/// `Bundle.entry.fullUrl` is the absolute address of the entry's resource.
pub(super) fn check_full_url(walk: &mut Walk<'_>, path: &Path<'_>, map: &Map<String, Value>) {
    let Some(text) = map.get("fullUrl").and_then(Value::as_str) else { return };
    if !grammar::has_scheme(text) {
        walk.report(&rules::REFERENCE_FORM, &path.name("fullUrl"), |issue| {
            issue.found(text).expected("an absolute URL")
        });
    }
}

/// The type of a contained resource; of the container itself for the empty id (`#`).
fn contained_type<'r>(walk: &Walk<'r>, id: &str) -> Option<&'r str> {
    let container = walk.container?;
    if id.is_empty() {
        return container.get("resourceType")?.as_str();
    }
    let contained = container.get("contained")?.as_array()?;
    let found = contained.iter().find(|resource| resource.get("id").and_then(Value::as_str) == Some(id))?;
    found.get("resourceType")?.as_str()
}
