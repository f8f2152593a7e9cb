//! What each request of an administrator does to the store. Each writes one audit event, also when it is refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use model::{Clock, TenantId};
use store::{Store, StoreError};
use trust::{
    Account, AuditAction, AuditEvent, Grants, Outcome, PasswordHash, Proxy, Relation, Role, Secret, TenantKeys, Token,
};

use super::{AccountLine, Password, Reply, Request, search_parameters, tenant, verify};
use crate::folder::{home_of, read_key};

/// Who an administrator on the machine is, in the audit log: whoever may read the key file.
const ACTOR: &str = "local-administrator";

/// Does what is asked.
pub fn apply(store: &Arc<Store>, clock: Arc<dyn Clock>, request: &Request) -> Reply {
    let (_, number, _) = subject(request);
    let noting = Arc::clone(&clock);
    let result = match request {
        Request::VerifyStore => verify::verify(store, clock).map(Reply::Findings),
        Request::AddSearchParameter { .. }
        | Request::RetireSearchParameter { .. }
        | Request::ListSearchParameters { .. } => search_parameters::in_folder(store, clock, request),
        Request::AcceptKey { key_file, new_key_file } => accept_key(store, key_file, new_key_file),
        Request::RenewKeys { key_file } => renew_keys(store, key_file),
        // The platform's own log can be proven like any other.
        Request::VerifyAudit { .. } | Request::Checkpoint { .. } => act(store, TenantId(number), request),
        request => tenant(number).and_then(|tenant| act(store, tenant, request)),
    };
    noted(store, &*noting, request, result)
}

/// Writes down what was asked and whether it was done.
pub(super) fn noted(store: &Store, clock: &dyn Clock, request: &Request, result: Result<Reply, String>) -> Reply {
    let (action, number, about) = subject(request);
    let at_ms = clock.now_ms();
    let outcome = if result.is_ok() { Outcome::Success } else { Outcome::Refused };
    let mut event = AuditEvent::new(at_ms, format!("admin-{at_ms:x}"), TenantId(number), action, outcome);
    ACTOR.clone_into(&mut event.actor);
    "kangmai admin".clone_into(&mut event.route);
    event.detail = about;
    if let Err(error) = store.audit().append(&event) {
        tracing::error!(%error, "the audit event of an administrator's act cannot be written");
        return Reply::Refused(format!("done or not, the audit log cannot be written: {error}"));
    }
    result.unwrap_or_else(Reply::Refused)
}

fn subject(request: &Request) -> (AuditAction, u32, Option<String>) {
    match request {
        Request::Machine { name, tenant, .. } => (AuditAction::TokenIssued, *tenant, Some(name.clone())),
        Request::Account { name, tenant, .. } => (AuditAction::AccountCreated, *tenant, Some(name.clone())),
        Request::Source { source, tenant } => (AuditAction::AccountCreated, *tenant, Some(source.account.clone())),
        Request::Disable { name, tenant } => (AuditAction::AccountChanged, *tenant, Some(name.clone())),
        Request::LaunchKey { tenant, institution } => {
            (AuditAction::TokenIssued, *tenant, Some(format!("launch key of {institution}")))
        }
        Request::List { tenant } => (AuditAction::AuditRead, *tenant, Some("accounts".to_owned())),
        Request::AddSearchParameter { tenant, definition } => {
            (AuditAction::SearchParameterChanged, *tenant, search_parameters::name_in(definition))
        }
        Request::RetireSearchParameter { tenant, name } => {
            (AuditAction::SearchParameterChanged, *tenant, Some(format!("retire {name}")))
        }
        Request::ListSearchParameters { tenant } => {
            (AuditAction::AuditRead, *tenant, Some("search parameters".to_owned()))
        }
        Request::Checkpoint { tenant } => (AuditAction::CheckpointSigned, *tenant, None),
        Request::VerifyAudit { tenant, .. } => (AuditAction::AuditRead, *tenant, Some("verify".to_owned())),
        Request::AcceptKey { .. } => (AuditAction::KeysRenewed, 0, Some("a new key is accepted".to_owned())),
        Request::RenewKeys { .. } => (AuditAction::KeysRenewed, 0, Some("the old key is refused".to_owned())),
        Request::Reindex | Request::ReindexStanding => (AuditAction::IndexRebuilt, 0, None),
        Request::VerifyStore => (AuditAction::AuditRead, 0, Some("verify the folder".to_owned())),
        Request::Backup { tenant, .. } => (AuditAction::BackupMade, *tenant, None),
    }
}

fn act(store: &Arc<Store>, tenant: TenantId, request: &Request) -> Result<Reply, String> {
    match request {
        Request::Machine { name, scope, renew, .. } => machine(store, tenant, name, scope, *renew),
        Request::Source { source, .. } => register(store, tenant, source),
        Request::Account {
            name,
            display_name,
            role,
            institution,
            department,
            staff_number,
            scope,
            patients,
            proxies,
            password,
            ..
        } => {
            let role: Role = role.parse().map_err(|error| format!("{error}"))?;
            let mut account = Account::new(name.clone(), role, tenant);
            account.institution.clone_from(institution);
            account.department.clone_from(department);
            account.staff_number.clone_from(staff_number);
            if let Some(display_name) = display_name {
                account.display_name.clone_from(display_name);
            }
            account.grants = grants(scope.as_deref().unwrap_or_else(|| usual_scope(role)))?;
            let keys = store.tenant(tenant);
            account.patients = patients.iter().map(|id| home_of(&keys, id)).collect::<BTreeSet<_>>();
            account.proxies = proxies.iter().map(|text| proxy(&keys, text)).collect::<Result<_, _>>()?;
            new_account(store, account, password.as_ref())
        }
        Request::Disable { name, .. } => match store.accounts().update(tenant, name, |it| it.disabled = true) {
            Ok(Some(_)) => Ok(Reply::Done),
            Ok(None) => Err(format!("tenant {} has no account `{name}`", tenant.0)),
            Err(error) => Err(words(&error)),
        },
        Request::LaunchKey { institution, .. } => {
            Ok(Reply::Secret(crate::api::launch::key_of(store, tenant, institution)))
        }
        Request::List { .. } => {
            let accounts = store.accounts().list(tenant).map_err(|error| words(&error))?;
            Ok(Reply::Accounts(accounts.iter().map(line).collect()))
        }
        Request::Checkpoint { .. } => match store.audit().checkpoint(tenant).map_err(|error| words(&error))? {
            Some(checkpoint) => Ok(Reply::Text(checkpoint.to_string())),
            None => Err(format!("the audit log of tenant {} is empty", tenant.0)),
        },
        Request::VerifyAudit { anchor, .. } => verify_audit(store, tenant, anchor.as_deref()),
        Request::VerifyStore
        | Request::Reindex
        | Request::ReindexStanding
        | Request::AcceptKey { .. }
        | Request::AddSearchParameter { .. }
        | Request::RetireSearchParameter { .. }
        | Request::ListSearchParameters { .. }
        | Request::RenewKeys { .. } => Err("this concerns no single tenant".to_owned()),
        Request::Backup { directory, .. } => {
            let manifest = store::backup::backup(store, directory).map_err(|error| error.to_string())?;
            Ok(Reply::Text(format!("{} files", manifest.files.len())))
        }
    }
}

fn accept_key(store: &Store, key_file: &Path, new_key_file: &Path) -> Result<Reply, String> {
    let read = |file| read_key(file).map_err(|error| error.to_string());
    store.accept_also(&read(key_file)?, &read(new_key_file)?).map_err(|error| words(&error))?;
    Ok(Reply::Done)
}

fn renew_keys(store: &Store, key_file: &Path) -> Result<Reply, String> {
    let key = read_key(key_file).map_err(|error| error.to_string())?;
    store.renew(&key).map_err(|error| words(&error))?;
    let wrapped = store.rewrap(&mut |_| true).map_err(|error| words(&error))?;
    Ok(Reply::Text(format!("the old key is refused; {wrapped} keys were wrapped anew")))
}

/// What the account of a source may do: write whatever its messages say, and read nothing.
const SOURCE_SCOPE: &str = "system/*.cu";

fn register(store: &Arc<Store>, tenant: TenantId, source: &intake::Source) -> Result<Reply, String> {
    intake::Sources::new(Arc::clone(store)).put(tenant, source.clone()).map_err(|error| error.to_string())?;
    let known = store.accounts().by_name(tenant, &source.account).map_err(|error| words(&error))?;
    match known {
        Some(_) => Ok(Reply::Done),
        None => machine(store, tenant, &source.account, SOURCE_SCOPE, false),
    }
}

fn machine(store: &Store, tenant: TenantId, name: &str, scope: &str, renew: bool) -> Result<Reply, String> {
    check_name(name)?;
    let token = Token::generate();
    let grants = grants(scope)?;
    let accounts = store.accounts();
    let found = accounts.by_name(tenant, name).map_err(|error| words(&error))?;
    match found {
        Some(account) if account.role != Role::Machine => return Err(format!("`{name}` is not a machine account")),
        Some(_) if !renew => {
            return Err(format!(
                "tenant {} has a machine account `{name}` already; --renew gives it a new token",
                tenant.0
            ));
        }
        Some(_) => {
            let renewed = accounts.update(tenant, name, |account| {
                account.grants = grants.clone();
                account.token_digest = Some(token.digest());
                account.disabled = false;
            });
            renewed.map_err(|error| words(&error))?;
        }
        None => {
            let mut account = Account::new(name, Role::Machine, tenant);
            account.grants = grants;
            account.token_digest = Some(token.digest());
            accounts.put(&account).map_err(|error| words(&error))?;
        }
    }
    Ok(Reply::Secret(token.expose().to_owned()))
}

/// `PATIENT-ID:RELATION[:YYYY-MM-DD]`; the day is the first on which it no longer holds, in China.
fn proxy(keys: &TenantKeys, text: &str) -> Result<Proxy, String> {
    let how = || format!("`{text}`: a proxy is PATIENT-ID:child|parent|spouse|other, with :YYYY-MM-DD when it ends");
    let mut parts = text.split(':');
    let registration = parts.next().filter(|id| !id.is_empty()).map(|id| home_of(keys, id)).ok_or_else(how)?;
    let word = parts.next().ok_or_else(how)?;
    let relation = Relation::ALL.into_iter().find(|relation| relation.code() == word).ok_or_else(how)?;
    let until_ms = match parts.next() {
        None => None,
        Some(day) => Some(model::china::begin_of_text_ms(day).ok_or_else(how)?),
    };
    if parts.next().is_some() { Err(how()) } else { Ok(Proxy { registration, relation, until_ms }) }
}

fn new_account(store: &Store, mut account: Account, password: Option<&Password>) -> Result<Reply, String> {
    check_name(&account.name)?;
    if account.role == Role::Machine {
        return Err("a machine account has a token, not a password; use `kangmai admin machine`".to_owned());
    }
    if store.accounts().by_name(account.tenant, &account.name).map_err(|error| words(&error))?.is_some() {
        return Err(format!("tenant {} has an account `{}` already", account.tenant.0, account.name));
    }
    let generated = generated_password();
    let chosen = password.map_or_else(|| generated.clone(), |password| password.0.clone());
    let hash = PasswordHash::of(&account.name, &Secret::new(chosen)).map_err(|error| error.to_string())?;
    account.password = Some(hash);
    store.accounts().put(&account).map_err(|error| words(&error))?;
    Ok(if password.is_some() { Reply::Done } else { Reply::Secret(generated) })
}

/// Sixteen characters of a random token between two signs: about 96 random bits, and of three kinds by construction.
fn generated_password() -> String {
    let token = Token::generate();
    let random: String = token.expose().chars().skip(3).filter(char::is_ascii_alphanumeric).take(16).collect();
    format!("Km7-{random}")
}

fn verify_audit(store: &Store, tenant: TenantId, anchor: Option<&str>) -> Result<Reply, String> {
    let anchor = anchor.map(trust::SignedCheckpoint::parse).transpose();
    let anchor = anchor.map_err(|error| format!("the anchor is not a checkpoint: {error}"))?;
    let verdict = store.audit().verify(tenant, anchor.as_ref()).map_err(|error| words(&error))?;
    Ok(Reply::Verdict {
        events: verdict.size,
        checkpoints: verdict.checkpoints,
        proven: verdict.proven,
        findings: verdict.findings.iter().map(ToString::to_string).collect(),
    })
}

fn grants(scope: &str) -> Result<Grants, String> {
    scope.parse().map_err(|error| format!("{error}"))
}

/// What a role usually needs; the decision table narrows it further.
fn usual_scope(role: Role) -> &'static str {
    match role {
        Role::Clinician | Role::FamilyDoctor => "user/*.rs",
        Role::Resident => "patient/*.rs",
        Role::AuditAdministrator => "user/AuditEvent.rs",
        Role::Machine | Role::SystemAdministrator | Role::SecurityAdministrator | Role::PlatformOperator => "",
        Role::IndexAdministrator => "user/Patient.rs user/Person.rs user/RelatedPerson.rs user/Organization.rs",
        Role::InstitutionAdministrator => {
            "user/Organization.rs user/Practitioner.rs user/PractitionerRole.rs user/Location.rs user/Medication.rs"
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_good = (1..=64).contains(&name.chars().count())
        && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '-' | '_' | '.' | '@'));
    if is_good { Ok(()) } else { Err("a name has 1 to 64 letters, digits, or - _ . @".to_owned()) }
}

fn line(account: &Account) -> AccountLine {
    AccountLine {
        name: account.name.clone(),
        display_name: account.display_name.clone(),
        role: account.role.code().to_owned(),
        tenant: account.tenant.0,
        scope: account.grants.to_string(),
        disabled: account.disabled,
    }
}

fn words(error: &StoreError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_taken() {
        for _ in 0..5 {
            assert!(PasswordHash::of("doctor", &Secret::new(generated_password())).is_ok());
        }
    }

    #[test]
    fn names_are_names() {
        assert!(check_name("his-1.ward@east").is_ok());
        assert!(check_name("王医生").is_ok());
        for bad in ["", "a b", "a/b", "a\n"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
