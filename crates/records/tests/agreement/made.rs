//! Resources with every element filled, made from the structure definitions: what no sample has is compared all the same.

use model::TypeCode;
use serde_json::{Map, Value, json};
use standards::structures::{Kind, Primitive, Structure, structures};

/// How deep elements are filled: deeper than any path of a search parameter.
const DEPTH_MAX: usize = 6;
/// How many resources of each type are made: as many as the widest choice has types (`value[x]` of an observation has 11).
const VARIANTS: usize = 12;

/// Systems of the contact points that are made.
const CONTACTS: [&str; 3] = ["phone", "email", "fax"];

/// Makes resources; every value is another one.
struct Maker {
    count: usize,
    variant: usize,
}

/// One resource for each type and variant; variants differ in the type of every choice.
pub fn resources() -> Vec<Value> {
    let mut made = Vec::new();
    for type_code in TypeCode::all() {
        for variant in 0..VARIANTS {
            let structure = structures().resource(type_code.name()).unwrap();
            let mut maker = Maker { count: 0, variant };
            let mut members = maker.members(structure, 0);
            members.insert("resourceType".into(), json!(type_code.name()));
            members.insert("id".into(), json!(format!("made-{variant}")));
            made.push(Value::Object(members));
        }
    }
    made
}

impl Maker {
    fn members(&mut self, structure: &Structure, depth: usize) -> Map<String, Value> {
        let mut members = Map::new();
        let mut slots: Vec<(&str, standards::Slot)> = structure.slots().collect();
        slots.sort_by_key(|(name, slot)| (slot.element, *name));
        for (at, element) in structure.elements.iter().enumerate() {
            let choices: Vec<_> = slots.iter().filter(|(_, slot)| usize::from(slot.element) == at).collect();
            let is_left_out = ["extension", "modifierExtension", "contained", "text", "id"]
                .contains(&element.name.as_str())
                && !(element.name == "text" && depth > 0);
            if choices.is_empty() || is_left_out {
                continue;
            }
            let (name, slot) = choices[self.variant % choices.len()];
            // Two of each where the standard has many, near the root; further down one is enough.
            let count = if element.repeats() && depth < 2 { 2 } else { 1 };
            let values: Vec<Value> =
                (0..count).filter_map(|_| self.value(&element.name, slot.kind, &element.targets, depth)).collect();
            match (values.is_empty(), element.repeats()) {
                (true, _) => {}
                (false, true) => drop(members.insert((*name).to_owned(), Value::Array(values))),
                (false, false) => drop(members.insert((*name).to_owned(), values.into_iter().next().unwrap())),
            }
        }
        members
    }

    fn value(&mut self, name: &str, kind: Kind, targets: &[String], depth: usize) -> Option<Value> {
        self.count += 1;
        let count = self.count;
        match kind {
            Kind::Resource => None,
            Kind::Primitive(primitive) => Some(self.primitive(name, primitive)),
            Kind::Structure(id) => {
                let structure = structures().get(id);
                let day = |add: usize| {
                    format!("20{:02}-{:02}-{:02}", 10 + (count + add) % 80, 1 + count % 12, 1 + count % 28)
                };
                let quantity = |value: usize| json!({"value": value, "unit": format!("unit {count}"), "system": "http://unitsofmeasure.org", "code": "mg"});
                Some(match structure.name.as_str() {
                    "Reference" => self.reference(targets, depth),
                    "Period" if (count + self.variant).is_multiple_of(4) => json!({"start": day(0)}),
                    "Period" => json!({"start": day(0), "end": day(1)}),
                    "Range" => json!({"low": quantity(count), "high": quantity(count + 5)}),
                    "SampledData" => {
                        json!({"origin": quantity(count), "period": 1, "factor": 2, "dimensions": 1, "data": "3 1 2"})
                    }
                    "ContactPoint" => {
                        json!({"system": CONTACTS[count % CONTACTS.len()], "value": format!("1{count}"), "rank": 1})
                    }
                    "Money" => json!({"value": count, "currency": "CNY"}),
                    "Quantity" | "SimpleQuantity" | "Age" | "Duration" | "Count" | "Distance" | "MoneyQuantity" => {
                        quantity(count)
                    }
                    "Narrative" | "Extension" => return None,
                    _ if depth >= DEPTH_MAX => return None,
                    _ => Value::Object(self.members(structure, depth + 1)),
                })
            }
        }
    }

    fn reference(&self, targets: &[String], depth: usize) -> Value {
        let count = self.count;
        let any = ["Patient".to_owned(), "Practitioner".to_owned()];
        let targets = if targets.is_empty() || targets[0] == "Resource" { &any } else { targets };
        let target = &targets[(count + self.variant) % targets.len()];
        let mut reference = match count % 5 {
            1 => json!({"reference": format!("http://example.org/fhir/{target}/{count}")}),
            2 if depth > 0 => json!({"reference": format!("urn:uuid:{count}")}),
            _ => json!({"reference": format!("{target}/{count}"), "display": format!("display {count}")}),
        };
        if count.is_multiple_of(3) {
            reference["identifier"] = json!({"system": "http://example.org/numbers", "value": format!("n{count}")});
        }
        reference
    }

    fn primitive(&self, name: &str, primitive: Primitive) -> Value {
        let count = self.count;
        let day = format!("20{:02}-{:02}-{:02}", 10 + count % 80, 1 + count % 12, 1 + count % 28);
        match primitive {
            Primitive::Boolean => json!((count + self.variant).is_multiple_of(2)),
            Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => json!(count),
            Primitive::Decimal => serde_json::from_str(&format!("{count}.50")).unwrap(),
            Primitive::Date if count.is_multiple_of(3) => json!(day[..7]),
            Primitive::Date => json!(day),
            Primitive::DateTime if count.is_multiple_of(4) => json!(day[..4]),
            Primitive::DateTime => json!(format!("{day}T08:05:{:02}+08:00", count % 60)),
            Primitive::Instant => json!(format!("{day}T08:05:{:02}.120Z", count % 60)),
            Primitive::Time => json!("08:05:00"),
            Primitive::Canonical if count.is_multiple_of(2) => {
                json!(format!("http://example.org/canonical/{count}|1.0"))
            }
            _ => match primitive.name() {
                "uri" | "url" | "canonical" | "oid" | "uuid" => json!(format!("http://example.org/{name}/{count}")),
                _ => json!(format!("{name} {count}")),
            },
        }
    }
}
