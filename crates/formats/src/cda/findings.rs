//! The findings of the reader: every rule by name, and issues whose severity and words come from `standards/rules/cda.toml`.

use model::{Issue, Severity};

/// The ids of the rules. [`ALL`] is the same list, for the test that compares it with the catalogue.
pub(super) mod rule {
    macro_rules! rules {
        ($($name:ident = $id:literal;)*) => {
            $(pub const $name: &str = $id;)*
            /// Every rule that the reader can speak.
            pub const ALL: &[&str] = &[$($id),*];
        };
    }
    rules! {
        XML_MALFORMED = "cda.xml.malformed";
        XML_DOCTYPE = "cda.xml.doctype";
        XML_ENTITY_UNKNOWN = "cda.xml.entity-unknown";
        XML_TOO_LARGE = "cda.xml.too-large";
        XML_TOO_DEEP = "cda.xml.too-deep";
        XML_TOO_MANY_ELEMENTS = "cda.xml.too-many-elements";
        CHARSET_LIES = "cda.charset.declaration-lies";
        CHARSET_UNDECODABLE = "cda.charset.undecodable";
        ENVELOPE_UNWRAPPED = "cda.envelope.unwrapped";
        ENVELOPE_BASE64 = "cda.envelope.base64";
        DOCUMENT_MISSING = "cda.document.missing";
        DOCUMENT_DUPLICATE_ID = "cda.document.duplicate-id";
        DOCUMENT_ID_MISSING = "cda.document.id-missing";
        DOCUMENT_AUTHOR_MISSING = "cda.document.author-missing";
        DOCUMENT_TIME_MISSING = "cda.document.time-missing";
        DOCUMENT_CODE_MISSING = "cda.document-code.missing";
        DOCUMENT_CODE_UNKNOWN = "cda.document-code.unknown";
        DOCUMENT_CODE_SYSTEM = "cda.document-code.system";
        TEMPLATE_MISSING = "cda.template-id.missing";
        TEMPLATE_MISMATCH = "cda.template-id.mismatch";
        TEMPLATE_UNKNOWN = "cda.template-id.unknown";
        TITLE_MISMATCH = "cda.title.mismatch";
        TYPE_ID_WRONG = "cda.type-id.wrong";
        NAMESPACE_MISSING = "cda.namespace.missing";
        NAMESPACE_WRONG = "cda.namespace.wrong";
        NAME_MISSPELT = "cda.name.misspelt";
        NAME_UNKNOWN = "cda.name.unknown";
        ORDER_WRONG = "cda.order.wrong";
        ATTRIBUTE_BLANKS = "cda.attribute.blanks";
        ATTRIBUTE_DUPLICATE = "cda.attribute.duplicate";
        MOOD_UNKNOWN = "cda.mood.unknown";
        OID_MALFORMED = "cda.oid.malformed";
        VERSION_REPLACED_MISSING = "cda.version.replaced-missing";
        VERSION_NOT_RAISED = "cda.version.not-raised";
        VERSION_MALFORMED = "cda.version.malformed";
        CUSTODIAN_MISSING = "cda.custodian.missing";
        CUSTODIAN_ASSUMED = "cda.custodian.assumed";
        PATIENT_MISSING = "cda.patient.missing";
        PATIENT_IDENTIFIER_MISSING = "cda.patient.identifier-missing";
        PATIENT_NAME_MISSING = "cda.patient.name-missing";
        PATIENT_SEX_UNKNOWN = "cda.patient.sex-unknown";
        VISIT_MISSING = "cda.visit.missing";
        BODY_MISSING = "cda.body.missing";
        BODY_STRUCTURED_MISSING = "cda.body.structured-body-missing";
        SECTION_UNKNOWN = "cda.section.unknown";
        SECTION_CODE_WRONG = "cda.section.code-wrong";
        SECTION_CODE_MISSING = "cda.section.code-missing";
        SECTION_ORDER = "cda.section.order";
        ELEMENT_MALFORMED = "cda.data-element.malformed";
        ELEMENT_UNKNOWN = "cda.data-element.unknown";
        ELEMENT_SYSTEM = "cda.data-element.system";
        ELEMENT_OTHER_PLACE = "cda.data-element.other-place";
        ELEMENT_CODE_MISSING = "cda.data-element.code-missing";
        VALUE_TABLE_OTHER = "cda.value-table.other";
        VALUE_EMPTY = "cda.value.empty";
        VALUE_PLACEHOLDER = "cda.value.placeholder";
        VALUE_TYPE_MISSING = "cda.value.type-missing";
        VALUE_TYPE_OTHER = "cda.value.type-other";
        VALUE_NUMBER_MALFORMED = "cda.value.number-malformed";
        VALUE_BOOLEAN_MALFORMED = "cda.value.boolean-malformed";
        TIME_FORMAT = "cda.time.format";
        TIME_MALFORMED = "cda.time.malformed";
        IDENTIFIER_DAMAGED = "cda.identifier.damaged";
    }
}

/// More findings than this about one document help nobody: the count goes on, the list does not.
pub const FINDINGS_MAX: usize = 500;

/// The list of findings while a document is read.
#[derive(Debug, Default)]
pub struct Findings {
    issues: Vec<Issue>,
    /// Where the findings go that come when the list is full.
    rest: Option<Issue>,
}

impl Findings {
    /// Says that a rule speaks at a path, line and column; what else is known can be put into the returned issue.
    pub fn add(&mut self, id: &str, path: &str, line: u32, column: u32, found: &str) -> &mut Issue {
        let known = standards::cda::rules().get(id);
        let severity = known.map_or(Severity::Warning, |rule| rule.severity);
        let mut issue = Issue::new(id, severity, path).at(line, column);
        if !found.is_empty() {
            issue = issue.found(found);
        }
        if let Some(known) = known {
            let hint = if known.hint.is_empty() { known.zh.clone() } else { format!("{}。{}", known.zh, known.hint) };
            issue = issue.hint(hint);
        }
        // A grave finding is never dropped, however long the list is.
        if self.issues.len() >= FINDINGS_MAX && severity < Severity::Error {
            return self.rest.insert(issue);
        }
        self.issues.push(issue);
        let last = self.issues.len() - 1;
        &mut self.issues[last]
    }

    /// Whether a finding of this severity or a worse one is there.
    #[must_use]
    pub fn any(&self, severity: Severity) -> bool {
        self.issues.iter().any(|issue| issue.severity >= severity)
    }

    /// The list.
    #[must_use]
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }
}
