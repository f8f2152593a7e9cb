//! HL7 v2 messages (HL7 v2 消息), 2.3.1 to 2.6: read into facts, acknowledged in the sender's own words, framed by MLLP.
//!
//! Bytes are cut into messages, each message is decoded by what its bytes are (MSH-18 is only a hint), and only then split at
//! its own delimiters. What a message means is data in `standards/hl7v2/`: events, codes, which field carries which data
//! element, from which fields keys are taken. What has no place in FHIR is kept as an extension and reported; nothing is
//! dropped silently, and nothing that a sender writes makes the reader fail.
//!
//! | message | becomes |
//! |---|---|
//! | ADT | `Patient`, `Encounter`, `Condition`, `Procedure`, `AllergyIntolerance`; A18, A34, A40 a merge |
//! | ORU | `DiagnosticReport`, `Observation`, `Specimen`, `DocumentReference` for attached files |
//! | ORM, OMG, OML, OMI | `ServiceRequest` |
//! | RDE, OMP | `MedicationRequest` |
//! | DFT | `ChargeItem` |

mod acknowledge;
mod charge;
mod draft;
mod elements;
mod escape;
mod issues;
mod medication;
pub mod mllp;
mod observation;
mod order;
mod patient;
mod result;
mod syntax;
mod values;
mod visit;
pub mod write;

use std::borrow::Cow;

use model::{Issue, Severity};
use standards::hl7v2::{Content, Place};

use crate::reading::{Envelope, Reading, Record, TimeOf};
use crate::text;

pub use acknowledge::{Acknowledgement, Verdict, acknowledge};
pub use escape::{Unescaped, escape, unescape};
pub use issues::RULES;
pub use syntax::Delimiters;

use draft::Draft;
use issues::{issue, issue_at};
use syntax::{Message, Piece, PieceKind};

/// The most messages that are read from one file: some hours of a large hospital. More of them are sent in parts, so that what
/// is held in memory stays bounded.
pub const MESSAGES_MAX: usize = 100_000;

/// What the registration of a source (来源登记) knows about its HL7 messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// 机构编码 of the source: used when the message does not name an institution by its code.
    pub institution: String,
    /// 院区 of the source, for messages that name none; empty when the institution has one only.
    pub branch: String,
    /// Names by which the source calls itself in CX-4 (assigning authority): numbers of these are the institution's own.
    pub authorities: Vec<String>,
    /// The encoding the sender is known to use (`GBK`): counts where MSH-18 says nothing.
    pub encoding: Option<String>,
}

/// Reads one message, several, or a batch (FHS, BHS). Never fails: what could not be read is an issue.
#[must_use]
pub fn read(bytes: &[u8], options: &Options) -> Reading {
    // UTF-16 knows no ASCII bytes; everything else is cut before it is decoded.
    let plain: Cow<'_, [u8]> = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Cow::Owned(text::decode(bytes, None).text.into_bytes()),
        _ => Cow::Borrowed(bytes),
    };
    let mut out = Reading::default();
    let mut batch = Batch::default();
    for piece in syntax::pieces(&plain) {
        match piece.kind {
            PieceKind::Message if out.records.len() < MESSAGES_MAX => {
                batch.messages += 1;
                message(piece, options, &mut out);
            }
            PieceKind::Message => batch.left_over += 1,
            PieceKind::Batch => batch.read(piece, &mut out.issues),
            PieceKind::Noise => {
                out.issues
                    .push(issue(issues::NOISE, "").at(piece.line, 1).found(&String::from_utf8_lossy(piece.bytes)));
            }
        }
    }
    if batch.left_over > 0 {
        out.issues
            .push(issue(issues::TOO_MANY, "").found(&batch.left_over.to_string()).expected(MESSAGES_MAX.to_string()));
    }
    if out.records.is_empty() {
        let start: String = String::from_utf8_lossy(&plain[..plain.len().min(80)]).into_owned();
        out.issues.push(issue(issues::UNREADABLE, "MSH").at(1, 1).found(&start).expected("MSH|^~\\&|"));
    }
    out
}

/// Headers and trailers of a batch: they count messages.
#[derive(Default)]
struct Batch {
    /// Since the last header.
    messages: u64,
    left_over: u64,
}

impl Batch {
    fn read(&mut self, piece: Piece<'_>, found: &mut Vec<Issue>) {
        let decoded = text::decode(piece.bytes, None);
        for line in decoded.text.lines() {
            match line.get(..3) {
                Some("BHS" | "FHS") => self.messages = 0,
                Some("BTS") => {
                    let separator = line[3..].chars().next().unwrap_or('|');
                    let said = line.split(separator).nth(1).unwrap_or("").trim();
                    if let Ok(count) = said.parse::<u64>()
                        && count != self.messages
                    {
                        let issue = issue(issues::BATCH_COUNT, "BTS-1").at(piece.line, 5);
                        found.push(issue.found(said).expected(self.messages.to_string()));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Reads one message into a record of the reading.
fn message(piece: Piece<'_>, options: &Options, out: &mut Reading) {
    let declared = declared_encoding(piece.bytes);
    let hint = declared.clone().filter(|declared| !declared.is_empty()).or_else(|| options.encoding.clone());
    let decoded = text::decode(piece.bytes, hint.as_deref());
    let message = Message::split(&decoded.text, piece.line, decoded.encoding);
    let position = out.records.len() + 1;
    let header = Header::of(&message);
    let record = Record {
        path: format!("message[{position}]"),
        line: piece.line,
        record_type: format!("hl7v2:{}", header.kind),
        ..Record::default()
    };
    let mut draft = Draft::new(&message, options, record);
    if decoded.replaced > 0 {
        draft.report(issue(issues::CHARSET_REPLACED, "").found(&decoded.replaced.to_string()));
    }
    let lies = decoded.declaration_lies && declared.as_deref().is_some_and(|declared| !declared.is_empty());
    if lies || (declared.as_deref().is_none_or(str::is_empty) && !decoded.text.is_ascii()) {
        let rule = if lies { issues::CHARSET_LIES } else { issues::CHARSET_MISSING };
        let found = issue(rule, "MSH-18").at(piece.line, 0).found(declared.as_deref().unwrap_or(""));
        draft.report(found.expected(decoded.encoding));
    }
    structure(&mut draft, &header);
    institution(&mut draft, &header);
    content(&mut draft, &header);
    let record = draft.finish();
    if out.records.is_empty() {
        out.message_type.clone_from(&record.record_type);
        out.envelope = header.envelope(decoded.encoding);
    }
    out.records.push(record);
}

/// What MSH says about the message.
pub(crate) struct Header {
    /// `ADT^A01`.
    pub kind: String,
    pub version: String,
    control: Option<String>,
    sent_ms: Option<i64>,
    sender: Option<String>,
}

impl Header {
    fn of(message: &Message<'_>) -> Self {
        let value = |number: u16, component: u16| {
            message.find("MSH", number).and_then(|field| field.component(component).key())
        };
        let event = value(9, 2).or_else(|| message.find("EVN", 1).and_then(|field| field.component(1).key()));
        let kind = match (value(9, 1), event) {
            // Some write the whole of it into the first component: `ADT_A01`.
            (Some(kind), None) if kind.len() == 7 && kind.as_bytes()[3] == b'_' => kind.replace('_', "^"),
            (Some(kind), Some(event)) => format!("{kind}^{event}"),
            (kind, event) => kind.or(event).unwrap_or_default(),
        };
        let sent = message.find("MSH", 7).and_then(|field| text::time::parse(&field.component(1).value()?));
        let sender: Vec<String> = [3, 4].into_iter().filter_map(|number| value(number, 1)).collect();
        Self {
            kind: kind.to_uppercase(),
            version: value(12, 1).unwrap_or_default(),
            control: value(10, 1),
            sent_ms: sent.map(|sent| sent.at_ms),
            sender: (!sender.is_empty()).then(|| sender.join("/")),
        }
    }

    fn envelope(&self, encoding: &'static str) -> Envelope {
        Envelope { message_id: self.control.clone(), sent_ms: self.sent_ms, sender: self.sender.clone(), encoding }
    }
}

/// Reports what is odd about the form of the message.
fn structure(draft: &mut Draft<'_>, header: &Header) {
    let message = draft.message;
    let line = message.segments.first().map_or(0, |segment| segment.line);
    if message.odd_delimiters {
        let sent = message.find("MSH", 2).map_or("", |field| field.raw);
        draft.report(issue(issues::DELIMITERS, "MSH-2").at(line, 5).found(sent).expected("^~\\&"));
    }
    if !matches!(header.version.as_str(), "2.3.1" | "2.4" | "2.5" | "2.5.1" | "2.6") {
        draft.report(issue(issues::VERSION, "MSH-12").at(line, 0).found(&header.version).expected("2.3.1–2.6"));
    }
    if header.control.is_none() {
        draft.report(issue(issues::CONTROL_MISSING, "MSH-10").at(line, 0));
    }
    if let Some(first) = message.broken_lines.first() {
        let rule = if message.segments.len() >= syntax::SEGMENTS_MAX {
            issues::SEGMENTS_TOO_MANY
        } else {
            issues::BROKEN_LINE
        };
        draft.report(issue(rule, "").at(*first, 1).found(&message.broken_lines.len().to_string()));
    }
    for (at, segment) in message.segments.iter().enumerate() {
        // MSH-2 is made of escape characters and the like.
        if segment.id == "MSH" || !segment.text().contains(message.delimiters.escape) {
            continue;
        }
        for number in 1..=segment.last_field() {
            let field = message.field(at, number);
            if field.unescaped().unknown > 0 {
                draft.report(issue_at(issues::ESCAPE_UNKNOWN, &field));
            }
        }
    }
}

/// Finds out for which institution the message speaks.
fn institution(draft: &mut Draft<'_>, header: &Header) {
    let message = draft.message;
    let sent = |place: &Place| {
        message.find(&place.segment, place.field).and_then(|field| field.component(place.component.max(1)).key())
    };
    let candidates: Vec<String> = draft.known.claims.institution.iter().filter_map(sent).collect();
    let coded = candidates.iter().find(|candidate| is_institution_code(candidate)).cloned();
    let institution = coded.unwrap_or_else(|| {
        let own = text::key_part(&draft.options.institution).into_owned();
        match candidates.first() {
            Some(first) if own.is_empty() => first.clone(),
            Some(first) if *first != own => {
                let issue = issue(issues::INSTITUTION_UNCODED, "MSH-4").at(message.segments[0].line, 0);
                draft.report(issue.found(first).expected(own.clone()));
                own
            }
            _ => own,
        }
    });
    if institution.is_empty() {
        let sender = header.sender.clone().unwrap_or_default();
        draft.report(issue(issues::INSTITUTION_MISSING, "MSH-4").found(&sender));
    }
    draft.record.institution.clone_from(&institution);
    draft.institution = values::token(&institution);
}

/// The 22 characters of 医疗卫生机构编号, the 18 of a 统一社会信用代码, or the 9 of the old code with or without its hyphen.
fn is_institution_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    matches!(text.len(), 9 | 10 | 18 | 22)
        && digits >= 6
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-')
}

/// Reads what the message says, by its event.
fn content(draft: &mut Draft<'_>, header: &Header) {
    let message = draft.message;
    if draft.record.issues.iter().any(|issue| issue.severity >= Severity::Error) {
        return;
    }
    let Some(event) = draft.event else {
        let rule = if header.kind.is_empty() {
            issues::TYPE_MISSING
        } else if message.first("MSA").is_some() {
            issues::ACKNOWLEDGEMENT
        } else {
            issues::UNSUPPORTED
        };
        let line = message.segments.first().map_or(0, |segment| segment.line);
        draft.report(issue(rule, "MSH-9").at(line, 0).found(&header.kind));
        return;
    };
    let missing = event.needs.iter().find(|needed| message.first(needed).is_none());
    if let Some(missing) = missing {
        draft.report(
            issue(issues::SEGMENT_MISSING, missing.clone()).found(&header.kind).expected(event.needs.join(" ")),
        );
        return;
    }
    let claims = &draft.known.claims;
    let effective = match event.content {
        Content::Admission | Content::Merge => &claims.effective_admission,
        Content::Result => &claims.effective_result,
        Content::Order | Content::Medication => &claims.effective_order,
        Content::Charge => &claims.effective_charge,
    };
    let effective = effective.iter().find_map(|place| {
        let field = message.find(&place.segment, place.field)?.component(place.component.max(1));
        let moment = text::time::parse(&field.value()?).filter(|moment| !moment.is_nothing())?;
        Some((moment.at_ms, if place.segment == "MSH" { TimeOf::Sending } else { TimeOf::Change }))
    });
    if let Some((at_ms, of)) = effective {
        (draft.record.effective_ms, draft.record.effective_of) = (Some(at_ms), of);
    }
    if event.content == Content::Merge {
        draft.read_merges();
        return;
    }
    if !draft.read_patient() {
        return;
    }
    if event.content == Content::Admission {
        draft.read_visit();
        return;
    }
    draft.mention_visit();
    match event.content {
        Content::Result => draft.read_results(),
        Content::Order => draft.read_orders(),
        Content::Medication => draft.read_medications(),
        Content::Charge => draft.read_charges(),
        Content::Admission | Content::Merge => {}
    }
}

/// MSH-18 before anything is decoded: it stands in ASCII or it says nothing.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let start = bytes.windows(3).take(64).position(|window| window == b"MSH")?;
    let header = &bytes[start..];
    let end = header.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(header.len());
    let separator = *header.get(3)?;
    let sent = header[..end].split(|byte| *byte == separator).nth(17)?;
    let first = sent.split(|byte| matches!(byte, b'~' | b'^')).next()?;
    first.is_ascii().then(|| String::from_utf8_lossy(first).trim().to_owned())
}
