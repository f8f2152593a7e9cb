use super::*;

fn compiled() -> &'static Table {
    TABLE.as_ref().unwrap()
}

#[test]
fn every_rule_decides_something_and_says_why_in_both_languages() {
    let table = compiled();
    for (index, rule) in table.rules.iter().enumerate() {
        let number = u16::try_from(index + 1).unwrap();
        assert!(table.cells.contains(&number), "rule {} never decides: it is dead text", rule.id);
    }
    let sentences = table.rules.iter().map(|rule| (&rule.id, &rule.zh, &rule.en));
    let sentences = sentences.chain(table.duties.iter().map(|rule| (&rule.id, &rule.zh, &rule.en)));
    for (id, zh, en) in sentences {
        assert!(zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{id}: no Chinese sentence");
        assert!(en.is_ascii() && en.len() > 10, "{id}: no English sentence");
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
    }
}

/// The compiled cells against the rule text, read the slow way.
#[test]
fn every_cell_is_what_the_rules_say() {
    let source: Source = toml::from_str(TEXT).unwrap();
    let in_group = |rule: &Rule, name: &str| {
        rule.groups.iter().any(|group| group == "*" || source.groups[group].iter().any(|type_name| type_name == name))
    };
    for role in Role::ALL {
        for purpose in Purpose::ALL {
            for code in TypeCode::all() {
                for interaction in Interaction::ALL {
                    let matching: Vec<&Rule> = source
                        .rule
                        .iter()
                        .filter(|rule| {
                            rule.roles.contains(&role)
                                && rule.purposes.contains(&purpose)
                                && rule.interactions.contains(&interaction)
                                && in_group(rule, code.name())
                        })
                        .collect();
                    let allowed = !matching.is_empty() && matching.iter().all(|rule| rule.allow);
                    let decision = cell(role, interaction, code, purpose);
                    assert_eq!(decision.allow, allowed, "{role:?} {purpose:?} {code} {interaction:?}");
                    assert!(matching.is_empty() == (decision.rule == "no-rule"));
                }
            }
        }
    }
}

#[test]
fn a_no_wins_wherever_it_stands() {
    let rule = |id: &str, allow| Rule {
        id: id.into(),
        allow,
        roles: vec![Role::Machine],
        interactions: vec![Interaction::Read],
        purposes: vec![Purpose::Operations],
        groups: vec!["clinical".into()],
        obligations: Vec::new(),
        zh: String::new(),
        en: String::new(),
    };
    let decided =
        |rules: &[Rule], group| deciding_rule(rules, Role::Machine, Interaction::Read, group, Purpose::Operations);
    assert_eq!(decided(&[rule("yes", true), rule("yes too", true), rule("no", false)], "clinical"), 3);
    assert_eq!(decided(&[rule("no", false), rule("yes", true)], "clinical"), 1);
    assert_eq!(decided(&[rule("yes", true), rule("yes too", true)], "clinical"), 1);
    assert_eq!(decided(&[rule("yes", true)], "audit"), 0);
}

#[test]
fn a_table_with_a_mistake_does_not_compile() {
    let changes = [
        (r#""Consent""#, r#""Consent", "Claim""#, "two groups"),
        (r#"consent = ["Consent"]"#, "consent = []", "no group"),
        (r#""Provenance""#, r#""Provenanze""#, "Provenanze"),
        (r#"roles = ["machine"]"#, r#"roles = ["machina"]"#, "machina"),
        (r#"interactions = ["update", "delete"]"#, r#"interactions = ["erase"]"#, "erase"),
        (r#"purposes = ["HRESCH"]"#, r#"purposes = ["MARKETING"]"#, "MARKETING"),
        (r#"groups = ["audit"]"#, r#"groups = ["audits"]"#, "audits"),
        (r#"id = "clinician-treats""#, r#"id = "machine-exchange""#, "two rules"),
        (r#"labels = ["R", "V"]"#, r#"labels = ["N"]"#, "label N"),
        (r#"id = "read-audit-log""#, r#"id = "read-audits""#, "read-audit-log"),
        ("\nallow = false", "\nallow = false\nobligations = [\"review\"]", "refuses and still has obligations"),
        ("\nallow = false", "\nallowed = false", "allowed"),
    ];
    for (from, to, expected) in changes {
        let changed = TEXT.replacen(from, to, 1);
        assert_ne!(changed, TEXT, "{from}");
        let error = Table::compile(&changed).err().unwrap_or_default();
        assert!(error.contains(expected), "{to}: {error}");
    }
}
