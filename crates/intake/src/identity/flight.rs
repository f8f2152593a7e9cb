//! A commit on its way: what it changed in the index, so that it can be taken out again when the commit fails, and looked at
//! again when others decided meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use identity::packed::Packed;
use model::{Failure, Home, TenantId};
use parking_lot::Mutex;
use records::Caller;

use super::linker::{Because, Change, Linker, PersonNumber};
use super::tenants::Identity;

/// Times that what others overtook is put right before it is left to whoever comes next.
const SETTLE_ROUNDS_MAX: usize = 3;

#[derive(Default)]
struct State {
    /// Registrations that this commit put into the index, with what stood there before.
    arrived: Vec<(Home, Option<Packed>)>,
    /// Registrations that changed their person, with the one before.
    moved: Vec<(Home, PersonNumber)>,
    /// What the plan that is running writes.
    staged: HashMap<Home, PersonNumber>,
    /// Pairs noted as one person (`true`) or two, for taking back.
    wishes: Vec<(Home, Home, bool, bool)>,
}

/// A commit on its way.
pub(crate) struct Flight {
    identity: Arc<Identity>,
    tenant: TenantId,
    state: Mutex<State>,
    has_landed: bool,
}

impl Flight {
    pub(crate) fn new(identity: &Arc<Identity>, tenant: TenantId) -> Flight {
        Flight { identity: Arc::clone(identity), tenant, state: Mutex::default(), has_landed: false }
    }

    /// The plan starts, perhaps once more.
    pub(crate) fn begin(&self) {
        self.state.lock().staged.clear();
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

    /// A registration came or changed.
    ///
    /// # Errors
    /// `NotReady`; `Internal` when the system gives no random numbers.
    pub(crate) fn arrive(&self, home: Home, packed: Packed) -> Result<(Change, Because), Failure> {
        let is_seen = |home| self.identity.is_seen(self.tenant, home);
        let is_first = !self.state.lock().arrived.iter().any(|(known, _)| *known == home);
        // Planned again, what the first plan changed in memory has to be written again.
        if is_first && let Some(change) = self.with(|linker| linker.unchanged(home, &packed))? {
            return Ok((change, Because::default()));
        }
        let (before, change, because) = self.with(|linker| {
            let (touched, before) = linker.arrive(home, packed);
            if is_first {
                linker.take_off(home);
            }
            let change = linker.decide(&touched, &HashMap::new(), &is_seen);
            let because = change
                .as_ref()
                .ok()
                .and_then(|change| change.group_of(home))
                .map(|group| linker.because(home, &group.members))
                .unwrap_or_default();
            (before, change, because)
        })?;
        if is_first {
            self.state.lock().arrived.push((home, before));
        }
        let change = change?;
        self.note_moves(&change);
        Ok((change, because))
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
        let is_seen = |home| !is_ordered && self.identity.is_seen(self.tenant, home);
        let change = self.with(|linker| {
            let places: Vec<u32> = homes.iter().filter_map(|home| linker.place_of(*home)).collect();
            let hints = hints.iter().filter_map(|(home, person)| Some((linker.place_of(*home)?, *person))).collect();
            linker.decide(&places, &hints, &is_seen)
        })??;
        self.note_moves(&change);
        Ok(change)
    }

    /// Notes (or takes back) that two registrations are one person, or two; once per flight and pair.
    ///
    /// # Errors
    /// `NotReady`.
    pub(crate) fn wish(&self, left: Home, right: Home, is_same: bool, is_taken_back: bool) -> Result<(), Failure> {
        let wish = (left, right, is_same, is_taken_back);
        if self.state.lock().wishes.contains(&wish) {
            return Ok(());
        }
        self.with(|linker| apply(linker, wish))?;
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
        let is_own = self.state.lock().arrived.iter().any(|(known, _)| *known == home);
        if !is_own {
            // Not ready cannot be: this flight is in the air.
            let _ = self.with(|linker| linker.owe(home));
        }
    }

    /// The commit holds. What others decided meanwhile is put right in commits of its own.
    pub(crate) async fn land(mut self, caller: &Caller) {
        self.has_landed = true;
        let state = std::mem::take(&mut *self.state.lock());
        let overtaken = self.with(|linker| {
            let mut overtaken: Vec<Home> = Vec::new();
            for (home, _) in &state.arrived {
                if linker.land(*home) {
                    overtaken.push(*home);
                }
            }
            let changed = state.staged.iter().filter(|(home, person)| linker.person_of(**home) != **person);
            overtaken.extend(changed.map(|(home, _)| *home));
            overtaken.extend(linker.take_doubted());
            overtaken
        });
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
        let state = std::mem::take(&mut *self.state.lock());
        self.with(|linker| {
            let changed = state.staged.iter().filter(|(home, person)| linker.person_of(**home) != **person);
            changed.map(|(home, _)| *home).collect()
        })
        .unwrap_or_default()
    }
}

fn apply(linker: &mut Linker, (left, right, is_same, is_taken_back): (Home, Home, bool, bool)) {
    let (Some(left), Some(right)) = (linker.place_of(left), linker.place_of(right)) else { return };
    let live = linker.live_mut();
    match (is_same, is_taken_back) {
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
        let state = std::mem::take(&mut *self.state.lock());
        if state.arrived.is_empty() && state.moved.is_empty() && state.wishes.is_empty() {
            return;
        }
        let is_stored = |home: Home| self.identity.is_linked(self.tenant, home);
        let is_seen = |home| self.identity.is_seen(self.tenant, home);
        let _ = self.identity.with(self.tenant, |linker| {
            let mut doubted: Vec<Home> = state.moved.iter().map(|(home, _)| *home).collect();
            for (left, right, is_same, is_taken_back) in state.wishes.iter().rev() {
                apply(linker, (*left, *right, *is_same, !is_taken_back));
            }
            let mut touched = linker.restore(&state.moved);
            for (home, before) in state.arrived {
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
