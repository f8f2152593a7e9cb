//! Repository rules as a test. Each rule says where, what, and what to do instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::tables::{AUDIT_EVENTS, ERRORS, Page};

/// A file beyond this is two files: nobody reads 800 lines in one sitting.
const FILE_LINES_MAX: usize = 800;

/// Folders that nobody wrote by hand.
const SKIPPED_FOLDERS: &[&str] =
    &[".git", "target", "node_modules", "dist", "demo-data", "samples", "venv", "__pycache__"];

/// Text that people write; everything else (images, packed data) is not looked into.
const TEXT_EXTENSIONS: &[&str] =
    &["rs", "toml", "md", "sh", "ts", "tsx", "css", "html", "yml", "yaml", "txt", "py", "mjs"];

/// Files that must be there, each with what a stranger would miss without it.
const REQUIRED: &[(&str, &str)] = &[
    ("LICENSE", "the licence of the whole"),
    ("README.md", "the first page"),
    ("README.zh-CN.md", "the first page in Chinese"),
    ("ARCHITECTURE.md", "the map of the house"),
    ("CHANGELOG.md", "what changed"),
    ("docs/DATA_MODEL.md", "the printed keys"),
];

/// Checks every rule and returns the number of files looked at.
///
/// # Errors
/// Everything found, one line each.
pub fn check(root: &Path) -> anyhow::Result<usize> {
    let files = match tracked(root) {
        Some(files) => files,
        None => {
            let mut files = Vec::new();
            walk(root, &mut files)?;
            files
        }
    };
    let mut found = Vec::new();
    for path in &files {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        // What a reader is fed is as hospitals send it: any encoding, any damage.
        if name.contains("/tests/") && name.contains("/cases/") {
            continue;
        }
        let text = fs::read_to_string(path).with_context(|| format!("{} is not UTF-8 text", path.display()))?;
        check_text(&name, &text, &mut found);
    }
    for (name, why) in REQUIRED {
        if !root.join(name).is_file() {
            found.push(format!("{name}: missing ({why})"));
        }
    }
    for page in [&ERRORS, &AUDIT_EVENTS] {
        check_page(root, page, &mut found);
    }
    check_corpus(root, &mut found)?;
    if found.is_empty() { Ok(files.len()) } else { bail!("{} finding(s)\n{}", found.len(), found.join("\n")) }
}

/// The index of what feeds look like, and where each line of it is tried.
const CORPUS: &str = "tests/corpus/feeds.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    line: Vec<CorpusLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CorpusLine {
    feed: String,
    at: Vec<String>,
}

/// Every place that the corpus names is there: a file, a folder, or words in a file.
fn check_corpus(root: &Path, found: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join(CORPUS)).with_context(|| format!("{CORPUS} cannot be read"))?;
    let corpus: Corpus = toml::from_str(&text).with_context(|| format!("{CORPUS} is not readable"))?;
    for line in &corpus.line {
        if line.at.is_empty() {
            found.push(format!("{CORPUS}: `{}` is tried nowhere", line.feed));
        }
        for place in &line.at {
            let (path, words) =
                place.split_once("::").map_or((place.as_str(), None), |(path, words)| (path, Some(words)));
            let path = root.join(path);
            let is_there = match words {
                None => path.exists(),
                Some(words) => fs::read_to_string(&path).is_ok_and(|text| text.contains(words)),
            };
            if !is_there {
                found.push(format!("{CORPUS}: `{place}` is not there (`{}`)", line.feed));
            }
        }
    }
    Ok(())
}

/// The files that git keeps or would keep, where there is git.
fn tracked(root: &Path) -> Option<Vec<PathBuf>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8(output.stdout).ok()?;
    let is_ours = |name: &&str| {
        let is_skipped = name.split('/').any(|part| SKIPPED_FOLDERS.contains(&part));
        !is_skipped && is_text(name.rsplit('/').next().unwrap_or(name))
    };
    // A file that was just removed is still listed.
    Some(names.split('\0').filter(is_ours).map(|name| root.join(name)).filter(|path| path.is_file()).collect())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            walk(&entry.path(), files)?;
        } else if kind.is_file() && is_text(&name) {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    name == "Makefile"
        || name == "run"
        || Path::new(name).extension().and_then(|it| it.to_str()).is_some_and(|it| TEXT_EXTENSIONS.contains(&it))
}

fn check_text(name: &str, text: &str, found: &mut Vec<String>) {
    // Markdown may be long, and the tables of scenarios are data.
    if name.ends_with(".rs") || name.ends_with(".ts") || name.ends_with(".tsx") {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            found.push(format!("{name}: {lines} lines, the limit is {FILE_LINES_MAX}; split it by idea"));
        }
    }
    check_lines(name, text, found);
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(format!("{name}: no newline at the end"));
    }
    if name.ends_with(".rs") {
        check_rust(name, text, found);
    }
    // `fuzz/` is a workspace of its own, as cargo-fuzz wants it.
    if name.ends_with("/Cargo.toml") && !name.starts_with("fuzz/") {
        check_manifest(name, text, found);
    }
}

fn check_lines(name: &str, text: &str, found: &mut Vec<String>) {
    // Spelled in halves, so that this file does not find itself.
    let machine_paths =
        [["/ho", "me/"].concat(), ["/ro", "ot/"].concat(), ["/wo", "rk/"].concat(), ["/Use", "rs/"].concat()];
    for (index, line) in text.lines().enumerate() {
        let at = index + 1;
        // Two spaces at the end of a Markdown line are a line break, but nobody sees them: not used here either.
        if line.ends_with(' ') || line.ends_with('\t') {
            found.push(format!("{name}:{at}: space at the end of the line"));
        }
        if line.contains('\r') {
            found.push(format!("{name}:{at}: carriage return"));
        }
        if let Some(path) = machine_paths.iter().find(|path| line.contains(path.as_str())) {
            found.push(format!("{name}:{at}: a path of one machine (`{path}`)"));
        }
        if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
            found.push(format!("{name}:{at}: unresolved merge"));
        }
    }
}

fn check_rust(name: &str, text: &str, found: &mut Vec<String>) {
    if (name.ends_with("src/lib.rs") || name.ends_with("src/main.rs")) && !text.starts_with("//!") {
        found.push(format!("{name}: must open with `//!`: the idea of the room before its items"));
    }
    if is_test(name) {
        return;
    }
    let mut forbidden = vec![["todo", "!("].concat(), ["unimple", "mented!("].concat()];
    if !text.contains("#[expect(clippy::unwrap_used, reason") {
        forbidden.push([".unw", "rap()"].concat());
    }
    let product = &text[..where_tests_begin(text)];
    for (index, line) in product.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if let Some(word) = forbidden.iter().find(|word| line.contains(word.as_str())) {
            found.push(format!("{name}:{}: `{word}` outside tests; use `let … else` or an error", index + 1));
        }
    }
}

/// Unit tests stand at the end of a file: behind the first `#[cfg(test)]` that opens a block (`mod tests;` opens none).
fn where_tests_begin(text: &str) -> usize {
    let mut marks = text.match_indices("\n#[cfg(test)]").map(|(at, _)| at);
    let opens = |at: &usize| text[*at..].find(['{', ';']).is_some_and(|end| text[at + end..].starts_with('{'));
    marks.find(opens).unwrap_or(text.len())
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("/examples/") || name.starts_with("tests/")
}

fn check_manifest(name: &str, text: &str, found: &mut Vec<String>) {
    for line in [
        "[lints]\nworkspace = true",
        "license.workspace = true",
        "edition.workspace = true",
        "publish.workspace = true",
    ] {
        if !text.contains(line) {
            found.push(format!("{name}: must say `{}`", line.replace('\n', " ")));
        }
    }
}

fn check_page(root: &Path, page: &Page, found: &mut Vec<String>) {
    match fs::read_to_string(root.join(page.path)) {
        Ok(text) if text == page.text() => {}
        Ok(_) => found.push(format!("{}: out of date; run `cargo xtask {} --write`", page.path, page.task)),
        Err(_) => found.push(format!("{}: missing; run `cargo xtask {} --write`", page.path, page.task)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check_text(name, text, &mut found);
        found
    }

    #[test]
    fn rules_find_what_they_look_for() {
        let long = "x\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(findings("crates/a/src/b.rs", &long).len(), 1);
        assert!(findings("docs/a.md", &long).is_empty());
        assert_eq!(findings("docs/a.md", "a \n").len(), 1);
        assert_eq!(findings("docs/a.md", "a").len(), 1);
        assert_eq!(findings("docs/a.md", &format!("see {}me/somebody/x\n", "/ho")).len(), 1);
        assert_eq!(findings("crates/a/src/lib.rs", "mod b;\n").len(), 1);
        assert_eq!(findings("crates/a/src/b.rs", &format!("let x = y{}();\n", ".unwrap")).len(), 1);
        assert!(findings("crates/a/tests/b.rs", &format!("let x = y{}();\n", ".unwrap")).is_empty());
        let test_only = format!("fn x() {{}}\n\n#[cfg(test)]\nmod tests {{\n    y{}();\n}}\n", ".unwrap");
        assert!(findings("crates/a/src/b.rs", &test_only).is_empty());
        let declared = format!("#[cfg(test)]\nmod tests;\n\nfn x() {{\n    y{}();\n}}\n", ".unwrap");
        assert_eq!(findings("crates/a/src/b.rs", &format!("use x;\n{declared}")).len(), 1);
        assert_eq!(findings("crates/a/Cargo.toml", "[package]\n").len(), 4);
    }
}
