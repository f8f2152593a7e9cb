//! People whom a hospital does not know: 无名氏 of the emergency room, who gets a name later, and 测试患者, who is nobody.

use super::{Messages, Sent};
use crate::SynthError;
use crate::life::{Identified, Visit};
use crate::random::Random;
use crate::tables::Known;
use crate::truth::{Event, Truth};
use crate::world::Place;

/// How long somebody stays in the emergency room.
const EMERGENCY_MINUTES: i32 = 540;

impl Messages<'_> {
    /// A visit of a test patient; every message about it has to be set aside.
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

    /// Somebody is brought unconscious and gets a number without a name; `known` is who it really is. Later the registration is
    /// filled in (A08), or joined with the one that the hospital already had (A40), or nobody ever finds out.
    pub fn unknown(
        &mut self,
        known: &Known<'_>,
        visit: &Visit,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let stranger = Known {
            patient: format!("W{:07}", known.person.index),
            name: "无名氏".to_owned(),
            identity: "",
            phone: "",
            is_unknown: true,
            ..known.clone()
        };
        let was_known = self.known;
        // The registration is announced here, with what became of it.
        (self.known, self.soiler.is_off) = (true, true);
        let sent = self.visit(&stranger, visit, random, truth)?;
        self.leave(&stranger, visit, &sent, random, truth)?;
        let identified = visit.unknown.unwrap_or(Identified::Never);
        match identified {
            Identified::Merged(at) => {
                if !was_known {
                    self.announce(known, &known.patient, "", truth)?;
                }
                self.announce(known, &stranger.patient, &known.patient, truth)?;
                self.join(known, &stranger.patient, at, false, random)?;
            }
            Identified::Updated(at) => {
                let named = Known { patient: stranger.patient.clone(), ..known.clone() };
                // The number of the person says who it is; the engine joins what has it.
                let joined = if was_known { known.patient.as_str() } else { "" };
                self.announce(&named, &stranger.patient, joined, truth)?;
                let number = sent.number.as_str();
                let quiet = &mut vec![super::quiet()];
                self.admission("ADT^A08", &named, visit, &named.patient, number, (at, at), None, random, quiet)?;
            }
            Identified::Never => truth.registration(&serde_json::json!({
                "person": known.person.index, "sender": "city-hospital", "apart": true,
                "institution": self.world.code(Place::City), "patient": stranger.patient, "name": stranger.name,
                "borrowed": false,
            }))?,
        }
        self.soiler.is_off = false;
        self.known = was_known || matches!(identified, Identified::Merged(_));
        Ok(())
    }

    /// A03, and the visit in the truth: no document is written about somebody without a name.
    fn leave(
        &mut self,
        stranger: &Known<'_>,
        visit: &Visit,
        sent: &Sent,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let end = visit.start.after_minutes(EMERGENCY_MINUTES);
        let (id, number) = (stranger.patient.as_str(), sent.number.as_str());
        let quiet = &mut vec![super::quiet()];
        self.admission("ADT^A03", stranger, visit, id, number, (end, end), Some(end), random, quiet)?;
        truth.event(&Event {
            kind: "visit",
            sender: "city-hospital",
            institution: self.world.code(Place::City),
            patient: id,
            person: stranger.person.index,
            number,
            item: "E",
            status: "finished",
            at: visit.start.day().to_string(),
            is_kept: true,
            ..Event::default()
        })
    }
}
