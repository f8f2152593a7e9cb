//! Search parameters of FHIR R4, compiled at start into direct field extractors.
//!
//! [`Parameters::load`] reads the definitions of crate `standards`, resolves every expression against the element
//! definitions, and keeps programs of plain steps; nothing interprets text when a resource is written or checked. An
//! expression that cannot be compiled fails the load: there is no parameter that is known but silently finds nothing.
//!
//! A tenant may add parameters of its own (`custom`); those whose expression is outside that small language are interpreted
//! (`interpreted`), the only text that is interpreted when a resource is written.
//!
//! `phonetic` is not offered: its definition asks for a phonetic algorithm, and answering with plain text would say
//! something else than the caller asked (see [`UNSUPPORTED`]).

mod admission;
mod alias;
mod clinical_date;
mod compile;
mod custom;
#[cfg(test)]
mod custom_tests;
mod definitions;
mod elements;
mod expression;
mod extracted;
mod interpreted;
mod misuse;
mod program;
mod read;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use model::TypeCode;
use serde_json::Value;
use standards::{SearchKind, SearchParameter};

pub(crate) use admission::refusal;
pub use admission::{DEFINITION_BYTES_MAX, Refusal};
pub use alias::Alias;
pub use clinical_date::{clinical_date, clinical_date_ms};
pub use custom::{CustomParameter, Customs, FIRST_NUMBER, OF_TENANT_MAX};
pub use definitions::{Definitions, NotDefinitions};
pub use extracted::{Extracted, Span};
pub use interpreted::Computed;
pub use text::normalise;

use crate::index::{COMPARTMENT_PARAMETERS, EXTRACTOR_SET};
use compile::ComponentSource;
use custom::OfTenant;
use program::Program;
pub(crate) use read::{split_canonical, without_version};

/// How the values of a parameter are compared (`SearchParameter.type`).
pub type Kind = SearchKind;

/// Parameters that R4 defines and this platform refuses, with the reason to tell.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("phonetic", "phonetic matching is not offered; use `name`"),
    ("near", "distance search is not offered; use `address-city` and its like"),
    ("_text", "narrative search is not offered; use the string parameters"),
    ("_content", "full-text search is not offered; use the string parameters"),
    ("_query", "named queries are not offered"),
];

/// One search parameter of one resource type.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name in the query string.
    pub code: String,
    /// Number in index keys: one per code.
    pub number: u16,
    /// How values are compared.
    pub kind: Kind,
    /// The type searched.
    pub type_code: TypeCode,
    /// Types that a reference may point to, also types that are not stored here; `Resource` when it may be any. Empty
    /// when this is not a reference.
    pub targets: Vec<String>,
    /// The parts of a composite, in the order of the values between `$`.
    pub components: Vec<Component>,
    /// The other parameters that this one can be said with; their index rows serve this one.
    pub alias: Option<Alias>,
    /// Where a custom parameter is defined (`SearchParameter.url`).
    pub definition: Option<Box<str>>,
    program: Program,
}

/// A part of a composite: how it is compared.
#[derive(Debug, Clone)]
pub struct Component {
    /// The parameter that defines the part.
    pub code: String,
    /// How values are compared.
    pub kind: Kind,
    /// Types that a reference may point to, as in [`Parameter::targets`].
    pub targets: Vec<String>,
}

impl Parameter {
    /// The values of the parameter in a resource of its type, in the order of the definition's paths. An alias is
    /// extracted by its own program, with the same result as by those it stands for. What an interpreted expression computes is kept in
    /// `computed`, from which the values borrow.
    #[must_use]
    pub fn values<'a>(&self, resource: &'a Value, computed: &'a Computed) -> Vec<Extracted<'a>> {
        let mut found = Vec::new();
        self.program.run(resource, computed, &mut found);
        found
    }

    /// Whether its values are computed by the interpreter of `FHIRPath`.
    #[must_use]
    pub fn is_interpreted(&self) -> bool {
        matches!(self.program, Program::Interpreted(_))
    }

    /// Whether a composite looks at the resource itself and at nothing else (`code-value-quantity` does,
    /// `component-code-value-quantity` does not): then "some pair" is the same as "some first and some second".
    #[must_use]
    pub fn on_root(&self) -> bool {
        matches!(&self.program, Program::Composite(contexts) if contexts.iter().all(|context| context.steps.is_empty()))
    }
}

/// A definition that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("search parameter {type_name}.{code}: {reason}")]
pub struct LoadError {
    /// The type.
    pub type_name: String,
    /// The parameter.
    pub code: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The parameters of every type that is stored, and the index generation whose rows they write and read. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Parameters {
    generation: u8,
    rules: Arc<Rules>,
    /// What one tenant has besides.
    tenant: Option<Arc<OfTenant>>,
}

/// What definitions were compiled to.
#[derive(Debug)]
struct Rules {
    types: HashMap<TypeCode, Arc<OfType>>,
    /// By type, the parameters that put a resource into a patient's compartment.
    compartment: BTreeMap<String, Vec<String>>,
    fingerprint: String,
    /// Custom parameters, by tenant.
    tenants: BTreeMap<u32, Arc<OfTenant>>,
}

impl Rules {
    fn with_tenants(&self, tenants: BTreeMap<u32, Arc<OfTenant>>) -> Self {
        let (compartment, fingerprint) = (self.compartment.clone(), self.fingerprint.clone());
        Self { types: self.types.clone(), compartment, fingerprint, tenants }
    }
}

#[derive(Debug)]
struct OfType {
    /// In the order of their codes.
    parameters: Vec<Parameter>,
    by_code: HashMap<String, usize>,
}

impl OfType {
    fn new(mut parameters: Vec<Parameter>) -> Self {
        parameters.sort_by(|one, other| one.code.cmp(&other.code));
        let by_code = parameters.iter().enumerate().map(|(at, it)| (it.code.clone(), at)).collect();
        Self { parameters, by_code }
    }
}

impl Parameters {
    /// Compiles every parameter of the rule book.
    ///
    /// # Errors
    /// The first definition that cannot be compiled.
    pub fn load() -> Result<Self, LoadError> {
        Self::of(&Definitions::built_in())
    }

    /// Compiles definitions.
    ///
    /// # Errors
    /// The first that cannot be compiled.
    pub fn of(definitions: &Definitions) -> Result<Self, LoadError> {
        let types = Self::compile(&definitions.parameters)?;
        let compartment = definitions.compartment.clone();
        let fingerprint = fingerprint(&types, &compartment);
        let rules = Arc::new(Rules { types, compartment, fingerprint, tenants: BTreeMap::new() });
        let base = Self { generation: crate::keys::FIRST_GENERATION, rules, tenant: None };
        let has_custom = !definitions.custom.tenants.is_empty();
        Ok(if has_custom { base.extended(&definitions.custom, &definitions.failures) } else { base })
    }

    /// The same parameters for another generation of the index.
    pub(crate) fn at_generation(&self, generation: u8) -> Self {
        Self { generation, rules: Arc::clone(&self.rules), tenant: self.tenant.clone() }
    }

    /// The generation whose rows these parameters write and read.
    pub(crate) fn generation(&self) -> u8 {
        self.generation
    }

    /// What tells these rules from others, 64 hexadecimal digits: an index that other rules wrote gives wrong answers to these.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.rules.fingerprint
    }

    /// The codes of the parameters that put a resource of the type into a patient's compartment.
    pub(crate) fn compartment(&self, type_code: TypeCode) -> Option<&[String]> {
        self.rules.compartment.get(type_code.name()).map(Vec::as_slice)
    }

    fn compile(definitions: &[SearchParameter]) -> Result<HashMap<TypeCode, Arc<OfType>>, LoadError> {
        let mut types = HashMap::new();
        for type_code in TypeCode::all() {
            let mut parameters = Vec::new();
            for definition in definitions.iter().filter(|it| offered(it) && !it.paths(type_code.name()).is_empty()) {
                parameters.push(parameter(definitions, definition, type_code).map_err(|reason| LoadError {
                    type_name: type_code.name().to_owned(),
                    code: definition.code.clone(),
                    reason,
                })?);
            }
            parameters.sort_by(|one, other| one.code.cmp(&other.code));
            alias::find(&mut parameters);
            types.insert(type_code, Arc::new(OfType::new(parameters)));
        }
        Ok(types)
    }

    fn of_its_type(&self, type_code: TypeCode) -> Option<&OfType> {
        let own = self.tenant.as_ref().and_then(|own| own.types.get(&type_code));
        own.or_else(|| self.rules.types.get(&type_code)).map(Arc::as_ref)
    }

    /// The parameters of a type, ordered by code; those of every resource (`_id` …) among them.
    pub fn of_type(&self, type_code: TypeCode) -> impl Iterator<Item = &Parameter> {
        self.of_its_type(type_code).into_iter().flat_map(|of_type| &of_type.parameters)
    }

    /// The parameter with this code.
    #[must_use]
    pub fn get(&self, type_code: TypeCode, code: &str) -> Option<&Parameter> {
        let of_type = self.of_its_type(type_code)?;
        of_type.by_code.get(code).map(|at| &of_type.parameters[*at])
    }

    /// The parameter with this number; numbers are what [`Alias`] names.
    #[must_use]
    pub fn numbered(&self, type_code: TypeCode, number: u16) -> Option<&Parameter> {
        self.of_type(type_code).find(|parameter| parameter.number == number)
    }
}

/// A hash over everything that decides which rows a resource has, as it was compiled: also what came from the element definitions.
/// Renaming a part of a program changes it too, which costs a reindex and no wrong answer.
fn fingerprint(types: &HashMap<TypeCode, Arc<OfType>>, compartment: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = format!("{EXTRACTOR_SET} {COMPARTMENT_PARAMETERS:?} {compartment:?}\n");
    let mut of_types: Vec<_> = types.iter().collect();
    of_types.sort_by_key(|(type_code, _)| type_code.as_u16());
    for (type_code, of_type) in of_types {
        for parameter in &of_type.parameters {
            let Parameter { code, number, kind, targets, components, alias, program, .. } = parameter;
            // Writing into a String cannot fail.
            let _ =
                writeln!(text, "{type_code} {code} {number} {kind:?} {targets:?} {components:?} {alias:?} {program:?}");
        }
    }
    hex::encode(trust::cipher::hmac_sm3(b"kangmai/index-rules/1", text.as_bytes()))
}

fn offered(definition: &SearchParameter) -> bool {
    UNSUPPORTED.iter().all(|(code, _)| *code != definition.code)
}

fn parameter(
    definitions: &[SearchParameter],
    definition: &SearchParameter,
    type_code: TypeCode,
) -> Result<Parameter, String> {
    let type_name = type_code.name();
    let expressions = definition.paths(type_name);
    let mut components = Vec::new();
    let program = if definition.kind == Kind::Composite {
        let mut sources = Vec::new();
        for part in &definition.components {
            let defined = definitions.iter().find(|it| it.code == part.code && !it.paths(type_name).is_empty());
            let Some(defined) = defined else { return Err(format!("there is no component `{}`", part.code)) };
            sources.push(ComponentSource { kind: defined.kind, expressions: &part.paths });
            let targets = defined.targets.clone();
            components.push(Component { code: part.code.clone(), kind: defined.kind, targets });
        }
        compile::composite(type_name, expressions, &sources)?
    } else {
        compile::values(type_name, definition.kind, expressions)?
    };
    Ok(Parameter {
        code: definition.code.clone(),
        number: definition.number,
        kind: definition.kind,
        type_code,
        targets: definition.targets.clone(),
        components,
        alias: None,
        definition: None,
        program,
    })
}

/// The kind in the words of FHIR (`SearchParameter.type`).
#[must_use]
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Date => "date",
        Kind::String => "string",
        Kind::Token => "token",
        Kind::Reference => "reference",
        Kind::Composite => "composite",
        Kind::Quantity => "quantity",
        Kind::Uri => "uri",
        Kind::Special => "special",
    }
}
