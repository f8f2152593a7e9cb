//! What stands at this moment: visits in progress (当前就诊) and family-doctor contracts in force (签约).
//!
//! Both are read from the records — `Encounter` and `CareTeam` — and kept in memory, so that a request does not search: at the
//! first request of a tenant everything that still counts is looked up, from then on the change feed is followed. Following
//! happens at the request itself, so that the registration that came in a moment ago counts.
//!
//! What the messages say decides: institution from the identifier's system, department (科室) from `serviceType`, clinicians
//! (工号) from the participants.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use model::china::{self, DAY_MS};
use model::{Failure, Home, ResourceKey, TenantId, TypeCode, instant_text};
use records::Records;
use records::parameters::clinical_date;
use serde_json::Value;

use crate::own;
use crate::resident::type_code;

/// An inpatient whose discharge was never sent does not stay one for ever: longer stays are re-admitted by the rules of the
/// medical insurance anyway.
const INPATIENT_DAYS_MAX: i64 = 180;
/// Outpatients looked up at the first request: more days than any rule lets a registration count.
const OUTPATIENT_DAYS_LOOKED_BACK: i64 = 8;
/// Commits read from the feed at a time.
const COMMITS_AT_A_TIME: usize = 2_000;
/// Staff numbers remembered: a large city's clinicians.
const CLINICIANS_REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49_999);

/// A visit that gives its clinicians a ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The `Encounter`.
    pub key: ResourceKey,
    /// The code of the institution.
    pub institution: String,
    /// What the message says about the department (科室): its code, else the parts of the place.
    pub departments: Vec<String>,
    /// Staff numbers of the clinicians who take part.
    pub staff_numbers: Vec<String>,
    /// Whether it is a stay.
    pub is_inpatient: bool,
    /// When it began.
    pub from_ms: i64,
    /// When a stay ended or will have ended; of an outpatient the end of the day of registration.
    pub until_ms: i64,
}

impl Visit {
    /// Until when it counts, with the days that the rule adds for outpatients.
    #[must_use]
    pub fn counts_until_ms(&self, days_after_registration: u16) -> i64 {
        if self.is_inpatient { self.until_ms } else { self.until_ms + i64::from(days_after_registration) * DAY_MS }
    }

    /// Whether the clinician with this department and number sees the person: named in the visit, or of its department. A
    /// message that names neither leaves it to the institution.
    fn is_of(&self, department: Option<&str>, staff_number: Option<&str>) -> bool {
        let is_named = staff_number.is_some_and(|number| self.staff_numbers.iter().any(|known| known == number));
        match department {
            _ if is_named => true,
            // A small institution whose account says no department: whoever is registered there.
            None => true,
            Some(_) if self.departments.is_empty() => self.staff_numbers.is_empty(),
            Some(of_clinician) => self.departments.iter().any(|of_visit| of_visit == of_clinician),
        }
    }

    /// What an `Encounter` says, if it may count now or later.
    fn read(records: &Records, clinicians: &mut Clinicians, key: ResourceKey, encounter: &Value) -> Option<Self> {
        // Who is expected (预约, 预入院) is nobody's patient yet: the visit comes with the arrival.
        if matches!(encounter["status"].as_str(), Some("planned" | "cancelled" | "entered-in-error")) {
            return None;
        }
        let (institution, _) = institution_and_number(encounter)?;
        let (low_ms, high_ms) = clinical_date(key.rid.type_code, encounter)?;
        let is_inpatient = matches!(encounter["class"]["code"].as_str(), Some("IMP" | "ACUTE" | "NONAC" | "OBSENC"));
        let is_over = encounter["status"] == "finished";
        let until_ms = match (is_inpatient, encounter["period"]["end"].is_string()) {
            (true, true) => high_ms,
            // Finished, and nobody says when: the day it began is the only one that is sure.
            (true, false) if is_over => end_of_day(low_ms),
            (true, false) => low_ms.saturating_add(INPATIENT_DAYS_MAX * DAY_MS),
            (false, _) => end_of_day(low_ms),
        };
        let departments = departments(encounter, &institution);
        let participants = encounter["participant"].as_array().into_iter().flatten();
        let staff_numbers = participants
            .filter_map(|participant| clinicians.number(records, key.tenant, &participant["individual"]))
            .collect();
        Some(Self { key, institution, departments, staff_numbers, is_inpatient, from_ms: low_ms, until_ms })
    }
}

/// A family-doctor contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The `CareTeam`.
    pub key: ResourceKey,
    /// The registration under contract.
    pub registration: Home,
    /// The code of the institution.
    pub institution: String,
    /// Staff numbers of the team.
    pub staff_numbers: Vec<String>,
    /// When it began.
    pub from_ms: i64,
    /// When it ends.
    pub until_ms: i64,
}

impl Contract {
    fn read(records: &Records, clinicians: &mut Clinicians, key: ResourceKey, team: &Value) -> Option<Self> {
        if !matches!(team["status"].as_str(), Some("active") | None) {
            return None;
        }
        let (institution, _) = institution_and_number(team)?;
        let (from_ms, until_ms) = clinical_date(key.rid.type_code, team)?;
        let patient = team["subject"]["reference"].as_str()?.strip_prefix("Patient/")?;
        let registration = records.registration(key.tenant, patient);
        let members = team["participant"].as_array().into_iter().flatten();
        let staff_numbers: Vec<String> =
            members.filter_map(|member| clinicians.number(records, key.tenant, &member["member"])).collect();
        Some(Self { key, registration, institution, staff_numbers, from_ms, until_ms })
    }
}

/// The staff numbers behind references to `Practitioner`.
struct Clinicians(LruCache<(TenantId, String), Option<String>>);

impl Clinicians {
    fn number(&mut self, records: &Records, tenant: TenantId, reference: &Value) -> Option<String> {
        let said = |of: &Value| {
            let system = of["system"].as_str()?;
            system.ends_with(":staff").then(|| of["value"].as_str().map(str::to_owned)).flatten()
        };
        if let Some(number) = said(&reference["identifier"]) {
            return Some(number);
        }
        let id = reference["reference"].as_str()?.strip_prefix("Practitioner/")?;
        let name = (tenant, id.to_owned());
        if let Some(known) = self.0.get(&name) {
            return known.clone();
        }
        let key = records.address(tenant, TypeCode::of("Practitioner").ok()?, id).ok()??;
        let practitioner = records.stored(&key).ok()??;
        let number = practitioner["identifier"].as_array().into_iter().flatten().find_map(said);
        // Who has no number yet may get one: a source may name somebody before it says who that is.
        if number.is_some() {
            self.0.put(name, number.clone());
        }
        number
    }
}

/// Everything that stands, per tenant.
pub(crate) struct Standing {
    clinicians: Clinicians,
    /// The place in the change feed up to which this holds.
    place: Option<u64>,
    tenants: HashSet<TenantId>,
    visits: HashMap<ResourceKey, Arc<Visit>>,
    visits_at: HashMap<(TenantId, String), HashSet<ResourceKey>>,
    contracts: HashMap<ResourceKey, Arc<Contract>>,
    contracts_of: HashMap<(TenantId, String, String), HashSet<ResourceKey>>,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self {
            clinicians: Clinicians(LruCache::new(CLINICIANS_REMEMBERED)),
            place: None,
            tenants: HashSet::new(),
            visits: HashMap::new(),
            visits_at: HashMap::new(),
            contracts: HashMap::new(),
            contracts_of: HashMap::new(),
        }
    }

    /// Brings a tenant up to the newest commit.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn follow(&mut self, records: &Records, tenant: TenantId, now_ms: i64) -> Result<(), Failure> {
        let (encounter, team) = (type_code("Encounter")?, type_code("CareTeam")?);
        let mut place = match self.place {
            Some(place) => place,
            None => records.newest_change()?,
        };
        // The place comes first: what is committed while everything is looked up comes again by the feed, which does no harm.
        self.place = Some(place);
        if self.tenants.insert(tenant)
            && let Err(failure) = self.look_up(records, tenant, now_ms)
        {
            self.tenants.remove(&tenant);
            return Err(failure);
        }
        loop {
            let (changes, reached) = records.changes_after(place, COMMITS_AT_A_TIME)?;
            for change in changes {
                let is_ours = change.key.rid.type_code == encounter || change.key.rid.type_code == team;
                if is_ours && self.tenants.contains(&change.key.tenant) {
                    let resource = records.stored(&change.key)?;
                    self.take(records, change.key, resource.as_ref(), now_ms);
                }
            }
            self.place = Some(reached);
            if reached == place {
                return Ok(());
            }
            place = reached;
        }
    }

    fn look_up(&mut self, records: &Records, tenant: TenantId, now_ms: i64) -> Result<(), Failure> {
        let caller = own::caller(tenant)?;
        let since = format!("ge{}", instant_text(now_ms - OUTPATIENT_DAYS_LOOKED_BACK * DAY_MS));
        let long_ago = format!("ge{}", instant_text(now_ms - INPATIENT_DAYS_MAX * DAY_MS));
        let questions: [(&str, Vec<(&str, &str)>); 3] = [
            ("Encounter", vec![("date", &since)]),
            (
                "Encounter",
                vec![("date", &long_ago), ("class", "IMP"), ("status", "in-progress,arrived,triaged,onleave")],
            ),
            ("CareTeam", vec![]),
        ];
        for (type_name, pairs) in questions {
            let code = type_code(type_name)?;
            for resource in records.search_whole(&caller, type_name, &pairs, usize::MAX)?.hits {
                let id = resource["id"].as_str().unwrap_or_default();
                if let Some(key) = records.address(tenant, code, id)? {
                    self.take(records, key, Some(&resource), now_ms);
                }
            }
        }
        Ok(())
    }

    /// Takes note of what a resource says now; `None`: it is gone.
    fn take(&mut self, records: &Records, key: ResourceKey, resource: Option<&Value>, now_ms: i64) {
        self.forget(&key);
        let Some(resource) = resource else { return };
        if resource["resourceType"] == "Encounter" {
            let visit = Visit::read(records, &mut self.clinicians, key, resource);
            let counts_ever = |visit: &Visit| visit.until_ms + OUTPATIENT_DAYS_LOOKED_BACK * DAY_MS > now_ms;
            if let Some(visit) = visit.filter(counts_ever) {
                self.visits_at.entry((key.tenant, visit.institution.clone())).or_default().insert(key);
                self.visits.insert(key, Arc::new(visit));
            }
        } else if let Some(contract) = Contract::read(records, &mut self.clinicians, key, resource)
            && contract.until_ms > now_ms
        {
            for number in &contract.staff_numbers {
                let doctor = (key.tenant, contract.institution.clone(), number.clone());
                self.contracts_of.entry(doctor).or_default().insert(key);
            }
            self.contracts.insert(key, Arc::new(contract));
        }
    }

    fn forget(&mut self, key: &ResourceKey) {
        if let Some(visit) = self.visits.remove(key)
            && let Some(keys) = self.visits_at.get_mut(&(key.tenant, visit.institution.clone()))
        {
            keys.remove(key);
        }
        if let Some(contract) = self.contracts.remove(key) {
            for number in &contract.staff_numbers {
                let doctor = (key.tenant, contract.institution.clone(), number.clone());
                if let Some(keys) = self.contracts_of.get_mut(&doctor) {
                    keys.remove(key);
                }
            }
        }
    }

    /// The visits that count for a clinician now, and drops those that never will again.
    pub(crate) fn visits(
        &mut self,
        actor: &trust::Actor,
        days_after_registration: u16,
        now_ms: i64,
    ) -> Vec<Arc<Visit>> {
        let Some(institution) = &actor.institution else { return Vec::new() };
        let keys = self.visits_at.get(&(actor.tenant, institution.clone()));
        let found: Vec<Arc<Visit>> =
            keys.into_iter().flatten().filter_map(|key| self.visits.get(key)).cloned().collect();
        let over = |visit: &Visit| visit.until_ms + OUTPATIENT_DAYS_LOOKED_BACK * DAY_MS <= now_ms;
        for visit in found.iter().filter(|visit| over(visit)) {
            self.forget(&visit.key);
        }
        let (department, staff_number) = (actor.department.as_deref(), actor.staff_number.as_deref());
        let counts = |visit: &Arc<Visit>| {
            // Registered for tomorrow is not being seen yet; registered for this afternoon is.
            visit.from_ms < end_of_day(now_ms)
                && now_ms < visit.counts_until_ms(days_after_registration)
                && visit.is_of(department, staff_number)
        };
        found.into_iter().filter(counts).collect()
    }

    /// The contracts in force of a family doctor.
    pub(crate) fn contracts(&self, actor: &trust::Actor, now_ms: i64) -> Vec<Arc<Contract>> {
        let (Some(institution), Some(number)) = (&actor.institution, &actor.staff_number) else { return Vec::new() };
        let keys = self.contracts_of.get(&(actor.tenant, institution.clone(), number.clone()));
        let found = keys.into_iter().flatten().filter_map(|key| self.contracts.get(key));
        found.filter(|contract| contract.from_ms <= now_ms && now_ms < contract.until_ms).cloned().collect()
    }
}

/// Institution and local number of the first identifier that an institution gave: `urn:kangmai:institution:{code}:{what}`.
pub(crate) fn institution_and_number(resource: &Value) -> Option<(String, String)> {
    let identifiers = resource["identifier"].as_array()?;
    identifiers.iter().find_map(|identifier| {
        let (code, _) = formats::national::institution_of(identifier["system"].as_str()?)?;
        Some((code.to_owned(), identifier["value"].as_str()?.to_owned()))
    })
}

/// The code of the service; where a message has none, the parts of the place (HL7 v2 PV1-3 begins with the department or ward).
fn departments(encounter: &Value, institution: &str) -> Vec<String> {
    let service = encounter["serviceType"]["coding"].as_array().into_iter().flatten();
    let codes: Vec<String> = service.filter_map(|coding| coding["code"].as_str()).map(str::to_owned).collect();
    if !codes.is_empty() {
        return codes;
    }
    let places = encounter["location"].as_array().into_iter().flatten();
    let current = places.filter(|place| place["status"] != "completed");
    let words = current.filter_map(|place| place["location"]["display"].as_str()).flat_map(str::split_whitespace);
    words.filter(|word| *word != institution).map(str::to_owned).collect()
}

fn end_of_day(at_ms: i64) -> i64 {
    china::begin_ms(china::day_of(at_ms) + 1)
}
