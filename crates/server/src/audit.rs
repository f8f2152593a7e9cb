//! The audit event of one request. It is opened when the request arrives and closed before the reply leaves; the reply waits
//! until the event is in the write-ahead log. An entry that is dropped unclosed (the client hung up) writes itself.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{ErrorCode, Failure, Purpose, TenantId};
use parking_lot::Mutex;
use store::{EngineError, StoreError};
use tokio::sync::oneshot;
use trust::{Actor, AuditAction, AuditEvent, Obligation, Outcome as How};

use crate::answer::Outcome;
use crate::app::App;
use crate::visit::Visit;

/// The log of requests that nobody is known to have sent: the platform itself.
const PLATFORM: TenantId = TenantId(0);

/// Events kept in memory while the disk is full, so that reads go on: some minutes of a busy county. Beyond, reads stop too.
const OWED_MAX: usize = 20_000;

/// The most registrations that one event lists: a page of search hits, or the largest bundle.
const DISCLOSED_MAX: usize = 5_000;

/// An event in the making.
pub struct Entry {
    app: Arc<App>,
    event: Option<AuditEvent>,
}

impl Entry {
    /// Opens the event of a request.
    pub fn open(visit: &Visit) -> Self {
        let request_id = visit.request_id.clone();
        let route = visit.route;
        let mut event = AuditEvent::new(visit.app.now_ms(), request_id, PLATFORM, route.action, How::Failed);
        event.route = route.template();
        event.remote = visit.remote.map(|remote| remote.ip().to_string());
        event.detail = Some("the client hung up".to_owned());
        Self { app: Arc::clone(&visit.app), event: Some(event) }
    }

    /// Says who it is; from here on the event belongs to their tenant.
    pub fn actor(&mut self, actor: &Actor) {
        if let Some(event) = &mut self.event {
            write_actor(event, actor);
        }
    }

    /// Says why they look.
    pub fn purpose(&mut self, purpose: Purpose) {
        if let Some(event) = &mut self.event {
            event.purpose = Some(purpose);
        }
    }

    /// Writes the event and waits until it is in the log.
    ///
    /// # Errors
    /// The outcome's own failure; or, when the event cannot be written, a failure instead of the answer: what is not written
    /// down is not shown.
    pub async fn close(mut self, visit: &Visit, outcome: Outcome) -> Outcome {
        let Some(mut event) = self.event.take() else { return outcome };
        describe(&mut event, visit, &outcome);
        let (sender, receiver) = oneshot::channel();
        // The receiver is gone when the client is; the event is written all the same.
        let reply = Box::new(move |result| drop(sender.send(result)));
        visit.app.store.audit().submit(&event, reply);
        let error = match receiver.await {
            Ok(Ok(())) => return outcome,
            Ok(Err(error)) => error,
            Err(_) => StoreError::Closed,
        };
        if matches!(error, StoreError::Engine(EngineError::DiskFull)) && visit.app.owed.keep(event) {
            return outcome;
        }
        tracing::error!(%error, "an audit event cannot be written; its request is refused");
        Err(Failure::new(unwritable(&error), "the audit log cannot be written"))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(event) = self.event.take() else { return };
        let app = Arc::clone(&self.app);
        let copy = event.clone();
        let reply = Box::new(move |result| {
            if matches!(result, Err(StoreError::Engine(EngineError::DiskFull))) && !app.owed.keep(copy) {
                tracing::error!("an audit event of a request that was broken off is lost: the disk is full");
            }
        });
        self.app.store.audit().submit(&event, reply);
    }
}

fn unwritable(error: &StoreError) -> ErrorCode {
    match error {
        StoreError::Engine(EngineError::DiskFull) => ErrorCode::DiskFull,
        StoreError::Closed => ErrorCode::NotReady,
        _ => ErrorCode::Internal,
    }
}

fn write_actor(event: &mut AuditEvent, actor: &Actor) {
    event.tenant = actor.tenant;
    event.actor.clone_from(&actor.name);
    event.role = Some(actor.role);
    event.institution.clone_from(&actor.institution);
}

fn describe(event: &mut AuditEvent, visit: &Visit, outcome: &Outcome) {
    let trail = visit.trail.lock().clone();
    if let Some(actor) = &trail.actor {
        write_actor(event, actor);
    }
    if let Some(action) = trail.action {
        event.action = action;
    }
    if let Some(type_name) = trail.type_name {
        // The type is not a value of a record: with it the log says what was looked for.
        event.route = event.route.replace("{type}", type_name);
    }
    if let Some(decision) = trail.decision {
        event.rule = Some(decision.rule.to_owned());
        event.review = decision.obligations.contains(&Obligation::Review);
        if event.review || decision.obligations.contains(&Obligation::StateReason) {
            event.reason.clone_from(&trail.reason);
        }
    }
    if trail.must_review {
        event.review = true;
        event.reason = trail.reason.clone();
    }
    event.ground = visit.ground.as_ref().map(|ground| format!("{} {}", ground.rule.id, ground.found_in));
    event.detail = trail.detail;
    match outcome {
        Ok(answer) => {
            event.outcome = How::Success;
            event.status = Some(answer.status.as_u16());
            event.parameters = trail.parameters;
            event.resources = answer.count as u64;
            event.disclosed = answer.disclosed.iter().copied().take(DISCLOSED_MAX).collect();
            if answer.disclosed.len() > DISCLOSED_MAX {
                event.detail =
                    Some(format!("{} registrations, of which {DISCLOSED_MAX} are listed", answer.disclosed.len()));
            }
        }
        Err(failure) => {
            event.outcome = how(failure.code);
            event.status = Some(failure.code.status());
            event.detail = Some(failure.code.code().to_owned());
            // A name that is not known may be a value that somebody put in its place: only understood queries leave names.
            if failure.code != ErrorCode::BadSearch {
                event.parameters = trail.parameters;
            }
            if failure.code == ErrorCode::NotSignedIn && event.action != AuditAction::SignIn {
                event.action = AuditAction::NotSignedIn;
            }
        }
    }
}

fn how(code: ErrorCode) -> How {
    match code {
        ErrorCode::NotSignedIn | ErrorCode::Forbidden => How::Denied,
        code if code.status() >= 500 => How::Failed,
        _ => How::Refused,
    }
}

/// Events that wait for room on the disk.
#[derive(Default)]
pub struct Owed(Mutex<VecDeque<AuditEvent>>);

impl Owed {
    /// Keeps an event for later; `false` when there is no room here either.
    fn keep(&self, event: AuditEvent) -> bool {
        let mut owed = self.0.lock();
        if owed.len() >= OWED_MAX {
            return false;
        }
        owed.push_back(event);
        true
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Tries to write what waits, in order, until one is refused.
    pub fn settle(&self, app: &App) {
        while let Some(event) = self.0.lock().pop_front() {
            if let Err(error) = app.store.audit().append(&event) {
                tracing::warn!(%error, waiting = self.len() + 1, "audit events wait for room on the disk");
                self.0.lock().push_front(event);
                return;
            }
        }
    }
}
