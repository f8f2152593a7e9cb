//! A person as the registrations that the ledger links: read-only, for the rooms that show one resident as one.
//!
//! The ledger says which person a registration is; the `Person` resource lists the registrations of a person. Both were
//! written in one commit, so that they say the same.

use model::{Failure, Home, Number, ResourceKey, Rid, TenantId, TypeCode};
use records::Records;
use store::{Keyspace, Store};

use crate::rows;

/// The person that a registration is linked to, and all registrations of that person, in the order in which they came. A
/// registration that the ledger does not know (it came over the FHIR face) stands alone.
///
/// # Errors
/// What the store says.
pub fn registrations_of(
    records: &Records,
    store: &Store,
    tenant: TenantId,
    registration: Home,
) -> Result<(Option<Rid>, Vec<Home>), Failure> {
    let (Some(number), Ok(type_code)) = (person_number(store, tenant, registration)?, TypeCode::of("Person")) else {
        return Ok((None, vec![registration]));
    };
    let person = Rid { type_code, number };
    let mut homes = registrations_of_person(records, store, tenant, person)?;
    if !homes.contains(&registration) {
        homes.push(registration);
    }
    Ok((Some(person), homes))
}

/// The registrations of a person, in the order in which they were linked; none when there is no such person. Who is whom is what
/// the ledger says: a registration that it gives to somebody else is none of this person's, whatever the resource lists.
///
/// # Errors
/// What the store says.
pub fn registrations_of_person(
    records: &Records,
    store: &Store,
    tenant: TenantId,
    person: Rid,
) -> Result<Vec<Home>, Failure> {
    let Some(resource) = records.stored(&ResourceKey { tenant, home: Home::SHARED, rid: person })? else {
        return Ok(Vec::new());
    };
    let links = resource["link"].as_array().into_iter().flatten();
    let ids = links.filter_map(|link| link["target"]["reference"].as_str()?.strip_prefix("Patient/"));
    let mut homes = Vec::new();
    for home in ids.map(|id| records.registration(tenant, id)) {
        if person_number(store, tenant, home)?.is_none_or(|number| number == person.number) {
            homes.push(home);
        }
    }
    Ok(homes)
}

/// The person that the ledger links a registration to.
fn person_number(store: &Store, tenant: TenantId, registration: Home) -> Result<Option<Number>, Failure> {
    let row = store.snapshot().get(Keyspace::Ledger, &rows::ledger(tenant, rows::LINK, registration));
    let row = row.map_err(|error| Failure::new(model::ErrorCode::Internal, error.to_string()))?;
    Ok(row.and_then(|row| row.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)).map(Number))
}
