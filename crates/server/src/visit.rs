//! One request as a handler sees it: who asks and why, which route, which path, which body. Handlers borrow it; what they do
//! with it is written down in its trail, from which the audit event is made.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use care::Ground;
use model::{ErrorCode, Failure, TypeCode};
use parking_lot::Mutex;
use records::{Caller, Records, Return, WriteOptions};
use trust::{Actor, AuditAction, Decision, Denied, Duty, Interaction, Obligation};

use crate::app::App;
use crate::language::Language;
use crate::negotiate::{self, Shape, preference};
use crate::routes::Route;

/// The longest request id that a client may choose: long enough for a UUID with a prefix.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// The most parameter names that one audit event keeps.
const PARAMETER_NAMES_MAX: usize = 24;

/// The longest reason that is kept: two sentences.
const REASON_CHARACTERS_MAX: usize = 200;

/// One request.
pub struct Visit {
    /// The running server.
    pub app: Arc<App>,
    /// The line of the route table that matched.
    pub route: &'static Route,
    /// The headers, as sent.
    pub headers: HeaderMap,
    /// The query string, taken apart.
    pub shape: Shape,
    /// The language of sentences in the reply.
    pub language: Language,
    /// The id that reply, log and audit event carry.
    pub request_id: String,
    /// The body, read before the handler runs.
    pub body: Bytes,
    /// Where the connection comes from.
    pub remote: Option<SocketAddr>,
    /// Who asks; absent on routes that are open.
    pub(crate) caller: Option<Caller>,
    /// The account behind the request, before its grounds were worked out.
    pub(crate) asker: Option<Actor>,
    /// On what ground the person in the path is looked at, where one is needed.
    pub(crate) ground: Option<Ground>,
    pub(crate) path_parameters: Vec<(String, String)>,
    pub(crate) trail: Mutex<Trail>,
    host_url: String,
}

/// What the audit event will say beyond who, when and how it ended.
#[derive(Debug, Default, Clone)]
pub struct Trail {
    /// The type acted on, when it is one of ours.
    pub type_name: Option<&'static str>,
    /// What the policy decided last.
    pub decision: Option<Decision>,
    /// Names of query parameters, never values.
    pub parameters: Vec<String>,
    /// Why the caller looks, in their own words, when a rule obliges them to say.
    pub reason: Option<String>,
    /// The event is marked for review, whatever the rule says.
    pub must_review: bool,
    /// Who it turned out to be, on a route that anybody may call.
    pub actor: Option<Actor>,
    /// What was done, when the route alone does not tell.
    pub action: Option<AuditAction>,
    /// A word for the technician: a code, the name of an account. No value of a record.
    pub detail: Option<String>,
}

impl Visit {
    /// Takes a request apart. The body is read later, once it is known who sends it.
    pub fn begin(app: Arc<App>, route: &'static Route, parts: Parts, path_parameters: Vec<(String, String)>) -> Self {
        let language = Language::of(&parts.headers);
        let request_id = request_id(&app, &parts.headers);
        let remote = parts.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|info| info.0);
        let shape = Shape::of(parts.uri.query().unwrap_or_default());
        let host_url = app.host_url(&parts.headers);
        let visit = Self {
            app,
            route,
            headers: parts.headers,
            shape,
            language,
            request_id,
            body: Bytes::new(),
            remote,
            caller: None,
            asker: None,
            ground: None,
            path_parameters,
            trail: Mutex::default(),
            host_url,
        };
        visit.note_parameters(&visit.shape.rest);
        visit.trail.lock().reason = reason(&visit.headers);
        if let Some(code) = visit.part("type").and_then(|name| TypeCode::of(name).ok()) {
            visit.trail.lock().type_name = Some(code.name());
        }
        visit
    }

    /// The address of the FHIR face as this client reaches it, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}/fhir/R4", self.host_url)
    }

    /// FHIR semantics over the store.
    pub fn records(&self) -> &Records {
        &self.app.records
    }

    /// A part of the path, percent-decoded.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.path_parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The resource type in the path.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], naming the types that are served.
    pub fn type_name(&self) -> Result<&'static str, Failure> {
        let name = self.part("type").unwrap_or_default();
        TypeCode::of(name).map(TypeCode::name).map_err(|error| {
            let served: Vec<_> = TypeCode::all().map(TypeCode::name).collect();
            Failure::new(ErrorCode::NotFound, format!("{error}; served: {}", served.join(", ")))
        })
    }

    /// The id in the path.
    pub fn id(&self) -> &str {
        self.part("id").unwrap_or_default()
    }

    /// The raw query string without `_format` and `_pretty`.
    pub fn query(&self) -> &str {
        &self.shape.rest
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`ErrorCode::NotSignedIn`] on an open route without a token.
    pub fn caller(&self) -> Result<&Caller, Failure> {
        self.caller.as_ref().ok_or_else(|| Failure::new(ErrorCode::NotSignedIn, "this route needs a bearer token"))
    }

    /// The account behind the request, as it is stored: a resident's own registrations are still apart from the family's.
    ///
    /// # Errors
    /// As [`Visit::caller`].
    pub fn asker(&self) -> Result<&Actor, Failure> {
        self.asker.as_ref().ok_or_else(|| Failure::new(ErrorCode::NotSignedIn, "this route needs a bearer token"))
    }

    /// Asks the policy about one act on one type; the rule that spoke goes into the audit event, and so does the reason
    /// where the rule obliges the caller to state one.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with the rule and its reason.
    pub fn may(&self, interaction: Interaction, type_name: &str) -> Result<&Caller, Failure> {
        let caller = self.caller()?;
        let decision = trust::decide(&caller.actor, interaction, type_name, caller.purpose);
        self.allowed(decision)?;
        Ok(caller)
    }

    /// Asks the policy about work that is not FHIR.
    ///
    /// # Errors
    /// As [`Visit::may`].
    pub fn has_duty(&self, duty: Duty) -> Result<&Caller, Failure> {
        let caller = self.caller()?;
        self.allowed(trust::may(&caller.actor, duty, None))?;
        Ok(caller)
    }

    fn allowed(&self, decision: Decision) -> Result<(), Failure> {
        self.trail.lock().decision = Some(decision);
        let decision = decision.check().map_err(|denied| self.denied(&denied))?;
        if decision.obligations.contains(&Obligation::StateReason) && self.trail.lock().reason.is_none() {
            let how = format!("{}; say why in `X-Purpose-Reason` (percent-encoded UTF-8)", decision.en);
            return Err(Failure::new(ErrorCode::Forbidden, how));
        }
        Ok(())
    }

    /// A refusal of the policy, with its sentence in the language of the request and the id of its rule.
    pub fn denied(&self, denied: &Denied) -> Failure {
        let why = self.language.pick((denied.zh, denied.en));
        Failure::new(ErrorCode::Forbidden, format!("{why} ({})", denied.rule))
    }

    /// What the headers say about a write.
    pub fn write_options(&self) -> WriteOptions {
        let text = |name| negotiate::text(&self.headers, name).map(str::to_owned);
        // FHIR's own examples write the condition both with and without its question mark.
        let if_none_exist = text("if-none-exist").map(|query| query.trim_start_matches('?').to_owned());
        WriteOptions {
            if_none_exist,
            if_match: text("if-match"),
            return_: self.wanted(),
            language: self.language.into(),
        }
    }

    /// A preference that is not known is passed over: `Prefer` is advice (RFC 7240), and a client in use sends
    /// `return=presentation`.
    fn wanted(&self) -> Return {
        match preference(&self.headers, "return") {
            Some("minimal") => Return::Minimal,
            Some("OperationOutcome") => Return::OperationOutcome,
            _ => Return::Representation,
        }
    }

    /// Whether a write should answer with an `OperationOutcome`.
    pub fn wants_outcome(&self) -> bool {
        preference(&self.headers, "return") == Some("OperationOutcome")
    }

    /// Writes the names of query parameters into the trail. The text after `=` is never looked at; a name that is no name
    /// (somebody put a value in its place) is left out.
    pub fn note_parameters(&self, query: &str) {
        let mut trail = self.trail.lock();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let name = part.split('=').next().unwrap_or_default();
            let is_name = name.len() <= 64
                && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:.%".contains(&byte));
            if is_name && trail.parameters.len() < PARAMETER_NAMES_MAX && !trail.parameters.iter().any(|it| it == name)
            {
                trail.parameters.push(name.to_owned());
            }
        }
    }
}

/// The stated reason: percent-encoded, because a header carries ASCII only.
fn reason(headers: &HeaderMap) -> Option<String> {
    let text = negotiate::text(headers, "x-purpose-reason")?;
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    let reason: String = decoded.trim().chars().filter(|it| !it.is_control()).take(REASON_CHARACTERS_MAX).collect();
    (!reason.is_empty()).then_some(reason)
}

fn request_id(app: &App, headers: &HeaderMap) -> String {
    let given = negotiate::text(headers, "x-request-id").filter(|id| {
        (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    });
    given.map_or_else(|| app.next_request_id(), str::to_owned)
}
