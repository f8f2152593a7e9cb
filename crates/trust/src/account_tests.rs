use super::*;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn doctor() -> Account {
    let mut account = Account::new("dr.li", Role::Clinician, TenantId(1));
    account.password = Some(PasswordHash::of("dr.li", &secret("Correct-Horse-9")).unwrap());
    account
}

#[test]
fn a_password_matches_itself_only() {
    let account = doctor();
    let hash = account.password.as_ref().unwrap();
    assert!(hash.matches(&secret("Correct-Horse-9")));
    assert!(!hash.matches(&secret("Correct-Horse-8")));
    assert!(!hash.matches(&secret("")));
    assert!(!hash.matches(&secret(&"x".repeat(PASSWORD_BYTES_MAX + 1))));
    assert!(!PasswordHash::matches_nobody(&secret("Correct-Horse-9")));
    assert!(!PasswordHash::matches_nobody(&secret(&"x".repeat(10_000))));
    assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "parameters are stored with the hash");
    assert_ne!(hash.0, doctor().password.unwrap().0, "the salt is random");
}

#[test]
fn a_broken_stored_hash_matches_nothing() {
    for broken in ["", "$argon2id$", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$AAAA"] {
        assert!(!PasswordHash(broken.to_owned()).matches(&secret("plain text")), "{broken}");
    }
}

/// When the constants are raised one day, people still sign in with what was stored before.
#[test]
fn hashes_with_other_parameters_still_match() {
    let older = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 2, None).unwrap());
    let hash = older.hash_password_with_salt(b"Correct-Horse-9", &[7; 16]).unwrap();
    let hash = PasswordHash(hash.to_string());
    assert!(hash.matches(&secret("Correct-Horse-9")) && !hash.matches(&secret("Correct-Horse-8")));
}

#[test]
fn weak_passwords_are_refused_with_the_rule() {
    let table = [
        ("Short-1", Err(PasswordError::TooShort)),
        ("", Err(PasswordError::TooShort)),
        ("alllowercase", Err(PasswordError::TooPlain)),
        ("lower1234567", Err(PasswordError::TooPlain)),
        ("Aa1Aa1Aa1Aa1", Err(PasswordError::TooPlain)),
        ("aaaaaaaaaaaaaaaaaaaaaaaaa", Err(PasswordError::TooPlain)),
        ("my-DR.LI-pass-1", Err(PasswordError::ContainsName)),
        ("Correct-Horse-9", Ok(())),
        ("correct horse battery staple", Ok(())),
        ("康脉平台的第一个口令Abc9", Ok(())),
    ];
    for (password, expected) in table {
        assert_eq!(check_password_rules("dr.li", password), expected, "{password}");
    }
    assert_eq!(check_password_rules("x", &"aB3-".repeat(100)), Err(PasswordError::TooLong));
}

#[test]
fn five_wrong_passwords_lock_for_a_quarter_of_an_hour() {
    let mut account = doctor();
    let now_ms = 1_000_000;
    for tries_left in (1..FAILURES_UNTIL_LOCK).rev() {
        assert_eq!(account.note_try(false, now_ms), Login::Wrong { tries_left });
    }
    let until_ms = now_ms + LOCK_MS;
    assert_eq!(account.note_try(false, now_ms), Login::Locked { until_ms });
    // Even the right password does not help, and is not looked at.
    assert_eq!(account.sign_in(&secret("Correct-Horse-9"), until_ms - 1), Login::Locked { until_ms });
    assert_eq!(account.sign_in(&secret("Correct-Horse-9"), until_ms), Login::Granted);
    assert_eq!((account.failures, account.locked_until_ms), (0, None));
}

#[test]
fn a_lock_that_ended_gives_all_tries_back_and_locks_again() {
    let mut account = doctor();
    for _ in 0..FAILURES_UNTIL_LOCK {
        account.note_try(false, 0);
    }
    assert!(account.may_try(LOCK_MS).is_ok());
    assert_eq!(account.note_try(false, LOCK_MS), Login::Wrong { tries_left: FAILURES_UNTIL_LOCK - 1 });
    for _ in 1..FAILURES_UNTIL_LOCK {
        account.note_try(false, LOCK_MS);
    }
    assert_eq!(account.may_try(LOCK_MS + 1).err(), Some(Login::Locked { until_ms: 2 * LOCK_MS }));
    account.unlock();
    assert!(account.may_try(LOCK_MS + 1).is_ok());
}

#[test]
fn a_right_password_forgets_the_wrong_ones() {
    let mut account = doctor();
    account.note_try(false, 0);
    account.note_try(false, 0);
    assert_eq!(account.note_try(true, 0), Login::Granted);
    assert_eq!(account.failures, 0);
}

#[test]
fn accounts_that_are_off_or_have_no_password_sign_nobody_in() {
    let mut account = doctor();
    account.disabled = true;
    assert_eq!(account.sign_in(&secret("Correct-Horse-9"), 0), Login::Refused);
    let mut without = Account::new("his", Role::Machine, TenantId(1));
    assert_eq!(without.sign_in(&secret(""), 0), Login::Refused);
}

#[test]
fn tokens_are_found_by_their_digest() {
    let token = Token::generate();
    let mut account = Account::new("his", Role::Machine, TenantId(1));
    assert!(!account.accepts_token(&token));
    account.token_digest = Some(token.digest());
    assert!(token.expose().starts_with("km_") && token.expose().len() == 46);
    assert!(account.accepts_token(&Token::parse(token.expose()).unwrap()));
    assert!(!account.accepts_token(&Token::generate()));
    account.disabled = true;
    assert!(!account.accepts_token(&token));
    for bad in ["", "km_", "xx_AAAA", "km_AAAA", &token.expose()[..45], &format!("{}A", token.expose()), "km_ü"] {
        assert!(Token::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn accounts_are_stored_and_read_again_whole() {
    let mut account = doctor();
    account.grants = "user/*.rs label/R".parse().unwrap();
    account.patients = [Home(3), Home(u64::MAX)].into();
    account.token_digest = Some(Token::generate().digest());
    account.institution = Some("county-hospital".into());
    account.note_try(false, 5);
    let json = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
    let least = r#"{"name":"a","display_name":"A","role":"audit-administrator","tenant":1}"#;
    assert!(serde_json::from_str::<Account>(least).unwrap().grants.is_empty());
}

#[test]
fn every_role_has_its_word() {
    for role in Role::ALL {
        assert_eq!(role.code().parse(), Ok(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.code());
    }
    assert!("root".parse::<Role>().unwrap_err().to_string().contains("audit-administrator"));
}

#[test]
fn debug_shows_no_secret() {
    let token = Token::generate();
    let mut account = doctor();
    account.token_digest = Some(token.digest());
    let printed = format!("{account:?} {account:#?} {:?} {token:?} {:?}", account.actor(), account.password);
    let digest = token.digest();
    let stored = account.password.as_ref().unwrap().0.as_str();
    for hidden in [token.expose(), &token.expose()[3..], stored, "argon2", &hex::encode(digest), &format!("{digest:?}")]
    {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    assert!(printed.contains("dr.li"));
}
