//! One tenant's registrations in memory, and who is whose person.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use identity::cluster::{Review, ReviewKind};
use identity::explain::{Reason, reasons};
use identity::live::Live;
use identity::packed::Packed;
use model::{ErrorCode, Failure, Home};

/// A person's number; zero is nobody's.
pub(crate) type PersonNumber = u64;

/// Rounds of fetching what belongs to the same persons; two are enough unless people took a person apart and together again.
const ROUNDS_MAX: usize = 8;

/// Questions that one change asks at most, strongest first: whoever is like everybody else in a house says little with each of them.
const QUESTIONS_MAX: usize = 20;

/// A review as homes, with the fields that speak.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) left: Home,
    pub(crate) right: Home,
    pub(crate) kind: &'static str,
    pub(crate) score: i32,
    pub(crate) reasons: Vec<Reason>,
}

/// A person as it is after a change.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) person: PersonNumber,
    /// In the order in which they came.
    pub(crate) members: Vec<Home>,
}

/// What a change means.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) groups: Vec<Group>,
    /// Persons without registrations, and who took their place.
    pub(crate) emptied: Vec<(PersonNumber, PersonNumber)>,
    pub(crate) questions: Vec<Question>,
    /// Registrations that changed their person in memory, with the former one.
    pub(crate) moved: Vec<(Home, PersonNumber)>,
}

impl Change {
    /// The group of a registration.
    pub(crate) fn group_of(&self, home: Home) -> Option<&Group> {
        self.groups.iter().find(|group| group.members.contains(&home))
    }
}

/// Why a registration is whose it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Because {
    /// The registration that speaks strongest for it.
    pub(crate) other: Option<Home>,
    pub(crate) score: i32,
    pub(crate) reasons: Vec<Reason>,
}

/// Who saw a person: asked only when a person would be taken apart.
pub(crate) type IsSeen<'f> = &'f dyn Fn(Home) -> bool;

/// The index of a tenant.
pub(crate) struct Linker {
    live: Live,
    homes: Vec<Home>,
    places: HashMap<Home, u32>,
    persons: Vec<PersonNumber>,
    /// The next registration of the same person; the last one names the first.
    next: Vec<u32>,
    /// Registrations of commits on their way.
    flying: HashMap<Home, usize>,
    /// Registrations whose person another commit decided anew while they were on their way.
    owed: HashSet<Home>,
    /// Registrations whose person in memory may not be the one on the disk, since a commit failed.
    astray: HashSet<Home>,
    /// Changes since the start: whether a snapshot is worth taking.
    pub(crate) changes: u64,
}

impl Linker {
    pub(crate) fn new(live: Live) -> Linker {
        Linker {
            live,
            homes: Vec::new(),
            places: HashMap::new(),
            persons: Vec::new(),
            next: Vec::new(),
            flying: HashMap::new(),
            owed: HashSet::new(),
            astray: HashSet::new(),
            changes: 0,
        }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn live_mut(&mut self) -> &mut Live {
        &mut self.live
    }

    pub(crate) fn place_of(&self, home: Home) -> Option<u32> {
        self.places.get(&home).copied()
    }

    pub(crate) fn home_at(&self, place: u32) -> Home {
        self.homes.get(place as usize).copied().unwrap_or(Home::SHARED)
    }

    pub(crate) fn homes(&self) -> &[Home] {
        &self.homes
    }

    pub(crate) fn person_of(&self, home: Home) -> PersonNumber {
        self.place_of(home).map_or(0, |place| self.persons[place as usize])
    }

    pub(crate) fn person_at(&self, place: u32) -> PersonNumber {
        self.persons.get(place as usize).copied().unwrap_or(0)
    }

    /// The registrations of the same person, this one among them, in the order in which they came.
    pub(crate) fn siblings(&self, place: u32) -> Vec<u32> {
        let mut all = vec![place];
        let mut at = self.next[place as usize];
        while at != place {
            all.push(at);
            at = self.next[at as usize];
        }
        all.sort_unstable();
        all
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let beside = size_of::<Home>() + size_of::<PersonNumber>() + size_of::<u32>();
        let entry = size_of::<(Home, u32)>() + 1;
        self.live.index().bytes() + self.homes.capacity() * beside + self.places.capacity() * entry * 8 / 7
    }

    fn reserve(&mut self, home: Home, place: u32) {
        debug_assert_eq!(place as usize, self.homes.len(), "places are given out in order");
        if self.homes.len() == self.homes.capacity() {
            let more = (self.homes.len() / 16).max(1024);
            self.homes.reserve_exact(more);
            self.persons.reserve_exact(more);
            self.next.reserve_exact(more);
        }
        self.homes.push(home);
        self.persons.push(0);
        self.next.push(place);
        self.places.insert(home, place);
    }

    /// Puts in what is stored, with its person, without deciding anything. Ends with [`Linker::join_rings`].
    pub(crate) fn fill(&mut self, home: Home, mut packed: Packed, person: PersonNumber) {
        if self.places.contains_key(&home) {
            return;
        }
        self.live.index().finish(&mut packed);
        let place = self.live.fill(packed);
        self.reserve(home, place);
        self.persons[place as usize] = person;
    }

    /// Puts in the names of what a snapshot holds, place by place.
    pub(crate) fn name(&mut self, homes: Vec<Home>) {
        for (place, home) in (0..).zip(homes) {
            self.reserve(home, place);
            if home == Home::SHARED {
                self.places.remove(&home);
            }
        }
    }

    pub(crate) fn set_person(&mut self, place: u32, person: PersonNumber) {
        self.persons[place as usize] = person;
    }

    /// Joins the registrations of each person, once all are there.
    pub(crate) fn join_rings(&mut self) {
        let mut last: HashMap<PersonNumber, (u32, u32)> = HashMap::new();
        for (place, person) in (0_u32..).zip(self.persons.iter().copied()) {
            if person == 0 {
                continue;
            }
            match last.get_mut(&person) {
                Some((first, behind)) => {
                    self.next[*behind as usize] = place;
                    self.next[place as usize] = *first;
                    *behind = place;
                }
                None => {
                    last.insert(person, (place, place));
                }
            }
        }
    }

    /// Does the index hold this already, with a person?
    pub(crate) fn holds(&self, home: Home, packed: &Packed) -> bool {
        let Some(place) = self.place_of(home) else { return false };
        let mut packed = *packed;
        self.live.index().finish(&mut packed);
        self.persons[place as usize] != 0 && self.live.index().holds(place, &packed)
    }

    /// The persons of registrations as they stand, without deciding anything: what is in memory was decided.
    pub(crate) fn as_they_are(&self, homes: &[Home]) -> Change {
        let places = homes.iter().filter_map(|home| self.place_of(*home));
        let by_person: BTreeMap<PersonNumber, u32> =
            places.map(|place| (self.persons[place as usize], place)).filter(|(person, _)| *person != 0).collect();
        let members = |place: u32| self.siblings(place).into_iter().map(|place| self.home_at(place)).collect();
        let groups = by_person.into_iter().map(|(person, place)| Group { person, members: members(place) });
        Change { groups: groups.collect(), ..Change::default() }
    }

    /// Did people decide that somebody of the one person is not somebody of the other?
    pub(crate) fn are_parted(&self, one: Home, other: Home) -> bool {
        let (Some(one), Some(other)) = (self.place_of(one), self.place_of(other)) else { return false };
        !self.live.cannot_links_between(&self.siblings(one), &self.siblings(other)).is_empty()
    }

    /// A registration comes or changes. Returns what was touched and what stood there before; nothing was touched but itself
    /// when it is what it was.
    pub(crate) fn arrive(&mut self, home: Home, mut packed: Packed) -> (Vec<u32>, Option<Packed>) {
        self.live.index().finish(&mut packed);
        let Some(place) = self.place_of(home) else {
            let (place, touched) = self.live.insert(packed);
            self.reserve(home, place);
            self.changes += 1;
            return (touched, None);
        };
        let before = self.live.index().get(place).copied();
        if self.live.index().holds(place, &packed) {
            return (vec![place], before);
        }
        self.changes += 1;
        (self.live.replace(place, packed), before)
    }

    /// Takes back what [`Linker::arrive`] did.
    pub(crate) fn withdraw(&mut self, home: Home, before: Option<Packed>) -> Vec<u32> {
        let Some(place) = self.place_of(home) else { return Vec::new() };
        match before {
            Some(packed) => self.live.replace(place, packed),
            None => {
                let mut touched = self.live.remove(place);
                touched.extend(self.siblings(place).into_iter().filter(|one| *one != place));
                self.leave_ring(place);
                self.persons[place as usize] = 0;
                self.places.remove(&home);
                self.homes[place as usize] = Home::SHARED;
                touched
            }
        }
    }

    /// Puts registrations back to the persons that they had, as a commit that failed found them.
    pub(crate) fn restore(&mut self, moved: &[(Home, PersonNumber)]) -> Vec<u32> {
        let places: Vec<(u32, PersonNumber)> =
            moved.iter().filter_map(|(home, person)| Some((self.place_of(*home)?, *person))).collect();
        let mut all: BTreeSet<u32> = places.iter().flat_map(|(place, _)| self.siblings(*place)).collect();
        for (place, person) in &places {
            // Those who stayed with the former person are joined again.
            let stayed = if *person == 0 { None } else { self.persons.iter().position(|known| known == person) };
            if let Some(stayed) = stayed.and_then(|at| u32::try_from(at).ok()) {
                all.extend(self.siblings(stayed));
            }
            self.persons[*place as usize] = *person;
        }
        let mut rings: BTreeMap<PersonNumber, Vec<u32>> = BTreeMap::new();
        for place in &all {
            rings.entry(self.persons[*place as usize]).or_default().push(*place);
        }
        for (person, members) in rings {
            if person == 0 {
                members.into_iter().for_each(|member| self.next[member as usize] = member);
            } else {
                self.ring(&members);
            }
        }
        all.into_iter().collect()
    }

    fn leave_ring(&mut self, place: u32) {
        let siblings = self.siblings(place);
        let rest: Vec<u32> = siblings.into_iter().filter(|one| *one != place).collect();
        self.ring(&rest);
        self.next[place as usize] = place;
    }

    fn ring(&mut self, members: &[u32]) {
        for (at, member) in members.iter().enumerate() {
            self.next[*member as usize] = members[(at + 1) % members.len()];
        }
    }

    /// Decides again what was touched, and who is whose person from now on. A person that somebody saw is not taken apart: that
    /// becomes a question. `hints`: persons to come back to when a registration loses its own.
    ///
    /// # Errors
    /// `Internal` when the system gives no random numbers.
    pub(crate) fn decide(
        &mut self,
        touched: &[u32],
        hints: &HashMap<u32, PersonNumber>,
        is_seen: IsSeen<'_>,
    ) -> Result<Change, Failure> {
        let mut seeds = touched.to_vec();
        let mut together: Vec<(u32, u32)> = Vec::new();
        let mut questions: Vec<Question> = Vec::new();
        let mut regrouped = self.live.regroup(&seeds, &together);
        for _ in 0..ROUNDS_MAX {
            if regrouped.is_cut {
                break;
            }
            let inside: BTreeSet<u32> = regrouped.groups.iter().flatten().copied().collect();
            let missing: BTreeSet<u32> = inside
                .iter()
                .filter(|place| self.persons[**place as usize] != 0)
                .flat_map(|place| self.siblings(*place))
                .filter(|place| !inside.contains(place))
                .collect();
            if !missing.is_empty() {
                seeds.extend(missing);
                regrouped = self.live.regroup(&seeds, &together);
                continue;
            }
            let held = self.held(&regrouped.groups, &together, is_seen, &mut questions);
            if held.is_empty() {
                break;
            }
            together.extend(held);
            seeds.extend(inside);
            regrouped = self.live.regroup(&seeds, &together);
        }
        if regrouped.is_cut {
            tracing::warn!("too many registrations hang together: only the new one was decided");
            let settled = |group: &Vec<u32>| group.iter().all(|place| self.persons[*place as usize] != 0);
            regrouped.groups.retain(|group| !settled(group));
        }
        let mut change = self.assign(&regrouped.groups, hints)?;
        // Pairs of which neither side was touched or moved were asked about when they came.
        let moved: HashSet<Home> = change.moved.iter().map(|(home, _)| *home).collect();
        let touched: HashSet<u32> = touched.iter().copied().collect();
        let is_new = |place: u32| touched.contains(&place) || moved.contains(&self.home_at(place));
        let fresh = regrouped.reviews.iter().filter(|review| is_new(review.left) || is_new(review.right));
        questions.extend(fresh.filter_map(|review| self.question(review)).take(QUESTIONS_MAX));
        change.questions = questions;
        Ok(change)
    }

    /// Persons that would be taken apart although somebody saw them.
    fn held(
        &self,
        groups: &[Vec<u32>],
        together: &[(u32, u32)],
        is_seen: IsSeen<'_>,
        questions: &mut Vec<Question>,
    ) -> Vec<(u32, u32)> {
        let mut parts: BTreeMap<PersonNumber, Vec<(usize, u32)>> = BTreeMap::new();
        for (number, group) in groups.iter().enumerate() {
            for place in group {
                let person = self.persons[*place as usize];
                if person != 0 {
                    parts.entry(person).or_default().push((number, *place));
                }
            }
        }
        let mut held = Vec::new();
        for members in parts.into_values() {
            let Some(&(first_group, first)) = members.iter().min_by_key(|(_, place)| *place) else { continue };
            let apart: Vec<u32> =
                members.iter().filter(|(group, _)| *group != first_group).map(|(_, place)| *place).collect();
            if apart.is_empty() || !members.iter().any(|(_, place)| is_seen(self.home_at(*place))) {
                continue;
            }
            for other in apart {
                if together.contains(&(first, other)) {
                    continue;
                }
                held.push((first, other));
                questions.push(self.asked(first, other, "seen_together", 0));
            }
        }
        held
    }

    fn question(&self, review: &Review) -> Option<Question> {
        let is_there = |place: u32| self.home_at(place) != Home::SHARED;
        if !is_there(review.left) || !is_there(review.right) {
            return None;
        }
        // Held together because somebody saw them: that is its own question.
        let (left, right) = (self.person_at(review.left), self.person_at(review.right));
        if left == right && review.kind != ReviewKind::DocumentConflict {
            return None;
        }
        (left != right).then(|| self.asked(review.left, review.right, review.kind.name(), review.score))
    }

    fn asked(&self, left: u32, right: u32, kind: &'static str, score: i32) -> Question {
        let index = self.live.index();
        let (one, other) =
            (index.get(left).copied().unwrap_or_default(), index.get(right).copied().unwrap_or_default());
        Question {
            left: self.home_at(left),
            right: self.home_at(right),
            kind,
            score,
            reasons: reasons(&one, &other, index.scorer()),
        }
    }

    /// Gives every group its person: the earliest registration keeps the handle.
    fn assign(&mut self, groups: &[Vec<u32>], hints: &HashMap<u32, PersonNumber>) -> Result<Change, Failure> {
        // Each person belongs to the group in which its earliest registration is.
        let mut earliest: BTreeMap<PersonNumber, (u32, usize)> = BTreeMap::new();
        for (number, group) in groups.iter().enumerate() {
            for place in group {
                let person = self.persons[*place as usize];
                if person != 0 {
                    let known = earliest.entry(person).or_insert((*place, number));
                    *known = (*known).min((*place, number));
                }
            }
        }
        let mut kept: Vec<Option<(u32, PersonNumber)>> = vec![None; groups.len()];
        for (person, (place, number)) in &earliest {
            if kept[*number].is_none_or(|(known, _)| *place < known) {
                kept[*number] = Some((*place, *person));
            }
        }
        let mut taken: HashSet<PersonNumber> = earliest.keys().copied().collect();
        let mut change = Change::default();
        for (number, group) in groups.iter().enumerate() {
            let hinted = group.iter().find_map(|place| Some((*place, *hints.get(place)?)));
            let hinted = hinted.filter(|(_, hint)| !taken.contains(hint));
            let person = match kept[number].into_iter().chain(hinted).min() {
                Some((_, person)) => person,
                None => random_number()?,
            };
            taken.insert(person);
            for place in group {
                let former = std::mem::replace(&mut self.persons[*place as usize], person);
                if former != person {
                    change.moved.push((self.home_at(*place), former));
                }
            }
            self.ring(group);
            let members: Vec<Home> = group.iter().map(|place| self.home_at(*place)).collect();
            change.groups.push(Group { person, members });
        }
        for (person, (_, number)) in earliest {
            let successor = change.groups[number].person;
            if successor != person {
                change.emptied.push((person, successor));
            }
        }
        Ok(change)
    }

    /// Why a registration is with the others of its person.
    pub(crate) fn because(&self, home: Home, others: &[Home]) -> Because {
        let Some(place) = self.place_of(home) else { return Because::default() };
        let others: Vec<u32> =
            others.iter().filter_map(|other| self.place_of(*other)).filter(|other| *other != place).collect();
        if others.is_empty() {
            return Because::default();
        }
        let Some((other, score)) = self.live.strongest(place, &others) else { return Because::default() };
        let index = self.live.index();
        let (one, two) = (index.get(place).copied().unwrap_or_default(), index.get(other).copied().unwrap_or_default());
        Because { other: Some(self.home_at(other)), score, reasons: reasons(&one, &two, index.scorer()) }
    }

    /// A commit with this registration sets out.
    pub(crate) fn take_off(&mut self, home: Home) {
        *self.flying.entry(home).or_default() += 1;
    }

    /// It landed, or not. Is its person to be looked at again?
    pub(crate) fn land(&mut self, home: Home) -> bool {
        if let Some(count) = self.flying.get_mut(&home) {
            *count -= 1;
            if *count == 0 {
                self.flying.remove(&home);
            }
        }
        self.owed.remove(&home)
    }

    /// A commit failed: these have to be compared with the disk.
    pub(crate) fn doubt(&mut self, homes: impl IntoIterator<Item = Home>) {
        self.astray.extend(homes);
    }

    /// Those to be compared with the disk now.
    pub(crate) fn take_doubted(&mut self) -> Vec<Home> {
        self.astray.drain().collect()
    }

    /// What others decided about registrations on their way is being written by the commit that brings them.
    pub(crate) fn forgive(&mut self, homes: &[Home]) {
        homes.iter().for_each(|home| {
            self.owed.remove(home);
        });
    }

    /// Another commit decided about a registration that is on its way, or that is not on the disk any more.
    pub(crate) fn owe(&mut self, home: Home) {
        if self.flying.contains_key(&home) {
            self.owed.insert(home);
        }
    }
}

pub(crate) fn random_number() -> Result<PersonNumber, Failure> {
    loop {
        match getrandom::u64() {
            Ok(0) => {}
            Ok(number) => return Ok(number),
            Err(_) => return Err(Failure::new(ErrorCode::Internal, "no random numbers")),
        }
    }
}
