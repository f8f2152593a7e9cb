//! Stays, check-ups, follow-ups and contracts.

use super::{About, Known, Tables, Writer};
use crate::SynthError;
use crate::day::{Day, Moment};
use crate::forms::{Row, form};
use crate::life::{Checkup, Contract, Stay};
use crate::random::Random;
use crate::truth::{Event, Truth};
use crate::world::Place;

impl Tables<'_> {
    pub(super) fn discharge(
        &mut self,
        writer: &Writer<'_>,
        stay: &Stay,
        end: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let (visit, known, place) = (writer.visit, writer.known, writer.visit.place);
        let business = self.world.business_day(end);
        let key = self.visit_key(writer);
        let department = &self.world.data.city.department[visit.department];
        let ward = if department.ward.is_empty() { &department.name } else { &department.ward };
        let days = (end.day().0 - visit.start.day().0).max(1);
        let mut row = Row::new(form("discharge_summary"));
        self.visit_cells(&mut row, writer);
        row.set("ZYH", format!("ZY{}", writer.number))
            .set("BAH", format!("BA{}", known.patient))
            .set("ZJLXDM", "01")
            .set("ZJHM", known.identity.to_owned())
            .set("LXDH", known.phone.to_owned())
            .set("XZZ", self.address(known.owner))
            .set("RYSJ", self.time(visit.start, random))
            .set("CYSJ", self.time(end, random))
            .set("SJZYTS", days.to_string())
            .set("BQMC", ward.clone())
            .set("BFH", stay.room.to_string())
            .set("BCH", stay.bed.to_string())
            .set("RYQK", format!("因“{}”入院。{}", visit.complaint, visit.exam))
            .set("ZLGC", stay.course)
            .set("CYQK", stay.outcome)
            .set("CYYZ", visit.advice)
            .set("ZLJGDM", "2")
            .set("RYZDDM", visit.diagnosis.0)
            .set("RYZDMC", visit.diagnosis.1)
            .set("CYZDDM", visit.diagnosis.0)
            .set("CYZDMC", visit.diagnosis.1)
            .set("RJRQ", business.digits());
        let is_newborn = known.owner.identity != known.identity;
        if let Some((code, name, when)) = stay.procedure {
            row.set("SSDM", code).set("SSMC", name).set("SSSJ", when.digits());
        }
        let mut marks = Vec::new();
        if is_newborn {
            self.soiler.note("mothers-number", &mut marks);
        }
        if self.soiler.happens("discharge-before-admission", random, &mut marks) {
            row.set("RYSJ", end.digits()).set("CYSJ", visit.start.digits());
        }
        self.soil_row(&mut row, "ZLGC", random, &mut marks);
        self.soil_key(&mut row, "JZLSH", random, &mut marks);
        let is_kept = !marks.iter().any(|mark| mark.set_aside);
        let about = About { at: end, business, place, counted: Some(0), key: &key };
        self.put(row, &about, &marks)?;
        let event = Event {
            kind: "visit",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &known.patient,
            person: known.person.index,
            number: writer.number,
            item: "I",
            name: self.world.branch(place),
            status: "finished",
            at: visit.start.day().to_string(),
            is_kept,
            ..Event::default()
        };
        truth.event(&event)?;
        let diagnosis =
            Event { kind: "diagnosis", item: visit.diagnosis.0, name: visit.diagnosis.1, status: "confirmed", ..event };
        truth.event(&Event { at: end.day().to_string(), ..diagnosis })
    }

    /// 健康体检 or 随访.
    pub fn checkup(
        &mut self,
        known: &Known<'_>,
        checkup: &Checkup,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = Place::Primary(checkup.clinic);
        let business = self.world.business_day(checkup.at);
        if !self.is_sent(business) || !self.is_sent(checkup.at.day()) {
            return Ok(());
        }
        if self.is_new_at(place) {
            self.patient(known, place, checkup.at, random, truth)?;
        }
        self.counters.papers += 1;
        let is_follow_up = !checkup.follow_up.is_empty();
        let number = format!("{}{:08}", if is_follow_up { "SF" } else { "TJ" }, self.counters.papers);
        let doctor = self.world.staff(place, 0, self.counters.papers as usize).clone();
        let bmi = checkup.weight_kg / (checkup.height_cm / 100.0).powi(2);
        let mut row = Row::new(form(if is_follow_up { "follow_up" } else { "physical" }));
        self.person_cells(&mut row, known, place);
        let time = self.time(checkup.at, random);
        row.set("TJBH", number.clone())
            .set("SFBH", number.clone())
            .set("SFLX", if checkup.follow_up == "diabetes" { "2" } else { "1" })
            .set("TJRQ", time.clone())
            .set("SFRQ", time)
            .set("SFFS", "1")
            .set("SG", format!("{:.0}", checkup.height_cm))
            .set("TZ", format!("{:.1}", checkup.weight_kg))
            .set("BMI", format!("{bmi:.1}"))
            .set("MB", checkup.vitals.pulse.to_string())
            .set("SSY", checkup.vitals.systolic.to_string())
            .set("SZY", checkup.vitals.diastolic.to_string())
            .set("FYYCX", "1")
            .set("XCSFRQ", Day(checkup.at.day().0 + 90).digits())
            .set("YSGH", doctor.number)
            .set("YSXM", doctor.name)
            .set("XGBZ", "1")
            .set("RJRQ", business.digits());
        let has_glucose = checkup.follow_up != "hypertension";
        if has_glucose {
            row.set("KFXT", format!("{:.1}", checkup.glucose));
        }
        let blood = self.world.blood(known.person.index);
        row.set("ABOXX", blood.map_or("5", |(abo, _)| abo)).set("RHXX", blood.map_or("", |(_, rh)| rh));
        let key = self.claim(place, &["", "P", &number]);
        let about = About { at: checkup.at, business, place, counted: Some(0), key: &key };
        self.put(row, &about, &[])?;
        let event = Event {
            kind: "visit",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &known.patient,
            person: known.person.index,
            number: &number,
            item: "P",
            status: "finished",
            at: checkup.at.day().to_string(),
            is_kept: true,
            ..Event::default()
        };
        truth.event(&event)?;
        let blood = blood.filter(|_| !is_follow_up);
        measured(checkup, has_glucose, blood, &event, truth)
    }

    /// 签约.
    pub fn contract(
        &mut self,
        known: &Known<'_>,
        contract: Contract,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = Place::Primary(contract.clinic);
        let business = self.world.business_day(contract.from);
        if !self.is_sent(business) {
            return Ok(());
        }
        if self.is_new_at(place) {
            self.patient(known, place, contract.from, random, truth)?;
        }
        self.counters.papers += 1;
        let number = format!("QY{:08}", self.counters.papers);
        let doctor = self.world.staff(place, 0, contract.doctor).clone();
        let from = contract.from.day();
        let to = Day(from.0 + 364);
        let mut row = Row::new(form("contract"));
        self.person_cells(&mut row, known, place);
        row.set("QYBH", number.clone())
            .set("QYRQ", from.digits())
            .set("DQRQ", to.digits())
            .set("TDMC", format!("{}家庭医生团队", self.world.clinics[contract.clinic].name))
            .set("QYZT", "1")
            .set("YSGH", doctor.number.clone())
            .set("YSXM", doctor.name.clone())
            .set("XGBZ", "1")
            .set("RJRQ", business.digits());
        let key = self.claim(place, &[&number]);
        let about = About { at: contract.from, business, place, counted: Some(0), key: &key };
        self.put(row, &about, &[])?;
        truth.event(&Event {
            kind: "contract",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &known.patient,
            person: known.person.index,
            number: &number,
            item: &doctor.number,
            name: &doctor.name,
            status: "active",
            at: from.to_string(),
            is_kept: true,
            ..Event::default()
        })
    }
}

/// What a checkup measured, as the truth has it.
fn measured(
    checkup: &Checkup,
    has_glucose: bool,
    blood: Option<(&str, &str)>,
    event: &Event<'_>,
    truth: &mut Truth,
) -> Result<(), SynthError> {
    let systolic = checkup.vitals.systolic.to_string();
    let diastolic = checkup.vitals.diastolic.to_string();
    let glucose = format!("{:.1}", checkup.glucose);
    for (item, value, unit) in [
        ("DE04.10.174.00", &systolic, "mmHg"),
        ("DE04.10.176.00", &diastolic, "mmHg"),
        ("DE04.50.102.00", &glucose, "mmol/L"),
    ] {
        if item != "DE04.50.102.00" || has_glucose {
            truth.event(&Event { kind: "result", item, value, unit, status: "final", ..event.clone() })?;
        }
    }
    let Some((abo, rh)) = blood else { return Ok(()) };
    for (item, value) in [("DE04.50.001.00", abo), ("DE04.50.010.00", rh)] {
        truth.event(&Event { kind: "blood", item, value, status: "final", ..event.clone() })?;
    }
    Ok(())
}
