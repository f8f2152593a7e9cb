//! The table of errors: every refusal of the platform is one line here, with its code, HTTP status and both sentences.
//!
//! A room returns a [`Failure`] (a code, a detail for this case, and the issues found); `server` renders it, as
//! `OperationOutcome` on FHIR routes. `docs/ERRORS.md` is printed from [`ErrorCode::ALL`].

use crate::Issue;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $fhir:literal, $zh:literal, $en:literal;)*) => {
        /// What went wrong, as a stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, the same in logs, JSON and documentation.
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }
            /// FHIR's `issue-type` code.
            #[must_use]
            pub fn issue_type(self) -> &'static str { match self { $(Self::$name => $fhir,)* } }
            /// The sentence in Chinese.
            #[must_use]
            pub fn zh(self) -> &'static str { match self { $(Self::$name => $zh,)* } }
            /// The sentence in English.
            #[must_use]
            pub fn en(self) -> &'static str { match self { $(Self::$name => $en,)* } }
        }
    };
}

error_codes! {
    /// No bearer token, or one that is not known.
    NotSignedIn = "not-signed-in", 401, "login", "请先登录", "sign in first";
    /// The policy says no.
    Forbidden = "forbidden", 403, "forbidden", "无权执行此操作", "the policy does not allow this";
    /// No such resource, or none that this caller may see.
    NotFound = "not-found", 404, "not-found", "未找到该资源", "no such resource";
    /// The resource was deleted.
    Gone = "deleted", 410, "deleted", "该资源已删除", "the resource was deleted";
    /// This route does not have this method.
    MethodNotAllowed = "method-not-allowed", 405, "not-supported", "不支持该方法", "this method is not supported here";
    /// A media type that we do not write.
    NotAcceptable = "not-acceptable", 406, "not-supported", "不支持所请求的格式", "only JSON is written here";
    /// Two writers met and the second did not win after several tries.
    Conflict = "conflict", 409, "conflict", "并发修改冲突，请重试", "somebody else changed this at the same time; try again";
    /// `If-Match` names another version, or a conditional act met several matches.
    PreconditionFailed = "precondition-failed", 412, "conflict", "前提条件不满足", "the precondition does not hold";
    /// More than one resource matches a condition that must match one.
    MultipleMatches = "multiple-matches", 412, "multiple-matches", "条件匹配到多个资源", "more than one resource matches the condition";
    /// `If-Match` is needed and absent.
    PreconditionRequired = "precondition-required", 428, "required", "缺少 If-Match", "If-Match is required";
    /// Larger than the limit.
    TooLarge = "too-large", 413, "too-long", "请求超过大小限制", "the request is larger than the limit";
    /// A media type that we do not read.
    UnsupportedMediaType = "unsupported-media-type", 415, "not-supported", "不支持的内容类型", "this content type is not read here";
    /// Not JSON, or JSON that is not a FHIR resource.
    NotReadable = "not-readable", 400, "structure", "内容无法读取", "the content cannot be read";
    /// A search parameter, modifier or value that is not known.
    BadSearch = "bad-search", 400, "invalid", "检索条件有误", "the search is not understood";
    /// Understood, but not done here.
    NotSupported = "not-supported", 400, "not-supported", "暂不支持", "this is not supported here";
    /// The answer would cost more than the limit.
    TooCostly = "too-costly", 403, "too-costly", "检索范围过大，请缩小条件", "the search would cost too much; narrow it";
    /// The resource breaks a rule.
    Unprocessable = "unprocessable", 422, "processing", "内容不符合规则", "the content breaks a rule";
    /// A page link that this server did not make, or that is too old.
    BadPage = "bad-page", 400, "invalid", "分页标记无效", "this page link is not valid";
    /// Too many requests in flight.
    Busy = "busy", 429, "throttled", "系统繁忙，请稍后重试", "too busy; try again later";
    /// Not ready yet.
    NotReady = "not-ready", 503, "transient", "系统尚未就绪", "not ready yet";
    /// The disk is full: reads go on, writes do not.
    DiskFull = "disk-full", 507, "no-store", "存储空间不足，暂停写入", "the disk is full; reads go on, writes do not";
    /// Something that should not happen.
    Internal = "internal", 500, "exception", "内部错误", "internal error";
}

/// A refusal: which error, what about, and the issues that led to it.
///
/// The detail may name resource types, parameters, paths and ids; it never carries a value of a record.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", .code.code())]
pub struct Failure {
    /// Which error.
    pub code: ErrorCode,
    /// What about, in English, for the technician.
    pub detail: String,
    /// What led to it, if a reader or rule spoke.
    pub issues: Vec<Issue>,
}

impl Failure {
    /// A failure without issues.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), issues: Vec::new() }
    }

    /// The same failure with the issues that led to it.
    #[must_use]
    pub fn with_issues(mut self, issues: Vec<Issue>) -> Self {
        self.issues = issues;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
    }
}
