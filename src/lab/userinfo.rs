//! The userinfo endpoint (OIDC Core 5.3): claims for an access token in the header.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::tamper::{Stage, Tamper};
use crate::world::Lab;

/// `GET` and `POST /{provider}/userinfo`
pub(crate) async fn show(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let provider = lab
        .provider(&slug)
        .ok_or_else(|| Failure::unknown_provider(&slug))?;
    let token = bearer(&headers).ok_or(Failure::Bearer)?;
    let access = provider
        .access
        .get(token, lab.now())
        .ok_or(Failure::Bearer)?;
    let mut claims = access.person.claims(&access.scopes);
    let subject = match provider.tamper(Stage::Userinfo) {
        Some(Tamper::UserinfoMissingSubject) => None,
        Some(Tamper::UserinfoOtherSubject) => Some(lab.somebody_else(&access.person)),
        _ => Some(access.person.id),
    };
    if let Some(subject) = subject {
        claims.insert("sub".to_owned(), json!(subject));
    }
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(Value::Object(claims))).into_response())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
