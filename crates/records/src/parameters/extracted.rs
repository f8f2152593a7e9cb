//! What a search parameter finds in a resource, borrowed from the resource's JSON.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use smallvec::SmallVec;

/// One value of a search parameter in one resource. Text is borrowed from the JSON wherever the JSON says it literally.
#[derive(Debug, Clone, PartialEq)]
pub enum Extracted<'a> {
    /// A code, an identifier, a contact point, a boolean: one per coding of a concept.
    Token {
        /// Code system or identifier system; for elements of type `code` the system that the standard binds them to.
        system: Option<&'a str>,
        /// The code; absent for a concept that has only text.
        code: Option<&'a str>,
        /// What `:text` searches: display of the coding, text of the concept or of the identifier's type.
        text: SmallVec<[&'a str; 2]>,
        /// What `:of-type` searches: system and code of the identifier's type.
        of_type: SmallVec<[(&'a str, &'a str); 1]>,
    },
    /// A reference or canonical.
    Reference {
        /// Type and id of a relative reference (`Patient/23`).
        local: Option<(&'a str, &'a str)>,
        /// Any other reference: absolute URL, URN or canonical, without `/_history/…` and without `|version`.
        url: Option<&'a str>,
        /// The type pointed at, when the reference says it (in its text or in `Reference.type`).
        type_name: Option<&'a str>,
        /// System and value of `Reference.identifier`.
        identifier: Option<(Option<&'a str>, &'a str)>,
        /// `3` in `Patient/23/_history/3`, `1.0` in a canonical `…|1.0`.
        version: Option<&'a str>,
    },
    /// A text as it stands in the resource; see [`super::normalise`] for what a search compares.
    Text(Cow<'a, str>),
    /// A date of any precision or a period, in milliseconds since 1970 UTC, both ends included; open ends are
    /// `i64::MIN` and `i64::MAX`.
    Date {
        /// First millisecond.
        low_ms: i64,
        /// Last millisecond.
        high_ms: i64,
    },
    /// A plain number.
    Number {
        /// The number.
        span: Span,
    },
    /// A number with a unit; also ages, durations, money, ranges and the bounds of sampled data.
    Quantity {
        /// The number, or from where to where.
        span: Span,
        /// System of the coded unit.
        system: Option<&'a str>,
        /// Code of the unit.
        code: Option<&'a str>,
        /// The unit as people read it.
        unit: Option<&'a str>,
    },
    /// A URI.
    Uri(&'a str),
    /// One element that a composite looks at: for each component, in order, the values it has there (none is empty).
    Composite(Vec<Vec<Extracted<'a>>>),
}

impl<'a> Extracted<'a> {
    /// The number of a number or quantity that is exactly one number (not a range, no comparator), rounded to binary.
    #[must_use]
    pub fn exact_number(&self) -> Option<f64> {
        let (Self::Number { span } | Self::Quantity { span, .. }) = self else { return None };
        if span.low == span.high { span.low?.to_f64() } else { None }
    }

    /// A token with nothing but system and code.
    pub(crate) fn token(system: Option<&'a str>, code: &'a str) -> Self {
        Self::Token { system, code: Some(code), text: SmallVec::new(), of_type: SmallVec::new() }
    }
}

/// From where to where a number reaches; a plain value is a span of length zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Lower end; absent when there is none.
    pub low: Option<Decimal>,
    /// Upper end; absent when there is none.
    pub high: Option<Decimal>,
    /// Whether the lower end itself belongs to the span (`>= 5` yes, `> 5` no).
    pub low_included: bool,
    /// Whether the upper end itself belongs to the span.
    pub high_included: bool,
}

impl Span {
    /// The span of one number.
    #[must_use]
    pub fn point(value: Decimal) -> Self {
        Self::between(Some(value), Some(value))
    }

    /// A span whose ends belong to it.
    #[must_use]
    pub fn between(low: Option<Decimal>, high: Option<Decimal>) -> Self {
        Self { low, high, low_included: true, high_included: true }
    }

    /// The span that a value with a comparator (`Quantity.comparator`) stands for; an unknown comparator is no
    /// comparator.
    #[must_use]
    pub fn compared(value: Decimal, comparator: Option<&str>) -> Self {
        let mut span = Self::point(value);
        match comparator {
            Some("<") => (span.low, span.high_included) = (None, false),
            Some("<=") => span.low = None,
            Some(">") => (span.high, span.low_included) = (None, false),
            Some(">=") => span.high = None,
            _ => {}
        }
        span
    }
}
