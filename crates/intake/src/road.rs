//! Receive: read, check, claim, identify, store — in commits of bounded size, with the original and the receipt in them.
//!
//! A message of few records is one commit. A message of many (a table file) is taken in several: the first holds the original and
//! an incomplete receipt, the last completes it. When the middle is cut off, the sender has no acknowledgement and sends again;
//! what was taken the first time is then recognised record by record, and the same receipt is completed.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use formats::reading::{Envelope, Record};
use formats::text::Decoded;
use model::{Clock, ErrorCode, Failure, Home, Issue, Severity, TenantId};
use records::{Address, Caller, Records, Work};
use store::{BlobId, EngineError, Keyspace, Store, StoreError};
use trust::Domain;

use crate::alias;
use crate::claim::{self, Cache};
use crate::identity::{Flight, Identity};
use crate::items::{self, Sayings};
use crate::problem::{self, ISSUES_MAX, Problem, ProblemState, Unmapped};
use crate::read::{self, Excerpt, Form, Opened};
use crate::receipt::{self, Counts, FINDINGS_MAX, Finding, Outcome, Receipt, ReceiptId};
use crate::reconcile;
use crate::rows;
use crate::source::{Source, Sources};
use crate::weave::{self, Loom};

/// Records of one commit: enough to share an fsync, few enough that a commit stays in the low megabytes.
const RECORDS_PER_COMMIT_MAX: usize = 250;
/// Facts of one commit, for the same reason: a document may have hundreds.
const FACTS_PER_COMMIT_MAX: usize = 2_000;
/// Registrations that a receipt names, for the audit log.
const REGISTRATIONS_MAX: usize = 5_000;
/// Rules that tell that a code or unit has no map.
const UNMAPPED_RULES: [&str; 2] = ["terminology.code.unmapped", "terminology.unit.unmapped"];

/// A message as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'d> {
    /// The bytes.
    pub bytes: &'d [u8],
    /// The name of the file, if it came as one.
    pub name: Option<&'d str>,
    /// Its form, if the sender said so; found out otherwise.
    pub form: Option<Form>,
}

/// The road.
pub struct Road {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    sources: Sources,
    cache: Cache,
    identity: Arc<Identity>,
}

/// A record after reading and checking.
struct Prepared {
    position: u32,
    record: Record,
    issues: Vec<Issue>,
    is_set_aside: bool,
}

impl Prepared {
    /// The same, set aside for what was found once it was held against what is there.
    fn refused(&self, issue: &Issue) -> Self {
        let mut issues = vec![issue.clone()];
        issues.extend(self.issues.iter().take(ISSUES_MAX - 1).cloned());
        Self { position: self.position, record: self.record.clone(), issues, is_set_aside: true }
    }
}

/// What a commit did.
#[derive(Default)]
struct Done {
    counts: Counts,
    findings: Vec<Finding>,
    homes: BTreeSet<Home>,
    fresh: Vec<([u8; 16], Address)>,
}

/// What does not change while a message is taken in.
struct Passage<'p> {
    source: &'p Source,
    delivery: Delivery<'p>,
    message_key: Vec<u8>,
    receipt: Receipt,
    original: BlobId,
    /// The original and the receipt are durable already.
    is_begun: bool,
    /// The message has one record, so that its original belongs to that record's registration.
    is_single: bool,
}

impl Road {
    /// The road into these records.
    #[must_use]
    pub fn new(records: Arc<Records>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let sources = Sources::new(Arc::clone(&store));
        let identity = Identity::new(records, Arc::clone(&store), Arc::clone(&clock));
        Self { store, clock, sources, cache: Cache::new(), identity }
    }

    /// Who is who.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Who sends.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Takes a message in. When this returns a receipt, everything that it reports is durable.
    ///
    /// # Errors
    /// `Forbidden` when the caller may not write what the message says; `Conflict`, `Busy`, `DiskFull`: send again.
    pub async fn receive(&self, caller: &Caller, source: &Source, delivery: Delivery<'_>) -> Result<Receipt, Failure> {
        let tenant = caller.tenant();
        let mut passage = self.begin(tenant, source, delivery)?;
        if passage.is_begun && passage.receipt.is_complete {
            let mut receipt = passage.receipt;
            receipt.outcome = Outcome::Repeated;
            return Ok(receipt);
        }
        self.identity.wait(tenant)?;
        let mut decoded = None;
        let mut opened = guarded(source, &delivery, &mut decoded);
        passage.receipt.message_type.clone_from(&opened.message_type);
        describe(&mut passage.receipt, &opened.envelope);
        let mut total = Done::default();
        let mut next = opened.next();
        let mut position = 0;
        let mut chunk: Vec<Prepared> = Vec::new();
        loop {
            let mut facts = 0;
            chunk.clear();
            while let Some(record) = next.take() {
                facts += record.facts.len();
                chunk.push(self.prepare(source, position, record));
                position += 1;
                next = opened.next();
                if chunk.len() >= RECORDS_PER_COMMIT_MAX || facts >= FACTS_PER_COMMIT_MAX {
                    break;
                }
            }
            let is_last = next.is_none();
            if is_last {
                add_message_issues(&mut total, &opened.issues);
            }
            passage.is_single = is_last && position <= 1;
            self.commit(caller, &mut passage, &chunk, &mut total, is_last).await?;
            if is_last {
                break;
            }
        }
        metrics::counter!("intake_messages", "form" => opened.form.map_or("unknown", Form::code)).increment(1);
        metrics::counter!("intake_records").increment(total.counts.records);
        metrics::counter!("intake_records_set_aside").increment(total.counts.set_aside);
        Ok(passage.receipt)
    }

    /// Finds out whether these bytes came before, and makes a receipt if they did not.
    fn begin<'p>(&self, tenant: TenantId, source: &'p Source, delivery: Delivery<'p>) -> Result<Passage<'p>, Failure> {
        let keys = self.store.tenant(tenant);
        let mut content = source.number.to_be_bytes().to_vec();
        content.extend_from_slice(delivery.bytes);
        let message_key = rows::hashed(tenant, rows::MESSAGE, rows::hash(&keys, Domain::Content, &content));
        let before = self.store.engine().get(Keyspace::Claim, &message_key).map_err(engine_failure)?;
        if let Some(row) = before {
            let id = row.as_slice().try_into().map(ReceiptId).map_err(|_| internal("a message row is damaged"))?;
            let receipt = receipt::get(&self.store, tenant, id)?;
            let original = receipt.original.parse().map_err(|_| internal("a receipt names no original"))?;
            return Ok(Passage { source, delivery, message_key, receipt, original, is_begun: true, is_single: false });
        }
        let received_ms = self.clock.now_ms();
        let original = BlobId::random().map_err(engine_failure)?;
        let receipt = Receipt {
            id: ReceiptId::new(source.number, received_ms)?,
            source: source.name.clone(),
            received_ms,
            name: delivery.name.map(|name| name.chars().take(200).collect()),
            message_type: String::new(),
            message_id: None,
            encoding: String::new(),
            bytes: delivery.bytes.len() as u64,
            outcome: Outcome::Accepted,
            counts: Counts::default(),
            findings: Vec::new(),
            original: original.to_string(),
            is_complete: false,
            registrations: Vec::new(),
        };
        Ok(Passage { source, delivery, message_key, receipt, original, is_begun: false, is_single: false })
    }

    /// Rules on one record: is it fit, and what is wrong with it?
    fn prepare(&self, source: &Source, position: u32, mut record: Record) -> Prepared {
        let mut issues = std::mem::take(&mut record.issues);
        alias::settle(source, &mut record);
        issues.extend(read::map_codes(source, &mut record));
        issues.extend(read::check(&record, self.clock.now_ms()));
        issues.extend(weave::examine(&record));
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        issues.truncate(ISSUES_MAX);
        let is_set_aside = issues.first().is_some_and(|issue| issue.severity >= Severity::Error);
        Prepared { position, record, issues, is_set_aside }
    }

    async fn commit(
        &self,
        caller: &Caller,
        passage: &mut Passage<'_>,
        chunk: &[Prepared],
        total: &mut Done,
        is_last: bool,
    ) -> Result<(), Failure> {
        let flight = Flight::new(&self.identity, caller.tenant());
        let planned = flight
            .fly(caller, |work| {
                let mut done = Done::default();
                for prepared in chunk {
                    self.take(work, caller, (passage, &flight), prepared, &mut done)?;
                }
                let mut receipt = passage.receipt.clone();
                complete(&mut receipt, total, &done, is_last);
                self.write_receipt(work, passage, &receipt, &done)?;
                Ok((done, receipt))
            })
            .await;
        let (mut done, receipt) = planned?;
        flight.land(caller).await;
        weave::remember(&self.cache, caller.tenant(), std::mem::take(&mut done.fresh));
        total.counts.add(&done.counts);
        total.findings.append(&mut done.findings);
        total.homes.append(&mut done.homes);
        passage.receipt = receipt;
        passage.is_begun = true;
        Ok(())
    }

    /// Weaves a record, or sets it aside.
    fn take(
        &self,
        work: &mut Work<'_>,
        caller: &Caller,
        (passage, flight): (&Passage<'_>, &Flight),
        prepared: &Prepared,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let tenant = work.tenant();
        let sayings = match prepared.is_set_aside {
            true => Sayings::default(),
            false => items::sayings(work, passage.source.number, &prepared.record)?,
        };
        let refused = sayings.issue.as_ref().map(|issue| prepared.refused(issue));
        let prepared = refused.as_ref().unwrap_or(prepared);
        done.counts.records += 1;
        done.counts.findings += prepared.issues.len() as u64;
        let room = FINDINGS_MAX.saturating_sub(done.findings.len());
        let record = &prepared.record;
        done.findings.extend(
            prepared
                .issues
                .iter()
                .take(room)
                .map(|issue| Finding { record: record.path.clone(), issue: issue.clone() }),
        );
        let about = weave::principal(record);
        let hash = about.map(|claim| claim::hash(work.keys(), passage.source.number, claim));
        // Of a visit there are several records: its registration does not come right because its medical record came.
        let record_type = reconcile::type_hash(work.keys(), &record.record_type);
        let principal = hash.map(|hash| rows::hashed(tenant, rows::PROBLEM_OF, reconcile::typed(hash, record_type)));
        if prepared.is_set_aside {
            done.counts.set_aside += 1;
            let key = self.note(work, passage, prepared, ProblemState::SetAside)?;
            if let Some(pointer) = principal {
                self.close_former(work, passage, &pointer, ProblemState::Corrected, Some(&key))?;
                work.put_row(Keyspace::Claim, pointer, key);
            }
            return Ok(());
        }
        done.counts.accepted += 1;
        let loom = Loom {
            source: passage.source.number,
            original: passage.receipt.original.clone(),
            cache: &self.cache,
            at_ms: work.now_ms(),
            said_ms: said_ms(record, work.now_ms()),
            by: &caller.actor.name,
            flight,
        };
        let mut woven = loom.weave(work, record, &sayings)?;
        done.counts.add(&woven.counts);
        done.homes.append(&mut woven.homes);
        done.fresh.append(&mut woven.fresh);
        if let Some(claim) = about {
            // Of an order the order counts, whichever of its items stands first.
            let counted = claim::kept_as(claim, 1);
            let counted = counted.as_ref().unwrap_or(claim);
            let hash = claim::hash(work.keys(), passage.source.number, counted);
            reconcile::count(work, passage.source, record, counted, hash, passage.receipt.received_ms)?;
        }
        for total in &record.totals {
            reconcile::keep(work, passage.source, passage.receipt.id, &record.institution, total)?;
        }
        if !prepared.issues.is_empty() {
            done.counts.with_findings += 1;
            self.queue_unmapped(work, passage, &prepared.issues)?;
            if prepared.issues.iter().any(|issue| issue.severity >= Severity::Warning) {
                self.note(work, passage, prepared, ProblemState::Accepted)?;
            }
        }
        if let Some(pointer) = principal
            && work.row(Keyspace::Claim, &pointer)?.is_some()
        {
            self.close_former(work, passage, &pointer, ProblemState::Corrected, None)?;
            work.delete_row(Keyspace::Claim, pointer);
        }
        Ok(())
    }

    /// Writes down what was found in a record; returns the key.
    fn note(
        &self,
        work: &mut Work<'_>,
        passage: &Passage<'_>,
        prepared: &Prepared,
        state: ProblemState,
    ) -> Result<Vec<u8>, Failure> {
        let class = if state == ProblemState::SetAside { problem::SET_ASIDE } else { problem::WITH_FINDINGS };
        let receipt = passage.receipt.id;
        let key = problem::key(work.tenant(), class, receipt, prepared.position);
        let problem = Problem {
            id: format!("{receipt}-{}", prepared.position),
            receipt,
            record: prepared.record.path.clone(),
            record_type: prepared.record.record_type.clone(),
            received_ms: passage.receipt.received_ms,
            state,
            issues: prepared.issues.clone(),
            original: passage.receipt.original.clone(),
            closed_by: None,
            closed_ms: None,
        };
        let sealed = rows::seal(work.keys(), &key, &problem)?;
        work.put_row(Keyspace::Issue, key.clone(), sealed);
        Ok(key)
    }

    /// The record came again: the open problem about it is closed. `but_not`: the problem that was just opened.
    fn close_former(
        &self,
        work: &mut Work<'_>,
        passage: &Passage<'_>,
        pointer: &[u8],
        state: ProblemState,
        but_not: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let Some(key) = work.row(Keyspace::Claim, pointer)?.filter(|key| Some(key.as_slice()) != but_not) else {
            return Ok(());
        };
        let closed_by = passage.receipt.id.to_string();
        close(work, &key, state, closed_by)
    }

    fn queue_unmapped(&self, work: &mut Work<'_>, passage: &Passage<'_>, issues: &[Issue]) -> Result<(), Failure> {
        for issue in issues.iter().filter(|issue| UNMAPPED_RULES.contains(&issue.rule.as_str())) {
            let found = issue.found.clone().unwrap_or_default();
            let hash = rows::hash(work.keys(), Domain::Content, format!("{}\0{found}", issue.rule).as_bytes());
            let key = problem::unmapped_key(work.tenant(), passage.source.number, hash);
            if work.row(Keyspace::Issue, &key)?.is_none() {
                let unmapped = Unmapped {
                    rule: issue.rule.clone(),
                    found,
                    hint: issue.hint.clone(),
                    first_seen_ms: passage.receipt.received_ms,
                    receipt: passage.receipt.id,
                };
                let sealed = rows::seal(work.keys(), &key, &unmapped)?;
                work.put_row(Keyspace::Issue, key, sealed);
            }
        }
        Ok(())
    }

    /// The receipt, and with the first commit of a message the original and the row that recognises its bytes.
    fn write_receipt(
        &self,
        work: &mut Work<'_>,
        passage: &Passage<'_>,
        receipt: &Receipt,
        done: &Done,
    ) -> Result<(), Failure> {
        let tenant = work.tenant();
        if !passage.is_begun {
            work.insert_row(Keyspace::Claim, passage.message_key.clone(), receipt.id.0.to_vec());
            let only = done.homes.first().copied().filter(|_| passage.is_single && done.homes.len() == 1);
            let home = only.map_or_else(|| work.own_home(), Ok)?;
            work.keep_original(passage.original, home, passage.delivery.bytes)?;
        }
        let key = receipt.id.key(tenant);
        let sealed = rows::seal(work.keys(), &key, receipt)?;
        work.put_row(Keyspace::Receipt, key, sealed);
        Ok(())
    }

    /// A receipt by its number.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn receipt(&self, tenant: TenantId, id: ReceiptId) -> Result<Receipt, Failure> {
        receipt::get(&self.store, tenant, id)
    }

    /// Receipts of a source, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn receipts(
        &self,
        tenant: TenantId,
        source: &Source,
        after: Option<ReceiptId>,
        limit: usize,
    ) -> Result<Vec<Receipt>, Failure> {
        receipt::list(&self.store, tenant, source.number, after, limit)
    }

    /// Records of a source with findings, in one state, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn problems(
        &self,
        tenant: TenantId,
        source: &Source,
        state: ProblemState,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Problem>, Failure> {
        let class = match state {
            ProblemState::SetAside => problem::SET_ASIDE,
            ProblemState::Accepted => problem::WITH_FINDINGS,
            ProblemState::Corrected | ProblemState::Released => problem::CLOSED,
        };
        problem::list(&self.store, tenant, class, source.number, after, limit)
    }

    /// Codes and units of a source that no map knows.
    ///
    /// # Errors
    /// What the store says.
    pub fn unmapped(&self, tenant: TenantId, source: &Source, limit: usize) -> Result<Vec<Unmapped>, Failure> {
        problem::unmapped(&self.store, tenant, source.number, limit)
    }

    /// The bytes of an original as they were sent, and the registration that it is about if it is about one only.
    ///
    /// # Errors
    /// `NotFound` when there is none, or its key was destroyed.
    pub fn original(&self, tenant: TenantId, id: &str) -> Result<(Vec<u8>, Option<Home>), Failure> {
        let missing = || Failure::new(ErrorCode::NotFound, "no such original");
        let id: BlobId = id.parse().map_err(|_| missing())?;
        let blobs = self.store.blobs();
        let home = blobs.home_of(tenant, id).map_err(store_failure)?;
        let bytes = blobs.get(tenant, id).map_err(store_failure)?.ok_or_else(missing)?;
        Ok((bytes, home))
    }

    /// The part of an original that a fact of a registration was read from, readable: the whole of it when it is about that
    /// registration only, else the record that the path names.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn excerpt(
        &self,
        tenant: TenantId,
        original: &str,
        path: &str,
        registration: Home,
    ) -> Result<Excerpt, Failure> {
        let (bytes, home) = self.original(tenant, original)?;
        read::excerpt(&bytes, path, home == Some(registration))
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, "the place in the original is not found any more"))
    }

    /// One set-aside record, taken as it is because somebody decided so: `reason` is kept with their name.
    ///
    /// # Errors
    /// `NotFound`; `Unprocessable` when the record says nothing that could be stored.
    pub async fn release(
        &self,
        caller: &Caller,
        source: &Source,
        problem_id: &str,
        by: &str,
        reason: &str,
    ) -> Result<Problem, Failure> {
        let tenant = caller.tenant();
        let (receipt_id, position) = problem::parse_id(problem_id)?;
        let missing = || Failure::new(ErrorCode::NotFound, "no such problem");
        if receipt_id.source() != source.number {
            return Err(missing());
        }
        let receipt = receipt::get(&self.store, tenant, receipt_id)?;
        let (bytes, _) = self.original(tenant, &receipt.original)?;
        let delivery = Delivery { bytes: &bytes, name: receipt.name.as_deref(), form: None };
        let mut decoded = None;
        let record = guarded(source, &delivery, &mut decoded).nth(position);
        let record = record.ok_or_else(missing)?;
        let unfit = weave::examine(&record);
        if record.facts.is_empty() || !unfit.is_empty() {
            let detail = "the record says nothing that could be stored; it has to be sent again";
            return Err(Failure::new(ErrorCode::Unprocessable, detail).with_issues(unfit));
        }
        let key = problem::key(tenant, problem::SET_ASIDE, receipt_id, position);
        let prepared = self.prepare(source, position, record);
        self.identity.wait(tenant)?;
        let flight = Flight::new(&self.identity, tenant);
        let (closed, fresh) = flight
            .fly(caller, |work| {
                let row = work.row(Keyspace::Issue, &key)?.ok_or_else(missing)?;
                let problem: Problem = rows::open(work.keys(), &key, &row)?;
                let loom = Loom {
                    source: source.number,
                    original: receipt.original.clone(),
                    cache: &self.cache,
                    at_ms: work.now_ms(),
                    said_ms: said_ms(&prepared.record, work.now_ms()),
                    by,
                    flight: &flight,
                };
                let sayings = items::sayings(work, source.number, &prepared.record)?;
                let woven = loom.weave(work, &prepared.record, &sayings)?;
                close(work, &key, ProblemState::Released, format!("{by}: {reason}"))?;
                Ok((problem, woven.fresh))
            })
            .await?;
        flight.land(caller).await;
        weave::remember(&self.cache, tenant, fresh);
        Ok(Problem { state: ProblemState::Released, closed_by: Some(format!("{by}: {reason}")), ..closed })
    }

    /// The registration that a number of a source's own domain stands for, if the source ever spoke of it.
    ///
    /// # Errors
    /// What the store says.
    pub fn registration(
        &self,
        tenant: TenantId,
        source: &Source,
        number: &formats::fhir::domains::OwnNumber,
    ) -> Result<Option<Address>, Failure> {
        let hash = claim::hash(&self.store.tenant(tenant), source.number, &number.claim());
        let row = self.store.engine().get(Keyspace::Claim, &rows::hashed(tenant, rows::CLAIM, hash));
        let row = row.map_err(engine_failure)?;
        row.map(|row| claim::Known::read(&row).map(|known| known.address(tenant))).transpose()
    }

    /// What a source says it sent on a business day, against what is here.
    ///
    /// # Errors
    /// What the store says.
    pub fn reconcile(
        &self,
        tenant: TenantId,
        source: &Source,
        business_day: &str,
    ) -> Result<Vec<reconcile::Reconciliation>, Failure> {
        reconcile::compare(&self.store, tenant, source, business_day)
    }
}

/// Moves an open problem to the closed ones.
/// When a record says that it happened: what is told later is not younger for it, and nothing happens tomorrow.
fn said_ms(record: &Record, now_ms: i64) -> i64 {
    record.effective_ms.map_or(now_ms, |said_ms| said_ms.min(now_ms))
}

fn close(work: &mut Work<'_>, key: &[u8], state: ProblemState, closed_by: String) -> Result<(), Failure> {
    let Some(row) = work.row(Keyspace::Issue, key)? else { return Ok(()) };
    let mut problem: Problem = rows::open(work.keys(), key, &row)?;
    problem.state = state;
    problem.closed_by = Some(closed_by);
    problem.closed_ms = Some(work.now_ms());
    let moved = problem::in_class(key, problem::CLOSED);
    let sealed = rows::seal(work.keys(), &moved, &problem)?;
    work.delete_row(Keyspace::Issue, key.to_vec());
    work.put_row(Keyspace::Issue, moved, sealed);
    Ok(())
}

/// Opens a message. A reader that panics has said nothing: the message is set aside with its original.
fn guarded<'d>(source: &Source, delivery: &Delivery<'_>, decoded: &'d mut Option<Decoded>) -> Opened<'d> {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(move || {
        // Moved in, so that what is opened may borrow from it beyond this closure.
        let decoded = decoded;
        read::open(source, delivery, decoded)
    }));
    opened.unwrap_or_else(|_| Opened::nothing(read::failed()))
}

fn describe(receipt: &mut Receipt, envelope: &Envelope) {
    receipt.message_id = envelope.message_id.as_deref().map(|id| id.chars().take(200).collect());
    envelope.encoding.clone_into(&mut receipt.encoding);
}

/// What is wrong with the message as a whole. Without a single record it is set aside as one.
fn add_message_issues(total: &mut Done, issues: &[Issue]) {
    total.counts.findings += issues.len() as u64;
    let findings =
        issues.iter().take(FINDINGS_MAX).map(|issue| Finding { record: String::new(), issue: issue.clone() });
    total.findings.extend(findings);
}

/// The receipt after a commit.
fn complete(receipt: &mut Receipt, total: &Done, done: &Done, is_last: bool) {
    let mut counts = total.counts;
    counts.add(&done.counts);
    receipt.counts = counts;
    receipt.findings = total.findings.iter().chain(&done.findings).take(FINDINGS_MAX).cloned().collect();
    receipt.registrations = total.homes.union(&done.homes).take(REGISTRATIONS_MAX).map(|home| home.0).collect();
    receipt.is_complete = is_last;
    receipt.outcome = if counts.accepted == 0 {
        Outcome::SetAside
    } else if counts.set_aside > 0 {
        Outcome::PartlySetAside
    } else if counts.findings > 0 {
        Outcome::AcceptedWithFindings
    } else {
        Outcome::Accepted
    };
}

fn internal(detail: &str) -> Failure {
    Failure::new(ErrorCode::Internal, detail)
}

/// What a caller hears when the engine refuses.
pub(crate) fn engine_failure(error: EngineError) -> Failure {
    match error {
        EngineError::DiskFull => Failure::new(ErrorCode::DiskFull, ""),
        other => Failure::new(ErrorCode::Internal, other.to_string()),
    }
}

pub(crate) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Engine(error) => engine_failure(error),
        StoreError::Closed => Failure::new(ErrorCode::NotReady, "the store is closing"),
        other => Failure::new(ErrorCode::Internal, other.to_string()),
    }
}
