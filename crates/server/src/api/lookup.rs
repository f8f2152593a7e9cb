//! Searches that the portal's pages are made of: the same as a client of `/fhir/R4` could send, under the same policy.

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
}

impl Subject {
    /// The value of `patient=`: any of the registrations.
    pub fn any(&self) -> String {
        let ids = self.patients.iter().filter_map(|patient| patient["id"].as_str());
        ids.collect::<Vec<_>>().join(",")
    }

    /// The registration that the page's heading is made of: the one that says most, the first of equals.
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
    let mut subject = Subject { id, patients: Vec::new(), homes: Vec::new(), disclosed: Vec::new() };
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

/// Names of institutions (机构) by their code, each looked up once per page.
#[derive(Default)]
pub struct Institutions(std::collections::HashMap<String, Option<String>>);

impl Institutions {
    /// The name, when the directory knows it. What an institution is called is no secret: the platform looks for itself.
    pub fn name(&mut self, visit: &Visit, code: &str) -> Option<String> {
        let tenant = visit.asker().ok()?.tenant;
        self.name_in(visit, tenant, code)
    }

    /// As [`Institutions::name`], for a visit that is not signed in yet.
    pub fn name_in(&mut self, visit: &Visit, tenant: TenantId, code: &str) -> Option<String> {
        if let Some(known) = self.0.get(code) {
            return known.clone();
        }
        let name = named(visit, tenant, code);
        self.0.insert(code.to_owned(), name.clone());
        name
    }

    /// `institution` and `institution_name` of what a resource says about where it comes from.
    pub fn note(&mut self, visit: &Visit, resource: &Value, line: &mut Value) {
        let Some(code) = facts::institution(resource) else { return };
        line["institution_name"] = self.name(visit, &code).into();
        line["institution"] = code.into();
    }
}

fn named(visit: &Visit, tenant: TenantId, code: &str) -> Option<String> {
    let identifier = format!("{}|{code}", formats::national::INSTITUTION_CODE);
    let pairs = [("identifier", identifier.as_str()), ("_count", "10"), ("_total", "none")];
    let platform = care::platform(tenant).ok()?;
    let found = visit.records().search_whole(&platform, "Organization", &pairs, 10);
    let organizations = found.map(|found| found.hits).unwrap_or_default();
    let named = organizations.iter().find_map(|organization| organization["name"].as_str()).map(str::to_owned);
    // A source is registered with the institution's name, long before a message says it.
    named.or_else(|| {
        let sources = visit.app.road.sources().list(tenant).ok()?;
        sources.into_iter().find(|source| source.institution == code).map(|source| source.title)
    })
}
