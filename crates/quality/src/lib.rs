//! Quality rules (skeleton).
