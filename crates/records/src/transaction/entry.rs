//! One entry of a bundle, read.

use formats::fhir::date;
use model::{ErrorCode, Failure, TypeCode};
use serde_json::Value;

use crate::load::{is_id, type_code_of};
use crate::write::WriteOptions;
use crate::write::acts::relative;
use crate::{Caller, Known};

/// `Bundle.entry.request.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// What `Bundle.entry.request.url` points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `Patient`.
    Type(TypeCode),
    /// `Patient/1`.
    Instance(TypeCode, String),
    /// `Patient?identifier=…`.
    Condition(TypeCode, String),
    /// Path segments and query of anything else, for reads.
    Path(Vec<String>, String),
}

/// A well-formed entry.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) full_url: Option<String>,
    pub(super) resource: Option<Value>,
    /// `If-Match` and `If-None-Exist` of the entry.
    pub(super) options: WriteOptions,
    /// `If-None-Match` and `If-Modified-Since` of a read.
    pub(super) known: Known,
}

/// An entry: its place in the bundle, and what it asks, if that can be read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: usize,
    pub(super) request: Result<Request, Failure>,
}

impl Entry {
    /// Reads an entry. Faults are kept: a batch reports them per entry.
    pub(super) fn read(caller: &Caller, position: usize, entry: Value) -> Self {
        Self { position, request: read(caller, entry) }
    }
}

fn read(caller: &Caller, mut entry: Value) -> Result<Request, Failure> {
    let bad = |detail: String| Failure::new(ErrorCode::NotReadable, detail);
    let resource = match entry.get_mut("resource").map(Value::take) {
        None => None,
        Some(resource @ Value::Object(_)) => Some(resource),
        Some(_) => return Err(bad("`resource` must be an object".to_owned())),
    };
    let text = |value: &Value, name: &str| -> Result<Option<String>, Failure> {
        match value.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(bad(format!("`{name}` must be a string"))),
        }
    };
    let full_url = text(&entry, "fullUrl")?;
    let request = entry.get("request").ok_or_else(|| bad("`request` is missing".to_owned()))?;
    let method = text(request, "method")?.ok_or_else(|| bad("`request.method` is missing".to_owned()))?;
    let method = match method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => return Err(bad("`request.method` is not one of GET, HEAD, POST, PUT, PATCH, DELETE".to_owned())),
    };
    let url = text(request, "url")?.ok_or_else(|| bad("`request.url` is missing".to_owned()))?;
    let address = address(method, relative(&caller.base_url, &url).unwrap_or(&url).trim_start_matches('/'))?;
    let options = WriteOptions {
        if_none_exist: text(request, "ifNoneExist")?,
        if_match: text(request, "ifMatch")?,
        ..WriteOptions::default()
    };
    let since = text(request, "ifModifiedSince")?;
    let since = since.map(|text| date::parse(&text).map(|it| it.low_ms)).transpose();
    let if_modified_since_ms = since.map_err(|_| bad("`request.ifModifiedSince` is no instant".to_owned()))?;
    let known = Known { if_none_match: text(request, "ifNoneMatch")?, if_modified_since_ms };
    Ok(Request { method, address, full_url, resource, options, known })
}

/// Where a relative address points. Writes know three forms; reads keep their path.
fn address(method: Method, url: &str) -> Result<Address, Failure> {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if super::is_read(method) {
        let segments = segments.into_iter().map(str::to_owned).collect();
        return Ok(Address::Path(segments, query.unwrap_or_default().to_owned()));
    }
    let unsupported = || Failure::new(ErrorCode::NotSupported, "`request.url` is no address of a write");
    match (segments.as_slice(), query) {
        ([type_name], None) if method == Method::Post => Ok(Address::Type(type_code_of(type_name)?)),
        ([type_name, id], None) if method != Method::Post && is_id(id) => {
            Ok(Address::Instance(type_code_of(type_name)?, (*id).to_owned()))
        }
        ([type_name], Some(query)) if method != Method::Post => {
            Ok(Address::Condition(type_code_of(type_name)?, query.to_owned()))
        }
        _ => Err(unsupported()),
    }
}

impl Request {
    /// The type that a write is about.
    pub(super) fn type_code(&self) -> Option<TypeCode> {
        match &self.address {
            Address::Type(type_code) | Address::Instance(type_code, _) | Address::Condition(type_code, _) => {
                Some(*type_code)
            }
            Address::Path(..) => None,
        }
    }

    /// The JSON Patch in a PATCH entry: a `Binary` that carries it in base64 (http.html#transaction).
    pub(super) fn patch(&self) -> Result<Vec<u8>, Failure> {
        use base64::Engine as _;
        let resource = self.resource.as_ref();
        let text = |name: &str| resource.and_then(|resource| resource.get(name)).and_then(Value::as_str);
        if text("resourceType") != Some("Binary") {
            let detail = "a PATCH entry carries a Binary with a JSON Patch; FHIRPath Patch is not supported";
            return Err(Failure::new(ErrorCode::NotSupported, detail));
        }
        if text("contentType") != Some("application/json-patch+json") {
            let detail = "`Binary.contentType` of a PATCH entry must be application/json-patch+json";
            return Err(Failure::new(ErrorCode::UnsupportedMediaType, detail));
        }
        let data = text("data").unwrap_or_default();
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .map_err(|_| Failure::new(ErrorCode::NotReadable, "`Binary.data` is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_writes_have_three_forms() {
        let patient = TypeCode::PATIENT;
        let cases = [
            (Method::Post, "Patient", Some(Address::Type(patient))),
            (Method::Put, "Patient/1", Some(Address::Instance(patient, "1".to_owned()))),
            (Method::Put, "Patient?a=b", Some(Address::Condition(patient, "a=b".to_owned()))),
            (Method::Delete, "Patient/1", Some(Address::Instance(patient, "1".to_owned()))),
            (Method::Post, "Patient/1", None),
            (Method::Post, "Patient/$match", None),
            (Method::Put, "Patient", None),
            (Method::Delete, "Patient/1/_history", None),
            (Method::Delete, "Nothing/1", None),
            (Method::Put, "Patient/a b", None),
            (Method::Put, "", None),
        ];
        for (method, url, expected) in cases {
            assert_eq!(address(method, url).ok(), expected, "{method:?} {url}");
        }
        let read = Address::Path(vec!["Patient".into(), "1".into(), "_history".into()], "_count=1".into());
        assert_eq!(address(Method::Get, "Patient/1/_history?_count=1").unwrap(), read);
    }
}
