//! One institution under several codes (一院多码): the 22 characters of a 医疗机构代码 in one system, the 统一社会信用代码 in the next, the
//! old 组织机构代码 in tables of years ago. Which codes mean the same is known when a source is registered; a record that speaks under
//! another code is turned to the 机构编码 before anything looks it up, so that its patients, visits and reports are those of the one
//! institution, and its keys agree with those of the 日终对账.
//!
//! The institution itself names all of its codes. What was sent stays in the original and in the elements of the findings.

use std::collections::{BTreeMap, HashMap};

use formats::national::{self, INSTITUTION_CODE};
use formats::reading::{Claim, Record};
use serde_json::{Value, json};

use crate::source::Source;

/// Turns a record that speaks under another code of an institution to its 机构编码.
pub(crate) fn settle(source: &Source, record: &mut Record) {
    if source.aliases.is_empty() {
        return;
    }
    let aliases = &source.aliases;
    if let Some(main) = aliases.get(&record.institution) {
        record.institution.clone_from(main);
    }
    // The texts under which the facts of this record refer to each other.
    let mut references: HashMap<String, String> = HashMap::new();
    for fact in &mut record.facts {
        rename(aliases, &mut fact.claim, &mut references);
    }
    let listed = record.totals.iter_mut().flat_map(|total| total.keys.iter_mut());
    let merged = record.merges.iter_mut().flat_map(|merge| [&mut merge.into, &mut merge.from]);
    for claim in record.main.iter_mut().chain(listed).chain(merged) {
        rename(aliases, claim, &mut HashMap::new());
    }
    if !references.is_empty() {
        let mains = aliases.iter().map(|(code, main)| (code_in_system(code), main.clone())).collect();
        for fact in &mut record.facts {
            turn(&mut fact.resource, &references, &mains);
        }
    }
    for fact in record.facts.iter_mut().filter(|fact| fact.claim.kind == "organization") {
        if let [code] = fact.claim.key.as_slice() {
            fact.resource["identifier"] = codes_of(aliases, code);
        }
    }
}

/// An institution's code as it stands in its systems.
fn code_in_system(code: &str) -> String {
    let system = national::institution_system(code, "");
    national::institution_of(&system).map_or_else(String::new, |(code, _)| code.to_owned())
}

/// A claim whose institution has another code; notes how it was referred to.
fn rename(aliases: &BTreeMap<String, String>, claim: &mut Claim, references: &mut HashMap<String, String>) {
    if claim.kind == "fhir" {
        return;
    }
    let Some(main) = claim.key.first().and_then(|code| aliases.get(code)) else { return };
    let before = claim.reference();
    claim.key[0].clone_from(main);
    references.insert(before, claim.reference());
}

/// Puts the new references and systems where the old ones stand.
fn turn(value: &mut Value, references: &HashMap<String, String>, mains: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(reference) = references.get(text.as_str()) {
                text.clone_from(reference);
            } else if let Some((code, what)) = national::institution_of(text)
                && let Some(main) = mains.get(code)
            {
                *text = national::institution_system(main, what);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| turn(item, references, mains)),
        Value::Object(members) => members.values_mut().for_each(|member| turn(member, references, mains)),
        _ => {}
    }
}

/// Every code of an institution: the 机构编码 first.
fn codes_of(aliases: &BTreeMap<String, String>, main: &str) -> Value {
    let others = aliases.iter().filter(|(_, meant)| *meant == main).map(|(code, _)| code);
    let mut codes = vec![national::identifier(INSTITUTION_CODE, main)];
    codes.extend(others.map(|code| json!({ "use": "secondary", "system": INSTITUTION_CODE, "value": code })));
    Value::Array(codes)
}

#[cfg(test)]
mod tests {
    use formats::reading::{Act, Fact, Merge, Total};

    use super::*;

    fn source() -> Source {
        let source = json!({
            "name": "a", "number": 1, "title": "a", "institution": "NEW", "account": "source-a", "is_enabled": true,
            "aliases": { "OLD-1": "NEW", "22": "NEW", "OTHER": "ELSE" },
        });
        serde_json::from_value(source).unwrap()
    }

    fn fact(claim: Claim, resource: Value) -> Fact {
        Fact { claim, resource, path: "row[1]".to_owned(), act: Act::Replace }
    }

    #[test]
    fn a_record_under_an_old_code_says_what_it_would_say_under_the_right_one() {
        let record = |code: &str| {
            let [organization, patient, visit] = [
                Claim::new("organization", [code]),
                Claim::new("registration", [code, "B1"]),
                Claim::new("visit", [code, "01", "O", "7"]),
            ];
            let system = national::institution_system(code, "patient");
            Record {
                institution: code.to_owned(),
                main: Some(visit.clone()),
                merges: vec![Merge { into: patient.clone(), from: patient.clone(), path: String::new() }],
                totals: vec![Total { keys: vec![visit.clone()], ..Total::default() }],
                facts: vec![
                    fact(organization.clone(), json!({ "resourceType": "Organization", "identifier": [] })),
                    fact(patient.clone(), json!({ "identifier": [{ "system": system, "value": "B1" }] })),
                    fact(
                        visit,
                        json!({ "subject": patient.as_reference(), "serviceProvider": organization.as_reference(),
                        "reasonCode": [{ "text": format!("转自 {code}") }] }),
                    ),
                ],
                ..Record::default()
            }
        };
        let (mut old, mut new) = (record("OLD-1"), record("NEW"));
        settle(&source(), &mut old);
        settle(&source(), &mut new);
        // A text is what somebody wrote: it stays.
        assert_eq!(old.facts[2].resource["reasonCode"][0]["text"], "转自 OLD-1");
        old.facts[2].resource["reasonCode"] = Value::Null;
        new.facts[2].resource["reasonCode"] = Value::Null;
        assert_eq!(old, new);
        assert_eq!(new.facts[0].resource["identifier"].as_array().map(Vec::len), Some(3), "all codes of the one");
    }

    #[test]
    fn other_institutions_and_sources_without_other_codes_are_left_alone() {
        let claim = Claim::new("registration", ["THIRD", "OLD-1"]);
        let resource =
            json!({ "identifier": [{ "system": "urn:kangmai:institution:THIRD:patient", "value": "OLD-1" }] });
        let before =
            Record { institution: "THIRD".to_owned(), facts: vec![fact(claim, resource)], ..Record::default() };
        let mut record = before.clone();
        settle(&source(), &mut record);
        assert_eq!(record, before);
        let mut old = Record { institution: "OLD-1".to_owned(), ..Record::default() };
        let plain = Source { aliases: BTreeMap::new(), ..source() };
        settle(&plain, &mut old);
        assert_eq!(old.institution, "OLD-1");
    }
}
