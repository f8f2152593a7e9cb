//! Laws: readers never panic, comparison is symmetric, and the partition does not depend on the order of arrival.

use std::io::BufReader;

use identity::batch::{Frozen, Input, link};
use identity::cluster::{ReviewKind, Wishes};
use identity::evaluate::evaluate;
use identity::index::{Decision, Index, SnapshotError};
use identity::packed::Packed;
use identity::standardise::{Regions, Registration, document, standardise};
use identity::table::read_columns;
use proptest::prelude::*;

const TRAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/identity");
const REGIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/registrations/data/regions.csv");

/// The registrations of all traps together: every kind of hard case, small enough for hundreds of runs.
fn traps() -> Option<(Input, Frozen)> {
    let regions = Regions::read(&std::fs::read_to_string(REGIONS).ok()?).0;
    let mut all = Input::default();
    let mut folders: Vec<_> =
        std::fs::read_dir(TRAPS).ok()?.flatten().map(|entry| entry.path().join("records.csv")).collect();
    folders.sort();
    for path in folders.into_iter().filter(|path| path.is_file()) {
        let file = std::fs::File::open(&path).ok()?;
        let read = Input::read(&mut BufReader::new(file), &regions).ok()?;
        for (at, one) in (0_u32..).zip(read.registrations) {
            all.ids.push(&format!("{}/{}", path.display(), read.ids.get(at)));
            all.registrations.push(one);
        }
    }
    let frozen = Frozen::learn(&mut all.registrations);
    Some((all, frozen))
}

/// Every cluster as the sorted list of its members' original places.
fn partition(clusters: &[u32], place_of: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: std::collections::BTreeMap<u32, Vec<usize>> = std::collections::BTreeMap::new();
    for (at, cluster) in clusters.iter().enumerate() {
        groups.entry(*cluster).or_default().push(place_of[at]);
    }
    let mut groups: Vec<Vec<usize>> = groups
        .into_values()
        .map(|mut members| {
            members.sort_unstable();
            members
        })
        .collect();
    groups.sort();
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_a_reader_panic(fields in proptest::collection::vec("\\PC{0,40}", 8)) {
        let sent = Registration {
            id_type: &fields[0],
            id_no: &fields[1],
            name: &fields[2],
            sex: &fields[3],
            birth_date: &fields[4],
            phone: &fields[5],
            address: &fields[6],
            reg_date: &fields[7],
            ..Registration::default()
        };
        let packed = Packed::new(&standardise(&sent, &Regions::default()));
        prop_assert_eq!(Packed::from_bytes(&packed.to_bytes()), packed);
        prop_assert_eq!(packed, Packed::new(&standardise(&sent, &Regions::default())));
    }

    #[test]
    fn a_damaged_snapshot_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Index::restore(&bytes).is_err());
    }
}

#[test]
fn the_partition_does_not_depend_on_the_order_of_arrival() {
    let Some((input, frozen)) = traps() else { return };
    let all = &input.registrations;
    let straight: Vec<usize> = (0..all.len()).collect();
    let expected = partition(&link(all, &frozen, &Wishes::default()).clusters.cluster_of, &straight);
    proptest!(ProptestConfig::with_cases(40), |(order in Just(straight).prop_shuffle())| {
        let mixed: Vec<Packed> = order.iter().map(|at| all[*at]).collect();
        let linked = link(&mixed, &frozen, &Wishes::default());
        prop_assert_eq!(&partition(&linked.clusters.cluster_of, &order), &expected);
    });
}

/// 25 registrations at one home and 25 at another under one name and birth date, one valid number on each side.
fn two_crowds() -> Vec<Packed> {
    let number = |body: u64| match document::check_of(body) {
        10 => format!("{body}X"),
        check => format!("{body}{check}"),
    };
    let homes = [
        (number(11_010_519_550_312_011), "10011110001", "北京市朝阳区建国路18号3单元501室"),
        (number(44_030_419_550_312_057), "10022220002", "北京市朝阳区南京路9号2单元302室"),
    ];
    let mut all = Vec::new();
    for (number, phone, address) in &homes {
        for visit in 0..25 {
            let reg_date = format!("20{}-{:02}-{:02}", 10 + visit % 14, 1 + visit % 12, 1 + visit * 7 % 27);
            let sent = Registration {
                id_no: if visit == 12 { number } else { "" },
                name: "欧阳清和",
                sex: "1",
                birth_date: "1955-03-12",
                phone,
                address,
                reg_date: &reg_date,
                ..Registration::default()
            };
            all.push(Packed::new(&standardise(&sent, &Regions::default())));
        }
    }
    all
}

#[test]
fn persons_with_many_registrations_do_not_depend_on_the_order_of_arrival() {
    let mut all = two_crowds();
    let frozen = Frozen::learn(&mut all);
    let straight: Vec<usize> = (0..all.len()).collect();
    let expected = partition(&link(&all, &frozen, &Wishes::default()).clusters.cluster_of, &straight);
    assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [25, 25], "two valid numbers are two persons");
    proptest!(ProptestConfig::with_cases(60), |(order in Just(straight).prop_shuffle())| {
        let mixed: Vec<Packed> = order.iter().map(|at| all[*at]).collect();
        let linked = link(&mixed, &frozen, &Wishes::default());
        prop_assert_eq!(&partition(&linked.clusters.cluster_of, &order), &expected);
    });
}

#[test]
fn what_people_decided_wins() {
    let Some((input, frozen)) = traps() else { return };
    let all = &input.registrations;
    let cluster_of = link(all, &frozen, &Wishes::default()).clusters.cluster_of;
    let joined =
        (0..all.len()).find(|at| cluster_of[*at] as usize != *at).map(|at| (cluster_of[at], at as u32)).unwrap();
    let apart = (0, (1..all.len()).find(|at| cluster_of[*at] != cluster_of[0]).unwrap() as u32);
    let wishes = Wishes { must_link: vec![apart], cannot_link: vec![joined] };
    let after = link(all, &frozen, &wishes).clusters.cluster_of;
    assert_eq!(after[apart.0 as usize], after[apart.1 as usize]);
    assert_ne!(after[joined.0 as usize], after[joined.1 as usize]);
}

#[test]
fn the_index_answers_as_the_batch_links_and_survives_a_snapshot() {
    let Some((input, frozen)) = traps() else { return };
    let mut index = Index::new(frozen.clone());
    let sent = |name, id_no| Registration {
        id_type: "01",
        id_no,
        name,
        sex: "1",
        birth_date: "1985-06-01",
        phone: "10012345678",
        address: "望岚县槐溪镇和平路18号",
        reg_date: "2020-01-01",
        ..Registration::default()
    };
    let pack = |one: &Registration<'_>| {
        let mut packed = Packed::new(&standardise(one, &Regions::default()));
        index.finish(&mut packed);
        packed
    };
    let (first, again) = (pack(&sent("赵望川", "110105198506011014")), pack(&sent("赵望川", "")));
    let other = pack(&sent("钱岚", "110105198506011014"));
    let stranger = pack(&Registration {
        name: "孙静好",
        birth_date: "1950-02-03",
        phone: "10088887777",
        ..Registration::default()
    });
    for one in &input.registrations {
        index.insert(*one);
    }
    assert_eq!(index.candidates(&first, 5).decision, Decision::New);
    let place = index.insert(first);
    let answer = index.candidates(&again, 5);
    assert_eq!((answer.decision, answer.candidates[0].place), (Decision::Link, place));
    assert_eq!(index.candidates(&other, 5).decision, Decision::Review(ReviewKind::DocumentConflict));
    assert_eq!(index.candidates(&stranger, 5).decision, Decision::New);

    let bytes = index.snapshot();
    let restored = Index::restore(&bytes).unwrap();
    assert_eq!(restored.len(), index.len());
    assert_eq!(restored.candidates(&again, 5), answer);
    assert_eq!(Index::restore(&bytes[..bytes.len() - 1]).unwrap_err(), SnapshotError::Damaged);
}

/// The labelled set beside the repository, where there is one: the floors of the first release.
#[test]
fn accuracy_on_the_labelled_set() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/empi/");
    let open = |name: &str| {
        let file = std::fs::File::open(format!("{folder}{name}")).ok()?;
        zstd::Decoder::new(file).ok().map(BufReader::new)
    };
    let (Some(mut records), Some(mut truth)) = (open("dev100k_records.csv.zst"), open("dev100k_truth.csv.zst")) else {
        eprintln!("skipped: the labelled set is not here");
        return;
    };
    let mut input = Input::read(&mut records, &Regions::default()).unwrap();
    let places: std::collections::HashMap<String, usize> =
        (0..input.ids.len()).map(|at| (input.ids.get(at as u32).to_owned(), at)).collect();
    let mut persons = std::collections::HashMap::new();
    let mut person_of = vec![0; input.ids.len()];
    read_columns(&mut truth, ["rec_id", "person_id"], |[registration, person]| {
        let next = persons.len() as u32;
        person_of[places[registration]] = *persons.entry(person.to_owned()).or_insert(next);
    })
    .unwrap();
    let frozen = Frozen::learn(&mut input.registrations);
    let figures = evaluate(&link(&input.registrations, &frozen, &Wishes::default()), &person_of);
    assert!(figures.f1 >= 0.985 && figures.precision >= 0.999, "{figures}");
    assert!(figures.mixed <= 40 && figures.largest <= 12, "{figures}");
    assert!(figures.recall_with_queue >= 0.990 && figures.queue <= 1500 && figures.conflicts <= 1500, "{figures}");
    assert!(figures.blocking_recall >= 0.995 && figures.candidates <= 15.0, "{figures}");
}
