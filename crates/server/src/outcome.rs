//! A [`Failure`] as JSON: `OperationOutcome` on FHIR routes, a plain error object on `/api/v1`.

use formats::fhir;
use model::{Failure, Issue};
use serde_json::{Value, json};

use crate::language::Language;

/// Which of the two shapes an error takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `/fhir/R4`.
    Fhir,
    /// `/api/v1`.
    Api,
}

/// The failure in the shape of its face.
pub fn render(failure: &Failure, face: Face, language: Language) -> Value {
    match face {
        Face::Fhir => fhir::failure_outcome(failure, language.into()),
        Face::Api => api_error(failure, language),
    }
}

/// The `OperationOutcome` of findings alone, as `$validate` answers; no findings is one informational line.
pub fn findings(issues: &[Issue], language: Language) -> Value {
    fhir::outcome(issues, language.into())
}

fn sentence(failure: &Failure, language: Language) -> &'static str {
    language.pick((failure.code.zh(), failure.code.en()))
}

fn api_error(failure: &Failure, language: Language) -> Value {
    json!({"error": {
        "code": failure.code.code(),
        "message": sentence(failure, language),
        "zh": failure.code.zh(),
        "en": failure.code.en(),
        "detail": failure.detail,
        "issues": failure.issues,
    }})
}

#[cfg(test)]
mod tests {
    use model::{ErrorCode, Severity};

    use super::*;

    #[test]
    fn a_failure_becomes_an_outcome_in_the_language_asked_for() {
        let failure = Failure::new(ErrorCode::BadSearch, "no parameter `nam`")
            .with_issues(vec![Issue::new("search.parameter", Severity::Error, "nam").hint("name")]);
        let outcome = render(&failure, Face::Fhir, Language::English);
        assert_eq!(outcome["issue"][0]["code"], "invalid");
        assert_eq!(outcome["issue"][0]["details"]["text"], "the search is not understood");
        assert_eq!(outcome["issue"][0]["diagnostics"], "no parameter `nam`");
        assert_eq!(outcome["issue"][1]["details"]["text"], "name");
        let error = render(&failure, Face::Api, Language::Chinese);
        assert_eq!(error["error"]["message"], "检索条件有误");
    }
}
