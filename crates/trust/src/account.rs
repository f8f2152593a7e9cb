//! Who a request is: accounts, their passwords and tokens, and the lock after wrong passwords.
//!
//! An [`Account`] is what is stored; an [`Actor`] is what a request carries once somebody has shown a password or a
//! token. Passwords are kept as argon2id, tokens as their SM3 digest: a stolen data folder signs nobody in. The lock is
//! pure state — `now_ms` comes in, the new state stays in the account — so that `store` decides when it is written.

use std::collections::BTreeSet;
use std::fmt;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Home, TenantId};
use serde::{Deserialize, Serialize};
use sm3::{Digest, Sm3};
use subtle::ConstantTimeEq;

use crate::grants::Grants;
use crate::random;
use crate::secret::Secret;

/// Memory of one password check. 19 MiB with two passes is the floor that OWASP names for argon2id; more would let a
/// handful of simultaneous sign-ins push a township's 4 GiB machine into swap.
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSWORD_PASSES: u32 = 2;
/// Lanes: one, because sign-ins run beside record traffic and should take one core.
pub const PASSWORD_LANES: u32 = 1;
/// Shorter passwords are refused (GB/T 22239 level 3 asks for complexity; most assessors read it as 8, we take 10).
pub const PASSWORD_CHARACTERS_MIN: usize = 10;
/// From this length on, kinds of characters are not counted any more: a sentence is as good.
pub const PASSWORD_SENTENCE_CHARACTERS: usize = 20;
/// Longer ones are refused, so that hashing them cannot be used to keep the machine busy.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Wrong passwords in a row until the account is locked (GB/T 22239 level 3, L3-CES1-02: limit failed sign-ins).
pub const FAILURES_UNTIL_LOCK: u32 = 5;
/// How long the lock lasts: 15 minutes make guessing hopeless and still let a doctor work today.
pub const LOCK_MS: i64 = 15 * 60 * 1000;

/// What an account is for. 三员分立: the three administrators are separate, and none of them reads records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// 机器账号: a hospital system, a gateway, a benchmark.
    Machine,
    /// 临床医生.
    Clinician,
    /// 居民, about their own records.
    Resident,
    /// 系统管理员: creates, disables and unlocks accounts.
    SystemAdministrator,
    /// 安全管理员: gives and takes grants.
    SecurityAdministrator,
    /// 审计管理员: reads and verifies the audit log.
    AuditAdministrator,
    /// 平台运维: keeps the machine running.
    PlatformOperator,
    /// 机构管理员: answers for what an institution sends.
    InstitutionAdministrator,
    /// 家庭医生: a clinician with residents under contract.
    FamilyDoctor,
    /// 主索引管理员: decides who is who; sees demographics only.
    IndexAdministrator,
}

impl Role {
    /// Every role, in the order of the decision table.
    pub const ALL: [Self; 10] = [
        Self::Machine,
        Self::Clinician,
        Self::Resident,
        Self::SystemAdministrator,
        Self::SecurityAdministrator,
        Self::AuditAdministrator,
        Self::PlatformOperator,
        Self::InstitutionAdministrator,
        Self::FamilyDoctor,
        Self::IndexAdministrator,
    ];

    /// The word in the decision table, in stored accounts and on the command line.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Clinician => "clinician",
            Self::Resident => "resident",
            Self::SystemAdministrator => "system-administrator",
            Self::SecurityAdministrator => "security-administrator",
            Self::AuditAdministrator => "audit-administrator",
            Self::PlatformOperator => "platform-operator",
            Self::InstitutionAdministrator => "institution-administrator",
            Self::FamilyDoctor => "family-doctor",
            Self::IndexAdministrator => "index-administrator",
        }
    }

    /// What people read: Chinese, English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Machine => ("机器账号", "machine account"),
            Self::Clinician => ("临床医生", "clinician"),
            Self::Resident => ("居民", "resident"),
            Self::SystemAdministrator => ("系统管理员", "system administrator"),
            Self::SecurityAdministrator => ("安全管理员", "security administrator"),
            Self::AuditAdministrator => ("审计管理员", "audit administrator"),
            Self::PlatformOperator => ("平台运维", "platform operator"),
            Self::InstitutionAdministrator => ("机构管理员", "institution administrator"),
            Self::FamilyDoctor => ("家庭医生", "family doctor"),
            Self::IndexAdministrator => ("主索引管理员", "index administrator"),
        }
    }
}

/// A role that is not one of [`Role::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown role `{0}`; known: machine, clinician, resident, system-administrator, security-administrator, audit-administrator, platform-operator, institution-administrator, family-doctor, index-administrator"
)]
pub struct UnknownRole(pub String);

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.code() == code).ok_or_else(|| UnknownRole(code.to_owned()))
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too few characters.
    #[error("a password has at least {PASSWORD_CHARACTERS_MIN} characters")]
    TooShort,
    /// Too many bytes.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// Too plain.
    #[error(
        "use three of: small letters, capitals, digits, other characters — or at least {PASSWORD_SENTENCE_CHARACTERS} characters"
    )]
    TooPlain,
    /// The account's name is in it.
    #[error("a password must not contain the account's name")]
    ContainsName,
    /// Argon2 refused; no memory left.
    #[error("the password could not be hashed")]
    NotHashed,
}

/// An argon2id hash as PHC text (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`). It is stored, never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Checks the password against the rules and hashes it under a random salt. Takes about 20 ms.
    ///
    /// # Errors
    /// [`PasswordError`]: which rule it breaks.
    pub fn of(account_name: &str, password: &Secret<String>) -> Result<Self, PasswordError> {
        check_password_rules(account_name, password.expose())?;
        let salt: [u8; 16] = random::bytes();
        let hash = hasher()?
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|_| PasswordError::NotHashed)?;
        Ok(Self(hash.to_string()))
    }

    /// Whether this is the password. Parameters come from the stored text, so that older hashes go on working.
    #[must_use]
    pub fn matches(&self, password: &Secret<String>) -> bool {
        let password = password.expose().as_bytes();
        password.len() <= PASSWORD_BYTES_MAX
            && hasher().is_ok_and(|hasher| hasher.verify_password(password, self.0.as_str()).is_ok())
    }

    /// Spends the time of [`PasswordHash::matches`] and says no: for names that do not exist, so that time does not tell them apart.
    pub fn matches_nobody(password: &Secret<String>) -> bool {
        let salt = [0x4b; 16];
        let spent = hasher().ok().and_then(|hasher| {
            let length = password.expose().len().min(PASSWORD_BYTES_MAX);
            hasher.hash_password_with_salt(&password.expose().as_bytes()[..length], &salt).ok()
        });
        std::hint::black_box(spent);
        false
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let parameters = Params::new(PASSWORD_MEMORY_KIB, PASSWORD_PASSES, PASSWORD_LANES, None)
        .map_err(|_| PasswordError::NotHashed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn check_password_rules(account_name: &str, password: &str) -> Result<(), PasswordError> {
    let characters = password.chars().count();
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    if characters < PASSWORD_CHARACTERS_MIN {
        return Err(PasswordError::TooShort);
    }
    if !account_name.is_empty() && password.to_lowercase().contains(&account_name.to_lowercase()) {
        return Err(PasswordError::ContainsName);
    }
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_lowercase(),
        |c| c.is_uppercase(),
        |c| c.is_numeric(),
        |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric(),
    ];
    let used = kinds.iter().filter(|kind| password.chars().any(**kind)).count();
    let distinct = password.chars().collect::<BTreeSet<_>>().len();
    if (used < 3 && characters < PASSWORD_SENTENCE_CHARACTERS) || distinct < PASSWORD_CHARACTERS_MIN / 2 {
        return Err(PasswordError::TooPlain);
    }
    Ok(())
}

/// A bearer token: `km_` and 32 random bytes as base64url. It is shown once, when it is made; only its digest is stored.
#[derive(Clone)]
pub struct Token(Secret<String>);

/// Text that is not a token of this platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is `km_` followed by 43 base64url characters")]
pub struct TokenError;

impl Token {
    const PREFIX: &'static str = "km_";
    const RANDOM_BYTES: usize = 32;

    /// A new random token.
    #[must_use]
    pub fn generate() -> Self {
        let bytes: [u8; Self::RANDOM_BYTES] = random::bytes();
        Self(Secret::new(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Reads a token from an `Authorization` header or a configuration.
    ///
    /// # Errors
    /// [`TokenError`]; the text is not repeated in it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let random = text.strip_prefix(Self::PREFIX).ok_or(TokenError)?;
        let bytes = URL_SAFE_NO_PAD.decode(random).map_err(|_| TokenError)?;
        (bytes.len() == Self::RANDOM_BYTES).then(|| Self(Secret::new(text.to_owned()))).ok_or(TokenError)
    }

    /// The text, to be shown to its owner once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// SM3 of the text: what is stored and looked up. 256 random bits need no salt and no slow hash.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sm3::digest(self.0.expose().as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(km_***)")
    }
}

/// Somebody whom a resident acts for (代办): a child, an old parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// One of their registrations.
    pub registration: Home,
    /// Who they are to the resident: `child`, `parent`, `spouse`, `other`.
    pub relation: Relation,
    /// When it ends, for example on the eighteenth birthday; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// Who somebody is to the resident who acts for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "family words are their own documentation")]
pub enum Relation {
    Child,
    Parent,
    Spouse,
    Other,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 4] = [Self::Child, Self::Parent, Self::Spouse, Self::Other];

    /// The word on the command line and in JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Parent => "parent",
            Self::Spouse => "spouse",
            Self::Other => "other",
        }
    }
}

/// A stored account. `Debug` shows neither password hash nor token digest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The sign-in name, unique per tenant.
    pub name: String,
    /// What people read.
    pub display_name: String,
    /// What the account is for.
    pub role: Role,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// The institution it speaks for, as a local id of an Organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// The department (科室) that a clinician works in, as the institution's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The staff number (工号) that the institution's messages name a clinician by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_number: Option<String>,
    /// What it was given.
    #[serde(default)]
    pub grants: Grants,
    /// The registrations it is bound to: a resident's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub patients: BTreeSet<Home>,
    /// The registrations of family members whom a resident acts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<Proxy>,
    /// For sign-in at a screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHash>,
    /// [`Token::digest`] of its token.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "digest_text")]
    pub token_digest: Option<[u8; 32]>,
    /// Switched off by an administrator.
    #[serde(default)]
    pub disabled: bool,
    /// Wrong passwords since the last right one.
    #[serde(default)]
    pub failures: u32,
    /// No sign-in before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until_ms: Option<i64>,
}

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Right password.
    Granted,
    /// Wrong password, and how many tries are left.
    Wrong {
        /// Tries until the lock.
        tries_left: u32,
    },
    /// Too many wrong ones; nothing is checked until then.
    Locked {
        /// When the lock ends.
        until_ms: i64,
    },
    /// Switched off, or the account has no password.
    Refused,
}

impl Account {
    /// A new account without grants, password or token: nothing works until somebody gives it something.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role, tenant: TenantId) -> Self {
        let name = name.into();
        Self {
            display_name: name.clone(),
            name,
            role,
            tenant,
            institution: None,
            department: None,
            staff_number: None,
            grants: Grants::default(),
            patients: BTreeSet::new(),
            proxies: Vec::new(),
            password: None,
            token_digest: None,
            disabled: false,
            failures: 0,
            locked_until_ms: None,
        }
    }

    /// Who a request of this account is.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.name.clone(),
            role: self.role,
            tenant: self.tenant,
            institution: self.institution.clone(),
            department: self.department.clone(),
            staff_number: self.staff_number.clone(),
            grants: self.grants.clone(),
            patients: self.patients.clone(),
            proxies: self.proxies.clone(),
        }
    }

    /// Whether this is the account's token, in constant time, and the account is on.
    #[must_use]
    pub fn accepts_token(&self, token: &Token) -> bool {
        !self.disabled && self.token_digest.is_some_and(|digest| digest.ct_eq(&token.digest()).into())
    }

    /// Whether a password may be tried at all. Ask before hashing: a locked account must not cost 20 ms per try.
    ///
    /// # Errors
    /// [`Login::Refused`] or [`Login::Locked`].
    pub fn may_try(&self, now_ms: i64) -> Result<&PasswordHash, Login> {
        let (false, Some(password)) = (self.disabled, &self.password) else { return Err(Login::Refused) };
        match self.locked_until_ms {
            Some(until_ms) if now_ms < until_ms => Err(Login::Locked { until_ms }),
            _ => Ok(password),
        }
    }

    /// Takes note of a try that [`Account::may_try`] allowed. The caller stores the account when it changed.
    pub fn note_try(&mut self, matched: bool, now_ms: i64) -> Login {
        if matched {
            self.unlock();
            return Login::Granted;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_UNTIL_LOCK {
            let until_ms = now_ms.saturating_add(LOCK_MS);
            self.failures = 0;
            self.locked_until_ms = Some(until_ms);
            return Login::Locked { until_ms };
        }
        self.locked_until_ms = None;
        Login::Wrong { tries_left: FAILURES_UNTIL_LOCK - self.failures }
    }

    /// [`Account::may_try`], the password check, and [`Account::note_try`] in one.
    pub fn sign_in(&mut self, password: &Secret<String>, now_ms: i64) -> Login {
        match self.may_try(now_ms).map(|hash| hash.matches(password)) {
            Ok(matched) => self.note_try(matched, now_ms),
            Err(refused) => refused,
        }
    }

    /// Forgets wrong passwords and the lock.
    pub fn unlock(&mut self) {
        self.failures = 0;
        self.locked_until_ms = None;
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = |present: bool| if present { "***" } else { "none" };
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("tenant", &self.tenant)
            .field("institution", &self.institution)
            .field("grants", &self.grants.to_string())
            .field("patients", &self.patients.len())
            .field("password", &redacted(self.password.is_some()))
            .field("token_digest", &redacted(self.token_digest.is_some()))
            .field("disabled", &self.disabled)
            .field("failures", &self.failures)
            .field("locked_until_ms", &self.locked_until_ms)
            .finish_non_exhaustive()
    }
}

/// Who a request is, once it has shown a token or a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its tenant: the only one this request can reach.
    pub tenant: TenantId,
    /// The institution it speaks for.
    pub institution: Option<String>,
    /// The department that a clinician works in.
    pub department: Option<String>,
    /// The staff number of a clinician.
    pub staff_number: Option<String>,
    /// What it was given.
    pub grants: Grants,
    /// The registrations it is bound to: a resident's own, or those that a clinician has a ground for on this request.
    pub patients: BTreeSet<Home>,
    /// The registrations of family members whom a resident acts for.
    pub proxies: Vec<Proxy>,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("tenant", &self.tenant)
            .field("institution", &self.institution)
            .field("grants", &self.grants.to_string())
            .field("patients", &self.patients.len())
            .finish()
    }
}

/// A digest as 64 hexadecimal digits.
mod digest_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(digest: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
        digest.map(hex::encode).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let mut digest = [0; 32];
        hex::decode_to_slice(&text, &mut digest).map_err(serde::de::Error::custom)?;
        Ok(Some(digest))
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
