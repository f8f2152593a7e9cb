//! Makes HL7 v2 messages: for tests, benchmarks and synthetic cities. Everything written is strict; dirt is added by others.

use encoding_rs::GB18030;

use super::escape::escape;
use super::syntax::Delimiters;

/// A message under construction.
///
/// ```
/// use formats::hl7v2::write::Builder;
/// let text = Builder::new("ADT^A04", "2.4").segment("PID").set(3, 1, "P|1").set(5, 1, "张三").text();
/// assert!(text.ends_with("\rPID|||P\\F\\1||张三\r"));
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    delimiters: Delimiters,
    done: String,
    id: String,
    /// Fields from 1, each a list of components from 1, escaped already.
    fields: Vec<Vec<String>>,
}

impl Builder {
    /// A message with its header: `ADT^A01` in version `2.4`.
    #[must_use]
    pub fn new(kind: &str, version: &str) -> Self {
        let mut out =
            Self { delimiters: Delimiters::default(), done: String::new(), id: "MSH".to_owned(), fields: Vec::new() };
        let (code, event) = kind.split_once('^').unwrap_or((kind, ""));
        out = out.set(9, 1, code).set(11, 1, "P").set(12, 1, version);
        if event.is_empty() { out } else { out.set(9, 2, event) }
    }

    /// Begins the next segment.
    #[must_use]
    pub fn segment(mut self, id: &str) -> Self {
        self.close();
        id.clone_into(&mut self.id);
        self
    }

    /// Sets a component (from 1) of a field (from 1) to a text.
    #[must_use]
    pub fn set(self, field: usize, component: usize, text: &str) -> Self {
        let escaped = escape(text, &self.delimiters).into_owned();
        self.raw(field, component, &escaped)
    }

    /// Sets a component to characters that are structured already: repetitions, sub-components.
    #[must_use]
    pub fn raw(mut self, field: usize, component: usize, text: &str) -> Self {
        if field == 0 || component == 0 {
            return self;
        }
        if self.fields.len() < field {
            self.fields.resize(field, Vec::new());
        }
        let components = &mut self.fields[field - 1];
        if components.len() < component {
            components.resize(component, String::new());
        }
        text.clone_into(&mut components[component - 1]);
        self
    }

    /// The message as text, segments ended by CR.
    #[must_use]
    pub fn text(mut self) -> String {
        self.close();
        self.done
    }

    /// The message as bytes of an encoding: `gb18030` or `utf-8`; MSH-18 is set accordingly before anything else was closed.
    #[must_use]
    pub fn bytes(self, encoding: &str) -> Vec<u8> {
        let text = self.text();
        if encoding == "gb18030" { GB18030.encode(&text).0.into_owned() } else { text.into_bytes() }
    }

    fn close(&mut self) {
        let separator = self.delimiters.field;
        let component = self.delimiters.component.to_string();
        let is_header = self.id == "MSH";
        self.done.push_str(&self.id);
        if is_header {
            self.done.push(separator);
            self.done.push_str(&self.delimiters.encoding_characters());
        }
        for field in self.fields.iter().skip(if is_header { 2 } else { 0 }) {
            self.done.push(separator);
            self.done.push_str(&field.join(&component));
        }
        self.done.push('\r');
        self.fields.clear();
    }
}

/// A person and a visit, in simple values, for the messages below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patient {
    /// 机构编码, MSH-4.
    pub institution: String,
    /// PID-3.
    pub number: String,
    /// PID-5.
    pub name: String,
    /// PID-7, `19860504`.
    pub birth: String,
    /// PID-8, `M` or `F`.
    pub sex: String,
    /// PID-19.
    pub resident_number: String,
    /// PID-11: province, city, county, street.
    pub address: [String; 4],
    /// PID-13.
    pub phone: String,
    /// PV1-2.
    pub class: String,
    /// PV1-19.
    pub visit: String,
}

/// One result of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultItem {
    /// OBX-2.
    pub value_type: String,
    /// OBX-3: code and name.
    pub code: [String; 2],
    /// OBX-5.
    pub value: String,
    /// OBX-6.
    pub unit: String,
    /// OBX-7.
    pub range: String,
    /// OBX-8.
    pub flag: String,
}

/// An ADT message: the event (`A01`), the number of the message, and when it happened (`20240305080500`).
#[must_use]
pub fn admission(patient: &Patient, event: &str, control: &str, at: &str) -> Builder {
    let out = header(patient, &format!("ADT^{event}"), control, at).segment("EVN").set(1, 1, event).set(2, 1, at);
    let out = person(out, patient);
    let out = out.segment("PV1").set(1, 1, "1").set(2, 1, &patient.class).set(3, 1, "心血管内科").set(3, 3, "12");
    let out = out.set(7, 1, "D001").set(7, 2, "王医生").set(10, 1, "0304").set(10, 2, "心血管内科").set(
        19,
        1,
        &patient.visit,
    );
    if event == "A03" { out.set(45, 1, at) } else { out.set(44, 1, at) }
}

/// An ORU message with one report: its number, its panel, its status (`P`, `F`, `C`, `X`).
#[must_use]
pub fn report(
    patient: &Patient,
    number: &str,
    panel: [&str; 2],
    status: &str,
    items: &[ResultItem],
    control: &str,
    at: &str,
) -> Builder {
    let mut out = person(header(patient, "ORU^R01", control, at), patient);
    if !patient.visit.is_empty() {
        out = out.segment("PV1").set(1, 1, "1").set(2, 1, &patient.class).set(19, 1, &patient.visit);
    }
    out = out.segment("OBR").set(1, 1, "1").set(2, 1, &format!("S{number}")).set(3, 1, number);
    out = out.set(4, 1, panel[0]).set(4, 2, panel[1]).set(7, 1, at).set(22, 1, at).set(24, 1, "LAB").set(25, 1, status);
    for (position, item) in items.iter().enumerate() {
        out = out.segment("OBX").set(1, 1, &(position + 1).to_string()).set(2, 1, &item.value_type);
        out = out.set(3, 1, &item.code[0]).set(3, 2, &item.code[1]).set(5, 1, &item.value).set(6, 1, &item.unit);
        out = out.set(7, 1, &item.range).set(8, 1, &item.flag).set(11, 1, status);
    }
    out
}

fn header(patient: &Patient, kind: &str, control: &str, at: &str) -> Builder {
    let out = Builder::new(kind, "2.4").set(3, 1, "HIS").set(4, 1, &patient.institution).set(5, 1, "KANGMAI");
    out.set(7, 1, at).set(10, 1, control).set(18, 1, "UNICODE UTF-8")
}

fn person(out: Builder, patient: &Patient) -> Builder {
    let [province, city, county, street] = &patient.address;
    let out = out.segment("PID").set(1, 1, "1").set(3, 1, &patient.number).set(3, 5, "PI").set(5, 1, &patient.name);
    let out = out.set(7, 1, &patient.birth).set(8, 1, &patient.sex).set(11, 1, street).set(11, 3, city);
    out.set(11, 4, province).set(11, 9, county).set(13, 1, &patient.phone).set(19, 1, &patient.resident_number)
}
