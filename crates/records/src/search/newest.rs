//! The newest of a patient: the newest resource of every code, and the newest of a type until some moment.
//!
//! One seek per code, however long the history behind it is. Rows of `code` inside a compartment are ordered by value and then by
//! clinical date, newest first: the first row of each value is the answer. A resource with several codings is found by each of them
//! and listed once. Rows of `patient` have no value and so are the history of the patient, newest first: a page of it begins at any
//! date, also of what has a date in another place than the date parameter of its type looks (a diagnosis that was only recorded), and
//! ends with what has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Failure, Home, ResourceKey, TypeCode};
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

/// Places that are listed beyond what is asked for: a report of a laboratory has some dozen results of one second.
const LISTED_MORE: usize = 64;

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

    /// The newest `count` resources of some types and patients by their clinical date, from `until_ms` on backwards, those without a
    /// date last (`until_ms` of `i64::MIN` asks for these). `truncated` when there are more. The order never changes: one page continues
    /// another without gap or repetition when it asks from the last millisecond on and leaves out what it had of it. Of one
    /// millisecond, types stand in the order in which they are named.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` for a type that is not stored, what the store says.
    pub fn newest_until(
        &self,
        caller: &Caller,
        type_names: &[&str],
        patients: &[Home],
        until_ms: Option<i64>,
        count: usize,
    ) -> Result<Whole, Failure> {
        let snapshot = self.store.snapshot();
        let parameters = Arc::clone(&self.generations(&*snapshot)?.active);
        let mut lists = Vec::new();
        for type_name in type_names {
            let type_code = crate::load::type_code_of(type_name)?;
            caller.may(Interaction::Search, type_code)?;
            let Some(parameter) = parameters.get(type_code, "patient") else { continue };
            let number = match &parameter.alias {
                Some(Alias::Restricted { of, .. }) => *of,
                Some(Alias::Union(of)) if of.len() == 1 => of[0],
                _ => parameter.number,
            };
            for patient in patients.iter().filter(|patient| caller.filter.admits(type_code, **patient)) {
                let (tenant, generation) = (caller.tenant(), parameters.generation());
                lists
                    .push((type_code, keys::compartment_index_prefix(tenant, generation, *patient, type_code, number)));
            }
        }
        // Some of what is listed may be hidden from the caller, and the list knows seconds only: a second is read to its end. Places are
        // cheap, bodies are not: enough places are listed that bodies are rarely read twice.
        let mut reach = count.saturating_add(LISTED_MORE);
        loop {
            let (places, is_cut) = places(&*snapshot, &lists, until_ms, reach)?;
            if let Some(whole) = self.newest_of_places(caller, &*snapshot, (&places, is_cut), until_ms, count)? {
                return Ok(whole);
            }
            reach = reach.saturating_mul(2);
        }
    }

    /// The first `count` of what stands at some places; `None` when the places end too early to say.
    fn newest_of_places(
        &self,
        caller: &Caller,
        snapshot: &dyn Snapshot,
        (places, is_cut): (&[Place], bool),
        until_ms: Option<i64>,
        count: usize,
    ) -> Result<Option<Whole>, Failure> {
        let mut whole = Whole::default();
        let mut found: Vec<(Option<i64>, Home, Value)> = Vec::new();
        let mut last_second = None;
        let mut is_enough = !is_cut;
        for place in places {
            if found.len() >= count && last_second != Some(place.second) {
                (whole.truncated, is_enough) = (true, true);
                break;
            }
            last_second = Some(place.second);
            let type_code = place.type_code;
            let address = place.suffix.resource(caller.tenant(), type_code);
            if let Some(stored) = self.current(snapshot, &address)?
                && !stored.is_deleted()
                && self.reachable(caller, &stored)?
            {
                let resource = stored.value()?;
                let at_ms = clinical_date_ms(type_code, &resource);
                if until_ms.is_none_or(|until_ms| at_ms.unwrap_or(i64::MIN) <= until_ms) {
                    found.push((at_ms, address.home, resource));
                }
            }
        }
        if !is_enough {
            return Ok(None);
        }
        // What shares a millisecond stays in the order of the places.
        found.sort_by_key(|(at_ms, _, _)| std::cmp::Reverse(*at_ms));
        whole.truncated |= found.len() > count;
        found.truncate(count);
        whole.disclosed = found.iter().map(|(_, home, _)| *home).collect();
        whole.disclosed.sort_unstable();
        whole.disclosed.dedup();
        whole.hits = found.into_iter().map(|(_, _, resource)| resource).collect();
        Ok(Some(whole))
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

/// Where a resource stands in the common order of several lists: by second, then in the order of the types, then of the list.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    second: u64,
    type_place: usize,
    suffix: Suffix,
    type_code: TypeCode,
}

/// The first `reach` places of several lists, and whether there are more.
fn places(
    snapshot: &dyn Snapshot,
    lists: &[(TypeCode, Vec<u8>)],
    until_ms: Option<i64>,
    reach: usize,
) -> Result<(Vec<Place>, bool), Failure> {
    let (mut found, mut is_cut) = (Vec::new(), false);
    let mut type_place = 0;
    for (at, (type_code, prefix)) in lists.iter().enumerate() {
        if at > 0 && lists[at - 1].0 != *type_code {
            type_place += 1;
        }
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
            if let Some(suffix) = Suffix::of_key(key) {
                found.push(Place { second: suffix.date().second(), type_place, suffix, type_code: *type_code });
            }
            taken += 1;
        }
    }
    found.sort_unstable();
    found.dedup();
    is_cut |= found.len() > reach;
    found.truncate(reach);
    Ok((found, is_cut))
}
