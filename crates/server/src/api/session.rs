//! Sign-in by name and password, and the session that follows.

use axum::http::StatusCode;
use model::{ErrorCode, Failure, TenantId, instant_text};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{Account, Actor, AuditAction, Login, PasswordHash, Secret};

use super::body;
use super::lookup::Institutions;
use crate::answer::{Answer, Outcome};
use crate::caller::{self, store_failure};
use crate::sessions::IDLE_MS_MAX;
use crate::visit::Visit;

/// The tenant of a sign-in that names none: most installations have one.
const USUAL_TENANT: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    name: String,
    password: String,
    tenant: Option<u32>,
}

/// `POST /api/v1/session`.
pub async fn sign_in(visit: &Visit) -> Outcome {
    let SignIn { name, password, tenant } = body(visit)?;
    let password = Secret::new(password);
    // Hashing a password takes 19 MiB and 20 ms on purpose; a handful at a time is enough for a shift change.
    let Ok(_turn) = visit.app.sign_ins.acquire().await else {
        return Err(Failure::new(ErrorCode::NotReady, "the server is closing"));
    };
    let tenant = TenantId(tenant.unwrap_or(USUAL_TENANT));
    let account = tokio::task::block_in_place(|| try_password(visit, tenant, &name, &password))?;
    let now_ms = visit.app.now_ms();
    let token = visit.app.sessions.open(tenant, &account.name, now_ms);
    let until = instant_text(now_ms.saturating_add(IDLE_MS_MAX));
    Ok(Answer::json(
        &json!({"token": token.expose(), "account": face(visit, &account.actor(), &account), "expires_at": until}),
    ))
}

fn try_password(visit: &Visit, tenant: TenantId, name: &str, password: &Secret<String>) -> Result<Account, Failure> {
    let accounts = visit.app.store.accounts();
    let Some(account) = accounts.by_name(tenant, name).map_err(|error| store_failure(&error))? else {
        PasswordHash::matches_nobody(password);
        return Err(wrong());
    };
    // Only now is the name known to be one: what was typed into the field may have been a password.
    visit.trail.lock().actor = Some(account.actor());
    let now_ms = visit.app.now_ms();
    let login = match account.may_try(now_ms) {
        Err(refused) => refused,
        Ok(hash) => {
            let matched = hash.matches(password);
            let mut login = Login::Refused;
            let noted = accounts.update(tenant, name, |stored| login = stored.note_try(matched, now_ms));
            noted.map_err(|error| store_failure(&error))?;
            login
        }
    };
    match login {
        Login::Granted => Ok(account),
        Login::Locked { until_ms } => {
            visit.trail.lock().action = Some(AuditAction::AccountLocked);
            let until = instant_text(until_ms);
            Err(Failure::new(
                ErrorCode::Forbidden,
                format!("too many wrong passwords; the account is locked until {until}"),
            ))
        }
        Login::Wrong { .. } | Login::Refused => Err(wrong()),
    }
}

/// One sentence for a wrong name and a wrong password: which of them it was is nobody's business.
fn wrong() -> Failure {
    Failure::new(ErrorCode::NotSignedIn, "the name or the password is wrong")
}

/// `GET /api/v1/session`.
pub async fn show(visit: &Visit) -> Outcome {
    let actor = &visit.caller()?.actor;
    let account =
        visit.app.store.accounts().by_name(actor.tenant, &actor.name).map_err(|error| store_failure(&error))?;
    let account = account.ok_or_else(|| Failure::new(ErrorCode::NotFound, "the account is gone"))?;
    Ok(Answer::json(&json!({"account": face(visit, actor, &account)})))
}

/// `DELETE /api/v1/session`.
pub async fn sign_out(visit: &Visit) -> Outcome {
    let token = caller::token(&visit.headers)?;
    if visit.app.sessions.close(&token.digest()) {
        return Ok(Answer::empty(StatusCode::NO_CONTENT));
    }
    Err(Failure::new(ErrorCode::NotSupported, "a machine token is not a session; an administrator withdraws it"))
}

pub(super) fn face(visit: &Visit, actor: &Actor, account: &Account) -> Value {
    let mut institutions = Institutions::default();
    let (institution, department) = tokio::task::block_in_place(|| {
        let (Some(code), tenant) = (actor.institution.as_deref(), actor.tenant) else { return (None, None) };
        let system = formats::national::institution_system(code, "department");
        let called = |it: &str| institutions.department_in(visit, tenant, (&system, it));
        let department = actor.department.as_deref().and_then(called);
        (institutions.name_in(visit, tenant, code), department)
    });
    let (zh, en) = actor.role.words();
    json!({
        "name": actor.name,
        "display_name": account.display_name,
        "role": actor.role.code(),
        "role_words": {"zh": zh, "en": en},
        "tenant": actor.tenant.0,
        "institution": actor.institution,
        "institution_name": institution,
        "department": actor.department,
        "department_name": department,
        "staff_number": actor.staff_number,
    })
}
