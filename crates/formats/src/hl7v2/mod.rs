//! HL7 v2 messages (HL7 v2 消息), 2.3.1 to 2.6: read into facts, acknowledged in the sender's own words, framed by MLLP.

use crate::reading::Reading;

/// What the registration of a source (来源登记) knows about its HL7 messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// 机构编码 of the source: used when the message does not name an institution by its code.
    pub institution: String,
    /// 院区 of the source, for messages that name none; empty when the institution has one only.
    pub branch: String,
    /// The encoding the sender is known to use (`GBK`), which breaks ties where MSH-18 says nothing.
    pub encoding: Option<String>,
}

/// Reads one or more messages. Never fails: what could not be read is an issue.
#[must_use]
pub fn read(_bytes: &[u8], _options: &Options) -> Reading {
    Reading::default()
}
