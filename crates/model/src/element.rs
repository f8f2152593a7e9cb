//! [`Element`]: one data element (数据元) as a message said it, before anybody interpreted it.

use serde::{Deserialize, Serialize};

/// One filled data element of a message: what a quality rule looks at, whatever the form of the message was.
///
/// The reader of a document, an HL7 message or a table row names the national data element that a place of its form stands
/// for; the rule book says what may stand there. An element that was sent empty is an `Element` with an empty `value`; one
/// that was not sent at all is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Identifier in the catalogue of data elements (WS 363), `DE02.01.039.00`; or a dataset-internal identifier (WS 445),
    /// `HDSD00.11.047`, where the catalogue has none.
    pub id: String,
    /// The name in the message's own template, which tells apart places that share an identifier: `入院诊断-西医诊断名称`.
    pub name: String,
    /// The value as it was sent: decoded, not trimmed, not converted. For coded values the code.
    pub value: String,
    /// The text that came with a code (`displayName`), empty if none did.
    pub display: String,
    /// The code system as it was sent (an object identifier or a local name), empty if none was.
    pub system: String,
    /// The unit as it was sent, empty if none was.
    pub unit: String,
    /// Elements of one repetition (one order, one laboratory item) share a group; 0 is the head of the record.
    pub group: u32,
    /// Where it stands in the message, as in [`crate::Issue::path`].
    pub path: String,
    /// The line, from 1; 0 when unknown.
    pub line: u32,
    /// The column in characters, from 1; 0 when unknown.
    pub column: u32,
}
