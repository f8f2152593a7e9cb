//! Laws of real time: whatever the order in which registrations come, change and go, the persons are those of the batch.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::collections::BTreeMap;
use std::io::BufReader;

use identity::batch::{Frozen, Input, link_over};
use identity::blocks::REAL_TIME;
use identity::cluster::Wishes;
use identity::live::Live;
use identity::packed::Packed;
use identity::standardise::{Regions, Registration, standardise};
use proptest::prelude::*;

const TRAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/identity");
const REGIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/registrations/data/regions.csv");

fn regions() -> Regions {
    Regions::read(&std::fs::read_to_string(REGIONS).unwrap()).0
}

/// The registrations of all traps together, finished but not marked.
fn traps(frozen: &Frozen) -> Vec<Packed> {
    let regions = regions();
    let mut all = Vec::new();
    let mut folders: Vec<_> =
        std::fs::read_dir(TRAPS).unwrap().flatten().map(|entry| entry.path().join("records.csv")).collect();
    folders.sort();
    for path in folders.into_iter().filter(|path| path.is_file()) {
        let file = std::fs::File::open(&path).unwrap();
        all.extend(Input::read(&mut BufReader::new(file), &regions).unwrap().registrations);
    }
    all.iter_mut().for_each(|one| frozen.frequencies.finish(one));
    all
}

/// Registrations, and who is whose person as the changes said.
struct World {
    live: Live,
    person_of: BTreeMap<u32, u32>,
}

impl World {
    fn new(frozen: &Frozen) -> World {
        World { live: Live::new(frozen.clone()), person_of: BTreeMap::new() }
    }

    fn settle(&mut self, touched: &[u32]) {
        let regrouped = self.live.regroup(touched, &[]);
        assert!(!regrouped.is_cut);
        for group in &regrouped.groups {
            for place in group {
                self.person_of.insert(*place, group[0]);
            }
        }
    }

    fn insert(&mut self, packed: Packed) -> u32 {
        let (place, touched) = self.live.insert(packed);
        self.settle(&touched);
        place
    }

    fn replace(&mut self, place: u32, packed: Packed) {
        let touched = self.live.replace(place, packed);
        self.settle(&touched);
    }

    fn remove(&mut self, place: u32) {
        let touched = self.live.remove(place);
        self.person_of.remove(&place);
        self.settle(&touched);
    }

    /// The persons, in the numbers of the set: `of` says which number each place has.
    fn persons(&self, of: &BTreeMap<u32, usize>) -> Vec<Vec<usize>> {
        groups(self.person_of.iter().map(|(place, person)| (of[place], *person)))
    }
}

fn groups(members: impl Iterator<Item = (usize, u32)>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (member, person) in members {
        groups.entry(person).or_default().push(member);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort();
    groups
}

fn batch(all: &[Packed], frozen: &Frozen, wishes: &Wishes) -> Vec<Vec<usize>> {
    let mut marked = all.to_vec();
    identity::ownership::mark(&mut marked);
    let clusters = link_over(&marked, frozen, wishes, &REAL_TIME).clusters.cluster_of;
    groups(clusters.into_iter().enumerate())
}

/// Brings the set in an order, with detours: some come wrong and are corrected, some strangers come and go again.
fn bring(all: &[Packed], order: &[usize], detours: &[u8], frozen: &Frozen) -> (World, BTreeMap<u32, usize>) {
    let mut world = World::new(frozen);
    let mut of = BTreeMap::new();
    let mut guests = Vec::new();
    for (step, at) in order.iter().enumerate() {
        let place = match detours[step % detours.len()] % 5 {
            0 => {
                let place = world.insert(all[order[(step * 7 + 3) % order.len()]]);
                world.replace(place, all[*at]);
                place
            }
            1 => {
                guests.push(world.insert(all[order[(step * 5 + 1) % order.len()]]));
                world.insert(all[*at])
            }
            2 if !guests.is_empty() => {
                world.remove(guests.remove(0));
                world.insert(all[*at])
            }
            _ => world.insert(all[*at]),
        };
        of.insert(place, *at);
    }
    guests.into_iter().for_each(|guest| world.remove(guest));
    (world, of)
}

#[test]
fn the_traps_in_any_order_are_the_persons_of_the_batch() {
    let frozen = Frozen::shipped().unwrap();
    let all = traps(&frozen);
    let expected = batch(&all, &frozen, &Wishes::default());
    let straight: Vec<usize> = (0..all.len()).collect();
    let orders = (Just(straight).prop_shuffle(), prop::collection::vec(any::<u8>(), 64));
    proptest!(ProptestConfig::with_cases(30), |((order, detours) in orders)| {
        let (world, of) = bring(&all, &order, &detours, &frozen);
        prop_assert_eq!(&world.persons(&of), &expected);
        prop_assert_eq!(world.live.index().len(), all.len());
    });
}

/// Few values and many registrations: blocks are split and joined again, cards are borrowed, newborns move with their mothers.
fn crowd() -> impl Strategy<Value = Vec<Packed>> {
    let names = ["赵望川", "赵望山", "钱岚", "钱岚之子", "钱岚之女", "孙静好", "赵望川之子", "买买提·艾力"];
    let numbers = ["", "", "110105198506011014", "110105198506011022", "110105199003074512", "110105202001014518"];
    let births = ["1985-06-01", "1985-06-01", "1990-03-07", "2020-01-01", "1985", ""];
    let phones = ["", "10012345678", "10012345679", "10088887777"];
    let places = ["", "望岚县槐溪镇和平路18号", "望岚县槐溪镇和平路18号3单元501室", "望岚县城关镇人民路7号"];
    let one = (0..names.len(), 0..numbers.len(), 0..births.len(), 0..phones.len(), 0..places.len(), 0..28_u8);
    let frozen = Frozen::shipped().unwrap();
    let regions = regions();
    prop::collection::vec(one, 1..160).prop_map(move |all| {
        let pack = |(name, number, birth, phone, place, day): (usize, usize, usize, usize, usize, u8)| {
            let reg_date = format!("2020-02-{:02}", day + 1);
            let sent = Registration {
                id_type: "01",
                id_no: numbers[number],
                name: names[name],
                sex: if name % 2 == 0 { "1" } else { "2" },
                birth_date: births[birth],
                phone: phones[phone],
                address: places[place],
                reg_date: &reg_date,
                ..Registration::default()
            };
            let mut packed = Packed::new(&standardise(&sent, &regions));
            frozen.frequencies.finish(&mut packed);
            packed
        };
        let mut all: Vec<Packed> = all.into_iter().map(pack).collect();
        // Two equal registrations are interchangeable: which of them is whose is no question.
        all.sort_unstable_by_key(Packed::to_bytes);
        all.dedup();
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_crowd_in_any_order_is_the_persons_of_the_batch(
        all in crowd(), seed in any::<u64>(), detours in prop::collection::vec(any::<u8>(), 64),
    ) {
        let frozen = Frozen::shipped().unwrap();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| (*at as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
        let (world, of) = bring(&all, &order, &detours, &frozen);
        prop_assert_eq!(world.persons(&of), batch(&all, &frozen, &Wishes::default()));
        // A snapshot is the same index.
        let restored = Live::over(identity::index::Index::restore(&world.live.index().snapshot()).unwrap());
        let places: Vec<u32> = of.keys().copied().collect();
        prop_assert_eq!(restored.regroup(&places, &[]).groups, world.live.regroup(&places, &[]).groups);
    }

    #[test]
    fn decisions_of_people_hold_and_can_be_taken_back(
        all in crowd(), pairs in prop::collection::vec((any::<u16>(), any::<u16>(), any::<bool>()), 1..6),
    ) {
        let frozen = Frozen::shipped().unwrap();
        let order: Vec<usize> = (0..all.len()).collect();
        let (mut world, of) = bring(&all, &order, &[4], &frozen);
        let mut wishes = Wishes::default();
        let count = u32::try_from(all.len()).unwrap();
        for (left, right, is_same) in pairs {
            let (left, right) = (u32::from(left) % count, u32::from(right) % count);
            if left == right {
                continue;
            }
            if is_same {
                world.live.must_link(left, right);
                wishes.must_link.push((left, right));
            } else {
                world.live.cannot_link(left, right);
                wishes.cannot_link.push((left, right));
            }
            world.settle(&[left, right]);
        }
        prop_assert_eq!(world.persons(&of), batch(&all, &frozen, &wishes));
        for (left, right) in &wishes.must_link {
            world.live.forget_must_link(*left, *right);
        }
        for (left, right) in &wishes.cannot_link {
            world.live.forget_cannot_link(*left, *right);
        }
        let touched: Vec<u32> = wishes.must_link.iter().chain(&wishes.cannot_link).flat_map(|it| [it.0, it.1]).collect();
        world.settle(&touched);
        prop_assert_eq!(world.persons(&of), batch(&all, &frozen, &Wishes::default()));
    }
}
