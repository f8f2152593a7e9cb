//! What really is so, written down by the generator from its own model: people and their registrations, events and their values,
//! what was planted, what was sent. Nothing here was read back from a message.
//!
//! | file | one line is |
//! |---|---|
//! | `people.jsonl` | a person |
//! | `registrations.jsonl` | a person under a patient number of an institution |
//! | `events.jsonl` | a visit, diagnosis, result, prescription line, charge, refund, contract, as it stands in the end |
//! | `faults.jsonl` | a planted fault: the file, the record in it, the rules of which one must speak, whether it is set aside |
//! | `files.jsonl` | a file, its sender, how many records it holds and how many of them are repetitions |
//! | `withheld.jsonl` | a row that the 日终对账 counts and no file holds, and whether it comes late |
//! | `vanished.jsonl` | a row that was sent, and is neither in the files nor in the 日终对账 when its month is sent again |
//! | `totals.jsonl` | a 日终对账: sender, day, type, how many and how much, and the keys that will be missing because they are set aside |
//!
//! A registration that is `joined` must be one person with the number that stands there; `apart`: nobody found out whose it is;
//! `test`: it is nobody's.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::SynthError;

/// One line of `events.jsonl`. What does not apply is empty.
#[derive(Debug, Default, Clone)]
pub(crate) struct Event<'e> {
    pub kind: &'static str,
    pub sender: &'static str,
    pub institution: &'e str,
    pub patient: &'e str,
    pub person: u32,
    /// Number of the visit, report, prescription, bill.
    pub number: &'e str,
    /// What of it: class of a visit, item of a report, line of a prescription or bill.
    pub item: &'e str,
    pub name: &'e str,
    pub value: &'e str,
    pub unit: &'e str,
    pub status: &'static str,
    pub at: String,
    /// The record that says so is not set aside.
    pub is_kept: bool,
}

/// The files of `truth/`, in the order of [`Truth::files_of`].
const NAMES: [&str; 8] = [
    "people.jsonl",
    "registrations.jsonl",
    "events.jsonl",
    "faults.jsonl",
    "files.jsonl",
    "totals.jsonl",
    "withheld.jsonl",
    "vanished.jsonl",
];

/// The open files of `truth/`.
pub(crate) struct Truth {
    people: BufWriter<File>,
    registrations: BufWriter<File>,
    events: BufWriter<File>,
    faults: BufWriter<File>,
    files: BufWriter<File>,
    totals: BufWriter<File>,
    withheld: BufWriter<File>,
    vanished: BufWriter<File>,
    line: Vec<u8>,
    /// What is written now is about a test patient: nothing of it is kept, and nobody is that registration.
    pub is_test: bool,
    /// Lines of `events.jsonl`.
    pub events_count: u64,
    /// Lines of `faults.jsonl`.
    pub faults_count: u64,
    /// Bytes written to `truth/`.
    pub bytes: u64,
}

impl Truth {
    pub fn open(out: &Path) -> Result<Self, SynthError> {
        let folder = out.join("truth");
        std::fs::create_dir_all(&folder).map_err(|error| SynthError::Disk(folder.clone(), error))?;
        let open = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map(BufWriter::new).map_err(|error| SynthError::Disk(path, error))
        };
        let [people, registrations, events, faults, files, totals, withheld, vanished] = NAMES;
        Ok(Self {
            people: open(people)?,
            registrations: open(registrations)?,
            events: open(events)?,
            faults: open(faults)?,
            files: open(files)?,
            totals: open(totals)?,
            withheld: open(withheld)?,
            vanished: open(vanished)?,
            line: Vec::new(),
            is_test: false,
            events_count: 0,
            faults_count: 0,
            bytes: 0,
        })
    }

    pub fn person(&mut self, person: &Value) -> Result<(), SynthError> {
        self.bytes += write(&mut self.people, person)?;
        Ok(())
    }

    pub fn registration(&mut self, registration: &Value) -> Result<(), SynthError> {
        if self.is_test {
            let mut registration = registration.clone();
            registration["test"] = true.into();
            self.bytes += write(&mut self.registrations, &registration)?;
            return Ok(());
        }
        self.bytes += write(&mut self.registrations, registration)?;
        Ok(())
    }

    pub fn file(
        &mut self,
        sender: &str,
        name: &str,
        records: u64,
        bytes: u64,
        is_again: bool,
    ) -> Result<(), SynthError> {
        let line = json!({ "sender": sender, "file": name, "records": records, "bytes": bytes, "again": is_again });
        self.bytes += write(&mut self.files, &line)?;
        Ok(())
    }

    pub fn total(&mut self, total: &Value) -> Result<(), SynthError> {
        self.bytes += write(&mut self.totals, total)?;
        Ok(())
    }

    pub fn withheld(&mut self, row: &Value) -> Result<(), SynthError> {
        self.bytes += write(&mut self.withheld, row)?;
        Ok(())
    }

    pub fn vanished(&mut self, row: &Value) -> Result<(), SynthError> {
        self.bytes += write(&mut self.vanished, row)?;
        Ok(())
    }

    pub fn fault(&mut self, fault: &Value) -> Result<(), SynthError> {
        self.faults_count += 1;
        self.bytes += write(&mut self.faults, fault)?;
        Ok(())
    }

    /// Written by hand: there are more events than anything else.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), SynthError> {
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"{\"kind\":\"");
        line.extend_from_slice(event.kind.as_bytes());
        // Writing into memory cannot fail.
        let _ = write!(line, "\",\"person\":{}", event.person);
        for (name, value) in [
            ("sender", event.sender),
            ("institution", event.institution),
            ("patient", event.patient),
            ("number", event.number),
            ("item", event.item),
            ("name", event.name),
            ("value", event.value),
            ("unit", event.unit),
            ("status", event.status),
            ("at", &event.at),
        ] {
            if value.is_empty() {
                continue;
            }
            line.extend_from_slice(b",\"");
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b"\":");
            if value.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
                let _ = serde_json::to_writer(&mut *line, value);
            } else {
                line.push(b'"');
                line.extend_from_slice(value.as_bytes());
                line.push(b'"');
            }
        }
        line.extend_from_slice(if event.is_kept && !self.is_test { b"}\n" } else { b",\"kept\":false}\n" });
        self.events_count += 1;
        self.bytes += line.len() as u64;
        self.events.write_all(line).map_err(|error| SynthError::Disk("truth/events.jsonl".into(), error))
    }

    /// Takes over what was written to another truth, and removes its folder (which holds nothing else).
    pub fn absorb(&mut self, part: Truth, folder: &Path) -> Result<(), SynthError> {
        let fail = |error| SynthError::Disk(folder.to_owned(), error);
        self.events_count += part.events_count;
        self.faults_count += part.faults_count;
        self.bytes += part.bytes;
        part.close()?;
        for (name, file) in NAMES.into_iter().zip(self.files_of()) {
            let mut read = File::open(folder.join("truth").join(name)).map_err(fail)?;
            std::io::copy(&mut read, file).map_err(fail)?;
        }
        std::fs::remove_dir_all(folder).map_err(fail)
    }

    fn files_of(&mut self) -> [&mut BufWriter<File>; 8] {
        [
            &mut self.people,
            &mut self.registrations,
            &mut self.events,
            &mut self.faults,
            &mut self.files,
            &mut self.totals,
            &mut self.withheld,
            &mut self.vanished,
        ]
    }

    pub fn close(mut self) -> Result<(), SynthError> {
        let flushed = self.files_of().into_iter().try_for_each(BufWriter::flush);
        flushed.map_err(|error| SynthError::Disk("truth".into(), error))
    }
}

fn write(file: &mut BufWriter<File>, line: &Value) -> Result<u64, SynthError> {
    let text = line.to_string();
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .map_err(|error| SynthError::Disk("truth".into(), error))?;
    Ok(text.len() as u64 + 1)
}
