//! Page links and bundle frames of history and `$everything`: JSON is written as bytes, since the resources inside are
//! already text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ErrorCode, Failure, TenantId};

use crate::Records;

/// A token longer than this was not made here.
const TOKEN_CHARS_MAX: usize = 512;

/// The options that these lists share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListOptions {
    /// `_count`, at most what the list allows.
    pub(crate) count: Option<usize>,
    /// `_since`, in milliseconds since 1970.
    pub(crate) since_ms: Option<i64>,
    /// `_page`, still sealed.
    pub(crate) page: Option<String>,
    /// Everything else that the list knows, in order.
    pub(crate) others: Vec<(String, String)>,
    /// The query without `_page`, for the next link.
    pub(crate) query: String,
}

/// Reads the query of a list. `known` names the parameters beyond `_count`, `_since` and `_page`.
///
/// # Errors
/// `BadSearch` for an unknown parameter (unless `strict` is off) or an unreadable value.
pub(crate) fn list_options(query: &str, known: &[&str], strict: bool) -> Result<ListOptions, Failure> {
    let bad = |detail: String| Failure::new(ErrorCode::BadSearch, detail);
    let mut options = ListOptions::default();
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "_page" => {
                options.page = Some(value.into_owned());
                continue;
            }
            "_count" => {
                options.count = Some(value.parse().map_err(|_| bad("`_count` is not a whole number".to_owned()))?);
            }
            "_since" => {
                let since = formats::fhir::date::parse(&value);
                options.since_ms = Some(since.map_err(|error| bad(format!("`_since`: {error}")))?.low_ms);
            }
            // How the answer is written is the server's matter.
            "_format" | "_pretty" | "" => {}
            other if known.contains(&other) => options.others.push((other.to_owned(), value.clone().into_owned())),
            _ if strict => {
                let names = [&["_count", "_since", "_page"], known].concat().join(", ");
                return Err(bad(format!("unknown parameter; known here: {names}")));
            }
            _ => {}
        }
        kept.append_pair(&name, &value);
    }
    options.query = kept.finish();
    Ok(options)
}

/// Seals where a page ended. `purpose` binds it to one list.
pub(crate) fn seal_token(records: &Records, tenant: TenantId, purpose: &str, plain: &[u8]) -> String {
    let mut sealed = Vec::with_capacity(plain.len() + 32);
    records.store.tenant(tenant).shared_body_key().seal(purpose.as_bytes(), plain, &mut sealed);
    URL_SAFE_NO_PAD.encode(sealed)
}

/// Opens what [`seal_token`] sealed for the same tenant and purpose.
///
/// # Errors
/// `BadPage`.
pub(crate) fn open_token(records: &Records, tenant: TenantId, purpose: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let bad = || Failure::new(ErrorCode::BadPage, "`_page` is not a link of this list");
    if text.len() > TOKEN_CHARS_MAX {
        return Err(bad());
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    records.store.tenant(tenant).shared_body_key().open(purpose.as_bytes(), &sealed).map_err(|_| bad())
}

/// A Bundle under construction.
pub(crate) struct BundleWriter {
    out: Vec<u8>,
    entries: usize,
}

impl BundleWriter {
    /// `{"resourceType":"Bundle","type":T`.
    pub(crate) fn new(bundle_type: &str) -> Self {
        let mut out = Vec::with_capacity(64 * 1024);
        out.extend_from_slice(b"{\"resourceType\":\"Bundle\",\"type\":\"");
        out.extend_from_slice(bundle_type.as_bytes());
        out.extend_from_slice(b"\",\"entry\":[");
        Self { out, entries: 0 }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Makes room for about so many bytes of entries.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// Begins an entry: what `write` appends stands between its braces.
    pub(crate) fn entry(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.entries > 0 {
            self.out.push(b',');
        }
        self.entries += 1;
        self.out.push(b'{');
        write(&mut self.out);
        self.out.push(b'}');
    }

    /// The bundle, with its links and its total if it is known.
    pub(crate) fn finish(mut self, links: &[(&str, String)], total: Option<usize>) -> Vec<u8> {
        if self.entries == 0 {
            // FHIR knows no empty arrays.
            self.out.truncate(self.out.len() - b",\"entry\":[".len());
        } else {
            self.out.push(b']');
        }
        if let Some(total) = total {
            self.out.extend_from_slice(b",\"total\":");
            self.out.extend_from_slice(total.to_string().as_bytes());
        }
        for (position, (relation, url)) in links.iter().enumerate() {
            self.out.extend_from_slice(if position == 0 { b",\"link\":[{" } else { b",{" });
            member(&mut self.out, "relation", relation);
            self.out.push(b',');
            member(&mut self.out, "url", url);
            self.out.push(b'}');
        }
        if !links.is_empty() {
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.out
    }
}

/// `"name":"value"`, escaped.
pub(crate) fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    text(out, value);
}

/// A JSON string.
fn text(out: &mut Vec<u8>, value: &str) {
    // Our own texts rarely need escaping; the rare ones take the long way. Writing into memory cannot fail.
    if value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(serde_json::Value::from(value).to_string().as_bytes());
    }
}

/// The self link and, if there is another page, the next link.
pub(crate) fn page_links(address: &str, options: &ListOptions, next: Option<&str>) -> Vec<(&'static str, String)> {
    let with = |query: &str| if query.is_empty() { address.to_owned() } else { format!("{address}?{query}") };
    let page = |token: &str| {
        let join = if options.query.is_empty() { "" } else { "&" };
        with(&format!("{}{join}_page={token}", options.query))
    };
    let this = options.page.as_deref().map_or_else(|| with(&options.query), page);
    let mut links = vec![("self", this)];
    links.extend(next.map(|token| ("next", page(token))));
    links
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_bundle_is_json_with_and_without_entries() {
        let read = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap();
        let empty = BundleWriter::new("history").finish(&[], Some(0));
        assert_eq!(read(empty), json!({"resourceType": "Bundle", "type": "history", "total": 0}));
        let mut writer = BundleWriter::new("searchset");
        writer.entry(|out| member(out, "fullUrl", "a\"b\\\n"));
        writer.entry(|out| member(out, "fullUrl", "c"));
        let links = [("self", "http://x?a=b".to_owned()), ("next", "http://x".to_owned())];
        let expected = json!({
            "resourceType": "Bundle", "type": "searchset",
            "entry": [{"fullUrl": "a\"b\\\n"}, {"fullUrl": "c"}],
            "link": [{"relation": "self", "url": "http://x?a=b"}, {"relation": "next", "url": "http://x"}],
        });
        assert_eq!(read(writer.finish(&links, None)), expected);
    }

    #[test]
    fn list_options_are_read_strictly() {
        let options =
            list_options("_count=5&_since=2020-01-01T00:00:00Z&_type=A,B&_page=x&_format=json", &["_type"], true);
        let options = options.unwrap();
        assert_eq!(options.count, Some(5));
        assert_eq!(options.since_ms, Some(1_577_836_800_000));
        assert_eq!(options.page.as_deref(), Some("x"));
        assert_eq!(options.others, [("_type".to_owned(), "A,B".to_owned())]);
        assert!(!options.query.contains("_page"));
        for query in ["_count=-1", "_count=x", "_since=yesterday", "_at=2020", "code=1"] {
            assert_eq!(list_options(query, &[], true).unwrap_err().code, ErrorCode::BadSearch, "{query}");
        }
        assert!(list_options("code=1", &[], false).is_ok());
    }
}
