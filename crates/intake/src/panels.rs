//! A report that is sent panel by panel (一份报告分组套发送): one message has the liver function, the next one the kidney function, under
//! one report number. What a message says of its own panel counts; the results of panels that it does not name stay.
//!
//! A message that names every panel that is known (a correction, the final report after the preliminary one) says the whole of
//! it: what it leaves out is left out.

use formats::national::UNSTATED;
use serde_json::{Value, json};

/// Lists of a report that grow with its panels.
const LISTS: [&str; 6] = ["result", "identifier", "basedOn", "specimen", "resultsInterpreter", "category"];

/// The report after a message about it, when the one of the two that gives way has panels with results that the other one does
/// not have; `None` when it has nothing to add. `is_late`: the message is older than what is there, and gives way.
pub(crate) fn joined(current: &Value, message: &Value, is_late: bool) -> Option<Value> {
    let (stands, gives_way) = if is_late { (current, message) } else { (message, current) };
    let has_more = names(gives_way).iter().any(|name| !names(stands).contains(name))
        && items(gives_way, "result").iter().any(|result| !items(stands, "result").contains(result));
    if !has_more {
        return None;
    }
    let mut report = stands.clone();
    for list in LISTS {
        let mut all = items(current, list).to_vec();
        all.extend(items(message, list).iter().filter(|item| !items(current, list).contains(item)).cloned());
        if !all.is_empty() {
            report[list] = Value::Array(all);
        }
    }
    report["code"] = code(current, message);
    if report.get("conclusion").is_none()
        && let Some(conclusion) = gives_way.get("conclusion")
    {
        report["conclusion"] = conclusion.clone();
    }
    Some(report)
}

/// Whether two states of a resource say the same; its id and where it came from are no part of it.
pub(crate) fn says_the_same(one: &Value, other: &Value) -> bool {
    let said = |value: &Value| -> Vec<(String, Value)> {
        let members =
            value.as_object().into_iter().flatten().filter(|(name, _)| !matches!(name.as_str(), "id" | "meta"));
        members.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (mut one, mut other) = (said(one), said(other));
    one.sort_by(|left, right| left.0.cmp(&right.0));
    other.sort_by(|left, right| left.0.cmp(&right.0));
    one == other
}

fn items<'v>(report: &'v Value, list: &str) -> &'v [Value] {
    report[list].as_array().map_or(&[], Vec::as_slice)
}

/// What the panels of a report are called: their codes, else the words.
fn names(report: &Value) -> Vec<String> {
    let code = &report["code"];
    let codings = items(code, "coding").iter().map(|coding| format!("{}|{}", coding["system"], coding["code"]));
    let codings: Vec<String> = codings.collect();
    if codings.is_empty() { words(code) } else { codings }
}

fn words(code: &Value) -> Vec<String> {
    let text = code["text"].as_str().unwrap_or_default();
    text.split('、').filter(|word| !word.is_empty() && *word != UNSTATED).map(str::to_owned).collect()
}

fn code(current: &Value, message: &Value) -> Value {
    let (current, message) = (&current["code"], &message["code"]);
    let mut codings = items(current, "coding").to_vec();
    codings.extend(items(message, "coding").iter().filter(|one| !items(current, "coding").contains(one)).cloned());
    let mut all = words(current);
    all.extend(words(message).into_iter().filter(|word| !words(current).contains(word)));
    let mut code = json!({});
    if !codings.is_empty() {
        code["coding"] = Value::Array(codings);
    }
    if !all.is_empty() {
        code["text"] = all.join("、").into();
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(panels: &[(&str, &str)], results: &[&str]) -> Value {
        let codings: Vec<Value> = panels.iter().map(|(code, _)| json!({ "system": "s", "code": code })).collect();
        let text: Vec<&str> = panels.iter().map(|(_, text)| *text).collect();
        let results: Vec<Value> =
            results.iter().map(|id| json!({ "reference": format!("Observation/{id}") })).collect();
        json!({ "status": "final", "code": { "coding": codings, "text": text.join("、") }, "result": results })
    }

    #[test]
    fn panels_join_and_a_whole_report_replaces() {
        let (liver, kidney) = (report(&[("A", "肝功能")], &["1", "2"]), report(&[("B", "肾功能")], &["3"]));
        let both = report(&[("A", "肝功能"), ("B", "肾功能")], &["1", "2", "3"]);
        assert_eq!(joined(&liver, &kidney, false), Some(both.clone()));
        assert_eq!(joined(&liver, &kidney, true), Some(both.clone()), "whichever comes first");
        assert_eq!(joined(&both, &liver, false), Some(both.clone()), "one panel of it again");
        assert_eq!(joined(&liver, &report(&[("A", "肝功能")], &["1"]), false), None, "the same panel with less");
        assert_eq!(joined(&both, &report(&[("A", "肝功能"), ("B", "肾功能")], &["1"]), false), None);
        assert_eq!(joined(&liver, &report(&[("C", "肝功")], &["1", "2"]), false), None, "its code was corrected");
        assert_eq!(joined(&report(&[("A", "肝功能")], &[]), &kidney, false), None, "a page is no panel");
    }

    #[test]
    fn where_it_came_from_is_no_difference() {
        let mut liver = report(&[("A", "肝功能")], &["1"]);
        let mut other = liver.clone();
        liver["meta"] = json!({ "source": "a" });
        assert!(says_the_same(&liver, &other) && says_the_same(&other, &liver));
        other["status"] = json!("corrected");
        assert!(!says_the_same(&liver, &other));
    }
}
