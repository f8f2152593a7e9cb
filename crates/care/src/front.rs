//! What sources say many times, said once: the same allergy of sixteen documents is one line with sixteen originals.
//!
//! Two sayings are one when they share a code that means the same everywhere, or the same words after the spelling was taken
//! away ([`formats::history`], rules in `standards/front-page/`). Nothing is dropped: a line keeps everything that it was made of.

use std::cmp::Reverse;
use std::collections::HashMap;

pub use formats::history::{History, allergy, plain};
use serde_json::Value;
use standards::elements::{DataType, catalogues};
use standards::front_page::front_page;

/// One source, saying something once.
#[derive(Debug, Clone)]
pub struct Said {
    /// By what it is the same as others, in words; see [`plain`].
    pub words: String,
    /// By what it is the same as others, as `system|code`; none of an institution's own codes.
    pub codes: Vec<String>,
    /// When, in milliseconds since 1970; `i64::MIN` when the source did not say.
    pub at_ms: i64,
    /// What a page shows of it.
    pub line: Value,
}

/// Sayings of one thing, newest first, things in the order of their newest saying.
#[must_use]
pub fn gathered(said: Vec<Said>) -> Vec<Vec<Said>> {
    let mut place_of: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<Said>> = Vec::new();
    for one in said {
        // Words and codes cannot be confused: a code has a system before a bar.
        let mut names = one.codes.clone();
        if !one.words.is_empty() {
            names.push(format!("words:{}", one.words));
        }
        let mut places: Vec<usize> = names.iter().filter_map(|name| place_of.get(name).copied()).collect();
        places.sort_unstable();
        places.dedup();
        let place = places.first().copied().unwrap_or(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        // It joins what was apart until now: one had the code, the other the words.
        for other in places.into_iter().skip(1) {
            let moved = std::mem::take(&mut groups[other]);
            groups[place].extend(moved);
            place_of.values_mut().filter(|known| **known == other).for_each(|known| *known = place);
        }
        for name in names {
            place_of.insert(name, place);
        }
        groups[place].push(one);
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_by_key(|one| Reverse(one.at_ms));
    }
    groups.sort_by_key(|group| Reverse(group.first().map_or(i64::MIN, |one| one.at_ms)));
    groups
}

/// Whether an observation is a result (检验检查结果), or something else that somebody noted.
#[must_use]
pub fn is_result(observation: &Value) -> bool {
    let rules = &front_page().results;
    let codings = |concept: &Value| concept["coding"].as_array().cloned().unwrap_or_default();
    let categories: Vec<Value> = observation["category"].as_array().into_iter().flatten().flat_map(codings).collect();
    let among = |list: &[String]| {
        let mut codes = categories.iter().filter_map(|coding| coding["code"].as_str());
        codes.any(|code| list.iter().any(|one| one == code))
    };
    if among(&rules.categories) {
        return true;
    }
    if among(&rules.others) {
        return false;
    }
    let codings = codings(&observation["code"]);
    let element = codings.iter().find(|coding| coding["system"] == rules.element_system.as_str());
    if let Some(id) = element.and_then(|coding| coding["code"].as_str()) {
        return rules.element_groups.iter().any(|group| id.starts_with(group.as_str())) && is_measured(id);
    }
    let mut systems = codings.iter().filter_map(|coding| coding["system"].as_str());
    if systems.any(|system| rules.item_systems.iter().any(|end| system.ends_with(end.as_str()))) {
        return true;
    }
    let is_valued = |holder: &Value| holder["valueQuantity"].is_object() || holder["valueCodeableConcept"].is_object();
    is_valued(observation) || observation["component"].as_array().is_some_and(|parts| parts.iter().any(is_valued))
}

/// Whether the catalogue says that the value of an element is a number or a code.
fn is_measured(id: &str) -> bool {
    let known = catalogues().iter().find_map(|catalogue| catalogue.element(id));
    known.is_some_and(|element| element.data_type == DataType::Number || element.data_type.is_code())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(words: &str, codes: &[&str], at_ms: i64) -> Said {
        Said { words: plain(words), codes: codes.iter().map(|&it| it.to_owned()).collect(), at_ms, line: json!(at_ms) }
    }

    #[test]
    fn what_shares_a_code_or_words_is_one_line_newest_first() {
        let groups = gathered(vec![
            said("高血压", &[], 1),
            said("原发性高血压", &["icd|I10"], 2),
            said("失眠", &["icd|G47"], 9),
            // This one says both, and so joins the first two.
            said("高血压 ", &["icd|I10"], 3),
        ]);
        let times: Vec<Vec<i64>> = groups.iter().map(|group| group.iter().map(|one| one.at_ms).collect()).collect();
        assert_eq!(times, [vec![9], vec![3, 2, 1]]);
    }

    #[test]
    fn nothing_is_lost_and_the_order_of_coming_changes_nothing() {
        let all = [
            said("甲", &["s|1"], 5),
            said("乙", &["s|1"], 4),
            said("乙", &[], 3),
            said("丙", &["s|2", "t|2"], 2),
            said("丁", &["t|2"], 1),
            said("", &[], 7),
        ];
        let shape = |said: Vec<Said>| {
            let groups = gathered(said);
            groups.iter().map(|group| group.iter().map(|one| one.at_ms).collect()).collect::<Vec<Vec<i64>>>()
        };
        let expected = shape(all.to_vec());
        assert_eq!(expected, [vec![7], vec![5, 4, 3], vec![2, 1]]);
        for turn in 0..all.len() {
            let mut turned = all.to_vec();
            turned.rotate_left(turn);
            assert_eq!(shape(turned.clone()), expected);
            turned.reverse();
            assert_eq!(shape(turned), expected);
        }
    }

    #[test]
    fn a_complaint_is_no_result() {
        let element = |id: &str, value: &str, held: Value| {
            let mut observation = json!({"code": {"coding": [{"system": "urn:oid:2.16.156.10011.2.2.1", "code": id}]}});
            observation[value] = held;
            observation
        };
        let text = || json!("窦性心律");
        let coded = || json!({"coding": [{"code": "2"}]});
        let quantity = || json!({"value": 138, "unit": "mmHg"});
        // 主诉, 现病史, 体格检查, 客观所见, 过敏史标志, 初诊标志, 住院次数.
        for (id, kind, held) in [
            ("DE04.01.119.00", "valueString", text()),
            ("DE02.10.071.00", "valueString", text()),
            ("DE04.10.258.00", "valueString", text()),
            ("DE04.50.131.00", "valueString", text()),
            ("DE02.10.023.00", "valueBoolean", json!(true)),
            ("DE06.00.196.00", "valueCodeableConcept", coded()),
            ("DE02.10.090.00", "valueQuantity", quantity()),
        ] {
            assert!(!is_result(&element(id, kind, held)), "{id}");
        }
        assert!(is_result(&element("DE04.10.174.00", "valueQuantity", quantity())));
        assert!(is_result(&element("DE05.10.075.00", "valueQuantity", quantity())));
        let own = json!({"code": {"coding": [{"system": "urn:kangmai:institution:1:note", "code": "9"}]}});
        let with = |name: &str, held: Value| {
            let mut observation = own.clone();
            observation[name] = held;
            observation
        };
        assert!(is_result(&with("valueQuantity", quantity())));
        assert!(is_result(&with("component", json!([{"valueQuantity": quantity()}]))));
        assert!(!is_result(&with("valueString", text())));
        let item = json!({"code": {"coding": [{"system": "urn:kangmai:institution:1:item", "code": "9"}]}, "valueString": "阴性"});
        assert!(is_result(&item));
        // 阴性(-) is a word, and a result all the same: the report says that it is of the laboratory.
        let mut word = with("valueString", json!("阴性(-)"));
        word["category"] = json!([{"coding": [{"code": "laboratory"}]}]);
        assert!(is_result(&word));
        let mut smokes = with("valueCodeableConcept", coded());
        smokes["category"] = json!([{"coding": [{"code": "social-history"}]}]);
        assert!(!is_result(&smokes));
    }
}
