//! The platform's own look at the records: to decide what somebody may see, never to show it.

use model::{ErrorCode, Failure, Purpose, TenantId};
use records::{Caller, Records};
use serde_json::Value;
use trust::{Account, Filter, Grants, Role};

/// Hits per page of an own search.
const PAGE_COUNT: &str = "500";

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

/// Every resource that a search finds, page by page.
pub(crate) fn each(
    records: &Records,
    caller: &Caller,
    type_name: &str,
    pairs: &[(&str, &str)],
    mut take: impl FnMut(Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs).append_pair("_count", PAGE_COUNT).append_pair("_total", "none");
    let mut next = Some(query.finish());
    while let Some(query) = next {
        let page = records.search(caller, Some(type_name), &query)?;
        let mut bundle: Value = serde_json::from_slice(&page.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a search answered what is no JSON"))?;
        if let Value::Array(entries) = bundle["entry"].take() {
            for mut entry in entries {
                let resource = entry["resource"].take();
                if resource["resourceType"] == type_name {
                    take(resource)?;
                }
            }
        }
        let links = bundle["link"].as_array();
        let address = links.and_then(|links| links.iter().find(|link| link["relation"] == "next"));
        next = address.and_then(|link| link["url"].as_str()?.split_once('?')).map(|(_, query)| query.to_owned());
    }
    Ok(())
}
