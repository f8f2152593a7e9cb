//! Labels (人工标注): the pairs of registrations that people noted as one person, or as two. They are what the standing decisions
//! leave behind, one after the other; a decision that was taken back leaves nothing, as if it had never been.
//!
//! A pair may be noted by several decisions: each note is counted, so that taking one decision back leaves the others'.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{Decision, DecisionKind, Pair};

/// A note that is put into the index, or taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) left: u64,
    pub(crate) right: u64,
    /// One person, or two.
    pub(crate) is_same: bool,
    /// Whether the note goes.
    pub(crate) is_taken_back: bool,
    /// The how manieth like this of one order: a plan may be made several times, and each of its notes counts once.
    pub(crate) occurrence: usize,
}

/// How often each pair is noted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Labels {
    must: BTreeMap<Pair, usize>,
    cannot: BTreeMap<Pair, usize>,
}

impl Labels {
    /// What decisions leave behind, in the order in which they were made.
    pub(crate) fn of<'d>(decisions: impl IntoIterator<Item = &'d Decision>) -> Self {
        let mut labels = Self::default();
        for decision in decisions {
            labels.apply(decision);
        }
        labels
    }

    fn apply(&mut self, decision: &Decision) {
        if decision.undone_by.is_some() || decision.kind == DecisionKind::Undo {
            return;
        }
        forget(&mut self.must, &decision.overruled_must);
        forget(&mut self.cannot, &decision.overruled_cannot);
        note(&mut self.must, &decision.must);
        note(&mut self.cannot, &decision.cannot);
    }

    /// The notes that make these labels into those.
    pub(crate) fn wishes_to(&self, after: &Self) -> Vec<Wish> {
        let mut wishes = difference(&self.must, &after.must, true);
        wishes.extend(difference(&self.cannot, &after.cannot, false));
        wishes
    }

    /// Every pair noted as one person, and as two, as often as it is.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (Pair, bool)> + '_ {
        let repeated = |(pair, count): (&Pair, &usize), is_same| std::iter::repeat_n((*pair, is_same), *count);
        let must = self.must.iter().flat_map(move |one| repeated(one, true));
        must.chain(self.cannot.iter().flat_map(move |one| repeated(one, false)))
    }
}

/// The notes of a new decision.
pub(crate) fn wishes_of(overruled: (&[Pair], &[Pair]), noted: (&[Pair], &[Pair])) -> Vec<Wish> {
    let mut wishes: Vec<Wish> = Vec::new();
    for (pairs, is_same, is_taken_back) in
        [(overruled.0, true, true), (overruled.1, false, true), (noted.0, true, false), (noted.1, false, false)]
    {
        for pair in pairs {
            let (left, right) = ordered(*pair);
            let occurrence = wishes
                .iter()
                .filter(|one| {
                    (one.left, one.right, one.is_same, one.is_taken_back) == (left, right, is_same, is_taken_back)
                })
                .count();
            wishes.push(Wish { left, right, is_same, is_taken_back, occurrence });
        }
    }
    wishes
}

/// Does a later decision stand that says the same of a pair, or that overruled it? Taking the earlier one back would then change
/// nothing, or leave half of what was meant.
pub(crate) fn builds_on(later: &Decision, earlier: &Decision) -> bool {
    let is_later = (later.at_ms, &later.id) > (earlier.at_ms, &earlier.id);
    if !is_later || later.undone_by.is_some() || later.kind == DecisionKind::Undo {
        return false;
    }
    let shares = |one: &[Pair], other: &[Pair]| {
        one.iter().any(|pair| other.iter().any(|known| ordered(*known) == ordered(*pair)))
    };
    // The pairs of one decision hang together: whoever is named in two of them is joined through their common one.
    let named: BTreeSet<u64> = later.must.iter().flat_map(|(one, other)| [*one, *other]).collect();
    earlier.must.iter().any(|(one, other)| named.contains(one) && named.contains(other))
        || shares(&later.cannot, &earlier.cannot)
        || shares(&later.overruled_must, &earlier.must)
        || shares(&later.overruled_cannot, &earlier.cannot)
}

fn ordered((one, other): Pair) -> Pair {
    (one.min(other), one.max(other))
}

fn note(notes: &mut BTreeMap<Pair, usize>, pairs: &[Pair]) {
    for pair in pairs {
        *notes.entry(ordered(*pair)).or_default() += 1;
    }
}

fn forget(notes: &mut BTreeMap<Pair, usize>, pairs: &[Pair]) {
    for pair in pairs {
        let pair = ordered(*pair);
        if let Some(count) = notes.get_mut(&pair) {
            *count -= 1;
            if *count == 0 {
                notes.remove(&pair);
            }
        }
    }
}

fn difference(before: &BTreeMap<Pair, usize>, after: &BTreeMap<Pair, usize>, is_same: bool) -> Vec<Wish> {
    let count = |notes: &BTreeMap<Pair, usize>, pair: &Pair| notes.get(pair).copied().unwrap_or(0);
    let mut pairs: Vec<&Pair> = before.keys().chain(after.keys()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut wishes = Vec::new();
    for pair in pairs {
        let (had, has) = (count(before, pair), count(after, pair));
        for occurrence in 0..had.abs_diff(has) {
            wishes.push(Wish { left: pair.0, right: pair.1, is_same, is_taken_back: has < had, occurrence });
        }
    }
    wishes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decision(id: usize, must: Vec<Pair>, cannot: Vec<Pair>, over: (Vec<Pair>, Vec<Pair>)) -> Decision {
        Decision {
            id: id.to_string(),
            kind: DecisionKind::Merge,
            by: String::new(),
            reason: String::new(),
            at_ms: 0,
            model: String::new(),
            must,
            cannot,
            overruled_must: over.0,
            overruled_cannot: over.1,
            before: Vec::new(),
            undoes: None,
            undone_by: None,
        }
    }

    /// A decision overrules what stands against it, as merge and split do.
    fn decided(standing: &Labels, id: usize, pair: Pair, is_same: bool) -> Decision {
        let against = |wanted: bool| {
            let pairs = standing.pairs().filter(|(known, is_same)| *is_same == wanted && *known == ordered(pair));
            pairs.map(|(known, _)| known).collect::<Vec<_>>()
        };
        if is_same {
            decision(id, vec![pair], vec![], (vec![], against(false)))
        } else {
            decision(id, vec![], vec![pair], (against(true), vec![]))
        }
    }

    proptest! {
        /// Whatever is decided and taken back in whatever order: the labels of the index, changed step by step, are those that a
        /// start makes out of the standing decisions.
        #[test]
        fn labels_are_what_the_standing_decisions_leave(
            acts in prop::collection::vec((0_u64..4, 0_u64..4, any::<bool>(), any::<bool>(), 0_usize..12), 1..24)
        ) {
            let mut made: Vec<Decision> = Vec::new();
            let mut index = Labels::default();
            let play = |index: &mut Labels, wishes: Vec<Wish>| {
                for wish in wishes {
                    let notes = if wish.is_same { &mut index.must } else { &mut index.cannot };
                    let change = if wish.is_taken_back { forget } else { note };
                    change(notes, &[(wish.left, wish.right)]);
                }
            };
            for (left, right, is_same, is_undo, which) in acts {
                let before = Labels::of(&made);
                prop_assert_eq!(&before, &index);
                if is_undo && !made.is_empty() {
                    let at = which % made.len();
                    made[at].undone_by = Some("later".to_owned());
                    play(&mut index, before.wishes_to(&Labels::of(&made)));
                } else if left != right {
                    let new = decided(&before, made.len(), (left, right), is_same);
                    let overruled = (new.overruled_must.as_slice(), new.overruled_cannot.as_slice());
                    play(&mut index, wishes_of(overruled, (&new.must, &new.cannot)));
                    made.push(new);
                }
            }
            prop_assert_eq!(Labels::of(&made), index);
        }
    }
}
