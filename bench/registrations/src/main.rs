//! `registrations --profile city|rural|migrant --people N --seed S --out DIR`: writes `records.csv` and `truth.csv`.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use registrations::{Generator, HEAD, Order, Profile, Tables, parse_day};

/// Labelled registrations of invented people.
#[derive(Debug, Parser)]
struct Arguments {
    /// city, rural or migrant
    #[arg(long, default_value = "city")]
    profile: String,
    /// A file of rates instead of a profile that comes with the program
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    rates: Option<PathBuf>,
    /// Number of people; a person has about 2.2 registrations
    #[arg(long)]
    people: u64,
    /// The same seed makes the same files
    #[arg(long)]
    seed: u64,
    /// Folder for records.csv and truth.csv; made if it is missing
    #[arg(long)]
    out: PathBuf,
    /// Last day of registration
    #[arg(long, default_value = "2026-06-30")]
    today: String,
    /// So many registrations get one telephone number
    #[arg(long, default_value_t = 0)]
    storm: u64,
    /// Also write kinds.csv: what is unusual about each registration
    #[arg(long)]
    kinds: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let profile = match &arguments.rates {
        None => Profile::built_in(&arguments.profile)?,
        Some(file) => Profile::read(&std::fs::read_to_string(file).with_context(|| file.display().to_string())?)?,
    };
    let today = parse_day(&arguments.today).with_context(|| format!("not a date: {}", arguments.today))?;
    let order = Order { people: arguments.people, seed: arguments.seed, today, storm: arguments.storm };
    let tables = Tables::load()?;
    std::fs::create_dir_all(&arguments.out)?;
    let create = |name: &str| {
        let path = arguments.out.join(name);
        File::create(&path)
            .map(|file| BufWriter::with_capacity(1 << 20, file))
            .with_context(|| path.display().to_string())
    };
    let (mut records, mut truth) = (create("records.csv")?, create("truth.csv")?);
    let mut kinds = if arguments.kinds { Some(create("kinds.csv")?) } else { None };
    writeln!(records, "{HEAD}")?;
    writeln!(truth, "rec_id,person_id")?;
    if let Some(kinds) = &mut kinds {
        writeln!(kinds, "rec_id,kinds")?;
    }
    let (start, hasher) = (Instant::now(), RandomState::new());
    let (mut count, mut names) = (0_u64, HashSet::new());
    for registration in Generator::new(&tables, &profile, &order) {
        writeln!(records, "R{count:09},{}", registration.cells)?;
        writeln!(truth, "R{count:09},P{:09}", registration.person)?;
        if let Some(kinds) = &mut kinds {
            let words: Vec<&str> = registration.kinds.words().collect();
            writeln!(kinds, "R{count:09},{}", words.join(" "))?;
        }
        names.insert(hasher.hash_one(registration.name()));
        count += 1;
    }
    records.flush()?;
    truth.flush()?;
    if let Some(kinds) = &mut kinds {
        kinds.flush()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = count as f64 / seconds.max(1e-9);
    writeln!(
        std::io::stdout(),
        "{count} registrations of {} people, {} distinct names, {seconds:.1} s, {rate:.0} registrations/s",
        arguments.people,
        names.len(),
    )?;
    Ok(())
}
