use std::collections::BTreeSet;

use model::Home;
use proptest::prelude::*;

use super::*;
use crate::account::Account;
use model::TenantId;

fn actor(role: Role, grants: &str) -> Actor {
    let mut account = Account::new("somebody", role, TenantId(1));
    account.grants = grants.parse().unwrap();
    account.patients = [Home(7)].into();
    account.actor()
}

const EVERYTHING: &str = "system/*.cruds";
const DIRECTORY: [&str; 5] = ["Organization", "Practitioner", "PractitionerRole", "Location", "Medication"];
const ADMINISTRATORS: [Role; 4] =
    [Role::SystemAdministrator, Role::SecurityAdministrator, Role::AuditAdministrator, Role::PlatformOperator];

/// role, interaction letter, type, purpose -> rule that decides, with all grants given.
const EXPECTED: &[(&str, char, &str, Purpose, &str)] = &[
    ("machine", 'c', "Observation", Purpose::Treatment, "machine-exchange"),
    ("machine", 's', "Patient", Purpose::Operations, "machine-exchange"),
    ("machine", 'd', "Patient", Purpose::PublicHealth, "machine-exchange"),
    ("machine", 'r', "Patient", Purpose::EmergencyTreatment, "!emergency-access-is-personal"),
    ("machine", 'r', "Patient", Purpose::PersonRequest, "!person-request-comes-from-the-person"),
    ("machine", 's', "Observation", Purpose::Research, "!research-needs-deidentified-data"),
    ("machine", 's', "Organization", Purpose::Research, "machine-directory-for-research"),
    ("machine", 'u', "AuditEvent", Purpose::Operations, "!audit-is-append-only"),
    ("machine", 'c', "AuditEvent", Purpose::Operations, "machine-exchange"),
    ("clinician", 'r', "Condition", Purpose::Treatment, "clinician-treats"),
    // Who could write these could make a ground for themselves, or a stranger a part of their patient.
    ("clinician", 'u', "Condition", Purpose::Treatment, "!no-rule"),
    ("clinician", 'd', "Condition", Purpose::Treatment, "!no-rule"),
    ("clinician", 'c', "Encounter", Purpose::Treatment, "!no-rule"),
    ("family-doctor", 'c', "CareTeam", Purpose::Treatment, "!no-rule"),
    ("family-doctor", 'u', "Task", Purpose::Treatment, "!no-rule"),
    ("clinician", 'u', "Person", Purpose::Treatment, "!no-rule"),
    ("clinician", 'c', "Person", Purpose::Treatment, "!no-rule"),
    ("clinician", 'u', "Patient", Purpose::Treatment, "!no-rule"),
    ("clinician", 'd', "Patient", Purpose::Treatment, "!no-rule"),
    ("clinician", 'r', "Claim", Purpose::Treatment, "clinician-sees-costs"),
    ("clinician", 'u', "Provenance", Purpose::Treatment, "!no-rule"),
    ("clinician", 'r', "Provenance", Purpose::Treatment, "clinician-treats"),
    ("clinician", 'c', "Provenance", Purpose::Treatment, "!no-rule"),
    ("clinician", 'r', "Patient", Purpose::EmergencyTreatment, "clinician-emergency"),
    ("clinician", 'u', "Patient", Purpose::EmergencyTreatment, "!no-rule"),
    ("clinician", 's', "Condition", Purpose::PublicHealth, "clinician-public-health"),
    ("clinician", 'r', "Condition", Purpose::Operations, "!no-rule"),
    ("clinician", 'r', "Organization", Purpose::Operations, "directory-is-open-inside"),
    ("clinician", 'c', "Organization", Purpose::Treatment, "!no-rule"),
    ("clinician", 'r', "AuditEvent", Purpose::Treatment, "!no-rule"),
    ("resident", 's', "Observation", Purpose::PersonRequest, "resident-reads-own"),
    ("resident", 'r', "AuditEvent", Purpose::PersonRequest, "resident-reads-own"),
    ("resident", 'c', "Observation", Purpose::PersonRequest, "!resident-changes-nothing"),
    ("resident", 'r', "Observation", Purpose::Treatment, "!no-rule"),
    ("resident", 'r', "Practitioner", Purpose::PersonRequest, "directory-is-open-inside"),
    ("system-administrator", 'r', "Patient", Purpose::Operations, "!administrators-read-no-records"),
    ("security-administrator", 'r', "AuditEvent", Purpose::Operations, "!administrators-read-no-records"),
    ("platform-operator", 's', "Organization", Purpose::Operations, "!administrators-read-no-records"),
    ("audit-administrator", 's', "AuditEvent", Purpose::Operations, "audit-administrator-reads-audit"),
    ("audit-administrator", 'd', "AuditEvent", Purpose::Operations, "!audit-is-append-only"),
    ("audit-administrator", 'r', "Patient", Purpose::Operations, "!audit-administrator-reads-no-records"),
];

#[test]
fn the_table_says_what_is_expected_of_it() {
    for (role, letter, type_name, purpose, rule) in EXPECTED {
        let interaction = Interaction::ALL.into_iter().find(|known| known.letter() == *letter).unwrap();
        let decision = decide(&actor(role.parse().unwrap(), EVERYTHING), interaction, type_name, *purpose);
        let said = format!("{}{}", if decision.allow { "" } else { "!" }, decision.rule);
        assert_eq!(said, *rule, "{role} {letter} {type_name} {purpose:?}");
    }
}

/// 三员分立 over every cell, not over examples.
#[test]
fn no_administrator_touches_a_health_record() {
    for role in ADMINISTRATORS {
        let who = actor(role, EVERYTHING);
        for purpose in Purpose::ALL {
            for code in TypeCode::all().filter(|code| code.name() != "AuditEvent") {
                for interaction in Interaction::ALL {
                    assert!(!decide_code(&who, interaction, code, purpose).allow, "{role:?} {interaction:?} {code}");
                }
            }
            match scope(&who, purpose) {
                Ok(filter) => assert!(role == Role::AuditAdministrator && filter.types_readable("AuditEvent")),
                Err(denied) => assert!(!denied.zh.is_empty()),
            }
        }
    }
}

#[test]
fn research_sees_no_record_and_nobody_rewrites_audit() {
    for role in Role::ALL {
        let who = actor(role, EVERYTHING);
        for code in TypeCode::all() {
            for interaction in Interaction::ALL {
                let research = decide_code(&who, interaction, code, Purpose::Research);
                assert!(!research.allow || DIRECTORY.contains(&code.name()), "{role:?} {code}");
            }
        }
        for purpose in Purpose::ALL {
            assert!(!decide(&who, Interaction::Update, "AuditEvent", purpose).allow);
            assert!(!decide(&who, Interaction::Delete, "AuditEvent", purpose).allow);
        }
    }
}

#[test]
fn grants_and_table_must_both_allow() {
    let reader = actor(Role::Machine, "system/Observation.rs");
    assert!(decide(&reader, Interaction::Read, "Observation", Purpose::Operations).allow);
    let refused = decide(&reader, Interaction::Create, "Observation", Purpose::Operations);
    assert_eq!((refused.allow, refused.rule), (false, "not-granted"));
    assert_eq!(decide(&reader, Interaction::Read, "Patient", Purpose::Operations).rule, "not-granted");
    assert_eq!(decide(&reader, Interaction::Read, "Basic", Purpose::Operations).rule, "unknown-type");
}

#[test]
fn a_refusal_becomes_a_failure_with_both_sentences() {
    let nobody = actor(Role::SystemAdministrator, EVERYTHING);
    let denied = scope(&nobody, Purpose::Operations).unwrap_err();
    let failure = Failure::from(denied);
    assert_eq!(failure.code, ErrorCode::Forbidden);
    assert!(failure.detail.contains("administrators-read-no-records") && failure.detail.contains("三员分立"));
    assert_eq!(scope(&actor(Role::Machine, ""), Purpose::Operations).unwrap_err().rule, "not-granted");
}

#[test]
fn emergency_access_has_its_obligations() {
    let decision =
        decide(&actor(Role::Clinician, "user/*.rs"), Interaction::Read, "Patient", Purpose::EmergencyTreatment);
    assert_eq!(decision.obligations, [Obligation::StateReason, Obligation::Review]);
    let usual = decide(&actor(Role::Clinician, "user/*.rs"), Interaction::Read, "Patient", Purpose::Treatment);
    assert!(usual.allow && usual.obligations.is_empty());
}

#[test]
fn residents_are_bound_to_their_own_registrations() {
    // Even grants for everything do not unbind a resident.
    let filter = scope(&actor(Role::Resident, EVERYTHING), Purpose::PersonRequest).unwrap();
    assert_eq!(*filter.patients(), Patients::Only([Home(7)].into()));
    let (patient, observation, organization) =
        (TypeCode::PATIENT, TypeCode::of("Observation").unwrap(), TypeCode::of("Organization").unwrap());
    assert!(filter.admits(patient, Home(7)) && filter.admits(observation, Home(7)));
    assert!(!filter.admits(patient, Home(8)) && !filter.admits(observation, Home::SHARED));
    assert!(filter.admits(organization, Home::SHARED) && !filter.is_unrestricted());
    assert!(filter.hidden_labels().is_empty(), "nothing of one's own record is hidden from oneself");
    // A SMART launch for one patient binds a clinician's program too.
    let launched = scope(&actor(Role::Clinician, "patient/*.rs user/Practitioner.rs"), Purpose::Treatment).unwrap();
    assert_eq!(*launched.patients(), Patients::Only([Home(7)].into()));
    let nobody = Actor { patients: BTreeSet::new(), ..actor(Role::Resident, EVERYTHING) };
    let nothing = scope(&nobody, Purpose::PersonRequest).unwrap();
    assert!(!nothing.admits(patient, Home(7)) && !nothing.admits(patient, Home::SHARED));
}

#[test]
fn labels_are_hidden_until_they_are_granted() {
    let hidden = |role, grants: &str, purpose| {
        let filter = scope(&actor(role, grants), purpose).unwrap();
        filter.hidden_labels().iter().map(|(_, code)| *code).collect::<String>()
    };
    assert_eq!(hidden(Role::Machine, EVERYTHING, Purpose::Operations), "RV");
    assert_eq!(hidden(Role::Machine, "system/*.cruds label/R", Purpose::Operations), "V");
    assert_eq!(hidden(Role::Machine, "system/*.cruds label/R label/V", Purpose::Operations), "");
    assert_eq!(hidden(Role::Machine, EVERYTHING, Purpose::PublicHealth), "V");
    assert_eq!(hidden(Role::Clinician, "user/*.rs", Purpose::Treatment), "V");
    assert_eq!(hidden(Role::Clinician, "user/*.rs", Purpose::EmergencyTreatment), "");
    let filter = scope(&actor(Role::Machine, EVERYTHING), Purpose::Operations).unwrap();
    assert!(filter.hides(CONFIDENTIALITY_SYSTEM, "V") && !filter.hides(CONFIDENTIALITY_SYSTEM, "N"));
    assert!(!filter.hides("urn:other", "V") && !filter.is_unrestricted());
    let open = scope(&actor(Role::Machine, "system/*.cruds label/R label/V"), Purpose::Operations).unwrap();
    assert!(open.is_unrestricted());
    assert_eq!(open, Filter::unrestricted());
}

#[test]
fn who_may_only_write_gets_a_filter_that_shows_nothing() {
    let filter = scope(&actor(Role::Machine, "system/*.c"), Purpose::Operations).unwrap();
    assert!(TypeCode::all().all(|code| !filter.is_readable(code) && !filter.is_searchable(code)));
}

#[test]
fn the_three_administrators_share_no_duty() {
    let holds = |role, duty| may(&actor(role, ""), duty, None).allow;
    let separate = [Duty::ManageAccounts, Duty::AssignGrants, Duty::ReadAuditLog];
    for role in Role::ALL {
        assert!(separate.into_iter().filter(|duty| holds(role, *duty)).count() <= 1, "{role:?}");
    }
    assert!(holds(Role::SystemAdministrator, Duty::ManageAccounts));
    assert!(holds(Role::SecurityAdministrator, Duty::AssignGrants));
    assert!(holds(Role::AuditAdministrator, Duty::ReadAuditLog));
    assert!(holds(Role::Resident, Duty::ReadOwnAccessLog) && !holds(Role::Clinician, Duty::ReadOwnAccessLog));
    assert!(holds(Role::PlatformOperator, Duty::OperatePlatform) && !holds(Role::Machine, Duty::OperatePlatform));
}

#[test]
fn nobody_grants_to_oneself() {
    let officer = actor(Role::SecurityAdministrator, "");
    assert!(may(&officer, Duty::AssignGrants, Some("somebody-else")).allow);
    assert_eq!(may(&officer, Duty::AssignGrants, Some("somebody")).rule, "not-about-oneself");
    assert!(!may(&actor(Role::SystemAdministrator, ""), Duty::AssignGrants, Some("somebody-else")).allow);
}

#[test]
fn the_usual_purpose_lets_each_role_do_its_work() {
    for (role, type_name) in [
        (Role::Machine, "Observation"),
        (Role::Clinician, "Observation"),
        (Role::Resident, "Observation"),
        (Role::AuditAdministrator, "AuditEvent"),
    ] {
        assert!(decide(&actor(role, EVERYTHING), Interaction::Read, type_name, usual_purpose(role)).allow, "{role:?}");
    }
}

proptest! {
    /// The filter that enters a plan and the decision on a single act never disagree, whatever was granted.
    #[test]
    fn scope_and_decide_agree(
        role in prop::sample::select(Role::ALL.to_vec()),
        purpose in prop::sample::select(Purpose::ALL.to_vec()),
        words in prop::collection::vec(
            (prop::sample::select(vec!["system", "user", "patient"]),
             prop::sample::select(TypeCode::all().map(TypeCode::name).chain(["*"; 6]).collect::<Vec<_>>()),
             prop::sample::select(vec!["r", "s", "rs", "cruds", "cud", "c"])), 0..4),
    ) {
        let words: Vec<String> = words.iter().map(|(context, name, letters)| format!("{context}/{name}.{letters}")).collect();
        let who = actor(role, &words.join(" "));
        let anything = TypeCode::all().any(|code| {
            Interaction::ALL.into_iter().any(|interaction| decide_code(&who, interaction, code, purpose).allow)
        });
        let filter = scope(&who, purpose);
        prop_assert_eq!(filter.is_ok(), anything);
        let Ok(filter) = filter else { return Ok(()) };
        for code in TypeCode::all() {
            prop_assert_eq!(filter.types_readable(code.name()), decide(&who, Interaction::Read, code.name(), purpose).allow);
            prop_assert_eq!(filter.types_searchable(code.name()), decide(&who, Interaction::Search, code.name(), purpose).allow);
        }
        prop_assert_eq!(*filter.patients() == Patients::All, !needs_ground(&who) && !who.grants.is_patient_bound());
    }
}

#[test]
fn clinicians_and_residents_need_a_ground_and_programs_do_not() {
    for role in Role::ALL {
        let expected = matches!(role, Role::Clinician | Role::FamilyDoctor | Role::Resident);
        assert_eq!(needs_ground(&actor(role, EVERYTHING)), expected, "{role:?}");
    }
    assert!(!needs_ground(&actor(Role::Clinician, "user/*.rs ground/any")));
    let filter = scope(&actor(Role::Clinician, "user/*.rs"), Purpose::Treatment).unwrap();
    assert_eq!(*filter.patients(), Patients::Only([Home(7)].into()));
    let any = scope(&actor(Role::Clinician, "user/*.rs ground/any"), Purpose::Treatment).unwrap();
    assert_eq!(*any.patients(), Patients::All);
}

/// Who may look on which ground, for which purpose: over every cell.
#[test]
fn each_ground_counts_for_its_role_and_purpose_only() {
    let mut seen = String::new();
    for role in Role::ALL {
        for purpose in Purpose::ALL {
            for rule in grounds_for(role, purpose) {
                seen.push_str(&format!("{} {} {}\n", role.code(), purpose.code(), rule.kind.code()));
            }
        }
    }
    let expected = "clinician TREAT visit\nclinician ETREAT emergency\nclinician PUBHLTH visit\n\
        resident PATRQT own\nresident PATRQT proxy\n\
        family-doctor TREAT visit\nfamily-doctor TREAT contract\nfamily-doctor ETREAT emergency\n\
        family-doctor PUBHLTH visit\nfamily-doctor PUBHLTH contract\n";
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&seen), sorted(expected));
}
