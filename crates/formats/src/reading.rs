//! What a reader made of a message: the same shape for documents, HL7 v2 messages, table files and FHIR bundles, so that the
//! road needs to know none of them.
//!
//! A message holds **records** (a document, an HL7 message, a table row): the unit that is accepted or set aside as a whole. A
//! record says **facts** (事实): FHIR resources without an id, each under the **claim** by which its source knows it, and
//! lists the **elements** (数据元) that it was read from, for the quality rules. Facts refer to each other by claims, never by
//! ids: which resource a claim stands for is found out on the road, in the same commit that writes it.
//!
//! Invariant: reading the same content again gives the same claims and the same resources, whatever envelope it came in.

use std::fmt::Write as _;

use model::{Element, Issue};
use serde_json::{Value, json};

/// A message after reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// What kind of message it is: `cda:C0007`, `hl7v2:ORU^R01`, `table:lab_report`, `fhir:transaction`. Empty when it could
    /// not be found out.
    pub message_type: String,
    /// The envelope: never part of what is compared to find out whether content came before.
    pub envelope: Envelope,
    /// The units that are accepted or set aside.
    pub records: Vec<Record>,
    /// What is wrong with the message as a whole; findings about one record are in the record.
    pub issues: Vec<Issue>,
}

/// How a message came: by whom, when, in which encoding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The sender's number of this message (MSH-10, the document's id).
    pub message_id: Option<String>,
    /// When it says it was sent, in milliseconds since 1970.
    pub sent_ms: Option<i64>,
    /// What the sender calls itself (MSH-3/MSH-4, custodian).
    pub sender: Option<String>,
    /// The encoding that it was decoded with: `utf-8`, `gb18030`.
    pub encoding: &'static str,
}

/// The unit that is accepted or set aside as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Where it stands in the message: `row[17]`, `message[2]`, `ClinicalDocument`.
    pub path: String,
    /// The line where it begins, from 1; 0 when unknown.
    pub line: u32,
    /// What it is: `cda:C0007`, `hl7v2:ADT^A01`, `table:charge`. The quality rules choose by it.
    pub record_type: String,
    /// The code of the institution (机构编码) that it speaks for, as it was sent.
    pub institution: String,
    /// When the source says that this was so, in milliseconds since 1970 (effectiveTime, EVN-2, 修改时间): orders versions of
    /// the same claim. It is no part of what is compared.
    pub effective_ms: Option<i64>,
    /// Of what `effective_ms` is the time: sources fill one column today and another tomorrow.
    pub effective_of: TimeOf,
    /// The source says that this corrects what it sent before.
    pub is_correction: bool,
    /// 业务日期 as the source counts it in its 日终对账, `2024-03-05`; empty when it does not say: the local day of
    /// `effective_ms` then.
    pub business_day: String,
    /// The amount that the source sums up in its 日终对账, as sent; empty when there is none.
    pub amount: String,
    /// By what the record itself is known, where its facts do not say so by their order: a row about a visit also says who the
    /// patient is. `None`: the first fact that is more than a mention. It is also there when the record is set aside.
    pub main: Option<Claim>,
    /// What it says.
    pub facts: Vec<Fact>,
    /// The elements that it was read from.
    pub elements: Vec<Element>,
    /// Registrations that the source itself declares to be one (HL7 A40).
    pub merges: Vec<Merge>,
    /// What the source says it has sent (日终对账).
    pub totals: Vec<Total>,
    /// Findings of the reader about this record. An `Error` sets the record aside; `Fatal` the message.
    pub issues: Vec<Issue>,
}

/// Of what the time of a record is the time. Of one version the event is never after its last change, nor that after the sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeOf {
    /// The reader does not say: it is compared with every other.
    #[default]
    Unsaid,
    /// Of what the record is about: 报告时间, 挂号时间.
    Event,
    /// Of the last change at the source: 更新时间, OBR-22.
    Change,
    /// Of the sending: 填报日期, MSH-7.
    Sending,
}

/// One thing that a record says.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// By what the source knows it.
    pub claim: Claim,
    /// FHIR JSON without `id` and `meta`. References to other facts are `{"reference": claim.reference()}`; every claim that
    /// is referred to is also a fact of this record, if only as an [`Act::Mention`].
    pub resource: Value,
    /// Where in the message it stands; becomes the part behind `#` in `meta.source`.
    pub path: String,
    /// What is done with it.
    pub act: Act,
}

/// What a fact does to what is there under its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// This is what it is now; what was there becomes history.
    Replace,
    /// These members are what they are now, the others stay (JSON merge patch, RFC 7396). When nothing is there, as `Replace`.
    Merge,
    /// It exists. Written only when nothing is there: a result may come before its registration.
    Mention,
    /// It exists, and another has taken its place: what is there stays and is marked so (a document that a later one replaces),
    /// and so is what comes later.
    Supersede,
}

/// By what a source knows a thing: a kind from `standards/claims/claims.toml` and the parts of its key, in that order.
///
/// Parts are compared as they are, after the reader has trimmed them and folded full-width digits and letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The kind: `registration`, `visit`, `report` …
    pub kind: &'static str,
    /// The parts of the key.
    pub key: Vec<String>,
}

impl Claim {
    /// A claim from the parts of its key.
    pub fn new<P: Into<String>>(kind: &'static str, key: impl IntoIterator<Item = P>) -> Self {
        Self { kind, key: key.into_iter().map(Into::into).collect() }
    }

    /// The parts of this key and more: `result` is `report` and the item.
    #[must_use]
    pub fn extend<P: Into<String>>(&self, kind: &'static str, more: impl IntoIterator<Item = P>) -> Self {
        let mut key = self.key.clone();
        key.extend(more.into_iter().map(Into::into));
        Self { kind, key }
    }

    /// The text of this claim inside a reference: `claim:visit/A|1|O|17`, with `%`, `|`, `/` and spaces escaped in the parts.
    #[must_use]
    pub fn reference(&self) -> String {
        let mut text = String::with_capacity(16 + self.key.iter().map(String::len).sum::<usize>());
        text.push_str(REFERENCE_PREFIX);
        text.push_str(self.kind);
        for (position, part) in self.key.iter().enumerate() {
            text.push(if position == 0 { '/' } else { '|' });
            if !part.contains(is_escaped) {
                text.push_str(part);
                continue;
            }
            for character in part.chars() {
                if is_escaped(character) {
                    // Writing into a text cannot fail.
                    let _ = write!(text, "%{:02X}", character as u32);
                } else {
                    text.push(character);
                }
            }
        }
        text
    }

    /// A FHIR `Reference` to what this claim stands for.
    #[must_use]
    pub fn as_reference(&self) -> Value {
        json!({ "reference": self.reference() })
    }
}

/// What would divide a reference, and spaces, which FHIR does not allow in one.
fn is_escaped(character: char) -> bool {
    matches!(character, '%' | '|' | '/') || character.is_whitespace()
}

/// How a reference to a claim begins.
pub const REFERENCE_PREFIX: &str = "claim:";

/// Two registrations of one source that the source declares to be the same patient: `from` is no longer used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The registration that lives on.
    pub into: Claim,
    /// The one that is given up.
    pub from: Claim,
    /// Where it says so.
    pub path: String,
}

/// One line of a reconciliation (日终对账): what a source says it has sent for a business day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// 院区, empty when there is one only.
    pub branch: String,
    /// 业务日期, `2024-03-05`: the day as the hospital closes it, not midnight to midnight.
    pub business_day: String,
    /// 业务类型: the `record_type` that is counted, `table:charge`.
    pub record_type: String,
    /// 记录数.
    pub count: u64,
    /// 金额合计 as text, empty when there is none.
    pub amount: String,
    /// 批次号.
    pub batch: String,
    /// The keys themselves, when the source lists them.
    pub keys: Vec<Claim>,
    /// Where it says so.
    pub path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_in_a_reference_is_unambiguous() {
        let one = Claim::new("visit", ["A|B", "", "O", "1/2%"]);
        assert_eq!(one.reference(), "claim:visit/A%7CB||O|1%2F2%25");
        assert_ne!(one.reference(), Claim::new("visit", ["A", "B", "", "O", "1/2%"]).reference());
        assert_eq!(one.extend("diagnosis", ["1"]).key.len(), 5);
    }
}
