//! What form a message is in, by its first bytes; the name of its file only helps where the bytes say nothing.

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A FHIR R4 resource or bundle as JSON.
    Fhir,
    /// A shared document (WS/T 500, WS/T 483) as CDA R2 XML, or an envelope that holds one.
    Cda,
    /// HL7 v2: one message, several, or a batch; with or without the frame of MLLP.
    Hl7v2,
    /// A delimited table.
    Table,
}

impl Form {
    /// The word in addresses and on the command line.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fhir => "fhir",
            Self::Cda => "cda",
            Self::Hl7v2 => "hl7v2",
            Self::Table => "table",
        }
    }

    /// The form of that word.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Fhir, Self::Cda, Self::Hl7v2, Self::Table].into_iter().find(|form| form.code() == code)
    }
}

/// How many bytes from the start are looked at.
const LOOKED_AT_BYTES: usize = 4_096;
/// Signs between the fields of a table.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The form of a message; `None` for what none of the readers reads: nothing at all, a spreadsheet, a picture, plain prose.
#[must_use]
pub fn sniff(bytes: &[u8], name: &str) -> Option<Form> {
    let start = plain_start(bytes)?;
    let start = start.trim_ascii_start();
    let start = start.strip_prefix(b"\x0B").unwrap_or(start);
    match start {
        [] => None,
        [b'{' | b'[', ..] => Some(Form::Fhir),
        [b'<', ..] => Some(Form::Cda),
        [b'M', b'S', b'H', sign, ..] | [b'F' | b'B', b'H', b'S', sign, ..] if is_delimiter(*sign) => Some(Form::Hl7v2),
        _ if is_binary(start) => None,
        _ => by_content(start).or_else(|| by_name(name)),
    }
}

/// Whether a message can choose the sign to separate its fields; a column may be called `MSH_ID` or `MSH`.
fn is_delimiter(sign: u8) -> bool {
    sign.is_ascii_punctuation() && !matches!(sign, b'_' | b',' | b';' | b'"')
}

/// The first bytes without a byte order mark and, of UTF-16, every second one: enough to see signs and Latin letters.
fn plain_start(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
    match start {
        [] => None,
        [0xEF, 0xBB, 0xBF, rest @ ..] => Some(rest.to_vec()),
        [0xFF, 0xFE, rest @ ..] => Some(rest.iter().copied().step_by(2).collect()),
        [0xFE, 0xFF, rest @ ..] => Some(rest.iter().skip(1).copied().step_by(2).collect()),
        _ => Some(start.to_vec()),
    }
}

/// Archives (spreadsheets are zip files), pictures and PDF begin with marks of their own; text holds no zero byte.
fn is_binary(start: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [b"PK\x03\x04", b"%PDF", b"\xD0\xCF\x11\xE0", b"\x89PNG", b"\xFF\xD8\xFF"];
    marks.iter().any(|mark| start.starts_with(mark)) || start.contains(&0)
}

/// HL7 behind a line of noise, or a table: its first line has fields.
fn by_content(start: &[u8]) -> Option<Form> {
    let mut lines = start.split(|byte| matches!(byte, b'\n' | b'\r' | 0x0B)).filter(|line| !line.is_empty());
    if lines.clone().any(|line| line.starts_with(b"MSH|")) {
        return Some(Form::Hl7v2);
    }
    let first = lines.next()?;
    DELIMITERS.iter().any(|delimiter| first.contains(delimiter)).then_some(Form::Table)
}

fn by_name(name: &str) -> Option<Form> {
    let name = name.to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "json" => Some(Form::Fhir),
        "xml" | "cda" => Some(Form::Cda),
        "hl7" => Some(Form::Hl7v2),
        "csv" | "tsv" | "txt" | "del" => Some(Form::Table),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide() {
        let cases: [(&[u8], &str, Option<Form>); 14] = [
            (b"  {\"resourceType\":\"Patient\"}", "x", Some(Form::Fhir)),
            (b"\xEF\xBB\xBF<?xml version=\"1.0\"?>", "x.json", Some(Form::Cda)),
            (b"\xFF\xFE<\0C\0", "", Some(Form::Cda)),
            (b"MSH|^~\\&|HIS", "x.txt", Some(Form::Hl7v2)),
            (b"\x0BMSH|^~\\&|HIS", "", Some(Form::Hl7v2)),
            (b"BHS|^~\\&|HIS\rMSH|", "", Some(Form::Hl7v2)),
            (b"# exported\nMSH|^~\\&|HIS", "", Some(Form::Hl7v2)),
            (b"MSH_ID,NAME\n1,2", "", Some(Form::Table)),
            (b"YLJGDM\tJZLSH\n", "", Some(Form::Table)),
            (b"YLJGDM\n1\n", "one-column.csv", Some(Form::Table)),
            (b"hello", "note", None),
            (b"PK\x03\x04,,,", "table.csv", None),
            (b"", "x.json", None),
            (b"a,b\0c", "x.csv", None),
        ];
        for (bytes, name, form) in cases {
            assert_eq!(sniff(bytes, name), form, "{:?} {name}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_form_is_known_by_its_word() {
        assert_eq!(Form::parse("hl7v2"), Some(Form::Hl7v2));
        assert_eq!(Form::parse("pdf"), None);
    }
}
