//! `kangmai audit`: the log proves itself, or says what is wrong with it.

use std::fs;

use anyhow::{Context, bail};
use server::control::{self, Reply, Request};

use crate::cli::{Audit, AuditCommand};
use crate::{Ended, speak};

/// Verifies, or signs a checkpoint.
pub fn run(arguments: &Audit) -> anyhow::Result<Ended> {
    match &arguments.command {
        AuditCommand::Checkpoint { folder, tenant } => {
            let reply = control::ask(&folder.folder(), &Request::Checkpoint { tenant: *tenant })?;
            let Reply::Text(checkpoint) = reply else { bail!("the server answered something else than was asked") };
            speak::data(checkpoint.trim_end());
            speak::hint(
                "keep this text apart from the data; `kangmai audit verify --anchor FILE` holds the log against it",
            );
            Ok(Ended::Well)
        }
        AuditCommand::Verify { folder, tenant, anchor } => {
            let anchor = match anchor {
                Some(file) => {
                    Some(fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
                }
                None => None,
            };
            let has_anchor = anchor.is_some();
            let reply = control::ask(&folder.folder(), &Request::VerifyAudit { tenant: *tenant, anchor })?;
            report(reply, has_anchor)
        }
    }
}

fn report(reply: Reply, has_anchor: bool) -> anyhow::Result<Ended> {
    let Reply::Verdict { events, checkpoints, proven, findings } = reply else {
        bail!("the server answered something else than was asked")
    };
    for finding in &findings {
        speak::data(finding);
    }
    let state = if findings.is_empty() { "intact" } else { "BROKEN" };
    speak::data(format!("{state}: events={events} checkpoints={checkpoints} signed={proven}"));
    if !has_anchor {
        speak::hint("without --anchor a log that was cut and signed anew by someone with the key cannot be told apart");
    }
    Ok(if findings.is_empty() { Ended::Well } else { Ended::WithFindings })
}
