//! The table: structure, key, severity, what it says, and when it holds.

use std::cmp::Ordering;
use std::collections::HashSet;

use model::Severity;
use serde_json::Value;

use super::values::{Object, compare_decimals, has, has_choice, has_coding, is_after, is_negative, objects, text};
use crate::fhir::narrative;

/// One invariant of a structure.
pub(super) struct Invariant {
    /// The structure whose objects it is about.
    pub(super) structure: &'static str,
    /// The standard's key.
    pub(super) key: &'static str,
    /// The standard's severity.
    pub(super) severity: Severity,
    /// What it says.
    pub(super) human: &'static str,
    /// Whether an object fulfils it.
    pub(super) holds: fn(&Object) -> bool,
}

const UCUM: &str = "http://unitsofmeasure.org";
const CONDITION_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const CONDITION_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CONDITION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

/// The meal times that tim-9 names: an offset from "at a meal" has no beginning.
const MEAL_TIMES: [&str; 4] = ["C", "CM", "CD", "CV"];

macro_rules! invariants {
    ($($structure:literal $key:literal $severity:ident $human:literal $holds:expr;)*) => {
        /// Every invariant that is about one object and what is below it.
        pub(super) const INVARIANTS: &[Invariant] = &[
            $(Invariant { structure: $structure, key: $key, severity: Severity::$severity, human: $human, holds: $holds },)*
        ];
    };
}

invariants! {
    "Extension" "ext-1" Error "either extensions or a value, not both" |map| has(map, "extension") != has_choice(map, "value");
    "Narrative" "txt-1" Error "only basic formatting of HTML" |map| narrative::is_plain(text(map, "div"));
    "Narrative" "txt-2" Error "some text or an image" |map| narrative::has_content(text(map, "div"));
    "Attachment" "att-1" Error "data has a contentType" |map| !has(map, "data") || has(map, "contentType");
    "ContactPoint" "cpt-2" Error "a value has a system" |map| !has(map, "value") || has(map, "system");
    "Period" "per-1" Error "the start is not after the end" |map| !is_after(text(map, "start"), text(map, "end"));
    "Range" "rng-2" Error "low is not above high" range_is_ordered;
    "Ratio" "rat-1" Error "numerator and denominator, or an extension instead of both"
        |map| has(map, "numerator") == has(map, "denominator") && (has(map, "numerator") || has(map, "extension"));
    "Quantity" "qty-3" Error "a code has a system" code_has_system;
    "SimpleQuantity" "qty-3" Error "a code has a system" code_has_system;
    "Age" "qty-3" Error "a code has a system" code_has_system;
    "Count" "qty-3" Error "a code has a system" code_has_system;
    "Distance" "qty-3" Error "a code has a system" code_has_system;
    "Duration" "qty-3" Error "a code has a system" code_has_system;
    "Age" "age-1" Error "a UCUM unit of time and a positive value" |map| is_ucum(map) && !is_negative(map, "value", true);
    "Distance" "dis-1" Error "a UCUM unit of length" is_ucum;
    "Count" "cnt-3" Error "a whole number of the unit 1" is_count;
    "Duration" "drt-1" Error "a code is a UCUM unit and has a value"
        |map| !has(map, "code") || (text(map, "system") == UCUM && has(map, "value"));
    "Expression" "exp-1" Error "an expression or a reference" |map| has(map, "expression") || has(map, "reference");
    "TriggerDefinition" "trd-1" Error "timing or data, not both" |map| !has(map, "data") || !has_choice(map, "timing");
    "TriggerDefinition" "trd-2" Error "a condition has data" |map| !has(map, "condition") || has(map, "data");
    "Timing.repeat" "tim-1" Error "a duration has a unit" |map| !has(map, "duration") || has(map, "durationUnit");
    "Timing.repeat" "tim-2" Error "a period has a unit" |map| !has(map, "period") || has(map, "periodUnit");
    "Timing.repeat" "tim-4" Error "a duration is not negative" |map| !is_negative(map, "duration", false);
    "Timing.repeat" "tim-5" Error "a period is not negative" |map| !is_negative(map, "period", false);
    "Timing.repeat" "tim-6" Error "periodMax has a period" |map| !has(map, "periodMax") || has(map, "period");
    "Timing.repeat" "tim-7" Error "durationMax has a duration" |map| !has(map, "durationMax") || has(map, "duration");
    "Timing.repeat" "tim-8" Error "countMax has a count" |map| !has(map, "countMax") || has(map, "count");
    "Timing.repeat" "tim-9" Error "an offset has a when that is not a meal" offset_has_when;
    "Timing.repeat" "tim-10" Error "timeOfDay or when, not both" |map| !has(map, "timeOfDay") || !has(map, "when");

    "AllergyIntolerance" "ait-1" Error "a clinical status, unless entered in error"
        |map| allergy_is_error(map) || has(map, "clinicalStatus");
    "AllergyIntolerance" "ait-2" Error "no clinical status when entered in error"
        |map| !allergy_is_error(map) || !has(map, "clinicalStatus");
    "AuditEvent.entity" "sev-1" Error "a name or a query, not both" |map| !has(map, "name") || !has(map, "query");
    "CarePlan.activity" "cpl-3" Error "a detail or a reference, not both" |map| !has(map, "detail") || !has(map, "reference");
    "Condition" "con-3" Warning "a problem-list item has a clinical status, unless entered in error"
        |map| has(map, "clinicalStatus") || condition_is_error(map)
            || !has_coding(map, "category", CONDITION_CATEGORY, &["problem-list-item"]);
    "Condition" "con-4" Error "what has abated is inactive, in remission or resolved"
        |map| !has_choice(map, "abatement")
            || has_coding(map, "clinicalStatus", CONDITION_CLINICAL, &["resolved", "remission", "inactive"]);
    "Condition" "con-5" Error "no clinical status when entered in error"
        |map| !condition_is_error(map) || !has(map, "clinicalStatus");
    "Condition.stage" "con-1" Error "a summary or an assessment" |map| has(map, "summary") || has(map, "assessment");
    "Condition.evidence" "con-2" Error "a code or a detail" |map| has(map, "code") || has(map, "detail");
    "Consent" "ppc-1" Error "a policy or a policy rule" |map| has(map, "policy") || has(map, "policyRule");
    "Immunization.education" "imm-1" Error "a document type or a reference"
        |map| has(map, "documentType") || has(map, "reference");
    "MedicationAdministration.dosage" "mad-1" Error "a dose or a rate" |map| has(map, "dose") || has_choice(map, "rate");
    "Observation" "obs-6" Error "no reason for absent data when there is a value"
        |map| !has(map, "dataAbsentReason") || !has_choice(map, "value");
    "Observation" "obs-7" Error "no value when a component has the same code" components_differ;
    "Observation.referenceRange" "obs-3" Error "low, high or a text"
        |map| has(map, "low") || has(map, "high") || has(map, "text");
    "Organization" "org-1" Error "an identifier or a name" |map| has(map, "identifier") || has(map, "name");
    "Organization" "org-2" Error "no address at home" |map| objects(map, "address").all(|address| text(address, "use") != "home");
    "Organization" "org-3" Error "no telecom at home" |map| objects(map, "telecom").all(|telecom| text(telecom, "use") != "home");
    "Patient.contact" "pat-1" Error "a name, telecom, address or organization"
        |map| ["name", "telecom", "address", "organization"].iter().any(|name| has(map, name));
    "ServiceRequest" "prr-1" Error "an order detail has a code" |map| !has(map, "orderDetail") || has(map, "code");
    "Task" "inv-1" Error "modified not before authored"
        |map| !is_after(text(map, "authoredOn"), text(map, "lastModified"));
    "Parameters.parameter" "inv-1" Error "a value, a resource or parts: one of them" parameter_is_one;

    "Bundle" "bdl-1" Error "a total only in searches and histories"
        |map| !has(map, "total") || matches!(text(map, "type"), "searchset" | "history");
    "Bundle" "bdl-2" Error "entry.search only in searches"
        |map| text(map, "type") == "searchset" || objects(map, "entry").all(|entry| !has(entry, "search"));
    "Bundle" "bdl-3" Error "entry.request in batches, transactions and histories, and nowhere else"
        |map| every_entry(map, "request", &["batch", "transaction", "history"]);
    "Bundle" "bdl-4" Error "entry.response in responses and histories, and nowhere else"
        |map| every_entry(map, "response", &["batch-response", "transaction-response", "history"]);
    "Bundle" "bdl-7" Error "a fullUrl occurs once, or with different versions" full_urls_differ;
    "Bundle" "bdl-9" Error "a document has an identifier with system and value"
        |map| text(map, "type") != "document"
            || objects(map, "identifier").any(|found| has(found, "system") && has(found, "value"));
    "Bundle" "bdl-10" Error "a document has a timestamp" |map| text(map, "type") != "document" || map.contains_key("timestamp");
    "Bundle" "bdl-11" Error "a document begins with a Composition" |map| begins_with(map, "document", "Composition");
    "Bundle" "bdl-12" Error "a message begins with a MessageHeader" |map| begins_with(map, "message", "MessageHeader");
    "Bundle.entry" "bdl-5" Error "a resource, unless there is a request or a response"
        |map| has(map, "resource") || has(map, "request") || has(map, "response");
    "Bundle.entry" "bdl-8" Error "a fullUrl names no version" |map| !text(map, "fullUrl").contains("/_history/");
}

fn code_has_system(map: &Object) -> bool {
    !has(map, "code") || has(map, "system")
}

/// What age-1 and dis-1 share: a value has a code, and the system is UCUM if there is one.
fn is_ucum(map: &Object) -> bool {
    (has(map, "code") || !has(map, "value")) && (!has(map, "system") || text(map, "system") == UCUM)
}

fn is_count(map: &Object) -> bool {
    let is_whole = map.get("value").and_then(Value::as_number).is_none_or(|number| !number.as_str().contains('.'));
    is_ucum(map) && (!has(map, "code") || text(map, "code") == "1") && is_whole
}

fn range_is_ordered(map: &Object) -> bool {
    let bound = |name| map.get(name).and_then(Value::as_object);
    let (Some(low), Some(high)) = (bound("low"), bound("high")) else { return true };
    // Of different units it cannot be said which is larger.
    let same_unit = ["system", "code", "unit"].iter().all(|name| text(low, name) == text(high, name));
    !same_unit || compare_decimals(low.get("value"), high.get("value")) != Some(Ordering::Greater)
}

fn offset_has_when(map: &Object) -> bool {
    if !has(map, "offset") {
        return true;
    }
    let times = map.get("when").and_then(Value::as_array);
    times.is_some_and(|times| !times.iter().filter_map(Value::as_str).any(|time| MEAL_TIMES.contains(&time)))
}

fn allergy_is_error(map: &Object) -> bool {
    has_coding(map, "verificationStatus", ALLERGY_VERIFICATION, &["entered-in-error"])
}

fn condition_is_error(map: &Object) -> bool {
    has_coding(map, "verificationStatus", CONDITION_VERIFICATION, &["entered-in-error"])
}

fn components_differ(map: &Object) -> bool {
    let coding = |coding: &Object| (text(coding, "system").to_owned(), text(coding, "code").to_owned());
    let own: HashSet<_> = objects(map, "code").flat_map(|code| objects(code, "coding")).map(coding).collect();
    let is_same = objects(map, "component")
        .flat_map(|component| objects(component, "code"))
        .flat_map(|code| objects(code, "coding"))
        .any(|found| own.contains(&coding(found)));
    !has_choice(map, "value") || !is_same
}

fn parameter_is_one(map: &Object) -> bool {
    [has(map, "part"), has_choice(map, "value"), has(map, "resource")].into_iter().filter(|found| *found).count() == 1
}

fn every_entry(map: &Object, part: &str, kinds: &[&str]) -> bool {
    let expected = kinds.contains(&text(map, "type"));
    objects(map, "entry").all(|entry| has(entry, part) == expected)
}

fn full_urls_differ(map: &Object) -> bool {
    let mut seen = HashSet::new();
    text(map, "type") == "history"
        || objects(map, "entry").filter(|entry| has(entry, "fullUrl")).all(|entry| {
            let version =
                entry.get("resource").and_then(|resource| resource.pointer("/meta/versionId")).and_then(Value::as_str);
            seen.insert((text(entry, "fullUrl"), version.unwrap_or_default()))
        })
}

fn begins_with(map: &Object, kind: &str, type_name: &str) -> bool {
    let first = || objects(map, "entry").next().and_then(|entry| entry.get("resource"));
    text(map, "type") != kind
        || first().and_then(|resource| resource.get("resourceType")).and_then(Value::as_str) == Some(type_name)
}
