//! Newborns are found through their mother.
//!
//! A child is first registered under its mother's name or number, with whatever telephone the counter wrote down; months later it
//! comes back under its own name, with the family's telephone and address. What joins the two is the mother's own registrations:
//! a newborn is therefore also looked at *as if it lived where its mother lives* ([`with_views`]). It stays a person of its own
//! and is never an alias of the mother.

use crate::packed::Packed;
use crate::standardise::{NameKind, Standing};
use crate::text::{NumberMap, mix};

/// Views of one newborn; mothers who moved more often are rare.
const VIEWS_MAX: usize = 4;

/// The keys under which a newborn asks for its mother: her number; her name with a telephone; her name with a house.
pub(crate) fn mother_keys(newborn: &Packed) -> [Option<u64>; 3] {
    let number = (newborn.standing() == Standing::Guardian).then_some(newborn.document);
    let name = u64::from(newborn.readings[0]);
    let is_named = newborn.name_kind() == NameKind::Newborn && name != 0;
    let phone = (is_named && newborn.phone() != 0).then(|| mix(name, newborn.phone()));
    let house = (is_named && newborn.road() != 0 && newborn.house != 0).then(|| house_key(newborn, name));
    [number, phone, house]
}

/// The keys under which a grown person answers.
pub(crate) fn own_keys(person: &Packed) -> [Option<u64>; 3] {
    let number = (person.has_own_document() && person.standing() == Standing::Own).then_some(person.document);
    let name = u64::from(person.readings[0]);
    let phone = (name != 0 && person.phone() != 0).then(|| mix(name, person.phone()));
    let house = (name != 0 && person.road() != 0 && person.house != 0).then(|| house_key(person, name));
    [number, phone, house]
}

fn house_key(one: &Packed, name: u64) -> u64 {
    mix(mix(name, u64::from(one.road())), u64::from(one.house) << 20 ^ u64::from(one.flat))
}

/// Is the registration one that its mother can help to find?
pub(crate) fn asks(one: &Packed) -> bool {
    one.is_newborn() || one.standing() == Standing::Guardian
}

/// All registrations, and behind them the views of newborns; the second part says whose view each is.
#[must_use]
pub fn with_views(all: &[Packed]) -> (std::borrow::Cow<'_, [Packed]>, Vec<u32>) {
    let mut mothers: NumberMap<u64, Vec<u32>> = NumberMap::default();
    for one in all.iter().filter(|one| asks(one)) {
        for key in mother_keys(one).into_iter().flatten() {
            mothers.insert(key, Vec::new());
        }
    }
    if mothers.is_empty() {
        return (std::borrow::Cow::Borrowed(all), Vec::new());
    }
    for (at, one) in (0_u32..).zip(all).filter(|(_, one)| one.is_named() && !asks(one)) {
        for key in own_keys(one).into_iter().flatten() {
            if let Some(known) = mothers.get_mut(&key) {
                known.push(at);
            }
        }
    }
    let (mut with, mut base_of) = (all.to_vec(), Vec::new());
    for (at, one) in (0_u32..).zip(all).filter(|(_, one)| asks(one)) {
        for view in views(one, all, &mothers) {
            with.push(view);
            base_of.push(at);
        }
    }
    (std::borrow::Cow::Owned(with), base_of)
}

fn views(newborn: &Packed, all: &[Packed], mothers: &NumberMap<u64, Vec<u32>>) -> Vec<Packed> {
    let known = mother_keys(newborn).into_iter().flatten().filter_map(|key| mothers.get(&key)).flatten();
    views_at(newborn, known.map(|mother| &all[*mother as usize]))
}

/// A newborn as if it lived where each of its mother's registrations says that she lives.
pub(crate) fn views_at<'a>(newborn: &Packed, mothers: impl Iterator<Item = &'a Packed>) -> Vec<Packed> {
    let mut views: Vec<Packed> = Vec::new();
    for mother in mothers {
        let mut view = *newborn;
        view.take_place(mother);
        let is_new = (view.phone() != 0 || view.road() != 0) && view != *newborn && !views.contains(&view);
        if is_new {
            views.push(view);
        }
    }
    // Which views are kept must not depend on the order of arrival.
    views.sort_unstable_by_key(crate::blocks::fingerprint);
    views.truncate(VIEWS_MAX);
    views
}

/// The blocks in which a newborn's mother stands: her number, her name with the telephone, her name with the house.
pub(crate) fn mother_blocks(newborn: &Packed) -> [Option<u32>; 3] {
    let mut as_mother = *newborn;
    as_mother.become_mother();
    let keys = crate::blocks::keys(&as_mother);
    [keys[0], keys[4], keys[7]].map(|key| (key != 0).then_some(key))
}

/// Is the person, found in one of [`mother_blocks`], the newborn's mother?
pub(crate) fn is_mother(newborn: &Packed, person: &Packed) -> bool {
    let is_same =
        mother_keys(newborn).into_iter().zip(own_keys(person)).any(|(asked, own)| asked.is_some() && asked == own);
    is_same && person.is_named() && !asks(person)
}
