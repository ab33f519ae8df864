//! The site: script, stylesheet, pictures, as `cargo xtask` laid them out.
//!
//! A page names an asset by its path and links to what [`Assets::url`] answers: an address that changes with the
//! content, so browsers may keep it for ever. A release carries every file inside the binary, compressed in advance;
//! while developing, the site's folder is read once, at start.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::response::Response;
use axum::routing::get;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// Where the build leaves the site when no folder is named.
const DEFAULT_DIR: &str = "target/site/dev";
/// Without these no page works.
const REQUIRED: &[&str] = &[
    "/style.css",
    "/pkg/muster.js",
    "/pkg/muster_bg.wasm",
    "/favicon.svg",
];
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";
/// A console for admins has no business in a search engine.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// A row of the table inside a release; the fields are named in what the build script includes.
struct Embedded {
    path: &'static str,
    hashed: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A row of `assets.json`; the names are files in the same folder.
#[derive(Deserialize)]
struct Row {
    path: String,
    hashed: String,
    #[serde(rename = "type")]
    kind: String,
    file: String,
    br: Option<String>,
    gz: Option<String>,
}

/// A file in every form it can be sent in.
#[derive(Clone)]
struct File {
    kind: String,
    plain: Bytes,
    br: Option<Bytes>,
    gz: Option<Bytes>,
}

/// All assets, in memory. Cloning is cheap.
#[derive(Clone)]
pub struct Assets {
    site: Arc<Site>,
}

#[derive(Default)]
struct Site {
    /// From "/style.css" to "/a/style.3f2a9c….css".
    urls: HashMap<String, String>,
    /// By hashed address.
    files: HashMap<String, File>,
}

impl Assets {
    /// The site in this folder; without one, the site inside the binary, else the folder a development build writes.
    ///
    /// # Errors
    /// When a file is missing or cannot be read, with the path and what to run.
    pub fn load(site_dir: Option<&Path>) -> Result<Self, AssetsError> {
        let site = match site_dir {
            Some(folder) => read(folder)?,
            None if EMBEDDED.is_empty() => read(Path::new(DEFAULT_DIR))?,
            None => embedded(EMBEDDED),
        };
        match REQUIRED.iter().find(|path| !site.urls.contains_key(**path)) {
            Some(path) => Err(AssetsError::Incomplete(path)),
            None => Ok(Self {
                site: Arc::new(site),
            }),
        }
    }

    /// The address of an asset: `/style.css` to `/a/style.3f2a9c….css`. An unknown path comes back as it is, and
    /// leads to a 404 the developer sees.
    #[must_use]
    pub fn url<'a>(&'a self, path: &'a str) -> &'a str {
        self.site.urls.get(path).map_or(path, String::as_str)
    }

    /// `/a/…`, `/favicon.ico` and `/robots.txt`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/a/{name}", get(immutable))
            .route("/favicon.ico", get(favicon))
            .route("/robots.txt", get(robots))
            .with_state(self.clone())
    }
}

/// Why there is no site to serve.
#[derive(Debug)]
pub enum AssetsError {
    /// A file of the site cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// `assets.json` is not what this server understands.
    Manifest(PathBuf, serde_json::Error),
    /// The site lacks a file no page works without.
    Incomplete(&'static str),
}

impl fmt::Display for AssetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display())?,
            Self::Manifest(path, error) => write!(f, "{}: {error}", path.display())?,
            Self::Incomplete(path) => write!(f, "the site has no {path}")?,
        }
        f.write_str(". Build it with `cargo xtask build`, or set MUSTER_SITE_DIR to where it lies.")
    }
}

impl std::error::Error for AssetsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Manifest(_, error) => Some(error),
            Self::Incomplete(_) => None,
        }
    }
}

fn embedded(rows: &'static [Embedded]) -> Site {
    let mut site = Site::default();
    for row in rows {
        site.urls.insert(row.path.to_owned(), row.hashed.to_owned());
        let file = File {
            kind: row.kind.to_owned(),
            plain: Bytes::from_static(row.plain),
            br: row.br.map(Bytes::from_static),
            gz: row.gz.map(Bytes::from_static),
        };
        site.files.insert(row.hashed.to_owned(), file);
    }
    site
}

fn read(folder: &Path) -> Result<Site, AssetsError> {
    let load = |name: &str| {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Bytes::from(bytes)),
            Err(error) => Err(AssetsError::Unreadable(path, error)),
        }
    };
    let manifest = load("assets.json")?;
    let rows: Vec<Row> = serde_json::from_slice(&manifest)
        .map_err(|error| AssetsError::Manifest(folder.join("assets.json"), error))?;
    let mut site = Site::default();
    for row in rows {
        let file = File {
            kind: row.kind,
            plain: load(&row.file)?,
            br: row.br.as_deref().map(load).transpose()?,
            gz: row.gz.as_deref().map(load).transpose()?,
        };
        site.urls.insert(row.path, row.hashed.clone());
        site.files.insert(row.hashed, file);
    }
    Ok(site)
}

async fn immutable(
    State(assets): State<Assets>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    match assets.site.files.get(&format!("/a/{name}")) {
        Some(file) => respond(file, &headers, FOR_EVER),
        None => plain(
            StatusCode::NOT_FOUND,
            "no-store",
            "There is no such file.\n",
        ),
    }
}

/// Browsers ask for this name unprompted; the picture is an SVG whatever the name says.
async fn favicon(State(assets): State<Assets>, headers: HeaderMap) -> Response {
    match assets.site.files.get(assets.url("/favicon.svg")) {
        Some(file) => respond(file, &headers, FOR_A_DAY),
        None => plain(
            StatusCode::NOT_FOUND,
            "no-store",
            "There is no such file.\n",
        ),
    }
}

async fn robots() -> Response {
    plain(StatusCode::OK, FOR_A_DAY, ROBOTS)
}

fn respond(file: &File, headers: &HeaderMap, keep: &'static str) -> Response {
    let accepted = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let coding = choose(&accepted, file.br.is_some(), file.gz.is_some());
    let (bytes, name) = match (coding, &file.br, &file.gz) {
        (Coding::Brotli, Some(bytes), _) => (bytes, Some("br")),
        (Coding::Gzip, _, Some(bytes)) => (bytes, Some("gzip")),
        _ => (&file.plain, None),
    };
    let mut response = Response::builder()
        .header(CONTENT_TYPE, &file.kind)
        .header(CACHE_CONTROL, keep)
        .header(VARY, "accept-encoding");
    if let Some(name) = name {
        response = response.header(CONTENT_ENCODING, name);
    }
    // Only a content type that is no header value fails, and those come from our own build.
    response
        .body(Body::from(bytes.clone()))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "no-store", ""))
}

fn plain(status: StatusCode, keep: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static(keep));
    response
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

/// The best coding we have that `Accept-Encoding` takes (RFC 9110, 12.5.3): the higher weight, brotli among equals.
/// Weights are compared in thousandths; what cannot be read counts as refused.
fn choose(accepted: &str, has_brotli: bool, has_gzip: bool) -> Coding {
    let brotli = if has_brotli {
        weight(accepted, &["br"])
    } else {
        0
    };
    let gzip = if has_gzip {
        weight(accepted, &["gzip", "x-gzip"])
    } else {
        0
    };
    if brotli > 0 && brotli >= gzip {
        Coding::Brotli
    } else if gzip > 0 {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// What the client gives a coding: under one of its names, else under `*`, else nothing.
fn weight(accepted: &str, names: &[&str]) -> u16 {
    let mut star = 0;
    for part in accepted.split(',') {
        let mut words = part.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        let weight = words
            .find_map(|word| word.strip_prefix("q=").or_else(|| word.strip_prefix("Q=")))
            .map_or(1000, thousandths);
        if names.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return weight;
        }
        if name == "*" {
            star = weight;
        }
    }
    star
}

fn thousandths(weight: &str) -> u16 {
    match weight.trim().parse::<f32>() {
        // In range, so the cast only drops what is finer than a thousandth.
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use http::Request;
    use tower::ServiceExt;

    const JS: &str = "/a/muster.0123.js";

    fn assets() -> Assets {
        let row = |path, hashed, kind, br, gz| Embedded {
            path,
            hashed,
            kind,
            plain: b"plain",
            br,
            gz,
        };
        let rows: &'static [Embedded] = Box::leak(Box::new([
            row(
                "/pkg/muster.js",
                JS,
                "text/javascript; charset=utf-8",
                Some(b"br".as_slice()),
                Some(b"gz".as_slice()),
            ),
            row(
                "/favicon.svg",
                "/a/favicon.9.svg",
                "image/svg+xml",
                None,
                None,
            ),
        ]));
        Assets {
            site: Arc::new(embedded(rows)),
        }
    }

    async fn fetch(path: &str, accepted: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder()
            .uri(path)
            .header(ACCEPT_ENCODING, accepted)
            .body(Body::empty())
            .unwrap();
        let response = assets().router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1000).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[test]
    fn the_best_coding_both_sides_know_is_chosen() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("gzip", Coding::Gzip),
            ("GZIP", Coding::Gzip),
            ("", Coding::Identity),
            ("deflate", Coding::Identity),
            ("br;q=0, gzip;q=0.5", Coding::Gzip),
            ("br;q=0.4, gzip;q=0.5", Coding::Gzip),
            ("br ; q=0.5 ,gzip;q=0.5", Coding::Brotli),
            ("*", Coding::Brotli),
            ("br;q=0, *;q=0.1", Coding::Gzip),
            ("*;q=0", Coding::Identity),
            ("br;q=nonsense", Coding::Identity),
            ("br;q=7", Coding::Identity),
            ("brr", Coding::Identity),
        ] {
            assert_eq!(choose(accepted, true, true), expected, "{accepted}");
        }
        assert_eq!(choose("br, gzip", false, true), Coding::Gzip);
        assert_eq!(choose("br, gzip", false, false), Coding::Identity);
    }

    #[tokio::test]
    async fn a_hashed_file_is_kept_for_ever_in_the_coding_asked_for() {
        for (accepted, coding, body) in [
            ("br, gzip", Some("br"), "br"),
            ("gzip", Some("gzip"), "gz"),
            ("identity", None, "plain"),
        ] {
            let (status, headers, answer) = fetch(JS, accepted).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(answer, body);
            assert_eq!(
                headers
                    .get(CONTENT_ENCODING)
                    .map(|value| value.to_str().unwrap()),
                coding
            );
            assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(
                headers[CACHE_CONTROL],
                "public, max-age=31536000, immutable"
            );
            assert_eq!(headers[VARY], "accept-encoding");
        }
    }

    #[tokio::test]
    async fn an_unknown_file_is_not_kept() {
        let (status, headers, _) = fetch("/a/muster.4567.js", "br").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn unprompted_requests_are_answered() {
        let (status, headers, _) = fetch("/favicon.ico", "").await;
        assert_eq!(
            (status, headers[CONTENT_TYPE].to_str().unwrap()),
            (StatusCode::OK, "image/svg+xml")
        );
        let (_, _, body) = fetch("/robots.txt", "").await;
        assert_eq!(body, "User-agent: *\nDisallow: /\n");
    }

    #[test]
    fn a_page_links_to_the_hashed_address() {
        assert_eq!(assets().url("/pkg/muster.js"), JS);
        assert_eq!(assets().url("/unknown.png"), "/unknown.png");
    }

    #[test]
    fn a_site_that_was_not_built_says_what_to_run() {
        let error = Assets::load(Some(Path::new("/nowhere")))
            .err()
            .unwrap()
            .to_string();
        assert!(error.starts_with("/nowhere/assets.json: "), "{error}");
        assert!(error.contains("cargo xtask build"), "{error}");
    }
}
