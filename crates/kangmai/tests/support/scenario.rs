//! A scenario is text: steps separated by `---`, each a request and what must come back.
//!
//! ```text
//! # what this step shows
//! as writer
//! PUT /fhir/R4/Patient/p1
//! If-Match: W/"1"
//!
//! {"resourceType": "Patient", "id": "p1"}
//! => 200
//! ETag: W/"<<version>>"
//!
//! {"id": "p1", "meta": {"versionId": "<<version>>"}, "name": null}
//! ```
//!
//! - `as NAME` says who asks, until it is said again: `writer`, `reader`, `observer` (Observations only), `elsewhere` (another
//!   tenant), `doctor` (a clinician's session), `auditor`, `index` (an index administrator), `source-a` and `source-b` (the
//!   machine accounts of two sources), `nobody`.
//! - In text that is sent, `<<name>>` is what was caught before, and `<<spaces N>>` is N spaces. In text that is expected,
//!   `*` is anything, and `<<name>>` catches what stands there, or must equal what was caught.
//! - Expected JSON is a subset: `null` means absent; a list must have the same length unless its last item is `"..."`.
//! - `=> 200 empty` expects no body; `!Header` expects that it is absent.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Answer, Client, Server};

/// Steps in order.
pub struct Scenario(Vec<Step>);

#[derive(Default)]
struct Step {
    line: usize,
    title: String,
    who: Option<String>,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    status: u16,
    is_empty: bool,
    expected_headers: Vec<(String, String)>,
    absent_headers: Vec<String>,
    expected: Option<Value>,
}

type Caught = HashMap<String, String>;

impl Scenario {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut lines: Vec<(usize, &str)> = Vec::new();
        for (index, line) in text.lines().chain(["---"]).enumerate() {
            if line.trim() != "---" {
                lines.push((index + 1, line));
                continue;
            }
            if lines.iter().any(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
                steps.push(Step::parse(&lines)?);
            }
            lines.clear();
        }
        Ok(Self(steps))
    }

    pub fn run(&self, server: &Server, tenant: u32) -> Result<(), String> {
        let mut caught = Caught::from([("base".to_owned(), server.url.clone())]);
        let mut clients: HashMap<String, Client> = HashMap::new();
        let mut who = "writer".to_owned();
        for step in &self.0 {
            who = step.who.clone().unwrap_or(who);
            if !clients.contains_key(&who) {
                clients.insert(who.clone(), enter(server, tenant, &who)?);
            }
            step.run(&clients[&who], &mut caught)
                .map_err(|why| format!("line {} ({}): {why}", step.line, step.title.trim()))?;
        }
        Ok(())
    }
}

fn enter(server: &Server, tenant: u32, who: &str) -> Result<Client, String> {
    let token = match who {
        "nobody" => String::new(),
        "writer" => server.machine("writer", tenant, "system/*.cruds"),
        "reader" => server.machine("reader", tenant, "system/*.rs"),
        "observer" => server.machine("observer", tenant, "system/Observation.rs"),
        "elsewhere" => server.machine("elsewhere", tenant + 1, "system/*.cruds"),
        // The people of these scenarios have no visits on the road.
        "doctor" => session(server, tenant, "doctor", "clinician", &["--scope", "user/*.rs ground/any"]),
        "source-a" => server.source("source-a", tenant, "99012110000000000001"),
        "source-b" => server.source("source-b", tenant, "99012110000000000002"),
        "index" => session(server, tenant, "index", "index-administrator", &[]),
        "auditor" => session(server, tenant, "auditor", "audit-administrator", &[]),
        other => return Err(format!("nobody is called `{other}`")),
    };
    Ok(server.client(&token))
}

fn session(server: &Server, tenant: u32, name: &str, role: &str, extra: &[&str]) -> String {
    let password = server.account(name, tenant, role, extra);
    let body = json!({"name": name, "password": password, "tenant": tenant});
    let answer = server.client("").post("/api/v1/session", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

impl Step {
    fn parse(lines: &[(usize, &str)]) -> Result<Self, String> {
        let mut step = Self::default();
        let arrow = lines.iter().position(|(_, line)| line.starts_with("=>")).ok_or("a step without `=>`")?;
        let mut request = lines[..arrow].iter().skip_while(|(_, line)| {
            let is_before = line.trim().is_empty() || line.starts_with('#') || line.starts_with("as ");
            if let Some(who) = line.strip_prefix("as ") {
                step.who = Some(who.trim().to_owned());
            } else if let Some(title) = line.strip_prefix('#') {
                step.title.push_str(title);
            }
            is_before
        });
        let (number, first) = request.next().ok_or("a step without a request line")?;
        step.line = *number;
        let (method, path) = first.split_once(' ').ok_or_else(|| format!("line {number}: no path"))?;
        step.method = method.to_owned();
        step.path = path.trim().to_owned();
        let rest: Vec<&str> = request.map(|(_, line)| *line).collect();
        let (headers, body) = head_and_body(&rest);
        for line in headers {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("line {number}: no header: {line}"))?;
            step.headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        step.body = body.join("\n").trim().to_owned();
        step.parse_expected(lines, arrow)?;
        Ok(step)
    }

    fn parse_expected(&mut self, lines: &[(usize, &str)], arrow: usize) -> Result<(), String> {
        let status = lines[arrow].1.trim_start_matches("=>").trim();
        let (status, words) = status.split_once(' ').unwrap_or((status, ""));
        self.status = status.parse().map_err(|_| format!("line {}: no status", lines[arrow].0))?;
        self.is_empty = words.trim() == "empty";
        let rest: Vec<&str> = lines[arrow + 1..].iter().map(|(_, line)| *line).collect();
        let (headers, body) = head_and_body(&rest);
        for line in headers {
            if let Some(name) = line.strip_prefix('!') {
                self.absent_headers.push(name.trim().to_lowercase());
            } else if let Some((name, value)) = line.split_once(':') {
                self.expected_headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
            }
        }
        let text = body.join("\n");
        if !text.trim().is_empty() {
            let value = serde_json::from_str(&text);
            self.expected = Some(value.map_err(|error| format!("line {}: expected JSON: {error}", lines[arrow].0))?);
        }
        Ok(())
    }

    fn run(&self, client: &Client, caught: &mut Caught) -> Result<(), String> {
        let path = filled(&self.path, caught)?;
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((name.clone(), filled(value, caught)?));
        }
        if !self.body.is_empty() && !self.headers.iter().any(|(name, _)| name == "content-type") {
            let kind = if path.starts_with("/api") { "application/json" } else { "application/fhir+json" };
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let body = filled(&self.body, caught)?;
        let answer = client.send(&self.method, &path, &headers, body.as_bytes())?;
        self.compare(&answer, caught).map_err(|why| {
            let body: String = answer.body.chars().take(1500).collect();
            format!("{} {path}: {why}\n  answered {} {body}", self.method, answer.status)
        })
    }

    fn compare(&self, answer: &Answer, caught: &mut Caught) -> Result<(), String> {
        if answer.status != self.status {
            return Err(format!("status {} instead of {}", answer.status, self.status));
        }
        for (name, pattern) in &self.expected_headers {
            let value = answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if !fits(pattern, value, caught) {
                return Err(format!("header {name} is `{value}` instead of `{pattern}`"));
            }
        }
        if let Some(name) = self.absent_headers.iter().find(|name| answer.headers.contains_key(name.as_str())) {
            return Err(format!("header {name} is there"));
        }
        if self.is_empty && !answer.body.is_empty() {
            return Err("the body is not empty".to_owned());
        }
        match &self.expected {
            Some(expected) => subset(expected, &answer.json(), "$", caught),
            None => Ok(()),
        }
    }
}

fn head_and_body<'a>(lines: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let is_head = |line: &&&str| !line.trim().is_empty() && !line.starts_with(['{', '[']);
    let head: Vec<&str> = lines.iter().take_while(is_head).copied().collect();
    (head.clone(), lines[head.len()..].to_vec())
}

/// Text to be sent, with what was caught in its place.
fn filled(text: &str, caught: &Caught) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let (name, after) = after.split_once(">>").ok_or("`<<` without `>>`")?;
        out.push_str(before);
        if let Some(count) = name.strip_prefix("spaces ") {
            let count = count.parse().map_err(|_| "`<<spaces N>>` needs a number")?;
            out.extend(std::iter::repeat_n(' ', count));
        } else {
            out.push_str(caught.get(name).ok_or_else(|| format!("`{name}` was never caught"))?);
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether text fits a pattern; what it catches is kept only then.
fn fits(pattern: &str, text: &str, caught: &mut Caught) -> bool {
    let Some(at) = pattern.find(['*', '<']) else { return pattern == text };
    let (literal, rest) = pattern.split_at(at);
    let Some(text) = text.strip_prefix(literal) else { return false };
    let ends = || text.char_indices().map(|(at, _)| at).chain([text.len()]);
    if let Some(after) = rest.strip_prefix('*') {
        return ends().any(|end| fits(after, &text[end..], caught));
    }
    let Some((name, after)) = rest.strip_prefix("<<").and_then(|rest| rest.split_once(">>")) else {
        return text.strip_prefix('<').is_some_and(|text| fits(&rest[1..], text, caught));
    };
    if let Some(known) = caught.get(name).cloned() {
        return text.strip_prefix(known.as_str()).is_some_and(|text| fits(after, text, caught));
    }
    for end in ends().filter(|end| *end > 0) {
        let mut tried = caught.clone();
        tried.insert(name.to_owned(), text[..end].to_owned());
        if fits(after, &text[end..], &mut tried) {
            *caught = tried;
            return true;
        }
    }
    false
}

fn subset(expected: &Value, found: &Value, path: &str, caught: &mut Caught) -> Result<(), String> {
    match (expected, found) {
        (Value::Null, Value::Null) => Ok(()),
        (Value::String(any), found) if any == "*" && !found.is_null() => Ok(()),
        (Value::String(pattern), Value::String(text)) if fits(pattern, text, caught) => Ok(()),
        (Value::Object(members), Value::Object(_)) => members
            .iter()
            .try_for_each(|(name, value)| subset(value, &found[name.as_str()], &format!("{path}.{name}"), caught)),
        (Value::Array(items), Value::Array(others)) => {
            let is_open = items.last().is_some_and(|last| last == "...");
            let items = if is_open { &items[..items.len() - 1] } else { &items[..] };
            if others.len() < items.len() || (!is_open && others.len() != items.len()) {
                return Err(format!("{path} has {} items instead of {}", others.len(), items.len()));
            }
            items
                .iter()
                .zip(others)
                .enumerate()
                .try_for_each(|(index, (item, other))| subset(item, other, &format!("{path}[{index}]"), caught))
        }
        // `arbitrary_precision` compares numbers as written.
        (expected, found) if expected == found => Ok(()),
        (expected, found) => Err(format!("{path} is {found} instead of {expected}")),
    }
}

#[test]
fn patterns_catch_and_compare() {
    let mut caught = Caught::new();
    assert!(fits("*/Patient/<<id>>/_history/1", "http://x/fhir/R4/Patient/abc/_history/1", &mut caught));
    assert_eq!(caught["id"], "abc");
    assert!(fits("<<id>>", "abc", &mut caught));
    assert!(!fits("<<id>>", "abd", &mut caught));
    assert!(fits("W/\"<<v>>\"", "W/\"12\"", &mut caught));
    assert_eq!(caught["v"], "12");
    assert!(subset(&json!({"a": ["x", "..."], "b": null}), &json!({"a": ["x", 2], "c": 1}), "$", &mut caught).is_ok());
    assert!(subset(&json!({"a": ["x"]}), &json!({"a": ["x", 2]}), "$", &mut caught).is_err());
    assert!(subset(&json!({"a": null}), &json!({"a": 1}), "$", &mut caught).is_err());
}
