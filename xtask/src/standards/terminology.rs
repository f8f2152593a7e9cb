//! Value sets.
