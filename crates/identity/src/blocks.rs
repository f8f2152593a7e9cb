//! Blocking: which pairs are worth scoring.
//!
//! Every pass groups the registrations by one key. A block that grows beyond [`BLOCK_MAX`] is split by adding a field to its key,
//! again and again; what is still too big after all fields is compared with its neighbours in a fixed order, and the pairs
//! left out are counted and reported. A split depends on the set of registrations only, never on their order.

use crate::packed::Packed;
use crate::standardise::NameKind;
use crate::standardise::name::readings_of;
use crate::text::mix;

/// Blocks up to this size are compared whole: a person with a dozen visits stays in one block.
pub const BLOCK_MAX: usize = 20;
/// In a block that no field splits, each registration is compared with this many that follow it.
pub(crate) const WINDOW: usize = 8;
/// The passes that can be kept up to date with every registration: all but the two widest (name alone, birth date alone) and the
/// telephone alone, which are for the batch that can afford to read large blocks.
pub const REAL_TIME: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 10, 12];

/// A pass: its name and the fields by which its blocks are split when they are too big.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// The name in reports.
    pub name: &'static str,
    refine: &'static [Refine],
}

#[derive(Debug, Clone, Copy)]
enum Refine {
    Reading,
    Birth,
    BirthYear,
    MonthDay,
    Surname,
    Sex,
    Phone,
    House,
    County,
    GivenFirst,
}

/// Number of passes.
pub const PASSES: usize = 13;

/// The passes, in order.
pub const ALL: [Pass; PASSES] = [
    Pass { name: "document", refine: &[Refine::Reading, Refine::Birth] },
    Pass { name: "document-without-region", refine: &[Refine::Surname, Refine::Reading] },
    Pass { name: "document-without-sequence", refine: &[Refine::Surname, Refine::GivenFirst, Refine::Reading] },
    Pass { name: "name-birth", refine: &[Refine::Sex, Refine::County, Refine::Phone, Refine::House] },
    Pass { name: "name-phone", refine: &[Refine::BirthYear, Refine::Birth] },
    Pass { name: "birth-phone", refine: &[Refine::Surname, Refine::Sex, Refine::Reading] },
    Pass { name: "birth-house", refine: &[Refine::Surname, Refine::Sex, Refine::Reading] },
    Pass { name: "name-house", refine: &[Refine::BirthYear, Refine::Birth] },
    Pass { name: "name", refine: &[Refine::BirthYear, Refine::Sex, Refine::MonthDay, Refine::Phone] },
    Pass { name: "phone", refine: &[Refine::Surname, Refine::BirthYear, Refine::Reading, Refine::Birth] },
    Pass { name: "birth-surname", refine: &[Refine::Sex, Refine::GivenFirst, Refine::County, Refine::Reading] },
    Pass { name: "birth", refine: &[Refine::Sex, Refine::County, Refine::Surname, Refine::GivenFirst] },
    Pass { name: "name-month-day", refine: &[Refine::Sex, Refine::County, Refine::BirthYear] },
];

fn key(pass: usize, parts: [u64; 2]) -> u32 {
    if parts.contains(&0) { 0 } else { ((mix(mix(parts[0], parts[1]), pass as u64 + 1) >> 32) as u32).max(1) }
}

fn surname(packed: &Packed) -> u64 {
    if packed.name_kind() == NameKind::Missing {
        return 0;
    }
    if packed.name_kind() == NameKind::Words {
        return u64::from(packed.tokens[0]);
    }
    u64::from(readings_of(packed.tokens[0], true)[0])
}

fn reading(packed: &Packed) -> u64 {
    let is_newborn = packed.name_kind() == NameKind::Newborn;
    if packed.readings[0] == 0 { 0 } else { u64::from(packed.readings[0]) << 1 | u64::from(is_newborn) }
}

fn house(packed: &Packed) -> u64 {
    if packed.road() == 0 || packed.house == 0 { 0 } else { mix(u64::from(packed.road()), u64::from(packed.house)) }
}

fn birth(packed: &Packed) -> u64 {
    if packed.birth.is_whole() { u64::from(packed.birth.packed()) } else { 0 }
}

fn month_day(packed: &Packed) -> u64 {
    let (month, day) = (u64::from(packed.birth.month()), u64::from(packed.birth.day()));
    if packed.birth.is_year_only() || day == 0 { 0 } else { month << 5 | day }
}

/// The keys of a registration, one per pass; zero where a part is missing.
#[must_use]
pub fn keys(packed: &Packed) -> [u32; PASSES] {
    let mut keys = [0; PASSES];
    if packed.has_own_document() {
        if let Some(body) = packed.body() {
            keys[0] = key(0, [body, 1]);
            keys[1] = key(1, [body % 100_000_000_000, 1]);
            keys[2] = key(2, [body / 1000, 1]);
        } else {
            keys[0] = key(0, [packed.document, 2]);
        }
    }
    let (reading, birth, phone, house) = (reading(packed), birth(packed), packed.phone(), house(packed));
    keys[3] = key(3, [reading, birth]);
    keys[4] = key(4, [reading, phone]);
    keys[5] = key(5, [birth, phone]);
    keys[6] = key(6, [birth, house]);
    keys[7] = key(7, [reading, house]);
    keys[8] = key(8, [reading, 1]);
    keys[9] = key(9, [phone, 1]);
    keys[10] = key(10, [birth, surname(packed)]);
    keys[11] = key(11, [birth, 1]);
    keys[12] = key(12, [reading, month_day(packed)]);
    keys
}

fn value(refine: Refine, packed: &Packed) -> u64 {
    match refine {
        Refine::Reading => reading(packed),
        Refine::Birth => u64::from(packed.birth.packed()),
        Refine::BirthYear => u64::from(packed.birth.year()),
        Refine::MonthDay => month_day(packed),
        Refine::Surname => surname(packed),
        Refine::Sex => u64::from(packed.sex()),
        Refine::Phone => packed.phone(),
        Refine::House => house(packed),
        Refine::County => u64::from(packed.county),
        Refine::GivenFirst => u64::from(readings_of(packed.tokens[1], false)[0]),
    }
}

/// The key of a registration in a block that was split `depth` times.
#[must_use]
pub fn refined(pass: usize, depth: usize, key: u32, packed: &Packed) -> Option<u32> {
    let field = ALL[pass].refine.get(depth)?;
    Some(((mix(mix(u64::from(key), value(*field, packed)), depth as u64 + 101) >> 32) as u32).max(1))
}

/// What a pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Blocks of two and more.
    pub blocks: u64,
    /// Pairs inside the blocks, including those that earlier passes found too.
    pub pairs: u64,
    /// Pairs that no earlier pass found.
    pub new_pairs: u64,
    /// Splits of blocks that were too big.
    pub splits: u64,
    /// Pairs left out of blocks that no field split.
    pub left_out: u64,
}

/// Runs one pass over all registrations: calls `visit` for every pair, and leaves in `keys` the final key of each registration.
pub fn run(pass: usize, all: &[Packed], keys: &mut [u32], mut visit: impl FnMut(u32, u32, &[u32])) -> PassReport {
    let mut report = PassReport::default();
    let mut entries: Vec<u64> =
        (0_u64..).zip(keys.iter()).filter(|(_, key)| **key != 0).map(|(at, key)| u64::from(*key) << 32 | at).collect();
    entries.sort_unstable();
    let mut pending: Vec<(usize, Vec<u64>)> = Vec::new();
    let mut handle = |chunk: &[u64], depth: usize, keys: &mut [u32], pending: &mut Vec<(usize, Vec<u64>)>| {
        if chunk.len() < 2 {
            return;
        }
        if chunk.len() > BLOCK_MAX && depth < ALL[pass].refine.len() {
            report.splits += 1;
            let mut split: Vec<u64> = Vec::with_capacity(chunk.len());
            for entry in chunk {
                let at = *entry as u32;
                let key = refined(pass, depth, (*entry >> 32) as u32, &all[at as usize]).unwrap_or(0);
                keys[at as usize] = key;
                split.push(u64::from(key) << 32 | u64::from(at));
            }
            split.sort_unstable();
            pending.push((depth + 1, split));
            return;
        }
        report.blocks += 1;
        let size = chunk.len() as u64;
        let is_whole = chunk.len() <= 2 * BLOCK_MAX;
        let window = if is_whole { chunk.len() } else { WINDOW };
        let mut members: Vec<u32> = chunk.iter().map(|entry| *entry as u32).collect();
        if !is_whole {
            members.sort_unstable_by_key(|at| fingerprint(&all[*at as usize]));
            // Later passes must not believe that the pairs of this block were compared.
            for at in &members {
                keys[*at as usize] = 0;
            }
        }
        let mut pairs = 0;
        for (at, left) in members.iter().enumerate() {
            for right in members.iter().skip(at + 1).take(window) {
                pairs += 1;
                visit(*left, *right, keys);
            }
        }
        report.pairs += pairs;
        report.left_out += size * (size - 1) / 2 - pairs;
    };
    for chunk in entries.chunk_by(|left, right| left >> 32 == right >> 32) {
        handle(chunk, 0, keys, &mut pending);
        while let Some((depth, split)) = pending.pop() {
            for part in split.chunk_by(|left, right| left >> 32 == right >> 32) {
                handle(part, depth, keys, &mut pending);
            }
        }
    }
    report
}

/// A number that depends on the content only, for orders that must not depend on arrival.
#[must_use]
pub fn fingerprint(packed: &Packed) -> u64 {
    let bytes = packed.to_bytes();
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(1, mix)
}
