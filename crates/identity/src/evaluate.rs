//! Evaluation against the truth: the figures that say whether an index may be trusted.
//!
//! Counted are pairs of registrations, as in the literature, and *mixed persons*: clusters that hold more than one person, which is
//! what hurts. B-cubed and its like are left out: one giant cluster hardly moves them.

use std::collections::HashMap;
use std::fmt;

use crate::batch::Linked;
use crate::cluster::ReviewKind;
use crate::text::NumberMap;

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evaluation {
    /// Registrations.
    pub registrations: usize,
    /// Persons in the truth.
    pub persons: usize,
    /// Clusters that were made.
    pub clusters: usize,
    /// Of the pairs inside clusters, the share that is one person's.
    pub precision: f64,
    /// Of the pairs of one person, the share inside one cluster.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// Clusters with more than one person.
    pub mixed: usize,
    /// Members of the largest cluster.
    pub largest: usize,
    /// Rows of the queue without document conflicts.
    pub queue: usize,
    /// Document conflicts.
    pub conflicts: usize,
    /// Recall after every row of the queue was answered by the truth.
    pub recall_with_queue: f64,
    /// Of the pairs of one person, the share that blocking looked at.
    pub blocking_recall: f64,
    /// What blocking itself estimates of that, without the truth.
    pub blocking_recall_estimated: f64,
    /// Other registrations that blocking brings to a registration, on average.
    pub candidates: f64,
}

/// `n` choose 2.
fn pairs(count: u64) -> u64 {
    count * count.saturating_sub(1) / 2
}

/// Compares clusters with the truth: `person_of` holds a number of the person for every registration.
#[must_use]
pub fn evaluate(linked: &Linked, person_of: &[u32]) -> Evaluation {
    let cluster_of = &linked.clusters.cluster_of;
    let (precision, recall) = precision_and_recall(cluster_of, person_of);
    let mut persons: NumberMap<u32, u64> = NumberMap::default();
    let mut clusters: NumberMap<u32, (u64, u32, bool)> = NumberMap::default();
    for (cluster, person) in cluster_of.iter().zip(person_of) {
        *persons.entry(*person).or_default() += 1;
        let entry = clusters.entry(*cluster).or_insert((0, *person, false));
        (entry.0, entry.2) = (entry.0 + 1, entry.2 || entry.1 != *person);
    }
    let queue = &linked.clusters.queue;
    let conflicts = queue.iter().filter(|row| row.kind == ReviewKind::DocumentConflict).count();
    let registrations = cluster_of.len();
    Evaluation {
        registrations,
        persons: persons.len(),
        clusters: clusters.len(),
        precision,
        recall,
        f1: if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 },
        mixed: clusters.values().filter(|(.., is_mixed)| *is_mixed).count(),
        largest: usize::try_from(clusters.values().map(|(size, ..)| *size).max().unwrap_or(0)).unwrap_or(0),
        queue: queue.len() - conflicts,
        conflicts,
        recall_with_queue: recall_with_queue(linked, person_of),
        blocking_recall: blocking_recall(linked, person_of),
        blocking_recall_estimated: linked.estimated_recall,
        candidates: 2.0 * linked.pairs_scored as f64 / registrations.max(1) as f64,
    }
}

fn precision_and_recall(cluster_of: &[u32], person_of: &[u32]) -> (f64, f64) {
    let (mut persons, mut clusters): (NumberMap<u32, u64>, NumberMap<u32, u64>) = Default::default();
    let mut both: NumberMap<u64, u64> = NumberMap::default();
    for (cluster, person) in cluster_of.iter().zip(person_of) {
        *persons.entry(*person).or_default() += 1;
        *clusters.entry(*cluster).or_default() += 1;
        *both.entry(u64::from(*cluster) << 32 | u64::from(*person)).or_default() += 1;
    }
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.map(pairs).sum::<u64>().max(1) as f64;
    let right = both.values().copied().map(pairs).sum::<u64>() as f64;
    (right / sum(&mut clusters.values().copied()), right / sum(&mut persons.values().copied()))
}

/// Every row that joins one person's registrations joins their clusters.
fn recall_with_queue(linked: &Linked, person_of: &[u32]) -> f64 {
    let mut cluster_of = linked.clusters.cluster_of.clone();
    let mut joined: NumberMap<u32, u32> = NumberMap::default();
    let find = |joined: &NumberMap<u32, u32>, mut at: u32| {
        while let Some(up) = joined.get(&at) {
            at = *up;
        }
        at
    };
    for row in &linked.clusters.queue {
        let (left, right) = (row.left as usize, row.right as usize);
        if person_of[left] == person_of[right] {
            let (one, other) = (find(&joined, cluster_of[left]), find(&joined, cluster_of[right]));
            if one != other {
                joined.insert(one.max(other), one.min(other));
            }
        }
    }
    for cluster in &mut cluster_of {
        *cluster = find(&joined, *cluster);
    }
    precision_and_recall(&cluster_of, person_of).1
}

fn blocking_recall(linked: &Linked, person_of: &[u32]) -> f64 {
    let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
    for (at, person) in (0_u32..).zip(person_of) {
        members.entry(*person).or_default().push(at);
    }
    let (mut found, mut all) = (0_u64, 0_u64);
    for members in members.values() {
        for (at, left) in members.iter().enumerate() {
            for right in &members[at + 1..] {
                all += 1;
                found += u64::from(linked.seen.were_compared(*left, *right));
            }
        }
    }
    if all == 0 { 1.0 } else { found as f64 / all as f64 }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |count: usize| 100.0 * count as f64 / self.registrations.max(1) as f64;
        writeln!(out, "registrations {}", self.registrations)?;
        writeln!(out, "persons {}", self.persons)?;
        writeln!(out, "clusters {}", self.clusters)?;
        writeln!(out, "precision {:.5}", self.precision)?;
        writeln!(out, "recall {:.5}", self.recall)?;
        writeln!(out, "f1 {:.5}", self.f1)?;
        writeln!(out, "mixed_persons {}", self.mixed)?;
        writeln!(out, "mixed_persons_per_100k_clusters {:.1}", 1e5 * self.mixed as f64 / self.clusters.max(1) as f64)?;
        writeln!(out, "largest_cluster {}", self.largest)?;
        writeln!(out, "queue {} ({:.2}% of registrations)", self.queue, share(self.queue))?;
        writeln!(out, "document_conflicts {} ({:.2}% of registrations)", self.conflicts, share(self.conflicts))?;
        writeln!(out, "recall_with_queue {:.5}", self.recall_with_queue)?;
        writeln!(out, "blocking_recall {:.5}", self.blocking_recall)?;
        writeln!(out, "blocking_recall_estimated {:.5}", self.blocking_recall_estimated)?;
        write!(out, "candidates_per_registration {:.2}", self.candidates)
    }
}
