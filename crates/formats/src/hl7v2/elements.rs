//! The data elements (数据元) of a message, for the quality rules: which field carries which is data.

use model::Element;
use standards::hl7v2::ElementAt;

use super::draft::Draft;
use super::syntax::Field;

/// Lists every valued element of the message in the record.
pub(super) fn list(draft: &mut Draft<'_>) {
    let message = draft.message;
    let mut group = 0;
    for (at, segment) in message.segments.iter().enumerate() {
        let Some(known) = draft.known.segment(segment.id) else { continue };
        // The first report is the head of the record; every further one is a repetition.
        let repeats = known.group || (segment.id == "OBR" && segment.ordinal > 1);
        group += u32::from(repeats);
        for entry in &known.elements {
            if !entry.class.is_empty() && !entry.class.contains(&draft.class) {
                continue;
            }
            let place = if repeats { group } else { 0 };
            let found: Vec<Element> = message
                .field(at, entry.at.field)
                .repetitions()
                .filter(|field| entry.types.is_empty() || entry.types.iter().any(|wanted| is_of(draft, *field, wanted)))
                .filter_map(|field| element(draft, entry, field, place))
                .collect();
            draft.record.elements.extend(found);
        }
    }
}

fn element(draft: &Draft<'_>, entry: &ElementAt, field: Field<'_>, group: u32) -> Option<Element> {
    let part = if entry.at.component > 0 { field.component(entry.at.component) } else { field };
    if part.is_empty() {
        return None;
    }
    let text = |field: Field<'_>| if field.is_null() { String::new() } else { field.unescaped().text.into_owned() };
    let beside = |number: u16| if entry.coded { text(field.component(number)) } else { String::new() };
    let is_result = entry.at.segment == "OBX";
    Some(Element {
        id: entry.id.clone(),
        name: entry.name.clone(),
        value: if is_result && entry.at.field == 6 { draft.unit(field.at) } else { text(part) },
        display: beside(2),
        system: beside(3),
        unit: if is_result && entry.at.field == 5 { draft.unit(field.at) } else { String::new() },
        group,
        path: part.path(),
        line: part.line(),
        column: part.column(),
    })
}

/// Whether an OBX has a value type, or an identifier is of a kind.
fn is_of(draft: &Draft<'_>, field: Field<'_>, wanted: &str) -> bool {
    if draft.message.segments[field.at].id == "OBX" {
        return draft.message.field(field.at, 2).raw == wanted;
    }
    let sent = field.component(5).key();
    sent.map_or("patient", |sent| draft.known.code("identifier", &sent).unwrap_or("other")) == wanted
}
