//! One row to one record: what its columns say goes into the templates of the mapping.

use std::borrow::Cow;
use std::fmt::Write as _;

use model::{Element, Issue, Severity};
use serde_json::{Value, json};

use super::Options;
use super::delimited::Field;
use super::header::Header;
use super::mapping::{FactPlan, Mapping};
use super::template::{ColumnIndex, Expression};
use crate::reading::{Claim, Fact, Record, TimeOf, Total};
use crate::text::damage::{self, Damage};
use crate::text::{self, Context, number, time};

/// Buffers that rows share.
#[derive(Default)]
pub(super) struct Scratch {
    claims: Vec<Option<Claim>>,
}

/// What one column of the mapping has in this row.
#[derive(Clone, Default)]
pub(super) struct Cell<'r> {
    /// What it says, cleaned; `None` when it says nothing.
    pub(super) value: Option<Cow<'r, str>>,
    /// Where it stands; `None` when the file has no such column.
    pub(super) field: Option<usize>,
    /// A spreadsheet has destroyed it.
    pub(super) lost: bool,
    /// It could not be used where it belongs and goes to the main fact as it is.
    pub(super) leftover: bool,
    /// Something was reported about it.
    pub(super) reported: bool,
}

/// What a row says about itself: it is new, corrects an earlier one, or takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    New,
    Corrected,
    Withdrawn,
}

/// A row while it is read.
pub(super) struct Row<'r> {
    pub(super) mapping: &'static Mapping,
    pub(super) header: &'r Header,
    pub(super) fields: &'r [Field<'r>],
    pub(super) cells: Vec<Cell<'r>>,
    pub(super) values: Vec<Option<String>>,
    pub(super) flags: Vec<bool>,
    pub(super) claims: &'r mut Vec<Option<Claim>>,
    pub(super) institution: String,
    /// A flag says that the row corrects an earlier one.
    is_correction: bool,
    any_lost: bool,
    path: String,
    pub(super) issues: Vec<Issue>,
}

impl<'r> Row<'r> {
    pub fn new(
        header: &'r Header,
        fields: &'r [Field<'r>],
        options: &Options,
        path: String,
        issues: Vec<Issue>,
        scratch: &'r mut Scratch,
    ) -> Self {
        let mapping = header.mapping;
        let mut row = Self {
            mapping,
            header,
            fields,
            cells: vec![Cell::default(); mapping.table.column.len()],
            values: Vec::with_capacity(mapping.values.len()),
            flags: Vec::with_capacity(mapping.flags.len()),
            claims: &mut scratch.claims,
            institution: String::new(),
            is_correction: false,
            any_lost: false,
            path,
            issues,
        };
        row.claims.clear();
        row.read_cells();
        row.default(mapping.institution, options.institution.as_deref());
        row.default(mapping.branch, options.branch.as_deref());
        row.read_flags();
        for (_, expression) in &mapping.values {
            let value = row.text(expression);
            row.values.push(value);
        }
        row.institution = mapping.value("institution").and_then(|at| row.values[at].clone()).unwrap_or_default();
        row
    }

    fn read_cells(&mut self) {
        for (at, column) in self.header.columns.iter().enumerate() {
            let (Some(column), Some(field)) = (*column, self.fields.get(at)) else { continue };
            let kind = self.mapping.kind(column);
            let sent: &'r str = &field.text;
            let mut lost = false;
            let mut unquoted = sent;
            if kind != Context::Narrative && is_suspicious(sent, kind, self.mapping.digits[column]) {
                for damage in damages(sent, kind, self.mapping.digits[column]) {
                    lost |= damage.is_loss();
                    let issue = damage.issue(&self.place(column), sent).at(field.line, field.column);
                    self.issues.push(issue);
                }
                unquoted = damage::without_spreadsheet_quote(sent.trim());
            }
            let value = text::present(unquoted, kind).filter(|value| !is_nothing_time(value, kind));
            self.any_lost |= lost;
            self.cells[column] = Cell { value, field: Some(at), lost, leftover: false, reported: false };
        }
    }

    /// Puts the source's own value where the row has none.
    fn default(&mut self, column: Option<usize>, value: Option<&str>) {
        if let (Some(column), Some(value)) = (column, value)
            && self.cells[column].value.is_none()
        {
            self.cells[column].value = Some(Cow::Owned(value.to_owned()));
        }
    }

    fn read_flags(&mut self) {
        for (_, column, flag, negative) in &self.mapping.flags {
            let sent = self.value(*column).map(flag_word);
            let is_of = |words: &[String]| sent.as_ref().is_some_and(|sent| words.iter().any(|word| word == sent));
            let mut stands = is_of(&flag.values);
            let corrects = is_of(&flag.corrections);
            if sent.is_some() && !stands && !corrects && !is_of(&flag.others) {
                if flag.is_minor {
                    self.report(
                        *column,
                        "table.code.unknown",
                        Severity::Warning,
                        "标志值不在映射表中，按“否”处理，原值已保存",
                    );
                } else {
                    let hint = "标志值不在映射表中，无法判断是否为撤销；请改正后重传，或由平台补充映射";
                    self.report(*column, "table.flag.unknown", Severity::Error, hint);
                }
            }
            self.is_correction |= corrects;
            if let Some(amount) = negative
                && self.value(*amount).and_then(number::parse).is_some_and(|amount| amount.digits.starts_with('-'))
            {
                if !stands {
                    self.report(
                        *amount,
                        "table.charge.refund-by-amount",
                        Severity::Information,
                        "金额为负而标志不是退费，按退费处理",
                    );
                }
                stands = true;
            }
            self.flags.push(stands);
        }
    }

    /// Whether rows of this table that the source did not number are told apart by their order.
    pub fn is_counted(&self) -> bool {
        self.mapping.facts.iter().any(|plan| plan.is_counted)
    }

    /// What the row says about being new, corrected or withdrawn.
    pub fn standing(&self) -> Standing {
        let withdrawn = self.mapping.flags.iter().position(|(name, ..)| name == "withdrawn");
        if withdrawn.is_some_and(|at| self.flags[at]) {
            Standing::Withdrawn
        } else if self.is_correction {
            Standing::Corrected
        } else {
            Standing::New
        }
    }

    /// The record that this row is.
    pub fn into_record(mut self, line: u32) -> Record {
        let mut facts = Vec::with_capacity(self.mapping.facts.len());
        for plan in &self.mapping.facts {
            let mut claim = if self.is_wanted(plan) { self.claim(plan) } else { None };
            if let Some(known) = &claim {
                match plan.resource.resource(&mut self) {
                    Some(resource) => {
                        let (path, resource) = (self.path.clone(), Value::Object(resource));
                        facts.push(Fact { claim: known.clone(), resource, path, act: plan.act });
                    }
                    None => claim = None,
                }
                if claim.is_none() && plan.needed {
                    let issue = Issue::new("table.value.missing", Severity::Error, self.path.clone());
                    self.issues.push(issue.hint("缺少必需的内容（项目或药品名称），记录没有意义"));
                }
            }
            self.claims.push(claim);
        }
        if self.issues.iter().any(|issue| issue.severity >= Severity::Error) {
            // The record is set aside as a whole: half of it would only be a resource without its patient.
            facts.clear();
        }
        let main = self.main_claim();
        self.keep_leftovers(&mut facts);
        // The same claim twice (who ordered is who reported): the fuller one, which stands later, is enough.
        dedupe(&mut facts);
        let totals = self.totals();
        let effective = self.effective();
        let elements = self.elements();
        let business_day = self.business_day();
        let amount = self.mapping.amount.as_ref().and_then(|amount| self.fill(amount));
        let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
        Record {
            business_day,
            amount,
            line,
            record_type: self.mapping.record_type.clone(),
            institution: std::mem::take(&mut self.institution),
            effective_ms: effective.map(|(at_ms, _)| at_ms),
            effective_of: effective.map_or(TimeOf::Unsaid, |(_, of)| of),
            is_correction: self.is_correction,
            main,
            facts,
            elements,
            merges: Vec::new(),
            totals,
            issues: self.issues,
            path: self.path,
        }
    }

    /// By what the row is known: the claim of the main fact, or of the fact of that kind that stands for it when it is withdrawn.
    fn main_claim(&self) -> Option<Claim> {
        let kind = self.mapping.facts.iter().find(|plan| plan.main)?.kind;
        let all = || self.mapping.facts.iter().zip(self.claims.iter()).filter(|(plan, _)| plan.kind == kind);
        let main = all().find(|(plan, claim)| plan.main && claim.is_some());
        main.or_else(|| all().find(|(_, claim)| claim.is_some())).and_then(|(_, claim)| claim.clone())
    }

    fn is_wanted(&self, plan: &FactPlan) -> bool {
        plan.when.is_none_or(|(flag, stands)| self.flags[flag] == stands)
            && plan.with.is_none_or(|column| self.value(column).is_some())
    }

    /// The claim of a fact; without a part of its key none, which is an error when the fact is needed.
    fn claim(&mut self, plan: &'static FactPlan) -> Option<Claim> {
        let mut key = Vec::with_capacity(plan.key.len());
        for part in &plan.key {
            let text = self.text(part);
            let lost = if self.any_lost { self.lost_column(part) } else { None };
            if let Some(text) = text.filter(|_| lost.is_none()) {
                key.push(text);
                continue;
            }
            if plan.needed {
                let (rule, hint) = if lost.is_some() {
                    ("table.key.damaged", "主键被电子表格破坏，无法确定是哪条记录")
                } else {
                    ("table.key.missing", "缺少主键，无法确定属于哪位患者或哪条记录")
                };
                let column = lost.or_else(|| self.first_column(part));
                let place = column.map_or_else(|| self.path.clone(), |column| self.place(column));
                let mut issue = Issue::new(rule, Severity::Error, place).hint(hint);
                if let Some(column) = column {
                    let definition = &self.mapping.table.column[column];
                    issue = issue.expected(format!("{} {}", definition.name, definition.title));
                    if let Some(field) = self.cells[column].field.and_then(|field| self.fields.get(field)) {
                        issue = issue.at(field.line, field.column).found(&field.text);
                    }
                }
                if !self.issues.contains(&issue) {
                    self.issues.push(issue);
                }
            }
            return None;
        }
        Some(Claim { kind: plan.kind, key })
    }

    /// The columns behind an expression, through named values.
    fn first_column(&self, expression: &Expression) -> Option<ColumnIndex> {
        let mut first = None;
        let mut note = |column| {
            first.get_or_insert(column);
        };
        match expression {
            Expression::Value(at) => self.mapping.values[*at].1.columns(&mut note),
            other => other.columns(&mut note),
        }
        first
    }

    fn lost_column(&self, expression: &Expression) -> Option<ColumnIndex> {
        let mut lost = None;
        let mut undamaged = false;
        let mut note = |column: ColumnIndex| {
            let cell = &self.cells[column];
            if cell.lost {
                lost.get_or_insert(column);
            } else if cell.value.is_some() {
                undamaged |= lost.is_none();
            }
        };
        match expression {
            Expression::Value(at) => self.mapping.values[*at].1.columns(&mut note),
            other => other.columns(&mut note),
        }
        if undamaged { None } else { lost }
    }

    /// What has no place of its own goes to the main fact as it was sent.
    fn keep_leftovers(&self, facts: &mut [Fact]) {
        let Some(main) = self.mapping.facts.iter().position(|plan| plan.main) else { return };
        let Some(claim) = &self.claims[main] else { return };
        let Some(fact) = facts.iter_mut().rev().find(|fact| fact.claim == *claim) else { return };
        let mut extensions = Vec::new();
        let mut keep = |name: &str, value: &str| {
            extensions.push(json!({ "url": format!("urn:kangmai:sent:{name}"), "valueString": value }));
        };
        for (at, cell) in self.cells.iter().enumerate() {
            let wanted = cell.leftover || self.mapping.unplaced.contains(&at);
            if let (true, Some(value)) = (wanted, &cell.value) {
                let column = &self.mapping.table.column[at];
                keep(if column.element.is_empty() { &column.name } else { &column.element }, value);
            }
        }
        for (at, column) in self.header.columns.iter().enumerate() {
            if column.is_none()
                && let (Some(field), Some(name)) = (self.fields.get(at), self.header.names.get(at))
                && let Some(value) = text::present(&field.text, Context::Text)
            {
                let name = name.replace(char::is_whitespace, "_");
                keep(if name.is_empty() { "column" } else { &name }, &value);
            }
        }
        if let (false, Value::Object(resource)) = (extensions.is_empty(), &mut fact.resource) {
            match resource.get_mut("extension") {
                Some(Value::Array(there)) => there.append(&mut extensions),
                _ => {
                    resource.insert("extension".to_owned(), Value::Array(extensions));
                }
            }
        }
    }

    /// When it was so, and of what that is the time.
    fn effective(&self) -> Option<(i64, TimeOf)> {
        self.mapping.effective.iter().find_map(|(column, of)| {
            let moment = self.value(*column).and_then(time::parse)?;
            Some((moment.at_ms, *of))
        })
    }

    fn business_day(&mut self) -> String {
        let day = self.mapping.business_day.iter().find_map(|column| self.moment(*column));
        day.map(|moment| moment.day().to_owned()).unwrap_or_default()
    }

    fn elements(&self) -> Vec<Element> {
        let mut elements = Vec::with_capacity(self.header.columns.len());
        for (at, column) in self.header.columns.iter().enumerate() {
            let (Some(column), Some(field)) = (*column, self.fields.get(at)) else { continue };
            let definition = &self.mapping.table.column[column];
            if definition.element.is_empty() {
                continue;
            }
            let value =
                if self.cells[column].value.is_some() { field.text.clone().into_owned() } else { String::new() };
            elements.push(Element {
                id: definition.element.clone(),
                name: definition.title.clone(),
                value,
                display: String::new(),
                system: String::new(),
                unit: String::new(),
                group: 0,
                path: self.place(column),
                line: field.line,
                column: field.column,
            });
        }
        elements
    }

    fn totals(&mut self) -> Vec<Total> {
        let Some(total) = &self.mapping.table.total else { return Vec::new() };
        let column = |name: &str| self.mapping.column(name).ok();
        let text = |row: &Self, name: &str| {
            column(name)
                .and_then(|column| row.value(column))
                .map(|value| text::key_part(value).into_owned())
                .unwrap_or_default()
        };
        let day = column(&total.business_day).and_then(|column| self.moment(column));
        let sent_type = text(self, &total.record_type);
        let types = self.mapping.table.map.get("record_type");
        let record_type = types.and_then(|map| map.get(&sent_type.to_uppercase())).cloned();
        let count = text(self, &total.count).parse::<u64>().ok();
        let mut wrong = |name: &str, rule: &str, hint: &str| {
            let Some(column) = column(name) else { return };
            let mut issue = Issue::new(rule, Severity::Error, self.place(column)).hint(hint);
            if let Some(field) = self.cells[column].field.and_then(|field| self.fields.get(field)) {
                issue = issue.at(field.line, field.column).found(&field.text);
            }
            self.issues.push(issue);
        };
        if day.is_none() {
            wrong(&total.business_day, "table.total.day", "业务日期缺失或无法识别");
        }
        if record_type.is_none() {
            wrong(&total.record_type, "table.total.type", "业务类型不在映射表中");
        }
        if count.is_none() {
            wrong(&total.count, "table.total.count", "记录数缺失或不是整数");
        }
        let (Some(day), Some(record_type), Some(count)) = (day, record_type, count) else { return Vec::new() };
        let kind = main_claim(&record_type);
        let keys = |list: &str| -> Vec<Claim> {
            list.split(';')
                .filter(|key| !key.trim().is_empty())
                .map(|key| Claim::new(kind, key.trim().split('|')))
                .collect()
        };
        vec![Total {
            branch: text(self, &total.branch),
            business_day: day.day().to_owned(),
            record_type,
            count,
            amount: number::parse(&text(self, &total.amount)).map(|amount| amount.digits).unwrap_or_default(),
            batch: text(self, &total.batch),
            keys: keys(&text(self, &total.keys)),
            path: self.path.clone(),
        }]
    }

    /// `row[17].GHSJ`, with the name that the file uses.
    pub(super) fn place(&self, column: ColumnIndex) -> String {
        let sent =
            self.cells[column].field.or_else(|| self.header.columns.iter().position(|there| *there == Some(column)));
        let name = sent.and_then(|at| self.header.names.get(at)).unwrap_or(&self.mapping.table.column[column].name);
        let mut place = String::with_capacity(self.path.len() + 1 + name.len());
        // Writing into a text cannot fail.
        let _ = write!(place, "{}.{name}", self.path);
        place
    }

    pub(super) fn value(&self, column: ColumnIndex) -> Option<&str> {
        self.cells[column].value.as_deref()
    }

    /// Reports once about a column, and keeps what it says for the main fact.
    pub(super) fn report(&mut self, column: ColumnIndex, rule: &str, severity: Severity, hint: &str) {
        self.cells[column].leftover = true;
        if std::mem::replace(&mut self.cells[column].reported, true) {
            return;
        }
        let mut issue = Issue::new(rule, severity, self.place(column)).hint(hint);
        if let Some(field) = self.cells[column].field.and_then(|field| self.fields.get(field)) {
            issue = issue.at(field.line, field.column).found(&field.text);
        }
        self.issues.push(issue);
    }
}

/// A flag as it is compared: half width, in capitals, numbers without leading zeros and without what a spreadsheet puts behind.
fn flag_word(sent: &str) -> Cow<'_, str> {
    let word = text::key_part(sent);
    let is_plain = match word.as_bytes() {
        [one] => !one.is_ascii_lowercase(),
        [first, ..] => !first.is_ascii(),
        [] => true,
    };
    if is_plain {
        return word;
    }
    let capitals = word.to_uppercase();
    let number = capitals.strip_suffix(".0").unwrap_or(&capitals);
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = number.trim_start_matches('0');
        return Cow::Owned(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() });
    }
    Cow::Owned(capitals)
}

/// The kind of claim by which records of a type are known: that of the main fact.
fn main_claim(record_type: &str) -> &'static str {
    let mapping = super::mapping::mappings().iter().find(|mapping| mapping.record_type == record_type);
    mapping.and_then(|mapping| mapping.facts.iter().find(|fact| fact.main)).map_or("", |fact| fact.kind)
}

/// Whether a value deserves a closer look; nearly none does.
fn is_suspicious(sent: &str, kind: Context, digits: Option<usize>) -> bool {
    let bytes = sent.as_bytes();
    let ends =
        |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b'\'' | b'=' | b'"' | b' '));
    ends(bytes.first())
        || ends(bytes.last())
        || (kind != Context::Text && !sent.is_ascii())
        || (kind == Context::Identifier && (bytes.len() >= 17 || bytes.contains(&b'E') || bytes.contains(&b'e')))
        || (kind == Context::Text && sent.contains(['?', '？', '\u{FFFD}']))
        || digits.is_some_and(|digits| bytes.len() < digits)
}

fn damages(sent: &str, kind: Context, digits: Option<usize>) -> Vec<Damage> {
    match kind {
        Context::Identifier => damage::of_identifier(sent, digits),
        Context::Text => damage::around(sent).into_iter().chain(damage::of_name(sent)).collect(),
        Context::Code => {
            let value = text::key_part(sent);
            let short = digits.is_some_and(|digits| !value.is_empty() && value.len() < digits)
                && value.bytes().all(|byte| byte.is_ascii_digit())
                && !text::is_nothing(&value, kind);
            damage::around(sent).into_iter().chain(short.then_some(Damage::LeadingZerosLost)).collect()
        }
        _ => damage::around(sent),
    }
}

/// 1900-01-01 and the like.
fn is_nothing_time(value: &str, kind: Context) -> bool {
    kind == Context::Time
        && standards::tables::may_be_nothing_day(value)
        && time::parse(value).is_some_and(|moment| moment.is_nothing())
}

/// Keeps the last of several facts of one claim when the earlier ones only mention it.
fn dedupe(facts: &mut Vec<Fact>) {
    let mut at = 0;
    while at < facts.len() {
        let again = facts[at + 1..].iter().any(|later| later.claim == facts[at].claim);
        if again && facts[at].act == crate::reading::Act::Mention {
            facts.remove(at);
        } else {
            at += 1;
        }
    }
}
