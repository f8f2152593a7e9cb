//! `Patient/{id}/$everything`: the patient and everything in their compartment.
//!
//! The compartment rows of the patient are an ordered list per type, newest first; a page is a stretch of that list, fetched
//! in key order and rendered without parsing. What other resources refer to (staff, institutions, medications) is not
//! part of the compartment and is not repeated for every patient.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{ErrorCode, Failure, Home, ResourceKey, TenantId, TypeCode};
use serde_json::Value;
use store::{Keyspace, Snapshot, prefix_end};
use trust::Interaction;

use crate::caller::Disclosed;
use crate::keys::{self, Length, SUFFIX_BYTES, Suffix};
use crate::links::{self, BundleWriter, ListOptions};
use crate::parameters::clinical_date;
use crate::resource::{Opener, Stored, engine_failure};
use crate::{Caller, Page, Parameters, Records};

/// Resources on a page when the client does not say: the whole record of nearly every patient (design §2: a bundle has at
/// most 5,000 entries).
const COUNT_DEFAULT: usize = 5_000;
/// Most resources on a page.
const COUNT_MAX: usize = 10_000;
/// Resources fetched at a time: large enough for one sorted sweep, small enough to keep a few megabytes in memory.
const CHUNK: usize = 512;
/// Bytes of JSON that an entry needs, about: room for the page is made once, because growing by doubling copied megabytes
/// (a tenth of the time). Memory that stays unused is never touched.
const ENTRY_BYTES: usize = 4 * 1024;
/// What binds the page link to this list.
const PURPOSE: &str = "everything";

/// A resource of the compartment, at its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    type_code: TypeCode,
    suffix: Suffix,
}

impl Member {
    fn key(&self, tenant: TenantId) -> ResourceKey {
        self.suffix.resource(tenant, self.type_code)
    }

    fn write(&self) -> Vec<u8> {
        [self.type_code.as_u16().to_be_bytes().as_slice(), &self.suffix.0].concat()
    }

    /// Where a page goes on: `Some(None)` is the beginning of the list, after a page that held the patient alone.
    fn read_place(bytes: &[u8]) -> Option<Option<Self>> {
        if bytes.is_empty() { Some(None) } else { Self::read(bytes).map(Some) }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (type_code, suffix) = bytes.split_first_chunk::<2>()?;
        let type_code = TypeCode::from_u16(u16::from_be_bytes(*type_code))?;
        (suffix.len() == SUFFIX_BYTES).then_some(())?;
        Some(Self { type_code, suffix: Suffix::of_key(suffix)? })
    }
}

/// What of the compartment is wanted.
struct Wanted {
    types: Option<BTreeSet<TypeCode>>,
    start_ms: Option<i64>,
    end_ms: Option<i64>,
    since_ms: Option<i64>,
}

impl Wanted {
    fn read(options: &ListOptions) -> Result<Self, Failure> {
        let mut wanted = Self { types: None, start_ms: None, end_ms: None, since_ms: options.since_ms };
        for (name, value) in &options.others {
            let bad = |detail: String| Failure::new(ErrorCode::BadSearch, format!("`{name}`: {detail}"));
            if name == "_type" {
                let types = value.split(',').map(|name| TypeCode::of(name.trim()));
                wanted.types = Some(types.collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?);
                continue;
            }
            let interval = formats::fhir::date::parse(value).map_err(|error| bad(error.to_string()))?;
            if name == "start" {
                wanted.start_ms = Some(interval.low_ms);
            } else {
                wanted.end_ms = Some(interval.high_ms);
            }
        }
        Ok(wanted)
    }

    fn has_type(&self, type_code: TypeCode) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&type_code))
    }

    /// Whether the clinical date is inside `start`…`end`, as far as the key can say; `None`: the body decides.
    /// Resources without a clinical date belong to the person, not to a time, and are always inside.
    fn is_inside(&self, suffix: &Suffix) -> Option<bool> {
        if self.start_ms.is_none() && self.end_ms.is_none() {
            return Some(true);
        }
        let Some((low_ms, length)) = suffix.date().low_ms() else { return Some(true) };
        let length_ms = match length {
            Length::Second => 999,
            Length::Day => 86_399_999,
            Length::Other => return self.is_open_ended(low_ms),
        };
        Some(self.overlaps(low_ms, low_ms + length_ms))
    }

    /// A date of unknown length that begins in the second of `low_ms`.
    fn is_open_ended(&self, low_ms: i64) -> Option<bool> {
        if self.end_ms.is_some_and(|end_ms| low_ms > end_ms) {
            return Some(false);
        }
        self.start_ms.is_none_or(|start_ms| low_ms >= start_ms).then_some(true)
    }

    fn overlaps(&self, low_ms: i64, high_ms: i64) -> bool {
        self.start_ms.is_none_or(|start_ms| high_ms >= start_ms) && self.end_ms.is_none_or(|end_ms| low_ms <= end_ms)
    }

    fn is_inside_by_body(&self, stored: &Stored) -> Result<bool, Failure> {
        let resource: Value = stored.value()?;
        let date = clinical_date(stored.key.rid.type_code, &resource);
        Ok(date.is_none_or(|(low_ms, high_ms)| self.overlaps(low_ms, high_ms)))
    }
}

/// A page that is being filled.
struct Filling<'f> {
    caller: &'f Caller,
    wanted: Wanted,
    bundle: BundleWriter,
    disclosed: Disclosed,
    count: usize,
}

impl Filling<'_> {
    fn push(&mut self, stored: &Stored) {
        self.disclosed.add(&stored.key);
        let base_url = self.caller.base_url.as_str();
        self.bundle.entry(|out| {
            let type_name = stored.key.rid.type_code.name();
            // Base address, type and id need no escaping; one push each instead of one text per entry.
            out.extend_from_slice(b"\"fullUrl\":\"");
            for part in [base_url, "/", type_name, "/", stored.id(), "\",\"resource\":"] {
                out.extend_from_slice(part.as_bytes());
            }
            stored.render(out);
            out.extend_from_slice(b",\"search\":{\"mode\":\"match\"}");
        });
    }
}

impl Records {
    /// FHIR `$everything` on a Patient: `_type`, `_since`, `start`, `end`, `_count` (default 5,000, at most 10,000) and
    /// `_page` from a next link. The total is given when one page holds everything.
    ///
    /// # Errors
    /// `NotFound` when the patient is absent or hidden, `Gone` when deleted, `Forbidden`, `BadSearch`, `BadPage`.
    pub fn everything(&self, caller: &Caller, id: &str, query: &str) -> Result<Page, Failure> {
        caller.may(Interaction::Read, TypeCode::PATIENT)?;
        let options = links::list_options(query, &["_type", "start", "end"], caller.strict)?;
        let snapshot = self.store.snapshot();
        let patient = self.load(&*snapshot, caller, TypeCode::PATIENT, id)?;
        let purpose = format!("{PURPOSE} {id}");
        let after = match &options.page {
            Some(text) => {
                let plain = links::open_token(self, caller.tenant(), &purpose, text)?;
                let bad = || Failure::new(ErrorCode::BadPage, "`_page` is not a link of this list");
                Member::read_place(&plain).ok_or_else(bad)?
            }
            None => None,
        };
        let mut filling = Filling {
            caller,
            wanted: Wanted::read(&options)?,
            bundle: BundleWriter::new("searchset"),
            disclosed: Disclosed::default(),
            count: options.count.unwrap_or(COUNT_DEFAULT).clamp(1, COUNT_MAX),
        };
        // Whoever sees this list learns that the patient is known, whatever else is in it.
        filling.disclosed.add(&patient.key);
        let is_recent = filling.wanted.since_ms.is_none_or(|since_ms| patient.last_updated_ms >= since_ms);
        let is_first = options.page.is_none();
        if is_first && filling.wanted.has_type(TypeCode::PATIENT) && is_recent {
            filling.push(&patient);
        }
        let next = self.fill_everything(&mut filling, &*snapshot, &patient.key, after)?;
        let is_whole = next.is_none() && is_first;
        let next = next.map(|place| {
            let plain = place.map_or_else(Vec::new, |member| member.write());
            links::seal_token(self, caller.tenant(), &purpose, &plain)
        });
        let address = format!("{}/Patient/{id}/$everything", caller.base_url);
        let count = filling.bundle.len();
        let links = links::page_links(&address, &options, next.as_deref());
        let json = filling.bundle.finish(&links, is_whole.then_some(count));
        Ok(Page { json, disclosed: filling.disclosed.into_vec(), count })
    }

    /// Fills the page with members behind `after`. When there are more, returns the one behind which they come.
    fn fill_everything(
        &self,
        filling: &mut Filling<'_>,
        snapshot: &dyn Snapshot,
        patient: &ResourceKey,
        after: Option<Member>,
    ) -> Result<Option<Option<Member>>, Failure> {
        let members = self.members(filling, snapshot, patient, after)?;
        let mut opener = Opener::new(&self.store, patient.tenant);
        filling.bundle.reserve(members.len().min(filling.count) * ENTRY_BYTES);
        let mut rest = members.as_slice();
        let mut last = after;
        while !rest.is_empty() {
            let room = filling.count - filling.bundle.len();
            if room == 0 {
                return Ok(Some(last));
            }
            let (chunk, later) = rest.split_at(rest.len().min(room).min(CHUNK));
            rest = later;
            self.push_chunk(filling, snapshot, &mut opener, chunk, patient)?;
            last = chunk.last().copied();
        }
        Ok(None)
    }

    /// The members that the keys alone let in, in list order.
    fn members(
        &self,
        filling: &Filling<'_>,
        snapshot: &dyn Snapshot,
        patient: &ResourceKey,
        after: Option<Member>,
    ) -> Result<Vec<Member>, Failure> {
        let home = Home(patient.rid.number.0);
        let parameters = Arc::clone(&self.generations(snapshot)?.active);
        let mut members = BTreeSet::new();
        for type_code in TypeCode::all() {
            let is_behind = after.is_none_or(|after| type_code >= after.type_code);
            let is_shown = filling.caller.filter.is_readable(type_code) && filling.wanted.has_type(type_code);
            if !is_behind || !is_shown {
                continue;
            }
            for parameter in compartment_parameters(&parameters, type_code) {
                let prefix =
                    keys::compartment_index_prefix(patient.tenant, parameters.generation(), home, type_code, parameter);
                let mut cursor = snapshot.scan(Keyspace::CompartmentIndex, &prefix, &prefix_end(&prefix));
                while let Some((key, _)) = cursor.next().map_err(engine_failure)? {
                    let Some(suffix) = Suffix::of_key(key) else { continue };
                    let member = Member { type_code, suffix };
                    let is_patient = member.key(patient.tenant) == *patient;
                    if after.is_none_or(|after| member > after)
                        && !is_patient
                        && filling.wanted.is_inside(&suffix) != Some(false)
                    {
                        members.insert(member);
                    }
                }
            }
        }
        Ok(members.into_iter().collect())
    }

    fn push_chunk(
        &self,
        filling: &mut Filling<'_>,
        snapshot: &dyn Snapshot,
        opener: &mut Opener,
        chunk: &[Member],
        patient: &ResourceKey,
    ) -> Result<(), Failure> {
        let mut order: Vec<(ResourceKey, usize)> =
            chunk.iter().enumerate().map(|(position, member)| (member.key(patient.tenant), position)).collect();
        order.sort_unstable();
        let addresses: Vec<ResourceKey> = order.iter().map(|(key, _)| *key).collect();
        let mut found: Vec<Option<Vec<u8>>> = chunk.iter().map(|_| None).collect();
        for ((_, position), row) in order.iter().zip(self.current_rows(snapshot, &addresses)?) {
            found[*position] = row;
        }
        for (member, row) in chunk.iter().zip(found) {
            let Some(row) = row else { continue };
            let stored = opener.open(&member.key(patient.tenant), &row)?;
            let is_recent = filling.wanted.since_ms.is_none_or(|since_ms| stored.last_updated_ms >= since_ms);
            if !stored.is_deleted() && is_recent && self.visible(filling.caller, &stored)? {
                let is_inside = match filling.wanted.is_inside(&member.suffix) {
                    Some(is_inside) => is_inside,
                    None => filling.wanted.is_inside_by_body(&stored)?,
                };
                if is_inside {
                    filling.push(&stored);
                }
            }
            opener.take_back(stored);
        }
        Ok(())
    }
}

/// The numbers of the parameters whose rows list the members of a compartment.
fn compartment_parameters(parameters: &Parameters, type_code: TypeCode) -> Vec<u16> {
    let numbers = parameters.of_type(type_code).map(|parameter| parameter.number);
    let mut numbers: Vec<u16> =
        numbers.filter(|number| crate::index::is_compartment_parameter(parameters, type_code, *number)).collect();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use model::{Number, Rid};

    use super::*;
    use crate::keys::ClinicalDate;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn the_key_decides_where_it_can() {
        let key = ResourceKey {
            tenant: TenantId(1),
            home: Home(1),
            rid: Rid { type_code: TypeCode::PATIENT, number: Number(2) },
        };
        let wanted = Wanted { types: None, start_ms: Some(10 * DAY_MS), end_ms: Some(20 * DAY_MS), since_ms: None };
        let cases = [
            (ClinicalDate::NONE, Some(true)),
            (ClinicalDate::of(9 * DAY_MS, 9 * DAY_MS), Some(false)),
            (ClinicalDate::of(9 * DAY_MS, 10 * DAY_MS - 1), Some(false)),
            (ClinicalDate::of(10 * DAY_MS, 11 * DAY_MS - 1), Some(true)),
            (ClinicalDate::of(20 * DAY_MS + 1000, 20 * DAY_MS + 1000), Some(false)),
            (ClinicalDate::of(5 * DAY_MS, 15 * DAY_MS), None),
            (ClinicalDate::of(12 * DAY_MS, 90 * DAY_MS), Some(true)),
            (ClinicalDate::of(21 * DAY_MS, 90 * DAY_MS), Some(false)),
        ];
        for (date, expected) in cases {
            assert_eq!(wanted.is_inside(&Suffix::of(date, &key)), expected, "{date:?}");
        }
    }

    #[test]
    fn a_member_comes_back() {
        let member = Member { type_code: TypeCode::PATIENT, suffix: Suffix([7; SUFFIX_BYTES]) };
        assert_eq!(Member::read(&member.write()), Some(member));
        assert_eq!(Member::read(&member.write()[1..]), None);
    }
}
