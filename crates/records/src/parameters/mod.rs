//! Search parameters of FHIR R4, compiled at start into direct field extractors.
//!
//! [`Parameters::load`] reads the definitions of crate `standards`, resolves every expression against the element
//! definitions, and keeps programs of plain steps; nothing interprets text when a resource is written or checked. An
//! expression that cannot be compiled fails the load: there is no parameter that is known but silently finds nothing.
//!
//! `phonetic` is not offered: its definition asks for a phonetic algorithm, and answering with plain text would say
//! something else than the caller asked (see [`UNSUPPORTED`]).

mod alias;
mod clinical_date;
mod compile;
mod elements;
mod expression;
mod extracted;
mod program;
mod read;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;

use model::TypeCode;
use serde_json::Value;
use standards::{SearchKind, SearchParameter};

pub use alias::Alias;
pub use clinical_date::{clinical_date, clinical_date_ms};
pub use extracted::{Extracted, Span};
pub use text::normalise;

use compile::ComponentSource;
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
    /// extracted by its own program, with the same result as by those it stands for.
    #[must_use]
    pub fn values<'a>(&self, resource: &'a Value) -> Vec<Extracted<'a>> {
        let mut found = Vec::new();
        self.program.run(resource, &mut found);
        found
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

/// The parameters of every type that is stored.
#[derive(Debug)]
pub struct Parameters {
    types: HashMap<TypeCode, OfType>,
}

#[derive(Debug)]
struct OfType {
    /// In the order of their codes.
    parameters: Vec<Parameter>,
    by_code: HashMap<String, usize>,
}

impl Parameters {
    /// Compiles every parameter of the rule book.
    ///
    /// # Errors
    /// The first definition that cannot be compiled.
    pub fn load() -> Result<Self, LoadError> {
        Self::compile(standards::search_parameters())
    }

    fn compile(definitions: &[SearchParameter]) -> Result<Self, LoadError> {
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
            let by_code = parameters.iter().enumerate().map(|(at, it)| (it.code.clone(), at)).collect();
            types.insert(type_code, OfType { parameters, by_code });
        }
        Ok(Self { types })
    }

    /// The parameters of a type, ordered by code; those of every resource (`_id` …) among them.
    pub fn of_type(&self, type_code: TypeCode) -> impl Iterator<Item = &Parameter> {
        self.types.get(&type_code).into_iter().flat_map(|of_type| &of_type.parameters)
    }

    /// The parameter with this code.
    #[must_use]
    pub fn get(&self, type_code: TypeCode, code: &str) -> Option<&Parameter> {
        let of_type = self.types.get(&type_code)?;
        of_type.by_code.get(code).map(|at| &of_type.parameters[*at])
    }

    /// The parameter with this number; numbers are what [`Alias`] names.
    #[must_use]
    pub fn numbered(&self, type_code: TypeCode, number: u16) -> Option<&Parameter> {
        self.of_type(type_code).find(|parameter| parameter.number == number)
    }
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
        program,
    })
}
