//! Day by day: the buckets of a day become the files that are sent.

use std::collections::BTreeMap;
use std::path::Path;

use encoding_rs::GB18030;
use serde_json::json;

use crate::SynthError;
use crate::day::Day;
use crate::forms::{FORMS, Form};
use crate::measure::money;
use crate::random::Random;
use crate::sink::{Again, Buckets, Item, Withheld};
use crate::truth::Truth;
use crate::world::{Place, World};

/// Bytes and files written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Written {
    pub bytes: u64,
    pub files: u64,
    pub records: u64,
}

/// Begins and ends a message in MLLP.
const MESSAGE_START: u8 = 0x0B;
const MESSAGE_END: [u8; 2] = [0x1C, 0x0D];

/// The HL7 v2 messages of the city hospital: one file a day, every message in its frame.
pub(crate) fn messages(
    world: &World,
    out: &Path,
    buckets: &mut Buckets,
    truth: &mut Truth,
) -> Result<Written, SynthError> {
    let folder = out.join("city-hospital").join("hl7");
    make(&folder)?;
    let mut written = Written::default();
    for day in buckets.days() {
        let items = buckets.take(day)?;
        if items.is_empty() {
            continue;
        }
        let name = format!("hl7/{day}.hl7");
        let mut bytes = Vec::new();
        for (position, item) in items.iter().enumerate() {
            bytes.push(MESSAGE_START);
            bytes.extend_from_slice(&item.text);
            bytes.extend_from_slice(&MESSAGE_END);
            fault(world, "city-hospital", &name, &format!("message[{}]", position + 1), item, truth)?;
        }
        write(&folder.join(format!("{day}.hl7")), &bytes)?;
        written.add(bytes.len(), items.len());
        truth.file("city-hospital", &name, items.len() as u64, bytes.len() as u64, false)?;
    }
    Ok(written)
}

/// How a sender of tables writes its files.
pub(crate) struct TableSender {
    pub name: &'static str,
    pub is_gb18030: bool,
    /// Days and one whole month are sent again.
    pub repeats: bool,
}

/// The tables of a sender: one folder a day, one file per table, and the 日终对账 of the business day.
pub(crate) fn tables(
    world: &World,
    out: &Path,
    sender: &TableSender,
    buckets: &mut Buckets,
    truth: &mut Truth,
) -> Result<Written, SynthError> {
    let root = out.join(sender.name);
    let mut written = Written::default();
    for day in buckets.days() {
        let items = buckets.take(day)?;
        if items.is_empty() || day >= world.today {
            continue;
        }
        let sent_on = Day(day.0 + 1);
        let mut random = Random::of(world.seed, 9, u64::try_from(day.0).unwrap_or(0));
        let mut batch = Batch { world, sender, root: &root, day, sent_on, suffix: "", written: &mut written };
        batch.send(&items, truth)?;
        batch.totals(&items, truth)?;
        if sender.repeats && random.chance(world.data.event_rate("day_again")) && Day(day.0 + 3) <= world.today {
            let mut again = Batch {
                world,
                sender,
                root: &root,
                day,
                sent_on: Day(day.0 + 3),
                suffix: "_补传",
                written: &mut written,
            };
            again.send(&items, truth)?;
        }
        if let Some(sent_on) = world.sent_again(day).filter(|_| sender.repeats) {
            let items = again(items, sender.name, day, truth)?;
            let suffix = "_重传";
            let mut again = Batch { world, sender, root: &root, day, sent_on, suffix, written: &mut written };
            again.send(&items, truth)?;
            again.totals(&items, truth)?;
        }
    }
    Ok(written)
}

/// The rows of a day as they are when the month is sent again; what is gone is noted in the truth.
fn again(items: Vec<Item>, sender: &str, day: Day, truth: &mut Truth) -> Result<Vec<Item>, SynthError> {
    let mut now = Vec::with_capacity(items.len());
    for mut item in items {
        match std::mem::take(&mut item.again) {
            Again::Same => {}
            Again::Changed(text) => item.text = text,
            Again::Gone => {
                truth.vanished(&json!({
                    "sender": sender, "day": day.to_string(), "key": item.key,
                    "type": format!("table:{}", FORMS[usize::from(item.kind)].id),
                }))?;
                continue;
            }
        }
        now.push(item);
    }
    Ok(now)
}

/// The files of one business day, sent on one day.
struct Batch<'b> {
    world: &'b World,
    sender: &'b TableSender,
    root: &'b Path,
    day: Day,
    sent_on: Day,
    /// What stands in the names of files that are sent again.
    suffix: &'static str,
    written: &'b mut Written,
}

impl Batch<'_> {
    fn send(&mut self, items: &[Item], truth: &mut Truth) -> Result<(), SynthError> {
        let folder = self.root.join(self.sent_on.to_string());
        make(&folder)?;
        for (kind, form) in FORMS.iter().enumerate() {
            let all = items.iter().filter(|item| usize::from(item.kind) == kind);
            let (rows, kept_back): (Vec<&Item>, Vec<&Item>) = all.partition(|item| item.withheld == Withheld::No);
            if self.suffix.is_empty() {
                self.late(form, &kept_back, truth)?;
            }
            if rows.is_empty() {
                continue;
            }
            let mut text = form.columns.join(",").into_bytes();
            text.extend_from_slice(b",TBRQ\r\n");
            let name = format!("{}_{}{}.csv", form.file, self.day.digits(), self.suffix);
            let shown = format!("{}/{name}", self.sent_on);
            for (position, item) in rows.iter().enumerate() {
                text.extend_from_slice(&item.text);
                text.push(b',');
                text.extend_from_slice(self.sent_on.digits().as_bytes());
                text.extend_from_slice(b"\r\n");
                fault(self.world, self.sender.name, &shown, &format!("row[{}]", position + 1), item, truth)?;
            }
            let bytes = self.encode(text, self.day.0 % 40 == 7);
            write(&folder.join(&name), &bytes)?;
            self.written.add(bytes.len(), rows.len());
            truth.file(self.sender.name, &shown, rows.len() as u64, bytes.len() as u64, !self.suffix.is_empty())?;
        }
        Ok(())
    }

    /// Rows that come when everything else is in, in a folder of their own.
    fn late(&mut self, form: &Form, rows: &[&Item], truth: &mut Truth) -> Result<(), SynthError> {
        let late: Vec<&&Item> = rows.iter().filter(|item| item.withheld == Withheld::Late).collect();
        let Some(out) = self.root.parent().filter(|_| !late.is_empty()) else { return Ok(()) };
        let sender = format!("{}-late", self.sender.name);
        make(&out.join(&sender))?;
        let name = format!("{}_{}_迟到.csv", form.file, self.day.digits());
        let mut text = format!("{},TBRQ\r\n", form.columns.join(",")).into_bytes();
        for item in &late {
            text.extend_from_slice(&item.text);
            text.extend_from_slice(format!(",{}\r\n", self.world.today.digits()).as_bytes());
        }
        write(&out.join(&sender).join(&name), &text)?;
        self.written.add(text.len(), late.len());
        truth.file(&sender, &name, late.len() as u64, text.len() as u64, false)
    }

    /// GB18030 for the primary care system; some files of the county hospital begin with a byte order mark.
    fn encode(&self, text: Vec<u8>, has_mark: bool) -> Vec<u8> {
        if self.sender.is_gb18030 {
            return GB18030.encode(&String::from_utf8_lossy(&text)).0.into_owned();
        }
        if has_mark {
            let mut marked = vec![0xEF, 0xBB, 0xBF];
            marked.extend_from_slice(&text);
            return marked;
        }
        text
    }

    /// 日终对账: what the sender says it has sent, by institution, branch and type, with the keys.
    fn totals(&mut self, items: &[Item], truth: &mut Truth) -> Result<(), SynthError> {
        let mut sums: BTreeMap<(u8, u8), Sum<'_>> = BTreeMap::new();
        for item in items {
            let Some((branch, cents)) = item.counted else { continue };
            let sum = sums.entry((branch, item.kind)).or_default();
            sum.cents += cents;
            sum.keys.push(&item.key);
            if item.mark.is_some_and(|mark| self.world.data.dirt.dirt[usize::from(mark)].set_aside) {
                sum.missing.push(&item.key);
            }
        }
        if sums.is_empty() {
            return Ok(());
        }
        let mut text = "YLJGDM,YQDM,YWRQ,YWLX,JLS,JEHJ,PCH,ZJQD,TBRQ\r\n".to_owned();
        for ((branch, kind), Sum { cents, keys, missing }) in &sums {
            let count = keys.len();
            let form = &FORMS[usize::from(*kind)];
            let place =
                if self.sender.is_gb18030 { Place::Primary((*branch).into()) } else { Place::County((*branch).into()) };
            let (code, branch) = (self.world.code(place), self.world.branch(place));
            let written = self.world.old_code(place, self.day).unwrap_or(code);
            let amount = if form.id == "charge" { money(*cents) } else { String::new() };
            let keys: Vec<String> = keys.iter().map(|key| key.replacen(code, written, 1)).collect();
            let line = [written, branch, &self.day.digits(), form.title, &count.to_string(), &amount];
            text.push_str(&line.join(","));
            text.push_str(&format!(",P{},{},{}\r\n", self.day.digits(), keys.join(";"), self.sent_on.digits()));
            if self.suffix.is_empty() {
                truth.total(&json!({
                    "sender": self.sender.name, "institution": code, "branch": branch, "day": self.day.to_string(),
                    "type": format!("table:{}", form.id), "count": count, "amount": amount, "missing": missing,
                }))?;
            }
        }
        let name = format!("日终对账_{}{}.csv", self.day.digits(), self.suffix);
        let bytes = self.encode(text.into_bytes(), false);
        write(&self.root.join(self.sent_on.to_string()).join(&name), &bytes)?;
        self.written.add(bytes.len(), sums.len());
        let shown = format!("{}/{name}", self.sent_on);
        truth.file(self.sender.name, &shown, sums.len() as u64, bytes.len() as u64, !self.suffix.is_empty())
    }
}

/// One line of a 日终对账.
#[derive(Default)]
struct Sum<'i> {
    cents: i64,
    keys: Vec<&'i str>,
    /// Those that will be missing because they are set aside.
    missing: Vec<&'i str>,
}

impl Written {
    fn add(&mut self, bytes: usize, records: usize) {
        self.bytes += bytes as u64;
        self.records += records as u64;
        self.files += 1;
    }
}

fn fault(
    world: &World,
    sender: &str,
    file: &str,
    path: &str,
    item: &Item,
    truth: &mut Truth,
) -> Result<(), SynthError> {
    let Some(mark) = item.mark else { return Ok(()) };
    let kind = &world.data.dirt.dirt[usize::from(mark)];
    truth.fault(&json!({
        "sender": sender, "file": file, "path": path, "message": item.control, "kind": kind.id, "rules": kind.rules,
        "set_aside": kind.set_aside, "key": item.key,
    }))
}

fn make(folder: &Path) -> Result<(), SynthError> {
    std::fs::create_dir_all(folder).map_err(|error| SynthError::Disk(folder.to_owned(), error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    std::fs::write(path, bytes).map_err(|error| SynthError::Disk(path.to_owned(), error))
}
