//! The page's files, within the binary.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Nothing but this host's own files, and none of them inline; nobody may put the page into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("assets/", $name)).as_slice())),*]
    };
}

const ASSETS: &[(&str, &[u8])] = assets![
    "app.js",
    "chart.js",
    "clusters.js",
    "format.js",
    "host.js",
    "icon.svg",
    "index.html",
    "style.css",
    "theme.js",
    "views/anomalies.js",
    "views/building.js",
    "views/clusters.js",
    "views/overview.js",
    "views/parts.js",
    "views/plugins.js",
    "views/pipeline.js",
    "vendor/lit-html.js",
    "vendor/lit-html.LICENSE",
    "vendor/uPlot.css",
    "vendor/uPlot.js",
    "vendor/uPlot.LICENSE",
];

pub(super) async fn index(headers: HeaderMap) -> Response {
    serve("index.html", &headers)
}

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&name, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let Some((_, body)) = ASSETS.iter().find(|(known, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "there is no such file; the page is at /\n").into_response();
    };
    let tag = format!("\"{:08x}-{}\"", crc32fast::hash(body), body.len());
    let common = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // Asked for each time, answered with a few bytes: another version of the host has other files.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_TYPE, content_type(name)),
    ];
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| tags.as_bytes() == tag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, common, [(header::ETAG, tag)]).into_response();
    }
    (common, [(header::ETAG, tag)], *body).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
