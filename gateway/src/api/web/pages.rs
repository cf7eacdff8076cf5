//! The console: files that were built into the binary, and one page for all of its paths.

use super::headers::ConsolePage;
use crate::api::problem::Problem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway_core::hex::hex;
use rust_embed::{EmbeddedFile, RustEmbed};

/// `console/dist`, or a page that says that it was not built.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/console"]
struct Files;

/// The page of all paths that name no file.
const PAGE: &str = "index.html";
/// What lies there has its hash in its name.
const HASHED: &str = "assets/";

/// A file of the console's, or its page.
pub(super) async fn page(request: Request) -> Response {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let what = "this is a page: it can only be read";
        let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", what).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let path = request.uri().path().trim_start_matches('/');
    // Names of workloads and targets have dots, too.
    let is_file = path.starts_with(HASHED) || Files::get(path).is_some();
    let name = if is_file { path } else { PAGE };
    let packed = takes_gzip(request.headers()).then(|| Files::get(&format!("{name}.gz"))).flatten();
    let Some(file) = Files::get(name).filter(|_| !name.ends_with(".gz")) else {
        return Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here").into_response();
    };
    answer(name, &file, packed, request.headers())
}

fn answer(name: &str, file: &EmbeddedFile, packed: Option<EmbeddedFile>, asked: &HeaderMap) -> Response {
    let hash = hex(&file.metadata.sha256_hash());
    let tag = format!("W/\"{}\"", hash.get(..32).unwrap_or_default());
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let packs = packed.is_some();
        let mut response = Body::from(packed.map_or_else(|| file.data.clone(), |packed| packed.data)).into_response();
        if packs {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let lasts = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lasts));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response.extensions_mut().insert(ConsolePage);
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = headers.get(header::ACCEPT_ENCODING).and_then(|taken| taken.to_str().ok()).unwrap_or_default();
    taken.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        // By RFC 9110 a weight of 0, however it is written, says no.
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0);
        name.trim() == "gzip" && weight > 0.0
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, encoding: Option<&str>) -> Request {
        let request = axum::http::Request::builder().uri(path);
        let request = encoding.into_iter().fold(request, |request, encoding| request.header("accept-encoding", encoding));
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn every_path_without_a_file_is_the_page_and_no_file_is_nothing() {
        for path in
            ["/", "/sessions", "/holds/h-0000000000001", "/workloads/spiffe%3A%2F%2Fa.example%2Fb.c", "/favicon.nowhere", "/.env"]
        {
            let response = page(asked(path, None)).await;
            assert_eq!(
                (response.status(), response.headers()["content-type"].to_str().unwrap()),
                (StatusCode::OK, kind(PAGE)),
                "{path}"
            );
            assert!(response.extensions().get::<ConsolePage>().is_some());
        }
        for path in ["/assets/../../etc/passwd.txt", "/assets/x.js", "/assets/x.js.gz"] {
            assert_eq!(page(asked(path, None)).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let first = page(asked("/", None)).await;
        let mut again = asked("/", None);
        again.headers_mut().insert(header::IF_NONE_MATCH, first.headers()["etag"].clone());
        assert_eq!(page(again).await.status(), StatusCode::NOT_MODIFIED);
        let mut posted = asked("/", None);
        *posted.method_mut() = Method::POST;
        assert_eq!(page(posted).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn gzip_is_for_who_takes_it() {
        for (taken, expected) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(asked("/", Some(taken)).headers()), expected, "{taken}");
        }
    }
}
