//! Records as text, and the rules that they break. One case: a line `== what it shows`, the type of the record, its elements
//! (`identifier | name | value | unit | group | system | display`, later columns may be missing), and the rules (`> rule at name`
//! or `> rule`); a case without rules must have no finding at all.

use model::{Element, Issue};
use proptest::prelude::*;
use quality::{RecordContext, Rules};

struct Case {
    title: String,
    record_type: String,
    elements: Vec<Element>,
    expected: Vec<(String, String)>,
}

/// 2024-06-01, the day on which all cases arrive.
const RECEIVED_MS: i64 = 1_717_200_000_000;

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if let Some(title) = line.strip_prefix("== ") {
            let title = format!("line {}: {title}", number + 1);
            cases.push(Case { title, record_type: String::new(), elements: Vec::new(), expected: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if let Some(rule) = line.strip_prefix("> ") {
            let (rule, place) = rule.split_once(" at ").unwrap_or((rule, ""));
            case.expected.push((rule.to_owned(), place.to_owned()));
        } else if let Some(record_type) = line.strip_prefix("type ") {
            record_type.clone_into(&mut case.record_type);
        } else if line.contains('|') {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let column = |number: usize| columns.get(number).copied().unwrap_or_default().to_owned();
            case.elements.push(Element {
                id: column(0),
                name: column(1),
                value: column(2).replace("\\u{fffd}", "\u{fffd}"),
                unit: column(3),
                group: column(4).parse().unwrap_or(0),
                system: column(5),
                display: column(6),
                path: format!("{}#{}", column(1), case.elements.len()),
                line: u32::try_from(case.elements.len()).expect("few") + 1,
                column: 1,
            });
        }
    }
    cases
}

fn found(case: &Case) -> Vec<Issue> {
    let context = RecordContext {
        record_type: &case.record_type,
        effective_ms: None,
        received_ms: Some(RECEIVED_MS),
        path: "record",
        line: 1,
    };
    Rules::standard().check(&context, &case.elements)
}

fn run(text: &str) {
    let cases = cases(text);
    assert!(cases.len() > 5, "the file is not read");
    let mut wrong = Vec::new();
    for case in &cases {
        let issues = found(case);
        let mut got: Vec<(String, String)> = Vec::new();
        for issue in &issues {
            let place = issue.path.split('#').next().unwrap_or_default().to_owned();
            let plain = case.expected.iter().any(|(rule, place)| *rule == issue.rule && place.is_empty());
            got.push((issue.rule.clone(), if plain { String::new() } else { place }));
        }
        got.sort();
        let mut expected = case.expected.clone();
        expected.sort();
        if got != expected {
            wrong.push(format!("{}\n  expected {expected:?}\n  got      {issues:#?}", case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faults_are_found() {
    run(include_str!("cases/faults.txt"));
}

#[test]
fn odd_but_legal_values_are_no_error() {
    run(include_str!("cases/legal.txt"));
}

#[test]
fn every_finding_is_in_the_catalogue_and_speaks() {
    let mut spoken = std::collections::BTreeSet::new();
    for case in cases(include_str!("cases/faults.txt")) {
        for issue in found(&case) {
            let rule =
                standards::rules::rule(&issue.rule).unwrap_or_else(|| panic!("{} is in no catalogue", issue.rule));
            assert!(issue.expected.is_some() && issue.hint.is_some(), "{issue:?} for {}", rule.en);
            spoken.insert(issue.rule);
        }
    }
    // The reverse: every rule of the catalogue has a case, but for those that speak about more than one record.
    for rule in standards::rules::rules() {
        let elsewhere = rule.id.starts_with("quality.chain.") || rule.id == "quality.duplicate.record";
        if rule.id.starts_with("quality.") && !elsewhere {
            assert!(spoken.contains(&rule.id), "no case shows {}", rule.id);
        }
    }
}

#[test]
fn the_built_in_rules_compile() {
    let rules = Rules::compile(standards::rules::quality_files());
    assert!(rules.is_ok(), "{:?}", rules.err());
}

#[test]
fn a_rule_file_that_names_what_is_not_there_is_refused_with_its_name() {
    let broken = |name: &str, from: &str, to: &str| {
        let files: Vec<(&str, String)> = standards::rules::quality_files()
            .iter()
            .map(|(file, text)| (*file, if *file == name { text.replacen(from, to, 1) } else { (*text).to_owned() }))
            .collect();
        let borrowed: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
        Rules::compile(&borrowed).expect_err("a broken file").to_string()
    };
    assert!(broken("places", "DE02.01.040.00", "DE02.01.040.99").contains("DE02.01.040.99"));
    assert!(broken("order", "first = \"birth\"", "first = \"bith\"").contains("bith"));
    assert!(broken("formats", "AN..20", "AX..20").contains("quality/formats.toml"));
    assert!(broken("ranges", "usual = [60, 260]", "usual = [10, 260]").contains("收缩压"));
    assert!(broken("chains", "quality.chain.", "quality.chian.").contains("quality.chian."));
}

#[test]
fn the_same_record_twice_in_one_message_is_named() {
    let issues = quality::duplicates([("row[2]", 2, "演示甲"), ("row[3]", 3, "演示乙"), ("row[4]", 4, "演示甲")]);
    assert_eq!(issues.len(), 1);
    assert_eq!((issues[0].path.as_str(), issues[0].line), ("row[4]", Some(4)));
}

#[test]
fn scores_count_what_is_filled_and_what_conforms() {
    let all = cases(include_str!("cases/faults.txt"));
    let case = all.iter().find(|case| case.title.contains("sex outside of the value set")).expect("the case");
    let score = quality::score(Rules::standard(), "cda:C0007", &case.elements, &found(case));
    assert!(score.listed > 30 && score.filled == 1, "{score:?}");
    assert_eq!(score.values - score.conformant - score.not_checkable, 1, "{score:?}");
    assert!(score.conformance().is_some_and(|percent| percent < 100.0));
}

/// Elements of the catalogue with any values: what readers hand over is bounded by nothing but being text.
fn any_element() -> impl Strategy<Value = Element> {
    let ids: Vec<String> = standards::elements::catalogues()[0].elements().map(|element| element.id.clone()).collect();
    let value = prop_oneof!["\\PC{0,12}", "[0-9/:T.+EX年月日-]{0,20}", Just("990121199003070010".to_owned())];
    (prop::sample::select(ids), "\\PC{0,6}", value, "\\PC{0,6}", any::<u32>(), "[0-9.]{0,12}").prop_map(
        |(id, name, value, unit, group, system)| Element {
            id,
            path: name.clone(),
            name,
            value,
            display: String::new(),
            system,
            unit,
            group: group % 4,
            line: group,
            column: 0,
        },
    )
}

proptest! {
    #[test]
    fn no_record_is_too_odd(elements in prop::collection::vec(any_element(), 0..24), times in any::<(i64, i64)>()) {
        let context = RecordContext {
            record_type: "cda:C0032",
            effective_ms: Some(times.0),
            received_ms: Some(times.1),
            ..RecordContext::default()
        };
        let issues = Rules::standard().check(&context, &elements);
        // The same record gives the same findings, and every finding is known.
        prop_assert_eq!(&issues, &Rules::standard().check(&context, &elements));
        prop_assert!(issues.iter().all(|issue| standards::rules::rule(&issue.rule).is_some()));
        let personal = issues.iter().filter_map(|issue| issue.found.as_deref()).filter(|found| found.contains("19900307"));
        prop_assert_eq!(personal.count(), 0, "an identity number is shown");
    }
}
