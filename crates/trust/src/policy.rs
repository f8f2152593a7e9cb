//! Who may: an explained decision table, and what follows from it for a query.
//!
//! The table is data (`policy/decisions.toml`): rules over role × interaction × purpose × type group, each with an id
//! and a sentence in Chinese and English. Compiled once, a decision is one array access and always names its rule.
//! Two questions: [`decide`] for a single act, [`scope`] for everything a plan may touch — a search cannot ask per hit
//! without leaking through totals and page sizes. The account's grants **and** the table must both allow.
//!
//! A table that cannot be compiled denies everything under the rule `table-broken`.

mod filter;
mod table;

use model::{ErrorCode, Failure, Purpose, TypeCode};
use serde::{Deserialize, Serialize};

pub use self::filter::{CONFIDENTIALITY_SYSTEM, Filter, Patients};
pub use self::table::{DutyRule, GroundKind, GroundRule, HideRule, Rule, duties, grounds, hidden, rules};
use crate::account::{Actor, Role};
use crate::grants::Interaction;

/// What must be done along with an act that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obligation {
    /// The request states a reason, which is written into its audit event; without one it is refused.
    StateReason,
    /// The audit event is marked for review.
    Review,
}

/// What was decided, by which rule, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub allow: bool,
    /// The id of the rule, as written into the audit log.
    pub rule: &'static str,
    /// Why, in Chinese.
    pub zh: &'static str,
    /// Why, in English.
    pub en: &'static str,
    /// What must be done along with it; empty when refused.
    pub obligations: &'static [Obligation],
}

impl Decision {
    /// The refusal, if it is one.
    ///
    /// # Errors
    /// [`Denied`] with rule and sentences.
    pub fn check(self) -> Result<Self, Denied> {
        if self.allow { Ok(self) } else { Err(Denied { rule: self.rule, zh: self.zh, en: self.en }) }
    }
}

/// A refusal with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {en} ({zh})")]
pub struct Denied {
    /// The rule that refused.
    pub rule: &'static str,
    /// Why, in Chinese.
    pub zh: &'static str,
    /// Why, in English.
    pub en: &'static str,
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::new(ErrorCode::Forbidden, denied.to_string())
    }
}

const fn no(rule: &'static str, zh: &'static str, en: &'static str) -> Decision {
    Decision { allow: false, rule, zh, en, obligations: &[] }
}

const NOT_GRANTED: Decision = no("not-granted", "账号未获得该项授权", "the account was not granted this");
const UNKNOWN_TYPE: Decision = no("unknown-type", "本平台不提供该资源类型", "this resource type is not served here");
const TABLE_BROKEN: Decision =
    no("table-broken", "决策表损坏，一律拒绝", "the decision table is broken: everything is refused");
const NO_RULE: Decision = no("no-rule", "没有规则允许此操作", "no rule allows this");
const NOT_ONE_SELF: Decision =
    no("not-about-oneself", "管理员不能管理自己的账号", "administrators do not administer themselves");

/// Whether an actor may do this to resources of this type for this purpose.
#[must_use]
pub fn decide(actor: &Actor, interaction: Interaction, type_name: &str, purpose: Purpose) -> Decision {
    let Ok(type_code) = TypeCode::of(type_name) else { return UNKNOWN_TYPE };
    decide_code(actor, interaction, type_code, purpose)
}

/// As [`decide`], for a type that is already a code.
#[must_use]
pub fn decide_code(actor: &Actor, interaction: Interaction, type_code: TypeCode, purpose: Purpose) -> Decision {
    let decision = table::cell(actor.role, interaction, type_code, purpose);
    if decision.allow && !actor.grants.allows_code(type_code, interaction) {
        return NOT_GRANTED;
    }
    decision
}

/// What an actor may see for this purpose, as a filter that enters every plan.
///
/// # Errors
/// [`Denied`] when the actor may do nothing at all to any type; an actor who may only write gets a filter that shows nothing.
pub fn scope(actor: &Actor, purpose: Purpose) -> Result<Filter, Denied> {
    Filter::of(actor, purpose)
}

/// Whether an actor sees a person only on a ground: a visit, a contract, an own record, an emergency.
#[must_use]
pub fn needs_ground(actor: &Actor) -> bool {
    !actor.grants.opens_any_person() && table::grounds().iter().any(|rule| rule.roles.contains(&actor.role))
}

/// The grounds that count for a role and a purpose.
pub fn grounds_for(role: Role, purpose: Purpose) -> impl Iterator<Item = &'static GroundRule> {
    table::grounds().iter().filter(move |rule| rule.roles.contains(&role) && rule.purposes.contains(&purpose))
}

/// [`NO_GROUND`] as a decision, for the audit log.
#[must_use]
pub fn no_ground() -> Decision {
    no(NO_GROUND.rule, NO_GROUND.zh, NO_GROUND.en)
}

/// The refusal of somebody without a ground.
pub const NO_GROUND: Denied = Denied {
    rule: "no-ground",
    zh: "没有调阅依据：患者当前不在您处就诊，也没有签约；确属急救的，可发起紧急调阅",
    en: "no ground: the person is not being seen by you and has no contract with you; in an emergency, open an emergency access",
};

/// Work outside FHIR that a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Create, disable, unlock accounts; renew passwords and tokens.
    ManageAccounts,
    /// Give and take grants.
    AssignGrants,
    /// See grants and the decision table.
    ReadPolicy,
    /// Read and verify the audit log.
    ReadAuditLog,
    /// See who looked at one's own record.
    ReadOwnAccessLog,
    /// Metrics, backups, checkpoints.
    OperatePlatform,
    /// Deliver messages of a source.
    SendMessages,
    /// See receipts, counts and findings, with values masked.
    SeeReceipts,
    /// Open what was set aside (问题数据) and the originals of one's own institution, and release it.
    OpenProblems,
    /// Find a person by an exact number, or name and birth date, without seeing the record (for an emergency).
    FindPerson,
    /// Open an emergency access (紧急调阅).
    OpenEmergency,
    /// Review emergency accesses.
    ReviewEmergencies,
    /// Answer objections (异议) to records of the own institution.
    AnswerObjections,
    /// Object to a record of one's own.
    Object,
    /// Lists of one's own contracted residents.
    SeeContracts,
    /// See who else looked at a person whom one may see.
    SeeWhoLooked,
    /// Ask why the policy decides as it does.
    ExplainPolicy,
    /// Decide who is who: the queue of the identity engine, merge, split, undo (主索引管理).
    DecideIdentity,
}

impl Duty {
    /// Every duty; the table has one row for each.
    pub const ALL: [Self; 18] = [
        Self::ManageAccounts,
        Self::AssignGrants,
        Self::ReadPolicy,
        Self::ReadAuditLog,
        Self::ReadOwnAccessLog,
        Self::OperatePlatform,
        Self::SendMessages,
        Self::SeeReceipts,
        Self::OpenProblems,
        Self::FindPerson,
        Self::OpenEmergency,
        Self::ReviewEmergencies,
        Self::AnswerObjections,
        Self::Object,
        Self::SeeContracts,
        Self::SeeWhoLooked,
        Self::ExplainPolicy,
        Self::DecideIdentity,
    ];

    /// The id of its row.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ManageAccounts => "manage-accounts",
            Self::AssignGrants => "assign-grants",
            Self::ReadPolicy => "read-policy",
            Self::ReadAuditLog => "read-audit-log",
            Self::ReadOwnAccessLog => "read-own-access-log",
            Self::OperatePlatform => "operate-platform",
            Self::SendMessages => "send-messages",
            Self::SeeReceipts => "see-receipts",
            Self::OpenProblems => "open-problems",
            Self::FindPerson => "find-person",
            Self::OpenEmergency => "open-emergency",
            Self::ReviewEmergencies => "review-emergencies",
            Self::AnswerObjections => "answer-objections",
            Self::Object => "object",
            Self::SeeContracts => "see-contracts",
            Self::SeeWhoLooked => "see-who-looked",
            Self::ExplainPolicy => "explain-policy",
            Self::DecideIdentity => "decide-identity",
        }
    }
}

/// Whether an actor may do a duty; `about` is the name of the account that it is done to, if it is about one.
#[must_use]
pub fn may(actor: &Actor, duty: Duty, about: Option<&str>) -> Decision {
    let Some(rule) = table::duty(duty) else { return TABLE_BROKEN };
    if rule.not_about_self && about == Some(actor.name.as_str()) {
        return NOT_ONE_SELF;
    }
    Decision { allow: rule.roles.contains(&actor.role), rule: &rule.id, zh: &rule.zh, en: &rule.en, obligations: &[] }
}

/// The purpose of a request that names none.
#[must_use]
pub fn usual_purpose(role: Role) -> Purpose {
    match role {
        Role::Clinician | Role::FamilyDoctor => Purpose::Treatment,
        Role::Resident => Purpose::PersonRequest,
        Role::Machine
        | Role::SystemAdministrator
        | Role::SecurityAdministrator
        | Role::AuditAdministrator
        | Role::PlatformOperator
        | Role::InstitutionAdministrator
        | Role::IndexAdministrator => Purpose::Operations,
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
