//! OBX: results with every value type, notes, reference ranges, and attached files.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue_at};
use super::result::{Group, Report};
use super::syntax::Field;
use crate::national;
use crate::reading::{Act, Claim};
use crate::text::{self, number};

/// Texts from this size on, in bytes, become an attachment: FHIR's strings end at a mebibyte.
const TEXT_BYTES_MAX: usize = 1_000_000;
/// How a PDF begins in Base64, for senders that put it into a text field.
const PDF_BASE64: &str = "JVBERi";
/// Shorter texts that begin like a PDF are none.
const PDF_CHARACTERS_MIN: usize = 64;

/// What an OBX-5 means.
enum Meaning {
    Nothing,
    /// A member `value[x]`.
    Value(&'static str, Value),
    Text(String),
    File {
        media: String,
        title: Option<String>,
        data: String,
    },
    Link(String),
}

impl Draft<'_> {
    /// Reads the OBX of a group into facts, and lists them in the report.
    pub fn observations(&mut self, group: Group, report: &mut Report) {
        let message = self.message;
        let mut last: Option<usize> = None;
        for at in group.obr + 1..group.end {
            match message.segments[at].id {
                "OBX" => last = self.observation(at, report, last),
                "NTE" => match last {
                    Some(fact) => self.note(at, fact),
                    None => {
                        self.keep(&message.field(at, 3));
                        report.takes(at);
                    }
                },
                // A specimen ends the notes of the results; it has an owner already.
                "SPM" => last = None,
                _ => report.takes(at),
            }
        }
    }

    fn note(&mut self, at: usize, fact: usize) {
        let lines: Vec<String> =
            self.message.field(at, 3).repetitions().filter_map(|line| line.value().map(Cow::into_owned)).collect();
        self.own(at, fact);
        if lines.is_empty() {
            return;
        }
        let name = if self.record.facts[fact].resource["resourceType"] == "DocumentReference" {
            "description"
        } else {
            "note"
        };
        let text = lines.join("\n");
        let Some(resource) = self.record.facts[fact].resource.as_object_mut() else { return };
        if name == "description" {
            resource.insert(name.into(), text.into());
        } else if let Some(notes) = resource.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            notes.push(json!({ "text": text }));
        }
    }

    /// One OBX; says which fact it became, for the notes behind it.
    fn observation(&mut self, at: usize, report: &mut Report, last: Option<usize>) -> Option<usize> {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let item = self.item(at);
        let sub_item = field(4).key().unwrap_or_default();
        let meaning = self.meaning(at);
        let status = self.code("result_status", field(11)).unwrap_or_else(|| report.observation_status());
        let status = if status == "partial" { "preliminary" } else { status };
        report.saw(status);
        if let Meaning::File { .. } | Meaning::Link(_) = meaning {
            return self.attachment(at, report, &item, meaning, status);
        }
        let mut claim = report.claim.extend("result", [item.clone(), sub_item.clone()]);
        if let (Meaning::Text(more), Some(last)) = (&meaning, last)
            && self.record.facts[last].claim == claim
            && self.continue_text(last, more)
        {
            // A long text is sent in several OBX with the same item.
            self.own(at, last);
            self.conclude(at, report, more);
            return Some(last);
        }
        if self.has(&claim) {
            self.report(issue_at(issues::RESULT_REPEATED, &field(3)));
            let mut repetition = 2;
            while self.has(&claim) {
                claim = report.claim.extend("result", [item.clone(), format!("{sub_item}#{repetition}")]);
                repetition += 1;
            }
        }
        let mut out = object(json!({ "resourceType": "Observation", "status": status }));
        put(&mut out, "category", report.category.clone());
        let code = self.concept_with(field(3), "item", Some((national::DATA_ELEMENTS, is_data_element)));
        out.insert("code".into(), code.unwrap_or_else(|| json!({ "text": item })));
        self.attach(&mut out);
        match self.time(field(14)) {
            Some(time) => put(&mut out, "effectiveDateTime", Some(time.text)),
            None => {
                if let Some((name, value)) = &report.effective {
                    out.insert((*name).to_owned(), value.clone());
                }
            }
        }
        put(&mut out, "issued", report.issued.clone());
        let performers = self.performers(at);
        put_all(&mut out, "performer", performers);
        match meaning {
            Meaning::Value(name, value) => put(&mut out, name, Some(value)),
            Meaning::Text(text) => {
                self.conclude(at, report, &text);
                put(&mut out, "valueString", Some(text));
            }
            _ => {}
        }
        let flags = self.interpretation(field(8));
        put_all(&mut out, "interpretation", flags);
        put(&mut out, "method", self.concept(field(17), "method"));
        put(&mut out, "specimen", report.specimen.as_ref().map(Claim::as_reference));
        let device = field(18).value().map(|device| json!({ "display": device }));
        put(&mut out, "device", device);
        let unit = self.unit(at);
        put_all(&mut out, "referenceRange", reference_range(field(7), &unit).into_iter().collect());
        if let Some(time) = self.time(field(19)) {
            let analysed = json!({ "url": super::draft::sent_url("OBX-19"), "valueDateTime": time.text });
            out.insert("extension".into(), json!([analysed]));
        }
        report.results.push(claim.as_reference());
        let path = message.segments[at].path();
        let fact = self.fact(claim, out, path, if status == "cancelled" { Act::Merge } else { Act::Replace });
        self.own(at, fact);
        Some(fact)
    }

    /// What an OBX is about, as the part of a key: its code, else its name, else its position.
    fn item(&mut self, at: usize) -> String {
        let field = self.message.field(at, 3);
        if let Some(code) = field.component(1).key() {
            if field.components() == 1 && !code.is_ascii() {
                self.report(issue_at(issues::ITEM_UNCODED, &field));
            }
            return code;
        }
        if let Some(name) = field.component(2).key() {
            self.report(issue_at(issues::ITEM_UNCODED, &field));
            return name;
        }
        self.report_segment(issues::RESULT_ITEM, at);
        let number = self.message.field(at, 1).key();
        format!("#{}", number.unwrap_or_else(|| self.message.segments[at].ordinal.to_string()))
    }

    /// Appends to the text of the fact before; false when it has none.
    fn continue_text(&mut self, fact: usize, more: &str) -> bool {
        let Some(Value::String(text)) = self.record.facts[fact].resource.get_mut("valueString") else { return false };
        if text.len() + more.len() > TEXT_BYTES_MAX {
            return false;
        }
        text.push('\n');
        text.push_str(more);
        true
    }

    /// Puts the text into the report's conclusion when the item says that it is one.
    fn conclude(&self, at: usize, report: &mut Report, text: &str) {
        let field = self.message.field(at, 3);
        let suffix = field.component(1).subcomponent(2).key();
        let names = [field.component(1).key(), field.component(2).key(), suffix];
        if names.iter().flatten().any(|name| self.known.code("conclusion", name).is_some()) {
            report.conclusions.push(text.to_owned());
        }
    }

    fn performers(&mut self, at: usize) -> Vec<Value> {
        let message = self.message;
        let mut out: Vec<Value> =
            message.field(at, 16).repetitions().filter_map(|person| self.practitioner(person)).collect();
        let producer = message.field(at, 15);
        let producer = producer.component(2).value().or_else(|| producer.component(1).value());
        out.extend(producer.map(|name| json!({ "display": name })));
        out
    }

    fn interpretation(&mut self, field: Field<'_>) -> Vec<Value> {
        let mut out = Vec::new();
        for flag in field.repetitions() {
            let Some(sent) = flag.component(1).key() else { continue };
            match self.known.code("interpretation", &sent) {
                Some(code) => out.push(json!({ "coding": [{ "system": INTERPRETATION, "code": code }], "text": sent })),
                None => {
                    self.report(issue_at(issues::CODE_UNKNOWN, &flag));
                    out.push(json!({ "text": sent }));
                }
            }
        }
        out
    }

    /// The unit as sent. `10^9/L` without an escape looks like components, but no unit is a bare number.
    pub(super) fn unit(&self, at: usize) -> String {
        let field = self.message.field(at, 6);
        let first = field.component(1).value().unwrap_or_default();
        let whole = is_unescaped_power(&field);
        if whole { field.raw.trim().to_owned() } else { first.into_owned() }
    }

    fn meaning(&mut self, at: usize) -> Meaning {
        let message = self.message;
        let value = message.field(at, 5);
        let unit_field = message.field(at, 6);
        if is_unescaped_power(&unit_field) {
            self.report(issue_at(issues::UNIT_UNESCAPED, &unit_field));
        }
        let unit = self.unit(at);
        let value_type = message.field(at, 2).key().unwrap_or_default();
        match value_type.as_str() {
            "ED" => return self.encapsulated(value),
            "RP" => {
                let link = value.component(1).key().map(|link| super::values::token(&link));
                return link.map_or(Meaning::Nothing, Meaning::Link);
            }
            _ => {}
        }
        if value.is_empty() || value.is_null() {
            return Meaning::Nothing;
        }
        let single = value.repetitions().count() == 1;
        match value_type.as_str() {
            "NM" if single => match value.value().and_then(|sent| number::parse(&sent)) {
                Some(amount) => quantity(&amount, &unit).unwrap_or_else(|| texts(value)),
                None => {
                    self.report(issue_at(issues::RESULT_NUMBER, &value));
                    texts(value)
                }
            },
            "SN" if single => structured_number(value, &unit).unwrap_or_else(|| texts(value)),
            "CE" | "CWE" | "CNE" | "CF" | "IS" | "ID" if single => match self.concept(value, "result") {
                Some(concept) => Meaning::Value("valueCodeableConcept", concept),
                None => Meaning::Nothing,
            },
            "DT" | "TS" | "DTM" if single => match self.time(value) {
                Some(time) => Meaning::Value("valueDateTime", time.text.into()),
                None => texts(value),
            },
            "TM" if single => time_of_day(value).unwrap_or_else(|| texts(value)),
            "CQ" if single => {
                let amount = value.component(1).value().and_then(|sent| number::parse(&sent));
                let unit = value.component(2).subcomponent(1).value().unwrap_or_default();
                amount.and_then(|amount| quantity(&amount, &unit)).unwrap_or_else(|| texts(value))
            }
            "ST" | "TX" | "FT" | "NM" | "SN" | "CE" | "CWE" | "CNE" | "CF" | "IS" | "ID" | "DT" | "TS" | "DTM"
            | "TM" | "CQ" | "MO" | "NA" | "MA" | "XPN" | "XCN" | "XAD" | "XTN" | "CX" | "EI" | "XON" | "DR" | "CP" => {
                self.text_or_number(value, &unit, value_type == "ST" && single)
            }
            _ => {
                let field = message.field(at, 2);
                self.report(issue_at(issues::RESULT_TYPE, &field).at(field.line(), field.column()));
                self.text_or_number(value, &unit, single)
            }
        }
    }

    /// A text; a number with a unit that was sent as text; a PDF in a text field.
    fn text_or_number(&mut self, value: Field<'_>, unit: &str, may_be_number: bool) -> Meaning {
        if value.raw.starts_with(PDF_BASE64) && value.raw.len() >= PDF_CHARACTERS_MIN {
            return self.file(value, "application/pdf".to_owned(), None);
        }
        if may_be_number && !unit.is_empty() {
            let amount = value.value().and_then(|sent| number::parse(&sent));
            if let Some(meaning) = amount.and_then(|amount| quantity(&amount, unit)) {
                return meaning;
            }
        }
        match texts(value) {
            Meaning::Text(text) if text.len() > TEXT_BYTES_MAX => {
                Meaning::File { media: "text/plain".to_owned(), title: None, data: BASE64.encode(text) }
            }
            other => other,
        }
    }

    /// ED: `来源^Application^PDF^Base64^…`.
    fn encapsulated(&mut self, value: Field<'_>) -> Meaning {
        let count = value.components();
        let data = if count >= 5 { value.component(5) } else { value.component(count) };
        if data.is_empty() {
            return Meaning::Nothing;
        }
        let media = [3, 2].into_iter().find_map(|number| {
            let name = value.component(number).key()?;
            let known = self.known.code("media", &name).map(str::to_owned);
            known.or_else(|| name.contains('/').then(|| super::values::token(&name)))
        });
        let title = value.component(1).subcomponent(1).value().map(Cow::into_owned);
        let encoding = value.component(4).key().unwrap_or_default().to_uppercase();
        if encoding == "A" {
            let text = data.unescaped().text.into_owned();
            let media = media.unwrap_or_else(|| "text/plain".to_owned());
            return Meaning::File { media, title, data: BASE64.encode(text) };
        }
        let is_pdf = data.raw.starts_with(PDF_BASE64);
        let guessed = if is_pdf { "application/pdf" } else { "application/octet-stream" };
        if encoding == "HEX" {
            let digits: Vec<u8> =
                data.raw.bytes().filter_map(|byte| u8::try_from(char::from(byte).to_digit(16)?).ok()).collect();
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            return Meaning::File {
                media: media.unwrap_or_else(|| guessed.to_owned()),
                title,
                data: BASE64.encode(bytes),
            };
        }
        self.file(data, media.unwrap_or_else(|| guessed.to_owned()), title)
    }

    /// A file in Base64; when that is broken, the text as it was sent.
    fn file(&mut self, value: Field<'_>, media: String, title: Option<String>) -> Meaning {
        let mut data: String = value.unescaped().text.chars().filter(|character| !character.is_whitespace()).collect();
        while matches!(data.len() % 4, 2 | 3) && !data.ends_with("==") {
            // Senders strip the padding.
            data.push('=');
        }
        match BASE64.decode(&data) {
            Ok(bytes) if !bytes.is_empty() => Meaning::File { media, title, data },
            _ => {
                self.report(issue_at(issues::ATTACHMENT, &value));
                Meaning::File { media: "text/plain".to_owned(), title, data: BASE64.encode(value.raw) }
            }
        }
    }

    fn attachment(
        &mut self,
        at: usize,
        report: &Report,
        item: &str,
        meaning: Meaning,
        status: &'static str,
    ) -> Option<usize> {
        let message = self.message;
        let field = |number: u16| message.field(at, number);
        let mut claim = report.claim.extend("attachment", [item]);
        let mut repetition = 2;
        while self.has(&claim) {
            claim = report.claim.extend("attachment", [format!("{item}#{repetition}")]);
            repetition += 1;
        }
        let mut attachment = Map::new();
        let title = match meaning {
            Meaning::File { media, title, data } => {
                attachment.insert("contentType".into(), media.into());
                attachment.insert("data".into(), data.into());
                title
            }
            Meaning::Link(url) => {
                attachment.insert("url".into(), url.into());
                None
            }
            _ => return None,
        };
        let title = field(3).component(2).value().map(Cow::into_owned).or(title);
        put(&mut attachment, "title", title);
        let (current, document) = match status {
            "final" => ("current", "final"),
            "corrected" => ("current", "amended"),
            "cancelled" | "entered-in-error" => ("entered-in-error", "entered-in-error"),
            _ => ("current", "preliminary"),
        };
        let mut out = object(json!({ "resourceType": "DocumentReference", "status": current, "docStatus": document }));
        put(&mut out, "type", self.concept(field(3), "item"));
        put(&mut out, "subject", self.subject());
        put(&mut out, "date", report.issued.clone());
        out.insert("content".into(), json!([{ "attachment": attachment }]));
        let mut context = object(json!({ "related": [report.claim.as_reference()] }));
        put_all(&mut context, "encounter", self.visit.iter().map(Claim::as_reference).collect());
        out.insert("context".into(), Value::Object(context));
        let fact = self.fact(claim, out, message.segments[at].path(), Act::Replace);
        self.own(at, fact);
        Some(fact)
    }
}

fn quantity(amount: &number::Amount, unit: &str) -> Option<Meaning> {
    amount.quantity(unit).map(|quantity| Meaning::Value("valueQuantity", quantity))
}

/// The text of a value: repetitions on lines of their own, components as they were sent.
fn texts(value: Field<'_>) -> Meaning {
    let lines: Vec<Cow<'_, str>> = value.repetitions().filter_map(|line| line.value()).collect();
    if lines.is_empty() { Meaning::Nothing } else { Meaning::Text(lines.join("\n")) }
}

/// SN: `<^0.5`, `^1^:^80`, `^3^-^5`, `^2^+`.
fn structured_number(value: Field<'_>, unit: &str) -> Option<Meaning> {
    let part = |number: u16| value.component(number).key();
    let first = part(2).and_then(|first| number::parse(&first))?;
    let second = part(4).and_then(|second| number::parse(&second));
    match (part(3).as_deref(), second) {
        (Some(":" | "/"), Some(second)) => {
            let ratio = json!({ "numerator": first.quantity(unit)?, "denominator": second.quantity("")? });
            Some(Meaning::Value("valueRatio", ratio))
        }
        (Some("-"), Some(second)) => {
            Some(Meaning::Value("valueRange", json!({ "low": first.quantity(unit)?, "high": second.quantity(unit)? })))
        }
        (Some(suffix), None) => Some(Meaning::Text(format!("{}{}{suffix}", part(1).unwrap_or_default(), first.digits))),
        (None, None) => {
            let sent = format!("{}{}", part(1).filter(|sign| sign != "=").unwrap_or_default(), first.digits);
            number::parse(&sent).and_then(|amount| quantity(&amount, unit))
        }
        _ => None,
    }
}

/// TM: `0805`, `08:05:30` to FHIR's time.
fn time_of_day(value: Field<'_>) -> Option<Meaning> {
    let digits: String = value.key()?.chars().filter(|character| *character != ':').collect();
    let digits = digits.split(['.', '+', '-']).next().unwrap_or_default();
    let part = |from: usize| digits.get(from..from + 2).unwrap_or("00");
    let text = format!("{}:{}:{}", digits.get(..2)?, part(2), part(4));
    crate::fhir::date::parse_time(&text).ok().map(|_| Meaning::Value("valueTime", text.into()))
}

/// Whether a unit is `10^9/L` with its `^` unescaped: its first component is a bare number.
fn is_unescaped_power(field: &Field<'_>) -> bool {
    let first = field.component(1).raw.trim().trim_start_matches(['×', 'x', '*']);
    field.components() > 1 && first == "10"
}

/// OBX-7 with its ends where it has the form of a range.
fn reference_range(field: Field<'_>, unit: &str) -> Option<Value> {
    let sent = field.value()?;
    if text::is_nothing(&sent, text::Context::Text) {
        return None;
    }
    let mut out = Map::new();
    if let Some(range) = number::parse_range(&sent) {
        put(&mut out, "low", range.low.and_then(|low| low.quantity(unit)));
        put(&mut out, "high", range.high.and_then(|high| high.quantity(unit)));
    }
    out.insert("text".into(), sent.into());
    Some(Value::Object(out))
}

/// `DE04.50.016.00`: a data element where a local code usually stands.
fn is_data_element(code: &str) -> bool {
    code.len() == 14
        && code.starts_with("DE")
        && code
            .bytes()
            .enumerate()
            .skip(2)
            .all(|(at, byte)| if matches!(at, 4 | 7 | 11) { byte == b'.' } else { byte.is_ascii_digit() })
}

const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
