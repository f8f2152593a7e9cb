//! The synthetic city (演示城市): invented residents, what happens to them in three years, and what three senders make of it —
//! a city hospital with HL7 v2 messages and shared documents, a county hospital with tables, and the primary care system of all
//! township and village clinics.
//!
//! Everything clinical is data that a clinician can read (`standards/synth/`). The same seed and day give the same bytes: chance
//! is seeded per household, and nothing asks the clock. Households are generated one after the other and forgotten; what they
//! cause is put into buckets by sender and day ([`sink`]), so memory does not grow with the number of people. Beside the feeds
//! stands the truth ([`truth`]): what is so, and what was planted, written from the model and never read back.
//!
//! | in `out` | what it is |
//! |---|---|
//! | `city-hospital/hl7/DAY.hl7` | messages of a day, in MLLP frames |
//! | `city-hospital/documents/DAY/TYPE-ID.xml` | shared documents |
//! | `county-hospital/DAY/TABLE_DAY.csv` | tables of the day before, UTF-8, and their 日终对账 |
//! | `primary-care/DAY/TABLE_DAY.csv` | the same of the primary care system, GB18030 |
//! | `truth/` | the truth |

mod bill;
mod data;
mod day;
mod dirt;
mod documents;
mod finish;
mod forms;
mod life;
mod measure;
mod messages;
mod people;
mod random;
mod sink;
mod tables;
mod truth;
mod vaccines;
mod world;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::json;

pub use day::{Day, Moment};

use data::Data;
use documents::Documents;
use finish::TableSender;
use life::{Life, Visit};
use messages::Messages;
use people::{Families, Person, Role};
use random::Random;
use sink::Buckets;
use tables::{Known, Tables};
use truth::Truth;
use world::{Place, World};

/// What the city hospital calls itself in its HL7 v2 messages when it numbers patients (CX-4).
pub const CITY_AUTHORITY: &str = "HIS";

/// The root of its patient numbers in documents: an arc outside of the national tree, invented.
pub const CITY_PATIENT_ROOT: &str = "1.2.156.990100.1.1";

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many residents, at least: the household of the last one is made whole.
    pub people: u32,
    /// The same seed (and day) gives the same bytes.
    pub seed: u64,
    /// The day of the demo: everything is an offset from it.
    pub today: Day,
    /// How many years of history.
    pub years: i32,
    /// A folder that is empty or does not exist.
    pub out: PathBuf,
    /// Of the prescriptions and bills of the county hospital, the share that its 日终对账 counts and its files do not hold. The first
    /// three of them stand in `county-hospital-late/`, to be sent afterwards; all are listed in `truth/withheld.jsonl`.
    pub withheld_share: f64,
}

/// What was made.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Summary {
    /// Residents.
    pub people: u64,
    /// Lines of `truth/events.jsonl`.
    pub events: u64,
    /// Lines of `truth/faults.jsonl`.
    pub faults: u64,
    /// Messages of the city hospital.
    pub messages: u64,
    /// Documents of the city hospital.
    pub documents: u64,
    /// Rows of tables, of both senders, repetitions and 日终对账 included.
    pub rows: u64,
    /// Files of all feeds.
    pub files: u64,
    /// Bytes of all feeds.
    pub feed_bytes: u64,
    /// Bytes of the truth.
    pub truth_bytes: u64,
}

/// Why no city came about.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// A file cannot be written or read.
    #[error("{0}: {1}")]
    Disk(PathBuf, std::io::Error),
    /// A file of `standards/synth/` is wrong; a test finds that before anybody else does.
    #[error("standards/synth/{0}: {1}")]
    Data(String, String),
    /// The folder is not empty.
    #[error("{0} is not empty; a city is made in a fresh folder")]
    NotEmpty(PathBuf),
    /// The options make no sense.
    #[error("{0}")]
    Options(&'static str),
}

static DATA: LazyLock<Result<Data, String>> = LazyLock::new(|| Data::load().map_err(|error| error.to_string()));

fn data() -> Result<&'static Data, SynthError> {
    DATA.as_ref().map_err(|error| SynthError::Data(String::new(), error.clone()))
}

/// An institution of the city, for whoever registers sources and accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Institution {
    /// 机构编码.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The sender that speaks for it: `city-hospital`, `county-hospital`, `primary-care`.
    pub sender: &'static str,
    /// Its departments.
    pub departments: Vec<Team>,
}

/// A department with its staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// 科室代码.
    pub code: String,
    /// 科室名称.
    pub name: String,
    /// 工号 and name of its doctors.
    pub staff: Vec<(String, String)>,
}

/// Every institution of the city of a seed.
///
/// # Errors
/// [`SynthError::Data`].
pub fn institutions(seed: u64, today: Day) -> Result<Vec<Institution>, SynthError> {
    let data = data()?;
    let world = World::new(data, today, 1, seed);
    let departments = |place: Place, at: &str| {
        let here = data.city.department.iter().enumerate().filter(|(_, one)| one.at.iter().any(|there| there == at));
        here.map(|(position, department)| {
            let count = match place {
                Place::City => data.city.staff.city,
                Place::County(_) => data.city.staff.county,
                Place::Primary(clinic) => world.clinics[clinic].staff.len(),
            };
            let staff = (0..count).map(|number| world.staff(place, position, number));
            let staff = staff.map(|one| (one.number.clone(), one.name.clone())).collect();
            Team { code: department.code.clone(), name: department.name.clone(), staff }
        })
        .collect()
    };
    let hospital = |place: Place, at: &str, name: &str, sender: &'static str| Institution {
        code: world.code(place).to_owned(),
        name: name.to_owned(),
        sender,
        departments: departments(place, at),
    };
    let mut all = vec![
        hospital(Place::City, "city", &data.city.city_hospital.name, "city-hospital"),
        hospital(Place::County(0), "county", &data.city.county_hospital.name, "county-hospital"),
    ];
    for (position, clinic) in world.clinics.iter().enumerate() {
        all.push(hospital(Place::Primary(position), "primary", &clinic.name, "primary-care"));
    }
    Ok(all)
}

/// Names of the senders with what people read.
///
/// # Errors
/// [`SynthError::Data`].
pub fn senders() -> Result<[(&'static str, String, String); 3], SynthError> {
    let city = &data()?.city;
    let primary_code = format!("{}11-1", city.primary_care.code_prefix);
    Ok([
        ("city-hospital", city.city_hospital.name.clone(), city.city_hospital.code.clone()),
        ("county-hospital", city.county_hospital.name.clone(), city.county_hospital.code.clone()),
        ("primary-care", city.primary_care.name.clone(), primary_code),
    ])
}

/// Other codes under which the institutions of a sender appear, each with the 机构编码 that is meant.
///
/// # Errors
/// [`SynthError::Data`].
pub fn other_codes(sender: &str) -> Result<Vec<(String, String)>, SynthError> {
    let city = &data()?.city;
    Ok(match sender {
        "city-hospital" => vec![(city.city_hospital.document_code.clone(), city.city_hospital.code.clone())],
        "county-hospital" => vec![(city.county_hospital.old_code.clone(), city.county_hospital.code.clone())],
        _ => Vec::new(),
    })
}

/// Makes a city.
///
/// # Errors
/// [`SynthError`]: the folder is not empty, the disk refuses, or the options make no sense.
pub fn make(options: &Options) -> Result<Summary, SynthError> {
    if options.people == 0 || !(1..=10).contains(&options.years) {
        return Err(SynthError::Options("a city has people, and one to ten years of history"));
    }
    let disk = |error| SynthError::Disk(options.out.clone(), error);
    std::fs::create_dir_all(&options.out).map_err(disk)?;
    if std::fs::read_dir(&options.out).map_err(disk)?.next().is_some() {
        return Err(SynthError::NotEmpty(options.out.clone()));
    }
    let data = data()?;
    let world = World::new(data, options.today, options.years, options.seed);
    let mut truth = Truth::open(&options.out)?;
    let bucket = |name| Buckets::new(&options.out, name, world.first, world.today);
    let mut senders = Senders {
        world: &world,
        messages: Messages::new(&world, bucket("city")),
        documents: Documents::new(&world, &options.out),
        county: Tables::new(&world, "county-hospital", "county", bucket("county"), options.withheld_share),
        primary: Tables::new(&world, "primary-care", "primary", bucket("primary"), 0.0),
    };
    let mut people = 0;
    let mut families = Families::new(data, options.today, options.years, options.seed);
    while let Some((number, house)) = families.next(options.people) {
        for person in &house {
            people += 1;
            let mut random = Random::of(options.seed, 3, u64::from(person.index));
            senders.person(person, &house, number, &mut random, &mut truth)?;
        }
    }
    let mut summary = senders.finish(&options.out, &mut truth)?;
    summary.people = people;
    summary.events = truth.events_count;
    summary.faults = truth.faults_count;
    summary.truth_bytes = truth.bytes;
    truth.close()?;
    write_summary(&options.out, &summary, options)?;
    Ok(summary)
}

fn write_summary(out: &Path, summary: &Summary, options: &Options) -> Result<(), SynthError> {
    let path = out.join("truth").join("summary.json");
    let mut line = json!(summary);
    line["seed"] = options.seed.into();
    line["today"] = options.today.to_string().into();
    line["years"] = options.years.into();
    std::fs::write(&path, format!("{line:#}\n")).map_err(|error| SynthError::Disk(path, error))
}

/// The three senders at work.
struct Senders<'w> {
    world: &'w World,
    messages: Messages<'w>,
    documents: Documents<'w>,
    county: Tables<'w>,
    primary: Tables<'w>,
}

impl Senders<'_> {
    fn person(
        &mut self,
        person: &Person,
        house: &[Person],
        household: u64,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        truth.person(&json!({
            "person": person.index, "household": household, "name": person.name, "sex": person.sex,
            "birth": person.birth.to_string(), "identity": person.identity, "phone": person.phone,
            "role": match person.role {
                Role::None => "",
                Role::Hero => "hero",
                Role::CardLender => "card-lender",
                Role::CardBorrower => "card-borrower",
                Role::Mother => "mother",
                Role::Unknown => "unknown",
            },
        }))?;
        let mut life = life::live(self.world, person, house, random);
        self.borrow(person, &mut life);
        self.messages.begin();
        self.county.begin();
        self.primary.begin();
        let mut events: Vec<(Moment, usize, usize)> = Vec::new();
        events.extend(life.visits.iter().enumerate().map(|(at, visit)| (visit.start, 0, at)));
        events.extend(life.checkups.iter().enumerate().map(|(at, checkup)| (checkup.at, 1, at)));
        events.extend(life.contract.iter().map(|contract| (contract.from, 2, 0)));
        let shots = vaccines::shots(self.world, person, &life);
        events.extend(shots.iter().enumerate().map(|(at, shot)| (shot.entered, 3, at)));
        events.sort_unstable();
        for (_, kind, at) in events {
            match kind {
                0 => self.visit(person, house, &life.visits[at], random, truth)?,
                1 => {
                    let known = know(person, person, &format!("JM{:08}", person.index), None);
                    self.primary.checkup(&known, &life.checkups[at], random, truth)?;
                }
                3 => {
                    let known = know(person, person, &format!("JM{:08}", person.index), None);
                    self.primary.vaccination(&known, &shots[at], random, truth)?;
                }
                _ => {
                    let known = know(person, person, &format!("JM{:08}", person.index), None);
                    if let Some(contract) = life.contract {
                        self.primary.contract(&known, contract, random, truth)?;
                    }
                }
            }
        }
        let known = know(person, person, &format!("P{:08}", person.index), None);
        self.messages.merge(&known, random)?;
        self.tests(person, &life, random, truth)
    }

    /// Somebody tried the systems out with a made-up patient who looks like this person's visit, and nobody kept it out of the feed.
    fn tests(
        &mut self,
        person: &Person,
        life: &Life,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let data = self.world.data;
        let mut chance = Random::of(self.world.seed, 16, u64::from(person.index));
        if person.role != Role::Hero && !chance.chance(data.event_rate("test_patient")) {
            return Ok(());
        }
        let is_model = |visit: &&Visit| {
            visit.stay.is_none() && visit.unknown.is_none() && !visit.is_newborn && visit.fate == life::Fate::Kept
        };
        let models: Vec<&Visit> = life.visits.iter().filter(is_model).collect();
        let at = |wanted: fn(Place) -> bool| models.iter().find(|visit| wanted(visit.place));
        let chosen = [
            at(|place| place == Place::City),
            at(|place| matches!(place, Place::County(_))),
            at(|place| matches!(place, Place::Primary(_))),
        ];
        truth.is_test = true;
        for visit in chosen.into_iter().flatten() {
            let mut visit = (*visit).clone();
            visit.refund_after_days = None;
            visit.amended = None;
            for report in &mut visit.reports {
                report.correction = None;
                report.is_preliminary_sent = false;
            }
            let known = Known {
                name: data.city.names.test[chance.below(data.city.names.test.len())].clone(),
                identity: "",
                ..know(person, person, &format!("T{:07}", person.index), None)
            };
            match visit.place {
                Place::City => self.messages.test(&known, &visit, random, truth)?,
                Place::County(_) => self.county.test(&known, &visit, random, truth)?,
                Place::Primary(_) => self.primary.test(&known, &visit, random, truth)?,
            }
        }
        truth.is_test = false;
        Ok(())
    }

    /// The borrower of the card goes to the county hospital with it.
    fn borrow(&self, person: &Person, life: &mut Life) {
        if person.role != Role::CardBorrower {
            return;
        }
        for visit in &mut life.visits {
            visit.is_borrowed = matches!(visit.place, Place::County(_));
        }
    }

    fn visit(
        &mut self,
        person: &Person,
        house: &[Person],
        visit: &Visit,
        random: &mut Random,
        truth: &mut Truth,
    ) -> Result<(), SynthError> {
        let owner = if visit.is_borrowed { house.first().unwrap_or(person) } else { person };
        let mother = visit.is_newborn.then(|| person.mother.and_then(|at| house.get(at))).flatten();
        let id = |prefix: &str| {
            // A newborn gets another number when it has a name.
            let suffix = if visit.is_newborn { "N" } else { "" };
            format!("{prefix}{:08}{suffix}", owner.index)
        };
        match visit.place {
            Place::City if visit.unknown.is_some() => {
                let known = know(person, person, &id("P"), None);
                self.messages.unknown(&known, visit, random, truth)
            }
            Place::City => {
                let known = know(person, owner, &id("P"), mother);
                if visit.is_newborn {
                    self.messages.begin();
                }
                let sent = self.messages.visit(&known, visit, random, truth)?;
                let patient = match self.messages.second_number(person) {
                    Some(second) if visit.start < second.given_up => second.number,
                    _ => known.patient.clone(),
                };
                if visit.is_newborn {
                    self.messages.begin();
                }
                self.documents.visit(&known, &patient, visit, &sent, random, truth)
            }
            Place::County(_) => {
                let known = know(person, owner, &id("B"), mother);
                if visit.is_newborn || visit.is_borrowed {
                    self.county.begin();
                }
                self.county.visit(&known, visit, random, truth)?;
                if visit.is_newborn {
                    self.county.begin();
                }
                Ok(())
            }
            Place::Primary(_) => {
                let known = know(person, owner, &id("JM"), mother);
                self.primary.visit(&known, visit, random, truth)
            }
        }
    }

    /// The senders share nothing any more: each writes its days in a thread of its own, with a part of the truth.
    fn finish(mut self, out: &Path, truth: &mut Truth) -> Result<Summary, SynthError> {
        let world = self.world;
        let part_of = |name: &str| out.join(".days").join(name);
        let begin = |name: &str| Truth::open(&part_of(name));
        let (messages, county, primary) =
            (&mut self.messages.buckets, &mut self.county.buckets, &mut self.primary.buckets);
        let parts = std::thread::scope(|scope| {
            let running = [
                scope.spawn(move || {
                    let mut truth = begin("city-truth")?;
                    Ok((finish::messages(world, out, messages, &mut truth)?, truth))
                }),
                scope.spawn(move || {
                    let mut truth = begin("county-truth")?;
                    let sender = TableSender { name: "county-hospital", is_gb18030: false, repeats: true };
                    Ok((finish::tables(world, out, &sender, county, &mut truth)?, truth))
                }),
                scope.spawn(move || {
                    let mut truth = begin("primary-truth")?;
                    let sender = TableSender { name: "primary-care", is_gb18030: true, repeats: false };
                    Ok((finish::tables(world, out, &sender, primary, &mut truth)?, truth))
                }),
            ];
            running.map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let mut written = [finish::Written::default(); 3];
        for ((sum, part), name) in written.iter_mut().zip(parts).zip(["city-truth", "county-truth", "primary-truth"]) {
            let (done, part) = part?;
            *sum = done;
            truth.absorb(part, &part_of(name))?;
        }
        let [city, county, primary] = written;
        self.messages.buckets.close();
        self.county.buckets.close();
        self.primary.buckets.close();
        Ok(Summary {
            messages: city.records,
            documents: self.documents.files,
            rows: county.records + primary.records,
            files: city.files + county.files + primary.files + self.documents.files,
            feed_bytes: city.bytes + county.bytes + primary.bytes + self.documents.bytes,
            ..Summary::default()
        })
    }
}

/// How a sender knows somebody. A newborn stands under its first name and its mother's number.
fn know<'p>(person: &'p Person, owner: &'p Person, patient: &str, mother: Option<&'p Person>) -> Known<'p> {
    let first_name = person.newborn.as_ref().filter(|_| mother.is_some()).map(|newborn| newborn.first_name.clone());
    Known {
        person,
        owner,
        patient: patient.to_owned(),
        name: first_name.unwrap_or_else(|| owner.name.clone()),
        identity: mother.map_or(&owner.identity, |mother| &mother.identity),
        phone: mother.map_or(&owner.phone, |mother| &mother.phone),
        is_unknown: false,
    }
}
