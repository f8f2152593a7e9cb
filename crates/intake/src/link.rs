//! Which person a registration is — the smallest rule that is safe: a valid resident identity number of one's own with a
//! compatible name links, everything else is a new person. The identity engine takes the place of [`decide`]; the ledger and
//! the `Person` resources stay as they are.
//!
//! The ledger is append-only: each event says which registration went to which person, by which rule and why. The `Person` is
//! the fold of it. Clinical resources keep pointing at their registration, so that every link can be taken back.

use model::{Failure, Home, TypeCode};
use records::{Address, Work};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Keyspace;
use trust::Domain;

use crate::rows;
use crate::weave::Loom;

/// The version of the rule, kept in every event that it leads to.
const RULE_VERSION: &str = "resident-number-and-name/1";

/// One event of the ledger.
#[derive(Debug, Serialize, Deserialize)]
struct Event {
    /// `link`, `new-person`, `document-conflict`, `declared-same`.
    kind: String,
    /// `Person/…`.
    person: String,
    /// `Patient/…`.
    registration: String,
    /// What decided.
    rule: String,
    /// Why, for people.
    reason: String,
    /// The account that delivered the message.
    by: String,
    /// When, in milliseconds since 1970.
    at_ms: i64,
    /// The original in which it was said.
    original: String,
}

/// What the rule says about a registration.
enum Decision {
    /// It is this person.
    Link(Address),
    /// It is nobody that we know.
    New { reason: &'static str, kind: &'static str },
}

/// Links a registration that was made or changed.
///
/// # Errors
/// What the store says.
pub(crate) fn link(
    work: &mut Work<'_>,
    loom: &Loom<'_>,
    registration: &Address,
    patient: &Value,
) -> Result<(), Failure> {
    let tenant = work.tenant();
    let link_key = rows::ledger(tenant, rows::LINK, registration.key.home);
    let document = own_number(patient).map(|number| {
        let hash = rows::hash(work.keys(), Domain::Document, format!("01\0{number}").as_bytes());
        rows::hashed(tenant, rows::DOCUMENT, hash)
    });
    let linked = work.row(Keyspace::Ledger, &link_key)?;
    let (person, kind, reason, is_new) = match (decide(work, document.as_deref(), patient)?, &linked) {
        (Decision::Link(person), Some(row)) if row.as_slice() == person.key.rid.number.0.to_be_bytes() => {
            return refresh(work, &person, patient);
        }
        (Decision::Link(person), _) => (person, "link", "证件号码相同且姓名相符", false),
        // A registration that has a person keeps it: nothing speaks for another one.
        (Decision::New { .. }, Some(row)) => {
            let Some(person) = person_of(work, row) else { return Ok(()) };
            claim_document(work, document, &person)?;
            return refresh(work, &person, patient);
        }
        (Decision::New { kind, reason }, None) => {
            let type_code = person_type()?;
            (work.assign(type_code, Home::SHARED)?, kind, reason, true)
        }
    };
    let number = person.key.rid.number.0.to_be_bytes().to_vec();
    match linked {
        Some(row) => {
            if let Some(former) = person_of(work, &row) {
                leave(work, &former, registration)?;
            }
            work.replace_row(Keyspace::Ledger, link_key, row, number);
        }
        None => work.insert_row(Keyspace::Ledger, link_key, number),
    }
    if kind != "document-conflict" {
        claim_document(work, document, &person)?;
    }
    join(work, &person, registration, patient, is_new)?;
    note(work, loom, registration, &person, (kind, RULE_VERSION, reason))
}

/// The source itself says that two of its registrations are one patient (A40): `from` follows `into`, and is no longer used.
///
/// # Errors
/// What the store says.
pub(crate) fn declare_same(
    work: &mut Work<'_>,
    loom: &Loom<'_>,
    into: &Address,
    from: &Address,
) -> Result<(), Failure> {
    let tenant = work.tenant();
    for (address, other, kind, is_active) in [(from, into, "replaced-by", false), (into, from, "replaces", true)] {
        let Some(mut patient) = work.get(address)? else { continue };
        patient["active"] = Value::Bool(is_active);
        let link = json!({ "other": { "reference": other.reference() }, "type": kind });
        let links = patient["link"].as_array().cloned().unwrap_or_default();
        if !links.contains(&link) {
            patient["link"] = Value::Array(links.into_iter().chain([link]).collect());
        }
        work.put(address, patient)?;
    }
    let into_key = rows::ledger(tenant, rows::LINK, into.key.home);
    let from_key = rows::ledger(tenant, rows::LINK, from.key.home);
    let into_row = work.row(Keyspace::Ledger, &into_key)?;
    let from_row = work.row(Keyspace::Ledger, &from_key)?;
    if from_row == into_row && into_row.is_some() {
        return Ok(());
    }
    let Some(patient) = work.get(into)? else { return Ok(()) };
    // Both may be new: the registration that lives on gets its person first.
    if into_row.is_none() {
        link(work, loom, into, &patient)?;
    }
    let Some(person) = work.row(Keyspace::Ledger, &into_key)?.and_then(|row| person_of(work, &row)) else {
        return Ok(());
    };
    let number = person.key.rid.number.0.to_be_bytes().to_vec();
    match from_row {
        Some(row) => {
            if let Some(former) = person_of(work, &row) {
                leave(work, &former, from)?;
            }
            work.replace_row(Keyspace::Ledger, from_key, row, number);
        }
        None => work.insert_row(Keyspace::Ledger, from_key, number),
    }
    join(work, &person, from, &patient, false)?;
    note(work, loom, from, &person, ("declared-same", "source-declaration/1", "来源机构合并了患者标识（A40）"))
}

/// The rule. See the module.
fn decide(work: &mut Work<'_>, document: Option<&[u8]>, patient: &Value) -> Result<Decision, Failure> {
    let Some(document) = document else {
        return Ok(Decision::New { reason: "没有有效的本人身份证号", kind: "new-person" });
    };
    let Some(row) = work.row(Keyspace::Ledger, document)? else {
        return Ok(Decision::New { reason: "首次出现的身份证号", kind: "new-person" });
    };
    let Some(person) = person_of(work, &row) else {
        return Ok(Decision::New { reason: "首次出现的身份证号", kind: "new-person" });
    };
    let Some(known) = work.get(&person)? else {
        return Ok(Decision::New { reason: "首次出现的身份证号", kind: "new-person" });
    };
    if names(&known).iter().any(|name| names(patient).iter().any(|other| is_compatible(name, other))) {
        Ok(Decision::Link(person))
    } else {
        Ok(Decision::New { reason: "身份证号相同但姓名不符，待人工核实", kind: "document-conflict" })
    }
}

fn person_type() -> Result<TypeCode, Failure> {
    TypeCode::of("Person").map_err(|unknown| Failure::new(model::ErrorCode::Internal, unknown.to_string()))
}

fn person_of(work: &Work<'_>, row: &[u8]) -> Option<Address> {
    let number = u64::from_be_bytes(row.get(..8)?.try_into().ok()?);
    let rid = model::Rid { type_code: person_type().ok()?, number: model::Number(number) };
    Some(Address::assigned(work.tenant(), Home::SHARED, rid))
}

/// Writes down whose document this is, unless somebody has it already.
fn claim_document(work: &mut Work<'_>, document: Option<Vec<u8>>, person: &Address) -> Result<(), Failure> {
    if let Some(key) = document
        && work.row(Keyspace::Ledger, &key)?.is_none()
    {
        work.insert_row(Keyspace::Ledger, key, person.key.rid.number.0.to_be_bytes().to_vec());
    }
    Ok(())
}

/// Adds a registration to a person.
fn join(
    work: &mut Work<'_>,
    person: &Address,
    registration: &Address,
    patient: &Value,
    is_new: bool,
) -> Result<(), Failure> {
    let link = json!({ "target": { "reference": registration.reference() }, "assurance": "level3" });
    if is_new {
        let mut resource = json!({ "resourceType": "Person", "active": true });
        adopt(&mut resource, patient);
        resource["link"] = json!([link]);
        return work.create(person, resource);
    }
    let Some(mut resource) = work.get(person)? else { return Ok(()) };
    let links = resource["link"].as_array().cloned().unwrap_or_default();
    if !links.contains(&link) {
        resource["link"] = Value::Array(links.into_iter().chain([link]).collect());
    }
    resource["active"] = Value::Bool(true);
    adopt(&mut resource, patient);
    work.put(person, resource)
}

/// Takes a registration from a person. A person without registrations is no longer active.
fn leave(work: &mut Work<'_>, person: &Address, registration: &Address) -> Result<(), Failure> {
    let Some(mut resource) = work.get(person)? else { return Ok(()) };
    let reference = registration.reference();
    let mut links = resource["link"].as_array().cloned().unwrap_or_default();
    links.retain(|link| link["target"]["reference"].as_str() != Some(&reference));
    if links.is_empty() {
        resource["active"] = Value::Bool(false);
        if let Some(members) = resource.as_object_mut() {
            members.remove("link");
        }
    } else {
        resource["link"] = Value::Array(links);
    }
    work.put(person, resource)
}

/// What a person is called, from a registration that said something new.
fn refresh(work: &mut Work<'_>, person: &Address, patient: &Value) -> Result<(), Failure> {
    let Some(mut resource) = work.get(person)? else { return Ok(()) };
    let before = resource.clone();
    adopt(&mut resource, patient);
    if resource == before { Ok(()) } else { work.put(person, resource) }
}

/// Fills what a person does not have yet; names are collected.
fn adopt(person: &mut Value, patient: &Value) {
    for member in ["gender", "birthDate"] {
        if person.get(member).is_none_or(|known| known == "unknown")
            && let Some(value) = patient.get(member)
        {
            person[member] = value.clone();
        }
    }
    for member in ["name", "identifier"] {
        let mut known = person[member].as_array().cloned().unwrap_or_default();
        for value in patient[member].as_array().into_iter().flatten() {
            // Numbers that an institution gives are the registration's, not the person's.
            let is_local =
                value["system"].as_str().is_some_and(|system| system.starts_with("urn:kangmai:institution:"));
            let is_known = known.iter().any(|known| known["text"] == value["text"] && known["value"] == value["value"]);
            if !is_local && !is_known {
                known.push(value.clone());
            }
        }
        if !known.is_empty() {
            person[member] = Value::Array(known);
        }
    }
}

fn note(
    work: &mut Work<'_>,
    loom: &Loom<'_>,
    registration: &Address,
    person: &Address,
    (kind, rule, reason): (&str, &str, &str),
) -> Result<(), Failure> {
    let mut key = rows::ledger(work.tenant(), rows::EVENT, registration.key.home);
    key.extend_from_slice(&u64::try_from(loom.at_ms).unwrap_or(0).to_be_bytes());
    key.extend_from_slice(&rows::random()?);
    let event = Event {
        kind: kind.to_owned(),
        person: person.reference(),
        registration: registration.reference(),
        rule: rule.to_owned(),
        reason: reason.to_owned(),
        by: loom.by.to_owned(),
        at_ms: loom.at_ms,
        original: loom.original.clone(),
    };
    let sealed = rows::seal(work.keys(), &key, &event)?;
    work.put_row(Keyspace::Ledger, key, sealed);
    Ok(())
}

/// The resident identity number of a registration, when it is valid and the patient's own: a newborn that is called after its
/// mother came with hers.
fn own_number(patient: &Value) -> Option<String> {
    if names(patient).iter().any(|name| is_called_after_a_parent(name)) {
        return None;
    }
    let identifiers = patient["identifier"].as_array()?;
    identifiers
        .iter()
        .filter(|identifier| identifier["system"] == formats::national::RESIDENT_NUMBER && identifier["use"] != "old")
        .filter_map(|identifier| identifier["value"].as_str())
        .find(|value| is_valid_number(value))
        .map(str::to_ascii_uppercase)
}

/// Eighteen characters with a day that exists and the right check character (GB 11643). Numbers of fifteen digits have no check
/// character, so that nothing tells a slip from another person: they do not link.
fn is_valid_number(number: &str) -> bool {
    number.len() == 18 && quality::identity::Number::read(number).is_ok()
}

fn names(resource: &Value) -> Vec<String> {
    let names = resource["name"].as_array().into_iter().flatten();
    names.filter_map(|name| name["text"].as_str()).map(fold).filter(|name| !name.is_empty()).collect()
}

/// A name without what clerks add: spaces, middle dots in their many encodings, and remarks in brackets.
fn fold(name: &str) -> String {
    let end = name.find(['(', '（', '[', '【']).unwrap_or(name.len());
    let kept = name[..end].chars().filter(|character| {
        !character.is_whitespace() && !matches!(character, '·' | '•' | '．' | '.' | '・' | '‧' | '-')
    });
    kept.flat_map(char::to_uppercase).collect()
}

/// 李红之子, 李红之大女: named after the mother until there is a name.
fn is_called_after_a_parent(name: &str) -> bool {
    let tail = ["子", "女", "婴", "儿", "男", "毛毛", "宝宝"];
    name.rsplit_once('之')
        .is_some_and(|(_, rest)| rest.chars().count() <= 4 && tail.iter().any(|word| rest.ends_with(word)))
        || ["毛毛", "宝宝", "新生儿"].iter().any(|word| name.ends_with(word))
}

/// Equal, or of three or more characters and only one of them different.
fn is_compatible(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let differing = one.iter().zip(&other).filter(|(left, right)| left != right).count();
    one.len() == other.len() && one.len() >= 3 && differing == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked() {
        let valid = (0..=10)
            .map(|check| format!("99012119800101123{}", if check == 10 { 'X' } else { char::from(b'0' + check) }));
        assert_eq!(valid.filter(|number| is_valid_number(number)).count(), 1);
        for bad in [
            "",
            "99012119800101123",
            "990121198013011238",
            "99012119800101123A",
            "９９０１２１１９８００１０１１２３８",
        ] {
            assert!(!is_valid_number(bad), "{bad}");
        }
    }

    #[test]
    fn a_newborn_named_after_its_mother_has_no_number_of_its_own() {
        for name in ["李红之子", "李红之大女", "李红之双胞胎女", "李红之毛毛", "张新生儿"] {
            assert!(is_called_after_a_parent(name), "{name}");
        }
        for name in ["王之涣", "李红", "欧阳子"] {
            assert!(!is_called_after_a_parent(name), "{name}");
        }
    }

    #[test]
    fn names_are_compared_without_remarks() {
        assert_eq!(fold("张 三（退）"), "张三");
        assert_eq!(fold("买买提·艾力"), fold("买买提•艾力"));
        assert!(is_compatible("张三", "张三") && !is_compatible("张三", "张四"));
        assert!(is_compatible("欧阳小红", "欧阳晓红") && !is_compatible("王小明", "李大明"));
    }
}
