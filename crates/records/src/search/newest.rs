//! The newest resource of every code of a patient: one seek per code, however long the history behind it is.
//!
//! Rows of `code` inside a compartment are ordered by value and then by clinical date, newest first: the first row of each value
//! is the answer. A resource with several codings is found by each of them and listed once.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Failure, Home, ResourceKey};
use serde_json::Value;
use store::{Keyspace, Snapshot, prefix_end};
use trust::Interaction;

use super::Whole;
use crate::keys::{self, Suffix, value};
use crate::parameters::clinical_date_ms;
use crate::resource::engine_failure;
use crate::{Caller, Records};

/// Different codes of one patient that are looked at: a hospital's whole catalogue of analytes.
const CODES_MAX: usize = 5_000;

impl Records {
    /// The newest resource of every code, of a type and some patients, newest first. Resources whose code is words only are not
    /// found here.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` for a type that is not stored, what the store says.
    pub fn newest_of_each_code(&self, caller: &Caller, type_name: &str, patients: &[Home]) -> Result<Whole, Failure> {
        let type_code = crate::load::type_code_of(type_name)?;
        caller.may(Interaction::Search, type_code)?;
        let snapshot = self.store.snapshot();
        let parameters = Arc::clone(&self.generations(&*snapshot)?.active);
        let Some(parameter) = parameters.get(type_code, "code") else { return Ok(Whole::default()) };
        let mut found: BTreeMap<ResourceKey, Value> = BTreeMap::new();
        let mut whole = Whole::default();
        for patient in patients.iter().filter(|patient| caller.filter.admits(type_code, **patient)) {
            let prefix = keys::compartment_index_prefix(
                caller.tenant(),
                parameters.generation(),
                *patient,
                type_code,
                parameter.number,
            );
            let before = found.len();
            whole.truncated |= !self.newest_of_patient(caller, &*snapshot, (&prefix, type_code), &mut found)?;
            if found.len() > before {
                whole.disclosed.push(*patient);
            }
        }
        whole.hits = found.into_values().collect();
        whole.hits.sort_by_cached_key(|resource| std::cmp::Reverse(clinical_date_ms(type_code, resource)));
        Ok(whole)
    }

    /// Adds the newest of each code behind a prefix; whether every code was looked at.
    fn newest_of_patient(
        &self,
        caller: &Caller,
        snapshot: &dyn Snapshot,
        (prefix, type_code): (&[u8], model::TypeCode),
        found: &mut BTreeMap<ResourceKey, Value>,
    ) -> Result<bool, Failure> {
        let end = prefix_end(prefix);
        let mut from = prefix.to_vec();
        for _ in 0..CODES_MAX {
            let mut cursor = snapshot.scan(Keyspace::CompartmentIndex, &from, &end);
            let mut code: Option<Vec<u8>> = None;
            while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
                let (Some(here), Some(suffix)) = (key.get(..prefix.len() + value::TOKEN_BYTES), Suffix::of_key(key))
                else {
                    break;
                };
                // The first row says which code it is about; the row after the last of it belongs to the next.
                if code.get_or_insert_with(|| here.to_vec()) != here {
                    break;
                }
                let address = suffix.resource(caller.tenant(), type_code);
                if found.contains_key(&address) {
                    break;
                }
                if let Some(stored) = self.current(snapshot, &address)?
                    && !stored.is_deleted()
                    && self.reachable(caller, &stored)?
                {
                    found.insert(address, stored.value()?);
                    break;
                }
            }
            match code {
                Some(code) => from = prefix_end(&code),
                None => return Ok(true),
            }
        }
        Ok(false)
    }
}
