//! Searches that the portal's pages are made of: the same as a client of `/fhir/R4` could send, under the same policy.

use std::collections::HashMap;

use model::{ErrorCode, Failure, Home, Number, ResourceKey, Rid, TenantId, TypeCode};
use serde_json::{Value, json};
use trust::Interaction;

use super::facts;
use crate::visit::Visit;

/// The most resources that one page of the portal is made from; what lies beyond is said to be cut off, never silently.
pub const RESOURCES_MAX: usize = 5_000;

/// Resources found, and whose they are.
pub type Found = records::Whole;

/// Adds what another search disclosed, for the audit event.
pub fn note(disclosed: &mut Vec<Home>, found: &Found) {
    for home in &found.disclosed {
        if !disclosed.contains(home) {
            disclosed.push(*home);
        }
    }
}

/// Follows a search to its end, or to `limit` hits.
pub fn all(visit: &Visit, type_name: &str, pairs: &[(&str, &str)], limit: usize) -> Result<Found, Failure> {
    let caller = visit.may(Interaction::Search, type_name)?;
    visit.records().search_whole(caller, type_name, pairs, limit)
}

/// Who a page is about: all registrations of one resident that the caller may see.
pub struct Subject {
    /// The id of the page's address.
    pub id: String,
    /// The registrations.
    pub patients: Vec<Value>,
    /// The homes of these registrations.
    pub homes: Vec<Home>,
    /// What the answer discloses by naming them.
    pub disclosed: Vec<Home>,
    /// The golden record: of each attribute the value that most registrations bear out. `None` when there is no person yet, or when
    /// a registration is hidden from this caller, whose word would be in it.
    pub golden: Option<Value>,
}

impl Subject {
    /// The value of `patient=`: any of the registrations.
    pub fn any(&self) -> String {
        let ids = self.patients.iter().filter_map(|patient| patient["id"].as_str());
        ids.collect::<Vec<_>>().join(",")
    }

    /// What the page's heading is made of: the golden record, and what it does not have from the registration that says most. Who is
    /// dead by one registration is.
    pub fn heading(&self) -> Value {
        let mut heading = self.first().clone();
        let golden = self.golden.as_ref();
        for name in ["gender", "birthDate", "identifier"] {
            if let Some(value) = golden.map(|golden| &golden[name]).filter(|value| !value.is_null()) {
                heading[name] = value.clone();
            }
        }
        for name in ["name", "address"] {
            // The values behind the winner are what others said.
            if let Some(value) = golden.map(|golden| &golden[name][0]).filter(|value| !value.is_null()) {
                heading[name] = json!([value]);
            }
        }
        let day = self.patients.iter().map(|patient| &patient["deceasedDateTime"]).find(|day| !day.is_null());
        if let Some(day) = day {
            heading["deceasedDateTime"] = day.clone();
        } else if self.patients.iter().any(|patient| patient["deceasedBoolean"] == true) {
            heading["deceasedBoolean"] = true.into();
        }
        heading
    }

    /// The registration that says most, the first of equals.
    pub fn first(&self) -> &Value {
        let said = |patient: &Value| patient.as_object().map_or(0, serde_json::Map::len);
        let most = self.patients.iter().map(said).max().unwrap_or(0);
        self.patients.iter().find(|patient| said(patient) == most).unwrap_or(&Value::Null)
    }
}

/// The resident in the path, of a `Person` or of a `Patient`, as far as this caller may read the registrations.
///
/// # Errors
/// `NotFound` when there is nobody, or nobody that this caller may see.
pub fn subject(visit: &Visit) -> Result<Subject, Failure> {
    let tenant = visit.may(Interaction::Read, "Patient")?.tenant();
    let nobody = || Failure::new(ErrorCode::NotFound, "no such person");
    let resident = visit.app.grounds.resident(tenant, visit.id())?.ok_or_else(nobody)?;
    of_resident(visit, &resident)?.ok_or_else(nobody)
}

/// The resident that a registration is, as far as this caller may read the registrations.
pub fn subject_of(visit: &Visit, registration: Home) -> Result<Option<Subject>, Failure> {
    let resident = visit.app.grounds.resident_of(visit.caller()?.tenant(), registration)?;
    of_resident(visit, &resident)
}

fn of_resident(visit: &Visit, resident: &care::Resident) -> Result<Option<Subject>, Failure> {
    let caller = visit.caller()?;
    let tenant = caller.tenant();
    let Some(id) = resident.id(visit.records(), tenant) else { return Ok(None) };
    let mut subject = Subject { id, patients: Vec::new(), homes: Vec::new(), disclosed: Vec::new(), golden: None };
    for home in &resident.registrations {
        let Some(patient) = visit.records().registration_id(tenant, *home)? else { continue };
        let document = match visit.records().read(caller, "Patient", &patient) {
            Ok(document) => document,
            // A registration that is hidden from this caller is not there.
            Err(failure) if matches!(failure.code, ErrorCode::NotFound | ErrorCode::Gone) => continue,
            Err(failure) => return Err(failure),
        };
        let resource = serde_json::from_slice(&document.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a stored resource is no JSON"))?;
        subject.patients.push(resource);
        subject.homes.push(*home);
        subject.disclosed.extend(document.disclosed);
    }
    if subject.patients.len() == resident.registrations.len()
        && let Some(rid) = resident.person
    {
        subject.golden = visit.records().stored(&ResourceKey { tenant, home: Home::SHARED, rid })?;
    }
    Ok((!subject.patients.is_empty()).then_some(subject))
}

/// Who a registration is, without a number, a full name or a day of birth: for finding somebody in an emergency and for its
/// review. The duty was asked by the route.
pub fn masked_identity(visit: &Visit, registration: Home) -> Result<Value, Failure> {
    let tenant = visit.caller()?.tenant();
    let key = ResourceKey {
        tenant,
        home: registration,
        rid: Rid { type_code: TypeCode::PATIENT, number: Number(registration.0) },
    };
    let patient = visit.records().stored(&key)?.unwrap_or_default();
    let birth_year = patient["birthDate"].as_str().and_then(|date| date.get(..4));
    Ok(json!({
        "name": facts::human_name(&patient).map(|name| facts::masked_name(&name)),
        "gender": patient["gender"],
        "birth_date": birth_year,
    }))
}

/// What institutions (机构), departments (科室) and staff are called, each looked up once per page.
#[derive(Default)]
pub struct Institutions {
    names: HashMap<String, Option<String>>,
    departments: HashMap<String, Option<String>>,
    staff: HashMap<String, Option<String>>,
    /// The institution of each registration of the page, by the id of the `Patient`.
    registered_at: HashMap<String, String>,
}

impl Institutions {
    /// For the pages of a person: what does not say itself where it comes from, comes from where the registration is that it
    /// hangs on. A row of a table names its institution once, for the registration and everything in the row.
    pub fn of(subject: &Subject) -> Self {
        let known = subject
            .patients
            .iter()
            .filter_map(|patient| Some((patient["id"].as_str()?.to_owned(), facts::institution(patient)?)));
        Self { registered_at: known.collect(), ..Self::default() }
    }

    /// The code of the institution that a resource comes from.
    pub fn code_of(&self, resource: &Value) -> Option<String> {
        facts::institution(resource).or_else(|| {
            let references = [&resource["subject"]["reference"], &resource["patient"]["reference"]];
            let patient = references.into_iter().find_map(|it| it.as_str()?.strip_prefix("Patient/"))?;
            self.registered_at.get(patient).cloned()
        })
    }

    /// The name, when the directory knows it. What an institution is called is no secret: the platform looks for itself.
    pub fn name(&mut self, visit: &Visit, code: &str) -> Option<String> {
        let tenant = visit.asker().ok()?.tenant;
        self.name_in(visit, tenant, code)
    }

    /// As [`Institutions::name`], for a visit that is not signed in yet.
    pub fn name_in(&mut self, visit: &Visit, tenant: TenantId, code: &str) -> Option<String> {
        let name = || named(visit, tenant, code);
        self.names.entry(code.to_owned()).or_insert_with(name).clone()
    }

    /// `institution` and `institution_name` of what a resource says about where it comes from.
    pub fn note(&mut self, visit: &Visit, resource: &Value, line: &mut Value) {
        let Some(code) = self.code_of(resource) else { return };
        line["institution_name"] = self.name(visit, &code).into();
        line["institution"] = code.into();
    }

    /// The department of a visit in words: the source's, else the name in the same institution's directory, else the code.
    pub fn department(&mut self, visit: &Visit, encounter: &Value) -> Option<String> {
        let concept = &encounter["serviceType"];
        let words = facts::concept_words(concept)?;
        let Some((Some(system), code)) = facts::first_code(concept) else { return Some(words.to_owned()) };
        if words != code {
            return Some(words.to_owned());
        }
        let tenant = visit.asker().ok()?.tenant;
        Some(self.department_in(visit, tenant, (system, code)).unwrap_or_else(|| code.to_owned()))
    }

    /// The name of a department by system and code. A code means what its own institution means by it; no table of the nation
    /// stands in, because hospitals number their departments as they like.
    pub fn department_in(&mut self, visit: &Visit, tenant: TenantId, (system, code): (&str, &str)) -> Option<String> {
        let token = format!("{system}|{code}");
        let name = || organization(visit, tenant, &token);
        self.departments.entry(token.clone()).or_insert_with(name).clone()
    }

    /// The name of somebody whom a resource refers to: what stands beside the reference, else what the directory says.
    pub fn staff(&mut self, visit: &Visit, reference: &Value) -> Option<String> {
        if let Some(words) = reference["display"].as_str() {
            return Some(words.to_owned());
        }
        let id = reference["reference"].as_str()?.strip_prefix("Practitioner/")?;
        let look = || {
            let platform = care::platform(visit.asker().ok()?.tenant).ok()?;
            let found = visit.records().read(&platform, "Practitioner", id).ok()?;
            facts::human_name(&serde_json::from_slice(&found.json).ok()?)
        };
        self.staff.entry(id.to_owned()).or_insert_with(look).clone()
    }
}

fn named(visit: &Visit, tenant: TenantId, code: &str) -> Option<String> {
    let identifier = format!("{}|{code}", formats::national::INSTITUTION_CODE);
    let named = organization(visit, tenant, &identifier);
    // A source is registered with the institution's name, long before a message says it.
    named.or_else(|| {
        let sources = visit.app.road.sources().list(tenant).ok()?;
        sources.into_iter().find(|source| source.institution == code).map(|source| source.title)
    })
}

/// The name of the organization with this identifier.
fn organization(visit: &Visit, tenant: TenantId, identifier: &str) -> Option<String> {
    let pairs = [("identifier", identifier), ("_count", "10"), ("_total", "none")];
    let platform = care::platform(tenant).ok()?;
    let found = visit.records().search_whole(&platform, "Organization", &pairs, 10).ok()?;
    found.hits.iter().find_map(|organization| organization["name"].as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(patients: Vec<Value>, golden: Option<Value>) -> Subject {
        Subject { id: "p".to_owned(), patients, homes: Vec::new(), disclosed: Vec::new(), golden }
    }

    /// 无名氏 with a telephone, an address and somebody to call; and the same person by name and number.
    fn registrations() -> Vec<Value> {
        let unnamed = json!({"resourceType": "Patient", "id": "a", "name": [{"text": "无名氏"}], "gender": "male", "birthDate": "1950-01-01",
            "telecom": [{}], "address": [{"text": "救助站"}], "contact": [{}], "maritalStatus": {}});
        let named = json!({"resourceType": "Patient", "id": "b", "name": [{"text": "李红"}], "gender": "female", "birthDate": "1962-03-04"});
        vec![unnamed, named]
    }

    #[test]
    fn the_heading_is_the_golden_record_and_not_the_longest_registration() {
        let golden = json!({"resourceType": "Person", "id": "p", "gender": "female", "birthDate": "1962-03-04",
            "name": [{"text": "李红"}, {"use": "official", "text": "无名氏"}], "address": [{"text": "望岚县槐溪镇"}, {"text": "救助站"}],
            "identifier": [{"system": "urn:id", "value": "990121196203040021"}]});
        let person = super::facts::person(&subject(registrations(), Some(golden)).heading());
        assert_eq!((&person["name"], &person["gender"]), (&json!("李红"), &json!("female")));
        assert_eq!((&person["birth_date"], &person["address"]), (&json!("1962-03-04"), &json!("望岚县槐溪镇")));
        assert_eq!(person["identifiers"][0]["masked"], "990***********0021");
        let without = super::facts::person(&subject(registrations(), None).heading());
        assert_eq!(without["name"], "无名氏", "nobody voted yet");
    }

    #[test]
    fn who_is_dead_by_one_registration_is_dead() {
        let mut patients = registrations();
        assert!(super::facts::person(&subject(patients.clone(), None).heading())["deceased"].is_null());
        patients[1]["deceasedBoolean"] = true.into();
        patients[0]["deceasedBoolean"] = false.into();
        assert_eq!(super::facts::person(&subject(patients.clone(), None).heading())["deceased"], true);
        patients[1]["deceasedDateTime"] = "2026-10-01".into();
        assert_eq!(super::facts::person(&subject(patients, None).heading())["deceased"], "2026-10-01");
    }
}
