//! Custom search parameters of a tenant: kept in `meta`, searched once a generation of the index was built with them.
//!
//! The row `index/custom` holds the definitions of every tenant. It changes together with the row `index`, so that whoever sees one sees
//! the other. From then on what this program *wants* differs from what the index that answers has, and a reindex is due; until it is done,
//! the new parameter is *not ready* and a retired one unknown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{ErrorCode, Failure, TenantId};
use store::{Keyspace, Snapshot, Write};

use crate::Records;
use crate::generation::{self, OpenError, State};
use crate::parameters::{CustomParameter, Customs, Definitions, FIRST_NUMBER, Parameters, Refusal, refusal};

/// The row in `meta`.
const ROW: &[u8] = b"index/custom";
/// How often a change is tried when others change the state of the index at the same time.
const TRIES_MAX: usize = 8;

/// Whether a custom parameter can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It answers.
    Ready,
    /// The index is still to be built with it.
    Building,
    /// Its definition does not fit this program any more; it is left out.
    Broken,
}

/// A custom parameter and how it stands.
#[derive(Debug, Clone)]
pub struct Custom {
    /// The definition.
    pub parameter: CustomParameter,
    /// Whether it answers.
    pub readiness: Readiness,
    /// Whether its expression is interpreted rather than compiled.
    pub is_interpreted: bool,
    /// Evaluations that failed since this process began; what they were about is not found by this parameter.
    pub failures: u64,
}

/// Why a custom parameter was not added or retired.
#[derive(Debug, thiserror::Error)]
pub enum CustomError {
    /// It is not taken.
    #[error("{0}")]
    Refused(Refusal),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] OpenError),
}

impl Records {
    /// The definitions that this program would build an index with: its own and those of the tenants.
    pub(crate) fn wanted(&self, snapshot: &dyn Snapshot) -> Result<(Definitions, Parameters), OpenError> {
        let customs = customs(snapshot)?;
        if customs.tenants.is_empty() {
            return Ok((self.definitions.clone(), self.parameters.clone()));
        }
        let parameters = self.parameters.extended(&customs, &self.definitions.failures);
        Ok((self.definitions.with_custom(customs), parameters))
    }

    /// The custom parameters of a tenant, in the order in which they were added.
    ///
    /// # Errors
    /// `Internal` when the state of the index cannot be read.
    pub fn custom_parameters(&self, tenant: TenantId) -> Result<Vec<Custom>, Failure> {
        let snapshot = self.store.snapshot();
        let failed = |error: OpenError| Failure::new(ErrorCode::Internal, error.to_string());
        let customs = customs(&*snapshot).map_err(failed)?;
        let (_, wanted) = self.wanted(&*snapshot).map_err(failed)?;
        let wanted = wanted.for_tenant(tenant.0);
        let asked = Arc::clone(self.generations(&*snapshot)?.asked(tenant));
        let standing = |parameter: CustomParameter| {
            let of_types = |of: &Parameters| {
                parameter
                    .types()
                    .all(|type_code| of.get(type_code, &parameter.code).is_some_and(|it| it.number == parameter.number))
            };
            let readiness = match (of_types(&wanted), of_types(&asked)) {
                (false, _) => Readiness::Broken,
                (true, false) => Readiness::Building,
                (true, true) => Readiness::Ready,
            };
            let is_interpreted = parameter
                .types()
                .any(|type_code| wanted.get(type_code, &parameter.code).is_some_and(crate::Parameter::is_interpreted));
            let failures = self.definitions.failures.of(tenant.0, parameter.number).load(Ordering::Relaxed);
            Custom { parameter, readiness, is_interpreted, failures }
        };
        Ok(customs.tenants.get(&tenant.0).into_iter().flatten().cloned().map(standing).collect())
    }

    /// Adds a custom parameter from a FHIR `SearchParameter`. The index is to be built anew afterwards ([`Records::needs_reindex`]).
    ///
    /// # Errors
    /// [`CustomError::Refused`] says in both languages why it is not taken.
    pub fn add_custom_parameter(&self, tenant: TenantId, definition: &[u8]) -> Result<CustomParameter, CustomError> {
        self.change_customs(|customs| {
            let now_ms = self.clock.now_ms();
            let added = CustomParameter::read(definition, (&self.parameters, customs, tenant.0), now_ms)?;
            // Numbers are never given twice; thirty thousand are more than the life of a folder needs.
            let Some(next) = customs.next_number.checked_add(1) else {
                return Err(refusal("检索参数的编号已用完", "the numbers of search parameters are used up"));
            };
            customs.next_number = next.max(FIRST_NUMBER);
            customs.tenants.entry(tenant.0).or_default().push(added.clone());
            Ok(added)
        })
    }

    /// Retires a custom parameter, named by its code or its URL: it is unknown at once, its rows go with the next generation.
    ///
    /// # Errors
    /// [`CustomError::Refused`] when the tenant has none of that name.
    pub fn retire_custom_parameter(&self, tenant: TenantId, name: &str) -> Result<CustomParameter, CustomError> {
        self.change_customs(|customs| {
            let unknown = || {
                refusal(
                    format!("租户 {} 没有检索参数 {name}", tenant.0),
                    format!("tenant {} has no custom search parameter `{name}`", tenant.0),
                )
            };
            let list = customs.tenants.get_mut(&tenant.0).ok_or_else(unknown)?;
            let at = list.iter().position(|it| it.code == name || it.url == name).ok_or_else(unknown)?;
            let retired = list.remove(at);
            if list.is_empty() {
                customs.tenants.remove(&tenant.0);
            }
            Ok(retired)
        })
    }

    /// Changes the row together with the state of the index.
    fn change_customs<T>(&self, mut change: impl FnMut(&mut Customs) -> Result<T, Refusal>) -> Result<T, CustomError> {
        for _ in 0..TRIES_MAX {
            let snapshot = self.store.snapshot();
            let missing = || OpenError::Damaged("the row `index` is missing".to_owned());
            let (row, mut state) = State::read(&*snapshot)?.ok_or_else(missing)?;
            let mut customs = customs(&*snapshot)?;
            let done = change(&mut customs).map_err(CustomError::Refused)?;
            let text = serde_json::to_vec(&customs).map_err(|error| OpenError::Damaged(error.to_string()))?;
            state.epoch = state.epoch.wrapping_add(1);
            let writes = vec![Write::Put(Keyspace::Meta, ROW.to_vec(), text)];
            if generation::replace(&self.store, Some(&row), &state, writes)? {
                return Ok(done);
            }
        }
        Err(CustomError::Refused(refusal("索引状态正在变化，请重试", "the index is being changed; try again")))
    }
}

fn customs(snapshot: &dyn Snapshot) -> Result<Customs, OpenError> {
    match snapshot.get(Keyspace::Meta, ROW)? {
        None => Ok(Customs::default()),
        Some(row) => serde_json::from_slice(&row)
            .map_err(|error| OpenError::Damaged(format!("the custom search parameters: {error}"))),
    }
}
