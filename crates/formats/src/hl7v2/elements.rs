//! The data elements (数据元) of a message, for the quality rules: which field carries which is data.

use model::Element;

use super::draft::Draft;
use super::syntax::Field;

/// Lists every valued element of the message in the record.
pub(super) fn list(draft: &mut Draft<'_>) {
    let message = draft.message;
    let mut group = 0;
    for (at, segment) in message.segments.iter().enumerate() {
        let Some(known) = draft.known.segment(segment.id) else { continue };
        if known.group {
            group += 1;
        }
        for entry in &known.elements {
            if !entry.class.is_empty() && !entry.class.contains(&draft.class) {
                continue;
            }
            let field = message.field(at, entry.at.field);
            for repetition in field.repetitions() {
                if !entry.types.is_empty() && !entry.types.iter().any(|wanted| *wanted == type_of(draft, repetition)) {
                    continue;
                }
                let part = if entry.at.component > 0 { repetition.component(entry.at.component) } else { repetition };
                if part.is_empty() {
                    continue;
                }
                let text = |field: Field<'_>| {
                    if field.is_null() { String::new() } else { field.unescaped().text.into_owned() }
                };
                let beside = |number: u16| if entry.coded { text(repetition.component(number)) } else { String::new() };
                let unit = if segment.id == "OBX" && entry.at.field == 5 {
                    text(message.field(at, 6).component(1))
                } else {
                    String::new()
                };
                draft.record.elements.push(Element {
                    id: entry.id.clone(),
                    name: entry.name.clone(),
                    value: text(part),
                    display: beside(2),
                    system: beside(3),
                    unit,
                    group: if known.group { group } else { 0 },
                    path: part.path(),
                    line: part.line(),
                    column: part.column(),
                });
            }
        }
    }
}

/// What `type` of an element's entry is compared with: the value type of an OBX, the kind of an identifier.
fn type_of<'d>(draft: &'d Draft<'_>, field: Field<'d>) -> String {
    let message = draft.message;
    if message.segments[field.at].id == "OBX" {
        return message.field(field.at, 2).raw.to_owned();
    }
    let sent = field.component(5).key();
    sent.map_or("patient", |sent| draft.known.code("identifier", &sent).unwrap_or("other")).to_owned()
}
