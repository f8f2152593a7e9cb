//! From a bearer token to a caller: token, account, actor; then purpose and scope. Who a request is never comes from
//! anything else, and the tenant comes with the account.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use care::Ground;
use model::{ErrorCode, Failure, Home, Purpose};
use records::Caller;
use trust::{Account, Actor, Duty, Filter, Role, Token};

use crate::app::App;
use crate::negotiate::{preference, text};
use crate::routes::Access;
use crate::visit::Visit;

/// The header that says why somebody looks (调阅目的).
const PURPOSE_HEADER: &str = "x-purpose-of-use";

/// The token of a request.
///
/// # Errors
/// [`ErrorCode::NotSignedIn`] when there is none that could be one.
pub fn token(headers: &HeaderMap) -> Result<Token, Failure> {
    let Some(value) = text(headers, header::AUTHORIZATION) else {
        return Err(Failure::new(ErrorCode::NotSignedIn, "send `Authorization: Bearer <token>`"));
    };
    let bearer = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer.and_then(|(_, token)| Token::parse(token.trim()).ok());
    token.ok_or_else(|| Failure::new(ErrorCode::NotSignedIn, "`Authorization` is not a bearer token of this platform"))
}

/// Who sends this request: the account of a session, or the machine account that the token belongs to.
///
/// # Errors
/// [`ErrorCode::NotSignedIn`], with one sentence for every reason: unknown, expired and disabled look the same from outside.
pub fn identify(app: &App, headers: &HeaderMap) -> Result<Actor, Failure> {
    let token = token(headers)?;
    let accounts = app.store.accounts();
    let found = match app.sessions.account(&token.digest(), app.now_ms()) {
        Some((tenant, name)) => accounts.by_name(tenant, &name).map(|account| account.map(Arc::new)),
        None => accounts.by_token(&token.digest()),
    };
    let account: Option<Arc<Account>> = found.map_err(|error| store_failure(&error))?;
    account.filter(|account| !account.disabled).map(|account| account.actor()).ok_or_else(|| {
        Failure::new(ErrorCode::NotSignedIn, "this token is not known, or its time is over, or its account is closed")
    })
}

/// Who a request turned out to be, and on what ground they look at the person in the path.
pub struct Admitted {
    /// Who asks, why, and what they may see.
    pub caller: Caller,
    /// The ground, on routes about one person, for roles that need one.
    pub ground: Option<Ground>,
}

/// The caller that an actor becomes on this request: with a purpose, with the persons that they have a ground for, and with the
/// scope that the policy gives for both.
///
/// # Errors
/// [`ErrorCode::NotSupported`] for a purpose that is none; [`ErrorCode::Forbidden`] when the policy knows no scope for it, or
/// there is no ground to look at the person in the path.
pub fn admit(visit: &Visit, mut actor: Actor) -> Result<Admitted, Failure> {
    let mut purpose = purpose(&visit.headers, actor.role)?;
    let mut ground = None;
    if trust::needs_ground(&actor) {
        match person_in(visit) {
            Some(id) => (purpose, ground) = for_person(visit, &mut actor, id, purpose)?,
            None => actor.patients = at_large(visit, &actor, purpose)?,
        }
    }
    let filter = match (trust::scope(&actor, purpose), visit.route.access) {
        (Ok(filter), _) => filter,
        // An operator reads no record, but may see how the feeds do.
        (Err(_), Access::OnDuty) => Filter::nothing(),
        // Neither does an audit administrator; the audit log is read on duty, also as FHIR.
        (Err(_), _) if asks_for_the_log(visit, &actor) => Filter::nothing(),
        (Err(denied), _) => return Err(visit.denied(&denied)),
    };
    let strict = match preference(&visit.headers, "handling") {
        None | Some("strict") => true,
        Some("lenient") => false,
        Some(_) => {
            return Err(Failure::new(ErrorCode::NotSupported, "unknown `Prefer: handling`; known: strict, lenient"));
        }
    };
    let base_url = visit.base_url();
    let caller = Caller { actor, purpose, filter, base_url, strict, request_id: visit.request_id.clone() };
    Ok(Admitted { caller, ground })
}

/// Whether this is a question to the audit log by somebody whose duty it is to read it.
fn asks_for_the_log(visit: &Visit, actor: &Actor) -> bool {
    visit.part("type") == Some("AuditEvent") && trust::may(actor, Duty::ReadAuditLog, None).allow
}

/// The person that a route of the portal is about.
fn person_in(visit: &Visit) -> Option<&str> {
    // Opening an emergency is what one does without a ground.
    let is_about_one = visit.route.path.starts_with("/api/v1/persons/{id}/") && visit.route.name != "open-emergency";
    is_about_one.then(|| visit.id())
}

/// The ground for one person: for the purpose that was said; where none was said, an emergency that is open counts as well.
fn for_person(visit: &Visit, actor: &mut Actor, id: &str, said: Purpose) -> Result<(Purpose, Option<Ground>), Failure> {
    let grounds = &visit.app.grounds;
    let is_said = text(&visit.headers, PURPOSE_HEADER).is_some();
    let purposes = [said, Purpose::EmergencyTreatment];
    let resident = grounds.resident(actor.tenant, id)?;
    for purpose in purposes.into_iter().take(if is_said { 1 } else { 2 }) {
        let Some(resident) = &resident else { break };
        if let Some(ground) = grounds.for_person(actor, purpose, resident)? {
            state_reason(visit, &ground);
            actor.patients = resident.registrations.iter().copied().collect();
            return Ok((purpose, Some(ground)));
        }
    }
    // The same words whether there is such a person or not.
    visit.trail.lock().decision = Some(trust::policy::no_ground());
    Err(visit.denied(&trust::policy::NO_GROUND))
}

/// The persons that a search may find.
fn at_large(visit: &Visit, actor: &Actor, purpose: Purpose) -> Result<BTreeSet<Home>, Failure> {
    let grounds = &visit.app.grounds;
    if purpose == Purpose::EmergencyTreatment
        && let Some(ground) = grounds.of(actor, purpose)?.first()
    {
        state_reason(visit, ground);
    }
    grounds.registrations(actor, purpose)
}

/// The reason that was stated when the emergency was opened is the reason of every look.
fn state_reason(visit: &Visit, ground: &Ground) {
    let mut trail = visit.trail.lock();
    if trail.reason.is_none() {
        trail.reason.clone_from(&ground.reason);
    }
}

/// A caller that writes with the rights of an account, on behalf of the request: the road's own work for a source.
///
/// # Errors
/// [`ErrorCode::Forbidden`] when the account is closed or may do nothing.
pub fn of_account(visit: &Visit, account: &Account) -> Result<Caller, Failure> {
    if account.disabled {
        return Err(Failure::new(ErrorCode::Forbidden, "the account of the source is closed"));
    }
    let actor = account.actor();
    let purpose = trust::policy::usual_purpose(actor.role);
    let filter = trust::scope(&actor, purpose).map_err(|denied| visit.denied(&denied))?;
    let request_id = visit.request_id.clone();
    Ok(Caller { actor, purpose, filter, base_url: visit.base_url(), strict: true, request_id })
}

/// What a caller hears when the store refuses; the technician finds the rest in the log.
pub fn store_failure(error: &store::StoreError) -> Failure {
    tracing::error!(%error, "the store refused");
    match error {
        store::StoreError::Engine(store::EngineError::DiskFull) => Failure::new(ErrorCode::DiskFull, ""),
        store::StoreError::Closed => Failure::new(ErrorCode::NotReady, "the server is closing"),
        _ => Failure::new(ErrorCode::Internal, "the store refused"),
    }
}

fn purpose(headers: &HeaderMap, role: Role) -> Result<Purpose, Failure> {
    match text(headers, PURPOSE_HEADER) {
        Some(code) => code.trim().parse().map_err(|_| {
            Failure::new(ErrorCode::NotSupported, format!("unknown X-Purpose-Of-Use; known: {}", codes()))
        }),
        None => Ok(trust::policy::usual_purpose(role)),
    }
}

fn codes() -> String {
    Purpose::ALL.map(Purpose::code).join(", ")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn authorization(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_a_bearer_token_of_ours_is_one() {
        let good = "Bearer km_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(token(&authorization(good)).is_ok());
        assert!(token(&authorization("bearer km_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).is_ok());
        for bad in ["", "Bearer", "Bearer x", "Basic km_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "km_AAAA"] {
            assert!(token(&authorization(bad)).is_err(), "{bad}");
        }
        assert!(token(&HeaderMap::new()).is_err());
    }

    #[test]
    fn unknown_purposes_are_refused_and_silence_has_a_meaning() {
        let mut headers = HeaderMap::new();
        assert_eq!(purpose(&headers, Role::Clinician).ok(), Some(Purpose::Treatment));
        headers.insert(PURPOSE_HEADER, HeaderValue::from_static("HRESCH"));
        assert_eq!(purpose(&headers, Role::Clinician).ok(), Some(Purpose::Research));
        headers.insert(PURPOSE_HEADER, HeaderValue::from_static("curiosity"));
        assert!(purpose(&headers, Role::Clinician).is_err());
    }
}
