//! From households to days: what is generated person after person is sent day after day.
//!
//! Every message or row goes into the bucket of its sender and day. The buckets share a bounded amount of memory; when it is
//! full, all of them are appended to files beside the city, which are read back one day at a time. So memory depends on the
//! busiest day of one sender, not on the number of people.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::SynthError;
use crate::data::Data;
use crate::day::{Day, Moment};
use crate::dirt::Mark;

/// What all buckets together hold in memory.
const MEMORY_BYTES_MAX: usize = 64 << 20;

/// One message or row on its way into the file of its day.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// Orders the items of a day.
    pub at: Moment,
    /// Which table; 0 for messages.
    pub kind: u8,
    /// What is known under its key for the first time, and counts in the 日终对账: the branch (or clinic) and the amount in cents.
    pub counted: Option<(u8, i64)>,
    /// Key of the record as the platform names it, parts joined by `|`.
    pub key: String,
    /// MSH-10.
    pub control: String,
    /// What was planted (position in `dirt.toml`).
    pub mark: Option<u16>,
    /// Counted and not sent.
    pub withheld: Withheld,
    /// What becomes of it when its month is sent again.
    pub again: Again,
    /// The text as it is sent.
    pub text: Vec<u8>,
}

/// What a row is when its month is sent again.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// As it was.
    #[default]
    Same,
    /// It was corrected since, and says this now.
    Changed(Vec<u8>),
    /// The sender has taken it out, without a word.
    Gone,
}

/// Whether a row is kept back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// It is sent.
    #[default]
    No,
    /// It is never sent.
    Lost,
    /// It is sent when everything else is in.
    Late,
}

/// The buckets of one sender.
pub(crate) struct Buckets {
    folder: PathBuf,
    name: &'static str,
    first: Day,
    days: Vec<Vec<u8>>,
    spilled: Vec<bool>,
    held: usize,
}

impl Buckets {
    pub fn new(out: &Path, name: &'static str, first: Day, last: Day) -> Self {
        let count = usize::try_from(last.0 - first.0 + 1).unwrap_or(0);
        Self {
            folder: out.join(".days"),
            name,
            first,
            days: vec![Vec::new(); count],
            spilled: vec![false; count],
            held: 0,
        }
    }

    /// The days of the history.
    pub fn days(&self) -> impl Iterator<Item = Day> + use<> {
        let first = self.first.0;
        (0..self.days.len()).map(move |at| Day(first + i32::try_from(at).unwrap_or(0)))
    }

    fn position(&self, day: Day) -> Option<usize> {
        usize::try_from(day.0 - self.first.0).ok().filter(|at| *at < self.days.len())
    }

    /// Puts an item into its day; one of a day outside of the history is dropped and `false` comes back.
    pub fn put(&mut self, day: Day, item: &Item) -> Result<bool, SynthError> {
        let Some(at) = self.position(day) else { return Ok(false) };
        let bucket = &mut self.days[at];
        let before = bucket.len();
        bucket.extend_from_slice(&item.at.0.to_le_bytes());
        bucket.push(item.kind);
        bucket.push(item.withheld as u8);
        bucket.extend_from_slice(&item.mark.map_or(u16::MAX, |mark| mark).to_le_bytes());
        match item.counted {
            Some((branch, cents)) => {
                bucket.push(1);
                bucket.push(branch);
                bucket.extend_from_slice(&cents.to_le_bytes());
            }
            None => bucket.push(0),
        }
        let (again, changed): (u8, &[u8]) = match &item.again {
            Again::Same => (0, &[]),
            Again::Changed(text) => (1, text),
            Again::Gone => (2, &[]),
        };
        bucket.push(again);
        for part in [item.key.as_bytes(), item.control.as_bytes(), &item.text, changed] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bucket.extend_from_slice(&length.to_le_bytes());
            bucket.extend_from_slice(part);
        }
        self.held += bucket.len() - before;
        if self.held > MEMORY_BYTES_MAX {
            self.spill()?;
        }
        Ok(true)
    }

    fn path(&self, at: usize) -> PathBuf {
        self.folder.join(format!("{}-{at}", self.name))
    }

    fn spill(&mut self) -> Result<(), SynthError> {
        std::fs::create_dir_all(&self.folder).map_err(|error| SynthError::Disk(self.folder.clone(), error))?;
        for at in 0..self.days.len() {
            if self.days[at].is_empty() {
                continue;
            }
            let path = self.path(at);
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            let mut file = opened.map_err(|error| SynthError::Disk(path.clone(), error))?;
            file.write_all(&self.days[at]).map_err(|error| SynthError::Disk(path, error))?;
            self.days[at] = Vec::new();
            self.spilled[at] = true;
        }
        self.held = 0;
        Ok(())
    }

    /// The items of a day in the order of their time; the bucket is empty afterwards.
    pub fn take(&mut self, day: Day) -> Result<Vec<Item>, SynthError> {
        let Some(at) = self.position(day) else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        if self.spilled[at] {
            let path = self.path(at);
            let fail = |error| SynthError::Disk(path.clone(), error);
            File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(fail)?;
            std::fs::remove_file(&path).map_err(fail)?;
            self.spilled[at] = false;
        }
        bytes.append(&mut self.days[at]);
        let mut items = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(item) = read(&mut rest) {
            items.push(item);
        }
        // Stable: what was generated first comes first.
        items.sort_by_key(|item| item.at);
        Ok(items)
    }

    /// Removes what was spilled.
    pub fn close(self) {
        // An empty folder that stays behind does no harm.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

fn read(rest: &mut &[u8]) -> Option<Item> {
    let at = Moment(i64::from_le_bytes(part(rest, 8)?.try_into().ok()?));
    let kind = part(rest, 1)?[0];
    let withheld = match part(rest, 1)?[0] {
        1 => Withheld::Lost,
        2 => Withheld::Late,
        _ => Withheld::No,
    };
    let mark = u16::from_le_bytes(part(rest, 2)?.try_into().ok()?);
    let counted = if part(rest, 1)?[0] == 1 {
        let branch = part(rest, 1)?[0];
        Some((branch, i64::from_le_bytes(part(rest, 8)?.try_into().ok()?)))
    } else {
        None
    };
    let again = part(rest, 1)?[0];
    let mut text = || -> Option<Vec<u8>> {
        let length = u32::from_le_bytes(part(rest, 4)?.try_into().ok()?) as usize;
        part(rest, length).map(<[u8]>::to_vec)
    };
    let key = String::from_utf8(text()?).ok()?;
    let control = String::from_utf8(text()?).ok()?;
    let (text, changed) = (text()?, text()?);
    let again = match again {
        1 => Again::Changed(changed),
        2 => Again::Gone,
        _ => Again::Same,
    };
    Some(Item { at, kind, counted, key, control, mark: (mark != u16::MAX).then_some(mark), withheld, again, text })
}

fn part<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

/// Position of a mark in `dirt.toml`, as items carry it.
pub(crate) fn position_of(data: &Data, marks: &[Mark]) -> Option<u16> {
    let mark = marks.iter().find(|mark| !mark.rules.is_empty())?;
    let at = data.dirt.dirt.iter().position(|kind| kind.id == mark.id)?;
    u16::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_by_time_also_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day(20_000);
        let mut buckets = Buckets::new(folder.path(), "x", day, Day(20_010));
        let item = |minute, key: &str| Item {
            at: day.at(8, minute),
            key: key.to_owned(),
            counted: Some((2, -1_500)),
            mark: Some(3),
            again: Again::Changed(b"right".to_vec()),
            text: key.as_bytes().to_vec(),
            ..Item::default()
        };
        assert!(buckets.put(day, &item(5, "b")).unwrap());
        buckets.spill().unwrap();
        assert!(buckets.put(day, &item(1, "a")).unwrap());
        assert!(!buckets.put(Day(20_011), &item(1, "late")).unwrap(), "outside of the history");
        let items = buckets.take(day).unwrap();
        let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!((items[1].counted, items[1].mark), (Some((2, -1_500)), Some(3)));
        assert_eq!((&items[1].again, items[1].text.as_slice()), (&Again::Changed(b"right".to_vec()), &b"b"[..]));
        assert!(buckets.take(day).unwrap().is_empty());
    }
}
