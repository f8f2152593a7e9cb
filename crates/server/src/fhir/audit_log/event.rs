//! One event of the audit log as a FHIR `AuditEvent`. Made when it is asked for, never stored a second time.

use std::collections::HashMap;

use model::{Failure, Home, Purpose, TenantId, instant_text};
use serde_json::{Value, json};
use store::AuditRecord;

use crate::visit::Visit;

/// What the ids of these resources begin with; the place in the log follows.
pub const ID_PREFIX: &str = "log-";
/// Where they come from (`meta.source`), so that nobody takes them for events that a client deposited.
pub const SOURCE: &str = "urn:kangmai:audit-log";
/// The platform's own words for what was done (`AuditEvent.subtype`).
const ACTIONS: &str = "urn:kangmai:audit-action";
/// Roles of accounts.
const ROLES: &str = "urn:kangmai:role";
/// Names of accounts.
const ACCOUNTS: &str = "urn:kangmai:account";
/// Registrations whose `Patient` is gone.
const REGISTRATIONS: &str = "urn:kangmai:registration";
/// Registrations shown as entities; how many there were is always told.
const ENTITIES_MAX: usize = 200;

/// The place in the log that an id names.
pub fn sequence_of(id: &str) -> Option<u64> {
    let digits = id.strip_prefix(ID_PREFIX)?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // One event has one id: no zeros in front.
    digits.parse().ok().filter(|sequence: &u64| is_plain && sequence.to_string() == digits)
}

/// The event without the registrations that it disclosed: what searches compare.
pub fn core(record: &AuditRecord, display_name: Option<&str>) -> Value {
    let event = &record.event;
    let recorded = instant_text(event.at_ms);
    let path = event.route.split_once(' ').map_or(event.route.as_str(), |(_, path)| path);
    let kind = if path.starts_with("/fhir/") {
        json!({"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "RESTful Operation"})
    } else {
        json!({"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100", "display": "Application Activity"})
    };
    let mut resource = json!({
        "resourceType": "AuditEvent",
        "id": format!("{ID_PREFIX}{}", record.sequence),
        "meta": {"versionId": "1", "lastUpdated": recorded, "source": SOURCE},
        "type": kind,
        "subtype": [{"system": ACTIONS, "code": event.action.code(), "display": event.action.zh()}],
        "action": event.action.fhir_action().to_string(),
        "recorded": recorded,
        "outcome": event.outcome.fhir_outcome(),
        "agent": agents(record, display_name),
        "source": {
            "observer": {"display": "Kangmai 康脉", "identifier": {"system": "urn:kangmai:tenant", "value": event.tenant.0.to_string()}},
            "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": [request(record)],
    });
    if let Some(detail) = &event.detail {
        resource["outcomeDesc"] = json!(detail);
    }
    if let Some(purpose) = event.purpose {
        resource["purposeOfEvent"] = json!([why(purpose)]);
    }
    resource
}

/// Names of accounts and ids of registrations, each looked up once per page.
#[derive(Default)]
pub struct Names {
    accounts: HashMap<String, Option<String>>,
    registrations: HashMap<Home, Option<String>>,
}

impl Names {
    fn account(&mut self, visit: &Visit, tenant: TenantId, name: &str) -> Option<String> {
        if let Some(known) = self.accounts.get(name) {
            return known.clone();
        }
        let account = visit.app.store.accounts().by_name(tenant, name).ok().flatten();
        let shown = account.map(|account| account.display_name);
        self.accounts.insert(name.to_owned(), shown.clone());
        shown
    }

    fn registration(&mut self, visit: &Visit, tenant: TenantId, home: Home) -> Result<Option<String>, Failure> {
        if let Some(known) = self.registrations.get(&home) {
            return Ok(known.clone());
        }
        let id = visit.records().registration_id(tenant, home)?;
        self.registrations.insert(home, id.clone());
        Ok(id)
    }
}

/// The whole event: with the registrations whose content went out or came in.
pub fn whole(visit: &Visit, record: &AuditRecord, names: &mut Names) -> Result<Value, Failure> {
    let tenant = record.event.tenant;
    let account = names.account(visit, tenant, &record.event.actor);
    let mut resource = core(record, account.as_deref());
    let Some(entities) = resource["entity"].as_array_mut() else { return Ok(resource) };
    for home in record.event.disclosed.iter().take(ENTITIES_MAX) {
        let what = match names.registration(visit, tenant, *home)? {
            Some(id) => json!({"reference": format!("Patient/{id}")}),
            None => {
                json!({"type": "Patient", "identifier": {"system": REGISTRATIONS, "value": format!("{:016x}", home.0)}})
            }
        };
        entities.push(json!({
            "what": what,
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1", "display": "Person"},
            "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient"},
        }));
    }
    Ok(resource)
}

fn why(purpose: Purpose) -> Value {
    let (zh, _) = purpose.words();
    json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": purpose.code()}], "text": zh})
}

/// Who asked, and the institution that they spoke for.
fn agents(record: &AuditRecord, display_name: Option<&str>) -> Value {
    let event = &record.event;
    let mut asker = json!({"requestor": true});
    if event.actor.is_empty() {
        asker["who"] = json!({"display": "(not signed in)"});
    } else {
        asker["who"] = json!({"identifier": {"system": ACCOUNTS, "value": event.actor}});
        asker["altId"] = json!(event.actor);
    }
    if let Some(name) = display_name.filter(|name| !name.is_empty()) {
        asker["name"] = json!(name);
    }
    if let Some(role) = event.role {
        let (zh, _) = role.words();
        asker["role"] = json!([{"coding": [{"system": ROLES, "code": role.code(), "display": zh}]}]);
    }
    if let Some(rule) = &event.rule {
        asker["policy"] = json!([format!("urn:kangmai:rule:{rule}")]);
    }
    if let Some(remote) = &event.remote {
        asker["network"] = json!({"address": remote, "type": "2"});
    }
    match &event.institution {
        None => json!([asker]),
        Some(code) => {
            let who = json!({"type": "Organization", "identifier": {"system": formats::national::INSTITUTION_CODE, "value": code}});
            json!([asker, {"who": who, "requestor": false}])
        }
    }
}

/// What was asked for: the route, and what the log says about it. Names of parameters, never values.
fn request(record: &AuditRecord) -> Value {
    let event = &record.event;
    let mut details = vec![("request-id", event.request_id.clone())];
    let texts = [
        ("status", event.status.map(|it| it.to_string())),
        ("ground", event.ground.clone()),
        ("reason", event.reason.clone()),
    ];
    details.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?))));
    details.push(("resources", event.resources.to_string()));
    details.push(("registrations", event.disclosed.len().to_string()));
    if !event.parameters.is_empty() {
        details.push(("parameters", event.parameters.join(", ")));
    }
    if event.review {
        details.push(("review", "true".to_owned()));
    }
    let details: Vec<Value> = details
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| json!({"type": name, "valueString": text}))
        .collect();
    let mut entity = json!({
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "24", "display": "Query"},
        "detail": details,
    });
    if !event.route.is_empty() {
        entity["name"] = json!(event.route);
    }
    entity
}

#[cfg(test)]
mod tests {
    use model::{Home, TenantId};
    use trust::{AuditAction, AuditEvent, Outcome, Role};

    use super::*;

    fn record(action: AuditAction) -> AuditRecord {
        let mut event = AuditEvent::new(1_700_000_000_120, "req-1", TenantId(1), action, Outcome::Denied);
        event.actor = "doctor".to_owned();
        event.role = Some(Role::Clinician);
        event.institution = Some("99012110000000000001".to_owned());
        event.purpose = Some(Purpose::Treatment);
        event.route = "GET /fhir/R4/Patient/{id}".to_owned();
        event.status = Some(404);
        event.rule = Some("no-ground".to_owned());
        event.disclosed = vec![Home(1), Home(2)];
        event.parameters = vec!["name".to_owned()];
        event.remote = Some("127.0.0.1".to_owned());
        event.reason = Some("急救".to_owned());
        event.review = true;
        event.detail = Some("not-found".to_owned());
        AuditRecord { sequence: 7, event }
    }

    #[test]
    fn every_kind_of_event_is_a_valid_resource() {
        for action in AuditAction::ALL {
            let full = core(&record(*action), Some("王医生"));
            let least = AuditEvent::new(0, "", TenantId(0), *action, Outcome::Success);
            let least = core(&AuditRecord { sequence: 0, event: least }, None);
            for resource in [full, least] {
                let errors: Vec<_> = formats::fhir::validate(&resource)
                    .into_iter()
                    .filter(|issue| issue.severity >= model::Severity::Error)
                    .collect();
                assert!(errors.is_empty(), "{action:?}: {errors:?}");
            }
        }
    }

    #[test]
    fn an_event_says_who_what_when_and_how_it_ended() {
        let resource = core(&record(AuditAction::Read), Some("王医生"));
        assert_eq!(resource["id"], "log-7");
        assert_eq!(resource["recorded"], "2023-11-14T22:13:20.120Z");
        assert_eq!((&resource["action"], &resource["outcome"]), (&json!("R"), &json!("4")));
        assert_eq!(resource["subtype"][0]["code"], "read");
        assert_eq!(resource["agent"][0]["altId"], "doctor");
        assert_eq!(resource["agent"][0]["name"], "王医生");
        assert_eq!(resource["agent"][0]["role"][0]["coding"][0]["code"], "clinician");
        assert_eq!(resource["agent"][1]["who"]["identifier"]["value"], "99012110000000000001");
        assert_eq!(resource["purposeOfEvent"][0]["coding"][0]["code"], "TREAT");
        let details = resource["entity"][0]["detail"].as_array().unwrap();
        assert!(details.contains(&json!({"type": "registrations", "valueString": "2"})), "{details:?}");
    }

    #[test]
    fn an_id_names_one_place_in_the_log() {
        assert_eq!(sequence_of("log-0"), Some(0));
        assert_eq!(sequence_of("log-17"), Some(17));
        for id in ["", "log-", "log-01", "log-+1", "log--1", "17", "log-1x", "log-99999999999999999999"] {
            assert_eq!(sequence_of(id), None, "{id}");
        }
    }
}
