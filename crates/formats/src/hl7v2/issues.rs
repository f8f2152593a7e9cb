//! The rules that the reader can speak of. Titles and severities are data: `standards/rules/hl7v2.toml`.

use model::{Issue, Severity};
use standards::hl7v2::hl7v2;

use super::syntax::Field;

macro_rules! rules {
    ($($name:ident = $id:literal;)*) => {
        $(pub(super) const $name: &str = $id;)*
        /// Every rule id that the reader can emit.
        pub const RULES: &[&str] = &[$($id),*];
    };
}

rules! {
    UNREADABLE = "hl7v2.message.unreadable";
    NOISE = "hl7v2.message.noise-before";
    UNSUPPORTED = "hl7v2.message.unsupported";
    TYPE_MISSING = "hl7v2.message.type-missing";
    ACKNOWLEDGEMENT = "hl7v2.message.acknowledgement";
    TOO_MANY = "hl7v2.message.too-many";
    DELIMITERS = "hl7v2.delimiters.odd";
    VERSION = "hl7v2.version.unknown";
    CHARSET_LIES = "hl7v2.charset.declaration-lies";
    CHARSET_MISSING = "hl7v2.charset.declaration-missing";
    CHARSET_REPLACED = "hl7v2.charset.replaced";
    CONTROL_MISSING = "hl7v2.control-number.missing";
    BATCH_COUNT = "hl7v2.batch.count-differs";
    BROKEN_LINE = "hl7v2.segment.broken-line";
    SEGMENT_UNKNOWN = "hl7v2.segment.unknown";
    SEGMENT_LOCAL = "hl7v2.segment.local";
    SEGMENT_UNMAPPED = "hl7v2.segment.unmapped";
    SEGMENT_MISSING = "hl7v2.segment.missing";
    SEGMENTS_TOO_MANY = "hl7v2.segment.too-many";
    FIELD_UNMAPPED = "hl7v2.field.unmapped";
    FIELD_TOO_LONG = "hl7v2.field.too-long";
    ESCAPE_UNKNOWN = "hl7v2.escape.unknown";
    INSTITUTION_MISSING = "hl7v2.institution.missing";
    INSTITUTION_UNCODED = "hl7v2.institution.not-a-code";
    PATIENT_MISSING = "hl7v2.patient.identifier-missing";
    PATIENT_ELSEWHERE = "hl7v2.patient.identifier-elsewhere";
    PATIENT_DOCUMENT_ONLY = "hl7v2.patient.identifier-document-only";
    IDENTIFIER_TYPE = "hl7v2.identifier.type-unknown";
    NAME_PINYIN = "hl7v2.name.pinyin-in-given";
    NAME_MISSING = "hl7v2.name.missing";
    CODE_UNKNOWN = "hl7v2.code.unknown";
    TIME_UNREADABLE = "hl7v2.time.unreadable";
    TIME_NOTHING = "hl7v2.time.placeholder";
    VISIT_MISSING = "hl7v2.visit.number-missing";
    VISIT_ELSEWHERE = "hl7v2.visit.number-elsewhere";
    VISIT_CLASS = "hl7v2.visit.class-missing";
    VISIT_CLASS_NEEDED = "hl7v2.visit.class-needed";
    MERGE_MISSING = "hl7v2.merge.identifier-missing";
    MERGE_SAME = "hl7v2.merge.same-identifier";
    REPORT_MISSING = "hl7v2.report.number-missing";
    REPORT_ELSEWHERE = "hl7v2.report.number-elsewhere";
    REPORT_DAY = "hl7v2.report.day-missing";
    REPORT_STATUS = "hl7v2.report.status-missing";
    RESULT_ITEM = "hl7v2.result.item-missing";
    RESULT_ORPHAN = "hl7v2.result.without-report";
    RESULT_TYPE = "hl7v2.result.value-type-unknown";
    RESULT_NUMBER = "hl7v2.result.not-a-number";
    UNIT_UNESCAPED = "hl7v2.unit.unescaped";
    RESULT_REPEATED = "hl7v2.result.repeated";
    ATTACHMENT = "hl7v2.attachment.broken";
    ORDER_MISSING = "hl7v2.order.number-missing";
    ORDER_CONTROL = "hl7v2.order.control-unknown";
    DRUG_MISSING = "hl7v2.medication.drug-missing";
    CHARGE_MISSING = "hl7v2.charge.number-missing";
    CHARGE_AMOUNT = "hl7v2.charge.amount-unreadable";
    ITEM_UNCODED = "hl7v2.item.code-missing";
}

/// A new issue at a path, with the severity of its rule and its title as the hint.
pub(super) fn issue(rule: &'static str, path: impl Into<String>) -> Issue {
    let known = hl7v2().rule(rule);
    let issue = Issue::new(rule, known.map_or(Severity::Error, |known| known.severity), path);
    match known {
        Some(known) => issue.hint(known.zh.clone()),
        None => issue,
    }
}

/// A new issue about a field, with what was found there.
pub(super) fn issue_at(rule: &'static str, field: &Field<'_>) -> Issue {
    issue(rule, field.path()).at(field.line(), field.column()).found(field.unescaped().text.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_lists_exactly_the_rules_of_the_reader() {
        let emitted: BTreeSet<&str> = RULES.iter().copied().collect();
        let listed: BTreeSet<&str> = hl7v2().rules().map(|rule| rule.id.as_str()).collect();
        assert_eq!(emitted, listed);
    }
}
