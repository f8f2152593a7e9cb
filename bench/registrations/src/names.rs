//! Names of people: composed given names, names with a dot, Latin names; and how they sound.

use crate::profile::People;
use crate::random::Random;
use crate::tables::{Characters, Tables};

/// How a name is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Surname and given name (汉族 and most others).
    Han,
    /// Own name, dot, father's or clan's name (古丽娜尔·买买提); `surname` is the second part.
    Dotted,
    /// One part only (扎西多吉).
    Whole,
    /// Latin letters.
    Latin,
}

/// The name of a person as the register has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) form: Form,
    pub(crate) surname: String,
    pub(crate) given: String,
}

impl Name {
    /// The name in one piece.
    pub(crate) fn plain(&self) -> String {
        match self.form {
            Form::Han => format!("{}{}", self.surname, self.given),
            Form::Dotted => format!("{}·{}", self.given, self.surname),
            Form::Whole => self.given.clone(),
            Form::Latin => format!("{} {}", self.given, self.surname),
        }
    }
}

/// Makes names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namer<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) rates: &'a People,
}

impl Namer<'_> {
    /// A surname by its frequency.
    pub(crate) fn surname(&self, random: &mut Random) -> String {
        self.tables.surnames[self.tables.surname_choice.pick(random)].to_owned()
    }

    /// A name of surname and given name. `generation` is the character that brothers and sisters share (字辈).
    pub(crate) fn han(
        &self,
        surname: &str,
        sex: u8,
        year: i32,
        generation: Option<char>,
        mother: Option<&str>,
        random: &mut Random,
    ) -> Name {
        let mut given = match generation {
            Some(first) => format!("{first}{}", self.character(sex, year, false, random)),
            None => self.given(sex, year, random),
        };
        if let Some(mother) =
            mother.filter(|_| generation.is_none() && random.chance(self.rates.compound_surname_of_parents))
        {
            given = format!("{}{}", mother.chars().next().unwrap_or('安'), self.character(sex, year, false, random));
        }
        if random.chance(self.rates.rare_character) {
            let rare = random.one(&self.tables.rare).character;
            given.pop();
            given.push(rare);
        }
        Name { form: Form::Han, surname: surname.to_owned(), given }
    }

    /// A given name by sex and year of birth.
    pub(crate) fn given(&self, sex: u8, year: i32, random: &mut Random) -> String {
        let rates = self.rates;
        if random.chance(rates.given_of_list) && (1950..2000).contains(&year) {
            return (*random.one(&self.tables.listed[usize::from(sex == 2)])).to_owned();
        }
        let last = self.character(sex, year, false, random);
        if random.chance(rates.one_character_given) {
            return last.to_string();
        }
        if year > 1985 && random.chance(rates.doubled_given) {
            return [last, last].iter().collect();
        }
        let mut first = self.character(sex, year, true, random);
        if first == last {
            first = self.character(sex, year, true, random);
        }
        [first, last].iter().collect()
    }

    /// A character of a given name. One in twelve is of no fashion: otherwise there were fewer names than there are.
    pub(crate) fn character(&self, sex: u8, year: i32, first: bool, random: &mut Random) -> char {
        if random.chance(0.08) {
            return *random.one(&self.tables.sounding);
        }
        let given = self.tables.given_characters(year, sex);
        let Characters { all, choice } = if first { &given.first } else { &given.last };
        all[choice.pick(random)]
    }

    /// A name of another people of the country.
    pub(crate) fn ethnic(&self, people: &str, sex: u8, father: Option<&Name>, random: &mut Random) -> Name {
        let of = |kind: &str, sex: u8| {
            let fits =
                |name: &&crate::tables::EthnicName| name.kind == kind && name.people == people && name.sex == sex;
            self.tables.ethnic.iter().filter(fits).map(|name| name.text).collect::<Vec<_>>()
        };
        let wholes = of("whole", sex);
        if !wholes.is_empty() {
            return Name { form: Form::Whole, surname: String::new(), given: random.word(&wholes).to_owned() };
        }
        let (firsts, lasts) = (of("first", sex), of("last", sex));
        if !firsts.is_empty() {
            let given = format!("{}{}", random.word(&firsts), random.word(&lasts));
            return Name { form: Form::Whole, surname: String::new(), given };
        }
        // Fathers' and clans' names are listed once, for both sexes.
        let fathers = of("father", 1);
        let own = random.word(&of("given", sex)).to_owned();
        let listed = |random: &mut Random| random.word(&fathers).to_owned();
        if people == "yi" {
            // The clan stands first and passes to the children (吉克·木果).
            let clan = father.map_or_else(|| listed(random), |father| father.given.clone());
            return Name { form: Form::Dotted, surname: own, given: clan };
        }
        let surname = father.map_or_else(|| listed(random), |father| father.given.clone());
        Name { form: Form::Dotted, surname, given: own }
    }

    /// A Latin name.
    pub(crate) fn latin(&self, family: Option<&str>, sex: u8, random: &mut Random) -> Name {
        let [men, women, families] = &self.tables.latin;
        let mut given = (*random.one(if sex == 1 { men } else { women })).to_owned();
        if random.chance(0.35) {
            given = format!("{given} {}", random.one(if sex == 1 { men } else { women }));
        }
        let surname = family.map_or_else(|| (*random.one(families)).to_owned(), str::to_owned);
        Name { form: Form::Latin, surname, given }
    }

    /// The syllables of surname and given name, if every character is known.
    pub(crate) fn sounds(&self, name: &Name) -> Option<(String, Vec<&'static str>)> {
        let surname = self.tables.surname_sound.get(name.surname.as_str())?.replace(' ', "");
        let given = name.given.chars().map(|character| self.tables.sound_of.get(&character).copied());
        Some((surname, given.collect::<Option<Vec<_>>>()?))
    }
}
