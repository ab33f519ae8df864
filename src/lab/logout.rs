//! Logout started by the application (OpenID Connect RP-Initiated Logout 1.0).

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use url::Url;

use crate::failure::Failure;
use crate::id_token::read_own;
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::sign_in;
use crate::world::Lab;

pub(crate) async fn by_query(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    log_out(&lab, &slug, &headers, query.unwrap_or_default().as_bytes())
}

pub(crate) async fn by_form(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    log_out(&lab, &slug, &headers, &body)
}

/// With an ID token of this browser's session as a hint the session ends at once; otherwise
/// the person is asked, because any page could have sent the browser here.
fn log_out(
    lab: &Lab,
    slug: &str,
    headers: &HeaderMap,
    encoded: &[u8],
) -> Result<Response, Failure> {
    let provider = lab
        .provider(slug)
        .ok_or_else(|| Failure::unknown_provider(slug))?;
    let sent = Parameters::parse(encoded)?;
    let session = sign_in::session(lab, provider, headers);
    let hint = hinted(lab, provider, &sent)?;
    let target = target(lab, &sent, hint.is_some())?;
    let hint_fits = match (&session, &hint) {
        (None, _) => true,
        (Some(session), Some(claims)) => claims.get("sid") == Some(&json!(session.sid)),
        (Some(_), None) => false,
    };
    if !hint_fits && sent.get("confirm") != Some("yes") {
        return Ok(pages::confirm_logout(provider, &sent).into_response());
    }
    sign_in::end(lab, provider, headers);
    Ok(match target {
        Some(target) => Redirect::to(target.as_str()).into_response(),
        None => pages::logged_out(provider).into_response(),
    })
}

fn hinted(lab: &Lab, provider: &Provider, sent: &Parameters) -> Result<Option<Value>, Failure> {
    let Some(token) = sent.get("id_token_hint") else {
        return Ok(None);
    };
    let claims = provider
        .with_keys(|keys| Ok(read_own(keys, token)))?
        .filter(|claims| claims.get("aud") == Some(&json!(lab.options().client_id)));
    let text = "The id_token_hint is not a token of this provider for this client.";
    claims.map(Some).ok_or_else(|| refusal(text))
}

fn target(lab: &Lab, sent: &Parameters, has_hint: bool) -> Result<Option<Url>, Failure> {
    let Some(address) = sent.get("post_logout_redirect_uri") else {
        return Ok(None);
    };
    if !has_hint && sent.get("client_id") != Some(lab.options().client_id.as_str()) {
        let text = "A post_logout_redirect_uri needs an id_token_hint or the client_id with it.";
        return Err(refusal(text));
    }
    let allowed = Url::parse(address).ok();
    let mut target = allowed
        .filter(|target| lab.options().redirects.allows(target))
        .ok_or_else(|| refusal("The post_logout_redirect_uri is not on this machine."))?;
    if let Some(state) = sent.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok(Some(target))
}

fn refusal(text: &str) -> Failure {
    Failure::Page(StatusCode::BAD_REQUEST, text.to_owned())
}
