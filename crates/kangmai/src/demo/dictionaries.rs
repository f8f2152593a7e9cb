//! The dictionaries of the demo's senders (机构字典, 科室字典): without them the platform knows codes and no names. Institutions send
//! them when they are connected, before any patient.

use anyhow::{Context, bail};

use super::feeds::Doors;
use crate::client::Client;

/// Sends what each sender that writes tables calls the institutions and departments for which it speaks.
pub(super) fn send(doors: &Doors, city: &synth::Options, url: &str) -> anyhow::Result<()> {
    let all = synth::institutions(city.seed, city.today)?;
    let day = city.today.digits();
    // The city hospital's documents name its departments themselves, and its registration as a source names the hospital.
    for sender in ["county-hospital", "primary-care"] {
        let client = Client::new(url, doors.token(sender));
        let mut institutions = String::from("YLJGDM,JGMC,GXSJ\r\n");
        let mut departments = String::from("YLJGDM,KSDM,KSMC,GXSJ\r\n");
        for one in all.iter().filter(|one| one.sender == sender) {
            institutions.push_str(&format!("{},{},{day}000000\r\n", one.code, one.name));
            for team in &one.departments {
                departments.push_str(&format!("{},{},{},{day}000000\r\n", one.code, team.code, team.name));
            }
        }
        for (table, text) in [("TB_DIC_INSTITUTION", institutions), ("TB_DIC_DEPARTMENT", departments)] {
            let name = format!("{table}_{sender}_{day}.csv");
            // As the sender writes its other tables.
            let bytes = match sender {
                "primary-care" => encoding_rs::GB18030.encode(&text).0.into_owned(),
                _ => text.into_bytes(),
            };
            let reply = client.post_message(sender, &name, &bytes).with_context(|| name.clone())?;
            if !reply.status.is_success() {
                bail!("{name}: {} {}", reply.status, reply.body);
            }
        }
    }
    Ok(())
}
