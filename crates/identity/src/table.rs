//! Reading registrations from a table (CSV with a heading) and writing clusters and the review queue.

use std::borrow::Cow;
use std::io::{BufRead, Write};

use crate::cluster::Review;
use crate::model::UNITS_PER_BIT;
use crate::standardise::Registration;

/// A table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The bytes could not be read or written.
    #[error("cannot read or write the table: {0}")]
    Io(#[from] std::io::Error),
    /// A column is missing from the heading.
    #[error("column {0} is missing from the heading")]
    MissingColumn(&'static str),
    /// The bytes of a record are neither UTF-8 nor GB18030.
    #[error("line {0} is neither UTF-8 nor GB18030")]
    Encoding(usize),
    /// Lines before are UTF-8, and this one is not.
    #[error("line {0} is not UTF-8 as the lines before it are")]
    MixedEncodings(usize),
    /// A field begins with a quote that is not closed within [`RECORD_LINES_MAX`] lines.
    #[error("a field of the record in line {0} begins with a quote that is never closed")]
    OpenQuote(usize),
    /// A registration has no id.
    #[error("line {0} has no rec_id")]
    MissingId(usize),
    /// Two registrations have one id.
    #[error("lines {first} and {second} have the same rec_id {id}")]
    SameId {
        /// The id.
        id: String,
        /// The line of the first.
        first: usize,
        /// The line of the second.
        second: usize,
    },
}

/// An address may be written in several lines; a record of more lines is a quote that nobody closed.
pub const RECORD_LINES_MAX: usize = 16;

/// The columns of a table of registrations, in the order of [`Registration`].
pub const COLUMNS: [&str; 11] =
    ["rec_id", "source", "mrn", "id_type", "id_no", "name", "sex", "birth_date", "phone", "address", "reg_date"];

impl<'a> Registration<'a> {
    /// The registration whose columns, in the order of [`COLUMNS`], `field` gives.
    #[must_use]
    pub fn of_columns(field: impl Fn(usize) -> &'a str) -> Self {
        Self {
            rec_id: field(0),
            source: field(1),
            mrn: field(2),
            id_type: field(3),
            id_no: field(4),
            name: field(5),
            sex: field(6),
            birth_date: field(7),
            phone: field(8),
            address: field(9),
            reg_date: field(10),
        }
    }
}

/// Splits one record of CSV. A quote at the start of a field opens it, and one before a comma or the end closes it; all others are
/// text (建国路5"楼). Returns the pieces in `fields`, and false when a quote stays open.
fn split_record<'a>(record: &'a str, fields: &mut Vec<Cow<'a, str>>) -> bool {
    fields.clear();
    if !record.contains('"') {
        fields.extend(record.split(',').map(Cow::Borrowed));
        return true;
    }
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some((value, after)) = quoted_field(quoted) else { return false };
            fields.push(Cow::Owned(value));
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => return true,
            }
        } else if let Some((field, next)) = rest.split_once(',') {
            fields.push(Cow::Borrowed(field));
            rest = next;
        } else {
            fields.push(Cow::Borrowed(rest));
            return true;
        }
    }
}

/// The value of a field behind its opening quote, and what follows the closing one; nothing when none closes it.
fn quoted_field(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (text, after) = rest.split_once('"')?;
        value.push_str(text);
        if after.is_empty() || after.starts_with(',') {
            return Some((value, after));
        }
        value.push('"');
        rest = after.strip_prefix('"').unwrap_or(after);
    }
}

/// How a table is written: found out from its front, because a name of two characters in GB18030 may pass for UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Nothing but ASCII so far.
    Open,
    Utf8,
    Gb18030,
}

impl Encoding {
    /// From what the buffer already holds, up to its last whole line.
    fn of_front(front: &[u8]) -> Encoding {
        let end = front.iter().rposition(|byte| *byte == b'\n').map_or(front.len(), |at| at + 1);
        let front = &front[..end];
        // A damaged table in UTF-8 is no good GB18030 either; which line is damaged, the lines will show.
        let is_gb18030 = || !encoding_rs::GB18030.decode_without_bom_handling(front).1;
        if std::str::from_utf8(front).is_err() && is_gb18030() { Encoding::Gb18030 } else { Encoding::Open }
    }

    /// Decodes a record that begins in `line`.
    fn decode<'a>(&mut self, bytes: &'a [u8], line: usize) -> Result<Cow<'a, str>, TableError> {
        if bytes.is_ascii() || *self != Encoding::Gb18030 {
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    if !bytes.is_ascii() {
                        *self = Encoding::Utf8;
                    }
                    return Ok(Cow::Borrowed(text));
                }
                Err(_) if *self == Encoding::Utf8 => return Err(TableError::MixedEncodings(line)),
                Err(_) => *self = Encoding::Gb18030,
            }
        }
        let (text, had_errors) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
        if had_errors { Err(TableError::Encoding(line)) } else { Ok(text) }
    }
}

/// Reads records, whose quoted fields may contain line breaks, and calls `visit` with the line in which each begins and its
/// fields; the first is the heading.
fn read_records(
    input: &mut dyn BufRead,
    mut visit: impl FnMut(usize, &[Cow<'_, str>]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut bytes = Vec::new();
    let mut encoding = Encoding::of_front(input.fill_buf()?);
    let mut next_line = 1;
    loop {
        bytes.clear();
        let line = next_line;
        loop {
            let read = input.read_until(b'\n', &mut bytes)?;
            next_line += 1;
            if bytes.is_empty() {
                return Ok(());
            }
            let text = encoding.decode(&bytes, line)?;
            let record = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
            if record.is_empty() {
                break;
            }
            let mut fields = Vec::with_capacity(12);
            if split_record(record, &mut fields) {
                visit(line, &fields)?;
                break;
            }
            if read == 0 || next_line - line >= RECORD_LINES_MAX {
                return Err(TableError::OpenQuote(line));
            }
        }
    }
}

/// Reads a table of registrations and calls `visit` with the line and the registration of each. Columns may stand in any order;
/// unknown ones are skipped. Returns the names of [`COLUMNS`] that the heading does not have.
///
/// # Errors
/// The bytes cannot be read or are no text, a quote stays open, `rec_id` or `name` is not in the heading, or a registration has no
/// `rec_id`.
pub fn read_registrations(
    input: &mut dyn BufRead,
    mut visit: impl FnMut(usize, &Registration<'_>),
) -> Result<Vec<&'static str>, TableError> {
    let mut places: Option<[usize; COLUMNS.len()]> = None;
    read_records(input, |line, fields| {
        let Some(places) = places else {
            let place = |column| fields.iter().position(|field| field.trim() == column).unwrap_or(usize::MAX);
            let found = COLUMNS.map(place);
            places = Some(found);
            return match found {
                [usize::MAX, ..] => Err(TableError::MissingColumn("rec_id")),
                [_, _, _, _, _, usize::MAX, ..] => Err(TableError::MissingColumn("name")),
                _ => Ok(()),
            };
        };
        let field = |column: usize| fields.get(places[column]).map_or("", AsRef::as_ref);
        let registration = Registration::of_columns(field);
        if registration.rec_id.trim().is_empty() {
            return Err(TableError::MissingId(line));
        }
        visit(line, &registration);
        Ok(())
    })?;
    let Some(places) = places else { return Err(TableError::MissingColumn("rec_id")) };
    Ok(COLUMNS.into_iter().zip(places).filter(|(_, place)| *place == usize::MAX).map(|(column, _)| column).collect())
}

/// Reads the named columns of a table (`rec_id,person_id`; `rec_id_a,rec_id_b,decision`). Returns the number of rows.
///
/// # Errors
/// The bytes cannot be read or are no text, a quote stays open, or a column is not in the heading.
pub fn read_columns<const COUNT: usize>(
    input: &mut dyn BufRead,
    columns: [&'static str; COUNT],
    mut visit: impl FnMut([&str; COUNT]),
) -> Result<usize, TableError> {
    let mut places: Option<[usize; COUNT]> = None;
    let mut rows = 0;
    read_records(input, |_, fields| {
        let Some(places) = places else {
            let mut found = [0; COUNT];
            for (place, column) in found.iter_mut().zip(columns) {
                *place =
                    fields.iter().position(|field| field.trim() == column).ok_or(TableError::MissingColumn(column))?;
            }
            places = Some(found);
            return Ok(());
        };
        rows += 1;
        visit(places.map(|place| fields.get(place).map_or("", AsRef::as_ref)));
        Ok(())
    })?;
    Ok(rows)
}

/// Record ids, all in one text.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    text: String,
    ends: Vec<u32>,
}

impl Ids {
    /// Adds an id and returns its place.
    pub fn push(&mut self, id: &str) -> u32 {
        self.text.push_str(id);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX)
    }

    /// The id at a place.
    #[must_use]
    pub fn get(&self, at: u32) -> &str {
        let at = at as usize;
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or(0) };
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Writes `rec_id,cluster_id`: a cluster's id is that of its first member.
///
/// # Errors
/// The bytes cannot be written.
pub fn write_clusters(output: &mut dyn Write, ids: &Ids, clusters: &[u32]) -> Result<(), TableError> {
    writeln!(output, "rec_id,cluster_id")?;
    for (at, cluster) in (0_u32..).zip(clusters) {
        writeln!(output, "{},{}", quoted(ids.get(at)), quoted(ids.get(*cluster)))?;
    }
    Ok(())
}

/// Writes the review queue: `rec_id_a,rec_id_b,kind,weight`, one row per pair of clusters, the weight in bits.
///
/// # Errors
/// The bytes cannot be written.
pub fn write_queue(output: &mut dyn Write, ids: &Ids, queue: &[Review]) -> Result<(), TableError> {
    writeln!(output, "rec_id_a,rec_id_b,kind,weight")?;
    for row in queue {
        let bits = f64::from(row.score) / f64::from(UNITS_PER_BIT);
        writeln!(output, "{},{},{},{bits:.2}", quoted(ids.get(row.left)), quoted(ids.get(row.right)), row.kind.name())?;
    }
    Ok(())
}

/// A field as CSV writes it.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
