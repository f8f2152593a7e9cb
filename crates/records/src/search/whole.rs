//! A search followed to its end, for rooms that work with what was found rather than show the bundle.

use model::{ErrorCode, Failure, Home};
use serde_json::Value;

use crate::{Caller, Records};

/// What a whole search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Whole {
    /// Hits, in the order of the search.
    pub hits: Vec<Value>,
    /// What `_include` and `_revinclude` added.
    pub included: Vec<Value>,
    /// The registrations that were disclosed, each once.
    pub disclosed: Vec<Home>,
    /// There was more than the limit.
    pub truncated: bool,
}

impl Records {
    /// Follows a search of a type page by page to its end, or to `limit` hits. `pairs` are the parameters, not yet encoded; without
    /// `_count` a page has 500 hits.
    ///
    /// # Errors
    /// As [`Records::search`].
    pub fn search_whole(
        &self,
        caller: &Caller,
        type_name: &str,
        pairs: &[(&str, &str)],
        limit: usize,
    ) -> Result<Whole, Failure> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        for (name, usual) in [("_count", "500"), ("_total", "none")] {
            if !pairs.iter().any(|(given, _)| *given == name) {
                query.append_pair(name, usual);
            }
        }
        let mut whole = Whole::default();
        let mut next = Some(query.finish());
        while let Some(query) = next {
            next = self.take_page(caller, type_name, &query, &mut whole)?;
            if whole.hits.len() >= limit {
                whole.truncated = next.is_some() || whole.hits.len() > limit;
                whole.hits.truncate(limit);
                break;
            }
        }
        Ok(whole)
    }

    /// The first page of a search of a type, however many there are behind it.
    ///
    /// # Errors
    /// As [`Records::search`].
    pub fn search_page(&self, caller: &Caller, type_name: &str, pairs: &[(&str, &str)]) -> Result<Whole, Failure> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut whole = Whole::default();
        whole.truncated = self.take_page(caller, type_name, &query, &mut whole)?.is_some();
        Ok(whole)
    }

    /// Adds a page to what was found, and says how the next one is asked for.
    fn take_page(
        &self,
        caller: &Caller,
        type_name: &str,
        query: &str,
        whole: &mut Whole,
    ) -> Result<Option<String>, Failure> {
        let page = self.search(caller, Some(type_name), query)?;
        let mut bundle: Value = serde_json::from_slice(&page.json)
            .map_err(|_| Failure::new(ErrorCode::Internal, "a search answered what is no JSON"))?;
        for home in page.disclosed {
            if !whole.disclosed.contains(&home) {
                whole.disclosed.push(home);
            }
        }
        if let Value::Array(entries) = bundle["entry"].take() {
            for mut entry in entries {
                let is_hit = entry["search"]["mode"] == "match";
                let resource = entry["resource"].take();
                if resource["resourceType"] == "OperationOutcome" {
                    continue;
                }
                if is_hit { whole.hits.push(resource) } else { whole.included.push(resource) }
            }
        }
        let links = bundle["link"].as_array().into_iter().flatten();
        let address = links.filter(|link| link["relation"] == "next").find_map(|link| link["url"].as_str());
        Ok(address.and_then(|url| url.split_once('?')).map(|(_, query)| query.to_owned()))
    }
}
