//! `kangmai demo --sample`: the sample records (外部样例), which were made elsewhere and belong to no city: a fresh folder, a
//! server, accounts, and three things to try.

use std::path::PathBuf;

use anyhow::{Context, bail};
use server::Running;
use server::control::Request;
use server::folder::Folder;

use crate::cli::Demo;
use crate::client::Client;
use crate::demo::{Place, TENANT, end, secret};
use crate::serve::{runtime, stop_signal};
use crate::{Ended, load, speak};

/// Bundles sent at the same time: as many as the smallest machine has cores.
const CLIENTS: usize = 2;

/// Runs until it is interrupted.
pub fn run(arguments: &Demo) -> anyhow::Result<Ended> {
    if !arguments.samples.is_dir() {
        bail!("there are no sample records in {}; say --samples DIR", arguments.samples.display());
    }
    let place = Place::new(arguments.data.as_ref())?;
    let options = place.options(arguments);
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut stop = std::pin::pin!(stop_signal()?);
        let running = server::start(options).await?;
        let folder = place.folder.clone();
        let samples = arguments.samples.clone();
        let url = format!("http://{}", running.address);
        // Preparing talks to the server over its own doors, like any client: off the runtime's threads.
        let mut preparing = tokio::task::spawn_blocking(move || prepare(&folder, samples, &url));
        tokio::select! {
            prepared = &mut preparing => show(&running, prepared.context("the demo could not be prepared")??),
            () = &mut stop => return end(running).await,
        }
        stop.await;
        end(running).await
    });
    runtime.shutdown_background();
    ended
}

/// What the visitor gets to know.
struct Prepared {
    token: String,
    clinician_password: String,
    auditor_password: String,
    loaded: load::Loaded,
}

fn prepare(folder: &Folder, samples: PathBuf, url: &str) -> anyhow::Result<Prepared> {
    let token = secret(
        folder,
        &Request::Machine {
            name: "demo-machine".to_owned(),
            tenant: TENANT,
            scope: "system/*.cruds".to_owned(),
            renew: false,
        },
    )?;
    let clinician_password = secret(folder, &account("doctor", "沈知微", "clinician"))?;
    let auditor_password = secret(folder, &account("auditor", "顾明达", "audit-administrator"))?;
    speak::words("loading the sample records…");
    let loaded = load::load(&Client::new(url, &token), &[samples], CLIENTS)?;
    Ok(Prepared { token, clinician_password, auditor_password, loaded })
}

fn account(name: &str, display_name: &str, role: &str) -> Request {
    Request::Account {
        name: name.to_owned(),
        display_name: Some(display_name.to_owned()),
        role: role.to_owned(),
        tenant: TENANT,
        institution: Some("望岚县人民医院（演示）".to_owned()),
        // The sample people have no visits on the road, so that nobody would have a ground to see them.
        scope: (role == "clinician").then(|| "user/*.rs ground/any".to_owned()),
        department: None,
        staff_number: None,
        proxies: Vec::new(),
        patients: Vec::new(),
        password: None,
    }
}

fn show(running: &Running, prepared: Prepared) {
    let Prepared { token, clinician_password, auditor_password, loaded } = prepared;
    let base = format!("http://{}", running.address);
    let fhir = format!("{base}/fhir/R4");
    speak::words(format!(
        "{} resources of invented people are in, {:.1} s, {} bundle(s) refused\n",
        loaded.resources, loaded.seconds, loaded.refused
    ));
    speak::data(format!(
        "portal      {base}/\n\
         clinician   doctor   {clinician_password}\n\
         auditor     auditor  {auditor_password}\n\
         FHIR R4     {fhir}\n\
         token       {token}\n\
         \n\
         try\n\
         \x20 T='Authorization: Bearer {token}'\n\
         \x20 curl -s -H \"$T\" '{fhir}/Patient?_count=3&_elements=name,birthDate&_pretty=true'\n\
         \x20 curl -s -H \"$T\" '{fhir}/Observation?code=http://loinc.org|8302-2&_sort=-date&_count=2&_pretty=true'\n\
         \x20 curl -s -H \"$T\" '{fhir}/Patient?_has:Condition:patient:code=http://snomed.info/sct|59621000&_summary=count&_pretty=true'\n"
    ));
    speak::words("Ctrl-C stops it");
}
