//! The `CapabilityStatement`: what this server can do, made from what is wired (the list of routes and the compiled search
//! parameters), so that it cannot promise anything else. `crates/kangmai/tests/capabilities.rs` walks it line by line.

use axum::http::StatusCode;
use model::{Purpose, TenantId, TypeCode, instant_text};
use records::parameters::{Kind, kind_name};
use records::{Parameter, Parameters};
use serde_json::{Value, json};
use trust::{Account, Interaction, Role, decide};

use crate::answer::{Answer, Outcome};
use crate::caller::identify;
use crate::routes::{Method, ROUTES, Route};
use crate::visit::Visit;

/// When the statement last changed its meaning; the day of the release.
const DATE: &str = "2026-11-21";

/// What a search of the whole system needs.
const SEARCH_SYSTEM: &str = "one or more resource types in _type, separated by commas, and parameters that all of them have; \
    hits come newest first by clinical date, or in the order of _sort";

/// `GET /metadata`.
pub async fn show(visit: &Visit) -> Outcome {
    super::no_parameters(visit)?;
    // Anybody may ask; whoever shows a token sees the search parameters of their tenant as well.
    let tenant = identify(&visit.app, &visit.headers).ok().map(|actor| actor.tenant);
    let statement =
        statement(&visit.records().parameters(tenant)?, &visit.base_url(), &instant_text(visit.app.started_ms));
    Ok(Answer::fhir(StatusCode::OK, &statement))
}

/// What a route is in the words of a `CapabilityStatement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    OfSystem(&'static [&'static str]),
    OfType(&'static str),
    /// Operation: its name, its definition, and the only type that has it (none: the system and every type).
    Operation(&'static str, &'static str, Option<&'static str>),
    /// Another door to something already offered, or the statement itself.
    Nothing,
}

fn offer(route: &Route) -> Offer {
    const VALIDATE: Offer =
        Offer::Operation("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate", None);
    let Some(path) = route.path.strip_prefix("/fhir/R4") else { return Offer::Nothing };
    match (route.method, path) {
        (Method::Get, "") => Offer::OfSystem(&["search-system"]),
        (Method::Post, "") => Offer::OfSystem(&["transaction", "batch"]),
        (Method::Get, "/_history") => Offer::OfSystem(&["history-system"]),
        (Method::Post, "/$validate" | "/{type}/$validate") => VALIDATE,
        (Method::Get, "/{type}") => Offer::OfType("search-type"),
        (Method::Post, "/{type}") => Offer::OfType("create"),
        (Method::Get, "/{type}/_history") => Offer::OfType("history-type"),
        (Method::Get, "/{type}/{id}") => Offer::OfType("read"),
        (Method::Put, "/{type}/{id}") => Offer::OfType("update"),
        (Method::Patch, "/{type}/{id}") => Offer::OfType("patch"),
        (Method::Delete, "/{type}/{id}") => Offer::OfType("delete"),
        (Method::Get, "/{type}/{id}/_history") => Offer::OfType("history-instance"),
        (Method::Get, "/{type}/{id}/_history/{version}") => Offer::OfType("vread"),
        (Method::Get, "/{type}/{id}/$everything") => Offer::Operation(
            "everything",
            "http://hl7.org/fhir/OperationDefinition/Patient-everything",
            Some("Patient"),
        ),
        (Method::Post, "/{type}/$match") => {
            Offer::Operation("match", "http://hl7.org/fhir/OperationDefinition/Patient-match", Some("Patient"))
        }
        (Method::Get | Method::Post, "/{type}/$ihe-pix") => Offer::Operation(
            "ihe-pix",
            "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
            Some("Patient"),
        ),
        _ => Offer::Nothing,
    }
}

fn statement(parameters: &Parameters, base_url: &str, started: &str) -> Value {
    let offers: Vec<Offer> = ROUTES.iter().map(offer).collect();
    let of_system: Vec<Value> = offers
        .iter()
        .filter_map(|offer| if let Offer::OfSystem(codes) = offer { Some(*codes) } else { None })
        .flatten()
        .map(|code| match *code {
            "search-system" => json!({"code": code, "documentation": SEARCH_SYSTEM}),
            "history-system" => json!({"code": code, "documentation": "_since, _at, _count"}),
            code => json!({"code": code}),
        })
        .collect();
    let resources: Vec<Value> = TypeCode::all().map(|code| resource(parameters, code, &offers)).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": {"name": "Kangmai 康脉", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": format!("running since {started}"), "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [{
            "mode": "server",
            "documentation": "Unknown search parameters are errors (Prefer: handling=strict is the default); pages are stable; \
                every request is written to an audit log with the purpose in X-Purpose-Of-Use.",
            "security": {
                "cors": false,
                "description": "Bearer tokens of this platform; SMART v2 scopes say what a token may do.",
            },
            "resource": resources,
            "interaction": of_system,
            "searchParam": common(parameters),
            "operation": operations(&offers, None),
        }],
    })
}

/// What every type can be asked, and with it a search over any of them.
fn common(parameters: &Parameters) -> Vec<Value> {
    let mut found = vec![json!({"name": "_type", "type": "special", "documentation": SEARCH_SYSTEM})];
    let is_of_all = |code: &str| TypeCode::all().all(|type_code| parameters.get(type_code, code).is_some());
    let of_first = TypeCode::all().next().into_iter().flat_map(|type_code| parameters.of_type(type_code));
    found.extend(
        of_first
            .filter(|parameter| is_of_all(&parameter.code))
            .map(|parameter| json!({"name": parameter.code, "type": kind_name(parameter.kind)})),
    );
    found
}

fn operations(offers: &[Offer], type_name: Option<&str>) -> Vec<Value> {
    let mut names = Vec::new();
    let mut found = Vec::new();
    for offer in offers {
        let Offer::Operation(name, definition, only) = offer else { continue };
        let is_here = only.is_none() || *only == type_name;
        if is_here && !names.contains(name) {
            names.push(*name);
            found.push(json!({"name": name, "definition": definition}));
        }
    }
    found
}

/// What the decision table would ask about an interaction.
fn asks(code: &str) -> Interaction {
    match code {
        "create" => Interaction::Create,
        "update" | "patch" => Interaction::Update,
        "delete" => Interaction::Delete,
        "search-type" => Interaction::Search,
        _ => Interaction::Read,
    }
}

/// Whether the decision table lets anybody do this, whoever they are and whatever they were granted. What nobody may do is
/// not offered: audit events are never changed.
fn is_ever_allowed(interaction: Interaction, type_code: TypeCode) -> bool {
    let Ok(grants) = "system/*.cruds user/*.cruds patient/*.cruds".parse() else { return false };
    let mut actor = Account::new("anybody", Role::Machine, TenantId(1)).actor();
    actor.grants = grants;
    Role::ALL.into_iter().any(|role| {
        actor.role = role;
        Purpose::ALL.into_iter().any(|purpose| decide(&actor, interaction, type_code.name(), purpose).allow)
    })
}

fn resource(parameters: &Parameters, type_code: TypeCode, offers: &[Offer]) -> Value {
    let codes: Vec<&str> = offers
        .iter()
        .filter_map(|offer| if let Offer::OfType(code) = offer { Some(*code) } else { None })
        .filter(|code| is_ever_allowed(asks(code), type_code))
        .collect();
    let interactions: Vec<Value> = codes.iter().map(|code| json!({"code": code})).collect();
    let is_wired = |method, code| {
        codes.contains(&code) && ROUTES.iter().any(|route| route.method == method && route.path == "/fhir/R4/{type}")
    };
    let search: Vec<Value> = parameters.of_type(type_code).map(search_parameter).collect();
    let includes: Vec<String> = parameters
        .of_type(type_code)
        .filter(|parameter| parameter.kind == Kind::Reference)
        .map(|parameter| format!("{type_code}:{}", parameter.code))
        .collect();
    let mut described = json!({
        "type": type_code.name(),
        "profile": format!("http://hl7.org/fhir/StructureDefinition/{type_code}"),
        "interaction": interactions,
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": codes.contains(&"update"),
        "conditionalCreate": is_wired(Method::Post, "create"),
        "conditionalRead": "full-support",
        "conditionalUpdate": is_wired(Method::Put, "update"),
        "conditionalDelete": if is_wired(Method::Delete, "delete") { "single" } else { "not-supported" },
        "searchInclude": includes,
        "searchRevInclude": reverse_includes(parameters, type_code),
        "searchParam": search,
        "operation": operations(offers, Some(type_code.name())),
    });
    if type_code == TypeCode::PATIENT {
        described["documentation"] = json!(super::feed::DOCUMENTATION);
        described["supportedProfile"] = json!([super::feed::PROFILE]);
    }
    if type_code.name() == "AuditEvent" {
        described["documentation"] = json!(super::audit_log::documentation());
    }
    described
}

fn reverse_includes(parameters: &Parameters, target: TypeCode) -> Vec<String> {
    let mut found = Vec::new();
    for source in TypeCode::all() {
        for parameter in parameters.of_type(source).filter(|parameter| parameter.kind == Kind::Reference) {
            if parameter.targets.iter().any(|name| name == target.name() || name == "Resource") {
                found.push(format!("{source}:{}", parameter.code));
            }
        }
    }
    found
}

fn search_parameter(parameter: &Parameter) -> Value {
    let mut described = json!({"name": parameter.code, "type": kind_name(parameter.kind)});
    if let Some(definition) = &parameter.definition {
        described["definition"] = json!(definition);
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fhir_route_is_offered_or_is_another_door() {
        let other_doors = [
            "GET /fhir/R4/metadata",
            "GET /fhir/R4/",
            "POST /fhir/R4/",
            "POST /fhir/R4/_search",
            "POST /fhir/R4/{type}/_search",
            "PUT /fhir/R4/{type}",
            "PATCH /fhir/R4/{type}",
            "DELETE /fhir/R4/{type}",
        ];
        for route in ROUTES.iter().filter(|route| route.path.starts_with("/fhir")) {
            let is_other_door = other_doors.contains(&route.template().as_str());
            assert_eq!(offer(route) == Offer::Nothing, is_other_door, "{}", route.template());
        }
    }

    #[test]
    fn the_statement_lists_what_is_wired() {
        let parameters = Parameters::load().unwrap();
        let statement = statement(&parameters, "http://localhost/fhir/R4", "now");
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        assert_eq!(resources.len(), TypeCode::all().count());
        let patient = &resources[0];
        assert_eq!(patient["type"], "Patient");
        assert!(
            patient["searchParam"]
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it["name"] == "birthdate" && it["type"] == "date")
        );
        assert!(patient["operation"].as_array().unwrap().iter().any(|it| it["name"] == "everything"));
        assert!(patient["searchRevInclude"].as_array().unwrap().iter().any(|it| it == "Observation:subject"));
        let codes: Vec<_> =
            statement["rest"][0]["interaction"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
        assert_eq!(codes.len(), 4, "{codes:?}");
    }
}
