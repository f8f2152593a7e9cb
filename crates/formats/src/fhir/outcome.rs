//! `OperationOutcome` of issues.

use model::{Failure, Issue};
use serde_json::{Map, Value, json};

use super::rules;

/// The language of the sentences in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// 中文.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The language that an `Accept-Language` header prefers; Chinese unless English stands before it.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        for tag in header.split(',') {
            let tag = tag.split(';').next().unwrap_or_default().trim();
            match tag.get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("zh") => return Self::Chinese,
                Some("en") => return Self::English,
                _ => {}
            }
        }
        Self::Chinese
    }

    /// Picks one of two sentences.
    #[must_use]
    pub fn pick<'s>(self, zh: &'s str, en: &'s str) -> &'s str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }

    /// The BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.pick("zh-CN", "en")
    }
}

/// An `OperationOutcome` that says every issue, in order.
///
/// `details.text` is the sentence of the rule, `details.coding` its stable id, `diagnostics` what was found and expected,
/// `expression` the path in the resource. FHIR wants at least one issue: without any the outcome says that all is well.
#[must_use]
pub fn outcome(issues: &[Issue], language: Language) -> Value {
    let mut items: Vec<Value> = issues.iter().map(|issue| item(issue, language)).collect();
    if items.is_empty() {
        let text = language.pick("未发现问题", "no issue was found");
        items.push(json!({ "severity": "information", "code": "informational", "details": { "text": text } }));
    }
    json!({ "resourceType": "OperationOutcome", "language": language.tag(), "issue": items })
}

/// The system of the codes of the error table, `docs/ERRORS.md`.
const ERROR_SYSTEM: &str = "urn:kangmai:error";

/// The `OperationOutcome` of a refusal: first the error of the table, then every issue that led to it.
#[must_use]
pub fn failure_outcome(failure: &Failure, language: Language) -> Value {
    let mut first = json!({
        "severity": "error",
        "code": failure.code.issue_type(),
        "details": {
            "coding": [{ "system": ERROR_SYSTEM, "code": failure.code.code() }],
            "text": language.pick(failure.code.zh(), failure.code.en()),
        },
    });
    if !failure.detail.is_empty() {
        first["diagnostics"] = failure.detail.as_str().into();
    }
    let issues: Vec<Value> =
        std::iter::once(first).chain(failure.issues.iter().map(|issue| item(issue, language))).collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

/// The system of rule ids in `details.coding`.
const RULE_SYSTEM: &str = "urn:kangmai:rule";

fn item(issue: &Issue, language: Language) -> Value {
    let rule = rules::rule(&issue.rule);
    let mut item = Map::new();
    item.insert("severity".into(), issue.severity.as_str().into());
    item.insert("code".into(), rule.map_or("processing", |rule| rule.issue_type).into());
    let sentence = rule.map(|rule| language.pick(rule.zh, rule.en));
    let text = issue.hint.as_deref().or(sentence).unwrap_or(&issue.rule);
    item.insert("details".into(), json!({ "coding": [{ "system": RULE_SYSTEM, "code": issue.rule }], "text": text }));
    let is_position = issue.path.starts_with(|c: char| c.is_ascii_digit());
    let mut facts: Vec<String> = Vec::new();
    if is_position {
        facts.push(format!("{} {}", language.pick("行:列", "line:column"), issue.path));
    }
    if let Some(found) = &issue.found {
        facts.push(format!("{} {found}", language.pick("实际", "found")));
    }
    if let Some(expected) = &issue.expected {
        facts.push(format!("{} {expected}", language.pick("应为", "expected")));
    }
    if !facts.is_empty() {
        item.insert("diagnostics".into(), facts.join("; ").into());
    }
    if !is_position && !issue.path.is_empty() {
        item.insert("expression".into(), json!([issue.path]));
    }
    Value::Object(item)
}

#[cfg(test)]
mod tests {
    use model::Severity;

    use super::*;

    #[test]
    fn issues_become_items() {
        let issues = [
            Issue::new("json.syntax", Severity::Fatal, "3:14").found("x").expected(": "),
            Issue::new("fhir.cardinality.min", Severity::Error, "Patient.link[0].other"),
        ];
        let built = outcome(&issues, Language::English);
        assert_eq!(built["issue"][0]["code"], "structure");
        assert_eq!(built["issue"][0]["severity"], "fatal");
        assert_eq!(built["issue"][0]["diagnostics"], "line:column 3:14; found x; expected : ");
        assert!(built["issue"][0].get("expression").is_none());
        assert_eq!(built["issue"][1]["expression"][0], "Patient.link[0].other");
        assert_eq!(outcome(&issues, Language::Chinese)["issue"][1]["details"]["text"], "缺少必填元素");
        assert_eq!(outcome(&[], Language::Chinese)["issue"][0]["severity"], "information");
    }

    #[test]
    fn the_header_chooses() {
        assert_eq!(Language::accepted("en-GB,zh;q=0.5"), Language::English);
        assert_eq!(Language::accepted("fr, zh-CN"), Language::Chinese);
        assert_eq!(Language::accepted("é"), Language::Chinese);
    }
}
