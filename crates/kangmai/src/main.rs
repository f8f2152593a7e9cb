//! The binary: words, flags, exit codes, and nothing else. What a command does lives in `server` (for everything that needs
//! the data folder) or in `formats` (for what works on files alone).
//!
//! Exit codes: 0 done; 1 done, with findings (a bundle refused, an invalid file, a broken log); 2 not done.
//! Data goes to stdout, words to stderr.

mod admin;
mod audit;
mod authz;
mod backup;
mod cli;
mod client;
mod demo;
mod empi;
mod ingest;
mod load;
mod memory;
mod serve;
mod speak;
mod synth;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// A bundle is thousands of small allocations on several threads: mimalloc is faster at them and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended that did run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing to say.
    Well,
    /// Something was found or refused.
    WithFindings,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    speak::start_log(cli.log_format, cli.verbose);
    if matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        memory::give_back_at_once();
    }
    match run(cli.command) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::WithFindings) => ExitCode::from(1),
        Err(error) => {
            speak::error(&error);
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> anyhow::Result<Ended> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Admin(arguments) => admin::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Ingest(arguments) => ingest::run(&arguments),
        Command::Authz(arguments) => authz::run(&arguments),
        Command::Routes => {
            speak::data(server::route_list());
            Ok(Ended::Well)
        }
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Empi(arguments) => empi::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Verify(arguments) => backup::verify(&arguments),
        Command::Repair(arguments) => backup::repair(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Synth(arguments) => synth::run(&arguments),
    }
}
