use proptest::prelude::*;
use sm3::Digest;
use sm4::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};

use super::*;

fn bytes_of(text: &str) -> Vec<u8> {
    hex::decode(text.replace(char::is_whitespace, "")).unwrap()
}

fn keys_of(master: u8, tenant: u32) -> TenantKeys {
    TenantKeys::derive(&MasterKey::from_bytes([master; 32]), TenantId(tenant))
}

/// GB/T 32905-2016, annex A: both examples.
#[test]
fn sm3_gives_the_standard_answers() {
    let answers = [
        ("abc".to_owned(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ("abcd".repeat(16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ];
    for (message, expected) in answers {
        assert_eq!(hex::encode(Sm3::digest(message)), expected);
    }
}

/// GB/T 32907-2016, annex A: one encryption, and a million in a row.
#[test]
fn sm4_gives_the_standard_answers() {
    let key = bytes_of("0123456789abcdeffedcba9876543210");
    let cipher = Sm4::new(key.as_slice().try_into().unwrap());
    let mut block = key.as_slice().try_into().unwrap();
    cipher.encrypt_block(&mut block);
    assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
    for _ in 1..1_000_000 {
        cipher.encrypt_block(&mut block);
    }
    assert_eq!(hex::encode(block), "595298c7c6fd271f0402f804c33d3f66");
    for _ in 0..1_000_000 {
        cipher.decrypt_block(&mut block);
    }
    assert_eq!(block.as_slice(), key);
}

/// RFC 8998, appendix A.1.
#[test]
fn sm4_gcm_gives_the_standard_answer() {
    let key = BodyKey::new(bytes_of("0123456789abcdeffedcba9876543210").as_slice().try_into().unwrap());
    let nonce = bytes_of("00001234567800000000abcd").try_into().unwrap();
    let aad = bytes_of("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plain = bytes_of(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd
         eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
    );
    let expected = bytes_of(
        "00001234567800000000abcd
         17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735
         d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d
         83de3541e4c2b58177e065a9bf7b62ec",
    );
    let mut sealed = Vec::new();
    key.seal_with(nonce, &aad, &plain, &mut sealed);
    assert_eq!(hex::encode(&sealed), hex::encode(expected));
    assert_eq!(key.open(&aad, &sealed).unwrap(), plain);
}

/// GM/T 0042, appendix D.3, and RFC 4231's inputs; the answers agree with OpenSSL's HMAC over SM3.
#[test]
fn hmac_sm3_gives_the_standard_answers() {
    let alphabet = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".repeat(2).into_bytes();
    let answers = [
        ((1..=32).collect(), alphabet, "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"),
        ((1..=37).collect(), vec![0xcd; 50], "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"),
        (vec![0x0b; 32], b"Hi There".to_vec(), "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
        ),
    ];
    for (key, message, expected) in answers {
        let mut mac = keyed(&key);
        mac.update(&message);
        assert_eq!(hex::encode(mac.finalize().into_bytes()), expected);
    }
}

/// Derivation and hashes lie in every index on disk. The answers were computed with Python's `hmac` over OpenSSL's SM3.
#[test]
fn derived_keys_and_hashes_never_change() {
    let keys = TenantKeys::derive(&MasterKey::from_bytes(std::array::from_fn(|at| at as u8)), TenantId(7));
    let code = "e478564cf5969b30c1d7f55e6a7ec99bf0268b4c30e8b96bd204908699467295";
    let system = "a793e1fc9af7a1eed53688d4d480b14cc7c0fa523595443b41c9ca44223038f5";
    let id = "5f4c0752fa5a069bd4141be0a2a755a214fcae46d33cfb9de73adbf9cbf0241b";
    assert_eq!(hex::encode(keys.mac(Domain::Code, b"73211009")), code);
    for _ in 0..2 {
        assert_eq!(format!("{:016x}", keys.hash64(Domain::Code, b"73211009")), code[..16]);
        assert_eq!(format!("{:08x}", keys.hash32(Domain::System, b"http://snomed.info/sct")), system[..8]);
        assert_eq!(format!("{:016x}", keys.hash64(Domain::Id, b"Patient/example")), id[..16]);
    }
    let shared = BodyKey::new(bytes_of("269881dab21702a18db05cbb242f9de8").as_slice().try_into().unwrap());
    let mut sealed = Vec::new();
    shared.seal(b"", b"the same key", &mut sealed);
    assert_eq!(keys.shared_body_key().open(b"", &sealed).unwrap(), b"the same key");
}

#[test]
fn key_files_are_read_as_they_were_written() {
    let key = MasterKey::generate();
    let text = format!("# master key of a demo\n\n  {}  \n", key.to_text().expose());
    assert_eq!(MasterKey::from_text(&text).unwrap().to_text().expose(), key.to_text().expose());
    for bad in ["", "# nothing", "00ff", &"0".repeat(63), &"g".repeat(64), &format!("{0}\n{0}", "0".repeat(64))] {
        assert!(matches!(MasterKey::from_text(bad), Err(CipherError::NotAKey)), "{bad}");
    }
}

#[test]
fn a_wrapped_key_opens_only_for_its_registration_and_tenant() {
    let keys = keys_of(1, 1);
    let (body_key, wrapped) = keys.new_body_key(Home(5));
    let mut sealed = Vec::new();
    body_key.seal(b"context", b"body", &mut sealed);
    let stored = WrappedKey::from_slice(wrapped.as_bytes()).unwrap();
    assert_eq!(keys.unwrap_body_key(Home(5), &stored).unwrap().open(b"context", &sealed).unwrap(), b"body");

    assert_eq!(keys.unwrap_body_key(Home(6), &stored).err(), Some(CipherError::NotAuthentic));
    assert_eq!(keys_of(1, 2).unwrap_body_key(Home(5), &stored).err(), Some(CipherError::NotAuthentic));
    assert_eq!(keys_of(2, 1).unwrap_body_key(Home(5), &stored).err(), Some(CipherError::NotAuthentic));
    assert_eq!(WrappedKey::from_slice(&[0; 43]).err(), Some(CipherError::TooShort));
    let other = keys.new_body_key(Home(5)).0;
    assert_eq!(other.open(b"context", &sealed).err(), Some(CipherError::NotAuthentic));
}

#[test]
fn the_keys_of_a_tenant_are_different_keys() {
    let keys = keys_of(1, 1);
    let mut sealed = Vec::new();
    keys.audit_key().seal(b"", b"event", &mut sealed);
    assert!(keys.audit_key().open(b"", &sealed).is_ok());
    assert!(keys.shared_body_key().open(b"", &sealed).is_err());
    assert!(keys.wrap.open(b"", &sealed).is_err());
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_nothing_else_does(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        aad in proptest::collection::vec(any::<u8>(), 0..40),
        other in proptest::collection::vec(any::<u8>(), 0..40),
        at in any::<proptest::sample::Index>(),
        bit in 0_u8..8,
        shorter in 1_usize..40,
    ) {
        let key = keys_of(3, 1).shared_body_key();
        let mut sealed = b"before".to_vec();
        key.seal(&aad, &plain, &mut sealed);
        let sealed = sealed.split_off(6);
        prop_assert_eq!(sealed.len(), plain.len() + SEAL_OVERHEAD_BYTES);
        prop_assert_eq!(key.open(&aad, &sealed), Ok(plain));
        if aad != other {
            prop_assert_eq!(key.open(&other, &sealed), Err(CipherError::NotAuthentic));
        }
        let mut flipped = sealed.clone();
        flipped[at.index(sealed.len())] ^= 1 << bit;
        let mut buffer = b"old content".to_vec();
        prop_assert_eq!(key.open_into(&aad, &flipped, &mut buffer), Err(CipherError::NotAuthentic));
        prop_assert!(buffer.is_empty());
        prop_assert!(key.open(&aad, &sealed[..sealed.len().saturating_sub(shorter)]).is_err());
    }

    /// Few values and two key rings, so that slots are shared and replaced all the time.
    #[test]
    fn remembered_hashes_are_the_plain_ones(
        asked in proptest::collection::vec((any::<bool>(), 0_usize..9, proptest::collection::vec(0_u8..3, 0..70)), 1..200),
    ) {
        let rings = [keys_of(1, 1), keys_of(1, 2)];
        let domains = [
            Domain::Code, Domain::System, Domain::Text, Domain::Uri, Domain::Id,
            Domain::Reference, Domain::Prefix, Domain::Page, Domain::Claim,
        ];
        for (ring, domain, bytes) in &asked {
            let (keys, domain) = (&rings[usize::from(*ring)], domains[*domain]);
            let mac = keys.mac(domain, bytes);
            prop_assert_eq!(keys.hash64(domain, bytes), u64::from_be_bytes(mac[..8].try_into().unwrap()));
            prop_assert_eq!(keys.hash32(domain, bytes), u32::from_be_bytes(mac[..4].try_into().unwrap()));
        }
    }
}

#[test]
fn two_values_in_one_slot_do_not_take_each_others_hash() {
    let keys = keys_of(9, 9);
    let values: Vec<Vec<u8>> = (0..5000_u32).map(|number| number.to_be_bytes().to_vec()).collect();
    let first: Vec<u64> = values.iter().map(|value| keys.hash64(Domain::Code, value)).collect();
    let again: Vec<u64> = values.iter().map(|value| keys.hash64(Domain::Code, value)).collect();
    assert_eq!(first, again);
    let distinct: std::collections::HashSet<u64> = first.into_iter().collect();
    assert_eq!(distinct.len(), values.len());
}

/// More tenants than slots: some of them must share one.
#[test]
fn two_tenants_do_not_take_each_others_hash() {
    for tenant in 0..u32::try_from(HOT_SLOTS).unwrap() + 100 {
        let keys = keys_of(9, tenant);
        assert_eq!(
            keys.hash64(Domain::Uri, b"urn:oid:1"),
            first_eight(&keys.mac(Domain::Uri, b"urn:oid:1")),
            "{tenant}"
        );
    }
}

#[test]
fn nothing_of_a_key_is_printed() {
    let master = MasterKey::from_bytes([0xab; 32]);
    let keys = TenantKeys::derive(&master, TenantId(1));
    let (body, wrapped) = keys.new_body_key(Home(1));
    let printed = format!("{master:?} {keys:?} {body:?} {wrapped:?} {:?}", master.to_text());
    assert!(!printed.contains("abab") && !printed.contains("171"), "{printed}");
}
