//! The values from which the generator writes a document.

/// A document to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// `C0007`.
    pub code: String,
    /// Serial number of this version.
    pub id: String,
    /// The same for all versions; empty: the serial number.
    pub set_id: String,
    /// From 1.
    pub version: u32,
    /// The serial number of the version that this one replaces; empty when none.
    pub replaces: String,
    /// When it is generated: `20240305080500`. All times are written like this, Asia/Shanghai.
    pub effective: String,
    /// Who it is about.
    pub patient: Patient,
    /// Who wrote it, and when (for reports the time of the report).
    pub author: Person,
    /// When the author wrote it.
    pub author_time: String,
    /// Code and name of the institution.
    pub institution: (String, String),
    /// Who signed it.
    pub signers: Vec<Person>,
    /// The visit.
    pub visit: Visit,
    /// Values, by section.
    pub sections: Vec<WrittenSection>,
}

/// The patient as the header writes one. Empty parts are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patient {
    /// Object identifier and number: `2.16.156.10011.1.12` and the 住院号.
    pub numbers: Vec<(String, String)>,
    /// 身份证件号码.
    pub identity: String,
    /// Name.
    pub name: String,
    /// GB/T 2261.1 code and word.
    pub sex: (String, String),
    /// `19800102`.
    pub birth: String,
    /// In years.
    pub age_years: String,
    /// 患者类型代码 and word.
    pub kind: (String, String),
    /// 婚姻状况 code and word.
    pub marital: (String, String),
    /// 民族 code and word.
    pub ethnic: (String, String),
    /// 职业 code and word.
    pub occupation: (String, String),
    /// Telephone.
    pub telephone: String,
    /// 省, 市, 县, 乡, 村, 门牌.
    pub address: [String; 6],
}

/// A person who writes, signs or does something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Staff number, empty when unknown.
    pub number: String,
    /// Name.
    pub name: String,
    /// 主任医师, 检验技师 …
    pub role: String,
}

/// The visit as the header writes one. Empty parts are left out; with all of them empty there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visit {
    /// 入院途径 code and word.
    pub admission: (String, String),
    /// When it began.
    pub start: String,
    /// When it ended.
    pub end: String,
    /// 病床号.
    pub bed: String,
    /// 病房号.
    pub room: String,
    /// Code and name of the department.
    pub department: (String, String),
    /// 病区.
    pub ward: String,
}

/// Values for one section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenSection {
    /// Which section of the template, from 0.
    pub number: usize,
    /// Narrative text.
    pub text: String,
    /// Values for its entries.
    pub entries: Vec<WrittenEntry>,
}

/// Values for one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenEntry {
    /// Which entry of the section's template, from 0.
    pub number: usize,
    /// Its value; for a procedure its code, for a drug its name.
    pub value: Said,
    /// The name when it is not the template's: of a panel.
    pub name: String,
    /// A number of its own (of an order), empty when it has none.
    pub id: String,
    /// When: one moment.
    pub time: String,
    /// From and to, where a stretch is meant.
    pub period: (String, String),
    /// 参考范围 of a result: low and high, or text in the first when the second is empty and it is no number.
    pub range: (String, String),
    /// `H`, `L`, `N`, `A`, empty when not said.
    pub flag: String,
    /// How a drug is given.
    pub drug: Option<Drug>,
    /// Who did it.
    pub performer: Option<Person>,
    /// What hangs on it.
    pub children: Vec<WrittenEntry>,
}

/// How a drug is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drug {
    /// Code of the institution, empty when none.
    pub code: String,
    /// 药物名称.
    pub name: String,
    /// 用药途径 code and word.
    pub route: (String, String),
    /// 次剂量 and its unit.
    pub dose: (String, String),
    /// 频次: `每日3次`.
    pub frequency: String,
    /// 剂型 code and word.
    pub form: (String, String),
}

/// What is said for a data element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Said {
    /// Nothing: a group of other entries.
    #[default]
    Nothing,
    /// Text, a number, a time or a truth, as the template's type asks for.
    Plain(String),
    /// A number with its unit.
    Quantity(String, String),
    /// A code and its word.
    Code(String, String),
}
