//! Rules of this repository that a compiler does not check, and the tables that documentation prints.
//!
//! `cargo xtask NAME`; without a name it lists what there is. `arrows` and `tidy` also run as tests
//! (`cargo test --release -p xtask`), so that a broken rule fails the same way as broken code.

mod arrows;
#[expect(clippy::print_stdout, reason = "it says how large the packed rule book is")]
mod standards;
mod tables;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

const HELP: &str = "\
usage: cargo xtask <task>

  arrows         no crate depends on a crate that the plan does not let it see
  tidy           repository rules: file length, lints, spaces, paths, printed tables
  errors         print docs/ERRORS.md (--write to update the file)
  audit-events   print docs/AUDIT_EVENTS.md (--write to update the file)
  standards      build the packed rule book from the definitions";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&task, &rest) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, rest: &[String]) -> anyhow::Result<String> {
    let root = root();
    match task {
        "arrows" => arrows::check(&root).map(|edges| format!("arrows: {edges} edges, all of them in the plan")),
        "tidy" => tidy::check(&root).map(|files| format!("tidy: {files} files, nothing to say")),
        "errors" => tables::print(&root, &tables::ERRORS, rest),
        "audit-events" => tables::print(&root, &tables::AUDIT_EVENTS, rest),
        "standards" => standards::run(rest).map(|()| "standards: done".to_owned()),
        "" | "help" | "--help" => Ok(HELP.to_owned()),
        other => bail!("no task `{other}`\n\n{HELP}"),
    }
}

/// The root of the repository: the folder above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_one_way() {
        if let Err(error) = arrows::check(&root()) {
            panic!("{error:#}");
        }
    }

    #[test]
    fn the_repository_is_tidy() {
        if let Err(error) = tidy::check(&root()) {
            panic!("{error:#}");
        }
    }

    #[test]
    fn unknown_tasks_are_refused_with_the_list() {
        let error = run("arows", &[]).unwrap_err().to_string();
        assert!(error.contains("arrows") && error.contains("tidy"), "{error}");
    }
}
