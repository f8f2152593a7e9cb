//! Who asks: every public function of this crate takes a [`Caller`], and nothing else says what may be seen.

use model::{ErrorCode, Failure, Home, Purpose, ResourceKey, TenantId, TypeCode};
use trust::{Actor, Filter, Interaction, Patients};

/// Who a request is, why it was made, and what it may see.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account behind the token.
    pub actor: Actor,
    /// Why they look.
    pub purpose: Purpose,
    /// What `trust::scope` allows them to see.
    pub filter: Filter,
    /// The address of the FHIR face without a final slash, for example `http://localhost:8080/fhir/R4`.
    pub base_url: String,
    /// `Prefer: handling=strict`: an unknown search parameter is an error. The default of the server is strict.
    pub strict: bool,
    /// The id of the request, as it stands in the audit log; it is kept in the change feed.
    pub request_id: String,
}

impl Caller {
    /// The tenant, which comes from the token and never from the request.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.actor.tenant
    }

    /// Asks the decision table whether this caller may do this with this type at all.
    ///
    /// # Errors
    /// `Forbidden` with the sentence of the table.
    pub(crate) fn may(&self, interaction: Interaction, type_code: TypeCode) -> Result<(), Failure> {
        let decision = trust::policy::decide_code(&self.actor, interaction, type_code, self.purpose);
        if decision.allow {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::Forbidden, format!("{} {type_code}: {}", interaction.code(), decision.en)))
    }

    /// Whether the caller may write into this home. Shared resources are a matter of grants alone.
    ///
    /// # Errors
    /// `Forbidden`: the caller named the patient, so this tells them nothing about what exists.
    pub(crate) fn may_write_home(&self, home: Home) -> Result<(), Failure> {
        match self.filter.patients() {
            Patients::Only(allowed) if home != Home::SHARED && !allowed.contains(&home) => {
                Err(Failure::new(ErrorCode::Forbidden, "the subject is not a patient of this caller"))
            }
            _ => Ok(()),
        }
    }
}

/// Collects the homes that an answer discloses: each once, in order, without the shared one.
#[derive(Debug, Default)]
pub(crate) struct Disclosed(std::collections::BTreeSet<Home>);

impl Disclosed {
    /// Notes that a resource of this home is in the answer.
    pub(crate) fn add(&mut self, key: &ResourceKey) {
        if key.home != Home::SHARED {
            self.0.insert(key.home);
        }
    }

    /// Notes what another answer disclosed.
    pub(crate) fn extend(&mut self, homes: impl IntoIterator<Item = Home>) {
        self.0.extend(homes);
    }

    /// The homes.
    pub(crate) fn into_vec(self) -> Vec<Home> {
        self.0.into_iter().collect()
    }
}
