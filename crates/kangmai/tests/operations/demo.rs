//! The synthetic city on the real binary: everything that goes in is found again, and one changed value of the truth is noticed.

use crate::support::kangmai;

/// A small city through every door; the check compares it with the truth by public interfaces only.
fn check(extra: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = kangmai()
        .args(["demo", "--people", "40", "--years", "1", "--seed", "5", "--listen", "127.0.0.1:0", "--check", "--data"])
        .arg(folder.path().join("data"))
        .args(extra)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

#[test]
fn the_city_agrees_with_its_truth() {
    let (code, said) = check(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the server and the truth agree"), "{said}");
}

#[test]
fn one_changed_value_of_the_truth_is_noticed() {
    let (code, said) = check(&["--falsify"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("DIFFERENT residents"), "{said}");
}
