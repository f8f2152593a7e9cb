//! The only place that prints: data to stdout, words to stderr, readable without colour.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]

use std::fmt::Display;

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Data: what another program may read.
pub fn data(text: impl Display) {
    println!("{text}");
}

/// Words: what a person reads.
pub fn words(text: impl Display) {
    eprintln!("{text}");
}

/// Why a command was not done.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// A next step.
pub fn hint(text: impl Display) {
    eprintln!("hint: {text}");
}

/// Log lines go to stderr; `KANGMAI_LOG` (for example `server=debug`) overrides how much.
pub fn start_log(format: LogFormat, verbose: bool) {
    let level = if verbose { "info,server=debug" } else { "info" };
    let filter = EnvFilter::try_from_env("KANGMAI_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
