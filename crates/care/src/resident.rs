//! One resident (居民), addressed by a `Person` or by one of their registrations: pages show the whole person.

use model::{ErrorCode, Failure, Home, ResourceKey, Rid, TenantId, TypeCode};
use records::Records;
use store::Store;

/// Who a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The person, when the ledger knows one.
    pub person: Option<Rid>,
    /// All registrations, in the order in which they were linked; one at least.
    pub registrations: Vec<Home>,
}

/// Persons that became one another, followed at most: each is a decision of the index, and a page is open for a day.
const HOPS_MAX: usize = 8;

impl Resident {
    /// The resident with this id, of a `Person` or of a `Patient`. `None`: there is nobody.
    ///
    /// # Errors
    /// What the store says.
    pub fn find(records: &Records, store: &Store, tenant: TenantId, id: &str) -> Result<Option<Self>, Failure> {
        let person = type_code("Person")?;
        let mut asked = id.to_owned();
        for _ in 0..HOPS_MAX {
            let Some(key) = records.address(tenant, person, &asked)?.filter(|key| key.home == Home::SHARED) else {
                break;
            };
            let registrations = intake::person::registrations_of_person(records, store, tenant, key.rid)?;
            if !registrations.is_empty() {
                return Ok(Some(Self { person: Some(key.rid), registrations }));
            }
            // Joined with another: an open page goes on with whom it has become.
            let stored = records.stored(&key)?.unwrap_or_default();
            let mut links = stored["link"].as_array().into_iter().flatten();
            let into =
                links.find_map(|link| link["target"]["reference"].as_str()?.strip_prefix("Person/").map(str::to_owned));
            let Some(into) = into else { return Ok(None) };
            asked = into;
        }
        match records.address(tenant, TypeCode::PATIENT, id)? {
            Some(key) if records.stored(&key)?.is_some() => Self::of(records, store, tenant, key.home).map(Some),
            _ => Ok(None),
        }
    }

    /// The resident that a registration is.
    ///
    /// # Errors
    /// What the store says.
    pub fn of(records: &Records, store: &Store, tenant: TenantId, registration: Home) -> Result<Self, Failure> {
        let (person, registrations) = intake::person::registrations_of(records, store, tenant, registration)?;
        Ok(Self { person, registrations })
    }

    /// The id in addresses of the platform's own API: of the person where there is one, else of the registration.
    #[must_use]
    pub fn id(&self, records: &Records, tenant: TenantId) -> Option<String> {
        if let Some(rid) = self.person {
            return Some(Records::assigned_id(&ResourceKey { tenant, home: Home::SHARED, rid }));
        }
        records.registration_id(tenant, *self.registrations.first()?).ok().flatten()
    }
}

/// The code of a type that is stored here.
pub(crate) fn type_code(name: &str) -> Result<TypeCode, Failure> {
    TypeCode::of(name).map_err(|unknown| Failure::new(ErrorCode::Internal, unknown.to_string()))
}
