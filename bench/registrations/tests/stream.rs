//! What the stream promises.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{HashMap, HashSet};

use registrations::{Generator, Kind, Order, Profile, Registration, Tables};

fn rows(profile: &str, people: u64, seed: u64, storm: u64) -> Vec<Registration> {
    let tables = Tables::load().unwrap();
    let profile = Profile::built_in(profile).unwrap();
    let order = Order { people, seed, storm, ..Order::default() };
    Generator::new(&tables, &profile, &order).collect()
}

/// The cells of a row: names of people from abroad may be quoted.
fn cells(row: &Registration) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in row.cells.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

#[test]
fn the_same_order_makes_the_same_rows() {
    assert_eq!(rows("rural", 500, 9, 0), rows("rural", 500, 9, 0));
    assert_ne!(rows("rural", 500, 9, 0), rows("rural", 500, 10, 0));
}

#[test]
fn every_person_is_registered_and_every_row_has_ten_cells() {
    let rows = rows("migrant", 3_000, 2, 0);
    let people: HashSet<u64> = rows.iter().map(|row| row.person).collect();
    assert_eq!(people.len(), 3_000);
    for row in &rows {
        assert_eq!(cells(row).len(), 10, "{}", row.cells);
    }
}

#[test]
fn numbers_and_telephones_belong_to_nobody() {
    for profile in ["city", "rural", "migrant"] {
        for row in rows(profile, 5_000, 3, 0) {
            let cells = cells(&row);
            let (number, phone) = (&cells[3], &cells[7]);
            let changed = row.kinds.has(Kind::DamagedNumber) || row.kinds.has(Kind::PlaceholderDocument);
            if number.len() == 18 && number.is_ascii() && !number.starts_with(' ') && !changed {
                let compatriot = ["81", "82", "83"].contains(&&number[..2]) && &number[14..15] == "9";
                assert!(number.starts_with("99") || compatriot, "{number}");
            }
            if phone.len() == 11 && phone.is_ascii() && !row.kinds.has(Kind::PlaceholderPhone) {
                assert!(phone.starts_with("100"), "{phone}");
            }
        }
    }
}

#[test]
fn every_kind_of_difficulty_comes_up() {
    let mut seen = HashMap::<&str, usize>::new();
    for (profile, seed) in [("city", 1), ("rural", 2), ("migrant", 3)] {
        for row in rows(profile, 20_000, seed, 1) {
            for word in row.kinds.words() {
                *seen.entry(word).or_default() += 1;
            }
        }
    }
    assert_eq!(seen.len(), 40, "{seen:?}");
}

#[test]
fn a_storm_has_one_telephone() {
    let rows = rows("city", 2_000, 4, 700);
    let storm: Vec<_> = rows.iter().filter(|row| row.kinds.has(Kind::Storm)).collect();
    assert_eq!(storm.len(), 700);
    assert!(storm.iter().all(|row| cells(row)[7] == "10090009000"));
    assert!(storm.iter().map(|row| row.person).collect::<HashSet<_>>().len() > 200);
}
