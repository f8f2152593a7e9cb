//! [`Grants`]: what an account was given, written as SMART App Launch v2 scopes.
//!
//! `context/Type.letters`: context is `system`, `user` or `patient`, Type a stored resource type or `*`, letters a
//! subset of `cruds` in that order. The v1 forms `.read` (rs), `.write` (cud) and `.*` (cruds) are read too. One word
//! of our own: `label/R` and `label/V` let an account see resources of that confidentiality (see `policy`); `ground/any` lets a
//! clinician see persons without a ground (a visit, a contract): for sample data and central services, never for a ward.
//! Grants only ever widen by naming: an empty text grants nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use model::TypeCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A grant text is at most this long; real ones have under 2,000 characters.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What is done to a resource (FHIR's `cruds`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interaction {
    /// A new resource, also by PUT to an unknown id.
    Create,
    /// One resource by its address: read, vread, history of an instance, `$everything`.
    Read,
    /// A new version: update, patch.
    Update,
    /// Delete.
    Delete,
    /// Many resources by a condition: search, history of a type, conditional references.
    Search,
}

impl Interaction {
    /// Every interaction, in the order of `cruds`.
    pub const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    /// The letter in a scope.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }

    /// The word in the decision table and in the audit log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Search => "search",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// On whose behalf a scope speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Only the registrations that the account is bound to.
    Patient,
    /// A program of its own.
    System,
    /// A person at a screen.
    User,
}

impl Context {
    fn code(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// The confidentiality codes that can be granted; all others are shown to everybody who may see the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// `R`, restricted: e.g. HIV, psychiatry, family planning.
    Restricted,
    /// `V`, very restricted.
    VeryRestricted,
}

impl Label {
    /// The code in HL7's `v3-Confidentiality`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Restricted => "R",
            Self::VeryRestricted => "V",
        }
    }
}

/// A word of a grant text that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// No `context/rest`, or another context.
    #[error("`{0}`: a scope begins with `system/`, `user/` or `patient/`, or is `label/R`, `label/V` or `ground/any`")]
    Context(String),
    /// No `.letters`.
    #[error("`{0}`: a scope is `context/Type.letters`, e.g. `system/*.cruds` or `user/Observation.rs`")]
    Shape(String),
    /// A type that is not stored here.
    #[error("`{scope}`: no type `{type_name}`; use `*` or one of {}", type_names())]
    Type {
        /// The whole word.
        scope: String,
        /// What stood where a type should.
        type_name: String,
    },
    /// Letters out of order, twice, or unknown.
    #[error("`{0}`: after the dot come letters of `cruds` in this order, each once, or `read`, `write`, `*`")]
    Letters(String),
    /// A filter such as `?category=…`: silently ignoring it would widen the grant.
    #[error("`{0}`: a scope with a condition after `?` is not supported; leave the condition out or narrow the type")]
    Condition(String),
    /// Longer than the limit.
    #[error("a grant text has at most {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

fn type_names() -> String {
    TypeCode::all().map(TypeCode::name).collect::<Vec<_>>().join(", ")
}

/// Everything that an account was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Interactions of `*` and of single types (`None` is `*`), per context.
    scopes: BTreeMap<(Context, Option<u16>), u8>,
    labels: BTreeSet<Label>,
    /// `ground/any`.
    any_ground: bool,
}

impl Grants {
    /// Whether the interaction with this type was given in any context.
    #[must_use]
    pub fn allows(&self, type_name: &str, interaction: Interaction) -> bool {
        TypeCode::of(type_name).is_ok_and(|type_code| self.allows_code(type_code, interaction))
    }

    /// As [`Grants::allows`], for a type that is already a code.
    #[must_use]
    pub fn allows_code(&self, type_code: TypeCode, interaction: Interaction) -> bool {
        let code = type_code.as_u16();
        self.scopes
            .iter()
            .any(|((_, scope), bits)| scope.is_none_or(|scope| scope == code) && bits & interaction.bit() != 0)
    }

    /// Whether any scope speaks for `patient/`: then nothing outside the bound registrations is shown, whatever else was given.
    #[must_use]
    pub fn is_patient_bound(&self) -> bool {
        self.scopes.keys().any(|(context, _)| *context == Context::Patient)
    }

    /// Whether resources with this confidentiality were opened to the account.
    #[must_use]
    pub fn opens_label(&self, code: &str) -> bool {
        self.labels.iter().any(|label| label.code() == code)
    }

    /// Whether persons are shown without a ground.
    #[must_use]
    pub fn opens_any_person(&self) -> bool {
        self.any_ground
    }

    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    fn add(&mut self, word: &str) -> Result<(), GrantsError> {
        let (context, rest) = word.split_once('/').ok_or_else(|| GrantsError::Context(word.to_owned()))?;
        let context = match (context, rest) {
            ("label", "R") => return self.add_label(Label::Restricted),
            ("label", "V") => return self.add_label(Label::VeryRestricted),
            ("ground", "any") => {
                self.any_ground = true;
                return Ok(());
            }
            ("system", _) => Context::System,
            ("user", _) => Context::User,
            ("patient", _) => Context::Patient,
            _ => return Err(GrantsError::Context(word.to_owned())),
        };
        if rest.contains('?') {
            return Err(GrantsError::Condition(word.to_owned()));
        }
        let (type_name, letters) = rest.split_once('.').ok_or_else(|| GrantsError::Shape(word.to_owned()))?;
        let type_code = match type_name {
            "*" => None,
            _ => Some(
                TypeCode::of(type_name)
                    .map_err(|_| GrantsError::Type { scope: word.to_owned(), type_name: type_name.to_owned() })?,
            ),
        };
        let bits = bits_of(letters).ok_or_else(|| GrantsError::Letters(word.to_owned()))?;
        *self.scopes.entry((context, type_code.map(TypeCode::as_u16))).or_default() |= bits;
        Ok(())
    }

    fn add_label(&mut self, label: Label) -> Result<(), GrantsError> {
        self.labels.insert(label);
        Ok(())
    }
}

/// The interactions of the part after the dot.
fn bits_of(letters: &str) -> Option<u8> {
    let letters = match letters {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        other => other,
    };
    let mut bits = 0;
    for letter in letters.chars() {
        let interaction = Interaction::ALL.into_iter().find(|interaction| interaction.letter() == letter)?;
        // A letter that is not behind all earlier ones is out of order or doubled.
        if bits >= interaction.bit() {
            return None;
        }
        bits |= interaction.bit();
    }
    (bits != 0).then_some(bits)
}

impl FromStr for Grants {
    type Err = GrantsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(GrantsError::TooLong);
        }
        let mut grants = Self::default();
        for word in text.split_whitespace() {
            grants.add(word)?;
        }
        Ok(grants)
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for ((context, type_code), bits) in &self.scopes {
            let type_name = type_code.and_then(TypeCode::from_u16).map_or("*", TypeCode::name);
            let letters = Interaction::ALL.into_iter().filter(|interaction| bits & interaction.bit() != 0);
            let letters: String = letters.map(Interaction::letter).collect();
            write!(f, "{between}{}/{type_name}.{letters}", context.code())?;
            between = " ";
        }
        for label in &self.labels {
            write!(f, "{between}label/{}", label.code())?;
            between = " ";
        }
        if self.any_ground {
            write!(f, "{between}ground/any")?;
        }
        Ok(())
    }
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "grants_tests.rs"]
mod tests;
