//! From a bearer token to a caller: token, account, actor; then purpose and scope. Who a request is never comes from
//! anything else, and the tenant comes with the account.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use model::{ErrorCode, Failure, Purpose};
use records::Caller;
use trust::{Account, Actor, Filter, Role, Token};

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

/// The caller that an actor becomes on this request: with a purpose, and with the scope that the policy gives for it.
///
/// # Errors
/// [`ErrorCode::NotSupported`] for a purpose that is none; [`ErrorCode::Forbidden`] when the policy knows no scope for it.
pub fn admit(visit: &Visit, actor: Actor) -> Result<Caller, Failure> {
    let purpose = purpose(&visit.headers, actor.role)?;
    let filter = match (trust::scope(&actor, purpose), visit.route.access) {
        (Ok(filter), _) => filter,
        // An operator reads no record, but may see how the feeds do.
        (Err(_), Access::OnDuty) => Filter::nothing(),
        (Err(denied), _) => return Err(visit.denied(&denied)),
    };
    let strict = match preference(&visit.headers, "handling") {
        None | Some("strict") => true,
        Some("lenient") => false,
        Some(_) => {
            return Err(Failure::new(ErrorCode::NotSupported, "unknown `Prefer: handling`; known: strict, lenient"));
        }
    };
    Ok(Caller { actor, purpose, filter, base_url: visit.base_url(), strict, request_id: visit.request_id.clone() })
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
