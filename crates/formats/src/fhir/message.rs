//! FHIR as a message of a source: a resource or a bundle, read into facts like every other form.
//!
//! On the road the source's own ids are claims, not addresses: `Patient/17` of one hospital and `Patient/17` of another are two
//! registrations. References inside the bundle, by `fullUrl` or by `Type/id`, become references to claims. References to what
//! the bundle does not hold are kept as mentions where a mention says enough (a patient, an institution, somebody who works
//! there), and as identifiers otherwise.
//!
//! A `Patient` that is put by a number of the source's own domain (`PUT Patient?identifier=domain|number`, as IHE's Patient
//! Identity Feed FHIR, ITI-104, does) is the registration that the source's HL7 messages know by that number; with a link
//! `replaced-by` it is given up for another one. Numbers of domains that are not the source's are set apart (`domains`).

use std::collections::{BTreeMap, HashMap};

use model::{Issue, Severity, TypeCode};
use serde_json::{Value, json};

use super::domains::OwnNumber;
use super::{check_basic, read};
use crate::reading::{Act, Claim, Envelope, Fact, Merge, Reading, Record};

/// What the registration of a source adds.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// 机构编码 of the source.
    pub institution: String,
    /// Codes of further institutions that it speaks for.
    pub institutions: Vec<String>,
    /// Domains (or object identifiers of such) in which the source numbers its patients, beside its institution's.
    pub authorities: Vec<String>,
    /// Other codes of these institutions, each with the 机构编码 that is meant (一院多码).
    pub aliases: BTreeMap<String, String>,
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
            read_bundle(&value, options, &mut record);
        } else {
            let issue = Issue::new("fhir.message.bundle-type", Severity::Error, "Bundle.type").found(bundle_type);
            record.issues.push(issue.expected(TAKEN.join(", ")).hint("报送的数据应为事务、集合或文档类型的 Bundle"));
        }
    } else {
        reading.message_type = format!("fhir:{kind}");
        let entry = Entry { resource: &value, full_url: None, condition: None, path: kind };
        weave(&[entry], options, &mut record);
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
    /// The query of a conditional update.
    condition: Option<&'v str>,
    path: String,
}

fn read_bundle(bundle: &Value, options: &Options, record: &mut Record) {
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
            let url = entry["request"]["url"].as_str().filter(|_| method == "PUT");
            let condition = url.and_then(|url| url.split_once('?')).map(|(_, query)| query);
            let (resource, full_url) = (&entry["resource"], entry["fullUrl"].as_str());
            taken.push(Entry { resource, full_url, condition, path });
        }
    }
    weave(&taken, options, record);
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

fn weave(entries: &[Entry<'_>], options: &Options, record: &mut Record) {
    let mut targets: HashMap<String, Claim> = HashMap::new();
    let mut facts = Vec::with_capacity(entries.len());
    let mut numbers: HashMap<usize, OwnNumber> = HashMap::new();
    for (position, entry) in entries.iter().enumerate() {
        let type_name = entry.resource["resourceType"].as_str().unwrap_or_default();
        if TypeCode::of(type_name).is_err() {
            let issue = Issue::new("fhir.message.type", Severity::Warning, entry.path.clone()).found(type_name);
            record.issues.push(issue.hint("平台不保存这一资源类型，原文已保存"));
            continue;
        }
        let own_id = entry.resource["id"].as_str();
        let number = entry.condition.filter(|_| type_name == "Patient").and_then(|query| number_of(query, options));
        if let Some(number) = number {
            let claim = number.claim();
            let names = own_id.map(|id| format!("Patient/{id}")).into_iter().chain(entry.full_url.map(str::to_owned));
            targets.extend(names.map(|name| (name, claim.clone())));
            record.institution.clone_from(&number.institution);
            numbers.insert(position, number);
            facts.push((position, claim));
            continue;
        }
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
        record.issues.extend(options.keep_apart(&mut resource, &entry.path));
        if let Some(number) = numbers.get(&position) {
            let sent = number_sent(entry.condition.unwrap_or_default());
            complete(&mut resource, (number, options), sent, entry, record);
            take_merges(&mut resource, options, (&claim, &entry.path), record, &mut mentions);
        }
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

/// System and value of a condition that is one `identifier` and nothing else; `None` when it is anything else.
#[must_use]
pub fn number_sent(query: &str) -> Option<(String, String)> {
    let mut parts = form_urlencoded::parse(query.as_bytes());
    let (name, token) = parts.next()?;
    if name != "identifier" || parts.next().is_some() {
        return None;
    }
    token.split_once('|').map(|(system, value)| (system.to_owned(), value.to_owned()))
}

/// The registration of the source's own that a condition names.
fn number_of(query: &str, options: &Options) -> Option<OwnNumber> {
    let (system, value) = number_sent(query)?;
    options.own_number(&system, &value)
}

/// The registration carries the number by which it is put, and no other one of the same domain.
fn complete(
    resource: &mut Value,
    (number, options): (&OwnNumber, &Options),
    sent: Option<(String, String)>,
    entry: &Entry<'_>,
    record: &mut Record,
) {
    let Some((system, value)) = sent else { return };
    let Some(members) = resource.as_object_mut() else { return };
    let identifiers = members.entry("identifier").or_insert_with(|| json!([]));
    // Another shape was reported by the check already.
    let Some(identifiers) = identifiers.as_array_mut() else { return };
    // In whatever spelling: the domain of the institution has several names.
    let own = |one: &Value| options.own_number(one["system"].as_str()?, one["value"].as_str()?);
    let is_another = |one: &&Value| {
        one["use"] != "old" && own(one).is_some_and(|own| own.is_of_same_domain(number) && own.key != number.key)
    };
    if let Some(other) = identifiers.iter().find(is_another) {
        let found = other["value"].as_str().unwrap_or_default();
        let issue = Issue::new("fhir.message.number-differs", Severity::Error, format!("{}.identifier", entry.path));
        let hint = "请求按一个号码更新，内容里同一标识域却是另一个号码：无法判断说的是哪一位患者";
        record.issues.push(issue.found(found).expected(value.clone()).hint(hint));
    }
    let wanted = [Some(json!({ "system": system, "value": value })), number.canonical.clone()];
    for one in wanted.into_iter().flatten().rev() {
        let is_there = |known: &Value| known["system"] == one["system"] && known["value"] == one["value"];
        if !identifiers.iter().any(is_there) {
            identifiers.insert(0, one);
        }
    }
}

/// Links `replaced-by` become merges: the road writes the links of both sides. The number that lives on stands in
/// `link.other.identifier`, as ITI-104 says.
fn take_merges(
    resource: &mut Value,
    options: &Options,
    (from, path): (&Claim, &str),
    record: &mut Record,
    mentions: &mut BTreeMap<Claim, Value>,
) {
    let Some(members) = resource.as_object_mut() else { return };
    let Some(links) = members.get_mut("link").and_then(Value::as_array_mut) else { return };
    let is_merge = |link: &Value| link["type"] == "replaced-by";
    let merges: Vec<Value> = links.iter().filter(|link| is_merge(link)).cloned().collect();
    links.retain(|link| !is_merge(link));
    if links.is_empty() {
        members.remove("link");
    }
    for link in merges {
        let identifier = &link["other"]["identifier"];
        let part = |name: &str| identifier[name].as_str().unwrap_or_default();
        let own = options.own_number(part("system"), part("value"));
        let other = own.as_ref().map(OwnNumber::claim);
        let (Some(own), Some(into)) = (own, other.filter(|other| other != from)) else {
            let issue = Issue::new("fhir.message.merge", Severity::Error, format!("{path}.link.other.identifier"));
            let expected = options.own_domains().join(", ");
            let hint =
                "合并须在 link.other.identifier 中写明保留的患者号码：须属于本来源的标识域，且不是被合并的号码本身";
            record.issues.push(issue.found(part("system")).expected(expected).hint(hint));
            continue;
        };
        let numbers = [Some(json!({ "system": part("system"), "value": part("value") })), own.canonical];
        let numbers: Vec<Value> = numbers.into_iter().flatten().rev().collect();
        mentions.entry(into.clone()).or_insert_with(|| json!({ "resourceType": "Patient", "identifier": numbers }));
        record.merges.push(Merge { into, from: from.clone(), path: format!("{path}.link") });
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

    fn hospital() -> Options {
        Options { institution: "990121001".to_owned(), ..Options::default() }
    }

    /// A transaction of one entry, as the identity feed is kept.
    fn fed(query: &str, patient: &Value) -> Record {
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
            { "resource": patient, "request": { "method": "PUT", "url": format!("Patient?{query}") } },
        ]});
        read_message(bundle.to_string().as_bytes(), &hospital()).records.remove(0)
    }

    #[test]
    fn a_patient_put_by_its_number_is_the_registration_of_that_number() {
        let record = fed(
            "identifier=urn%3Akangmai%3Ainstitution%3A990121001%3Apatient%7CA1",
            &json!({ "resourceType": "Patient", "id": "17", "name": [{ "text": "赵望川" }] }),
        );
        assert_eq!(record.issues, []);
        let [fact] = record.facts.as_slice() else { panic!("one fact") };
        assert_eq!(fact.claim, Claim::new("registration", ["990121001", "A1"]));
        assert_eq!(fact.act, Act::Replace);
        assert_eq!(fact.resource["identifier"][0]["value"], "A1");
        assert_eq!(fact.resource.get("id"), None);
        let differs = fed(
            "identifier=urn:kangmai:institution:990121001:patient|A1",
            &json!({ "resourceType": "Patient",
                "identifier": [{ "system": "urn:kangmai:institution:990121001:patient", "value": "A2" }] }),
        );
        assert!(differs.issues.iter().any(|issue| issue.rule == "fhir.message.number-differs"));
        let foreign =
            fed("identifier=urn:kangmai:institution:990121009:patient|A1", &json!({ "resourceType": "Patient" }));
        assert!(foreign.facts.is_empty() && foreign.issues.iter().any(|issue| issue.rule == "fhir.message.id"));
    }

    #[test]
    fn a_patient_that_is_replaced_is_a_merge() {
        let link = |value: &str| {
            json!({ "resourceType": "Patient", "active": false, "link": [{ "type": "replaced-by",
                "other": { "identifier": { "system": "urn:kangmai:institution:990121001:patient", "value": value } } }] })
        };
        let query = "identifier=urn:kangmai:institution:990121001:patient|A2";
        let record = fed(query, &link("A1"));
        let [merge] = record.merges.as_slice() else { panic!("one merge") };
        assert_eq!(merge.into, Claim::new("registration", ["990121001", "A1"]));
        assert_eq!(merge.from, Claim::new("registration", ["990121001", "A2"]));
        assert_eq!(record.facts.len(), 2);
        assert_eq!((record.facts[0].act, record.facts[1].act), (Act::Replace, Act::Mention));
        assert_eq!(record.facts[0].resource.get("link"), None);
        let same = fed(query, &link("A2"));
        assert!(same.merges.is_empty() && same.issues.iter().any(|issue| issue.rule == "fhir.message.merge"));
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
