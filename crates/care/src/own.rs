//! The platform's own look at the records: to decide what somebody may see, never to show it.

use model::{ErrorCode, Failure, Purpose, TenantId};
use records::Caller;
use trust::{Account, Filter, Grants, Role};

/// The caller of the platform's own work in a tenant.
pub(crate) fn caller(tenant: TenantId) -> Result<Caller, Failure> {
    let grants: Result<Grants, _> = "system/*.rs label/R label/V".parse();
    let mut account = Account::new("platform", Role::Machine, tenant);
    account.grants = grants.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Caller {
        actor: account.actor(),
        purpose: Purpose::Operations,
        filter: Filter::unrestricted(),
        base_url: "http://localhost/fhir/R4".to_owned(),
        strict: true,
        request_id: String::new(),
    })
}

/// As [`caller`], with the right to write tasks: what residents and institutions do through the platform's own routes (an
/// objection and its answer) is written by the platform, which has asked the policy about the route.
///
/// # Errors
/// `Internal` when the grants cannot be read.
pub fn platform(tenant: TenantId) -> Result<Caller, Failure> {
    let mut caller = caller(tenant)?;
    let grants: Result<Grants, _> = "system/*.rs system/Task.cu label/R label/V".parse();
    caller.actor.grants = grants.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    Ok(caller)
}
