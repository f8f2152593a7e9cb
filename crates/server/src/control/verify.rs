//! Reads a whole data folder and says what cannot be read: every audit log, every segment of originals, and every version of
//! every resource.

use std::sync::Arc;

use model::{Clock, Purpose, TenantId};
use records::{Caller, HistoryScope, Records};
use serde_json::Value;
use store::{Keyspace, Store};
use trust::{Actor, Filter, Grants, Role};

/// Everything that is wrong, one sentence each; at most this many.
const FINDINGS_MAX: usize = 100;

/// Checks the folder.
pub fn verify(store: &Arc<Store>, clock: Arc<dyn Clock>) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    for tenant in tenants(store)? {
        let verdict = store.audit().verify(tenant, None).map_err(|error| error.to_string())?;
        findings.extend(verdict.findings.iter().map(|finding| format!("audit log of tenant {}: {finding}", tenant.0)));
    }
    let segments = store.blobs().check().map_err(|error| error.to_string())?;
    // The newest segment may end in a record that a crash cut short: nobody was told that it was stored.
    let finished = segments.len().saturating_sub(1);
    for segment in &segments[..finished] {
        if let Some(at) = segment.torn_at {
            findings.push(format!("segment {} of the originals is torn at byte {at}", segment.segment));
        }
    }
    let records = Records::new(Arc::clone(store), clock).map_err(|error| error.to_string())?;
    for tenant in tenants(store)?.into_iter().filter(|tenant| tenant.0 != 0) {
        read_everything(&records, tenant, &mut findings);
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// The tenants that have ever done anything: each has an audit log.
fn tenants(store: &Store) -> Result<Vec<TenantId>, String> {
    let snapshot = store.snapshot();
    let mut cursor = snapshot.scan(Keyspace::Audit, &[], &[]);
    let mut tenants = Vec::new();
    loop {
        let next = cursor.next().map_err(|error| error.to_string())?;
        let Some(tenant) = next.and_then(|(key, _)| key.first_chunk::<4>().copied()).map(u32::from_be_bytes) else {
            return Ok(tenants);
        };
        tenants.push(TenantId(tenant));
        let Some(following) = tenant.checked_add(1) else { return Ok(tenants) };
        cursor.seek(&following.to_be_bytes()).map_err(|error| error.to_string())?;
    }
}

/// Walks the history of the whole tenant: what can be listed has been opened and unpacked.
fn read_everything(records: &Records, tenant: TenantId, findings: &mut Vec<String>) {
    let caller = platform(tenant);
    let mut query = "_count=1000".to_owned();
    loop {
        let page = match records.history(&caller, HistoryScope::System, &query) {
            Ok(page) => page,
            Err(failure) => {
                findings.push(format!("records of tenant {}: {failure}", tenant.0));
                return;
            }
        };
        match next(&page.json) {
            Some(following) if following != query => query = following,
            _ => return,
        }
    }
}

fn next(bundle: &[u8]) -> Option<String> {
    let bundle: Value = serde_json::from_slice(bundle).ok()?;
    let link = bundle["link"].as_array()?.iter().find(|link| link["relation"] == "next")?;
    Some(link["url"].as_str()?.split_once('?')?.1.to_owned())
}

/// The platform's own work: it sees everything, shows nothing to anybody, and is written down by who asked for it.
fn platform(tenant: TenantId) -> Caller {
    Caller {
        actor: Actor {
            name: "platform".to_owned(),
            role: Role::Machine,
            tenant,
            institution: None,
            department: None,
            staff_number: None,
            proxies: Vec::new(),
            grants: "system/*.rs".parse().unwrap_or_else(|_| Grants::default()),
            patients: std::collections::BTreeSet::new(),
        },
        purpose: Purpose::Operations,
        filter: Filter::unrestricted(),
        base_url: "http://localhost/fhir/R4".to_owned(),
        strict: true,
        request_id: "verify".to_owned(),
    }
}
