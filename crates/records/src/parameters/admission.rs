//! What a custom search parameter must be: its members, its name, and an expression whose cost and meaning are known.

use std::fmt;

use formats::fhirpath;
use model::TypeCode;
use serde_json::{Value, json};

use super::custom::{CustomParameter, Customs, OF_TENANT_MAX};
use super::expression::{self, Node};
use super::misuse::check_union;
use super::{Kind, Parameters, UNSUPPORTED};

/// The longest expression, in bytes: the longest of the base has 420.
pub const EXPRESSION_BYTES_MAX: usize = 1_000;
/// The longest definition that is read, in bytes: narrative included.
pub const DEFINITION_BYTES_MAX: usize = 64 << 10;
/// The longest name and the longest URL.
const CODE_BYTES_MAX: usize = 64;
const URL_BYTES_MAX: usize = 256;
/// Functions whose cost is that of what they are given, and which look at nothing but the resource. `now()` would make an index that
/// cannot be computed again; `repeat`, `aggregate`, `combine`, `replace`, `matches` and their like can cost any amount.
const FUNCTIONS: [&str; 37] = [
    "abs",
    "all",
    "as",
    "ceiling",
    "contains",
    "count",
    "empty",
    "endsWith",
    "exists",
    "extension",
    "first",
    "floor",
    "hasValue",
    "iif",
    "indexOf",
    "is",
    "last",
    "length",
    "lower",
    "not",
    "ofType",
    "round",
    "select",
    "single",
    "skip",
    "startsWith",
    "substring",
    "tail",
    "take",
    "toDate",
    "toDateTime",
    "toDecimal",
    "toInteger",
    "toString",
    "trim",
    "upper",
    "where",
];
/// Words that stand before a parenthesis and are no functions.
const OPERATORS: [&str; 9] = ["and", "or", "xor", "implies", "in", "div", "mod", "is", "as"];
/// Functions that give what they are given another form, and signs that join texts: one inside the other doubles a text each time.
const PROJECTIONS_MAX: usize = 4;
const JOINS_MAX: usize = 8;
/// Members that a compiled condition may ask: always one text.
const CONDITION_FIELDS: [&str; 4] = ["url", "system", "use", "code"];

/// Why a custom parameter is not taken, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.zh, self.en)
    }
}

pub(crate) fn refusal(zh: impl Into<String>, en: impl Into<String>) -> Refusal {
    Refusal { zh: zh.into(), en: en.into() }
}

pub(super) fn no_path(type_name: &str, reason: &str) -> Refusal {
    refusal(
        format!("表达式在 {type_name} 上没有可检索的元素：{reason}"),
        format!("the expression leads to nothing in {type_name} that can be searched: {reason}"),
    )
}

impl CustomParameter {
    /// Reads a FHIR `SearchParameter` for a tenant. `base` are the parameters of the standard, `customs` what there is already.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(crate) fn read(
        text: &[u8],
        (base, customs, tenant): (&Parameters, &Customs, u32),
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        if text.len() > DEFINITION_BYTES_MAX {
            return Err(refusal(
                format!("定义超过 {DEFINITION_BYTES_MAX} 字节"),
                format!("the definition has more than {DEFINITION_BYTES_MAX} bytes"),
            ));
        }
        let (found, issues) = formats::fhir::read(text);
        let is_definition = |it: &Value| it["resourceType"] == "SearchParameter";
        let Some(found) = found.filter(|it| is_definition(it) && issues.is_empty()) else {
            return Err(refusal("不是 FHIR SearchParameter（JSON）", "this is no FHIR SearchParameter in JSON"));
        };
        let (url, code, kind) = (url(&found)?, code(&found, base)?, kind(&found)?);
        let (bases, targets) = (bases(&found)?, targets(&found, kind)?);
        let expression = member(&found, "expression")?.trim().to_owned();
        let own = customs.tenants.get(&tenant).map_or(&[][..], Vec::as_slice);
        if let Some(same) = own.iter().find(|it| it.code == code || it.url == url) {
            return Err(refusal(
                format!("检索参数 {}（{}）已经存在；请先停用", same.code, same.url),
                format!("there is a search parameter `{}` ({}) already; retire it first", same.code, same.url),
            ));
        }
        if own.len() >= OF_TENANT_MAX {
            return Err(refusal(
                format!("每个租户最多 {OF_TENANT_MAX} 个自定义检索参数"),
                format!("a tenant has at most {OF_TENANT_MAX} custom search parameters"),
            ));
        }
        let number = customs.next_number;
        let read = Self { number, url, code, kind, bases, expression, targets, added_ms: now_ms };
        read.check()?;
        Ok(read)
    }

    /// Whether its expression can be offered for each of its types.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        check_expression(&self.expression)?;
        for type_code in self.types() {
            let type_name = type_code.name();
            self.compile(type_code, &std::sync::Arc::default())?;
            for part in parts_for(&self.expression, type_name, &self.bases)? {
                if is_plain(&part) {
                    continue;
                }
                check_interpreted(&part)?;
                let part = of_own_type(&part, type_name);
                // What fails on any resource is refused now; what fails only where there is something to evaluate is counted at writes.
                let empty = json!({"resourceType": type_name});
                if fhirpath::evaluate(&part, &empty).is_err() {
                    return Err(refusal(
                        format!("表达式无法在 {type_name} 上求值：{part}"),
                        format!("the expression cannot be evaluated on a {type_name}: {part}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn member<'v>(found: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    let text = found[name].as_str().filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| refusal(format!("缺少 SearchParameter.{name}"), format!("`SearchParameter.{name}` is missing")))
}

fn url(found: &Value) -> Result<String, Refusal> {
    let url = member(found, "url")?;
    let is_absolute = url.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty() && !scheme.is_empty() && scheme.bytes().all(|it| it.is_ascii_alphanumeric())
    });
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_absolute || !is_plain || url.len() > URL_BYTES_MAX || url.starts_with("http://hl7.org/fhir/") {
        return Err(refusal(
            "url 必须是本机构自己的绝对地址（最多 256 个字符）",
            "`url` must be an absolute address of your own with at most 256 characters",
        ));
    }
    Ok(url.to_owned())
}

fn code(found: &Value, base: &Parameters) -> Result<String, Refusal> {
    let code = member(found, "code")?;
    let is_name = code.len() <= CODE_BYTES_MAX
        && code.starts_with(|first: char| first.is_ascii_lowercase())
        && code.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
    if !is_name {
        return Err(refusal(
            "code 以小写字母开头，由小写字母、数字和 - 组成，最多 64 个字符",
            "`code` begins with a lower-case letter and has lower-case letters, digits and `-`, at most 64",
        ));
    }
    let is_refused = UNSUPPORTED.iter().any(|(name, _)| *name == code);
    if is_refused || base.is_taken(code) {
        return Err(refusal(
            format!("{code} 是标准检索参数的名称，请换一个"),
            format!("`{code}` is the name of a standard search parameter; take another"),
        ));
    }
    Ok(code.to_owned())
}

fn kind(found: &Value) -> Result<Kind, Refusal> {
    match member(found, "type")? {
        "token" => Ok(Kind::Token),
        "string" => Ok(Kind::String),
        "date" => Ok(Kind::Date),
        "number" => Ok(Kind::Number),
        "quantity" => Ok(Kind::Quantity),
        "reference" => Ok(Kind::Reference),
        "uri" => Ok(Kind::Uri),
        other => Err(refusal(
            format!("不支持类型 {other}；可用：token, string, date, number, quantity, reference, uri"),
            format!("type `{other}` is not offered; there are token, string, date, number, quantity, reference, uri"),
        )),
    }
}

fn names(found: &Value, name: &str) -> Vec<String> {
    found[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn bases(found: &Value) -> Result<Vec<String>, Refusal> {
    let mut bases = names(found, "base");
    bases.sort();
    bases.dedup();
    if bases.is_empty() {
        return Err(refusal("缺少 SearchParameter.base", "`SearchParameter.base` is missing"));
    }
    // Audit events are searched in the log, which has no index of parameters.
    let is_served = |name: &String| TypeCode::of(name).is_ok() && name != "AuditEvent";
    if let Some(unknown) = bases.iter().find(|name| !is_served(name)) {
        let served: Vec<&str> = TypeCode::all().map(TypeCode::name).filter(|name| *name != "AuditEvent").collect();
        let served = served.join(", ");
        return Err(refusal(
            format!("base {unknown} 不可用；可用：{served}"),
            format!("`{unknown}` cannot be searched by custom parameters; there are {served}"),
        ));
    }
    Ok(bases)
}

fn targets(found: &Value, kind: Kind) -> Result<Vec<String>, Refusal> {
    if kind != Kind::Reference {
        return Ok(Vec::new());
    }
    let targets = names(found, "target");
    let is_type = |name: &String| standards::structures().named(name).is_some_and(|it| it.is_resource);
    if let Some(unknown) = targets.iter().find(|name| *name != "Resource" && !is_type(name)) {
        return Err(refusal(
            format!("target {unknown} 不是资源类型"),
            format!("target `{unknown}` is no resource type"),
        ));
    }
    Ok(if targets.is_empty() { vec!["Resource".to_owned()] } else { targets })
}

fn check_expression(expression: &str) -> Result<(), Refusal> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(refusal(
            format!("表达式超过 {EXPRESSION_BYTES_MAX} 字节"),
            format!("the expression has more than {EXPRESSION_BYTES_MAX} bytes"),
        ));
    }
    if fhirpath::check(expression).is_err() {
        return Err(refusal("表达式不是 FHIRPath", "the expression is not FHIRPath"));
    }
    check_union(expression, parts(expression).len())
}

/// What an interpreted expression must keep to (see [`FUNCTIONS`]).
fn check_interpreted(expression: &str) -> Result<(), Refusal> {
    let words = words(expression);
    let is_called = |at: usize| matches!(words.get(at + 1), Some(Word::Sign('(')));
    let (mut projections, mut joins) = (0, 0);
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Name(name) if is_called(at) => {
                let is_operator =
                    OPERATORS.contains(name) && !matches!(words.get(at.wrapping_sub(1)), Some(Word::Sign('.')));
                if *name == "resolve" {
                    return Err(refusal(
                        "resolve() 只能写成 ….where(resolve() is 类型)，并且并集的该部分不含其他函数",
                        "`resolve()` is offered only as `….where(resolve() is Type)` in a part without other functions",
                    ));
                }
                if !is_operator && !FUNCTIONS.contains(name) {
                    let known = FUNCTIONS.join(", ");
                    return Err(refusal(
                        format!("函数 {name}() 不可用；可用：{known}"),
                        format!("the function `{name}()` is not offered; there are {known}"),
                    ));
                }
                projections += usize::from(matches!(*name, "select" | "iif"));
            }
            Word::Sign('%' | '`') => {
                return Err(refusal(
                    "表达式不能使用 % 变量和反引号",
                    "variables with `%` and names in backquotes are not offered",
                ));
            }
            Word::Sign('&' | '+') => joins += 1,
            Word::Comment => return Err(refusal("表达式不能有注释", "an expression has no comments")),
            _ => {}
        }
    }
    if projections > PROJECTIONS_MAX || joins > JOINS_MAX {
        return Err(refusal(
            format!("表达式过于复杂：select/iif 最多 {PROJECTIONS_MAX} 个，& 与 + 最多 {JOINS_MAX} 个"),
            format!("too complex: at most {PROJECTIONS_MAX} of `select` and `iif`, at most {JOINS_MAX} of `&` and `+`"),
        ));
    }
    Ok(())
}

/// What an expression is made of, as far as it matters here; texts and spaces are left out.
#[derive(Debug, PartialEq, Eq)]
enum Word<'e> {
    Name(&'e str),
    Sign(char),
    Comment,
}

fn words(expression: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let taken = if first == '\'' {
            quoted(rest)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
            words.push(Word::Name(&rest[..end]));
            end
        } else {
            if rest.starts_with("//") || rest.starts_with("/*") {
                words.push(Word::Comment);
            } else if !first.is_whitespace() {
                words.push(Word::Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    words
}

/// The length of the text in quotes that `rest` begins with.
fn quoted(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '\\' if !is_escaped => is_escaped = true,
            '\'' if !is_escaped => return at + 1,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

/// The parts of a union.
fn parts(expression: &str) -> Vec<&str> {
    let (mut depth, mut start, mut at) = (0_usize, 0, 0);
    let mut parts = Vec::new();
    while let Some(character) = expression[at..].chars().next() {
        match character {
            '\'' => {
                at += quoted(&expression[at..]);
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        at += character.len_utf8();
    }
    parts.push(expression[start..].trim());
    parts
}

/// The type that a part begins with, if it begins with one.
fn root(part: &str) -> Option<&str> {
    let inner = part.trim_start_matches(|it: char| it == '(' || it.is_whitespace());
    let end = inner.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let name = &inner[..end];
    name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
}

/// The parts of an expression that speak about a type.
///
/// # Errors
/// A part about a type that is none of the bases; no part about this one.
pub(super) fn parts_for(expression: &str, type_name: &str, bases: &[String]) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for part in parts(expression) {
        match root(part) {
            Some(root) if root != type_name && !matches!(root, "Resource" | "DomainResource") => {
                if !bases.iter().any(|base| base == root) {
                    return Err(refusal(
                        format!("表达式以 {root} 开头，但它不在 base 中"),
                        format!("the expression begins with `{root}`, which is not among its bases"),
                    ));
                }
            }
            _ => found.push(part.to_owned()),
        }
    }
    if found.is_empty() {
        return Err(refusal(
            format!("表达式中没有关于 {type_name} 的部分"),
            format!("no part of the expression speaks about {type_name}"),
        ));
    }
    Ok(found)
}

/// Whether a part is in the language of the base parameters, and means the same there as in `FHIRPath`.
pub(super) fn is_plain(part: &str) -> bool {
    // `//` inside a text is part of an address, not a comment.
    let is_odd = part.contains(['\\', '`', '"']) || words(part).contains(&Word::Comment);
    let Ok(read) = expression::read(part) else { return false };
    let is_safe =
        |node: &Node| !matches!(node, Node::WhereEquals(field, _) if !CONDITION_FIELDS.contains(&field.as_str()));
    !is_odd && !read.truth && read.nodes.iter().all(is_safe)
}

/// A plain part that begins with its type, as the compiler wants it.
pub(super) fn rooted(part: &str, type_name: &str) -> String {
    if root(part).is_some() {
        return part.to_owned();
    }
    let at = part.len() - part.trim_start_matches('(').len();
    format!("{}{type_name}.{}", &part[..at], &part[at..])
}

/// A part as the interpreter wants it, which knows a resource by its own type only.
pub(super) fn of_own_type(part: &str, type_name: &str) -> String {
    match root(part) {
        Some(root @ ("Resource" | "DomainResource")) => part.replacen(root, type_name, 1),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_are_split_where_they_are() {
        assert_eq!(parts("a.b | (c | d).e|'x|y'"), ["a.b", "(c | d).e", "'x|y'"]);
        assert_eq!(parts(r"a.where(b='\'|') | c"), [r"a.where(b='\'|')", "c"]);
        assert_eq!(root("(Patient.deceased as dateTime)"), Some("Patient"));
        assert_eq!(root("name.family"), None);
        assert_eq!(rooted("(value as Quantity)", "Observation"), "(Observation.value as Quantity)");
        assert_eq!(rooted("name", "Patient"), "Patient.name");
        assert_eq!(of_own_type("Resource.meta.tag.first()", "Patient"), "Patient.meta.tag.first()");
    }

    #[test]
    fn plain_is_what_the_compiler_means_alike() {
        for plain in [
            "Patient.name.family",
            "name",
            "A.extension.where(url='http://x').value",
            "A.s.where(resolve() is Patient)",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "Patient.name.first()",
            "A.where(name='x').b",
            "A.t.where(url='a' or url='b')",
            r"A.t.where(url='\u0041')",
            "A.b.exists() and A.b != false",
            "A.b[0]",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn what_could_cost_anything_is_refused() {
        for bad in [
            "Patient.name.repeat($this)",
            "now()",
            "Patient.trace('x')",
            "Patient.x.resolve().y",
            "%resource.name",
            "Patient.`name`",
            "Patient.name // all",
            "Patient.id & id & id & id & id & id & id & id & id & id",
            "name.select(a).select(a).select(a).select(a).select(a)",
            "Patient.name.matches('(a+)+')",
            "Patient.telecom.memberOf('http://x')",
        ] {
            assert!(check_interpreted(bad).is_err(), "{bad}");
        }
        for good in [
            "Patient.name.where(use = 'now()' and (given.count() > 1)).family",
            "name.given.first() & ' ' & name.family.first()",
        ] {
            assert_eq!(check_interpreted(good), Ok(()), "{good}");
        }
    }
}
