//! Households of invented people. What is hard about linking happens inside a house: the same surname, address and telephone,
//! twins with neighbouring numbers, a newborn under its mother's number, a borrowed card.

use crate::data::Data;
use crate::day::Day;
use crate::random::Random;

/// An invented person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Position in the city, from 0.
    pub index: u32,
    pub name: String,
    /// 1 male, 2 female.
    pub sex: u8,
    pub birth: Day,
    /// 公民身份号码.
    pub identity: String,
    pub phone: String,
    pub town: usize,
    pub village: usize,
    /// Street and house as people write it.
    pub door: String,
    pub marital: (&'static str, &'static str),
    pub occupation: (&'static str, &'static str),
    /// What somebody is allergic to; empty: nothing.
    pub allergy: &'static str,
    /// Which part the person plays in the tour.
    pub role: Role,
    /// The mother's position in the household.
    pub mother: Option<usize>,
    /// The baby of somebody who is pregnant in the time of the city's history is born in it, and lies in its mother's household.
    pub newborn: Option<Newborn>,
}

/// A birth inside the time of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newborn {
    /// 李红之子, 李红之大女.
    pub first_name: String,
    /// 1 or 2 among twins, 0 alone.
    pub order: u8,
}

/// Fixed people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Anybody.
    None,
    /// The diabetic with hypertension who is known at all three senders.
    Hero,
    /// Whose card is borrowed.
    CardLender,
    /// Who borrows it.
    CardBorrower,
    /// A mother with a newborn.
    Mother,
    /// Who is found unconscious and has no name for some days.
    Unknown,
}

impl Person {
    /// Age in years on a day.
    pub fn age(&self, day: Day) -> i32 {
        self.birth.years_until(day)
    }

    /// 男 or 女 as GB/T 2261.1 writes it.
    pub fn sex_word(&self) -> &'static str {
        if self.sex == 1 { "男性" } else { "女性" }
    }
}

/// Makes households one after the other: numbers are given out in order, so it cannot be asked for one in the middle.
pub(crate) struct Families {
    data: &'static Data,
    today: Day,
    seed: u64,
    next_person: u32,
    next_household: u64,
    /// How many numbers of a birth date are given out: 0 for men, 1 for women. One entry per day of a hundred years.
    given: Vec<[u16; 2]>,
    first_day: Day,
    years: i32,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

impl Families {
    pub fn new(data: &'static Data, today: Day, years: i32, seed: u64) -> Self {
        let first_day = Day(today.0 - 102 * 366);
        let days = usize::try_from(today.0 - first_day.0 + 2).unwrap_or(0);
        Self { data, today, seed, next_person: 0, next_household: 0, given: vec![[0; 2]; days], first_day, years }
    }

    /// The next household; `None` when `people` are there.
    pub fn next(&mut self, people: u32) -> Option<(u64, Vec<Person>)> {
        if self.next_person >= people {
            return None;
        }
        let number = self.next_household;
        self.next_household += 1;
        let mut random = Random::of(self.seed, 1, number);
        let mut house = match number {
            0 => self.heroes(&mut random),
            1 => self.lenders(&mut random),
            2 => self.young_family(&mut random),
            _ => self.family(&mut random),
        };
        let room = usize::try_from(people - self.next_person).unwrap_or(usize::MAX);
        if number > 2 {
            house.truncate(room.max(1));
        }
        self.settle(&mut house, &mut random);
        Some((number, house))
    }

    /// Address, telephone and numbers of a household.
    fn settle(&mut self, house: &mut [Person], random: &mut Random) {
        let towns = &self.data.city.town;
        let mut at = random.unit();
        let town = towns.iter().position(|town| {
            at -= town.share;
            at < 0.0
        });
        let mut town = town.unwrap_or(0);
        if house.first().is_some_and(|person| person.role != Role::None) {
            town = 1;
        }
        let village = random.below(towns[town].villages.len());
        let streets = &towns[town].streets;
        let street = if streets.is_empty() || random.chance(0.5) {
            String::new()
        } else {
            streets[random.below(streets.len())].clone()
        };
        let door = format!("{street}{}号", random.between(1, 320));
        let shared = self.next_person;
        for person in house.iter_mut() {
            person.index = self.next_person;
            self.next_person += 1;
            (person.town, person.village) = (town, village);
            person.door.clone_from(&door);
            let age = person.birth.years_until(self.today);
            let own = (14..70).contains(&age) || random.chance(0.4);
            // 100, then eight digits that no two people share unless they share the telephone.
            person.phone = format!("100{:08}", u64::from(if own { person.index } else { shared }) + 1_000);
            person.identity = self.identity(person.birth, person.sex);
        }
    }

    /// A number that nobody else has; its 17th digit is odd for men.
    fn identity(&mut self, birth: Day, sex: u8) -> String {
        let at = usize::try_from(birth.0 - self.first_day.0).unwrap_or(0).min(self.given.len() - 1);
        let given = &mut self.given[at][usize::from(sex == 2)];
        // From 001: 000 is never given out. Men get odd numbers.
        let sequence = (*given % 499) * 2 + u16::from(sex == 1) + if sex == 1 { 0 } else { 2 };
        *given += 1;
        let body = format!("{}{}{:03}", self.data.city.region, birth.digits(), sequence.min(999));
        let sum: u32 = body.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        let check = b"10X98765432"[(sum % 11) as usize];
        format!("{body}{}", char::from(check))
    }

    fn surname(&self, random: &mut Random) -> String {
        let all: Vec<char> = self.data.city.names.surnames.chars().collect();
        // The first of the list are the frequent ones.
        let at = (random.unit() * random.unit() * all.len() as f64) as usize;
        all.get(at).map(ToString::to_string).unwrap_or_default()
    }

    fn given(&self, sex: u8, random: &mut Random) -> String {
        let names = &self.data.city.names;
        if sex == 1 && random.chance(0.02) {
            return names.rare_male[random.below(names.rare_male.len())].clone();
        }
        if random.chance(0.002) {
            return names.rare_four_byte.clone();
        }
        let list = if sex == 1 { &names.male } else { &names.female };
        list[random.below(list.len())].clone()
    }

    fn person(&self, name: String, sex: u8, birth: Day, random: &mut Random) -> Person {
        let age = birth.years_until(self.today);
        let marital = match age {
            0..=21 => ("10", "未婚"),
            22..=29 if random.chance(0.5) => ("10", "未婚"),
            70.. if random.chance(0.3) => ("30", "丧偶"),
            _ => ("20", "已婚"),
        };
        let occupation = match age {
            0..=6 => ("70", "无业人员"),
            7..=21 => ("31", "学生"),
            60.. => ("80", "退（离）休人员"),
            _ => *random
                .one(&[
                    &("27", "农民"),
                    &("24", "工人"),
                    &("13", "专业技术人员"),
                    &("17", "职员"),
                    &("54", "个体经营者"),
                ])
                .unwrap_or(&("27", "农民")),
        };
        let allergy = match random.below(100) {
            0..=2 => "青霉素",
            3 => "头孢类",
            4 => "磺胺类",
            5 => "海鲜",
            _ => "",
        };
        Person {
            index: 0,
            name,
            sex,
            birth,
            identity: String::new(),
            phone: String::new(),
            town: 0,
            village: 0,
            door: String::new(),
            marital,
            occupation,
            allergy,
            role: Role::None,
            mother: None,
            newborn: None,
        }
    }

    fn family(&self, random: &mut Random) -> Vec<Person> {
        let head = Day(self.today.0 - random.between(24 * 365, 84 * 365));
        let surname = self.surname(random);
        let mut house = Vec::new();
        let husband = format!("{surname}{}", self.given(1, random));
        house.push(self.person(husband, 1, head, random));
        if random.chance(0.15) {
            return house;
        }
        let wife_birth = Day((head.0 + random.between(-2 * 365, 4 * 365)).min(self.today.0 - 21 * 365));
        let wife = format!("{}{}", self.surname(random), self.given(2, random));
        house.push(self.person(wife, 2, wife_birth, random));
        let mut birth = Day(wife_birth.0 + random.between(21 * 365, 31 * 365));
        for _ in 0..random.below(3) {
            if birth > self.today || birth.years_until(self.today) > 45 {
                break;
            }
            let twins = random.chance(0.012);
            self.child(&surname, birth, u8::from(twins), &mut house, random);
            if twins {
                self.child(&surname, birth, 2, &mut house, random);
            }
            birth = Day(birth.0 + random.between(500, 6 * 365));
        }
        if random.chance(0.25) {
            let birth = Day(head.0 - random.between(22 * 365, 30 * 365));
            if birth.years_until(self.today) < 95 {
                let name = format!("{}{}", self.surname(random), self.given(2, random));
                house.push(self.person(name, 2, birth, random));
            }
        }
        house
    }

    /// A child of the first two of the house. Born inside the history, it begins under its mother's number.
    fn child(&self, surname: &str, birth: Day, order: u8, house: &mut Vec<Person>, random: &mut Random) {
        let sex = 1 + u8::from(random.chance(0.48));
        let name = format!("{surname}{}", self.given(sex, random));
        let mut child = self.person(name, sex, birth, random);
        child.mother = Some(1);
        if birth.years_until(self.today) < self.years && birth.0 < self.today.0 - 40 {
            let word = match (order, sex) {
                (0, 1) => "之子",
                (0, _) => "之女",
                (1, 1) => "之大子",
                (1, _) => "之大女",
                (_, 1) => "之小子",
                (_, _) => "之小女",
            };
            let mother = house.get(1).map(|mother| mother.name.clone()).unwrap_or_default();
            child.newborn = Some(Newborn { first_name: format!("{mother}{word}"), order });
        }
        house.push(child);
    }

    fn heroes(&self, random: &mut Random) -> Vec<Person> {
        let people = &self.data.city.characters;
        let years = people.hero_birth_years_ago;
        let birth = Day(self.today.0 - years * 365 - years / 4 - 100);
        let mut hero = self.person(people.hero.clone(), 1, birth, random);
        hero.role = Role::Hero;
        hero.allergy = "青霉素";
        hero.marital = ("20", "已婚");
        let wife_birth = Day(birth.0 + 400);
        let wife_name = format!("{}桂兰", self.surname(random));
        let mut wife = self.person(wife_name, 2, wife_birth, random);
        wife.allergy = "";
        vec![hero, wife]
    }

    fn lenders(&self, random: &mut Random) -> Vec<Person> {
        let people = &self.data.city.characters;
        let lender_birth = Day(self.today.0 - 24_300);
        let mut lender = self.person(people.card_lender.clone(), 2, lender_birth, random);
        lender.role = Role::CardLender;
        let mut borrower = self.person(people.card_borrower.clone(), 2, Day(self.today.0 - 14_300), random);
        borrower.role = Role::CardBorrower;
        vec![lender, borrower]
    }

    fn young_family(&self, random: &mut Random) -> Vec<Person> {
        let father_name = format!("王{}", self.given(1, random));
        let mut father = self.person(father_name, 1, Day(self.today.0 - 31 * 365), random);
        father.role = Role::Unknown;
        let mother_birth = Day(self.today.0 - 29 * 365);
        let mut mother = self.person(self.data.city.characters.mother.clone(), 2, mother_birth, random);
        mother.role = Role::Mother;
        let mut house = vec![father, mother];
        self.child("王", Day(self.today.0 - 420), 0, &mut house, random);
        house
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_and_nobody_elses() {
        let data: &'static Data = Box::leak(Box::new(Data::load().unwrap()));
        let mut families = Families::new(data, Day::of(2026, 11, 22), 3, 7);
        let mut seen = std::collections::HashSet::new();
        let mut people = 0;
        while let Some((_, house)) = families.next(3_000) {
            for person in &house {
                people += 1;
                assert!(seen.insert(person.identity.clone()), "{}", person.identity);
                assert!(person.identity.starts_with("990121") && person.identity.len() == 18);
                assert_eq!(&person.identity[6..14], person.birth.digits());
                let odd = (person.identity.as_bytes()[16] - b'0') % 2 == 1;
                assert_eq!(odd, person.sex == 1);
                assert!(person.phone.starts_with("100") && person.phone.len() == 11);
            }
        }
        assert!((3_000..3_010).contains(&people), "{people}");
    }
}
