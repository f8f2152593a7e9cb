//! What a message says about a registration (患者登记), over what is known of it.
//!
//! Silence is no denial: an update that brings no document, no telephone or no name does not take those of before away. What a
//! message does bring takes the place of what was known of the same kind: an identifier of those in the same system, a telephone
//! of those of the same use, a name of those of the same use; the newest stand first. A reader tells that something is taken
//! back by a null (HL7 v2: `""`), a FHIR sender by `use: old`.
//!
//! One message is not read so: the identity feed of a source (`PUT Patient?identifier=`) puts a registration as a whole.

use formats::reading::{Act, Fact};
use serde_json::{Map, Value};

/// What a resource that comes as a whole keeps when it does not bring it: who somebody is.
const KEPT: [&str; 7] = ["identifier", "name", "telecom", "gender", "birthDate", "_birthDate", "address"];

/// Whether a fact says all that there is to say about a registration.
fn is_whole(fact: &Fact) -> bool {
    fact.act == Act::Replace && fact.claim.kind == "registration"
}

/// The registration after a fact: `said` is its resource as it is stored.
pub(crate) fn after(fact: &Fact, said: Value, current: &Value) -> Value {
    if is_whole(fact) {
        return with_merges(said, current);
    }
    if fact.act == Act::Merge {
        return over(current.clone(), said);
    }
    let mut kept = Map::new();
    for (name, value) in current.as_object().into_iter().flatten() {
        if KEPT.contains(&name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    with_merges(over(Value::Object(kept), said), current)
}

/// The registration as it is now, once a fact that is older has been heard: with what only that one says.
pub(crate) fn before(fact: &Fact, said: &Value, current: Value) -> Value {
    if is_whole(fact) {
        return current;
    }
    let mut known = Map::new();
    for (name, value) in said.as_object().into_iter().flatten() {
        if !value.is_null() && (fact.act == Act::Merge || KEPT.contains(&name.as_str())) {
            known.insert(name.clone(), value.clone());
        }
    }
    over(Value::Object(known), current)
}

/// Puts what is said over what is known, member by member.
fn over(known: Value, said: Value) -> Value {
    let (Value::Object(mut known), Value::Object(said)) = (known, said) else { return Value::Null };
    if said.contains_key("birthDate") && said.get("birthDate") != known.get("birthDate") {
        // The time of day belongs to the day.
        known.remove("_birthDate");
    }
    for (name, value) in said {
        match (name.as_str(), value) {
            (_, Value::Null) => {
                known.remove(&name);
            }
            ("identifier" | "telecom" | "name", Value::Array(items)) => {
                let all = combined(&name, items, known.remove(&name));
                known.insert(name, Value::Array(all));
            }
            ("meta", value) => crate::weave::merge(known.entry(name).or_insert(Value::Null), &value),
            (_, value) => {
                known.insert(name, value);
            }
        }
    }
    Value::Object(known)
}

/// What is said, and behind it what was known of other kinds.
fn combined(list: &str, said: Vec<Value>, known: Option<Value>) -> Vec<Value> {
    let Some(Value::Array(known)) = known else { return said };
    let is_said =
        |before: &Value| said.iter().any(|item| kind(list, item) == kind(list, before) || is_same(list, item, before));
    let rest: Vec<Value> = known.into_iter().filter(|before| !is_said(before)).collect();
    let mut all = said;
    all.extend(rest);
    all
}

/// Of what kind an identifier, a telephone or a name is: one takes the place of another of its kind.
fn kind<'i>(list: &str, item: &'i Value) -> (&'i str, &'i str) {
    let text = |value: &'i Value| value.as_str().unwrap_or_default();
    let (system, used) = (text(&item["system"]), text(&item["use"]));
    match (list, system) {
        ("identifier", "") => ("", text(&item["type"]["text"])),
        ("identifier", system) => (system, ""),
        (_, system) => (system, used),
    }
}

/// Whether both name the same, be it for another use.
fn is_same(list: &str, one: &Value, other: &Value) -> bool {
    let what = if list == "name" { "text" } else { "value" };
    one[what].is_string() && one[what] == other[what] && one["system"] == other["system"]
}

/// What a source declared about a registration before stays: by which it was replaced, which it replaces.
fn with_merges(mut resource: Value, current: &Value) -> Value {
    let declared = current["link"].as_array().into_iter().flatten();
    let declared = declared.filter(|link| matches!(link["type"].as_str(), Some("replaces" | "replaced-by")));
    let mut links = resource["link"].as_array().cloned().unwrap_or_default();
    for link in declared {
        if !links.contains(link) {
            links.push(link.clone());
        }
    }
    if !links.is_empty() {
        resource["link"] = Value::Array(links);
    }
    resource
}

#[cfg(test)]
mod tests {
    use formats::reading::Claim;
    use serde_json::json;

    use super::*;

    fn fact(kind: &'static str, act: Act) -> Fact {
        Fact { claim: Claim::new(kind, ["A", "1"]), resource: Value::Null, path: String::new(), act }
    }

    fn known() -> Value {
        json!({
            "resourceType": "Patient", "active": true, "birthDate": "1980-01-01", "deceasedBoolean": false,
            "identifier": [{ "system": "urn:own", "value": "B1" }, { "system": "urn:resident", "value": "1" }],
            "name": [{ "text": "张三" }],
            "telecom": [{ "system": "phone", "use": "home", "value": "1" }, { "system": "phone", "use": "work", "value": "2" }],
            "link": [{ "type": "replaces", "other": { "reference": "Patient/1" } }],
        })
    }

    #[test]
    fn silence_is_no_denial_and_what_is_said_takes_the_place_of_its_kind() {
        let said = json!({
            "resourceType": "Patient", "active": true, "gender": "male",
            "identifier": [{ "system": "urn:own", "value": "B1" }, { "system": "urn:card", "value": "K" }],
            "telecom": [{ "system": "phone", "use": "home", "value": "3" }],
        });
        for (fact, is_dead_known) in [(fact("registration", Act::Merge), true), (fact("fhir", Act::Replace), false)] {
            let after = after(&fact, said.clone(), &known());
            let numbers: Vec<&str> =
                after["identifier"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect();
            assert_eq!(numbers, ["B1", "K", "1"]);
            let phones: Vec<&str> =
                after["telecom"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect();
            assert_eq!(phones, ["3", "2"]);
            assert_eq!((&after["name"][0]["text"], &after["gender"]), (&json!("张三"), &json!("male")));
            assert_eq!(after["link"], known()["link"]);
            assert_eq!(
                after.get("deceasedBoolean").is_some(),
                is_dead_known,
                "who somebody is stays, not what became of them"
            );
        }
    }

    #[test]
    fn what_is_taken_back_goes() {
        let said = json!({ "resourceType": "Patient", "telecom": null, "birthDate": null });
        let after = after(&fact("registration", Act::Merge), said, &known());
        assert!(after.get("telecom").is_none() && after.get("birthDate").is_none());
        let old = json!({ "resourceType": "Patient", "telecom": [{ "system": "phone", "use": "old", "value": "1" }] });
        let after = self::after(&fact("fhir", Act::Replace), old, &known());
        let phones: Vec<&str> =
            after["telecom"].as_array().unwrap().iter().filter_map(|one| one["use"].as_str()).collect();
        assert_eq!(phones, ["old", "work"]);
    }

    #[test]
    fn the_identity_feed_puts_a_registration_as_a_whole() {
        let said = json!({ "resourceType": "Patient", "name": [{ "text": "李四" }] });
        let after = after(&fact("registration", Act::Replace), said, &known());
        assert!(after.get("telecom").is_none() && after["identifier"].is_null());
        assert_eq!(after["link"], known()["link"]);
    }
}
