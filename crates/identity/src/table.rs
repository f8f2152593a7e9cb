//! Reading registrations from a table (CSV with a heading) and writing clusters and the review queue.

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
}

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

/// Splits one line of CSV; quotes may hold commas and doubled quotes. Returns the pieces in `fields`.
pub fn split_line<'a>(line: &'a str, fields: &mut Vec<std::borrow::Cow<'a, str>>) {
    fields.clear();
    if !line.contains('"') {
        fields.extend(line.split(',').map(std::borrow::Cow::Borrowed));
        return;
    }
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut characters = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, character)) = characters.next() {
                if character != '"' {
                    value.push(character);
                } else if quoted[at + 1..].starts_with('"') {
                    value.push('"');
                    characters.next();
                } else {
                    end = at + 1;
                    break;
                }
            }
            fields.push(std::borrow::Cow::Owned(value));
            let after = &quoted[end..];
            match after.find(',') {
                Some(comma) => rest = &after[comma + 1..],
                None => return,
            }
        } else if let Some(comma) = rest.find(',') {
            fields.push(std::borrow::Cow::Borrowed(&rest[..comma]));
            rest = &rest[comma + 1..];
        } else {
            fields.push(std::borrow::Cow::Borrowed(rest));
            return;
        }
    }
}

/// Reads lines that may contain quoted line breaks, and calls `visit` with the fields of each. Returns the number of records.
fn read_records(
    input: &mut dyn BufRead,
    mut visit: impl FnMut(usize, &[std::borrow::Cow<'_, str>]) -> Result<(), TableError>,
) -> Result<usize, TableError> {
    let mut bytes = Vec::new();
    let mut count = 0;
    loop {
        bytes.clear();
        loop {
            let read = input.read_until(b'\n', &mut bytes)?;
            let is_open = bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            if read == 0 || !is_open {
                break;
            }
        }
        if bytes.is_empty() {
            return Ok(count);
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            continue;
        }
        let mut fields = Vec::with_capacity(12);
        split_line(line, &mut fields);
        visit(count, &fields)?;
        count += 1;
    }
}

/// Reads a table of registrations and calls `visit` for each. Columns may stand in any order; unknown ones are skipped.
///
/// # Errors
/// The bytes cannot be read, or `rec_id` or `name` is not in the heading.
pub fn read_registrations(
    input: &mut dyn BufRead,
    mut visit: impl FnMut(&Registration<'_>),
) -> Result<usize, TableError> {
    let mut places = [usize::MAX; COLUMNS.len()];
    let count = read_records(input, |at, fields| {
        if at == 0 {
            for (place, column) in places.iter_mut().zip(COLUMNS) {
                *place = fields.iter().position(|field| field.trim() == column).unwrap_or(usize::MAX);
            }
            return match places {
                [usize::MAX, ..] => Err(TableError::MissingColumn("rec_id")),
                [_, _, _, _, _, usize::MAX, ..] => Err(TableError::MissingColumn("name")),
                _ => Ok(()),
            };
        }
        let field = |column: usize| fields.get(places[column]).map_or("", AsRef::as_ref);
        visit(&Registration::of_columns(field));
        Ok(())
    })?;
    Ok(count.saturating_sub(1))
}

/// Reads the named columns of a table (`rec_id,person_id`; `rec_id_a,rec_id_b,decision`).
///
/// # Errors
/// The bytes cannot be read, or a column is not in the heading.
pub fn read_columns<const COUNT: usize>(
    input: &mut dyn BufRead,
    columns: [&'static str; COUNT],
    mut visit: impl FnMut([&str; COUNT]),
) -> Result<usize, TableError> {
    let mut places = [0; COUNT];
    let count = read_records(input, |at, fields| {
        if at == 0 {
            for (place, column) in places.iter_mut().zip(columns) {
                *place =
                    fields.iter().position(|field| field.trim() == column).ok_or(TableError::MissingColumn(column))?;
            }
        } else {
            visit(places.map(|place| fields.get(place).map_or("", AsRef::as_ref)));
        }
        Ok(())
    })?;
    Ok(count.saturating_sub(1))
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
pub(crate) fn quoted(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        std::borrow::Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        std::borrow::Cow::Borrowed(text)
    }
}
