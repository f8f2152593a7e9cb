//! What happens to a person in the years of the history: conditions, visits, stays, results that move as a treatment works.
//!
//! Nothing here knows a format. What is decided here is the truth; the writers only say it.

use crate::data::{Condition, Course, Examination, Medicine, Panel, Shift, StayPlan, Tcm};
use crate::day::{Day, Moment};
use crate::people::{Person, Role};
use crate::random::Random;
use crate::world::{Place, World};

/// A measured value in the standard unit, or the position of its word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Position of the analyte in `laboratory.toml`.
    pub analyte: usize,
    pub value: f64,
    pub word: Option<usize>,
}

/// One laboratory report.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub panel: &'static Panel,
    pub results: Vec<Measured>,
    /// Sampled, reported.
    pub sampled: Moment,
    pub reported: Moment,
    /// A later correction of the first result: when, and the right value.
    pub correction: Option<(Moment, f64)>,
    /// Sent as preliminary before.
    pub is_preliminary_sent: bool,
}

/// What is measured at every visit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vitals {
    pub temperature: f64,
    pub pulse: i32,
    pub breaths: i32,
    pub systolic: i32,
    pub diastolic: i32,
}

/// A stay in bed.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    /// Empty while somebody is still in.
    pub discharged: Option<Moment>,
    pub bed: i32,
    pub room: i32,
    pub course: &'static str,
    pub outcome: &'static str,
    /// Code, name and when.
    pub procedure: Option<(&'static str, &'static str, Moment)>,
    /// 次 of the year, for the front page.
    pub fee_cents: i64,
    /// A13 and a second A03, so many minutes later.
    pub discharge_taken_back: Option<i32>,
}

/// What became of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    /// 退号 or cancelled admission, so many minutes later.
    Cancelled(i32),
}

/// How somebody without a name got one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identified {
    /// Not yet.
    Never,
    /// The registration was filled in (A08).
    Updated(Moment),
    /// The registration was joined with the one that the hospital already had (A40).
    Merged(Moment),
}

/// One visit or stay.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub place: Place,
    pub start: Moment,
    pub department: usize,
    /// Which doctor of the department.
    pub doctor: usize,
    /// The diagnosis; other than the condition's for deliveries and newborns.
    pub diagnosis: (&'static str, &'static str),
    pub complaint: String,
    pub history: String,
    pub exam: &'static str,
    pub advice: &'static str,
    pub vitals: Vitals,
    pub reports: Vec<Report>,
    pub examinations: Vec<&'static Examination>,
    pub medicines: Vec<(&'static Medicine, i32)>,
    pub tcm: Option<&'static Tcm>,
    pub stay: Option<Stay>,
    pub fate: Fate,
    /// Money is given back so many days later.
    pub refund_after_days: Option<i32>,
    /// The record of the visit is changed (`false`) or withdrawn (`true`) so many minutes later.
    pub amended: Option<(i32, bool)>,
    /// Somebody else's card was used: the visit is registered under that person's patient number.
    pub is_borrowed: bool,
    /// The patient was found unconscious and has no name yet (无名氏).
    pub unknown: Option<Identified>,
    /// The patient is a newborn who still has its first name and its mother's number.
    pub is_newborn: bool,
}

/// 健康体检 or 随访.
#[derive(Debug, Clone)]
pub(crate) struct Checkup {
    pub clinic: usize,
    pub at: Moment,
    /// `hypertension`, `diabetes`; empty for a 健康体检.
    pub follow_up: &'static str,
    pub vitals: Vitals,
    pub height_cm: f64,
    pub weight_kg: f64,
    pub glucose: f64,
}

/// A contract with a family doctor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contract {
    pub clinic: usize,
    pub from: Moment,
    pub doctor: usize,
}

/// Everything that happens to a person.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub visits: Vec<Visit>,
    pub checkups: Vec<Checkup>,
    pub contract: Option<Contract>,
}

/// What somebody has, and since when.
struct Ill {
    condition: &'static Condition,
    since: Day,
    /// This person's own distance from the mean, in spreads.
    own: f64,
}

/// Lives one life. `house` are the others of the household; children and mothers look at each other.
pub(crate) fn live(world: &World, person: &Person, house: &[Person], random: &mut Random) -> Life {
    let mut living = Living { world, person, random, life: Life::default(), ills: Vec::new() };
    living.fall_ill();
    living.chronic_visits();
    living.acute_visits();
    living.pregnancies(house);
    living.today();
    living.care();
    living.found();
    let Living { mut life, .. } = living;
    let (first, now) = (world.first.at(0, 0), world.now());
    life.visits.retain(|visit| visit.start >= first && visit.start <= now && visit.start.day() >= person.birth);
    life.visits.sort_by_key(|visit| visit.start);
    // Nobody is seen twice at the same moment.
    life.visits.dedup_by_key(|visit| visit.start.day());
    for visit in &mut life.visits {
        if let Some(stay) = visit.stay.as_mut().filter(|stay| stay.discharged.is_some_and(|end| end > now)) {
            stay.discharged = None;
            stay.discharge_taken_back = None;
        }
        visit.reports.retain(|report| report.reported <= now);
    }
    apart(&mut life.visits);
    life
}

/// Nobody walks into a clinic while in bed elsewhere.
fn apart(visits: &mut Vec<Visit>) {
    let mut until = Moment(i64::MIN);
    visits.retain(|visit| {
        if visit.start < until {
            return false;
        }
        if let Some(stay) = &visit.stay {
            until = stay.discharged.map_or(Moment(i64::MAX), |end| end.after_minutes(24 * 60));
        }
        true
    });
}

struct Living<'w> {
    world: &'w World,
    person: &'w Person,
    random: &'w mut Random,
    life: Life,
    ills: Vec<Ill>,
}

impl Living<'_> {
    fn years(&self) -> f64 {
        f64::from(self.world.today.0 - self.world.first.0) / 365.25
    }

    fn fall_ill(&mut self) {
        let (data, today) = (self.world.data, self.world.today);
        for condition in data.conditions.iter().filter(|condition| condition.kind == Course::Chronic) {
            let share = condition.share_at(self.person.age(today), self.person.sex);
            let is_hero = self.person.role == Role::Hero;
            let hero_has = is_hero && matches!(&*condition.id, "hypertension" | "type-2-diabetes");
            // Drawn in any case, so that a change of one share moves nobody else's fate.
            let draw = self.random.unit();
            let months = self.random.between(2, 110);
            let own = self.random.normal();
            if hero_has || (!is_hero && draw < share) {
                let since = if is_hero { self.world.first.0 - 500 } else { today.0 - months * 30 };
                self.ills.push(Ill { condition, since: Day(since), own: if is_hero { 0.3 } else { own } });
            }
        }
    }

    /// A place by the condition's weights. Whoever lives in a village goes to its clinic as often as to the township hospital.
    fn place(&mut self, weights: [f64; 3]) -> Place {
        let at = self.random.unit() * weights.iter().sum::<f64>();
        if at < weights[0] {
            Place::City
        } else if at < weights[0] + weights[1] {
            Place::County(usize::from(self.random.chance(0.3)))
        } else {
            let (township, village) = self.world.clinics_of(self.person.town, self.person.village);
            Place::Primary(if self.random.chance(0.45) { township } else { village })
        }
    }

    /// A moment of the day at which people are seen; few come in the evening.
    fn hour(&mut self, day: Day) -> Moment {
        let hour = if self.random.chance(0.06) { self.random.between(17, 19) } else { self.random.between(8, 16) };
        day.at(hour, self.random.between(0, 59))
    }

    fn chronic_visits(&mut self) {
        for at in 0..self.ills.len() {
            let condition = self.ills[at].condition;
            let begin = self.ills[at].since.max(self.world.first);
            let days = self.world.today.0 - begin.0;
            let is_hero = self.person.role == Role::Hero;
            let wanted = condition.visits_per_year * f64::from(days) / 365.25 * (0.5 + self.random.unit());
            let count = (wanted.round() as i32).max(1);
            for number in 0..count {
                let middle = begin.0 + days * number / count.max(1) + days / count.max(1) / 2;
                let jitter = (days / count.max(1) / 3).max(1);
                let day = Day(middle + self.random.between(-jitter, jitter));
                // The hero is known at all three.
                let place = match (is_hero, number % 3) {
                    (true, 0) => Place::City,
                    (true, 1) => Place::County(0),
                    _ => self.place(condition.places),
                };
                let start = self.hour(day);
                let stay = condition.stay.as_ref().is_some_and(|stay| self.random.chance(stay.share));
                let stays = stay && !matches!(place, Place::Primary(_)) && !is_hero;
                let visit = self.visit(place, start, condition, stays);
                self.life.visits.push(visit);
            }
        }
    }

    fn acute_visits(&mut self) {
        let data = self.world.data;
        for condition in data.conditions.iter().filter(|condition| condition.kind == Course::Acute) {
            let rate = condition.share_at(self.person.age(self.world.today), self.person.sex) * self.years();
            let mut left = rate;
            while left > 0.0 {
                let happens = self.random.chance(left.min(1.0));
                left -= 1.0;
                if !happens {
                    continue;
                }
                let day = Day(self.random.between(self.world.first.0, self.world.today.0));
                let place = self.place(condition.places);
                let start = self.hour(day);
                let stays = condition.stay.as_ref().is_some_and(|stay| self.random.chance(stay.share))
                    && !matches!(place, Place::Primary(_));
                let visit = self.visit(place, start, condition, stays);
                self.life.visits.push(visit);
            }
        }
    }

    /// Children of the house who were born in the time of the history were carried; a few women are pregnant now.
    fn pregnancies(&mut self, house: &[Person]) {
        let Some(condition) = self.world.data.conditions.iter().find(|known| known.kind == Course::Pregnancy) else {
            return;
        };
        let is_mother = house.get(1).is_some_and(|mother| mother.index == self.person.index);
        let births: Vec<Day> = house.iter().filter(|child| child.newborn.is_some()).map(|child| child.birth).collect();
        if is_mother {
            let mut known = Vec::new();
            for birth in births.iter().filter(|birth| **birth > self.world.first) {
                if !known.contains(birth) {
                    known.push(*birth);
                    self.carry(condition, *birth, true);
                }
            }
        }
        let share = condition.share_at(self.person.age(self.world.today), self.person.sex);
        if births.is_empty() && self.person.sex == 2 && self.random.chance(share * 0.75) {
            let due = Day(self.world.today.0 + self.random.between(10, 240));
            self.carry(condition, due, false);
        }
        if let Some(newborn) = self.person.newborn.clone().filter(|_| self.person.birth > self.world.first) {
            self.born(condition, &newborn.first_name);
        }
    }

    /// Where a child is born: the whole family agrees, so it depends on the day only.
    fn maternity(&self, birth: Day) -> Place {
        if self.person.town == 1 || birth.0 % 10 < 4 { Place::City } else { Place::County(0) }
    }

    fn carry(&mut self, condition: &'static Condition, birth: Day, is_born: bool) {
        let place = self.maternity(birth);
        for week in [8, 12, 16, 20, 24, 28, 32, 36] {
            let day = Day(birth.0 - (40 - week) * 7 + self.random.between(-2, 2));
            let start = self.hour(day);
            let mut visit = self.visit(place, start, condition, false);
            let words = week.to_string();
            visit.complaint = condition.complaint.first().map(|text| text.replace("{w}", &words)).unwrap_or_default();
            visit.history = condition.history.first().map(|text| text.replace("{w}", &words)).unwrap_or_default();
            self.life.visits.push(visit);
        }
        if let (true, Some(delivery)) = (is_born, &condition.delivery) {
            let start = birth.at(1, 10);
            let mut visit = self.visit(place, start, condition, false);
            visit.diagnosis = (&delivery.code, &delivery.name);
            "停经40周，阵发性下腹痛3小时".clone_into(&mut visit.complaint);
            "孕期定期产检，今日出现规律宫缩，见红。".clone_into(&mut visit.history);
            let days = self.random.between(delivery.days[0], delivery.days[1]);
            visit.stay = Some(Stay {
                discharged: Some(Day(birth.0 + days).at(9, 30)),
                bed: self.random.between(1, 40),
                room: self.random.between(301, 318),
                course: "入院后自然分娩，产后子宫收缩好，阴道流血少，予产后护理。",
                outcome: "产后恢复良好，会阴愈合好。",
                procedure: None,
                fee_cents: (delivery.fee * 100.0) as i64,
                discharge_taken_back: None,
            });
            visit.fate = Fate::Kept;
            self.life.visits.push(visit);
        }
    }

    /// The first days of a newborn, under its mother's number.
    fn born(&mut self, condition: &'static Condition, first_name: &str) {
        let Some(delivery) = &condition.delivery else { return };
        let place = self.maternity(self.person.birth);
        let start = self.person.birth.at(6, 20);
        let mut visit = self.visit(place, start, condition, false);
        visit.department = self.world.department(place, "新生儿科");
        visit.diagnosis = (&delivery.newborn_code, &delivery.newborn_name);
        visit.complaint = format!("{first_name}，出生后观察");
        "足月顺产，生后哭声好，阿氏评分10分。".clone_into(&mut visit.history);
        visit.exam = "反应好，皮肤红润，呼吸平稳，心音有力，脐部干燥。";
        visit.advice = "母乳喂养，注意保暖，一周后访视。";
        visit.reports.clear();
        visit.examinations.clear();
        visit.medicines.clear();
        visit.fate = Fate::Kept;
        visit.is_newborn = true;
        visit.vitals.temperature = 36.6;
        let days = self.random.between(delivery.days[0], delivery.days[1]);
        visit.stay = Some(Stay {
            discharged: Some(Day(self.person.birth.0 + days).at(9, 40)),
            bed: self.random.between(1, 30),
            room: self.random.between(401, 408),
            course: "予新生儿护理、筛查、预防接种。",
            outcome: "反应好，吃奶好。",
            procedure: None,
            fee_cents: 86_000,
            discharge_taken_back: None,
        });
        self.life.visits.push(visit);
    }

    /// Some adults sit in the city hospital this morning, some lie in it.
    fn today(&mut self) {
        let (data, today) = (self.world.data, self.world.today);
        let is_hero = self.person.role == Role::Hero;
        let is_known = self.ills.first().map(|ill| ill.condition);
        let draws = (self.random.unit(), self.random.unit());
        let Some(condition) = is_known.filter(|_| self.person.age(today) >= 18) else { return };
        if is_hero || draws.0 < data.event_rate("today_outpatient") {
            let start = today.at(8, self.random.between(5, 55));
            let mut visit = self.visit(Place::City, start, condition, false);
            visit.fate = Fate::Kept;
            visit.refund_after_days = None;
            self.life.visits.push(visit);
        } else if let (Some(condition), true) = (self.bedridden(), draws.1 < data.event_rate("today_inpatient")) {
            let start = Day(today.0 - self.random.between(1, 5)).at(10, self.random.between(0, 50));
            let mut visit = self.visit(Place::City, start, condition, true);
            visit.fate = Fate::Kept;
            if let Some(stay) = &mut visit.stay {
                stay.discharged = None;
                stay.discharge_taken_back = None;
                stay.procedure = None;
                self.life.visits.push(visit);
            }
        }
    }

    /// Found on the road and brought to the emergency room without a name; most get it back, some of them months later.
    fn found(&mut self) {
        let (data, today) = (self.world.data, self.world.today);
        let mut chance = Random::of(self.world.seed, 14, u64::from(self.person.index));
        let is_chosen = self.person.role == Role::Unknown;
        let happens = chance.chance(data.event_rate("unknown_person")) && self.person.age(today) >= 16;
        let condition = data.conditions.iter().find(|condition| condition.id == "fracture");
        let Some(condition) = condition.filter(|_| is_chosen || (happens && self.person.role == Role::None)) else {
            return;
        };
        let day = Day(today.0 - chance.between(60, 330));
        let start = day.at(chance.between(20, 22), chance.between(0, 59));
        // Whoever is found on the road does not lie in a bed, and was nowhere else that day.
        self.life.visits.retain(|visit| visit.stay.is_none() || visit.start.day().0 > day.0 + 10);
        self.life.visits.retain(|visit| visit.start.day() != day);
        let mut visit = self.visit(Place::City, start, condition, false);
        visit.department = self.world.department(Place::City, "急诊医学科");
        visit.fate = Fate::Kept;
        visit.refund_after_days = None;
        visit.amended = None;
        for report in &mut visit.reports {
            report.correction = None;
            report.is_preliminary_sent = false;
        }
        let later = if chance.chance(0.3) { chance.between(60, 200) } else { chance.between(1, 9) };
        let at = Day(day.0 + later).at(15, chance.between(0, 59));
        let draw = chance.below(10);
        let identified = match draw {
            _ if is_chosen => Identified::Merged(at),
            0..=3 => Identified::Merged(at),
            4..=7 => Identified::Updated(at),
            _ => Identified::Never,
        };
        visit.unknown = Some(if at > self.world.now() { Identified::Never } else { identified });
        self.life.visits.push(visit);
    }

    /// What somebody could lie in a hospital for.
    fn bedridden(&self) -> Option<&'static Condition> {
        self.ills.iter().map(|ill| ill.condition).find(|condition| condition.stay.is_some())
    }

    /// Contracts, follow-ups, and the yearly check of the elder.
    fn care(&mut self) {
        let data = self.world.data;
        let (township, village) = self.world.clinics_of(self.person.town, self.person.village);
        let followed: Vec<(&'static str, Day)> = self
            .ills
            .iter()
            .filter(|ill| !ill.condition.follow_up.is_empty())
            .map(|ill| (ill.condition.follow_up.as_str(), ill.since))
            .collect();
        let is_hero = self.person.role == Role::Hero;
        if !followed.is_empty() && (is_hero || self.random.chance(data.event_rate("contract"))) {
            let from = Day(self.world.today.0 - self.random.between(30, 330)).at(9, 30);
            self.life.contract = Some(Contract { clinic: township, from, doctor: self.random.below(4) });
        }
        let clinic = if self.random.chance(0.5) { township } else { village };
        for (follow_up, since) in followed {
            let mut day = since.max(self.world.first).0 + self.random.between(5, 80);
            while day < self.world.today.0 {
                let at = self.hour(Day(day));
                let checkup = self.checkup(clinic, at, follow_up);
                self.life.checkups.push(checkup);
                day += self.random.between(80, 105);
            }
        }
        if self.person.age(self.world.today) >= 65 && self.random.chance(data.event_rate("checkup")) {
            let mut day = self.world.first.0 + self.random.between(10, 300);
            while day < self.world.today.0 {
                let at = Day(day).at(8, self.random.between(0, 59));
                let checkup = self.checkup(township, at, "");
                self.life.checkups.push(checkup);
                day += self.random.between(350, 380);
            }
        }
    }

    fn checkup(&mut self, clinic: usize, at: Moment, follow_up: &'static str) -> Checkup {
        let vitals = self.vitals(at.day(), None);
        let height_cm = if self.person.sex == 1 { 168.0 } else { 157.0 } + f64::from(self.person.index % 13) - 6.0;
        let weight_kg = (height_cm - 100.0) * (0.88 + f64::from(self.person.index % 29) / 100.0) + self.random.normal();
        let glucose = self.world.data.analyte("GLU").map_or(5.2, |glucose| self.measure(glucose, at.day(), None).value);
        Checkup {
            clinic,
            at,
            follow_up,
            vitals,
            height_cm,
            weight_kg: (weight_kg * 10.0).round() / 10.0,
            glucose: (glucose * 10.0).round() / 10.0,
        }
    }

    fn vitals(&mut self, day: Day, condition: Option<&Condition>) -> Vitals {
        let age = f64::from(self.person.age(day).max(1));
        let mut systolic = if age < 14.0 { 88.0 + age * 1.6 } else { 112.0 + age * 0.22 };
        for ill in &self.ills {
            if let Some([found, treated]) = ill.condition.pressure {
                let months = f64::from(day.0 - ill.since.0).max(0.0) / 30.0;
                systolic = treated + (found - treated) * (-months / 8.0).exp() + ill.own * 6.0;
            }
        }
        systolic += self.random.normal() * 6.0;
        let diastolic = systolic * 0.58 + 6.0 + self.random.normal() * 3.0;
        let child = (14.0 - age).max(0.0);
        let fever = condition.and_then(|condition| condition.temperature);
        let temperature = fever.unwrap_or(36.5) + self.random.normal() * 0.15;
        Vitals {
            temperature: (temperature * 10.0).round() / 10.0,
            pulse: (74.0 + child * 3.0 + (temperature - 36.5) * 10.0 + self.random.normal() * 6.0) as i32,
            breaths: (17.0 + child * 0.6 + self.random.normal()) as i32,
            systolic: systolic as i32,
            diastolic: diastolic.min(systolic - 20.0) as i32,
        }
    }

    /// A value of this person on a day: healthy, or on its way under treatment.
    fn measure(&mut self, analyte: usize, day: Day, attack: Option<&Condition>) -> Measured {
        let known = &self.world.data.laboratory.analyte[analyte];
        let noise = self.random.normal();
        if !known.word.is_empty() {
            let all = self.ills.iter().map(|ill| ill.condition).chain(attack);
            let word = all.flat_map(|condition| &condition.words).find(|(code, _)| *code == known.code);
            let odd = self.random.chance(0.04) && known.word.len() > 2;
            let word = word.map_or(usize::from(odd), |(_, word)| *word);
            return Measured { analyte, value: 0.0, word: Some(word) };
        }
        let mean = known.mean[usize::from(self.person.sex == 2)];
        // The same person is always a little above or below.
        let own = f64::from((self.person.index.wrapping_mul(2_654_435_761).wrapping_add(analyte as u32 * 97)) % 200);
        let mut value = mean + (own / 100.0 - 1.0) * known.spread * 0.7 + noise * known.spread * 0.45;
        if let Some(shift) = attack.and_then(|condition| shift_of(condition, &known.code)) {
            value = shift.from + noise * shift.spread;
        }
        for ill in &self.ills {
            if let Some(shift) = shift_of(ill.condition, &known.code) {
                let months = f64::from(day.0 - ill.since.0) / 30.4;
                if months >= 0.0 {
                    let left = (-months * 3.0 / shift.months).exp();
                    value = shift.to + (shift.from - shift.to) * left + (ill.own * 0.8 + noise * 0.5) * shift.spread;
                }
            }
        }
        Measured { analyte, value: value.max(known.low * 0.2).max(0.01), word: None }
    }

    fn visit(&mut self, place: Place, start: Moment, condition: &'static Condition, stays: bool) -> Visit {
        let data = self.world.data;
        let department = self.world.department(place, &condition.department);
        let numbers = (self.random.between(1, 6), self.random.between(2, 10), self.random.between(1, 5));
        let words = |text: &str| {
            text.replace("{n}", &numbers.0.to_string())
                .replace("{d}", &numbers.2.to_string())
                .replace("{w}", &numbers.1.to_string())
        };
        let complaint = condition.complaint[self.random.below(condition.complaint.len())].clone();
        let history = condition.history[self.random.below(condition.history.len())].clone();
        let vitals = self.vitals(start.day(), Some(condition));
        let tcm = condition.tcm.as_ref().filter(|tcm| self.random.chance(tcm.share));
        let is_clinic = matches!(place, Place::Primary(clinic) if self.world.clinics[clinic].village.is_some());
        let reports = if is_clinic { Vec::new() } else { self.reports(start, condition, stays) };
        let mut examinations = Vec::new();
        for (id, share) in &condition.examinations {
            let wanted = self.random.chance(if stays { share.max(0.6) } else { *share });
            let known = data.laboratory.examination.iter().find(|known| known.id == *id);
            examinations.extend(known.filter(|_| wanted && !is_clinic && !matches!(place, Place::Primary(_))));
        }
        let mut medicines = Vec::new();
        for (id, share) in &condition.medicines {
            let wanted = self.random.chance(*share);
            let known = data.medicines.iter().find(|known| known.id == *id);
            let days = if condition.kind == Course::Chronic { 28 } else { self.random.between(3, 7) };
            let allergic =
                |medicine: &Medicine| !medicine.allergen.is_empty() && self.person.allergy == medicine.allergen;
            medicines.extend(known.filter(|known| wanted && !allergic(known)).map(|known| (known, days)));
        }
        let stay = condition.stay.as_ref().filter(|_| stays).map(|plan| self.stay(plan, start));
        let rate = if stay.is_some() { "admission_cancelled" } else { "cancelled" };
        let is_cancelled = self.random.chance(data.event_rate(rate));
        let minutes = self.random.between(15, 90);
        let refund = self.random.chance(data.event_rate("refunded")).then(|| self.random.between(2, 60));
        let is_changed = self.random.chance(data.event_rate("record_changed"));
        let is_withdrawn = self.random.chance(data.event_rate("record_withdrawn"));
        Visit {
            place,
            start,
            department,
            doctor: self.random.below(6),
            diagnosis: (&condition.code, &condition.name),
            complaint: words(&complaint),
            history: words(&history),
            exam: &condition.exam[self.random.below(condition.exam.len())],
            advice: &condition.advice[self.random.below(condition.advice.len())],
            vitals,
            reports,
            examinations,
            medicines,
            tcm,
            stay,
            fate: if is_cancelled { Fate::Cancelled(minutes) } else { Fate::Kept },
            refund_after_days: refund,
            amended: (is_changed || is_withdrawn).then(|| (self.random.between(60, 3_000), is_withdrawn)),
            is_borrowed: false,
            unknown: None,
            is_newborn: false,
        }
    }

    /// A stay in bed by its plan.
    fn stay(&mut self, plan: &'static StayPlan, start: Moment) -> Stay {
        let hours = if self.random.chance(0.03) { 20 } else { 24 * self.random.between(plan.days[0], plan.days[1]) };
        let discharged = start.after_minutes(hours * 60 + self.random.between(-60, 90));
        let procedure = (!plan.procedure.is_empty() && hours > 24)
            .then(|| (plan.procedure.as_str(), plan.procedure_name.as_str(), start.after_minutes(20 * 60)));
        let fee = plan.fee * 100.0 + f64::from(hours / 24 + 1) * (42_000.0 + self.random.unit() * 20_000.0);
        let taken_back = self.random.chance(self.world.data.event_rate("discharge_cancelled"));
        Stay {
            discharged: Some(discharged),
            bed: self.random.between(1, 42),
            room: self.random.between(1, 14) + 500,
            course: &plan.course,
            outcome: &plan.outcome,
            procedure,
            fee_cents: fee as i64,
            discharge_taken_back: taken_back.then(|| self.random.between(40, 200)),
        }
    }

    fn reports(&mut self, start: Moment, condition: &'static Condition, stays: bool) -> Vec<Report> {
        let data = self.world.data;
        let mut reports = Vec::new();
        for (id, share) in &condition.panels {
            let is_hero = self.person.role == Role::Hero && id == "hba1c";
            let wanted = self.random.chance(if stays { share.max(0.8) } else { *share }) || is_hero;
            let Some(panel) = data.laboratory.panel.iter().find(|known| known.id == *id).filter(|_| wanted) else {
                continue;
            };
            let attack = (condition.kind != Course::Chronic).then_some(condition);
            let mut results = Vec::with_capacity(panel.analytes.len());
            for analyte in panel.analytes.iter().filter_map(|code| data.analyte(code)) {
                results.push(self.measure(analyte, start.day(), attack));
            }
            let sampled = start.after_minutes(self.random.between(20, 70));
            let reported = sampled.after_minutes(self.random.between(45, 300));
            let is_corrected =
                self.random.chance(data.event_rate("corrected")) && results.first().is_some_and(|it| it.word.is_none());
            let correction = is_corrected.then(|| {
                let later = reported.after_minutes(self.random.between(300, 4_000));
                let right = results.first().map_or(0.0, |first| first.value * (0.9 + self.random.unit() * 0.06));
                (later, right)
            });
            let is_preliminary_sent = self.random.chance(data.event_rate("preliminary"));
            let correction = correction.filter(|(later, _)| *later <= self.world.now());
            reports.push(Report { panel, results, sampled, reported, correction, is_preliminary_sent });
        }
        reports
    }
}

fn shift_of<'c>(condition: &'c Condition, code: &str) -> Option<&'c Shift> {
    condition.shift.iter().find(|shift| shift.analyte == code)
}
