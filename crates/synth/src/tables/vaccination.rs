//! Doses as the primary care system has them, one row each.

use super::{About, Known, Tables};
use crate::SynthError;
use crate::day::Moment;
use crate::forms::{Row, form};
use crate::random::Random;
use crate::truth::{Event, Truth};
use crate::vaccines::{Shot, Slip};
use crate::world::Place;

impl Tables<'_> {
    /// One dose; with a slip of the pen also what came of it.
    pub fn vaccination(
        &mut self,
        known: &Known<'_>,
        shot: &Shot,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let place = Place::Primary(shot.clinic);
        if !self.is_sent(self.world.business_day(shot.entered)) || !self.is_sent(shot.entered.day()) {
            return Ok(());
        }
        if self.is_new_at(place) {
            self.patient(known, place, shot.entered, random, truth)?;
        }
        let number = self.dose_number();
        let is_sent_later = |minutes| self.is_sent(self.world.business_day(shot.entered.after_minutes(minutes)));
        let mut is_kept = true;
        match shot.slip {
            Slip::WrongDose(minutes) if is_sent_later(minutes) => {
                let (key, _) = self.dose(known, shot, &number, shot.number + 1, random)?;
                let later = shot.entered.after_minutes(minutes);
                self.dose_again(known, shot, &number, "2", (later, &key))?;
            }
            Slip::Twice(minutes) if is_sent_later(minutes) => {
                self.dose(known, shot, &number, shot.number, random)?;
                let second = self.dose_number();
                let (key, _) = self.dose(known, shot, &second, shot.number, random)?;
                let later = shot.entered.after_minutes(minutes);
                self.dose_again(known, shot, &second, "3", (later, &key))?;
                self.dose_event(known, shot, &second, ("entered-in-error", true), truth)?;
            }
            _ => is_kept = self.dose(known, shot, &number, shot.number, random)?.1,
        }
        self.dose_event(known, shot, &number, ("completed", is_kept), truth)
    }

    fn dose_number(&mut self) -> String {
        self.counters.papers += 1;
        format!("JZ{:08}", self.counters.papers)
    }

    fn dose_row(&self, known: &Known<'_>, shot: &Shot, number: &str, dose: u8) -> Row {
        let place = Place::Primary(shot.clinic);
        let nurse = self.world.staff(place, 0, usize::from(shot.number)).clone();
        let vaccine = shot.vaccine;
        let mut row = Row::new(form("vaccination"));
        self.person_cells(&mut row, known, place);
        row.set("YFJZBH", number.to_owned())
            .set("JZRQ", shot.given.day().digits())
            .set("YMDM", vaccine.code.as_str())
            .set("YMMC", vaccine.name.as_str())
            .set("JC", dose.to_string())
            .set("YMLB", if shot.is_programme { "1" } else { "2" })
            .set("FBJB", vaccine.disease.as_str())
            .set("YMPH", shot.lot.clone())
            .set("YXQ", shot.expires.digits())
            .set("SCQY", shot.maker)
            .set("JZBW", vaccine.site.as_str())
            .set("JZTJ", vaccine.route.as_str())
            .set("JZJL", vaccine.amount.as_str())
            .set("BLBZ", if shot.is_elsewhere { "1" } else { "0" })
            .set("YSGH", nurse.number)
            .set("YSXM", nurse.name)
            .set("XGBZ", "1");
        row
    }

    /// The row of a dose for the first time; gives its key, and whether the row can be taken.
    fn dose(
        &mut self,
        known: &Known<'_>,
        shot: &Shot,
        number: &str,
        dose: u8,
        random: &mut Random,
    ) -> Result<(String, bool), SynthError> {
        let place = Place::Primary(shot.clinic);
        let business = self.world.business_day(shot.entered);
        let mut row = self.dose_row(known, shot, number, dose);
        if !shot.is_elsewhere {
            row.set("JZRQ", self.time(shot.given, random));
        }
        row.set("RJRQ", business.digits());
        let mut marks = Vec::new();
        if shot.slip == Slip::None && self.soiler.happens("flag-unknown", random, &mut marks) {
            row.set("XGBZ", "9");
        }
        let key = self.claim(place, &[number]);
        let about = About { at: shot.entered, business, place, counted: Some(0), key: &key };
        self.put(row, &about, &marks)?;
        Ok((key, !marks.iter().any(|mark| mark.set_aside)))
    }

    /// The same dose later: right (`2`), or taken back (`3`). It stays with the business day on which it was counted.
    fn dose_again(
        &mut self,
        known: &Known<'_>,
        shot: &Shot,
        number: &str,
        flag: &'static str,
        (later, key): (Moment, &str),
    ) -> Result<(), SynthError> {
        let business = self.world.business_day(shot.entered);
        let mut row = self.dose_row(known, shot, number, shot.number);
        row.set("XGBZ", flag).set("RJRQ", business.digits());
        let sent = self.world.business_day(later);
        let about = About { at: later, business: sent, place: Place::Primary(shot.clinic), counted: None, key };
        self.put(row, &about, &[])
    }

    fn dose_event(
        &self,
        known: &Known<'_>,
        shot: &Shot,
        number: &str,
        (status, is_kept): (&'static str, bool),
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        truth.event(&Event {
            kind: "vaccination",
            sender: self.sender,
            institution: self.world.code(Place::Primary(shot.clinic)),
            patient: &known.patient,
            person: known.person.index,
            number,
            item: &shot.vaccine.code,
            name: &shot.vaccine.name,
            value: &shot.number.to_string(),
            status,
            at: shot.given.day().to_string(),
            is_kept,
            ..Event::default()
        })
    }
}
