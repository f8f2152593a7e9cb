//! The small print of HTTP: what a client prefers, accepts and already has.

use axum::http::{HeaderMap, HeaderName, header};
use jiff::fmt::rfc2822::DateTimeParser;
use model::{ErrorCode, Failure};
use records::Known;

/// The media type that FHIR routes write.
pub const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";
/// The media type that the other routes write.
pub const JSON: &str = "application/json;charset=utf-8";

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The text of a header, if it is there and is ASCII.
pub fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// One preference of `Prefer: return=minimal; handling=lenient`, from any of its lines.
pub fn preference<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split([',', ';']))
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"'))
}

/// What the query string says about the shape of the reply, and the rest of it, still percent-encoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `_pretty=true`.
    pub pretty: bool,
    /// `_format`.
    pub format: Option<String>,
    /// The query without both.
    pub rest: String,
}

impl Shape {
    /// Splits a raw query string.
    pub fn of(query: &str) -> Self {
        if !query.contains("_format") && !query.contains("_pretty") {
            return Self { rest: query.to_owned(), ..Self::default() };
        }
        let mut shape = Self::default();
        let mut rest = Vec::new();
        for part in query.split('&') {
            match part.split_once('=') {
                Some(("_format", value)) => {
                    // A plus sign is data here: clients write `application/fhir+json` unescaped.
                    shape.format = Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
                }
                Some(("_pretty", value)) => shape.pretty = value == "true",
                _ => rest.push(part),
            }
        }
        shape.rest = rest.join("&");
        shape
    }
}

/// Refuses a client that wants something else than JSON. `_format` overrides `Accept`, as FHIR says.
pub fn accepts_json(headers: &HeaderMap, format: Option<&str>) -> Result<(), Failure> {
    if let Some(format) = format {
        return if is_json(format) { Ok(()) } else { Err(not_acceptable(format)) };
    }
    let Some(accept) = text(headers, header::ACCEPT) else { return Ok(()) };
    if accept.split(',').any(is_json) { Ok(()) } else { Err(not_acceptable(accept)) }
}

fn is_json(range: &str) -> bool {
    let kind = range.split(';').next().unwrap_or_default().trim();
    matches!(
        kind.to_ascii_lowercase().as_str(),
        "" | "*/*"
            | "application/*"
            | "json"
            | "application/json"
            | "text/json"
            | "application/fhir+json"
            | "application/json+fhir"
    )
}

fn not_acceptable(what: &str) -> Failure {
    let what: String = what.chars().take(80).collect();
    Failure::new(ErrorCode::NotAcceptable, format!("`{what}` is not written here; ask for application/fhir+json"))
}

/// Refuses a body that is not one of `kinds`. An absent type is taken as the first kind.
pub fn sends(headers: &HeaderMap, kinds: &[&str]) -> Result<(), Failure> {
    let Some(content_type) = text(headers, header::CONTENT_TYPE) else { return Ok(()) };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kinds.contains(&kind.as_str()) {
        return Ok(());
    }
    let kind: String = kind.chars().take(80).collect();
    Err(Failure::new(
        ErrorCode::UnsupportedMediaType,
        format!("`{kind}` is not read here; send {}", kinds.join(" or ")),
    ))
}

/// The media types of a resource in a body.
pub const RESOURCE_KINDS: &[&str] =
    &["application/fhir+json", "application/json", "application/json+fhir", "text/json"];

/// What the headers say about the version that the client has. A date that is none is passed over (RFC 9110 §13.1.3).
pub fn known(headers: &HeaderMap) -> Known {
    let since = text(headers, header::IF_MODIFIED_SINCE);
    let since = since.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    Known {
        if_none_match: text(headers, header::IF_NONE_MATCH).map(str::to_owned),
        if_modified_since_ms: since.map(jiff::Timestamp::as_millisecond),
    }
}

/// The HTTP date of a millisecond count: `Sat, 21 Nov 2026 08:00:00 GMT`.
pub fn http_date(at_ms: i64) -> String {
    model::instant_from_ms(at_ms).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn preferences_are_found_among_others() {
        let prefer = headers(PREFER, "respond-async, return=minimal; handling=\"lenient\"");
        assert_eq!(preference(&prefer, "return"), Some("minimal"));
        assert_eq!(preference(&prefer, "handling"), Some("lenient"));
        assert_eq!(preference(&prefer, "wait"), None);
    }

    #[test]
    fn the_shape_is_taken_out_of_the_query() {
        let shape = Shape::of("name=a%26b&_format=application/fhir+json&_pretty=true&_count=2");
        assert_eq!(shape.rest, "name=a%26b&_count=2");
        assert_eq!(shape.format.as_deref(), Some("application/fhir+json"));
        assert!(shape.pretty);
        assert_eq!(Shape::of("name=x").rest, "name=x");
    }

    #[test]
    fn only_json_is_written() {
        assert!(accepts_json(&HeaderMap::new(), None).is_ok());
        assert!(accepts_json(&headers(header::ACCEPT, "text/html, */*;q=0.1"), None).is_ok());
        assert!(accepts_json(&headers(header::ACCEPT, "application/fhir+xml"), None).is_err());
        assert!(accepts_json(&headers(header::ACCEPT, "application/fhir+xml"), Some("json")).is_ok());
        assert!(accepts_json(&HeaderMap::new(), Some("xml")).is_err());
    }

    #[test]
    fn dates_come_back() {
        let date = headers(header::IF_MODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(known(&date).if_modified_since_ms, Some(1_700_000_000_000));
        assert_eq!(known(&headers(header::IF_MODIFIED_SINCE, "yesterday")), Known::default());
        assert_eq!(known(&headers(header::IF_NONE_MATCH, "W/\"3\"")).if_none_match.as_deref(), Some("W/\"3\""));
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(1_700_000_000_120), "Tue, 14 Nov 2023 22:13:20 GMT");
    }
}
