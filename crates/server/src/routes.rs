//! Every route of the server, as one list: method, path, what the audit log calls it, who may come, and what answers.
//! The `CapabilityStatement` and the names in metrics and audit events are made from this list.

use std::future::Future;
use std::pin::Pin;

use trust::AuditAction;

use crate::answer::Outcome;
use crate::outcome::Face;
use crate::visit::Visit;
use crate::{api, fhir};

/// Who may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: nothing about a person is in the answer.
    Open,
    /// The bearer of a token who may see some records.
    SignedIn,
    /// The bearer of a token who comes for a duty of the decision table; the handler asks which.
    OnDuty,
}

/// The methods that routes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "HTTP methods are their own documentation")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    /// Whatever matched no other line.
    Any,
}

impl Method {
    /// The word in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Any => "*",
        }
    }
}

/// A handler's promise.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One line of the list.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{name}` is a parameter.
    pub path: &'static str,
    /// What metrics, logs and the list of who looked call it.
    pub name: &'static str,
    /// What the audit log calls it.
    pub action: AuditAction,
    /// Who may come.
    pub access: Access,
    /// What answers.
    pub handler: for<'a> fn(&'a Visit) -> Answering<'a>,
}

impl Route {
    /// What the audit log says instead of the address.
    pub fn template(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    /// The line that an audit event came from, if it still exists.
    pub fn of_template(template: &str) -> Option<&'static Self> {
        let (method, path) = template.split_once(' ')?;
        ROUTES.iter().find(|route| route.path == path && route.method.as_str() == method)
    }

    /// How errors look on this route.
    pub fn face(&self) -> Face {
        if self.path.starts_with("/api") { Face::Api } else { Face::Fhir }
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $name:literal $action:ident $access:ident $handler:path;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            name: $name,
            action: AuditAction::$action,
            access: Access::$access,
            handler: |visit| Box::pin($handler(visit)),
        },)*]
    };
}

/// The list.
pub static ROUTES: &[Route] = routes! {
    // FHIR R4: what this server is
    Get    "/fhir/R4/metadata"                         "capabilities" Read          Open     fhir::metadata::show;
    // FHIR R4: the system
    Get    "/fhir/R4"                                  "search"       Search        SignedIn fhir::search::system;
    Get    "/fhir/R4/"                                 "search"       Search        SignedIn fhir::search::system;
    Post   "/fhir/R4"                                  "bundle"       Transaction   SignedIn fhir::bundle::submit;
    Post   "/fhir/R4/"                                 "bundle"       Transaction   SignedIn fhir::bundle::submit;
    Post   "/fhir/R4/_search"                          "search"       Search        SignedIn fhir::search::system_by_form;
    Get    "/fhir/R4/_history"                         "history"      History       SignedIn fhir::history::system;
    Post   "/fhir/R4/$validate"                        "validate"     Validate      SignedIn fhir::validate::any;
    // FHIR R4: a type
    Get    "/fhir/R4/{type}"                           "search"       Search        SignedIn fhir::search::of_type;
    Post   "/fhir/R4/{type}"                           "create"       Create        SignedIn fhir::write::create;
    Put    "/fhir/R4/{type}"                           "update"       Update        SignedIn fhir::write::update_where;
    Patch  "/fhir/R4/{type}"                           "patch"        Patch         SignedIn fhir::write::patch_where;
    Delete "/fhir/R4/{type}"                           "delete"       Delete        SignedIn fhir::write::delete_where;
    Post   "/fhir/R4/{type}/_search"                   "search"       Search        SignedIn fhir::search::of_type_by_form;
    Get    "/fhir/R4/{type}/_history"                  "history"      History       SignedIn fhir::history::of_type;
    Post   "/fhir/R4/{type}/$validate"                 "validate"     Validate      SignedIn fhir::validate::of_type;
    Post   "/fhir/R4/{type}/$match"                    "match"        Matched       SignedIn fhir::match_::run;
    Get    "/fhir/R4/{type}/$ihe-pix"                  "pix"          Matched       SignedIn fhir::pix::by_query;
    Post   "/fhir/R4/{type}/$ihe-pix"                  "pix"          Matched       SignedIn fhir::pix::by_parameters;
    // FHIR R4: one resource
    Get    "/fhir/R4/{type}/{id}"                      "read"         Read          SignedIn fhir::read::current;
    Put    "/fhir/R4/{type}/{id}"                      "update"       Update        SignedIn fhir::write::update;
    Patch  "/fhir/R4/{type}/{id}"                      "patch"        Patch         SignedIn fhir::write::patch;
    Delete "/fhir/R4/{type}/{id}"                      "delete"       Delete        SignedIn fhir::write::delete;
    Get    "/fhir/R4/{type}/{id}/_history"             "history"      History       SignedIn fhir::history::of_instance;
    Get    "/fhir/R4/{type}/{id}/_history/{version}"   "vread"        VersionRead   SignedIn fhir::read::version;
    Get    "/fhir/R4/{type}/{id}/$everything"          "everything"   Everything    SignedIn fhir::everything::show;
    // The portal: who I am
    Post   "/api/v1/session"                           "sign-in"      SignIn        Open     api::session::sign_in;
    Get    "/api/v1/session"                           "session"      Read          OnDuty   api::session::show;
    Delete "/api/v1/session"                           "sign-out"     SignOut       OnDuty   api::session::sign_out;
    // The portal: one person
    Get    "/api/v1/persons"                           "find-person"  Search        SignedIn api::find::by_query;
    Post   "/api/v1/persons/search"                    "find-person"  Search        SignedIn api::find::by_form;
    Get    "/api/v1/persons/{id}/summary"              "summary"      Everything    SignedIn api::summary::show;
    Get    "/api/v1/persons/{id}/timeline"             "timeline"     Search        SignedIn api::timeline::show;
    Get    "/api/v1/persons/{id}/trend"                "trend"        Search        SignedIn api::trend::show;
    Get    "/api/v1/persons/{id}/access"               "access-log"   AccessLogRead SignedIn api::access::show;
    Get    "/api/v1/persons/{id}/medicines"            "medicines"    Search        SignedIn api::medicines::show;
    Get    "/api/v1/persons/{id}/reports"              "reports"      Search        SignedIn api::reports::show;
    Get    "/api/v1/persons/{id}/bills"                "bills"        Search        SignedIn api::bills::show;
    Post   "/api/v1/persons/{id}/emergency"            "open-emergency" EmergencyOpened SignedIn api::emergency::open;
    Get    "/api/v1/persons/{id}/objections"           "objections"   Search        SignedIn api::objections::of_person;
    Post   "/api/v1/persons/{id}/objections"           "object"       ObjectionMade SignedIn api::objections::make;
    // The portal: whom I see, and why
    Get    "/api/v1/worklist"                          "worklist"     Search        SignedIn api::worklist::show;
    Get    "/api/v1/me"                                "me"           Read          SignedIn api::me::show;
    Get    "/api/v1/contracts"                         "contracts"    Search        SignedIn api::contracts::list;
    Get    "/api/v1/lists"                             "lists"        Search        SignedIn api::contracts::lists;
    Get    "/api/v1/lists/{list}"                      "list"         Search        SignedIn api::contracts::show;
    Post   "/api/v1/launch"                            "launch"       SignIn        Open     api::launch::open;
    Get    "/api/v1/authz/explain"                     "explain"      PolicyExplained OnDuty  api::explain::show;
    // Objections to records of an institution, and the review of emergencies
    Get    "/api/v1/objections"                        "objections-received" Search OnDuty   api::objections::of_institution;
    Post   "/api/v1/objections/{task}/answer"          "answer-objection" ObjectionAnswered OnDuty api::objections::answer;
    Get    "/api/v1/reviews"                           "reviews"      AuditRead     OnDuty   api::reviews::list;
    Post   "/api/v1/reviews/{review}"                  "review"       EmergencyReviewed OnDuty api::reviews::decide;
    Get    "/api/v1/audit"                             "audit"        AuditRead     OnDuty   api::audit::list;
    Get    "/api/v1/operations"                        "operations"   Read          OnDuty   api::operations::show;
    Get    "/api/v1/persons/{id}/golden"               "golden-record" Read         SignedIn api::identity::golden;
    // Who is who: questions for people, and what they decide
    Get    "/api/v1/identity/reviews"                  "identity-reviews" Read      OnDuty   api::identity::reviews;
    Post   "/api/v1/identity/search"                   "find-registrations" Search  OnDuty   api::identity::search;
    Post   "/api/v1/identity/reviews/{id}/decide"      "answer-identity" IdentityDecided OnDuty api::identity::decide;
    Post   "/api/v1/identity/merge"                    "merge"        IdentityDecided OnDuty api::identity::merge;
    Post   "/api/v1/identity/split"                    "split"        IdentityDecided OnDuty api::identity::split;
    Post   "/api/v1/identity/undo"                     "undo"         IdentityDecided OnDuty api::identity::undo;
    Get    "/api/v1/identity/decisions"                "identity-decisions" Read    OnDuty   api::identity::decisions;
    Get    "/api/v1/identity/events"                   "identity-events" Read       OnDuty   api::identity::events;
    // The road in: messages of sources, what became of them, what was set aside
    Get    "/api/v1/sources"                           "sources"      Read          OnDuty   api::sources::list;
    Post   "/api/v1/sources/{source}/messages"         "receive"      MessageReceived SignedIn api::messages::receive;
    Get    "/api/v1/sources/{source}/receipts"         "receipts"     Read          OnDuty   api::receipts::list;
    Get    "/api/v1/sources/{source}/receipts/{receipt}" "receipt"    Read          OnDuty   api::receipts::show;
    Get    "/api/v1/sources/{source}/receipts/{receipt}/original" "original" OriginalRead OnDuty api::receipts::original;
    Get    "/api/v1/sources/{source}/problems"         "problems"     Read          OnDuty   api::problems::list;
    Post   "/api/v1/sources/{source}/problems/{problem}/release" "release" ProblemHandled OnDuty api::problems::release;
    Get    "/api/v1/sources/{source}/unmapped"         "unmapped"     Read          OnDuty   api::problems::unmapped;
    Get    "/api/v1/sources/{source}/reconciliation"   "reconciliation" Read        OnDuty   api::receipts::reconciliation;
    Get    "/api/v1/sources/{source}/chains"           "chains"       Read          OnDuty   api::receipts::chains;
    Get    "/api/v1/origin/{type}/{id}"                "origin"       OriginalRead  SignedIn api::origin::show;
    // Operations
    Get    "/api/v1/status"                            "status"       Read          Open     api::status::show;
};

/// The list as text: method, path, name, who may come.
#[must_use]
pub fn route_list() -> String {
    let line = |route: &Route| {
        let (method, path, name) = (route.method.as_str(), route.path, route.name);
        format!("{method:6} {path:66} {name:20} {}", format!("{:?}", route.access).to_lowercase())
    };
    ROUTES.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What answers a method that a path of the list does not have.
pub static NO_SUCH_METHOD: &[Route] = routes! {
    Any    "/fhir/R4"                                  "unrouted"     Read          Open     fhir::unrouted::no_such_method;
    Any    "/api/v1"                                   "unrouted"     Read          Open     fhir::unrouted::no_such_method;
};

/// What answers a path that is not in the list.
pub static NO_SUCH_PATH: &[Route] = routes! {
    Any    "/fhir"                                     "unrouted"     Read          Open     fhir::unrouted::no_such_path;
    Any    "/api"                                      "unrouted"     Read          Open     fhir::unrouted::no_such_path;
};
