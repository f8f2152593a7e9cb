//! The write side and the lists of the records crate, through its public functions, on the memory engine.

mod acts;
mod bundles;
mod lists;
mod model;
mod races;
mod support;
mod visibility;
