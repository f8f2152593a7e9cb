//! The traps of `tests/identity`, each alone and with the shipped model: what `kangmai empi link` makes of a small file.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::io::BufReader;

use identity::batch::{Frozen, Input, link};
use identity::cluster::{ReviewKind, Wishes};
use identity::standardise::Regions;
use identity::table::read_columns;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Known to differ: the telephone of a namesake is one digit away.
const OWED: &[(&str, &str, &str)] = &[("namesakes", "A1", "C1")];

#[test]
fn every_trap_ends_as_expected() {
    let regions = std::fs::read_to_string(format!("{ROOT}/bench/registrations/data/regions.csv")).unwrap();
    let regions = Regions::read(&regions).0;
    let mut folders: Vec<_> = std::fs::read_dir(format!("{ROOT}/tests/identity")).unwrap().flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    let (mut surprises, mut outcomes) = (Vec::new(), 0);
    for folder in folders.iter().map(std::fs::DirEntry::path).filter(|path| path.is_dir()) {
        let open = |name: &str| BufReader::new(std::fs::File::open(folder.join(name)).unwrap());
        let mut input = Input::read(&mut open("records.csv"), &regions).unwrap();
        let frozen = Frozen::learn(&mut input.registrations);
        let clusters = link(&input.registrations, &frozen, &Wishes::default()).clusters;
        let cluster_of = |at: u32| clusters.cluster_of[at as usize];
        let places: HashMap<&str, u32> = (0..input.ids.len() as u32).map(|at| (input.ids.get(at), at)).collect();
        let trap = folder.file_name().unwrap().to_string_lossy().into_owned();
        read_columns(&mut open("expected.csv"), ["rec_id_a", "rec_id_b", "outcome"], |[left, right, outcome]| {
            let (one, other) = (cluster_of(places[left]), cluster_of(places[right]));
            let mut kinds = clusters.queue.iter().filter(|row| {
                let pair = (cluster_of(row.left), cluster_of(row.right));
                pair == (one, other) || pair == (other, one)
            });
            let is_conflict = kinds.clone().any(|row| row.kind == ReviewKind::DocumentConflict);
            let fits = match outcome {
                "link" => one == other,
                "link_or_review" => one == other || kinds.next().is_some(),
                "document_conflict" => one != other && is_conflict,
                "separate" => one != other && !is_conflict,
                _ => false,
            };
            outcomes += 1;
            if !fits && !OWED.contains(&(trap.as_str(), left, right)) {
                let queue: Vec<_> = clusters.queue.iter().filter(|row| cluster_of(row.left) == one).collect();
                surprises.push(format!("{trap}: {left} and {right} should be {outcome}: {queue:?}"));
            }
        })
        .unwrap();
    }
    assert!(outcomes >= 172, "{outcomes} outcomes");
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
