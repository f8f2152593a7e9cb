//! All tenants' indexes: how one is filled when the server starts, and its snapshot.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use identity::batch::Frozen;
use identity::index::Index;
use identity::live::Live;
use identity::standardise::VERSION;
use model::{Clock, ErrorCode, Failure, Home, TenantId, TypeCode};
use parking_lot::{Condvar, Mutex};
use records::{Caller, Records};
use serde::{Deserialize, Serialize};
use store::{AuditPosition, Keyspace, Store, Transaction, Write, prefix_end};
use trust::{AuditAction, Outcome};

use super::flight::Flight;
use super::labels::Labels;
use super::lanes::Lanes;
use super::ledger::{self, Decision};
use super::linker::Linker;
use super::patient;
use super::stage::{self, Cause};
use crate::road::{engine_failure, store_failure};
use crate::rows;

/// How long the road waits for an index that is being filled before it says "busy".
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Bytes of one row of a snapshot.
const PART_BYTES: usize = 4 << 20;
/// Commits of the change feed read at once.
const COMMITS_AT_ONCE: usize = 2_000;
/// A change feed longer than this since the snapshot is slower to read than all registrations.
const TAIL_COMMITS_MAX: u64 = 200_000;
/// Disclosures of a registration read at a time, newest first, until one shows it to somebody.
const DISCLOSURES_AT_ONCE: usize = 500;
/// Twenty years of a patient who comes every day; whoever has more is taken for seen.
const DISCLOSURE_PAGES_MAX: usize = 20;

/// The model that everything is decided with.
static FROZEN: LazyLock<(Frozen, String)> = LazyLock::new(|| {
    let frozen = Frozen::shipped().unwrap_or_else(|| Frozen::learn(&mut []));
    let text = serde_json::to_vec(&frozen.model).unwrap_or_default();
    let print = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    (frozen, format!("rules/{VERSION} model/{:08x}", print >> 32))
});

/// The version of rules and model, kept in every event.
pub(crate) fn rule_version() -> &'static str {
    &FROZEN.1
}

enum State {
    Empty,
    Filling,
    Ready(Box<Linker>),
    Failed(String),
}

struct Cell {
    state: Mutex<State>,
    is_settled: Condvar,
}

/// The head of a snapshot.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The place in the change feed up to which it holds.
    place: u64,
    generation: u8,
    parts: u32,
    homes: u64,
    bytes: u64,
}

/// Who is who, for all tenants.
pub struct Identity {
    pub(crate) records: Arc<Records>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    cells: Mutex<HashMap<TenantId, Arc<Cell>>>,
    pub(crate) lanes: Lanes,
}

impl Identity {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(records: Arc<Records>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { records, store, clock, cells: Mutex::default(), lanes: Lanes::default() })
    }

    fn cell(&self, tenant: TenantId) -> Arc<Cell> {
        let new = || Arc::new(Cell { state: Mutex::new(State::Empty), is_settled: Condvar::new() });
        Arc::clone(self.cells.lock().entry(tenant).or_insert_with(new))
    }

    /// Begins to fill the index of a tenant, unless that has begun.
    pub fn begin(self: &Arc<Self>, tenant: TenantId) {
        let cell = self.cell(tenant);
        {
            let mut state = cell.state.lock();
            if !matches!(*state, State::Empty) {
                return;
            }
            *state = State::Filling;
        }
        let identity = Arc::clone(self);
        let filling = std::thread::Builder::new().name("identity-fill".to_owned());
        let own_cell = Arc::clone(&cell);
        let spawned = filling.spawn(move || {
            let started = Instant::now();
            let state = match identity.fill(tenant) {
                Ok(linker) => {
                    let seconds = started.elapsed().as_secs_f64();
                    tracing::info!(
                        tenant = tenant.0,
                        registrations = linker.live().index().len(),
                        bytes = linker.bytes(),
                        seconds,
                        "the identity index is ready"
                    );
                    State::Ready(Box::new(linker))
                }
                Err(error) => {
                    tracing::error!(%error, "the identity index cannot be filled");
                    State::Failed(error.detail)
                }
            };
            *own_cell.state.lock() = state;
            own_cell.is_settled.notify_all();
        });
        if spawned.is_err() {
            *cell.state.lock() = State::Empty;
        }
    }

    /// Begins to fill the indexes of all tenants that have registrations.
    ///
    /// # Errors
    /// What the store says.
    pub fn begin_all(self: &Arc<Self>) -> Result<(), Failure> {
        let snapshot = self.store.snapshot();
        let mut from = Vec::new();
        loop {
            let mut cursor = snapshot.scan(Keyspace::Ledger, &from, &[0xff; 5]);
            let Some((key, _)) = cursor.next().map_err(engine_failure)? else { return Ok(()) };
            let Some(tenant) = key.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) else {
                return Ok(());
            };
            self.begin(TenantId(tenant));
            from = tenant.wrapping_add(1).to_be_bytes().to_vec();
            if tenant == u32::MAX {
                return Ok(());
            }
        }
    }

    /// Waits, for a bounded time, until the index of a tenant is there.
    ///
    /// # Errors
    /// `Busy` when it takes longer, `NotReady` when it cannot be filled.
    pub fn wait(self: &Arc<Self>, tenant: TenantId) -> Result<(), Failure> {
        self.wait_for(tenant, WAIT_MAX)
    }

    pub(crate) fn wait_for(self: &Arc<Self>, tenant: TenantId, longest: Duration) -> Result<(), Failure> {
        self.begin(tenant);
        let cell = self.cell(tenant);
        let mut state = cell.state.lock();
        let end = Instant::now() + longest;
        while matches!(*state, State::Filling) {
            if cell.is_settled.wait_until(&mut state, end).timed_out() {
                return Err(Failure::new(ErrorCode::Busy, "the identity index is still being filled"));
            }
        }
        match &*state {
            State::Ready(_) => Ok(()),
            State::Failed(why) => Err(Failure::new(ErrorCode::NotReady, format!("no identity index: {why}"))),
            State::Empty | State::Filling => Err(Failure::new(ErrorCode::Busy, "the identity index is not there yet")),
        }
    }

    /// The linker of a tenant, under its lock.
    ///
    /// # Errors
    /// `NotReady` while it is being filled.
    pub(crate) fn with<T>(&self, tenant: TenantId, act: impl FnOnce(&mut Linker) -> T) -> Result<T, Failure> {
        let cell = self.cell(tenant);
        let mut state = cell.state.lock();
        match &mut *state {
            State::Ready(linker) => Ok(act(linker)),
            _ => Err(Failure::new(ErrorCode::NotReady, "the identity index is still being filled")),
        }
    }

    /// Registrations in the index, and its bytes in memory.
    ///
    /// # Errors
    /// `NotReady` while it is being filled.
    pub fn size(&self, tenant: TenantId) -> Result<(usize, usize), Failure> {
        self.with(tenant, |linker| (linker.live().index().len(), linker.bytes()))
    }

    /// Has the ledger a person for this registration?
    pub(crate) fn is_linked(&self, tenant: TenantId, home: Home) -> bool {
        let row = self.store.engine().get(Keyspace::Ledger, &rows::ledger(tenant, rows::LINK, home));
        matches!(row, Ok(Some(_)))
    }

    /// Did somebody see this registration? What only brought it in, or only asked who it is, does not count.
    pub(crate) fn is_seen(&self, tenant: TenantId, home: Home) -> bool {
        use AuditAction as A;
        let shows = |event: &trust::AuditEvent| {
            let is_shown = matches!(
                event.action,
                A::Read
                    | A::VersionRead
                    | A::History
                    | A::Search
                    | A::Everything
                    | A::Batch
                    | A::Transaction
                    | A::OriginalRead
                    | A::Export
            );
            // The index administrator's own pages ask who it is.
            is_shown && event.outcome == Outcome::Success && !event.route.contains("/identity/")
        };
        let mut before = None;
        for _ in 0..DISCLOSURE_PAGES_MAX {
            // What cannot be read may have shown it.
            let Ok(events) = self.store.audit().list_for(tenant, home, before, DISCLOSURES_AT_ONCE) else {
                return true;
            };
            if events.iter().any(|one| shows(&one.event)) {
                return true;
            }
            let Some(last) = events.last().filter(|_| events.len() == DISCLOSURES_AT_ONCE) else { return false };
            before = Some(AuditPosition { at_ms: last.event.at_ms, sequence: last.sequence });
        }
        true
    }

    /// Compares registrations with the disk and writes what is different; returns those that others overtook once more.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn settle(self: &Arc<Self>, caller: &Caller, homes: &[Home]) -> Result<Vec<Home>, Failure> {
        let flight = Flight::new(self, caller.tenant());
        let planned = flight
            .fly(caller, |work| {
                let change = flight.as_they_are(homes)?;
                let cause = Cause { at_ms: work.now_ms(), by: &caller.actor.name, original: "", order: None };
                stage::restage(work, &flight, &cause, &change)
            })
            .await;
        planned?;
        Ok(flight.outdated())
    }

    fn fill(&self, tenant: TenantId) -> Result<Linker, Failure> {
        let links = self.links(tenant)?;
        let mut linker = match self.restore(tenant) {
            Ok(Some((linker, place))) => match self.catch_up(tenant, linker, place, &links)? {
                Some(linker) => linker,
                None => self.rebuild(tenant, &links)?,
            },
            Ok(None) => self.rebuild(tenant, &links)?,
            Err(error) => {
                tracing::warn!(%error, "the snapshot of the identity index is of no use");
                self.rebuild(tenant, &links)?
            }
        };
        for (home, person, _) in &links {
            if let Some(place) = linker.place_of(*home) {
                linker.set_person(place, *person);
            }
        }
        linker.join_rings();
        for ((left, right), is_same) in Labels::of(&self.decisions(tenant)?).pairs() {
            if let (Some(left), Some(right)) = (linker.place_of(Home(left)), linker.place_of(Home(right))) {
                let live = linker.live_mut();
                if is_same { live.must_link(left, right) } else { live.cannot_link(left, right) }
            }
        }
        Ok(linker)
    }

    /// Registration, person, and when it first came; in the order in which they came.
    fn links(&self, tenant: TenantId) -> Result<Vec<(Home, u64, i64)>, Failure> {
        let prefix = ledger::prefix(tenant, rows::LINK);
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &prefix, &prefix_end(&prefix));
        let mut links = Vec::new();
        while let Some((key, row)) = cursor.next().map_err(engine_failure)? {
            if let Some(home) = key.get(5..13).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes) {
                links.push((Home(home), ledger::person_of(row), ledger::registered_of(row).unwrap_or(0)));
            }
        }
        links.sort_unstable_by_key(|(home, _, registered_ms)| (*registered_ms, *home));
        Ok(links)
    }

    fn rebuild(&self, tenant: TenantId, links: &[(Home, u64, i64)]) -> Result<Linker, Failure> {
        let mut linker = Linker::new(Live::new(FROZEN.0.clone()));
        for chunk in links.chunks(4_096) {
            // Opening and reading the resources is the work: it is shared among the cores.
            let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(8);
            let size = chunk.len().div_ceil(threads).max(1);
            let read = |part: &[(Home, u64, i64)]| {
                let packed = part.iter().map(|(home, _, registered_ms)| self.packed(tenant, *home, *registered_ms));
                packed.collect::<Result<Vec<_>, Failure>>()
            };
            let parts = std::thread::scope(|scope| {
                let running: Vec<_> = chunk.chunks(size).map(|part| scope.spawn(move || read(part))).collect();
                let failed = || Failure::new(ErrorCode::Internal, "a thread that read registrations failed");
                running
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|_| Err(failed())))
                    .collect::<Result<Vec<_>, _>>()
            })?;
            for ((home, person, _), packed) in chunk.iter().zip(parts.into_iter().flatten()) {
                if let Some(packed) = packed {
                    linker.fill(*home, packed, *person);
                }
            }
        }
        Ok(linker)
    }

    /// What the disk says of a registration now.
    pub(crate) fn packed_now(&self, tenant: TenantId, home: Home) -> Option<identity::packed::Packed> {
        let row = self.store.engine().get(Keyspace::Ledger, &rows::ledger(tenant, rows::LINK, home)).ok()??;
        self.packed(tenant, home, ledger::registered_of(&row)?).ok()?
    }

    fn packed(
        &self,
        tenant: TenantId,
        home: Home,
        registered_ms: i64,
    ) -> Result<Option<identity::packed::Packed>, Failure> {
        let stored = self.records.stored(&stage::registration(tenant, home).key)?;
        Ok(stored.map(|patient| patient::packed(&patient, Some(registered_ms))))
    }

    /// Brings an index up to date with what came behind a place of the change feed; `None` when that would take too long.
    fn catch_up(
        &self,
        tenant: TenantId,
        mut linker: Linker,
        place: u64,
        links: &[(Home, u64, i64)],
    ) -> Result<Option<Linker>, Failure> {
        let newest = self.records.newest_change()?;
        if newest.saturating_sub(place) > TAIL_COMMITS_MAX || newest < place {
            return Ok(None);
        }
        let mut changed: std::collections::BTreeSet<Home> = std::collections::BTreeSet::new();
        let mut reached = place;
        loop {
            let (changes, next) = self.records.changes_after(reached, COMMITS_AT_ONCE)?;
            if next == reached {
                break;
            }
            reached = next;
            let registrations = changes
                .iter()
                .filter(|one| one.key.tenant == tenant && one.key.rid.type_code == TypeCode::PATIENT)
                .map(|one| one.key.home);
            changed.extend(registrations);
        }
        // What was on its way when the snapshot was taken, and did not land.
        let landed: std::collections::HashSet<Home> = links.iter().map(|(home, ..)| *home).collect();
        let lost: Vec<Home> = linker.homes().iter().copied().filter(|home| !landed.contains(home)).collect();
        lost.into_iter().filter(|home| *home != Home::SHARED).for_each(|home| drop(linker.withdraw(home, None)));
        for (home, person, registered_ms) in links {
            let is_known = linker.place_of(*home).is_some();
            if is_known && !changed.contains(home) {
                continue;
            }
            let Some(packed) = self.packed(tenant, *home, *registered_ms)? else { continue };
            if is_known {
                linker.arrive(*home, packed);
            } else {
                linker.fill(*home, packed, *person);
            }
        }
        Ok(Some(linker))
    }

    /// Everything that people decided, in the order in which they did.
    pub(crate) fn decisions(&self, tenant: TenantId) -> Result<Vec<Decision>, Failure> {
        let prefix = ledger::prefix(tenant, ledger::DECISION);
        let keys = self.store.tenant(tenant);
        let snapshot = self.store.snapshot();
        let mut cursor = snapshot.scan(Keyspace::Ledger, &prefix, &prefix_end(&prefix));
        let mut decisions: Vec<Decision> = Vec::new();
        while let Some((key, row)) = cursor.next().map_err(engine_failure)? {
            decisions.push(rows::open(&keys, key, row)?);
        }
        decisions.sort_by(|left, right| (left.at_ms, &left.id).cmp(&(right.at_ms, &right.id)));
        Ok(decisions)
    }

    /// Everything that people decided, in the order in which they did.
    ///
    /// # Errors
    /// What the store says.
    pub fn decided(&self, tenant: TenantId) -> Result<Vec<Decision>, Failure> {
        self.decisions(tenant)
    }

    /// Writes a snapshot of a tenant's index, if it changed: the next start then reads only what came since.
    ///
    /// # Errors
    /// What the store says. A snapshot that could not be written costs time at the next start, nothing else.
    pub fn save(&self, tenant: TenantId) -> Result<(), Failure> {
        // What lands behind this place is read again; what is already in the index is then found to be the same.
        let place = self.records.newest_change()?;
        let taken = self.with(tenant, |linker| {
            if linker.changes == 0 {
                return None;
            }
            linker.changes = 0;
            Some((linker.live().index().snapshot(), linker.homes().to_vec()))
        });
        let Ok(Some((index, homes))) = taken else { return Ok(()) };
        let mut bytes: Vec<u8> = Vec::with_capacity(index.len() + homes.len() * 8);
        homes.iter().for_each(|home| bytes.extend_from_slice(&home.0.to_be_bytes()));
        bytes.extend_from_slice(&index);
        let keys = self.store.tenant(tenant);
        let former = self.head(tenant)?;
        let generation = former.as_ref().map_or(0, |head| head.generation.wrapping_add(1));
        let mut parts = 0_u32;
        for part in bytes.chunks(PART_BYTES) {
            let key = part_key(tenant, generation, parts);
            let mut sealed = Vec::with_capacity(part.len() + 32);
            keys.shared_body_key().seal(&key, part, &mut sealed);
            self.write(tenant, vec![Write::Put(Keyspace::Ledger, key, sealed)])?;
            parts += 1;
        }
        let head = Head { place, generation, parts, homes: homes.len() as u64, bytes: bytes.len() as u64 };
        let key = head_key(tenant);
        let mut writes = vec![Write::Put(Keyspace::Ledger, key.clone(), rows::seal(&keys, &key, &head)?)];
        if let Some(former) = former {
            let old = (0..former.parts).map(|part| part_key(tenant, former.generation, part));
            writes.extend(old.map(|key| Write::Delete(Keyspace::Ledger, key)));
        }
        self.write(tenant, writes)
    }

    /// Snapshots of all tenants whose index changed.
    pub fn save_all(&self) {
        let tenants: Vec<TenantId> = self.cells.lock().keys().copied().collect();
        for tenant in tenants {
            if let Err(error) = self.save(tenant) {
                tracing::warn!(%error, "the snapshot of the identity index was not written");
            }
        }
    }

    fn write(&self, tenant: TenantId, writes: Vec<Write>) -> Result<(), Failure> {
        let mut transaction = Transaction::new(tenant);
        transaction.writes = writes;
        let written = self.store.commit(transaction);
        written.map(|_| ()).map_err(|error| store_failure(error.into()))
    }

    fn head(&self, tenant: TenantId) -> Result<Option<Head>, Failure> {
        let key = head_key(tenant);
        let row = self.store.engine().get(Keyspace::Ledger, &key).map_err(engine_failure)?;
        row.map(|row| rows::open(&self.store.tenant(tenant), &key, &row)).transpose()
    }

    fn restore(&self, tenant: TenantId) -> Result<Option<(Linker, u64)>, Failure> {
        let Some(head) = self.head(tenant)? else { return Ok(None) };
        let damaged = |what: &str| Failure::new(ErrorCode::Internal, format!("snapshot: {what}"));
        let keys = self.store.tenant(tenant);
        let mut bytes = Vec::with_capacity(usize::try_from(head.bytes).unwrap_or(0));
        for part in 0..head.parts {
            let key = part_key(tenant, head.generation, part);
            let row = self.store.engine().get(Keyspace::Ledger, &key).map_err(engine_failure)?;
            let row = row.ok_or_else(|| damaged("a part is missing"))?;
            bytes.extend(keys.shared_body_key().open(&key, &row).map_err(|_| damaged("a part does not open"))?);
        }
        let count = usize::try_from(head.homes).unwrap_or(usize::MAX);
        let (names, index) =
            count.checked_mul(8).and_then(|at| bytes.split_at_checked(at)).ok_or_else(|| damaged("it is too short"))?;
        let index = Index::restore(index).map_err(|error| damaged(&error.to_string()))?;
        if index.places() as usize != count || index.frozen().model != FROZEN.0.model {
            return Err(damaged("it is of another model"));
        }
        let mut linker = Linker::new(Live::over(index));
        linker.name(names.as_chunks::<8>().0.iter().map(|bytes| Home(u64::from_be_bytes(*bytes))).collect());
        Ok(Some((linker, head.place)))
    }
}

fn head_key(tenant: TenantId) -> Vec<u8> {
    let mut key = ledger::prefix(tenant, ledger::SNAPSHOT);
    key.push(0);
    key
}

fn part_key(tenant: TenantId, generation: u8, part: u32) -> Vec<u8> {
    let mut key = ledger::prefix(tenant, ledger::SNAPSHOT);
    key.extend_from_slice(&[1, generation]);
    key.extend_from_slice(&part.to_be_bytes());
    key
}
