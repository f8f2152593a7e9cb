//! The answer of a search, a `searchset` bundle, written straight into bytes: bodies are copied, not parsed.

use std::fmt::Write as _;

use model::{ErrorCode, Failure};
use serde_json::{Value as Json, json};

use super::Hits;
use super::query::{Options, Query, Summary};
use super::shape;
use crate::resource::Stored;
use crate::{Caller, Records};

/// Everything that the answer shows.
pub(super) struct Answer<'a> {
    pub(super) caller: &'a Caller,
    /// The same query, understood for each type.
    pub(super) queries: &'a [Query<'a>],
    /// What shapes the answer; the same for every type.
    pub(super) options: &'a Options<'a>,
    /// Whether the system was searched rather than one type.
    pub(super) of_system: bool,
    /// The query string of the first page.
    pub(super) raw: &'a str,
    pub(super) hits: &'a Hits,
    pub(super) included: &'a [Stored],
}

impl Answer<'_> {
    /// The bundle.
    pub(super) fn render(&self, records: &Records) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::with_capacity(1024 + 2048 * (self.hits.matches.len() + self.included.len()));
        out.extend_from_slice(br#"{"resourceType":"Bundle","type":"searchset""#);
        if let Some(total) = self.hits.total {
            out.extend_from_slice(format!(r#","total":{total}"#).as_bytes());
        }
        out.extend_from_slice(br#","link":"#);
        write_json(&Json::Array(self.links(records)), &mut out)?;
        let mut first = true;
        for (stored, mode) in self
            .hits
            .matches
            .iter()
            .map(|stored| (stored, "match"))
            .chain(self.included.iter().map(|stored| (stored, "include")))
        {
            self.separate(&mut first, &mut out);
            self.entry(stored, mode, &mut out)?;
        }
        if let Some(outcome) = self.outcome() {
            self.separate(&mut first, &mut out);
            write_json(&json!({ "resource": outcome, "search": { "mode": "outcome" } }), &mut out)?;
        }
        if !first {
            out.push(b']');
        }
        out.push(b'}');
        Ok(out)
    }

    fn separate(&self, first: &mut bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if *first { br#","entry":["# } else { b"," });
        *first = false;
    }

    fn entry(&self, stored: &Stored, mode: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
        let base = &self.caller.base_url;
        let mut head = String::new();
        // Neither the base nor an id holds a character that JSON escapes.
        let _ = write!(head, r#"{{"fullUrl":"{base}/{}/{}","resource":"#, stored.key.rid.type_code, stored.id());
        out.extend_from_slice(head.as_bytes());
        if shape::is_whole(self.options) {
            stored.render(out);
        } else {
            write_json(&shape::cut(self.options, stored.value()?), out)?;
        }
        out.extend_from_slice(format!(r#","search":{{"mode":"{mode}"}}}}"#).as_bytes());
        Ok(())
    }

    fn links(&self, records: &Records) -> Vec<Json> {
        let base = match self.queries {
            [only] if !self.of_system => format!("{}/{}", self.caller.base_url, only.type_code),
            _ => self.caller.base_url.clone(),
        };
        let mut links = vec![json!({ "relation": "self", "url": self_url(&base, self.raw) })];
        if let Some(next) = &self.hits.next {
            let token = next.seal(records, self.caller.tenant(), !self.of_system);
            links.push(json!({ "relation": "next", "url": format!("{base}?_page={token}") }));
        }
        links
    }

    /// What the client should know besides the hits.
    fn outcome(&self) -> Option<Json> {
        let mut issues: Vec<Json> = Vec::new();
        let mut told: Vec<&String> = self.queries.iter().flat_map(|query| &query.ignored).collect();
        told.dedup();
        for ignored in told {
            issues.push(json!({ "severity": "warning", "code": "not-supported", "diagnostics": ignored }));
        }
        if self.options.summary == Summary::Count && self.hits.total.is_none() {
            issues.push(json!({
                "severity": "warning",
                "code": ErrorCode::TooCostly.issue_type(),
                "diagnostics": format!("more than {} hits: not counted further", super::TOTAL_MAX),
            }));
        }
        (!issues.is_empty()).then(|| json!({ "resourceType": "OperationOutcome", "issue": issues }))
    }
}

/// The `self` link: what was asked, without the values of parameters that name a person. A link ends up in logs and histories.
fn self_url(base: &str, raw: &str) -> String {
    const PERSONAL: [&str; 12] = [
        "identifier",
        "name",
        "family",
        "given",
        "phone",
        "email",
        "telecom",
        "address",
        "birthdate",
        "_has",
        "_id",
        "death-date",
    ];
    let kept: Vec<&str> = raw
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            let last = name.rsplit('.').next().unwrap_or(name);
            let code = last.split([':', '%']).next().unwrap_or(last);
            !pair.is_empty() && !PERSONAL.contains(&code) && !PERSONAL.contains(&name)
        })
        .collect();
    if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) }
}

fn write_json(value: &Json, out: &mut Vec<u8>) -> Result<(), Failure> {
    serde_json::to_writer(out, value).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
}
