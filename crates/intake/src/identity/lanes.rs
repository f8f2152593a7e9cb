//! One commit at a time writes a person. Without this, senders on several connections that bring registrations of one person
//! would all be planned against the same person, all but one in vain.

use std::collections::HashMap;
use std::sync::Arc;

use model::TenantId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::linker::PersonNumber;

/// Closed when a commit is over: whoever waits for it goes on.
pub(crate) type Gate = Arc<Semaphore>;

/// The persons that commits on their way write.
#[derive(Default)]
pub(crate) struct Lanes {
    held: Mutex<HashMap<(TenantId, PersonNumber), Gate>>,
}

impl Lanes {
    /// Takes these persons for a commit, all or none.
    ///
    /// # Errors
    /// The gate of the commit that has one of them.
    pub(crate) fn take(&self, tenant: TenantId, persons: &[PersonNumber], own: &Gate) -> Result<(), Gate> {
        let mut held = self.held.lock();
        let others = persons.iter().filter_map(|person| held.get(&(tenant, *person)));
        if let Some(other) = others.into_iter().find(|other| !Arc::ptr_eq(other, own)) {
            return Err(Arc::clone(other));
        }
        held.extend(persons.iter().map(|person| ((tenant, *person), Arc::clone(own))));
        Ok(())
    }

    /// Gives them back, and lets those go on that wait.
    pub(crate) fn give_back(&self, tenant: TenantId, persons: &[PersonNumber], own: &Gate) {
        let mut held = self.held.lock();
        for person in persons {
            held.remove(&(tenant, *person));
        }
        own.close();
    }
}
