//! What the linker says → rows and persons of a commit.

use model::{ErrorCode, Failure, Home, Number, Rid, TenantId, TypeCode};
use records::{Address, Work};
use serde_json::{Value, json};
use store::Keyspace;

use super::flight::Flight;
use super::golden::{self, Source};
use super::labels::wishes_of;
use super::ledger::{self, Decision, DecisionKind, IdentityEvent};
use super::linker::{Because, Change, PersonNumber, Question};
use super::{patient, tenants};
use crate::rows;
use crate::weave::Loom;

/// Bits of a score.
pub(crate) fn bits(score: i32) -> f64 {
    (score as f64 / f64::from(identity::model::UNITS_PER_BIT) * 100.0).round() / 100.0
}

/// Why rows are written.
pub(crate) struct Cause<'c> {
    pub(crate) at_ms: i64,
    pub(crate) by: &'c str,
    /// The id of the original, or of the decision.
    pub(crate) original: &'c str,
    /// What people (or a source) ordered, with their reason.
    pub(crate) order: Option<(DecisionKind, &'c str)>,
}

/// A registration on its way in.
struct Arriving {
    home: Home,
    registered_ms: i64,
    because: Because,
}

/// Links a registration that was made or changed.
///
/// # Errors
/// `NotReady`; what the store says.
pub(crate) fn link(
    work: &mut Work<'_>,
    loom: &Loom<'_>,
    registration: &Address,
    patient: &Value,
) -> Result<(), Failure> {
    let home = registration.key.home;
    let row = work.row(Keyspace::Ledger, &rows::ledger(work.tenant(), rows::LINK, home))?;
    let registered_ms = row.as_deref().and_then(ledger::registered_of).unwrap_or(loom.said_ms);
    let (change, because) = loom.flight.arrive(home, patient::packed(patient, Some(registered_ms)))?;
    let cause = Cause { at_ms: loom.at_ms, by: loom.by, original: &loom.original, order: None };
    stage(work, loom.flight, &cause, &change, Some(&Arriving { home, registered_ms, because }))
}

/// Writes what a change means, without anybody arriving.
///
/// # Errors
/// What the store says.
pub(crate) fn restage(work: &mut Work<'_>, flight: &Flight, cause: &Cause<'_>, change: &Change) -> Result<(), Failure> {
    stage(work, flight, cause, change, None)
}

fn stage(
    work: &mut Work<'_>,
    flight: &Flight,
    cause: &Cause<'_>,
    change: &Change,
    arriving: Option<&Arriving>,
) -> Result<(), Failure> {
    flight.hold(change)?;
    let tenant = work.tenant();
    let mut lost: Vec<(PersonNumber, PersonNumber)> = Vec::new();
    let mut present: Vec<Vec<(Home, i64)>> = Vec::with_capacity(change.groups.len());
    let mut is_changed = vec![false; change.groups.len()];
    for (number, group) in change.groups.iter().enumerate() {
        let mut here = Vec::with_capacity(group.members.len());
        for home in &group.members {
            let key = rows::ledger(tenant, rows::LINK, *home);
            let row = work.row(Keyspace::Ledger, &key)?;
            let arrives = arriving.filter(|one| one.home == *home);
            let registered_ms = row.as_deref().and_then(ledger::registered_of);
            let registered_ms = registered_ms.or(arrives.map(|one| one.registered_ms)).unwrap_or(cause.at_ms);
            let former = match row {
                Some(row) => {
                    here.push((*home, registered_ms));
                    let former = ledger::person_of(&row);
                    if former == group.person {
                        is_changed[number] |= arrives.is_some();
                        flight.stages(*home, former);
                        continue;
                    }
                    work.replace_row(Keyspace::Ledger, key, row, ledger::link_row(group.person, registered_ms));
                    lost.push((former, group.person));
                    Some(former)
                }
                None if arrives.is_some() => {
                    here.push((*home, registered_ms));
                    work.insert_row(Keyspace::Ledger, key, ledger::link_row(group.person, registered_ms));
                    None
                }
                None => {
                    flight.owe(*home);
                    continue;
                }
            };
            is_changed[number] = true;
            flight.stages(*home, group.person);
            let looked_up;
            let because = match arrives {
                Some(one) => &one.because,
                None => {
                    looked_up = flight.because(*home, &group.members);
                    &looked_up
                }
            };
            note(work, cause, (*home, former, group.person), because, group.members.len())?;
        }
        present.push(here);
    }
    for ((group, here), is_changed) in change.groups.iter().zip(&present).zip(is_changed) {
        if !here.is_empty() && (is_changed || lost.iter().any(|(former, _)| *former == group.person)) {
            write_person(work, group.person, here)?;
        }
    }
    for (person, successor) in &change.emptied {
        retire(work, *person, *successor)?;
    }
    for (person, successor) in lost {
        let is_known = change.groups.iter().any(|group| group.person == person)
            || change.emptied.iter().any(|(emptied, _)| *emptied == person);
        if !is_known {
            abandon(work, person, successor)?;
        }
    }
    change.questions.iter().try_for_each(|question| ask(work, cause, question))
}

fn note(
    work: &mut Work<'_>,
    cause: &Cause<'_>,
    (home, former, person): (Home, Option<PersonNumber>, PersonNumber),
    because: &Because,
    size: usize,
) -> Result<(), Failure> {
    let tenant = work.tenant();
    let kind = match (cause.order, former) {
        (Some((kind, _)), _) => kind.code(),
        (None, Some(_)) => "move",
        (None, None) if size > 1 => "link",
        (None, None) => "new-person",
    };
    let reason = match (cause.order, because.other) {
        (Some((_, reason)), _) => reason.to_owned(),
        (None, Some(_)) => ledger::sentence(&because.reasons),
        (None, None) if size > 1 => "经由同组其他登记关联".to_owned(),
        (None, None) => "没有可关联的既有登记".to_owned(),
    };
    let event = IdentityEvent {
        kind: kind.to_owned(),
        person: person_address(tenant, person)?.reference(),
        from: former.map(|former| person_address(tenant, former).map(|it| it.reference())).transpose()?,
        registration: registration(tenant, home).reference(),
        rule: if cause.order.is_some() { "people".to_owned() } else { tenants::rule_version().to_owned() },
        reason,
        other: because.other.map(|other| registration(tenant, other).reference()),
        weight: because.other.map(|_| bits(because.score)),
        by: cause.by.to_owned(),
        at_ms: cause.at_ms,
        original: cause.original.to_owned(),
    };
    ledger::note(work, home, &event)
}

/// The address of a registration that the platform gave its id.
pub(crate) fn registration(tenant: TenantId, home: Home) -> Address {
    Address::assigned(tenant, home, Rid { type_code: TypeCode::PATIENT, number: Number(home.0) })
}

/// The address of a person.
///
/// # Errors
/// `Internal` when this build knows no persons.
pub(crate) fn person_address(tenant: TenantId, person: PersonNumber) -> Result<Address, Failure> {
    let type_code = TypeCode::of("Person");
    let type_code = type_code.map_err(|unknown| Failure::new(ErrorCode::Internal, unknown.to_string()))?;
    Ok(Address::assigned(tenant, Home::SHARED, Rid { type_code, number: Number(person) }))
}

/// Writes the person of these registrations.
fn write_person(work: &mut Work<'_>, person: PersonNumber, members: &[(Home, i64)]) -> Result<(), Failure> {
    let tenant = work.tenant();
    let address = person_address(tenant, person)?;
    let mut ordered = members.to_vec();
    ordered.sort_by_key(|(_, registered_ms)| *registered_ms);
    let mut sources = Vec::with_capacity(ordered.len());
    for (home, registered_ms) in ordered {
        let registration = registration(tenant, home);
        let patient = work.get(&registration)?.unwrap_or_default();
        sources.push(Source { reference: registration.reference(), registered_ms, patient });
    }
    let links =
        sources.iter().map(|source| json!({ "target": { "reference": source.reference }, "assurance": "level3" }));
    let links = Value::Array(links.collect());
    let known = work.get(&address)?;
    let is_new = known.is_none();
    let mut resource = known.unwrap_or_else(|| json!({ "resourceType": "Person" }));
    let Some(members) = resource.as_object_mut() else { return Ok(()) };
    for name in ["extension", "identifier", "name", "telecom", "gender", "birthDate", "address"] {
        members.remove(name);
    }
    members.insert("active".to_owned(), Value::Bool(true));
    members.insert("link".to_owned(), links);
    for (name, value) in golden::person(&sources) {
        members.insert(name.to_owned(), value);
    }
    if is_new { work.create(&address, resource) } else { work.put(&address, resource) }
}

/// A person that only the disk knows: a commit that was overtaken made it. It keeps who is still linked to it, and is retired when
/// nobody is.
fn abandon(work: &mut Work<'_>, person: PersonNumber, successor: PersonNumber) -> Result<(), Failure> {
    let tenant = work.tenant();
    let Some(known) = work.get(&person_address(tenant, person)?)? else { return Ok(()) };
    let references = known["link"].as_array().into_iter().flatten();
    let ids = references.filter_map(|link| link["target"]["reference"].as_str()?.strip_prefix("Patient/"));
    let homes: Vec<Home> = ids.filter_map(|id| u64::from_str_radix(id.split_once('-')?.0, 16).ok()).map(Home).collect();
    let mut left = Vec::new();
    for home in homes {
        let row = work.row(Keyspace::Ledger, &rows::ledger(tenant, rows::LINK, home))?;
        if let Some(row) = row.filter(|row| ledger::person_of(row) == person) {
            left.push((home, ledger::registered_of(&row).unwrap_or(0)));
        }
    }
    if left.is_empty() { retire(work, person, successor) } else { write_person(work, person, &left) }
}

/// A person whose registrations all went to another: it names the other, so that its handle still leads somewhere.
fn retire(work: &mut Work<'_>, person: PersonNumber, successor: PersonNumber) -> Result<(), Failure> {
    let tenant = work.tenant();
    let address = person_address(tenant, person)?;
    let Some(known) = work.get(&address)? else { return Ok(()) };
    let successor = person_address(tenant, successor)?.reference();
    let mut resource = json!({
        "resourceType": "Person", "active": false, "link": [{ "target": { "reference": successor } }],
    });
    for name in ["id", "meta"] {
        if let Some(value) = known.get(name) {
            resource[name] = value.clone();
        }
    }
    work.put(&address, resource)
}

fn ask(work: &mut Work<'_>, cause: &Cause<'_>, question: &Question) -> Result<(), Failure> {
    let key = ledger::review(work.tenant(), question.left.0, question.right.0);
    if let Some(row) = work.row(Keyspace::Ledger, &key)? {
        let known: ledger::Review = rows::open(work.keys(), &key, &row)?;
        if known.kind == question.kind {
            return Ok(());
        }
    }
    let review = ledger::Review {
        left: question.left.0,
        right: question.right.0,
        kind: question.kind.to_owned(),
        weight: bits(question.score),
        reasons: question.reasons.iter().map(Into::into).collect(),
        at_ms: cause.at_ms,
    };
    let sealed = rows::seal(work.keys(), &key, &review)?;
    work.put_row(Keyspace::Ledger, key, sealed);
    Ok(())
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
    // Both may be new: they get their persons first.
    for address in [into, from] {
        let key = rows::ledger(work.tenant(), rows::LINK, address.key.home);
        if work.row(Keyspace::Ledger, &key)?.is_none() {
            let Some(patient) = work.get(address)? else { return Ok(()) };
            link(work, loom, address, &patient)?;
        }
    }
    let (into, from) = (into.key.home, from.key.home);
    // One row for one declaration, however often it is sent.
    let mut key = ledger::prefix(work.tenant(), ledger::DECISION);
    key.extend_from_slice(&into.0.to_be_bytes());
    key.extend_from_slice(&from.0.to_be_bytes());
    if work.row(Keyspace::Ledger, &key)?.is_some() {
        return Ok(());
    }
    // People said that these are two: a program does not overrule them, it asks.
    if loom.flight.with(|linker| linker.are_parted(into, from))? {
        let cause = Cause { at_ms: loom.at_ms, by: loom.by, original: &loom.original, order: None };
        let question = Question { left: into, right: from, kind: "vetoed", score: 0, reasons: Vec::new() };
        return ask(work, &cause, &question);
    }
    let reason = "来源机构合并了患者标识（A40）";
    let decision = Decision {
        id: ledger::id_of(&key),
        kind: DecisionKind::DeclaredSame,
        by: loom.by.to_owned(),
        reason: reason.to_owned(),
        at_ms: loom.at_ms,
        model: tenants::rule_version().to_owned(),
        must: vec![(into.0, from.0)],
        cannot: Vec::new(),
        overruled_must: Vec::new(),
        overruled_cannot: Vec::new(),
        before: Vec::new(),
        undoes: None,
        undone_by: None,
    };
    let sealed = rows::seal(work.keys(), &key, &decision)?;
    work.put_row(Keyspace::Ledger, key, sealed);
    for wish in wishes_of((&[], &[]), (&decision.must, &[])) {
        loom.flight.wish(wish)?;
    }
    let change = loom.flight.again(&[into, from], &[], true)?;
    let cause = Cause {
        at_ms: loom.at_ms,
        by: loom.by,
        original: &loom.original,
        order: Some((DecisionKind::DeclaredSame, reason)),
    };
    restage(work, loom.flight, &cause, &change)
}
