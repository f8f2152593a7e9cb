//! The identity feed of a source over FHIR (IHE Patient Identity Feed FHIR, ITI-104): `PUT /Patient?identifier=domain|number`.
//!
//! When the account that writes delivers for a source, such an update is a message of that source and takes the road: the request
//! is kept as an original (a transaction of one entry), rules find what is wrong, the number is the claim, the registration finds
//! its person, and a receipt says what became of it; all of that in one commit, as for every other message. What comes back is what
//! FHIR says: 201 or 200 with `Location` and `ETag`, or a refusal with the findings. Updates of other accounts, and updates by id,
//! are plain FHIR.

use intake::{Delivery, Form, Receipt, Source};
use model::{ErrorCode, Failure, Home, Issue, Severity, instant_text};
use records::{Document, Return, Written};
use serde_json::Value;
use trust::{Duty, Interaction, Role};

use crate::answer::{Answer, Outcome};
use crate::caller::store_failure;
use crate::negotiate::{RESOURCE_KINDS, sends};
use crate::visit::Visit;

/// The rule that speaks when the number is not of the sender's domain.
const DOMAIN: &str = "feed.identifier.domain";

/// The profile of what the feed takes (IHE `PIXm`).
pub const PROFILE: &str = "https://profiles.ihe.net/ITI/PIXm/StructureDefinition/IHE.PIXm.Patient";

/// What the `CapabilityStatement` says about it.
pub const DOCUMENTATION: &str = "A conditional update by identifier=domain|number from the account of a source is its identity \
    feed (IHE ITI-104): it takes the road, is linked to its person, and a link replaced-by with other.identifier merges. Writes \
    of other accounts, by id, or in bundles are resources only. A source deletes nothing.";

/// One update by a source.
pub struct Feed<'v> {
    visit: &'v Visit,
    sources: Vec<Source>,
}

/// The feed that a conditional update belongs to: of a `Patient`, by its number, by an account that delivers for a source.
///
/// # Errors
/// `NotSignedIn`; what the store says.
pub fn of_request(visit: &Visit) -> Result<Option<Feed<'_>>, Failure> {
    let by_number = form_urlencoded::parse(visit.query().as_bytes())
        .any(|(name, _)| name == "identifier" || name.starts_with("identifier:"));
    if !by_number {
        return Ok(None);
    }
    let sources = sources(visit)?;
    Ok((!sources.is_empty()).then_some(Feed { visit, sources }))
}

/// A source takes no registration away: what is recorded about a person stays with its person.
///
/// # Errors
/// `NotSupported` for a `Patient` and an account that delivers for a source.
pub fn refuse_removal(visit: &Visit) -> Result<(), Failure> {
    if sources(visit)?.is_empty() {
        return Ok(());
    }
    let instead = "a source does not delete registrations: send the Patient with active=false when it is no longer in use, with \
        a link `replaced-by` when another number replaces it; what was recorded wrongly is sent as entered-in-error";
    Err(Failure::new(ErrorCode::NotSupported, instead))
}

/// The sources that the account behind a request about a `Patient` delivers for.
fn sources(visit: &Visit) -> Result<Vec<Source>, Failure> {
    let actor = &visit.caller()?.actor;
    if visit.type_name()? != "Patient" || actor.role != Role::Machine {
        return Ok(Vec::new());
    }
    let all = visit.app.road.sources();
    // Sources registered by `kangmai admin source` have an account that is called after them.
    let usual = actor.name.strip_prefix("source-").map(|name| all.get(actor.tenant, name));
    let usual = usual.transpose().map_err(|error| store_failure(&error))?.flatten();
    if let Some(source) = usual.filter(|source| source.account == actor.name) {
        return Ok(vec![source]);
    }
    let mut all = all.list(actor.tenant).map_err(|error| store_failure(&error))?;
    all.retain(|source| source.account == actor.name);
    Ok(all)
}

impl Feed<'_> {
    /// Takes the update in as a message of its source.
    ///
    /// # Errors
    /// `Unprocessable` with the findings when it is set aside, or speaks of somebody else's domain; as `Road::receive`.
    pub async fn put(self) -> Outcome {
        let visit = self.visit;
        sends(&visit.headers, RESOURCE_KINDS)?;
        visit.may(Interaction::Update, "Patient")?;
        let caller = visit.has_duty(Duty::SendMessages)?;
        let options = visit.write_options();
        if options.if_match.is_some() {
            return Err(Failure::new(
                ErrorCode::NotSupported,
                "the identity feed takes no If-Match: it says how it is now",
            ));
        }
        let (source, number) = self.addressed()?;
        let message = message(visit)?;
        let tenant = caller.tenant();
        let road = &visit.app.road;
        let is_new = road.registration(tenant, source, &number)?.is_none();
        let delivery = Delivery { bytes: message.as_bytes(), name: None, form: Some(Form::Fhir) };
        let Ok(_turn) = visit.app.bundles.acquire().await else {
            return Err(Failure::new(ErrorCode::NotReady, "the server is closing"));
        };
        let runtime = tokio::runtime::Handle::current();
        let receipt = tokio::task::block_in_place(|| runtime.block_on(road.receive(caller, source, delivery)))?;
        visit.trail.lock().detail = Some(format!("{} {}", receipt.message_type, receipt.id));
        let issues: Vec<Issue> = receipt.findings.iter().map(|finding| finding.issue.clone()).collect();
        if receipt.counts.set_aside > 0 {
            let what = format!("kept as problem {}-0 of source `{}`; send it right", receipt.id, source.name);
            return Err(Failure::new(ErrorCode::Unprocessable, what).with_issues(issues));
        }
        if receipt.counts.late > 0 {
            let what = "a message of this source with a later time is known: this update went into the history; is a clock fast?";
            return Err(Failure::new(ErrorCode::Conflict, what).with_issues(issues));
        }
        let address = road.registration(tenant, source, &number)?;
        let address =
            address.ok_or_else(|| Failure::new(ErrorCode::Internal, "a registration taken in has no claim"))?;
        let stored = visit.records().stored(&address.key)?;
        let stored = stored.ok_or_else(|| Failure::new(ErrorCode::Gone, format!("Patient/{}", address.id)))?;
        let document = document(&address, &stored, &receipt)?;
        let mut answer = Answer::written(
            visit,
            Written {
                status: if is_new { 201 } else { 200 },
                id: address.id,
                type_name: "Patient",
                version: document.version,
                last_updated_ms: document.last_updated_ms,
                disclosed: document.disclosed.clone(),
                document: (options.return_ == Return::Representation).then_some(document),
            },
        );
        if options.return_ == Return::OperationOutcome {
            answer.body = crate::outcome::findings(&issues, visit.language).to_string().into();
        }
        Ok(answer)
    }

    /// The source whose domain the number is of, and the registration that it stands for.
    fn addressed(&self) -> Result<(&Source, formats::fhir::domains::OwnNumber), Failure> {
        let Some((system, value)) = formats::fhir::message::number_sent(self.visit.query()) else {
            let how = "a source feeds its patients by `identifier=domain|number` and nothing else";
            return Err(Failure::new(ErrorCode::BadSearch, how));
        };
        let mut found =
            self.sources.iter().filter_map(|source| Some((source, source.domains().own_number(&system, &value)?)));
        let Some((source, number)) = found.next() else {
            let own: Vec<String> = self.sources.iter().flat_map(|source| source.domains().own_domains()).collect();
            let issue = Issue::new(DOMAIN, Severity::Error, "Patient.identifier.system").found(&system);
            let issue = issue.expected(own.join(", ")).hint("来源只能在自己的标识域内登记患者");
            let why = "a source registers its patients under a domain of its own";
            return Err(Failure::new(ErrorCode::Unprocessable, why).with_issues(vec![issue]));
        };
        if found.next().is_some() {
            let why = "this account delivers for several sources that number patients in this domain; give each its own account";
            return Err(Failure::new(ErrorCode::Unprocessable, why));
        }
        if !source.is_enabled {
            return Err(Failure::new(ErrorCode::Forbidden, "the source is switched off"));
        }
        Ok((source, number))
    }
}

/// The request as a message: a transaction of one entry with the body as it was sent. Its time makes an update that goes back to
/// what was before a new one.
fn message(visit: &Visit) -> Result<String, Failure> {
    let unread = |what: &str| Failure::new(ErrorCode::NotReadable, what.to_owned());
    let body = std::str::from_utf8(&visit.body).map_err(|_| unread("the body is no UTF-8"))?;
    let patient: Value = serde_json::from_str(body).map_err(|_| unread("the body is no JSON"))?;
    if patient["resourceType"] != "Patient" {
        return Err(unread("the body is no Patient"));
    }
    let (request, url) = (Value::from(visit.request_id.as_str()), Value::from(format!("Patient?{}", visit.query())));
    let at = instant_text(visit.app.now_ms());
    Ok(format!(
        r#"{{"resourceType":"Bundle","type":"transaction","identifier":{{"value":{request}}},"timestamp":"{at}","entry":[{{"resource":{body},"request":{{"method":"PUT","url":{url}}}}}]}}"#
    ))
}

fn document(address: &records::Address, stored: &Value, receipt: &Receipt) -> Result<Document, Failure> {
    let json = serde_json::to_vec(stored).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    let meta = &stored["meta"];
    let version = meta["versionId"].as_str().and_then(|text| text.parse().ok()).unwrap_or(1);
    let updated = meta["lastUpdated"].as_str().and_then(|text| formats::fhir::date::parse(text).ok());
    Ok(Document {
        key: address.key,
        id: address.id.clone(),
        version,
        last_updated_ms: updated.map_or(receipt.received_ms, |interval| interval.low_ms),
        json,
        disclosed: vec![Home(address.key.home.0)],
    })
}
