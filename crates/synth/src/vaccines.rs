//! 预防接种: who is vaccinated when. Children follow the schedule of the national programme, some later than it says and a few not at
//! all; the elder take what the town offers. Chance is a stream of its own, so that a dose moves nobody's other fate.

use crate::data::{Dose, Vaccine};
use crate::day::{Day, Moment};
use crate::life::Life;
use crate::people::Person;
use crate::random::Random;
use crate::world::World;

/// Days of a month, as vaccination clinics count.
const MONTH_DAYS: f64 = 30.44;
/// A dose whose day falls into a stay in bed is put off.
const PUT_OFF_DAYS: i32 = 14;
/// A lot is good for about two years.
const LOT_DAYS: i32 = 730;

/// What went wrong when a dose was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Another 剂次 was written, and is corrected so many minutes later.
    WrongDose(i32),
    /// It was written twice, and the second entry is taken back so many minutes later.
    Twice(i32),
}

/// One dose.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    pub clinic: usize,
    pub vaccine: &'static Vaccine,
    pub number: u8,
    pub given: Moment,
    /// When it was written down: the same morning, or later from the certificate of the hospital of birth.
    pub entered: Moment,
    pub is_elsewhere: bool,
    pub is_programme: bool,
    pub lot: String,
    pub expires: Day,
    pub maker: &'static str,
    pub slip: Slip,
}

/// Every dose of a person in the time of the history, in the order in which they were written down.
pub(crate) fn shots(world: &World, person: &Person, life: &Life) -> Vec<Shot> {
    let mut random = Random::of(world.seed, 13, u64::from(person.index));
    let mut nurse = Nurse { world, person, life, random: &mut random, shots: Vec::new() };
    nurse.programme();
    nurse.adult();
    let mut shots = nurse.shots;
    shots.retain(|shot| shot.entered.day() >= world.first && shot.entered.day() < world.today);
    shots.sort_by_key(|shot| (shot.entered.day(), shot.given, shot.vaccine.code.as_str()));
    shots
}

struct Nurse<'w> {
    world: &'w World,
    person: &'w Person,
    life: &'w Life,
    random: &'w mut Random,
    shots: Vec<Shot>,
}

impl Nurse<'_> {
    fn programme(&mut self) {
        let data = &self.world.data.vaccination;
        let birth = self.person.birth;
        let first_visit = Day(birth.0 + MONTH_DAYS as i32 + self.random.between(0, 6));
        for vaccine in &data.programme {
            // The next dose comes at least four weeks after the one before.
            let mut earliest = birth;
            for dose in &vaccine.dose {
                let due = Day(birth.0 + (f64::from(dose.months) * MONTH_DAYS) as i32);
                let is_taken = self.random.chance(data.taken);
                let late = self.random.between(0, 1 + data.late_days * dose.months.min(12) / 12);
                let day = Day((due.0 + late).max(earliest.0));
                if !is_due(dose, birth, due) || (vaccine.sex != 0 && vaccine.sex != self.person.sex) || !is_taken {
                    continue;
                }
                if vaccine.at_birth && dose.months == 0 {
                    earliest = first_visit;
                    self.give(vaccine, dose.number, birth, Some(first_visit), true);
                } else {
                    let day = self.awake(day);
                    earliest = Day(day.0 + 28);
                    self.give(vaccine, dose.number, day, None, true);
                }
            }
        }
    }

    fn adult(&mut self) {
        let (first, today) = (self.world.first, self.world.today);
        for vaccine in &self.world.data.vaccination.adult {
            let is_taker = self.random.chance(vaccine.share);
            let (from, to) = (first.parts().0, today.parts().0);
            for year in from..=to {
                let month = vaccine.months[self.random.below(vaccine.months.len())];
                let day = Day::of(year, month, self.random.between(1, 28));
                let is_old_enough = self.person.age(day) >= vaccine.from_age;
                // Nobody comes every autumn.
                if !is_taker || !is_old_enough || day < first || !self.random.chance(0.8) {
                    continue;
                }
                let day = self.awake(day);
                self.give(vaccine, 1, day, None, false);
                if !vaccine.is_yearly {
                    break;
                }
            }
        }
    }

    /// The day, or a later one when somebody lies in bed on it; on Sundays nobody vaccinates.
    fn awake(&self, day: Day) -> Day {
        let is_in_bed = |day: Day| {
            self.life.visits.iter().any(|visit| {
                let until = |end: Moment| end.day() >= day;
                visit.start.day() <= day && visit.stay.as_ref().is_some_and(|stay| stay.discharged.is_none_or(until))
            })
        };
        let mut day = day;
        for _ in 0..4 {
            if is_in_bed(day) {
                day = Day(day.0 + PUT_OFF_DAYS);
            }
        }
        if day.weekday() == 0 { Day(day.0 + 1) } else { day }
    }

    fn give(&mut self, vaccine: &'static Vaccine, number: u8, day: Day, entered: Option<Day>, is_programme: bool) {
        let data = &self.world.data.vaccination;
        let minute = self.random.between(0, 59);
        let given = day.at(self.random.between(8, 10), minute);
        let entered = entered.map_or(given.after_minutes(5), |day| day.at(9, minute));
        let maker = self.random.below(data.makers.len());
        let (year, month, _) = day.parts();
        let lot = format!("{year}{month:02}{:03}-{}", self.random.between(1, 40), maker + 1);
        let draw = (self.random.unit(), self.random.between(600, 12_000));
        let slip = if draw.0 < data.dose_corrected {
            Slip::WrongDose(draw.1)
        } else if draw.0 < data.dose_corrected + data.dose_withdrawn {
            Slip::Twice(draw.1)
        } else {
            Slip::None
        };
        let (township, _) = self.world.clinics_of(self.person.town, self.person.village);
        self.shots.push(Shot {
            clinic: township,
            vaccine,
            number,
            given,
            entered,
            is_elsewhere: entered.day() != given.day(),
            is_programme,
            lot,
            expires: Day(day.0 + LOT_DAYS),
            maker: &data.makers[maker],
            slip,
        });
    }
}

/// Whether a dose of the schedule is one for a child of this birth, that falls due on this day.
fn is_due(dose: &Dose, birth: Day, due: Day) -> bool {
    let is_in = |day: Day, [from, to]: &[String; 2]| {
        Day::parse(from).is_none_or(|from| day >= from) && Day::parse(to).is_none_or(|to| day <= to)
    };
    is_in(birth, &dose.born) && is_in(due, &dose.given)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::data::Data;
    use crate::people::Families;

    /// Doses by child, in a city of three years.
    fn children(today: Day) -> Vec<(Person, Vec<Shot>)> {
        let data: &'static Data = Box::leak(Box::new(Data::load().unwrap()));
        let world: &'static World = Box::leak(Box::new(World::new(data, today, 3, 5)));
        let mut families = Families::new(data, today, 3, 5);
        let mut all = Vec::new();
        while let Some((_, house)) = families.next(4_000) {
            for person in house {
                let shots = shots(world, &person, &Life::default());
                all.push((person, shots));
            }
        }
        all
    }

    #[test]
    fn a_child_born_in_the_history_gets_what_the_programme_says() {
        let today = Day::of(2026, 11, 22);
        let people = children(today);
        let of_two: Vec<_> =
            people.iter().filter(|(person, _)| (1_000..1_080).contains(&(today.0 - person.birth.0))).collect();
        assert!(of_two.len() >= 3, "{}", of_two.len());
        let (mut wanted, mut found) = (0, 0);
        for (person, shots) in &of_two {
            let mut doses: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
            for shot in shots {
                assert!(shot.given.day() >= person.birth && shot.entered >= shot.given);
                doses.entry(&shot.vaccine.code).or_default().push(shot.number);
            }
            for (code, count) in
                [("BCG", 1), ("HepB", 3), ("IPV", 2), ("bOPV", 1), ("DTaP", 4), ("MMR", 2), ("JE-L", 2)]
            {
                wanted += count;
                found += doses.get(code).map_or(0, Vec::len);
                assert!(doses.get(code).is_none_or(|all| all.is_sorted() && all.len() <= count), "{code} {doses:?}");
            }
            assert!(!doses.contains_key("HPV2") && !doses.contains_key("IIV3"));
        }
        assert!(found * 10 >= wanted * 9, "{found} of {wanted}");
    }

    #[test]
    fn only_the_elder_take_influenza_vaccine_and_at_most_once_a_season() {
        let today = Day::of(2026, 11, 22);
        let mut count = 0;
        for (person, shots) in children(today) {
            let mut years: Vec<i32> = Vec::new();
            for shot in shots.iter().filter(|shot| shot.vaccine.code == "IIV3") {
                count += 1;
                assert!(person.age(shot.given.day()) >= 60);
                years.push(shot.given.day().parts().0);
            }
            years.dedup();
            let all = shots.iter().filter(|shot| shot.vaccine.code == "IIV3").count();
            assert!(all - years.len() <= 1, "put off beyond the end of a year at most");
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn the_schedule_changes_with_the_birth() {
        let data = Data::load().unwrap();
        let dtap = data.vaccination.programme.iter().find(|vaccine| vaccine.code == "DTaP").unwrap();
        let months = |birth: Day| -> Vec<i32> {
            let due = |dose: &&Dose| is_due(dose, birth, Day(birth.0 + (f64::from(dose.months) * MONTH_DAYS) as i32));
            dtap.dose.iter().filter(due).map(|dose| dose.months).collect()
        };
        assert_eq!(months(Day::of(2024, 3, 5)), [3, 4, 5, 18, 72]);
        assert_eq!(months(Day::of(2025, 3, 5)), [2, 4, 6, 18, 72]);
        assert_eq!(months(Day::of(2018, 3, 5)), [3, 4, 5, 18], "DT at six years, until the end of 2024");
    }
}
