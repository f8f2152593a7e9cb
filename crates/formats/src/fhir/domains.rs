//! Domains of patient numbers (assigning authorities, 标识域): which numbers a source may speak of in FHIR, and what becomes of
//! those that it may not.
//!
//! A number in a domain of the source's own institution is what the registration is known by, the same as in an HL7 message of
//! that institution. A number that it writes in another institution's domain is only its word about somebody else's patient: it
//! is kept as a domain of the sending institution, and can collide with nobody.

use model::{Issue, Severity};
use serde_json::{Value, json};

use super::message::Options;
use crate::national;
use crate::reading::Claim;
use crate::text;

/// The rule that speaks when a number stands in another institution's domain.
pub const OTHER_DOMAIN: &str = "fhir.message.other-domain";

/// What an institution calls its patients' own numbers in `urn:kangmai:institution:{code}:{what}`.
const PATIENT: &str = "patient";
/// How a domain that is an object identifier is written in FHIR; HL7 v2 names it without.
const OID: &str = "urn:oid:";

/// A number in a domain of the source's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNumber {
    /// 机构编码.
    pub institution: String,
    /// The part of the claim: the number, with its authority where it is not the usual one.
    pub key: String,
    /// The number as a FHIR identifier of the institution, when it was written in another domain of its own.
    pub canonical: Option<Value>,
}

impl OwnNumber {
    /// Whether another number was given in the same domain: by the same institution, under the same authority.
    #[must_use]
    pub fn is_of_same_domain(&self, other: &Self) -> bool {
        let authority = |key: &str| key.split_once('^').map(|(_, authority)| authority.to_owned());
        self.institution == other.institution && authority(&self.key) == authority(&other.key)
    }

    /// By what the source knows this registration: the same as in its HL7 messages.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim::new("registration", [&self.institution, &self.key])
    }
}

fn code(text: &str) -> String {
    text::key_part(text).split_whitespace().collect::<Vec<_>>().join("_")
}

impl Options {
    /// Whether the source speaks for an institution: its own, or one that its registration lists.
    #[must_use]
    pub fn speaks_for(&self, institution: &str) -> bool {
        [&self.institution].into_iter().chain(&self.institutions).any(|own| code(own) == institution)
    }

    /// The 机构编码 that is meant by another code of an institution, as it stands in a system.
    fn main_code(&self, institution: &str) -> Option<String> {
        self.aliases.iter().find(|(other, _)| code(other) == institution).map(|(_, main)| code(main))
    }

    /// The registration that a number of a domain stands for; `None` when the domain is not the source's own. Its own are
    /// `urn:kangmai:institution:{code}:patient`, with `:{name}` behind it for a further system of that institution, and the
    /// names (or `urn:oid:` and the name) by which its registration says that it numbers patients.
    #[must_use]
    pub fn own_number(&self, system: &str, value: &str) -> Option<OwnNumber> {
        let value = text::key_part(value).into_owned();
        if value.is_empty() {
            return None;
        }
        if let Some((institution, what)) = national::institution_of(system) {
            let key = match what.split_once(':') {
                None if what == PATIENT => value,
                Some((PATIENT, authority)) if !authority.is_empty() => format!("{value}^{authority}"),
                _ => return None,
            };
            let institution = self.main_code(institution).unwrap_or_else(|| institution.to_owned());
            return self.speaks_for(&institution).then_some(OwnNumber { institution, key, canonical: None });
        }
        let name = system.strip_prefix(OID).unwrap_or(system);
        if !self.authorities.iter().any(|own| own == name || own == system) {
            return None;
        }
        let institution = code(&self.institution);
        let canonical = national::identifier(&national::institution_system(&institution, PATIENT), &value);
        Some(OwnNumber { institution, key: value, canonical: Some(canonical) })
    }

    /// The domains that are the source's own, for a sender who used another.
    #[must_use]
    pub fn own_domains(&self) -> Vec<String> {
        let codes = [&self.institution].into_iter().chain(&self.institutions);
        let own = codes.map(|own| national::institution_system(&code(own), PATIENT));
        own.chain(self.authorities.iter().cloned()).collect()
    }

    /// Numbers of other institutions' domains become the sender's word about them, with a finding for each.
    pub(super) fn keep_apart(&self, resource: &mut Value, path: &str) -> Vec<Issue> {
        let mut issues = Vec::new();
        if self.institution.is_empty() {
            return issues;
        }
        let Some(identifiers) = resource.get_mut("identifier") else { return issues };
        let all = match identifiers {
            Value::Array(all) => all.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for (position, identifier) in all.iter_mut().enumerate() {
            let Some(system) = identifier["system"].as_str().map(str::to_owned) else { continue };
            let Some((institution, what)) = national::institution_of(&system) else { continue };
            if self.speaks_for(institution) {
                continue;
            }
            if let Some(main) = self.main_code(institution).filter(|main| self.speaks_for(main)) {
                identifier["system"] = national::institution_system(&main, what).into();
                continue;
            }
            let own = national::institution_system(&code(&self.institution), &format!("{what}:{institution}"));
            identifier["system"] = own.clone().into();
            if identifier.get("assigner").is_none() {
                identifier["assigner"] = json!({ "display": institution });
            }
            let issue = Issue::new(OTHER_DOMAIN, Severity::Warning, format!("{path}.identifier[{position}].system"));
            let hint = "其他机构的标识域只能由该机构的来源报送；此号码已作为本机构的记载保存，不用于交叉索引。如确由本来源代报，请在来源登记中加上该机构";
            issues.push(issue.found(&system).expected(own).hint(hint));
        }
        issues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            institution: "990121001".to_owned(),
            institutions: vec!["990121002".to_owned()],
            authorities: vec!["1.2.156.99".to_owned(), "http://his.example".to_owned()],
            aliases: [("MB-old 1".to_owned(), "990121001".to_owned())].into(),
        }
    }

    #[test]
    fn a_source_knows_its_own_numbers_in_every_spelling() {
        let key = |system: &str| options().own_number(system, " Ａ1 ").map(|own| (own.institution.clone(), own.key));
        let own = |institution: &str, key: &str| Some((institution.to_owned(), key.to_owned()));
        assert_eq!(key("urn:kangmai:institution:990121001:patient"), own("990121001", "A1"));
        assert_eq!(key("urn:kangmai:institution:990121001:patient:H1"), own("990121001", "A1^H1"));
        assert_eq!(key("urn:kangmai:institution:990121002:patient"), own("990121002", "A1"));
        assert_eq!(key("urn:kangmai:institution:MB-old_1:patient"), own("990121001", "A1"), "by another of its codes");
        for system in ["urn:oid:1.2.156.99", "http://his.example"] {
            assert_eq!(key(system), own("990121001", "A1"), "{system}");
            let number = options().own_number(system, "A1").unwrap();
            assert_eq!(number.canonical.unwrap()["system"], "urn:kangmai:institution:990121001:patient");
        }
        let foreign = ["urn:kangmai:institution:990121003:patient", "urn:kangmai:institution:990121001:visit"];
        for system in foreign.into_iter().chain(["urn:oid:2.16.156.10011.1.3", "urn:oid:http://his.example.com", ""]) {
            assert_eq!(key(system), None, "{system}");
        }
        assert_eq!(options().own_number("urn:oid:1.2.156.99", "  "), None);
    }

    #[test]
    fn a_number_of_another_domain_is_the_senders_word() {
        let mut patient = json!({ "identifier": [
            { "system": "urn:kangmai:institution:990121001:patient", "value": "A1" },
            { "system": "urn:kangmai:institution:990121003:patient", "value": "C1" },
            { "system": "urn:oid:2.16.156.10011.1.3", "value": "990121198006010115" },
        ]});
        let issues = options().keep_apart(&mut patient, "Patient");
        let systems: Vec<_> = (0..3).filter_map(|at| patient["identifier"][at]["system"].as_str()).collect();
        assert_eq!(systems[1], "urn:kangmai:institution:990121001:patient:990121003");
        assert_eq!(systems[0], "urn:kangmai:institution:990121001:patient");
        assert_eq!(systems[2], "urn:oid:2.16.156.10011.1.3");
        assert_eq!(issues.len(), 1);
        assert_eq!((issues[0].rule.as_str(), issues[0].path.as_str()), (OTHER_DOMAIN, "Patient.identifier[1].system"));
        assert!(options().keep_apart(&mut patient, "Patient").is_empty(), "what was set apart is its own");
    }
}
