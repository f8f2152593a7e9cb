//! Search parameters of a tenant's own: a FHIR `SearchParameter` that an administrator brings, checked, numbered and compiled.
//!
//! An expression in the language of the base parameters is compiled like theirs, part by part of a union; anything else that is
//! `FHIRPath` is interpreted (`interpreted`). What is taken is bounded: expressions are short, have no function whose cost nobody can tell, none that looks at
//! the clock or at anything outside the resource, and there are few of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use model::TypeCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::admission::{self, Refusal};
use super::interpreted::{INTERPRETER_SET, Interpreted};
use super::misuse;
use super::program::Program;
use super::{Definitions, Kind, LoadError, OfType, Parameter, Parameters, compile};

/// Numbers of custom parameters in index keys begin here; the base has those below.
pub const FIRST_NUMBER: u16 = 0x8000;
/// Most custom parameters of one tenant: each is evaluated on every write of its types.
pub const OF_TENANT_MAX: usize = 32;

/// A search parameter that an administrator added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomParameter {
    /// Number in index keys; never given to another parameter.
    pub number: u16,
    /// `SearchParameter.url`.
    pub url: String,
    /// The name in the query string.
    pub code: String,
    /// How values are compared.
    pub kind: Kind,
    /// The types searched.
    pub bases: Vec<String>,
    /// `SearchParameter.expression` as it was given.
    pub expression: String,
    /// Types that a reference may point to; `Resource` for any.
    #[serde(default)]
    pub targets: Vec<String>,
    /// When it was added.
    pub added_ms: i64,
}

/// The custom parameters of every tenant, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customs {
    /// The number that the next one gets.
    pub next_number: u16,
    /// By tenant, in the order in which they were added.
    pub tenants: BTreeMap<u32, Vec<CustomParameter>>,
}

impl Default for Customs {
    fn default() -> Self {
        Self { next_number: FIRST_NUMBER, tenants: BTreeMap::new() }
    }
}

/// How often the evaluation of each failed in this process, by tenant and number; shared by everything compiled from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures(Arc<Mutex<HashMap<(u32, u16), Count>>>);

/// A count that is shared.
type Count = Arc<AtomicU64>;

impl Failures {
    pub(crate) fn of(&self, tenant: u32, number: u16) -> Count {
        Arc::clone(self.0.lock().entry((tenant, number)).or_default())
    }
}

/// What a tenant has besides the base.
#[derive(Debug, Default)]
pub(super) struct OfTenant {
    /// Types with custom parameters, with the base parameters among them.
    pub(super) types: HashMap<TypeCode, Arc<OfType>>,
    /// Parameters that are defined and not yet in the index that answers.
    pub(super) unready: BTreeSet<(TypeCode, String)>,
}

impl CustomParameter {
    /// Compiles it for one of its types.
    ///
    /// # Errors
    /// Why it cannot be offered.
    pub(super) fn compile(&self, type_code: TypeCode, failures: &Arc<AtomicU64>) -> Result<Parameter, Refusal> {
        let type_name = type_code.name();
        let parts = admission::parts_for(&self.expression, type_name, &self.bases)?;
        let (plain, others): (Vec<&String>, Vec<&String>) = parts.iter().partition(|part| admission::is_plain(part));
        let rooted: Vec<String> = plain.into_iter().map(|part| admission::rooted(part, type_name)).collect();
        let compiled = |rooted: &[String]| {
            compile::values(type_name, self.kind, rooted).map_err(|reason| admission::no_path(type_name, &reason))
        };
        let program = if others.is_empty() {
            compiled(&rooted)?
        } else {
            let compiled = if rooted.is_empty() { Vec::new() } else { compiled(&rooted)?.into_paths() };
            let mut expressions = Vec::new();
            for part in others {
                let part = admission::of_own_type(part, type_name);
                misuse::check_meaning(&part, type_name, self.kind)?;
                expressions.push(part.into());
            }
            Program::Interpreted(Interpreted {
                set: INTERPRETER_SET,
                compiled,
                expressions,
                kind: self.kind,
                failures: Arc::clone(failures),
            })
        };
        Ok(Parameter {
            code: self.code.clone(),
            number: self.number,
            kind: self.kind,
            type_code,
            targets: self.targets.clone(),
            components: Vec::new(),
            alias: None,
            definition: Some(self.url.as_str().into()),
            program,
        })
    }

    /// What a program with an older set had in the fingerprint for one of its types when it interpreted it; nothing when it compiled
    /// it, or did not take it.
    pub(super) fn interpreted_before(&self, type_code: TypeCode, interpreter_set: u16) -> Option<String> {
        let type_name = type_code.name();
        if interpreter_set > 0 {
            let Program::Interpreted(own) = self.compile(type_code, &Arc::default()).ok()?.program else { return None };
            return Some(format!("{:?}", Program::Interpreted(Interpreted { set: interpreter_set, ..own })));
        }
        // Before sets were counted, a union was compiled or interpreted as a whole.
        let parts = admission::parts_for(&self.expression, type_name, &self.bases).ok()?;
        if parts.iter().all(|part| admission::is_plain(part)) {
            return None;
        }
        let expressions: Vec<String> = parts.iter().map(|part| admission::of_own_type(part, type_name)).collect();
        Some(format!("Interpreted(Interpreted {{ expressions: {expressions:?}, kind: {:?} }})", self.kind))
    }

    /// Its types that are stored here.
    pub fn types(&self) -> impl Iterator<Item = TypeCode> + '_ {
        self.bases.iter().filter_map(|name| TypeCode::of(name).ok())
    }
}

impl Parameters {
    /// The same with the custom parameters of every tenant. One that can no longer be compiled, or whose name the base has by now, is
    /// left out: a definition must not keep a store from opening.
    pub(crate) fn extended(&self, customs: &Customs, failures: &Failures) -> Self {
        self.extended_as(customs, failures, INTERPRETER_SET)
    }

    /// As a program with another set of interpretation had them, to know an index that it wrote. What it interpreted is left out of the
    /// parameters: its rows mean something else, nothing reads or writes them until the index is built anew.
    pub(super) fn extended_as(&self, customs: &Customs, failures: &Failures, interpreter_set: u16) -> Self {
        let mut tenants = BTreeMap::new();
        let mut text = String::new();
        for (tenant, list) in &customs.tenants {
            let mut added: HashMap<TypeCode, Vec<Parameter>> = HashMap::new();
            for custom in list {
                for type_code in custom.types().filter(|type_code| self.get(*type_code, &custom.code).is_none()) {
                    let before = (interpreter_set < INTERPRETER_SET)
                        .then(|| custom.interpreted_before(type_code, interpreter_set));
                    let program = if let Some(program) = before.flatten() {
                        program
                    } else if let Ok(parameter) = custom.compile(type_code, &failures.of(*tenant, custom.number)) {
                        let program = format!("{:?}", parameter.program);
                        added.entry(type_code).or_default().push(parameter);
                        program
                    } else {
                        continue;
                    };
                    let CustomParameter { code, number, kind, targets, .. } = custom;
                    // Writing into a String cannot fail.
                    let _ =
                        writeln!(text, "tenant {tenant} {type_code} {code} {number} {kind:?} {targets:?} {program}");
                }
            }
            if !added.is_empty() {
                let types = self.with_added(added);
                tenants.insert(*tenant, Arc::new(OfTenant { types, unready: BTreeSet::new() }));
            }
        }
        let mut rules = self.rules.with_tenants(tenants);
        if !text.is_empty() {
            let both = format!("{}\n{text}", self.rules.fingerprint);
            rules.fingerprint = hex::encode(trust::cipher::hmac_sm3(b"kangmai/index-rules/1", both.as_bytes()));
        }
        Self { generation: self.generation, rules: Arc::new(rules), tenant: None }
    }

    /// The parameters of definitions as the program knew them that wrote an index of this fingerprint: this program, or one that
    /// interpreted otherwise.
    ///
    /// # Errors
    /// The first definition that cannot be compiled.
    pub(crate) fn that_wrote(fingerprint: &str, definitions: &Definitions) -> Result<Option<Self>, LoadError> {
        let own = Self::of(definitions)?;
        if own.fingerprint() == fingerprint {
            return Ok(Some(own));
        }
        let base = Self::of(&definitions.with_custom(Customs::default()))?;
        let mut older =
            (0..INTERPRETER_SET).map(|set| base.extended_as(&definitions.custom, &definitions.failures, set));
        Ok(older.find(|it| it.fingerprint() == fingerprint))
    }

    fn with_added(&self, added: HashMap<TypeCode, Vec<Parameter>>) -> HashMap<TypeCode, Arc<OfType>> {
        let whole = |(type_code, more): (TypeCode, Vec<Parameter>)| {
            let of_type = self.rules.types.get(&type_code).into_iter().flat_map(|of_type| &of_type.parameters);
            (type_code, Arc::new(OfType::new(of_type.cloned().chain(more).collect())))
        };
        added.into_iter().map(whole).collect()
    }

    /// The parameters that resources of a tenant are indexed by.
    pub(crate) fn for_tenant(&self, tenant: u32) -> Self {
        let tenant = self.rules.tenants.get(&tenant).cloned();
        Self { generation: self.generation, rules: Arc::clone(&self.rules), tenant }
    }

    /// Tenants that have custom parameters.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = u32> + '_ {
        self.rules.tenants.keys().copied()
    }

    /// What a tenant can be asked while these parameters answer and `wanted` are defined: of the custom parameters those that are in both.
    /// What is defined and not in the index yet is *not ready*; what was retired is unknown at once.
    pub(crate) fn asked(&self, tenant: u32, wanted: &Self) -> Self {
        let (answering, defined) = (self.custom_of(tenant), wanted.custom_of(tenant));
        let mut kept: HashMap<TypeCode, Vec<Parameter>> = HashMap::new();
        let mut unready = BTreeSet::new();
        for parameter in &defined {
            match answering.iter().find(|it| (it.type_code, it.number) == (parameter.type_code, parameter.number)) {
                Some(same) => kept.entry(same.type_code).or_default().push((*same).clone()),
                None => {
                    unready.insert((parameter.type_code, parameter.code.clone()));
                }
            }
        }
        let own = OfTenant { types: self.with_added(kept), unready };
        Self { generation: self.generation, rules: Arc::clone(&self.rules), tenant: Some(Arc::new(own)) }
    }

    fn custom_of(&self, tenant: u32) -> Vec<&Parameter> {
        let types = self.rules.tenants.get(&tenant).into_iter().flat_map(|of_tenant| of_tenant.types.values());
        types.flat_map(|of_type| &of_type.parameters).filter(|it| it.definition.is_some()).collect()
    }

    /// Whether a parameter is defined, but the index that answers does not have it yet.
    pub(crate) fn is_unready(&self, type_code: TypeCode, code: &str) -> bool {
        self.tenant.as_ref().is_some_and(|own| own.unready.contains(&(type_code, code.to_owned())))
    }

    /// Whether the base has a parameter of this name, for any type.
    pub(super) fn is_taken(&self, code: &str) -> bool {
        TypeCode::all()
            .any(|type_code| self.rules.types.get(&type_code).is_some_and(|it| it.by_code.contains_key(code)))
    }
}
