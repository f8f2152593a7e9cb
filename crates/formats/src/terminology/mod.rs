//! What local codes and units mean: the same for documents, HL7 messages, tables and bundles, after they have been read.
//!
//! Nothing that was sent is taken away. An analyte's coding is added beside the local code, the 医保 code beside the clinical
//! one, the UCUM code beside the unit as it was written. Only where a value changes its unit (mg/dL to mmol/L) does the number
//! change, and then the number that was sent stays in the extension [`SENT_VALUE`]. What is not known is said
//! (`terminology.code.unmapped`, `terminology.unit.unmapped`), so that the road can queue it for somebody to map.

use model::Issue;
use serde_json::Value;
pub use standards::maps::{CodeMap, code_map, code_map_named};

mod diagnosis;
mod observation;
pub mod units;

/// The extension of a converted Quantity: the Quantity as it was sent.
pub const SENT_VALUE: &str = "urn:kangmai:sent:value";

/// Adds to a resource what its codes and units mean. `map` is the map of the institution that speaks ([`code_map`]); `path` is
/// where the resource stands and begins the paths of the issues. A second time it changes nothing.
///
/// Observations get analytes and UCUM units, Conditions and Procedures 医保 codes; other types stay as they are.
pub fn normalise(resource: &mut Value, map: &CodeMap, path: &str) -> Vec<Issue> {
    match resource.get("resourceType").and_then(Value::as_str) {
        Some("Observation") => observation::normalise(resource, map, path),
        Some("Condition") => diagnosis::normalise(resource, &diagnosis::DIAGNOSES, path),
        Some("Procedure") => diagnosis::normalise(resource, &diagnosis::PROCEDURES, path),
        _ => Vec::new(),
    }
}
