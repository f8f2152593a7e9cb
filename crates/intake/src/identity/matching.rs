//! Who may this be? The answer to `Patient/$match`: registrations that may be the same person as one that is only described.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use identity::batch::CERTAIN;
use identity::cluster::ReviewKind;
use identity::compare::{Field, compare};
use identity::explain::reasons;
use identity::index::Decision;
use identity::model::UNITS_PER_BIT;
use model::{ErrorCode, Failure, Home, TenantId};
use serde_json::Value;

use super::ledger::ReviewReason;
use super::patient;
use super::stage::{self, bits};
use super::tenants::Identity;

/// Candidates that are looked at; more than these are a placeholder's.
const CANDIDATES_MAX: usize = 64;

/// How long a question waits for an index that is being filled: somebody is looking at the screen.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// FHIR's match grades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchGrade {
    /// The only one, beyond doubt.
    Certain,
    /// Would be linked.
    Probable,
    /// People would have to decide.
    Possible,
}

impl MatchGrade {
    /// The code of `http://terminology.hl7.org/CodeSystem/match-grade`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Probable => "probable",
            Self::Possible => "possible",
        }
    }
}

/// A registration that may be the one described; one per person.
#[derive(Debug, Clone)]
pub struct Match {
    /// The registration.
    pub registration: Home,
    /// Its id.
    pub id: String,
    /// How sure.
    pub grade: MatchGrade,
    /// Evidence in bits.
    pub weight: f64,
    /// The same as a chance between 0 and 1.
    pub score: f64,
    /// Field by field.
    pub reasons: Vec<ReviewReason>,
}

impl Identity {
    /// Who may this be? One registration per person, the best scoring, best first.
    ///
    /// Somebody who carries a document under another name is not told: the answer would tell whose number it is.
    ///
    /// # Errors
    /// `Unprocessable` when too little is said: a name, and a birth date, a telephone or a document. `NotReady`.
    pub fn find(self: &Arc<Self>, tenant: TenantId, described: &Value, limit: usize) -> Result<Vec<Match>, Failure> {
        let mut packed = patient::packed(described, None);
        let has_more = packed.birth.is_some() || packed.phone() != 0 || packed.has_own_document();
        // 无名氏 and 陈** describe nobody: with a number they would only ask whether it is known.
        if !(packed.is_named() || packed.is_newborn()) || !has_more {
            let why = "say a name, and a birth date, a telephone or a document";
            return Err(Failure::new(ErrorCode::Unprocessable, why));
        }
        // The first question of a tenant without registrations finds an index that nobody has asked for yet.
        if self.wait_for(tenant, WAIT_MAX).is_err() {
            return Err(Failure::new(ErrorCode::NotReady, "the identity index is still being filled"));
        }
        self.with(tenant, |linker| {
            let index = linker.live().index();
            index.finish(&mut packed);
            let answer = index.candidates(&packed, CANDIDATES_MAX);
            let mut persons: BTreeSet<u64> = BTreeSet::new();
            let is_told = |decision| decision != Decision::Review(ReviewKind::DocumentConflict);
            let mut found: Vec<Match> = Vec::new();
            for candidate in answer.candidates.into_iter().filter(|one| is_told(one.decision)) {
                let home = linker.home_at(candidate.place);
                if home == Home::SHARED || !persons.insert(linker.person_at(candidate.place)) {
                    continue;
                }
                let other = index.get(candidate.place).copied().unwrap_or_default();
                // Nothing in the name speaks for it: what would be told is whose number this is.
                if packed.is_named() && compare(&packed, &other).of(Field::Name) == 0 {
                    continue;
                }
                let grade = match candidate.decision {
                    Decision::Link if candidate.score >= CERTAIN => MatchGrade::Certain,
                    Decision::Link => MatchGrade::Probable,
                    _ => MatchGrade::Possible,
                };
                found.push(Match {
                    registration: home,
                    id: stage::registration(tenant, home).id,
                    grade,
                    weight: bits(candidate.score),
                    score: chance(candidate.score),
                    reasons: reasons(&packed, &other, index.scorer()).iter().map(Into::into).collect(),
                });
            }
            // Two who are beyond doubt are not beyond doubt.
            if found.iter().filter(|one| one.grade == MatchGrade::Certain).count() > 1 {
                found.iter_mut().filter(|one| one.grade == MatchGrade::Certain).for_each(|one| {
                    one.grade = MatchGrade::Probable;
                });
            }
            found.truncate(limit);
            found
        })
    }
}

/// The chance that belongs to odds of `score`.
fn chance(score: i32) -> f64 {
    let odds = (f64::from(score) / f64::from(UNITS_PER_BIT)).exp2();
    (odds / (1.0 + odds) * 1e4).round() / 1e4
}
