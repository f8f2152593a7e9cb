//! The tables of `standards/identity/` that this crate embeds.

/// Readings of surnames.
pub(crate) const SURNAMES: &str = include_str!("../../../standards/identity/surnames.tsv");
/// The lunar calendar.
pub(crate) const LUNAR: &str = include_str!("../../../standards/identity/lunar.tsv");
/// Model and frequencies for sets that are too small to learn from.
pub(crate) const MODEL: &str = include_str!("../../../standards/identity/model.json");
