//! What stands behind the colon of a parameter name.

use model::TypeCode;

use crate::parameters::{Kind, Parameter};

/// A modifier (R4 search, `#modifiers`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modifier {
    /// `:missing`, on every kind.
    Missing,
    /// `:exact`, on strings.
    Exact,
    /// `:contains`, on strings.
    Contains,
    /// `:not`, on tokens.
    Not,
    /// `:text`, on tokens.
    Text,
    /// `:of-type`, on identifiers.
    OfType,
    /// `:identifier`, on references.
    Identifier,
    /// `:above`, on URIs.
    Above,
    /// `:below`, on URIs.
    Below,
    /// `:Patient`, on references.
    Type(String),
}

/// The modifiers that R4 has for search parameters (R4 search, `#modifiers`).
const OF_R4: [&str; 11] =
    ["missing", "exact", "contains", "not", "text", "in", "not-in", "of-type", "identifier", "above", "below"];

impl Modifier {
    /// Whether R4 has a modifier of this name: then a server that does not offer it must refuse it, also a lenient one.
    #[must_use]
    pub fn is_of_standard(text: &str) -> bool {
        OF_R4.contains(&text)
    }

    /// Reads a modifier for a parameter.
    ///
    /// # Errors
    /// Which modifiers the parameter takes, to be said after its name.
    pub fn parse(parameter: &Parameter, text: &str) -> Result<Self, String> {
        let modifier = match (text, parameter.kind) {
            ("missing", _) => Some(Self::Missing),
            ("exact", Kind::String) => Some(Self::Exact),
            ("contains", Kind::String) => Some(Self::Contains),
            ("not", Kind::Token) => Some(Self::Not),
            ("text", Kind::Token) => Some(Self::Text),
            ("of-type", Kind::Token) => Some(Self::OfType),
            ("identifier", Kind::Reference) => Some(Self::Identifier),
            ("above", Kind::Uri) => Some(Self::Above),
            ("below", Kind::Uri) => Some(Self::Below),
            (_, Kind::Reference) if is_target(parameter, text) => Some(Self::Type(text.to_owned())),
            _ => None,
        };
        modifier.ok_or_else(|| {
            let offered = match parameter.kind {
                Kind::String => "missing, exact, contains",
                Kind::Token => "missing, not, text, of-type",
                Kind::Reference => "missing, identifier, or a type that the parameter can point to",
                Kind::Uri => "missing, above, below",
                Kind::Composite | Kind::Date | Kind::Number | Kind::Quantity | Kind::Special => "missing",
            };
            format!("takes no modifier `:{text}`; it takes: {offered}")
        })
    }

    /// Whether values of the parameter are looked for and the resource is then left out.
    #[must_use]
    pub fn is_not(modifier: Option<&Self>) -> bool {
        modifier == Some(&Self::Not)
    }
}

/// Whether the parameter can point to the type; a parameter that may point to anything is checked against stored types.
fn is_target(parameter: &Parameter, text: &str) -> bool {
    let any = parameter.targets.iter().any(|it| it == "Resource");
    if any { TypeCode::of(text).is_ok() } else { parameter.targets.iter().any(|it| it == text) }
}
