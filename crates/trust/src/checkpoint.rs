//! Signed checkpoints: what the audit log promised at a time, small enough to print, to send to the node above, or to
//! hand to a resident.
//!
//! The text has the shape of a C2SP signed note, so that witnesses of other makes can read it line by line:
//!
//! ```text
//! kangmai/audit/1            origin: whose log (tenant 1)
//! 1048576                    how many events
//! 6Xn…=                      base64 of the SM3 root
//! 2026-11-21T08:00:00.000Z   when it was signed
//!                            (empty line)
//! — kangmai/audit/1 pZ…=     base64 of key id (4 bytes) ‖ SM2 signature (r ‖ s, 64 bytes)
//! ```
//!
//! The signature is SM2 with SM3 (GB/T 32918.2) over the four lines with their line ends, under the default
//! distinguishing id of GM/T 0009.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::TenantId;
use sm2::dsa::signature::{Signer, Verifier};
use sm2::dsa::{self, Signature};
use sm3::{Digest, Sm3};
use zeroize::Zeroize;

use crate::merkle::Hash;
use crate::random;
use crate::secret::Secret;

/// The default distinguishing id of GM/T 0009-2012, clause 10: both sides must hash the same one.
pub const DISTINGUISHING_ID: &str = "1234567812345678";

const ORIGIN_PREFIX: &str = "kangmai/audit/";
/// A checkpoint has about 250 bytes; whatever is much longer is not one.
const TEXT_BYTES_MAX: usize = 4096;
const KEY_ID_BYTES: usize = 4;

/// What can be wrong with a checkpoint or its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not the shape of a checkpoint.
    #[error("this is not a checkpoint: line {0} is not as it should be")]
    Shape(u8),
    /// Signed by another key.
    #[error("the checkpoint names another key than this one")]
    OtherKey,
    /// Changed after signing, or never signed with this key.
    #[error("the signature does not fit the checkpoint")]
    NotAuthentic,
    /// Bytes that are no SM2 key.
    #[error("these bytes are not an SM2 key")]
    NotAKey,
    /// SM2 met a random number that it cannot use (probability below 2⁻²⁵⁰).
    #[error("the checkpoint could not be signed")]
    NotSigned,
}

/// What the log of a tenant was at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub tenant: TenantId,
    /// How many events.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// When it was signed, milliseconds since 1970 UTC.
    pub at_ms: i64,
}

impl Checkpoint {
    /// The first line: whose log.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{ORIGIN_PREFIX}{}", self.tenant.0)
    }

    /// The four lines that are signed.
    #[must_use]
    pub fn body(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        format!("{}\n{}\n{root}\n{}\n", self.origin(), self.size, model::instant_text(self.at_ms))
    }

    /// Signs the four lines.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`].
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        let signature = key.0.try_sign(self.body().as_bytes()).map_err(|_| CheckpointError::NotSigned)?;
        let key_id = key.verifying_key().key_id(&self.origin());
        Ok(SignedCheckpoint { checkpoint: self, key_id, signature: signature.to_bytes().into() })
    }

    fn parse_body(lines: [&str; 4]) -> Result<Self, CheckpointError> {
        let tenant = lines[0].strip_prefix(ORIGIN_PREFIX).and_then(exact_number).ok_or(CheckpointError::Shape(1))?;
        let size = exact_number(lines[1]).ok_or(CheckpointError::Shape(2))?;
        let root = STANDARD.decode(lines[2]).ok().and_then(|root| root.try_into().ok());
        let root = Hash(root.ok_or(CheckpointError::Shape(3))?);
        let at: jiff::Timestamp = lines[3].parse().map_err(|_| CheckpointError::Shape(4))?;
        let at_ms = at.as_millisecond();
        if model::instant_text(at_ms) != lines[3] {
            return Err(CheckpointError::Shape(4));
        }
        Ok(Self { tenant: TenantId(tenant), size, root, at_ms })
    }
}

/// A decimal number as we print it: no sign, no leading zero.
fn exact_number<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse().ok().filter(|number: &N| number.to_string() == text)
}

/// A checkpoint with its signature. Parsing does not verify: [`SignedCheckpoint::verify`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    key_id: [u8; KEY_ID_BYTES],
    signature: [u8; Signature::BYTE_SIZE],
}

impl SignedCheckpoint {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`CheckpointError::Shape`] with the number of the first line that is not right.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(CheckpointError::Shape(1));
        }
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let [origin, size, root, at, empty, signature] = lines[..] else { return Err(CheckpointError::Shape(6)) };
        let checkpoint = Checkpoint::parse_body([origin, size, root, at])?;
        if !empty.is_empty() {
            return Err(CheckpointError::Shape(5));
        }
        let bytes = signature
            .strip_prefix("— ")
            .and_then(|rest| rest.strip_prefix(origin))
            .and_then(|rest| rest.strip_prefix(' '))
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .ok_or(CheckpointError::Shape(6))?;
        let (key_id, signature) = bytes.split_first_chunk().ok_or(CheckpointError::Shape(6))?;
        let signature = signature.try_into().map_err(|_| CheckpointError::Shape(6))?;
        Ok(Self { checkpoint, key_id: *key_id, signature })
    }

    /// The checkpoint, if this key signed it.
    ///
    /// # Errors
    /// [`CheckpointError::OtherKey`] or [`CheckpointError::NotAuthentic`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<&Checkpoint, CheckpointError> {
        if self.key_id != key.key_id(&self.checkpoint.origin()) {
            return Err(CheckpointError::OtherKey);
        }
        let signature = Signature::from_slice(&self.signature).map_err(|_| CheckpointError::NotAuthentic)?;
        let verified = key.0.verify(self.checkpoint.body().as_bytes(), &signature);
        verified.map(|()| &self.checkpoint).map_err(|_| CheckpointError::NotAuthentic)
    }

    /// The checkpoint as the text claims it, not verified.
    #[must_use]
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_vec();
        bytes.extend_from_slice(&self.signature);
        let (body, origin) = (self.checkpoint.body(), self.checkpoint.origin());
        writeln!(f, "{body}\n— {origin} {}", STANDARD.encode(bytes))
    }
}

/// The SM2 key that signs checkpoints; 32 bytes that `store` keeps sealed under the audit key.
#[derive(Clone)]
pub struct SigningKey(dsa::SigningKey);

impl SigningKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        loop {
            let mut bytes: [u8; 32] = random::bytes();
            let key = Self::from_bytes(&bytes);
            bytes.zeroize();
            // One number in 2³² lies outside the group; then the next one.
            if let Ok(key) = key {
                return key;
            }
        }
    }

    /// The key as [`SigningKey::to_bytes`] wrote it.
    ///
    /// # Errors
    /// [`CheckpointError::NotAKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if bytes.len() != 32 {
            return Err(CheckpointError::NotAKey);
        }
        dsa::SigningKey::from_slice(DISTINGUISHING_ID, bytes).map(Self).map_err(|_| CheckpointError::NotAKey)
    }

    /// The 32 bytes of the secret number.
    #[must_use]
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        Secret::new(self.0.to_bytes().into())
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key().clone())
    }

    /// `r ‖ s` over a message (GB/T 32918.2, with SM3 and [`DISTINGUISHING_ID`]).
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`].
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], CheckpointError> {
        self.0.try_sign(message).map(|signature| signature.to_bytes().into()).map_err(|_| CheckpointError::NotSigned)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// The public half of a [`SigningKey`]; whoever has it can check checkpoints without us.
#[derive(Clone)]
pub struct VerifyingKey(dsa::VerifyingKey);

impl VerifyingKey {
    /// The 65 bytes of the point, uncompressed (`0x04 ‖ x ‖ y`).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_sec1_bytes().into_vec()
    }

    /// The key as [`VerifyingKey::to_bytes`] wrote it; compressed points are read too.
    ///
    /// # Errors
    /// [`CheckpointError::NotAKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let key = sm2::PublicKey::from_sec1_bytes(bytes).map_err(|_| CheckpointError::NotAKey)?;
        dsa::VerifyingKey::new(DISTINGUISHING_ID, key).map(Self).map_err(|_| CheckpointError::NotAKey)
    }

    /// The hexadecimal text of [`VerifyingKey::to_bytes`]: what is published.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex::encode(self.to_bytes())
    }

    /// Reads [`VerifyingKey::to_text`].
    ///
    /// # Errors
    /// [`CheckpointError::NotAKey`].
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        Self::from_bytes(&hex::decode(text.trim()).map_err(|_| CheckpointError::NotAKey)?)
    }

    /// Whether this key made the signature `r ‖ s`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }

    /// The first four bytes of `SM3(name ‖ 0x0A ‖ 0xFF ‖ "SM2-SM3" ‖ key)`: a hint which key to take, not a proof
    /// (C2SP signed-note, with 0xFF for a signature type that has no number there).
    fn key_id(&self, name: &str) -> [u8; KEY_ID_BYTES] {
        let mut sm3 = Sm3::new_with_prefix(name.as_bytes());
        sm3.update(b"\n\xffSM2-SM3");
        sm3.update(self.to_bytes());
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&sm3.finalize()[..KEY_ID_BYTES]);
        id
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.to_text())
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for VerifyingKey {}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
