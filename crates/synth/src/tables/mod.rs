//! What the county hospital and the primary care system export: one row after the other of the tables of [`crate::forms`].

mod care;
mod laboratory;
mod money;
mod soil;
mod vaccination;

use crate::SynthError;
use crate::day::{Day, Moment};
use crate::dirt::{Mark, Soiler};
use crate::forms::{FORMS, Row, form};
use crate::life::{Fate, Visit};
use crate::people::Person;
use crate::random::Random;
use crate::sink::{Again, Buckets, Item, Withheld, position_of};
use crate::truth::{Event, Truth};
use crate::world::{Place, Staff, World};

/// Numbers that a sender gives out one after the other, as long as the city is made.
#[derive(Default)]
struct Counters {
    /// Visits by institution and class: every branch and class begins at 1, so numbers collide.
    visits: std::collections::HashMap<(Place, char), u32>,
    /// Laboratory reports by day: they begin at 1 every morning.
    reports: std::collections::HashMap<(Place, Day), u32>,
    prescriptions: u32,
    bills: u32,
    papers: u32,
}

/// Writes the rows of one sender of tables.
pub(crate) struct Tables<'w> {
    world: &'w World,
    /// `county-hospital` or `primary-care`.
    sender: &'static str,
    soiler: Soiler,
    pub buckets: Buckets,
    counters: Counters,
    /// Registrations that were already announced, of this person: institution codes.
    known: Vec<Place>,
    /// What is written now is about a test patient.
    is_test: bool,
    /// What becomes of the next row when its month is sent again, and chance for it.
    again: Again,
    again_chance: Random,
    /// The share of rows that are counted and not sent, chance for it, and how many of them come late.
    withheld_share: f64,
    chance: Random,
    late: u32,
}

/// So many of the rows that are kept back are sent afterwards.
const LATE_ROWS: u32 = 3;

/// A person as a sender knows one.
#[derive(Clone)]
pub(crate) struct Known<'p> {
    pub person: &'p Person,
    /// The card's owner; the person itself unless the card is borrowed.
    pub owner: &'p Person,
    pub patient: String,
    pub name: String,
    pub identity: &'p str,
    pub phone: &'p str,
    /// 无名氏: nothing is known but the sex.
    pub is_unknown: bool,
}

/// What a row is about, besides its cells.
struct About<'a> {
    at: Moment,
    business: Day,
    place: Place,
    /// Counts as a new key of the business day, with an amount.
    counted: Option<i64>,
    key: &'a str,
}

impl<'w> Tables<'w> {
    pub fn new(
        world: &'w World,
        sender: &'static str,
        place: &'static str,
        buckets: Buckets,
        withheld_share: f64,
    ) -> Self {
        let soiler = Soiler::new(world.data, place);
        let chance = Random::of(world.seed, 11, 0);
        let counters = Counters::default();
        Self {
            world,
            sender,
            soiler,
            buckets,
            counters,
            known: Vec::new(),
            is_test: false,
            again: Again::Same,
            again_chance: Random::of(world.seed, 15, 0),
            withheld_share,
            chance,
            late: 0,
        }
    }

    /// Begins with another person.
    pub fn begin(&mut self) {
        self.known.clear();
    }

    /// A visit of a test patient; every row that names the patient has to be set aside.
    pub fn test(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        self.begin();
        (self.is_test, self.soiler.is_off) = (true, true);
        self.visit(known, visit, random, truth)?;
        (self.is_test, self.soiler.is_off) = (false, false);
        self.begin();
        Ok(())
    }

    /// The last business day that is sent: tables come a day later.
    fn is_sent(&self, business: Day) -> bool {
        business < self.world.today
    }

    /// One visit with everything that hangs on it.
    pub fn visit(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = visit.place;
        let class = if visit.stay.is_some() { 'I' } else { 'O' };
        let business = self.world.business_day(visit.start);
        if !self.is_sent(business) {
            return Ok(());
        }
        let count = self.counters.visits.entry((place, class)).or_insert(0);
        *count += 1;
        let number = format!("{count:08}");
        if self.is_new_at(place) {
            self.patient(known, place, visit.start, random, truth)?;
        }
        let writer = Writer { known, visit, class, number: &number, business };
        match &visit.stay {
            Some(stay) => {
                if let Some(end) = stay.discharged.filter(|end| self.is_sent(self.world.business_day(*end))) {
                    self.discharge(&writer, stay, end, random, truth)?;
                    self.reports(&writer, random, truth)?;
                    self.charges(&writer, end, random, truth)?;
                }
                Ok(())
            }
            None => {
                let is_kept = self.registration(&writer, random, truth)?;
                if !is_kept {
                    return Ok(());
                }
                self.record(&writer, random, truth)?;
                self.reports(&writer, random, truth)?;
                self.prescription(&writer, random, truth)?;
                self.charges(&writer, visit.start.after_minutes(25), random, truth)
            }
        }
    }

    /// Whether this person is there for the first time; branches of one hospital know the same people.
    fn is_new_at(&mut self, place: Place) -> bool {
        let is_known = self.known.iter().any(|known| self.world.code(*known) == self.world.code(place));
        self.known.push(place);
        !is_known
    }

    fn patient(
        &mut self,
        known: &Known<'_>,
        place: Place,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let data = self.world.data;
        let (owner, town) = (known.owner, &data.city.town[known.owner.town]);
        let line = serde_json::json!({
            "person": known.person.index, "sender": self.sender, "institution": self.world.code(place),
            "patient": known.patient, "name": known.name,
            "borrowed": known.owner.index != known.person.index,
        });
        truth.registration(&line)?;
        if known.owner.index != known.person.index {
            // Nobody is asked for new particulars with a card in the hand.
            return Ok(());
        }
        let mut row = Row::new(form("patient"));
        self.person_cells(&mut row, known, place);
        row.set("KH", format!("K{}", known.patient))
            .set("KLX", "0")
            .set("ZJLXDM", "01")
            .set("ZJHM", known.identity.to_owned())
            .set("LXDH", known.phone.to_owned())
            .set("DZSHENG", data.city.province.as_str().to_owned())
            .set("DZSHI", data.city.city.clone())
            .set("DZXIAN", data.city.county.clone())
            .set("DZXIANG", town.name.clone())
            .set("DZCUN", town.villages[owner.village].clone())
            .set("DZMPH", owner.door.clone())
            .set("MZDM", "01")
            .set("HYZKDM", owner.marital.0)
            .set("ZYLBDM", owner.occupation.0)
            .set("XGBZ", "1");
        self.nothing_words(&mut row, &["LXRXM", "LXRDH"], random);
        let mut marks = Vec::new();
        self.soil_person(&mut row, known, random, &mut marks);
        // The table has no 日结 of its own: it is counted by its time of change.
        let about =
            About { at: at.after_minutes(-3), business: at.day(), place, counted: Some(0), key: &known.patient };
        if !self.is_sent(at.day()) {
            return Ok(());
        }
        self.put(row, &about, &marks)
    }

    /// Cells that name the institution and the patient.
    fn person_cells(&self, row: &mut Row, known: &Known<'_>, place: Place) {
        row.set("YLJGDM", self.world.code(place).to_owned())
            .set("YQDM", self.world.branch(place).to_owned())
            .set("BRID", known.patient.clone())
            .set("HZXM", known.name.clone())
            .set("XBDM", known.owner.sex.to_string())
            .set("CSRQ", known.owner.birth.digits());
    }

    fn visit_cells(&self, row: &mut Row, writer: &Writer<'_>) {
        let (place, visit) = (writer.visit.place, writer.visit);
        self.person_cells(row, writer.known, place);
        let department = &self.world.data.city.department[visit.department];
        let doctor = self.doctor(visit);
        row.set("JZLSH", writer.number.to_owned())
            .set("MZZYBZ", if writer.class == 'I' { "3" } else { "1" })
            .set("KSDM", department.code.clone())
            .set("KSMC", department.name.clone())
            .set("YSGH", doctor.number.clone())
            .set("YSXM", doctor.name.clone())
            .set("XGBZ", "1")
            .set("RJRQ", writer.business.digits());
    }

    fn doctor(&self, visit: &Visit) -> &Staff {
        self.world.staff(visit.place, visit.department, visit.doctor)
    }

    fn claim(&self, place: Place, parts: &[&str]) -> String {
        let mut key = self.world.code(place).to_owned();
        for part in parts {
            key.push('|');
            key.push_str(part);
        }
        key
    }

    fn visit_key(&self, writer: &Writer<'_>) -> String {
        let mut class = [0; 4];
        let class = writer.class.encode_utf8(&mut class);
        self.claim(writer.visit.place, &[self.world.branch(writer.visit.place), class, writer.number])
    }

    fn registration(
        &mut self,
        writer: &Writer<'_>,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<bool, SynthError> {
        let (visit, known) = (writer.visit, writer.known);
        let place = visit.place;
        let key = self.visit_key(writer);
        let mut row = Row::new(form("registration"));
        self.visit_cells(&mut row, writer);
        row.set("KH", format!("K{}", known.patient))
            .set("KLX", "0")
            .set("ZJLXDM", "01")
            .set("ZJHM", known.identity.to_owned())
            .set("LXDH", known.phone.to_owned())
            .set("XZZ", self.address(known.owner))
            .set("GHSJ", self.time(visit.start, random))
            .set("GTHBZ", "1");
        self.nothing_words(&mut row, &["THSJ"], random);
        let mut marks = Vec::new();
        self.soil_person(&mut row, known, random, &mut marks);
        self.soil_key(&mut row, "JZLSH", random, &mut marks);
        if self.soiler.happens("impossible-day", random, &mut marks) {
            row.set("CSRQ", format!("{}1345", known.owner.birth.parts().0));
        }
        let is_set_aside = marks.iter().any(|mark| mark.set_aside);
        let about = About { at: visit.start, business: writer.business, place, counted: Some(0), key: &key };
        self.put(row, &about, &marks)?;
        let mut status = "finished";
        if let (Fate::Cancelled(minutes), false) = (visit.fate, is_set_aside) {
            let later = visit.start.after_minutes(minutes);
            let sent_on = self.world.business_day(later);
            let mut row = Row::new(form("registration"));
            self.visit_cells(&mut row, writer);
            row.set("GHSJ", visit.start.digits())
                .set("GTHBZ", "2")
                .set("THSJ", later.digits())
                .set("ZJLXDM", "01")
                .set("ZJHM", known.identity.to_owned());
            // 退号 stays with the business day of its 挂号.
            let about = About { at: later, business: sent_on, place, counted: None, key: &key };
            if self.is_sent(sent_on) {
                self.put(row, &about, &[])?;
                status = "cancelled";
            }
        }
        let mut class = [0; 4];
        truth.event(&Event {
            kind: "visit",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &known.patient,
            person: known.person.index,
            number: writer.number,
            item: writer.class.encode_utf8(&mut class),
            name: self.world.branch(place),
            status,
            at: visit.start.day().to_string(),
            is_kept: !is_set_aside,
            ..Event::default()
        })?;
        Ok(status == "finished" && matches!(visit.fate, Fate::Kept))
    }

    fn record(&mut self, writer: &Writer<'_>, random: &mut Random, truth: &mut Truth) -> Result<(), SynthError> {
        let (visit, place) = (writer.visit, writer.visit.place);
        let key = self.visit_key(writer);
        let vitals = visit.vitals;
        let mut row = Row::new(form("outpatient_record"));
        self.visit_cells(&mut row, writer);
        let allergy = match writer.known.owner.allergy {
            "" => "否认药物及食物过敏史".to_owned(),
            // Only the city hospital has noted what the hero is allergic to.
            _ if writer.known.person.role == crate::people::Role::Hero => "否认药物及食物过敏史".to_owned(),
            allergy => format!("{allergy}过敏"),
        };
        row.set("JZRQSJ", self.time(visit.start.after_minutes(8), random))
            .set("ZS", visit.complaint.clone())
            .set("XBS", visit.history.clone())
            .set("GMS", allergy)
            .set("TGJC", visit.exam)
            .set("TW", format!("{:.1}", vitals.temperature))
            .set("MB", vitals.pulse.to_string())
            .set("HXPL", vitals.breaths.to_string())
            .set("SSY", vitals.systolic.to_string())
            .set("SZY", vitals.diastolic.to_string())
            .set("ZDDM", visit.diagnosis.0)
            .set("ZDMC", visit.diagnosis.1);
        if let Some(tcm) = visit.tcm {
            row.set("ZYBMDM", tcm.disease[0].as_str())
                .set("ZYBMMC", tcm.disease[1].as_str())
                .set("ZYZHDM", tcm.syndrome[0].as_str())
                .set("ZYZHMC", tcm.syndrome[1].as_str())
                .set("ZZZF", tcm.principle.as_str());
        }
        let mut marks = Vec::new();
        if self.soiler.happens("pressure-swapped", random, &mut marks) {
            row.set("SSY", vitals.diastolic.to_string()).set("SZY", vitals.systolic.to_string());
        }
        self.soil_row(&mut row, "XBS", random, &mut marks);
        self.soil_key(&mut row, "JZLSH", random, &mut marks);
        let is_kept = !marks.iter().any(|mark| mark.set_aside);
        let pressures = (row.get("SSY").to_owned(), row.get("SZY").to_owned());
        let at = visit.start.after_minutes(12);
        let about = About { at, business: writer.business, place, counted: Some(0), key: &key };
        self.put(row, &about, &marks)?;
        let mut is_withdrawn = false;
        if let Some((minutes, withdrawn)) = visit.amended.filter(|_| is_kept) {
            let later = at.after_minutes(minutes);
            let business = self.world.business_day(later);
            if self.is_sent(business) {
                is_withdrawn = withdrawn;
                self.amend(writer, later, business, withdrawn, &key, &pressures)?;
            }
        }
        let status = if is_withdrawn { "entered-in-error" } else { "final" };
        let mut event = Event {
            kind: "result",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &writer.known.patient,
            person: writer.known.person.index,
            number: writer.number,
            status,
            at: visit.start.day().to_string(),
            is_kept,
            ..Event::default()
        };
        for (item, value) in [("DE04.10.174.00", &pressures.0), ("DE04.10.176.00", &pressures.1)] {
            truth.event(&Event { item, value, unit: "mmHg", ..event.clone() })?;
        }
        event.status = if is_withdrawn { "entered-in-error" } else { "confirmed" };
        truth.event(&Event { kind: "diagnosis", item: visit.diagnosis.0, name: visit.diagnosis.1, ..event })
    }

    /// The record of a visit again, changed or withdrawn.
    fn amend(
        &mut self,
        writer: &Writer<'_>,
        later: Moment,
        business: Day,
        is_withdrawn: bool,
        key: &str,
        pressures: &(String, String),
    ) -> Result<(), SynthError> {
        let (visit, vitals) = (writer.visit, writer.visit.vitals);
        let mut row = Row::new(form("outpatient_record"));
        self.visit_cells(&mut row, writer);
        let complaint = if is_withdrawn { visit.complaint.clone() } else { format!("{}（补充）", visit.complaint) };
        row.set("JZRQSJ", visit.start.after_minutes(8).digits())
            .set("ZS", complaint)
            .set("XBS", visit.history.clone())
            .set("TGJC", visit.exam)
            .set("TW", format!("{:.1}", vitals.temperature))
            .set("MB", vitals.pulse.to_string())
            .set("HXPL", vitals.breaths.to_string())
            .set("SSY", pressures.0.clone())
            .set("SZY", pressures.1.clone())
            .set("ZDDM", visit.diagnosis.0)
            .set("ZDMC", visit.diagnosis.1)
            .set("XGBZ", if is_withdrawn { "3" } else { "2" });
        let mut marks = Vec::new();
        if pressures.0.parse::<i32>().unwrap_or(0) < pressures.1.parse::<i32>().unwrap_or(0) {
            // The swapped columns are said again.
            let kind = self.world.data.dirt.dirt.iter().find(|kind| kind.id == "pressure-swapped");
            marks.extend(kind.map(|kind| Mark { id: &kind.id, rules: &kind.rules, set_aside: false }));
        }
        let about = About { at: later, business, place: visit.place, counted: None, key };
        self.put(row, &about, &marks)
    }

    fn address(&self, person: &Person) -> String {
        let city = &self.world.data.city;
        let town = &city.town[person.town];
        let village = &town.villages[person.village];
        format!("{}{}{}{}{village}{}", city.province, city.city, city.county, town.name, person.door)
    }

    /// Whether a row without faults is kept back; noted in the truth.
    fn withhold(
        &mut self,
        about: &About<'_>,
        form: usize,
        marks: &[Mark],
        truth: &mut Truth,
    ) -> Result<Withheld, SynthError> {
        if self.withheld_share <= 0.0 || self.is_test || !marks.is_empty() || !self.chance.chance(self.withheld_share) {
            return Ok(Withheld::No);
        }
        let withheld = if self.late < LATE_ROWS { Withheld::Late } else { Withheld::Lost };
        self.late += 1;
        truth.withheld(&serde_json::json!({
            "sender": self.sender, "day": about.business.to_string(), "type": format!("table:{}", FORMS[form].id),
            "key": about.key, "late": withheld == Withheld::Late,
        }))?;
        Ok(withheld)
    }

    /// Whether something (`what`: a rate) happens to a clean row until its month is sent again.
    fn changes(&mut self, what: &str, business: Day) -> Option<Day> {
        if self.sender != "county-hospital" || self.is_test {
            return None;
        }
        let sent_on = self.world.sent_again(business)?;
        self.again_chance.chance(self.world.data.event_rate(what)).then_some(sent_on)
    }

    /// The text of a row as it is sent again. Not every system notes that it changed something.
    fn changed(&mut self, mut row: Row, place: Place, business: Day, (at, sent_on): (Moment, Day)) -> Again {
        let is_noted = self.again_chance.chance(0.5);
        let changed = if is_noted { Day(sent_on.0 - 2).at(10, 0).max(at) } else { at };
        row.set("XGBZ", if is_noted { "2" } else { "1" }).set("GXSJ", changed.digits());
        if let Some(old) = self.world.old_code(place, business) {
            row.set("YLJGDM", old.to_owned());
        }
        Again::Changed(row.line(false))
    }

    fn put(&mut self, row: Row, about: &About<'_>, marks: &[Mark]) -> Result<(), SynthError> {
        self.put_or_keep(row, about, marks, Withheld::No)
    }

    fn put_or_keep(
        &mut self,
        mut row: Row,
        about: &About<'_>,
        marks: &[Mark],
        withheld: Withheld,
    ) -> Result<(), SynthError> {
        row.set("GXSJ", about.at.digits());
        if let Some(old) = self.world.old_code(about.place, about.business) {
            row.set("YLJGDM", old.to_owned());
        }
        let is_named_test = self.is_test && !row.get("HZXM").is_empty();
        let test = if is_named_test { self.soiler.test_patient() } else { None };
        let marks = if is_named_test { test.as_slice() } else { marks };
        let shifted = marks.iter().any(|mark| mark.id == "columns-shifted");
        let branch = match about.place {
            Place::County(branch) => branch,
            Place::Primary(clinic) => clinic,
            Place::City => 0,
        };
        let item = Item {
            at: about.at,
            kind: u8::try_from(row.form).unwrap_or(0),
            counted: about.counted.map(|cents| (u8::try_from(branch).unwrap_or(u8::MAX), cents)),
            key: if FORMS[row.form].id == "patient" {
                self.claim(about.place, &[about.key])
            } else {
                about.key.to_owned()
            },
            control: String::new(),
            mark: position_of(self.world.data, marks),
            withheld,
            again: std::mem::take(&mut self.again),
            text: row.line(shifted),
        };
        self.buckets.put(about.business, &item)?;
        Ok(())
    }
}

/// What all rows of a visit have in common.
struct Writer<'a> {
    known: &'a Known<'a>,
    visit: &'a Visit,
    class: char,
    number: &'a str,
    business: Day,
}
