//! Orders of several items under one number (一个医嘱号下多条): which of them a message speaks of.
//!
//! In HL7 a number is one item; in feeds it is often a whole prescription. The items of an order are kept under its number (`X`,
//! `X/2`, `X/3`) in the order in which they became known. Which of them a fact is about is told by what it orders, the code of
//! the drug or test, else its name, never by its place in the message: a cancellation may name one item of three, the same
//! order may come again in another sequence, and a further item may come later. What names no item is about all that are known.
//!
//! Nothing is cancelled by guessing: a cancellation that names an item which the order does not have, or one of two that look the
//! same, is set aside.

use std::borrow::Cow;
use std::collections::HashMap;

use formats::national::UNSTATED;
use formats::reading::{Act, Claim, Fact, Record};
use model::{Failure, Issue, Severity};
use records::Work;
use serde_json::Value;

use crate::claim;
use crate::weave;

/// Items of one order that are looked through. A prescription has five, a set of ward orders some dozens.
const ITEMS_MAX: usize = 500;
/// What else than its name tells an item from another one of the same name.
const DETAILS: [&str; 4] = ["dosageInstruction", "dispenseRequest", "priority", "occurrenceDateTime"];
/// Status of what is not to be done any more.
const CANCELLED: [&str; 4] = ["revoked", "cancelled", "stopped", "entered-in-error"];

/// A fact, and the claim under which the thing is kept that it is about.
pub(crate) struct Saying<'r> {
    pub(crate) claim: Cow<'r, Claim>,
    pub(crate) fact: &'r Fact,
}

/// The facts of a record with the claims that they are about.
#[derive(Default)]
pub(crate) struct Sayings<'r> {
    pub(crate) list: Vec<Saying<'r>>,
    /// How other facts refer to an item, and how it is kept.
    pub(crate) aliases: Vec<(String, String)>,
    /// Why the record cannot be taken as it is.
    pub(crate) issue: Option<Issue>,
}

/// Finds out what the facts of a record are about.
///
/// # Errors
/// What the store says.
pub(crate) fn sayings<'r>(work: &mut Work<'_>, source: u32, record: &'r Record) -> Result<Sayings<'r>, Failure> {
    let mut orders: Vec<(Claim, Vec<&'r Fact>)> = Vec::new();
    for fact in &record.facts {
        let Some(order) = claim::kept_as(&fact.claim, 1) else { continue };
        match orders.iter_mut().find(|(known, _)| *known == order) {
            Some((_, facts)) => facts.push(fact),
            None => orders.push((order, vec![fact])),
        }
    }
    let mut out = Sayings::default();
    let mut places: HashMap<&'r Claim, Vec<usize>> = HashMap::new();
    for (_, facts) in &orders {
        places.extend(resolve(work, source, facts, &mut out.issue)?);
    }
    for fact in &record.facts {
        let Some(places) = places.get(&fact.claim) else {
            out.list.push(Saying { claim: Cow::Borrowed(&fact.claim), fact });
            continue;
        };
        for (position, place) in places.iter().enumerate() {
            let Some(kept) = claim::kept_as(&fact.claim, place + 1) else { continue };
            if position == 0 {
                out.aliases.push((fact.claim.reference(), kept.reference()));
            }
            out.list.push(Saying { claim: Cow::Owned(kept), fact });
        }
    }
    Ok(out)
}

/// An item of an order as it is known.
#[derive(Default)]
struct Slot {
    item: Option<Item>,
    resource: Value,
    content: u64,
    /// Somebody said more than that it exists.
    is_asserted: bool,
    /// A fact of this record is about it.
    is_taken: bool,
}

impl Slot {
    fn is(&self, item: Option<&Item>) -> bool {
        self.item.as_ref().zip(item).is_some_and(|(own, other)| own.is_same(other))
    }

    /// Whether it says nothing yet about what is ordered, so that the first item that comes is it.
    fn is_open(&self) -> bool {
        !self.is_taken && (!self.is_asserted || self.item.is_none())
    }
}

/// For each claim among the facts of one order, the places of the items that it is about, from 0.
fn resolve<'r>(
    work: &mut Work<'_>,
    source: u32,
    facts: &[&'r Fact],
    issue: &mut Option<Issue>,
) -> Result<HashMap<&'r Claim, Vec<usize>>, Failure> {
    let Some(any) = facts.first().map(|fact| &fact.claim) else { return Ok(HashMap::new()) };
    let only_mentioned = facts.iter().all(|fact| fact.act == Act::Mention);
    if only_mentioned && !is_known(work, source, any, 2)? {
        return Ok(facts.iter().map(|fact| (&fact.claim, vec![0])).collect());
    }
    let slots = known_items(work, source, any)?;
    let mut order = Order { known: slots.len(), slots, places: HashMap::new(), issue };
    // Of a claim that is mentioned and then changed, the change says what it is about.
    let mut about: Vec<&'r Fact> = Vec::new();
    for &fact in facts {
        match about.iter_mut().find(|known| known.claim == fact.claim) {
            Some(known) if known.act == Act::Mention => *known = fact,
            Some(_) => {}
            None => about.push(fact),
        }
    }
    order.take_what_is_there(work, &about)?;
    order.take_the_rest(&about);
    Ok(order.places)
}

struct Order<'r, 'i> {
    slots: Vec<Slot>,
    /// How many items were known before this record.
    known: usize,
    places: HashMap<&'r Claim, Vec<usize>>,
    issue: &'i mut Option<Issue>,
}

impl<'r> Order<'r, '_> {
    /// Facts whose item is known: among several of one name, first the one that says exactly this.
    fn take_what_is_there(&mut self, work: &Work<'_>, about: &[&'r Fact]) -> Result<(), Failure> {
        for &fact in about {
            let item = Item::of(&fact.resource);
            let alike: Vec<usize> = self.free(item.as_ref());
            if fact.act == Act::Mention || alike.len() < 2 {
                continue;
            }
            let content = weave::content(work.keys(), &fact.resource)?;
            if let Some(at) = alike.into_iter().find(|at| self.slots[*at].content == content) {
                self.take(fact, vec![at]);
            }
        }
        for (position, &fact) in about.iter().enumerate() {
            if self.places.contains_key(&fact.claim) {
                continue;
            }
            let item = Item::of(&fact.resource);
            let alike = self.free(item.as_ref());
            let Some(first) = alike.first().copied() else { continue };
            if fact.act == Act::Mention {
                self.places.insert(&fact.claim, vec![first]);
                continue;
            }
            let is_wanted = |other: &&&Fact| {
                !self.places.contains_key(&other.claim)
                    && Item::of(&other.resource).zip(item.as_ref()).is_some_and(|(other, own)| other.is_same(own))
            };
            let wanted = about[position..].iter().filter(is_wanted).count();
            let places = match fact.act {
                Act::Merge if alike.len() > 1 => self.told_apart(fact, alike, wanted),
                _ => vec![first],
            };
            self.take(fact, places);
        }
        Ok(())
    }

    /// Of several items of one name, the one that agrees with the rest of what the fact says.
    fn told_apart(&mut self, fact: &Fact, alike: Vec<usize>, wanted: usize) -> Vec<usize> {
        let agreeing: Vec<usize> =
            alike.iter().copied().filter(|at| agrees(&fact.resource, &self.slots[*at].resource)).collect();
        if let [only] = agreeing.as_slice() {
            return vec![*only];
        }
        if wanted >= alike.len() {
            // The message names as many of them as there are: all.
            return alike.into_iter().take(1).collect();
        }
        let hint = "同一医嘱号下有多条相同的项目，报文没有说明是哪一条；请以区分得开的内容重发，或核对后放行（放行后对各条都生效）";
        self.refuse("road.order.item-ambiguous", fact, hint);
        alike
    }

    /// Facts about the order as a whole, and those whose item is not known yet.
    fn take_the_rest(&mut self, about: &[&'r Fact]) {
        for &fact in about {
            if self.places.contains_key(&fact.claim) {
                continue;
            }
            let item = Item::of(&fact.resource);
            if fact.act == Act::Mention {
                self.places.insert(&fact.claim, vec![0]);
                continue;
            }
            if fact.act == Act::Merge && item.is_none() {
                if self.slots.is_empty() {
                    self.slots.push(Slot::default());
                }
                self.places.insert(&fact.claim, (0..self.slots.len()).collect());
                continue;
            }
            let is_cancelled = fact.resource["status"].as_str().is_some_and(|status| CANCELLED.contains(&status));
            let open = self.slots.iter().position(Slot::is_open);
            let at = match open {
                Some(at) => at,
                // The only item of an order, sent as changed: that is another drug now.
                None if fact.act == Act::Merge && !is_cancelled && about.len() == 1 && self.slots.len() == 1 => 0,
                None => {
                    if fact.act == Act::Merge && is_cancelled && self.known > 0 {
                        let hint = "撤销的项目不在这个医嘱号已知的项目之中，平台没有撤销其他项目；请核对项目代码后重发，或核对后放行（只登记这一项已撤销）";
                        self.refuse("road.order.item-unknown", fact, hint);
                    }
                    self.slots.push(Slot { item, ..Slot::default() });
                    self.slots.len() - 1
                }
            };
            self.take(fact, vec![at]);
        }
    }

    fn free(&self, item: Option<&Item>) -> Vec<usize> {
        (0..self.slots.len()).filter(|at| !self.slots[*at].is_taken && self.slots[*at].is(item)).collect()
    }

    fn take(&mut self, fact: &'r Fact, places: Vec<usize>) {
        for place in &places {
            self.slots[*place].is_taken = true;
        }
        self.places.insert(&fact.claim, places);
    }

    fn refuse(&mut self, rule: &str, fact: &Fact, hint: &str) {
        let found = fact.claim.key.get(1).map(String::as_str).unwrap_or_default();
        self.issue.get_or_insert_with(|| Issue::new(rule, Severity::Error, fact.path.clone()).found(found).hint(hint));
    }
}

fn is_known(work: &Work<'_>, source: u32, any: &Claim, position: usize) -> Result<bool, Failure> {
    let Some(kept) = claim::kept_as(any, position) else { return Ok(false) };
    let hash = claim::hash(work.keys(), source, &kept);
    Ok(weave::known(work, hash)?.is_some())
}

/// The items of an order that are known, in their places.
fn known_items(work: &mut Work<'_>, source: u32, any: &Claim) -> Result<Vec<Slot>, Failure> {
    let mut slots = Vec::new();
    for position in 1..=ITEMS_MAX {
        let Some(kept) = claim::kept_as(any, position) else { break };
        let hash = claim::hash(work.keys(), source, &kept);
        let Some((known, _)) = weave::known(work, hash)? else { break };
        let resource = work.get(&known.address(work.tenant()))?.unwrap_or_default();
        let (is_asserted, content) = (known.is_asserted, known.content);
        slots.push(Slot { item: Item::of(&resource), resource, content, is_asserted, is_taken: false });
    }
    Ok(slots)
}

/// Where an order says what is ordered.
const NAMED_BY: [&str; 4] = ["medicationCodeableConcept", "medicationReference", "contained", "code"];

/// Before a change of an order is put over what is known: what is ordered stays as it is known, with its code and its parts, when
/// the change only names it again; otherwise the change says it as a whole.
pub(crate) fn keep_item(known: &mut Value, change: &mut Value) {
    if !is_order(known) {
        return;
    }
    let Some(said) = Item::of(change) else { return };
    let is_named_again = change.get("contained").is_none() && Item::of(known).is_some_and(|known| known.is_same(&said));
    let gives_way = if is_named_again { change } else { known };
    if let Some(members) = gives_way.as_object_mut() {
        members.retain(|name, _| !NAMED_BY.contains(&name.as_str()));
    }
}

fn is_order(resource: &Value) -> bool {
    matches!(resource["resourceType"].as_str(), Some("MedicationRequest" | "ServiceRequest"))
}

/// What is known of an order that does not say what is ordered; `None` when it does, or is no order.
pub(crate) fn without_an_item(resource: &Value) -> Option<Value> {
    if !is_order(resource) || Item::of(resource).is_some() {
        return None;
    }
    let mut stated = resource.clone();
    stated.as_object_mut()?.retain(|name, _| !NAMED_BY.contains(&name.as_str()));
    Some(stated)
}

/// Whether what a fact says of the details of an item is what is known of it, and it says something.
fn agrees(fact: &Value, known: &Value) -> bool {
    let mut stated = DETAILS.iter().filter(|name| fact.get(**name).is_some_and(|value| !value.is_null())).peekable();
    stated.peek().is_some() && stated.all(|name| fact.get(name) == known.get(name))
}

/// What is ordered.
struct Item {
    /// System and code.
    codings: Vec<(String, String)>,
    text: String,
}

impl Item {
    /// What a `MedicationRequest` or `ServiceRequest` orders; `None` when it does not say.
    fn of(resource: &Value) -> Option<Self> {
        let concept = match resource["resourceType"].as_str() {
            Some("MedicationRequest") => match resource.get("medicationCodeableConcept") {
                Some(concept) => concept,
                None => {
                    &resource["contained"].as_array()?.iter().find(|one| one["resourceType"] == "Medication")?["code"]
                }
            },
            _ => &resource["code"],
        };
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let codings: Vec<(String, String)> = concept["coding"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|coding| (word(&coding["system"]), word(&coding["code"])))
            .filter(|(_, code)| !code.is_empty())
            .collect();
        let text = concept["text"].as_str().or_else(|| concept["coding"][0]["display"].as_str()).unwrap_or_default();
        let text = if text == UNSTATED { "" } else { text };
        (!codings.is_empty() || !text.is_empty()).then(|| Self { codings, text: text.to_owned() })
    }

    /// By the first system that both have a code of; without one by the name.
    fn is_same(&self, other: &Self) -> bool {
        let common = self.codings.iter().find_map(|(system, code)| {
            let (_, others) = other.codings.iter().find(|(others, _)| others == system)?;
            Some(code == others)
        });
        common.unwrap_or_else(|| !self.text.is_empty() && self.text == other.text)
    }
}
