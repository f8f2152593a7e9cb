//! Random writes against a naive model: a list of versions per id.

use std::collections::BTreeMap;

use ::model::ErrorCode::{Gone, NotFound};
use proptest::prelude::*;
use records::HistoryScope;
use serde_json::{Value, json};

use crate::support::{World, code_of, json_of, world};

#[derive(Debug, Clone)]
enum Act {
    Put { id: u8, family: u8, in_bundle: bool },
    Delete { id: u8, in_bundle: bool },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3_u8, 0..3_u8, any::<bool>()).prop_map(|(id, family, in_bundle)| Act::Put { id, family, in_bundle }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(id, in_bundle)| Act::Delete { id, in_bundle }),
    ]
}

/// Versions of every id, oldest first; `None` is a deletion.
#[derive(Debug, Default)]
struct Model {
    versions: BTreeMap<String, Vec<Option<String>>>,
    /// Every version in the order of writing.
    feed: Vec<(String, usize)>,
}

impl Model {
    fn put(&mut self, id: &str, family: &str) {
        let versions = self.versions.entry(id.to_owned()).or_default();
        if versions.last() != Some(&Some(family.to_owned())) {
            versions.push(Some(family.to_owned()));
            self.feed.push((id.to_owned(), versions.len()));
        }
    }

    fn delete(&mut self, id: &str) {
        if let Some(versions) = self.versions.get_mut(id)
            && versions.last() != Some(&None)
        {
            versions.push(None);
            self.feed.push((id.to_owned(), versions.len()));
        }
    }
}

fn run(world: &World, model: &mut Model, act: &Act) {
    let bundle = |entry: Value| {
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
        world.bundle(&bundle).unwrap();
    };
    match act {
        Act::Put { id, family, in_bundle } => {
            let (id, family) = (format!("p{id}"), format!("Family{family}"));
            let resource = json!({"resourceType": "Patient", "id": id, "name": [{"family": family}]});
            if *in_bundle {
                bundle(json!({"resource": resource, "request": {"method": "PUT", "url": format!("Patient/{id}")}}));
            } else {
                world.put(&resource).unwrap();
            }
            model.put(&id, &family);
        }
        Act::Delete { id, in_bundle } => {
            let id = format!("p{id}");
            if *in_bundle {
                bundle(json!({"request": {"method": "DELETE", "url": format!("Patient/{id}")}}));
            } else {
                world.delete("Patient", &id).unwrap();
            }
            model.delete(&id);
        }
    }
}

/// Family (`None`: deleted) and version of every entry of a history, newest first.
fn history(world: &World, scope: HistoryScope<'_>) -> Vec<(String, usize, Option<String>)> {
    let page = world.records.history(&world.caller, scope, "_count=1000").unwrap();
    let bundle = json_of(&page.json);
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let version = entry["response"]["etag"].as_str().unwrap().trim_start_matches("W/").trim_matches('"');
            let family = entry.pointer("/resource/name/0/family").map(|family| family.as_str().unwrap().to_owned());
            let id = entry["fullUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (id, version.parse().unwrap(), family)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn history_is_the_list_of_writes(acts in prop::collection::vec(act(), 1..25)) {
        let world = world();
        let mut model = Model::default();
        for act in &acts {
            run(&world, &mut model, act);
            world.clock.advance(1);
        }
        let version_of = |id: &str, version: usize| (id.to_owned(), version, model.versions[id][version - 1].clone());
        let feed: Vec<_> = model.feed.iter().rev().map(|(id, version)| version_of(id, *version)).collect();
        prop_assert_eq!(history(&world, HistoryScope::Type("Patient")), feed.clone());
        prop_assert_eq!(history(&world, HistoryScope::System), feed);
        for (id, versions) in &model.versions {
            let expected: Vec<_> = (1..=versions.len()).rev().map(|version| version_of(id, version)).collect();
            prop_assert_eq!(history(&world, HistoryScope::Instance("Patient", id)), expected);
            match versions.last().unwrap() {
                Some(family) => prop_assert_eq!(&world.read("Patient", id).unwrap()["name"][0]["family"], family),
                None => prop_assert_eq!(code_of(world.read("Patient", id)), Gone),
            }
        }
        for family in 0..3 {
            let family = format!("Family{family}");
            let expected = model.versions.values().filter(|versions| versions.last() == Some(&Some(family.clone()))).count();
            prop_assert_eq!(world.total("Patient", &format!("family:exact={family}")), expected as u64);
        }
        for id in ["p0", "p1", "p2"] {
            if !model.versions.contains_key(id) {
                prop_assert_eq!(code_of(world.read("Patient", id)), NotFound);
            }
        }
    }
}

/// Deleting everything removes every index row: none is left behind by any order of versions.
#[test]
fn index_rows_go_with_their_versions() {
    let world = world();
    let empty = world.row_counts();
    for family in ["Wang", "Li", "Zhao"] {
        world
            .put(&json!({"resourceType": "Patient", "id": "a", "name": [{"family": family, "given": ["x", "y"]}],
            "birthDate": "1980-01-01", "address": [{"city": family}]}))
            .unwrap();
    }
    world.delete("Patient", "a").unwrap();
    let index = store::Keyspace::ALL.iter().position(|keyspace| *keyspace == store::Keyspace::Index).unwrap();
    assert_eq!(world.row_counts()[index], empty[index]);
}
