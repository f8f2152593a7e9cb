//! Which table a file is, where its header stands, and which column is which.

use std::collections::HashMap;

use model::{Issue, Severity};

use super::Options;
use super::delimited::{Field, Lines};
use super::mapping::{Mapping, mappings};
use crate::text;

/// A header within so many rows is found: exports of people begin with a title.
const ROWS_BEFORE_HEADER_MAX: usize = 5;
/// So many known columns make a row a header.
const KNOWN_COLUMNS_MIN: usize = 2;
/// What separates fields, the likelier first.
const DELIMITERS: [u8; 5] = [b',', b'\t', b'|', b';', b'^'];

/// What was found out about a file.
pub(super) struct Header {
    pub mapping: &'static Mapping,
    /// For every column of the file the column of the mapping.
    pub columns: Vec<Option<usize>>,
    /// The names as the file has them, cleaned.
    pub names: Vec<String>,
}

/// Finds the header and leaves `lines` behind it. The issues come in any case.
pub(super) fn find<'t>(content: &'t str, options: &Options) -> (Option<(Header, Lines<'t>)>, Vec<Issue>) {
    let mut best: Option<(usize, usize, u8, usize, &'static Mapping)> = None;
    for delimiter in DELIMITERS {
        let mut lines = Lines::new(content, delimiter);
        let mut fields = Vec::new();
        for row in 0..ROWS_BEFORE_HEADER_MAX {
            if lines.read(&mut fields, 0).is_none() {
                break;
            }
            for mapping in mappings() {
                let Some(rank) = rank(mapping, &fields, options) else { continue };
                if best.is_none_or(|(known, ..)| rank > known) {
                    best = Some((rank, row, delimiter, fields.len(), mapping));
                }
            }
        }
    }
    let Some((_, row, delimiter, _, mapping)) = best else { return (None, vec![unknown(content, options)]) };
    let mut lines = Lines::new(content, delimiter);
    let mut fields = Vec::new();
    for _ in 0..=row {
        lines.read(&mut fields, 0);
    }
    let mut issues = Vec::new();
    if row > 0 {
        issues.push(
            Issue::new("table.header.preceded", Severity::Information, "header")
                .at(fields.first().map_or(1, |field| field.line), 1)
                .hint("表头前有其他行，已跳过"),
        );
    }
    let header = resolve(mapping, &fields, &mut issues);
    (Some((header, lines)), issues)
}

/// How well a row fits as the header of a table; `None` when it does not, or when another table was asked for.
fn rank(mapping: &Mapping, fields: &[Field<'_>], options: &Options) -> Option<usize> {
    let mut known = vec![false; mapping.table.column.len()];
    for field in fields {
        if let Some(column) = mapping.column_of(&name(&field.text)) {
            known[column] = true;
        }
    }
    let count = known.iter().filter(|known| **known).count();
    if count < KNOWN_COLUMNS_MIN {
        return None;
    }
    // A table that was named is that table; a file's name is believed before the header; the header must be unmistakable.
    let named = match &options.table {
        Some(table) if *table == mapping.table.id => 2_000_000,
        Some(_) => return None,
        None => 0,
    };
    let by_file = options.file_name.as_deref().map_or(0, |file| name_length(mapping, file)) * 1_000;
    let signed =
        mapping.table.signature.iter().all(|wanted| mapping.column_of(wanted).is_some_and(|column| known[column]));
    (named > 0 || by_file > 0 || signed).then_some(named + by_file + count)
}

/// The length of the longest name of the table that the file's name contains.
fn name_length(mapping: &Mapping, file: &str) -> usize {
    let file = text::fold_width(file).to_uppercase();
    let names = mapping.table.names.iter().filter(|name| file.contains(&name.to_uppercase()));
    names.map(String::len).max().unwrap_or(0)
}

/// A column name as it is compared: cleaned, half width, capitals.
pub(super) fn name(sent: &str) -> String {
    text::key_part(sent).trim_matches(['"', '\'', '`', '[', ']']).to_uppercase()
}

fn resolve(mapping: &'static Mapping, fields: &[Field<'_>], issues: &mut Vec<Issue>) -> Header {
    let mut seen: HashMap<usize, usize> = HashMap::new();
    let mut columns = Vec::with_capacity(fields.len());
    let mut names = Vec::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let sent = text::clean(&field.text).into_owned();
        let mut column = mapping.column_of(&name(&field.text));
        let issue = |rule: &str, severity, hint: &str| {
            Issue::new(rule, severity, format!("header.{sent}")).at(field.line, field.column).found(&sent).hint(hint)
        };
        if let Some(known) = column
            && seen.insert(known, at).is_some()
        {
            issues.push(issue("table.column.duplicate", Severity::Warning, "列名重复，仅采用第一列"));
            column = None;
        } else if column.is_none() && !sent.is_empty() {
            let hint = "映射表中没有此列，原值随记录保存";
            issues.push(issue("table.column.unknown", Severity::Information, hint));
        }
        columns.push(column);
        names.push(sent);
    }
    // A delimiter at the end of the header is no column.
    while names.last().is_some_and(String::is_empty) {
        names.pop();
        columns.pop();
    }
    for (at, column) in mapping.table.column.iter().enumerate() {
        if column.required && !seen.contains_key(&at) {
            issues.push(
                Issue::new("table.column.missing", Severity::Warning, format!("header.{}", column.name))
                    .at(fields.first().map_or(1, |field| field.line), 1)
                    .expected(format!("{} {}", column.name, column.title))
                    .hint("缺少必需列，请检查导出视图"),
            );
        }
    }
    Header { mapping, columns, names }
}

fn unknown(content: &str, options: &Options) -> Issue {
    let first = content.lines().next().unwrap_or_default();
    let tables: Vec<&str> = mappings().iter().map(|mapping| mapping.table.id.as_str()).collect();
    let known = options.table.as_deref().is_none_or(|table| tables.contains(&table));
    let (rule, hint) = if content.trim().is_empty() {
        ("table.empty", "文件为空")
    } else if known {
        ("table.unknown", "无法识别是哪张表：请检查文件名、表头，或在来源登记中指定映射")
    } else {
        ("table.mapping.unknown", "来源登记中指定的映射不存在")
    };
    Issue::new(rule, Severity::Fatal, "header").at(1, 1).found(first).expected(tables.join(", ")).hint(hint)
}
