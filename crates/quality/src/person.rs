//! The person that a record speaks of: identity number, sex and birth against each other.

use model::Element;

use crate::check::Checked;
use crate::identity::{Fault, Number, is_newborns_name, was_meant};
use crate::value::folded;
use crate::when::When;

/// Younger mothers are not looked for: a difference of so many years between the birth in the number and the birth in the record
/// is a mother and her child.
const MOTHER_YEARS_MIN: i64 = 12;
/// How a name says that it was not known or not meant.
const NOT_NAMES: [&str; 5] = ["?", "？", "\u{fffd}", "<", ">"];

impl Checked<'_> {
    /// Checks names, identity numbers and what contradicts them.
    pub(crate) fn person(&mut self) {
        let known = self.rules.known;
        if let Some(name) = self.first(known.name) {
            self.name(name);
        }
        let kind = self.first(known.identity_type).map(|kind| folded(&kind.value).into_owned());
        let is_resident = |kind: &str| matches!(kind, "01" | "1" | "居民身份证" | "身份证");
        if kind.as_deref().is_some_and(|kind| !is_resident(kind)) {
            return;
        }
        let numbers: Vec<&Element> = self.at(known.identity).collect();
        for element in numbers {
            match Number::read(&element.value) {
                Ok(number) => self.consistent(element, &number),
                Err(fault) => self.identity_fault(element, fault, kind.is_some()),
            }
        }
    }

    fn name(&mut self, element: &Element) {
        let value = folded(&element.value);
        if self.rules.people.is_test(&value) {
            let hint = "测试数据不应上传;核对后停止上传,确为患者本人姓名时放行";
            self.find("quality.person.test", None, element, "患者本人姓名".to_owned(), hint);
            return;
        }
        if value.chars().any(|one| one.is_ascii_digit()) || NOT_NAMES.iter().any(|sign| value.contains(sign)) {
            let hint = "核对姓名;生僻字丢失时更新字符集";
            self.find("quality.format.name", None, element, "姓名 A..50".to_owned(), hint);
        }
    }

    fn identity_fault(&mut self, element: &Element, fault: Fault, said_to_be_one: bool) {
        let value = folded(&element.value).into_owned();
        let (rule, expected, hint) = match fault {
            // Without a type the number may be a passport's.
            Fault::Shape if !(said_to_be_one || was_meant(&value)) => return,
            Fault::Shape => ("quality.identity.shape", "18 位公民身份号码".to_owned(), "按文本格式导出证件号码"),
            Fault::Birth => ("quality.identity.birth", "第 7 至 14 位为出生日期".to_owned(), "核对证件号码"),
            Fault::CheckDigit(right) => ("quality.identity.check-digit", format!("校验码 {right}"), "核对证件号码"),
        };
        self.find(rule, None, element, expected, hint);
    }

    fn consistent(&mut self, element: &Element, number: &Number) {
        let known = self.rules.known;
        if !number.region_known {
            let expected = "前 6 位为 GB/T 2260 行政区划代码(含历史代码)".to_owned();
            self.find("quality.identity.region", None, element, expected, "核对证件号码");
        }
        let birth = self.first(known.birth).and_then(|birth| {
            let when = When::read(&folded(&birth.value)).ok().filter(When::is_of_records)?;
            Some((birth, when))
        });
        let sex = self.first(known.sex).and_then(|sex| Some((sex, is_male(&folded(&sex.value))?)));
        let birth_contradicts = birth.is_some_and(|(_, when)| !when.same_day(&number.birth));
        let sex_contradicts = sex.is_some_and(|(_, male)| male != number.male);
        if !birth_contradicts && !sex_contradicts {
            return;
        }
        let newborn = self.first(known.name).is_some_and(|name| is_newborns_name(&name.value));
        let mothers =
            birth.and_then(|(_, when)| number.birth.years_until(&when)).is_some_and(|years| years >= MOTHER_YEARS_MIN);
        if newborn && mothers && !number.male {
            let hint = "新生儿取得本人号码后补传";
            self.find("quality.identity.mothers-number", None, element, "本人公民身份号码".to_owned(), hint);
            return;
        }
        if let Some((birth, _)) = birth.filter(|_| birth_contradicts) {
            let (year, month, day) = number.birth.date();
            let expected = format!("公民身份号码中的出生日期 {year:04}{month:02}{day:02}");
            self.find("quality.identity.birth-contradicts", None, birth, expected, "核对出生日期与证件号码");
        }
        if let Some((sex, _)) = sex.filter(|_| sex_contradicts) {
            let expected = format!("公民身份号码第 17 位表示{}性", if number.male { "男" } else { "女" });
            self.find("quality.identity.sex-contradicts", None, sex, expected, "核对性别与证件号码");
        }
    }
}

/// Whether a sex as it was sent is a man's; `None` when it says neither man nor woman.
pub(crate) fn is_male(sent: &str) -> Option<bool> {
    match sent {
        "1" | "01" | "M" | "m" | "男" | "男性" | "male" | "Male" | "MALE" => Some(true),
        "2" | "02" | "F" | "f" | "女" | "女性" | "female" | "Female" | "FEMALE" => Some(false),
        _ => None,
    }
}
