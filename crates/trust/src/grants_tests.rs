use proptest::prelude::*;

use super::*;

fn grants(text: &str) -> Grants {
    text.parse().unwrap()
}

#[test]
fn scopes_of_both_versions_are_understood() {
    let table = [
        ("system/*.cruds", "Observation", "cruds"),
        ("user/Observation.rs", "Observation", "rs"),
        ("user/Observation.rs", "Patient", ""),
        ("patient/*.rs", "Patient", "rs"),
        ("user/Patient.read", "Patient", "rs"),
        ("user/Patient.write", "Patient", "cud"),
        ("system/*.*", "Claim", "cruds"),
        ("user/Patient.r user/Patient.u system/*.c", "Patient", "cru"),
        ("", "Patient", ""),
        ("label/R label/V", "Patient", ""),
        ("system/*.cruds", "Basic", ""),
    ];
    for (text, type_name, letters) in table {
        for interaction in Interaction::ALL {
            let expected = letters.contains(interaction.letter());
            assert_eq!(grants(text).allows(type_name, interaction), expected, "{text} {type_name} {interaction:?}");
        }
    }
}

#[test]
fn what_is_not_understood_is_an_error_that_says_what_would_be() {
    let table = [
        ("Patient.rs", "begins with `system/`, `user/` or `patient/`"),
        ("launch/patient", "begins with"),
        ("openid", "begins with"),
        ("label/N", "label/R"),
        ("user/Patient", "context/Type.letters"),
        ("user/Basic.rs", "no type `Basic`; use `*` or one of Patient, Person,"),
        ("user/Patient.sr", "letters of `cruds` in this order"),
        ("user/Patient.rr", "letters of `cruds` in this order"),
        ("user/Patient.x", "letters of `cruds`"),
        ("user/Patient.", "letters of `cruds`"),
        ("user/Observation.rs?category=laboratory", "condition after `?` is not supported"),
    ];
    for (text, expected) in table {
        let error = format!("system/*.r {text}").parse::<Grants>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!("user/*.r ".repeat(5000).parse::<Grants>(), Err(GrantsError::TooLong));
}

#[test]
fn labels_open_only_when_named() {
    let some = grants("system/*.cruds label/R");
    assert!(some.opens_label("R") && !some.opens_label("V") && !some.opens_label("N"));
    assert!(!grants("system/*.cruds").opens_label("R"));
}

#[test]
fn a_single_patient_scope_binds() {
    assert!(grants("user/*.cruds patient/Observation.rs").is_patient_bound());
    assert!(!grants("user/*.cruds system/*.r").is_patient_bound());
}

fn any_scope() -> impl Strategy<Value = String> {
    let contexts = prop::sample::select(vec!["system", "user", "patient"]);
    let types = prop::sample::select(
        TypeCode::all().map(TypeCode::name).chain(std::iter::repeat_n("*", 8)).collect::<Vec<_>>(),
    );
    (contexts, types, prop::sample::subsequence("cruds".chars().collect::<Vec<_>>(), 1..=5)).prop_map(
        |(context, type_name, letters)| format!("{context}/{type_name}.{}", letters.iter().collect::<String>()),
    )
}

proptest! {
    #[test]
    fn printing_and_reading_again_changes_nothing(
        mut words in prop::collection::vec(any_scope(), 0..12),
        labels in prop::sample::subsequence(vec!["label/R", "label/V"], 0..=2),
    ) {
        words.extend(labels.iter().map(ToString::to_string));
        let parsed = grants(&words.join("  "));
        prop_assert_eq!(&grants(&parsed.to_string()), &parsed);
        let json = serde_json::to_string(&parsed).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Grants>(&json).unwrap(), &parsed);
    }

    /// Against the reading of a person: some word names the type or `*`, and has the letter.
    #[test]
    fn allowed_is_what_some_word_says(words in prop::collection::vec(any_scope(), 0..6)) {
        let parsed = grants(&words.join(" "));
        for code in TypeCode::all() {
            for interaction in Interaction::ALL {
                let said = words.iter().any(|word| {
                    let (_, rest) = word.split_once('/').unwrap();
                    let (type_name, letters) = rest.split_once('.').unwrap();
                    (type_name == "*" || type_name == code.name()) && letters.contains(interaction.letter())
                });
                prop_assert_eq!(parsed.allows(code.name(), interaction), said);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = text.parse::<Grants>();
    }
}
