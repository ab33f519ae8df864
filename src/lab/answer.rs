//! The authorization response: the browser goes back with a code or an error.

use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use url::Url;

use crate::failure::Failure;
use crate::provider::{Grant, Provider, Session};
use crate::request::{AuthorizationRequest, Fault};
use crate::tamper::{Stage, Tamper};
use crate::world::Lab;

/// How long a code may wait for its exchange.
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// A description that shows whether an application escapes what it displays.
const HTML: &str = r#"<img src=x onerror="alert(1)"><b>Down for maintenance</b>"#;

/// Sends the browser back with a code for `session`.
pub(crate) fn succeed(
    lab: &Lab,
    provider: &Provider,
    request: &AuthorizationRequest,
    session: Session,
) -> Response {
    let tamper = provider.tamper(Stage::AuthorizationResponse);
    let error = match tamper {
        Some(Tamper::ErrorAccessDenied) => Some("access_denied"),
        Some(Tamper::ErrorLoginRequired) => Some("login_required"),
        Some(Tamper::ErrorTemporarilyUnavailable) => Some("temporarily_unavailable"),
        _ => None,
    };
    if let Some(error) = error {
        let (target, state) = (&request.redirect_uri, request.state.as_deref());
        return refuse(provider, target, state, error, HTML);
    }
    let code = lab.random();
    let grant = Grant {
        session,
        request: request.clone(),
        spent: None,
    };
    let now = lab.now();
    provider
        .codes
        .put(code.clone(), grant, now, now + CODE_LIFETIME);
    let state = match tamper {
        Some(Tamper::WrongState) => Some("not-the-state-that-was-sent"),
        Some(Tamper::MissingState) => None,
        _ => request.state.as_deref(),
    };
    let issuer = match tamper {
        Some(Tamper::OmitIss) => None,
        Some(Tamper::WrongIss) => Some("http://other-issuer.example"),
        _ => Some(provider.issuer.as_str()),
    };
    let fields = [
        ("code", Some(code.as_str())),
        ("state", state),
        ("iss", issuer),
    ];
    back(&request.redirect_uri, &fields)
}

/// Sends the browser back with an error.
pub(crate) fn refuse(
    provider: &Provider,
    redirect_uri: &Url,
    state: Option<&str>,
    error: &str,
    description: &str,
) -> Response {
    let fields = [
        ("error", Some(error)),
        ("error_description", Some(description)),
        ("state", state),
        ("iss", Some(provider.issuer.as_str())),
    ];
    back(redirect_uri, &fields)
}

/// Answers a request that could not be read.
pub(crate) fn fault(provider: &Provider, fault: Fault) -> Response {
    match fault {
        Fault::Untrusted(text) => {
            Failure::Page(axum::http::StatusCode::BAD_REQUEST, text).into_response()
        }
        Fault::Refused {
            redirect_uri,
            state,
            error,
            description,
        } => refuse(
            provider,
            &redirect_uri,
            state.as_deref(),
            error,
            &description,
        ),
    }
}

fn back(redirect_uri: &Url, fields: &[(&str, Option<&str>)]) -> Response {
    let mut target = redirect_uri.clone();
    for (name, value) in fields {
        if let Some(value) = value {
            target.query_pairs_mut().append_pair(name, value);
        }
    }
    Redirect::to(target.as_str()).into_response()
}
