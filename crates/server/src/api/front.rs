//! The lists of the front page: what many sources say is one line, with how many say it, since when, and every original.

use std::collections::{BTreeMap, HashSet};

use care::course;
use care::front::{self, History, Said};
use formats::national;
use model::{Failure, Home};
use serde_json::{Value, json};
use standards::front_page::front_page;
use trust::Interaction;

use super::facts::{self, is_refuted, is_slip};
use super::lookup::{self, Found, Institutions, RESOURCES_MAX, Subject};
use crate::visit::Visit;

/// What stands on the front page besides the heading.
pub(super) struct Front {
    pub allergies: Found,
    pub problems: Found,
    pub medicines: Found,
    pub results: Found,
    /// Observations about allergies and blood groups, which are no results.
    pub noted: Found,
}

impl Front {
    /// Reads everything that the page is made of.
    pub fn read(visit: &Visit, subject: &Subject, disclosed: &mut Vec<Home>) -> Result<Self, Failure> {
        let mut list = |type_name: &str, more: &[(&str, &str)]| -> Result<Found, Failure> {
            let any = subject.any();
            let mut pairs = vec![("patient", any.as_str()), ("_count", "1000"), ("_total", "none")];
            pairs.extend_from_slice(more);
            let found = lookup::all(visit, type_name, &pairs, RESOURCES_MAX)?;
            lookup::note(disclosed, &found);
            Ok(found)
        };
        let codes = noted_codes();
        let (allergies, problems) = (list("AllergyIntolerance", &[])?, list("Condition", &[])?);
        let medicines = list("MedicationRequest", &[("_include", "MedicationRequest:medication")])?;
        let noted = list("Observation", &[("code", &codes)])?;
        let results = newest_results(visit, subject, disclosed)?;
        Ok(Self { allergies, problems, medicines, results, noted })
    }

    pub fn lists(&self) -> [&Found; 5] {
        [&self.allergies, &self.problems, &self.medicines, &self.results, &self.noted]
    }
}

/// The observations that say something about allergies or blood, for one search.
fn noted_codes() -> String {
    let rules = front_page();
    let all = [&rules.allergies.narrative, &rules.allergies.flag, &rules.results.blood.abo, &rules.results.blood.rh];
    all.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// The newest result of every code; and the newest of all, for results that have words instead of a code.
fn newest_results(visit: &Visit, subject: &Subject, disclosed: &mut Vec<Home>) -> Result<Found, Failure> {
    let caller = visit.may(Interaction::Search, "Observation")?;
    let mut found = visit.records().newest_of_each_code(caller, "Observation", &subject.homes, &is_valued)?;
    let any = subject.any();
    let pairs = [("patient", any.as_str()), ("_count", "100"), ("_total", "none")];
    let recent = visit.records().search_page(caller, "Observation", &pairs)?;
    lookup::note(disclosed, &found);
    lookup::note(disclosed, &recent);
    let worded = recent.hits.into_iter().filter(|it| facts::first_code(&it["code"]).is_none());
    found.hits.extend(worded);
    found.hits.sort_by_cached_key(|resource| std::cmp::Reverse(facts::date_ms(resource)));
    Ok(found)
}

/// Whether a result can be shown: one that was taken back, or that never came about, leaves its place to the one before it.
fn is_valued(observation: &Value) -> bool {
    facts::counts(observation) && !facts::values(observation).is_empty()
}

/// `system|code` of codings that mean the same at every institution.
fn common_codes(concept: &Value) -> Vec<String> {
    let codings = concept["coding"].as_array().into_iter().flatten();
    let common = codings.filter_map(|coding| {
        let (system, code) = (coding["system"].as_str()?, coding["code"].as_str()?);
        national::institution_of(system).is_none().then(|| format!("{system}|{code}"))
    });
    common.collect()
}

/// Allergies by substance, and who says that there is none.
pub(super) struct Allergies {
    /// One line for each substance.
    pub lines: Vec<Value>,
    /// Who denies allergies (否认过敏史), one line for each institution; `null` when nobody does.
    pub denied: Value,
}

pub(super) fn allergies(visit: &Visit, front: &Front, institutions: &mut Institutions) -> Allergies {
    let (mut said, mut denied, mut unnamed) = (Vec::new(), Vec::new(), Vec::new());
    for resource in front.allergies.hits.iter().filter(|resource| !is_slip(resource)) {
        let mut line = line(visit, resource, institutions);
        line["criticality"] = resource["criticality"].clone();
        line["status"] = if is_refuted(resource) { "refuted".into() } else { clinical_status(resource) };
        let codes = common_codes(&resource["code"]);
        let is_denial = codes.iter().any(|code| front_page().allergies.denied_codes.contains(code));
        // What is allergic to is in the reaction, where a source gave the allergy itself no code.
        let reactions = resource["reaction"].as_array().into_iter().flatten();
        let substance = || reactions.clone().find_map(|reaction| facts::concept_words(&reaction["substance"]));
        let words = facts::concept_words(&resource["code"]).or_else(substance).unwrap_or_default();
        if words.is_empty() && codes.is_empty() {
            unnamed.push(Said { words: "flag".to_owned(), codes, at_ms: facts::date_ms(resource), line });
            continue;
        }
        if line["title"].is_null() {
            line["title"] = words.into();
        }
        sort_in(words, is_denial, (codes, facts::date_ms(resource), line), &mut said, &mut denied);
    }
    let rules = &front_page().allergies;
    for observation in front.noted.hits.iter().filter(|observation| !is_slip(observation)) {
        let codes = common_codes(&observation["code"]);
        let mut line = line(visit, observation, institutions);
        let at_ms = facts::date_ms(observation);
        if codes.iter().any(|code| rules.narrative.contains(code)) {
            let value = facts::values(observation).into_iter().next().unwrap_or_default();
            let words = value["value"].as_str().unwrap_or_default();
            line["title"] = words.into();
            sort_in(words, false, (Vec::new(), at_ms, line), &mut said, &mut denied);
        } else if codes.iter().any(|code| rules.flag.contains(code)) {
            match observation["valueBoolean"].as_bool() {
                Some(false) => denied.push((at_ms, line)),
                Some(true) => unnamed.push(Said { words: "flag".to_owned(), codes: Vec::new(), at_ms, line }),
                None => {}
            }
        }
    }
    // A flag beside a named substance says nothing more; alone, or beside what is refuted only, it is an allergy whose substance nobody
    // wrote down.
    if said.iter().all(|one| one.line["status"] == "refuted") {
        said.extend(unnamed);
    }
    let lines = front::gathered(said).iter().map(|group| substance(group)).collect();
    Allergies { lines, denied: denials(denied) }
}

type Sent = (Vec<String>, i64, Value);

fn sort_in(words: &str, is_denial: bool, sent: Sent, said: &mut Vec<Said>, denied: &mut Vec<(i64, Value)>) {
    let (codes, at_ms, line) = sent;
    let history = if is_denial { History::Denied } else { front::allergy(words) };
    match history {
        History::Denied => denied.push((at_ms, line)),
        History::Substances(names) => {
            // A code is the code of one substance.
            let codes = if names.len() == 1 { codes } else { Vec::new() };
            said.extend(names.into_iter().map(|name| {
                let mut line = line.clone();
                line["substance"] = name.clone().into();
                Said { words: front::plain(&name), codes: codes.clone(), at_ms, line }
            }));
        }
        // A code says what the words do not.
        History::Unknown if !codes.is_empty() => said.push(Said { words: String::new(), codes, at_ms, line }),
        History::Unknown => {}
    }
}

fn substance(group: &[Said]) -> Value {
    let (against, holding): (Vec<&Said>, Vec<&Said>) = group.iter().partition(|one| one.line["status"] == "refuted");
    let shown = if holding.is_empty() { &against } else { &holding };
    let mut line = together(shown);
    if let Some(name) = shown.iter().find_map(|one| one.line["substance"].as_str()) {
        line["title"] = name.into();
    }
    line["unnamed"] = shown.iter().all(|one| one.words == "flag").into();
    let is_held = |status: &str| shown.iter().any(|one| one.line["status"] == status);
    // One source for which it holds is enough to be careful.
    if is_held("active") {
        line["status"] = "active".into();
    }
    let severity = ["high", "unable-to-assess", "low"];
    let gravest = severity.into_iter().find(|grade| shown.iter().any(|one| one.line["criticality"] == *grade));
    line["criticality"] = gravest.into();
    if !holding.is_empty() && !against.is_empty() {
        line["refuted_by"] = by_institution(against.iter().map(|one| &one.line)).into();
    }
    line
}

fn denials(mut denied: Vec<(i64, Value)>) -> Value {
    if denied.is_empty() {
        return Value::Null;
    }
    denied.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    json!({
        "count": denied.len(),
        "institutions": by_institution(denied.iter().map(|(_, line)| line)),
        "sources": denied.iter().map(|(_, line)| line).collect::<Vec<_>>(),
    })
}

/// The rules by which a line is over, for the page that shows what they made.
pub(super) fn rules() -> Value {
    let current = &front_page().current;
    let rule = |zh: &str, en: &str| json!({"zh": zh, "en": en, "version": current.version});
    json!({
        "medicines": rule(&current.medicines.zh, &current.medicines.en),
        "problems": rule(&current.diagnoses.zh, &current.diagnoses.en),
    })
}

/// Diagnoses (诊断), each once.
pub(super) fn problems(visit: &Visit, front: &Front, institutions: &mut Institutions) -> Vec<Value> {
    let hits = front.problems.hits.iter().filter(|condition| !is_slip(condition));
    let said = hits.map(|condition| {
        let mut line = line(visit, condition, institutions);
        line["status"] = if is_refuted(condition) { "refuted".into() } else { clinical_status(condition) };
        line["abated"] = condition["abatementDateTime"].clone();
        line["over"] = course::diagnosis_over(condition, visit.app.now_ms()).map(course::Over::code).into();
        said_of(&condition["code"], facts::date_ms(condition), line)
    });
    front::gathered(said.collect()).iter().map(|group| standing_together(group)).collect()
}

/// Medicines (用药), each once, with its newest dosage.
pub(super) fn medicines(visit: &Visit, front: &Front, institutions: &mut Institutions) -> Vec<Value> {
    let hits = front.medicines.hits.iter().filter(|request| !is_slip(request));
    let said = hits.map(|request| {
        let mut line = line(visit, request, institutions);
        line["status"] = request["status"].clone();
        let mut concept = &request["medicationCodeableConcept"];
        if line["title"].is_null() {
            // The medicine is a resource of its own, which the search included.
            let reference = request["medicationReference"]["reference"].as_str().unwrap_or_default();
            let id = reference.rsplit('/').next().unwrap_or_default();
            let medication = front.medicines.included.iter().find(|medication| medication["id"] == id);
            concept = medication.map_or(&Value::Null, |it| &it["code"]);
            line["title"] = facts::concept_words(concept).into();
        }
        line["dosage"] = request["dosageInstruction"][0]["text"].clone();
        line["over"] = course::medicine_over(request, visit.app.now_ms()).map(course::Over::code).into();
        said_of(concept, facts::date_ms(request), line)
    });
    front::gathered(said.collect()).iter().map(|group| standing_together(group)).collect()
}

fn said_of(concept: &Value, at_ms: i64, line: Value) -> Said {
    let words = front::plain(line["title"].as_str().unwrap_or_default());
    Said { words, codes: common_codes(concept), at_ms, line }
}

fn clinical_status(resource: &Value) -> Value {
    facts::first_code(&resource["clinicalStatus"]).map(|(_, code)| code).into()
}

fn line(visit: &Visit, resource: &Value, institutions: &mut Institutions) -> Value {
    let mut line = json!({
        "id": resource["id"],
        "type": resource["resourceType"],
        "title": facts::title(resource),
        "date": facts::date(resource),
    });
    institutions.note(visit, resource, &mut line);
    line
}

/// One line of many: the newest, since when, how many, from where, and all of them.
fn together(group: &[&Said]) -> Value {
    let mut line = group.first().map_or(Value::Null, |newest| newest.line.clone());
    let dates = group.iter().filter(|one| one.at_ms > i64::MIN);
    line["first"] = dates.min_by_key(|one| one.at_ms).map_or(Value::Null, |one| one.line["date"].clone());
    line["count"] = group.len().into();
    line["institutions"] = by_institution(group.iter().map(|one| &one.line)).into();
    line["sources"] = group.iter().map(|one| one.line.clone()).collect::<Vec<_>>().into();
    line
}

/// As [`together`]; what one institution still has as active is active, whatever another said later of its own. What is over by its
/// days is active only where nothing else is; a later word of the same institution ends all that it said before, a later prescription
/// does not.
fn standing_together(group: &[Said]) -> Value {
    let mut line = together(&group.iter().collect::<Vec<_>>());
    let mut ended = HashSet::new();
    let holding = group.iter().map(|one| &one.line).filter(|one| {
        let institution = one["institution"].to_string();
        let is_active = one["status"] == "active" && !ended.contains(&institution);
        if !is_active {
            ended.insert(institution);
        }
        is_active
    });
    let holding: Vec<&Value> = holding.collect();
    let active = holding.iter().find(|one| one["over"].is_null()).or(holding.first());
    // What is shown of it is that saying's: its dosage, its day.
    if let (Some(active), Some(shown)) = (active.and_then(|one| one.as_object()), line.as_object_mut()) {
        shown.extend(active.clone());
    }
    line
}

/// Which institutions say it, how often and when last, in the order of the lines.
fn by_institution<'v>(lines: impl Iterator<Item = &'v Value>) -> Vec<Value> {
    let mut order: Vec<&str> = Vec::new();
    let mut found: BTreeMap<&str, (usize, &Value)> = BTreeMap::new();
    for line in lines {
        let code = line["institution"].as_str().unwrap_or_default();
        if !found.contains_key(code) {
            order.push(code);
        }
        found.entry(code).or_insert((0, line)).0 += 1;
    }
    let counted = order.iter().filter_map(|code| found.get(code)).map(|(count, line)| {
        json!({
            "institution": line["institution"], "institution_name": line["institution_name"],
            "count": count, "date": line["date"],
        })
    });
    counted.collect()
}

/// The newest value of every code; the search already comes newest first.
pub(super) fn latest(visit: &Visit, front: &Front, institutions: &mut Institutions) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut results = Vec::new();
    let blood = &front_page().results.blood;
    let is_shown = |observation: &&Value| {
        // A blood group stands in the heading.
        let is_blood =
            common_codes(&observation["code"]).iter().any(|it| blood.abo.contains(it) || blood.rh.contains(it));
        facts::counts(observation) && !is_blood && front::is_result(observation)
    };
    for observation in front.results.hits.iter().filter(is_shown) {
        for mut value in facts::values(observation) {
            // What two laboratories call differently is one line when it has one code.
            let key = match value["code"].as_str() {
                Some(code) => (value["system"].to_string(), code.to_owned()),
                None => (String::new(), value["title"].to_string()),
            };
            if !seen.insert(key) {
                continue;
            }
            value["id"] = observation["id"].clone();
            value["type"] = "Observation".into();
            value["date"] = facts::date(observation).into();
            institutions.note(visit, observation, &mut value);
            results.push(value);
        }
    }
    results
}

/// 血型: what the newest observations say, ABO and Rh; two sources that do not agree are both named.
pub(super) fn blood_type(front: &Front) -> Value {
    let rules = &front_page().results.blood;
    let said = |codes: &[String], table: &str| -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for observation in front.noted.hits.iter().filter(|observation| !is_slip(observation)) {
            if common_codes(&observation["code"]).iter().any(|code| codes.contains(code))
                && let Some(word) = blood_word(observation, table).filter(|word| !rules.unknown.contains(word))
                && !words.contains(&word)
            {
                words.push(word);
            }
        }
        words
    };
    let (abo, rh) = (said(&rules.abo, &rules.abo_table), said(&rules.rh, &rules.rh_table));
    if abo.is_empty() && rh.is_empty() {
        return Value::Null;
    }
    json!({"abo": abo, "rh": rh, "disagree": abo.len() > 1 || rh.len() > 1})
}

fn blood_word(observation: &Value, table: &str) -> Option<String> {
    let held = &observation["valueCodeableConcept"];
    let code = facts::first_code(held).map(|(_, code)| code).or_else(|| observation["valueString"].as_str());
    let from_table = code.and_then(|code| match standards::value_sets::table(table)?.lookup(code) {
        standards::value_sets::Lookup::Known(meaning) => Some(meaning.to_owned()),
        _ => None,
    });
    from_table.or_else(|| facts::concept_words(held).or(observation["valueString"].as_str()).map(str::to_owned))
}

/// The newest change among everything that the page was made of.
pub(super) fn newest(subject: &Subject, front: &Front) -> Option<String> {
    let all = front.lists().into_iter().flat_map(|list| list.hits.iter()).chain(&subject.patients);
    // All instants that the platform writes have the same form, so that the greatest text is the latest time.
    all.filter_map(|resource| resource["meta"]["lastUpdated"].as_str()).max().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(status: &str, institution: &str, at_ms: i64) -> Said {
        let line = json!({
            "id": at_ms.to_string(), "status": status, "over": null, "institution": institution, "substance": "青霉素",
            "title": "青霉素过敏", "date": format!("2026-01-0{at_ms}"),
            "criticality": if at_ms == 2 { json!("high") } else { json!(null) },
        });
        Said { words: "青霉素".to_owned(), codes: Vec::new(), at_ms, line }
    }

    #[test]
    fn a_substance_is_one_line_with_everybody_who_says_it() {
        let group = [sent("active", "A", 3), sent("resolved", "B", 2), sent("active", "A", 1)];
        let line = substance(&group);
        assert_eq!(
            (&line["title"], &line["status"], &line["criticality"]),
            (&json!("青霉素"), &json!("active"), &json!("high"))
        );
        assert_eq!(
            (&line["count"], &line["first"], &line["date"]),
            (&json!(3), &json!("2026-01-01"), &json!("2026-01-03"))
        );
        let counted: Vec<_> = line["institutions"].as_array().unwrap().iter().map(|it| it["count"].clone()).collect();
        assert_eq!(counted, [json!(2), json!(1)]);
        assert_eq!(line["sources"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_refuted_allergy_stands_beside_those_who_say_it() {
        let line = substance(&[sent("refuted", "B", 3), sent("active", "A", 1)]);
        assert_eq!((&line["status"], &line["count"]), (&json!("active"), &json!(1)));
        assert_eq!(line["refuted_by"][0]["institution"], "B");
        let only = substance(&[sent("refuted", "B", 3)]);
        assert_eq!((&only["status"], &only["refuted_by"]), (&json!("refuted"), &json!(null)));
    }

    #[test]
    fn what_one_institution_goes_on_with_is_shown_as_it_says() {
        let line = standing_together(&[sent("stopped", "B", 3), sent("active", "A", 2), sent("stopped", "A", 1)]);
        assert_eq!((&line["status"], &line["id"], &line["institution"]), (&json!("active"), &json!("2"), &json!("A")));
        assert_eq!((&line["count"], &line["first"]), (&json!(3), &json!("2026-01-01")));
        let over = standing_together(&[sent("stopped", "A", 3), sent("active", "A", 2)]);
        assert_eq!((&over["status"], &over["id"]), (&json!("stopped"), &json!("3")));
    }

    #[test]
    fn a_course_that_is_over_gives_way_to_one_that_goes_on() {
        let over = |institution: &str, at_ms: i64| {
            let mut said = sent("active", institution, at_ms);
            said.line["over"] = "supply".into();
            said
        };
        // A week's course after the pack for three months, which is not used up.
        let line = standing_together(&[over("A", 3), sent("active", "A", 1)]);
        assert_eq!((&line["id"], &line["over"], &line["count"]), (&json!("1"), &json!(null), &json!(2)));
        let line = standing_together(&[over("A", 3), over("B", 2)]);
        assert_eq!((&line["id"], &line["over"], &line["status"]), (&json!("3"), &json!("supply"), &json!("active")));
        let line = standing_together(&[over("A", 3), sent("stopped", "A", 2), sent("active", "A", 1)]);
        assert_eq!((&line["id"], &line["over"]), (&json!("3"), &json!("supply")), "what was stopped stays stopped");
    }

    #[test]
    fn a_slip_is_no_fact() {
        assert!(is_slip(&json!({"status": "entered-in-error"})));
        assert!(is_slip(&json!({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}})));
        assert!(!is_slip(&json!({"verificationStatus": {"coding": [{"code": "refuted"}]}})));
    }

    #[test]
    fn a_blood_group_that_came_as_a_code_is_read_in_the_table() {
        let coded = json!({"valueCodeableConcept": {"coding": [{"code": "1"}]}});
        assert_eq!(blood_word(&coded, &front_page().results.blood.abo_table).as_deref(), Some("A型"));
        let worded = json!({"valueString": "O型"});
        assert_eq!(blood_word(&worded, "CV04.50.005").as_deref(), Some("O型"));
        assert_eq!(blood_word(&json!({}), "CV04.50.005"), None);
    }
}
