//! Laboratory reports and their results, as the tables have them.

use super::{About, Tables, Writer};
use crate::SynthError;
use crate::day::{Day, Moment};
use crate::dirt::impossible;
use crate::forms::{Row, form};
use crate::life::{Measured, Report};
use crate::measure::{Shown, show};
use crate::random::Random;
use crate::sink::Again;
use crate::truth::{Event, Truth};
use crate::world::Staff;

/// What a value was noted too high by, when it is corrected in a month that is sent again.
const RIGHT_SHARE: f64 = 0.94;

impl Tables<'_> {
    pub(super) fn reports(
        &mut self,
        writer: &Writer<'_>,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = writer.visit.place;
        for report in &writer.visit.reports {
            let business = self.world.business_day(report.reported);
            if !self.is_sent(business) {
                continue;
            }
            let day = report.reported.day();
            let count = self.counters.reports.entry((place, day)).or_insert(0);
            *count += 1;
            // Branches share the laboratory's machine, not its counter.
            let number = format!("L{}{count:05}", self.world.branch(place));
            self.report(writer, report, &number, random, truth)?;
        }
        // Counters of days long gone are not needed again only when nobody can be sampled on them: they stay, one per day.
        Ok(())
    }

    fn report(
        &mut self,
        writer: &Writer<'_>,
        report: &Report,
        number: &str,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let (visit, place) = (writer.visit, writer.visit.place);
        let (business, day) = (self.world.business_day(report.reported), report.reported.day());
        let laboratory = self.world.department(place, "医学检验科");
        let technician = self.world.staff(place, laboratory, report.results.len()).clone();
        let doctor = self.doctor(visit).clone();
        let mut row = Row::new(form("lab_report"));
        self.visit_cells(&mut row, writer);
        row.set("BGDH", number.to_owned())
            .set("BGRQ", day.digits())
            .set("BGSJ", self.time(report.reported, random))
            .set("BGLB", report.panel.kind.as_str())
            .set("BGMC", report.panel.name.as_str())
            .set("BBH", format!("S{}{}", day.digits(), number))
            .set("BBLB", report.panel.specimen.as_str())
            .set("CYSJ", self.time(report.sampled, random))
            .set("SQDH", format!("SQ{}{}", day.digits(), number))
            .set("SQYSGH", doctor.number)
            .set("SQYSXM", doctor.name)
            .set("BGYSGH", technician.number.clone())
            .set("BGYSXM", technician.name.clone())
            .set("BGZT", "2")
            .set("RJRQ", business.digits());
        let key = self.claim(place, &[number, &day.to_string()]);
        let mut marks = Vec::new();
        if self.soiler.happens("flag-unknown", random, &mut marks) {
            row.set("XGBZ", "9");
        }
        let about = About { at: report.reported, business, place, counted: Some(0), key: &key };
        self.put(row, &about, &marks)?;
        for (position, measured) in report.results.iter().enumerate() {
            let correction = report.correction.filter(|_| position == 0);
            let shown = show(self.world, place, measured);
            let right =
                correction.map(|(later, value)| (later, show(self.world, place, &Measured { value, ..*measured })));
            let item = ItemPlace { number, day, business, position, technician: &technician };
            self.item(writer, report, &item, &shown, right.as_ref(), random, truth)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "an item stands in a report of a visit")]
    fn item(
        &mut self,
        writer: &Writer<'_>,
        report: &Report,
        item: &ItemPlace<'_>,
        shown: &Shown,
        right: Option<&(Moment, Shown)>,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = writer.visit.place;
        let mut marks = Vec::new();
        let mut row = self.item_row(writer, report, item, shown, random);
        let mut code = shown.code.to_owned();
        let mut value = shown.value.clone();
        if shown.code.ends_with("01") && shown.is_number && is_checked(shown.name) {
            if self.soiler.happens("impossible-result", random, &mut marks) {
                value = impossible(&shown.value);
                row.set("JCJG", value.clone());
            } else if self.soiler.happens("item-unmapped", random, &mut marks) {
                code = format!("ZX{}", shown.code);
                row.set("JCXMDM", code.clone());
            }
        }
        let sequence = (item.position + 1).to_string();
        let key = self.claim(place, &[item.number, &item.day.to_string(), &code, &sequence]);
        let is_kept = !marks.iter().any(|mark| mark.set_aside);
        let about = About { at: report.reported, business: item.business, place, counted: Some(0), key: &key };
        if marks.is_empty() && right.is_none() && shown.is_number {
            if let Some(other) = self.corrected_later(writer, report, item, shown, random) {
                value = other;
            } else if item.position > 0 && self.changes("resent_vanished", item.business).is_some() {
                self.again = Again::Gone;
            }
        }
        self.put(row, &about, &marks)?;
        let mut unit = shown.unit;
        if let Some((later, right)) = right.filter(|_| marks.is_empty()) {
            let business = self.world.business_day(*later);
            if self.is_sent(business) {
                let mut row = self.item_row(writer, report, item, right, random);
                row.set("XGBZ", "2");
                let about = About { at: *later, business, place, counted: None, key: &key };
                self.put(row, &about, &[])?;
                value.clone_from(&right.value);
                unit = right.unit;
            }
        }
        truth.event(&Event {
            kind: "result",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &writer.known.patient,
            person: writer.known.person.index,
            number: item.number,
            item: &code,
            name: shown.name,
            value: &value,
            unit,
            status: "final",
            at: item.day.to_string(),
            is_kept,
        })
    }

    /// The value that stands in this row when the month is sent again, if it is another one.
    fn corrected_later(
        &mut self,
        writer: &Writer<'_>,
        report: &Report,
        item: &ItemPlace<'_>,
        shown: &Shown,
        random: &mut Random,
    ) -> Option<String> {
        let place = writer.visit.place;
        let sent_on = self.changes("resent_changed", item.business)?;
        let measured = report.results.get(item.position)?;
        let right = show(self.world, place, &Measured { value: measured.value * RIGHT_SHARE, ..*measured });
        if right.value == shown.value {
            return None;
        }
        let row = self.item_row(writer, report, item, &right, random);
        self.again = self.changed(row, place, item.business, (report.reported, sent_on));
        Some(right.value)
    }

    fn item_row(
        &self,
        writer: &Writer<'_>,
        report: &Report,
        item: &ItemPlace<'_>,
        shown: &Shown,
        random: &mut Random,
    ) -> Row {
        let mut row = Row::new(form("lab_item"));
        self.visit_cells(&mut row, writer);
        let range = if shown.low.is_empty() { String::new() } else { format!("{}~{}", shown.low, shown.high) };
        let flag = match shown.flag {
            "H" => "↑",
            "L" => "↓",
            _ => "",
        };
        row.set("BGDH", item.number.to_owned())
            .set("BGRQ", item.day.digits())
            .set("JCXH", (item.position + 1).to_string())
            .set("JCXMDM", shown.code)
            .set("JCXMMC", shown.name)
            .set("JCJG", shown.value.clone())
            .set("JLDW", shown.unit)
            .set("CKFW", range)
            .set("YCTS", flag)
            .set("JCSJ", self.time(report.reported.after_minutes(-20), random))
            .set("JCRGH", item.technician.number.clone())
            .set("JCRXM", item.technician.name.clone())
            .set("RJRQ", item.business.digits());
        row
    }
}

/// Where a result stands.
struct ItemPlace<'a> {
    number: &'a str,
    day: Day,
    business: Day,
    position: usize,
    technician: &'a Staff,
}

/// Names under which the quality rules know an item, so that an impossible value is found.
fn is_checked(name: &str) -> bool {
    matches!(name, "空腹血糖" | "白细胞" | "白细胞计数" | "葡萄糖" | "钾")
}
