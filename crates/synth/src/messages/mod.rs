//! What the city hospital's platform sends as HL7 v2: registrations, orders, results, prescriptions, charges.

mod results;
mod strangers;

use std::fmt::Write as _;

use formats::hl7v2::{Delimiters, escape};

use crate::SynthError;
use crate::bill;
use crate::day::Moment;
use crate::dirt::{Mark, Soiler, wrong_digit};
use crate::life::{Fate, Stay, Visit};
use crate::measure::money;
use crate::people::{Person, Role};
use crate::random::Random;
use crate::sink::{Buckets, Item, position_of};
use crate::tables::Known;
use crate::truth::{Event, Truth};
use crate::world::{Place, Staff, World};

/// What hangs on a visit, for the document writer: numbers that both must agree on.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// 就诊号 or 住院号; empty when the visit is not sent.
    pub number: String,
    /// The visit's own message was set aside.
    pub is_set_aside: bool,
    /// It was cancelled: nothing follows.
    pub is_cancelled: bool,
    /// Reports that go as documents, with their numbers.
    pub documents: Vec<usize>,
    /// The number of the next report and prescription.
    pub report_base: u64,
}

/// Writes the messages of the city hospital.
pub(crate) struct Messages<'w> {
    world: &'w World,
    soiler: Soiler,
    pub buckets: Buckets,
    control: u64,
    visits: u64,
    numbers: u64,
    known: bool,
    /// The second number of this person stands in a message.
    is_second_used: bool,
    /// What is written now is about a test patient.
    is_test: bool,
}

/// A second patient number of somebody.
pub(crate) struct Second {
    pub number: String,
    /// From then on only the first number is used.
    pub given_up: Moment,
    /// When A40 says so: at once, or months later.
    told: Moment,
}

/// The class of a visit: O, I, or E for somebody who was brought without a name.
fn class_of(visit: &Visit) -> &'static str {
    match (&visit.stay, visit.unknown) {
        (Some(_), _) => "I",
        (None, Some(_)) => "E",
        (None, None) => "O",
    }
}

/// Fields of a segment by number, in rising order.
type Fields<'f> = &'f [(usize, &'f str)];

fn segment(out: &mut String, id: &str, fields: Fields<'_>) {
    out.push_str(id);
    let mut at = 0;
    for (number, value) in fields {
        while at < *number {
            out.push('|');
            at += 1;
        }
        out.push_str(value);
    }
    out.push('\r');
}

fn safe(text: &str) -> String {
    escape(text, &Delimiters::default()).into_owned()
}

impl<'w> Messages<'w> {
    pub fn new(world: &'w World, buckets: Buckets) -> Self {
        let soiler = Soiler::new(world.data, "hl7");
        Self {
            world,
            soiler,
            buckets,
            control: 0,
            visits: 0,
            numbers: 0,
            known: false,
            is_second_used: false,
            is_test: false,
        }
    }

    /// Begins with another person.
    pub fn begin(&mut self) {
        (self.known, self.is_second_used) = (false, false);
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn head(&mut self, kind: &str, application: &str, at: Moment) -> (String, String) {
        self.control += 1;
        let control = format!("M{:010}", self.control);
        let mut out = String::with_capacity(1024);
        let code = &self.world.data.city.city_hospital.code;
        let short = &self.world.data.city.city_hospital.short;
        // Writing into a text cannot fail.
        let _ = write!(
            out,
            "MSH|^~\\&|{application}|{code}|KANGMAI|{short}|{}||{kind}|{control}|P|2.4||||||UNICODE UTF-8\r",
            at.digits()
        );
        (out, control)
    }

    fn patient_id(&self, known: &Known<'_>, visit: &Visit) -> String {
        // Somebody was registered twice; after the merge only the first number is used.
        match self.second_number(known.person) {
            Some(second) if visit.start < second.given_up && !self.is_test && !known.is_unknown => second.number,
            _ => known.patient.clone(),
        }
    }

    /// A second patient number that somebody had until they were merged.
    pub fn second_number(&self, person: &Person) -> Option<Second> {
        let mut random = Random::of(self.world.seed, 6, u64::from(person.index));
        let two = person.role == Role::None
            && person.newborn.is_none()
            && random.chance(self.world.data.event_rate("two_numbers"));
        let days = self.world.today.0 - self.world.first.0;
        let merged = self.world.first.0 + random.between(days / 3, days * 3 / 4);
        let given_up = crate::day::Day(merged).at(15, 30);
        let is_late = random.chance(self.world.data.event_rate("merged_late"));
        let days = random.between(40, 300);
        let told = if is_late { given_up.after_minutes(days * 24 * 60) } else { given_up };
        two.then(|| Second { number: format!("P9{:07}", person.index), given_up, told })
    }

    /// PID with everything; with `is_short` only who it is.
    fn patient(
        &self,
        out: &mut String,
        known: &Known<'_>,
        id: &str,
        is_short: bool,
        random: &mut Random,
        marks: &mut Vec<Mark>,
    ) {
        let owner = known.owner;
        let sex = if owner.sex == 1 { "M" } else { "F" };
        let name = safe(&known.name);
        if is_short {
            let id = format!("{id}^^^HIS^PI");
            let birth = if known.is_unknown { String::new() } else { owner.birth.digits() };
            segment(out, "PID", &[(1, "1"), (3, &id), (5, &name), (7, &birth), (8, sex)]);
            return;
        }
        if known.is_unknown {
            segment(out, "PID", &[(1, "1"), (3, &format!("{id}^^^HIS^PI")), (5, &name), (8, sex)]);
            return;
        }
        let city = &self.world.data.city;
        let town = &city.town[owner.town];
        let (mut identity, mut sex, mut birth) = (known.identity.to_owned(), sex, owner.birth.digits());
        if owner.identity == known.identity {
            if self.soiler.happens("identity-check-digit", random, marks) {
                identity = wrong_digit(&identity, random);
            } else if self.soiler.happens("sex-contradicts", random, marks) {
                sex = if owner.sex == 1 { "F" } else { "M" };
            } else if self.soiler.happens("birth-contradicts", random, marks) {
                birth = crate::day::Day(owner.birth.0 - 366).digits();
            } else if self.soiler.happens("birth-unreadable", random, marks) {
                "不明".clone_into(&mut birth);
            }
        } else {
            self.soiler.note("mothers-number", marks);
        }
        let elsewhere = self.soiler.happens("identity-in-pid19", random, &mut Vec::new());
        let numbers = if elsewhere || identity.is_empty() {
            format!("{id}^^^HIS^PI")
        } else {
            format!("{id}^^^HIS^PI~{identity}^^^^身份证")
        };
        let village = &town.villages[owner.village];
        let address =
            format!("{}{village}{}^^{}^{}^^^H^^{}", town.name, owner.door, city.city, city.province, city.county);
        let phone = format!("{}^PRN^PH", known.phone);
        let marital = format!("{}^{}", owner.marital.0, owner.marital.1);
        let other = if elsewhere { identity.as_str() } else { "" };
        segment(
            out,
            "PID",
            &[
                (1, "1"),
                (3, &numbers),
                (5, &name),
                (7, &birth),
                (8, sex),
                (11, &address),
                (13, &phone),
                (16, &marital),
                (19, other),
            ],
        );
    }

    fn visit_segment(&self, out: &mut String, visit: &Visit, number: &str, end: Option<Moment>, is_short: bool) {
        let class = class_of(visit);
        if is_short {
            segment(out, "PV1", &[(1, "1"), (2, class), (19, number)]);
            return;
        }
        let department = &self.world.data.city.department[visit.department];
        let doctor = self.doctor(visit);
        let place = match &visit.stay {
            Some(stay) => {
                let ward = if department.ward.is_empty() { &department.name } else { &department.ward };
                format!("{ward}^{}^{}", stay.room, stay.bed)
            }
            None => department.name.clone(),
        };
        let service = format!("{}^{}", department.code, department.name);
        let doctor = person_field(doctor);
        let start = visit.start.digits();
        let end = end.map(Moment::digits).unwrap_or_default();
        let leaving = if end.is_empty() { "" } else { "1^医嘱离院" };
        let leaving = if visit.stay.is_some() { leaving } else { "" };
        segment(
            out,
            "PV1",
            &[
                (1, "1"),
                (2, class),
                (3, &place),
                (7, &doctor),
                (10, &service),
                (19, number),
                (36, leaving),
                (44, &start),
                (45, &end),
            ],
        );
    }

    fn doctor(&self, visit: &Visit) -> &'w Staff {
        self.world.staff(Place::City, visit.department, visit.doctor)
    }

    /// One visit: what is sent as messages.
    pub fn visit(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<Sent, SynthError> {
        self.visits += 1;
        let is_stay = visit.stay.is_some();
        let number = format!("{}{:09}", if is_stay { "ZY" } else { "MZ" }, self.visits);
        let id = self.patient_id(known, visit);
        if !self.known {
            self.known = true;
            self.announce(known, &known.patient, "", truth)?;
        }
        if id != known.patient && !self.is_second_used {
            self.is_second_used = true;
            let told = self.second_number(known.person).map(|second| second.told);
            let is_joined = told.is_some_and(|told| told <= self.world.now());
            self.announce(known, &id, if is_joined { known.patient.as_str() } else { "" }, truth)?;
        }
        let mut sent = Sent { number: number.clone(), ..Sent::default() };
        let late = random.chance(self.world.data.event_rate("result_before_visit"));
        let at = if late && !visit.reports.is_empty() { visit.start.after_minutes(380) } else { visit.start };
        let at = at.min(self.world.now());
        let mut marks = Vec::new();
        let kind = if is_stay { "ADT^A01" } else { "ADT^A04" };
        sent.is_set_aside =
            self.admission(kind, known, visit, &id, &number, (visit.start, at), None, random, &mut marks)?;
        if let Fate::Cancelled(minutes) = visit.fate {
            let later = at.after_minutes(minutes);
            if later <= self.world.now() {
                sent.is_cancelled = true;
                self.admission("ADT^A11", known, visit, &id, &number, (later, later), None, random, &mut Vec::new())?;
            }
        }
        if !sent.is_cancelled {
            self.orders(known, visit, &id, &number, &mut sent, random, truth)?;
            self.medicines(known, visit, &id, &number, random, truth)?;
            let charged = visit.stay.as_ref().map_or(Some(visit.start.after_minutes(25)), |stay| stay.discharged);
            if let Some(charged) = charged {
                self.charges(known, visit, &id, &number, charged, random, truth)?;
            }
            if let Some(stay) = &visit.stay {
                self.discharge(known, visit, stay, &id, &number, random)?;
            }
            if random.chance(self.world.data.event_rate("updated")) {
                let later = visit.start.after_minutes(random.between(5, 40));
                self.admission("ADT^A08", known, visit, &id, &number, (later, later), None, random, &mut Vec::new())?;
            }
        }
        Ok(sent)
    }

    /// `joined`: the number with which the hospital itself says that this one is one; empty when it does not.
    fn announce(&self, known: &Known<'_>, patient: &str, joined: &str, truth: &mut Truth) -> Result<(), SynthError> {
        let mut line = serde_json::json!({
            "person": known.person.index, "sender": "city-hospital",
            "institution": self.world.code(Place::City), "patient": patient, "name": known.name,
            "borrowed": known.owner.index != known.person.index,
        });
        if !joined.is_empty() {
            line["joined"] = joined.into();
        }
        truth.registration(&line)
    }

    /// A message about the visit itself. Returns whether it is set aside. `(event, sent)`: when it happened, when it is sent.
    #[expect(clippy::too_many_arguments, reason = "a message is about a patient, a visit, a moment")]
    fn admission(
        &mut self,
        kind: &str,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        (event, at): (Moment, Moment),
        end: Option<Moment>,
        random: &mut Random,
        marks: &mut Vec<Mark>,
    ) -> Result<bool, SynthError> {
        if at > self.world.now() {
            return Ok(false);
        }
        let (mut out, control) = self.head(kind, "HIS", at.after_minutes(1));
        segment(&mut out, "EVN", &[(1, &kind[4..]), (2, &event.digits())]);
        let is_first = matches!(kind, "ADT^A01" | "ADT^A04");
        let is_full = is_first || kind == "ADT^A08";
        self.patient(&mut out, known, id, !is_full, random, marks);
        let is_numberless = is_first && self.soiler.happens("visit-number-missing", random, marks);
        let is_turned = kind == "ADT^A03" && self.soiler.happens("discharge-before-admission", random, marks);
        let shown_number = if is_numberless { "" } else { number };
        let is_short = matches!(kind, "ADT^A11" | "ADT^A13");
        match end.filter(|_| is_turned) {
            Some(end) => {
                let turned = Visit { start: end, ..visit.clone() };
                self.visit_segment(&mut out, &turned, shown_number, Some(visit.start), false);
            }
            None => self.visit_segment(&mut out, visit, shown_number, end, is_short),
        }
        if is_first && visit.stay.is_some() {
            let reason = format!("^{}", safe(&visit.complaint));
            segment(&mut out, "PV2", &[(3, &reason)]);
        }
        if visit.stay.is_some() && matches!(kind, "ADT^A01" | "ADT^A03") {
            let diagnosis = format!("{}^{}^ICD10", visit.diagnosis.0, safe(visit.diagnosis.1));
            let doctor = person_field(self.doctor(visit));
            let role = if kind == "ADT^A01" { "A" } else { "F" };
            segment(
                &mut out,
                "DG1",
                &[(1, "1"), (3, &diagnosis), (5, &event.digits()), (6, role), (15, "1"), (16, &doctor)],
            );
        }
        if kind == "ADT^A03"
            && let Some((code, name, when)) = visit.stay.as_ref().and_then(|stay| stay.procedure)
        {
            let procedure = format!("{code}^{}^ICD9CM3", safe(name));
            let doctor = person_field(self.doctor(visit));
            segment(&mut out, "PR1", &[(1, "1"), (3, &procedure), (5, &when.digits()), (11, &doctor)]);
        }
        // The city hospital alone has asked what the hero is allergic to.
        if is_first && !known.owner.allergy.is_empty() && !known.is_unknown {
            let allergen = format!("{0}^{0}", known.owner.allergy);
            let kind = if known.owner.allergy == "海鲜" { "FA" } else { "DA" };
            segment(&mut out, "AL1", &[(1, "1"), (2, kind), (3, &allergen), (4, "MO"), (5, "皮疹")]);
        }
        if kind == "ADT^A08" && self.soiler.happens("local-segment", random, marks) {
            out.push_str("ZPI|1|来院方式|自行\r");
        }
        let is_set_aside = marks.iter().any(|mark| mark.set_aside);
        let key = format!("{}||{}|{number}", self.world.code(Place::City), class_of(visit));
        self.put(at, &key, control, out, random, marks)?;
        Ok(is_set_aside)
    }

    fn discharge(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        stay: &Stay,
        id: &str,
        number: &str,
        random: &mut Random,
    ) -> Result<(), SynthError> {
        let Some(end) = stay.discharged else { return Ok(()) };
        let mut marks = Vec::new();
        let last = stay
            .discharge_taken_back
            .map(|minutes| end.after_minutes(minutes))
            .filter(|last| *last <= self.world.now());
        if let Some(last) = last {
            self.admission("ADT^A03", known, visit, id, number, (end, end), Some(end), random, &mut vec![quiet()])?;
            let back = end.after_minutes(20);
            self.admission("ADT^A13", known, visit, id, number, (back, back), None, random, &mut vec![quiet()])?;
            self.admission("ADT^A03", known, visit, id, number, (last, last), Some(last), random, &mut vec![quiet()])?;
            return Ok(());
        }
        self.admission("ADT^A03", known, visit, id, number, (end, end), Some(end), random, &mut marks)?;
        Ok(())
    }

    fn medicines(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let at = visit.start.after_minutes(15);
        if visit.medicines.is_empty() || at > self.world.now() {
            return Ok(());
        }
        let prescription = format!("CF{:010}", self.next_number());
        let (mut out, control) = self.head("RDE^O11", "HIS", at);
        self.patient(&mut out, known, id, true, random, &mut Vec::new());
        self.visit_segment(&mut out, visit, number, None, true);
        let (time, doctor) = (at.digits(), person_field(self.doctor(visit)));
        for (position, (medicine, days)) in visit.medicines.iter().enumerate() {
            let order = format!("{prescription}-{}", position + 1);
            segment(&mut out, "ORC", &[(1, "NW"), (2, &order), (4, &prescription), (9, &time), (12, &doctor)]);
            let timing = format!("^{}^D{days}", medicine.frequency[0].to_uppercase());
            let drug = format!("{}^{}^L", medicine.code, safe(&medicine.name));
            let instruction = format!("^{}", medicine.frequency[1]);
            let packs = bill::packs(*days).to_string();
            segment(
                &mut out,
                "RXE",
                &[
                    (1, &timing),
                    (2, &drug),
                    (3, &medicine.dose),
                    (5, &medicine.unit),
                    (7, &instruction),
                    (10, &packs),
                    (11, "盒"),
                    (13, &doctor),
                    (15, &prescription),
                ],
            );
            let route = format!("{}^{}", bill::route_code(&medicine.route), medicine.route);
            segment(&mut out, "RXR", &[(1, &route)]);
            truth.event(&Event {
                kind: "prescription",
                sender: "city-hospital",
                institution: self.world.code(Place::City),
                patient: id,
                person: known.person.index,
                number: &prescription,
                item: &order,
                name: &medicine.name,
                status: "active",
                at: at.day().to_string(),
                is_kept: true,
                ..Event::default()
            })?;
        }
        let key = format!("{}|{prescription}-1", self.world.code(Place::City));
        self.put(at, &key, control, out, random, &mut vec![quiet()])
    }

    #[expect(clippy::too_many_arguments, reason = "charges stand in a visit of a patient")]
    fn charges(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let lines = bill::lines(visit);
        let bill_number = format!("F{:010}", self.next_number());
        let all: Vec<(usize, &bill::BillLine)> = lines.iter().enumerate().collect();
        self.bill(known, visit, id, number, &bill_number, &all, false, at, random, truth)?;
        if let (Some(days), Some(last)) = (visit.refund_after_days, all.last()) {
            let later = at.after_minutes(days * 24 * 60);
            let refund = format!("T{:010}", self.next_number());
            self.bill(known, visit, id, number, &refund, &[*last], true, later, random, truth)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a bill stands in a visit of a patient")]
    fn bill(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        bill_number: &str,
        lines: &[(usize, &bill::BillLine)],
        is_refund: bool,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        if at > self.world.now() {
            return Ok(());
        }
        let (mut out, control) = self.head("DFT^P03", "HIS", at.after_minutes(1));
        segment(&mut out, "EVN", &[(1, "P03"), (2, &at.digits())]);
        self.patient(&mut out, known, id, true, random, &mut Vec::new());
        self.visit_segment(&mut out, visit, number, None, true);
        let time = at.digits();
        for (position, line) in lines {
            let sequence = (position + 1).to_string();
            let item = format!("{}^{}^L", safe(&line.code), safe(&line.name));
            let kind = format!("^{}", line.kind);
            let (amount, price) = (money(line.amount_cents()), money(line.price_cents));
            segment(
                &mut out,
                "FT1",
                &[
                    (1, &sequence),
                    (2, bill_number),
                    (4, &time),
                    (6, if is_refund { "CD" } else { "CG" }),
                    (7, &item),
                    (10, &line.count.to_string()),
                    (11, &amount),
                    (12, &price),
                    (17, &kind),
                ],
            );
            let signed = if is_refund { -line.amount_cents() } else { line.amount_cents() };
            truth.event(&Event {
                kind: if is_refund { "refund" } else { "charge" },
                sender: "city-hospital",
                institution: self.world.code(Place::City),
                patient: id,
                person: known.person.index,
                number: bill_number,
                item: &sequence,
                name: &line.name,
                value: &money(signed),
                unit: "CNY",
                status: "billed",
                at: at.day().to_string(),
                is_kept: true,
            })?;
        }
        let key = format!("{}|{bill_number}|{}|1", self.world.code(Place::City), if is_refund { 2 } else { 1 });
        self.put(at, &key, control, out, random, &mut vec![quiet()])
    }

    /// A40: the second number of somebody is given up.
    pub fn merge(&mut self, known: &Known<'_>, random: &mut Random) -> Result<(), SynthError> {
        let Some(second) = self.second_number(known.person).filter(|_| self.is_second_used) else {
            return Ok(());
        };
        self.join(known, &second.number, second.told, true, random)
    }

    /// A40: what stands under one number is the person of another one.
    pub(super) fn join(
        &mut self,
        known: &Known<'_>,
        given_up: &str,
        at: Moment,
        is_short: bool,
        random: &mut Random,
    ) -> Result<(), SynthError> {
        if at > self.world.now() {
            return Ok(());
        }
        let (mut out, control) = self.head("ADT^A40^ADT_A39", "HIS", at);
        segment(&mut out, "EVN", &[(1, "A40"), (2, &at.digits())]);
        self.patient(&mut out, known, &known.patient, is_short, random, &mut Vec::new());
        let given_up = format!("{given_up}^^^HIS^PI");
        segment(&mut out, "MRG", &[(1, &given_up)]);
        let key = format!("{}|{}", self.world.code(Place::City), known.patient);
        self.put(at, &key, control, out, random, &mut vec![quiet()])
    }

    /// Into the day's file, in the encoding and with the line ends that this message has.
    fn put(
        &mut self,
        at: Moment,
        key: &str,
        control: String,
        mut text: String,
        random: &mut Random,
        marks: &mut Vec<Mark>,
    ) -> Result<(), SynthError> {
        if at > self.world.now() {
            return Ok(());
        }
        if self.is_test {
            *marks = self.soiler.test_patient().into_iter().collect();
        }
        let mut bytes = None;
        if self.soiler.happens("charset-lies", random, marks) {
            bytes = Some(encoding_rs::GB18030.encode(&text).0.into_owned());
        } else if self.soiler.happens("charset-missing", random, marks) {
            text = text.replacen("|UNICODE UTF-8\r", "|\r", 1);
            bytes = Some(encoding_rs::GB18030.encode(&text).0.into_owned());
        } else if self.soiler.happens("line-feeds", random, &mut Vec::new()) {
            text = text.replace('\r', "\n");
        }
        let item = Item {
            at,
            kind: 0,
            counted: None,
            key: key.to_owned(),
            control,
            mark: position_of(self.world.data, marks),
            text: bytes.unwrap_or_else(|| text.into_bytes()),
            ..Item::default()
        };
        self.buckets.put(at.day(), &item)?;
        Ok(())
    }
}

/// A mark that stands for nothing and keeps others away: this message stays clean.
fn quiet() -> Mark {
    Mark { id: "", rules: &[], set_aside: false }
}

fn person_field(staff: &Staff) -> String {
    format!("{}^{}", staff.number, staff.name)
}
