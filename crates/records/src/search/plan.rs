//! From clauses to a plan: which list leads, which lists are probed beside it, what the body decides.
//!
//! A [`Part`] is a clause whose chains are resolved. The part with the fewest rows leads; while the leader is short, all other
//! parts are decided on the body, which a page loads anyway; while it is long, parts that can be probed by key are. Two
//! short cuts carry the daily load: a patient's own rows (`cidx`) lead whenever one is named, and `code` together with
//! `value-quantity` is one range of the composite parameter's rows.

use std::collections::HashSet;

use model::{Failure, Number, ResourceKey, TypeCode};
use serde_json::Value as Json;
use standards::SearchKind;
use store::{Keyspace, Snapshot};

use super::clinical::DateTest;
use super::spans::{self, Encoder};
use super::stream::{Certainty, Span, Stream, count_rows};
use crate::index::COMPARTMENT_PARAMETERS;
use crate::keys::{self, IdText, Suffix};
use crate::matching::{Modifier, QueryValue, answers};
use crate::parameters::{Computed, Extracted, Parameter, Parameters};

/// A leader shorter than this is cheap to decide on bodies; also how many rows are counted to find out.
const SHORT_ROWS: usize = 512;
/// Range lists longer than this are not collected to be probed: the body decides instead.
const PROBED_RANGE_ROWS_MAX: u64 = 100_000;
/// Most lists that a compartment short cut may open (patients × codes).
const COMPARTMENT_LISTS_MAX: usize = 16;

/// A clause whose chains are resolved.
pub(crate) struct Part<'p> {
    /// The index rows that hold every hit, if rows can say so.
    pub(crate) spans: Option<Vec<Span>>,
    /// What the body must say.
    pub(crate) test: Test<'p>,
}

/// What a body (or its address) must say.
pub(crate) enum Test<'p> {
    /// The parameter has one of the values.
    Match { parameter: &'p Parameter, modifier: Option<Modifier>, values: Vec<QueryValue> },
    /// A reference parameter points to one of these.
    RefersTo { parameter: &'p Parameter, targets: HashSet<(TypeCode, Number)> },
    /// The resource is one of these.
    IsOneOf(HashSet<ResourceKey>),
}

impl Test<'_> {
    /// Whether a resource passes.
    pub(crate) fn holds(&self, encoder: &Encoder<'_>, key: &ResourceKey, resource: &Json) -> bool {
        let computed = Computed::default();
        match self {
            Self::IsOneOf(keys) => keys.contains(key),
            Self::RefersTo { parameter, targets } => parameter
                .values(resource, &computed)
                .iter()
                .any(|extracted| referred(encoder, extracted).is_some_and(|target| targets.contains(&target))),
            Self::Match { parameter, modifier, values } => {
                answers(modifier.as_ref(), values, &parameter.values(resource, &computed))
            }
        }
    }
}

/// What a local reference points to.
pub(crate) fn referred(encoder: &Encoder<'_>, extracted: &Extracted<'_>) -> Option<(TypeCode, Number)> {
    let Extracted::Reference { local: Some((type_name, id)), .. } = extracted else { return None };
    let type_code = TypeCode::of(type_name).ok()?;
    Some((type_code, IdText::read(encoder.tenant_keys, type_code, id).number()))
}

/// A plan, opened on a snapshot.
pub(crate) struct Plan<'s, 'p> {
    pub(crate) leader: Stream<'s>,
    /// Lists that a hit must be in.
    pub(crate) probes: Vec<Stream<'s>>,
    /// Questions about the clinical date, answered on the key.
    pub(crate) dates: Vec<DateTest>,
    /// Every part; asked on the body when a key could not decide.
    pub(crate) parts: Vec<Part<'p>>,
    /// Whether some part is decided by no key at all.
    pub(crate) body_decides: bool,
}

/// What the hits are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// They are shown: bodies are opened anyway.
    Page,
    /// They are counted: bodies are better left closed.
    Count,
}

/// What planning needs to know.
pub(crate) struct Planner<'s, 'p> {
    pub(crate) snapshot: &'s dyn Snapshot,
    pub(crate) parameters: &'p Parameters,
    pub(crate) encoder: Encoder<'p>,
    pub(crate) type_code: TypeCode,
    pub(crate) goal: Goal,
}

/// The spans that lead, and the role of every part.
type Chosen = (Vec<Span>, Vec<Role>);

/// How a part is answered in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Leads,
    Probed,
    OnDate,
    OnBody,
}

impl Plan<'_, '_> {
    /// The plan of a search that can find nothing.
    pub(crate) fn nothing() -> Self {
        let leader = Stream::Collected(Vec::new(), 0);
        Self { leader, probes: Vec::new(), dates: Vec::new(), parts: Vec::new(), body_decides: false }
    }
}

impl<'s, 'p> Planner<'s, 'p> {
    /// Chooses and opens.
    ///
    /// # Errors
    /// `too-costly` from a range that is too long.
    pub(crate) fn plan(&self, parts: Vec<Part<'p>>) -> Result<Plan<'s, 'p>, Failure> {
        if parts.is_empty() {
            let every = self.every();
            return self.open(&[every], parts, &[]);
        }
        if let Some((spans, roles)) = self.inside_compartment(&parts)? {
            return self.open(&spans, parts, &roles);
        }
        if let Some((spans, roles)) = self.composite(&parts)? {
            return self.open(&spans, parts, &roles);
        }
        self.shortest(parts)
    }

    /// The rows that list every resource of the type.
    fn every(&self) -> Span {
        let generation = self.parameters.generation();
        let prefix = keys::index_prefix(self.encoder.tenant, generation, self.type_code, keys::EVERY);
        Span::pinned(Keyspace::Index, prefix)
    }

    fn open(&self, leader: &[Span], parts: Vec<Part<'p>>, roles: &[Role]) -> Result<Plan<'s, 'p>, Failure> {
        let mut plan = Plan {
            leader: Stream::open(self.snapshot, leader)?,
            probes: Vec::new(),
            dates: Vec::new(),
            parts,
            body_decides: false,
        };
        for (part, role) in plan.parts.iter().zip(roles) {
            match (role, &part.spans) {
                (Role::Leads, _) => {}
                (Role::Probed, Some(spans)) => plan.probes.push(Stream::open(self.snapshot, spans)?),
                (Role::OnDate, _) => match DateTest::of(self.type_code, &part.test) {
                    Some(test) => plan.dates.push(test),
                    None => plan.body_decides = true,
                },
                (Role::OnBody | Role::Probed, _) => plan.body_decides = true,
            }
        }
        Ok(plan)
    }

    /// A patient is named: their own rows lead, and their rows of `code` or `category` if one is asked.
    fn inside_compartment(&self, parts: &[Part<'p>]) -> Result<Option<Chosen>, Failure> {
        let named = parts.iter().position(|part| {
            part.spans.as_ref().is_some_and(|spans| {
                !spans.is_empty() && spans.iter().all(|span| span.keyspace == Keyspace::CompartmentIndex)
            })
        });
        let Some((named, patients)) = named.and_then(|at| Some((at, parts[at].spans.as_ref()?))) else {
            return Ok(None);
        };
        let mut roles = vec![Role::OnBody; parts.len()];
        for (role, part) in roles.iter_mut().zip(parts) {
            if DateTest::of(self.type_code, &part.test).is_some() {
                *role = Role::OnDate;
            }
        }
        let listed = parts.iter().position(|part| match &part.test {
            Test::Match { parameter, modifier: None, .. } => {
                COMPARTMENT_PARAMETERS.contains(&parameter.code.as_str())
                    && part.spans.as_ref().is_some_and(|spans| spans.iter().all(Span::is_pinned))
            }
            _ => false,
        });
        if let Some((listed, values)) = listed.and_then(|at| Some((at, parts[at].spans.as_ref()?)))
            && patients.len() * values.len() <= COMPARTMENT_LISTS_MAX
        {
            roles[listed] = Role::Leads;
            // A row inside the compartment does not say through which parameter it is there.
            roles[named] = Role::Probed;
            return Ok(Some((self.listed_spans(patients, values), roles)));
        }
        roles[named] = Role::Leads;
        if patients.len() > COMPARTMENT_LISTS_MAX {
            return Ok(None);
        }
        let spans = patients.iter().map(|span| Span::pinned(span.keyspace, span.prefix.clone())).collect();
        Ok(Some((spans, roles)))
    }

    /// The rows of each value inside each patient's compartment.
    fn listed_spans(&self, patients: &[Span], values: &[Span]) -> Vec<Span> {
        let value_start = self.every().prefix.len();
        let parameter_start = value_start - 2;
        let mut spans = Vec::with_capacity(patients.len() * values.len());
        for patient in patients {
            for value in values {
                // cidx: tenant · generation · patient · type, then as in idx: parameter · value.
                let mut prefix = patient.prefix[..patient.prefix.len() - 2].to_vec();
                prefix.extend_from_slice(&value.prefix[parameter_start..]);
                spans.push(value.moved(Keyspace::CompartmentIndex, prefix));
            }
        }
        spans
    }

    /// `code` and `value-…` are both asked: one range of the composite's rows. Exact because the composite's root is the
    /// resource itself, so that "some code and some value" is the same as "some pair".
    fn composite(&self, parts: &[Part<'p>]) -> Result<Option<Chosen>, Failure> {
        for composite in self.parameters.of_type(self.type_code) {
            if composite.kind != SearchKind::Composite || composite.components.len() != 2 || !composite.on_root() {
                continue;
            }
            let asked = |at: usize| {
                parts.iter().position(|part| match &part.test {
                    Test::Match { parameter, modifier: None, values } => {
                        parameter.code == composite.components[at].code && values.len() == 1
                    }
                    _ => false,
                })
            };
            let (Some(first), Some(second)) = (asked(0), asked(1)) else { continue };
            let (Test::Match { values: a, .. }, Test::Match { values: b, .. }) =
                (&parts[first].test, &parts[second].test)
            else {
                continue;
            };
            let Some(spans) = spans::composite(&self.encoder, composite, &a[0], &b[0])? else { continue };
            let mut roles = self.roles_beside_long_leader(parts);
            roles[first] = Role::Leads;
            roles[second] = Role::Leads;
            return Ok(Some((spans, roles)));
        }
        Ok(None)
    }

    fn shortest(&self, parts: Vec<Part<'p>>) -> Result<Plan<'s, 'p>, Failure> {
        let mut best: Option<(usize, u64)> = None;
        for (at, part) in parts.iter().enumerate() {
            let Some(spans) = &part.spans else { continue };
            let cost = self.cost(spans)?;
            if best.is_none_or(|(_, least)| cost < least) {
                best = Some((at, cost));
            }
        }
        let Some((leader, cost)) = best else {
            let every = self.every();
            let roles = self.roles_beside_long_leader(&parts);
            return self.open(&[every], parts, &roles);
        };
        let mut roles = self.roles_beside_long_leader(&parts);
        if cost < SHORT_ROWS as u64 && self.goal == Goal::Page {
            roles.iter_mut().filter(|role| **role == Role::Probed).for_each(|role| *role = Role::OnBody);
        }
        roles[leader] = Role::Leads;
        let mut parts = parts;
        let spans = parts[leader].spans.take().unwrap_or_default();
        self.open(&spans, parts, &roles)
    }

    fn roles_beside_long_leader(&self, parts: &[Part<'p>]) -> Vec<Role> {
        let role = |part: &Part<'p>| {
            if DateTest::of(self.type_code, &part.test).is_some() {
                return Role::OnDate;
            }
            let Some(spans) = &part.spans else { return Role::OnBody };
            let ranged_rows: u64 =
                spans.iter().filter(|span| !span.is_pinned()).map(|span| self.snapshot_estimate(span)).sum();
            if ranged_rows > PROBED_RANGE_ROWS_MAX { Role::OnBody } else { Role::Probed }
        };
        parts.iter().map(role).collect()
    }

    fn cost(&self, spans: &[Span]) -> Result<u64, Failure> {
        let counted = count_rows(self.snapshot, spans, SHORT_ROWS)?;
        if counted < SHORT_ROWS {
            return Ok(counted as u64);
        }
        let ranged = u64::from(!spans.iter().all(Span::is_pinned));
        let estimated: u64 = spans.iter().map(|span| self.snapshot_estimate(span)).sum();
        // A range must be collected and sorted before the first hit: count it double.
        Ok(estimated.max(SHORT_ROWS as u64) * (1 + ranged))
    }

    fn snapshot_estimate(&self, span: &Span) -> u64 {
        self.encoder.store.engine().estimate(span.keyspace, &span.from, &span.to)
    }
}

/// Decides one candidate on its key. `None`: not a hit.
pub(crate) fn judge(
    plan: &mut Plan<'_, '_>,
    suffix: &Suffix,
    certainty: Certainty,
) -> Result<Option<Certainty>, Failure> {
    let mut certainty = certainty;
    for date in &plan.dates {
        certainty = certainty.min(date.judge(suffix.date()));
    }
    for probe in &mut plan.probes {
        if certainty == Certainty::No {
            break;
        }
        certainty = certainty.min(probe.contains(suffix)?);
    }
    if certainty == Certainty::No {
        return Ok(None);
    }
    Ok(Some(if plan.body_decides { Certainty::Verify } else { certainty }))
}
