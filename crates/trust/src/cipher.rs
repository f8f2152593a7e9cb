//! Keys and ciphers: what lies on the disk is SM4-GCM, what is searched for is HMAC-SM3.
//!
//! One master key outside the data folder opens the [`Roots`] that lie sealed in it; from these, per tenant, a wrap key, a token key, an
//! audit key and the key of shared resources, each by HMAC-SM3 under its own label. Renewal seals the roots under another master key
//! and adds a root: new things are sealed under the newest, old ones open under theirs (decision 0012). Every registration (登记) has a random body key that is
//! stored wrapped, so that destroying 44 bytes erases a person's bodies from files, log and backups alike.
//! Nonces are random 96-bit: one key may seal up to [`SEALS_PER_KEY_MAX`] messages.
//!
//! Sources: GB/T 32905 (SM3), GB/T 32907 (SM4), RFC 8998 (SM4-GCM), RFC 2104 (HMAC), NIST SP 800-38D (GCM, nonces).

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use hmac::{Hmac, Mac};
use model::{Home, TenantId};
use sm3::Sm3;
use sm4::Sm4;
use zeroize::{Zeroize, Zeroizing};

use crate::random;
use crate::secret::Secret;

/// Bytes before the ciphertext.
pub const NONCE_BYTES: usize = 12;
/// Bytes after the ciphertext.
pub const TAG_BYTES: usize = 16;
/// What sealing adds to a plaintext.
pub const SEAL_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// How many messages one key may seal with random nonces before two nonces meet with probability 2⁻³³ (NIST SP 800-38D, 8.3).
pub const SEALS_PER_KEY_MAX: u64 = 1 << 32;

const KEY_BYTES: usize = 16;
const WRAPPED_BYTES: usize = KEY_BYTES + SEAL_OVERHEAD_BYTES;

type Sm4Gcm = AesGcm<Sm4, U12>;
type HmacSm3 = Hmac<Sm3>;

/// What can go wrong with a cipher. It says nothing about the content: an attacker learns only that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Shorter than nonce and tag together.
    #[error("sealed bytes are too short to carry a nonce and a tag")]
    TooShort,
    /// The tag does not fit: another key, another context, or changed bytes.
    #[error("sealed bytes do not open under this key and context")]
    NotAuthentic,
    /// The key file is not 64 hexadecimal digits.
    #[error("a master key is 64 hexadecimal digits")]
    NotAKey,
}

/// The root of all keys: 32 bytes from the key file, which lies outside the data folder.
#[derive(Clone)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// A key made of 32 bytes that are already random.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(random::bytes())
    }

    /// Reads a key file: one line of 64 hexadecimal digits; empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`CipherError::NotAKey`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, CipherError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(CipherError::NotAKey) };
        let mut bytes = [0; 32];
        hex::decode_to_slice(line, &mut bytes).map_err(|_| CipherError::NotAKey)?;
        Ok(Self::from_bytes(bytes))
    }

    /// The line that [`MasterKey::from_text`] reads.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(hex::encode(self.0.expose()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// What all keys of a data folder are derived from: 32 random bytes, and 32 more with every renewal.
#[derive(Clone)]
pub struct Roots(Vec<Secret<[u8; ROOT_BYTES]>>);

const ROOT_BYTES: usize = 32;
/// What sealed roots are bound to.
const ROOTS_CONTEXT: &[u8] = b"kangmai/roots/1";

impl Roots {
    /// The roots of a folder that has none sealed: the master key itself, as it was in the first format.
    #[must_use]
    pub fn of_master(master: &MasterKey) -> Self {
        Self(vec![master.0.clone()])
    }

    /// One new random root.
    #[must_use]
    pub fn generate() -> Self {
        Self(vec![Secret::new(random::bytes())])
    }

    /// These and a new random one, under which everything is sealed from then on.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let mut roots = self.0.clone();
        roots.push(Secret::new(random::bytes()));
        Self(roots)
    }

    /// How many there are: one more than renewals.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The roots, sealed under a master key.
    #[must_use]
    pub fn seal(&self, master: &MasterKey) -> Vec<u8> {
        let plain: Zeroizing<Vec<u8>> = Zeroizing::new(self.0.iter().flat_map(|root| *root.expose()).collect());
        let mut sealed = Vec::new();
        Self::lock(master).seal(ROOTS_CONTEXT, &plain, &mut sealed);
        sealed
    }

    /// What [`Roots::seal`] wrote.
    ///
    /// # Errors
    /// [`CipherError`] when it was another master key.
    pub fn open(master: &MasterKey, sealed: &[u8]) -> Result<Self, CipherError> {
        let plain = Zeroizing::new(Self::lock(master).open(ROOTS_CONTEXT, sealed)?);
        let (roots, rest) = plain.as_chunks::<ROOT_BYTES>();
        if roots.is_empty() || !rest.is_empty() {
            return Err(CipherError::NotAuthentic);
        }
        Ok(Self(roots.iter().map(|root| Secret::new(*root)).collect()))
    }

    fn lock(master: &MasterKey) -> BodyKey {
        let mut mac = keyed(master.0.expose());
        mac.update(ROOTS_CONTEXT);
        let derived = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&derived[..KEY_BYTES]);
        let lock = BodyKey::new(&key);
        key.zeroize();
        lock
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({} of ***)", self.0.len())
    }
}

/// What a hashed value is, so that equal bytes of different kinds do not hash alike. The numbers are in every index: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Domain {
    /// The code of a token.
    Code = 1,
    /// The system of a token.
    System = 2,
    /// A whole string as searched, already folded.
    Text = 3,
    /// A URI.
    Uri = 4,
    /// `Type/id` of a resource whose id the client chose.
    Id = 5,
    /// The target of a reference.
    Reference = 6,
    /// The first 1…8 characters of a string.
    Prefix = 7,
    /// A page link that must come back unchanged.
    Page = 8,
    /// What the key of a claim is made of.
    Claim = 9,
    /// Content that is compared with what came before.
    Content = 10,
    /// The number of a document that proves identity.
    Document = 11,
    /// The key by which an institution signs the launch of a record from its own screens.
    Launch = 12,
}

impl Domain {
    /// Few different values, each met in nearly every resource: worth remembering.
    fn is_hot(self) -> bool {
        matches!(self, Self::Code | Self::System | Self::Uri)
    }
}

/// HMAC-SM3 under a key that was given to somebody outside: what an institution signs with.
#[must_use]
pub fn hmac_sm3(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length; the error of the trait cannot happen.
    let Ok(mut mac) = Hmac::<Sm3>::new_from_slice(key) else { return [0; 32] };
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// A body key, wrapped by the tenant's wrap key: `nonce(12) ‖ ciphertext(16) ‖ tag(16)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey([u8; WRAPPED_BYTES]);

impl WrappedKey {
    /// The 44 bytes that are stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; WRAPPED_BYTES] {
        &self.0
    }

    /// The bytes as they were stored.
    ///
    /// # Errors
    /// [`CipherError::TooShort`] when they are not 44.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, CipherError> {
        bytes.try_into().map(Self).map_err(|_| CipherError::TooShort)
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedKey(…)")
    }
}

/// An SM4-GCM key with its round keys computed, and the keys that it followed: the newest seals, and any of them opens. A clone is a
/// pointer.
#[derive(Clone)]
pub struct BodyKey(Arc<[Sm4Gcm]>);

impl BodyKey {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Arc::new([Sm4Gcm::new(key.into())]))
    }

    /// The newest alone.
    fn newest(&self) -> Option<&Sm4Gcm> {
        self.0.first()
    }

    /// Appends `nonce ‖ ciphertext ‖ tag` to `out`. `aad` is not stored, but opening needs the same bytes.
    ///
    /// # Panics
    /// When plaintext or `aad` have more than 64 GiB, or when the operating system has no random bytes.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
        self.seal_with(random::bytes(), aad, plaintext, out);
    }

    fn seal_with(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
        out.reserve(plaintext.len() + SEAL_OVERHEAD_BYTES);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let Some(Ok(tag)) =
            self.newest().map(|key| key.encrypt_inout_detached((&nonce).into(), aad, (&mut out[start..]).into()))
        else {
            panic!("GCM seals at most 64 GiB at once");
        };
        out.extend_from_slice(&tag);
    }

    /// The plaintext of what [`BodyKey::seal`] wrote.
    ///
    /// # Errors
    /// [`CipherError::TooShort`] or [`CipherError::NotAuthentic`]; no byte of the plaintext is given out then.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut plain = Vec::new();
        self.open_into(aad, sealed, &mut plain)?;
        Ok(plain)
    }

    /// The same plaintext sealed under the newest key; `None` when it is already.
    ///
    /// # Errors
    /// As [`BodyKey::open`].
    pub fn resealed(&self, aad: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, CipherError> {
        let (newest, rest) = self.0.split_at(self.0.len().min(1));
        if rest.is_empty() || Self(newest.into()).open(aad, sealed).is_ok() {
            return self.open(aad, sealed).map(|_| None);
        }
        let plain = Zeroizing::new(self.open(aad, sealed)?);
        let mut out = Vec::new();
        self.seal(aad, &plain, &mut out);
        Ok(Some(out))
    }

    /// As [`BodyKey::open`], into a buffer that is used again; what it held is replaced.
    ///
    /// # Errors
    /// As [`BodyKey::open`]; the buffer is empty then.
    pub fn open_into(&self, aad: &[u8], sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CipherError> {
        plain.clear();
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(CipherError::TooShort)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(CipherError::TooShort)?;
        for key in &*self.0 {
            plain.extend_from_slice(ciphertext);
            if key.decrypt_inout_detached(nonce.into(), aad, plain.as_mut_slice().into(), tag.into()).is_ok() {
                return Ok(());
            }
            plain.clear();
        }
        Err(CipherError::NotAuthentic)
    }
}

impl fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyKey(***)")
    }
}

/// The keys of one tenant, derived from the master key; nothing of this is stored.
pub struct TenantKeys {
    tenant: TenantId,
    wrap: BodyKey,
    audit: BodyKey,
    shared: BodyKey,
    /// HMAC-SM3 with both pads already absorbed: a hash clones it and costs two compressions.
    token: HmacSm3,
    /// Tells this key ring from others in the memory of hot hashes.
    ring: u64,
}

impl TenantKeys {
    /// The keys of a tenant whose only root is the master key.
    #[must_use]
    pub fn derive(master: &MasterKey, tenant: TenantId) -> Self {
        Self::of_roots(&Roots::of_master(master), tenant)
    }

    /// Derives the keys of a tenant: `HMAC-SM3(root, label ‖ 0x00 ‖ tenant)`. The token key is of the first root for ever: it is in
    /// the ids and index keys of everything.
    #[must_use]
    pub fn of_roots(roots: &Roots, tenant: TenantId) -> Self {
        static RINGS: AtomicU64 = AtomicU64::new(1);
        let derived = |root: &Secret<[u8; ROOT_BYTES]>, label: &str| {
            let mut mac = keyed(root.expose());
            mac.update(label.as_bytes());
            mac.update(&[0]);
            mac.update(&tenant.0.to_be_bytes());
            Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()))
        };
        let cipher = |label: &str| {
            let keys = roots.0.iter().rev().map(|root| {
                let mut key = [0; KEY_BYTES];
                key.copy_from_slice(&derived(root, label)[..KEY_BYTES]);
                let cipher = Sm4Gcm::new((&key).into());
                key.zeroize();
                cipher
            });
            BodyKey(keys.collect())
        };
        let no_root = Secret::new([0; ROOT_BYTES]);
        let first = roots.0.first().unwrap_or(&no_root);
        Self {
            tenant,
            wrap: cipher("kangmai/wrap/1"),
            audit: cipher("kangmai/audit/1"),
            shared: cipher("kangmai/shared/1"),
            token: keyed(&*derived(first, "kangmai/token/1")),
            ring: RINGS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whose keys these are.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// A new random body key for a registration, and what is stored of it.
    #[must_use]
    pub fn new_body_key(&self, home: Home) -> (BodyKey, WrappedKey) {
        let mut key: [u8; KEY_BYTES] = random::bytes();
        let mut sealed = Vec::new();
        self.wrap.seal(&self.wrap_context(home), &key, &mut sealed);
        let mut wrapped = [0; WRAPPED_BYTES];
        wrapped.copy_from_slice(&sealed);
        let body_key = BodyKey::new(&key);
        key.zeroize();
        (body_key, WrappedKey(wrapped))
    }

    /// The body key of a registration.
    ///
    /// # Errors
    /// [`CipherError::NotAuthentic`] when it was wrapped for another tenant or registration, or was changed.
    pub fn unwrap_body_key(&self, home: Home, wrapped: &WrappedKey) -> Result<BodyKey, CipherError> {
        let plain = Zeroizing::new(self.wrap.open(&self.wrap_context(home), &wrapped.0)?);
        let key: &[u8; KEY_BYTES] = plain.as_slice().try_into().map_err(|_| CipherError::NotAuthentic)?;
        Ok(BodyKey::new(key))
    }

    /// The same body key wrapped by the newest wrap key; `None` when it is already.
    ///
    /// # Errors
    /// As [`TenantKeys::unwrap_body_key`].
    pub fn rewrap(&self, home: Home, wrapped: &WrappedKey) -> Result<Option<WrappedKey>, CipherError> {
        let resealed = self.wrap.resealed(&self.wrap_context(home), &wrapped.0)?;
        resealed.map(|sealed| WrappedKey::from_slice(&sealed)).transpose()
    }

    /// The key of [`Home::SHARED`]: derived, never stored, never destroyed.
    #[must_use]
    pub fn shared_body_key(&self) -> BodyKey {
        self.shared.clone()
    }

    /// The key that audit events and the keys of checkpoints are sealed under.
    #[must_use]
    pub fn audit_key(&self) -> &BodyKey {
        &self.audit
    }

    /// HMAC-SM3 under the token key of the domain byte and the bytes.
    #[must_use]
    pub fn mac(&self, domain: Domain, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.token.clone();
        mac.update(&[domain as u8]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// The first eight bytes, big endian, of [`TenantKeys::mac`].
    #[must_use]
    pub fn hash64(&self, domain: Domain, bytes: &[u8]) -> u64 {
        if domain.is_hot() && bytes.len() <= HOT_BYTES_MAX {
            return HOT.with_borrow_mut(|hot| hot.hash(self, domain, bytes));
        }
        first_eight(&self.mac(domain, bytes))
    }

    /// The first four bytes, big endian, of [`TenantKeys::mac`].
    #[must_use]
    pub fn hash32(&self, domain: Domain, bytes: &[u8]) -> u32 {
        u32::try_from(self.hash64(domain, bytes) >> 32).unwrap_or(u32::MAX)
    }

    fn wrap_context(&self, home: Home) -> [u8; 12] {
        let mut context = [0; 12];
        context[..4].copy_from_slice(&self.tenant.0.to_be_bytes());
        context[4..].copy_from_slice(&home.0.to_be_bytes());
        context
    }
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeys").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

fn keyed(key: &[u8]) -> HmacSm3 {
    let Ok(mac) = HmacSm3::new_from_slice(key) else { unreachable!("HMAC takes a key of any length") };
    mac
}

fn first_eight(mac: &[u8; 32]) -> u64 {
    mac[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Code systems and URIs are shorter than this; longer values go the plain way.
const HOT_BYTES_MAX: usize = 64;
/// Slots per thread, a power of two. 512 slots of about 96 bytes stay inside the second-level cache.
const HOT_SLOTS: usize = 512;

thread_local! {
    static HOT: RefCell<HotHashes> = RefCell::new(HotHashes::default());
}

/// The latest hashes of hot values: direct mapped, a newcomer replaces whoever has its slot.
#[derive(Default)]
struct HotHashes {
    slots: Vec<HotHash>,
}

#[derive(Clone)]
struct HotHash {
    ring: u64,
    hash: u64,
    domain: u8,
    length: u8,
    bytes: [u8; HOT_BYTES_MAX],
}

impl HotHashes {
    fn hash(&mut self, keys: &TenantKeys, domain: Domain, bytes: &[u8]) -> u64 {
        if self.slots.is_empty() {
            let empty = HotHash { ring: 0, hash: 0, domain: 0, length: 0, bytes: [0; HOT_BYTES_MAX] };
            self.slots = vec![empty; HOT_SLOTS];
        }
        let slot = &mut self.slots[slot_of(keys.ring, domain, bytes)];
        if slot.ring == keys.ring
            && slot.domain == domain as u8
            && slot.bytes.get(..usize::from(slot.length)) == Some(bytes)
        {
            return slot.hash;
        }
        let hash = first_eight(&keys.mac(domain, bytes));
        slot.ring = keys.ring;
        slot.domain = domain as u8;
        slot.length = u8::try_from(bytes.len()).unwrap_or(0);
        slot.bytes[..bytes.len()].copy_from_slice(bytes);
        slot.hash = hash;
        hash
    }
}

/// Where a value is remembered. Quality matters little: a collision costs one HMAC, never a wrong answer.
fn slot_of(ring: u64, domain: Domain, bytes: &[u8]) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut mixed = ring.wrapping_mul(ODD) ^ (domain as u64) ^ ((bytes.len() as u64) << 8);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed = (mixed.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
    }
    usize::try_from(mixed >> 40).unwrap_or(0) % HOT_SLOTS
}

#[cfg(test)]
#[path = "cipher_tests.rs"]
mod tests;
