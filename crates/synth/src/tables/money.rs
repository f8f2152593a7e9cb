//! Prescriptions, bills and refunds, line by line.

use super::{About, Tables, Writer};
use crate::SynthError;
use crate::bill::{self, BillLine};
use crate::day::{Day, Moment};
use crate::forms::{Row, form};
use crate::measure::money;
use crate::random::Random;
use crate::sink::{Again, Withheld};
use crate::truth::{Event, Truth};

impl Tables<'_> {
    pub(super) fn prescription(
        &mut self,
        writer: &Writer<'_>,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let visit = writer.visit;
        if visit.medicines.is_empty() && visit.tcm.is_none() {
            return Ok(());
        }
        self.counters.prescriptions += 1;
        let number = format!("CF{:09}", self.counters.prescriptions);
        let at = visit.start.after_minutes(15);
        let mut line = 0;
        for (medicine, days) in &visit.medicines {
            line += 1;
            let mut row = self.prescription_row(writer, &number, line, at, random);
            row.set("CFLB", "西药")
                .set("YPDM", medicine.code.as_str())
                .set("YPMC", medicine.name.as_str())
                .set("YPGG", medicine.pack.as_str())
                .set("MCSL", medicine.dose.as_str())
                .set("MCDW", medicine.unit.as_str())
                .set("PCDM", medicine.frequency[0].as_str())
                .set("PCMC", medicine.frequency[1].as_str())
                .set("TJDM", bill::route_code(&medicine.route))
                .set("TJMC", medicine.route.as_str())
                .set("YYTS", days.to_string())
                .set("ZSL", bill::packs(*days).to_string())
                .set("ZSLDW", "盒");
            self.prescription_line(writer, row, &number, line, &medicine.name, at, random, truth)?;
        }
        if let Some(tcm) = visit.tcm {
            for (herb, grams) in &tcm.herbs {
                line += 1;
                let mut row = self.prescription_row(writer, &number, line, at, random);
                row.set("CFLB", "中药饮片")
                    .set("YPDM", format!("YP{herb}"))
                    .set("YPMC", herb.as_str())
                    .set("MCSL", grams.to_string())
                    .set("MCDW", "g")
                    .set("PCDM", "qd")
                    .set("PCMC", "每日一剂")
                    .set("TJDM", "001")
                    .set("TJMC", "口服")
                    .set("YYTS", tcm.doses.to_string())
                    .set("ZSL", (grams * tcm.doses).to_string())
                    .set("ZSLDW", "g")
                    .set("ZYJS", tcm.doses.to_string())
                    .set("ZYJZF", "水煎服，每日一剂，分两次温服");
                self.prescription_line(writer, row, &number, line, herb, at, random, truth)?;
            }
        }
        Ok(())
    }

    fn prescription_row(&self, writer: &Writer<'_>, number: &str, line: i32, at: Moment, random: &mut Random) -> Row {
        let mut row = Row::new(form("prescription"));
        self.visit_cells(&mut row, writer);
        row.set("CFBH", number.to_owned())
            .set("CFMXBH", line.to_string())
            .set("CFZT", "1")
            .set("CFKLSJ", self.time(at, random))
            .set("ZDDM", writer.visit.diagnosis.0)
            .set("ZDMC", writer.visit.diagnosis.1);
        row
    }

    #[expect(clippy::too_many_arguments, reason = "a line stands in a prescription of a visit")]
    fn prescription_line(
        &mut self,
        writer: &Writer<'_>,
        mut row: Row,
        number: &str,
        line: i32,
        name: &str,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = writer.visit.place;
        let line = line.to_string();
        let mut marks = Vec::new();
        self.soil_key(&mut row, "CFMXBH", random, &mut marks);
        let key = self.claim(place, &[number, &line]);
        let about = About { at, business: writer.business, place, counted: Some(0), key: &key };
        let withheld = self.withhold(&about, row.form, &marks, truth)?;
        // The first line stays: a prescription is not taken out as a whole.
        let may_go = withheld == Withheld::No && marks.is_empty() && line != "1";
        if may_go && self.changes("resent_vanished", about.business).is_some() {
            self.again = Again::Gone;
        }
        self.put_or_keep(row, &about, &marks, withheld)?;
        truth.event(&Event {
            kind: "prescription",
            sender: self.sender,
            institution: self.world.code(place),
            patient: &writer.known.patient,
            person: writer.known.person.index,
            number,
            item: &line,
            name,
            status: "active",
            at: at.day().to_string(),
            is_kept: withheld != Withheld::Lost && !marks.iter().any(|mark| mark.set_aside),
            ..Event::default()
        })
    }

    pub(super) fn charges(
        &mut self,
        writer: &Writer<'_>,
        at: Moment,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let business = self.world.business_day(at);
        if !self.is_sent(business) {
            return Ok(());
        }
        self.counters.bills += 1;
        let number = format!("F{:09}", self.counters.bills);
        let lines = bill::lines(writer.visit);
        for (position, line) in lines.iter().enumerate() {
            self.charge(writer, line, position, &number, (at, business), None, random, truth)?;
        }
        if let Some(days) = writer.visit.refund_after_days {
            let later = at.after_minutes(days * 24 * 60);
            let business = self.world.business_day(later);
            if self.is_sent(business)
                && let Some((position, line)) = lines.iter().enumerate().next_back()
            {
                self.counters.bills += 1;
                let refund = format!("F{:09}", self.counters.bills);
                self.charge(writer, line, position, &refund, (later, business), Some(&number), random, truth)?;
            }
        }
        Ok(())
    }

    /// One line of a bill; with `of` it gives back the line of that bill.
    #[expect(clippy::too_many_arguments, reason = "a line stands in a bill of a visit")]
    fn charge(
        &mut self,
        writer: &Writer<'_>,
        line: &BillLine,
        position: usize,
        number: &str,
        (at, business): (Moment, Day),
        of: Option<&str>,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = writer.visit.place;
        let sequence = (position + 1).to_string();
        let amount = line.amount_cents();
        let mut row = Row::new(form("charge"));
        self.visit_cells(&mut row, writer);
        row.set("SFTFBH", number.to_owned())
            .set("TFBZ", if of.is_some() { "2" } else { "1" })
            .set("MXXH", sequence.clone())
            .set("SFTFSJ", self.time(at, random))
            .set("FYLB", line.kind)
            .set("XMDM", line.code.clone())
            .set("XMMC", line.name.clone())
            .set("DJ", money(line.price_cents))
            .set("SL", line.count.to_string())
            .set("DW", line.unit)
            .set("JE", money(amount))
            .set("RJRQ", business.digits());
        let mut marks = Vec::new();
        if let Some(of) = of {
            row.set("YSFBH", of.to_owned()).set("YMXXH", sequence.clone());
            if self.soiler.happens("refund-by-amount", random, &mut marks) {
                row.set("TFBZ", "1").set("JE", money(-amount));
            }
        } else {
            self.soil_key(&mut row, "SFTFBH", random, &mut marks);
        }
        let flag = if of.is_some() { "2" } else { "1" };
        let signed = if of.is_some() { -amount } else { amount };
        let key = self.claim(place, &[number, flag, &sequence]);
        let about = About { at, business, place, counted: Some(signed), key: &key };
        // What a refund takes back has to be there.
        let may = of.is_none() && writer.visit.refund_after_days.is_none();
        let withheld = if may { self.withhold(&about, row.form, &marks, truth)? } else { Withheld::No };
        self.put_or_keep(row, &about, &marks, withheld)?;
        truth.event(&Event {
            kind: if of.is_some() { "refund" } else { "charge" },
            sender: self.sender,
            institution: self.world.code(place),
            patient: &writer.known.patient,
            person: writer.known.person.index,
            number,
            item: &sequence,
            name: &line.name,
            value: &money(signed),
            unit: "CNY",
            status: "billed",
            at: at.day().to_string(),
            is_kept: withheld != Withheld::Lost && !marks.iter().any(|mark| mark.set_aside),
        })
    }
}
