//! How fast and how large real time is: `live_speed RECORDS.csv QUERIES.csv [REGIONS.csv]`. The queries are registrations of
//! people who are not among the records, asked in the order of their file, so that every one is cold.
use std::collections::HashSet;
use std::io::{BufReader, Write};
use std::time::{Duration, Instant};

use identity::batch::{Frozen, Input};
use identity::index::Index;
use identity::live::Live;
use identity::packed::Packed;
use identity::standardise::Regions;

/// Registrations that arrive one by one, each decided, behind those that are filled in.
const ARRIVALS: usize = 20_000;
/// Queries asked at most.
const QUERIES_MAX: usize = 100_000;

fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[allow(clippy::unwrap_used)]
fn read(path: &str, regions: &Regions) -> Vec<Packed> {
    let mut input = BufReader::with_capacity(1 << 20, std::fs::File::open(path).unwrap());
    Input::read(&mut input, regions).unwrap().registrations
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let share = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    format!("p50 {:?} p99 {:?} p99.9 {:?}", share(0.5), share(0.99), share(0.999))
}

#[allow(clippy::unwrap_used)]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let (records, queries) = (arguments.next().unwrap(), arguments.next().unwrap());
    let regions =
        arguments.next().map_or_else(Regions::default, |path| Regions::read(&std::fs::read_to_string(path).unwrap()).0);
    let mut out = std::io::stdout().lock();
    let mut say = |words: String| drop(writeln!(out, "{words}"));
    let mut all = read(&records, &regions);
    let frozen = Frozen::shipped().unwrap();
    all.iter_mut().for_each(|one| frozen.frequencies.finish(one));
    let names: HashSet<u32> = all.iter().map(|one| one.whole).collect();
    say(format!("{} registrations, {} distinct names", all.len(), names.len()));
    drop(names);
    let before = resident_megabytes();
    let start = Instant::now();
    let mut live = Live::new(frozen.clone());
    let (filled, arriving) = all.split_at(all.len().saturating_sub(ARRIVALS));
    for one in filled {
        live.fill(*one);
    }
    let seconds = start.elapsed().as_secs_f64();
    let count = live.index().len().max(1) as f64;
    say(format!(
        "filled in {seconds:.2} s, {:.2} us each; {:.1} bytes a registration ({:.0} MB resident before, {:.0} after)",
        1e6 * seconds / count,
        live.index().bytes() as f64 / count,
        before,
        resident_megabytes()
    ));
    let mut times = Vec::with_capacity(arriving.len());
    for one in arriving {
        let arrived = Instant::now();
        let (_, touched) = live.insert(*one);
        let regrouped = live.regroup(&touched, &[]);
        times.push(arrived.elapsed());
        assert!(!regrouped.groups.is_empty() || regrouped.is_cut);
    }
    say(format!("arrival with clustering: {}", percentiles(times)));
    let start = Instant::now();
    let bytes = live.index().snapshot();
    let taken = start.elapsed();
    let start = Instant::now();
    let restored = Index::restore(&bytes).unwrap();
    say(format!("snapshot {} MB in {taken:?}, restored in {:?}", bytes.len() >> 20, start.elapsed()));
    assert_eq!(restored.len(), live.index().len());
    drop(restored);
    let mut asked = read(&queries, &regions);
    asked.truncate(QUERIES_MAX);
    let mut found = 0;
    let mut times = Vec::with_capacity(asked.len());
    for mut query in asked {
        let start = Instant::now();
        live.index().finish(&mut query);
        found += live.index().candidates(&query, 50).candidates.len();
        times.push(start.elapsed());
    }
    say(format!("match of strangers: {}, {found} candidates in {} questions", percentiles(times.clone()), times.len()));
}
