//! Orders and results of the laboratory: ORM, ORU, preliminary, final and corrected.

use std::fmt::Write as _;

use base64::Engine as _;

use super::{Messages, Sent, person_field, quiet, safe, segment};
use crate::SynthError;
use crate::day::Moment;
use crate::dirt::{Mark, impossible};
use crate::life::{Measured, Report, Visit};
use crate::measure::{Shown, show};
use crate::random::Random;
use crate::tables::Known;
use crate::truth::{Event, Truth};
use crate::world::Place;

impl Messages<'_> {
    #[expect(clippy::too_many_arguments, reason = "orders stand in a visit of a patient")]
    pub(super) fn orders(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        sent: &mut Sent,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        for (position, report) in visit.reports.iter().enumerate() {
            let order = format!("SQ{:010}", self.next_number());
            self.order("NW", known, visit, id, number, &order, report, visit.start.after_minutes(10), random)?;
            if random.chance(self.world.data.event_rate("order_cancelled")) && visit.stay.is_none() {
                self.order("CA", known, visit, id, number, &order, report, visit.start.after_minutes(18), random)?;
                continue;
            }
            // Wards get their reports as documents, the outpatient clinic as messages.
            if visit.stay.is_some() && position % 2 == 0 {
                sent.documents.push(position);
                continue;
            }
            self.results(known, visit, id, number, &order, report, random, truth)?;
        }
        sent.report_base = self.next_number();
        self.numbers += 20;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "an order stands in a visit of a patient")]
    fn order(
        &mut self,
        control_code: &str,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        order: &str,
        report: &Report,
        at: Moment,
        random: &mut Random,
    ) -> Result<(), SynthError> {
        let (mut out, control) = self.head("ORM^O01", "HIS", at);
        self.patient(&mut out, known, id, true, random, &mut Vec::new());
        self.visit_segment(&mut out, visit, number, None, true);
        let (time, doctor) = (at.digits(), person_field(self.doctor(visit)));
        segment(&mut out, "ORC", &[(1, control_code), (2, order), (9, &time), (12, &doctor)]);
        let item = format!("{}^{}^L", report.panel.code, safe(&report.panel.name));
        segment(&mut out, "OBR", &[(1, "1"), (2, order), (4, &item), (5, "R"), (6, &time), (16, &doctor)]);
        let key = format!("{}|{order}", self.world.code(Place::City));
        self.put(at, &key, control, out, random, &mut vec![quiet()])
    }

    /// P, F and C of one report.
    #[expect(clippy::too_many_arguments, reason = "a report stands in a visit of a patient")]
    fn results(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        id: &str,
        number: &str,
        order: &str,
        report: &Report,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let report_number = format!("BG{:010}", self.next_number());
        let many = report.is_preliminary_sent || report.correction.is_some();
        let shown: Vec<Shown> = report.results.iter().map(|one| show(self.world, Place::City, one)).collect();
        let mut letter = Letter { known, visit, id, number, order, report, report_number: &report_number, shown };
        if report.is_preliminary_sent {
            let early = report.reported.after_minutes(-25);
            self.result(&letter, "P", early, random, &mut vec![quiet()])?;
        }
        // What comes in several versions stays clean: a version that is set aside would let an older one stand.
        let mut marks = if many { vec![quiet()] } else { Vec::new() };
        let (mut changed, is_lost) = self.soil_results(&mut letter, random, &mut marks);
        self.result(&letter, "F", report.reported, random, &mut marks)?;
        let is_kept = !is_lost && !marks.iter().any(|mark| mark.set_aside);
        if is_kept && !self.is_test && random.chance(self.world.data.event_rate("message_again")) {
            self.result(&letter, "F", report.reported, random, &mut vec![quiet()])?;
        }
        let mut status = "final";
        if let Some((later, value)) = report.correction {
            let right =
                report.results.first().map(|first| show(self.world, Place::City, &Measured { value, ..*first }));
            if let (Some(first), Some(right)) = (letter.shown.first_mut(), right) {
                *first = right;
            }
            self.result(&letter, "C", later, random, &mut vec![quiet()])?;
            status = "corrected";
        }
        for (position, shown) in letter.shown.iter().enumerate() {
            let code = changed.take_if(|_| position == 0).unwrap_or_else(|| shown.code.to_owned());
            truth.event(&Event {
                kind: "result",
                sender: "city-hospital",
                institution: self.world.code(Place::City),
                patient: id,
                person: known.person.index,
                number: &report_number,
                item: &code,
                name: shown.name,
                value: &shown.value,
                // A word has no unit, whatever stands in the field.
                unit: if shown.value == "见报告" { "" } else { shown.unit },
                status,
                at: report.reported.day().to_string(),
                is_kept,
            })?;
        }
        Ok(())
    }

    /// Faults in the results themselves: the other code of the first item, and whether the record is lost.
    fn soil_results(
        &self,
        letter: &mut Letter<'_>,
        random: &mut Random,
        marks: &mut Vec<Mark>,
    ) -> (Option<String>, bool) {
        let Some(first) = letter.shown.first_mut() else { return (None, false) };
        let is_checked = matches!(first.name, "葡萄糖" | "白细胞计数" | "钾");
        if is_checked && self.soiler.happens("impossible-result", random, marks) {
            first.value = impossible(&first.value);
            return (None, true);
        }
        if self.soiler.happens("patient-missing", random, marks) {
            return (None, true);
        }
        if first.is_number && self.soiler.happens("result-not-a-number", random, marks) {
            "见报告".clone_into(&mut first.value);
            return (None, false);
        }
        if self.soiler.happens("item-unmapped", random, marks) {
            return (Some(format!("ZX{}", first.code)), false);
        }
        (None, false)
    }

    fn result(
        &mut self,
        letter: &Letter<'_>,
        status: &str,
        at: Moment,
        random: &mut Random,
        marks: &mut Vec<Mark>,
    ) -> Result<(), SynthError> {
        if at > self.world.now() {
            return Ok(());
        }
        let has = |marks: &[Mark], id: &str| marks.iter().any(|mark| mark.id == id);
        let (mut out, control) = self.head("ORU^R01", "LIS", at.after_minutes(1));
        let id = if has(marks, "patient-missing") { "" } else { letter.id };
        if id.is_empty() {
            let name = safe(&letter.known.name);
            segment(&mut out, "PID", &[(1, "1"), (5, &name)]);
        } else {
            self.patient(&mut out, letter.known, id, true, random, &mut Vec::new());
        }
        self.visit_segment(&mut out, letter.visit, letter.number, None, true);
        self.request_segment(&mut out, letter, status, at);
        let (report, reported) = (letter.report, at.digits());
        let is_raw =
            letter.shown.iter().any(|shown| shown.unit.contains('^')) && self.soiler.happens("unit-raw", random, marks);
        for (position, shown) in letter.shown.iter().enumerate() {
            let sequence = (position + 1).to_string();
            let prefix = if position == 0 && has(marks, "item-unmapped") { "ZX" } else { "" };
            let item = format!("{prefix}{}^{}^L", safe(shown.code), safe(shown.name));
            let unit = if is_raw { shown.unit.to_owned() } else { safe(shown.unit) };
            let range = if shown.low.is_empty() { String::new() } else { format!("{}-{}", shown.low, shown.high) };
            let kind = if shown.is_number { "NM" } else { "ST" };
            let flag = if shown.flag == "N" { "" } else { shown.flag };
            segment(
                &mut out,
                "OBX",
                &[
                    (1, &sequence),
                    (2, kind),
                    (3, &item),
                    (5, &safe(&shown.value)),
                    (6, &unit),
                    (7, &range),
                    (8, flag),
                    (11, status),
                    (14, &reported),
                ],
            );
        }
        if status == "F" && self.soiler.happens("attached-pdf", random, &mut Vec::new()) {
            let text = format!("%PDF-1.4\n% {} {}\n%%EOF\n", report.panel.code, letter.report_number);
            let packed = base64::engine::general_purpose::STANDARD.encode(text);
            let _ = write!(
                out,
                "OBX|{}|ED|PDF^报告原文||LIS^Application^PDF^Base64^{packed}||||||F\r",
                letter.shown.len() + 1
            );
        }
        let key = format!("{}|{}|{}", self.world.code(Place::City), letter.report_number, report.sampled.day());
        self.put(at, &key, control, out, random, marks)
    }

    /// OBR: which report, of what, when.
    fn request_segment(&self, out: &mut String, letter: &Letter<'_>, status: &str, at: Moment) {
        let report = letter.report;
        let item = format!("{}^{}^L", report.panel.code, safe(&report.panel.name));
        let specimen = format!("1&{}", report.panel.specimen);
        let doctor = person_field(self.doctor(letter.visit));
        let laboratory = self.world.department(Place::City, "医学检验科");
        let technician = self.world.staff(Place::City, laboratory, letter.shown.len());
        let technician = format!("{}&{}", technician.number, technician.name);
        let times = [letter.visit.start.after_minutes(10), report.sampled, report.sampled.after_minutes(20), at];
        let [ordered, sampled, received, reported] = times.map(Moment::digits);
        segment(
            out,
            "OBR",
            &[
                (1, "1"),
                (2, letter.order),
                (3, letter.report_number),
                (4, &item),
                (5, "R"),
                (6, &ordered),
                (7, &sampled),
                (14, &received),
                (15, &specimen),
                (16, &doctor),
                (22, &reported),
                (24, "LAB"),
                (25, status),
                (32, &technician),
            ],
        );
    }
}

/// A report on its way.
struct Letter<'a> {
    known: &'a Known<'a>,
    visit: &'a Visit,
    id: &'a str,
    number: &'a str,
    order: &'a str,
    report: &'a Report,
    report_number: &'a str,
    shown: Vec<Shown>,
}
