//! Whose card is it? A document that stands under names of two people belongs to one of them; on the other's registrations it is
//! borrowed (冒用, 借用), and with it the birth date and the sex that were copied from the card.
//!
//! The holder is who has no other number elsewhere; if that does not decide, who registered with the card most often. If neither
//! decides, nobody is accused: the registrations stay a document conflict.

use crate::compare::{compare_names, name};
use crate::packed::Packed;
use crate::standardise::Standing;
use crate::text::{NumberMap, mix};

/// Registrations on one number that are looked at; more are a placeholder's.
const MEMBERS_MAX: usize = 64;
/// More than one number stands under a name and telephone.
const SEVERAL: u64 = u64::MAX;

/// Which number stands under a name together with a telephone or a house.
struct Elsewhere(NumberMap<u64, u64>);

impl Elsewhere {
    /// Looks through everybody for the names and places of the contested registrations.
    fn gather(all: &[Packed], contested: &[Vec<u32>]) -> Elsewhere {
        let wanted: NumberMap<u64, ()> = contested
            .iter()
            .flatten()
            .flat_map(|member| places(&all[*member as usize]).into_iter().flatten())
            .map(|key| (key, ()))
            .collect();
        let mut numbers = NumberMap::default();
        for one in all.iter().filter(|one| one.is_named() && one.has_checked_document()) {
            for key in places(one).into_iter().flatten().filter(|key| wanted.contains_key(key)) {
                numbers
                    .entry(key)
                    .and_modify(|known| {
                        if *known != one.document {
                            *known = SEVERAL;
                        }
                    })
                    .or_insert(one.document);
            }
        }
        Elsewhere(numbers)
    }

    fn has_other_number(&self, one: &Packed) -> bool {
        places(one).into_iter().flatten().any(|key| self.0.get(&key).is_some_and(|number| *number != one.document))
    }
}

/// Where a named person can be met: by name and telephone, by name and house.
pub(crate) fn places(one: &Packed) -> [Option<u64>; 2] {
    let name = u64::from(one.readings[0]);
    if name == 0 {
        return [None; 2];
    }
    let phone = (one.phone() != 0).then(|| mix(name, one.phone()));
    let house = (one.road() != 0 && one.house != 0)
        .then(|| mix(mix(name, u64::from(one.road())), u64::from(one.house) << 32 | u64::from(one.flat)));
    [phone, house]
}

/// Is the registration one whose document may turn out to be another's? `one` as it was before any mark.
pub(crate) fn is_contestable(one: &Packed) -> bool {
    one.is_named() && one.has_own_document() && one.standing() == Standing::Own
}

/// Does a document stand under several names, but not under so many that it is a placeholder?
fn is_contested(members: &[u32], all: &[Packed]) -> bool {
    let whole = |member: &u32| all[*member as usize].whole;
    let is_one_name = members.iter().all(|member| whole(member) == whole(&members[0]));
    members.len() >= 2 && members.len() <= MEMBERS_MAX && !is_one_name
}

/// Marks the registrations that carry another person's document. A function of the set: the order does not matter.
pub fn mark(all: &mut [Packed]) {
    let mut entries: Vec<(u64, u32)> =
        (0_u32..).zip(all.iter()).filter(|(_, one)| is_contestable(one)).map(|(at, one)| (one.document, at)).collect();
    entries.sort_unstable();
    let mut contested: Vec<Vec<u32>> = Vec::new();
    for chunk in entries.chunk_by(|left, right| left.0 == right.0) {
        let members: Vec<u32> = chunk.iter().map(|entry| entry.1).collect();
        if is_contested(&members, all) {
            contested.push(members);
        }
    }
    let elsewhere = Elsewhere::gather(all, &contested);
    let mut foreign: Vec<u32> = Vec::new();
    for members in contested {
        let marks = judge(&members, all, &elsewhere);
        foreign.extend(members.iter().zip(marks).filter(|(_, is_foreign)| *is_foreign).map(|(member, _)| *member));
    }
    for member in foreign {
        all[member as usize].set_standing(Standing::Foreign);
    }
}

/// The same for one document: `members` are all registrations that carry it, `neighbours` at least all that can be met where
/// one of them can. Both as they were before any mark. Says of every member whether its document is another's.
pub(crate) fn mark_one(members: &[Packed], neighbours: &[Packed]) -> Vec<bool> {
    let all: Vec<u32> = (0..u32::try_from(members.len()).unwrap_or(0)).collect();
    if all.is_empty() || !is_contested(&all, members) {
        return vec![false; members.len()];
    }
    let mut everybody = members.to_vec();
    everybody.extend_from_slice(neighbours);
    let elsewhere = Elsewhere::gather(&everybody, std::slice::from_ref(&all));
    judge(&all, members, &elsewhere)
}

/// Would a document with these members be looked at closely?
pub(crate) fn is_disputed(members: &[Packed]) -> bool {
    let all: Vec<u32> = (0..u32::try_from(members.len()).unwrap_or(0)).collect();
    !all.is_empty() && is_contested(&all, members)
}

fn judge(members: &[u32], all: &[Packed], elsewhere: &Elsewhere) -> Vec<bool> {
    let groups = groups(members, all, elsewhere);
    if groups.iter().all(|group| *group == groups[0]) {
        return vec![false; members.len()];
    }
    match holder(members, &groups, all, elsewhere) {
        Some(holder) => groups.iter().map(|group| *group != holder).collect(),
        None => vec![false; members.len()],
    }
}

/// Groups of members whose names could be one person's, each named by its first member.
///
/// Brothers' names differ in one character as slips do: if one of the two has another number elsewhere and the other has not, they
/// are two.
fn groups(members: &[u32], all: &[Packed], elsewhere: &Elsewhere) -> Vec<usize> {
    let has_other: Vec<bool> =
        members.iter().map(|member| elsewhere.has_other_number(&all[*member as usize])).collect();
    let mut groups: Vec<usize> = (0..members.len()).collect();
    for left in 0..members.len() {
        for right in left + 1..members.len() {
            let level = compare_names(&all[members[left] as usize], &all[members[right] as usize]);
            let is_brother = matches!(level, name::ONE_GIVEN | name::PART) && has_other[left] != has_other[right];
            if groups[left] != groups[right] && !name::is_conflict(level) && !is_brother {
                let (kept, given_up) = (groups[left].min(groups[right]), groups[left].max(groups[right]));
                for group in &mut groups {
                    if *group == given_up {
                        *group = kept;
                    }
                }
            }
        }
    }
    groups
}

fn holder(members: &[u32], groups: &[usize], all: &[Packed], elsewhere: &Elsewhere) -> Option<usize> {
    let mut counts: Vec<(usize, usize, bool)> = Vec::new();
    for (member, group) in members.iter().zip(groups) {
        let has_other = elsewhere.has_other_number(&all[*member as usize]);
        match counts.iter_mut().find(|(known, ..)| known == group) {
            Some((_, count, other)) => (*count, *other) = (*count + 1, *other || has_other),
            None => counts.push((*group, 1, has_other)),
        }
    }
    let mut without: Vec<_> = counts.iter().filter(|(.., has_other)| !has_other).collect();
    if without.is_empty() {
        without = counts.iter().collect();
    }
    let most = without.iter().map(|(_, count, _)| *count).max()?;
    let mut best = without.iter().filter(|(_, count, _)| *count == most);
    match (best.next(), best.next()) {
        (Some((group, ..)), None) => Some(*group),
        _ => None,
    }
}
