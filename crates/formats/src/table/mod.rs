//! Delimited tables (前置机、中间库 exports): one file per table, one mapping file per table (`standards/tables/`), one record per row.
//!
//! Nothing about a table is in the code: which columns it has, what they are called, what its flags mean and which FHIR
//! resources a row says stands in the mapping. The code reads fields, fills templates and reports what it could not use.
//!
//! [`Rows`] gives the records one after the other over the decoded text, so that a file of a million rows needs no more memory
//! than its text; [`read`] collects them.

use model::{Issue, Severity};

use crate::reading::{Envelope, Reading};
use crate::text;

mod delimited;
mod fill;
mod header;
mod lab;
mod mapping;
mod repeats;
mod row;
mod rows;
mod template;

pub use delimited::{Field, Lines, Quotes};
pub use rows::Rows;

/// What the registration of a source knows about its tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The mapping to read with (`registration`); otherwise the file name decides, then the header.
    pub table: Option<String>,
    /// The name of the file as it was sent.
    pub file_name: Option<String>,
    /// The encoding that the source claims to use; the bytes decide.
    pub charset: Option<String>,
    /// 机构编码 of rows that name none.
    pub institution: Option<String>,
    /// 院区 of rows that name none.
    pub branch: Option<String>,
}

/// Reads a table file. Never fails: a file of no known table has a `Fatal` issue and no records.
#[must_use]
pub fn read(bytes: &[u8], options: &Options) -> Reading {
    let decoded = text::decode(bytes, options.charset.as_deref());
    let mut rows = Rows::new(&decoded.text, options);
    let records: Vec<_> = rows.by_ref().collect();
    let mut issues = encoding_issues(&decoded, options);
    issues.extend(rows.into_issues());
    let message_type = records.first().map(|record| record.record_type.clone()).unwrap_or_default();
    let envelope = Envelope { encoding: decoded.encoding, ..Envelope::default() };
    Reading { message_type, envelope, records, issues }
}

/// What there is to say about the encoding of a file, for callers that stream with [`Rows`].
#[must_use]
pub fn encoding_issues(decoded: &text::Decoded, options: &Options) -> Vec<Issue> {
    let mut issues = Vec::new();
    if decoded.declaration_lies {
        issues.push(
            Issue::new("text.encoding.declaration-lies", Severity::Information, "1:1")
                .found(options.charset.as_deref().unwrap_or_default())
                .expected(decoded.encoding)
                .hint("声明的字符集与实际不符，已按实际字节解码"),
        );
    }
    if decoded.replaced > 0 {
        issues.push(
            Issue::new("text.encoding.replaced", Severity::Warning, "1:1")
                .found(&decoded.replaced.to_string())
                .hint("部分字节无法解码，已以替换字符标记；请检查导出字符集"),
        );
    }
    issues
}
