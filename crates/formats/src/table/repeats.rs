//! Rows of one file under one key that are not one thing: two results of one item in a report, where the source numbers none.
//!
//! The first keeps the key as it is; every further one gets its place in the order of the file behind it (`#2`), so that none
//! overwrites another and the same file sent again says the same. A row that stands twice, word for word, is one thing. Rows
//! that correct are counted among themselves: the second of them corrects the second. A row that takes something back means
//! the one that says the same.
//!
//! What a file does not show cannot be told: a single row sent on another day means the first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::{Issue, Severity};
use serde_json::Value;

use super::row::Standing;
use crate::reading::{Claim, Record};

/// Keys that are remembered. Rows of a report stand together, so that a file of millions may forget its beginning.
const KEYS_MAX: usize = 200_000;

/// The rows without a number that a file had so far.
#[derive(Default)]
pub(super) struct Repeats {
    seen: HashMap<u64, Vec<Seen>>,
}

/// One row.
struct Seen {
    standing: Standing,
    /// What it says, without whether it stands.
    content: u64,
    /// Its place among the rows of its key, from 1.
    place: usize,
}

impl Repeats {
    /// Tells a row without a number from the ones before it.
    pub fn settle(&mut self, record: &mut Record, standing: Standing) {
        let unnumbered = |claim: &&Claim| claim.key.last().is_some_and(String::is_empty);
        let Some(claim) = record.main.as_ref().filter(unnumbered).cloned() else { return };
        let Some(fact) = record.facts.iter().find(|fact| fact.claim == claim) else { return };
        let content = content(&fact.resource);
        if self.seen.len() >= KEYS_MAX {
            self.seen.clear();
        }
        let mut hasher = DefaultHasher::new();
        claim.hash(&mut hasher);
        let before = self.seen.entry(hasher.finish()).or_default();
        let place = place(before, standing, content);
        before.push(Seen { standing, content, place });
        if place > 1 {
            rename(record, &claim, place);
        }
    }
}

/// Which of the things under one key a row is.
fn place(before: &[Seen], standing: Standing, content: u64) -> usize {
    if let Some(same) = before.iter().find(|seen| seen.content == content) {
        return same.place;
    }
    let alike = before.iter().filter(|seen| seen.standing == standing).map(|seen| seen.place);
    alike.max().map_or(1, |last| last + 1)
}

/// What a resource says, but for whether it stands.
fn content(resource: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(members) = resource.as_object() {
        for (name, value) in members.iter().filter(|(name, _)| *name != "status") {
            name.hash(&mut hasher);
            value.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Puts the place behind the key, and says so.
fn rename(record: &mut Record, claim: &Claim, place: usize) {
    let mut own = claim.clone();
    if let Some(number) = own.key.last_mut() {
        *number = format!("#{place}");
    }
    for fact in record.facts.iter_mut().filter(|fact| fact.claim == *claim) {
        fact.claim = own.clone();
    }
    record.issues.push(
        Issue::new("table.key.repeated", Severity::Warning, record.path.clone())
            .at(record.line, 1)
            .found(&place.to_string())
            .hint("同一报告中同一项目出现多次且没有序号，已按出现次序区分；请增加结果序号"),
    );
    record.main = Some(own);
}
