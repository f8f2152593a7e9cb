//! Households of invented people. Everything that is hard about linking happens inside a house: the same surname, address
//! and telephone, numbers one apart, a mother's number on a child.

use std::collections::VecDeque;

use crate::dates::{Day, date, day, year};
use crate::names::{Form, Name, Namer};
use crate::numbers::{Number, Numbers, Other, compose};
use crate::places::Address;
use crate::profile::Profile;
use crate::random::{Random, Weighted};
use crate::tables::Tables;

/// How many strangers are remembered for namesakes and re-issued numbers.
const REMEMBERED: usize = 4_096;

/// What a person has instead of, or beside, a number of residents.
#[derive(Debug, Clone, Default)]
pub(crate) struct OtherPapers {
    pub(crate) passport: Option<String>,
    pub(crate) exit_permit: Option<String>,
    pub(crate) home_permit: Option<String>,
    pub(crate) officer: Option<String>,
    pub(crate) birth_certificate: Option<String>,
    /// Old number of the card for permanent residence (three letters and twelve digits), valid until the day.
    pub(crate) residence_before: Option<(String, Day)>,
}

/// An invented person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: Name,
    /// The name until that day.
    pub(crate) name_before: Option<(Name, Day)>,
    pub(crate) sex: u8,
    pub(crate) birth: Day,
    pub(crate) number: Option<Number>,
    /// Another valid number until that day.
    pub(crate) number_before: Option<(Number, Day)>,
    pub(crate) papers: OtherPapers,
    pub(crate) phone: Option<u64>,
    pub(crate) phone_before: Option<(u64, Day)>,
    pub(crate) home: Address,
    pub(crate) home_before: Option<(Address, Day)>,
    /// Positions in the household.
    pub(crate) mother: Option<usize>,
    pub(crate) father: Option<usize>,
    /// 大女, 小子 …: the order among those of one birth.
    pub(crate) order: Option<&'static str>,
}

/// A household.
#[derive(Debug, Default)]
pub(crate) struct Household {
    pub(crate) people: Vec<Person>,
    pub(crate) phone: Option<u64>,
    pub(crate) book: Option<String>,
}

/// Where the people of a household come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Han,
    Ethnic(&'static str),
    Foreign,
    Compatriot(&'static str),
}

/// Makes households, one after another.
#[derive(Debug)]
pub(crate) struct Families<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) profile: &'a Profile,
    pub(crate) numbers: Numbers,
    children: Weighted,
    today: Day,
    strangers: VecDeque<(Name, u8, Day, Option<Number>)>,
}

/// What the members of one household share while they are made.
#[derive(Clone, Copy)]
struct House {
    origin: Origin,
    /// County that gave the numbers.
    county: usize,
    home: Address,
}

impl<'a> Families<'a> {
    pub(crate) fn new(tables: &'a Tables, profile: &'a Profile, today: Day) -> Self {
        Self {
            tables,
            profile,
            numbers: Numbers::new(tables.places.counties.len()),
            children: Weighted::new(profile.people.children.iter().copied()),
            today,
            strangers: VecDeque::new(),
        }
    }

    fn namer(&self) -> Namer<'a> {
        Namer { tables: self.tables, rates: &self.profile.people }
    }

    /// The next household.
    pub(crate) fn next(&mut self, random: &mut Random) -> Household {
        let rates = &self.profile.people;
        let places = &self.tables.places;
        let lives_in = *random.one(&places.near);
        let from = if random.chance(rates.number_from_afar) { *random.one(&places.far) } else { lives_in };
        let house = House { origin: self.origin(random), county: from, home: places.home(lives_in, random) };
        let phone = self.numbers.phone();
        let book = self.numbers.other(Other::HouseholdBook, random);
        let mut household = Household { people: Vec::new(), phone: Some(phone), book: Some(book) };
        let head_birth = self.today - random.between(20 * 365, 86 * 365);
        if random.chance(rates.household_of_one) {
            let sex = 1 + u8::from(random.chance(0.5));
            let person = self.adult(house, sex, head_birth, None, random);
            household.people.push(person);
        } else {
            self.couple(house, head_birth, &mut household, random);
        }
        self.share_phones(&mut household, random);
        for person in &mut household.people {
            self.change_over_time(person, house, random);
        }
        household
    }

    fn origin(&self, random: &mut Random) -> Origin {
        let rates = &self.profile.people;
        let at = random.unit();
        if at < rates.ethnic {
            Origin::Ethnic(random.word(&self.tables.peoples))
        } else if at < rates.ethnic + rates.foreign {
            Origin::Foreign
        } else if at < rates.ethnic + rates.foreign + rates.compatriot {
            Origin::Compatriot(random.word(&["810000", "810000", "820000", "830000"]))
        } else {
            Origin::Han
        }
    }

    fn couple(&mut self, house: House, head_birth: Day, household: &mut Household, random: &mut Random) {
        let rates = &self.profile.people;
        let wife_birth = (head_birth + random.between(-3 * 365, 5 * 365)).min(self.today - 19 * 365);
        let husband = self.adult(house, 1, head_birth, None, random);
        let wife = self.adult(house, 2, wife_birth, None, random);
        let surname = husband.name.surname.clone();
        let ages = (random.between(22 * 365, 33 * 365), random.between(22 * 365, 33 * 365));
        let old = |birth: Day| birth > day(1917, 1, 1);
        let grandfather = (random.chance(rates.grandparent) && old(head_birth - ages.0))
            .then(|| self.adult(house, 1, head_birth - ages.0, Some(&surname), random));
        let grandmother = (random.chance(rates.grandparent) && old(head_birth - ages.1))
            .then(|| self.adult(house, 2, head_birth - ages.1, None, random));
        household.people.extend([husband, wife]);
        self.children_of(house, household, random);
        household.people.extend(grandfather);
        household.people.extend(grandmother);
    }

    fn children_of(&mut self, house: House, household: &mut Household, random: &mut Random) {
        let rates = &self.profile.people;
        let mother_birth = household.people[1].birth;
        let generation = random.chance(rates.shared_generation).then(|| {
            let born = year(mother_birth) + 26;
            self.namer().character(1 + u8::from(random.chance(0.5)), born, true, random)
        });
        let mut birth = mother_birth + random.between(20 * 365, 35 * 365);
        for _ in 0..self.children.pick(random) {
            if birth > self.today {
                break;
            }
            let at_once = if random.chance(rates.triplets) { 3 } else { 1 + usize::from(random.chance(rates.twins)) };
            self.birth(house, birth, at_once, generation, household, random);
            birth += random.between(400, 6 * 365);
        }
    }

    /// Children of one birth: one, twins, triplets.
    fn birth(
        &mut self,
        house: House,
        birth: Day,
        at_once: usize,
        generation: Option<char>,
        household: &mut Household,
        random: &mut Random,
    ) {
        let first_sex = 1 + u8::from(random.chance(0.48));
        let one_sex = random.chance(self.profile.people.one_sex_twins);
        let sexes: Vec<u8> = (0..at_once)
            .map(|order| if order == 0 || one_sex { first_sex } else { 1 + u8::from(random.chance(0.5)) })
            .collect();
        let odd: Vec<bool> = sexes.iter().map(|sex| *sex == 1).collect();
        let twins = at_once > 1;
        let mut numbers = Vec::new();
        if twins && matches!(house.origin, Origin::Han | Origin::Ethnic(_)) {
            let county = self.tables.places.county_of_number(house.county, year(birth), random);
            numbers = self.numbers.twins(county, self.tables.places.counties[county].code, birth, &odd, random);
        }
        // Twins share a character far more often than other brothers and sisters.
        let generation = generation.or_else(|| {
            (twins && random.chance(0.5)).then(|| self.namer().character(first_sex, year(birth), true, random))
        });
        for (order, sex) in sexes.iter().enumerate() {
            let (father, mother) = (&household.people[0].name, &household.people[1].name);
            let name = self.child_name(house, *sex, birth, generation, (father, mother), random);
            let mut child = self.person(house, name, *sex, birth, numbers.get(order).copied(), random);
            child.father = Some(0);
            child.mother = Some(1);
            if twins {
                child.order = Some(order_word(order, at_once, *sex));
            }
            if birth > day(1996, 1, 1) {
                child.papers.birth_certificate = Some(self.numbers.other(Other::BirthCertificate, random));
            }
            household.people.push(child);
        }
    }

    fn child_name(
        &self,
        house: House,
        sex: u8,
        birth: Day,
        generation: Option<char>,
        parents: (&Name, &Name),
        random: &mut Random,
    ) -> Name {
        let namer = self.namer();
        let (father, mother) = parents;
        match house.origin {
            Origin::Ethnic(people) => namer.ethnic(people, sex, Some(father), random),
            Origin::Foreign => namer.latin(Some(&father.surname), sex, random),
            Origin::Han | Origin::Compatriot(_) => {
                let surname = if random.chance(0.97) { &father.surname } else { &mother.surname };
                namer.han(surname, sex, year(birth), generation, Some(&mother.surname), random)
            }
        }
    }

    fn adult(&mut self, house: House, sex: u8, birth: Day, surname: Option<&str>, random: &mut Random) -> Person {
        let namer = self.namer();
        let rates = &self.profile.people;
        let (mut birth, mut number, mut namesake) = (birth, None, None);
        if !self.strangers.is_empty() && surname.is_none() && house.origin == Origin::Han {
            let (name, other_sex, other_birth, other_number) = &self.strangers[random.below(self.strangers.len())];
            if *other_sex == sex && random.chance(rates.namesake * 2.0) {
                (birth, namesake) = (*other_birth, Some(name.clone()));
            } else if *other_sex == sex && other_number.is_some() && random.chance(rates.reissued * 2.0) {
                (birth, number) = (*other_birth, *other_number);
            }
        }
        let name = match house.origin {
            Origin::Ethnic(people) => namer.ethnic(people, sex, None, random),
            Origin::Foreign => namer.latin(surname, sex, random),
            Origin::Han | Origin::Compatriot(_) => namesake.unwrap_or_else(|| {
                let surname = surname.map_or_else(|| namer.surname(random), str::to_owned);
                namer.han(&surname, sex, year(birth), None, None, random)
            }),
        };
        let person = self.person(house, name, sex, birth, number, random);
        if house.origin == Origin::Han {
            if self.strangers.len() == REMEMBERED {
                self.strangers.pop_front();
            }
            self.strangers.push_back((person.name.clone(), sex, person.birth, person.number));
        }
        person
    }

    /// A person with papers, without relations. `number` is given when it was already decided.
    fn person(
        &mut self,
        house: House,
        name: Name,
        sex: u8,
        birth: Day,
        number: Option<Number>,
        random: &mut Random,
    ) -> Person {
        let rates = &self.profile.people;
        let mut person = Person {
            name,
            name_before: None,
            sex,
            birth,
            number,
            number_before: None,
            papers: OtherPapers::default(),
            phone: None,
            phone_before: None,
            home: house.home,
            home_before: None,
            mother: None,
            father: None,
            order: None,
        };
        match house.origin {
            Origin::Foreign => self.foreign_papers(&mut person, random),
            Origin::Compatriot(code) => {
                person.papers.home_permit = Some(self.numbers.other(Other::HomePermit, random));
                person.number = random.chance(0.6).then(|| self.numbers.compatriot(code, birth, sex == 1, random));
            }
            Origin::Han | Origin::Ethnic(_) => {
                if person.number.is_none() && !random.chance(rates.without_number) {
                    person.number = Some(self.resident_number(house.county, sex, birth, random));
                }
                let abroad = random.chance(rates.passport);
                person.papers.passport = abroad.then(|| self.numbers.other(Other::Passport, random));
                let permit = random.chance(rates.exit_permit);
                person.papers.exit_permit = permit.then(|| self.numbers.other(Other::ExitPermit, random));
                let officer = sex == 1 && birth < self.today - 20 * 365 && random.chance(rates.officer);
                person.papers.officer = officer.then(|| self.numbers.other(Other::Officer, random));
            }
        }
        person
    }

    fn resident_number(&mut self, county: usize, sex: u8, birth: Day, random: &mut Random) -> Number {
        let rates = &self.profile.people;
        let county = self.tables.places.county_of_number(county, year(birth), random);
        let mut of_number = birth;
        if random.chance(rates.birth_of_number_differs) {
            of_number += random.between(-380, 380);
        }
        let old = year(birth) < 1960;
        let odd = (sex == 1) != (old && random.chance(rates.wrong_sequence));
        self.numbers.resident(county, self.tables.places.counties[county].code, of_number, odd)
    }

    fn foreign_papers(&mut self, person: &mut Person, random: &mut Random) {
        person.papers.passport = Some(self.numbers.other(Other::ForeignPassport, random));
        if !random.chance(0.3) {
            return;
        }
        // Permanent residence: 9, province (99), country by number, birth, sequence. In force since 2023-12-01.
        let (letters, country) =
            random.one(&[("USA", "840"), ("KOR", "410"), ("JPN", "392"), ("DEU", "276"), ("RUS", "643")]);
        let sequence = random.below(499) * 2 + usize::from(person.sex == 1);
        let new = compose(&format!("999{country}"), person.birth, sequence);
        let changed = day(2023, 12, 1) + random.between(0, 600);
        // Before: three letters, issuing place, birth as yymmdd, two digits.
        let (birth_year, month, of_month) = date(person.birth);
        let two = random.below(100);
        let digits = format!("9901{:02}{month:02}{of_month:02}{two:02}", birth_year % 100);
        if changed < self.today {
            person.number = Some(new);
        }
        person.papers.residence_before = Some((format!("{letters}{digits}"), changed));
    }

    fn share_phones(&mut self, household: &mut Household, random: &mut Random) {
        let rates = &self.profile.people;
        for person in &mut household.people {
            let age = (self.today - person.birth) / 365;
            let own = match age {
                0..=13 => 0.0,
                14..=17 => 0.4,
                18..=64 => rates.own_phone,
                _ => rates.elder_own_phone,
            };
            person.phone = if random.chance(own) { Some(self.numbers.phone()) } else { household.phone };
        }
    }

    /// Moves, new telephones, new names, new numbers.
    fn change_over_time(&mut self, person: &mut Person, house: House, random: &mut Random) {
        let rates = &self.profile.people;
        let places = &self.tables.places;
        let some_day = |random: &mut Random, today: Day| today - random.between(30, 12 * 365);
        if random.chance(rates.moved) {
            let county = if random.chance(0.6) { house.home.county } else { *random.one(&places.near) };
            person.home_before = Some((places.home(county, random), some_day(random, self.today)));
        }
        let age = (self.today - person.birth) / 365;
        if age > 25 && person.father.is_some() {
            // Grown children live elsewhere.
            let county = if random.chance(0.6) { house.home.county } else { *random.one(&places.near) };
            person.home = places.home(county, random);
        }
        if age > 16 && random.chance(self.profile.phones.changed) {
            person.phone_before = Some((self.numbers.phone(), some_day(random, self.today)));
        }
        if person.name.form == Form::Han && age > 2 && random.chance(rates.renamed) {
            let namer = self.namer();
            let mut before = person.name.clone();
            before.given = namer.given(person.sex, year(person.birth), random);
            person.name_before = Some((before, some_day(random, self.today)));
        }
        if let Some(number) = person.number
            && number[0] == b'9'
            && age > 16
            && random.chance(rates.renumbered)
        {
            let (county, birth) = if random.chance(0.5) {
                (*random.one(&places.far), person.birth)
            } else {
                (house.county, person.birth + random.between(-700, 700))
            };
            let before = self.numbers.resident(county, places.counties[county].code, birth, person.sex == 1);
            person.number_before = Some((before, some_day(random, self.today)));
        }
    }
}

/// How a maternity ward tells those of one birth apart.
fn order_word(order: usize, of: usize, sex: u8) -> &'static str {
    let words = match (of, sex) {
        (2, 1) => ["之大子", "之小子", ""],
        (2, _) => ["之大女", "之小女", ""],
        (_, 1) => ["之长子", "之次子", "之三子"],
        _ => ["之长女", "之次女", "之三女"],
    };
    words[order.min(2)]
}
