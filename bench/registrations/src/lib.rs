//! Labelled registrations of invented people, for tests and benchmarks of the person index (主索引).
//!
//! The generator shares no table and no line with the index that it tests: two that learned from one list would agree on
//! its mistakes. People come in households, because relatives are what makes linking hard; every registration is one visit
//! at one desk. Rates of everything that goes wrong stand in `profiles/*.toml`. Same profile, seed and date: same bytes.
//!
//! ```
//! let profile = registrations::Profile::built_in("city")?;
//! let tables = registrations::Tables::load()?;
//! let order = registrations::Order { people: 10, ..registrations::Order::default() };
//! let rows: Vec<_> = registrations::Generator::new(&tables, &profile, &order).collect();
//! assert!(rows.len() >= 10);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod clerk;
mod dates;
mod kinds;
mod names;
mod numbers;
mod people;
mod places;
mod profile;
mod random;
mod slips;
mod stream;
mod tables;

pub use dates::{Day, day, parse as parse_day};
pub use kinds::{Kind, Kinds};
pub use profile::Profile;
pub use stream::{Generator, HEAD, Order, Registration};
pub use tables::Tables;
