//! The rates of a profile, as they stand in `profiles/*.toml` (which say what each rate is a share of). A file with a rate
//! too many or too few is refused: a rate that silently counts as 0 would make a test easier than it says.

use anyhow::Context;
use serde::Deserialize;

/// The three files that come with the program.
const BUILT_IN: [(&str, &str); 3] = [
    ("city", include_str!("../profiles/city.toml")),
    ("rural", include_str!("../profiles/rural.toml")),
    ("migrant", include_str!("../profiles/migrant.toml")),
];

/// The rates of a profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub(crate) people: People,
    pub(crate) registrations: Registrations,
    pub(crate) documents: Documents,
    pub(crate) names: Names,
    pub(crate) birth: Birth,
    pub(crate) sex: Sex,
    pub(crate) phones: Phones,
    pub(crate) addresses: Addresses,
    pub(crate) newborns: Newborns,
}

impl Profile {
    /// One of `city`, `rural`, `migrant`.
    ///
    /// # Errors
    /// When there is no such profile.
    pub fn built_in(name: &str) -> anyhow::Result<Self> {
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            anyhow::bail!("profile `{name}` is not one of city, rural, migrant");
        };
        Self::read(text).with_context(|| format!("profile {name}"))
    }

    /// Reads a file of the same shape.
    ///
    /// # Errors
    /// When a rate is missing, unknown or not a number.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }
}

/// A section of the file: every rate is a number between 0 and 1.
macro_rules! rates {
    ($name:ident: $($rate:ident),+; $($more:ident: $kind:ty),*) => {
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $(pub(crate) $rate: f64,)+ $(pub(crate) $more: $kind,)* }
    };
}

rates!(People: household_of_one, grandparent, twins, triplets, one_sex_twins, shared_generation, doubled_given,
    one_character_given, given_of_list, compound_surname_of_parents, rare_character, ethnic, foreign, compatriot,
    officer, without_number, passport, exit_permit, own_phone, elder_own_phone, moved, number_from_afar, namesake,
    reissued, renumbered, renamed, wrong_sequence, birth_of_number_differs; children: Vec<f64>);
rates!(Registrations: home_hospital, same_record_number; per_person: Vec<f64>, hospitals: usize, years: i32);
rates!(Documents: missing, borrowed, borrowed_leaks_birth, guardian_on_child, driving_licence, household_book,
    passport_used, exit_permit_used, officer_card_used, birth_certificate_used, placeholder, desk_number, hint_missing,
    hint_wrong, typed_digit, transposed, dropped_digit, fifteen, spaced, small_x, spreadsheet, full_width,
    card_read;);
rates!(Names: homophone, look_alike, dropped_character, swapped_characters, pinyin, pinyin_inside, unknown_glyph,
    masked, other_given, rare_lost, decoration, spaced, trailing_mark, dot_lost, dot_cut, dot_other_sound, latin_turned,
    latin_cut;);
rates!(Birth: missing, lunar, partial, first_of_january, typed, exchanged, default_date, other_format;);
rates!(Sex: missing, wrong, other_code, words;);
rates!(Phones: missing, placeholder, desk, relative, changed, typed, decorated;);
rates!(Addresses: missing, county_only, short, old_name, relative;);
rates!(Newborns: as_child_of_mother, mothers_number, birth_certificate, order_lost;);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_whole() {
        for (name, text) in BUILT_IN {
            Profile::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert!(Profile::built_in("village").is_err());
        let one_less = BUILT_IN[0].1.replacen("homophone", "# homophone", 1);
        assert!(Profile::read(&one_less).is_err());
    }
}
