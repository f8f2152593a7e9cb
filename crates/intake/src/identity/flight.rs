//! A commit on its way: what it changed in the index, so that it can be taken out again when the commit fails, and looked at
//! again when others decided meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use identity::packed::Packed;
use model::{ErrorCode, Failure, Home, TenantId};
use parking_lot::Mutex;
use records::{Address, Caller, Work};
use tokio::sync::Semaphore;

use super::labels::Wish;
use super::lanes::Gate;
use super::linker::{Because, Change, Linker, PersonNumber, Question};
use super::tenants::Identity;

/// Times that what others overtook is put right before it is left to whoever comes next.
const SETTLE_ROUNDS_MAX: usize = 3;

/// Times that a commit lets others about the same persons go first. Each time another one landed; after that it tries its luck.
const WAITS_MAX: usize = 256;

/// A registration that a commit put into the index.
struct Arrived {
    home: Home,
    /// What stood there before.
    before: Option<Packed>,
    /// What was decided when it came: a plan that is made again has to write it too.
    moved: Vec<Home>,
    emptied: Vec<(PersonNumber, PersonNumber)>,
    questions: Vec<Question>,
}

#[derive(Default)]
struct State {
    arrived: Vec<Arrived>,
    /// Those among them that the plan that is running brings. What only a plan before brought leaves the index again.
    brought: HashSet<Home>,
    /// The addresses of new registrations, by the keyed hash of what the source calls them.
    addresses: HashMap<[u8; 16], Address>,
    /// Registrations that changed their person, with the one before.
    moved: Vec<(Home, PersonNumber)>,
    /// What the plan that is running writes.
    staged: HashMap<Home, PersonNumber>,
    /// Pairs noted as one person (`true`) or two, for taking back.
    wishes: Vec<Wish>,
}

/// The persons that a plan has for itself.
#[derive(Default)]
struct Hold {
    persons: Vec<PersonNumber>,
    /// Where those wait who want them too.
    gate: Option<Gate>,
    /// Another commit's: it has a person that this plan wanted.
    waits_at: Option<Gate>,
    /// It waited often enough.
    is_impatient: bool,
}

/// A commit on its way.
pub(crate) struct Flight {
    identity: Arc<Identity>,
    tenant: TenantId,
    state: Mutex<State>,
    hold: Mutex<Hold>,
    has_landed: bool,
}

impl Flight {
    pub(crate) fn new(identity: &Arc<Identity>, tenant: TenantId) -> Flight {
        Flight {
            identity: Arc::clone(identity),
            tenant,
            state: Mutex::default(),
            hold: Mutex::default(),
            has_landed: false,
        }
    }

    /// Plans and commits until it holds; waits for other commits about the same persons.
    ///
    /// # Errors
    /// What the plan says; what the store says.
    pub(crate) async fn fly<T>(
        &self,
        caller: &Caller,
        mut plan: impl FnMut(&mut Work<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        for round in 0..=WAITS_MAX {
            self.hold.lock().is_impatient = round == WAITS_MAX;
            let planned = self.identity.records.work(caller, |work| {
                self.begin();
                plan(work)
            });
            let planned = planned.await;
            let gate = self.hold.lock().waits_at.take();
            match (planned, gate) {
                (Err(_), Some(gate)) => {
                    self.give_back();
                    // An error is the gate's closing, which is what is waited for.
                    drop(gate.acquire().await);
                }
                (planned, _) => return planned,
            }
        }
        Err(Failure::new(ErrorCode::Conflict, "met other commits about the same persons too often"))
    }

    /// The plan starts, perhaps once more.
    fn begin(&self) {
        self.give_back();
        let homes: Vec<Home> = {
            let mut state = self.state.lock();
            state.staged.clear();
            state.brought.clear();
            state.arrived.iter().map(|arrived| arrived.home).collect()
        };
        // What others decided about its registrations until now is what this plan will see. Not ready cannot be: this flight
        // is in the air.
        let _ = self.with(|linker| linker.forgive(&homes));
    }

    /// Takes the persons of a change for this commit alone.
    ///
    /// # Errors
    /// `Conflict` when another commit has one of them: [`Flight::fly`] waits for it.
    pub(crate) fn hold(&self, change: &Change) -> Result<(), Failure> {
        let mut hold = self.hold.lock();
        if hold.is_impatient {
            return Ok(());
        }
        let own = Gate::clone(hold.gate.get_or_insert_with(|| Gate::new(Semaphore::new(0))));
        let persons = change.groups.iter().map(|group| group.person);
        let persons: Vec<PersonNumber> = persons.chain(change.emptied.iter().map(|(emptied, _)| *emptied)).collect();
        match self.identity.lanes.take(self.tenant, &persons, &own) {
            Ok(()) => {
                hold.persons.extend(persons);
                Ok(())
            }
            Err(other) => {
                hold.waits_at = Some(other);
                Err(Failure::new(ErrorCode::Conflict, "another commit writes the same person"))
            }
        }
    }

    fn give_back(&self) {
        let mut hold = self.hold.lock();
        let persons = std::mem::take(&mut hold.persons);
        if let Some(gate) = hold.gate.take() {
            self.identity.lanes.give_back(self.tenant, &persons, &gate);
        }
    }

    /// The linker, for a moment.
    ///
    /// # Errors
    /// `NotReady`.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Linker) -> T) -> Result<T, Failure> {
        self.identity.with(self.tenant, act)
    }

    fn note_moves(&self, change: &Change) {
        let mut state = self.state.lock();
        for (home, former) in &change.moved {
            if !state.moved.iter().any(|(known, _)| known == home) {
                state.moved.push((*home, *former));
            }
        }
    }

    /// The address of a new registration: the same in every plan.
    ///
    /// # Errors
    /// What `assign` says.
    pub(crate) fn address(
        &self,
        claim_hash: [u8; 16],
        assign: impl FnOnce() -> Result<Address, Failure>,
    ) -> Result<Address, Failure> {
        let mut state = self.state.lock();
        if let Some(known) = state.addresses.get(&claim_hash) {
            return Ok(known.clone());
        }
        let address = assign()?;
        state.addresses.insert(claim_hash, address.clone());
        Ok(address)
    }

    /// A registration came or changed.
    ///
    /// # Errors
    /// `NotReady`; `Internal` when the system gives no random numbers.
    pub(crate) fn arrive(&self, home: Home, packed: Packed) -> Result<(Change, Because), Failure> {
        self.state.lock().brought.insert(home);
        let is_known = self.with(|linker| linker.holds(home, &packed))?;
        let is_first = !self.state.lock().arrived.iter().any(|arrived| arrived.home == home);
        match (is_known, is_first) {
            (true, true) => self.with(|linker| (linker.as_they_are(&[home]), Because::default())),
            (true, false) => self.once_more(home),
            (false, _) => self.decide(home, packed, is_first),
        }
    }

    fn decide(&self, home: Home, packed: Packed, is_first: bool) -> Result<(Change, Because), Failure> {
        let is_seen = |home| self.identity.is_seen(self.tenant, home);
        let (before, change, because) = self.with(|linker| {
            let (touched, before) = linker.arrive(home, packed);
            if is_first {
                linker.take_off(home);
            }
            let change = linker.decide(&touched, &HashMap::new(), &is_seen);
            let because = change.as_ref().map(|change| why(linker, change, home)).unwrap_or_default();
            (before, change, because)
        })?;
        let mut state = self.state.lock();
        if is_first {
            let (moved, emptied, questions) = Default::default();
            state.arrived.push(Arrived { home, before, moved, emptied, questions });
        }
        let change = change?;
        if let Some(arrived) = state.arrived.iter_mut().find(|arrived| arrived.home == home) {
            arrived.moved.extend(change.moved.iter().map(|(home, _)| *home));
            arrived.emptied.extend(&change.emptied);
            arrived.questions.clone_from(&change.questions);
        }
        drop(state);
        self.note_moves(&change);
        Ok((change, because))
    }

    /// What was decided when a registration came, as it stands now: the plan is made again.
    fn once_more(&self, home: Home) -> Result<(Change, Because), Failure> {
        let (mut homes, mut emptied, questions) = {
            let state = self.state.lock();
            let Some(arrived) = state.arrived.iter().find(|arrived| arrived.home == home) else {
                return Ok(Default::default());
            };
            (arrived.moved.clone(), arrived.emptied.clone(), arrived.questions.clone())
        };
        homes.push(home);
        self.with(|linker| {
            let change = linker.as_they_are(&homes);
            let because = why(linker, &change, home);
            // A commit that failed meanwhile may have given somebody back.
            emptied.retain(|(person, _)| change.groups.iter().all(|group| group.person != *person));
            (Change { emptied, questions, ..change }, because)
        })
    }

    /// Decides again about registrations that are in the index. `hints`: persons to come back to.
    ///
    /// # Errors
    /// As [`Flight::arrive`].
    pub(crate) fn again(
        &self,
        homes: &[Home],
        hints: &[(Home, PersonNumber)],
        is_ordered: bool,
    ) -> Result<Change, Failure> {
        // Who orders it may take apart what was seen.
        let moved: Vec<Home> = self.state.lock().moved.iter().map(|(home, _)| *home).collect();
        let is_seen = |home| !is_ordered && self.identity.is_seen(self.tenant, home);
        let change = self.with(|linker| {
            let moved = moved.iter().chain(homes);
            let places: Vec<u32> = moved.filter_map(|home| linker.place_of(*home)).collect();
            let hints = hints.iter().filter_map(|(home, person)| Some((linker.place_of(*home)?, *person))).collect();
            linker.decide(&places, &hints, &is_seen)
        })??;
        self.note_moves(&change);
        Ok(change)
    }

    /// Registrations and their persons as they stand.
    ///
    /// # Errors
    /// `NotReady`.
    pub(crate) fn as_they_are(&self, homes: &[Home]) -> Result<Change, Failure> {
        self.with(|linker| linker.as_they_are(homes))
    }

    /// Notes (or takes back) that two registrations are one person, or two; once per flight, however often the plan is made.
    ///
    /// # Errors
    /// `NotReady`.
    pub(crate) fn wish(&self, wish: Wish) -> Result<(), Failure> {
        if self.state.lock().wishes.contains(&wish) {
            return Ok(());
        }
        self.with(|linker| apply(linker, &wish))?;
        self.state.lock().wishes.push(wish);
        Ok(())
    }

    /// Why a registration is with the others of its person.
    pub(crate) fn because(&self, home: Home, others: &[Home]) -> Because {
        self.with(|linker| linker.because(home, others)).unwrap_or_default()
    }

    /// This plan writes that a registration is a person's.
    pub(crate) fn stages(&self, home: Home, person: PersonNumber) {
        self.state.lock().staged.insert(home, person);
    }

    /// A registration that is not on the disk yet, although the index has it: whoever brings it has to look again.
    pub(crate) fn owe(&self, home: Home) {
        let is_own = self.state.lock().arrived.iter().any(|arrived| arrived.home == home);
        if !is_own {
            // Not ready cannot be: this flight is in the air.
            let _ = self.with(|linker| linker.owe(home));
        }
    }

    /// The commit holds. What others decided meanwhile is put right in commits of its own.
    pub(crate) async fn land(mut self, caller: &Caller) {
        self.has_landed = true;
        let state = std::mem::take(&mut *self.state.lock());
        let stale: Vec<(Home, Option<Packed>)> = state
            .arrived
            .iter()
            .filter(|arrived| !state.brought.contains(&arrived.home))
            .map(|arrived| (arrived.home, self.identity.packed_now(self.tenant, arrived.home)))
            .collect();
        let is_seen = |home| self.identity.is_seen(self.tenant, home);
        let overtaken = self.with(|linker| {
            let mut overtaken: Vec<Home> = Vec::new();
            for (home, stored) in stale {
                let touched = match stored {
                    Some(packed) => linker.arrive(home, packed).0,
                    None => linker.withdraw(home, None),
                };
                if let Ok(change) = linker.decide(&touched, &HashMap::new(), &is_seen) {
                    overtaken.extend(change.moved.iter().map(|(home, _)| *home));
                }
            }
            for arrived in &state.arrived {
                if linker.land(arrived.home) {
                    overtaken.push(arrived.home);
                }
            }
            let changed = state.staged.iter().filter(|(home, person)| linker.person_of(**home) != **person);
            overtaken.extend(changed.map(|(home, _)| *home));
            overtaken.extend(linker.take_doubted());
            overtaken
        });
        self.give_back();
        let Ok(mut overtaken) = overtaken else { return };
        for _ in 0..SETTLE_ROUNDS_MAX {
            if overtaken.is_empty() {
                return;
            }
            match self.identity.settle(caller, &overtaken).await {
                Ok(left) => overtaken = left,
                Err(error) => {
                    tracing::warn!(%error, "links that another commit overtook wait for the next one");
                    break;
                }
            }
        }
        let _ = self.with(|linker| linker.doubt(overtaken));
    }

    /// What this plan wrote that is not what the index says now.
    pub(crate) fn outdated(mut self) -> Vec<Home> {
        self.has_landed = true;
        self.give_back();
        let state = std::mem::take(&mut *self.state.lock());
        self.with(|linker| {
            let changed = state.staged.iter().filter(|(home, person)| linker.person_of(**home) != **person);
            changed.map(|(home, _)| *home).collect()
        })
        .unwrap_or_default()
    }
}

fn why(linker: &Linker, change: &Change, home: Home) -> Because {
    change.group_of(home).map(|group| linker.because(home, &group.members)).unwrap_or_default()
}

fn apply(linker: &mut Linker, wish: &Wish) {
    let places = (linker.place_of(Home(wish.left)), linker.place_of(Home(wish.right)));
    let (Some(left), Some(right)) = places else { return };
    let live = linker.live_mut();
    match (wish.is_same, wish.is_taken_back) {
        (true, false) => live.must_link(left, right),
        (false, false) => live.cannot_link(left, right),
        (true, true) => live.forget_must_link(left, right),
        (false, true) => live.forget_cannot_link(left, right),
    }
}

impl Drop for Flight {
    /// The commit failed, or nobody waited for it: the index becomes what it was.
    fn drop(&mut self) {
        if self.has_landed {
            return;
        }
        self.take_back();
        self.give_back();
    }
}

impl Flight {
    fn take_back(&self) {
        let state = std::mem::take(&mut *self.state.lock());
        if state.arrived.is_empty() && state.moved.is_empty() && state.wishes.is_empty() {
            return;
        }
        let is_stored = |home: Home| self.identity.is_linked(self.tenant, home);
        let is_seen = |home| self.identity.is_seen(self.tenant, home);
        let _ = self.identity.with(self.tenant, |linker| {
            let mut doubted: Vec<Home> = state.moved.iter().map(|(home, _)| *home).collect();
            for wish in state.wishes.iter().rev() {
                apply(linker, &Wish { is_taken_back: !wish.is_taken_back, ..*wish });
            }
            let mut touched = linker.restore(&state.moved);
            for Arrived { home, before, .. } in state.arrived {
                linker.land(home);
                // Who hung up while the commit was on its way may have it all the same.
                if before.is_none() && is_stored(home) {
                    doubted.push(home);
                    continue;
                }
                touched.extend(linker.withdraw(home, before));
            }
            if let Ok(change) = linker.decide(&touched, &HashMap::new(), &is_seen) {
                doubted.extend(change.moved.iter().map(|(home, _)| *home));
            }
            linker.doubt(doubted);
        });
    }
}
