//! DFT: charges (`ChargeItem`, 收费) and refunds (退费).
//!
//! A refund is a charge of its own, with the flag 2 in its key and a negative quantity and amount, as the tables have it too. A
//! quantity or an amount below zero is a refund whatever kind it was sent with: under the key of the charge it would take its place.

use serde_json::json;

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue_at};
use crate::national;
use crate::reading::{Act, Claim};
use crate::text::number::{self, Amount};

impl Draft<'_> {
    /// Reads every charge of the message.
    pub fn read_charges(&mut self) {
        for at in 0..self.message.segments.len() {
            if self.message.segments[at].id == "FT1" {
                self.charge(at);
            }
        }
    }

    fn charge(&mut self, at: usize) {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let Some(number) = field(2).component(1).key().or_else(|| field(3).component(1).key()) else {
            self.report_segment(issues::CHARGE_MISSING, at);
            return;
        };
        let flag = self.code("charge_flag", field(6)).unwrap_or("1");
        let flag = if self.takes_back(at) { "2" } else { flag };
        let line = field(1).key().unwrap_or_default();
        let claim = Claim::new("charge", [self.institution.clone(), number.clone(), flag.to_owned(), line]);
        let code = self.concept(field(7), "charge-item");
        let described = field(8).value().map(|text| json!({ "text": text }));
        let Some(code) = code.or(described) else {
            self.report_segment(issues::ITEM_UNCODED, at);
            return;
        };
        let mut out = object(json!({
            "resourceType": "ChargeItem",
            "identifier": [national::identifier(&self.system("charge"), &number)],
            "status": "billable",
            "code": code,
        }));
        if let Some(patient) = self.subject() {
            out.insert("subject".into(), patient);
        }
        put(&mut out, "context", self.visit.as_ref().map(Claim::as_reference));
        put(&mut out, "occurrenceDateTime", self.time(field(4).component(1)).map(|time| time.text));
        let mut performers = Vec::new();
        for person in field(20).repetitions() {
            performers.extend(self.practitioner(person).map(|actor| json!({ "actor": actor })));
        }
        put_all(&mut out, "performer", performers);
        put(&mut out, "enterer", self.practitioner(field(21)));
        let department = field(13).component(2).value().or_else(|| field(13).component(1).value());
        put(&mut out, "requestingOrganization", department.map(|name| json!({ "display": name })));
        let refund = flag == "2";
        if let Some(quantity) = self.money(at, 10, refund) {
            put(&mut out, "quantity", quantity.number().map(|value| json!({ "value": value })));
        }
        let amount = self.money(at, 11, refund);
        let total = amount.as_ref().and_then(Amount::number).map(|value| json!({ "value": value, "currency": "CNY" }));
        put(&mut out, "priceOverride", total);
        if let Some(price) = self.money(at, 12, false).and_then(|price| price.number()) {
            let price =
                json!({ "url": super::draft::sent_url("FT1-12"), "valueMoney": { "value": price, "currency": "CNY" } });
            out.insert("extension".into(), json!([price]));
        }
        if let Some(kind) = self.concept(field(17), "charge-type") {
            let kind = json!({ "url": super::draft::sent_url("FT1-17"), "valueCodeableConcept": kind });
            if let Some(list) = out.entry("extension").or_insert_with(|| json!([])).as_array_mut() {
                list.push(kind);
            }
        }
        let fact = self.fact(claim, out, message.segments[at].path(), Act::Replace);
        self.own(at, fact);
    }

    /// Whether the quantity or the amount is below zero.
    fn takes_back(&self, at: usize) -> bool {
        let sent = |number: u16| self.message.field(at, number).component(1).subcomponent(1).value();
        let mut amounts = [10, 11].into_iter().filter_map(|number| number::parse(&sent(number)?));
        amounts.any(|amount| amount.comparator.is_none() && is_below_zero(&amount))
    }

    /// A quantity or an amount of money, negative in a refund however the sender wrote it.
    fn money(&mut self, at: usize, field_number: u16, refund: bool) -> Option<Amount> {
        let field = self.message.field(at, field_number);
        // CP: `12.50&CNY`, or a number alone.
        let sent = field.component(1).subcomponent(1).value()?;
        let Some(mut amount) = number::parse(&sent).filter(|amount| amount.comparator.is_none()) else {
            self.report(issue_at(issues::CHARGE_AMOUNT, &field));
            self.keep(&field);
            return None;
        };
        if refund && !amount.digits.starts_with('-') && is_more_than_nothing(&amount) {
            amount.digits.insert(0, '-');
        }
        Some(amount)
    }
}

fn is_below_zero(amount: &Amount) -> bool {
    amount.digits.starts_with('-') && is_more_than_nothing(amount)
}

fn is_more_than_nothing(amount: &Amount) -> bool {
    amount.digits.bytes().any(|digit| matches!(digit, b'1'..=b'9'))
}
