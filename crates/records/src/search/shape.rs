//! `_summary` and `_elements`: parts of resources, marked `SUBSETTED` so that nobody takes them for the whole.

use serde_json::{Map, Value as Json, json};

use super::query::{Options, Summary};

/// What every part keeps: without these it would not be a resource that can be fetched again.
const ALWAYS: [&str; 3] = ["resourceType", "id", "meta"];

/// Whether the resource is answered as it is.
pub(super) fn is_whole(options: &Options<'_>) -> bool {
    options.elements.is_empty() && matches!(options.summary, Summary::False | Summary::Count)
}

/// The part that was asked for.
pub(super) fn cut(options: &Options<'_>, resource: Json) -> Json {
    let Json::Object(members) = resource else { return resource };
    let type_name = members.get("resourceType").and_then(Json::as_str).unwrap_or_default().to_owned();
    let required = standards::required_elements(&type_name);
    let kept = |name: &str| {
        let plain = name.strip_prefix('_').unwrap_or(name);
        let in_elements = || options.elements.iter().any(|element| element == plain);
        ALWAYS.contains(&plain)
            || required.iter().any(|name| name == plain)
            || match options.summary {
                Summary::True => standards::summary_elements(&type_name).iter().any(|name| name == plain),
                Summary::Text => plain == "text",
                Summary::Data => plain != "text",
                Summary::False | Summary::Count => in_elements(),
            }
    };
    let mut part: Map<String, Json> = members.into_iter().filter(|(name, _)| kept(name)).collect();
    mark(&mut part);
    Json::Object(part)
}

fn mark(part: &mut Map<String, Json>) {
    let meta = part.entry("meta").or_insert_with(|| json!({}));
    let Some(meta) = meta.as_object_mut() else { return };
    let tags = meta.entry("tag").or_insert_with(|| json!([]));
    if let Some(tags) = tags.as_array_mut() {
        tags.push(json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED",
        }));
    }
}
