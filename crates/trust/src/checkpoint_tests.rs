use super::*;
use crate::merkle::leaf_hash;

fn hex_bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(char::is_whitespace, "")).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { tenant: TenantId(1), size: 1_048_576, root: leaf_hash(b"root"), at_ms: 1_700_000_000_120 }
}

/// GB/T 32918.5-2017, annex A.2 (the same as GM/T 0003.5): the published key, id, message and signature.
#[test]
fn the_published_sm2_signature_verifies_and_a_changed_one_does_not() {
    let public = hex_bytes(
        "04 09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
            CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
    );
    let signature = hex_bytes(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
         B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA",
    );
    let key = VerifyingKey::from_bytes(&public).unwrap();
    assert!(key.verify(b"message digest", &signature));
    assert!(!key.verify(b"message digesT", &signature));
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert!(!key.verify(b"message digest", &changed), "{at}");
    }
    assert!(!key.verify(b"message digest", &signature[..63]) && !key.verify(b"message digest", &[0; 64]));
    let private = hex_bytes("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    assert_eq!(SigningKey::from_bytes(&private).unwrap().verifying_key(), key);
}

#[test]
fn keys_survive_being_stored() {
    let key = SigningKey::generate();
    let again = SigningKey::from_bytes(key.to_bytes().expose()).unwrap();
    let public = again.verifying_key();
    assert_eq!(public, key.verifying_key());
    assert_eq!(VerifyingKey::from_text(&public.to_text()).unwrap(), public);
    assert_eq!((public.to_bytes().len(), public.to_bytes()[0]), (65, 4));
    assert!(public.verify(b"m", &key.sign(b"m").unwrap()));
    for bad in [vec![], vec![0; 32], vec![0xff; 32], vec![1; 31]] {
        assert_eq!(SigningKey::from_bytes(&bad).err(), Some(CheckpointError::NotAKey));
        assert_eq!(VerifyingKey::from_bytes(&bad).err(), Some(CheckpointError::NotAKey));
    }
    let printed = format!("{key:?}");
    assert_eq!(printed, "SigningKey(***)");
}

#[test]
fn a_checkpoint_is_read_as_it_was_signed() {
    let key = SigningKey::generate();
    let signed = checkpoint().sign(&key).unwrap();
    let text = signed.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(&lines[..2], ["kangmai/audit/1", "1048576"]);
    assert_eq!(&lines[3..5], ["2023-11-14T22:13:20.120Z", ""]);
    assert!(lines[5].starts_with("— kangmai/audit/1 "));
    let parsed = SignedCheckpoint::parse(&text).unwrap();
    assert_eq!(parsed, signed);
    assert_eq!(parsed.verify(&key.verifying_key()), Ok(&checkpoint()));
    assert_eq!(parsed.verify(&SigningKey::generate().verifying_key()), Err(CheckpointError::OtherKey));
}

#[test]
fn any_changed_character_is_noticed() {
    let key = SigningKey::generate();
    let text = checkpoint().sign(&key).unwrap().to_string();
    let public = key.verifying_key();
    let accepted = |text: &str| SignedCheckpoint::parse(text).and_then(|parsed| parsed.verify(&public).cloned());
    assert!(accepted(&text).is_ok());
    for (at, old) in text.char_indices() {
        for new in ['0', '1', 'A', 'b', ' ', '\n', '='] {
            let changed = format!("{}{new}{}", &text[..at], &text[at + old.len_utf8()..]);
            assert!(changed == text || accepted(&changed).is_err(), "{at}: {old:?} -> {new:?}");
        }
        // Only the line end of the last line may be missing.
        let shorter = format!("{}{}", &text[..at], &text[at + old.len_utf8()..]);
        assert!(accepted(&shorter).is_err() || at + 1 == text.len(), "without {at}");
    }
}

#[test]
fn what_is_no_checkpoint_is_refused_at_its_line() {
    let key = SigningKey::generate();
    let text = checkpoint().sign(&key).unwrap().to_string();
    let table = [
        (text.replacen("kangmai/audit/1\n", "other/audit/1\n", 1), 1),
        (text.replacen("kangmai/audit/1\n", "kangmai/audit/01\n", 1), 1),
        (text.replacen("1048576", "+1048576", 1), 2),
        (text.replacen("1048576", "01048576", 1), 2),
        (text.replacen("1048576", "99999999999999999999", 1), 2),
        (text.replacen(".120Z", ".12Z", 1), 4),
        (text.replacen("\n\n", "\nmore\n", 1), 5),
        (text.replacen("\n\n", "\n", 1), 6),
        (text.replacen("— kangmai", "- kangmai", 1), 6),
        (format!("{text}another line\n"), 6),
        ("x".repeat(TEXT_BYTES_MAX + 1), 1),
    ];
    for (text, line) in table {
        assert_eq!(SignedCheckpoint::parse(&text).err(), Some(CheckpointError::Shape(line)), "{text}");
    }
}
