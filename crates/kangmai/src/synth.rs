//! `kangmai synth`: makes a city of invented residents with the feeds of three senders, and the truth about them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use synth::{Day, Options};

use crate::cli::Synth;
use crate::{Ended, speak};

/// Seconds by which Shanghai is ahead of UTC.
const AHEAD_SECONDS: i64 = 8 * 3_600;

/// Makes the city and prints what was made.
pub fn run(arguments: &Synth) -> anyhow::Result<Ended> {
    let options = Options {
        people: arguments.people,
        seed: arguments.seed,
        today: day(arguments.today.as_deref())?,
        years: arguments.years,
        out: arguments.out.clone(),
        withheld_share: 0.0,
    };
    let begun = Instant::now();
    let summary = synth::make(&options)?;
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = (summary.feed_bytes + summary.truth_bytes) as f64 / 1e6;
    speak::data(format!(
        "people={} events={} messages={} documents={} rows={} files={} faults={} feed_bytes={} truth_bytes={} seconds={seconds:.2} \
         megabytes_per_second={:.1}",
        summary.people,
        summary.events,
        summary.messages,
        summary.documents,
        summary.rows,
        summary.files,
        summary.faults,
        summary.feed_bytes,
        summary.truth_bytes,
        megabytes / seconds.max(0.001),
    ));
    Ok(Ended::Well)
}

/// The day that was asked for, else the day on which this runs, in Shanghai.
pub(crate) fn day(chosen: Option<&str>) -> anyhow::Result<Day> {
    if let Some(chosen) = chosen {
        return Day::parse(chosen).with_context(|| format!("{chosen} is no day; write it as 2026-11-22"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let seconds = i64::try_from(now.as_secs()).context("the clock is wrong")? + AHEAD_SECONDS;
    Ok(Day(i32::try_from(seconds / 86_400).context("the clock is wrong")?))
}
