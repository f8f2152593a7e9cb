//! One element alone: is its value written as its format says, is its code in its table, can a person have this number?

use std::fmt::Write as _;

use model::Element;
use standards::elements::{DataType, Format, Shape as Form};
use standards::regions;
use standards::value_sets::{self, Lookup, Table};

use crate::check::Checked;
use crate::compile::{Plan, Range};
use crate::data::Shape;
use crate::value::{digits, is_broken, length, number};
use crate::when::{Misfit, When};

/// Stands in a list of words for any of them: an element whose meaning is rightly given in words.
const ANY_WORD: &str = "*";

/// The national tree of object identifiers for health (2.16.156.10011), in which every code table of documents hangs.
const NATIONAL_TREE: &str = "2.16.156.10011.";
/// Other trees that documents rightly name: HL7, ISO, China.
const FOREIGN_TREES: [&str; 6] = ["2.16.840.1.", "2.16.156.", "1.2.", "1.3.", "0.", "2.25."];
/// At most so many codes are listed as expected.
const CODES_LISTED_MAX: usize = 12;
/// How yes and no are written.
const TRUTHS: [&str; 24] = [
    "T", "F", "true", "false", "TRUE", "FALSE", "True", "False", "t", "f", "1", "0", "2", "Y", "N", "y", "n", "是",
    "否", "有", "无", "yes", "no", "-",
];

impl<'a> Checked<'a> {
    /// Checks the value of one element; `value` is folded and holds something.
    pub(crate) fn value(&mut self, plan: &Plan, element: &Element, value: &str) {
        if is_broken(value) {
            let hint = "核对字符集,重新导出该字段";
            self.find("quality.format.characters", None, element, "不含乱码和控制字符的文本".to_owned(), hint);
            return;
        }
        match plan.data_type {
            DataType::Day | DataType::Moment => self.day(plan, element, value),
            DataType::Truth if !TRUTHS.contains(&value) => {
                let expected = format!("{}:T 或 F", plan.title);
                self.find("quality.format.truth", None, element, expected, "填写 T(是)或 F(否)");
            }
            DataType::Truth | DataType::Clock | DataType::Bytes => {}
            DataType::Enumerated | DataType::Coded => self.code(plan, element, value),
            DataType::Number => self.number(plan, element, value),
            DataType::Text => self.text(plan, element, value),
        }
        if !plan.ranges.is_empty() {
            self.range(&plan.ranges, element, value, &element.unit);
        }
    }

    fn day(&mut self, plan: &Plan, element: &Element, value: &str) {
        let (rule, hint) = match When::read(value) {
            Ok(when) if when.is_of_records() => return,
            Ok(_) => ("quality.format.date-impossible", "核对年份"),
            Err(Misfit::Impossible) => ("quality.format.date-impossible", "核对年月日和时分秒"),
            Err(Misfit::Shape) => ("quality.format.date", "按 YYYYMMDD 或 YYYYMMDDhhmmss 填写"),
        };
        self.find(rule, None, element, expected(plan), hint);
    }

    fn number(&mut self, plan: &Plan, element: &Element, value: &str) {
        if number(value).is_none() {
            // An element that also accepts text (a result as it was reported) is held to the text's length only.
            if plan.formats.iter().any(|format| format.shape == Form::Text) {
                return self.text(plan, element, value);
            }
            return self.find("quality.format.number", None, element, expected(plan), "只填数字,单位填在单位字段");
        }
        let (whole, fraction) = digits(value);
        let numeric = || plan.formats.iter().filter(|format| format.shape == Form::Digits);
        if numeric().next().is_none() || numeric().any(|format| fits_number(*format, whole, fraction)) {
            return;
        }
        if numeric().any(|format| whole <= usize::from(format.max)) {
            self.find("quality.format.decimals", None, element, expected(plan), "按数据元格式保留小数位");
        } else {
            self.find("quality.format.length", None, element, expected(plan), "核对数值和单位");
        }
    }

    fn text(&mut self, plan: &Plan, element: &Element, value: &str) {
        if plan.formats.is_empty() || plan.formats.iter().any(|format| self.fits_text(*format, value)) {
            return;
        }
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let digits_only = plan.formats.iter().all(|format| format.shape == Form::Digits);
        let rule = if digits_only && !is_number { "quality.format.number" } else { "quality.format.length" };
        self.find(rule, None, element, expected(plan), "核对该字段的长度和内容");
    }

    fn fits_text(&self, format: Format, value: &str) -> bool {
        let (min, max) = (usize::from(format.min), usize::from(format.max));
        if format.shape == Form::Digits && !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        // A text of so few bytes has no more characters; only long ones are counted.
        if min <= 1 && value.len() <= max {
            return true;
        }
        (min..=max).contains(&length(value, self.rules.count_bytes))
    }

    fn code(&mut self, plan: &Plan, element: &Element, value: &str) {
        match system(&element.system) {
            // What calls itself ICD is written as ICD, in whatever words.
            System::Local if !plan.shapes.is_empty() && calls_itself_icd(&element.system) => {}
            System::Local => return,
            System::Malformed => {
                let wanted = plan.table.map_or(NATIONAL_TREE, |table| table.object_identifier);
                let expected = format!("{}的代码系统 {wanted}", plan.title);
                self.find_system("quality.code.system", element, expected);
            }
            System::National(oid) => self.other_table(plan, element, oid),
            System::None => {}
        }
        let Some(table) = plan.table else { return self.code_by_form(plan, element, value) };
        match table.lookup(value) {
            Lookup::Known(_) => {}
            Lookup::Unknown => self.unknown_code(plan, table, element, value),
            Lookup::NotLoaded => self.code_by_form(plan, element, value),
        }
    }

    fn find_system(&mut self, rule: &str, element: &Element, expected: String) {
        self.find(rule, None, element, expected, "按值域代码表填写 codeSystem");
        if let Some(issue) = self.issues.last_mut() {
            issue.found = Some(element.system.chars().take(model::Issue::FOUND_CHARS_MAX).collect());
        }
    }

    fn other_table(&mut self, plan: &Plan, element: &Element, oid: &str) {
        let Some(table) = plan.table else { return };
        // Published templates themselves name wrong tables, so it is worth knowing but no fault of the sender.
        if !table.object_identifier.is_empty()
            && table.object_identifier != oid
            && value_sets::by_object_identifier(oid).is_some()
        {
            self.find_system(
                "quality.code.other-table",
                element,
                format!("{}({})", table.object_identifier, table.name),
            );
        }
    }

    fn unknown_code(&mut self, plan: &Plan, table: &Table, element: &Element, value: &str) {
        if let Some(code) = table.padded(value) {
            let hint = "按值域写法保留或去掉前导零";
            return self.find("quality.code.leading-zero", None, element, format!("{}:{code}", plan.title), hint);
        }
        let words = self.rules.words.get(table.id);
        if words.is_some_and(|words| words.iter().any(|word| word == value)) {
            return;
        }
        if table.code_of(value).is_some() {
            let expected = format!("{}的代码", plan.title);
            return self.find("quality.code.word", None, element, expected, "填写值域代码,名称填在名称字段");
        }
        let mut expected = format!("{}({}):", plan.title, table.id);
        for (position, (code, meaning)) in table.codes().enumerate() {
            if position == CODES_LISTED_MAX {
                expected.push_str(" …");
                break;
            }
            // Writing into a text cannot fail.
            let _ = write!(expected, " {code} {meaning}");
        }
        self.find("quality.code.unknown", None, element, expected, "改用值域内的代码,或建立院内代码对照");
    }

    /// A code that cannot be looked up can still be written as no code of its system is written.
    fn code_by_form(&mut self, plan: &Plan, element: &Element, value: &str) {
        let shape = plan.shapes.iter().find(|(_, except)| !except.iter().any(|text| element.name.contains(text)));
        if let Some((shape, _)) = shape {
            let (fits, wanted) = match shape {
                Shape::Icd10 => (is_icd10(value), "ICD-10 编码,如 I10.x00"),
                Shape::Icd9Cm3 => (is_icd9cm3(value), "ICD-9-CM-3 编码,如 45.1300"),
                Shape::Division => (is_division(value), "GB/T 2260 行政区划代码"),
            };
            if !fits {
                let expected = format!("{}:{wanted}", plan.title);
                self.find("quality.code.shape", None, element, expected, "核对编码,名称填在名称字段");
            }
            return;
        }
        let in_words = plan.table.and_then(|table| self.rules.words.get(table.id));
        if in_words.is_some_and(|words| words.iter().any(|word| word == ANY_WORD || word == value)) {
            return;
        }
        if !value.is_ascii() && plan.table.is_some() {
            // A word that the loaded tables do not have cannot be told from a word that they lack.
            let expected = format!("{}的代码", plan.title);
            return self.find("quality.code.word", None, element, expected, "填写值域代码,名称填在名称字段");
        }
        let loose = |format: &Format| {
            let most = usize::from(format.max);
            format.shape == Form::Digits && value.len() <= most && value.bytes().all(|byte| byte.is_ascii_digit())
        };
        if plan.formats.iter().any(loose) {
            return;
        }
        self.text(plan, element, value);
    }

    /// Compares a number with the ranges of an element; other values are not compared.
    pub(crate) fn range(&mut self, ranges: &[Range], element: &Element, value: &str, unit: &str) {
        let Some(number) = number(value) else { return };
        let unit = crate::value::folded(unit);
        let range = if unit.is_empty() {
            ranges.first()
        } else {
            ranges.iter().find(|range| range.units.iter().any(|known| same_unit(known, &unit)))
        };
        let Some(range) = range else {
            let known: Vec<&str> = ranges.iter().flat_map(|range| range.units.iter().map(String::as_str)).collect();
            let expected = format!("{}的单位:{}", ranges[0].title, known.join(" "));
            return self.find("quality.range.unit", None, element, expected, "核对计量单位");
        };
        // Below a limit of detection says nothing about how far below.
        let (below, above) = (value.starts_with(['<', '≤']), value.starts_with(['>', '≥']));
        let outside = |bounds: [f64; 2]| (number < bounds[0] && !below) || (number > bounds[1] && !above);
        let (rule, bounds) = if outside(range.possible) {
            ("quality.range.impossible", range.possible)
        } else if outside(range.usual) {
            ("quality.range.implausible", range.usual)
        } else {
            return;
        };
        let unit = range.units.first().map_or("", String::as_str);
        let expected = format!("{} {}~{} {unit}", range.title, bounds[0], bounds[1]);
        self.find(rule, None, element, expected.trim_end().to_owned(), "核对数值、小数点和单位");
    }

    /// Compares laboratory results with the ranges of their items; item, result and unit stand in one repetition.
    pub(crate) fn analytes(&mut self) {
        let known = self.rules.known;
        let results: Vec<&'a Element> = self.at(known.item_value).collect();
        for result in results {
            let Some(ranges) = self.ranges_of_item(result) else { continue };
            let unit = if result.unit.is_empty() {
                self.at(known.item_unit).find(|unit| unit.group == result.group).map_or("", |unit| unit.value.as_str())
            } else {
                &result.unit
            };
            let value = crate::value::folded(&result.value);
            self.range(ranges, result, &value, unit);
        }
    }

    fn ranges_of_item(&self, result: &Element) -> Option<&'a [Range]> {
        let rules: &'a crate::Rules = self.rules;
        let known = rules.known;
        let here = |place| self.at(place).filter(|element| element.group == result.group);
        let names = here(known.item_name)
            .map(|name| name.value.as_str())
            .chain(here(known.item_code).flat_map(|code| [code.display.as_str(), code.value.as_str()]))
            .chain([result.name.as_str(), result.display.as_str()]);
        names.map(str::trim).find_map(|name| rules.analytes.get(name)).map(Vec::as_slice)
    }
}

/// What the element's formats say, for people: `年龄 N1..3`.
fn expected(plan: &Plan) -> String {
    let formats: Vec<String> = plan.formats.iter().map(Format::to_string).collect();
    format!("{} {}", plan.title, formats.join(" 或 "))
}

fn fits_number(format: Format, whole: usize, fraction: usize) -> bool {
    whole <= usize::from(format.max) && fraction <= usize::from(format.decimals)
}

/// Units are compared without case and blanks: mmhg is mmHg. Units that differ in case only (m and M) do not stand side by side
/// in one element.
fn same_unit(known: &str, sent: &str) -> bool {
    known.eq_ignore_ascii_case(sent)
        || known.chars().filter(|one| !one.is_whitespace()).eq(sent.chars().filter(|one| !one.is_whitespace()))
}

enum System<'a> {
    None,
    /// An object identifier in the national tree.
    National(&'a str),
    /// A name, an address or an identifier of another tree: its codes are its own.
    Local,
    /// Digits and dots that are no object identifier of any known tree: `2016.156…`.
    Malformed,
}

fn system(sent: &str) -> System<'_> {
    let sent = sent.trim();
    let sent = sent.strip_prefix("urn:oid:").unwrap_or(sent);
    if sent.is_empty() {
        return System::None;
    }
    if let Some(rest) = sent.strip_prefix(NATIONAL_TREE) {
        let sound = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        return if sound { System::National(sent) } else { System::Malformed };
    }
    let digits = sent.bytes().filter(u8::is_ascii_digit).count();
    let like_one = sent.bytes().filter(|byte| *byte == b'.').count() >= 3 && digits * 2 >= sent.len();
    if like_one && !FOREIGN_TREES.iter().any(|tree| sent.starts_with(tree)) { System::Malformed } else { System::Local }
}

/// `ICD-10`, `I10`, `I9C`, `icd10cn`.
fn calls_itself_icd(system: &str) -> bool {
    let system = system.trim().to_ascii_uppercase();
    system.contains("ICD") || matches!(system.as_str(), "I10" | "I10P" | "I9" | "I9C")
}

/// `I10.x00`, `A00.000x001`, `M80000/3` (morphology), two codes joined by `+` or `*` (dagger and asterisk).
fn is_icd10(code: &str) -> bool {
    let mut parts = code.split(['+', '*', '†', ' ', ',', ';', '、']).filter(|part| !part.is_empty());
    let one = |part: &str| {
        let bytes = part.as_bytes();
        if let Some((letter, behaviour)) = part.split_once('/') {
            return letter.len() >= 5
                && letter.starts_with(['M', 'm'])
                && behaviour.bytes().all(|byte| byte.is_ascii_digit());
        }
        bytes.len() >= 3
            && bytes[0].is_ascii_alphabetic()
            && bytes[1].is_ascii_digit()
            && (bytes[2].is_ascii_digit() || bytes[2].eq_ignore_ascii_case(&b'A'))
            && bytes[3..].iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'x' | b'X' | b'-'))
    };
    parts.next().is_some_and(one) && parts.all(one)
}

/// `45.13`, `45.1300x001`, `4513`.
fn is_icd9cm3(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() >= 2
        && bytes[..2].iter().all(u8::is_ascii_digit)
        && bytes[2..].iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'x' | b'X'))
}

fn is_division(code: &str) -> bool {
    code.get(..6).is_some_and(|six| six.starts_with("99") || regions::existed(six))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_by_their_writing() {
        for code in ["I10", "I10.x00", "A00.000x001", "M80000/3", "A17.0+G01*", "S06.20", "U07.1"] {
            assert!(is_icd10(code), "{code}");
        }
        for code in ["高血压", "10", "I1", "II0.x00", "45.13", "I10 高血压", "/"] {
            assert!(!is_icd10(code), "{code}");
        }
        assert!(is_icd9cm3("45.1300x001") && is_icd9cm3("4513") && !is_icd9cm3("I10") && !is_icd9cm3("阑尾切除"));
        assert!(is_division("110103") && is_division("990121") && !is_division("123456") && !is_division("11"));
    }

    #[test]
    fn systems_are_national_local_or_no_identifier() {
        assert!(matches!(system("2.16.156.10011.2.3.3.4"), System::National(_)));
        assert!(matches!(system("urn:oid:2.16.156.10011.2.3.3.4"), System::National(_)));
        assert!(matches!(system("2016.156.10011.2.3.3.6"), System::Malformed));
        assert!(matches!(system("2.16.156.10011.2.3.3.O"), System::Malformed));
        assert!(matches!(system("2.16.840.1.113883.6.1"), System::Local) && matches!(system("HL70001"), System::Local));
        assert!(matches!(system(""), System::None));
    }
}
