//! Accounts of the demo, one for each role, bound to people and places of the city, and the three-minute tour.

use anyhow::Context;
use serde_json::Value;
use server::control::Request;
use server::folder::Folder;

use super::{TENANT, secret};
use crate::client::Client;
use crate::speak;

/// A sign-in that was made.
pub(super) struct Login {
    role: &'static str,
    name: &'static str,
    password: String,
    what: String,
}

/// A machine account that may read everything: for the check.
pub(super) fn reader() -> Request {
    Request::Machine { name: "demo-reader".to_owned(), tenant: TENANT, scope: "system/*.rs".to_owned(), renew: false }
}

/// Somebody who signs in.
#[derive(Default)]
struct Person {
    name: &'static str,
    display_name: String,
    role: &'static str,
    institution: Option<String>,
    department: Option<String>,
    staff_number: Option<String>,
    patients: Vec<String>,
    proxies: Vec<String>,
}

impl Person {
    fn request(&self) -> Request {
        Request::Account {
            name: self.name.to_owned(),
            display_name: Some(self.display_name.clone()),
            role: self.role.to_owned(),
            tenant: TENANT,
            institution: self.institution.clone(),
            scope: None,
            department: self.department.clone(),
            staff_number: self.staff_number.clone(),
            patients: self.patients.clone(),
            proxies: self.proxies.clone(),
            password: None,
        }
    }
}

/// Makes an account per role.
pub(super) fn make(folder: &Folder, city: &synth::Options, url: &str) -> anyhow::Result<Vec<Login>> {
    let token = secret(folder, &reader())?;
    let client = Client::new(url, &token);
    let truth = city.out.join("truth");
    let hero = super::found::hero(&truth)?;
    let visit = super::found::visit_today(&client, &hero)?;
    let contract = super::found::contract(&truth, &hero)?;
    let registrations = super::found::patients(&client, &hero)?;
    let senders = synth::senders()?;
    let (hospital, hospital_code) = (&senders[0].1, &senders[0].2);
    let people = [
        Person {
            name: "doctor",
            display_name: visit.doctor_name.clone(),
            role: "clinician",
            institution: Some(hospital_code.clone()),
            department: Some(visit.department.clone()),
            staff_number: Some(visit.doctor_number.clone()),
            ..Person::default()
        },
        Person {
            name: "family",
            display_name: contract.doctor_name.clone(),
            role: "family-doctor",
            institution: Some(contract.institution.clone()),
            staff_number: Some(contract.doctor_number.clone()),
            ..Person::default()
        },
        Person {
            name: "resident",
            display_name: hero.name.clone(),
            role: "resident",
            patients: registrations,
            ..Person::default()
        },
        Person {
            name: "institution",
            display_name: "接口管理员".to_owned(),
            role: "institution-administrator",
            institution: Some(senders[1].2.clone()),
            ..Person::default()
        },
        Person {
            name: "operator",
            display_name: "平台运维".to_owned(),
            role: "platform-operator",
            ..Person::default()
        },
        Person {
            name: "auditor", display_name: "顾明达".to_owned(), role: "audit-administrator", ..Person::default()
        },
        Person {
            name: "index", display_name: "方知远".to_owned(), role: "index-administrator", ..Person::default()
        },
    ];
    let mut logins = Vec::new();
    for person in people {
        let password = secret(folder, &person.request()).with_context(|| format!("account {}", person.name))?;
        let what = match person.name {
            "doctor" => format!("{hospital} {} {}", visit.department_name, person.display_name),
            "institution" => senders[1].1.clone(),
            _ => person.display_name.clone(),
        };
        logins.push(Login { role: person.role, name: person.name, password, what });
    }
    Ok(logins)
}

/// Prints the address, who signs in how, and where to go.
pub(super) fn show(url: &str, logins: &[Login]) {
    let mut text = format!("portal  {url}/\n\n");
    for login in logins {
        let role = login.role.replace("institution-administrator", "institution-admin");
        text.push_str(&format!("{role:20} {:12} {}  {}\n", login.name, login.password, login.what));
    }
    text.push_str(concat!(
        "\nthree minutes\n",
        "  1. doctor: 当前就诊 lists who is registered this morning; open 张伟民. He is known to three institutions under three\n",
        "     numbers; his HbA1c is one line although one of them reports mmol/mol; only one of them knows of his allergy.\n",
        "  2. On any result: 查看原文 shows the message, document or row that it came from.\n",
        "  3. resident: 调阅记录 names the doctor who just looked. institution: what the county hospital sent, what was set aside\n",
        "     and why, and its 日对账. family: residents under contract, who is due, whose pressure is too high.\n",
        "     index: registrations that may be one person, side by side, and those with one card and two faces.\n",
    ));
    speak::data(text);
    speak::words("演示系统·全部为合成数据. Ctrl-C stops it");
}

/// Text of a member, empty when there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("")
}
