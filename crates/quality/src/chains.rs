//! Referential chains over what an institution has sent: a visit without a diagnosis, a result without an order.
//!
//! The rules do not know the store. The road states, for each claim that it holds, whether the thing itself was sent or only
//! mentioned, what it refers to and since when it is there; the rules answer what is missing after its time.

use std::collections::{HashMap, HashSet};

use model::Issue;
use serde::Deserialize;

use crate::compile::{Rules, issue};

/// What the road holds under a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The claim as it stands in references: `claim:visit/A||O|17`.
    pub claim: String,
    /// The thing itself was sent; otherwise it was only mentioned by others.
    pub sent: bool,
    /// The claims that it refers to.
    pub refers_to: Vec<String>,
    /// When it was first heard of, in milliseconds since 1970.
    pub since_ms: i64,
}

/// A broken chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The claim whose other half is missing.
    pub claim: String,
    /// The finding; its path is the claim.
    pub issue: Issue,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain {
    pub rule: String,
    subject: Vec<String>,
    #[serde(default)]
    referred_by: Vec<String>,
    #[serde(default)]
    refers_to: Vec<String>,
    #[serde(default)]
    linked_with: Vec<String>,
    /// The subject itself must have been sent, not only mentioned.
    #[serde(default)]
    sent: bool,
    days: i64,
    hint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChainsFile {
    pub chain: Vec<Chain>,
}

/// The kind of a claim in its text: `visit` of `claim:visit/A||O|17`.
fn kind(claim: &str) -> &str {
    let claim = claim.strip_prefix("claim:").unwrap_or(claim);
    claim.split_once('/').map_or(claim, |(kind, _)| kind)
}

impl Rules {
    /// What is missing among the things held, at a time; in the order of the things.
    #[must_use]
    pub fn broken_chains(&self, held: &[Held], now_ms: i64) -> Vec<Missing> {
        let sent: HashSet<&str> = held.iter().filter(|one| one.sent).map(|one| one.claim.as_str()).collect();
        let mut referrers: HashMap<&str, Vec<&str>> = HashMap::new();
        for one in held.iter().filter(|one| one.sent) {
            for target in &one.refers_to {
                referrers.entry(target).or_default().push(kind(&one.claim));
            }
        }
        let mut missing = Vec::new();
        for one in held {
            for chain in &self.chains {
                let due = now_ms.saturating_sub(one.since_ms) >= chain.days * 86_400_000;
                if due && chain.concerns(one) && !chain.holds(one, &sent, &referrers) {
                    let finding = issue(&chain.rule, None, &one.claim).hint(&chain.hint);
                    missing.push(Missing { claim: one.claim.clone(), issue: finding });
                }
            }
        }
        missing
    }
}

impl Chain {
    /// A chain that asks whether the thing was sent concerns mentions; the others concern what was sent.
    fn concerns(&self, held: &Held) -> bool {
        self.subject.iter().any(|subject| *subject == kind(&held.claim)) && (self.sent || held.sent)
    }

    fn holds(&self, held: &Held, sent: &HashSet<&str>, referrers: &HashMap<&str, Vec<&str>>) -> bool {
        let referred = |kinds: &[String]| {
            let by = referrers.get(held.claim.as_str()).map_or(&[][..], Vec::as_slice);
            by.iter().any(|kind| kinds.iter().any(|wanted| wanted == kind))
        };
        let refers = |kinds: &[String]| {
            let fits =
                |target: &String| sent.contains(target.as_str()) && kinds.iter().any(|wanted| wanted == kind(target));
            held.refers_to.iter().any(fits)
        };
        (!self.sent || held.sent)
            && (self.referred_by.is_empty() || referred(&self.referred_by))
            && (self.refers_to.is_empty() || refers(&self.refers_to))
            && (self.linked_with.is_empty() || referred(&self.linked_with) || refers(&self.linked_with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn held(claim: &str, sent: bool, refers_to: &[&str]) -> Held {
        let refers_to = refers_to.iter().map(|one| (*one).to_owned()).collect();
        Held { claim: claim.to_owned(), sent, refers_to, since_ms: 0 }
    }

    fn missing(things: &[Held], days: i64) -> Vec<(String, String)> {
        let found = Rules::standard().broken_chains(things, days * DAY_MS);
        found.into_iter().map(|one| (one.claim, one.issue.rule)).collect()
    }

    #[test]
    fn a_visit_waits_a_week_for_its_diagnosis() {
        let visit = held("claim:visit/A||O|17", true, &[]);
        assert!(missing(std::slice::from_ref(&visit), 6).is_empty());
        let rule = "quality.chain.visit-without-diagnosis".to_owned();
        assert_eq!(missing(std::slice::from_ref(&visit), 8), [(visit.claim.clone(), rule)]);
        let diagnosis = held("claim:visit_condition/A||O|17|1", true, &["claim:visit/A||O|17"]);
        assert!(missing(&[visit, diagnosis], 8).is_empty());
    }

    #[test]
    fn what_is_only_mentioned_was_not_sent() {
        let report = held("claim:report/A|R1|20240305", true, &["claim:visit/A||O|17", "claim:service_order/A|9"]);
        let result = held("claim:result/A|R1|20240305|GLU|", true, &["claim:report/A|R1|20240305"]);
        let visit = held("claim:visit/A||O|17", false, &[]);
        let order = held("claim:service_order/A|9", false, &[]);
        let found = missing(&[report.clone(), result.clone(), visit, order], 30);
        let rules: Vec<&str> = found.iter().map(|(_, rule)| rule.as_str()).collect();
        assert_eq!(rules, ["quality.chain.result-without-order", "quality.chain.visit-not-registered"]);
        let order = held("claim:service_order/A|9", true, &[]);
        assert!(missing(&[report.clone(), result, order], 30).is_empty());
        let alone = missing(&[report], 30);
        assert_eq!(alone.len(), 2, "{alone:?}");
    }
}
