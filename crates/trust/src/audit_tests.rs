use std::collections::BTreeSet;

use super::*;
use crate::{Account, Interaction, decide};

fn event() -> AuditEvent {
    let mut account = Account::new("dr.li", Role::Clinician, TenantId(1));
    account.grants = "user/*.rs".parse().unwrap();
    account.institution = Some("county-hospital".into());
    let actor = account.actor();
    let decision = decide(&actor, Interaction::Read, "Patient", Purpose::EmergencyTreatment);
    let mut event = AuditEvent::new(1_700_000_000_120, "req-1", TenantId(1), AuditAction::Everything, Outcome::Success)
        .by(&actor, Purpose::EmergencyTreatment)
        .decided(&decision);
    event.route = "/fhir/R4/Patient/{id}/$everything".into();
    event.disclosed = vec![Home(7)];
    event.resources = 40;
    event.parameters = vec!["_count".into()];
    event.reason = Some("昏迷".into());
    event
}

/// The log outlives the program: the text of an event is a format.
#[test]
fn an_event_is_stored_like_this() {
    let expected = concat!(
        r#"{"at_ms":1700000000120,"request_id":"req-1","tenant":1,"actor":"dr.li","role":"clinician","#,
        r#""institution":"county-hospital","purpose":"ETREAT","action":"everything","#,
        r#""route":"/fhir/R4/Patient/{id}/$everything","outcome":"success","rule":"clinician-emergency","#,
        r#""disclosed":[7],"resources":40,"parameters":["_count"],"reason":"昏迷","review":true}"#
    );
    assert_eq!(serde_json::to_string(&event()).unwrap(), expected);
    assert_eq!(serde_json::from_str::<AuditEvent>(expected).unwrap(), event());
}

#[test]
fn the_least_event_reads_back() {
    let least = AuditEvent::new(0, "", TenantId(0), AuditAction::NotSignedIn, Outcome::Denied);
    let json = serde_json::to_string(&least).unwrap();
    assert_eq!(serde_json::from_str::<AuditEvent>(&json).unwrap(), least);
}

#[test]
fn every_action_has_one_code_and_both_sentences() {
    let codes: BTreeSet<_> = AuditAction::ALL.iter().map(|action| action.code()).collect();
    assert_eq!(codes.len(), AuditAction::ALL.len());
    let page = events_markdown();
    for action in AuditAction::ALL {
        assert_eq!(serde_json::to_value(action).unwrap(), action.code());
        assert!("CRUDE".contains(action.fhir_action()));
        assert!(!action.zh().is_ascii() && action.en().is_ascii());
        assert!(page.contains(&format!("| `{}` |", action.code())));
    }
}

#[test]
fn names_of_parameters_are_kept_and_values_never() {
    let table = [
        ("", vec![]),
        ("name=%E5%BC%A0&birthdate=ge1980", vec!["name", "birthdate"]),
        (
            "subject:Patient.name=x&_has%3AObservation%3Apatient%3Acode=1",
            vec!["subject:Patient.name", "_has:Observation:patient:code"],
        ),
        ("990101199001011234=&%E5%BC%A0%E4%B8%89&=x&a&&", vec!["(other)", "(other)", "(other)", "a"]),
    ];
    for (query, expected) in table {
        assert_eq!(parameter_names(query), expected, "{query}");
    }
    assert_eq!(parameter_names(&"a=1&".repeat(1000)).len(), PARAMETER_NAMES_MAX);
    assert_eq!(parameter_names(&"a".repeat(1000)), ["(other)"]);
}
