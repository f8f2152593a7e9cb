//! Data types of HL7 v2 to data types of FHIR: CX, XPN, XAD, XTN, CE and CWE.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::draft::{Draft, object, put, put_all};
use super::issues::{self, issue_at};
use super::syntax::Field;
use crate::national;
use crate::text::{self, Context};

/// What kind of number a patient identifier is, after table `identifier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatientNumber {
    /// `patient`, `medical-record`, `health-card`, … or two digits of CV02.01.101.
    pub kind: String,
    /// The number.
    pub value: String,
    /// Who assigned it (CX-4), empty when nobody is named or it is the institution itself.
    pub authority: String,
    /// The type as it was sent, when it is not a known one.
    pub unknown_type: Option<String>,
}

impl PatientNumber {
    /// Whether it is a document that proves identity (身份证件).
    pub fn is_document(&self) -> bool {
        self.kind.len() == 2
    }

    /// Whether the institution gave it, so that a registration can be known by it.
    pub fn is_local(&self) -> bool {
        !self.is_document() && !matches!(self.kind.as_str(), "health-card" | "insurance" | "visit" | "account")
    }

    /// The part of a claim's key: with the authority when it is not the usual one, and with its kind when it is numbered in a
    /// circle of its own (门诊号, 住院号), as documents have it too: the same number is somebody else's in the other circle.
    pub fn key(&self) -> String {
        let circle = if self.has_own_circle() { format!("{}:", self.kind) } else { String::new() };
        let authority = if self.authority.is_empty() { String::new() } else { format!("^{}", self.authority) };
        format!("{circle}{}{authority}", self.value)
    }

    /// Whether outpatients and inpatients are numbered apart in this kind of number.
    pub fn has_own_circle(&self) -> bool {
        matches!(self.kind.as_str(), "outpatient" | "inpatient")
    }

    /// The FHIR system of the number.
    pub fn system(&self, institution: &str) -> String {
        match self.kind.as_str() {
            "health-card" => national::HEALTH_CARD_NUMBER.to_owned(),
            document if self.is_document() => national::document_system(document),
            kind if self.authority.is_empty() => national::institution_system(institution, kind),
            kind => national::institution_system(institution, &format!("{kind}:{}", token(&self.authority))),
        }
    }
}

/// A text without white space, as URIs need it.
pub(super) fn token(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_")
}

/// The code of a FHIR `code`: single spaces inside.
fn code_text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Draft<'_> {
    /// A number of the patient (CX); none when it says nothing.
    pub fn patient_number(&mut self, field: Field<'_>, usual_kind: &str) -> Option<PatientNumber> {
        let value = field.component(1).key()?;
        if text::is_nothing(&value, Context::Identifier) {
            return None;
        }
        let authority = field.component(4);
        let authority = authority.subcomponent(1).key().or_else(|| authority.subcomponent(2).key()).unwrap_or_default();
        let own = authority == self.institution || self.options.authorities.contains(&authority);
        let authority = if own { String::new() } else { authority };
        let sent = field.component(5).key();
        let (kind, unknown_type) = match &sent {
            None => (usual_kind, None),
            Some(sent) => match self.known.code("identifier", sent) {
                Some(kind) => (kind, None),
                None => ("other", Some(sent.clone())),
            },
        };
        if unknown_type.is_some() {
            self.report(issue_at(issues::IDENTIFIER_TYPE, &field.component(5)));
        }
        Some(PatientNumber { kind: kind.to_owned(), value, authority, unknown_type })
    }

    /// A FHIR `Identifier` of a patient number.
    pub fn identifier(&self, number: &PatientNumber) -> Value {
        let mut out = object(national::identifier(&number.system(&self.institution), &number.value));
        put(&mut out, "type", number.unknown_type.as_ref().map(|sent| json!({ "text": sent })));
        if !number.authority.is_empty() {
            out.insert("assigner".into(), json!({ "display": number.authority }));
        }
        Value::Object(out)
    }

    /// The names of a person (XPN, repeating); the first is the one that the sender put first and `official` unless it says
    /// otherwise.
    pub fn names(&mut self, field: Field<'_>) -> Vec<Value> {
        let mut out = Vec::new();
        for name in field.repetitions() {
            let (first, given) = (name.component(1).subcomponent(1), name.component(2));
            let pinyin = is_chinese(&first) && given.value().is_some_and(|given| is_latin(&given));
            let text = if pinyin { first.value().map(Cow::into_owned) } else { full_name(first, given) };
            let Some(text) = text.filter(|text| !text::is_nothing(text, Context::Text)) else { continue };
            let usual = if out.is_empty() { Some("official") } else { None };
            let type_code = name.component(7).key();
            let sent_use = type_code.and_then(|code| self.known.code("name_use", &code));
            let mut human = Map::new();
            let representation = name.component(8).key();
            let representation = match representation.as_deref() {
                Some("P") => Some("SYL"),
                Some("A") => Some("ABC"),
                Some("I") => Some("IDE"),
                _ if !out.is_empty() && is_latin(&text) => Some("SYL"),
                _ => None,
            };
            if let Some(representation) = representation {
                human.insert("extension".into(), json!([{ "url": REPRESENTATION, "valueCode": representation }]));
            }
            put(&mut human, "use", sent_use.or(usual).filter(|_| representation != Some("SYL")));
            human.insert("text".into(), text.into());
            if !pinyin && given.value().is_some() {
                put(&mut human, "family", first.value().as_deref());
                put_all(&mut human, "given", given.value().map(|given| json!(given)).into_iter().collect());
            }
            out.push(Value::Object(human));
            if pinyin {
                self.report(issue_at(issues::NAME_PINYIN, &given));
                out.push(json!({
                    "extension": [{ "url": REPRESENTATION, "valueCode": "SYL" }],
                    "text": given.value(),
                }));
            }
        }
        out
    }

    /// Addresses (XAD, repeating).
    pub fn addresses(&mut self, field: Field<'_>) -> Vec<Value> {
        let mut out = Vec::new();
        for address in field.repetitions() {
            let part = |number: u16| {
                let value = address.component(number).subcomponent(1).value().map(Cow::into_owned);
                value.filter(|value| !text::is_nothing(value, Context::Text))
            };
            let (street, other, city, province, county) = (part(1), part(2), part(3), part(4), part(9));
            let mut text = String::new();
            for (piece, rest) in [(&province, true), (&city, true), (&county, true), (&street, false), (&other, false)]
            {
                // Many senders repeat the province in the street.
                let Some(piece) = piece else { continue };
                let repeated = rest && street.as_ref().is_some_and(|street| street.contains(piece.as_str()));
                if !repeated {
                    text.push_str(piece);
                }
            }
            if text.is_empty() {
                continue;
            }
            let mut out_address = Map::new();
            let use_code = address.component(7).key().and_then(|code| self.known.code("address_use", &code));
            put(&mut out_address, "use", use_code);
            out_address.insert("text".into(), text.into());
            put_all(&mut out_address, "line", street.into_iter().chain(other).map(Value::from).collect());
            put(&mut out_address, "city", city);
            put(&mut out_address, "district", county);
            put(&mut out_address, "state", province);
            put(&mut out_address, "postalCode", part(5));
            put(&mut out_address, "country", part(6));
            out.push(Value::Object(out_address));
        }
        out
    }

    /// Telephones and the like (XTN, repeating).
    pub fn telecoms(&mut self, field: Field<'_>, usual_use: &str) -> Vec<Value> {
        let mut out = Vec::new();
        for contact in field.repetitions() {
            let kind = contact.component(3).key().and_then(|code| self.known.code("telecom_system", &code));
            let (email, number) = (contact.component(4).value(), phone_number(contact));
            let sent_use = contact.component(2).key();
            let is_mobile = contact.component(3).key().is_some_and(|kind| kind.eq_ignore_ascii_case("CP"));
            let known_use = sent_use.as_deref().and_then(|code| self.known.code("telecom_use", code));
            let telecom_use = if is_mobile { "mobile" } else { known_use.unwrap_or(usual_use) };
            for (system, value) in [(kind.unwrap_or("phone"), number), ("email", email.map(Cow::into_owned))] {
                let Some(value) = value.filter(|value| !text::is_nothing(value, Context::Identifier)) else { continue };
                let system = if value.contains('@') { "email" } else { system };
                out.push(json!({ "system": system, "value": value, "use": telecom_use }));
            }
        }
        out
    }

    /// A coded value (CE, CWE). `what` names the system of the institution's own codes; none when nothing was sent.
    pub fn concept(&self, field: Field<'_>, what: &str) -> Option<Value> {
        self.concept_with(field, what, None)
    }

    /// As [`Draft::concept`], where codes of a certain form belong to a national system though the message does not say so.
    pub fn concept_with(&self, field: Field<'_>, what: &str, usual: Option<Usual>) -> Option<Value> {
        let mut codings = Vec::new();
        for first in [1_u16, 4] {
            let Some(code) = field.component(first).key().map(|code| code_text(&code)) else { continue };
            if field.components() == 1 && !code.is_ascii() {
                // A word where the code should be.
                continue;
            }
            let system = match field.component(first + 2).key() {
                Some(sent) => self.coding_system(&sent, what),
                None => match usual {
                    Some((national, has_form)) if has_form(&code) => national.to_owned(),
                    _ => self.system(what),
                },
            };
            let mut coding = object(json!({ "system": system, "code": code }));
            put(&mut coding, "display", field.component(first + 1).value().as_deref());
            codings.push(Value::Object(coding));
        }
        let text = [9, 2, 5, 1].into_iter().find_map(|number| field.component(number).value());
        let mut out = Map::new();
        put_all(&mut out, "coding", codings);
        put(&mut out, "text", text.as_deref());
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// The FHIR system of a coding system as the message names it.
    fn coding_system(&self, sent: &str, what: &str) -> String {
        if let Some(known) = self.known.code("coding_system", sent) {
            return known.to_owned();
        }
        let is_oid =
            sent.len() > 4 && sent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && sent.contains('.');
        if is_oid {
            return format!("urn:oid:{sent}");
        }
        self.system(what)
    }
}

/// A national system, and how its codes are told from local ones.
pub(super) type Usual = (&'static str, fn(&str) -> bool);

const REPRESENTATION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";

/// Family and given name as one text: Chinese without a space, others with one.
pub(super) fn full_name(family: Field<'_>, given: Field<'_>) -> Option<String> {
    match (family.value(), given.value()) {
        (Some(family), Some(given)) if family.is_ascii() || given.is_ascii() => Some(format!("{family} {given}")),
        (Some(family), Some(given)) => Some(format!("{family}{given}")),
        (one, other) => one.or(other).map(Cow::into_owned),
    }
}

/// The number of an XTN: the first component, the unformatted twelfth, or put together from its parts.
fn phone_number(contact: Field<'_>) -> Option<String> {
    let whole = contact.component(1).key().or_else(|| contact.component(12).key());
    whole.or_else(|| {
        let parts: Vec<String> = (5..=7).filter_map(|number| contact.component(number).key()).collect();
        (!parts.is_empty()).then(|| parts.join("-"))
    })
}

fn is_chinese(field: &Field<'_>) -> bool {
    field.value().is_some_and(|value| value.chars().any(|character| character >= '\u{3400}'))
}

fn is_latin(text: &str) -> bool {
    text.chars().any(|character| character.is_ascii_alphabetic()) && text.is_ascii()
}

/// Whether a code has the form of ICD-10: a letter and two digits, and more.
pub(super) fn is_icd10(code: &str) -> bool {
    let bytes = code.as_bytes();
    matches!(bytes, [letter, first, second, ..]
        if letter.is_ascii_uppercase() && first.is_ascii_digit() && second.is_ascii_digit())
        && code.len() <= 12
}

/// Whether a code has the form of ICD-9-CM-3: two digits, a point, and more.
pub(super) fn is_icd9(code: &str) -> bool {
    let bytes = code.as_bytes();
    matches!(bytes, [first, second, b'.', ..] if first.is_ascii_digit() && second.is_ascii_digit()) && code.len() <= 12
}
