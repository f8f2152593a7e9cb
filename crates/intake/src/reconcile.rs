//! 日对账: what a source says it sent on a business day, against what is here.
//!
//! Every accepted record leaves one row under its business day and type. A 日终对账 of the source leaves what it counted. The
//! comparison names what is missing here and what is here in surplus, by key where the source lists its keys, else by number
//! and amount.
//!
//! `issue` · tenant 4 · 5 · source 4 · day 4 · record type 8 · claim 16 → sealed key and amount. The row's key is remembered
//! under the claim (`claim` · tenant 4 · 4 · claim 16 mixed with the record type, because a registration and a medical record
//! are both known by their visit), so that a record that moves to another day leaves the first.

use std::collections::{BTreeMap, BTreeSet};

use formats::reading::{Claim, Record, Total};
use model::{ErrorCode, Failure, TenantId};
use records::Work;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::{Keyspace, Store, prefix_end};
use trust::{Domain, TenantKeys};

use crate::receipt::ReceiptId;
use crate::rows;
use crate::source::Source;

const TOTAL: u8 = 4;
const DAY: u8 = 5;
const DAY_OF: u8 = 4;
/// Keys that one answer names: a hospital's busy day.
const KEYS_MAX: usize = 100_000;

/// One line of a 日终对账, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    record_type: String,
    branch: String,
    batch: String,
    count: u64,
    amount: String,
    keys: Vec<String>,
    receipt: ReceiptId,
}

/// One record of a day, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    record_type: String,
    key: String,
    amount: String,
}

/// How one type of records compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// 业务类型: `table:charge`.
    pub record_type: String,
    /// What the source says, all branches and batches together; `None` when it said nothing.
    pub declared: Option<u64>,
    /// What is here.
    pub present: u64,
    /// 金额合计 of the source; empty when it gave none.
    pub declared_amount: String,
    /// The sum here; empty when the records carry no amounts.
    pub present_amount: String,
    /// Whether they agree.
    pub agrees: bool,
    /// What differs.
    pub difference: Difference,
}

/// What differs, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The source lists its keys; without them only numbers can be compared.
    pub is_by_key: bool,
    /// Declared and not here.
    pub missing: Vec<String>,
    /// Here and not declared.
    pub surplus: Vec<String>,
}

/// `2024-03-05` as 20240305; `None` when it is no day.
fn day_number(day: &str) -> Option<u32> {
    let digits: String = day.chars().filter(char::is_ascii_digit).collect();
    formats::fhir::date::parse(day).ok().filter(|_| digits.len() == 8)?;
    digits.parse().ok()
}

fn local_day(at_ms: i64) -> String {
    let instant = model::instant_text(at_ms.saturating_add(8 * 3_600_000));
    instant.get(..10).unwrap_or_default().to_owned()
}

/// The key as people read it: its parts, joined.
fn text_of(claim: &Claim) -> String {
    claim.key.join("|")
}

fn prefix(tenant: TenantId, class: u8, source: u32, day: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(45);
    key.extend_from_slice(&tenant.0.to_be_bytes());
    key.push(class);
    key.extend_from_slice(&source.to_be_bytes());
    key.extend_from_slice(&day.to_be_bytes());
    key
}

pub(crate) fn type_hash(keys: &TenantKeys, text: &str) -> [u8; 8] {
    keys.hash64(Domain::Claim, text.as_bytes()).to_be_bytes()
}

/// A claim's hash mixed with that of a record type.
pub(crate) fn typed(mut hash: [u8; 16], record_type: [u8; 8]) -> [u8; 16] {
    for (byte, other) in hash.iter_mut().zip(record_type) {
        *byte ^= other;
    }
    hash
}

/// Counts an accepted record under its day.
pub(crate) fn count(
    work: &mut Work<'_>,
    source: &Source,
    record: &Record,
    claim: &Claim,
    hash: [u8; 16],
    received_ms: i64,
) -> Result<(), Failure> {
    let day = if record.business_day.is_empty() {
        local_day(record.effective_ms.unwrap_or(received_ms))
    } else {
        record.business_day.clone()
    };
    let Some(day) = day_number(&day) else { return Ok(()) };
    let mut key = prefix(work.tenant(), DAY, source.number, day);
    let record_type = type_hash(work.keys(), &record.record_type);
    key.extend_from_slice(&record_type);
    key.extend_from_slice(&hash);
    let pointer = rows::hashed(work.tenant(), DAY_OF, typed(hash, record_type));
    match work.row(Keyspace::Claim, &pointer)? {
        Some(before) if before == key && record.amount.is_empty() => return Ok(()),
        Some(before) if before != key => work.delete_row(Keyspace::Issue, before),
        _ => {}
    }
    let entry = Entry { record_type: record.record_type.clone(), key: text_of(claim), amount: record.amount.clone() };
    let sealed = rows::seal(work.keys(), &key, &entry)?;
    work.put_row(Keyspace::Claim, pointer, key.clone());
    work.put_row(Keyspace::Issue, key, sealed);
    Ok(())
}

/// Keeps a line of a 日终对账; a later one about the same day, institution, type, branch and batch takes its place. One source
/// may speak for many institutions (统建基层系统).
pub(crate) fn keep(
    work: &mut Work<'_>,
    source: &Source,
    receipt: ReceiptId,
    institution: &str,
    total: &Total,
) -> Result<(), Failure> {
    let Some(day) = day_number(&total.business_day) else { return Ok(()) };
    let mut key = prefix(work.tenant(), TOTAL, source.number, day);
    let what = format!("{institution}\0{}\0{}\0{}", total.record_type, total.branch, total.batch);
    key.extend_from_slice(&type_hash(work.keys(), &what));
    let line = Line {
        record_type: total.record_type.clone(),
        branch: total.branch.clone(),
        batch: total.batch.clone(),
        count: total.count,
        amount: total.amount.clone(),
        keys: total.keys.iter().map(text_of).collect(),
        receipt,
    };
    let sealed = rows::seal(work.keys(), &key, &line)?;
    work.put_row(Keyspace::Issue, key, sealed);
    Ok(())
}

#[derive(Default)]
struct Sides {
    declared: Option<u64>,
    declared_amount: Option<Decimal>,
    declared_keys: BTreeSet<String>,
    present: BTreeSet<String>,
    present_amount: Option<Decimal>,
}

fn add(sum: &mut Option<Decimal>, amount: &str) {
    if let Ok(amount) = amount.trim().replace(',', "").parse::<Decimal>() {
        // A sum beyond what a decimal holds is no amount of money: the line that has it is left out.
        *sum = sum.unwrap_or_default().checked_add(amount).or(*sum);
    }
}

/// Compares a business day.
///
/// # Errors
/// `Unprocessable` when the text is no day; `TooCostly` for a day of more than [`KEYS_MAX`] records; what the store says.
pub(crate) fn compare(
    store: &Store,
    tenant: TenantId,
    source: &Source,
    business_day: &str,
) -> Result<Vec<Reconciliation>, Failure> {
    let not_a_day = || Failure::new(ErrorCode::BadSearch, "`day` is a date like 2024-03-05");
    let day = day_number(business_day).ok_or_else(not_a_day)?;
    let keys = store.tenant(tenant);
    let snapshot = store.snapshot();
    let mut types: BTreeMap<String, Sides> = BTreeMap::new();
    let from = prefix(tenant, TOTAL, source.number, day);
    let mut cursor = snapshot.scan(Keyspace::Issue, &from, &prefix_end(&from));
    while let Some((key, row)) = cursor.next().map_err(crate::road::engine_failure)? {
        let line: Line = rows::open(&keys, key, row)?;
        let sides = types.entry(line.record_type).or_default();
        sides.declared = Some(sides.declared.unwrap_or(0) + line.count);
        add(&mut sides.declared_amount, &line.amount);
        sides.declared_keys.extend(line.keys);
    }
    let from = prefix(tenant, DAY, source.number, day);
    let mut cursor = snapshot.scan(Keyspace::Issue, &from, &prefix_end(&from));
    let mut count = 0;
    while let Some((key, row)) = cursor.next().map_err(crate::road::engine_failure)? {
        count += 1;
        if count > KEYS_MAX {
            return Err(Failure::new(ErrorCode::TooCostly, format!("a day of more than {KEYS_MAX} records")));
        }
        let entry: Entry = rows::open(&keys, key, row)?;
        let sides = types.entry(entry.record_type).or_default();
        add(&mut sides.present_amount, &entry.amount);
        sides.present.insert(entry.key);
    }
    Ok(types.into_iter().map(|(record_type, sides)| judge(record_type, &sides)).collect())
}

fn judge(record_type: String, sides: &Sides) -> Reconciliation {
    let is_by_key = !sides.declared_keys.is_empty();
    let present = sides.present.len() as u64;
    let difference = Difference {
        is_by_key,
        missing: sides.declared_keys.difference(&sides.present).cloned().collect(),
        surplus: if is_by_key { sides.present.difference(&sides.declared_keys).cloned().collect() } else { Vec::new() },
    };
    let amounts_agree = sides.declared_amount.is_none() || sides.declared_amount == sides.present_amount;
    let agrees = sides.declared == Some(present)
        && amounts_agree
        && difference.missing.is_empty()
        && difference.surplus.is_empty();
    let text = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string()).unwrap_or_default();
    Reconciliation {
        record_type,
        declared: sides.declared,
        present,
        declared_amount: text(sides.declared_amount),
        present_amount: text(sides.present_amount),
        agrees,
        difference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        assert_eq!(day_number("2024-03-05"), Some(20_240_305));
        for bad in ["", "2024-03", "2024-02-30", "20240305", "昨天"] {
            assert_eq!(day_number(bad), None, "{bad}");
        }
        assert_eq!(local_day(1_709_568_000_000), "2024-03-05", "2024-03-04T16:00Z is the next day in Shanghai");
    }

    #[test]
    fn missing_and_surplus_are_named() {
        let set = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let sides = Sides {
            declared: Some(3),
            declared_keys: set(&["1", "2", "3"]),
            present: set(&["1", "3", "4"]),
            declared_amount: Some(Decimal::ONE),
            present_amount: Some(Decimal::ONE),
        };
        let judged = judge("table:charge".to_owned(), &sides);
        assert!(!judged.agrees);
        assert_eq!(
            (judged.difference.missing, judged.difference.surplus),
            (vec!["2".to_owned()], vec!["4".to_owned()])
        );
        let equal = Sides { declared: Some(1), present: set(&["1"]), ..Sides::default() };
        assert!(judge(String::new(), &equal).agrees);
        let unequal = Sides { declared: Some(2), present: set(&["1"]), ..Sides::default() };
        assert!(!judge(String::new(), &unequal).agrees);
    }
}
