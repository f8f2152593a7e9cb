//! The records of a table, one after the other.

use model::{Issue, Severity};

use super::Options;
use super::delimited::{Field, Lines, Quotes};
use super::header::{self, Header};
use super::repeats::Repeats;
use super::row::{Row, Scratch};
use crate::reading::Record;

/// Reads a decoded table row by row.
pub struct Rows<'t> {
    source: Option<(Header, Lines<'t>)>,
    options: Options,
    fields: Vec<Field<'t>>,
    scratch: Scratch,
    repeats: Repeats,
    number: u64,
    issues: Vec<Issue>,
}

impl<'t> Rows<'t> {
    /// Finds out which table it is. When that fails there are no records and [`Rows::issues`] says why.
    #[must_use]
    pub fn new(text: &'t str, options: &Options) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let (source, issues) = header::find(text, options);
        Self {
            source,
            options: options.clone(),
            fields: Vec::new(),
            scratch: Scratch::default(),
            repeats: Repeats::default(),
            number: 0,
            issues,
        }
    }

    /// The mapping that is used (`registration`), when the table is known.
    #[must_use]
    pub fn table(&self) -> Option<&'static str> {
        self.source.as_ref().map(|(header, _)| header.mapping.table.id.as_str())
    }

    /// What was found about the file as a whole: complete once the records have been taken.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// [`Rows::issues`], to keep.
    #[must_use]
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }
}

impl Iterator for Rows<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (header, lines) = self.source.as_mut()?;
        let width = header.columns.len();
        loop {
            let quotes = lines.read(&mut self.fields, width)?;
            if self.fields.iter().all(|field| field.text.trim().is_empty()) {
                continue;
            }
            self.number += 1;
            let mut issues = Vec::new();
            let path = format!("row[{}]", self.number);
            let shape = shape_issue(&path, &mut self.fields, width, quotes);
            let unusable = shape.iter().any(|issue| issue.severity >= Severity::Error);
            issues.extend(shape);
            let line = self.fields.first().map_or(0, |field| field.line);
            if unusable {
                let record_type = header.mapping.record_type.clone();
                return Some(Record { path, line, record_type, issues, ..Record::default() });
            }
            let row = Row::new(header, &self.fields, &self.options, path, issues, &mut self.scratch);
            let (is_counted, standing) = (row.is_counted(), row.standing());
            let mut record = row.into_record(line);
            if is_counted {
                self.repeats.settle(&mut record, standing);
            }
            return Some(record);
        }
    }
}

/// What is wrong with the number of fields and the quotes. Empty fields behind the last column are taken away.
fn shape_issue(path: &str, fields: &mut Vec<Field<'_>>, width: usize, quotes: Quotes) -> Vec<Issue> {
    let mut issues = Vec::new();
    let line = fields.first().map_or(0, |field| field.line);
    if quotes != Quotes::Sound {
        let rule = if quotes == Quotes::Broken { "table.quote.broken" } else { "table.quote.unclosed" };
        issues.push(Issue::new(rule, Severity::Warning, path).at(line, 1).hint("引号不成对或未转义，已按字面读取"));
    }
    while fields.len() > width && fields.last().is_some_and(|field| field.text.trim().is_empty()) {
        fields.pop();
    }
    let counts = |rule: &str, severity, hint: &str| {
        Issue::new(rule, severity, path)
            .at(line, 1)
            .found(&fields.len().to_string())
            .expected(width.to_string())
            .hint(hint)
    };
    if fields.len() > width {
        issues.push(counts(
            "table.row.long",
            Severity::Error,
            "字段数多于表头：值中可能含未加引号的分隔符，各列可能错位",
        ));
    } else if fields.len() == 1 && width > 2 {
        issues.push(counts(
            "table.row.not-a-row",
            Severity::Error,
            "此行不是数据行：可能是合计行，或上一行的值中含换行",
        ));
    } else if fields.len() < width {
        issues.push(counts("table.row.short", Severity::Warning, "字段数少于表头，缺少的列按空处理"));
    }
    issues
}
