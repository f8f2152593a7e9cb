//! `kangmai authz explain`: the sentence of the policy about the account behind a token.

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::{Authz, AuthzCommand};
use crate::client::Client;
use crate::{Ended, load, speak};

/// Asks and prints; exit code 1 when it is refused.
pub fn run(arguments: &Authz) -> anyhow::Result<Ended> {
    let AuthzCommand::Explain { server, token_file, interaction, type_name, person } = &arguments.command;
    let token = load::token(token_file.as_deref())?;
    let mut query = format!("interaction={interaction}&type={type_name}");
    if let Some(person) = person {
        query.push_str("&person=");
        query.push_str(person);
    }
    let reply = Client::new(server, &token).get(&format!("/api/v1/authz/explain?{query}"))?;
    if !reply.status.is_success() {
        bail!("the server answered {}: {}", reply.status.as_u16(), reply.body);
    }
    let page: Value = serde_json::from_str(&reply.body).context("the answer is no JSON")?;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let is_allowed = page["allow"] == true;
    speak::data(format!(
        "{}  {} {} for {} as {}",
        if is_allowed { "允许 allowed" } else { "拒绝 refused" },
        word(&page["interaction"]),
        word(&page["type"]),
        word(&page["purpose"]),
        word(&page["role"]),
    ));
    for rule in [&page, &page["ground"], &page["no_ground"]].into_iter().filter(|rule| rule["rule"].is_string()) {
        speak::data(format!("{}\n  {}\n  {}", word(&rule["rule"]), word(&rule["zh"]), word(&rule["en"])));
    }
    Ok(if is_allowed { Ended::Well } else { Ended::WithFindings })
}
