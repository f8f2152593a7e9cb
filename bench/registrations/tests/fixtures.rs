//! The traps in `tests/identity` agree with themselves.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

fn rows(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).unwrap();
    // No cell of the records is quoted; reasons in `expected.csv`, the last column, may be.
    text.lines().skip(1).map(|line| line.splitn(11, ',').map(str::to_owned).collect()).collect()
}

fn traps() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/identity");
    let mut traps: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    traps.sort();
    assert!(traps.len() >= 20, "{traps:?}");
    traps
}

fn check_character(digits: &str) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    b"10X98765432"[(sum % 11) as usize].into()
}

#[test]
fn outcomes_agree_with_the_truth() {
    for trap in traps() {
        let at = trap.display();
        let records: HashSet<String> = rows(&trap.join("records.csv")).into_iter().map(|row| row[0].clone()).collect();
        let truth: HashMap<String, String> =
            rows(&trap.join("truth.csv")).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        assert_eq!(records, truth.keys().cloned().collect(), "{at}");
        let expected = rows(&trap.join("expected.csv"));
        assert!(!expected.is_empty(), "{at}");
        for row in expected {
            let one_person = truth[&row[0]] == truth[&row[1]];
            match row[2].as_str() {
                "link" | "link_or_review" => assert!(one_person, "{at} {row:?}"),
                "separate" if at.to_string().ends_with("two_valid_numbers") => {}
                "separate" => assert!(!one_person, "{at} {row:?}"),
                outcome => assert_eq!(outcome, "document_conflict", "{at}"),
            }
        }
    }
}

#[test]
fn numbers_are_invented_and_right_where_they_should_be() {
    let regions = include_str!("../data/regions.csv");
    let known = |code: &str| regions.lines().any(|line| line.starts_with(&format!("{code},")));
    let mut checked = 0;
    for trap in traps() {
        for row in rows(&trap.join("records.csv")) {
            let (number, phone) = (row[4].to_uppercase(), &row[8]);
            if number.len() == 18 && number.is_ascii() && !number.contains(' ') {
                let filler = ["000000", "111111", "123456", "990000"].contains(&&number[..6]);
                let wrong = trap.ends_with("typed_numbers") && ["A2", "A3"].contains(&row[0].as_str());
                let right = check_character(&number[..17]) == number.chars().last().unwrap();
                assert_eq!(right && !filler, !filler && !wrong, "{} {row:?}", trap.display());
                let compatriot = number.starts_with('8') && number.as_bytes()[14] == b'9';
                assert!(filler || compatriot || number.starts_with("999") || known(&number[..6]) || wrong, "{row:?}");
                checked += 1;
            }
            let placeholder = phone.is_empty() || trap.ends_with("placeholders");
            assert!(placeholder || phone.starts_with("100"), "{row:?}");
        }
    }
    assert!(checked > 80, "{checked}");
}
