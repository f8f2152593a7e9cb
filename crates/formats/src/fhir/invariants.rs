//! Invariants (in work).
/// Evaluated.
pub const EVALUATED_INVARIANTS: &[&str] = &[];
/// Not evaluated.
pub const UNEVALUATED_INVARIANTS: &[&str] = &[];
