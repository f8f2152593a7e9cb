//! The stream of registrations: household after household, mixed in a window, so that the rows of a person do not stand
//! beside one another and memory does not grow with the number of people.

use crate::clerk::{Clerk, Hospital, hospitals, visit_day};
use crate::dates::{Day, day};
use crate::kinds::{Kind, Kinds};
use crate::people::Families;
use crate::profile::Profile;
use crate::random::{Random, Weighted};
use crate::tables::Tables;

/// Rows that wait to be mixed.
const WINDOW: usize = 262_144;
/// The telephone of the storm.
const STORM_PHONE: &str = "10090009000";

/// Head of the file of registrations.
pub const HEAD: &str = "rec_id,source,mrn,id_type,id_no,name,sex,birth_date,phone,address,reg_date";

/// What to make.
#[derive(Debug, Clone)]
pub struct Order {
    /// Number of people; the last household is cut.
    pub people: u64,
    /// The same seed makes the same bytes.
    pub seed: u64,
    /// The last day of registration; ages are counted from here.
    pub today: Day,
    /// So many registrations, one after another from the first on, have one telephone number (a desk's default that nobody
    /// listed).
    pub storm: u64,
}

impl Default for Order {
    fn default() -> Self {
        Self { people: 1_000, seed: 1, today: day(2026, 6, 30), storm: 0 }
    }
}

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The cells after `rec_id`, as they stand in the file.
    pub cells: Box<str>,
    /// Number of the person, from 0.
    pub person: u64,
    /// What is unusual about it.
    pub kinds: Kinds,
}

impl Registration {
    /// The name as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        // source, mrn, id_type and id_no are never quoted.
        self.cells.split(',').nth(4).unwrap_or_default()
    }
}

/// Makes registrations.
#[derive(Debug)]
pub struct Generator<'a> {
    families: Families<'a>,
    clerk: Clerk<'a>,
    hospitals: Vec<Hospital>,
    counts: Weighted,
    order: Order,
    random: Random,
    people: u64,
    storm: u64,
    line: String,
    window: Vec<Registration>,
}

impl<'a> Generator<'a> {
    /// A stream for this order.
    #[must_use]
    pub fn new(tables: &'a Tables, profile: &'a Profile, order: &Order) -> Self {
        let mut random = Random::new(order.seed);
        let mut families = Families::new(tables, profile, order.today);
        let mut staff = Random::new(order.seed ^ 0x5741_4646);
        let hospitals = hospitals(
            profile.registrations.hospitals.max(1),
            || {
                let county = *staff.one(&tables.places.near);
                let born = order.today - staff.between(25 * 365, 55 * 365);
                let number = families.numbers.resident(county, tables.places.counties[county].code, born, false);
                (families.numbers.phone(), number)
            },
            &mut random,
        );
        Self {
            families,
            clerk: Clerk { tables, profile },
            hospitals,
            counts: Weighted::new(profile.registrations.per_person.iter().copied()),
            order: order.clone(),
            random,
            people: 0,
            storm: 0,
            line: String::new(),
            window: Vec::new(),
        }
    }

    /// Registers the next household into the window.
    fn fill(&mut self) {
        let random = &mut self.random;
        let household = self.families.next(random);
        let rates = &self.clerk.profile.registrations;
        let home = random.below(self.hospitals.len());
        for (at, person) in household.people.iter().enumerate() {
            if self.people == self.order.people {
                return;
            }
            let number = self.people;
            self.people += 1;
            let visits = 1 + self.counts.pick(random);
            for visit in 0..visits {
                let near = random.chance(rates.home_hospital);
                let hospital = if near { home } else { random.below(self.hospitals.len()) };
                let when = visit_day(person, visit == 0, self.order.today, rates.years, random);
                self.line.clear();
                let mut kinds =
                    self.clerk.register(&household, at, when, &self.hospitals[hospital], random, &mut self.line);
                if self.storm < self.order.storm {
                    self.storm += 1;
                    kinds.add(Kind::Storm);
                    set_phone(&mut self.line, STORM_PHONE);
                }
                self.window.push(Registration { cells: self.line.as_str().into(), person: number, kinds });
            }
        }
    }
}

/// Replaces the third cell from the end; addresses and dates have no commas.
fn set_phone(line: &mut String, phone: &str) {
    let commas: Vec<usize> = line.rmatch_indices(',').take(3).map(|(at, _)| at).collect();
    if let [_, end, start] = commas[..] {
        line.replace_range(start + 1..end, phone);
    }
}

impl Iterator for Generator<'_> {
    type Item = Registration;

    fn next(&mut self) -> Option<Registration> {
        while self.people < self.order.people && self.window.len() < WINDOW {
            self.fill();
        }
        if self.window.is_empty() {
            return None;
        }
        let at = self.random.below(self.window.len());
        Some(self.window.swap_remove(at))
    }
}
