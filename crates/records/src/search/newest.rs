//! The newest of a patient: the newest resource of every code, and the newest of a type until some moment.
//!
//! One seek per code, however long the history behind it is. Rows of `code` inside a compartment are ordered by value and then by clinical date, newest first: the first row of each value
//! is the answer. A resource with several codings is found by each of them and listed once. Rows of `patient` have no value and so are the
//! history of the patient, newest first: a page of it begins at any date, also of what has a date in another place than the date parameter
//! of its type looks (a diagnosis that was only recorded), and ends with what has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Failure, Home, ResourceKey};
use serde_json::Value;
use store::{Keyspace, Snapshot, prefix_end};
use trust::Interaction;

use super::Whole;
use crate::keys::{self, ClinicalDate, Suffix, value};
use crate::parameters::{Alias, clinical_date_ms};
use crate::resource::engine_failure;
use crate::{Caller, Records};

/// Different codes of one patient that are looked at: a hospital's whole catalogue of analytes.
const CODES_MAX: usize = 5_000;

/// Resources of one code that are read until one is wanted. Withdrawn results are few; a code that never has a value (the head of a panel)
/// must not cost its whole history.
const TRIED_MAX: usize = 16;

impl Records {
    /// The newest resource of every code, of a type and some patients, newest first, among those that `is_wanted`. Resources whose
    /// code is words only are not found here.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` for a type that is not stored, what the store says.
    pub fn newest_of_each_code(
        &self,
        caller: &Caller,
        type_name: &str,
        patients: &[Home],
        is_wanted: &dyn Fn(&Value) -> bool,
    ) -> Result<Whole, Failure> {
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
            whole.truncated |=
                !self.newest_of_patient(caller, &*snapshot, (&prefix, type_code), is_wanted, &mut found)?;
            if found.len() > before {
                whole.disclosed.push(*patient);
            }
        }
        whole.hits = found.into_values().collect();
        whole.hits.sort_by_cached_key(|resource| std::cmp::Reverse(clinical_date_ms(type_code, resource)));
        Ok(whole)
    }

    /// The newest `count` resources of a type and some patients by their clinical date, from `until_ms` on backwards, those without a
    /// date last (`until_ms` of `i64::MIN` asks for these). `truncated` when there are more. One page continues another without gap
    /// or repetition when it asks from the last millisecond on and leaves out what it had of it: the order never changes.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` for a type that is not stored, what the store says.
    pub fn newest_until(
        &self,
        caller: &Caller,
        type_name: &str,
        patients: &[Home],
        until_ms: Option<i64>,
        count: usize,
    ) -> Result<Whole, Failure> {
        let type_code = crate::load::type_code_of(type_name)?;
        caller.may(Interaction::Search, type_code)?;
        let snapshot = self.store.snapshot();
        let parameters = Arc::clone(&self.generations(&*snapshot)?.active);
        let Some(parameter) = parameters.get(type_code, "patient") else { return Ok(Whole::default()) };
        let number = match &parameter.alias {
            Some(Alias::Restricted { of, .. }) => *of,
            Some(Alias::Union(of)) if of.len() == 1 => of[0],
            _ => parameter.number,
        };
        let mut lists = Vec::new();
        for patient in patients.iter().filter(|patient| caller.filter.admits(type_code, **patient)) {
            let (tenant, generation) = (caller.tenant(), parameters.generation());
            lists.push(keys::compartment_index_prefix(tenant, generation, *patient, type_code, number));
        }
        // Some of what is listed may be hidden from the caller, and the list knows seconds only: a second is read to its end.
        let mut reach = count.saturating_add(1);
        loop {
            let (listed, is_cut) = listed(&*snapshot, &lists, until_ms, reach)?;
            let mut whole = Whole::default();
            let mut last_second = None;
            let mut is_enough = !is_cut;
            for suffix in listed {
                let second = suffix.date().second();
                if whole.hits.len() >= count && last_second != Some(second) {
                    (whole.truncated, is_enough) = (true, true);
                    break;
                }
                last_second = Some(second);
                let address = suffix.resource(caller.tenant(), type_code);
                if let Some(stored) = self.current(&*snapshot, &address)?
                    && !stored.is_deleted()
                    && self.reachable(caller, &stored)?
                {
                    let resource = stored.value()?;
                    let at_ms = clinical_date_ms(type_code, &resource).unwrap_or(i64::MIN);
                    if until_ms.is_none_or(|until_ms| at_ms <= until_ms) {
                        whole.hits.push(resource);
                        whole.disclosed.push(address.home);
                    }
                }
            }
            if is_enough {
                // What shares a millisecond stays in the order of the list.
                whole.hits.sort_by_cached_key(|resource| std::cmp::Reverse(clinical_date_ms(type_code, resource)));
                whole.truncated |= whole.hits.len() > count;
                whole.hits.truncate(count);
                whole.disclosed.sort_unstable();
                whole.disclosed.dedup();
                return Ok(whole);
            }
            reach = reach.saturating_mul(2).max(1);
        }
    }

    /// Adds the newest of each code behind a prefix; whether every code was looked at.
    fn newest_of_patient(
        &self,
        caller: &Caller,
        snapshot: &dyn Snapshot,
        (prefix, type_code): (&[u8], model::TypeCode),
        is_wanted: &dyn Fn(&Value) -> bool,
        found: &mut BTreeMap<ResourceKey, Value>,
    ) -> Result<bool, Failure> {
        let end = prefix_end(prefix);
        let mut from = prefix.to_vec();
        for _ in 0..CODES_MAX {
            let mut cursor = snapshot.scan(Keyspace::CompartmentIndex, &from, &end);
            let mut code: Option<Vec<u8>> = None;
            let mut tried = 0;
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
                if found.contains_key(&address) || tried == TRIED_MAX {
                    break;
                }
                if let Some(stored) = self.current(snapshot, &address)?
                    && !stored.is_deleted()
                    && self.reachable(caller, &stored)?
                {
                    let resource = stored.value()?;
                    if is_wanted(&resource) {
                        found.insert(address, resource);
                        break;
                    }
                    tried += 1;
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

/// The first `reach` places of several lists in their common order, and whether there are more.
fn listed(
    snapshot: &dyn Snapshot,
    lists: &[Vec<u8>],
    until_ms: Option<i64>,
    reach: usize,
) -> Result<(Vec<Suffix>, bool), Failure> {
    let (mut found, mut is_cut) = (Vec::new(), false);
    for prefix in lists {
        let mut from = prefix.clone();
        if let Some(until_ms) = until_ms {
            from.extend_from_slice(&ClinicalDate::until(until_ms));
        }
        let mut cursor = snapshot.scan(Keyspace::CompartmentIndex, &from, &prefix_end(prefix));
        let mut taken = 0;
        while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
            if taken == reach {
                is_cut = true;
                break;
            }
            found.extend(Suffix::of_key(key));
            taken += 1;
        }
    }
    found.sort_unstable();
    found.dedup();
    is_cut |= found.len() > reach;
    found.truncate(reach);
    Ok((found, is_cut))
}
