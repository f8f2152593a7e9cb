//! HL7 messages on the road, one after the other: what several of them say about one thing.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

mod house;
mod orders;
mod reports;
