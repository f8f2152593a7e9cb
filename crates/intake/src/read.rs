//! From bytes to a reading, whatever the form of the message.

use std::panic::AssertUnwindSafe;

use formats::reading::{Envelope, Reading, Record};
use model::{Issue, Severity};

use crate::road::Delivery;
use crate::source::Source;

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A shared document (WS/T 500, WS/T 483) as CDA R2 XML.
    Cda,
    /// HL7 v2, one message or a batch.
    Hl7v2,
    /// A delimited table.
    Table,
    /// A FHIR R4 resource or bundle as JSON.
    Fhir,
}

impl Form {
    /// The word in addresses and on the command line.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Cda => "cda",
            Self::Hl7v2 => "hl7v2",
            Self::Table => "table",
            Self::Fhir => "fhir",
        }
    }
}

/// A message on its way: its records come one after the other, so that a file of a million rows is never in memory as facts.
pub(crate) struct Opened<'d> {
    pub(crate) form: Option<Form>,
    pub(crate) message_type: String,
    pub(crate) envelope: Envelope,
    /// What is wrong with the message as a whole.
    pub(crate) issues: Vec<Issue>,
    records: Box<dyn Iterator<Item = Record> + Send + 'd>,
}

impl<'d> Opened<'d> {
    /// A message that nothing could be read of: one record without facts, which is set aside.
    pub(crate) fn nothing(issue: Issue) -> Self {
        let record = Record { issues: vec![issue], ..Record::default() };
        Self {
            form: None,
            message_type: String::new(),
            envelope: Envelope::default(),
            issues: Vec::new(),
            records: Box::new(std::iter::once(record)),
        }
    }

    fn of(form: Form, mut reading: Reading) -> Self {
        let mut issues = std::mem::take(&mut reading.issues);
        let is_unreadable = issues.iter().any(|issue| issue.severity == Severity::Fatal);
        if reading.records.is_empty() || is_unreadable {
            // What cannot be read is set aside as one record that carries the findings.
            let issues = std::mem::take(&mut issues);
            let issues = if issues.iter().any(|issue| issue.severity >= Severity::Error) {
                issues
            } else {
                let empty = Issue::new("road.message.empty", Severity::Error, "").hint("报文中没有可读取的记录");
                issues.into_iter().chain([empty]).collect()
            };
            let record_type = reading.message_type.clone();
            reading.records = vec![Record { record_type, issues, ..Record::default() }];
        }
        Self {
            form: Some(form),
            message_type: reading.message_type,
            envelope: reading.envelope,
            issues,
            records: Box::new(reading.records.into_iter()),
        }
    }

    /// The next record. A reader that panics in the middle ends the message with a record that says so.
    pub(crate) fn next(&mut self) -> Option<Record> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.records.next())) {
            Ok(next) => next,
            Err(_) => {
                let mut rest = Self::nothing(failed());
                std::mem::swap(&mut self.records, &mut rest.records);
                self.records.next()
            }
        }
    }

    /// The record at a position.
    pub(crate) fn nth(mut self, position: u32) -> Option<Record> {
        for _ in 0..position {
            self.next()?;
        }
        self.next()
    }
}

/// The reader itself failed.
pub(crate) fn failed() -> Issue {
    metrics::counter!("intake_reader_panics").increment(1);
    Issue::new("road.reader.failed", Severity::Fatal, "").hint("平台读取这份报文时出错，原文已保存；请联系平台运维")
}

/// Opens a message with the reader of its form.
pub(crate) fn open<'d>(source: &'d Source, delivery: &Delivery<'d>) -> Opened<'d> {
    match delivery.form.or_else(|| sniff(delivery.bytes)) {
        Some(Form::Fhir) => {
            let options = formats::fhir::message::Options { institution: source.institution.clone() };
            Opened::of(Form::Fhir, formats::fhir::message::read_message(delivery.bytes, &options))
        }
        Some(Form::Hl7v2) => {
            let options = formats::hl7v2::Options {
                institution: source.institution.clone(),
                encoding: source.encoding.clone(),
                ..formats::hl7v2::Options::default()
            };
            Opened::of(Form::Hl7v2, formats::hl7v2::read(delivery.bytes, &options))
        }
        Some(Form::Cda | Form::Table) | None => Opened::nothing(
            Issue::new("road.form.unknown", Severity::Fatal, "")
                .hint("不是平台能读取的报文：FHIR JSON、CDA XML、HL7 v2 或分隔文本表"),
        ),
    }
}

/// The form of a message by its first bytes.
fn sniff(bytes: &[u8]) -> Option<Form> {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let start = start.strip_prefix(b"\x0B").unwrap_or(start);
    match start {
        [b'{', ..] => Some(Form::Fhir),
        [b'<', ..] => Some(Form::Cda),
        [b'M', b'S', b'H', ..] | [b'F', b'H', b'S', ..] | [b'B', b'H', b'S', ..] => Some(Form::Hl7v2),
        [] => None,
        _ => Some(Form::Table),
    }
}

/// Maps the local codes and units of a record.
pub(crate) fn map_codes(_source: &Source, _record: &mut Record) -> Vec<Issue> {
    Vec::new()
}

/// The quality rules on a record.
pub(crate) fn check(_record: &Record, _received_ms: i64) -> Vec<Issue> {
    Vec::new()
}

/// A part of an original, readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The form of the original.
    pub form: Option<Form>,
    /// This is all of it.
    pub is_whole: bool,
    /// The text as it was decoded.
    pub text: String,
    /// The same for people, where the form has a rendering: escaped, without scripts.
    pub html: Option<String>,
}

/// The part of an original that a path names; all of it when it is about one registration only.
pub(crate) fn excerpt(bytes: &[u8], path: &str, is_whole: bool) -> Option<Excerpt> {
    let form = sniff(bytes);
    let text = formats::text::decode(bytes, None).text;
    if is_whole {
        return Some(Excerpt { form, is_whole, text, html: None });
    }
    let text = match form? {
        Form::Table => row_of(&text, path)?,
        Form::Hl7v2 => message_of(&text, path)?,
        // A document is about one person; a bundle is not, and its parts are the resources themselves.
        Form::Cda => text,
        Form::Fhir => return None,
    };
    Some(Excerpt { form, is_whole, text, html: None })
}

/// The header line and the line of `row[17]`: rows are counted from 1, behind the header.
fn row_of(text: &str, path: &str) -> Option<String> {
    let number: usize = path.strip_prefix("row[")?.split(']').next()?.parse().ok()?;
    let mut lines = text.lines();
    let header = lines.next()?;
    let row = lines.nth(number.checked_sub(1)?)?;
    Some(format!("{header}\n{row}"))
}

/// The message of `message[2]…`, counted from 1; a path that names none means the first.
fn message_of(text: &str, path: &str) -> Option<String> {
    let number: usize = path
        .strip_prefix("message[")
        .and_then(|rest| rest.split(']').next())
        .map_or(Some(1), |number| number.parse().ok())?;
    let segments = text.split(['\r', '\n']).filter(|segment| !segment.is_empty());
    let mut found = Vec::new();
    let mut count = 0;
    for segment in segments {
        if segment.starts_with("MSH") {
            count += 1;
        }
        if count == number {
            found.push(segment);
        }
    }
    (!found.is_empty()).then(|| found.join("\n"))
}
