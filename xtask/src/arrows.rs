//! The arrows of the house: which crate may see which. A crate that is not in the table, or an edge that is not in its
//! line, fails. Development dependencies are not arrows: a test may stand anywhere.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// Crate, and the crates of this workspace that it may use. Rooms that do not exist yet are listed already: the table is
/// the plan, the workspace is what has been built of it.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("standards", &["model"]),
    ("trust", &["model"]),
    ("store", &["model", "trust"]),
    ("formats", &["standards", "model"]),
    ("quality", &["standards", "model"]),
    ("identity", &["standards", "model"]),
    ("synth", &["formats", "standards", "model"]),
    ("records", &["store", "standards", "formats", "trust", "model"]),
    ("intake", &["formats", "quality", "identity", "records", "store", "trust", "standards", "model"]),
    ("care", &["intake", "formats", "records", "store", "identity", "standards", "trust", "model"]),
    ("insight", &["quality", "records", "identity", "standards", "trust", "model"]),
    ("federation", &["intake", "records", "identity", "standards", "trust", "model"]),
    (
        "server",
        &[
            "care",
            "federation",
            "formats",
            "identity",
            "insight",
            "intake",
            "model",
            "quality",
            "records",
            "standards",
            "store",
            "trust",
        ],
    ),
    ("kangmai", &["server", "formats", "standards", "quality", "identity", "synth"]),
    // Not a room: the tool that watches over the rooms prints their tables.
    ("xtask", &["model", "trust"]),
    // Makes labelled people for the tests of `identity`, and therefore may know nothing of it.
    ("registrations", &[]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Compares the workspace with the plan and returns the number of edges seen.
///
/// # Errors
/// Every edge that is not in the plan, and every crate that is not in it.
pub fn check(root: &Path) -> anyhow::Result<usize> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata does not start")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata is not readable")?;
    compare(&metadata)
}

fn compare(metadata: &Metadata) -> anyhow::Result<usize> {
    let mut edges = 0;
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some((_, allowed)) = MAY_SEE.iter().find(|(name, _)| *name == package.name) else {
            wrong.push(format!("crate `{}` is not in the plan (xtask/src/arrows.rs)", package.name));
            continue;
        };
        let ours = package.dependencies.iter().filter(|it| it.path.is_some() && it.kind.as_deref() != Some("dev"));
        for dependency in ours {
            edges += 1;
            if !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!(
                    "`{}` may not use `{}`; it may use: {}",
                    package.name,
                    dependency.name,
                    allowed.join(", ")
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(edges) } else { bail!("{}", wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str, uses: &str, kind: Option<&str>) -> Metadata {
        let dependency =
            Dependency { name: uses.to_owned(), kind: kind.map(str::to_owned), path: Some("somewhere".to_owned()) };
        Metadata { packages: vec![Package { name: name.to_owned(), dependencies: vec![dependency] }] }
    }

    #[test]
    fn an_edge_against_the_arrows_fails() {
        assert!(compare(&workspace("store", "trust", None)).is_ok());
        assert!(compare(&workspace("trust", "store", None)).is_err());
        assert!(compare(&workspace("trust", "store", Some("build"))).is_err());
        assert!(compare(&workspace("trust", "store", Some("dev"))).is_ok());
        assert!(compare(&workspace("newcomer", "model", None)).is_err());
    }

    #[test]
    fn the_plan_has_no_circle() {
        // A crate is placed once everything that it may see is placed; what remains stands in a circle.
        let mut placed: Vec<&str> = Vec::new();
        while let Some((name, _)) =
            MAY_SEE.iter().find(|(name, sees)| !placed.contains(name) && sees.iter().all(|seen| placed.contains(seen)))
        {
            placed.push(name);
        }
        assert_eq!(placed.len(), MAY_SEE.len());
    }
}
