//! Pages of documentation that are printed from tables in the code, so that they cannot say something else.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use model::ErrorCode;

/// One printed page.
pub struct Page {
    /// Where it lies, from the root of the repository.
    pub path: &'static str,
    /// Which task prints it.
    pub task: &'static str,
    text: fn() -> String,
}

/// Every refusal of the platform.
pub const ERRORS: Page = Page { path: "docs/ERRORS.md", task: "errors", text: errors };

/// Every action that the audit log names.
pub const AUDIT_EVENTS: Page = Page { path: "docs/AUDIT_EVENTS.md", task: "audit-events", text: audit_events };

impl Page {
    /// What the page says now.
    pub fn text(&self) -> String {
        (self.text)()
    }
}

/// The page as text; with `--write` it is also written to its place.
///
/// # Errors
/// When the file cannot be written.
pub fn print(root: &Path, page: &Page, arguments: &[String]) -> anyhow::Result<String> {
    let text = page.text();
    if arguments.iter().any(|argument| argument == "--write") {
        let path = root.join(page.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, &text).with_context(|| format!("cannot write {}", page.path))?;
        return Ok(format!("wrote {}", page.path));
    }
    Ok(text.trim_end().to_owned())
}

fn errors() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every refusal is one line of `crates/model/src/error.rs`; this page is printed from it by `cargo xtask errors --write`.\n\
         FHIR routes answer with an `OperationOutcome` (`issue.code` is the FHIR code, `issue.details.coding.code` the code),\n\
         `/api/v1` with `{\"error\": {\"code\", \"message\", \"detail\", \"issues\"}}`. The sentence follows `Accept-Language`\n\
         (`zh` or `en`). A detail names types, parameters, paths and ids, never a value of a record.\n\n\
         | code | HTTP | FHIR | 中文 | English |\n|---|---|---|---|---|\n",
    );
    for error in ErrorCode::ALL {
        let _ = writeln!(
            text,
            "| `{}` | {} | `{}` | {} | {} |",
            error.code(),
            error.status(),
            error.issue_type(),
            error.zh(),
            error.en()
        );
    }
    text
}

fn audit_events() -> String {
    let mut text = String::from(
        "# Audit events\n\n\
         Every request under `/fhir/R4` and `/api/v1`, answered or refused, writes exactly one event before its reply leaves;\n\
         every act of `kangmai admin`, `audit` and `backup` writes one too. `/health`, `/metrics` and the files of the portal\n\
         carry no personal data and write none. This page is printed from the table in `crates/trust/src/audit.rs` by\n\
         `cargo xtask audit-events --write`.\n\n\
         An event says: when, request id, tenant, who (account, role, institution), purpose, action, route (as a template, with\n\
         the resource type but never with an id), outcome and HTTP status, the policy rule that spoke, the registrations\n\
         disclosed, how many resources, and the *names* of the parameters. It never carries a parameter's value, a name of a\n\
         person or an identity number. Requests that name no known account are written to the log of tenant 0, the platform.\n\n",
    );
    text.push_str(&trust::audit::events_markdown());
    text
}
