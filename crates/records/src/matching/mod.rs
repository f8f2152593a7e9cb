//! What one value of a search question means, and whether a value of a resource answers it.
//!
//! [`QueryValue::parse`] reads the text between two commas; [`matches`] compares it with one
//! [`Extracted`](crate::parameters::Extracted) value; [`answers`] decides a whole parameter (any of the values, `:not`,
//! `:missing`). The clauses are those of the search page of FHIR R4 (4.0.1), <https://hl7.org/fhir/R4/search.html>;
//! `#word` names its sections.
//!
//! # What was decided where R4 leaves room
//!
//! - **Prefixes** (`#prefix`). `eq`: the range of the question contains the range of the value; `ne`: not `eq`;
//!   `gt`/`lt`: the range above/below the question's range overlaps the value; `ge`/`le`: that, or `eq`; `sa`/`eb`: the
//!   value lies wholly above/below the question's range (numbers: see there); `ap`: the ranges overlap after the
//!   question's was widened by 10 % of the number, or for dates by 10 % of the gap between the date and now.
//! - **Dates** (`#date`). A date of any precision is the interval from its first to its last millisecond; without an
//!   offset it is local time (see `formats::fhir::date`). Open ends of periods are infinitely far.
//! - **Numbers** (`#number`). A question has the precision in which it is written: `100` is [99.5, 100.5), `1e2` is
//!   [50, 150) (one significant digit; R4's own example table says 95…105). `eq` and `ne` use that range;
//!   `gt`, `ge`, `lt`, `le`, `sa`, `eb` use the exact number (the implied precision is not looked at). A stored number
//!   is exact; whether it equals 100 depends on the question only.
//! - **Quantities** (`#quantity`). A stored comparator is a range without an end: `<5` is never `eq`, and it is
//!   `lt` any number, since it may be that small. `n` looks at any unit, `n|s|c` at system and code, `n||c` at code or
//!   printed unit. Units are not converted.
//! - **Strings** (`#string`). Begin with the question after both were normalised (case, accents, width, spaces);
//!   `:contains` anywhere; `:exact` the very same text.
//! - **Tokens** (`#token`). Case-sensitive: national codes and UCUM are, identifiers of institutions may be. Elements
//!   of type `code` have the system that the standard binds them to, so `|male` does not find them, `male` and
//!   `system|male` do. Booleans and contact points have no system. `:text` is a string search on display and concept
//!   text; `:of-type` needs system, code and value; `:not` also finds resources without the element (the set
//!   complement).
//! - **References** (`#reference`). `id` and `Type/id` find relative references only; an absolute URL finds itself (the
//!   caller turns URLs under its own base into relative ones with [`QueryValue::under_base`]). A question without a
//!   version finds every version, one with a version that version only.
//! - **URIs** (`#uri`). The same characters; `:below` finds longer, `:above` shorter URLs, on whole path segments; URNs
//!   are refused there, they have no such structure.
//! - **Composites** (`#composite`). One element must answer every component; prefixes are allowed in components.
//! - `:in`, `:not-in`, and `:above`/`:below` on tokens and references need terminology or hierarchies and are refused.

mod compare;
mod modifier;
mod parse;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;

pub use compare::{answers, matches};
pub use modifier::Modifier;
pub use parse::split_values;

/// How a value stands to the question (`#prefix`); the default is [`Prefix::Equal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Prefix {
    /// `eq`
    #[default]
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `lt`
    Less,
    /// `ge`
    GreaterOrEqual,
    /// `le`
    LessOrEqual,
    /// `sa`
    StartsAfter,
    /// `eb`
    EndsBefore,
    /// `ap`
    Approximately,
}

/// What a token question says about the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemTest {
    /// `code`: any system or none.
    Any,
    /// `|code`: no system.
    None,
    /// `system|code`.
    Is(String),
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMode {
    /// Begins with it, both normalised.
    Begins,
    /// `:contains`, both normalised.
    Contains,
    /// `:exact`, neither normalised.
    Exact,
}

/// How a URI is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriMode {
    /// The same.
    Same,
    /// `:below`: the value is the question or longer.
    Below,
    /// `:above`: the value is the question or shorter.
    Above,
}

/// A number in a question: itself, and the range that its digits stand for (`low` included, `high` not).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberTest {
    /// How the value stands to it.
    pub prefix: Prefix,
    /// The number as written.
    pub exact: Decimal,
    /// Lower end of its precision; for `ap` of the widened range.
    pub low: Decimal,
    /// Upper end of its precision; for `ap` of the widened range.
    pub high: Decimal,
}

/// One value of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryValue {
    /// `:missing=true` or `false`: decided by [`answers`], never by [`matches`].
    Missing(bool),
    /// `code`, `|code`, `system|code`, `system|` (no code).
    Token {
        /// The system.
        system: SystemTest,
        /// The code; absent for `system|`.
        code: Option<String>,
    },
    /// `:text`, normalised.
    TokenText(String),
    /// `:of-type=system|code|value`.
    OfType {
        /// System of the identifier's type.
        system: String,
        /// Code of the identifier's type.
        type_code: String,
        /// Value of the identifier.
        value: String,
    },
    /// `id`, `Type/id`, `Type/id/_history/version`.
    Local {
        /// The type: from the text, the modifier, or because the parameter has only one target.
        type_name: Option<String>,
        /// The id.
        id: String,
        /// The version.
        version: Option<String>,
    },
    /// A reference by URL, URN or canonical.
    Url {
        /// Without version.
        url: String,
        /// The version.
        version: Option<String>,
    },
    /// `:identifier`: the logical identifier of a reference.
    Identifier {
        /// The system.
        system: SystemTest,
        /// The value; absent for `system|`.
        value: Option<String>,
    },
    /// A string.
    Text {
        /// How it is compared.
        mode: TextMode,
        /// Normalised unless the mode is [`TextMode::Exact`].
        text: String,
    },
    /// A date, in milliseconds since 1970 UTC, both ends included; for `ap` already widened.
    Date {
        /// How the value stands to it.
        prefix: Prefix,
        /// First millisecond.
        low_ms: i64,
        /// Last millisecond.
        high_ms: i64,
    },
    /// A number.
    Number(NumberTest),
    /// A number with a unit.
    Quantity {
        /// The number.
        number: NumberTest,
        /// System of the unit; absent when any will do.
        system: Option<String>,
        /// Code of the unit, or without a system also the printed unit.
        code: Option<String>,
    },
    /// A URI.
    Uri {
        /// How it is compared.
        mode: UriMode,
        /// The URI.
        uri: String,
    },
    /// The parts of a composite.
    Composite(Vec<QueryValue>),
}

impl QueryValue {
    /// A URL under `base` (`http://host/fhir/R4`) as the relative reference that is stored for it; anything else
    /// unchanged. R4 `#reference`: an absolute URL of this server and the relative reference are the same.
    #[must_use]
    pub fn under_base(self, base: &str) -> Self {
        let Self::Url { url, version } = &self else { return self };
        let Some(local) = url.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')) else { return self };
        match local.split_once('/') {
            Some((type_name, id)) if !type_name.is_empty() && !id.is_empty() && !id.contains('/') => {
                Self::Local { type_name: Some(type_name.to_owned()), id: id.to_owned(), version: version.clone() }
            }
            _ => self,
        }
    }
}
