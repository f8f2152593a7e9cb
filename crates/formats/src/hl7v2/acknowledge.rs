//! Acknowledgements (应答): MSA and ERR in the version, with the delimiters and in the encoding of the message that they answer.
//!
//! `AA` says that the message, or what was set aside of it, is durable; `AE` that it should be sent again; `AR` that sending it
//! again does not help. In enhanced mode (MSH-15 asks) the codes are `CA`, `CE`, `CR`.

use encoding_rs::GB18030;
use model::{Issue, Severity};

use super::escape::escape;
use super::syntax::{Delimiters, Message};
use crate::fhir::date::{Precision, local_text};
use crate::text;

/// Findings that an acknowledgement lists: enough to mend, and short enough for the buffers of old senders.
const ERRORS_MAX: usize = 20;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable, as records or set aside (问题数据): `AA`, `CA`.
    Accepted,
    /// It could not be taken now: `AE`, `CE`.
    Failed,
    /// It will never be taken: `AR`, `CR`.
    Rejected,
}

/// What an acknowledgement says.
#[derive(Debug, Clone)]
pub struct Acknowledgement<'a> {
    /// What became of the message.
    pub verdict: Verdict,
    /// MSA-3, for people: `已接收`; the hint of the worst finding when it is empty.
    pub text: &'a str,
    /// What was found; information is left out.
    pub issues: &'a [Issue],
    /// MSH-10 of the acknowledgement itself.
    pub control_number: &'a str,
    /// MSH-7, in milliseconds since 1970.
    pub at_ms: i64,
}

/// The acknowledgement of a message, without MLLP's frame. None when the sender wants none: MSH-15 or MSH-16 say `NE`, or `ER`
/// and `SU` do not fit the verdict.
#[must_use]
pub fn acknowledge(message: &[u8], answer: &Acknowledgement<'_>) -> Option<Vec<u8>> {
    let declared = super::declared_encoding(message);
    let decoded = text::decode(message, declared.as_deref().filter(|declared| !declared.is_empty()));
    let sent = Message::split(&decoded.text, 1, decoded.encoding);
    let code = code(&sent, answer.verdict)?;
    let text = write(&sent, answer, code);
    // The answer speaks as the message did; a message in ASCII alone says by MSH-18 or not at all what it would have been.
    let declares_gb = declared.as_deref().is_some_and(|declared| {
        let declared = declared.to_ascii_uppercase();
        declared.starts_with("GB")
    });
    let in_gb = decoded.encoding == "gb18030" || (message.is_ascii() && declares_gb);
    Some(if in_gb { GB18030.encode(&text).0.into_owned() } else { text.into_bytes() })
}

/// The code of MSA-1, or none when the sender asked for silence.
fn code(message: &Message<'_>, verdict: Verdict) -> Option<&'static str> {
    let asks = |number: u16| message.find("MSH", number).and_then(|field| field.component(1).key());
    let (accept, application) = (asks(15), asks(16));
    let wanted = |condition: &str| match condition {
        "NE" => false,
        "ER" => verdict != Verdict::Accepted,
        "SU" => verdict == Verdict::Accepted,
        _ => true,
    };
    let original = match verdict {
        Verdict::Accepted => "AA",
        Verdict::Failed => "AE",
        Verdict::Rejected => "AR",
    };
    let enhanced = match verdict {
        Verdict::Accepted => "CA",
        Verdict::Failed => "CE",
        Verdict::Rejected => "CR",
    };
    match (accept.as_deref(), application.as_deref()) {
        (None, None) => Some(original),
        (Some(accept), _) if wanted(accept) => Some(enhanced),
        (_, Some(application)) if wanted(application) => Some(original),
        _ => None,
    }
}

fn write(message: &Message<'_>, answer: &Acknowledgement<'_>, code: &str) -> String {
    let delimiters = message.delimiters;
    let separator = delimiters.field;
    let raw = |number: u16| message.find("MSH", number).map_or("", |field| field.raw);
    let version = raw(12);
    let version = if version.is_empty() { "2.4" } else { version };
    let event = message.find("MSH", 9).and_then(|field| field.component(2).key()).unwrap_or_default();
    let component = delimiters.component;
    let kind = match (event.is_empty(), version) {
        (true, _) => "ACK".to_owned(),
        (false, "2.3" | "2.3.1") => format!("ACK{component}{event}"),
        (false, _) => format!("ACK{component}{event}{component}ACK"),
    };
    let clean = |text: &str| escape(&one_line(text), &delimiters).into_owned();
    let time: String =
        local_text(answer.at_ms, Precision::Second).chars().filter(char::is_ascii_digit).take(14).collect();
    let processing = if raw(11).is_empty() { "P" } else { raw(11) };
    let control = clean(answer.control_number);
    let header = [
        &delimiters.encoding_characters(),
        raw(5),
        raw(6),
        raw(3),
        raw(4),
        &time,
        "",
        &kind,
        &control,
        processing,
        version,
        "",
        "",
        "",
        "",
        "",
        raw(18),
    ];
    let mut out = format!("MSH{separator}");
    out.push_str(&header.join(&separator.to_string()));
    while out.ends_with(separator) {
        out.pop();
    }
    out.push('\r');
    let mut findings: Vec<&Issue> =
        answer.issues.iter().filter(|issue| issue.severity > Severity::Information).collect();
    findings.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    let hint = findings.first().and_then(|issue| issue.hint.as_deref()).unwrap_or_default();
    let note = clean(if answer.text.is_empty() { hint } else { answer.text });
    let fields = ["MSA", code, raw(10), &note];
    out.push_str(fields.join(&separator.to_string()).trim_end_matches(separator));
    out.push('\r');
    let old = matches!(version, "2.1" | "2.2" | "2.3" | "2.3.1" | "2.4");
    for issue in findings.into_iter().take(ERRORS_MAX) {
        let text = clean(&words(issue));
        error(&mut out, issue, &text, &delimiters, old);
    }
    out
}

/// One ERR: an ELD up to 2.4 (`PID^1^3^101&…`), location, code and severity from 2.5 on.
fn error(out: &mut String, issue: &Issue, text: &str, delimiters: &Delimiters, old: bool) {
    let (separator, component, sub) = (delimiters.field, delimiters.component, delimiters.subcomponent);
    let place = Location::of(&issue.path);
    let (code, meaning) = error_code(&issue.rule);
    out.push_str("ERR");
    out.push(separator);
    let position = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    if old {
        let place =
            [place.segment.clone(), position(place.ordinal), position(place.field), format!("{code}{sub}{text}")];
        out.push_str(&place.join(&component.to_string()));
    } else {
        let parts = [
            place.segment.clone(),
            position(place.ordinal),
            position(place.field),
            position(place.repetition),
            position(place.component),
        ];
        let place = parts.join(&component.to_string());
        let severity = if issue.severity == Severity::Warning { "W" } else { "E" };
        let rule = escape(&issue.rule, delimiters);
        let code = format!("{code}{component}{meaning}{component}HL70357");
        let fields = [
            place.trim_end_matches(component).to_owned(),
            code,
            severity.to_owned(),
            rule.into_owned(),
            String::new(),
            String::new(),
            text.to_owned(),
        ];
        out.push(separator);
        out.push_str(&fields.join(&separator.to_string()));
    }
    out.push('\r');
}

/// What a person reads about a finding: the hint, what was expected, what was found.
fn words(issue: &Issue) -> String {
    let mut out = issue.hint.clone().unwrap_or_else(|| issue.rule.clone());
    for (name, value) in [("应为", &issue.expected), ("实为", &issue.found)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            out.push_str(&format!("；{name}：{value}"));
        }
    }
    out
}

/// Line ends would end the segment for senders that know no escapes.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The code of table 0357 that comes nearest to a rule.
fn error_code(rule: &str) -> (&'static str, &'static str) {
    match rule {
        super::issues::SEGMENT_MISSING => ("100", "Segment sequence error"),
        super::issues::UNSUPPORTED => ("201", "Unsupported event code"),
        super::issues::TYPE_MISSING | super::issues::UNREADABLE => ("200", "Unsupported message type"),
        super::issues::VERSION => ("203", "Unsupported version id"),
        super::issues::MERGE_MISSING => ("204", "Unknown key identifier"),
        _ if rule.ends_with("missing") || rule.contains("required") => ("101", "Required field missing"),
        _ if rule.contains("code") || rule.contains("value-set") => ("103", "Table value not found"),
        _ => ("102", "Data type error"),
    }
}

/// Where an issue's path points to: `OBX[3]-5[2].1`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Location {
    segment: String,
    ordinal: Option<u32>,
    field: Option<u32>,
    repetition: Option<u32>,
    component: Option<u32>,
}

impl Location {
    fn of(path: &str) -> Self {
        let (segment, rest) = path.split_once('-').unwrap_or((path, ""));
        let (name, ordinal) = indexed(segment);
        if name.len() != 3 || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            return Self::default();
        }
        let (field, component) = rest.split_once('.').unwrap_or((rest, ""));
        let (field, repetition) = indexed(field);
        Self {
            segment: name.to_owned(),
            ordinal: Some(ordinal.unwrap_or(1)),
            field: field.parse().ok(),
            repetition: repetition.or_else(|| field.parse::<u32>().ok().map(|_| 1)),
            component: component.split('.').next().and_then(|component| component.parse().ok()),
        }
    }
}

/// `OBX[3]` as `OBX` and 3.
fn indexed(text: &str) -> (&str, Option<u32>) {
    match text.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']').and_then(|number| number.parse().ok())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &[u8], verdict: Verdict, issues: &[Issue]) -> Option<String> {
        let answer = Acknowledgement { verdict, text: "", issues, control_number: "K1", at_ms: 1_709_597_100_000 };
        acknowledge(message, &answer).map(|bytes| text::decode(&bytes, None).text)
    }

    #[test]
    fn the_answer_speaks_as_the_message_did() {
        let sent = "MSH|^~\\&|HIS|A|KM|B|20240305||ADT^A01|M7|P|2.3.1||||||GBK\rPID|1||P1||珅\r";
        let (bytes, ..) = GB18030.encode(sent);
        let issue = Issue::new(super::super::issues::NAME_MISSING, Severity::Warning, "PID-5").hint("没有姓名");
        let answer = Acknowledgement {
            verdict: Verdict::Accepted,
            text: "已接收",
            issues: std::slice::from_ref(&issue),
            control_number: "K1",
            at_ms: 1_709_597_100_000,
        };
        let bytes = acknowledge(&bytes, &answer).unwrap();
        assert!(std::str::from_utf8(&bytes).is_err());
        let text = GB18030.decode(&bytes).0;
        assert_eq!(
            text,
            "MSH|^~\\&|KM|B|HIS|A|20240305080500||ACK^A01|K1|P|2.3.1||||||GBK\rMSA|AA|M7|已接收\r\
             ERR|PID^1^5^101&没有姓名\r"
        );
    }

    #[test]
    fn enhanced_mode_answers_only_when_asked() {
        let message = |accept: &str, application: &str| {
            format!("MSH|^~\\&|A|B|C|D|20240305||ORU^R01|9|P|2.5|||{accept}|{application}\r").into_bytes()
        };
        for (accept, application, verdict, code) in [
            ("", "", Verdict::Accepted, Some("AA")),
            ("", "", Verdict::Rejected, Some("AR")),
            ("AL", "NE", Verdict::Accepted, Some("CA")),
            ("AL", "AL", Verdict::Failed, Some("CE")),
            ("NE", "AL", Verdict::Failed, Some("AE")),
            ("ER", "NE", Verdict::Accepted, None),
            ("ER", "NE", Verdict::Rejected, Some("CR")),
            ("NE", "NE", Verdict::Accepted, None),
            ("", "SU", Verdict::Accepted, Some("AA")),
        ] {
            let text = answer(&message(accept, application), verdict, &[]);
            let found = text.as_deref().map(|text| text.split("MSA|").nth(1).unwrap().split('|').next().unwrap());
            assert_eq!(found, code, "{accept} {application}");
        }
    }

    #[test]
    fn errors_name_their_place() {
        let issue = Issue::new("hl7v2.code.unknown", Severity::Error, "OBX[3]-8[2].1").hint("未知|代码").found("Q^");
        let text = answer(b"MSH|^~\\&|A|B|C|D|1||ORU^R01^ORU_R01|9|P|2.6\r", Verdict::Accepted, &[issue]).unwrap();
        assert!(text.contains("ACK^R01^ACK"), "{text}");
        assert!(
            text.ends_with("ERR||OBX^3^8^2^1|103^Table value not found^HL70357|E|hl7v2.code.unknown|||未知\\F\\代码；实为：Q\\S\\\r"),
            "{text}"
        );
        assert_eq!(Location::of("message[1]"), Location::default());
    }

    #[test]
    fn what_is_no_message_is_answered_too() {
        let text = answer(b"hello", Verdict::Rejected, &[]).unwrap();
        assert!(text.starts_with("MSH|^~\\&|||||2024") && text.contains("\rMSA|AR\r"), "{text}");
        assert!(answer(b"", Verdict::Rejected, &[]).is_some());
    }
}
