//! ORM and OMG: orders of services (`ServiceRequest`), new, changed, cancelled.
//!
//! An order may have several items under one number. Each is a fact of its own, with what names it (OBR-4, RXE-2, RXO-1) in its
//! claim; one that names no item (`ORC|CA|17` alone) is about the order. Which of the known items that is, the road finds out.

use serde_json::{Map, Value, json};

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue_at};
use super::result::Group;
use super::syntax::Field;
use crate::national;
use crate::reading::{Act, Claim};

/// One ORC with what belongs to it: positions of segments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub orc: usize,
    /// Where the next order begins.
    pub end: usize,
}

impl Draft<'_> {
    /// The orders of the message.
    pub(super) fn orders(&self) -> Vec<Order> {
        let segments = &self.message.segments;
        let starts: Vec<usize> = (0..segments.len()).filter(|at| segments[*at].id == "ORC").collect();
        let ends = starts.iter().copied().skip(1).chain([segments.len()]);
        starts.iter().zip(ends).map(|(orc, end)| Order { orc: *orc, end }).collect()
    }

    /// The segments of a kind in an order.
    pub(super) fn in_order(&self, order: Order, id: &str) -> Vec<usize> {
        (order.orc..order.end).filter(|at| self.message.segments[*at].id == id).collect()
    }

    /// Reads every order of the message: services, and what is ordered as a drug.
    pub fn read_orders(&mut self) {
        for order in self.orders() {
            if !self.in_order(order, "RXO").is_empty() || !self.in_order(order, "RXE").is_empty() {
                self.medication_orders(order);
                continue;
            }
            let details = self.in_order(order, "OBR");
            if details.is_empty() {
                self.service_order(order, None, order.end, &[]);
            }
            let mut claims = Vec::with_capacity(details.len());
            for (position, obr) in details.iter().enumerate() {
                let end = details.get(position + 1).copied().unwrap_or(order.end);
                claims.extend(self.service_order(order, Some(*obr), end, &claims));
            }
        }
    }

    /// By what an item of an order is known: the number of the order, and what names the item, never its place in the message.
    /// `before`: the items of the same ORC that stand before it.
    pub(super) fn item_claim(
        &self,
        (kind, number): (&'static str, &str),
        field: Field<'_>,
        act: Act,
        before: &[Claim],
    ) -> Claim {
        let item = [1, 2, 4, 5].into_iter().find_map(|part| field.component(part).key()).unwrap_or_default();
        let of = |item: &str| Claim::new(kind, [&*self.institution, number, item]);
        let mut claim = of(&item);
        let mut repetition = 1;
        // What is ordered twice is two items; what is ordered and then changed in the same message is one.
        while before.contains(&claim) || (act == Act::Replace && self.has(&claim)) {
            repetition += 1;
            claim = of(&format!("{item}#{repetition}"));
        }
        claim
    }

    fn service_order(&mut self, order: Order, obr: Option<usize>, end: usize, before: &[Claim]) -> Option<Claim> {
        let group = Group { orc: Some(order.orc), obr: obr.unwrap_or(order.orc), end };
        let known = self.known;
        let Some(number) = self.first_in(&known.claims.order, group).and_then(|field| field.key()) else {
            self.report_segment(issues::ORDER_MISSING, order.orc);
            return None;
        };
        let (status, act) = self.order_status(order.orc);
        let claim = match obr {
            Some(obr) => self.item_claim(("service_item", &number), self.message.field(obr, 4), act, before),
            None => Claim::new("service_item", [&*self.institution, &*number, ""]),
        };
        let mut resource = self.service_request(Some(order.orc), obr, &claim);
        resource.insert("status".into(), status.unwrap_or("unknown").into());
        let first = obr.unwrap_or(order.orc);
        if act == Act::Replace || obr.is_some() {
            self.order_notes(first, end, &mut resource);
        } else {
            // Notes on a cancellation do not take the notes of the order away.
            resource.remove("note");
            (first..end)
                .filter(|at| self.message.segments[*at].id == "NTE")
                .for_each(|at| self.keep(&self.message.field(at, 3)));
        }
        let path = self.message.segments[first].path();
        if status.is_none() {
            // A message that says nothing of the status leaves it: it counts only when nothing is known yet.
            self.fact(claim.clone(), resource.clone(), path.clone(), Act::Mention);
            resource.remove("status");
        }
        let fact = self.fact(claim.clone(), resource, path, act);
        for at in first..end {
            self.own(at, fact);
        }
        self.own(order.orc, fact);
        Some(claim)
    }

    /// The status of what is ordered, when the message says it, and what it does to the order: a new order says all, everything
    /// else only what changed.
    pub(super) fn order_status(&mut self, orc: usize) -> (Option<&'static str>, Act) {
        let field = self.message.field(orc, 1);
        let control = self.order_control(orc);
        let act = if matches!(control.as_str(), "NW" | "OK") { Act::Replace } else { Act::Merge };
        let by_control = self.known.code("order_control", &control);
        let state = self.message.field(orc, 5);
        let by_state = self.code("order_status", state);
        if by_control.is_none() && self.known.code("order_reply", &control).is_none() {
            self.report(issue_at(issues::ORDER_CONTROL, &field));
        }
        (by_control.or(by_state), act)
    }

    /// ORC-1 in capitals.
    pub(super) fn order_control(&self, orc: usize) -> String {
        self.message.field(orc, 1).component(1).key().unwrap_or_default().to_uppercase()
    }

    /// Notes (NTE) behind an order.
    pub(super) fn order_notes(&self, from: usize, end: usize, resource: &mut Map<String, Value>) {
        let mut notes: Vec<Value> = Vec::new();
        for at in from..end {
            if self.message.segments[at].id == "NTE" {
                let lines: Vec<_> = self.message.field(at, 3).repetitions().filter_map(|line| line.value()).collect();
                if !lines.is_empty() {
                    notes.push(json!({ "text": lines.join("\n") }));
                }
            }
        }
        if let Some(own) = resource.get_mut("note").and_then(Value::as_array_mut) {
            own.extend(notes);
        } else {
            put_all(resource, "note", notes);
        }
    }

    /// What is ordered, without its status.
    pub(super) fn service_request(
        &mut self,
        orc: Option<usize>,
        obr: Option<usize>,
        claim: &Claim,
    ) -> Map<String, Value> {
        let message = self.message;
        let number = claim.key.get(1).cloned().unwrap_or_default();
        let mut out = object(json!({
            "resourceType": "ServiceRequest",
            "identifier": [national::identifier(&self.system("order"), &number)],
            "status": null,
            "intent": "order",
        }));
        let control = orc.map(|orc| self.order_control(orc)).unwrap_or_default();
        let mut priority = None;
        let mut authored = None;
        let mut requester = None;
        if let Some(orc) = orc {
            let field = |number: u16| message.field(orc, number);
            let group = field(4).component(1).key();
            put(&mut out, "requisition", group.map(|group| national::identifier(&self.system("order-group"), &group)));
            priority = self.priority(field(7).component(6));
            if control == "NW" {
                authored = self.time(field(9));
            }
            requester = self.practitioner(field(12));
            let reason = self.concept(field(16), "control-reason");
            put_all(
                &mut out,
                "note",
                reason.iter().filter_map(|reason| reason.get("text")).map(|text| json!({ "text": text })).collect(),
            );
        }
        if let Some(obr) = obr {
            let field = |number: u16| message.field(obr, number);
            put(&mut out, "code", self.concept(field(4), "item"));
            priority = priority.or_else(|| self.priority(field(5))).or_else(|| self.priority(field(27).component(6)));
            let requested = self.time(field(6));
            authored = authored.or(requested);
            requester = requester.or_else(|| self.practitioner(field(16)));
            let reasons: Vec<Value> =
                field(31).repetitions().filter_map(|reason| self.concept(reason, "reason")).collect();
            put_all(&mut out, "reasonCode", reasons);
            if let Some(clinical) = field(13).value() {
                let notes = out.entry("note").or_insert_with(|| json!([]));
                if let Some(notes) = notes.as_array_mut() {
                    notes.push(json!({ "text": clinical }));
                }
            }
        }
        put(&mut out, "priority", priority);
        put(&mut out, "authoredOn", authored.map(|time| time.text));
        put(&mut out, "requester", requester);
        self.attach(&mut out);
        out
    }

    fn priority(&self, field: Field<'_>) -> Option<&'static str> {
        self.known.code("priority", &field.component(1).key()?)
    }
}
