//! Who may do what, and the proof of who did.
//!
//! Accounts and tokens say who a request is, grants and the decision table say what it may see, SM4-GCM and HMAC-SM3
//! keep what is stored unreadable without the key file, and an SM3 Merkle log with SM2-signed checkpoints makes the
//! audit trail provable to somebody who trusts neither us nor our disk.
//!
//! Invariant: no I/O and no clock. Everything here is a pure function of its arguments and of the operating system's
//! random bytes; `store` keeps what this crate computes, `server` asks it.

pub mod account;
pub mod audit;
pub mod checkpoint;
pub mod cipher;
pub mod grants;
pub mod merkle;
pub mod policy;
mod random;
pub mod secret;

pub use account::{Account, Actor, Login, PasswordHash, Proxy, Relation, Role, Token};
pub use audit::{AuditAction, AuditEvent, Outcome};
pub use checkpoint::{Checkpoint, SignedCheckpoint, SigningKey, VerifyingKey};
pub use cipher::{BodyKey, CipherError, Domain, MasterKey, Roots, TenantKeys, WrappedKey};
pub use grants::{Grants, Interaction};
pub use policy::{
    Decision, Denied, Duty, Filter, GroundKind, GroundRule, Obligation, Patients, decide, may, needs_ground, scope,
};
pub use secret::Secret;
