//! From bytes to a reading, whatever the form of the message.

use std::panic::AssertUnwindSafe;

use formats::reading::{Envelope, Reading, Record};
pub use formats::sniff::Form;
use formats::table::Rows;
use formats::terminology::{code_map, code_map_named};
use formats::text::Decoded;
use model::{Issue, Severity};
use quality::{RecordContext, Rules};

use crate::road::Delivery;
use crate::source::Source;

/// A message on its way: its records come one after the other, so that a file of a million rows is never in memory as facts.
pub(crate) struct Opened<'d> {
    pub(crate) form: Option<Form>,
    pub(crate) message_type: String,
    pub(crate) envelope: Envelope,
    /// What is wrong with the message as a whole; of a table complete once the records have been taken.
    pub(crate) issues: Vec<Issue>,
    records: Records<'d>,
    taken: usize,
}

enum Records<'d> {
    Read(std::vec::IntoIter<Record>),
    Rows(Box<Rows<'d>>),
}

impl<'d> Opened<'d> {
    /// A message that nothing could be read of: one record without facts, which is set aside.
    pub(crate) fn nothing(issue: Issue) -> Self {
        Self::of(None, Reading { issues: vec![issue], ..Reading::default() })
    }

    fn of(form: Option<Form>, mut reading: Reading) -> Self {
        let mut issues = std::mem::take(&mut reading.issues);
        let is_unreadable = issues.iter().any(|issue| issue.severity == Severity::Fatal);
        if reading.records.is_empty() || is_unreadable {
            reading.records = vec![unreadable(&reading.message_type, std::mem::take(&mut issues))];
        }
        Self {
            form,
            message_type: reading.message_type,
            envelope: reading.envelope,
            issues,
            records: Records::Read(reading.records.into_iter()),
            taken: 0,
        }
    }

    fn of_table(decoded: &'d Decoded, options: &formats::table::Options) -> Self {
        let rows = Rows::new(&decoded.text, options);
        Self {
            form: Some(Form::Table),
            message_type: rows.table().map(|table| format!("table:{table}")).unwrap_or_default(),
            envelope: Envelope { encoding: decoded.encoding, ..Envelope::default() },
            issues: formats::table::encoding_issues(decoded, options),
            records: Records::Rows(Box::new(rows)),
            taken: 0,
        }
    }

    /// The next record. A reader that panics in the middle ends the message with a record that says so.
    pub(crate) fn next(&mut self) -> Option<Record> {
        let next = std::panic::catch_unwind(AssertUnwindSafe(|| match &mut self.records {
            Records::Read(records) => records.next(),
            Records::Rows(rows) => rows.next(),
        }));
        let next = match next {
            Ok(next) => next,
            Err(_) => {
                self.records = Records::Read(Vec::new().into_iter());
                Some(Record { issues: vec![failed()], ..Record::default() })
            }
        };
        if next.is_none() {
            return self.end();
        }
        self.taken += 1;
        next
    }

    /// A table says at its end what it found on the way; one without a row is set aside as a whole.
    fn end(&mut self) -> Option<Record> {
        let Records::Rows(rows) = &self.records else { return None };
        self.issues.extend_from_slice(rows.issues());
        self.records = Records::Read(Vec::new().into_iter());
        if self.taken > 0 && self.issues.iter().all(|issue| issue.severity < Severity::Fatal) {
            return None;
        }
        self.taken += 1;
        Some(unreadable(&self.message_type, std::mem::take(&mut self.issues)))
    }

    /// The record at a position.
    pub(crate) fn nth(mut self, position: u32) -> Option<Record> {
        for _ in 0..position {
            self.next()?;
        }
        self.next()
    }
}

/// A record that carries why nothing could be read.
fn unreadable(message_type: &str, mut issues: Vec<Issue>) -> Record {
    if !issues.iter().any(|issue| issue.severity >= Severity::Error) {
        issues.push(Issue::new("road.message.empty", Severity::Error, "").hint("报文中没有可读取的记录"));
    }
    Record { record_type: message_type.to_owned(), issues, ..Record::default() }
}

/// The reader itself failed.
pub(crate) fn failed() -> Issue {
    metrics::counter!("intake_reader_panics").increment(1);
    Issue::new("road.reader.failed", Severity::Fatal, "").hint("平台读取这份报文时出错，原文已保存；请联系平台运维")
}

/// Opens a message with the reader of its form. `decoded` keeps the text of a table while its rows are read.
pub(crate) fn open<'d>(source: &Source, delivery: &Delivery<'_>, decoded: &'d mut Option<Decoded>) -> Opened<'d> {
    let form = delivery.form.or_else(|| formats::sniff::sniff(delivery.bytes, delivery.name.unwrap_or_default()));
    let (institution, charset) = (source.institution.clone(), source.encoding.clone());
    match form {
        Some(Form::Fhir) => Opened::of(form, formats::fhir::message::read_message(delivery.bytes, &source.domains())),
        Some(Form::Hl7v2) => {
            let options = formats::hl7v2::Options {
                institution,
                branch: source.branch.clone().unwrap_or_default(),
                authorities: source.authorities.clone(),
                encoding: charset,
            };
            Opened::of(form, formats::hl7v2::read(delivery.bytes, &options))
        }
        Some(Form::Cda) => {
            let options = formats::cda::Options {
                institution,
                branch: source.branch.clone().unwrap_or_default(),
                charset,
                patient_roots: source.patient_roots.clone(),
            };
            Opened::of(form, formats::cda::read(delivery.bytes, &options))
        }
        Some(Form::Table) => {
            let options = formats::table::Options {
                file_name: delivery.name.map(str::to_owned),
                institution: Some(institution),
                branch: source.branch.clone(),
                charset,
                ..Default::default()
            };
            let decoded = decoded.insert(formats::text::decode(delivery.bytes, options.charset.as_deref()));
            Opened::of_table(decoded, &options)
        }
        None => Opened::nothing(
            Issue::new("road.form.unknown", Severity::Fatal, "")
                .hint("不是平台能读取的报文：FHIR JSON、CDA XML、HL7 v2 或分隔文本表"),
        ),
    }
}

/// Maps the local codes and units of a record: by the map that the source is registered with, else by the institution's own.
pub(crate) fn map_codes(source: &Source, record: &mut Record) -> Vec<Issue> {
    let institution = if record.institution.is_empty() { &source.institution } else { &record.institution };
    let named = source.code_map.as_deref().and_then(code_map_named);
    let map = named.unwrap_or_else(|| code_map(institution));
    let mut issues = Vec::new();
    for fact in &mut record.facts {
        issues.extend(formats::terminology::normalise(&mut fact.resource, map, &fact.path));
    }
    issues
}

/// The quality rules on a record.
pub(crate) fn check(record: &Record, received_ms: i64) -> Vec<Issue> {
    let context = RecordContext {
        record_type: &record.record_type,
        effective_ms: record.effective_ms,
        received_ms: Some(received_ms),
        path: &record.path,
        line: record.line,
    };
    Rules::standard().check(&context, &record.elements)
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
    let form = formats::sniff::sniff(bytes, "");
    let text = formats::text::decode(bytes, None).text;
    let html = (form == Some(Form::Cda)).then(|| formats::cda::render(bytes));
    if is_whole {
        return Some(Excerpt { form, is_whole, text, html });
    }
    let text = match form? {
        Form::Table => row_of(&text, path)?,
        Form::Hl7v2 => message_of(&text, path)?,
        // A document is about one person; a bundle is not, and its parts are the resources themselves.
        Form::Cda => text,
        Form::Fhir => return None,
    };
    Some(Excerpt { form, is_whole, text, html })
}

/// The header line and the lines of `row[17]`.
fn row_of(text: &str, path: &str) -> Option<String> {
    let row = path.split(']').next().filter(|row| row.starts_with("row["))?;
    let row = format!("{row}]");
    let mut rows = Rows::new(text, &formats::table::Options::default()).skip_while(|record| record.path != row);
    let begin = usize::try_from(rows.next()?.line).ok()?.checked_sub(1)?;
    let end = rows.next().and_then(|next| usize::try_from(next.line).ok()).map_or(usize::MAX, |line| line - 1);
    let header = text.lines().find(|line| !line.trim().is_empty())?;
    let lines: Vec<&str> = text.lines().skip(begin).take(end.saturating_sub(begin)).collect();
    Some(format!("{header}\n{}", lines.join("\n")))
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
