//! What people decide: merge, split, undo; and the queue of what waits for them (主索引管理).
//!
//! A decision is kept as labels between registrations: these are one person, those are two. Labels outrank the model for ever, and
//! are what a decision is taken back by: without them the persons are again what the registrations alone say, with everything
//! that came since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::{ErrorCode, Failure, Home, Number, Rid, TenantId, TypeCode};
use records::Caller;
use serde_json::Value;
use store::{Keyspace, prefix_end};

use super::flight::Flight;
use super::labels::{Labels, Wish, builds_on, wishes_of};
use super::ledger::{self, Decision, DecisionKind, IdentityEvent, Pair, Review, ReviewReason};
use super::stage::{self, Cause};
use super::tenants::{Identity, rule_version};
use crate::person::registrations_of_person;
use crate::road::engine_failure;
use crate::rows;

/// Events with their places, and the place from which the next page goes on.
pub type EventPage = (Vec<(String, IdentityEvent)>, Option<String>);

/// Rows of the queue that are looked through; a longer queue is not worked off.
const QUEUE_MAX: usize = 100_000;
/// Registrations of one person that can be taken apart at once: every pair across is a label.
const SPLIT_MAX: usize = 200;
/// Until an event is this old, others that were planned before it may still be on their way.
const FEED_SETTLES_MS: i64 = 10_000;

/// One side of a question.
#[derive(Debug, Clone)]
pub struct Side {
    /// The registration.
    pub registration: Home,
    /// Its id.
    pub id: String,
    /// Its person, `Person/…`.
    pub person: String,
    /// What it says.
    pub patient: Value,
}

/// A pair that waits for people.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Its id.
    pub id: String,
    /// `document_conflict`, `unsure`, `vetoed`, `seen_together`.
    pub kind: String,
    /// Evidence for one person, in bits.
    pub weight: f64,
    /// Field by field.
    pub reasons: Vec<ReviewReason>,
    /// Since when, in milliseconds since 1970.
    pub at_ms: i64,
    /// One side.
    pub left: Side,
    /// The other.
    pub right: Side,
}

/// What a decision did.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The persons that it was about, as they are now: `Person/…` with their registrations `Patient/…`.
    pub persons: BTreeMap<String, Vec<String>>,
}

/// A decision before it is made.
#[derive(Default)]
struct Order {
    must: Vec<Pair>,
    cannot: Vec<Pair>,
    overruled_must: Vec<Pair>,
    overruled_cannot: Vec<Pair>,
    before: Vec<Pair>,
    /// The decision that is taken back, with its key.
    undoes: Option<(Vec<u8>, Vec<u8>, Decision)>,
    /// The question that is answered.
    review: Option<Vec<u8>>,
}

fn missing(what: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("no such {what}"))
}

fn unfit(why: &str) -> Failure {
    Failure::new(ErrorCode::Unprocessable, why)
}

/// The id of a pair in the queue.
fn review_id(left: u64, right: u64) -> String {
    format!("{:016x}-{:016x}", left.min(right), left.max(right))
}

fn review_pair(id: &str) -> Option<Pair> {
    let (left, right) = id.split_once('-')?;
    let part = |text: &str| (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
    Some((part(left)?, part(right)?))
}

impl Identity {
    fn person_of(&self, tenant: TenantId, home: u64) -> Result<u64, Failure> {
        let key = rows::ledger(tenant, rows::LINK, Home(home));
        let row = self.store.engine().get(Keyspace::Ledger, &key).map_err(engine_failure)?;
        Ok(row.as_deref().map_or(0, ledger::person_of))
    }

    /// What waits for people, strongest first, one row per pair of persons: a page behind `after`, and how many there are of each
    /// kind. `kind`: only these.
    ///
    /// # Errors
    /// `NotFound` when there is no such place to go on from; what the store says.
    pub fn reviews(
        &self,
        tenant: TenantId,
        kind: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Queued>, BTreeMap<String, usize>), Failure> {
        let prefix = ledger::prefix(tenant, ledger::REVIEW);
        let keys = self.store.tenant(tenant);
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &prefix, &prefix_end(&prefix));
        let mut waiting: Vec<(Review, u64, u64)> = Vec::new();
        while waiting.len() < QUEUE_MAX {
            let Some((key, row)) = cursor.next().map_err(engine_failure)? else { break };
            let review: Review = rows::open(&keys, key, row)?;
            let (left, right) = (self.person_of(tenant, review.left)?, self.person_of(tenant, review.right)?);
            // Answered by what came since, or by another row's answer.
            let is_open = left != 0 && right != 0 && ((left == right) == (review.kind == "seen_together"));
            if is_open {
                waiting.push((review, left, right));
            }
        }
        waiting.sort_by(|(one, ..), (other, ..)| {
            let place = |it: &Review| (it.left, it.right);
            other.weight.total_cmp(&one.weight).then_with(|| place(one).cmp(&place(other)))
        });
        let mut known: BTreeSet<(u64, u64, bool)> = BTreeSet::new();
        waiting.retain(|(review, left, right)| {
            known.insert((*left.min(right), *left.max(right), review.kind == "document_conflict"))
        });
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        waiting.iter().for_each(|(review, ..)| *counts.entry(review.kind.clone()).or_default() += 1);
        waiting.retain(|(review, ..)| kind.is_none_or(|kind| review.kind == kind));
        let from = match after {
            None => 0,
            Some(id) => {
                let at = waiting.iter().position(|(review, ..)| review_id(review.left, review.right) == id);
                at.ok_or_else(|| missing("place in the queue"))? + 1
            }
        };
        let page = waiting.into_iter().skip(from).take(limit);
        let shown = page.map(|(review, left, right)| self.queued(tenant, review, left, right));
        Ok((shown.collect::<Result<_, Failure>>()?, counts))
    }

    fn queued(&self, tenant: TenantId, review: Review, left: u64, right: u64) -> Result<Queued, Failure> {
        Ok(Queued {
            id: review_id(review.left, review.right),
            left: self.side(tenant, review.left, left)?,
            right: self.side(tenant, review.right, right)?,
            kind: review.kind,
            weight: review.weight,
            reasons: review.reasons,
            at_ms: review.at_ms,
        })
    }

    fn side(&self, tenant: TenantId, home: u64, person: u64) -> Result<Side, Failure> {
        let address = stage::registration(tenant, Home(home));
        Ok(Side {
            registration: Home(home),
            person: stage::person_address(tenant, person)?.reference(),
            patient: self.records.stored(&address.key)?.unwrap_or_default(),
            id: address.id,
        })
    }

    /// Answers a question of the queue.
    ///
    /// # Errors
    /// `NotFound`; what the store says.
    pub async fn decide_review(
        self: &Arc<Self>,
        caller: &Caller,
        id: &str,
        is_same: bool,
        reason: &str,
    ) -> Result<Decided, Failure> {
        let tenant = caller.tenant();
        let (left, right) = review_pair(id).ok_or_else(|| missing("question"))?;
        let key = ledger::review(tenant, left, right);
        let row = self.store.engine().get(Keyspace::Ledger, &key).map_err(engine_failure)?;
        row.ok_or_else(|| missing("question"))?;
        let (one, other) = (self.person_of(tenant, left)?, self.person_of(tenant, right)?);
        let mut order = if is_same && one != other {
            self.merge_order(tenant, one, other)?
        } else {
            let places = self.places(tenant, &[left, right])?;
            let (left_place, right_place) = (places[0], places[1]);
            let noted = self.with(tenant, |linker| linker.live().must_links_between(&[left_place], &[right_place]))?;
            Order {
                must: if is_same { vec![(left, right)] } else { Vec::new() },
                cannot: if is_same { Vec::new() } else { vec![(left, right)] },
                overruled_must: if is_same { Vec::new() } else { vec![(left, right); noted.len()] },
                before: vec![(left, one), (right, other)],
                ..Order::default()
            }
        };
        order.review = Some(key);
        let kind = if is_same { DecisionKind::Same } else { DecisionKind::Different };
        self.order(caller, kind, reason, order).await
    }

    /// Two persons are one. The person with the earliest registration keeps the handle.
    ///
    /// # Errors
    /// `NotFound`, `Unprocessable`; what the store says.
    pub async fn merge(
        self: &Arc<Self>,
        caller: &Caller,
        persons: (&str, &str),
        reason: &str,
    ) -> Result<Decided, Failure> {
        let tenant = caller.tenant();
        let (one, other) = (self.person_number(tenant, persons.0)?, self.person_number(tenant, persons.1)?);
        if one == other {
            return Err(unfit("one person cannot be merged with itself"));
        }
        let order = self.merge_order(tenant, one, other)?;
        self.order(caller, DecisionKind::Merge, reason, order).await
    }

    fn merge_order(&self, tenant: TenantId, one: u64, other: u64) -> Result<Order, Failure> {
        let (left, right) = (self.members(tenant, one)?, self.members(tenant, other)?);
        let (left_places, right_places) = (self.places(tenant, &left)?, self.places(tenant, &right)?);
        let (overruled, first) = self.with(tenant, |linker| {
            let pairs = linker.live().cannot_links_between(&left_places, &right_places);
            let homes = |(one, other): (u32, u32)| (linker.home_at(one).0, linker.home_at(other).0);
            let first = left_places.iter().chain(&right_places).min().map(|place| linker.home_at(*place).0);
            (pairs.into_iter().map(homes).collect::<Vec<Pair>>(), first)
        })?;
        let first = first.ok_or_else(|| missing("person"))?;
        // Everybody hangs on the first: what holds a side together alone may not hold beside the other side.
        let rest = left.iter().chain(&right).copied().filter(|home| *home != first);
        let before = left.iter().map(|home| (*home, one)).chain(right.iter().map(|home| (*home, other)));
        Ok(Order {
            must: rest.map(|home| (first, home)).collect(),
            overruled_cannot: overruled,
            before: before.collect(),
            ..Order::default()
        })
    }

    /// Some registrations of a person are somebody else.
    ///
    /// # Errors
    /// `NotFound`, `Unprocessable`; what the store says.
    pub async fn split(
        self: &Arc<Self>,
        caller: &Caller,
        person: &str,
        registrations: &[String],
        reason: &str,
    ) -> Result<Decided, Failure> {
        let tenant = caller.tenant();
        let person = self.person_number(tenant, person)?;
        let all = self.members(tenant, person)?;
        let out: BTreeSet<u64> = registrations
            .iter()
            .map(|id| self.records.registration(tenant, id.strip_prefix("Patient/").unwrap_or(id)).0)
            .collect();
        if !out.iter().all(|home| all.contains(home)) {
            return Err(unfit("a registration is not one of this person"));
        }
        let rest: Vec<u64> = all.iter().copied().filter(|home| !out.contains(home)).collect();
        if out.is_empty() || rest.is_empty() || all.len() > SPLIT_MAX {
            return Err(unfit("a split leaves registrations on both sides, and is about 200 at most"));
        }
        let out: Vec<u64> = out.into_iter().collect();
        let (out_places, rest_places) = (self.places(tenant, &out)?, self.places(tenant, &rest)?);
        let overruled = self.with(tenant, |linker| {
            let pairs = linker.live().must_links_between(&out_places, &rest_places);
            pairs.into_iter().map(|(one, two)| (linker.home_at(one).0, linker.home_at(two).0)).collect::<Vec<Pair>>()
        })?;
        let order = Order {
            cannot: out.iter().flat_map(|one| rest.iter().map(move |other| (*one, *other))).collect(),
            overruled_must: overruled,
            before: all.iter().map(|home| (*home, person)).collect(),
            ..Order::default()
        };
        self.order(caller, DecisionKind::Split, reason, order).await
    }

    /// Takes a decision back: what it joined or parted, and what came since, is decided again without it.
    ///
    /// # Errors
    /// `NotFound`; `Unprocessable` for one that is taken back already, that is a taking back itself, or that a later one builds on.
    pub async fn undo(self: &Arc<Self>, caller: &Caller, id: &str, reason: &str) -> Result<Decided, Failure> {
        let tenant = caller.tenant();
        let bytes = ledger::id_bytes(id).ok_or_else(|| missing("decision"))?;
        let mut key = ledger::prefix(tenant, ledger::DECISION);
        key.extend_from_slice(&bytes);
        let row = self.store.engine().get(Keyspace::Ledger, &key).map_err(engine_failure)?;
        let row = row.ok_or_else(|| missing("decision"))?;
        let decision: Decision = rows::open(&self.store.tenant(tenant), &key, &row)?;
        if decision.undone_by.is_some() {
            return Err(unfit("this decision was taken back already"));
        }
        if decision.kind == DecisionKind::Undo {
            return Err(unfit("taking back is not taken back; decide anew"));
        }
        let standing = self.decisions(tenant)?;
        if let Some(later) = standing.iter().find(|later| builds_on(later, &decision)) {
            let why =
                format!("decision {} was made later about the same registrations: take that back first", later.id);
            return Err(unfit(&why));
        }
        let order = Order { before: decision.before.clone(), undoes: Some((key, row, decision)), ..Order::default() };
        self.order(caller, DecisionKind::Undo, reason, order).await
    }

    async fn order(
        self: &Arc<Self>,
        caller: &Caller,
        kind: DecisionKind,
        reason: &str,
        order: Order,
    ) -> Result<Decided, Failure> {
        let tenant = caller.tenant();
        self.wait(tenant)?;
        let flight = Flight::new(self, tenant);
        let random = rows::random()?;
        let now_ms = self.clock.now_ms();
        let key = ledger::timed(tenant, ledger::DECISION, now_ms, random);
        let decision = Decision {
            id: ledger::id_of(&key),
            kind,
            by: caller.actor.name.clone(),
            reason: reason.to_owned(),
            at_ms: now_ms,
            model: rule_version().to_owned(),
            must: order.must.clone(),
            cannot: order.cannot.clone(),
            overruled_must: order.overruled_must.clone(),
            overruled_cannot: order.overruled_cannot.clone(),
            before: order.before.clone(),
            undoes: order.undoes.as_ref().map(|(.., undone)| undone.id.clone()),
            undone_by: None,
        };
        let wishes = self.wishes(tenant, &order)?;
        let homes = concerned(&order);
        self.places(tenant, &homes.iter().map(|home| home.0).collect::<Vec<_>>())?;
        let hints: Vec<(Home, u64)> = order.before.iter().map(|(home, person)| (Home(*home), *person)).collect();
        let planned = flight
            .fly(caller, |work| {
                wishes.iter().try_for_each(|wish| flight.wish(*wish))?;
                let change = flight.again(&homes, &hints, true)?;
                let cause =
                    Cause { at_ms: now_ms, by: &decision.by, original: &decision.id, order: Some((kind, reason)) };
                stage::restage(work, &flight, &cause, &change)?;
                let sealed = rows::seal(work.keys(), &key, &decision)?;
                work.insert_row(Keyspace::Ledger, key.clone(), sealed);
                if let Some(review) = &order.review {
                    work.delete_row(Keyspace::Ledger, review.clone());
                }
                if let Some((key, row, undone)) = &order.undoes {
                    let undone = Decision { undone_by: Some(decision.id.clone()), ..undone.clone() };
                    let sealed = rows::seal(work.keys(), key, &undone)?;
                    work.replace_row(Keyspace::Ledger, key.clone(), row.clone(), sealed);
                }
                Ok(change)
            })
            .await;
        let change = planned?;
        flight.land(caller).await;
        let mut persons = BTreeMap::new();
        for group in change.groups {
            let members = group.members.iter().map(|home| stage::registration(tenant, *home).reference());
            persons.insert(stage::person_address(tenant, group.person)?.reference(), members.collect());
        }
        Ok(Decided { decision, persons })
    }

    /// What a decision changes in the index. Taking one back leaves what the others would have left without it.
    fn wishes(&self, tenant: TenantId, order: &Order) -> Result<Vec<Wish>, Failure> {
        let Some((.., undone)) = &order.undoes else {
            let overruled = (order.overruled_must.as_slice(), order.overruled_cannot.as_slice());
            return Ok(wishes_of(overruled, (&order.must, &order.cannot)));
        };
        let standing = self.decisions(tenant)?;
        let others = standing.iter().filter(|decision| decision.id != undone.id);
        Ok(Labels::of(&standing).wishes_to(&Labels::of(others)))
    }

    fn person_number(&self, tenant: TenantId, id: &str) -> Result<u64, Failure> {
        let type_code = TypeCode::of("Person").map_err(|_| missing("person"))?;
        let id = id.strip_prefix("Person/").unwrap_or(id);
        let key = self.records.address(tenant, type_code, id)?.ok_or_else(|| missing("person"))?;
        Ok(key.rid.number.0)
    }

    fn members(&self, tenant: TenantId, person: u64) -> Result<Vec<u64>, Failure> {
        let type_code = TypeCode::of("Person").map_err(|_| missing("person"))?;
        let homes =
            registrations_of_person(&self.records, &self.store, tenant, Rid { type_code, number: Number(person) })?;
        if homes.is_empty() {
            return Err(missing("person with registrations"));
        }
        Ok(homes.into_iter().map(|home| home.0).collect())
    }

    fn places(&self, tenant: TenantId, homes: &[u64]) -> Result<Vec<u32>, Failure> {
        let places = self
            .with(tenant, |linker| homes.iter().map(|home| linker.place_of(Home(*home))).collect::<Option<Vec<_>>>())?;
        places.ok_or_else(|| missing("registration in the index"))
    }

    /// Identity events in the order of time, behind `after`; and where to go on from. An event may be listed again while it is
    /// fresh, since others that were planned before it may still be on their way; its id tells.
    ///
    /// # Errors
    /// `BadPage`; what the store says.
    pub fn events(&self, tenant: TenantId, after: Option<&str>, limit: usize) -> Result<EventPage, Failure> {
        let prefix = ledger::prefix(tenant, ledger::FEED);
        let mut from = prefix.clone();
        if let Some(after) = after {
            let bytes = ledger::id_bytes(after);
            let bytes = bytes.ok_or_else(|| Failure::new(ErrorCode::BadPage, "`after` is no place in the events"))?;
            from.extend_from_slice(&bytes);
            from.push(0);
        }
        let keys = self.store.tenant(tenant);
        let settled_ms = self.clock.now_ms() - FEED_SETTLES_MS;
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &from, &prefix_end(&prefix));
        let (mut events, mut next) = (Vec::new(), after.map(str::to_owned));
        while events.len() < limit {
            let Some((key, row)) = cursor.next().map_err(engine_failure)? else { break };
            let id = ledger::id_of(key);
            let home = row.try_into().map_or(0, u64::from_be_bytes);
            let mut event_key = rows::ledger(tenant, rows::EVENT, Home(home));
            event_key.extend_from_slice(&key[key.len().saturating_sub(16)..]);
            let Some(sealed) = snapshot.get(Keyspace::Ledger, &event_key).map_err(engine_failure)? else { continue };
            let event: IdentityEvent = rows::open(&keys, &event_key, &sealed)?;
            if event.at_ms <= settled_ms {
                next = Some(id.clone());
            }
            events.push((id, event));
        }
        Ok((events, next))
    }

    /// The events of one registration, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn events_of(&self, tenant: TenantId, registration: Home) -> Result<Vec<IdentityEvent>, Failure> {
        let prefix = rows::ledger(tenant, rows::EVENT, registration);
        let keys = self.store.tenant(tenant);
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &prefix, &prefix_end(&prefix));
        let mut events = Vec::new();
        while let Some((key, row)) = cursor.next().map_err(engine_failure)? {
            events.push(rows::open(&keys, key, row)?);
        }
        Ok(events)
    }
}

/// The registrations that a decision is about.
fn concerned(order: &Order) -> Vec<Home> {
    let undone = order.undoes.as_ref().map(|(.., undone)| undone);
    let pairs = order
        .must
        .iter()
        .chain(&order.cannot)
        .chain(undone.iter().flat_map(|undone| undone.must.iter().chain(&undone.cannot)))
        .flat_map(|(left, right)| [*left, *right]);
    let homes: BTreeSet<u64> = pairs.chain(order.before.iter().map(|(home, _)| *home)).collect();
    homes.into_iter().map(Home).collect()
}

/// For tests and figures: who is whose person, by the ledger.
impl Identity {
    /// Every registration with its person's number, as the ledger says.
    ///
    /// # Errors
    /// What the store says.
    pub fn persons(&self, tenant: TenantId) -> Result<HashMap<Home, u64>, Failure> {
        let prefix = ledger::prefix(tenant, rows::LINK);
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &prefix, &prefix_end(&prefix));
        let mut persons = HashMap::new();
        while let Some((key, row)) = cursor.next().map_err(engine_failure)? {
            if let Some(home) = key.get(5..13).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes) {
                persons.insert(Home(home), ledger::person_of(row));
            }
        }
        Ok(persons)
    }
}
