//! `history` of a resource, of a type and of the whole system, newest first.
//!
//! A resource's own history lies under its key. Type and system histories follow the change feed backwards; a page looks
//! at a bounded number of changes, so that a page may hold fewer entries than asked (even none) and still have a next one.

use model::{ErrorCode, Failure, ResourceKey, TypeCode, instant_text};
use store::{Keyspace, Snapshot};
use trust::Interaction;

use crate::caller::Disclosed;
use crate::links::{self, BundleWriter, ListOptions};
use crate::load::{not_found, type_code_of};
use crate::resource::{Op, Opener, Stored, engine_failure};
use crate::write::log::{Change, Entry};
use crate::{Caller, Page, Records, keys};

/// Versions on a page when the client does not say.
const COUNT_DEFAULT: usize = 50;
/// Most versions on a page.
const COUNT_MAX: usize = 1_000;
/// Changes that a page of a type or system history looks at: about 0.1 s of work.
const CHANGES_LOOKED_AT_MAX: usize = 20_000;
/// How far the times of two commits can be out of order in the feed: a write takes its time when it is prepared, and is
/// committed, at the latest after all its tries, well within this.
const TIME_DISORDER_MS_MAX: i64 = 10 * 60 * 1000;

/// Whose history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryScope<'a> {
    /// Of one resource: type and id.
    Instance(&'a str, &'a str),
    /// Of all resources of a type.
    Type(&'a str),
    /// Of everything.
    System,
}

/// Of which time versions are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Times {
    /// `_since`: written at this millisecond or later.
    since_ms: Option<i64>,
    /// `_at`: current at some moment between these milliseconds.
    at_ms: Option<(i64, i64)>,
}

impl Times {
    fn read(options: &ListOptions) -> Result<Self, Failure> {
        let mut times = Self { since_ms: options.since_ms, at_ms: None };
        let bad = |detail: String| Failure::new(ErrorCode::BadSearch, format!("`_at`: {detail}"));
        for (_, value) in &options.others {
            if times.at_ms.is_some() {
                return Err(bad("it is given once; `_since` narrows it".to_owned()));
            }
            let interval = formats::fhir::date::parse(value).map_err(|error| bad(error.to_string()))?;
            times.at_ms = Some((interval.low_ms, interval.high_ms));
        }
        Ok(times)
    }

    fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a version written then is new enough.
    fn is_since(&self, written_ms: i64) -> bool {
        self.since_ms.is_none_or(|since_ms| written_ms >= since_ms)
    }

    /// Whether a version written then was there before the wanted time was over.
    fn is_begun(&self, written_ms: i64) -> bool {
        self.at_ms.is_none_or(|(_, until_ms)| written_ms <= until_ms)
    }

    /// Whether a version that was followed by another one then was still current in the wanted time.
    fn is_lasting(&self, followed_ms: Option<i64>) -> bool {
        let Some((from_ms, _)) = self.at_ms else { return true };
        followed_ms.is_none_or(|followed_ms| followed_ms > from_ms)
    }
}

/// A page of versions that is being filled.
struct Filling<'f> {
    caller: &'f Caller,
    bundle: BundleWriter,
    disclosed: Disclosed,
    count: usize,
}

impl Filling<'_> {
    fn is_full(&self) -> bool {
        self.bundle.len() >= self.count
    }

    fn push(&mut self, stored: &Stored) {
        self.disclosed.add(&stored.key);
        let base_url = self.caller.base_url.as_str();
        self.bundle.entry(|out| write_entry(out, base_url, stored));
    }

    fn finish(self, address: &str, options: &ListOptions, next: Option<&str>, total: Option<usize>) -> Page {
        let count = self.bundle.len();
        let json = self.bundle.finish(&links::page_links(address, options, next), total);
        Page { json, disclosed: self.disclosed.into_vec(), count }
    }
}

/// Where a page of a feed history ended: the row, and how many of its changes are still to come (they are read from the end).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FeedPlace {
    sequence: u64,
    remaining: u32,
}

impl FeedPlace {
    fn write(self) -> Vec<u8> {
        [self.sequence.to_be_bytes().as_slice(), self.remaining.to_be_bytes().as_slice()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (sequence, remaining) = bytes.split_first_chunk::<8>()?;
        let sequence = u64::from_be_bytes(*sequence);
        Some(Self { sequence, remaining: u32::from_be_bytes(remaining.try_into().ok()?) })
    }
}

impl Records {
    /// FHIR `history`: `_count` (default 50, at most 1,000), `_since`, `_at` (versions that were current at some moment
    /// of that date or time; a deletion counts as one), and `_page` from a next link.
    ///
    /// # Errors
    /// `NotFound` when the resource is absent or hidden, `Forbidden`, `BadSearch`, `BadPage`.
    pub fn history(&self, caller: &Caller, scope: HistoryScope<'_>, query: &str) -> Result<Page, Failure> {
        let options = links::list_options(query, &["_at"], caller.strict)?;
        let times = Times::read(&options)?;
        let count = options.count.unwrap_or(COUNT_DEFAULT).min(COUNT_MAX);
        let filling = Filling { caller, bundle: BundleWriter::new("history"), disclosed: Disclosed::default(), count };
        match scope {
            HistoryScope::Instance(type_name, id) => {
                let type_code = type_code_of(type_name)?;
                caller.may(Interaction::Read, type_code)?;
                self.instance_history(filling, (type_code, id), &options, times)
            }
            HistoryScope::Type(type_name) => {
                let type_code = type_code_of(type_name)?;
                // The history of a type finds resources by a condition, as a search does.
                caller.may(Interaction::Search, type_code)?;
                self.feed_history(filling, Some(type_code), &options, times)
            }
            HistoryScope::System => self.feed_history(filling, None, &options, times),
        }
    }

    fn instance_history(
        &self,
        mut filling: Filling<'_>,
        (type_code, id): (TypeCode, &str),
        options: &ListOptions,
        times: Times,
    ) -> Result<Page, Failure> {
        let caller = filling.caller;
        let absent = || not_found(type_code, id);
        let snapshot = self.store.snapshot();
        let key = self.locate(&*snapshot, caller.tenant(), type_code, id)?.ok_or_else(absent)?;
        let current = self.current(&*snapshot, &key)?.ok_or_else(absent)?;
        if current.id() != id || !self.visible(caller, &current)? {
            return Err(absent());
        }
        let purpose = format!("history {type_code}/{id}");
        let below = match &options.page {
            Some(text) => {
                let plain = links::open_token(self, caller.tenant(), &purpose, text)?;
                u32::from_be_bytes(plain.as_slice().try_into().map_err(|_| bad_page())?)
            }
            None => u32::MAX,
        };
        let next = self.fill_versions(&mut filling, &*snapshot, &current, below, times)?;
        let next = next.map(|version| links::seal_token(self, caller.tenant(), &purpose, &version.to_be_bytes()));
        // Versions count from 1 without gaps; with labels hidden the number of versions is nobody's business.
        let is_whole = times.is_open() && caller.filter.hidden_labels().is_empty();
        let total = is_whole.then(|| usize::try_from(current.version).unwrap_or(usize::MAX));
        Ok(filling.finish(&format!("{}/{type_code}/{id}/_history", caller.base_url), options, next.as_deref(), total))
    }

    /// Fills a page with versions lower than `below`. Returns the version below which the next page goes on.
    fn fill_versions(
        &self,
        filling: &mut Filling<'_>,
        snapshot: &dyn Snapshot,
        current: &Stored,
        below: u32,
        times: Times,
    ) -> Result<Option<u32>, Failure> {
        let caller = filling.caller;
        let mut last = current.version.saturating_add(1).min(below);
        let mut opener = Opener::new(&self.store, current.key.tenant);
        // What followed the first version of this page: none, or the last one of the page before.
        let followed = if current.version < below || times.at_ms.is_none() {
            None
        } else {
            self.version(snapshot, &mut opener, &current.key, below)?
        };
        let mut followed_ms = followed.map(|followed| followed.last_updated_ms);
        let is_wanted = times.is_since(current.last_updated_ms) && times.is_begun(current.last_updated_ms);
        if current.version < below && is_wanted && filling.count > 0 {
            filling.push(current);
            last = current.version;
        }
        if current.version < below {
            followed_ms = Some(current.last_updated_ms);
        }
        let (from, to) = (keys::history(&current.key, 0), keys::history(&current.key, below.min(current.version)));
        let mut cursor = snapshot.scan_back(Keyspace::History, &from, &to);
        while let Some((_, row)) = cursor.next().map_err(engine_failure)? {
            let stored = opener.open(&current.key, row)?;
            // Times do not run backwards inside a resource: everything that follows is older still, and was over earlier.
            if !times.is_since(stored.last_updated_ms) || !times.is_lasting(followed_ms) {
                break;
            }
            followed_ms = Some(stored.last_updated_ms);
            if !times.is_begun(stored.last_updated_ms) {
                continue;
            }
            if filling.is_full() {
                return Ok((filling.count > 0).then_some(last));
            }
            last = stored.version;
            if self.visible_older(snapshot, &mut opener, caller, (&stored, current))? {
                filling.push(&stored);
            }
        }
        Ok(None)
    }

    fn feed_history(
        &self,
        mut filling: Filling<'_>,
        only: Option<TypeCode>,
        options: &ListOptions,
        times: Times,
    ) -> Result<Page, Failure> {
        let caller = filling.caller;
        let purpose = only.map_or_else(|| "history".to_owned(), |type_code| format!("history {type_code}"));
        let start = match &options.page {
            Some(text) => {
                let plain = links::open_token(self, caller.tenant(), &purpose, text)?;
                Some(FeedPlace::read(&plain).ok_or_else(bad_page)?)
            }
            None => None,
        };
        let next = self.fill_from_feed(&mut filling, only, start, times)?;
        let next = next.map(|place| links::seal_token(self, caller.tenant(), &purpose, &place.write()));
        let path = only.map_or_else(String::new, |type_code| format!("/{type_code}"));
        Ok(filling.finish(&format!("{}{path}/_history", caller.base_url), options, next.as_deref(), None))
    }

    /// Fills a page from the change feed, backwards. Returns where the next page goes on.
    fn fill_from_feed(
        &self,
        filling: &mut Filling<'_>,
        only: Option<TypeCode>,
        start: Option<FeedPlace>,
        times: Times,
    ) -> Result<Option<FeedPlace>, Failure> {
        if filling.count == 0 {
            return Ok(None);
        }
        let caller = filling.caller;
        let snapshot = self.store.snapshot();
        let mut opener = Opener::new(&self.store, caller.tenant());
        let to = start.map_or_else(Vec::new, |place| store::log_key(place.sequence.saturating_add(1)));
        let mut cursor = snapshot.scan_back(Keyspace::Log, &[], &to);
        let mut looked_at = 0;
        while let Some((row_key, row)) = cursor.next().map_err(engine_failure)? {
            let Some(sequence) = store::log_sequence(row_key) else { continue };
            // Other tenants' rows lie in between; they count as looked at, but are not read.
            looked_at += 1;
            let mut remaining = 0;
            if Entry::tenant_of(row) == Some(caller.tenant()) {
                let entry =
                    Entry::read(row).ok_or_else(|| Failure::new(ErrorCode::Internal, "a feed row cannot be read"))?;
                if !times.is_since(entry.at_ms.saturating_add(TIME_DISORDER_MS_MAX)) {
                    return Ok(None);
                }
                remaining = entry.changes.len();
                if let Some(start) = start.filter(|start| start.sequence == sequence) {
                    remaining = remaining.min(usize::try_from(start.remaining).unwrap_or(usize::MAX));
                }
                while remaining > 0 && !filling.is_full() && looked_at < CHANGES_LOOKED_AT_MAX {
                    remaining -= 1;
                    looked_at += 1;
                    let change = &entry.changes[remaining];
                    let wanted = times.is_begun(entry.at_ms.saturating_sub(TIME_DISORDER_MS_MAX))
                        && only.is_none_or(|type_code| type_code == change.key.rid.type_code)
                        && caller.filter.is_readable(change.key.rid.type_code);
                    if wanted && let Some(stored) = self.shown_change(caller, &*snapshot, &mut opener, change, times)? {
                        filling.push(&stored);
                    }
                }
            }
            if filling.is_full() || looked_at >= CHANGES_LOOKED_AT_MAX {
                return Ok(Some(FeedPlace { sequence, remaining: u32::try_from(remaining).unwrap_or(u32::MAX) }));
            }
        }
        Ok(None)
    }

    /// The version of a change, if the caller may see it.
    fn shown_change(
        &self,
        caller: &Caller,
        snapshot: &dyn Snapshot,
        opener: &mut Opener,
        change: &Change,
        times: Times,
    ) -> Result<Option<Stored>, Failure> {
        let stored = match self.version(snapshot, opener, &change.key, change.version) {
            // An erased registration has no history any more.
            Err(failure) if failure.code == ErrorCode::Gone => return Ok(None),
            other => other?,
        };
        let Some(stored) = stored else { return Ok(None) };
        if !times.is_since(stored.last_updated_ms) || !times.is_begun(stored.last_updated_ms) {
            return Ok(None);
        }
        if times.at_ms.is_some() {
            let next = self.version(snapshot, opener, &change.key, change.version.saturating_add(1))?;
            if !times.is_lasting(next.map(|next| next.last_updated_ms)) {
                return Ok(None);
            }
        }
        let is_visible = if caller.filter.hidden_labels().is_empty() {
            self.visible(caller, &stored)?
        } else {
            match self.current_of(snapshot, opener, &change.key)? {
                Some(current) => self.visible_older(snapshot, opener, caller, (&stored, &current))?,
                None => false,
            }
        };
        Ok(is_visible.then_some(stored))
    }

    fn current_of(
        &self,
        snapshot: &dyn Snapshot,
        opener: &mut Opener,
        key: &ResourceKey,
    ) -> Result<Option<Stored>, Failure> {
        let row = snapshot.get(Keyspace::Resource, &keys::resource(key)).map_err(engine_failure)?;
        row.map(|row| opener.open(key, &row)).transpose()
    }
}

fn bad_page() -> Failure {
    Failure::new(ErrorCode::BadPage, "`_page` is not a link of this history")
}

/// `fullUrl`, `resource` (unless deleted), `request` and `response` of one version.
fn write_entry(out: &mut Vec<u8>, base_url: &str, stored: &Stored) {
    let type_code = stored.key.rid.type_code;
    let (type_name, id) = (type_code.name(), stored.id());
    let reference = format!("{type_name}/{id}");
    links::member(out, "fullUrl", &format!("{base_url}/{reference}"));
    if !stored.is_deleted() {
        out.extend_from_slice(b",\"resource\":");
        stored.render(out);
    }
    // Only a first version under an id of ours came by POST; a first version under a chosen id came by PUT.
    let is_post = stored.op == Op::Create
        && stored.version == 1
        && keys::assigned_text(stored.key.home, stored.key.rid.number) == id;
    let (method, url, status) = match stored.op {
        Op::Create if is_post => ("POST", type_name, "201"),
        Op::Create => ("PUT", reference.as_str(), "201"),
        Op::Update => ("PUT", reference.as_str(), "200"),
        Op::Delete => ("DELETE", reference.as_str(), "204"),
    };
    out.extend_from_slice(b",\"request\":{");
    links::member(out, "method", method);
    out.push(b',');
    links::member(out, "url", url);
    out.extend_from_slice(b"},\"response\":{");
    links::member(out, "status", status);
    out.push(b',');
    links::member(out, "etag", &format!("W/\"{}\"", stored.version));
    out.push(b',');
    links::member(out, "lastModified", &instant_text(stored.last_updated_ms));
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_current_from_its_writing_to_the_next() {
        let times = Times { since_ms: None, at_ms: Some((100, 199)) };
        // Written, followed by the next version, wanted.
        let cases = [
            (50, Some(99), false),
            (50, Some(100), false),
            (50, Some(101), true),
            (50, None, true),
            (150, Some(160), true),
            (199, None, true),
            (200, None, false),
        ];
        for (written_ms, followed_ms, wanted) in cases {
            assert_eq!(times.is_begun(written_ms) && times.is_lasting(followed_ms), wanted, "{written_ms}");
        }
        assert!(Times::default().is_begun(i64::MAX) && Times::default().is_lasting(Some(i64::MIN)));
    }

    #[test]
    fn a_place_in_the_feed_comes_back() {
        let place = FeedPlace { sequence: 7, remaining: 3 };
        assert_eq!(FeedPlace::read(&place.write()), Some(place));
        assert_eq!(FeedPlace::read(&place.write()[..11]), None);
        assert_eq!(FeedPlace::read(&[]), None);
    }
}
