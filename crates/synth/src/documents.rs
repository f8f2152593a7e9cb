//! What the city hospital's platform sends as shared documents (WS/T 500): the record of a visit, herbs, examinations,
//! laboratory reports of the wards, front pages and discharge summaries. One file each, in a folder per day.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use formats::cda::write::{self as cda, Document, Drug, Person as Signer, Said, WrittenEntry, WrittenSection, filled};
use standards::cda::Entry;

use crate::SynthError;
use crate::bill;
use crate::day::Moment;
use crate::life::{Report, Stay, Visit};
use crate::measure::{money, show};
use crate::messages::Sent;
use crate::people::Role;
use crate::random::Random;
use crate::tables::Known;
use crate::truth::{Event, Truth};
use crate::world::{Place, Staff, World};

const OUTPATIENT: &str = "2.16.156.10011.1.11";
const INPATIENT: &str = "2.16.156.10011.1.12";
const PRESCRIPTION: &str = "2.16.156.10011.1.20";
const EXAMINATION_REPORT: &str = "2.16.156.10011.1.32";
const LABORATORY_REPORT: &str = "2.16.156.10011.1.33";
const SPECIMEN: &str = "2.16.156.10011.1.14";

/// Values for places of a template: section and data element.
type Values = HashMap<(usize, &'static str), Said>;

/// Writes the documents of the city hospital.
pub(crate) struct Documents<'w> {
    world: &'w World,
    folder: PathBuf,
    /// Templates with nothing in them, by type.
    empty: HashMap<&'static str, Document>,
    number: u64,
    /// Bytes and files written.
    pub bytes: u64,
    pub files: u64,
    made: Option<String>,
}

/// What every document of a visit says.
struct About<'a> {
    known: &'a Known<'a>,
    patient: &'a str,
    visit: &'a Visit,
    sent: &'a Sent,
}

fn plain(text: impl Into<String>) -> Said {
    Said::Plain(text.into())
}

fn code(code: &str, word: &str) -> Said {
    Said::Code(code.to_owned(), word.to_owned())
}

impl<'w> Documents<'w> {
    pub fn new(world: &'w World, out: &std::path::Path) -> Self {
        let folder = out.join("city-hospital").join("documents");
        Self { world, folder, empty: HashMap::new(), number: 0, bytes: 0, files: 0, made: None }
    }

    /// The documents of a visit.
    pub fn visit(
        &mut self,
        known: &Known<'_>,
        patient: &str,
        visit: &Visit,
        sent: &Sent,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        if sent.is_cancelled {
            return self.visit_event(known, patient, visit, sent, "cancelled", true, truth);
        }
        let about = About { known, patient, visit, sent };
        // A document about an outpatient says that the visit is over: none is written while somebody still waits.
        let is_waiting = visit.stay.is_none() && visit.start.day() == self.world.today;
        for examination in 0..if is_waiting { 0 } else { visit.examinations.len() } {
            self.examination(&about, examination, random, truth)?;
        }
        for position in &sent.documents {
            let report = &visit.reports[*position];
            let number = format!("BG{:010}", sent.report_base + *position as u64 + 1);
            self.laboratory(&about, report, &number, random, truth)?;
        }
        match &visit.stay {
            Some(stay) => self.stay(&about, stay, random, truth),
            None => self.outpatient(&about, random, truth),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an event is about a visit of a patient")]
    fn visit_event(
        &self,
        known: &Known<'_>,
        patient: &str,
        visit: &Visit,
        sent: &Sent,
        status: &'static str,
        is_said: bool,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        truth.event(&Event {
            kind: "visit",
            sender: "city-hospital",
            institution: self.world.code(Place::City),
            patient,
            person: known.person.index,
            number: &sent.number,
            item: if visit.stay.is_some() { "I" } else { "O" },
            status,
            at: visit.start.day().to_string(),
            is_kept: is_said,
            ..Event::default()
        })
    }

    fn doctor(&self, visit: &Visit) -> &'w Staff {
        self.world.staff(Place::City, visit.department, visit.doctor)
    }

    /// An empty document of a type with its header.
    fn head(&mut self, kind: &'static str, about: &About<'_>, at: Moment, numbers: &[(&str, &str)]) -> Document {
        self.number += 1;
        let About { known, visit, sent, .. } = about;
        let owner = known.owner;
        let mut document = Document { code: kind.to_owned(), version: 1, ..Document::default() };
        document.id = format!("D{:010}", self.number);
        document.effective = at.digits();
        let is_stay = visit.stay.is_some();
        let visit_root = if is_stay { INPATIENT } else { OUTPATIENT };
        let mut all = vec![
            (crate::CITY_PATIENT_ROOT.to_owned(), about.patient.to_owned()),
            (visit_root.to_owned(), sent.number.clone()),
        ];
        all.extend(numbers.iter().map(|(root, number)| ((*root).to_owned(), (*number).to_owned())));
        let city = &self.world.data.city;
        let town = &city.town[owner.town];
        let pair = |(code, word): (&str, &str)| (code.to_owned(), word.to_owned());
        document.patient = cda::Patient {
            numbers: all,
            identity: known.identity.to_owned(),
            name: known.name.clone(),
            sex: pair((if owner.sex == 1 { "1" } else { "2" }, owner.sex_word())),
            birth: owner.birth.digits(),
            age_years: owner.age(visit.start.day()).max(0).to_string(),
            kind: pair(if is_stay { ("3", "住院") } else { ("1", "门诊") }),
            marital: pair(owner.marital),
            ethnic: pair(("01", "汉族")),
            // The template's table for occupations is not the catalogue's: left out, as most senders do.
            occupation: pair(("", "")),
            telephone: known.phone.to_owned(),
            address: [
                city.province.clone(),
                city.city.clone(),
                city.county.clone(),
                town.name.clone(),
                town.villages[owner.village].clone(),
                owner.door.clone(),
            ],
        };
        let doctor = self.doctor(visit);
        document.author = signer(doctor, "主治医师");
        document.author_time = at.after_minutes(-10).digits();
        document.institution = (city.city_hospital.document_code.clone(), city.city_hospital.name.clone());
        document.signers = vec![signer(doctor, "主治医师")];
        let department = &city.department[visit.department];
        let (room, bed, ward) = match &visit.stay {
            Some(stay) => (stay.room.to_string(), stay.bed.to_string(), department.ward.clone()),
            None => (String::new(), String::new(), String::new()),
        };
        document.visit = cda::Visit {
            admission: if is_stay { pair(("2", "门诊")) } else { pair(("", "")) },
            start: visit.start.digits(),
            end: visit.stay.as_ref().and_then(|stay| stay.discharged).map(Moment::digits).unwrap_or_default(),
            bed,
            room,
            department: (department.code.clone(), department.name.clone()),
            ward,
        };
        document
    }

    /// Sections of a type with these values; places without one are left out.
    fn body(&mut self, kind: &'static str, values: &Values) -> Vec<WrittenSection> {
        let empty =
            self.empty.entry(kind).or_insert_with(|| filled(kind, &mut |_, _| Said::Nothing).unwrap_or_default());
        let Some(template) = standards::cda::document(kind) else { return Vec::new() };
        let mut sections = Vec::with_capacity(empty.sections.len());
        for section in &empty.sections {
            let known = &template.sections[section.number].entries;
            let entries: Vec<WrittenEntry> =
                section.entries.iter().filter_map(|entry| fill(entry, section.number, known, values)).collect();
            if !entries.is_empty() {
                sections.push(WrittenSection { number: section.number, text: String::new(), entries });
            }
        }
        sections
    }

    fn outpatient(&mut self, about: &About<'_>, random: &mut Random, truth: &mut Truth) -> Result<(), SynthError> {
        let visit = about.visit;
        let at = visit.start.after_minutes(45);
        let (known, patient) = (about.known, about.patient);
        if at > self.world.now() || visit.start.day() == self.world.today {
            // Still in the waiting room.
            return self.visit_event(known, patient, visit, about.sent, "in-progress", !about.sent.is_set_aside, truth);
        }
        if visit.tcm.is_some() {
            self.herbs(about, random, truth)?;
        }
        let allergy = about.known.owner.allergy;
        let mut values: Values = HashMap::from([
            ((0, "DE02.10.023.00"), plain(if allergy.is_empty() { "false" } else { "true" })),
            ((1, "DE04.01.119.00"), plain(&*visit.complaint)),
            ((2, "DE02.10.071.00"), plain(&*visit.history)),
            ((4, "DE04.10.258.00"), plain(visit.exam)),
            ((6, "DE06.00.196.00"), code("2", "复诊")),
            ((6, "DE05.01.025.00"), plain(visit.diagnosis.1)),
            ((6, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
        ]);
        if !allergy.is_empty() {
            values.insert((0, "DE05.01.022.00"), plain(format!("{allergy}过敏")));
        }
        if let Some(tcm) = visit.tcm {
            values.insert((7, "DE06.00.300.00"), plain(&*tcm.principle));
        }
        let mut document = self.head("C0002", about, at, &[]);
        document.sections = self.body("C0002", &values);
        if let Some(tcm) = visit.tcm {
            traditional(&mut document, tcm);
        }
        let is_kept = self.put(&document, about, at, random, truth)?;
        if is_kept && random.chance(self.world.data.event_rate("document_corrected")) {
            // The same id and version 1 again, with other content: how corrections really come.
            values.insert((2, "DE02.10.071.00"), plain(format!("{}补充：近期睡眠可。", visit.history)));
            document.sections = self.body("C0002", &values);
            let later = at.after_minutes(random.between(100, 900));
            document.effective = later.digits();
            if later <= self.world.now() {
                self.write(&document, "-2", later, None, truth)?;
            }
        }
        let status = if is_kept { "finished" } else { "in-progress" };
        self.visit_event(known, patient, visit, about.sent, status, is_kept || !about.sent.is_set_aside, truth)?;
        self.diagnosis_event(about, at, is_kept, truth)
    }

    fn diagnosis_event(
        &self,
        about: &About<'_>,
        at: Moment,
        is_kept: bool,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        truth.event(&Event {
            kind: "diagnosis",
            sender: "city-hospital",
            institution: self.world.code(Place::City),
            patient: about.patient,
            person: about.known.person.index,
            number: &about.sent.number,
            item: about.visit.diagnosis.0,
            name: about.visit.diagnosis.1,
            at: at.day().to_string(),
            is_kept,
            ..Event::default()
        })
    }

    fn herbs(&mut self, about: &About<'_>, random: &mut Random, truth: &mut Truth) -> Result<(), SynthError> {
        let visit = about.visit;
        let Some(tcm) = visit.tcm else { return Ok(()) };
        let at = visit.start.after_minutes(20);
        let number = format!("ZCF{:010}", about.sent.report_base);
        let values: Values = HashMap::from([
            ((0, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((1, "DE06.00.294.00"), Said::Quantity("3".to_owned(), "天".to_owned())),
            ((1, "DE08.50.049.00"), plain(herbs_in_words(tcm))),
            ((1, "DE08.50.050.00"), Said::Quantity(tcm.doses.to_string(), "剂".to_owned())),
            ((1, "DE08.50.047.00"), plain("水煎服")),
            ((1, "DE06.00.136.00"), plain("每日一剂，分两次温服")),
            ((3, "DE06.00.300.00"), plain(&*tcm.principle)),
        ]);
        let mut document = self.head("C0005", about, at, &[(PRESCRIPTION, &number)]);
        document.sections = self.body("C0005", &values);
        if let Some(section) = document.sections.iter_mut().find(|section| section.number == 1) {
            let drugs = tcm.herbs.iter().map(|(herb, grams)| WrittenEntry {
                number: 0,
                drug: Some(Drug {
                    name: herb.clone(),
                    route: ("001".to_owned(), "口服".to_owned()),
                    dose: (grams.to_string(), "g".to_owned()),
                    frequency: "每日一剂".to_owned(),
                    ..Drug::default()
                }),
                ..WrittenEntry::default()
            });
            section.entries.splice(0..0, drugs);
        }
        let is_kept = self.put(&document, about, at, random, truth)?;
        // The document names the decoction as a whole, and every herb in it.
        let whole = herbs_in_words(tcm);
        for herb in tcm.herbs.iter().map(|(herb, _)| herb).chain(std::iter::once(&whole)) {
            truth.event(&Event {
                kind: "prescription",
                sender: "city-hospital",
                institution: self.world.code(Place::City),
                patient: about.patient,
                person: about.known.person.index,
                number: &number,
                name: herb,
                status: "active",
                at: at.day().to_string(),
                is_kept,
                ..Event::default()
            })?;
        }
        Ok(())
    }

    fn examination(
        &mut self,
        about: &About<'_>,
        position: usize,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let visit = about.visit;
        let examination = visit.examinations[position];
        let at = visit.start.after_minutes(120 + 10 * i32::try_from(position).unwrap_or(0));
        if at > self.world.now() {
            return Ok(());
        }
        let number = format!("JC{:010}", about.sent.report_base + position as u64);
        let hospital = &self.world.data.city.city_hospital.name;
        let values: Values = HashMap::from([
            ((0, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((1, "DE04.01.119.00"), plain(&*visit.complaint)),
            ((4, "DE02.10.027.00"), plain(&*examination.name)),
            ((4, "DE04.30.018.00"), plain(section_word(&examination.section))),
            ((6, "DE04.50.131.00"), plain(&*examination.seen)),
            ((6, "DE04.50.132.00"), plain(&*examination.concluded)),
            ((6, "DE08.10.026.00"), plain("医学影像科")),
            ((6, "DE08.10.013.00"), plain(&**hospital)),
        ]);
        let mut document = self.head("C0006", about, at, &[(EXAMINATION_REPORT, &number)]);
        document.sections = self.body("C0006", &values);
        let is_kept = self.put(&document, about, at, random, truth)?;
        truth.event(&Event {
            kind: "examination",
            sender: "city-hospital",
            institution: self.world.code(Place::City),
            patient: about.patient,
            person: about.known.person.index,
            number: &number,
            item: &examination.code,
            name: &examination.name,
            value: &examination.concluded,
            status: "final",
            at: at.day().to_string(),
            is_kept,
            ..Event::default()
        })
    }

    fn laboratory(
        &mut self,
        about: &About<'_>,
        report: &Report,
        number: &str,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let visit = about.visit;
        let hospital = &self.world.data.city.city_hospital.name;
        let at = report.reported;
        let specimen = format!("S{number}");
        let values: Values = HashMap::from([
            ((0, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((1, "DE04.30.018.00"), plain(&*report.panel.kind)),
            ((2, "DE08.10.026.00"), plain("医学检验科")),
            ((2, "DE08.10.013.00"), plain(&**hospital)),
        ]);
        let mut document = self.head("C0007", about, at, &[(LABORATORY_REPORT, number), (SPECIMEN, &specimen)]);
        document.sections = self.body("C0007", &values);
        let shown: Vec<_> = report.results.iter().map(|one| show(self.world, Place::City, one)).collect();
        let items = shown.iter().map(|shown| {
            let text = |number: usize, value: Said| WrittenEntry { number, value, ..WrittenEntry::default() };
            let mut specimen = text(5, plain(&*report.panel.specimen));
            specimen.period = (report.sampled.digits(), report.sampled.after_minutes(15).digits());
            let mut item = text(4, code(shown.code, shown.name));
            item.time = at.after_minutes(-20).digits();
            item.children = vec![specimen];
            let judged = text(
                7,
                if shown.value.contains('-') || matches!(shown.flag, "N") {
                    code("1", "正常")
                } else {
                    code("2", "异常")
                },
            );
            let value = if shown.is_number {
                let mut value = text(9, Said::Quantity(shown.value.clone(), shown.unit.to_owned()));
                value.range = (shown.low.clone(), shown.high.clone());
                value.flag = shown.flag.to_owned();
                value.children = vec![text(10, plain(shown.unit))];
                value
            } else {
                text(8, plain(&*shown.value))
            };
            WrittenEntry { number: 3, children: vec![item, judged, value], ..WrittenEntry::default() }
        });
        let panel = WrittenEntry {
            number: 2,
            name: report.panel.name.clone(),
            children: items.collect(),
            ..WrittenEntry::default()
        };
        if let Some(section) = document.sections.iter_mut().find(|section| section.number == 1) {
            section.entries.push(panel);
        }
        let is_kept = self.put(&document, about, at, random, truth)?;
        for shown in &shown {
            truth.event(&Event {
                kind: "result",
                sender: "city-hospital",
                institution: self.world.code(Place::City),
                patient: about.patient,
                person: about.known.person.index,
                number,
                item: shown.code,
                name: shown.name,
                value: &shown.value,
                unit: shown.unit,
                status: "final",
                at: at.day().to_string(),
                is_kept,
            })?;
        }
        Ok(())
    }

    fn stay(
        &mut self,
        about: &About<'_>,
        stay: &Stay,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let visit = about.visit;
        let (known, patient) = (about.known, about.patient);
        let written =
            stay.discharged.map(|end| (end, end.after_minutes(240))).filter(|(_, at)| *at <= self.world.now());
        let Some((end, at)) = written else {
            let status =
                if stay.discharged.is_some_and(|end| end <= self.world.now()) { "finished" } else { "in-progress" };
            return self.visit_event(known, patient, visit, about.sent, status, !about.sent.is_set_aside, truth);
        };
        let hours = (end.0 - visit.start.0) / 3_600;
        let mut is_kept = false;
        if hours < 24 {
            let values: Values = HashMap::from([
                ((0, "DE04.01.119.00"), plain(&*visit.complaint)),
                ((1, "DE02.10.071.00"), plain(&*visit.history)),
                ((2, "DE05.10.143.00"), plain("true")),
                ((3, "DE05.01.025.00"), plain(visit.diagnosis.1)),
                ((3, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
                ((5, "DE05.10.148.00"), plain(visit.exam)),
                ((5, "DE06.00.296.00"), plain(stay.course)),
                ((5, "DE06.00.193.00"), plain(stay.outcome)),
                ((6, "DE05.01.025.00"), plain(visit.diagnosis.1)),
                ((6, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
                ((7, "DE06.00.287.00"), plain(visit.advice)),
            ]);
            let mut document = self.head("C0035", about, at, &[]);
            document.sections = self.body("C0035", &values);
            is_kept |= self.put(&document, about, at, random, truth)?;
        } else {
            is_kept |= self.summary(about, stay, end, at, random, truth)?;
        }
        is_kept |= self.front_page(about, stay, end, at.after_minutes(30), random, truth)?;
        self.visit_event(known, patient, visit, about.sent, "finished", is_kept || !about.sent.is_set_aside, truth)?;
        self.diagnosis_event(about, at, is_kept, truth)
    }

    fn summary(
        &mut self,
        about: &About<'_>,
        stay: &Stay,
        end: Moment,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<bool, SynthError> {
        let visit = about.visit;
        let days = (end.day().0 - visit.start.day().0).max(1).to_string();
        let values: Values = HashMap::from([
            ((0, "DE05.10.148.00"), plain(format!("因“{}”入院。{}", visit.complaint, visit.exam))),
            ((1, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((2, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((2, "DE04.01.117.00"), plain(stay.outcome)),
            ((2, "DE06.00.193.00"), plain("好转")),
            ((5, "DE06.00.296.00"), plain(stay.course)),
            ((5, "DE05.10.113.00"), code("2", "好转")),
            ((5, "DE06.00.310.00"), Said::Quantity(days, "天".to_owned())),
            ((6, "DE06.00.287.00"), plain(visit.advice)),
        ]);
        let mut document = self.head("C0053", about, at, &[]);
        document.sections = self.body("C0053", &values);
        self.put(&document, about, at, random, truth)
    }

    fn front_page(
        &mut self,
        about: &About<'_>,
        stay: &Stay,
        end: Moment,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<bool, SynthError> {
        let visit = about.visit;
        if at > self.world.now() {
            return Ok(false);
        }
        let days = (end.day().0 - visit.start.day().0).max(1).to_string();
        let mut kinds = [0_i64; 5];
        for line in bill::lines(visit) {
            let at = match line.kind {
                "综合医疗服务费" => 0,
                "化验费" => 1,
                "检查费" => 2,
                "手术费" => 3,
                _ => 4,
            };
            kinds[at] += line.amount_cents();
        }
        let total: i64 = kinds.iter().sum();
        let mut values: Values = HashMap::from([
            ((1, "DE05.01.025.00"), plain(visit.diagnosis.1)),
            ((1, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((4, "DE05.01.025.00"), plain(visit.diagnosis.1)),
            ((4, "DE05.01.024.00"), code(visit.diagnosis.0, visit.diagnosis.1)),
            ((4, "DE09.00.104.00"), code("1", "有")),
            ((4, "DE06.00.223.00"), code("1", "医嘱离院")),
            ((8, "DE02.10.090.00"), Said::Quantity("1".to_owned(), "次".to_owned())),
            ((9, "DE06.00.310.00"), Said::Quantity(days, "天".to_owned())),
            ((11, "DE06.00.194.00"), plain("false")),
            ((12, "DE07.00.007.00"), code("01", "城镇职工基本医疗保险")),
            ((12, "HDSD00.11.142"), plain(money(total))),
            ((12, "HDSD00.11.143"), plain(money(total / 3))),
        ]);
        for (element, amount) in
            ["HDSD00.11.147", "HDSD00.11.123", "HDSD00.11.124", "HDSD00.11.131", "HDSD00.11.098"].into_iter().zip(kinds)
        {
            if amount > 0 {
                values.insert((12, element), plain(money(amount)));
            }
        }
        let mut document = self.head("C0032", about, at, &[]);
        document.sections = self.body("C0032", &values);
        for section in &mut document.sections {
            // One main diagnosis: the place for the others stays empty.
            if matches!(section.number, 1 | 4) {
                section.entries.retain(|entry| !matches!((section.number, entry.number), (1, 3) | (4, 4)));
            }
        }
        if let Some((procedure, name, when)) = stay.procedure {
            let operation = WrittenEntry {
                number: 0,
                value: code(procedure, name),
                time: when.digits(),
                performer: Some(signer(self.doctor(visit), "副主任医师")),
                children: vec![WrittenEntry { number: 1, value: plain(name), ..WrittenEntry::default() }],
                ..WrittenEntry::default()
            };
            let section = WrittenSection { number: 7, text: String::new(), entries: vec![operation] };
            let at = document.sections.iter().position(|known| known.number > 7).unwrap_or(document.sections.len());
            document.sections.insert(at, section);
        }
        self.put(&document, about, at, random, truth)
    }

    /// Writes a document, perhaps with dirt; returns whether it is to be accepted.
    fn put(
        &mut self,
        document: &Document,
        about: &About<'_>,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<bool, SynthError> {
        if at > self.world.now() {
            return Ok(false);
        }
        let is_character = about.known.person.role != Role::None || about.sent.is_set_aside;
        let mut chosen = None;
        for dirt in &self.world.data.dirt.document {
            if random.chance(dirt.rate) && !is_character && chosen.is_none() {
                chosen = Some(dirt);
            }
        }
        let is_newborn = about.visit.is_newborn;
        let chosen = chosen.filter(|_| !is_newborn);
        self.write(document, "", at, chosen, truth)?;
        if is_newborn {
            let number = self.made.clone().unwrap_or_default();
            truth.fault(&serde_json::json!({
                "sender": "city-hospital", "file": number, "path": "ClinicalDocument", "kind": "mothers-number",
                "rules": ["quality.identity.mothers-number"], "set_aside": false, "key": document.id,
            }))?;
        }
        Ok(chosen.is_none_or(|dirt| !dirt.set_aside))
    }

    /// `suffix` tells the files of one document apart.
    fn write(
        &mut self,
        document: &Document,
        suffix: &str,
        at: Moment,
        dirt: Option<&crate::data::DocumentDirt>,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let Some(mut text) = cda::write(document) else { return Ok(()) };
        let mut planted = None;
        if let Some(dirt) = dirt {
            let fits = dirt.change.iter().all(|(from, _)| text.contains(from.as_str()));
            if fits {
                for (from, to) in &dirt.change {
                    text = text.replacen(from.as_str(), to, 1);
                }
                if dirt.dashed_birth {
                    let (from, to) = (&document.patient.birth, dashed(&document.patient.birth));
                    text = text.replacen(
                        &format!("<birthTime value=\"{from}\""),
                        &format!("<birthTime value=\"{to}\""),
                        1,
                    );
                }
                if dirt.base64 {
                    let packed = base64::engine::general_purpose::STANDARD.encode(&text);
                    text = format!(
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Envelope><content>{packed}</content></Envelope>\n"
                    );
                }
                planted = Some(dirt);
            }
        }
        let day = at.day();
        let folder = self.folder.join(day.to_string());
        std::fs::create_dir_all(&folder).map_err(|error| SynthError::Disk(folder.clone(), error))?;
        let name = format!("{}-{}{suffix}.xml", document.code, document.id);
        let path = folder.join(&name);
        std::fs::write(&path, &text).map_err(|error| SynthError::Disk(path, error))?;
        self.bytes += text.len() as u64;
        self.files += 1;
        let shown = format!("documents/{day}/{name}");
        truth.file("city-hospital", &shown, 1, text.len() as u64, false)?;
        if let Some(dirt) = planted {
            truth.fault(&serde_json::json!({
                "sender": "city-hospital", "file": shown, "path": "ClinicalDocument", "kind": dirt.id,
                "rules": dirt.rules, "set_aside": dirt.set_aside, "key": document.id,
            }))?;
        }
        self.made = Some(shown);
        Ok(())
    }
}

fn signer(staff: &Staff, role: &str) -> Signer {
    Signer { number: staff.number.clone(), name: staff.name.clone(), role: role.to_owned() }
}

/// The entry with what is said for it and below it; nothing when nothing is.
fn fill(empty: &WrittenEntry, section: usize, known: &[Entry], values: &Values) -> Option<WrittenEntry> {
    let place = &known[empty.number];
    let value = if place.code.is_empty() { None } else { values.get(&(section, place.code)).cloned() };
    let children: Vec<WrittenEntry> =
        empty.children.iter().filter_map(|child| fill(child, section, known, values)).collect();
    if value.is_none() && children.is_empty() {
        return None;
    }
    Some(WrittenEntry { number: empty.number, value: value.unwrap_or_default(), children, ..WrittenEntry::default() })
}

/// 中医病名 and 证候 of an outpatient record: two groups with the same elements, told apart by their place.
fn traditional(document: &mut Document, tcm: &crate::data::Tcm) {
    let Some(section) = document.sections.iter_mut().find(|section| section.number == 6) else { return };
    for (group, pair) in [(5, &tcm.disease), (8, &tcm.syndrome)] {
        let text = WrittenEntry { number: group + 1, value: plain(&*pair[1]), ..WrittenEntry::default() };
        let coded = WrittenEntry { number: group + 2, value: code(&pair[0], &pair[1]), ..WrittenEntry::default() };
        section.entries.push(WrittenEntry { number: group, children: vec![text, coded], ..WrittenEntry::default() });
    }
}

/// `19680315` as `1968-03-15`.
fn dashed(day: &str) -> String {
    match (day.get(..4), day.get(4..6), day.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => day.to_owned(),
    }
}

fn herbs_in_words(tcm: &crate::data::Tcm) -> String {
    let words: Vec<String> = tcm.herbs.iter().map(|(herb, grams)| format!("{herb}{grams}g")).collect();
    words.join(" ")
}

fn section_word(section: &str) -> &'static str {
    match section {
        "US" => "超声检查",
        "EC" => "心电检查",
        "EN" => "内镜检查",
        "MRI" => "磁共振检查",
        _ => "放射检查",
    }
}
