//! What is written down about every request: who, as what, why, what they did, and whose records they saw.
//!
//! One event per request. It names registrations and parameter *names*, never a value of a record, a search value, a
//! password or a token: the audit log may be read by people who may not read records. [`AuditAction::ALL`] is the table
//! that `docs/AUDIT_EVENTS.md` is printed from. `store` seals an event, appends it to the log, and hashes the sealed
//! bytes into the Merkle tree: their random nonce is the salt that keeps small events from being guessed from a hash.

use model::{Home, Purpose, TenantId};
use serde::{Deserialize, Serialize};

use crate::account::Role;

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $fhir:literal, $discloses:literal, $zh:literal, $en:literal;)*) => {
        /// What was done. The list only grows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum AuditAction { $($(#[$doc])* #[serde(rename = $code)] $name,)* }

        impl AuditAction {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code in the log.
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// FHIR's `audit-event-action`: C, R, U, D or E.
            #[must_use]
            pub fn fhir_action(self) -> char { match self { $(Self::$name => $fhir,)* } }
            /// Whether the event lists the registrations whose content went out or came in.
            #[must_use]
            pub fn lists_registrations(self) -> bool { match self { $(Self::$name => $discloses,)* } }
            /// What it means, in Chinese.
            #[must_use]
            pub fn zh(self) -> &'static str { match self { $(Self::$name => $zh,)* } }
            /// What it means, in English.
            #[must_use]
            pub fn en(self) -> &'static str { match self { $(Self::$name => $en,)* } }
        }
    };
}

audit_actions! {
    /// One resource.
    Read = "read", 'R', true, "读取一个资源", "one resource was read";
    /// One version of a resource.
    VersionRead = "vread", 'R', true, "读取一个资源的某一版本", "one version of a resource was read";
    /// The versions of one resource, a type or all.
    History = "history", 'R', true, "查看版本历史", "a history was read";
    /// Resources by a condition.
    Search = "search", 'R', true, "检索资源；只记参数名，不记参数值", "resources were searched; parameter names are kept, values are not";
    /// The whole record of a person.
    Everything = "everything", 'R', true, "调阅一份登记的全部记录", "everything of a registration was read";
    /// A new resource.
    Create = "create", 'C', true, "新建资源", "a resource was created";
    /// A new version.
    Update = "update", 'U', true, "更新资源", "a resource was updated";
    /// A new version by a patch.
    Patch = "patch", 'U', true, "局部修改资源", "a resource was patched";
    /// A resource was deleted.
    Delete = "delete", 'D', true, "删除资源（旧版本仍保留）", "a resource was deleted (its versions stay)";
    /// All or nothing.
    Transaction = "transaction", 'E', true, "事务：全部成功或全部不做", "a transaction: all or nothing";
    /// One after the other.
    Batch = "batch", 'E', true, "批处理：逐条执行", "a batch: one by one";
    /// Checked, not stored.
    Validate = "validate", 'E', false, "校验内容，不保存", "content was validated, nothing stored";
    /// A file or bundle taken in.
    Import = "import", 'C', true, "批量导入", "a file was taken in";
    /// A message of a source taken in.
    MessageReceived = "message-received", 'C', true, "接收报送的数据", "a message of a source was taken in";
    /// An original given out.
    OriginalRead = "original-read", 'R', true, "查看原始报文", "an original message was read";
    /// Set-aside data opened, closed or released.
    ProblemHandled = "problem-handled", 'U', true, "处理问题数据", "set-aside data were opened, closed or released";
    /// Registrations that may be somebody who was described, or the other numbers of one.
    Matched = "matched", 'R', true, "患者匹配或标识交叉查询", "somebody was looked up in the identity index";
    /// Who is who was decided by a person.
    IdentityDecided = "identity-decided", 'U', true, "人工核实身份：合并、拆分、撤销或答复", "a person merged, split, took back or answered a question of the identity engine";
    /// A file given out.
    Export = "export", 'R', true, "批量导出", "a file was given out";
    /// Signed in.
    SignIn = "sign-in", 'E', false, "登录", "somebody signed in, or tried to";
    /// Signed out.
    SignOut = "sign-out", 'E', false, "退出登录", "somebody signed out";
    /// A lock after wrong passwords.
    AccountLocked = "account-locked", 'E', false, "多次密码错误，账号锁定", "an account was locked after wrong passwords";
    /// A lock taken off.
    AccountUnlocked = "account-unlocked", 'U', false, "管理员解锁账号", "an administrator unlocked an account";
    /// A new account.
    AccountCreated = "account-created", 'C', false, "新建账号", "an account was created";
    /// Switched on or off, renamed.
    AccountChanged = "account-changed", 'U', false, "修改或停用账号", "an account was changed or switched off";
    /// Grants given or taken.
    GrantsChanged = "grants-changed", 'U', false, "授予或收回权限", "grants were given or taken";
    /// A new password.
    PasswordChanged = "password-changed", 'U', false, "修改密码", "a password was changed";
    /// A new token.
    TokenIssued = "token-issued", 'C', false, "签发访问令牌", "a token was issued";
    /// A token withdrawn.
    TokenWithdrawn = "token-withdrawn", 'D', false, "作废访问令牌", "a token was withdrawn";
    /// The audit log itself was read.
    AuditRead = "audit-read", 'R', false, "查阅审计日志", "the audit log was read";
    /// An emergency access was opened.
    EmergencyOpened = "emergency-opened", 'E', true, "发起紧急调阅", "an emergency access was opened";
    /// An emergency access was reviewed.
    EmergencyReviewed = "emergency-reviewed", 'U', true, "复核紧急调阅", "an emergency access was reviewed";
    /// A resident objected to a record.
    ObjectionMade = "objection-made", 'C', true, "居民提出异议", "a resident objected to a record";
    /// An institution answered an objection.
    ObjectionAnswered = "objection-answered", 'U', true, "机构答复异议", "an institution answered an objection";
    /// The policy was asked to explain itself.
    PolicyExplained = "policy-explained", 'R', false, "解释权限决定", "the policy explained a decision";
    /// A resident saw who looked.
    AccessLogRead = "access-log-read", 'R', true, "居民查看本人记录的查阅情况", "a resident saw who looked at the record";
    /// A signed checkpoint was made.
    CheckpointSigned = "checkpoint-signed", 'E', false, "签署审计检查点", "a checkpoint of the audit log was signed";
    /// The body key of a registration was destroyed.
    RegistrationErased = "registration-erased", 'D', true, "销毁一份登记的密钥，内容不可恢复", "the key of a registration was destroyed; its content is gone";
    /// A backup was made.
    BackupMade = "backup-made", 'E', false, "生成备份", "a backup was made";
    /// The master key and the keys under it were renewed.
    KeysRenewed = "keys-renewed", 'E', false, "更换主密钥并重新封装各登记的密钥", "the master key was renewed, and keys were wrapped anew";
    /// A damaged write-ahead log was opened up to the damage.
    LogRepaired = "log-repaired", 'E', false, "打开受损的预写日志（损坏之后的内容未恢复）", "a damaged write-ahead log was opened up to the damage";
    /// The search index was built anew.
    IndexRebuilt = "index-rebuilt", 'E', false, "重建检索索引", "the search index was built anew";
    /// A custom search parameter was added or retired.
    SearchParameterChanged = "search-parameter-changed", 'U', false, "增加或停用自定义检索参数", "a custom search parameter was added or retired";
    /// The platform came up.
    ServiceStarted = "service-started", 'E', false, "服务启动", "the service started";
    /// The platform went down in order.
    ServiceStopped = "service-stopped", 'E', false, "服务正常停止", "the service stopped in order";
    /// No token, a wrong one, or an account that is off.
    NotSignedIn = "not-signed-in", 'E', false, "未登录或凭证无效的请求", "a request without a valid sign-in";
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Success,
    /// The policy or the sign-in said no.
    Denied,
    /// Refused for what the request was: not found, not valid, too large, in conflict.
    Refused,
    /// Failed on our side.
    Failed,
}

impl Outcome {
    /// FHIR's `audit-event-outcome`: 0 success, 4 minor failure, 8 serious failure.
    #[must_use]
    pub fn fhir_outcome(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::Denied | Self::Refused => "4",
            Self::Failed => "8",
        }
    }
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The request's id, as in logs and in the `X-Request-Id` header.
    pub request_id: String,
    /// Whose data.
    pub tenant: TenantId,
    /// The account's name; empty when nobody was signed in.
    pub actor: String,
    /// Its role, if somebody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The institution it spoke for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// What was done.
    pub action: AuditAction,
    /// The route as a template or a resource type (`/fhir/R4/{type}/{id}`, `Patient`), never with an id in it.
    pub route: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The policy rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// On what ground a certain person was looked at: the id of its row, and what it was found in (`active-visit Encounter/…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// The registrations whose content went out or came in; the log is indexed by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disclosed: Vec<Home>,
    /// How many resources.
    #[serde(default)]
    pub resources: u64,
    /// The *names* of the query parameters, never their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The reason that the caller stated (for [`crate::Obligation::StateReason`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// To be reviewed (for [`crate::Obligation::Review`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub review: bool,
    /// A word for the technician: an error code, an account that was changed. No values of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl AuditEvent {
    /// An event with the parts that every event has; the rest is empty.
    #[must_use]
    pub fn new(
        at_ms: i64,
        request_id: impl Into<String>,
        tenant: TenantId,
        action: AuditAction,
        outcome: Outcome,
    ) -> Self {
        Self {
            at_ms,
            request_id: request_id.into(),
            tenant,
            actor: String::new(),
            role: None,
            institution: None,
            purpose: None,
            action,
            route: String::new(),
            outcome,
            status: None,
            rule: None,
            ground: None,
            disclosed: Vec::new(),
            resources: 0,
            parameters: Vec::new(),
            remote: None,
            reason: None,
            review: false,
            detail: None,
        }
    }

    /// The same event, by this actor for this purpose.
    #[must_use]
    pub fn by(mut self, actor: &crate::Actor, purpose: Purpose) -> Self {
        self.actor.clone_from(&actor.name);
        self.role = Some(actor.role);
        self.institution.clone_from(&actor.institution);
        self.purpose = Some(purpose);
        self
    }

    /// The same event, with the rule that decided and what it obliges to.
    #[must_use]
    pub fn decided(mut self, decision: &crate::Decision) -> Self {
        self.rule = Some(decision.rule.to_owned());
        self.review |= decision.obligations.contains(&crate::Obligation::Review);
        self
    }
}

/// At most this many names are kept of one query: no honest search has more.
const PARAMETER_NAMES_MAX: usize = 32;
/// The longest name that is kept, e.g. `_has:Observation:patient:code`, which has 29 characters.
const PARAMETER_NAME_BYTES_MAX: usize = 100;

/// The parameter names of a raw query string, for [`AuditEvent::parameters`]. What does not look like a search
/// parameter (somebody may have written a name or an identity number there) becomes `(other)`.
#[must_use]
pub fn parameter_names(query: &str) -> Vec<String> {
    let is_plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ':' | '.');
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        // Chained names may be percent-encoded; the colon is the only character that they need for it.
        let name = name.replace("%3A", ":").replace("%3a", ":");
        let is_kept = !name.is_empty() && name.len() <= PARAMETER_NAME_BYTES_MAX && name.chars().all(is_plain);
        if is_kept { name } else { "(other)".to_owned() }
    });
    names.take(PARAMETER_NAMES_MAX).collect()
}

/// The table of events as Markdown: the body of `docs/AUDIT_EVENTS.md`.
#[must_use]
pub fn events_markdown() -> String {
    let mut page = String::from("| code | FHIR | registrations listed | 含义 | meaning |\n|---|---|---|---|---|\n");
    for action in AuditAction::ALL {
        let listed = if action.lists_registrations() { "yes" } else { "–" };
        let (code, fhir, zh, en) = (action.code(), action.fhir_action(), action.zh(), action.en());
        page.push_str(&format!("| `{code}` | {fhir} | {listed} | {zh} | {en} |\n"));
    }
    page
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
