//! The identity engine: which registrations are one person.
//!
//! The road of a registration: [`standardise`] makes the text comparable; [`packed`] holds it in 64 bytes; [`frequencies`]
//! learns what is common and what is a placeholder; [`blocks`] finds the pairs worth looking at; [`compare`] says how a pair
//! agrees, field by field; [`model`] weighs that against two rivals, strangers and relatives, with what [`train`] learned
//! without labels; [`cluster`] makes persons of the pairs under vetoes.
//!
//! [`index`] and [`live`] keep the same true while registrations come one by one.
//!
//! Everything is pure: no file, no clock, no chance. The same set of registrations gives the same partition in any order.

pub mod batch;
pub mod blocks;
pub mod cluster;
pub mod compare;
mod data;
pub mod evaluate;
pub mod explain;
pub mod frequencies;
pub mod index;
pub mod live;
pub mod model;
pub mod newborn;
pub mod ownership;
pub mod packed;
mod pages;
pub mod reading;
mod rows;
pub mod standardise;
pub mod table;
mod text;
pub mod train;
