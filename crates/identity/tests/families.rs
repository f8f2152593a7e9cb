//! Whole decisions with the shipped model: who becomes one person, and what people are asked.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use identity::batch::{Frozen, Linked, link};
use identity::cluster::{ReviewKind, Wishes};
use identity::packed::Packed;
use identity::standardise::{Regions, Registration, document, standardise};

fn number(body: u64) -> String {
    let check = document::check_of(body);
    if check == 10 { format!("{body}X") } else { format!("{body}{check}") }
}

fn linked(all: &[Registration<'_>]) -> Linked {
    let (regions, _) = Regions::read("code,name\n990000,演示省\n990121,望岚县\n");
    let mut packed: Vec<Packed> = all.iter().map(|one| Packed::new(&standardise(one, &regions))).collect();
    let frozen = Frozen::shipped().expect("the shipped model is of this version");
    frozen.apply(&mut packed);
    link(&packed, &frozen, &Wishes::default())
}

fn persons(linked: &Linked) -> usize {
    let mut clusters = linked.clusters.cluster_of.clone();
    clusters.sort_unstable();
    clusters.dedup();
    clusters.len()
}

#[test]
fn of_twins_nobody_says_which_one_the_named_child_is() {
    let born = Registration {
        name: "林春燕之大女",
        sex: "2",
        birth_date: "2024-05-02",
        phone: "10012340007",
        address: "望岚县槐溪镇桃源路7号2单元302室",
        reg_date: "2024-05-03",
        ..Registration::default()
    };
    let named = Registration { name: "李沐瑶", reg_date: "2025-01-09", ..born };
    let found = linked(&[born, named]);
    assert_eq!(persons(&found), 2);
    assert_eq!(found.clusters.queue.len(), 1, "people are asked: {:?}", found.clusters.queue);
    let alone = Registration { name: "林春燕之女", ..born };
    assert_eq!(persons(&linked(&[alone, named])), 1, "nothing says that there are two");
}

#[test]
fn a_brother_and_a_sister_with_one_card_are_a_question() {
    let card = number(99_012_119_700_725_452);
    let sister = Registration {
        id_no: &card,
        name: "汤永云",
        sex: "2",
        birth_date: "1970-07-25",
        phone: "10081029547",
        ..Registration::default()
    };
    let brother = Registration { name: "汤永晨", sex: "1", phone: "10019226150", ..sister };
    let found = linked(&[sister, brother]);
    assert_eq!(persons(&found), 2);
    assert!(found.clusters.queue.iter().any(|row| row.kind == ReviewKind::DocumentConflict));
    let slip = Registration { sex: "2", ..brother };
    assert_eq!(
        persons(&linked(&[sister, slip])),
        1,
        "one character of the name is a slip when nothing else speaks against it"
    );
    let wrong_sex = Registration { name: sister.name, ..brother };
    assert_eq!(persons(&linked(&[sister, wrong_sex])), 1, "the whole name outweighs a wrong sex");
}

#[test]
fn a_name_that_a_program_cut_off_is_no_other_person_s() {
    for (whole, cut) in [("Viktor Larsen", "LARSEN VIK"), ("阿苏·木果", "阿苏"), ("阿不力孜·库尔班", "阿不力孜")]
    {
        let passport = if whole.is_ascii() { "K99251548".to_owned() } else { number(99_012_119_410_405_003) };
        let one = Registration {
            id_no: &passport,
            name: whole,
            sex: "1",
            birth_date: "1941-04-05",
            ..Registration::default()
        };
        let other = Registration { name: cut, phone: "10048486509", ..one };
        assert_eq!(persons(&linked(&[one, other])), 1, "{whole} and {cut}");
    }
    // The family name alone is a family's.
    let father = Registration {
        id_no: "K99251548",
        name: "Viktor Larsen",
        sex: "1",
        birth_date: "1941-04-05",
        ..Registration::default()
    };
    let son = Registration { name: "Erik Larsen", ..father };
    assert_eq!(persons(&linked(&[father, son])), 2);
}

#[test]
fn numbers_of_compatriots_and_of_foreigners_are_two_people_s_when_they_differ() {
    // 81: from Hong Kong; 9, the province and 840: a foreigner of today's card, and the same of two more.
    for (one, other, name) in [
        (81_000_019_850_312_903, 81_000_019_850_312_905, "陈志明"),
        (81_000_019_850_312_903, 81_000_019_850_312_930, "陈志明"),
        (91_184_019_850_312_301, 91_184_019_850_312_303, "James Smith"),
    ] {
        let (one, other) = (number(one), number(other));
        let left = Registration {
            id_no: &one,
            name,
            sex: "1",
            birth_date: "1985-03-12",
            phone: "10011110007",
            ..Registration::default()
        };
        let right = Registration { id_no: &other, phone: "10022220008", ..left };
        assert_eq!(persons(&linked(&[left, right])), 2, "{one} and {other}");
        assert_eq!(persons(&linked(&[left, Registration { phone: "10022220008", ..left }])), 1, "{one} twice");
        assert_eq!(persons(&linked(&[left, left, right, right])), 2, "{one} and {other}, twice each");
    }
    let right = number(81_000_019_850_312_903);
    let wrong = right.replacen("19850", "19580", 1);
    let said = |id_no, phone| Registration { id_no, name: "陈志明", sex: "1", phone, ..Registration::default() };
    assert_eq!(persons(&linked(&[said(&right, "10011110007"), said(&wrong, "10011110007")])), 1, "a slip");
}
