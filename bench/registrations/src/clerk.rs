//! The registration desk: one visit of one person becomes one row, with everything that goes wrong there.

use std::fmt::Write as _;

use crate::dates::{Day, date, day, year};
use crate::kinds::{Kind, Kinds};
use crate::names::Namer;
use crate::numbers::{Number, text};
use crate::people::{Household, Person};
use crate::places::Style;
use crate::profile::Profile;
use crate::random::Random;
use crate::slips::{NameHabit, NameSlips, type_number};
use crate::tables::Tables;

/// Placeholders that are typed everywhere.
const NO_NUMBER: [&str; 6] =
    ["无", "不详", "000000000000000000", "111111111111111111", "123456789012345678", "990000190001010000"];
const NO_PHONE: [&str; 6] = ["10000000000", "11111111111", "00000000000", "10012345678", "10088888888", "无"];
/// Until this age a child has no name in a ward's register.
const NAMELESS_DAYS: Day = 42;

/// A hospital and its habits.
#[derive(Debug)]
pub(crate) struct Hospital {
    pub(crate) code: String,
    pub(crate) phone: u64,
    /// The valid number of somebody who works there, typed when a patient has none.
    pub(crate) clerk: Number,
    pub(crate) habit: NameHabit,
    pub(crate) dates: usize,
}

/// What a document says about its owner, when a machine reads it.
struct Shown {
    text: String,
    hint: &'static str,
    /// The number, if it was read and not typed wrong.
    read: Option<Number>,
}

/// Writes registrations.
#[derive(Debug)]
pub(crate) struct Clerk<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) profile: &'a Profile,
}

impl Clerk<'_> {
    /// Appends the cells after `rec_id` for a visit of `household.people[at]`.
    pub(crate) fn register(
        &self,
        household: &Household,
        at: usize,
        when: Day,
        hospital: &Hospital,
        random: &mut Random,
        out: &mut String,
    ) -> Kinds {
        let person = &household.people[at];
        let mut kinds = Kinds::default();
        let mother = person.mother.map(|mother| &household.people[mother]);
        let ward = when - person.birth < NAMELESS_DAYS && mother.is_some();
        let nameless = ward && random.chance(self.profile.newborns.as_child_of_mother);
        let name = match mother {
            Some(mother) if nameless => self.childs_name(person, mother, random, &mut kinds),
            _ => self.name(person, when, hospital.habit, random, &mut kinds),
        };
        let (shown, birth_of) = if nameless {
            (self.newborns_document(person, mother, random, &mut kinds), None)
        } else {
            self.document(household, at, when, hospital, random, &mut kinds)
        };
        let read = shown.read.filter(|_| random.chance(self.profile.documents.card_read));
        let borrowed_birth = birth_of.filter(|_| random.chance(self.profile.documents.borrowed_leaks_birth));
        let _ = write!(out, "{},", hospital.code);
        self.record_number(hospital, random, out);
        let _ = write!(out, "{},{},", shown.hint, shown.text);
        cell(&name, out);
        self.sex(person, read, random, &mut kinds, out);
        match borrowed_birth {
            Some(number) => {
                kinds.add(Kind::LeakedBirth);
                let _ = write!(out, "{},", birth_of_number(&number));
            }
            None => self.birth(person, read, hospital, random, &mut kinds, out),
        }
        self.phone(household, at, when, hospital, random, &mut kinds, out);
        self.address(household, at, when, random, &mut kinds, out);
        let (year, month, of_month) = date(when);
        let _ = write!(out, "{year:04}-{month:02}-{of_month:02}");
        kinds
    }

    fn record_number(&self, hospital: &Hospital, random: &mut Random, out: &mut String) {
        // A number given twice comes from a small range: two campuses that count alike.
        let repeated = random.chance(self.profile.registrations.same_record_number);
        let number = if repeated { random.below(500) } else { 1_000_000 + random.below(999_000_000) };
        let _ = write!(out, "{}-{number:09},", hospital.code);
    }

    fn childs_name(&self, person: &Person, mother: &Person, random: &mut Random, kinds: &mut Kinds) -> String {
        kinds.add(Kind::NewbornName);
        let plain = if person.sex == 1 { "之子" } else { "之女" };
        let order = person.order.filter(|order| !order.is_empty());
        let word = order.filter(|_| !random.chance(self.profile.newborns.order_lost)).unwrap_or(plain);
        format!("{}{word}", mother.name.plain())
    }

    fn name(&self, person: &Person, when: Day, habit: NameHabit, random: &mut Random, kinds: &mut Kinds) -> String {
        let name = match &person.name_before {
            Some((before, until)) if when < *until => {
                kinds.add(Kind::FormerName);
                before
            }
            _ => &person.name,
        };
        let namer = Namer { tables: self.tables, rates: &self.profile.people };
        NameSlips { namer, rates: &self.profile.names, tables: self.tables }.write(name, habit, random, kinds)
    }

    fn newborns_document(
        &self,
        person: &Person,
        mother: Option<&Person>,
        random: &mut Random,
        kinds: &mut Kinds,
    ) -> Shown {
        let rates = &self.profile.newborns;
        let at = random.unit();
        let mothers = mother.and_then(|mother| mother.number);
        match (&person.papers.birth_certificate, mothers) {
            (_, Some(number)) if at < rates.mothers_number => {
                kinds.add(Kind::MothersNumber);
                Shown { text: text(&number).to_owned(), hint: "01", read: None }
            }
            (Some(certificate), _) if at < rates.mothers_number + rates.birth_certificate => {
                kinds.add(Kind::OtherDocument);
                Shown { text: certificate.clone(), hint: "99", read: None }
            }
            _ => missing(kinds),
        }
    }

    /// The document that is shown, and the number of a relative whose birth date may have been taken with it.
    fn document(
        &self,
        household: &Household,
        at: usize,
        when: Day,
        hospital: &Hospital,
        random: &mut Random,
        kinds: &mut Kinds,
    ) -> (Shown, Option<Number>) {
        let rates = &self.profile.documents;
        let person = &household.people[at];
        let age = (when - person.birth) / 365;
        if random.chance(rates.placeholder) {
            kinds.add(Kind::PlaceholderDocument);
            let text = random.word(&NO_NUMBER).to_owned();
            return (Shown { text, hint: "01", read: None }, None);
        }
        if random.chance(rates.desk_number) {
            kinds.add(Kind::DeskNumber);
            return (Shown { text: text(&hospital.clerk).to_owned(), hint: "01", read: None }, None);
        }
        if age < 14 && random.chance(rates.guardian_on_child) {
            let guardian = if random.chance(0.7) { person.mother } else { person.father };
            if let Some(number) = guardian.and_then(|guardian| household.people[guardian].number) {
                kinds.add(Kind::GuardianNumber);
                return (Shown { text: text(&number).to_owned(), hint: "01", read: None }, None);
            }
        } else if age >= 14 && random.chance(rates.borrowed) {
            let other = random.below(household.people.len());
            let lender = &household.people[other];
            if let Some(number) = lender.number.filter(|_| other != at && when - lender.birth > 5 * 365) {
                kinds.add(Kind::BorrowedNumber);
                let shown = Shown { text: text(&number).to_owned(), hint: "01", read: None };
                return (shown, Some(number));
            }
        }
        if random.chance(rates.missing) {
            return (missing(kinds), None);
        }
        (self.own_document(household, person, when, random, kinds), None)
    }

    fn own_document(
        &self,
        household: &Household,
        person: &Person,
        when: Day,
        random: &mut Random,
        kinds: &mut Kinds,
    ) -> Shown {
        let rates = &self.profile.documents;
        let papers = &person.papers;
        let young = when - person.birth < 2 * 365;
        let no_number = person.number.is_none();
        let other = [
            (&papers.officer, "05", rates.officer_card_used),
            (&papers.passport, "03", if no_number { 0.8 } else { rates.passport_used }),
            (&papers.exit_permit, "04", if no_number { 0.3 } else { rates.exit_permit_used }),
            (&papers.home_permit, "06", if no_number { 0.9 } else { 0.5 }),
            (&papers.birth_certificate, "99", if young { rates.birth_certificate_used } else { 0.0 }),
            (&household.book, "02", rates.household_book),
        ];
        for (position, (paper, hint, used)) in other.into_iter().enumerate() {
            if let Some(text) = paper.as_ref().filter(|_| random.chance(used)) {
                kinds.add(if position == 5 { Kind::HouseholdBook } else { Kind::OtherDocument });
                return Shown { text: text.clone(), hint: self.hint(hint, random, kinds), read: None };
            }
        }
        if let Some((old, until)) = &papers.residence_before
            && when < *until
        {
            kinds.add(Kind::OtherDocument);
            return Shown { text: old.clone(), hint: self.hint("99", random, kinds), read: None };
        }
        let former = person.number_before.filter(|(_, until)| when < *until);
        let Some(number) = former.map(|(number, _)| number).or(person.number) else { return missing(kinds) };
        if former.is_some() {
            kinds.add(Kind::FormerNumber);
        }
        let mut slips = Kinds::default();
        let typed = type_number(text(&number), year(person.birth), rates, random, &mut slips);
        let read = (slips == Kinds::default()).then_some(number);
        kinds.join(slips);
        let hint = if random.chance(rates.driving_licence) { "05" } else { self.hint("01", random, kinds) };
        Shown { text: typed, hint, read }
    }

    fn hint(&self, right: &'static str, random: &mut Random, kinds: &mut Kinds) -> &'static str {
        let rates = &self.profile.documents;
        if random.chance(rates.hint_missing) {
            return "";
        }
        if random.chance(rates.hint_wrong) {
            kinds.add(Kind::WrongHint);
            return random.word(&["01", "01", "03", "99"]);
        }
        right
    }

    fn sex(&self, person: &Person, read: Option<Number>, random: &mut Random, kinds: &mut Kinds, out: &mut String) {
        let rates = &self.profile.sex;
        let mut sex = person.sex;
        if let Some(number) = read {
            sex = if (number[16] - b'0') % 2 == 1 { 1 } else { 2 };
        } else if random.chance(rates.wrong) {
            sex = 3 - sex;
        }
        let at = random.unit();
        if at < rates.missing + rates.other_code || sex != person.sex {
            kinds.add(Kind::OddSex);
        }
        if at < rates.missing {
            out.push(',');
        } else if at < rates.missing + rates.other_code {
            out.push_str(random.word(&["0,", "9,"]));
        } else if at < rates.missing + rates.other_code + rates.words {
            out.push_str(if sex == 1 { "男," } else { "女," });
        } else {
            let _ = write!(out, "{sex},");
        }
    }

    fn birth(
        &self,
        person: &Person,
        read: Option<Number>,
        hospital: &Hospital,
        random: &mut Random,
        kinds: &mut Kinds,
        out: &mut String,
    ) {
        let rates = &self.profile.birth;
        let (mut year, mut month, mut of_month) = date(person.birth);
        if let Some(number) = read {
            if birth_of_number(&number) != format!("{year:04}-{month:02}-{of_month:02}") {
                kinds.add(Kind::WrongBirth);
            }
            let _ = write!(out, "{},", birth_of_number(&number));
            return;
        }
        let mut at = random.unit();
        let mut happens = |rate: f64| {
            at -= rate;
            at < 0.0 && at >= -rate
        };
        if year < 1985 && random.chance(rates.lunar) {
            if let Some(lunar) = self.tables.lunar.date(person.birth) {
                kinds.add(Kind::LunarBirth);
                (year, month, of_month) = lunar;
            }
        } else if happens(rates.missing) {
            kinds.add(Kind::MissingBirth);
            out.push(',');
            return;
        } else if happens(rates.partial) {
            kinds.add(Kind::PartialBirth);
            let _ = match random.below(4) {
                0 => write!(out, "{year},"),
                1 => write!(out, "{year}-{month:02},"),
                2 => write!(out, "{year}-{month:02}-00,"),
                _ => write!(out, "{year}-00-00,"),
            };
            return;
        } else if happens(rates.first_of_january) {
            kinds.add(Kind::PartialBirth);
            (month, of_month) = (1, 1);
        } else if happens(rates.typed) {
            kinds.add(Kind::WrongBirth);
            match random.below(3) {
                0 => year = (year + random.between(-10, 1).min(-1)).max(1900),
                1 => month = (month + random.between(0, 10)) % 12 + 1,
                _ => of_month = (of_month + random.between(0, 26)) % 28 + 1,
            }
        } else if happens(rates.exchanged) && of_month <= 12 {
            kinds.add(Kind::WrongBirth);
            (month, of_month) = (of_month, month);
        } else if happens(rates.default_date) {
            kinds.add(Kind::WrongBirth);
            (year, month, of_month) = (1900, 1, 1);
        }
        let form = if random.chance(rates.other_format) { hospital.dates } else { 0 };
        let _ = match form {
            1 => write!(out, "{year:04}{month:02}{of_month:02},"),
            2 => write!(out, "{year}/{month}/{of_month},"),
            3 => write!(out, "{year}年{month}月{of_month}日,"),
            _ => write!(out, "{year:04}-{month:02}-{of_month:02},"),
        };
    }

    #[expect(clippy::too_many_arguments, reason = "a desk sees all of this at once")]
    fn phone(
        &self,
        household: &Household,
        at: usize,
        when: Day,
        hospital: &Hospital,
        random: &mut Random,
        kinds: &mut Kinds,
        out: &mut String,
    ) {
        let rates = &self.profile.phones;
        let person = &household.people[at];
        if random.chance(rates.missing) {
            out.push(',');
            return;
        }
        if random.chance(rates.placeholder) {
            kinds.add(Kind::PlaceholderPhone);
            let _ = write!(out, "{},", random.word(&NO_PHONE));
            return;
        }
        let mut phone = person.phone.or(household.phone);
        if let Some((before, until)) = person.phone_before
            && when < until
        {
            kinds.add(Kind::FormerPhone);
            phone = Some(before);
        }
        if random.chance(rates.desk) {
            kinds.add(Kind::DeskPhone);
            phone = Some(hospital.phone);
        } else if random.chance(rates.relative) {
            let other = random.one(&household.people).phone;
            if other != phone {
                kinds.add(Kind::RelativesPhone);
                phone = other;
            }
        }
        let Some(phone) = phone else {
            out.push(',');
            return;
        };
        let mut digits = phone.to_string();
        if random.chance(rates.typed) {
            kinds.add(Kind::TypedPhone);
            let place = 3 + random.below(8);
            let digit = char::from(b'0' + random.below(10) as u8);
            digits.replace_range(place..=place, &digit.to_string());
        }
        let _ = match if random.chance(rates.decorated) { random.below(4) } else { 9 } {
            0 => write!(out, "+86{digits},"),
            1 => write!(out, "86-{digits},"),
            2 => write!(out, "0{digits},"),
            3 => write!(out, "{} {} {},", &digits[..3], &digits[3..7], &digits[7..]),
            _ => write!(out, "{digits},"),
        };
    }

    fn address(
        &self,
        household: &Household,
        at: usize,
        when: Day,
        random: &mut Random,
        kinds: &mut Kinds,
        out: &mut String,
    ) {
        let rates = &self.profile.addresses;
        let person = &household.people[at];
        if random.chance(rates.missing) {
            out.push(',');
            return;
        }
        let mut address = person.home;
        if let Some((before, until)) = person.home_before
            && when < until
        {
            kinds.add(Kind::FormerAddress);
            address = before;
        }
        if random.chance(rates.relative) {
            kinds.add(Kind::RelativesAddress);
            address = random.one(&household.people).home;
        }
        let form = random.unit();
        let style = if form < rates.county_only {
            Style::CountyOnly
        } else if form < rates.county_only + rates.short {
            Style::Short
        } else {
            Style::Full
        };
        let before = &self.tables.places.counties[address.county].before;
        let old = (year(person.birth) < 1980 && !before.is_empty() && random.chance(rates.old_name))
            .then(|| *random.one(before));
        self.tables.places.write(address, style, old, random, out);
        out.push(',');
    }
}

fn missing(kinds: &mut Kinds) -> Shown {
    kinds.add(Kind::MissingDocument);
    Shown { text: String::new(), hint: "", read: None }
}

fn birth_of_number(number: &Number) -> String {
    let text = text(number);
    format!("{}-{}-{}", &text[6..10], &text[10..12], &text[12..14])
}

/// A cell and the comma after it; quoted when it must be.
fn cell(text: &str, out: &mut String) {
    if text.contains([',', '"']) {
        let _ = write!(out, "\"{}\",", text.replace('"', "\"\""));
    } else {
        let _ = write!(out, "{text},");
    }
}

/// The hospitals of a profile.
pub(crate) fn hospitals(count: usize, mut clerk: impl FnMut() -> (u64, Number), random: &mut Random) -> Vec<Hospital> {
    let dots = ["·", "·", "•", "・", "‧", "．", "."];
    (0..count)
        .map(|position| {
            let (phone, clerk) = clerk();
            let habit = NameHabit {
                dot: random.word(&dots),
                width: *random.one(&[4, 5, 6, 8]),
                unknown: random.word(&["?", "？", "□", "\u{E000}", "*", ""]),
            };
            Hospital { code: format!("H{:02}", position + 1), phone, clerk, habit, dates: random.below(4) }
        })
        .collect()
}

/// The day on which somebody is registered: after birth, in the last years; children's first weeks are full of visits.
pub(crate) fn visit_day(person: &Person, first: bool, today: Day, years: i32, random: &mut Random) -> Day {
    let from = person.birth.max(today - years * 365);
    let in_ward = first && person.birth >= today - years * 365 && person.birth > day(1996, 1, 1);
    if in_ward && random.chance(0.75) {
        return (person.birth + random.between(0, 30)).min(today);
    }
    random.between(from, today.max(from))
}
