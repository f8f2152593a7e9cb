//! The portal: files built from `web/`, embedded in the binary. Any path without a file name is the portal's own routing and
//! answers its first page.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// Only our own files: no inline script, no other host, no frame around us. Ant Design writes its styles at run time,
/// therefore `style-src` allows inline styles.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
     font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const PLAIN_PAGE: &str = "<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><title>康脉 Kangmai</title></head>\n\
     <body><h1>康脉 Kangmai</h1>\n<p>服务正在运行，但此程序构建时未包含门户页面（web/dist 为空）。请运行 <code>make build</code>。</p>\n\
     <p>The server runs, but this binary was built without the portal (web/dist was empty). Run <code>make build</code>.</p>\n\
     <p>FHIR R4: <a href=\"/fhir/R4/metadata\">/fhir/R4/metadata</a></p></body></html>\n";

/// The file at a path.
pub fn file(method: &Method, path: &str) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", Vec::new(), false);
    }
    let name = path.trim_start_matches('/');
    if let Some(found) = Files::get(name).filter(|_| !name.is_empty()) {
        // Vite puts a hash of the content into the names under assets/: such a file never changes.
        return respond(StatusCode::OK, media_type(name), found.data.into_owned(), name.starts_with("assets/"));
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains('.') {
        return respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"not found\n".to_vec(), false);
    }
    let page = Files::get("index.html").map_or_else(|| PLAIN_PAGE.as_bytes().to_vec(), |found| found.data.into_owned());
    respond(StatusCode::OK, "text/html; charset=utf-8", page, false)
}

fn respond(status: StatusCode, media_type: &'static str, body: Vec<u8>, is_forever: bool) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let cache = if is_forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_answered_and_missing_files_are_not() {
        assert_eq!(file(&Method::GET, "/").status(), StatusCode::OK);
        assert_eq!(file(&Method::GET, "/persons/abc").status(), StatusCode::OK);
        assert_eq!(file(&Method::GET, "/assets/none-1234.js").status(), StatusCode::NOT_FOUND);
        assert_eq!(file(&Method::GET, "/../Cargo.toml").status(), StatusCode::NOT_FOUND);
        assert_eq!(file(&Method::POST, "/").status(), StatusCode::METHOD_NOT_ALLOWED);
        let policy = file(&Method::GET, "/").headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'"));
    }
}
