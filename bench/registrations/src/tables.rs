//! The tables of `data/`: names, sounds, look-alikes, invented places. Read once, at the start.

use std::collections::HashMap;

use anyhow::Context;

use crate::dates::LunarYears;
use crate::places::Places;
use crate::random::Weighted;

/// Characters with a choice among them: the first of a line is the most frequent.
#[derive(Debug, Default)]
pub(crate) struct Characters {
    pub(crate) all: Vec<char>,
    pub(crate) choice: Weighted,
}

impl Characters {
    fn new(text: &str) -> Self {
        let all: Vec<char> = text.chars().collect();
        let choice = Weighted::new((0..all.len()).map(|rank| 1.0 / (rank as f64 + 8.0)));
        Self { all, choice }
    }
}

/// The characters that given names are made of, for people born in a span of years.
#[derive(Debug)]
pub(crate) struct GivenCharacters {
    pub(crate) born_to: i32,
    pub(crate) sex: u8,
    pub(crate) first: Characters,
    pub(crate) last: Characters,
}

/// A part of a name of another people of the country.
#[derive(Debug)]
pub(crate) struct EthnicName {
    pub(crate) kind: &'static str,
    pub(crate) people: &'static str,
    pub(crate) sex: u8,
    pub(crate) text: &'static str,
}

/// A character that old systems do not have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rare {
    pub(crate) character: char,
    pub(crate) instead: Option<char>,
}

/// All tables of the generator.
#[derive(Debug)]
pub struct Tables {
    pub(crate) surnames: Vec<&'static str>,
    pub(crate) surname_choice: Weighted,
    /// Whole given names, of men and of women.
    pub(crate) listed: [Vec<&'static str>; 2],
    pub(crate) given: Vec<GivenCharacters>,
    pub(crate) rare: Vec<Rare>,
    pub(crate) ethnic: Vec<EthnicName>,
    pub(crate) peoples: Vec<&'static str>,
    pub(crate) transliterations: Vec<(&'static str, &'static str)>,
    /// Latin given names of men and of women, family names.
    pub(crate) latin: [Vec<&'static str>; 3],
    pub(crate) sound_of: HashMap<char, &'static str>,
    pub(crate) of_sound: HashMap<&'static str, Vec<char>>,
    pub(crate) sounding: Vec<char>,
    pub(crate) surname_sound: HashMap<&'static str, &'static str>,
    pub(crate) look_alike: HashMap<char, Vec<char>>,
    pub(crate) lunar: LunarYears,
    pub(crate) places: Places,
}

impl Tables {
    /// Reads the tables that are part of the program.
    ///
    /// # Errors
    /// When a table is damaged.
    pub fn load() -> anyhow::Result<Self> {
        let (surnames, weights, listed) = read_names(include_str!("../data/names.csv"))?;
        let sounds = rows(include_str!("../data/sounds.csv"));
        let mut sound_of = HashMap::new();
        let mut of_sound: HashMap<&str, Vec<char>> = HashMap::new();
        for row in &sounds {
            sound_of.extend(row[0].chars().map(|character| (character, row[1])));
            of_sound.entry(row[1]).or_default().extend(row[0].chars());
        }
        let mut sounding: Vec<char> = sound_of.keys().copied().collect();
        sounding.sort_unstable();
        let ethnic: Vec<EthnicName> = rows(include_str!("../data/ethnic_names.csv"))
            .into_iter()
            .map(|row| EthnicName { kind: row[0], people: row[1], sex: sex(row[2]), text: row[3] })
            .collect();
        let mut peoples: Vec<&str> = ethnic.iter().map(|name| name.people).collect();
        peoples.sort_unstable();
        peoples.dedup();
        let surname_sound =
            rows(include_str!("../data/surname_sounds.csv")).iter().map(|row| (row[0], row[1])).collect();
        let transliterations =
            rows(include_str!("../data/transliterations.csv")).iter().map(|row| (row[0], row[1])).collect();
        Ok(Self {
            surnames,
            surname_choice: Weighted::new(weights),
            listed,
            given: read_given(include_str!("../data/given_characters.csv"))?,
            rare: read_rare(include_str!("../data/rare_characters.csv"))?,
            ethnic,
            peoples,
            transliterations,
            latin: read_latin(include_str!("../data/foreign_names.csv")),
            sound_of,
            of_sound,
            sounding,
            surname_sound,
            look_alike: read_look_alikes(include_str!("../data/look_alikes.txt")),
            lunar: LunarYears::read(include_str!("../data/lunar_years.csv"))?,
            places: Places::load()?,
        })
    }

    /// The characters of given names for this year of birth and sex (1 man, 2 woman).
    pub(crate) fn given_characters(&self, year: i32, sex: u8) -> &GivenCharacters {
        let fits = |given: &&GivenCharacters| given.sex == sex && year <= given.born_to;
        self.given.iter().find(fits).unwrap_or(&self.given[self.given.len() - 1])
    }
}

/// The rows of a table without its head and its remarks.
pub(crate) fn rows(table: &'static str) -> Vec<Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.skip(1).map(|line| line.split(',').collect()).collect()
}

/// The lines of a list without its remarks.
pub(crate) fn lines(list: &'static str) -> Vec<&'static str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn sex(cell: &str) -> u8 {
    cell.parse().unwrap_or(0)
}

type NameList = (Vec<&'static str>, Vec<f64>, [Vec<&'static str>; 2]);

fn read_names(table: &'static str) -> anyhow::Result<NameList> {
    let (mut surnames, mut weights, mut listed) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    for row in rows(table) {
        match row[0] {
            "surname" => {
                surnames.push(row[1]);
                weights.push(row[2].parse().with_context(|| format!("weight of {}", row[1]))?);
            }
            "given_male" => listed[0].push(row[1]),
            _ => listed[1].push(row[1]),
        }
    }
    Ok((surnames, weights, listed))
}

fn read_given(table: &'static str) -> anyhow::Result<Vec<GivenCharacters>> {
    let rows = rows(table);
    let mut given: Vec<GivenCharacters> = Vec::new();
    for pair in rows.chunks(2) {
        let [first, last] = pair else { anyhow::bail!("given characters: a line without its partner") };
        anyhow::ensure!(first[3] == "first" && last[3] == "last" && first[..3] == last[..3], "given characters: order");
        given.push(GivenCharacters {
            born_to: first[1].parse()?,
            sex: sex(first[2]),
            first: Characters::new(first[4]),
            last: Characters::new(last[4]),
        });
    }
    Ok(given)
}

fn read_rare(table: &'static str) -> anyhow::Result<Vec<Rare>> {
    rows(table)
        .into_iter()
        .map(|row| {
            let character = row[0].chars().next().context("rare character")?;
            Ok(Rare { character, instead: row[1].chars().next().filter(|instead| *instead != '-') })
        })
        .collect()
}

fn read_latin(table: &'static str) -> [Vec<&'static str>; 3] {
    let mut latin = [Vec::new(), Vec::new(), Vec::new()];
    for row in rows(table) {
        let list = match (row[0], row[1]) {
            ("given", "1") => 0,
            ("given", _) => 1,
            _ => 2,
        };
        latin[list].push(row[2]);
    }
    latin
}

fn read_look_alikes(list: &'static str) -> HashMap<char, Vec<char>> {
    let mut look_alike: HashMap<char, Vec<char>> = HashMap::new();
    for line in lines(list) {
        for one in line.chars() {
            look_alike.entry(one).or_default().extend(line.chars().filter(|other| *other != one));
        }
    }
    look_alike
}
