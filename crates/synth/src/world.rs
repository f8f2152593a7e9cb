//! The city as it stands: institutions, departments and their staff, numbers that are given out one after the other.

use crate::data::{Data, Department};
use crate::day::{Day, Moment};
use crate::random::Random;

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// The city hospital.
    City,
    /// The county hospital, in one of its branches.
    County(usize),
    /// A clinic of the primary care system, by its position in [`World::clinics`].
    Primary(usize),
}

/// A doctor, nurse or technician.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staff {
    /// 工号.
    pub number: String,
    pub name: String,
}

/// A township hospital or a village clinic.
#[derive(Debug)]
pub(crate) struct Clinic {
    pub code: String,
    pub name: String,
    pub town: usize,
    /// `None` for the township hospital.
    pub village: Option<usize>,
    /// 全科 staff; a village clinic has one doctor.
    pub staff: Vec<Staff>,
}

/// What does not change while people are born and fall ill.
pub(crate) struct World {
    pub data: &'static Data,
    pub seed: u64,
    /// The day of the demo; nothing is later than its late morning.
    pub today: Day,
    /// The first day of the history.
    pub first: Day,
    pub clinics: Vec<Clinic>,
    city: Vec<Vec<Staff>>,
    county: Vec<Vec<Staff>>,
}

/// Nothing later than this happens on the day of the demo: a doctor opens it in the late morning.
const NOW: (i32, i32) = (11, 0);

impl World {
    pub fn new(data: &'static Data, today: Day, years: i32, seed: u64) -> Self {
        let (year, month, day) = today.parts();
        let first = Day::of(year - years, month, day.min(28));
        let mut world = Self { data, seed, today, first, clinics: Vec::new(), city: Vec::new(), county: Vec::new() };
        let mut random = Random::of(seed, 2, 0);
        for department in &data.city.department {
            world.city.push(world.team("C", &department.code, data.city.staff.city, &mut random));
            world.county.push(world.team("X", &department.code, data.city.staff.county, &mut random));
        }
        world.found_clinics(&mut random);
        world
    }

    /// 血型 of a person, ABO and Rh as codes; `None` for somebody who was never typed.
    pub fn blood(&self, person: u32) -> Option<(&'static str, &'static str)> {
        let blood = &self.data.city.blood;
        let mut random = Random::of(self.seed, 17, u64::from(person));
        let (is_typed, is_negative, mut at) =
            (random.chance(blood.typed), random.chance(blood.negative), random.unit());
        let group = blood.abo.iter().find(|group| {
            at -= group.share;
            at < 0.0
        });
        let group = group.or(blood.abo.last()).filter(|_| is_typed)?;
        Some((group.code.as_str(), if is_negative { "1" } else { "2" }))
    }

    fn found_clinics(&mut self, random: &mut Random) {
        let (data, mut number) = (self.data, 10);
        let primary = &data.city.primary_care;
        for (town, known) in data.city.town.iter().enumerate() {
            let villages = std::iter::once(None).chain((0..known.villages.len()).map(Some));
            for village in villages {
                number += 1;
                let kind = if known.name.ends_with("街道") { &primary.community } else { &primary.township };
                let name = match village.and_then(|village| known.villages.get(village)) {
                    None => format!("{}{kind}", known.name),
                    Some(village) => format!("{}{village}{}", known.name, primary.village),
                };
                let count = if village.is_none() { data.city.staff.primary + 2 } else { 1 };
                let staff = self.team("J", &format!("{number:02}"), count, random);
                let code = format!("{}{number:02}-{}", primary.code_prefix, number % 10);
                self.clinics.push(Clinic { code, name, town, village, staff });
            }
        }
    }

    fn team(&self, prefix: &str, department: &str, count: usize, random: &mut Random) -> Vec<Staff> {
        let names = &self.data.city.names;
        let surnames: Vec<char> = names.surnames.chars().collect();
        (1..=count)
            .map(|number| {
                let surname = surnames[random.below(surnames.len())];
                let list = if random.chance(0.5) { &names.male } else { &names.female };
                let given = &list[random.below(list.len())];
                Staff { number: format!("{prefix}{department}{number:02}"), name: format!("{surname}{given}") }
            })
            .collect()
    }

    /// The moment up to which the history goes.
    pub fn now(&self) -> Moment {
        self.today.at(NOW.0, NOW.1)
    }

    /// 机构编码.
    pub fn code(&self, place: Place) -> &str {
        match place {
            Place::City => &self.data.city.city_hospital.code,
            Place::County(_) => &self.data.city.county_hospital.code,
            Place::Primary(clinic) => &self.clinics[clinic].code,
        }
    }

    /// The code under which a hospital's tables of a day came, when it was another one then.
    pub fn old_code(&self, place: Place, day: Day) -> Option<&str> {
        let old = self.data.city.county_hospital.old_code.as_str();
        let days = f64::from(self.today.0 - self.first.0) * self.data.event_rate("old_code");
        let is_old = matches!(place, Place::County(_)) && day.0 < self.first.0 + days as i32;
        (is_old && !old.is_empty()).then_some(old)
    }

    /// The month that the county hospital sends again as a whole, with what was corrected since: the one that ended about a year
    /// ago. On the fifth of the month after it.
    pub fn sent_again(&self, business: Day) -> Option<Day> {
        let ago = self.today.0 - business.0;
        if !(330..=400).contains(&ago) {
            return None;
        }
        let (year, month, _) = Day(self.today.0 - 365).parts();
        let (of, in_month, _) = business.parts();
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        ((of, in_month) == (year, month)).then(|| Day::of(next_year, next_month, 5))
    }

    /// 院区, empty where there is one only.
    pub fn branch(&self, place: Place) -> &str {
        match place {
            Place::County(branch) => &self.data.city.county_hospital.branches[branch],
            Place::City | Place::Primary(_) => "",
        }
    }

    /// The department of this name at a place; where it has none, general practice.
    pub fn department(&self, place: Place, name: &str) -> usize {
        let at = match place {
            Place::City => "city",
            Place::County(_) => "county",
            Place::Primary(_) => "primary",
        };
        let all = &self.data.city.department;
        let here = |department: &Department| department.at.iter().any(|there| there == at);
        let found = all.iter().position(|department| department.name == name && here(department));
        found.or_else(|| all.iter().position(|department| department.code == "0200")).unwrap_or(0)
    }

    /// Somebody of a department.
    pub fn staff(&self, place: Place, department: usize, number: usize) -> &Staff {
        let team = match place {
            Place::City => &self.city[department],
            Place::County(_) => &self.county[department],
            Place::Primary(clinic) => &self.clinics[clinic].staff,
        };
        &team[number % team.len()]
    }

    /// The clinics of somebody's town and village: township hospital first.
    pub fn clinics_of(&self, town: usize, village: usize) -> (usize, usize) {
        let township = self.clinics.iter().position(|clinic| clinic.town == town && clinic.village.is_none());
        let here = self.clinics.iter().position(|clinic| clinic.town == town && clinic.village == Some(village));
        (township.unwrap_or(0), here.unwrap_or(0))
    }

    /// The day to which a sender of tables counts a moment: its 日结 is in the late afternoon, not at midnight.
    pub fn business_day(&self, moment: Moment) -> Day {
        let closes = self.data.event_rate("closes_at_minutes") as i64;
        let (hour, minute, _) = moment.clock();
        if hour * 60 + minute >= closes { Day(moment.day().0 + 1) } else { moment.day() }
    }
}
