//! Links a table and prints what each step took: the tool of development and of the figures in `docs/decisions/0006`.
use std::collections::HashMap;
use std::io::BufReader;
use std::time::Instant;

use identity::batch::{Frozen, Input, link};
use identity::cluster::Wishes;
use identity::evaluate::evaluate;
use identity::index::Index;
use identity::packed::Packed;
use identity::standardise::Regions;
use identity::table::{read_columns, write_clusters, write_queue};

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kb| kb.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e3
}

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let out = std::env::args().nth(2).unwrap();
    let start = Instant::now();
    let lap = |what: &str| {
        println!("{what}: wall {:.2}s cpu {:.2}s peak {:.0} MB", start.elapsed().as_secs_f64(), cpu(), rss());
    };
    let regions = std::env::args()
        .nth(3)
        .and_then(|path| std::fs::read_to_string(path).ok())
        .map_or_else(Regions::default, |text| Regions::read(&text).0);
    let mut input = BufReader::with_capacity(1 << 20, std::fs::File::open(path).unwrap());
    let Input { ids, registrations: mut all, .. } = Input::read(&mut input, &regions).unwrap();
    lap("read");
    let frozen = Frozen::learn(&mut all);
    lap("learn");
    if let Some(path) = std::env::args().nth(5).filter(|path| !path.is_empty()) {
        let shipped = Frozen { frequencies: frozen.frequencies.of_characters(), ..frozen.clone() };
        std::fs::write(path, serde_json::to_string(&shipped).unwrap()).unwrap();
    }
    println!("placeholders {:?}", frozen.frequencies.placeholders());
    println!(
        "prior {} {} surname {}",
        frozen.model.prior_stranger, frozen.model.prior_relative, frozen.model.relative_surname
    );
    for (field, what) in ["doc", "name", "birth", "sex", "phone", "address"].iter().enumerate() {
        for level in 1..11 {
            let (m, u, f) = (
                frozen.model.same[field][level],
                frozen.model.stranger[field][level],
                frozen.model.relative[field][level],
            );
            if m + f > 0.0 {
                println!("{what} {level}: m {m:.4} u {u:.6} f {f:.4}  w {:.1} / {:.1}", (m / u).log2(), (m / f).log2());
            }
        }
    }
    let linked = link(&all, &frozen, &Wishes::default());
    lap("link");
    for (pass, report) in identity::blocks::ALL.iter().zip(&linked.passes) {
        println!("{:28} {report:?}", pass.name);
    }
    println!(
        "pairs {} per registration {:.2} estimated recall {:.4} queue {}",
        linked.pairs_scored,
        linked.pairs_scored as f64 / all.len() as f64,
        linked.estimated_recall,
        linked.clusters.queue.len()
    );
    write_clusters(
        &mut std::io::BufWriter::new(std::fs::File::create(&out).unwrap()),
        &ids,
        &linked.clusters.cluster_of,
    )
    .unwrap();
    let mut queue = std::fs::File::create(format!("{out}.queue")).unwrap();
    write_queue(&mut queue, &ids, &linked.clusters.queue).unwrap();
    if std::env::args().nth(6).is_some() {
        measure_index(&frozen, &all);
    }
    if let Some(truth) = std::env::args().nth(4) {
        let place: HashMap<&str, u32> = (0..ids.len() as u32).map(|at| (ids.get(at), at)).collect();
        let (mut persons, mut person_of) = (HashMap::new(), vec![u32::MAX; ids.len()]);
        let mut input = BufReader::new(std::fs::File::open(truth).unwrap());
        read_columns(&mut input, ["rec_id", "person_id"], |[id, person]| {
            let next = persons.len() as u32;
            person_of[place[id] as usize] = *persons.entry(person.to_owned()).or_insert(next);
        })
        .unwrap();
        println!("{}", evaluate(&linked, &person_of));
    }
}

/// Builds the index from all registrations and asks it about registrations that do not exist: each is made of two neighbours.
#[allow(clippy::print_stdout)]
fn measure_index(frozen: &Frozen, all: &[Packed]) {
    let start = Instant::now();
    let mut index = Index::new(frozen.clone());
    for one in all {
        index.insert(*one);
    }
    let seconds = start.elapsed().as_secs_f64();
    let per_registration = index.bytes() as f64 / all.len() as f64;
    let count = all.len();
    let mut times = Vec::new();
    let mut found = 0;
    for at in 0..20_000.min(count) {
        let place = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize % count;
        let mut query = all[place];
        query.take_place(&all[(place + 1) % count]);
        let asked = Instant::now();
        found += index.candidates(&query, 20).candidates.len();
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    let share = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "index: {per_registration:.1} bytes a registration, {:.2} us an insertion, p50 {:?} p99 {:?} p99.9 {:?}, {:.1} candidates",
        1e6 * seconds / count as f64,
        share(0.5),
        share(0.99),
        share(0.999),
        found as f64 / times.len() as f64
    );
}
