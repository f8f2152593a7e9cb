//! Clustering: scored pairs → persons.
//!
//! Pairs are taken from the strongest to the weakest, and two clusters become one unless a pair between them is vetoed. What
//! was vetoed or is too weak goes to the review queue, one row per pair of clusters. What people decided always wins.

use crate::blocks::fingerprint;
use crate::compare::{Field, Levels, address, compare, document, name, phone};
use crate::model::{Scorer, UNITS_PER_BIT};
use crate::packed::Packed;
use crate::standardise::DocumentKind;
use crate::text::{NumberMap, mix};

use crate::batch::{LINK, REVIEW};

/// A scored pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The score, in units of 1/64 bit.
    pub score: i32,
    /// A registration.
    pub left: u32,
    /// Another one.
    pub right: u32,
}

/// What people decided: it outranks the model for ever.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Pairs that are one person.
    pub must_link: Vec<(u32, u32)>,
    /// Pairs that are two persons.
    pub cannot_link: Vec<(u32, u32)>,
}

/// Why a pair of clusters waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReviewKind {
    /// The same document under names that are not one person's.
    DocumentConflict,
    /// The score lies between "new" and "link".
    Unsure,
    /// The score says link, a veto says no.
    Vetoed,
}

impl ReviewKind {
    /// The word in the queue's column `kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReviewKind::DocumentConflict => "document_conflict",
            ReviewKind::Unsure => "unsure",
            ReviewKind::Vetoed => "vetoed",
        }
    }
}

/// A row of the review queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// A registration of one cluster.
    pub left: u32,
    /// A registration of the other.
    pub right: u32,
    /// Why.
    pub kind: ReviewKind,
    /// The pair's score, in units of 1/64 bit.
    pub score: i32,
}

/// Clusters and what waits for people.
#[derive(Debug, Clone, Default)]
pub struct Clusters {
    /// For every registration, the first member of its cluster.
    pub cluster_of: Vec<u32>,
    /// The queue, strongest first.
    pub queue: Vec<Review>,
    /// Rows that were too many for people to look at: the weakest of both kinds.
    pub queue_left_out: usize,
}

/// Below this a pair inside one cluster says loudly that it is two persons.
const AGAINST: i32 = -8 * UNITS_PER_BIT;
/// Pairs looked at between two clusters beside those of numbers and orders of birth; more than this are sampled from the start of
/// both, which are in an order of content.
const PAIRS_MAX: usize = 400;

/// A member of a cluster as a veto sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    /// Nothing about it excludes others for certain: neither a document nor an order of birth. The others come first.
    is_plain: bool,
    /// What it says, without the day on which it was said.
    content: u64,
    at: u32,
}

struct State<'a> {
    all: &'a [Packed],
    scorer: &'a Scorer,
    parent: Vec<u32>,
    /// Members by root; a registration alone has no entry.
    members: NumberMap<u32, Vec<u32>>,
    forbidden: NumberMap<u32, Vec<u32>>,
}

impl State<'_> {
    fn find(&mut self, mut at: u32) -> u32 {
        while self.parent[at as usize] != at {
            let up = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = up;
            at = up;
        }
        at
    }

    fn members_of(&self, root: u32) -> Vec<u32> {
        self.members.get(&root).cloned().unwrap_or_else(|| vec![root])
    }

    fn merge(&mut self, left: u32, right: u32) {
        let (left, right) = (self.find(left), self.find(right));
        if left == right {
            return;
        }
        let mut members = self.members_of(left);
        members.extend(self.members_of(right));
        self.members.remove(&left);
        self.members.remove(&right);
        let root = left.min(right);
        self.parent[left.max(right) as usize] = root;
        self.members.insert(root, members);
    }

    fn is_forbidden(&mut self, left: u32, right: u32) -> bool {
        if self.forbidden.is_empty() {
            return false;
        }
        let right_root = self.find(right);
        let left_root = self.find(left);
        let members = self.members_of(left_root);
        members.iter().any(|member| {
            let others = self.forbidden.get(member).cloned().unwrap_or_default();
            others.into_iter().any(|other| self.find(other) == right_root)
        })
    }

    /// A borrowed card shows its holder's name elsewhere, or is used once. Two numbers that were each used twice and under no other
    /// name belong to two people of one name.
    fn have_established_numbers(&self, left: &[u32], right: &[u32]) -> bool {
        let established = |members: &[u32]| {
            let numbers =
                members.iter().map(|member| &self.all[*member as usize]).filter(|one| one.has_checked_document());
            let mut numbers: Vec<u64> = numbers.map(|one| one.document).collect();
            numbers.sort_unstable();
            let twice = numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
            let mut twice: Vec<u64> = twice.collect();
            twice.dedup();
            twice
        };
        let (left, right) = (established(left), established(right));
        !left.is_empty() && !right.is_empty() && left != right
    }

    /// The members of a cluster in an order of content, those with a document or an order of birth first; what was said twice
    /// stands once. Neither the order of arrival nor that of merging shows.
    fn contents(&self, members: &[u32]) -> Vec<Member> {
        let content = |at: &u32| {
            let mut one = self.all[*at as usize];
            one.registered = 0;
            let is_plain = !one.has_own_document() && one.birth_order() == 0;
            Member { is_plain, content: fingerprint(&one), at: *at }
        };
        let mut contents: Vec<Member> = members.iter().map(content).collect();
        contents.sort_unstable();
        contents.dedup_by_key(|member| member.content);
        contents
    }

    /// May the clusters of two registrations become one?
    fn allows(&mut self, edge: Edge) -> bool {
        let (left, right) = (self.find(edge.left), self.find(edge.right));
        let (left, right) = (self.members_of(left), self.members_of(right));
        if left.len() == 1 && right.len() == 1 {
            return !is_veto(&self.all[left[0] as usize], &self.all[right[0] as usize], self.scorer);
        }
        if self.have_established_numbers(&left, &right) {
            return false;
        }
        let (left, right) = (self.contents(&left), self.contents(&right));
        let key = |side: &[Member]| (side.len(), side.first().map(|member| member.content));
        let (few, many) = if key(&left) <= key(&right) { (left, right) } else { (right, left) };
        let is_veto = |one: &Member, other: &Member| {
            is_veto(&self.all[one.at as usize], &self.all[other.at as usize], self.scorer)
        };
        let plain_from = |side: &[Member]| side.partition_point(|member| !member.is_plain);
        let (few_plain, many_plain) = (plain_from(&few), plain_from(&many));
        // Two numbers are never overlooked, however many registrations a person has.
        if few[..few_plain].iter().any(|one| many[..many_plain].iter().any(|other| is_veto(one, other))) {
            return false;
        }
        let others = few.iter().enumerate().flat_map(|(at, one)| {
            let from = if at < few_plain { many_plain } else { 0 };
            many[from..].iter().map(move |other| (one, other))
        });
        !others.take(PAIRS_MAX).any(|(one, other)| is_veto(one, other))
    }
}

/// Do two registrations exclude each other, whatever stands between them?
pub(crate) fn is_veto(left: &Packed, right: &Packed, scorer: &Scorer) -> bool {
    if left.birth_order() != 0 && right.birth_order() != 0 && left.birth_order() != right.birth_order() {
        return true;
    }
    let levels = compare(left, right);
    let score = scorer.score(left, right, levels).total();
    let (document, name) = (levels.of(Field::Document), levels.of(Field::Name));
    let has_two_numbers =
        document == document::NEAR || (document == document::DIFFERENT && !is_borrowing(name, levels));
    let are_two_children = left.is_newborn()
        && right.is_newborn()
        && left.kind() == DocumentKind::BirthCertificate
        && document == document::DIFFERENT_UNCHECKED;
    let has_two_names = name::is_conflict(name) && score < 0;
    has_two_numbers || are_two_children || has_two_names || is_conflict(levels) || score < AGAINST
}

/// Two numbers that both pass their check are two people's, unless one person once used a relative's card: then the whole name
/// agrees and nothing says that they live apart. Namesakes born on one day live apart.
fn is_borrowing(name: u8, levels: Levels) -> bool {
    let (phone, address) = (levels.of(Field::Phone), levels.of(Field::Address));
    let lives_apart = matches!(address, address::OTHER_FLAT..=address::DIFFERENT);
    let is_near = phone == phone::SAME
        || matches!(address, address::FLAT..=address::ROAD)
        || (phone == phone::SLIP && !lives_apart);
    let is_apart = lives_apart || phone == phone::DIFFERENT;
    name == name::SAME && (is_near || !is_apart)
}

/// The same document under names that are not one person's?
pub(crate) fn is_conflict(levels: Levels) -> bool {
    let name = levels.of(Field::Name);
    match levels.of(Field::Document) {
        document::SAME => name::is_conflict(name),
        // One of them is known to carry another's card: a brother's name differs in one character.
        document::SAME_DOUBTFUL => name::is_conflict(name) || matches!(name, name::ONE_GIVEN | name::PART),
        _ => false,
    }
}

/// A newborn without a name may be either of two twins: when it is drawn to two children who exclude each other, people decide.
fn weaken_ambiguous_newborns(all: &[Packed], scorer: &Scorer, edges: &mut [Edge]) {
    let mut children: NumberMap<u32, Vec<u32>> = NumberMap::default();
    let newborn_and_child =
        |edge: &Edge| match (all[edge.left as usize].is_newborn(), all[edge.right as usize].is_newborn()) {
            (true, false) => Some((edge.left, edge.right)),
            (false, true) => Some((edge.right, edge.left)),
            _ => None,
        };
    for edge in edges.iter().filter(|edge| edge.score >= LINK) {
        if let Some((newborn, child)) = newborn_and_child(edge) {
            children.entry(newborn).or_default().push(child);
        }
    }
    let is_two = |left: u32, right: u32| {
        let (left, right) = (&all[left as usize], &all[right as usize]);
        let levels = compare(left, right);
        is_veto(left, right, scorer)
            || (name::is_conflict(levels.of(Field::Name)) || levels.of(Field::Name) == name::ONE_GIVEN)
    };
    children.retain(|_, children| {
        children.iter().enumerate().any(|(at, one)| children[at + 1..].iter().any(|other| is_two(*one, *other)))
    });
    let has_same_document = |edge: &Edge| all[edge.left as usize].document == all[edge.right as usize].document;
    for edge in edges.iter_mut().filter(|edge| edge.score >= LINK) {
        let is_ambiguous = newborn_and_child(edge).is_some_and(|(newborn, _)| children.contains_key(&newborn));
        if is_ambiguous && !has_same_document(edge) {
            edge.score = LINK - 1;
        }
    }
}

/// People can look at 1.5 % of the registrations, and at as many document conflicts; a longer queue is not worked off and hides
/// what matters. Small sets keep everything.
fn shorten(queue: &mut Vec<Review>, registrations: usize) -> usize {
    const SHARE: f64 = 0.015;
    const ROWS_MIN: usize = 20;
    let most = ((registrations as f64 * SHARE) as usize).max(ROWS_MIN);
    let (mut conflicts, mut others, before) = (0, 0, queue.len());
    queue.retain(|row| {
        let count = if row.kind == ReviewKind::DocumentConflict { &mut conflicts } else { &mut others };
        *count += 1;
        *count <= most
    });
    before - queue.len()
}

/// Clusters the registrations.
#[must_use]
pub fn cluster(all: &[Packed], scorer: &Scorer, edges: Vec<Edge>, conflicts: &[Edge], wishes: &Wishes) -> Clusters {
    let (cluster_of, mut queue) = partition(all, scorer, edges, conflicts, wishes);
    let queue_left_out = shorten(&mut queue, all.len());
    Clusters { cluster_of, queue, queue_left_out }
}

/// Sorts by score; what scores the same by content, because numbers of registrations depend on the order of arrival.
fn strongest_first(all: &[Packed], edges: &mut [Edge]) {
    // A registration has as many edges as its block has members: its fingerprint is taken once.
    let prints: Vec<u64> = all.iter().map(fingerprint).collect();
    let content = |edge: &Edge| {
        let (a, b) = (prints[edge.left as usize], prints[edge.right as usize]);
        mix(a.min(b), a.max(b))
    };
    edges.sort_by_cached_key(|edge| (-edge.score, content(edge)));
}

/// For every registration the first member of its cluster; and the whole queue, strongest first.
pub(crate) fn partition(
    all: &[Packed],
    scorer: &Scorer,
    mut edges: Vec<Edge>,
    conflicts: &[Edge],
    wishes: &Wishes,
) -> (Vec<u32>, Vec<Review>) {
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let mut state = State {
        all,
        scorer,
        parent: (0..count).collect(),
        members: NumberMap::default(),
        forbidden: NumberMap::default(),
    };
    for (left, right) in &wishes.must_link {
        state.merge(*left, *right);
    }
    for (left, right) in &wishes.cannot_link {
        state.forbidden.entry(*left).or_default().push(*right);
        state.forbidden.entry(*right).or_default().push(*left);
    }
    weaken_ambiguous_newborns(all, scorer, &mut edges);
    strongest_first(all, &mut edges);
    let mut queue: NumberMap<u64, Review> = NumberMap::default();
    let mut waiting: Vec<Review> = Vec::new();
    // Clusters only grow: of the same two of the same sizes nothing else would be said.
    let mut refused: std::collections::HashSet<[usize; 4]> = std::collections::HashSet::new();
    for edge in &edges {
        let (left, right) = (state.find(edge.left), state.find(edge.right));
        if left == right || state.is_forbidden(left, right) {
            continue;
        }
        if edge.score < LINK {
            waiting.push(Review { left: edge.left, right: edge.right, kind: ReviewKind::Unsure, score: edge.score });
            continue;
        }
        let (one, other) = (left.min(right), left.max(right));
        let size = |root: u32| state.members.get(&root).map_or(1, Vec::len);
        let both = [one as usize, size(one), other as usize, size(other)];
        if !refused.contains(&both) && state.allows(*edge) {
            state.merge(left, right);
        } else {
            refused.insert(both);
            waiting.push(Review { left: edge.left, right: edge.right, kind: ReviewKind::Vetoed, score: edge.score });
        }
    }
    waiting.extend(conflicts.iter().map(|edge| Review {
        left: edge.left,
        right: edge.right,
        kind: ReviewKind::DocumentConflict,
        score: edge.score,
    }));
    for review in waiting {
        let (left, right) = (state.find(review.left), state.find(review.right));
        if left == right
            || state.is_forbidden(left, right)
            || (review.kind != ReviewKind::DocumentConflict && review.score < REVIEW)
        {
            continue;
        }
        let pair = u64::from(left.min(right)) << 32 | u64::from(left.max(right));
        let kept = queue.entry(pair).or_insert(review);
        if (review.kind, -review.score) < (kept.kind, -kept.score) {
            *kept = review;
        }
    }
    let mut queue: Vec<Review> = queue.into_values().collect();
    queue.sort_by_key(|review| (-review.score, review.left, review.right));
    let cluster_of = (0..count).map(|at| state.find(at)).collect();
    (cluster_of, queue)
}
