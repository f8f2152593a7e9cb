//! `kangmai backup`, `restore`, `verify` and `repair`.

use std::path::Path;

use anyhow::{Context, bail};
use server::control::{self, Reply, Request};
use server::folder;

use crate::cli::{Backup, Repair, Restore, Verify};
use crate::{Ended, speak};

/// The tenant in whose audit log a backup is written down; it holds all of them.
const TENANT: u32 = 1;

/// Copies the folder, also while a server holds it.
pub fn backup(arguments: &Backup) -> anyhow::Result<Ended> {
    // The running server has another working directory than we do.
    let directory = std::path::absolute(&arguments.to).context("the target is no path")?;
    let request = Request::Backup { tenant: TENANT, directory };
    let reply = control::ask(&arguments.folder.folder(), &request)?;
    let Reply::Text(words) = reply else { bail!("the server answered something else than was asked") };
    speak::words(format!("backed up to {}: {words}", arguments.to.display()));
    speak::hint("the key file is not in the backup, and without it the backup cannot be read: keep both, apart");
    Ok(Ended::Well)
}

/// Makes a data folder of a backup.
pub fn restore(arguments: &Restore) -> anyhow::Result<Ended> {
    let folder = arguments.folder.folder();
    let files = folder.restore(&arguments.from)?;
    speak::words(format!("restored {files} files to {}", folder.data.display()));
    Ok(Ended::Well)
}

/// Checks a backup by its manifest; a data folder by opening it and reading its audit log.
pub fn verify(arguments: &Verify) -> anyhow::Result<Ended> {
    if is_backup(&arguments.folder.data) {
        let files = folder::verify_backup(&arguments.folder.data)?;
        speak::words(format!("{files} files are what the manifest says"));
        return Ok(Ended::Well);
    }
    let folder = arguments.folder.folder();
    if !folder.data.is_dir() {
        bail!("{} does not exist", folder.data.display());
    }
    let findings = control::ask(&folder, &Request::VerifyStore)?;
    let Reply::Findings(findings) = findings else { bail!("the server answered something else than was asked") };
    for finding in &findings {
        speak::data(finding);
    }
    speak::words(if findings.is_empty() { "everything can be read" } else { "something is damaged" });
    Ok(if findings.is_empty() { Ended::Well } else { Ended::WithFindings })
}

/// Opens a damaged write-ahead log up to the damage, and says what lay behind.
pub fn repair(arguments: &Repair) -> anyhow::Result<Ended> {
    let folder = arguments.folder.folder();
    if !folder.data.is_dir() {
        bail!("{} does not exist", folder.data.display());
    }
    let Some(repaired) = folder.repair()? else {
        speak::words("nothing is damaged before the end of the write-ahead log");
        return Ok(Ended::Well);
    };
    let (damage, kept_in) = (repaired.damage, repaired.kept_in);
    let name = damage.file.file_name().unwrap_or_default().to_string_lossy();
    speak::words(format!(
        "{name} was damaged at byte {}; what was committed before it is open again, {} whole records behind it are not",
        damage.at, damage.records_behind
    ));
    speak::hint(format!(
        "the logs as they were are in {}; what sources sent since then must be sent again",
        kept_in.display()
    ));
    Ok(Ended::WithFindings)
}

fn is_backup(path: &Path) -> bool {
    path.join("MANIFEST").is_file()
}
