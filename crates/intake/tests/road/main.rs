//! The road over a store in memory: what messages say one after the other.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

mod arriving;
mod house;
mod orders;
mod reports;
