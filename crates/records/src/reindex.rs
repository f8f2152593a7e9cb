//! A new generation of the index, built beside the one that answers.
//!
//! 1. *Begin*: the row `index` names the new generation; from then on every commit writes both.
//! 2. *Build*: resources in the order of their keys, some hundreds a commit. Each is committed on the condition that it is still
//!    the version that was read; whoever writes it meanwhile writes the rows themselves. The same commit says how far it came.
//! 3. *Switch*: one write makes the new generation the one that answers.
//! 4. *Retire*: the rows of the old one are removed by range.
//!
//! It can be cut off anywhere, also by kill −9, and goes on where it was. Reads and writes go on meanwhile: the old generation
//! answers, with the definitions that wrote it, until the switch.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{ErrorCode, Failure, ResourceKey, TenantId};
use store::{CommitError, Keyspace, Precondition, Transaction, Write, prefix_end};

use crate::generation::{self, CURSOR_ROW, Generation, OpenError, State};
use crate::index::{self, EXTRACTOR_SET};
use crate::parameters::{Definitions, Parameters};
use crate::resource::{self, Header, Opener};
use crate::{Records, keys};

/// Resources of one commit: enough that an fsync is shared, few enough that other commits do not wait for long.
const CHUNK_RESOURCES: usize = 256;
/// Bytes of rows that are read for one commit, whichever comes first.
const CHUNK_BYTES: usize = 2 << 20;
/// How often the state is changed again when others change it at the same time.
const TRIES_MAX: usize = 8;

/// How far a reindex has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Resources that are in the new generation, as far as this run put them there.
    pub done: u64,
    /// About how many resources there are.
    pub about: u64,
}

/// What a reindex did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reindexed {
    /// The generation that answers now.
    pub generation: u8,
    /// Resources that this run read.
    pub resources: u64,
    /// Whether it went on with what an earlier run began.
    pub is_continued: bool,
}

/// Why a reindex ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// Somebody asked it to stop; the next one goes on from here.
    #[error("stopped; the next reindex goes on from here")]
    Stopped,
    /// Another one is at work on this store.
    #[error("a reindex is at work already")]
    AtWork,
    /// The store refused, or the state of the index is damaged.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A resource cannot be read.
    #[error("{0}")]
    Resource(Failure),
}

impl From<store::EngineError> for ReindexError {
    fn from(error: store::EngineError) -> Self {
        Self::Store(error.into())
    }
}

/// One reindex at a time; dropped when it ends.
struct AtWork<'r>(&'r AtomicBool);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Records {
    /// Whether the index was written with other definitions than this program's and the tenants', or with unknown ones, or a reindex was
    /// cut off.
    ///
    /// # Errors
    /// `Internal` when the state of the index cannot be read.
    pub fn needs_reindex(&self) -> Result<bool, Failure> {
        let generations = self.generations(&*self.store.snapshot())?;
        let State { active, building, retired, .. } = &generations.state;
        Ok(active.fingerprint != generations.wanted || building.is_some() || !retired.is_empty())
    }

    /// Builds a new generation with this program's definitions and switches to it. `go_on` is told the progress between commits and
    /// says whether to go on.
    ///
    /// # Errors
    /// [`ReindexError`]; what was built stays, and the next call goes on there.
    pub fn reindex(&self, go_on: &mut dyn FnMut(Progress) -> bool) -> Result<Reindexed, ReindexError> {
        if self.is_reindexing.swap(true, Ordering::AcqRel) {
            return Err(ReindexError::AtWork);
        }
        let _at_work = AtWork(&self.is_reindexing);
        self.retire()?;
        let wanted = self.wanted(&*self.store.snapshot())?;
        let is_continued = self.begin(&wanted)?;
        let resources = self.build(&wanted.1, go_on)?;
        let generation = self.switch()?;
        self.retire()?;
        Ok(Reindexed { generation, resources, is_continued })
    }

    fn state(&self) -> Result<(Vec<u8>, State), ReindexError> {
        let missing = || OpenError::Damaged("the row `index` is missing".to_owned());
        Ok(State::read(&*self.store.snapshot())?.ok_or_else(missing)?)
    }

    /// Changes the state until it holds; `change` returns the writes that go with it, or `None` when there is nothing to do.
    fn change(
        &self,
        mut change: impl FnMut(&mut State) -> Result<Option<Vec<Write>>, ReindexError>,
    ) -> Result<(), ReindexError> {
        for _ in 0..TRIES_MAX {
            let (row, mut state) = self.state()?;
            let Some(writes) = change(&mut state)? else { return Ok(()) };
            state.epoch = state.epoch.wrapping_add(1);
            if generation::replace(&self.store, Some(&row), &state, writes)? {
                return Ok(());
            }
        }
        Err(ReindexError::AtWork)
    }

    /// Whether something begun earlier is gone on with.
    fn begin(&self, (definitions, parameters): &(Definitions, Parameters)) -> Result<bool, ReindexError> {
        let own = parameters.fingerprint();
        let mut is_continued = false;
        self.change(|state| {
            is_continued =
                state.building.as_ref().is_some_and(|it| it.fingerprint == own && it.extractor_set == EXTRACTOR_SET);
            if is_continued {
                return Ok(None);
            }
            // What another program began with other definitions is of no use. Who writes it still is told by the change of state.
            let abandoned = state.building.take();
            state.retired.extend(abandoned.as_ref().map(|it| it.number));
            let mut number = state.active.number;
            while number == state.active.number || number == 0 || state.retired.contains(&number) {
                number = number.wrapping_add(1);
            }
            self.remove_generation(number)?;
            state.building = Some(Generation { number, extractor_set: EXTRACTOR_SET, fingerprint: own.to_owned() });
            let kept = generation::keep_definitions(&self.store, definitions, own);
            let mut writes = vec![kept, Write::Delete(Keyspace::Meta, CURSOR_ROW.to_vec())];
            let is_needed = |fingerprint: &str| {
                fingerprint.is_empty() || fingerprint == own || fingerprint == state.active.fingerprint
            };
            writes.extend(
                abandoned
                    .filter(|it| !is_needed(&it.fingerprint))
                    .map(|it| generation::forget_definitions(&it.fingerprint)),
            );
            Ok(Some(writes))
        })?;
        Ok(is_continued)
    }

    fn build(&self, wanted: &Parameters, go_on: &mut dyn FnMut(Progress) -> bool) -> Result<u64, ReindexError> {
        let mut progress = Progress { done: 0, about: self.store.engine().estimate(Keyspace::Resource, &[], &[]) };
        loop {
            if !go_on(progress) {
                return Err(ReindexError::Stopped);
            }
            let mut limit = CHUNK_RESOURCES;
            let read = loop {
                match self.build_chunk(wanted, limit)? {
                    Some(read) => break read,
                    // Somebody wrote one of them: fewer at a time, until it is one that is read and written at once.
                    None => limit = (limit / 4).max(1),
                }
            };
            if read == 0 {
                return Ok(progress.done);
            }
            progress.done += read;
        }
    }

    /// Puts the next resources into the generation. `None`: others changed one of them meanwhile.
    fn build_chunk(&self, wanted: &Parameters, limit: usize) -> Result<Option<u64>, ReindexError> {
        let snapshot = self.store.snapshot();
        let (row, state) = State::read(&*snapshot)?.ok_or_else(|| OpenError::Damaged("no row `index`".to_owned()))?;
        let Some(building) = state.building.as_ref().filter(|it| it.fingerprint == wanted.fingerprint()) else {
            return Err(OpenError::Damaged("the generation that is being built is gone".to_owned()).into());
        };
        let parameters = wanted.at_generation(building.number);
        let mut from = snapshot.get(Keyspace::Meta, CURSOR_ROW)?.unwrap_or_default();
        if !from.is_empty() {
            // The first key behind it.
            from.push(0);
        }
        let mut cursor = snapshot.scan(Keyspace::Resource, &from, &[]);
        let mut transaction = Transaction::new(generation::NOBODY);
        transaction.preconditions.push(generation::still(&row));
        let (mut read, mut bytes, mut last) = (0_u64, 0, Vec::new());
        let mut opener: Option<(TenantId, Opener)> = None;
        while read < limit as u64 && bytes < CHUNK_BYTES {
            let Some((key, value)) = cursor.next()? else { break };
            read += 1;
            bytes += value.len();
            last = key.to_vec();
            let address = keys::read_resource(key)
                .ok_or_else(|| OpenError::Damaged("a resource key has a wrong length".to_owned()))?;
            if opener.as_ref().is_none_or(|(tenant, _)| *tenant != address.tenant) {
                opener = Some((address.tenant, Opener::new(&self.store, address.tenant)));
            }
            let Some((_, opener)) = &mut opener else { break };
            self.add_rows(&parameters, opener, &address, value, &mut transaction)?;
        }
        if read == 0 {
            return Ok(Some(0));
        }
        transaction.writes.push(Write::Put(Keyspace::Meta, CURSOR_ROW.to_vec(), last));
        drop(cursor);
        drop(snapshot);
        match self.store.commit(transaction) {
            Ok(_) => Ok(Some(read)),
            Err(CommitError::Precondition(_)) => Ok(None),
            Err(error) => Err(OpenError::Store(error.into()).into()),
        }
    }

    fn add_rows(
        &self,
        parameters: &Parameters,
        opener: &mut Opener,
        address: &ResourceKey,
        row: &[u8],
        transaction: &mut Transaction,
    ) -> Result<(), ReindexError> {
        let header = Header::read(row).map_err(ReindexError::Resource)?;
        if header.op == resource::Op::Delete {
            return Ok(());
        }
        let stored = match opener.open(address, row) {
            Ok(stored) => stored,
            // An erased record has no body, and a body that nobody can read has no rows that anybody could ask for.
            Err(failure) if failure.code == ErrorCode::Gone => return Ok(()),
            Err(failure) => return Err(ReindexError::Resource(failure)),
        };
        let body = stored.value().map_err(ReindexError::Resource)?;
        let tenant_keys = self.store.tenant(address.tenant);
        transaction.preconditions.push(Precondition::StartsWith {
            keyspace: Keyspace::Resource,
            key: keys::resource(address),
            prefix: resource::version_prefix(stored.version),
        });
        let rows = index::rows(parameters, &tenant_keys, address, &body, stored.last_updated_ms);
        transaction.writes.extend(rows.into_iter().map(|(space, row)| Write::Put(space, row, Vec::new())));
        Ok(())
    }

    fn switch(&self) -> Result<u8, ReindexError> {
        let mut answers = 0;
        self.change(|state| {
            let Some(built) = state.building.take() else { return Ok(None) };
            answers = built.number;
            let before = std::mem::replace(&mut state.active, built);
            state.retired.push(before.number);
            let mut writes = vec![Write::Delete(Keyspace::Meta, CURSOR_ROW.to_vec())];
            if !before.fingerprint.is_empty() && before.fingerprint != state.active.fingerprint {
                writes.push(generation::forget_definitions(&before.fingerprint));
            }
            Ok(Some(writes))
        })?;
        Ok(answers)
    }

    /// Removes the rows of generations that answer no more.
    fn retire(&self) -> Result<(), ReindexError> {
        let (_, state) = self.state()?;
        if state.retired.is_empty() {
            return Ok(());
        }
        for generation in &state.retired {
            self.remove_generation(*generation)?;
        }
        self.change(|state| {
            state.retired.clear();
            Ok(Some(Vec::new()))
        })
    }

    /// Removes every row of a generation, tenant by tenant. A view that was opened before keeps its rows.
    fn remove_generation(&self, generation: u8) -> Result<(), ReindexError> {
        for keyspace in [Keyspace::Index, Keyspace::CompartmentIndex] {
            let snapshot = self.store.snapshot();
            let mut cursor = snapshot.scan(keyspace, &[], &[]);
            loop {
                let tenant =
                    cursor.next()?.and_then(|(key, _)| key.first_chunk::<4>().copied()).map(u32::from_be_bytes);
                let Some(tenant) = tenant else { break };
                let rows = keys::generation_prefix(TenantId(tenant), generation);
                self.store.engine().delete_range(keyspace, &rows, &prefix_end(&rows))?;
                let Some(following) = tenant.checked_add(1) else { break };
                cursor.seek(&following.to_be_bytes())?;
            }
        }
        Ok(())
    }
}
