//! The rules of standardisation and comparison as tables of cases: `tests/data/*.tsv`.

use identity::compare::{Field, address, birth, compare, name};
use identity::packed::Packed;
use identity::standardise::{Date, Regions, Registration, date, document, phone, standardise};

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

fn level_of(field: Field, one: &Registration<'_>, other: &Registration<'_>) -> u8 {
    let pack = |sent| Packed::new(&standardise(sent, &Regions::default()));
    let (one, other) = (pack(one), pack(other));
    let levels = compare(&one, &other);
    assert_eq!(levels, compare(&other, &one), "comparison is symmetric");
    levels.of(field)
}

#[test]
fn documents_are_typed_by_their_shape() {
    for row in rows(include_str!("data/documents.tsv")) {
        let read = document::read(row[0], row[1], &Regions::default());
        assert_eq!(format!("{:?}", read.kind), row[2], "{row:?}");
        assert_eq!(read.birth.to_string(), row[3], "{row:?}");
        assert_eq!(read.sex.to_string(), row[4], "{row:?}");
        if let Some(same) = row.get(5).filter(|same| !same.is_empty()) {
            assert_eq!(read, document::read(same, row[1], &Regions::default()), "{row:?}");
        }
    }
}

#[test]
fn invented_regions_are_real_only_with_a_layer() {
    let body = 99_012_119_850_601_001_u64;
    let check = document::check_of(body);
    let number = format!("{body}{}", if check == 10 { "X".to_owned() } else { check.to_string() });
    assert_eq!(document::read(&number, "01", &Regions::default()).kind, document::DocumentKind::Other);
    let (layer, skipped) = Regions::read("code,name\n990000,演示省\n990121,望岚县\nnothing\n");
    assert_eq!(skipped, 1);
    let read = document::read(&number, "01", &layer);
    assert_eq!((read.kind, read.birth), (document::DocumentKind::Resident, Date::new(1985, 6, 1)));
    assert_eq!(layer.county("望岚县"), Some(990_121));
    assert_eq!(layer.county("望岚"), Some(990_121));
}

#[test]
fn every_wrong_digit_and_every_swap_is_seen_by_the_check() {
    let right = 11_010_519_491_231_002_u64;
    let check = document::check_of(right);
    assert_eq!(check, 10);
    for place in 0..17_u32 {
        let unit = 10_u64.pow(place);
        let digit = right / unit % 10;
        for other in (0..10).filter(|other| *other != digit) {
            assert_ne!(document::check_of(right - digit * unit + other * unit), check);
        }
    }
}

#[test]
fn names_compare() {
    for row in rows(include_str!("data/names.tsv")) {
        let sent = |name| Registration { name, ..Registration::default() };
        let expected = match row[2] {
            "same" => name::SAME,
            "sound" => name::SOUND,
            "turned" => name::TURNED,
            "one-given" => name::ONE_GIVEN,
            "part" => name::PART,
            "given" => name::GIVEN,
            "surname" => name::SURNAME,
            "different" => name::DIFFERENT,
            "mother-same" => name::MOTHER_SAME,
            "mother-different" => name::MOTHER_DIFFERENT,
            _ => 0,
        };
        assert_eq!(level_of(Field::Name, &sent(row[0]), &sent(row[1])), expected, "{row:?}");
    }
}

#[test]
fn one_number_and_one_whole_name_are_one_card_whatever_the_birth_date() {
    // The number that GB 11643 gives as its example, of a woman born on the last day of 1949.
    let said = |name, birth_date, sex| Registration {
        id_type: "01",
        id_no: "11010519491231002X",
        name,
        birth_date,
        sex,
        ..Registration::default()
    };
    let fits = said("陈明慧", "1949-12-31", "2");
    let of = |other: &Registration<'_>| level_of(Field::Document, &fits, other);
    assert_eq!(of(&said("陈明慧", "1948-03-09", "2")), identity::compare::document::SAME);
    // Another name, or another sex: whose card it is, is a question.
    assert_eq!(of(&said("陈明光", "1948-03-09", "2")), identity::compare::document::SAME_DOUBTFUL);
    assert_eq!(of(&said("陈明慧", "1948-03-09", "1")), identity::compare::document::SAME_DOUBTFUL);
}

#[test]
fn dates_are_read() {
    for row in rows(include_str!("data/dates.tsv")) {
        assert_eq!(date::read(row[0]).date.to_string(), row.get(1).copied().unwrap_or(""), "{row:?}");
    }
    assert!(date::read("农历1962-11-03").is_lunar);
}

#[test]
fn birth_dates_compare() {
    for row in rows(include_str!("data/births.tsv")) {
        let sent = |birth_date| Registration { birth_date, ..Registration::default() };
        let expected = match row[2] {
            "same" => birth::SAME,
            "lunar" => birth::LUNAR,
            "slip" => birth::SLIP,
            "year-only" => birth::YEAR_ONLY,
            "same-year" => birth::SAME_YEAR,
            "near" => birth::NEAR,
            "different" => birth::DIFFERENT,
            "month" => birth::MONTH,
            _ => 0,
        };
        assert_eq!(level_of(Field::Birth, &sent(row[0]), &sent(row[1])), expected, "{row:?}");
    }
}

#[test]
fn telephones_are_read() {
    for row in rows(include_str!("data/phones.tsv")) {
        assert_eq!(phone::read(row[0]).to_string(), row[1], "{row:?}");
    }
}

#[test]
fn addresses_compare() {
    for row in rows(include_str!("data/addresses.tsv")) {
        let sent = |address| Registration { address, ..Registration::default() };
        let expected = match row[2] {
            "flat" => address::FLAT,
            "house" => address::HOUSE,
            "road" => address::ROAD,
            "other-flat" => address::OTHER_FLAT,
            "other-house" => address::OTHER_HOUSE,
            "county" => address::COUNTY,
            "different" => address::DIFFERENT,
            _ => 0,
        };
        assert_eq!(level_of(Field::Address, &sent(row[0]), &sent(row[1])), expected, "{row:?}");
    }
}
