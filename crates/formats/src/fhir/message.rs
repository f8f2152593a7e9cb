//! FHIR as a message of a source: a resource or a bundle, read into facts like every other form.
//!
//! On the road the source's own ids are claims, not addresses: `Patient/17` of one hospital and `Patient/17` of another are two
//! registrations. References inside the bundle, by `fullUrl` or by `Type/id`, become references to claims. References to what
//! the bundle does not hold are kept as mentions where a mention says enough (a patient, an institution, somebody who works
//! there), and as identifiers otherwise.

use std::collections::{BTreeMap, HashMap};

use model::{Issue, Severity, TypeCode};
use serde_json::{Value, json};

use super::{check_basic, read};
use crate::reading::{Act, Claim, Envelope, Fact, Reading, Record};

/// What the registration of a source adds.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// 机构编码 of the source.
    pub institution: String,
}

/// Bundle types whose entries are facts.
const TAKEN: [&str; 5] = ["transaction", "batch", "collection", "document", "message"];

/// Reads a resource or a bundle. Never fails: what could not be read is an issue.
#[must_use]
pub fn read_message(bytes: &[u8], options: &Options) -> Reading {
    let (value, mut issues) = read(bytes);
    let mut reading = Reading { envelope: Envelope { encoding: "utf-8", ..Envelope::default() }, ..Reading::default() };
    let Some(value) = value else {
        for issue in &mut issues {
            issue.severity = Severity::Fatal;
        }
        reading.issues = issues;
        return reading;
    };
    let kind = value["resourceType"].as_str().unwrap_or_default().to_owned();
    let bundle_type = value["type"].as_str().unwrap_or_default();
    let mut record =
        Record { path: kind.clone(), institution: options.institution.clone(), issues, ..Record::default() };
    if kind == "Bundle" {
        reading.message_type = format!("fhir:{bundle_type}");
        reading.envelope.message_id = value["identifier"]["value"].as_str().or(value["id"].as_str()).map(str::to_owned);
        reading.envelope.sent_ms = value["timestamp"].as_str().and_then(instant_ms);
        record.effective_ms = reading.envelope.sent_ms;
        if TAKEN.contains(&bundle_type) {
            read_bundle(&value, &mut record);
        } else {
            let issue = Issue::new("fhir.message.bundle-type", Severity::Error, "Bundle.type").found(bundle_type);
            record.issues.push(issue.expected(TAKEN.join(", ")).hint("报送的数据应为事务、集合或文档类型的 Bundle"));
        }
    } else {
        reading.message_type = format!("fhir:{kind}");
        let entry = Entry { resource: &value, full_url: None, path: kind };
        weave(&[entry], &mut record);
    }
    record.record_type.clone_from(&reading.message_type);
    reading.records.push(record);
    reading
}

fn instant_ms(text: &str) -> Option<i64> {
    super::date::parse(text).ok().map(|interval| interval.low_ms)
}

struct Entry<'v> {
    resource: &'v Value,
    full_url: Option<&'v str>,
    path: String,
}

fn read_bundle(bundle: &Value, record: &mut Record) {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut taken = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        let path = format!("Bundle.entry[{position}].resource");
        let method = entry["request"]["method"].as_str().unwrap_or("PUT");
        if !matches!(method, "PUT" | "POST") {
            let issue = Issue::new("fhir.message.method", Severity::Warning, path).found(method).expected("PUT, POST");
            record.issues.push(issue.hint("报送通道不执行删除；作废请发送状态为 entered-in-error 的资源"));
            continue;
        }
        if entry["resource"].is_object() {
            taken.push(Entry { resource: &entry["resource"], full_url: entry["fullUrl"].as_str(), path });
        }
    }
    weave(&taken, record);
}

/// What can be said of a resource that was only referred to.
fn mention(type_name: &str) -> Option<Value> {
    match type_name {
        "Patient" | "Organization" | "Practitioner" | "Location" | "PractitionerRole" => {
            Some(json!({ "resourceType": type_name }))
        }
        _ => None,
    }
}

fn weave(entries: &[Entry<'_>], record: &mut Record) {
    let mut targets: HashMap<String, Claim> = HashMap::new();
    let mut facts = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        let type_name = entry.resource["resourceType"].as_str().unwrap_or_default();
        if TypeCode::of(type_name).is_err() {
            let issue = Issue::new("fhir.message.type", Severity::Warning, entry.path.clone()).found(type_name);
            record.issues.push(issue.hint("平台不保存这一资源类型，原文已保存"));
            continue;
        }
        let own_id = entry.resource["id"].as_str();
        let Some(id) = own_id.or(entry.full_url) else {
            let issue = Issue::new("fhir.message.id", Severity::Error, format!("{}.id", entry.path));
            record.issues.push(issue.expected("来源系统内唯一的 id").hint("没有 id 就无法识别重复报送和更正"));
            continue;
        };
        let claim = Claim::new("fhir", [type_name, id]);
        if let Some(id) = own_id {
            targets.insert(format!("{type_name}/{id}"), claim.clone());
        }
        if let Some(url) = entry.full_url {
            targets.insert(url.to_owned(), claim.clone());
        }
        facts.push((position, claim));
    }
    let mut mentions: BTreeMap<Claim, Value> = BTreeMap::new();
    for (position, claim) in facts {
        let entry = &entries[position];
        let mut resource = entry.resource.clone();
        let found = check_basic(&resource).into_iter().map(|mut issue| {
            let rest = issue.path.split_once('.').map_or(String::new(), |(_, rest)| format!(".{rest}"));
            issue.path = format!("{}{rest}", entry.path);
            issue
        });
        record.issues.extend(found);
        point_at_claims(&mut resource, &targets, &mut mentions);
        if let Some(members) = resource.as_object_mut() {
            members.remove("id");
            if let Some(meta) = members.get_mut("meta").and_then(Value::as_object_mut) {
                // Version, time and origin are the platform's to say; profiles, labels and tags are the sender's.
                meta.retain(|name, _| matches!(name.as_str(), "profile" | "security" | "tag"));
                if meta.is_empty() {
                    members.remove("meta");
                }
            }
        }
        record.facts.push(Fact { claim, resource, path: entry.path.clone(), act: Act::Replace });
    }
    for (claim, resource) in mentions {
        record.facts.push(Fact { claim, resource, path: record.path.clone(), act: Act::Mention });
    }
}

/// Puts claims where the source's own ids stood.
fn point_at_claims(value: &mut Value, targets: &HashMap<String, Claim>, mentions: &mut BTreeMap<Claim, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| point_at_claims(item, targets, mentions)),
        Value::Object(members) => {
            let text = members.get("reference").and_then(Value::as_str).filter(|text| !text.starts_with('#'));
            if let Some(text) = text.map(str::to_owned) {
                let relative = text.split_once("/_history/").map_or(text.as_str(), |(before, _)| before);
                if let Some(claim) = targets.get(relative) {
                    members.insert("reference".to_owned(), Value::from(claim.reference()));
                } else if let Some((type_name, id)) = relative.split_once('/')
                    && let Some(resource) = mention(type_name)
                {
                    let claim = Claim::new("fhir", [type_name, id]);
                    members.insert("reference".to_owned(), Value::from(claim.reference()));
                    mentions.entry(claim).or_insert(resource);
                } else {
                    members.remove("reference");
                    members.entry("identifier").or_insert_with(|| json!({ "value": text }));
                }
            }
            members.values_mut().for_each(|member| point_at_claims(member, targets, mentions));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_becomes_facts_that_refer_to_each_other_by_claims() {
        let bundle = json!({
            "resourceType": "Bundle", "type": "transaction", "timestamp": "2024-03-05T08:00:00+08:00",
            "entry": [
                {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p1", "active": true},
                 "request": {"method": "POST", "url": "Patient"}},
                {"fullUrl": "urn:uuid:2", "resource": {
                    "resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "血糖"},
                    "subject": {"reference": "urn:uuid:1"}, "performer": [{"reference": "Practitioner/d1"}],
                    "derivedFrom": [{"reference": "Observation/o0"}], "meta": {"versionId": "7"}},
                 "request": {"method": "PUT", "url": "Observation/o1"}},
                {"resource": {"resourceType": "Patient", "id": "p2"}, "request": {"method": "DELETE", "url": "Patient/p2"}}
            ]
        });
        let reading = read_message(bundle.to_string().as_bytes(), &Options::default());
        assert_eq!(reading.message_type, "fhir:transaction");
        let [record] = reading.records.as_slice() else { panic!("one record") };
        assert_eq!(record.effective_ms, Some(1_709_596_800_000));
        let claims: Vec<_> = record.facts.iter().map(|fact| (fact.claim.reference(), fact.act)).collect();
        assert_eq!(claims[0], ("claim:fhir/Patient|p1".to_owned(), Act::Replace));
        assert_eq!(claims[1], ("claim:fhir/Observation|o1".to_owned(), Act::Replace));
        assert_eq!(claims[2], ("claim:fhir/Practitioner|d1".to_owned(), Act::Mention));
        let observation = &record.facts[1].resource;
        assert_eq!(observation["subject"]["reference"], "claim:fhir/Patient|p1");
        assert_eq!(observation["derivedFrom"][0], json!({"identifier": {"value": "Observation/o0"}}));
        assert_eq!(observation.get("meta"), None);
        assert!(record.issues.iter().any(|issue| issue.rule == "fhir.message.method"));
    }

    #[test]
    fn what_is_no_message_says_so() {
        for (bytes, rule) in [
            ("{", None),
            (r#"{"resourceType":"Bundle","type":"history"}"#, Some("fhir.message.bundle-type")),
            (r#"{"resourceType":"Patient"}"#, Some("fhir.message.id")),
            (r#"{"resourceType":"Basic","id":"1"}"#, Some("fhir.message.type")),
        ] {
            let reading = read_message(bytes.as_bytes(), &Options::default());
            match rule {
                None => assert!(reading.issues.iter().any(|issue| issue.severity == Severity::Fatal), "{bytes}"),
                Some(rule) => assert!(reading.records[0].issues.iter().any(|issue| issue.rule == rule), "{bytes}"),
            }
        }
    }
}
