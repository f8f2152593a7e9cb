//! What an interpreted part of an expression must not say: what the engine would answer wrongly, or never.
//!
//! A parameter that is taken and then finds less than it says is worse than one that is refused with a reason: nobody sees what is not
//! found. The types come from `formats::fhirpath::types`; here they are held against what a parameter reads, and refusals are worded.

use formats::fhirpath::{self, Misuse};

use super::Kind;
use super::admission::{Refusal, refusal};
use super::read::Reader;

/// Whether an expression falls into as many parts as `FHIRPath` reads it as a union of: `a in 'x' | 'y'` is no union, and splitting it
/// at the bar would make two expressions of it that mean something else.
///
/// # Errors
/// Why not.
pub(super) fn check_union(expression: &str, count: usize) -> Result<(), Refusal> {
    if fhirpath::union_count(expression) == Ok(count) {
        return Ok(());
    }
    Err(refusal(
        "并集 | 与优先级更低的运算符（= < in and 等）并用时，请加括号",
        "put `|` in parentheses beside an operator that binds less (`=`, `<`, `in`, `and` …)",
    ))
}

/// Whether what an interpreted part selects on a type is known to be right, and read by parameters of the kind.
///
/// # Errors
/// Why not.
pub(super) fn check_meaning(part: &str, type_name: &str, kind: Kind) -> Result<(), Refusal> {
    check_beginning(part)?;
    let Some(types) = fhirpath::types(part, type_name).map_err(|misuse| said(&misuse))? else { return Ok(()) };
    if types.iter().any(|found| Reader::of(kind, found, None).is_some()) {
        return Ok(());
    }
    let (types, kind) = (types.into_iter().collect::<Vec<_>>().join(", "), super::kind_name(kind));
    Err(refusal(
        format!("表达式 {part} 只得到 {types}，{kind} 类型的检索参数不读取"),
        format!("`{part}` leads only to {types}, which a {kind} parameter does not read"),
    ))
}

/// A part that begins with a constant is the same for every resource, or the rest of a comparison.
fn check_beginning(part: &str) -> Result<(), Refusal> {
    let inner = part.trim_start_matches(|it: char| it == '(' || it.is_whitespace());
    let word = inner.split(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_sign = inner.starts_with(|it: char| it.is_ascii_digit() || matches!(it, '\'' | '@' | '{' | '-' | '+'));
    if !is_sign && !matches!(word, "true" | "false") {
        return Ok(());
    }
    Err(refusal(
        "表达式的各部分须以资源类型或元素开头，不能以常量开头",
        "each part of an expression begins with a type or an element, not with a constant",
    ))
}

/// A misuse in both languages.
fn said(misuse: &Misuse) -> Refusal {
    let zh = match misuse {
        Misuse::Expression(_) => "表达式不是 FHIRPath".to_owned(),
        Misuse::NoElement { name, of } => format!("{of} 没有元素 {name}"),
        Misuse::NeverOfType(name) => format!("该处的值不可能是 {name}"),
        Misuse::InnerResource => "不能读取内含资源（contained 等）中的元素".to_owned(),
        Misuse::ExtensionOfPrimitive(name) => format!("不能读取基本类型 {name} 的扩展"),
        Misuse::Quantity => {
            "数量须按 value、system、code 比较，不能整体比较或运算；表达式中不能有带单位的数量和 toQuantity()"
                .to_owned()
        }
        Misuse::Unordered(name) => format!("{name} 没有大小顺序；请用 ofType() 指明类型"),
        Misuse::DateAndMoment => {
            "date 不能与 dateTime 或 instant 比较：请写带时间和时区的字面量，或用 toDate()".to_owned()
        }
        Misuse::NoOffset => "dateTime 字面量须有时间和时区，例如 @2026-01-01T00:00:00+08:00".to_owned(),
        Misuse::DateAndText => "日期和时间不能与文本比较：请写以 @ 开头的字面量".to_owned(),
    };
    refusal(zh, misuse.to_string())
}
