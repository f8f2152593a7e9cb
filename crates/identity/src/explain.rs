//! Why two registrations are one person, or not: every field with how it agrees and what that weighs, in Chinese.

use std::fmt::Write;

use crate::batch::{Frozen, LINK, REVIEW, decide};
use crate::cluster::{is_conflict, is_veto};
use crate::compare::{FIELDS, address, birth, compare, document, name, phone, sex};
use crate::model::{Scorer, UNITS_PER_BIT};
use crate::packed::Packed;
use crate::standardise::{Registration, Standard, Standing};

/// A field's name.
#[must_use]
pub fn field_name(field: usize) -> &'static str {
    ["证件", "姓名", "出生日期", "性别", "电话", "地址"].get(field).copied().unwrap_or("")
}

/// How a field agrees.
#[must_use]
pub fn level_name(field: usize, level: u8) -> &'static str {
    if level == 0 {
        return "无可比信息(缺失或已由证件说明)";
    }
    let table: &[(u8, &str)] = match field {
        0 => &[
            (document::SAME, "号码相同"),
            (document::SLIP, "相差一处录入错误"),
            (document::NEAR, "两个号码极相近:同地区同日出生,或同一窗口相邻签发(双胞胎、亲属)"),
            (document::DIFFERENT, "两个不同的有效号码"),
            (document::DIFFERENT_UNCHECKED, "号码不同(至少一个未通过校验)"),
            (document::SAME_DOUBTFUL, "号码相同,但其中一方疑非本人证件"),
        ],
        1 => &[
            (name::SAME, "完全相同"),
            (name::SOUND, "同音或仅有无法识别的字"),
            (name::TURNED, "字序颠倒"),
            (name::ONE_GIVEN, "名中一字不同"),
            (name::PART, "一方是另一方的一部分"),
            (name::GIVEN, "名相同,姓不同"),
            (name::SURNAME, "仅姓相同"),
            (name::DIFFERENT, "不同"),
            (name::MOTHER_SAME, "新生儿,母亲姓名相同"),
            (name::MOTHER_DIFFERENT, "新生儿,母亲姓名不同"),
        ],
        2 => &[
            (birth::SAME, "同一天"),
            (birth::LUNAR, "农历与公历对应"),
            (birth::SLIP, "相差一处录入错误"),
            (birth::YEAR_ONLY, "同年,一方只知年份"),
            (birth::SAME_YEAR, "同年不同日"),
            (birth::NEAR, "相差一年或同月日"),
            (birth::DIFFERENT, "不同"),
            (birth::MONTH, "同年同月,一方无日"),
        ],
        3 => &[(sex::SAME, "相同"), (sex::DIFFERENT, "不同")],
        4 => &[(phone::SAME, "相同"), (phone::SLIP, "相差一处录入错误"), (phone::DIFFERENT, "不同")],
        _ => &[
            (address::FLAT, "同一户"),
            (address::HOUSE, "同一门牌"),
            (address::ROAD, "同一道路或村"),
            (address::OTHER_FLAT, "同一门牌,不同户"),
            (address::OTHER_HOUSE, "同一道路,不同门牌"),
            (address::COUNTY, "同一县区"),
            (address::DIFFERENT, "不同"),
        ],
    };
    table.iter().find(|(number, _)| *number == level).map_or("", |(_, words)| words)
}

/// A field's name in English.
#[must_use]
pub fn field_name_en(field: usize) -> &'static str {
    ["document", "name", "birth date", "sex", "telephone", "address"].get(field).copied().unwrap_or("")
}

/// How a field agrees, in English.
#[must_use]
pub fn level_name_en(field: usize, level: u8) -> &'static str {
    if level == 0 {
        return "nothing to compare";
    }
    let table: &[(u8, &str)] = match field {
        0 => &[
            (document::SAME, "the same number"),
            (document::SLIP, "one slip apart"),
            (
                document::NEAR,
                "two numbers side by side: of one region and day, or issued one after the other (twins, relatives)",
            ),
            (document::DIFFERENT, "two different valid numbers"),
            (document::DIFFERENT_UNCHECKED, "different, at least one of them not valid"),
            (document::SAME_DOUBTFUL, "the same number, but one side may carry another's card"),
        ],
        1 => &[
            (name::SAME, "the same"),
            (name::SOUND, "sounds the same"),
            (name::TURNED, "the same characters, turned"),
            (name::ONE_GIVEN, "one character of the given name differs"),
            (name::PART, "one is a part of the other"),
            (name::GIVEN, "the same given name, another surname"),
            (name::SURNAME, "only the surname is the same"),
            (name::DIFFERENT, "different"),
            (name::MOTHER_SAME, "a newborn of a mother of the same name"),
            (name::MOTHER_DIFFERENT, "a newborn of a mother of another name"),
        ],
        2 => &[
            (birth::SAME, "the same day"),
            (birth::LUNAR, "the lunar and the solar date of one day"),
            (birth::SLIP, "one slip apart"),
            (birth::YEAR_ONLY, "the same year, one side knows no more"),
            (birth::SAME_YEAR, "another day of the same year"),
            (birth::NEAR, "a year apart, or the same day of another year"),
            (birth::DIFFERENT, "different"),
            (birth::MONTH, "the same month, one side says no day"),
        ],
        3 => &[(sex::SAME, "the same"), (sex::DIFFERENT, "different")],
        4 => &[(phone::SAME, "the same"), (phone::SLIP, "one slip apart"), (phone::DIFFERENT, "different")],
        _ => &[
            (address::FLAT, "the same flat"),
            (address::HOUSE, "the same house"),
            (address::ROAD, "the same road or village"),
            (address::OTHER_FLAT, "another flat of the same house"),
            (address::OTHER_HOUSE, "another house of the same road"),
            (address::COUNTY, "the same county"),
            (address::DIFFERENT, "different"),
        ],
    };
    table.iter().find(|(number, _)| *number == level).map_or("", |(_, words)| words)
}

/// How one field of two registrations agrees, and what that weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// Which field; see [`field_name`].
    pub field: usize,
    /// How it agrees; see [`level_name`].
    pub level: u8,
    /// Evidence in bits against the strongest rival of this field; positive speaks for one person.
    pub bits: f64,
}

/// Every field that says something about two finished registrations.
#[must_use]
pub fn reasons(left: &Packed, right: &Packed, scorer: &Scorer) -> Vec<Reason> {
    let levels = compare(left, right);
    let said = (0..FIELDS).filter(|field| levels.0[*field] != 0);
    said.map(|field| {
        let level = levels.0[field];
        let bits = f64::from(scorer.field(left, right, field, level).total()) / f64::from(UNITS_PER_BIT);
        Reason { field, level, bits }
    })
    .collect()
}

/// One registration as sent, standardised and packed.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// As sent.
    pub sent: Registration<'a>,
    /// Standardised.
    pub standard: Standard,
    /// Packed and finished.
    pub packed: Packed,
}

/// The whole explanation.
#[must_use]
pub fn explain(left: &Side<'_>, right: &Side<'_>, frozen: &Frozen) -> String {
    let scorer = Scorer::new(&frozen.model);
    let levels = compare(&left.packed, &right.packed);
    let bits = |units: i32| f64::from(units) / f64::from(UNITS_PER_BIT);
    let mut text = String::new();
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{words}");
    };
    line(format!("登记 {} 与 {}", left.sent.rec_id, right.sent.rec_id));
    line(notes(left));
    line(notes(right));
    line("权重单位为比特:正数支持同一人,负数反对;三列依次为对陌生人、对亲属、对双胞胎的比较。".to_owned());
    for field in 0..FIELDS {
        let level = levels.0[field];
        let weight = if level == 0 {
            crate::model::Score::default()
        } else {
            scorer.field(&left.packed, &right.packed, field, level)
        };
        let (one, other) = (value(&left.sent, field), value(&right.sent, field));
        line(format!(
            "{}:{} | {} → {}({:+.1} / {:+.1} / {:+.1})",
            field_name(field),
            one,
            other,
            level_name(field, level),
            bits(weight.stranger),
            bits(weight.relative),
            bits(weight.twin)
        ));
    }
    let prior = scorer.prior();
    line(format!("先验({:+.1} / {:+.1} / {:+.1})", bits(prior.stranger), bits(prior.relative), bits(prior.twin)));
    let score = scorer.score(&left.packed, &right.packed, levels);
    line(format!("合计({:+.1} / {:+.1} / {:+.1})", bits(score.stranger), bits(score.relative), bits(score.twin)));
    let decided = decide(&scorer, &left.packed, &right.packed, levels);
    let verdict = if is_conflict(levels) {
        "证件冲突:同一证件,姓名不相容,须人工核实"
    } else if is_veto(&left.packed, &right.packed, &scorer) {
        "不得自动合并:存在排除条件(两个有效证件、双胞胎次序或多项矛盾)"
    } else if decided >= LINK {
        "同一人(自动关联)"
    } else if decided >= REVIEW {
        "存疑(人工核实)"
    } else {
        "不同的人"
    };
    line(format!("结论:{verdict};得分 {:+.1},关联线 {:+.1},核实线 {:+.1}", bits(decided), bits(LINK), bits(REVIEW)));
    text
}

fn notes(side: &Side<'_>) -> String {
    let standing = match side.packed.standing() {
        Standing::Own => "",
        Standing::Guardian => ",监护人证件",
        Standing::Doubtful => ",出生日期与证件不符",
        Standing::Foreign => ",疑借用他人证件",
    };
    let kind = side.packed.kind().chinese();
    format!("  {}:{kind}{standing},出生 {}", side.sent.rec_id, side.standard.birth)
}

fn value<'a>(sent: &Registration<'a>, field: usize) -> &'a str {
    let text = [sent.id_no, sent.name, sent.birth_date, sent.sex, sent.phone, sent.address][field.min(5)].trim();
    if text.is_empty() { "(空)" } else { text }
}
