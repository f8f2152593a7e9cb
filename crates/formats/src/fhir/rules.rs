//! The rules that this room speaks for: a stable id, how bad a breach is, FHIR's issue type, and the sentence in both languages.

use model::Severity;

/// One rule of the reader or the validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable id, found in [`model::Issue::rule`].
    pub id: &'static str,
    /// How bad a breach is.
    pub severity: Severity,
    /// FHIR's `issue-type` code.
    pub issue_type: &'static str,
    /// The sentence in Chinese.
    pub zh: &'static str,
    /// The sentence in English.
    pub en: &'static str,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $kind:literal, $zh:literal, $en:literal;)*) => {
        $(pub(super) const $name: Rule =
            Rule { id: $id, severity: Severity::$severity, issue_type: $kind, zh: $zh, en: $en };)*
        const ALL: &[&Rule] = &[$(&$name,)*];
    };
}

rules! {
    TOO_LARGE = "json.too-large", Fatal, "too-long", "内容超过大小限制", "the content is larger than the limit";
    NOT_UTF8 = "json.not-utf8", Fatal, "structure", "内容不是 UTF-8 编码", "the content is not UTF-8";
    SYNTAX = "json.syntax", Fatal, "structure", "JSON 语法错误", "this is not JSON";
    TOO_DEEP = "json.too-deep", Fatal, "too-long", "嵌套层数过多", "nested too deeply";
    TRAILING_DATA = "json.trailing-data", Fatal, "structure", "JSON 之后还有多余内容", "something follows the JSON value";
    DUPLICATE_KEY = "json.duplicate-key", Error, "structure", "属性重复", "a property occurs twice in one object";
    NOT_AN_OBJECT = "fhir.not-an-object", Fatal, "structure", "资源必须是 JSON 对象", "a resource is a JSON object";
    RESOURCE_TYPE_MISSING = "fhir.resource-type.missing", Fatal, "required", "缺少 resourceType", "resourceType is missing";
    RESOURCE_TYPE_UNKNOWN = "fhir.resource-type.unknown", Error, "not-supported", "未知的资源类型", "this resource type is not known here";
    UNKNOWN_ELEMENT = "fhir.element.unknown", Error, "structure", "标准中没有该元素", "the standard has no such element here";
    EXPECTED_ARRAY = "fhir.shape.array", Error, "structure", "该元素可重复，必须写成数组", "this element repeats and is written as an array";
    UNEXPECTED_ARRAY = "fhir.shape.single", Error, "structure", "该元素不可重复，不能写成数组", "this element occurs once and is not an array";
    WRONG_KIND = "fhir.shape.kind", Error, "structure", "JSON 值的类型不对", "the JSON value is of another kind";
    EMPTY = "fhir.empty", Error, "structure", "对象、数组和文本不能为空", "objects, arrays and texts are never empty";
    NULL = "fhir.null", Error, "structure", "此处不允许 null", "null is not allowed here";
    EXTENSION_ARRAY = "fhir.primitive.array-length", Error, "structure", "数组与其扩展数组（_）长度不一致", "an array and its companion (_) differ in length";
    NO_VALUE = "fhir.primitive.no-value", Error, "structure", "元素既无值也无扩展", "the element has neither a value nor an extension";
    BAD_VALUE = "fhir.primitive.format", Error, "value", "值的格式不符合其数据类型", "the value does not have the form of its data type";
    CHOICE_TWICE = "fhir.choice.several", Error, "structure", "多选一元素只能出现一种类型", "a choice element occurs with one type only";
    MIN = "fhir.cardinality.min", Error, "required", "缺少必填元素", "a required element is missing";
    MAX = "fhir.cardinality.max", Error, "structure", "元素出现次数过多", "the element occurs too often";
    BINDING = "fhir.binding.required", Error, "code-invalid", "代码不在规定的值域内", "the code is not in the required value set";
    REFERENCE_FORM = "fhir.reference.form", Error, "value", "引用的写法不正确", "this is not the form of a reference";
    REFERENCE_TARGET = "fhir.reference.target", Error, "structure", "引用指向了不允许的资源类型", "the reference points to a type that is not allowed here";
    REFERENCE_CONTAINED = "fhir.reference.contained", Error, "not-found", "引用的内嵌资源不存在", "no contained resource has this id";
    INVARIANT = "fhir.invariant", Error, "invariant", "不满足标准规定的约束", "a constraint of the standard does not hold";
    INVARIANT_WARNING = "fhir.invariant.warning", Warning, "invariant", "不满足标准建议的约束", "a recommended constraint of the standard does not hold";
    TOO_MANY = "fhir.too-many-issues", Information, "incomplete", "问题过多，其余未列出", "there are more issues than are listed";
    PATCH_FORM = "patch.form", Error, "structure", "不是有效的 JSON Patch", "this is not a JSON Patch";
    PATCH_TOO_LONG = "patch.too-long", Error, "too-long", "补丁操作过多", "the patch has too many operations";
    PATCH_FAILED = "patch.failed", Error, "processing", "补丁无法应用", "the patch cannot be applied";
}

/// The rule with an id, if it is one of this room.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique() {
        let ids: HashSet<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
        assert_eq!(rule("json.syntax"), Some(&SYNTAX));
    }
}
