//! The write side and the lists of the records crate, through its public functions, on the memory engine.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "helpers of tests: a panic is the report")]

mod acts;
mod bundles;
mod custom;
mod lists;
mod model;
mod races;
mod reindex;
mod several;
mod support;
mod visibility;
