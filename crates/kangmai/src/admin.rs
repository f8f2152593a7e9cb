//! `kangmai admin`: requests to the control socket, or to the folder when no server runs.

use std::io::BufRead;

use anyhow::{Context, bail};
use server::control::{self, Password, Reply, Request};

use crate::cli::{Admin, AdminCommand, DataFolder, SearchParameterCommand};
use crate::{Ended, speak};

/// Asks, and prints what is answered.
pub fn run(arguments: &Admin) -> anyhow::Result<Ended> {
    match &arguments.command {
        AdminCommand::Machine { name, folder, tenant, scope, renew } => {
            let request = Request::Machine { name: name.clone(), tenant: *tenant, scope: scope.clone(), renew: *renew };
            print_secret(ask(folder, &request)?, "keep this token now: it is not shown again")
        }
        AdminCommand::Account {
            name,
            folder,
            role,
            tenant,
            display_name,
            institution,
            department,
            staff_number,
            scope,
            patient,
            proxy,
            password_stdin,
        } => {
            let password = if *password_stdin { Some(Password(first_line()?)) } else { None };
            let request = Request::Account {
                name: name.clone(),
                display_name: display_name.clone(),
                role: role.clone(),
                tenant: *tenant,
                institution: institution.clone(),
                department: department.clone(),
                staff_number: staff_number.clone(),
                scope: scope.clone(),
                patients: patient.clone(),
                proxies: proxy.clone(),
                password,
            };
            print_secret(ask(folder, &request)?, "keep this password now: it is not shown again")
        }
        AdminCommand::Source { folder, .. } => {
            print_secret(ask(folder, &source(&arguments.command)?)?, "keep this token now: it is not shown again")
        }
        AdminCommand::LaunchKey { folder, tenant, institution } => {
            let request = Request::LaunchKey { tenant: *tenant, institution: institution.clone() };
            print_secret(ask(folder, &request)?, "give this key to the institution's HIS and to nobody else")
        }
        AdminCommand::Disable { name, folder, tenant } => {
            ask(folder, &Request::Disable { name: name.clone(), tenant: *tenant })?;
            speak::words(format!("`{name}` is closed"));
            Ok(Ended::Well)
        }
        AdminCommand::Reindex { folder } => reindex(folder),
        AdminCommand::RenewKeys { folder } => renew_keys(folder),
        AdminCommand::SearchParameter(command) => search_parameter(command),
        AdminCommand::List { folder, tenant } => list(ask(folder, &Request::List { tenant: *tenant })?),
    }
}

/// Reads `OLD=CODE`: two codes of one institution.
pub(crate) fn alias(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, code)) if !old.is_empty() && !code.is_empty() && old != code => {
            Ok((old.to_owned(), code.to_owned()))
        }
        _ => Err("write it as OLD=CODE, two codes of one institution".to_owned()),
    }
}

fn source(command: &AdminCommand) -> anyhow::Result<Request> {
    let AdminCommand::Source {
        name,
        tenant,
        institution,
        also_for,
        title,
        encoding,
        code_map,
        branch,
        authorities,
        patient_roots,
        aliases,
        listen,
        allow,
        watch,
        off,
        folder: _,
    } = command
    else {
        bail!("this registers no source")
    };
    let source = server::Source {
        name: name.clone(),
        number: 0,
        title: title.clone().unwrap_or_else(|| name.clone()),
        institution: institution.clone(),
        institutions: also_for.clone(),
        account: format!("source-{name}"),
        is_enabled: !off,
        encoding: encoding.clone(),
        code_map: code_map.clone(),
        branch: branch.clone(),
        authorities: authorities.clone(),
        patient_roots: patient_roots.clone(),
        aliases: aliases.iter().cloned().collect(),
        listen: listen.map(|address| server::Listen { address, allow: allow.clone() }),
        folder: watch.clone(),
    };
    Ok(Request::Source { tenant: *tenant, source })
}

fn renew_keys(folder: &DataFolder) -> anyhow::Result<Ended> {
    let folder = folder.folder();
    let (words, kept) = control::renew_keys(&folder)?;
    speak::words(words);
    speak::hint(format!("keep a copy of {} apart from the data", folder.key_file.display()));
    speak::hint(format!("the old key is {}: only backups made until now need it; move it to them", kept.display()));
    Ok(Ended::Well)
}

/// Progress is told each time that another part of so many is done.
const PARTS_TOLD: u64 = 20;

fn reindex(folder: &DataFolder) -> anyhow::Result<Ended> {
    let mut told = 0;
    let words = control::reindex(&folder.folder(), &mut |done, about| {
        let part = (done * PARTS_TOLD).checked_div(about).unwrap_or(0);
        if part > told {
            told = part;
            speak::words(format!("{done} of about {about} resources"));
        }
    })?;
    speak::words(words);
    Ok(Ended::Well)
}

fn ask(folder: &DataFolder, request: &Request) -> anyhow::Result<Reply> {
    Ok(control::ask(&folder.folder(), request)?)
}

/// A secret goes to stdout alone, so that `$(kangmai admin machine …)` is the token.
fn print_secret(reply: Reply, advice: &str) -> anyhow::Result<Ended> {
    match reply {
        Reply::Secret(secret) => {
            speak::data(secret);
            speak::hint(advice);
        }
        Reply::Done => speak::words("done"),
        _ => bail!("the server answered something else than was asked"),
    }
    Ok(Ended::Well)
}

fn list(reply: Reply) -> anyhow::Result<Ended> {
    let Reply::Accounts(accounts) = reply else { bail!("the server answered something else than was asked") };
    for account in accounts {
        let state = if account.disabled { "closed" } else { "open" };
        let scope = if account.scope.is_empty() { "-" } else { &account.scope };
        let line = [account.name.as_str(), &account.role, state, scope, &account.display_name].join("\t");
        speak::data(line);
    }
    Ok(Ended::Well)
}

fn search_parameter(command: &SearchParameterCommand) -> anyhow::Result<Ended> {
    let (folder, request) = match command {
        SearchParameterCommand::Add { file, folder, tenant } => {
            let definition = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            (folder, Request::AddSearchParameter { tenant: *tenant, definition })
        }
        SearchParameterCommand::Retire { name, folder, tenant } => {
            (folder, Request::RetireSearchParameter { tenant: *tenant, name: name.clone() })
        }
        SearchParameterCommand::List { folder, tenant } => (folder, Request::ListSearchParameters { tenant: *tenant }),
    };
    match ask(folder, &request)? {
        Reply::Text(words) => speak::words(words),
        Reply::SearchParameters(found) => found.into_iter().for_each(|it| {
            let failures = it.failures.to_string();
            let fields =
                [&it.code, &it.readiness, &it.kind, &it.bases, &it.evaluation, &failures, &it.url, &it.expression];
            speak::data(fields.map(String::as_str).join("\t"));
        }),
        _ => bail!("the server answered something else than was asked"),
    }
    Ok(Ended::Well)
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("stdin cannot be read")?;
    let line = line.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        bail!("stdin holds no password");
    }
    Ok(line.to_owned())
}
