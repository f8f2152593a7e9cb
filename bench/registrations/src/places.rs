//! The invented region layer, and addresses in it as people write them.

use std::fmt::Write as _;

use anyhow::Context;

use crate::random::Random;
use crate::tables::{lines, rows};

/// Cities from this number on are far away: people with their numbers have moved here.
const FAR: &str = "9950";

/// A town or a street office (乡镇, 街道) with its villages.
#[derive(Debug)]
pub(crate) struct Town {
    name: &'static str,
    villages: Vec<&'static str>,
}

/// A county (县, 市, 区), also one that was abolished.
#[derive(Debug)]
pub(crate) struct County {
    pub(crate) code: &'static str,
    name: &'static str,
    city: &'static str,
    /// The year from which the code was not given any more.
    pub(crate) to_year: Option<i32>,
    /// Position of the county that followed.
    pub(crate) successor: Option<usize>,
    /// Positions of the abolished counties that this one followed.
    pub(crate) before: Vec<usize>,
    towns: Vec<Town>,
}

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) counties: Vec<County>,
    /// Present counties near and far.
    pub(crate) near: Vec<usize>,
    pub(crate) far: Vec<usize>,
    province: &'static str,
    streets: Vec<&'static str>,
    estates: Vec<&'static str>,
}

/// Where somebody lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) county: usize,
    town: usize,
    village: usize,
    house: i32,
    /// Street, estate, building, entrance, flat; none in a village.
    flat: Option<(usize, usize, i32, i32, i32)>,
}

/// How much of an address somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Full,
    CountyOnly,
    Short,
}

impl Places {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let table = rows(include_str!("../data/regions.csv"));
        let mut places = Self {
            counties: Vec::new(),
            near: Vec::new(),
            far: Vec::new(),
            province: "",
            streets: lines(include_str!("../data/streets.txt")),
            estates: lines(include_str!("../data/estates.txt")),
        };
        let mut city = "";
        for row in &table {
            match row[2] {
                "province" => places.province = row[1],
                "city" => city = row[1],
                "county" => {
                    let to_year = if row[4].is_empty() { None } else { Some(row[4].parse()?) };
                    let (code, name) = (row[0], row[1]);
                    places.counties.push(County {
                        code,
                        name,
                        city,
                        to_year,
                        successor: None,
                        before: Vec::new(),
                        towns: Vec::new(),
                    });
                }
                "town" => {
                    let county = places.counties.last_mut().context("a town without its county")?;
                    county.towns.push(Town { name: row[1], villages: Vec::new() });
                }
                _ => {
                    let town = places.counties.last_mut().and_then(|county| county.towns.last_mut());
                    town.context("a village without its town")?.villages.push(row[1]);
                }
            }
        }
        places.tie(&table)?;
        Ok(places)
    }

    /// Ties abolished counties to those that followed.
    fn tie(&mut self, table: &[Vec<&'static str>]) -> anyhow::Result<()> {
        for row in table.iter().filter(|row| row[2] == "county" && !row[5].is_empty()) {
            let old = self.position(row[0]).context("county")?;
            let new = self.position(row[5]).with_context(|| format!("successor {} of {}", row[5], row[0]))?;
            self.counties[old].successor = Some(new);
            self.counties[new].before.push(old);
        }
        for (position, county) in self.counties.iter().enumerate().filter(|(_, county)| county.to_year.is_none()) {
            if county.code < FAR { self.near.push(position) } else { self.far.push(position) }
        }
        Ok(())
    }

    fn position(&self, code: &str) -> Option<usize> {
        self.counties.iter().position(|county| county.code == code)
    }

    /// The county whose code somebody of this county and year of birth got: that of the time, which may be abolished now.
    pub(crate) fn county_of_number(&self, county: usize, born: i32, random: &mut Random) -> usize {
        // Numbers were first given out in the middle of the eighties.
        let given_out = born.max(1985);
        let mut at = county;
        while !self.counties[at].before.is_empty() {
            let before = *random.one(&self.counties[at].before);
            if self.counties[before].to_year.is_none_or(|end| end <= given_out) || random.chance(0.5) {
                break;
            }
            at = before;
        }
        at
    }

    /// A home in this county.
    pub(crate) fn home(&self, county: usize, random: &mut Random) -> Address {
        let towns = &self.counties[county].towns;
        let town = random.below(towns.len());
        let urban = towns[town].name.ends_with("街道") || random.chance(0.15);
        let flat = urban.then(|| {
            let (street, estate) = (random.below(self.streets.len()), random.below(self.estates.len()));
            let (floor, door) = (random.between(1, 26), random.between(1, 6));
            (street, estate, random.between(1, 38), random.between(1, 5), floor * 100 + door)
        });
        let village = random.below(towns[town].villages.len());
        Address { county, town, village, house: random.between(1, 620), flat }
    }

    /// The address as somebody writes it. `old` is the abolished county that an elder person still names.
    pub(crate) fn write(
        &self,
        address: Address,
        style: Style,
        old: Option<usize>,
        random: &mut Random,
        out: &mut String,
    ) {
        let county = &self.counties[address.county];
        let county_name = old.map_or(county.name, |old| self.counties[old].name);
        let cut = if style == Style::Short { random.below(5) } else { 0 };
        match cut {
            0 => out.extend([self.province, county.city, county_name]),
            1 => out.extend([county.city, county_name]),
            2 => out.push_str(county_name),
            3 => out.extend([county.city.trim_end_matches('市'), county_name]),
            _ => {}
        }
        if style == Style::CountyOnly {
            return;
        }
        let town = &county.towns[address.town];
        if style == Style::Full || random.chance(0.7) {
            out.push_str(town.name);
        }
        let written = match address.flat {
            None => write!(out, "{}{}号", town.villages[address.village], address.house),
            Some((street, estate, building, entrance, flat)) => {
                let (street, estate, number) = (self.streets[street], self.estates[estate], address.house);
                match (style, random.below(3)) {
                    (Style::Short, 0) => write!(out, "{street}{number}号{estate}{building}-{entrance}-{flat}"),
                    (Style::Short, 1) => write!(out, "{estate}{building}号楼{entrance}单元{flat}"),
                    _ => write!(out, "{street}{number}号{estate}{building}号楼{entrance}单元{flat}室"),
                }
            }
        };
        debug_assert!(written.is_ok(), "a string takes every text");
    }
}
