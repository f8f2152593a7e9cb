//! One record into the records: every fact finds the resource that its claim stands for, or makes it; what is older than what
//! is there goes into history; what was said before is not said again.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use formats::reading::{Act, Claim, Fact, REFERENCE_PREFIX, Record};
use model::{ErrorCode, Failure, Home, Issue, Severity, TenantId, TypeCode};
use records::{Address, Work};
use serde_json::{Map, Value, json};
use store::Keyspace;
use trust::{Domain, TenantKeys};

use crate::age::Time;
use crate::claim::{self, Cache, Known};
use crate::identity::Flight;
use crate::items::{Saying, Sayings};
use crate::receipt::Counts;
use crate::{identity, items, panels, registration, rows};

/// People and places, as against what is done.
const ACTORS: [&str; 5] = ["Patient", "Organization", "Practitioner", "PractitionerRole", "Location"];
/// What is not yet the last word, and what is.
const PRELIMINARY: [&str; 3] = ["registered", "partial", "preliminary"];
const FINAL: [&str; 4] = ["final", "amended", "corrected", "appended"];

/// What the facts of a record are written with.
pub(crate) struct Loom<'l> {
    pub(crate) source: u32,
    /// The id of the original.
    pub(crate) original: String,
    pub(crate) cache: &'l Cache,
    pub(crate) at_ms: i64,
    /// When the record says that it happened; never later than now.
    pub(crate) said_ms: i64,
    pub(crate) by: &'l str,
    pub(crate) flight: &'l Flight,
}

/// What weaving a record did.
#[derive(Debug, Default)]
pub(crate) struct Woven {
    pub(crate) counts: Counts,
    /// Registrations concerned.
    pub(crate) homes: BTreeSet<Home>,
    /// Claims that are durable once the commit holds.
    pub(crate) fresh: Vec<([u8; 16], Address)>,
}

/// What stands under a claim while a record is woven.
struct Thread {
    hash: [u8; 16],
    address: Address,
    /// The row as it is, when there is one.
    known: Option<(Known, Vec<u8>)>,
    /// Known from the cache only: the row was not read.
    is_cached: bool,
}

/// What makes a record unfit for weaving: claims that the table does not know, resources that break FHIR's shapes.
pub(crate) fn examine(record: &Record) -> Vec<Issue> {
    let mut issues = Vec::new();
    for fact in &record.facts {
        let problem = match claim::type_of(&fact.claim) {
            Err(failure) => Some(failure.detail),
            Ok(type_code) if fact.resource["resourceType"] != type_code.name() => {
                Some(format!("a {type_code} was claimed"))
            }
            Ok(_) => formats::fhir::check_basic(&stated(fact))
                .into_iter()
                .find(|issue| issue.severity >= Severity::Error)
                .map(|issue| format!("{} {}", issue.rule, issue.path)),
        };
        if let Some(problem) = problem {
            issues.push(
                Issue::new("road.fact.unfit", Severity::Error, fact.path.clone())
                    .expected(problem)
                    .hint("平台未能把这一项转换为合法的资源，请联系平台运维"),
            );
        }
    }
    issues
}

/// The claim that a record is about: the first thing that it says, and not only mentions. Who the patient is, and who works
/// where, stands in nearly every message: that is what it is about only when it says nothing else.
pub(crate) fn principal(record: &Record) -> Option<&Claim> {
    let said = || record.facts.iter().filter(|fact| matches!(fact.act, Act::Replace | Act::Merge));
    let is_done = |fact: &&Fact| !fact.resource["resourceType"].as_str().is_some_and(|name| ACTORS.contains(&name));
    let first = || said().find(is_done).or_else(|| said().next()).map(|fact| &fact.claim);
    record.main.as_ref().or_else(first)
}

impl Loom<'_> {
    /// Weaves a record that [`examine`] found fit.
    ///
    /// # Errors
    /// `Forbidden`; what the store says.
    pub(crate) fn weave(&self, work: &mut Work<'_>, record: &Record, sayings: &Sayings<'_>) -> Result<Woven, Failure> {
        let mut woven = Woven::default();
        let mut threads = self.threads(work, sayings)?;
        let mut references: HashMap<String, String> =
            threads.iter().map(|(reference, thread)| (reference.clone(), thread.address.reference())).collect();
        for (item, kept) in &sayings.aliases {
            if let Some(literal) = references.get(kept).cloned() {
                references.insert(item.clone(), literal);
            }
        }
        let (mut said, mut repeated, mut late) = (0, 0, 0);
        for Saying { claim, fact } in &sayings.list {
            let Some(thread) = threads.get_mut(&claim.reference()) else { continue };
            if thread.address.key.home != Home::SHARED {
                woven.homes.insert(thread.address.key.home);
            }
            let counts = &mut woven.counts;
            match self.apply(work, thread, fact, record, &references)? {
                Applied::Created => counts.created += 1,
                Applied::Updated => counts.updated += 1,
                Applied::Late => {
                    counts.updated += 1;
                    late += 1;
                }
                Applied::Repeated => repeated += 1,
                Applied::Mentioned => {
                    woven.fresh.push((thread.hash, thread.address.clone()));
                    continue;
                }
            }
            said += 1;
            woven.fresh.push((thread.hash, thread.address.clone()));
        }
        for merge in &record.merges {
            let addresses = (threads.get(&merge.into.reference()), threads.get(&merge.from.reference()));
            if let (Some(into), Some(from)) = addresses {
                identity::declare_same(work, self, &into.address, &from.address)?;
                said += 1;
            }
        }
        woven.counts.late = u64::from(late > 0);
        woven.counts.repeated = u64::from(said > 0 && repeated == said);
        Ok(woven)
    }

    /// Looks up every claim of a record, and gives those that are new an address: registrations first, since everything else
    /// lives with its registration.
    fn threads(&self, work: &mut Work<'_>, sayings: &Sayings<'_>) -> Result<HashMap<String, Thread>, Failure> {
        let mut threads: HashMap<String, Thread> = HashMap::with_capacity(sayings.list.len());
        let mut new: Vec<(String, &Fact, TypeCode, [u8; 16])> = Vec::new();
        for Saying { claim, fact } in &sayings.list {
            let reference = claim.reference();
            if let Some(thread) = threads.get_mut(&reference) {
                if thread.is_cached && fact.act != Act::Mention {
                    thread.known = known(work, thread.hash)?;
                    thread.is_cached = false;
                }
                continue;
            }
            let type_code = claim::type_of(claim)?;
            let hash = claim::hash(work.keys(), self.source, claim);
            let cached = if fact.act == Act::Mention { self.cache.get(work.tenant(), hash) } else { None };
            if let Some(address) = cached {
                threads.insert(reference, Thread { hash, address, known: None, is_cached: true });
            } else if let Some(known) = known(work, hash)? {
                let address = known.0.address(work.tenant());
                threads.insert(reference, Thread { hash, address, known: Some(known), is_cached: false });
            } else {
                new.push((reference, fact, type_code, hash));
            }
        }
        new.sort_by_key(|(_, _, type_code, _)| *type_code != TypeCode::PATIENT);
        for (reference, fact, type_code, hash) in new {
            if threads.contains_key(&reference) {
                continue;
            }
            let subject = Work::subjects(type_code, &fact.resource).into_iter().find_map(|text| threads.get(text));
            let home = subject.map_or(Home::SHARED, |registration| registration.address.key.home);
            let assign = || work.assign(type_code, home);
            // The index keeps a registration under the address that it got first, however often the plan is made.
            let is_registration = type_code == TypeCode::PATIENT;
            let address = if is_registration { self.flight.address(hash, assign)? } else { assign()? };
            threads.insert(reference, Thread { hash, address, known: None, is_cached: false });
        }
        Ok(threads)
    }

    fn apply(
        &self,
        work: &mut Work<'_>,
        thread: &mut Thread,
        fact: &Fact,
        record: &Record,
        references: &HashMap<String, String>,
    ) -> Result<Applied, Failure> {
        if fact.act == Act::Mention && (thread.is_cached || thread.known.is_some()) {
            return Ok(Applied::Mentioned);
        }
        let content = content(work.keys(), &fact.resource)?;
        let time = Time::of(record, self.at_ms);
        let Some((known, before)) = thread.known.clone() else {
            let mut resource = self.resource(fact, references);
            if fact.act == Act::Merge {
                prune(&mut resource);
            }
            self.settle(work, thread, fact, (content, time), None)?;
            work.create(&thread.address, resource.clone())?;
            if matches!(fact.act, Act::Mention | Act::Supersede) {
                return Ok(Applied::Mentioned);
            }
            self.link(work, thread, &resource)?;
            return Ok(Applied::Created);
        };
        if fact.act == Act::Supersede {
            return supersede(work, &thread.address);
        }
        let is_before = known.is_asserted && time.is_before(known.time, self.at_ms);
        // The same content as now is nothing new; the same as once before is only new when it is not an old message.
        if known.is_asserted && (known.content == content || (is_before && known.has_said(content))) {
            return Ok(Applied::Repeated);
        }
        let current = work.get(&thread.address)?;
        let is_step_back = known.is_asserted
            && current.as_ref().is_some_and(|current| is_step_back(&fact.resource, current))
            && !(record.is_correction && time.is_after(known.time));
        if is_step_back && known.has_said(content) {
            return Ok(Applied::Repeated);
        }
        let resource = self.resource(fact, references);
        if is_before || is_step_back {
            self.add_late(work, thread, (known, before), content, resource, current, fact)?;
            return Ok(Applied::Late);
        }
        let is_registration = thread.address.key.rid.type_code == TypeCode::PATIENT;
        let resource = match &current {
            Some(current) if is_registration => registration::after(fact, resource, current),
            Some(current) => later(fact, resource, current),
            None => resource,
        };
        // What says less than is known, and nothing else, makes no version.
        let is_known = |current: &Value| {
            panels::says_the_same(&resource, current) && resource["meta"]["tag"] == current["meta"]["tag"]
        };
        if (is_registration || known.has_said(content)) && current.as_ref().is_some_and(is_known) {
            self.settle(work, thread, fact, (content, time), Some((known, before)))?;
            return Ok(Applied::Repeated);
        }
        self.settle(work, thread, fact, (content, time), Some((known, before)))?;
        work.put(&thread.address, resource.clone())?;
        self.link(work, thread, &resource)?;
        Ok(Applied::Updated)
    }

    /// Something older than what is there: it becomes a version behind the current one, which stays what it is.
    #[expect(clippy::too_many_arguments, reason = "the two sides of one comparison")]
    fn add_late(
        &self,
        work: &mut Work<'_>,
        thread: &mut Thread,
        (mut known, before): (Known, Vec<u8>),
        content: u64,
        resource: Value,
        current: Option<Value>,
        fact: &Fact,
    ) -> Result<(), Failure> {
        let Some(current) = current else { return work.put(&thread.address, resource) };
        let mut older = resource;
        let mut newest = join_panels(fact, &current, &older, true).unwrap_or_else(|| current.clone());
        if let Some(stated) = items::without_an_item(&current).filter(|_| fact.act == Act::Replace) {
            // An order that was cancelled before it came: now it is known what is cancelled.
            newest = older.clone();
            merge(&mut newest, &stated);
        }
        if thread.address.key.rid.type_code == TypeCode::PATIENT {
            // What the older message says and the current one does not is kept in the current one.
            newest = registration::before(fact, &older, current.clone());
            older = registration::after(fact, older, &current);
        } else if fact.act == Act::Merge {
            // What the older message says and the current one does not is kept in the current one.
            newest = older.clone();
            prune(&mut newest);
            let mut now = current.clone();
            items::keep_item(&mut newest, &mut now);
            merge(&mut newest, &now);
            let mut patched = current;
            items::keep_item(&mut patched, &mut older);
            merge(&mut patched, &older);
            prune(&mut patched);
            older = patched;
        }
        work.put(&thread.address, older)?;
        work.put(&thread.address, newest.clone())?;
        self.link(work, thread, &newest)?;
        known.remember(content);
        let row = known.write();
        work.replace_row(Keyspace::Claim, rows::hashed(work.tenant(), rows::CLAIM, thread.hash), before, row.clone());
        thread.known = Some((known, row));
        Ok(())
    }

    /// Writes the row of the claim.
    fn settle(
        &self,
        work: &mut Work<'_>,
        thread: &mut Thread,
        fact: &Fact,
        (content, time): (u64, Time),
        before: Option<(Known, Vec<u8>)>,
    ) -> Result<(), Failure> {
        let key = rows::hashed(work.tenant(), rows::CLAIM, thread.hash);
        let is_asserted = matches!(fact.act, Act::Replace | Act::Merge);
        let address = &thread.address.key;
        let mut now = Known { home: address.home, rid: address.rid, is_asserted, time, content, earlier: Vec::new() };
        if let Some((known, row)) = before {
            now.earlier = known.earlier.clone();
            if known.is_asserted {
                now.remember(known.content);
                now.time = time.over(known.time, self.at_ms);
            }
            now.earlier.retain(|earlier| *earlier != content);
            let bytes = now.write();
            work.replace_row(Keyspace::Claim, key, row, bytes.clone());
            thread.known = Some((now, bytes));
        } else {
            let bytes = now.write();
            work.insert_row(Keyspace::Claim, key, bytes.clone());
            thread.known = Some((now, bytes));
        }
        Ok(())
    }

    /// The resource as it is stored: references literal, and where it came from.
    fn resource(&self, fact: &Fact, references: &HashMap<String, String>) -> Value {
        let mut resource = fact.resource.clone();
        make_literal(&mut resource, references);
        let source = format!("urn:kangmai:message:{}#{}", self.original, fact.path);
        if let Some(members) = resource.as_object_mut() {
            match members.get_mut("meta").and_then(Value::as_object_mut) {
                Some(meta) => {
                    meta.insert("source".to_owned(), Value::from(source));
                }
                None => {
                    members.insert("meta".to_owned(), json!({ "source": source }));
                }
            }
        }
        resource
    }

    fn link(&self, work: &mut Work<'_>, thread: &Thread, resource: &Value) -> Result<(), Failure> {
        if thread.address.key.rid.type_code == TypeCode::PATIENT {
            identity::link(work, self, &thread.address, resource)?;
        }
        Ok(())
    }
}

/// Marks what another document has replaced. What it says, and by what its source knows it, stays as it is.
fn supersede(work: &mut Work<'_>, address: &Address) -> Result<Applied, Failure> {
    match work.get(address)? {
        Some(mut current) if current["status"] == "current" => {
            current["status"] = Value::from("superseded");
            work.put(address, current)?;
            Ok(Applied::Updated)
        }
        _ => Ok(Applied::Mentioned),
    }
}

/// What is there after a fact about anything but a registration.
fn later(fact: &Fact, mut said: Value, current: &Value) -> Value {
    if fact.act == Act::Merge {
        let mut after = current.clone();
        items::keep_item(&mut after, &mut said);
        merge(&mut after, &said);
        prune(&mut after);
        return after;
    }
    let joined = join_panels(fact, current, &said, false);
    // A reader of documents calls each of them current; a FHIR sender means what it says.
    if fact.claim.kind == "document" { still_superseded(said, current) } else { joined.unwrap_or(said) }
}

/// What was replaced stays replaced, also when it comes behind the document that replaced it, or again.
fn still_superseded(mut resource: Value, current: &Value) -> Value {
    if current["status"] == "superseded" && resource["status"] == "current" {
        resource["status"] = Value::from("superseded");
    }
    resource
}

/// Whether a preliminary result would take the place of a final one: it was sent again, or overtaken.
fn is_step_back(said: &Value, current: &Value) -> bool {
    let is_result = matches!(said["resourceType"].as_str(), Some("Observation" | "DiagnosticReport"));
    let is_one_of =
        |resource: &Value, words: &[&str]| resource["status"].as_str().is_some_and(|status| words.contains(&status));
    is_result && is_one_of(said, &PRELIMINARY) && is_one_of(current, &FINAL)
}

/// A report of which the message has some panels only.
fn join_panels(fact: &Fact, current: &Value, message: &Value, is_late: bool) -> Option<Value> {
    let may_join = fact.act == Act::Replace && fact.claim.kind == "report";
    may_join.then(|| panels::joined(current, message, is_late)).flatten()
}

/// What a fact did.
enum Applied {
    Created,
    Updated,
    Late,
    Repeated,
    Mentioned,
}

/// The row of a claim, with what this commit has written.
pub(crate) fn known(work: &Work<'_>, hash: [u8; 16]) -> Result<Option<(Known, Vec<u8>)>, Failure> {
    let key = rows::hashed(work.tenant(), rows::CLAIM, hash);
    let row = work.row(Keyspace::Claim, &key)?;
    row.map(|row| Known::read(&row).map(|known| (known, row))).transpose()
}

/// The keyed hash of what a reader made: the same for the same content, whatever the envelope.
pub(crate) fn content(keys: &TenantKeys, resource: &Value) -> Result<u64, Failure> {
    let text = serde_json::to_vec(resource).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    Ok(keys.hash64(Domain::Content, &text))
}

/// Puts `Type/id` where a claim was named. A claim that is no fact of the record leaves the reference without a target, but
/// with what it displays.
fn make_literal(value: &mut Value, references: &HashMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| make_literal(item, references)),
        Value::Object(members) => {
            let named =
                members.get("reference").and_then(Value::as_str).filter(|text| text.starts_with(REFERENCE_PREFIX));
            if let Some(found) = named.map(|text| references.get(text).cloned()) {
                match found {
                    Some(literal) => members.insert("reference".to_owned(), Value::from(literal)),
                    None => members.remove("reference"),
                };
            }
            members.values_mut().for_each(|member| make_literal(member, references));
            // Items of an order that are one in the records.
            if let Some(Value::Array(orders)) = members.get_mut("basedOn") {
                let mut seen: Vec<Value> = Vec::with_capacity(orders.len());
                orders.retain(|order| {
                    !seen.contains(order) && {
                        seen.push(order.clone());
                        true
                    }
                });
            }
        }
        _ => {}
    }
}

/// JSON merge patch (RFC 7396): members of `patch` replace, `null` removes, the others stay. A concept, a reference, a quantity or
/// an identifier is one value: the code of one department with the name of another is neither.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else if is_one_value(value) {
            members.insert(name.clone(), value.clone());
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Members of `CodeableConcept`, of `Reference`, and of `Quantity`, `Coding` and `Identifier`.
const ONE_VALUE: [&[&str]; 3] = [
    &["coding", "text", "extension"],
    &["reference", "type", "identifier", "display", "extension"],
    &["system", "value", "comparator", "unit", "code", "version", "display", "use", "type", "assigner", "extension"],
];

/// Whether an object is a value of FHIR that is said as a whole or not at all.
fn is_one_value(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    !members.is_empty()
        && members.values().all(|member| !member.is_null())
        && ONE_VALUE.iter().any(|names| members.keys().all(|name| names.contains(&name.as_str())))
}

/// What a fact states: of a patch, without the nulls that take something back.
fn stated(fact: &Fact) -> Cow<'_, Value> {
    if fact.act != Act::Merge {
        return Cow::Borrowed(&fact.resource);
    }
    let mut stated = fact.resource.clone();
    prune(&mut stated);
    Cow::Owned(stated)
}

/// Removes nulls, and objects that hold nothing once they are gone: FHIR knows neither.
fn prune(value: &mut Value) {
    let Value::Object(members) = value else { return };
    members.values_mut().for_each(prune);
    members.retain(|_, member| !member.is_null() && member.as_object().is_none_or(|inner| !inner.is_empty()));
}

/// Remembers the addresses of claims whose commit held.
pub(crate) fn remember(cache: &Cache, tenant: TenantId, fresh: Vec<([u8; 16], Address)>) {
    for (hash, address) in fresh {
        cache.put(tenant, hash, address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_leaves_nothing_empty() {
        let mut visit = json!({ "period": { "end": "2024" }, "name": [{}], "status": "finished" });
        merge(&mut visit, &json!({ "period": { "end": null }, "status": "in-progress" }));
        prune(&mut visit);
        assert_eq!(visit, json!({ "name": [{}], "status": "in-progress" }));
    }

    #[test]
    fn merging_follows_the_examples_of_rfc_7396() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, expected);
        }
    }

    #[test]
    fn a_concept_a_reference_and_a_quantity_are_one_value() {
        let mut visit = json!({
            "serviceType": { "coding": [{ "system": "s", "code": "0304" }], "text": "心血管内科" },
            "requester": { "reference": "Practitioner/1", "display": "王医生" },
            "length": { "value": 1, "unit": "天", "system": "http://unitsofmeasure.org", "code": "d" },
            "hospitalization": { "admitSource": { "text": "门诊" }, "destination": { "display": "家" } },
            "period": { "start": "2024" },
        });
        merge(
            &mut visit,
            &json!({
                "serviceType": { "text": "呼吸内科" },
                "requester": { "display": "李医生" },
                "length": { "value": 2, "unit": "周" },
                "hospitalization": { "admitSource": { "coding": [{ "code": "1" }] } },
                "period": { "end": "2025" },
            }),
        );
        let expected = json!({
            "serviceType": { "text": "呼吸内科" },
            "requester": { "display": "李医生" },
            "length": { "value": 2, "unit": "周" },
            "hospitalization": { "admitSource": { "coding": [{ "code": "1" }] }, "destination": { "display": "家" } },
            "period": { "start": "2024", "end": "2025" },
        });
        assert_eq!(visit, expected);
    }

    #[test]
    fn references_to_claims_become_literal_and_others_stay() {
        let references = HashMap::from([("claim:visit/A".to_owned(), "Encounter/1".to_owned())]);
        let mut resource = json!({
            "encounter": {"reference": "claim:visit/A"},
            "performer": [{"reference": "claim:staff/B", "display": "张三"}, {"reference": "Practitioner/1"}],
        });
        make_literal(&mut resource, &references);
        let expected = json!({
            "encounter": {"reference": "Encounter/1"},
            "performer": [{"display": "张三"}, {"reference": "Practitioner/1"}],
        });
        assert_eq!(resource, expected);
    }
}
