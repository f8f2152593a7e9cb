//! RDE, OMP and drug orders in ORM: `MedicationRequest` with dose, frequency, route, and the herbs of a 中药饮片 prescription.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::draft::{Draft, object, put, put_all};
use super::issues;
use super::order::Order;
use super::syntax::Field;
use crate::national::{self, UNSTATED};
use crate::reading::{Act, Claim};
use crate::text::number;

/// Where RXE and RXO keep the same things.
struct Places {
    drug: u16,
    least: u16,
    most: u16,
    unit: u16,
    instruction: u16,
    dispensed: u16,
    dispensed_unit: u16,
    refills: u16,
    orderer: u16,
}

const ENCODED: Places = Places {
    drug: 2,
    least: 3,
    most: 4,
    unit: 5,
    instruction: 7,
    dispensed: 10,
    dispensed_unit: 11,
    refills: 12,
    orderer: 13,
};
const ORDERED: Places = Places {
    drug: 1,
    least: 2,
    most: 3,
    unit: 4,
    instruction: 7,
    dispensed: 11,
    dispensed_unit: 12,
    refills: 13,
    orderer: 14,
};

impl<'m> Draft<'m> {
    /// Reads every drug order of the message.
    pub fn read_medications(&mut self) {
        for order in self.orders() {
            self.medication_orders(order);
        }
    }

    /// The drugs of one order: usually one.
    pub(super) fn medication_orders(&mut self, order: Order) {
        let mut drugs = self.in_order(order, "RXE");
        if drugs.is_empty() {
            drugs = self.in_order(order, "RXO");
        }
        let message = self.message;
        let number = [2, 3].into_iter().find_map(|field| message.field(order.orc, field).component(1).key());
        let Some(number) = number else {
            self.report_segment(issues::ORDER_MISSING, order.orc);
            return;
        };
        let (_, act) = self.medication_status(order.orc);
        if act == Act::Merge {
            // A cancellation may name the order only, or leave the drug empty.
            drugs.retain(|at| {
                let place = if message.segments[*at].id == "RXE" { ENCODED.drug } else { ORDERED.drug };
                !message.field(*at, place).is_empty()
            });
        }
        let mut claims: Vec<Claim> = Vec::with_capacity(drugs.len());
        for (position, at) in drugs.iter().enumerate() {
            let place = if message.segments[*at].id == "RXE" { ENCODED.drug } else { ORDERED.drug };
            let claim = self.item_claim(("medication_item", &number), message.field(*at, place), act, &claims);
            claims.push(claim.clone());
            let end = drugs.get(position + 1).copied().unwrap_or(order.end);
            self.medication_order(order.orc, *at, end, claim);
        }
        if drugs.is_empty() {
            let (status, act) = self.medication_status(order.orc);
            if act == Act::Replace {
                self.report_segment(issues::DRUG_MISSING, order.orc);
                return;
            }
            let claim = Claim::new("medication_item", [&*self.institution, &*number, ""]);
            let mut out = self.request(&number, status);
            out.insert("medicationCodeableConcept".into(), json!({ "text": UNSTATED }));
            self.attach(&mut out);
            // What was ordered is known already, or will be: the placeholder must not stand in its way.
            self.fact(claim.clone(), out.clone(), message.segments[order.orc].path(), Act::Mention);
            out.retain(|name, _| name != "medicationCodeableConcept" && (name != "status" || status.is_some()));
            let fact = self.fact(claim, out, message.segments[order.orc].path(), act);
            for at in order.orc..order.end {
                self.own(at, fact);
            }
        }
    }

    fn request(&self, number: &str, status: Option<&str>) -> Map<String, Value> {
        object(json!({
            "resourceType": "MedicationRequest",
            "identifier": [national::identifier(&self.system("order"), number)],
            "status": status.unwrap_or("unknown"),
            "intent": "order",
        }))
    }

    /// `ServiceRequest` says revoked where `MedicationRequest` tells cancelled from stopped.
    fn medication_status(&mut self, orc: usize) -> (Option<&'static str>, Act) {
        let (status, act) = self.order_status(orc);
        let is_stopped = matches!(self.order_control(orc).as_str(), "DC" | "OD" | "DR");
        let status = status.map(|status| match status {
            "revoked" if is_stopped => "stopped",
            "revoked" => "cancelled",
            other => other,
        });
        (status, act)
    }

    fn medication_order(&mut self, orc: usize, at: usize, end: usize, claim: Claim) {
        let message = self.message;
        let encoded = message.segments[at].id == "RXE";
        let places = if encoded { ENCODED } else { ORDERED };
        let field = |number: u16| message.field(at, number);
        let Some(drug) = self.concept(field(places.drug), "drug") else {
            self.report_segment(issues::DRUG_MISSING, at);
            return;
        };
        let (status, act) = self.medication_status(orc);
        let mut out = self.request(&claim.key[1], status);
        if encoded && let Some(prescription) = field(15).component(1).key() {
            out.insert("groupIdentifier".into(), national::identifier(&self.system("prescription"), &prescription));
        } else if let Some(group) = message.field(orc, 4).component(1).key() {
            out.insert("groupIdentifier".into(), national::identifier(&self.system("order-group"), &group));
        }
        let ingredients = self.ingredients(at, end);
        if ingredients.is_empty() {
            out.insert("medicationCodeableConcept".into(), drug);
        } else {
            let medication =
                json!({ "resourceType": "Medication", "id": "medication", "code": drug, "ingredient": ingredients });
            out.insert("contained".into(), json!([medication]));
            out.insert("medicationReference".into(), json!({ "reference": "#medication" }));
        }
        self.attach(&mut out);
        if act == Act::Replace {
            put(&mut out, "authoredOn", self.time(message.field(orc, 9)).map(|time| time.text));
        }
        let requester = self.practitioner(message.field(orc, 12));
        put(&mut out, "requester", requester.or_else(|| self.practitioner(field(places.orderer))));
        let dosage = self.dosage(at, end, &places);
        put_all(&mut out, "dosageInstruction", dosage.into_iter().collect());
        let mut dispense = Map::new();
        put(&mut dispense, "quantity", amount(field(places.dispensed), field(places.dispensed_unit)));
        let refills = field(places.refills).key().and_then(|count| count.parse::<u16>().ok());
        put(&mut dispense, "numberOfRepeatsAllowed", refills);
        if !dispense.is_empty() {
            out.insert("dispenseRequest".into(), Value::Object(dispense));
        }
        self.order_notes(orc, end, &mut out);
        let path = message.segments[at].path();
        if status.is_none() {
            // As of an order of a service: what is not said stays.
            self.fact(claim.clone(), out.clone(), path.clone(), Act::Mention);
            out.remove("status");
        }
        let fact = self.fact(claim, out, path, act);
        self.own(orc, fact);
        for segment in at..end {
            self.own(segment, fact);
        }
    }

    fn dosage(&mut self, at: usize, end: usize, places: &Places) -> Option<Value> {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let inside = |id: &str| (at..end).find(|other| message.segments[*other].id == id);
        let mut out = Map::new();
        let instruction = field(places.instruction);
        let text = instruction.component(2).value().or_else(|| instruction.component(1).value());
        put(&mut out, "text", text.as_deref());
        let mut timing = Map::new();
        let pattern = match inside("TQ1").or_else(|| self.before("TQ1", at)) {
            Some(tq1) => {
                let bounds = self.bounds(message.field(tq1, 7), message.field(tq1, 8));
                put(&mut timing, "repeat", bounds.map(|bounds| json!({ "boundsPeriod": bounds })));
                message.field(tq1, 3)
            }
            None => {
                let quantity = if message.segments[at].id == "RXE" { field(1) } else { self.orc_timing(at) };
                let bounds = self.bounds(quantity.component(4), quantity.component(5));
                put(&mut timing, "repeat", bounds.map(|bounds| json!({ "boundsPeriod": bounds })));
                quantity.component(2)
            }
        };
        let frequency = pattern
            .subcomponent(1)
            .value()
            .map(Cow::into_owned)
            .or_else(|| pattern.component(1).value().map(Cow::into_owned));
        put(&mut timing, "code", frequency.map(|frequency| json!({ "text": frequency })));
        if !timing.is_empty() {
            out.insert("timing".into(), Value::Object(timing));
        }
        if let Some(rxr) = inside("RXR") {
            put(&mut out, "route", self.concept(message.field(rxr, 1), "route"));
            put(&mut out, "site", self.concept(message.field(rxr, 2), "body-site"));
        }
        let (least, most) =
            (amount(field(places.least), field(places.unit)), amount(field(places.most), field(places.unit)));
        match (least, most) {
            (Some(least), Some(most)) if least != most => {
                out.insert("doseAndRate".into(), json!([{ "doseRange": { "low": least, "high": most } }]));
            }
            (Some(dose), _) | (None, Some(dose)) => {
                out.insert("doseAndRate".into(), json!([{ "doseQuantity": dose }]));
            }
            (None, None) => self.keep(&field(places.least)),
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// ORC-7 of the order that a segment belongs to.
    fn orc_timing(&self, at: usize) -> Field<'m> {
        self.message.field(self.before("ORC", at).unwrap_or(at), 7)
    }

    /// The last segment of a kind before another, within the same order.
    fn before(&self, id: &str, at: usize) -> Option<usize> {
        let segments = &self.message.segments;
        let start = (0..at).rev().find(|other| segments[*other].id == "ORC")?;
        (start..at).rev().find(|other| segments[*other].id == id)
    }

    fn bounds(&mut self, start: Field<'_>, end: Field<'_>) -> Option<Value> {
        let mut out = Map::new();
        put(&mut out, "start", self.time(start).map(|time| time.text));
        put(&mut out, "end", self.time(end).map(|time| time.text));
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// The parts of a compound (RXC), the herbs of a 中药饮片 prescription: each with its amount in one dose (剂).
    fn ingredients(&mut self, at: usize, end: usize) -> Vec<Value> {
        let message = self.message;
        let mut out = Vec::new();
        for other in at..end {
            if message.segments[other].id != "RXC" {
                continue;
            }
            let field = |number: u16| message.field(other, number);
            let Some(item) = self.concept(field(2), "drug") else {
                self.report_segment(issues::DRUG_MISSING, other);
                continue;
            };
            let mut ingredient = object(json!({ "itemCodeableConcept": item }));
            match amount(field(3), field(4)) {
                Some(amount) => {
                    let strength = json!({ "numerator": amount, "denominator": { "value": 1 } });
                    ingredient.insert("strength".into(), strength);
                }
                None => self.keep(&field(3)),
            }
            out.push(Value::Object(ingredient));
        }
        out
    }
}

/// A quantity from a field with the amount and one with the unit.
fn amount(amount: Field<'_>, unit: Field<'_>) -> Option<Value> {
    let amount = number::parse(&amount.component(1).value()?)?;
    let unit = unit.component(2).value().or_else(|| unit.component(1).value()).unwrap_or_default();
    amount.quantity(&unit)
}
