//! What the ciphers cost here: `cargo test --release -p trust --test measure -- --ignored --nocapture`.
//!
//! CPU time of one thread (Linux `schedstat`, so that other work on the machine hardly counts), best of five runs; the
//! figures in `docs/decisions/0004-sm-ciphers.md` come from here.

use std::hint::black_box;
use std::io::Write as _;

use model::{Home, Purpose, TenantId};
use trust::merkle::{CompactRange, leaf_hash};
use trust::{
    Account, Checkpoint, Domain, Interaction, MasterKey, PasswordHash, Role, Secret, SigningKey, TenantKeys, decide,
    scope,
};

/// Nanoseconds that this thread has spent on a core.
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

fn measure<T>(name: &str, times: u32, bytes: usize, mut work: impl FnMut(u32) -> T) {
    let mut best_us = f64::INFINITY;
    for _ in 0..5 {
        let start_ns = cpu_ns();
        for round in 0..times {
            black_box(work(round));
        }
        best_us = best_us.min((cpu_ns() - start_ns) / 1e3 / f64::from(times));
    }
    let rate = if bytes == 0 { String::new() } else { format!("{:8.1} MB/s", bytes as f64 / best_us) };
    let _ = writeln!(std::io::stderr(), "{name:<44} {best_us:>10.3} us {rate}");
}

#[test]
#[ignore = "a measurement, not a check"]
fn what_it_costs() {
    let keys = TenantKeys::derive(&MasterKey::generate(), TenantId(1));
    measure("hash64, Text, 12 bytes (HMAC)", 100_000, 0, |round| {
        keys.hash64(Domain::Text, &[round.to_be_bytes(), [1; 4], [2; 4]].concat())
    });
    measure("hash64, Reference, 60 bytes (HMAC)", 100_000, 0, |_| keys.hash64(Domain::Reference, &[7; 60]));
    measure("hash64, Code, 8 bytes, met before", 1_000_000, 0, |round| {
        keys.hash64(Domain::Code, [b"73211009", b"38341003", b"44054006"][round as usize % 3])
    });
    measure("hash64, Code, 8 bytes, never met", 100_000, 0, |round| {
        keys.hash64(Domain::Code, &u64::from(round.wrapping_mul(2_654_435_761)).to_be_bytes())
    });
    measure("hash32, System, 22 bytes, met before", 1_000_000, 0, |_| {
        keys.hash32(Domain::System, b"http://snomed.info/sct")
    });
    let (body, wrapped) = keys.new_body_key(Home(1));
    for size in [256, 1024, 4096, 65_536] {
        let plain = vec![0x5a; size];
        let mut sealed = Vec::with_capacity(size + 28);
        measure(&format!("seal {size} bytes"), 2_000_000 / size as u32, size, |_| {
            sealed.clear();
            body.seal(b"0123456789abcdef", &plain, &mut sealed);
        });
        let mut opened = Vec::new();
        measure(&format!("open {size} bytes"), 2_000_000 / size as u32, size, |_| {
            body.open_into(b"0123456789abcdef", &sealed, &mut opened)
        });
    }
    measure("new body key, wrapped", 20_000, 0, |_| keys.new_body_key(Home(1)));
    measure("unwrap body key", 20_000, 0, |_| keys.unwrap_body_key(Home(1), &wrapped));
    measure("derive the keys of a tenant", 5_000, 0, |_| {
        TenantKeys::derive(&MasterKey::from_bytes([1; 32]), TenantId(2))
    });

    let event = vec![0x33; 300];
    let mut range = CompactRange::new();
    measure("audit: leaf hash of 300 bytes and append", 200_000, 300, |_| range.append(leaf_hash(&event), |_, _| {}));
    let signing = SigningKey::generate();
    let verifying = signing.verifying_key();
    let checkpoint = Checkpoint { tenant: TenantId(1), size: range.size(), root: range.root(), at_ms: 0 };
    let signed = checkpoint.clone().sign(&signing).unwrap();
    measure("checkpoint: SM2 sign", 1_000, 0, |_| checkpoint.clone().sign(&signing));
    measure("checkpoint: SM2 verify", 1_000, 0, |_| signed.verify(&verifying).is_ok());

    let password = Secret::new("Correct-Horse-9".to_owned());
    let hash = PasswordHash::of("dr.li", &password).unwrap();
    measure("password check, argon2id", 5, 0, |_| hash.matches(&password));

    let mut account = Account::new("dr.li", Role::Clinician, TenantId(1));
    account.grants = "user/*.rs user/Observation.cruds".parse().unwrap();
    let actor = account.actor();
    measure("decide", 1_000_000, 0, |_| decide(&actor, Interaction::Read, "Observation", Purpose::Treatment));
    measure("scope", 100_000, 0, |_| scope(&actor, Purpose::Treatment));
}
