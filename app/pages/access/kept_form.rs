//! A form that needed a secure session first: kept sealed in the browser's session, sent on when there is one.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, REFERER};
use http::{HeaderMap, HeaderValue, Method};
use muster_domain::Error;
use muster_domain::return_to::ReturnTo;
use muster_services::{Services, elevation};
use muster_web::Browser;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::components::FormMark;

/// Name of the kept form in the browser's session.
const KEPT: &str = "kept_form";
/// The field that stands for the kept form when it is sent on.
pub const FIELD: &str = "__resume";
/// How long a form waits. Later nobody remembers what it was about.
const LASTS: TimeDelta = TimeDelta::minutes(15);
/// Largest form that is kept, in bytes. A larger one has to be sent again.
const LARGEST: usize = 64 * 1024;

/// A form on hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptForm {
    /// Names it.
    pub id: Uuid,
    /// Where it was sent.
    pub path: String,
    /// The page it came from.
    pub page: String,
    /// What it would do, in words.
    pub action: String,
    kept_at: DateTime<Utc>,
    sealed: String,
}

/// Keeps a form's body. Gives nothing when it is too large.
///
/// # Errors
/// When it cannot be sealed or saved.
pub async fn keep(
    services: &Services,
    browser: &Browser,
    path: &str,
    page: &str,
    body: &Bytes,
) -> Result<Option<KeptForm>, Error> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Ok(None);
    };
    if text.len() > LARGEST {
        return Ok(None);
    }
    let id: Uuid = services.id();
    let sealed = elevation::seal_form(services, id, text)?;
    let kept = KeptForm {
        id,
        path: path.to_owned(),
        page: page.to_owned(),
        action: words(path).to_owned(),
        kept_at: services.now(),
        sealed,
    };
    browser.keep(KEPT, &kept).await?;
    Ok(Some(kept))
}

/// The form on hold.
///
/// # Errors
/// When the session cannot be read.
pub async fn held(services: &Services, browser: &Browser) -> Result<Option<KeptForm>, Error> {
    let kept: Option<KeptForm> = browser.kept(KEPT).await?;
    Ok(kept.filter(|kept| services.now() - kept.kept_at < LASTS))
}

/// A request as it was meant.
pub struct Meant {
    /// The request, without what only its form says of itself.
    pub request: Request,
    /// Its body, if it has one.
    pub body: Option<Bytes>,
    /// What a form carries that was drawn while a secure session ran.
    pub mark: Option<String>,
}

/// Takes the mark out of a form.
fn unmarked(bytes: &Bytes) -> (Bytes, Option<String>) {
    let mut mark = None;
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (bytes.clone(), None);
    };
    let others: Vec<&str> = text
        .split('&')
        .filter(|pair| {
            let (name, value) = url::form_urlencoded::parse(pair.as_bytes())
                .next()
                .unwrap_or_default();
            let is_mark = name == FormMark::FIELD;
            if is_mark {
                mark = Some(value.into_owned());
            }
            !is_mark
        })
        .collect();
    match mark {
        Some(mark) => (Bytes::from(others.join("&")), Some(mark)),
        None => (bytes.clone(), None),
    }
}

/// If this request stands for the kept form, gives the request as it was meant; otherwise gives it back unchanged.
///
/// # Errors
/// When the session cannot be read or the form not be opened.
pub async fn meant(
    services: &Services,
    browser: &Browser,
    request: Request,
) -> Result<Meant, Error> {
    if *request.method() != Method::POST {
        return Ok(Meant {
            request,
            body: None,
            mark: None,
        });
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match axum::body::to_bytes(body, muster_web::form::LARGEST_BODY).await {
        Ok(bytes) => bytes,
        Err(error) => return Err(muster_web::form::too_large().internal(error)),
    };
    let (bytes, mark) = unmarked(&bytes);
    let asked = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_prefix("__resume="))
        .map(str::to_owned);
    let bytes = match asked {
        None => bytes,
        Some(id) => {
            let kept = browser
                .take::<KeptForm>(KEPT)
                .await?
                .filter(|kept| kept.id.to_string() == id && kept.path == parts.uri.path());
            let kept = kept.ok_or_else(|| {
                Error::new(
                    "ELV-010",
                    muster_domain::Kind::Conflict,
                    "What you wanted to do is no longer kept.",
                )
                .next("Fill in the form once more.")
            })?;
            Bytes::from(elevation::open_form(services, kept.id, &kept.sealed)?)
        }
    };
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if !parts.headers.contains_key(CONTENT_TYPE) {
        parts.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
    }
    Ok(Meant {
        request: Request::from_parts(parts, Body::from(bytes.clone())),
        body: Some(bytes),
        mark,
    })
}

/// The page a form stood on: its referrer if that is a page of ours, else its own address.
#[must_use]
pub fn page_of(headers: &HeaderMap, path: &str) -> String {
    let referrer = headers
        .get(REFERER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| url::Url::parse(text).ok());
    let from = referrer.map(|url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    });
    ReturnTo::new(from.as_deref().unwrap_or(path))
        .as_str()
        .to_owned()
}

/// What a form does, in words: "You were about to …".
fn words(path: &str) -> &'static str {
    let mut parts = path.trim_matches('/').split('/');
    let (first, last) = (
        parts.next().unwrap_or_default(),
        parts.next_back().unwrap_or_default(),
    );
    match (first, last) {
        ("roles", "grant") => "grant a role",
        ("roles", "withdraw") => "withdraw a role",
        ("providers", "new") | ("setup", "provider") => "connect an identity provider",
        ("providers", "edit") => "change an identity provider",
        ("providers", "rules") => "change the rules for accounts at sign-in",
        ("providers", "enable") => "switch an identity provider on",
        ("providers", "disable") => "switch an identity provider off",
        ("providers", "remove") => "remove an identity provider",
        ("providers", "request-key") => "replace the key that requests are signed with",
        ("applications", "remove") => "remove an application",
        ("applications", _) => "change who may open an application",
        ("me", "password") => "set your password",
        ("me", _) => "change your second factor",
        ("security", "noted") => "take note of the use of a break-glass account",
        ("security", _) => "change a policy",
        ("settings" | "setup", _) => "change settings",
        ("signin", "link") => "link an identity to your user",
        ("users", "new") => "add a user",
        ("groups", "new") => "add a group",
        ("plans", "approve") => "carry out a plan",
        ("runs", "undo") => "take back what a run did",
        ("directories", _) => "change a directory",
        ("users", "end") | ("sessions" | "elevations", _) => "end a session",
        ("users", "password") => "set somebody's password",
        ("users", "unlink") => "unlink an identity",
        ("users", "permit" | "revoke") => "change leave to add a second factor",
        ("users", _) => "change a user with privileges",
        ("groups", _) => "change a group that carries a role",
        _ => "change something sensitive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_kept_and_read_without_its_mark() {
        for (sent, rest, mark) in [
            ("a=b&__form=k%3Ax&c=d", "a=b&c=d", Some("k:x")),
            ("__resume=1&__form=k", "__resume=1", Some("k")),
            ("%5F_form=k&a=__form", "a=__form", Some("k")),
            ("a=b", "a=b", None),
            ("", "", None),
        ] {
            let (bytes, found) = unmarked(&Bytes::from(sent));
            assert_eq!(
                (&bytes[..], found.as_deref()),
                (rest.as_bytes(), mark),
                "{sent}"
            );
        }
        let garbled = Bytes::from_static(b"a=\xff&__form=k");
        assert_eq!(unmarked(&garbled), (garbled.clone(), None));
    }
}
